//! The audit: who did what to which thing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its id; sorts by time.
    pub id: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// The id of who did it.
    pub actor: String,
    /// What, as `link.create`.
    pub verb: String,
    /// The id of the thing.
    pub target: String,
    /// The ids of what else the same write was about: of all of it for who may read the whole audit, else of what was asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// How it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// How it was after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where from: a keyed hash of the address. Within one month the same address has the same one, in another month another; it cannot be
    /// turned back. Missing where the address was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
