//! Who approves what another would open to everybody, and what has to be so then (ACCESS R6): as a table.

use std::sync::Arc;

use domain::{
    dataset::Visibility,
    decision::{Action, DatasetFacts, Facts, Permit, decide},
    delegation::{Terms, may_open_to_all},
    grant::{Conditions, GrantError, Subject},
    id::RequestId,
    limits::REQUEST_SECS,
    opening::{OpeningError, OpeningFacts, Opens, Then, approved, ask},
    policy::Openers,
    request::{Request, RequestState, Wish},
    rights::Role,
    source::{Audience, CeilingOf},
    user::Standing,
};
use uuid::Uuid;

use crate::model::{
    facts::{at, dataset_id, user_id},
    world::{About, Asker, From, GrantRow, Terms as TermsRow, To, TokenRow, World},
    worlds::{given, plain},
};

const OWNER: usize = 0;
const MANAGER: usize = 1;
const ADMINISTRATOR: usize = 2;
const OTHER: usize = 3;
const DATASET: usize = 1;

/// The owner's dataset, which the manager manages, and an administrator who has nothing there.
fn world() -> World {
    let mut world = plain(4, &[("", OWNER), ("a/", OWNER)]);
    world.datasets[DATASET].grants = vec![given(To::Person(MANAGER), Role::Manager)];
    world.people[ADMINISTRATOR].administrator = true;
    world
}

fn about(world: &World, person: usize, openers: Openers) -> DatasetFacts {
    let asker = Asker::Person(person, TokenRow::whole());
    let Facts::Dataset(facts) = world.facts(&asker, About::Dataset(DATASET)) else { panic!("a dataset's") };
    let mut facts = DatasetFacts::clone(&facts);
    (facts.place.source.policy.openers, facts.place.source.policy.second_person) = (openers, true);
    facts
}

/// What `by` asked for, as things are in `world`.
fn asked(world: &World, by: usize, opens: Opens, openers: Openers) -> OpeningFacts {
    let request = Request {
        id: RequestId::new(Uuid::from_u128(1)),
        dataset: dataset_id(DATASET),
        wish: Wish::Opening(opens),
        by: user_id(by),
        reason: None,
        at: at(-10),
        until: at(10),
        state: RequestState::Waiting,
        answer: None,
        version: 1,
    };
    OpeningFacts { dataset: Arc::new(about(world, by, openers)), request, asker: world.user(by) }
}

/// The permit of whoever answers: as an administrator, where the person is one.
fn permit(world: &World, by: usize, openers: Openers) -> Permit {
    let asker = Asker::Person(by, TokenRow::whole());
    let (action, on) = if world.people[by].administrator {
        (Action::Administer, Facts::Deployment)
    } else {
        (Action::Grant, Facts::Dataset(Arc::new(about(world, by, openers))))
    };
    decide(&world.principal(&asker, From::Lab), action, &on, at(0)).unwrap()
}

fn answer(world: &World, by: usize, facts: &OpeningFacts, openers: Openers) -> Result<Then, OpeningError> {
    approved(&permit(world, by, openers), facts, None, at(0)).map(|approved| approved.then().clone())
}

/// What is so, who asked, who answers, who opens by the policy, and what comes of it.
type Case<'a> = (&'a str, &'a World, usize, usize, Openers, Result<Then, OpeningError>);

fn to_world() -> Opens {
    Opens::Visibility(Visibility::World)
}

fn terms(role: Role) -> Terms {
    Terms { role, may_share: false, level: None, conditions: Conditions::default() }
}

#[test]
fn a_second_person_approves_and_both_are_judged_then() {
    use Openers::{Administrators, Owners};
    let base = world();
    let with = |change: &dyn Fn(&mut World)| {
        let mut world = base.clone();
        change(&mut world);
        world
    };
    let later = |by| GrantRow { terms: TermsRow::NONE, ..given(To::Person(by), Role::Manager) };
    let for_a_while = with(&|world| {
        let terms = TermsRow { end: Some(100), ..TermsRow::NONE };
        world.datasets[DATASET].grants = vec![GrantRow { terms, ..given(To::Person(MANAGER), Role::Manager) }];
    });
    let suspended = with(&|world| world.people[MANAGER].standing = Standing::Suspended);
    let gone = with(&|world| world.datasets[DATASET].grants = vec![later(OTHER)]);
    let blocked = with(&|world| {
        world.sources[0].blocked.insert(MANAGER);
    });
    let low = with(&|world| world.policy.audience = Audience::Accounts);
    let open = with(&|world| world.datasets[DATASET].visibility = Visibility::World);
    let done = Then::Visible(Visibility::World);
    let ceiling = OpeningError::Grant(GrantError::AudienceTooWide { of: CeilingOf::Deployment });
    let cases: [Case<'_>; 15] = [
        ("the owner, what a manager asked", &base, MANAGER, OWNER, Owners, Ok(done.clone())),
        ("a manager, what the owner asked", &base, OWNER, MANAGER, Owners, Ok(done.clone())),
        ("an administrator", &base, OWNER, ADMINISTRATOR, Owners, Ok(done.clone())),
        ("an administrator, where these open", &base, OWNER, ADMINISTRATOR, Administrators, Ok(done)),
        ("a manager, where administrators open", &base, OWNER, MANAGER, Administrators, Err(OpeningError::NotSecond)),
        ("who asked", &base, OWNER, OWNER, Owners, Err(OpeningError::OwnRequest)),
        ("a manager for a while", &for_a_while, OWNER, MANAGER, Owners, Err(OpeningError::NotSecond)),
        ("asked by a manager for a while", &for_a_while, MANAGER, OWNER, Owners, Err(OpeningError::Over)),
        ("asked by who is suspended", &suspended, MANAGER, OWNER, Owners, Err(OpeningError::Over)),
        ("asked by who manages it no more", &gone, MANAGER, OWNER, Owners, Err(OpeningError::Over)),
        ("asked by who is blocked", &blocked, MANAGER, OWNER, Owners, Err(OpeningError::Over)),
        ("beyond the ceiling", &low, MANAGER, OWNER, Owners, Err(ceiling)),
        ("what is so by now", &open, MANAGER, OWNER, Owners, Err(OpeningError::Over)),
        ("an administrator, asked by who is blocked", &blocked, MANAGER, ADMINISTRATOR, Owners, Err(OpeningError::Over)),
        ("another manager", &gone, OWNER, OTHER, Owners, Ok(Then::Visible(Visibility::World))),
    ];
    for (what, world, asker, by, openers, want) in cases {
        assert_eq!(answer(world, by, &asked(world, asker, to_world(), openers), openers), want, "{what}");
    }
    // Whom the asker made a manager since is no second person, whoever did so before is.
    for (given_at, want) in [(-11, None), (-10, Some(OpeningError::NotSecond)), (5, Some(OpeningError::NotSecond))] {
        let facts = asked(&base, OWNER, to_world(), Owners);
        let mut on = about(&base, MANAGER, Owners);
        for grant in &mut on.reach.here {
            (grant.by, grant.at) = (user_id(OWNER), at(given_at));
        }
        let asker = Asker::Person(MANAGER, TokenRow::whole());
        let permit = decide(&base.principal(&asker, From::Lab), Action::Grant, &Facts::Dataset(Arc::new(on)), at(0)).unwrap();
        assert_eq!(approved(&permit, &facts, None, at(0)).err(), want, "{given_at}");
    }
    // What was answered or has ended, and facts about somebody else.
    let stands = asked(&base, MANAGER, to_world(), Owners);
    for state in [RequestState::Accepted, RequestState::Declined, RequestState::Withdrawn] {
        let over = OpeningFacts { request: Request { state, ..stands.request.clone() }, ..stands.clone() };
        assert_eq!(answer(&base, OWNER, &over, Owners), Err(OpeningError::Over), "{state:?}");
    }
    let other = OpeningFacts { request: Request { wish: Wish::Curation, ..stands.request.clone() }, ..stands.clone() };
    assert_eq!(answer(&base, OWNER, &other, Owners), Err(OpeningError::Over));
    let ended = OpeningFacts { request: Request { until: at(0), ..stands.request.clone() }, ..stands.clone() };
    assert_eq!(answer(&base, OWNER, &ended, Owners), Err(OpeningError::Over));
    let theirs = OpeningFacts { asker: base.user(OTHER), ..stands };
    assert_eq!(answer(&base, OWNER, &theirs, Owners), Err(OpeningError::Over));
}

#[test]
fn a_grant_and_a_part_are_approved_as_they_would_be_made() {
    let mut world = world();
    world.datasets[DATASET].visibility = Visibility::World;
    world.datasets[DATASET].restricted = true;
    let answer = |opens| answer(&world, OWNER, &asked(&world, MANAGER, opens, Openers::Owners), Openers::Owners);
    let Ok(Then::Granted(grant)) = answer(Opens::Grant(Subject::World, terms(Role::Download))) else { panic!("a grant") };
    assert_eq!((grant.subject, grant.role, grant.by, grant.version), (Subject::World, Role::Download, user_id(MANAGER), 1));
    let refused = answer(Opens::Grant(Subject::World, terms(Role::Full)));
    assert_eq!(refused, Err(OpeningError::Grant(GrantError::MoreThanPublic)));
    assert_eq!(answer(Opens::Unrestricted), Ok(Then::Unrestricted));
}

#[test]
fn who_might_open_alone_asks_and_nobody_else() {
    let mut world = world();
    world.datasets[DATASET].visibility = Visibility::Accounts;
    let permit = |person, action| {
        let asker = Asker::Person(person, TokenRow::whole());
        let on = Facts::Dataset(Arc::new(about(&world, person, Openers::Owners)));
        decide(&world.principal(&asker, From::Lab), action, &on, at(0)).unwrap()
    };
    let id = RequestId::new(Uuid::from_u128(1));
    let made = ask(&permit(MANAGER, Action::Grant), to_world(), id, None, at(0)).unwrap();
    let until = made.until.duration_since(made.at).as_secs();
    assert_eq!((made.by, made.dataset, until, made.waits(at(0))), (user_id(MANAGER), dataset_id(DATASET), REQUEST_SECS, true));
    assert_eq!(ask(&permit(MANAGER, Action::Share), to_world(), id, None, at(0)), Err(GrantError::Permit));
    // A second person is for the world; what opens to accounts alone waits for nobody.
    for (to, want) in [(Visibility::World, Err(GrantError::SecondPerson)), (Visibility::Accounts, Ok(())), (Visibility::Private, Ok(()))] {
        let facts = about(&world, OWNER, Openers::Owners);
        let then = Opens::Visibility(to).then(&facts, user_id(OWNER), at(0));
        assert_eq!(may_open_to_all(&permit(OWNER, Action::Grant), &then, at(0)), want, "{to:?}");
    }
}

#[test]
fn a_ceiling_that_may_be_raised_lets_nobody_open_alone() {
    let mut world = world();
    (world.datasets[0].visibility, world.datasets[DATASET].restricted) = (Visibility::World, true);
    world.datasets[0].grants = vec![given(To::World, Role::View)];
    world.policy.audience = Audience::Named;
    let facts = about(&world, OWNER, Openers::Owners);
    let asker = Asker::Person(OWNER, TokenRow::whole());
    let permit = decide(&world.principal(&asker, From::Lab), Action::Grant, &Facts::Dataset(Arc::new(facts.clone())), at(0)).unwrap();
    let then = Opens::Unrestricted.then(&facts, user_id(OWNER), at(0));
    assert_eq!(may_open_to_all(&permit, &then, at(0)), Err(GrantError::SecondPerson));
}
