//! Retargeting: a link that stands on another place, at the same URL (L13).
//!
//! Not here: whether both are the same data, which nobody can know but whoever moved them.

use domain::{
    dataset::Dataset,
    decision::{DatasetFacts, LinkFacts, Permit},
    id::UserId,
    link::Link,
};
use jiff::Timestamp;

use crate::{
    Table,
    audit::Audited,
    datasets::as_seen,
    error::TableError,
    grants::proof,
    item::{item, number, text},
    links::{PointerRow, link_change, rests_on, said, through_texts},
    once::Once,
    schema,
    write::{Change, Condition, Part, Tag, Write, once_each},
};

/// A link that is moved.
#[derive(Debug, Clone, Copy)]
pub struct Retarget<'a> {
    /// The link and its place as they were read.
    pub before: &'a LinkFacts,
    /// The place that it moves to, as it was read.
    pub to: &'a DatasetFacts,
    /// The link as it shall be.
    pub after: &'a Link,
    /// Why, for the audit.
    pub reason: Option<&'a str>,
}

impl Table {
    /// Moves a link, by a permit to share it and one to share the dataset that it moves to. In one transaction: both places as they were
    /// read, what the right to share rests on at both, and no tombstone, so that nothing that was revoked opens again by being moved.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] where a permit is for something else, or more than the place changed. [`TableError::Stale`] where the
    /// link or one of the places changed, or the link was revoked. [`TableError::Unavailable`]: unknown; send the same `once` again.
    pub async fn retarget_link(
        &self,
        permits: [&Permit; 2],
        retarget: &Retarget<'_>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Link, TableError> {
        let Retarget { before, to, after, reason } = retarget;
        let (old, place, [here, there]) = (&before.link, &to.place, permits);
        let from = here.allows_change_of(old.id).filter(|by| here.allows_share_on(old.dataset) == Some(*by));
        let by = there.allows_share_on(place.dataset.id).filter(|by| from == Some(*by)).ok_or(TableError::NotForThis)?;
        let mut new = Link {
            dataset: place.dataset.id,
            source: place.source.id,
            links_gen: place.dataset.links_gen,
            subpath: after.subpath.clone(),
            via: after.via,
            // What was given out cannot be taken back: its end never falls.
            given_until: old.given_until.max(after.given_until),
            ..old.clone()
        };
        if new != **after {
            return Err(TableError::NotForThis);
        }
        if let Some(id) = self.once_if(by, once, now).await? {
            return Ok(self.inserted_as(&id, by, now).await?.link);
        }
        new.version = old.version.saturating_add(1);
        let audited = Audited::new(now, by, "link.retarget", &old.id)?.from(&said(old)).to(&said(&new)).because(*reason);
        let write = Write::audited(audited)
            .change(Tag::Seen, moved(old, &new, now))
            .change(Tag::New, Change::new(schema::link_id(new.id), Condition::present()).set("dataset", text(new.dataset.to_string())))
            .check(schema::tombstone(old.hash), Condition::absent())
            .parts(checks(retarget, &new, by, now).ok_or(TableError::Stale)?)
            .parts(pointers(old, &new)?)
            .parts(Once::part(once, by, &old.id.to_string(), now)?);
        let outcome = self.commit(write).await?;
        self.link_changed(outcome, new, (by, once), now).await
    }
}

fn moved(old: &Link, new: &Link, now: Timestamp) -> Change {
    let [group, project, policy] = through_texts(new.via);
    link_change(old, new, now)
        .set("dataset", text(new.dataset.to_string()))
        .set("source", text(new.source.to_string()))
        .set("subpath", text(new.subpath.as_str()))
        .set("links_gen", number(new.links_gen))
        .set_if("via_on", new.via.map(|via| text(via.on.to_string())))
        .set_if("via_group", group.map(text))
        .set_if("via_project", project.map(text))
        .set_if("via_policy", policy.map(text))
}

/// That both places are as they were read, and what the right to share at each rests on is still there; `None`: the two readings contradict
/// each other.
fn checks(retarget: &Retarget<'_>, new: &Link, by: UserId, now: Timestamp) -> Option<Vec<(Tag, Part)>> {
    let Retarget { before, to, .. } = retarget;
    let there = proof(&to.place.dataset, &to.reach, by, new.via);
    let checks = once_each(as_seen(&before.place).into_iter().chain(as_seen(&to.place)).chain(rests_on(before, by, now)).chain(there))?;
    Some(checks.into_iter().map(|(tag, part)| (tag, if_strict(&to.place.dataset, new, part))).collect())
}

/// The check of a strict dataset that a link comes to also notes there when what the link gave elsewhere has ended: what ends all that is on the
/// dataset reads the dataset, and not each link (ADR 0049).
fn if_strict(dataset: &Dataset, new: &Link, part: Part) -> Part {
    match part {
        Part::Check(key, seen) if dataset.strict && new.given_until > dataset.given_until && key == schema::dataset(dataset.id) => {
            let given = new.given_until.map(|given| number(given.as_millisecond()));
            Part::Change(Change::new(key, seen).set_if("given_until", given).count("version"))
        }
        part => part,
    }
}

/// The link among those of the dataset that it moved to, and no more among those of the one that it left.
fn pointers(old: &Link, new: &Link) -> Result<Vec<(Tag, Part)>, TableError> {
    if old.dataset == new.dataset {
        return Ok(Vec::new());
    }
    let left = Change::new(schema::link_pointer(old.dataset, old.id), Condition::present()).set_if("gsi1pk", None).set_if("gsi1sk", None);
    // It may have been here before.
    let absent_or_its = Condition::absent().or(Condition::is("hash", text(new.hash.to_string())));
    let come = item(&schema::link_pointer(new.dataset, new.id), &PointerRow::of(new))?;
    Ok(vec![(Tag::New, Part::Change(left)), (Tag::New, Part::Put(come, absent_or_its))])
}
