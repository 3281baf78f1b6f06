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

/// The `N` bytes of a text that re-encodes to itself: lower case, no padding, no stray trailing bits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    ALPHABET.as_ref()?.decode(text.as_bytes()).ok()?.try_into().ok()
}
