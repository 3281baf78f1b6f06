//! Openings that wait for a second person: asked for, approved, declined, taken back (ACCESS R6). How they are kept: `requests.rs`.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, Permit, via},
    delegation::Terms,
    grant::{Conditions, Grant, Net, Subject, Zones},
    id::{DatasetId, UserId},
    notice::Occasion,
    opening::{Approved, OpeningFacts, Opens, Then, answers},
    policy::Openers,
    request::{Request, RequestState, Wish},
    rights::{Right, Role},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::needs_of,
    error::TableError,
    grants::{Grounds, give_part, head, proof},
    item::{text, texts, time_if, unreadable},
    once::Once,
    requests::{answer, is_active, said},
    schema::{self, OPENING_QUEUE, OPENINGS},
    users::still_administers,
    write::{Outcome, Part, Tag, Write, with_checks},
};

/// What is to open a dataset.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OpensRow {
    Visibility(String),
    /// `false`: restricted no more.
    Restricted(bool),
    Grant(TermsRow),
}

/// A grant to everybody.
#[derive(Serialize, Deserialize)]
pub(crate) struct TermsRow {
    /// Else to all accounts.
    world: bool,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    zones: Vec<String>,
}

/// What rows of this kind are called in errors.
const WHAT: &str = "an opening";

impl OpensRow {
    /// `None`: the wish is another.
    pub(crate) fn of(wish: &Wish) -> Option<Self> {
        let Wish::Opening(opens) = wish else { return None };
        Some(match opens {
            Opens::Visibility(to) => Self::Visibility(to.word().to_owned()),
            Opens::Unrestricted => Self::Restricted(false),
            Opens::Grant(subject, terms) => Self::Grant(TermsRow::of(*subject, terms)),
        })
    }

    pub(crate) fn opens(self) -> Result<Opens, TableError> {
        let unknown = TableError::Unreadable { what: WHAT };
        match self {
            Self::Visibility(word) => Visibility::of(&word).map(Opens::Visibility).ok_or(unknown),
            Self::Restricted(false) => Ok(Opens::Unrestricted),
            Self::Restricted(true) => Err(unknown),
            Self::Grant(terms) => terms.opens(),
        }
    }
}

impl TermsRow {
    fn of(subject: Subject, terms: &Terms) -> Self {
        let Conditions { not_before, until, zones } = &terms.conditions;
        Self {
            world: subject == Subject::World,
            role: terms.role.word().to_owned(),
            level: terms.level,
            not_before: not_before.map(Timestamp::as_millisecond),
            until: until.map(Timestamp::as_millisecond),
            zones: zones.texts().collect(),
        }
    }

    fn opens(self) -> Result<Opens, TableError> {
        let conditions = Conditions {
            not_before: time_if(self.not_before, WHAT)?,
            until: time_if(self.until, WHAT)?,
            zones: Zones::parse(&self.zones).map_err(unreadable(WHAT))?,
        };
        let role = Role::of(&self.role).ok_or(TableError::Unreadable { what: WHAT })?;
        let subject = if self.world { Subject::World } else { Subject::Accounts };
        Ok(Opens::Grant(subject, Terms { role, may_share: false, level: self.level, conditions }))
    }
}

impl Table {
    /// What was asked for to open a dataset, the latest first, what was answered and taken back too, as long as it is kept.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn openings_of(&self, dataset: DatasetId, page: &Page) -> Result<Listed<Request>, TableError> {
        self.requests_of(dataset, OPENINGS, page).await
    }

    /// What was asked for last to open a dataset: no other can wait.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn latest_opening(&self, dataset: DatasetId) -> Result<Option<Request>, TableError> {
        self.latest_request(dataset, OPENINGS).await
    }

    /// The openings that wait, of all datasets, the oldest first: candidates, each to be decided for who asks.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn openings_waiting(&self, page: &Page) -> Result<Listed<Request>, TableError> {
        self.waiting(OPENING_QUEUE.to_owned(), (OPENINGS, false), page).await
    }

    /// Asks to open a dataset, by who might do it if no second person were needed. Its owner is told, where that is another who may approve it. `void`
    /// is one that waits and does not stand: it is taken back in the same write. Whoever asked for that and got the right again since asks again.
    ///
    /// # Errors
    /// [`TableError::Exists`] where one of the dataset waits, [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was
    /// read.
    pub async fn ask_opening(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        (request, void): (&Request, Option<&OpeningFacts>),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let place = &grounds.facts.place;
        let is_own = |by: &UserId| *by == request.by && matches!(request.wish, Wish::Opening(_));
        permit.allows(Action::Grant, place.dataset.id).filter(is_own).ok_or(TableError::NotForThis)?;
        let may_approve = place.source.policy.openers == Openers::Owners;
        let told = may_approve.then_some((place.dataset.owner, Occasion::OpeningAsked(place.dataset.id)));
        let void = void.filter(|void| !void.stands(now)).map(|void| &void.request);
        self.insert_request("opening.ask", grounds, (request, void), (Vec::new(), told.into_iter().collect()), once, now).await
    }

    /// The opening of a dataset that a request with this result asked for; `None`: it did something else.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn opening_made(&self, dataset: DatasetId, told: &str) -> Result<Option<Request>, TableError> {
        let is_one = schema::id_of_rank(told, OPENINGS).is_some();
        if is_one { self.request_at(dataset, told.to_owned()).await.map(Some) } else { Ok(None) }
    }

    /// Does what an approval says, with the note of it, on the dataset as it was looked at; both people may act still, and who asked is told. `second`:
    /// what the right of who approves rests on; `None`: an administrator of the deployment. `there` is what the subject has by now, where it is a grant.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, the opening, or what either's right rests on changed since it was read.
    pub async fn approve_opening(
        &self,
        approved: &Approved,
        facts: &OpeningFacts,
        (second, there): (Option<Grounds<'_>>, Option<&Grant>),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let OpeningFacts { dataset, request, asker } = facts;
        let (before, by) = (&dataset.place.dataset, approved.by());
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        let mut after = Dataset { version: before.version.saturating_add(1), ..before.clone() };
        let mut own = head(dataset);
        let mut parts = Vec::new();
        match approved.then() {
            Then::Visible(to) => {
                after.visibility = *to;
                own = own.set("visibility", text(to.word()));
            }
            Then::Unrestricted => {
                after.restricted = false;
                own = own.set("restricted", AttributeValue::Bool(false)).set("needs", texts(needs_of(&after)));
                parts.extend(self.cuts(before, false).await?);
            }
            Then::Granted(grant) => parts.push(give_part(before.id, grant, there)?),
        }
        let accepted = request.ended(RequestState::Accepted, None);
        parts.extend([(Tag::Seen, Part::Change(own)), (Tag::Seen, Part::Change(answer(request, &accepted)))]);
        let asks = via(asker, &dataset.place, &dataset.reach, Right::Administer, Net::Anywhere, now);
        let mut checks = proof(before, &dataset.reach, asker.id, asks);
        checks.push((Tag::Seen, is_active(asker.id)));
        match second {
            Some(Grounds { facts, via }) => {
                checks.extend(proof(before, &facts.reach, by, via));
                checks.push((Tag::Seen, is_active(by)));
            }
            None => checks.push((Tag::Seen, Part::Check(schema::user(by), still_administers()))),
        }
        let audited = Audited::new(now, by, "opening.approve", &before.id)?.from(&said(request)).to(&said(&accepted));
        let write = Write::audited(audited.with([asker.id]))
            .parts(with_checks(parts, checks).ok_or(TableError::Stale)?)
            .parts(Once::part(once, by, &before.id.to_string(), now)?)
            .telling([(asker.id, Occasion::OpeningApproved(before.id))])?;
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Declines an opening, by who might approve it. Who asked is told.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn decline_opening(
        &self,
        permit: &Permit,
        facts: &OpeningFacts,
        reason: &str,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let by = answers(permit, facts).map_err(|_why| TableError::NotForThis)?;
        let before = &facts.request;
        let after = before.ended(RequestState::Declined, Some(reason));
        let audited = Audited::new(now, by, "opening.decline", &before.dataset)?.from(&said(before)).to(&said(&after));
        let write = Write::audited(audited.because(Some(reason)).with([before.by]))
            .change(Tag::Seen, answer(before, &after))
            .telling([(before.by, Occasion::OpeningDeclined(before.dataset))])?;
        match self.commit(write).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Takes an opening back, by who asked for it, whatever that person has there by now, or with a permit to grant on the dataset. One that does not
    /// wait any more stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn withdraw_opening(
        &self,
        (by, permit): (UserId, Option<&Permit>),
        before: &Request,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let may = by == before.by || permit.and_then(|permit| permit.allows(Action::Grant, before.dataset)) == Some(by);
        if !may || !matches!(before.wish, Wish::Opening(_)) {
            return Err(TableError::NotForThis);
        }
        if before.state != RequestState::Waiting {
            return Ok(before.clone());
        }
        self.end_request(before, RequestState::Withdrawn, Audited::new(now, by, "opening.withdraw", &before.dataset)?).await
    }
}
