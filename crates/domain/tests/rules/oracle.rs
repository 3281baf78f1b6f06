//! The decision against a second one, written from the rules over whole worlds (`model/second.rs`): for every principal, action, thing and
//! path, both say yes, or both say no by the same rule.
//!
//! `PROPTEST_CASES` sets how many worlds are asked about. 20,000 of them: `PROPTEST_CASES=20000 cargo test --release -p domain --test rules oracle`.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    decision::{Action, Denial, Permit, ReadScope, decide},
    rights::Right,
    timing::Timing,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};

use crate::model::{
    asking,
    facts::{at, net, path, second_of},
    second::{Answer, FOR_GOOD},
    world::{About, Asker, From, PassRow, TokenRow, World},
    worlds,
};

/// How many worlds are asked about unless `PROPTEST_CASES` says otherwise.
const WORLDS: u32 = 1_000;

/// What a permit opens, as [`World::answer`] says it.
fn opened(permit: &Permit, text: &str) -> Answer {
    match permit.scope() {
        Some(scope) => scope.key(&path(text)).map(|key| (Some(key.as_str().to_owned()), until(&scope))),
        None => Ok((None, FOR_GOOD)),
    }
}

fn until(scope: &ReadScope<'_>) -> i64 {
    second_of(scope.until()).unwrap_or(FOR_GOOD)
}

/// How a refusal looks to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    NotFound,
    SignIn,
    Terms(Denial),
    Gone(Denial),
    Forbidden(Denial),
    Unavailable,
    BadPath,
}

fn class(denial: Denial) -> Class {
    use Denial::*;
    match denial {
        NotDiscoverable | NoSuchObject => Class::NotFound,
        SignIn | PassNeeded => Class::SignIn,
        TermsNeeded { .. } => Class::Terms(denial),
        Revoked | Withdrawn | Paused | NotYet | Expired | Ceiling { .. } | Retired | Restricted | Maker => Class::Gone(denial),
        Zone
        | Lacks { .. }
        | CoarseOnly
        | NotListed
        | NotGroupOwner
        | NotProjectManager
        | NotSteward
        | NotMaker
        | NotSession
        | NotAdministrator
        | NotAuditor
        | NotCurator
        | OwnerActive
        | OfferOver
        | Scope { .. }
        | Arriving
        | NotWritable
        | Suspended => Class::Forbidden(denial),
        NotServing | OverBudget { .. } => Class::Unavailable,
        Path(_) => Class::BadPath,
    }
}

/// How often what was answered, over a whole run.
#[derive(Debug, Default)]
struct Tally {
    yes: AtomicU64,
    no: AtomicU64,
    /// Permits of coarse levels alone.
    levels: AtomicU64,
    /// Permits to read strictly.
    strict: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    fn count(&self, answer: &Answer) {
        match answer {
            Ok(_) => self.yes.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.no.fetch_add(1, Ordering::Relaxed),
        };
        let reason = match answer {
            Ok(_) => "yes".to_owned(),
            Err(denial) => format!("{denial:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
        };
        *self.reasons.lock().unwrap().entry(reason).or_default() += 1;
    }

    /// Worlds that are mostly trivial prove nothing: of the questions, at least a fifth is answered yes and a fifth no, and no rule is idle.
    fn is_not_trivial(&self) {
        let (yes, no) = (self.yes.load(Ordering::Relaxed), self.no.load(Ordering::Relaxed));
        println!("{yes} yes, {no} no: {:?}", self.reasons.lock().unwrap());
        assert!(yes * 5 >= yes + no && no * 5 >= yes + no, "{yes} yes, {no} no: the worlds are mostly trivial");
    }
}

/// What is asked of a thing: a dataset's paths are asked about where it is read or listed.
fn compare(world: &World, asker: &Asker, from: From, about: About, tally: &Tally) -> Result<(), TestCaseError> {
    let paths = asking::paths(world, about);
    let facts = world.facts(asker, about);
    let principal = world.principal(asker, from);
    for action in Action::ALL {
        let permit = decide(&principal, action, &facts, at(0));
        let reads = matches!(action, Action::Read | Action::List)
            && !paths.is_empty()
            && (permit.is_ok() || matches!(asker, Asker::Holder | Asker::Guest(_)));
        let whole = [String::new()];
        let mut ends = Vec::new();
        for text in if reads { paths.as_slice() } else { &whole } {
            let got = permit.as_ref().map_err(|denial| *denial).and_then(|permit| opened(permit, text));
            let want = world.answer(asker, from, action, about, text, 0);
            tally.count(&want);
            let question =
                || format!("{asker:?} from {from:?}: {action:?} of {about:?} {text:?}: product {got:?}, oracle {want:?}\n{world:#?}");
            match (&got, &want) {
                (Ok((key, until)), Ok((wanted, end))) => {
                    prop_assert_eq!(key, wanted, "{}", question());
                    // P13
                    prop_assert!(key.is_none() || until <= end, "{}", question());
                    ends.push(*end);
                }
                (Err(denial), Err(rule)) => prop_assert_eq!(class(*denial), class(*rule), "{}", question()),
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => prop_assert!(false, "{}", question()),
            }
        }
        let scope = permit.as_ref().ok().and_then(Permit::scope);
        if let Some(scope) = &scope {
            let is_strict = scope.timing() == Timing::STRICT;
            tally.strict.fetch_add(u64::from(is_strict), Ordering::Relaxed);
            prop_assert_eq!(is_strict, world.is_strict(about), "{:?}: {:?} of {:?}\n{:#?}", asker, action, about, world);
        }
        if let Some(scope) = scope.filter(|scope| reads && !scope.is_single_object() && !ends.is_empty()) {
            // A permit ends when the first thing that it opens does, and no sooner. That of levels alone ends with the finest of them, even
            // where the dataset has none of it.
            let finest = world.finest_level_end(asker, about, from, 0).filter(|_| scope.has_coarse_alone());
            tally.levels.fetch_add(u64::from(finest.is_some()), Ordering::Relaxed);
            let first = ends.into_iter().chain(finest).min();
            prop_assert_eq!(Some(until(&scope)), first, "{:?} from {:?}: {:?} of {:?}\n{:#?}", asker, from, action, about, world);
        }
    }
    Ok(())
}

/// P14: a listing shows what its reader can be told of, and hides the rest.
fn compare_listing(world: &World, dataset: usize) -> Result<(), TestCaseError> {
    let row = &world.datasets[dataset];
    let owner = Asker::Person(row.owner, TokenRow::whole());
    let (facts, principal) = (world.facts(&owner, About::Dataset(dataset)), world.principal(&owner, From::Anywhere));
    let Ok(permit) = decide(&principal, Action::List, &facts, at(0)) else { return Ok(()) };
    for text in worlds::paths_below(world, row.source, &row.path) {
        let inside = format!("{}{text}", row.path);
        let key = format!("{}{inside}", world.sources[row.source].prefix);
        prop_assert_eq!(
            permit.scope().unwrap().hides(&path(&key)),
            world.is_hidden(dataset, &inside),
            "{} of {}\n{:#?}",
            text,
            dataset,
            world
        );
    }
    Ok(())
}

/// ACCESS 4 and 5 as a whole.
#[test]
fn the_decision_is_the_oracles_in_every_world() {
    // Passes are mostly no good, as they should be here: they are counted by themselves.
    let (tally, guests, orphans, offers, clones) =
        (Tally::default(), Tally::default(), Tally::default(), Tally::default(), Tally::default());
    let config = worlds::tried(WORLDS);
    // By the worlds asked, so that a shorter run is no failure: a mutation run would take one for a mutant caught.
    let some = u64::from(config.cases) / 10;
    let asked = TestRunner::new(config).run(&(worlds::world(), worlds::from()), |(world, from)| {
        for asker in asking::askers(&world) {
            for dataset in 0..world.datasets.len() {
                compare(&world, &asker, from, About::Dataset(dataset), &tally)?;
                compare(&world, &asker, from, About::Orphan(dataset), &orphans)?;
            }
            for link in 0..world.links.len() {
                compare(&world, &asker, from, About::Link(link), &tally)?;
            }
            for offer in 0..world.offers.len() {
                compare(&world, &asker, from, About::Offer(offer), &offers)?;
            }
            for group in 0..world.groups.len() {
                compare(&world, &asker, from, About::Group(group), &tally)?;
            }
            for project in 0..world.projects.len() {
                compare(&world, &asker, from, About::Project(project), &tally)?;
            }
            for owner in 0..world.people.len() {
                compare(&world, &asker, from, About::Clone(owner), &clones)?;
            }
            compare(&world, &asker, from, About::Deployment, &tally)?;
        }
        for link in 0..world.links.len() {
            compare(&world, &Asker::Holder, from, About::Link(link), &tally)?;
            for pass in asking::passes(&world, link) {
                compare(&world, &Asker::Guest(pass), from, About::Link(link), &guests)?;
            }
            prop_assert_eq!(world.link_facts(link, None).state(at(0)), world.state(link, 0), "link {}\n{:#?}", link, world);
        }
        for dataset in 0..world.datasets.len() {
            compare(&world, &Asker::Holder, from, About::Dataset(dataset), &tally)?;
            compare(
                &world,
                &Asker::Guest(PassRow { link: 0, mark: Some(0), end: 60, accepted: [true; 2] }),
                from,
                About::Dataset(dataset),
                &guests,
            )?;
            compare_listing(&world, dataset)?;
            for person in 0..world.people.len() {
                let shown = world.rights(person, dataset, net(from), 0);
                for right in Right::ALL.into_iter().filter(|_| world.is_active(dataset)) {
                    let held = world.held(Some(person), dataset, right, from, 0).is_some();
                    prop_assert_eq!(shown.has(right), held, "person {}: {:?} of {}\n{:#?}", person, right, dataset, world);
                }
            }
        }
        Ok(())
    });
    asked.unwrap_or_else(|why| panic!("{why}"));
    tally.is_not_trivial();
    assert!(tally.levels.load(Ordering::Relaxed) > some, "coarse levels alone are opened, too: {tally:?}");
    let strict = tally.strict.load(Ordering::Relaxed);
    assert!(strict > some && strict < tally.yes.load(Ordering::Relaxed), "some of it is read strictly: {tally:?}");
    assert!(orphans.yes.load(Ordering::Relaxed) > some, "some owners are succeeded: {orphans:?}");
    assert!(offers.yes.load(Ordering::Relaxed) > some, "some offers are answered: {offers:?}");
    assert!(clones.yes.load(Ordering::Relaxed) > some, "some clones are their owners': {clones:?}");
    println!("by pass: {guests:?}");
    assert!(guests.yes.load(Ordering::Relaxed) > some, "a pass opens what its link opens: {guests:?}");
}
