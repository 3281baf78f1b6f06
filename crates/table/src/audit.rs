//! The audit: one entry for each accepted write, in the same transaction. Entries are never changed and never deleted.

use std::fmt;

use domain::{address::SourceHash, id::UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::{
    Listed, Page, Table,
    error::TableError,
    item::{Item, Row, item, row, time, unreadable},
    read::{Cost, Stretch, Window},
    schema::{self, AUDIT_SHARDS, Key},
};

/// Every verb that an entry may have: a noun, a full stop, what was done to it.
pub const VERBS: [&str; 86] = [
    "clone.edit",
    "clone.make",
    "clone.retire",
    "connection.accept",
    "connection.ask",
    "connection.cancel",
    "connection.reject",
    "connection.remove",
    "copy.cancel",
    "copy.done",
    "copy.fail",
    "copy.make",
    "curation.ask",
    "curation.decline",
    "curation.mark",
    "curation.unmark",
    "curation.withdraw",
    "dataset.adopt",
    "dataset.edit",
    "dataset.hand-over",
    "dataset.levels",
    "dataset.put",
    "dataset.register",
    "dataset.retire",
    "dataset.revoke-all",
    "dataset.take",
    "deployment.bootstrap",
    "deployment.serve",
    "deployment.stop",
    "grant.break-glass",
    "grant.give",
    "grant.withdraw",
    "group.add",
    "group.claim",
    "group.create",
    "group.edit",
    "group.leave",
    "group.remove",
    "group.sync",
    "invitation.accept",
    "invitation.close",
    "invitation.decline",
    "invitation.send",
    "invitation.withdraw",
    "link-set.add",
    "link-set.create",
    "link-set.remove",
    "link-set.retire",
    "link.create",
    "link.edit",
    "link.pause",
    "link.promote",
    "link.resume",
    "link.retarget",
    "link.revoke",
    "notice.undelivered",
    "offer.accept",
    "offer.decline",
    "offer.make",
    "offer.withdraw",
    "opening.approve",
    "opening.ask",
    "opening.decline",
    "opening.withdraw",
    "policy.edit",
    "project.add",
    "project.create",
    "project.edit",
    "project.leave",
    "project.remove",
    "source.block",
    "source.edit",
    "source.register",
    "source.unblock",
    "terms.accept",
    "terms.add",
    "ticket.create",
    "token.create",
    "token.revoke",
    "user.address",
    "user.code",
    "user.create",
    "user.edit",
    "user.notices",
    "user.sign-in",
    "user.sign-up",
];

/// Who did what to which thing, and how it was before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id; sorts by time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: UserId,
    /// What was done, `link.create`: one of [`VERBS`].
    pub verb: String,
    /// To what: an id.
    pub target: String,
    /// To what else by the same write: ids.
    pub also: Vec<String>,
    /// The changed attributes before, as JSON. Holds no secret.
    pub before: Option<String>,
    /// The changed attributes after, as JSON. Holds no secret.
    pub after: Option<String>,
    /// Why, if said.
    pub reason: Option<String>,
    /// Where from: a keyed hash of the address, of which only equality within a month means anything. `None`: not known, or done before
    /// this was kept.
    pub source: Option<String>,
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub(crate) struct Audited {
    pub(crate) id: Uuid,
    pub(crate) verb: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) actor: UserId,
    target: String,
    also: Vec<String>,
    before: Option<String>,
    after: Option<String>,
    reason: Option<String>,
    is_of_another: bool,
}

#[derive(Serialize, Deserialize)]
struct AuditRow {
    at: i64,
    actor: String,
    verb: String,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Row for AuditRow {
    const WHAT: &'static str = "an audit entry";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl Audited {
    /// An entry with an id of its own, by which a write of unknown outcome is found again.
    pub(crate) fn new(at: Timestamp, actor: UserId, verb: &'static str, target: &dyn fmt::Display) -> Result<Self, TableError> {
        let mut bits = [0; 10];
        getrandom::fill(&mut bits).map_err(|_why| TableError::Unavailable { why: "no randomness".to_owned() })?;
        Ok(Self::with_bits(at, actor, verb, target, &bits))
    }

    /// An entry whose id follows from what it is a copy of, so that writing it again changes nothing.
    pub(crate) fn derived(at: Timestamp, actor: UserId, verb: &'static str, target: &dyn fmt::Display) -> Self {
        let target = target.to_string();
        let digest = Sha256::digest(format!("{verb} {target} {} {actor}", at.as_millisecond()).as_bytes());
        let mut bits = [0; 10];
        for (to, from) in bits.iter_mut().zip(digest) {
            *to = from;
        }
        Self::with_bits(at, actor, verb, &target, &bits)
    }

    fn with_bits(at: Timestamp, actor: UserId, verb: &'static str, target: &dyn fmt::Display, bits: &[u8; 10]) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        let id = Builder::from_unix_timestamp_millis(millis, bits).into_uuid();
        Self {
            id,
            verb,
            at,
            actor,
            target: target.to_string(),
            also: Vec::new(),
            before: None,
            after: None,
            reason: None,
            is_of_another: false,
        }
    }

    pub(crate) fn from(mut self, before: &serde_json::Value) -> Self {
        self.before = Some(before.to_string());
        self
    }

    pub(crate) fn to(mut self, after: &serde_json::Value) -> Self {
        self.after = Some(after.to_string());
        self
    }

    /// What else the same write is about: whoever asks for one of these finds the entry.
    pub(crate) fn with(mut self, also: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        self.also = also.into_iter().map(|id| id.to_string()).collect();
        self
    }

    pub(crate) fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::to_owned);
        self
    }

    /// An entry for somebody else, who did it before: where from this is written says nothing about it.
    pub(crate) fn of_another(self, is_of_another: bool) -> Self {
        Self { is_of_another, ..self }
    }

    pub(crate) fn key(&self) -> Key {
        schema::audit(self.at, self.id)
    }

    pub(crate) fn item(&self, source: Option<SourceHash>) -> Result<Item, TableError> {
        let row = AuditRow {
            at: self.at.as_millisecond(),
            actor: self.actor.to_string(),
            verb: self.verb.to_owned(),
            target: self.target.clone(),
            also: self.also.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            reason: self.reason.clone(),
            source: source.filter(|_| !self.is_of_another).map(|source| source.to_string()),
        };
        item(&self.key(), &row)
    }
}

impl Table {
    /// Every entry of the calendar month (UTC) of `month_of`, by time.
    ///
    /// # Errors
    /// [`TableError`], where any of it could not be read.
    pub async fn audit(&self, month_of: Timestamp) -> Result<Vec<AuditEntry>, TableError> {
        let mut entries = Vec::new();
        for shard in 0..AUDIT_SHARDS {
            let stretch = Stretch { pk: schema::audit_partition(month_of, shard), prefix: "" };
            for item in self.all(&stretch, &mut Cost::default()).await? {
                entries.push(entry(item)?);
            }
        }
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(entries)
    }

    /// The entries of the calendar month (UTC) of `month_of`, the latest first, a page at a time; a page's position is the id of its last.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn audit_page(&self, month_of: Timestamp, page: &Page) -> Result<Listed<AuditEntry>, TableError> {
        let last = page.position.as_deref().map(Uuid::parse_str).transpose().map_err(|_why| TableError::Position)?;
        let mut entries = Vec::new();
        for shard in 0..AUDIT_SHARDS {
            let pk = schema::audit_partition(month_of, shard);
            // A key that need not be there: the next one before it is.
            let after = last.map(|id| Key { pk: pk.clone(), sk: id.hyphenated().to_string() }.attributes());
            let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: false };
            let (items, _more) = self.page(&Stretch { pk, prefix: "" }, &window, &mut Cost::default()).await?;
            entries.extend(items.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?);
        }
        entries.sort_by(|one, other| other.id.cmp(&one.id));
        let more = entries.len() >= usize::from(page.items_max());
        entries.truncate(usize::from(page.items_max()));
        let next = entries.last().filter(|_| more).map(|entry| entry.id.clone());
        Ok(Listed { items: entries, next })
    }
}

fn entry(item: Item) -> Result<AuditEntry, TableError> {
    let id = Key::of(&item).ok_or(TableError::Unreadable { what: AuditRow::WHAT })?.sk;
    let AuditRow { at, actor, verb, target, also, before, after, reason, source } = row(item)?;
    let actor = UserId::parse(&actor).map_err(unreadable(AuditRow::WHAT))?;
    Ok(AuditEntry { id, at: time(at, AuditRow::WHAT)?, actor, verb, target, also, before, after, reason, source })
}
