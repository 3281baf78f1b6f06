//! How long facts, signatures and redirects live: the three rows of SEMANTICS 5, and the arithmetic on them.

use jiff::{SignedDuration, Timestamp};

use crate::limits::{
    CREDENTIALS_MARGIN_SECS, PRIVATE_FACTS_CACHE_SECS, PRIVATE_PRESIGN_SECS, PRIVATE_REVOKE_BOUND_SECS, PRIVATE_WINDOW_SECS,
    REDIRECT_CACHE_MARGIN_SECS, SIGN_LEAST_SECS, STRICT_FACTS_CACHE_SECS, STRICT_PRESIGN_SECS, STRICT_REVOKE_BOUND_SECS,
    STRICT_WINDOW_SECS, WORLD_FACTS_CACHE_SECS, WORLD_PRESIGN_SECS, WORLD_REVOKE_BOUND_SECS, WORLD_WINDOW_SECS, WRITE_SETTLES_SECS,
};

/// So many seconds after `now`; `now` itself where the calendar ends before that.
#[must_use]
pub fn later(now: Timestamp, secs: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(secs)).unwrap_or(now)
}

/// One row of the table of SEMANTICS 5; all in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How old the facts of a decision may be.
    pub facts_cache_secs: u32,
    /// How long a signature works, from its rounded instant.
    pub presign_secs: u32,
    /// What the signing instant is rounded down to.
    pub window_secs: u32,
    /// `W`: the promise after a revoke's reply.
    pub revoke_bound_secs: u32,
}

impl Timing {
    /// World and publication links.
    pub const WORLD: Self = Self {
        facts_cache_secs: WORLD_FACTS_CACHE_SECS,
        presign_secs: WORLD_PRESIGN_SECS,
        window_secs: WORLD_WINDOW_SECS,
        revoke_bound_secs: WORLD_REVOKE_BOUND_SECS,
    };
    /// All others, unless strict.
    pub const PRIVATE: Self = Self {
        facts_cache_secs: PRIVATE_FACTS_CACHE_SECS,
        presign_secs: PRIVATE_PRESIGN_SECS,
        window_secs: PRIVATE_WINDOW_SECS,
        revoke_bound_secs: PRIVATE_REVOKE_BOUND_SECS,
    };
    /// Strict links, and what rests on strict datasets.
    pub const STRICT: Self = Self {
        facts_cache_secs: STRICT_FACTS_CACHE_SECS,
        presign_secs: STRICT_PRESIGN_SECS,
        window_secs: STRICT_WINDOW_SECS,
        revoke_bound_secs: STRICT_REVOKE_BOUND_SECS,
    };

    /// When a narrowing accepted at `now` is in force everywhere: `max(now + W, given_until)` (SEMANTICS 5).
    #[must_use]
    pub fn enforced_by(self, now: Timestamp, given_until: Option<Timestamp>) -> Timestamp {
        // Rounded up to the whole second that clients compare with.
        let whole = Timestamp::from_second(now.as_second().saturating_add(1)).unwrap_or(now);
        let bound = whole.checked_add(secs(self.revoke_bound_secs)).unwrap_or(Timestamp::MAX);
        given_until.map_or(bound, |given| given.max(bound))
    }

    /// When what these times gave until a change of `now` takes effect has ended: a narrowing right after a change to shorter ones must say so.
    #[must_use]
    pub fn given_until(self, now: Timestamp, before: Option<Timestamp>) -> Timestamp {
        let effect = now.checked_add(secs(WRITE_SETTLES_SECS)).unwrap_or(now);
        self.enforced_by(effect, before)
    }
}

/// When a URL is signed, and how long it works from then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The signing instant, a whole second, rounded down to the window.
    pub signed_at: Timestamp,
    /// Whole seconds from `signed_at`.
    pub expires_secs: u32,
}

impl Validity {
    /// The validity of a URL signed at `now`: the instant rounded down to the window, the end the least of the policy's, the
    /// link's `until`, and the credentials' end less [`CREDENTIALS_MARGIN_SECS`]. `None`: under [`SIGN_LEAST_SECS`] are left from `now`, nothing may be signed.
    #[must_use]
    pub fn at(now: Timestamp, timing: Timing, until: Option<Timestamp>, credentials_until: Option<Timestamp>) -> Option<Self> {
        let second = now.as_second();
        let window = i64::from(timing.window_secs.max(1));
        let begin = second.checked_sub(second.checked_rem_euclid(window)?)?;
        // A signature that began before the credentials did is refused nowhere; one that ends after them is worthless.
        let credentials_end = credentials_until.map(|end| end.as_second().saturating_sub(i64::from(CREDENTIALS_MARGIN_SECS)));
        let policy_end = begin.saturating_add(i64::from(timing.presign_secs));
        let end = [until.map(Timestamp::as_second), credentials_end].into_iter().flatten().fold(policy_end, i64::min);
        if end.saturating_sub(second) < i64::from(SIGN_LEAST_SECS) {
            return None;
        }
        let expires_secs = u32::try_from(end.saturating_sub(begin)).ok()?;
        Some(Self { signed_at: Timestamp::from_second(begin).ok()?, expires_secs })
    }

    /// When it ends.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.signed_at.checked_add(secs(self.expires_secs)).unwrap_or(self.signed_at)
    }

    /// How long a redirect to it may be cached: what is left at `now`, less [`REDIRECT_CACHE_MARGIN_SECS`]; `None`: not at all.
    #[must_use]
    pub fn max_age_secs(self, now: Timestamp) -> Option<u32> {
        let left = self.end().as_second().checked_sub(now.as_second())?;
        let age = left.checked_sub(i64::from(REDIRECT_CACHE_MARGIN_SECS))?;
        u32::try_from(age).ok().filter(|age| *age > 0)
    }
}

fn secs(count: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    // SEMANTICS 3.6; SECURITY T17
    #[test]
    fn a_signature_never_outlives_what_it_rests_on() {
        for (what, now, timing, until, credentials, want) in [
            ("the policy is least", 1_000, Timing::WORLD, None, None, Some((960, 300))),
            ("rounded to a private window", 1_004, Timing::PRIVATE, None, None, Some((990, 60))),
            ("the link ends first", 1_005, Timing::PRIVATE, Some(1_020), None, Some((1_005, 15))),
            ("credentials, less their margin", 1_005, Timing::WORLD, None, Some(1_065), Some((960, 75))),
            ("four seconds are too few", 1_000, Timing::PRIVATE, Some(1_004), None, None),
            ("the link has ended", 1_000, Timing::PRIVATE, Some(999), None, None),
            ("credentials within their margin", 1_000, Timing::PRIVATE, None, Some(1_030), None),
            ("strict", 1_003, Timing::STRICT, None, None, Some((1_003, 15))),
        ] {
            let got = Validity::at(at(now), timing, until.map(at), credentials.map(at));
            assert_eq!(got.map(|validity| (validity.signed_at.as_second(), validity.expires_secs)), want, "{what}");
        }
    }

    #[test]
    fn a_redirect_is_cached_for_less_than_its_signature_lives() {
        let validity = Validity { signed_at: at(990), expires_secs: 60 };
        assert_eq!(validity.max_age_secs(at(1_000)), Some(35));
        assert_eq!(validity.max_age_secs(at(1_034)), Some(1));
        assert_eq!(validity.max_age_secs(at(1_035)), None);
        assert_eq!(validity.max_age_secs(at(2_000)), None);
    }

    #[test]
    fn enforcement_waits_for_what_was_handed_out() {
        assert_eq!(Timing::PRIVATE.enforced_by(at(100), None), at(166));
        assert_eq!(Timing::PRIVATE.enforced_by(at(100), Some(at(900))), at(900));
        assert_eq!(Timing::WORLD.enforced_by(at(100), Some(at(200))), at(431));
    }

    proptest! {
        // P13, and the bound of SEMANTICS 5: whatever was signed before a revoke's `enforced_by` has ended by then.
        #[test]
        fn every_end_is_within_every_limit(now in 0_i64..4_000_000_000, until in proptest::option::of(-100_i64..1_000), credentials in proptest::option::of(-100_i64..1_000), row in 0_usize..3) {
            let timing = [Timing::WORLD, Timing::PRIVATE, Timing::STRICT][row];
            let (until, credentials) = (until.map(|left| at(now + left)), credentials.map(|left| at(now + left)));
            if let Some(validity) = Validity::at(at(now), timing, until, credentials) {
                prop_assert!(validity.signed_at <= at(now));
                prop_assert!(validity.end() >= at(now + 5));
                prop_assert!(until.is_none_or(|until| validity.end() <= until));
                prop_assert!(credentials.is_none_or(|end| validity.end() <= at(end.as_second() - 30)));
                prop_assert!(validity.end() <= at(now + i64::from(timing.presign_secs)));
            }
        }
    }
}
