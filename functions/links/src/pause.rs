//! `POST /api/v1/links/{id}/pause`: nothing opens until the link is resumed; the URL stays (L4).

use axum::{Extension, response::Response};
use edge::{
    App,
    asked::{Id, MaybeIfMatch},
    caller::Caller,
    once::Once,
    problem::Problem,
};

use crate::{edit::switch, show::Shown};

/// Pauses a link. One that is paused already stays so.
///
/// # Errors
/// 410 for a link that was revoked, 412 for another version than `If-Match` names.
#[utoipa::path(post, path = "/api/v1/links/{id}/pause", tag = "links", operation_id = "pause_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the link as it was read")),
    responses((status = 200, description = "The link, paused", body = wire::link::Changed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn pause(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    seen: MaybeIfMatch,
    once: Once,
) -> Result<Response, Problem> {
    let changed = switch(&app, &caller, &id, false, &seen, &once).await?;
    Ok(changed.answer(&shown, &caller, app.now()))
}
