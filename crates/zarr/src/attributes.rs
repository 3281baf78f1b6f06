//! The attributes that OME-Zarr defines, 0.4 and 0.5, and the pyramids in them.

use domain::path::ObjectPath;
use serde_json::Value;

/// An array of a pyramid, with its level; 0 is the finest.
pub type ArrayOfLevel = (ObjectPath, u8);

/// The attributes that OME-Zarr defines: under `attributes.ome` in 0.5, the attributes themselves in 0.4.
#[must_use]
pub fn ome(document: &Value) -> &Value {
    let attributes = document.get("attributes").unwrap_or(document);
    attributes.get("ome").unwrap_or(attributes)
}

/// The `path` of each item of a list that a plate or a well has; `None`: it is none.
#[must_use]
pub fn paths_in<'v>(of: Option<&'v Value>, list: &str) -> Option<Vec<&'v str>> {
    let items = of?.get(list)?.as_array()?;
    // One that cannot be understood is one that cannot be looked at.
    Some(items.iter().map(|item| item.get("path").and_then(Value::as_str).unwrap_or_default()).collect())
}

/// The texts of a list of names, as labels and series are listed.
pub fn names_in<'v>(document: &'v Value, list: &str) -> impl Iterator<Item = &'v str> {
    ome(document).get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The folder of a name in a document; `None`: it is no path.
#[must_use]
pub fn folder_of(name: &str) -> Option<ObjectPath> {
    let name = name.trim_end_matches('/');
    if name.is_empty() { None } else { ObjectPath::from_decoded(format!("{name}/")).ok() }
}

/// The arrays of each multiscale image of a group; `None`: one of them is not surely a pyramid, so none can be trusted.
#[must_use]
pub fn arrays_of(document: &Value) -> Option<Vec<ArrayOfLevel>> {
    let Some(images) = ome(document).get("multiscales") else { return Some(Vec::new()) };
    let pyramids = images.as_array()?.iter().map(pyramid).collect::<Option<Vec<_>>>()?;
    Some(pyramids.into_iter().flatten().collect())
}

/// The arrays of one multiscale image, finest first. Each has a scale that is nowhere smaller than the one before, and somewhere larger: a
/// list in another order would hand out the finest for the coarsest.
fn pyramid(image: &Value) -> Option<Vec<ArrayOfLevel>> {
    let (mut arrays, mut before): (Vec<_>, Option<Vec<f64>>) = (Vec::new(), None);
    for (level, dataset) in image.get("datasets")?.as_array()?.iter().enumerate() {
        let array = folder_of(dataset.get("path")?.as_str()?)?;
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

/// The one scale among the transformations of an array, or of all arrays of an image: above 0 in each direction. `None`: there is none, or
/// more than one.
#[must_use]
pub fn scale(of: &Value) -> Option<Vec<f64>> {
    let mut scales = of.get("coordinateTransformations")?.as_array()?.iter().filter_map(|one| one.get("scale"));
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
        Some(arrays_of(document)?.into_iter().map(|(path, level)| (path.to_string(), level)).collect())
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
