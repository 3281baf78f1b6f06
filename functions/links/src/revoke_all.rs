//! `POST /api/v1/datasets/{id}/links/revoke`: every link that a dataset has, in one write (L18).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    limits::REASON_CHARS_MAX,
    link::LinkError,
    timing::Timing,
};
use edge::{App, asked::Id, caller::Caller, json, json::Body, once::Once, problem::Problem};
use http::StatusCode;

/// Revokes every link of a dataset, however many. A reason is needed: publication links may be among them.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 409 `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/links/revoke", tag = "links", operation_id = "revoke_links_of_dataset", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::link::RevokeAsk,
    responses((status = 200, description = "When that is in force everywhere", body = wire::link::DatasetLinksRevoked), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn revoke_all(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::link::RevokeAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let permit = caller.may(Action::RevokeAll, &Facts::Dataset(Arc::clone(&facts)), now)?;
    let reason = needed(ask.reason)?;
    let once = once.of(&format!("POST /api/v1/datasets/{id}/links/revoke"), &bytes);
    let _links_gen = app.table.revoke_all(&permit, &facts.place, Some(&reason), once.as_ref(), now).await?;
    // The widest bound, from after the write: links of every class may have been open.
    let on = app.table.strict_still(&facts.place.dataset).await;
    let enforced_by = on.enforced_by(Timing::WORLD, app.now()).to_string();
    Ok(json::ok(&wire::link::DatasetLinksRevoked { dataset: facts.place.dataset.id.to_string(), enforced_by }))
}

fn needed(reason: Option<String>) -> Result<String, Problem> {
    let Some(reason) = reason.filter(|text| !text.trim().is_empty()) else {
        let detail = "revoking every link of a dataset needs a reason: publication links may be among them";
        return Err(Problem::new(StatusCode::CONFLICT, "reason-needed", detail).at("/reason").hint("say why; it stands in the audit"));
    };
    if reason.chars().count() > REASON_CHARS_MAX { Err(LinkError::Reason.into()) } else { Ok(reason) }
}
