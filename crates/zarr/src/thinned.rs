//! Metadata without the arrays that do not open to their reader: a viewer that is not told of a level does not ask for it (SECURITY T32).

use domain::path::ObjectPath;
use serde_json::{Map, Value};

/// Takes out of a document of the group at `folder` what names an array that is not `shown`.
pub fn thin(document: &mut Value, folder: &ObjectPath, shown: &impl Fn(&ObjectPath) -> bool) {
    thin_attributes(document, folder, shown);
    if let Some(attributes) = document.get_mut("attributes") {
        thin_attributes(attributes, folder, shown);
    }
    // Consolidated metadata: of version 2 by file, of version 3 by node.
    if let Some(files) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        let arrays: Vec<_> = files.keys().filter_map(|file| file.strip_suffix(".zarray").map(str::to_owned)).collect();
        let hidden: Vec<_> = arrays.into_iter().filter(|array| !is_shown(folder, array, shown)).collect();
        files.retain(|file, _| !hidden.iter().any(|array| file.starts_with(array.as_str())));
        for (file, attributes) in files.iter_mut() {
            if let Some(group) = file.strip_suffix(".zattrs").and_then(|group| below(folder, group)) {
                thin_attributes(attributes, &group, shown);
            }
        }
    }
    let nodes = document.get_mut("consolidated_metadata").and_then(|all| all.get_mut("metadata")).and_then(Value::as_object_mut);
    if let Some(nodes) = nodes {
        nodes.retain(|name, node| node.get("node_type").and_then(Value::as_str) == Some("group") || is_shown(folder, name, shown));
        for (name, node) in nodes.iter_mut() {
            if let (Some(group), Some(attributes)) = (below(folder, name), node.get_mut("attributes")) {
                thin_attributes(attributes, &group, shown);
            }
        }
    }
}

/// OME-Zarr 0.4 has its attributes among all others, 0.5 under `ome`.
fn thin_attributes(attributes: &mut Value, folder: &ObjectPath, shown: &impl Fn(&ObjectPath) -> bool) {
    let Some(attributes) = attributes.as_object_mut() else { return };
    thin_images(attributes, folder, shown);
    if let Some(ome) = attributes.get_mut("ome").and_then(Value::as_object_mut) {
        thin_images(ome, folder, shown);
    }
}

fn thin_images(attributes: &mut Map<String, Value>, folder: &ObjectPath, shown: &impl Fn(&ObjectPath) -> bool) {
    let images = attributes.get_mut("multiscales").and_then(Value::as_array_mut);
    for image in images.into_iter().flatten() {
        if let Some(datasets) = image.get_mut("datasets").and_then(Value::as_array_mut) {
            datasets.retain(|dataset| dataset.get("path").and_then(Value::as_str).is_some_and(|array| is_shown(folder, array, shown)));
        }
    }
}

fn is_shown(folder: &ObjectPath, array: &str, shown: &impl Fn(&ObjectPath) -> bool) -> bool {
    below(folder, array).is_some_and(|array| shown(&array))
}

/// The folder of a name in a document; `None`: it is no path.
fn below(folder: &ObjectPath, name: &str) -> Option<ObjectPath> {
    let name = name.trim_end_matches('/');
    if name.is_empty() {
        return Some(folder.clone());
    }
    folder.join(&ObjectPath::from_decoded(format!("{name}/")).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn thinned(mut document: Value, folder: &str) -> Value {
        let folder = ObjectPath::from_decoded(folder).unwrap();
        thin(&mut document, &folder, &|array| ["1/", "2/", "labels/a/1/"].contains(&array.as_str()));
        document
    }

    // SECURITY T32: neither version of the format names a level that is not open
    #[test]
    fn metadata_name_the_levels_that_are_open_and_no_others() {
        let images =
            |paths: &[&str]| json!([{ "axes": [], "datasets": paths.iter().map(|path| json!({ "path": path })).collect::<Vec<_>>() }]);
        let (all, open) = (images(&["0", "1", "2", "../1"]), images(&["1", "2"]));
        assert_eq!(thinned(json!({ "multiscales": all, "omero": 1 }), ""), json!({ "multiscales": open, "omero": 1 }));
        assert_eq!(thinned(json!({ "multiscales": images(&["0", "1"]) }), "labels/a/"), json!({ "multiscales": images(&["1"]) }));
        let v2 = json!({ "zarr_consolidated_format": 1, "metadata": {
            ".zattrs": { "multiscales": all }, ".zgroup": {}, "0/.zarray": { "shape": [9] }, "0/.zattrs": {}, "1/.zarray": {}, "x/.zarray": {},
            "labels/a/.zattrs": { "multiscales": images(&["0", "1"]) }, "labels/a/0/.zarray": {}, "labels/a/1/.zarray": {},
        } });
        let want = json!({ "zarr_consolidated_format": 1, "metadata": {
            ".zattrs": { "multiscales": open }, ".zgroup": {}, "1/.zarray": {},
            "labels/a/.zattrs": { "multiscales": images(&["1"]) }, "labels/a/1/.zarray": {},
        } });
        assert_eq!(thinned(v2, ""), want);
        let array = json!({ "node_type": "array" });
        let v3 = json!({ "node_type": "group", "attributes": { "ome": { "multiscales": all } }, "consolidated_metadata": { "metadata": {
            "0": array, "1": array, "labels/a": { "node_type": "group", "attributes": { "ome": { "multiscales": images(&["0", "1"]) } } }, "odd": {},
        } } });
        let want = json!({ "node_type": "group", "attributes": { "ome": { "multiscales": open } }, "consolidated_metadata": { "metadata": {
            "1": array, "labels/a": { "node_type": "group", "attributes": { "ome": { "multiscales": images(&["1"]) } } },
        } } });
        assert_eq!(thinned(v3, ""), want);
    }
}
