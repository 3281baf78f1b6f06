//! A function behind a Function URL, on this machine: the real binary, driven through the Lambda Runtime API that this serves.
//!
//! An HTTP request becomes an event (payload format 2.0, raw path as it came), the function's answer becomes an HTTP response, streamed if
//! the function streams. Source: the Lambda Runtime API 2018-06-01 and the Function URL documentation. Here the function runs one request
//! at a time, as one Lambda environment does.

use std::{
    collections::HashMap,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path as Segment, Request, State},
    response::Response,
    routing::{get, post},
};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex as Queue, mpsc, oneshot},
};

/// The domain in every event's request context; functions under test are told to take it for a front door.
pub const DOMAIN: &str = "fn.lambda-url.test";

type Answer = oneshot::Sender<Response>;

#[derive(Clone)]
struct Runtime {
    events: Arc<Queue<mpsc::Receiver<(String, Value, Answer)>>>,
    waiting: Arc<Mutex<HashMap<String, Answer>>>,
}

/// A running function and its address.
#[derive(Debug)]
pub struct FunctionUrl {
    /// Where it answers, `http://127.0.0.1:PORT`.
    pub url: String,
    child: Child,
    /// What the function wrote: its log.
    pub log: std::path::PathBuf,
    events: mpsc::Sender<(String, Value, Answer)>,
}

impl Drop for FunctionUrl {
    fn drop(&mut self) {
        // The function is ours; it may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl FunctionUrl {
    /// Starts `binary` with these variables, behind the listener of `front`.
    pub async fn start(binary: &Path, environment: &[(String, String)], front: TcpListener, log: &Path) -> Self {
        let api = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let api_address = api.local_addr().expect("an address").to_string();
        let (events, received) = mpsc::channel(1_024);
        let runtime = Runtime { events: Arc::new(Queue::new(received)), waiting: Arc::default() };
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(runtime);
        tokio::spawn(async move { axum::serve(api, routes).await.expect("the Runtime API runs") });
        let url = format!("http://{}", front.local_addr().expect("an address"));
        let sender = events.clone();
        let entry = Router::new().fallback(move |request: Request| invoke(sender.clone(), request));
        tokio::spawn(async move { axum::serve(front, entry).await.expect("the front runs") });
        let output = std::fs::File::create(log).expect("a log file");
        let child = Command::new(binary)
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", api_address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "under-test")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|why| panic!("{} did not start: {why}", binary.display()));
        Self { url, child, log: log.to_owned(), events }
    }

    /// The function's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Hands an event as it is to the function, and gives back what it answered.
    pub async fn event(&self, event: Value) -> Response {
        hand_over(&self.events, event).await
    }
}

async fn hand_over(events: &mpsc::Sender<(String, Value, Answer)>, event: Value) -> Response {
    let (answer, answered) = oneshot::channel();
    let id = uuid::Uuid::from_u128(u128::from(std::process::id()) << 64 | u128::from(rand())).to_string();
    events.send((id, event, answer)).await.expect("the Runtime API is there");
    match tokio::time::timeout(Duration::from_secs(60), answered).await {
        Ok(Ok(response)) => response,
        other => panic!("the function did not answer: {other:?}"),
    }
}

fn rand() -> u64 {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).expect("random bits");
    u64::from_le_bytes(bits)
}

/// One HTTP request as an event.
async fn invoke(events: mpsc::Sender<(String, Value, Answer)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: serde_json::Map<String, Value> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())))).collect();
    hand_over(&events, event(parts.method.as_str(), path, query, headers, &body)).await
}

/// An event of a Function URL, payload format 2.0.
pub fn event(method: &str, path: &str, query: &str, mut headers: serde_json::Map<String, Value>, body: &[u8]) -> Value {
    let cookies = headers.remove("cookie");
    let epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "fn",
            "domainName": DOMAIN,
            "domainPrefix": "fn",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "harness" },
            "requestId": format!("{:016x}", rand()),
            "routeKey": "$default",
            "stage": "$default",
            "time": "25/Nov/2026:07:00:00 +0000",
            "timeEpoch": epoch
        },
        "isBase64Encoded": !body.is_empty()
    });
    // Cookies are no headers in this format, neither here nor in an answer.
    if let Some(cookies) = cookies.as_ref().and_then(Value::as_str) {
        event["cookies"] = cookies.split("; ").collect();
    }
    if !body.is_empty() {
        event["body"] = json!(data_encoding::BASE64.encode(body));
    }
    event
}

async fn next(State(runtime): State<Runtime>) -> Response {
    let Some((id, event, answer)) = runtime.events.lock().await.recv().await else {
        return Response::builder().status(StatusCode::GONE).body(Body::empty()).expect("a response");
    };
    runtime.waiting.lock().expect("no panic").insert(id.clone(), answer);
    let deadline = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() + 60_000;
    Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:under-test")
        .body(Body::from(event.to_string()))
        .expect("a response")
}

async fn response(State(runtime): State<Runtime>, Segment(id): Segment<String>, request: Request) -> StatusCode {
    let waiting = runtime.waiting.lock().expect("no panic").remove(&id);
    let (parts, body) = request.into_parts();
    let streams = parts.headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming");
    let Some(waiting) = waiting else { return StatusCode::BAD_REQUEST };
    if streams {
        streamed(waiting, body).await;
    } else {
        let bytes = axum::body::to_bytes(body, 64 << 20).await.expect("an answer");
        let answer = buffered(&serde_json::from_slice(&bytes).expect("an answer is JSON"));
        drop(waiting.send(answer));
    }
    StatusCode::ACCEPTED
}

async fn error(State(runtime): State<Runtime>, Segment(id): Segment<String>, body: Bytes) -> StatusCode {
    let text = String::from_utf8_lossy(&body).into_owned();
    if let Some(waiting) = runtime.waiting.lock().expect("no panic").remove(&id) {
        let answer = Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::from(text)).expect("a response");
        drop(waiting.send(answer));
    }
    StatusCode::ACCEPTED
}

/// A buffered answer: JSON with status, headers and body.
fn buffered(answer: &Value) -> Response {
    let text = answer["body"].as_str().unwrap_or_default();
    let body =
        if answer["isBase64Encoded"] == json!(true) { data_encoding::BASE64.decode(text.as_bytes()).expect("base64") } else { text.into() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        answer["statusCode"].as_u64().and_then(|status| StatusCode::from_u16(status as u16).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    fill(response.headers_mut(), &answer["headers"]);
    fill(response.headers_mut(), &json!({ "set-cookie": answer["cookies"].as_array().cloned().unwrap_or_default() }));
    response
}

fn fill(headers: &mut HeaderMap, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.append(name, HeaderValue::from_str(value.as_str().unwrap_or_default()).expect("a header's value"));
        }
    }
}

/// A streamed answer: a prelude of JSON, eight zero bytes, then the body as it comes.
async fn streamed(waiting: Answer, body: Body) {
    let mut chunks = body.into_data_stream();
    let mut head = Vec::new();
    let rest = loop {
        if let Some(at) = head.windows(8).position(|eight| eight == [0; 8]) {
            let rest = head.split_off(at);
            break Bytes::from(rest[8..].to_vec());
        }
        match chunks.next().await {
            Some(Ok(chunk)) => head.extend_from_slice(&chunk),
            _ => panic!("a streamed answer without its prelude"),
        }
    };
    let prelude: Value = serde_json::from_slice(&head).expect("a prelude is JSON");
    let (sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(4);
    let mut answer = Response::new(Body::from_stream(futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })));
    *answer.status_mut() =
        prelude["statusCode"].as_u64().and_then(|status| StatusCode::from_u16(status as u16).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    fill(answer.headers_mut(), &prelude["headers"]);
    // HTTP/1.1 with a length needs no chunked framing; hyper frames by the length that the function gave.
    drop(waiting.send(answer));
    if !rest.is_empty() && sender.send(Ok(rest)).await.is_err() {
        return;
    }
    while let Some(chunk) = chunks.next().await {
        if sender.send(chunk).await.is_err() {
            return;
        }
    }
}
