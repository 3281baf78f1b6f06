//! Link sets: made, filled, emptied, listed. A dataset's own item says which set it is in, so its version holds whoever gives something on it to that.
//!
//! Not here: what is given and taken by a set (`together.rs`).

use domain::{
    decision::{Action, Permit},
    id::{DatasetId, LinkSetId, UserId},
    link_set::LinkSet,
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
    grants::{Grounds, head, proof},
    item::{Row, item, number, row, text, texts, time, unreadable},
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, LINK_SET_RANK},
    sources::{state_of, state_word},
    write::{ACTIONS_MAX, Change, Condition, Outcome, Part, Tag, Write, once_each, with_checks},
};

/// The attribute of a dataset that says which set it is in.
pub(crate) const LINK_SET: &str = "link_set";

#[derive(Serialize, Deserialize)]
struct LinkSetRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    datasets: Vec<String>,
    by: String,
    made: i64,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
}

impl Row for LinkSetRow {
    const WHAT: &'static str = "a link set";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl LinkSetRow {
    fn of(set: &LinkSet) -> Self {
        Self {
            needs: Vec::new(),
            version: set.version,
            id: set.id.to_string(),
            label: set.label.clone(),
            datasets: set.datasets.iter().map(DatasetId::to_string).collect(),
            by: set.by.to_string(),
            made: set.made.as_millisecond(),
            state: state_word(set.state).to_owned(),
            gsi1pk: Some(schema::user_partition(set.by)),
            gsi1sk: Some(schema::link_set_rank(set.made, set.id)),
        }
    }

    fn link_set(self) -> Result<LinkSet, TableError> {
        Ok(LinkSet {
            id: LinkSetId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            label: self.label,
            datasets: self.datasets.iter().map(|id| DatasetId::parse(id)).collect::<Result<_, _>>().map_err(unreadable(Self::WHAT))?,
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            made: time(self.made, Self::WHAT)?,
            state: state_of(&self.state).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            version: self.version,
        })
    }
}

/// One dataset of several that a write is about: who may do it there, and by what.
#[derive(Debug, Clone, Copy)]
pub struct Holding<'a> {
    /// The permit to grant there, which is to administer it.
    pub permit: &'a Permit,
    /// The dataset as it was read, and by what the writer has the right.
    pub grounds: Grounds<'a>,
}

impl Holding<'_> {
    pub(crate) fn dataset(&self) -> DatasetId {
        self.grounds.facts.place.dataset.id
    }

    /// Who may, if the permit is for this dataset.
    pub(crate) fn by(&self) -> Option<UserId> {
        self.permit.allows(Action::Grant, self.dataset())
    }

    /// What the right rests on.
    pub(crate) fn proof(&self, by: UserId) -> Vec<(Tag, Part)> {
        let Grounds { facts, via } = self.grounds;
        proof(&facts.place.dataset, &facts.reach, by, via)
    }
}

impl Table {
    /// A link set.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn link_set(&self, id: LinkSetId) -> Result<Option<LinkSet>, TableError> {
        let found = self.get(&schema::link_set(id), &mut Cost::default()).await?;
        found.map(|item| row::<LinkSetRow>(item)?.link_set()).transpose()
    }

    /// The link sets that somebody made and that are not over, the latest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn link_sets_of(&self, maker: UserId, page: &Page) -> Result<Listed<LinkSet>, TableError> {
        let pk = schema::user_partition(maker);
        let id_of = |rank: &str| schema::id_of_rank(rank, LINK_SET_RANK).and_then(|id| LinkSetId::parse(id).ok());
        let after = match &page.position {
            None => None,
            Some(rank) => Some(listed_after(&schema::link_set(id_of(rank).ok_or(TableError::Position)?), &pk, rank)),
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: LINK_SET_RANK }, &window, cost).await?;
        let keys: Vec<_> = rows.iter().filter_map(rank_of).filter_map(id_of).map(schema::link_set).collect();
        let mut found = self.batch(keys.clone(), cost).await?;
        let sets = keys.iter().filter_map(|key| found.remove(key)).map(|item| row::<LinkSetRow>(item)?.link_set());
        let mut items = sets.collect::<Result<Vec<_>, _>>()?;
        // The index may be behind.
        items.retain(|set| set.state == State::Active);
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }

    /// Makes a link set of datasets that are in none, by who administers each.
    ///
    /// # Errors
    /// [`TableError::Stale`] where one of them, or what the right to it rests on, changed since it was read; [`TableError::TooMany`] where all that
    /// would have to be checked does not go into one transaction.
    pub async fn insert_link_set(
        &self,
        datasets: &[Holding<'_>],
        set: &LinkSet,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<LinkSet, TableError> {
        let by = all_by(datasets).filter(|by| *by == set.by && set.version == 1).ok_or(TableError::NotForThis)?;
        if !is_of(datasets, &set.datasets) {
            return Err(TableError::NotForThis);
        }
        let put = (Tag::New, Part::Put(item(&schema::link_set(set.id), &LinkSetRow::of(set))?, Condition::absent()));
        let parts = std::iter::once(put).chain(datasets.iter().map(|dataset| joins(dataset, set.id)));
        let audited = Audited::new(now, by, "link-set.create", &set.id)?.to(&said(set)).with(&set.datasets);
        self.write_link_set(set, (by, audited), (parts.collect(), datasets), once, now).await
    }

    /// Puts datasets that are in no set into one, by who administers each of them and each that is in it: whoever gives something on those needs the
    /// right on these, too, from then on.
    ///
    /// # Errors
    /// As [`Table::insert_link_set`].
    pub async fn add_to_link_set(
        &self,
        (new, there): (&[Holding<'_>], &[Holding<'_>]),
        (before, after): (&LinkSet, &LinkSet),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<LinkSet, TableError> {
        let all = [new, there].concat();
        let by = all_by(&all).ok_or(TableError::NotForThis)?;
        if !is_of(&all, &after.datasets) || !is_of(there, &before.datasets) {
            return Err(TableError::NotForThis);
        }
        let checks = there.iter().map(|dataset| {
            let Holding { grounds, .. } = dataset;
            let seen = Condition::is("version", number(grounds.facts.place.dataset.version));
            (Tag::Seen, Part::Check(schema::dataset(dataset.dataset()), seen))
        });
        let parts = std::iter::once(changed(before, after)).chain(new.iter().map(|dataset| joins(dataset, after.id))).chain(checks);
        let added = new.iter().map(Holding::dataset);
        let audited = Audited::new(now, by, "link-set.add", &after.id)?.from(&said(before)).to(&said(after)).with(added);
        self.write_link_set(after, (by, audited), (parts.collect(), &all), once, now).await
    }

    /// Takes datasets out of a set, by who administers each of them. What was given by the set stays. The last one ends it.
    ///
    /// # Errors
    /// As [`Table::insert_link_set`].
    pub async fn take_from_link_set(
        &self,
        some: &[Holding<'_>],
        (before, after): (&LinkSet, &LinkSet),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<LinkSet, TableError> {
        let by = all_by(some).ok_or(TableError::NotForThis)?;
        let out: Vec<_> = some.iter().map(Holding::dataset).collect();
        if before.without(&out) != *after {
            return Err(TableError::NotForThis);
        }
        let leaves = some.iter().map(|dataset| {
            let change = head(dataset.grounds.facts).only_if(Condition::is(LINK_SET, text(before.id.to_string()))).set_if(LINK_SET, None);
            (Tag::Seen, Part::Change(change))
        });
        let parts = std::iter::once(changed(before, after)).chain(leaves);
        let verb = if after.state == State::Retired { "link-set.retire" } else { "link-set.remove" };
        let audited = Audited::new(now, by, verb, &after.id)?.from(&said(before)).to(&said(after)).with(&out);
        self.write_link_set(after, (by, audited), (parts.collect(), some), once, now).await
    }

    /// The write of either: `parts`, and what the rights on `datasets` rest on.
    async fn write_link_set(
        &self,
        after: &LinkSet,
        (by, audited): (UserId, Audited),
        (parts, datasets): (Vec<(Tag, Part)>, &[Holding<'_>]),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<LinkSet, TableError> {
        let parts = checked(parts, by, datasets)?;
        let write = Write::audited(audited).parts(parts).parts(Once::part(once, by, &after.id.to_string(), now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(after.clone()),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => self.link_set_made(&id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The set that an idempotency item names.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or it cannot be read.
    pub async fn link_set_made(&self, id: &str) -> Result<LinkSet, TableError> {
        let id = LinkSetId::parse(id).map_err(unreadable("an idempotency item"))?;
        self.link_set(id).await?.ok_or(TableError::Missing { what: "the link set" })
    }
}

/// A transaction's parts, with all that the rights of one person on several datasets rest on.
pub(crate) fn checked(parts: Vec<(Tag, Part)>, by: UserId, datasets: &[Holding<'_>]) -> Result<Vec<(Tag, Part)>, TableError> {
    let proofs = once_each(datasets.iter().flat_map(|dataset| dataset.proof(by))).ok_or(TableError::Stale)?;
    let parts = with_checks(parts, proofs).ok_or(TableError::Stale)?;
    // Beside these: that whom it is for is there, the key's entry and the audit's.
    let max = ACTIONS_MAX.saturating_sub(3);
    if parts.len() > max { Err(TableError::TooMuch { max }) } else { Ok(parts) }
}

/// The one person that all of these permits are for.
pub(crate) fn all_by(datasets: &[Holding<'_>]) -> Option<UserId> {
    let mut all = datasets.iter().map(Holding::by);
    let by = all.next()??;
    all.all(|other| other == Some(by)).then_some(by)
}

/// Whether these are just the datasets of these ids.
pub(crate) fn is_of(datasets: &[Holding<'_>], ids: &[DatasetId]) -> bool {
    datasets.len() == ids.len() && ids.iter().all(|id| datasets.iter().any(|dataset| dataset.dataset() == *id))
}

/// A dataset that is in no set, and is in this one.
fn joins(dataset: &Holding<'_>, set: LinkSetId) -> (Tag, Part) {
    let change = head(dataset.grounds.facts).only_if(Condition::lacks(LINK_SET)).set(LINK_SET, text(set.to_string()));
    (Tag::Seen, Part::Change(change))
}

/// A set as it was read, with other datasets.
fn changed(before: &LinkSet, after: &LinkSet) -> (Tag, Part) {
    let change = as_read(before)
        .set("datasets", texts(after.datasets.iter().map(DatasetId::to_string)))
        .set("state", text(state_word(after.state)))
        .set("version", number(after.version));
    // What is over is in nobody's list.
    let over = after.state == State::Retired;
    (Tag::Seen, Part::Change(if over { change.set_if("gsi1pk", None).set_if("gsi1sk", None) } else { change }))
}

/// A change of a set that is as it was read.
pub(crate) fn as_read(set: &LinkSet) -> Change {
    let seen = Condition::is("version", number(set.version)).and(Condition::is("state", text(state_word(State::Active))));
    Change::new(schema::link_set(set.id), seen)
}

/// What the audit says of a set.
fn said(set: &LinkSet) -> serde_json::Value {
    json!({ "label": set.label, "datasets": set.datasets.len(), "state": state_word(set.state), "version": set.version })
}
