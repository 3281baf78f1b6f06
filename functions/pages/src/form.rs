//! A form of our own pages: what changes something takes its fields from this and from nothing else.

use axum::extract::{FromRequest, Request};
use edge::{form::Form, problem::Problem};
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::origin::Origin;

/// The fields of a form that a page of this origin sent.
#[derive(Debug)]
pub(crate) struct OwnForm<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OwnForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Origin::from_parts(&parts).admit(&parts.headers)?;
        Form::from_request(Request::from_parts(parts, body), state).await.map(|Form(fields)| Self(fields))
    }
}

/// What was typed into a field, without the spaces around it; nothing where that is nothing.
pub(crate) fn typed(field: &str) -> Option<String> {
    Some(field.trim().to_owned()).filter(|text| !text.is_empty())
}

/// 400: what was sent is no form of ours.
pub(crate) fn not_understood() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "form", "the form was not understood").hint("open the page again and send its own form")
}
