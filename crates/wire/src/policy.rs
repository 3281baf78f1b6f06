//! The deployment's policy.

use serde::{Deserialize, Serialize};

use crate::{
    patch::present,
    source::{Ceilings, CeilingsEdit},
};

/// What binds everybody in the deployment, on top of what each source allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentPolicy {
    /// What nobody may exceed at any source.
    pub ceilings: Ceilings,
    /// Who opens a dataset to all accounts or the world: its `owners`, and who administers it for good; or of these only who is one of the deployment's
    /// `administrators`. What others would open waits for one of them.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(owners|administrators)$"))]
    pub openers: String,
    /// Whether a second person approves whatever opens a dataset to the world.
    pub second_person: bool,
    /// Counts its changes, 0 where there never was one; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// A change of the policy, as a merge patch (RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentPolicyEdit {
    /// Other ceilings.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ceilings: Option<CeilingsEdit>,
    /// Others who open datasets to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(owners|administrators)$"))]
    pub openers: Option<String>,
    /// Whether a second person approves whatever opens a dataset to the world.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub second_person: Option<bool>,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The policy after a change, or with what the change would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentPolicyChanged {
    /// The policy, as it is now; of a dry run, as it would be.
    pub policy: DeploymentPolicy,
    /// The sources at which another ceiling binds by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceBound>,
    /// Where the change narrows what is open: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// What becomes of the ceilings at one source: `audience`, `link_days_max`, `zones`, `hard_zones`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceBound {
    /// The source's id.
    pub source: String,
    /// Its name.
    pub name: String,
    /// Those by which less is open than before. How many links and datasets that shuts is not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tighter: Vec<String>,
    /// Those by which more is open than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looser: Vec<String>,
}
