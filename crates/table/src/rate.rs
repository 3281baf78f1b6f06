//! How much somebody has done of what is bounded by the day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Table,
    error::TableError,
    item::{Row, item, number, row},
    read::Cost,
    schema::Key,
    write::{Condition, Part, Tag},
};

#[derive(Serialize, Deserialize)]
struct RateRow {
    count: u64,
    ttl: i64,
}

impl Row for RateRow {
    const WHAT: &'static str = "a rate";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// A bound on what one person does in a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Daily {
    pub(crate) what: &'static str,
    pub(crate) max: usize,
    /// How long the count is kept, in seconds.
    pub(crate) kept_secs: i64,
}

impl Table {
    /// The part of a transaction that counts one more under `key`, on the condition that nothing was counted meanwhile: so what one person
    /// does of it in a day is serial.
    ///
    /// # Errors
    /// [`TableError::TooMany`] where the day is full.
    pub(crate) async fn one_more(&self, key: &Key, daily: Daily, now: Timestamp) -> Result<(Tag, Part), TableError> {
        let counted = self.get(key, &mut Cost::default()).await?.map(row::<RateRow>).transpose()?.map(|rate| rate.count);
        let most = u64::try_from(daily.max).unwrap_or_default();
        if counted.unwrap_or_default() >= most {
            return Err(TableError::TooMany { what: daily.what, max: daily.max });
        }
        let ttl = now.as_second().saturating_add(daily.kept_secs);
        let more = RateRow { count: counted.unwrap_or_default().saturating_add(1), ttl };
        let as_counted = counted.map_or_else(Condition::absent, |count| Condition::is("count", number(count)));
        Ok((Tag::Seen, Part::Put(item(key, &more)?, as_counted)))
    }
}
