//! Whoever is signed in, with the API at hand; and what was done on the page before.

use axum::{
    Extension, RequestPartsExt,
    extract::FromRequestParts,
    response::{IntoResponse, Redirect, Response},
};
use edge::{App, caller::Caller};
use http::request::Parts;

use crate::{
    api::{Api, Connections},
    cookie,
    member::Member,
    origin::Origin,
    refused::Refused,
    words::Moment,
};

/// A person who is signed in, and the API as it answers that person.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) caller: Caller,
    pub(crate) api: Api,
}

impl FromRequestParts<App> for Maker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Member(caller) = Member::from_request_parts(parts, app).await?;
        let connections = parts.extract::<Extension<Connections>>().await.map(|Extension(connections)| connections).unwrap_or_default();
        // The member was found by it.
        let session = cookie::session(&parts.headers, &Origin::from_parts(parts));
        let session = session.ok_or_else(|| Redirect::to("/sign-in").into_response())?;
        let api = Api::of(app, connections, &caller, &session);
        Ok(Self { caller, api })
    }
}

/// What was done just now, told on the page that follows: an act, and when it is in force everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) act: String,
    pub(crate) enforced_by: Option<Moment>,
}

impl Done {
    /// Leads to a page, which tells it. It is sealed: an address that somebody else wrote says nothing.
    ///
    /// # Errors
    /// 503 without random bits.
    pub(crate) fn lead(app: &App, caller: &Caller, page: &str, act: &str, enforced_by: Option<&str>) -> Result<Response, Refused> {
        let text = format!("{act} {}", enforced_by.unwrap_or_default());
        let sealed = caller.seal_cursor(app, page, text.trim_end(), app.now())?;
        Ok(Redirect::to(&format!("{page}?done={sealed}")).into_response())
    }

    /// What a page of this address was told; nothing where it is of another page or person, or over.
    pub(crate) fn told(app: &App, caller: &Caller, page: &str, sealed: Option<&str>) -> Option<Self> {
        let text = caller.open_cursor(page, sealed?, app.now()).ok()?;
        let (act, by) = text.split_once(' ').unwrap_or((&text, ""));
        Some(Self { act: act.to_owned(), enforced_by: Moment::of(by) })
    }
}
