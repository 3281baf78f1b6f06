//! Groups and their members. A membership is one item, found by group and person, so a decision's cost never grows with a group.

use domain::{
    decision::Permit,
    grant::{Group, GroupKind, GroupState, Hold},
    id::{GroupId, UserId},
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
    grants::{hold_of, hold_word, is_withdrawn},
    item::{Item, NEEDS_CLAIMED, Row, item, needs, number, row, text, time, time_if, unreadable},
    once::{Asked, Once, number_of},
    read::{Cost, Stretch, Window},
    schema::{self, GROUP_RANK, Key, MEMBER_PREFIX, MEMBER_SHARDS},
    write::{ACTIONS_MAX, Change, Condition, Outcome, Part, Tag, Write},
};

/// Members of one transaction: one place is the group's own, one the audit's, one the owner's, who must not be blocked, and one the key's.
const MEMBERS_OF_WRITE: usize = ACTIONS_MAX - 4;
/// Rounds of a change of members that meets others.
const ROUNDS: usize = 4;

#[derive(Serialize, Deserialize)]
pub(crate) struct GroupRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    name: String,
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synced: Option<i64>,
    state: String,
    made: i64,
}

impl Row for GroupRow {
    const WHAT: &'static str = "a group";
    const KNOWN_NEEDS: &'static [&'static str] = &[NEEDS_CLAIMED];

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl GroupRow {
    fn of(group: &Group) -> Self {
        let synced = match group.kind {
            GroupKind::Manual | GroupKind::Claimed => None,
            GroupKind::Synced { synced } => Some(synced.as_millisecond()),
        };
        Self {
            needs: needs([(NEEDS_CLAIMED, group.kind == GroupKind::Claimed)]),
            version: group.version,
            id: group.id.to_string(),
            name: group.name.clone(),
            owner: group.owner.to_string(),
            synced,
            state: state_word(group.state).to_owned(),
            made: group.made.as_millisecond(),
        }
    }

    pub(crate) fn group(self) -> Result<Group, TableError> {
        let kind = match self.synced {
            _ if self.needs.iter().any(|flag| flag == NEEDS_CLAIMED) => GroupKind::Claimed,
            None => GroupKind::Manual,
            Some(synced) => GroupKind::Synced { synced: time(synced, Self::WHAT)? },
        };
        Ok(Group {
            id: GroupId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            name: self.name,
            owner: UserId::parse(&self.owner).map_err(unreadable(Self::WHAT))?,
            kind,
            state: state_of(&self.state).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            made: time(self.made, Self::WHAT)?,
            version: self.version,
        })
    }
}

/// A group's name in the register.
#[derive(Serialize, Deserialize)]
pub(crate) struct GroupNameRow {
    group: String,
}

impl GroupNameRow {
    pub(crate) fn id(&self) -> Result<GroupId, TableError> {
        GroupId::parse(&self.group).map_err(unreadable(Self::WHAT))
    }
}

impl Row for GroupNameRow {
    const WHAT: &'static str = "a group's name";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct MemberRow {
    needs: Vec<String>,
    pub(crate) version: u64,
    group: String,
    user: String,
    hold: String,
    at: i64,
    /// Where in the provider's own order its last word about this stands, and when we heard or it said that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
}

impl Row for MemberRow {
    const WHAT: &'static str = "a membership";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl MemberRow {
    fn new(group: GroupId, user: UserId, hold: Hold, at: Timestamp, version: u64) -> Self {
        let is_listed = hold == Hold::Active;
        Self {
            needs: Vec::new(),
            version,
            group: group.to_string(),
            user: user.to_string(),
            hold: hold_word(hold).to_owned(),
            at: at.as_millisecond(),
            order: None,
            confirmed: None,
            gsi1pk: is_listed.then(|| schema::user_partition(user)),
            gsi1sk: is_listed.then(|| schema::group_rank(at, group)),
        }
    }

    /// The membership after a provider's word; `None`: a later word, or this one, was heard before. Its place in lists stays where it was a
    /// member already.
    pub(crate) fn ordered(before: Option<Self>, group: GroupId, user: UserId, wanted: Hold, order: u64, at: Timestamp) -> Option<Self> {
        if before.as_ref().and_then(|row| row.order).is_some_and(|heard| heard >= order) {
            return None;
        }
        let version = before.as_ref().map_or(0, |row| row.version).saturating_add(1);
        let told = Self { order: Some(order), confirmed: Some(at.as_millisecond()), ..Self::new(group, user, wanted, at, version) };
        Some(match before {
            Some(there) if there.hold == told.hold => {
                Self { version, order: told.order, confirmed: told.confirmed, needs: told.needs, ..there }
            }
            _ => told,
        })
    }

    /// Whether the person was taken out.
    pub(crate) fn is_out(&self) -> bool {
        hold_of(&self.hold) == Some(Hold::Withdrawn)
    }

    fn member(self) -> Result<Member, TableError> {
        Ok(Member {
            user: UserId::parse(&self.user).map_err(unreadable(Self::WHAT))?,
            hold: hold_of(&self.hold).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            at: time(self.at, Self::WHAT)?,
            confirmed: time_if(self.confirmed, Self::WHAT)?,
            version: self.version,
        })
    }

    /// The group, if the membership counts.
    pub(crate) fn active_in(self) -> Result<Option<GroupId>, TableError> {
        let group = GroupId::parse(&self.group).map_err(unreadable(Self::WHAT))?;
        Ok((self.member()?.hold == Hold::Active).then_some(group))
    }

    /// The group, and when the provider last said that the person is in it, if the membership is one.
    pub(crate) fn counts_in(self) -> Result<Option<(GroupId, Option<Timestamp>)>, TableError> {
        let confirmed = time_if(self.confirmed, Self::WHAT)?;
        Ok(self.active_in()?.map(|group| (group, confirmed)))
    }
}

/// That a person is, or was, in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Whether the person is.
    pub hold: Hold,
    /// Since when.
    pub at: Timestamp,
    /// When a provider last said so, where one fills the group.
    pub confirmed: Option<Timestamp>,
    /// Counts the changes.
    pub version: u64,
}

impl Table {
    /// A group.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn group(&self, id: GroupId) -> Result<Option<Group>, TableError> {
        let found = self.get(&schema::group(id), &mut Cost::default()).await?;
        found.map(|item| row::<GroupRow>(item)?.group()).transpose()
    }

    /// The group of this name.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn group_named(&self, name: &str) -> Result<Option<Group>, TableError> {
        let Some(found) = self.get(&schema::group_name(name), &mut Cost::default()).await? else { return Ok(None) };
        self.group(row::<GroupNameRow>(found)?.id()?).await
    }

    /// Whether a person is in a group.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, TableError> {
        let found = self.get(&schema::member(group, user), &mut Cost::default()).await?;
        Ok(found.map(|item| row::<MemberRow>(item)?.active_in()).transpose()?.flatten().is_some())
    }

    /// A person's membership of a group, if there is one. In a group that is filled person by person it may be too old to count.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn membership(&self, group: GroupId, user: UserId) -> Result<Option<Member>, TableError> {
        let found = self.get(&schema::member(group, user), &mut Cost::default()).await?;
        Ok(found.map(|item| row::<MemberRow>(item)?.member()).transpose()?.filter(|member| member.hold == Hold::Active))
    }

    /// Makes a group, whose owner is its first member.
    ///
    /// # Errors
    /// [`TableError::Exists`] for a name that is taken, [`TableError::Blocked`] for whoever is blocked at a source.
    pub async fn insert_group(&self, permit: &Permit, group: &Group, once: Option<&Once>, now: Timestamp) -> Result<Group, TableError> {
        let by = permit.allows_new_group().filter(|by| *by == group.owner).ok_or(TableError::NotForThis)?;
        if let Some(id) = self.once_if(by, once, now).await? {
            return self.made(&id).await;
        }
        let unblocked = self.unblocked(by).await?;
        let id = group.id.to_string();
        let name = item(&schema::group_name(&group.name), &GroupNameRow { group: id.clone() })?;
        let member = MemberRow::new(group.id, by, Hold::Active, now, 1);
        let write = Write::audited(Audited::new(now, by, "group.create", &group.id)?.to(&said(group)))
            .put(Tag::Same, name, Condition::absent())
            .put(Tag::New, item(&schema::group(group.id), &GroupRow::of(group))?, Condition::absent())
            .put(Tag::New, item(&schema::member(group.id, by), &member)?, Condition::absent())
            .parts([unblocked])
            .parts(Once::part(once, by, &id, now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(group.clone()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => self.made(&id).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(failed) if failed.contains(&Tag::Same) || failed.contains(&Tag::New) => {
                Err(TableError::Exists { what: "a group of this name" })
            }
            // Something of the owner changed, perhaps a block: the same request again looks.
            Outcome::Refused(_) | Outcome::Busy => Err(TableError::Throttled),
        }
    }

    async fn made(&self, id: &str) -> Result<Group, TableError> {
        let id = GroupId::parse(id).map_err(unreadable("an idempotency item"))?;
        self.group(id).await?.ok_or(TableError::Missing { what: "the group" })
    }

    /// Adds people to a group, or removes them from it, by its owner, who stays; or removes whoever leaves it. Those who are as wanted already are left alone.
    /// Answers how many changed. A failure in between leaves some changed: the same call again changes the rest, and its key is kept with the
    /// last of them.
    ///
    /// # Errors
    /// [`TableError::Missing`] for somebody who has no account here: nobody of that part was changed. [`TableError::Blocked`] where whoever is
    /// blocked at a source would add anybody. [`TableError::Mismatch`] for another request under one key.
    pub async fn set_members(
        &self,
        permit: &Permit,
        group: &Group,
        people: &[UserId],
        wanted: Hold,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<usize, TableError> {
        let leaves = permit.sees_group(group.id).filter(|by| wanted == Hold::Withdrawn && people == [*by]);
        let (by, verb) = match (permit.allows_gather(group.id), wanted) {
            (Some(by), Hold::Active) => (by, "group.add"),
            (Some(by), _) => (by, "group.remove"),
            (None, _) => (leaves.ok_or(TableError::NotForThis)?, "group.leave"),
        };
        if group.kind != GroupKind::Manual {
            return Err(TableError::NotForThis);
        }
        if let Some(done) = self.once_if(by, once, now).await? {
            return number_of(&done);
        }
        let mut people: Vec<_> = people.iter().copied().filter(|user| *user != group.owner).collect();
        people.sort_unstable();
        people.dedup();
        let mut changed = 0_usize;
        // A person and the check that the account is there are two actions.
        let mut unblocked = if wanted == Hold::Active { Some(self.unblocked(by).await?) } else { None };
        let mut parts = people.chunks(MEMBERS_OF_WRITE / 2).peekable();
        while let Some(part) = parts.next() {
            let asked = Asked { by, once: once.filter(|_| parts.peek().is_none()), now };
            changed = self.set_part(asked, (group, verb), part, wanted, &mut unblocked, changed).await?;
        }
        Ok(changed)
    }

    /// The same for as many as one transaction takes, where `before` were changed already. Answers how many are then.
    async fn set_part(
        &self,
        Asked { by, once, now }: Asked<'_>,
        (group, verb): (&Group, &'static str),
        people: &[UserId],
        wanted: Hold,
        unblocked: &mut Option<(Tag, Part)>,
        before: usize,
    ) -> Result<usize, TableError> {
        for _round in 0..ROUNDS {
            let there = self.batch(people.iter().map(|user| schema::member(group.id, *user)), &mut Cost::default()).await?;
            let mut parts = Vec::new();
            let mut named = Vec::new();
            for user in people {
                let key = schema::member(group.id, *user);
                let member = there.get(&key).cloned().map(|item| row::<MemberRow>(item)?.member()).transpose()?;
                if member.map_or(Hold::Withdrawn, |member| member.hold) == wanted {
                    continue;
                }
                let unchanged = member.map_or_else(Condition::absent, |member| Condition::is("version", number(member.version)));
                let version = member.map_or(0, |member| member.version).saturating_add(1);
                parts.push((Tag::Seen, Part::Put(item(&key, &MemberRow::new(group.id, *user, wanted, now, version))?, unchanged)));
                if wanted == Hold::Active {
                    parts.push((Tag::Same, Part::Check(schema::user(*user), Condition::present())));
                }
                named.push(user.to_string());
            }
            let changed = before.saturating_add(named.len());
            if named.is_empty() {
                self.remember(once, by, &changed.to_string(), now).await?;
                return Ok(changed);
            }
            // Who owns it owns it still; who leaves is no owner.
            let active = Condition::is("state", text(state_word(group.state))).and(Condition::is("owner", text(group.owner.to_string())));
            let audited = Audited::new(now, by, verb, &group.id)?.to(&json!({ "members": named }));
            let write = Write::audited(audited.clone())
                .parts(parts.clone())
                .parts(unblocked.clone())
                .check(schema::group(group.id), active)
                .parts(Once::part(once, by, &changed.to_string(), now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(changed),
                Outcome::Refused(failed) if failed.contains(&Tag::Once) => {
                    if let Some(done) = self.once_if(by, once, now).await? {
                        return number_of(&done);
                    }
                }
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => return Err(TableError::Missing { what: "somebody named" }),
                Outcome::Busy if wanted == Hold::Withdrawn => {
                    if self.remove_alone(parts).await? {
                        self.record(audited).await;
                        return Ok(changed);
                    }
                }
                // Somebody else changed one of them, or something of the owner: look again.
                Outcome::Refused(_) if unblocked.is_some() => *unblocked = Some(self.unblocked(by).await?),
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// Removing never fails for bookkeeping: where transactions only conflict, each membership is ended alone. Answers whether all are;
    /// `false`: somebody else changed one meanwhile.
    pub(crate) async fn remove_alone(&self, parts: Vec<(Tag, Part)>) -> Result<bool, TableError> {
        let mut all = true;
        for (_, part) in parts {
            let Part::Put(member, unchanged) = part else { continue };
            if !self.put_alone(member.clone(), unchanged).await? {
                let key = Key::of(&member).ok_or(TableError::Unreadable { what: MemberRow::WHAT })?;
                // Ours, by an earlier try of which we never heard, or another's.
                all &= self.get(&key, &mut Cost::default()).await? == Some(member);
            }
        }
        Ok(all)
    }

    /// Takes a group out, for good, or says that its members count again, by its owner.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it is not as `before` any more.
    pub async fn set_group_state(
        &self,
        permit: &Permit,
        before: &Group,
        state: GroupState,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Group, TableError> {
        let by = permit.allows_gather(before.id).ok_or(TableError::NotForThis)?;
        if before.state == state {
            return Ok(before.clone());
        }
        let after = Group { state, version: before.version.saturating_add(1), ..before.clone() };
        let change = Change::new(schema::group(before.id), Condition::is("version", number(before.version)))
            .set("state", text(state_word(state)))
            .set("version", number(after.version));
        let audited = Audited::new(now, by, "group.edit", &before.id)?.from(&said(before)).to(&said(&after));
        // Members who count again are let in again.
        let unblocked = if state == GroupState::Active { Some(self.unblocked(by).await?) } else { None };
        let write = Write::audited(audited.clone()).change(Tag::Seen, change.clone()).parts(unblocked).parts(Once::part(
            once,
            by,
            &before.id.to_string(),
            now,
        )?);
        match self.commit(write).await? {
            Outcome::Done => Ok(after),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(_) => self.group(before.id).await?.ok_or(TableError::Missing { what: "the group" }),
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy if state == GroupState::Active => Err(TableError::Throttled),
            // Taking out never fails for bookkeeping.
            Outcome::Busy => {
                let is_there = async { Ok(self.group(before.id).await?.as_ref() == Some(&after)) };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(after) } else { Err(TableError::Stale) }
            }
        }
    }

    /// The people of a group, a page at a time; a page may be short, even empty, before the last one.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn members(&self, group: GroupId, page: &Page) -> Result<Listed<Member>, TableError> {
        let Listed { items, next } = self.members_of(&schema::group_partition(group), page).await?;
        let items = items.into_iter().map(|item| row::<MemberRow>(item)?.member()).collect::<Result<_, _>>()?;
        Ok(Listed { items, next })
    }

    /// How many people are in a group. None of them is read, but their rows are counted one by one: about a megabyte for 5,000.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn count_members(&self, group: GroupId) -> Result<usize, TableError> {
        let shards = (0..MEMBER_SHARDS).map(|shard| async move {
            let stretch = Stretch { pk: schema::members(&schema::group_partition(group), shard), prefix: MEMBER_PREFIX };
            self.count_unlike(&stretch, "hold", hold_word(Hold::Withdrawn)).await
        });
        Ok(try_join_all(shards).await?.into_iter().sum())
    }

    /// The memberships that count in the group or project whose head has this partition, a page at a time by person.
    pub(crate) async fn members_of(&self, head: &str, page: &Page) -> Result<Listed<Item>, TableError> {
        let last = match &page.position {
            None => None,
            Some(text) => Some(UserId::parse(text).map_err(|_why| TableError::Position)?),
        };
        let mut shard = last.map_or(0, schema::member_shard);
        let mut after = last.map(|user| schema::member_of(head, user).attributes());
        let mut items = Vec::new();
        let cost = &mut Cost::default();
        while shard < MEMBER_SHARDS {
            let room = page.items_max().saturating_sub(u16::try_from(items.len()).unwrap_or(u16::MAX));
            let window = Window { after: after.take(), items_max: room.max(1), newest_first: false, by_index: false };
            let stretch = Stretch { pk: schema::members(head, shard), prefix: MEMBER_PREFIX };
            let (read, next) = self.page(&stretch, &window, cost).await?;
            let last = read.last().and_then(Key::of).and_then(|key| key.sk.strip_prefix(MEMBER_PREFIX).map(str::to_owned));
            items.extend(read.into_iter().filter(|item| !is_withdrawn(item)));
            match next {
                Some(_) if items.len() >= usize::from(page.items_max()) => {
                    return Ok(Listed { items, next: last });
                }
                Some(next) => after = Some(next),
                None if items.len() >= usize::from(page.items_max()) && shard.saturating_add(1) < MEMBER_SHARDS => {
                    // The next page begins where this partition ends, and finds nothing more in it.
                    return Ok(Listed { items, next: last });
                }
                None => shard = shard.saturating_add(1),
            }
        }
        Ok(Listed { items, next: None })
    }

    /// The groups that a person is in, the latest first, those too where that is too old to count: candidates, for the index may be behind.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn groups_of(&self, user: UserId, page: &Page) -> Result<Listed<Group>, TableError> {
        let Listed { items, next } = self.joined(user, page).await?;
        Ok(Listed { items: items.into_iter().map(|(group, _)| group).collect(), next })
    }

    /// The same, each with the person's membership of it.
    ///
    /// # Errors
    /// As [`Table::groups_of`].
    pub async fn joined(&self, user: UserId, page: &Page) -> Result<Listed<(Group, Member)>, TableError> {
        let pk = schema::user_partition(user);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, GROUP_RANK).and_then(|id| GroupId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&schema::member(id, user), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&Stretch { pk, prefix: GROUP_RANK }, &window, cost).await?;
        let ids: Vec<_> =
            rows.iter().filter_map(rank_of).filter_map(|rank| GroupId::parse(schema::id_of_rank(rank, GROUP_RANK)?).ok()).collect();
        let keys = ids.iter().flat_map(|id| [schema::group(*id), schema::member(*id, user)]);
        let found = self.batch(keys, cost).await?;
        let mut groups = Vec::new();
        for id in ids {
            let member = found.get(&schema::member(id, user)).cloned().map(|item| row::<MemberRow>(item)?.member()).transpose()?;
            let member = member.filter(|member| member.hold == Hold::Active);
            if let (Some(member), Some(item)) = (member, found.get(&schema::group(id)).cloned()) {
                groups.push((row::<GroupRow>(item)?.group()?, member));
            }
        }
        Ok(Listed { items: groups, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}

/// What the audit says of a group.
fn said(group: &Group) -> serde_json::Value {
    json!({ "name": group.name, "owner": group.owner.to_string(), "state": state_word(group.state), "version": group.version })
}

pub(crate) fn state_word(state: GroupState) -> &'static str {
    match state {
        GroupState::Active => "active",
        GroupState::Loading => "loading",
        GroupState::Retired => "retired",
    }
}

fn state_of(word: &str) -> Option<GroupState> {
    [GroupState::Active, GroupState::Loading, GroupState::Retired].into_iter().find(|state| state_word(*state) == word)
}
