//! `GET /api/v1/sources`.

use axum::response::Response;
use domain::decision::{Action, Facts};
use edge::{App, caller::Caller, json, problem::Problem};

use crate::source_show::shown;

/// Lists all sources, by name, to an administrator. A deployment has at most 100, so there is one page.
///
/// # Errors
/// 403 for anybody else.
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", operation_id = "list_sources", security(("token" = ["admin"])),
    responses((status = 200, description = "Every source", body = wire::page::Page<wire::source::Source>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller) -> Result<Response, Problem> {
    let _permit = caller.may(Action::Administer, &Facts::Deployment, app.now())?;
    let items = app.table.sources().await?.iter().map(shown).collect();
    Ok(json::ok(&wire::page::Page { items, next_cursor: None }))
}
