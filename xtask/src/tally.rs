//! Counting tests by what their runners print.

/// Who prints. A runner shows what a failed test printed, so another runner's closing line there must not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo nextest`, which closes with a summary.
    Nextest,
    /// cargo's own test runner, which closes each crate with a result.
    Cargo,
    /// A script that prints a line a check, `ok` or `FAIL` first, or that runs Python's unittest.
    Script,
}

/// How many tests of a suite passed, failed, or were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that were not run. None should be.
    pub(crate) skipped: u64,
}

impl Tally {
    /// The sum of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }

    /// Counts one line of a runner's output.
    pub(crate) fn read(self, runner: Runner, line: &str) -> Self {
        let line = line.trim_end();
        match runner {
            // `     Summary [  12.3s] 42 tests run: 41 passed (2 slow), 1 failed, 0 skipped`; a run cut short says `40/42 tests run`.
            Runner::Nextest => {
                let counts = line.trim_start().strip_prefix("Summary [").and_then(|rest| rest.split_once(" run: "));
                counts.map_or(self, |(_, counts)| self.listed(counts))
            }
            // `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s`
            Runner::Cargo => {
                let counts = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "));
                counts.map_or(self, |(_, counts)| self.listed(counts))
            }
            Runner::Script => self.scripted(line),
        }
    }

    fn listed(self, counts: &str) -> Self {
        self.plus(Self {
            passed: count(counts, "passed"),
            failed: count(counts, "failed").saturating_add(count(counts, "timed out")),
            skipped: count(counts, "skipped").saturating_add(count(counts, "ignored")),
        })
    }

    fn scripted(self, line: &str) -> Self {
        // unittest: `Ran 12 tests in 3.4s`, then `OK (skipped=1)` or `FAILED (failures=1, errors=2)`.
        if let Some((number, _)) = line.strip_prefix("Ran ").and_then(|rest| rest.split_once(" test")) {
            return self.plus(Self { passed: number.parse().unwrap_or(0), ..Self::default() });
        }
        if let Some(counts) = line.strip_prefix("FAILED (").or_else(|| line.strip_prefix("OK (")) {
            let failed = named(counts, "failures").saturating_add(named(counts, "errors"));
            let skipped = named(counts, "skipped");
            let passed = self.passed.saturating_sub(failed).saturating_sub(skipped);
            return Self { passed, ..self }.plus(Self { passed: 0, failed, skipped });
        }
        if line.starts_with("ok ") {
            return self.plus(Self { passed: 1, ..Self::default() });
        }
        if line.starts_with("FAIL ") {
            return self.plus(Self { failed: 1, ..Self::default() });
        }
        self
    }
}

/// The number before `word` in a list such as `41 passed (2 slow), 1 failed`; none is zero.
fn count(list: &str, word: &str) -> u64 {
    list.split([',', ';'])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, rest)| rest.starts_with(word))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

/// The number after `word=` in a list such as `failures=1, errors=2)`; none is zero.
fn named(list: &str, word: &str) -> u64 {
    list.split([',', ')'])
        .filter_map(|part| part.trim().split_once('='))
        .find(|(name, _)| *name == word)
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Runner::{Cargo, Nextest, Script};
    use super::Tally;

    #[test]
    fn each_runners_lines_are_counted_and_no_others() {
        for (runner, lines, passed, failed, skipped) in [
            (Nextest, "     Summary [  12.345s] 42 tests run: 41 passed (2 slow), 1 failed, 3 skipped", 41, 1, 3),
            (Nextest, "     Summary [   0.123s] 1 test run: 1 passed, 0 skipped", 1, 0, 0),
            (Nextest, "     Summary [   9.000s] 40/42 tests run: 38 passed, 1 failed, 1 timed out, 0 skipped", 38, 2, 0),
            (Nextest, "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 5 filtered out", 0, 0, 0),
            (Nextest, "        FAIL [   0.010s] domain path::a_test", 0, 0, 0),
            (Cargo, "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s", 3, 0, 1),
            (Cargo, "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", 3, 2, 0),
            (Cargo, "   Compiling domain", 0, 0, 0),
            (Script, "ok    curl: README.md\nok    curl: table.csv\nFAIL  curl: a.zarr\nokay, 3 passed", 2, 1, 0),
            (Script, "Ran 12 tests in 3.456s\n\nFAILED (failures=1, errors=2)", 9, 3, 0),
            (Script, "test_a (test_template.Policies.test_a) ... ok\nRan 1 test in 3.456s\n\nOK", 1, 0, 0),
            (Script, "Ran 4 tests in 3.456s\n\nOK (skipped=1)", 3, 0, 1),
        ] {
            let tally = lines.lines().fold(Tally::default(), |tally, line| tally.read(runner, line));
            assert_eq!(tally, Tally { passed, failed, skipped }, "{lines}");
        }
    }
}
