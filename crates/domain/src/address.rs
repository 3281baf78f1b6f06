//! Addresses as the table keeps them: keyed hashes. Whoever has the table alone cannot try addresses against them (ADR 0029).

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::TimeZone};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    base32,
    grant::Net,
    limits::{ADDRESS_KEY_BYTES_MIN, EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX},
    notice::NoticeId,
    question::MailNonce,
};

/// The key that addresses are hashed with, at least [`ADDRESS_KEY_BYTES_MIN`] bytes. It opens the addresses that are sealed in the table (ADR 0057), and
/// nothing else. `Debug` prints `AddressKey(***)`.
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

    /// What stands for an e-mail address in the table.
    #[must_use]
    pub fn email(&self, address: &EmailAddress) -> EmailHash {
        EmailHash(self.hash([b"offprint-email-v1", address.0.as_bytes()]))
    }

    /// What people's addresses are sealed with where they are kept to be written to (ADR 0057): another key than that of the hashes, and neither tells the other.
    #[must_use]
    pub fn mailbox(&self) -> [u8; 32] {
        self.hash([b"offprint-mailbox-v1".as_slice()])
    }

    /// What stands in the address that the mail of a notice leads to: the same for each try of it, and for nobody without the key to guess.
    #[must_use]
    pub fn nonce(&self, notice: NoticeId) -> MailNonce {
        MailNonce::new(self.hash([b"offprint-mail-v1", notice.entry.as_bytes().as_slice(), notice.to.to_string().as_bytes()]))
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

impl SourceHash {
    /// Reads the form that `Display` writes; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base32::decode(text).map(Self)
    }
}

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

/// An e-mail address as addresses are compared: to the byte, but for letters of either case. `Debug` prints `EmailAddress(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no e-mail address that can be told from others for sure. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an e-mail address")]
pub struct EmailError;

impl EmailAddress {
    /// Reads an address: `local@domain` in ASCII, without quotes, comments or spaces inside. Letters of either case are the same. Beyond ASCII
    /// many letters look alike, and some become others in lower case: no such address is taken.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        // RFC 5322, section 3.2.3: an atom's characters, and the dot.
        let in_local = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let in_domain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let fits = text.len() <= EMAIL_BYTES_MAX
            && (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
            && local.bytes().all(in_local)
            && domain.split('.').all(|label| !label.is_empty())
            && domain.bytes().all(in_domain);
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(EmailError) }
    }
}

impl EmailAddress {
    /// The text, to write to. Never for a log or an answer.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

/// The hash of an e-mail address: 160 bits, 32 characters `a-z2-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EmailHash([u8; 20]);

impl EmailHash {
    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`EmailError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        base32::decode(text).map(Self).ok_or(EmailError)
    }
}

impl fmt::Display for EmailHash {
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

    // SECURITY T32: exact, and never one for another
    #[test]
    fn an_e_mail_address_is_itself_and_no_other() {
        let hash = |text: &str| EmailAddress::parse(text).map(|address| key(1).email(&address));
        let ada = hash("ada@lab.example").unwrap();
        for same in ["Ada@Lab.Example", " ada@lab.example\n"] {
            assert_eq!(hash(same), Ok(ada), "{same:?}");
        }
        for other in ["ada+x@lab.example", "a.da@lab.example", "ada@lab.example.org", "ada@lab-example", "ad@a.lab.example"] {
            assert_ne!(hash(other).unwrap(), ada, "{other}");
        }
        // The Kelvin sign is a `k` in lower case, the dotless i an `i` in upper case.
        let long = format!("{}@lab.example", "a".repeat(65));
        for none in [
            "",
            "ada",
            "@lab.example",
            "ada@",
            "ada@lab..example",
            "ada@lab.example.",
            "a b@lab.example",
            "ada@lab@example",
            "\"a\"@lab.example",
            "ada@lab.example,bo@lab.example",
            "ada@lab.example\nbcc:x",
            "\u{212a}im@lab.example",
            "\u{131}da@lab.example",
            "ada@l\u{e4}b.example",
            long.as_str(),
        ] {
            assert_eq!(hash(none), Err(EmailError), "{none:?}");
        }
        assert_ne!(key(2).email(&EmailAddress::parse("ada@lab.example").unwrap()), ada, "not without the key");
        assert_eq!(EmailHash::parse(&ada.to_string()), Ok(ada));
        assert_eq!(format!("{:?}", EmailAddress::parse("ada@lab.example").unwrap()), "EmailAddress(***)");
    }

    /// Computed once with Python's `hmac` and `base64`: what waits for an address must be found by it.
    #[test]
    fn the_hash_of_an_e_mail_address_is_fixed_for_good() {
        assert_eq!(key(7).email(&EmailAddress::parse("ada@lab.example").unwrap()).to_string(), "5gfwat2svuzpiy6dod2jar2tlma3uebp");
    }

    /// Computed once with Python's `hmac`: what was sealed must open.
    #[test]
    fn the_key_of_mailboxes_is_fixed_for_good() {
        let key = key(7).mailbox();
        assert_eq!(&key[..8], [190, 238, 167, 247, 72, 46, 195, 198].as_slice());
    }

    #[test]
    fn a_key_is_long_and_never_shown() {
        assert_eq!(AddressKey::new(vec![1; 31]), Err(ShortAddressKeyError));
        assert_eq!(format!("{:?}", key(1)), "AddressKey(***)");
    }
}
