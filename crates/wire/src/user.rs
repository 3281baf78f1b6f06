//! People, and how they sign in.

use serde::{Deserialize, Serialize};

use crate::{patch::present, token::NewTokenMade};

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// The id, never given to a second person.
    pub id: String,
    /// The name, which no two have.
    pub name: String,
    /// Registers sources and sets ceilings. Gives no right to read.
    pub administrator: bool,
    /// Sees the audit, and who gets what on every dataset. Gives no right to read.
    #[serde(default)]
    pub auditor: bool,
    /// Marks datasets as curated. Gives no right to read.
    #[serde(default)]
    pub curator: bool,
    /// Whether the person may act.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|suspended)$"))]
    pub standing: String,
}

/// What is asked for a new person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUser {
    /// The name: 1 to 200 characters, none that controls, no `:` and no space around it.
    pub name: String,
    /// Whether the person is an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<bool>,
    /// Whether the person is an auditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auditor: Option<bool>,
    /// Whether the person is a curator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curator: Option<bool>,
}

/// A person who may sign in with a code, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invited {
    /// The person.
    pub user: User,
    /// What the person signs in with, once. It is shown again to the same request of the same session, and to nobody else.
    pub code: String,
    /// When the code ends.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: String,
}

/// A change of a person's account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserEdit {
    /// `suspended`: may not act, and the person's links stop. `active`: may again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(active|suspended)$"))]
    pub standing: Option<String>,
    /// Whether the person is an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub administrator: Option<bool>,
    /// Whether the person is an auditor.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub auditor: Option<bool>,
    /// Whether the person is a curator.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub curator: Option<bool>,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A person after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserChanged {
    /// The person.
    pub user: User,
    /// Where the person was suspended, or lost a role: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// Signing in: with a code, or with a token of the deployment's identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInAsk {
    /// The code, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A token of the provider's that is meant for this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Who signed in, and by which session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// The person.
    pub user: User,
    /// The session: a token with every scope that lives 12 hours, and may make others.
    pub session: NewTokenMade,
}

/// Blocking a person at a source: gets nothing there but what the person owns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockAsk {
    /// The person's name or id.
    pub user: String,
    /// Whether blocked.
    pub blocked: bool,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who is blocked at a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Blocks {
    /// The source's id.
    pub source: String,
    /// The people.
    pub blocked: Vec<User>,
    /// Where one was blocked: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}
