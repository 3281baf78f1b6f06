//! Which level of a multiscale image an object belongs to, by its path alone (L11, SECURITY T32).
//!
//! Not here: reading the metadata that say so (`objects/levels.rs`), and what is made of them for a reader (`serve/levels.rs`).

use crate::{limits::LEVEL_ARRAYS_MAX, path::ObjectPath};

/// Whether of chunks that open from `one` level on no more open than of those from `other` on; `None` opens no chunk.
pub(crate) fn opens_within(one: Option<u8>, other: Option<u8>) -> bool {
    one.is_none_or(|one| other.is_some_and(|other| other <= one))
}

/// The arrays of a dataset's multiscale images: their folders in the dataset, each with its level. Level 0 is the finest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Levels(Vec<(ObjectPath, u8)>);

impl Levels {
    /// A map of these arrays; an array that is named twice counts as the finer. `None`: there are too many, or one is no folder or lies in
    /// another, so that an object could be of two levels.
    #[must_use]
    pub fn new(mut arrays: Vec<(ObjectPath, u8)>) -> Option<Self> {
        arrays.sort_by(|one, other| (one.0.as_str(), one.1).cmp(&(other.0.as_str(), other.1)));
        arrays.dedup_by(|next, first| next.0 == first.0);
        let is_folder = |(path, _): &(ObjectPath, u8)| path.is_folder() && !path.is_root();
        // Sorted by bytes, whatever lies in a folder follows it directly.
        let nested = arrays.iter().zip(arrays.iter().skip(1)).any(|((outer, _), (inner, _))| outer.covers(inner));
        (arrays.len() <= LEVEL_ARRAYS_MAX && arrays.iter().all(is_folder) && !nested).then_some(Self(arrays))
    }

    /// The level of what lies at `path` in the dataset; `None`: it is in none of the arrays, and nobody knows.
    #[must_use]
    pub fn of(&self, path: &ObjectPath) -> Option<u8> {
        self.0.iter().find(|(array, _)| array.covers(path)).map(|(_, level)| *level)
    }

    /// Whether there is an array of this level or a coarser one.
    #[must_use]
    pub fn reach(&self, level: u8) -> bool {
        self.0.iter().any(|(_, there)| *there >= level)
    }

    /// The arrays and their levels.
    pub fn arrays(&self) -> impl Iterator<Item = (&ObjectPath, u8)> {
        self.0.iter().map(|(array, level)| (array, *level))
    }

    /// The bytes that they take beside themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().fold(size_of_val(self.0.as_slice()), |sum, (array, _)| sum.saturating_add(array.as_str().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ObjectPath {
        ObjectPath::from_decoded(text).unwrap()
    }

    fn levels(arrays: &[(&str, u8)]) -> Option<Levels> {
        Levels::new(arrays.iter().map(|(array, level)| (path(array), *level)).collect())
    }

    // SECURITY T32
    #[test]
    fn an_object_has_the_level_of_its_array_and_no_other() {
        let map = levels(&[("1/", 1), ("0/", 0), ("10/", 10), ("labels/cells/0/", 0), ("labels/cells/1/", 1)]).unwrap();
        for (at, want) in [
            ("0/c/0/0", Some(0)),
            ("1/0.0.0", Some(1)),
            ("10/zarr.json", Some(10)),
            ("labels/cells/1/c/0", Some(1)),
            ("2/c/0", None),
            ("1", None),
            ("11/c/0", None),
            ("labels/0/c/0", None),
            ("labels/cells/10/0", None),
            ("x/1/c/0", None),
            ("", None),
        ] {
            assert_eq!(map.of(&path(at)), want, "{at}");
        }
        assert!(map.reach(10) && !map.reach(11) && !Levels::default().reach(0));
    }

    #[test]
    fn what_could_be_of_two_levels_is_no_map() {
        assert_eq!(levels(&[("0/", 2), ("0/", 0), ("0/", 1)]).unwrap().of(&path("0/c")), Some(0), "the finer counts");
        for arrays in [&[("0/", 0), ("0/1/", 1)][..], &[("0", 0)], &[("", 0)], &[("a/", 1), ("a/b/c/", 0), ("b/", 1)]] {
            assert_eq!(levels(arrays), None, "{arrays:?}");
        }
        let many: Vec<_> = (0..=LEVEL_ARRAYS_MAX).map(|number| (path(&format!("{number}/")), 1)).collect();
        assert_eq!(Levels::new(many), None);
    }
}
