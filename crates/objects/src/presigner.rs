//! The presigner: a URL for one method and one object, for as long as its permit allows. What the product exists for.
//!
//! Why not the SDK's: it signs with credentials that have ended, turns a range into a signed header, and costs some thirty times
//! as much (SECURITY 4). It is the oracle in the tests. Not here: who may read (`domain::decision`), where credentials come from
//! (`credentials.rs`).

use core::{fmt, str};
use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    decision::{Denial, Permit, ReadScope},
    object::ObjectKey,
    path::{ObjectPath, PathError},
    source::{Source, Store},
    timing::Validity,
};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use thiserror::Error;

use crate::{
    address::Address,
    credentials::Credentials,
    sigv4::{ALGORITHM, Begun, DayKey, RequestHash, VALUE_ESCAPES},
};

/// Bytes of a request beside its key and its window's query: origin, tag, the one signed header, padding.
const FRAME_BYTES: usize = 448;
/// Windows remembered: those of each class of link, and a few cut short by a link's own end.
const WINDOWS_MAX: usize = 8;
/// Endings of what a browser would run or show as a page of the store's origin (SECURITY T18).
const ACTIVE_ENDINGS: [&str; 13] = ["html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt", "mht", "mhtml", "swf"];
/// Bytes of the longest of them.
const ACTIVE_BYTES_MAX: usize = 5;

/// Signs for one source with one set of credentials. Cheap to clone.
#[derive(Clone)]
pub struct Presigner(pub(crate) Arc<Signing>);

/// A method that may be signed for: the signature holds for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

/// A URL that opens one object: a secret until it ends. Made by a [`Presigner`] only; `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    url: Vec<u8>,
    /// When it was signed and how long it works.
    pub validity: Validity,
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignError {
    /// The permit is not one to read.
    #[error("the permit was given for something else")]
    Permit,
    /// The permit is for another source than the presigner.
    #[error("the presigner signs for another source")]
    OtherSource,
    /// The path fits no key.
    #[error("there is no such path")]
    Path(#[from] PathError),
    /// The permit does not open this object.
    #[error("the permit does not open this")]
    Denied(#[from] Denial),
    /// A folder is no object; the empty key would be the bucket itself.
    #[error("a folder cannot be signed for")]
    Folder,
    /// The link or the credentials end too soon.
    #[error("too little life is left to sign")]
    NothingLeft,
}

impl Presigner {
    /// Signs for one method on one object of what `permit` opens: `path` is joined to the permit's own location here and nowhere else.
    /// Only `host` is in the signed headers; the link's id stands in the signed query and nothing in it changes within a window, so
    /// the URL of an object repeats (SEMANTICS 3.5, 3.6).
    ///
    /// # Errors
    /// [`SignError`]; above all [`SignError::NothingLeft`] where the URL would outlive what it rests on (SECURITY T17).
    pub fn sign(&self, permit: &Permit, method: SignedMethod, path: &ObjectPath, now: Timestamp) -> Result<SignedUrl, SignError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        let (key, validity) = self.0.judge(&scope, path, now)?;
        let url = self.0.url(&self.0.public, &Asked { method, key, scope: Some(scope), validity })?;
        Ok(SignedUrl { url, validity })
    }
}

impl SignedUrl {
    /// The URL: ASCII, every other byte escaped.
    #[must_use]
    pub fn reveal(&self) -> &str {
        str::from_utf8(&self.url).unwrap_or_default()
    }

    /// Its bytes, for a header, which looks at each of them itself.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.url
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presigner(***)")
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrl").field("url", &"***").field("validity", &self.validity).finish()
    }
}

impl SignedMethod {
    /// The first line of the canonical request.
    const fn line(self) -> &'static [u8] {
        match self {
            Self::Get => b"GET\n",
            Self::Head => b"HEAD\n",
        }
    }
}

/// The number of the next [`Signing`].
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The window that this thread signed in last, which is nearly always the next one's, too: a lock is a write that all cores wait for.
    static LAST: Cell<Option<Arc<Window>>> = const { Cell::new(None) };
}

/// What a URL is signed for.
pub(crate) struct Asked<'a> {
    pub(crate) method: SignedMethod,
    /// The whole key in the bucket.
    pub(crate) key: ObjectKey<'a>,
    /// Whose tag stands in the signed query.
    pub(crate) scope: Option<ReadScope<'a>>,
    pub(crate) validity: Validity,
}

/// Everything that a signature for one source and one set of credentials needs, made once.
pub(crate) struct Signing {
    store: Store,
    prefix: ObjectPath,
    /// Where others reach the bucket.
    pub(crate) public: Address,
    /// Where this process does.
    pub(crate) internal: Address,
    pub(crate) credentials: Credentials,
    /// No other in this process has the same.
    number: u64,
    /// The access key id, escaped.
    access_key_id: String,
    /// `&X-Amz-Security-Token=…` or nothing.
    token: String,
    windows: Mutex<Windows>,
}

/// The key of the day, and the windows signed in last: one for each class of link, as a rule.
#[derive(Default)]
struct Windows {
    day: Option<DayKey>,
    recent: VecDeque<Arc<Window>>,
}

/// What all URLs of one signing instant and one life have in common.
struct Window {
    /// The number of whom it is for.
    of: u64,
    validity: Validity,
    /// The query up to `X-Amz-SignedHeaders`.
    query: String,
    begun: Begun,
}

/// A canonical request, written where its URL will stand. They differ in what is before the path, in the byte before the query, and at
/// the end: so each byte is written once, and what is hashed is one piece.
struct Request<'a> {
    text: Vec<u8>,
    address: &'a Address,
    /// Where the request begins: its first line stands over the end of the URL's origin.
    from: usize,
    path_to: usize,
    hash: RequestHash,
}

impl<'a> Request<'a> {
    /// The request up to the end of what its window has in common.
    fn begin(address: &'a Address, asked: &Asked<'_>, window: &Window) -> Self {
        let (origin, line) = (address.origin.as_bytes(), asked.method.line());
        // A key byte takes three at the most; a longer guess would cost more than it saves.
        let bytes = asked.key.bytes().saturating_mul(2).saturating_add(window.query.len()).saturating_add(FRAME_BYTES);
        let mut text = Vec::with_capacity(bytes);
        text.extend_from_slice(origin);
        let from = origin.len().saturating_sub(line.len());
        overwrite(&mut text, from, line);
        text.extend_from_slice(address.path.as_bytes());
        asked.key.escape_to(&mut text);
        let path_to = text.len();
        text.push(b'\n');
        text.extend_from_slice(window.query.as_bytes());
        Self { text, address, from, path_to, hash: RequestHash::at(from) }
    }

    /// The URL that it is signed for, once its query is whole.
    fn into_url(self, begun: Begun) -> Vec<u8> {
        let Self { mut text, address, from, path_to, hash } = self;
        let query_to = text.len();
        text.extend_from_slice(address.canonical_end.as_bytes());
        let signature = begun.signature(hash.end(&mut text, from));
        text.truncate(query_to);
        overwrite(&mut text, from, address.origin.as_bytes().get(from..).unwrap_or_default());
        overwrite(&mut text, path_to, b"?");
        text.extend_from_slice(b"&X-Amz-Signature=");
        text.extend_from_slice(&signature);
        text
    }
}

/// Puts `with` into `text` at `at`, where there is room for it.
fn overwrite(text: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = text.get_mut(at..).and_then(|text| text.get_mut(..with.len())) {
        place.copy_from_slice(with);
    }
}

impl Signing {
    pub(crate) fn new(source: &Source, public: Address, internal: Address, credentials: Credentials) -> Self {
        let escaped = |text: &str| utf8_percent_encode(text, VALUE_ESCAPES).to_string();
        let token = credentials.session_token().map(|token| format!("&X-Amz-Security-Token={}", escaped(token)));
        Self {
            store: source.store.clone(),
            prefix: source.prefix.clone(),
            public,
            internal,
            access_key_id: escaped(credentials.access_key_id()),
            token: token.unwrap_or_default(),
            credentials,
            windows: Mutex::default(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The object's key and the life of a signature for it, where the permit's scope allows both.
    pub(crate) fn judge<'k>(
        &self,
        scope: &ReadScope<'k>,
        path: &'k ObjectPath,
        now: Timestamp,
    ) -> Result<(ObjectKey<'k>, Validity), SignError> {
        if *scope.store() != self.store || scope.source().prefix != self.prefix {
            return Err(SignError::OtherSource);
        }
        let key = scope.object(path)?;
        let validity = Validity::at(now, scope.timing(), scope.until(), self.credentials.until()).ok_or(SignError::NothingLeft)?;
        Ok((key, validity))
    }

    /// The signed URL of an object at `address`, in ASCII.
    pub(crate) fn url(&self, address: &Address, asked: &Asked<'_>) -> Result<Vec<u8>, SignError> {
        if asked.key.is_folder() {
            return Err(SignError::Folder);
        }
        let window = self.window(asked.validity).ok_or(SignError::NothingLeft)?;
        let mut request = Request::begin(address, asked, &window);
        // The rest is written while the processor, which can only hash a block after the other, has nothing better to do.
        request.hash.take(&request.text);
        self.end_query(&mut request.text, asked);
        let url = request.into_url(window.begun.clone());
        LAST.set(Some(window));
        Ok(url)
    }

    /// The same as text, for whoever asks by it.
    pub(crate) fn url_text(&self, address: &Address, asked: &Asked<'_>) -> Result<String, SignError> {
        self.url(address, asked).map(|url| String::from_utf8(url).unwrap_or_default())
    }

    /// The window of `validity`, made once.
    fn window(&self, validity: Validity) -> Option<Arc<Window>> {
        if let Some(window) = LAST.take().filter(|window| window.of == self.number && window.validity == validity) {
            return Some(window);
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.recent.iter().find(|window| window.validity == validity) {
            return Some(Arc::clone(window));
        }
        let day = windows.day.take().filter(|day| day.is_of(validity.signed_at));
        let day = match day {
            Some(day) => day,
            None => DayKey::derive(self.credentials.secret_access_key(), &self.store.region, validity.signed_at)?,
        };
        let window = Arc::new(self.begin(&day, validity));
        windows.day = Some(day);
        windows.recent.truncate(WINDOWS_MAX.saturating_sub(1));
        windows.recent.push_front(Arc::clone(&window));
        Some(window)
    }

    /// What a query has behind its window's part, in the order of bytes.
    fn end_query(&self, query: &mut Vec<u8>, asked: &Asked<'_>) {
        if asked.method == SignedMethod::Get && is_active(asked.key) {
            query.extend_from_slice(b"&response-content-disposition=attachment&response-content-type=application%2Foctet-stream");
        }
        if self.store.requester_pays {
            query.extend_from_slice(b"&x-amz-request-payer=requester");
        }
        if let Some(scope) = &asked.scope {
            query.extend_from_slice(b"&x-offprint-link=");
            query.extend_from_slice(&scope.tag());
        }
    }

    /// What the URLs of a window begin with; names in byte order.
    fn begin(&self, day: &DayKey, validity: Validity) -> Window {
        let time = DayKey::time_of(validity.signed_at);
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}%2F{date}%2F{}%2Fs3%2Faws4_request&X-Amz-Date={date}{}&X-Amz-Expires={}{}\
             &X-Amz-SignedHeaders=host",
            self.access_key_id,
            self.store.region,
            str::from_utf8(&time).unwrap_or_default(),
            validity.expires_secs,
            self.token,
            date = day.date,
        );
        Window { of: self.number, validity, query, begun: day.begin(time) }
    }
}

/// Whether a browser that opened this key at the store would run or show it as a page there.
fn is_active(key: ObjectKey<'_>) -> bool {
    key.ending(ACTIVE_BYTES_MAX).is_some_and(|ending| ACTIVE_ENDINGS.iter().any(|active| ending.eq_ignore_ascii_case(active.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T18
    #[test]
    fn what_a_browser_would_run_is_known_by_its_ending() {
        for (key, active) in [
            ("a/index.html", true),
            ("a/INDEX.HTM", true),
            ("logo.SvG", true),
            ("x.ome.xml", true),
            ("archive.mht", true),
            ("zarr.json", false),
            ("0/c/4/7/2", false),
            ("html", false),
            ("a.html/0", false),
            ("photo.png", false),
        ] {
            assert_eq!(is_active(ObjectKey::whole(&ObjectPath::from_decoded(key).unwrap())), active, "{key}");
        }
    }

    #[test]
    fn a_signed_url_is_never_printed() {
        let validity = Validity { signed_at: Timestamp::UNIX_EPOCH, expires_secs: 60 };
        let signed = SignedUrl { url: b"https://x/?X-Amz-Signature=00ff".to_vec(), validity };
        assert!(!format!("{signed:?} {signed:#?}").contains("Signature"));
    }
}
