//! Groups of people.

use serde::{Deserialize, Serialize};

/// A named set of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its name, which no two have.
    pub name: String,
    /// The id of its owner, who changes its members and always is one.
    pub owner: String,
    /// Whether its members count.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|loading|retired)$"))]
    pub state: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// Counts its own changes; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// What is asked for a new group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewGroup {
    /// Its name: 1 to 63 of `a-z0-9-`.
    pub name: String,
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupEdit {
    /// `retired` takes it out: nobody gets anything by it. `active`: back in.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
}

/// A group that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupChanged {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// Where it was taken out: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// People to add or remove: up to 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Members {
    /// Their names or ids.
    pub users: Vec<String>,
}

/// What became of adding or removing people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembersChanged {
    /// The group.
    pub group: Group,
    /// How many were not yet as wanted.
    pub changed: usize,
    /// Where people were removed: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// A person in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The person's id.
    pub user: String,
    /// The person's name.
    pub name: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub since: String,
}
