//! The deployment's policy: it lies on the head of the register of sources, and a copy of it on every source, written in one transaction (ADR 0060).
//! A registration writes that head, too, so no source can come without the policy that is there by then.

use domain::{
    decision::Permit,
    grant::Zones,
    id::TermsId,
    policy::{DeploymentPolicy, Openers},
    source::{Ceilings, Source},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{number, texts, unreadable},
    once::Once,
    schema,
    sources::{audience_of, audience_word, needs_of},
    write::{Change, Condition, Outcome, Tag, Write},
};

/// Rounds of a change that meets others: of sources, or a registration.
const ROUNDS: usize = 3;
/// The attribute of a source that holds it.
const POLICY: &str = "policy";
/// What a change of it is about, in the audit.
const DEPLOYMENT: &str = "deployment";
const WHAT: &str = "the deployment's policy";

/// As it lies on the register and on each source.
#[derive(Serialize, Deserialize)]
pub(crate) struct PolicyRow {
    audience: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_days_max: Option<u32>,
    zones: Vec<String>,
    hard_zones: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    openers: String,
    #[serde(default)]
    second_person: bool,
    version: u64,
}

impl PolicyRow {
    /// `None` where there never was one.
    pub(crate) fn of(policy: &DeploymentPolicy) -> Option<Self> {
        let DeploymentPolicy { ceilings: Ceilings { audience, link_days_max, zones, hard_zones, terms }, openers, second_person, version } =
            policy;
        (*version > 0).then(|| Self {
            audience: audience_word(*audience).to_owned(),
            link_days_max: *link_days_max,
            zones: zones.texts().collect(),
            hard_zones: *hard_zones,
            terms: terms.map(|terms| terms.to_string()),
            openers: openers.word().to_owned(),
            second_person: *second_person,
            version: *version,
        })
    }

    /// The policy of a row that may have none.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] for one that this version cannot judge: then nothing is decided by it.
    pub(crate) fn policy(row: Option<Self>) -> Result<DeploymentPolicy, TableError> {
        let Some(row) = row else { return Ok(DeploymentPolicy::NONE) };
        let unknown = || TableError::Unreadable { what: WHAT };
        Ok(DeploymentPolicy {
            ceilings: Ceilings {
                audience: audience_of(&row.audience).ok_or_else(unknown)?,
                link_days_max: row.link_days_max,
                zones: Zones::parse(&row.zones).map_err(unreadable(WHAT))?,
                hard_zones: row.hard_zones,
                terms: row.terms.map(|id| TermsId::parse(&id)).transpose().map_err(unreadable(WHAT))?,
            },
            openers: Openers::of(&row.openers).ok_or_else(unknown)?,
            second_person: row.second_person,
            version: row.version,
        })
    }
}

impl Table {
    /// The deployment's policy; [`DeploymentPolicy::NONE`] where there never was one.
    ///
    /// # Errors
    /// [`TableError`], where it could not be read.
    pub async fn policy(&self) -> Result<DeploymentPolicy, TableError> {
        Ok(self.register().await?.policy)
    }

    /// Makes the policy another, on every source at once, by an administrator. The version is counted here.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it is not as `before` any more; [`TableError::Throttled`] where sources are being changed all the time.
    pub async fn set_policy(
        &self,
        permit: &Permit,
        (before, after): (&DeploymentPolicy, &DeploymentPolicy),
        (reason, once): (Option<&str>, Option<&Once>),
        now: Timestamp,
    ) -> Result<DeploymentPolicy, TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        for _round in 0..ROUNDS {
            if self.once_if(by, once, now).await?.is_some() {
                return self.policy().await;
            }
            let (sources, there) = self.registered().await?;
            if there.policy != *before {
                return Err(TableError::Stale);
            }
            if before.says(after) {
                self.remember(once, by, DEPLOYMENT, now).await?;
                return Ok(there.policy);
            }
            let after = DeploymentPolicy { version: before.version.saturating_add(1), ..after.clone() };
            let audited = Audited::new(now, by, "policy.edit", &DEPLOYMENT)?.from(&said(before)).to(&said(&after)).because(reason);
            let mut write = Write::audited(audited).part(Tag::Same, there.counted(&after)?).parts(Once::part(once, by, DEPLOYMENT, now)?);
            for source in &sources {
                write = write.change(Tag::Seen, bound(source, &after)?);
            }
            match self.commit(write).await? {
                Outcome::Done => return Ok(after),
                // Another request, another policy, a source that was changed or is new: looked at again.
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }
}

/// The policy on one source, as that was read: whether an older reader may judge it hangs on its own ceilings, too.
fn bound(source: &Source, policy: &DeploymentPolicy) -> Result<Change, TableError> {
    let after = Source { policy: policy.clone(), ..source.clone() };
    let row = serde_dynamo::to_attribute_value(PolicyRow::of(policy)).map_err(|_why| TableError::Unreadable { what: WHAT })?;
    Ok(Change::new(schema::source(source.id), Condition::is("version", number(source.version)))
        .set(POLICY, row)
        .set("needs", texts(needs_of(&after)))
        .set("version", number(source.version.saturating_add(1))))
}

/// What the audit says of it.
fn said(policy: &DeploymentPolicy) -> serde_json::Value {
    let Ceilings { audience, link_days_max, zones, hard_zones, terms } = &policy.ceilings;
    json!({
        "audience": audience_word(*audience), "link_days_max": link_days_max, "zones": zones.texts().collect::<Vec<_>>(),
        "hard_zones": hard_zones, "terms": terms.map(|terms| terms.to_string()), "openers": policy.openers.word(), "second_person": policy.second_person, "version": policy.version,
    })
}
