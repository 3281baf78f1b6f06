//! Identifiers. No id is a secret, and no secret is an id.

use core::{fmt, str};

use thiserror::Error;
use uuid::Uuid;

use crate::base32;

/// The text is not an id of the wanted kind. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not {kind} id")]
pub struct IdError {
    kind: &'static str,
}

/// Characters of an id: its one-letter kind, and 26 of base32 for its 128 bits.
pub const ID_CHARS: usize = 27;

/// The characters of an id.
fn id_text(kind: u8, id: Uuid) -> [u8; ID_CHARS] {
    let mut text = [kind; ID_CHARS];
    let bits: [u8; 26] = base32::encode_array(id.as_bytes());
    text.iter_mut().skip(1).zip(bits).for_each(|(to, from)| *to = from);
    text
}

fn write_id(f: &mut fmt::Formatter<'_>, kind: u8, id: Uuid) -> fmt::Result {
    f.write_str(str::from_utf8(&id_text(kind, id)).unwrap_or_default())
}

/// Reads what [`write_id`] writes; only the form that re-encodes to itself is read.
fn read_id(text: &str, kind: char, what: &'static str) -> Result<Uuid, IdError> {
    text.strip_prefix(kind).and_then(base32::decode).map(Uuid::from_bytes).ok_or(IdError { kind: what })
}

/// The id of a link, `l` and 26 characters. It names the link and opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(Uuid);

/// The id of a dataset, `d` and 26 characters: a legal bucket name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetId(Uuid);

/// The id of a source, `s` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(Uuid);

/// The id of a user, `u` and 26 characters. It is never given to a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Uuid);

/// The id of an API token, `t` and 26 characters; the token itself is a secret and another thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(Uuid);

/// The id of a group, `g` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(Uuid);

/// The id of a project, `p` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(Uuid);

/// The id of a request, `q` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

/// The id of data-use terms, `v` and 26 characters: the first 128 bits of the SHA-256 of their text, so one text has one id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TermsId(Uuid);

/// The id of a link set, `j` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkSetId(Uuid);

/// The id of a copy that is made of a dataset, `y` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CopyId(Uuid);

/// The id of a reference clone, `c` and 26 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloneId(Uuid);

impl LinkId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The text that `Display` writes, in ASCII and on the stack.
    #[must_use]
    pub fn text(self) -> [u8; ID_CHARS] {
        id_text(b'l', self.0)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'l', "a link").map(Self)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'l', self.0)
    }
}

impl DatasetId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The text that `Display` writes, in ASCII and on the stack.
    #[must_use]
    pub fn text(self) -> [u8; ID_CHARS] {
        id_text(b'd', self.0)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'd', "a dataset").map(Self)
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'd', self.0)
    }
}

impl SourceId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 's', "a source").map(Self)
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b's', self.0)
    }
}

impl UserId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'u', "a user").map(Self)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'u', self.0)
    }
}

impl TokenId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 't', "a token").map(Self)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b't', self.0)
    }
}

impl GroupId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'g', "a group").map(Self)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'g', self.0)
    }
}

impl ProjectId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'p', "a project").map(Self)
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'p', self.0)
    }
}

impl RequestId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'q', "a request").map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'q', self.0)
    }
}

impl TermsId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'v', "a terms").map(Self)
    }
}

impl fmt::Display for TermsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'v', self.0)
    }
}

impl LinkSetId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'j', "a link set").map(Self)
    }
}

impl fmt::Display for LinkSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'j', self.0)
    }
}

impl CopyId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'y', "a copy").map(Self)
    }
}

impl fmt::Display for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'y', self.0)
    }
}

impl CloneId {
    /// The id made of these 128 bits.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        read_id(text, 'c', "a clone").map(Self)
    }
}

impl fmt::Display for CloneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, b'c', self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_no_other_form_does() {
        let id = DatasetId::new(Uuid::from_u128(u128::MAX - 7));
        let text = id.to_string();
        assert_eq!(text.len(), 27);
        assert_eq!(DatasetId::parse(&text), Ok(id));
        for other in ["", "d", &text.to_uppercase(), &text.replacen('d', "l", 1), &format!("{text}a")] {
            assert!(DatasetId::parse(other).is_err(), "{other}");
        }
        let odd_tail = format!("{}b", &text[..26]);
        assert!(DatasetId::parse(&odd_tail).is_err(), "trailing bits must be zero");
    }
}
