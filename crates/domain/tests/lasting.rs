//! How long facts open by themselves, which is how long they are kept, is what the decision says of every instant until then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::enum_glob_use,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_arguments,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly, and each test binary uses a part of the model"
)]

mod model {
    pub mod facts;
    pub mod second;
    pub mod world;
    pub mod worlds;
}

use domain::decision::{Action, DatasetFacts, Denial, Facts, LinkFacts, decide};
use jiff::Timestamp;
use model::{
    facts::at,
    world::{Asker, From, LinkRow, TokenRow, World},
    worlds,
};
use proptest::prelude::*;

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
        let world = World { links, ..world };
        let later = begins_later(&world);
        for index in 0..world.links.len() {
            let facts: LinkFacts = world.link_facts(index, None);
            let about = Facts::Link(facts.clone().into());
            let says = |from, second| opens(&world, &Asker::Holder, &about, from, second);
            agrees(facts.opens_until(at(0)), later, |second| says(From::Anywhere, second).is_ok())?;
            let by_maker = [From::Anywhere, From::Unknown].into_iter().any(|from| says(from, 0) == Err(Denial::Maker));
            prop_assert_eq!(facts.may_rest_on_more(at(0)), by_maker);
        }
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
