//! What was taken under a rate, and by whom: one instant each, in a map of bounded size, for each process by itself.

use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::rate::{Rate, TooOften};
use jiff::Timestamp;
use quick_cache::unsync::Cache;

/// The instant at which all that somebody took is paid for. Whoever is pushed out of the map begins anew.
pub(crate) struct Paid<K>(Mutex<Cache<K, Timestamp>>);

impl<K: Eq + Hash + Clone> Paid<K> {
    /// Nobody took anything yet; so many are remembered.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Cache::new(most)))
    }

    /// Takes one; the instant at which it is paid for, too.
    ///
    /// # Errors
    /// [`TooOften`], with how long that lasts: nothing was taken then.
    pub(crate) fn take(&self, who: K, rate: Rate, now: Timestamp) -> Result<Timestamp, TooOften> {
        let mut paid = self.lock();
        let ahead = rate.take(paid.get(&who).copied(), now)?;
        paid.insert(who, ahead);
        Ok(ahead)
    }

    /// Counts one that happened; the instant at which it is paid for, at most `bursts` bursts from now.
    pub(crate) fn owe(&self, who: K, rate: Rate, bursts: u32, now: Timestamp) -> Timestamp {
        let mut paid = self.lock();
        let ahead = rate.owe(paid.get(&who).copied(), bursts, now);
        paid.insert(who, ahead);
        ahead
    }

    /// Whether one more would be too many, where up to `bursts` bursts may be owed.
    ///
    /// # Errors
    /// As [`Paid::take`].
    pub(crate) fn check(&self, who: &K, rate: Rate, bursts: u32, now: Timestamp) -> Result<(), TooOften> {
        rate.take_of(self.lock().get(who).copied(), bursts, now).map(drop)
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Cache<K, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
