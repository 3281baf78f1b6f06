//! Invitations: sent, listed, taken back, met. An invitation lies under the hash of its address, whether or not anybody has an account with
//! that address: nothing here looks for one, so nothing here can tell.

use domain::{
    address::EmailHash,
    decision::{Action, Permit},
    delegation::Terms,
    grant::{Conditions, Grant, Zones},
    id::{DatasetId, UserId},
    invitation::{Invitation, InvitationState},
    limits::{INVITATION_SECS, INVITATIONS_AT_SIGN_IN_MAX, INVITATIONS_DAY_MAX},
    rights::Role,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{listed_after, rank_of},
    error::TableError,
    grants::Grounds,
    item::{Row, item, number, row, text, time, time_if, unreadable},
    once::Once,
    rate::Daily,
    read::{Cost, Stretch, Window},
    schema::{self, INVITATION_PREFIX, INVITATION_RANK, Key},
    write::{Alone, Change, Condition, Outcome, Tag, Write},
};

#[derive(Serialize, Deserialize)]
struct InvitationRow {
    needs: Vec<String>,
    version: u64,
    dataset: String,
    role: String,
    may_share: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    zones: Vec<String>,
    by: String,
    at: i64,
    /// Until when it waits.
    waits: i64,
    state: String,
    gsi1pk: String,
    gsi1sk: String,
    /// When the store may drop it: as long after its end as it waited, for a late copy of it must find it.
    ttl: i64,
}

impl Row for InvitationRow {
    const WHAT: &'static str = "an invitation";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl InvitationRow {
    fn of(invitation: &Invitation) -> Self {
        let Terms { role, may_share, level, conditions } = &invitation.terms;
        Self {
            needs: Vec::new(),
            version: invitation.version,
            dataset: invitation.dataset.to_string(),
            role: role.word().to_owned(),
            may_share: *may_share,
            level: *level,
            not_before: conditions.not_before.map(Timestamp::as_millisecond),
            until: conditions.until.map(Timestamp::as_millisecond),
            zones: conditions.zones.texts().collect(),
            by: invitation.by.to_string(),
            at: invitation.at.as_millisecond(),
            waits: invitation.until.as_millisecond(),
            state: state_word(invitation.state).to_owned(),
            gsi1pk: schema::dataset_partition(invitation.dataset),
            gsi1sk: schema::invitation_rank(invitation.at, invitation.address),
            ttl: invitation.until.as_second().saturating_add(INVITATION_SECS),
        }
    }

    /// The address is in the row's own.
    fn invitation(self, address: EmailHash) -> Result<Invitation, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        Ok(Invitation {
            address,
            dataset: DatasetId::parse(&self.dataset).map_err(unreadable(Self::WHAT))?,
            terms: Terms {
                role: Role::of(&self.role).ok_or_else(unknown)?,
                may_share: self.may_share,
                level: self.level,
                conditions: Conditions {
                    not_before: time_if(self.not_before, Self::WHAT)?,
                    until: time_if(self.until, Self::WHAT)?,
                    zones: Zones::parse(&self.zones).map_err(unreadable(Self::WHAT))?,
                },
            },
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            at: time(self.at, Self::WHAT)?,
            until: time(self.waits, Self::WHAT)?,
            state: state_of(&self.state).ok_or_else(unknown)?,
            version: self.version,
        })
    }
}

impl Table {
    /// What waits, or waited, for an address on a dataset.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn invitation(&self, address: EmailHash, dataset: DatasetId) -> Result<Option<Invitation>, TableError> {
        let found = self.get(&schema::invitation(address, dataset), &mut Cost::default()).await?;
        found.map(|item| row::<InvitationRow>(item)?.invitation(address)).transpose()
    }

    /// Sends an invitation, in place of `before`. It makes the same calls for every address.
    ///
    /// # Errors
    /// [`TableError::TooMany`] on one day, [`TableError::Stale`] where `before` or the dataset is not as it was read.
    pub async fn invite(
        &self,
        permit: &Permit,
        invitation: &Invitation,
        before: Option<&Invitation>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Invitation, TableError> {
        let (address, dataset) = (invitation.address, invitation.dataset);
        let by = permit.allows(Action::Grant, dataset).filter(|by| *by == invitation.by).ok_or(TableError::NotForThis)?;
        let daily = Daily { what: "invitations of one person in a day", max: INVITATIONS_DAY_MAX, kept_secs: INVITATION_SECS };
        let counted = self.one_more(&schema::invitations_sent(by, now), daily, now).await?;
        let unchanged = before.map_or_else(Condition::absent, |there| Condition::is("version", number(there.version)));
        let key = schema::invitation(address, dataset);
        let result = format!("{} {}", key.pk, key.sk);
        let write = Write::audited(Audited::new(now, by, "invitation.send", &dataset)?.to(&said(invitation)))
            .put(Tag::New, item(&key, &InvitationRow::of(invitation))?, unchanged)
            .parts([counted])
            .check(schema::dataset(dataset), Condition::is("state", text("active")))
            .parts(Once::part(once, by, &result, now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(invitation.clone()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Takes an invitation back. One that does not wait any more stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn withdraw_invitation(
        &self,
        permit: &Permit,
        before: &Invitation,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Invitation, TableError> {
        let by = permit.allows(Action::Grant, before.dataset).ok_or(TableError::NotForThis)?;
        if before.state != InvitationState::Waiting {
            return Ok(before.clone());
        }
        let after = changed(before, InvitationState::Withdrawn);
        let change = change(before, &after);
        let audited = Audited::new(now, by, "invitation.withdraw", &before.dataset)?.from(&said(before)).to(&said(&after)).because(reason);
        match self.commit(Write::audited(audited.clone()).change(Tag::Seen, change.clone())).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            // Narrowing never fails for bookkeeping.
            Outcome::Busy => {
                let made = match self.change_alone(&change).await? {
                    Alone::Changed => true,
                    Alone::Refused => false,
                    Alone::Unsure => self.invitation(before.address, before.dataset).await?.as_ref() == Some(&after),
                };
                if !made {
                    return Err(TableError::Stale);
                }
                self.record(audited).await;
                Ok(after)
            }
        }
    }

    /// What waits for an address, at most [`INVITATIONS_AT_SIGN_IN_MAX`]. One that cannot be read waits for nobody.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn invitations_to(&self, address: EmailHash, now: Timestamp) -> Result<Vec<Invitation>, TableError> {
        let stretch = Stretch { pk: schema::invitations(address), prefix: INVITATION_PREFIX };
        let read = |item| row::<InvitationRow>(item).and_then(|row| row.invitation(address));
        let readable = |found: Result<Invitation, TableError>| {
            found.inspect_err(|why| tracing::warn!(error = %why, "an invitation was left out")).ok()
        };
        let found = self.all(&stretch, &mut Cost::default()).await?.into_iter().map(read);
        let waiting = found.filter_map(readable).filter(|invitation| invitation.waits(now));
        Ok(waiting.take(usize::from(INVITATIONS_AT_SIGN_IN_MAX)).collect())
    }

    /// Gives what an invitation says to whoever the grant is for, by its sender's permit, and the invitation is done: both or neither.
    ///
    /// # Errors
    /// As [`Table::give`].
    pub async fn meet(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        invitation: &Invitation,
        (grant, there): (&Grant, Option<&Grant>),
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        if grounds.facts.place.dataset.id != invitation.dataset || !invitation.waits(now) {
            return Err(TableError::NotForThis);
        }
        let done = change(invitation, &changed(invitation, InvitationState::Met));
        // Its sender gives; where from the addressee signs in says nothing about the sender.
        self.acting_from(None).give_with(permit, grounds, grant, there, (None, Some(done)), now).await
    }

    /// An invitation is done without a grant: the person whose address it is needs none by it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn close_invitation(&self, invitation: &Invitation, person: UserId, now: Timestamp) -> Result<(), TableError> {
        let after = changed(invitation, InvitationState::Met);
        let audited = Audited::new(now, person, "invitation.close", &invitation.dataset)?.from(&said(invitation)).to(&said(&after));
        match self.commit(Write::audited(audited).change(Tag::Seen, change(invitation, &after))).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The invitations on a dataset, the latest first, done ones too; the list may be a moment behind, what it says of each is not.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn invitations_on(&self, dataset: DatasetId, page: &Page) -> Result<Listed<Invitation>, TableError> {
        let pk = schema::dataset_partition(dataset);
        let address_of = |rank: &str| schema::id_of_rank(rank, INVITATION_RANK).and_then(|hash| EmailHash::parse(hash).ok());
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let address = address_of(rank).ok_or(TableError::Position)?;
                Some(listed_after(&schema::invitation(address, dataset), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: INVITATION_RANK }, &window, cost).await?;
        let addresses: Vec<_> = rows.iter().filter_map(rank_of).filter_map(address_of).collect();
        let found = self.batch(addresses.iter().map(|address| schema::invitation(*address, dataset)), cost).await?;
        let mut items = Vec::new();
        for address in addresses {
            if let Some(item) = found.get(&schema::invitation(address, dataset)).cloned() {
                items.push(row::<InvitationRow>(item)?.invitation(address)?);
            }
        }
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}

fn changed(before: &Invitation, state: InvitationState) -> Invitation {
    Invitation { state, version: before.version.saturating_add(1), ..before.clone() }
}

fn change(before: &Invitation, after: &Invitation) -> Change {
    let key: Key = schema::invitation(before.address, before.dataset);
    Change::new(key, Condition::is("version", number(before.version)))
        .set("state", text(state_word(after.state)))
        .set("version", number(after.version))
}

/// What the audit says of an invitation: never the address.
fn said(invitation: &Invitation) -> serde_json::Value {
    let Terms { role, may_share, level, conditions } = &invitation.terms;
    json!({
        "address": invitation.address.to_string(), "role": role.word(), "may_share": may_share, "level": level, "state": state_word(invitation.state),
        "not_before": conditions.not_before.map(|at| at.to_string()), "until": conditions.until.map(|at| at.to_string()),
        "zones": conditions.zones.texts().collect::<Vec<_>>(), "version": invitation.version,
    })
}

fn state_word(state: InvitationState) -> &'static str {
    match state {
        InvitationState::Waiting => "waiting",
        InvitationState::Met => "met",
        InvitationState::Withdrawn => "withdrawn",
    }
}

fn state_of(word: &str) -> Option<InvitationState> {
    [InvitationState::Waiting, InvitationState::Met, InvitationState::Withdrawn].into_iter().find(|state| state_word(*state) == word)
}
