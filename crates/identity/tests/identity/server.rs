//! An issuer's web server on loopback, which answers as it is told and counts what it is asked.

use core::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
};

use crate::signer::Signer;

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// 200 with this body.
    Body(Bytes),
    /// This status, and the way to elsewhere.
    Redirect(StatusCode, String),
    Status(StatusCode),
    /// The connection ends without an answer.
    HangUp,
    /// A head, and no body ever.
    HeadOnly,
}

pub(crate) struct Server {
    pub(crate) origin: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    /// Told when a request has come.
    asked: Notify,
    /// Answers are given while there are permits.
    gate: Semaphore,
}

impl Server {
    pub(crate) async fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared { answer: Mutex::new(answer), fetches: AtomicUsize::new(0), asked: Notify::new(), gate });
        let serving = Arc::clone(&shared);
        drop(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&serving);
                let service = service_fn(move |request| answered(Arc::clone(&shared), request));
                drop(tokio::spawn(async move {
                    let _may_be_broken = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                }));
            }
        }));
        Self { origin, shared }
    }

    /// A server of these public keys.
    pub(crate) async fn of(signers: &[&Signer]) -> Self {
        Self::new(key_set(signers)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/keys", self.origin)
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// Requests so far, whatever they asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// No request is answered until `open`.
    pub(crate) fn close(&self) {
        self.shared.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn open(&self) {
        self.shared.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    /// Waits for the next request to come in.
    pub(crate) async fn asked(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.shared.asked.notified()).await.expect("a request comes");
    }
}

pub(crate) fn key_set(signers: &[&Signer]) -> Answer {
    keys(&signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>())
}

pub(crate) fn keys(keys: &[Value]) -> Answer {
    Answer::Body(json!({ "keys": keys }).to_string().into())
}

async fn answered(shared: Arc<Shared>, _request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, std::io::Error> {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    shared.asked.notify_one();
    let _passed = shared.gate.acquire().await.unwrap();
    let answer = shared.answer.lock().unwrap().clone();
    let builder = Response::builder();
    Ok(match answer {
        Answer::Body(body) => builder.body(Full::new(body).boxed()),
        Answer::Redirect(status, to) => builder.status(status).header(header::LOCATION, to).body(Full::default().boxed()),
        Answer::Status(status) => builder.status(status).body(Full::default().boxed()),
        Answer::HangUp => return Err(std::io::ErrorKind::ConnectionAborted.into()),
        Answer::HeadOnly => builder.body(Silence.boxed()),
    }
    .unwrap())
}

/// A body of which nothing ever comes.
struct Silence;

impl Body for Silence {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
