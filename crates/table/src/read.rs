//! Reads: consistent, bounded in time, one retry, and never an error as absence.

use std::{cell::Cell, collections::HashMap, future::Future, time::Duration};

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, KeysAndAttributes, Select},
};

use domain::id::DatasetId;

use crate::{
    Table,
    error::{Fault, TableError},
    item::{Item, text},
    schema::{self, GSI1, GSI1_PK, GSI1_SK, GSI2, GSI2_PK, GSI2_SK, Key, PK, SK},
};

/// Keys of one `BatchGetItem`.
const BATCH_KEYS_MAX: usize = 100;
/// Pages that one partition which must be read whole may have. A link has one of at most two items; a month of the audit has many.
const PAGES_MAX: usize = 1_000;
/// The longest pause before the one retry.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What a read cost: round trips to the store, one after the other, and items that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Round trips, retries too; calls made at the same time are one.
    pub round_trips: u32,
    /// Items.
    pub items: u32,
}

impl Cost {
    /// With what was read at the same time: one trip, and the items of both.
    pub(crate) fn beside(&mut self, others: Self) {
        self.round_trips = self.round_trips.max(others.round_trips);
        self.items = self.items.saturating_add(others.items);
    }

    /// With what was read afterwards.
    pub(crate) fn then(&mut self, others: Self) {
        self.round_trips = self.round_trips.saturating_add(others.round_trips);
        self.items = self.items.saturating_add(others.items);
    }

    fn called(&mut self) {
        self.round_trips = self.round_trips.saturating_add(1);
        called();
    }

    fn came(&mut self, items: usize) {
        self.items = self.items.saturating_add(u32::try_from(items).unwrap_or(u32::MAX));
    }
}

tokio::task_local! {
    /// Calls to the store by the work that is under way, where somebody counts them.
    static CALLS: Cell<u32>;
}

/// Does `work`, and counts the calls to the store that it makes itself, reads and writes, retries too, each of those at the same time by itself.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, u32) {
    let counted = async {
        let done = work.await;
        (done, CALLS.with(Cell::get))
    };
    CALLS.scope(Cell::new(0), counted).await
}

/// Counts one call.
pub(crate) fn called() {
    let _nobody_counts = CALLS.try_with(|calls| calls.set(calls.get().saturating_add(1)));
}

/// A stretch of a partition: what a Query reads.
#[derive(Debug, Clone)]
pub(crate) struct Stretch<'prefix> {
    pub(crate) pk: String,
    /// What the sort keys begin with; empty for all.
    pub(crate) prefix: &'prefix str,
}

/// Which sort keys of a partition a Query reads.
#[derive(Debug, Clone, Copy)]
enum Range<'keys> {
    /// Those that begin so; empty: all.
    Begins(&'keys str),
    /// From the first to the second.
    Between([&'keys str; 2]),
}

/// Where a listing goes on, and how many it reads.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) after: Option<HashMap<String, AttributeValue>>,
    pub(crate) items_max: u16,
    pub(crate) newest_first: bool,
    pub(crate) by_index: bool,
}

impl Table {
    /// One item.
    pub(crate) async fn get(&self, key: &Key, cost: &mut Cost) -> Result<Option<Item>, TableError> {
        let answer = self
            .twice(cost, || self.client().get_item().table_name(self.name()).consistent_read(true).set_key(Some(key.attributes())).send())
            .await?;
        cost.came(usize::from(answer.item.is_some()));
        Ok(answer.item)
    }

    /// Items by key, each key once. A key that the store left unprocessed is *unknown*: asked for once more, then an error, never absent.
    pub(crate) async fn batch(&self, keys: impl IntoIterator<Item = Key>, cost: &mut Cost) -> Result<HashMap<Key, Item>, TableError> {
        let mut wanted: Vec<Key> = Vec::new();
        for key in keys {
            if !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        let mut found = HashMap::new();
        for chunk in wanted.chunks(BATCH_KEYS_MAX) {
            let mut left = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(chunk.iter().map(Key::attributes).collect()));
            let mut retries = 1_u8;
            loop {
                let asked = left.clone().build().map_err(|_why| TableError::Unavailable { why: "no keys".to_owned() })?;
                let answer = self.twice(cost, || self.client().batch_get_item().request_items(self.name(), asked.clone()).send()).await?;
                for item in answer.responses.unwrap_or_default().into_values().flatten() {
                    cost.came(1);
                    if let Some(key) = Key::of(&item) {
                        found.insert(key, item);
                    }
                }
                let unprocessed = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect::<Vec<_>>();
                if unprocessed.is_empty() {
                    break;
                }
                retries = retries.checked_sub(1).ok_or(TableError::Throttled)?;
                pause(RETRY_PAUSE).await;
                left = left.set_keys(Some(unprocessed));
            }
        }
        Ok(found)
    }

    /// A whole stretch, page by page until the store says that there is no more: a page cut short hides nothing.
    pub(crate) async fn all(&self, stretch: &Stretch<'_>, cost: &mut Cost) -> Result<Vec<Item>, TableError> {
        self.every(&stretch.pk, Range::Begins(stretch.prefix), cost).await
    }

    /// The grants on a dataset to groups and projects: they lie beside each other, so that one Query reads both.
    pub(crate) async fn collective_grants(&self, dataset: DatasetId, cost: &mut Cost) -> Result<Vec<Item>, TableError> {
        self.every(&schema::dataset_partition(dataset), Range::Between(schema::COLLECTIVE_GRANTS), cost).await
    }

    async fn every(&self, pk: &str, range: Range<'_>, cost: &mut Cost) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::new();
        let mut window = Window { after: None, items_max: 0, newest_first: false, by_index: false };
        for _page in 0..PAGES_MAX {
            let (page, after) = self.range(pk, range, &window, cost).await?;
            items.extend(page);
            if after.is_none() {
                return Ok(items);
            }
            window.after = after;
        }
        Err(TableError::Unavailable { why: "a partition without end".to_owned() })
    }

    /// One page of a stretch, and where the next begins. `items_max` of 0: as many as the store gives.
    pub(crate) async fn page(
        &self,
        stretch: &Stretch<'_>,
        window: &Window,
        cost: &mut Cost,
    ) -> Result<(Vec<Item>, Option<Item>), TableError> {
        self.range(&stretch.pk, Range::Begins(stretch.prefix), window, cost).await
    }

    /// How many items of a stretch say something else than this in an attribute that they all have, counted by the store.
    pub(crate) async fn count_unlike(&self, stretch: &Stretch<'_>, name: &str, value: &str) -> Result<usize, TableError> {
        let (mut count, mut after) = (0_usize, None);
        for _page in 0..PAGES_MAX {
            let counted = self
                .twice(&mut Cost::default(), || {
                    self.client()
                        .query()
                        .table_name(self.name())
                        .consistent_read(true)
                        .select(Select::Count)
                        .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                        .filter_expression("#name <> :value")
                        .expression_attribute_names("#pk", PK)
                        .expression_attribute_names("#sk", SK)
                        .expression_attribute_names("#name", name)
                        .expression_attribute_values(":pk", text(&stretch.pk))
                        .expression_attribute_values(":prefix", text(stretch.prefix))
                        .expression_attribute_values(":value", text(value))
                        .set_exclusive_start_key(after.clone())
                        .send()
                })
                .await?;
            count = count.saturating_add(usize::try_from(counted.count).unwrap_or(0));
            after = counted.last_evaluated_key;
            if after.is_none() {
                return Ok(count);
            }
        }
        Err(TableError::Unavailable { why: "a partition without end".to_owned() })
    }

    async fn range(
        &self,
        partition: &str,
        range: Range<'_>,
        window: &Window,
        cost: &mut Cost,
    ) -> Result<(Vec<Item>, Option<Item>), TableError> {
        let (pk, sk) = if window.by_index { (GSI1_PK, GSI1_SK) } else { (PK, SK) };
        let answer = self
            .twice(cost, || {
                let query = self
                    .client()
                    .query()
                    .table_name(self.name())
                    .consistent_read(!window.by_index)
                    .set_index_name(window.by_index.then(|| GSI1.to_owned()))
                    .expression_attribute_names("#pk", pk)
                    .expression_attribute_values(":pk", text(partition))
                    .scan_index_forward(!window.newest_first)
                    .set_limit((window.items_max > 0).then(|| i32::from(window.items_max)))
                    .set_exclusive_start_key(window.after.clone());
                let query = match range {
                    Range::Begins("") => query.key_condition_expression("#pk = :pk"),
                    Range::Begins(prefix) => query
                        .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                        .expression_attribute_names("#sk", sk)
                        .expression_attribute_values(":prefix", text(prefix)),
                    Range::Between([from, to]) => query
                        .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
                        .expression_attribute_names("#sk", sk)
                        .expression_attribute_values(":from", text(from))
                        .expression_attribute_values(":to", text(to)),
                };
                query.send()
            })
            .await?;
        let items = answer.items.unwrap_or_default();
        cost.came(items.len());
        Ok((items, answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// A page of what GSI2 lists in a partition up to a place, the first first.
    pub(crate) async fn due_page(
        &self,
        partition: &str,
        until: &str,
        after: Option<Item>,
        cost: &mut Cost,
    ) -> Result<(Vec<Item>, Option<Item>), TableError> {
        let answer = self
            .twice(cost, || {
                self.client()
                    .query()
                    .table_name(self.name())
                    .index_name(GSI2)
                    .key_condition_expression("#pk = :pk AND #sk <= :until")
                    .expression_attribute_names("#pk", GSI2_PK)
                    .expression_attribute_names("#sk", GSI2_SK)
                    .expression_attribute_values(":pk", text(partition))
                    .expression_attribute_values(":until", text(until))
                    .set_exclusive_start_key(after.clone())
                    .send()
            })
            .await?;
        let items = answer.items.unwrap_or_default();
        cost.came(items.len());
        Ok((items, answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// A read, and once more after a short pause if the store throttled or did not answer (SEMANTICS 7).
    async fn twice<T, E, F>(&self, cost: &mut Cost, call: impl Fn() -> F) -> Result<T, TableError>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        cost.called();
        let fault = match Box::pin(call()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => Fault::of(&error),
        };
        if let Fault::Refused(_) = fault {
            return Err(fault.into());
        }
        pause(RETRY_PAUSE).await;
        cost.called();
        Box::pin(call()).await.map_err(|error| Fault::of(&error).into())
    }
}

/// Waits a random part of `longest`, so that those who failed together do not come back together.
pub(crate) async fn pause(longest: Duration) {
    let share = getrandom::u32().unwrap_or(u32::MAX / 2);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(share)).checked_shr(32).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
