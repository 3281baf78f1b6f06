//! The curators' mark on a dataset, and the requests for it (`requests.rs`). The dataset's own item says that it has the mark, for it is read wherever
//! the dataset is shown; the mark's own says whose it is and why, and lists it. No decision looks at either (ADR 0062).

use domain::{
    curation::Mark,
    dataset::Dataset,
    decision::{Action, DatasetFacts, Permit},
    id::{DatasetId, UserId},
    notice::Occasion,
    request::{Request, RequestState, Wish},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    error::TableError,
    grants::{Grounds, head},
    item::{Row, item, number, row, text, time, unreadable},
    once::Once,
    read::Cost,
    requests::{answer, said},
    schema::{self, CURATION_QUEUE, CURATIONS, GSI1_PK, GSI1_SK, MARK_RANK},
    users::still_curates,
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

/// Whether a mark is set.
const SET: &str = "set";
const LIFTED: &str = "lifted";

#[derive(Serialize, Deserialize)]
struct MarkRow {
    needs: Vec<String>,
    by: String,
    reason: String,
    at: i64,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
}

impl Row for MarkRow {
    const WHAT: &'static str = "a mark";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl MarkRow {
    fn of(mark: &Mark) -> Self {
        Self {
            needs: Vec::new(),
            by: mark.by.to_string(),
            reason: mark.reason.clone(),
            at: mark.at.as_millisecond(),
            state: SET.to_owned(),
            gsi1pk: Some(schema::marks_of(mark.dataset)),
            gsi1sk: Some(schema::mark_rank(mark.at, mark.dataset)),
        }
    }

    /// The mark, if it is set.
    fn mark(self, dataset: DatasetId) -> Result<Option<Mark>, TableError> {
        let by = UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?;
        let mark = Mark { dataset, by, reason: self.reason, at: time(self.at, Self::WHAT)? };
        Ok(Some(mark).filter(|_| self.state == SET))
    }
}

impl Table {
    /// The mark on a dataset, whether or not it counts.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn mark_on(&self, dataset: DatasetId) -> Result<Option<Mark>, TableError> {
        match self.get(&schema::mark(dataset), &mut Cost::default()).await? {
            Some(found) => row::<MarkRow>(found)?.mark(dataset),
            None => Ok(None),
        }
    }

    /// The datasets with a mark, those marked last first: candidates, each to be decided on its own facts.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn curated(&self, page: &Page) -> Result<Listed<DatasetId>, TableError> {
        let id_of = |rank: &str| schema::id_of_rank(rank, MARK_RANK).and_then(|id| DatasetId::parse(id).ok());
        let last = page.position.as_deref().map(|rank| id_of(rank).map(|id| (schema::mark(id), rank)).ok_or(TableError::Position));
        let (ranks, next) = self.ranks_in_all(schema::all_marks(), MARK_RANK, last.transpose()?.as_ref(), page.items_max()).await?;
        Ok(Listed { items: ranks.iter().filter_map(|rank| id_of(rank)).collect(), next })
    }

    /// The requests for the mark on a dataset, the latest first, those that are over too, as long as they are kept.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn curation_requests(&self, dataset: DatasetId, page: &Page) -> Result<Listed<Request>, TableError> {
        self.requests_of(dataset, CURATIONS, page).await
    }

    /// The latest request for the mark on a dataset: no other can wait.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn latest_curation_request(&self, dataset: DatasetId) -> Result<Option<Request>, TableError> {
        self.latest_request(dataset, CURATIONS).await
    }

    /// The requests that wait for a curator, the oldest first: candidates, each to be decided on its own facts.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn curation_queue(&self, page: &Page) -> Result<Listed<Request>, TableError> {
        self.waiting(CURATION_QUEUE.to_owned(), (CURATIONS, false), page).await
    }

    /// Asks for the mark, by whoever administers the dataset.
    ///
    /// # Errors
    /// [`TableError::Exists`] where a request waits, [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read.
    pub async fn ask_for_mark(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        request: &Request,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let is_own = |by: &UserId| *by == request.by && request.wish == Wish::Curation;
        permit.allows(Action::Grant, grounds.facts.place.dataset.id).filter(is_own).ok_or(TableError::NotForThis)?;
        self.insert_request("curation.ask", grounds, (request, None), (Vec::new(), Vec::new()), once, now).await
    }

    /// Sets the mark, and accepts the request for it that waits, if one does. A dataset that has it stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset or the request changed since it was read, or whoever asks is no curator any more.
    pub async fn set_mark(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        (mark, waiting): (&Mark, Option<&Request>),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let is_own = |by: &UserId| *by == mark.by && mark.dataset == before.id;
        let by = permit.allows(Action::Curate, before.id).filter(is_own).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.curated.is_some() {
            return self.unchanged(before, (by, once), now).await;
        }
        let after = Dataset { curated: Some(mark.at), version: before.version.saturating_add(1), ..before.clone() };
        let request = waiting.map(|waiting| waiting.id.to_string());
        let audited = Audited::new(now, by, "curation.mark", &before.id)?.to(&json!({ "curated": true, "request": request }));
        let unset = Condition::absent().or(Condition::is("state", text(LIFTED)));
        let accepted = waiting.map(|waiting| answer(waiting, &waiting.ended(RequestState::Accepted, Some(&mark.reason))));
        let write = Write::audited(audited.because(Some(&mark.reason)))
            .change(Tag::Seen, head(facts).set("curated", number(mark.at.as_millisecond())))
            .put(Tag::New, item(&schema::mark(before.id), &MarkRow::of(mark))?, unset)
            .check(schema::user(by), still_curates())
            .parts(accepted.map(|change| (Tag::Seen, Part::Change(change))))
            .parts(Once::part(once, by, &before.id.to_string(), now)?)
            .telling(waiting.map(|waiting| (waiting.by, Occasion::Curated(before.id))))?;
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Takes the mark off. A dataset that has none stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset changed since it was read, or whoever asks is no curator any more.
    pub async fn lift_mark(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        reason: &str,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::Curate, before.id).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.curated.is_none() {
            return self.unchanged(before, (by, once), now).await;
        }
        let after = Dataset { curated: None, version: before.version.saturating_add(1), ..before.clone() };
        let audited = Audited::new(now, by, "curation.unmark", &before.id)?.to(&json!({ "curated": false })).because(Some(reason));
        let lifted = Change::new(schema::mark(before.id), Condition::is("state", text(SET)));
        let write = Write::audited(audited)
            .change(Tag::Seen, head(facts).set_if("curated", None))
            .change(Tag::Seen, lifted.set("state", text(LIFTED)).set_if(GSI1_PK, None).set_if(GSI1_SK, None))
            .check(schema::user(by), still_curates())
            .parts(Once::part(once, by, &before.id.to_string(), now)?);
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Declines a request for the mark, by a curator. Whoever made it is told.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read, or whoever asks is no curator any more.
    pub async fn decline_curation(&self, permit: &Permit, before: &Request, reason: &str, now: Timestamp) -> Result<Request, TableError> {
        let by = permit.allows(Action::Curate, before.dataset).ok_or(TableError::NotForThis)?;
        let after = before.ended(RequestState::Declined, Some(reason));
        let audited = Audited::new(now, by, "curation.decline", &before.dataset)?.from(&said(before)).to(&said(&after));
        let write = Write::audited(audited.because(Some(reason)))
            .change(Tag::Seen, answer(before, &after))
            .check(schema::user(by), still_curates())
            .telling([(before.by, Occasion::CurationDeclined(before.dataset))])?;
        match self.commit(write).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Takes a request for the mark back, by whoever administers the dataset. One that does not wait any more stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn withdraw_curation(
        &self,
        permit: &Permit,
        before: &Request,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let by = permit.allows(Action::Grant, before.dataset).ok_or(TableError::NotForThis)?;
        if before.state != RequestState::Waiting {
            return Ok(before.clone());
        }
        let audited = Audited::new(now, by, "curation.withdraw", &before.dataset)?.because(reason);
        self.end_request(before, RequestState::Withdrawn, audited).await
    }
}
