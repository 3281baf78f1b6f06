//! Connections: that two people agreed to be known to each other, or are so by what they are both named in (ACCESS 7).
//!
//! A connection gives nobody any right. What two people have agreed is kept; that they are connected by what they share is read off that
//! each time, and overrides what they agreed. Not here: reading either (`table/connections.rs`, `table/contexts.rs`).

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::{
    decision::{Permit, Place, is_active},
    grant::{Grant, Subject},
    id::UserId,
    limits::{CONNECTION_AGAIN_SECS, CONNECTION_PENDING_SECS, CONTEXT_PEOPLE_MAX},
    project::Project,
    source::State,
    user::{Standing, User},
};

/// What two people have agreed, or one of them has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Who asked.
    pub by: UserId,
    /// Who was asked.
    pub to: UserId,
    /// When.
    pub at: Timestamp,
    /// Until when the request waits (half-open).
    pub until: Timestamp,
    /// What has become of it.
    pub state: ConnectionState,
    /// Since when.
    pub since: Timestamp,
    /// Counts the changes between these two.
    pub version: u64,
}

/// What has become of a request. That it expired is told by the time ([`Connection::waits`]), and written nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// It was not answered.
    Pending,
    /// Whoever was asked agreed.
    Accepted,
    /// Whoever was asked did not.
    Rejected,
    /// Whoever asked took it back.
    Cancelled,
    /// They were connected, and one of them ended that.
    Removed,
}

impl ConnectionState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Rejected, Self::Cancelled, Self::Removed];
}

/// What may be done about a connection that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Agree, by whoever was asked.
    Accept,
    /// Do not agree, by whoever was asked.
    Reject,
    /// Take the request back, by whoever asked.
    Cancel,
    /// End the connection, by either.
    Remove,
}

impl Turn {
    /// Everything that may be done.
    pub const ALL: [Self; 4] = [Self::Accept, Self::Reject, Self::Cancel, Self::Remove];

    /// What it makes of the connection.
    #[must_use]
    pub const fn leads_to(self) -> ConnectionState {
        match self {
            Self::Accept => ConnectionState::Accepted,
            Self::Reject => ConnectionState::Rejected,
            Self::Cancel => ConnectionState::Cancelled,
            Self::Remove => ConnectionState::Removed,
        }
    }
}

/// Whether people are to know each other before one shares with the other by name (ACCESS 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Directory {
    /// Nobody is asked.
    #[default]
    Open,
    /// Who is not connected is invited, and accepts or declines.
    Connections {
        /// Since when: what connected people before shows as such; `None`: nothing does.
        since: Option<Timestamp>,
    },
}

impl Directory {
    /// Whether what began then connected people before they were asked.
    #[must_use]
    pub fn was_before(self, at: Timestamp) -> bool {
        matches!(self, Self::Connections { since: Some(since) } if at < since)
    }
}

/// Why a connection is not asked for, or not changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// The permit is for something else, or for somebody else.
    #[error("the permit was given for something else")]
    Permit,
    /// With oneself.
    #[error("nobody connects with himself")]
    Oneself,
    /// The other may not act.
    #[error("the other person is suspended")]
    Suspended,
    /// The other has asked already.
    #[error("the other person has asked already, and waits for an answer")]
    OtherAsked,
    /// They are.
    #[error("the two are connected already")]
    Connected,
    /// Not yet again after a rejection.
    #[error("the other person rejected this; it may be asked again from `{from}` on")]
    RejectedLately {
        /// From when on.
        from: Timestamp,
    },
    /// The other of the two does this.
    #[error("only the other of the two may do this")]
    OtherSide,
    /// It does not wait for an answer, or is no connection, any more.
    #[error("the request does not wait, or the connection does not stand, any more")]
    Over,
}

impl Connection {
    /// Whether it still waits for an answer.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == ConnectionState::Pending && now < self.until
    }

    /// The other of the two.
    #[must_use]
    pub fn other_than(&self, person: UserId) -> UserId {
        if self.by == person { self.to } else { self.by }
    }

    /// This connection after the person of `permit` did `turn`; `other` is the other of the two. `None`: it is so already.
    ///
    /// # Errors
    /// [`ConnectionError`], each naming the rule.
    pub fn turned(&self, permit: &Permit, other: &User, turn: Turn, now: Timestamp) -> Result<Option<Self>, ConnectionError> {
        let by = permit.allows_connecting().filter(|by| *by != other.id).ok_or(ConnectionError::Permit)?;
        if ![(self.by, self.to), (self.to, self.by)].contains(&(by, other.id)) {
            return Err(ConnectionError::Permit);
        }
        let is_theirs = match turn {
            Turn::Accept | Turn::Reject => by == self.to,
            Turn::Cancel => by == self.by,
            Turn::Remove => true,
        };
        if !is_theirs {
            return Err(ConnectionError::OtherSide);
        }
        if self.state == turn.leads_to() {
            return Ok(None);
        }
        let is_due = match turn {
            Turn::Accept | Turn::Reject | Turn::Cancel => self.waits(now),
            Turn::Remove => self.state == ConnectionState::Accepted,
        };
        if !is_due {
            return Err(ConnectionError::Over);
        }
        // What ends something is done about anybody.
        if turn == Turn::Accept && other.standing != Standing::Active {
            return Err(ConnectionError::Suspended);
        }
        Ok(Some(Self { state: turn.leads_to(), since: now, version: self.version.saturating_add(1), ..*self }))
    }
}

/// The request for a connection with `to`, by the person of `permit`; `there` is what there is between the two by now. `None`: the same
/// request waits.
///
/// Whoever was rejected asks again after [`CONNECTION_AGAIN_SECS`], and whoever rejected at once; after any other end both do.
///
/// # Errors
/// [`ConnectionError`], each naming the rule.
pub fn connection_asked(
    permit: &Permit,
    to: &User,
    there: Option<&Connection>,
    now: Timestamp,
) -> Result<Option<Connection>, ConnectionError> {
    let by = permit.allows_connecting().ok_or(ConnectionError::Permit)?;
    if by == to.id {
        return Err(ConnectionError::Oneself);
    }
    if let Some(there) = there {
        if ![(there.by, there.to), (there.to, there.by)].contains(&(by, to.id)) {
            return Err(ConnectionError::Permit);
        }
        match there.state {
            ConnectionState::Pending if there.waits(now) && there.by == by => return Ok(None),
            ConnectionState::Pending if there.waits(now) => return Err(ConnectionError::OtherAsked),
            ConnectionState::Accepted => return Err(ConnectionError::Connected),
            ConnectionState::Rejected if there.by == by => {
                let from = after(there.since, CONNECTION_AGAIN_SECS);
                if now < from {
                    return Err(ConnectionError::RejectedLately { from });
                }
            }
            ConnectionState::Pending | ConnectionState::Rejected | ConnectionState::Cancelled | ConnectionState::Removed => {}
        }
    }
    if to.standing != Standing::Active {
        return Err(ConnectionError::Suspended);
    }
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    let until = after(now, CONNECTION_PENDING_SECS);
    Ok(Some(Connection { by, to: to.id, at: now, until, state: ConnectionState::Pending, since: now, version }))
}

fn after(at: Timestamp, secs: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX)
}

/// Since when a person is named in a dataset: owns it, which counts from its registration, or has a grant of his own on it that counts at `now`,
/// from wherever. `grant` is what the person has; `None`: it does not name the person. Groups, projects, accounts and the world name nobody, nor
/// does who broke the glass name himself.
#[must_use]
pub fn named_since(place: &Place, person: UserId, grant: Option<&Grant>, now: Timestamp) -> Option<Timestamp> {
    if !is_active(place) {
        return None;
    }
    let names = |grant: &&Grant| grant.subject == Subject::User(person) && grant.counts(now) && !grant.is_broken_glass();
    let owned = (place.dataset.owner == person).then_some(place.dataset.registered);
    owned.or_else(|| grant.filter(names).map(|grant| grant.at))
}

/// Whether a project connects those who are in it with each other: one that lets people in, of at most [`CONTEXT_PEOPLE_MAX`].
#[must_use]
pub fn connects(project: &Project, people: usize) -> bool {
    project.state == State::Active && people <= usize::from(CONTEXT_PEOPLE_MAX)
}
