//! Curation: the curators' mark on a dataset, and requests for it.

use serde::{Deserialize, Serialize};

/// Why: it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// Why: whoever asked, or is asked, reads it, and it stands in the audit.
    pub reason: String,
}

/// Why a request is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndCurationRequest {
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A request for the curators' mark on a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CurationRequest {
    /// Its id.
    pub id: String,
    /// The id of the dataset.
    pub dataset: String,
    /// The dataset, as `SOURCE:path/in/it`.
    pub place: String,
    /// The id of who made it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Until when it waits.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub waits_until: String,
    /// What has become of it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(waiting|ended|accepted|declined|withdrawn)$"))]
    pub state: String,
    /// What the curator said who answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The curators' mark on a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mark {
    /// The id of the curator.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was set.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Whether it counts: only while the dataset is open to all accounts or the world.
    pub counts: bool,
}
