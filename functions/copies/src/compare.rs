//! Both sides of a copy, held to each other: what was copied is what is there, key by key.

use domain::{
    copy::{CopyFailure, CopyStop},
    key::KeyHash,
};
use objects::listing::{ListPage, ObjectEntry};

/// The objects of a page up to the key `end`; `None`: to the last.
pub(crate) fn up_to<'p>(page: &'p ListPage, end: Option<&'p str>) -> impl Iterator<Item = &'p ObjectEntry> {
    page.objects.iter().take_while(move |entry| end.is_none_or(|end| entry.key.as_str() <= end))
}

/// The hash of objects as they are listed, after those of which `before` is: the same whatever their pages were.
pub(crate) fn fold<'p>(before: Option<KeyHash>, entries: impl IntoIterator<Item = &'p ObjectEntry>) -> Option<KeyHash> {
    entries.into_iter().fold(before, |before, ObjectEntry { key, size, etag, .. }| {
        let before = before.map(|hash| hash.to_string()).unwrap_or_default();
        let etag = etag.as_deref().unwrap_or_default();
        Some(KeyHash::of(&format!("{before} {} {key} {size} {etag}", key.len())))
    })
}

/// How many objects are alike on both sides, up to the key `end`; `None`: to the last.
pub(crate) fn alike(original: &ListPage, arrived: &ListPage, end: Option<&str>) -> Result<u64, CopyFailure> {
    let [original, arrived] =
        [original, arrived].map(|page| up_to(page, end).map(|entry| (entry.key.as_str(), entry.size)).collect::<Vec<_>>());
    let first = original.iter().zip(&arrived).position(|(one, other)| one != other).unwrap_or(original.len().min(arrived.len()));
    let failed = |why, key: &str| Err(CopyFailure { why, key: Some(key.to_owned()) });
    match (original.get(first), arrived.get(first)) {
        (None, None) => Ok(u64::try_from(original.len()).unwrap_or(u64::MAX)),
        // It came, or its copy went.
        (Some((key, _)), None) => failed(CopyStop::Changed, key),
        (Some((key, _)), Some((there, _))) if key < there => failed(CopyStop::Changed, key),
        (_, Some((there, _))) => failed(CopyStop::Unlike, there),
    }
}

#[cfg(test)]
mod tests {
    use objects::listing::ObjectEntry;

    use super::*;

    fn page(entries: &[(&str, u64)]) -> ListPage {
        let entry = |(key, size): &(&str, u64)| ObjectEntry {
            key: (*key).to_owned(),
            size: *size,
            etag: None,
            modified: None,
            storage_class: None,
        };
        ListPage { objects: entries.iter().map(entry).collect(), ..ListPage::default() }
    }

    #[test]
    fn what_was_listed_is_the_same_whatever_its_pages_were_and_no_other_is() {
        let (whole, [first, rest]) = (page(&[("a", 1), ("b", 2), ("c", 3)]), [page(&[("a", 1)]), page(&[("b", 2), ("c", 3)])]);
        let of = |page: &ListPage| fold(None, &page.objects);
        assert_eq!(of(&whole), fold(of(&first), &rest.objects));
        assert_eq!(fold(None, up_to(&whole, Some("a"))), of(&first));
        let mut other = whole.clone();
        other.objects[1].etag = Some("\"x\"".to_owned());
        assert_ne!(of(&whole), of(&other));
        assert_eq!(of(&page(&[])), None);
    }

    #[test]
    fn both_sides_have_the_same_keys_of_the_same_lengths() {
        let original = [("a", 1), ("b", 2), ("c", 3)];
        let told = |arrived: &[(&str, u64)], end| alike(&page(&original), &page(arrived), end).map_err(|why| (why.why, why.key.unwrap()));
        let failed = |why, key: &str| Err((why, key.to_owned()));
        assert_eq!(told(&original, None), Ok(3));
        assert_eq!(told(&[("a", 1), ("b", 2)], Some("b")), Ok(2), "as far as both were listed");
        assert_eq!(told(&[("a", 1), ("c", 3)], None), failed(CopyStop::Changed, "b"));
        assert_eq!(told(&[("a", 1), ("b", 2)], None), failed(CopyStop::Changed, "c"));
        assert_eq!(told(&[("a", 1), ("b", 9), ("c", 3)], None), failed(CopyStop::Unlike, "b"));
        assert_eq!(told(&[("a", 1), ("aa", 1), ("b", 2), ("c", 3)], None), failed(CopyStop::Unlike, "aa"));
        assert_eq!(told(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)], None), failed(CopyStop::Unlike, "d"));
        assert_eq!(alike(&page(&[]), &page(&[]), None).unwrap(), 0);
    }
}
