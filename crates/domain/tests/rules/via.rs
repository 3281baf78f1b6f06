//! By what a person has a right: what a link or a ticket is told to look at first, ever after.

use domain::{
    dataset::{Dataset, Visibility},
    decision::{DatasetFacts, Through, Via, via, via_of},
    grant::{Conditions, Membership, Participation, Policy, ProjectRole, Subject},
    rights::{Right, Role},
    source::State,
    user::Standing,
};
use jiff::Timestamp;

use crate::model::{
    facts::{at, conditions, dataset_id, group_id, net, project_id, source_id, user_id},
    world::{From, GrantRow, LinkRow, ProjectRow, Terms, To, World, Zone},
    worlds::{gathered, given, live, plain},
};

/// Owns everything there is.
const OWNER: usize = 0;
/// Who has what is given.
const READER: usize = 1;

/// Two datasets, one in the other, with grants on the inner one.
fn world(grants: Vec<GrantRow>) -> World {
    let mut world = plain(2, &[("", OWNER), ("a/", OWNER)]);
    world.datasets[1].grants = grants;
    world
}

/// By what somebody reads the inner dataset, from the lab.
fn reads(world: &World, person: usize) -> Option<Via> {
    let DatasetFacts { place, reach, .. } = world.dataset_facts(1, Some(person));
    via(&world.user(person), &place, &reach, Right::Read, net(From::Lab), at(0))
}

fn on(dataset: usize, through: Through) -> Via {
    Via { on: dataset_id(dataset), through }
}

#[test]
fn an_owner_has_a_right_by_what_he_owns() {
    let mut world = world(Vec::new());
    assert_eq!((reads(&world, OWNER), reads(&world, READER)), (Some(on(1, Through::Person)), None));
    world.datasets[1].owner = READER;
    assert_eq!((reads(&world, OWNER), reads(&world, READER)), (Some(on(0, Through::Person)), Some(on(1, Through::Person))));
    world.people[READER].standing = Standing::Suspended;
    assert_eq!(reads(&world, READER), None);
    let DatasetFacts { place, reach, .. } = world.dataset_facts(1, Some(READER));
    let of = |person| via_of(user_id(person), &place, &reach, Right::Read, net(From::Lab), at(0));
    assert_eq!((of(READER), of(OWNER)), (Some(on(1, Through::Person)), None), "what was read is about the one and not the other");
}

#[test]
fn what_only_looks_as_if_it_lay_above_is_nobodys_way() {
    let world = world(Vec::new());
    let by = |change: fn(&mut domain::dataset::Dataset)| {
        let DatasetFacts { place, mut reach, .. } = world.dataset_facts(1, Some(READER));
        reach.above[0].dataset.owner = user_id(READER);
        change(&mut reach.above[0].dataset);
        via_of(user_id(READER), &place, &reach, Right::Read, net(From::Lab), at(0))
    };
    assert_eq!(by(|_as_it_is| {}), Some(on(0, Through::Person)));
    assert_eq!(by(|above| above.source = source_id(1)), None, "of another source");
    assert_eq!(by(|above| above.id = dataset_id(9)), None, "no ancestor");
}

#[test]
fn the_way_that_lasts_longest_is_named() {
    let until = |end: i64, row: GrantRow| GrantRow { terms: Terms { end: Some(end), ..Terms::NONE }, ..row };
    let by_name = || given(To::Person(READER), Role::View);
    let by_group = || given(To::Group(0), Role::View);
    let by_project = || given(To::Project(0), Role::View);
    let there = |grants| {
        let mut world = world(grants);
        world.groups = vec![gathered(OWNER, &[READER])];
        let role = ProjectRole::Member;
        world.projects = vec![ProjectRow { policy: Policy::FIRST, members: [(OWNER, ProjectRole::Manager), (READER, role)].into() }; 2];
        world
    };
    let (group, project) = (Through::Group(group_id(0)), Through::Project(project_id(0)));
    for (grants, want) in [
        (vec![by_name()], Some(Through::Person)),
        (vec![by_group()], Some(group)),
        (vec![by_project()], Some(project)),
        (vec![until(5, by_name()), by_group()], Some(group)),
        (vec![until(5, by_group()), until(4, by_name())], Some(group)),
        (vec![by_group(), until(5, by_name())], Some(group)),
        (vec![until(5, by_group()), until(6, by_project())], Some(project)),
        (vec![until(0, by_name()), by_group()], Some(group)),
        (vec![GrantRow { terms: Terms { zone: Zone::Six, ..Terms::NONE }, ..by_name() }, until(5, by_group())], Some(group)),
        (vec![given(To::Person(READER), Role::Preview)], None),
        (vec![GrantRow { active: false, ..by_name() }], None),
    ] {
        assert_eq!(reads(&there(grants.clone()), READER), want.map(|through| on(1, through)), "{grants:?}");
    }
    let mut policy = there(Vec::new());
    policy.datasets[1].project = Some(1);
    policy.datasets[1].visibility = Visibility::Project;
    assert_eq!(reads(&policy, READER), Some(on(1, Through::Policy(project_id(1)))));
    policy.datasets[1].grants = vec![by_group()];
    assert_eq!(reads(&policy, READER), Some(on(1, group)), "a grant before a policy, where both last");
    policy.datasets[1].grants = vec![until(5, by_group())];
    assert_eq!(reads(&policy, READER), Some(on(1, Through::Policy(project_id(1)))));
}

#[test]
fn what_everybody_has_is_no_way_of_ones_own() {
    for (visibility, to) in [(Visibility::Accounts, To::Accounts), (Visibility::World, To::World)] {
        let mut world = world(vec![given(to, Role::View)]);
        world.datasets[1].visibility = visibility;
        assert_eq!(reads(&world, READER), None, "{visibility:?}");
    }
}

#[test]
fn facts_are_supposed_otherwise_and_the_rest_stays() {
    let mut world = world(vec![given(To::Project(1), Role::View)]);
    let part = |project, role| Participation { project: project_id(project), role, policy: Policy::FIRST };
    world.projects = vec![ProjectRow { policy: Policy::FIRST, members: [(READER, ProjectRole::Member)].into() }; 2];
    let user = world.user(READER);
    let rights = |facts: &DatasetFacts| facts.rights_of(Some(&user), net(From::Lab), at(0));
    let facts = world.dataset_facts(1, Some(READER));
    assert!(rights(&facts).has(Right::Read));
    assert!(rights(&facts.clone().with_part(project_id(1), None)).is_empty(), "out of it");
    let kept = facts.clone().with_part(project_id(0), None);
    assert!(rights(&kept).has(Right::Read), "out of another");
    let there = kept.with_part(project_id(1), Some(part(1, ProjectRole::Leader))).reach.projects;
    assert_eq!(there, [part(1, ProjectRole::Leader)], "once in each");
    // Of another owner, in the same place.
    let supposed = facts.supposing(Dataset { owner: user_id(READER), ..facts.place.dataset.clone() });
    assert!(rights(&supposed).has(Right::Own));
    assert_eq!((&supposed.place.source, &supposed.reach), (&facts.place.source, &facts.reach));
}

#[test]
fn of_what_is_supposed_to_be_gone_only_that_is_gone() {
    let mut world = world(vec![given(To::Group(0), Role::Full), given(To::Person(READER), Role::View)]);
    world.datasets[0].grants = vec![given(To::Person(READER), Role::Preview)];
    world.groups = vec![gathered(OWNER, &[READER]), gathered(OWNER, &[READER])];
    let user = world.user(READER);
    let has = |facts: &DatasetFacts, right| facts.rights_of(Some(&user), net(From::Lab), at(0)).has(right);
    let facts = world.dataset_facts(1, Some(READER));
    assert!(has(&facts, Right::Edit));
    let alone = facts.clone().without_group(group_id(0));
    assert!(!has(&alone, Right::Edit) && has(&alone, Right::Read), "by name still");
    assert!(has(&facts.clone().without_group(group_id(1)), Right::Edit), "another group");
    let by_group = facts.clone().without_grant(dataset_id(1), Subject::User(user.id));
    assert!(has(&by_group, Right::Edit));
    let above = alone.without_grant(dataset_id(1), Subject::User(user.id));
    assert!(has(&above, Right::Meta) && !has(&above, Right::Read), "what was granted above stays");
    assert!(!has(&above.without_grant(dataset_id(0), Subject::User(user.id)), Right::Discover));
}

#[test]
fn whoever_is_supposed_to_join_groups_gets_what_each_has_in_whatever_order() {
    let all = [0, 1, 2];
    for granted in all {
        let mut world = world(vec![given(To::Group(granted), Role::Full)]);
        world.groups = vec![gathered(OWNER, &[]); all.len()];
        let user = world.user(READER);
        let edits = |facts: &DatasetFacts| facts.rights_of(Some(&user), net(From::Lab), at(0)).has(Right::Edit);
        let joined = |order: [usize; 4]| {
            let memberships = order.map(|group| Membership { group: group_id(group), until: Timestamp::MAX });
            memberships.into_iter().fold(world.dataset_facts(1, Some(READER)), DatasetFacts::with_group)
        };
        for order in [[0, 1, 2, 0], [2, 1, 0, 2], [1, 2, 1, 0]] {
            let facts = joined(order);
            assert!(edits(&facts), "{granted}, after {order:?}");
            let groups: Vec<_> = facts.reach.groups.iter().map(|there| there.group).collect();
            assert_eq!(groups, all.map(group_id), "each once, as they are looked for");
        }
    }
}

#[test]
fn what_a_link_may_open_is_told_whatever_it_waits_for() {
    let mut world = world(vec![GrantRow { may_share: true, ..given(To::Person(READER), Role::View) }]);
    world.links = vec![live(1, READER)];
    let told = |world: &World| {
        let facts = world.link_facts(0, None);
        let without = world.dataset_facts(1, Some(READER)).without_grant(dataset_id(1), Subject::User(user_id(READER)));
        [facts.may_open(at(0)), facts.supposing(&without).may_open(at(0))]
    };
    let change = |change: fn(&mut LinkRow)| {
        let mut world = world.clone();
        change(&mut world.links[0]);
        told(&world)
    };
    assert_eq!(change(|_| {}), [true, false], "it rests on its maker's right");
    assert_eq!(change(|row| (row.enabled, row.begin) = (false, Some(5))), [true, false], "paused, and not begun");
    assert_eq!(change(|row| row.end = Some(0)), [false, false], "ended");
    assert_eq!(change(|row| row.revoked = true), [false, false]);
    assert_eq!(change(|row| row.stewarded = true), [true, true], "the dataset's own");
}

#[test]
fn a_link_whose_place_is_supposed_to_be_another_opens_what_is_there() {
    let mut world = world(vec![GrantRow { may_share: true, ..given(To::Person(READER), Role::View) }]);
    world.links = vec![LinkRow { stewarded: true, ..live(1, READER) }];
    let (facts, on) = (world.link_facts(0, None), world.dataset_facts(1, Some(READER)));
    let retired = on.supposing(Dataset { state: State::Retired, ..on.place.dataset.clone() });
    assert_eq!([&on, &retired].map(|on| facts.supposing(on).may_open(at(0))), [true, false]);
}

#[test]
fn a_link_rests_on_what_its_makers_widest_rights_do() {
    let by = |terms: Terms, to: To| GrantRow { may_share: true, terms, ..given(to, Role::View) };
    let (for_long, for_short) = (Terms { end: Some(9), ..Terms::NONE }, Terms { end: Some(5), ..Terms::NONE });
    let (in_lab, later) = (Terms { zone: Zone::Lab, ..Terms::NONE }, Terms { begin: Some(1), ..Terms::NONE });
    let rests_on = |grants: [Terms; 2], stewarded| {
        let [mine, groups] = grants;
        let mut world = world(vec![by(mine, To::Person(READER)), by(groups, To::Group(0))]);
        world.groups = vec![gathered(OWNER, &[READER])];
        world.links = vec![LinkRow { stewarded, ..live(1, READER) }];
        world.link_facts(0, None).rests_on(at(0))
    };
    let until = |second| Conditions { until: Some(at(second)), ..Conditions::default() };
    let lab = Conditions { zones: conditions(in_lab).zones, ..Conditions::default() };
    for (grants, want) in [
        ([for_short, for_long], vec![until(9)]),
        ([for_long, for_short], vec![until(9)]),
        ([for_long, in_lab], vec![until(9), lab.clone()]),
        ([in_lab, in_lab], vec![lab.clone()]),
        ([in_lab, later], vec![lab]),
        ([for_long, Terms::NONE], vec![]),
        ([Terms::NONE, for_long], vec![]),
    ] {
        let mut told = rests_on(grants, false);
        told.sort_by_key(|conditions| conditions.until.is_none());
        assert_eq!(told, want, "{grants:?}");
        assert_eq!(rests_on(grants, true), [], "the dataset's own");
    }
}

#[test]
fn whether_the_maker_of_a_link_may_have_more_is_told_by_what_was_read() {
    let may_have_more = |grant: GrantRow| {
        let mut world = world(vec![grant]);
        world.links = vec![LinkRow { enabled: false, ..live(1, READER) }];
        world.link_facts(0, None).maker_may_have_more(at(0))
    };
    let shares = GrantRow { may_share: true, ..given(To::Person(READER), Role::View) };
    assert!(!may_have_more(shares.clone()), "that is all it takes");
    assert!(may_have_more(GrantRow { may_share: false, ..shares.clone() }));
    assert!(may_have_more(GrantRow { terms: Terms { zone: Zone::Lab, ..Terms::NONE }, ..shares.clone() }), "not from everywhere");
    assert!(may_have_more(GrantRow { terms: Terms { end: Some(9), ..Terms::NONE }, ..shares }), "not for good");
}

#[test]
fn from_which_level_on_chunks_open_is_told_where_it_is_not_the_finest() {
    for (role, level, told) in
        [(Role::Preview, Some(2), Some(2)), (Role::Preview, Some(1), Some(1)), (Role::View, None, None), (Role::Manager, None, None)]
    {
        let mut world = world(vec![GrantRow { level, ..given(To::Person(READER), role) }]);
        world.datasets[1].levelled = true;
        let facts = world.dataset_facts(1, Some(READER));
        assert_eq!(facts.level_of(Some(&world.user(READER)), net(From::Lab), at(0)), told, "{role:?}");
        assert_eq!(facts.level_of(None, net(From::Lab), at(0)), None, "nobody");
    }
}
