//! What lies somewhere, as its metadata say: found in rounds, each of which says which documents would tell more.

use domain::{limits::SEEN_ITEMS_MAX, path::ObjectPath};
use serde_json::Value;

use crate::{
    array::Array,
    attributes::{folder_of, names_in, ome, paths_in},
    documents::{Document, Documents, text_of},
    image::{Image, Level},
};

/// The documents that are asked for first, whatever lies there.
pub const FIRST: [&str; 6] = ["zarr.json", ".zattrs", ".zarray", ".zgroup", ".zmetadata", "attributes.json"];

/// The versions of OME-Zarr that are understood.
const UNDERSTOOD: [&str; 2] = ["0.4", "0.5"];

/// How arrays are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Zarr version 2.
    Zarr2,
    /// Zarr version 3.
    Zarr3,
    /// N5.
    N5,
}

impl Store {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zarr2 => "Zarr 2",
            Self::Zarr3 => "Zarr 3",
            Self::N5 => "N5",
        }
    }
}

/// A version of OME-Zarr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmeVersion {
    /// As stated, without what follows the numbers; 0.4 where nothing is stated.
    pub number: String,
    /// Whether what it defines is understood. Of any other, what reads alike is shown.
    pub is_understood: bool,
}

/// What lies somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// How it is stored.
    pub store: Store,
    /// The OME-Zarr version, where it is one.
    pub ome: Option<OmeVersion>,
    /// What it is.
    pub what: What,
    /// The image: its own, or the first of a series, a well or a plate.
    pub image: Option<Image>,
    /// The names of the label images of that image, at most [`SEEN_ITEMS_MAX`].
    pub labels: Vec<String>,
    /// The fields that could not be read.
    pub unread: Vec<String>,
    /// The documents that would tell more, by path: none is known yet.
    pub wanted: Vec<String>,
}

/// What something is.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// One array.
    Array(Box<Array>),
    /// A group of which nothing more is known.
    Group,
    /// A multiscale image.
    Image,
    /// A label image.
    Labels,
    /// Images beside each other, as bioformats2raw writes them: their names, at most [`SEEN_ITEMS_MAX`].
    Series(Vec<String>),
    /// A plate of wells.
    Plate(Plate),
    /// A well, with so many images.
    Well(usize),
}

/// A plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// Its name.
    pub name: Option<String>,
    /// How many rows it has.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
    /// How many wells are listed.
    pub wells: usize,
    /// The most fields of a well.
    pub fields: Option<u64>,
}

/// What the documents at hand say; `None`: nothing there is Zarr or N5, or nothing was read yet.
#[must_use]
pub fn seen(documents: &Documents) -> Option<Seen> {
    let store = store(documents)?;
    let mut look = Look { documents, store, unread: Vec::new(), wanted: Vec::new() };
    let top = ObjectPath::default();
    let (what, image) = look.what(&top);
    let labels =
        image.as_ref().filter(|_| matches!(store, Store::Zarr2 | Store::Zarr3)).map(|image| look.labels(image)).unwrap_or_default();
    let version = look.attributes(&top).and_then(|attributes| version(ome(attributes), &what));
    let Look { unread, wanted, .. } = look;
    Some(Seen { store, ome: version, what, image, labels, unread, wanted })
}

/// What says first how arrays are stored. Where both versions of Zarr do, it is the later one.
fn store(documents: &Documents) -> Option<Store> {
    let is_there = |name: &str| documents.get(name).is_some_and(|document| *document != Document::Missing);
    let is_object = |name: &str| documents.says(name).is_some_and(Value::is_object);
    if is_there("zarr.json") {
        Some(Store::Zarr3)
    } else if [".zarray", ".zgroup", ".zmetadata"].into_iter().any(is_there) {
        Some(Store::Zarr2)
    } else if is_object("attributes.json") {
        Some(Store::N5)
    } else {
        None
    }
}

/// The version that attributes state: `ome.version`, else that of the image, the plate or the well. Without OME-Zarr attributes there is none.
fn version(attributes: &Value, what: &What) -> Option<OmeVersion> {
    let image = attributes.get("multiscales").and_then(Value::as_array).and_then(|images| images.first());
    let parts = [Some(attributes), image, attributes.get("plate"), attributes.get("well"), attributes.get("image-label")];
    let stated = parts.into_iter().flatten().find_map(|part| part.get("version").and_then(text_of));
    if matches!(what, What::Array(_) | What::Group) {
        return None;
    }
    let stated = stated.unwrap_or_else(|| "0.4".to_owned());
    let numbers = stated.split(|letter: char| !letter.is_ascii_digit() && letter != '.').next().unwrap_or_default();
    let number = numbers.trim_end_matches('.').to_owned();
    Some(OmeVersion { is_understood: UNDERSTOOD.contains(&number.as_str()), number: if number.is_empty() { stated } else { number } })
}

/// A look at the documents at hand.
struct Look<'d> {
    documents: &'d Documents,
    store: Store,
    unread: Vec<String>,
    wanted: Vec<String>,
}

impl<'d> Look<'d> {
    /// What lies at `folder`, and the image there or the first one in it.
    fn what(&mut self, folder: &ObjectPath) -> (What, Option<Image>) {
        if self.store == Store::N5 {
            return self.n5();
        }
        if let Some(array) = self.array(folder) {
            return (What::Array(Box::new(array)), None);
        }
        let Some(attributes) = self.attributes(folder).map(ome) else { return (What::Group, None) };
        if let Some(plate) = attributes.get("plate").filter(|plate| plate.is_object()) {
            let wells = paths_in(Some(plate), "wells").unwrap_or_else(|| {
                self.unread.push("plate.wells".to_owned());
                Vec::new()
            });
            let image = wells.first().and_then(|well| folder_of(well)).and_then(|well| self.first_of_well(&well));
            return (What::Plate(plate_of(plate, wells.len())), image);
        }
        if let Some(images) = paths_in(attributes.get("well"), "images") {
            return (What::Well(images.len()), self.first_of_well(folder));
        }
        if let Some(image) = self.image(folder) {
            let is_label = attributes.get("image-label").is_some();
            return (if is_label { What::Labels } else { What::Image }, Some(image));
        }
        if attributes.get("bioformats2raw.layout").is_some() {
            return self.series();
        }
        (What::Group, None)
    }

    /// Images beside each other: as `OME` lists them, else the first by its number.
    fn series(&mut self) -> (What, Option<Image>) {
        let Some(ome_folder) = folder_of("OME") else { return (What::Group, None) };
        let listed = self.attributes(&ome_folder);
        let names: Vec<String> =
            listed.map(|listed| names_in(listed, "series").take(SEEN_ITEMS_MAX).map(str::to_owned).collect()).unwrap_or_default();
        let first = names.first().map_or("0", String::as_str);
        let image = folder_of(first).and_then(|first| self.image(&first));
        (What::Series(names), image)
    }

    /// The first image of the well at `folder`.
    fn first_of_well(&mut self, folder: &ObjectPath) -> Option<Image> {
        let images = paths_in(ome(self.attributes(folder)?).get("well"), "images")?;
        let image = folder.join(&folder_of(images.first()?)?).ok()?;
        self.image(&image)
    }

    /// The image at `folder`, with those of its arrays that are known.
    fn image(&mut self, folder: &ObjectPath) -> Option<Image> {
        let attributes = ome(self.attributes(folder)?);
        let mut image = Image::of(attributes, folder, &mut self.unread)?;
        for level in &mut image.levels {
            level.array = folder.join(&level.folder).ok().and_then(|at| self.array(&at));
        }
        Some(image)
    }

    /// The names of the label images of an image.
    fn labels(&mut self, image: &Image) -> Vec<String> {
        let list = folder_of("labels").and_then(|labels| image.folder.join(&labels).ok());
        let listed = list.and_then(|list| self.attributes(&list));
        listed
            .map(|listed| {
                names_in(listed, "labels").filter(|name| folder_of(name).is_some()).take(SEEN_ITEMS_MAX).map(str::to_owned).collect()
            })
            .unwrap_or_default()
    }

    /// An N5 array, or a group of the arrays `s0`, `s1`, ... that its factors tell of.
    fn n5(&mut self) -> (What, Option<Image>) {
        let Some(root) = self.documents.says("attributes.json") else { return (What::Group, None) };
        if root.get("dimensions").is_some() {
            return match Array::n5(root) {
                Ok(array) => (What::Array(Box::new(array)), None),
                Err(field) => {
                    self.unread.push(field.to_owned());
                    (What::Group, None)
                }
            };
        }
        let factors = ["downsamplingFactors", "scales"].into_iter().find_map(|name| root.get(name)?.as_array());
        let Some(factors) = factors else { return (What::Group, None) };
        let mut image = Image { levels_listed: factors.len(), ..Image::default() };
        for number in 0..factors.len().min(SEEN_ITEMS_MAX) {
            let Some(folder) = folder_of(&format!("s{number}")) else { continue };
            let array = self.document(&format!("{folder}attributes.json")).and_then(|said| Array::n5(said).ok());
            image.levels.push(Level { folder, scale: None, array });
        }
        (What::Image, Some(image))
    }

    /// The array at `folder`; `None`: there is none, or it is not known.
    fn array(&mut self, folder: &ObjectPath) -> Option<Array> {
        let (name, is_v3) = if self.store == Store::Zarr3 { ("zarr.json", true) } else { (".zarray", false) };
        let path = format!("{folder}{name}");
        let said = self.document(&path)?;
        if is_v3 && said.get("node_type").and_then(Value::as_str) != Some("array") {
            return None;
        }
        let array = if is_v3 { Array::v3(said) } else { Array::v2(said) };
        array.map_err(|field| self.unread.push(format!("{path}: {field}"))).ok()
    }

    /// The attributes of what lies at `folder`, as the document that has them.
    fn attributes(&mut self, folder: &ObjectPath) -> Option<&'d Value> {
        let name = if self.store == Store::Zarr3 { "zarr.json" } else { ".zattrs" };
        self.document(&format!("{folder}{name}"))
    }

    /// What a document says; one that nobody looked for is wanted.
    fn document(&mut self, path: &str) -> Option<&'d Value> {
        let documents = self.documents;
        match documents.get(path) {
            Some(Document::Says(says)) => Some(says),
            Some(Document::Missing) => None,
            Some(Document::Unreadable) => {
                if !self.unread.iter().any(|named| named == path) {
                    self.unread.push(path.to_owned());
                }
                None
            }
            None => {
                if !self.wanted.iter().any(|named| named == path) {
                    self.wanted.push(path.to_owned());
                }
                None
            }
        }
    }
}

fn plate_of(plate: &Value, wells: usize) -> Plate {
    let count = |list: &str| plate.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    Plate {
        name: plate.get("name").and_then(text_of),
        rows: count("rows"),
        columns: count("columns"),
        wells,
        fields: plate.get("field_count").and_then(Value::as_u64),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Looks in rounds at documents of these, as a reader does; how many it asked for comes with it.
    fn look(there: &[(&str, Value)]) -> (Option<Seen>, usize) {
        let mut documents = Documents::default();
        let mut asked: Vec<String> = FIRST.map(str::to_owned).to_vec();
        let mut count = 0;
        while !asked.is_empty() {
            for path in &asked {
                count += 1;
                let text = there.iter().find(|(name, _)| name == path).map(|(_, says)| says.to_string());
                documents.add(path, text.as_deref().map(str::as_bytes));
            }
            asked = seen(&documents).map(|seen| seen.wanted).unwrap_or_default();
            assert!(count < 100, "{asked:?}");
        }
        (seen(&documents), count)
    }

    fn found(there: &[(&str, Value)]) -> Seen {
        look(there).0.expect("something is there")
    }

    fn v2(shape: &[u64]) -> Value {
        json!({ "zarr_format": 2, "shape": shape, "chunks": shape, "dtype": "<u2", "compressor": null, "filters": null, "fill_value": 0, "order": "C", "dimension_separator": "/" })
    }

    fn v3(shape: &[u64]) -> Value {
        json!({ "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint8", "fill_value": 0,
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": shape } }, "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "codecs": [{ "name": "bytes" }, { "name": "blosc", "configuration": { "cname": "zstd" } }] })
    }

    fn group(attributes: &Value) -> Value {
        json!({ "zarr_format": 3, "node_type": "group", "attributes": attributes })
    }

    fn multiscales(levels: &[&str]) -> Value {
        let level = |path: &&str| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": [2.0, 0.5, 0.5] }] });
        json!([{ "version": "0.4", "axes": [{ "name": "z", "type": "space", "unit": "micrometer" }, { "name": "y", "type": "space", "unit": "micrometer" }, { "name": "x", "type": "space", "unit": "micrometer" }],
            "datasets": levels.iter().map(level).collect::<Vec<_>>() }])
    }

    fn shapes(seen: &Seen) -> Vec<Option<Vec<u64>>> {
        let image = seen.image.as_ref().expect("an image");
        image.levels.iter().map(|level| level.array.as_ref().map(|array| array.shape.clone())).collect()
    }

    // OME-Zarr 0.4 on Zarr 2, with labels
    #[test]
    fn an_image_of_04_is_seen_with_its_levels_and_labels() {
        let seen = found(&[
            (".zgroup", json!({ "zarr_format": 2 })),
            (".zattrs", json!({ "multiscales": multiscales(&["0", "1"]), "omero": { "channels": [] } })),
            ("0/.zarray", v2(&[20, 512, 512])),
            ("1/.zarray", v2(&[20, 256, 256])),
            ("labels/.zattrs", json!({ "labels": ["cells", "../out", "nuclei"] })),
        ]);
        assert_eq!((seen.store, &seen.what, seen.labels.join(" ").as_str()), (Store::Zarr2, &What::Image, "cells nuclei"));
        assert_eq!(seen.ome, Some(OmeVersion { number: "0.4".to_owned(), is_understood: true }));
        assert_eq!(shapes(&seen), [Some(vec![20, 512, 512]), Some(vec![20, 256, 256])]);
        assert_eq!(seen.unread, [""; 0]);
    }

    // OME-Zarr 0.5 on Zarr 3: everything under `ome`
    #[test]
    fn an_image_of_05_is_seen_and_consolidated_metadata_spare_reads() {
        let root = |ome: Value| group(&json!({ "ome": ome }));
        let image = json!({ "version": "0.5", "multiscales": multiscales(&["s0", "s1"]) });
        let plain = [("zarr.json", root(image.clone())), ("s0/zarr.json", v3(&[9, 8, 7])), ("s1/zarr.json", v3(&[9, 4, 3]))];
        let (seen, count) = look(&plain);
        let seen = seen.unwrap();
        assert_eq!((seen.store, seen.ome.as_ref().map(|ome| ome.number.as_str()), count), (Store::Zarr3, Some("0.5"), FIRST.len() + 3));
        let mut consolidated = root(image);
        consolidated["consolidated_metadata"] = json!({ "kind": "inline", "must_understand": false, "metadata": {
            "s0": v3(&[9, 8, 7]), "s1": v3(&[9, 4, 3]), "labels": group(&json!({ "ome": { "version": "0.5", "labels": ["a"] } })) } });
        let (consolidated, count) = look(&[("zarr.json", consolidated)]);
        let consolidated = consolidated.unwrap();
        assert_eq!((count, shapes(&consolidated), consolidated.labels), (FIRST.len(), shapes(&seen), vec!["a".to_owned()]));
    }

    #[test]
    fn other_versions_are_tolerated_and_said() {
        for (stated, number, is_understood) in
            [("0.5-dev1", "0.5", true), ("0.6", "0.6", false), ("0.6.dev2", "0.6", false), ("next", "next", false), ("0.3", "0.3", false)]
        {
            let attributes =
                json!({ "ome": { "version": stated, "multiscales": [{ "coordinateSystems": [], "datasets": [{ "path": "0" }] }] } });
            let seen = found(&[("zarr.json", group(&attributes)), ("0/zarr.json", v3(&[3, 4]))]);
            assert_eq!(seen.ome, Some(OmeVersion { number: number.to_owned(), is_understood }), "{stated}");
            assert_eq!((shapes(&seen), seen.unread.join(" ").as_str()), (vec![Some(vec![3, 4])], "multiscales[0].axes"));
        }
        let unstated = found(&[(".zgroup", json!({})), (".zattrs", json!({ "multiscales": [{ "axes": [], "datasets": [] }] }))]);
        assert_eq!(unstated.ome.unwrap().number, "0.4");
    }

    #[test]
    fn plain_arrays_and_groups_are_what_they_are() {
        let array = found(&[(".zarray", v2(&[5])), (".zattrs", json!({ "title": "x" }))]);
        assert!(matches!(&array.what, What::Array(array) if array.shape == [5]) && array.ome.is_none() && array.image.is_none());
        let group_2 = found(&[(".zgroup", json!({ "zarr_format": 2 }))]);
        assert_eq!((group_2.what, group_2.store, group_2.ome), (What::Group, Store::Zarr2, None));
        assert_eq!(found(&[("zarr.json", group(&json!({ "a": 1 })))]).what, What::Group);
        assert_eq!(look(&[]).0, None);
        assert_eq!(look(&[(".zattrs", json!({}))]).0, None, "attributes alone are nobody's");
        let label = json!({ "ome": { "version": "0.5", "image-label": {}, "multiscales": multiscales(&["0"]) } });
        assert_eq!(found(&[("zarr.json", group(&label))]).what, What::Labels);
    }

    // OME-Zarr, "plate" and "well"
    #[test]
    fn a_plate_leads_to_the_first_image_of_its_first_well() {
        let plate = json!({ "name": "screen 7", "rows": [{ "name": "A" }, { "name": "B" }], "columns": [{ "name": "1" }, { "name": "2" }, { "name": "3" }],
            "field_count": 4, "wells": [{ "path": "A/1", "rowIndex": 0, "columnIndex": 0 }, { "path": "B/3", "rowIndex": 1, "columnIndex": 2 }], "version": "0.4" });
        let well = json!({ "well": { "images": [{ "path": "0" }, { "path": "1" }] } });
        let image = json!({ "multiscales": multiscales(&["0"]) });
        let seen = found(&[
            (".zgroup", json!({})),
            (".zattrs", json!({ "plate": plate })),
            ("A/1/.zattrs", well.clone()),
            ("A/1/0/.zattrs", image.clone()),
            ("A/1/0/0/.zarray", v2(&[1, 2, 3])),
        ]);
        let want = Plate { name: Some("screen 7".to_owned()), rows: 2, columns: 3, wells: 2, fields: Some(4) };
        assert_eq!((&seen.what, seen.image.as_ref().unwrap().folder.as_str()), (&What::Plate(want), "A/1/0/"));
        assert_eq!((shapes(&seen), seen.ome.unwrap().number.as_str()), (vec![Some(vec![1, 2, 3])], "0.4"));
        let alone = found(&[(".zgroup", json!({})), (".zattrs", well), ("0/.zattrs", image)]);
        assert_eq!((alone.what, alone.image.unwrap().folder.as_str()), (What::Well(2), "0/"));
    }

    #[test]
    fn a_series_leads_to_its_first_image() {
        let attributes = json!({ "ome": { "version": "0.5", "bioformats2raw.layout": 3 } });
        let image = group(&json!({ "ome": { "version": "0.5", "multiscales": multiscales(&["0"]) } }));
        let listed = group(&json!({ "ome": { "series": ["a", "b"] } }));
        let seen = found(&[("zarr.json", group(&attributes)), ("OME/zarr.json", listed), ("a/zarr.json", image.clone())]);
        assert_eq!((seen.what, seen.image.unwrap().folder.as_str()), (What::Series(vec!["a".to_owned(), "b".to_owned()]), "a/"));
        let unlisted = found(&[("zarr.json", group(&attributes)), ("0/zarr.json", image)]);
        assert_eq!((unlisted.what, unlisted.image.unwrap().folder.as_str()), (What::Series(vec![]), "0/"));
    }

    #[test]
    fn n5_is_seen_as_arrays_of_levels() {
        let array = |shape: [u64; 3]| json!({ "dataType": "uint16", "blockSize": [64, 64, 64], "dimensions": shape, "compression": { "type": "gzip" } });
        let seen = found(&[
            ("attributes.json", json!({ "n5": "2.5.0", "downsamplingFactors": [[1, 1, 1], [2, 2, 1]] })),
            ("s0/attributes.json", array([700, 500, 80])),
            ("s1/attributes.json", array([350, 250, 80])),
        ]);
        assert_eq!((seen.store, &seen.what, seen.ome.is_none()), (Store::N5, &What::Image, true));
        assert_eq!(shapes(&seen), [Some(vec![700, 500, 80]), Some(vec![350, 250, 80])]);
        assert!(matches!(found(&[("attributes.json", array([1, 2, 3]))]).what, What::Array(_)));
        assert_eq!(found(&[("attributes.json", json!({ "n5": "2.5.0" }))]).what, What::Group);
    }

    #[test]
    fn damaged_documents_are_named_and_never_fail_the_whole() {
        let mut documents = Documents::default();
        documents.add("zarr.json", Some(b"{ not json"));
        assert_eq!(seen(&documents).unwrap().unread, ["zarr.json"]);
        let image = group(&json!({ "ome": { "version": "0.5", "multiscales": multiscales(&["0", "1"]) } }));
        let mut broken = v3(&[4, 4, 4]);
        broken["shape"] = json!("big");
        let seen = found(&[("zarr.json", image), ("0/zarr.json", broken), ("1/zarr.json", v3(&[2, 2, 2]))]);
        assert_eq!((shapes(&seen), seen.unread), (vec![None, Some(vec![2, 2, 2])], vec!["0/zarr.json: shape".to_owned()]));
        for attributes in [
            json!({ "ome": { "plate": { "wells": 5 } } }),
            json!({ "ome": { "plate": { "wells": [{ "path": "../x" }] } } }),
            json!({ "ome": { "well": { "images": [null] } } }),
            json!({ "ome": { "multiscales": null } }),
            json!({ "ome": [1, 2] }),
            json!([]),
        ] {
            assert_eq!(found(&[("zarr.json", group(&attributes))]).store, Store::Zarr3);
        }
    }
}
