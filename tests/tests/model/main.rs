//! The stateful model test: random programs of everything that can be done to links, and to who may read, under a table that fails in
//! every way that we know of, held to a small model after each step (SEMANTICS 5, 6, 7; SECURITY 6: H1, H3, H4, H5).
//!
//! A program that fails is made smaller and printed; from then on it is one of those that its `program.rs` keeps.

mod access;
mod audit;
mod batch;
mod check;
mod history;
mod links;
mod weather;

use std::{
    fmt::Debug,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Programs of one run, the same each time; `OFFPRINT_MODEL_CASES=N` hunts with N others.
const CASES: u64 = 40;
/// Fewer, for after each step of theirs a dozen of readers reads.
const ACCESS_CASES: u64 = 12;
const STEPS_MAX: usize = 25;
/// Fewer still: each asks some three hundred questions.
const CHECK_CASES: u64 = 8;
const BATCH_CASES: u64 = 8;
const BATCHES_MAX: usize = 6;
const AUDIT_CASES: u64 = 11;
const ACTS_MAX: usize = 60;
/// Programs that run at once: they wait for the pauses between tries more than they compute.
const AT_ONCE: usize = 8;
/// How long a failing program is made smaller.
const SMALLER_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_failed_once_pass() {
    for (what, program) in links::kept() {
        if let Err(why) = links::run(program.into()).await {
            panic!("again, {what}: {why:?}");
        }
    }
    for (what, program) in access::kept() {
        if let Err(why) = access::run(program.into()).await {
            panic!("again, {what}: {why:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_leaves_links_as_the_model_has_them() {
    let mut all = links::Tally::default();
    every(CASES, || links::any_program(STEPS_MAX), links::run).await.into_iter().for_each(|tally| all.add(tally));
    all.is_not_trivial();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_leaves_access_as_the_model_has_it() {
    let mut all = access::Tally::default();
    every(ACCESS_CASES, || access::any_program(STEPS_MAX), access::run).await.into_iter().for_each(|tally| all.add(tally));
    all.is_not_trivial();
}

// P15
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_check_is_answered_as_the_act_is() {
    let mut all = check::Tally::default();
    every(CHECK_CASES, || check::any_program(STEPS_MAX), check::run).await.into_iter().for_each(|tally| all.add(tally));
    all.is_not_trivial();
}

// P17
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_to_each_item_what_a_single_request_does() {
    let mut all = batch::Tally::default();
    every(BATCH_CASES, || batch::any_program(BATCHES_MAX), batch::run).await.into_iter().for_each(|tally| all.add(tally));
    all.is_not_trivial();
}

// P18
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_anything_stands_in_the_audit_once_and_nothing_else_does() {
    let mut all = audit::Tally::default();
    all.add(audit::run(audit::everything().into()).await.unwrap_or_else(|why| panic!("everything once: {why:?}")));
    every(AUDIT_CASES, || audit::any_program(ACTS_MAX), audit::run).await.into_iter().for_each(|tally| all.add(tally));
    all.is_not_trivial();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_run_keeps_the_rules_of_histories() {
    let seed = std::env::var("OFFPRINT_MODEL_CASES").map_or(1, |_cases| random());
    let history = history::recorded(seed).await.unwrap_or_else(|why| panic!("seed {seed:016x}: {why:?}"));
    let broken = history::broken(&history);
    assert!(
        broken.is_empty(),
        "seed {seed:016x}: {} times, first:\n{}",
        broken.len(),
        broken.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    history.is_not_trivial();
}

/// Runs many programs of `programs`, and says what came of each.
async fn every<P, S, T, R>(cases: u64, programs: impl Fn() -> S, run: fn(Arc<P>) -> R) -> Vec<T>
where
    P: Debug + Send + Sync + 'static,
    S: Strategy<Value = P>,
    T: Send + 'static,
    R: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let asked = std::env::var("OFFPRINT_MODEL_CASES").ok().map(|cases| cases.parse().expect("OFFPRINT_MODEL_CASES is a number"));
    let seeds: Vec<u64> = asked.map_or_else(|| (0..cases).collect(), |cases| std::iter::repeat_with(random).take(cases).collect());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for seed in seeds {
        let (places, program) = (Arc::clone(&places), Arc::new(tree_of(&programs(), seed).current()));
        running.spawn(async move {
            let _place = places.acquire_owned().await.expect("nobody closes it");
            (seed, run(program).await)
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (seed, outcome) = ended.expect("a program runs to its end");
        match outcome {
            Ok(tally) => all.push(tally),
            Err(why) => {
                eprintln!("seed {seed:016x} failed: {why:#}");
                running.abort_all();
                let (program, why) = smaller(tree_of(&programs(), seed), run, why).await;
                panic!("seed {seed:016x} (keep the smaller program in its `program.rs`): {why:?}\n{program:#?}");
            }
        }
    }
    all
}

/// Panics where a part of a whole is so small that the run shows nothing.
fn is_share(what: &str, part: usize, whole: usize, least: f64) {
    let share = part as f64 / whole.max(1) as f64;
    assert!(share >= least, "of all {what} are only {share:.2}");
}

fn random() -> u64 {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).expect("random bits");
    u64::from_le_bytes(bits)
}

fn tree_of<S: Strategy>(programs: &S, seed: u64) -> S::Tree {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(seed.to_le_bytes().iter().cycle()) {
        *to = *from;
    }
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    programs.new_tree(&mut runner).expect("no program is filtered out")
}

/// The smallest program found that fails too, and how.
async fn smaller<P, T, R>(mut tree: impl ValueTree<Value = P>, run: fn(Arc<P>) -> R, mut why: anyhow::Error) -> (Arc<P>, anyhow::Error)
where
    R: Future<Output = anyhow::Result<T>>,
{
    let mut smallest = Arc::new(tree.current());
    let mut may_shrink = tree.simplify();
    let began = Instant::now();
    while may_shrink && began.elapsed() < SMALLER_WITHIN {
        let program = Arc::new(tree.current());
        may_shrink = match run(Arc::clone(&program)).await {
            Err(other) => {
                (smallest, why) = (program, other);
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
    }
    (smallest, why)
}
