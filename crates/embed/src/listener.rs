//! The accept loop under both servers: HTTP/1.1, bounded in connections, memory and time.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a connection may stay without a whole request head: at its start, and idle between requests.
const HEAD_SECS: u64 = 30;
/// How long running requests may go on after a stop.
const STOP_SECS: u64 = 5;
/// How many connections are served at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16_384;
/// The largest request head, and the most that a connection buffers.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a failed accept (out of file descriptors, as a rule).
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// Serves `answer` on `listener` until `stop` ends; then running requests get 5 seconds.
///
/// Dropping the returned future ends every connection at once.
pub async fn run<A, F, B>(listener: TcpListener, answer: A, stop: impl Future<Output = ()> + Send)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut stop = pin!(stop);
    let mut connections = JoinSet::new();
    let (closing, closed) = watch::channel(false);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _peer)) => {
                    connections.spawn(serve_connection(stream, answer.clone(), closed.clone()));
                }
                Err(why) => {
                    tracing::debug!(error = %why, "a connection could not be accepted");
                    sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
                }
            },
        }
    }
    drop(listener);
    closing.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(Duration::from_secs(STOP_SECS), ended).await.is_err() {
        tracing::debug!("requests still running at the end of the stop were cut");
    }
    connections.shutdown().await;
}

/// One connection, from its first byte: a peer that never speaks costs no buffers.
async fn serve_connection<A, F, B>(stream: TcpStream, answer: A, mut closed: watch::Receiver<bool>)
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut first = [0_u8; 1];
    let spoke = tokio::select! {
        spoke = timeout(Duration::from_secs(HEAD_SECS), stream.peek(&mut first)) => spoke,
        () = stopped(&mut closed) => return,
    };
    if !matches!(spoke, Ok(Ok(1..))) || stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_SECS))
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service),
    );
    let served = tokio::select! {
        served = &mut connection => served,
        () = stopped(&mut closed) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = served {
        tracing::debug!(error = %why, "a connection ended early");
    }
}

/// Ends when the server is to stop, or is gone.
async fn stopped(closed: &mut watch::Receiver<bool>) {
    drop(closed.wait_for(|closed| *closed).await);
}
