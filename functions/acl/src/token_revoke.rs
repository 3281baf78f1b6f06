//! `POST /api/v1/tokens/{id}/revoke`.

use axum::response::Response;
use domain::{
    decision::{Action, Denial, Facts},
    id::TokenId,
    timing::Timing,
    token::Token,
};
use edge::{App, asked::Id, caller::Caller, json, problem::Problem};

use crate::token_list::shown;

/// Revokes a token of the caller's: at once for the API, which looks tokens up at every request, and within 65 s for reading data. A token may end itself, and others that may do no more than it.
///
/// # Errors
/// 404 for a token that is not the caller's, 403 `scope` for one that may do more.
#[utoipa::path(post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens", operation_id = "revoke_token", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, description = "The token, revoked", body = wire::token::TokenEnded), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn revoke(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::See, &Facts::Deployment, now)?;
    let id = TokenId::parse(&id).map_err(|_not_one| Problem::not_found())?;
    let token = app.table.tokens_of(caller.user.id).await?.into_iter().find(|token| token.id == id).ok_or_else(Problem::not_found)?;
    may_end(&caller.token, &token)?;
    let revoked = app.table.revoke_token(&permit, &token, now).await?;
    Ok(json::ok(&ended(&app, shown(&revoked, &caller))))
}

/// An ended token, and when that is in force: what was signed for it works a while.
pub(crate) fn ended(app: &App, token: wire::token::Token) -> wire::token::TokenEnded {
    wire::token::TokenEnded { token, enforced_by: Timing::PRIVATE.enforced_by(app.now(), None).to_string() }
}

/// A lesser token that leaked must not end the greater ones.
fn may_end(own: &Token, other: &Token) -> Result<(), Denial> {
    match other.scopes.iter().find(|scope| !own.may(**scope)) {
        Some(needed) if own.id != other.id => Err(Denial::Scope { needed: *needed }),
        _ => Ok(()),
    }
}
