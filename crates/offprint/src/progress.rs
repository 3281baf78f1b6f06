//! Progress on stderr for what takes over a second: drawn on a terminal, else a line every ten seconds.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::say;

/// What is done faster shows nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How often a line is written where nothing can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of a batch.
#[derive(Debug)]
pub(crate) struct Progress {
    act: &'static str,
    bar: ProgressBar,
    began: Instant,
    spoke: Instant,
    quiet: bool,
}

impl Progress {
    /// Progress over `total` items; `act` says what happens to them: "Creating links".
    pub(crate) fn new(act: &'static str, total: usize, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos} of {len}, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        bar.set_prefix(act);
        let now = Instant::now();
        Self { act, bar, began: now, spoke: now, quiet }
    }

    /// So many items more are done.
    pub(crate) fn advance(&mut self, items: usize) {
        self.bar.inc(u64::try_from(items).unwrap_or(0));
        if self.quiet || self.began.elapsed() < SHOWN_AFTER {
            return;
        }
        if std::io::stderr().is_terminal() {
            if self.bar.is_hidden() {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        } else if self.spoke.elapsed() >= LINE_EVERY {
            self.spoke = Instant::now();
            say(&format!("{}: {} of {}", self.act, self.bar.position(), self.bar.length().unwrap_or(0)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Awaits one answer, and shows that it does.
pub(crate) async fn waiting<T>(quiet: bool, what: &str, answer: impl Future<Output = T>) -> T {
    let mut answer = std::pin::pin!(answer);
    if quiet {
        return answer.await;
    }
    if let Ok(done) = tokio::time::timeout(SHOWN_AFTER, &mut answer).await {
        return done;
    }
    if std::io::stderr().is_terminal() {
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(120));
        let done = answer.await;
        spinner.finish_and_clear();
        return done;
    }
    let mut waited = SHOWN_AFTER;
    loop {
        if let Ok(done) = tokio::time::timeout(LINE_EVERY, &mut answer).await {
            return done;
        }
        waited = waited.saturating_add(LINE_EVERY);
        say(&format!("{what}: {} s", waited.as_secs()));
    }
}
