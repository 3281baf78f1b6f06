//! Datasets that are put into a project, and taken out: the dataset's item says which, and an item beside it lists it (ADR 0042).

use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, Permit, Place},
    id::{DatasetId, ProjectId, UserId},
    project::Project,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{listed_after, rank_of},
    error::TableError,
    grants::{Grounds, head, proof, takes_part},
    item::{Row, item, text},
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, DATASET_RANK},
    sources::state_word,
    write::{Change, Condition, Outcome, Part, Tag, Write, once_each},
};

/// That a dataset is in a project, for its list; without its place in the index, that it was.
#[derive(Serialize, Deserialize)]
struct PlaceRow {
    dataset: String,
    by: String,
    at: i64,
    gsi1pk: String,
    gsi1sk: String,
}

impl Row for PlaceRow {
    const WHAT: &'static str = "a place in a project";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl PlaceRow {
    fn of(dataset: DatasetId, project: ProjectId, by: UserId, at: Timestamp) -> Self {
        Self {
            dataset: dataset.to_string(),
            by: by.to_string(),
            at: at.as_millisecond(),
            gsi1pk: schema::project_partition(project),
            gsi1sk: schema::dataset_rank(at, dataset),
        }
    }
}

impl Table {
    /// Puts a dataset into a project, out of another where it is in one, by who administers it and is in the project. `member` is a permit to
    /// see the project.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, the project, or what either right rests on changed since it was read.
    pub async fn put_dataset(
        &self,
        (permit, member): (&Permit, &Permit),
        grounds: Grounds<'_>,
        project: &Project,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &grounds.facts.place.dataset;
        let by =
            permit.allows(Action::Grant, before.id).filter(|by| member.is_in(project.id) == Some(*by)).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.project == Some(project.id) && before.visibility >= Visibility::Project {
            return Ok(before.clone());
        }
        let listed = item(&schema::place_in(project.id, before.id), &PlaceRow::of(before.id, project.id, by, now))?;
        // It may have been in it before. What is in it is said by the dataset, whose version is counted with this.
        let absent_or_its = Condition::absent().or(Condition::is("dataset", text(before.id.to_string())));
        let parts = [
            (Tag::New, Part::Put(listed, absent_or_its)),
            (Tag::Seen, Part::Check(schema::project(project.id), Condition::is("state", text(state_word(project.state))))),
            (Tag::Seen, Part::Check(schema::participant(project.id, by), takes_part(None))),
        ];
        self.moved(by, grounds, Some(project.id), (parts.into(), once), now).await
    }

    /// Takes a dataset out of the project that it is in, by who administers it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the dataset, or what the right rests on, changed since it was read.
    pub async fn take_dataset(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &grounds.facts.place.dataset;
        let by = permit.allows(Action::Grant, before.id).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.dataset_now(before.id).await;
        }
        if before.project.is_none() {
            return Ok(before.clone());
        }
        self.moved(by, grounds, None, (Vec::new(), once), now).await
    }

    /// The move itself: the dataset, both lists, and what its right rests on, in one transaction.
    async fn moved(
        &self,
        by: UserId,
        Grounds { facts, via }: Grounds<'_>,
        project: Option<ProjectId>,
        (mut parts, once): (Vec<(Tag, Part)>, Option<&Once>),
        now: Timestamp,
    ) -> Result<Dataset, TableError> {
        let before = &facts.place.dataset;
        let after = before.moved(project);
        if let Some(left) = before.project.filter(|left| project != Some(*left)) {
            let key = schema::place_in(left, before.id);
            parts.push((Tag::New, Part::Change(Change::new(key, Condition::present()).set_if("gsi1pk", None).set_if("gsi1sk", None))));
        }
        parts.extend(proof(before, &facts.reach, by, via));
        let said =
            |dataset: &Dataset| json!({ "project": dataset.project.map(|id| id.to_string()), "visibility": dataset.visibility.word() });
        let verb = if project.is_some() { "dataset.put" } else { "dataset.take" };
        let audited = Audited::new(now, by, verb, &before.id)?.from(&said(before)).to(&said(&after));
        let change =
            head(facts).set("visibility", text(after.visibility.word())).set_if("project", after.project.map(|id| text(id.to_string())));
        let write = Write::audited(audited.clone())
            .change(Tag::Seen, change.clone())
            .parts(once_each(parts).ok_or(TableError::Stale)?)
            .parts(Once::part(once, by, &before.id.to_string(), now)?);
        match self.commit(write).await? {
            // Narrowing never fails for bookkeeping; a list that names it still is corrected by the dataset's own item.
            Outcome::Busy if project.is_none() => self.changed_alone(&change, after, audited).await,
            outcome => self.changed(outcome, after, by, once, now).await,
        }
    }

    /// The datasets in a project, those that were put there last first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn datasets_in(&self, project: ProjectId, page: &Page) -> Result<Listed<Place>, TableError> {
        let Listed { items, next } = self.ids_in(project, page).await?;
        let mut places = self.places(&items, &mut Cost::default()).await?;
        // The index may be behind: the dataset itself says what it is in.
        places.retain(|place| place.dataset.project == Some(project));
        Ok(Listed { items: places, next })
    }

    /// The same by id: candidates.
    ///
    /// # Errors
    /// As [`Table::datasets_in`].
    pub async fn ids_in(&self, project: ProjectId, page: &Page) -> Result<Listed<DatasetId>, TableError> {
        let pk = schema::project_partition(project);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, DATASET_RANK).and_then(|id| DatasetId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&schema::place_in(project, id), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let (rows, next) = self.page(&Stretch { pk, prefix: DATASET_RANK }, &window, &mut Cost::default()).await?;
        let items =
            rows.iter().filter_map(rank_of).filter_map(|rank| DatasetId::parse(schema::id_of_rank(rank, DATASET_RANK)?).ok()).collect();
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}
