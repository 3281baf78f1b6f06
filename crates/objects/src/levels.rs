//! The levels of a Zarr's multiscale images, read from OME-Zarr 0.4 and 0.5 metadata (SECURITY T32): of an image and its labels, of the
//! images that lie beside each other in a series, and of those of a well or a plate, which share their levels.
//!
//! What is not surely a pyramid, finest array first, is no map: then no chunk opens by its level.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    decision::{Denial, Permit, Place, ReadScope},
    levels::{Arrays, Levels},
    limits::{LABEL_IMAGES_MAX, LEVEL_IMAGES_MAX, LEVELS_READ_SECS, METADATA_BYTES_MAX},
    path::ObjectPath,
    source::Source,
};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::timeout;
use zarr::{
    attributes::{arrays_of, folder_of, ome, paths_in},
    thinned::thin,
};

use crate::{
    Objects, ObjectsError,
    presigner::{SignError, SignedMethod},
    stream::refusal,
};

/// Where attributes are kept: Zarr version 3, version 2.
const ATTRIBUTE_FILES: [&str; 2] = ["zarr.json", ".zattrs"];
/// What says that a folder is an array or a group: Zarr version 3, an array of version 2, a group of it.
const NODE_FILES: [&str; 3] = ["zarr.json", ".zarray", ".zgroup"];

impl Objects {
    /// The levels of what lies at `path`, a path inside the source where the permit lets something be registered or changes its access.
    /// Nothing is read of a part that is restricted.
    ///
    /// # Errors
    /// [`ObjectsError`] where the store does not answer, [`ObjectsError::Timeout`] where it takes too long in all; metadata that cannot be
    /// understood are no error and give no levels.
    pub async fn levels(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Levels, ObjectsError> {
        let place = permit.place_of_levels().ok_or(SignError::Permit)?;
        let root = path.to_folder();
        if !place.dataset.path.covers(&root) {
            return Err(SignError::Permit.into());
        }
        let look = Look { objects: self, place, root, now };
        let found = timeout(Duration::from_secs(LEVELS_READ_SECS), look.found()).await.map_err(|_late| ObjectsError::Timeout)??;
        Ok(found.and_then(|found| Levels::new(found.arrays)).unwrap_or_default())
    }

    /// The folder of the Zarr array that the dataset of the permit lies in; `None`: in none. To hide one whose chunks are some of an array's
    /// would make holes in it, which read as fill value.
    ///
    /// # Errors
    /// As [`Self::levels`].
    pub async fn array_around(&self, permit: &Permit, now: Timestamp) -> Result<Option<ObjectPath>, ObjectsError> {
        let place = permit.place_of_levels().ok_or(SignError::Permit)?;
        let found = timeout(Duration::from_secs(LEVELS_READ_SECS), self.array_above(place, now)).await;
        found.map_err(|_late| ObjectsError::Timeout)?
    }

    /// What says first, from the dataset upwards, whether it is an array or a group: neither lies in an array.
    async fn array_above(&self, Place { source, dataset }: &Place, now: Timestamp) -> Result<Option<ObjectPath>, ObjectsError> {
        let mut folders: Vec<ObjectPath> = dataset.path.above().collect();
        while let Some(folder) = folders.pop() {
            for name in NODE_FILES {
                let Ok(key) = source.prefix.join(&folder).and_then(|at| at.join(&folder_named(name))) else { continue };
                if let Some(document) = self.metadata(source, &key, now).await? {
                    let is_array = name == ".zarray" || document.get("node_type").and_then(Value::as_str) == Some("array");
                    return Ok(is_array.then_some(folder));
                }
            }
        }
        Ok(None)
    }

    /// A metadata document of a source, for ourselves: null where it cannot be understood; `None`: it is missing.
    async fn metadata(&self, source: &Source, key: &ObjectPath, now: Timestamp) -> Result<Option<Value>, ObjectsError> {
        let url = self.own_url(source, SignedMethod::Get, key, now).await?;
        let answer = self.http().send(Method::GET, &url, &HeaderMap::new()).await?;
        match answer.status() {
            StatusCode::OK => {
                let Ok(body) = Limited::new(answer.into_body(), METADATA_BYTES_MAX).collect().await else { return Ok(Some(Value::Null)) };
                Ok(Some(serde_json::from_slice(&body.to_bytes()).unwrap_or_default()))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(refusal(status, None)),
        }
    }

    /// A metadata document as its reader may see it: whole, or without the levels that are finer than `permit` allows; `None`: it is missing.
    ///
    /// # Errors
    /// [`ObjectsError`]; [`ObjectsError::Unreadable`] where it has more than `bytes_max` bytes, [`Denial::CoarseOnly`] where it is to be shown
    /// in part and cannot be understood.
    pub async fn document(
        &self,
        permit: &Permit,
        path: &ObjectPath,
        bytes_max: usize,
        now: Timestamp,
    ) -> Result<Option<Bytes>, ObjectsError> {
        let scope = permit.scope().ok_or(SignError::Permit)?;
        let answer = self.open(permit, SignedMethod::Get, path, &HeaderMap::new(), now).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = Limited::new(answer.into_body(), bytes_max).collect().await.map_err(|_why| ObjectsError::Unreadable)?.to_bytes();
        if !is_thinned(&scope, path) {
            return Ok(Some(body));
        }
        let not_shown = || SignError::Denied(Denial::CoarseOnly);
        let mut document: Value = serde_json::from_slice(&body).map_err(|_not_json| not_shown())?;
        thin(&mut document, &path.above().last().unwrap_or_default(), &|array| scope.shows(array));
        let shown = serde_json::to_vec(&document).map_err(|_never| not_shown())?;
        Ok(Some(shown.into()))
    }
}

/// Whether a document is shown in part only.
#[must_use]
pub fn is_thinned(scope: &ReadScope<'_>, path: &ObjectPath) -> bool {
    scope.has_coarse_alone() && matches!(path.name(), Some(".zattrs" | ".zmetadata" | "zarr.json"))
}

/// The arrays that were found so far, and how many label images.
#[derive(Default)]
struct Found {
    arrays: Vec<(Arrays, u8)>,
    labels: usize,
}

/// A look at the metadata of what lies at `root`. `None`, of what it finds: something is not surely a pyramid, so nothing can be trusted.
struct Look<'a> {
    objects: &'a Objects,
    place: &'a Place,
    root: ObjectPath,
    now: Timestamp,
}

impl Look<'_> {
    async fn found(&self) -> Result<Option<Found>, ObjectsError> {
        let mut found = Found::default();
        let top = ObjectPath::default();
        let group = self.attributes(&top).await?.unwrap_or_default();
        let known = if let Some(wells) = paths_in(ome(&group).get("plate"), "wells") {
            self.plate(&wells, &mut found).await?
        } else if let Some(fields) = paths_in(ome(&group).get("well"), "images") {
            self.well(&top, &fields, 1, &mut found).await?
        } else {
            self.image(&group, &top, Arrays { any: 0, folder: top.clone() }, &mut found).await? && self.series(&group, &mut found).await?
        };
        Ok(known.then_some(found))
    }

    /// The images of a plate: of some wells, the first, the last and others between them. The others are taken to be as these are.
    async fn plate(&self, wells: &[&str], found: &mut Found) -> Result<bool, ObjectsError> {
        if !wells.iter().all(|well| well.split('/').count() == 2) {
            return Ok(false);
        }
        for well in spread(wells) {
            let Some(at) = folder_of(well) else { return Ok(false) };
            let group = self.attributes(&at).await?.unwrap_or_default();
            let fields = paths_in(ome(&group).get("well"), "images");
            let known = match fields.as_deref() {
                Some([first, .., last]) => self.well(&at, &[first, last], 3, found).await?,
                Some(fields) => self.well(&at, fields, 3, found).await?,
                None => false,
            };
            if !known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The images of a well at `at`, which lie, with the images of other wells, below `any` folders of any name.
    async fn well(&self, at: &ObjectPath, fields: &[&str], any: u8, found: &mut Found) -> Result<bool, ObjectsError> {
        for field in spread(fields) {
            let image = folder_of(field).filter(|_| !field.contains('/')).and_then(|field| at.join(&field).ok());
            let Some(image) = image else { return Ok(false) };
            let group = self.attributes(&image).await?.unwrap_or_default();
            let of_image = Arrays { any, folder: ObjectPath::default() };
            // An image that is listed and has no levels is not as the others are.
            if ome(&group).get("multiscales").is_none() || !self.image(&group, &image, of_image, found).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Images beside each other, as bioformats2raw writes them: each has levels of its own.
    async fn series(&self, group: &Value, found: &mut Found) -> Result<bool, ObjectsError> {
        if ome(group).get("bioformats2raw.layout").is_none() {
            return Ok(true);
        }
        let listed = self.attributes(&folder_named("OME/")).await?.unwrap_or_default();
        let names = ome(&listed).get("series").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in names.iter().take(LEVEL_IMAGES_MAX) {
            let Some(at) = name.as_str().and_then(folder_of) else { return Ok(false) };
            let image = self.attributes(&at).await?.unwrap_or_default();
            if !self.image(&image, &at, Arrays { any: 0, folder: at.clone() }, found).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The arrays of the image at `at` and of its labels, which are kept as lying in `of`.
    async fn image(&self, group: &Value, at: &ObjectPath, of: Arrays, found: &mut Found) -> Result<bool, ObjectsError> {
        if !found.add(group, &of) {
            return Ok(false);
        }
        let labels = folder_named("labels/");
        let Ok(list) = at.join(&labels) else { return Ok(true) };
        let listed = self.attributes(&list).await?.unwrap_or_default();
        let names = ome(&listed).get("labels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in names.iter().filter_map(Value::as_str) {
            if found.labels >= LABEL_IMAGES_MAX {
                break;
            }
            let Some(name) = folder_of(name) else { continue };
            let (Ok(label), Ok(folder)) = (list.join(&name), of.folder.join(&labels).and_then(|labels| labels.join(&name))) else {
                continue;
            };
            found.labels = found.labels.saturating_add(1);
            let group = self.attributes(&label).await?.unwrap_or_default();
            if !found.add(&group, &Arrays { any: of.any, folder }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The attributes of the group at a path below the root; `None`: it has none that can be read.
    async fn attributes(&self, below: &ObjectPath) -> Result<Option<Value>, ObjectsError> {
        let Place { source, dataset } = self.place;
        let Ok(at) = self.root.join(below) else { return Ok(None) };
        if dataset.is_cut(&at) {
            return Ok(None);
        }
        for name in ATTRIBUTE_FILES {
            let key = source.prefix.join(&at).and_then(|at| at.join(&folder_named(name)));
            let Ok(key) = key else { continue };
            if let Some(document) = self.objects.metadata(source, &key, self.now).await? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }
}

impl Found {
    /// Adds the arrays of each multiscale image of a group; `false`: one of them is not surely a pyramid, or another image that they stand
    /// for has them at other levels.
    fn add(&mut self, group: &Value, of: &Arrays) -> bool {
        let Some(arrays) = arrays_of(group) else { return false };
        for (folder, level) in arrays {
            let Ok(folder) = of.folder.join(&folder) else { return false };
            let arrays = Arrays { any: of.any, folder };
            let before = self.arrays.iter().find(|(there, _)| *there == arrays).map(|(_, level)| *level);
            match before {
                Some(before) if of.any > 0 && before != level => return false,
                Some(before) if before == level => {}
                Some(_) | None => self.arrays.push((arrays, level)),
            }
        }
        true
    }
}

/// At most so many of them as are looked at: the first, the last, and others evenly between them.
fn spread<'v>(all: &'v [&'v str]) -> impl Iterator<Item = &'v str> {
    let last = all.len().saturating_sub(1);
    let step = |number: usize| number.saturating_mul(last).checked_div(LEVEL_IMAGES_MAX.saturating_sub(1)).unwrap_or_default();
    let some = (0..LEVEL_IMAGES_MAX).map(step);
    let picked: Vec<usize> = if all.len() > LEVEL_IMAGES_MAX { some.collect() } else { (0..all.len()).collect() };
    picked.into_iter().filter_map(|index| all.get(index).copied())
}

/// A name that is known to be a path.
fn folder_named(name: &str) -> ObjectPath {
    ObjectPath::from_decoded(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(arrays: &[(&str, [f64; 3])]) -> Value {
        let one = |(path, scale): &(&str, [f64; 3])| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": scale }, { "type": "translation", "translation": [0, 0, 0] }] });
        json!({ "datasets": arrays.iter().map(one).collect::<Vec<_>>() })
    }

    #[test]
    fn images_of_a_plate_agree_or_there_is_no_map() {
        let (fine, coarse) = ([1.0, 1.0, 1.0], [1.0, 2.0, 2.0]);
        let of = Arrays { any: 3, folder: ObjectPath::default() };
        let group = |arrays: &[(&str, [f64; 3])]| json!({ "multiscales": [image(arrays)] });
        let mut found = Found::default();
        assert!(found.add(&group(&[("0", fine), ("1", coarse)]), &of));
        assert!(found.add(&group(&[("0", fine)]), &of), "one with fewer levels of the same names");
        let shown: Vec<_> = found.arrays.iter().map(|(arrays, level)| format!("{level} {arrays}")).collect();
        assert_eq!(shown, ["0 */*/*/0/", "1 */*/*/1/"], "the same arrays are kept once");
        assert!(!found.add(&group(&[("1", fine), ("0", coarse)]), &of), "the other way round");
        // Arrays of one image that is kept by its own path: the finer counts, when the map is made.
        let own = Arrays { any: 0, folder: ObjectPath::default() };
        assert!(found.add(&group(&[("s", fine), ("t", coarse)]), &own) && found.add(&group(&[("t", fine)]), &own));
        assert_eq!(Levels::new(found.arrays).unwrap().of(&ObjectPath::from_decoded("t/c").unwrap()), Some(0));
    }

    #[test]
    fn of_many_wells_few_are_looked_at_the_first_and_the_last_among_them() {
        let names: Vec<String> = (0..1_536).map(|number| format!("A/{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for count in [0, 1, 2, LEVEL_IMAGES_MAX, LEVEL_IMAGES_MAX + 1, 96, 1_536] {
            let picked: Vec<_> = spread(&names[..count]).collect();
            assert_eq!(picked.len(), count.min(LEVEL_IMAGES_MAX), "{count}");
            assert_eq!((picked.first(), picked.last()), (names[..count].first(), names[..count].last()), "{count}");
            assert!(picked.windows(2).all(|pair| pair[0] != pair[1]), "{picked:?}");
        }
    }
}
