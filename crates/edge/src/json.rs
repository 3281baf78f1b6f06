//! Bodies of the API: JSON in, JSON out.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use domain::limits::{BODY_BYTES_MAX, BODY_DRAINED_BYTES_MAX};
use futures_util::StreamExt;
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_path_to_error::{Path, Segment};

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
        match read(text) {
            Ok(ask) => Ok(Self { ask, bytes }),
            Err(why) => Err(not_understood(&why)),
        }
    }
}

/// All bytes of a body, if they come within `patience`. Of one that is too large the rest is read, up to [`BODY_DRAINED_BYTES_MAX`], and
/// forgotten: a client that is still sending when the connection ends would see no answer, but a broken connection.
pub(crate) async fn whole(body: axum::body::Body, patience: Duration) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", format!("a body has at most `{BODY_BYTES_MAX}` bytes"))
            .hint("send fewer items at a time")
    };
    let read = async {
        let (mut parts, mut kept, mut seen) = (body.into_data_stream(), BytesMut::new(), 0_usize);
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_why| too_large())?;
            seen = seen.saturating_add(part.len());
            if seen > BODY_DRAINED_BYTES_MAX {
                break;
            }
            if seen > BODY_BYTES_MAX {
                kept = BytesMut::new();
            } else {
                kept.extend_from_slice(&part);
            }
        }
        if seen > BODY_BYTES_MAX { Err(too_large()) } else { Ok(kept.freeze()) }
    };
    match tokio::time::timeout(patience, read).await {
        Ok(read) => read,
        Err(_elapsed) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", format!("the body took over `{BODY_SECS}` s to arrive"))
                .hint("send it again, at once; nothing was done"))
        }
    }
}

/// Reads all of a text, and knows where it could not.
fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Misread> {
    let mut from = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut from);
    let read = read.map_err(|why| Misread { at: pointer_of(why.path()), why: why.into_inner() });
    read.and_then(|ask| from.end().map(|()| ask).map_err(|why| Misread { at: String::new(), why }))
}

/// Why a body was not understood.
struct Misread {
    /// Where, as a JSON pointer.
    at: String,
    why: serde_json::Error,
}

fn pointer_of(path: &Path) -> String {
    let segments = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.replace('~', "~0").replace('/', "~1")),
        // Of what was no JSON; no request has variants.
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    segments.fold(String::new(), |pointer, segment| format!("{pointer}/{segment}"))
}

/// The problem of a body that is not what it should be.
fn not_understood(Misread { at, why }: &Misread) -> Problem {
    let text = why.to_string();
    if !why.is_data() {
        let detail = format!("the body was not understood: {text}");
        return Problem::new(StatusCode::BAD_REQUEST, "json", detail).hint("see /api/v1/openapi.json");
    }
    // A number of another size than the field's own: what the field would say of one that is out of its bounds.
    if text.starts_with("invalid value: integer") || text.starts_with("invalid type: floating point") {
        let code = number_code(at.rsplit('/').next().unwrap_or_default());
        let detail = "the number is none that this field takes";
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(at.as_str()).hint("see /api/v1/openapi.json");
    }
    let problem =
        Problem::new(StatusCode::BAD_REQUEST, "body", format!("the body was not understood: {text}")).hint("see /api/v1/openapi.json");
    // serde names a field in backticks that is unknown, which is where it stopped, or missing, which is below.
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, at.as_str()) {
        (Some(field), _) => problem.at(format!("{at}/{field}")),
        (None, "") => problem,
        (None, at) => problem.at(at),
    }
}

/// What a number is called that its field has no room for: as one that is out of the field's bounds.
fn number_code(field: &str) -> &'static str {
    match field {
        "minutes" => "minutes",
        "days" => "token-days",
        "level" => "level",
        "sessions_max" => "sessions-max",
        "requests_per_second" => "requests-per-second",
        "bytes_per_day" => "bytes-per-day",
        "link_days_max" => "link-days-max",
        "order" => "order",
        _ => Problem::NUMBER,
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

/// 202 with a JSON body.
#[must_use]
pub fn accepted<T: Serialize>(body: &T) -> Response {
    answer(StatusCode::ACCEPTED, body)
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
        use futures_util::stream;
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let endless = axum::body::Body::from_stream(begun.chain(stream::pending()));
        let problem = whole(endless, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!((problem.status, problem.code), (StatusCode::REQUEST_TIMEOUT, "slow-body"));
        assert_eq!(whole("{}".into(), Duration::from_secs(30)).await.unwrap(), "{}");
    }

    #[test]
    fn what_a_body_gets_wrong_has_its_place_and_a_number_without_room_its_fields_code() {
        let told = |why: Misread| {
            let problem = not_understood(&why);
            let json = problem.to_json(None);
            (problem.status.as_u16(), problem.code, json["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned())
        };
        let of_ticket = |text: &str| told(read::<wire::dataset::NewTicket>(text.as_bytes()).unwrap_err());
        let of_batch = |text: &str| told(read::<wire::link::BatchCreate>(text.as_bytes()).unwrap_err());
        for number in ["99999", "-1", "1.5", "1e30", "18446744073709551616"] {
            assert_eq!(of_ticket(&format!("{{\"minutes\":{number}}}")), (422, "minutes", "/minutes".to_owned()), "{number}");
        }
        assert_eq!(of_ticket("{\"minutes\":\"5\"}"), (400, "body", "/minutes".to_owned()));
        assert_eq!(of_ticket("{\"hours/day\":5}"), (400, "body", "/hours~1day".to_owned()));
        assert_eq!(of_ticket("{\"minutes\":5"), (400, "json", String::new()));
        assert_eq!(of_ticket("{\"minutes\":5} x"), (400, "json", String::new()));
        assert_eq!(of_batch("{\"items\":[{\"dataset\":\"d\"},{\"path\":\"x\"}]}"), (400, "body", "/items/1/dataset".to_owned()));
        assert_eq!(of_batch("{\"items\":[{\"dataset\":\"d\",\"level\":256}]}"), (422, "level", "/items/0/level".to_owned()));
        assert_eq!(of_batch("{\"items\":[{\"dataset\":\"d\",\"colour\":1}]}"), (400, "body", "/items/0/colour".to_owned()));
    }

    #[tokio::test]
    async fn what_is_too_large_is_read_to_its_end_but_not_for_ever() {
        use futures_util::stream;
        use std::sync::atomic::{AtomicUsize, Ordering};
        let part = Bytes::from(vec![b' '; 1 << 16]);
        for (parts, want) in [(17, 17), (2_000, BODY_DRAINED_BYTES_MAX / (1 << 16) + 1)] {
            let read = std::sync::Arc::new(AtomicUsize::new(0));
            let (count, part) = (std::sync::Arc::clone(&read), part.clone());
            let sent = stream::iter(0..parts).map(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(part.clone())
            });
            let problem = whole(axum::body::Body::from_stream(sent), Duration::from_secs(30)).await.unwrap_err();
            assert_eq!((problem.status, problem.code), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
            assert_eq!(read.load(Ordering::Relaxed), want, "of {parts} parts");
        }
        let most = whole(vec![b' '; BODY_BYTES_MAX].into(), Duration::from_secs(30)).await.unwrap();
        assert_eq!(most.len(), BODY_BYTES_MAX);
    }
}
