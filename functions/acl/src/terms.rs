//! `/api/v1/terms` and `/api/v1/me/terms`: data-use terms, and accepting them (ACCESS 3, FEATURES U6).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    id::TermsId,
    source::Ceilings,
    terms::DataTerms,
};
use edge::{App, asked::Id, caller::Caller, json, json::Body, once::Once, problem::Problem, terms};
use http::StatusCode;

/// Adds a text of data-use terms, by an administrator. Nobody is asked for it until a source's ceilings or the policy's name its id. The same
/// text, sent again, is the same terms.
///
/// # Errors
/// 403 for anybody but an administrator, 422 `terms-text`.
#[utoipa::path(post, path = "/api/v1/terms", tag = "sources", operation_id = "add_terms", security(("token" = ["admin"])), request_body = wire::terms::NewTerms,
    responses((status = 200, description = "They were there already", body = wire::terms::Terms), (status = 201, description = "The terms, with their id", body = wire::terms::Terms), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn add(app: App, caller: Caller, Body { ask, .. }: Body<wire::terms::NewTerms>) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let terms = DataTerms::parse(&ask.text).map_err(|why| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "terms-text", why.to_string())
            .at("/text")
            .hint("plain text; a longer agreement lies at an address that this one names")
    })?;
    let is_new = app.table.add_terms(&permit, &terms, now).await?;
    Ok(if is_new { json::created(&shown(&terms)) } else { json::ok(&shown(&terms)) })
}

/// Shows data-use terms to whoever knows their id: a refusal names it. Needs no token.
///
/// # Errors
/// 404 where there are none.
#[utoipa::path(get, path = "/api/v1/terms/{id}", tag = "sources", operation_id = "show_terms", security(()),
    params(("id" = String, Path, description = "The terms' id")),
    responses((status = 200, description = "The terms", body = wire::terms::Terms), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, Id(id): Id) -> Result<Response, Problem> {
    Ok(json::ok(&shown(&terms::find(&app, &id).await?)))
}

/// Accepts data-use terms: what asks for them opens to the caller, as far as the caller may read it. It is remembered and audited; other terms
/// are another thing. Accepting them again changes nothing.
///
/// # Errors
/// 404 where there are none, 403 `scope` for a token without `groups`.
#[utoipa::path(post, path = "/api/v1/me/terms/{id}/accept", tag = "about", operation_id = "accept_terms", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The terms' id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The terms that were accepted", body = wire::terms::Terms), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn accept(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/me/terms/{id}/accept"), b"");
    let (terms, _user) = terms::accept(&app, &caller, &id, once.as_ref()).await?;
    Ok(json::ok(&shown(&terms)))
}

/// Holds ceilings to terms that there are.
///
/// # Errors
/// 422 `terms`.
pub(crate) async fn exist(app: &App, ceilings: &Ceilings, before: Option<TermsId>) -> Result<(), Problem> {
    let named = ceilings.terms.filter(|terms| before != Some(*terms));
    match named {
        Some(id) if app.table.terms(id).await?.is_none() => Err(terms::unknown("/ceilings/terms")),
        _ => Ok(()),
    }
}

fn shown(terms: &DataTerms) -> wire::terms::Terms {
    wire::terms::Terms { id: terms.id().to_string(), title: terms.title().to_owned(), text: terms.text().to_owned() }
}
