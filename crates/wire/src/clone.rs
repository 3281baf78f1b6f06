//! Reference clones: a card of somebody's own that stands for a dataset.

use serde::{Deserialize, Serialize};

use crate::{dataset::Dataset, patch::present};

/// What is asked for a clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewClone {
    /// The id of the dataset; or of a clone, whose original is meant.
    pub dataset: String,
    /// What the caller calls it: 1 to 200 characters.
    pub title: String,
    /// What the caller says of it: at most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// A change of a clone, as a merge patch (RFC 7396). What it stands for never changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CloneEdit {
    /// What the caller calls it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub title: Option<String>,
    /// What the caller says of it; `null`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub notes: Option<Option<String>>,
}

/// A reference clone, for whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReferenceClone {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub title: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The dataset that it stands for; missing: it is not there any more, or not the caller's to know of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Dataset>,
    /// Where the original opens by the clone's own id, for whoever may read it, while the caller may know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Active or retired.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// Counts its changes; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// A clone that was retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CloneRetired {
    /// The clone.
    pub clone: ReferenceClone,
    /// When nothing opens by its address any more, anywhere, that it opened before.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: String,
}
