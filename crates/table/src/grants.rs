//! Grants: given, changed, withdrawn, listed. Never deleted: a late copy of what was withdrawn fails on what is there.
//!
//! Every change counts the dataset's version up and depends on it, so changes of one dataset's access are serial, and nothing is
//! given by a right that was taken away in between.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, Permit, Through, Via},
    grant::{Conditions, Grant, GroupState, Hold, ProjectRole, Reach, Subject, Zones},
    id::{DatasetId, UserId},
    limits::{GROUP_GRANTS_KEPT_MAX, GROUP_GRANTS_MAX, WITHDRAWN_KEPT_SECS},
    notice::Occasion,
    rights::Role,
    source::State,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    datasets::{listed_after, rank_of},
    error::TableError,
    groups::state_word,
    item::{Item, Row, item, number, row, text, time, time_if, unreadable},
    link_sets::LINK_SET,
    once::Once,
    read::{Cost, Stretch, Window},
    schema::{self, GRANT_PREFIX, Key, TTL},
    sources,
    users::still_administers,
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

#[derive(Serialize, Deserialize)]
pub(crate) struct GrantRow {
    needs: Vec<String>,
    version: u64,
    role: String,
    may_share: bool,
    /// Who does not know of it gives no chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    zones: Vec<String>,
    by: String,
    at: i64,
    hold: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    /// When the store may drop what was withdrawn from a group or project: every reader of the dataset looks at it until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

impl Row for GrantRow {
    const WHAT: &'static str = "a grant";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl GrantRow {
    fn of(dataset: DatasetId, grant: &Grant) -> Self {
        Self {
            needs: Vec::new(),
            version: grant.version,
            role: grant.role.word().to_owned(),
            may_share: grant.may_share,
            level: grant.level,
            not_before: grant.conditions.not_before.map(Timestamp::as_millisecond),
            until: grant.conditions.until.map(Timestamp::as_millisecond),
            zones: grant.conditions.zones.texts().collect(),
            by: grant.by.to_string(),
            at: grant.at.as_millisecond(),
            hold: hold_word(grant.hold).to_owned(),
            gsi1sk: Some(schema::grant_rank(grant.at, dataset)),
            gsi1pk: Some(schema::grants_of(grant.subject, dataset)),
            // What is given stays: given again, a grant has no end of its row.
            ttl: None,
        }
    }

    /// The subject is in the row's own address.
    pub(crate) fn grant(self, subject: Subject) -> Result<Grant, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        Ok(Grant {
            subject,
            role: Role::of(&self.role).ok_or_else(unknown)?,
            may_share: self.may_share,
            level: self.level,
            conditions: Conditions {
                not_before: time_if(self.not_before, Self::WHAT)?,
                until: time_if(self.until, Self::WHAT)?,
                zones: Zones::parse(&self.zones).map_err(unreadable(Self::WHAT))?,
            },
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            at: time(self.at, Self::WHAT)?,
            hold: hold_of(&self.hold).ok_or_else(unknown)?,
            version: self.version,
        })
    }
}

/// What a write to a dataset's access rests on: its facts, and by what the writer has the right.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The dataset as it was read.
    pub facts: &'a DatasetFacts,
    /// By what the writer has the right; `None`: by what everybody has.
    pub via: Option<Via>,
}

/// What a grant is brought about by, other than by its giver's request.
#[derive(Debug)]
pub(crate) struct Brought {
    /// The entry that it leaves; `None`: that of its giver's giving.
    pub(crate) audited: Option<Audited>,
    /// What is written with it.
    pub(crate) parts: Vec<(Tag, Part)>,
    /// Who is told, in the subject's place.
    pub(crate) told: Option<(UserId, Occasion)>,
}

impl Table {
    /// What a subject has on a dataset, withdrawn or not.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn grant(&self, dataset: DatasetId, subject: Subject) -> Result<Option<Grant>, TableError> {
        let found = self.get(&schema::grant(dataset, subject), &mut Cost::default()).await?;
        found.map(|item| row::<GrantRow>(item)?.grant(subject)).transpose()
    }

    /// Gives what `grant` says on the dataset of `facts`, by whoever the permit is for. `before` is what the subject had: changed, not added to.
    ///
    /// # Errors
    /// [`TableError::Stale`] where that, the dataset, or what the giver's right rests on changed since it was read;
    /// [`TableError::TooMany`] groups.
    pub async fn give(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        grant: &Grant,
        before: Option<&Grant>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let (audited, proof) = given(permit, grounds, grant, now)?;
        self.write_grant(grounds.facts, (grant, before), (audited, proof, None), once, now).await
    }

    /// The same, as something else brings it about, which is written or refused with it.
    pub(crate) async fn give_with(
        &self,
        permit: &Permit,
        grounds: Grounds<'_>,
        grant: &Grant,
        before: Option<&Grant>,
        brought: Brought,
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let (audited, proof) = given(permit, grounds, grant, now)?;
        let audited = brought.audited.clone().unwrap_or(audited);
        self.write_grant(grounds.facts, (grant, before), (audited, proof, Some(brought)), None, now).await
    }

    /// Gives an administrator what `grant` says on the dataset of `facts`: to himself, as [`broken_glass`] has it.
    ///
    /// # Errors
    /// As [`Table::give`]; [`TableError::Stale`] too where he administers no more.
    ///
    /// [`broken_glass`]: domain::delegation::broken_glass
    pub async fn break_glass(
        &self,
        permit: &Permit,
        facts: &DatasetFacts,
        (grant, before): (&Grant, Option<&Grant>),
        (reason, once): (&str, Option<&Once>),
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let dataset = facts.place.dataset.id;
        let is_own = |by: &UserId| *by == grant.by && grant.is_broken_glass();
        let by = permit.allows(Action::BreakGlass, dataset).filter(is_own).ok_or(TableError::NotForThis)?;
        let proof = vec![(Tag::Seen, Part::Check(schema::user(by), still_administers()))];
        let audited = Audited::new(now, by, "grant.break-glass", &dataset)?.because(Some(reason));
        self.write_grant(facts, (grant, before), (audited, proof, None), once, now).await
    }

    /// Remembers a request for a grant that was there as asked: a copy that comes late gives nothing that was taken back meanwhile.
    ///
    /// # Errors
    /// As [`Table::remember`].
    pub async fn met_grant(
        &self,
        by: UserId,
        (dataset, subject): (DatasetId, Subject),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<(), TableError> {
        self.remember(once, by, &result(dataset, subject), now).await
    }

    /// Writes a grant in place of `before`, with what its giver's right rests on.
    async fn write_grant(
        &self,
        facts: &DatasetFacts,
        (grant, before): (&Grant, Option<&Grant>),
        (audited, mut proof, brought): (Audited, Vec<(Tag, Part)>, Option<Brought>),
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let (dataset, by) = (&facts.place.dataset, grant.by);
        // What a link set has in common is given by the set.
        let goes_together = grant.goes_together() || before.is_some_and(Grant::goes_together);
        if dataset.link_set.is_some() && goes_together {
            return Err(TableError::NotForThis);
        }
        if self.once_if(by, once, now).await?.is_some() {
            return self.grant(dataset.id, grant.subject).await?.ok_or(TableError::Missing { what: "the grant" });
        }
        if let Subject::Group(_) | Subject::Project(_) = grant.subject {
            self.check_collective(dataset.id, grant.subject).await?;
        }
        let key = schema::grant(dataset.id, grant.subject);
        if proof.iter().any(|(_, part)| part.checks(&key)) && before.is_none_or(|there| there.hold == Hold::Withdrawn) {
            return Err(TableError::Stale);
        }
        // A transaction has one action an item: what the giver's own right rests on is written here, on the condition that it is as before.
        proof.retain(|(_, part)| !part.checks(&key));
        let audited = audited.to(&said(grant));
        let audited = before.map_or(audited.clone(), |there| audited.from(&said(there)));
        let (more, told, due) = match brought {
            Some(Brought { parts, told, .. }) => (parts, told, None),
            None => (Vec::new(), told(grant, before, dataset, now), grant.conditions.not_before),
        };
        let write = Write::audited(audited)
            .parts([give_part(dataset.id, grant, before)?])
            .change(Tag::Seen, head(facts))
            .parts(subject_is_there(grant.subject).into_iter().filter(|(_, part)| !proof.iter().any(|(_, other)| other.is_where(part))))
            .parts(proof.clone())
            .parts(more)
            .parts(Once::part(once, by, &result(dataset.id, grant.subject), now)?)
            .telling_at(told, due)?;
        match self.commit(write).await? {
            Outcome::Done => Ok(grant.clone()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => {
                self.grant(dataset.id, grant.subject).await?.ok_or(TableError::Missing { what: "the grant" })
            }
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "whom it is for" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// A dataset is granted to few groups and projects, for each costs every reader a look: those that have it, and those that had it lately, fewer.
    ///
    /// # Errors
    /// [`TableError::TooMany`] where there is no place for another.
    pub async fn check_collective(&self, dataset: DatasetId, subject: Subject) -> Result<(), TableError> {
        let there = self.collective_grants(dataset, &mut Cost::default()).await?;
        let others = || there.iter().filter(|item| Key::of(item).is_some_and(|key| schema::subject_of(&key.sk) != Some(subject)));
        if others().filter(|item| !is_withdrawn(item)).count() >= GROUP_GRANTS_MAX {
            return Err(TableError::TooMany { what: "groups and projects that a dataset is granted to", max: GROUP_GRANTS_MAX });
        }
        if others().count() >= GROUP_GRANTS_KEPT_MAX {
            return Err(TableError::TooMany {
                what: "groups and projects that a dataset is or lately was granted to",
                max: GROUP_GRANTS_KEPT_MAX,
            });
        }
        Ok(())
    }

    /// Withdraws a grant: by who administers the dataset, or by the person it is for. Withdrawing again changes nothing.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it was changed since it was read. [`TableError::NotForThis`] for anybody else.
    pub async fn withdraw(
        &self,
        permit: &Permit,
        dataset: DatasetId,
        before: &Grant,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Grant, TableError> {
        let own = permit.allows(Action::See, dataset).filter(|by| before.subject == Subject::User(*by));
        let by = permit.allows(Action::Grant, dataset).or(own).ok_or(TableError::NotForThis)?;
        if before.hold == Hold::Withdrawn {
            return Ok(before.clone());
        }
        let after = withdrawn(before);
        let change = take(dataset, before, now);
        let audited = Audited::new(now, by, "grant.withdraw", &dataset)?.from(&said(before)).to(&said(&after)).because(reason);
        // What a link set has in common is taken by the set.
        let alone = if before.goes_together() { Condition::present().and(Condition::lacks(LINK_SET)) } else { Condition::present() };
        let counted = Change::new(schema::dataset(dataset), alone).count("version");
        let write = Write::audited(audited.clone()).change(Tag::Seen, change.clone()).change(Tag::New, counted);
        match self.commit(write).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => self.withdrawn_or_stale(dataset, before, after).await,
            // Narrowing never fails for bookkeeping: the deciding change goes alone.
            Outcome::Busy => {
                let is_there = async { Ok(self.grant(dataset, before.subject).await?.as_ref() == Some(&after)) };
                if self.narrow_alone(&change, audited, is_there).await? {
                    Ok(after)
                } else {
                    self.withdrawn_or_stale(dataset, before, after).await
                }
            }
        }
    }

    async fn withdrawn_or_stale(&self, dataset: DatasetId, before: &Grant, after: Grant) -> Result<Grant, TableError> {
        let there = self.grant(dataset, before.subject).await?;
        if there.is_some_and(|there| there.hold == Hold::Withdrawn) { Ok(after) } else { Err(TableError::Stale) }
    }

    /// Every grant on a dataset, a page at a time, by subject; those that were withdrawn too.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn grants_on(&self, dataset: DatasetId, page: &Page) -> Result<Listed<Grant>, TableError> {
        let pk = schema::dataset_partition(dataset);
        let after = match &page.position {
            None => None,
            Some(sk) => {
                Some(Key { pk: pk.clone(), sk: schema::subject_of(sk).map(|_| sk.clone()).ok_or(TableError::Position)? }.attributes())
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: false, by_index: false };
        let (rows, next) = self.page(&Stretch { pk, prefix: GRANT_PREFIX }, &window, &mut Cost::default()).await?;
        let mut items = Vec::new();
        for found in rows {
            let Some(subject) = Key::of(&found).and_then(|key| schema::subject_of(&key.sk)) else { continue };
            items.push(row::<GrantRow>(found)?.grant(subject)?);
        }
        Ok(Listed { items, next: next.and_then(|key| Key::of(&key)).map(|key| key.sk) })
    }

    /// The datasets that a subject was granted something on, the latest first: candidates, each to be decided on its own facts.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn granted_to(&self, subject: Subject, page: &Page) -> Result<Listed<DatasetId>, TableError> {
        let id_of = |rank: &str| schema::id_of_rank(rank, GRANT_PREFIX).and_then(|id| DatasetId::parse(id).ok());
        let last = page.position.as_deref().map(|rank| id_of(rank).map(|id| (id, rank)).ok_or(TableError::Position)).transpose()?;
        let last = last.map(|(id, rank)| (schema::grant(id, subject), rank));
        let (ranks, next) = self.ranks_in_all(schema::all_grants_of(subject), GRANT_PREFIX, last.as_ref(), page.items_max()).await?;
        Ok(Listed { items: ranks.iter().filter_map(|rank| id_of(rank)).collect(), next })
    }

    /// A page of the places that several partitions of the index list, those that came last first, behind `last`, an item with its place: one that
    /// need not be there. And where the next page begins.
    pub(crate) async fn ranks_in_all(
        &self,
        partitions: Vec<String>,
        prefix: &str,
        last: Option<&(Key, &str)>,
        items_max: u16,
    ) -> Result<(Vec<String>, Option<String>), TableError> {
        let looks = partitions.into_iter().map(|pk| async move {
            let after = last.map(|(key, rank)| listed_after(key, &pk, rank));
            let window = Window { after, items_max, newest_first: true, by_index: true };
            self.page(&Stretch { pk, prefix }, &window, &mut Cost::default()).await
        });
        let found = try_join_all(looks).await?;
        let mut ranks: Vec<String> = found.iter().flat_map(|(rows, _more)| rows.iter().filter_map(rank_of)).map(str::to_owned).collect();
        ranks.sort_unstable_by(|one, other| other.cmp(one));
        let most = usize::from(items_max);
        let more = ranks.len() > most || found.iter().any(|(_rows, more)| more.is_some());
        ranks.truncate(most);
        let next = ranks.last().filter(|_| more).cloned();
        Ok((ranks, next))
    }
}

/// Who gives what, and the rest that his right rests on.
fn given(permit: &Permit, grounds: Grounds<'_>, grant: &Grant, now: Timestamp) -> Result<(Audited, Vec<(Tag, Part)>), TableError> {
    let dataset = &grounds.facts.place.dataset;
    let by = permit.allows(Action::Grant, dataset.id).filter(|by| *by == grant.by).ok_or(TableError::NotForThis)?;
    Ok((Audited::new(now, by, "grant.give", &dataset.id)?, proof(dataset, &grounds.facts.reach, by, grounds.via)))
}

/// A grant in place of the one before it, which is as it was read.
pub(crate) fn give_part(dataset: DatasetId, grant: &Grant, before: Option<&Grant>) -> Result<(Tag, Part), TableError> {
    if grant.hold != Hold::Active || grant.version != before.map_or(0, |there| there.version).saturating_add(1) {
        return Err(TableError::NotForThis);
    }
    let unchanged = before.map_or_else(Condition::absent, |there| Condition::is("version", number(there.version)));
    Ok((Tag::New, Part::Put(item(&schema::grant(dataset, grant.subject), &GrantRow::of(dataset, grant))?, unchanged)))
}

/// A grant once it was taken back.
pub(crate) fn withdrawn(before: &Grant) -> Grant {
    Grant { hold: Hold::Withdrawn, version: before.version.saturating_add(1), ..before.clone() }
}

/// That a grant which is as it was read is taken back.
pub(crate) fn take(dataset: DatasetId, before: &Grant, now: Timestamp) -> Change {
    Change::new(schema::grant(dataset, before.subject), Condition::is("version", number(before.version)))
        .set("hold", text(hold_word(Hold::Withdrawn)))
        .count("version")
        .set_if("gsi1pk", None)
        .set_if("gsi1sk", None)
        .set_if(TTL, drop_after(before.subject, now))
}

/// When what a subject had may be dropped. A late copy of the giving is that late never; until then it fails on what is there.
fn drop_after(subject: Subject, now: Timestamp) -> Option<AttributeValue> {
    matches!(subject, Subject::Group(_) | Subject::Project(_)).then(|| number(now.as_second().saturating_add(WITHDRAWN_KEPT_SECS)))
}

/// Whether a grant's row says that it was withdrawn. One that cannot be read does not: whoever decides reads it whole.
pub(crate) fn is_withdrawn(item: &Item) -> bool {
    item.get("hold").and_then(|hold| hold.as_s().ok()).is_some_and(|word| hold_of(word) == Some(Hold::Withdrawn))
}

/// That the dataset's access is as it was read, and changes by this.
pub(crate) fn head(facts: &DatasetFacts) -> Change {
    let dataset = &facts.place.dataset;
    let seen = Condition::is("version", number(dataset.version)).and(Condition::is("state", text("active")));
    Change::new(schema::dataset(dataset.id), seen).count("version")
}

/// That what a person's right rests on, beside the dataset's own version, is still there.
pub(crate) fn proof(dataset: &Dataset, reach: &Reach, by: UserId, via: Option<Via>) -> Vec<(Tag, Part)> {
    let Some(via) = via else { return Vec::new() };
    let mut parts = Vec::new();
    let mut check = |key: Key, condition: Condition| parts.push((Tag::Seen, Part::Check(key, condition)));
    let above = reach.above.iter().map(|above| &above.dataset).find(|above| above.id == via.on && above.id != dataset.id);
    if let Some(above) = above {
        check(schema::dataset(above.id), Condition::is("version", number(above.version)));
    }
    if above.unwrap_or(dataset).owner != by {
        let lifted = Condition::absent().or(Condition::is("hold", text(hold_word(Hold::Withdrawn))));
        check(schema::block(dataset.source, by), lifted);
        // Beside the version: a withdrawal that went alone did not count it.
        if let Some(subject) = granted_to(via.through, by) {
            check(schema::grant(via.on, subject), Condition::is("hold", text(hold_word(Hold::Active))));
        }
    }
    match via.through {
        Through::Person => {}
        Through::Group(group) => {
            check(schema::group(group), Condition::is("state", text(state_word(GroupState::Active))));
            check(schema::member(group, by), Condition::is("hold", text(hold_word(Hold::Active))));
        }
        Through::Project(project) | Through::Policy(project) => {
            check(schema::project(project), Condition::is("state", text(sources::state_word(State::Active))));
            let role = reach.projects.iter().find(|part| part.project == project).map(|part| part.role);
            check(schema::participant(project, by), takes_part(role));
        }
    }
    parts
}

/// Whom the grant is for by which somebody has a right; `None`: it is no grant.
pub(crate) const fn granted_to(through: Through, by: UserId) -> Option<Subject> {
    match through {
        Through::Person => Some(Subject::User(by)),
        Through::Group(group) => Some(Subject::Group(group)),
        Through::Project(project) => Some(Subject::Project(project)),
        Through::Policy(_) => None,
    }
}

/// That a person is in a project, as what was read.
pub(crate) fn takes_part(role: Option<ProjectRole>) -> Condition {
    let counts = Condition::is("hold", text(hold_word(Hold::Active)));
    role.map_or(counts.clone(), |role| counts.and(Condition::is("role", text(role.word()))))
}

/// That whom a grant is for is there.
pub(crate) fn subject_is_there(subject: Subject) -> Option<(Tag, Part)> {
    let key = match subject {
        Subject::User(user) => schema::user(user),
        Subject::Group(group) => schema::group(group),
        Subject::Project(project) => schema::project(project),
        Subject::Accounts | Subject::World => return None,
    };
    Some((Tag::Same, Part::Check(key, Condition::present())))
}

/// Whom a grant is news for: who had none that counts, or who owns what an administrator opens to himself.
pub(crate) fn told(grant: &Grant, before: Option<&Grant>, dataset: &Dataset, now: Timestamp) -> Option<(UserId, Occasion)> {
    match grant.subject {
        Subject::User(_) if grant.is_broken_glass() => Some((dataset.owner, Occasion::GlassBroken(dataset.id))),
        Subject::User(user) if !before.is_some_and(|there| there.counts(now)) => Some((user, Occasion::Shared(dataset.id))),
        _ => None,
    }
}

/// What the audit says of a grant.
pub(crate) fn said(grant: &Grant) -> serde_json::Value {
    json!({
        "subject": subject_word(grant.subject), "role": grant.role.word(), "may_share": grant.may_share, "level": grant.level, "hold": hold_word(grant.hold),
        "not_before": grant.conditions.not_before.map(|at| at.to_string()), "until": grant.conditions.until.map(|at| at.to_string()),
        "zones": grant.conditions.zones.texts().collect::<Vec<_>>(), "version": grant.version,
    })
}

/// A subject by its id, as the audit has it.
fn subject_word(subject: Subject) -> String {
    match subject {
        Subject::User(user) => user.to_string(),
        Subject::Group(group) => group.to_string(),
        Subject::Project(project) => project.to_string(),
        Subject::Accounts => "accounts".to_owned(),
        Subject::World => "world".to_owned(),
    }
}

pub(crate) fn hold_word(hold: Hold) -> &'static str {
    match hold {
        Hold::Active => "active",
        Hold::Withdrawn => "withdrawn",
    }
}

pub(crate) fn hold_of(word: &str) -> Option<Hold> {
    [Hold::Active, Hold::Withdrawn].into_iter().find(|hold| hold_word(*hold) == word)
}

/// What is remembered of a request for a grant on one dataset.
fn result(dataset: DatasetId, subject: Subject) -> String {
    format!("{dataset} {}", schema::grant(dataset, subject).sk)
}
