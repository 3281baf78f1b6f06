//! What is done to one link from its page: pause, resume, extend, another label. Each is one request of the API; then the page tells it.

use axum::response::Response;
use edge::{App, asked::Id};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use wire::link::{Batch, BatchExtend, Changed, LinkEdit};

use crate::{
    api::How,
    form::OwnForm,
    link_page::{address, shown},
    maker::{Done, Maker},
    refused::{Refused, There},
};

/// The version of the link that the page showed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    version: u64,
}

/// When a link is to end at the earliest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Longer {
    until: String,
}

/// What its maker calls it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renamed {
    version: u64,
    label: String,
}

/// Pauses it: it opens nothing until it is resumed.
///
/// # Errors
/// 403 `cross-site`, 404, and what the API refuses that no other form would change.
pub(crate) async fn pause(app: App, maker: Maker, Id(id): Id, OwnForm(seen): OwnForm<Seen>) -> Result<Response, Refused> {
    switch(&app, &maker, &id, "pause", &seen).await
}

/// Resumes it, at the same URL.
///
/// # Errors
/// As [`pause`].
pub(crate) async fn resume(app: App, maker: Maker, Id(id): Id, OwnForm(seen): OwnForm<Seen>) -> Result<Response, Refused> {
    switch(&app, &maker, &id, "resume", &seen).await
}

async fn switch(app: &App, maker: &Maker, id: &str, act: &'static str, seen: &Seen) -> Result<Response, Refused> {
    // On the version that was seen: a page that lay open undoes nothing that came between.
    let how = How { version: Some(seen.version), ..How::default() };
    match maker.api.act::<Changed>(&["links", id, act], how, &json!({})).await {
        Ok(changed) => Done::lead(app, &maker.caller, &address(id), act, changed.enforced_by.as_deref()),
        Err(refused) => shown(app, maker, id, None, Some(refused.on_form()?)).await,
    }
}

/// Lets it end later: no end comes closer by it.
///
/// # Errors
/// As [`pause`].
pub(crate) async fn extend(app: App, maker: Maker, Id(id): Id, OwnForm(ask): OwnForm<Longer>) -> Result<Response, Refused> {
    match longer(&maker, vec![id.clone()], ask.until).await.and_then(|done| one(&done)) {
        Ok(()) => Done::lead(&app, &maker.caller, &address(&id), "extend", None),
        Err(refused) => shown(&app, &maker, &id, None, Some(refused.on_form()?)).await,
    }
}

/// Lets these end later.
pub(crate) async fn longer(maker: &Maker, ids: Vec<String>, until: String) -> Result<Batch, Refused> {
    maker.api.act(&["links", "batch", "extend"], How::default(), &BatchExtend { ids, until }).await
}

/// What became of the only one.
fn one(done: &Batch) -> Result<(), Refused> {
    let Some(problem) = done.items.first().and_then(|item| item.problem.clone()) else { return Ok(()) };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Err(Refused::There(Box::new(There { status, problem, retry_after_secs: None })))
}

/// Gives it another label.
///
/// # Errors
/// As [`pause`].
pub(crate) async fn rename(app: App, maker: Maker, Id(id): Id, OwnForm(ask): OwnForm<Renamed>) -> Result<Response, Refused> {
    let edit = LinkEdit { label: Some(ask.label.trim().to_owned()), ..LinkEdit::default() };
    let how = How { version: Some(ask.version), ..How::default() };
    match maker.api.edit::<Changed>(&["links", &id], how, &edit).await {
        Ok(_changed) => Done::lead(&app, &maker.caller, &address(&id), "label", None),
        Err(refused) => shown(&app, &maker, &id, None, Some(refused.on_form()?)).await,
    }
}
