//! Whom a dataset is open to, and what a cut would do, are what the decision says of people who have nothing else, and of a world that is so.

use crate::model::{
    facts::{at, project_id},
    world::{Asker, From, ProjectRow, To, TokenRow, World},
    worlds::{self, given, plain},
};
use domain::{
    curation::{CurationError, ask, mark},
    dataset::Visibility,
    decision::{Action, DatasetFacts, Facts, Permit, decide},
    grant::{Net, Policy, ProjectRole, Subject},
    id::RequestId,
    rights::Role,
    source::{Audience, State},
};
use proptest::prelude::*;

/// A world with one more person in it, who has an account and nothing else; and who that is.
fn with_stranger(mut world: World) -> (World, usize) {
    let stranger = world.people.len();
    world.people.extend(plain(1, &[]).people);
    (world, stranger)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    // ACCESS 9
    #[test]
    fn what_everybody_has_is_what_somebody_with_nothing_else_has(world in worlds::world()) {
        let (world, stranger) = with_stranger(world);
        for index in 0..world.datasets.len() {
            let of_world = world.dataset_facts(index, None).rights_of(None, Net::Anywhere, at(0));
            let of_accounts = world.dataset_facts(index, Some(stranger)).rights_of(Some(&world.user(stranger)), Net::Anywhere, at(0));
            for asking in 0..=stranger {
                let facts = world.dataset_facts(index, Some(asking));
                prop_assert_eq!(facts.given_to_all(Subject::World, at(0)), of_world);
                prop_assert_eq!(facts.given_to_all(Subject::Accounts, at(0)), of_accounts, "whoever asks");
                let audience = facts.audience(at(0));
                prop_assert_eq!(audience == Visibility::World, !of_world.is_empty());
                prop_assert_eq!(audience >= Visibility::Accounts, !of_accounts.is_empty());
            }
        }
    }

    #[test]
    fn a_cut_that_is_supposed_does_what_it_would(world in worlds::world()) {
        for index in (0..world.datasets.len()).filter(|index| !world.above(*index).is_empty()) {
            let restricted = !world.datasets[index].restricted;
            let mut then = world.clone();
            then.datasets[index].restricted = restricted;
            for person in 0..world.people.len() {
                let user = world.user(person);
                let supposed = world.dataset_facts(index, Some(person)).cut_off(restricted);
                let wanted = then.dataset_facts(index, Some(person));
                prop_assert_eq!(supposed.rights_of(Some(&user), Net::Anywhere, at(0)), wanted.rights_of(Some(&user), Net::Anywhere, at(0)));
            }
        }
    }
}

// ACCESS 9
#[test]
fn a_switch_and_its_terms_make_an_audience_each_as_far_as_the_source_lets_them() {
    let audience = |visibility: Visibility, to: &[To], ceiling: Audience| {
        let mut world = plain(1, &[("", 0), ("a/", 0)]);
        world.sources[0].audience = ceiling;
        world.datasets[0].visibility = visibility;
        world.datasets[0].grants = to.iter().map(|to| given(*to, Role::View)).collect();
        let below = world.dataset_facts(1, Some(0)).audience(at(0));
        world.datasets[1].restricted = true;
        assert_eq!(world.dataset_facts(1, Some(0)).audience(at(0)), Visibility::Private, "it stops at what is restricted");
        below
    };
    let both = [To::Accounts, To::World];
    for (visibility, to, ceiling, wanted) in [
        (Visibility::World, &both[..], Audience::World, Visibility::World),
        (Visibility::World, &both[..], Audience::Link, Visibility::Accounts),
        (Visibility::World, &both[..], Audience::Named, Visibility::Private),
        (Visibility::World, &both[..1], Audience::World, Visibility::Accounts),
        (Visibility::World, &[], Audience::World, Visibility::Private),
        (Visibility::Accounts, &both[..], Audience::World, Visibility::Accounts),
        (Visibility::Accounts, &both[1..], Audience::World, Visibility::Private),
        (Visibility::Private, &both[..], Audience::World, Visibility::Private),
    ] {
        assert_eq!(audience(visibility, to, ceiling), wanted, "{visibility:?} {to:?} {ceiling:?}");
    }
}

#[test]
fn a_project_is_an_audience_where_a_dataset_is_in_one_and_open_to_it() {
    let audience = |visibility: Visibility, project: Option<usize>, retired: bool| {
        let mut world = plain(1, &[("", 0), ("a/", 0)]);
        world.projects = vec![ProjectRow { policy: Policy::FIRST, members: [(0, ProjectRole::Manager)].into() }];
        (world.datasets[0].visibility, world.datasets[0].project) = (visibility, project);
        let mut facts = world.dataset_facts(1, Some(0));
        facts.reach.retired = if retired { vec![project_id(0)] } else { Vec::new() };
        facts.audience(at(0))
    };
    for (visibility, project, wanted) in [
        (Visibility::Private, Some(0), Visibility::Private),
        (Visibility::Project, None, Visibility::Private),
        (Visibility::Project, Some(0), Visibility::Project),
        (Visibility::World, Some(0), Visibility::Project),
    ] {
        assert_eq!(audience(visibility, project, false), wanted, "{visibility:?} {project:?}");
        let without = if wanted == Visibility::Project { Visibility::Private } else { wanted };
        assert_eq!(audience(visibility, project, true), without, "{visibility:?} {project:?}, retired");
    }
}

#[test]
fn a_grant_to_everybody_counts_by_what_it_stands_on_and_by_the_ceiling() {
    let mut world = plain(1, &[("", 0), ("a/", 0)]);
    world.sources[0].audience = Audience::Accounts;
    world.datasets[0].visibility = Visibility::World;
    let counts = |world: &World, on: usize, all: Subject| {
        let facts = world.dataset_facts(1, Some(0));
        facts.counts(&world.place(on).dataset, all)
    };
    assert_eq!([Subject::Accounts, Subject::World].map(|all| counts(&world, 0, all)), [true, false], "above, as far as the source lets it");
    assert_eq!([Subject::Accounts, Subject::World].map(|all| counts(&world, 1, all)), [false, false], "its own switch is off");
    world.datasets[1].state = State::Retired;
    assert!(!counts(&world, 0, Subject::Accounts), "nobody gets anything at what was retired");
}

/// The facts of the second dataset for a person, and the person's permit there.
fn about(world: &World, person: usize, action: Action) -> (DatasetFacts, Permit) {
    let facts = world.dataset_facts(1, Some(person));
    let asker = Asker::Person(person, TokenRow::whole());
    let permit = decide(&world.principal(&asker, From::Lab), action, &Facts::Dataset(facts.clone().into()), at(0)).unwrap();
    (facts, permit)
}

// ACCESS 9
#[test]
fn a_mark_is_set_and_counts_where_a_dataset_is_open_to_all() {
    let id = || RequestId::new(uuid::Uuid::from_u128(1));
    let mut world = plain(2, &[("", 0), ("a/", 0)]);
    world.people[1].curator = true;
    world.datasets[1].grants = vec![given(To::Person(1), Role::View)];
    world.datasets[0].grants = vec![given(To::Accounts, Role::View)];
    let tried = |world: &World| {
        let (facts, permit) = about(world, 1, Action::Curate);
        let marked = mark(&permit, &facts, "so".to_owned(), at(0)).map(|mark| (mark.by, mark.dataset));
        let (facts, permit) = about(world, 0, Action::Grant);
        (marked, ask(&permit, &facts, id(), "so".to_owned(), at(0)).map(|request| request.by))
    };
    assert_eq!(tried(&world), (Err(CurationError::NotOpen), Err(CurationError::NotOpen)), "whoever knows of it by name");
    world.datasets[0].visibility = Visibility::Accounts;
    let (facts, permit) = about(&world, 1, Action::Curate);
    let dataset = facts.place.dataset.id;
    assert_eq!(tried(&world), (Ok((world.user(1).id, dataset)), Ok(world.user(0).id)), "by what lies above, too");
    assert_eq!(ask(&permit, &facts, id(), "so".to_owned(), at(0)), Err(CurationError::Permit));
    let (_, other) = about(&world, 0, Action::Grant);
    assert_eq!(mark(&other, &facts, "so".to_owned(), at(0)), Err(CurationError::Permit));
    let marked = |world: &World| {
        let mut facts = world.dataset_facts(1, Some(0));
        facts.place.dataset.curated = Some(at(0));
        facts
    };
    assert_eq!(marked(&world).curated(at(1)), Some(at(0)));
    assert_eq!(ask(&other, &marked(&world), id(), "so".to_owned(), at(0)), Err(CurationError::Marked));
    for closes in [
        |world: &mut World| world.datasets[0].visibility = Visibility::Private,
        |world: &mut World| world.datasets[0].grants.clear(),
        |world: &mut World| world.datasets[1].restricted = true,
        |world: &mut World| world.sources[0].audience = Audience::Named,
        |world: &mut World| world.datasets[1].state = State::Retired,
    ] {
        let mut closed = world.clone();
        closes(&mut closed);
        assert_eq!(marked(&closed).curated(at(1)), None);
    }
    assert_eq!(world.dataset_facts(1, Some(0)).curated(at(1)), None, "where there is none");
}
