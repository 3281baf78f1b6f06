//! Goes on with the copies that are due: a page of the original at a time, decided anew before each and every few seconds in between.
//!
//! What a page's objects come to is written down once all of them are there, and up to which key they go before the first: so whoever takes the copy
//! after a crash knows where to begin, and which objects may be there already. At the end both sides are listed side by side.
//!
//! Whoever is ended at an instant ends by itself before: no object is begun late, what is under way is waited for, and the next one goes on.

use std::{
    collections::HashSet,
    future::{self, Future},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    copy::{CopyFailure, CopyStop, WriteScope, is_too_much, opens_no_more, retry_after},
    decision::{Action, DatasetFacts, Denial, Facts, Permit, decide, via},
    grant::Net,
    id::DatasetId,
    limits::{
        COPY_BEGUN_SECS, COPY_DROPPED_SECS, COPY_KEPT_UP_SECS, COPY_OBJECT_TRIES_MAX, COPY_OBJECTS_AT_ONCE_MAX, COPY_PAGE_OBJECTS_MAX,
        COPY_RETRY_SECS, COPY_TURN_SECS, LIST_PAGE_MAX,
    },
    path::ObjectPath,
    rights::Right,
    timing::later,
    user::User,
};
use edge::{App, unattended};
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use jiff::Timestamp;
use objects::{
    ObjectsError,
    copy::{Copier, CopyObjectError},
    listing::{ListPage, ListQuery, ObjectEntry},
};
use table::{
    TableError,
    copies::{Progress, SHARDS, UnderWay},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::compare::{alike, fold, up_to};

/// The wait before an object's second try, in milliseconds; each further one is as much longer.
const OBJECT_PAUSE_MS: u64 = 500;

/// Goes on with copies. As many of these as there are may run at once: each copy is taken by one.
#[derive(Debug, Clone)]
pub struct Copies {
    app: App,
    /// `None`: it goes on.
    ends: Option<Timestamp>,
}

/// Why a copy is not gone on with now.
enum Stop {
    /// It ended, or another has it.
    Lost,
    /// Whoever goes on with it is ended soon.
    Over {
        /// Whether an object was copied on the page that it broke off in.
        got_further: bool,
    },
    /// The table did not say.
    Unread(TableError),
    /// It may work later.
    Later { why: String, key: Option<String> },
    /// It never will.
    For(CopyFailure),
}

impl From<TableError> for Stop {
    fn from(why: TableError) -> Self {
        Self::Unread(why)
    }
}

/// What a step came to.
enum Step {
    /// There is more to do.
    Further,
    /// The copy is done.
    Done,
}

/// What became of the objects of a page.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Those that are there.
    objects: u64,
    /// Bytes of them.
    bytes: u64,
    /// Those that there was no time for.
    left: u64,
}

impl Sums {
    const LEFT: Self = Self { objects: 0, bytes: 0, left: 1 };

    const fn and(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            bytes: self.bytes.saturating_add(other.bytes),
            left: self.left.saturating_add(other.left),
        }
    }
}

/// What a copy rests on, as it was decided just now.
struct Rights {
    user: Arc<User>,
    from: Permit,
    to: Permit,
    above: Arc<DatasetFacts>,
}

impl Copies {
    /// Goes on with those in the app's table.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self { app, ends: None }
    }

    /// The same for whoever is ended at an instant: what might be under way by then is not begun.
    #[must_use]
    pub fn until(self, ends: Timestamp) -> Self {
        Self { ends: Some(ends), ..self }
    }

    /// Whether it is so long before the end, in seconds.
    fn has(&self, secs: i64) -> bool {
        self.ends.is_none_or(|ends| later(self.app.now(), secs) <= ends)
    }

    /// Goes on with everything that is due now, each for a while. Answers how many copies that were; none where there is no time for one.
    ///
    /// # Errors
    /// [`TableError`], where what is due cannot be looked for.
    pub async fn round(&self) -> Result<usize, TableError> {
        let mut taken = 0_usize;
        for shard in 0..SHARDS {
            for due in self.app.table.due_copies(shard, self.app.now()).await? {
                if !self.has(COPY_BEGUN_SECS) {
                    return Ok(taken);
                }
                let Some(held) = self.app.table.take_copy(&due, self.app.now()).await? else { continue };
                taken = taken.saturating_add(1);
                Box::pin(self.turn(held)).await;
            }
        }
        Ok(taken)
    }

    /// Goes on with one copy until its turn is over.
    async fn turn(&self, mut held: UnderWay) {
        let over = later(self.app.now(), COPY_TURN_SECS);
        let stopped = loop {
            // Whoever had it before said nothing, again and again: an object on which the process ends would end it for ever.
            if usize::try_from(held.tries).is_ok_and(|tries| tries > COPY_RETRY_SECS.len().saturating_add(1)) {
                break Stop::For(CopyFailure { why: CopyStop::Tries, key: held.cursor.clone() });
            }
            match Box::pin(self.step(&mut held)).await {
                Ok(Step::Done) => return,
                Ok(Step::Further) if self.app.now() < over && self.has(COPY_BEGUN_SECS) => {}
                Ok(Step::Further) => break Stop::Over { got_further: true },
                Err(stop) => break stop,
            }
        };
        let written = match stopped {
            Stop::Lost => Ok(()),
            Stop::Over { got_further } => {
                let tries = if got_further { 0 } else { held.tries };
                self.app.table.leave_copy(&mut held, self.app.now(), tries).await.map(drop)
            }
            Stop::For(failure) => self.failed(&held, &failure).await,
            Stop::Unread(why) => self.put_off(&mut held, &why.to_string(), None).await,
            Stop::Later { why, key } => self.put_off(&mut held, &why, key).await,
        };
        note(&held, written);
    }

    async fn failed(&self, held: &UnderWay, failure: &CopyFailure) -> Result<(), TableError> {
        tracing::warn!(copy.id = %held.copy.id, why = failure.why.word(), "a copy failed");
        self.app.table.copy_failed(held, failure, self.app.now()).await
    }

    async fn put_off(&self, held: &mut UnderWay, why: &str, key: Option<String>) -> Result<(), TableError> {
        // After it got further its tries begin anew.
        let tries = held.tries.max(1);
        tracing::warn!(copy.id = %held.copy.id, copy.tries = tries, why, "a copy could not be gone on with");
        match retry_after(tries) {
            Some(secs) => self.app.table.leave_copy(held, later(self.app.now(), secs), held.tries).await.map(drop),
            None => self.failed(held, &CopyFailure { why: CopyStop::Tries, key }).await,
        }
    }

    async fn step(&self, held: &mut UnderWay) -> Result<Step, Stop> {
        let rights = self.rights(held).await?;
        let copier = self.app.objects.copier(&rights.from, &rights.to, &held.copy.path).map_err(|why| stop(why, None))?;
        if held.compares { self.compare(held, &rights, &copier).await } else { self.page(held, &rights, &copier).await }
    }

    /// Whether the copy still may be made, by the rights of whoever had it made.
    async fn rights(&self, held: &UnderWay) -> Result<Rights, Stop> {
        let copy = &held.copy;
        let user = self.app.table.user(copy.by).await?.map(Arc::new).ok_or_else(|| for_all(CopyStop::AccessEnded))?;
        let original = self.facts(copy.original, &user).await?.ok_or_else(|| for_all(CopyStop::AccessEnded))?;
        let above = self.facts(copy.above, &user).await?.ok_or_else(|| for_all(CopyStop::PlaceEnded))?;
        let now = self.app.now();
        let principal = unattended::principal(&user, now);
        let may = |action, facts: &Arc<DatasetFacts>, why| {
            decide(&principal, action, &Facts::Dataset(Arc::clone(facts)), now).map_err(|denial| match denial {
                // Switched off for a while, for everybody.
                Denial::NotServing => Stop::Later { why: denial.to_string(), key: None },
                _ => for_all(why),
            })
        };
        let (from, to) = (may(Action::Copy, &original, CopyStop::AccessEnded)?, may(Action::Receive, &above, CopyStop::PlaceEnded)?);
        // One or the other was opened or closed meanwhile.
        let arriving = self.app.table.place(copy.dataset).await?.ok_or_else(|| for_all(CopyStop::PlaceEnded))?;
        if arriving.dataset.owner != above.place.dataset.owner {
            // The place was handed over: what arrives would be somebody else's than what it lies in.
            return Err(for_all(CopyStop::PlaceEnded));
        }
        opens_no_more(&from, &to, now).map_err(|_open| for_all(CopyStop::PlaceEnded))?;
        Ok(Rights { user, from, to, above })
    }

    async fn facts(&self, id: DatasetId, user: &User) -> Result<Option<Arc<DatasetFacts>>, TableError> {
        Ok(self.app.table.dataset_facts(id, Some(user.id)).await?.map(Arc::new))
    }

    /// Copies the next page of the original.
    async fn page(&self, held: &mut UnderWay, rights: &Rights, copier: &Copier<'_>) -> Result<Step, Stop> {
        let page = self
            .app
            .objects
            .list(&rights.from, &ObjectPath::default(), &after(held, COPY_PAGE_OBJECTS_MAX), self.app.now())
            .await
            .map_err(listed)?;
        let done = self.objects(held, copier, &page).await?;
        let (objects, bytes) = (held.copy.objects.saturating_add(done.objects), held.copy.bytes.saturating_add(done.bytes));
        if is_too_much(objects, bytes) {
            return Err(for_all(CopyStop::TooMuch));
        }
        let next = page.next_marker();
        let seen = fold(held.seen, &page.objects);
        let progress = Progress { compares: next.is_none(), cursor: next, objects, bytes, compared: 0, seen, seen_again: None };
        self.goes_on(held, progress).await
    }

    /// Has the objects of a page copied, as far as there is time for that.
    async fn objects(&self, held: &mut UnderWay, copier: &Copier<'_>, page: &ListPage) -> Result<Sums, Stop> {
        let Some(last) = page.objects.last() else { return Ok(Sums::default()) };
        let there = self.there(held, copier.to(), &last.key).await?;
        let before = held.begun.clone();
        if let Some(begun) = before.as_deref().filter(|begun| held.cursor.as_deref() < Some(*begun))
            && fold(held.seen, up_to(page, Some(begun))) != held.begun_seen
        {
            // What a try before left is the copy of what the originals were then.
            return Err(for_all(CopyStop::Changed));
        }
        if !self.app.table.copy_begins(held, &last.key, fold(held.seen, &page.objects), self.app.now()).await? {
            return Err(Stop::Lost);
        }
        let further = AtomicBool::new(false);
        let mut each: Vec<BoxFuture<'_, Result<Sums, Stop>>> = Vec::new();
        for entry in &page.objects {
            let may_be_there = before.as_deref().is_some_and(|before| entry.key.as_str() <= before);
            each.push(Box::pin(self.object(copier, entry, (there.contains(&entry.key), may_be_there), &further)));
        }
        let copying = stream::iter(each).buffer_unordered(COPY_OBJECTS_AT_ONCE_MAX);
        let sum = |all: Sums, one| future::ready(Ok(all.and(one)));
        match self.kept_up(held, copying.try_fold(Sums::default(), sum)).await {
            Ok(sums) if sums.left == 0 => Ok(sums),
            // What was copied is there for whoever takes it next, though the page is not behind.
            Ok(_) | Err(Stop::Over { .. }) => Err(Stop::Over { got_further: further.load(Ordering::Relaxed) }),
            Err(why) => Err(why),
        }
    }

    async fn goes_on(&self, held: &mut UnderWay, progress: Progress) -> Result<Step, Stop> {
        if self.app.table.copy_goes_on(held, progress, self.app.now()).await? { Ok(Step::Further) } else { Err(Stop::Lost) }
    }

    /// Which of the keys up to `last` are there already.
    async fn there(&self, held: &UnderWay, to: &WriteScope<'_>, last: &str) -> Result<HashSet<String>, Stop> {
        let (mut there, mut query) = (HashSet::new(), after(held, COPY_PAGE_OBJECTS_MAX));
        loop {
            let page = self.app.objects.list_arrived(to, &query, self.app.now()).await.map_err(listed)?;
            let is_behind = page.objects.last().is_some_and(|there| there.key.as_str() > last);
            there.extend(page.objects.into_iter().map(|entry| entry.key).filter(|key| key.as_str() <= last));
            query.token = page.next;
            if is_behind || query.token.is_none() {
                return Ok(there);
            }
        }
    }

    /// Copies one object, in a few tries, and says in `further` that it did.
    async fn object(
        &self,
        copier: &Copier<'_>,
        entry: &ObjectEntry,
        (is_there, may_be_there): (bool, bool),
        further: &AtomicBool,
    ) -> Result<Sums, Stop> {
        let mut tries = 0_u32;
        loop {
            if !self.has(COPY_BEGUN_SECS) {
                return Ok(Sums::LEFT);
            }
            tries = tries.saturating_add(1);
            let outcome = match (is_there, may_be_there) {
                (true, false) => Err(CopyObjectError::Taken),
                (true, true) => copier.check(entry, self.app.now()).await,
                // What a try before left is this copy's, too.
                (false, may_be_there) => copier.copy(entry, may_be_there || tries > 1, self.app.now()).await,
            };
            match outcome {
                Ok(()) => {
                    further.fetch_or(!is_there, Ordering::Relaxed);
                    return Ok(Sums { objects: 1, bytes: entry.size, left: 0 });
                }
                Err(why) if why.may_pass() && tries < COPY_OBJECT_TRIES_MAX => {
                    sleep(Duration::from_millis(OBJECT_PAUSE_MS.saturating_mul(u64::from(tries)))).await;
                }
                Err(why) => return Err(stop(why, Some(entry.key.clone()))),
            }
        }
    }

    /// Does something that may take long, and has the copy meanwhile, as long as it still may be made.
    async fn kept_up<T>(&self, held: &mut UnderWay, doing: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        let mut doing = std::pin::pin!(doing);
        let mut every = interval(Duration::from_secs(COPY_KEPT_UP_SECS));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every.reset();
        loop {
            tokio::select! {
                done = &mut doing => return done,
                _ = every.tick() => {
                    if !self.has(COPY_DROPPED_SECS) {
                        return Err(Stop::Over { got_further: false });
                    }
                    match self.app.table.keep_copy(held, self.app.now()).await {
                        Ok(true) => {}
                        Ok(false) => return Err(Stop::Lost),
                        // It is had for some seconds more: what is under way is not thrown away for one answer that did not come.
                        Err(why) => {
                            tracing::warn!(copy.id = %held.copy.id, error = %why, "a copy could not be kept now");
                            continue;
                        }
                    }
                    match self.rights(held).await {
                        Ok(_) | Err(Stop::Unread(_)) => {}
                        Err(ended) => return Err(ended),
                    }
                }
            }
        }
    }

    /// Compares the next page of both sides: the same keys, of the same lengths, and nothing else.
    async fn compare(&self, held: &mut UnderWay, rights: &Rights, copier: &Copier<'_>) -> Result<Step, Stop> {
        let (query, now) = (after(held, LIST_PAGE_MAX), self.app.now());
        let original = self.app.objects.list(&rights.from, &ObjectPath::default(), &query, now).await.map_err(listed)?;
        let arrived = self.app.objects.list_arrived(copier.to(), &query, now).await.map_err(listed)?;
        // As far as both were listed.
        let ends = [original.next_marker(), arrived.next_marker()];
        let end = ends.iter().flatten().min().cloned();
        let alike = alike(&original, &arrived, end.as_deref()).map_err(Stop::For)?;
        let compared = held.copy.compared.saturating_add(alike);
        let seen_again = fold(held.seen_again, up_to(&original, end.as_deref()));
        if end.is_none() {
            // One that was written over in between may be of the same length.
            if compared != held.copy.objects || seen_again != held.seen {
                return Err(for_all(CopyStop::Changed));
            }
            held.copy.compared = compared;
            return self.done(held, rights).await;
        }
        let (objects, bytes, seen) = (held.copy.objects, held.copy.bytes, held.seen);
        let progress = Progress { cursor: end, compares: true, objects, bytes, compared, seen, seen_again };
        self.goes_on(held, progress).await
    }

    async fn done(&self, held: &UnderWay, rights: &Rights) -> Result<Step, Stop> {
        let now = self.app.now();
        let right = via(&rights.user, &rights.above.place, &rights.above.reach, Right::Administer, Net::Unknown, now);
        match self.app.table.copy_done(&rights.to, right, held, now).await {
            Ok(()) => {}
            // The dataset above changed, or it was cancelled: whoever takes it next sees.
            Err(why) => return Err(why.into()),
        }
        // Whatever was registered in it before lies in it from now on.
        let register = decide(&unattended::principal(&rights.user, now), Action::Register, &Facts::Dataset(Arc::clone(&rights.above)), now);
        if let (Ok(register), Some(place)) = (register, self.app.table.place(held.copy.dataset).await?) {
            let adopted = self.app.table.adopt(&register, &place.dataset, now).await;
            note(held, adopted.map(drop));
        }
        Ok(Step::Done)
    }
}

/// What could not be written is written by whoever takes the copy next.
fn note(held: &UnderWay, written: Result<(), TableError>) {
    if let Err(why) = written {
        tracing::warn!(copy.id = %held.copy.id, error = %why, "how a copy stands could not be written");
    }
}

/// What comes after all that is behind.
fn after(held: &UnderWay, max: u16) -> ListQuery {
    ListQuery { start_after: held.cursor.clone(), max, ..ListQuery::default() }
}

fn for_all(why: CopyStop) -> Stop {
    Stop::For(CopyFailure { why, key: None })
}

/// What a failed listing means for the copy.
fn listed(why: ObjectsError) -> Stop {
    stop(why.into(), None)
}

/// What a failed object means for the copy.
fn stop(why: CopyObjectError, key: Option<String>) -> Stop {
    let failed = |why, key| Stop::For(CopyFailure { why, key });
    match why {
        _ if why.may_pass() => Stop::Later { why: why.to_string(), key },
        // It was restricted meanwhile, or a right ended: that is decided anew.
        CopyObjectError::Denied(_) => Stop::Later { why: why.to_string(), key },
        CopyObjectError::Apart => failed(CopyStop::Apart, key),
        CopyObjectError::Changed => failed(CopyStop::Changed, key),
        CopyObjectError::Taken => failed(CopyStop::Taken, key),
        CopyObjectError::Unlike => failed(CopyStop::Unlike, key),
        CopyObjectError::TooLarge => failed(CopyStop::TooLarge, key),
        CopyObjectError::Store(ObjectsError::Archived) => failed(CopyStop::Archived, key),
        CopyObjectError::Store(why) => {
            tracing::warn!(error = %why, "a store refuses to copy an object");
            failed(CopyStop::Refused, key)
        }
    }
}
