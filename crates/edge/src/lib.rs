//! What every router shares: configuration, the caller, the raw path, problems, the access line, CORS, and the Lambda door.
//!
//! Not here: any rule (`domain`), any row (`table`), any signature (`objects`).

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

pub mod answering;
mod answers;
pub mod app_origin;
pub mod asked;
pub mod bytes;
pub mod caller;
pub mod cdn;
pub mod config;
pub mod cors;
pub mod credential;
pub mod cursor;
pub mod form;
pub mod invitations;
pub mod json;
pub mod lambda;
pub mod mailbox;
pub mod misses;
pub mod once;
mod paid;
pub mod pass;
pub mod password;
pub mod peer;
pub mod problem;
pub mod provider;
pub mod qr;
pub mod requests;
pub mod rounds;
pub mod secret;
pub mod shared;
pub mod sign_in;
pub mod target;
pub mod terms;
pub mod ticket;
pub mod trace;
pub mod unattended;
pub mod until;
pub mod zones;

use std::{convert::Infallible, sync::Arc};

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;
use objects::Objects;
use table::{Table, access::FactsCache};
use uuid::Uuid;

use crate::{bytes::BytesSent, config::Config, misses::Misses, problem::Problem, provider::Provider, requests::Requests, trace::LineSink};

/// What a handler works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The table.
    pub table: Table,
    /// Object storage.
    pub objects: Objects,
    /// The facts of links, bounded in age and size.
    pub facts: Arc<FactsCache>,
    /// Who was told too often that nothing is there.
    pub misses: Arc<Misses>,
    /// What links that bound it were asked for lately.
    pub requests: Arc<Requests>,
    /// What links with a budget of bytes gave, where all of them go by here.
    pub bytes: Option<Arc<BytesSent>>,
    /// The identity provider, where there is one.
    pub provider: Option<Provider>,
    /// Where access lines go.
    pub lines: LineSink,
    clock: Clock,
}

/// The app as one request has it: what is written through it says where it was done. So handlers of the app origin take `app: App`, and
/// never the state itself.
impl FromRequestParts<Self> for App {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Self) -> Result<Self, Infallible> {
        let net = peer::net_of(parts, &app.config.trusted_proxies);
        let source = app.config.address_key.as_ref().and_then(|key| key.source(net, app.now()));
        Ok(Self { table: app.table.acting_from(source), ..app.clone() })
    }
}

/// Where the time comes from: an argument, so that tests need not sleep.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's own.
    System,
    /// A test's: milliseconds since the epoch.
    At(Arc<std::sync::atomic::AtomicI64>),
}

impl App {
    /// An app over these parts.
    #[must_use]
    pub fn new(config: Config, table: Table, objects: Objects, lines: LineSink, clock: Clock) -> Self {
        let provider = config.provider.clone().map(|settings| Provider::new(settings, config.private_endpoints));
        Self {
            config: Arc::new(config),
            table,
            objects,
            facts: Arc::new(FactsCache::new()),
            misses: Arc::new(Misses::new()),
            requests: Arc::new(Requests::new()),
            bytes: None,
            provider,
            lines,
            clock,
        }
    }

    /// The instant of a request: a handler asks once and passes it on.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.clock {
            Clock::System => system_now(),
            Clock::At(millis) => Timestamp::from_millisecond(millis.load(std::sync::atomic::Ordering::SeqCst)).unwrap_or(Timestamp::MIN),
        }
    }

    /// Random bits of the machine's own generator.
    ///
    /// # Errors
    /// [`Problem`] 503 where there are none: nothing guessable is ever made instead.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Problem> {
        let mut bits = [0; N];
        getrandom::fill(&mut bits).map_err(|why| {
            tracing::error!(why = %why, "the machine has no random bits");
            Problem::unavailable("random", "no random bits can be had")
        })?;
        Ok(bits)
    }

    /// A new id that sorts by time (RFC 9562, version 7).
    ///
    /// # Errors
    /// As [`App::random`].
    pub fn new_uuid(&self, now: Timestamp) -> Result<Uuid, Problem> {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &self.random()?).into_uuid())
    }
}

/// The machine's time. The one place that reads its clock: whoever needs the time of a request asks the [`App`].
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
pub fn system_now() -> Timestamp {
    let now = Timestamp::now();
    // To the millisecond, as which it is kept: an answer says the same time now and when it is asked for again.
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
