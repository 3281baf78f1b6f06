//! Pages of a listing.

use serde::{Deserialize, Serialize};

/// One page of a listing. The reply's `Link` header names the next page too (`rel="next"`, RFC 8288).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// What was asked for, newest first where it has an age. May be shorter than `limit`, or empty, before the last page.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; missing on the last one. Sealed: it works for the same caller and filters, for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
