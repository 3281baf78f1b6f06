//! `POST /api/v1/sign-in` and `/api/v1/sign-out`: a code, or a provider's token, is exchanged for a session, and a session ends itself.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    token::TokenKind,
};
use edge::{
    App,
    caller::AnyToken,
    json,
    json::Body,
    problem::Problem,
    sign_in::{self, SignedIn},
};
use http::{StatusCode, request::Parts};

use crate::{token_list, token_revoke, user};

/// Signs in with a code that an administrator gave, once, within a day; or with a token of the deployment's identity provider, which
/// makes an account for whoever has none.
///
/// # Errors
/// 401 `code`, the same for a code that was never given, was used, or has ended; 403 `not-encrypted` for a code that others could read; 401 `token` for a token that is not believed.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "about", operation_id = "sign_in", security(()),
    request_body = wire::user::SignInAsk,
    responses((status = 200, description = "Who signed in, and the session", body = wire::user::SignedIn), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sign_in(app: App, parts: Parts, Body { ask, .. }: Body<wire::user::SignInAsk>) -> Result<Response, Problem> {
    let now = app.now();
    let SignedIn { user, session, secret } = match (ask.code, ask.token) {
        (Some(code), None) => sign_in::by_code(&app, &parts, code.trim(), now).await?,
        (None, Some(token)) => sign_in::by_provider(&app, token.trim(), now).await?,
        _ => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sign-in-by", "a code or a token, and not both")
                .hint("send `code`, or `token` where the deployment has an identity provider"));
        }
    };
    let token = token_list::one(&session, true);
    let session = wire::token::NewTokenMade { token, secret: secret.reveal() };
    Ok(json::ok(&wire::user::SignedIn { user: user::shown(&user), session }))
}

/// Ends the session, or the token, that asks, whatever it is for.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "about", operation_id = "sign_out", security(("token" = ["read"])),
    responses((status = 200, description = "The session, ended", body = wire::token::TokenEnded), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sign_out(app: App, AnyToken(caller): AnyToken) -> Result<Response, Problem> {
    if caller.token.kind == TokenKind::Provider {
        return Err(Problem::new(StatusCode::CONFLICT, "provider-token", "a token of the identity provider is not ended here")
            .hint("sign out at the provider; the token ends by itself"));
    }
    let now = app.now();
    let permit = caller.may(Action::Narrow, &Facts::Deployment, now)?;
    let ended = app.table.revoke_token(&permit, &caller.token, now).await?;
    Ok(json::ok(&token_revoke::ended(&app, token_list::one(&ended, true))))
}
