//! Curation: a curator's mark on a dataset that is open to all accounts or the world (ACCESS 9), and the request for it.
//!
//! A mark gives nobody anything, and no decision looks at it. When it counts: [`Dataset::curated_for`](crate::dataset::Dataset::curated_for).

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    dataset::Visibility,
    decision::{Action, DatasetFacts, Permit},
    id::{DatasetId, RequestId, UserId},
    request::{Request, Wish},
};

/// A curator's mark on a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The dataset.
    pub dataset: DatasetId,
    /// The curator.
    pub by: UserId,
    /// Why.
    pub reason: String,
    /// When it was set.
    pub at: Timestamp,
}

/// Why a dataset is not marked, and no mark can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CurationError {
    /// The permit is for something else.
    #[error("the permit was given for something else")]
    Permit,
    /// Only those to whom it was granted by name, or in its project, know of it.
    #[error("only what is open to all accounts or the world is curated")]
    NotOpen,
    /// It has the mark.
    #[error("the dataset is marked as curated already")]
    Marked,
}

/// The mark of a curator who may know of the dataset, set at `now`.
///
/// # Errors
/// [`CurationError`], each naming the rule.
pub fn mark(permit: &Permit, facts: &DatasetFacts, reason: String, now: Timestamp) -> Result<Mark, CurationError> {
    let dataset = facts.place.dataset.id;
    let by = permit.allows(Action::Curate, dataset).ok_or(CurationError::Permit)?;
    is_open(facts, now)?;
    Ok(Mark { dataset, by, reason, at: now })
}

/// The request for the mark, by whoever administers the dataset.
///
/// # Errors
/// [`CurationError`], each naming the rule.
pub fn ask(permit: &Permit, facts: &DatasetFacts, id: RequestId, reason: String, now: Timestamp) -> Result<Request, CurationError> {
    let dataset = &facts.place.dataset;
    let by = permit.allows(Action::Grant, dataset.id).ok_or(CurationError::Permit)?;
    is_open(facts, now)?;
    if dataset.curated.is_some() {
        return Err(CurationError::Marked);
    }
    Ok(Request::new(id, dataset.id, Wish::Curation, (by, Some(reason)), now))
}

fn is_open(facts: &DatasetFacts, now: Timestamp) -> Result<(), CurationError> {
    if facts.audience(now) >= Visibility::Accounts { Ok(()) } else { Err(CurationError::NotOpen) }
}
