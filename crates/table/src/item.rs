//! Between items and rows: typed structs, times as epoch milliseconds, and the flags a row needs to be judged.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{error::TableError, schema::Key};

/// An item as the store has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A dataset is restricted, or holds restricted ones.
pub(crate) const NEEDS_CUTS: &str = "cuts";
/// What rests on a dataset is neither kept nor signed for long.
pub(crate) const NEEDS_STRICT: &str = "strict";
/// A group's memberships count by the provider's last word of each.
pub(crate) const NEEDS_CLAIMED: &str = "claimed";
/// A token is for one dataset.
pub(crate) const NEEDS_DATASET: &str = "dataset";
/// A source or a link has zones.
pub(crate) const NEEDS_ZONES: &str = "zones";
/// The deployment's policy bounds a source.
pub(crate) const NEEDS_POLICY: &str = "policy";
/// Its zones are hard: nothing is redirected.
pub(crate) const NEEDS_HARD_ZONES: &str = "hard-zones";
pub(crate) const NEEDS_TERMS: &str = "terms";
/// A link gives less than the most that a link may give.
pub(crate) const NEEDS_ROLE: &str = "role";
/// A link opens chunks from a level on.
pub(crate) const NEEDS_LEVEL: &str = "level";
/// A link shows nobody what is in a folder.
pub(crate) const NEEDS_HIDDEN: &str = "hidden-listing";

/// A link answers so many requests in a second.
pub(crate) const NEEDS_RATE: &str = "rate";
/// A link gives so many bytes in a day.
pub(crate) const NEEDS_BYTES: &str = "bytes";
/// A link asks for a pass.
pub(crate) const NEEDS_PASS: &str = "pass";

/// The flags whose condition holds.
pub(crate) fn needs<const N: usize>(flags: [(&str, bool); N]) -> Vec<String> {
    flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag.to_owned()).collect()
}

/// A row of the table.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// What it is, for errors.
    const WHAT: &'static str;
    /// The flags of `needs` that this version knows how to judge in it. A row with any other is never a yes: deploy readers before writers.
    const KNOWN_NEEDS: &'static [&'static str] = &[];

    /// The flags needed to judge it; `None` for a row that permits nothing.
    fn needs(&self) -> Option<&[String]>;
}

/// The item of a row under its key.
pub(crate) fn item<R: Row>(key: &Key, row: &R) -> Result<Item, TableError> {
    let mut item: Item = serde_dynamo::to_item(row).map_err(|_why| TableError::Unreadable { what: R::WHAT })?;
    item.extend(key.attributes());
    Ok(item)
}

/// The row of an item. A missing attribute, one of another kind, or an unknown flag is an error, never a default.
pub(crate) fn row<R: Row>(item: Item) -> Result<R, TableError> {
    let row: R = serde_dynamo::from_item(item).map_err(|_why| TableError::Unreadable { what: R::WHAT })?;
    let unknown = row.needs().unwrap_or_default().iter().any(|flag| !R::KNOWN_NEEDS.contains(&flag.as_str()));
    if unknown { Err(TableError::Unreadable { what: R::WHAT }) } else { Ok(row) }
}

/// The instant of epoch milliseconds.
pub(crate) fn time(millis: i64, what: &'static str) -> Result<Timestamp, TableError> {
    Timestamp::from_millisecond(millis).map_err(|_why| TableError::Unreadable { what })
}

/// The same, of what may be absent.
pub(crate) fn time_if(millis: Option<i64>, what: &'static str) -> Result<Option<Timestamp>, TableError> {
    millis.map(|millis| time(millis, what)).transpose()
}

/// Whatever does not parse makes its row unreadable.
pub(crate) fn unreadable<E>(what: &'static str) -> impl Fn(E) -> TableError {
    move |_why| TableError::Unreadable { what }
}

/// A number attribute.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A list of texts.
pub(crate) fn texts(values: impl IntoIterator<Item = String>) -> AttributeValue {
    AttributeValue::L(values.into_iter().map(AttributeValue::S).collect())
}
