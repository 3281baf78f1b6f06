//! Copies of datasets.

use serde::{Deserialize, Serialize};

/// What is asked for a copy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewCopy {
    /// Where it goes, as `SOURCE:path/in/it`: a folder that is empty; plain text, not percent-encoded.
    pub to: String,
}

/// A copy of a dataset, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Copy {
    /// Its id.
    pub id: String,
    /// The id of the dataset that is copied.
    pub original: String,
    /// The id of the dataset that it becomes.
    pub dataset: String,
    /// Where it goes, as `SOURCE:path/in/it`.
    pub place: String,
    /// How it stands.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(waiting|running|done|failed|cancelled)$"))]
    pub state: String,
    /// Objects copied by now.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects found alike on both sides by now, once all are copied.
    pub compared: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CopyFailure>,
    /// When it was asked for.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub ended: Option<String>,
}

/// Why a copy failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CopyFailure {
    /// Why, in a word.
    pub code: String,
    /// Why, in a sentence.
    pub reason: String,
    /// At which object: its key inside the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A copy that was asked for, or what it would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CopyTrial {
    /// Where it would go, as `SOURCE:path/in/it`.
    pub place: String,
    /// Objects that were counted.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether there are more than were counted.
    pub more: bool,
}
