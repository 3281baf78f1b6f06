//! The facts of a decision about a link: read in two round trips, cached for as long as the link's class allows.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    decision::LinkFacts,
    id::LinkId,
    key::KeyHash,
    limits::{FACTS_CACHE_BYTES_MAX, FACTS_CACHE_ENTRIES_MAX, REFUSAL_CACHE_SECS},
    link::{Link, LinkState, Tombstone},
};
use jiff::{SignedDuration, Timestamp};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::OnceCell;

use crate::{
    Table,
    datasets::place_of,
    error::TableError,
    item::{Item, Row, row, unreadable},
    links::{LinkRow, TombstoneRow},
    read::{Cost, Stretch},
    schema::{self, Key},
    users::UserRow,
};

impl Table {
    /// The facts of the link whose key has this hash, in two round trips: link and tombstone together, then dataset, source and maker
    /// together. `None`: there is no such link.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] where any of them is missing or cannot be judged: never a yes.
    pub async fn link_facts(&self, hash: KeyHash) -> Result<Option<LinkFacts>, TableError> {
        self.read_link(hash, &mut Cost::default()).await
    }

    /// The same, by the link's id: one round trip more.
    ///
    /// # Errors
    /// As [`Table::link_facts`].
    pub async fn link_by_id(&self, id: LinkId) -> Result<Option<LinkFacts>, TableError> {
        let cost = &mut Cost::default();
        let Some(hash) = self.hash_of(id, cost).await? else { return Ok(None) };
        self.read_link(hash, cost).await
    }

    async fn read_link(&self, hash: KeyHash, cost: &mut Cost) -> Result<Option<LinkFacts>, TableError> {
        let (mut link, mut tombstone) = (None, None);
        for item in self.all(&Stretch { pk: schema::link_partition(hash), prefix: "" }, cost).await? {
            let key = Key::of(&item);
            if key.as_ref() == Some(&schema::link(hash)) {
                link = Some(row::<LinkRow>(item)?.link(hash)?);
            } else if key.as_ref() == Some(&schema::tombstone(hash)) {
                tombstone = Some(row::<TombstoneRow>(item)?.tombstone()?);
            }
        }
        let Some(link) = link else { return Ok(None) };
        let found = self.batch(keys_behind(&link), cost).await?;
        facts(link, tombstone, &found).map(Some)
    }

    /// The facts of several links, in the order of their hashes. Those that are not there, or cannot be read, are left out and logged.
    pub(crate) async fn facts_of(&self, hashes: &[KeyHash], cost: &mut Cost) -> Result<Vec<LinkFacts>, TableError> {
        let mut found = self.batch(hashes.iter().flat_map(|hash| [schema::link(*hash), schema::tombstone(*hash)]), cost).await?;
        let mut links = Vec::new();
        for hash in hashes {
            let Some(item) = found.remove(&schema::link(*hash)) else { continue };
            let tombstone = found.remove(&schema::tombstone(*hash));
            match link_and_tombstone(*hash, item, tombstone) {
                Ok(both) => links.push(both),
                Err(why) => tracing::warn!(link.hash = %hash, error = %why, "a listed link was left out"),
            }
        }
        let found = self.batch(links.iter().flat_map(|(link, _)| keys_behind(link)), cost).await?;
        let mut all = Vec::new();
        for (link, tombstone) in links {
            let id = link.id;
            match facts(link, tombstone, &found) {
                Ok(facts) => all.push(facts),
                Err(why) => tracing::warn!(link.id = %id, error = %why, "a listed link was left out"),
            }
        }
        Ok(all)
    }
}

fn link_and_tombstone(hash: KeyHash, link: Item, tombstone: Option<Item>) -> Result<(Link, Option<Tombstone>), TableError> {
    let tombstone = tombstone.map(|item| row::<TombstoneRow>(item)?.tombstone()).transpose()?;
    Ok((row::<LinkRow>(link)?.link(hash)?, tombstone))
}

fn keys_behind(link: &Link) -> [Key; 3] {
    [schema::dataset(link.dataset), schema::source(link.source), schema::user(link.maker)]
}

fn facts(link: Link, tombstone: Option<Tombstone>, found: &HashMap<Key, Item>) -> Result<LinkFacts, TableError> {
    let place = place_of(found, link.dataset, link.source)?;
    let maker = found.get(&schema::user(link.maker)).cloned().ok_or(TableError::Unreadable { what: UserRow::WHAT })?;
    LinkFacts::new(link, tombstone, place, row::<UserRow>(maker)?.user()?).map_err(unreadable(LinkRow::WHAT))
}

/// What the cache answers.
#[derive(Debug, Clone)]
pub struct Found {
    /// The facts; `None`: there is no such link.
    pub facts: Option<Arc<LinkFacts>>,
    /// What it cost: nothing where they were fresh, or where another request's read served this one too.
    pub cost: Cost,
}

/// The facts of the links that this process read lately: the only thing in the product that remembers a decision's grounds.
///
/// Bounded in entries and bytes. Age counts from the moment the read began and is compared with times given by the caller, so the
/// cache has no clock. A refusal is kept a second at the most, a strict link not at all. Reads of one link are shared by those who wait for it.
#[derive(Clone)]
pub struct FactsCache(Arc<Shared>);

struct Shared {
    entries: Cache<KeyHash, Entry, Bytes>,
    flights: Mutex<HashMap<KeyHash, Arc<OnceCell<Landed>>>>,
    /// Orders arrivals and reads: a request may only share a strict link's read that began after it came.
    order: AtomicU64,
}

impl fmt::Debug for FactsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactsCache").field("entries", &self.entries()).field("bytes", &self.bytes()).finish()
    }
}

impl Default for FactsCache {
    fn default() -> Self {
        Self::new()
    }
}

/// A read that has come to its end.
struct Landed {
    began: u64,
    result: Result<Entry, TableError>,
}

/// What was read, and when the read began.
#[derive(Clone)]
struct Entry {
    facts: Option<Arc<LinkFacts>>,
    read_at: Timestamp,
    event: Option<Timestamp>,
}

/// The two times of a request: ours, and the event's own.
#[derive(Clone, Copy)]
struct Times {
    now: Timestamp,
    event: Option<Timestamp>,
}

impl Entry {
    /// How old facts about this link may be, in seconds.
    fn class_secs(&self) -> u32 {
        self.facts.as_ref().map_or(REFUSAL_CACHE_SECS, |facts| facts.link.timing().facts_cache_secs)
    }

    fn is_strict(&self) -> bool {
        self.class_secs() == 0
    }

    /// Whether it may answer without a look at the table.
    fn is_fresh(&self, times: Times) -> bool {
        let opens = self.facts.as_ref().is_some_and(|facts| facts.place.source.serving && facts.state(times.now) == LinkState::Live);
        let secs = if opens { self.class_secs() } else { self.class_secs().min(REFUSAL_CACHE_SECS) };
        self.is_younger(secs, times)
    }

    /// Younger than this by our clock *and* by the events': a frozen function may thaw with old memory and an old clock.
    fn is_younger(&self, secs: u32, times: Times) -> bool {
        let limit = SignedDuration::from_secs(i64::from(secs));
        let age = times.now.duration_since(self.read_at);
        // Two requests may come in another order than their clocks were read. A clock that went back further than that proves no age.
        let plausible = age > SignedDuration::from_secs(-1);
        let young_by_event = times.event.is_none_or(|event| event.duration_since(self.event.unwrap_or(self.read_at)) < limit);
        secs > 0 && plausible && age < limit && young_by_event
    }
}

/// Estimates the bytes of an entry. The least an entry counts for makes the bound on bytes one on entries too.
#[derive(Clone)]
struct Bytes;

/// What an entry takes in the cache's own structures, spare room included, and in the allocator's.
const ENTRY_OVERHEAD_BYTES: usize = 400;

impl Weighter<KeyHash, Entry> for Bytes {
    fn weight(&self, _key: &KeyHash, entry: &Entry) -> u64 {
        let facts = entry.facts.as_ref().map_or(0, |facts| bytes_of(facts));
        let least = FACTS_CACHE_BYTES_MAX.div_ceil(u64::try_from(FACTS_CACHE_ENTRIES_MAX).unwrap_or(u64::MAX));
        u64::try_from(facts.saturating_add(ENTRY_OVERHEAD_BYTES)).unwrap_or(u64::MAX).max(least)
    }
}

fn bytes_of(facts: &LinkFacts) -> usize {
    let LinkFacts { link, tombstone, place, maker, .. } = facts;
    let source = &place.source;
    let role = source.store.role.as_ref();
    // The joined prefix is as long as its three parts, hence each of them counts twice.
    let texts = [
        link.name.len(),
        link.options.label.len(),
        link.subpath.as_str().len().saturating_mul(2),
        place.dataset.path.as_str().len().saturating_mul(2),
        source.prefix.as_str().len().saturating_mul(2),
        place.dataset.ancestors.len().saturating_mul(16),
        source.name.as_str().len(),
        source.store.bucket.len(),
        source.store.region.len(),
        source.store.endpoint.as_ref().map_or(0, String::len),
        role.map_or(0, |role| role.arn.len()),
        role.and_then(|role| role.external_id.as_ref()).map_or(0, String::len),
        maker.name.len(),
        tombstone.as_ref().and_then(|tombstone| tombstone.reason.as_ref()).map_or(0, String::len),
    ];
    texts.into_iter().fold(size_of::<LinkFacts>(), usize::saturating_add)
}

impl FactsCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        // Only an estimate, from which the cache takes its number of shards; memory is taken as it fills.
        let entries = Cache::with_weighter(FACTS_CACHE_ENTRIES_MAX, FACTS_CACHE_BYTES_MAX, Bytes);
        Self(Arc::new(Shared { entries, flights: Mutex::default(), order: AtomicU64::new(0) }))
    }

    /// The facts of the link whose key has this hash, for a request at `now` whose event says it is of `event`.
    ///
    /// # Errors
    /// [`TableError`], where the table fails and nothing young enough is there.
    pub async fn link(&self, table: &Table, hash: KeyHash, now: Timestamp, event: Option<Timestamp>) -> Result<Found, TableError> {
        let times = Times { now, event };
        if let Some(entry) = self.0.entries.get(&hash)
            && entry.is_fresh(times)
        {
            return Ok(Found { facts: entry.facts, cost: Cost::default() });
        }
        // Boxed: a request whose facts are fresh, as most are, does without the room that a read takes.
        Box::pin(self.read_or_share(table, hash, times)).await
    }

    /// Facts that are not fresh here: by a read of one's own, or by one that is under way and began after this request came.
    async fn read_or_share(&self, table: &Table, hash: KeyHash, times: Times) -> Result<Found, TableError> {
        let arrived = self.next_in_order();
        let mut cost = Cost::default();
        loop {
            let flight = Flight::of(self, hash);
            let landed = flight.cell.get_or_init(|| self.read(table, hash, times, &mut cost)).await;
            let began_later = landed.began > arrived;
            match &landed.result {
                Ok(entry) if began_later || entry.is_fresh(times) => return Ok(Found { facts: entry.facts.clone(), cost }),
                // Read for somebody who came before: another read, which cannot have begun before now.
                Ok(_) => {}
                Err(why) => return self.last_known(hash, times, cost).ok_or_else(|| why.clone()),
            }
        }
    }

    /// How many links it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.entries.len()
    }

    /// How many bytes it holds, as estimated.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.entries.weight()
    }

    async fn read(&self, table: &Table, hash: KeyHash, times: Times, cost: &mut Cost) -> Landed {
        let began = self.next_in_order();
        let result = Box::pin(table.read_link(hash, cost)).await;
        let result = result.map(|facts| Entry { facts: facts.map(Arc::new), read_at: times.now, event: times.event });
        match &result {
            Ok(entry) if entry.is_strict() => drop(self.0.entries.remove(&hash)),
            Ok(entry) => self.0.entries.insert(hash, entry.clone()),
            Err(_) => {}
        }
        Landed { began, result }
    }

    /// When the table fails: facts younger than their class's time, though they were due for another look (SEMANTICS 7).
    fn last_known(&self, hash: KeyHash, times: Times, cost: Cost) -> Option<Found> {
        let entry = self.0.entries.get(&hash).filter(|entry| entry.is_younger(entry.class_secs(), times))?;
        Some(Found { facts: entry.facts, cost })
    }

    fn next_in_order(&self) -> u64 {
        self.0.order.fetch_add(1, Ordering::SeqCst)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<KeyHash, Arc<OnceCell<Landed>>>> {
        self.0.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read under way, shared by whoever waits for it. The last to leave takes it off the list, a request that was cancelled too.
struct Flight<'c> {
    cache: &'c FactsCache,
    hash: KeyHash,
    cell: Arc<OnceCell<Landed>>,
}

impl<'c> Flight<'c> {
    /// The read of this link that has not landed yet, or a new one.
    fn of(cache: &'c FactsCache, hash: KeyHash) -> Self {
        let mut flights = cache.flights();
        let cell = flights.entry(hash).or_default();
        if cell.initialized() {
            *cell = Arc::default();
        }
        Self { cache, hash, cell: Arc::clone(cell) }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.cache.flights();
        let listed = flights.get(&self.hash).is_some_and(|listed| Arc::ptr_eq(listed, &self.cell));
        // The list's own and this one: nobody else waits. A read that has landed helps nobody who comes later.
        if listed && (Arc::strong_count(&self.cell) <= 2 || self.cell.initialized()) {
            drop(flights.remove(&self.hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Issue 2, 4: 10⁵ distinct unknown keys, and more
    #[test]
    fn unknown_keys_fill_the_cache_to_its_bounds_and_no_further() {
        let cache = FactsCache::new();
        for number in 0..3 * FACTS_CACHE_ENTRIES_MAX {
            let entry = Entry { facts: None, read_at: Timestamp::UNIX_EPOCH, event: None };
            cache.0.entries.insert(KeyHash::of(&number.to_string()), entry);
        }
        assert!(cache.entries() <= FACTS_CACHE_ENTRIES_MAX && cache.bytes() <= FACTS_CACHE_BYTES_MAX, "{cache:?}");
        assert!(cache.entries() > FACTS_CACHE_ENTRIES_MAX / 2, "{cache:?}");
    }

    #[test]
    fn a_read_that_everybody_left_is_off_the_list() {
        let (cache, hash) = (FactsCache::new(), KeyHash::of("x"));
        let (one, other) = (Flight::of(&cache, hash), Flight::of(&cache, hash));
        assert!(Arc::ptr_eq(&one.cell, &other.cell), "both wait for one read");
        drop(one);
        assert_eq!(cache.flights().len(), 1);
        drop(other);
        assert_eq!(cache.flights().len(), 0);
    }
}
