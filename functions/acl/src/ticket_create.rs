//! `POST /api/v1/datasets/{id}/tickets`: an address by which the caller's own tools read one dataset, for a short while.

use axum::response::Response;
use edge::{App, asked::Id, caller::Caller, json, json::Body, once::Once, problem::Problem, ticket};

/// Makes a ticket: personal, narrow, and void with the caller's rights. It is in this answer, and in that to
/// the same request sent again by the same session or token, and nowhere else.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 409 `shown-elsewhere`, 422 `minutes`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/tickets", tag = "tokens", operation_id = "create_ticket", security(("token" = ["data"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::dataset::NewTicket,
    responses((status = 201, description = "The ticket, shown this once", body = wire::dataset::Ticket), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::NewTicket>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/tickets"), &bytes);
    Ok(json::created(&ticket::make(&app, &caller, &id, ask.minutes, once.as_ref()).await?))
}
