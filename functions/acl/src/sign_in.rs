//! `POST /api/v1/sign-in` and `/api/v1/sign-out`: a code, or a provider's token, is exchanged for a session, and a session ends itself.

use axum::{extract::State, response::Response};
use domain::{
    decision::{Action, Denial, Facts},
    id::{TokenId, UserId},
    limits::SESSION_SECS,
    token::{CodeSecret, Scope, Token, TokenKind, TokenSecret},
    user::{Standing, User, user_name},
};
use edge::{App, caller::Caller, json, json::Body, problem::Problem};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use table::{TableError, users::Identity};

use crate::{token_list, user};

/// Signs in with a code that an administrator gave, once, within a day; or with a token of the deployment's identity provider, which
/// makes an account for whoever has none.
///
/// # Errors
/// 401 `code`, the same for a code that was never given, was used, or has ended; 401 `token` for a token that is not believed.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "about", operation_id = "sign_in", security(()),
    request_body = wire::user::SignInAsk,
    responses((status = 200, description = "Who signed in, and the session", body = wire::user::SignedIn), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sign_in(State(app): State<App>, Body { ask, .. }: Body<wire::user::SignInAsk>) -> Result<Response, Problem> {
    let now = app.now();
    let (user, session, secret) = match (ask.code, ask.token) {
        (Some(code), None) => by_code(&app, code.trim(), now).await?,
        (None, Some(token)) => by_provider(&app, token.trim(), now).await?,
        _ => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sign-in-by", "a code or a token, and not both")
                .hint("send `code`, or `token` where the deployment has an identity provider"));
        }
    };
    let token = token_list::one(&session, true);
    let session = wire::token::NewTokenMade { token, secret: secret.reveal() };
    Ok(json::ok(&wire::user::SignedIn { user: user::shown(&user), session }))
}

type SignedIn = (User, Token, TokenSecret);

async fn by_code(app: &App, text: &str, now: Timestamp) -> Result<SignedIn, Problem> {
    let code = CodeSecret::parse(text).map_err(|_not_one| no_such_code())?;
    let (user, code) = app.table.bearer(code.hash()).await?.ok_or_else(no_such_code)?;
    if code.kind != TokenKind::Code || !code.is_live(now) || user.standing != Standing::Active {
        return Err(no_such_code());
    }
    let (session, secret) = session(app, &user, now)?;
    match app.table.redeem_code(&code, &session, now).await {
        Ok(()) => Ok((user, session, secret)),
        Err(TableError::Stale | TableError::NotForThis) => Err(no_such_code()),
        Err(why) => Err(why.into()),
    }
}

/// Names that are tried for a new account: the provider's, and the same with a number.
const NAMES: u32 = 20;

async fn by_provider(app: &App, token: &str, now: Timestamp) -> Result<SignedIn, Problem> {
    let provider = app.provider.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-provider", "this deployment has no identity provider")
            .at("/token")
            .hint("sign in with a code; an administrator gives one")
    })?;
    let known = provider.verify(token, now).await?;
    let identity = Identity { issuer: &known.issuer, subject: &known.subject };
    let user = match app.table.identified(identity).await? {
        Some(user) => user,
        None => sign_up(app, identity, known.name.as_deref(), now).await?,
    };
    if user.standing != Standing::Active {
        return Err(Denial::Suspended.into());
    }
    let (session, secret) = session(app, &user, now)?;
    app.table.sign_in(identity, &session, now).await?;
    Ok((user, session, secret))
}

/// A new account, under the provider's name for the person or one like it. Nothing but issuer and subject says who it is.
async fn sign_up(app: &App, identity: Identity<'_>, name: Option<&str>, now: Timestamp) -> Result<User, Problem> {
    let name = name.and_then(user_name).or_else(|| user_name(identity.subject)).unwrap_or_else(|| "somebody".to_owned());
    for number in 1..=NAMES {
        let name = if number == 1 { name.clone() } else { format!("{name} {number}") };
        let id = UserId::new(app.new_uuid(now)?);
        let user = User { id, name, administrator: false, standing: Standing::Active };
        match app.table.sign_up(identity, &user, now).await {
            Ok(()) => return Ok(user),
            Err(TableError::Exists { .. }) => {}
            // Signing in twice at once: the other one made it.
            Err(TableError::Stale) => return app.table.identified(identity).await?.ok_or_else(|| TableError::Stale.into()),
            Err(why) => return Err(why.into()),
        }
    }
    Err(TableError::Exists { what: "a user of this name" }.into())
}

fn session(app: &App, user: &User, now: Timestamp) -> Result<(Token, TokenSecret), Problem> {
    let secret = TokenSecret::new(app.random()?);
    let session = Token {
        id: TokenId::new(app.new_uuid(now)?),
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: user.id,
        label: "session".to_owned(),
        scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin || user.administrator).collect(),
        dataset: None,
        until: now.checked_add(SignedDuration::from_secs(SESSION_SECS)).unwrap_or(now),
        made: now,
        revoked: None,
    };
    Ok((session, secret))
}

/// Ends the session, or the token, that asks.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "about", operation_id = "sign_out", security(("token" = ["read"])),
    responses((status = 200, description = "The session, ended", body = wire::token::Token), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::See, &Facts::Deployment, now)?;
    let ended = app.table.revoke_token(&permit, &caller.token, now).await?;
    Ok(json::ok(&token_list::one(&ended, true)))
}

fn no_such_code() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "code", "the code is not one that works")
        .at("/code")
        .hint("codes work once, within a day; ask an administrator for a new one")
}
