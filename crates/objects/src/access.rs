//! How one source is reached: its addresses, its credentials as they are renewed, and its client for listings.

use core::time::Duration;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError as NoCredentials, future};
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, IdentityCache, Region, retry::RetryConfig, timeout::TimeoutConfig},
};
use domain::source::Source;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    Settings,
    address::Address,
    credentials::{Credentials, CredentialsError, Issuer},
    names::Names,
    presigner::Signing,
};

/// A failed assumption stands this long for all who ask: one try a second, however many wait.
const FAILURE_SECS: i64 = 1;
/// After a failed renewal in the background the next one waits this long.
const RENEWAL_PAUSE_SECS: i64 = 5;
/// How long one try of a listing may take.
const LIST_TRY_MS: u64 = 10_000;
/// How long the store may take to accept a connection.
pub(crate) const CONNECT_MS: u64 = 2_000;
/// The longest wait before the one retry of anything.
pub(crate) const BACKOFF_MS: u64 = 200;

/// One source, as it is reached.
pub(crate) struct Access {
    source: Source,
    /// Where is copied from, if it is for that: then it may write, too.
    from: Option<Source>,
    public: Address,
    internal: Address,
    endpoint: Option<String>,
    names: Names,
    issuer: Arc<Issuer>,
    held: RwLock<Option<Arc<Held>>>,
    /// Whoever has it issues; the last failure lies in it.
    issuing: Arc<Mutex<Option<Failure>>>,
    client: OnceLock<Client>,
}

/// Credentials in use, and all that was made of them.
struct Held {
    signing: Arc<Signing>,
    /// Half of their life; `None`: they never end.
    renew_from: Option<Timestamp>,
}

struct Failure {
    at: Timestamp,
    why: CredentialsError,
}

impl Access {
    pub(crate) fn new(
        settings: &Settings,
        names: Names,
        issuer: Arc<Issuer>,
        source: &Source,
        from: Option<&Source>,
    ) -> Result<Self, CredentialsError> {
        let store = &source.store;
        let own = store.endpoint.as_deref();
        let endpoint = own.or(settings.endpoint.as_deref());
        let public = own.or(settings.public_endpoint.as_deref()).or(endpoint);
        Ok(Self {
            public: Address::of(public, store).ok_or(CredentialsError::Store)?,
            internal: Address::of(endpoint, store).ok_or(CredentialsError::Store)?,
            endpoint: endpoint.map(str::to_owned),
            source: source.clone(),
            from: from.cloned(),
            names,
            issuer,
            held: RwLock::default(),
            issuing: Arc::default(),
            client: OnceLock::new(),
        })
    }

    /// Whether it was made for these very places; a source that moved is another.
    pub(crate) fn is_of(&self, source: &Source, from: Option<&Source>) -> bool {
        let is_same = |one: &Source, other: &Source| one.store == other.store && one.prefix == other.prefix;
        let from_same = match (&self.from, from) {
            (Some(one), Some(other)) => is_same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        from_same && is_same(&self.source, source)
    }

    /// What signs at `now`. Nothing is awaited while credentials last: from half of their life on they are renewed behind the
    /// request, and the old ones serve until they can sign no more (SEMANTICS 7).
    ///
    /// # Errors
    /// [`CredentialsError`] where there are none, or none that last. A failure stands for a second, so that a crowd asks once.
    pub(crate) async fn signing(self: &Arc<Self>, now: Timestamp) -> Result<Arc<Signing>, CredentialsError> {
        if let Some((signing, due)) = self.in_use(now) {
            if due {
                self.renew_behind(now);
            }
            return Ok(signing);
        }
        let mut last = Box::pin(Arc::clone(&self.issuing).lock_owned()).await;
        // Whoever waited finds what the first one got.
        if let Some((signing, _due)) = self.in_use(now) {
            return Ok(signing);
        }
        if let Some(failure) = last.as_ref().filter(|failure| failure.is_within(now, FAILURE_SECS)) {
            return Err(failure.why.clone());
        }
        // Boxed: every request would carry room for it.
        Box::pin(self.issue(&mut last, now)).await
    }

    /// Renews in the background, one at a time, and not again right after a failure.
    fn renew_behind(self: &Arc<Self>, now: Timestamp) {
        let Ok(mut last) = Arc::clone(&self.issuing).try_lock_owned() else { return };
        let failed = last.as_ref().is_some_and(|failure| failure.is_within(now, RENEWAL_PAUSE_SECS));
        let renewed = self.held().is_some_and(|held| held.renew_from.is_none_or(|from| now < from));
        if failed || renewed {
            return;
        }
        let this = Arc::clone(self);
        // Detached: it ends by itself within the token service's time limits. A failure is logged where it happens and kept in `last`.
        drop(tokio::spawn(async move { this.issue(&mut last, now).await.map(drop) }));
    }

    /// Gets new credentials and puts them in use.
    async fn issue(&self, last: &mut OwnedMutexGuard<Option<Failure>>, now: Timestamp) -> Result<Arc<Signing>, CredentialsError> {
        let issued = self.issuer.issue(&self.source, self.from.as_ref()).await;
        let issued = issued.and_then(|credentials| if credentials.can_sign(now) { Ok(credentials) } else { Err(CredentialsError::Ended) });
        match issued {
            Ok(credentials) => {
                **last = None;
                let renew_from = half_life(&credentials, now);
                let signing = Arc::new(Signing::new(&self.source, self.public.clone(), self.internal.clone(), credentials));
                let held = Arc::new(Held { signing: Arc::clone(&signing), renew_from });
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
                Ok(signing)
            }
            Err(why) => {
                **last = Some(Failure { at: now, why: why.clone() });
                Err(why)
            }
        }
    }

    /// What signs now, while it can, and whether it is to be renewed.
    fn in_use(&self, now: Timestamp) -> Option<(Arc<Signing>, bool)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref().filter(|held| held.signing.credentials.can_sign(now))?;
        Some((Arc::clone(&held.signing), held.renew_from.is_some_and(|from| now >= from)))
    }

    fn held(&self) -> Option<Arc<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one client for this source's listings and copies. It signs with whatever credentials are in use.
    pub(crate) fn client(self: &Arc<Self>) -> &Client {
        self.client.get_or_init(|| {
            let store = &self.source.store;
            let backoff = Duration::from_millis(BACKOFF_MS);
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(Duration::from_millis(CONNECT_MS))
                .operation_attempt_timeout(Duration::from_millis(LIST_TRY_MS))
                .build();
            let mut config = aws_sdk_s3::Config::builder();
            config.set_endpoint_url(self.endpoint.clone());
            let config = config
                .behavior_version(BehaviorVersion::latest())
                .http_client(self.names.http_client())
                .region(Region::new(store.region.clone()))
                .force_path_style(self.internal.path != "/")
                .credentials_provider(InUse(Arc::downgrade(self)))
                .identity_cache(IdentityCache::no_cache())
                .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(backoff).with_max_backoff(backoff))
                .timeout_config(timeouts)
                .build();
            Client::from_conf(config)
        })
    }
}

impl Failure {
    fn is_within(&self, now: Timestamp, secs: i64) -> bool {
        now.as_second().saturating_sub(self.at.as_second()).unsigned_abs() < secs.unsigned_abs()
    }
}

/// When to renew: half-way to the end, give or take a twentieth of the life, so that many processes do not ask at once.
fn half_life(credentials: &Credentials, now: Timestamp) -> Option<Timestamp> {
    let life = credentials.until()?.as_second().saturating_sub(now.as_second());
    let spread = life.checked_div(10).filter(|spread| *spread > 0)?;
    let random = i64::try_from(RandomState::new().hash_one(0) >> 1).unwrap_or(0).checked_rem(spread)?;
    let wait = life.saturating_mul(9).checked_div(20)?.saturating_add(random);
    now.checked_add(SignedDuration::from_secs(wait)).ok()
}

/// The credentials in use, as the SDK asks for them.
#[derive(Debug)]
struct InUse(std::sync::Weak<Access>);

impl ProvideCredentials for InUse {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let held = self.0.upgrade().and_then(|access| access.held());
        future::ProvideCredentials::ready(in_use(held))
    }
}

fn in_use(held: Option<Arc<Held>>) -> provider::Result {
    held.map(|held| held.signing.credentials.for_sdk()).ok_or_else(|| NoCredentials::not_loaded("none in use"))
}

impl core::fmt::Debug for Access {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Access").field("source", &self.source.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_begins_about_half_way_and_never_for_what_never_ends() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for life in [60, 900, 3_600] {
            let credentials = Credentials::new("A", "s", None, Some(now + SignedDuration::from_secs(life)));
            for _try in 0..50 {
                let from = half_life(&credentials, now).unwrap().as_second() - now.as_second();
                assert!(from >= life * 9 / 20 && from <= life * 11 / 20, "{from} of {life}");
            }
        }
        assert_eq!(half_life(&Credentials::new("A", "s", None, None), now), None);
    }
}
