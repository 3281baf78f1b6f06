//! `offprint up`: everything on one machine, from the same handlers that run on Lambda.
//!
//! Folders are served in place, and nothing in them is ever changed; copies of datasets are made into those that `--writable` names. What Offprint itself keeps lies in the state folder.

mod parts;
mod people;
mod welcome;

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use axum::response::Response;
use clap::Args;
use copies::Copies;
use domain::{
    limits::{BYTES_NOTED_SECS, COPIES_LOOKED_FOR_SECS, NOTICES_LOOKED_FOR_SECS},
    source::is_origin,
};
use edge::{App, bytes::BytesSent};
use http::Request;
use hyper::body::Incoming;
use jobs::Jobs;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{bootstrap, state::State};

/// Starts Offprint on this machine: the app, the data origin, object storage and the table.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command by its own name")]
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  offprint up --data lab=/data/microscopy\n\nWithout --data it makes a small demo dataset and a link to it."
)]
pub struct Up {
    /// A folder to serve in place, read-only unless --writable names it, under a name; may be given again. A later start remembers it.
    #[arg(long, value_name = "NAME=DIR", value_parser = read_folder)]
    pub data: Vec<Folder>,
    /// A folder, by its name, that copies of datasets may be made into; may be given again. Nothing that is there is changed. Each start says it anew.
    #[arg(long, value_name = "NAME", conflicts_with = "s3_bucket")]
    pub writable: Vec<String>,
    /// A folder named now, or the store, is another than at an earlier start; the links follow it.
    #[arg(long)]
    pub moved: bool,
    /// Where Offprint keeps what it must remember: links, tokens, the secret.
    #[arg(long, value_name = "DIR", env = "OFFPRINT_STATE", default_value = ".offprint")]
    pub state: PathBuf,
    /// The app's port; the data origin takes the next one, objects the one after. 0: any that are free.
    #[arg(long, value_name = "N", default_value_t = 7373)]
    pub port: u16,
    /// The address to listen on. Anything but loopback opens this machine's links to its network.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The app origin as others see it.
    #[arg(long, value_name = "URL", value_parser = read_origin)]
    pub app_url: Option<String>,
    /// The data origin as others see it: what links begin with.
    #[arg(long, value_name = "URL", value_parser = read_origin)]
    pub data_url: Option<String>,
    /// The object storage as others see it: where redirects lead.
    #[arg(long, value_name = "URL", value_parser = read_origin)]
    pub objects_url: Option<String>,
    /// An S3 endpoint to share from instead of folders (Ceph, MinIO, AWS); keys come from the AWS_* environment.
    #[arg(long, value_name = "URL", value_parser = read_origin, requires = "s3_bucket", conflicts_with = "data")]
    pub s3_endpoint: Option<String>,
    /// The bucket there; without --s3-endpoint it is one on AWS.
    #[arg(long, value_name = "BUCKET")]
    pub s3_bucket: Option<String>,
    /// The bucket's region.
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1")]
    pub region: String,
    /// A DynamoDB endpoint to keep the table in instead of the state folder.
    #[arg(long, value_name = "URL", value_parser = read_origin)]
    pub table_endpoint: Option<String>,
    /// The table's name there.
    #[arg(long, value_name = "NAME", default_value = "offprint")]
    pub table: String,
    /// An OpenID Connect provider whose people may sign in; its address as its tokens have it.
    #[arg(long, value_name = "URL", requires = "oidc_audience")]
    pub oidc_issuer: Option<String>,
    /// Whom the provider's tokens must be meant for: this deployment, as the provider knows it.
    #[arg(long, value_name = "TEXT", requires = "oidc_issuer")]
    pub oidc_audience: Option<String>,
    /// How its tokens are signed, with commas between: as its discovery document names it.
    #[arg(long, value_name = "WORDS", default_value = "RS256", requires = "oidc_issuer")]
    pub oidc_algorithms: String,
    /// What typ of its tokens may say, with commas between; absent for a provider that leaves it out.
    #[arg(long, value_name = "WORDS", default_value = "at+jwt,JWT", requires = "oidc_issuer")]
    pub oidc_types: String,
    /// Where its keys are; without it its discovery document says so.
    #[arg(long, value_name = "URL", requires = "oidc_issuer")]
    pub oidc_keys_url: Option<String>,
    /// As whom the provider knows this app: browsers are sent there to sign in, and come back to APP/sign-in/callback. The client's secret, if
    /// it has one, is read from the environment.
    #[arg(long, value_name = "TEXT", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// The pages that people may let read their data (Neuroglancer's middleauth), as origins with commas between.
    #[arg(long, value_name = "URLS", env = "OFFPRINT_VIEWER_ORIGINS")]
    pub viewer_origins: Option<String>,
    /// Whether people are asked before somebody shares with them whom they are not connected with: open for no, connections for yes.
    #[arg(long, value_name = "WORD", env = "OFFPRINT_DIRECTORY")]
    pub directory: Option<String>,
    /// Since when they are, such as 2027-01-01T00:00:00Z: what people shared before shows so.
    #[arg(long, value_name = "INSTANT", env = "OFFPRINT_DIRECTORY_SINCE", requires = "directory")]
    pub directory_since: Option<String>,
    /// Let the first user act and administer again, where another administrator took that away.
    #[arg(long)]
    pub reinstate: bool,
    /// The demo dataset beside your own folders, and three people to show it to, each with a code to sign in with.
    #[arg(long, conflicts_with = "s3_bucket")]
    pub demo: bool,
    /// The claim of its tokens that lists a person's groups, such as groups.
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    pub oidc_groups_claim: Option<String>,
    /// Believe it that the e-mail addresses which it says it verified are their people's: invitations by address need it.
    #[arg(long, requires = "oidc_issuer")]
    pub oidc_vouches_for_email: bool,
    /// The proxies before this machine whose X-Forwarded-For is believed, such as 10.0.0.0/8, with commas between.
    #[arg(long, value_name = "NET", env = "OFFPRINT_TRUSTED_PROXIES")]
    pub trusted_proxies: Option<String>,
    /// The server that mails are handed to: `smtps://HOST` for TLS, `smtp://HOST:587` for STARTTLS. `OFFPRINT_MAIL_USER` and
    /// `OFFPRINT_MAIL_PASSWORD` in the environment sign in there. Without a server, mails are put into the state folder.
    #[arg(long, value_name = "URL", env = "OFFPRINT_MAIL_SERVER", requires = "mail_from")]
    pub mail_server: Option<jobs::MailServer>,
    /// Whom mails are from, such as 'Offprint <offprint@lab.example>'.
    #[arg(long, value_name = "ADDRESS", env = "OFFPRINT_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Writes one JSON object here once everything answers.
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// A folder and the name of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The source's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
}

fn read_folder(text: &str) -> Result<Folder, String> {
    let (name, dir) = text.split_once('=').ok_or("write NAME=DIR, such as lab=/data/microscopy")?;
    let name = domain::source::SourceName::parse(name).map_err(|why| why.to_string())?;
    if name.as_str().len() < 3 {
        return Err("a name has at least 3 characters, as bucket names have".to_owned());
    }
    Ok(Folder { name: name.as_str().to_owned(), dir: PathBuf::from(dir) })
}

fn read_origin(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    if is_origin(url) { Ok(url.to_owned()) } else { Err("write an origin, such as https://data.example.org".to_owned()) }
}

/// The addresses of one start.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The app as others see it.
    pub(crate) app: String,
    /// The app as this process reaches it.
    pub(crate) app_here: String,
    /// The data origin as others see it.
    pub(crate) data: String,
    /// Objects as this process reaches them; `None`: AWS by region.
    pub(crate) objects: Option<String>,
    /// Objects as others see them.
    pub(crate) objects_seen: Option<String>,
    /// The table as this process reaches it; `None`: AWS by region.
    pub(crate) table: Option<String>,
}

/// What runs until the stop.
type Service = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// What could not be started, in a sentence that says what to do.
pub async fn run(up: Up) -> Result<()> {
    log();
    embed::listener::raise_open_files();
    let state = State::open(&up.state, up.data.iter().map(|folder| folder.dir.as_path()))?;
    let (stop, stopped) = watch::channel(false);
    let mut services = JoinSet::new();

    let ports = parts::Ports::bind(&up).await?;
    let addresses = ports.addresses(&up)?;
    let store = parts::store(&up, &state)?;
    let folders = parts::folders(&up, &state)?;
    let keys = parts::random_keys()?;
    let bytes = Arc::new(BytesSent::read(&state.bytes_sent()?));
    for service in parts::embedded(&up, &state, [ports.objects, ports.table], &folders, &keys, &bytes, &stopped)? {
        services.spawn(service);
    }
    // Not before the table is this start's own: one that fails changes nothing of what the next one serves.
    parts::keep(&up, &state, &store, &folders)?;

    let table = parts::table(&up, &addresses, &keys)?;
    parts::until_table_answers(&table).await?;
    let objects = parts::objects(&up, &addresses, &keys)?;
    let lines = state.access_lines()?;
    let mut app = App::new(parts::config(&up, &state, &addresses)?, table, objects, lines.clone(), edge::Clock::System);
    // What another store sends nobody sees here.
    app.bytes = up.s3_bucket.is_none().then_some(bytes);
    if up.reinstate {
        bootstrap::reinstate(&app.table, app.now()).await?;
    }
    let office = parts::founder(&app, &state).await?;
    parts::sources(&up, &app, &office, &folders).await?;

    let secret = Arc::new(OnceLock::from(state.secret()?));
    let app_router = parts::guard_host(
        links::router(app.clone(), secret).merge(acl::router(app.clone())).merge(pages::router(app.clone())),
        app.clone(),
        &addresses,
        &up,
    );
    services.spawn(serve_origin(ports.app, app_router, stopped.clone()));
    if let Some(bytes) = &app.bytes {
        services.spawn(noted(Arc::clone(bytes), app.clone(), state.clone(), stopped.clone()));
    }
    services.spawn(copied(Copies::new(app.clone()), stopped.clone()));
    services.spawn(told(Jobs::new(app.clone(), parts::post(&up, &state)?), stopped.clone()));
    services.spawn(serve_origin(ports.data, serve::DataOrigin::new(app.clone()), stopped.clone()));
    services.spawn(flushed(lines.clone(), state.clone(), stopped.clone()));

    let (ready, codes) = match &office {
        Ok(token) => (welcome::first_link(&up, &state, &addresses, token).await?, people::codes(&up, &addresses, token).await?),
        Err(why) => (welcome::without_office(&app, &state, &addresses, why).await?, Vec::new()),
    };
    welcome::write_ready(&up, &state, &ready)?;
    welcome::print(&up, &ready, &codes)?;

    let ended = until_stop(&mut services).await;
    stop.send_replace(true);
    while let Some(service) = services.join_next().await {
        service.context("a part did not end cleanly")??;
    }
    lines.flush();
    state.forget_ready(up.ready_file.as_deref());
    ended
}

/// The log, on stderr: warnings, or what `OFFPRINT_LOG` asks for. The S3 server's own log is off, whatever is asked: it writes whole
/// requests, signed URLs included. Of the SDKs and the table's server only what holds no item is written.
fn log() {
    let asked = std::env::var("OFFPRINT_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter =
        tracing_subscriber::EnvFilter::try_new(format!("{asked},s3s=off,aws=info,dynoxide=info")).unwrap_or_else(|_| "warn,s3s=off".into());
    if tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init().is_err() {
        tracing::debug!("a log subscriber was there already");
    }
}

/// One of the two origins.
fn serve_origin<S>(listener: TcpListener, origin: S, stopped: watch::Receiver<bool>) -> Service
where
    S: tower::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
{
    Box::pin(async move {
        let answer = move |request| {
            let mut origin = origin.clone();
            async move {
                match origin.call(request).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                }
            }
        };
        embed::listener::run(listener, answer, is_stopped(stopped)).await;
        Ok(())
    })
}

/// Writes the access lines out every second.
fn flushed(lines: edge::trace::LineSink, state: State, stopped: watch::Receiver<bool>) -> Service {
    Box::pin(async move {
        let mut stop = std::pin::pin!(is_stopped(stopped));
        while tokio::time::timeout(Duration::from_secs(1), &mut stop).await.is_err() {
            if let Err(why) = state.flush_access_lines(&lines) {
                tracing::warn!(why = %why, "the access log grows on");
            }
        }
        Ok(())
    })
}

/// Tells people what others did, every two seconds. What is under way at the end goes on when it is due again, at the next start.
fn told(jobs: Jobs, stopped: watch::Receiver<bool>) -> Service {
    Box::pin(async move {
        let mut stop = std::pin::pin!(is_stopped(stopped));
        while tokio::time::timeout(Duration::from_secs(NOTICES_LOOKED_FOR_SECS), &mut stop).await.is_err() {
            let round = tokio::select! {
                round = Box::pin(jobs.round()) => round,
                () = &mut stop => return Ok(()),
            };
            if let Err(why) = round {
                tracing::warn!(why = %why, "what waits to be told could not be looked for");
            }
        }
        Ok(())
    })
}

/// Goes on with copies of datasets. What is under way at the end goes on when it is due again, at the next start.
fn copied(copies: Copies, stopped: watch::Receiver<bool>) -> Service {
    Box::pin(async move {
        let mut stop = std::pin::pin!(is_stopped(stopped));
        let mut wait = Duration::ZERO;
        while tokio::time::timeout(wait, &mut stop).await.is_err() {
            let round = tokio::select! {
                round = Box::pin(copies.round()) => round,
                () = &mut stop => return Ok(()),
            };
            // As long as there is something to do nobody waits.
            let is_idle =
                round.inspect_err(|why| tracing::warn!(why = %why, "the copies that are due could not be looked for")).unwrap_or(0) == 0;
            wait = if is_idle { Duration::from_secs(COPIES_LOOKED_FOR_SECS) } else { Duration::ZERO };
        }
        Ok(())
    })
}

/// Notes on links what they gave too much, and keeps what all of them gave, every two seconds and at the end.
fn noted(bytes: Arc<BytesSent>, app: App, state: State, stopped: watch::Receiver<bool>) -> Service {
    Box::pin(async move {
        let (mut stop, mut kept) = (std::pin::pin!(is_stopped(stopped)), bytes.kept());
        loop {
            let goes_on = tokio::time::timeout(Duration::from_secs(BYTES_NOTED_SECS), &mut stop).await.is_err();
            // At the end the table may be gone already.
            if goes_on {
                bytes.note(&app.table, app.now()).await;
            }
            let now = bytes.kept();
            if now != kept {
                // A full disk stops nobody from reading; what is lost is what a restart would have remembered.
                if let Err(why) = state.keep_bytes_sent(&now) {
                    tracing::warn!(why = %why, "what links gave could not be kept");
                }
                kept = now;
            }
            if !goes_on {
                return Ok(());
            }
        }
    })
}

/// Ends when the stop is called, or its caller is gone.
pub(crate) async fn is_stopped(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Waits for Ctrl-C or SIGTERM; a part that ends before that is an error.
async fn until_stop(services: &mut JoinSet<Result<()>>) -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("signals cannot be had")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("signals cannot be had"),
        _terminated = terminate.recv() => Ok(()),
        ended = services.join_next() => match ended {
            Some(Ok(Ok(()))) | None => bail!("a part of Offprint ended by itself"),
            Some(Ok(Err(why))) => Err(why),
            Some(Err(why)) => Err(why).context("a part of Offprint ended by itself"),
        },
    }
}
