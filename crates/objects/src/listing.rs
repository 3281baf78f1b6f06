//! Listing: pages of `ListObjectsV2`, and all entries of one folder.
//!
//! What is listed is told relative to the permit's own location; nothing above it appears, in a token neither. Objects whose keys
//! no link can carry (an empty segment, `..`, control characters), restricted parts and markers of folders are left out: an entry must
//! open. Where a page of the store ends in what is left out, the next is asked for at once: no page of ours ends there.

use std::borrow::Cow;

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output},
    types::{EncodingType, RequestPayer},
};
use domain::{
    decision::{Permit, ReadScope},
    limits::{INDEX_ENTRIES_MAX, LIST_PAGE_MAX, LIST_REQUESTS_MAX},
    path::ObjectPath,
    source::Source,
};
use http::StatusCode;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::{Objects, ObjectsError, position::Position, presigner::SignError, stream::refusal};

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
    /// The token of the next page, a place that a reader may know of; `None`: this is the last. A page may be
    /// short, or empty where folders' markers are all that the store has told, and yet not be the last.
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
    /// A page of what lies below `folder`: one request of the store, and one more for each restricted part, or run of keys that no link
    /// carries, that stands between its entries.
    ///
    /// # Errors
    /// [`ObjectsError::NotFolder`] where the link opens one object, [`ObjectsError::Token`] for a token that we never made,
    /// [`ObjectsError::NothingShown`] where [`LIST_REQUESTS_MAX`] requests come to no entry, and those of the store. A store that fails is
    /// never an empty page.
    pub async fn list(&self, permit: &Permit, folder: &ObjectPath, query: &ListQuery, now: Timestamp) -> Result<ListPage, ObjectsError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        if scope.is_single_object() {
            return Err(ObjectsError::NotFolder);
        }
        let folder = scope.key(&folder.to_folder()).map_err(SignError::from)?;
        let (page, _marked) = self.list_below(scope.source(), Below { folder: &folder, scope: Some(scope) }, query, now).await?;
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
            let below = Below { folder: &folder, scope: Some(scope) };
            let (page, marked) = self.list_below(scope.source(), below, &query, now).await?;
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

    /// A page of what is shown below a folder, and whether the folder has a marker: an object of its own name.
    pub(crate) async fn list_below(
        &self,
        source: &Source,
        below: Below<'_>,
        query: &ListQuery,
        now: Timestamp,
    ) -> Result<(ListPage, bool), ObjectsError> {
        let mut after = Position::of(query)?.map(|after| below.behind(after));
        let mut room = query.max.min(LIST_PAGE_MAX);
        let (mut page, mut is_marked) = (ListPage::default(), false);
        if room == 0 || !below.may_begin(&query.prefix) {
            return Ok((page, is_marked));
        }
        let mut size = room;
        let mut end: Option<Position> = None;
        for _request in 0..LIST_REQUESTS_MAX {
            let answer = self.ask_for_page(source, below, query, after.as_ref(), size, now).await?;
            let mut last = None;
            for Entry { at, object, is_shown, is_told } in entries(below, after.as_ref(), &answer) {
                is_marked |= at.text().is_empty();
                if is_shown && room == 0 {
                    page.next = end.map(|end| end.to_token());
                    return Ok((page, is_marked));
                }
                if is_told {
                    end = Some(at.clone());
                }
                if is_shown {
                    room = room.saturating_sub(1);
                    match object {
                        Some(object) => page.objects.push(object),
                        None => page.prefixes.push(at.text().to_owned()),
                    }
                }
                last = Some(at);
            }
            // A store that says "truncated" and shows nothing would be asked for ever.
            let Some(last) = last.filter(|_| answer.is_truncated() == Some(true)) else { return Ok((page, is_marked)) };
            let is_empty = page.objects.is_empty() && page.prefixes.is_empty();
            if room == 0 || (!is_empty && end.as_ref() == Some(&last)) {
                break;
            }
            after = Some(below.behind(last));
            // What is left out may be long: the way through it is not asked for key by key.
            size = LIST_PAGE_MAX;
        }
        let end = end.ok_or(ObjectsError::NothingShown { max: LIST_REQUESTS_MAX })?;
        page.next = Some(end.to_token());
        Ok((page, is_marked))
    }

    /// The store's page of at most `size` keys and prefixes.
    async fn ask_for_page(
        &self,
        source: &Source,
        below: Below<'_>,
        query: &ListQuery,
        after: Option<&Position>,
        size: u16,
        now: Timestamp,
    ) -> Result<ListObjectsV2Output, ObjectsError> {
        let access = self.access(source)?;
        // The client signs with what is in use; this sees to it that it lasts.
        drop(access.signing(now).await?);
        let folder = below.folder.as_str();
        let request = access
            .client()
            .list_objects_v2()
            .bucket(&source.store.bucket)
            .prefix(format!("{folder}{}", query.prefix))
            .set_delimiter(query.delimiter.clone().filter(|delimiter| !delimiter.is_empty()))
            .set_start_after(after.map(|after| after.start_after(folder)))
            .max_keys(i32::from(size))
            .encoding_type(EncodingType::Url)
            .set_request_payer(source.store.requester_pays.then_some(RequestPayer::Requester));
        request.send().await.map_err(|why| failure(&why))
    }
}

/// A folder's whole key, and who lists it. Texts are relative to the folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Below<'a> {
    pub(crate) folder: &'a ObjectPath,
    /// Whose restricted parts are left out; `None`: whoever registers and checks the source sees all of it.
    pub(crate) scope: Option<ReadScope<'a>>,
}

impl Below<'_> {
    /// Whether a link can carry `name`, and the reader may know of it.
    fn shows(&self, name: &str) -> bool {
        let key = ObjectPath::from_decoded(name).and_then(|name| self.folder.join(&name));
        key.is_ok_and(|key| self.scope.is_none_or(|scope| !scope.hides(&key)))
    }

    /// Whether anything that is shown may begin so. What cannot is never asked of the store. False for all that begins as what is false.
    fn may_begin(&self, prefix: &str) -> bool {
        let whole_segments = prefix.rfind('/').and_then(|slash| prefix.get(..=slash)).unwrap_or_default();
        let unlike = |character: char| character == '\\' || character.is_control();
        self.shows(whole_segments) && !prefix.contains(unlike)
    }

    /// The place at or after `at` with nothing that is shown in between: behind the whole of a restricted part, so that every place in it
    /// that a client begins at has the same answer, as fast.
    fn behind(&self, at: Position) -> Position {
        let text = at.text();
        let ends: Vec<usize> = text.char_indices().map(|(from, character)| from.saturating_add(character.len_utf8())).collect();
        let up_to = |end: &usize| text.get(..*end).unwrap_or_default();
        let closed = ends.get(ends.partition_point(|end| self.may_begin(up_to(end)))).map(|end| up_to(end).to_owned());
        closed.map_or(at, Position::Prefix)
    }
}

/// An entry of the store's page.
#[derive(Debug)]
struct Entry {
    at: Position,
    /// `None` for a common prefix.
    object: Option<ObjectEntry>,
    /// Whether it is an entry of ours.
    is_shown: bool,
    /// Whether a page may end with it: a folder's marker is no entry, and yet no secret.
    is_told: bool,
}

/// The entries of the store's answer, sorted by bytes.
fn entries(below: Below<'_>, after: Option<&Position>, answer: &ListObjectsV2Output) -> Vec<Entry> {
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let relative = |text: &str| plain(text, is_encoded)?.strip_prefix(below.folder.as_str()).map(str::to_owned);
    let objects = answer.contents().iter().filter_map(|object| {
        let key = object.key().and_then(relative)?;
        let is_told = !key.is_empty() && below.shows(&key);
        let entry = ObjectEntry {
            key: key.clone(),
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            etag: object.e_tag().map(str::to_owned),
            modified: object.last_modified().and_then(|at| Timestamp::new(at.secs(), 0).ok()),
            storage_class: object.storage_class().map(|class| class.as_str().to_owned()),
        };
        Some(Entry { is_shown: is_told && !key.ends_with('/'), is_told, object: Some(entry), at: Position::Key(key) })
    });
    let prefixes = answer.common_prefixes().iter().filter_map(|prefix| {
        let prefix = prefix.prefix().and_then(relative)?;
        let is_new = after.is_none_or(|after| after.is_before(&prefix));
        let is_shown = is_new && below.shows(&prefix);
        Some(Entry { is_shown, is_told: is_shown, object: None, at: Position::Prefix(prefix) })
    });
    let mut entries: Vec<_> = objects.chain(prefixes).collect();
    entries.sort_unstable_by(|one, other| one.at.text().cmp(other.at.text()));
    entries
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

    fn answer(keys: &[&str], prefixes: &[&str], is_encoded: bool) -> ListObjectsV2Output {
        let mut answer = ListObjectsV2Output::builder();
        for key in keys {
            answer = answer.contents(Object::builder().key(*key).size(1).build());
        }
        for prefix in prefixes {
            answer = answer.common_prefixes(CommonPrefix::builder().prefix(*prefix).build());
        }
        answer.set_encoding_type(is_encoded.then_some(EncodingType::Url)).build()
    }

    fn below(folder: &ObjectPath) -> Below<'_> {
        Below { folder, scope: None }
    }

    fn path(text: &str) -> ObjectPath {
        ObjectPath::from_decoded(text).unwrap()
    }

    // CLIENTS 3
    #[test]
    fn a_page_is_relative_sorted_and_holds_only_what_opens() {
        let answer = answer(
            &["lab/", "lab/b+c", "lab/a%2Bb", "lab/a//b", "lab/%2E%2E/x", "lab/x%0Ay", "elsewhere/z", "lab/%FF", "lab/e/"],
            &["lab/d/", "lab//", "lab/../"],
            true,
        );
        let lab = path("lab/");
        let seen = entries(below(&lab), None, &answer);
        let text = |is: fn(&Entry) -> bool| seen.iter().filter(|entry| is(entry)).map(|entry| entry.at.text()).collect::<Vec<_>>();
        assert_eq!(text(|_| true), ["", "../", "../x", "/", "a+b", "a//b", "b c", "d/", "e/", "x\ny"]);
        assert_eq!(text(|entry| entry.is_shown), ["a+b", "b c", "d/"]);
        assert_eq!(text(|entry| entry.is_told), ["a+b", "b c", "d/", "e/"], "a page ends with what a client can send back");
        let after = Position::Prefix("d/".to_owned());
        assert!(!entries(below(&lab), Some(&after), &answer).iter().any(|entry| entry.is_shown && entry.at == after), "not told twice");
    }

    #[test]
    fn what_is_left_out_is_passed_over_as_a_whole() {
        let lab = path("lab/");
        for (at, behind) in [("a//b", "a//"), ("x\ny", "x\n"), ("é\u{85}/z", "é\u{85}"), ("a/../b", "a/../"), ("/", "/")] {
            for at in [Position::Key(at.to_owned()), Position::Prefix(at.to_owned())] {
                assert_eq!(below(&lab).behind(at), Position::Prefix(behind.to_owned()));
            }
        }
        for open in [Position::Key(String::new()), Position::Key("e/".to_owned()), Position::Prefix("d/".to_owned())] {
            assert_eq!(below(&lab).behind(open.clone()), open, "more that begins so may be shown");
        }
    }

    // SECURITY T8
    #[test]
    fn a_prefix_that_begins_no_path_never_reaches_the_store() {
        let lab = path("lab/");
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
            assert_eq!(below(&lab).may_begin(prefix), fits, "{prefix:?}");
        }
        assert!(!below(&lab).may_begin(&format!("{}/", "a".repeat(1_023))));
    }
}
