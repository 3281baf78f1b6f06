//! `GET /api/v1/datasets/{id}/sharing/links`: the links by which a dataset can be reached, wherever they stand.

use axum::response::Response;
use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, Facts, LinkFacts},
    link::LinkState,
};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    problem::Problem,
    zones::rests_on,
};
use jiff::Timestamp;
use table::Page;

use crate::paged::Ask;

/// Pages of the table that one page of the listing may look through: a bound on work, not on what is found.
const LOOKS_MAX: usize = 10;

/// Lists the links that open a dataset or a part of it, now or again: those that stand on it, then those on each dataset above that reaches
/// it. A page may be short before the last one.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/sharing/links", tag = "grants", operation_id = "list_sharing_links", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of links", body = wire::page::Page<wire::grant::SharedLink>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::Audit, &Facts::Dataset(facts.clone()), now)?;
    let listing = Listing::new(&format!("/api/v1/datasets/{}/sharing/links", facts.place.dataset.id), &[], ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let (items, next) = page(&app, &facts, position.as_deref(), listing.limit, now).await?;
    listing.answer(&app, &caller, items, next.as_deref(), now)
}

/// A page of at most `items_max` of them, from `position` on, and where the next one begins.
///
/// # Errors
/// 503 where the table does not answer, 400 for a position that was never given out.
pub(crate) async fn page(
    app: &App,
    facts: &DatasetFacts,
    position: Option<&str>,
    items_max: u16,
    now: Timestamp,
) -> Result<(Vec<wire::grant::SharedLink>, Option<String>), Problem> {
    let dataset = &facts.place.dataset;
    let standing: Vec<&Dataset> = std::iter::once(dataset).chain(reaching(facts)).collect();
    let (mut at, mut inside) = place_of(position, &standing);
    let mut items = Vec::new();
    for _look in 0..LOOKS_MAX {
        let Some(on) = standing.get(at) else { break };
        let room = items_max.saturating_sub(u16::try_from(items.len()).unwrap_or(u16::MAX));
        if room == 0 {
            break;
        }
        let found = app.table.links_reaching(dataset, on, &Page { position: inside.take(), items_max: room }, now).await?;
        items.extend(found.items.iter().filter_map(|facts| shown(facts, now)));
        inside = found.next;
        if inside.is_none() {
            at = at.saturating_add(1);
        }
    }
    let next = standing.get(at).map(|on| format!("{} {}", on.id, inside.unwrap_or_default()));
    Ok((items, next))
}

/// The first of those that stand on datasets above, and where the next page begins.
///
/// # Errors
/// As [`page`].
pub(crate) async fn above(
    app: &App,
    facts: &DatasetFacts,
    items_max: u16,
    now: Timestamp,
) -> Result<(Vec<wire::grant::SharedLink>, Option<String>), Problem> {
    let Some(first) = reaching(facts).next() else { return Ok((Vec::new(), None)) };
    page(app, facts, Some(&format!("{} ", first.id)), items_max, now).await
}

/// The datasets above that reach this one.
fn reaching(facts: &DatasetFacts) -> impl Iterator<Item = &Dataset> {
    facts.reach.above.iter().map(|above| &above.dataset).filter(|above| above.reaches(&facts.place.dataset))
}

/// Where a page begins: on which dataset, and inside its list. One that does not reach down any more ends the listing.
fn place_of(position: Option<&str>, standing: &[&Dataset]) -> (usize, Option<String>) {
    let Some((id, inside)) = position.and_then(|position| position.split_once(' ')) else { return (0, None) };
    let at = standing.iter().position(|on| on.id.to_string() == id).unwrap_or(standing.len());
    (at, Some(inside.to_owned()).filter(|inside| !inside.is_empty()))
}

/// A link that opens, or may again.
pub(crate) fn shown(facts: &LinkFacts, now: Timestamp) -> Option<wire::grant::SharedLink> {
    let state = facts.state(now);
    matches!(state, LinkState::Live | LinkState::Paused | LinkState::NotYet).then(|| wire::grant::SharedLink {
        id: facts.link.id.to_string(),
        dataset: facts.link.dataset.to_string(),
        path: facts.link.subpath.to_string(),
        class: facts.link.class.word().to_owned(),
        state: state.word().to_owned(),
        maker: facts.link.maker.to_string(),
        until: facts.link.end(&facts.place).map(|end| end.to_string()),
        rests_on: rests_on(facts, now),
    })
}
