//! What lies in a folder of a source.

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;

/// A page of what lies in a folder, one level deep, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entries {
    /// The folder's path inside the source; empty for all of it.
    pub path: String,
    /// The innermost dataset that the folder is, or lies in: by it the caller may list.
    pub dataset: Dataset,
    /// The version of Zarr whose metadata document lies in the folder, as far as this page shows it: 2 or 3; missing: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zarr: Option<u8>,
    /// The entries. A page may be short before the last one.
    pub items: Vec<Entry>,
    /// What to send as `cursor` for the next page; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A folder or an object in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// Its name; that of a folder ends with `/`.
    pub name: String,
    /// Of an object: its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Of an object: when it last changed, where the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub modified: Option<String>,
    /// The dataset that lies just there; missing: none does that the caller may know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
}
