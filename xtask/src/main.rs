//! `cargo xtask`: the one entry to every check.
//!
//! - `cargo xtask ci` runs everything that a change must pass, names and times each suite, and closes with one line, `N passed, M failed`.
//! - `cargo xtask ci SUITE...` runs only the named ones.
//! - `cargo xtask fuzz [TARGET | all] [SECONDS]` fuzzes for as long as it is told, where `ci` gives each target some seconds.
//! - `cargo xtask scale [MEMBERS [DATASETS]]` counts reads beside a group of 100,000 and 10,000 datasets, where `ci` takes smaller ones.
//! - `cargo xtask release` asks of what people install and deploy what `ci` asks of what is quickly built: clients, pages, viewer, api, lab, template.
//! - `cargo xtask bench` runs the measurements, which are slow and print numbers instead of verdicts.
//!
//! Not here: how a check works. Each suite is a program of its own (cargo, or a script below `tests/`), so any of them can be run by hand.

mod services;
mod suites;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The words after `cargo xtask`.
const USAGE: &str = "usage: cargo xtask ci [SUITE]... | fuzz [TARGET | all] [SECONDS] | scale [MEMBERS [DATASETS]] | release [SUITE]... | bench [SUITE]... | list";

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let workshop = Workshop::here();
    match words.split_first() {
        Some((verb, names)) if verb == "ci" => suites::run(&workshop, &suites::ci(&workshop), names),
        Some((verb, what)) if verb == "fuzz" && what.len() <= 2 => suites::run(&workshop, &[suites::fuzz(&workshop, what)], &[]),
        Some((verb, sizes)) if verb == "scale" && sizes.len() <= 2 => suites::run(&workshop, &[suites::scale(&workshop, sizes)], &[]),
        Some((verb, names)) if verb == "release" => suites::run(&workshop, &suites::release(&workshop), names),
        Some((verb, names)) if verb == "bench" => suites::run(&workshop, &suites::bench(&workshop), names),
        Some((verb, [])) if verb == "list" => {
            for suite in suites::ci(&workshop).iter().chain(&suites::bench(&workshop)) {
                tell(&format!("{:<10} {}", suite.name, suite.what));
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => anyhow::bail!("{USAGE}"),
    }
}

/// Where things lie.
struct Workshop {
    /// The root of the workspace.
    root: PathBuf,
    /// Where cargo puts what it builds: `CARGO_TARGET_DIR`, or `target`.
    target: PathBuf,
}

impl Workshop {
    /// The workspace that this program was built in.
    fn here() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |named| root.join(named));
        Self { root, target }
    }

    /// A file of the workspace.
    fn file(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    /// The `PATH` of every suite: the pinned tools of `tests/services/setup.sh` come first.
    fn search_path(&self) -> std::ffi::OsString {
        let before = std::env::var_os("PATH").unwrap_or_default();
        let tools = std::iter::once(self.root.join("tests/.venv/bin")).chain(std::env::split_paths(&before));
        std::env::join_paths(tools).unwrap_or(before)
    }
}

/// Prints a line for the person who waits.
#[expect(clippy::print_stdout, reason = "this program's only output is what it tells the terminal")]
fn tell(line: &str) {
    println!("{line}");
}
