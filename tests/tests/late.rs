//! Writes that reach the table after what forbids them.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_types::timeout::TimeoutConfig;
use http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use table::Table;
use tests::{app::TestApp, late::Late};

/// How often a transaction is sent before its request is answered without an outcome.
const SENDINGS: usize = 3;

/// An app whose writes can be held back.
async fn app() -> (TestApp, Late) {
    let late = Late::over(aws_smithy_http_client::Builder::new().build_http());
    let client = late.client();
    let app = TestApp::with_table(|_table, url, keys| {
        let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
        let settings = Table::settings(Some(url.to_owned()), "us-east-1", Some(credentials)).expect("settings");
        // Nothing hangs here, so that a slow machine does not look like a store that fails.
        let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
        Table::new(settings.to_builder().http_client(client).timeout_config(patient).build(), "offprint")
    })
    .await;
    (app, late)
}

/// A new account's session.
async fn person(app: &TestApp, name: &str) -> String {
    let invited = app.api(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await.json();
    let signed = app.api_as("", Method::POST, "/api/v1/sign-in", Some(json!({ "code": invited["code"] })), &[]).await.json();
    signed["session"]["secret"].as_str().expect("a secret").to_owned()
}

// ACCESS 3: whoever is blocked lets nobody in, by nothing that was sent before and arrives after
#[tokio::test]
async fn nobody_is_let_in_by_a_late_word_of_somebody_who_was_blocked_meanwhile() {
    let (app, late) = app().await;
    let (mal, _friend) = (person(&app, "mal").await, person(&app, "friend").await);
    let by_mal = async |method: Method, path: &str, body: Option<Value>| app.api_as(&mal, method, path, body, &[("if-match", "*")]).await;
    for (name, kind) in [("hand", "manual"), ("sync", "synced"), ("back", "manual")] {
        let made = by_mal(Method::POST, "/api/v1/groups", Some(json!({ "name": name, "kind": kind }))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{name}");
    }
    let retired = by_mal(Method::PATCH, "/api/v1/groups/back", Some(json!({ "state": "retired" }))).await;
    assert_eq!(retired.status, StatusCode::OK);
    let asks = [
        (Method::POST, "/api/v1/groups/hand/members", json!({ "users": ["friend"] })),
        (Method::POST, "/api/v1/groups/sync/sync", json!({ "order": 1, "add": ["friend"] })),
        (Method::PATCH, "/api/v1/groups/back", json!({ "state": "active" })),
        (Method::POST, "/api/v1/groups", json!({ "name": "new" })),
    ];
    let mut held = 0;
    for (method, path, body) in asks {
        late.hold(SENDINGS);
        let asked = by_mal(method, path, Some(body)).await;
        assert_eq!(asked.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: nobody knows what became of it");
        late.hold(0);
        assert!(late.held() > held, "{path} is under way");
        held = late.held();
    }
    let block = json!({ "user": "mal", "blocked": true });
    assert_eq!(app.api(Method::POST, "/api/v1/sources/demo/blocks", Some(block)).await.status, StatusCode::OK);
    late.deliver().await;
    for group in ["hand", "sync"] {
        let members = by_mal(Method::GET, &format!("/api/v1/groups/{group}/members"), None).await.json();
        let names: Vec<_> = members["items"].as_array().expect("items").iter().map(|member| member["name"].clone()).collect();
        assert_eq!(names, ["mal"], "{group}");
    }
    assert_eq!(by_mal(Method::GET, "/api/v1/groups/back", None).await.json()["state"], "retired");
    assert_eq!(by_mal(Method::GET, "/api/v1/groups/new", None).await.status, StatusCode::NOT_FOUND);
}
