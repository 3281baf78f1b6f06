//! The page of a link that opens: what the data are, where they can be opened, and how a program reads them (P2, V1, V3, V4). No script, and
//! nothing from elsewhere.
//!
//! All of it is read by the permit of whoever opens the page, as any reader reads. Not here: a link that asks for a pass, or does not open
//! (`link.rs`).

mod card;
mod code;
mod look;
mod neuroglancer;
mod readme;
mod viewers;

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use domain::{
    decision::{Action, Facts, LinkFacts, Permit, Principal, Who, decide},
    grant::Net,
    key::LinkKey,
    limits::FILES_SHOWN_MAX,
    link::Class,
    path::{ObjectPath, encode_key},
};
use edge::{App, problem::Problem};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::{Timestamp, fmt::rfc2822};
use objects::listing::ListPage;

use crate::page::{Frame, page, plain};
use card::{Card, bytes_of};
use code::Language;
use look::{Files, Found, Stored};
use readme::Readme;
use viewers::{Addresses, Viewers};

const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// A path that is no metadata and of no level: whether it opens says whether all of the data do.
const ANY_CHUNK: &str = "c/0";

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    frame: Frame,
    title: String,
    /// What kind of link it is, as a sentence.
    about: &'static str,
    until: Option<Timestamp>,
    url: String,
    streamed: String,
    /// Where the QR code of this page is.
    qr: String,
    is_object: bool,
    /// What opens, where that is not all of it.
    opens: Option<&'static str>,
    /// Whether the store said all that it was asked.
    is_whole: bool,
    card: Option<Card>,
    viewers: Viewers,
    languages: Vec<Language>,
    stored: Vec<Stored>,
    readme: Option<Readme>,
    files: FilesShown,
    object: Option<ObjectShown>,
}

/// The first files.
enum FilesShown {
    Hidden,
    Unknown,
    Listed { rows: Vec<FileRow>, has_more: bool },
}

struct FileRow {
    name: String,
    href: String,
    /// `None`: a folder.
    size: Option<String>,
    bytes: u64,
    changed: Option<Timestamp>,
}

/// One object, without its bytes.
struct ObjectShown {
    size: String,
    bytes: u64,
    kind: String,
    etag: Option<String>,
    changed: Option<Timestamp>,
}

/// Shows the page of a link that opens by `permit`.
///
/// # Errors
/// 404 where the deployment does not say where data are; 429 where the link is asked for more often than it answers.
pub(crate) async fn show(
    app: &App,
    facts: &Arc<LinkFacts>,
    permit: &Permit,
    net: Net,
    key: &LinkKey,
    now: Timestamp,
) -> Result<Response, Problem> {
    // A page asks the store for less than a viewer does, and counts as one request of a link that bounds them.
    app.requests.count(&facts.link, now).map_err(|too_often| {
        Problem::too_often("rate", "the link is asked for more often than it answers", too_often.secs())
            .hint("wait a moment, or ask whoever sent the link")
    })?;
    let scope = permit.scope().ok_or_else(Problem::not_found)?;
    let origin = app.config.data_url.as_deref().ok_or_else(Problem::not_found)?;
    let (key, name) = (key.reveal(), facts.link.name.as_str());
    let at = Addresses { url: format!("{origin}/{key}/{}", encode_key(name)), streamed: format!("{origin}/{key}-s/{}", encode_key(name)) };
    let is_object = scope.is_single_object();
    let opens_all = ObjectPath::from_decoded(ANY_CHUNK).is_ok_and(|chunk| is_object || scope.object(&chunk).is_ok());
    let opens_some = opens_all || scope.has_coarse_alone();
    let holder = Principal { who: Who::Holder, net };
    let listing = decide(&holder, Action::List, &Facts::Link(Arc::clone(facts)), now).ok();
    let found = if is_object {
        look::at_object(app, permit, now).await
    } else {
        look::at_folder(app, permit, listing.as_ref(), &format!("{}/", at.url), now).await
    };
    let Found { seen, is_whole, stored, readme, files, object } = found;
    let languages = if is_object {
        code::for_object(&at, name)
    } else {
        code::for_folder(seen.as_ref().filter(|_| opens_some), &at, origin, &key, name, listing.is_some())
    };
    let shown = Landing {
        frame: Frame::of_nobody(),
        title: plain(name),
        about: about(facts.link.class),
        until: scope.until(),
        is_object,
        opens: opens(opens_all, opens_some),
        is_whole,
        card: seen.as_ref().map(|seen| Card::of(seen, name)),
        viewers: seen.as_ref().map(|seen| viewers::viewers(seen, &at, opens_some)).unwrap_or_default(),
        languages,
        stored,
        readme,
        files: files_shown(files, &at.url),
        object: object.map(object_shown),
        qr: format!("/s/{key}/qr.svg"),
        url: at.url,
        streamed: at.streamed,
    };
    let mut answer = page(StatusCode::OK, &shown)?;
    if let Some(end) = shown.until.and_then(sunset) {
        answer.headers_mut().insert(SUNSET, end);
    }
    Ok(answer)
}

/// What kind of link it is.
pub(crate) const fn about(class: Class) -> &'static str {
    match class {
        Class::Collaboration => "Shared by link",
        Class::Review => "Shared for review",
        Class::Publication => "Published",
        Class::Event => "Shared for a talk or poster",
    }
}

const fn opens(all: bool, some: bool) -> Option<&'static str> {
    match (all, some) {
        (true, _) => None,
        (false, true) => Some("This is a preview: metadata and coarse levels open, finer ones do not."),
        (false, false) => Some("This is a preview: metadata open, the picture itself does not."),
    }
}

/// `Sunset` (RFC 8594): when the link ends.
fn sunset(at: Timestamp) -> Option<HeaderValue> {
    HeaderValue::try_from(rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?).ok()
}

fn files_shown(files: Files, url: &str) -> FilesShown {
    let page = match files {
        Files::Hidden => return FilesShown::Hidden,
        Files::Unknown => return FilesShown::Unknown,
        Files::Listed(page) => page,
    };
    let ListPage { objects, prefixes, next } = page;
    let href = |name: &str| format!("{url}/{}", encode_key(name));
    let folders = prefixes.into_iter().map(|name| FileRow { href: href(&name), name: plain(&name), size: None, bytes: 0, changed: None });
    let objects = objects.into_iter().map(|object| FileRow {
        href: href(&object.key),
        name: plain(&object.key),
        size: Some(bytes_of(object.size)),
        bytes: object.size,
        changed: object.modified,
    });
    let mut rows: Vec<_> = folders.chain(objects).collect();
    rows.truncate(usize::from(FILES_SHOWN_MAX));
    FilesShown::Listed { rows, has_more: next.is_some() }
}

fn object_shown(object: objects::stream::ObjectMeta) -> ObjectShown {
    ObjectShown {
        size: bytes_of(object.size),
        bytes: object.size,
        kind: object.content_type.map_or_else(|| "not stated".to_owned(), |kind| plain(&kind)),
        etag: object.etag.map(|etag| plain(&etag)),
        changed: object.modified,
    }
}
