//! Offers: a dataset's ownership, which passes to whoever accepts it.

use serde::{Deserialize, Serialize};

/// What is asked for an offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewOffer {
    /// The name or id of who is to own the dataset.
    pub to: String,
    /// Why: whom it is offered to reads it, and it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An offer of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// The id of the dataset.
    pub dataset: String,
    /// The dataset, as `SOURCE:path/in/it`.
    pub place: String,
    /// The id of who made it.
    pub by: String,
    /// The id of who is to own the dataset.
    pub to: String,
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
}

/// Why an offer is declined or taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndOffer {
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
