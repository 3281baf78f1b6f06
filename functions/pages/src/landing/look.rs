//! What a link's page reads: metadata, a README and the first files, all by the permit of whoever opens the page, within a bound of time. What
//! is not there by then is not known, and the page says so.

use std::time::Duration;

use domain::{
    decision::Permit,
    limits::{
        FILES_SHOWN_MAX, METADATA_BYTES_MAX, README_BYTES_MAX, SEEN_DOCUMENT_BYTES_MAX, SEEN_DOCUMENTS_MAX, SEEN_MS, STORED_SHOWN_BYTES_MAX,
    },
    path::ObjectPath,
};
use edge::App;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use objects::{
    ObjectsError,
    listing::{ListPage, ListQuery},
    presigner::{SignError, SignedMethod},
    stream::ObjectMeta,
};
use tokio::time::{Instant, timeout_at};
use zarr::{
    documents::Documents,
    seen::{FIRST, Seen, seen},
};

use super::readme::{Readme, readable};
use crate::page::plain;

/// The names of a README, the first that is there counts.
const READMES: [&str; 3] = ["README.md", "README", "README.txt"];

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What the metadata say; `None`: nothing is known, or there is nothing.
    pub(crate) seen: Option<Seen>,
    /// Whether all that was asked for was answered.
    pub(crate) is_whole: bool,
    /// The first documents as they are stored, or as their reader may see them.
    pub(crate) stored: Vec<Stored>,
    pub(crate) readme: Option<Readme>,
    pub(crate) files: Files,
    /// Of a link to one object.
    pub(crate) object: Option<ObjectMeta>,
}

/// A document as it is stored, with a mark for what controls its reader's screen.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) is_cut: bool,
}

/// What is in the folder.
#[derive(Debug, Default)]
pub(crate) enum Files {
    /// The link shows nobody.
    #[default]
    Hidden,
    /// The store did not say in time.
    Unknown,
    /// The first of them.
    Listed(ListPage),
}

/// Looks at a folder. `listing` is the permit to list it, where the link gives one; `base` is its address.
pub(crate) async fn at_folder(app: &App, permit: &Permit, listing: Option<&Permit>, base: &str, now: Timestamp) -> Found {
    let look = Look { app, permit, until: deadline(), now };
    let ((documents, mut stored, is_whole), readme, files) = tokio::join!(look.documents(), look.readme(base), look.files(listing));
    stored.sort_by_key(|one| (one.name.matches('/').count(), one.name.clone()));
    let (readme, readme_is_whole) = readme;
    let is_whole = is_whole && readme_is_whole && !matches!(files, Files::Unknown);
    Found { seen: seen(&documents), is_whole, stored, readme, files, object: None }
}

/// Looks at one object.
pub(crate) async fn at_object(app: &App, permit: &Permit, now: Timestamp) -> Found {
    let found = timeout_at(deadline(), app.objects.head(permit, &ObjectPath::default(), now)).await;
    let is_whole = matches!(found, Ok(Ok(_)));
    Found { object: found.ok().and_then(Result::ok).flatten(), is_whole, ..Found::default() }
}

fn deadline() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(SEEN_MS)).unwrap_or(now)
}

/// A look under way.
struct Look<'a> {
    app: &'a App,
    permit: &'a Permit,
    until: Instant,
    now: Timestamp,
}

impl Look<'_> {
    /// The documents that tell what is there, in rounds: each is read at once, and says which others would tell more.
    async fn documents(&self) -> (Documents, Vec<Stored>, bool) {
        let (mut documents, mut stored, mut is_whole) = (Documents::default(), Vec::new(), true);
        let mut wanted: Vec<String> = FIRST.map(str::to_owned).to_vec();
        // Parsed, a document takes many times its bytes: all of them together are no larger than one is elsewhere.
        let (mut left, mut bytes_left) = (SEEN_DOCUMENTS_MAX, METADATA_BYTES_MAX);
        while !wanted.is_empty() {
            is_whole &= wanted.len() <= left;
            wanted.truncate(left);
            left = left.saturating_sub(wanted.len());
            if wanted.is_empty() {
                break;
            }
            let answers = join_all(wanted.iter().map(|path| self.document(path))).await;
            for (path, answer) in wanted.iter().zip(answers) {
                let found = answer.ok().filter(|found| found.as_ref().is_none_or(|bytes| bytes.len() <= bytes_left));
                is_whole &= found.is_some();
                let found = found.flatten();
                documents.add(path, found.as_deref());
                if let Some(bytes) = found.filter(|bytes| !bytes.is_empty()) {
                    bytes_left = bytes_left.saturating_sub(bytes.len());
                    stored.push(Stored::new(path, &bytes));
                }
            }
            wanted = seen(&documents).map(|seen| seen.wanted).unwrap_or_default();
        }
        (documents, stored, is_whole)
    }

    /// One document; what does not open is not there.
    async fn document(&self, path: &str) -> Result<Option<Vec<u8>>, Unknown> {
        // What is no path cannot be there.
        let Ok(path) = ObjectPath::from_decoded(path) else { return Ok(None) };
        // One byte over the bound says that it is too large, which is something else than to be unreadable here.
        let bytes_max = SEEN_DOCUMENT_BYTES_MAX.saturating_add(1);
        let asked = self.app.objects.document(self.permit, &path, bytes_max, self.now);
        match timeout_at(self.until, asked).await {
            Ok(Ok(found)) => Ok(found.map(|bytes| bytes.to_vec())),
            Ok(Err(ObjectsError::Sign(SignError::Denied(_)))) => Ok(None),
            // Larger than a document is: it is there, and nobody reads it.
            Ok(Err(ObjectsError::Unreadable)) => Ok(Some(Vec::new())),
            Ok(Err(_)) | Err(_) => Err(Unknown),
        }
    }

    /// The first README that is there, and whether that is known.
    async fn readme(&self, base: &str) -> (Option<Readme>, bool) {
        let answers = join_all(READMES.iter().map(|name| self.head_of(name))).await;
        let is_whole = answers.iter().all(Result::is_ok);
        let first = READMES.iter().zip(answers).find_map(|(name, answer)| Some((name, answer.ok()??)));
        (first.map(|(name, (bytes, is_cut))| Readme::new(name, &bytes, is_cut, base)), is_whole)
    }

    /// The first bytes of a file, and whether there are more.
    async fn head_of(&self, name: &str) -> Result<Option<(Vec<u8>, bool)>, Unknown> {
        let Ok(path) = ObjectPath::from_decoded(name) else { return Ok(None) };
        let mut headers = HeaderMap::new();
        if let Ok(range) = HeaderValue::try_from(format!("bytes=0-{}", README_BYTES_MAX.saturating_sub(1))) {
            headers.insert(header::RANGE, range);
        }
        let read = async {
            let answer = self.app.objects.open(self.permit, SignedMethod::Get, &path, &headers, self.now).await?;
            // An empty file has no first byte; one that is stored encoded is no text.
            let is_text = !answer.headers().contains_key(header::CONTENT_ENCODING);
            if !matches!(answer.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) || !is_text {
                return Ok(None);
            }
            let whole = answer
                .headers()
                .get(header::CONTENT_RANGE)
                .and_then(|range| range.to_str().ok()?.rsplit('/').next()?.parse::<usize>().ok());
            // A store that knows no ranges sends all of it.
            let body = Limited::new(answer.into_body(), README_BYTES_MAX).collect().await.map_err(|_why| ObjectsError::Unreadable)?;
            let bytes = body.to_bytes().to_vec();
            let is_cut = whole.is_some_and(|whole| whole > bytes.len());
            Ok(Some((bytes, is_cut)))
        };
        match timeout_at(self.until, read).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(ObjectsError::Sign(SignError::Denied(_)) | ObjectsError::Unreadable)) => Ok(None),
            Ok(Err(_)) | Err(_) => Err(Unknown),
        }
    }

    /// The first files and folders, by the same listing as any reader's.
    async fn files(&self, listing: Option<&Permit>) -> Files {
        let Some(permit) = listing else { return Files::Hidden };
        let query = ListQuery { delimiter: Some("/".to_owned()), max: FILES_SHOWN_MAX, ..ListQuery::default() };
        let root = ObjectPath::default();
        match timeout_at(self.until, self.app.objects.list(permit, &root, &query, self.now)).await {
            Ok(Ok(page)) => Files::Listed(page),
            Ok(Err(_)) | Err(_) => Files::Unknown,
        }
    }
}

/// Whether it is there is not known.
struct Unknown;

impl Stored {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let end = text.floor_char_boundary(STORED_SHOWN_BYTES_MAX);
        Self { name: plain(name), text: readable(text.get(..end).unwrap_or_default()), is_cut: end < text.len() }
    }
}
