//! What was granted to a caller, by name, through a group or project, or with everybody, wherever that is listed.

use std::sync::Arc;

use domain::{
    decision::{Action, DatasetFacts, Facts},
    grant::{Hold, Subject},
    id::{GroupId, ProjectId},
};
use jiff::Timestamp;
use table::Page;

use crate::{App, caller::Caller, problem::Problem};

/// Pages of the table that one page of the listing may look through.
const LOOKS_MAX: usize = 10;

/// A page of at most `items_max` datasets that were shared with the caller, from `position` on, and where the next one begins: first what
/// is granted by name, then by each group, then what is granted to and in each project, then what is open to accounts, then to the world. One
/// that comes by several ways is there once, by the first; what the caller owns is not there. A page may be short before the last one.
///
/// # Errors
/// 503 where the table does not answer, 400 for a position that was never given out.
pub async fn page(
    app: &App,
    caller: &Caller,
    position: Option<&str>,
    items_max: usize,
    now: Timestamp,
) -> Result<(Vec<Arc<DatasetFacts>>, Option<String>), Problem> {
    let lists = lists(app, caller).await?;
    let (mut at, mut inside) = place_of(position, &lists);
    let mut items = Vec::new();
    for _look in 0..LOOKS_MAX {
        let Some(list) = lists.get(at) else { break };
        let room = items_max.saturating_sub(items.len());
        let page = Page { position: inside.take(), items_max: u16::try_from(room).unwrap_or(u16::MAX) };
        let found = match list {
            List::Granted(subject) => app.table.granted_to(*subject, &page).await?,
            List::Put(project) => app.table.ids_in(*project, &page).await?,
        };
        for id in found.items {
            // The index only proposes.
            let Some(facts) = app.table.dataset_facts(id, Some(caller.user.id)).await?.map(Arc::new) else { continue };
            let is_wanted = facts.place.dataset.owner != caller.user.id && !is_listed(&facts, lists.get(..at).unwrap_or_default());
            if is_wanted && caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
                items.push(facts);
            }
        }
        inside = found.next;
        if inside.is_none() {
            at = at.saturating_add(1);
        }
        if items.len() >= items_max {
            break;
        }
    }
    let next = lists.get(at).map(|list| format!("{} {}", list.name(), inside.unwrap_or_default()));
    Ok((items, next))
}

/// Whether it is in one of these lists.
fn is_listed(facts: &DatasetFacts, lists: &[List]) -> bool {
    let is_in = |list: &List| match *list {
        List::Granted(subject) => facts.reach.here.iter().any(|grant| grant.hold == Hold::Active && grant.subject == subject),
        List::Put(project) => facts.place.dataset.project == Some(project),
    };
    lists.iter().any(is_in)
}

/// A list of datasets that a caller may have something at.
#[derive(Debug, Clone, Copy)]
enum List {
    /// What was granted to this subject.
    Granted(Subject),
    /// What is in this project.
    Put(ProjectId),
}

impl List {
    /// What stands for it in a position.
    fn name(self) -> String {
        match self {
            Self::Granted(Subject::Group(group)) => group.to_string(),
            Self::Granted(Subject::Project(project)) => project.to_string(),
            Self::Granted(Subject::User(_)) => "me".to_owned(),
            Self::Granted(Subject::Accounts) => "accounts".to_owned(),
            Self::Granted(Subject::World) => "world".to_owned(),
            Self::Put(project) => format!("in-{project}"),
        }
    }
}

/// What was granted to the caller, and to the caller's groups by id; of each project, by id; and to everybody.
async fn lists(app: &App, caller: &Caller) -> Result<Vec<List>, Problem> {
    let mut groups: Vec<GroupId> = Vec::new();
    let mut page = Page::default();
    loop {
        let found = app.table.groups_of(caller.user.id, &page).await?;
        groups.extend(found.items.iter().map(|group| group.id));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    groups.sort_unstable();
    let mut projects: Vec<ProjectId> = Vec::new();
    loop {
        let found = app.table.projects_of(caller.user.id, &page).await?;
        projects.extend(found.items.iter().map(|(project, _)| project.id));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    projects.sort_unstable();
    let own = std::iter::once(Subject::User(caller.user.id)).chain(groups.into_iter().map(Subject::Group)).map(List::Granted);
    let of_projects = projects.into_iter().flat_map(|project| [List::Granted(Subject::Project(project)), List::Put(project)]);
    let to_everybody = [Subject::Accounts, Subject::World].map(List::Granted);
    Ok(own.chain(of_projects).chain(to_everybody).collect())
}

/// Where a page begins: among the lists, and inside one. One of a group or project that the caller has left meanwhile is passed over.
fn place_of(position: Option<&str>, lists: &[List]) -> (usize, Option<String>) {
    let Some((name, inside)) = position.and_then(|position| position.split_once(' ')) else { return (0, None) };
    let found = lists.iter().position(|list| list.name() == name);
    let inside = Some(inside.to_owned()).filter(|inside| !inside.is_empty() && found.is_some());
    (found.unwrap_or(lists.len()), inside)
}
