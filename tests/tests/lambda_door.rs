//! The Lambda door by golden events: what a Function URL sends is served, raw path and all; what others send is refused.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{app::TestApp, function_url::FunctionUrl, world::binary};
use tokio::net::TcpListener;

fn golden(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name);
    let mut event: Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))).expect("an event is JSON");
    // The function refuses to sign when its clock and the event's are far apart: a recorded event is dated to now.
    if event["requestContext"]["timeEpoch"].is_number() {
        event["requestContext"]["timeEpoch"] = json!(jiff::Timestamp::now().as_millisecond());
    }
    event
}

/// The binary of `name` over the parts of `app`.
async fn function(app: &TestApp, name: &str) -> FunctionUrl {
    let environment: Vec<(String, String)> = [
        ("OFFPRINT_TABLE", "offprint"),
        ("OFFPRINT_DATA_URL", "http://data.test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &app.keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &app.keys.secret_access_key),
        ("AWS_ENDPOINT_URL_DYNAMODB", &app.table_url),
        ("AWS_ENDPOINT_URL_S3", &app.s3_url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let front = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    FunctionUrl::start(&binary(name), &environment, front, &app.dir.path().join(format!("{name}.log"))).await
}

fn with_path(mut event: Value, path: &str) -> Value {
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_url_is_served_by_its_raw_path() {
    let app = TestApp::fresh().await;
    let link = app.link("exp #3/50% +é.ome.zarr", json!({})).await;
    let base = link["url"].as_str().expect("a URL").strip_prefix("http://data.test").expect("of the data origin").to_owned();
    let serve = function(&app, "serve").await;
    let get = golden("function-url-get.json");
    for (path, status) in [
        (format!("{base}/zarr.json"), 302),
        (format!("{}/zarr.json", base.replace("%2B", "+")), 302),
        (format!("{base}/../x"), 400),
        (format!("{base}/%2e%2E/x"), 400),
        (format!("{base}/a%2Fb"), 400),
        (format!("{base}/a\\b"), 400),
        (format!("{base}/a\tb"), 400),
        (format!("{base}/a\nb"), 400),
        (format!("{base}/a//b"), 400),
        (format!("{base}/a#b"), 302),
        (format!("{base}/a?b"), 302),
        (format!("{base}/%252e%252e/x"), 302),
        (format!("{base}/{}", "a".repeat(100_000)), 400),
        ("no-slash".to_owned(), 400),
    ] {
        let answer = serve.event(with_path(get.clone(), &path)).await;
        assert_eq!(answer.status().as_u16(), status, "{}", path.chars().take(120).collect::<String>());
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        if path.ends_with("a#b") {
            assert!(answer.headers()["location"].to_str().expect("text").contains("/a%23b?"), "data, not syntax");
        }
        if path.ends_with("a?b") {
            assert!(answer.headers()["location"].to_str().expect("text").contains("/a%3Fb?"), "data, not syntax");
        }
    }
    // Hosts and queries that the conversion would panic on (SECURITY, section 3), and headers that change nothing.
    for (name, value) in [
        ("host", "a b"),
        ("host", "h:99999"),
        ("host", "evil.test/x?y="),
        ("x-forwarded-proto", "not a scheme"),
        ("x-forwarded-host", "evil.test"),
    ] {
        let mut event = with_path(get.clone(), &format!("{base}/zarr.json"));
        event["headers"][name] = json!(value);
        let answer = serve.event(event).await;
        assert_eq!(answer.status().as_u16(), 302, "{name}: {value}");
        assert!(answer.headers()["location"].to_str().expect("text").starts_with(&app.s3_url));
    }
    let mut spaced = with_path(get.clone(), &format!("{base}/zarr.json"));
    spaced["rawQueryString"] = json!("a b<>");
    assert_eq!(serve.event(spaced).await.status().as_u16(), 302, "a query that reading has no use for is no error, whatever is in it");
    // A clock far from the event's own time signs nothing.
    let mut late = with_path(get, &format!("{base}/zarr.json"));
    late["requestContext"]["timeEpoch"] = json!(jiff::Timestamp::now().as_millisecond() - 180_000);
    assert_eq!(serve.event(late).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_golden_event_of_a_function_url_is_answered() {
    let app = TestApp::fresh().await;
    let serve = function(&app, "serve").await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let mut answered = 0;
    for entry in std::fs::read_dir(folder).expect("the events") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        if !name.starts_with("function-url-") {
            continue;
        }
        let answer = serve.event(golden(&name)).await;
        let status = answer.status().as_u16();
        let want: &[u16] = match name.as_str() {
            "function-url-options.json" => &[204],
            "function-url-post.json" => &[405],
            "function-url-dot-dot.json" | "function-url-dot-dot-encoded.json" | "function-url-slash-encoded.json" => &[400],
            _ => &[404, 200],
        };
        assert!(want.contains(&status), "{name}: {status}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{name}");
        answered += 1;
    }
    assert!(answered >= 10, "the events are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_doors_are_refused_loudly() {
    let app = TestApp::fresh().await;
    let serve = function(&app, "serve").await;
    let acl = function(&app, "acl").await;
    for name in ["refused-http-api.json", "refused-http-api-own-domain.json", "refused-rest-api.json", "refused-load-balancer.json"] {
        for function in [&serve, &acl] {
            let answer = function.event(golden(name)).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
            let body = axum::body::to_bytes(answer.into_body(), 65_536).await.expect("a body");
            assert!(String::from_utf8_lossy(&body).contains("front-door"), "{name}: {}", String::from_utf8_lossy(&body));
        }
    }
    let log = std::fs::read_to_string(&serve.log).expect("a log");
    assert!(log.contains("put a Lambda Function URL before this function"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_does_not_start_without_its_secret() {
    let app = TestApp::fresh().await;
    let mut links = std::process::Command::new(binary("links"))
        .env_clear()
        .env("OFFPRINT_TABLE", "offprint")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", &app.keys.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &app.keys.secret_access_key)
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    assert!(!links.wait().expect("it ends").success());
}
