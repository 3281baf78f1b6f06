//! Who may give what to whom, and under which conditions (ACCESS 5, R1 to R3), as a table: every refusal at least once, and the accepted
//! neighbour of each.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Facts, Permit, decide},
    delegation::{self, BrokenGlass, NewGrant, broken_glass, granted, may_inherit, may_open, may_open_to_all, may_put, opened_to},
    grant::{ClonePolicy, Grant, GrantError, GroupState, Hold, Policy, ProjectRole, Zones},
    limits::{BREAK_GLASS_HOURS_MAX, ZONES_MAX},
    policy::Openers,
    rights::Role,
    source::{Audience, CeilingOf},
    user::Standing,
};

use crate::model::{
    facts::{at, conditions, dataset_id, grant, subject, user_id},
    world::{About, Asker, From, GrantRow, GroupRow, ProjectRow, Terms, To, TokenRow, WEEK, World, Zone},
    worlds::{gathered, given, plain},
};

const OWNER: usize = 0;
const MANAGER: usize = 1;
const OTHER: usize = 2;
/// Has nothing by name, and is a member of the group and of the project.
const MEMBER: usize = 3;
const OWNER_ABOVE: usize = 4;
const GROUP: usize = 0;
const PROJECT: usize = 0;
/// The dataset of the table, below the root.
const DATASET: usize = 1;

/// A world in which the manager manages the dataset under these terms.
fn world(terms: Terms) -> World {
    let mut world = plain(5, &[("", OWNER_ABOVE), ("a/", OWNER)]);
    world.groups.push(gathered(OWNER, &[MEMBER]));
    let policy = Policy { view: Role::View, figures: false, clone: ClonePolicy::None };
    world.projects.push(ProjectRow { policy, members: BTreeMap::from([(MEMBER, ProjectRole::Member)]) });
    world.datasets[DATASET].grants = vec![GrantRow { terms, ..given(To::Person(MANAGER), Role::Manager) }];
    world
}

fn permit(world: &World, person: usize, action: Action) -> Permit {
    let asker = Asker::Person(person, TokenRow::whole());
    decide(&world.principal(&asker, From::Anywhere), action, &world.facts(&asker, About::Dataset(DATASET)), at(0)).unwrap()
}

fn asked(to: To, role: Role, may_share: bool, terms: Terms) -> NewGrant {
    NewGrant { subject: subject(to), terms: delegation::Terms { role, may_share, level: None, conditions: conditions(terms) } }
}

fn give(world: &World, giver: usize, ask: NewGrant) -> Result<Grant, GrantError> {
    granted(&permit(world, giver, Action::Grant), &world.user(giver), dataset_id(DATASET), ask, None, at(0))
}

fn until(end: i64) -> Terms {
    Terms { end: Some(end), ..Terms::NONE }
}

fn between(begin: i64, end: i64) -> Terms {
    Terms { begin: Some(begin), ..until(end) }
}

fn from(zone: Zone) -> Terms {
    Terms { zone, ..Terms::NONE }
}

/// What, by whom, in which world, is asked, and the rule that refuses it.
type Case<'a> = (&'a str, usize, &'a dyn Fn(&mut World), NewGrant, Option<GrantError>);

#[test]
fn what_may_be_given_to_whom() {
    use GrantError::*;
    let ceiling = |audience| move |world: &mut World| world.sources[0].audience = audience;
    let all = ceiling(Audience::World);
    let (link, accounts, named) = (ceiling(Audience::Link), ceiling(Audience::Accounts), ceiling(Audience::Named));
    let person = To::Person(OTHER);
    let level = |level, ask: NewGrant| NewGrant { terms: delegation::Terms { level, ..ask.terms }, ..ask };
    let image = |world: &mut World| (world.datasets[DATASET].kind, world.datasets[DATASET].levelled) = (Kind::Zarr, true);
    let unknown = |world: &mut World| world.datasets[DATASET].kind = Kind::Zarr;
    let cases: Vec<Case<'_>> = vec![
        // R2: owners up to the role manager, under any conditions
        ("an owner gives a manager", OWNER, &all, asked(person, Role::Manager, true, Terms::NONE), None),
        ("so does the owner of what lies above", OWNER_ABOVE, &all, asked(person, Role::Manager, false, Terms::NONE), None),
        ("ownership is not granted", OWNER, &all, asked(person, Role::Owner, false, Terms::NONE), Some(Ownership)),
        // R3
        ("an owner to himself", OWNER, &all, asked(To::Person(OWNER), Role::View, false, Terms::NONE), Some(ToOneself)),
        ("a manager to himself", MANAGER, &all, asked(To::Person(MANAGER), Role::View, false, Terms::NONE), Some(ToOneself)),
        ("a manager to the owner", MANAGER, &all, asked(To::Person(OWNER), Role::View, false, Terms::NONE), None),
        // every kind of subject, below the ceiling of its audience
        ("to a group, named only", MANAGER, &named, asked(To::Group(GROUP), Role::Manager, true, Terms::NONE), None),
        ("to a project, named only", MANAGER, &named, asked(To::Project(PROJECT), Role::Manager, true, Terms::NONE), None),
        ("to accounts", MANAGER, &accounts, asked(To::Accounts, Role::Download, false, Terms::NONE), None),
        (
            "to accounts, named only",
            OWNER,
            &named,
            asked(To::Accounts, Role::View, false, Terms::NONE),
            Some(AudienceTooWide { of: CeilingOf::Source }),
        ),
        ("to the world", MANAGER, &all, asked(To::World, Role::Download, false, Terms::NONE), None),
        (
            "to the world, links only",
            OWNER,
            &link,
            asked(To::World, Role::View, false, Terms::NONE),
            Some(AudienceTooWide { of: CeilingOf::Source }),
        ),
        // what everybody may have
        ("full to accounts", OWNER, &all, asked(To::Accounts, Role::Full, false, Terms::NONE), Some(MoreThanPublic)),
        ("full to the world", OWNER, &all, asked(To::World, Role::Full, false, Terms::NONE), Some(MoreThanPublic)),
        ("sharing to the world", OWNER, &all, asked(To::World, Role::View, true, Terms::NONE), Some(MoreThanPublic)),
        ("sharing to accounts", OWNER, &all, asked(To::Accounts, Role::View, true, Terms::NONE), Some(MoreThanPublic)),
        // the flag
        ("sharing a preview", OWNER, &all, asked(person, Role::Preview, true, Terms::NONE), Some(SharePreview)),
        ("sharing a view", MANAGER, &all, asked(person, Role::View, true, Terms::NONE), None),
        // a level goes with a preview, of a folder or of what has it
        ("a level of a preview", MANAGER, &all, level(Some(1), asked(person, Role::Preview, false, Terms::NONE)), None),
        ("a level of a preview for the world", OWNER, &all, level(Some(9), asked(To::World, Role::Preview, false, Terms::NONE)), None),
        ("a level that an image has", OWNER, &image, level(Some(2), asked(person, Role::Preview, false, Terms::NONE)), None),
        ("one that it has not", OWNER, &image, level(Some(3), asked(person, Role::Preview, false, Terms::NONE)), Some(NoLevel)),
        ("one of nobody knows what", OWNER, &unknown, level(Some(1), asked(person, Role::Preview, false, Terms::NONE)), Some(NoLevel)),
        ("the finest level", OWNER, &all, level(Some(0), asked(person, Role::Preview, false, Terms::NONE)), Some(Level)),
        ("a level of a view", OWNER, &all, level(Some(1), asked(person, Role::View, false, Terms::NONE)), Some(Level)),
        // conditions that never hold
        ("ends now", OWNER, &all, asked(person, Role::View, false, until(0)), Some(NeverCounts)),
        ("ends in a second", OWNER, &all, asked(person, Role::View, false, until(1)), None),
        ("ends as it begins", OWNER, &all, asked(person, Role::View, false, between(5, 5)), Some(NeverCounts)),
        ("ends a second after it begins", OWNER, &all, asked(person, Role::View, false, between(5, 6)), None),
        ("began long ago and ends now", OWNER, &all, asked(person, Role::View, false, between(-5, 0)), Some(NeverCounts)),
    ];
    for (what, giver, change, ask, want) in cases {
        let mut world = world(Terms::NONE);
        change(&mut world);
        let got = give(&world, giver, ask.clone());
        assert_eq!(got.as_ref().err(), want.as_ref(), "{what}");
        if let Ok(grant) = got {
            let NewGrant { subject, terms: delegation::Terms { role, may_share, level, conditions } } = ask;
            let made = Grant { subject, role, may_share, level, conditions, by: user_id(giver), at: at(0), hold: Hold::Active, version: 1 };
            assert_eq!(grant, made, "{what}");
        }
    }
}

// R2: one single way of the giver covers what he gives, in what, when and from where.
#[test]
fn who_gives_on_gives_within_one_way_of_his() {
    let campus_until = |end| Terms { zone: Zone::Campus, ..until(end) };
    for (what, his, gives, may) in [
        ("all of it", Terms::NONE, Terms::NONE, true),
        ("less of it", Terms::NONE, between(5, 6), true),
        ("as long as his own", until(10), until(10), true),
        ("a second longer than his own", until(10), until(11), false),
        ("for good, within an end", until(10), Terms::NONE, false),
        ("later, within an end", until(10), between(5, 10), true),
        ("his began before", Terms { begin: Some(-5), ..Terms::NONE }, Terms { begin: Some(-9), ..Terms::NONE }, true),
        ("his begins now", Terms { begin: Some(0), ..Terms::NONE }, Terms::NONE, true),
        ("within his network", from(Zone::Campus), from(Zone::Lab), true),
        ("his network itself", from(Zone::Campus), from(Zone::Campus), true),
        ("wider than his network", from(Zone::Lab), from(Zone::Campus), false),
        ("partly out of his network", from(Zone::Campus), from(Zone::LabAndHome), false),
        ("from everywhere, within a network", from(Zone::Campus), Terms::NONE, false),
        ("both within", campus_until(10), Terms { zone: Zone::Lab, ..until(9) }, true),
        ("the end within, the network not", campus_until(10), Terms { zone: Zone::Six, ..until(9) }, false),
        ("the network within, the end not", campus_until(10), Terms { zone: Zone::Lab, ..until(11) }, false),
    ] {
        let got = give(&world(his), MANAGER, asked(To::Person(OTHER), Role::View, false, gives));
        assert_eq!(got.err(), (!may).then_some(GrantError::MoreThanGiver), "{what}");
        let owner = give(&world(his), OWNER, asked(To::Person(OTHER), Role::View, false, gives));
        assert_eq!(owner.err(), None, "{what}, by the owner");
    }
}

#[test]
fn two_ways_do_not_add_up() {
    let managing = |to, terms| GrantRow { terms, ..given(to, Role::Manager) };
    let mut world = world(Terms { zone: Zone::Campus, ..until(100) });
    world.groups[GROUP] = gathered(OWNER, &[MANAGER]);
    world.datasets[0].grants = vec![managing(To::Group(GROUP), Terms { zone: Zone::Lab, ..Terms::NONE })];
    let gives = |terms| give(&world, MANAGER, asked(To::Person(OTHER), Role::View, false, terms)).is_ok();
    assert!(gives(Terms { zone: Zone::Campus, ..until(100) }), "by the one");
    assert!(gives(from(Zone::Lab)), "by the other");
    assert!(!gives(from(Zone::Campus)), "by both together");
    // A way that lasts, of one who may not say who gets what by it, covers nothing.
    world.datasets[0].grants = vec![GrantRow { may_share: true, ..given(To::Group(GROUP), Role::Full) }];
    let gives = |terms| give(&world, MANAGER, asked(To::Person(OTHER), Role::View, false, terms)).is_ok();
    assert!(gives(Terms { zone: Zone::Campus, ..until(100) }) && !gives(Terms::NONE));
}

// A membership ends when its group was not synced for a week; what is given by it ends by then.
#[test]
fn who_manages_by_a_synced_group_gives_no_longer_than_that_counts() {
    let mut world = world(Terms::NONE);
    world.datasets[DATASET].grants = vec![given(To::Group(GROUP), Role::Manager)];
    let gives = |world: &World, terms| give(world, MEMBER, asked(To::Person(OTHER), Role::View, false, terms)).err();
    assert_eq!(gives(&world, Terms::NONE), None, "a group filled by hand has no end");
    world.groups[GROUP] = GroupRow { synced: Some(0), ..world.groups[GROUP].clone() };
    assert_eq!(gives(&world, until(WEEK)), None);
    assert_eq!(gives(&world, until(WEEK + 1)), Some(GrantError::MoreThanGiver));
    assert_eq!(gives(&world, Terms::NONE), Some(GrantError::MoreThanGiver));
    world.groups[GROUP].state = GroupState::Loading;
    let asker = Asker::Person(MEMBER, TokenRow::whole());
    assert!(decide(&world.principal(&asker, From::Lab), Action::Grant, &world.facts(&asker, About::Dataset(DATASET)), at(0)).is_err());
}

/// What a change makes of a dataset.
type Changed = Box<dyn Fn(&DatasetFacts) -> DatasetFacts>;

// ACCESS R6: by policy, whoever administers the deployment opens to everybody, and nobody else.
#[test]
fn who_opens_to_everybody_is_for_the_policy_to_say() {
    let base = world(Terms::NONE);
    let facts = |world: &World, openers| {
        let asker = Asker::Person(OWNER, TokenRow::whole());
        let Facts::Dataset(facts) = world.facts(&asker, About::Dataset(DATASET)) else { panic!("a dataset's") };
        let mut facts = DatasetFacts::clone(&facts);
        facts.place.source.policy.openers = openers;
        (world.principal(&asker, From::Lab), facts)
    };
    let opens = |world: &World, openers, change: &Changed| {
        let (principal, facts) = facts(world, openers);
        let permit = decide(&principal, Action::Grant, &Facts::Dataset(Arc::new(facts.clone())), at(0)).unwrap();
        let then = change(&facts);
        (opened_to(&facts, &then, at(0)), may_open_to_all(&permit, &then, at(0)).err())
    };
    let shown = |to| move |facts: &DatasetFacts| facts.supposing(Dataset { visibility: to, ..facts.place.dataset.clone() });
    let with = |to, role, terms| {
        move |facts: &DatasetFacts| facts.clone().with_grant(dataset_id(DATASET), &grant(&GrantRow { terms, ..given(to, role) }))
    };
    let reaching = |facts: &DatasetFacts| facts.clone().cut_off(false);
    let switched = |visibility| {
        let mut world = base.clone();
        world.datasets[DATASET].visibility = visibility;
        world
    };
    let mut given_to_all = switched(Visibility::World);
    given_to_all.datasets[DATASET].grants.push(given(To::World, Role::View));
    let mut cut = base.clone();
    cut.datasets[DATASET].restricted = true;
    cut.datasets[0].visibility = Visibility::World;
    cut.datasets[0].grants.push(given(To::World, Role::View));
    let mut both = cut.clone();
    both.datasets[DATASET].visibility = Visibility::World;
    let ended = Terms { end: Some(0), ..Terms::NONE };
    let later = Terms { begin: Some(500), ..Terms::NONE };
    let cases: Vec<(&str, &World, Changed, Audience)> = vec![
        ("to the world, where nothing is granted yet", &base, Box::new(shown(Visibility::World)), Audience::World),
        ("to accounts", &base, Box::new(shown(Visibility::Accounts)), Audience::Accounts),
        ("to its project", &base, Box::new(shown(Visibility::Project)), Audience::Named),
        ("back to accounts", &given_to_all, Box::new(shown(Visibility::Accounts)), Audience::Named),
        ("a grant that sleeps", &base, Box::new(with(To::World, Role::View, Terms::NONE)), Audience::Named),
        ("a grant that counts", &both, Box::new(with(To::World, Role::View, Terms::NONE)), Audience::World),
        ("one that counts later", &both, Box::new(with(To::World, Role::View, later)), Audience::World),
        ("one that has ended", &both, Box::new(with(To::World, Role::View, ended)), Audience::Named),
        ("to accounts, where the world is let in", &both, Box::new(with(To::Accounts, Role::View, Terms::NONE)), Audience::Accounts),
        ("a person's", &both, Box::new(with(To::Person(OTHER), Role::Full, Terms::NONE)), Audience::Named),
        ("more than there was", &given_to_all, Box::new(with(To::World, Role::Download, Terms::NONE)), Audience::World),
        ("less than there was", &given_to_all, Box::new(with(To::World, Role::Preview, Terms::NONE)), Audience::Named),
        ("what is open above reaches it again", &cut, Box::new(reaching), Audience::World),
        ("nothing is open above", &base, Box::new(reaching), Audience::Named),
    ];
    for (what, world, change, audience) in cases {
        assert_eq!(opens(world, Openers::Owners, &change), (audience, None), "{what}");
        let refused = (audience > Audience::Named).then_some(GrantError::SecondPerson);
        assert_eq!(opens(world, Openers::Administrators, &change), (audience, refused), "{what}");
        let mut world = world.clone();
        world.people[OWNER].administrator = true;
        assert_eq!(opens(&world, Openers::Administrators, &change), (audience, None), "{what}, by an administrator");
    }
    // A grant is held to it where it is made.
    let (principal, facts) = facts(&both, Openers::Administrators);
    let permit = decide(&principal, Action::Grant, &Facts::Dataset(Arc::new(facts)), at(0)).unwrap();
    let gives = |to| granted(&permit, &both.user(OWNER), dataset_id(DATASET), asked(to, Role::View, false, Terms::NONE), None, at(0)).err();
    assert_eq!((gives(To::World), gives(To::Person(OTHER))), (Some(GrantError::SecondPerson), None));
}

// By a project, too: its managers manage its datasets, its members do not.
#[test]
fn a_projects_manager_gives_on_and_its_member_does_not() {
    let mut world = world(Terms::NONE);
    world.datasets[DATASET].project = Some(PROJECT);
    world.datasets[DATASET].visibility = domain::dataset::Visibility::Project;
    let asker = Asker::Person(MEMBER, TokenRow::whole());
    let granting =
        |world: &World| decide(&world.principal(&asker, From::Lab), Action::Grant, &world.facts(&asker, About::Dataset(DATASET)), at(0));
    assert!(granting(&world).is_err());
    world.projects[PROJECT].members.insert(MEMBER, ProjectRole::Manager);
    assert_eq!(give(&world, MEMBER, asked(To::Person(OTHER), Role::Manager, false, Terms::NONE)).err(), None);
    assert!(may_open(&granting(&world).unwrap(), dataset_id(DATASET)).is_ok());
}

// ADR 0043: what is put into a project is its managers' for good.
#[test]
fn a_dataset_is_put_into_a_project_by_a_right_of_ones_own_that_lasts() {
    let puts = |world: &World, person| {
        let asker = Asker::Person(person, TokenRow::whole());
        let permit = decide(&world.principal(&asker, From::Lab), Action::Grant, &world.facts(&asker, About::Dataset(DATASET)), at(0));
        permit.ok().map(|permit| may_put(&permit, dataset_id(DATASET)))
    };
    let refused = Some(Err(GrantError::NotForGood));
    let mut world = world(Terms::NONE);
    assert_eq!((puts(&world, OWNER), puts(&world, MANAGER), puts(&world, OTHER)), (Some(Ok(())), Some(Ok(())), None));
    for terms in [until(100), Terms { zone: Zone::Lab, ..Terms::NONE }] {
        world.datasets[DATASET].grants = vec![GrantRow { terms, ..given(To::Person(MANAGER), Role::Manager) }];
        assert_eq!(puts(&world, MANAGER), refused, "{terms:?}");
    }
    world.datasets[DATASET].grants = vec![given(To::Group(GROUP), Role::Manager)];
    assert_eq!(puts(&world, MEMBER), Some(Ok(())));
    // Through a project only: by its policy, and by a grant to its members.
    world.datasets[DATASET].grants = vec![given(To::Project(PROJECT), Role::Manager)];
    assert_eq!(puts(&world, MEMBER), refused);
    world.datasets[DATASET].grants.clear();
    world.datasets[DATASET].project = Some(PROJECT);
    world.datasets[DATASET].visibility = domain::dataset::Visibility::Project;
    world.projects[PROJECT].members.insert(MEMBER, ProjectRole::Manager);
    assert_eq!(puts(&world, MEMBER), refused);
    assert_eq!(may_put(&permit(&world, OWNER, Action::Share), dataset_id(DATASET)), Err(GrantError::Permit));
}

#[test]
fn a_permit_gives_only_for_whom_on_what_and_for_what_it_was_given() {
    let world = world(Terms::NONE);
    let ask = || asked(To::Person(OTHER), Role::View, false, Terms::NONE);
    let grants = permit(&world, MANAGER, Action::Grant);
    let by = |permit: &Permit, giver, dataset| granted(permit, &world.user(giver), dataset_id(dataset), ask(), None, at(0)).err();
    assert_eq!(by(&grants, MANAGER, DATASET), None);
    assert_eq!(by(&grants, OWNER, DATASET), Some(GrantError::Permit), "another's");
    assert_eq!(by(&grants, MANAGER, 0), Some(GrantError::Permit), "of another dataset");
    for action in [Action::Share, Action::See, Action::Register, Action::RevokeAll, Action::Narrow] {
        let permit = permit(&world, MANAGER, action);
        assert_eq!(by(&permit, MANAGER, DATASET), Some(GrantError::Permit), "{action:?}");
        assert_eq!(may_open(&permit, dataset_id(DATASET)), Err(GrantError::Permit), "{action:?}");
    }
    assert_eq!(may_open(&grants, dataset_id(DATASET)), Ok(()));
    assert_eq!(may_open(&grants, dataset_id(0)), Err(GrantError::Permit));
}

#[test]
fn a_grant_that_was_there_counts_its_changes_on() {
    let world = world(Terms::NONE);
    let there = Grant { version: 7, hold: Hold::Withdrawn, ..grant(&given(To::Person(OTHER), Role::Full)) };
    let ask = asked(To::Person(OTHER), Role::View, false, Terms::NONE);
    let changed =
        granted(&permit(&world, OWNER, Action::Grant), &world.user(OWNER), dataset_id(DATASET), ask, Some(&there), at(3)).unwrap();
    assert_eq!((changed.version, changed.hold, changed.role, changed.at), (8, Hold::Active, Role::View, at(3)));
}

// R2 with a lower role than manager: nobody but a manager or an owner gets as far as a permit.
#[test]
fn who_does_not_administer_gives_nothing() {
    for role in [Role::Preview, Role::View, Role::Download, Role::Full] {
        let mut world = world(Terms::NONE);
        world.datasets[DATASET].grants = vec![GrantRow { may_share: true, ..given(To::Person(OTHER), role) }];
        let asker = Asker::Person(OTHER, TokenRow::whole());
        let permit = decide(&world.principal(&asker, From::Lab), Action::Grant, &world.facts(&asker, About::Dataset(DATASET)), at(0));
        assert!(permit.is_err(), "{role:?}");
    }
}

#[test]
fn a_condition_names_so_many_networks_and_no_more() {
    let networks = |count: usize| (0..count).map(|index| format!("10.0.{index}.0/24")).collect::<Vec<_>>();
    assert_eq!(Zones::parse(&networks(ZONES_MAX)).unwrap().texts().count(), ZONES_MAX);
    for more in [ZONES_MAX + 1, ZONES_MAX + 2] {
        assert!(Zones::parse(&networks(more)).is_err(), "{more}");
    }
}

// ACCESS 1: a grant to oneself, for a day at the most, to read and no more
#[test]
fn the_glass_is_broken_by_an_administrator_for_himself_to_read_for_a_while() {
    let mut world = world(Terms::NONE);
    world.people[OTHER].administrator = true;
    let glass = permit(&world, OTHER, Action::BreakGlass);
    let ask = |role, hours, there: Option<&Grant>| broken_glass(&glass, dataset_id(DATASET), BrokenGlass { role, hours }, there, at(0));
    for hours in [1, BREAK_GLASS_HOURS_MAX] {
        let given = ask(Role::Download, hours, None).unwrap();
        assert_eq!((given.subject, given.by, given.role), (subject(To::Person(OTHER)), user_id(OTHER), Role::Download));
        assert_eq!((given.may_share, given.level, given.version, given.hold), (false, None, 1, Hold::Active));
        assert_eq!((given.conditions.until, given.conditions.not_before), (Some(at(i64::from(hours) * 3_600)), None));
        assert!(given.is_broken_glass());
    }
    for (role, hours, refusal) in [
        (Role::Full, 1, GrantError::MoreThanReading),
        (Role::Owner, 1, GrantError::MoreThanReading),
        (Role::View, 0, GrantError::Hours),
        (Role::View, BREAK_GLASS_HOURS_MAX + 1, GrantError::Hours),
    ] {
        assert_eq!(ask(role, hours, None), Err(refusal), "{role:?} {hours}");
    }
    // What somebody gave stays, as long as it counts; what he broke before, what was taken back and what has ended gives way.
    let by_another = grant(&given(To::Person(OTHER), Role::Preview));
    assert!(!by_another.is_broken_glass());
    assert_eq!(ask(Role::View, 1, Some(&by_another)), Err(GrantError::HasGrant));
    let ends = |second| Grant { conditions: conditions(Terms { end: Some(second), ..Terms::NONE }), ..by_another.clone() };
    assert_eq!(ask(Role::View, 1, Some(&ends(1))), Err(GrantError::HasGrant));
    for there in [ends(0), Grant { hold: Hold::Withdrawn, ..by_another.clone() }, ask(Role::View, 1, None).unwrap()] {
        let version = there.version + 1;
        assert_eq!(ask(Role::View, 2, Some(&there)).map(|given| given.version), Ok(version));
    }
    let of_another = grant(&given(To::Person(MANAGER), Role::View));
    assert_eq!(ask(Role::View, 1, Some(&of_another)), Err(GrantError::Permit), "another's grant");
    let other_dataset = broken_glass(&glass, dataset_id(0), BrokenGlass { role: Role::View, hours: 1 }, None, at(0));
    assert_eq!(other_dataset, Err(GrantError::Permit));
    world.people[OWNER].administrator = true;
    let own = permit(&world, OWNER, Action::BreakGlass);
    let by_owner = broken_glass(&own, dataset_id(DATASET), BrokenGlass { role: Role::View, hours: 1 }, None, at(0));
    assert_eq!(by_owner, Err(GrantError::Owns), "his own");
    let granting = permit(&world, OWNER, Action::Grant);
    let by_owner = broken_glass(&granting, dataset_id(DATASET), BrokenGlass { role: Role::View, hours: 1 }, None, at(0));
    assert_eq!(by_owner, Err(GrantError::Permit), "another permit");
}

// ACCESS R7
#[test]
fn an_orphan_goes_to_anybody_but_the_administrator_who_hands_it_over() {
    let mut world = world(Terms::NONE);
    world.people[OWNER].standing = Standing::Suspended;
    world.people[OTHER].administrator = true;
    world.datasets[DATASET].successor = Some(MEMBER);
    let dataset = world.dataset(DATASET);
    let orphan = |person: usize| {
        let asker = Asker::Person(person, TokenRow::whole());
        decide(&world.principal(&asker, From::Anywhere), Action::HandOver, &world.facts(&asker, About::Orphan(DATASET)), at(0))
    };
    for (by, to, want) in [
        (OTHER, MANAGER, Ok(())),
        (OTHER, MEMBER, Ok(())),
        (OTHER, OTHER, Err(GrantError::ToOneself)),
        (MEMBER, MEMBER, Ok(())),
        (MEMBER, OTHER, Ok(())),
    ] {
        let permit = orphan(by).unwrap();
        assert_eq!(may_inherit(&permit, &dataset, user_id(to)), want, "{by} to {to}");
        assert_eq!(may_inherit(&permit, &world.dataset(0), user_id(to)), Err(GrantError::Permit));
    }
    assert!(orphan(MANAGER).is_err() && orphan(OWNER).is_err());
    let by_right = permit(&world, OWNER_ABOVE, Action::HandOver);
    assert_eq!(may_inherit(&by_right, &dataset, user_id(OTHER)), Err(GrantError::Permit), "that of an owner is another");
}
