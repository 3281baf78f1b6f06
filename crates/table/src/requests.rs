//! Requests: what waits on a dataset for somebody's answer. The latest of a kind is the only one that can wait: each was made on the dataset's
//! version, after a look at the one before (ADR 0038). In the index a request lies while it waits, under whoever answers it.

use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, OfferFacts, Permit},
    id::{DatasetId, RequestId, UserId},
    limits::REQUEST_SECS,
    notice::Occasion,
    request::{Request, RequestState, Wish},
    user::Standing,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{listed_after, owned_above, rank_of},
    error::TableError,
    grants::{Grounds, head, proof},
    item::{Item, Row, item, number, row, text, time, unreadable},
    once::Once,
    openings::OpensRow,
    read::{Cost, Stretch, Window},
    schema::{self, CURATIONS, GSI1_PK, GSI1_SK, Key, OPENINGS, TRANSFERS},
    users::standing_word,
    write::{Change, Condition, Outcome, Part, Tag, Write, once_each},
};

#[derive(Serialize, Deserialize)]
struct RequestRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    dataset: String,
    kind: String,
    by: String,
    /// Whom what is asked for comes from, and whom it is for, where the kind has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// What is to open the dataset, where the kind is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens: Option<OpensRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why it was answered so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    at: i64,
    /// Until when it waits.
    waits: i64,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    /// When the store may drop it: as long after its end as it waited.
    ttl: i64,
}

/// The words of the kinds.
const TRANSFER: &str = "transfer";
const CURATION: &str = "curation";
const OPENING: &str = "opening";

impl Row for RequestRow {
    const WHAT: &'static str = "a request";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl RequestRow {
    fn of(request: &Request) -> Self {
        let (kind, from, to) = words_of(&request.wish);
        Self {
            needs: Vec::new(),
            version: request.version,
            id: request.id.to_string(),
            dataset: request.dataset.to_string(),
            kind: kind.to_owned(),
            by: request.by.to_string(),
            from,
            to,
            opens: OpensRow::of(&request.wish),
            reason: request.reason.clone(),
            answer: request.answer.clone(),
            at: request.at.as_millisecond(),
            waits: request.until.as_millisecond(),
            state: state_word(request.state).to_owned(),
            gsi1pk: Some(queue_of(&request.wish)),
            gsi1sk: Some(key_of(request).sk),
            ttl: request.until.as_second().saturating_add(REQUEST_SECS),
        }
    }

    fn request(self) -> Result<Request, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        let person = |id: Option<String>| UserId::parse(&id.ok_or_else(unknown)?).map_err(unreadable(Self::WHAT));
        let wish = match self.kind.as_str() {
            TRANSFER => Wish::Transfer { from: person(self.from)?, to: person(self.to)? },
            CURATION => Wish::Curation,
            OPENING => Wish::Opening(self.opens.ok_or_else(unknown)?.opens()?),
            _ => return Err(unknown()),
        };
        Ok(Request {
            id: RequestId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            dataset: DatasetId::parse(&self.dataset).map_err(unreadable(Self::WHAT))?,
            wish,
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            reason: self.reason,
            answer: self.answer,
            at: time(self.at, Self::WHAT)?,
            until: time(self.waits, Self::WHAT)?,
            state: state_of(&self.state).ok_or_else(unknown)?,
            version: self.version,
        })
    }
}

/// Whom a write tells, and of what.
type Telling = (UserId, Occasion);

/// The word of a wish, and whom it comes from and is for, where it has them.
fn words_of(wish: &Wish) -> (&'static str, Option<String>, Option<String>) {
    match wish {
        Wish::Transfer { from, to } => (TRANSFER, Some(from.to_string()), Some(to.to_string())),
        Wish::Curation => (CURATION, None, None),
        Wish::Opening(_) => (OPENING, None, None),
    }
}

/// Where it is listed while it waits, in GSI1.
fn queue_of(wish: &Wish) -> String {
    match wish {
        Wish::Transfer { to, .. } => schema::user_partition(*to),
        Wish::Curation => schema::CURATION_QUEUE.to_owned(),
        Wish::Opening(_) => schema::OPENING_QUEUE.to_owned(),
    }
}

/// What the sort keys of its kind begin with.
const fn prefix_of(wish: &Wish) -> &'static str {
    match wish {
        Wish::Transfer { .. } => TRANSFERS,
        Wish::Curation => CURATIONS,
        Wish::Opening(_) => OPENINGS,
    }
}

fn key_of(request: &Request) -> Key {
    schema::request(prefix_of(&request.wish), request.dataset, request.at, request.id)
}

fn read(found: Item) -> Result<Request, TableError> {
    row::<RequestRow>(found)?.request()
}

impl Table {
    /// The offers of a dataset, the latest first, those that were answered and taken back too, as long as they are kept.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn offers_of(&self, dataset: DatasetId, page: &Page) -> Result<Listed<Request>, TableError> {
        self.requests_of(dataset, TRANSFERS, page).await
    }

    /// The requests of one kind, by what their sort keys begin with.
    pub(crate) async fn requests_of(&self, dataset: DatasetId, kind: &str, page: &Page) -> Result<Listed<Request>, TableError> {
        let pk = schema::dataset_partition(dataset);
        let after = match &page.position {
            None => None,
            Some(sk) => {
                schema::id_of_rank(sk, kind).ok_or(TableError::Position)?;
                Some(Key { pk: pk.clone(), sk: sk.clone() }.attributes())
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: false };
        let (rows, next) = self.page(&Stretch { pk, prefix: kind }, &window, &mut Cost::default()).await?;
        let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: next.and_then(|key| Key::of(&key)).map(|key| key.sk) })
    }

    /// The latest offer of a dataset: no other can wait.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn latest_offer(&self, dataset: DatasetId) -> Result<Option<Request>, TableError> {
        self.latest_request(dataset, TRANSFERS).await
    }

    pub(crate) async fn latest_request(&self, dataset: DatasetId, kind: &str) -> Result<Option<Request>, TableError> {
        let latest = self.requests_of(dataset, kind, &Page { position: None, items_max: 1 }).await?;
        Ok(latest.items.into_iter().next())
    }

    /// The offers that wait for somebody's answer, the latest first: candidates, each to be decided on its own facts.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn offers_to(&self, person: UserId, page: &Page) -> Result<Listed<Request>, TableError> {
        self.waiting(schema::user_partition(person), (TRANSFERS, true), page).await
    }

    /// The requests of one kind that a partition of the index lists.
    pub(crate) async fn waiting(&self, pk: String, (kind, newest_first): (&str, bool), page: &Page) -> Result<Listed<Request>, TableError> {
        let after = match &page.position {
            None => None,
            Some(position) => {
                let (dataset, rank) = position.split_once(' ').ok_or(TableError::Position)?;
                let dataset = DatasetId::parse(dataset).map_err(|_not_one| TableError::Position)?;
                schema::id_of_rank(rank, kind).ok_or(TableError::Position)?;
                Some(listed_after(&Key { pk: schema::dataset_partition(dataset), sk: rank.to_owned() }, &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: kind }, &window, cost).await?;
        let keys: Vec<_> = rows.iter().filter_map(Key::of).collect();
        let mut found = self.batch(keys.clone(), cost).await?;
        let items = keys.iter().filter_map(|key| found.remove(key)).map(read).collect::<Result<_, _>>()?;
        let position = |key: Item| {
            let pk = Key::of(&key)?.pk;
            Some(format!("{} {}", pk.strip_prefix(schema::DATASET_PREFIX)?, rank_of(&key)?))
        };
        Ok(Listed { items, next: next.and_then(position) })
    }

    /// Offers a dataset, by whoever owns it, or what lies above it.
    ///
    /// # Errors
    /// [`TableError::Exists`] where an offer of it waits, [`TableError::Stale`] where the dataset, or what the right rests on, changed since it
    /// was read, [`TableError::Missing`] for a person who is not there or is suspended.
    pub async fn offer(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        request: &Request,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let dataset = &facts.place.dataset;
        let by = permit.allows(Action::HandOver, dataset.id).filter(|by| *by == request.by).ok_or(TableError::NotForThis)?;
        let Wish::Transfer { to, .. } = request.wish else { return Err(TableError::NotForThis) };
        let above = owned_above(&facts.place, &facts.reach, by);
        let is_there = (Tag::Same, is_active(to));
        self.insert_request(
            "offer.make",
            Grounds { facts, via: above },
            (request, None),
            (vec![is_there], vec![(to, Occasion::Offered(dataset.id))]),
            once,
            now,
        )
        .await
    }

    /// Puts a request on a dataset where none of its kind waits, by whoever made it: on what the right to it rests on, and where `checks` hold. One that
    /// waits and is `void` is taken back with it.
    ///
    /// # Errors
    /// As [`Table::offer`].
    pub(crate) async fn insert_request(
        &self,
        verb: &'static str,
        Grounds { facts, via }: Grounds<'_>,
        (request, void): (&Request, Option<&Request>),
        (checks, told): (Vec<(Tag, Part)>, Vec<Telling>),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let (dataset, by) = (&facts.place.dataset, request.by);
        if request.dataset != dataset.id || !request.waits(now) || !request.wish.fits(dataset) {
            return Err(TableError::NotForThis);
        }
        let latest = self.latest_request(dataset.id, prefix_of(&request.wish)).await?;
        if let Some(made) = self.once_if(by, once, now).await? {
            return self.request_at(dataset.id, made).await;
        }
        let waiting = latest.as_ref().filter(|latest| latest.waits(now) && latest.wish.fits(dataset));
        if waiting.is_some() && waiting != void {
            let what = match request.wish {
                Wish::Transfer { .. } => "an offer that waits",
                Wish::Curation => "a request that waits",
                Wish::Opening(_) => "an opening that waits",
            };
            return Err(TableError::Exists { what });
        }
        // It comes after the one before it, whatever the clock says that made that.
        let after = latest.as_ref().and_then(|latest| latest.at.checked_add(SignedDuration::from_millis(1)).ok());
        let request = &Request { at: after.map_or(request.at, |after| after.max(request.at)), ..request.clone() };
        let mut audited = Audited::new(now, by, verb, &dataset.id)?.to(&said(request)).because(request.reason.as_deref());
        let mut taken_back = None;
        if let Some(void) = waiting {
            audited = audited.from(&said(void)).with([void.by]);
            taken_back = Some((Tag::Seen, Part::Change(answer(void, &void.ended(RequestState::Withdrawn, None)))));
        }
        let write = Write::audited(audited)
            .parts(taken_back)
            .put(Tag::New, item(&key_of(request), &RequestRow::of(request))?, Condition::absent())
            .change(Tag::Seen, head(facts))
            .parts(proof(dataset, &facts.reach, by, via))
            .parts(checks)
            .parts(Once::part(once, by, &key_of(request).sk, now)?)
            .telling(told)?;
        match self.commit(write).await? {
            Outcome::Done => Ok(request.clone()),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(made) => self.request_at(dataset.id, made).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "the person" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The request on a dataset that an idempotency item names.
    ///
    /// # Errors
    /// [`TableError::Missing`] where it is kept no more.
    pub async fn request_at(&self, dataset: DatasetId, sk: String) -> Result<Request, TableError> {
        let found = self.get(&Key { pk: schema::dataset_partition(dataset), sk }, &mut Cost::default()).await?;
        found.map(read).transpose()?.ok_or(TableError::Missing { what: "the request" })
    }

    /// Makes whom a dataset was offered to its owner. What was granted stays, and whoever owns it then names a successor of his own.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, the offer, or what either's right rests on changed since it was read.
    pub async fn accept_offer(
        &self,
        permit: &Permit,
        facts: &OfferFacts,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let OfferFacts { dataset, request, reach, .. } = facts;
        let before = &dataset.place.dataset;
        let by = permit.allows_answer_to(request.id).filter(|_| request.wish.fits(before)).ok_or(TableError::NotForThis)?;
        let after = Dataset { owner: by, successor: None, version: before.version.saturating_add(1), ..before.clone() };
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        let change =
            head(dataset).set("owner", text(by.to_string())).set(GSI1_PK, text(schema::user_partition(by))).set_if("successor", None);
        let lifted = Condition::absent().or(Condition::is("hold", text("withdrawn")));
        let checks = proof(before, reach, request.by, owned_above(&dataset.place, reach, request.by)).into_iter().chain([
            (Tag::Seen, is_active(request.by)),
            (Tag::Seen, is_active(by)),
            (Tag::Seen, Part::Check(schema::block(before.source, by), lifted)),
        ]);
        let answered = request.ended(RequestState::Accepted, None);
        let audited = Audited::new(now, by, "offer.accept", &before.id)?.from(&said(request)).to(&said(&answered));
        let write = Write::audited(audited)
            .change(Tag::Seen, change)
            .change(Tag::Seen, answer(request, &answered))
            .parts(once_each(checks).ok_or(TableError::Stale)?)
            .parts(Once::part(once, by, &before.id.to_string(), now)?)
            .telling([(request.by, Occasion::OfferAccepted(before.id))])?;
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Declines an offer, by whom it was made to.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn decline_offer(
        &self,
        permit: &Permit,
        before: &Request,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let by = permit.allows_answer_to(before.id).ok_or(TableError::NotForThis)?;
        self.end_request(before, RequestState::Declined, Audited::new(now, by, "offer.decline", &before.dataset)?.because(reason)).await
    }

    /// Takes an offer back, by whoever owns the dataset now. One that does not wait any more stays as it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn withdraw_offer(
        &self,
        permit: &Permit,
        before: &Request,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Request, TableError> {
        let by = permit.allows(Action::HandOver, before.dataset).ok_or(TableError::NotForThis)?;
        if before.state != RequestState::Waiting {
            return Ok(before.clone());
        }
        self.end_request(before, RequestState::Withdrawn, Audited::new(now, by, "offer.withdraw", &before.dataset)?.because(reason)).await
    }

    /// Ends one that waits and gives nobody anything, so that this never fails for bookkeeping.
    pub(crate) async fn end_request(&self, before: &Request, state: RequestState, audited: Audited) -> Result<Request, TableError> {
        let after = before.ended(state, None);
        let change = answer(before, &after);
        let audited = audited.from(&said(before)).to(&said(&after));
        match self.commit(Write::audited(audited.clone()).change(Tag::Seen, change.clone())).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => {
                let is_there = async {
                    let there = self.get(&key_of(before), &mut Cost::default()).await?.map(read).transpose()?;
                    Ok(there.as_ref() == Some(&after))
                };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(after) } else { Err(TableError::Stale) }
            }
        }
    }
}

/// That a person may act.
pub(crate) fn is_active(person: UserId) -> Part {
    Part::Check(schema::user(person), Condition::is("standing", text(standing_word(Standing::Active))))
}

/// A request that waits no more, and is in nobody's list.
pub(crate) fn answer(before: &Request, after: &Request) -> Change {
    let as_read = Condition::is("version", number(before.version));
    let waiting = Condition::is("state", text(state_word(RequestState::Waiting)));
    Change::new(key_of(before), as_read.and(waiting))
        .set("state", text(state_word(after.state)))
        .set("version", number(after.version))
        .set_if("answer", after.answer.clone().map(text))
        .set_if(GSI1_PK, None)
        .set_if(GSI1_SK, None)
}

/// What the audit says of a request.
pub(crate) fn said(request: &Request) -> serde_json::Value {
    let (kind, from, to) = words_of(&request.wish);
    let mut said = json!({
        "id": request.id.to_string(), "kind": kind, "by": request.by.to_string(),
        "waits_until": request.until.to_string(), "state": state_word(request.state),
    });
    if let (Some(from), Some(to), Some(fields)) = (from, to, said.as_object_mut()) {
        fields.extend([("from".to_owned(), from.into()), ("to".to_owned(), to.into())]);
    }
    if let (Some(opens), Some(fields)) = (OpensRow::of(&request.wish), said.as_object_mut()) {
        fields.insert("opens".to_owned(), json!(opens));
    }
    said
}

fn state_word(state: RequestState) -> &'static str {
    match state {
        RequestState::Waiting => "waiting",
        RequestState::Accepted => "accepted",
        RequestState::Declined => "declined",
        RequestState::Withdrawn => "withdrawn",
    }
}

fn state_of(word: &str) -> Option<RequestState> {
    use RequestState::{Accepted, Declined, Waiting, Withdrawn};
    [Waiting, Accepted, Declined, Withdrawn].into_iter().find(|state| state_word(*state) == word)
}
