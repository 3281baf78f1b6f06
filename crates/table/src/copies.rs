//! Copies of datasets: asked for in one transaction with the dataset that each becomes, gone on with by whoever takes it, ended in one.
//!
//! While a copy is under way its dataset has its claim and counts for nothing, the copy stands in GSI2 under the instant at which it is due, and
//! takes one of the places that a person and a dataset have for copies. Whoever takes it puts that instant off, so that nobody else does, and says
//! how far it is on the condition that nobody took it since. Not here: how it is gone on with (`functions/copies`), objects (`objects/copy.rs`).

use std::fmt::Display;

use domain::{
    copy::{CopyFailure, CopyState, CopyStop, DatasetCopy},
    dataset::Dataset,
    decision::{DatasetFacts, Permit, Via},
    id::{CopyId, DatasetId, SourceId, UserId},
    key::KeyHash,
    limits::{COPIES_AT_ONCE_MAX, COPIES_OF_DATASET_MAX, COPIES_OF_PERSON_MAX, COPY_KEPT_SECS, COPY_LEASE_SECS},
    notice::Occasion,
    path::ObjectPath,
    source::State,
    timing::later,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{self, listed_after, rank_of},
    error::TableError,
    grants::proof,
    item::{Row, item, number, row, text, time, time_if, unreadable},
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, COPY_RANK, GSI2_PK, GSI2_SK, Key, TTL},
    sources::state_word,
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

/// How many partitions the copies under way are spread over.
pub const SHARDS: u8 = schema::COPY_SHARDS;

/// Rounds of an asking that meets others.
const ROUNDS: usize = 3;

#[derive(Serialize, Deserialize)]
struct CopyRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    by: String,
    original: String,
    above: String,
    dataset: String,
    source: String,
    path: String,
    state: String,
    /// Whether all is copied, and both sides are being compared.
    #[serde(default)]
    compares: bool,
    /// The last key, of the original's, that is behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// The last key that an earlier try may have copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<String>,
    objects: u64,
    bytes: u64,
    compared: u64,
    /// The hash of what the originals were that are behind, as they were copied, and as they are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_again: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_seen: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    made: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<i64>,
    due: i64,
    /// How often it was taken since it got any further.
    tries: u32,
    /// Its places among the person's copies and the original's.
    places: [u8; 2],
    gsi1pk: String,
    gsi1sk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2sk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

impl Row for CopyRow {
    const WHAT: &'static str = "a copy";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl CopyRow {
    fn of(copy: &DatasetCopy, places: [u8; 2]) -> Self {
        let key = schema::copy(copy.id);
        Self {
            needs: Vec::new(),
            version: 1,
            id: copy.id.to_string(),
            by: copy.by.to_string(),
            original: copy.original.to_string(),
            above: copy.above.to_string(),
            dataset: copy.dataset.to_string(),
            source: copy.source.to_string(),
            path: copy.path.as_str().to_owned(),
            state: copy.state.word().to_owned(),
            compares: false,
            cursor: None,
            begun: None,
            objects: 0,
            bytes: 0,
            compared: 0,
            seen: None,
            seen_again: None,
            begun_seen: None,
            why: None,
            key: None,
            made: copy.made.as_millisecond(),
            ended: None,
            due: copy.made.as_millisecond(),
            tries: 0,
            places,
            gsi1pk: schema::user_partition(copy.by),
            gsi1sk: schema::copy_rank(copy.made, copy.id),
            gsi2pk: Some(schema::copies(copy.id)),
            gsi2sk: Some(schema::notice_rank(copy.made, &key)),
            ttl: None,
        }
    }

    fn under_way(self) -> Result<UnderWay, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        let dataset = |id: &str| DatasetId::parse(id).map_err(unreadable(Self::WHAT));
        let failure = match self.why {
            None => None,
            Some(why) => Some(CopyFailure { why: CopyStop::of(&why).ok_or_else(unknown)?, key: self.key }),
        };
        let copy = DatasetCopy {
            id: CopyId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            original: dataset(&self.original)?,
            above: dataset(&self.above)?,
            dataset: dataset(&self.dataset)?,
            source: SourceId::parse(&self.source).map_err(unreadable(Self::WHAT))?,
            path: ObjectPath::from_decoded(self.path).map_err(unreadable(Self::WHAT))?,
            state: CopyState::of(&self.state).ok_or_else(unknown)?,
            objects: self.objects,
            bytes: self.bytes,
            compared: self.compared,
            failure,
            made: time(self.made, Self::WHAT)?,
            ended: time_if(self.ended, Self::WHAT)?,
        };
        let seen = |hash: Option<String>| hash.map(|hash| KeyHash::parse(&hash)).transpose().map_err(unreadable(Self::WHAT));
        Ok(UnderWay {
            seen: seen(self.seen)?,
            seen_again: seen(self.seen_again)?,
            begun_seen: seen(self.begun_seen)?,
            copy,
            compares: self.compares,
            cursor: self.cursor,
            begun: self.begun,
            tries: self.tries,
            due: time(self.due, Self::WHAT)?,
            places: self.places,
            version: self.version,
        })
    }
}

/// That a copy has one of the places which a person or a dataset has for copies; without one, that it had.
#[derive(Serialize, Deserialize)]
struct PlaceRow {
    copy: String,
}

impl Row for PlaceRow {
    const WHAT: &'static str = "a place of a copy";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// The attribute of a place that says whose it is.
const TAKEN_BY: &str = "copy";

/// A copy as it was read, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The copy.
    pub copy: DatasetCopy,
    /// Whether all is copied, and both sides are being compared.
    pub compares: bool,
    /// The last key of the original, inside it, that is behind; `None`: none is.
    pub cursor: Option<String>,
    /// The last key that an earlier try may have copied: up to there what lies where an object goes can be its copy.
    pub begun: Option<String>,
    /// The hash of the originals that were copied, as they were listed then; `None`: of none.
    pub seen: Option<KeyHash>,
    /// The same of those that were compared.
    pub seen_again: Option<KeyHash>,
    /// The hash of the originals that are behind and of those up to `begun`, as they were listed when that was written.
    pub begun_seen: Option<KeyHash>,
    /// How often it was taken since it got any further, this time too.
    pub tries: u32,
    due: Timestamp,
    places: [u8; 2],
    version: u64,
}

/// How far a copy got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The last key that is behind; `None`: comparing begins, from the first.
    pub cursor: Option<String>,
    /// Whether both sides are being compared.
    pub compares: bool,
    /// Objects copied by now.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects compared by now.
    pub compared: u64,
    /// The hash of the originals that were copied by now, as they were listed.
    pub seen: Option<KeyHash>,
    /// The same of those that were compared.
    pub seen_again: Option<KeyHash>,
}

/// What an asking for a copy came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The copy, new or that of the same request before.
    pub copy: DatasetCopy,
    /// Whether it was made before.
    pub existing: bool,
}

impl UnderWay {
    fn change(&self) -> Change {
        let unchanged = Condition::is("version", number(self.version)).and(Condition::is("state", text(self.copy.state.word())));
        Change::new(schema::copy(self.copy.id), unchanged).set("version", number(self.version.saturating_add(1)))
    }

    fn due_at(&self, due: Timestamp) -> Change {
        let key = schema::copy(self.copy.id);
        self.change().set("due", number(due.as_millisecond())).set(GSI2_SK, text(schema::notice_rank(due, &key)))
    }

    fn ended(&self, state: CopyState, failure: Option<&CopyFailure>, now: Timestamp) -> Change {
        self.change()
            .set("state", text(state.word()))
            .set_if("why", failure.map(|failure| text(failure.why.word())))
            .set_if("key", failure.and_then(|failure| failure.key.as_deref()).map(text))
            .set("ended", number(now.as_millisecond()))
            .set(TTL, number(now.as_second().saturating_add(COPY_KEPT_SECS)))
            .set_if(GSI2_PK, None)
            .set_if(GSI2_SK, None)
    }

    /// Its places become free.
    fn places_freed(&self) -> impl Iterator<Item = (Tag, Part)> {
        let id = self.copy.id;
        places_of(&self.copy, self.places).into_iter().map(move |key| {
            let freed = Change::new(key, Condition::is(TAKEN_BY, text(id.to_string()))).set_if(TAKEN_BY, None);
            (Tag::New, Part::Change(freed))
        })
    }
}

fn places_of(copy: &DatasetCopy, [of_person, of_dataset]: [u8; 2]) -> [Key; 2] {
    [schema::copy_place(&copy.by, of_person), schema::copy_place(&copy.original, of_dataset)]
}

/// The parts by which a copy takes its places.
fn places_taken(copy: &DatasetCopy, places: [u8; 2]) -> Result<Vec<(Tag, Part)>, TableError> {
    let taken = PlaceRow { copy: copy.id.to_string() };
    let puts = places_of(copy, places).into_iter().map(|key| Ok((Tag::New, Part::Put(item(&key, &taken)?, Condition::lacks(TAKEN_BY)))));
    puts.collect()
}

impl Table {
    /// Asks for a copy: by the same write the dataset that it becomes has its place, and counts for nothing until the copy is done.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset above changed, or another came in between; [`TableError::Exists`] for a place that is a dataset's;
    /// [`TableError::TooMany`] copies under way; [`TableError::PathTooLong`].
    pub async fn make_copy(
        &self,
        (from, to): (&Permit, &Permit),
        via: Option<Via>,
        (copy, dataset): (&DatasetCopy, &Dataset),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Made, TableError> {
        let grounds = to.facts_to_receive().ok_or(TableError::NotForThis)?;
        let by = to.by().filter(|by| *by == copy.by && from.by() == Some(*by)).ok_or(TableError::NotForThis)?;
        // The rules made it, of these permits.
        let made = domain::copy::arriving(from, to, &copy.path, copy.dataset, now).map_err(|_why| TableError::NotForThis)?;
        let original = from.scope().map(|scope| scope.dataset().id);
        if made != *dataset || original != Some(copy.original) || grounds.place.dataset.id != copy.above {
            return Err(TableError::NotForThis);
        }
        let result = copy.id.to_string();
        for _round in 0..ROUNDS {
            if let Some(id) = self.once_if(by, once, now).await? {
                let id = CopyId::parse(&id).map_err(unreadable("an idempotency item"))?;
                let there = self.copy(id).await?.ok_or(TableError::Missing { what: "the copy" })?;
                return Ok(Made { copy: there, existing: true });
            }
            let places = self.free_places(copy).await?;
            // Nothing of either place: whoever administers one of them may know nothing of the other.
            let audited = Audited::new(now, by, "copy.make", &copy.id)?.with([copy.original, copy.dataset]);
            let write = Write::audited(audited)
                .put(Tag::New, item(&schema::copy(copy.id), &CopyRow::of(copy, places))?, Condition::absent())
                .parts(places_taken(copy, places)?)
                .parts(datasets::new_below(&grounds.place, dataset)?)
                .parts(proof(&grounds.place.dataset, &grounds.reach, by, via))
                .parts(Once::part(once, by, &result, now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(Made { copy: copy.clone(), existing: false }),
                // The same request, at the same time.
                Outcome::Refused(failed) if failed.contains(&Tag::Once) => {}
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => {
                    return Err(TableError::Exists { what: "a dataset at this place" });
                }
                Outcome::Refused(failed) if failed.contains(&Tag::Seen) => {
                    Box::pin(self.catch_up(to, &grounds.place.dataset, now)).await?;
                    return Err(TableError::Stale);
                }
                // Another took the place of a copy, or it is the same request at the same time.
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// A free place among the person's copies and among the original's.
    async fn free_places(&self, copy: &DatasetCopy) -> Result<[u8; 2], TableError> {
        let of_person = self.free_place(&copy.by, COPIES_OF_PERSON_MAX, "copies of yours under way").await?;
        Ok([of_person, self.free_place(&copy.original, COPIES_OF_DATASET_MAX, "copies of the dataset under way").await?])
    }

    async fn free_place(&self, of: &(dyn Display + Sync), max: u8, what: &'static str) -> Result<u8, TableError> {
        let keys = (0..max).map(|place| schema::copy_place(of, place));
        let found = self.batch(keys, &mut Cost::default()).await?;
        let is_free = |place: &u8| found.get(&schema::copy_place(of, *place)).is_none_or(|item| !item.contains_key(TAKEN_BY));
        (0..max).find(is_free).ok_or(TableError::TooMany { what, max: usize::from(max) })
    }

    /// A copy; `None`: there is none, or it ended long ago.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn copy(&self, id: CopyId) -> Result<Option<DatasetCopy>, TableError> {
        Ok(self.copy_under_way(id).await?.map(|there| there.copy))
    }

    /// The same, with how far it is.
    ///
    /// # Errors
    /// As [`Table::copy`].
    pub async fn copy_under_way(&self, id: CopyId) -> Result<Option<UnderWay>, TableError> {
        let found = self.get(&schema::copy(id), &mut Cost::default()).await?;
        found.map(|item| row::<CopyRow>(item)?.under_way()).transpose()
    }

    /// The copies that somebody had made, the latest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn copies_of(&self, by: UserId, page: &Page) -> Result<Listed<DatasetCopy>, TableError> {
        let pk = schema::user_partition(by);
        let id_of = |rank: &str| schema::id_of_rank(rank, COPY_RANK).and_then(|id| CopyId::parse(id).ok());
        let after = match &page.position {
            None => None,
            Some(rank) => Some(listed_after(&schema::copy(id_of(rank).ok_or(TableError::Position)?), &pk, rank)),
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: COPY_RANK }, &window, cost).await?;
        let keys: Vec<_> = rows.iter().filter_map(rank_of).filter_map(id_of).map(schema::copy).collect();
        let mut found = self.batch(keys.clone(), cost).await?;
        let copies = keys.iter().filter_map(|key| found.remove(key)).map(|item| Ok(row::<CopyRow>(item)?.under_way()?.copy));
        Ok(Listed { items: copies.collect::<Result<Vec<_>, TableError>>()?, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }

    /// The copies of one of the [`SHARDS`] that are due at `now`, those that are due longest first, at most [`COPIES_AT_ONCE_MAX`]. One that cannot be
    /// read is left where it is.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn due_copies(&self, shard: u8, now: Timestamp) -> Result<Vec<UnderWay>, TableError> {
        let listed = self.due(&schema::copies_of_shard(shard), &schema::due_until(now), COPIES_AT_ONCE_MAX).await?;
        let keys: Vec<_> = listed.iter().filter_map(Key::of).collect();
        // The index only proposes.
        let mut found = self.batch(keys.iter().cloned(), &mut Cost::default()).await?;
        let mut due = Vec::new();
        for item in keys.iter().filter_map(|key| found.remove(key)) {
            match row::<CopyRow>(item).and_then(CopyRow::under_way) {
                Ok(there) => due.extend((there.copy.state.is_under_way() && there.due <= now).then_some(there)),
                Err(why) => tracing::error!(error = %why, "a copy waits that cannot be read"),
            }
        }
        Ok(due)
    }

    /// Takes a copy to go on with it: nobody else has it until [`COPY_LEASE_SECS`] have passed; `None`: somebody else took it, or it ended.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer: it may be taken all the same, and is due again when that time is over.
    pub async fn take_copy(&self, due: &UnderWay, now: Timestamp) -> Result<Option<UnderWay>, TableError> {
        let until = later(now, COPY_LEASE_SECS);
        let tries = due.tries.saturating_add(1);
        let change = due.due_at(until).set("state", text(CopyState::Running.word())).set("tries", number(tries));
        let copy = DatasetCopy { state: CopyState::Running, ..due.copy.clone() };
        let taken = UnderWay { copy, tries, due: until, version: due.version.saturating_add(1), ..due.clone() };
        Ok(self.change_together(vec![change]).await?.then_some(taken))
    }

    /// Has a copy that was taken for [`COPY_LEASE_SECS`] from now. Answers whether it still is; `false`: it ended, or was taken by another.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn keep_copy(&self, held: &mut UnderWay, now: Timestamp) -> Result<bool, TableError> {
        let until = later(now, COPY_LEASE_SECS);
        self.gone_on(held, held.due_at(until), |held| held.due = until).await
    }

    /// Says up to which key objects are copied next, and what the originals are: from here on what lies there can be of this copy.
    ///
    /// # Errors
    /// As [`Table::keep_copy`].
    pub async fn copy_begins(&self, held: &mut UnderWay, last: &str, seen: Option<KeyHash>, now: Timestamp) -> Result<bool, TableError> {
        if held.begun.as_deref().is_some_and(|begun| begun >= last) {
            return self.keep_copy(held, now).await;
        }
        let until = later(now, COPY_LEASE_SECS);
        let change = held.due_at(until).set("begun", text(last)).set_if("begun_seen", seen.map(|hash| text(hash.to_string())));
        self.gone_on(held, change, |held| (held.due, held.begun, held.begun_seen) = (until, Some(last.to_owned()), seen)).await
    }

    /// Says how far a copy got, which begins its tries anew.
    ///
    /// # Errors
    /// As [`Table::keep_copy`].
    pub async fn copy_goes_on(&self, held: &mut UnderWay, progress: Progress, now: Timestamp) -> Result<bool, TableError> {
        let until = later(now, COPY_LEASE_SECS);
        let change = held
            .due_at(until)
            .set_if("cursor", progress.cursor.as_deref().map(text))
            .set("compares", aws_sdk_dynamodb::types::AttributeValue::Bool(progress.compares))
            .set("objects", number(progress.objects))
            .set("bytes", number(progress.bytes))
            .set("compared", number(progress.compared))
            .set_if("seen", progress.seen.map(|hash| text(hash.to_string())))
            .set_if("seen_again", progress.seen_again.map(|hash| text(hash.to_string())))
            .set("tries", number(0));
        let apply = |held: &mut UnderWay| {
            (held.due, held.tries, held.cursor, held.compares) = (until, 0, progress.cursor, progress.compares);
            (held.copy.objects, held.copy.bytes, held.copy.compared) = (progress.objects, progress.bytes, progress.compared);
            (held.seen, held.seen_again) = (progress.seen, progress.seen_again);
        };
        self.gone_on(held, change, apply).await
    }

    /// Leaves a copy that was taken to whoever takes it next, from `until` on, after so many tries that got nowhere.
    ///
    /// # Errors
    /// As [`Table::keep_copy`].
    pub async fn leave_copy(&self, held: &mut UnderWay, until: Timestamp, tries: u32) -> Result<bool, TableError> {
        let change = held.due_at(until).set("tries", number(tries));
        self.gone_on(held, change, |held| (held.due, held.tries) = (until, tries)).await
    }

    async fn gone_on(&self, held: &mut UnderWay, change: Change, apply: impl FnOnce(&mut UnderWay)) -> Result<bool, TableError> {
        if !self.change_together(vec![change]).await? {
            return Ok(false);
        }
        held.version = held.version.saturating_add(1);
        apply(held);
        Ok(true)
    }

    /// Ends a copy that is whole: its dataset counts from now on. By a permit to take it in, as its place is now.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset above changed since it was read, or the copy ended or was taken by another.
    pub async fn copy_done(&self, permit: &Permit, via: Option<Via>, held: &UnderWay, now: Timestamp) -> Result<(), TableError> {
        let copy = &held.copy;
        let above: &DatasetFacts = permit.facts_to_receive().ok_or(TableError::NotForThis)?;
        let by = permit.by().filter(|by| *by == copy.by && above.place.dataset.id == copy.above).ok_or(TableError::NotForThis)?;
        let said = json!({ "objects": copy.objects, "bytes": copy.bytes });
        let audited = Audited::new(now, by, "copy.done", &copy.id)?.to(&said).with([copy.original, copy.dataset]).of_another(true);
        let write = Write::audited(audited)
            .change(Tag::Seen, held.ended(CopyState::Done, None, now).set("compared", number(copy.compared)))
            .change(Tag::Seen, arrives(copy, State::Active))
            .parts(datasets::as_seen(&above.place).map(|(_, part)| (Tag::Seen, part)))
            .parts(proof(&above.place.dataset, &above.reach, by, via))
            .parts(held.places_freed())
            .telling([(by, Occasion::Copied(copy.dataset))])?;
        ended(&self.commit(write).await?)
    }

    /// Ends a copy that cannot be made. Its dataset is retired and its place is free; what was copied stays where it lies.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the copy ended or was taken by another.
    pub async fn copy_failed(&self, held: &UnderWay, failure: &CopyFailure, now: Timestamp) -> Result<(), TableError> {
        let copy = &held.copy;
        let said = json!({ "why": failure.why.word(), "objects": copy.objects, "bytes": copy.bytes });
        let audited = Audited::new(now, copy.by, "copy.fail", &copy.id)?.to(&said).with([copy.original, copy.dataset]).of_another(true);
        let write = Write::audited(audited)
            .parts(given_up(held, CopyState::Failed, Some(failure), now))
            .telling([(copy.by, Occasion::CopyFailed(copy.original))])?;
        ended(&self.commit(write).await?)
    }

    /// Cancels a copy that is under way, by whoever had it made; whoever goes on with it finds out within seconds. One that has ended stays as it
    /// ended. As for one that failed, what was copied stays where it lies.
    ///
    /// # Errors
    /// [`TableError::Throttled`] where it goes on too fast.
    pub async fn cancel_copy(&self, permit: &Permit, id: CopyId, once: Option<&Once>, now: Timestamp) -> Result<DatasetCopy, TableError> {
        let by = permit.allows_end_of(id).ok_or(TableError::NotForThis)?;
        for _round in 0..ROUNDS {
            let there = self.copy_under_way(id).await?.ok_or(TableError::Missing { what: "the copy" })?;
            if !there.copy.state.is_under_way() {
                self.remember(once, by, &id.to_string(), now).await?;
                return Ok(there.copy);
            }
            let copy = &there.copy;
            let said = json!({ "objects": copy.objects, "bytes": copy.bytes });
            let audited = Audited::new(now, by, "copy.cancel", &id)?.to(&said).with([copy.original, copy.dataset]);
            let write = Write::audited(audited).parts(given_up(&there, CopyState::Cancelled, None, now)).parts(Once::part(
                once,
                by,
                &id.to_string(),
                now,
            )?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(DatasetCopy { state: CopyState::Cancelled, ended: Some(now), ..there.copy }),
                // It went on, or ended, meanwhile.
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }
}

/// The parts by which a copy is none, and its place free.
fn given_up(held: &UnderWay, state: CopyState, failure: Option<&CopyFailure>, now: Timestamp) -> Vec<(Tag, Part)> {
    let copy = &held.copy;
    let own =
        [held.ended(state, failure, now), arrives(copy, State::Retired), datasets::claim_freed(copy.source, &copy.path, copy.dataset)];
    own.into_iter().map(|change| (Tag::Seen, Part::Change(change))).chain(held.places_freed()).collect()
}

/// The dataset of a copy is no more one that is being made.
fn arrives(copy: &DatasetCopy, state: State) -> Change {
    let arriving = Condition::is("state", text(state_word(State::Arriving)));
    Change::new(schema::dataset(copy.dataset), arriving).set("state", text(state_word(state))).count("version")
}

fn ended(outcome: &Outcome) -> Result<(), TableError> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Refused(_) => Err(TableError::Stale),
        Outcome::Busy => Err(TableError::Throttled),
    }
}
