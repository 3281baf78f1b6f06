//! Mistakes that were made once, in a prototype or on paper, each as a test by name (ACCESS 11).
//!
//! Not here, because they are mistakes of writes: an edit, a late create or a retry that raises a revoked link, a re-activated grant with
//! its old `ttl`, registering above while restricting below (the table's tests).

use domain::{
    dataset::{Dataset, Kind, RetireError, Visibility},
    decision::{Action, Denial, decide},
    link::{Class, Until},
    rights::Role,
};

use crate::model::{
    acts::{Act, What},
    facts::{at, dataset_id, path},
    world::{About, Asker, From, GrantRow, LinkRow, Terms, To, TokenRow, World, Zone},
    worlds::{gathered, given, live, plain},
};

const OWNER: usize = 0;
const MANAGER: usize = 1;
const FRIEND: usize = 2;

fn whole(person: usize) -> Asker {
    Asker::Person(person, TokenRow::whole())
}

fn reads(world: &World, person: usize, dataset: usize, text: &str) -> bool {
    world.reads(&whole(person), About::Dataset(dataset), text, From::Lab, 0)
}

fn does(world: &mut World, by: usize, what: What) -> bool {
    world.does(by, &Act { by, what })
}

fn give(dataset: usize, to: To, role: Role, terms: Terms) -> What {
    What::Give { dataset, to, role, may_share: false, level: None, terms }
}

fn refusal(world: &World, asker: &Asker, action: Action, about: About) -> Option<Denial> {
    decide(&world.principal(asker, From::Lab), action, &world.facts(asker, about), at(0)).err()
}

// ACCESS 11.1, R6: there is no denying by dataset, which sharing again would undo. Restricting is no denial: what is granted above never
// reaches the part, for whomever it is granted on to.
#[test]
fn a_part_that_is_kept_from_a_manager_is_kept_from_whomever_he_shares_with() {
    let mut world = plain(3, &[("", OWNER), ("a/", OWNER), ("a/x/", OWNER)]);
    world.datasets[1].grants = vec![given(To::Person(MANAGER), Role::Manager)];
    assert!(reads(&world, MANAGER, 2, "c/0") && reads(&world, MANAGER, 1, "x/c/0"));
    assert!(does(&mut world, OWNER, What::Restrict { dataset: 2 }));
    assert!(does(&mut world, MANAGER, give(1, To::Person(FRIEND), Role::View, Terms::NONE)));
    for person in [MANAGER, FRIEND] {
        assert!(reads(&world, person, 1, "c/0") && !reads(&world, person, 2, "c/0") && !reads(&world, person, 1, "x/c/0"), "{person}");
    }
    assert!(!does(&mut world, MANAGER, give(2, To::Person(FRIEND), Role::View, Terms::NONE)));
    assert!(!does(&mut world, MANAGER, What::Open { dataset: 2 }));
    assert!(reads(&world, OWNER, 2, "c/0"), "ownership passes through");
}

// ACCESS 11.2, the anchor rule: at creation and at use.
#[test]
fn a_link_on_a_parent_that_its_maker_cannot_share_opens_nothing() {
    let child_owner = 1;
    let mut world = plain(2, &[("", OWNER), ("a/", OWNER), ("a/x/", child_owner)]);
    let make = |dataset, subpath| What::MakeLink { dataset, subpath, class: Class::Collaboration, until: Until::Never, level: None };
    assert!(!does(&mut world, child_owner, make(1, "x/")) && !does(&mut world, child_owner, make(0, "")));
    assert!(does(&mut world, child_owner, make(2, "")));
    world.links.push(crate::model::world::LinkRow { subpath: "x/".to_owned(), ..live(1, child_owner) });
    assert!(world.reads(&Asker::Holder, About::Link(0), "c/0", From::Lab, 0));
    assert_eq!(refusal(&world, &Asker::Holder, Action::Read, About::Link(1)), Some(Denial::Maker));
}

// ACCESS 11.3, P8: whatever an edit, a resume or a late create leaves on the link's own item, the tombstone wins.
#[test]
fn no_state_of_a_link_opens_it_after_a_revoke() {
    let mut world = plain(1, &[("", OWNER)]);
    world.links.push(live(0, OWNER));
    assert!(world.reads(&Asker::Holder, About::Link(0), "c/0", From::Lab, 0));
    world.links[0].revoked = true;
    for enabled in [false, true] {
        for links_gen in [0, 1] {
            world.links[0].enabled = enabled;
            world.links[0].links_gen = links_gen;
            assert_eq!(refusal(&world, &Asker::Holder, Action::Read, About::Link(0)), Some(Denial::Revoked));
            assert_eq!(refusal(&world, &whole(OWNER), Action::Share, About::Link(0)), Some(Denial::Revoked));
            assert_eq!(refusal(&world, &whole(OWNER), Action::Narrow, About::Link(0)), None, "revoking twice succeeds");
        }
    }
}

// ACCESS 11.4: members with the right to share would grant to each other, and then leave the group.
#[test]
fn who_may_share_makes_links_and_grants_nothing() {
    let mut world = plain(3, &[("", OWNER)]);
    world.groups.push(gathered(OWNER, &[MANAGER, FRIEND]));
    world.datasets[0].grants = vec![GrantRow { may_share: true, ..given(To::Group(0), Role::View) }];
    assert!(!does(&mut world, MANAGER, give(0, To::Person(FRIEND), Role::View, Terms::NONE)));
    let make = What::MakeLink { dataset: 0, subpath: "", class: Class::Collaboration, until: Until::Never, level: None };
    assert!(does(&mut world, MANAGER, make));
    assert!(world.reads(&Asker::Holder, About::Link(0), "c/0", From::Lab, 0));
    assert!(does(&mut world, OWNER, What::Remove { group: 0, person: MANAGER }));
    assert_eq!(
        refusal(&world, &Asker::Holder, Action::Read, About::Link(0)),
        Some(Denial::Maker),
        "a link lives only as long as the right"
    );
}

// ACCESS 11.4, R5: an administrator who edits another's link would read with its maker's rights.
#[test]
fn who_administers_ends_anothers_link_and_never_widens_it() {
    let mut world = plain(3, &[("", OWNER)]);
    world.datasets[0].grants =
        vec![given(To::Person(MANAGER), Role::Manager), GrantRow { may_share: true, ..given(To::Person(FRIEND), Role::View) }];
    world.links.push(live(0, FRIEND));
    for person in [OWNER, MANAGER] {
        assert_eq!(refusal(&world, &whole(person), Action::Share, About::Link(0)), Some(Denial::NotMaker));
        assert_eq!(refusal(&world, &whole(person), Action::Narrow, About::Link(0)), None);
    }
    assert_eq!(refusal(&world, &whole(FRIEND), Action::Share, About::Link(0)), None);
}

/// On the campus, for another ten seconds.
const FOR_A_WHILE: Terms = Terms { begin: None, end: Some(10), zone: Zone::Campus };

// R2, P4: what wakes up with a wider visibility, or by opening a restricted part, was given by others, for good.
#[test]
fn who_administers_for_a_while_opens_nothing_for_good() {
    let mut world = plain(3, &[("", OWNER), ("a/", OWNER)]);
    world.datasets[1].restricted = true;
    world.datasets[0].grants = vec![given(To::Person(MANAGER), Role::View)];
    let manager = |terms| GrantRow { terms, ..given(To::Person(MANAGER), Role::Manager) };
    world.datasets[1].grants = vec![manager(FOR_A_WHILE), given(To::World, Role::View)];
    let show = || What::Show { dataset: 1, visibility: Visibility::World };
    assert!(!does(&mut world, MANAGER, What::Open { dataset: 1 }) && !does(&mut world, MANAGER, show()));
    for one_bound in [Terms { zone: Zone::Everywhere, ..FOR_A_WHILE }, Terms { end: None, ..FOR_A_WHILE }] {
        world.datasets[1].grants[0] = manager(one_bound);
        assert!(!does(&mut world, MANAGER, What::Open { dataset: 1 }) && !does(&mut world, MANAGER, show()), "{one_bound:?}");
    }
    world.datasets[1].grants[0] = manager(Terms { begin: Some(0), ..Terms::NONE });
    assert!(does(&mut world, MANAGER, What::Open { dataset: 1 }) && does(&mut world, MANAGER, show()));
    assert!(does(&mut world, MANAGER, What::Show { dataset: 1, visibility: Visibility::Private }));
}

// R4, P4: a publication link knows no end and no zone of its maker's, so its maker must have none.
#[test]
fn who_administers_for_a_while_makes_no_publication() {
    let mut world = plain(2, &[("", OWNER)]);
    let make = |class| What::MakeLink { dataset: 0, subpath: "", class, until: Until::Never, level: None };
    world.datasets[0].grants = vec![GrantRow { terms: FOR_A_WHILE, ..given(To::Person(MANAGER), Role::Manager) }];
    assert!(!does(&mut world, MANAGER, make(Class::Publication)));
    assert!(does(&mut world, MANAGER, make(Class::Collaboration)), "an own link is judged anew at each use");
    let opens = |from, second| world.reads(&Asker::Holder, About::Link(0), "c/0", from, second);
    assert!(opens(From::Campus, 9) && !opens(From::Campus, 10) && !opens(From::Home, 0));
    world.datasets[0].grants = vec![given(To::Person(MANAGER), Role::Manager)];
    assert!(does(&mut world, MANAGER, make(Class::Publication)));
}

// R5, P4: nor does such a one widen a publication link that is there, which would stay so.
#[test]
fn who_administers_for_a_while_widens_no_publication() {
    let mut world = plain(2, &[("", OWNER)]);
    world.links = vec![LinkRow { class: Class::Publication, stewarded: true, enabled: false, end: Some(10), ..live(0, OWNER) }];
    let manager = |terms| vec![GrantRow { terms, ..given(To::Person(MANAGER), Role::Manager) }];
    for terms in [FOR_A_WHILE, Terms { zone: Zone::Everywhere, ..FOR_A_WHILE }, Terms { end: None, ..FOR_A_WHILE }] {
        world.datasets[0].grants = manager(terms);
        assert!(!does(&mut world, MANAGER, What::Widen { link: 0 }), "{terms:?}");
        let narrow =
            decide(&world.principal(&whole(MANAGER), From::Campus), Action::Narrow, &world.facts(&whole(MANAGER), About::Link(0)), at(0));
        assert!(narrow.is_ok(), "a leak waits for nobody: {terms:?}");
    }
    world.datasets[0].grants = manager(Terms::NONE);
    assert!(does(&mut world, MANAGER, What::Widen { link: 0 }));
}

// P13: a chunk by one grant and metadata by another.
#[test]
fn a_signature_ends_with_the_grant_that_opens_the_object() {
    let mut world = plain(2, &[("", OWNER), ("a/", OWNER)]);
    world.datasets[0].grants = vec![given(To::Person(MANAGER), Role::Preview)];
    world.datasets[1].grants = vec![GrantRow { terms: FOR_A_WHILE, ..given(To::Person(MANAGER), Role::View) }];
    let asker = whole(MANAGER);
    let permit = decide(&world.principal(&asker, From::Lab), Action::Read, &world.facts(&asker, About::Dataset(1)), at(0)).unwrap();
    assert_eq!(permit.scope().unwrap().until(), Some(at(10)));
    let short = Asker::Person(OWNER, TokenRow { end: 5, ..TokenRow::whole() });
    let permit = decide(&world.principal(&short, From::Lab), Action::Read, &world.facts(&short, About::Dataset(1)), at(0)).unwrap();
    assert_eq!(permit.scope().unwrap().until(), Some(at(5)), "nor does it outlive the token");
}

// A limit, known and told: a block keeps its person out, and not those whom he lets into a group of his (P5 counts a group's owner as
// having what the group has). Whoever blocks a person looks at the groups he owns.
#[test]
fn a_block_does_not_reach_those_whom_a_blocked_person_gathers() {
    let mut world = plain(3, &[("", OWNER)]);
    world.groups.push(gathered(MANAGER, &[]));
    world.datasets[0].grants = vec![given(To::Group(0), Role::View)];
    world.sources[0].blocked.insert(MANAGER);
    assert!(!reads(&world, MANAGER, 0, "c/0") && !reads(&world, FRIEND, 0, "c/0"));
    assert!(does(&mut world, MANAGER, What::Add { group: 0, person: FRIEND }));
    assert!(!reads(&world, MANAGER, 0, "c/0") && reads(&world, FRIEND, 0, "c/0"));
}

// ADR 0041: a restriction that goes alone cuts above first, and may break off there. A retirement on top of that would leave a place that nobody
// could open again.
#[test]
fn a_cut_that_was_left_above_keeps_a_dataset_from_being_retired_and_a_new_one_from_being_cut_out_of_itself() {
    let world = plain(1, &[("", OWNER), ("a/", OWNER)]);
    let (mut root, dataset) = (world.dataset(0), world.dataset(1));
    assert!(dataset.retired([&root].into_iter()).is_ok());
    root.cuts = vec![path("a/"), path("a/x/")];
    assert_eq!(dataset.retired([&root].into_iter()), Err(RetireError::Restricted));
    let new = Dataset::below(&root, dataset_id(9), path("a/"), Kind::Folder, at(0)).unwrap();
    assert_eq!((new.cuts.as_slice(), root.reaches(&new)), ([path("a/x/")].as_slice(), false), "and what is above does not reach it");
}
