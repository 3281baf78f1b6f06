//! The life of a connection between two people: who may do what, in which state (ACCESS 7).

use std::sync::Arc;

use domain::{
    connection::{Connection, ConnectionError, ConnectionState, Directory, Turn, connection_asked, connects, named_since},
    dataset::Dataset,
    decision::{Action, Facts, Permit, Place, Principal, Who, decide},
    grant::{Conditions, Grant, Hold, Net, Policy, Subject, Zones},
    id::{DatasetId, ProjectId, SourceId, TokenId, UserId},
    key::KeyHash,
    limits::{CONNECTION_AGAIN_SECS, CONNECTION_PENDING_SECS, CONTEXT_PEOPLE_MAX},
    path::ObjectPath,
    policy::DeploymentPolicy,
    project::Project,
    rights::Role,
    source::{Audience, Ceilings, Source, SourceName, State, Store},
    token::{Scope, Token, TokenKind},
    user::{Standing, User},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(2_000_000_000).unwrap() + SignedDuration::from_secs(secs)
}

fn person(number: u128) -> User {
    let (id, name) = (UserId::new(Uuid::from_u128(number)), number.to_string());
    User::new(id, name)
}

/// A permit of this person's; without the scope `groups` there is none.
fn permit(user: &User) -> Permit {
    let token = Token {
        id: TokenId::new(Uuid::nil()),
        kind: TokenKind::Session,
        hash: KeyHash::of(""),
        owner: user.id,
        label: String::new(),
        scopes: vec![Scope::Groups],
        dataset: None,
        until: Timestamp::MAX,
        made: at(0),
        revoked: None,
    };
    let who = Who::Token { user: Arc::new(user.clone()), token: Arc::new(token) };
    decide(&Principal { who, net: Net::Unknown }, Action::Gather, &Facts::Deployment, at(0)).unwrap()
}

/// Ada asked Bo.
fn asked(state: ConnectionState) -> Connection {
    let (ada, bo) = (person(1), person(2));
    let made = connection_asked(&permit(&ada), &bo, None, at(0)).unwrap().unwrap();
    assert_eq!((made.by, made.to, made.state, made.version), (ada.id, bo.id, ConnectionState::Pending, 1));
    assert_eq!((made.at, made.since, made.until), (at(0), at(0), at(CONNECTION_PENDING_SECS)));
    Connection { state, ..made }
}

const LAST: i64 = CONNECTION_PENDING_SECS - 1;

#[test]
fn each_of_the_two_does_what_is_theirs_while_it_is_due() {
    use ConnectionState::{Accepted, Cancelled, Pending, Rejected, Removed};
    let (ada, bo, cy) = (person(1), person(2), person(3));
    let (over, side) = (Err(ConnectionError::Over), Err(ConnectionError::OtherSide));
    let same = Ok(None);
    let to = |state| Ok(Some(state));
    // What Ada, who asked, and Bo, who was asked, come to by accepting, rejecting, cancelling and removing.
    for (what, state, secs, by_ada, by_bo) in [
        ("waits", Pending, LAST, [side, side, to(Cancelled), over], [to(Accepted), to(Rejected), side, over]),
        ("expired", Pending, LAST + 1, [side, side, over, over], [over, over, side, over]),
        ("accepted", Accepted, 5, [side, side, over, to(Removed)], [same, over, side, to(Removed)]),
        ("rejected", Rejected, 5, [side, side, over, over], [over, same, side, over]),
        ("cancelled", Cancelled, 5, [side, side, same, over], [over, over, side, over]),
        ("removed", Removed, 5, [side, side, over, same], [over, over, side, same]),
    ] {
        let there = asked(state);
        for (by, other, wanted) in [(&ada, &bo, by_ada), (&bo, &ada, by_bo)] {
            for (turn, wanted) in Turn::ALL.into_iter().zip(wanted) {
                let turned = there.turned(&permit(by), other, turn, at(secs));
                assert_eq!(turned.map(|after| after.map(|after| after.state)), wanted, "{what} {} {turn:?}", by.name);
                if let Ok(Some(after)) = turned {
                    assert_eq!(after, Connection { state: after.state, since: at(secs), version: 2, ..there }, "{what} {turn:?}");
                }
            }
        }
        for turn in Turn::ALL {
            for (by, other) in [(&cy, &ada), (&ada, &cy), (&ada, &ada)] {
                assert_eq!(there.turned(&permit(by), other, turn, at(0)), Err(ConnectionError::Permit), "{what} {turn:?}");
            }
        }
        assert_eq!((there.other_than(ada.id), there.other_than(bo.id)), (bo.id, ada.id));
    }
    // Nobody agrees with somebody who may not act; what ends something is done all the same.
    let gone = User { standing: Standing::Suspended, ..ada };
    let by_bo = |state, turn| asked(state).turned(&permit(&bo), &gone, turn, at(5)).map(|after| after.map(|after| after.state));
    assert_eq!(by_bo(Pending, Turn::Accept), Err(ConnectionError::Suspended));
    assert_eq!((by_bo(Pending, Turn::Reject), by_bo(Accepted, Turn::Remove)), (to(Rejected), to(Removed)));
}

#[test]
fn it_is_asked_again_after_each_end() {
    use ConnectionState::{Accepted, Cancelled, Pending, Rejected, Removed};
    let (ada, bo) = (person(1), person(2));
    let (again, same) = (Ok(true), Ok(false));
    let lately = Err(ConnectionError::RejectedLately { from: at(CONNECTION_AGAIN_SECS) });
    for (what, state, secs, by_ada, by_bo) in [
        ("waits", Pending, LAST, same, Err(ConnectionError::OtherAsked)),
        ("expired", Pending, LAST + 1, again, again),
        ("accepted", Accepted, LAST + 1, Err(ConnectionError::Connected), Err(ConnectionError::Connected)),
        ("rejected", Rejected, CONNECTION_AGAIN_SECS - 1, lately, again),
        ("rejected long ago", Rejected, CONNECTION_AGAIN_SECS, again, again),
        ("cancelled", Cancelled, 0, again, again),
        ("removed", Removed, 0, again, again),
    ] {
        let there = asked(state);
        for (by, other, wanted) in [(&ada, &bo, by_ada), (&bo, &ada, by_bo)] {
            let made = connection_asked(&permit(by), other, Some(&there), at(secs));
            assert_eq!(made.map(|made| made.is_some()), wanted, "{what} {}", by.name);
            if let Ok(Some(made)) = made {
                assert_eq!((made.by, made.to, made.at, made.version), (by.id, other.id, at(secs), 2), "{what}");
                assert!(made.waits(at(secs)) && made.waits(at(secs + LAST)) && !made.waits(at(secs + LAST + 1)));
            }
        }
        let gone = User { standing: Standing::Suspended, ..bo.clone() };
        let asks = connection_asked(&permit(&ada), &gone, Some(&there), at(secs)).map(|made| made.is_some());
        assert_eq!(asks, if by_ada == again { Err(ConnectionError::Suspended) } else { by_ada }, "{what}");
    }
    assert_eq!(connection_asked(&permit(&ada), &ada, None, at(0)), Err(ConnectionError::Oneself));
    assert_eq!(connection_asked(&permit(&person(3)), &bo, Some(&asked(Removed)), at(0)), Err(ConnectionError::Permit));
}

fn a_place() -> Place {
    let (id, root) = (SourceId::new(Uuid::nil()), DatasetId::new(Uuid::nil()));
    let store = Store { bucket: "lab".into(), region: "r".into(), endpoint: None, path_style: true, role: None, requester_pays: false };
    let ceilings = Ceilings { audience: Audience::Named, link_days_max: None, zones: Zones::EVERYWHERE, hard_zones: false, terms: None };
    let (name, prefix) = (SourceName::parse("lab").unwrap(), ObjectPath::default());
    let source = Source {
        id,
        name,
        store,
        prefix,
        ceilings,
        policy: DeploymentPolicy::NONE,
        writable: false,
        serving: true,
        state: State::Active,
        root,
        version: 1,
    };
    Place { source, dataset: Dataset::root(root, id, person(1).id, at(0)) }
}

// ACCESS 7: both owner or direct grantee of one dataset
#[test]
fn somebody_is_named_in_a_dataset_by_owning_it_or_by_a_grant_of_his_own() {
    let (ada, bo) = (person(1).id, person(2).id);
    let place = a_place();
    let grant = Grant {
        subject: Subject::User(bo),
        role: Role::Preview,
        may_share: false,
        level: None,
        conditions: Conditions::default(),
        by: ada,
        at: at(-5),
        hold: Hold::Active,
        version: 1,
    };
    let until = |secs| Conditions { until: Some(at(secs)), ..Conditions::default() };
    let from = |secs| Conditions { not_before: Some(at(secs)), ..Conditions::default() };
    let lab = Conditions { zones: Zones::parse(&["10.0.0.0/8".to_owned()]).unwrap(), ..Conditions::default() };
    for (what, grant, named) in [
        ("granted", grant.clone(), true),
        ("withdrawn", Grant { hold: Hold::Withdrawn, ..grant.clone() }, false),
        ("ended", Grant { conditions: until(0), ..grant.clone() }, false),
        ("ends", Grant { conditions: until(1), ..grant.clone() }, true),
        ("begins", Grant { conditions: from(0), ..grant.clone() }, true),
        ("to begin", Grant { conditions: from(1), ..grant.clone() }, false),
        ("from some networks", Grant { conditions: lab, ..grant.clone() }, true),
        ("broke the glass", Grant { by: bo, ..grant.clone() }, false),
        ("another's", Grant { subject: Subject::User(person(3).id), ..grant.clone() }, false),
        ("everybody's", Grant { subject: Subject::Accounts, ..grant.clone() }, false),
        ("a project's", Grant { subject: Subject::Project(ProjectId::new(Uuid::nil())), ..grant.clone() }, false),
    ] {
        assert_eq!(named_since(&place, bo, Some(&grant), at(0)), named.then(|| at(-5)), "{what}");
        assert_eq!(named_since(&place, ada, Some(&grant), at(0)), Some(at(0)), "its owner, {what}");
    }
    assert_eq!(named_since(&place, bo, None, at(0)), None);
    let gone = Place { dataset: Dataset { state: State::Retired, ..place.dataset.clone() }, ..place.clone() };
    let closed = Place { source: Source { state: State::Retired, ..place.source.clone() }, ..place };
    for retired in [gone, closed] {
        assert_eq!((named_since(&retired, ada, None, at(0)), named_since(&retired, bo, Some(&grant), at(0))), (None, None));
    }
}

// FEATURES A8: were here before
#[test]
fn what_began_before_people_were_asked_was_before_and_nothing_else() {
    let asks = Directory::Connections { since: Some(at(10)) };
    for (directory, at_secs, before) in [
        (asks, 9, true),
        (asks, 10, false),
        (asks, 11, false),
        (Directory::Connections { since: None }, 9, false),
        (Directory::Open, 9, false),
    ] {
        assert_eq!(directory.was_before(at(at_secs)), before, "{directory:?} {at_secs}");
    }
}

#[test]
fn a_project_connects_those_who_are_in_it_where_they_are_few() {
    let (id, name) = (ProjectId::new(Uuid::nil()), "retina".to_owned());
    let project = Project { id, name, policy: Policy::FIRST, managers: 1, state: State::Active, made: at(0), version: 1 };
    let most = usize::from(CONTEXT_PEOPLE_MAX);
    assert!(connects(&project, 2) && connects(&project, most) && !connects(&project, most + 1));
    assert!(!connects(&Project { state: State::Retired, ..project }, 2));
}
