//! Promoting: a review link that becomes a publication link, at the same URL (L12).
//!
//! Not here: what a publication says of itself.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    decision::{DatasetFacts, LinkFacts, Permit, via_of},
    grant::Net,
    id::UserId,
    key::LinkKey,
    link::{Class, Link, Options},
    rights::Right,
};
use jiff::Timestamp;

use crate::{
    Table,
    audit::Audited,
    codes::code_part,
    datasets::as_seen,
    error::TableError,
    grants::proof,
    item::text,
    links::{link_change, pointer_change, said},
    once::Once,
    schema,
    write::{Condition, Part, Tag, Write},
};

/// A link that is promoted.
#[derive(Debug, Clone, Copy)]
pub struct Promotion<'a> {
    /// The link and its place as they were read.
    pub before: &'a LinkFacts,
    /// The same place, with what whoever promotes has there.
    pub on: &'a DatasetFacts,
    /// The link as it shall be.
    pub after: &'a Link,
    /// Its key, where it gets a code.
    pub key: Option<&'a LinkKey>,
    /// Why, for the audit.
    pub reason: Option<&'a str>,
}

impl Table {
    /// Makes a review link a publication link, by a permit to share its dataset of whoever administers that for good. In one transaction: the
    /// place as it was read, what the right to administer rests on, and no tombstone, so that nothing that was revoked opens again.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] where the permit is for something else, or more changed than a promotion changes. [`TableError::Stale`] where
    /// the link or its place changed, or the link was revoked. [`TableError::Unavailable`]: unknown; send the same `once` again.
    pub async fn promote_link(
        &self,
        permit: &Permit,
        promotion: &Promotion<'_>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Link, TableError> {
        let Promotion { before, on, after, key, reason } = promotion;
        let old = &before.link;
        let by = permit.allows_share_on(old.dataset).filter(|_| permit.may_steward()).ok_or(TableError::NotForThis)?;
        let mut new = Link {
            class: Class::Publication,
            stewarded: true,
            via: None,
            code: after.code,
            until: after.until,
            options: Options { until: after.options.until, ..old.options.clone() },
            ..old.clone()
        };
        if old.class != Class::Review || old.code.is_some() || new != **after || on.place != before.place {
            return Err(TableError::NotForThis);
        }
        if let Some(id) = self.once_if(by, once, now).await? {
            return Ok(self.inserted_as(&id, by, now).await?.link);
        }
        if old.links_gen != on.place.dataset.links_gen {
            return Err(TableError::Stale);
        }
        new.version = old.version.saturating_add(1);
        let audited = Audited::new(now, by, "link.promote", &old.id)?.from(&said(old)).to(&said(&new)).because(*reason);
        let change = link_change(old, &new, now)
            .set("class", text(new.class.word()))
            .set_if("code", new.code.map(|code| text(code.to_string())))
            .set("stewarded", AttributeValue::Bool(true))
            .set_if("via_on", None)
            .set_if("via_group", None)
            .set_if("via_project", None)
            .set_if("via_policy", None);
        let write = Write::audited(audited)
            .change(Tag::Seen, change)
            .change(Tag::New, pointer_change(&new).set("class", text(new.class.word())))
            .check(schema::tombstone(old.hash), Condition::absent())
            .parts(as_seen(&on.place))
            .parts(stewards(on, by, now))
            .parts(code_part(&new, *key)?)
            .parts(Once::part(once, by, &old.id.to_string(), now)?);
        let outcome = self.commit(write).await?;
        self.link_changed(outcome, new, (by, once), now).await
    }
}

/// That what the right of `by` to administer a place rests on is still there, where that holds for good.
pub(crate) fn stewards(on: &DatasetFacts, by: UserId, now: Timestamp) -> Vec<(Tag, Part)> {
    // That which lasts longest, and holds from everywhere.
    let via = via_of(by, &on.place, &on.reach, Right::Administer, Net::Anywhere, now);
    proof(&on.place.dataset, &on.reach, by, via)
}
