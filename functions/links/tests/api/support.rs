//! An app over real parts: the embedded table and store, a folder of files, and people with tokens. No socket but theirs.
//!
//! With `OFFPRINT_TEST_DEPLOYED` set it is asked as a deployed one is: requests come in as events of a Function URL, and the table is the one
//! of `OFFPRINT_TEST_MINISTACK`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, body::Body};
use domain::{
    address::AddressKey,
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, Permit, Place, Principal, Who, decide},
    grant::{Net, Reach, Zones},
    id::{DatasetId, SourceId, TokenId, UserId},
    path::ObjectPath,
    source::{Audience, Ceilings, Source, SourceName, State, Store},
    token::{Scope, Token, TokenKind, TokenSecret},
    user::User,
};
use edge::{App, Clock, config::Config, trace::LineSink};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Context, LambdaEvent};
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
};
use serde_json::{Value, json};
use table::Table;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};
use uuid::Uuid;

/// An app, its router and its parts.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    /// Administrator, and owner of the source `demo`.
    pub(crate) ada: Person,
    /// Has an account and nothing else.
    pub(crate) eve: Person,
    /// The root dataset of `demo`: `fused.ome.zarr/`, `notes/plan.txt`, `table.csv`.
    pub(crate) root: Dataset,
    pub(crate) source: Source,
    clock: Arc<AtomicI64>,
    /// What lies in `demo`, for as long as the app is there.
    pub(crate) _folder: tempfile::TempDir,
}

/// A person, with a token for everything.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

#[expect(clippy::disallowed_methods, reason = "the embedded store checks signatures by the machine's clock")]
fn machine_now() -> Timestamp {
    Timestamp::now()
}

/// What lies in `demo`: an image with an array of Zarr version 3 and one of version 2, and two files beside it.
const FILES: [(&str, &str); 7] = [
    ("fused.ome.zarr/zarr.json", "{}"),
    ("fused.ome.zarr/0/zarr.json", r#"{"node_type": "array"}"#),
    ("fused.ome.zarr/0/c/0/0", "chunk"),
    ("fused.ome.zarr/two/.zarray", "{}"),
    ("fused.ome.zarr/two/0.0", "chunk"),
    ("notes/plan.txt", "plan"),
    ("table.csv", "a,b"),
];

impl TestApp {
    pub(crate) async fn start(router: impl FnOnce(App) -> Router, ceilings: Ceilings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (s3, table) = (store(folder.path()).await, table().await);
        table.create().await.unwrap();
        let now = Timestamp::from_second(machine_now().as_second()).unwrap();
        let clock = Arc::new(AtomicI64::new(now.as_millisecond()));
        let keys = Credentials::new("AKTEST", "test-secret", None, None);
        let objects = Objects::new(Settings {
            endpoint: Some(s3),
            public_endpoint: None,
            private_endpoints: true,
            signer: Signer::Static(keys),
            sts_endpoint: None,
        })
        .unwrap();
        let address_key = Some(AddressKey::new(vec![9; 32]).unwrap());
        let config = Config { data_url: Some("https://data.test".to_owned()), address_key, ..Config::default() };
        let app = App::new(config, table.clone(), objects, LineSink::memory(), Clock::At(Arc::clone(&clock)));
        let ada = User { administrator: true, ..User::new(UserId::new(Uuid::from_u128(1)), "Ada".to_owned()) };
        let eve = User::new(UserId::new(Uuid::from_u128(2)), "Eve".to_owned());
        let (token, text) = new_token(&ada, &Scope::ALL, 100, now);
        table.bootstrap(&ada, &token, now).await.unwrap();
        let ada = Person { user: ada, token: text };
        table.insert_user(&administer(&ada.user, now), &eve, &a_code(&eve, 201, now), None, now).await.unwrap();
        let eve_token = insert_token(&table, &eve, &Scope::ALL, 101, now).await;
        let (source, root) = a_source("demo", "demo-data", ceilings, &ada.user, now);
        table.register_source(&administer(&ada.user, now), &source, &root, None, now).await.unwrap();
        let router = router(app.clone());
        Self { app, router, ada, eve: Person { user: eve, token: eve_token }, root, source, clock, _folder: folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// Lets the clock go on.
    pub(crate) fn wait(&self, span: SignedDuration) {
        self.clock.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// A further token of somebody's, for these scopes.
    pub(crate) async fn token_for(&self, user: &User, scopes: &[Scope], id: u128) -> String {
        insert_token(&self.app.table, user, scopes, id, self.now()).await
    }

    /// What a viewer is given by this person.
    pub(crate) async fn viewers_token(&self, person: &Person, id: u128) -> String {
        let (token, text) = new_token(&person.user, &[Scope::Data], id, self.now());
        let token = Token { kind: TokenKind::Viewer, ..token };
        let permit = decide(&principal(&person.user, self.now()), Action::MakeToken, &Facts::Deployment, self.now()).unwrap();
        self.app.table.insert_token(&permit, &token, None, self.now()).await.unwrap();
        text
    }

    /// Bo, who may administer the deployment and owns nothing.
    pub(crate) async fn another_administrator(&self) -> Person {
        let (id, name) = (UserId::new(Uuid::from_u128(3)), "Bo".to_owned());
        let user = User { administrator: true, ..User::new(id, name) };
        let (permit, now) = (administer(&self.ada.user, self.now()), self.now());
        self.app.table.insert_user(&permit, &user, &a_code(&user, 202, now), None, now).await.unwrap();
        let token = self.token_for(&user, &Scope::ALL, 102).await;
        Person { user, token }
    }

    /// A dataset of Ada's at `path`.
    pub(crate) async fn a_dataset(&self, path: &str, kind: Kind, id: u128) -> Dataset {
        let now = self.now();
        let place = Place { source: self.source.clone(), dataset: self.root.clone() };
        let reach = Reach { user: Some(self.ada.user.id), ..Reach::default() };
        let facts = Arc::new(DatasetFacts::new(place, reach).unwrap());
        let permit = decide(&principal(&self.ada.user, now), Action::Register, &Facts::Dataset(facts), now).unwrap();
        let path = ObjectPath::from_decoded(path).unwrap();
        let dataset = Dataset::below(&self.root, DatasetId::new(Uuid::from_u128(id)), path, kind, now).unwrap();
        self.app.table.register_dataset(&permit, None, &dataset, None, now).await.unwrap().dataset
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, token, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send("POST", path, token, &[], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, version: u64, body: Value) -> Answer {
        self.send("PATCH", path, token, &[("if-match", &format!("\"{version}\""))], body.to_string()).await
    }

    /// Sends one request; an empty token sends none.
    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.send_from(None, method, path, token, headers, body).await
    }

    /// The same from this address; `None`: nobody knows from where.
    pub(crate) async fn send_from(
        &self,
        from: Option<SocketAddr>,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(peer) = from {
            request = request.extension(peer);
        }
        let request = request.body(body.into()).unwrap();
        let answer = if is_deployed() { self.hand_over(request).await } else { self.router.clone().oneshot(request).await.unwrap() };
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, json }
    }

    /// Hands a request over as a Function URL does: payload format 2.0.
    async fn hand_over(&self, request: Request<Body>) -> http::Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut headers: serde_json::Map<_, _> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())))).collect();
        // Cookies are no headers in this format, neither here nor in an answer.
        let cookies = headers.remove("cookie");
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let from = parts.extensions.get::<SocketAddr>().map(|peer| peer.ip().to_string());
        let mut event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {
                "domainName": "fn.lambda-url.eu-central-1.on.aws", "requestId": "r", "timeEpoch": self.now().as_millisecond(),
                "http": { "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": from, "userAgent": "test" },
            },
            "body": (!body.is_empty()).then(|| data_encoding::BASE64.encode(&body)), "isBase64Encoded": !body.is_empty(),
        });
        if let Some(cookies) = cookies.as_ref().and_then(Value::as_str) {
            event["cookies"] = cookies.split("; ").collect();
        }
        let event = LambdaEvent::new(serde_json::from_value(event).unwrap(), Context::default());
        let Ok(answer) = edge::lambda::door(self.router.clone(), Arc::clone(&self.app.config)).call(event).await;
        let mut response = http::Response::new(Body::from_stream(answer.stream));
        *response.status_mut() = answer.metadata_prelude.status_code;
        *response.headers_mut() = answer.metadata_prelude.headers;
        for cookie in answer.metadata_prelude.cookies {
            response.headers_mut().append("set-cookie", cookie.parse().unwrap());
        }
        response
    }
}

fn is_deployed() -> bool {
    std::env::var_os("OFFPRINT_TEST_DEPLOYED").is_some()
}

impl Answer {
    /// Holds it to a status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Holds it to a problem: its status, its code, the field it points at (empty: none), and that it says what to do.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, code: &str, pointer: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.text("/code")), (status, code), "{self:?}");
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{self:?}");
        assert_eq!(self.headers.get("cache-control").unwrap(), "no-store");
        assert_eq!(self.json["errors"].get(0).map_or("", |error| error["pointer"].as_str().unwrap()), pointer, "{self:?}");
        for field in ["/type", "/title", "/detail", "/hint", "/request_id"] {
            assert!(!self.text(field).is_empty(), "{field} {self:?}");
        }
        assert_eq!(self.json["status"], status);
        self
    }

    /// A string in the body, by its JSON pointer.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {self:?}"))
    }
}

/// The facts by which somebody acts as an administrator: how a test writes what no route does.
fn principal(user: &User, now: Timestamp) -> Principal {
    let (token, _text) = new_token(user, &Scope::ALL, 0, now);
    Principal { who: Who::Token { user: Arc::new(user.clone()), token: Arc::new(token) }, net: Net::Unknown }
}

fn administer(user: &User, now: Timestamp) -> Permit {
    let user = User { administrator: true, ..user.clone() };
    decide(&principal(&user, now), Action::Administer, &Facts::Deployment, now).unwrap()
}

fn new_token(user: &User, scopes: &[Scope], id: u128, now: Timestamp) -> (Token, String) {
    let mut bits = [7; 20];
    bits[..16].copy_from_slice(&id.to_be_bytes());
    let secret = TokenSecret::new(bits);
    let (id, until) = (TokenId::new(Uuid::from_u128(id)), now + SignedDuration::from_hours(24 * 3650));
    let token = Token {
        id,
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: user.id,
        label: "test".to_owned(),
        scopes: scopes.to_vec(),
        dataset: None,
        until,
        made: now,
        revoked: None,
    };
    (token, secret.reveal())
}

/// A code that nobody uses.
fn a_code(user: &User, id: u128, now: Timestamp) -> Token {
    Token { kind: TokenKind::Code, ..new_token(user, &[], id, now).0 }
}

async fn insert_token(table: &Table, user: &User, scopes: &[Scope], id: u128, now: Timestamp) -> String {
    let (token, text) = new_token(user, scopes, id, now);
    table.insert_session(&administer(user, now), &token, now).await.unwrap();
    text
}

fn a_source(name: &str, bucket: &str, ceilings: Ceilings, owner: &User, now: Timestamp) -> (Source, Dataset) {
    let (id, root) = (SourceId::new(Uuid::from_u128(10)), DatasetId::new(Uuid::from_u128(11)));
    let store = Store {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: None,
        path_style: true,
        role: None,
        requester_pays: false,
    };
    let (name, prefix) = (SourceName::parse(name).unwrap(), ObjectPath::default());
    let source = Source {
        id,
        name,
        store,
        prefix,
        ceilings,
        policy: domain::policy::DeploymentPolicy::NONE,
        writable: false,
        serving: true,
        state: State::Active,
        root,
        version: 1,
    };
    (source, Dataset::root(root, id, owner.id, now))
}

/// Ceilings that are in nobody's way.
pub(crate) const OPEN: Ceilings =
    Ceilings { audience: Audience::World, link_days_max: None, zones: Zones::EVERYWHERE, hard_zones: false, terms: None };

/// Tables that this process made.
static TABLES: AtomicI64 = AtomicI64::new(0);

async fn table() -> Table {
    if is_deployed() {
        let told = std::env::var("OFFPRINT_TEST_MINISTACK").expect("where ministack answers");
        let told: Value = serde_json::from_str(&told).unwrap();
        let text = |field: &str| told[field].as_str().unwrap().to_owned();
        return table_at(
            text("endpoint"),
            &text("access_key_id"),
            &text("secret_access_key"),
            &format!("api-{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::SeqCst)),
        );
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let keys = embed::Keys { access_key_id: "AKTEST".to_owned(), secret_access_key: "test-secret".to_owned() };
    let store = embed::dynamodb::Store::memory().unwrap();
    tokio::spawn(async move { embed::dynamodb::serve(listener, store, keys, std::future::pending()).await.unwrap() });
    table_at(endpoint, "AKTEST", "test-secret", "offprint")
}

fn table_at(endpoint: String, access_key_id: &str, secret_access_key: &str, name: &str) -> Table {
    let keys = aws_credential_types::Credentials::new(access_key_id, secret_access_key, None, None, "test");
    // A laptop under load answers late: here that is no fault, so each try has ten seconds.
    let patience =
        aws_smithy_types::timeout::TimeoutConfig::builder().operation_attempt_timeout(std::time::Duration::from_secs(10)).build();
    let settings = Table::settings(Some(endpoint), "us-east-1", Some(keys)).unwrap();
    Table::new(settings.to_builder().timeout_config(patience).build(), name)
}

async fn store(folder: &std::path::Path) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let keys = embed::Keys { access_key_id: "AKTEST".to_owned(), secret_access_key: "test-secret".to_owned() };
    let buckets = vec![embed::Bucket { name: "demo-data".to_owned(), root: folder.to_owned(), writable: false }];
    tokio::spawn(async move { embed::s3::serve(listener, buckets, keys, std::future::pending()).await.unwrap() });
    endpoint
}

/// Every operation of a description, as method and path.
pub(crate) fn operations(description: &utoipa::openapi::OpenApi) -> std::collections::BTreeSet<(String, String)> {
    let description = serde_json::to_value(description).unwrap();
    let paths = description["paths"].as_object().unwrap().clone();
    let of = |(path, item): (String, Value)| {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(of).collect()
}

impl TestApp {
    /// Every route of the router whose source this is: the paths as written there, the methods as the router itself names them.
    pub(crate) async fn routes(&self, source: &str) -> std::collections::BTreeSet<(String, String)> {
        let mut routes = std::collections::BTreeSet::new();
        for path in source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let refused = self.send("TRACE", &path.replace("{id}", "x"), "", &[], "").await.is(405);
            let methods = refused.headers["allow"].to_str().unwrap().split(',').filter(|method| *method != "HEAD");
            routes.extend(methods.map(|method| (method.to_owned(), path.to_owned())));
        }
        routes
    }
}
