//! Addresses as the table keeps them: keyed hashes. Whoever has the table alone cannot try addresses against them (ADR 0029).

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::TimeZone};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{base32, grant::Net, limits::ADDRESS_KEY_BYTES_MIN};

/// The key that addresses are hashed with, at least [`ADDRESS_KEY_BYTES_MIN`] bytes. It opens nothing. `Debug` prints `AddressKey(***)`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct AddressKey(Vec<u8>);

/// The key is too short to keep addresses from being tried against their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key for addresses has at least {ADDRESS_KEY_BYTES_MIN} bytes")]
pub struct ShortAddressKeyError;

impl AddressKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`ShortAddressKeyError`] under [`ADDRESS_KEY_BYTES_MIN`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, ShortAddressKeyError> {
        if bytes.len() < ADDRESS_KEY_BYTES_MIN { Err(ShortAddressKeyError) } else { Ok(Self(bytes)) }
    }

    /// Where somebody acted from at `at`, for the audit; `None` where that is not known. One address has one hash in a calendar month (UTC),
    /// and another in the next: what is kept for good follows nobody for good.
    #[must_use]
    pub fn source(&self, net: Net, at: Timestamp) -> Option<SourceHash> {
        let Net::At(address) = net else { return None };
        let day = at.to_zoned(TimeZone::UTC).date();
        let month = format!("{:04}{:02}", day.year(), day.month());
        // An IPv4 address is the same one in either dress.
        let address = address.to_canonical().to_string();
        Some(SourceHash(self.hash([b"offprint-source-v1", month.as_bytes(), address.as_bytes()])))
    }

    /// The first bytes of HMAC-SHA-256 over the length-prefixed fields.
    fn hash<const N: usize, const FIELDS: usize>(&self, fields: [&[u8]; FIELDS]) -> [u8; N] {
        // HMAC takes a key of any length (RFC 2104), so the fallback is never reached; it is here to stay total.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        for field in fields {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field);
        }
        let mut hash = [0; N];
        for (to, from) in hash.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        hash
    }
}

impl fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressKey(***)")
    }
}

/// The hash of an address that somebody acted from: 80 bits, 16 characters `a-z2-7`. Enough to tell the addresses of a month apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceHash([u8; 10]);

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> AddressKey {
        AddressKey::new(vec![byte; 32]).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    // Issue 3, 3: source address hashed
    #[test]
    fn a_source_is_the_same_for_a_month_and_nobody_without_the_key_can_try_it() {
        let from = |key: &AddressKey, address: &str, when: &str| {
            key.source(Net::At(address.parse().unwrap()), at(when)).map(|hash| hash.to_string()).unwrap()
        };
        let first = from(&key(1), "192.0.2.7", "2027-01-01T00:00:00Z");
        assert_eq!(first.len(), 16);
        assert_eq!(first, from(&key(1), "192.0.2.7", "2027-01-31T23:59:59.999Z"), "the whole month");
        assert_eq!(first, from(&key(1), "::ffff:192.0.2.7", "2027-01-09T00:00:00Z"), "in either dress");
        for (other, why) in [
            (from(&key(1), "192.0.2.7", "2027-02-01T00:00:00Z"), "the next month"),
            (from(&key(1), "192.0.2.7", "2028-01-01T00:00:00Z"), "the same month of another year"),
            (from(&key(2), "192.0.2.7", "2027-01-01T00:00:00Z"), "another deployment"),
            (from(&key(1), "192.0.2.8", "2027-01-01T00:00:00Z"), "another address"),
        ] {
            assert_ne!(first, other, "{why}");
        }
        assert_eq!(key(1).source(Net::Unknown, at("2027-01-01T00:00:00Z")), None, "what is not known has no hash");
    }

    /// Computed once with Python's `hmac` and `base64`: hashes that are there must go on meaning the same.
    #[test]
    fn the_hash_of_a_source_is_fixed_for_good() {
        let hash = key(7).source(Net::At("192.0.2.7".parse().unwrap()), at("2027-01-01T00:00:00Z")).unwrap();
        assert_eq!(hash.to_string(), "5ylhrkwgslbhkh5b");
    }

    #[test]
    fn a_key_is_long_and_never_shown() {
        assert_eq!(AddressKey::new(vec![1; 31]), Err(ShortAddressKeyError));
        assert_eq!(format!("{:?}", key(1)), "AddressKey(***)");
    }
}
