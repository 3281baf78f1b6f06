//! Both sides of a copy, held to each other: what was copied is what is there, key by key.

use domain::copy::{CopyFailure, CopyStop};
use objects::listing::ListPage;

/// How many objects are alike on both sides, up to the key `end`; `None`: to the last.
pub(crate) fn alike(original: &ListPage, arrived: &ListPage, end: Option<&str>) -> Result<u64, CopyFailure> {
    let up_to = |page: &'_ ListPage| {
        let entries = page.objects.iter().take_while(|entry| end.is_none_or(|end| entry.key.as_str() <= end));
        entries.map(|entry| (entry.key.clone(), entry.size)).collect::<Vec<_>>()
    };
    let (original, arrived) = (up_to(original), up_to(arrived));
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
