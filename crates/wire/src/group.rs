//! Groups of people.

use serde::{Deserialize, Serialize};

use crate::project::Effects;

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
    /// What fills it: `manual`, its owner by hand; `synced`, a directory by ordered updates; `claimed`, the identity provider, whenever
    /// somebody signs in.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(manual|synced|claimed)$"))]
    pub kind: String,
    /// When its directory last said anything; its members count for seven days after. Only where it is `synced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub synced: Option<String>,
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
    /// Its name: 1 to 63 of `a-z0-9-`. A group that is `claimed` has the name that the provider has for it.
    pub name: String,
    /// What fills it: `manual`, without it, `synced` or `claimed`. A synced group begins as `loading`: its members count once it is `active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(manual|synced|claimed)$"))]
    pub kind: Option<String>,
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
    /// With `dry_run`: who would lose what, and which links would stop. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// What a directory says of people in a group that it keeps: up to 1,000 in both lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncAsk {
    /// The place of this in the directory's own order: an event's number, or its time in milliseconds since 1970, and no more than a day
    /// ahead of now taken as one. Of two words about a person the higher counts.
    pub order: u64,
    /// Names or ids of who is in it.
    #[serde(default)]
    pub add: Vec<String>,
    /// Names or ids of who is not. Whoever is in both lists is not.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// What became of an ordered update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncDone {
    /// The group.
    pub group: Group,
    /// How many memberships it changed or confirmed.
    pub changed: usize,
    /// Of how many people something of this order or a higher one was said before.
    pub late: usize,
    /// Where somebody who was to be removed is out: when that is in force everywhere. Missing where all of them stay in it, by a later word.
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
    /// Whether the person gets by it what the group has: not while the group is `loading` or `retired`, and not without a word of the
    /// provider or the directory within seven days.
    pub counts: bool,
    /// Until when it counts if no further word comes. Only where it counts, and a provider or a directory fills the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
}
