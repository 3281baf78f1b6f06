//! Projects and who is in them. A part in a project is one item, found by project and person, so a decision's cost grows neither with its
//! members nor with its datasets.
//!
//! Not here: datasets that are put into a project (`placing.rs`).

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    decision::Permit,
    grant::{ClonePolicy, Hold, Policy, ProjectRole},
    id::{ProjectId, UserId},
    invitation::{Invitation, Promise},
    notice::Occasion,
    project::Project,
    rights::Role,
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
    grants::{hold_of, hold_word, is_withdrawn, takes_part},
    invitations::{Answer, accepted},
    item::{Item, Row, item, number, row, text, time, unreadable},
    once::{Asked, Once, number_of},
    read::{Cost, Stretch, Window},
    schema::{self, Key, MEMBER_PREFIX, MEMBER_SHARDS, PROJECT_PREFIX},
    sources::{state_of, state_word},
    write::{ACTIONS_MAX, Change, Condition, Outcome, Part, Tag, Write, once_each},
};

/// Members of one transaction, each with a check that the account is there and a notice: the others are the project's own action, two about the
/// manager who acts, that he is one and that no block came, the audit's and the key's.
const MEMBERS_OF_WRITE: usize = (ACTIONS_MAX - 5) / 3;
/// Rounds of a change of members that meets others.
const ROUNDS: usize = 4;
/// Rows of a partition that are counted at once, and how often that goes on.
const COUNT_PAGE: u16 = 64;
const COUNT_ROUNDS: usize = 8;

#[derive(Serialize, Deserialize)]
pub(crate) struct ProjectRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    name: String,
    view: String,
    figures: bool,
    clone: String,
    managers: u32,
    state: String,
    made: i64,
}

impl Row for ProjectRow {
    const WHAT: &'static str = "a project";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl ProjectRow {
    fn of(project: &Project) -> Self {
        Self {
            needs: Vec::new(),
            version: project.version,
            id: project.id.to_string(),
            name: project.name.clone(),
            view: project.policy.view.word().to_owned(),
            figures: project.policy.figures,
            clone: project.policy.clone.word().to_owned(),
            managers: project.managers,
            state: state_word(project.state).to_owned(),
            made: project.made.as_millisecond(),
        }
    }

    pub(crate) fn project(self) -> Result<Project, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        let policy = Policy {
            view: Role::of(&self.view).ok_or_else(unknown)?,
            figures: self.figures,
            clone: ClonePolicy::of(&self.clone).ok_or_else(unknown)?,
        };
        Ok(Project {
            id: ProjectId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            name: self.name,
            policy: policy.checked().map_err(unreadable(Self::WHAT))?,
            managers: self.managers,
            state: state_of(&self.state).ok_or_else(unknown)?,
            made: time(self.made, Self::WHAT)?,
            version: self.version,
        })
    }
}

/// A name that a project has, or had: no other gets it, so that what somebody wrote down leads nowhere else.
#[derive(Serialize, Deserialize)]
struct ProjectNameRow {
    project: String,
}

impl Row for ProjectNameRow {
    const WHAT: &'static str = "a project's name";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// That a person is, or was, in a project.
#[derive(Serialize, Deserialize)]
pub(crate) struct ParticipantRow {
    needs: Vec<String>,
    version: u64,
    project: String,
    user: String,
    role: String,
    hold: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
}

impl Row for ParticipantRow {
    const WHAT: &'static str = "a part in a project";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl ParticipantRow {
    fn of(project: ProjectId, part: &Participant) -> Self {
        let is_listed = part.hold == Hold::Active;
        Self {
            needs: Vec::new(),
            version: part.version,
            project: project.to_string(),
            user: part.user.to_string(),
            role: part.role.word().to_owned(),
            hold: hold_word(part.hold).to_owned(),
            at: part.at.as_millisecond(),
            gsi1pk: is_listed.then(|| schema::user_partition(part.user)),
            gsi1sk: is_listed.then(|| schema::project_rank(part.at, project)),
        }
    }

    pub(crate) fn participant(self) -> Result<Participant, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        Ok(Participant {
            user: UserId::parse(&self.user).map_err(unreadable(Self::WHAT))?,
            role: ProjectRole::of(&self.role).ok_or_else(unknown)?,
            hold: hold_of(&self.hold).ok_or_else(unknown)?,
            at: time(self.at, Self::WHAT)?,
            version: self.version,
        })
    }

    /// The project, and as what the person takes part in it, if that counts.
    pub(crate) fn takes_part(self) -> Result<Option<(ProjectId, ProjectRole)>, TableError> {
        let project = ProjectId::parse(&self.project).map_err(unreadable(Self::WHAT))?;
        let part = self.participant()?;
        Ok((part.hold == Hold::Active).then_some((project, part.role)))
    }
}

/// That a person is, or was, in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participant {
    /// The person.
    pub user: UserId,
    /// As what.
    pub role: ProjectRole,
    /// Whether the person is.
    pub hold: Hold,
    /// Since when the person is in it, in whatever role.
    pub at: Timestamp,
    /// Counts the changes.
    pub version: u64,
}

/// What became of a change of who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParticipantsSet {
    /// How many were not yet as wanted.
    pub changed: usize,
    /// Whether one of them may get less by it.
    pub narrows: bool,
}

impl ParticipantsSet {
    fn and(self, other: Self) -> Self {
        Self { changed: self.changed.saturating_add(other.changed), narrows: self.narrows || other.narrows }
    }

    /// As an idempotency item holds it.
    fn result(self) -> String {
        format!("{}{}", if self.narrows { "-" } else { "" }, self.changed)
    }

    /// What an earlier request came to, as [`Table::once_if`] has it.
    ///
    /// # Errors
    /// [`TableError`] for what is no such result.
    pub fn read(result: &str) -> Result<Self, TableError> {
        let narrowed = result.strip_prefix('-');
        Ok(Self { changed: number_of(narrowed.unwrap_or(result))?, narrows: narrowed.is_some() })
    }
}

impl Table {
    /// A project.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>, TableError> {
        let found = self.get(&schema::project(id), &mut Cost::default()).await?;
        found.map(|item| row::<ProjectRow>(item)?.project()).transpose()
    }

    /// The project that has this name, or had it.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn project_named(&self, name: &str) -> Result<Option<Project>, TableError> {
        let Some(found) = self.get(&schema::project_name(name), &mut Cost::default()).await? else { return Ok(None) };
        let id = row::<ProjectNameRow>(found)?.project;
        self.project(ProjectId::parse(&id).map_err(unreadable(ProjectNameRow::WHAT))?).await
    }

    /// As what a person is in a project; `None`: not at all.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn participant(&self, project: ProjectId, user: UserId) -> Result<Option<Participant>, TableError> {
        let found = self.get(&schema::participant(project, user), &mut Cost::default()).await?;
        Ok(found.map(|item| row::<ParticipantRow>(item)?.participant()).transpose()?.filter(|part| part.hold == Hold::Active))
    }

    /// Makes a project, whose maker is its first manager.
    ///
    /// # Errors
    /// [`TableError::Exists`] for a name that is taken.
    pub async fn insert_project(
        &self,
        permit: &Permit,
        project: &Project,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Project, TableError> {
        let by = permit.allows_new_group().filter(|_| project.managers == 1).ok_or(TableError::NotForThis)?;
        if let Some(id) = self.once_if(by, once, now).await? {
            return self.project_made(&id).await;
        }
        let id = project.id.to_string();
        let name = item(&schema::project_name(&project.name), &ProjectNameRow { project: id.clone() })?;
        let first = Participant { user: by, role: ProjectRole::Manager, hold: Hold::Active, at: now, version: 1 };
        let first = item(&schema::participant(project.id, by), &ParticipantRow::of(project.id, &first))?;
        let write = Write::audited(Audited::new(now, by, "project.create", &project.id)?.to(&said(project)))
            .put(Tag::Same, name, Condition::absent())
            .put(Tag::New, item(&schema::project(project.id), &ProjectRow::of(project))?, Condition::absent())
            .put(Tag::New, first, Condition::absent())
            .parts(Once::part(once, by, &id, now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(project.clone()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => self.project_made(&id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Exists { what: "a project of this name" }),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    async fn project_made(&self, id: &str) -> Result<Project, TableError> {
        let id = ProjectId::parse(id).map_err(unreadable("an idempotency item"))?;
        self.project(id).await?.ok_or(TableError::Missing { what: "the project" })
    }

    /// Changes name, policy and state of a project to those of `after`, by a manager. A name that it had stays its own.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it is not as `before` any more, or the manager none; [`TableError::Exists`] for a name that is another's;
    /// [`TableError::Blocked`] where whoever is blocked at a source would let others have more.
    pub async fn edit_project(
        &self,
        permit: &Permit,
        before: &Project,
        after: &Project,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Project, TableError> {
        let by = permit.allows_manage(before.id).ok_or(TableError::NotForThis)?;
        let after = Project { version: before.version.saturating_add(1), managers: before.managers, ..after.clone() };
        if after.id != before.id || after.made != before.made {
            return Err(TableError::NotForThis);
        }
        if (Project { version: before.version, ..after.clone() }) == *before {
            return Ok(before.clone());
        }
        let change = Change::new(schema::project(before.id), Condition::is("version", number(before.version)))
            .set("name", text(&after.name))
            .set("view", text(after.policy.view.word()))
            .set("figures", AttributeValue::Bool(after.policy.figures))
            .set("clone", text(after.policy.clone.word()))
            .set("state", text(state_word(after.state)))
            .set("version", number(after.version));
        let named = (after.name != before.name).then(|| name_of(&after)).transpose()?;
        let unblocked = if before.gives().holds(after.gives()) { None } else { Some(self.unblocked(by).await?) };
        let audited = Audited::new(now, by, "project.edit", &before.id)?.from(&said(before)).to(&said(&after));
        let write = Write::audited(audited.clone())
            .change(Tag::Seen, change.clone())
            .check(schema::participant(before.id, by), takes_part(Some(ProjectRole::Manager)))
            .parts(named)
            .parts(unblocked)
            .parts(Once::part(once, by, &before.id.to_string(), now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(after),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => self.project_made(&id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Exists { what: "a project of this name" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            // Narrowing never fails for bookkeeping.
            Outcome::Busy if after.name == before.name && before.gives().holds(after.gives()) => {
                let is_there = async { Ok(self.project(before.id).await?.is_some_and(|there| there == after)) };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(after) } else { Err(TableError::Stale) }
            }
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Makes people take part in a project as `wanted`, or not at all: by a manager, or by somebody who leaves. Those who do already are left
    /// alone. A failure in between leaves some changed: the same call again changes the rest.
    ///
    /// # Errors
    /// [`TableError::LastManager`] where none would be left, [`TableError::Missing`] for somebody who has no account here: nobody of that
    /// part was changed. [`TableError::Stale`] where whoever acts is no manager any more, [`TableError::Blocked`] where whoever is blocked at a
    /// source would let anybody in. [`TableError::Mismatch`] for another request under one key.
    pub async fn set_participants(
        &self,
        permit: &Permit,
        project: &Project,
        people: &[UserId],
        wanted: Option<ProjectRole>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<ParticipantsSet, TableError> {
        let leaves = permit.is_in(project.id).filter(|by| wanted.is_none() && people == [*by]);
        let acts = match (permit.allows_manage(project.id), leaves) {
            (Some(by), _) => Acts { by, verb: if wanted.is_some() { "project.add" } else { "project.remove" }, manages: true, met: None },
            (None, Some(by)) => Acts { by, verb: "project.leave", manages: false, met: None },
            (None, None) => return Err(TableError::NotForThis),
        };
        if let Some(done) = self.once_if(acts.by, once, now).await? {
            return ParticipantsSet::read(&done);
        }
        let mut people = people.to_vec();
        // Whoever acts comes last: he manages it until then. That one manager stays is asked of all, before the first of several transactions.
        people.sort_unstable_by_key(|user| (*user == acts.by, *user));
        people.dedup();
        if people.len() > MEMBERS_OF_WRITE {
            let (_project, _changes) = self.changes(project.id, &people, wanted, now).await?;
        }
        let mut all = ParticipantsSet::default();
        let mut unblocked = if wanted.is_some() { Some(self.unblocked(acts.by).await?) } else { None };
        let mut parts = people.chunks(MEMBERS_OF_WRITE).peekable();
        while let Some(part) = parts.next() {
            let asked = Asked { by: acts.by, once: once.filter(|_| parts.peek().is_none()), now };
            all = self.set_some((&acts, &mut unblocked), asked, project.id, part, wanted, all).await?;
        }
        Ok(all)
    }

    /// A project as it is, and what makes people take part in it as `wanted`.
    async fn changes(
        &self,
        project: ProjectId,
        people: &[UserId],
        wanted: Option<ProjectRole>,
        now: Timestamp,
    ) -> Result<(Project, Changes), TableError> {
        let head = schema::project(project);
        let keys = people.iter().map(|user| schema::participant(project, *user)).chain([head.clone()]);
        let mut there = self.batch(keys, &mut Cost::default()).await?;
        let found = there.remove(&head).ok_or(TableError::Missing { what: "the project" })?;
        let found = row::<ProjectRow>(found)?.project()?;
        let changes = changes(project, people, &there, wanted, now)?;
        if i64::from(found.managers).saturating_add(changes.managers) < 1 {
            return Err(TableError::LastManager);
        }
        Ok((found, changes))
    }

    /// Lets the person in who accepts an invitation into a project, by the permit of the manager who sent it, and the invitation is done: both or
    /// neither.
    ///
    /// # Errors
    /// As [`Table::set_participants`]; [`TableError::Stale`] too where the invitation changed since it was read, or the person is in the project.
    pub async fn join(
        &self,
        permit: &Permit,
        invitation: &Invitation,
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<ParticipantsSet, TableError> {
        let Promise::Part(project, role) = invitation.promise else { return Err(TableError::NotForThis) };
        let is_its = |by: &UserId| *by == invitation.by && invitation.waits(now);
        let by = permit.allows_manage(project).filter(is_its).ok_or(TableError::NotForThis)?;
        let person = answer.by(invitation)?;
        if let Some(done) = self.once_if(person, answer.once, now).await? {
            return ParticipantsSet::read(&done);
        }
        let acts = Acts { by, verb: "invitation.accept", manages: true, met: Some(invitation) };
        let mut unblocked = Some(self.unblocked(by).await?);
        let asked = Asked { by: person, once: answer.once, now };
        self.set_some((&acts, &mut unblocked), asked, project, &[person], Some(role), ParticipantsSet::default()).await
    }

    /// The same for as many as one transaction takes, where `before` was done already. Answers both.
    async fn set_some(
        &self,
        (acts, unblocked): (&Acts<'_>, &mut Option<(Tag, Part)>),
        Asked { by, once, now }: Asked<'_>,
        project: ProjectId,
        people: &[UserId],
        wanted: Option<ProjectRole>,
        before: ParticipantsSet,
    ) -> Result<ParticipantsSet, TableError> {
        for _round in 0..ROUNDS {
            let (found, changes) = self.changes(project, people, wanted, now).await?;
            let set = before.and(ParticipantsSet { changed: changes.people.len(), narrows: changes.narrows });
            if changes.people.is_empty() && acts.met.is_some() {
                return Err(TableError::Stale);
            }
            if changes.people.is_empty() {
                self.remember(once, by, &set.result(), now).await?;
                return Ok(set);
            }
            // Whoever changes others manages it still; who changes himself did as it was read, which his own change is conditional on.
            let himself = acts.manages && changes.people.contains(&acts.by.to_string());
            if himself && !changes.managed.contains(&acts.by) {
                return Err(TableError::Stale);
            }
            let manager = (acts.manages && !himself)
                .then(|| (Tag::New, Part::Check(schema::participant(project, acts.by), takes_part(Some(ProjectRole::Manager)))));
            let said = json!({ "members": changes.people, "role": wanted.map(ProjectRole::word) });
            // Whoever asks does it: of an invitation that is the person who accepts, and else whose right it rests on.
            let audited = Audited::new(now, by, acts.verb, &project)?.to(&said);
            let told = changes.joined.iter().map(|user| (*user, Occasion::Joined(project)));
            let sender = acts.met.map(|met| (met.by, Occasion::InvitationAccepted(met.target())));
            let write = Write::audited(audited.clone())
                .parts(changes.parts.clone())
                .part(Tag::Seen, counted(&found, changes.managers))
                .parts(manager)
                .parts(once_each(unblocked.clone().into_iter().chain(acts.met.into_iter().flat_map(accepted))).ok_or(TableError::Stale)?)
                .telling(told.chain(sender))?
                .parts(Once::part(once, by, &set.result(), now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(set),
                Outcome::Refused(failed) if failed.contains(&Tag::Once) => {
                    if let Some(done) = self.once_if(by, once, now).await? {
                        return ParticipantsSet::read(&done);
                    }
                }
                Outcome::Refused(failed) if failed.contains(&Tag::New) => return Err(TableError::Stale),
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => return Err(TableError::Missing { what: "somebody named" }),
                // Removing never fails for bookkeeping; a manager's going does, for it rests on how many are left.
                Outcome::Busy if wanted.is_none() && changes.managers == 0 => {
                    if self.remove_alone(changes.parts).await? {
                        self.record(audited).await;
                        return Ok(set);
                    }
                }
                // Somebody else changed one of them, or something of whoever acts: look again.
                Outcome::Refused(_) if unblocked.is_some() => *unblocked = Some(self.unblocked(acts.by).await?),
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// The people of a project, a page at a time; a page may be short, even empty, before the last one.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn participants(&self, project: ProjectId, page: &Page) -> Result<Listed<Participant>, TableError> {
        let Listed { items, next } = self.members_of(&schema::project_partition(project), page).await?;
        let items = items.into_iter().map(|item| row::<ParticipantRow>(item)?.participant()).collect::<Result<_, _>>()?;
        Ok(Listed { items, next })
    }

    /// All the people of a project, by id, however many they are.
    ///
    /// # Errors
    /// [`TableError`], where any of it could not be read.
    pub async fn everybody_in(&self, project: ProjectId) -> Result<Vec<Participant>, TableError> {
        let shards = (0..MEMBER_SHARDS).map(|shard| async move {
            let stretch = Stretch { pk: schema::members(&schema::project_partition(project), shard), prefix: MEMBER_PREFIX };
            self.all(&stretch, &mut Cost::default()).await
        });
        let items = try_join_all(shards).await?.into_iter().flatten();
        let mut people = items.map(|item| row::<ParticipantRow>(item)?.participant()).collect::<Result<Vec<_>, _>>()?;
        people.retain(|part| part.hold == Hold::Active);
        people.sort_unstable_by_key(|part| part.user);
        Ok(people)
    }

    /// How many people are in a project, if they are at most `most`; else, or where so many have left that it takes too long to say, more than
    /// that. A larger project costs no more.
    pub(crate) async fn people_of(&self, project: ProjectId, most: u16) -> Result<usize, TableError> {
        let head = schema::project_partition(project);
        let mut shards: Vec<(String, Option<Item>)> = (0..MEMBER_SHARDS).map(|shard| (schema::members(&head, shard), None)).collect();
        let mut people = 0_usize;
        for _round in 0..COUNT_ROUNDS {
            let pages = shards.into_iter().map(|(pk, after)| async move {
                let window = Window { after, items_max: COUNT_PAGE, newest_first: false, by_index: false };
                let (rows, next) = self.page(&Stretch { pk: pk.clone(), prefix: MEMBER_PREFIX }, &window, &mut Cost::default()).await?;
                let counts = rows.iter().filter(|row| !is_withdrawn(row)).count();
                Ok::<_, TableError>((counts, next.map(|next| (pk, Some(next)))))
            });
            let pages = try_join_all(pages).await?;
            people = pages.iter().fold(people, |people, (counts, _)| people.saturating_add(*counts));
            shards = pages.into_iter().filter_map(|(_, next)| next).collect();
            if shards.is_empty() || people > usize::from(most) {
                return Ok(people);
            }
        }
        Ok(usize::from(most).saturating_add(1))
    }

    /// The projects that a person is in, the latest first, each with the person's part in it: candidates, for the index may be behind.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn projects_of(&self, user: UserId, page: &Page) -> Result<Listed<(Project, Participant)>, TableError> {
        let pk = schema::user_partition(user);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, PROJECT_PREFIX).and_then(|id| ProjectId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&schema::participant(id, user), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: PROJECT_PREFIX }, &window, cost).await?;
        let ids: Vec<_> =
            rows.iter().filter_map(rank_of).filter_map(|rank| ProjectId::parse(schema::id_of_rank(rank, PROJECT_PREFIX)?).ok()).collect();
        let found = self.batch(ids.iter().flat_map(|id| [schema::project(*id), schema::participant(*id, user)]), cost).await?;
        let mut projects = Vec::new();
        for id in ids {
            let part =
                found.get(&schema::participant(id, user)).cloned().map(|item| row::<ParticipantRow>(item)?.participant()).transpose()?;
            let part = part.filter(|part| part.hold == Hold::Active);
            if let (Some(part), Some(item)) = (part, found.get(&schema::project(id)).cloned()) {
                projects.push((row::<ProjectRow>(item)?.project()?, part));
            }
        }
        Ok(Listed { items: projects, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}

/// That a project has its name, which was its own or nobody's.
fn name_of(project: &Project) -> Result<(Tag, Part), TableError> {
    let id = project.id.to_string();
    let own = Condition::absent().or(Condition::is("project", text(&id)));
    Ok((Tag::Same, Part::Put(item(&schema::project_name(&project.name), &ProjectNameRow { project: id })?, own)))
}

/// By whose right members change, and how.
struct Acts<'a> {
    by: UserId,
    verb: &'static str,
    /// As a manager, and not for himself alone.
    manages: bool,
    /// The invitation that is met by it.
    met: Option<&'a Invitation>,
}

/// That a project stands as it was read, with so many managers more, or fewer.
fn counted(project: &Project, managers: i64) -> Part {
    let (head, state) = (schema::project(project.id), Condition::is("state", text(state_word(project.state))));
    if managers == 0 {
        return Part::Check(head, state);
    }
    Part::Change(Change::new(head, state.and(Condition::is("managers", number(project.managers)))).plus("managers", managers))
}

/// What is to be written of members.
struct Changes {
    parts: Vec<(Tag, Part)>,
    /// The ids of those who change.
    people: Vec<String>,
    /// How many managers more, or fewer, there are by it.
    managers: i64,
    /// Those of them who were managers.
    managed: Vec<UserId>,
    /// Those of them who were not in it, and are.
    joined: Vec<UserId>,
    narrows: bool,
}

fn changes(
    project: ProjectId,
    people: &[UserId],
    there: &std::collections::HashMap<Key, Item>,
    wanted: Option<ProjectRole>,
    now: Timestamp,
) -> Result<Changes, TableError> {
    let mut changes =
        Changes { parts: Vec::new(), people: Vec::new(), managers: 0, managed: Vec::new(), joined: Vec::new(), narrows: false };
    for user in people {
        let key = schema::participant(project, *user);
        let row = there.get(&key).cloned().map(|item| row::<ParticipantRow>(item)?.participant()).transpose()?;
        let before = row.filter(|part| part.hold == Hold::Active);
        if before.map(|part| part.role) == wanted {
            continue;
        }
        let after = Participant {
            user: *user,
            role: wanted.or(row.map(|part| part.role)).unwrap_or(ProjectRole::Member),
            hold: if wanted.is_some() { Hold::Active } else { Hold::Withdrawn },
            at: before.filter(|_| wanted.is_some()).map_or(now, |part| part.at),
            version: row.map_or(0, |part| part.version).saturating_add(1),
        };
        let unchanged = row.map_or_else(Condition::absent, |part| Condition::is("version", number(part.version)));
        changes.parts.push((Tag::Seen, Part::Put(item(&key, &ParticipantRow::of(project, &after))?, unchanged)));
        if before.is_none() {
            changes.joined.push(*user);
            changes.parts.push((Tag::Same, Part::Check(schema::user(*user), Condition::present())));
        }
        let will_manage = wanted == Some(ProjectRole::Manager);
        let managed = before.is_some_and(|part| part.role == ProjectRole::Manager);
        changes.narrows |= (managed && !will_manage) || (before.is_some() && wanted.is_none());
        changes.managers = changes.managers.saturating_add(i64::from(will_manage)).saturating_sub(i64::from(managed));
        changes.people.push(user.to_string());
        changes.managed.extend(managed.then_some(*user));
    }
    Ok(changes)
}

/// What the audit says of a project.
fn said(project: &Project) -> serde_json::Value {
    let policy = &project.policy;
    json!({
        "name": project.name, "view": policy.view.word(), "figures": policy.figures, "clone": policy.clone.word(),
        "state": state_word(project.state), "version": project.version,
    })
}
