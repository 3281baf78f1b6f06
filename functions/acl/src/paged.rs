//! Which page of a list that has no filters.

use serde::Deserialize;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// The most items, 1 to 100.
    pub(crate) limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}
