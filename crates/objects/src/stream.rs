//! Reading through us: one object's bytes as its store gives them, with our own signature, and looking one up.
//!
//! What the store says beside the bytes is not passed on: its errors name bucket and key (SECURITY T33).

use core::{
    fmt,
    pin::Pin,
    str,
    task::{Context, Poll},
    time::Duration,
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

use bytes::Bytes;
use domain::{decision::Permit, path::ObjectPath};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{
        ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
        IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
    },
};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use jiff::{Timestamp, fmt::rfc2822};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::{
    Objects, ObjectsError,
    access::{BACKOFF_MS, CONNECT_MS},
    names::Names,
    presigner::{Asked, SignError, SignedMethod},
};

/// How long the store may take to begin its answer.
const FIRST_BYTE_MS: u64 = 10_000;
/// How long the store may send nothing while its bytes are waited for. A slow reader is never cut.
const STALL_SECS: u64 = 30;
/// Idle connections are closed after this; S3 closes its side at about twenty seconds.
const IDLE_SECS: u64 = 15;
/// Idle connections kept for one host.
const IDLE_CONNECTIONS_MAX: usize = 256;
/// A longer Range header is no request that anybody means.
const RANGE_BYTES_MAX: usize = 1_024;
/// Where the store of `offprint up` says why it refuses; an answer to HEAD has no body for that.
const REFUSAL: HeaderName = HeaderName::from_static("x-offprint-refusal");
/// S3's code of a bucket that is not there.
const NO_BUCKET: &str = "NoSuchBucket";
/// As much of an error's text is read as its code needs.
const ERROR_BYTES_MAX: usize = 16_384;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag, quotes included.
    pub etag: Option<String>,
    /// When it last changed.
    pub modified: Option<Timestamp>,
    /// The media type stored with it.
    pub content_type: Option<String>,
    /// The encoding stored with it: its bytes are that of the encoded form.
    pub content_encoding: Option<String>,
    /// Whether it must be restored from an archive before it can be read.
    pub archived: bool,
}

/// An object's bytes on their way. They are asked of the store only as fast as they are taken.
pub struct StoreBody {
    incoming: Option<Incoming>,
    stall: Option<Pin<Box<Sleep>>>,
    /// Whether the clock of `stall` runs.
    waiting: bool,
}

/// Why an object's bytes ended before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StoreBodyError {
    /// The connection to the store broke.
    #[error("the connection to the store broke")]
    Broken,
    /// The store sent nothing for too long.
    #[error("the store sent nothing for `{STALL_SECS}` seconds")]
    Stalled,
}

impl Objects {
    /// What is known of the object at `path`; `None`: it is missing.
    ///
    /// # Errors
    /// [`ObjectsError`]; a store that refuses or fails is never a missing object.
    pub async fn head(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Option<ObjectMeta>, ObjectsError> {
        let url = self.reading(permit, SignedMethod::Head, path, now).await?;
        self.head_at(&url).await
    }

    /// The store's own answer for the object at `path`: 200, 206, 304, 404, 412 or 416, with those headers that tell of the object and no
    /// others. Of `conditions`, Range and the conditional headers are passed on, as far as S3 takes them: a range of more than one part, or
    /// one that is none, is left out and answered whole; `If-Range` is kept by asking for the range only if the object is still that one.
    ///
    /// # Errors
    /// [`ObjectsError`] where the store refuses us, fails, or does not answer in time.
    pub async fn open(
        &self,
        permit: &Permit,
        method: SignedMethod,
        path: &ObjectPath,
        conditions: &HeaderMap,
        now: Timestamp,
    ) -> Result<Response<StoreBody>, ObjectsError> {
        let asked = Conditions::of(method, conditions);
        if asked.is_for_nothing {
            return self.out_of_range(permit, path, now).await;
        }
        let url = self.reading(permit, method, path, now).await?;
        let mut answer = self.0.http.send(method.into(), &url, &asked.headers).await?;
        if asked.guard.as_ref().is_some_and(|guard| guard.is_broken_by(&answer)) {
            answer = self.0.http.send(method.into(), &url, &HeaderMap::new()).await?;
        }
        let status = answer.status();
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(whole(answer, method)),
            StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED => Ok(without_body(&answer, &[ETAG, LAST_MODIFIED])),
            StatusCode::RANGE_NOT_SATISFIABLE if answer.headers().contains_key(CONTENT_RANGE) => {
                Ok(without_body(&answer, &[CONTENT_RANGE]))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => self.out_of_range(permit, path, now).await,
            StatusCode::NOT_FOUND => match error_code(answer).await {
                // The bucket itself is gone: not a missing chunk, which viewers paint as empty space.
                Some(code) if code != "NoSuchKey" && code != "NotFound" => Err(refusal(status, Some(code))),
                Some(_) | None => Ok(empty(StatusCode::NOT_FOUND)),
            },
            _ => Err(refusal(status, error_code(answer).await)),
        }
    }

    /// The answer to a range that holds no byte of the object: 416 with its length, or 404. Some stores do not tell the length, and some
    /// answer a suffix of no bytes with the whole.
    async fn out_of_range(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Response<StoreBody>, ObjectsError> {
        let Some(meta) = self.head(permit, path, now).await? else { return Ok(empty(StatusCode::NOT_FOUND)) };
        let range = HeaderValue::try_from(format!("bytes */{}", meta.size)).map_err(|_never| ObjectsError::Unreadable)?;
        let mut answer = empty(StatusCode::RANGE_NOT_SATISFIABLE);
        answer.headers_mut().insert(CONTENT_RANGE, range);
        Ok(answer)
    }

    /// A URL for us to read `path` by.
    async fn reading(&self, permit: &Permit, method: SignedMethod, path: &ObjectPath, now: Timestamp) -> Result<String, ObjectsError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        let signing = self.access(scope.source())?.signing(now).await?;
        let (key, validity) = signing.judge(&scope, path, now)?;
        Ok(signing.url_text(&signing.internal, &Asked { method, key, scope: Some(scope), validity })?)
    }

    /// What a signed HEAD tells of an object.
    pub(crate) async fn head_at(&self, url: &str) -> Result<Option<ObjectMeta>, ObjectsError> {
        let answer = self.0.http.send(Method::HEAD, url, &HeaderMap::new()).await?;
        match answer.status() {
            StatusCode::OK => meta(answer.headers()).map(Some),
            StatusCode::NOT_FOUND if told_code(answer.headers()).as_deref() == Some(NO_BUCKET) => Err(ObjectsError::NoBucket),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(refusal(status, told_code(answer.headers()))),
        }
    }

    /// The connections of this process.
    pub(crate) fn http(&self) -> &Http {
        &self.0.http
    }
}

/// What S3 is asked beside the object itself.
struct Conditions {
    headers: HeaderMap,
    /// What the range is held to.
    guard: Option<Guard>,
    /// Whether the range is `bytes=-0`, which no object can satisfy (RFC 9110, section 14.1.2).
    is_for_nothing: bool,
}

/// An `If-Range`, which S3 does not know, said as a precondition.
enum Guard {
    /// By entity tag.
    Tag,
    /// By date, which must be the object's own: an older object is another one, too (RFC 9110, section 13.1.5), though it was not changed
    /// since.
    Date(HeaderValue),
}

impl Guard {
    /// Whether the object may be another one: then it is sent whole.
    fn is_broken_by<B>(&self, answer: &Response<B>) -> bool {
        match (self, answer.status()) {
            (Self::Date(date), StatusCode::PARTIAL_CONTENT) => answer.headers().get(LAST_MODIFIED) != Some(date),
            // A 416 tells no date.
            (_, StatusCode::PRECONDITION_FAILED) | (Self::Date(_), StatusCode::RANGE_NOT_SATISFIABLE) => true,
            _ => false,
        }
    }
}

impl Conditions {
    fn of(method: SignedMethod, given: &HeaderMap) -> Self {
        let mut headers = HeaderMap::new();
        for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            if let Some(value) = given.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        let mut asked = Self { headers, guard: None, is_for_nothing: false };
        // A range is defined for GET alone (RFC 9110, section 14.2).
        let Some(range) = one(given, &RANGE).filter(|_| method == SignedMethod::Get).and_then(single_range) else { return asked };
        if let Some(guard) = given.get(IF_RANGE) {
            // S3 knows no If-Range. The same said as a precondition, where the client set none of its own; else the whole object is right too.
            let text = guard.as_bytes();
            if !asked.headers.is_empty() || text.starts_with(b"W/") {
                return asked;
            }
            let (name, kind) =
                if text.starts_with(b"\"") { (IF_MATCH, Guard::Tag) } else { (IF_UNMODIFIED_SINCE, Guard::Date(guard.clone())) };
            asked.headers.insert(name, guard.clone());
            asked.guard = Some(kind);
        }
        asked.is_for_nothing = range == "bytes=-0" && asked.headers.is_empty();
        asked.headers.insert(RANGE, range);
        asked
    }
}

/// The value of a header that is there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The header for a range of one part: `bytes=a-b`, `bytes=a-` or `bytes=-n`. `None` for any other, which is answered whole.
/// Numbers past what any object holds are held to the greatest that S3 reads.
fn single_range(value: &HeaderValue) -> Option<HeaderValue> {
    let text = value.to_str().ok().filter(|text| text.len() <= RANGE_BYTES_MAX)?;
    let (unit, range) = text.split_once('=')?;
    let (from, to) = range.trim().split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(from) || !is_number(to) || from.is_empty() && to.is_empty() {
        return None;
    }
    let read = |text: &str| text.parse::<u64>().map_or(i64::MAX.unsigned_abs(), |number| number.min(i64::MAX.unsigned_abs()));
    let range = match (from.is_empty(), to.is_empty()) {
        (true, _) => format!("bytes=-{}", read(to)),
        (false, true) => format!("bytes={}-", read(from)),
        (false, false) if read(from) > read(to) => return None,
        (false, false) => format!("bytes={}-{}", read(from), read(to)),
    };
    HeaderValue::try_from(range).ok()
}

/// The answer with the object's bytes, and those of the store's headers that tell of them.
fn whole(answer: Response<Incoming>, method: SignedMethod) -> Response<StoreBody> {
    let (parts, incoming) = answer.into_parts();
    let body = StoreBody::new((method == SignedMethod::Get).then_some(incoming));
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    copy(&parts.headers, response.headers_mut(), &[CONTENT_TYPE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_ENCODING, ETAG, LAST_MODIFIED]);
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// The answer without what the store wrote about it.
fn without_body(answer: &Response<Incoming>, names: &[HeaderName]) -> Response<StoreBody> {
    let mut response = empty(answer.status());
    copy(answer.headers(), response.headers_mut(), names);
    response
}

fn empty(status: StatusCode) -> Response<StoreBody> {
    let mut response = Response::new(StoreBody::new(None));
    *response.status_mut() = status;
    response
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value.clone());
        }
    }
}

fn meta(headers: &HeaderMap) -> Result<ObjectMeta, ObjectsError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let size = text("content-length").and_then(|length| length.parse().ok()).ok_or(ObjectsError::Unreadable)?;
    let class = text("x-amz-storage-class");
    let restored = text("x-amz-restore").is_some_and(|state| state.contains("ongoing-request=\"false\""));
    Ok(ObjectMeta {
        size,
        etag: text("etag"),
        modified: text("last-modified").and_then(|date| http_date(&date)),
        content_type: text("content-type"),
        content_encoding: text("content-encoding").filter(|coding| !coding.is_empty() && coding != "identity"),
        archived: matches!(class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE")) && !restored,
    })
}

/// Reads `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110, section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The error for an answer that is none.
pub(crate) fn refusal(status: StatusCode, code: Option<String>) -> ObjectsError {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return ObjectsError::Unavailable { status: status.as_u16() };
    }
    match code {
        Some(code) if code == "InvalidObjectState" => ObjectsError::Archived,
        Some(code) if code == NO_BUCKET => ObjectsError::NoBucket,
        Some(code) if code == "LeadsOut" => ObjectsError::LeadsOut,
        code => ObjectsError::Refused { status: status.as_u16(), code: code.unwrap_or_else(|| "Unknown".to_owned()) },
    }
}

/// The code of a refusal as our own store tells it, to HEAD as well.
fn told_code(headers: &HeaderMap) -> Option<String> {
    headers.get(REFUSAL).and_then(|code| code.to_str().ok()).map(str::to_owned)
}

/// The `Code` of S3's error document. Nothing else of it is kept: it names bucket and key.
async fn error_code(answer: Response<Incoming>) -> Option<String> {
    if let Some(code) = told_code(answer.headers()) {
        return Some(code);
    }
    let read = Limited::new(answer.into_body(), ERROR_BYTES_MAX).collect();
    let body = timeout(Duration::from_millis(FIRST_BYTE_MS), read).await.ok()?.ok()?.to_bytes();
    let text = str::from_utf8(&body).ok()?;
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let legal = !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    legal.then(|| code.to_owned())
}

/// Connections to stores, made when they are first needed and pooled.
pub(crate) struct Http {
    names: Names,
    plain: OnceLock<Plain>,
    tls: OnceLock<Tls>,
}

type Plain = Client<HttpConnector<Names>, Empty<Bytes>>;
type Tls = Client<HttpsConnector<HttpConnector<Names>>, Empty<Bytes>>;

impl Http {
    /// Connections to what `names` finds.
    pub(crate) fn new(names: Names) -> Self {
        Self { names, plain: OnceLock::new(), tls: OnceLock::new() }
    }

    /// Sends a request, and once more after a short wait where the store failed or the connection broke. Not after a time-out: that
    /// would double the wait.
    pub(crate) async fn send(&self, method: Method, url: &str, headers: &HeaderMap) -> Result<Response<Incoming>, ObjectsError> {
        let first = self.send_once(&method, url, headers).await;
        let is_final = match &first {
            Ok(answer) => !answer.status().is_server_error(),
            Err(why) => *why != ObjectsError::Unreachable,
        };
        if is_final {
            return first;
        }
        drop(first);
        let wait = RandomState::new().hash_one(0).checked_rem(BACKOFF_MS).unwrap_or(0);
        sleep(Duration::from_millis(wait)).await;
        self.send_once(&method, url, headers).await
    }

    async fn send_once(&self, method: &Method, url: &str, headers: &HeaderMap) -> Result<Response<Incoming>, ObjectsError> {
        let uri = Uri::try_from(url).map_err(|_never| ObjectsError::Unreadable)?;
        let is_tls = uri.scheme_str() == Some("https");
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        request.headers_mut().clone_from(headers);
        let answer = if is_tls { self.tls()?.request(request) } else { self.plain().request(request) };
        match timeout(Duration::from_millis(FIRST_BYTE_MS), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_broken)) => Err(ObjectsError::Unreachable),
            Err(_elapsed) => Err(ObjectsError::Timeout),
        }
    }

    fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| pooled().build(self.connector()))
    }

    fn tls(&self) -> Result<&Tls, ObjectsError> {
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let mut connector = self.connector();
        connector.enforce_http(false);
        // Without a root certificate nothing can be reached over TLS.
        let builder = HttpsConnectorBuilder::new().with_native_roots().map_err(|_no_roots| ObjectsError::Unreachable)?;
        let connector = builder.https_only().enable_http1().wrap_connector(connector);
        Ok(self.tls.get_or_init(|| pooled().build(connector)))
    }

    fn connector(&self) -> HttpConnector<Names> {
        let mut connector = HttpConnector::new_with_resolver(self.names.clone());
        connector.set_connect_timeout(Some(Duration::from_millis(CONNECT_MS)));
        connector.set_nodelay(true);
        connector
    }
}

fn pooled() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(IDLE_SECS)).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    builder
}

impl From<SignedMethod> for Method {
    fn from(method: SignedMethod) -> Self {
        match method {
            SignedMethod::Get => Self::GET,
            SignedMethod::Head => Self::HEAD,
        }
    }
}

impl StoreBody {
    fn new(incoming: Option<Incoming>) -> Self {
        Self { incoming, stall: None, waiting: false }
    }

    /// Whether the store has been silent for too long. The clock runs only while its bytes are asked for.
    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        // Past what the clock can hold, nothing would ever be too long.
        let Some(deadline) = Instant::now().checked_add(Duration::from_secs(STALL_SECS)) else { return false };
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if !self.waiting {
            stall.as_mut().reset(deadline);
            self.waiting = true;
        }
        stall.as_mut().poll(context).is_ready()
    }
}

impl Body for StoreBody {
    type Data = Bytes;
    type Error = StoreBodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreBodyError>>> {
        let this = self.get_mut();
        let Some(incoming) = this.incoming.as_mut() else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                this.waiting = false;
                Poll::Ready(frame.map(|frame| frame.map_err(|_broken| StoreBodyError::Broken)))
            }
            Poll::Pending if this.is_stalled(context) => Poll::Ready(Some(Err(StoreBodyError::Stalled))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl fmt::Debug for StoreBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBody").field("is_empty", &self.incoming.is_none()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CLIENTS 3: range headers of every shape
    #[test]
    fn one_part_is_asked_for_and_everything_else_is_answered_whole() {
        for (given, want) in [
            ("bytes=0-99", Some("bytes=0-99")),
            ("bytes=5-", Some("bytes=5-")),
            ("bytes=-8", Some("bytes=-8")),
            ("bytes=-0", Some("bytes=-0")),
            ("Bytes=0-0", Some("bytes=0-0")),
            ("bytes=0-99999999999999999999999", Some("bytes=0-9223372036854775807")),
            ("bytes=99999999999999999999999-", Some("bytes=9223372036854775807-")),
            ("bytes=0-1,5-6", None),
            ("bytes=5-2", None),
            ("bytes=-", None),
            ("bytes=", None),
            ("bytes", None),
            ("items=0-1", None),
            ("bytes=a-b", None),
            ("bytes=0-1x", None),
            ("bytes=--1", None),
            ("bytes=+1-2", None),
        ] {
            let got = single_range(&HeaderValue::from_str(given).unwrap());
            assert_eq!(got.as_ref().map(|value| value.to_str().unwrap()), want, "{given}");
        }
        let absurd = format!("bytes=0-{}", "9".repeat(RANGE_BYTES_MAX));
        assert_eq!(single_range(&HeaderValue::from_str(&absurd).unwrap()), None);
    }

    #[test]
    fn conditions_are_passed_on_and_nothing_else_is() {
        let given = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let asked = Conditions::of(SignedMethod::Get, &headers);
            let mut names: Vec<_> = asked.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            (names.join(" "), asked.guard.is_some())
        };
        for (pairs, want, guarded) in [
            (&[("authorization", "Bearer x"), ("accept-encoding", "gzip"), ("cookie", "a=b"), ("x-amz-acl", "y")][..], "", false),
            (&[("if-none-match", "\"a\""), ("if-modified-since", "x")], "if-modified-since if-none-match", false),
            (&[("range", "bytes=0-1")], "range", false),
            (&[("range", "bytes=0-1"), ("range", "bytes=5-6")], "", false),
            (&[("range", "bytes=0-1"), ("if-range", "\"a\"")], "if-match range", true),
            (&[("range", "bytes=0-1"), ("if-range", "Tue, 15 Nov 1994 08:12:31 GMT")], "if-unmodified-since range", true),
            (&[("range", "bytes=0-1"), ("if-range", "W/\"a\"")], "", false),
            (&[("range", "bytes=0-1"), ("if-range", "\"a\""), ("if-match", "\"b\"")], "if-match", false),
            (&[("if-range", "\"a\"")], "", false),
        ] {
            assert_eq!(given(pairs), (want.to_owned(), guarded), "{pairs:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert!(Conditions::of(SignedMethod::Head, &headers).headers.is_empty(), "HEAD knows no range");
    }

    // SECURITY T33
    #[test]
    fn an_answer_that_is_none_is_an_error_with_its_reason() {
        for (status, code, want) in [
            (403, Some("AccessDenied"), ObjectsError::Refused { status: 403, code: "AccessDenied".to_owned() }),
            (403, Some("InvalidObjectState"), ObjectsError::Archived),
            (403, Some("LeadsOut"), ObjectsError::LeadsOut),
            (404, Some("NoSuchBucket"), ObjectsError::NoBucket),
            (403, None, ObjectsError::Refused { status: 403, code: "Unknown".to_owned() }),
            (301, Some("PermanentRedirect"), ObjectsError::Refused { status: 301, code: "PermanentRedirect".to_owned() }),
            (503, Some("SlowDown"), ObjectsError::Unavailable { status: 503 }),
            (500, None, ObjectsError::Unavailable { status: 500 }),
            (429, None, ObjectsError::Unavailable { status: 429 }),
        ] {
            assert_eq!(refusal(StatusCode::from_u16(status).unwrap(), code.map(str::to_owned)), want, "{status} {code:?}");
        }
    }

    #[test]
    fn an_archived_object_is_known_by_its_class_until_it_is_restored() {
        let with = |class: &'static str, restore: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert("content-length", HeaderValue::from_static("5"));
            headers.insert("last-modified", HeaderValue::from_static("Tue, 15 Nov 1994 08:12:31 GMT"));
            headers.insert("x-amz-storage-class", HeaderValue::from_static(class));
            if let Some(restore) = restore {
                headers.insert("x-amz-restore", HeaderValue::from_static(restore));
            }
            meta(&headers).unwrap()
        };
        assert!(with("GLACIER", None).archived);
        assert!(with("DEEP_ARCHIVE", Some("ongoing-request=\"true\"")).archived);
        assert!(!with("GLACIER", Some("ongoing-request=\"false\", expiry-date=\"x\"")).archived);
        assert!(!with("GLACIER_IR", None).archived && !with("STANDARD_IA", None).archived);
        assert_eq!(with("STANDARD", None).modified.unwrap().as_second(), 784_887_151);
        assert_eq!(meta(&HeaderMap::new()), Err(ObjectsError::Unreadable), "a length that is missing is not zero");
    }
}
