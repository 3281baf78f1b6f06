//! What waits for somebody who is to come, or to agree (ACCESS 6, 7): who sends it, how long, and whom it becomes what.

use domain::{
    address::{AddressKey, EmailAddress},
    decision::{Action, Permit, decide},
    delegation,
    grant::{Conditions, GrantError, ProjectRole, Subject},
    invitation::{Invitation, InvitationState, Invitee, Promise, Target, invited, invited_into, met, readdressed},
    limits::INVITATION_SECS,
    rights::Role,
};

use crate::model::{
    facts::{at, dataset_id, project_id, user_id},
    world::{About, Asker, From, TokenRow, World},
    worlds::plain,
};

const OWNER: usize = 0;
const OTHER: usize = 1;
const DATASET: usize = 1;

fn world() -> World {
    plain(3, &[("", OWNER), ("a/", OWNER)])
}

fn permit(world: &World) -> Permit {
    let asker = Asker::Person(OWNER, TokenRow::whole());
    decide(&world.principal(&asker, From::Anywhere), Action::Grant, &world.facts(&asker, About::Dataset(DATASET)), at(0)).unwrap()
}

fn terms() -> delegation::Terms {
    delegation::Terms { role: Role::View, may_share: false, level: None, conditions: Conditions::default() }
}

fn send(to: Invitee, there: Option<&Invitation>, now: i64) -> Result<Invitation, GrantError> {
    let world = world();
    invited(&permit(&world), &world.user(OWNER), (dataset_id(DATASET), to), terms(), there, at(now))
}

fn address() -> Invitee {
    Invitee::Address(AddressKey::new(vec![7; 32]).unwrap().email(&EmailAddress::parse("bo@lab.example").unwrap()))
}

fn other() -> Invitee {
    Invitee::Person(user_id(OTHER))
}

// ACCESS 7
#[test]
fn whoever_declined_is_left_alone_until_it_would_have_ended() {
    let first = send(other(), None, 0).unwrap();
    assert_eq!((first.until, first.version, first.target()), (at(INVITATION_SECS), 1, Target::Dataset(dataset_id(DATASET))));
    for state in InvitationState::ALL {
        let there = first.turned(state);
        let again = send(other(), Some(&there), INVITATION_SECS - 1);
        if state == InvitationState::Declined {
            assert_eq!(again, Err(GrantError::DeclinedLately { from: first.until }));
        } else {
            assert_eq!(again.map(|again| again.version), Ok(3), "{state:?}");
        }
        assert!(send(other(), Some(&there), INVITATION_SECS).is_ok(), "{state:?}");
    }
    assert_eq!(send(Invitee::Person(user_id(OWNER)), None, 0), Err(GrantError::ToOneself));
    assert_eq!(send(address(), Some(&first), 0), Err(GrantError::Permit), "in another's place");
}

#[test]
fn what_waits_for_a_person_becomes_a_grant_of_that_person_alone() {
    let world = world();
    let (owner, permit) = (world.user(OWNER), permit(&world));
    let sent = send(other(), None, 0).unwrap();
    let given = |sent: &Invitation, person: usize, now: i64| met(&permit, &owner, sent, user_id(person), None, at(now));
    assert_eq!(given(&sent, OTHER, 0).map(|grant| (grant.subject, grant.by)), Ok((Subject::User(user_id(OTHER)), user_id(OWNER))));
    assert_eq!(given(&sent, 2, 0), Err(GrantError::Permit));
    assert_eq!(given(&sent, OTHER, INVITATION_SECS), Err(GrantError::NeverCounts));
    for state in [InvitationState::Met, InvitationState::Declined, InvitationState::Withdrawn] {
        assert_eq!(given(&sent.turned(state), OTHER, 0), Err(GrantError::NeverCounts), "{state:?}");
    }
    // By whoever sent it, and of what it is to.
    assert_eq!(given(&Invitation { by: user_id(2), ..sent.clone() }, OTHER, 0), Err(GrantError::Permit));
    let into = Invitation { promise: Promise::Part(project_id(0), ProjectRole::Member), ..sent };
    assert_eq!(given(&into, OTHER, 0), Err(GrantError::Permit));
    // A permit to grant lets nobody into a project.
    let joins = invited_into(&permit, project_id(0), (user_id(OTHER), ProjectRole::Member), None, at(0));
    assert_eq!(joins, Err(GrantError::Permit));
}

#[test]
fn what_waited_for_an_address_waits_for_its_person_no_longer_than_before() {
    let sent = send(address(), None, 0).unwrap();
    let now = at(60);
    let to_person = readdressed(&sent, user_id(OTHER), None, now).unwrap();
    assert_eq!((to_person.to, to_person.until, to_person.at, to_person.version), (other(), sent.until, sent.at, 1));
    assert_eq!((&to_person.promise, to_person.by), (&sent.promise, sent.by));
    assert_eq!(readdressed(&to_person, user_id(OTHER), None, now), Err(GrantError::NeverCounts), "once");
    assert_eq!(readdressed(&sent.turned(InvitationState::Withdrawn), user_id(OTHER), None, now), Err(GrantError::NeverCounts));
    let declined = to_person.turned(InvitationState::Declined);
    let again = readdressed(&sent, user_id(OTHER), Some(&declined), now);
    assert_eq!(again, Err(GrantError::DeclinedLately { from: sent.until }));
}
