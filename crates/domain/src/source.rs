//! Sources: a bucket and a prefix that an administrator registered, with the ceilings that bind everybody.

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    grant::{Net, Zones},
    id::{DatasetId, SourceId, TermsId},
    limits::LABEL_CHARS_MAX,
    path::ObjectPath,
    policy::DeploymentPolicy,
    terms::Unmet,
};

/// The short name of a source, as in `NAME:PATH`: 1 to 63 of `a-z0-9-`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceName(String);

/// The text is no source name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a source's name has 1 to 63 of `a-z`, `0-9` and `-`, and begins with a letter or digit")]
pub struct SourceNameError;

impl SourceName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`SourceNameError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SourceNameError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=63).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(SourceNameError) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who a link may open for, at the most. Ordered: each holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Named people and groups only: no links.
    Named,
    /// Everybody with an account here.
    Accounts,
    /// Whoever holds a link.
    Link,
    /// Everybody: publication links too.
    World,
}

/// What nobody may exceed at a source, its owners neither. Judged at use, not only at creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceilings {
    /// The widest audience.
    pub audience: Audience,
    /// The longest life of a link, in days from its making; `None`: no bound.
    pub link_days_max: Option<u32>,
    /// From where bytes and names of objects may be had at all.
    pub zones: Zones,
    /// Whether bytes leave for these zones only: then everything is streamed, because a signed URL works from everywhere.
    pub hard_zones: bool,
    /// The data-use terms that a reader accepts before the first byte; `None`: none.
    pub terms: Option<TermsId>,
}

/// Whose ceiling it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CeilingOf {
    /// The source's own.
    Source,
    /// The deployment's policy's.
    Deployment,
}

impl CeilingOf {
    /// The word in answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Deployment => "deployment",
        }
    }

    /// What allows or forbids, in a sentence.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Source => "the source",
            Self::Deployment => "the deployment",
        }
    }
}

impl Ceilings {
    /// Nothing is bounded.
    pub const NONE: Self =
        Self { audience: Audience::World, link_days_max: None, zones: Zones::EVERYWHERE, hard_zones: false, terms: None };

    /// Whether somebody may get less by them than by those before.
    #[must_use]
    pub fn narrows(&self, before: &Self) -> bool {
        let shorter = self.link_days_max.is_some_and(|days| before.link_days_max.is_none_or(|before| days < before));
        let harder = self.are_zones_hard() && !before.are_zones_hard();
        let asks = self.terms.is_some_and(|terms| before.terms != Some(terms));
        shorter || harder || asks || self.audience < before.audience || !before.zones.lie_in(&self.zones)
    }

    /// Whether bytes must not leave for anywhere but the zones.
    #[must_use]
    pub const fn are_zones_hard(&self) -> bool {
        self.hard_zones && !self.zones.is_everywhere()
    }
}

/// Where the bytes are, and who signs for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The bucket's name.
    pub bucket: String,
    /// The region that signatures name, `eu-central-1`.
    pub region: String,
    /// The S3 endpoint's origin, `https://s3.example.org`; `None`: the deployment's own store.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path (`true`) or in the host name (`false`).
    pub path_style: bool,
    /// The role that signs for this source; `None`: the deployment's signer.
    pub role: Option<Role>,
    /// Whether whoever reads pays: `x-amz-request-payer` stands in every signed query.
    pub requester_pays: bool,
}

/// A role in this or another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The role's ARN.
    pub arn: String,
    /// The `ExternalId` that its trust policy demands (the confused deputy, SECURITY T14).
    pub external_id: Option<String>,
}

/// Whether an item takes part at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// Its owner or an administrator took it out.
    Retired,
    /// A dataset that a copy is being made into: it counts for nothing until that is done.
    Arriving,
}

/// A registered bucket and prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Its name in `NAME:PATH`.
    pub name: SourceName,
    /// Where the bytes are.
    pub store: Store,
    /// The folder inside the bucket that it stands for; the root for the whole bucket.
    pub prefix: ObjectPath,
    /// What nobody may exceed, as the source itself has it. What binds is narrower where the policy's is: ask the source's methods.
    pub ceilings: Ceilings,
    /// What nobody may exceed anywhere in the deployment.
    pub policy: DeploymentPolicy,
    /// Whether copies may be made into it: by default nothing here is ever written to.
    pub writable: bool,
    /// Off by the panic switch: nothing is signed or streamed.
    pub serving: bool,
    /// Active or retired.
    pub state: State,
    /// The dataset of the source's own prefix.
    pub root: DatasetId,
    /// Counts every accepted change.
    pub version: u64,
}

/// Why a source cannot be registered or changed so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// Two sources over the same keys could have different ceilings (SECURITY T16).
    #[error("the prefix overlaps that of source `{other}`")]
    Overlap {
        /// The source that is there already.
        other: String,
    },
    /// The bucket's name is none.
    #[error("`{bucket}` is no bucket name")]
    Bucket {
        /// As asked.
        bucket: String,
    },
    /// The endpoint is no origin that may be signed for.
    #[error("an endpoint is an origin `http(s)://host[:port]`, without a path")]
    Endpoint,
    /// A longest life of no days.
    #[error("the longest life of a link is at least one day")]
    NoLife,
}

impl Source {
    /// `SOURCE:path`, as people name a place in it.
    #[must_use]
    pub fn text_of(&self, path: &ObjectPath) -> String {
        format!("{}:{path}", self.name.as_str())
    }

    /// Whether somebody may get less here, from now on, than at the source as it was before.
    #[must_use]
    pub fn narrows(&self, before: &Self) -> bool {
        let stops = (before.serving && !self.serving) || (before.state == State::Active && self.state != State::Active);
        stops || self.ceilings.narrows(&before.ceilings)
    }

    /// The ceilings that bind here: its own, and the deployment's.
    fn bounds(&self) -> [&Ceilings; 2] {
        [&self.ceilings, &self.policy.ceilings]
    }

    /// The widest audience here.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.ceilings.audience.min(self.policy.ceilings.audience)
    }

    /// Whose ceiling this audience is beyond; `None`: it is allowed. The source's own comes first: without it nothing is gained by another policy.
    #[must_use]
    pub fn forbids(&self, audience: Audience) -> Option<CeilingOf> {
        if self.ceilings.audience < audience {
            Some(CeilingOf::Source)
        } else {
            (self.policy.ceilings.audience < audience).then_some(CeilingOf::Deployment)
        }
    }

    /// The longest life of a link here, in days from its making, and whose ceiling that is; `None`: no bound.
    #[must_use]
    pub fn link_days_max(&self) -> Option<(u32, CeilingOf)> {
        match (self.ceilings.link_days_max, self.policy.ceilings.link_days_max) {
            (Some(own), Some(policy)) if policy < own => Some((policy, CeilingOf::Deployment)),
            (Some(own), _) => Some((own, CeilingOf::Source)),
            (None, policy) => policy.map(|days| (days, CeilingOf::Deployment)),
        }
    }

    /// Whether bytes and names of objects may be had from there.
    #[must_use]
    pub fn admits(&self, net: Net) -> bool {
        self.bounds().into_iter().all(|ceilings| ceilings.zones.admit(net))
    }

    /// Whether they may be had from everywhere.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.bounds().into_iter().all(|ceilings| ceilings.zones.is_everywhere())
    }

    /// Whether bytes must not leave for anywhere but the zones.
    #[must_use]
    pub fn are_zones_hard(&self) -> bool {
        self.bounds().into_iter().any(Ceilings::are_zones_hard)
    }

    /// Whether readers are asked to accept these terms.
    #[must_use]
    pub fn asks(&self, terms: TermsId) -> bool {
        self.bounds().into_iter().any(|ceilings| ceilings.terms == Some(terms))
    }

    /// What a reader still has to accept before the first byte, who accepted what `has` says; `None`: nothing.
    #[must_use]
    pub fn unmet(&self, has: impl Fn(TermsId) -> bool) -> Option<Unmet> {
        let mut unmet = self.bounds().into_iter().filter_map(|ceilings| ceilings.terms).filter(|terms| !has(*terms));
        let terms = unmet.next()?;
        Some(Unmet { terms, also: unmet.next().filter(|also| *also != terms) })
    }

    /// Whether the two would cover a common key. Buckets of one name are taken for one bucket, whatever the endpoints: a store has many
    /// names, and nothing in an endpoint tells that two of them lead to different places (ADR 0046).
    #[must_use]
    pub fn overlaps(&self, store: &Store, prefix: &ObjectPath) -> bool {
        self.store.bucket == store.bucket && (self.prefix.covers(prefix) || prefix.covers(&self.prefix))
    }

    /// When a link made at `made` ends by this source's ceiling, or the deployment's; `None`: by none.
    #[must_use]
    pub fn link_end(&self, made: Timestamp) -> Option<Timestamp> {
        let (days, _) = self.link_days_max()?;
        made.checked_add(jiff::SignedDuration::from_hours(i64::from(days).saturating_mul(24))).ok()
    }
}

impl Store {
    /// Holds a store to what can be signed for: a legal bucket name and an endpoint that is an origin.
    ///
    /// # Errors
    /// [`SourceError::Bucket`], [`SourceError::Endpoint`].
    pub fn check(&self) -> Result<(), SourceError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let name = self.bucket.as_bytes();
        let fits = (3..=63).contains(&name.len()) && name.iter().copied().all(legal) && edge(name.first()) && edge(name.last());
        if !fits || self.bucket.contains("..") {
            return Err(SourceError::Bucket { bucket: self.bucket.chars().take(LABEL_CHARS_MAX).collect() });
        }
        match &self.endpoint {
            Some(endpoint) if !is_origin(endpoint) => Err(SourceError::Endpoint),
            _ => Ok(()),
        }
    }
}

/// Whether a text is `http(s)://host[:port]` and nothing else.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']');
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(legal))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn source(bucket: &str, prefix: &str) -> Source {
        Source {
            id: SourceId::new(Uuid::nil()),
            name: SourceName::parse("lab-raw").unwrap(),
            store: store(bucket),
            prefix: ObjectPath::from_decoded(prefix).unwrap(),
            ceilings: Ceilings {
                audience: Audience::World,
                link_days_max: Some(30),
                zones: Zones::default(),
                hard_zones: false,
                terms: None,
            },
            policy: DeploymentPolicy::NONE,
            writable: false,
            serving: true,
            state: State::Active,
            root: DatasetId::new(Uuid::nil()),
            version: 1,
        }
    }

    fn store(bucket: &str) -> Store {
        Store {
            bucket: bucket.to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            path_style: true,
            role: None,
            requester_pays: false,
        }
    }

    // SECURITY T16
    #[test]
    fn sources_over_a_common_key_overlap_and_others_do_not() {
        for (bucket, prefix, want) in [
            ("data", "a/b/", true),
            ("data", "", true),
            ("data", "a/b/c/", true),
            ("data", "a/", true),
            ("data", "a/bc/", false),
            ("data", "b/", false),
            ("other", "a/b/", false),
        ] {
            let there = source("data", "a/b/");
            let prefix = ObjectPath::from_decoded(prefix).unwrap();
            assert_eq!(there.overlaps(&store(bucket), &prefix), want, "{bucket} {prefix}");
            // A store has other names.
            for endpoint in ["http://127.0.0.1:9000", "http://LOCALHOST:9000", "https://s3.us-east-1.amazonaws.com:443"] {
                let elsewhere = Store { endpoint: Some(endpoint.to_owned()), ..store(bucket) };
                assert_eq!(there.overlaps(&elsewhere, &prefix), want, "{bucket} {prefix} {endpoint}");
            }
        }
    }

    #[test]
    fn names_and_stores_are_held_to_what_can_be_signed() {
        for (name, fits) in
            [("demo", true), ("lab-raw-2", true), ("", false), ("-x", false), ("Demo", false), ("a b", false), ("a:b", false)]
        {
            assert_eq!(SourceName::parse(name).is_ok(), fits, "{name}");
        }
        for (bucket, endpoint, fits) in [
            ("my-data.lab", None, true),
            ("my-data", Some("https://s3.example.org"), true),
            ("my-data", Some("http://127.0.0.1:9000"), true),
            ("my-data", Some("https://s3.example.org/"), false),
            ("my-data", Some("https://a@b"), false),
            ("my-data", Some("ftp://x"), false),
            ("My_Data", None, false),
            ("ab", None, false),
            ("a..b", None, false),
            ("data/../x", None, false),
        ] {
            let asked = Store { endpoint: endpoint.map(str::to_owned), ..store(bucket) };
            assert_eq!(asked.check().is_ok(), fits, "{bucket} {endpoint:?}");
        }
    }
}
