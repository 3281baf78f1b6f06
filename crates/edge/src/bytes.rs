//! How many bytes each link with a budget gave today (UTC), counted where they leave, and noted on the link once that is too many (D10).
//!
//! Nothing is written while anything is answered. This is for a deployment that sees every byte go by, which `offprint up` does whose object
//! storage is its own; elsewhere no link takes such a budget.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{id::LinkId, key::KeyHash, limits::BYTES_LINKS_MAX, link::Link, source::Source};
use http::StatusCode;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use table::Table;

use crate::{App, problem::Problem};

/// The tag of a signed URL that names its link.
const TAG: &str = "x-offprint-link=";

/// What links with a budget gave today.
pub struct BytesSent(Mutex<Today>);

struct Today {
    day: Date,
    links: HashMap<LinkId, Counted>,
}

/// What one link gave.
#[derive(Default)]
struct Counted {
    sent: Arc<AtomicU64>,
    /// `None` after a start, until it is asked for.
    seen: Option<Seen>,
}

/// A link as it was when it last opened.
#[derive(Clone, Copy)]
struct Seen {
    hash: KeyHash,
    version: u64,
    most: u64,
    /// Whether it opened since it was last noted that it is over: then that is not in force, and is noted again.
    opened: bool,
}

/// What is kept over a restart.
#[derive(Serialize, Deserialize)]
struct Kept {
    day: Date,
    sent: BTreeMap<String, u64>,
}

impl fmt::Debug for BytesSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BytesSent").field("links", &self.today().links.len()).finish()
    }
}

impl Default for BytesSent {
    fn default() -> Self {
        Self(Mutex::new(Today { day: Date::MIN, links: HashMap::new() }))
    }
}

impl BytesSent {
    /// What was kept as [`BytesSent::kept`] says it; nothing where that cannot be read.
    #[must_use]
    pub fn read(kept: &[u8]) -> Self {
        let Ok(Kept { day, sent }) = serde_json::from_slice(kept) else { return Self::default() };
        let links = sent.into_iter().filter_map(|(id, sent)| {
            let counted = Counted { sent: Arc::new(AtomicU64::new(sent)), seen: None };
            Some((LinkId::parse(&id).ok()?, counted))
        });
        Self(Mutex::new(Today { day, links: links.collect() }))
    }

    /// What is to be kept over a restart.
    #[must_use]
    pub fn kept(&self) -> Vec<u8> {
        let today = self.today();
        let sent = today.links.iter().map(|(id, counted)| (id.to_string(), counted.sent.load(Ordering::Relaxed)));
        let kept = Kept { day: today.day, sent: sent.filter(|(_, sent)| *sent > 0).collect() };
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Counts from now on what `link` gives: it is about to open. False where too many are counted.
    fn watch(&self, link: &Link, most: u64, now: Timestamp) -> bool {
        let mut today = self.today();
        today.begin(now);
        let full = today.links.len() >= BYTES_LINKS_MAX;
        let counted = match today.links.entry(link.id) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(_) if full => return false,
            Entry::Vacant(free) => free.insert(Counted::default()),
        };
        counted.seen = Some(Seen { hash: link.hash, version: link.version, most, opened: true });
        true
    }

    /// What the bytes are added to that go out by a signed URL with this query; `None`: it is of no link that is counted.
    #[must_use]
    pub fn counter(&self, query: &str) -> Option<Arc<AtomicU64>> {
        let id = query.split('&').find_map(|pair| pair.strip_prefix(TAG)).and_then(|id| LinkId::parse(id).ok())?;
        self.today().links.get(&id).map(|counted| Arc::clone(&counted.sent))
    }

    /// Notes on each link that gave more than its budget that it gives nothing until the next day. What the table does not take is noted the
    /// next time.
    pub async fn note(&self, table: &Table, now: Timestamp) {
        for (id, hash, version) in self.over(now) {
            if let Err(why) = table.note_over_budget(hash, version, next_day(now)).await {
                tracing::warn!(link.id = %id, why = %why, "a link that is over its budget could not be stopped; it is tried again");
                self.reopen(id);
            }
        }
    }

    fn over(&self, now: Timestamp) -> Vec<(LinkId, KeyHash, u64)> {
        let mut today = self.today();
        today.begin(now);
        let over = today.links.iter_mut().filter_map(|(id, counted)| {
            let sent = counted.sent.load(Ordering::Relaxed);
            let seen = counted.seen.as_mut().filter(|seen| seen.opened && sent >= seen.most)?;
            seen.opened = false;
            Some((*id, seen.hash, seen.version))
        });
        over.collect()
    }

    fn reopen(&self, id: LinkId) {
        if let Some(seen) = self.today().links.get_mut(&id).and_then(|counted| counted.seen.as_mut()) {
            seen.opened = true;
        }
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Today {
    /// A new day begins with nothing. Links that gave nothing on the one before are left out.
    fn begin(&mut self, now: Timestamp) {
        let day = now.to_zoned(TimeZone::UTC).date();
        if day > self.day {
            self.day = day;
            self.links.retain(|_, counted| counted.sent.swap(0, Ordering::Relaxed) > 0);
        }
    }
}

/// When the next day begins (UTC).
fn next_day(now: Timestamp) -> Timestamp {
    let tomorrow = now.to_zoned(TimeZone::UTC).date().tomorrow();
    tomorrow.and_then(|day| day.to_zoned(TimeZone::UTC)).map_or(Timestamp::MAX, |day| day.timestamp())
}

impl App {
    /// Who counts what links to `source` give, if anybody does: bytes that another store sends are seen by nobody here.
    fn bytes_of(&self, source: &Source) -> Option<&BytesSent> {
        self.bytes.as_deref().filter(|_| source.store.endpoint.is_none())
    }

    /// Takes a budget of bytes for a link to `source` only where somebody counts them.
    ///
    /// # Errors
    /// 422 `bytes-not-counted`.
    pub fn check_bytes(&self, bytes_per_day: Option<u64>, source: &Source) -> Result<(), Problem> {
        if bytes_per_day.is_none() || self.bytes_of(source).is_some() {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bytes-not-counted",
            "nobody here counts the bytes that links to this source give",
        )
        .at("/bytes_per_day")
        .hint("`requests_per_second` and `sessions_max` are counted everywhere; bytes where `offprint up` serves folders"))
    }

    /// Counts what `link`, which is about to open, gives, if it has a budget.
    ///
    /// # Errors
    /// 503 `bytes-not-counted`, where nobody would: a budget that nobody holds it to was not what its maker asked for.
    pub fn count_bytes(&self, link: &Link, source: &Source, now: Timestamp) -> Result<(), Problem> {
        let Some(most) = link.options.bytes_per_day else { return Ok(()) };
        if self.bytes_of(source).is_some_and(|bytes| bytes.watch(link, most, now)) {
            return Ok(());
        }
        Err(Problem::unavailable("bytes-not-counted", "the link gives so many bytes in a day, and nobody here counts them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn id(number: u128) -> LinkId {
        LinkId::new(uuid::Uuid::from_u128(number))
    }

    /// A link that was watched, without a table.
    fn watched(bytes: &BytesSent, number: u128, most: u64, now: Timestamp) {
        let mut today = bytes.today();
        today.begin(now);
        let counted = today.links.entry(id(number)).or_default();
        counted.seen = Some(Seen { hash: KeyHash::of("x"), version: 7, most, opened: true });
    }

    fn send(bytes: &BytesSent, number: u128, count: u64) -> bool {
        let query = format!("X-Amz-Date=x&x-offprint-link={}&X-Amz-Signature=y", id(number));
        bytes.counter(&query).map(|sent| sent.fetch_add(count, Ordering::Relaxed)).is_some()
    }

    // D10
    #[test]
    fn a_link_is_over_once_it_gave_its_budget_and_again_each_time_it_opens() {
        let (bytes, now) = (BytesSent::default(), at("2027-03-01T12:00:00Z"));
        watched(&bytes, 1, 100, now);
        assert!(send(&bytes, 1, 99) && !send(&bytes, 2, 1_000), "what is not watched is not counted");
        assert!(bytes.over(now).is_empty());
        assert!(send(&bytes, 1, 1));
        assert_eq!(bytes.over(now), [(id(1), KeyHash::of("x"), 7)]);
        assert!(bytes.over(now).is_empty(), "noted once");
        watched(&bytes, 1, 100, now);
        assert_eq!(bytes.over(now).len(), 1, "it opened all the same, so it is noted again");
        watched(&bytes, 1, 200, now);
        assert!(bytes.over(now).is_empty(), "a higher budget is not spent yet");
    }

    #[test]
    fn a_day_begins_with_nothing_and_forgets_who_gave_nothing() {
        let (bytes, late) = (BytesSent::default(), at("2027-03-01T23:59:59Z"));
        watched(&bytes, 1, 100, late);
        watched(&bytes, 2, 100, late);
        assert!(send(&bytes, 1, 500));
        assert_eq!(next_day(late), at("2027-03-02T00:00:00Z"));
        let next = at("2027-03-02T00:00:00Z");
        assert!(bytes.over(next).is_empty());
        assert!(send(&bytes, 1, 10) && !send(&bytes, 2, 10));
        assert!(bytes.over(late).is_empty(), "a clock that goes back begins no day");
        assert!(send(&bytes, 1, 90));
        assert_eq!(bytes.over(next).len(), 1);
    }

    #[test]
    fn a_restart_keeps_what_was_counted_that_day_and_begins_with_nothing_where_it_cannot_be_read() {
        let (bytes, now) = (BytesSent::default(), at("2027-03-01T12:00:00Z"));
        watched(&bytes, 1, 100, now);
        assert!(send(&bytes, 1, 100));
        let again = BytesSent::read(&bytes.kept());
        assert!(again.over(now).is_empty(), "whose budget is how large is known once it is asked for");
        watched(&again, 1, 100, now);
        assert_eq!(again.over(now).len(), 1);
        let tomorrow = BytesSent::read(&bytes.kept());
        watched(&tomorrow, 1, 100, at("2027-03-02T12:00:00Z"));
        assert!(tomorrow.over(at("2027-03-02T12:00:00Z")).is_empty());
        for text in ["", "{}", "{\"day\":\"x\",\"sent\":{}}"] {
            assert!(BytesSent::read(text.as_bytes()).today().links.is_empty(), "{text}");
        }
    }
}
