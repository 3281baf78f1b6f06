//! Datasets and the claims by which a path belongs to one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Permit, Place, Through, Via},
    delegation::may_inherit,
    grant::Reach,
    id::{DatasetId, LinkSetId, ProjectId, SourceId, UserId},
    levels::{Arrays, Levels},
    limits::{CUTS_MAX, DATASET_DEPTH_MAX},
    notice::Occasion,
    path::ObjectPath,
    source::State,
    user::Standing,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    adopt::{ADOPTING, may_hold},
    audit::Audited,
    error::TableError,
    grants::{Grounds, head, proof},
    item::{Item, NEEDS_CUTS, NEEDS_STRICT, Row, item, needs, number, row, text, texts, time, time_if, unreadable},
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, CLAIM_PATH_BYTES_MAX, CLAIM_PREFIX, DATASET_RANK, GSI1_PK, GSI1_SK, Key},
    sources::{SourceRow, state_of, state_word},
    users::{standing_word, still_administers},
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

/// Rounds of a registration that meets others.
const ROUNDS: usize = 3;

#[derive(Serialize, Deserialize)]
pub(crate) struct DatasetRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    source: String,
    path: String,
    kind: String,
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    ancestors: Vec<String>,
    /// Rows written before there were grants have none of these four, and are as private as they were.
    #[serde(default = "private")]
    visibility: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    curated: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link_set: Option<String>,
    #[serde(default)]
    restricted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_until: Option<i64>,
    #[serde(default)]
    cuts: Vec<String>,
    /// `LEVEL FOLDER` each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    levels: Vec<String>,
    links_gen: u64,
    state: String,
    registered: i64,
    gsi1pk: String,
    gsi1sk: String,
}

fn private() -> String {
    Visibility::Private.word().to_owned()
}

impl Row for DatasetRow {
    const WHAT: &'static str = "a dataset";
    const KNOWN_NEEDS: &'static [&'static str] = &[NEEDS_CUTS, NEEDS_STRICT];

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl DatasetRow {
    fn of(dataset: &Dataset) -> Self {
        Self {
            needs: needs_of(dataset),
            version: dataset.version,
            id: dataset.id.to_string(),
            source: dataset.source.to_string(),
            path: dataset.path.as_str().to_owned(),
            kind: kind_word(dataset.kind).to_owned(),
            owner: dataset.owner.to_string(),
            successor: dataset.successor.map(|successor| successor.to_string()),
            ancestors: dataset.ancestors.iter().map(DatasetId::to_string).collect(),
            visibility: dataset.visibility.word().to_owned(),
            curated: dataset.curated.map(Timestamp::as_millisecond),
            project: dataset.project.map(|project| project.to_string()),
            link_set: dataset.link_set.map(|set| set.to_string()),
            restricted: dataset.restricted,
            strict: dataset.strict,
            given_until: dataset.given_until.map(Timestamp::as_millisecond),
            cuts: dataset.cuts.iter().map(|cut| cut.as_str().to_owned()).collect(),
            levels: level_texts(&dataset.levels),
            links_gen: dataset.links_gen,
            state: state_word(dataset.state).to_owned(),
            registered: dataset.registered.as_millisecond(),
            gsi1pk: schema::user_partition(dataset.owner),
            gsi1sk: schema::dataset_rank(dataset.registered, dataset.id),
        }
    }

    pub(crate) fn dataset(self) -> Result<Dataset, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        Ok(Dataset {
            id: DatasetId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            source: SourceId::parse(&self.source).map_err(unreadable(Self::WHAT))?,
            path: ObjectPath::from_decoded(self.path).map_err(unreadable(Self::WHAT))?,
            kind: kind_of(&self.kind).ok_or_else(unknown)?,
            owner: UserId::parse(&self.owner).map_err(unreadable(Self::WHAT))?,
            successor: self.successor.map(|id| UserId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?,
            ancestors: self.ancestors.iter().map(|id| DatasetId::parse(id)).collect::<Result<_, _>>().map_err(unreadable(Self::WHAT))?,
            visibility: Visibility::of(&self.visibility).ok_or_else(unknown)?,
            curated: time_if(self.curated, Self::WHAT)?,
            project: self.project.map(|id| ProjectId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?,
            link_set: self.link_set.map(|id| LinkSetId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?,
            restricted: self.restricted,
            strict: self.strict,
            given_until: time_if(self.given_until, Self::WHAT)?,
            cuts: self.cuts.into_iter().map(ObjectPath::from_decoded).collect::<Result<_, _>>().map_err(unreadable(Self::WHAT))?,
            levels: levels_of(&self.levels).unwrap_or_default(),
            links_gen: self.links_gen,
            state: state_of(&self.state).ok_or_else(unknown)?,
            registered: time(self.registered, Self::WHAT)?,
            version: self.version,
        })
    }
}

/// What a reader has to know of to judge a dataset.
pub(crate) fn needs_of(dataset: &Dataset) -> Vec<String> {
    needs([(NEEDS_CUTS, dataset.restricted || !dataset.cuts.is_empty()), (NEEDS_STRICT, dataset.strict)])
}

/// Levels as a row keeps them: `1 labels/a/1/` is one array, `1*3 1/` the arrays below three folders of any name.
fn level_texts(levels: &Levels) -> Vec<String> {
    let text = |(Arrays { any, folder }, level): (&Arrays, u8)| match any {
        0 => format!("{level} {folder}"),
        any => format!("{level}*{any} {folder}"),
    };
    levels.arrays().map(text).collect()
}

/// The levels in a row; `None`: they cannot be read, and so open nothing.
fn levels_of(texts: &[String]) -> Option<Levels> {
    let array = |text: &String| {
        let (of, folder) = text.split_once(' ')?;
        let (level, any) = of.split_once('*').unwrap_or((of, "0"));
        Some((Arrays { any: any.parse().ok()?, folder: ObjectPath::from_decoded(folder).ok()? }, level.parse().ok()?))
    };
    Levels::new(texts.iter().map(array).collect::<Option<_>>()?)
}

/// That a path is a dataset's; without one, that it was, and is free.
#[derive(Serialize, Deserialize)]
struct ClaimRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
}

/// The attribute of a claim that says whose it is.
const CLAIMANT: &str = "dataset";
/// On a dataset that can be retired: the id of what was registered in it last.
const LAST_BELOW: &str = "last_below";

/// That no dataset has a path.
fn free() -> Condition {
    Condition::lacks(CLAIMANT)
}

impl Row for ClaimRow {
    const WHAT: &'static str = "a claim";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// Whose a claim is; `None`: nobody's any more.
pub(crate) fn claimed_by(item: Item) -> Result<Option<DatasetId>, TableError> {
    let claimant = row::<ClaimRow>(item)?.dataset;
    claimant.map(|id| DatasetId::parse(&id)).transpose().map_err(unreadable(ClaimRow::WHAT))
}

/// What a registration came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredDataset {
    /// The dataset, new or the one that was there.
    pub dataset: Dataset,
    /// Whether it was there.
    pub existing: bool,
}

/// What an edit of a dataset did, for its repeat to say so: kept with the key, under which nothing else is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Somebody may read less by it.
    Narrowed,
    /// Nobody may read less by it.
    Widened,
    /// It found everything so.
    Nothing,
}

impl Did {
    const fn of(narrows: bool) -> Self {
        if narrows { Self::Narrowed } else { Self::Widened }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Narrowed => "narrowed",
            Self::Widened => "widened",
            Self::Nothing => "nothing",
        }
    }

    /// Reads what is kept with a key. Any other text is the more careful answer.
    #[must_use]
    pub fn read(result: &str) -> Self {
        [Self::Widened, Self::Nothing].into_iter().find(|did| did.word() == result).unwrap_or(Self::Narrowed)
    }
}

impl Table {
    /// A dataset and its source.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] for a dataset without a source, too.
    pub async fn place(&self, dataset: DatasetId) -> Result<Option<Place>, TableError> {
        let cost = &mut Cost::default();
        let Some(found) = self.get(&schema::dataset(dataset), cost).await? else { return Ok(None) };
        let dataset = row::<DatasetRow>(found)?.dataset()?;
        let source = self.source(dataset.source).await?.ok_or(TableError::Unreadable { what: SourceRow::WHAT })?;
        Ok(Some(Place { source, dataset }))
    }

    /// The dataset of just this path, or of this path as a folder.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn dataset_at(&self, source: SourceId, path: &ObjectPath) -> Result<Option<Place>, TableError> {
        self.claimed(source, &[path.clone(), path.to_folder()]).await
    }

    /// The innermost dataset strictly above a path. `None` for the root only, or where there is no such source.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn nearest_above(&self, source: SourceId, path: &ObjectPath) -> Result<Option<Place>, TableError> {
        // No dataset lies deeper than that, so no claim further in needs to be looked for.
        let mut above: Vec<_> = path.above().take(DATASET_DEPTH_MAX.saturating_add(1)).collect();
        above.reverse();
        self.claimed(source, &above).await
    }

    /// The datasets of just these paths, those of which some is one: two reads for 100 of them.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a claim cannot be read.
    pub async fn datasets_at(&self, source: SourceId, paths: &[ObjectPath]) -> Result<Vec<Place>, TableError> {
        let keys = paths.iter().filter(|path| path.as_str().len() <= CLAIM_PATH_BYTES_MAX).map(|path| schema::claim(source, path));
        let cost = &mut Cost::default();
        let claims = self.batch(keys, cost).await?;
        let ids = claims.into_values().filter_map(|claim| claimed_by(claim).transpose()).collect::<Result<Vec<_>, _>>()?;
        self.places(&ids, cost).await
    }

    /// The dataset of the first of these paths that is claimed.
    async fn claimed(&self, source: SourceId, paths: &[ObjectPath]) -> Result<Option<Place>, TableError> {
        let keys: Vec<_> =
            paths.iter().filter(|path| path.as_str().len() <= CLAIM_PATH_BYTES_MAX).map(|path| schema::claim(source, path)).collect();
        let cost = &mut Cost::default();
        let mut claims = self.batch(keys.clone(), cost).await?;
        let claimants = keys.iter().filter_map(|key| claims.remove(key)).filter_map(|claim| claimed_by(claim).transpose());
        let Some(dataset) = claimants.into_iter().next().transpose()? else { return Ok(None) };
        let found = self.batch([schema::dataset(dataset), schema::source(source)], cost).await?;
        place_of(&found, dataset, source).map(Some)
    }

    /// The datasets of a source, by path.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn datasets_of_source(&self, source: SourceId, page: &Page) -> Result<Listed<Place>, TableError> {
        let after = match &page.position {
            None => None,
            Some(path) => {
                let path = ObjectPath::from_decoded(path.as_str()).map_err(|_why| TableError::Position)?;
                Some(schema::claim(source, &path).attributes())
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: false, by_index: false };
        let cost = &mut Cost::default();
        let (claims, next) = self.page(&Stretch { pk: schema::claims(source), prefix: CLAIM_PREFIX }, &window, cost).await?;
        let next = next.and_then(|key| Key::of(&key)).and_then(|key| key.sk.strip_prefix(CLAIM_PREFIX).map(str::to_owned));
        let ids = claims.into_iter().filter_map(|claim| claimed_by(claim).transpose()).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed { items: self.places(&ids, cost).await?, next })
    }

    /// The datasets that somebody owns, newest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn datasets_of_owner(&self, owner: UserId, page: &Page) -> Result<Listed<Place>, TableError> {
        let pk = schema::user_partition(owner);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, DATASET_RANK).and_then(|id| DatasetId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&schema::dataset(id), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: DATASET_RANK }, &window, cost).await?;
        let ids = rows
            .iter()
            .filter_map(|item| rank_of(item))
            .filter_map(|rank| DatasetId::parse(schema::id_of_rank(rank, DATASET_RANK)?).ok())
            .collect::<Vec<_>>();
        let mut places = self.places(&ids, cost).await?;
        // The index may be behind: the table itself says whose a dataset is.
        places.retain(|place| place.dataset.owner == owner);
        Ok(Listed { items: places, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }

    /// Datasets with their sources, in the order of `ids`; those that are not there, or cannot be read, are left out and logged.
    pub(crate) async fn places(&self, ids: &[DatasetId], cost: &mut Cost) -> Result<Vec<Place>, TableError> {
        let mut found = self.batch(ids.iter().map(|id| schema::dataset(*id)), cost).await?;
        let mut datasets = Vec::new();
        for id in ids {
            let read = found.remove(&schema::dataset(*id)).map(|item| row::<DatasetRow>(item)?.dataset());
            match read {
                Some(Ok(dataset)) => datasets.push(dataset),
                Some(Err(why)) => tracing::warn!(dataset.id = %id, error = %why, "a listed dataset was left out"),
                None => {}
            }
        }
        let found = self.batch(datasets.iter().map(|dataset| schema::source(dataset.source)), cost).await?;
        let mut places = Vec::new();
        for dataset in datasets {
            let item = found.get(&schema::source(dataset.source)).cloned();
            let source = row::<SourceRow>(item.ok_or(TableError::Unreadable { what: SourceRow::WHAT })?)?.source()?;
            places.push(Place { source, dataset });
        }
        Ok(places)
    }

    /// Registers a dataset below the place that the permit names. A path that is a dataset already meets that dataset.
    /// Datasets further in that were registered earlier name it after [`Table::adopt`].
    ///
    /// # Errors
    /// [`TableError::Stale`] where another dataset came in between, or the one above changed; [`TableError::PathTooLong`].
    pub async fn register_dataset(
        &self,
        permit: &Permit,
        via: Option<Via>,
        dataset: &Dataset,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<RegisteredDataset, TableError> {
        let grounds = permit.facts_to_register().filter(|above| is_below(dataset, &above.place)).ok_or(TableError::NotForThis)?;
        let above = &grounds.place;
        let by = permit.by().ok_or(TableError::NotForThis)?;
        let result = dataset.id.to_string();
        for _round in 0..ROUNDS {
            if let Some(id) = self.once_if(by, once, now).await? {
                let id = DatasetId::parse(&id).map_err(unreadable("an idempotency item"))?;
                let place = self.place(id).await?.ok_or(TableError::Missing { what: "the dataset" })?;
                return Ok(RegisteredDataset { dataset: place.dataset, existing: true });
            }
            if let Some(there) = self.claimed(dataset.source, std::slice::from_ref(&dataset.path)).await? {
                self.remember(once, by, &there.dataset.id.to_string(), now).await?;
                return Ok(RegisteredDataset { dataset: there.dataset, existing: true });
            }
            let write = Write::audited(Audited::new(now, by, "dataset.register", &dataset.id)?.to(&facts(dataset)))
                .parts(new_below(above, dataset)?)
                .parts(proof(&above.dataset, &grounds.reach, by, via))
                .parts(Once::part(once, by, &result, now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(RegisteredDataset { dataset: dataset.clone(), existing: false }),
                Outcome::Refused(failed) if failed.contains(&Tag::Once) || failed.contains(&Tag::Same) => {}
                Outcome::Refused(failed) if failed.contains(&Tag::Seen) => {
                    self.catch_up(permit, &above.dataset, now).await?;
                    return Err(TableError::Stale);
                }
                Outcome::Refused(_) => return Err(TableError::Exists { what: "the dataset" }),
                Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }
}

impl Table {
    /// Changes whom a dataset is open to beside those it is granted to, by who administers it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read.
    pub async fn set_visibility(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        visibility: Visibility,
        (reason, once): (Option<&str>, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &grounds.facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).ok_or(TableError::NotForThis)?;
        self.show_to(grounds, (by, visibility, before.links_gen), (reason, once), now).await
    }

    /// The same, and revokes every link of the dataset in the same write, by who may do both.
    ///
    /// # Errors
    /// As [`Table::set_visibility`].
    pub async fn close(
        &self,
        (permit, ends): (&Permit, &Permit),
        grounds: Grounds<'_>,
        visibility: Visibility,
        (reason, once): (&str, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &grounds.facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).ok_or(TableError::NotForThis)?;
        if ends.allows(Action::RevokeAll, before.id) != Some(by) {
            return Err(TableError::NotForThis);
        }
        self.show_to(grounds, (by, visibility, before.links_gen.saturating_add(1)), (Some(reason), once), now).await
    }

    async fn show_to(
        &self,
        Grounds { facts, via }: Grounds<'_>,
        (by, visibility, links_gen): (UserId, Visibility, u64),
        (reason, once): (Option<&str>, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let after = Dataset { visibility, links_gen, version: before.version.saturating_add(1), ..before.clone() };
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        let ends = before.links_gen != links_gen;
        if before.visibility == visibility && !ends {
            return self.unchanged(before, (by, once), now).await;
        }
        let said = |dataset: &Dataset| {
            let visibility = dataset.visibility.word();
            if ends { json!({ "visibility": visibility, "links_gen": dataset.links_gen }) } else { json!({ "visibility": visibility }) }
        };
        let audited = Audited::new(now, by, "dataset.edit", &before.id)?.from(&said(before)).to(&said(&after)).because(reason);
        let change = head(facts).set("visibility", text(visibility.word())).set("links_gen", number(links_gen));
        self.change_one(Grounds { facts, via }, (change, audited), after, ends || visibility < before.visibility, (by, once), now).await
    }

    /// Makes a dataset strict, or no more, by who administers it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read.
    pub async fn set_strict(
        &self,
        permit: &Permit,
        Grounds { facts, via }: Grounds<'_>,
        strict: bool,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.strict == strict {
            return self.unchanged(before, (by, once), now).await;
        }
        let after = before.made_strict(strict, now);
        let said = |dataset: &Dataset| json!({ "strict": dataset.strict });
        let audited = Audited::new(now, by, "dataset.edit", &before.id)?.from(&said(before)).to(&said(&after));
        let change = head(facts)
            .set("strict", AttributeValue::Bool(strict))
            .set_if("given_until", after.given_until.map(|given| number(given.as_millisecond())))
            .set("needs", texts(needs_of(&after)));
        self.change_one(Grounds { facts, via }, (change, audited), after, strict, (by, once), now).await
    }

    /// A dataset as it is by now, for the bound of what was just done to something that rests on it: one that was strict may be so no more, and
    /// have been read and kept so before that was done. Nothing is read of one that was not, and one that cannot be read is as if it were not.
    pub async fn strict_still(&self, dataset: &Dataset) -> Dataset {
        let now_there = if dataset.strict { self.dataset_now(dataset.id).await.ok() } else { None };
        now_there.unwrap_or_else(|| Dataset { strict: false, ..dataset.clone() })
    }

    /// Keeps what was read of a dataset's levels, by who administers it. The same levels again are no change.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read.
    pub async fn set_levels(
        &self,
        permit: &Permit,
        Grounds { facts, via }: Grounds<'_>,
        levels: Levels,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).ok_or(TableError::NotForThis)?;
        if before.levels == levels {
            return Ok(before.clone());
        }
        let narrows = levels.narrow(&before.levels);
        let after = Dataset { levels, version: before.version.saturating_add(1), ..before.clone() };
        let said = |dataset: &Dataset| json!({ "levels": level_texts(&dataset.levels) });
        let audited = Audited::new(now, by, "dataset.levels", &before.id)?.from(&said(before)).to(&said(&after));
        let change = head(facts).set("levels", texts(level_texts(&after.levels)));
        self.change_one(Grounds { facts, via }, (change, audited), after, narrows, (by, once), now).await
    }

    /// A change of one dataset, on what the right to it rests on. Narrowing never fails for bookkeeping: the deciding change goes alone.
    async fn change_one(
        &self,
        Grounds { facts, via }: Grounds<'_>,
        (change, audited): (Change, Audited),
        after: Dataset,
        narrows: bool,
        (by, once): (UserId, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let write = Write::audited(audited.clone())
            .change(Tag::Seen, change.clone())
            .parts(proof(before, &facts.reach, by, via))
            .parts(Once::part(once, by, Did::of(narrows).word(), now)?);
        match self.commit(write).await? {
            Outcome::Busy if narrows => self.changed_alone(&change, after, audited).await,
            outcome => self.changed(outcome, after, by, once, now).await,
        }
    }

    /// An edit that found everything as it was asked for: the key is remembered all the same, for it stands for this request.
    pub(crate) async fn unchanged(
        &self,
        before: &Dataset,
        (by, once): (UserId, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        self.remember(once, by, Did::Nothing.word(), now).await?;
        Ok(before.clone())
    }

    /// A narrowing of one dataset by itself.
    pub(crate) async fn changed_alone(&self, change: &Change, after: Dataset, audited: Audited) -> Result<Dataset, TableError> {
        let is_there = async { Ok(self.dataset_now(after.id).await? == after) };
        if self.narrow_alone(change, audited, is_there).await? { Ok(after) } else { Err(TableError::Stale) }
    }

    pub(crate) async fn dataset_now(&self, dataset: DatasetId) -> Result<Dataset, TableError> {
        let found = self.get(&schema::dataset(dataset), &mut Cost::default()).await?.ok_or(TableError::Missing { what: "the dataset" })?;
        row::<DatasetRow>(found)?.dataset()
    }

    /// Keeps what is granted above a dataset from it, or lets it through again, by who administers it. Every dataset above remembers
    /// the cut, those that were registered later too, so that nothing there opens a path below it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset or one above changed since it was read, [`TableError::TooMany`] cuts above,
    /// [`TableError::NotForThis`] for a source's root dataset, which has nothing above.
    pub async fn set_restricted(
        &self,
        permit: &Permit,
        Grounds { facts, via }: Grounds<'_>,
        restricted: bool,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).filter(|_| !before.ancestors.is_empty()).ok_or(TableError::NotForThis)?;
        let after = Dataset { restricted, version: before.version.saturating_add(1), ..before.clone() };
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.restricted == restricted {
            return self.unchanged(before, (by, once), now).await;
        }
        let (above, unclaimed) = self.holders(before).await?;
        let seen = |dataset: &Dataset| facts.reach.above.iter().find(|seen| seen.dataset.id == dataset.id).map(|seen| seen.dataset.version);
        if above.iter().any(|dataset| via.is_some_and(|via| via.on == dataset.id) && seen(dataset) != Some(dataset.version)) {
            return Err(TableError::Stale);
        }
        let said = |dataset: &Dataset| json!({ "restricted": dataset.restricted });
        let audited = Audited::new(now, by, "dataset.edit", &before.id)?.from(&said(before)).to(&said(&after));
        let own = head(facts).set("restricted", AttributeValue::Bool(restricted)).set("needs", texts(needs_of(&after)));
        let mut write =
            Write::audited(audited.clone()).change(Tag::Seen, own.clone()).parts(Once::part(once, by, Did::of(restricted).word(), now)?);
        for dataset in &above {
            write = write.change(Tag::Seen, cut(dataset, before, restricted)?);
        }
        // The versions of the datasets above are checked by their change: of the proof only the rest is left.
        let is_changed = |part: &Part| above.iter().any(|dataset| part.checks(&schema::dataset(dataset.id)));
        let rest = proof(before, &facts.reach, by, via).into_iter().filter(|(_, part)| !is_changed(part));
        match self.commit(write.parts(rest).parts(unclaimed)).await? {
            // Narrowing never fails for bookkeeping.
            Outcome::Busy if restricted => {
                self.cut_alone(before).await?;
                self.changed_alone(&own, after, audited).await
            }
            outcome => self.changed(outcome, after, by, once, now).await,
        }
    }

    /// What a transaction changes of everything above a dataset that is restricted, or no more; and that no other comes to hold it.
    pub(crate) async fn cuts(&self, dataset: &Dataset, restricted: bool) -> Result<Vec<(Tag, Part)>, TableError> {
        let (above, unclaimed) = self.holders(dataset).await?;
        let cuts = above.iter().map(|above| Ok((Tag::Seen, Part::Change(cut(above, dataset, restricted)?))));
        Ok(cuts.collect::<Result<Vec<_>, TableError>>()?.into_iter().chain(unclaimed).collect())
    }

    /// The cut in everything above a dataset, each by itself, until a look at what holds the dataset finds nothing that lacks it: whatever
    /// is registered in between takes the cut from what it was registered below, or is found by the next look. A part of it alone
    /// opens nothing, and the same restriction again does the rest.
    async fn cut_alone(&self, dataset: &Dataset) -> Result<(), TableError> {
        for _round in 0..ROUNDS {
            let (above, _unclaimed) = self.holders(dataset).await?;
            let lacking: Vec<_> = above.iter().filter(|above| !above.is_cut(&dataset.path)).collect();
            if lacking.is_empty() {
                return Ok(());
            }
            for above in lacking {
                // Made or refused: the next look says.
                let _looked_at_again = self.change_alone(&cut(above, dataset, true)?).await?;
            }
        }
        Err(TableError::Throttled)
    }

    /// Every dataset that holds `dataset`, its ancestors first and those registered above it later; and that no other comes to do so.
    async fn holders(&self, dataset: &Dataset) -> Result<(Vec<Dataset>, Vec<(Tag, Part)>), TableError> {
        let cost = &mut Cost::default();
        let claims: Vec<_> = dataset.path.above().map(|path| schema::claim(dataset.source, &path)).collect();
        let mut claimed = self.batch(claims.clone(), cost).await?;
        let mut ids = dataset.ancestors.clone();
        let mut unclaimed = Vec::new();
        for key in claims {
            match claimed.remove(&key).map(claimed_by).transpose()?.flatten() {
                Some(id) if ids.contains(&id) => {}
                Some(id) => ids.push(id),
                None => unclaimed.push((Tag::Seen, Part::Check(key, free()))),
            }
        }
        let mut found = self.batch(ids.iter().map(|id| schema::dataset(*id)), cost).await?;
        let holders = ids.iter().map(|id| {
            let item = found.remove(&schema::dataset(*id)).ok_or(TableError::Unreadable { what: DatasetRow::WHAT })?;
            row::<DatasetRow>(item)?.dataset()
        });
        Ok((holders.collect::<Result<_, _>>()?, unclaimed))
    }

    /// Hands a dataset whose owner is suspended over to another, by the named successor or an administrator: nobody is left to offer it
    /// (`requests.rs`). What was granted stays, and whoever owns it then names a successor of his own.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read, [`TableError::Missing`] for a person
    /// who is not there or is suspended.
    pub async fn hand_over(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        owner: UserId,
        (reason, once): (Option<&str>, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows_succession(before.id).ok_or(TableError::NotForThis)?;
        may_inherit(permit, before, owner).map_err(|_why| TableError::NotForThis)?;
        let after = Dataset { owner, successor: None, version: before.version.saturating_add(1), ..before.clone() };
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.owner == owner {
            return Ok(before.clone());
        }
        let said = |dataset: &Dataset| json!({ "owner": dataset.owner.to_string() });
        let audited = Audited::new(now, by, "dataset.hand-over", &before.id)?.from(&said(before)).to(&said(&after)).because(reason);
        let change =
            head(facts).set("owner", text(owner.to_string())).set(GSI1_PK, text(schema::user_partition(owner))).set_if("successor", None);
        let write = Write::audited(audited)
            .change(Tag::Seen, change)
            .parts(succession(before, by, owner))
            .part(Tag::Same, Part::Check(schema::user(owner), Condition::is("standing", text("active"))))
            .parts(Once::part(once, by, &before.id.to_string(), now)?)
            .telling([(owner, Occasion::HandedOver(before.id))])?;
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Names whom a dataset is to belong to where its owner is suspended, or nobody, by its owner. It gives nothing before.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset changed since it was read, [`TableError::Missing`] for a person who is not there.
    pub async fn set_successor(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        successor: Option<UserId>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::HandOver, before.id).ok_or(TableError::NotForThis)?;
        let after = Dataset { successor, version: before.version.saturating_add(1), ..before.clone() };
        if before.successor == successor {
            return self.unchanged(before, (by, once), now).await;
        }
        let said = |dataset: &Dataset| json!({ "successor": dataset.successor.map(|successor| successor.to_string()) });
        let audited = Audited::new(now, by, "dataset.edit", &before.id)?.from(&said(before)).to(&said(&after));
        let change = head(facts).set_if("successor", successor.map(|successor| text(successor.to_string())));
        let write = Write::audited(audited)
            .change(Tag::Seen, change)
            .parts(proof(before, &facts.reach, by, owned_above(&facts.place, &facts.reach, by)))
            .parts(successor.map(|successor| (Tag::Same, Part::Check(schema::user(successor), Condition::present()))))
            .parts(Once::part(once, by, Did::Widened.word(), now)?);
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    /// Retires a dataset, by its owner, and frees its place. It gives nobody anything: see [`Dataset::retired`]. `told` is what a replay is told
    /// of it, too.
    ///
    /// # Errors
    /// [`TableError::HoldsOthers`] where others lie in it, [`TableError::Stale`] where it, or what the right rests on, changed since it was read.
    pub async fn retire_dataset(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        (reason, told, once): (Option<&str>, &str, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let by = permit.allows(Action::HandOver, before.id).ok_or(TableError::NotForThis)?;
        let after = before.retired(facts.reach.above.iter().map(|above| &above.dataset)).map_err(|_why| TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        // In this order: what is registered after the mark was read changes it, and what was registered before has its claim.
        let there =
            self.get(&schema::dataset(before.id), &mut Cost::default()).await?.ok_or(TableError::Missing { what: "the dataset" })?;
        let mark = there.get(LAST_BELOW).cloned().map_or_else(|| Condition::lacks(LAST_BELOW), |last| Condition::is(LAST_BELOW, last));
        if self.holds_others(before).await? {
            return Err(TableError::HoldsOthers);
        }
        let said = |dataset: &Dataset| json!({ "state": state_word(dataset.state) });
        let audited = Audited::new(now, by, "dataset.retire", &before.id)?.from(&said(before)).to(&said(&after)).because(reason);
        let write = Write::audited(audited)
            .change(Tag::Seen, head(facts).only_if(mark).set("state", text(state_word(State::Retired))))
            .change(Tag::New, claim_freed(before.source, &before.path, before.id))
            .parts(proof(before, &facts.reach, by, owned_above(&facts.place, &facts.reach, by)))
            .parts(Once::part(once, by, told, now)?);
        let outcome = self.commit(write).await?;
        self.changed(outcome, after, by, once, now).await
    }

    pub(crate) async fn changed(
        &self,
        outcome: Outcome,
        after: Dataset,
        by: UserId,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        match outcome {
            Outcome::Done => Ok(after),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(_) => self.dataset_now(after.id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "the person" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }
}

/// By which dataset above somebody owns one: who owns what lies above owns this, too, as long as that is so. `None`: by itself.
pub(crate) fn owned_above(place: &Place, reach: &Reach, by: UserId) -> Option<Via> {
    let above = reach.above.iter().find(|above| above.dataset.owner == by).filter(|_| place.dataset.owner != by);
    above.map(|above| Via { on: above.dataset.id, through: Through::Person })
}

/// That the owner is still suspended, and whoever acts in his place still may: an administrator, or the successor that the dataset's own
/// version vouches for. That the new owner may act is checked for itself.
fn succession(before: &Dataset, by: UserId, to: UserId) -> Vec<(Tag, Part)> {
    let stands = |standing| Condition::is("standing", text(standing_word(standing)));
    let mut parts = vec![(Tag::Seen, Part::Check(schema::user(before.owner), stands(Standing::Suspended)))];
    if by != to {
        let may = if before.successor == Some(by) { stands(Standing::Active) } else { still_administers() };
        parts.push((Tag::Seen, Part::Check(schema::user(by), may)));
    }
    parts
}

/// That a dataset above remembers, or no longer, the cut of one below.
fn cut(above: &Dataset, below: &Dataset, restricted: bool) -> Result<Change, TableError> {
    let after = Dataset { cuts: above.cuts_with(below, restricted), ..above.clone() };
    if after.cuts.len() > CUTS_MAX {
        return Err(TableError::TooMany { what: "restricted datasets in one", max: CUTS_MAX });
    }
    Ok(Change::new(schema::dataset(above.id), Condition::is("version", number(above.version)))
        .set("needs", texts(needs_of(&after)))
        .set("cuts", texts(after.cuts.into_iter().map(|cut| cut.as_str().to_owned())))
        .count("version"))
}

/// Whether `dataset` is just what the rules make below `above`: the registrar gains nothing (ACCESS R1).
fn is_below(dataset: &Dataset, above: &Place) -> bool {
    let above = &above.dataset;
    let made = Dataset::below(above, dataset.id, dataset.path.clone(), dataset.kind, dataset.registered);
    // What its metadata say of levels is no right, and neither is being strict.
    made.is_ok_and(|made| Dataset { levels: dataset.levels.clone(), strict: dataset.strict, ..made } == *dataset)
        && above.path.covers(&dataset.path)
        && above.path != dataset.path
}

/// A dataset and its claim. What may hold others has the mark until they name it.
pub(crate) fn new_dataset(dataset: &Dataset) -> Result<[(Tag, Part); 2], TableError> {
    let claim = ClaimRow { dataset: Some(dataset.id.to_string()) };
    let mut dataset_item = item(&schema::dataset(dataset.id), &DatasetRow::of(dataset))?;
    if may_hold(dataset) {
        dataset_item.insert(ADOPTING.to_owned(), AttributeValue::Bool(true));
    }
    let claim_item = item(&schema::claim(dataset.source, &dataset.path), &claim)?;
    Ok([(Tag::New, Part::Put(dataset_item, Condition::absent())), (Tag::Same, Part::Put(claim_item, free()))])
}

/// The same below one that is as it was read, with nothing in between.
pub(crate) fn new_below(above: &Place, dataset: &Dataset) -> Result<Vec<(Tag, Part)>, TableError> {
    if dataset.path.as_str().len() > CLAIM_PATH_BYTES_MAX {
        return Err(TableError::PathTooLong);
    }
    let seen = as_seen_below(above, dataset.id).into_iter().chain(nothing_else_above(above, dataset));
    Ok(new_dataset(dataset)?.into_iter().chain(seen).collect())
}

/// That a path is this dataset's no more.
pub(crate) fn claim_freed(source: SourceId, path: &ObjectPath, dataset: DatasetId) -> Change {
    Change::new(schema::claim(source, path), Condition::is(CLAIMANT, text(dataset.to_string()))).set_if(CLAIMANT, None)
}

/// That dataset and source are active and as they were read.
pub(crate) fn as_seen(place: &Place) -> [(Tag, Part); 2] {
    let active = |version: u64| Condition::is("version", number(version)).and(Condition::is("state", text("active")));
    let dataset = active(place.dataset.version).and(Condition::is("links_gen", number(place.dataset.links_gen)));
    [
        (Tag::Seen, Part::Check(schema::dataset(place.dataset.id), dataset)),
        (Tag::Seen, Part::Check(schema::source(place.source.id), active(place.source.version))),
    ]
}

/// The same, with a mark on what may be retired that one was registered in it: whoever retires it at the same time sees that (ADR 0041).
fn as_seen_below(above: &Place, below: DatasetId) -> [(Tag, Part); 2] {
    as_seen(above).map(|(tag, part)| match part {
        Part::Check(key, seen) if !above.dataset.path.is_root() && key == schema::dataset(above.dataset.id) => {
            (tag, Part::Change(Change::new(key, seen).set(LAST_BELOW, text(below.to_string()))))
        }
        part => (tag, part),
    })
}

/// That no folder that holds the dataset is another one than those it names: none between it and the nearest that was read, and none above that,
/// which may not be named there yet. Whoever registers later sees the claim (ACCESS 10).
fn nothing_else_above(above: &Place, dataset: &Dataset) -> Vec<(Tag, Part)> {
    let nearest = &above.dataset.path;
    let others = dataset.path.above().filter(|path| path != nearest && !path.is_root());
    let named = || above.dataset.ancestors.iter().map(|id| text(id.to_string()));
    let known = |path: &ObjectPath| if nearest.covers(path) { free() } else { free().or(Condition::is_any(CLAIMANT, named())) };
    others.map(|path| (Tag::Seen, Part::Check(schema::claim(dataset.source, &path), known(&path)))).collect()
}

/// Takes dataset and source out of what was read together.
pub(crate) fn place_of(found: &HashMap<Key, Item>, dataset: DatasetId, source: SourceId) -> Result<Place, TableError> {
    let missing = |what| TableError::Unreadable { what };
    let dataset = found.get(&schema::dataset(dataset)).cloned().ok_or(missing(DatasetRow::WHAT))?;
    let source = found.get(&schema::source(source)).cloned().ok_or(missing(SourceRow::WHAT))?;
    let place = Place { source: row::<SourceRow>(source)?.source()?, dataset: row::<DatasetRow>(dataset)?.dataset()? };
    if place.dataset.source == place.source.id { Ok(place) } else { Err(missing(DatasetRow::WHAT)) }
}

/// Where a listing by GSI1 goes on.
pub(crate) fn listed_after(key: &Key, gsi1pk: &str, rank: &str) -> Item {
    let mut after = key.attributes();
    after.insert(GSI1_PK.to_owned(), text(gsi1pk));
    after.insert(GSI1_SK.to_owned(), text(rank));
    after
}

/// An item's place in a list.
pub(crate) fn rank_of(item: &Item) -> Option<&str> {
    item.get(GSI1_SK).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// What the audit says of a dataset.
fn facts(dataset: &Dataset) -> serde_json::Value {
    json!({ "source": dataset.source.to_string(), "path": dataset.path.as_str(), "kind": kind_word(dataset.kind), "owner": dataset.owner.to_string() })
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Zarr => "zarr",
        Kind::Folder => "folder",
        Kind::File => "file",
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::Zarr, Kind::Folder, Kind::File].into_iter().find(|kind| kind_word(*kind) == word)
}
