//! Problems: what every refusal looks like (RFC 9457, `application/problem+json`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A refusal or a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status, in words.
    pub title: String,
    /// The status, as a number.
    pub status: u16,
    /// What happened this time, for a person.
    pub detail: String,
    /// What happened, for a program: stable, listed in `docs/API.md`.
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request's id, to be quoted to whoever runs the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The fields that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Further facts, by code: `max_days`, `enforced_by`, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Where in the request's body: a JSON pointer (RFC 6901), `/until`.
    pub pointer: String,
    /// The problem code of this field.
    pub code: String,
}

/// How a refusal is answered.
#[cfg(feature = "openapi")]
#[derive(Debug, utoipa::ToResponse)]
#[response(description = "A refusal; `docs/API.md` lists the codes", content_type = "application/problem+json")]
pub struct Refused(pub Problem);
