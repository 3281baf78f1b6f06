//! The S3 face: `GetObject`, `HeadObject`, `ListObjects` (both), `HeadBucket`, `GetBucketLocation` and `ListBuckets` over folders
//! as they lie, and `CopyObject` into folders that are marked as writable. Everything else is refused.
//!
//! Requests are signed (`SigV4`, in the header or in the query) with the one key pair the server knows, and what S3
//! refuses about a signature is refused here, so that a test on a laptop fails where AWS would.
//! Every answer, errors too, carries the CORS headers that a bucket must have for browsers.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error as Refusal, S3ErrorCode, S3Result};
use thiserror::Error;
use tokio::net::TcpListener;

use crate::{Bucket, Keys, listener};

mod buckets;
mod copy;
mod folder;
mod listing;
mod metered;
mod names;
mod object;
mod signed;

/// Why a server over folders cannot be built.
#[derive(Debug, Error)]
pub enum S3Error {
    /// S3 allows no such bucket name.
    #[error("`{bucket}` is no bucket name: 3 to 63 of `a-z`, `0-9`, `.` and `-`")]
    Name {
        /// The name as given.
        bucket: String,
    },
    /// Two folders under one name.
    #[error("two folders are named `{bucket}`")]
    Twice {
        /// The name as given.
        bucket: String,
    },
    /// The folder cannot be opened, or is none.
    #[error("the folder of `{bucket}` cannot be served")]
    Folder {
        /// The name as given.
        bucket: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Serves `buckets` to whoever signs with `keys`, until `stop` ends; running requests then get 5 seconds.
///
/// Dropping the future ends every connection at once.
///
/// # Errors
/// [`S3Error`] before the first request, never later.
pub async fn serve(
    listener: TcpListener,
    buckets: Vec<Bucket>,
    keys: Keys,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), S3Error> {
    run(listener, Service::new(buckets, keys)?, stop).await;
    Ok(())
}

/// Serves `service`, as [`serve`] does.
pub async fn run(listener: TcpListener, service: Service, stop: impl Future<Output = ()> + Send + 'static) {
    let answer = move |request: Request<Incoming>| {
        let service = service.clone();
        async move { service.answer(request).await }
    };
    listener::run(listener, answer, stop).await;
}

/// What the bytes of an object are added to as they leave, by the query that the request was signed with; `None`: nobody counts them.
pub type Meter = Arc<dyn Fn(&str) -> Option<Arc<AtomicU64>> + Send + Sync>;

/// The S3 face without a socket: a hyper service, cheap to clone.
#[derive(Clone)]
pub struct Service {
    verified: S3Service,
    answers: Arc<AtomicU64>,
    meter: Option<Meter>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("s3::Service").finish_non_exhaustive()
    }
}

impl Service {
    /// A service over `buckets` for whoever signs with `keys`.
    ///
    /// # Errors
    /// [`S3Error`] for a bad or repeated name, and for a folder that cannot be opened.
    pub fn new(buckets: Vec<Bucket>, keys: Keys) -> Result<Self, S3Error> {
        let folders = Arc::new(folder::Folders::new(buckets)?);
        let mut builder = S3ServiceBuilder::new(buckets::Buckets::new(Arc::clone(&folders)));
        builder.set_auth(OneKey(keys));
        builder.set_access(buckets::ReadOnly);
        builder.set_route(object::Objects(folders));
        Ok(Self { verified: builder.build(), answers: Arc::new(AtomicU64::new(1)), meter: None })
    }

    /// The same service, whose bytes are counted.
    #[must_use]
    pub fn metered(self, meter: Meter) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// Answers one request. Its body is never read: no operation here takes one.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body> {
        let (parts, _body) = request.into_parts();
        let request = Request::from_parts(parts, Body::empty());
        let is_head = request.method() == Method::HEAD;
        let sent = self.meter.as_ref().zip(request.uri().query()).and_then(|(meter, query)| meter(query));
        let mut answer = if request.method() == Method::OPTIONS {
            preflight(request.headers())
        } else if let Err(refused) = signed::check(&request) {
            shown(refused)
        } else {
            match Box::pin(self.verified.call(request)).await {
                Ok(answer) => answer,
                Err(why) => {
                    tracing::debug!(error = ?why, "an answer could not be made");
                    shown(S3ErrorCode::InternalError.into())
                }
            }
        };
        if is_head && !answer.status().is_success() {
            *answer.body_mut() = Body::empty();
            answer.headers_mut().remove(header::CONTENT_LENGTH);
        }
        // Only what was signed so is answered so: nobody adds to what another's URL is counted by.
        if let Some(sent) = sent.filter(|_| answer.status().is_success()) {
            answer = answer.map(|body| Body::http_body_unsync(metered::Metered { body, sent }));
        }
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        finish(answer.headers_mut(), number);
        answer
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

/// The one key pair a server accepts.
struct OneKey(Keys);

#[async_trait::async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.0.access_key_id {
            return Ok(SecretKey::from(self.0.secret_access_key.as_str()));
        }
        Err(folder::refusal(S3ErrorCode::InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
    }
}

/// An S3 error as its XML answer.
fn shown(refused: Refusal) -> Response<Body> {
    refused.to_http_response().unwrap_or_else(|_unwritable| {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

/// Answers `OPTIONS` as a bucket does that allows GET and HEAD, with any header, from any origin.
/// No signature is asked for: browsers send none.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let method = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD).map(HeaderValue::as_bytes);
    let Some(method) = method.filter(|_| asked.contains_key(header::ORIGIN)) else {
        return shown(folder::refusal(
            S3ErrorCode::InvalidRequest,
            "Insufficient information. Origin and Access-Control-Request-Method headers are needed.",
        ));
    };
    if method != b"GET" && method != b"HEAD" {
        return shown(folder::refusal(
            S3ErrorCode::AccessDenied,
            "CORSResponse: This CORS request is not allowed: these buckets are read-only.",
        ));
    }
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    if asked.get("access-control-request-private-network").is_some_and(|wanted| wanted == "true") {
        let allow = HeaderName::from_static("access-control-allow-private-network");
        headers.insert(allow, HeaderValue::from_static("true"));
    }
    headers.insert(
        header::VARY,
        HeaderValue::from_static(
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
        ),
    );
    answer
}

/// The headers of every answer.
fn finish(headers: &mut HeaderMap, number: u64) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Content-Range, Content-Length, ETag, Accept-Ranges, Content-Encoding, Last-Modified, x-amz-request-id"),
    );
    if let Ok(id) = HeaderValue::from_str(&format!("{number:016X}")) {
        headers.insert(HeaderName::from_static("x-amz-request-id"), id);
    }
}
