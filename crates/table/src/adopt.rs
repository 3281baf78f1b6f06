//! A dataset that is registered above others comes to hold them: each names it among its ancestors from then on (ACCESS 10, ADR 0035).
//!
//! Its registration leaves a mark on it, in the same transaction, which goes when every dataset below names it. Whoever registers below it later
//! finds its claim; and whatever ends the process in between, the same registration goes on. Until then what is granted on it reaches less
//! than it will, never more.

use domain::{
    dataset::{Dataset, Kind},
    decision::Permit,
    id::DatasetId,
    limits::{ADOPTED_MAX, ANCESTORS_MAX},
    path::ObjectPath,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    datasets::{DatasetRow, claimed_by},
    error::TableError,
    item::{Item, number, row, texts},
    read::{Cost, Stretch, Window},
    schema::{self, CLAIM_PREFIX, Key},
    write::{Change, Condition, Outcome, Tag, Write},
};

/// The mark on a dataset that not all below it name yet.
pub(crate) const ADOPTING: &str = "adopting";
/// Rounds of changes that meet others.
const ROUNDS: usize = 5;
/// Claims read at a time, and the most datasets that one transaction changes.
const CLAIMS: u16 = 40;

/// Whether others may come to lie in a dataset: not in one object, and a source's root is there before all of them.
pub(crate) fn may_hold(dataset: &Dataset) -> bool {
    dataset.kind != Kind::File && !dataset.path.is_root()
}

impl Table {
    /// How many datasets lie in each other below a path, at most; 0: there is none.
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
            let (below, next) = self.claims_below(dataset, after).await?;
            // By path: what lies in a folder follows it at once.
            for (path, _dataset) in below {
                while above.pop_if(|above| !above.covers(&path)).is_some() {}
                above.push(path);
                longest = longest.max(above.len());
            }
            match next {
                Some(key) => after = Some(key),
                None => return Ok(longest),
            }
        }
    }

    /// Lets every dataset below one name it among its ancestors, where its registration has not done so yet. Answers whether that is done;
    /// `false`: it goes on with the next call, after [`ADOPTED_MAX`] datasets, or because others changed them at the same time.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without a permit to register the dataset, or in it.
    pub async fn adopt(&self, permit: &Permit, dataset: &Dataset, now: Timestamp) -> Result<bool, TableError> {
        let holds = |above: &Dataset| above.source == dataset.source && (above.id == dataset.id || above.path.covers(&dataset.path));
        let _may = permit.place_to_register().filter(|above| holds(&above.dataset)).ok_or(TableError::NotForThis)?;
        let key = schema::dataset(dataset.id);
        if !may_hold(dataset) || !self.get(&key, &mut Cost::default()).await?.is_some_and(|item| item.contains_key(ADOPTING)) {
            return Ok(true);
        }
        let mut adopted = 0_usize;
        let mut after = None;
        loop {
            let (below, next) = self.claims_below(dataset, after).await?;
            let below: Vec<_> = below.into_iter().map(|(_path, below)| below).collect();
            match self.adopt_some(permit, dataset, &below, now).await? {
                Some(some) => adopted = adopted.saturating_add(some),
                None => return Ok(false),
            }
            match next {
                Some(_) if adopted >= ADOPTED_MAX => return Ok(false),
                Some(key) => after = Some(key),
                None => break,
            }
        }
        let done = Change::new(key, Condition::present()).set_if(ADOPTING, None);
        let _gone_by_now = self.change_alone(&done).await?;
        Ok(true)
    }

    /// Some of the claims inside a dataset, by path, and where to go on.
    async fn claims_below(
        &self,
        dataset: &Dataset,
        after: Option<Item>,
    ) -> Result<(Vec<(ObjectPath, DatasetId)>, Option<Item>), TableError> {
        let key = schema::claim(dataset.source, &dataset.path);
        let stretch = Stretch { pk: key.pk, prefix: &key.sk };
        let window = Window { after, items_max: CLAIMS, newest_first: false, by_index: false };
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

    /// How many of these datasets came to name one above them; `None`: others were changing them all the time.
    async fn adopt_some(
        &self,
        permit: &Permit,
        dataset: &Dataset,
        below: &[DatasetId],
        now: Timestamp,
    ) -> Result<Option<usize>, TableError> {
        for _round in 0..ROUNDS {
            let changes = self.adoptions(dataset, below).await?;
            if changes.is_empty() {
                return Ok(Some(0));
            }
            let by = permit.by().ok_or(TableError::NotForThis)?;
            let named: Vec<_> = changes.iter().map(|(below, _)| below.to_string()).collect();
            let count = named.len();
            let write = Write::audited(Audited::new(now, by, "dataset.adopt", &dataset.id)?.to(&json!({ "datasets": named })));
            let write = changes.into_iter().fold(write, |write, (_, change)| write.change(Tag::Seen, change));
            match self.commit(write).await? {
                Outcome::Done => return Ok(Some(count)),
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Ok(None)
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
            let ancestors: Vec<_> =
                above(&below).iter().filter_map(|key| claims.get(key).cloned()).map(claimed_by).collect::<Result<_, _>>()?;
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
