//! `GET /api/v1/tokens`, and how a token is shown everywhere else: never its text.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    token::{Token, TokenKind},
};
use edge::{App, caller::Caller, json, problem::Problem};

/// Lists the caller's tokens, the ended ones too.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens", security(("token" = ["read"])),
    responses((status = 200, description = "Every token of the caller's", body = wire::page::Page<wire::token::Token>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller) -> Result<Response, Problem> {
    let _may_see = caller.may(Action::See, &Facts::Deployment, app.now())?;
    let items = app
        .table
        .tokens_and_use(caller.user.id)
        .await?
        .iter()
        .filter(|(token, _used)| token.kind != TokenKind::Code)
        .map(|(token, used)| wire::token::Token { used: used.map(|at| at.to_string()), ..shown(token, &caller) })
        .collect();
    Ok(json::ok(&wire::page::Page { items, next_cursor: None }))
}

/// A token as its owner sees it.
pub(crate) fn shown(token: &Token, caller: &Caller) -> wire::token::Token {
    one(token, token.id == caller.token.id)
}

/// The same; `current`: it is the one that asks.
pub(crate) fn one(token: &Token, current: bool) -> wire::token::Token {
    wire::token::Token {
        id: token.id.to_string(),
        kind: token.kind.word().to_owned(),
        label: token.label.clone(),
        scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
        dataset: token.dataset.map(|dataset| dataset.to_string()),
        until: token.until.to_string(),
        made: token.made.to_string(),
        revoked: token.revoked.map(|at| at.to_string()),
        used: None,
        current,
    }
}
