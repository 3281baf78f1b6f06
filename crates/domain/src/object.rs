//! An object's whole key in its bucket, in the two parts that it comes in: one is the same for every object of a link or a dataset and is
//! joined and escaped once, the other is a request's.
//!
//! Not here: who may have which object (`decision.rs`), and what a path is (`path.rs`).

use crate::path::{ObjectPath, encode_key};

/// What the keys of all objects of a link or a dataset begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBase {
    path: ObjectPath,
    /// As a URL has it; `None`: as it is, which most are.
    escaped: Option<Box<str>>,
}

impl KeyBase {
    /// The base of what lies at `path`, or is it.
    pub(crate) fn new(path: ObjectPath) -> Self {
        let escaped = Some(path.encode()).filter(|escaped| escaped != path.as_str()).map(String::into_boxed_str);
        Self { path, escaped }
    }

    /// It as plain text.
    pub(crate) fn path(&self) -> &ObjectPath {
        &self.path
    }

    /// The bytes that it takes beside itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.path.as_str().len().saturating_add(self.escaped.as_ref().map_or(0, |escaped| escaped.len()))
    }
}

/// The whole key of one object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectKey<'a> {
    base: Option<&'a KeyBase>,
    below: &'a ObjectPath,
}

impl<'a> ObjectKey<'a> {
    /// The key of what lies at `below` in `base`.
    pub(crate) const fn below(base: &'a KeyBase, below: &'a ObjectPath) -> Self {
        Self { base: Some(base), below }
    }

    /// A key that is whole already.
    #[must_use]
    pub const fn whole(key: &'a ObjectPath) -> Self {
        Self { base: None, below: key }
    }

    /// The last of its parts that has anything in it.
    fn last(self) -> &'a ObjectPath {
        self.base.map(KeyBase::path).filter(|_| self.below.is_root()).unwrap_or(self.below)
    }

    /// Whether it is a folder's.
    #[must_use]
    pub fn is_folder(self) -> bool {
        self.last().is_folder()
    }

    /// Its last segment, without a trailing `/`; `None` for the empty key.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        self.last().name()
    }

    /// What follows its last point, where that is `bytes_max` bytes at the most: few chunks have any, and a key is not searched for it.
    #[must_use]
    pub fn ending(self, bytes_max: usize) -> Option<&'a [u8]> {
        let text = self.last().as_str().as_bytes();
        let end = text.get(text.len().saturating_sub(bytes_max.saturating_add(1))..)?;
        let (point, ending) = (end.iter().rposition(|byte| *byte == b'.')?, end);
        ending.get(point.saturating_add(1)..)
    }

    /// Its bytes, not escaped.
    #[must_use]
    pub fn bytes(self) -> usize {
        let base = self.base.map_or(0, |base| base.path.as_str().len());
        base.saturating_add(self.slash().len()).saturating_add(self.below.as_str().len())
    }

    /// What stands between its parts.
    fn slash(self) -> &'static str {
        let is_between = |base: &KeyBase| !base.path.is_folder() && !self.below.is_root();
        if self.base.is_some_and(is_between) { "/" } else { "" }
    }

    /// Writes it as a URL has it: every byte but the unreserved ones and `/` escaped.
    pub fn escape_to(self, url: &mut Vec<u8>) {
        if let Some(base) = self.base {
            url.extend_from_slice(base.escaped.as_deref().unwrap_or(base.path.as_str()).as_bytes());
            url.extend_from_slice(self.slash().as_bytes());
        }
        encode_key(self.below.as_str()).for_each(|part| url.extend_from_slice(part.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_path() -> impl Strategy<Value = ObjectPath> {
        "([a-c%é. ]{1,3}/){0,2}([a-c%é. ]{1,3})?".prop_filter_map("legal", |text| ObjectPath::from_decoded(text).ok())
    }

    proptest! {
        // What is in two parts is what the two joined are.
        #[test]
        fn a_key_in_parts_is_the_key_that_they_make(base in any_path(), below in any_path()) {
            let joined = base.join(&below).unwrap();
            let base = KeyBase::new(base);
            for key in [ObjectKey::below(&base, &below), ObjectKey::whole(&joined)] {
                let mut escaped = Vec::new();
                key.escape_to(&mut escaped);
                prop_assert_eq!(String::from_utf8(escaped).unwrap(), joined.encode());
                prop_assert_eq!(key.bytes(), joined.as_str().len());
                prop_assert_eq!(key.name(), joined.name());
                prop_assert_eq!(key.is_folder(), joined.is_folder());
            }
        }
    }
}
