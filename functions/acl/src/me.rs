//! `GET /api/v1/me`: who the caller is.

use axum::response::Response;
use domain::decision::{Action, Facts};
use edge::{App, caller::Caller, json, problem::Problem};

use crate::token_list::shown;

/// Says whose token this is, and what it may be used for.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(get, path = "/api/v1/me", tag = "about", operation_id = "me", security(("token" = ["read"])),
    responses((status = 200, description = "The caller", body = wire::token::Me), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn me(app: App, caller: Caller) -> Result<Response, Problem> {
    let _may_see = caller.may(Action::See, &Facts::Deployment, app.now())?;
    let (user, token) = (&caller.user, shown(&caller.token, &caller));
    Ok(json::ok(&wire::token::Me {
        id: user.id.to_string(),
        name: user.name.clone(),
        administrator: user.administrator,
        auditor: user.auditor,
        token,
    }))
}
