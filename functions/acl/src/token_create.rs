//! `POST /api/v1/tokens`.

use axum::response::Response;
use domain::{
    decision::{Action, Denial, Facts},
    id::TokenId,
    limits::{LABEL_CHARS_MAX, TOKEN_DAYS_MAX},
    token::{Scope, Token, TokenKind, TokenSecret},
};
use edge::{App, caller::Caller, json, json::Body, once::Once, problem::Problem};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::token_list::shown;

/// Makes a token of the caller's own, for a program. Its secret is in this answer, and in that to the same request sent again by the same
/// session, and nowhere else. A token makes no token: a session does.
///
/// # Errors
/// 403 for a token that asks, and for a scope that the session lacks; 409 `shown-elsewhere`; 422 for a label, scopes or days that do not fit.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token", security(("token" = ["read"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::token::NewToken,
    responses((status = 201, description = "The token, and its secret, shown this once", body = wire::token::NewTokenMade), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::token::NewToken>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of("POST /api/v1/tokens", &bytes);
    let permit = caller.may(Action::MakeToken, &Facts::Deployment, now)?;
    let id = TokenId::new(app.new_uuid(now)?);
    let bits = caller.secret_bits(&app, once.as_ref(), id)?;
    let mut token = read(&ask, &caller, id, &TokenSecret::new(bits), now)?;
    if let Some(id) = &ask.dataset {
        let facts = caller.dataset(&app, id).await?;
        let _may_know = caller.may(Action::See, &Facts::Dataset(facts.clone()), now)?;
        token.dataset = Some(facts.place.dataset.id);
    }
    let token = app.table.insert_token(&permit, &token, once.as_ref(), now).await?;
    let secret = TokenSecret::new(caller.shown_again(bits, once.as_ref(), &token, |bits| TokenSecret::new(bits).hash())?);
    Ok(json::created(&wire::token::NewTokenMade { token: shown(&token, &caller), secret: secret.reveal() }))
}

/// What is asked, held to the caller's own token.
fn read(ask: &wire::token::NewToken, caller: &Caller, id: TokenId, secret: &TokenSecret, now: Timestamp) -> Result<Token, Problem> {
    let wrong = |code, detail: &str, at: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(at);
    if ask.label.chars().count() > LABEL_CHARS_MAX || ask.label.chars().any(char::is_control) {
        return Err(wrong("label", "the label is too long, or holds a character that controls", "/label").hint("shorten the label"));
    }
    let words = Scope::ALL.map(Scope::word).join("`, `");
    let scopes: Option<Vec<Scope>> = ask.scopes.iter().map(|word| Scope::of(word)).collect();
    let mut scopes = scopes.filter(|scopes| !scopes.is_empty()).ok_or_else(|| {
        wrong("scopes", &format!("a token has one scope or more of `{words}`"), "/scopes").hint("name what the program needs and no more")
    })?;
    scopes.sort_unstable();
    scopes.dedup();
    if let Some(needed) = scopes.iter().find(|scope| !caller.token.may(**scope)) {
        return Err(Denial::Scope { needed: *needed }.into());
    }
    if !(1..=TOKEN_DAYS_MAX).contains(&ask.days) {
        return Err(
            wrong("token-days", &format!("a token lives 1 to `{TOKEN_DAYS_MAX}` days"), "/days").hint("make another when it has ended")
        );
    }
    let life = SignedDuration::from_hours(i64::from(ask.days).saturating_mul(24));
    let until = now.checked_add(life).unwrap_or(now);
    Ok(Token {
        id,
        kind: TokenKind::Api,
        hash: secret.hash(),
        owner: caller.user.id,
        label: ask.label.clone(),
        scopes,
        dataset: None,
        until,
        made: now,
        revoked: None,
    })
}
