//! The table against real `DynamoDB` protocol servers: every operation, every race, every fault.
//!
//! The rules run against the embedded part and two independent implementations; faults, the cache and the counting against the embedded one.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::large_futures,
        clippy::print_stdout,
        unreachable_pub,
        missing_docs,
        reason = "a test may fail loudly"
    )
)]

use std::{any::type_name, future::Future, pin::Pin, time::Instant};

use stores::Store;

mod access;
mod ages;
mod clones;
mod connections;
mod copies;
mod costs;
mod curation;
mod example;
#[path = "../support/faults.rs"]
mod faults;
mod grants;
mod groups;
mod invitations;
mod link_sets;
mod links;
mod losses;
mod notices;
mod offers;
mod openings;
mod passes;
mod people;
mod places;
mod projects;
mod promoting;
mod reaching;
mod stores;
mod sync;
mod users;

type Run = Box<dyn Fn(Store) -> Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A rule by the name of its function.
fn rule<F, A>(run: F) -> (&'static str, Run)
where
    F: Fn(Store) -> A + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    (type_name::<F>(), Box::new(move |store| Box::pin(run(store))))
}

fn rules() -> Vec<(&'static str, Run)> {
    vec![
        rule(links::a_link_is_found_by_its_key_and_its_id_at_once),
        rule(links::the_same_request_meets_the_same_link),
        rule(links::an_ended_link_is_followed_by_a_new_one),
        rule(links::a_link_is_made_on_what_was_seen),
        rule(links::an_edit_changes_what_it_says_and_counts_the_version),
        rule(links::an_edit_after_a_revoke_changes_nothing),
        rule(links::late_and_repeated_writes_never_undo_a_revoke),
        rule(links::revoking_all_is_one_write_and_ends_every_link),
        rule(links::lists_are_newest_first_and_whole),
        rule(links::every_accepted_write_is_audited_once),
        rule(links::no_key_and_no_token_lies_in_the_table),
        rule(links::a_write_needs_its_own_permit),
        rule(links::a_code_stands_for_its_links_key_for_good),
        rule(passes::a_links_password_is_the_one_that_it_names),
        rule(passes::a_pass_opens_its_link_until_the_password_changes),
        rule(passes::a_budget_that_was_spent_is_noted_beside_the_version_and_only_later),
        rule(access::a_flag_nobody_knows_is_never_a_yes),
        rule(access::a_missing_row_is_never_a_yes),
        rule(places::a_source_changes_by_version),
        rule(places::the_panic_switch_turns_every_source_off),
        rule(places::nothing_comes_in_between_unseen),
        rule(places::nothing_comes_above_the_nearest_unseen),
        rule(places::datasets_are_found_by_path_and_listed),
        rule(users::a_token_opens_until_it_is_revoked),
        rule(users::a_deployment_is_founded_once),
        rule(places::a_restricted_dataset_is_cut_out_of_all_that_hold_it),
        rule(places::what_is_registered_above_a_restricted_dataset_does_not_open_it),
        rule(places::a_restriction_rests_on_what_the_right_to_it_rests_on),
        rule(offers::a_dataset_goes_to_whoever_accepts_it_with_its_place_in_the_list),
        rule(offers::an_offer_is_accepted_on_what_was_seen),
        rule(offers::an_offer_ends_and_another_takes_its_place),
        rule(clones::a_clone_is_made_and_changed_and_retired),
        rule(clones::a_clone_is_read_as_its_original),
        rule(curation::a_mark_is_asked_for_and_set_and_lifted),
        rule(curation::a_mark_is_set_on_what_was_seen),
        rule(curation::marks_are_listed_from_all_their_partitions),
        rule(openings::an_opening_is_asked_for_and_approved),
        rule(openings::an_opening_is_approved_on_what_was_seen),
        rule(openings::an_opening_whose_asker_lost_the_right_is_in_nobodys_way),
        rule(places::a_retired_dataset_frees_its_place_and_opens_nothing),
        rule(places::levels_are_kept_as_they_were_read),
        rule(places::a_strict_dataset_says_so_to_readers_of_every_age),
        rule(users::nobody_makes_a_token_for_somebody_else),
        rule(reaching::a_dataset_is_reached_by_links_above_that_lead_to_it),
        rule(reaching::what_is_open_to_everybody_is_listed_from_all_its_partitions),
        rule(users::what_is_shown_once_is_made_once_for_a_key),
        rule(users::a_code_is_redeemed_once),
        rule(users::nobody_suspends_oneself),
        rule(link_sets::nothing_is_given_on_any_where_one_changed),
        rule(copies::a_copy_becomes_a_dataset_when_it_is_done_and_not_before),
        rule(copies::how_far_a_copy_is_says_whoever_took_it_last),
        rule(copies::a_copy_that_ends_undone_frees_its_place_and_makes_room),
        rule(users::no_two_have_one_name),
        rule(users::terms_are_accepted_once_beside_whatever_changes_the_account),
        rule(grants::a_grant_counts_its_changes),
        rule(grants::a_late_copy_of_a_give_raises_nothing),
        rule(grants::a_give_rests_on_what_the_giver_has),
        rule(grants::a_group_s_grant_is_changed_by_its_members),
        rule(grants::a_publication_link_is_widened_by_who_still_administers),
        rule(grants::a_link_is_widened_by_the_right_that_its_maker_has_now),
        rule(grants::a_paused_link_is_resumed_by_the_right_that_its_maker_has_now),
        rule(grants::a_give_that_is_sent_twice_is_one),
        rule(grants::a_link_rests_on_each_of_its_makers_grants_from_where_it_holds),
        rule(sync::late_and_repeated_words_of_a_directory_change_nothing),
        rule(sync::a_synced_group_lets_in_while_its_directory_speaks),
        rule(sync::whoever_signs_in_is_in_the_groups_that_the_provider_names),
        rule(grants::a_dataset_is_granted_to_sixteen_groups_at_the_most),
        rule(grants::nobody_who_is_not_there_is_given_anything),
        rule(grants::a_grant_is_given_up_by_whom_it_is_for_and_nobody_else),
        rule(grants::what_cannot_be_read_lets_nobody_in),
        rule(invitations::an_invitation_becomes_a_grant_once_or_not_at_all),
        rule(invitations::an_invitation_to_a_person_is_accepted_once_by_that_person),
        rule(invitations::an_invitation_into_a_project_is_met_by_who_manages_it_still),
        rule(invitations::what_a_mail_asks_is_kept_once_and_until_it_ends),
        rule(promoting::a_review_link_is_promoted_once_and_rests_on_its_dataset),
        rule(promoting::what_was_revoked_is_not_promoted),
        rule(promoting::a_revoke_says_what_the_link_had_become),
        rule(promoting::a_link_is_promoted_and_made_by_who_still_administers),
        rule(connections::a_connection_lies_under_both_and_is_asked_for_again),
        rule(connections::a_connection_is_accepted_on_what_was_seen),
        rule(connections::what_two_people_are_named_in_connects_them_while_it_lasts),
        rule(projects::a_project_is_made_once_and_keeps_the_names_that_it_had),
        rule(projects::people_come_and_go_and_one_manages_always),
        rule(projects::a_late_copy_of_a_change_of_members_changes_nothing),
        rule(projects::each_of_a_hundred_is_listed_once),
        rule(projects::a_dataset_is_in_one_project_and_on_one_list),
        rule(projects::what_a_member_has_is_what_the_policy_says_now),
        rule(projects::a_grant_to_a_project_is_another_thing_than_being_in_it),
        rule(projects::what_a_manager_gives_rests_on_being_one),
        rule(projects::a_managers_link_lives_as_long_as_he_is_one),
        rule(groups::a_group_is_made_once_by_its_name),
        rule(groups::members_come_and_go_and_come_again),
        rule(groups::somebody_s_groups_are_listed_newest_first),
        rule(groups::a_group_that_was_taken_out_lets_nobody_in),
        rule(notices::what_happens_tells_whom_it_concerns_once),
        rule(notices::a_notice_is_taken_by_one_at_a_time_and_told_for_good),
        rule(notices::notices_of_one_mail_go_together_or_not_at_all),
        rule(notices::a_notice_that_cannot_be_read_holds_up_no_other),
        rule(notices::a_person_says_how_to_be_told_and_an_address_lies_beside),
    ]
}

/// Rules about many at once, and about many in a row.
fn races() -> Vec<(&'static str, Run)> {
    vec![
        rule(links::equal_creates_at_once_make_one_link),
        rule(links::of_edits_at_once_one_wins_each_version),
        rule(links::the_first_revoke_stays),
        rule(links::an_idempotency_key_meets_what_it_did),
        rule(promoting::of_promotions_at_once_one_is_done),
        rule(places::a_source_has_its_name_and_its_keys_alone),
        rule(places::the_policy_binds_every_source),
        rule(places::a_path_is_one_dataset),
        rule(places::whatever_is_registered_and_restricted_at_once_no_cut_is_left_out),
        rule(places::a_registration_that_stopped_goes_on_where_it_stood),
        rule(places::equal_requests_at_once_change_a_dataset_once),
        rule(places::whatever_is_retired_at_once_nothing_lies_in_what_is_gone),
        rule(offers::an_offer_is_taken_back_or_accepted_and_never_both),
        rule(curation::of_two_answers_at_once_one_counts),
        rule(openings::an_opening_is_approved_or_taken_back_and_never_both),
        rule(invitations::an_invitation_is_accepted_or_taken_back_and_never_both),
        rule(connections::of_what_two_people_do_at_once_one_counts),
        rule(connections::requests_and_connections_of_one_person_are_bounded),
        rule(passes::however_many_ask_at_once_no_more_passes_are_given_than_the_link_gives),
        rule(passes::however_many_try_at_once_no_more_are_taken_than_may_be),
        rule(users::of_a_request_that_is_sent_twice_at_once_one_secret_comes),
        rule(users::of_two_who_redeem_a_code_at_once_one_signs_in),
        rule(grants::of_two_who_give_at_once_one_does),
        rule(link_sets::beside_a_set_nothing_is_given_that_goes_together),
        rule(link_sets::a_set_that_is_asked_for_twice_is_made_once),
        rule(projects::of_two_managers_who_leave_at_once_one_stays),
        rule(groups::of_equal_names_at_once_one_is_made),
        rule(notices::of_two_who_take_a_notice_at_once_one_has_it),
        rule(notices::the_end_of_a_link_is_told_once_however_many_look),
        rule(copies::of_two_who_take_a_copy_at_once_one_has_it),
        rule(groups::each_of_three_hundred_is_listed_once),
        rule(link_sets::forty_datasets_are_given_and_taken_in_one_write),
        rule(places::a_dataset_names_all_that_hold_it_whatever_was_registered_first),
        rule(links::create_show_revoke_in_a_tight_loop_never_misses),
    ]
}

/// Runs every rule, each on a table of its own, and names those that broke.
async fn keeps(store: Store, rules: Vec<(&'static str, Run)>) {
    let mut broken = Vec::new();
    for (name, run) in rules {
        let begun = Instant::now();
        let kept = tokio::spawn(run(store.clone())).await.is_ok();
        println!("{} {name} {:?} on {}", if kept { "kept  " } else { "BROKEN" }, begun.elapsed(), store.name);
        if !kept {
            broken.push(name);
        }
    }
    assert!(broken.is_empty(), "{} broke on {}: {broken:#?}", broken.len(), store.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_part_keeps_every_rule() {
    keeps(Store::embedded().await, rules().into_iter().chain(races()).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_keeps_every_rule() {
    let (store, _until_here) = Store::ministack();
    keeps(store, rules().into_iter().chain(races()).collect()).await;
}

/// moto copies the whole table before each part of a transaction, and puts the copy back when it cancels one: it loses what others wrote
/// meanwhile, and slows with every item. So it judges what one writer sees of a few items, and no race.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_rule_of_one_writer() {
    let (store, _until_here) = Store::moto();
    keeps(store, rules()).await;
}
