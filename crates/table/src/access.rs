//! The facts of a decision about a link, or about a dataset asked for by name: read in two round trips or three, cached for as long as
//! their class allows.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    dataset::Dataset,
    decision::{DatasetFacts, LinkFacts, Place},
    grant::{Grant, Reach},
    id::{CloneId, DatasetId, LinkId, UserId},
    key::KeyHash,
    limits::{FACTS_CACHE_BYTES_MAX, FACTS_CACHE_ENTRIES_MAX, REFUSAL_CACHE_SECS},
    link::{Link, Tombstone},
    pass::Pass,
    path::ObjectPath,
    token::Token,
    user::{Standing, User},
};
use jiff::{SignedDuration, Timestamp};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    Table,
    datasets::place_of,
    error::TableError,
    item::{Item, Row, row, unreadable},
    links::{LinkRow, TombstoneRow},
    reach::{ByTicket, Named, Shown, assemble, keys_of_via},
    read::{Cost, Stretch},
    schema::{self, Key},
    users::{Proven, UserRow},
};

impl Table {
    /// The facts of the link whose key has this hash, in two round trips: link and tombstone together, then dataset, source, maker and
    /// what the maker's right rests on together; two or three more only where that is gone. `None`: there is no such link.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] where any of them is missing or cannot be judged: never a yes.
    pub async fn link_facts(&self, hash: KeyHash, now: Timestamp) -> Result<Option<LinkFacts>, TableError> {
        self.read_link(hash, now, &mut Cost::default()).await
    }

    /// The same, by the link's id, with what `asking` has at its dataset: one round trip more, or two or three for somebody else than the
    /// maker, and of a publication link for the maker, too.
    ///
    /// # Errors
    /// As [`Table::link_facts`].
    pub async fn link_by_id(&self, id: LinkId, asking: UserId, now: Timestamp) -> Result<Option<LinkFacts>, TableError> {
        let cost = &mut Cost::default();
        let Some(hash) = self.hash_of(id, cost).await? else { return Ok(None) };
        self.link_for(hash, asking, now).await
    }

    /// The facts of a link, with what `asking` has at its dataset.
    ///
    /// # Errors
    /// As [`Table::link_facts`].
    pub async fn link_for(&self, hash: KeyHash, asking: UserId, now: Timestamp) -> Result<Option<LinkFacts>, TableError> {
        let cost = &mut Cost::default();
        let Some(mut facts) = self.read_link(hash, now, cost).await? else { return Ok(None) };
        if asking != facts.link.maker {
            facts.asking = Some(self.reach_at(&facts.place, Some(asking), cost).await?);
        } else if facts.link.stewarded || facts.maker_may_have_more(now) {
            // It does not rest on its maker's rights, or is paused or over whatever these are, so they were not read, or not all; to change it
            // they are asked for all the same.
            facts.reach = self.reach_at(&facts.place, Some(asking), cost).await?;
        }
        Ok(Some(facts))
    }

    async fn read_link(&self, hash: KeyHash, now: Timestamp, cost: &mut Cost) -> Result<Option<LinkFacts>, TableError> {
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
        let facts = facts(link, tombstone, &found)?;
        self.with_whole_reach(facts, now, cost).await.map(Some)
    }

    /// A link whose maker cannot share it, or not from everywhere, by what the link names: the rest is read before that is believed.
    async fn with_whole_reach(&self, mut facts: LinkFacts, now: Timestamp, cost: &mut Cost) -> Result<LinkFacts, TableError> {
        if facts.maker.standing == Standing::Active && facts.may_rest_on_more(now) {
            facts.reach = self.reach_at(&facts.place, Some(facts.link.maker), cost).await?;
        }
        Ok(facts)
    }

    /// The facts of several links, in the order of their hashes. Those that are not there, or cannot be read, are left out and logged.
    pub(crate) async fn facts_of(&self, hashes: &[KeyHash], now: Timestamp, cost: &mut Cost) -> Result<Vec<LinkFacts>, TableError> {
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
                Ok(facts) => all.push(self.with_whole_reach(facts, now, cost).await?),
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

fn keys_behind(link: &Link) -> Vec<Key> {
    let mut keys = vec![schema::dataset(link.dataset), schema::source(link.source), schema::user(link.maker)];
    // What is the dataset's own act does not rest on its maker's rights.
    if !link.stewarded {
        keys.extend(keys_of_via(link.dataset, link.source, link.maker, link.via));
    }
    keys
}

fn facts(link: Link, tombstone: Option<Tombstone>, found: &HashMap<Key, Item>) -> Result<LinkFacts, TableError> {
    let place = place_of(found, link.dataset, link.source)?;
    let maker = found.get(&schema::user(link.maker)).cloned().ok_or(TableError::Unreadable { what: UserRow::WHAT })?;
    let reach = assemble(&place.dataset, Some(link.maker), found);
    LinkFacts::new(link, tombstone, place, row::<UserRow>(maker)?.user()?, reach).map_err(unreadable(LinkRow::WHAT))
}

/// The facts of a dataset asked for by its name, and who asks.
#[derive(Debug, Clone)]
pub struct NamedFacts {
    /// The dataset; `None`: there is none of this id.
    pub dataset: Option<Arc<DatasetFacts>>,
    /// The person and the token of the credential; `None`: none was shown, or one that is unknown.
    pub bearer: Option<(Arc<User>, Arc<Token>)>,
}

/// What the text behind `~` in an address stands for.
#[derive(Debug, Clone)]
pub enum TicketFacts {
    /// A person's ticket for a dataset, or nothing.
    Named(NamedFacts),
    /// A pass for a link, with the link; `None`: it is not there any more.
    Pass(Pass, Option<Arc<LinkFacts>>),
}

/// What the cache answers.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// The facts.
    pub facts: T,
    /// What it cost: nothing where they were fresh, or where another request's read served this one too.
    pub cost: Cost,
}

impl Found<Known> {
    fn of_dataset(self) -> Result<Found<NamedFacts>, TableError> {
        match self.facts {
            Known::Named(facts) => Ok(Found { facts, cost: self.cost }),
            Known::Link(_) | Known::Pass(..) => Err(TableError::Unreadable { what: "a dataset" }),
        }
    }

    fn of_ticket(self) -> Result<Found<TicketFacts>, TableError> {
        let facts = match self.facts {
            Known::Named(facts) => TicketFacts::Named(facts),
            Known::Pass(pass, facts) => TicketFacts::Pass(pass, facts),
            Known::Link(_) => return Err(TableError::Unreadable { what: "a ticket" }),
        };
        Ok(Found { facts, cost: self.cost })
    }
}

/// The facts of the links and datasets that this process read lately: the only thing in the product that remembers a decision's grounds.
///
/// Bounded in entries and bytes. Age counts from the moment the read began and is compared with times given by the caller, so the
/// cache has no clock. A refusal is answered from here for a second at the most, what is strict never. Reads of one link are shared by those who wait for it.
#[derive(Clone)]
pub struct FactsCache(Arc<Shared>);

struct Shared {
    entries: Cache<About, Entry, Bytes>,
    flights: Mutex<HashMap<About, Arc<OnceCell<Landed>>>>,
    /// Orders arrivals and reads: a request may only share a read of what is strict that began after it came.
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

/// What a read was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    /// The link whose key has this hash.
    Link(KeyHash),
    /// A dataset or a clone, asked for by whoever shows this, or by nobody.
    Named(ByName, Option<Shown>),
    /// The dataset of the ticket of this hash.
    Ticket(KeyHash),
}

/// What it found.
#[derive(Debug, Clone)]
enum Known {
    /// A link; `None`: there is none.
    Link(Option<Arc<LinkFacts>>),
    /// A dataset, and who asks.
    Named(NamedFacts),
    /// A pass, and its link.
    Pass(Pass, Option<Arc<LinkFacts>>),
}

impl Known {
    fn of(Named { dataset, bearer }: Named) -> Self {
        let bearer = bearer.map(|(user, token)| (Arc::new(user), Arc::new(token)));
        Self::Named(NamedFacts { dataset: dataset.map(Arc::new), bearer })
    }
}

/// What is asked for by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByName {
    /// A dataset.
    Dataset(DatasetId),
    /// A reference clone: its facts are the original's, for whoever asks.
    Clone(CloneId),
}

impl From<DatasetId> for ByName {
    fn from(id: DatasetId) -> Self {
        Self::Dataset(id)
    }
}

impl From<CloneId> for ByName {
    fn from(id: CloneId) -> Self {
        Self::Clone(id)
    }
}

/// What was read, and when the read began.
#[derive(Clone)]
struct Entry {
    facts: Known,
    read_at: Timestamp,
    event: Option<Timestamp>,
    /// Until when they last as long as their class says, judged once for all requests. From then on they are looked at again soon.
    lasts_until: Timestamp,
}

/// The two times of a request: ours, and the event's own.
#[derive(Clone, Copy)]
struct Times {
    now: Timestamp,
    event: Option<Timestamp>,
}

impl Known {
    /// Until when they let anybody read at all, from anywhere, by themselves; `None`: they do not at `now`.
    fn opens_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Link(facts) => facts.as_ref()?.opens_until(now),
            Self::Pass(pass, facts) => {
                let facts = facts.as_ref().filter(|facts| pass.opens(&facts.link, now))?;
                facts.opens_until(now).map(|until| until.min(pass.until))
            }
            Self::Named(NamedFacts { dataset, bearer }) => {
                let (user, token) = bearer.as_ref().map(|(user, token)| (&**user, &**token)).unzip();
                let until = dataset.as_ref()?.opens_until(user, now)?;
                token.map_or(Some(until), |token| token.is_live(now).then_some(until.min(token.until)))
            }
        }
    }

    /// Whether they say yes to some networks and no to others: a no is looked at again soon, and here nobody knows who asks next.
    fn depends_on_net(&self) -> bool {
        let (place, reach, own) = match self {
            Self::Link(Some(facts)) | Self::Pass(_, Some(facts)) => (&facts.place, &facts.reach, !facts.link.options.zones.is_everywhere()),
            Self::Named(NamedFacts { dataset: Some(facts), .. }) => (&facts.place, &facts.reach, false),
            Self::Link(None) | Self::Pass(_, None) | Self::Named(_) => return false,
        };
        let above = reach.above.iter().flat_map(|above| above.grants.iter());
        own || !place.source.is_everywhere() || reach.here.iter().chain(above).any(|grant| !grant.conditions.zones.is_everywhere())
    }
}

impl Entry {
    fn new(facts: Known, times: Times) -> Self {
        // What says no to somebody is looked at again soon.
        let lasts_until = facts.opens_until(times.now).filter(|_| !facts.depends_on_net()).unwrap_or(Timestamp::MIN);
        Self { facts, read_at: times.now, event: times.event, lasts_until }
    }

    /// How old these facts may be, in seconds.
    fn class_secs(&self) -> u32 {
        match &self.facts {
            Known::Link(Some(facts)) | Known::Pass(_, Some(facts)) => facts.timing().facts_cache_secs,
            Known::Named(NamedFacts { dataset: Some(facts), .. }) => facts.timing().facts_cache_secs,
            Known::Link(None) | Known::Pass(_, None) | Known::Named(_) => REFUSAL_CACHE_SECS,
        }
    }

    /// Whether they let anybody read at all, from anywhere.
    fn opens(&self, now: Timestamp) -> bool {
        self.facts.opens_until(now).is_some()
    }

    /// Whether it may answer without a look at the table.
    fn is_fresh(&self, times: Times) -> bool {
        let secs = if times.now < self.lasts_until { self.class_secs() } else { self.class_secs().min(REFUSAL_CACHE_SECS) };
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

impl Weighter<About, Entry> for Bytes {
    fn weight(&self, _about: &About, entry: &Entry) -> u64 {
        let facts = match &entry.facts {
            Known::Link(facts) | Known::Pass(_, facts) => facts.as_ref().map_or(0, |facts| bytes_of(facts)),
            Known::Named(facts) => bytes_of_named(facts),
        };
        let least = FACTS_CACHE_BYTES_MAX.div_ceil(u64::try_from(FACTS_CACHE_ENTRIES_MAX).unwrap_or(u64::MAX));
        u64::try_from(facts.saturating_add(ENTRY_OVERHEAD_BYTES)).unwrap_or(u64::MAX).max(least)
    }
}

fn bytes_of(facts: &LinkFacts) -> usize {
    let LinkFacts { link, tombstone, place, maker, reach, asking, .. } = facts;
    let texts = [
        bytes_of_place(place),
        bytes_of_reach(reach),
        asking.as_ref().map_or(0, bytes_of_reach),
        link.name.len(),
        link.options.label.len(),
        link.options.zones.bytes(),
        link.subpath.as_str().len(),
        facts.base().bytes(),
        maker.name.len(),
        maker.accepted.bytes(),
        tombstone.as_ref().and_then(|tombstone| tombstone.reason.as_ref()).map_or(0, String::len),
    ];
    texts.into_iter().fold(size_of::<LinkFacts>(), usize::saturating_add)
}

fn bytes_of_named(NamedFacts { dataset, bearer }: &NamedFacts) -> usize {
    let of_dataset = dataset.as_ref().map_or(0, |facts| {
        let texts = [bytes_of_place(&facts.place), bytes_of_reach(&facts.reach), facts.base().bytes()];
        texts.into_iter().fold(0, usize::saturating_add)
    });
    let of_bearer =
        bearer.as_ref().map_or(0, |(user, token)| user.name.len().saturating_add(user.accepted.bytes()).saturating_add(token.label.len()));
    [size_of::<DatasetFacts>(), size_of::<User>(), size_of::<Token>(), of_bearer].into_iter().fold(of_dataset, usize::saturating_add)
}

fn bytes_of_place(place: &Place) -> usize {
    let (source, dataset) = (&place.source, &place.dataset);
    let role = source.store.role.as_ref();
    let texts = [
        bytes_of_dataset(dataset),
        source.prefix.as_str().len(),
        source.name.as_str().len(),
        source.store.bucket.len(),
        source.store.region.len(),
        source.store.endpoint.as_ref().map_or(0, String::len),
        role.map_or(0, |role| role.arn.len()),
        role.and_then(|role| role.external_id.as_ref()).map_or(0, String::len),
    ];
    texts.into_iter().fold(0, usize::saturating_add)
}

/// What a dataset holds beside itself.
fn bytes_of_dataset(dataset: &Dataset) -> usize {
    let cuts = dataset.cuts.iter().map(|cut| cut.as_str().len().saturating_add(size_of::<ObjectPath>())).fold(0, usize::saturating_add);
    dataset
        .path
        .as_str()
        .len()
        .saturating_add(dataset.ancestors.len().saturating_mul(16))
        .saturating_add(cuts)
        .saturating_add(dataset.levels.bytes())
}

/// What a reach holds beside itself.
fn bytes_of_reach(reach: &Reach) -> usize {
    let grants = |grants: &[Grant]| grants.len().saturating_mul(size_of::<Grant>());
    let above = reach
        .above
        .iter()
        .map(|above| size_of_val(above).saturating_add(bytes_of_dataset(&above.dataset)).saturating_add(grants(&above.grants)));
    let memberships = size_of_val(reach.groups.as_slice()).saturating_add(size_of_val(reach.projects.as_slice()));
    let memberships = memberships.saturating_add(size_of_val(reach.retired.as_slice()));
    above.fold(grants(&reach.here).saturating_add(memberships), usize::saturating_add)
}

impl FactsCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        // Only an estimate, from which the cache takes its number of shards; memory is taken as it fills.
        let entries = Cache::with_weighter(FACTS_CACHE_ENTRIES_MAX, FACTS_CACHE_BYTES_MAX, Bytes);
        Self(Arc::new(Shared { entries, flights: Mutex::default(), order: AtomicU64::new(0) }))
    }

    /// The facts of the link whose key has this hash, for a request at `now` whose event says it is of `event`; `None`: there is no such link.
    ///
    /// # Errors
    /// [`TableError`], where the table fails and nothing young enough is there.
    pub async fn link(
        &self,
        table: &Table,
        hash: KeyHash,
        now: Timestamp,
        event: Option<Timestamp>,
    ) -> Result<Found<Option<Arc<LinkFacts>>>, TableError> {
        match self.about(table, About::Link(hash), Times { now, event }).await? {
            Found { facts: Known::Link(facts), cost } => Ok(Found { facts, cost }),
            Found { facts: Known::Named(_) | Known::Pass(..), .. } => Err(TableError::Unreadable { what: LinkRow::WHAT }),
        }
    }

    /// The facts of a dataset, or of a clone's original, for whoever shows the token of this hash, or nobody.
    ///
    /// # Errors
    /// As [`FactsCache::link`].
    pub async fn named(
        &self,
        table: &Table,
        at: impl Into<ByName>,
        token: Option<KeyHash>,
        now: Timestamp,
        event: Option<Timestamp>,
    ) -> Result<Found<NamedFacts>, TableError> {
        self.about(table, About::Named(at.into(), token.map(Shown::Token)), Times { now, event }).await?.of_dataset()
    }

    /// The same for whoever shows a provider's token.
    ///
    /// # Errors
    /// As [`FactsCache::link`].
    pub async fn proven(
        &self,
        table: &Table,
        at: impl Into<ByName>,
        proven: Proven,
        now: Timestamp,
        event: Option<Timestamp>,
    ) -> Result<Found<NamedFacts>, TableError> {
        self.about(table, About::Named(at.into(), Some(Shown::Proven(proven))), Times { now, event }).await?.of_dataset()
    }

    /// The facts of the dataset that the ticket of this hash is for, and whose it is; or of the link that a pass of this hash is for.
    ///
    /// # Errors
    /// As [`FactsCache::link`].
    pub async fn ticket(
        &self,
        table: &Table,
        ticket: KeyHash,
        now: Timestamp,
        event: Option<Timestamp>,
    ) -> Result<Found<TicketFacts>, TableError> {
        self.about(table, About::Ticket(ticket), Times { now, event }).await?.of_ticket()
    }

    /// Whether the link whose key has this hash is answered without a read of the table, or is known to open: what was read last may be due for another look.
    #[must_use]
    pub fn knows_link(&self, hash: KeyHash, now: Timestamp, event: Option<Timestamp>) -> bool {
        self.knows(About::Link(hash), Times { now, event })
    }

    /// The same of a dataset for whoever shows the token of this hash, or nobody.
    #[must_use]
    pub fn knows_named(&self, at: impl Into<ByName>, token: Option<KeyHash>, now: Timestamp, event: Option<Timestamp>) -> bool {
        self.knows(About::Named(at.into(), token.map(Shown::Token)), Times { now, event })
    }

    /// The same of the dataset that the ticket of this hash is for.
    #[must_use]
    pub fn knows_ticket(&self, ticket: KeyHash, now: Timestamp, event: Option<Timestamp>) -> bool {
        self.knows(About::Ticket(ticket), Times { now, event })
    }

    fn knows(&self, about: About, times: Times) -> bool {
        self.0.entries.get(&about).is_some_and(|entry| entry.is_fresh(times) || entry.opens(times.now))
    }

    async fn about(&self, table: &Table, about: About, times: Times) -> Result<Found<Known>, TableError> {
        if let Some(entry) = self.0.entries.get(&about)
            && entry.is_fresh(times)
        {
            return Ok(Found { facts: entry.facts, cost: Cost::default() });
        }
        // Boxed: a request whose facts are fresh, as most are, does without the room that a read takes.
        Box::pin(self.read_or_share(table, about, times)).await
    }

    /// Facts that are not fresh here: by a read of one's own, or by one that is under way and began after this request came.
    async fn read_or_share(&self, table: &Table, about: About, times: Times) -> Result<Found<Known>, TableError> {
        let arrived = self.next_in_order();
        let mut cost = Cost::default();
        loop {
            let flight = Flight::of(self, about);
            let landed = flight.cell.get_or_init(|| self.read(table, about, times, &mut cost)).await;
            let began_later = landed.began > arrived;
            match &landed.result {
                Ok(entry) if began_later || entry.is_fresh(times) => return Ok(Found { facts: entry.facts.clone(), cost }),
                // Read for somebody who came before: another read, which cannot have begun before now.
                Ok(_) => {}
                Err(why) => return self.last_known(about, times, cost).ok_or_else(|| why.clone()),
            }
        }
    }

    /// How many facts it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.entries.len()
    }

    /// How many bytes it holds, as estimated.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.entries.weight()
    }

    async fn read(&self, table: &Table, about: About, times: Times, cost: &mut Cost) -> Landed {
        let began = self.next_in_order();
        let result = Box::pin(known(table, about, times.now, cost)).await;
        let result = result.map(|facts| Entry::new(facts, times));
        // What is strict, too: never to answer from, but to know that it opens.
        if let Ok(entry) = &result {
            self.0.entries.insert(about, entry.clone());
        }
        Landed { began, result }
    }

    /// When the table fails: facts that open and are younger than their class's time, though they were due for another look (SEMANTICS 7). A no
    /// that is older than a moment is none: what was opened meanwhile would be refused for good.
    fn last_known(&self, about: About, times: Times, cost: Cost) -> Option<Found<Known>> {
        let entry = self.0.entries.get(&about).filter(|entry| entry.opens(times.now) && entry.is_younger(entry.class_secs(), times))?;
        Some(Found { facts: entry.facts, cost })
    }

    fn next_in_order(&self) -> u64 {
        self.0.order.fetch_add(1, Ordering::SeqCst)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<About, Arc<OnceCell<Landed>>>> {
        self.0.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id that is never given to a dataset.
const NO_DATASET: DatasetId = DatasetId::new(Uuid::nil());

async fn known(table: &Table, about: About, now: Timestamp, cost: &mut Cost) -> Result<Known, TableError> {
    match about {
        About::Link(hash) => Ok(Known::Link(table.read_link(hash, now, cost).await?.map(Arc::new))),
        About::Named(at, token) => {
            let dataset = match at {
                ByName::Dataset(dataset) => dataset,
                // A clone that is not there takes as long as one that is.
                ByName::Clone(clone) => table.original_of(clone, cost).await?.unwrap_or(NO_DATASET),
            };
            table.named(dataset, token, cost).await.map(Known::of)
        }
        About::Ticket(ticket) => match table.by_ticket(ticket, cost).await? {
            ByTicket::Named(named) => Ok(Known::of(*named)),
            ByTicket::Pass(pass) => {
                let facts = table.read_link(pass.link, now, cost).await?;
                Ok(Known::Pass(pass, facts.map(Arc::new)))
            }
        },
    }
}

/// A read under way, shared by whoever waits for it. The last to leave takes it off the list, a request that was cancelled too.
struct Flight<'c> {
    cache: &'c FactsCache,
    about: About,
    cell: Arc<OnceCell<Landed>>,
}

impl<'c> Flight<'c> {
    /// The read about this that has not landed yet, or a new one.
    fn of(cache: &'c FactsCache, about: About) -> Self {
        let mut flights = cache.flights();
        let cell = flights.entry(about).or_default();
        if cell.initialized() {
            *cell = Arc::default();
        }
        Self { cache, about, cell: Arc::clone(cell) }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.cache.flights();
        let listed = flights.get(&self.about).is_some_and(|listed| Arc::ptr_eq(listed, &self.cell));
        // The list's own and this one: nobody else waits. A read that has landed helps nobody who comes later.
        if listed && (Arc::strong_count(&self.cell) <= 2 || self.cell.initialized()) {
            drop(flights.remove(&self.about));
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
            let entry = Entry::new(Known::Link(None), Times { now: Timestamp::UNIX_EPOCH, event: None });
            cache.0.entries.insert(About::Link(KeyHash::of(&number.to_string())), entry);
        }
        assert!(cache.entries() <= FACTS_CACHE_ENTRIES_MAX && cache.bytes() <= FACTS_CACHE_BYTES_MAX, "{cache:?}");
        assert!(cache.entries() > FACTS_CACHE_ENTRIES_MAX / 2, "{cache:?}");
    }

    #[test]
    fn a_read_that_everybody_left_is_off_the_list() {
        let (cache, hash) = (FactsCache::new(), About::Link(KeyHash::of("x")));
        let (one, other) = (Flight::of(&cache, hash), Flight::of(&cache, hash));
        assert!(Arc::ptr_eq(&one.cell, &other.cell), "both wait for one read");
        drop(one);
        assert_eq!(cache.flights().len(), 1);
        drop(other);
        assert_eq!(cache.flights().len(), 0);
    }
}
