//! `/api/v1/link-sets`: datasets that are shared together, made, listed, shown, filled, emptied. What is given by one: `together.rs`.

use std::{collections::BTreeSet, sync::Arc};

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts, Place},
    id::{DatasetId, LinkSetId},
    link_set::LinkSet,
    rights::Right,
    source::State,
};
use edge::{
    App,
    asked::{Filters, Id, Listing, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, link_sets::Holding};

use crate::{
    paged::Ask,
    source_show::state_word,
    together::{Administered, administered, facts_of},
};

/// Makes a link set of datasets that are in none, by who administers each. From then on whoever gives somebody the role full, or more, on one of them
/// gives it on all, or on none; what was given before stays as it is.
///
/// # Errors
/// 403 without the right to administer one of them, 404 for one that is not the caller's to know of, 409 `in-link-set`; 422 `label`, `no-datasets`,
/// `too-many`.
#[utoipa::path(post, path = "/api/v1/link-sets", tag = "link sets", operation_id = "create_link_set", security(("token" = ["datasets"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::link_set::NewLinkSet,
    responses((status = 201, description = "The link set", body = wire::link_set::LinkSet), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::link_set::NewLinkSet>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/link-sets", &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        if let Some(made) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
            let made = app.table.link_set_made(&made).await?;
            return answer(&app, &caller, &made, StatusCode::CREATED, now).await;
        }
        let ids = read(&ask.datasets)?;
        let new = LinkSet::new(LinkSetId::new(app.new_uuid(now)?), ask.label.clone(), &ids, caller.user.id, now)?;
        let datasets = newcomers(&app, &caller, &ids, now).await?;
        match app.table.insert_link_set(&holdings(&datasets), &new, once.as_ref(), now).await {
            // Something else of a dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            made => return answer(&app, &caller, &made?, StatusCode::CREATED, now).await,
        }
    }
}

/// Lists the link sets that the caller made, the latest first. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/link-sets", tag = "link sets", operation_id = "list_link_sets", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of link sets", body = wire::page::Page<wire::link_set::LinkSet>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/link-sets", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.link_sets_of(caller.user.id, &page).await?;
    let mut items = Vec::new();
    for set in &found.items {
        let facts = facts_of(&app, &caller, &set.datasets).await?;
        items.push(shown(set, &facts, &caller, now));
    }
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Shows a link set to who made it, and to who administers a dataset in it.
///
/// # Errors
/// 404 for a link set that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/link-sets/{id}", tag = "link sets", operation_id = "show_link_set", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The link set's id")),
    responses((status = 200, description = "The link set; `ETag` is its version", body = wire::link_set::LinkSet), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let (set, facts) = load(&app, &caller, &id, now).await?;
    Ok(with_version(json::ok(&shown(&set, &facts, &caller, now)), set.version))
}

/// Puts datasets that are in no link set into one, by who administers each of them and each that is in it. Those that are in it stay.
///
/// # Errors
/// 403 without the right to administer one of them, 404 for one that is not the caller's to know of; `link-set-refused` for one that is in the set
/// already; 409 `in-link-set`, `link-set-retired`; 422 `too-many`.
#[utoipa::path(post, path = "/api/v1/link-sets/{id}/datasets", tag = "link sets", operation_id = "add_link_set_datasets", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The link set's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::link_set::LinkSetDatasets,
    responses((status = 200, description = "The link set", body = wire::link_set::LinkSet), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn add(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::link_set::LinkSetDatasets>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/link-sets/{id}/datasets"), &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        if let Some(done) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
            return answer(&app, &caller, &app.table.link_set_made(&done).await?, StatusCode::OK, now).await;
        }
        let (set, _facts) = load(&app, &caller, &id, now).await?;
        let mut ids = read(&ask.datasets)?;
        ids.retain(|id| !set.datasets.contains(id));
        if ids.is_empty() {
            app.table.remember(once.as_ref(), caller.user.id, &set.id.to_string(), now).await?;
            return answer(&app, &caller, &set, StatusCode::OK, now).await;
        }
        not_over(&set)?;
        let after = set.with(&ids)?;
        let new = newcomers(&app, &caller, &ids, now).await?;
        let there = administered(&app, &caller, (&set.datasets, TO_PUT_IN), now).await?;
        match app.table.add_to_link_set((&holdings(&new), &holdings(&there)), (&set, &after), once.as_ref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, &after?, StatusCode::OK, now).await,
        }
    }
}

/// Takes datasets out of a link set, by who administers each of them. What was given by the set stays. The last one ends it.
///
/// # Errors
/// 403 without the right to administer one of them, 404 for a link set that is not the caller's to know of.
#[utoipa::path(post, path = "/api/v1/link-sets/{id}/datasets/remove", tag = "link sets", operation_id = "remove_link_set_datasets", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The link set's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::link_set::LinkSetDatasets,
    responses((status = 200, description = "The link set", body = wire::link_set::LinkSet), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn remove(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::link_set::LinkSetDatasets>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/link-sets/{id}/datasets/remove"), &bytes);
    take(&app, &caller, &id, Some(&read(&ask.datasets)?), once.as_ref()).await
}

/// Ends a link set, for good, by who administers each of its datasets. What was given by it stays.
///
/// # Errors
/// 404 for a link set that is not the caller's to know of, `link-set-refused`, with a dataset that the caller does not administer.
#[utoipa::path(post, path = "/api/v1/link-sets/{id}/retire", tag = "link sets", operation_id = "retire_link_set", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The link set's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The link set, which is over", body = wire::link_set::LinkSet), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn retire(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/link-sets/{id}/retire"), b"");
    take(&app, &caller, &id, None, once.as_ref()).await
}

/// What to do where a dataset that is in a set, or is to leave it, is not the caller's to administer.
const TO_PUT_IN: &str = "make another set of what you administer, or ask who administers this dataset to put yours in";
const TO_TAKE_OUT: &str = "take out those that you administer; who administers this dataset takes it out";

/// Takes these out of a set, or all.
async fn take(
    app: &App,
    caller: &Caller,
    id: &str,
    some: Option<&[DatasetId]>,
    once: Option<&table::once::Once>,
) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        if let Some(done) = app.table.once_if(caller.user.id, once, now).await? {
            // Whoever sent it may have nothing more to do with the set.
            return answer(app, caller, &app.table.link_set_made(&done).await?, StatusCode::OK, now).await;
        }
        let (set, _facts) = load(app, caller, id, now).await?;
        let wanted = |id: &&DatasetId| some.is_none_or(|some| some.contains(id));
        let out: Vec<_> = set.datasets.iter().filter(wanted).copied().collect();
        if out.is_empty() {
            app.table.remember(once, caller.user.id, &set.id.to_string(), now).await?;
            return answer(app, caller, &set, StatusCode::OK, now).await;
        }
        let leaving = administered(app, caller, (&out, TO_TAKE_OUT), now).await?;
        let after = set.without(&out);
        match app.table.take_from_link_set(&holdings(&leaving), (&set, &after), once, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(app, caller, &after?, StatusCode::OK, now).await,
        }
    }
}

/// A link set that the caller may know of, who made it or administers a dataset in it; and the facts of its datasets, in their order.
async fn load(app: &App, caller: &Caller, id: &str, now: Timestamp) -> Result<(LinkSet, Vec<Option<Arc<DatasetFacts>>>), Problem> {
    let id = LinkSetId::parse(id).map_err(|_not_one| Problem::not_found())?;
    let set = app.table.link_set(id).await?.ok_or_else(Problem::not_found)?;
    let facts = facts_of(app, caller, &set.datasets).await?;
    let administers = |facts: &Arc<DatasetFacts>| {
        let rights = facts.rights_of(Some(&caller.user), caller.principal.net, now);
        rights.has(Right::Administer) && may_see(caller, facts, now)
    };
    let knows = set.by == caller.user.id || facts.iter().flatten().any(administers);
    if knows { Ok((set, facts)) } else { Err(Problem::not_found()) }
}

fn may_see(caller: &Caller, facts: &Arc<DatasetFacts>, now: Timestamp) -> bool {
    caller.may(Action::See, &Facts::Dataset(Arc::clone(facts)), now).is_ok()
}

/// Datasets that a request names, which are to come into a set.
async fn newcomers(app: &App, caller: &Caller, ids: &[DatasetId], now: Timestamp) -> Result<Vec<Administered>, Problem> {
    let read = |(index, facts): (usize, Option<Arc<DatasetFacts>>)| {
        // What is not the caller's to know of is refused as everywhere.
        let at = |why: Problem| if why.status == StatusCode::NOT_FOUND { why } else { why.at(format!("/datasets/{index}")) };
        let dataset =
            Administered::read(caller, facts.ok_or_else(Problem::not_found)?, now).and_then(Administered::for_good).map_err(at)?;
        match dataset.facts.place.dataset.link_set {
            Some(set) => Err(at(in_another().with("link_set", set.to_string()))),
            None => Ok(dataset),
        }
    };
    facts_of(app, caller, ids).await?.into_iter().enumerate().map(read).collect()
}

fn in_another() -> Problem {
    Problem::new(StatusCode::CONFLICT, "in-link-set", "a dataset is in one link set at the most").hint("take it out of that one first")
}

fn not_over(set: &LinkSet) -> Result<(), Problem> {
    if set.state == State::Active {
        return Ok(());
    }
    Err(Problem::new(StatusCode::CONFLICT, "link-set-retired", "the link set is over").hint("make another one"))
}

fn holdings(datasets: &[Administered]) -> Vec<Holding<'_>> {
    datasets.iter().map(Administered::holding).collect()
}

/// The ids that a request names, each once.
fn read(texts: &[String]) -> Result<Vec<DatasetId>, Problem> {
    let one = |text: &String| DatasetId::parse(text).map_err(|_not_one| Problem::not_found());
    let mut ids = texts.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

async fn answer(app: &App, caller: &Caller, set: &LinkSet, status: StatusCode, now: Timestamp) -> Result<Response, Problem> {
    let facts = facts_of(app, caller, &set.datasets).await?;
    let shown = shown(set, &facts, caller, now);
    let answer = if status == StatusCode::CREATED { json::created(&shown) } else { json::ok(&shown) };
    Ok(with_version(answer, set.version))
}

fn shown(set: &LinkSet, facts: &[Option<Arc<DatasetFacts>>], caller: &Caller, now: Timestamp) -> wire::link_set::LinkSet {
    let known = facts.iter().flatten().filter(|facts| may_see(caller, facts, now)).map(|facts| &facts.place);
    let place = |place: &Place| format!("{}:{}", place.source.name.as_str(), place.dataset.path);
    let (datasets, places): (Vec<_>, _) = known.map(|known| (known.dataset.id.to_string(), place(known))).unzip();
    wire::link_set::LinkSet {
        id: set.id.to_string(),
        label: set.label.clone(),
        others: set.datasets.len().saturating_sub(datasets.len()),
        datasets,
        places,
        by: set.by.to_string(),
        made: set.made.to_string(),
        state: state_word(set.state).to_owned(),
        version: set.version,
    }
}
