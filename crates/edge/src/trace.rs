//! The boundary of a request: its id, its one access line, its timing, and the body of a problem.
//!
//! The access line is the usage event (`docs/LOGGING.md`). It never holds a key, a token, a signed URL, an e-mail or an address.

use std::{
    cell::Cell,
    fs::File,
    io::{BufWriter, Write},
    str,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::response::Response;
use domain::id::{DatasetId, LinkId};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{
    Timestamp,
    fmt::{StdIoWrite, temporal::DateTimePrinter},
};

/// Access lines that are kept back, in bytes.
const LINES_BUFFERED_BYTES: usize = 65_536;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

thread_local! {
    /// Room for a line of text, kept from one request to the next.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// The last second that a line was written in, and its text.
    static SECOND: Cell<(i64, [u8; SECOND_BYTES])> = const { Cell::new((0, *b"1970-01-01T00:00:00Z")) };
}

/// `2026-11-26T18:04:05Z`.
const SECOND_BYTES: usize = 20;

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
        Self(Arc::new(Mutex::new(Output::File(BufWriter::with_capacity(LINES_BUFFERED_BYTES, file)))))
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

    /// Goes on in another file, once what is buffered is in the one before. A sink that writes to none stays as it is.
    pub fn go_on_in(&self, next: File) {
        self.flush();
        if let Output::File(file) = &mut *self.lock() {
            *file = BufWriter::with_capacity(LINES_BUFFERED_BYTES, next);
        }
    }

    fn write(&self, line: &AccessLine<'_>) {
        let mut bytes = LINE.take();
        bytes.clear();
        line.write(&mut bytes);
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
        LINE.set(bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Output> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How the bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Delivery {
    /// The word of the access line.
    const fn word(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Stream => "stream",
            Self::Listing => "listing",
            Self::None => "none",
        }
    }
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
#[derive(Debug)]
struct AccessLine<'a> {
    at: Timestamp,
    origin: &'static str,
    request_id: &'a HeaderValue,
    method: &'a str,
    status: u16,
    verdict: &'static str,
    client: &'static str,
    duration_us: u64,
    bytes: Option<u64>,
    known: &'a Verdict,
}

impl AccessLine<'_> {
    /// Writes the line as JSON, by hand: a general serialiser costs as much as a signature. Every text but the request's id is a word of
    /// ours, or an id, and needs no escapes.
    fn write(&self, to: &mut Vec<u8>) {
        let known = self.known;
        to.extend_from_slice(b"{\"kind\":\"access\",\"at\":\"");
        time(to, self.at);
        word(to, b"\",\"origin\":\"", Some(self.origin));
        to.extend_from_slice(b",\"request_id\":");
        serde_json::to_writer(&mut *to, self.request_id.to_str().unwrap_or_default()).unwrap_or_default();
        word(to, b",\"method\":\"", Some(self.method));
        number(to, b",\"status\":", u64::from(self.status));
        word(to, b",\"verdict\":\"", Some(self.verdict));
        word(to, b",\"reason\":\"", Some(known.reason.unwrap_or("permit")));
        if let Some(id) = known.link {
            word(to, b",\"link\":\"", str::from_utf8(&id.text()).ok());
        }
        if let Some(id) = known.dataset {
            word(to, b",\"dataset\":\"", str::from_utf8(&id.text()).ok());
        }
        word(to, b",\"delivery\":\"", known.delivery.map(Delivery::word));
        word(to, b",\"range\":\"", known.range);
        word(to, b",\"path\":\"", known.path);
        word(to, b",\"client\":\"", Some(self.client));
        number(to, b",\"table_trips\":", u64::from(known.table_trips));
        number(to, b",\"duration_us\":", self.duration_us);
        if let Some(bytes) = self.bytes {
            number(to, b",\"bytes\":", bytes);
        }
        to.extend_from_slice(b"}\n");
    }
}

/// A field that holds a word, where there is one; `name` ends with the quote before it. Names are arrays: their length is known where
/// they are copied, which is most of the work.
fn word<const N: usize>(to: &mut Vec<u8>, name: &[u8; N], value: Option<&str>) {
    if let Some(value) = value {
        to.extend_from_slice(name);
        to.extend_from_slice(value.as_bytes());
        to.push(b'"');
    }
}

/// A time as RFC 3339 has it, to the microsecond. Most lines are written in the same second as the one before.
fn time(to: &mut Vec<u8>, at: Timestamp) {
    let second = at.as_second();
    let (known, mut text) = SECOND.get();
    if known != second {
        let whole = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        DateTimePrinter::new().print_timestamp(&whole, StdIoWrite(text.as_mut_slice())).unwrap_or_default();
        SECOND.set((second, text));
    }
    to.extend_from_slice(&text);
    // In front of the `Z`.
    to.pop();
    to.push(b'.');
    to.extend_from_slice(&digits::<6>(u64::try_from(at.subsec_microsecond()).unwrap_or_default()));
    to.push(b'Z');
}

/// The last `N` digits of a number.
fn digits<const N: usize>(mut value: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(value % 10).unwrap_or(0));
        value /= 10;
    }
    text
}

/// Digits behind what names them. Writing to memory cannot fail.
fn number<const N: usize>(to: &mut Vec<u8>, name: &[u8; N], value: u64) {
    to.extend_from_slice(name);
    serde_json::to_writer(to, &value).unwrap_or_default();
}

/// A request under way.
#[derive(Debug)]
pub struct Trace {
    /// The request's id: the front door's, else one of ours.
    pub request_id: HeaderValue,
    origin: &'static str,
    method: Method,
    /// What asks.
    pub client: Client,
    began: Instant,
    at: Timestamp,
}

impl Trace {
    /// Opens the span of a request to `origin`, `data` or `app`.
    #[must_use]
    pub fn open(origin: &'static str, request_id: HeaderValue, method: &Method, headers: &HeaderMap, at: Timestamp) -> Self {
        Self { request_id, origin, method: method.clone(), client: Client::of(headers), began: Instant::now(), at }
    }

    /// When it was opened.
    #[must_use]
    pub const fn began(&self) -> Instant {
        self.began
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
            at: self.at,
            origin: self.origin,
            request_id: &self.request_id,
            method: if matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::POST | Method::PATCH) {
                self.method.as_str()
            } else {
                "other"
            },
            status: status.as_u16(),
            verdict: if status.is_client_error() || status.is_server_error() { "deny" } else { "permit" },
            client: self.client.family,
            duration_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            bytes,
            known: &verdict,
        });
        answer.headers_mut().insert(REQUEST_ID, self.request_id);
    }
}

fn server_timing(verdict: &Verdict) -> HeaderValue {
    let mut text = LINE.take();
    text.clear();
    millis(&mut text, b"facts;dur=", verdict.facts);
    millis(&mut text, b", decide;dur=", verdict.decide);
    millis(&mut text, b", sign;dur=", verdict.sign);
    let value = HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    LINE.set(text);
    value
}

/// Milliseconds with three digits, as the header's grammar wants them.
fn millis<const N: usize>(to: &mut Vec<u8>, name: &[u8; N], spent: Duration) {
    let micros = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
    number(to, name, micros / 1_000);
    to.push(b'.');
    to.extend_from_slice(&digits::<3>(micros));
}

/// What asks, by the beginning of its User-Agent: one of a closed list, so that no line holds what a client made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The word of the access line.
    pub family: &'static str,
    /// Whether it follows a redirect, and without headers that storage refuses there (ADR 0010).
    pub follows: bool,
}

impl Client {
    /// The client that sent these headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        static FAMILIES: [(&[u8], &str, bool); 16] = [
            (b"tensorstore/", "tensorstore", false),
            (b"Boto3/", "boto3", false),
            (b"Botocore/", "botocore", false),
            (b"aiobotocore/", "aiobotocore", false),
            (b"aws-cli/", "aws-cli", false),
            (b"aws-sdk-", "aws-sdk", false),
            (b"Python/", "python", true),
            (b"python-requests/", "python", true),
            (b"Python-urllib/", "python", true),
            (b"object_store/", "object-store", true),
            (b"rclone/", "rclone", true),
            (b"curl/", "curl", true),
            (b"Wget/", "wget", true),
            (b"Java", "java", true),
            (b"node", "node", true),
            (b"Mozilla/", "browser", true),
        ];
        let agent = headers.get(http::header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        // The first byte rules out nearly all of them.
        let begins = |start: &[u8]| agent.first() == start.first() && agent.starts_with(start);
        let known = FAMILIES.iter().find(|(start, ..)| begins(start));
        known.map_or(Self { family: "other", follows: true }, |&(_, family, follows)| Self { family, follows })
    }
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
    let digit = |value: u8| value.wrapping_add(if value < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    let text = id.to_be_bytes().map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    HeaderValue::from_bytes(text.as_flattened()).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_one_of_a_closed_list() {
        let family =
            |agent: &'static str| Client::of(&HeaderMap::from_iter([(http::header::USER_AGENT, HeaderValue::from_static(agent))])).family;
        assert_eq!(family("tensorstore/0.1 libcurl"), "tensorstore");
        assert_eq!(family("Pythonic"), "other");
        assert_eq!(family("\"} injected"), "other");
        assert_eq!(Client::of(&HeaderMap::new()), Client { family: "other", follows: true });
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
    fn a_line_says_when_to_the_microsecond() {
        for at in
            ["2026-11-26T18:04:05.000007Z", "2026-11-26T18:04:05.120000Z", "1970-01-01T00:00:00.000000Z", "2026-11-26T18:04:06.999999Z"]
        {
            let mut text = Vec::new();
            time(&mut text, at.parse().unwrap());
            assert_eq!(text, at.as_bytes());
        }
    }

    #[test]
    fn timing_is_in_milliseconds() {
        let verdict = Verdict { facts: Duration::from_micros(1_234), sign: Duration::from_micros(7), ..Verdict::default() };
        assert_eq!(server_timing(&verdict), "facts;dur=1.234, decide;dur=0.000, sign;dur=0.007");
    }
}
