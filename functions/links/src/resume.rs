//! `POST /api/v1/links/{id}/resume`: a paused link opens again, at the same URL (L4).

use axum::{Extension, response::Response};
use edge::{
    App,
    asked::{Id, MaybeIfMatch},
    caller::Caller,
    once::Once,
    problem::Problem,
};

use crate::{edit::switch, show::Shown};

/// Resumes a link. Only its maker may: whoever else resumed it would give away the maker's rights.
///
/// # Errors
/// 410 for a link that was revoked or whose maker may no longer share, 412 for another version than `If-Match` names.
#[utoipa::path(post, path = "/api/v1/links/{id}/resume", tag = "links", operation_id = "resume_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the link as it was read")),
    responses((status = 200, description = "The link, resumed", body = wire::link::Changed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn resume(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    seen: MaybeIfMatch,
    once: Once,
) -> Result<Response, Problem> {
    let changed = switch(&app, &caller, &id, true, &seen, &once).await?;
    Ok(changed.answer(&shown, &caller, app.now()))
}
