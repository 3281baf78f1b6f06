//! The headers that every answer of the data origin carries, errors too, set in this one place (SEMANTICS 3.7).

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The methods of the data origin, as headers name them.
pub const METHODS: &str = "GET, HEAD, OPTIONS";

/// What browsers may read of an answer.
pub const EXPOSED: &str = "Content-Range, Content-Length, ETag, Accept-Ranges, Content-Encoding, Last-Modified, X-Request-Id";

/// The answer to a preflight: any path, no lookup, no credential.
#[must_use]
pub fn preflight(asked: &HeaderMap) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, range, if-none-match, if-range"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    if asked.contains_key("access-control-request-private-network") {
        headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
    answer
}

/// Adds what every answer carries: any origin, no credentials, no referrer, and no index unless `indexed`.
pub fn add(headers: &mut HeaderMap, indexed: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !indexed {
        headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The methods of the data origin.
#[must_use]
pub fn is_offered(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
