//! A whole deployment to test against, by either door, with demo data, a token and a client that follows no redirect.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    id::{TokenId, UserId},
    path::encode_key,
    token::{Scope, Token, TokenKind, TokenSecret},
    user::User,
};
use embed::{Bucket, Keys, dynamodb, s3};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use table::Table;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::function_url::{DOMAIN, FunctionUrl};

/// The viewer that people may let read.
const VIEWER: &str = "https://viewer.test";

/// Which way requests come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// HTTP to `offprint up`.
    Http,
    /// Events to the functions' own binaries.
    Lambda,
}

/// A deployment.
pub struct World {
    /// The app origin.
    pub app_url: String,
    /// The data origin.
    pub data_url: String,
    /// The object storage's origin.
    pub s3_url: String,
    /// The owner's and administrator's token.
    pub token: String,
    /// The folder that the source `demo` serves.
    pub demo: PathBuf,
    /// The folder of everything else: state, logs.
    pub dir: TempDir,
    /// Follows no redirect.
    pub client: reqwest::Client,
    running: Running,
}

enum Running {
    Up { _process: Up },
    Functions { _functions: Vec<FunctionUrl>, table: Box<Table> },
}

/// A running `offprint up`; ended with this.
#[derive(Debug)]
pub struct Up {
    child: Child,
    /// What it said when everything answered.
    pub ready: Value,
    /// What it printed.
    pub output: PathBuf,
}

impl Up {
    /// Starts the binary with `arguments`, a state folder, any free ports, and waits until it is ready.
    pub fn start(state: &Path, arguments: &[&str]) -> Self {
        Self::start_with(state, arguments, &[])
    }

    /// The same with more environment variables.
    pub fn start_with(state: &Path, arguments: &[&str], environment: &[(&str, String)]) -> Self {
        let ready_file = state.with_extension(format!("ready-{}", random_hex()));
        let output = state.with_extension("output");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&output).expect("an output file");
        let mut child = Command::new(binary("offprint"))
            .args(["up", "--port", "0", "--state"])
            .arg(state)
            .arg("--ready-file")
            .arg(&ready_file)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("OFFPRINT_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("offprint starts: run `cargo build -p offprint` first");
        let began = Instant::now();
        while !ready_file.exists() {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "offprint up ended with {ended:?}: {}", std::fs::read_to_string(&output).unwrap_or_default());
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "offprint up is not ready: {}",
                std::fs::read_to_string(&output).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let ready = serde_json::from_slice(&std::fs::read(&ready_file).expect("the ready file")).expect("the ready file is JSON");
        Self { child, ready, output }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C does, and says whether it ended cleanly.
    pub fn stop(mut self) -> bool {
        self.interrupt();
        self.child.wait().expect("a child").success()
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.interrupt();
            drop(self.child.wait());
        }
    }
}

/// A binary of the workspace, built beside this test: `cargo xtask ci` builds them first.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("a test lies in deps");
    let path = profile.join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace` first", path.display());
    path
}

fn random_hex() -> String {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).expect("random bits");
    data_encoding::HEXLOWER.encode(&bits)
}

impl World {
    /// A fresh deployment behind `door`.
    pub async fn fresh(door: Door) -> Self {
        let dir = TempDir::new().expect("a folder");
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(60)).build().expect("a client");
        match door {
            Door::Http => Self::up(dir, client),
            Door::Lambda => Self::functions(dir, client).await,
        }
    }

    fn up(dir: TempDir, client: reqwest::Client) -> Self {
        let state = dir.path().join("state");
        let up = Up::start(&state, &["--viewer-origins", VIEWER]);
        let text = |field: &str| up.ready[field].as_str().expect("a field of the ready file").to_owned();
        let token = std::fs::read_to_string(text("token_file")).expect("the token").trim().to_owned();
        Self {
            app_url: text("app_url"),
            data_url: text("data_url"),
            s3_url: text("s3_url"),
            token,
            demo: state.join("demo"),
            dir,
            client,
            running: Running::Up { _process: up },
        }
    }

    /// The four functions' binaries over the embedded parts, with the deployment's secret in a real Secrets Manager protocol server.
    async fn functions(dir: TempDir, client: reqwest::Client) -> Self {
        let demo = dir.path().join("demo");
        offprint::demo::write(&demo).expect("demo data");
        let keys = Keys { access_key_id: "AKIATESTTESTTEST".to_owned(), secret_access_key: random_hex() };
        let s3_url = embedded_s3(&demo, &keys).await;
        let table_url = embedded_table(&keys).await;
        let (token, table) = founded(&table_url, &keys).await;
        let secrets = Secrets::of(&client).await;
        let mut fronts = Vec::new();
        for _ in 0..4 {
            fronts.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        }
        let url = |index: usize, fronts: &[TcpListener]| format!("http://{}", fronts[index].local_addr().expect("an address"));
        let (data_url, links_url, acl_url, pages_url) = (url(0, &fronts), url(1, &fronts), url(2, &fronts), url(3, &fronts));
        let joint = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let app_url = format!("http://{}", joint.local_addr().expect("an address"));
        let environment: Vec<(String, String)> = [
            ("OFFPRINT_TABLE", "offprint"),
            ("OFFPRINT_DATA_URL", &data_url),
            ("OFFPRINT_APP_URL", &app_url),
            ("OFFPRINT_FRONT_DOOR_DOMAINS", DOMAIN),
            ("OFFPRINT_VIEWER_ORIGINS", VIEWER),
            ("OFFPRINT_LOG", "trace"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &keys.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
            ("AWS_ENDPOINT_URL_DYNAMODB", &table_url),
            ("AWS_ENDPOINT_URL_S3", &s3_url),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.endpoint),
            ("OFFPRINT_SECRET_ARN", &secrets.arn),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let mut functions = Vec::new();
        for (name, front) in ["serve", "links", "acl", "pages"].into_iter().zip(fronts) {
            let log = dir.path().join(format!("{name}.log"));
            functions.push(FunctionUrl::start(&binary(name), &environment, front, &log).await);
        }
        // One app origin over three functions, as the CDN of the template joins them.
        join(joint, links_url, acl_url, pages_url, client.clone());
        let running = Running::Functions { _functions: functions, table: Box::new(table) };
        Self { app_url, data_url, s3_url, token, demo, dir, client, running }.with_demo_source().await
    }

    async fn with_demo_source(self) -> Self {
        let ask =
            json!({ "name": "demo", "bucket": "demo", "region": "us-east-1", "path_style": true, "ceilings": { "audience": "world" } });
        self.api(Method::POST, "/api/v1/sources", Some(ask)).await.expect_status(StatusCode::CREATED).await;
        self
    }

    /// The functions' table: nobody of them writes mails here. `None`: `offprint up` keeps its own, and writes them.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        match &self.running {
            Running::Up { .. } => None,
            Running::Functions { table, .. } => Some(table),
        }
    }

    /// A call of the API with the owner's token.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        self.request(method, path, body).send().await.expect("the app answers")
    }

    /// The same, to be changed before it is sent.
    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.app_url)).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// Registers what lies at `path` of the source `demo`.
    pub async fn dataset(&self, path: &str) -> Value {
        let answer = self.api(Method::POST, "/api/v1/datasets", Some(json!({ "source": "demo", "path": path }))).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("a dataset")
    }

    /// Makes a link to `path` of the source `demo`, with these options.
    pub async fn link(&self, path: &str, options: Value) -> Link {
        let dataset = self.dataset(path).await;
        let mut ask = json!({ "dataset": dataset["id"] });
        for (name, value) in options.as_object().expect("options are an object") {
            ask[name] = value.clone();
        }
        let answer = self.api(Method::POST, "/api/v1/links", Some(ask)).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        Link::of(&answer.json().await.expect("a link"))
    }

    /// Revokes; answers when it is in force everywhere.
    pub async fn revoke(&self, link: &Link) -> Timestamp {
        let answer = self.api(Method::POST, &format!("/api/v1/links/{}/revoke", link.id), Some(json!({ "reason": "a test" }))).await;
        let body = answer.expect_status(StatusCode::OK).await;
        body["enforced_by"].as_str().expect("enforced_by").parse().expect("a time")
    }

    /// GET without following redirects.
    pub async fn get(&self, url: &str) -> Response {
        self.client.get(url).send().await.expect("an answer")
    }
}

/// A link as its maker sees it.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// Its URL in the streamed form.
    pub streamed_url: String,
}

impl Link {
    /// The link in a reply of the API.
    pub fn of(reply: &Value) -> Self {
        let text = |field: &str| reply[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {reply}")).to_owned();
        Self { id: text("id"), url: text("url"), streamed_url: text("streamed_url") }
    }

    /// The URL of `path` inside.
    pub fn at(&self, path: &str) -> String {
        format!("{}/{}", self.url, encode_key(path))
    }

    /// The streamed URL of `path` inside.
    pub fn streamed_at(&self, path: &str) -> String {
        format!("{}/{}", self.streamed_url, encode_key(path))
    }

    /// Its key.
    pub fn key(&self) -> &str {
        self.url.split('/').nth(3).expect("a URL with a key")
    }
}

/// What tests ask of an answer.
pub trait Expect {
    /// The JSON of an answer with this status; panics, showing the answer, on another.
    fn expect_status(self, status: StatusCode) -> impl Future<Output = Value> + Send;
    /// A header's text; panics where it is missing or stands twice.
    fn header(&self, name: &str) -> String;
}

impl Expect for Response {
    async fn expect_status(self, status: StatusCode) -> Value {
        let (got, url) = (self.status(), self.url().path().len());
        let text = self.text().await.unwrap_or_default();
        assert_eq!(got, status, "({url} bytes of path) {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> String {
        let values: Vec<_> = self.headers().get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "`{name}` of {} stands once", self.status());
        values[0].to_str().expect("a header is text").to_owned()
    }
}

/// The embedded S3 server over one bucket `demo`.
pub async fn embedded_s3(demo: &Path, keys: &Keys) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let buckets = vec![Bucket { name: "demo".to_owned(), root: demo.to_owned(), writable: true }];
    tokio::spawn(s3::serve(listener, buckets, keys.clone(), std::future::pending::<()>()));
    url
}

/// The embedded table server, in memory.
pub async fn embedded_table(keys: &Keys) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let store = dynamodb::Store::memory().expect("a store");
    tokio::spawn(dynamodb::serve(listener, store, keys.clone(), std::future::pending::<()>()));
    url
}

/// The table at `url`, made, with a first user; the user's token and the table.
pub async fn founded(url: &str, keys: &Keys) -> (String, Table) {
    let credentials = aws_credential_types::Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
    let table = Table::new(Table::settings(Some(url.to_owned()), "us-east-1", Some(credentials)).expect("settings"), "offprint");
    table.create().await.expect("a table");
    let mut bits = [0; 20];
    getrandom::fill(&mut bits).expect("random bits");
    let secret = TokenSecret::new(bits);
    let now = Timestamp::now();
    let user = User { administrator: true, ..User::new(UserId::new(uuid::Uuid::from_u128(1)), "owner".to_owned()) };
    let token = Token {
        id: TokenId::new(uuid::Uuid::from_u128(2)),
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: user.id,
        label: "test".to_owned(),
        scopes: Scope::ALL.to_vec(),
        dataset: None,
        until: now + SignedDuration::from_hours(24 * 365),
        made: now,
        revoked: None,
    };
    table.bootstrap(&user, &token, now).await.expect("a first user");
    (secret.reveal(), table)
}

/// The deployment's secret, in moto's Secrets Manager.
struct Secrets {
    endpoint: String,
    arn: String,
}

impl Secrets {
    async fn of(client: &reqwest::Client) -> Self {
        let endpoint = service("moto")["endpoint"].as_str().expect("an endpoint").to_owned();
        let ask = json!({ "Name": format!("offprint-{}", random_hex()), "SecretString": random_hex().repeat(4) });
        let answer: Value = client
            .post(&endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.CreateSecret")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20261125/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(ask.to_string())
            .send()
            .await
            .expect("moto answers")
            .json()
            .await
            .expect("moto answers JSON");
        Self { endpoint, arn: answer["ARN"].as_str().unwrap_or_else(|| panic!("no secret: {answer}")).to_owned() }
    }
}

/// A service of `tests/services`: the one that `cargo xtask ci` started, else one of our own that ends with this process.
pub fn service(name: &str) -> Value {
    let variable = format!("OFFPRINT_TEST_{}", name.to_uppercase());
    let told = std::env::var(&variable).unwrap_or_else(|_| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("services/{name}.sh"));
        let output = Command::new(script).args(["start", "--owner", &std::process::id().to_string()]).output().expect("the launcher runs");
        assert!(output.status.success(), "{name} did not start: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    });
    serde_json::from_str(&told).expect("the service is described in JSON")
}

/// The app origin: paths under `/api/v1/links`, and what only `links` has, to one function, the rest of the API to another, pages to the third.
fn join(listener: TcpListener, links: String, acl: String, pages: String, client: reqwest::Client) {
    let client = Arc::new(client);
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (client, links, acl, pages) = (Arc::clone(&client), links.clone(), acl.clone(), pages.clone());
        async move {
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
            let path = target.split('?').next().unwrap_or_default();
            let of_links = path.starts_with("/api/v1/links")
                || path.ends_with("/links/revoke")
                || matches!(path, "/api/v1/openapi.json" | "/api/v1/passes");
            let of_acl = path.starts_with("/api/") && path != "/api/v1/authorize";
            let function = if of_links {
                &links
            } else if of_acl {
                &acl
            } else {
                &pages
            };
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
            let mut headers = parts.headers;
            headers.remove(http::header::HOST);
            let to = format!("{function}{target}");
            let answer = client.request(parts.method, to).headers(headers).body(body).send().await.expect("the function answers");
            let mut response = axum::response::Response::new(axum::body::Body::empty());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = axum::body::Body::from(answer.bytes().await.expect("a body"));
            response
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.expect("the joined origin runs") });
}
