//! Invitations: sent, listed, taken back, met, declined. One to an address lies under the address's hash, whether or not anybody has an account
//! with that address: nothing here looks for one, so nothing here can tell. One to a person lies beside the person.
//!
//! Not here: a part in a project that one becomes (`projects.rs`).

use domain::{
    decision::{Action, Permit},
    delegation::Terms,
    grant::{Conditions, Grant, ProjectRole, Zones},
    id::{DatasetId, ProjectId, UserId},
    invitation::{Invitation, InvitationState, Invitee, Promise, Target},
    limits::{INVITATION_SECS, INVITATIONS_AT_SIGN_IN_MAX, INVITATIONS_DAY_MAX},
    notice::Occasion,
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
    grants::{Brought, Grounds},
    item::{Row, item, number, row, text, time, time_if, unreadable},
    once::Once,
    rate::Daily,
    read::{Cost, Stretch, Window},
    requests::is_active,
    schema::{self, INVITATION_PREFIX, INVITATION_RANK, Key},
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

#[derive(Serialize, Deserialize)]
struct InvitationRow {
    needs: Vec<String>,
    version: u64,
    /// What it is to: a dataset, or else a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
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
        let terms = terms(&invitation.promise);
        let (dataset, project) = match &invitation.promise {
            Promise::Grant(dataset, _) => (Some(dataset.to_string()), None),
            Promise::Part(project, _) => (None, Some(project.to_string())),
        };
        Self {
            needs: Vec::new(),
            version: invitation.version,
            dataset,
            project,
            role: role_word(&invitation.promise).to_owned(),
            may_share: terms.is_some_and(|terms| terms.may_share),
            level: terms.and_then(|terms| terms.level),
            not_before: terms.and_then(|terms| terms.conditions.not_before).map(Timestamp::as_millisecond),
            until: terms.and_then(|terms| terms.conditions.until).map(Timestamp::as_millisecond),
            zones: terms.map(|terms| terms.conditions.zones.texts().collect()).unwrap_or_default(),
            by: invitation.by.to_string(),
            at: invitation.at.as_millisecond(),
            waits: invitation.until.as_millisecond(),
            state: state_word(invitation.state).to_owned(),
            gsi1pk: schema::invitations_on(invitation.target()),
            gsi1sk: schema::invitation_rank(invitation.at, invitation.to),
            ttl: invitation.until.as_second().saturating_add(INVITATION_SECS),
        }
    }

    /// Whom it waits for is in the row's own key.
    fn invitation(self, to: Invitee) -> Result<Invitation, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        let promise = match (&self.dataset, &self.project) {
            (Some(dataset), None) => {
                let conditions = Conditions {
                    not_before: time_if(self.not_before, Self::WHAT)?,
                    until: time_if(self.until, Self::WHAT)?,
                    zones: Zones::parse(&self.zones).map_err(unreadable(Self::WHAT))?,
                };
                let role = Role::of(&self.role).ok_or_else(unknown)?;
                let terms = Terms { role, may_share: self.may_share, level: self.level, conditions };
                Promise::Grant(DatasetId::parse(dataset).map_err(unreadable(Self::WHAT))?, terms)
            }
            (None, Some(project)) => {
                let role = ProjectRole::of(&self.role).ok_or_else(unknown)?;
                Promise::Part(ProjectId::parse(project).map_err(unreadable(Self::WHAT))?, role)
            }
            _ => return Err(unknown()),
        };
        Ok(Invitation {
            to,
            promise,
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            at: time(self.at, Self::WHAT)?,
            until: time(self.waits, Self::WHAT)?,
            state: state_of(&self.state).ok_or_else(unknown)?,
            version: self.version,
        })
    }
}

/// Who answers an invitation that waits for him, and by which request.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// That the person may answer.
    pub permit: &'a Permit,
    /// The request's key.
    pub once: Option<&'a Once>,
}

impl Answer<'_> {
    /// The person, if it is the one that the invitation waits for.
    pub(crate) fn by(&self, invitation: &Invitation) -> Result<UserId, TableError> {
        self.permit.allows_connecting().filter(|by| invitation.person() == Some(*by)).ok_or(TableError::NotForThis)
    }
}

/// Who sends or takes back an invitation to this, by a permit for it.
fn administers(permit: &Permit, target: Target) -> Result<UserId, TableError> {
    let by = match target {
        Target::Dataset(dataset) => permit.allows(Action::Grant, dataset),
        Target::Project(project) => permit.allows_manage(project),
    };
    by.ok_or(TableError::NotForThis)
}

impl Table {
    /// What waits, or waited, for somebody on a dataset or in a project.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn invitation(&self, to: Invitee, target: Target) -> Result<Option<Invitation>, TableError> {
        let found = self.get(&schema::invitation(to, target), &mut Cost::default()).await?;
        found.map(|item| row::<InvitationRow>(item)?.invitation(to)).transpose()
    }

    /// Sends an invitation, in place of `before`. It makes the same calls for every address. A person is told of one, unless one of before waits.
    ///
    /// # Errors
    /// [`TableError::TooMany`] on one day, [`TableError::Missing`] for a person who is not there, [`TableError::Stale`] where `before`, the dataset or
    /// the project is not as it was read.
    pub async fn invite(
        &self,
        permit: &Permit,
        invitation: &Invitation,
        before: Option<&Invitation>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Invitation, TableError> {
        let (to, target) = (invitation.to, invitation.target());
        let by = administers(permit, target).ok().filter(|by| *by == invitation.by).ok_or(TableError::NotForThis)?;
        let daily = Daily { what: "invitations of one person in a day", max: INVITATIONS_DAY_MAX, kept_secs: INVITATION_SECS };
        let counted = self.one_more(&schema::invitations_sent(by, now), daily, now).await?;
        let key = schema::invitation(to, target);
        let result = format!("{} {}", key.pk, key.sk);
        let person = invitation.person();
        let head = match target {
            Target::Dataset(dataset) => schema::dataset(dataset),
            Target::Project(project) => schema::project(project),
        };
        let write = Write::audited(about(now, by, "invitation.send", target)?.to(&said(invitation)))
            .part(Tag::New, placed(invitation, before)?)
            .parts([counted])
            .check(head, Condition::is("state", text("active")))
            .parts(person.map(|person| (Tag::Same, Part::Check(schema::user(person), Condition::present()))))
            .parts(Once::part(once, by, &result, now)?)
            .telling(person.filter(|_| !before.is_some_and(|there| there.waits(now))).map(|person| (person, Occasion::Invited(target))))?;
        match self.commit(write).await? {
            Outcome::Done => Ok(invitation.clone()),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(_done) => self.invitation(to, target).await?.ok_or(TableError::Missing { what: "the invitation" }),
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "whom it is for" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// What waits for an address waits for the person instead, who has proven to have it: `after`, in place of `before`, what waited for the person.
    /// Its sender's act, for whom the person is told.
    ///
    /// # Errors
    /// [`TableError::Stale`] where either changed since it was read.
    pub async fn readdress_invitation(
        &self,
        invitation: &Invitation,
        (after, before): (&Invitation, Option<&Invitation>),
        now: Timestamp,
    ) -> Result<(), TableError> {
        let person = after.person().filter(|_| invitation.waits(now) && invitation.promise == after.promise && invitation.by == after.by);
        let person = person.ok_or(TableError::NotForThis)?;
        let done = invitation.turned(InvitationState::Met);
        let audited = about(now, after.by, "invitation.send", after.target())?.from(&said(invitation)).to(&said(after));
        let write = Write::audited(audited)
            .change(Tag::Seen, change(invitation, &done))
            .part(Tag::New, placed(after, before)?)
            .telling([(person, Occasion::Invited(after.target()))])?;
        // Where from the addressee signs in says nothing about the sender.
        match self.acting_from(None).commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Takes an invitation back, by who administers what it is to. One that does not wait any more stays as it is.
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
        let by = administers(permit, before.target())?;
        let audited = about(now, by, "invitation.withdraw", before.target())?.because(reason);
        self.end_invitation(before, InvitationState::Withdrawn, audited).await
    }

    /// Declines an invitation, by the person that it waits for. One that does not wait any more stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn decline_invitation(&self, permit: &Permit, before: &Invitation, now: Timestamp) -> Result<Invitation, TableError> {
        let by = Answer { permit, once: None }.by(before)?;
        let audited = about(now, by, "invitation.decline", before.target())?;
        self.end_invitation(before, InvitationState::Declined, audited).await
    }

    async fn end_invitation(&self, before: &Invitation, state: InvitationState, audited: Audited) -> Result<Invitation, TableError> {
        if before.state != InvitationState::Waiting {
            return Ok(before.clone());
        }
        let after = before.turned(state);
        let change = change(before, &after);
        let audited = audited.from(&said(before)).to(&said(&after));
        match self.commit(Write::audited(audited.clone()).change(Tag::Seen, change.clone())).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            // Narrowing never fails for bookkeeping.
            Outcome::Busy => {
                let is_there = async { Ok(self.invitation(before.to, before.target()).await?.as_ref() == Some(&after)) };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(after) } else { Err(TableError::Stale) }
            }
        }
    }

    /// What waits for an address, at most [`INVITATIONS_AT_SIGN_IN_MAX`]. One that cannot be read waits for nobody.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn invitations_to(&self, to: Invitee, now: Timestamp) -> Result<Vec<Invitation>, TableError> {
        let stretch = Stretch { pk: schema::invitations(to), prefix: INVITATION_PREFIX };
        let read = |item| row::<InvitationRow>(item).and_then(|row| row.invitation(to));
        let readable = |found: Result<Invitation, TableError>| {
            found.inspect_err(|why| tracing::warn!(error = %why, "an invitation was left out")).ok()
        };
        let found = self.all(&stretch, &mut Cost::default()).await?.into_iter().map(read);
        let waiting = found.filter_map(readable).filter(|invitation| invitation.waits(now));
        Ok(waiting.take(usize::from(INVITATIONS_AT_SIGN_IN_MAX)).collect())
    }

    /// What waits, or waited, for a person, a page at a time, by what it is to.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn invitations_of(&self, person: UserId, page: &Page) -> Result<Listed<Invitation>, TableError> {
        let to = Invitee::Person(person);
        let after = match &page.position {
            None => None,
            Some(text) => Some(schema::invitation(to, schema::target_of(text).ok_or(TableError::Position)?).attributes()),
        };
        let window = Window { after, items_max: page.items_max(), newest_first: false, by_index: false };
        let stretch = Stretch { pk: schema::invitations(to), prefix: INVITATION_PREFIX };
        let (rows, next) = self.page(&stretch, &window, &mut Cost::default()).await?;
        let items = rows.into_iter().map(|item| row::<InvitationRow>(item)?.invitation(to)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: next.and_then(|key| Key::of(&key)).map(|key| key.sk) })
    }

    /// Gives what an invitation to a dataset says to whoever the grant is for, by its sender's permit, and the invitation is done: both or neither.
    /// `answer`: by the person that it waits for; `None`: it waits for an address, and its person signs in.
    ///
    /// # Errors
    /// As [`Table::give`].
    pub async fn meet(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        invitation: &Invitation,
        (grant, there): (&Grant, Option<&Grant>),
        answer: Option<Answer<'_>>,
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let dataset = grounds.facts.place.dataset.id;
        if invitation.target() != Target::Dataset(dataset) || !invitation.waits(now) || answer.is_none() != invitation.person().is_none() {
            return Err(TableError::NotForThis);
        }
        let Some(answer) = answer else {
            let done = (Tag::Seen, Part::Change(met(invitation)));
            // Its sender gives; where from the addressee signs in says nothing about the sender.
            let brought = Brought { audited: None, parts: vec![done], told: None };
            return self.acting_from(None).give_with(permit, grounds, grant, there, brought, now).await;
        };
        let person = answer.by(invitation)?;
        let result = schema::invitation(invitation.to, invitation.target()).sk;
        let brought = Brought {
            audited: Some(about(now, person, "invitation.accept", invitation.target())?),
            parts: accepted(invitation).into_iter().chain(Once::part(answer.once, person, &result, now)?).collect(),
            told: Some((invitation.by, Occasion::InvitationAccepted(invitation.target()))),
        };
        self.give_with(permit, grounds, grant, there, brought, now).await
    }

    /// An invitation is done without anything given: the person needs nothing by it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn close_invitation(
        &self,
        invitation: &Invitation,
        person: UserId,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<(), TableError> {
        if invitation.person().is_some_and(|invited| invited != person) {
            return Err(TableError::NotForThis);
        }
        let after = invitation.turned(InvitationState::Met);
        let audited = about(now, person, "invitation.close", invitation.target())?.from(&said(invitation)).to(&said(&after));
        let result = schema::invitation(invitation.to, invitation.target()).sk;
        let write = Write::audited(audited).change(Tag::Seen, change(invitation, &after)).parts(Once::part(once, person, &result, now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The invitations on a dataset, or into a project, the latest first, done ones too; the list may be a moment behind, what it says of each is not.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn invitations_on(&self, target: Target, page: &Page) -> Result<Listed<Invitation>, TableError> {
        let pk = schema::invitations_on(target);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let to = schema::invitee_of(rank).ok_or(TableError::Position)?;
                Some(listed_after(&schema::invitation(to, target), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: INVITATION_RANK }, &window, cost).await?;
        let invitees: Vec<_> = rows.iter().filter_map(rank_of).filter_map(schema::invitee_of).collect();
        let found = self.batch(invitees.iter().map(|to| schema::invitation(*to, target)), cost).await?;
        let mut items = Vec::new();
        for to in invitees {
            if let Some(item) = found.get(&schema::invitation(to, target)).cloned() {
                items.push(row::<InvitationRow>(item)?.invitation(to)?);
            }
        }
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}

/// An entry about what an invitation is to.
fn about(now: Timestamp, by: UserId, verb: &'static str, target: Target) -> Result<Audited, TableError> {
    match target {
        Target::Dataset(dataset) => Audited::new(now, by, verb, &dataset),
        Target::Project(project) => Audited::new(now, by, verb, &project),
    }
}

/// An invitation in place of what was read there.
fn placed(invitation: &Invitation, before: Option<&Invitation>) -> Result<Part, TableError> {
    if invitation.version != before.map_or(0, |there| there.version).saturating_add(1) {
        return Err(TableError::NotForThis);
    }
    let unchanged = before.map_or_else(Condition::absent, |there| Condition::is("version", number(there.version)));
    let key = schema::invitation(invitation.to, invitation.target());
    Ok(Part::Put(item(&key, &InvitationRow::of(invitation))?, unchanged))
}

/// That an invitation is met which waits as it was read.
fn met(invitation: &Invitation) -> Change {
    change(invitation, &invitation.turned(InvitationState::Met))
}

/// That an invitation is met by the person that it waits for, while its sender may act.
pub(crate) fn accepted(invitation: &Invitation) -> [(Tag, Part); 2] {
    [(Tag::New, Part::Change(met(invitation))), (Tag::New, is_active(invitation.by))]
}

fn change(before: &Invitation, after: &Invitation) -> Change {
    let key: Key = schema::invitation(before.to, before.target());
    Change::new(key, Condition::is("version", number(before.version)))
        .set("state", text(state_word(after.state)))
        .set("version", number(after.version))
}

/// What a grant would be by it; `None`: it is to no grant.
const fn terms(promise: &Promise) -> Option<&Terms> {
    match promise {
        Promise::Grant(_, terms) => Some(terms),
        Promise::Part(..) => None,
    }
}

fn role_word(promise: &Promise) -> &'static str {
    match promise {
        Promise::Grant(_, terms) => terms.role.word(),
        Promise::Part(_, role) => role.word(),
    }
}

/// What the audit says of an invitation: never the address.
pub(crate) fn said(invitation: &Invitation) -> serde_json::Value {
    let to = match invitation.to {
        Invitee::Address(address) => ("address", address.to_string()),
        Invitee::Person(person) => ("user", person.to_string()),
    };
    let mut said = vec![
        ("role", json!(role_word(&invitation.promise))),
        ("state", json!(state_word(invitation.state))),
        ("version", json!(invitation.version)),
        (to.0, json!(to.1)),
    ];
    if let Some(Terms { may_share, level, conditions, .. }) = terms(&invitation.promise) {
        said.extend([
            ("may_share", json!(may_share)),
            ("level", json!(level)),
            ("not_before", json!(conditions.not_before.map(|at| at.to_string()))),
            ("until", json!(conditions.until.map(|at| at.to_string()))),
            ("zones", json!(conditions.zones.texts().collect::<Vec<_>>())),
        ]);
    }
    said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

fn state_word(state: InvitationState) -> &'static str {
    match state {
        InvitationState::Waiting => "waiting",
        InvitationState::Met => "met",
        InvitationState::Declined => "declined",
        InvitationState::Withdrawn => "withdrawn",
    }
}

fn state_of(word: &str) -> Option<InvitationState> {
    InvitationState::ALL.into_iter().find(|state| state_word(*state) == word)
}
