//! Passes for links that ask for one.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// What is asked for a pass. In a body, because a key in a query would stand in logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPass {
    /// The URL of the link, of anything in it, or the bare key.
    pub url: String,
    /// The link's password, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Secret>,
    /// The ids of the data-use terms that whoever asks has read and accepts, where the link's data ask for any: a refusal names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
}

/// A pass: an address by which a link opens for a short while, to whoever has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pass {
    /// When it ends; sooner, where the link's password changes.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: String,
    /// The address, shown once.
    pub url: String,
    /// The same, always streamed: never a redirect.
    pub streamed_url: String,
}
