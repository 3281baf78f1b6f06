//! A dataset that is registered above others comes to hold them: each names it among its ancestors from then on (ACCESS 10, ADR 0035).
//!
//! Its registration leaves a mark on it, in the same transaction, which goes when every dataset below names it. Whoever registers below it later
//! finds its claim, so of the claims that were there none comes before one that was looked at: the mark says up to which, and the same
//! registration goes on there, whatever ended the process in between. Until then what is granted on it reaches less than it will, never more.

use domain::{
    dataset::{Dataset, Kind},
    decision::Permit,
    id::DatasetId,
    limits::{ADOPTED_MAX, ANCESTORS_MAX, OPENED_COUNTED_MAX},
    path::ObjectPath,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    datasets::{DatasetRow, claimed_by},
    error::TableError,
    item::{Item, number, row, text, texts},
    read::{Cost, Stretch, Window},
    schema::{self, CLAIM_PREFIX, Key},
    write::{Change, Condition, Outcome, Tag, Write},
};

/// The mark on a dataset that not all below it name yet: the path of the last that was looked at, or `true`.
pub(crate) const ADOPTING: &str = "adopting";
/// Rounds of changes that meet others.
const ROUNDS: usize = 5;
/// Claims read at a time, and the most datasets that one transaction changes.
const CLAIMS: u16 = 40;
/// Where claims are only counted: as many at a time as the store gives.
const ALL_CLAIMS: u16 = 0;

/// Whether others may come to lie in a dataset: not in one object, and a source's root is there before all of them.
pub(crate) fn may_hold(dataset: &Dataset) -> bool {
    dataset.kind != Kind::File && !dataset.path.is_root()
}

impl Table {
    /// How many datasets lie in each other below a path, at most, and no further than to one more than may; 0: there is none.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn chain_below(&self, dataset: &Dataset) -> Result<usize, TableError> {
        if !may_hold(dataset) {
            return Ok(0);
        }
        let mut above: Vec<ObjectPath> = Vec::new();
        let mut longest = 0;
        let mut after = None;
        loop {
            let (below, next) = self.claims_below(dataset, after, ALL_CLAIMS).await?;
            // By path: what lies in a folder follows it at once.
            for (path, _) in below.into_iter().filter(|(_, claimant)| claimant.is_some()) {
                while above.pop_if(|above| !above.covers(&path)).is_some() {}
                above.push(path);
                longest = longest.max(above.len());
            }
            match next {
                Some(key) if longest <= ANCESTORS_MAX => after = Some(key),
                _ => return Ok(longest),
            }
        }
    }

    /// Lets every dataset below one name it among its ancestors, where its registration has not done so yet. Answers whether that is done;
    /// `false`: it goes on with the next call from there, after about [`ADOPTED_MAX`] datasets, or because others changed them at the same time.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without a permit to register the dataset, or in it.
    pub async fn adopt(&self, permit: &Permit, dataset: &Dataset, now: Timestamp) -> Result<bool, TableError> {
        let holds = |above: &Dataset| above.source == dataset.source && (above.id == dataset.id || above.path.covers(&dataset.path));
        let _may = permit.place_to_register().filter(|above| holds(&above.dataset)).ok_or(TableError::NotForThis)?;
        let key = schema::dataset(dataset.id);
        let there = if may_hold(dataset) { self.get(&key, &mut Cost::default()).await? } else { None };
        let Some(mark) = there.and_then(|mut item| item.remove(ADOPTING)) else { return Ok(true) };
        let mut after = mark.as_s().ok().and_then(|path| ObjectPath::from_decoded(path.as_str()).ok());
        let mut looked_at = 0_usize;
        let is_done = loop {
            let begin = after.as_ref().map(|path| schema::claim(dataset.source, path).attributes());
            let (below, next) = self.claims_below(dataset, begin, CLAIMS).await?;
            let ids: Vec<_> = below.iter().filter_map(|(_path, claimant)| *claimant).collect();
            if !self.adopt_some(permit, dataset, &ids, now).await? {
                break false;
            }
            looked_at = looked_at.saturating_add(below.len());
            after = below.into_iter().next_back().map(|(path, _)| path).or(after);
            if next.is_none() || looked_at >= ADOPTED_MAX {
                break next.is_none();
            }
        };
        let reached = after.filter(|_| !is_done).map(|path| text(path.as_str()));
        if is_done || reached.is_some() {
            // As it was read: whoever goes on at the same time, and further, or to the end, is not set back.
            let on = Change::new(key, Condition::is(ADOPTING, mark)).set_if(ADOPTING, reached);
            let _by_now = self.change_alone(&on).await?;
        }
        Ok(is_done)
    }

    /// Lets the nearest dataset above a new one name what was registered above it, where whoever did that has not come so far: nothing is
    /// registered in it before, however long that takes.
    pub(crate) async fn catch_up(&self, permit: &Permit, nearest: &Dataset, now: Timestamp) -> Result<(), TableError> {
        let cost = &mut Cost::default();
        let claims = self.batch(nearest.path.above().map(|path| schema::claim(nearest.source, &path)), cost).await?;
        let mut ids = claims.into_values().filter_map(|claim| claimed_by(claim).transpose()).collect::<Result<Vec<_>, _>>()?;
        ids.retain(|id| !nearest.ancestors.contains(id));
        for outer in self.places(&ids, cost).await? {
            // Others may change it all the time: whoever registers in it looks again.
            let _by_now = self.adopt_some(permit, &outer.dataset, &[nearest.id], now).await?;
        }
        Ok(())
    }

    /// Whether another dataset lies in one.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn holds_others(&self, dataset: &Dataset) -> Result<bool, TableError> {
        Ok(self.chain_below(dataset).await? > 0)
    }

    /// How many datasets lie in one and are reached by what is granted on it, those left out that are restricted; and whether there may be
    /// more than were counted.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn reached_below(&self, dataset: &Dataset) -> Result<(usize, bool), TableError> {
        if dataset.kind == Kind::File {
            return Ok((0, false));
        }
        let (mut count, mut looked_at, mut after) = (0_usize, 0_usize, None);
        loop {
            let (below, next) = self.claims_below(dataset, after, ALL_CLAIMS).await?;
            looked_at = looked_at.saturating_add(below.len());
            let is_reached = |(path, claimant): &&(ObjectPath, Option<DatasetId>)| claimant.is_some() && !dataset.is_cut(path);
            count = count.saturating_add(below.iter().filter(is_reached).count());
            if next.is_none() || looked_at >= OPENED_COUNTED_MAX {
                return Ok((count, next.is_some()));
            }
            after = next;
        }
    }

    /// Some of the claims inside a dataset, by path, those that are free too, and where to go on.
    async fn claims_below(
        &self,
        dataset: &Dataset,
        after: Option<Item>,
        items_max: u16,
    ) -> Result<(Vec<(ObjectPath, Option<DatasetId>)>, Option<Item>), TableError> {
        let key = schema::claim(dataset.source, &dataset.path);
        let stretch = Stretch { pk: key.pk, prefix: &key.sk };
        let window = Window { after, items_max, newest_first: false, by_index: false };
        let (claims, next) = self.page(&stretch, &window, &mut Cost::default()).await?;
        let mut below = Vec::new();
        for claim in claims {
            let path = Key::of(&claim).and_then(|key| key.sk.strip_prefix(CLAIM_PREFIX).map(str::to_owned));
            let path = path.and_then(|path| ObjectPath::from_decoded(path).ok()).ok_or(TableError::Unreadable { what: "a claim" })?;
            if path != dataset.path {
                below.push((path, claimed_by(claim)?));
            }
        }
        Ok((below, next))
    }

    /// Lets these datasets name one above them. Answers whether all do; `false`: others were changing them all the time.
    async fn adopt_some(&self, permit: &Permit, dataset: &Dataset, below: &[DatasetId], now: Timestamp) -> Result<bool, TableError> {
        for _round in 0..ROUNDS {
            let changes = self.adoptions(dataset, below).await?;
            if changes.is_empty() {
                return Ok(true);
            }
            let by = permit.by().ok_or(TableError::NotForThis)?;
            let named: Vec<_> = changes.iter().map(|(below, _)| below.to_string()).collect();
            let write = Write::audited(Audited::new(now, by, "dataset.adopt", &dataset.id)?.to(&json!({ "datasets": named })));
            let write = changes.into_iter().fold(write, |write, (_, change)| write.change(Tag::Seen, change));
            match self.commit(write).await? {
                Outcome::Done => return Ok(true),
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Ok(false)
    }

    /// What makes each of these datasets name all that it lies in by now, where it does not name `dataset`. What it lies in, the claims say,
    /// read anew each time: so two that adopt at once leave out neither.
    async fn adoptions(&self, dataset: &Dataset, below: &[DatasetId]) -> Result<Vec<(DatasetId, Change)>, TableError> {
        let cost = &mut Cost::default();
        let found = self.batch(below.iter().map(|id| schema::dataset(*id)), cost).await?;
        let mut lacking = Vec::new();
        for item in found.into_values() {
            match row::<DatasetRow>(item).and_then(DatasetRow::dataset) {
                Ok(below) if below.ancestors.contains(&dataset.id) => {}
                Ok(below) => lacking.push(below),
                Err(why) => tracing::warn!(error = %why, "a dataset stays without the one that was registered above it"),
            }
        }
        let above = |below: &Dataset| below.path.above().map(|path| schema::claim(dataset.source, &path)).collect::<Vec<_>>();
        let claims = self.batch(lacking.iter().flat_map(above), cost).await?;
        let mut changes = Vec::new();
        for below in lacking {
            let ancestors: Vec<_> = above(&below)
                .iter()
                .filter_map(|key| claims.get(key).cloned())
                .filter_map(|claim| claimed_by(claim).transpose())
                .collect::<Result<_, _>>()?;
            if ancestors.len() > ANCESTORS_MAX {
                tracing::warn!(dataset.id = %below.id, "a dataset lies in too many others, and stays without the one that was registered above it");
                continue;
            }
            let change = Change::new(schema::dataset(below.id), Condition::is("version", number(below.version)))
                .set("ancestors", texts(ancestors.iter().map(DatasetId::to_string)))
                .count("version");
            changes.push((below.id, change));
        }
        Ok(changes)
    }
}
