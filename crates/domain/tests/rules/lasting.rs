//! How long facts open by themselves, which is how long they are kept, is what the decision says of every instant until then.

use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, Denial, Facts, LinkFacts, Place, decide},
    limits::WRITE_SETTLES_SECS,
    link::{Class, Link},
    path::ObjectPath,
    timing::{Timing, Validity},
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::model::{
    facts::{at, net},
    world::{About, Asker, From, LinkRow, TokenRow, World, Zone},
    worlds::{self, live, plain},
};

/// The seconds at which something of a world begins or ends, and those beside them.
const SECONDS: [i64; 9] = [0, 1, 2, 9, 10, 11, 999, 1_000, 1_001];

/// Whether it is read at a second, by the decision.
fn opens(world: &World, asker: &Asker, facts: &Facts, from: From, second: i64) -> Result<(), Denial> {
    decide(&world.principal(asker, from), Action::Read, facts, at(second)).map(drop)
}

/// Holds `until` to the decision's answers from anywhere: yes until then, and no from then on where nothing begins later.
fn agrees(until: Option<Timestamp>, begins_later: bool, opens: impl Fn(i64) -> bool) -> Result<(), TestCaseError> {
    prop_assert_eq!(until.is_some(), opens(0), "now");
    for second in SECONDS.into_iter().filter(|second| until.is_some_and(|until| at(*second) < until)) {
        prop_assert!(opens(second), "closed at {}, before {:?}", second, until);
    }
    let over = SECONDS.into_iter().filter(|second| until.is_some_and(|until| until <= at(*second)));
    for second in over.filter(|_| !begins_later) {
        prop_assert!(!opens(second), "open at {}, after {:?}", second, until);
    }
    Ok(())
}

/// Whether anything of a world begins after now, so that something may open again.
fn begins_later(world: &World) -> bool {
    let later = |begin: Option<i64>| begin.is_some_and(|begin| begin > 0);
    world.datasets.iter().flat_map(|dataset| &dataset.grants).any(|grant| later(grant.terms.begin))
        || world.links.iter().any(|link| later(link.begin) || link.over.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn facts_last_as_long_as_what_they_say_yes_to(world in worlds::world()) {
        // What asks for a pass says so before it says for how long.
        let links = world.links.iter().map(|link| LinkRow { password: None, counted: false, ..link.clone() }).collect();
        // So do terms, which are asked of whoever reads a link and not of the link.
        let mut world = World { links, ..world };
        let asked: Vec<_> = world.sources.iter().map(|source| source.terms).chain([world.policy.terms]).collect();
        world.sources.iter_mut().for_each(|source| source.terms = None);
        world.policy.terms = None;
        let later = begins_later(&world);
        for index in 0..world.links.len() {
            let facts: LinkFacts = world.link_facts(index, None);
            let about = Facts::Link(facts.clone().into());
            let says = |from, second| opens(&world, &Asker::Holder, &about, from, second);
            agrees(facts.opens_until(at(0)), later, |second| says(From::Anywhere, second).is_ok())?;
            // Without zones of link, source and deployment, what is refused by network is refused by the maker's.
            let mut boundless = world.clone();
            boundless.links[index].zone = Zone::Everywhere;
            boundless.policy.zone = Zone::Everywhere;
            boundless.sources.iter_mut().for_each(|source| (source.zone, source.serving) = (Zone::Everywhere, true));
            let boundless_facts = boundless.link_facts(index, None);
            let about = Facts::Link(boundless_facts.clone().into());
            let says = |from, second| opens(&boundless, &Asker::Holder, &about, from, second);
            let by_maker = |from, second| matches!(says(from, second), Err(Denial::Maker | Denial::Zone));
            prop_assert_eq!(facts.may_rest_on_more(at(0)), by_maker(From::Anywhere, 0) || by_maker(From::Unknown, 0));
            // What it rests on is when and from where it opens, as far as that is its maker's.
            let rests_on = boundless_facts.rests_on(at(0));
            if says(From::Anywhere, 0).is_ok() {
                for from in From::READERS {
                    for second in SECONDS {
                        let holds = rests_on.is_empty() || rests_on.iter().any(|conditions| conditions.hold(net(from), at(second)));
                        prop_assert!(!(holds && by_maker(from, second)), "closed from {:?} at {}: {:?}", from, second, rests_on);
                        prop_assert!(holds || later || says(from, second).is_err(), "open from {:?} at {}: {:?}", from, second, rests_on);
                    }
                }
            }
        }
        world.policy.terms = asked.last().copied().flatten();
        world.sources.iter_mut().zip(asked).for_each(|(source, terms)| source.terms = terms);
        for (index, dataset) in world.datasets.iter().enumerate() {
            let nobody = world.dataset_facts(index, None);
            let about = Facts::Dataset(nobody.clone().into());
            agrees(nobody.opens_until(None, at(0)), later, |second| opens(&world, &Asker::Nobody, &about, From::Anywhere, second).is_ok())?;
            for person in 0..world.people.len() {
                let facts: DatasetFacts = world.dataset_facts(index, Some(person));
                let about = Facts::Dataset(facts.clone().into());
                let asker = Asker::Person(person, TokenRow::whole());
                let until = facts.opens_until(Some(&world.user(person)), at(0));
                let says = |second| opens(&world, &asker, &about, From::Anywhere, second);
                agrees(until, later, |second| says(second).is_ok()).map_err(|why| TestCaseError::fail(format!("{why}, of {person} at {}: {:?}", dataset.path, says(0))))?;
            }
        }
    }
}

/// A dataset over time: how it was from each second on, from the first that an edit took effect at.
struct Past(Vec<(i64, Dataset)>);

impl Past {
    /// Edits that make it strict, or not: each decided so many seconds after the one before took effect, and in effect so many later.
    fn of(begin: Dataset, edits: &[(bool, i64, i64)]) -> Self {
        let (mut past, mut second) = (vec![(i64::MIN, begin)], 0);
        for (strict, pause, lag) in edits {
            let decided = second + pause;
            let before = past.last().unwrap().1.clone();
            second = decided + lag;
            past.push((second, if before.strict == *strict { before } else { before.made_strict(*strict, at(decided)) }));
        }
        Self(past)
    }

    fn at(&self, second: i64) -> Dataset {
        self.0.iter().rev().find(|(from, _)| *from <= second).unwrap().1.clone()
    }
}

/// What is signed at some second by facts read at `read`, and by when the last of it ends: facts are used as long as their class says.
fn last_end(read: i64, timing: Timing) -> Timestamp {
    let last_use = read + i64::from(timing.facts_cache_secs).max(1) - 1;
    (read..=last_use).filter_map(|second| Validity::at(at(second), timing, None, None)).map(Validity::end).max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // SEMANTICS 5, ADR 0049: of whatever was signed by facts from before a narrowing, nothing outlives what its reply says.
    #[test]
    fn nothing_outlives_a_narrowing_however_often_its_dataset_becomes_strict(
        edits in prop::collection::vec((any::<bool>(), prop_oneof![0_i64..20, 0_i64..400], 0..=i64::from(WRITE_SETTLES_SECS)), 0..5),
        narrowed in 0_i64..900,
        moved in prop::option::of(0_i64..300),
        first_strict in any::<bool>(),
    ) {
        let mut world = plain(1, &[("", 0), ("a/", 0), ("b/", 0)]);
        world.links = vec![live(1, 0), LinkRow { class: Class::Publication, stewarded: true, ..live(1, 0) }];
        world.datasets[1].strict = first_strict;
        let past = Past::of(world.dataset(1), &edits);
        let then = past.at(narrowed);
        // A reading of the table at each second before it, by who asks by name and by each link: all of it is over by what the reply says.
        let named = then.enforced_by(Timing::PRIVATE, at(narrowed));
        let [private, publication] = [0, 1].map(|link| world.link(link));
        for read in 0..narrowed {
            let on = past.at(read);
            let place = || Place { dataset: on.clone(), ..world.place(1) };
            let facts = DatasetFacts::new(place(), world.reach(Some(0), 1)).unwrap();
            prop_assert!(last_end(read, facts.timing()) <= named, "read by name at {}: {:?}", read, on);
            for link in [&private, &publication] {
                let facts = LinkFacts::new(link.clone(), None, place(), world.user(0), world.reach(Some(0), 1)).unwrap();
                prop_assert!(last_end(read, facts.timing()) <= link.enforced_by(&then, at(narrowed)), "read by {:?} at {}: {:?}", link.class, read, on);
            }
        }
        // A link that came here from elsewhere was not read strictly there.
        if let Some(moved) = moved.filter(|moved| *moved < narrowed) {
            let owner = Asker::Person(0, TokenRow::whole());
            let there = decide(&world.principal(&owner, From::Lab), Action::Share, &world.facts(&owner, About::Dataset(1)), at(0)).unwrap();
            let to = Place { dataset: past.at(moved), ..world.place(1) };
            let before = Link { dataset: world.dataset(2).id, name: "a".to_owned(), ..private };
            let link = before.retargeted(&there, &world.place(2), &to, ObjectPath::default(), None, at(moved)).unwrap();
            for read in 0..moved {
                prop_assert!(last_end(read, Timing::PRIVATE) <= link.enforced_by(&then, at(narrowed)), "read elsewhere at {}", read);
            }
        }
        // And nobody waits for longer than without it, or, where it has been strict for long, than strictly.
        prop_assert!(named <= Timing::PRIVATE.enforced_by(at(narrowed), None));
        let is_settled = then.strict && then.given_until.is_none_or(|given| given <= at(narrowed));
        prop_assert!(!is_settled || named == Timing::STRICT.enforced_by(at(narrowed), None));
    }
}
