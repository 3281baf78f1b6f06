//! What invitations come to: what waited for an address becomes a grant when its person signs in, wherever that is (ACCESS 6), or waits for the
//! person, where people are asked before strangers share with them (ACCESS 7).
//!
//! Nothing is believed but what a provider that vouches for addresses says of this one. Not here: who may give what (`domain`).

use std::sync::Arc;

use domain::{
    address::EmailAddress,
    connection::{ConnectionState, Directory},
    decision::{Action, DatasetFacts, Facts, Permit, Principal, Via, Who, decide, via},
    grant::{Grant, Net, Subject},
    id::{TokenId, UserId},
    invitation::{Invitation, Invitee, Promise, Target, met, readdressed},
    key::KeyHash,
    rights::Right,
    source::State,
    token::{Scope, Token, TokenKind},
    user::{Standing, User},
};
use identity::Verified;
use jiff::{SignedDuration, Timestamp};
use table::{TableError, grants::Grounds};
use uuid::Uuid;

use crate::{App, rounds::Rounds};

/// Gives a person who signs in what waits for the address that the provider vouches for. What cannot be given now waits on: signing in does not
/// fail for it.
pub async fn meet(app: &App, person: &User, known: &Verified, now: Timestamp) {
    let vouched = app.provider.as_ref().is_some_and(crate::provider::Provider::vouches_for_email);
    let address = known.email.as_deref().filter(|_| vouched).and_then(|text| EmailAddress::parse(text).ok());
    let (Some(key), Some(address)) = (app.config.address_key.as_ref(), address) else { return };
    let waiting = match app.table.invitations_to(Invitee::Address(key.email(&address)), now).await {
        Ok(waiting) => waiting,
        Err(why) => return tracing::warn!(error = %why, "invitations could not be looked for; they wait"),
    };
    for invitation in waiting {
        if let Err(why) = meet_one(app, person, invitation, now).await {
            tracing::warn!(error = %why, "an invitation could not be met; it waits");
        }
    }
}

async fn meet_one(app: &App, person: &User, invitation: Invitation, now: Timestamp) -> Result<(), TableError> {
    let (to, target) = (invitation.to, invitation.target());
    let (mut invitation, mut rounds) = (invitation, Rounds::begin());
    loop {
        let done = match due(app, person.id, &invitation, now).await? {
            Due::NotNow | Due::Part(_) => return Ok(()),
            Due::Needless => app.table.close_invitation(&invitation, person.id, None, now).await,
            Due::Grant(_) if !need_not_ask(app, invitation.by, person.id, now).await? => ask(app, person.id, &invitation, now).await,
            Due::Grant(due) => {
                let both = (&due.grant, due.there.as_ref());
                app.table.meet(&due.permit, due.grounds(), &invitation, both, None, now).await.map(|_grant| ())
            }
        };
        match done {
            Err(TableError::Stale) => rounds.another().await.map_err(|_busy| TableError::Stale)?,
            done => return done,
        }
        // Something changed: perhaps it was taken back.
        match app.table.invitation(to, target).await?.filter(|there| there.waits(now)) {
            Some(there) => invitation = there,
            None => return Ok(()),
        }
    }
}

/// Lets an invitation to an address wait for the person who has it, to be accepted or declined; whoever declined the same is left alone.
async fn ask(app: &App, person: UserId, invitation: &Invitation, now: Timestamp) -> Result<(), TableError> {
    let there = app.table.invitation(Invitee::Person(person), invitation.target()).await?;
    match readdressed(invitation, person, there.as_ref(), now) {
        Ok(after) => app.table.readdress_invitation(invitation, (&after, there.as_ref()), now).await,
        Err(_declined) => app.table.close_invitation(invitation, person, None, now).await,
    }
}

/// Whether somebody need not be asked before another shares with him by name: where the directory is open, or the two are connected (ACCESS 7).
///
/// # Errors
/// [`TableError`], where the store did not answer.
pub async fn need_not_ask(app: &App, one: UserId, other: UserId, now: Timestamp) -> Result<bool, TableError> {
    if app.config.directory == Directory::Open || one == other {
        return Ok(true);
    }
    let agreed = app.table.pair(one, other).await?.connection.is_some_and(|there| there.state == ConnectionState::Accepted);
    Ok(agreed || app.table.contexts(one, other, now).await?.connect())
}

/// What an invitation comes to now.
#[derive(Debug)]
pub enum Due {
    /// Its sender may not give it now, or what it is to is not there.
    NotNow,
    /// The person has as much already, or sent it.
    Needless,
    /// This grant.
    Grant(Box<GrantDue>),
    /// A part in a project, by its sender's permit.
    Part(Permit),
}

/// The grant that an invitation comes to.
#[derive(Debug)]
pub struct GrantDue {
    /// The sender's permit.
    pub permit: Permit,
    /// The dataset, with what the sender has there.
    pub facts: Arc<DatasetFacts>,
    /// By what the sender may give.
    pub via: Option<Via>,
    /// The grant.
    pub grant: Grant,
    /// What the person has.
    pub there: Option<Grant>,
}

impl GrantDue {
    /// What writing it rests on.
    #[must_use]
    pub fn grounds(&self) -> Grounds<'_> {
        Grounds { facts: &self.facts, via: self.via }
    }
}

/// What an invitation comes to for `person`, as if its sender gave it now. From where, the conditions of his own right say; they are compared with
/// what he offers.
///
/// # Errors
/// [`TableError`], where what it is about cannot be read.
pub async fn due(app: &App, person: UserId, invitation: &Invitation, now: Timestamp) -> Result<Due, TableError> {
    if invitation.by == person {
        return Ok(Due::Needless);
    }
    let sender = app.table.user(invitation.by).await?.filter(|sender| sender.standing == Standing::Active).map(Arc::new);
    let principal = |sender: &Arc<User>| Principal {
        who: Who::Token { user: Arc::clone(sender), token: Arc::new(every_scope(sender, now)) },
        net: Net::Anywhere,
    };
    match &invitation.promise {
        Promise::Grant(dataset, terms) => {
            let there = app.table.grant(*dataset, Subject::User(person)).await?;
            // Whoever has a grant keeps it as it is, but for one that has ended.
            if there.as_ref().is_some_and(|there| there.lasts(now)) {
                return Ok(Due::Needless);
            }
            let Some(sender) = sender else { return Ok(Due::NotNow) };
            let Some(facts) = app.table.dataset_facts(*dataset, Some(sender.id)).await? else { return Ok(Due::NotNow) };
            if facts.place.dataset.link_set.is_some() && terms.role.goes_together() {
                // It came into a link set since: what goes to all of that, or to none, is given by hand.
                return Ok(Due::NotNow);
            }
            let facts = Arc::new(facts);
            let asked = Facts::Dataset(Arc::clone(&facts));
            let Ok(permit) = decide(&principal(&sender), Action::Grant, &asked, now) else { return Ok(Due::NotNow) };
            let Ok(grant) = met(&permit, &sender, invitation, person, there.as_ref(), now) else { return Ok(Due::NotNow) };
            let via = via(&sender, &facts.place, &facts.reach, Right::Administer, Net::Anywhere, now);
            Ok(Due::Grant(Box::new(GrantDue { permit, facts, via, grant, there })))
        }
        Promise::Part(project, _) => {
            if app.table.participant(*project, person).await?.is_some() {
                return Ok(Due::Needless);
            }
            let Some(sender) = sender else { return Ok(Due::NotNow) };
            let found = app.table.project(*project).await?.filter(|project| project.state == State::Active).map(Arc::new);
            let Some(project) = found.filter(|_| invitation.waits(now)) else { return Ok(Due::NotNow) };
            let role = app.table.participant(project.id, sender.id).await?.map(|part| part.role);
            let permit = decide(&principal(&sender), Action::Gather, &Facts::Project { project, role }, now);
            Ok(permit.map_or(Due::NotNow, Due::Part))
        }
    }
}

/// What an invitation is to, by its name; `None`: nothing comes of it for `person` now, so nothing is told of it.
///
/// # Errors
/// As [`due`].
pub async fn place(app: &App, person: UserId, invitation: &Invitation, now: Timestamp) -> Result<Option<String>, TableError> {
    let named = match (due(app, person, invitation, now).await?, invitation.target()) {
        (Due::Grant(due), _) => Some(due.facts.place.to_string()),
        (Due::Part(_), Target::Project(project)) => app.table.project(project).await?.map(|project| project.name),
        (Due::Part(_), Target::Dataset(_)) | (Due::NotNow | Due::Needless, _) => None,
    };
    Ok(named)
}

/// What stands for the token of a person who is asked about without one: what the person may do or know is no question about a token.
#[must_use]
pub fn every_scope(sender: &User, now: Timestamp) -> Token {
    Token {
        id: TokenId::new(Uuid::nil()),
        kind: TokenKind::Session,
        hash: KeyHash::of(""),
        owner: sender.id,
        label: "invitation".to_owned(),
        scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).collect(),
        dataset: None,
        until: now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX),
        made: now,
        revoked: None,
    }
}
