//! Cursors: positions in a listing as opaque texts, sealed to a caller's token and a query, for an hour.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use domain::limits::CURSOR_SECS;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What the cursors of one token are sealed with.
#[derive(Clone)]
pub struct CursorKey(Key);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey(***)")
    }
}

impl CursorKey {
    /// The key that belongs to a token of this text.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let key: [u8; 32] = Sha256::digest(format!("offprint-cursor-v1 {token}")).into();
        Self(Key::from(key))
    }

    /// A position as a text that only this key opens, for this query. A nonce is used once. `None`: it is too long to be sealed.
    #[must_use]
    pub fn seal(&self, query: &str, position: &str, nonce: [u8; 12], now: Timestamp) -> Option<String> {
        let mut plain = now.as_second().to_be_bytes().to_vec();
        plain.extend_from_slice(position.as_bytes());
        let payload = Payload { msg: &plain, aad: query.as_bytes() };
        let sealed = ChaCha20Poly1305::new(&self.0).encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(data_encoding::BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat()))
    }

    /// The position in a cursor; `None` for one of another key or query, one that was changed, or one over an hour old.
    #[must_use]
    pub fn open(&self, query: &str, cursor: &str, now: Timestamp) -> Option<String> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
        let payload = Payload { msg: sealed, aad: query.as_bytes() };
        let plain = ChaCha20Poly1305::new(&self.0).decrypt(&Nonce::from(*nonce), payload).ok()?;
        let (sealed_at, position) = plain.split_first_chunk::<8>()?;
        let age = now.as_second().checked_sub(i64::from_be_bytes(*sealed_at))?;
        ((0..=CURSOR_SECS).contains(&age)).then(|| String::from_utf8(position.to_vec()).ok()).flatten()
    }
}
