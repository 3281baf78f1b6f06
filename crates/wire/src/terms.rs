//! Data-use terms.

use serde::{Deserialize, Serialize};

/// Data-use terms, which a reader accepts before the first byte where a source or the deployment's policy asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Terms {
    /// Their id: made of the text, so another text has another.
    pub id: String,
    /// The first line of the text.
    pub title: String,
    /// The whole text, plain.
    pub text: String,
}

/// What is asked to add terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTerms {
    /// The text, plain, whose first line is its title: up to 20,000 bytes.
    pub text: String,
}
