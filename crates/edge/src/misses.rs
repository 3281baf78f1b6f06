//! Who was told too often that nothing is there (SECURITY 5): guessing keys is slow, and costs the table little.
//!
//! One number an address, in a map of bounded size, for each process by itself. What is known to open is never asked about here.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicI64, Ordering},
};

use domain::{
    grant::Net,
    limits::{MISS_INTERVAL_MILLIS, MISSES_ADDRESSES_MAX, MISSES_BURST_MAX, MISSES_OWED_BURSTS_MAX},
    network::household,
    rate::{Rate, TooOften},
};
use jiff::Timestamp;

use crate::paid::Paid;

/// Whoever nobody knows the address of counts as one.
type Household = Option<IpAddr>;

/// How often each address was told that nothing is there, as far as it matters.
pub struct Misses {
    rate: Rate,
    paid: Paid<Household>,
    /// From this millisecond on nobody is over the limit: most requests need to know no more.
    calm_from: AtomicI64,
}

impl fmt::Debug for Misses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No address.
        f.debug_struct("Misses").field("addresses", &self.paid.len()).finish_non_exhaustive()
    }
}

impl Default for Misses {
    fn default() -> Self {
        Self::new()
    }
}

impl Misses {
    /// Nobody missed anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rate: Rate::new(MISS_INTERVAL_MILLIS, MISSES_BURST_MAX),
            paid: Paid::new(MISSES_ADDRESSES_MAX),
            calm_from: AtomicI64::new(i64::MIN),
        }
    }

    /// Counts a miss from there.
    pub fn count(&self, net: Net, now: Timestamp) {
        // Those over the limit, too: whoever asks for many at once has them answered before any of them is counted.
        let ahead = self.paid.owe(household_of(net), self.rate, MISSES_OWED_BURSTS_MAX, now);
        if let Err(TooOften(wait)) = self.rate.take_of(Some(ahead), MISSES_OWED_BURSTS_MAX, now) {
            let calm = now.checked_add(wait).unwrap_or(Timestamp::MAX).as_millisecond().saturating_add(1);
            self.calm_from.fetch_max(calm, Ordering::Relaxed);
        }
    }

    /// Whether anybody at all may be over the limit at `now`.
    #[must_use]
    pub fn is_calm(&self, now: Timestamp) -> bool {
        now.as_millisecond() >= self.calm_from.load(Ordering::Relaxed)
    }

    /// Whether another miss from there would be one too many.
    ///
    /// # Errors
    /// [`TooOften`], with how long that lasts.
    pub fn check(&self, net: Net, now: Timestamp) -> Result<(), TooOften> {
        self.paid.check(&household_of(net), self.rate, MISSES_OWED_BURSTS_MAX, now)
    }
}

fn household_of(net: Net) -> Household {
    match net {
        Net::At(address) => Some(household(address)),
        Net::Unknown | Net::Anywhere => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(address: &str) -> Net {
        Net::At(address.parse().unwrap())
    }

    fn flood(misses: &Misses, net: Net, count: u32, now: Timestamp) {
        for _ in 0..count {
            misses.count(net, now);
        }
    }

    // SECURITY 5
    #[test]
    fn a_thousand_misses_at_once_and_no_more_and_nobody_else_pays() {
        let (misses, now) = (Misses::new(), Timestamp::UNIX_EPOCH);
        flood(&misses, at("192.0.2.1"), MISSES_BURST_MAX - 1, now);
        assert!(misses.is_calm(now) && misses.check(at("192.0.2.1"), now).is_ok());
        flood(&misses, at("192.0.2.1"), 1, now);
        assert!(!misses.is_calm(now));
        assert_eq!(misses.check(at("192.0.2.1"), now).unwrap_err().secs(), 1);
        for other in [at("192.0.2.2"), at("2001:db8::1"), Net::Unknown] {
            assert!(misses.check(other, now).is_ok(), "{other:?}");
        }
        let later = now + SignedDuration::from_millis(6);
        assert!(misses.is_calm(later) && misses.check(at("192.0.2.1"), later).is_ok(), "one every five milliseconds");
    }

    #[test]
    fn an_address_of_a_64_is_as_good_as_another_and_what_was_answered_at_once_is_waited_for() {
        let (misses, now) = (Misses::new(), Timestamp::UNIX_EPOCH);
        flood(&misses, at("2001:db8::1"), MISSES_BURST_MAX + 200, now);
        assert!(misses.check(at("2001:db8::2"), now).is_err());
        assert!(misses.check(at("2001:db8:0:1::1"), now).is_ok());
        assert_eq!(misses.check(at("2001:db8::2"), now + SignedDuration::from_millis(6)).unwrap_err().secs(), 1);
        assert!(misses.check(at("2001:db8::2"), now + SignedDuration::from_millis(1_006)).is_ok());
        flood(&misses, at("2001:db8::1"), 100 * MISSES_BURST_MAX, now);
        assert_eq!(misses.check(at("2001:db8::2"), now).unwrap_err().secs(), 16, "and never longer");
    }

    #[test]
    fn as_many_addresses_as_there_are_take_no_more_than_their_bound() {
        let (misses, now) = (Misses::new(), Timestamp::UNIX_EPOCH);
        for number in 0..200_000_u32 {
            misses.count(Net::At(IpAddr::V4(number.into())), now);
        }
        assert!(misses.paid.len() <= MISSES_ADDRESSES_MAX, "{misses:?}");
        assert!(misses.paid.len() > MISSES_ADDRESSES_MAX / 2, "{misses:?}");
    }
}
