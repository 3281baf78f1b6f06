//! Which level of a multiscale image an object belongs to, by its path alone (L11, SECURITY T32).
//!
//! Not here: reading the metadata that say so (`objects/levels.rs`), and what is made of them for a reader (`serve/levels.rs`).

use std::fmt;

use crate::{limits::LEVEL_ARRAYS_MAX, path::ObjectPath};

/// Whether of chunks that open from `one` level on no more open than of those from `other` on; `None` opens no chunk.
pub(crate) fn opens_within(one: Option<u8>, other: Option<u8>) -> bool {
    one.is_none_or(|one| other.is_some_and(|other| other <= one))
}

/// Where arrays lie in a dataset: in one folder, or in such a folder of each image of a plate, below so many folders of any name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrays {
    /// Folders of any name: the row, column and field of a plate. 0 for one array.
    pub any: u8,
    /// The folder below them; never the root.
    pub folder: ObjectPath,
}

impl Arrays {
    fn hold(&self, path: &ObjectPath) -> bool {
        let below = (0..self.any).try_fold(path.as_str(), |path, _folder| path.split_once('/').map(|(_any, below)| below));
        below.is_some_and(|below| below.starts_with(self.folder.as_str()))
    }
}

/// As people read it: `1/`, or `*/*/*/1/` for a plate.
impl fmt::Display for Arrays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.any).try_for_each(|_folder| f.write_str("*/"))?;
        self.folder.fmt(f)
    }
}

/// The arrays of a dataset's multiscale images, each with its level. Level 0 is the finest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Levels(Vec<(Arrays, u8)>);

impl Levels {
    /// A map of these arrays; one that is named twice counts as the finer. `None`: there are too many, or one is no folder or lies in
    /// another that is written alike.
    #[must_use]
    pub fn new(mut arrays: Vec<(Arrays, u8)>) -> Option<Self> {
        arrays.sort_by(|(one, level), (other, coarser)| {
            (one.any, one.folder.as_str(), level).cmp(&(other.any, other.folder.as_str(), coarser))
        });
        arrays.dedup_by(|next, first| next.0 == first.0);
        let is_folder = |(arrays, _): &(Arrays, u8)| arrays.folder.is_folder() && !arrays.folder.is_root();
        // Sorted by bytes, whatever lies in a folder follows it directly.
        let mut pairs = arrays.iter().zip(arrays.iter().skip(1));
        let nested = pairs.any(|((outer, _), (inner, _))| outer.any == inner.any && outer.folder.covers(&inner.folder));
        (arrays.len() <= LEVEL_ARRAYS_MAX && arrays.iter().all(is_folder) && !nested).then_some(Self(arrays))
    }

    /// The level of what lies at `path` in the dataset, the finer where it could be of two; `None`: it is in none of the arrays, and nobody knows.
    #[must_use]
    pub fn of(&self, path: &ObjectPath) -> Option<u8> {
        self.0.iter().filter(|(arrays, _)| arrays.hold(path)).map(|(_, level)| *level).min()
    }

    /// Whether there is an array of this level or a coarser one.
    #[must_use]
    pub fn reach(&self, level: u8) -> bool {
        self.0.iter().any(|(_, there)| *there >= level)
    }

    /// Whether somebody may get less by this map than by the one before it.
    #[must_use]
    pub fn narrow(&self, before: &Self) -> bool {
        let keeps = |(arrays, level): &(Arrays, u8)| self.0.iter().any(|(there, now)| there == arrays && now >= level);
        !before.0.iter().all(keeps)
    }

    /// The arrays and their levels.
    pub fn arrays(&self) -> impl Iterator<Item = (&Arrays, u8)> {
        self.0.iter().map(|(arrays, level)| (arrays, *level))
    }

    /// The bytes that they take beside themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().fold(size_of_val(self.0.as_slice()), |sum, (arrays, _)| sum.saturating_add(arrays.folder.as_str().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ObjectPath {
        ObjectPath::from_decoded(text).unwrap()
    }

    /// Arrays as they are shown.
    fn levels(arrays: &[(&str, u8)]) -> Option<Levels> {
        let read = |text: &str| {
            let folder = text.trim_start_matches("*/");
            Arrays { any: u8::try_from((text.len() - folder.len()) / 2).unwrap(), folder: path(folder) }
        };
        Levels::new(arrays.iter().map(|(array, level)| (read(array), *level)).collect())
    }

    #[test]
    fn a_map_takes_the_bytes_of_its_arrays_and_their_folders() {
        let bytes = |arrays: &[(&str, u8)]| levels(arrays).unwrap().bytes();
        let (none, one, longer) = (bytes(&[]), bytes(&[("0/", 0)]), bytes(&[("longer/0/", 0)]));
        assert!(none == 0 && one > 2, "{none}, {one}");
        assert_eq!((longer - one, bytes(&[("0/", 0), ("1/", 1)])), (7, 2 * one));
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

    // SECURITY T32: a plate's
    #[test]
    fn each_image_of_a_plate_has_the_same_levels_and_nothing_beside_them_has_one() {
        let map = levels(&[("*/*/*/0/", 0), ("*/*/*/1/", 1), ("*/*/*/labels/cells/1/", 1)]).unwrap();
        for (at, want) in [
            ("A/1/0/0/c/0", Some(0)),
            ("H/12/3/1/0.0", Some(1)),
            ("A/1/0/labels/cells/1/c/0", Some(1)),
            ("A/1/0/labels/cells/0/c/0", None),
            ("A/1/0/2/c/0", None),
            ("A/1/1/c/0", None),
            ("1/c/0", None),
            ("A/1/0/1", None),
            // Deeper than images lie: what is there for level 1 has not even that.
            ("x/A/1/0/1/c/0", Some(0)),
            ("A/1/0/10/c/0", None),
        ] {
            assert_eq!(map.of(&path(at)), want, "{at}");
        }
        let shown: Vec<_> = map.arrays().map(|(arrays, level)| format!("{arrays} {level}")).collect();
        assert_eq!(shown, ["*/*/*/0/ 0", "*/*/*/1/ 1", "*/*/*/labels/cells/1/ 1"]);
        // One that lies where an image of a plate could: the finer counts.
        let both = levels(&[("*/1/", 1), ("a/1/0/", 0)]).unwrap();
        assert_eq!((both.of(&path("a/1/0/c")), both.of(&path("b/1/0/c"))), (Some(0), Some(1)));
    }

    #[test]
    fn what_could_be_of_two_levels_is_no_map() {
        assert_eq!(levels(&[("0/", 2), ("0/", 0), ("0/", 1)]).unwrap().of(&path("0/c")), Some(0), "the finer counts");
        for arrays in
            [&[("0/", 0), ("0/1/", 1)][..], &[("0", 0)], &[("", 0)], &[("a/", 1), ("a/b/c/", 0), ("b/", 1)], &[("*/0/", 0), ("*/0/1/", 1)]]
        {
            assert_eq!(levels(arrays), None, "{arrays:?}");
        }
        let many: Vec<_> = (0..=LEVEL_ARRAYS_MAX).map(|number| (Arrays { any: 0, folder: path(&format!("{number}/")) }, 1)).collect();
        assert_eq!(Levels::new(many), None);
    }

    #[test]
    fn a_map_narrows_another_where_any_array_is_lost_or_finer() {
        let before = levels(&[("0/", 0), ("1/", 1)]).unwrap();
        for (after, want) in [
            (&[("0/", 0), ("1/", 1)][..], false),
            (&[("0/", 0), ("1/", 1), ("2/", 2)], false),
            (&[("0/", 0), ("1/", 2)], false),
            (&[("0/", 0), ("1/", 0)], true),
            (&[("0/", 0), ("*/1/", 1)], true),
            (&[("1/", 1)], true),
            (&[], true),
        ] {
            assert_eq!(levels(after).unwrap().narrow(&before), want, "{after:?}");
        }
        assert!(!before.narrow(&Levels::default()));
    }
}
