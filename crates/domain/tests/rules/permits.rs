//! A permit is proof of one answer and of no other: for the one who asked, for what was asked, about what was asked.

use std::sync::Arc;

use domain::{
    clone::ReferenceClone,
    dataset::Kind,
    decision::{Action, DatasetFacts, Denial, Facts, Permit, ReadScope, Who, decide},
    grant::{Membership, Policy, ProjectRole, Reach},
    link::{Class, LinkState},
    path::{ObjectPath, PathError},
    rights::Role,
    timing::Timing,
    token::{Scope, Token, TokenKind},
};
use jiff::Timestamp;

use crate::model::{
    facts::{at, clone_of, dataset_id, group_id, link_id, path, project_id, source_id, user_id},
    world::{About, Asker, From, GrantRow, LinkRow, OfferRow, ProjectRow, To, TokenRow, World},
    worlds::{gathered, given, live, plain},
};

/// Owns everything there is, and administers the deployment.
const OWNER: usize = 0;

fn world() -> World {
    let mut world = plain(2, &[("", OWNER), ("a/", OWNER)]);
    world.people[OWNER].administrator = true;
    world.groups = vec![gathered(OWNER, &[]), gathered(OWNER, &[])];
    world.projects = vec![ProjectRow { policy: Policy::FIRST, members: [(OWNER, ProjectRole::Manager)].into() }; 2];
    world.links = vec![live(1, OWNER), live(0, OWNER), LinkRow { class: Class::Review, subpath: "x.csv".to_owned(), ..live(1, OWNER) }];
    world
}

fn permit(world: &World, action: Action, about: About) -> Result<Permit, Denial> {
    let asker = Asker::Person(OWNER, TokenRow::whole());
    decide(&world.principal(&asker, From::Lab), action, &world.facts(&asker, about), at(0))
}

#[test]
fn a_permit_proves_one_answer_and_no_other() {
    let world = world();
    let owner = Some(user_id(OWNER));
    for about in [About::Dataset(1), About::Link(0), About::Group(0), About::Project(0), About::Clone(OWNER), About::Deployment] {
        for action in Action::ALL {
            let Ok(permit) = permit(&world, action, about) else { continue };
            let what = format!("{action:?} of {about:?}");
            let when = |holds: bool| owner.filter(|_| holds);
            let (on_dataset, on_link) = (about == About::Dataset(1), about == About::Link(0));
            assert_eq!(permit.by(), owner, "{what}");
            for other in Action::ALL {
                assert_eq!(permit.allows(other, dataset_id(1)), when(on_dataset && action == other), "{what}");
                assert_eq!(permit.allows(other, dataset_id(0)), None, "{what}");
            }
            let shares = action == Action::Share;
            assert_eq!(permit.allows_share_on(dataset_id(1)), when(shares && (on_dataset || on_link)), "{what}");
            assert_eq!(permit.allows_share_on(dataset_id(0)), None, "{what}");
            assert_eq!(permit.may_steward(), shares && on_dataset, "{what}");
            assert_eq!(permit.allows_change_of(link_id(0)), when(on_link && (shares || action == Action::Narrow)), "{what}");
            assert_eq!(permit.allows_change_of(link_id(1)), None, "{what}");
            let (changes, clone) = (about == About::Clone(OWNER) && action == Action::Clone, clone_of(OWNER));
            assert_eq!(permit.allows_change_of_clone(clone.id), when(changes), "{what}");
            assert_eq!(permit.allows_change_of_clone(clone_of(OWNER + 1).id), None, "{what}");
            let cloned =
                ReferenceClone::new(&permit, dataset_id(1), clone.id, ("mine".to_owned(), None), at(0)).ok().map(|clone| clone.owner);
            assert_eq!(cloned, when(on_dataset && action == Action::Clone), "{what}");
            let gathers = action == Action::Gather;
            assert_eq!(permit.allows_gather(group_id(0)), when(gathers && about == About::Group(0)), "{what}");
            assert_eq!(permit.sees_group(group_id(0)), when(action == Action::See && about == About::Group(0)), "{what}");
            assert_eq!((permit.allows_gather(group_id(1)), permit.sees_group(group_id(1))), (None, None), "{what}");
            assert_eq!(permit.allows_manage(project_id(0)), when(gathers && about == About::Project(0)), "{what}");
            assert_eq!(permit.is_in(project_id(0)), when(action == Action::See && about == About::Project(0)), "{what}");
            assert_eq!((permit.allows_manage(project_id(1)), permit.is_in(project_id(1))), (None, None), "{what}");
            assert_eq!(permit.allows_new_group(), when(gathers && about == About::Deployment), "{what}");
            assert_eq!(permit.allows_connecting(), permit.allows_new_group(), "{what}");
            assert_eq!(permit.allows_administer(), when(action == Action::Administer), "{what}");
            let register = permit.place_to_register().map(|place| place.dataset.id);
            assert_eq!(register, Some(dataset_id(1)).filter(|_| action == Action::Register), "{what}");
            let levels = permit.place_of_levels().map(|place| place.dataset.id);
            let looks = on_dataset && matches!(action, Action::Register | Action::Grant);
            assert_eq!(levels, Some(dataset_id(1)).filter(|_| looks), "{what}");
            assert_eq!(permit.scope().is_some(), matches!(action, Action::Read | Action::List | Action::Copy), "{what}");
            let receives = permit.facts_to_receive().map(|facts| facts.place.dataset.id);
            assert_eq!(receives, Some(dataset_id(1)).filter(|_| action == Action::Receive), "{what}");
            for (kind, by) in [
                (TokenKind::Api, Some(Action::MakeToken)),
                (TokenKind::Viewer, Some(Action::MakeToken)),
                (TokenKind::Ticket, Some(Action::MakeTicket)),
                (TokenKind::Session, None),
                (TokenKind::Code, None),
                (TokenKind::Provider, None),
            ] {
                assert_eq!(permit.allows_token(kind), by == Some(action), "{what}: {kind:?}");
            }
        }
    }
    let holder = decide(&world.principal(&Asker::Holder, From::Lab), Action::Read, &world.facts(&Asker::Holder, About::Link(0)), at(0));
    assert_eq!(holder.unwrap().by(), None);
}

#[test]
fn a_permit_to_answer_an_offer_answers_no_other() {
    let mut world = plain(2, &[("", 1)]);
    let offer = OfferRow { dataset: 0, by: 1, from: 1, to: OWNER, end: 60, waits: true };
    world.offers = vec![offer.clone(), OfferRow { dataset: 0, ..offer }];
    let answer = permit(&world, Action::HandOver, About::Offer(0)).unwrap();
    let answered = [0, 1].map(|offer| answer.allows_answer_to(world.offer(offer).id));
    assert_eq!(answered, [Some(user_id(OWNER)), None]);
    assert_eq!(answer.allows_succession(dataset_id(0)), None, "its owner is there");
    for action in Action::ALL.into_iter().filter(|action| *action != Action::HandOver) {
        let allowed = permit(&world, action, About::Offer(0)).ok().and_then(|permit| permit.allows_answer_to(world.offer(0).id));
        assert_eq!(allowed, None, "{action:?}");
    }
}

#[test]
fn a_link_into_what_was_restricted_is_stopped() {
    let mut world = plain(1, &[("", OWNER), ("a/", OWNER), ("a/x/", OWNER)]);
    world.links = ["", "x/", "x/y/", "xy/"].map(|subpath| LinkRow { subpath: subpath.to_owned(), ..live(1, OWNER) }).to_vec();
    let states = |world: &World| [0, 1, 2, 3].map(|link| world.link_facts(link, None).state(at(0)));
    assert_eq!(states(&world), [LinkState::Live; 4]);
    world.datasets[2].restricted = true;
    assert_eq!(states(&world), [LinkState::Live, LinkState::Stopped, LinkState::Stopped, LinkState::Live]);
}

#[test]
fn a_token_makes_no_token_and_what_only_reads_makes_no_ticket() {
    let world = world();
    let by = |action, about, change: &dyn Fn(&mut Token)| {
        let asker = Asker::Person(OWNER, TokenRow::whole());
        let mut principal = world.principal(&asker, From::Lab);
        let Who::Token { token, .. } = &mut principal.who else { panic!("a person") };
        change(Arc::make_mut(token));
        decide(&principal, action, &world.facts(&asker, about), at(0)).map(drop)
    };
    assert_eq!(by(Action::MakeToken, About::Deployment, &|token| token.kind = TokenKind::Session), Ok(()));
    for kind in [TokenKind::Api, TokenKind::Viewer, TokenKind::Code, TokenKind::Provider] {
        assert_eq!(by(Action::MakeToken, About::Deployment, &|token| token.kind = kind), Err(Denial::NotSession), "{kind:?}");
    }
    let scopes = |scopes: &'static [Scope]| move |token: &mut Token| token.scopes = scopes.to_vec();
    let needed = |needed| Err(Denial::Scope { needed });
    assert_eq!(by(Action::MakeTicket, About::Dataset(1), &scopes(&[Scope::Data])), Ok(()));
    assert_eq!(by(Action::MakeTicket, About::Dataset(1), &scopes(&[Scope::Links])), needed(Scope::Data));
    for kind in [TokenKind::Viewer, TokenKind::Ticket] {
        assert_eq!(by(Action::MakeTicket, About::Dataset(1), &|token| token.kind = kind), needed(Scope::Read), "{kind:?}");
        assert_eq!(by(Action::Read, About::Dataset(1), &|token| token.kind = kind), Ok(()), "{kind:?}");
    }
}

#[test]
fn what_is_opened_says_how_it_is_opened() {
    let world = world();
    let read = |asker: &Asker, about| decide(&world.principal(asker, From::Lab), Action::Read, &world.facts(asker, about), at(0)).unwrap();
    let owner = Asker::Person(OWNER, TokenRow::whole());
    let named = read(&owner, About::Dataset(1));
    let named = named.scope().unwrap();
    assert_eq!((named.name(), named.tag(), named.timing()), ("a", dataset_id(1).text(), Timing::PRIVATE));
    assert_eq!((named.is_streamed(), named.is_single_object()), (false, false));
    assert_eq!((named.source().id, named.store().bucket.as_str()), (source_id(0), "bucket-0"));
    let root = read(&owner, About::Dataset(0));
    assert_eq!(root.scope().unwrap().name(), "source-0", "the root is named after its source");
    let link = read(&Asker::Holder, About::Link(0));
    let link = link.scope().unwrap();
    assert_eq!((link.name(), link.tag(), link.timing()), ("name", link_id(0).text(), Timing::PRIVATE));
    assert_eq!((link.is_streamed(), link.is_single_object(), link.source().id), (false, false, source_id(0)));
    assert_eq!(link.until(), None, "nothing that it rests on ends");
    let review = read(&Asker::Holder, About::Link(2));
    let review = review.scope().unwrap();
    assert_eq!((review.is_streamed(), review.is_single_object()), (true, true), "a review link hides its path");
    assert_eq!(review.key(&path("x")).map(drop), Err(Denial::NoSuchObject));
    let mut publication = world.clone();
    publication.links[0].class = Class::Publication;
    let facts = publication.facts(&Asker::Holder, About::Link(0));
    let permit = decide(&publication.principal(&Asker::Holder, From::Lab), Action::Read, &facts, at(0)).unwrap();
    assert_eq!(permit.scope().unwrap().timing(), Timing::WORLD);
    let mut file = world.clone();
    file.datasets[1].kind = Kind::File;
    for about in [About::Dataset(1), About::Link(0)] {
        let asker = if about == About::Link(0) { Asker::Holder } else { owner.clone() };
        let permit = decide(&file.principal(&asker, From::Lab), Action::Read, &file.facts(&asker, about), at(0)).unwrap();
        assert!(permit.scope().unwrap().is_single_object());
    }
}

// SEMANTICS 5: by its name, through what it lies in, and by every link that stands on it or rests on it; not through what lies above it.
#[test]
fn what_rests_on_a_strict_dataset_lives_by_the_strict_times() {
    let mut world = plain(2, &[("", OWNER), ("a/", OWNER), ("a/b/", OWNER)]);
    world.links = vec![live(0, OWNER), live(1, OWNER), live(2, OWNER)];
    let publication = |dataset| LinkRow { class: Class::Publication, stewarded: true, ..live(dataset, OWNER) };
    world.links.extend([publication(0), publication(1)]);
    let timing = |world: &World, about, read: &dyn Fn(&mut Reach)| {
        let asker = if matches!(about, About::Link(_)) { Asker::Holder } else { Asker::Person(OWNER, TokenRow::whole()) };
        let facts = match about {
            About::Link(link) => {
                let mut facts = world.link_facts(link, None);
                read(&mut facts.reach);
                Facts::Link(Arc::new(facts))
            }
            _ => world.facts(&asker, about),
        };
        decide(&world.principal(&asker, From::Lab), Action::Read, &facts, at(0)).unwrap().scope().unwrap().timing()
    };
    // Of a link only that is read which its maker's right rests on, and nothing of a stewarded one's.
    let own = |reach: &mut Reach| reach.above.clear();
    let all = |_: &mut Reach| {};
    let abouts = [About::Dataset(0), About::Dataset(1), About::Dataset(2)].into_iter().chain((0..5).map(About::Link));
    let times = |world: &World, read| abouts.clone().map(|about| timing(world, about, read)).collect::<Vec<_>>();
    let (private, strict, open) = (Timing::PRIVATE, Timing::STRICT, Timing::WORLD);
    let usual = vec![private, private, private, private, private, private, open, open];
    assert_eq!((times(&world, &own), times(&world, &all)), (usual.clone(), usual));
    world.datasets[1].strict = true;
    assert_eq!(times(&world, &own), [private, strict, strict, private, strict, private, open, strict]);
    assert_eq!(times(&world, &all), [private, strict, strict, private, strict, strict, open, strict]);
    // Whatever is granted above stops at it; that it lies there does not.
    world.datasets[2].restricted = true;
    assert_eq!(timing(&world, About::Dataset(2), &all), strict);
    // One above could not be read: nobody knows that it is not strict.
    let mut facts = world.dataset_facts(2, Some(OWNER));
    facts.reach.above.pop();
    assert_eq!(facts.timing(), strict);
}

#[test]
fn a_key_that_no_store_can_have_is_refused() {
    let world = world();
    let permit = permit(&world, Action::Read, About::Dataset(1)).unwrap();
    let longest = ObjectPath::from_decoded("x".repeat(1_024 - "lab/a/".len())).unwrap();
    assert!(permit.scope().unwrap().key(&longest).is_ok());
    let longer = ObjectPath::from_decoded("x".repeat(1_025 - "lab/a/".len())).unwrap();
    assert_eq!(permit.scope().unwrap().key(&longer), Err(Denial::Path(PathError::TooLong)));
}

// Of images "" and "b/" with three levels each.
#[test]
fn whose_metadata_are_shown_in_part_is_shown_the_levels_that_open() {
    let scoped = |grants: [Vec<GrantRow>; 2], ask: &dyn Fn(&ReadScope<'_>)| {
        let mut world = plain(2, &[("", OWNER), ("a/", OWNER), ("a/b/", OWNER)]);
        [world.datasets[0].grants, world.datasets[1].grants] = grants;
        (world.datasets[1].levelled, world.datasets[2].restricted) = (true, true);
        let asker = Asker::Person(1, TokenRow::whole());
        let permit = decide(&world.principal(&asker, From::Lab), Action::Read, &world.facts(&asker, About::Dataset(1)), at(0)).unwrap();
        ask(&permit.scope().unwrap());
    };
    let preview = |level| vec![GrantRow { level, ..given(To::Person(1), Role::Preview) }];
    let shown = |scope: &ReadScope<'_>| ["0/", "1/", "2/", "b/2/", "c/"].map(|array| scope.shows(&path(array)));
    scoped([Vec::new(), preview(Some(1))], &|scope| {
        assert!(scope.has_coarse_alone());
        assert_eq!(shown(scope), [false, true, true, false, false], "what is restricted is nobody's to see, nor what is no array");
    });
    scoped([Vec::new(), preview(None)], &|scope| {
        assert_eq!((scope.has_coarse_alone(), shown(scope)), (false, [false; 5]), "metadata alone");
    });
    let whole = vec![given(To::Person(1), Role::View)];
    scoped([whole, preview(Some(1))], &|scope| {
        assert!(!scope.has_coarse_alone(), "all of it, by another way");
    });
}

// A key of another source is nobody's to see, however the question came about.
#[test]
fn what_lies_outside_the_source_is_hidden() {
    let mut world = plain(1, &[("", OWNER), ("a/", OWNER), ("a/x/", OWNER)]);
    world.datasets[2].restricted = true;
    let permit = permit(&world, Action::List, About::Dataset(1)).unwrap();
    let hides = |key: &str| permit.scope().unwrap().hides(&path(key));
    assert!(hides("elsewhere/a/b") && hides("a/b") && hides("lab/a/x/0") && !hides("lab/a/b") && !hides("lab/a/xy"));
}

// Fail closed: facts that are not about the question are none.
#[test]
fn facts_about_somebody_else_or_nobody_give_nothing() {
    let mut world = plain(3, &[("", OWNER), ("a/", OWNER)]);
    world.groups.push(gathered(1, &[]));
    world.datasets[1].grants = vec![given(To::Group(0), Role::Manager), given(To::Person(2), Role::View)];
    let reads = |asker: &Asker, facts: DatasetFacts| {
        decide(&world.principal(asker, From::Lab), Action::Read, &Facts::Dataset(Arc::new(facts)), at(0)).is_ok()
    };
    let whole = |person| Asker::Person(person, TokenRow::whole());
    assert!(reads(&whole(1), world.dataset_facts(1, Some(1))) && reads(&whole(2), world.dataset_facts(1, Some(2))));
    for (asker, about) in [(whole(1), Some(2)), (whole(2), Some(1)), (whole(1), None), (Asker::Nobody, Some(1)), (Asker::Nobody, Some(0))] {
        assert!(!reads(&asker, world.dataset_facts(1, about)), "{asker:?} by the facts of {about:?}");
    }
    let mut nobodys = world.dataset_facts(1, None);
    nobodys.reach.groups = vec![Membership { group: group_id(0), until: Timestamp::MAX }];
    assert!(!reads(&Asker::Nobody, nobodys), "nobody is in a group");
    let mut strangers = world.dataset_facts(1, Some(2));
    strangers.reach.here.clear();
    strangers.reach.above.iter_mut().for_each(|above| above.dataset.owner = user_id(2));
    assert!(reads(&whole(2), strangers.clone()), "who owns what lies above");
    let elsewhere = |change: fn(&mut domain::dataset::Dataset)| {
        let mut facts = strangers.clone();
        facts.reach.above.iter_mut().for_each(|above| change(&mut above.dataset));
        facts
    };
    assert!(!reads(&whole(2), elsewhere(|above| above.source = source_id(1))), "a dataset of another source lies not above");
    assert!(!reads(&whole(2), elsewhere(|above| above.id = dataset_id(9))), "nor does one that is no ancestor");
}
