//! Goes on with the copies that are due: a page of the original at a time, decided anew before each and every few seconds in between.
//!
//! What a page's objects come to is written down once all of them are there, and up to which key they go before the first: so whoever takes the copy
//! after a crash knows where to begin, and which objects may be there already. At the end both sides are listed side by side.

use std::{
    collections::HashSet,
    future::{self, Future},
    sync::Arc,
    time::Duration,
};

use domain::{
    copy::{CopyFailure, CopyStop, WriteScope, is_too_much, retry_after},
    decision::{Action, DatasetFacts, Denial, Facts, Permit, decide, via},
    grant::Net,
    id::DatasetId,
    limits::{
        COPY_KEPT_UP_SECS, COPY_OBJECT_TRIES_MAX, COPY_OBJECTS_AT_ONCE_MAX, COPY_PAGE_OBJECTS_MAX, COPY_RETRY_SECS, COPY_TURN_SECS,
        LIST_PAGE_MAX,
    },
    path::ObjectPath,
    rights::Right,
    timing::later,
    user::User,
};
use edge::{App, unattended};
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
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

/// The wait before an object's second try, in milliseconds; each further one is as much longer.
const OBJECT_PAUSE_MS: u64 = 500;

/// Goes on with copies. As many of these as there are may run at once: each copy is taken by one.
#[derive(Debug, Clone)]
pub struct Copies {
    app: App,
}

/// Why a copy is not gone on with now.
enum Stop {
    /// It ended, or another has it.
    Lost,
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
        Self { app }
    }

    /// Goes on with everything that is due now, each for a while. Answers how many copies that were.
    ///
    /// # Errors
    /// [`TableError`], where what is due cannot be looked for.
    pub async fn round(&self) -> Result<usize, TableError> {
        let mut taken = 0_usize;
        for shard in 0..SHARDS {
            for due in self.app.table.due_copies(shard, self.app.now()).await? {
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
                Ok(Step::Further) if self.app.now() < over => {}
                Ok(Step::Further) => {
                    let now = self.app.now();
                    note(&held, self.app.table.leave_copy(&mut held.clone(), now).await.map(drop));
                    return;
                }
                Err(stop) => break stop,
            }
        };
        let written = match stopped {
            Stop::Lost => Ok(()),
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
            Some(secs) => self.app.table.leave_copy(held, later(self.app.now(), secs)).await.map(drop),
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
        let last = page.objects.last().map(|last| last.key.clone());
        let done = match &last {
            None => (0, 0),
            Some(last) => {
                let there = self.there(held, copier.to(), last).await?;
                let before = held.begun.clone();
                if !self.app.table.copy_begins(held, last, self.app.now()).await? {
                    return Err(Stop::Lost);
                }
                let mut each: Vec<BoxFuture<'_, Result<u64, Stop>>> = Vec::new();
                for entry in &page.objects {
                    let may_be_there = before.as_deref().is_some_and(|before| entry.key.as_str() <= before);
                    each.push(Box::pin(self.object(copier, entry, there.contains(&entry.key), may_be_there)));
                }
                let copying = stream::iter(each).buffer_unordered(COPY_OBJECTS_AT_ONCE_MAX);
                let sum = |(objects, bytes): (u64, u64), size| future::ready(Ok((objects.saturating_add(1), bytes.saturating_add(size))));
                self.kept_up(held, copying.try_fold((0, 0), sum)).await?
            }
        };
        let (objects, bytes) = (held.copy.objects.saturating_add(done.0), held.copy.bytes.saturating_add(done.1));
        if is_too_much(objects, bytes) {
            return Err(for_all(CopyStop::TooMuch));
        }
        let next = page.next_marker();
        let progress = Progress { compares: next.is_none(), cursor: next, objects, bytes, compared: 0 };
        self.goes_on(held, progress).await
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

    /// Copies one object, in a few tries. Answers its length.
    async fn object(&self, copier: &Copier<'_>, entry: &ObjectEntry, is_there: bool, may_be_there: bool) -> Result<u64, Stop> {
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let outcome = match (is_there, may_be_there) {
                (true, false) => Err(CopyObjectError::Taken),
                (true, true) => copier.check(entry, self.app.now()).await,
                // What a try before left is this copy's, too.
                (false, may_be_there) => copier.copy(entry, may_be_there || tries > 1, self.app.now()).await,
            };
            match outcome {
                Ok(()) => return Ok(entry.size),
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
        if end.is_none() {
            if compared != held.copy.objects {
                return Err(for_all(CopyStop::Changed));
            }
            held.copy.compared = compared;
            return self.done(held, rights).await;
        }
        let progress = Progress { cursor: end, compares: true, objects: held.copy.objects, bytes: held.copy.bytes, compared };
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

/// How many objects are alike on both sides, up to the key `end`; `None`: to the last.
fn alike(original: &ListPage, arrived: &ListPage, end: Option<&str>) -> Result<u64, CopyFailure> {
    let up_to = |page: &'_ ListPage| {
        let entries = page.objects.iter().take_while(|entry| end.is_none_or(|end| entry.key.as_str() <= end));
        entries.map(|entry| (entry.key.clone(), entry.size)).collect::<Vec<_>>()
    };
    let (original, arrived) = (up_to(original), up_to(arrived));
    let first = original.iter().zip(&arrived).position(|(one, other)| one != other).unwrap_or(original.len().min(arrived.len()));
    let failed = |why, key: &str| Err(CopyFailure { why, key: Some(key.to_owned()) });
    match (original.get(first), arrived.get(first)) {
        (None, None) => Ok(u64::try_from(original.len()).unwrap_or(u64::MAX)),
        // It came, or its copy went.
        (Some((key, _)), None) => failed(CopyStop::Changed, key),
        (Some((key, _)), Some((there, _))) if key < there => failed(CopyStop::Changed, key),
        (_, Some((there, _))) => failed(CopyStop::Unlike, there),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entries: &[(&str, u64)]) -> ListPage {
        let entry = |(key, size): &(&str, u64)| ObjectEntry {
            key: (*key).to_owned(),
            size: *size,
            etag: None,
            modified: None,
            storage_class: None,
        };
        ListPage { objects: entries.iter().map(entry).collect(), ..ListPage::default() }
    }

    #[test]
    fn both_sides_have_the_same_keys_of_the_same_lengths() {
        let original = [("a", 1), ("b", 2), ("c", 3)];
        let told = |arrived: &[(&str, u64)], end| alike(&page(&original), &page(arrived), end).map_err(|why| (why.why, why.key.unwrap()));
        let failed = |why, key: &str| Err((why, key.to_owned()));
        assert_eq!(told(&original, None), Ok(3));
        assert_eq!(told(&[("a", 1), ("b", 2)], Some("b")), Ok(2), "as far as both were listed");
        assert_eq!(told(&[("a", 1), ("c", 3)], None), failed(CopyStop::Changed, "b"));
        assert_eq!(told(&[("a", 1), ("b", 2)], None), failed(CopyStop::Changed, "c"));
        assert_eq!(told(&[("a", 1), ("b", 9), ("c", 3)], None), failed(CopyStop::Unlike, "b"));
        assert_eq!(told(&[("a", 1), ("aa", 1), ("b", 2), ("c", 3)], None), failed(CopyStop::Unlike, "aa"));
        assert_eq!(told(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)], None), failed(CopyStop::Unlike, "d"));
        assert_eq!(alike(&page(&[]), &page(&[]), None).unwrap(), 0);
    }
}
