//! Invitations: what waits for an e-mail address on a dataset, until whoever a provider vouches for signs in with it (ACCESS 6).
//!
//! An invitation lets nobody in. It becomes a grant by what its sender may give then, not by what he could give when he sent it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    address::EmailHash,
    decision::Permit,
    delegation::{NewGrant, Terms, granted, offered},
    grant::{Grant, GrantError, Subject},
    id::{DatasetId, UserId},
    limits::INVITATION_SECS,
    user::User,
};

/// What waits for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What stands for the address.
    pub address: EmailHash,
    /// The dataset.
    pub dataset: DatasetId,
    /// What its person is to get.
    pub terms: Terms,
    /// Who sent it.
    pub by: UserId,
    /// When it was sent, or last changed.
    pub at: Timestamp,
    /// Until when it waits (half-open).
    pub until: Timestamp,
    /// What has become of it.
    pub state: InvitationState,
    /// Counts its changes.
    pub version: u64,
}

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvitationState {
    /// Nobody has signed in with the address yet.
    Waiting,
    /// Somebody has, and it is done.
    Met,
    /// It was taken back.
    Withdrawn,
}

impl Invitation {
    /// Whether it still waits.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Waiting && now < self.until
    }
}

/// The invitation that `sender` may send by `permit`; `there` is what waits, or waited, for the address on this dataset by now. The sender may
/// offer what he may give to a person.
///
/// # Errors
/// [`GrantError`], each naming the rule.
pub fn invited(
    permit: &Permit,
    sender: &User,
    (dataset, address): (DatasetId, EmailHash),
    terms: Terms,
    there: Option<&Invitation>,
    now: Timestamp,
) -> Result<Invitation, GrantError> {
    let by = offered(permit, sender, dataset, &terms, now)?;
    let until = now.checked_add(SignedDuration::from_secs(INVITATION_SECS)).unwrap_or(Timestamp::MAX);
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    Ok(Invitation { address, dataset, terms, by, at: now, until, state: InvitationState::Waiting, version })
}

/// The grant that an invitation becomes for the person whose address it is, by what its sender may give now; `there` is what the person has.
///
/// # Errors
/// [`GrantError::NeverCounts`] where it waits no more, and those of [`granted`].
pub fn met(
    permit: &Permit,
    sender: &User,
    invitation: &Invitation,
    person: UserId,
    there: Option<&Grant>,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    if !invitation.waits(now) {
        return Err(GrantError::NeverCounts);
    }
    if invitation.by != sender.id {
        return Err(GrantError::Permit);
    }
    let ask = NewGrant { subject: Subject::User(person), terms: invitation.terms.clone() };
    granted(permit, sender, invitation.dataset, ask, there, now)
}
