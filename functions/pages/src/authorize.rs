//! `/api/v1/authorize`: where Neuroglancer's `middleauth` sends a person, in a window of its own, to be given a token.
//!
//! The viewer names itself nowhere, so its origin is taken from the `Referer`, or from the query once the person had to sign in first. Either
//! only chooses among the origins that the deployment allows: the token is handed to the window that opened this one, and only if that one is
//! of the chosen origin, which the browser sees to.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::BASE64;
use domain::{
    decision::{Action, Facts},
    id::TokenId,
    limits::{LABEL_CHARS_MAX, VIEWER_TOKEN_SECS},
    timing::later,
    token::{Scope, Token, TokenKind, TokenSecret},
};
use edge::{App, asked::Filters, caller::Caller, problem::Problem};
use http::{HeaderValue, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    form::OwnForm,
    local_path::{LocalPath, escaped},
    member::signed_in,
    page::{Frame, page},
};

/// Hands the token over. It is the only script of these pages, and its page lets no other run.
const SCRIPT: &str = include_str!("../assets/authorize.js");

/// Which viewer asks, where it was told before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    viewer: Option<String>,
}

/// Consent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    viewer: String,
}

#[derive(Template)]
#[template(path = "authorize.html")]
struct Consent {
    frame: Frame,
    viewer: String,
    data: String,
    until: Timestamp,
}

#[derive(Template)]
#[template(path = "authorized.html")]
struct Handed {
    frame: Frame,
    viewer: String,
    token: String,
    app_urls: String,
    script: &'static str,
}

/// Asks for consent.
///
/// # Errors
/// 403 `viewer` for a page that the deployment does not let read.
pub(crate) async fn show(app: App, parts: Parts, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let viewer = admitted(&app, ask.viewer.or_else(|| referrer(&parts)).as_deref())?;
    let Some(caller) = signed_in(&parts, &app).await? else { return Ok(by_way_of_sign_in(&viewer)) };
    let now = app.now();
    let _may_make = caller.may(Action::MakeToken, &Facts::Deployment, now)?;
    let consent = Consent { frame: Frame::of(&caller), viewer, data: data_origin(&app)?.to_owned(), until: end(&caller, now) };
    page(StatusCode::OK, &consent)
}

/// Makes a token that reads, and hands it to the viewer's window. It is on this page and nowhere else.
///
/// # Errors
/// 403 `cross-site`, `viewer`.
pub(crate) async fn allow(app: App, parts: Parts, OwnForm(allowed): OwnForm<Allowed>) -> Result<Response, Problem> {
    let (now, viewer) = (app.now(), admitted(&app, Some(&allowed.viewer))?);
    let Some(caller) = signed_in(&parts, &app).await? else { return Ok(by_way_of_sign_in(&viewer)) };
    let data = data_origin(&app)?;
    let permit = caller.may(Action::MakeToken, &Facts::Deployment, now)?;
    let secret = TokenSecret::new(app.random()?);
    let token = token(&caller, &viewer, &secret, TokenId::new(app.new_uuid(now)?), now);
    app.table.insert_token(&permit, &token, None, now).await?;
    let app_urls = serde_json::json!([data]).to_string();
    let handed = Handed { frame: Frame::of(&caller), viewer, token: secret.reveal(), app_urls, script: SCRIPT };
    let mut answer = page(StatusCode::OK, &handed)?;
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy()?);
    Ok(answer)
}

/// Signs the person in first. The way back names the viewer: the page that comes before it then is ours.
fn by_way_of_sign_in(viewer: &str) -> Response {
    let back = LocalPath::or_home(Some(&format!("/api/v1/authorize?viewer={}", escaped(viewer))));
    Redirect::to(&back.by_way_of("/sign-in")).into_response()
}

/// When a token that is made now ends: never after the session that makes it would by itself.
fn end(caller: &Caller, now: Timestamp) -> Timestamp {
    later(now, VIEWER_TOKEN_SECS).min(caller.token.until)
}

/// A token that reads what its owner reads, by name, and nothing else.
fn token(caller: &Caller, viewer: &str, secret: &TokenSecret, id: TokenId, now: Timestamp) -> Token {
    Token {
        id,
        kind: TokenKind::Viewer,
        hash: secret.hash(),
        owner: caller.user.id,
        label: format!("viewer {viewer}").chars().take(LABEL_CHARS_MAX).collect(),
        scopes: vec![Scope::Data],
        dataset: None,
        until: end(caller, now),
        made: now,
        revoked: None,
    }
}

/// The origin of the page that led here.
fn referrer(parts: &Parts) -> Option<String> {
    let referrer = parts.headers.get(header::REFERER)?.to_str().ok()?;
    let (scheme, rest) = referrer.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}"))
}

/// The viewer, if it is one of those that the deployment allows, to the byte.
fn admitted(app: &App, viewer: Option<&str>) -> Result<String, Problem> {
    let known = app.config.viewer_origins.iter().find(|known| Some(known.as_str()) == viewer);
    known.cloned().ok_or_else(|| {
        Problem::new(StatusCode::FORBIDDEN, "viewer", "the page that asks to read your data is none that this deployment allows")
            .hint("open your viewer again; an administrator can allow its address in OFFPRINT_VIEWER_ORIGINS")
    })
}

/// What the token is for, and where the viewer may show it.
fn data_origin(app: &App) -> Result<&str, Problem> {
    app.config.data_url.as_deref().ok_or_else(Problem::not_found)
}

/// The policy of the page with the script: this one script, known by its hash.
fn policy() -> Result<HeaderValue, Problem> {
    let hash = BASE64.encode(&Sha256::digest(SCRIPT.as_bytes()));
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ))
    .map_err(|_never| Problem::not_found())
}
