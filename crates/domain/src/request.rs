//! Requests: what waits on a dataset until somebody else agrees to it (ACCESS 9). One that waits gives nobody anything.
//!
//! An offer: ownership passes to somebody who accepts it, and is never granted (ACCESS R2). A request for the curators' mark (`curation.rs`). And
//! an opening, which a second person approves (`opening.rs`). Who may answer one: `decision.rs`, and of an opening that.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::{
    dataset::Dataset,
    decision::{Action, Permit},
    id::{DatasetId, RequestId, UserId},
    limits::REQUEST_SECS,
    opening::Opens,
};

/// What waits on a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// The dataset.
    pub dataset: DatasetId,
    /// What is to become of it.
    pub wish: Wish,
    /// Who made it.
    pub by: UserId,
    /// Why, if its maker said so.
    pub reason: Option<String>,
    /// When it was made.
    pub at: Timestamp,
    /// Until when it waits (half-open).
    pub until: Timestamp,
    /// What has become of it.
    pub state: RequestState,
    /// Why it was answered so, where whoever made it is to know.
    pub answer: Option<String>,
    /// Counts its changes.
    pub version: u64,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The dataset's ownership goes from one person to another, who accepts it.
    Transfer {
        /// Who owned it when it was offered: the offer falls with another owner.
        from: UserId,
        /// Who is to own it.
        to: UserId,
    },
    /// A curator marks the dataset as curated.
    Curation,
    /// It is opened to all accounts or the world.
    Opening(Opens),
}

impl Wish {
    /// Who alone answers it; `None`: any curator, or any second person.
    #[must_use]
    pub const fn answered_by(&self) -> Option<UserId> {
        match self {
            Self::Transfer { to, .. } => Some(*to),
            Self::Curation | Self::Opening(_) => None,
        }
    }

    /// Whether it is about the dataset as it is now.
    #[must_use]
    pub fn fits(&self, dataset: &Dataset) -> bool {
        match self {
            Self::Transfer { from, .. } => dataset.owner == *from,
            Self::Curation => dataset.curated.is_none(),
            Self::Opening(opens) => opens.fits(dataset),
        }
    }
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// It was not answered yet.
    Waiting,
    /// Whoever answers it agreed.
    Accepted,
    /// Whoever answers it did not.
    Declined,
    /// It was taken back.
    Withdrawn,
}

/// Why an offer cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OfferError {
    /// The permit is for something else.
    #[error("the permit was given for something else")]
    Permit,
    /// To whoever owns it.
    #[error("whoever owns a dataset is offered it by nobody")]
    OwnsIt,
}

impl Request {
    /// One that is made at `now`, and waits for [`REQUEST_SECS`].
    pub(crate) fn new(id: RequestId, dataset: DatasetId, wish: Wish, (by, reason): (UserId, Option<String>), now: Timestamp) -> Self {
        let until = now.checked_add(SignedDuration::from_secs(REQUEST_SECS)).unwrap_or(Timestamp::MAX);
        Self { id, dataset, wish, by, reason, at: now, until, state: RequestState::Waiting, answer: None, version: 1 }
    }

    /// The same, once it was answered or taken back.
    #[must_use]
    pub fn ended(&self, state: RequestState, answer: Option<&str>) -> Self {
        Self { state, answer: answer.map(str::to_owned), version: self.version.saturating_add(1), ..self.clone() }
    }

    /// Whether it still waits.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == RequestState::Waiting && now < self.until
    }
}

/// The offer of a dataset to `to`, by whoever owns it, or what lies above it.
///
/// # Errors
/// [`OfferError`], each naming the rule.
pub fn offer(
    permit: &Permit,
    dataset: &Dataset,
    id: RequestId,
    to: UserId,
    reason: Option<String>,
    now: Timestamp,
) -> Result<Request, OfferError> {
    let by = permit.allows(Action::HandOver, dataset.id).ok_or(OfferError::Permit)?;
    if to == dataset.owner {
        return Err(OfferError::OwnsIt);
    }
    Ok(Request::new(id, dataset.id, Wish::Transfer { from: dataset.owner, to }, (by, reason), now))
}
