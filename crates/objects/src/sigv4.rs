//! Signature version 4 for S3 by query ("Authenticating Requests: Using Query Parameters"): the key of a day and the two hashes.
//!
//! Not here: which query a URL carries, and for how long it works (`presigner.rs`).

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::Offset};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Seconds of a day; `SigV4` knows no leap seconds.
const DAY_SECS: i64 = 86_400;
/// The one algorithm.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stands in a query value: everything but the unreserved characters of RFC 3986 is escaped.
pub(crate) const VALUE_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The derived key of one day and region, with the texts that change only with them.
#[derive(Clone)]
pub(crate) struct DayKey {
    day: i64,
    /// `20260131`.
    pub(crate) date: String,
    /// `20260131/eu-central-1/s3/aws4_request`.
    scope: String,
    key: Hmac<Sha256>,
}

impl DayKey {
    /// The key for the day that `at` lies in; `None` for years that four digits do not hold.
    pub(crate) fn derive(secret_access_key: &str, region: &str, at: Timestamp) -> Option<Self> {
        let civil = Offset::UTC.to_datetime(at);
        if !(1..=9_999).contains(&civil.year()) {
            return None;
        }
        let date = format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day());
        let mut key = keyed(&Zeroizing::new([b"AWS4", secret_access_key.as_bytes()].concat()));
        for part in [date.as_str(), region, "s3", "aws4_request"] {
            key.update(part.as_bytes());
            key = keyed(&key.finalize().into_bytes());
        }
        let scope = format!("{date}/{region}/s3/aws4_request");
        Some(Self { day: at.as_second().div_euclid(DAY_SECS), date, scope, key })
    }

    /// Whether `at` lies in its day.
    pub(crate) fn is_of(&self, at: Timestamp) -> bool {
        at.as_second().div_euclid(DAY_SECS) == self.day
    }

    /// The time of day of `at`, as `X-Amz-Date` has it after the date: `T235959Z`.
    pub(crate) fn time_of(at: Timestamp) -> [u8; 8] {
        let second = at.as_second().rem_euclid(DAY_SECS);
        let digits = |value: i64| [value / 10 % 10, value % 10].map(|digit| b'0'.saturating_add(u8::try_from(digit).unwrap_or(0)));
        let mut time = *b"T000000Z";
        let parts = [digits(second / 3_600), digits(second / 60 % 60), digits(second % 60)];
        for (to, from) in time.iter_mut().skip(1).zip(parts.into_iter().flatten()) {
            *to = from;
        }
        time
    }

    /// The first lines of the string to sign, under the day's key: all that a window's signatures have in common.
    pub(crate) fn begin(&self, time: [u8; 8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        for part in [ALGORITHM.as_bytes(), b"\n", self.date.as_bytes(), &time, b"\n", self.scope.as_bytes(), b"\n"] {
            mac.update(part);
        }
        mac
    }
}

/// The signature, in hexadecimal, over the canonical request whose hash is `request`: what [`DayKey::begin`] began, ended.
pub(crate) fn signature(mut begun: Hmac<Sha256>, request: Sha256) -> [u8; 64] {
    begun.update(&hex(request.finalize().into()));
    hex(begun.finalize().into_bytes().into())
}

/// HMAC-SHA-256 under a key of any length.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length (RFC 2104), so the fallback is never reached; it is here to stay total.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

/// Lower-case hexadecimal on the stack: signing asks for it twice, and a general encoder costs a tenth of the hash itself.
fn hex(bytes: [u8; 32]) -> [u8; 64] {
    let digit = |value: u8| value.wrapping_add(if value < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    let mut text = [0; 64];
    let (pairs, _none) = text.as_chunks_mut::<2>();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_the_published_example() {
        // AWS, "Authenticating Requests: Using Query Parameters": GET test.txt of examplebucket, valid for a day.
        let at: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
        let day = DayKey::derive("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", at).unwrap();
        let mut request = Sha256::new();
        request.update(
            b"GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD",
        );
        let signed = signature(day.begin(DayKey::time_of(at)), request);
        assert_eq!(&signed, b"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let day = DayKey::derive("secret", "eu-central-1", at("2026-02-28T12:00:00Z")).unwrap();
        assert_eq!((day.date.as_str(), day.scope.as_str()), ("20260228", "20260228/eu-central-1/s3/aws4_request"));
        for (when, inside) in [
            ("2026-02-28T00:00:00Z", true),
            ("2026-02-28T23:59:59Z", true),
            ("2026-03-01T00:00:00Z", false),
            ("2026-02-27T23:59:59Z", false),
        ] {
            assert_eq!(day.is_of(at(when)), inside, "{when}");
        }
        assert_eq!(&DayKey::time_of(at("2026-02-28T23:05:09Z")), b"T230509Z");
        assert_eq!(&DayKey::time_of(at("1969-12-31T23:59:59Z")), b"T235959Z");
        assert!(DayKey::derive("secret", "x", at("-000001-01-01T00:00:00Z")).is_none());
    }
}
