//! `POST /sign-out`: ends the session, in the table and in the browser.

use axum::response::{IntoResponse, Redirect, Response};
use domain::decision::{Action, Facts};
use edge::{App, problem::Problem};
use http::request::Parts;

use crate::{
    cookie,
    form::OwnForm,
    member::signed_in,
    origin::Origin,
    page::{Nothing, with_cookie},
};

/// Ends the session. A browser whose session had ended by itself is signed out all the same.
///
/// # Errors
/// 403 `cross-site`, 503 where the table does not answer: the cookie stays then, for the session does.
pub(crate) async fn sign_out(app: App, parts: Parts, OwnForm(Nothing {}): OwnForm<Nothing>) -> Result<Response, Problem> {
    let now = app.now();
    if let Some(caller) = signed_in(&parts, &app).await? {
        let permit = caller.may(Action::See, &Facts::Deployment, now)?;
        let _ended = app.table.revoke_token(&permit, &caller.token, now).await?;
    }
    let origin = Origin::from_parts(&parts);
    Ok(with_cookie(Redirect::to("/sign-in?signed_out=true").into_response(), cookie::take_session(&origin)))
}
