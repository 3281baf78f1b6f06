//! `POST /api/v1/passes`: an address for a quarter of an hour, for whoever has a link and knows its password.

use axum::response::{IntoResponse, Response};
use edge::{
    App, json,
    json::Body,
    pass::{Asked, ask as ask_for, wrong_password},
    problem::Problem,
};
use http::request::Parts;

use crate::{resolve::key_in, show::about};

/// Gives a pass for a link that asks for one. Needs no token: holding the link and knowing its password is enough.
///
/// # Errors
/// 404 for a key that opens nothing, 409 for a link that asks for none, 410 for one that has ended, 403 for a wrong password; 429 after too
/// many tries, or where the link gave all the passes that it gives.
#[utoipa::path(post, path = "/api/v1/passes", tag = "links", operation_id = "create_pass", security(()), request_body = wire::pass::NewPass,
    responses((status = 201, description = "A pass, shown this once", body = wire::pass::Pass), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(app: App, parts: Parts, Body { ask, .. }: Body<wire::pass::NewPass>) -> Result<Response, Problem> {
    match ask_for(&app, &parts, key_in(&ask.url).as_ref(), ask.password.as_ref()).await? {
        Asked::Given(facts, pass) => Ok(about(&facts, json::created(&pass))),
        Asked::Wrong(facts) => Ok(about(&facts, wrong_password().into_response())),
    }
}
