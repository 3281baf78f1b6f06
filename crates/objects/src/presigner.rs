//! The presigner: a URL for one method and one object, for as long as its permit allows. What the product exists for.
//!
//! Why not the SDK's: it signs with credentials that have ended, turns a range into a signed header, and costs some thirty times
//! as much (SECURITY 4). It is the oracle in the tests. Not here: who may read (`domain::decision`), where credentials come from
//! (`credentials.rs`).

use core::{fmt, str};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{
    decision::{Denial, Permit, ReadScope},
    id::ID_CHARS,
    path::{ObjectPath, PathError, encode_key},
    source::{Source, Store},
    timing::Validity,
};
use hmac::Hmac;
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    address::Address,
    credentials::Credentials,
    sigv4::{ALGORITHM, DayKey, VALUE_ESCAPES, signature},
};

/// Bytes of a URL beside its key and its window's query: place, tag, signature.
const URL_FRAME_BYTES: usize = 384;
/// Windows remembered: those of each class of link, and a few cut short by a link's own end.
const WINDOWS_MAX: usize = 8;
/// Endings of what a browser would run or show as a page of the store's origin (SECURITY T18).
const ACTIVE_ENDINGS: [&str; 13] = ["html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt", "mht", "mhtml", "swf"];

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
#[non_exhaustive]
pub struct SignedUrl {
    /// The URL: ASCII, every other byte escaped, ready for a header.
    pub url: String,
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
        let url = self.0.url(&self.0.public, &Asked { method, key: &key, tag: Some(scope.tag()), validity })?;
        Ok(SignedUrl { url, validity })
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

/// What a URL is signed for.
pub(crate) struct Asked<'a> {
    pub(crate) method: SignedMethod,
    /// The whole key in the bucket.
    pub(crate) key: &'a ObjectPath,
    /// The tag in the signed query.
    pub(crate) tag: Option<[u8; ID_CHARS]>,
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
    /// The access key id, escaped.
    access_key_id: String,
    /// `&X-Amz-Security-Token=…` or nothing.
    token: String,
    windows: RwLock<Windows>,
}

/// The key of the day, and the windows signed in last: one for each class of link, as a rule.
#[derive(Default)]
struct Windows {
    day: Option<DayKey>,
    recent: VecDeque<Arc<Window>>,
}

/// What all URLs of one signing instant and one life have in common.
struct Window {
    validity: Validity,
    /// The query up to `X-Amz-SignedHeaders`.
    query: String,
    /// The string to sign up to the hash of the request.
    begun: Hmac<Sha256>,
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
            windows: RwLock::default(),
        }
    }

    /// The object's key and the life of a signature for it, where the permit's scope allows both.
    pub(crate) fn judge(&self, scope: &ReadScope<'_>, path: &ObjectPath, now: Timestamp) -> Result<(ObjectPath, Validity), SignError> {
        if *scope.store() != self.store || scope.source().prefix != self.prefix {
            return Err(SignError::OtherSource);
        }
        let key = scope.key(path)?;
        let validity = Validity::at(now, scope.timing(), scope.until(), self.credentials.until()).ok_or(SignError::NothingLeft)?;
        Ok((key, validity))
    }

    /// The signed URL of an object at `address`. The canonical query is written sorted, once, as it stands in the URL.
    pub(crate) fn url(&self, address: &Address, asked: &Asked<'_>) -> Result<String, SignError> {
        let &Asked { method, key, validity, .. } = asked;
        if key.is_folder() {
            return Err(SignError::Folder);
        }
        let window = self.window(validity).ok_or(SignError::NothingLeft)?;
        // A key byte takes three at the most; a longer guess would cost more than it saves.
        let bytes = key.as_str().len().saturating_mul(2).saturating_add(window.query.len()).saturating_add(URL_FRAME_BYTES);
        let mut url = String::with_capacity(bytes);
        url.push_str(&address.origin);
        let path_from = url.len();
        url.push_str(&address.path);
        url.extend(encode_key(key.as_str()));
        let path_to = url.len();
        url.push('?');
        let query_from = url.len();
        url.push_str(&window.query);
        if method == SignedMethod::Get && is_active(key) {
            url.push_str("&response-content-disposition=attachment&response-content-type=application%2Foctet-stream");
        }
        if self.store.requester_pays {
            url.push_str("&x-amz-request-payer=requester");
        }
        if let Some(tag) = asked.tag {
            url.push_str("&x-offprint-link=");
            url.push_str(str::from_utf8(&tag).unwrap_or_default());
        }
        let mut request = Sha256::new();
        request.update(method.line());
        request.update(url.as_bytes().get(path_from..path_to).unwrap_or_default());
        request.update(b"\n");
        request.update(url.as_bytes().get(query_from..).unwrap_or_default());
        request.update(address.canonical_end.as_bytes());
        url.push_str("&X-Amz-Signature=");
        url.push_str(str::from_utf8(&signature(window.begun.clone(), request)).unwrap_or_default());
        Ok(url)
    }

    /// The window of `validity`, made once.
    fn window(&self, validity: Validity) -> Option<Arc<Window>> {
        let windows = self.windows.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.recent.iter().find(|window| window.validity == validity) {
            return Some(Arc::clone(window));
        }
        drop(windows);
        let mut windows = self.windows.write().unwrap_or_else(PoisonError::into_inner);
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
        Window { validity, query, begun: day.begin(time) }
    }
}

/// Whether a browser that opened this key at the store would run or show it as a page there.
fn is_active(key: &ObjectPath) -> bool {
    let ending = key.name().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    ending.is_some_and(|ending| ACTIVE_ENDINGS.iter().any(|active| ending.eq_ignore_ascii_case(active)))
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
            assert_eq!(is_active(&ObjectPath::from_decoded(key).unwrap()), active, "{key}");
        }
    }

    #[test]
    fn a_signed_url_is_never_printed() {
        let validity = Validity { signed_at: Timestamp::UNIX_EPOCH, expires_secs: 60 };
        let signed = SignedUrl { url: "https://x/?X-Amz-Signature=00ff".to_owned(), validity };
        assert!(!format!("{signed:?} {signed:#?}").contains("Signature"));
    }
}
