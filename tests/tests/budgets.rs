//! Budgets of bytes, where `offprint up` counts what leaves its own storage (D10).

use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::world::{Door, Expect, Link, Up, World};

const PLACE: &str = "plain-v2.ome.zarr";
const OBJECT: &str = "0/.zarray";
/// What stops a link: two seconds until it is noted, five for which facts are kept, and some for a busy machine.
const STOPS: Duration = Duration::from_secs(30);
/// After which what was sent is noted, or kept, for sure.
const NOTED: Duration = Duration::from_secs(4);

/// When the next day begins. No test begins right before it: what is counted today is not counted tomorrow.
async fn tomorrow() -> Timestamp {
    loop {
        let next = Timestamp::now().to_zoned(TimeZone::UTC).date().tomorrow().expect("a day");
        let next = next.to_zoned(TimeZone::UTC).expect("it begins").timestamp();
        let left = next.duration_since(Timestamp::now());
        if left > SignedDuration::from_mins(2) {
            return next;
        }
        tokio::time::sleep(left.unsigned_abs() + Duration::from_secs(1)).await;
    }
}

/// Asks for `url` until the link stops; nothing is read meanwhile.
async fn until_it_stops(client: &Client, url: &str) -> Response {
    let began = Instant::now();
    loop {
        let answer = client.get(url).send().await.expect("an answer");
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return answer;
        }
        assert_eq!(answer.status(), StatusCode::FOUND);
        assert!(began.elapsed() < STOPS, "it did not stop");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Reads what `url` redirects to, or gives; how many bytes that is.
async fn read(client: &Client, url: &str) -> usize {
    let mut answer = client.get(url).send().await.expect("an answer");
    if answer.status() == StatusCode::FOUND {
        answer = client.get(answer.header("location")).send().await.expect("an answer");
    }
    assert_eq!(answer.status(), StatusCode::OK);
    answer.bytes().await.expect("bytes").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_gave_its_bytes_stops_until_the_next_day() {
    let tomorrow = tomorrow().await;
    let world = World::fresh(Door::Http).await;
    let client = &world.client;
    let size = std::fs::metadata(world.demo.join(PLACE).join(OBJECT)).expect("a file").len();
    let link = world.link(PLACE, json!({ "bytes_per_day": 4 * size })).await;
    let other = world.link(PLACE, json!({ "label": "another" })).await;
    for url in [link.at(OBJECT), link.streamed_at(OBJECT), link.at(OBJECT)] {
        assert_eq!(read(client, &url).await, usize::try_from(size).expect("a size"));
    }
    for _ in 0..8 {
        read(client, &other.at(OBJECT)).await;
        let head = client.head(link.streamed_at(OBJECT)).send().await.expect("an answer");
        assert_eq!(head.status(), StatusCode::OK, "which gives no byte");
    }
    tokio::time::sleep(NOTED).await;
    assert_eq!(world.get(&link.at(OBJECT)).await.status(), StatusCode::FOUND, "a quarter is left");
    read(client, &link.streamed_at(OBJECT)).await;
    let refused = until_it_stops(client, &link.at(OBJECT)).await;
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((tomorrow.duration_since(Timestamp::now()).as_secs() - wait).abs() < 60, "{wait}");
    assert_eq!(refused.expect_status(StatusCode::TOO_MANY_REQUESTS).await["code"], "over-budget");
    for closed in [link.streamed_at(OBJECT), link.at("")] {
        assert_eq!(world.get(&closed).await.expect_status(StatusCode::TOO_MANY_REQUESTS).await["code"], "over-budget");
    }
    assert_eq!(read(client, &other.at(OBJECT)).await, usize::try_from(size).expect("a size"), "another link goes on");
    let path = format!("/api/v1/links/{}", link.id);
    let shown = world.api(Method::GET, &path, None).await.expect_status(StatusCode::OK).await;
    assert_eq!((&shown["over_until"], &shown["state"]), (&json!(tomorrow.to_string()), &json!("live")));

    let edit = async |most: Value| {
        let asked = world.request(Method::PATCH, &path, Some(json!({ "bytes_per_day": most }))).header("if-match", "*").send();
        asked.await.expect("an answer").expect_status(StatusCode::OK).await
    };
    assert_eq!(edit(json!(5 * size)).await["link"].get("over_until"), None);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    read(client, &link.at(OBJECT)).await;
    until_it_stops(client, &link.at(OBJECT)).await;
    edit(Value::Null).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    read(client, &link.at(OBJECT)).await;
    // A budget that was spent before it was set stops what it is set on.
    assert!(edit(json!(1)).await["enforced_by"].is_string());
    until_it_stops(client, &link.at(OBJECT)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_remembers_what_a_link_gave() {
    tomorrow().await;
    let dir = TempDir::new().expect("a folder");
    let state = dir.path().join("state");
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let text = |up: &Up, field: &str| up.ready[field].as_str().expect("a field of the ready file").to_owned();
    let first = Up::start(&state, &[]);
    let token = std::fs::read_to_string(text(&first, "token_file")).expect("the token").trim().to_owned();
    let post = async |to: String, ask: Value| -> Value {
        let answer = client.post(to).bearer_auth(&token).json(&ask).send().await.expect("the app answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json().await.expect("JSON")
    };
    let app = text(&first, "app_url");
    let dataset = post(format!("{app}/api/v1/datasets"), json!({ "source": "demo", "path": PLACE })).await;
    let size = std::fs::metadata(state.join("demo").join(PLACE).join(OBJECT)).expect("a file").len();
    let ask = json!({ "dataset": dataset["id"], "bytes_per_day": 2 * size });
    let link = Link::of(&post(format!("{app}/api/v1/links"), ask).await);
    read(&client, &link.at(OBJECT)).await;
    tokio::time::sleep(NOTED).await;
    let before = text(&first, "data_url");
    assert!(first.stop());
    let second = Up::start(&state, &[]);
    let url = link.at(OBJECT).replace(&before, &text(&second, "data_url"));
    read(&client, &url).await;
    let refused = until_it_stops(&client, &url).await;
    assert_eq!(refused.expect_status(StatusCode::TOO_MANY_REQUESTS).await["code"], "over-budget");
    let kept = std::fs::read_to_string(state.join("bytes-sent.json")).expect("what is kept");
    assert!(!kept.contains(link.key()), "it names the link, and no key");
}
