//! Writes: conditional, audited in their own transaction, safe to send twice, and never left unknown without looking.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update},
};

use domain::{id::UserId, notice::Occasion};
use jiff::Timestamp;

use crate::{
    Table,
    audit::Audited,
    error::{Fault, TableError},
    item::{Item, number},
    outbox,
    read::{Cost, called, pause},
    schema::Key,
};

/// Tries of one write.
const TRIES: usize = 3;
/// No further try begins after this.
const TRIES_WITHIN: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const TRY_PAUSE: Duration = Duration::from_millis(200);
/// Actions of one transaction.
pub(crate) const ACTIONS_MAX: usize = 100;

/// What must hold of an item for a write to happen.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    text: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), names: HashMap::new(), values: HashMap::new() }
    }

    /// No such item.
    pub(crate) fn absent() -> Self {
        Self::plain("attribute_not_exists(pk)")
    }

    /// An item, whatever it says.
    pub(crate) fn present() -> Self {
        Self::plain("attribute_exists(pk)")
    }

    /// An item has no such attribute.
    pub(crate) fn lacks(name: &str) -> Self {
        let mut condition = Self::plain(&format!("attribute_not_exists(#{name})"));
        condition.names.insert(format!("#{name}"), name.to_owned());
        condition
    }

    /// An attribute is just this; false where there is no item.
    pub(crate) fn is(name: &str, value: AttributeValue) -> Self {
        let mut condition = Self::plain(&format!("#{name} = :is_{name}"));
        condition.names.insert(format!("#{name}"), name.to_owned());
        condition.values.insert(format!(":is_{name}"), value);
        condition
    }

    /// An attribute is one of these; false where there is no item, and of none.
    pub(crate) fn is_any(name: &str, values: impl IntoIterator<Item = AttributeValue>) -> Self {
        let values: Vec<_> = (0_u32..).zip(values).map(|(number, value)| (format!(":any_{name}_{number}"), value)).collect();
        let words: Vec<_> = values.iter().map(|(value, _)| format!("#{name} = {value}")).collect();
        let names = HashMap::from([(format!("#{name}"), name.to_owned())]);
        Self { text: words.join(" OR "), names, values: values.into_iter().collect() }
    }

    /// A number attribute is below this; false where there is no item.
    pub(crate) fn below(name: &str, value: AttributeValue) -> Self {
        let mut condition = Self::plain(&format!("#{name} < :below_{name}"));
        condition.names.insert(format!("#{name}"), name.to_owned());
        condition.values.insert(format!(":below_{name}"), value);
        condition
    }

    pub(crate) fn and(self, other: Self) -> Self {
        self.joined("AND", other)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.joined("OR", other)
    }

    /// Both; `None` where both compare one attribute with different values.
    fn joined_with(self, other: Self) -> Option<Self> {
        let differ = |(name, value): (&String, &AttributeValue)| self.values.get(name).is_some_and(|there| there != value);
        if other.values.iter().any(differ) {
            None
        } else if self.text == other.text {
            Some(self)
        } else {
            Some(self.and(other))
        }
    }

    fn joined(mut self, word: &str, other: Self) -> Self {
        self.text = format!("{} {word} {}", self.text, other.text);
        self.names.extend(other.names);
        self.values.extend(other.values);
        self
    }
}

/// A change of some attributes of one item.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    key: Key,
    sets: Vec<String>,
    removes: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    condition: Condition,
}

impl Change {
    pub(crate) fn new(key: Key, condition: Condition) -> Self {
        Self { key, sets: Vec::new(), removes: Vec::new(), names: HashMap::new(), values: HashMap::new(), condition }
    }

    /// The same, if this holds, too.
    pub(crate) fn only_if(mut self, also: Condition) -> Self {
        self.condition = self.condition.and(also);
        self
    }

    pub(crate) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{name} = :set_{name}"));
        self.names.insert(format!("#{name}"), name.to_owned());
        self.values.insert(format!(":set_{name}"), value);
        self
    }

    pub(crate) fn set_if(mut self, name: &str, value: Option<AttributeValue>) -> Self {
        let Some(value) = value else {
            self.removes.push(format!("#{name}"));
            self.names.insert(format!("#{name}"), name.to_owned());
            return self;
        };
        self.set(name, value)
    }

    /// One more than it was.
    pub(crate) fn count(self, name: &str) -> Self {
        self.plus(name, 1)
    }

    /// So many more than it was, or fewer.
    pub(crate) fn plus(mut self, name: &str, more: i64) -> Self {
        self.sets.push(format!("#{name} = #{name} + :plus_{name}"));
        self.names.insert(format!("#{name}"), name.to_owned());
        self.values.insert(format!(":plus_{name}"), number(more));
        self
    }

    fn expression(&self) -> String {
        let mut text = String::new();
        if !self.sets.is_empty() {
            text = format!("SET {}", self.sets.join(", "));
        }
        if !self.removes.is_empty() {
            text = format!("{text} REMOVE {}", self.removes.join(", "));
        }
        text.trim().to_owned()
    }

    fn all_names(&self) -> HashMap<String, String> {
        self.names.clone().into_iter().chain(self.condition.names.clone()).collect()
    }

    fn all_values(&self) -> HashMap<String, AttributeValue> {
        self.values.clone().into_iter().chain(self.condition.values.clone()).collect()
    }
}

/// One action of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Put(Item, Condition),
    Change(Change),
    Check(Key, Condition),
}

impl Part {
    /// Whether it only checks the item of this key.
    pub(crate) fn checks(&self, key: &Key) -> bool {
        matches!(self, Self::Check(there, _) if there == key)
    }

    /// Whether it is about the item of this key.
    fn is_of(&self, key: &Key) -> bool {
        match self {
            Self::Put(item, _) => Key::of(item).as_ref() == Some(key),
            Self::Change(change) => change.key == *key,
            Self::Check(there, _) => there == key,
        }
    }

    /// The same, if this holds of its item, too; `None`: the item cannot be as both want it.
    fn also_if(self, condition: Condition) -> Option<Self> {
        Some(match self {
            Self::Put(item, there) => Self::Put(item, there.joined_with(condition)?),
            Self::Change(change) => Self::Change(Change { condition: change.condition.joined_with(condition)?, ..change }),
            Self::Check(key, there) => Self::Check(key, there.joined_with(condition)?),
        })
    }

    /// Whether both only check the same item.
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        matches!(other, Self::Check(key, _) if self.checks(key))
    }
}

/// What a part stands for, so that its failed condition can be told from the others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The new item, or one that belongs to it.
    New,
    /// The item by which the same request meets the same result.
    Same,
    /// What was read before the decision.
    Seen,
    /// The idempotency item.
    Once,
    /// The audit entry.
    Audit,
}

/// A transaction in the making.
#[derive(Debug)]
pub(crate) struct Write {
    parts: Vec<(Tag, Part)>,
    audited: Audited,
}

/// What became of a transaction.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All of it was written.
    Done,
    /// Nothing was; these conditions did not hold.
    Refused(Vec<Tag>),
    /// Nothing was; others write the same items.
    Busy,
}

/// What became of a change that went alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alone {
    /// It was made.
    Changed,
    /// Its condition does not hold.
    Refused,
    /// Its condition does not hold, perhaps because an earlier try of it had its effect.
    Unsure,
}

impl Write {
    /// A transaction that leaves this audit entry.
    pub(crate) fn audited(audited: Audited) -> Self {
        Self { parts: Vec::new(), audited }
    }

    pub(crate) fn put(self, tag: Tag, item: Item, condition: Condition) -> Self {
        self.part(tag, Part::Put(item, condition))
    }

    pub(crate) fn change(self, tag: Tag, change: Change) -> Self {
        self.part(tag, Part::Change(change))
    }

    pub(crate) fn check(self, key: Key, condition: Condition) -> Self {
        self.part(Tag::Seen, Part::Check(key, condition))
    }

    pub(crate) fn part(mut self, tag: Tag, part: Part) -> Self {
        self.parts.push((tag, part));
        self
    }

    /// And tells somebody of it: the notice is written with it or not at all. Nobody is told of the own act.
    pub(crate) fn telling(self, told: impl IntoIterator<Item = (UserId, Occasion)>) -> Result<Self, TableError> {
        self.telling_at(told, None)
    }

    /// The same of what begins at an instant.
    pub(crate) fn telling_at(self, told: impl IntoIterator<Item = (UserId, Occasion)>, due: Option<Timestamp>) -> Result<Self, TableError> {
        told.into_iter().try_fold(self, |write, (to, occasion)| {
            // Its key holds the entry's id: where it is there already, so is the entry, by an earlier try.
            let event = outbox::event(&write.audited, to, occasion, due)?;
            Ok(write.parts(event.map(|item| (Tag::Audit, Part::Put(item, Condition::absent())))))
        })
    }

    pub(crate) fn parts(self, parts: impl IntoIterator<Item = (Tag, Part)>) -> Self {
        parts.into_iter().fold(self, |write, (tag, part)| write.part(tag, part))
    }
}

/// The same checks with one for each item, which is all that a transaction may have; `None`: no item can hold two of them at once.
pub(crate) fn once_each(parts: impl IntoIterator<Item = (Tag, Part)>) -> Option<Vec<(Tag, Part)>> {
    let mut merged: Vec<(Tag, Part)> = Vec::new();
    for (tag, part) in parts {
        let Some((_, there)) = merged.iter_mut().find(|(_, there)| there.is_where(&part)) else {
            merged.push((tag, part));
            continue;
        };
        let (Part::Check(key, one), Part::Check(_, other)) = (&*there, part) else { return None };
        *there = Part::Check(key.clone(), one.clone().joined_with(other)?);
    }
    Some(merged)
}

/// The parts of a transaction with checks that some of them share their item with: it has one action for each item. `None`: no item can be as all
/// of them want it.
pub(crate) fn with_checks(parts: Vec<(Tag, Part)>, checks: impl IntoIterator<Item = (Tag, Part)>) -> Option<Vec<(Tag, Part)>> {
    let mut merged = parts;
    for (tag, check) in checks {
        let Part::Check(key, condition) = check else { return None };
        match merged.iter().position(|(_, part)| part.is_of(&key)) {
            Some(at) => {
                let (tag, part) = merged.swap_remove(at);
                merged.push((tag, part.also_if(condition)?));
            }
            None => merged.push((tag, Part::Check(key, condition))),
        }
    }
    Some(merged)
}

impl Table {
    /// Sends a transaction until its end is known: at most three times in a second. What stays unknown is read back by the audit
    /// entry, which is written with it or not at all.
    pub(crate) async fn commit(&self, write: Write) -> Result<Outcome, TableError> {
        let Write { mut parts, audited } = write;
        parts.push((Tag::Audit, Part::Put(audited.item(self.acted_from())?, Condition::absent())));
        let actions = parts.iter().map(|(_, part)| action(self.name(), part)).collect::<Result<Vec<_>, _>>()?;
        let token = audited.id.hyphenated().to_string();
        let begun = Instant::now();
        let mut unknown = None;
        let mut busy = false;
        for attempt in 0..TRIES {
            if attempt > 0 {
                if begun.elapsed() > TRIES_WITHIN {
                    break;
                }
                pause(TRY_PAUSE).await;
            }
            let Some(verdict) = self.transact(&token, &actions, &parts).await else { return Ok(Outcome::Done) };
            match verdict {
                Verdict::Refused(failed) => {
                    // Our own entry is there already: an earlier try had its effect, though we never heard.
                    let own = failed.contains(&Tag::Audit) || (unknown.is_some() && self.has(&audited.key()).await?);
                    return Ok(if own { Outcome::Done } else { Outcome::Refused(failed) });
                }
                Verdict::Conflict => busy = true,
                Verdict::Fault(Fault::Throttled) => busy = false,
                Verdict::Fault(Fault::Unknown(why)) => unknown = Some(why),
                Verdict::Fault(fault @ Fault::Refused(_)) => return Err(fault.into()),
            }
        }
        match unknown {
            Some(_) if self.has(&audited.key()).await? => Ok(Outcome::Done),
            Some(why) => Err(TableError::Unavailable { why }),
            None if busy => Ok(Outcome::Busy),
            None => Err(TableError::Throttled),
        }
    }

    /// Sends a transaction once, and says what is in its way; `None`: nothing, it was done. The same `token` again is done once, and says so.
    async fn transact(&self, token: &str, actions: &[TransactWriteItem], parts: &[(Tag, Part)]) -> Option<Verdict> {
        called();
        let sent = self
            .client()
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(actions.to_vec()))
            .customize()
            .config_override(self.patience())
            .send();
        Box::pin(sent).await.err().map(|error| verdict(&error, parts))
    }

    /// Changes of who tells what to whom, all of them or none, which leave no entry in the audit. Answers whether they were made; `false`: a condition
    /// does not hold, or somebody else changes one of them just now.
    pub(crate) async fn change_together(&self, changes: Vec<Change>) -> Result<bool, TableError> {
        let parts: Vec<_> = changes.into_iter().map(|change| (Tag::Seen, Part::Change(change))).collect();
        let actions = parts.iter().map(|(_, part)| action(self.name(), part)).collect::<Result<Vec<_>, _>>()?;
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|_why| TableError::Unavailable { why: "no randomness".to_owned() })?;
        let token = uuid::Builder::from_random_bytes(bits).into_uuid().hyphenated().to_string();
        let mut last = TableError::Throttled;
        for _attempt in 0..TRIES {
            let Some(verdict) = self.transact(&token, &actions, &parts).await else { return Ok(true) };
            match verdict {
                Verdict::Refused(_) | Verdict::Conflict => return Ok(false),
                Verdict::Fault(fault) => last = worse(last, fault)?,
            }
            pause(TRY_PAUSE).await;
        }
        Err(last)
    }

    /// A narrowing whose transaction met only conflicts: its deciding change alone. Narrowing never fails for bookkeeping (ACCESS 10);
    /// its entry is the caller's to [`Table::record`].
    pub(crate) async fn change_alone(&self, change: &Change) -> Result<Alone, TableError> {
        let mut last = TableError::Throttled;
        let mut unknown = false;
        for _attempt in 0..TRIES {
            called();
            let sent = self
                .client()
                .update_item()
                .table_name(self.name())
                .set_key(Some(change.key.attributes()))
                .update_expression(change.expression())
                .condition_expression(&change.condition.text)
                .set_expression_attribute_names(some(change.all_names()))
                .set_expression_attribute_values(some(change.all_values()))
                .customize()
                .config_override(self.patience())
                .send();
            match Box::pin(sent).await {
                Ok(_) => return Ok(Alone::Changed),
                Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                    return Ok(if unknown { Alone::Unsure } else { Alone::Refused });
                }
                Err(error) => {
                    let fault = Fault::of(&error);
                    unknown |= matches!(fault, Fault::Unknown(_));
                    last = worse(last, fault)?;
                }
            }
            pause(TRY_PAUSE).await;
        }
        Err(last)
    }

    /// A narrowing whose transaction met nothing but conflicts: its deciding change alone, and its entry in the audit afterwards. Answers
    /// whether it was made; `is_there` looks, where its condition does not hold and an earlier try of it may be why.
    pub(crate) async fn narrow_alone(
        &self,
        change: &Change,
        audited: Audited,
        is_there: impl Future<Output = Result<bool, TableError>>,
    ) -> Result<bool, TableError> {
        let made = match self.change_alone(change).await? {
            Alone::Changed => true,
            Alone::Refused => false,
            Alone::Unsure => is_there.await?,
        };
        if made {
            self.record(audited).await;
        }
        Ok(made)
    }

    /// Puts one item where this condition holds. Answers whether it was put; `false`: it does not, perhaps by an earlier try of this same call.
    pub(crate) async fn put_alone(&self, item: Item, condition: Condition) -> Result<bool, TableError> {
        let mut last = TableError::Throttled;
        for _attempt in 0..TRIES {
            called();
            let sent = self
                .client()
                .put_item()
                .table_name(self.name())
                .set_item(Some(item.clone()))
                .condition_expression(&condition.text)
                .set_expression_attribute_names(some(condition.names.clone()))
                .set_expression_attribute_values(some(condition.values.clone()))
                .customize()
                .config_override(self.patience())
                .send();
            match Box::pin(sent).await {
                Ok(_) => return Ok(true),
                Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => return Ok(false),
                Err(error) => last = worse(last, Fault::of(&error))?,
            }
            pause(TRY_PAUSE).await;
        }
        Err(last)
    }

    /// Writes an entry after its effect. The effect stands whether or not this succeeds, so a failure is only logged.
    pub(crate) async fn record(&self, audited: Audited) {
        let (id, verb) = (audited.id, audited.verb);
        let put = async { self.put_alone(audited.item(self.acted_from())?, Condition::absent()).await };
        if let Err(why) = put.await {
            tracing::error!(audit.id = %id, audit.verb = verb, error = %why, "the audit entry of a change that was made could not be written");
        }
    }

    async fn has(&self, key: &Key) -> Result<bool, TableError> {
        Ok(self.get(key, &mut Cost::default()).await?.is_some())
    }
}

enum Verdict {
    Refused(Vec<Tag>),
    Conflict,
    Fault(Fault),
}

/// What a failed transaction says. A condition that failed decides; a conflict asks for another try.
fn verdict(error: &SdkError<TransactWriteItemsError, aws_sdk_dynamodb::config::http::HttpResponse>, parts: &[(Tag, Part)]) -> Verdict {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        let in_progress = matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionInProgressException(_)));
        return Verdict::Fault(if in_progress { Fault::Unknown("in progress".to_owned()) } else { Fault::of(error) });
    };
    let reasons = cancelled.cancellation_reasons();
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or_default());
    let failed: Vec<Tag> = codes().zip(parts).filter(|(code, _)| *code == "ConditionalCheckFailed").map(|(_, (tag, _))| *tag).collect();
    if !failed.is_empty() {
        return Verdict::Refused(failed);
    }
    if codes().any(|code| code == "TransactionConflict") {
        return Verdict::Conflict;
    }
    if codes().any(|code| matches!(code, "ThrottlingError" | "ProvisionedThroughputExceeded")) {
        return Verdict::Fault(Fault::Throttled);
    }
    Verdict::Fault(Fault::Refused(codes().find(|code| *code != "None").unwrap_or("no reason").to_owned()))
}

fn action(table: &str, part: &Part) -> Result<TransactWriteItem, TableError> {
    let incomplete = |_why| TableError::Unavailable { why: "an incomplete action".to_owned() };
    let item = TransactWriteItem::builder();
    let item = match part {
        Part::Put(put, condition) => item.put(
            Put::builder()
                .set_item(Some(put.clone()))
                .condition_expression(&condition.text)
                .set_expression_attribute_names(some(condition.names.clone()))
                .set_expression_attribute_values(some(condition.values.clone()))
                .table_name(table)
                .build()
                .map_err(incomplete)?,
        ),
        Part::Change(change) => item.update(
            Update::builder()
                .set_key(Some(change.key.attributes()))
                .update_expression(change.expression())
                .condition_expression(&change.condition.text)
                .set_expression_attribute_names(some(change.all_names()))
                .set_expression_attribute_values(some(change.all_values()))
                .table_name(table)
                .build()
                .map_err(incomplete)?,
        ),
        Part::Check(key, condition) => item.condition_check(
            ConditionCheck::builder()
                .set_key(Some(key.attributes()))
                .condition_expression(&condition.text)
                .set_expression_attribute_names(some(condition.names.clone()))
                .set_expression_attribute_values(some(condition.values.clone()))
                .table_name(table)
                .build()
                .map_err(incomplete)?,
        ),
    };
    Ok(item.build())
}

/// What to say after one more try: what is unknown once stays unknown, and what would end alike again ends now.
fn worse(last: TableError, fault: Fault) -> Result<TableError, TableError> {
    match (last, fault) {
        (_, fault @ Fault::Refused(_)) => Err(fault.into()),
        (last @ TableError::Unavailable { .. }, Fault::Throttled) => Ok(last),
        (_, fault) => Ok(fault.into()),
    }
}

/// The store refuses an empty map of names or values.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    (!map.is_empty()).then_some(map)
}
