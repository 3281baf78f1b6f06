//! Listings, held to a brute-force model of S3's.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use objects::{
    ObjectsError,
    listing::{FolderEntry, ListQuery},
};

use crate::{
    facts::{Opens, path, real_now},
    scene::Scene,
};

pub(crate) async fn suite(scene: &Scene) {
    pages_agree_with_the_model(scene).await;
    a_restricted_part_is_in_no_page(scene).await;
    a_folder_is_one_level_and_complete(scene).await;
    what_is_no_folder_is_not_listed(scene).await;
}

/// What S3 would list below `lab/`, page by page of any size: keys and common prefixes together.
fn model(scene: &Scene, prefix: &str, delimiter: Option<&str>, start_after: &str) -> Vec<String> {
    model_without(scene, &[], prefix, delimiter, start_after)
}

/// The same, without what lies in `cuts`.
fn model_without(scene: &Scene, cuts: &[&str], prefix: &str, delimiter: Option<&str>, start_after: &str) -> Vec<String> {
    let mut entries = BTreeSet::new();
    let is_cut = |key: &str| cuts.iter().any(|cut| key.starts_with(cut));
    for key in scene.keys.keys().filter_map(|key| key.strip_prefix("lab/")).filter(|key| !is_cut(key)) {
        let Some(rest) = key.strip_prefix(prefix) else { continue };
        if key <= start_after {
            continue;
        }
        let cut = delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
        entries.insert(cut.map_or(key.to_owned(), |cut| format!("{prefix}{}", &rest[..cut])));
    }
    entries.into_iter().collect()
}

async fn listed(scene: &Scene, query: ListQuery) -> Vec<String> {
    listed_without(scene, &[], query, Goes::ByToken).await
}

/// How one page leads to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    ByToken,
    ByMarker,
}

/// Everything, page by page, by a link from which `cuts` are held back. No answer holds any of them, in no way.
async fn listed_without(scene: &Scene, cuts: &[&str], query: ListQuery, goes: Goes) -> Vec<String> {
    let now = real_now();
    let permit = Opens { cuts: cuts.iter().map(|cut| path(cut)).collect(), ..Opens::folder(scene.source.clone(), "") }.permit(now);
    let mut query = query;
    let mut all = Vec::new();
    for _page in 0..200 {
        let page = scene.objects.list(&permit, &path(""), &query, now).await.unwrap();
        assert!(page.objects.len() + page.prefixes.len() <= usize::from(query.max));
        let token = page.next.as_ref().map(|next| BASE64URL_NOPAD.decode(next.as_bytes()).unwrap()).unwrap_or_default();
        let told = format!("{page:?} {:?} {}", page.next_marker(), String::from_utf8(token).unwrap());
        assert!(!cuts.iter().any(|cut| told.contains(cut)), "{query:?} is told {told}");
        assert!(!page.next_marker().is_some_and(|marker| marker.contains(char::is_control)), "it cannot be sent back: {told}");
        (query.token, query.marker) = match goes {
            Goes::ByToken => (page.next, query.marker),
            Goes::ByMarker => (None, page.next_marker()),
        };
        let mut names: Vec<_> = page.objects.into_iter().map(|object| object.key).chain(page.prefixes).collect();
        names.sort_unstable();
        all.extend(names);
        if query.token.is_none() && (goes == Goes::ByToken || query.marker.is_none()) {
            return all;
        }
    }
    panic!("{query:?} never ends");
}

// SEMANTICS 3.11
async fn a_restricted_part_is_in_no_page(scene: &Scene) {
    for cuts in [&["listed/c/"][..], &["old.zarr/"], &["array.zarr/"], &["listed/a/", "listed/c/", "listed/x/", "old.zarr/"], &["listed/"]]
    {
        for prefix in ["", "listed/", "li", "listed/c", "old", cuts[0]] {
            for (delimiter, max) in [(None, 1), (Some("/"), 1), (None, 3), (Some("/"), 3), (None, 1_000), (Some("/"), 1_000)] {
                for goes in [Goes::ByToken, Goes::ByMarker] {
                    let query =
                        ListQuery { prefix: prefix.to_owned(), delimiter: delimiter.map(str::to_owned), max, ..ListQuery::default() };
                    let got = listed_without(scene, cuts, query, goes).await;
                    let want: Vec<_> = model_without(scene, cuts, prefix, delimiter, "");
                    assert_eq!(got, want, "{cuts:?} {prefix} {delimiter:?} {max} {goes:?}");
                }
            }
        }
        // Who guesses a name in it, and begins there, is answered as for any other name.
        let inside = |name: &str| ListQuery { start_after: Some(format!("{}{name}", cuts[0])), max: 1, ..ListQuery::default() };
        let (one, other) = (inside("1"), inside("zzz"));
        assert_eq!(
            listed_without(scene, cuts, one, Goes::ByToken).await,
            listed_without(scene, cuts, other, Goes::ByToken).await,
            "{cuts:?}"
        );
    }
    let now = real_now();
    let permit = Opens { cuts: vec![path("listed/a/y/"), path("listed/c/")], ..Opens::folder(scene.source.clone(), "") }.permit(now);
    let entries = scene.objects.folder(&permit, &path("listed/"), now).await.unwrap().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a-b", "a/", "a0", "aé", "b c+d", "b%41", "d", "x/"]);
    let all_but_hidden = Opens { cuts: vec![path("listed/x/w"), path("old.zarr/")], ..Opens::folder(scene.source.clone(), "") }.permit(now);
    assert_eq!(scene.objects.folder(&all_but_hidden, &path("listed/x/"), now).await, Ok(None), "nothing is there but what is hidden");
    let one = ListQuery { max: 1, ..ListQuery::default() };
    let page = scene.objects.list(&all_but_hidden, &path("listed/x/"), &one, now).await.unwrap();
    assert!(page.objects.is_empty() && page.next.is_none());
}

// CLIENTS 3
async fn pages_agree_with_the_model(scene: &Scene) {
    for max in [1, 2, 3, 5, 1_000] {
        for prefix in ["", "listed/", "listed/a", "listed/a/", "em.zarr", "em.zarr/0/", "nothing", "../", "listed/b "] {
            for delimiter in [None, Some("/")] {
                let query = ListQuery { prefix: prefix.to_owned(), delimiter: delimiter.map(str::to_owned), max, ..ListQuery::default() };
                assert_eq!(listed(scene, query).await, model(scene, prefix, delimiter, ""), "{prefix} {delimiter:?} by {max}");
            }
        }
    }
    for after in ["listed/a-b", "listed/a/x", "listed/b", "zzz"] {
        let query = ListQuery { start_after: Some(after.to_owned()), max: 4, ..ListQuery::default() };
        assert_eq!(listed(scene, query).await, model(scene, "", None, after), "after {after}");
    }
}

async fn a_folder_is_one_level_and_complete(scene: &Scene) {
    let now = real_now();
    let permit = Opens::folder(scene.source.clone(), "listed/").permit(now);
    let names = |entries: Vec<FolderEntry>| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    let entries = scene.objects.folder(&permit, &path(""), now).await.unwrap().unwrap();
    assert_eq!(names(entries), ["a-b", "a/", "a0", "aé", "b c+d", "b%41", "c/", "d", "x/"]);
    let inner = scene.objects.folder(&permit, &path("x"), now).await.unwrap().unwrap();
    assert_eq!(names(inner.clone()), ["w"], "what no link can carry is left out");
    assert_eq!(inner[0].object.as_ref().unwrap().size, 14);
    assert_eq!(scene.objects.folder(&permit, &path("nothing/"), now).await, Ok(None));
    assert_eq!(scene.objects.folder(&permit, &path("a-"), now).await, Ok(None), "a name's beginning is no folder");
    let page = scene.objects.list(&permit, &path(""), &ListQuery { max: 1, ..ListQuery::default() }, now).await.unwrap();
    let first = &page.objects[0];
    assert_eq!((first.key.as_str(), first.size), ("a-b", 14), "the folder's own marker is no entry");
    assert!(first.modified.unwrap() <= now && first.etag.as_ref().unwrap().starts_with('"'));
}

async fn what_is_no_folder_is_not_listed(scene: &Scene) {
    let now = real_now();
    let single = Opens::object(scene.source.clone(), "em.zarr/zarr.json").permit(now);
    assert_eq!(scene.objects.folder(&single, &path(""), now).await, Err(ObjectsError::NotFolder));
    let refused = scene.objects.list(&single, &path(""), &ListQuery::default(), now).await;
    assert_eq!(refused, Err(ObjectsError::NotFolder));
    let folder = Opens::folder(scene.source.clone(), "listed/").permit(now);
    let query = ListQuery { token: Some("made-up".to_owned()), max: 1, ..ListQuery::default() };
    assert_eq!(scene.objects.list(&folder, &path(""), &query, now).await, Err(ObjectsError::Token));
    let none = scene.objects.list(&folder, &path(""), &ListQuery::default(), now).await.unwrap();
    assert!(none.objects.is_empty() && none.next.is_none(), "a page of no entries is asked for and given");
}
