//! Datasets.

use serde::{Deserialize, Serialize};

use crate::{patch::present, project::Effects};

/// A folder or an object inside a source, with one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dataset {
    /// Its id.
    pub id: String,
    /// The id of its source.
    pub source: String,
    /// What it is, as `SOURCE:path/in/it`.
    pub place: String,
    /// Its path inside the source; empty for the whole source.
    pub path: String,
    /// Its name: the last segment of its path, or its source's name.
    pub name: String,
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(zarr|folder|file)$"))]
    pub kind: String,
    /// The id of its owner.
    pub owner: String,
    /// For who administers it: the id of whom it is to belong to where its owner is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// Whom it is open to beside those it is granted to.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(private|project|accounts|world)$"))]
    pub visibility: String,
    /// Whom it is open to in effect, by itself or by what lies above it: as far as the source allows, and something is granted to them there.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(private|project|accounts|world)$"))]
    pub audience: String,
    /// When a curator marked it as curated; missing: none did, or it is open neither to all accounts nor to the world now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub curated: Option<String>,
    /// The id of the project that it is in; missing: in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The id of the link set that it is in, for who administers it; missing: in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_set: Option<String>,
    /// Whether what is granted above stops at it.
    pub restricted: bool,
    /// Whether what rests on it is stopped within 15 s: reading it and what lies in it by name, and the links that stand on it.
    #[serde(default)]
    pub strict: bool,
    /// Until when what was handed out before it became strict may read on; missing: it always was, or that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub given_until: Option<String>,
    /// What the caller may do with it, the weakest right first.
    pub rights: Vec<String>,
    /// Each level that its multiscale images are known to have, 0 being the finest; none: it has no such images, or nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<u8>,
    /// Active or retired; arriving while a copy is made into it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired|arriving)$"))]
    pub state: String,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub registered: String,
    /// Counts its changes; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// What is asked for a new dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewDataset {
    /// The name or the id of its source.
    pub source: String,
    /// Its path inside the source; plain text, not percent-encoded. A trailing `/` may be left out: what is there decides.
    pub path: String,
    /// Whether it is strict from the first moment. Where the path is a dataset already it has to be so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// A change of a dataset, as a merge patch (RFC 7396). Where it lies never changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetEdit {
    /// Whom it is open to beside those it is granted to; what they get is said by the grants to `accounts` and `world`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(private|project|accounts|world)$"))]
    pub visibility: Option<String>,
    /// Whether what is granted above stops at it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub restricted: Option<bool>,
    /// Whether what rests on it is stopped within 15 s, for a read of the table at each request.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub strict: Option<bool>,
    /// The name or id of whom it is to belong to where its owner is suspended; `null`: nobody. By its owner.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub successor: Option<Option<String>>,
    /// That it is to be open to more people, `accounts` or `world`, is meant: without it that is refused, and the refusal says what it opens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
    /// With the visibility `private` or `project`: every link on it is revoked in the same write. By a token for `links`, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_links: bool,
    /// With a visibility: why. It stands in the audit, and is needed to end links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A dataset after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetChanged {
    /// The dataset, as it is now.
    pub dataset: Dataset,
    /// Where somebody may get less than before, or for less long: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// A dataset after an edit, or what the edit would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the reply by its own name")]
pub struct DatasetEdited {
    /// The dataset, as it is now.
    pub dataset: Dataset,
    /// Where somebody may get less than before, or for less long: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// With the visibility `private` or `project`: the ids of the links on it that open all the same, or may again, at most 100. `end_links` ends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links_left: Vec<String>,
    /// Whether there may be others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_links: bool,
    /// Where it is open to fewer than before: what nobody can call back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond_recall: Vec<BeyondRecall>,
    /// With `dry_run`: who would gain and who would lose what on it by name, by a group or by a project. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
    /// With `dry_run`: what all accounts and the world would gain and lose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects_on_all: Vec<EffectOnAll>,
    /// With `dry_run`: whether it would wait for a second person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_person: bool,
    /// With `dry_run`: whom it would be open to in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(private|project|accounts|world)$"))]
    pub audience_then: Option<String>,
    /// Whether a curator marked it as curated, and that does not count, or would not, because it is open neither to all accounts nor to the world.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mark_asleep: bool,
    /// With `dry_run`, and a wider visibility: how many datasets in it are opened with it, those left out that are restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_below: Option<usize>,
    /// Whether there may be more of these: over 1,000 were not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_below: bool,
}

/// Something that is out of reach once it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BeyondRecall {
    /// What: `copies`, `signed-addresses` or `caches`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(copies|signed-addresses|caches)$"))]
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
    /// When it is over; missing: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
}

/// What everybody would gain and lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EffectOnAll {
    /// Who: every account, or the world.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(accounts|world)$"))]
    pub to: String,
    /// The rights that would come, the weakest first.
    pub gains: Vec<String>,
    /// Those that would go.
    pub loses: Vec<String>,
}

/// The levels of a dataset's multiscale images, after its metadata were read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelsRead {
    /// The dataset, as it is now.
    pub dataset: Dataset,
    /// What was found, the finest level first; none: nothing that is surely a pyramid.
    pub levels: Vec<LevelArrays>,
    /// Where less opens than before: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// The arrays of one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelArrays {
    /// The level; 0 is the finest.
    pub level: u8,
    /// Their folder below the dataset: `1/`, or `*/*/*/1/` for those of each image of a plate, by row, column and field.
    pub path: String,
}

/// Handing a dataset over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandOver {
    /// The new owner's name or id.
    pub to: String,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Retiring a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retire {
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A dataset that was retired, or what that would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retired {
    /// The dataset.
    pub dataset: Dataset,
    /// When that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// The ids of the links on it that ended, or would: of those that were open or might have been again, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links_ended: Vec<String>,
    /// Whether there may be others.
    #[serde(default)]
    pub more_links: bool,
    /// With `dry_run`: who would lose what. Nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// What is asked for a ticket: a short-lived address by which the caller's own tools read one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTicket {
    /// How long it lives, in minutes: 1 to 720; 720 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u16>,
}

/// A ticket: personal, and void with the caller's rights. Shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticket {
    /// Its id, by which it is revoked like a token.
    pub id: String,
    /// The dataset's id.
    pub dataset: String,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: String,
    /// Where the dataset opens with it. Whoever has it reads as the caller.
    pub url: String,
    /// The same, always streamed.
    pub streamed_url: String,
}
