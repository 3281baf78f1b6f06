//! Groups that an identity provider fills: by ordered updates of its directory, or person by person as each signs in.
//!
//! Each membership remembers the provider's own order, so what comes late, or again, changes nothing (ACCESS 10). Groups that people fill by
//! hand are in `groups.rs`; nothing here changes those.

use domain::{
    decision::Permit,
    grant::{Group, GroupKind, GroupState, Hold, group_name},
    id::{GroupId, UserId},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Page, Table,
    audit::Audited,
    error::TableError,
    groups::{GroupNameRow, GroupRow, MemberRow, state_word},
    item::{item, number, row, text},
    read::Cost,
    schema,
    users::Identity,
    write::{ACTIONS_MAX, Change, Condition, Outcome, Part, Tag, Write},
};

/// Members of one transaction: each is two actions, and one place is the group's or the identity's own, one the audit's, one the owner's, who
/// must not be blocked.
const MEMBERS_OF_WRITE: usize = (ACTIONS_MAX - 3) / 2;
/// Rounds of a change that meets others.
const ROUNDS: usize = 4;
/// Pages of one person's groups that a sign-in looks through.
const PAGES_MAX: usize = 100;

/// What an ordered update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Synced {
    /// Memberships that it changed, those included of which only the order is new.
    pub changed: usize,
    /// Of the people who are to be out, how many are: by this update, or before.
    pub out: usize,
    /// Those about which something later, or this same update, was said before.
    pub late: usize,
}

impl Table {
    /// What a directory says of people in a group that it keeps, under its own order: who is in, who is not. Later words win, whenever
    /// they come; the same again changes nothing. One transaction for each 48 people: a failure in between leaves some changed, and the same
    /// call again changes the rest. The group's owner stays.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] for a group that is filled otherwise, [`TableError::Missing`] for somebody who has no account here,
    /// [`TableError::Blocked`] where whoever is blocked at a source would add anybody.
    pub async fn sync_members(
        &self,
        permit: &Permit,
        group: &Group,
        order: u64,
        people: &[(UserId, Hold)],
        now: Timestamp,
    ) -> Result<Synced, TableError> {
        let is_synced = matches!(group.kind, GroupKind::Synced { .. });
        let by = permit.allows_gather(group.id).filter(|_| is_synced).ok_or(TableError::NotForThis)?;
        let mut people: Vec<_> = people.iter().copied().filter(|(user, _)| *user != group.owner).collect();
        // Whoever is named both ways is out.
        people.sort_unstable_by_key(|(user, hold)| (*user, *hold == Hold::Active));
        people.dedup_by_key(|(user, _)| *user);
        let mut all = Synced::default();
        let adds = people.iter().any(|(_, hold)| *hold == Hold::Active);
        let mut unblocked = if adds { Some(self.unblocked(by).await?) } else { None };
        for part in people.chunks(MEMBERS_OF_WRITE) {
            let done = self.sync_part((by, &mut unblocked), group, order, part, now).await?;
            all = Synced {
                changed: all.changed.saturating_add(done.changed),
                out: all.out.saturating_add(done.out),
                late: all.late.saturating_add(done.late),
            };
        }
        Ok(all)
    }

    async fn sync_part(
        &self,
        (by, unblocked): (UserId, &mut Option<(Tag, Part)>),
        group: &Group,
        order: u64,
        people: &[(UserId, Hold)],
        now: Timestamp,
    ) -> Result<Synced, TableError> {
        // How many were removed alone, in rounds before.
        let mut gone = 0_usize;
        for _round in 0..ROUNDS {
            let there = self.batch(people.iter().map(|(user, _)| schema::member(group.id, *user)), &mut Cost::default()).await?;
            let (mut parts, mut outs, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut out = 0_usize;
            for (user, wanted) in people {
                let before = there.get(&schema::member(group.id, *user)).cloned().map(row::<MemberRow>).transpose()?;
                let is_out = before.as_ref().is_some_and(MemberRow::is_out);
                let Some(put) = ordered(before, group.id, *user, *wanted, order, now)? else {
                    out = out.saturating_add(usize::from(is_out && *wanted == Hold::Withdrawn));
                    continue;
                };
                match wanted {
                    Hold::Active => {
                        parts.push(put);
                        parts.push((Tag::Same, Part::Check(schema::user(*user), Condition::present())));
                        added.push(user.to_string());
                    }
                    Hold::Withdrawn => {
                        outs.push(put);
                        removed.push(user.to_string());
                    }
                }
            }
            let changed = gone.saturating_add(added.len()).saturating_add(removed.len());
            let synced = Synced { changed, out: out.saturating_add(removed.len()), late: people.len().saturating_sub(changed) };
            if parts.is_empty() && outs.is_empty() {
                return Ok(synced);
            }
            let same = Condition::is("state", text(state_word(group.state))).and(Condition::is("owner", text(by.to_string())));
            let heard = Change::new(schema::group(group.id), same).set("synced", number(now.as_millisecond()));
            let said = json!({ "order": order, "added": added, "removed": removed });
            let write = Write::audited(Audited::new(now, by, "group.sync", &group.id)?.to(&said))
                .parts(parts)
                .parts(outs.clone())
                .parts(unblocked.clone().filter(|_| !added.is_empty()))
                .change(Tag::Seen, heard);
            match self.commit(write).await? {
                Outcome::Done => return Ok(synced),
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => return Err(TableError::Missing { what: "somebody named" }),
                // Removing goes alone; adding, and saying that the group was heard of, wait for a quieter time.
                Outcome::Busy if !outs.is_empty() => {
                    if self.remove_alone(outs).await? {
                        let said = json!({ "order": order, "added": [], "removed": removed });
                        self.record(Audited::new(now, by, "group.sync", &group.id)?.to(&said)).await;
                        gone = gone.saturating_add(removed.len());
                        if added.is_empty() {
                            return Ok(synced);
                        }
                    }
                }
                // Somebody else changed one of them, or something of the owner: look again.
                Outcome::Refused(_) if unblocked.is_some() => *unblocked = Some(self.unblocked(by).await?),
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// What the provider says of the groups of a person who signs in, at the time of its word: in those of its groups here that are named,
    /// and in no other of them. Answers how many memberships it changed or confirmed. Which of its groups the person was in the index
    /// says, which may be a moment behind: what it misses is taken away at the next signing in, and counts for seven days at most.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the identity is another's.
    pub async fn sync_claimed(
        &self,
        identity: Identity<'_>,
        user: UserId,
        names: &[String],
        said: Timestamp,
        now: Timestamp,
    ) -> Result<usize, TableError> {
        let mut groups: Vec<_> = self.claimed_named(names).await?.into_iter().map(|group| (group, Hold::Active)).collect();
        for group in self.claimed_of(user).await? {
            if groups.iter().all(|(named, _)| *named != group) {
                groups.push((group, Hold::Withdrawn));
            }
        }
        let order = u64::try_from(said.as_millisecond()).unwrap_or_default();
        let mut changed = 0_usize;
        for part in groups.chunks(MEMBERS_OF_WRITE) {
            changed = changed.saturating_add(self.claim_part(identity, user, part, (order, said), now).await?);
        }
        Ok(changed)
    }

    async fn claim_part(
        &self,
        identity: Identity<'_>,
        user: UserId,
        groups: &[(GroupId, Hold)],
        (order, said): (u64, Timestamp),
        now: Timestamp,
    ) -> Result<usize, TableError> {
        let mut gone = 0_usize;
        for _round in 0..ROUNDS {
            let there = self.batch(groups.iter().map(|(group, _)| schema::member(*group, user)), &mut Cost::default()).await?;
            let (mut parts, mut outs, mut named, mut left) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (group, wanted) in groups {
                let before = there.get(&schema::member(*group, user)).cloned().map(row::<MemberRow>).transpose()?;
                let Some(put) = ordered(before, *group, user, *wanted, order, said)? else { continue };
                let word = json!({ "group": group.to_string(), "is_member": *wanted == Hold::Active });
                match wanted {
                    Hold::Active => parts.push(put),
                    Hold::Withdrawn => {
                        outs.push(put);
                        left.push(word.clone());
                    }
                }
                named.push(word);
            }
            if named.is_empty() {
                return Ok(gone);
            }
            let same = Condition::is("user", text(user.to_string()));
            let write = Write::audited(Audited::new(now, user, "group.claim", &user)?.to(&json!({ "groups": named })))
                .parts(parts)
                .parts(outs.clone())
                .part(Tag::Same, Part::Check(schema::identity(identity.issuer, identity.subject), same));
            match self.commit(write).await? {
                Outcome::Done => return Ok(gone.saturating_add(named.len())),
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => return Err(TableError::Stale),
                // Leaving goes alone, once it is certain who the provider speaks of; entering waits for a quieter time.
                Outcome::Busy if !outs.is_empty() && self.identified(identity).await?.is_some_and(|there| there.id == user) => {
                    if self.remove_alone(outs).await? {
                        gone = gone.saturating_add(left.len());
                        self.record(Audited::new(now, user, "group.claim", &user)?.to(&json!({ "groups": left }))).await;
                        if left.len() == named.len() {
                            return Ok(gone);
                        }
                    }
                }
                // Signing in twice at once: look again.
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// The provider's groups of these names, as far as there are such groups here and their members count.
    async fn claimed_named(&self, names: &[String]) -> Result<Vec<GroupId>, TableError> {
        let cost = &mut Cost::default();
        let keys: Vec<_> = names.iter().filter_map(|name| group_name(name)).map(|name| schema::group_name(&name)).collect();
        let found = self.batch(keys, cost).await?;
        let ids = found.into_values().map(|item| row::<GroupNameRow>(item)?.id()).collect::<Result<Vec<_>, _>>()?;
        let found = self.batch(ids.into_iter().map(schema::group), cost).await?;
        let groups = found.into_values().map(|item| row::<GroupRow>(item)?.group()).collect::<Result<Vec<_>, _>>()?;
        let counts = |group: &Group| group.kind == GroupKind::Claimed && group.state == GroupState::Active;
        let mut ids: Vec<_> = groups.into_iter().filter(counts).map(|group| group.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The provider's groups that a person is in, retired ones too.
    async fn claimed_of(&self, user: UserId) -> Result<Vec<GroupId>, TableError> {
        let mut groups = Vec::new();
        let mut page = Page::default();
        for _page in 0..PAGES_MAX {
            let listed = self.groups_of(user, &page).await?;
            groups.extend(listed.items.iter().filter(|group| group.kind == GroupKind::Claimed).map(|group| group.id));
            let Some(next) = listed.next else { return Ok(groups) };
            page.position = Some(next);
        }
        Err(TableError::Unavailable { why: "a person of more groups than can be looked through".to_owned() })
    }
}

/// The membership after a provider's word of this order; `None`: a later word, or this one, was heard before.
fn ordered(
    before: Option<MemberRow>,
    group: GroupId,
    user: UserId,
    wanted: Hold,
    order: u64,
    at: Timestamp,
) -> Result<Option<(Tag, Part)>, TableError> {
    let unchanged = before.as_ref().map_or_else(Condition::absent, |row| Condition::is("version", number(row.version)));
    let Some(after) = MemberRow::ordered(before, group, user, wanted, order, at) else { return Ok(None) };
    Ok(Some((Tag::Seen, Part::Put(item(&schema::member(group, user), &after)?, unchanged))))
}
