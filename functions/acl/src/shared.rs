//! `GET /api/v1/me/shared`: what was granted to the caller, by name or through a group.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use domain::{
    decision::{Action, Facts},
    grant::Subject,
    id::GroupId,
};
use edge::{
    App,
    asked::{Filters, Listing},
    caller::Caller,
    problem::Problem,
};
use serde::Deserialize;
use table::Page;

use crate::dataset_show::shown;

/// Pages of the table that one page of the listing may look through.
const LOOKS_MAX: usize = 10;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the datasets that were shared with the caller: first what is granted by name, then by each group. One that comes by two ways is
/// listed twice. A page may be short before the last one; `next_cursor` says whether there is more.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/me/shared", tag = "about", operation_id = "list_shared", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of datasets", body = wire::page::Page<wire::dataset::Dataset>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/me/shared", &[], ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let subjects = subjects(&app, &caller).await?;
    let (mut at, mut inside) = place_of(position.as_deref(), &subjects);
    let mut items = Vec::new();
    for _look in 0..LOOKS_MAX {
        let Some(subject) = subjects.get(at) else { break };
        let room = usize::from(listing.limit).saturating_sub(items.len());
        let page = Page { position: inside.take(), items_max: u16::try_from(room).unwrap_or(listing.limit) };
        let found = app.table.granted_to(*subject, &page).await?;
        for id in found.items {
            // The index only proposes.
            let Some(facts) = app.table.dataset_facts(id, Some(caller.user.id)).await?.map(Arc::new) else { continue };
            if caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
                items.push(shown(&facts, &caller, now));
            }
        }
        inside = found.next;
        if inside.is_none() {
            at = at.saturating_add(1);
        }
        if items.len() >= usize::from(listing.limit) {
            break;
        }
    }
    let next = subjects.get(at).map(|subject| format!("{} {}", name_of(*subject), inside.unwrap_or_default()));
    listing.answer(&app, &caller, items, next.as_deref(), now)
}

/// The caller, and the caller's groups by id.
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
    Ok(std::iter::once(Subject::User(caller.user.id)).chain(groups.into_iter().map(Subject::Group)).collect())
}

fn name_of(subject: Subject) -> String {
    if let Subject::Group(group) = subject { group.to_string() } else { "me".to_owned() }
}

/// Where a page begins: among the subjects, and inside one's list. A group that the caller has left meanwhile is passed over.
fn place_of(position: Option<&str>, subjects: &[Subject]) -> (usize, Option<String>) {
    let Some((name, inside)) = position.and_then(|position| position.split_once(' ')) else { return (0, None) };
    let found = subjects.iter().position(|subject| name_of(*subject) == name);
    let inside = Some(inside.to_owned()).filter(|inside| !inside.is_empty() && found.is_some());
    (found.unwrap_or(subjects.len()), inside)
}
