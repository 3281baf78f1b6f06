//! End to end, through both doors: HTTP to `offprint up`, and events to the functions' own binaries.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tests::world::{Door, Expect, Link, Up, World};

const FIRST: &str = "exp #3/50% +é.ome.zarr";

/// The main job, whole: make it, read it, take it back.
async fn make_read_and_take_back(door: Door) {
    let world = World::fresh(door).await;
    for (path, file) in [
        (FIRST, "zarr.json"),
        (FIRST, "0/c/0/0/0/0"),
        ("plain-v2.ome.zarr", "0/.zarray"),
        ("sharded-v3.ome.zarr", "0/c/0/0/0/0"),
        ("table.csv", ""),
    ] {
        let link = world.link(path, json!({ "label": file })).await;
        let stored = std::fs::read(world.demo.join(path).join(file)).or_else(|_| std::fs::read(world.demo.join(path))).expect("a file");
        let url = if file.is_empty() { link.url.clone() } else { link.at(file) };
        let first = world.get(&url).await;
        assert_eq!(first.status(), StatusCode::FOUND, "{path} {file}");
        assert_eq!(first.header("access-control-allow-origin"), "*");
        assert_eq!(first.header("referrer-policy"), "no-referrer");
        let location = first.header("location");
        assert!(location.starts_with(&world.s3_url));
        assert_eq!(world.get(&location).await.bytes().await.expect("bytes"), stored);
        let streamed_url = if file.is_empty() { link.streamed_url.clone() } else { link.streamed_at(file) };
        let streamed = world.get(&streamed_url).await;
        assert_eq!((streamed.status(), streamed.bytes().await.expect("bytes").to_vec()), (StatusCode::OK, stored.clone()), "{path} {file}");
        let part = world.client.get(&streamed_url).header("range", "bytes=1-3").send().await.expect("an answer");
        assert_eq!((part.status(), part.bytes().await.expect("bytes").to_vec()), (StatusCode::PARTIAL_CONTENT, stored[1..4].to_vec()));
        world.revoke(&link).await;
    }
}

/// Item 3 of the closing list, word for word.
async fn a_chunk_get_and_its_edges(door: Door) {
    let world = World::fresh(door).await;
    let link = world.link(FIRST, json!({})).await;
    let chunk = world.get(&link.at("0/c/0/0/0/0")).await;
    assert_eq!(chunk.status(), StatusCode::FOUND);
    let location = chunk.header("location");
    assert_eq!(chunk.header("access-control-allow-origin"), "*");
    assert_eq!(chunk.header("referrer-policy"), "no-referrer");
    let max_age: u64 = chunk.header("cache-control").strip_prefix("private, max-age=").expect("max-age").parse().expect("seconds");
    let expires: u64 =
        location.split("X-Amz-Expires=").nth(1).expect("Expires").split('&').next().expect("a value").parse().expect("seconds");
    assert!(max_age < expires);
    let missing = world.client.head(link.at("0/c/1/1/0/3")).send().await.expect("an answer");
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    for raw in ["%2e%2e", "0/%2E%2e/zarr.json", "a%2Fb", "a%5Cb", "%FF"] {
        assert_eq!(raw_get(&world.data_url, &format!("/{}/50%25%20%2B%C3%A9.ome.zarr/{raw}", link.key())).await, 400, "{raw}");
    }
    assert_eq!(
        raw_get(&world.data_url, &format!("/{}/50%25%20+%C3%A9.ome.zarr/zarr.json", link.key())).await,
        302,
        "a bare plus is a plus"
    );
    let preflight = world.client.request(Method::OPTIONS, link.at("x")).send().await.expect("an answer");
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
}

/// The status of a request whose path no client library may touch.
async fn raw_get(origin: &str, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = origin.strip_prefix("http://").expect("http");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).split(' ').nth(1).expect("a status").parse().expect("a number")
}

/// L2, L3, L4, L7, L18 and the replies that carry `enforced_by`.
async fn a_link_lives_and_ends(door: Door) {
    let world = World::fresh(door).await;
    let link = world.link(FIRST, json!({ "label": "talk", "strict": true })).await;
    let again = world.link(FIRST, json!({ "label": "talk", "strict": true })).await;
    assert_eq!(link.url, again.url, "the same options meet the same link");
    let chunk = link.at("zarr.json");
    let shown = world.api(Method::GET, &format!("/api/v1/links/{}", link.id), None).await;
    let etag = shown.header("etag");
    assert_eq!(shown.expect_status(StatusCode::OK).await["url"], link.url.as_str());
    let edited = world
        .request(Method::PATCH, &format!("/api/v1/links/{}", link.id), Some(json!({ "label": "poster" })))
        .header("if-match", &etag)
        .send()
        .await
        .expect("an answer");
    edited.expect_status(StatusCode::OK).await;
    let stale = world
        .request(Method::PATCH, &format!("/api/v1/links/{}", link.id), Some(json!({ "label": "late" })))
        .header("if-match", &etag)
        .send()
        .await
        .expect("an answer");
    stale.expect_status(StatusCode::PRECONDITION_FAILED).await;
    for (verb, status) in [("pause", 410), ("resume", 302), ("pause", 410), ("resume", 302), ("revoke", 410), ("revoke", 410)] {
        let before = Timestamp::now();
        let reply = world
            .api(Method::POST, &format!("/api/v1/links/{}/{verb}", link.id), Some(json!({})))
            .await
            .expect_status(StatusCode::OK)
            .await;
        if verb != "resume" {
            let enforced_by: Timestamp =
                reply["enforced_by"].as_str().unwrap_or_else(|| panic!("{verb}: {reply}")).parse().expect("a time");
            let bound = enforced_by.duration_since(before).as_secs();
            assert!((10..=17).contains(&bound), "{verb}: strict is enforced within 15 s, not {bound}");
        }
        assert_eq!(world.get(&chunk).await.status().as_u16(), status, "{verb}");
    }
    let resumed = world.api(Method::POST, &format!("/api/v1/links/{}/resume", link.id), Some(json!({}))).await;
    assert!(resumed.status().is_client_error(), "what was revoked stays so");
    let next = world.link(FIRST, json!({ "label": "talk", "strict": true })).await;
    assert_ne!(next.url, link.url, "an ended link is followed by a new one");
}

/// Item 6: create, show and revoke in a tight loop, without one 404.
async fn ids_are_known_at_once(door: Door) {
    let world = World::fresh(door).await;
    let dataset = world.dataset(FIRST).await;
    let rounds = if door == Door::Http { 200 } else { 40 };
    for round in 0..rounds {
        let made =
            world.api(Method::POST, "/api/v1/links", Some(json!({ "dataset": dataset["id"], "label": format!("round {round}") }))).await;
        let link = Link::of(&made.expect_status(StatusCode::CREATED).await);
        world.api(Method::GET, &format!("/api/v1/links/{}", link.id), None).await.expect_status(StatusCode::OK).await;
        world.revoke(&link).await;
        assert_eq!(world.get(&link.at("zarr.json")).await.status(), StatusCode::GONE, "round {round}");
    }
}

/// L9: a thousand at once, each with its own result.
async fn batches_answer_for_each_item(door: Door) {
    let world = World::fresh(door).await;
    let dataset = world.dataset(FIRST).await;
    let mut items: Vec<Value> = (0..49).map(|index| json!({ "dataset": dataset["id"], "label": format!("batch {index}") })).collect();
    items.push(json!({ "dataset": "daaaaaaaaaaaaaaaaaaaaaaaaaa" }));
    let once = "batch-1";
    let mut replies = Vec::new();
    for _ in 0..2 {
        let answer = world
            .request(Method::POST, "/api/v1/links/batch", Some(json!({ "items": items })))
            .header("idempotency-key", once)
            .send()
            .await
            .expect("an answer");
        let reply = answer.expect_status(StatusCode::OK).await;
        let items = reply["items"].as_array().expect("items").clone();
        assert_eq!(items.len(), 50);
        assert!(items[49]["problem"]["code"].is_string(), "{}", items[49]);
        replies.push(
            items
                .iter()
                .take(49)
                .map(|item| item["link"]["id"].as_str().unwrap_or_else(|| panic!("{item}")).to_owned())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(replies[0], replies[1], "sent twice, made once");
    let reply =
        world.api(Method::POST, "/api/v1/links/batch/revoke", Some(json!({ "ids": replies[0] }))).await.expect_status(StatusCode::OK).await;
    assert_eq!(reply["items"].as_array().expect("items").len(), 49);
}

macro_rules! through_both_doors {
    ($($story:ident: $http:ident, $lambda:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $http() { Box::pin($story(Door::Http)).await; }
        #[tokio::test(flavor = "multi_thread")]
        async fn $lambda() { Box::pin($story(Door::Lambda)).await; }
    )* };
}

through_both_doors! {
    make_read_and_take_back: http_make_read_and_take_back, lambda_make_read_and_take_back;
    a_chunk_get_and_its_edges: http_a_chunk_get_and_its_edges, lambda_a_chunk_get_and_its_edges;
    a_link_lives_and_ends: http_a_link_lives_and_ends, lambda_a_link_lives_and_ends;
    ids_are_known_at_once: http_ids_are_known_at_once, lambda_ids_are_known_at_once;
    batches_answer_for_each_item: http_batches_answer_for_each_item, lambda_batches_answer_for_each_item;
}

/// Item 2: a second start finds the same links, and the first ended cleanly.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_finds_the_same_links() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let state = dir.path().join("state");
    let path = |ready: &Value| ready["first_link"]["url"].as_str().expect("a link").split('/').skip(3).collect::<Vec<_>>().join("/");
    let first = Up::start(&state, &[]);
    let link = path(&first.ready);
    assert!(first.stop(), "Ctrl-C ends it cleanly");
    let second = Up::start(&state, &[]);
    assert_eq!(path(&second.ready), link);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let url = format!("{}/zarr.json", second.ready["first_link"]["url"].as_str().expect("a link"));
    assert_eq!(client.get(url).send().await.expect("an answer").status(), StatusCode::FOUND);
}

/// Issue 3, 2: the sign-in of a local start is for the machine that it runs on, where there is no TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_others_reach_by_plain_http_takes_no_code() {
    let dir = tempfile::TempDir::new().expect("a folder");
    // Somebody on another machine, as a proxy on this one says.
    let up = Up::start(&dir.path().join("state"), &["--trusted-proxies", "127.0.0.1/32"]);
    let token = std::fs::read_to_string(up.ready["token_file"].as_str().expect("a path")).expect("a token");
    let app = up.ready["app_url"].as_str().expect("a URL");
    let client = reqwest::Client::new();
    let from = |request: reqwest::RequestBuilder, address: Option<&str>| match address {
        Some(address) => request.header("x-forwarded-for", address),
        None => request,
    };
    let made = client.post(format!("{app}/api/v1/users")).bearer_auth(token.trim()).json(&json!({ "name": "eve" })).send().await;
    let code = made.expect("an answer").json::<Value>().await.expect("JSON")["code"].clone();
    let sign_in = async |address| {
        let request = client.post(format!("{app}/api/v1/sign-in")).json(&json!({ "code": code }));
        from(request, address).send().await.expect("an answer")
    };
    let form = async |address| {
        let page = from(client.get(format!("{app}/sign-in")), address).send().await.expect("an answer");
        page.text().await.expect("text").contains("name=\"code\"")
    };
    let refused = sign_in(Some("192.0.2.7")).await.expect_status(StatusCode::FORBIDDEN).await;
    assert_eq!((&refused["code"], refused["hint"].is_string()), (&json!("not-encrypted"), true));
    assert_eq!((form(Some("192.0.2.7")).await, form(None).await), (false, true));
    sign_in(None).await.expect_status(StatusCode::OK).await;
}

/// Item 10: the data folder is never written to.
#[tokio::test(flavor = "multi_thread")]
async fn folders_are_served_in_place_and_left_as_they_are() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let data = dir.path().join("data");
    offprint::demo::write(&data).expect("demo data");
    let before = tree(&data);
    let argument = format!("lab={}", data.display());
    let up = Up::start(&dir.path().join("state"), &["--data", &argument]);
    let token = std::fs::read_to_string(up.ready["token_file"].as_str().expect("a path")).expect("a token");
    let app = up.ready["app_url"].as_str().expect("a URL");
    let client = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        client
            .post(format!("{app}{path}"))
            .bearer_auth(token.trim())
            .json(&body)
            .send()
            .await
            .expect("an answer")
            .json::<Value>()
            .await
            .expect("JSON")
    };
    let dataset = post("/api/v1/datasets", json!({ "source": "lab", "path": "plain-v2.ome.zarr" })).await;
    let link = Link::of(&post("/api/v1/links", json!({ "dataset": dataset["id"] })).await);
    let read = client.get(link.at(".zattrs")).send().await.expect("an answer");
    assert_eq!(read.bytes().await.expect("bytes"), std::fs::read(data.join("plain-v2.ome.zarr/.zattrs")).expect("a file"));
    assert_eq!(tree(&data), before);
    let inside = format!("lab={}", dir.path().display());
    let refused = std::process::Command::new(tests::world::binary("offprint"))
        .args(["up", "--port", "0", "--data", &inside, "--state"])
        .arg(dir.path().join("other"))
        .output()
        .expect("it runs");
    assert!(!refused.status.success(), "the state folder would be served with the data");
}

fn tree(root: &std::path::Path) -> Vec<(std::path::PathBuf, u64, std::time::SystemTime)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let facts = path.metadata().expect("metadata");
            files.push((path.clone(), facts.len(), facts.modified().expect("a time")));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Item 4, with real seconds and against the signed URLs themselves: nothing works after `enforced_by`.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_given_out_outlives_the_bound() {
    let world = World::fresh(Door::Http).await;
    let private = world.link(FIRST, json!({ "label": "private" })).await;
    let strict = world.link(FIRST, json!({ "label": "strict", "strict": true })).await;
    let mut given: Vec<(usize, String)> = Vec::new();
    for _ in 0..3 {
        for (which, link) in [&private, &strict].into_iter().enumerate() {
            for file in ["zarr.json", "0/c/0/0/0/0"] {
                given.push((which, world.get(&link.at(file)).await.header("location")));
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let enforced_by = [world.revoke(&private).await, world.revoke(&strict).await];
    let last = enforced_by.into_iter().max().expect("two") + Duration::from_secs(2);
    let mut after = 0;
    while Timestamp::now() < last {
        for (which, link) in [&private, &strict].into_iter().enumerate() {
            // What is still redirected to within the cache's time is held to the same bound.
            let answer = world.get(&link.at("zarr.json")).await;
            if answer.status() == StatusCode::FOUND {
                let location = answer.header("location");
                if !given.contains(&(which, location.clone())) {
                    given.push((which, location));
                }
            }
            assert!(Timestamp::now() < enforced_by[which] || answer.status() == StatusCode::GONE, "a refusal is 410");
            let streamed = world.get(&link.streamed_at("zarr.json")).await.status();
            assert!(streamed == StatusCode::GONE || Timestamp::now() < enforced_by[which]);
        }
        for (which, location) in &given {
            let asked = Timestamp::now();
            let status = world.get(location).await.status();
            if asked >= enforced_by[*which] {
                after += 1;
                assert_eq!(status, StatusCode::FORBIDDEN, "a signed URL outlived its bound");
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(after >= given.len(), "every URL was tried after its bound");
}
