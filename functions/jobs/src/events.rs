//! What Lambda hands over: records of the table's stream, and the strike of a clock. Either only says when to look; what is so is read from the table
//! (ADR 0055).

use std::collections::BTreeSet;

use domain::{id::UserId, notice::NoticeId};
use edge::{App, lambda};
use serde::Deserialize;
use serde_json::{Value, json};
use table::{
    TableError,
    outbox::{SHARDS, notice_at},
};
use thiserror::Error;

use crate::{Jobs, Round};

/// An event that could not be worked through: Lambda sends it again, or the next strike of the clock does what it was for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// Neither the stream's nor the clock's.
    #[error("neither records of the table's stream nor a scheduled event: what else calls this function is not in template.yaml")]
    Unknown,
    /// What waits could not be looked for.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// An item of the table that changed, as its stream tells it. Nothing else of the record is looked at: it may be old.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    sequence_number: String,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl Change {
    /// The change that a record tells of, and the notice that it is of; `None`: it is none of a notice.
    fn of(record: &Value) -> Option<(NoticeId, String)> {
        let change = Self::deserialize(record.get("dynamodb")?).ok()?;
        Some((notice_at(&change.keys.pk.text, &change.keys.sk.text)?, change.sequence_number))
    }
}

impl Jobs {
    /// Does what an event asks for, and says of which records of a stream it could not be done (`batchItemFailures`). A mail that was not handed over is
    /// none of these, for the table says when it is due again; the round counts it.
    ///
    /// # Errors
    /// [`EventError`].
    pub async fn answer(&self, event: &Value) -> Result<(Value, Round), EventError> {
        let (answer, round) = match Asked::of(event)? {
            Asked::Records(records) => self.look_at(records).await?,
            Asked::All => (json!({}), Box::pin(self.round()).await?),
        };
        if round != Round::default() {
            let Round { sent, dropped, failed, given_up, put_off } = round;
            tracing::info!(sent, dropped, failed, given_up, put_off, "notices were looked after");
        }
        Ok((answer, round))
    }

    /// Tells what some records of the stream are of.
    async fn look_at(&self, records: &[Value]) -> Result<(Value, Round), EventError> {
        let changes: Vec<_> = records.iter().filter_map(Change::of).collect();
        if changes.len() < records.len() {
            tracing::warn!(records = records.len(), notices = changes.len(), "the stream's filter lets through what is no notice");
        }
        let ids: BTreeSet<_> = changes.iter().map(|(id, _)| *id).collect();
        let due = self.app().table.due_of(&ids.into_iter().collect::<Vec<_>>(), self.app().now()).await?;
        let mut round = Round::default();
        let unreadable: BTreeSet<NoticeId> = due.unreadable.into_iter().collect();
        let failed: BTreeSet<UserId> = Box::pin(self.tell_each(due.waiting, &mut round)).await.into_iter().collect();
        let failures: Vec<_> = changes
            .iter()
            .filter(|(id, _)| unreadable.contains(id) || failed.contains(&id.to))
            .map(|(_, sequence)| json!({ "itemIdentifier": sequence }))
            .collect();
        Ok((json!({ "batchItemFailures": failures }), round))
    }
}

/// Says in the log that something waits and no mail server is named, where that is so. What an event was for stays in the table.
///
/// # Errors
/// [`EventError`].
pub async fn keep(app: &App, event: &Value) -> Result<Value, EventError> {
    Asked::of(event)?;
    let mut notices = 0_usize;
    for shard in 0..SHARDS {
        notices = notices.saturating_add(app.table.due_notices(shard, app.now()).await?.len());
    }
    if notices > 0 {
        tracing::warn!(notices, "notices wait, and no mail server is named: they are dropped after 30 days");
    }
    Ok(json!({}))
}

/// What an event asks for.
enum Asked<'a> {
    /// To look at what records of the stream tell of.
    Records(&'a [Value]),
    /// To look for all that is due.
    All,
}

impl<'a> Asked<'a> {
    fn of(event: &'a Value) -> Result<Self, EventError> {
        let is_of_stream = |records: &[Value]| records.iter().all(|record| record.get("eventSource") == Some(&json!("aws:dynamodb")));
        match event.get("Records").and_then(Value::as_array) {
            Some(records) if is_of_stream(records) => Ok(Self::Records(records)),
            None if lambda::is_strike(event) => Ok(Self::All),
            _ => Err(EventError::Unknown),
        }
    }
}
