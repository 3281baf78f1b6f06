//! `POST /api/v1/links/{id}/revoke`: for good, within the bound that the reply names (L3).

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    decision::{Action, LinkFacts},
    link::{Link, Tombstone},
    timing::Timing,
};
use edge::{App, asked::Id, caller::Caller, json, json::Body, problem::Problem};
use jiff::Timestamp;

use crate::show::{Shown, about, load};

/// Revokes a link, or withdraws a publication link, which needs a reason. Revoking twice succeeds and changes nothing.
///
/// # Errors
/// 404 for a link that is not the caller's to know of, 409 `reason-needed`.
#[utoipa::path(post, path = "/api/v1/links/{id}/revoke", tag = "links", operation_id = "revoke_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id")), request_body = wire::link::RevokeAsk,
    responses((status = 200, description = "The link, revoked, and when that is in force everywhere", body = wire::link::Changed),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn revoke(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::link::RevokeAsk>,
) -> Result<Response, Problem> {
    let ended = end(&app, &caller, &id, ask.reason).await?;
    let link = shown.link(&ended.facts, &caller, app.now());
    Ok(about(&ended.facts, json::ok(&wire::link::Changed { link, enforced_by: Some(ended.enforced_by.to_string()) })))
}

/// A link that was revoked.
pub(crate) struct Ended {
    pub(crate) facts: LinkFacts,
    pub(crate) enforced_by: Timestamp,
}

/// Revokes one link.
pub(crate) async fn end(app: &App, caller: &Caller, id: &str, reason: Option<String>) -> Result<Ended, Problem> {
    let now = app.now();
    let (facts, permit) = load(app, caller, id, Action::Narrow, now).await?;
    let reason = facts.link.revoke_reason(reason)?;
    let tombstone = Tombstone { at: now, by: caller.user.id, reason };
    let revoked = app.table.revoke(&permit, &facts, &tombstone).await?;
    let on = app.table.strict_still(&facts.place.dataset).await;
    // The bound runs from here: until the write was done, another process may have read the link alive, as it was or as it had become.
    let now = app.now();
    let bound = |link: &Link| link.enforced_by(&on, now);
    let at_the_end = revoked.link.as_ref().map_or_else(|| Timing::WORLD.enforced_by(now, facts.link.given_until), bound);
    let enforced_by = bound(&facts.link).max(at_the_end);
    let mut facts = Arc::unwrap_or_clone(facts);
    facts.tombstone = Some(revoked.tombstone);
    Ok(Ended { facts, enforced_by })
}
