//! A review link becomes a publication link: who makes it one, and what of it stays.

use domain::{
    code::Code,
    decision::{Action, Denial, Facts, Permit, decide},
    id::LinkId,
    key::{Epoch, KeyHash},
    link::{Birth, Class, Link, LinkError, LinkState, NewLink, Options, Until},
    path::ObjectPath,
    rights::{Right, Role},
    source::{Audience, CeilingOf},
    timing::Timing,
};
use uuid::Uuid;

use crate::model::{
    facts::{at, link_row},
    world::{About, Asker, From, GrantRow, LinkRow, Terms, To, TokenRow, World},
    worlds::{given, live, plain},
};

const OWNER: usize = 0;
const MANAGER: usize = 1;
/// Whoever made the link: may share, and does not administer.
const MAKER: usize = 2;
/// Bits of the code that it gets.
const CODE: [u8; 5] = [7; 5];

/// A review link of `MAKER`'s on a dataset of `OWNER`'s, which `MANAGER` administers.
fn world() -> World {
    let mut world = plain(3, &[("", OWNER), ("a/", OWNER)]);
    world.datasets[1].grants =
        vec![given(To::Person(MANAGER), Role::Manager), GrantRow { may_share: true, ..given(To::Person(MAKER), Role::Full) }];
    world.links = vec![LinkRow { class: Class::Review, end: Some(10), ..live(1, MAKER) }];
    world
}

fn share(world: &World, by: usize, about: About) -> Permit {
    let asker = Asker::Person(by, TokenRow::whole());
    decide(&world.principal(&asker, From::Lab), Action::Share, &world.facts(&asker, about), at(0)).unwrap()
}

fn promoted(world: &World, by: usize, until: Until) -> Result<Link, LinkError> {
    world.link(0).promoted(&share(world, by, About::Dataset(1)), &world.place(1), (until, Some(Code::new(CODE))), at(0))
}

// L12; ACCESS 5, R4
#[test]
fn a_review_link_becomes_the_datasets_own_and_keeps_its_url_and_its_options() {
    let mut world = world();
    world.links[0] = LinkRow {
        hidden: true,
        role: Role::Preview,
        password: Some(1),
        counted: true,
        enabled: false,
        begin: Some(5),
        ..world.links[0].clone()
    };
    let before = world.link(0);
    let after = promoted(&world, OWNER, Until::ClassDefault).unwrap();
    let mut options = before.options.clone();
    options.until = Until::ClassDefault;
    let wanted =
        Link { class: Class::Publication, stewarded: true, via: None, until: None, options, code: Some(Code::new(CODE)), ..before.clone() };
    assert_eq!(after, wanted, "a pause, a password and the rest stay, and so do key, name and maker");
    assert!(before.hides_its_path() && !after.hides_its_path());
    assert_eq!((before.timing(), after.timing()), (Timing::PRIVATE, Timing::WORLD));
    assert_eq!((before.ended_state(), after.ended_state()), (LinkState::Revoked, LinkState::Withdrawn));
    assert_eq!(after.revoke_reason(None), Err(LinkError::ReasonNeeded));
    let again = after.promoted(&share(&world, OWNER, About::Dataset(1)), &world.place(1), (Until::Days(1), None), at(0));
    assert_eq!(again, Ok(after), "once more changes nothing");
}

// SEMANTICS 2: eight characters can be guessed
#[test]
fn what_is_meant_to_be_public_has_a_code_and_nothing_else() {
    for (class, asked, wanted) in [
        (Class::Publication, None, Ok(true)),
        (Class::Publication, Some(true), Ok(true)),
        (Class::Publication, Some(false), Err(LinkError::Code)),
        (Class::Event, None, Ok(false)),
        (Class::Event, Some(false), Ok(false)),
        (Class::Event, Some(true), Ok(true)),
        (Class::Collaboration, None, Ok(false)),
        (Class::Collaboration, Some(true), Err(LinkError::Code)),
        (Class::Review, Some(false), Ok(false)),
        (Class::Review, Some(true), Err(LinkError::Code)),
    ] {
        assert_eq!(class.has_code(asked), wanted, "{class:?} {asked:?}");
    }
    let world = world();
    let permit = share(&world, OWNER, About::Dataset(1));
    let born = |class, code| {
        let birth = Birth { id: LinkId::new(Uuid::from_u128(7)), epoch: Epoch::new([0; 16]), hash: KeyHash::of("key"), code, via: None };
        let ask = NewLink { subpath: ObjectPath::default(), class, options: Options::default() };
        Link::new(&permit, &world.place(1), ask, birth, at(0)).map(|link| link.code)
    };
    let code = Some(Code::new(CODE));
    assert_eq!(born(Class::Event, code), Ok(code));
    assert_eq!(born(Class::Publication, code), Ok(code));
    assert_eq!(born(Class::Review, code), Err(LinkError::Code));
    assert_eq!(born(Class::Collaboration, code), Err(LinkError::Code));
}

// ACCESS 5, R4; ADR 0014
#[test]
fn whoever_makes_publication_links_there_makes_one_of_it_and_nobody_else() {
    let world = world();
    assert!(promoted(&world, OWNER, Until::ClassDefault).is_ok());
    assert!(promoted(&world, MANAGER, Until::ClassDefault).is_ok(), "it acts by its dataset from then on, not by its maker");
    assert_eq!(promoted(&world, MAKER, Until::ClassDefault), Err(LinkError::NotSteward));
    let mut for_a_while = world.clone();
    for_a_while.datasets[1].grants[0].terms = Terms { end: Some(10), ..for_a_while.datasets[1].grants[0].terms };
    assert_eq!(promoted(&for_a_while, MANAGER, Until::Days(1)), Err(LinkError::NotSteward));
    for (permit, refused) in
        [(share(&world, MAKER, About::Link(0)), LinkError::NotSteward), (share(&world, OWNER, About::Dataset(0)), LinkError::Permit)]
    {
        assert_eq!(world.link(0).promoted(&permit, &world.place(1), (Until::ClassDefault, None), at(0)), Err(refused));
    }
    let elsewhere = world.link(0).promoted(&share(&world, OWNER, About::Dataset(1)), &world.place(0), (Until::ClassDefault, None), at(0));
    assert_eq!(elsewhere, Err(LinkError::Permit), "the place is another");
}

#[test]
fn what_a_publication_link_may_be_a_promoted_one_may_be() {
    let mut closed = world();
    closed.sources[0].audience = Audience::Link;
    assert_eq!(promoted(&closed, OWNER, Until::ClassDefault), Err(LinkError::AudienceTooWide { of: CeilingOf::Source }));
    let mut short = world();
    short.sources[0].life_days = Some(30);
    assert_eq!(
        promoted(&short, OWNER, Until::ClassDefault),
        Err(LinkError::UntilTooFar { days_max: 30, of: Some(CeilingOf::Source) }),
        "never is longer than any"
    );
    let made = short.links[0].made;
    let last = Until::At(at(made + 30 * 86_400));
    assert_eq!(promoted(&short, OWNER, last).map(|link| link.until), Ok(Some(at(made + 30 * 86_400))), "counted from its making");
    assert_eq!(
        promoted(&short, OWNER, Until::At(at(made + 30 * 86_400 + 1))),
        Err(LinkError::UntilTooFar { days_max: 30, of: Some(CeilingOf::Source) })
    );
    let mut late = world();
    late.links[0].begin = Some(100);
    assert_eq!(promoted(&late, OWNER, Until::At(at(100))), Err(LinkError::NeverOpen));
    for class in [Class::Collaboration, Class::Event] {
        let mut other = world();
        other.links[0].class = class;
        assert_eq!(promoted(&other, OWNER, Until::ClassDefault), Err(LinkError::NotReview), "{class:?}");
    }
}

// The review may be over, and its maker gone, when the paper is accepted
#[test]
fn a_link_that_ended_or_stopped_opens_again_as_a_publication() {
    let stopped = |change: fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        world
    };
    for (world, before) in [
        (stopped(|world| world.links[0].end = Some(-1)), LinkState::Expired),
        (stopped(|world| world.datasets[1].grants[1].active = false), LinkState::Stopped),
        (stopped(|world| world.links[0].enabled = false), LinkState::Paused),
    ] {
        let facts = world.link_facts(0, None);
        assert_eq!(facts.state(at(0)), before);
        let mut after = facts;
        after.link = promoted(&world, OWNER, Until::ClassDefault).unwrap();
        let wanted = if before == LinkState::Paused { LinkState::Paused } else { LinkState::Live };
        assert_eq!(after.state(at(0)), wanted, "{before:?}");
    }
}

// ACCESS 5, R5: it is its dataset's then
#[test]
fn whoever_made_it_sees_it_then_and_changes_it_no_more() {
    let mut world = world();
    world.links[0] = link_row(&promoted(&world, OWNER, Until::ClassDefault).unwrap(), 1, MAKER);
    let asked = |by: usize, action| {
        let asker = Asker::Person(by, TokenRow::whole());
        let facts: Facts = world.facts(&asker, About::Link(0));
        decide(&world.principal(&asker, From::Lab), action, &facts, at(0)).map(|_permit| ())
    };
    let lacks = Err(Denial::Lacks { right: Right::Administer });
    assert_eq!([Action::See, Action::Narrow, Action::Share].map(|action| asked(MAKER, action)), [Ok(()), lacks, lacks]);
    for by in [OWNER, MANAGER] {
        assert_eq!([Action::See, Action::Narrow, Action::Share].map(|action| asked(by, action)), [Ok(()); 3], "{by}");
    }
}
