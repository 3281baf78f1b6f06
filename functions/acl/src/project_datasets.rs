//! `/api/v1/projects/{id}/datasets`: put into a project, taken out, listed; and the links on them.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, DatasetFacts, Facts, Place},
    delegation::may_put,
    id::ProjectId,
    project::Project,
    rights::Right,
    source::State,
    timing::Timing,
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
use table::{Page, TableError, grants::Grounds};

use crate::{
    dataset_edit::not_retired,
    dataset_show::shown,
    effects::{self, Supposed, Trial},
    paged::{Ask, AskDatasets},
    project::{In, load},
    sharing_links,
};

/// Lists the datasets in a project that the caller may know of, those that were put there last first. A page may be short before the last one.
///
/// # Errors
/// 404 for a project that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/projects/{id}/datasets", tag = "projects", operation_id = "list_project_datasets", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The project's id or name"), AskDatasets),
    responses((status = 200, description = "A page of datasets", body = wire::page::Page<wire::dataset::Dataset>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<AskDatasets>) -> Result<Response, Problem> {
    let now = app.now();
    let In { project, .. } = load(&app, &caller, &id, Action::See, now).await?;
    let listing = Listing::new(&format!("/api/v1/projects/{}/datasets", project.id), &ask.filters(), ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let (found, next) = known(&app, &caller, &project, &page, now).await?;
    let items = found.iter().filter(|facts| ask.wants(facts, now)).map(|facts| shown(facts, &caller, now)).collect();
    listing.answer(&app, &caller, items, next.as_deref(), now)
}

/// Lists the links on the datasets in a project that open, or may again: those of the caller's making, and on what the caller administers everybody's.
/// A page has those of so many datasets, of each the latest 100, and may be short, even empty, before the last one.
///
/// # Errors
/// 404 for a project that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/projects/{id}/links", tag = "projects", operation_id = "list_project_links", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The project's id or name"), Ask),
    responses((status = 200, description = "The links of a page of datasets", body = wire::page::Page<wire::grant::SharedLink>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn links(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let In { project, .. } = load(&app, &caller, &id, Action::See, now).await?;
    let listing = Listing::new(&format!("/api/v1/projects/{}/links", project.id), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let (found, next) = known(&app, &caller, &project, &page, now).await?;
    let mut items = Vec::new();
    for facts in found {
        let dataset = facts.place.dataset.id;
        let administers = caller.may(Action::Grant, &Facts::Dataset(facts), now).is_ok();
        let of_dataset = app.table.links_of_dataset(dataset, &Page::default(), now).await?;
        let told = of_dataset.items.iter().filter(|facts| administers || facts.link.maker == caller.user.id);
        items.extend(told.filter_map(|facts| sharing_links::shown(facts, now)));
    }
    listing.answer(&app, &caller, items, next.as_deref(), now)
}

/// A page of the datasets in a project that the caller may know of: the list only proposes.
async fn known(
    app: &App,
    caller: &Caller,
    project: &Project,
    page: &Page,
    now: Timestamp,
) -> Result<(Vec<Arc<DatasetFacts>>, Option<String>), Problem> {
    let found = app.table.datasets_in(project.id, page).await?;
    let mut known = Vec::new();
    for place in found.items {
        let facts = caller.at(app, place).await?;
        if caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
            known.push(facts);
        }
    }
    Ok((known, found.next))
}

/// Puts a dataset into a project, out of another where it is in one: by its owner, or by who administers it for good by a grant, and is in the
/// project. Its visibility becomes `project` at the least. With `dry_run`, says what that would do.
///
/// # Errors
/// 403 `more-than-giver` for who administers it for a while, or through a project only; 404 for a dataset or a project that is not the caller's to
/// know of; 409 `project-retired`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/datasets", tag = "projects", operation_id = "put_project_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The project's id or name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::project::PlaceAsk,
    responses((status = 200, description = "The dataset after the change, or with what the change would do", body = wire::project::Placed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn put(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::project::PlaceAsk>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/projects/{id}/datasets"), &bytes).filter(|_| !trial.dry_run);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &ask.dataset).await?;
        let before = &facts.place.dataset;
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            // Whoever sent it may have left the project since. Perhaps the reply was lost: from here the bound of a move is later, and holds too.
            return answer(&app, &caller, &facts, before.clone(), None, true).await;
        }
        let In { project, permit: member, .. } = load(&app, &caller, &id, Action::See, now).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        if before.project == Some(project.id) && before.visibility >= Visibility::Project {
            app.table.remember(once.as_ref(), caller.user.id, &before.id.to_string(), now).await?;
            let effects = trial.dry_run.then(wire::project::Effects::default);
            return answer(&app, &caller, &facts, before.clone(), effects, false).await;
        }
        not_retired(&facts)?;
        may_put(&permit, before.id)?;
        if project.state == State::Retired {
            return Err(Problem::new(StatusCode::CONFLICT, "project-retired", "the project was retired, and gives nobody anything")
                .hint("reinstate it first"));
        }
        if trial.dry_run {
            let supposed = Supposed::placed(&app, &caller, before, Some(&project)).await?;
            let effects = effects::of(&app, &caller, &supposed, now).await?;
            return answer(&app, &caller, &facts, before.clone(), Some(effects), false).await;
        }
        let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
        match app.table.put_dataset((&permit, &member), grounds, &project, once.as_ref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, &facts, after?, None, before.project.is_some()).await,
        }
    }
}

/// Takes a dataset out of a project, by who administers it, in the project or not. Its visibility `project` becomes `private`. With `dry_run`,
/// says what that would do.
///
/// # Errors
/// 403 without the right to administer the dataset, 404 `no-such-place` for one that is not in the project.
#[utoipa::path(post, path = "/api/v1/projects/{id}/datasets/remove", tag = "projects", operation_id = "take_project_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The project's id, or, for who is in it, its name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::project::PlaceAsk,
    responses((status = 200, description = "The dataset after the change, and when that is in force everywhere, or what the change would do", body = wire::project::Placed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn take(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::project::PlaceAsk>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/projects/{id}/datasets/remove"), &bytes).filter(|_| !trial.dry_run);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &ask.dataset).await?;
        let before = &facts.place.dataset;
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            return answer(&app, &caller, &facts, before.clone(), None, true).await;
        }
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        // Whoever is not in it has its id from the dataset.
        let named = match ProjectId::parse(&id) {
            Ok(id) => id,
            Err(_a_name) => load(&app, &caller, &id, Action::See, now).await?.project.id,
        };
        not_retired(&facts)?;
        if before.project != Some(named) {
            return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-place", "the dataset is not in this project")
                .hint("it may have been taken out already"));
        }
        if trial.dry_run {
            let supposed = Supposed::placed(&app, &caller, before, None).await?;
            let effects = effects::of(&app, &caller, &supposed, now).await?;
            return answer(&app, &caller, &facts, before.clone(), Some(effects), false).await;
        }
        let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
        match app.table.take_dataset(&permit, grounds, once.as_ref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, &facts, after?, None, true).await,
        }
    }
}

async fn answer(
    app: &App,
    caller: &Caller,
    facts: &DatasetFacts,
    after: Dataset,
    effects: Option<wire::project::Effects>,
    narrows: bool,
) -> Result<Response, Problem> {
    let enforced_by = narrows.then(|| facts.place.dataset.enforced_by(Timing::PRIVATE, app.now()).to_string());
    let now_there = caller.at(app, Place { source: facts.place.source.clone(), dataset: after }).await?;
    let dataset = shown(&now_there, caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::project::Placed { dataset, enforced_by, effects }), version))
}
