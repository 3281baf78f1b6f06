//! Merge patches (RFC 7396): a field that is missing stays as it is, `null` clears one that may be empty.

use serde::{Deserialize, Deserializer};

/// Reads a field that is present: `Some` of what is written there, so that `null` reaches the inner type, which takes or refuses it.
///
/// # Errors
/// Those of the inner type: `null` for a field that cannot be empty is one.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
