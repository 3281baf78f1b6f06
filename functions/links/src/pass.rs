//! `POST /api/v1/passes`: an address for a quarter of an hour, for whoever has a link, knows its password and accepts the terms of its data.

use axum::response::{IntoResponse, Response};
use domain::id::TermsId;
use edge::{
    App, json,
    json::Body,
    pass::{Asked, ask as ask_for, key_in_page, wrong_password},
    problem::Problem,
    terms::unknown,
};
use http::request::Parts;

use crate::{
    resolve::{code_in, key_in},
    show::about,
};

/// Gives a pass for a link that asks for one. Needs no token: holding the link, knowing its password and accepting its data's terms is enough.
///
/// # Errors
/// 404 for a key that opens nothing, 409 for a link that asks for none, 410 for one that has ended, 403 for a wrong password, 401 `terms-needed` for
/// terms that were not accepted; 429 after too
/// many tries, or where the link gave all the passes that it gives.
#[utoipa::path(post, path = "/api/v1/passes", tag = "links", operation_id = "create_pass", security(()), request_body = wire::pass::NewPass,
    responses((status = 201, description = "A pass, shown this once", body = wire::pass::Pass), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(app: App, parts: Parts, Body { ask, .. }: Body<wire::pass::NewPass>) -> Result<Response, Problem> {
    let terms = ask.terms.iter().map(|id| TermsId::parse(id).map_err(|_not_one| unknown("/terms"))).collect::<Result<Vec<_>, _>>()?;
    let key = match (key_in(&ask.url), code_in(&ask.url)) {
        (None, Some(code)) => key_in_page(&app, &parts, &code.to_string(), app.now()).await?,
        (key, _) => key,
    };
    match ask_for(&app, &parts, key.as_ref(), ask.password.as_ref(), &terms).await? {
        Asked::Given(facts, pass) => Ok(about(&facts, json::created(&pass))),
        Asked::Wrong(facts) => Ok(about(&facts, wrong_password().into_response())),
    }
}
