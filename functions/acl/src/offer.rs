//! `/api/v1/datasets/{id}/offers` and `/api/v1/me/offers`: a dataset is offered to its next owner, who accepts or declines (ACCESS R2).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, Facts, Place},
    id::RequestId,
    request::{Request, RequestState, offer as new_offer},
    timing::Timing,
    user::Standing,
};
use edge::{
    App, answering,
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
use table::TableError;

use crate::{curation::state_word, dataset_show, paged::Ask, source_edit::bounded, subject::person};

/// Offers a dataset to somebody, by who owns it: it is the other's once accepted, within 30 days. One offer of a dataset waits at a time.
///
/// # Errors
/// 403 for anybody but an owner; 409 `offer-waits`; 422 for a person who is not there, `suspended-owner`, and `owns-it`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/offers", tag = "datasets", operation_id = "offer_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::offer::NewOffer,
    responses((status = 201, description = "It waits", body = wire::offer::Offer), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn make(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::offer::NewOffer>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/offers"), &bytes);
    let reason = bounded(ask.reason)?;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let to = person(&app, &ask.to, "/to").await?;
        if to.standing == Standing::Suspended {
            return Err(suspended());
        }
        let request = new_offer(&permit, &facts.place.dataset, RequestId::new(app.new_uuid(now)?), to.id, reason.clone(), now)?;
        match app.table.offer(&permit, &facts, &request, once.as_ref(), now).await {
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            Err(TableError::Exists { .. }) => return Err(waits()),
            made => return Ok(json::created(&shown(&facts.place, &made?, now))),
        }
    }
}

/// Lists the offers of a dataset, the latest first, those that were answered and taken back too, for who owns it. What ended is kept for 30 days.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not own.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/offers", tag = "datasets", operation_id = "list_offers", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of offers", body = wire::page::Page<wire::offer::Offer>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(&facts)), now)?;
    let dataset = facts.place.dataset.id;
    let listing = Listing::new(&format!("/api/v1/datasets/{dataset}/offers"), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.offers_of(dataset, &page).await?;
    let items = found.items.iter().map(|request| shown(&facts.place, request, now)).collect();
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Lists what is offered to the caller and waits, the latest first. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/me/offers", tag = "about", operation_id = "list_my_offers", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of offers", body = wire::page::Page<wire::offer::Offer>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn mine(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/me/offers", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.offers_to(caller.user.id, &page).await?;
    let mut items = Vec::new();
    for request in found.items {
        let facts = caller.dataset(&app, &request.dataset.to_string()).await?;
        let offer = answering::offer_of(&app, facts, request).await?;
        if caller.may(Action::See, &Facts::Offer(Arc::clone(&offer)), now).is_ok() {
            items.push(shown(&offer.dataset.place, &offer.request, now));
        }
    }
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Accepts the offer of a dataset, by whom it was made to, who owns it from then on. What was granted stays, and so do links whose makers may
/// still share.
///
/// # Errors
/// 404 where nothing was offered to the caller; 409 `offer-over` where it was answered, taken back or has ended, or whoever made it owns the
/// dataset no more; 410 for a dataset that was retired.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/offers/accept", tag = "datasets", operation_id = "accept_offer", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The dataset, which is the caller's", body = wire::dataset::DatasetChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn accept(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/offers/accept"), b"");
    let (place, after) = answering::accept_offer(&app, &caller, &id, (None, once.as_ref())).await?;
    let enforced_by = place.dataset.enforced_by(Timing::PRIVATE, app.now()).to_string();
    let now_there = caller.at(&app, Place { dataset: after, ..place }).await?;
    let dataset = dataset_show::shown(&now_there, &caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::dataset::DatasetChanged { dataset, enforced_by: Some(enforced_by) }), version))
}

/// Declines the offer of a dataset, by whom it was made to.
///
/// # Errors
/// As for accepting it.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/offers/decline", tag = "datasets", operation_id = "decline_offer", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::offer::EndOffer,
    responses((status = 200, description = "The offer as it is now", body = wire::offer::Offer), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn decline(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::offer::EndOffer>,
) -> Result<Response, Problem> {
    let reason = bounded(ask.reason)?;
    let (place, declined) = answering::decline_offer(&app, &caller, &id, (None, reason.as_deref())).await?;
    Ok(json::ok(&shown(&place, &declined, app.now())))
}

/// Takes the offer of a dataset back, by who owns it.
///
/// # Errors
/// 403 for anybody but an owner; 404 `no-such-offer` where none was made; 409 `offer-over` where it was answered.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/offers/withdraw", tag = "datasets", operation_id = "withdraw_offer", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::offer::EndOffer,
    responses((status = 200, description = "The offer as it is now", body = wire::offer::Offer), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::offer::EndOffer>,
) -> Result<Response, Problem> {
    let reason = bounded(ask.reason)?;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let there = app.table.latest_offer(facts.place.dataset.id).await?.ok_or_else(none_made)?;
        if matches!(there.state, RequestState::Accepted | RequestState::Declined) {
            return Err(domain::decision::Denial::OfferOver.into());
        }
        match app.table.withdraw_offer(&permit, &there, reason.as_deref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            withdrawn => return Ok(json::ok(&shown(&facts.place, &withdrawn?, now))),
        }
    }
}

pub(crate) fn suspended() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "suspended-owner", "whoever is suspended can own nothing")
        .at("/to")
        .hint("name somebody who may act")
}

fn waits() -> Problem {
    Problem::new(StatusCode::CONFLICT, "offer-waits", "an offer of this dataset waits already")
        .hint("take it back first, or wait for its answer")
}

fn none_made() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-offer", "this dataset was offered to nobody")
        .hint("what ended over 30 days ago is in the audit")
}

fn shown(place: &Place, request: &Request, now: Timestamp) -> wire::offer::Offer {
    wire::offer::Offer {
        id: request.id.to_string(),
        dataset: request.dataset.to_string(),
        place: place.to_string(),
        by: request.by.to_string(),
        to: request.wish.answered_by().map(|to| to.to_string()).unwrap_or_default(),
        reason: request.reason.clone(),
        at: request.at.to_string(),
        waits_until: request.until.to_string(),
        state: state_word(request, place, now).to_owned(),
    }
}
