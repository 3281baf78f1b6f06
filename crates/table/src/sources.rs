//! Sources: registered by an administrator, in one register, so that names are unique and prefixes never overlap.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    dataset::Dataset,
    decision::Permit,
    grant::{Hold, Zones},
    id::{DatasetId, SourceId, TermsId, UserId},
    limits::SOURCES_MAX,
    path::ObjectPath,
    policy::DeploymentPolicy,
    source::{Audience, Ceilings, Role, Source, SourceName, State, Store},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    datasets,
    error::TableError,
    grants::{hold_of, hold_word},
    item::{NEEDS_HARD_ZONES, NEEDS_POLICY, NEEDS_TERMS, NEEDS_ZONES, Row, item, needs, number, row, text, texts, unreadable},
    once::{Once, number_of},
    policy::PolicyRow,
    reach::is_blocking,
    read::{Cost, Stretch},
    schema,
    write::{ACTIONS_MAX, Change, Condition, Outcome, Part, Tag, Write},
};

/// Rounds of a registration that meets others.
const ROUNDS: usize = 3;
/// What binds all of them is written in one transaction: with the register, the audit entry and the request's key.
const _: () = assert!(SOURCES_MAX + 3 <= ACTIONS_MAX, "one transaction for every source");

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute by its own name")]
pub(crate) struct SourceRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    name: String,
    bucket: String,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    path_style: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    requester_pays: bool,
    prefix: String,
    audience: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_days_max: Option<u32>,
    #[serde(default)]
    zones: Vec<String>,
    #[serde(default)]
    hard_zones: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    writable: bool,
    serving: bool,
    state: String,
    root: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyRow>,
}

impl Row for SourceRow {
    const WHAT: &'static str = "a source";
    const KNOWN_NEEDS: &'static [&'static str] = &[NEEDS_ZONES, NEEDS_HARD_ZONES, NEEDS_POLICY, NEEDS_TERMS];

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl SourceRow {
    fn of(source: &Source) -> Self {
        let Source { id, name, store, prefix, ceilings, policy, writable, serving, state, root, version } = source;
        Self {
            needs: needs_of(source),
            version: *version,
            id: id.to_string(),
            name: name.as_str().to_owned(),
            bucket: store.bucket.clone(),
            region: store.region.clone(),
            endpoint: store.endpoint.clone(),
            path_style: store.path_style,
            role: store.role.as_ref().map(|role| role.arn.clone()),
            external_id: store.role.as_ref().and_then(|role| role.external_id.clone()),
            requester_pays: store.requester_pays,
            prefix: prefix.as_str().to_owned(),
            audience: audience_word(ceilings.audience).to_owned(),
            link_days_max: ceilings.link_days_max,
            zones: ceilings.zones.texts().collect(),
            hard_zones: ceilings.hard_zones,
            terms: ceilings.terms.map(|terms| terms.to_string()),
            writable: *writable,
            serving: *serving,
            state: state_word(*state).to_owned(),
            root: root.to_string(),
            policy: PolicyRow::of(policy),
        }
    }

    pub(crate) fn source(self) -> Result<Source, TableError> {
        let unknown = || TableError::Unreadable { what: Self::WHAT };
        let external_id = self.external_id;
        Ok(Source {
            id: SourceId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            name: SourceName::parse(&self.name).map_err(unreadable(Self::WHAT))?,
            store: Store {
                bucket: self.bucket,
                region: self.region,
                endpoint: self.endpoint,
                path_style: self.path_style,
                role: self.role.map(|arn| Role { arn, external_id }),
                requester_pays: self.requester_pays,
            },
            prefix: ObjectPath::from_decoded(self.prefix).map_err(unreadable(Self::WHAT))?,
            ceilings: Ceilings {
                audience: audience_of(&self.audience).ok_or_else(unknown)?,
                link_days_max: self.link_days_max,
                zones: Zones::parse(&self.zones).map_err(unreadable(Self::WHAT))?,
                hard_zones: self.hard_zones,
                terms: self.terms.map(|id| TermsId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?,
            },
            policy: PolicyRow::policy(self.policy)?,
            writable: self.writable,
            serving: self.serving,
            state: state_of(&self.state).ok_or_else(unknown)?,
            root: DatasetId::parse(&self.root).map_err(unreadable(Self::WHAT))?,
            version: self.version,
        })
    }
}

/// That a person gets nothing at a source but what the person owns.
#[derive(Serialize, Deserialize)]
pub(crate) struct BlockRow {
    needs: Vec<String>,
    version: u64,
    hold: String,
    by: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Row for BlockRow {
    const WHAT: &'static str = "a block";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl BlockRow {
    pub(crate) fn is_lifted(&self) -> bool {
        hold_of(&self.hold) == Some(Hold::Withdrawn)
    }
}

/// A name in the register.
#[derive(Serialize, Deserialize)]
struct NameRow {
    source: String,
}

impl Row for NameRow {
    const WHAT: &'static str = "a source's name";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// The head of the register.
#[derive(Serialize, Deserialize)]
struct RegisterRow {
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyRow>,
}

impl Row for RegisterRow {
    const WHAT: &'static str = "the register of sources";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl RegisterRow {
    fn register(self) -> Result<Register, TableError> {
        Ok(Register { version: self.version, policy: PolicyRow::policy(self.policy)? })
    }
}

/// The head of the register, as it was read: how often it was written, and what binds every source in it.
pub(crate) struct Register {
    /// 0: never.
    version: u64,
    pub(crate) policy: DeploymentPolicy,
}

impl Register {
    const EMPTY: Self = Self { version: 0, policy: DeploymentPolicy::NONE };

    /// It with this policy, written once more: nothing that writes it passes another unseen.
    pub(crate) fn counted(&self, policy: &DeploymentPolicy) -> Result<Part, TableError> {
        let unpassed = if self.version == 0 { Condition::absent() } else { Condition::is("version", number(self.version)) };
        let head = RegisterRow { version: self.version.saturating_add(1), policy: PolicyRow::of(policy) };
        Ok(Part::Put(item(&schema::register(), &head)?, unpassed))
    }
}

/// What a registration came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSource {
    /// The source, new or the one that was there.
    pub source: Source,
    /// Whether it was there.
    pub existing: bool,
}

impl Table {
    /// A source.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn source(&self, id: SourceId) -> Result<Option<Source>, TableError> {
        let found = self.get(&schema::source(id), &mut Cost::default()).await?;
        found.map(|item| row::<SourceRow>(item)?.source()).transpose()
    }

    /// The source of this name.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn source_named(&self, name: &SourceName) -> Result<Option<Source>, TableError> {
        let Some(found) = self.get(&schema::source_name(name), &mut Cost::default()).await? else { return Ok(None) };
        let id = SourceId::parse(&row::<NameRow>(found)?.source).map_err(unreadable(NameRow::WHAT))?;
        self.source(id).await
    }

    /// Every source, by name: at most [`SOURCES_MAX`].
    ///
    /// # Errors
    /// [`TableError`], where any of it could not be read.
    pub async fn sources(&self) -> Result<Vec<Source>, TableError> {
        Ok(self.registered().await?.0)
    }

    /// The head of the register.
    pub(crate) async fn register(&self) -> Result<Register, TableError> {
        let found = self.get(&schema::register(), &mut Cost::default()).await?;
        found.map_or(Ok(Register::EMPTY), |item| row::<RegisterRow>(item)?.register())
    }

    /// Every source, and the head of the register that lists them.
    pub(crate) async fn registered(&self) -> Result<(Vec<Source>, Register), TableError> {
        let cost = &mut Cost::default();
        let (mut head, mut keys) = (Register::EMPTY, Vec::new());
        for item in self.all(&Stretch { pk: schema::REGISTER.to_owned(), prefix: "" }, cost).await? {
            if schema::Key::of(&item).is_some_and(|key| key == schema::register()) {
                head = row::<RegisterRow>(item)?.register()?;
            } else {
                let id = row::<NameRow>(item)?.source;
                keys.push(schema::source(SourceId::parse(&id).map_err(unreadable(NameRow::WHAT))?));
            }
        }
        let expected = keys.len();
        let found = self.batch(keys, cost).await?;
        if found.len() != expected {
            return Err(TableError::Unreadable { what: SourceRow::WHAT });
        }
        let mut sources = found.into_values().map(|item| row::<SourceRow>(item)?.source()).collect::<Result<Vec<_>, _>>()?;
        sources.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        Ok((sources, head))
    }

    /// Registers a source with its root dataset, by an administrator. The same name over the same keys meets the source that is there.
    ///
    /// # Errors
    /// [`TableError::Exists`] for a name that stands for other keys, [`TableError::Overlap`], [`TableError::TooMany`].
    pub async fn register_source(
        &self,
        permit: &Permit,
        source: &Source,
        root: &Dataset,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<RegisteredSource, TableError> {
        let by = permit.allows_administer().filter(|by| root.owner == *by).ok_or(TableError::NotForThis)?;
        if root.id != source.root || root.source != source.id || !root.path.is_root() || !root.ancestors.is_empty() {
            return Err(TableError::NotForThis);
        }
        let result = source.id.to_string();
        for _round in 0..ROUNDS {
            if let Some(id) = self.once_if(by, once, now).await? {
                return self.registered_as(&id).await;
            }
            let (sources, head) = self.registered().await?;
            if let Some(there) = sources.iter().find(|there| there.name == source.name) {
                if there.store != source.store || there.prefix != source.prefix {
                    return Err(TableError::Exists { what: "a source of this name" });
                }
                self.remember(once, by, &there.id.to_string(), now).await?;
                return Ok(RegisteredSource { source: there.clone(), existing: true });
            }
            if let Some(other) = sources.iter().find(|there| there.overlaps(&source.store, &source.prefix)) {
                return Err(TableError::Overlap { other: other.name.as_str().to_owned() });
            }
            if sources.len() >= SOURCES_MAX {
                return Err(TableError::TooMany { what: "sources", max: SOURCES_MAX });
            }
            let source = Source { policy: head.policy.clone(), ..source.clone() };
            let write = Write::audited(Audited::new(now, by, "source.register", &source.id)?.to(&facts(&source)))
                .part(Tag::Same, head.counted(&head.policy)?)
                .put(Tag::Same, item(&schema::source_name(&source.name), &NameRow { source: result.clone() })?, Condition::absent())
                .put(Tag::New, item(&schema::source(source.id), &SourceRow::of(&source))?, Condition::absent())
                .parts(datasets::new_dataset(root)?)
                .parts(Once::part(once, by, &result, now)?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(RegisteredSource { source, existing: false }),
                Outcome::Refused(failed) if failed.contains(&Tag::Once) || failed.contains(&Tag::Same) => {}
                Outcome::Refused(_) => return Err(TableError::Exists { what: "the source" }),
                Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }

    async fn registered_as(&self, id: &str) -> Result<RegisteredSource, TableError> {
        let id = SourceId::parse(id).map_err(unreadable("an idempotency item"))?;
        let source = self.source(id).await?.ok_or(TableError::Missing { what: "the source" })?;
        Ok(RegisteredSource { source, existing: true })
    }

    /// Changes ceilings, serving, state and whether copies may be made into a source, by an administrator; nothing else of it ever changes. The version is counted here.
    ///
    /// # Errors
    /// [`TableError::Stale`] where it is not as `before` any more.
    pub async fn edit_source(
        &self,
        permit: &Permit,
        before: &Source,
        after: &Source,
        reason: Option<&str>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Source, TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        let Ceilings { audience, link_days_max, zones, hard_zones, terms } = &after.ceilings;
        let mut changed = Source {
            ceilings: after.ceilings.clone(),
            writable: after.writable,
            serving: after.serving,
            state: after.state,
            ..before.clone()
        };
        if changed != (Source { version: before.version, ..after.clone() }) {
            return Err(TableError::NotForThis);
        }
        if let Some(id) = self.once_if(by, once, now).await? {
            return Ok(self.registered_as(&id).await?.source);
        }
        if changed == *before {
            return Ok(changed);
        }
        changed.version = before.version.saturating_add(1);
        let change = Change::new(schema::source(before.id), Condition::is("version", number(before.version)))
            .set("audience", text(audience_word(*audience)))
            .set_if("link_days_max", link_days_max.map(number))
            .set("zones", texts(zones.texts()))
            .set("hard_zones", AttributeValue::Bool(*hard_zones))
            .set_if("terms", terms.map(|terms| text(terms.to_string())))
            .set("needs", texts(needs_of(after)))
            .set("writable", AttributeValue::Bool(after.writable))
            .set("serving", AttributeValue::Bool(after.serving))
            .set("state", text(state_word(after.state)))
            .set("version", number(changed.version));
        let audited = Audited::new(now, by, "source.edit", &before.id)?.from(&facts(before)).to(&facts(&changed)).because(reason);
        let write =
            Write::audited(audited.clone()).change(Tag::Seen, change.clone()).parts(Once::part(once, by, &before.id.to_string(), now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(changed),
            // Narrowing never fails for bookkeeping: the deciding change goes alone.
            Outcome::Busy if changed.narrows(before) => {
                let is_there = async { Ok(self.source(before.id).await?.as_ref() == Some(&changed)) };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(changed) } else { Err(TableError::Stale) }
            }
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(id) => Ok(self.registered_as(&id).await?.source),
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Blocks a person at a source, or lifts the block, by an administrator. What is so already stays.
    ///
    /// # Errors
    /// [`TableError::Missing`] for a person who is not there, [`TableError::Stale`] where it changes at the same time,
    /// [`TableError::Mismatch`] for another request under one key.
    pub async fn set_block(
        &self,
        permit: &Permit,
        (source, user): (SourceId, UserId),
        blocked: bool,
        reason: Option<&str>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return Ok(());
        }
        let key = schema::block(source, user);
        let there = self.get(&key, &mut Cost::default()).await?.map(row::<BlockRow>).transpose()?;
        if there.as_ref().is_some_and(|block| !block.is_lifted()) == blocked {
            return self.remember(once, by, &user.to_string(), now).await;
        }
        let version = there.as_ref().map_or(0, |block| block.version).saturating_add(1);
        let unchanged = there.map_or_else(Condition::absent, |block| Condition::is("version", number(block.version)));
        let hold = if blocked { Hold::Active } else { Hold::Withdrawn };
        let block = BlockRow {
            needs: Vec::new(),
            version,
            hold: hold_word(hold).to_owned(),
            by: by.to_string(),
            at: now.as_millisecond(),
            reason: reason.map(str::to_owned),
        };
        let verb = if blocked { "source.block" } else { "source.unblock" };
        let audited = Audited::new(now, by, verb, &source)?.to(&json!({ "user": user.to_string() })).because(reason);
        let block = item(&key, &block)?;
        // Whoever has just looked for blocks of this person looks again (`unblocked`).
        let counted = Change::new(schema::user(user), Condition::present()).count("version");
        let write = Write::audited(audited.clone())
            .put(Tag::Seen, block.clone(), unchanged.clone())
            .change(Tag::Same, counted.clone())
            .parts(Once::part(once, by, &user.to_string(), now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => self.once_if(by, once, now).await.map(drop),
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Missing { what: "the person" }),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy if !blocked => Err(TableError::Throttled),
            // Blocking never fails for bookkeeping. Whoever is blocked already by somebody else's write, or by an earlier try of this, is.
            Outcome::Busy => {
                // First, for whoever looks between the two looks at the block after it; and whether or not it can be.
                let _counted = self.change_alone(&counted).await;
                let _put_or_there = self.put_alone(block.clone(), unchanged).await?;
                let there = self.get(&key, &mut Cost::default()).await?.ok_or(TableError::Stale)?;
                if there == block {
                    self.record(audited).await;
                } else if row::<BlockRow>(there)?.is_lifted() {
                    return Err(TableError::Stale);
                }
                Ok(())
            }
        }
    }

    /// The people who are blocked at a source.
    ///
    /// # Errors
    /// [`TableError`], where any of it could not be read.
    pub async fn blocked_at(&self, source: SourceId) -> Result<Vec<UserId>, TableError> {
        let stretch = Stretch { pk: schema::claims(source), prefix: schema::BLOCK_PREFIX };
        let mut blocked = Vec::new();
        for found in self.all(&stretch, &mut Cost::default()).await? {
            let user = schema::Key::of(&found).and_then(|key| UserId::parse(key.sk.strip_prefix(schema::BLOCK_PREFIX)?).ok());
            if !row::<BlockRow>(found)?.is_lifted() {
                blocked.extend(user);
            }
        }
        Ok(blocked)
    }

    /// That nobody has blocked this person at any source, for the transaction that lets others into a group: blocking counts the version of the
    /// person's row, which is read before the blocks are. In five round trips.
    ///
    /// # Errors
    /// [`TableError::Blocked`] where somebody has; [`TableError`], where any of it could not be read.
    pub(crate) async fn unblocked(&self, user: UserId) -> Result<(Tag, Part), TableError> {
        let version = self.account_now(user).await?.version;
        let keys: Vec<_> = self.sources().await?.iter().map(|source| schema::block(source.id, user)).collect();
        if self.batch(keys, &mut Cost::default()).await?.values().any(is_blocking) {
            return Err(TableError::Blocked);
        }
        Ok((Tag::Seen, Part::Check(schema::user(user), Condition::is("version", number(version)))))
    }

    /// Refuses whoever lets nobody in: who is blocked at any source now. A write checks it again.
    ///
    /// # Errors
    /// [`TableError::Blocked`]; [`TableError`], where any of it could not be read.
    pub async fn may_let_in(&self, user: UserId) -> Result<(), TableError> {
        self.unblocked(user).await.map(|_checked| ())
    }

    /// The panic switch: serving of every source, off or on, in one transaction, whatever else is being changed; off one by one, where
    /// transactions meet nothing but conflicts. Answers how many there are.
    ///
    /// # Errors
    /// [`TableError`]; where it is unknown whether it was written, press it again.
    pub async fn set_serving_all(
        &self,
        permit: &Permit,
        serving: bool,
        reason: Option<&str>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<usize, TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        if let Some(done) = self.once_if(by, once, now).await? {
            return number_of(&done);
        }
        let sources = self.sources().await?;
        let verb = if serving { "deployment.serve" } else { "deployment.stop" };
        let change = |source: &Source| {
            Change::new(schema::source(source.id), Condition::present()).set("serving", AttributeValue::Bool(serving)).count("version")
        };
        let changes: Vec<_> = sources.iter().map(change).collect();
        let audited = Audited::new(now, by, verb, &"all sources")?.because(reason).to(&json!({ "serving": serving }));
        let parts = changes.iter().cloned().map(|change| (Tag::Seen, Part::Change(change)));
        let kept = Once::part(once, by, &sources.len().to_string(), now)?;
        match self.commit(Write::audited(audited.clone()).parts(parts).parts(kept)).await? {
            Outcome::Done => {}
            // The same request, at the same time.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => drop(self.once_if(by, once, now).await?),
            Outcome::Refused(_) => return Err(TableError::Stale),
            Outcome::Busy if serving => return Err(TableError::Throttled),
            Outcome::Busy => self.stop_one_by_one(&changes, audited).await?,
        }
        Ok(sources.len())
    }

    /// Stops each source by itself: one that cannot be reached keeps none of the others from it.
    async fn stop_one_by_one(&self, changes: &[Change], audited: Audited) -> Result<(), TableError> {
        let mut last = Ok(());
        for change in changes {
            if let Err(why) = self.change_alone(change).await {
                last = Err(why);
            }
        }
        self.record(audited).await;
        last
    }
}

pub(crate) fn needs_of(source: &Source) -> Vec<String> {
    let Source { ceilings, policy, .. } = source;
    needs([
        (NEEDS_ZONES, !ceilings.zones.is_everywhere()),
        (NEEDS_HARD_ZONES, ceilings.are_zones_hard()),
        (NEEDS_POLICY, !policy.says(&DeploymentPolicy::NONE)),
        (NEEDS_TERMS, ceilings.terms.is_some() || policy.ceilings.terms.is_some()),
    ])
}

/// What the audit says of a source.
fn facts(source: &Source) -> serde_json::Value {
    json!({
        "name": source.name.as_str(), "bucket": source.store.bucket, "prefix": source.prefix.as_str(),
        "audience": audience_word(source.ceilings.audience), "link_days_max": source.ceilings.link_days_max,
        "zones": source.ceilings.zones.texts().collect::<Vec<_>>(), "hard_zones": source.ceilings.hard_zones,
        "terms": source.ceilings.terms.map(|terms| terms.to_string()),
        "writable": source.writable, "serving": source.serving, "state": state_word(source.state), "version": source.version,
    })
}

pub(crate) fn audience_word(audience: Audience) -> &'static str {
    match audience {
        Audience::Named => "named",
        Audience::Accounts => "accounts",
        Audience::Link => "link",
        Audience::World => "world",
    }
}

pub(crate) fn audience_of(word: &str) -> Option<Audience> {
    [Audience::Named, Audience::Accounts, Audience::Link, Audience::World].into_iter().find(|audience| audience_word(*audience) == word)
}

pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Retired => "retired",
        State::Arriving => "arriving",
    }
}

pub(crate) fn state_of(word: &str) -> Option<State> {
    [State::Active, State::Retired, State::Arriving].into_iter().find(|state| state_word(*state) == word)
}
