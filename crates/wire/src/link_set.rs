//! Link sets: datasets that are shared together.

use serde::{Deserialize, Serialize};

/// What is asked for a new link set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLinkSet {
    /// What people call it: at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The ids of its datasets: 1 to 40, each in no other set.
    pub datasets: Vec<String>,
}

/// Datasets that come into a link set, or leave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkSetDatasets {
    /// Their ids.
    pub datasets: Vec<String>,
}

/// Datasets that are shared together: whoever gets the role full, or more, on one of them gets it on all, or on none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkSet {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The ids of its datasets, of those that the caller may know of.
    pub datasets: Vec<String>,
    /// Where these are, as `SOURCE:path/in/it`, in the same order.
    #[serde(default)]
    pub places: Vec<String>,
    /// How many others are in it.
    pub others: usize,
    /// The id of who made it, which gives no right on it.
    pub by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// `active`, or `retired`: without datasets, and for good.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
    /// Counts its changes, and whatever was given or taken by it.
    pub version: u64,
}
