//! `/sign-in/provider` and `/sign-in/callback`: to the identity provider, and back with its answer.

use axum::{
    extract::{Query, rejection::QueryRejection},
    response::{IntoResponse, Redirect, Response},
};
use edge::{App, asked::Filters, problem::Problem, provider::Provider, sign_in};
use http::{StatusCode, request::Parts};
use identity::code_flow::Attempt;
use serde::Deserialize;

use crate::{cookie, local_path::LocalPath, origin::Origin, page::with_cookie};

/// Where the provider sends the browser back to, to the byte as the provider must know it.
const CALLBACK: &str = "/sign-in/callback";

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    next: Option<String>,
}

/// What a provider answers, through the browser. Providers add fields of their own; one that is named twice is refused.
#[derive(Deserialize)]
pub(crate) struct Said {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

fn provider(app: &App) -> Result<&Provider, Problem> {
    app.provider.as_ref().filter(|provider| provider.takes_browsers()).ok_or_else(Problem::not_found)
}

/// Sends the browser to the provider. It keeps what proves, when it comes back, that the sign-in was begun here.
///
/// # Errors
/// 404 without a provider, 503 where it cannot be asked for its addresses.
pub(crate) async fn begin(app: App, parts: Parts, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let (provider, origin) = (provider(&app)?, Origin::from_parts(&parts));
    let attempt = Attempt::new(app.random()?, app.random()?, app.random()?);
    let address = provider.address(&attempt, &origin.at(CALLBACK)).await?;
    let cookie = cookie::give_attempt(&origin, &attempt, &LocalPath::or_home(ask.next.as_deref()));
    Ok(with_cookie(Redirect::to(&address).into_response(), cookie))
}

/// Signs in whom the provider proves, with a new session.
///
/// Refusals are pages: 400 `sign-in-state` for an answer to no sign-in of this browser, 403 `sign-in-refused` for a refusal, 401 `token` for proof that is not
/// believed, 503 where the provider or the table does not answer.
pub(crate) async fn finish(app: App, parts: Parts, said: Result<Query<Said>, QueryRejection>) -> Response {
    let origin = Origin::from_parts(&parts);
    let answered = match said {
        Ok(Query(said)) => finished(&app, &parts, &origin, said).await,
        Err(_why) => Err(Provider::not_begun_here()),
    };
    // Whatever came of it: an attempt is answered once.
    with_cookie(answered.unwrap_or_else(IntoResponse::into_response), cookie::take_attempt(&origin))
}

async fn finished(app: &App, parts: &Parts, origin: &Origin, said: Said) -> Result<Response, Problem> {
    let (provider, now) = (provider(app)?, app.now());
    let (attempt, next) = cookie::attempt(&parts.headers, origin).ok_or_else(Provider::not_begun_here)?;
    if !said.state.is_some_and(|state| attempt.is_of(&state)) {
        return Err(Provider::not_begun_here());
    }
    provider.admit_answer(said.iss.as_deref()).await?;
    if said.error.is_some() {
        return Err(Problem::new(StatusCode::FORBIDDEN, "sign-in-refused", "the identity provider did not sign you in")
            .hint("begin again, or ask whoever runs the provider"));
    }
    let code = said.code.ok_or_else(Provider::not_begun_here)?;
    let known = provider.exchange(&attempt, &code, &origin.at(CALLBACK), now).await?;
    let signed_in = sign_in::as_identified(app, &known, now).await?;
    Ok(with_cookie(Redirect::to(next.as_str()).into_response(), cookie::give_session(origin, &signed_in, now)))
}
