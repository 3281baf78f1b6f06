//! `POST /api/v1/datasets/{id}/break-glass`: an administrator reads a dataset for a while, in an emergency.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    delegation::{BrokenGlass, broken_glass},
    grant::Subject,
    rights::Role,
};
use edge::{
    App,
    asked::{Id, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use table::TableError;

use crate::{source_edit::bounded, subject};

/// Grants the administrator who asks a dataset, for a day at the most and with a reason, which its owner sees in the audit. The grant is in
/// the dataset's sharing, and whoever administers the dataset withdraws it as any other. Asking again begins anew.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a dataset that is not there, 409 `reason-needed`, 409 `owns-it`, 409 `has-grant` where somebody gave the
/// administrator a grant, 422 `hours`, `more-than-reading`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/break-glass", tag = "grants", operation_id = "break_glass", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::grant::BreakGlass,
    responses((status = 201, description = "The grant", body = wire::grant::Grant), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn break_glass(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::grant::BreakGlass>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/break-glass"), &bytes);
    let role = Role::of(ask.role.as_deref().unwrap_or("view")).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "grant-role", "there is no such role")
            .at("/role")
            .hint("`preview`, `view` or `download`")
    })?;
    let new = BrokenGlass { role, hours: ask.hours.unwrap_or(1) };
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::BreakGlass, &Facts::Dataset(facts.clone()), now)?;
        let reason = bounded(Some(ask.reason.clone()))?.ok_or_else(|| {
            Problem::new(StatusCode::CONFLICT, "reason-needed", "breaking the glass needs a reason")
                .at("/reason")
                .hint("say why; the dataset's owner will see it")
        })?;
        let dataset = facts.place.dataset.id;
        let there = app.table.grant(dataset, Subject::User(caller.user.id)).await?;
        let is_again = app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some();
        let given = if let Some(there) = there.as_ref().filter(|_| is_again) {
            Ok(there.clone())
        } else {
            let grant = broken_glass(&permit, dataset, new, there.as_ref(), now)?;
            app.table.break_glass(&permit, &facts, (&grant, there.as_ref()), (&reason, once.as_ref()), now).await
        };
        match given {
            Ok(grant) => {
                let shown = subject::shown(&app, dataset, std::slice::from_ref(&grant)).await?;
                let shown = shown.into_iter().next().ok_or_else(Problem::not_found)?;
                return Ok(with_version(json::created(&shown), grant.version));
            }
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            Err(why) => return Err(why.into()),
        }
    }
}
