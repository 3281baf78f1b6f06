//! The `DynamoDB` face: `dynoxide` behind its wire protocol, for whoever signs with the run's keys.
//!
//! `dynoxide` checks no credentials and its own server takes a bare listener, so a port of it would be open to every
//! process on the machine. Its operations are therefore called in process (`operations`), and this server verifies
//! the whole signature first (`signature`): the access key alone proves nothing, since signed URLs show it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dynoxide::Database;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Keys, listener};

mod operations;
mod signature;
mod tokens;

/// The largest request body, as `DynamoDB`'s own.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often items whose time has come are deleted.
const SWEEP_SECS: u64 = 60;

/// Why a store cannot be opened or served.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process, or another store in this one, has the file.
    #[error("`{}` is in use by another process", path.display())]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// The file or its lock cannot be made or opened.
    #[error("`{}` cannot be opened", path.display())]
    File {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's name is not UTF-8, which the database wants.
    #[error("`{}` is not UTF-8", path.display())]
    Name {
        /// The store's file.
        path: PathBuf,
    },
    /// The database refused to start.
    #[error("the database cannot start: {why}")]
    Database {
        /// What it said.
        why: String,
    },
}

/// Tables and items, in memory or in one file.
pub struct Store {
    database: Database,
    /// Held as long as the store is: one process a file.
    _lock: Option<File>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store that is gone when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn memory() -> Result<Self, StoreError> {
        let database = Database::memory().map_err(|why| StoreError::Database { why: why.to_string() })?;
        Ok(Self { database, _lock: None })
    }

    /// The store in the file at `path`, made with mode 0600 if there is none; its folder must exist.
    ///
    /// Every write is in the file's log and synced when it is answered. The file `PATH.lock` keeps a second process out.
    ///
    /// # Errors
    /// [`StoreError`]; `InUse` at once, without waiting.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::File { path: path.to_owned(), source };
        let name = path.to_str().ok_or_else(|| StoreError::Name { path: path.to_owned() })?;
        let private = |path: &str| OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let lock = private(&format!("{name}.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        drop(private(name).map_err(failed)?);
        let database = Database::new(name).map_err(|why| StoreError::Database { why: why.to_string() })?;
        Ok(Self { database, _lock: Some(lock) })
    }
}

/// Serves `store` to whoever signs with `keys`, until `stop` ends; running requests then get 5 seconds.
///
/// Items whose time to live has passed are deleted at the start and every minute.
/// When this returns the file is closed and free, unless a request outlived its 5 seconds.
///
/// # Errors
/// None at present: a store that opened can be served.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    keys: Keys,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StoreError> {
    let face = Arc::new(Face { database: store.database.clone(), tokens: Arc::default(), keys, answers: AtomicU64::new(1) });
    let answer = move |request: Request<Incoming>| {
        let face = Arc::clone(&face);
        async move { face.answer(request).await }
    };
    let swept = store.database.clone();
    tokio::select! {
        () = listener::run(listener, answer, stop) => {}
        () = sweep(swept) => {}
    }
    drop(store);
    Ok(())
}

/// Deletes what has expired, now and every minute; never ends.
async fn sweep(database: Database) {
    let mut minute = interval(Duration::from_secs(SWEEP_SECS));
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        minute.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "items past their time to live deleted"),
            Ok(Err(why)) => tracing::warn!(error = %why, "items past their time to live could not be deleted"),
            Err(ended) => tracing::warn!(error = %ended, "the sweep ended early"),
        }
    }
}

/// What a request meets.
struct Face {
    database: Database,
    tokens: Arc<tokens::Tokens>,
    keys: Keys,
    answers: AtomicU64,
}

impl Face {
    /// Answers one request: body, signature, operation.
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let named = signature::names(&parts.headers, &self.keys);
        let answered = match named {
            Err(refused) => Err(refused),
            Ok(claim) => match Limited::new(body, BODY_BYTES_MAX).collect().await {
                Err(_too_large) => Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "SerializationException", "")),
                Ok(body) => {
                    let body = body.to_bytes();
                    match claim.verify(&parts, &body, &self.keys, now()) {
                        Ok(()) => self.run(&parts, body).await,
                        Err(refused) => Err(refused),
                    }
                }
            },
        };
        let (status, json) = match answered {
            Ok(done) => done,
            Err(refused) => (refused.status, refused.json()),
        };
        let mut answer = Response::new(Full::new(json));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        if let Ok(id) = HeaderValue::from_str(&format!("{number:016X}")) {
            headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
        }
        answer
    }

    /// Runs the operation of a verified request, off the runtime's threads: a write waits for the disk.
    async fn run(&self, parts: &http::request::Parts, body: Bytes) -> Result<(StatusCode, Bytes), Refused> {
        let unknown = || Refused::new(StatusCode::BAD_REQUEST, "UnknownOperationException", "");
        if parts.method != Method::POST {
            return Err(unknown());
        }
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or("");
        let (_version, operation) = target.split_once('.').ok_or_else(unknown)?;
        let (operation, database, tokens) = (operation.to_owned(), self.database.clone(), Arc::clone(&self.tokens));
        match tokio::task::spawn_blocking(move || operations::run(&database, &tokens, &operation, &body)).await {
            Ok(Some(answered)) => Ok(answered),
            Ok(None) => Err(unknown()),
            Err(ended) => {
                tracing::warn!(error = %ended, "an operation ended early");
                Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", ""))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a server that checks signatures is an edge: it reads the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A refusal of this server's own, before any operation.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    kind: &'static str,
    message: &'static str,
}

impl Refused {
    fn new(status: StatusCode, kind: &'static str, message: &'static str) -> Self {
        Self { status, kind, message }
    }

    fn json(&self) -> Bytes {
        let body = serde_json::json!({
            "__type": format!("com.amazon.coral.service#{}", self.kind),
            "message": self.message,
        });
        Bytes::from(body.to_string())
    }
}
