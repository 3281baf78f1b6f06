//! What was granted to a caller, by name, through a group, or with everybody, wherever that is listed.

use std::sync::Arc;

use domain::{
    decision::{Action, DatasetFacts, Facts},
    grant::{Hold, Subject},
    id::GroupId,
};
use jiff::Timestamp;
use table::Page;

use crate::{App, caller::Caller, problem::Problem};

/// Pages of the table that one page of the listing may look through.
const LOOKS_MAX: usize = 10;

/// A page of at most `items_max` datasets that were shared with the caller, from `position` on, and where the next one begins: first what
/// is granted by name, then by each group, then what is open to accounts, then to the world. One that comes by several ways is there once,
/// by the first; what the caller owns is not there. A page may be short before the last one.
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
    let subjects = subjects(app, caller).await?;
    let (mut at, mut inside) = place_of(position, &subjects);
    let mut items = Vec::new();
    for _look in 0..LOOKS_MAX {
        let Some(subject) = subjects.get(at) else { break };
        let room = items_max.saturating_sub(items.len());
        let page = Page { position: inside.take(), items_max: u16::try_from(room).unwrap_or(u16::MAX) };
        let found = app.table.granted_to(*subject, &page).await?;
        for id in found.items {
            // The index only proposes.
            let Some(facts) = app.table.dataset_facts(id, Some(caller.user.id)).await?.map(Arc::new) else { continue };
            let is_wanted = facts.place.dataset.owner != caller.user.id && !is_listed(&facts, subjects.get(..at).unwrap_or_default());
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
    let next = subjects.get(at).map(|subject| format!("{} {}", name_of(*subject), inside.unwrap_or_default()));
    Ok((items, next))
}

/// Whether it is among what was granted to one of these.
fn is_listed(facts: &DatasetFacts, subjects: &[Subject]) -> bool {
    facts.reach.here.iter().any(|grant| grant.hold == Hold::Active && subjects.contains(&grant.subject))
}

/// The caller, the caller's groups by id, and everybody.
async fn subjects(app: &App, caller: &Caller) -> Result<Vec<Subject>, Problem> {
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
    let groups = groups.into_iter().map(Subject::Group);
    Ok(std::iter::once(Subject::User(caller.user.id)).chain(groups).chain([Subject::Accounts, Subject::World]).collect())
}

fn name_of(subject: Subject) -> String {
    match subject {
        Subject::Group(group) => group.to_string(),
        Subject::Project(project) => project.to_string(),
        Subject::User(_) => "me".to_owned(),
        Subject::Accounts => "accounts".to_owned(),
        Subject::World => "world".to_owned(),
    }
}

/// Where a page begins: among the subjects, and inside one's list. A group that the caller has left meanwhile is passed over.
fn place_of(position: Option<&str>, subjects: &[Subject]) -> (usize, Option<String>) {
    let Some((name, inside)) = position.and_then(|position| position.split_once(' ')) else { return (0, None) };
    let found = subjects.iter().position(|subject| name_of(*subject) == name);
    let inside = Some(inside.to_owned()).filter(|inside| !inside.is_empty() && found.is_some());
    (found.unwrap_or(subjects.len()), inside)
}
