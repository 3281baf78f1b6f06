//! Grants: who gets what on a dataset. And what comes of asking who may.

use serde::{Deserialize, Serialize};

use crate::{curation::Mark, dataset::Dataset, link::RestsOn, project::Effects, source::Ceilings};

/// What a subject gets on a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grant {
    /// The dataset's id.
    pub dataset: String,
    /// Whom it is for: `user:ID`, `group:ID`, `accounts` or `world`.
    pub to: String,
    /// The person's or group's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a group: who says who is in it, and so gets this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GrantedGroup>,
    /// What they get.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full|manager)$"))]
    pub role: String,
    /// Whether they may make links, too.
    pub may_share: bool,
    /// With the role preview: from which level of multiscale images on chunks open, too; missing: by the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// From when on it counts; missing: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub not_before: Option<String>,
    /// When it ends; missing: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The networks that it counts from, as `192.0.2.0/24`; empty: every one.
    pub zones: Vec<String>,
    /// The id of who gave it.
    pub by: String,
    /// Whether it is an administrator's own, given in an emergency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// When it was given, or last changed.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Whether it counts, or was taken back.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|withdrawn)$"))]
    pub state: String,
    /// In a dataset's sharing, of a grant to `accounts` or `world`: whether anybody gets it, by the visibility of the dataset that it is on and the
    /// source's ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<bool>,
    /// Counts its changes; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// A group as whoever administers a dataset sees it that the group was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GrantedGroup {
    /// The id of its owner.
    pub owner: String,
    /// What fills it: `manual`, its owner by hand; `synced`, a directory by its owner's ordered updates; `claimed`, the identity provider.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(manual|synced|claimed)$"))]
    pub kind: String,
    /// Whether its members count.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|loading|retired)$"))]
    pub state: String,
}

/// A grant after it was given or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Given {
    /// The grant.
    #[serde(flatten)]
    pub grant: Grant,
    /// Where somebody may get less by it than by the one before: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// The ids of the other datasets of its link set, where this was given, too, or was there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// With `dry_run`: who would gain and who would lose what, and which links would stop. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// What is asked for a new grant, or for one to become.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewGrant {
    /// Whom it is for: `user:NAME` or `user:ID`, `group:NAME` or `group:ID`, `accounts` or `world`.
    pub to: String,
    /// What they get.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full|manager)$"))]
    pub role: String,
    /// Whether they may make links, too; from the role `view` up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_share: Option<bool>,
    /// With the role preview: from which level of multiscale images on chunks open, too; 1 is the first coarse one; missing: no chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub level: Option<u8>,
    /// From when on it counts: a date, which begins at midnight UTC, or an instant; missing: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// When it ends: days (`30d`), a date, an instant, or `never`, which it is if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The networks that it counts from, as `192.0.2.0/24`; empty or missing: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
}

/// What an administrator asks for himself in an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BreakGlass {
    /// Why: the dataset's owner sees it in the audit.
    pub reason: String,
    /// For how many hours: 1 to 24; 1 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 24))]
    pub hours: Option<u16>,
    /// What for; `view` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download)$"))]
    pub role: Option<String>,
}

/// A grant that is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WithdrawAsk {
    /// Whose: as in [`NewGrant::to`].
    pub to: String,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An e-mail address, as it was written. `Debug` prints `Email(***)`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Email(pub String);

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(***)")
    }
}

/// What is to wait for an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewInvitation {
    /// The address, whole: letters of either case are the same, and nothing else is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub email: Email,
    /// What its person gets.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full|manager)$"))]
    pub role: String,
    /// Whether the person may make links, too; from the role `view` up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_share: Option<bool>,
    /// With the role preview: from which level of multiscale images on chunks open, too; 1 is the first coarse one; missing: no chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub level: Option<u8>,
    /// From when on the grant counts: a date, which begins at midnight UTC, or an instant; missing: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// When the grant ends: days from now (`30d`), a date, an instant, or `never`, which it is if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The networks that it counts from, as `192.0.2.0/24`; empty or missing: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
}

/// An invitation that was sent: the same answer whether or not anybody has an account with the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationSent {
    /// The address, as it was written.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub email: Email,
    /// What stands for the address in lists.
    pub address: String,
    /// The dataset's id.
    pub dataset: String,
    /// What its person gets.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full|manager)$"))]
    pub role: String,
    /// Until when it waits.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub waits_until: String,
}

/// An invitation: to an e-mail address, which nobody is shown, for only what stands for it is kept; or to a person, who accepts or declines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// What stands for the address that it waits for; missing: it waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id of the person that it waits for; missing: it waits for an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of that person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of the dataset that it is to; missing: it is into a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The id of the project that it is into; missing: it is to a dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Among the caller's own: where the dataset is, as `SOURCE:path/in/it`, or the project's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What its person gets: on a dataset `preview`, `view`, `download`, `full` or `manager`, in a project `member`, `leader` or `manager`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download|full|manager|member|leader)$"))]
    pub role: String,
    /// Whether the person may make links, too.
    pub may_share: bool,
    /// With the role preview: from which level of multiscale images on chunks open, too; missing: by the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// From when on the grant counts; missing: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub not_before: Option<String>,
    /// When the grant ends; missing: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The networks that it counts from; empty: every one.
    pub zones: Vec<String>,
    /// The id of who sent it.
    pub by: String,
    /// Among the caller's own: the name of who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// When it was sent.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// Until when it waits.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub waits_until: String,
    /// What has become of it: `waiting`; `met`, once its person has signed in, or accepted; `declined`; `withdrawn`; `ended`, where nobody came.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(waiting|met|declined|withdrawn|ended)$"))]
    pub state: String,
}

/// An invitation that is taken back: by its address, by what stands for it in lists, or by its person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UninviteAsk {
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub email: Option<Email>,
    /// What stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id or name of the person that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A grant that was taken back, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Withdrawn {
    /// The grant.
    pub grant: Grant,
    /// When that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// By which other ways the person still reaches the dataset; empty: by none, or it was not a person's grant.
    pub remains: Vec<Way>,
    /// The ids of the person's links on the dataset that do not open any more, of those looked at; and on the others of its link set.
    pub links_ended: Vec<String>,
    /// The ids of the other datasets of its link set, where it was taken back, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Whether a curator marked the dataset as curated, and that does not count, or would not, because without this it is open neither to all accounts
    /// nor to the world.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mark_asleep: bool,
    /// With `dry_run`: who would lose what, and which links would stop. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// One way by which a person gets rights at a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Way {
    /// By what: `owner`, `user`, `group:ID`, `project:ID` (a grant to its members, or its policy), `accounts` or `world`.
    pub by: String,
    /// The id of the dataset that it was given on: this one, or one above.
    pub on: String,
    /// What it gives, the weakest right first.
    pub rights: Vec<String>,
    /// From which level of multiscale images on it opens chunks; missing: by its rights, every one or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// When it ends; missing: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// Whether its conditions hold, for a request from where this one came from.
    pub holds: bool,
}

/// Everyone who can reach a dataset, and by which path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sharing {
    /// The dataset.
    pub dataset: Dataset,
    /// The id of its owner.
    pub owner: String,
    /// Owners of datasets above, who own it too.
    pub owners_above: Vec<OwnerAbove>,
    /// The projects that it, or what reaches it from above, is in. Their managers have the role `manager` on it.
    #[serde(default)]
    pub projects: Vec<SharingProject>,
    /// The grants on it and on what reaches it from above.
    pub grants: Vec<Grant>,
    /// The curators' mark on it, whether or not it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// What its source allows at the most.
    pub ceilings: Ceilings,
    /// What the deployment allows at the most: what is narrower of both binds. Missing where its policy bounds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_ceilings: Option<Ceilings>,
    /// The ids of those who are blocked at its source.
    pub blocked: Vec<String>,
    /// The ids of those among the owners, and among the people in `grants`, who are suspended: they get none of this for the time being.
    #[serde(default)]
    pub suspended: Vec<String>,
    /// Links that open it or a part of it, now or again: those on it, then those on datasets above.
    pub links: Vec<SharedLink>,
    /// Whether there may be more links than are shown: they are listed at `sharing/links`.
    pub more_links: bool,
    /// What waits on it for e-mail addresses, and for people who are to accept, of the latest 100.
    #[serde(default)]
    pub invitations: Vec<Invitation>,
    /// Whether there are more invitations than were looked at.
    #[serde(default)]
    pub more_invitations: bool,
}

/// A project by which people reach a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharingProject {
    /// The id of the dataset that is in it: this one, or one above.
    pub dataset: String,
    /// The id of the project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// What its policy gives a member, the weakest right first.
    pub rights: Vec<String>,
    /// Whether anybody gets that: the visibility is `project` or wider, and the project is not retired.
    pub counts: bool,
}

/// Who owns a dataset above, and so this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnerAbove {
    /// The id of the dataset.
    pub dataset: String,
    /// The id of its owner.
    pub owner: String,
}

/// A link among those who reach a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharedLink {
    /// Its id.
    pub id: String,
    /// The id of the dataset that it stands on: the one that is asked about, or one above.
    pub dataset: String,
    /// The path below that dataset that it opens.
    pub path: String,
    /// Its class.
    pub class: String,
    /// Its state.
    pub state: String,
    /// The id of its maker.
    pub maker: String,
    /// When it ends by itself; missing: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The conditions of its maker's right to share, any of which suffices: it opens no longer and from nowhere else. Missing: there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<RestsOn>,
}

/// May this person do this to that?
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckAsk {
    /// The dataset's id; or that of a clone, whose original is meant.
    pub dataset: String,
    /// Whom it is about: a user's name or id; missing: the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What: `read`, `list`, `see`, `share`, `register`, `grant`, `clone` or `hand-over`.
    pub action: String,
    /// The path below the dataset, for `read` and `list`; missing: the dataset itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The address that the request would come from; missing: where this one comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The answer of the one decision, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// The id of the dataset that this is about: for a clone that was asked about, its original's.
    pub dataset: String,
    /// Whether it would be allowed.
    pub allowed: bool,
    /// The problem code of the rule that says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// That rule, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the person may do there, the weakest right first.
    pub rights: Vec<String>,
    /// From which level of multiscale images on chunks open to the person; missing: by the rights, every one or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Every way by which the person gets rights there.
    pub ways: Vec<Way>,
    /// Every gate, open or shut.
    pub gates: Vec<Gate>,
}

/// One thing that has to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    /// Which.
    pub gate: String,
    /// Whether it is open.
    pub open: bool,
}
