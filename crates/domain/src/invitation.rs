//! Invitations: what waits for somebody who has to come first, or to agree (ACCESS 6, 7): for an e-mail address, until whoever a provider vouches
//! for signs in with it; and, where people are asked before strangers share with them, for a person, who accepts or declines.
//!
//! An invitation lets nobody in, and no decision reads one. It becomes a grant, or a part in a project, by what its sender may give then, not by
//! what he could give when he sent it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    address::EmailHash,
    decision::Permit,
    delegation::{NewGrant, Terms, granted, offered},
    grant::{Grant, GrantError, ProjectRole, Subject},
    id::{DatasetId, ProjectId, UserId},
    limits::INVITATION_SECS,
    user::User,
};

/// Whom an invitation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invitee {
    /// Whoever proves to have the e-mail address that this stands for.
    Address(EmailHash),
    /// A person, who is asked.
    Person(UserId),
}

/// What an invitation is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A dataset.
    Dataset(DatasetId),
    /// A project.
    Project(ProjectId),
}

/// What an invitation becomes once it is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// A grant on a dataset.
    Grant(DatasetId, Terms),
    /// A part in a project.
    Part(ProjectId, ProjectRole),
}

/// What waits for somebody. There is one for each invitee and target, whoever sent it: a person has one grant on a dataset, and one part in a
/// project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Whom it waits for.
    pub to: Invitee,
    /// What it is to become.
    pub promise: Promise,
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
    /// Nobody has signed in with the address yet, or the person has not answered.
    Waiting,
    /// Somebody has signed in, or the person accepted, and it is done.
    Met,
    /// The person did not want it.
    Declined,
    /// It was taken back.
    Withdrawn,
}

impl InvitationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Met, Self::Declined, Self::Withdrawn];
}

impl Promise {
    /// What it is about.
    #[must_use]
    pub const fn target(&self) -> Target {
        match self {
            Self::Grant(dataset, _) => Target::Dataset(*dataset),
            Self::Part(project, _) => Target::Project(*project),
        }
    }
}

impl Invitation {
    /// Whether it still waits.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Waiting && now < self.until
    }

    /// What it is to.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.promise.target()
    }

    /// The person that it waits for; `None`: it waits for an address.
    #[must_use]
    pub const fn person(&self) -> Option<UserId> {
        match self.to {
            Invitee::Person(person) => Some(person),
            Invitee::Address(_) => None,
        }
    }

    /// The same after `state` became of it.
    #[must_use]
    pub fn turned(&self, state: InvitationState) -> Self {
        Self { state, version: self.version.saturating_add(1), ..self.clone() }
    }
}

/// The invitation to a dataset that `sender` may send by `permit`; `there` is what waits, or waited, for the same invitee there by now. The sender
/// may offer what he may give to a person.
///
/// # Errors
/// [`GrantError`], each naming the rule.
pub fn invited(
    permit: &Permit,
    sender: &User,
    (dataset, to): (DatasetId, Invitee),
    terms: Terms,
    there: Option<&Invitation>,
    now: Timestamp,
) -> Result<Invitation, GrantError> {
    let by = offered(permit, sender, dataset, &terms, now)?;
    sent(by, to, Promise::Grant(dataset, terms), there, now)
}

/// The invitation into a project that a manager may send a person; `there` is what waits, or waited, for the person there by now.
///
/// # Errors
/// [`GrantError`], each naming the rule.
pub fn invited_into(
    permit: &Permit,
    project: ProjectId,
    (person, role): (UserId, ProjectRole),
    there: Option<&Invitation>,
    now: Timestamp,
) -> Result<Invitation, GrantError> {
    let by = permit.allows_manage(project).ok_or(GrantError::Permit)?;
    sent(by, Invitee::Person(person), Promise::Part(project, role), there, now)
}

/// Whoever declined is left alone about the same until the invitation would have ended, whoever would send another.
fn sent(by: UserId, to: Invitee, promise: Promise, there: Option<&Invitation>, now: Timestamp) -> Result<Invitation, GrantError> {
    if to == Invitee::Person(by) {
        return Err(GrantError::ToOneself);
    }
    if there.is_some_and(|there| there.to != to || there.target() != promise.target()) {
        return Err(GrantError::Permit);
    }
    if let Some(there) = there.filter(|there| there.state == InvitationState::Declined && now < there.until) {
        return Err(GrantError::DeclinedLately { from: there.until });
    }
    let until = now.checked_add(SignedDuration::from_secs(INVITATION_SECS)).unwrap_or(Timestamp::MAX);
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    Ok(Invitation { to, promise, by, at: now, until, state: InvitationState::Waiting, version })
}

/// An invitation to an address, which `person` has proven to have, as one to that person: it waits as long, and `there` is what waits, or waited,
/// for the person there by now.
///
/// # Errors
/// [`GrantError::NeverCounts`] where it waits no more, and those of [`invited`].
pub fn readdressed(invitation: &Invitation, person: UserId, there: Option<&Invitation>, now: Timestamp) -> Result<Invitation, GrantError> {
    if !invitation.waits(now) || invitation.person().is_some() {
        return Err(GrantError::NeverCounts);
    }
    let to_person = sent(invitation.by, Invitee::Person(person), invitation.promise.clone(), there, now)?;
    Ok(Invitation { at: invitation.at, until: invitation.until, ..to_person })
}

/// The grant that an invitation to a dataset becomes for `person`, who has its address, or whom it is for, by what its sender may give now; `there`
/// is what the person has.
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
    let Promise::Grant(dataset, terms) = &invitation.promise else { return Err(GrantError::Permit) };
    if invitation.by != sender.id || invitation.person().is_some_and(|invited| invited != person) {
        return Err(GrantError::Permit);
    }
    let ask = NewGrant { subject: Subject::User(person), terms: terms.clone() };
    granted(permit, sender, *dataset, ask, there, now)
}
