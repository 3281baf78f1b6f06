//! Listing: pages of `ListObjectsV2`, and all entries of one folder.
//!
//! What is listed is told relative to the permit's own location; nothing above it appears, in a token neither. Objects whose keys
//! no link can carry (an empty segment, `..`, control characters) and markers of folders are left out: an entry must open.

use std::borrow::Cow;

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output},
    types::{EncodingType, RequestPayer},
};
use data_encoding::BASE64URL_NOPAD;
use domain::{
    decision::{Permit, ReadScope},
    limits::{INDEX_ENTRIES_MAX, LIST_PAGE_MAX},
    path::ObjectPath,
    source::Source,
};
use http::StatusCode;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::{Objects, ObjectsError, presigner::SignError, stream::refusal};

/// The last character of Unicode: after a folder's name it stands behind everything in the folder.
const LAST_CHARACTER: char = '\u{10ffff}';

/// Which entries of a folder are asked for. All texts are relative to that folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// What keys begin with: any text, `0/c/4` as well as `0/c/`.
    pub prefix: String,
    /// What cuts keys to common prefixes, counted from the end of `prefix`: `/` as a rule.
    pub delimiter: Option<String>,
    /// Only keys after this one, by bytes.
    pub start_after: Option<String>,
    /// The same, but a common prefix of this listing stands for all that begins so, as in S3's first listing. It wins over `start_after`.
    pub marker: Option<String>,
    /// Where the page before ended: its `next`. It wins over both.
    pub token: Option<String>,
    /// Keys and prefixes of the page; more than [`LIST_PAGE_MAX`] are as many.
    pub max: u16,
}

/// One page: keys and prefixes, each sorted by bytes and relative to the folder asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// The objects.
    pub objects: Vec<ObjectEntry>,
    /// The common prefixes, delimiter included.
    pub prefixes: Vec<String>,
    /// The token of the next page; `None`: this is the last. A page may be empty and yet not the last.
    pub next: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its key, relative to the folder asked for.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag, quotes included.
    pub etag: Option<String>,
    /// When it last changed.
    pub modified: Option<Timestamp>,
    /// Its storage class, `STANDARD` unless the store says otherwise.
    pub storage_class: Option<String>,
}

/// An entry of one folder, not of those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its name, with a trailing `/` for a folder.
    pub name: String,
    /// The object; `None` for a folder.
    pub object: Option<ObjectEntry>,
}

impl ListPage {
    /// Where the next page begins, as a key or common prefix to give as its query's `marker`; `None`: this is the last.
    #[must_use]
    pub fn next_marker(&self) -> Option<String> {
        let position = Position::from_token(self.next.as_deref()?)?;
        Some(position.text().to_owned())
    }
}

impl Objects {
    /// A page of what lies below `folder`.
    ///
    /// # Errors
    /// [`ObjectsError::NotFolder`] where the link opens one object, [`ObjectsError::Token`] for a token that we never made, and those of
    /// the store. A store that fails is never an empty page.
    pub async fn list(&self, permit: &Permit, folder: &ObjectPath, query: &ListQuery, now: Timestamp) -> Result<ListPage, ObjectsError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        if scope.is_single_object() {
            return Err(ObjectsError::NotFolder);
        }
        let folder = scope.key(&folder.to_folder()).map_err(SignError::from)?;
        let (mut page, _marked) = self.list_below(scope.source(), &folder, query, now).await?;
        leave_out_hidden(&scope, &folder, &mut page);
        Ok(page)
    }

    /// Everything in `folder`, one level deep, sorted by bytes; `None`: nothing is there, neither an object nor a folder's marker.
    /// Complete or an error, never cut short.
    ///
    /// # Errors
    /// As [`Objects::list`], and [`ObjectsError::TooMany`] over [`INDEX_ENTRIES_MAX`].
    pub async fn folder(&self, permit: &Permit, folder: &ObjectPath, now: Timestamp) -> Result<Option<Vec<FolderEntry>>, ObjectsError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        if scope.is_single_object() {
            return Err(ObjectsError::NotFolder);
        }
        let folder = scope.key(&folder.to_folder()).map_err(SignError::from)?;
        let mut query = ListQuery { delimiter: Some("/".to_owned()), max: LIST_PAGE_MAX, ..ListQuery::default() };
        let mut entries = Vec::new();
        let mut is_there = false;
        loop {
            let (mut page, marked) = self.list_below(scope.source(), &folder, &query, now).await?;
            leave_out_hidden(&scope, &folder, &mut page);
            is_there |= marked;
            entries.extend(page.objects.into_iter().map(|object| FolderEntry { name: object.key.clone(), object: Some(object) }));
            entries.extend(page.prefixes.into_iter().map(|name| FolderEntry { name, object: None }));
            if entries.len() > INDEX_ENTRIES_MAX {
                return Err(ObjectsError::TooMany { max: INDEX_ENTRIES_MAX });
            }
            query.token = page.next;
            if query.token.is_none() {
                break;
            }
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok((is_there || !entries.is_empty()).then_some(entries))
    }

    /// A page of what lies below the key `folder`, and whether the folder has a marker: an object of its own name.
    pub(crate) async fn list_below(
        &self,
        source: &Source,
        folder: &ObjectPath,
        query: &ListQuery,
        now: Timestamp,
    ) -> Result<(ListPage, bool), ObjectsError> {
        let after = Position::of(query)?;
        if query.max == 0 || !may_begin_a_path(folder, &query.prefix) {
            return Ok(Default::default());
        }
        let access = self.access(source)?;
        // The client signs with what is in use; this sees to it that it lasts.
        drop(access.signing(now).await?);
        let folder = folder.as_str();
        let request = access
            .client()
            .list_objects_v2()
            .bucket(&source.store.bucket)
            .prefix(format!("{folder}{}", query.prefix))
            .set_delimiter(query.delimiter.clone().filter(|delimiter| !delimiter.is_empty()))
            .set_start_after(after.as_ref().map(|after| after.start_after(folder)))
            .max_keys(i32::from(query.max.min(LIST_PAGE_MAX)))
            .encoding_type(EncodingType::Url)
            .set_request_payer(source.store.requester_pays.then_some(RequestPayer::Requester));
        let answer = request.send().await.map_err(|why| failure(&why))?;
        Ok(page(folder, after.as_ref(), &answer))
    }
}

/// Takes the restricted parts out of a page, so that a listing shows no name that it would not open.
fn leave_out_hidden(scope: &ReadScope<'_>, folder: &ObjectPath, page: &mut ListPage) {
    let shows = |name: &str| ObjectPath::from_decoded(name).and_then(|name| folder.join(&name)).is_ok_and(|key| !scope.hides(&key));
    page.objects.retain(|object| shows(&object.key));
    page.prefixes.retain(|prefix| shows(prefix));
}

/// Whether any path that a link can carry begins so. One that cannot begin one lists nothing, and never reaches the store.
fn may_begin_a_path(folder: &ObjectPath, prefix: &str) -> bool {
    let whole_segments = prefix.rfind('/').and_then(|slash| prefix.get(..=slash)).unwrap_or_default();
    let is_legal = |text: &str| ObjectPath::from_decoded(text).is_ok_and(|path| folder.join(&path).is_ok());
    let unlike = |character: char| character == '\\' || character.is_control();
    is_legal(whole_segments) && !prefix.contains(unlike)
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// After this key.
    Key(String),
    /// After everything that begins so.
    Prefix(String),
}

impl Position {
    /// Where `query` begins; `None`: at its first key.
    fn of(query: &ListQuery) -> Result<Option<Self>, ObjectsError> {
        if let Some(token) = &query.token {
            return Self::from_token(token).map(Some).ok_or(ObjectsError::Token);
        }
        let marker = query.marker.clone().filter(|marker| !marker.is_empty()).map(|marker| Self::of_marker(marker, query));
        Ok(marker.or_else(|| query.start_after.clone().filter(|key| !key.is_empty()).map(Self::Key)))
    }

    /// A marker says of itself what it is: a common prefix ends with its first delimiter after the prefix that was asked for.
    fn of_marker(marker: String, query: &ListQuery) -> Self {
        let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
        let rest = marker.strip_prefix(query.prefix.as_str());
        let cut = rest.zip(delimiter).and_then(|(rest, delimiter)| rest.split_once(delimiter));
        if cut.is_some_and(|(_, behind)| behind.is_empty()) { Self::Prefix(marker) } else { Self::Key(marker) }
    }

    /// The token: what kind it is, and a text relative to the folder. It tells nothing that the page before did not.
    fn to_token(&self) -> String {
        let kind = match self {
            Self::Key(_) => "k",
            Self::Prefix(_) => "p",
        };
        BASE64URL_NOPAD.encode([kind, self.text()].concat().as_bytes())
    }

    fn from_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
        match text.split_at_checked(1)? {
            ("k", text) => Some(Self::Key(text.to_owned())),
            ("p", text) => Some(Self::Prefix(text.to_owned())),
            _ => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }

    fn start_after(&self, folder: &str) -> String {
        match self {
            Self::Key(text) => format!("{folder}{text}"),
            Self::Prefix(text) => format!("{folder}{text}{LAST_CHARACTER}"),
        }
    }

    /// Whether the store repeats here what the page before ended with: some tell of a common prefix again after a key inside it.
    fn is_before(&self, prefix: &str) -> bool {
        match self {
            Self::Prefix(last) => prefix > last.as_str(),
            Self::Key(_) => true,
        }
    }
}

/// Our page of the store's answer, and whether the folder's own marker was in it.
fn page(folder: &str, after: Option<&Position>, answer: &ListObjectsV2Output) -> (ListPage, bool) {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let relative = |text: &str| plain(text, is_encoded)?.strip_prefix(folder).map(str::to_owned);
    let mut page = ListPage::default();
    let mut is_marked = false;
    let mut last: Option<Position> = None;
    for object in answer.contents() {
        let Some(key) = object.key().and_then(relative) else { continue };
        last = Some(later(last, Position::Key(key.clone())));
        if key.is_empty() {
            is_marked = true;
        } else if ObjectPath::from_decoded(key.as_str()).is_ok_and(|path| !path.is_folder()) {
            page.objects.push(ObjectEntry {
                key,
                size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                etag: object.e_tag().map(str::to_owned),
                modified: object.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok()),
                storage_class: object.storage_class().map(|class| class.as_str().to_owned()),
            });
        }
    }
    for prefix in answer.common_prefixes() {
        let Some(prefix) = prefix.prefix().and_then(relative) else { continue };
        last = Some(later(last, Position::Prefix(prefix.clone())));
        let is_new = after.is_none_or(|after| after.is_before(&prefix));
        if is_new && ObjectPath::from_decoded(prefix.as_str()).is_ok() {
            page.prefixes.push(prefix);
        }
    }
    page.objects.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    page.prefixes.sort_unstable();
    // A store that says "truncated" and shows nothing would be asked for ever.
    page.next = last.filter(|_| answer.is_truncated() == Some(true)).map(|last| last.to_token());
    (page, is_marked)
}

/// The later of the two, by bytes.
fn later(last: Option<Position>, next: Position) -> Position {
    last.filter(|last| last.text() >= next.text()).unwrap_or(next)
}

/// A text of the store's answer; `None` where it is not UTF-8, which no link can carry. S3 writes a space as `+` here.
fn plain(text: &str, is_encoded: bool) -> Option<String> {
    if !is_encoded {
        return Some(text.to_owned());
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

/// What a failed listing means.
pub(crate) fn failure(why: &SdkError<ListObjectsV2Error>) -> ObjectsError {
    match why {
        SdkError::ServiceError(service) => {
            let status = StatusCode::from_u16(service.raw().status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
            refusal(status, service.err().code().map(str::to_owned))
        }
        SdkError::TimeoutError(_) => ObjectsError::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ObjectsError::Timeout,
        SdkError::ResponseError(_) => ObjectsError::Unreadable,
        _ => ObjectsError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{CommonPrefix, Object};

    use super::*;

    fn answer(keys: &[&str], prefixes: &[&str], is_truncated: bool, is_encoded: bool) -> ListObjectsV2Output {
        let mut answer = ListObjectsV2Output::builder().is_truncated(is_truncated);
        for key in keys {
            answer = answer.contents(Object::builder().key(*key).size(1).build());
        }
        for prefix in prefixes {
            answer = answer.common_prefixes(CommonPrefix::builder().prefix(*prefix).build());
        }
        answer.set_encoding_type(is_encoded.then_some(EncodingType::Url)).build()
    }

    fn keys(page: &ListPage) -> Vec<&str> {
        page.objects.iter().map(|object| object.key.as_str()).collect()
    }

    // CLIENTS 3
    #[test]
    fn a_page_is_relative_sorted_and_holds_only_what_opens() {
        let answer = answer(
            &["lab/", "lab/b+c", "lab/a%2Bb", "lab/a//b", "lab/%2E%2E/x", "lab/x%0Ay", "elsewhere/z", "lab/%FF", "lab/e/"],
            &["lab/d/", "lab//", "lab/../"],
            false,
            true,
        );
        let (page, is_marked) = page("lab/", None, &answer);
        assert_eq!(keys(&page), ["a+b", "b c"]);
        assert_eq!(page.prefixes, ["d/"]);
        assert!(is_marked && page.next.is_none());
    }

    #[test]
    fn a_token_is_where_the_page_ended_and_tells_nothing_of_what_lies_above() {
        let (first, _) = page("secret/lab/", None, &answer(&["secret/lab/a"], &["secret/lab/c/"], true, false));
        let token = first.next.unwrap();
        assert_eq!(Position::from_token(&token), Some(Position::Prefix("c/".to_owned())));
        assert!(!String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).unwrap()).unwrap().contains("secret"));
        assert_eq!(Position::from_token(&token).unwrap().start_after("secret/lab/"), "secret/lab/c/\u{10ffff}");
        let after = Position::from_token(&token).unwrap();
        let (second, _) = page("secret/lab/", Some(&after), &answer(&[], &["secret/lab/c/", "secret/lab/d/"], false, false));
        assert_eq!(second.prefixes, ["d/"], "not told twice");
        for wrong in ["", "!", "eA", "AAAA", "/w"] {
            assert_eq!(Position::from_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_page_of_nothing_but_a_marker_goes_on() {
        let (first, is_marked) = page("lab/", None, &answer(&["lab/"], &[], true, false));
        assert!(is_marked && first.objects.is_empty());
        assert_eq!(Position::from_token(&first.next.unwrap()).unwrap().start_after("lab/"), "lab/");
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_stands_for_all_below_it() {
        let at = |prefix: &str, delimiter: &str, marker: &str| {
            let query = ListQuery {
                prefix: prefix.to_owned(),
                delimiter: Some(delimiter.to_owned()),
                marker: Some(marker.to_owned()),
                ..ListQuery::default()
            };
            Position::of(&query).unwrap()
        };
        for (prefix, delimiter, marker) in [("", "/", "a/"), ("a/", "/", "a/b/"), ("a/b", "/", "a/bc/")] {
            assert_eq!(at(prefix, delimiter, marker), Some(Position::Prefix(marker.to_owned())), "{marker}");
        }
        for (prefix, delimiter, marker) in [("", "/", "a"), ("", "/", "a/b"), ("a/", "/", "a/"), ("b", "/", "a/"), ("", "", "a/")] {
            assert_eq!(at(prefix, delimiter, marker), Some(Position::Key(marker.to_owned())), "{marker} below {prefix:?}");
        }
        assert_eq!(at("", "/", ""), None);
        let (page, _) = page("lab/", None, &answer(&["lab/a"], &["lab/c/"], true, false));
        assert_eq!(page.next_marker().as_deref(), Some("c/"));
    }

    // SECURITY T8
    #[test]
    fn a_prefix_that_begins_no_path_never_reaches_the_store() {
        let lab = ObjectPath::from_decoded("lab/").unwrap();
        for (prefix, fits) in [
            ("", true),
            ("a", true),
            ("a/b/", true),
            (".z", true),
            ("..", true),
            ("../", false),
            ("a/../b", false),
            ("/a", false),
            ("a//", false),
            ("a\\b", false),
            ("a\nb", false),
        ] {
            assert_eq!(may_begin_a_path(&lab, prefix), fits, "{prefix:?}");
        }
        assert!(!may_begin_a_path(&lab, &format!("{}/", "a".repeat(1_023))));
    }
}
