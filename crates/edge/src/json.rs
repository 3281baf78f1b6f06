//! Bodies of the API: JSON in, JSON out.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use domain::limits::BODY_BYTES_MAX;
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::Problem;

/// How long a body may take to arrive whole.
pub(crate) const BODY_SECS: u64 = 30;

/// A JSON body of at most [`BODY_BYTES_MAX`] bytes that arrives within 30 seconds; an empty one counts as `{}`. Fields that the type does not know are refused by the type.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub ask: T,
    /// Its bytes, for the hash of an idempotent request.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = whole(request.into_body(), Duration::from_secs(BODY_SECS)).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // Of a list the deserializer would take the items for the fields in their order, which no description promises.
        if text.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "body", "the body is a list, not an object").hint("see /api/v1/openapi.json"));
        }
        match serde_json::from_slice(text) {
            Ok(ask) => Ok(Self { ask, bytes }),
            Err(why) => Err(not_understood(&why)),
        }
    }
}

/// All bytes of a body, if they come within `patience`.
pub(crate) async fn whole(body: axum::body::Body, patience: Duration) -> Result<Bytes, Problem> {
    match tokio::time::timeout(patience, axum::body::to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(read) => read.map_err(|_why| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", format!("a body has at most `{BODY_BYTES_MAX}` bytes"))
                .hint("send fewer items at a time")
        }),
        Err(_elapsed) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", format!("the body took over `{BODY_SECS}` s to arrive"))
                .hint("send it again, at once; nothing was done"))
        }
    }
}

/// The problem of a body that is not what it should be.
fn not_understood(why: &serde_json::Error) -> Problem {
    let text = why.to_string();
    // serde names the field in backticks: "unknown field `x`", "missing field `y`".
    let field = text.contains("field `").then(|| text.split('`').nth(1)).flatten();
    let code = if why.is_data() { "body" } else { "json" };
    let problem =
        Problem::new(StatusCode::BAD_REQUEST, code, format!("the body was not understood: {text}")).hint("see /api/v1/openapi.json");
    match field {
        Some(field) => problem.at(format!("/{field}")),
        None => problem,
    }
}

/// 200 with a JSON body.
#[must_use]
pub fn ok<T: Serialize>(body: &T) -> Response {
    answer(StatusCode::OK, body)
}

/// 201 with a JSON body.
#[must_use]
pub fn created<T: Serialize>(body: &T) -> Response {
    answer(StatusCode::CREATED, body)
}

fn answer<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut answer = (status, bytes).into_response();
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        Err(why) => {
            tracing::error!(why = %why, "an answer could not be written as JSON");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer could not be written").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        use futures_util::{StreamExt, stream};
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let endless = axum::body::Body::from_stream(begun.chain(stream::pending()));
        let problem = whole(endless, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!((problem.status, problem.code), (StatusCode::REQUEST_TIMEOUT, "slow-body"));
        assert_eq!(whole("{}".into(), Duration::from_secs(30)).await.unwrap(), "{}");
    }
}
