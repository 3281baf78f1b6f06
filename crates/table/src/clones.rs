//! Reference clones: made, changed, retired, listed, and followed to the original. Who may read that is not looked at here.

use domain::{
    clone::ReferenceClone,
    decision::{Action, Permit},
    id::{CloneId, DatasetId, UserId},
    source::State,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{listed_after, rank_of},
    error::TableError,
    item::{Item, Row, item, number, row, text, time, unreadable},
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, CLONE_RANK, GSI1_PK, GSI1_SK},
    sources::{state_of, state_word},
    write::{Change, Condition, Outcome, Tag, Write},
};

#[derive(Serialize, Deserialize)]
struct CloneRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    clone_of: String,
    owner: String,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    state: String,
    made: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
}

impl Row for CloneRow {
    const WHAT: &'static str = "a clone";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl CloneRow {
    fn of(clone: &ReferenceClone) -> Self {
        Self {
            needs: Vec::new(),
            version: clone.version,
            id: clone.id.to_string(),
            clone_of: clone.of.to_string(),
            owner: clone.owner.to_string(),
            title: clone.title.clone(),
            notes: clone.notes.clone(),
            state: state_word(clone.state).to_owned(),
            made: clone.made.as_millisecond(),
            gsi1pk: Some(schema::user_partition(clone.owner)),
            gsi1sk: Some(schema::clone_rank(clone.made, clone.id)),
        }
    }

    fn clone_there(self) -> Result<ReferenceClone, TableError> {
        Ok(ReferenceClone {
            id: CloneId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            of: DatasetId::parse(&self.clone_of).map_err(unreadable(Self::WHAT))?,
            owner: UserId::parse(&self.owner).map_err(unreadable(Self::WHAT))?,
            title: self.title,
            notes: self.notes,
            state: state_of(&self.state).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            made: time(self.made, Self::WHAT)?,
            version: self.version,
        })
    }
}

fn read(found: Item) -> Result<ReferenceClone, TableError> {
    row::<CloneRow>(found)?.clone_there()
}

impl Table {
    /// A reference clone.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn reference_clone(&self, id: CloneId) -> Result<Option<ReferenceClone>, TableError> {
        self.clone_at(id, &mut Cost::default()).await
    }

    async fn clone_at(&self, id: CloneId, cost: &mut Cost) -> Result<Option<ReferenceClone>, TableError> {
        self.get(&schema::clone(id), cost).await?.map(read).transpose()
    }

    /// What a clone stands for; `None`: it is not there any more, or never was.
    pub(crate) async fn original_of(&self, id: CloneId, cost: &mut Cost) -> Result<Option<DatasetId>, TableError> {
        Ok(self.clone_at(id, cost).await?.filter(|clone| clone.state == State::Active).map(|clone| clone.of))
    }

    /// The clones of somebody's that are not retired, the latest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn clones_of(&self, owner: UserId, page: &Page) -> Result<Listed<ReferenceClone>, TableError> {
        let pk = schema::user_partition(owner);
        let id_of = |rank: &str| schema::id_of_rank(rank, CLONE_RANK).and_then(|id| CloneId::parse(id).ok());
        let after = match &page.position {
            None => None,
            Some(rank) => Some(listed_after(&schema::clone(id_of(rank).ok_or(TableError::Position)?), &pk, rank)),
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: CLONE_RANK }, &window, cost).await?;
        let keys: Vec<_> = rows.iter().filter_map(rank_of).filter_map(id_of).map(schema::clone).collect();
        let mut found = self.batch(keys.clone(), cost).await?;
        let mut items = keys.iter().filter_map(|key| found.remove(key)).map(read).collect::<Result<Vec<_>, _>>()?;
        // The index may be behind.
        items.retain(|clone| clone.state == State::Active);
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }

    /// Makes a clone, by whoever may clone the original. It gives nobody anything, so nothing of the original is checked again.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] with another's permit, [`TableError::Mismatch`] for another request under one key.
    pub async fn insert_clone(
        &self,
        permit: &Permit,
        clone: &ReferenceClone,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<ReferenceClone, TableError> {
        let is_own = |by: &UserId| *by == clone.owner && clone.version == 1;
        let by = permit.allows(Action::Clone, clone.of).filter(is_own).ok_or(TableError::NotForThis)?;
        let write =
            Write::audited(Audited::new(now, by, "clone.make", &clone.id)?.to(&json!({ "of": clone.of.to_string() })).with([clone.of]))
                .put(Tag::New, item(&schema::clone(clone.id), &CloneRow::of(clone))?, Condition::absent())
                .parts(Once::part(once, by, &clone.id.to_string(), now)?);
        let outcome = self.commit(write).await?;
        self.cloned(outcome, clone, by, once, now).await
    }

    /// Changes a clone's title or notes, or retires it, by whose it is.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it changed since it was read.
    pub async fn change_clone(
        &self,
        permit: &Permit,
        (before, after): (&ReferenceClone, &ReferenceClone),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<ReferenceClone, TableError> {
        let is_next =
            |_: &UserId| (before.id, before.of, before.owner) == (after.id, after.of, after.owner) && before.version < after.version;
        let by = permit.allows_change_of_clone(before.id).filter(is_next).ok_or(TableError::NotForThis)?;
        let over = after.state == State::Retired;
        let verb = if over { "clone.retire" } else { "clone.edit" };
        let seen = Condition::is("version", number(before.version)).and(Condition::is("state", text(state_word(State::Active))));
        let change = Change::new(schema::clone(before.id), seen)
            .set("title", text(&after.title))
            .set_if("notes", after.notes.clone().map(text))
            .set("state", text(state_word(after.state)))
            .set("version", number(after.version));
        // What is over is in nobody's list.
        let change = if over { change.set_if(GSI1_PK, None).set_if(GSI1_SK, None) } else { change };
        let write = Write::audited(Audited::new(now, by, verb, &before.id)?.from(&said(before)).to(&said(after)))
            .change(Tag::Seen, change)
            .parts(Once::part(once, by, &before.id.to_string(), now)?);
        let outcome = self.commit(write).await?;
        self.cloned(outcome, after, by, once, now).await
    }

    async fn cloned(
        &self,
        outcome: Outcome,
        after: &ReferenceClone,
        by: UserId,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<ReferenceClone, TableError> {
        match outcome {
            Outcome::Done => Ok(after.clone()),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => self.clone_made(&id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The clone that an idempotency item names.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or it cannot be read.
    pub async fn clone_made(&self, id: &str) -> Result<ReferenceClone, TableError> {
        let id = CloneId::parse(id).map_err(unreadable("an idempotency item"))?;
        self.reference_clone(id).await?.ok_or(TableError::Missing { what: "the clone" })
    }
}

/// What the audit says of a clone.
fn said(clone: &ReferenceClone) -> serde_json::Value {
    json!({ "title": clone.title, "state": state_word(clone.state) })
}
