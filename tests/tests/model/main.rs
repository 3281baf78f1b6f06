//! The stateful model test: random programs of everything that can be done to links, under a table that fails in every way that we know
//! of, held to a small model after each step (SEMANTICS 5, 6, 7; SECURITY 6: H1, H3, H4, H5).
//!
//! A program that fails is made smaller and printed; from then on it is one of those that `program.rs` keeps.

mod product;
mod program;
mod reference;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    product::{Tally, run},
    program::{Program, any_program, kept},
};

/// Programs of one run, the same each time; `OFFPRINT_MODEL_CASES=N` hunts with N others.
const CASES: u64 = 60;
const STEPS_MAX: usize = 25;
/// Programs that run at once: they wait for the pauses between tries more than they compute.
const AT_ONCE: usize = 8;
/// How long a failing program is made smaller.
const SMALLER_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_failed_once_pass() {
    for (what, program) in kept() {
        if let Err(why) = run(&program).await {
            panic!("again, {what}: {why:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_leaves_links_as_the_model_has_them() {
    let asked = std::env::var("OFFPRINT_MODEL_CASES").ok().map(|cases| cases.parse().expect("OFFPRINT_MODEL_CASES is a number"));
    let seeds: Vec<u64> = asked.map_or_else(|| (0..CASES).collect(), |cases| std::iter::repeat_with(random).take(cases).collect());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for seed in seeds {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire_owned().await.expect("nobody closes it");
            let program = program_of(seed).current();
            (seed, run(&program).await)
        });
    }
    let mut all = Tally::default();
    while let Some(ended) = running.join_next().await {
        let (seed, outcome) = ended.expect("a program runs to its end");
        match outcome {
            Ok(tally) => all.add(tally),
            Err(why) => {
                eprintln!("seed {seed:016x} failed: {why:#}");
                running.abort_all();
                let (program, why) = smaller(seed, why).await;
                panic!("seed {seed:016x} (keep the smaller program in `program.rs`): {why:?}\n{program:#?}");
            }
        }
    }
    is_not_trivial(&all);
}

/// A run in which nearly everything is refused, or nothing is, shows nothing.
fn is_not_trivial(all: &Tally) {
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let (reads, changes) = (all.yes + all.no, all.accepted + all.refused + all.open);
    for (what, share, least) in [
        ("reads that were let through", share(all.yes, reads), 0.2),
        ("reads that were refused", share(all.no, reads), 0.2),
        ("changes that were accepted", share(all.accepted, changes), 0.2),
        ("changes that were refused", share(all.refused, changes), 0.05),
        ("changes whose outcome was left open", share(all.open, changes), 0.05),
        ("revokes that were acknowledged", share(all.revokes, changes), 0.05),
    ] {
        assert!(share >= least, "of all {what} are only {share:.2}: {all:?}");
    }
    assert!(all.late > 0 && all.failed_reads > 0, "{all:?}");
    println!("{all:?}");
}

fn random() -> u64 {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).expect("random bits");
    u64::from_le_bytes(bits)
}

fn program_of(seed: u64) -> impl ValueTree<Value = Program> {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(seed.to_le_bytes().iter().cycle()) {
        *to = *from;
    }
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    any_program(STEPS_MAX).new_tree(&mut runner).expect("no program is filtered out")
}

/// The smallest program found that fails too, and how.
async fn smaller(seed: u64, mut why: anyhow::Error) -> (Program, anyhow::Error) {
    let mut tree = program_of(seed);
    let mut smallest = tree.current();
    let mut may_shrink = tree.simplify();
    let began = Instant::now();
    while may_shrink && began.elapsed() < SMALLER_WITHIN {
        let program = tree.current();
        may_shrink = match run(&program).await {
            Err(other) => {
                (smallest, why) = (program, other);
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
    }
    (smallest, why)
}
