//! Datasets: a folder or one object inside a source, with one owner.

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    id::{DatasetId, LinkSetId, ProjectId, SourceId, UserId},
    levels::Levels,
    limits::{ANCESTORS_MAX, DATASET_DEPTH_MAX},
    path::ObjectPath,
    source::State,
    timing::Timing,
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

/// Whom a dataset is open to beside those it is granted to. Ordered: each opens those before it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visibility {
    /// Nobody.
    Private,
    /// The members of its project.
    Project,
    /// Everybody with an account here.
    Accounts,
    /// Everybody.
    World,
}

impl Visibility {
    /// Every visibility.
    pub const ALL: [Self; 4] = [Self::Private, Self::Project, Self::Accounts, Self::World];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Project => "project",
            Self::Accounts => "accounts",
            Self::World => "world",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visibility| visibility.word() == word)
    }
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
    /// Whom the owner named to own it where the owner is suspended. It gives nothing before.
    pub successor: Option<UserId>,
    /// The datasets it lies in, outermost first: at most [`ANCESTORS_MAX`].
    pub ancestors: Vec<DatasetId>,
    /// Whom it is open to beside those it is granted to.
    pub visibility: Visibility,
    /// When a curator marked it as curated: it counts only while [`Dataset::curated_for`] says so.
    pub curated: Option<Timestamp>,
    /// The project that it is in.
    pub project: Option<ProjectId>,
    /// The link set that it is in: what writes of grants read, and no decision.
    pub link_set: Option<LinkSetId>,
    /// Whether what is granted above stops at it. Ownership does not.
    pub restricted: bool,
    /// Whether what rests on it is stopped within 15 s, for more reads of the table, whoever reads and by whichever link (ADR 0049).
    pub strict: bool,
    /// Of one that is strict: when what was signed and kept before it became so has ended, a publication's too; `None`: it always was.
    pub given_until: Option<Timestamp>,
    /// The paths of the restricted datasets in it, an outer one standing for those in it: at most [`CUTS_MAX`].
    ///
    /// [`CUTS_MAX`]: crate::limits::CUTS_MAX
    pub cuts: Vec<ObjectPath>,
    /// The levels of its multiscale images, as its metadata said when they were read last; empty: nobody knows them.
    pub levels: Levels,
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

/// Why a dataset cannot be retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RetireError {
    /// It is its source's own.
    #[error("a source's own dataset is retired with its source")]
    Root,
    /// What is granted above would reach its files.
    #[error("what is granted above would reach the files of a restricted dataset")]
    Restricted,
    /// It is in a link set, of which what was retired would be in the way.
    #[error("it is in a link set")]
    InLinkSet,
    /// It was retired before.
    #[error("it was retired before")]
    Before,
}

impl Dataset {
    /// A dataset below `above`, whose owner owns it too: the registrar gains nothing (ACCESS R1). Restricted datasets that were registered
    /// further in stay cut out of it; of itself nothing is, whatever those above remember.
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
        let cuts = above.cuts.iter().filter(|cut| **cut != path && path.covers(cut)).cloned().collect();
        Ok(Self {
            id,
            source: above.source,
            path,
            kind,
            owner: above.owner,
            successor: None,
            ancestors,
            visibility: Visibility::Private,
            curated: None,
            project: None,
            link_set: None,
            restricted: false,
            strict: false,
            given_until: None,
            cuts,
            levels: Levels::default(),
            links_gen: 0,
            state: State::Active,
            registered: now,
            version: 1,
        })
    }

    /// The root dataset of a source: its whole prefix, owned by whoever registered it.
    #[must_use]
    pub fn root(id: DatasetId, source: SourceId, owner: UserId, now: Timestamp) -> Self {
        Self {
            id,
            source,
            path: ObjectPath::default(),
            kind: Kind::Folder,
            owner,
            successor: None,
            ancestors: Vec::new(),
            visibility: Visibility::Private,
            curated: None,
            project: None,
            link_set: None,
            restricted: false,
            strict: false,
            given_until: None,
            cuts: Vec::new(),
            levels: Levels::default(),
            links_gen: 0,
            state: State::Active,
            registered: now,
            version: 1,
        }
    }

    /// Whether this is `below` or holds it, and nothing restricted in between keeps what is granted here from it.
    #[must_use]
    pub fn reaches(&self, below: &Self) -> bool {
        let holds = below.ancestors.contains(&self.id) && self.source == below.source;
        self.id == below.id || (holds && !below.restricted && !self.is_cut(&below.path))
    }

    /// Whether a link that stands on `on` and opens `subpath` below it opens this dataset, or a part of it.
    #[must_use]
    pub fn is_reached_from(&self, on: &Self, subpath: &ObjectPath) -> bool {
        let Ok(scope) = on.path.join(subpath) else { return false };
        on.reaches(self) && (scope == self.path || scope.covers(&self.path) || self.path.covers(&scope))
    }

    /// When a curator marked it, where that counts: while it is open in effect, by itself or by what lies above it, to all accounts or the world.
    /// So nothing that closes it has to know of the mark, which is there again once it is opened again (ADR 0062).
    #[must_use]
    pub fn curated_for(&self, audience: Visibility) -> Option<Timestamp> {
        self.curated.filter(|_| audience >= Visibility::Accounts)
    }

    /// The dataset once it is in this project, to whose members it is open at the least; or in none any more.
    #[must_use]
    pub fn moved(&self, project: Option<ProjectId>) -> Self {
        let visibility = match (project, self.visibility) {
            (Some(_), visibility) => visibility.max(Visibility::Project),
            (None, Visibility::Project) => Visibility::Private,
            (None, visibility) => visibility,
        };
        Self { project, visibility, version: self.version.saturating_add(1), ..self.clone() }
    }

    /// The dataset once it is strict, or is no more.
    #[must_use]
    pub fn made_strict(&self, strict: bool, now: Timestamp) -> Self {
        // What is signed until this takes effect lives as long as the longest that anything on it may.
        let given_until = strict.then(|| Timing::WORLD.given_until(now, None));
        Self { strict, given_until, version: self.version.saturating_add(1), ..self.clone() }
    }

    /// When a narrowing that was done by `now`, and ends only what rests on this dataset, is in force everywhere: by `otherwise`, and sooner where
    /// the dataset is strict. It is to be as it was after that: one that was strict a moment before may have been read otherwise meanwhile.
    #[must_use]
    pub fn enforced_by(&self, otherwise: Timing, now: Timestamp) -> Timestamp {
        let bound = otherwise.enforced_by(now, None);
        if self.strict { bound.min(Timing::STRICT.enforced_by(now, self.given_until)) } else { bound }
    }

    /// The dataset once it is retired, which is for good. One that is restricted is opened first: its cut would be nobody's, and what is granted
    /// above reaches files by an act that says so. `above`, what lies above it, may remember a cut of a restriction that is not done yet, or broke off.
    ///
    /// # Errors
    /// [`RetireError`], each naming the rule.
    pub fn retired<'a>(&self, mut above: impl Iterator<Item = &'a Self>) -> Result<Self, RetireError> {
        if self.state == State::Retired {
            Err(RetireError::Before)
        } else if self.path.is_root() {
            Err(RetireError::Root)
        } else if self.link_set.is_some() {
            Err(RetireError::InLinkSet)
        } else if self.restricted || above.any(|above| above.cuts.contains(&self.path)) {
            Err(RetireError::Restricted)
        } else {
            Ok(Self { state: State::Retired, version: self.version.saturating_add(1), ..self.clone() })
        }
    }

    /// The cuts of this dataset once `below`, in it, is restricted or open again: an outer cut stands for those in it, and one that is
    /// opened hands its own cuts up.
    #[must_use]
    pub fn cuts_with(&self, below: &Self, restricted: bool) -> Vec<ObjectPath> {
        let others = self.cuts.iter().filter(|cut| **cut != below.path);
        let mut cuts: Vec<_> = if restricted {
            let hidden = self.cuts.iter().any(|cut| *cut != below.path && cut.covers(&below.path));
            let kept = others.filter(|cut| !below.path.covers(cut)).cloned();
            kept.chain((!hidden).then(|| below.path.clone())).collect()
        } else {
            let was_cut = self.cuts.contains(&below.path);
            others.cloned().chain(below.cuts.iter().filter(|_| was_cut).cloned()).collect()
        };
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Whether `path`, inside the source, is or lies in a restricted dataset in this one.
    #[must_use]
    pub fn is_cut(&self, path: &ObjectPath) -> bool {
        self.cuts.iter().any(|cut| cut == path || cut.covers(path))
    }
}
