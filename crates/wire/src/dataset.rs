//! Datasets.

use serde::{Deserialize, Serialize};

/// A folder or an object inside a source, with one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dataset {
    /// Its id.
    pub id: String,
    /// The id of its source.
    pub source: String,
    /// What it is, as `SOURCE:path/in/it`.
    pub place: String,
    /// Its path inside the source; empty for the whole source.
    pub path: String,
    /// Its name: the last segment of its path, or its source's name.
    pub name: String,
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(zarr|folder|file)$"))]
    pub kind: String,
    /// The id of its owner.
    pub owner: String,
    /// Active or retired.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub registered: String,
    /// Counts its changes; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// What is asked for a new dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewDataset {
    /// The name or the id of its source.
    pub source: String,
    /// Its path inside the source; plain text, not percent-encoded. A trailing `/` may be left out: what is there decides.
    pub path: String,
}
