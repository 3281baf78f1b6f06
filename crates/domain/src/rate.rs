//! How often something may happen: a burst and a sustained rate, kept as one instant (GCRA, ITU-T I.371).

use jiff::{SignedDuration, Timestamp};

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From one to the next, when sustained.
    interval: SignedDuration,
    /// How far a burst may run ahead of that.
    burst: SignedDuration,
}

/// It was too often: one more is taken after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften(pub SignedDuration);

impl TooOften {
    /// The wait in whole seconds, rounded up.
    #[must_use]
    pub fn secs(self) -> u32 {
        let up = self.0.saturating_add(SignedDuration::from_millis(999)).as_secs();
        u32::try_from(up).unwrap_or(u32::MAX).max(1)
    }
}

impl Rate {
    /// At most `burst_max` at once, in the long run one every `interval_millis`.
    #[must_use]
    pub fn new(interval_millis: u32, burst_max: u32) -> Self {
        let interval_millis = i64::from(interval_millis);
        let burst = interval_millis.saturating_mul(i64::from(burst_max));
        Self { interval: SignedDuration::from_millis(interval_millis), burst: SignedDuration::from_millis(burst) }
    }

    /// `per_second` in the long run, and as many at once as in `burst_secs`.
    #[must_use]
    pub fn per_second(per_second: u32, burst_secs: u32) -> Self {
        let interval =
            SignedDuration::from_secs(1).checked_div(i32::try_from(per_second).unwrap_or(i32::MAX)).unwrap_or(SignedDuration::MAX);
        let most = i32::try_from(per_second.saturating_mul(burst_secs)).unwrap_or(i32::MAX);
        Self { interval, burst: interval.saturating_mul(most) }
    }

    /// Takes one at `now`, where those before are paid for at `paid` (`None`: there were none, or long ago): the instant at which it is paid
    /// for, too, to be kept for the next.
    ///
    /// # Errors
    /// [`TooOften`]; nothing is to be kept then, so that trying on does not prolong the wait.
    pub fn take(self, paid: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, TooOften> {
        self.take_of(paid, 1, now)
    }

    /// As [`Self::take`], where up to `bursts` bursts may be owed ([`Self::owe`]).
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_of(self, paid: Option<Timestamp>, bursts: u32, now: Timestamp) -> Result<Timestamp, TooOften> {
        let ahead = ahead(paid, self.most(bursts), now).saturating_add(self.interval);
        if ahead > self.burst {
            return Err(TooOften(ahead.saturating_sub(self.burst)));
        }
        Ok(now.checked_add(ahead).unwrap_or(Timestamp::MAX))
    }

    /// Counts one that happened, whether or not it was one too many: the instant to be kept. What is owed is never more than `bursts` bursts.
    #[must_use]
    pub fn owe(self, paid: Option<Timestamp>, bursts: u32, now: Timestamp) -> Timestamp {
        let most = self.most(bursts);
        now.checked_add(ahead(paid, most, now).saturating_add(self.interval).min(most)).unwrap_or(Timestamp::MAX)
    }

    /// How far ahead so many bursts run.
    fn most(self, bursts: u32) -> SignedDuration {
        self.burst.saturating_mul(i32::try_from(bursts).unwrap_or(i32::MAX))
    }

    /// Gives one back: the instant to be kept, where `paid` was.
    #[must_use]
    pub fn give_back(self, paid: Timestamp) -> Timestamp {
        paid.checked_sub(self.interval).unwrap_or(paid)
    }
}

/// How far ahead of `now` is paid. Nothing kept lies further ahead than `most`, unless the clock went back: then it counts as that.
fn ahead(paid: Option<Timestamp>, most: SignedDuration, now: Timestamp) -> SignedDuration {
    paid.map_or(SignedDuration::ZERO, |paid| paid.duration_since(now)).clamp(SignedDuration::ZERO, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    /// How many of `tries` at these instants are taken.
    fn taken(rate: Rate, tries: impl IntoIterator<Item = i64>) -> usize {
        let mut paid = None;
        let mut taken = 0;
        for now in tries {
            if let Ok(next) = rate.take(paid, at(now)) {
                paid = Some(next);
                taken += 1;
            }
        }
        taken
    }

    #[test]
    fn a_burst_is_taken_whole_and_then_one_an_interval_and_no_more() {
        let rate = Rate::new(5, 1_000);
        assert_eq!(taken(rate, vec![0; 5_000]), 1_000, "at once");
        assert_eq!(taken(rate, (0..10_000).flat_map(|milli| [milli; 3])), 1_000 + 9_999 / 5, "three times as often");
        assert_eq!(taken(rate, (0..10_000).map(|number| number * 5)), 10_000, "as often as may be, for ever");
        assert_eq!(taken(rate, vec![0; 1_000].into_iter().chain(vec![5_000; 1_500])), 2_000, "a pause pays for it all");
    }

    // D10
    #[test]
    fn so_many_a_second_and_a_few_seconds_worth_at_once() {
        for per_second in [1, 3, 7, 250, 10_000] {
            let (rate, most) = (Rate::per_second(per_second, 10), usize::try_from(per_second).unwrap());
            assert_eq!(taken(rate, vec![0; 100_001]), 10 * most, "{per_second} at once");
        }
        for per_second in [1, 3, 7, 250] {
            let (rate, most) = (Rate::per_second(per_second, 10), usize::try_from(per_second).unwrap());
            let in_a_minute = taken(rate, (0..60_000).flat_map(|milli| [milli; 11]));
            assert!((70 * most - 1..=70 * most).contains(&in_a_minute), "{per_second}: {in_a_minute}");
        }
    }

    #[test]
    fn the_wait_is_what_it_takes_and_trying_on_does_not_prolong_it() {
        let rate = Rate::new(30_000, 10);
        let mut paid = None;
        for _ in 0..10 {
            paid = Some(rate.take(paid, at(0)).unwrap());
        }
        for _ in 0..50 {
            let why = rate.take(paid, at(1)).unwrap_err();
            assert_eq!((why.0, why.secs()), (SignedDuration::from_millis(29_999), 30));
        }
        assert!(rate.take(paid, at(29_999)).is_err());
        assert!(rate.take(paid, at(30_000)).is_ok());
    }

    // SECURITY 5
    #[test]
    fn what_happened_at_once_beyond_the_burst_is_paid_for_up_to_a_bound() {
        let rate = Rate::new(5, 10);
        let owed = |count: usize| (0..count).fold(None, |paid, _one| Some(rate.owe(paid, 4, at(0))));
        for (count, wait_ms) in [(9, None), (10, Some(5)), (20, Some(55)), (40, Some(155)), (1_000, Some(155))] {
            let wait = rate.take_of(owed(count), 4, at(0)).err().map(|why| why.0);
            assert_eq!(wait, wait_ms.map(SignedDuration::from_millis), "{count}");
        }
        // As many at once as there are connections: in the long run it is the rate all the same.
        let (mut paid, mut done) = (None, 0);
        for milli in 0..60_000 {
            if rate.take_of(paid, 4, at(milli)).is_ok() {
                for _one in 0..16 {
                    paid = Some(rate.owe(paid, 4, at(milli)));
                    done += 1;
                }
            }
        }
        assert!(done <= 60_000 / 5 + 10 + 16, "{done}");
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let rate = Rate::new(5, 10);
        let paid = rate.take(None, at(86_400_000)).unwrap();
        let why = rate.take(Some(paid), at(0)).unwrap_err();
        assert_eq!(why.0, SignedDuration::from_millis(5));
    }
}
