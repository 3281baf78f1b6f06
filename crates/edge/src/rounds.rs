//! Requests that meet others which change the same: each is decided anew, for a while.

use std::time::{Duration, Instant};

use domain::limits::ROUNDS_MS;

use crate::problem::Problem;

/// The longest pause before the second round; each further one may be twice as long, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// The longest pause of all.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Rounds of a request that names no version: it wants its change on whatever is there. As many as begin within [`ROUNDS_MS`], after pauses
/// whose length is random, so that those who met once do not meet again.
#[derive(Debug)]
pub struct Rounds {
    begun: Instant,
    pause: Duration,
}

impl Rounds {
    /// Before the first.
    #[must_use]
    pub fn begin() -> Self {
        Self { begun: Instant::now(), pause: PAUSE_FIRST }
    }

    /// Pauses before another round.
    ///
    /// # Errors
    /// 503 `busy`, with `Retry-After`, where there was time for no more. Nothing was written.
    pub async fn another(&mut self) -> Result<(), Problem> {
        if Duration::from_millis(ROUNDS_MS) <= self.begun.elapsed() {
            return Err(Problem::unavailable("busy", "others changed the same all the while; nothing was written")
                .hint("send the same request again, and fewer of them at the same time"));
        }
        let share = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
        tokio::time::sleep(self.pause.mul_f64(share)).await;
        self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // ADR 0044
    #[tokio::test]
    async fn there_is_another_round_for_a_second_and_then_a_word_to_come_back() {
        let mut rounds = Rounds::begin();
        for _round in 0..2 {
            rounds.another().await.unwrap();
        }
        assert_eq!(rounds.pause, PAUSE_FIRST * 4);
        rounds.begun = rounds.begun.checked_sub(Duration::from_millis(ROUNDS_MS)).unwrap();
        let problem = rounds.another().await.unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.code, problem.retry_after_secs()), (503, "busy", Some(2)));
    }
}
