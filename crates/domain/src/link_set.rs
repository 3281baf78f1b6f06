//! Link sets: datasets that are shared together. Whoever gets the role full, or more, on one of them gets it on all, or on none; the same where it
//! is taken back (ACCESS 8).
//!
//! A set is about what is written, so no decision reads it. Not here: who may give what (`delegation.rs`).

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    grant::{Grant, Hold},
    id::{DatasetId, LinkSetId, UserId},
    limits::{LABEL_CHARS_MAX, LINK_SET_DATASETS_MAX},
    rights::Role,
    source::State,
};

/// Datasets that are shared together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSet {
    /// Its id.
    pub id: LinkSetId,
    /// What people call it: at most [`LABEL_CHARS_MAX`] characters.
    pub label: Option<String>,
    /// The datasets in it, by id: 1 to [`LINK_SET_DATASETS_MAX`], and none once it is retired. A dataset is in one set at the most.
    pub datasets: Vec<DatasetId>,
    /// Who made it, which gives no right on it.
    pub by: UserId,
    /// When it was made.
    pub made: Timestamp,
    /// Active, or retired.
    pub state: State,
    /// Counts its changes, and whatever was given or taken by it: all of that is serial.
    pub version: u64,
}

/// Why a set cannot be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkSetError {
    /// A label out of bounds.
    #[error("a label has at most `{LABEL_CHARS_MAX}` characters and none that controls")]
    Label,
    /// No dataset.
    #[error("a set begins with one dataset at the least")]
    Empty,
    /// More than one transaction can give.
    #[error("a set has at most `{LINK_SET_DATASETS_MAX}` datasets")]
    TooMany,
}

impl LinkSet {
    /// A new set.
    ///
    /// # Errors
    /// [`LinkSetError`], each naming the rule.
    pub fn new(id: LinkSetId, label: Option<String>, datasets: &[DatasetId], by: UserId, now: Timestamp) -> Result<Self, LinkSetError> {
        let is_wrong = |label: &String| label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control);
        if label.as_ref().is_some_and(is_wrong) {
            return Err(LinkSetError::Label);
        }
        if datasets.is_empty() {
            return Err(LinkSetError::Empty);
        }
        let empty = Self { id, label, datasets: Vec::new(), by, made: now, state: State::Active, version: 0 };
        empty.with(datasets)
    }

    /// The set with these datasets, too.
    ///
    /// # Errors
    /// [`LinkSetError::TooMany`].
    pub fn with(&self, more: &[DatasetId]) -> Result<Self, LinkSetError> {
        let mut datasets = [self.datasets.as_slice(), more].concat();
        datasets.sort_unstable();
        datasets.dedup();
        if datasets.len() > LINK_SET_DATASETS_MAX {
            return Err(LinkSetError::TooMany);
        }
        Ok(Self { datasets, version: self.version.saturating_add(1), ..self.clone() })
    }

    /// The set without these datasets: without any, it is retired, which is for good.
    #[must_use]
    pub fn without(&self, some: &[DatasetId]) -> Self {
        let datasets: Vec<_> = self.datasets.iter().filter(|dataset| !some.contains(dataset)).copied().collect();
        let state = if datasets.is_empty() { State::Retired } else { self.state };
        Self { datasets, state, version: self.version.saturating_add(1), ..self.clone() }
    }
}

impl Role {
    /// Whether who gets this on a dataset gets it on all of its link set.
    #[must_use]
    pub fn goes_together(self) -> bool {
        self >= Self::Full
    }
}

impl Grant {
    /// Whether it counts, and is one that is given and taken for a whole link set.
    #[must_use]
    pub fn goes_together(&self) -> bool {
        self.hold == Hold::Active && self.role.goes_together()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn ids(some: impl IntoIterator<Item = u128>) -> Vec<DatasetId> {
        some.into_iter().map(|bits| DatasetId::new(Uuid::from_u128(bits))).collect()
    }

    fn set(label: Option<String>, datasets: &[DatasetId]) -> Result<LinkSet, LinkSetError> {
        LinkSet::new(LinkSetId::new(Uuid::nil()), label, datasets, UserId::new(Uuid::nil()), Timestamp::UNIX_EPOCH)
    }

    // ACCESS 8
    #[test]
    fn a_set_has_a_dataset_once_and_as_many_as_one_transaction_gives() {
        let forty = ids(0..40);
        assert_eq!(set(None, &[]).unwrap_err(), LinkSetError::Empty);
        assert_eq!(set(None, &ids(0..41)).unwrap_err(), LinkSetError::TooMany);
        assert_eq!(set(Some("x".repeat(LABEL_CHARS_MAX + 1)), &forty).unwrap_err(), LinkSetError::Label);
        assert_eq!(set(Some("a\nb".to_owned()), &forty).unwrap_err(), LinkSetError::Label);
        let all = set(Some("x".repeat(LABEL_CHARS_MAX)), &forty).unwrap();
        assert_eq!((all.datasets.len(), all.version), (LINK_SET_DATASETS_MAX, 1));
        let same = all.with(&forty[3..7]).unwrap();
        assert_eq!((&same.datasets, same.version), (&all.datasets, 2));
        assert_eq!(all.with(&ids([40])).unwrap_err(), LinkSetError::TooMany);
    }

    #[test]
    fn without_the_last_dataset_it_is_over() {
        let two = set(None, &ids([1, 2])).unwrap();
        let one = two.without(&ids([1, 3]));
        assert_eq!((one.datasets.clone(), one.state, one.version), (ids([2]), State::Active, 2));
        assert_eq!((one.without(&ids([2])).state, one.without(&ids([2])).datasets), (State::Retired, vec![]));
    }

    #[test]
    fn full_and_more_go_together() {
        let together: Vec<_> = Role::ALL.into_iter().filter(|role| role.goes_together()).collect();
        assert_eq!(together, [Role::Full, Role::Manager, Role::Owner]);
    }
}
