//! One object of a link: a redirect to a signed URL, or its bytes; and folders named without a slash.

use std::{cell::Cell, thread::LocalKey};

use axum::{body::Body, response::Response};
use domain::{
    decision::{Action, Facts, Permit},
    path::ObjectPath,
    timing::Validity,
};
use edge::{problem::Problem, target::Form, trace::Delivery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use objects::{ObjectsError, levels::is_thinned, presigner::SignedMethod};

use crate::Reading;

impl Reading<'_> {
    /// `/{key}/{name}[/{path}]` of a link or dataset whose name matched.
    pub(crate) async fn object(&mut self, facts: &Facts, form: Form, path: Option<ObjectPath>, raw: &str) -> Result<Response, Problem> {
        self.verdict.range = Some(range_class(&self.parts.headers));
        let permit = self.permit(Action::Read, facts)?;
        let single = permit.scope().is_some_and(|scope| scope.is_single_object());
        let path = match path {
            // `/{key}/{name}` is the object of a link to one object, and a folder without its slash otherwise.
            None if single => ObjectPath::default(),
            None => return Box::pin(self.bare_name(facts, form, raw)).await,
            Some(_) if single => return Err(Problem::no_such_object()),
            Some(path) => path,
        };
        self.verdict.path = Some(path_class(&path, single));
        if !single && path.is_folder() {
            let permit = self.permit(Action::List, facts)?;
            return Box::pin(self.folder(&permit, &path)).await;
        }
        if permit.scope().is_some_and(|scope| is_thinned(&scope, &path)) {
            return Ok(with_sunset(Box::pin(self.thinned(&permit, &path)).await?, &permit));
        }
        let answer = self.bytes_or_redirect(facts, &permit, form, &path, raw).await?;
        Ok(with_sunset(answer, &permit))
    }

    /// `/{key}/{name}` of what is a folder: an S3 client's bucket where it is listed, else no object; others are led to the index.
    async fn bare_name(&mut self, facts: &Facts, form: Form, raw: &str) -> Result<Response, Problem> {
        if let Some(asked) = self.asked_of_folder()? {
            self.verdict.delivery = Some(Delivery::Listing);
            let permit = self.permit(Action::List, facts)?;
            return self.list_folder(&permit, &ObjectPath::default(), asked).await;
        }
        if self.is_led(form) { Ok(self.to_folder(raw)) } else { Err(Problem::no_such_object()) }
    }

    async fn bytes_or_redirect(
        &mut self,
        facts: &Facts,
        permit: &Permit,
        form: Form,
        path: &ObjectPath,
        raw: &str,
    ) -> Result<Response, Problem> {
        let head = self.parts.method == Method::HEAD;
        let may_be_folder = head || (names_html(&self.parts.headers) && !self.parts.headers.contains_key(header::RANGE));
        if self.is_streamed(form, permit) {
            return match Box::pin(self.stream(permit, path)).await? {
                Some(answer) => Ok(answer),
                None if may_be_folder && self.is_led(form) => Box::pin(self.folder_or_missing(facts, path, raw)).await,
                None => Err(Problem::no_such_object()),
            };
        }
        if may_be_folder {
            match Box::pin(self.app.objects.head(permit, path, self.now)).await? {
                None => return Box::pin(self.folder_or_missing(facts, path, raw)).await,
                // Storage would answer 403 after the redirect, which viewers take for empty space.
                Some(found) if found.archived => return Err(ObjectsError::Archived.into()),
                Some(_) => {}
            }
        }
        self.redirect(permit, if head { SignedMethod::Head } else { SignedMethod::Get }, path).await
    }

    /// 302 to a URL signed for this method and this object.
    async fn redirect(&mut self, permit: &Permit, method: SignedMethod, path: &ObjectPath) -> Result<Response, Problem> {
        let presigner = self.app.objects.presigner(permit, self.now).await?;
        let signed = presigner.sign(permit, method, path, self.now)?;
        self.verdict.sign = self.lap();
        self.verdict.delivery = Some(Delivery::Redirect);
        let cached = cache_control(signed.validity.max_age_secs(self.now));
        let location =
            HeaderValue::try_from(signed.into_bytes()).map_err(|_why| Problem::from(domain::path::PathError::ControlCharacter))?;
        let mut answer = found(location);
        answer.headers_mut().insert(header::CACHE_CONTROL, cached);
        Ok(answer)
    }

    /// The object's bytes, or their head, as the store answers; `None` where it has none.
    async fn stream(&mut self, permit: &Permit, path: &ObjectPath) -> Result<Option<Response>, Problem> {
        let method = if self.parts.method == Method::HEAD { SignedMethod::Head } else { SignedMethod::Get };
        let stored = self.app.objects.open(permit, method, path, &self.parts.headers, self.now).await?;
        self.verdict.sign = self.lap();
        self.verdict.delivery = Some(Delivery::Stream);
        if stored.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.check_size(&stored)?;
        let (head, body) = stored.into_parts();
        let mut answer = Response::from_parts(head, Body::new(body));
        let shown = matches!(answer.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
        let validity = permit.scope().filter(|_| shown).and_then(|scope| Validity::at(self.now, scope.timing(), scope.until(), None));
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, cache_control(validity.and_then(|validity| validity.max_age_secs(self.now))));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(Some(answer))
    }

    /// On Lambda a streamed answer ends at 200 MB and is re-encoded where the store had an encoding: both are refused before the first byte.
    fn check_size<B>(&self, stored: &http::Response<B>) -> Result<(), Problem> {
        let Some(max) = self.app.config.stream_bytes_max else { return Ok(()) };
        if stored.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "encoded", "an object with a stored encoding is not streamed here")
                .hint("a link that may redirect reads it: the same one without `-s`, unless it is a review link"));
        }
        let length = stored
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<u64>().ok());
        if self.parts.method == Method::GET && length.is_some_and(|length| length > max) {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large-to-stream",
                format!("over `{max}` bytes are not streamed here"),
            )
            .hint("ask for ranges, or use the same link without `-s`, unless it is a review link"));
        }
        Ok(())
    }

    /// What a name without a slash is, once no object has it.
    async fn folder_or_missing(&mut self, facts: &Facts, path: &ObjectPath, raw: &str) -> Result<Response, Problem> {
        // Who may not list learns of no folder, either.
        let Ok(permit) = self.permit(Action::List, facts) else { return Err(Problem::no_such_object()) };
        if self.has_folder(&permit, path).await? { Ok(self.to_folder(raw)) } else { Err(Problem::no_such_object()) }
    }

    /// 302 to the same address with a slash behind it.
    pub(crate) fn to_folder(&self, raw: &str) -> Response {
        let path = ObjectPath::from_raw(raw.trim_start_matches('/').as_bytes()).map(|path| path.encode()).unwrap_or_default();
        found_at(&format!("{}/{path}/", self.origin()))
    }
}

const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// Room for the headers of a redirect, so that their map grows once.
const HEADERS: usize = 12;

thread_local! {
    /// The last age and the last end that were written out, and how: a reader asks for one chunk of a link after the other.
    static LAST_AGE: Cell<Option<(u32, HeaderValue)>> = const { Cell::new(None) };
    static LAST_END: Cell<Option<(Timestamp, HeaderValue)>> = const { Cell::new(None) };
}

/// 302 to an address of this origin.
pub(crate) fn found_at(address: &str) -> Response {
    found(HeaderValue::from_str(address).unwrap_or_else(|_| HeaderValue::from_static("/")))
}

fn found(location: HeaderValue) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::FOUND;
    *answer.headers_mut() = HeaderMap::with_capacity(HEADERS);
    answer.headers_mut().insert(header::LOCATION, location);
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    answer
}

/// What `write` makes of `what`, and the same text again for as long as the same is asked.
fn written<T: Copy + PartialEq>(
    last: &'static LocalKey<Cell<Option<(T, HeaderValue)>>>,
    what: T,
    write: impl FnOnce(T) -> Option<HeaderValue>,
) -> Option<HeaderValue> {
    let known = last.take().filter(|(known, _text)| *known == what).or_else(|| Some((what, write(what)?)));
    last.set(known.clone());
    known.map(|(_what, text)| text)
}

/// How long whoever asked may keep the answer; `None`: not at all.
fn cache_control(max_age_secs: Option<u32>) -> HeaderValue {
    let text = |secs| HeaderValue::try_from(format!("private, max-age={secs}")).ok();
    max_age_secs.and_then(|secs| written(&LAST_AGE, secs, text)).unwrap_or(HeaderValue::from_static("no-store"))
}

/// `Sunset` (RFC 8594): when the link ends.
fn with_sunset(mut answer: Response, permit: &Permit) -> Response {
    let until = permit.scope().and_then(|scope| scope.until());
    if let Some(date) = until.and_then(|until| written(&LAST_END, until, http_date)) {
        answer.headers_mut().insert(SUNSET, date);
    }
    answer
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?;
    HeaderValue::try_from(text).ok()
}

/// Whether the client asks for a page, as a browser does; `*/*` alone is every library's way of asking for bytes.
fn names_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// The kind of range asked for, for the access line.
fn range_class(headers: &HeaderMap) -> &'static str {
    let Some(range) = headers.get(header::RANGE) else { return "none" };
    let Some(spec) = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")) else { return "other" };
    if spec.contains(',') {
        return "multi";
    }
    match spec.split_once('-') {
        Some(("", _)) => "suffix",
        Some((_, "")) => "open",
        Some(_) => "closed",
        None => "other",
    }
}

/// The kind of object asked for, for the access line: what Zarr keeps as metadata, or a chunk, or another file.
fn path_class(path: &ObjectPath, single: bool) -> &'static str {
    if single {
        return "file";
    }
    match path.name() {
        None => "folder",
        Some(_) if path.is_folder() => "folder",
        Some("zarr.json" | ".zarray" | ".zgroup" | ".zattrs" | ".zmetadata") => "metadata",
        Some(name) if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => "chunk",
        Some(_) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_paths_have_their_class() {
        for (range, want) in [
            ("bytes=0-1", "closed"),
            ("bytes=5-", "open"),
            ("bytes=-5", "suffix"),
            ("bytes=0-1,5-6", "multi"),
            ("items=1", "other"),
            ("bytes=x", "other"),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
            assert_eq!(range_class(&headers), want, "{range}");
        }
        for (path, want) in [
            ("0/c/1/2", "chunk"),
            ("0/1.2.3", "chunk"),
            ("zarr.json", "metadata"),
            ("0/.zarray", "metadata"),
            ("labels/", "folder"),
            ("README.md", "other"),
        ] {
            assert_eq!(path_class(&ObjectPath::from_decoded(path).unwrap(), false), want, "{path}");
        }
    }
}
