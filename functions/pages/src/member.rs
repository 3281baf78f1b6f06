//! Who is signed in, by the browser's cookie; everybody else is sent to sign in, and back.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Redirect, Response},
};
use domain::token::TokenKind;
use edge::{App, caller::Caller, problem::Problem, target::RawTarget};
use http::{Method, header, request::Parts};

use crate::{cookie, local_path::LocalPath, origin::Origin};

/// The session that a browser shows, if it is a live one. A token of another kind in the cookie is none.
///
/// # Errors
/// 403 `suspended`, 503 where the table does not answer.
pub(crate) async fn signed_in(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    let Some(secret) = cookie::session(&parts.headers, &Origin::from_parts(parts)) else { return Ok(None) };
    Ok(Caller::holding(&secret, parts, app).await?.filter(|caller| caller.token.kind == TokenKind::Session))
}

/// What to come back to: the page that was asked for, or, of a form, the page that it stands on.
fn asked(parts: &Parts) -> String {
    let (path, query) = RawTarget::of(parts);
    let here = || query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    if parts.method == Method::GET {
        return here();
    }
    let page = parts.headers.get(header::REFERER).and_then(|page| page.to_str().ok());
    page.and_then(|page| page.strip_prefix(&Origin::from_parts(parts).at(""))).map_or_else(here, str::to_owned)
}

/// A person who is signed in.
#[derive(Debug)]
pub(crate) struct Member(pub(crate) Caller);

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if let Some(caller) = signed_in(parts, app).await.map_err(IntoResponse::into_response)? {
            return Ok(Self(caller));
        }
        let asked = asked(parts);
        Err(Redirect::to(&LocalPath::or_home(Some(&asked)).by_way_of("/sign-in")).into_response())
    }
}
