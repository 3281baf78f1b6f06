//! Which page of a list that has no filters, or the one of lists of datasets.

use domain::decision::DatasetFacts;
use jiff::Timestamp;
use serde::Deserialize;

/// Which page of a list of datasets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskDatasets {
    /// Only those that are marked as curated, or only those that are not.
    pub(crate) curated: Option<bool>,
    /// The most items, 1 to 100.
    pub(crate) limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl AskDatasets {
    /// The filters, as a cursor is sealed to them.
    pub(crate) const fn filters(&self) -> [(&'static str, Option<&'static str>); 1] {
        [("curated", curated_word(self.curated))]
    }

    /// Whether a dataset is one of those asked for.
    pub(crate) fn wants(&self, facts: &DatasetFacts, now: Timestamp) -> bool {
        self.curated.is_none_or(|curated| facts.curated(now).is_some() == curated)
    }
}

/// What a filter for curated datasets says: a cursor is for one of these.
pub(crate) const fn curated_word(curated: Option<bool>) -> Option<&'static str> {
    match curated {
        Some(true) => Some("true"),
        Some(false) => Some("false"),
        None => None,
    }
}

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
