//! Projects.

use serde::{Deserialize, Serialize};

use crate::{dataset::Dataset, patch::present};

/// People who share datasets under one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name, which no two have.
    pub name: String,
    /// What its members may do with its datasets.
    pub policy: Policy,
    /// The caller's part in it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(member|leader|manager)$"))]
    pub role: String,
    /// How many manage it.
    pub managers: u32,
    /// Whether anybody gets anything by it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// Counts its own changes, not those of members and datasets; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// What the members of a project may do with its datasets. Its managers have the role `manager` on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// How much they see.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full)$"))]
    pub view: String,
    /// Whether they may store views in a dataset's name.
    pub figures: bool,
    /// How they may clone.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(none|files|full)$"))]
    pub clone: String,
}

/// What is asked of a policy; what is missing stays as it is, and in a new project is `view`, no figures and no clones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyAsk {
    /// `preview`, `view`, `download` or `full`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// Whether members may store views.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub figures: Option<bool>,
    /// `none`, `files` or `full`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub clone: Option<String>,
}

/// What is asked for a new project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewProject {
    /// Its name: 1 to 63 of `a-z0-9-`.
    pub name: String,
    /// Its policy.
    #[serde(default)]
    pub policy: PolicyAsk,
}

/// A change of a project, as a merge patch (RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectEdit {
    /// Another name. Those that it had lead to it still, and no other project gets them.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another policy.
    #[serde(default)]
    pub policy: PolicyAsk,
    /// `retired` takes it out: nobody gets anything by it. `active`: back in.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: Option<String>,
}

/// A project that was changed, or what a change would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectChanged {
    /// The project.
    #[serde(flatten)]
    pub project: Project,
    /// Where somebody may get less: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// With `dry_run`: what the change would do. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// A person in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Participant {
    /// The person's id.
    pub user: String,
    /// The person's name.
    pub name: String,
    /// As what: `leader` is a label, and gives no more than `member`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(member|leader|manager)$"))]
    pub role: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub since: String,
}

/// People to take in, or to give another role: up to 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParticipantsAsk {
    /// Their names or ids.
    pub users: Vec<String>,
    /// As what: `member`, without it, `leader` or `manager`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(member|leader|manager)$"))]
    pub role: Option<String>,
}

/// People to take out: up to 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParticipantsOut {
    /// Their names or ids.
    pub users: Vec<String>,
}

/// What became of a change of members, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParticipantsChanged {
    /// The id of the project.
    pub project: String,
    /// How many were not yet as wanted; none where nothing was written.
    pub changed: usize,
    /// Where somebody may get less: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// Those who are not in it yet: they are invited, and accept or decline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invited: Vec<crate::grant::Invitation>,
    /// With `dry_run`: what the change would do. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// Whose invitation into a project is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UninviteAsk {
    /// The id or name of the person that it waits for.
    pub user: String,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A dataset to put into a project, or to take out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlaceAsk {
    /// The dataset's id.
    pub dataset: String,
}

/// A dataset that was put into a project or taken out, or what that would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Placed {
    /// The dataset.
    pub dataset: Dataset,
    /// Where somebody may get less: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// With `dry_run`: what it would do. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// Who would gain and who would lose what by a change, on the datasets that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Effects {
    /// Who would have more than now, and what.
    pub gains: Vec<Effect>,
    /// Who would have less than now, and what. What somebody keeps by another way is not lost.
    pub loses: Vec<Effect>,
    /// Of how many pairs of a person and a dataset nothing is told, because there are over 1,000, or the caller does not administer the dataset.
    /// Whoever is in several groups of many may be counted for each.
    pub more: usize,
    /// It concerns members of a group or project that the caller may not know of, too: of those neither who nor how many is told.
    #[serde(default)]
    pub unnamed: bool,
    /// The ids of links on these datasets that would stop by it, of those that open now or may again; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links_ended: Vec<String>,
    /// Whether there may be others: over 100, or over 1,000 to look at.
    #[serde(default)]
    pub more_links: bool,
}

/// What one person would gain or lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Effect {
    /// The person's id.
    pub user: String,
    /// The person's name.
    pub name: String,
    /// The rights, on one of the datasets at the least; the weakest first.
    pub rights: Vec<String>,
    /// On how many datasets some of them.
    pub datasets: usize,
}
