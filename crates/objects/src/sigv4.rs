//! Signature version 4 for S3 by query ("Authenticating Requests: Using Query Parameters"): the key of a day and the two hashes.
//!
//! What is hashed for each URL goes to SHA-256's compression block by block from where it lies, padding included: a hasher that collects
//! blocks, and the copies into it, took a tenth of a signature (ADR 0036). What is made once a day or a window takes the ordinary way.
//!
//! Not here: which query a URL carries, and for how long it works (`presigner.rs`).

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::Offset};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use sha2::{Sha256, block_api::compress256};
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
    key: [u8; HASH_BYTES],
}

/// SHA-256 between two blocks.
pub(crate) type State = [u32; 8];

/// Bytes of a block of SHA-256.
const BLOCK_BYTES: usize = 64;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 64;
/// SHA-256 before the first block (FIPS 180-4, 5.3.3).
const FIRST: State = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// The most bytes of a string to sign that no whole block came before: under a block of its first lines, the request's hash, the padding.
const ENDING_BYTES_MAX: usize = 3 * BLOCK_BYTES;

/// The string to sign, but for the request's hash: what a window's signatures have in common.
#[derive(Clone)]
pub(crate) struct Begun {
    /// HMAC's inner hash: the day's key, and the whole blocks of the first lines.
    inner: State,
    /// Its outer one: the day's key.
    outer: State,
    /// What follows the whole blocks, padded, with room for the request's hash.
    ending: [u8; ENDING_BYTES_MAX],
    /// How much of it that is.
    ending_bytes: usize,
    /// Where in it the request's hash stands.
    hash_at: usize,
}

impl DayKey {
    /// The key for the day that `at` lies in; `None` for years that four digits do not hold.
    pub(crate) fn derive(secret_access_key: &str, region: &str, at: Timestamp) -> Option<Self> {
        let civil = Offset::UTC.to_datetime(at);
        if !(1..=9_999).contains(&civil.year()) {
            return None;
        }
        let date = format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day());
        let mut key = mac(&Zeroizing::new([b"AWS4", secret_access_key.as_bytes()].concat()), &date);
        for part in [region, "s3", "aws4_request"] {
            key = mac(&key, part);
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

    /// The first lines of the string to sign, under the day's key.
    pub(crate) fn begin(&self, time: [u8; 8]) -> Begun {
        let lines = [ALGORITHM.as_bytes(), b"\n", self.date.as_bytes(), &time, b"\n", self.scope.as_bytes(), b"\n"].concat();
        let (blocks, rest) = lines.as_chunks::<BLOCK_BYTES>();
        let mut padded = [rest, &[0; HASH_DIGITS]].concat();
        pad(&mut padded, BLOCK_BYTES.saturating_add(lines.len()).saturating_add(HASH_DIGITS));
        let mut ending = [0; ENDING_BYTES_MAX];
        ending.iter_mut().zip(&padded).for_each(|(to, from)| *to = *from);
        let [inner, outer] = [0x36, 0x5c].map(|mask| masked(&self.key, mask));
        Begun { inner: hash(inner, blocks.as_flattened()), outer, ending, ending_bytes: padded.len(), hash_at: rest.len() }
    }
}

impl Begun {
    /// The signature, in hexadecimal, over the canonical request whose hash is `request`.
    pub(crate) fn signature(mut self, request: State) -> [u8; HASH_DIGITS] {
        if let Some(room) = self.ending.get_mut(self.hash_at..).and_then(|ending| ending.first_chunk_mut()) {
            *room = hex(request);
        }
        let inner = hash(self.inner, self.ending.get(..self.ending_bytes).unwrap_or_default());
        hex(hash(self.outer, &outer_block(inner)))
    }
}

/// The hash of a canonical request, as it is written.
pub(crate) struct RequestHash {
    state: State,
    /// What of the text was taken in.
    taken_to: usize,
}

impl RequestHash {
    /// Of what will stand in a text from `from` on.
    pub(crate) const fn at(from: usize) -> Self {
        Self { state: FIRST, taken_to: from }
    }

    /// Takes in the whole blocks of `text` that were written since.
    pub(crate) fn take(&mut self, text: &[u8]) {
        let new = text.get(self.taken_to..).unwrap_or_default();
        let (blocks, rest) = new.as_chunks::<BLOCK_BYTES>();
        self.state = hash(self.state, blocks.as_flattened());
        self.taken_to = text.len().saturating_sub(rest.len());
    }

    /// The hash of what stands in `text` from `from` on. It leaves the text padded.
    pub(crate) fn end(self, text: &mut Vec<u8>, from: usize) -> State {
        pad(text, text.len().saturating_sub(from));
        hash(self.state, text.get(self.taken_to..).unwrap_or_default())
    }
}

/// HMAC-SHA-256 of `text`, under a key of any length.
fn mac(key: &[u8], text: &str) -> [u8; HASH_BYTES] {
    // HMAC takes a key of any length (RFC 2104), so the fallback is never reached; it is here to stay total.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// What either hash of HMAC begins with (RFC 2104): a block of the key under `mask`.
fn masked(key: &[u8; HASH_BYTES], mask: u8) -> State {
    let mut block = [mask; BLOCK_BYTES];
    block.iter_mut().zip(key).for_each(|(to, from)| *to ^= from);
    hash(FIRST, &block)
}

/// What HMAC's outer hash ends with: the inner one, padded behind a block of the key.
fn outer_block(inner: State) -> [u8; BLOCK_BYTES] {
    const BITS: u16 = 8 * 96;
    let mut block = [0; BLOCK_BYTES];
    let (words, _none) = block.as_chunks_mut::<4>();
    let length = [u32::from(BITS)];
    let padding = [0x8000_0000, 0, 0, 0, 0, 0, 0];
    words.iter_mut().zip(inner.into_iter().chain(padding).chain(length)).for_each(|(to, word)| *to = word.to_be_bytes());
    block
}

/// Ends a text of `bytes`, of which the last stand in `text`, as SHA-256 wants it: a bit, zeros up to a whole block, and the length in bits.
fn pad(text: &mut Vec<u8>, bytes: usize) {
    let zeros = 55_usize.wrapping_sub(bytes) % BLOCK_BYTES;
    text.push(0x80);
    text.resize(text.len().saturating_add(zeros), 0);
    text.extend_from_slice(&u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8).to_be_bytes());
}

/// SHA-256 from `state` on over whole blocks.
fn hash(mut state: State, padded: &[u8]) -> State {
    let (blocks, _none) = padded.as_chunks();
    compress256(&mut state, blocks);
    state
}

/// Lower-case hexadecimal on the stack: signing asks for it twice, and a general encoder costs a tenth of the hash itself.
fn hex(hash: State) -> [u8; HASH_DIGITS] {
    let digit = |value: u8| value.wrapping_add(if value < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    let bytes = hash.map(u32::to_be_bytes);
    let mut text = [0; HASH_DIGITS];
    let (pairs, _none) = text.as_chunks_mut::<2>();
    pairs.iter_mut().zip(bytes.as_flattened()).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
    text
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;

    #[test]
    fn the_key_is_that_of_the_published_example() {
        // AWS, "Authenticating Requests: Using Query Parameters": GET test.txt of examplebucket, valid for a day.
        let at: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
        let day = DayKey::derive("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", at).unwrap();
        let mut request = b"GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD".to_vec();
        let signed = day.begin(DayKey::time_of(at)).signature(RequestHash::at(0).end(&mut request, 0));
        assert_eq!(&signed, b"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    }

    // RFC 2104 and FIPS 180-4, held to the library: the first lines are as long as the region's name has it, the request as its path.
    #[test]
    fn every_length_is_signed_as_by_the_library() {
        let at: Timestamp = "2026-01-31T12:34:56Z".parse().unwrap();
        for length in 0..200 {
            let region = "r".repeat(1 + length % 80);
            let day = DayKey::derive("secret", &region, at).unwrap();
            let request = vec![b'x'; length];
            let lines = format!("AWS4-HMAC-SHA256\n20260131T123456Z\n20260131/{region}/s3/aws4_request\n");
            let text = lines + &data_encoding::HEXLOWER.encode(&Sha256::digest(&request));
            let wanted = data_encoding::HEXLOWER.encode(&mac(&day.key, &text));
            let mut before = [b"before", request.as_slice()].concat();
            let mut hash = RequestHash::at(6);
            hash.take(&before);
            let signed = day.begin(DayKey::time_of(at)).signature(hash.end(&mut before, 6));
            assert_eq!(core::str::from_utf8(&signed).unwrap(), wanted, "{length}");
        }
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
