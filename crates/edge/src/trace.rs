//! The boundary of a request: its id, its one access line, its timing, and the body of a problem.
//!
//! The access line is the usage event (`docs/LOGGING.md`). It never holds a key, a token, a signed URL, an e-mail or an address.

use std::{
    fmt::{self, Write as _},
    fs::File,
    io::{BufWriter, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::response::Response;
use domain::id::{DatasetId, LinkId};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Where access lines go: one line a request.
#[derive(Debug, Clone)]
pub struct LineSink(Arc<Mutex<Output>>);

#[derive(Debug)]
enum Output {
    /// Written at once: on Lambda the process may freeze after the answer.
    Stdout,
    /// Buffered; [`LineSink::flush`] is called every second and at the end.
    File(BufWriter<File>),
    /// Kept, for tests.
    Memory(Vec<u8>),
}

impl LineSink {
    /// Lines on standard output, each written at once.
    #[must_use]
    pub fn stdout() -> Self {
        Self(Arc::new(Mutex::new(Output::Stdout)))
    }

    /// Lines in a file, buffered.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self(Arc::new(Mutex::new(Output::File(BufWriter::with_capacity(65_536, file)))))
    }

    /// Lines kept in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self(Arc::new(Mutex::new(Output::Memory(Vec::new()))))
    }

    /// What a memory sink holds; empty for the others.
    #[must_use]
    pub fn text(&self) -> String {
        match &*self.lock() {
            Output::Memory(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Output::Stdout | Output::File(_) => String::new(),
        }
    }

    /// Writes out what is buffered. A full disk loses lines, never requests; each loss is said in the log.
    pub fn flush(&self) {
        if let Output::File(file) = &mut *self.lock()
            && let Err(why) = file.flush()
        {
            tracing::warn!(why = %why, "access lines were lost");
        }
    }

    fn write(&self, line: &AccessLine<'_>) {
        let mut bytes = Vec::with_capacity(512);
        if serde_json::to_writer(&mut bytes, line).is_err() {
            return;
        }
        bytes.push(b'\n');
        let written = match &mut *self.lock() {
            Output::Stdout => std::io::stdout().lock().write_all(&bytes),
            Output::File(file) => file.write_all(&bytes),
            Output::Memory(kept) => {
                kept.extend_from_slice(&bytes);
                Ok(())
            }
        };
        if let Err(why) = written {
            tracing::warn!(why = %why, "an access line was lost");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Output> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How the bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// A redirect to a signed URL.
    Redirect,
    /// Through this process.
    Stream,
    /// An index or an XML listing.
    Listing,
    /// Nothing of the data.
    None,
}

/// What a handler knows of its request, for the access line; where no one else passes it on, it travels in the answer's extensions.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// The link's id.
    pub link: Option<LinkId>,
    /// The dataset's id.
    pub dataset: Option<DatasetId>,
    /// `permit` or the problem's code.
    pub reason: Option<&'static str>,
    /// How the bytes went.
    pub delivery: Option<Delivery>,
    /// `none`, `closed`, `open`, `suffix`, `multi` or `other`.
    pub range: Option<&'static str>,
    /// `metadata`, `chunk`, `folder` or `other`.
    pub path: Option<&'static str>,
    /// Round trips to the table.
    pub table_trips: u32,
    /// Time to the facts.
    pub facts: Duration,
    /// Time of the decision.
    pub decide: Duration,
    /// Time of signing, or of the store's first byte.
    pub sign: Duration,
}

/// One line of the access log. Its fields are documented in `docs/LOGGING.md`; a test compares the two.
#[derive(Debug, Serialize)]
struct AccessLine<'a> {
    kind: &'static str,
    at: Timestamp,
    origin: &'static str,
    request_id: &'a str,
    method: &'a str,
    status: u16,
    verdict: &'static str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Text<LinkId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<Text<DatasetId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    client: &'static str,
    table_trips: u32,
    duration_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

/// An id in its one text form.
#[derive(Debug)]
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Trace {
    /// The request's id: the front door's, else one of ours.
    pub request_id: HeaderValue,
    origin: &'static str,
    method: Method,
    client: &'static str,
    began: Instant,
    at: Timestamp,
}

impl Trace {
    /// Opens the span of a request to `origin`, `data` or `app`.
    #[must_use]
    pub fn open(origin: &'static str, request_id: HeaderValue, method: &Method, headers: &HeaderMap, at: Timestamp) -> Self {
        let client = client_family(headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default());
        Self { request_id, origin, method: method.clone(), client, began: Instant::now(), at }
    }

    /// Closes it: stamps the id and the timing on the answer and writes the access line. A problem in the answer gives the reason.
    pub fn close(self, answer: &mut Response, mut verdict: Verdict, lines: &LineSink) {
        let refused = answer.extensions().get::<Verdict>().and_then(|refused| refused.reason);
        verdict.reason = verdict.reason.or(refused);
        let status = answer.status();
        let opened = status.is_success() || status == http::StatusCode::FOUND;
        if opened && self.origin == "data" {
            answer.headers_mut().insert(SERVER_TIMING, server_timing(&verdict));
        }
        let bytes = answer
            .headers()
            .get(http::header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse().ok());
        lines.write(&AccessLine {
            kind: "access",
            at: self.at,
            origin: self.origin,
            request_id: self.request_id.to_str().unwrap_or_default(),
            method: if matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::POST | Method::PATCH) {
                self.method.as_str()
            } else {
                "other"
            },
            status: status.as_u16(),
            verdict: if status.is_client_error() || status.is_server_error() { "deny" } else { "permit" },
            reason: verdict.reason.unwrap_or("permit"),
            link: verdict.link.map(Text),
            dataset: verdict.dataset.map(Text),
            delivery: verdict.delivery,
            range: verdict.range,
            path: verdict.path,
            client: self.client,
            table_trips: verdict.table_trips,
            duration_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            bytes,
        });
        answer.headers_mut().insert(REQUEST_ID, self.request_id);
    }
}

fn server_timing(verdict: &Verdict) -> HeaderValue {
    let mut text = String::with_capacity(64);
    for (name, spent) in [("facts", verdict.facts), ("decide", verdict.decide), ("sign", verdict.sign)] {
        let comma = if text.is_empty() { "" } else { ", " };
        let micros = spent.as_micros();
        // Milliseconds with three digits, as the header's grammar wants them; written as integers, which is cheaper than a float.
        let (millis, rest) = (micros.checked_div(1_000).unwrap_or_default(), micros.checked_rem(1_000).unwrap_or_default());
        if write!(text, "{comma}{name};dur={millis}.{rest:03}").is_err() {
            break;
        }
    }
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The kind of client, by its User-Agent: a short closed list, so that no line holds what a client made up.
fn client_family(agent: &str) -> &'static str {
    const FAMILIES: [(&str, &str); 16] = [
        ("tensorstore/", "tensorstore"),
        ("Boto3/", "boto3"),
        ("Botocore/", "botocore"),
        ("aiobotocore/", "aiobotocore"),
        ("aws-cli/", "aws-cli"),
        ("aws-sdk-", "aws-sdk"),
        ("Python/", "python"),
        ("python-requests/", "python"),
        ("Python-urllib/", "python"),
        ("object_store/", "object-store"),
        ("rclone/", "rclone"),
        ("curl/", "curl"),
        ("Wget/", "wget"),
        ("Java", "java"),
        ("node", "node"),
        ("Mozilla/", "browser"),
    ];
    FAMILIES.iter().find(|(start, _)| agent.starts_with(start)).map_or("other", |(_, family)| family)
}

/// A request id of ours, where the front door gave none: 16 hex digits, unique enough to find a line.
#[must_use]
pub fn new_request_id() -> HeaderValue {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if NEXT.load(Ordering::Relaxed) == 0 {
        let mut bits = [0_u8; 8];
        // Two processes that begin alike would only share ids of log lines.
        if getrandom::fill(&mut bits).is_ok() {
            NEXT.fetch_add(u64::from_le_bytes(bits) | 1, Ordering::Relaxed);
        }
    }
    let id = NEXT.fetch_add(0x9E37_79B9, Ordering::Relaxed);
    HeaderValue::from_str(&format!("{id:016x}")).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_one_of_a_closed_list() {
        assert_eq!(client_family("tensorstore/0.1 libcurl"), "tensorstore");
        assert_eq!(client_family("\"} injected"), "other");
    }

    /// What `docs/LOGGING.md` says of the line is all that the line has, and the other way round.
    #[test]
    fn every_field_of_the_access_line_is_documented() {
        let lines = LineSink::memory();
        let at = Timestamp::UNIX_EPOCH;
        let id = uuid::Uuid::from_u128(1);
        let verdict = Verdict {
            link: Some(LinkId::new(id)),
            dataset: Some(DatasetId::new(id)),
            delivery: Some(Delivery::Stream),
            range: Some("closed"),
            path: Some("chunk"),
            ..Verdict::default()
        };
        let mut answer = Response::default();
        answer.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("7"));
        Trace::open("data", new_request_id(), &Method::GET, &HeaderMap::new(), at).close(&mut answer, verdict, &lines);
        let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&lines.text()).unwrap();
        let mut written: Vec<&str> = line.keys().map(String::as_str).collect();
        written.sort_unstable();
        let page = include_str!("../../../docs/LOGGING.md");
        let mut documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        documented.sort_unstable();
        assert_eq!(written, documented);
    }

    #[test]
    fn timing_is_in_milliseconds() {
        let verdict = Verdict { facts: Duration::from_micros(1_234), sign: Duration::from_micros(7), ..Verdict::default() };
        assert_eq!(server_timing(&verdict), "facts;dur=1.234, decide;dur=0.000, sign;dur=0.007");
    }
}
