//! The parts of one start: ports, folders, the embedded servers, the first user and the sources.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use axum::{Router, extract::Request, middleware::Next};
use domain::{
    dataset::Dataset,
    decision::{Action, Facts, Principal, Who, decide},
    grant::{Net, Zones},
    id::{DatasetId, SourceId},
    path::ObjectPath,
    policy::DeploymentPolicy,
    source::{Audience, Ceilings, Source, SourceName, State as ItemState, Store},
    token::TokenSecret,
};
use edge::{
    App, app_origin,
    bytes::BytesSent,
    cdn::Visitor,
    config::{Config, directory, networks, origins},
    problem::Problem,
    provider::ProviderSettings,
};
use embed::{Bucket, Keys, dynamodb, s3};
use http::StatusCode;
use jobs::Post;
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
};
use table::Table;
use tokio::{net::TcpListener, sync::watch};

use super::{Addresses, Service, Up, is_stopped};
use crate::{bootstrap, demo, state::State};

/// How long the embedded table may take to answer at the start.
const TABLE_PATIENCE: Duration = Duration::from_secs(10);

/// Where objects are when they are in folders.
const FOLDERS: &str = "folders of this machine";

/// The listeners of one start.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) app: TcpListener,
    pub(super) data: TcpListener,
    /// `None`: objects are elsewhere.
    pub(super) objects: Option<TcpListener>,
    /// `None`: the table is elsewhere. Always on loopback.
    pub(super) table: Option<TcpListener>,
}

impl Ports {
    /// Takes the ports that `up` names.
    pub(super) async fn bind(up: &Up) -> Result<Self> {
        let next = |steps: u16| if up.port == 0 { Some(0) } else { up.port.checked_add(steps) };
        let listen = async |address: IpAddr, port: Option<u16>, what: &str| {
            let port = port.context("the ports after --port do not exist; choose a lower one")?;
            TcpListener::bind(SocketAddr::new(address, port)).await.map_err(|why| match why.kind() {
                std::io::ErrorKind::AddrNotAvailable => anyhow!("{address} is no address of this machine: name one of its own with --bind"),
                _ => anyhow!("port {port} for {what} cannot be had ({why}); is Offprint running already? Choose another with --port"),
            })
        };
        Ok(Self {
            app: listen(up.bind, next(0), "the app").await?,
            data: listen(up.bind, next(1), "data").await?,
            objects: if up.s3_bucket.is_none() { Some(listen(up.bind, next(2), "objects").await?) } else { None },
            table: if up.table_endpoint.is_none() { Some(listen(IpAddr::from([127, 0, 0, 1]), Some(0), "the table").await?) } else { None },
        })
    }

    /// The addresses, as this process and as others see them.
    pub(super) fn addresses(&self, up: &Up) -> Result<Addresses> {
        let local = |listener: &TcpListener| {
            listener.local_addr().map(|address| format!("http://{}", reachable(address))).context("a port has no address")
        };
        let objects = match &self.objects {
            Some(listener) => Some(local(listener)?),
            None => up.s3_endpoint.clone(),
        };
        if self.objects.is_some() && up.objects_url.is_none() && up.data_url.as_ref().is_some_and(|url| url.starts_with("https://")) {
            bail!("name the outside address of objects with --objects-url: browsers follow no redirect from https to http");
        }
        // Whoever names only the data origin means the same host for objects.
        let beside_data = match (&up.data_url, &self.objects) {
            (Some(url), Some(listener)) => {
                let host = host_of(url);
                Some(format!("http://{host}:{}", listener.local_addr().context("a port has no address")?.port()))
            }
            _ => None,
        };
        Ok(Addresses {
            app_here: local(&self.app)?,
            app: up.app_url.clone().map_or_else(|| local(&self.app), Ok)?,
            data: up.data_url.clone().map_or_else(|| local(&self.data), Ok)?,
            objects_seen: up.objects_url.clone().or(beside_data).or_else(|| objects.clone()),
            objects,
            table: self.table.as_ref().map(local).transpose()?.or_else(|| up.table_endpoint.clone()),
        })
    }
}

/// An address that a client on this machine can use: the unspecified one is no destination.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(IpAddr::from([127, 0, 0, 1]), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(IpAddr::from(std::net::Ipv6Addr::LOCALHOST), address.port()),
        _ => address,
    }
}

/// The host of an origin, without its port.
fn host_of(origin: &str) -> &str {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The folders of this start: those of before and those named now; the demo where there are none, and where it is asked for.
pub(super) fn folders(up: &Up, state: &State) -> Result<BTreeMap<String, PathBuf>> {
    if up.s3_bucket.is_some() {
        return Ok(BTreeMap::new());
    }
    let mut folders = state.folders()?;
    for folder in &up.data {
        let dir = folder.dir.canonicalize().with_context(|| format!("the folder {} cannot be opened", folder.dir.display()))?;
        if let Some(before) = folders.get(&folder.name).filter(|before| **before != dir && !up.moved) {
            let (name, before, now) = (&folder.name, before.display(), dir.display());
            bail!(
                "{name} was {before} at an earlier start, and its links would open the files of {now}: take another name, or say --moved"
            );
        }
        folders.insert(folder.name.clone(), dir);
    }
    let demo_is_wanted = folders.is_empty() || (up.demo && !folders.contains_key("demo"));
    if demo_is_wanted || folders.get("demo") == Some(&state.demo()) {
        demo::write(&state.demo()).context("the demo data cannot be made")?;
        folders.insert("demo".to_owned(), state.demo());
    }
    if let Some(name) = up.writable.iter().find(|name| !folders.contains_key(*name)) {
        bail!("--writable {name} names no folder: it is one of {}", folders.keys().cloned().collect::<Vec<_>>().join(", "));
    }
    for (name, dir) in &folders {
        // Serving without it would answer 404 for its objects, which readers take for empty space.
        if !dir.is_dir() {
            bail!(
                "the folder {} of source {name} is not there: mount it, or say where it is now with --moved --data {name}=DIR",
                dir.display()
            );
        }
    }
    Ok(folders)
}

/// Where the objects of sources without an endpoint of their own are: in folders of this machine, or in another store. Its links would open
/// what lies in the one as if it were what they were made for in the other, so a store that is another than before must be said.
pub(super) fn store(up: &Up, state: &State) -> Result<String> {
    let now = match (&up.s3_bucket, &up.s3_endpoint) {
        (None, _) => FOLDERS,
        (Some(_), Some(endpoint)) => endpoint,
        (Some(_), None) => "AWS",
    };
    let before = match state.store()? {
        // A state of before this was remembered.
        None if !state.folders()?.is_empty() => Some(FOLDERS.to_owned()),
        before => before,
    };
    match before {
        Some(before) if before != now && !up.moved => bail!(
            "objects were in {before} at an earlier start, and its links would open what is in {now}: take another folder with --state, or say --moved"
        ),
        _ => Ok(now.to_owned()),
    }
}

/// Remembers for the next start what this one serves.
pub(super) fn keep(up: &Up, state: &State, store: &str, folders: &BTreeMap<String, PathBuf>) -> Result<()> {
    if up.s3_bucket.is_none() {
        state.keep_folders(folders)?;
    }
    state.keep_store(store)
}

/// A random key pair for the embedded servers of one start.
pub(super) fn random_keys() -> Result<Keys> {
    let mut bits = [0; 40];
    getrandom::fill(&mut bits).context("no random bits can be had")?;
    let text = data_encoding::BASE32_NOPAD.encode(&bits);
    let (id, secret) = text.split_at(16);
    Ok(Keys { access_key_id: format!("AKIA{id}"), secret_access_key: secret.to_owned() })
}

/// The embedded servers that this start needs.
pub(super) fn embedded(
    up: &Up,
    state: &State,
    [objects, table]: [Option<TcpListener>; 2],
    folders: &BTreeMap<String, PathBuf>,
    keys: &Keys,
    bytes: &Arc<BytesSent>,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<Service>> {
    let mut services: Vec<Service> = Vec::new();
    if let Some(listener) = objects {
        let buckets = folders
            .iter()
            .map(|(name, root)| Bucket { name: name.clone(), root: root.clone(), writable: up.writable.contains(name) })
            .collect();
        let (bytes, stop) = (Arc::clone(bytes), is_stopped(stopped.clone()));
        let service = s3::Service::new(buckets, keys.clone())?.metered(Arc::new(move |query| bytes.counter(query)));
        services.push(Box::pin(async move {
            s3::run(listener, service, stop).await;
            Ok(())
        }));
    }
    if let Some(listener) = table {
        let store = dynamodb::Store::open(&state.table_file())
            .with_context(|| format!("the table in {} cannot be opened; is Offprint running already?", up.state.display()))?;
        let (keys, stop) = (keys.clone(), is_stopped(stopped.clone()));
        services.push(Box::pin(async move { dynamodb::serve(listener, store, keys, stop).await.context("the table ended") }));
    }
    Ok(services)
}

/// The table's adapter.
pub(super) fn table(up: &Up, addresses: &Addresses, keys: &Keys) -> Result<Table> {
    let own = up
        .table_endpoint
        .is_none()
        .then(|| aws_credential_types::Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "offprint"));
    let settings =
        Table::settings(addresses.table.clone(), &up.region, own).context("the table needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")?;
    Ok(Table::new(settings, &up.table))
}

/// Makes the table where it is not there, and waits until it answers.
pub(super) async fn until_table_answers(table: &Table) -> Result<()> {
    let began = std::time::Instant::now();
    loop {
        match table.create().await {
            Ok(()) => return Ok(()),
            Err(why) if began.elapsed() > TABLE_PATIENCE => return Err(why).context("the table does not answer"),
            Err(_not_yet) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The adapter of object storage.
pub(super) fn objects(up: &Up, addresses: &Addresses, keys: &Keys) -> Result<Objects> {
    let signer = if up.s3_bucket.is_none() {
        Signer::Static(Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None))
    } else {
        Signer::Environment
    };
    let settings = Settings {
        endpoint: addresses.objects.clone(),
        public_endpoint: addresses.objects_seen.clone(),
        private_endpoints: true,
        signer,
        sts_endpoint: std::env::var("AWS_ENDPOINT_URL_STS").ok(),
    };
    Objects::new(settings).context("object storage cannot be reached")
}

/// The settings of the local deployment.
pub(super) fn config(up: &Up, state: &State, addresses: &Addresses) -> Result<Config> {
    let provider = |name: &str| match name {
        "OFFPRINT_OIDC_ISSUER" => up.oidc_issuer.clone(),
        "OFFPRINT_OIDC_AUDIENCE" => up.oidc_audience.clone(),
        "OFFPRINT_OIDC_ALGORITHMS" => Some(up.oidc_algorithms.clone()),
        "OFFPRINT_OIDC_TYPES" => Some(up.oidc_types.clone()),
        "OFFPRINT_OIDC_KEYS_URL" => up.oidc_keys_url.clone(),
        "OFFPRINT_OIDC_CLIENT_ID" => up.oidc_client_id.clone(),
        "OFFPRINT_OIDC_CLIENT_SECRET" => {
            std::env::var(name).ok().map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty())
        }
        "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some(up.oidc_vouches_for_email.to_string()),
        "OFFPRINT_OIDC_GROUPS_CLAIM" => up.oidc_groups_claim.clone(),
        _ => None,
    };
    Ok(Config {
        table: up.table.clone(),
        app_url: Some(addresses.app.clone()),
        data_url: Some(addresses.data.clone()),
        private_endpoints: true,
        // Pages ask the API over loopback, and prove by a secret of this start whose request it is.
        cdn_secret: Some(random_keys()?.secret_access_key),
        links_url: Some(addresses.app_here.clone()),
        acl_url: Some(addresses.app_here.clone()),
        address_key: Some(state.address_key()?),
        provider: ProviderSettings::read(provider)?,
        viewer_origins: origins(up.viewer_origins.as_deref(), "--viewer-origins")?,
        directory: directory((up.directory.as_deref(), "--directory"), (up.directory_since.as_deref(), "--directory-since"))?,
        trusted_proxies: networks(up.trusted_proxies.as_deref(), "--trusted-proxies")?,
        ..Config::default()
    })
}

/// Where mails go: to the server that `up` names, or into the state folder.
pub(super) fn post(up: &Up, state: &State) -> Result<Post> {
    let from = up.mail_from.as_deref().unwrap_or("Offprint <offprint@localhost>");
    let Some(server) = &up.mail_server else { return Ok(Post::folder(state.mails(), from)?) };
    let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    Ok(Post::server(server, from, set("OFFPRINT_MAIL_USER").zip(set("OFFPRINT_MAIL_PASSWORD")))?)
}

/// Why the first user may not administer, in words.
pub(super) type OutOfOffice = String;

/// The first user, named administrator, and a token: made at the first start, read from the state folder later. Whoever took the office from the
/// first user did so for a reason: what was shared goes on, and nothing is administered by this start.
pub(super) async fn founder(app: &App, state: &State) -> Result<Result<TokenSecret, OutOfOffice>> {
    if let Some(id) = app.table.founder().await?
        && let Some(user) = app.table.user(id).await?
        && let Some(why) = bootstrap::out_of_office(&user)
    {
        return Ok(Err(why));
    }
    let kept = state.token()?;
    if let Some(secret) = &kept
        && let Some((_, token)) = app.table.bearer(secret.hash()).await?
        && token.is_live(app.now())
    {
        return Ok(Ok(secret.clone()));
    }
    let secret = bootstrap::random_token()?;
    // The file comes first: a crash between the two leaves a token that opens nothing, and the next start makes another.
    state.keep_token(&secret)?;
    let name = std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "administrator".to_owned());
    bootstrap::found(&app.table, &secret, &name, app.now()).await?;
    Ok(Ok(secret))
}

/// Registers what this start serves, where it is not registered yet; and says of each folder whether copies may be made into it.
pub(super) async fn sources(
    up: &Up,
    app: &App,
    office: &Result<TokenSecret, OutOfOffice>,
    folders: &BTreeMap<String, PathBuf>,
) -> Result<()> {
    let elsewhere = up.s3_bucket.iter().map(|bucket| (bucket.replace('.', "-"), bucket.clone()));
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (name, bucket) in folders.keys().map(|name| (name.clone(), name.clone())).chain(elsewhere) {
        let is_writable = up.writable.contains(&bucket);
        let name = SourceName::parse(&name)?;
        match app.table.source_named(&name).await? {
            None => new.push((name, bucket, is_writable)),
            // Of another store whoever administers it says so.
            Some(there) if there.writable != is_writable && folders.contains_key(&bucket) => changed.push(there),
            Some(_as_it_is) => {}
        }
    }
    if new.is_empty() && changed.is_empty() {
        return Ok(());
    }
    let registers = new.first().map(|(name, ..)| ("register", name));
    let needed = registers.or_else(|| changed.iter().find(|there| !there.writable).map(|there| ("change", &there.name)));
    let token = match (office, needed) {
        (Ok(token), _) => token,
        (Err(why), Some((verb, name))) => bail!("{why}, and so cannot {verb} {}: say --reinstate, or leave it out", name.as_str()),
        // A folder that is not marked is not written into, whatever is said of its source.
        (Err(_), None) => return Ok(()),
    };
    let now = app.now();
    let (user, token) = app.table.bearer(token.hash()).await?.context("the administrator's token is not known")?;
    let owner = user.id;
    let principal = Principal { who: Who::Token { user: Arc::new(user), token: Arc::new(token) }, net: Net::Unknown };
    let permit = decide(&principal, Action::Administer, &Facts::Deployment, now)?;
    for before in changed {
        let after = Source { writable: !before.writable, ..before.clone() };
        app.table
            .edit_source(&permit, &before, &after, Some("offprint up"), None, now)
            .await
            .with_context(|| format!("the source {} cannot be changed", before.name.as_str()))?;
    }
    for (name, bucket, writable) in new {
        let id = || app.new_uuid(now).map_err(|_why| anyhow::anyhow!("no random bits can be had"));
        let (source, root) = (SourceId::new(id()?), DatasetId::new(id()?));
        let path_style = up.s3_bucket.is_none() || up.s3_endpoint.is_some();
        let store = Store { bucket, region: up.region.clone(), endpoint: None, path_style, role: None, requester_pays: false };
        let ceilings = Ceilings { audience: Audience::Link, link_days_max: None, zones: Zones::default(), hard_zones: false, terms: None };
        let source = Source {
            id: source,
            name,
            store,
            prefix: ObjectPath::default(),
            ceilings,
            policy: DeploymentPolicy::NONE,
            writable,
            serving: true,
            state: ItemState::Active,
            root,
            version: 1,
        };
        let root = Dataset::root(root, source.id, owner, now);
        app.table
            .register_source(&permit, &source, &root, None, now)
            .await
            .with_context(|| format!("the source {} cannot be registered", source.name.as_str()))?;
    }
    Ok(())
}

/// Takes requests to the app only under names that are its own: a page elsewhere that points its own name at this machine gets nothing.
pub(super) fn guard_host(router: Router, app: App, addresses: &Addresses, up: &Up) -> Router {
    let own = host_of(up.app_url.as_deref().unwrap_or(&addresses.app)).to_owned();
    router.layer(axum::middleware::from_fn(move |mut request: Request, next: Next| {
        let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok()).map(|host| host_of(host).to_owned());
        let admitted =
            host.is_some_and(|host| host == own || host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok());
        // What the pages of this process ask the API is a visitor's request, not theirs.
        let visitor = app.config.cdn_secret.as_ref().and_then(|secret| Visitor::of(request.headers(), secret));
        if let Some(visitor) = visitor {
            visitor.place(request.extensions_mut());
        }
        let app = app.clone();
        async move {
            if admitted {
                return next.run(request).await;
            }
            let why = Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", "this is not the app's name");
            app_origin::refuse(&app, request, why.hint("start with --app-url to name it"))
        }
    }))
}
