//! The accept loop under both servers: HTTP/1.1, bounded in connections, memory and time.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

/// How long a connection may stay without a whole request head: at its start, and idle between requests.
const HEAD_SECS: u64 = 30;
/// How long running requests may go on after a stop.
const STOP_SECS: u64 = 5;
/// How long a peer may take nothing of what is written to it.
const WRITE_PATIENCE_SECS: u64 = 5 * 60;
/// How many connections one listener serves at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16_384;
/// How many each listener may serve, however many the others have: a flood on one port closes no other.
const CONNECTIONS_LEAST: usize = 256;
/// The open files that are left for all that is no connection, before the rest is shared out.
const FILES_KEPT: u64 = 256;
/// The open files to ask for where the hard limit is none, or more than the system gives (`OPEN_MAX` of macOS).
const FILES_ASSUMED: u64 = 10_240;
/// The largest request head, and the most that a connection buffers.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a failed accept (out of file descriptors, as a rule), and for the connections of other listeners to end.
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// The connections of all listeners of this process: they share its open files.
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// Lets this process hold as many open files as its hard limit allows. Call it once, before anything listens.
///
/// What the system refuses stays as it was, with a line in the log.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let Some(soft) = limit.current else { return };
    let wanted = limit.maximum.into_iter().chain([FILES_ASSUMED]).filter(|files| *files > soft);
    for files in wanted {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: limit.maximum }) {
            Ok(()) => return,
            Err(why) => tracing::warn!(error = %why, files, "the limit of open files stays at {soft}"),
        }
    }
}

/// How many connections all listeners may serve under a soft limit of `open_files` (`None`: no limit): two thirds of what is not kept.
/// A connection that is busy needs more than its own descriptor, one that idles does not.
fn connections_of_all(open_files: Option<u64>) -> usize {
    let shared = open_files.unwrap_or(u64::MAX).saturating_sub(FILES_KEPT).saturating_mul(2) / 3;
    usize::try_from(shared).unwrap_or(usize::MAX)
}

/// Whether a listener with `own` connections must wait, when all listeners together have `all` and may have `all_max`.
fn is_full(own: usize, all: usize, all_max: usize) -> bool {
    own >= CONNECTIONS_MAX || (own >= CONNECTIONS_LEAST && all >= all_max)
}

/// One of [`CONNECTIONS`], until it is dropped.
struct Counted;

impl Counted {
    fn new() -> Self {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves `answer` on `listener` until `stop` ends; then running requests get 5 seconds.
///
/// A connection that idles for 30 seconds, or takes none of its bytes for 5 minutes, is ended. At 16,384 connections no more
/// are accepted until some end; sooner, but never below 256, when those of all listeners use up this process's open files.
///
/// Dropping the returned future ends every connection at once.
pub async fn run<A, F, B>(listener: TcpListener, answer: A, stop: impl Future<Output = ()> + Send)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    accept(listener, answer, stop, connections_of_all(getrlimit(Resource::Nofile).current)).await;
}

/// The loop of [`run`], with at most `all_max` connections of all listeners.
async fn accept<A, F, B>(listener: TcpListener, answer: A, stop: impl Future<Output = ()> + Send, all_max: usize)
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
        let is_full = is_full(connections.len(), CONNECTIONS.load(Ordering::Relaxed), all_max);
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => {}
            () = sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)), if is_full => {}
            accepted = listener.accept(), if !is_full => match accepted {
                Ok((stream, peer)) => {
                    let (counted, answer, closed) = (Counted::new(), answer.clone(), closed.clone());
                    connections.spawn(async move {
                        serve_connection(stream, peer, answer, closed, Duration::from_secs(WRITE_PATIENCE_SECS)).await;
                        drop(counted);
                    });
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
async fn serve_connection<A, F, B>(stream: TcpStream, peer: SocketAddr, answer: A, mut closed: watch::Receiver<bool>, patience: Duration)
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
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Who is at the other end of the connection, whatever a header says.
        request.extensions_mut().insert(peer);
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_SECS))
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Patient::new(stream, patience)), service),
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

/// A stream whose writes fail with `TimedOut` once the peer took nothing for `patience`. Reads are as they were.
struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    /// What a write that was tried answers: its own word, or the end of patience.
    fn judge(&mut self, tried: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if tried.is_ready() {
            self.waiting = None;
            return tried;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judge(tried, context)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.judge(tried, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use http_body_util::{Full, StreamBody};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn connections_leave_files_to_the_rest_of_the_process() {
        for (open_files, want) in [(Some(0), 0), (Some(1_024), 512), (Some(20_000), 13_162), (Some(1_048_576), 698_880)] {
            assert_eq!(connections_of_all(open_files), want, "{open_files:?}");
        }
        assert!(connections_of_all(None) > CONNECTIONS_MAX);
        for (own, all, want) in [(0, 512, false), (255, 9_999, false), (256, 511, false), (256, 512, true), (16_384, 0, true)] {
            assert_eq!(is_full(own, all, 512), want, "{own} of {all}");
        }
        assert!(!is_full(16_383, 16_383, 20_000) && is_full(16_384, 16_384, 20_000));
    }

    #[test]
    fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
        let Rlimit { current: Some(soft), maximum: Some(hard) } = getrlimit(Resource::Nofile) else { return };
        setrlimit(Resource::Nofile, Rlimit { current: Some(soft - 1), maximum: Some(hard) }).unwrap();
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: Some(hard), maximum: Some(hard) });
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile).current, Some(hard));
    }

    #[tokio::test]
    async fn a_full_listener_accepts_again_when_a_connection_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = |_request| async { Response::new(Full::new(Bytes::from_static(b"here"))) };
        let serving = tokio::spawn(accept(listener, answer, pending(), 0));
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_LEAST {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut got = [0; 1024];
        assert!(timeout(Duration::from_millis(300), next.read(&mut got)).await.is_err(), "one too many is served");
        drop(silent.pop());
        assert!(timeout(Duration::from_secs(20), next.read(&mut got)).await.unwrap().unwrap() > 0);
        assert!(got.starts_with(b"HTTP/1.1 200"));
        serving.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_when_nothing_is_taken_and_lives_as_long_as_something_is() {
        let (here, mut there) = tokio::io::duplex(8);
        let mut patient = Patient::new(here, Duration::from_secs(200));
        let reader = tokio::spawn(async move {
            for _ in 0..20 {
                sleep(Duration::from_secs(199)).await;
                there.read_exact(&mut [0; 8]).await.unwrap();
            }
            there
        });
        patient.write_all(&[7; 168]).await.unwrap();
        let there = reader.await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(patient.write_all(&[7; 1]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= Duration::from_secs(200) && began.elapsed() < Duration::from_secs(201), "{:?}", began.elapsed());
        drop(there);
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_loses_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stuck = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let answer = |_request| async {
            let piece = Bytes::from(vec![0; 65_536]);
            let endless = futures_util::stream::repeat_with(move || Ok::<_, io::Error>(http_body::Frame::data(piece.clone())));
            Response::new(StreamBody::new(endless))
        };
        stuck.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let (_closing, closed) = watch::channel(false);
        timeout(Duration::from_secs(20), serve_connection(stream, peer, answer, closed, Duration::from_millis(200))).await.unwrap();
        drop(stuck);
    }
}
