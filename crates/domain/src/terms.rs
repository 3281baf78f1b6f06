//! Data-use terms: a text that a reader accepts before the first byte, where a source or the deployment's policy asks for it (ACCESS 3).
//!
//! A text is never changed: another one is other terms, with another id, and everybody is asked again.

use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    id::TermsId,
    limits::{LABEL_CHARS_MAX, TERMS_ACCEPTED_MAX, TERMS_BYTES_MAX},
    user::shows,
};

/// Data-use terms: plain text, whose first line is their title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTerms(String);

/// The text is none of data-use terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "data-use terms are a text of 1 to `{TERMS_BYTES_MAX}` bytes whose first line is their title, of at most `{LABEL_CHARS_MAX}` characters"
)]
pub struct TermsError;

impl DataTerms {
    /// Reads terms. Space around the text, and the kind of its line ends, are no part of it.
    ///
    /// # Errors
    /// [`TermsError`] for an empty or too long text, a title that is too long, and characters that do not show, but for tabs and line ends.
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        let legal = |character: char| matches!(character, '\n' | '\t') || shows(character);
        let fits = (1..=TERMS_BYTES_MAX).contains(&text.len()) && text.chars().all(legal);
        let terms = Self(text.to_owned());
        if fits && terms.title().chars().count() <= LABEL_CHARS_MAX { Ok(terms) } else { Err(TermsError) }
    }

    /// Their id.
    #[must_use]
    pub fn id(&self) -> TermsId {
        let digest = <[u8; 32]>::from(Sha256::digest(self.0.as_bytes()));
        TermsId::new(Uuid::from_bytes(digest.first_chunk().copied().unwrap_or_default()))
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Their first line.
    #[must_use]
    pub fn title(&self) -> &str {
        self.0.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

/// The terms that a person accepted, those accepted last at the end: at most [`TERMS_ACCEPTED_MAX`], more than can be in force in a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted(Vec<TermsId>);

impl Accepted {
    /// Whether these were.
    #[must_use]
    pub fn has(&self, terms: TermsId) -> bool {
        self.0.contains(&terms)
    }

    /// The same, and these. The ones accepted first make room.
    #[must_use]
    pub fn with(&self, terms: TermsId) -> Self {
        let mut all: Vec<_> = self.0.iter().copied().filter(|there| *there != terms).collect();
        all.push(terms);
        Self(all.split_off(all.len().saturating_sub(TERMS_ACCEPTED_MAX)))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = TermsId> {
        self.0.iter().copied()
    }

    /// What it holds beside itself, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<TermsId>())
    }
}

impl FromIterator<TermsId> for Accepted {
    fn from_iter<T: IntoIterator<Item = TermsId>>(terms: T) -> Self {
        terms.into_iter().fold(Self::default(), |all, terms| all.with(terms))
    }
}

/// The terms that a place asks for and a reader has not accepted: the source's own, the deployment's, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unmet {
    /// The first of them.
    pub terms: TermsId,
    /// The other.
    pub also: Option<TermsId>,
}

impl Unmet {
    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = TermsId> {
        std::iter::once(self.terms).chain(self.also)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_one_id_however_it_was_typed() {
        let terms = DataTerms::parse("# Data use\n\nCite us.").unwrap();
        assert_eq!((terms.title(), terms.text()), ("Data use", "# Data use\n\nCite us."));
        for same in ["# Data use\r\n\r\nCite us.\r\n", "\n# Data use\n\nCite us.  \n"] {
            assert_eq!(DataTerms::parse(same).unwrap().id(), terms.id());
        }
        assert_ne!(DataTerms::parse("# Data use\n\nCite us!").unwrap().id(), terms.id());
        let id = terms.id().to_string();
        assert_eq!(TermsId::parse(&id), Ok(terms.id()));
    }

    #[test]
    fn what_is_no_text_of_terms_is_refused() {
        for (what, text) in [
            ("empty", String::new()),
            ("space", " \n ".to_owned()),
            ("too long", "x\n".repeat(TERMS_BYTES_MAX)),
            ("a long title", "x".repeat(LABEL_CHARS_MAX + 1)),
            ("a control", "a\u{7}".to_owned()),
            ("a mark of direction", "a\u{202e}b".to_owned()),
        ] {
            assert_eq!(DataTerms::parse(&text), Err(TermsError), "{what}");
        }
    }

    #[test]
    fn what_was_accepted_last_is_kept() {
        let id = |number: usize| TermsId::new(Uuid::from_u128(u128::try_from(number).unwrap()));
        let all: Accepted = (0..=TERMS_ACCEPTED_MAX).map(id).collect();
        assert!(!all.has(id(0)) && all.has(id(1)) && all.has(id(TERMS_ACCEPTED_MAX)));
        assert_eq!(all.iter().count(), TERMS_ACCEPTED_MAX);
        let again = all.with(id(1));
        assert_eq!((again.iter().count(), again.iter().last()), (TERMS_ACCEPTED_MAX, Some(id(1))));
    }
}
