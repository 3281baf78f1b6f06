//! The two origins in this process, over the embedded parts, with a clock that tests set and faults that tests ask for.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, body::Body, response::Response};
use domain::{address::AddressKey, connection::Directory, key::DeploymentSecret};
use edge::{App, Clock, config::Config, lambda, provider::ProviderSettings, trace::LineSink};
use embed::Keys;
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use lambda_http::{Context, LambdaEvent};
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
};
use serde_json::{Value, json};
use serve::DataOrigin;
use table::{Table, audit::AuditEntry};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};

use crate::{
    function_url::{DOMAIN, event},
    world::{Door, embedded_s3, embedded_table, founded},
};

/// The data origin of the app under test.
pub const DATA: &str = "http://data.test";

/// The origins and what they stand on.
pub struct TestApp {
    /// What the handlers work with.
    pub app: App,
    /// Milliseconds since the epoch: what the handlers take for now.
    pub clock: Arc<AtomicI64>,
    /// The owner's and administrator's token.
    pub token: String,
    /// The table's keys and address, for a second client.
    pub table_url: String,
    /// The keys of the embedded parts.
    pub keys: Keys,
    /// The origin of the embedded S3 server.
    pub s3_url: String,
    /// Where the data lie that the source `demo` serves.
    pub dir: TempDir,
    door: Door,
    api: Router,
    data: DataOrigin,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header that stands exactly once.
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "`{name}` of {} stands once: {}", self.status, String::from_utf8_lossy(&self.body));
        values[0].to_str().expect("a header is text")
    }
}

/// The app origin.
fn api(app: &App) -> Router {
    let secret = Arc::new(OnceLock::from(DeploymentSecret::new(vec![7; 32]).expect("long enough")));
    links::router(app.clone(), secret).merge(acl::router(app.clone())).merge(pages::router(app.clone()))
}

impl TestApp {
    /// From now on people here are asked before strangers share with them.
    pub fn ask_first(&mut self) {
        let directory = Directory::Connections { since: None };
        self.app.config = Arc::new(Config { directory, ..(*self.app.config).clone() });
        self.api = api(&self.app);
    }

    /// An app over fresh parts, its clock at the machine's time.
    pub async fn fresh() -> Self {
        Self::with_table(|table, _url, _keys| table).await
    }

    /// The same, with the handlers' table replaced: by one at the same address, with the same keys, whose client loses or delays requests.
    pub async fn with_table(change: impl FnOnce(Table, &str, &Keys) -> Table) -> Self {
        let dir = TempDir::new().expect("a folder");
        offprint::demo::write(dir.path()).expect("demo data");
        Self::over(dir, change).await
    }

    /// The same, with an identity provider.
    pub async fn with_provider(provider: ProviderSettings) -> Self {
        let dir = TempDir::new().expect("a folder");
        offprint::demo::write(dir.path()).expect("demo data");
        Self::built(dir, |table, _url, _keys| table, Some(provider)).await
    }

    /// The same over what lies in `dir` rather than the demo data.
    pub async fn over(dir: TempDir, change: impl FnOnce(Table, &str, &Keys) -> Table) -> Self {
        Self::built(dir, change, None).await
    }

    /// The same with all that can be chosen.
    pub async fn built(dir: TempDir, change: impl FnOnce(Table, &str, &Keys) -> Table, provider: Option<ProviderSettings>) -> Self {
        let keys = Keys { access_key_id: "AKIATESTTESTTEST".to_owned(), secret_access_key: "a secret of the tests".to_owned() };
        let s3_url = embedded_s3(dir.path(), &keys).await;
        let table_url = embedded_table(&keys).await;
        let (token, table) = founded(&table_url, &keys).await;
        let signer = Signer::Static(Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None));
        let settings =
            Settings { endpoint: Some(s3_url.clone()), public_endpoint: None, private_endpoints: true, signer, sts_endpoint: None };
        let objects = Objects::new(settings).expect("objects");
        let config = Config {
            table: "offprint".to_owned(),
            app_url: Some("https://app.test".to_owned()),
            data_url: Some(DATA.to_owned()),
            front_door_domains: vec![DOMAIN.to_owned()],
            private_endpoints: true,
            provider,
            address_key: Some(AddressKey::new(vec![9; 32]).expect("long enough")),
            ..Config::default()
        };
        let clock = Arc::new(AtomicI64::new(Timestamp::now().as_millisecond()));
        let app = App::new(config, change(table, &table_url, &keys), objects, LineSink::memory(), Clock::At(Arc::clone(&clock)));
        let api = api(&app);
        let data = DataOrigin::new(app.clone());
        let this = Self { app, clock, token, table_url, keys, s3_url, dir, door: Door::Http, api, data };
        let source =
            json!({ "name": "demo", "bucket": "demo", "region": "us-east-1", "path_style": true, "ceilings": { "audience": "world" } });
        let made = this.api(Method::POST, "/api/v1/sources", Some(source)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&made.body));
        this
    }

    /// The same app, its requests coming in by `door` from here on: as they are, or as events of Function URLs.
    pub fn behind(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// The same app, its pages asking the API as a deployed one's do: each function at an address of its own, where it takes what the CDN, or pages, prove to
    /// have sent, as events of Function URLs.
    pub async fn with_functions_apart(mut self) -> Self {
        let (links, acl) = (listener().await, listener().await);
        let url = |listener: &TcpListener| Some(format!("http://{}", listener.local_addr().expect("an address")));
        let (links_url, acl_url) = (url(&links), url(&acl));
        self.app.config = Arc::new(Config { cdn_secret: Some(CDN_SECRET.to_owned()), links_url, acl_url, ..(*self.app.config).clone() });
        let secret = Arc::new(OnceLock::from(DeploymentSecret::new(vec![7; 32]).expect("long enough")));
        for (listener, origin) in [(links, links::router(self.app.clone(), secret)), (acl, acl::router(self.app.clone()))] {
            let app = self.app.clone();
            let door = Router::new().fallback(move |request| async move { as_event(&app, origin.clone(), request).await });
            tokio::spawn(async move { axum::serve(listener, door).await.expect("a function answers") });
        }
        self.api = api(&self.app);
        self
    }

    /// A browser's request of a page, as the CDN hands it on: `from` there, with this session, if any. A form is sent by a page of the app's.
    pub async fn page(&self, from: &str, session: &str, path: &str, form: Option<&str>) -> Answer {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let mut request =
            Request::builder().method(method).uri(path).header("x-offprint-cdn", CDN_SECRET).header("x-offprint-viewer", from);
        if !session.is_empty() {
            request = request.header("cookie", format!("__Host-offprint-session={session}"));
        }
        if form.is_some() {
            request = request.header("origin", "https://app.test").header("sec-fetch-site", "same-origin");
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let request = request.body(form.map_or_else(Body::empty, |form| Body::from(form.to_owned()))).expect("a request");
        let answer = as_event(&self.app, pages::router(self.app.clone()), request).await;
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Now, as the handlers see it.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.load(Ordering::SeqCst)).expect("a time")
    }

    /// Lets time pass.
    pub fn pass_secs(&self, secs: i64) {
        self.clock.fetch_add(secs * 1_000, Ordering::SeqCst);
    }

    /// A call of the API with the owner's token.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.api_with(method, path, body, &[]).await
    }

    /// The same with more headers.
    pub async fn api_with(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        self.api_as(&self.token, method, path, body, headers).await
    }

    /// The same by whoever shows this token.
    pub async fn api_as(&self, token: &str, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.call(&self.api, request.body(body).expect("a request")).await
    }

    /// A request to the data origin.
    pub async fn data(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.call(&self.data, asking(method, target, headers)).await
    }

    /// The same from this address; otherwise nobody knows from where. By plain requests only: an event says where it is from.
    pub async fn data_from(&self, from: IpAddr, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = asking(method, target, headers);
        request.extensions_mut().insert(SocketAddr::new(from, 1));
        call(&self.data, request).await
    }

    async fn call<S>(&self, origin: &S, request: Request<Body>) -> Answer
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
        S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static>,
    {
        match self.door {
            Door::Http => call(origin, request).await,
            Door::Lambda => self.hand_over(origin.clone(), request).await,
        }
    }

    /// Hands a request over as Lambda does, but in this process: here the provider may lie on this machine, and the clock is the test's.
    async fn hand_over<S>(&self, origin: S, request: Request<Body>) -> Answer
    where
        S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static> + Send + 'static,
    {
        let answer = as_event(&self.app, origin, request).await;
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// One more instance of the data origin, as Lambda starts them: over the same parts, with a memory of its own.
    pub fn another(&self) -> DataOrigin {
        let mut app = self.app.clone();
        app.facts = Arc::default();
        app.misses = Arc::default();
        app.requests = Arc::default();
        DataOrigin::new(app)
    }

    /// GET from the data origin, by a URL or a path.
    pub async fn get(&self, url: &str) -> Answer {
        self.data(Method::GET, url.strip_prefix(DATA).unwrap_or(url), &[]).await
    }

    /// Registers what lies at `path` of the source `demo`; its id.
    pub async fn dataset(&self, path: &str) -> String {
        let made = self.api(Method::POST, "/api/v1/datasets", Some(json!({ "source": "demo", "path": path }))).await;
        assert!(made.status.is_success(), "{path}: {}", String::from_utf8_lossy(&made.body));
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Somebody with an account, who signed in: the id, and the session's token.
    pub async fn person(&self, name: &str) -> (String, String) {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
        let invited = self.api(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await.json();
        let signed = self.api(Method::POST, "/api/v1/sign-in", Some(json!({ "code": invited["code"] }))).await.json();
        (text(&signed["user"]["id"]), text(&signed["session"]["secret"]))
    }

    /// What the audit says of the time since `began`, which lies in this calendar month or the one before.
    pub async fn audit_since(&self, began: Timestamp) -> Vec<AuditEntry> {
        let month = |at: Timestamp| at.strftime("%Y-%m").to_string();
        let mut entries = self.app.table.audit(began).await.expect("the audit");
        if month(began) != month(self.now()) {
            entries.extend(self.app.table.audit(self.now()).await.expect("the audit"));
        }
        entries
    }

    /// Makes a link to `path` of the source `demo`; the API's reply.
    pub async fn link(&self, path: &str, options: Value) -> Value {
        let mut ask = json!({ "dataset": self.dataset(path).await });
        for (name, value) in options.as_object().expect("options are an object") {
            ask[name] = value.clone();
        }
        let made = self.api(Method::POST, "/api/v1/links", Some(ask)).await;
        assert!(made.status.is_success(), "{path}: {}", String::from_utf8_lossy(&made.body));
        made.json()
    }
}

/// What the CDN proves itself by, where an app has functions apart.
const CDN_SECRET: &str = "the secret of a cdn";

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

/// Hands a request over as Lambda does, at the app's own time.
async fn as_event<S>(app: &App, origin: S, request: Request<Body>) -> Response
where
    S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().expect("text")))).collect();
    let mut event = event(parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default(), headers, &body);
    event["requestContext"]["timeEpoch"] = json!(app.now().as_millisecond());
    let event = LambdaEvent::new(serde_json::from_value(event).expect("an event"), Context::default());
    // The door may not be held while its answer is waited for; its origins are ready at any time.
    let answered = lambda::door(origin, Arc::clone(&app.config)).call(event);
    let Ok(answer) = answered.await;
    let mut response = Response::new(Body::from_stream(answer.stream));
    *response.status_mut() = answer.metadata_prelude.status_code;
    *response.headers_mut() = answer.metadata_prelude.headers;
    response
}

/// A request to an instance of the data origin.
pub async fn ask_of(origin: &DataOrigin, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
    call(origin, asking(method, target, headers)).await
}

fn asking(method: Method, target: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

/// A call of the links' API of another app over the same parts.
pub async fn links_of(app: &App, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let secret = Arc::new(OnceLock::from(DeploymentSecret::new(vec![7; 32]).expect("long enough")));
    call(&links::router(app.clone(), secret), request.body(Body::from(body.to_string())).expect("a request")).await
}

/// Hands a request to one of the origins and reads the answer whole.
async fn call(origin: &(impl Service<Request<Body>, Response = Response, Error = Infallible> + Clone), request: Request<Body>) -> Answer {
    let Ok(answer) = origin.clone().oneshot(request).await;
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body").to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}
