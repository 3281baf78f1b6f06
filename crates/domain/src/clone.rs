//! Reference clones: a card of somebody's own that stands for a dataset (ACCESS 9). It has a title and notes, no place and no bytes.
//!
//! A clone gives nobody anything: what is read at its address is decided on the original, for whoever reads. So nothing is granted on one, no link
//! stands on one, and it is no dataset (ADR 0063).

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    decision::{Action, Permit},
    id::{CloneId, DatasetId, UserId},
    limits::{CLONE_NOTES_CHARS_MAX, LABEL_CHARS_MAX},
    source::State,
};

/// A reference clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceClone {
    /// Its id.
    pub id: CloneId,
    /// The original: a dataset, never another clone.
    pub of: DatasetId,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it: 1 to [`LABEL_CHARS_MAX`] characters.
    pub title: String,
    /// What its owner says of it: at most [`CLONE_NOTES_CHARS_MAX`] characters.
    pub notes: Option<String>,
    /// Active, or retired, which is for good.
    pub state: State,
    /// When it was made.
    pub made: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

/// Why a clone cannot be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CloneError {
    /// The permit is for something else.
    #[error("the permit was given for something else")]
    Permit,
    /// No title, or too long a one.
    #[error("a title has 1 to `{LABEL_CHARS_MAX}` characters")]
    Title,
    /// Too long.
    #[error("notes have at most `{CLONE_NOTES_CHARS_MAX}` characters")]
    Notes,
}

impl ReferenceClone {
    /// A clone of `of`, by whoever may clone its files.
    ///
    /// # Errors
    /// [`CloneError`], each naming the rule.
    pub fn new(
        permit: &Permit,
        of: DatasetId,
        id: CloneId,
        (title, notes): (String, Option<String>),
        now: Timestamp,
    ) -> Result<Self, CloneError> {
        let owner = permit.allows(Action::Clone, of).ok_or(CloneError::Permit)?;
        Self { id, of, owner, title, notes, state: State::Active, made: now, version: 1 }.checked()
    }

    /// The clone with another title, other notes, or both; what is `None` stays.
    ///
    /// # Errors
    /// [`CloneError`], each naming the rule.
    pub fn edited(&self, title: Option<String>, notes: Option<Option<String>>) -> Result<Self, CloneError> {
        let title = title.unwrap_or_else(|| self.title.clone());
        let notes = notes.unwrap_or_else(|| self.notes.clone());
        Self { title, notes, version: self.version.saturating_add(1), ..self.clone() }.checked()
    }

    /// The clone once it is retired.
    #[must_use]
    pub fn retired(&self) -> Self {
        Self { state: State::Retired, version: self.version.saturating_add(1), ..self.clone() }
    }

    fn checked(self) -> Result<Self, CloneError> {
        if self.title.trim().is_empty() || self.title.chars().count() > LABEL_CHARS_MAX {
            Err(CloneError::Title)
        } else if self.notes.as_ref().is_some_and(|notes| notes.chars().count() > CLONE_NOTES_CHARS_MAX) {
            Err(CloneError::Notes)
        } else {
            Ok(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_clone_has_a_title_and_perhaps_notes() {
        let id = Uuid::from_u128(1);
        let clone = ReferenceClone {
            id: CloneId::new(id),
            of: DatasetId::new(id),
            owner: UserId::new(id),
            title: "Retina".to_owned(),
            notes: Some("for the talk".to_owned()),
            state: State::Active,
            made: Timestamp::UNIX_EPOCH,
            version: 1,
        };
        let edited = clone.edited(Some("é".repeat(LABEL_CHARS_MAX)), None).unwrap();
        assert_eq!((edited.notes.as_deref(), edited.version, edited.of), (Some("for the talk"), 2, clone.of));
        assert_eq!(clone.edited(None, Some(None)).map(|clone| (clone.title, clone.notes)), Ok(("Retina".to_owned(), None)));
        assert!(clone.edited(None, Some(Some("é".repeat(CLONE_NOTES_CHARS_MAX)))).is_ok());
        for (title, notes, why) in [
            (Some(String::new()), None, CloneError::Title),
            (Some("  ".to_owned()), None, CloneError::Title),
            (Some("a".repeat(LABEL_CHARS_MAX + 1)), None, CloneError::Title),
            (None, Some(Some("a".repeat(CLONE_NOTES_CHARS_MAX + 1))), CloneError::Notes),
        ] {
            assert_eq!(clone.edited(title, notes), Err(why));
        }
        assert_eq!((clone.retired().state, clone.retired().version), (State::Retired, 2));
    }
}
