//! Links.

use serde::{Deserialize, Serialize};

use crate::{patch::present, problem::Problem, secret::Secret};

/// What is asked for a new link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLink {
    /// The id of the dataset that it stands on.
    pub dataset: String,
    /// The path below the dataset: a folder with a trailing `/`, or one object; missing or empty for all of it. Plain text, not percent-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What it is for; `collaboration` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(collaboration|review|publication|event)$"))]
    pub class: Option<String>,
    /// When it ends: days (`30d`), an RFC 3339 instant, a date (the last day on which it opens, UTC), or `never`; by its class if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When it begins: an RFC 3339 instant or a date (UTC); at once if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// What only its maker sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Stopped within 15 s of a revoke, at the price of speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// The most that it gives; `download` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download)$"))]
    pub role: Option<String>,
    /// The networks that it opens from, as `192.0.2.0/24`; empty or missing: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Whether bytes leave for these networks only: then every answer is streamed, and the name in the URL is neutral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_zones: Option<bool>,
    /// Whether nobody is shown what is in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_listing: Option<bool>,
    /// With the role `preview`: from which level of multiscale images on chunks open, too. 0 is the finest, and cannot be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub level: Option<u8>,
    /// A password without which it opens nothing: 8 characters or more. Such a link is always a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Secret>,
    /// How many passes it gives in all; as many as are asked for, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub sessions_max: Option<u32>,
    /// How many requests it answers in a second, by each process that serves, ten seconds' worth of them at once; as many as come, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10_000))]
    pub requests_per_second: Option<u32>,
    /// About how many bytes it gives in a day (UTC); as many as are asked for, if missing. Only where the deployment counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub bytes_per_day: Option<u64>,
    /// Whether it gets a code of eight characters for print, by which whoever guesses it reads, too. A publication link has one always, an event
    /// link if this is `true`, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<bool>,
}

/// What a link would be that is asked for: nothing was written, and it has no address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkTrial {
    /// What it would open, as `SOURCE:path/in/it`.
    pub place: String,
    /// What it would be for.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(collaboration|review|publication|event)$"))]
    pub class: String,
    /// The most that it would give.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download)$"))]
    pub role: String,
    /// When it would end, by its maker's wish or its source's ceiling, whichever is first; missing: by neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The conditions of the caller's right to share, any of which suffices: it would open no longer and from nowhere else. Missing: there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<RestsOn>,
    /// Were it revoked: how many seconds after the reply its URLs would work at most.
    pub stops_within_secs: u32,
    /// How many restricted parts it would leave out.
    pub left_out: usize,
}

/// The link that is there for what was asked, or what one would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LinkOrTrial {
    /// The link.
    Link(Box<Link>),
    /// What it would be.
    Trial(LinkTrial),
}

/// A change of a link, as a merge patch (RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkEdit {
    /// Another end, as in a new link; days count from the edit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub until: Option<String>,
    /// Another beginning; `null`: at once.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub not_before: Option<Option<String>>,
    /// Another label.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub label: Option<String>,
    /// Strict or not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub strict: Option<bool>,
    /// Another role.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, pattern = "^(preview|view|download)$"))]
    pub role: Option<String>,
    /// Other networks; an empty list: every one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub zones: Option<Vec<String>>,
    /// Bytes for these networks only, or not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub hard_zones: Option<bool>,
    /// Hide what is in folders, or not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub hide_listing: Option<bool>,
    /// Chunks from another level on; `null`: no chunk.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>, minimum = 1))]
    pub level: Option<Option<u8>>,
    /// Another password; `null`: none. What was given for the old one is void.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Option<Secret>>,
    /// Another number of passes in all, those that were given counted; `null`: as many as are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub sessions_max: Option<Option<u32>>,
    /// Another number of requests in a second; `null`: as many as come.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 10_000))]
    pub requests_per_second: Option<Option<u32>>,
    /// Another number of bytes in a day; `null`: as many as are asked for. A higher one lets a link that gave too much open again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>, minimum = 1))]
    pub bytes_per_day: Option<Option<u64>>,
}

/// A link, as its maker or the owner of its dataset sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the reply by its own name")]
pub struct Link {
    /// Its id. It names the link and opens nothing.
    pub id: String,
    /// The id of the dataset that it stands on.
    pub dataset: String,
    /// The id of that dataset's source.
    pub source: String,
    /// What it opens, as `SOURCE:path/in/it`.
    pub place: String,
    /// The path below the dataset; empty for all of it.
    pub path: String,
    /// The last segment in its URL.
    pub name: String,
    /// What it is for.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(collaboration|review|publication|event)$"))]
    pub class: String,
    /// What its maker calls it; only for the maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is now.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(live|paused|not-yet|expired|stopped|revoked|withdrawn)$"))]
    pub state: String,
    /// When it ends, by its maker's wish or its source's ceiling, whichever is first; missing: by neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The conditions of its maker's right to share, any of which suffices: whatever its own `until` and `zones` say, it opens no longer and from
    /// nowhere else. Missing: that right has none, or the link is the dataset's own act. Somebody else than its maker, and a list, are told of the
    /// right that it was made by, while that holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<RestsOn>,
    /// When it begins; missing: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub not_before: Option<String>,
    /// Stopped within 15 s of a revoke.
    pub strict: bool,
    /// The most that it gives.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(preview|view|download)$"))]
    pub role: String,
    /// The networks that it opens from; empty: every one.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Whether bytes leave for these networks only.
    #[serde(default)]
    pub hard_zones: bool,
    /// Whether nobody is shown what is in a folder.
    #[serde(default)]
    pub hide_listing: bool,
    /// From which level of multiscale images on chunks open; missing: by its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Whether it has a password.
    #[serde(default)]
    pub password: bool,
    /// How many passes it gives in all; missing: as many as are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_max: Option<u32>,
    /// Where one link is shown to its maker, and gives so many passes in all: how many it has given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_given: Option<u32>,
    /// How many requests it answers in a second, by each process that serves; missing: as many as come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// About how many bytes it gives in a day (UTC); missing: as many as are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_day: Option<u64>,
    /// Until when it gives nothing, because it gave more than its budget; missing: it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub over_until: Option<String>,
    /// Until when what was handed out before reads on, whatever is done to the link: while it has only just become strict; missing: no
    /// longer than its bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub given_until: Option<String>,
    /// Were it revoked now: how many seconds after the reply its URLs work at most, by its class, `strict`, and its dataset's. An older server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_within_secs: Option<u32>,
    /// The dataset's act rather than its maker's: it outlives its maker's rights.
    pub stewarded: bool,
    /// The id of who made it.
    pub maker: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// Counts its edits; the `ETag` of the reply is this number in quotes.
    pub version: u64,
    /// The record of its revoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
    /// What stands for the link in print: eight characters, typed in either case, with or without hyphens. Only for the maker, by a token with the
    /// scope `links`; missing: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-HJKMNP-TV-Z]{8}$"))]
    pub code: Option<String>,
    /// The page for people that shows the link, by its code or its key: what a QR code of it holds, at `/qr.svg` and `/qr.png` below it. A path of
    /// the app's own origin where the deployment was not told its address. Missing as `url` is, but where there is a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The URL that opens it; only for the maker, by a token with the scope `links`, and only while the deployment holds the secret that it was
    /// made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The same, always streamed: never a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streamed_url: Option<String>,
    /// The same, for S3 clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Address>,
    /// Why `url`, `streamed_url` and `s3` are missing: `not-maker`, somebody else made it; `scope`, the token lacks `links`; `secret`, nobody
    /// can show them again, because the deployment holds another secret than the one that the link was made with, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^(not-maker|scope|secret)$"))]
    pub no_url: Option<String>,
}

/// How long and from where the maker of a link may share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestsOn {
    /// When that right ends; missing: it does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: Option<String>,
    /// The networks from where it counts; missing: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
}

/// The record of a revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revoked {
    /// When.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub at: String,
    /// The id of who did it.
    pub by: String,
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A link as an S3 client addresses it: anonymous, read-only, path-style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct S3Address {
    /// The endpoint.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// What every key begins with; the key itself where the link opens one object.
    pub prefix: String,
}

/// A link after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// The link, as it is now.
    pub link: Link,
    /// Where the change narrows what the link opens: when that is in force everywhere, whatever was handed out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// Why a link, or all links of a dataset, are revoked. A publication link cannot be withdrawn without a reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeAsk {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The end of every link that a dataset had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetLinksRevoked {
    /// The id of the dataset.
    pub dataset: String,
    /// When that is in force everywhere.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: String,
}

/// Which link a URL, or the key in it, belongs to. In a body, because a key in a query would stand in logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResolveAsk {
    /// The URL of a link, of anything in it, or the bare key.
    pub url: String,
}

/// Up to 1,000 new links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchCreate {
    /// Each as for a single one.
    pub items: Vec<NewLink>,
}

/// Up to 1,000 links to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchRevoke {
    /// Their ids.
    pub ids: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Up to 1,000 links to extend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchExtend {
    /// Their ids.
    pub ids: Vec<String>,
    /// When each ends at the earliest: `30d`, `2027-01-31`, an instant, or `never`. One that ends later already stays as it is.
    pub until: String,
}

/// Where a link is moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetargetAsk {
    /// The id of the dataset.
    pub dataset: String,
    /// A path inside it; a folder ends with `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why: it stays with the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a review link becomes a publication link with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PromoteAsk {
    /// When it ends from then on: `30d`, `2027-01-31`, an instant, or `never`, as which it is without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why: it stays with the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A link that became a publication link, or with `dry_run` would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Promoted {
    /// The link.
    pub link: Link,
    /// Whether whoever reads by it sees the bucket and the path in it from now on: what a review link hides, a publication link hides only where
    /// hard zones stream it. Its name in the URL stays what it was.
    pub shows_path: bool,
    /// Where it has an end, which may be sooner than the one before: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
}

/// What became of each item of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// One for each item asked, in the same order.
    pub items: Vec<BatchItem>,
}

/// What became of one item: a link or a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchItem {
    /// Its place in the request, from 0.
    pub index: usize,
    /// The status that it would have had alone.
    pub status: u16,
    /// The link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Where it was revoked: when that is in force everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // SECURITY T2
    #[test]
    fn a_request_with_a_field_that_is_not_the_callers_is_refused() {
        for field in ["maker", "owner", "stewarded", "by", "id", "version", "name"] {
            let ask = json!({ "dataset": "d", field: "x" });
            assert!(serde_json::from_value::<NewLink>(ask).is_err(), "{field}");
            assert!(serde_json::from_value::<LinkEdit>(json!({ field: "x" })).is_err(), "{field}");
        }
    }

    // RFC 7396
    #[test]
    fn null_clears_what_may_be_empty_and_nothing_else() {
        let read = |patch| serde_json::from_value::<LinkEdit>(patch).ok();
        assert_eq!(read(json!({})), Some(LinkEdit::default()));
        assert_eq!(read(json!({ "not_before": null })), Some(LinkEdit { not_before: Some(None), ..LinkEdit::default() }));
        assert_eq!(read(json!({ "password": null })), Some(LinkEdit { password: Some(None), ..LinkEdit::default() }));
        assert_eq!(read(json!({ "until": "3d" })), Some(LinkEdit { until: Some("3d".to_owned()), ..LinkEdit::default() }));
        for field in ["until", "label", "strict", "role", "zones", "hard_zones", "hide_listing"] {
            assert_eq!(read(json!({ field: null })), None, "{field}");
        }
    }
}
