//! What holds in every world, whatever the decision may be: the invariants of access, by their numbers.
//!
//! Not here, because they are no properties of the rules: P11 and the paths of P10 (`path.rs`), P12 and the arithmetic of P13 (`timing.rs`,
//! the presigner of `objects`), P14 over real stores, P15, P17 and P18 (`tests/tests/model`), P19 (the age of facts:
//! `crates/table/tests/table/ages.rs`).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use domain::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Facts, LinkFacts, OfferFacts, decide},
    grant::{ClonePolicy, GroupState, Policy, ProjectRole, Reach},
    link::Class,
    rights::{Right, Role},
    source::{Audience, State},
    user::Standing,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::model::{
    acts::{self, What},
    asking::{self, Has},
    facts::{at, dataset_id, net, path, second_of},
    world::{About, Asker, From, TokenRow, World, Zone},
    worlds::{self, tried},
};

/// How many worlds a property is tried in unless `PROPTEST_CASES` says otherwise.
const WORLDS: u32 = 120;

/// The instants at which something may begin or end.
const INSTANTS: [i64; 7] = [0, 1, 10, 999, 1_000, 86_400, 10_000_000];

fn whole(person: usize) -> Asker {
    Asker::Person(person, TokenRow::whole())
}

/// A change that takes a positive fact away, or makes it less.
#[derive(Debug, Clone, Copy)]
enum Less {
    Withdraw,
    Lower,
    NoShare,
    Coarsen,
    Unknow,
    Bind,
    End,
    LeaveGroup,
    Unload,
    Stale,
    LeaveProject,
    Demote,
    Policy,
    NoProject,
    Hide,
    Unaccept,
}

const LESS: [Less; 16] = [
    Less::Withdraw,
    Less::Lower,
    Less::NoShare,
    Less::Coarsen,
    Less::Unknow,
    Less::Bind,
    Less::End,
    Less::LeaveGroup,
    Less::Unload,
    Less::Stale,
    Less::LeaveProject,
    Less::Demote,
    Less::Policy,
    Less::NoProject,
    Less::Hide,
    Less::Unaccept,
];

fn lessen(world: &mut World, less: Less, pick: usize) {
    let datasets: Vec<usize> = (0..world.datasets.len()).filter(|index| !world.datasets[*index].grants.is_empty()).collect();
    let group = pick % world.groups.len();
    let any = pick % world.datasets.len();
    if let Some(dataset) = datasets.get(pick % datasets.len().max(1)) {
        let grants = &mut world.datasets[*dataset].grants;
        let index = pick / 7 % grants.len();
        let grant = &mut grants[index];
        match less {
            Less::Withdraw => grant.active = false,
            Less::Lower => grant.role = Role::ALL.into_iter().rfind(|role| *role < grant.role).unwrap_or(Role::Preview),
            Less::NoShare => grant.may_share = false,
            Less::Coarsen => grant.level = grant.level.filter(|level| *level < 3).map(|level| level + 1),
            Less::Bind => match grant.terms.zone {
                Zone::Everywhere => grant.terms.zone = Zone::Campus,
                Zone::Campus | Zone::LabAndHome => grant.terms.zone = Zone::Lab,
                Zone::Lab | Zone::Six => grant.active = false,
            },
            Less::End => grant.terms.end = Some(grant.terms.end.unwrap_or(1).min(0)),
            _ => {}
        }
    }
    match less {
        Less::LeaveGroup => {
            let owner = world.groups[group].owner;
            let members = world.groups[group].members.iter_mut().filter(|(who, _)| **who != owner);
            members.for_each(|(_, active)| *active = false);
        }
        Less::Unload => world.groups[group].state = GroupState::Loading,
        Less::Stale => world.groups[group].synced = Some(-10_000_000),
        Less::LeaveProject => drop(world.projects[0].members.pop_first()),
        Less::Demote => world.projects[0].members.values_mut().for_each(|role| *role = ProjectRole::Leader),
        Less::Policy => {
            let view = Role::ALL.into_iter().rfind(|role| *role < world.projects[0].policy.view).unwrap_or(Role::Preview);
            world.projects[0].policy = Policy { view, figures: false, clone: ClonePolicy::None };
        }
        Less::Unknow => world.datasets[any].levelled = false,
        Less::Unaccept => world.people.iter_mut().for_each(|person| person.accepted[pick % 2] = false),
        Less::NoProject => world.datasets[any].project = None,
        Less::Hide => {
            let shown = &mut world.datasets[any].visibility;
            *shown = Visibility::ALL.into_iter().rfind(|visibility| visibility < shown).unwrap_or(Visibility::Private);
        }
        _ => {}
    }
}

/// A negative fact more, or a ceiling lower.
#[derive(Debug, Clone, Copy)]
enum Against {
    Block,
    Suspend,
    Restrict,
    Retire,
    RetireSource,
    Panic,
    Audience,
    Zone,
    Life,
    PolicyAudience,
    PolicyZone,
    PolicyLife,
    Terms,
    PolicyTerms,
    Revoke,
    RevokeAll,
    Pause,
    EndLink,
    BeginLink,
    LowerLink,
    CoarsenLink,
    BindLink,
    HideListing,
    AskForPassword,
    CountPasses,
    OverBudget,
    EndToken,
    RevokeToken,
    BindToken,
    Narrow,
}

const AGAINST: [Against; 30] = [
    Against::Block,
    Against::Suspend,
    Against::Restrict,
    Against::Retire,
    Against::RetireSource,
    Against::Panic,
    Against::Audience,
    Against::Zone,
    Against::Life,
    Against::PolicyAudience,
    Against::PolicyZone,
    Against::PolicyLife,
    Against::Terms,
    Against::PolicyTerms,
    Against::Revoke,
    Against::RevokeAll,
    Against::Pause,
    Against::EndLink,
    Against::BeginLink,
    Against::LowerLink,
    Against::CoarsenLink,
    Against::BindLink,
    Against::HideListing,
    Against::AskForPassword,
    Against::CountPasses,
    Against::OverBudget,
    Against::EndToken,
    Against::RevokeToken,
    Against::BindToken,
    Against::Narrow,
];

fn tighten(world: &mut World, against: Against, pick: usize) {
    let person = pick % world.people.len();
    let dataset = pick % world.datasets.len();
    let link = pick % world.links.len();
    let source = world.datasets[dataset].source;
    match against {
        Against::Block => drop(world.sources[source].blocked.insert(person)),
        Against::Suspend => world.people[person].standing = Standing::Suspended,
        Against::Restrict => world.datasets[dataset].restricted |= !world.datasets[dataset].path.is_empty(),
        Against::Retire => world.datasets[dataset].state = State::Retired,
        Against::RetireSource => world.sources[source].state = State::Retired,
        Against::Panic => world.sources[source].serving = false,
        Against::Audience => {
            world.sources[source].audience = match world.sources[source].audience {
                Audience::World => Audience::Link,
                Audience::Link => Audience::Accounts,
                Audience::Accounts | Audience::Named => Audience::Named,
            }
        }
        Against::Zone if world.sources[source].zone == Zone::Everywhere => world.sources[source].zone = Zone::Campus,
        Against::Zone if world.sources[source].zone == Zone::Campus => world.sources[source].zone = Zone::Lab,
        Against::Life => world.sources[source].life_days = Some(world.sources[source].life_days.unwrap_or(1).min(1)),
        Against::PolicyAudience => {
            world.policy.audience = match world.policy.audience {
                Audience::World => Audience::Link,
                Audience::Link => Audience::Accounts,
                Audience::Accounts | Audience::Named => Audience::Named,
            }
        }
        Against::PolicyZone if world.policy.zone == Zone::Everywhere => world.policy.zone = Zone::Campus,
        Against::PolicyZone if world.policy.zone == Zone::Campus => world.policy.zone = Zone::Lab,
        Against::Zone | Against::PolicyZone => {}
        Against::PolicyLife => world.policy.life_days = Some(world.policy.life_days.unwrap_or(1).min(1)),
        // The first ones: others may be accepted where these were not.
        Against::Terms => world.sources[source].terms = world.sources[source].terms.or(Some(pick % 2)),
        Against::PolicyTerms => world.policy.terms = world.policy.terms.or(Some(pick % 2)),
        Against::Revoke => world.links[link].revoked = true,
        Against::RevokeAll => {
            // A revoke of all counts beyond the number of every link that is there.
            let highest = world.links.iter().filter(|row| row.dataset == dataset).map(|row| row.links_gen).max().unwrap_or(0);
            world.datasets[dataset].links_gen = world.datasets[dataset].links_gen.max(highest) + 1;
        }
        Against::Pause => world.links[link].enabled = false,
        Against::EndLink => world.links[link].end = Some(world.links[link].end.unwrap_or(1).min(1)),
        Against::CoarsenLink => {
            let link = &mut world.links[link];
            (link.role, link.level) = (Role::Preview, link.level.filter(|_| link.role == Role::Preview).map(|level| level + 1));
        }
        Against::BeginLink => world.links[link].begin = Some(world.links[link].begin.unwrap_or(1).max(1)),
        // A level says nothing beside the roles that read all of them.
        Against::LowerLink => {
            let row = &mut world.links[link];
            if row.role == Role::Download {
                row.role = Role::View;
            } else {
                (row.role, row.level) = (Role::Preview, None);
            }
        }
        Against::BindLink => match world.links[link].zone {
            Zone::Everywhere => world.links[link].zone = Zone::Campus,
            Zone::Campus | Zone::LabAndHome => world.links[link].zone = Zone::Lab,
            Zone::Lab | Zone::Six => {}
        },
        Against::HideListing => world.links[link].hidden = true,
        // The first one: another is for other people, and so no narrowing. No pass has its mark yet.
        Against::AskForPassword => world.links[link].password = world.links[link].password.or(Some(1_000)),
        Against::CountPasses => world.links[link].counted = true,
        Against::OverBudget => world.links[link].over = Some(world.links[link].over.unwrap_or(2_000).max(2_000)),
        Against::EndToken => world.tokens.iter_mut().for_each(|token| token.end = token.end.min(0)),
        Against::RevokeToken => world.tokens.iter_mut().for_each(|token| token.revoked = true),
        Against::BindToken => world.tokens.iter_mut().for_each(|token| token.dataset = token.dataset.or(Some(dataset))),
        Against::Narrow => world.tokens.iter_mut().for_each(|token| token.scopes.clear()),
    }
}

proptest! {
    #![proptest_config(tried(WORLDS))]

    // P2
    #[test]
    fn taking_a_positive_fact_away_adds_no_right(
        world in worlds::world(), from in worlds::from(), less in proptest::sample::select(LESS.to_vec()), pick in any::<u16>(),
    ) {
        let asks = asking::all(&world);
        let before = asking::yeses(&world, &asks, from, 0);
        let mut after = world.clone();
        lessen(&mut after, less, usize::from(pick));
        let gained = asking::gained(&asks, &before, &asking::yeses(&after, &asks, from, 0));
        prop_assert!(gained.is_none(), "{:?} gave {}\n{:#?}", less, gained.unwrap(), world);
    }

    // P3
    #[test]
    fn adding_a_negative_fact_adds_no_right(
        world in worlds::world(), from in worlds::from(), against in proptest::sample::select(AGAINST.to_vec()), pick in any::<u16>(),
        second in proptest::sample::select(INSTANTS.to_vec()),
    ) {
        let asks = asking::all(&world);
        let before = asking::yeses(&world, &asks, from, second);
        let mut after = world.clone();
        tighten(&mut after, against, usize::from(pick));
        // Tokens stand in the questions, not in the facts.
        let tokens = after.tokens.clone();
        let mut asked = asks.clone();
        for ask in &mut asked {
            if let Asker::Person(_, token) = &mut ask.asker
                && let Some(index) = world.tokens.iter().position(|there| there == token)
            {
                *token = tokens[index].clone();
            }
        }
        let gained = asking::gained(&asks, &before, &asking::yeses(&after, &asked, from, second));
        prop_assert!(gained.is_none(), "{:?} gave {}\n{:#?}", against, gained.unwrap(), world);
    }

    // P3, R5: what counts as narrowing needs no right to share, so it must be none that opens anything.
    #[test]
    fn an_edit_that_counts_as_narrowing_opens_nothing(world in worlds::world(), pick in any::<u16>(), edit in acts::edit()) {
        let index = usize::from(pick) % world.links.len();
        let (before, place) = (world.stored_link(index), world.place(world.links[index].dataset));
        let Ok(after) = before.edited(&place, edit, at(0)) else { return Ok(()) };
        prop_assert!(!before.is_widened_by(&before), "what changes nothing widens nothing");
        if before.is_widened_by(&after) {
            return Ok(());
        }
        // What is counted elsewhere, and so stands in no fact of a decision.
        let no_higher = |old: Option<u64>, new: Option<u64>| old.is_none_or(|old| new.is_some_and(|new| new <= old));
        let (old, new) = (&before.options, &after.options);
        prop_assert!(no_higher(old.bytes_per_day, new.bytes_per_day), "{:?} to {:?}", old, new);
        prop_assert!(no_higher(old.requests_per_second.map(u64::from), new.requests_per_second.map(u64::from)), "{:?} to {:?}", old, new);
        prop_assert!(no_higher(old.sessions_max.map(u64::from), new.sessions_max.map(u64::from)), "{:?} to {:?}", old, new);
        let mut edited = world.clone();
        edited.links[index] = world.edited_row(index, &after);
        let asks: Vec<_> = asking::all(&world).into_iter().filter(|ask| ask.about == About::Link(index)).collect();
        for from in From::READERS {
            for second in INSTANTS {
                let yeses = |world: &World| asking::yeses(world, &asks, from, second);
                let gained = asking::gained(&asks, &yeses(&world), &yeses(&edited));
                prop_assert!(gained.is_none(), "{} from {:?} at {}\n{:#?}\n{:#?}", gained.unwrap(), from, second, after, world);
            }
        }
    }

    // P16
    #[test]
    fn a_yes_on_part_of_the_positive_facts_is_a_yes_on_all_in_any_order(
        world in worlds::world(), from in worlds::from(), mask in any::<u64>(),
    ) {
        for about in asking::things(&world) {
            for asker in asking::askers(&world).into_iter().chain([Asker::Holder]) {
                let (principal, facts, paths) = (world.principal(&asker, from), world.facts(&asker, about), asking::paths(&world, about));
                let yeses = |facts: &Facts| {
                    let mut yeses = Vec::new();
                    asking::answer(&principal, facts, &paths, 0, &mut yeses);
                    yeses
                };
                let all = yeses(&facts);
                prop_assert_eq!(&all, &yeses(&with_reach(&facts, &reversed)), "{:?} {:?}, reversed\n{:#?}", asker, about, world);
                prop_assert_eq!(&all, &yeses(&with_reach(&facts, &twice)), "{:?} {:?}, twice\n{:#?}", asker, about, world);
                let fewer = yeses(&with_reach(&facts, &|reach| part(reach, mask)));
                prop_assert!(all.iter().zip(&fewer).all(|(all, fewer)| *all || !*fewer), "{:?} {:?}, part\n{:#?}", asker, about, world);
            }
        }
    }

    // P13: a permit holds until its end, and at every instant before it.
    #[test]
    fn a_permit_holds_until_its_end(world in worlds::world(), from in worlds::from()) {
        for ask in asking::all(&world) {
            let (principal, facts) = (world.principal(&ask.asker, from), world.facts(&ask.asker, ask.about));
            for action in [Action::Read, Action::List] {
                let Ok(permit) = decide(&principal, action, &facts, at(0)) else { continue };
                let end = second_of(permit.scope().unwrap().until()).unwrap_or(i64::MAX);
                for second in INSTANTS.into_iter().filter(|second| *second < end) {
                    let later = decide(&principal, action, &facts, at(second));
                    for text in ask.paths.iter().filter(|text| asking::opens(&permit, text)) {
                        let holds = later.as_ref().is_ok_and(|later| asking::opens(later, text));
                        prop_assert!(holds, "{:?} {:?} {:?} {} at {}\n{:#?}", ask.asker, action, ask.about, text, second, world);
                    }
                }
            }
        }
    }

    // P1
    #[test]
    fn what_is_registered_is_its_owners_and_the_registrar_gains_nothing(world in worlds::world(), above in 0_usize..60, person in 0_usize..60) {
        let registrar = person % world.people.len();
        let may_hold = |index: &usize| {
            let row = &world.datasets[*index];
            row.kind != Kind::File && row.state == State::Active && world.above(*index).len() < 4
        };
        let folders: Vec<usize> = (0..world.datasets.len()).filter(may_hold).collect();
        prop_assume!(!folders.is_empty());
        let above = folders[above % folders.len()];
        let parent = world.dataset(above);
        let inside = path(&format!("{}new/", world.datasets[above].path));
        let new = Dataset::below(&parent, dataset_id(world.datasets.len()), inside, Kind::Folder, at(0)).unwrap();
        prop_assert_eq!((new.owner, new.visibility, new.project, new.restricted), (parent.owner, Visibility::Private, None, false));
        let mut after = world.clone();
        after.datasets.push(world.registered(above, &new));
        let index = world.datasets.len();
        prop_assert_eq!(after.dataset(index).ancestors, new.ancestors);
        for from in From::READERS {
            for person in 0..world.people.len() {
                let (had, has) = (world.rights(person, above, net(from), 0), after.rights(person, index, net(from), 0));
                prop_assert!(had.holds(has), "person {}: {:?} of {:?}\n{:#?}", person, has, had, world);
                prop_assert_eq!(world.rights(registrar, above, net(from), 0), after.rights(registrar, above, net(from), 0));
            }
            let (nobody, object) = (Asker::Nobody, "c/0");
            let before = world.reads(&nobody, About::Dataset(above), "new/c/0", from, 0);
            prop_assert!(before || !after.reads(&nobody, About::Dataset(index), object, from, 0));
        }
        // Private by default: with nothing granted above, it is its owners' alone.
        for row in &mut after.datasets {
            row.grants.clear();
            row.visibility = Visibility::Private;
        }
        for person in (0..world.people.len()).filter(|person| !after.owns(Some(*person), index)) {
            prop_assert!(after.rights(person, index, net(From::Anywhere), 0).is_empty());
        }
    }

    // P6
    #[test]
    fn a_link_gives_no_more_than_its_maker_has_or_everybody_may_have(world in worlds::world(), from in worlds::from(), second in proptest::sample::select(INSTANTS.to_vec())) {
        for link in 0..world.links.len() {
            let row = &world.links[link];
            let source = &world.sources[world.datasets[row.dataset].source];
            let base = format!("{}{}{}", source.prefix, world.datasets[row.dataset].path, row.subpath);
            let facts = world.facts(&Asker::Holder, About::Link(link));
            for action in Action::ALL {
                let Ok(permit) = decide(&world.principal(&Asker::Holder, from), action, &facts, at(second)) else { continue };
                prop_assert!(matches!(action, Action::Read | Action::List), "a key does nothing else");
                let ceiling = if row.class == Class::Publication { Audience::World } else { Audience::Link };
                prop_assert!(source.audience >= ceiling && source.serving && crate::model::second::admits(source.zone, from));
                prop_assert!(world.policy.audience >= ceiling && crate::model::second::admits(world.policy.zone, from));
                for text in asking::paths(&world, About::Link(link)) {
                    let Ok(key) = permit.scope().unwrap().key(&path(&text)) else { continue };
                    prop_assert!(key.as_str().starts_with(&base), "{} leaves {}", key, base);
                    let inside = match (row.subpath.as_str(), text.as_str()) {
                        (subpath, "") => subpath.to_owned(),
                        (subpath, text) => format!("{subpath}{text}"),
                    };
                    if !row.stewarded {
                        let maker = world.may(&whole(row.maker), action, About::Dataset(row.dataset), &inside, from, second);
                        prop_assert!(maker, "{:?} {} by link {}\n{:#?}", action, inside, link, world);
                    }
                }
            }
        }
    }

    // P7
    #[test]
    fn nobody_has_no_more_than_any_account(world in worlds::world(), from in worlds::from()) {
        for dataset in 0..world.datasets.len() {
            let about = About::Dataset(dataset);
            for action in Action::ALL {
                for text in asking::paths(&world, about) {
                    if !world.may(&Asker::Nobody, action, about, &text, from, 0) {
                        continue;
                    }
                    for person in 0..world.people.len() {
                        let barred = world.sources[world.datasets[dataset].source].blocked.contains(&person)
                            || world.people[person].standing == Standing::Suspended;
                        prop_assert!(
                            barred || world.may(&whole(person), action, about, &text, from, 0),
                            "person {}: {:?} {} of {}\n{:#?}", person, action, text, dataset, world
                        );
                    }
                }
            }
        }
    }

    // P8, P9
    #[test]
    fn a_revoke_is_for_good_and_a_pause_is_not(world in worlds::world(), from in worlds::from(), second in proptest::sample::select(INSTANTS.to_vec())) {
        for link in 0..world.links.len() {
            let about = About::Link(link);
            let paths = asking::paths(&world, about);
            let yeses = |world: &World, asker: &Asker| {
                let mut yeses = Vec::new();
                asking::answer(&world.principal(asker, from), &world.facts(asker, about), &paths, second, &mut yeses);
                yeses
            };
            let resumed = |enabled| {
                let mut world = world.clone();
                world.links[link].enabled = enabled;
                world
            };
            prop_assert_eq!(resumed(true).link(link), { let mut paused = resumed(false).link(link); paused.enabled = true; paused });
            prop_assert!(!yeses(&resumed(false), &Asker::Holder).contains(&true));
            let mut revoked = resumed(true);
            revoked.links[link].revoked = true;
            prop_assert!(!yeses(&revoked, &Asker::Holder).contains(&true));
            for person in 0..world.people.len() {
                prop_assert!(!revoked.may(&whole(person), Action::Share, about, "", from, second), "person {} widens\n{:#?}", person, world);
                // Whoever may see it may end it, whatever happened to it; an auditor sees only, and so does the maker of what is the
                // dataset's, without the right to administer that.
                let sees = revoked.may(&whole(person), Action::See, about, "", from, second);
                let ends = revoked.may(&whole(person), Action::Narrow, about, "", from, second);
                let made_it = revoked.links[link].stewarded && revoked.links[link].maker == person;
                prop_assert!(sees == ends || (sees && (world.people[person].auditor || made_it)), "person {}\n{:#?}", person, world);
                prop_assert!(sees || person != revoked.links[link].maker || world.people[person].standing == Standing::Suspended);
            }
        }
    }

    // P10
    #[test]
    fn rights_go_down_where_a_dataset_reaches_and_no_key_lies_under_a_cut(world in worlds::world(), from in worlds::from()) {
        for below in 0..world.datasets.len() {
            for above in 0..world.datasets.len() {
                let (upper, lower) = (world.dataset(above), world.dataset(below));
                let expected = above == below
                    || (world.above(below).contains(&above)
                        && !world.datasets[below].restricted
                        && !world.above(below).iter().any(|r| world.above(*r).contains(&above) && world.datasets[*r].restricted));
                prop_assert_eq!(upper.reaches(&lower), expected, "{} to {}\n{:#?}", above, below, world);
                if expected && world.datasets[below].state == State::Active {
                    for person in 0..world.people.len() {
                        let at = |dataset| world.has_over_time(person, dataset, &[0], &[from])[0];
                        let (had, has) = (at(above), at(below));
                        prop_assert!(has.holds(had), "person {}: {:?} above, {:?} below\n{:#?}", person, had, has, world);
                    }
                }
            }
            // Not even the owner of the root opens a restricted part by the root's address.
            for above in world.above(below).into_iter().filter(|_| world.datasets[below].restricted) {
                let inside = world.datasets[below].path.strip_prefix(&world.datasets[above].path).unwrap().to_owned() + "zarr.json";
                let is_file = world.datasets[below].kind == Kind::File;
                let owner = whole(world.datasets[above].owner);
                prop_assert!(is_file || !world.reads(&owner, About::Dataset(above), &inside, from, 0));
            }
        }
    }
}

/// The facts with another reach: what the asker, or the maker and the asker, have there.
fn with_reach(facts: &Facts, change: &dyn Fn(&Reach) -> Reach) -> Facts {
    match facts {
        Facts::Dataset(there) => {
            let there: &DatasetFacts = there;
            let mut changed = there.clone();
            changed.reach = change(&there.reach);
            Facts::Dataset(Arc::new(changed))
        }
        Facts::Link(there) => {
            let there: &LinkFacts = there;
            let mut changed = there.clone();
            changed.reach = change(&there.reach);
            changed.asking = there.asking.as_ref().map(change);
            Facts::Link(Arc::new(changed))
        }
        Facts::Offer(there) => {
            let mut changed = OfferFacts::clone(there);
            let mut dataset = DatasetFacts::clone(&there.dataset);
            dataset.reach = change(&dataset.reach);
            (changed.dataset, changed.reach) = (Arc::new(dataset), change(&there.reach));
            Facts::Offer(Arc::new(changed))
        }
        Facts::Orphan { .. } | Facts::Copy(_) | Facts::Clone(_) | Facts::Group { .. } | Facts::Project { .. } | Facts::Deployment => {
            facts.clone()
        }
    }
}

/// The same facts in another order; memberships are sorted by their group.
fn reversed(reach: &Reach) -> Reach {
    let mut reach = reach.clone();
    reach.here.reverse();
    reach.above.reverse();
    reach.above.iter_mut().for_each(|above| above.grants.reverse());
    reach.projects.reverse();
    reach
}

/// The same facts, told twice.
fn twice(reach: &Reach) -> Reach {
    let mut reach = reach.clone();
    reach.here.extend_from_within(..);
    reach.above.extend_from_within(..);
    reach.projects.extend_from_within(..);
    reach
}

/// Some of the positive facts.
fn part(reach: &Reach, mask: u64) -> Reach {
    let mut reach = reach.clone();
    let mut bits = (0..).map(|index| mask.rotate_right(index) & 1 == 1);
    reach.here.retain(|_| bits.next().unwrap());
    reach.above.iter_mut().for_each(|above| above.grants.retain(|_| bits.next().unwrap()));
    reach.above.retain(|_| bits.next().unwrap());
    reach.groups.retain(|_| bits.next().unwrap());
    reach.projects.retain(|_| bits.next().unwrap());
    reach
}

/// How many of the acts that were tried were accepted and refused, over a whole run: kind by kind.
#[derive(Default)]
struct Acts(Mutex<BTreeMap<String, (u64, u64)>>);

impl Acts {
    fn count(&self, act: &acts::Act, accepted: bool) {
        let kind = format!("{:?}", act.what).split([' ', '{']).next().unwrap_or_default().to_owned();
        let mut kinds = self.0.lock().unwrap();
        let sum = kinds.entry(kind).or_default();
        if accepted { sum.0 += 1 } else { sum.1 += 1 }
    }

    /// Programs that change nothing prove nothing.
    fn are_not_trivial(&self) {
        let kinds = self.0.lock().unwrap();
        println!("accepted and refused: {kinds:?}");
        let (accepted, refused) = kinds.values().fold((0, 0), |sum, kind| (sum.0 + kind.0, sum.1 + kind.1));
        assert!(accepted * 5 >= accepted + refused, "{accepted} acts accepted, {refused} refused: the programs are mostly trivial");
    }
}

/// Everything that a person has, at every instant, from everywhere, at every dataset.
fn standing(world: &World, person: usize) -> Vec<Has> {
    (0..world.datasets.len()).flat_map(|dataset| world.has_over_time(person, dataset, &INSTANTS, &From::READERS)).collect()
}

/// What a link opens to who holds it that it did not open `before`, and that none of these people had then.
fn opens_more(world: &World, link: usize, people: &[usize], before: &World) -> Option<String> {
    let row = &world.links[link];
    let was_here = before.links.get(link).is_some_and(|there| (there.dataset, &there.subpath) == (row.dataset, &row.subpath));
    for from in From::READERS {
        for second in INSTANTS {
            let had = people.iter().flat_map(|person| before.has_over_time(*person, row.dataset, &[second], &[from]));
            let together = had.fold(Has::default(), Has::or);
            let asked = [
                ("zarr.json", together.rights.has(Right::Meta)),
                ("c/0", together.rights.has(Right::Read)),
                ("", together.rights.has(Right::Read)),
                ("1/c/0", together.opens(1)),
                ("2/c/0", together.opens(2)),
            ];
            for (text, had) in asked {
                let opened = |world: &World| world.reads(&Asker::Holder, About::Link(link), text, from, second);
                if !had && opened(world) && !(was_here && opened(before)) {
                    return Some(format!("{text} from {from:?} at {second}"));
                }
            }
        }
    }
    None
}

/// Who gives by an act: whoever does it; where somebody signs in, those who had invited him; where he accepts an offer, whoever made it.
fn givers(before: &World, act: &acts::Act, doer: usize) -> Vec<usize> {
    let invitation = match act.what {
        // Whoever accepts an offer gains what its maker gives.
        What::Accept { offer } => return vec![before.offers[offer % before.offers.len()].by],
        What::SignIn { invitation } => invitation,
        _ => return vec![doer],
    };
    let person = before.waiting[invitation % before.waiting.len()].person;
    let waiting = before.waiting.iter().filter(|row| row.person == person && row.invitation.waits(at(0)));
    waiting.map(|row| row.by).filter(|by| *by != person).collect()
}

// P4: no accepted act of a person gives that person more, at any time, from anywhere, at any dataset.
#[test]
fn no_act_gives_its_doer_more() {
    let tally = Acts::default();
    let tried = TestRunner::new(tried(WORLDS)).run(&(worlds::world(), vec(acts::act(), 1..24)), |(start, program)| {
        let mut world = start;
        for act in &program {
            let everybody: Vec<usize> = (0..world.people.len()).collect();
            let doer = world.doer(act, &everybody);
            let before = world.clone();
            let accepted = world.does(doer, act);
            tally.count(act, accepted);
            if !accepted {
                prop_assert_eq!(&before, &world);
                continue;
            }
            let before = before.with_registered_until(&world);
            for doer in givers(&before, act, doer) {
                let pairs = standing(&before, doer).into_iter().zip(standing(&world, doer));
                for (index, (had, has)) in pairs.enumerate() {
                    prop_assert!(had.holds(has), "{:?} by {} gave him {:?} beyond {:?} ({})\n{:#?}", act, doer, has, had, index, before);
                }
            }
            for link in (0..world.links.len()).filter(|link| before.links.get(*link) != world.links.get(*link)) {
                let more = opens_more(&world, link, &[doer], &before);
                prop_assert!(more.is_none(), "{:?} opens {}\n{:#?}", act, more.unwrap(), before);
            }
        }
        Ok(())
    });
    tried.unwrap_or_else(|why| panic!("{why}"));
    tally.are_not_trivial();
}

/// The same world for counting what a coalition had: the owner of a group hands out what the group has, also where he himself is blocked.
fn with_what_their_groups_have(start: &World, coalition: &[usize]) -> World {
    let mut counted = start.clone();
    let gather = |person: &usize| coalition.contains(person) && start.groups.iter().any(|group| group.owner == *person);
    counted.sources.iter_mut().for_each(|source| source.blocked.retain(|person| !gather(person)));
    counted
}

// P5: whatever people do together who do not own a dataset, none of them gains there, and others get at most what they had together.
#[test]
fn a_coalition_of_non_owners_never_gains() {
    let tally = Acts::default();
    let tried = TestRunner::new(tried(WORLDS)).run(&(worlds::world(), 1_u8..32, vec(acts::act(), 4..40)), |(mut start, mask, acts)| {
        // What somebody else offers is his to give.
        start.offers.clear();
        let coalition: Vec<usize> = (0..start.people.len()).filter(|person| mask >> person & 1 == 1).collect();
        prop_assume!(!coalition.is_empty());
        let mut world = start.clone();
        for act in &acts {
            let doer = world.doer(act, &coalition);
            let accepted = world.does(doer, act);
            tally.count(act, accepted);
        }
        let start = start.with_registered_until(&world);
        let counted = with_what_their_groups_have(&start, &coalition);
        for dataset in 0..world.datasets.len() {
            if coalition.iter().any(|person| start.owns(Some(*person), dataset)) {
                continue;
            }
            let mut together = vec![Has::default(); From::READERS.len() * INSTANTS.len()];
            for person in &coalition {
                let theirs = counted.has_over_time(*person, dataset, &INSTANTS, &From::READERS);
                together = together.into_iter().zip(theirs).map(|(one, other)| one.or(other)).collect();
            }
            for person in 0..world.people.len() {
                let had = start.has_over_time(person, dataset, &INSTANTS, &From::READERS);
                let has = world.has_over_time(person, dataset, &INSTANTS, &From::READERS);
                for (index, (together, (had, has))) in together.iter().zip(had.into_iter().zip(has)).enumerate() {
                    let most = if coalition.contains(&person) { *together } else { together.or(had) };
                    prop_assert!(
                        most.holds(has),
                        "person {} of {:?} has {:?} beyond {:?} at {} ({}): {:#?}\n{:#?}",
                        person,
                        coalition,
                        has,
                        most,
                        dataset,
                        index,
                        acts,
                        start
                    );
                }
            }
            for (index, together) in together.iter().enumerate() {
                let (from, second) = (From::READERS[index / INSTANTS.len()], INSTANTS[index % INSTANTS.len()]);
                let asked = [
                    ("zarr.json", together.rights.has(Right::Meta)),
                    ("c/0", together.rights.has(Right::Read)),
                    ("1/c/0", together.opens(1)),
                    ("2/c/0", together.opens(2)),
                ];
                for (text, had) in asked {
                    let opened = |world: &World| world.reads(&Asker::Nobody, About::Dataset(dataset), text, from, second);
                    let let_in = !had && opened(&world) && !opened(&start);
                    prop_assert!(!let_in, "{} {}: {:#?}\n{:#?}", dataset, text, acts, start);
                }
            }
        }
        for link in 0..world.links.len() {
            let more = opens_more(&world, link, &coalition, &counted);
            prop_assert!(more.is_none(), "link {} opens {}: {:#?}\n{:#?}", link, more.unwrap(), acts, start);
        }
        Ok(())
    });
    tried.unwrap_or_else(|why| panic!("{why}"));
    tally.are_not_trivial();
}
