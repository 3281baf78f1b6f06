//! Sources, and what the deployment as a whole does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::patch::present;

/// A registered bucket and prefix.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the reply by its own name")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Its id.
    pub id: String,
    /// Its name in `NAME:PATH`.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The folder inside the bucket that it stands for; empty for all of it.
    pub prefix: String,
    /// The region that signatures name.
    pub region: String,
    /// The S3 endpoint's origin; missing: the deployment's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path rather than in the host name.
    pub path_style: bool,
    /// The ARN of the role that signs for it; missing: the deployment's signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The `ExternalId` that the role's trust policy has to demand: made here, one a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Whether whoever reads pays.
    pub requester_pays: bool,
    /// What nobody may exceed, as the source has it.
    pub ceilings: Ceilings,
    /// What nobody may exceed in the whole deployment: what is narrower of both binds. Missing where its policy bounds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_ceilings: Option<Ceilings>,
    /// Whether copies may be made into it: by default nothing in it is ever written to.
    #[serde(default)]
    pub writable: bool,
    /// Off: nothing of it is signed or streamed.
    pub serving: bool,
    /// Active or retired.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(active|retired)$"))]
    pub state: String,
    /// The id of the dataset of its own prefix.
    pub root: String,
    /// Counts its edits; the `ETag` of the reply is this number in quotes.
    pub version: u64,
}

/// What nobody may exceed at a source, its owners neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ceilings {
    /// The widest audience.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(named|accounts|link|world)$"))]
    pub audience: String,
    /// The longest life of a link, in days from its making; missing: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_days_max: Option<u32>,
    /// The networks that bytes and names of objects go to, as `192.0.2.0/24`; empty or missing: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Whether bytes leave for these networks only: then everything is streamed, because a redirect's URL works from everywhere.
    #[serde(default)]
    pub hard_zones: bool,
    /// The id of the data-use terms that a reader accepts before the first byte, `GET /api/v1/terms/{id}`; missing: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
}

/// What is asked for a new source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSource {
    /// Its name in `NAME:PATH`: 1 to 63 of `a-z0-9-`.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The folder inside the bucket; missing or empty for all of it. Its trailing `/` may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The region that signatures name.
    pub region: String,
    /// The S3 endpoint's origin, `https://host[:port]`; missing: the deployment's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path; if missing, it does where an endpoint is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_style: Option<bool>,
    /// The ARN of a role that signs for it. Its `ExternalId` is made here and stands in the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether whoever reads pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_pays: Option<bool>,
    /// Whether copies may be made into it; not, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// What nobody may exceed; if missing, audience `link` and no bound on a link's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceilings: Option<Ceilings>,
}

/// A change of a source, as a merge patch (RFC 7396). Where it lies never changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceEdit {
    /// Other ceilings.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ceilings: Option<CeilingsEdit>,
    /// Whether copies may be made into it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub writable: Option<bool>,
    /// `retired` takes it out, `active` back in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(active|retired)$"))]
    pub state: Option<String>,
    /// Whether it is served.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub serving: Option<bool>,
    /// Why: it stands in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A change of ceilings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CeilingsEdit {
    /// Another widest audience.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(named|accounts|link|world)$"))]
    pub audience: Option<String>,
    /// Another longest life of a link, in days; `null`: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub link_days_max: Option<Option<u32>>,
    /// Other networks; an empty list: every one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub zones: Option<Vec<String>>,
    /// Bytes for these networks only, or not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub hard_zones: Option<bool>,
    /// The id of other data-use terms; `null`: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub terms: Option<Option<String>>,
}

/// A source after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceChanged {
    /// The source, as it is now.
    pub source: Source,
    /// Where the change narrows what links open: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// What a look at a source found, and what to paste into its bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Doctor {
    /// The id of the source.
    pub source: String,
    /// Whether every finding is good.
    pub healthy: bool,
    /// One for each thing that was tried.
    pub findings: Vec<Finding>,
    /// The CORS configuration that browsers need on the bucket.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub bucket_cors: Value,
    /// The bucket policy that bounds what a signed URL can do.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub bucket_policy: Value,
}

/// What one try at a source found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What was tried.
    pub check: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The panic switch: whether anything is served at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServingAsk {
    /// On or off, for every source.
    pub serving: bool,
    /// Why: it stands in the audit.
    pub reason: String,
}

/// The panic switch after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Serving {
    /// On or off, for every source.
    pub serving: bool,
    /// How many sources there are.
    pub sources: usize,
    /// Where it was switched off: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}
