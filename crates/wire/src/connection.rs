//! Connections: that two people are known to each other.

use serde::{Deserialize, Serialize};

/// What is asked for a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewConnection {
    /// The name or id of the other person.
    pub to: String,
}

/// What the caller and somebody have agreed, or one of them asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    /// The id of the other person.
    pub user: String,
    /// The name of the other person.
    pub name: String,
    /// The id of who asked: the caller's, or the other's.
    pub by: String,
    /// When it was asked.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Until when it waits for an answer.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub waits_until: String,
    /// What has become of it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(pending|expired|accepted|rejected|cancelled|removed)$"))]
    pub state: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub since: String,
}

/// Whether the caller and somebody are connected, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connected {
    /// The id of the other person.
    pub user: String,
    /// The name of the other person.
    pub name: String,
    /// Whether they are: because they agreed, or by what both are named in.
    pub connected: bool,
    /// What they agreed, or one of them asked for; absent where that is nothing, or nothing that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Connection>,
    /// What both are named in.
    pub shared: Shared,
}

/// What two people are both named in, as far as the caller may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shared {
    /// Datasets that each of them owns or was granted by name.
    pub datasets: Vec<SharedDataset>,
    /// Projects of at most 500 people that both are in.
    pub projects: Vec<SharedProject>,
    /// Whether there may be more than these.
    pub more: bool,
}

/// A dataset that connects two people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharedDataset {
    /// Its id.
    pub id: String,
    /// The dataset, as `SOURCE:path/in/it`.
    pub place: String,
    /// Where people are asked first: since when both are named in it, an owner since its registration, whoever it was granted to since that was given or last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub since: Option<String>,
    /// Where people are asked first: whether that was before they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<bool>,
}

/// A project that connects two people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharedProject {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where people are asked first: since when both are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub since: Option<String>,
    /// Where people are asked first: whether that was before they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<bool>,
}
