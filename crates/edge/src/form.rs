//! Bodies of pages: what a form without a script sends.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::{
    json::{BODY_SECS, whole},
    problem::Problem,
};

/// The fields of a form, `application/x-www-form-urlencoded`, of at most [`domain::limits::BODY_BYTES_MAX`] bytes, which arrive within 30
/// seconds. Fields that the type does not know are refused by the type.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = whole(body, Duration::from_secs(BODY_SECS)).await?;
        let read = axum::Form::from_request(Request::from_parts(parts, Body::from(bytes)), state).await;
        read.map(|axum::Form(fields)| Self(fields)).map_err(|_why| {
            // Not what is wrong with it: that could repeat a code.
            Problem::new(StatusCode::BAD_REQUEST, "form", "the form was not understood").hint("open the page again and send its own form")
        })
    }
}
