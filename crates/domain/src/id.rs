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

/// Reads what [`id_text`] writes; only the form that re-encodes to itself is read.
fn read_id(text: &str, kind: u8, what: &'static str) -> Result<Uuid, IdError> {
    text.strip_prefix(char::from(kind)).and_then(base32::decode).map(Uuid::from_bytes).ok_or(IdError { kind: what })
}

/// The type of one kind of id: `$kind`, and `$what` it is called in an error.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made of these 128 bits.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The text that `Display` writes, in ASCII and on the stack.
            #[must_use]
            pub fn text(self) -> [u8; ID_CHARS] {
                id_text($kind, self.0)
            }

            /// Reads the form that `Display` writes.
            ///
            /// # Errors
            /// [`IdError`] for any other text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                read_id(text, $kind, $what).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
            }
        }
    };
}

id! {
    /// The id of a link, `l` and 26 characters. It names the link and opens nothing.
    LinkId, b'l', "a link"
}

id! {
    /// The id of a dataset, `d` and 26 characters: a legal bucket name.
    DatasetId, b'd', "a dataset"
}

id! {
    /// The id of a source, `s` and 26 characters.
    SourceId, b's', "a source"
}

id! {
    /// The id of a user, `u` and 26 characters. It is never given to a second person.
    UserId, b'u', "a user"
}

id! {
    /// The id of an API token, `t` and 26 characters; the token itself is a secret and another thing.
    TokenId, b't', "a token"
}

id! {
    /// The id of a group, `g` and 26 characters.
    GroupId, b'g', "a group"
}

id! {
    /// The id of a project, `p` and 26 characters.
    ProjectId, b'p', "a project"
}

id! {
    /// The id of a request, `q` and 26 characters.
    RequestId, b'q', "a request"
}

id! {
    /// The id of data-use terms, `v` and 26 characters: the first 128 bits of the SHA-256 of their text, so one text has one id.
    TermsId, b'v', "a terms"
}

id! {
    /// The id of a link set, `j` and 26 characters.
    LinkSetId, b'j', "a link set"
}

id! {
    /// The id of a copy that is made of a dataset, `y` and 26 characters.
    CopyId, b'y', "a copy"
}

id! {
    /// The id of a reference clone, `c` and 26 characters.
    CloneId, b'c', "a clone"
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
