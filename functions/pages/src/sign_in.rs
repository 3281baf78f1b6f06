//! `/sign-in`: a form for a code, and the way to the identity provider where there is one.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use edge::{App, asked::Filters, problem::Problem, sign_in};
use http::{StatusCode, request::Parts};
use serde::Deserialize;

use crate::{
    cookie,
    form::OwnForm,
    local_path::LocalPath,
    member::signed_in,
    origin::Origin,
    page::{Frame, page, sentence, with_cookie},
};

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    next: Option<String>,
    #[serde(default)]
    signed_out: bool,
}

/// A code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    code: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    /// The provider's host, and where its sign-in begins.
    provider: Option<(String, String)>,
    next: LocalPath,
    signed_out: bool,
    /// Whether a code may be typed here.
    takes_codes: bool,
    wrong: Option<String>,
}

impl SignIn {
    fn new(app: &App, parts: &Parts, next: LocalPath) -> Self {
        let provider = app.provider.as_ref().filter(|provider| provider.takes_browsers());
        let provider = provider.map(|provider| (provider.host().to_owned(), next.by_way_of("/sign-in/provider")));
        Self { frame: Frame::of_nobody(), provider, next, signed_out: false, takes_codes: sign_in::takes_codes(app, parts), wrong: None }
    }
}

/// Shows the form. Whoever is signed in goes on.
///
/// # Errors
/// 400 for a query that does not fit.
pub(crate) async fn show(app: App, parts: Parts, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let next = LocalPath::or_home(ask.next.as_deref());
    if signed_in(&parts, &app).await?.is_some() {
        return Ok(Redirect::to(next.as_str()).into_response());
    }
    page(StatusCode::OK, &SignIn { signed_out: ask.signed_out, ..SignIn::new(&app, &parts, next) })
}

/// Signs in by a code, with a new session.
///
/// # Errors
/// 403 `cross-site`, `not-encrypted`, 503 where the table does not answer. A code that does not work is told on the form.
pub(crate) async fn sign_in(app: App, parts: Parts, OwnForm(shown): OwnForm<Shown>) -> Result<Response, Problem> {
    let (now, origin) = (app.now(), Origin::from_parts(&parts));
    let next = LocalPath::or_home(shown.next.as_deref());
    match sign_in::by_code(&app, &parts, shown.code.trim(), now).await {
        Ok(signed_in) => Ok(with_cookie(Redirect::to(next.as_str()).into_response(), cookie::give_session(&origin, &signed_in, now))),
        Err(wrong) if wrong.status == StatusCode::UNAUTHORIZED => {
            let told = [Some(wrong.detail()), wrong.to_do()].into_iter().flatten().map(sentence).collect::<Vec<_>>().join(" ");
            page(StatusCode::UNPROCESSABLE_ENTITY, &SignIn { wrong: Some(told), ..SignIn::new(&app, &parts, next) })
        }
        Err(why) => Err(why),
    }
}
