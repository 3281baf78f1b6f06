//! Lambda events: none panics, and a handler sees the path as the event has it, byte by byte, or one that is refused (SECURITY, section 3).

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
};

use axum::{body::Body, response::Response};
use edge::{
    config::Config,
    lambda::door,
    target::{RawTarget, Target},
};
use futures_util::FutureExt;
use http::StatusCode;
use lambda_http::{Context, LambdaEvent, request::LambdaRequest};
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};

/// The status of an event that was let through.
const THROUGH: StatusCode = StatusCode::NO_CONTENT;

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);

/// A whole event, or else lines that become the path, the query, the host, the domain and the method of one.
pub fn fuzz(bytes: &[u8]) {
    let event = serde_json::from_slice(bytes).unwrap_or_else(|_other| made_of(&String::from_utf8_lossy(bytes)));
    let raw = event["rawPath"].as_str().map(str::to_owned);
    let Ok(payload) = serde_json::from_value::<LambdaRequest>(event) else { return };
    let origin = service_fn(move |request: lambda_http::Request| {
        let target = request.extensions().get::<RawTarget>().expect("a target stands in every request that is let through");
        let is_raw = raw.as_deref() == Some(target.path.as_str());
        assert!(is_raw || Target::parse(&target.path).is_err(), "{raw:?} became {:?}", target.path);
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = THROUGH;
        async move { Ok::<_, Infallible>(answer) }
    });
    let answered = door(origin, Arc::clone(&CONFIG)).oneshot(LambdaEvent::new(payload, Context::default())).now_or_never();
    let Ok(answer) = answered.expect("nothing here waits");
    let status = answer.metadata_prelude.status_code;
    assert!(status == THROUGH || status.is_client_error() || status.is_server_error(), "{status}");
}

fn made_of(lines: &str) -> Value {
    let mut lines = lines.split('\n');
    let mut next = |otherwise: &str| lines.next().unwrap_or(otherwise).to_owned();
    let (path, query, host) = (next("/"), next(""), next("fn.lambda-url.eu-central-1.on.aws"));
    let (domain, method) = (next("fn.lambda-url.eu-central-1.on.aws"), next("GET"));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": { "host": host, "x-forwarded-proto": host, "x-forwarded-host": host },
        "requestContext": {
            "accountId": "anonymous", "apiId": "fn", "domainName": domain, "domainPrefix": "fn",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "fuzz" },
            "requestId": "1", "routeKey": "$default", "stage": "$default", "time": "25/Nov/2026:07:00:00 +0000", "timeEpoch": 1795593600000_u64
        },
        "isBase64Encoded": false
    })
}
