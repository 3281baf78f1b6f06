//! The secret part of a link's URL: how it is derived, read at the door, and kept only as a hash.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{base32, id::LinkId, limits::KEY_CHARS};

/// The text is not a key. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a link key")]
pub struct LinkKeyError;

/// The secret part of a link's URL: 32 characters `a-z2-7`, 160 bits. `Debug` prints `LinkKey(***)`; there is no `Display`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkKey([u8; 20]);

impl LinkKey {
    /// The key of a link: the first 160 bits of HMAC-SHA-256 under `secret` over the length-prefixed fields
    /// `offprint-link-v1`, link id and epoch (SEMANTICS 2). The same three always give the same key, so its
    /// maker can be shown the URL again; the secret or the table alone gives nobody anything.
    #[must_use]
    pub fn derive(secret: &DeploymentSecret, link: LinkId, epoch: &Epoch) -> Self {
        let mut mac = secret.mac();
        let id = link.to_string();
        for field in [b"offprint-link-v1".as_slice(), id.as_bytes(), epoch.0.as_slice()] {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field);
        }
        let mut key = [0; 20];
        for (to, from) in key.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        Self(key)
    }

    /// Reads the text of a key.
    ///
    /// # Errors
    /// [`LinkKeyError`] for any text that does not re-encode to itself, upper case too. It never repeats the text.
    pub fn parse(text: &str) -> Result<Self, LinkKeyError> {
        base32::decode(text).map(Self).ok_or(LinkKeyError)
    }

    /// The text that stands in the URL. Whoever writes it writes a secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        base32::encode(&self.0)
    }

    /// What the table and the log hold in its place.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        let text: [u8; KEY_CHARS] = base32::encode_array(&self.0);
        KeyHash(Sha256::digest(text).into())
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(***)")
    }
}

/// SHA-256 of a secret's text: safe to store and to log, opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of any secret's text (a key, a token).
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`LinkKeyError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, LinkKeyError> {
        base32::decode(text).map(Self).ok_or(LinkKeyError)
    }

    /// Its first 128 bits, as an id of what has no other.
    #[must_use]
    pub fn short(&self) -> uuid::Uuid {
        uuid::Uuid::from_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

/// 128 random bits kept on the link: without them the deployment secret gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// The epoch of these random bits.
    #[must_use]
    pub const fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`LinkKeyError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, LinkKeyError> {
        base32::decode(text).map(Self).ok_or(LinkKeyError)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

/// The secret of a deployment, at least 32 bytes. Only `links` holds one. `Debug` prints `DeploymentSecret(***)`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DeploymentSecret(Vec<u8>);

/// The secret is too short to keep a key from being guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a deployment secret has at least 32 bytes")]
pub struct ShortSecretError;

impl DeploymentSecret {
    /// The secret of these bytes.
    ///
    /// # Errors
    /// [`ShortSecretError`] under 32 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, ShortSecretError> {
        if bytes.len() < 32 { Err(ShortSecretError) } else { Ok(Self(bytes)) }
    }

    fn mac(&self) -> Hmac<Sha256> {
        // HMAC takes a key of any length (RFC 2104), so the fallback is never reached; it is here to stay total.
        Hmac::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
    }
}

impl fmt::Debug for DeploymentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeploymentSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn secret(byte: u8) -> DeploymentSecret {
        DeploymentSecret::new(vec![byte; 32]).unwrap()
    }

    #[test]
    fn a_key_needs_the_secret_the_id_and_the_epoch() {
        let id = LinkId::new(Uuid::from_u128(1));
        let key = LinkKey::derive(&secret(1), id, &Epoch::new([0; 16]));
        assert_eq!(key, LinkKey::derive(&secret(1), id, &Epoch::new([0; 16])));
        for other in [
            LinkKey::derive(&secret(2), id, &Epoch::new([0; 16])),
            LinkKey::derive(&secret(1), LinkId::new(Uuid::from_u128(2)), &Epoch::new([0; 16])),
            LinkKey::derive(&secret(1), id, &Epoch::new([1; 16])),
        ] {
            assert_ne!(key, other);
        }
    }

    /// Computed once with Python's `hmac` and `base64`: the encoding never changes, or printed URLs die. SEMANTICS 2
    #[test]
    fn the_derivation_is_fixed_for_good() {
        let key = LinkKey::derive(&secret(7), LinkId::new(Uuid::from_u128(42)), &Epoch::new([9; 16]));
        assert_eq!(key.reveal(), "t4cm7l5fiwpjkf5pahwhhyea6ms7js47");
    }

    #[test]
    fn only_the_canonical_text_is_a_key() {
        let text = "abcdefghijklmnopqrstuvwxyz234567";
        assert_eq!(LinkKey::parse(text).unwrap().reveal(), text);
        for other in [
            "",
            &text.to_uppercase(),
            &text[1..],
            &format!("{text}a"),
            "abcdefghijklmnopqrstuvwxyz23456!",
            "01234567890123456789012345678901",
        ] {
            assert_eq!(LinkKey::parse(other), Err(LinkKeyError), "{other}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = LinkKey::parse("abcdefghijklmnopqrstuvwxyz234567").unwrap();
        assert_eq!(format!("{key:?} {:?}", secret(1)), "LinkKey(***) DeploymentSecret(***)");
    }
}
