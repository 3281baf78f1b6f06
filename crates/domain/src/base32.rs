//! Lower-case base32 (RFC 4648 alphabet, no padding): the one text form of keys and ids. This encoding never changes.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

static ALPHABET: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut wanted = Specification::new();
    wanted.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    wanted.encoding().ok()
});

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    ALPHABET.as_ref().map(|alphabet| alphabet.encode(bytes)).unwrap_or_default()
}

/// The text of `bytes` in `N` characters, without an allocation; `N` must be what they take.
pub(crate) fn encode_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [b'a'; N];
    if let Some(alphabet) = ALPHABET.as_ref().filter(|alphabet| alphabet.encode_len(bytes.len()) == N) {
        alphabet.encode_mut(bytes, &mut text);
    }
    text
}

/// The `N` bytes of a text that re-encodes to itself: lower case, no padding, no stray trailing bits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let alphabet = ALPHABET.as_ref().filter(|alphabet| alphabet.decode_len(text.len()) == Ok(N))?;
    let mut bytes = [0; N];
    let read = alphabet.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    (read == N).then_some(bytes)
}
