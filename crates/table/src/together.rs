//! What is given and taken on all datasets of a link set in one transaction, or on none. The set's own version is counted with each, so all of it is
//! serial: nobody gives on one while somebody else takes on another.

use domain::{
    decision::{Action, Permit},
    grant::{Grant, Hold, Subject},
    id::{DatasetId, UserId},
    link_set::LinkSet,
};
use jiff::Timestamp;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    grants::{give_part, head, said, subject_is_there, take, told, withdrawn},
    link_sets::{Holding, all_by, as_read, checked, is_of},
    once::Once,
    schema,
    write::{Alone, Change, Condition, Outcome, Part, Tag, Write},
};

/// What becomes of a grant on one dataset of a set.
#[derive(Debug, Clone, Copy)]
pub struct Giving<'a> {
    /// The dataset, and the right to give on it.
    pub on: Holding<'a>,
    /// The grant that is to be there; `None`: what is there stays.
    pub grant: Option<&'a Grant>,
    /// What the subject has there by now.
    pub before: Option<&'a Grant>,
}

/// A grant that is taken back on one dataset of a set.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// The dataset.
    pub dataset: DatasetId,
    /// The permit to grant there, or, for whoever gives up what is his own, to know of it.
    pub permit: &'a Permit,
    /// The grant as it was read.
    pub before: &'a Grant,
}

impl Table {
    /// Gives, or changes, what somebody has on all datasets of a set, by who administers every one: `all` has each of them, first the one that whom it
    /// is for is told of.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the set, one of them, or what the giver's right rests on changed since it was read; [`TableError::TooMany`] for groups
    /// on one, [`TableError::TooMuch`] for what does not go into one transaction; [`TableError::Missing`] where whom it is for is not there.
    pub async fn give_together(
        &self,
        set: &LinkSet,
        subject: Subject,
        all: &[Giving<'_>],
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let by = giver(set, all)?;
        if self.once_if(by, once, now).await?.is_some() {
            return Ok(());
        }
        match self.giving(set, subject, all, by, now).await? {
            Some(write) => self.give_written(write.parts(Once::part(once, by, &set.id.to_string(), now)?), by, once, now).await,
            None => self.remember(once, by, &set.id.to_string(), now).await,
        }
    }

    /// Whether that could be written, as far as can be told before it is.
    ///
    /// # Errors
    /// As [`Table::give_together`].
    pub async fn check_together(&self, set: &LinkSet, subject: Subject, all: &[Giving<'_>], now: Timestamp) -> Result<(), TableError> {
        let by = giver(set, all)?;
        self.giving(set, subject, all, by, now).await.map(|_write| ())
    }

    /// What gives it; `None`: it is so already.
    async fn giving(
        &self,
        set: &LinkSet,
        subject: Subject,
        all: &[Giving<'_>],
        by: UserId,
        now: Timestamp,
    ) -> Result<Option<Write>, TableError> {
        let mut parts = vec![(Tag::Seen, Part::Change(as_read(set).count("version")))];
        let mut given = Vec::new();
        for Giving { on, grant, before } in all {
            let Some(grant) = grant else { continue };
            if grant.by != by || grant.subject != subject {
                return Err(TableError::NotForThis);
            }
            if let Subject::Group(_) | Subject::Project(_) = subject {
                self.check_collective(on.dataset(), subject).await?;
            }
            parts.push(give_part(on.dataset(), grant, *before)?);
            parts.push((Tag::Seen, Part::Change(head(on.grounds.facts))));
            given.push((on.dataset(), *grant));
        }
        let Some((_, first)) = given.first() else { return Ok(None) };
        let mut ids: Vec<_> = given.iter().map(|(dataset, _)| *dataset).collect();
        ids.sort_unstable();
        let audited = Audited::new(now, by, "grant.give", &set.id)?.to(&said(first)).with(ids);
        // All have the same terms; each had terms of its own.
        let there = all.iter().filter(|giving| giving.grant.is_some()).filter_map(|giving| Some((giving.on.dataset(), giving.before?)));
        let had: serde_json::Map<_, _> = there.map(|(dataset, before)| (dataset.to_string(), said(before))).collect();
        let audited = if had.is_empty() { audited } else { audited.from(&had.into()) };
        let on: Vec<_> = all.iter().map(|giving| giving.on).collect();
        let parts = checked(parts, by, &on)?;
        let is_there = subject_is_there(subject).filter(|(_, part)| !parts.iter().any(|(_, other)| other.is_where(part)));
        // Of what goes together one notice tells, by the first dataset where it is news.
        let news = |giving: &Giving<'_>| told(giving.grant?, giving.before, &giving.on.grounds.facts.place.dataset, now);
        Ok(Some(Write::audited(audited).telling_at(all.iter().find_map(news), first.conditions.not_before)?.parts(parts).parts(is_there)))
    }

    async fn give_written(&self, write: Write, by: UserId, once: Option<&Once>, now: Timestamp) -> Result<(), TableError> {
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(_) => Ok(()),
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "whom it is for" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Takes back what a subject has on datasets of a set, by who administers each, or by the person whom it is for.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the set, or one of the grants, changed since it was read. [`TableError::NotForThis`] for anybody else.
    pub async fn withdraw_together(
        &self,
        set: &LinkSet,
        all: &[Taking<'_>],
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let taker = |taking: &Taking<'_>| {
            let own = taking.permit.allows(Action::See, taking.dataset).filter(|by| taking.before.subject == Subject::User(*by));
            taking.permit.allows(Action::Grant, taking.dataset).or(own).filter(|_| set.datasets.contains(&taking.dataset))
        };
        let takers: Option<Vec<UserId>> = all.iter().map(taker).collect();
        let by = takers.as_deref().and_then(|takers| takers.first().filter(|by| takers.iter().all(|other| other == *by)));
        let by = *by.ok_or(TableError::NotForThis)?;
        let active: Vec<_> = all.iter().filter(|taking| taking.before.hold == Hold::Active).collect();
        let Some(first) = active.first() else { return Ok(()) };
        let after = said(&withdrawn(first.before));
        let audited = Audited::new(now, by, "grant.withdraw", &set.id)?
            .from(&active.iter().map(|taking| (taking.dataset.to_string(), said(taking.before))).collect::<serde_json::Map<_, _>>().into())
            .to(&after)
            .because(reason)
            .with(active.iter().map(|taking| taking.dataset));
        let changes: Vec<_> = active.iter().map(|taking| (*taking, take(taking.dataset, taking.before, now))).collect();
        let counted = active.iter().map(|taking| Change::new(schema::dataset(taking.dataset), Condition::present()).count("version"));
        let write = Write::audited(audited.clone())
            .change(Tag::Seen, as_read(set).count("version"))
            .parts(changes.iter().map(|(_, change)| (Tag::Seen, Part::Change(change.clone()))))
            .parts(counted.map(|change| (Tag::New, Part::Change(change))));
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            // Narrowing never fails for bookkeeping: each deciding change goes alone. Sent again, the same takes what is left.
            Outcome::Busy => {
                for (taking, change) in &changes {
                    if self.change_alone(change).await? != Alone::Changed {
                        let there = self.grant(taking.dataset, taking.before.subject).await?;
                        if there.is_none_or(|there| there.hold == Hold::Active) {
                            return Err(TableError::Stale);
                        }
                    }
                }
                self.record(audited).await;
                Ok(())
            }
        }
    }
}

/// The one person who gives on each dataset of a set.
fn giver(set: &LinkSet, all: &[Giving<'_>]) -> Result<UserId, TableError> {
    let on: Vec<_> = all.iter().map(|giving| giving.on).collect();
    all_by(&on).filter(|_| is_of(&on, &set.datasets)).ok_or(TableError::NotForThis)
}
