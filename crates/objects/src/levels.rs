//! The levels of a Zarr's multiscale images, read from OME-Zarr 0.4 and 0.5 metadata when it is registered (SECURITY T32).
//!
//! What is not surely a pyramid, finest array first, is no map: then no chunk opens by its level.

use bytes::Bytes;
use domain::{
    decision::Permit,
    levels::Levels,
    limits::{LABEL_IMAGES_MAX, METADATA_BYTES_MAX},
    path::ObjectPath,
    source::Source,
};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Objects, ObjectsError,
    presigner::{SignError, SignedMethod},
    stream::refusal,
};

/// Where attributes are kept: Zarr version 3, version 2.
const ATTRIBUTE_FILES: [&str; 2] = ["zarr.json", ".zattrs"];

impl Objects {
    /// The levels of the image at `path`, a path inside the source where the permit lets something be registered, and of its labels.
    ///
    /// # Errors
    /// [`ObjectsError`] where the store does not answer; metadata that cannot be understood are no error and give no levels.
    pub async fn levels(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Levels, ObjectsError> {
        let place = permit.place_to_register().ok_or(SignError::Permit)?;
        let root = path.to_folder();
        if !place.dataset.path.covers(&root) {
            return Err(SignError::Permit.into());
        }
        let mut arrays = Vec::new();
        let image = self.attributes(&place.source, &root, now).await?.unwrap_or_default();
        let mut known = arrays_of(&image, &ObjectPath::default(), &mut arrays);
        let labels = folder("labels/");
        let listed = match root.join(&labels) {
            Ok(at) => self.attributes(&place.source, &at, now).await?.unwrap_or_default(),
            Err(_too_long) => Value::Null,
        };
        let names = ome(&listed).get("labels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in names.iter().filter_map(Value::as_str).take(LABEL_IMAGES_MAX) {
            let below = ObjectPath::from_decoded(format!("{name}/")).and_then(|name| labels.join(&name));
            let Ok((below, at)) = below.and_then(|below| root.join(&below).map(|at| (below, at))) else { continue };
            let label = self.attributes(&place.source, &at, now).await?.unwrap_or_default();
            known &= arrays_of(&label, &below, &mut arrays);
        }
        Ok(Levels::new(arrays).filter(|_| known).unwrap_or_default())
    }

    /// The attributes of a group; `None`: it has none that can be read.
    async fn attributes(&self, source: &Source, at: &ObjectPath, now: Timestamp) -> Result<Option<Value>, ObjectsError> {
        for name in ATTRIBUTE_FILES {
            let key = source.prefix.join(at).and_then(|at| at.join(&folder(name)));
            let Ok(key) = key else { continue };
            let url = self.own_url(source, SignedMethod::Get, &key, now).await?;
            let answer = self.http().send(Method::GET, &url, &HeaderMap::new()).await?;
            match answer.status() {
                StatusCode::OK => {
                    let Ok(body) = Limited::new(answer.into_body(), METADATA_BYTES_MAX).collect().await else { return Ok(None) };
                    return Ok(serde_json::from_slice(&body.to_bytes()).ok());
                }
                StatusCode::NOT_FOUND => {}
                status => return Err(refusal(status, None)),
            }
        }
        Ok(None)
    }

    /// A metadata document, whole; `None`: it is missing.
    ///
    /// # Errors
    /// [`ObjectsError`]; [`ObjectsError::Unreadable`] where it is larger than metadata are.
    pub async fn document(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Option<Bytes>, ObjectsError> {
        let answer = self.open(permit, SignedMethod::Get, path, &HeaderMap::new(), now).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = Limited::new(answer.into_body(), METADATA_BYTES_MAX).collect().await.map_err(|_why| ObjectsError::Unreadable)?;
        Ok(Some(body.to_bytes()))
    }
}

/// A name that is known to be a path.
fn folder(name: &str) -> ObjectPath {
    ObjectPath::from_decoded(name).unwrap_or_default()
}

/// The attributes that OME-Zarr defines: under `attributes.ome` in 0.5, the attributes themselves in 0.4.
fn ome(document: &Value) -> &Value {
    let attributes = document.get("attributes").unwrap_or(document);
    attributes.get("ome").unwrap_or(attributes)
}

/// Adds the arrays of each multiscale image of a group at `base`; `false`: one of them is not surely a pyramid, so none can be trusted.
fn arrays_of(document: &Value, base: &ObjectPath, arrays: &mut Vec<(ObjectPath, u8)>) -> bool {
    let Some(images) = ome(document).get("multiscales") else { return true };
    images
        .as_array()
        .is_some_and(|images| images.iter().all(|image| pyramid(image, base).map(|mut found| arrays.append(&mut found)).is_some()))
}

/// The arrays of one multiscale image, finest first. Each has a scale that is nowhere smaller than the one before, and somewhere larger: a
/// list in another order would hand out the finest for the coarsest.
fn pyramid(image: &Value, base: &ObjectPath) -> Option<Vec<(ObjectPath, u8)>> {
    let (mut arrays, mut before): (Vec<_>, Option<Vec<f64>>) = (Vec::new(), None);
    for (level, dataset) in image.get("datasets")?.as_array()?.iter().enumerate() {
        let name = dataset.get("path")?.as_str()?;
        let array = base.join(&ObjectPath::from_decoded(format!("{}/", name.trim_end_matches('/'))).ok()?).ok()?;
        let scale = scale(dataset)?;
        if let Some(before) = &before {
            let pairs = || before.iter().zip(&scale);
            if before.len() != scale.len() || pairs().any(|(old, new)| new < old) || !pairs().any(|(old, new)| new > old) {
                return None;
            }
        }
        arrays.push((array, u8::try_from(level).ok()?));
        before = Some(scale);
    }
    Some(arrays)
}

/// The size of a voxel: the one scale among an array's transformations.
fn scale(dataset: &Value) -> Option<Vec<f64>> {
    let mut scales = dataset.get("coordinateTransformations")?.as_array()?.iter().filter_map(|one| one.get("scale"));
    let scale = scales.next().filter(|_| scales.next().is_none())?;
    let sizes: Vec<f64> = scale.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    (!sizes.is_empty() && sizes.iter().all(|size| size.is_finite() && *size > 0.0)).then_some(sizes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(arrays: &[(&str, [f64; 3])]) -> Value {
        let one = |(path, scale): &(&str, [f64; 3])| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": scale }, { "type": "translation", "translation": [0, 0, 0] }] });
        json!({ "datasets": arrays.iter().map(one).collect::<Vec<_>>() })
    }

    fn levels(document: &Value) -> Option<Vec<(String, u8)>> {
        let mut arrays = Vec::new();
        let known = arrays_of(document, &ObjectPath::default(), &mut arrays);
        known.then(|| arrays.into_iter().map(|(path, level)| (path.to_string(), level)).collect())
    }

    // SECURITY T32: what is not surely a pyramid, finest first, opens nothing
    #[test]
    fn a_pyramid_is_believed_only_where_each_level_is_coarser() {
        let (fine, coarse) = ([1.0, 1.0, 1.0], [1.0, 2.0, 2.0]);
        let good = image(&[("s0", fine), ("s1/", coarse)]);
        let want = Some(vec![("s0/".to_owned(), 0), ("s1/".to_owned(), 1)]);
        assert_eq!(levels(&json!({ "multiscales": [good] })), want);
        assert_eq!(levels(&json!({ "zarr_format": 3, "attributes": { "ome": { "version": "0.5", "multiscales": [good] } } })), want);
        assert_eq!(levels(&json!({})), Some(vec![]));
        for (what, bad) in [
            ("the coarsest first", image(&[("s1", coarse), ("s0", fine)])),
            ("two of one size", image(&[("s0", fine), ("s1", fine)])),
            ("finer in one direction", image(&[("s0", coarse), ("s1", [4.0, 1.0, 4.0])])),
            ("no scale", json!({ "datasets": [{ "path": "s0" }] })),
            ("a scale of nothing", image(&[("s0", [0.0, 1.0, 1.0])])),
            ("a path upwards", image(&[("../s0", fine)])),
            ("no path", json!({ "datasets": [{ "coordinateTransformations": [{ "type": "scale", "scale": [1] }] }] })),
            ("no datasets", json!({})),
        ] {
            assert_eq!(levels(&json!({ "multiscales": [good, bad] })), None, "{what}");
        }
        assert_eq!(levels(&json!({ "multiscales": { "0": good } })), None);
    }
}
