//! Copies: all that lies in a dataset, copied by the stores into a source where whoever asks administers the place that it goes to (ACCESS 9).
//!
//! A copy is a job: it goes on from where it was after whatever stopped it, and ends in a dataset that lasts, or in words that say why not. Not here:
//! how objects are copied (`objects/copy.rs`), how it is kept (`table/copies.rs`), who goes on with it (`functions/copies`).

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    dataset::{Dataset, Kind, NewDatasetError},
    decision::{Denial, Permit, Place},
    delegation::open_to,
    id::{CopyId, DatasetId, SourceId, UserId},
    limits::{COPY_BYTES_MAX, COPY_OBJECTS_MAX, COPY_RETRY_SECS},
    path::{ObjectPath, PathError},
    source::{Source, State},
};

/// A copy of a dataset, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetCopy {
    /// Its id.
    pub id: CopyId,
    /// Who has it made, by whose rights.
    pub by: UserId,
    /// What is copied.
    pub original: DatasetId,
    /// The dataset below which it goes.
    pub above: DatasetId,
    /// The dataset that it becomes.
    pub dataset: DatasetId,
    /// The source that it goes into.
    pub source: SourceId,
    /// The folder in that source.
    pub path: ObjectPath,
    /// How it stands.
    pub state: CopyState,
    /// Objects copied.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects found alike on both sides, after all were copied.
    pub compared: u64,
    /// Why it failed.
    pub failure: Option<CopyFailure>,
    /// When it was asked for.
    pub made: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// How a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CopyState {
    /// Nobody has begun.
    Waiting,
    /// It is being made.
    Running,
    /// All of it is there, and is a dataset.
    Done,
    /// It is not made. What was copied lies where it was copied to.
    Failed,
    /// Whoever had it made ended it. What was copied lies where it was copied to.
    Cancelled,
}

impl CopyState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it is still to be gone on with.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// Why a copy failed, and at which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFailure {
    /// Why.
    pub why: CopyStop,
    /// The key, inside the dataset; `None`: at none of them.
    pub key: Option<String>,
}

/// Why a copy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum CopyStop {
    /// The person may not clone the original any more.
    #[error("whoever had it made may not clone the dataset any more")]
    AccessEnded,
    /// The person may have nothing copied there any more.
    #[error("whoever had it made may have nothing copied to that place any more")]
    PlaceEnded,
    /// The two places are not on one store with one set of credentials any more.
    #[error("the two places are not on one store, with one signer, any more")]
    Apart,
    /// The original changed meanwhile.
    #[error("the object changed, came or went while the dataset was being copied")]
    Changed,
    /// Something else lies where the copy goes.
    #[error("something that is not of this copy lies where the object goes")]
    Taken,
    /// The copy is not like the original.
    #[error("the copy of the object is not like the object")]
    Unlike,
    /// An object that must be restored from an archive first.
    #[error("the object lies in an archive and must be restored first")]
    Archived,
    /// An object that the store does not copy, for its size.
    #[error("the object is larger than what the store copies")]
    TooLarge,
    /// The store said no.
    #[error("the store refuses to copy the object")]
    Refused,
    /// More than one copy may have.
    #[error("a copy has at most `{COPY_OBJECTS_MAX}` objects and `{COPY_BYTES_MAX}` bytes")]
    TooMuch,
    /// The store, or whoever went on with it, failed too often.
    #[error("it was tried too often, and got nowhere")]
    Tries,
}

impl CopyStop {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::AccessEnded,
        Self::PlaceEnded,
        Self::Apart,
        Self::Changed,
        Self::Taken,
        Self::Unlike,
        Self::Archived,
        Self::TooLarge,
        Self::Refused,
        Self::TooMuch,
        Self::Tries,
    ];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AccessEnded => "access-ended",
            Self::PlaceEnded => "place-ended",
            Self::Apart => "apart",
            Self::Changed => "changed",
            Self::Taken => "taken",
            Self::Unlike => "unlike",
            Self::Archived => "archived",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
            Self::TooMuch => "too-much",
            Self::Tries => "tries",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

/// Why a copy cannot be asked for so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CopyError {
    /// The permits are for something else.
    #[error("the permit was given for something else")]
    Permit,
    /// One object is no folder.
    #[error("the dataset is one object: only folders are copied")]
    SingleObject,
    /// A copy into itself would copy what it has just copied.
    #[error("a dataset is not copied into itself, nor over what it lies in")]
    IntoItself,
    /// More people could read the copy than the original.
    #[error("what lies at that place is open to more people than the dataset")]
    PlaceOpen,
    /// By the source that it goes into more could be done with it than by the one that it is in.
    #[error("the source that it goes into asks for fewer data-use terms, or allows a wider audience, than the one that it is in")]
    PlaceLaxer,
    /// The place is no folder below the dataset there.
    #[error("the place is not below the dataset there")]
    Place,
    /// No dataset can lie there.
    #[error("{0}")]
    Dataset(#[from] NewDatasetError),
}

/// The dataset that a copy becomes, while it is being made: below what the permit `to` takes copies in for, owned by whoever owns that (ACCESS R1).
/// It is as private as any new one, and has the original's levels, for it has its arrays.
///
/// # Errors
/// [`CopyError`], each naming the rule.
pub fn arriving(from: &Permit, to: &Permit, path: &ObjectPath, id: DatasetId, now: Timestamp) -> Result<Dataset, CopyError> {
    let original = from.scope().filter(|_| from.by().is_some() && from.by() == to.by()).ok_or(CopyError::Permit)?;
    let original = original.dataset();
    let above = &to.facts_to_receive().ok_or(CopyError::Permit)?.place.dataset;
    let path = path.to_folder();
    if original.kind == Kind::File {
        return Err(CopyError::SingleObject);
    }
    if original.source == above.source && (original.path.covers(&path) || path.covers(&original.path)) {
        return Err(CopyError::IntoItself);
    }
    if path.is_root() || path == above.path || !above.path.covers(&path) {
        return Err(CopyError::Place);
    }
    opens_no_more(from, to, now)?;
    let dataset = Dataset::below(above, id, path, original.kind, now)?;
    Ok(Dataset { levels: original.levels.clone(), state: State::Arriving, ..dataset })
}

/// Whether what is copied comes to lie where it is open to no more people than where it is: opening it is an act of its own (ACCESS R6).
///
/// # Errors
/// [`CopyError::PlaceLaxer`], [`CopyError::PlaceOpen`], [`CopyError::Permit`].
pub fn opens_no_more(from: &Permit, to: &Permit, now: Timestamp) -> Result<(), CopyError> {
    let (original, above) = from.facts_to_copy().zip(to.facts_to_receive()).ok_or(CopyError::Permit)?;
    let (here, there) = (&original.place.source, &above.place.source);
    if there.audience() > here.audience() || here.unmet(|terms| there.asks(terms)).is_some() {
        return Err(CopyError::PlaceLaxer);
    }
    if open_to(above, now) > open_to(original, now) { Err(CopyError::PlaceOpen) } else { Ok(()) }
}

/// Where a permit lets a copy be written: below one folder.
#[derive(Debug, Clone)]
pub struct WriteScope<'p> {
    place: &'p Place,
    folder: ObjectPath,
}

impl<'p> WriteScope<'p> {
    /// What `permit` lets be written below `folder`, a folder in its source; `None` where the permit is for something else, or the folder is not
    /// below the dataset that it was given for.
    #[must_use]
    pub fn of(permit: &'p Permit, folder: &ObjectPath) -> Option<Self> {
        let place = &permit.facts_to_receive()?.place;
        let above = &place.dataset.path;
        let is_below = folder.is_folder() && !folder.is_root() && above.covers(folder) && folder != above;
        is_below.then(|| Self { place, folder: folder.clone() })
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &'p Source {
        &self.place.source
    }

    /// The whole key of `path` in the bucket.
    ///
    /// # Errors
    /// [`Denial::NoSuchObject`] in a restricted part, and for a folder; [`Denial::Path`] where the whole is too long.
    pub fn key(&self, path: &ObjectPath) -> Result<ObjectPath, Denial> {
        let inside = self.folder.join(path).map_err(Denial::Path)?;
        if self.place.dataset.is_cut(&inside) {
            return Err(Denial::NoSuchObject);
        }
        self.place.source.prefix.join(&inside).map_err(Denial::Path)
    }

    /// The whole key of the folder.
    ///
    /// # Errors
    /// [`PathError::TooLong`].
    pub fn folder(&self) -> Result<ObjectPath, PathError> {
        self.place.source.prefix.join(&self.folder)
    }
}

/// How long, in seconds, after the try of this number (from 1) that got nowhere the next may begin; `None`: there is no next.
#[must_use]
pub fn retry_after(tries: u32) -> Option<i64> {
    COPY_RETRY_SECS.get(usize::try_from(tries).ok()?.checked_sub(1)?).copied()
}

/// Whether so many objects and bytes are more than one copy may have.
#[must_use]
pub const fn is_too_much(objects: u64, bytes: u64) -> bool {
    objects > COPY_OBJECTS_MAX || bytes > COPY_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for state in CopyState::ALL {
            assert_eq!(CopyState::of(state.word()), Some(state));
        }
        for why in CopyStop::ALL {
            assert_eq!(CopyStop::of(why.word()), Some(why));
        }
        assert_eq!((CopyState::of("gone"), CopyStop::of("")), (None, None));
    }

    #[test]
    fn every_try_but_the_last_is_followed_by_a_later_one() {
        assert_eq!((1..).map_while(retry_after).collect::<Vec<_>>(), COPY_RETRY_SECS);
        assert!(COPY_RETRY_SECS.is_sorted());
        assert_eq!(retry_after(0), None);
        assert!(
            !is_too_much(COPY_OBJECTS_MAX, COPY_BYTES_MAX) && is_too_much(COPY_OBJECTS_MAX + 1, 0) && is_too_much(0, COPY_BYTES_MAX + 1)
        );
    }
}
