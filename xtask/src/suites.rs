//! The suites, in the order they run: quick verdicts first, then tests, then what is asked of the product as a whole.

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::services::Services;
use crate::tally::{Runner, Tally};
use crate::{Workshop, tell};

/// How the variables begin that `cargo run` sets for the program it runs.
const OF_CARGO_RUN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"];

/// How long one suite may take, in seconds: a run that hangs should say so before the pipeline's hour is over.
const SUITE_SECS_MAX: u64 = 1800;
/// How long each target is fuzzed in the pipeline, in seconds.
const FUZZ_SECS: &str = "10";

/// One check with a name: a program and its arguments, run in the workspace's root.
#[derive(Debug)]
pub(crate) struct Suite {
    /// What it is called by.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    pub(crate) what: &'static str,
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// Whose tests are counted in what it prints. A run of none is a failure, but for examples in documentation.
    runner: Option<Runner>,
    /// Wants radosgw, ministack, moto and the OpenID provider running.
    wants_services: bool,
    /// Another suite, by name, whose failure makes this one pointless.
    after: Option<&'static str>,
    /// After how many seconds it counts as hung.
    secs_max: Option<u64>,
}

impl Suite {
    fn new(name: &'static str, what: &'static str, program: impl Into<String>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (program, environment, secs_max) = (program.into(), Vec::new(), Some(SUITE_SECS_MAX));
        Self { name, what, program, arguments, environment, runner: None, wants_services: false, after: None, secs_max }
    }

    fn cargo(name: &'static str, what: &'static str, arguments: &str) -> Self {
        Self::new(name, what, env!("CARGO"), &arguments.split(' ').collect::<Vec<_>>())
    }

    fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    fn counted(self, runner: Runner) -> Self {
        Self { runner: Some(runner), ..self }
    }

    fn with_services(self) -> Self {
        Self { wants_services: true, ..self }
    }

    fn after(self, name: &'static str) -> Self {
        Self { after: Some(name), ..self }
    }

    /// Builds where the others build, and leaves nothing beside the sources.
    fn in_workshop(self, workshop: &Workshop) -> Self {
        self.with("CARGO_TARGET_DIR", workshop.target.display().to_string()).with("PYTHONDONTWRITEBYTECODE", "1")
    }
}

/// What a change must pass.
pub(crate) fn ci(workshop: &Workshop) -> Vec<Suite> {
    let offprint = workshop.target.join("debug/offprint").display().to_string();
    let template = Suite::new("template", "the template, linted, deployed and narrowed", "bash", &["tests/template/run.sh"])
        .with("OFFPRINT", &*offprint)
        .counted(Runner::Script)
        .after("build");
    vec![
        Suite::new("setup", "what tests need beside Rust is installed", workshop.file("tests/services/setup.sh"), &[]),
        Suite::cargo("fmt", "sources are formatted", "fmt --all --check"),
        Suite::cargo(
            "clippy",
            "no lint fires, tests and benches included",
            "clippy --locked --workspace --all-targets --all-features -- -D warnings",
        ),
        Suite::cargo(
            "doc",
            "documentation builds, private items too",
            "doc --locked --workspace --all-features --no-deps --document-private-items",
        )
        .with("RUSTDOCFLAGS", "-D warnings"),
        Suite::cargo("deny", "layers, licences and sources", "deny --all-features check --allow unused-wrapper bans licenses sources")
            .after("setup"),
        Suite::cargo("machete", "no dependency is unused", "machete --skip-target-dir").after("setup"),
        Suite::cargo("build", "the binaries that tests start", "build --locked --workspace --all-features --bins --tests"),
        Suite::cargo(
            "tests",
            "unit, property, adapter, router, end-to-end and model tests",
            "nextest run --locked --workspace --all-features",
        )
        .with("INSTA_UPDATE", "no")
        .counted(Runner::Nextest)
        .with_services()
        .after("build"),
        Suite::cargo(
            "deployed",
            "the routes' tests again, asked as Lambda asks and over another table",
            "nextest run --locked --workspace --all-features --test api --test pages",
        )
        .with("INSTA_UPDATE", "no")
        .with("OFFPRINT_TEST_DEPLOYED", "1")
        .counted(Runner::Nextest)
        .with_services()
        .after("build"),
        Suite::cargo("doc-tests", "examples in the documentation", "test --locked --workspace --all-features --doc").counted(Runner::Cargo),
        Suite { secs_max: Some(SUITE_SECS_MAX), ..fuzz(workshop, &["all".to_owned(), FUZZ_SECS.to_owned()]) }.after("build"),
    ]
    .into_iter()
    .chain(product(&offprint, "build"))
    .chain([template])
    .map(|suite| suite.in_workshop(workshop))
    .collect()
}

/// What only the product itself can show, each suite told which binary of it: one that is quickly built, or the one people install.
fn product(offprint: &str, after: &'static str) -> Vec<Suite> {
    vec![
        Suite::new(
            "clients",
            "real clients read every value, and are refused after a revoke",
            "python3",
            &["tests/clients/run.py", offprint],
        )
        .counted(Runner::Script)
        .after(after),
        Suite::new(
            "pages",
            "a browser without scripts signs in, by a code and through a provider, makes a ticket and signs out; every page is accessible",
            "python3",
            &["tests/clients/pages.py", offprint],
        )
        .counted(Runner::Script)
        .after(after),
        Suite::new(
            "viewer",
            "the real Neuroglancer draws every value by link and signed in, and nothing after a revoke",
            "bash",
            &["tests/clients/neuroglancer/run.sh", offprint],
        )
        .counted(Runner::Script)
        .after(after),
        Suite::new(
            "api",
            "the API answers as its description says, to what it allows and to what it does not",
            "python3",
            &["tests/api/run.py", offprint],
        )
        .counted(Runner::Script)
        .after(after),
        Suite::new(
            "lab",
            "another machine reads a lab server, over a read-only folder",
            "python3",
            &["tests/clients/lab_server.py", offprint],
        )
        .counted(Runner::Script)
        .after(after),
    ]
}

/// The same of what people install and deploy: optimised across all crates, either takes ten minutes to build.
pub(crate) fn release(workshop: &Workshop) -> Vec<Suite> {
    let offprint = workshop.target.join("release/offprint").display().to_string();
    let build = Suite::cargo("release", "the binary people install", "build --locked --release --package offprint");
    let template =
        Suite::new("template", "the functions, built, asked, measured and deployed", "bash", &["tests/template/run.sh", "release"])
            .with("OFFPRINT", &*offprint)
            .counted(Runner::Script)
            .after("release");
    std::iter::once(build).chain(product(&offprint, "release")).chain([template]).map(|suite| suite.in_workshop(workshop)).collect()
}

/// The fuzzer, on what it is told and for as long as it is told.
pub(crate) fn fuzz(workshop: &Workshop, what: &[String]) -> Suite {
    let arguments: Vec<&str> = what.iter().map(String::as_str).collect();
    let suite = Suite::new("fuzz", "nothing that strangers may send breaks what reads it", workshop.file("fuzz/run.sh"), &arguments)
        .with("CARGO_TARGET_DIR", workshop.target.display().to_string())
        .counted(Runner::Script);
    Suite { secs_max: None, ..suite }
}

/// What costs the same however many there are, at full size: minutes, once it is built.
pub(crate) fn scale(workshop: &Workshop, sizes: &[String]) -> Suite {
    let size = |at: usize, otherwise: &str| sizes.get(at).map_or(otherwise, String::as_str).to_owned();
    let suite = Suite::cargo(
        "scale",
        "a decision reads no more for a large group and a large table, and the group is loaded in parts",
        "test --locked --release --package table --test table -- --nocapture --test-threads 1 a_decision_reads_the_same a_large_group",
    )
    .with("OFFPRINT_TEST_MEMBERS", size(0, "100000"))
    .with("OFFPRINT_TEST_DATASETS", size(1, "10000"))
    .with("CARGO_TARGET_DIR", workshop.target.display().to_string())
    .counted(Runner::Cargo);
    Suite { secs_max: None, ..suite }
}

/// What is measured rather than checked: the rows of docs/PERFORMANCE.md. Half an hour on two cores, best with nothing else running.
pub(crate) fn bench(workshop: &Workshop) -> Vec<Suite> {
    let beside = |name| workshop.target.join("release").join(name).display().to_string();
    let offprint = beside("offprint");
    let load = |name, what| Suite::new(name, what, "python3", &[&format!("tests/load/{name}.py"), &offprint]).after("release");
    vec![
        Suite::cargo(
            "benches",
            "the benches of every crate: presigning, a redirect, an event, the time of an invitation",
            "bench --locked --workspace --bench *",
        ),
        Suite::cargo(
            "release",
            "the product, and what it is compared with",
            "build --locked --release --package offprint --package serve --package tests --bins --examples",
        ),
        Suite::new(
            "events",
            "processor time an event, beside a constant answer; cold starts",
            beside("examples/events"),
            &[&beside("serve"), &beside("examples/constant_302")],
        )
        .after("release"),
        load("redirects", "processor time a redirect, beside a constant answer"),
        load("streamed", "chunks a second, beside a bare pass-through"),
        load("latency", "zarr-python through a link, beside reading directly"),
        load("memory", "resident memory over a million redirects"),
    ]
    .into_iter()
    .map(|suite| suite.in_workshop(workshop))
    .collect()
}

/// How a suite ended.
struct Outcome {
    name: &'static str,
    took: Duration,
    tally: Tally,
    /// Why it failed, when it did.
    why: Option<String>,
}

/// Runs `suites`, or those of them that are `named`, prints a table of how long each took, and last the line `N passed, M failed`. A failure does
/// not stop the rest: one run shows all that is wrong.
///
/// # Errors
/// When a name is not a suite's, or the servers that a suite wants do not start.
pub(crate) fn run(workshop: &Workshop, suites: &[Suite], named: &[String]) -> anyhow::Result<ExitCode> {
    for name in named {
        anyhow::ensure!(suites.iter().any(|suite| suite.name == name), "no suite is called `{name}`; `cargo xtask list` names them");
    }
    let mut services = Services::default();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for suite in suites {
        if !named.is_empty() && !named.iter().any(|name| name == suite.name) {
            continue;
        }
        let failed_before = |name: &str| outcomes.iter().any(|outcome| outcome.name == name && outcome.why.is_some());
        if let Some(needed) = suite.after.filter(|needed| failed_before(needed)) {
            let why = Some(format!("not run, because `{needed}` failed"));
            outcomes.push(Outcome { name: suite.name, took: Duration::ZERO, tally: Tally::default(), why });
            continue;
        }
        tell(&format!("\n=== {}: {}", suite.name, suite.what));
        if !suite.wants_services {
            services = Services::default();
        } else if services.environment.is_empty() {
            services = Services::start(workshop)?;
        }
        let outcome = run_one(workshop, suite, &services)?;
        if let Some(why) = &outcome.why {
            tell(&format!("=== {} FAILED: {why}", suite.name));
        }
        outcomes.push(outcome);
    }
    Ok(close(&outcomes))
}

/// Runs one suite, passing its output on line by line and counting its tests.
fn run_one(workshop: &Workshop, suite: &Suite, services: &Services) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let (reader, writer) = std::io::pipe().context("a pipe")?;
    let mut command = Command::new(&suite.program);
    // What cargo told this program about itself would be taken for theirs by the programs that it calls.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OF_CARGO_RUN.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    let mut child = command
        .args(&suite.arguments)
        .current_dir(&workshop.root)
        .env("PATH", workshop.search_path())
        .envs(suite.environment.iter().chain(&services.environment).map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("a pipe")?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("starting `{}`", suite.program))?;
    // It holds the writing end of the pipe, and the reading ends when nobody does.
    drop(command);
    let mut tally = Tally::default();
    let status = pass_on(&mut child, reader, suite.secs_max, |line| {
        tell(line);
        if let Some(runner) = suite.runner {
            tally = tally.read(runner, line);
        }
    })?;
    let why = if !status.success() {
        Some(status.to_string())
    } else if tally.failed > 0 {
        Some(format!("{} failed", tally.failed))
    } else if tally.skipped > 0 {
        Some(format!("{} skipped: a test that is not run is no test", tally.skipped))
    } else if tally.passed == 0 && suite.runner.is_some() && suite.name != "doc-tests" {
        Some("it ran no test".to_owned())
    } else {
        None
    };
    Ok(Outcome { name: suite.name, took: start.elapsed(), tally, why })
}

/// Gives each line that a child prints to `line`, until it has ended; then its status. A child that takes longer than it may is killed. What
/// it left running may hold its output open, and is not waited for.
fn pass_on(child: &mut Child, output: PipeReader, secs_max: Option<u64>, mut line: impl FnMut(&str)) -> anyhow::Result<ExitStatus> {
    let start = Instant::now();
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for bytes in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                break;
            }
        }
    });
    loop {
        match lines.recv_timeout(Duration::from_secs(2)) {
            Ok(printed) => line(&printed),
            Err(RecvTimeoutError::Disconnected) => return child.wait().context("waiting for the suite"),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait().context("waiting for the suite")? {
                    return Ok(status);
                }
                if let Some(secs) = secs_max.filter(|secs| start.elapsed().as_secs() > *secs) {
                    tell(&format!("killed after {secs} s"));
                    child.kill().context("killing the suite")?;
                }
            }
        }
    }
}

/// Prints the table and the closing line. A suite that failed without a failed test counts as one.
fn close(outcomes: &[Outcome]) -> ExitCode {
    let mut sum = Tally::default();
    tell("\nsuite           seconds   passed   failed");
    for outcome in outcomes {
        let mut tally = outcome.tally;
        if outcome.why.is_some() {
            tally.failed = tally.failed.max(1);
        }
        sum = sum.plus(tally);
        let why = outcome.why.as_deref().unwrap_or_default();
        tell(
            format!("{:<14} {:>8.1} {:>8} {:>8}   {why}", outcome.name, outcome.took.as_secs_f64(), tally.passed, tally.failed).trim_end(),
        );
    }
    let took: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    tell(&format!("{:<14} {:>8.1}\n", "all", took.as_secs_f64()));
    tell(&format!("{} passed, {} failed", sum.passed, sum.failed));
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
