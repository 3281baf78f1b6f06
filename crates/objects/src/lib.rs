//! Object storage: signing, streaming, listing, looking up and copying objects. The only crate that knows the SDKs of S3 and STS.
//!
//! Nothing is signed, read or listed without a [`Permit`]; keys are joined from the permit's own location here and nowhere else.
//! Cloud and laptop run the same code with another endpoint. Not here: who may read (`domain::decision`), statuses (`edge/problem.rs`),
//! clocks (time is an argument).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        reason = "a test may fail loudly"
    )
)]

mod access;
mod address;
pub mod copy;
pub mod credentials;
pub mod doctor;
pub mod levels;
pub mod listing;
mod names;
pub mod policy;
mod position;
pub mod presigner;
mod probe;
mod sigv4;
pub mod stream;

use core::fmt;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{
    decision::Permit,
    id::SourceId,
    limits::SOURCES_MAX,
    source::{Role, Source, is_origin},
};
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    access::Access,
    credentials::{CredentialsError, Issuer, Signer},
    names::Names,
    presigner::{Presigner, SignError},
    stream::Http,
};

/// How the deployment's stores are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Origin of the deployment's own store as this process reaches it, `http://127.0.0.1:9000`; `None`: AWS, by region.
    pub endpoint: Option<String>,
    /// The same store as others see it, for `Location`; `None`: as `endpoint`.
    pub public_endpoint: Option<String>,
    /// Whether the own endpoint of a source may lie in a network that is not public.
    pub private_endpoints: bool,
    /// Who signs for sources that name no role.
    pub signer: Signer,
    /// Origin of the token service; `None`: AWS, by region.
    pub sts_endpoint: Option<String>,
}

/// The deployment's objects. Cheap to clone; one for a process, so that credentials, clients and connections are shared.
#[derive(Clone)]
pub struct Objects(Arc<Shared>);

struct Shared {
    settings: Settings,
    issuer: Arc<Issuer>,
    names: Names,
    http: Http,
    accesses: RwLock<HashMap<Purpose, Arc<Access>>>,
}

/// What a source is reached for: with the one that is copied from, to copy into it.
type Purpose = (SourceId, Option<SourceId>);

/// An endpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{endpoint}` is no origin `http(s)://host[:port]`")]
pub struct SettingsError {
    /// As it was set.
    pub endpoint: String,
}

/// Why an object cannot be read, found or listed. It never holds a path or a URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObjectsError {
    /// There is nothing to sign with.
    #[error("there are no credentials to read with")]
    Credentials(#[from] CredentialsError),
    /// The permit allows no such request.
    #[error("the request cannot be signed")]
    Sign(#[from] SignError),
    /// A single object has no entries.
    #[error("the link opens one object, not a folder")]
    NotFolder,
    /// A listing's token that we never made.
    #[error("the listing's token cannot be read")]
    Token,
    /// More entries than one index holds.
    #[error("the folder has more than `{max}` entries")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// So many of the store's pages in a row, and nothing in them that a link opens.
    #[error("`{max}` pages of the store in a row hold nothing that a link opens")]
    NothingShown {
        /// The bound.
        max: usize,
    },
    /// The object lies in an archive and must be restored first.
    #[error("the object is archived")]
    Archived,
    /// A link on disk leads out of the folder that is served.
    #[error("the name leads out of the folder that is served")]
    LeadsOut,
    /// The source's bucket is not there.
    #[error("the source's bucket is not there")]
    NoBucket,
    /// The store said no: to us, not to the reader.
    #[error("the store refused with `{status}`: `{code}`")]
    Refused {
        /// Its HTTP status.
        status: u16,
        /// Its error code, or `Unknown` where it gave none.
        code: String,
    },
    /// The store failed, twice.
    #[error("the store failed with `{status}`")]
    Unavailable {
        /// Its HTTP status.
        status: u16,
    },
    /// The store cannot be reached.
    #[error("the store cannot be reached")]
    Unreachable,
    /// The store did not answer in time.
    #[error("the store did not answer in time")]
    Timeout,
    /// The store's answer makes no sense.
    #[error("the store's answer cannot be read")]
    Unreadable,
}

impl Objects {
    /// The objects that these settings reach. Nothing is connected or loaded before it is needed.
    ///
    /// # Errors
    /// [`SettingsError`] for an endpoint that is no origin.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let Settings { endpoint, public_endpoint, sts_endpoint, .. } = &settings;
        if let Some(wrong) = [endpoint, public_endpoint, sts_endpoint].into_iter().flatten().find(|text| !is_origin(text)) {
            return Err(SettingsError { endpoint: wrong.clone() });
        }
        let issuer = Arc::new(Issuer::new(settings.signer.clone(), settings.sts_endpoint.clone()));
        let names = Names::new(&settings);
        let http = Http::new(names.clone());
        Ok(Self(Arc::new(Shared { settings, issuer, names, http, accesses: RwLock::default() })))
    }

    /// What signs for the permit's source. Awaits nothing while credentials last.
    ///
    /// # Errors
    /// [`CredentialsError`] where the permit is not one to read, or no credentials last long enough (503).
    pub async fn presigner(&self, permit: &Permit, now: Timestamp) -> Result<Presigner, CredentialsError> {
        let scope = permit.scope().ok_or(CredentialsError::Permit)?;
        let access = self.access(scope.source())?;
        Ok(Presigner(access.signing(now).await?))
    }

    /// The policy for a source's bucket, as JSON to paste: the signing role may read, and old signatures end.
    #[must_use]
    pub fn bucket_policy(&self, source: &Source) -> String {
        let named = |role: Option<Role>| role.map_or_else(|| "ARN-OF-THE-SIGNER".to_owned(), |role| role.arn);
        let issuer = &self.0.issuer;
        policy::bucket_policy(source, &named(issuer.role_of(source)), &named(issuer.copier_of(source)))
    }

    /// How `source` is reached: made once, and again when its place changes.
    fn access(&self, source: &Source) -> Result<Arc<Access>, CredentialsError> {
        self.access_of(source, None)
    }

    /// How objects are copied from one source into another.
    fn access_to_copy(&self, from: &Source, to: &Source) -> Result<Arc<Access>, CredentialsError> {
        self.access_of(to, Some(from))
    }

    fn access_of(&self, source: &Source, from: Option<&Source>) -> Result<Arc<Access>, CredentialsError> {
        let key = (source.id, from.map(|from| from.id));
        let kept = self.0.accesses.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(access) = kept.filter(|access| access.is_of(source, from)) {
            return Ok(access);
        }
        let access = Arc::new(Access::new(&self.0.settings, self.0.names.clone(), Arc::clone(&self.0.issuer), source, from)?);
        let mut accesses = self.0.accesses.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = accesses.get(&key).filter(|other| other.is_of(source, from)) {
            return Ok(Arc::clone(other));
        }
        if accesses.len() >= SOURCES_MAX {
            accesses.clear();
        }
        accesses.insert(key, Arc::clone(&access));
        Ok(access)
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
