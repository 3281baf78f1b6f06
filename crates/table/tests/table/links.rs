//! Rules of links.

use std::collections::HashSet;

use domain::{
    code::Code,
    decision::Action,
    grant::Zones,
    id::UserId,
    key::{KeyHash, LinkKey},
    link::{Class, Edit, Link, LinkState, NewLink, Until},
    path::ObjectPath,
    rights::Role,
};
use futures_util::future::join_all;
use jiff::SignedDuration;
use table::{Page, TableError, links::Kept};

use crate::{
    example::{Deployment, ask, later, now, once, some_id},
    people::a_code,
    stores::Store,
};

pub async fn a_link_is_found_by_its_key_and_its_id_at_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let mut wanted = ask("exp #3 ü");
    wanted.subpath = ObjectPath::from_decoded("0/c").unwrap();
    wanted.options.not_before = Some(later(5));
    wanted.options.strict = true;
    wanted.options.until = Until::At(later(5_000));
    let (link, key) = deployment.new_link(wanted, now());
    let inserted = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap();
    assert_eq!((&inserted.link, inserted.existing), (&link, false));
    let facts = deployment.table.link_facts(key.hash(), now()).await.unwrap().unwrap();
    assert_eq!((&facts.link, &facts.place, &facts.maker), (&link, &deployment.place, &deployment.user));
    assert_eq!(facts.tombstone, None);
    assert_eq!(deployment.table.link_by_id(link.id, deployment.user.id, now()).await.unwrap().as_ref(), Some(&facts));
    let (other, other_key) = deployment.new_link(ask("never made"), now());
    assert_eq!(deployment.table.link_facts(other_key.hash(), now()).await, Ok(None));
    assert_eq!(deployment.table.link_by_id(other.id, deployment.user.id, now()).await, Ok(None));
}

// L7
pub async fn the_same_request_meets_the_same_link(store: Store) {
    let deployment = Deployment::new(&store).await;
    let insert = async |wanted, at| {
        let (link, _) = deployment.new_link(wanted, at);
        deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap()
    };
    let first = insert(ask("a"), now()).await;
    let again = insert(ask("a"), later(86_400)).await;
    assert_eq!((again.link.id, again.existing), (first.link.id, true), "30 days asked on another day is the same");
    let facts = deployment.facts(&first.link).await;
    deployment.pause(&facts, false).await.unwrap();
    let paused = insert(ask("a"), now()).await;
    assert_eq!((paused.link.id, paused.existing, paused.link.enabled), (first.link.id, true, false), "a paused link is the same link");
    let mut others = HashSet::from([first.link.id]);
    let mut asks = vec![ask("b")];
    asks.extend((0..12).map(|_| ask("a")));
    asks[6].options.role = Role::View;
    asks[7].options.zones = Zones::parse(&["192.0.2.0/24"]).unwrap();
    asks[8].options.zones = Zones::parse(&["192.0.2.0/24"]).unwrap();
    asks[8].options.hard_zones = true;
    asks[9].options.hide_listing = true;
    asks[10].options.sessions_max = Some(2);
    asks[11].options.requests_per_second = Some(2);
    asks[12].options.bytes_per_day = Some(2);
    asks[1].options.until = Until::Days(31);
    asks[2].options.strict = true;
    asks[3].options.not_before = Some(later(1));
    asks[4].subpath = ObjectPath::from_decoded("0/").unwrap();
    asks[5].class = domain::link::Class::Event;
    for wanted in asks {
        let other = insert(wanted.clone(), now()).await;
        assert!(!other.existing && others.insert(other.link.id), "{wanted:?} is another request");
    }
    let edited = deployment.facts(&insert(ask("c"), now()).await.link).await;
    deployment.edit(&edited, Edit { label: Some("d".to_owned()), ..Edit::default() }).await.unwrap();
    let after_edit = insert(ask("c"), now()).await;
    assert!(!after_edit.existing, "a link that was edited is not what was asked for any more");
}

// L7
pub async fn an_ended_link_is_followed_by_a_new_one(store: Store) {
    let deployment = Deployment::new(&store).await;
    let insert = async |at| {
        let (link, _) = deployment.new_link(ask("a"), at);
        deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap()
    };
    let first = insert(now()).await.link;
    deployment.revoke(&deployment.facts(&first).await).await;
    let second = insert(now()).await;
    assert!(!second.existing && second.link.id != first.id && second.link.hash != first.hash, "a new link, with a new key");
    assert_eq!(insert(now()).await.link.id, second.link.id);
    let past_its_end = later(31 * 86_400);
    let third = insert(past_its_end).await;
    assert!(!third.existing && third.link.id != second.link.id, "an expired link has ended");
    let (old, new) = (deployment.facts(&first).await, deployment.facts(&third.link).await);
    assert_eq!((old.state(now()), new.state(past_its_end)), (LinkState::Revoked, LinkState::Live));
}

// L7
pub async fn equal_creates_at_once_make_one_link(store: Store) {
    let deployment = Deployment::new(&store).await;
    let links: Vec<_> = (0..20).map(|_| deployment.new_link(ask("same"), now()).0).collect();
    let permit = deployment.share();
    let seen = deployment.seen();
    let all = join_all(links.iter().map(|link| deployment.table.insert_link(&permit, link, &seen, None))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    let ids: HashSet<_> = all.iter().map(|inserted| inserted.link.id).collect();
    assert_eq!(ids.len(), 1, "one link");
    assert_eq!(all.iter().filter(|inserted| !inserted.existing).count(), 1, "made once");
    let listed = deployment.table.links_of_dataset(deployment.place.dataset.id, &Page::default(), now()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(deployment.audited("link.create", all[0].link.id).await, 1);
}

pub async fn a_link_is_made_on_what_was_seen(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (link, key) = deployment.new_link(ask("a"), now());
    let narrower = domain::source::Source {
        ceilings: domain::source::Ceilings {
            audience: domain::source::Audience::Named,
            link_days_max: Some(1),
            zones: domain::grant::Zones::default(),
            hard_zones: false,
            terms: None,
        },
        ..deployment.place.source.clone()
    };
    let permit = deployment.administer();
    deployment.table.edit_source(&permit, &deployment.place.source, &narrower, None, None, now()).await.unwrap();
    let stale = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await;
    assert_eq!(stale, Err(TableError::Stale), "the source's ceiling fell after the decision");
    assert_eq!(deployment.table.link_facts(key.hash(), now()).await, Ok(None), "nothing was written");
    assert_eq!(deployment.table.link_by_id(link.id, deployment.user.id, now()).await, Ok(None), "nothing was written");
}

pub async fn an_edit_changes_what_it_says_and_counts_the_version(store: Store) {
    let deployment = Deployment::new(&store).await;
    let facts = deployment.link(ask("a")).await;
    let edit = Edit {
        label: Some("b".to_owned()),
        until: Some(Until::Never),
        not_before: Some(Some(later(9))),
        strict: Some(true),
        ..Edit::default()
    };
    let plain = Edit { until: Some(Until::Days(7)), ..edit.clone() };
    let edited = deployment.edit(&facts, plain).await.unwrap();
    assert_eq!((edited.version, edited.options.label.as_str(), edited.options.strict), (2, "b", true));
    assert_eq!((edited.until, edited.options.until), (Some(now() + SignedDuration::from_hours(7 * 24)), Until::Days(7)));
    let seen = deployment.facts(&edited).await;
    assert_eq!(seen.link, edited, "what was answered is what is there");
    assert_eq!((seen.link.hash, seen.link.epoch), (facts.link.hash, facts.link.epoch), "the URL stays (L2)");
    // P9
    let paused = deployment.pause(&seen, false).await.unwrap();
    assert_eq!(deployment.facts(&edited).await.state(now()), LinkState::Paused);
    let resumed = deployment.pause(&deployment.facts(&paused).await, true).await.unwrap();
    assert_eq!(Link { version: 2, ..resumed.clone() }, edited, "pause and resume restore exactly");
    let opened = deployment.facts(&resumed).await;
    let unbounded = deployment.edit(&opened, Edit { not_before: Some(None), strict: Some(false), ..Edit::default() }).await.unwrap();
    assert_eq!((unbounded.options.not_before, unbounded.version), (None, 5));
    assert_eq!(deployment.facts(&unbounded).await.link, unbounded);
    assert_eq!(deployment.edit(&seen, Edit { label: Some("late".to_owned()), ..Edit::default() }).await, Err(TableError::Stale));
    // L11: every option there and back.
    let zones = Zones::parse(&["192.0.2.0/24", "2001:db8::/32"]).unwrap();
    let closed =
        Edit { role: Some(Role::Preview), zones: Some(zones.clone()), hard_zones: Some(true), hide_listing: Some(true), ..Edit::default() };
    let closed = deployment.edit(&deployment.facts(&unbounded).await, closed).await.unwrap();
    let there = deployment.facts(&closed).await;
    assert_eq!(there.link, closed);
    assert_eq!((&there.link.options.zones, there.link.options.role), (&zones, Role::Preview));
    assert!(there.link.options.hard_zones && there.link.options.hide_listing);
    let needs = deployment.attribute(&there.link, "needs").await;
    assert_eq!(needs, ["role", "zones", "hard-zones", "hidden-listing"], "who does not know these says no");
    let open = Edit {
        role: Some(Role::Download),
        zones: Some(Zones::EVERYWHERE),
        hard_zones: Some(false),
        hide_listing: Some(false),
        ..Edit::default()
    };
    let unbounded = deployment.edit(&there, open).await.unwrap();
    assert_eq!(deployment.attribute(&unbounded, "needs").await, Vec::<String>::new());
    let same = deployment.facts(&unbounded).await;
    assert_eq!(deployment.edit(&same, Edit::default()).await.unwrap().version, 7, "nothing asked, nothing changed");
    assert_eq!(deployment.audited("link.edit", edited.id).await, 4);
    assert_eq!(deployment.audited("link.pause", edited.id).await, 1);
    assert_eq!(deployment.audited("link.resume", edited.id).await, 1);
}

pub async fn of_edits_at_once_one_wins_each_version(store: Store) {
    let deployment = Deployment::new(&store).await;
    let mut facts = deployment.link(ask("a")).await;
    for round in 1..=3_u64 {
        let edits = (0..20).map(|number| Edit { label: Some(format!("{round}-{number}")), ..Edit::default() });
        let all = join_all(edits.map(|edit| deployment.edit(&facts, edit))).await;
        let won: Vec<_> = all.iter().filter_map(|edited| edited.as_ref().ok()).collect();
        assert_eq!(won.len(), 1, "one of twenty: {all:?}");
        assert!(all.iter().all(|edited| edited.is_ok() || *edited == Err(TableError::Stale)), "{all:?}");
        facts = deployment.facts(&facts.link).await;
        assert_eq!((&facts.link, facts.link.version), (won[0], round + 1));
    }
    assert_eq!(deployment.audited("link.edit", facts.link.id).await, 3);
}

// SEMANTICS 5
pub async fn an_edit_after_a_revoke_changes_nothing(store: Store) {
    let deployment = Deployment::new(&store).await;
    let facts = deployment.link(ask("a")).await;
    deployment.revoke(&facts).await;
    let late = deployment.edit(&facts, Edit { until: Some(Until::Days(300)), ..Edit::default() }).await;
    assert_eq!(late, Err(TableError::Stale));
    assert_eq!(deployment.pause(&facts, false).await, Err(TableError::Stale));
    let after = deployment.facts(&facts.link).await;
    assert_eq!(after.state(now()), LinkState::Revoked);
    assert_eq!(after.link, facts.link, "the late edits changed nothing");
}

// SEMANTICS 5; ACCESS 11.3
pub async fn late_and_repeated_writes_never_undo_a_revoke(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (link, _) = deployment.new_link(ask("a"), now());
    let once = once("create", 1);
    deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&once)).await.unwrap();
    let facts = deployment.facts(&link).await;
    deployment.revoke(&facts).await;
    let revoked = deployment.facts(&link).await;
    for _ in 0..3 {
        let replayed = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&once)).await.unwrap();
        assert_eq!((replayed.link.id, replayed.existing), (link.id, true), "the replay meets what it did");
        let late = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await;
        assert_eq!(late, Err(TableError::Exists { what: "a link of this id" }), "the same link is never made twice");
        assert_eq!(deployment.edit(&facts, Edit { strict: Some(true), ..Edit::default() }).await, Err(TableError::Stale));
        deployment.revoke(&facts).await;
        assert_eq!(deployment.facts(&link).await, revoked);
    }
}

// SEMANTICS 5
pub async fn the_first_revoke_stays(store: Store) {
    let deployment = Deployment::new(&store).await;
    let facts = deployment.link(ask("a")).await;
    let permit = deployment.on(Action::Narrow, &facts);
    let first = deployment.tombstone(later(1), "first");
    let revoked = deployment.table.revoke(&permit, &facts, &first).await.unwrap();
    assert_eq!((&revoked.tombstone, revoked.existing), (&first, false));
    let second = deployment.table.revoke(&permit, &facts, &deployment.tombstone(later(2), "second")).await.unwrap();
    assert_eq!((&second.tombstone, second.existing), (&first, true));
    assert_eq!(deployment.facts(&facts.link).await.tombstone, Some(first));
    assert_eq!(deployment.audited("link.revoke", facts.link.id).await, 1);
    let others = deployment.link(ask("b")).await;
    let permit = deployment.on(Action::Narrow, &others);
    let tombstones: Vec<_> = (0..20).map(|number| deployment.tombstone(later(number), "race")).collect();
    let all = join_all(tombstones.iter().map(|tombstone| deployment.table.revoke(&permit, &others, tombstone))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|revoked| !revoked.existing).count(), 1);
    assert!(all.iter().all(|revoked| revoked.tombstone == all[0].tombstone), "everybody is told of the same one");
}

pub async fn revoking_all_is_one_write_and_ends_every_link(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (one, other) = (deployment.link(ask("a")).await, deployment.link(ask("b")).await);
    let permit = deployment.permit(Action::RevokeAll, &deployment.about(&deployment.place));
    let revoke_all = async || deployment.table.revoke_all(&permit, &deployment.place, Some("moved"), None, now()).await;
    assert_eq!(revoke_all().await, Ok(1));
    for facts in [&one, &other] {
        assert_eq!(deployment.facts(&facts.link).await.state(now()), LinkState::Revoked);
    }
    assert_eq!(revoke_all().await, Ok(1), "what was to be revoked is");
    let (late, _) = deployment.new_link(ask("a"), now());
    let stale = deployment.table.insert_link(&deployment.share(), &late, &deployment.seen(), None).await;
    assert_eq!(stale, Err(TableError::Stale), "no link under the old number");
    let seen = deployment.table.place(deployment.place.dataset.id).await.unwrap().unwrap();
    assert_eq!((seen.dataset.links_gen, seen.dataset.version), (1, 2));
    let mut fresh = deployment.through(&deployment.table);
    fresh.place = seen;
    let new = fresh.link(ask("a")).await;
    assert_eq!((new.state(now()), new.link.links_gen), (LinkState::Live, 1));
    assert_eq!(deployment.audited("dataset.revoke-all", deployment.place.dataset.id).await, 1);
}

// SEMANTICS 6
pub async fn an_idempotency_key_meets_what_it_did(store: Store) {
    let deployment = Deployment::new(&store).await;
    let insert = async |label: &str, once, at| {
        let (link, _) = deployment.new_link(ask(label), at);
        deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&once)).await
    };
    let first = insert("a", once("k#1", 1), now()).await.unwrap();
    let again = insert("a", once("k#1", 1), now()).await.unwrap();
    assert_eq!((again.link.id, again.existing), (first.link.id, true));
    assert_eq!(insert("b", once("k#1", 2), now()).await, Err(TableError::Mismatch), "the same key for another request");
    let met = insert("a", once("k#2", 1), now()).await.unwrap();
    assert_eq!((met.link.id, met.existing), (first.link.id, true));
    assert_eq!(insert("b", once("k#2", 2), now()).await, Err(TableError::Mismatch), "a key is used up by meeting a link too");
    let stranger = some_id(UserId::new);
    assert_eq!(deployment.table.once(stranger, &once("k#1", 1), now()).await, Ok(None), "keys are each user's own");
    assert_eq!(deployment.table.once(deployment.user.id, &once("k#1", 1), later(86_400)).await, Ok(Some(first.link.id.to_string())));
    assert_eq!(deployment.table.once(deployment.user.id, &once("k#1", 1), later(86_401)).await, Ok(None), "kept for 24 h");
    let after_a_day = insert("c", once("k#1", 3), later(86_401)).await.unwrap();
    assert!(!after_a_day.existing, "an item past its time does not hinder");

    let links: Vec<_> = (0..10).map(|number| deployment.new_link(ask(&format!("race {number}")), now()).0).collect();
    let (permit, key) = (deployment.share(), once("race", 9));
    let seen = deployment.seen();
    let all = join_all(links.iter().map(|link| deployment.table.insert_link(&permit, link, &seen, Some(&key)))).await;
    let ids: HashSet<_> = all.into_iter().map(|inserted| inserted.unwrap().link.id).collect();
    assert_eq!(ids.len(), 1, "one key, one effect");

    let facts = deployment.facts(&first.link).await;
    let permit = deployment.on(Action::Share, &facts);
    let after = facts.link.edited(&facts.place, Edit { label: Some("z".to_owned()), ..Edit::default() }, now()).unwrap();
    for _ in 0..2 {
        let edited = deployment.table.edit_link(&permit, &facts, &after, Some(&once("edit", 1)), now()).await.unwrap();
        assert_eq!((edited.version, edited.options.label.as_str()), (2, "z"));
    }
    assert_eq!(deployment.table.edit_link(&permit, &facts, &after, Some(&once("edit", 2)), now()).await, Err(TableError::Mismatch));
}

pub async fn lists_are_newest_first_and_whole(store: Store) {
    let deployment = Deployment::new(&store).await;
    let mut made = Vec::new();
    for number in 0..7 {
        let (link, _) = deployment.new_link(ask(&format!("link {number}")), later(number));
        made.push(deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap().link);
    }
    deployment.revoke(&deployment.facts(&made[2]).await).await;
    made.reverse();
    let wanted: Vec<_> = made.iter().map(|link| link.id).collect();
    let (mut by_dataset, mut by_maker) = (Vec::new(), Vec::new());
    let mut page = Page { position: None, items_max: 3 };
    loop {
        let listed = deployment.table.links_of_dataset(deployment.place.dataset.id, &page, now()).await.unwrap();
        assert!(listed.items.len() <= 3);
        by_dataset.extend(listed.items);
        page.position = listed.next;
        if page.position.is_none() {
            break;
        }
    }
    page = Page { position: None, items_max: 2 };
    loop {
        let listed = deployment.table.links_of_maker(deployment.user.id, &page, now()).await.unwrap();
        by_maker.extend(listed.items);
        page.position = listed.next;
        if page.position.is_none() {
            break;
        }
    }
    for listed in [by_dataset, by_maker] {
        assert_eq!(listed.iter().map(|facts| facts.link.id).collect::<Vec<_>>(), wanted);
        for facts in listed {
            assert_eq!(deployment.facts(&facts.link).await, facts, "a list shows what the table says");
        }
    }
    for odd in ["", "x", "L#1#2", "D#000000000000000#x", "L#002000000000000#d"] {
        let page = Page { position: Some(odd.to_owned()), items_max: 3 };
        let refused = deployment.table.links_of_maker(deployment.user.id, &page, now()).await;
        assert_eq!(refused.map(|listed| listed.items), Err(TableError::Position), "{odd}");
    }
    let nobody = deployment.table.links_of_maker(some_id(UserId::new), &Page::default(), now()).await.unwrap();
    assert_eq!((nobody.items, nobody.next), (Vec::new(), None));
}

// P18
pub async fn every_accepted_write_is_audited_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let facts = deployment.link(ask("a")).await;
    let edited = deployment.edit(&facts, Edit { label: Some("b".to_owned()), ..Edit::default() }).await.unwrap();
    deployment.edit(&facts, Edit { label: Some("c".to_owned()), ..Edit::default() }).await.unwrap_err();
    deployment.revoke(&deployment.facts(&edited).await).await;
    deployment.revoke(&deployment.facts(&edited).await).await;
    let entries = deployment.table.audit(now()).await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.verb.as_str(), entry.actor, entry.reason.as_deref())).collect();
    let by = deployment.user.id;
    let mut sorted = told.clone();
    sorted.sort_unstable();
    let mut wanted = vec![
        ("deployment.bootstrap", by, None),
        ("source.register", by, None),
        ("dataset.register", by, None),
        ("link.create", by, None),
        ("link.edit", by, None),
        ("link.revoke", by, Some("leaked")),
    ];
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    assert_eq!(told.last().map(|(verb, ..)| *verb), Some("link.revoke"), "entries are sorted by time");
    let edit = entries.iter().find(|entry| entry.verb == "link.edit").unwrap();
    assert!(
        edit.before.as_ref().unwrap().contains(r#""label":"a""#) && edit.after.as_ref().unwrap().contains(r#""label":"b""#),
        "{edit:?}"
    );
    assert_eq!(edit.at, now());
    assert_eq!(deployment.table.audit(later(-40 * 86_400)).await.unwrap(), Vec::new(), "a month is its own");
}

// Issue 2, 9.6: no answer may say that a link is absent which was just made.
pub async fn create_show_revoke_in_a_tight_loop_never_misses(store: Store) {
    let deployment = Deployment::new(&store).await;
    for number in 0..200 {
        let (link, key) = deployment.new_link(ask(&format!("loop {number}")), now());
        deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap();
        let shown = deployment.table.link_by_id(link.id, deployment.user.id, now()).await.unwrap().expect("by id");
        assert_eq!(deployment.table.link_facts(key.hash(), now()).await.unwrap().as_ref(), Some(&shown), "by key");
        assert_eq!(shown.state(now()), LinkState::Live);
        deployment.revoke(&shown).await;
        assert_eq!(
            deployment.table.link_by_id(link.id, deployment.user.id, now()).await.unwrap().expect("by id").state(now()),
            LinkState::Revoked
        );
    }
}

// SECURITY T1
pub async fn no_key_and_no_token_lies_in_the_table(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (link, key) = deployment.new_link(ask("a"), now());
    deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&once("k", 1))).await.unwrap();
    let facts = deployment.facts(&link).await;
    deployment.edit(&facts, Edit { label: Some("b".to_owned()), ..Edit::default() }).await.unwrap();
    deployment.revoke(&facts).await;
    let mut dump = Vec::new();
    let mut after = None;
    loop {
        let page = store.sdk().scan().table_name(&deployment.name).set_exclusive_start_key(after).send().await.unwrap();
        dump.push(format!("{:?}", page.items()));
        after = page.last_evaluated_key;
        if after.is_none() {
            break;
        }
    }
    let dump = dump.concat();
    assert!(dump.contains(&KeyHash::of(&key.reveal()).to_string()), "the dump holds the rows");
    assert!(!dump.contains(&key.reveal()), "the key");
    let token = deployment.secret.reveal();
    assert!(dump.contains(&KeyHash::of(&token).to_string()) && !dump.contains(token.trim_start_matches("offprint_")), "the token");
}

// STYLE 3.4
pub async fn a_write_needs_its_own_permit(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (one, other) = (deployment.link(ask("a")).await, deployment.link(ask("b")).await);
    let (link, _) = deployment.new_link(ask("c"), now());
    let table = &deployment.table;
    let elsewhere = deployment.permit(Action::Share, &deployment.about(&deployment.root));
    let (narrow, see) = (deployment.on(Action::Narrow, &one), deployment.on(Action::See, &one));
    let dataset = deployment.about(&deployment.place);
    let refused = Err(TableError::NotForThis);
    assert_eq!(table.insert_link(&elsewhere, &link, &deployment.seen(), None).await, refused, "to share another dataset");
    assert_eq!(table.insert_link(&deployment.administer(), &link, &deployment.seen(), None).await, Err(TableError::NotForThis));
    let wider = one.link.edited(&one.place, Edit { until: Some(Until::Days(300)), ..Edit::default() }, now()).unwrap();
    let narrower = one.link.edited(&one.place, Edit { until: Some(Until::Days(1)), ..Edit::default() }, now()).unwrap();
    assert_eq!(table.edit_link(&narrow, &one, &wider, None, now()).await, Err(TableError::NotForThis), "a narrowing that widens");
    assert_eq!(table.edit_link(&see, &one, &narrower, None, now()).await, Err(TableError::NotForThis));
    let other_permit = deployment.on(Action::Share, &other);
    assert_eq!(table.edit_link(&other_permit, &one, &narrower, None, now()).await, Err(TableError::NotForThis), "for another link");
    let another_key = Link { hash: other.link.hash, ..narrower.clone() };
    assert_eq!(
        table.edit_link(&narrow, &one, &another_key, None, now()).await,
        Err(TableError::NotForThis),
        "an edit of what never changes"
    );
    let tombstone = deployment.tombstone(now(), "x");
    assert_eq!(table.revoke(&see, &one, &tombstone).await, Err(TableError::NotForThis));
    assert_eq!(table.revoke(&narrow, &other, &tombstone).await, Err(TableError::NotForThis));
    let share = deployment.permit(Action::Share, &dataset);
    assert_eq!(table.revoke_all(&share, &deployment.place, None, None, now()).await, Err(TableError::NotForThis));
    assert_eq!(table.set_serving_all(&share, false, None, None, now()).await, Err(TableError::NotForThis));
    assert_eq!(table.insert_user(&share, &deployment.user, &a_code(&deployment.user), None, now()).await, Err(TableError::NotForThis));
    assert_eq!(table.insert_token(&share, &deployment.token, None, now()).await, Err(TableError::NotForThis));
    let source = &deployment.place.source;
    assert_eq!(table.edit_source(&share, source, source, None, None, now()).await, Err(TableError::NotForThis));
    assert!(table.edit_link(&narrow, &one, &narrower, None, now()).await.is_ok(), "and with the right one it goes");
}

// SEMANTICS 2: what is printed stands for the same link for good
pub async fn a_code_stands_for_its_links_key_for_good(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (code, other) = (Code::new([1, 2, 3, 4, 5]), Code::new([5, 4, 3, 2, 1]));
    let insert = async |link: &Link, key: Option<&LinkKey>| {
        let kept = Kept { password: None, key };
        deployment.table.insert_kept(&deployment.share(), link, kept, &deployment.seen(), None).await
    };
    let (link, key) = deployment.new_coded(ask("poster"), code);
    assert_eq!(deployment.table.key_of_code(code).await, Ok(None));
    let (stranger, strangers_key) = deployment.new_coded(ask("another"), code);
    for wrong in [None, Some(&strangers_key)] {
        assert_eq!(insert(&link, wrong).await, Err(TableError::NotForThis), "a code without the link's own key");
    }
    assert_eq!(insert(&link, Some(&key)).await.unwrap().link, link);
    assert_eq!(deployment.facts(&link).await.link.code, Some(code));
    assert_eq!(deployment.table.key_of_code(code).await, Ok(Some(key.clone())));
    // Another link with that code is none at all; the next round draws another.
    assert_eq!(insert(&stranger, Some(&strangers_key)).await, Err(TableError::Stale));
    assert_eq!(deployment.table.link_facts(strangers_key.hash(), now()).await, Ok(None));
    assert_eq!(insert(&Link { code: Some(other), ..stranger }, Some(&strangers_key)).await.unwrap().link.code, Some(other));
    // The same request meets the same link, with the code that it has; one without a code is another request.
    let (again, again_key) = deployment.new_coded(ask("poster"), Code::new([9; 5]));
    let met = insert(&again, Some(&again_key)).await.unwrap();
    assert_eq!((met.existing, met.link.code), (true, Some(code)));
    let (plain, _) = deployment.new_link(NewLink { class: Class::Event, ..ask("poster") }, now());
    assert!(!insert(&plain, None).await.unwrap().existing);
    let facts = deployment.facts(&link).await;
    deployment.pause(&facts, false).await.unwrap();
    deployment.revoke(&deployment.facts(&link).await).await;
    assert_eq!(deployment.table.key_of_code(code).await, Ok(Some(key)));
    assert_eq!(deployment.facts(&link).await.link.code, Some(code));
}
