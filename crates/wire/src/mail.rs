//! What mails ask, answered by a program.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The answer to what a mail asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redeem {
    /// What stands at the end of the address in the mail.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: Secret,
    /// The answer.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(accept|decline)$"))]
    pub answer: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redeemed {
    /// What was asked.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(connection|invitation|offer)$"))]
    pub asked: String,
    /// The answer.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(accept|decline)$"))]
    pub answer: String,
    /// The id of who asked.
    pub by: String,
    /// The id of the dataset that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The id of the project that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}
