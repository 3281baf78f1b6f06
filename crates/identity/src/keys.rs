//! The keys of one issuer (RFC 7517), fetched from its one address and kept.
//!
//! A key id that is not among them leads to one fetch that all who wait share, and to no other for a minute: guessing ids costs the issuer
//! nothing. While the issuer is away, the keys last fetched serve for a day.

use core::fmt;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use http::Uri;
use jiff::Timestamp;
use jsonwebtoken::{
    DecodingKey,
    crypto::verify,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    BearerError,
    issuer::{Algorithm, Family, Issuer},
    limits::{KEYS_FRESH_SECS, KEYS_MAX, KEYS_REFETCH_SECS, KEYS_STALE_SECS},
    outbound::Outbound,
    token::is_key_id,
};

/// The keys of one issuer and where they come from.
pub(crate) struct Keys {
    issuer: String,
    algorithms: Vec<Algorithm>,
    url: Uri,
    outbound: Outbound,
    kept: RwLock<Kept>,
    /// Held by whoever fetches.
    flight: Arc<Mutex<()>>,
}

/// What was fetched, and when that was tried.
#[derive(Default)]
struct Kept {
    set: KeySet,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    is_away: bool,
}

/// The keys of an issuer's set that are of use here, by their ids: at most [`KEYS_MAX`], none of them symmetric.
#[derive(Default)]
pub struct KeySet(BTreeMap<String, Arc<Key>>);

/// A key, and what it may verify.
pub(crate) struct Key {
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// How a key id was found.
enum Found {
    /// Good, and lately fetched.
    Fresh(Arc<Key>),
    /// Good, but due to be fetched anew.
    Aging(Arc<Key>),
    Missing,
}

impl Keys {
    pub(crate) fn new(issuer: &Issuer, url: Uri, outbound: Outbound) -> Self {
        let (kept, flight) = (RwLock::default(), Arc::default());
        Self { issuer: issuer.issuer.clone(), algorithms: issuer.algorithms.clone(), url, outbound, kept, flight }
    }

    /// The key of this id.
    ///
    /// # Errors
    /// `UnknownKey` when the issuer does not publish it; `KeysUnavailable` when that cannot be told.
    pub(crate) async fn find(self: &Arc<Self>, id: &str, now: Timestamp) -> Result<Arc<Key>, BearerError> {
        match self.look(id, now) {
            Found::Fresh(key) => return Ok(key),
            Found::Aging(key) => match Arc::clone(&self.flight).try_lock_owned() {
                Ok(flight) => self.refresh(flight, now).await,
                // Another request is fetching: it need not hold this one up.
                Err(_taken) => return Ok(key),
            },
            Found::Missing => self.refresh(Arc::clone(&self.flight).lock_owned().await, now).await,
        }
        match self.look(id, now) {
            Found::Fresh(key) | Found::Aging(key) => Ok(key),
            Found::Missing if self.is_away() => Err(BearerError::KeysUnavailable),
            Found::Missing => Err(BearerError::UnknownKey),
        }
    }

    fn look(&self, id: &str, now: Timestamp) -> Found {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let age = kept.fetched_at.map_or(u64::MAX, |at| seconds_between(at, now));
        match kept.set.0.get(id) {
            Some(key) if age < KEYS_FRESH_SECS => Found::Fresh(Arc::clone(key)),
            Some(key) if age < KEYS_STALE_SECS => Found::Aging(Arc::clone(key)),
            _ => Found::Missing,
        }
    }

    fn is_away(&self) -> bool {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).is_away
    }

    /// Fetches the keys, unless that was tried within the last minute.
    async fn refresh(self: &Arc<Self>, flight: OwnedMutexGuard<()>, now: Timestamp) {
        if !self.begin(now) {
            return;
        }
        let keys = Arc::clone(self);
        // As a task of its own, or a caller that hangs up could keep the others from new keys, a minute at a time.
        let task = tokio::spawn(async move {
            keys.load(now).await;
            drop(flight);
        });
        if let Err(why) = task.await {
            tracing::error!(issuer = self.issuer, %why, "the fetch of an issuer's keys broke off");
        }
    }

    /// Whether a fetch is due; notes that it was begun.
    fn begin(&self, now: Timestamp) -> bool {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let is_due = kept.tried_at.is_none_or(|at| seconds_between(at, now) >= KEYS_REFETCH_SECS);
        if is_due {
            (kept.tried_at, kept.is_away) = (Some(now), true);
        }
        is_due
    }

    async fn load(&self, now: Timestamp) {
        let read = match self.outbound.get(&self.url).await {
            Ok(body) => KeySet::read(&body, &self.algorithms).ok_or_else(|| "it is no key set".to_owned()),
            Err(why) => Err(why.to_string()),
        };
        match read {
            Ok(set) => {
                if set.0.is_empty() {
                    tracing::warn!(issuer = self.issuer, "no key of issuer `{}` is of use here", self.issuer);
                }
                let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
                (kept.set, kept.fetched_at, kept.is_away) = (set, Some(now), false);
            }
            Err(why) => tracing::warn!(issuer = self.issuer, why, "the keys of issuer `{}` were not had: the old ones serve", self.issuer),
        }
    }
}

/// The whole seconds between two instants. A clock that was set back makes keys old, never new.
fn seconds_between(one: Timestamp, other: Timestamp) -> u64 {
    one.duration_since(other).unsigned_abs().as_secs()
}

impl KeySet {
    /// The keys of a document (RFC 7517, section 5) that are of use to an issuer with these algorithms, the first of each id; `None` for what is
    /// no key set. Each key stands for itself: one that is odd spoils no other.
    #[must_use]
    pub fn read(document: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        // As an object: a list would be taken for fields in order.
        let Value::Array(keys) = serde_json::from_slice::<Map<String, Value>>(document).ok()?.remove("keys")? else { return None };
        let mut set = BTreeMap::new();
        for (id, key) in keys.into_iter().filter_map(|key| Key::read(key, algorithms)).take(KEYS_MAX) {
            let _first_of_its_id = set.entry(id).or_insert_with(|| Arc::new(key));
        }
        Some(Self(set))
    }

    /// The ids, sorted, each with the algorithms that its key verifies.
    pub fn ids(&self) -> impl Iterator<Item = (&str, &[Algorithm])> {
        self.0.iter().map(|(id, key)| (id.as_str(), key.algorithms.as_slice()))
    }

    /// Checks a signature, still encoded, of a text by the key of this id.
    ///
    /// # Errors
    /// [`BearerError::UnknownKey`] for an id that is not here, [`BearerError::Algorithm`] for an algorithm that the key is not for,
    /// [`BearerError::Signature`] for a signature that does not fit.
    pub fn verify(&self, id: &str, signed: &str, signature: &str, algorithm: Algorithm) -> Result<(), BearerError> {
        self.0.get(id).ok_or(BearerError::UnknownKey)?.verify(signed, signature, algorithm)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Key {
    /// A key and its id; `None` for one that has none, is not for signatures, or is of another family.
    fn read(key: Value, algorithms: &[Algorithm]) -> Option<(String, Self)> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let id = common.key_id.clone().filter(|id| is_for_signatures && is_key_id(id))?;
        let says = |one: Algorithm| common.key_algorithm.is_none_or(|only| only == KeyAlgorithm::from(one.verified()));
        let algorithms: Vec<_> = algorithms.iter().copied().filter(|one| fits(*one, &jwk.algorithm) && says(*one)).collect();
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| !algorithms.is_empty())?;
        Some((id, Self { key, algorithms }))
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// `Algorithm` for one that this key is not for, `Signature` for one that does not fit.
    pub(crate) fn verify(&self, signed: &str, signature: &str, algorithm: Algorithm) -> Result<(), BearerError> {
        if !self.algorithms.contains(&algorithm) {
            return Err(BearerError::Algorithm);
        }
        match verify(signature, signed.as_bytes(), &self.key, algorithm.verified()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(BearerError::Signature),
        }
    }
}

/// Whether an algorithm takes a key of this kind; never a symmetric one.
fn fits(algorithm: Algorithm, key: &AlgorithmParameters) -> bool {
    match (algorithm, key) {
        (Algorithm::Es256, AlgorithmParameters::EllipticCurve(key)) => key.curve == EllipticCurve::P256,
        (Algorithm::Es384, AlgorithmParameters::EllipticCurve(key)) => key.curve == EllipticCurve::P384,
        (Algorithm::EdDsa, AlgorithmParameters::OctetKeyPair(key)) => key.curve == EllipticCurve::Ed25519,
        (algorithm, AlgorithmParameters::RSA(_)) => algorithm.family() == Family::Rsa,
        _ => false,
    }
}
