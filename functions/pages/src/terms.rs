//! `/terms/{id}`: data-use terms, to be read by everybody and accepted by whoever is signed in.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use domain::terms::DataTerms;
use edge::{App, asked::Id, problem::Problem, terms};
use http::{StatusCode, request::Parts};

use crate::{
    form::OwnForm,
    local_path::LocalPath,
    member::{Member, signed_in},
    page::{Frame, Nothing, page, plain_lines},
};

#[derive(Template)]
#[template(path = "terms.html")]
struct Terms {
    frame: Frame,
    id: String,
    shown: Shown,
    /// Whether the person accepted them.
    is_accepted: bool,
    /// The way to sign in and back; `None`: the person is signed in.
    sign_in: Option<String>,
}

/// Terms as pages show them.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Shown {
    pub(crate) fn of(terms: &DataTerms) -> Self {
        let rest = terms.text().split_once('\n').map_or("", |(_, rest)| rest);
        Self { title: plain_lines(terms.title()), text: plain_lines(rest.trim()) }
    }
}

/// Shows them.
///
/// # Errors
/// 404 where there are none.
pub(crate) async fn show(app: App, parts: Parts, Id(id): Id) -> Result<Response, Problem> {
    let terms = terms::find(&app, &id).await?;
    let caller = signed_in(&parts, &app).await?;
    let here = terms.id().to_string();
    let shown = Terms {
        frame: caller.as_ref().map_or_else(Frame::of_nobody, Frame::of),
        shown: Shown::of(&terms),
        is_accepted: caller.as_ref().is_some_and(|caller| caller.user.accepted.has(terms.id())),
        sign_in: caller.is_none().then(|| LocalPath::or_home(Some(&format!("/terms/{here}"))).by_way_of("/sign-in")),
        id: here,
    };
    page(StatusCode::OK, &shown)
}

/// Accepts them, and shows them again.
///
/// # Errors
/// 403 `cross-site`; 404 where there are none.
pub(crate) async fn accept(
    app: App,
    Member(caller): Member,
    Id(id): Id,
    OwnForm(Nothing {}): OwnForm<Nothing>,
) -> Result<Response, Problem> {
    let (terms, _user) = terms::accept(&app, &caller, &id, None).await?;
    Ok(Redirect::to(&format!("/terms/{}", terms.id())).into_response())
}
