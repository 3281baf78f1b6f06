//! Idempotency: what the first request with a key did, kept for 24 hours in the same transaction as its effect (SEMANTICS 6).

use std::fmt::Write as _;

use domain::{id::UserId, limits::IDEMPOTENCY_SECS};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Table,
    error::TableError,
    item::{Item, Row, item, number, row, unreadable},
    read::Cost,
    schema::{self, TTL},
    write::{Condition, Part, Tag},
};

/// Who asks, by which request, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) by: UserId,
    pub(crate) once: Option<&'a Once>,
    pub(crate) now: Timestamp,
}

/// A request that its client may send twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The `Idempotency-Key`, as the client wrote it.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub request: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct OnceRow {
    request: String,
    result: String,
    ttl: i64,
}

impl Row for OnceRow {
    const WHAT: &'static str = "an idempotency item";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl Once {
    fn request_text(&self) -> String {
        self.request.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }

    fn item(&self, user: UserId, result: &str, now: Timestamp) -> Result<Item, TableError> {
        let ttl = now.as_second().saturating_add(IDEMPOTENCY_SECS);
        item(&schema::once(user, &self.key), &OnceRow { request: self.request_text(), result: result.to_owned(), ttl })
    }

    /// An item past its time may still lie there: the store drops it when it likes.
    fn condition(now: Timestamp) -> Condition {
        Condition::absent().or(Condition::below(TTL, number(now.as_second())))
    }

    /// The part of a transaction that remembers its result.
    pub(crate) fn part(once: Option<&Self>, user: UserId, result: &str, now: Timestamp) -> Result<Option<(Tag, Part)>, TableError> {
        let Some(once) = once else { return Ok(None) };
        Ok(Some((Tag::Once, Part::Put(once.item(user, result, now)?, Self::condition(now)))))
    }
}

/// A number that an idempotency item holds: of a request on many, how many it changed.
pub(crate) fn number_of(result: &str) -> Result<usize, TableError> {
    result.parse().map_err(unreadable("an idempotency item"))
}

impl Table {
    /// What the first request with this key did: the id of what it made or changed; `None`: there was none within 24 hours.
    ///
    /// # Errors
    /// [`TableError::Mismatch`] where that was another request.
    pub async fn once(&self, user: UserId, once: &Once, now: Timestamp) -> Result<Option<String>, TableError> {
        let Some(found) = self.get(&schema::once(user, &once.key), &mut Cost::default()).await? else { return Ok(None) };
        let OnceRow { request, result, ttl } = row(found)?;
        if ttl < now.as_second() {
            return Ok(None);
        }
        if request == once.request_text() { Ok(Some(result)) } else { Err(TableError::Mismatch) }
    }

    /// The same, for a request that may have been given no key.
    ///
    /// # Errors
    /// As [`Table::once`].
    pub async fn once_if(&self, user: UserId, once: Option<&Once>, now: Timestamp) -> Result<Option<String>, TableError> {
        match once {
            Some(once) => self.once(user, once, now).await,
            None => Ok(None),
        }
    }

    /// Remembers a request that met what it asked for, and so wrote nothing else: a copy that comes late must not do what it did not.
    ///
    /// # Errors
    /// [`TableError::Mismatch`] for another request under one key.
    pub async fn remember(&self, once: Option<&Once>, user: UserId, result: &str, now: Timestamp) -> Result<(), TableError> {
        let Some(once) = once else { return Ok(()) };
        if self.put_alone(once.item(user, result, now)?, Once::condition(now)).await? {
            return Ok(());
        }
        match self.once(user, once, now).await? {
            Some(before) if before == result => Ok(()),
            _ => Err(TableError::Mismatch),
        }
    }
}
