//! One array, as its own document describes it: Zarr 2 (`.zarray`), Zarr 3 (`zarr.json`) or N5 (`attributes.json`).

use std::fmt;

use domain::limits::SEEN_AXES_MAX;
use serde_json::Value;

use crate::documents::{short, text_of};

/// An array. Sizes are in the order in which the document has them: in N5 the fastest comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its size in elements.
    pub shape: Vec<u64>,
    /// The type of an element, by Zarr 3's word where there is one: `uint16`.
    pub data_type: String,
    /// Bytes of an element; `None`: not known.
    pub item_bytes: Option<u64>,
    /// `little` or `big`; `None`: it does not matter, or is not said.
    pub byte_order: Option<&'static str>,
    /// The size of a chunk: of one inside a shard, where there are shards.
    pub chunks: Vec<u64>,
    /// The size of a shard; `None`: a chunk is a file.
    pub shards: Option<Vec<u64>>,
    /// What elements go through, in the order of writing, less what only orders bytes.
    pub codecs: Vec<Codec>,
    /// What is read where nothing was written, as stored.
    pub fill: Option<String>,
    /// What stands between the numbers of a chunk's name.
    pub separator: Option<String>,
    /// The names of its axes, where the array itself says them (Zarr 3).
    pub names: Vec<String>,
}

/// A codec by its name, and what it was set to where that says what it is: `blosc` and `zstd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// Its name.
    pub name: String,
    /// The compressor within, of `blosc`.
    pub with: Option<String>,
}

/// As people read it: `blosc (zstd)`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.with.as_ref().map_or(Ok(()), |with| write!(f, " ({with})"))
    }
}

impl Array {
    /// The array of `.zarray`; the name of the field that cannot be understood.
    ///
    /// # Errors
    /// The name of the first field without which it is none.
    pub fn v2(document: &Value) -> Result<Self, &'static str> {
        let shape = sizes(document.get("shape")).ok_or("shape")?;
        let chunks = sizes(document.get("chunks")).filter(|chunks| chunks.len() == shape.len()).ok_or("chunks")?;
        let stored = document.get("dtype").ok_or("dtype")?;
        let (data_type, item_bytes, byte_order) = stored.as_str().map_or_else(|| (short(&stored.to_string()), None, None), type_of_v2);
        let filters = document.get("filters").and_then(Value::as_array).into_iter().flatten();
        let codecs = filters.chain(document.get("compressor")).filter_map(|codec| named(codec, "id", codec)).collect();
        let separator = document.get("dimension_separator").and_then(text_of).unwrap_or_else(|| ".".to_owned());
        let fill = document.get("fill_value").map(|fill| short(&fill.to_string()));
        let (shards, separator) = (None, Some(separator));
        Ok(Self { shape, data_type, item_bytes, byte_order, chunks, shards, codecs, fill, separator, names: Vec::new() })
    }

    /// The array of a `zarr.json`.
    ///
    /// # Errors
    /// As [`Self::v2`].
    pub fn v3(document: &Value) -> Result<Self, &'static str> {
        let shape = sizes(document.get("shape")).ok_or("shape")?;
        let stored = document.get("data_type").ok_or("data_type")?;
        let data_type = stored.get("name").unwrap_or(stored);
        let data_type = text_of(data_type).ok_or("data_type")?;
        let grid = document.get("chunk_grid").and_then(|grid| grid.get("configuration"));
        let outer = sizes(grid.and_then(|grid| grid.get("chunk_shape"))).filter(|outer| outer.len() == shape.len()).ok_or("chunk_grid")?;
        let mut stages = document.get("codecs").and_then(Value::as_array).ok_or("codecs")?;
        let (mut chunks, mut shards) = (outer, None);
        if let Some(sharding) = stages.iter().find(|codec| codec_name(codec) == Some("sharding_indexed")) {
            let inner = sharding.get("configuration").ok_or("codecs")?;
            let within = sizes(inner.get("chunk_shape")).filter(|within| within.len() == shape.len()).ok_or("codecs")?;
            stages = inner.get("codecs").and_then(Value::as_array).ok_or("codecs")?;
            shards = Some(std::mem::replace(&mut chunks, within));
        }
        let endian =
            stages.iter().find(|codec| codec_name(codec) == Some("bytes")).and_then(|bytes| bytes.get("configuration")?.get("endian"));
        let byte_order = endian.and_then(Value::as_str).and_then(|order| ["little", "big"].into_iter().find(|known| *known == order));
        let named_by_name = |codec: &Value| match codec {
            Value::String(name) => Some(Codec { name: short(name), with: None }),
            other => named(other, "name", other.get("configuration").unwrap_or(&Value::Null)),
        };
        let codecs = stages.iter().filter_map(named_by_name).filter(|codec| codec.name != "bytes").collect();
        let encoding = document.get("chunk_key_encoding");
        let separator = encoding.and_then(|encoding| {
            let stated = encoding.get("configuration").and_then(|set| set.get("separator")).and_then(text_of);
            stated.or_else(|| (encoding.get("name")?.as_str()? == "default").then(|| "/".to_owned()))
        });
        let names = document.get("dimension_names").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            item_bytes: bytes_of(&data_type),
            byte_order: byte_order.filter(|_| bytes_of(&data_type) != Some(1)),
            fill: document.get("fill_value").map(|fill| short(&fill.to_string())),
            names: names.take(SEEN_AXES_MAX).map(|name| text_of(name).unwrap_or_default()).collect(),
            shape,
            data_type,
            chunks,
            shards,
            codecs,
            separator,
        })
    }

    /// The array of an N5 `attributes.json`.
    ///
    /// # Errors
    /// As [`Self::v2`].
    pub fn n5(document: &Value) -> Result<Self, &'static str> {
        let shape = sizes(document.get("dimensions")).ok_or("dimensions")?;
        let chunks = sizes(document.get("blockSize")).filter(|chunks| chunks.len() == shape.len()).ok_or("blockSize")?;
        let data_type = document.get("dataType").and_then(text_of).ok_or("dataType")?;
        let compression = document.get("compression").and_then(|how| named(how, "type", how));
        let older = document.get("compressionType").and_then(text_of).map(|name| Codec { name, with: None });
        let codecs = compression.or(older).filter(|codec| codec.name != "raw").into_iter().collect();
        Ok(Self {
            item_bytes: bytes_of(&data_type),
            // N5 has no other.
            byte_order: Some("big").filter(|_| bytes_of(&data_type) != Some(1)),
            shape,
            data_type,
            chunks,
            shards: None,
            codecs,
            fill: None,
            separator: Some("/".to_owned()),
            names: Vec::new(),
        })
    }

    /// How many bytes its elements take as they are in memory; `None`: not known, or past what can be counted.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.item_bytes?, |bytes, size| bytes.checked_mul(*size))
    }
}

/// The sizes of a list; `None`: it is none, or of more directions than anybody has.
fn sizes(list: Option<&Value>) -> Option<Vec<u64>> {
    let list = list?.as_array().filter(|list| list.len() <= SEEN_AXES_MAX)?;
    list.iter().map(Value::as_u64).collect()
}

fn codec_name(codec: &Value) -> Option<&str> {
    codec.as_str().or_else(|| codec.get("name")?.as_str())
}

/// A codec whose name is under `key`, and which is set by `set`.
fn named(codec: &Value, key: &str, set: &Value) -> Option<Codec> {
    let name = codec.get(key).and_then(text_of)?;
    let with = set.get("cname").and_then(text_of).filter(|_| name == "blosc");
    Some(Codec { name, with })
}

/// Bytes of an element of a type that Zarr 3 or N5 names.
fn bytes_of(data_type: &str) -> Option<u64> {
    let bits = match data_type {
        "bool" => 8,
        other => {
            let digits = other.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            let word = other.strip_suffix(digits)?;
            if !["int", "uint", "float", "complex", "r"].contains(&word) {
                return None;
            }
            digits.parse::<u64>().ok()?
        }
    };
    (bits > 0 && bits.is_multiple_of(8)).then_some(bits / 8)
}

/// The type, bytes and byte order that `NumPy` writes as `<u2`. What it has no plain word for stays as it is.
fn type_of_v2(text: &str) -> (String, Option<u64>, Option<&'static str>) {
    let mut letters = text.chars();
    let order = match letters.next() {
        Some('<') => Some("little"),
        Some('>') => Some("big"),
        _ => None,
    };
    let word = match letters.next() {
        Some('b') => "bool",
        Some('i') => "int",
        Some('u') => "uint",
        Some('f') => "float",
        Some('c') => "complex",
        _ => return (short(text), None, None),
    };
    let Some(bytes) = letters.as_str().parse::<u64>().ok().filter(|bytes| *bytes > 0 && *bytes <= 64) else {
        return (short(text), None, None);
    };
    let order = order.filter(|_| bytes > 1);
    if word == "bool" { (word.to_owned(), Some(1), None) } else { (format!("{word}{}", bytes.saturating_mul(8)), Some(bytes), order) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codecs(array: &Array) -> String {
        array.codecs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    // Zarr core specification 2: arrays
    #[test]
    fn an_array_of_version_2_is_as_its_zarray_says() {
        let document = json!({ "zarr_format": 2, "shape": [2, 60, 256, 256], "chunks": [1, 20, 64, 64], "dtype": "<u2", "order": "C", "fill_value": 0,
            "compressor": { "id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0 }, "filters": [{ "id": "delta", "dtype": "<u2" }],
            "dimension_separator": "/" });
        let array = Array::v2(&document).unwrap();
        assert_eq!((array.data_type.as_str(), array.byte_order, array.item_bytes), ("uint16", Some("little"), Some(2)));
        assert_eq!((array.bytes(), codecs(&array).as_str()), (Some(2 * 60 * 256 * 256 * 2), "delta, blosc (lz4)"));
        assert_eq!((array.separator.as_deref(), array.fill.as_deref(), array.shards), (Some("/"), Some("0"), None));
        let plain = Array::v2(&json!({ "shape": [3], "chunks": [3], "dtype": "|u1", "compressor": null, "filters": null })).unwrap();
        assert_eq!((codecs(&plain).as_str(), plain.separator.as_deref(), plain.byte_order), ("", Some("."), None));
        for (stored, want) in [
            ("|b1", ("bool", Some(1))),
            (">f8", ("float64", Some(8))),
            ("<c16", ("complex128", Some(16))),
            ("|S10", ("|S10", None)),
            ("<M8[ns]", ("<M8[ns]", None)),
            ("", ("", None)),
            ("<u99999999999999999999", ("<u99999999999999999999", None)),
        ] {
            let array = Array::v2(&json!({ "shape": [1], "chunks": [1], "dtype": stored })).unwrap();
            assert_eq!((array.data_type.as_str(), array.item_bytes), want, "{stored}");
        }
    }

    // Zarr core specification 3.1, and its codec `sharding_indexed`
    #[test]
    fn a_sharded_array_has_chunks_in_its_shards() {
        let document = json!({ "zarr_format": 3, "node_type": "array", "shape": [60, 512, 512], "data_type": "uint16",
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [60, 256, 256] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } }, "fill_value": 0,
            "codecs": [{ "name": "sharding_indexed", "configuration": { "chunk_shape": [20, 64, 64], "index_location": "end",
                "codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }, { "name": "zstd", "configuration": { "level": 3 } }],
                "index_codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }, { "name": "crc32c" }] } }],
            "dimension_names": ["z", "y", null] });
        let array = Array::v3(&document).unwrap();
        assert_eq!((array.chunks, array.shards), (vec![20, 64, 64], Some(vec![60, 256, 256])));
        assert_eq!((array.byte_order, array.codecs[0].name.as_str(), array.names.join("|").as_str()), (Some("little"), "zstd", "z|y|"));
        let plain = json!({ "shape": [4], "data_type": { "name": "numpy.datetime64", "configuration": { "unit": "s" } },
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [2] } }, "chunk_key_encoding": { "name": "default" },
            "codecs": ["bytes", { "name": "blosc", "configuration": { "cname": "zstd" } }], "fill_value": "NaN" });
        let array = Array::v3(&plain).unwrap();
        assert_eq!((array.data_type.as_str(), array.bytes(), codecs(&array).as_str()), ("numpy.datetime64", None, "blosc (zstd)"));
        assert_eq!((array.shards, array.separator.as_deref()), (None, Some("/")));
    }

    #[test]
    fn an_array_of_n5_is_as_its_attributes_say() {
        let array = Array::n5(&json!({ "dataType": "uint16", "blockSize": [64, 64, 32], "dimensions": [700, 500, 80],
            "compression": { "type": "gzip", "useZlib": false, "level": -1 } }))
        .unwrap();
        assert_eq!((array.shape, codecs_of(&array.codecs).as_str()), (vec![700, 500, 80], "gzip"));
        let older = Array::n5(&json!({ "dataType": "uint8", "blockSize": [2], "dimensions": [2], "compressionType": "raw" })).unwrap();
        assert_eq!((older.codecs, older.byte_order), (vec![], None));
    }

    fn codecs_of(codecs: &[Codec]) -> String {
        codecs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_damaged_names_the_field_and_what_is_huge_is_not_counted() {
        let good = json!({ "shape": [4, 4], "chunks": [2, 2], "dtype": "<u2" });
        for (field, bad) in [
            ("shape", json!("4")),
            ("shape", json!([4, -1])),
            ("shape", json!([4.5, 4])),
            ("shape", json!(vec![1; SEEN_AXES_MAX + 1])),
            ("chunks", json!([2])),
            ("chunks", json!(null)),
            ("dtype", Value::Null),
        ] {
            let mut document = good.clone();
            document[field] = bad;
            if field == "dtype" {
                document.as_object_mut().unwrap().remove(field);
            }
            assert_eq!(Array::v2(&document).map(|_| ()), Err(field), "{document}");
        }
        for document in [json!(null), json!([]), json!({ "shape": [1] })] {
            assert!(Array::v3(&document).is_err() && Array::n5(&document).is_err() && Array::v2(&document).is_err());
        }
        let huge = Array::v2(&json!({ "shape": [u64::MAX, u64::MAX], "chunks": [1, 1], "dtype": "<u2" })).unwrap();
        assert_eq!(huge.bytes(), None);
        let mut long = good;
        long["dtype"] = json!([["r".repeat(9_000), "<u2"]]);
        assert!(Array::v2(&long).unwrap().data_type.len() < 1_000);
    }
}
