//! What waited for an address becomes a grant when its person signs in, wherever that is (ACCESS 6).
//!
//! Nothing is believed but what a provider that vouches for addresses says of this one. Not here: who may give what (`domain`).

use std::sync::Arc;

use domain::{
    address::EmailAddress,
    decision::{Action, Facts, Principal, Who, decide, via},
    grant::{Grant, Hold, Net, Subject},
    id::TokenId,
    invitation::{Invitation, met},
    key::KeyHash,
    rights::Right,
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
    let waiting = match app.table.invitations_to(key.email(&address), now).await {
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
    let (address, dataset) = (invitation.address, invitation.dataset);
    let (mut invitation, mut rounds) = (invitation, Rounds::begin());
    loop {
        let there = app.table.grant(dataset, Subject::User(person.id)).await?;
        // Whoever has a grant keeps it as it is, but for one that has ended; and nobody is given anything by himself.
        if invitation.by == person.id || there.as_ref().is_some_and(|there| is_kept(there, now)) {
            return app.table.close_invitation(&invitation, person.id, now).await;
        }
        let Some(sender) = app.table.user(invitation.by).await?.filter(|sender| sender.standing == Standing::Active) else { return Ok(()) };
        let Some(facts) = app.table.dataset_facts(dataset, Some(sender.id)).await? else { return Ok(()) };
        if facts.place.dataset.link_set.is_some() && invitation.terms.role.goes_together() {
            // It came into a link set since: what goes to all of that, or to none, is given by hand.
            return Ok(());
        }
        let (sender, facts) = (Arc::new(sender), Arc::new(facts));
        // As if the sender gave it now. From where, the conditions of his own right say; they are compared with what he offers.
        let principal =
            Principal { who: Who::Token { user: Arc::clone(&sender), token: Arc::new(every_scope(&sender, now)) }, net: Net::Anywhere };
        let Ok(permit) = decide(&principal, Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now) else { return Ok(()) };
        let Ok(grant) = met(&permit, &sender, &invitation, person.id, there.as_ref(), now) else { return Ok(()) };
        let via = via(&sender, &facts.place, &facts.reach, Right::Administer, Net::Anywhere, now);
        match app.table.meet(&permit, Grounds { facts: &facts, via }, &invitation, (&grant, there.as_ref()), now).await {
            Ok(_grant) => return Ok(()),
            Err(TableError::Stale) => rounds.another().await.map_err(|_busy| TableError::Stale)?,
            Err(why) => return Err(why),
        }
        // Something changed: perhaps it was taken back.
        match app.table.invitation(address, dataset).await?.filter(|there| there.waits(now)) {
            Some(there) => invitation = there,
            None => return Ok(()),
        }
    }
}

fn is_kept(grant: &Grant, now: Timestamp) -> bool {
    grant.hold == Hold::Active && grant.conditions.until.is_none_or(|until| now < until)
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
