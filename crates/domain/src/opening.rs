//! Openings that wait for a second person (ACCESS R6): what one would open to all accounts or the world, another approves first, where the
//! deployment's policy says so. One that waits opens nothing.
//!
//! Whether an opening needs that: `delegation.rs`. How it is carried out: `table/openings.rs`.

use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    dataset::{Dataset, Visibility},
    decision::{DatasetFacts, Permit},
    delegation::{Terms, may_give, may_open, opened_to},
    grant::{Grant, GrantError, Hold, Subject},
    id::{RequestId, UserId},
    policy::Openers,
    request::{Request, Wish},
    source::Audience,
    user::User,
};

/// What is to open a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    /// A wider visibility.
    Visibility(Visibility),
    /// What is granted above reaches it again.
    Unrestricted,
    /// A grant to all accounts or the world.
    Grant(Subject, Terms),
}

/// An opening, with who asked and what that person has at the dataset by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningFacts {
    /// The dataset, as the asker has it.
    pub dataset: Arc<DatasetFacts>,
    /// What was asked.
    pub request: Request,
    /// Who asked.
    pub asker: User,
}

/// Why an opening is not approved or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpeningError {
    /// By who asked for it.
    #[error("nobody approves what he asked for himself")]
    OwnRequest,
    /// By somebody who is no second person for it.
    #[error("an opening is approved by another who administers the dataset for good, or by an administrator of the deployment")]
    NotSecond,
    /// It was answered or taken back, has ended, is so by now, or who asked could not ask for it any more.
    #[error("the request to open does not stand any more")]
    Over,
    /// What was asked may not be done any more.
    #[error("{0}")]
    Grant(#[from] GrantError),
}

/// What an approval does. [`approved`] makes it and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    by: UserId,
    then: Then,
}

/// How the dataset is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Visible so.
    Visible(Visibility),
    /// Restricted no more.
    Unrestricted,
    /// With this grant.
    Granted(Grant),
}

impl Approved {
    /// Who approves.
    #[must_use]
    pub const fn by(&self) -> UserId {
        self.by
    }

    /// How the dataset is to be.
    #[must_use]
    pub const fn then(&self) -> &Then {
        &self.then
    }
}

impl Opens {
    /// Whether a dataset is not so yet.
    #[must_use]
    pub fn fits(&self, dataset: &Dataset) -> bool {
        match self {
            Self::Visibility(to) => *to > dataset.visibility,
            Self::Unrestricted => dataset.restricted,
            Self::Grant(..) => true,
        }
    }

    /// The facts, as they would be.
    #[must_use]
    pub fn then(&self, facts: &DatasetFacts, by: UserId, now: Timestamp) -> DatasetFacts {
        match self {
            Self::Visibility(to) => facts.supposing(Dataset { visibility: *to, ..facts.place.dataset.clone() }),
            Self::Unrestricted => facts.clone().cut_off(false),
            Self::Grant(subject, terms) => facts.clone().with_grant(facts.place.dataset.id, &grant(*subject, terms, by, None, now)),
        }
    }
}

fn grant(subject: Subject, terms: &Terms, by: UserId, there: Option<&Grant>, now: Timestamp) -> Grant {
    let Terms { role, may_share, level, conditions } = terms.clone();
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    Grant { subject, role, may_share, level, conditions, by, at: now, hold: Hold::Active, version }
}

/// What is asked for by `permit` to grant, by who might open the dataset if no second person were needed.
///
/// # Errors
/// [`GrantError::Permit`], [`GrantError::NotForGood`].
pub fn ask(permit: &Permit, opens: Opens, id: RequestId, reason: Option<String>, now: Timestamp) -> Result<Request, GrantError> {
    let dataset = permit.grounds_to_grant().map(|facts| facts.place.dataset.id).ok_or(GrantError::Permit)?;
    may_open(permit, dataset)?;
    let by = permit.by().ok_or(GrantError::Permit)?;
    Ok(Request::new(id, dataset, Wish::Opening(opens), (by, reason), now))
}

impl OpeningFacts {
    /// What is to open it; `None`: the request is for something else.
    #[must_use]
    pub const fn opens(&self) -> Option<&Opens> {
        if let Wish::Opening(opens) = &self.request.wish { Some(opens) } else { None }
    }

    /// Whether it waits, is not so yet, and who asked could ask for it still.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        let Self { dataset, request, asker } = self;
        let waits = request.waits(now) && request.dataset == dataset.place.dataset.id && request.wish.fits(&dataset.place.dataset);
        waits && request.by == asker.id && dataset.administers_for_good(asker, now)
    }
}

/// Who may answer an opening by `permit`: to administer the deployment, or to grant on the dataset for good.
///
/// # Errors
/// [`OpeningError::OwnRequest`], [`OpeningError::NotSecond`].
pub fn answers(permit: &Permit, facts: &OpeningFacts) -> Result<UserId, OpeningError> {
    let by = permit.by().ok_or(OpeningError::NotSecond)?;
    let OpeningFacts { dataset, request, .. } = facts;
    if by == request.by {
        return Err(OpeningError::OwnRequest);
    }
    let owners = dataset.place.source.policy.openers == Openers::Owners;
    // Whoever got the right from the asker since is no second person.
    let is_second = || owners && permit.administers_beside(request.dataset, request.by, request.at);
    if permit.allows_administer().is_some() || is_second() { Ok(by) } else { Err(OpeningError::NotSecond) }
}

/// What is done by approving an opening: judged for who asked, and for who approves by `permit`, as both are now. `there` is what the subject has
/// by now, where it is a grant.
///
/// # Errors
/// [`OpeningError`], each naming the rule.
pub fn approved(permit: &Permit, facts: &OpeningFacts, there: Option<&Grant>, now: Timestamp) -> Result<Approved, OpeningError> {
    let by = answers(permit, facts)?;
    let OpeningFacts { dataset, request, asker } = facts;
    let opens = facts.opens().filter(|_| facts.stands(now)).ok_or(OpeningError::Over)?;
    let then = match opens {
        Opens::Visibility(to) => {
            let audience = opened_to(dataset, &opens.then(dataset, request.by, now), now);
            if let Some(of) = dataset.place.source.forbids(audience) {
                return Err(GrantError::AudienceTooWide { of }.into());
            }
            Then::Visible(*to)
        }
        Opens::Unrestricted => Then::Unrestricted,
        Opens::Grant(subject, terms) => {
            let least = if *subject == Subject::World { Audience::World } else { Audience::Accounts };
            may_give(dataset, asker, least, terms, now)?;
            Then::Granted(grant(*subject, terms, request.by, there, now))
        }
    };
    Ok(Approved { by, then })
}
