//! What two people are both named in, which connects them without their asking (ACCESS 7): datasets that each of them owns or was granted by
//! name, and projects of few people. It is kept nowhere: the index proposes, the items themselves decide.
//!
//! Not here: what naming is, and which project connects (`domain/connection.rs`).

use std::collections::{HashMap, HashSet};

use domain::{
    connection::{connects, named_since},
    decision::Place,
    grant::{Hold, Subject},
    id::{DatasetId, ProjectId, UserId},
    limits::{CONTEXT_GRANTS_MAX, CONTEXT_PEOPLE_MAX, CONTEXT_PROJECTS_MAX, CONTEXTS_MAX},
    project::Project,
};
use futures_util::future::try_join4;
use jiff::Timestamp;

use crate::{
    Table,
    datasets::rank_of,
    error::TableError,
    grants::GrantRow,
    item::{Item, row},
    projects::{ParticipantRow, ProjectRow},
    read::{Cost, Stretch, Window},
    schema::{self, GRANT_PREFIX, Key, PROJECT_PREFIX},
};

/// Datasets that are looked at together.
const LOOK: usize = 50;

/// What two people are both named in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contexts {
    /// Datasets, those granted last to either first.
    pub datasets: Vec<Common<Place>>,
    /// Projects.
    pub projects: Vec<Common<Project>>,
    /// Whether there may be more.
    pub more: bool,
}

/// Something that two people are both named in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common<T> {
    /// What.
    pub what: T,
    /// Since when the later of the two is, as that stands now: a grant that was changed counts from the change.
    pub since: Timestamp,
}

impl Contexts {
    /// Whether there is any.
    #[must_use]
    pub fn connect(&self) -> bool {
        !self.datasets.is_empty() || !self.projects.is_empty()
    }
}

impl Table {
    /// What two people are both named in: at most [`CONTEXTS_MAX`] datasets and as many projects. Of each person the latest
    /// [`CONTEXT_GRANTS_MAX`] direct grants and [`CONTEXT_PROJECTS_MAX`] projects are looked at; one that was given this instant may be missing.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer. What cannot be read connects nobody.
    pub async fn contexts(&self, one: UserId, other: UserId, now: Timestamp) -> Result<Contexts, TableError> {
        if one == other {
            return Ok(Contexts::default());
        }
        let of = |person, prefix, most| self.latest_of(person, prefix, most);
        let ((ones, cut), (others, cut_too), (ones_projects, many), (others_projects, many_too)) = try_join4(
            of(one, GRANT_PREFIX, CONTEXT_GRANTS_MAX),
            of(other, GRANT_PREFIX, CONTEXT_GRANTS_MAX),
            of(one, PROJECT_PREFIX, CONTEXT_PROJECTS_MAX),
            of(other, PROJECT_PREFIX, CONTEXT_PROJECTS_MAX),
        )
        .await?;
        // Where both are named in one, at least one of them was granted it.
        let mut seen = HashSet::new();
        let granted: Vec<_> = ones.iter().chain(&others).filter_map(|id| DatasetId::parse(id).ok()).filter(|id| seen.insert(*id)).collect();
        let joined: Vec<_> =
            ones_projects.iter().filter(|id| others_projects.contains(id)).filter_map(|id| ProjectId::parse(id).ok()).collect();
        let (datasets, more) = self.both_named_in(&granted, [one, other], now).await?;
        let (projects, more_too) = self.both_joined(&joined, [one, other]).await?;
        Ok(Contexts { datasets, projects, more: more || more_too || cut || cut_too || many || many_too })
    }

    /// The ids at the end of a person's places in a list, the latest first, and whether there are more than `most`.
    async fn latest_of(&self, person: UserId, prefix: &'static str, most: usize) -> Result<(Vec<String>, bool), TableError> {
        let stretch = Stretch { pk: schema::user_partition(person), prefix };
        let items_max = u16::try_from(most).unwrap_or(u16::MAX);
        let mut window = Window { after: None, items_max, newest_first: true, by_index: true };
        let mut ids = Vec::new();
        while ids.len() < most {
            let (rows, next) = self.page(&stretch, &window, &mut Cost::default()).await?;
            ids.extend(rows.iter().filter_map(rank_of).filter_map(|rank| schema::id_of_rank(rank, prefix)).map(str::to_owned));
            match next {
                Some(next) => window.after = Some(next),
                None => return Ok((ids, false)),
            }
        }
        Ok((ids, true))
    }

    async fn both_named_in(
        &self,
        candidates: &[DatasetId],
        people: [UserId; 2],
        now: Timestamp,
    ) -> Result<(Vec<Common<Place>>, bool), TableError> {
        let mut named = Vec::new();
        for look in candidates.chunks(LOOK) {
            let places = self.places(look, &mut Cost::default()).await?;
            let keys = places.iter().flat_map(|place| people.map(|person| schema::grant(place.dataset.id, Subject::User(person))));
            let found = self.batch(keys, &mut Cost::default()).await?;
            let since = |place: &Place, person| {
                let subject = Subject::User(person);
                let grant = read(&found, &schema::grant(place.dataset.id, subject), |item| row::<GrantRow>(item)?.grant(subject));
                named_since(place, person, grant.as_ref(), now)
            };
            for place in places {
                let [one, other] = people.map(|person| since(&place, person));
                if let (Some(one), Some(other)) = (one, other) {
                    if named.len() == CONTEXTS_MAX {
                        return Ok((named, true));
                    }
                    named.push(Common { what: place, since: one.max(other) });
                }
            }
        }
        Ok((named, false))
    }

    async fn both_joined(&self, candidates: &[ProjectId], people: [UserId; 2]) -> Result<(Vec<Common<Project>>, bool), TableError> {
        let keys_of = |id: &ProjectId| [schema::project(*id), schema::participant(*id, people[0]), schema::participant(*id, people[1])];
        let found = self.batch(candidates.iter().flat_map(keys_of), &mut Cost::default()).await?;
        let since = |key: &Key| {
            let part = read(&found, key, |item| row::<ParticipantRow>(item)?.participant());
            part.filter(|part| part.hold == Hold::Active).map(|part| part.at)
        };
        let of_both = |id: &ProjectId| {
            let [project, one, other] = keys_of(id);
            let what = read(&found, &project, |item| row::<ProjectRow>(item)?.project())?;
            Some(Common { what, since: since(&one)?.max(since(&other)?) })
        };
        let mut joined: Vec<_> = candidates.iter().filter_map(of_both).collect();
        let more = joined.len() > CONTEXTS_MAX;
        joined.truncate(CONTEXTS_MAX);
        let mut projects = Vec::new();
        for common in joined {
            if connects(&common.what, self.people_of(common.what.id, CONTEXT_PEOPLE_MAX).await?) {
                projects.push(common);
            }
        }
        Ok((projects, more))
    }
}

/// What was read under a key. What cannot be read counts as absent: a context is a positive fact.
fn read<T>(found: &HashMap<Key, Item>, key: &Key, read: impl Fn(Item) -> Result<T, TableError>) -> Option<T> {
    let read = found.get(key).cloned().map(read)?;
    read.inspect_err(|why| tracing::warn!(error = %why, "what connects two people was left out")).ok()
}
