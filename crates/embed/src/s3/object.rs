//! `GetObject` and `HeadObject`: conditions, ranges, and the bytes. `CopyObject` comes by the same route.
//!
//! They come through s3s's route, after its signature check, because its own `GetObject` answers 400 where S3 ignores a
//! range or a condition that it cannot read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body::Frame;
use http_body_util::StreamBody;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use percent_encoding::percent_decode_str;
use s3s::route::S3Route;
use s3s::{Body, S3Error as Refusal, S3ErrorCode, S3Request, S3Response, S3Result};

use crate::s3::copy::{self, Copying};
use crate::s3::folder::{self, Facts, Folders, Root, content_type, open_refusal, refusal};
use crate::s3::signed::pairs;

/// Up to this many bytes are read in one go, in the same blocking call that opens the file.
const WHOLE_BYTES_MAX: u64 = 1024 * 1024;
/// More is streamed in pieces of this many bytes, each read when the one before has left.
const PIECE_BYTES: u64 = 256 * 1024;

/// Where the code of a refusal stands.
const REFUSAL: HeaderName = HeaderName::from_static("x-offprint-refusal");
/// The queries that make a GET of an object another operation. All of them are refused further on.
const OTHER_OPERATIONS: [&str; 7] = ["acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId"];
/// What a signed query may say of the answer's headers.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", header::CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

/// The route of objects.
#[derive(Debug)]
pub(super) struct Objects(pub(super) Arc<Folders>);

#[async_trait::async_trait]
impl S3Route for Objects {
    fn is_match(&self, method: &Method, uri: &Uri, _headers: &HeaderMap, _extensions: &mut Extensions) -> bool {
        let has_key = bucket_and_key(raw_path(uri)).is_some_and(|(_, key)| !key.is_empty());
        let other = || pairs(uri.query().unwrap_or("")).any(|(name, _)| OTHER_OPERATIONS.contains(&name.as_str()));
        match *method {
            Method::HEAD => has_key || raw_path(uri) == "/",
            _ => has_key && !other(),
        }
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let answered = match request.method {
            Method::GET | Method::HEAD => match self.ask(request) {
                Ok((root, ask)) => tokio::task::spawn_blocking(move || ask.answer(&root)).await,
                Err(refused) => Ok(Err(refused)),
            },
            _ => match self.copying(&request) {
                Ok(copying) => tokio::task::spawn_blocking(move || copying.answer()).await,
                Err(refused) => Ok(Err(refused)),
            },
        };
        answered.unwrap_or_else(|ended| Err(Refusal::internal_error(ended))).or_else(refused)
    }
}

impl Objects {
    /// Which object of which folder a request is about.
    fn named(&self, uri: &Uri) -> Result<(Root, String), Refusal> {
        let Some((bucket, key)) = bucket_and_key(raw_path(uri)) else {
            return Err(refusal(S3ErrorCode::MethodNotAllowed, "The specified method is not allowed against this resource."));
        };
        let root = self.0.root(bucket)?.clone();
        let key = percent_decode_str(key)
            .decode_utf8()
            .map_err(|_not_text| refusal(S3ErrorCode::InvalidURI, "Couldn't parse the specified URI."))?;
        Ok((root, key.into_owned()))
    }

    /// The copy that a request asks for. Of uploads in parts nothing is known here.
    fn copying(&self, request: &S3Request<Body>) -> Result<Copying, Refusal> {
        let (root, key) = self.named(&request.uri)?;
        if request.method == Method::PUT {
            return Copying::of(&self.0, root, key, &request.headers);
        }
        Err(if root.writable { copy::not_implemented() } else { copy::read_only() })
    }

    /// What the request asks for, and of which folder.
    fn ask(&self, request: S3Request<Body>) -> Result<(Root, Ask), Refusal> {
        let (root, key) = self.named(&request.uri)?;
        let mut overrides = Vec::new();
        for (name, value) in pairs(request.uri.query().unwrap_or("")) {
            if name == "versionId" && value != "null" {
                return Err(refusal(S3ErrorCode::NoSuchVersion, "The specified version does not exist."));
            }
            if let Some((_, header)) = OVERRIDES.iter().find(|(known, _)| *known == name) {
                let value = HeaderValue::from_str(&value)
                    .map_err(|_not_ascii| refusal(S3ErrorCode::InvalidArgument, "Header value cannot be represented."))?;
                overrides.push((header.clone(), value));
            }
        }
        let is_head = request.method == Method::HEAD;
        Ok((root, Ask { key, is_head, headers: request.headers, overrides }))
    }
}

/// The path as it stands in the request line.
#[expect(clippy::disallowed_methods, reason = "this server parses the raw path itself: hyper keeps it to the byte")]
fn raw_path(uri: &Uri) -> &str {
    uri.path()
}

/// `/bucket/key` in its two parts, still encoded. A legal bucket name needs no decoding.
fn bucket_and_key(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}

/// An S3 error as a finished answer, so that s3s does not log every missing chunk as an error. Its code stands in a header, too: an answer
/// to HEAD has no body to tell it.
fn refused(why: Refusal) -> S3Result<S3Response<Body>> {
    let code = HeaderValue::from_str(why.code().as_str());
    let (parts, body) = why.to_http_response()?.into_parts();
    let mut answer = S3Response::with_status(body, parts.status);
    answer.headers = parts.headers;
    answer.headers.extend(code.ok().map(|code| (REFUSAL, code)));
    Ok(answer)
}

/// One GET or HEAD of one object.
struct Ask {
    key: String,
    is_head: bool,
    headers: HeaderMap,
    overrides: Vec<(HeaderName, HeaderValue)>,
}

impl Ask {
    /// Opens, judges and, up to [`WHOLE_BYTES_MAX`], reads. Blocks.
    fn answer(self, root: &Root) -> Result<S3Response<Body>, Refusal> {
        let (file, facts) = folder::open(root, &self.key)?;
        let mut headers = HeaderMap::new();
        set(&mut headers, header::ETAG, &format!("\"{}\"", facts.tag));
        set(&mut headers, header::LAST_MODIFIED, &http_date(facts.modified));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        match verdict(&self.headers, &facts) {
            Verdict::Go => {}
            Verdict::NotModified => {
                let mut answer = S3Response::with_status(Body::empty(), StatusCode::NOT_MODIFIED);
                answer.headers = headers;
                return Ok(answer);
            }
            Verdict::Failed => {
                return Err(refusal(S3ErrorCode::PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&self.key)));
        for (name, value) in self.overrides {
            headers.insert(name, value);
        }
        let (status, from, until) = match wanted(&self.headers, &facts) {
            Wanted::All => (StatusCode::OK, 0, facts.length),
            Wanted::Part { first, last } => {
                set(&mut headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", facts.length));
                (StatusCode::PARTIAL_CONTENT, first, last.saturating_add(1))
            }
            Wanted::Nothing => return Err(not_satisfiable(facts.length)),
        };
        let length = until.saturating_sub(from);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        let body = if self.is_head { Body::empty() } else { bytes_of(file, from, length)? };
        let mut answer = S3Response::with_status(body, status);
        answer.headers = headers;
        Ok(answer)
    }
}

/// The body: `length` bytes of `file` from `from`.
fn bytes_of(mut file: File, from: u64, length: u64) -> Result<Body, Refusal> {
    if from > 0 {
        file.seek(SeekFrom::Start(from)).map_err(|why| open_refusal(&why))?;
    }
    if length > WHOLE_BYTES_MAX {
        return Ok(Body::http_body_unsync(StreamBody::new(pieces(file, length))));
    }
    read(&mut file, length).map(Body::from).map_err(|why| open_refusal(&why))
}

/// Exactly `length` bytes.
///
/// # Errors
/// As the file's; `UnexpectedEof` where it became shorter.
fn read(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    let got = file.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(got).is_ok_and(|got| got == length) { Ok(Bytes::from(bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The next `length` bytes in pieces. A piece is read when it is asked for, so a slow reader costs one piece.
fn pieces(file: File, length: u64) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = left.min(PIECE_BYTES);
        let reading = tokio::task::spawn_blocking(move || read(&mut file, size).map(|piece| (piece, file)));
        let (piece, file) = reading.await.map_err(io::Error::other)??;
        Ok(Some((Frame::data(piece), (file, left.saturating_sub(size)))))
    })
}

/// What the conditions of a request say.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Go,
    NotModified,
    Failed,
}

/// RFC 9110, 13.2.2, without its last step (`If-Range`, see [`wanted`]). A condition that cannot be read is ignored.
fn verdict(headers: &HeaderMap, facts: &Facts) -> Verdict {
    let modified = whole_secs(facts.modified);
    let date = |name| text(headers, name).and_then(parse_http_date);
    if let Some(tags) = text(headers, header::IF_MATCH) {
        if !names(tags, &facts.tag, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if date(header::IF_UNMODIFIED_SINCE).is_some_and(|since| modified > since) {
        return Verdict::Failed;
    }
    if let Some(tags) = text(headers, header::IF_NONE_MATCH) {
        if names(tags, &facts.tag, Comparison::Weak) {
            return Verdict::NotModified;
        }
    } else if date(header::IF_MODIFIED_SINCE).is_some_and(|since| modified <= since) {
        return Verdict::NotModified;
    }
    Verdict::Go
}

/// How entity tags are compared (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags, quoted or not, names just `tag`.
pub(super) fn is_named_by(list: &str, tag: &str) -> bool {
    names(list, tag, Comparison::Strong)
}

/// Whether a list of entity tags, quoted or not, names `tag`.
fn names(list: &str, tag: &str, comparison: Comparison) -> bool {
    list.split(',').map(str::trim).any(|one| {
        let strong = match one.strip_prefix("W/") {
            Some(weak) if comparison == Comparison::Weak => weak,
            Some(_) => return false,
            None => one,
        };
        strong == "*" || strong.trim_matches('"') == tag
    })
}

/// Which bytes a request wants.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// Both ends included, both inside the object.
    Part {
        first: u64,
        last: u64,
    },
    Nothing,
}

/// The range of a request, as S3 reads it: one range of bytes; several, other units and nonsense mean the whole.
fn wanted(headers: &HeaderMap, facts: &Facts) -> Wanted {
    let Some(range) = text(headers, header::RANGE) else { return Wanted::All };
    let holds = text(headers, header::IF_RANGE).is_none_or(|condition| {
        if condition.contains('"') {
            names(condition, &facts.tag, Comparison::Strong)
        } else {
            parse_http_date(condition) == Some(whole_secs(facts.modified))
        }
    });
    if holds { part(range, facts.length).unwrap_or(Wanted::All) } else { Wanted::All }
}

/// `bytes=first-last`, `bytes=first-` or `bytes=-count`, within `length`; `None` for any other text.
fn part(range: &str, length: u64) -> Option<Wanted> {
    let (unit, spec) = range.split_once('=')?;
    let (first, last) = spec.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let end = length.checked_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        return Some(match end {
            Some(end) if count > 0 => Wanted::Part { first: length.saturating_sub(count), last: end },
            _ => Wanted::Nothing,
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if first > last {
        return None;
    }
    Some(match end {
        Some(end) if first <= end => Wanted::Part { first, last: last.min(end) },
        _ => Wanted::Nothing,
    })
}

/// A decimal number; one that is too great counts as the greatest.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// 416 with the object's length.
fn not_satisfiable(length: u64) -> Refusal {
    let mut why = refusal(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    set(&mut headers, header::CONTENT_RANGE, &format!("bytes */{length}"));
    why.set_headers(headers);
    why
}

/// Sets a header to text that is ASCII by construction.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A time cut to whole seconds, as HTTP dates are.
fn whole_secs(time: SystemTime) -> SystemTime {
    let secs = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(secs)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(time: SystemTime) -> String {
    let moment = Timestamp::try_from(whole_secs(time)).unwrap_or(Timestamp::UNIX_EPOCH);
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap_or_default()
}

/// `1994-11-06T08:49:37Z`.
pub(super) fn iso_date(time: SystemTime) -> String {
    Timestamp::try_from(whole_secs(time)).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn parse_http_date(text: &str) -> Option<SystemTime> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_s3_reads_it() {
        let part_of = |first, last| Wanted::Part { first, last };
        for (range, length, want) in [
            ("bytes=0-9", 100, Some(part_of(0, 9))),
            ("bytes=0-0", 100, Some(part_of(0, 0))),
            ("bytes=90-", 100, Some(part_of(90, 99))),
            ("bytes=90-200", 100, Some(part_of(90, 99))),
            ("bytes=-10", 100, Some(part_of(90, 99))),
            ("bytes=-1000", 100, Some(part_of(0, 99))),
            ("Bytes=5-6", 100, Some(part_of(5, 6))),
            ("bytes=0-99999999999999999999999", 100, Some(part_of(0, 99))),
            ("bytes=99999999999999999999999-", 100, Some(Wanted::Nothing)),
            ("bytes=100-", 100, Some(Wanted::Nothing)),
            ("bytes=100-200", 100, Some(Wanted::Nothing)),
            ("bytes=-0", 100, Some(Wanted::Nothing)),
            ("bytes=0-", 0, Some(Wanted::Nothing)),
            ("bytes=-5", 0, Some(Wanted::Nothing)),
            ("bytes=5-4", 100, None),
            ("bytes=0-1,4-5", 100, None),
            ("bytes=", 100, None),
            ("bytes=-", 100, None),
            ("bytes=a-b", 100, None),
            ("bytes=+1-2", 100, None),
            ("items=0-1", 100, None),
            ("0-1", 100, None),
        ] {
            assert_eq!(part(range, length), want, "{range} of {length}");
        }
    }

    #[test]
    fn conditions_follow_rfc_9110() {
        let modified = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let facts = Facts { length: 10, modified: modified + Duration::from_millis(400), tag: "1-a-2".to_owned() };
        let (same, before, after) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        for (conditions, want) in [
            (&[][..], Verdict::Go),
            (&[("if-match", "\"1-a-2\"")], Verdict::Go),
            (&[("if-match", "1-a-2")], Verdict::Go),
            (&[("if-match", "*")], Verdict::Go),
            (&[("if-match", "\"x\", \"1-a-2\"")], Verdict::Go),
            (&[("if-match", "W/\"1-a-2\"")], Verdict::Failed),
            (&[("if-match", "\"x\"")], Verdict::Failed),
            (&[("if-none-match", "\"1-a-2\"")], Verdict::NotModified),
            (&[("if-none-match", "W/\"1-a-2\"")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"x\", \"1-a-2\"")], Verdict::NotModified),
            (&[("if-none-match", "\"x\"")], Verdict::Go),
            (&[("if-modified-since", same)], Verdict::NotModified),
            (&[("if-modified-since", after)], Verdict::NotModified),
            (&[("if-modified-since", before)], Verdict::Go),
            (&[("if-modified-since", "yesterday")], Verdict::Go),
            (&[("if-unmodified-since", before)], Verdict::Failed),
            (&[("if-unmodified-since", same)], Verdict::Go),
            (&[("if-match", "\"1-a-2\""), ("if-unmodified-since", before)], Verdict::Go),
            (&[("if-none-match", "\"x\""), ("if-modified-since", after)], Verdict::Go),
            (&[("if-match", "\"x\""), ("if-none-match", "\"1-a-2\"")], Verdict::Failed),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in conditions {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(verdict(&headers, &facts), want, "{conditions:?}");
        }
        assert_eq!(http_date(facts.modified), same);
    }
}
