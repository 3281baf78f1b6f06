//! `POST /api/v1/links/batch`, `POST /api/v1/links/batch/revoke` and `POST /api/v1/links/batch/extend`: up to 1,000 at once, a result for each (L9).
//!
//! An item's failure hides nobody else's success, and a batch that was cut short is sent again whole: with an `Idempotency-Key`, of which each item
//! gets one of its own; without one too, because the same options meet the same link, a revoke meets the first, and no link is extended twice within
//! an hour by the same days.

use std::collections::BTreeMap;

use axum::{Extension, response::Response};
use domain::limits::BATCH_ITEMS_MAX;
use edge::{App, caller::Caller, json, json::Body, once::Once, problem::Problem, until::read_until};
use futures_util::{StreamExt, stream};
use http::StatusCode;

use crate::{
    create::{Made, OPERATION, make, remembered},
    edit::lengthen,
    revoke::{Ended, end},
    show::Shown,
};

/// Datasets, or links to revoke, under way at the same time.
const AT_ONCE: usize = 16;

/// Makes up to 1,000 links.
///
/// # Errors
/// 422 `too-many` over 1,000; what goes wrong with one item stands in its result.
#[utoipa::path(post, path = "/api/v1/links/batch", tag = "links", operation_id = "create_links", security(("token" = ["links"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h; each item gets one of its own from it")),
    request_body = wire::link::BatchCreate,
    responses((status = 200, description = "A result for each item, in order", body = wire::link::Batch), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    once: Once,
    Body { ask, .. }: Body<wire::link::BatchCreate>,
) -> Result<Response, Problem> {
    bounded(ask.items.len(), "/items")?;
    let lanes = stream::iter(lanes(ask.items)).map(|lane| {
        let (app, shown, caller, once) = (&app, &shown, &caller, &once);
        Box::pin(async move {
            let (mut done, mut seen) = (Vec::with_capacity(lane.len()), None);
            for (index, item) in lane {
                let body = remembered(&item, serde_json::to_vec(&item).unwrap_or_default());
                let made = make(app, shown, caller, item, once.item(index).of(OPERATION, &body), &mut seen).await;
                done.push(
                    made.map_or_else(|why| refused(index, &why), |made| created(index, &made, shown.link(&made.facts, caller, app.now()))),
                );
            }
            done
        })
    });
    let mut items: Vec<_> = lanes.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten().collect();
    items.sort_by_key(|item| item.index);
    Ok(json::ok(&wire::link::Batch { items }))
}

/// The items of each dataset, one after the other: each checks the dataset in its transaction, and two at a time would refuse each other.
fn lanes(items: Vec<wire::link::NewLink>) -> Vec<Vec<(usize, wire::link::NewLink)>> {
    let mut lanes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (index, item) in items.into_iter().enumerate() {
        lanes.entry(item.dataset.clone()).or_default().push((index, item));
    }
    lanes.into_values().collect()
}

/// Revokes up to 1,000 links, with one reason.
///
/// # Errors
/// 422 `too-many` over 1,000; what goes wrong with one item stands in its result.
#[utoipa::path(post, path = "/api/v1/links/batch/revoke", tag = "links", operation_id = "revoke_links", security(("token" = ["links"])),
    request_body = wire::link::BatchRevoke,
    responses((status = 200, description = "A result for each id, in order", body = wire::link::Batch), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn revoke(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Body { ask, .. }: Body<wire::link::BatchRevoke>,
) -> Result<Response, Problem> {
    bounded(ask.ids.len(), "/ids")?;
    let reason = &ask.reason;
    let results = stream::iter(ask.ids.into_iter().enumerate()).map(|(index, id)| {
        let (app, shown, caller) = (&app, &shown, &caller);
        Box::pin(async move {
            let ended = end(app, caller, &id, reason.clone()).await;
            ended.map_or_else(|why| refused(index, &why), |ended| revoked(index, &ended, shown.link(&ended.facts, caller, app.now())))
        })
    });
    Ok(json::ok(&wire::link::Batch { items: results.buffered(AT_ONCE).collect().await }))
}

/// Lets up to 1,000 links end later: the URLs stay, and no end comes closer.
///
/// # Errors
/// 422 `too-many` over 1,000, `until`; what goes wrong with one item stands in its result.
#[utoipa::path(post, path = "/api/v1/links/batch/extend", tag = "links", operation_id = "extend_links", security(("token" = ["links"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h; each item gets one of its own from it")),
    request_body = wire::link::BatchExtend,
    responses((status = 200, description = "A result for each id, in order", body = wire::link::Batch), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn extend(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    once: Once,
    Body { ask, .. }: Body<wire::link::BatchExtend>,
) -> Result<Response, Problem> {
    bounded(ask.ids.len(), "/ids")?;
    let until = read_until(&ask.until)?;
    let results = stream::iter(ask.ids.into_iter().enumerate()).map(|(index, id)| {
        let (app, shown, caller) = (&app, &shown, &caller);
        let once = once.item(index).of(&format!("POST /api/v1/links/{id}/extend"), ask.until.as_bytes());
        Box::pin(async move {
            let facts = lengthen(app, caller, &id, until, once.as_ref()).await;
            facts.map_or_else(|why| refused(index, &why), |facts| extended(index, shown.link(&facts, caller, app.now())))
        })
    });
    Ok(json::ok(&wire::link::Batch { items: results.buffered(AT_ONCE).collect().await }))
}

fn bounded(items: usize, pointer: &'static str) -> Result<(), Problem> {
    if items <= BATCH_ITEMS_MAX {
        return Ok(());
    }
    let detail = format!("a batch has at most `{BATCH_ITEMS_MAX}` items");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many", detail).at(pointer).hint("send the rest in another batch"))
}

fn created(index: usize, made: &Made, link: wire::link::Link) -> wire::link::BatchItem {
    let status = if made.existing { StatusCode::OK } else { StatusCode::CREATED };
    wire::link::BatchItem { index, status: status.as_u16(), link: Some(link), enforced_by: None, problem: None }
}

fn revoked(index: usize, ended: &Ended, link: wire::link::Link) -> wire::link::BatchItem {
    let enforced_by = Some(ended.enforced_by.to_string());
    wire::link::BatchItem { index, status: StatusCode::OK.as_u16(), link: Some(link), enforced_by, problem: None }
}

fn extended(index: usize, link: wire::link::Link) -> wire::link::BatchItem {
    wire::link::BatchItem { index, status: StatusCode::OK.as_u16(), link: Some(link), enforced_by: None, problem: None }
}

fn refused(index: usize, why: &Problem) -> wire::link::BatchItem {
    let problem = serde_json::from_value(why.to_json(None)).unwrap_or_default();
    wire::link::BatchItem { index, status: why.status.as_u16(), link: None, enforced_by: None, problem: Some(problem) }
}
