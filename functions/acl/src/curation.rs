//! `/api/v1/datasets/{id}/curation`, `/api/v1/curation` and `/api/v1/curated`: the curators' mark on a dataset, asked for, set, lifted, listed (ACCESS 9).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    curation::{Mark, ask as new_request, mark as new_mark},
    decision::{Action, DatasetFacts, Facts, Place},
    id::RequestId,
    request::{Request, RequestState},
    rights::Right,
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
use table::{TableError, grants::Grounds};

use crate::{dataset_show, paged::Ask, source_edit::bounded};

/// Asks for the curators' mark on a dataset that is open to all accounts or the world, by who administers it. It waits for 30 days, one at a time.
///
/// # Errors
/// 403 without the right to administer it; 409 `not-open`, `curated`, `curation-waits`, `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/curation", tag = "curation", operation_id = "ask_for_curation", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::curation::Reason,
    responses((status = 201, description = "It waits", body = wire::curation::CurationRequest), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn ask(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::curation::Reason>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/curation"), &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        if let Some(made) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
            // The same request again, whatever has become of it.
            let made = app.table.request_at(facts.place.dataset.id, made).await?;
            return Ok(json::created(&shown(&facts.place, &made, now)));
        }
        let request = new_request(&permit, &facts, RequestId::new(app.new_uuid(now)?), needed(&ask.reason)?, now)?;
        let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
        match app.table.ask_for_mark(&permit, grounds, &request, once.as_ref(), now).await {
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            Err(TableError::Exists { .. }) => {
                return Err(Problem::new(
                    StatusCode::CONFLICT,
                    "curation-waits",
                    "the mark was asked for already, and a curator has not answered",
                )
                .hint("wait for the answer, or take the request back first"));
            }
            made => return Ok(json::created(&shown(&facts.place, &made?, now))),
        }
    }
}

/// Lists the requests for the mark on a dataset, the latest first, for who administers it and for curators. What is over is kept for 30 days.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/curation", tag = "curation", operation_id = "list_curation_requests", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of requests", body = wire::page::Page<wire::curation::CurationRequest>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let about = Facts::Dataset(Arc::clone(&facts));
    if caller.may(Action::Curate, &about, now).is_err() {
        let _may_see = caller.may(Action::Audit, &about, now)?;
    }
    let dataset = facts.place.dataset.id;
    let listing = Listing::new(&format!("/api/v1/datasets/{dataset}/curation"), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.curation_requests(dataset, &page).await?;
    let items = found.items.iter().map(|request| shown(&facts.place, request, now)).collect();
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Marks a dataset that is open to all accounts or the world as curated, by a curator. A request that waits is accepted by it, and whoever made that is told.
///
/// # Errors
/// 403 `not-curator`; 404 for a dataset that is not the caller's to know of; 409 `not-open`, `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/curation/mark", tag = "curation", operation_id = "mark_as_curated", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::curation::Reason,
    responses((status = 200, description = "The dataset, with the mark; `ETag` is its version", body = wire::dataset::Dataset), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn mark(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::curation::Reason>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/curation/mark"), &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Curate, &Facts::Dataset(Arc::clone(&facts)), now)?;
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            return answer(&app, &caller, facts.place.clone()).await;
        }
        let mark = new_mark(&permit, &facts, needed(&ask.reason)?, now)?;
        let latest = app.table.latest_curation_request(facts.place.dataset.id).await?;
        let waiting = latest.filter(|request| request.waits(now));
        match app.table.set_mark(&permit, &facts, (&mark, waiting.as_ref()), once.as_ref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, Place { dataset: after?, ..facts.place.clone() }).await,
        }
    }
}

/// Takes the mark off a dataset, by a curator.
///
/// # Errors
/// 403 `not-curator`; 404 for a dataset that is not the caller's to know of; 409 `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/curation/unmark", tag = "curation", operation_id = "unmark_as_curated", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::curation::Reason,
    responses((status = 200, description = "The dataset, without the mark; `ETag` is its version", body = wire::dataset::Dataset), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn unmark(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::curation::Reason>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/curation/unmark"), &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Curate, &Facts::Dataset(Arc::clone(&facts)), now)?;
        match app.table.lift_mark(&permit, &facts, &needed(&ask.reason)?, once.as_ref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, Place { dataset: after?, ..facts.place.clone() }).await,
        }
    }
}

/// Declines the request for the mark that waits, by a curator. Whoever made it is told.
///
/// # Errors
/// 403 `not-curator`; 404 `no-such-request` where none was made; 409 `curation-over` where it was answered, taken back or has ended, `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/curation/decline", tag = "curation", operation_id = "decline_curation", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::curation::Reason,
    responses((status = 200, description = "The request as it is now", body = wire::curation::CurationRequest), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn decline(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::curation::Reason>,
) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Curate, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let reason = needed(&ask.reason)?;
        let there = app.table.latest_curation_request(facts.place.dataset.id).await?.ok_or_else(none_made)?;
        if there.state == RequestState::Declined {
            return Ok(json::ok(&shown(&facts.place, &there, now)));
        }
        if !there.waits(now) {
            return Err(over());
        }
        match app.table.decline_curation(&permit, &there, &reason, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            declined => return Ok(json::ok(&shown(&facts.place, &declined?, now))),
        }
    }
}

/// Takes the request for the mark back, by who administers the dataset.
///
/// # Errors
/// 403 without the right to administer it; 404 `no-such-request` where none was made; 409 `curation-over` where it was answered.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/curation/withdraw", tag = "curation", operation_id = "withdraw_curation", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::curation::EndCurationRequest,
    responses((status = 200, description = "The request as it is now", body = wire::curation::CurationRequest), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::curation::EndCurationRequest>,
) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let reason = bounded(ask.reason.clone())?;
        let there = app.table.latest_curation_request(facts.place.dataset.id).await?.ok_or_else(none_made)?;
        if matches!(there.state, RequestState::Accepted | RequestState::Declined) {
            return Err(over());
        }
        match app.table.withdraw_curation(&permit, &there, reason.as_deref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            withdrawn => return Ok(json::ok(&shown(&facts.place, &withdrawn?, now))),
        }
    }
}

/// Lists the requests that wait for a curator, the oldest first, for curators. A page may be short before the last one.
///
/// # Errors
/// 403 `not-curator`; 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/curation", tag = "curation", operation_id = "list_waiting_curation_requests", security(("token" = ["datasets"])), params(Ask),
    responses((status = 200, description = "A page of requests", body = wire::page::Page<wire::curation::CurationRequest>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn queue(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/curation", &[], ask.limit)?;
    let _may_list = caller.may(Action::Curate, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.curation_queue(&page).await?;
    let mut items = Vec::new();
    for request in found.items.iter().filter(|request| request.waits(now)) {
        let facts = caller.dataset(&app, &request.dataset.to_string()).await?;
        // What was closed meanwhile is not the curator's to know of.
        if request.wish.fits(&facts.place.dataset) && caller.may(Action::Curate, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
            items.push(shown(&facts.place, request, now));
        }
    }
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Lists the datasets that are marked as curated, those marked last first, as far as the caller may know of them. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/curated", tag = "curation", operation_id = "list_curated", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of datasets", body = wire::page::Page<wire::dataset::Dataset>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn curated(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/curated", &[], ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = app.table.curated(&page).await?;
        let mut kept = Vec::new();
        for id in found.items {
            // The index only proposes.
            let Some(facts) = app.table.dataset_facts(id, Some(caller.user.id)).await?.map(Arc::new) else { continue };
            if facts.curated(now).is_some() && caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
                kept.push(dataset_show::shown(&facts, &caller, now));
            }
        }
        filling.keep(kept, found.next);
    }
    listing.answer(&app, &caller, filling.items, filling.next.as_deref(), now)
}

async fn answer(app: &App, caller: &Caller, place: Place) -> Result<Response, Problem> {
    let facts = caller.at(app, place).await?;
    Ok(with_version(json::ok(&dataset_show::shown(&facts, caller, app.now())), facts.place.dataset.version))
}

/// The reason, which a mark, and what asks for one, is not without.
fn needed(reason: &str) -> Result<String, Problem> {
    bounded(Some(reason.to_owned()))?.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "reason-needed", "curation needs a reason")
            .at("/reason")
            .hint("say why; the other side reads it")
    })
}

fn none_made() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-request", "nobody asked for the mark on this dataset")
        .hint("what ended over 30 days ago is in the audit")
}

fn over() -> Problem {
    Problem::new(StatusCode::CONFLICT, "curation-over", "the request was answered or taken back, or has ended")
        .hint("see `GET /api/v1/datasets/{id}/curation`")
}

/// The mark as whoever administers the dataset sees it.
pub(crate) fn mark_shown(mark: &Mark, facts: &DatasetFacts, now: Timestamp) -> wire::curation::Mark {
    wire::curation::Mark {
        by: mark.by.to_string(),
        reason: mark.reason.clone(),
        at: mark.at.to_string(),
        counts: facts.curated(now).is_some(),
    }
}

fn shown(place: &Place, request: &Request, now: Timestamp) -> wire::curation::CurationRequest {
    wire::curation::CurationRequest {
        id: request.id.to_string(),
        dataset: request.dataset.to_string(),
        place: place.to_string(),
        by: request.by.to_string(),
        reason: request.reason.clone(),
        at: request.at.to_string(),
        waits_until: request.until.to_string(),
        state: state_word(request, place, now).to_owned(),
        answer: request.answer.clone(),
    }
}

/// What has become of a request on the dataset as it is now.
pub(crate) fn state_word(request: &Request, place: &Place, now: Timestamp) -> &'static str {
    match request.state {
        RequestState::Waiting if request.waits(now) && request.wish.fits(&place.dataset) => "waiting",
        RequestState::Waiting => "ended",
        RequestState::Accepted => "accepted",
        RequestState::Declined => "declined",
        RequestState::Withdrawn => "withdrawn",
    }
}
