//! Openings that wait for a second person.

use serde::{Deserialize, Serialize};

use crate::{dataset::EffectOnAll, grant::Invitation};

/// What somebody asked to open to all accounts or the world: one of `visibility`, `restricted` and `grant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Opening {
    /// Its id.
    pub id: String,
    /// The id of the dataset.
    pub dataset: String,
    /// The dataset, as `SOURCE:path/in/it`.
    pub place: String,
    /// The visibility that it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// `false`: what is granted above is to reach it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted: Option<bool>,
    /// What is to be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<OpeningGrant>,
    /// The id of who asked.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was asked.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Until when it waits.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub waits_until: String,
    /// What has become of it. `ended`: it was not answered in time, or the dataset is so by now.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(waiting|ended|accepted|declined|withdrawn)$"))]
    pub state: String,
    /// Why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// While it waits, and who asked may do so still: what all accounts and the world would gain by it, as the dataset is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects_on_all: Vec<EffectOnAll>,
    /// As long: all that is granted to everybody there and above and would reach it, what begins later and what a ceiling keeps shut among it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_all: Vec<OpeningGrant>,
    /// In lists, as long: how many datasets in it would be opened with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_below: Option<usize>,
    /// Whether there may be more than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_below: bool,
    /// The version of the dataset that this was said of: approving names it in `If-Match`, in quotes. Absent for who may not know of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_version: Option<u64>,
}

/// A grant to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpeningGrant {
    /// `accounts` or `world`.
    pub to: String,
    /// The role.
    pub role: String,
    /// From which level on chunks open by the role `preview`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// From when on it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub not_before: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// From which networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
}

/// What a grant waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Waits {
    /// For its person to accept.
    Invitation(Box<Invitation>),
    /// For a second person to approve.
    Opening(Box<Opening>),
}

/// Why an opening is declined.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclineOpening {
    /// Why: whoever asked reads it.
    pub reason: String,
}
