//! Datasets: a folder or one object inside a source, with one owner.

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    id::{DatasetId, SourceId, UserId},
    limits::{ANCESTORS_MAX, DATASET_DEPTH_MAX},
    path::ObjectPath,
    source::State,
};

/// What a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A Zarr group or array: a folder with `zarr.json`, `.zgroup` or `.zarray` in it.
    Zarr,
    /// Any other folder.
    Folder,
    /// One object.
    File,
}

/// A folder or an object inside a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its id.
    pub id: DatasetId,
    /// The source it lies in; never changes.
    pub source: SourceId,
    /// Its path inside the source: a folder for [`Kind::Zarr`] and [`Kind::Folder`], the root for the source's root dataset.
    pub path: ObjectPath,
    /// What it is.
    pub kind: Kind,
    /// Who owns it.
    pub owner: UserId,
    /// The datasets it lies in, outermost first: at most [`ANCESTORS_MAX`].
    pub ancestors: Vec<DatasetId>,
    /// Counts bulk revokes: a link made under a lower number is revoked.
    pub links_gen: u64,
    /// Active or retired.
    pub state: State,
    /// When it was registered.
    pub registered: Timestamp,
    /// Counts every accepted change.
    pub version: u64,
}

/// Why a dataset cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NewDatasetError {
    /// Deeper than the claims above it can be checked in one transaction.
    #[error("a dataset lies at most `{DATASET_DEPTH_MAX}` folders deep in its source")]
    TooDeep,
    /// In too many datasets at once.
    #[error("a dataset lies in at most `{ANCESTORS_MAX}` others")]
    TooManyAncestors,
    /// Inside a dataset that is one object.
    #[error("the dataset above is a single object")]
    InsideFile,
}

impl Dataset {
    /// A dataset below `above`, whose owner owns it too: the registrar gains nothing (ACCESS R1).
    ///
    /// # Errors
    /// [`NewDatasetError`], where it lies too deep.
    pub fn below(above: &Self, id: DatasetId, path: ObjectPath, kind: Kind, now: Timestamp) -> Result<Self, NewDatasetError> {
        if above.kind == Kind::File {
            return Err(NewDatasetError::InsideFile);
        }
        if path.above().count() > DATASET_DEPTH_MAX {
            return Err(NewDatasetError::TooDeep);
        }
        let mut ancestors = above.ancestors.clone();
        ancestors.push(above.id);
        if ancestors.len() > ANCESTORS_MAX {
            return Err(NewDatasetError::TooManyAncestors);
        }
        let path = if kind == Kind::File { path } else { path.to_folder() };
        Ok(Self {
            id,
            source: above.source,
            path,
            kind,
            owner: above.owner,
            ancestors,
            links_gen: 0,
            state: State::Active,
            registered: now,
            version: 1,
        })
    }

    /// The root dataset of a source: its whole prefix, owned by whoever registered it.
    #[must_use]
    pub fn root(id: DatasetId, source: SourceId, owner: UserId, now: Timestamp) -> Self {
        let (path, kind) = (ObjectPath::default(), Kind::Folder);
        Self { id, source, path, kind, owner, ancestors: Vec::new(), links_gen: 0, state: State::Active, registered: now, version: 1 }
    }
}
