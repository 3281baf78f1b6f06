//! Links: made, edited, revoked, listed.
//!
//! A tombstone lies beside its link as an item of its own. Nothing in this crate changes or deletes one, and no write of a link can hide it.
//! Not here: a link's key, of which the table holds the hash only.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    code::Code,
    decision::{DatasetFacts, LinkFacts, Permit, Place, Through, Via, via_of},
    grant::{Net, Zones},
    id::{DatasetId, GroupId, IdError, LinkId, ProjectId, SourceId, UserId},
    key::{Epoch, KeyHash, LinkKey},
    limits::NOTICE_KEPT_SECS,
    link::{Class, Link, LinkState, Options, Tombstone, Until},
    notice::{Occasion, told_of_end},
    path::ObjectPath,
    rights::{Right, Role},
    timing::later,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    codes::code_part,
    datasets::{as_seen, listed_after, rank_of},
    error::TableError,
    grants::proof,
    item::{
        Item, NEEDS_BYTES, NEEDS_HARD_ZONES, NEEDS_HIDDEN, NEEDS_LEVEL, NEEDS_PASS, NEEDS_RATE, NEEDS_ROLE, NEEDS_ZONES, Row, item, needs,
        number, row, text, texts, time, time_if, unreadable,
    },
    once::Once,
    passes::{Password, password_change},
    promote::stewards,
    read::{Cost, Stretch, Window},
    schema::{self, GSI2_PK, GSI2_SK, LINK_RANK},
    write::{Alone, Change, Condition, Outcome, Part, Tag, Write},
};

/// Rounds of a create that meets others who ask for the same.
const ROUNDS: usize = 4;

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute by its own name")]
pub(crate) struct LinkRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    dataset: String,
    source: String,
    subpath: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    class: String,
    label: String,
    until_asked: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    strict: bool,
    /// Absent: the most that a link gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    zones: Vec<String>,
    #[serde(default)]
    hard_zones: bool,
    #[serde(default)]
    hide_listing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    /// The version with which its password was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sessions_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_per_second: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes_per_day: Option<u64>,
    maker: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via_on: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via_project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via_policy: Option<String>,
    stewarded: bool,
    enabled: bool,
    links_gen: u64,
    epoch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over_until: Option<i64>,
    made: i64,
}

impl Row for LinkRow {
    const WHAT: &'static str = "a link";
    const KNOWN_NEEDS: &'static [&'static str] =
        &[NEEDS_ROLE, NEEDS_ZONES, NEEDS_HARD_ZONES, NEEDS_HIDDEN, NEEDS_LEVEL, NEEDS_PASS, NEEDS_RATE, NEEDS_BYTES];

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl LinkRow {
    fn of(link: &Link) -> Self {
        let [via_group, via_project, via_policy] = through_texts(link.via);
        Self {
            needs: needs_of(&link.options),
            version: link.version,
            id: link.id.to_string(),
            dataset: link.dataset.to_string(),
            source: link.source.to_string(),
            subpath: link.subpath.as_str().to_owned(),
            name: link.name.clone(),
            code: link.code.map(|code| code.to_string()),
            class: link.class.word().to_owned(),
            label: link.options.label.clone(),
            until_asked: until_word(link.options.until),
            until: link.until.map(Timestamp::as_millisecond),
            not_before: link.options.not_before.map(Timestamp::as_millisecond),
            strict: link.options.strict,
            role: role_word(&link.options),
            zones: link.options.zones.texts().collect(),
            hard_zones: link.options.hard_zones,
            hide_listing: link.options.hide_listing,
            level: link.options.level,
            password: link.options.password,
            sessions_max: link.options.sessions_max,
            requests_per_second: link.options.requests_per_second,
            bytes_per_day: link.options.bytes_per_day,
            maker: link.maker.to_string(),
            via_on: link.via.map(|via| via.on.to_string()),
            via_group,
            via_project,
            via_policy,
            stewarded: link.stewarded,
            enabled: link.enabled,
            links_gen: link.links_gen,
            epoch: link.epoch.to_string(),
            given_until: link.given_until.map(Timestamp::as_millisecond),
            over_until: link.over_until.map(Timestamp::as_millisecond),
            made: link.made.as_millisecond(),
        }
    }

    /// The hash is the row's own address.
    pub(crate) fn link(self, hash: KeyHash) -> Result<Link, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        Ok(Link {
            id: LinkId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            hash,
            dataset: DatasetId::parse(&self.dataset).map_err(unreadable(Self::WHAT))?,
            source: SourceId::parse(&self.source).map_err(unreadable(Self::WHAT))?,
            subpath: ObjectPath::from_decoded(self.subpath).map_err(unreadable(Self::WHAT))?,
            name: self.name,
            code: self.code.map(|code| Code::parse(&code)).transpose().map_err(unreadable(Self::WHAT))?,
            class: Class::of(&self.class).ok_or_else(unknown)?,
            options: Options {
                label: self.label,
                until: until_of(&self.until_asked).ok_or_else(unknown)?,
                not_before: time_if(self.not_before, Self::WHAT)?,
                strict: self.strict,
                role: self.role.map_or(Some(Role::Download), |word| Role::of(&word)).ok_or_else(unknown)?,
                zones: Zones::parse(&self.zones).map_err(unreadable(Self::WHAT))?,
                hard_zones: self.hard_zones,
                hide_listing: self.hide_listing,
                level: self.level,
                password: self.password,
                sessions_max: self.sessions_max,
                requests_per_second: self.requests_per_second,
                bytes_per_day: self.bytes_per_day,
            },
            until: time_if(self.until, Self::WHAT)?,
            maker: UserId::parse(&self.maker).map_err(unreadable(Self::WHAT))?,
            via: match self.via_on {
                None => None,
                Some(on) => Some(Via {
                    on: DatasetId::parse(&on).map_err(unreadable(Self::WHAT))?,
                    through: through_of([self.via_group, self.via_project, self.via_policy]).map_err(unreadable(Self::WHAT))?,
                }),
            },
            stewarded: self.stewarded,
            enabled: self.enabled,
            links_gen: self.links_gen,
            epoch: Epoch::parse(&self.epoch).map_err(unreadable(Self::WHAT))?,
            given_until: time_if(self.given_until, Self::WHAT)?,
            over_until: time_if(self.over_until, Self::WHAT)?,
            made: time(self.made, Self::WHAT)?,
            version: self.version,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TombstoneRow {
    needs: Vec<String>,
    link: String,
    at: i64,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Row for TombstoneRow {
    const WHAT: &'static str = "a tombstone";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl TombstoneRow {
    pub(crate) fn tombstone(self) -> Result<Tombstone, TableError> {
        let by = UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?;
        Ok(Tombstone { at: time(self.at, Self::WHAT)?, by, reason: self.reason })
    }
}

/// A link among those of its dataset. What is listed is read from the link itself; the facts here are for other readers of the table.
#[derive(Serialize, Deserialize)]
pub(crate) struct PointerRow {
    hash: String,
    /// Rows written before it was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subpath: Option<String>,
    label: String,
    class: String,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    gsi1pk: String,
    gsi1sk: String,
}

impl PointerRow {
    pub(crate) fn of(link: &Link) -> Self {
        Self {
            hash: link.hash.to_string(),
            subpath: Some(link.subpath.as_str().to_owned()),
            label: link.options.label.clone(),
            class: link.class.word().to_owned(),
            enabled: link.enabled,
            until: link.until.map(Timestamp::as_millisecond),
            gsi1pk: schema::links_of_dataset(link.dataset),
            gsi1sk: schema::link_rank(link.made, link.id),
        }
    }
}

impl Row for PointerRow {
    const WHAT: &'static str = "a link pointer";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// By a link's id to its hash, and a link among those of its maker.
#[derive(Serialize, Deserialize)]
struct LinkIdRow {
    hash: String,
    dataset: String,
    gsi1pk: String,
    gsi1sk: String,
}

impl Row for LinkIdRow {
    const WHAT: &'static str = "a link id";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// By what was asked to the link that was made of it (L7).
#[derive(Serialize, Deserialize)]
struct OptionsRow {
    link: String,
    hash: String,
}

impl Row for OptionsRow {
    const WHAT: &'static str = "link options";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// What is kept beside a new link, for which it has no place itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept<'a> {
    /// Of the password that the link names.
    pub password: Option<&'a Password>,
    /// Its key, where it has a code.
    pub key: Option<&'a LinkKey>,
}

/// What a create came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// The link, new or the one that was there.
    pub link: Link,
    /// Whether it was there: the same request meets the same link (L7).
    pub existing: bool,
}

/// What a revoke came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The tombstone, new or the first one.
    pub tombstone: Tombstone,
    /// Whether it was there.
    pub existing: bool,
    /// The link beside it: nothing makes it wider any more. `None`: it could not be read.
    pub link: Option<Link>,
}

impl Table {
    /// Makes a link on the dataset that was `seen`. The same maker asking for the same, while that link has not ended, gets that link, a
    /// paused one too; however many ask at once, there is one.
    ///
    /// # Errors
    /// [`TableError::Stale`] where dataset or source changed since `seen`: load and decide again. [`TableError::Unavailable`]: unknown
    /// whether it was written; ask again.
    pub async fn insert_link(
        &self,
        permit: &Permit,
        link: &Link,
        seen: &DatasetFacts,
        once: Option<&Once>,
    ) -> Result<Inserted, TableError> {
        self.insert_kept(permit, link, Kept::default(), seen, once).await
    }

    /// The same, with what is kept beside the link. One with a password is always a new link: whether another was asked for with the same one,
    /// nobody can tell.
    ///
    /// # Errors
    /// As [`Table::insert_link`]; [`TableError::Stale`], too, where its code is another's: draw another.
    pub async fn insert_kept(
        &self,
        permit: &Permit,
        link: &Link,
        Kept { password, key }: Kept<'_>,
        seen: &DatasetFacts,
        once: Option<&Once>,
    ) -> Result<Inserted, TableError> {
        if link.options.password.is_some() != password.is_some() {
            return Err(TableError::NotForThis);
        }
        let Place { source, dataset } = &seen.place;
        let on_seen = link.dataset == dataset.id && link.source == source.id && link.links_gen == dataset.links_gen;
        let maker = permit.allows_share_on(link.dataset).filter(|by| *by == link.maker && on_seen).ok_or(TableError::NotForThis)?;
        let (now, asked) = (link.made, asked(link));
        for _round in 0..ROUNDS {
            if let Some(id) = self.once_if(maker, once, now).await? {
                return self.inserted_as(&id, maker, now).await;
            }
            let there = self.get(&schema::link_options(asked), &mut Cost::default()).await?.map(row::<OptionsRow>).transpose()?;
            if let Some(there) = &there
                && let Some(same) = self.same_link(&there.hash, asked, now).await?
            {
                self.remember(once, maker, &same.id.to_string(), now).await?;
                return Ok(Inserted { link: same, existing: true });
            }
            let write = new_link(link, asked, there.as_ref())?
                .parts(as_seen(&seen.place))
                .parts(made_by(link, seen))
                .parts(code_part(link, key)?)
                .parts(password.map(|password| (Tag::New, Part::Change(password_change(link, Some(password))))))
                .parts(Once::part(once, maker, &link.id.to_string(), now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(Inserted { link: LinkRow::of(link).link(link.hash)?, existing: false }),
                Outcome::Refused(failed) if failed.contains(&Tag::Once) || failed.contains(&Tag::Same) => {}
                Outcome::Refused(failed) if failed.contains(&Tag::Seen) => return Err(TableError::Stale),
                Outcome::Refused(_) => return Err(TableError::Exists { what: "a link of this id" }),
                Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    /// The link of this hash, if what was asked for is still what it is, and it has not ended.
    async fn same_link(&self, hash: &str, fingerprint: KeyHash, now: Timestamp) -> Result<Option<Link>, TableError> {
        let hash = KeyHash::parse(hash).map_err(unreadable(OptionsRow::WHAT))?;
        let Some(facts) = self.link_facts(hash, now).await? else { return Ok(None) };
        let ended = matches!(facts.state(now), LinkState::Revoked | LinkState::Withdrawn | LinkState::Expired);
        Ok((!ended && asked(&facts.link) == fingerprint).then_some(facts.link))
    }

    pub(crate) async fn inserted_as(&self, id: &str, by: UserId, now: Timestamp) -> Result<Inserted, TableError> {
        let id = LinkId::parse(id).map_err(unreadable("an idempotency item"))?;
        let facts = self.link_by_id(id, by, now).await?.ok_or(TableError::Missing { what: "the link" })?;
        Ok(Inserted { link: facts.link, existing: true })
    }

    /// Changes a link's options, or pauses or resumes it. Nothing else of it changes, and its version is counted here.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it is not as `before` any more, or was revoked. [`TableError::NotForThis`] too where the change widens
    /// the link and the permit only lets it be narrowed.
    pub async fn edit_link(
        &self,
        permit: &Permit,
        before: &LinkFacts,
        after: &Link,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Link, TableError> {
        self.edit_guarded(permit, before, after, None, once, now).await
    }

    /// The same, with what is kept of another password, where the change names one.
    ///
    /// # Errors
    /// As [`Table::edit_link`].
    pub async fn edit_guarded(
        &self,
        permit: &Permit,
        before: &LinkFacts,
        after: &Link,
        password: Option<&Password>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Link, TableError> {
        let old = &before.link;
        let other_password = old.options.password != after.options.password;
        if (other_password && after.options.password.is_some()) != password.is_some() {
            return Err(TableError::NotForThis);
        }
        let widens = old.is_widened_by(after);
        let by = permit.allows_change_of(old.id).ok_or(TableError::NotForThis)?;
        // What was given out cannot be taken back: its end never falls.
        let given_until = old.given_until.max(after.given_until);
        // Only whoever counts says that a link is over its budget.
        let over_until = old.over_until.filter(|_| after.over_until.is_some());
        let mut new =
            Link { options: after.options.clone(), until: after.until, enabled: after.enabled, given_until, over_until, ..old.clone() };
        if new != (Link { version: old.version, ..after.clone() }) || (widens && permit.allows_share_on(old.dataset).is_none()) {
            return Err(TableError::NotForThis);
        }
        if let Some(id) = self.once_if(by, once, now).await? {
            return Ok(self.inserted_as(&id, by, now).await?.link);
        }
        if new == *old {
            self.remember(once, by, &old.id.to_string(), now).await?;
            return Ok(new);
        }
        new.version = old.version.saturating_add(1);
        let audited = Audited::new(now, by, edit_verb(old, &new), &old.id)?.from(&said(old)).to(&said(&new));
        let change = link_change(old, &new, now);
        let mut write = Write::audited(audited.clone())
            .telling(news(old, &new).map(|occasion| (old.maker, occasion)))?
            .change(Tag::Seen, change.clone())
            .change(Tag::New, pointer_change(&new))
            .check(schema::tombstone(old.hash), Condition::absent())
            .parts(Once::part(once, by, &old.id.to_string(), now)?);
        if other_password {
            // The link names its password by this very version.
            if new.options.password.is_some_and(|mark| mark != new.version) {
                return Err(TableError::NotForThis);
            }
            write = write.change(Tag::New, password_change(&new, password));
        }
        if widens {
            write = write.parts(as_seen(&before.place)).parts(rests_on(before, by, now));
        }
        match self.commit(write).await? {
            // Without its password, a link that names one would open to nobody.
            Outcome::Busy if !widens && !other_password => self.edit_alone(&change, old, new, audited).await,
            outcome => {
                let new = LinkRow::of(&new).link(new.hash)?;
                self.link_changed(outcome, new, (by, once), now).await
            }
        }
    }

    /// What the outcome of a change says that does not go alone: `new` is the link after it.
    pub(crate) async fn link_changed(
        &self,
        outcome: Outcome,
        new: Link,
        (by, once): (UserId, Option<&Once>),
        now: Timestamp,
    ) -> Result<Link, TableError> {
        match outcome {
            Outcome::Done => Ok(new),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => self.changed_by_other(by, once, now).await,
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// The link after the same request, which was sent at the same time and did it.
    async fn changed_by_other(&self, by: UserId, once: Option<&Once>, now: Timestamp) -> Result<Link, TableError> {
        match self.once_if(by, once, now).await? {
            Some(id) => Ok(self.inserted_as(&id, by, now).await?.link),
            None => Err(TableError::Throttled),
        }
    }

    /// A narrowing that goes alone. What it cannot be sure of it reads back.
    async fn edit_alone(&self, change: &Change, old: &Link, new: Link, audited: Audited) -> Result<Link, TableError> {
        let new = LinkRow::of(&new).link(new.hash)?;
        let is_there = async { Ok(self.link_now(new.hash).await?.as_ref() == Some(&new)) };
        if !self.narrow_alone(change, audited.clone(), is_there).await? {
            return Err(TableError::Stale);
        }
        if let Some(occasion) = news(old, &new) {
            self.tell_after(&audited, old.maker, occasion).await;
        }
        Ok(new)
    }

    /// Revokes a link: one Put of its tombstone, which no other state can hinder. The first one stays; a second revoke succeeds and
    /// answers with it. Its audit copy and a notice to its maker follow, and do not fail the revoke (SEMANTICS 5): what of them could not be
    /// written, the second revoke writes. The link is then read again: it may have been made wider, to another bound, between `facts` and the
    /// tombstone.
    ///
    /// # Errors
    /// [`TableError::Unavailable`], [`TableError::Throttled`]: unknown whether it was written; revoke again.
    pub async fn revoke(&self, permit: &Permit, facts: &LinkFacts, tombstone: &Tombstone) -> Result<Revoked, TableError> {
        let (link, now) = (&facts.link, tombstone.at);
        permit.allows_change_of(link.id).filter(|by| *by == tombstone.by).ok_or(TableError::NotForThis)?;
        let own = TombstoneRow {
            needs: Vec::new(),
            link: link.id.to_string(),
            at: tombstone.at.as_millisecond(),
            by: tombstone.by.to_string(),
            reason: tombstone.reason.clone(),
        };
        let key = schema::tombstone(link.hash);
        let item = item(&key, &own)?;
        let own = own.tombstone()?;
        let (tombstone, existing) = match self.put_alone(item, Condition::absent()).await {
            Ok(true) => (own, false),
            Ok(false) => {
                let first = self.first_tombstone(link.hash).await?;
                first.map_or_else(|| (own.clone(), true), |first| (first.clone(), first != own))
            }
            // Unknown: what lies there now says it.
            Err(why) => match self.first_tombstone(link.hash).await {
                Ok(Some(first)) => (first.clone(), first != own),
                _ => return Err(why),
            },
        };
        let Tombstone { at, by, reason } = &tombstone;
        let copy = Audited::derived(*at, *by, "link.revoke", &link.id).from(&said(link)).because(reason.as_deref());
        let copy = copy.of_another(existing);
        self.record(copy.clone()).await;
        // The notice of one that is older was dropped, told or not.
        if later(*at, NOTICE_KEPT_SECS) > now {
            self.tell_after(&copy, link.maker, Occasion::LinkRevoked(link.id)).await;
        }
        Ok(Revoked { tombstone, existing, link: self.link_now(link.hash).await.ok().flatten() })
    }

    /// The link of this hash as it is now.
    async fn link_now(&self, hash: KeyHash) -> Result<Option<Link>, TableError> {
        let there = self.get(&schema::link(hash), &mut Cost::default()).await?;
        there.map(|item| row::<LinkRow>(item)?.link(hash)).transpose()
    }

    /// The tombstone that lies there. One that cannot be read lies there all the same, but cannot be shown.
    async fn first_tombstone(&self, hash: KeyHash) -> Result<Option<Tombstone>, TableError> {
        let found = self.get(&schema::tombstone(hash), &mut Cost::default()).await?;
        Ok(found.and_then(|item| row::<TombstoneRow>(item).and_then(TombstoneRow::tombstone).ok()))
    }

    /// Revokes every link of a dataset, in one write. Answers the dataset's `links_gen`: a link made under a lower one is revoked.
    ///
    /// # Errors
    /// [`TableError`]; where it is unknown whether it was written, ask again.
    pub async fn revoke_all(
        &self,
        permit: &Permit,
        place: &Place,
        reason: Option<&str>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<u64, TableError> {
        let dataset = &place.dataset;
        let by = permit.allows(domain::decision::Action::RevokeAll, dataset.id).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.links_gen(dataset.id).await;
        }
        let next = dataset.links_gen.saturating_add(1);
        let change = Change::new(schema::dataset(dataset.id), Condition::is("links_gen", number(dataset.links_gen)))
            .set("links_gen", number(next))
            .count("version");
        let audited = Audited::new(now, by, "dataset.revoke-all", &dataset.id)?
            .from(&json!({ "links_gen": dataset.links_gen }))
            .to(&json!({ "links_gen": next }))
            .because(reason);
        let write =
            Write::audited(audited.clone()).change(Tag::Seen, change.clone()).parts(Once::part(once, by, &dataset.id.to_string(), now)?);
        let alone = match self.commit(write).await? {
            Outcome::Done => return Ok(next),
            Outcome::Refused(_) => Alone::Refused,
            Outcome::Busy => self.change_alone(&change).await?,
        };
        // If not by this one, then by somebody else's, who was first: what was to be revoked is.
        let links_gen = if alone == Alone::Changed { next } else { self.links_gen(dataset.id).await? };
        if links_gen <= dataset.links_gen {
            return Err(TableError::Stale);
        }
        if alone != Alone::Refused {
            self.record(audited).await;
        }
        Ok(links_gen)
    }

    async fn links_gen(&self, dataset: DatasetId) -> Result<u64, TableError> {
        let place = self.place(dataset).await?.ok_or(TableError::Missing { what: "the dataset" })?;
        Ok(place.dataset.links_gen)
    }

    /// The hash of a link's key, by its id: read from the table itself, so it is there the moment after the link was made.
    pub(crate) async fn hash_of(&self, id: LinkId, cost: &mut Cost) -> Result<Option<KeyHash>, TableError> {
        let found = self.get(&schema::link_id(id), cost).await?;
        found.map(|item| KeyHash::parse(&row::<LinkIdRow>(item)?.hash).map_err(unreadable(LinkIdRow::WHAT))).transpose()
    }

    /// The links of a dataset, newest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn links_of_dataset(&self, dataset: DatasetId, page: &Page, now: Timestamp) -> Result<Listed<LinkFacts>, TableError> {
        let mut found = self.listed(schema::links_of_dataset(dataset), page, now, |id| schema::link_pointer(dataset, id)).await?;
        // The index may still name what has moved to another one.
        found.items.retain(|facts| facts.link.dataset == dataset);
        Ok(found)
    }

    /// The links that somebody made, newest first.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn links_of_maker(&self, maker: UserId, page: &Page, now: Timestamp) -> Result<Listed<LinkFacts>, TableError> {
        self.listed(schema::user_partition(maker), page, now, schema::link_id).await
    }

    async fn listed(
        &self,
        pk: String,
        page: &Page,
        now: Timestamp,
        key: impl Fn(LinkId) -> schema::Key,
    ) -> Result<Listed<LinkFacts>, TableError> {
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, LINK_RANK).and_then(|id| LinkId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&key(id), &pk, rank))
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (candidates, next) = self.page(&Stretch { pk, prefix: LINK_RANK }, &window, cost).await?;
        let hashes = candidates.iter().map(hash_of_candidate).collect::<Result<Vec<_>, _>>()?;
        let items = self.facts_of(&hashes, now, cost).await?;
        Ok(Listed { items, next: next.as_ref().and_then(rank_of).map(str::to_owned) })
    }
}

pub(crate) fn hash_of_candidate(item: &Item) -> Result<KeyHash, TableError> {
    let hash = item.get("hash").and_then(|value| value.as_s().ok());
    hash.and_then(|hash| KeyHash::parse(hash).ok()).ok_or(TableError::Unreadable { what: PointerRow::WHAT })
}

/// All items of a new link. `there` is what its options stood for before: an ended link, or nothing.
fn new_link(link: &Link, asked: KeyHash, there: Option<&OptionsRow>) -> Result<Write, TableError> {
    let (hash, id) = (link.hash.to_string(), link.id.to_string());
    let rank = schema::link_rank(link.made, link.id);
    let pointer = PointerRow::of(link);
    let by_id =
        LinkIdRow { hash: hash.clone(), dataset: link.dataset.to_string(), gsi1pk: schema::user_partition(link.maker), gsi1sk: rank };
    let unchanged = there.map_or_else(Condition::absent, |ended| Condition::is("link", text(&ended.link)));
    let audited = Audited::new(link.made, link.maker, "link.create", &link.id)?.to(&said(link));
    Ok(Write::audited(audited)
        .put(Tag::Same, item(&schema::link_options(asked), &OptionsRow { link: id, hash })?, unchanged)
        .put(Tag::New, due_item(item(&schema::link(link.hash), &LinkRow::of(link))?, link), Condition::absent())
        .put(Tag::New, item(&schema::link_pointer(link.dataset, link.id), &pointer)?, Condition::absent())
        .put(Tag::New, item(&schema::link_id(link.id), &by_id)?, Condition::absent()))
}

/// The item of a new link with when its maker is told of its end, where that is told.
fn due_item(mut item: Item, link: &Link) -> Item {
    if let Some(at) = told_of_end(link.until, link.made) {
        item.insert(GSI2_PK.to_owned(), text(schema::due_in(at)));
        item.insert(GSI2_SK.to_owned(), text(schema::due_rank(at, link.id)));
    }
    item
}

/// What a change tells the maker of a link, who did not make it.
fn news(old: &Link, new: &Link) -> Option<Occasion> {
    let end = |link: &Link| link.until.unwrap_or(Timestamp::MAX);
    if old.enabled && !new.enabled {
        return Some(Occasion::LinkPaused(old.id));
    }
    (end(new) < end(old)).then_some(Occasion::LinkShortened(old.id))
}

/// That what its maker makes a link by is still there: the right to share, of one that is the dataset's act the right to administer.
fn made_by(link: &Link, on: &DatasetFacts) -> Vec<(Tag, Part)> {
    if link.stewarded { stewards(on, link.maker, link.made) } else { proof(&on.place.dataset, &on.reach, link.maker, link.via) }
}

pub(crate) fn link_change(old: &Link, new: &Link, now: Timestamp) -> Change {
    let Options { label, until, not_before, strict, zones, hard_zones, hide_listing, .. } = &new.options;
    let change = Change::new(schema::link(old.hash), Condition::is("version", number(old.version)))
        .set("label", text(label))
        .set("until_asked", text(until_word(*until)))
        .set_if("until", new.until.map(|at| number(at.as_millisecond())))
        .set_if("not_before", not_before.map(|at| number(at.as_millisecond())))
        .set("strict", AttributeValue::Bool(*strict))
        .set_if("role", role_word(&new.options).map(text))
        .set_if("zones", (!zones.is_everywhere()).then(|| texts(zones.texts())))
        .set("hard_zones", AttributeValue::Bool(*hard_zones))
        .set("hide_listing", AttributeValue::Bool(*hide_listing))
        .set_if("level", new.options.level.map(number))
        .set_if("password", new.options.password.map(number))
        .set_if("sessions_max", new.options.sessions_max.map(number))
        .set_if("requests_per_second", new.options.requests_per_second.map(number))
        .set_if("bytes_per_day", new.options.bytes_per_day.map(number))
        .set("needs", texts(needs_of(&new.options)))
        .set("enabled", AttributeValue::Bool(new.enabled))
        .set("version", number(new.version));
    // Another end is told anew.
    let told = told_of_end(new.until, now);
    let change = if old.until == new.until {
        change
    } else {
        change.set_if(GSI2_PK, told.map(|at| text(schema::due_in(at)))).set_if(GSI2_SK, told.map(|at| text(schema::due_rank(at, new.id))))
    };
    // Another budget is counted anew, whatever was noted since the link was read.
    let counted_anew = new.over_until.is_none() && old.options.bytes_per_day != new.options.bytes_per_day;
    let change = if counted_anew { change.set_if("over_until", None) } else { change };
    match new.given_until {
        Some(given) if old.given_until != new.given_until => change.set("given_until", number(given.as_millisecond())),
        _ => change,
    }
}

/// As what its maker may share a link, in the attributes `via_group`, `via_project` and `via_policy`: none of them for a person.
pub(crate) fn through_texts(via: Option<Via>) -> [Option<String>; 3] {
    match via.map(|via| via.through) {
        None | Some(Through::Person) => [None, None, None],
        Some(Through::Group(group)) => [Some(group.to_string()), None, None],
        Some(Through::Project(project)) => [None, Some(project.to_string()), None],
        Some(Through::Policy(project)) => [None, None, Some(project.to_string())],
    }
}

fn through_of(texts: [Option<String>; 3]) -> Result<Through, IdError> {
    match texts {
        [Some(group), _, _] => GroupId::parse(&group).map(Through::Group),
        [None, Some(project), _] => ProjectId::parse(&project).map(Through::Project),
        [None, None, Some(project)] => ProjectId::parse(&project).map(Through::Policy),
        [None, None, None] => Ok(Through::Person),
    }
}

/// That what the right of `by` to widen a link rests on is still there: the right to share of its maker, or of a stewarded one to administer,
/// for good. That is what lasts longest, and holds from everywhere.
pub(crate) fn rests_on(before: &LinkFacts, by: UserId, now: Timestamp) -> Vec<(Tag, Part)> {
    let reach = if by == before.link.maker { Some(&before.reach) } else { before.asking.as_ref() };
    let right = if before.link.stewarded { Right::Administer } else { Right::Share };
    reach.map_or_else(Vec::new, |reach| {
        // By what it is now: what the link was made by may be gone.
        let via = via_of(by, &before.place, reach, right, Net::Anywhere, now);
        proof(&before.place.dataset, reach, by, via)
    })
}

pub(crate) fn pointer_change(new: &Link) -> Change {
    Change::new(schema::link_pointer(new.dataset, new.id), Condition::present())
        .set("label", text(&new.options.label))
        .set_if("until", new.until.map(|at| number(at.as_millisecond())))
        .set("enabled", AttributeValue::Bool(new.enabled))
}

fn edit_verb(old: &Link, new: &Link) -> &'static str {
    match (old.enabled, new.enabled) {
        (true, false) => "link.pause",
        (false, true) => "link.resume",
        _ => "link.edit",
    }
}

/// What was asked for, by its hash: maker, target and options, each with its length before it. "30 days" asked on another day is the same (L7).
fn asked(link: &Link) -> KeyHash {
    let Options { label, until, not_before, strict, .. } = &link.options;
    let not_before = not_before.map_or_else(String::new, |at| at.as_millisecond().to_string());
    let fields = [
        "offprint-options-v1",
        &link.maker.to_string(),
        &link.dataset.to_string(),
        link.subpath.as_str(),
        link.class.word(),
        label,
        &until_word(*until),
        &not_before,
        if *strict { "strict" } else { "" },
    ];
    let mut more = asked_more(&link.options);
    more.extend(link.code.filter(|_| link.class == Class::Event).map(|_| "code".to_owned()));
    // One that has a password is like no other.
    more.extend(link.options.password.map(|mark| format!("password={}#{mark}", link.id)));
    let fields = fields.into_iter().chain(more.iter().map(String::as_str));
    KeyHash::of(&fields.map(|field| format!("{}:{field}", field.len())).collect::<Vec<_>>().concat())
}

/// The options that came later, each named and only where it was chosen: what was asked for before them has the hash that it had.
fn asked_more(options: &Options) -> Vec<String> {
    let role = role_word(options).map(|word| format!("role={word}"));
    let zones = (!options.zones.is_everywhere()).then(|| format!("zones={}", options.zones.texts().collect::<Vec<_>>().join(",")));
    let flag = |name: &str, set: bool| set.then(|| name.to_owned());
    let level = options.level.map(|level| format!("level={level}"));
    let sessions = options.sessions_max.map(|max| format!("sessions-max={max}"));
    let flags = [flag("hard-zones", options.hard_zones), flag("hide-listing", options.hide_listing)];
    let requests = options.requests_per_second.map(|most| format!("requests-per-second={most}"));
    let bytes = options.bytes_per_day.map(|most| format!("bytes-per-day={most}"));
    [role, zones].into_iter().chain(flags).chain([level, sessions, requests, bytes]).flatten().collect()
}

/// The flags that a reader must know to judge these options.
fn needs_of(options: &Options) -> Vec<String> {
    let has_zones = !options.zones.is_everywhere();
    needs([
        (NEEDS_ROLE, options.role != Role::Download),
        (NEEDS_ZONES, has_zones),
        (NEEDS_HARD_ZONES, has_zones && options.hard_zones),
        (NEEDS_HIDDEN, options.hide_listing),
        (NEEDS_LEVEL, options.level.is_some()),
        (NEEDS_PASS, options.guard().is_some()),
        (NEEDS_RATE, options.requests_per_second.is_some()),
        (NEEDS_BYTES, options.bytes_per_day.is_some()),
    ])
}

/// The word of a role that is less than the most that a link gives.
fn role_word(options: &Options) -> Option<String> {
    (options.role != Role::Download).then(|| options.role.word().to_owned())
}

/// What the audit says of a link: no hash, no epoch.
pub(crate) fn said(link: &Link) -> serde_json::Value {
    json!({
        "dataset": link.dataset.to_string(), "subpath": link.subpath.as_str(), "class": link.class.word(), "label": link.options.label,
        "until": link.until.map(|at| at.to_string()), "not_before": link.options.not_before.map(|at| at.to_string()),
        "strict": link.options.strict, "role": link.options.role.word(), "zones": link.options.zones.texts().collect::<Vec<_>>(),
        "hard_zones": link.options.hard_zones, "hide_listing": link.options.hide_listing, "level": link.options.level,
        "password": link.options.password.is_some(), "sessions_max": link.options.sessions_max,
        "requests_per_second": link.options.requests_per_second, "bytes_per_day": link.options.bytes_per_day,
        "code": link.code.is_some(), "enabled": link.enabled, "version": link.version,
    })
}

fn until_word(until: Until) -> String {
    match until {
        Until::ClassDefault => "default".to_owned(),
        Until::Never => "never".to_owned(),
        Until::Days(days) => format!("{days}d"),
        Until::At(at) => format!("@{}", at.as_millisecond()),
    }
}

fn until_of(word: &str) -> Option<Until> {
    match word {
        "default" => Some(Until::ClassDefault),
        "never" => Some(Until::Never),
        _ => {
            if let Some(days) = word.strip_suffix('d') {
                return days.parse().ok().map(Until::Days);
            }
            let millis = word.strip_prefix('@')?.parse().ok()?;
            Timestamp::from_millisecond(millis).ok().map(Until::At)
        }
    }
}
