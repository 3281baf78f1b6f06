//! The routes of `links`, each on a real table and store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod passes;
mod promoting;
mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use domain::{
    dataset::{Dataset, Kind},
    grant::Zones,
    key::DeploymentSecret,
    link::{Class, LinkState},
    source::{Audience, Ceilings},
    token::Scope,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{Answer, OPEN, TestApp};

/// The data origin of the app under test.
const DATA: &str = "https://data.test";

async fn start() -> TestApp {
    start_under(OPEN).await
}

async fn start_under(ceilings: Ceilings) -> TestApp {
    let secret = Arc::new(OnceLock::from(DeploymentSecret::new(vec![9; 32]).unwrap()));
    TestApp::start(|app| links::router(app, secret), ceilings).await
}

impl TestApp {
    /// Asks for a link on the root dataset.
    async fn create(&self, token: &str, more: Value) -> Answer {
        let mut ask = json!({ "dataset": self.root.id.to_string() });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/api/v1/links", token, ask).await
    }

    async fn a_link(&self, more: Value) -> Value {
        self.create(&self.ada.token, more).await.is(201).json
    }
}

fn id_of(link: &Value) -> &str {
    link["id"].as_str().unwrap()
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// The status and code of an item of a batch.
fn outcome(item: &Value) -> (u64, &str) {
    (item["status"].as_u64().unwrap(), item["problem"]["code"].as_str().unwrap_or_default())
}

// L1
#[tokio::test]
async fn a_link_is_made_and_shown_with_its_addresses() {
    let app = start().await;
    let made = app.create(&app.ada.token, json!({ "path": "fused.ome.zarr/", "label": "for Bo" })).await.is(201);
    assert_eq!(made.headers["etag"], "\"1\"");
    assert_eq!(made.headers["cache-control"], "no-store");
    let link = made.json;
    let url = link["url"].as_str().unwrap();
    let key = url.strip_prefix(&format!("{DATA}/")).unwrap().strip_suffix("/fused.ome.zarr").unwrap();
    assert_eq!((key.len(), link["streamed_url"].as_str().unwrap()), (32, format!("{DATA}/{key}-s/fused.ome.zarr").as_str()));
    assert_eq!(link["s3"], json!({ "endpoint": DATA, "bucket": key, "prefix": "fused.ome.zarr/" }));
    assert_eq!((link["place"].as_str().unwrap(), link["state"].as_str().unwrap()), ("demo:fused.ome.zarr/", "live"));
    assert_eq!(instant(&link["until"]), app.now() + SignedDuration::from_hours(24 * 30));
    let shown = app.get(&format!("/api/v1/links/{}", id_of(&link)), &app.ada.token).await.is(200);
    assert_eq!((shown.headers["etag"].to_str().unwrap(), shown.json), ("\"1\"", link));
}

// An address outlives the token that it was shown to.
#[tokio::test]
async fn an_address_is_shown_to_its_maker_by_a_token_that_may_make_links_and_says_why_not() {
    let app = start().await;
    let link = app.a_link(json!({ "label": "mine" })).await;
    assert_eq!(link.get("no_url"), None);
    let (one, listed) = (format!("/api/v1/links/{}", id_of(&link)), format!("/api/v1/links?dataset={}", app.root.id));
    for (number, scopes, shows) in [
        (70, &[Scope::Read][..], false),
        (71, &[Scope::Data], false),
        (72, &[Scope::Data, Scope::Datasets, Scope::Groups], false),
        (73, &[Scope::Links], true),
    ] {
        let token = app.token_for(&app.ada.user, scopes, number).await;
        let mut answers = vec![app.get(&one, &token).await.is(200).json];
        for path in [listed.as_str(), "/api/v1/links"] {
            answers.push(app.get(path, &token).await.is(200).json["items"][0].clone());
        }
        answers.push(app.post("/api/v1/links/resolve", &token, json!({ "url": link["url"] })).await.is(200).json);
        for answer in answers {
            let shown = ["url", "streamed_url", "s3"].map(|field| answer.get(field).is_some());
            assert_eq!((shown, answer["label"].as_str()), ([shows; 3], Some("mine")), "{scopes:?} {answer}");
            assert_eq!(answer.get("no_url").and_then(Value::as_str), (!shows).then_some("scope"), "{answer}");
        }
    }
}

// SEMANTICS 2, L16: what stands in print is short, and only of what is meant to be public
#[tokio::test]
async fn a_publication_link_has_a_code_and_an_event_link_by_wish() {
    let app = start().await;
    for (ask, is) in [
        (json!({ "class": "publication", "code": false }), 422),
        (json!({ "class": "review", "code": true }), 422),
        (json!({ "code": true }), 422),
        (json!({ "class": "event", "code": "yes" }), 400),
    ] {
        let answer = app.create(&app.ada.token, ask).await.is(is);
        assert_eq!(answer.json["code"], if is == 422 { "link-code" } else { "body" });
    }
    let plain = app.a_link(json!({ "class": "event" })).await;
    let key = |link: &Value| link["url"].as_str().unwrap()[DATA.len() + 1..][..32].to_owned();
    assert_eq!((plain.get("code"), plain["page"].as_str()), (None, Some(format!("/s/{}", key(&plain)).as_str())));
    let event = app.a_link(json!({ "class": "event", "code": true })).await;
    let publication = app.a_link(json!({ "class": "publication" })).await;
    for link in [&event, &publication] {
        let code = link["code"].as_str().unwrap();
        assert_eq!((code.len(), link["page"].as_str()), (8, Some(format!("/s/{code}").as_str())));
        let typed = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
        for url in [code.to_owned(), typed.clone(), format!("https://app.test/s/{typed}"), format!("HTTPS://APP.TEST/S/{code}"), key(link)]
        {
            let found = app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": url })).await.is(200);
            assert_eq!(&found.json, link, "{url}");
            // No pass is needed; that is said of the link, which was found.
            app.post("/api/v1/passes", "", json!({ "url": url })).await.refuses(409, "no-pass-needed", "");
        }
        app.post("/api/v1/links/resolve", &app.eve.token, json!({ "url": code })).await.refuses(404, "not-found", "");
    }
    assert_ne!(event["code"], publication["code"]);
    for url in ["00000000", "https://app.test/s/0000-0000"] {
        app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": url })).await.refuses(404, "not-found", "");
        app.post("/api/v1/passes", "", json!({ "url": url })).await.refuses(404, "not-found", "");
    }
    let token = app.token_for(&app.ada.user, &[Scope::Read], 74).await;
    let shown = app.get(&format!("/api/v1/links/{}", id_of(&publication)), &token).await.is(200).json;
    assert_eq!((shown.get("code"), shown.get("page")), (None, None), "whoever has it reads");
}

// ADR 0004: `links` has no right to look at the store
#[tokio::test]
async fn a_path_with_a_slash_is_a_folder_and_one_without_an_object() {
    let app = start().await;
    for (path, prefix) in [("fused.ome.zarr/", "fused.ome.zarr/"), ("notes/", "notes/"), ("table.csv", "table.csv"), ("nothing", "nothing")]
    {
        let link = app.a_link(json!({ "path": path })).await;
        assert_eq!((link["path"].as_str().unwrap(), link["s3"]["prefix"].as_str().unwrap()), (path, prefix), "{path}");
    }
}

// UX 1: what a link gives is said before it is made, by what makes it
#[tokio::test]
async fn a_trial_says_what_a_link_would_be_and_makes_none() {
    let app = start().await;
    let try_it = async |token: &str, ask: Value| app.post("/api/v1/links?dry_run=true", token, ask).await;
    let dataset = app.root.id.to_string();
    for (more, place, secs, days) in [
        (json!({}), "demo:", 65, Some(30)),
        (json!({ "path": "notes/", "strict": true, "until": "7d" }), "demo:notes/", 15, Some(7)),
        (json!({ "class": "publication" }), "demo:", 330, None),
    ] {
        let mut ask = json!({ "dataset": dataset });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let tried = try_it(&app.ada.token, ask.clone()).await.is(200);
        assert_eq!((tried.text("/place"), &tried.json["stops_within_secs"], &tried.json["left_out"]), (place, &json!(secs), &json!(0)));
        for absent in ["id", "url", "streamed_url", "s3"] {
            assert_eq!(tried.json.get(absent), None, "{absent}");
        }
        let until = days.map(|days| (app.now() + SignedDuration::from_hours(24 * days)).to_string());
        assert_eq!(tried.json.get("until").and_then(Value::as_str), until.as_deref());
        let listed = app.get("/api/v1/links", &app.ada.token).await.is(200);
        assert!(
            listed.json["items"].as_array().unwrap().iter().all(|link| link["place"] != place || link["class"] != ask["class"]),
            "{listed:?}"
        );
        let made = app.post("/api/v1/links", &app.ada.token, ask).await.is(201);
        for field in ["place", "class", "role", "until", "stops_within_secs"] {
            assert_eq!(made.json.get(field), tried.json.get(field), "{field}");
        }
    }
    for (more, status, code, pointer) in [
        (json!({ "until": "soon" }), 422, "until", "/until"),
        (json!({ "class": "gift" }), 422, "class", "/class"),
        (json!({ "path": "../x" }), 400, "bad-path", "/path"),
    ] {
        let mut ask = json!({ "dataset": dataset });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_it(&app.ada.token, ask).await.refuses(status, code, pointer);
    }
    try_it(&app.eve.token, json!({ "dataset": dataset })).await.refuses(404, "not-found", "");
}

// L7
#[tokio::test]
async fn the_same_options_meet_the_same_link_until_it_ends() {
    let app = start().await;
    let first = app.a_link(json!({ "until": "30d", "label": "a" })).await;
    app.wait(SignedDuration::from_secs(3_600));
    let again = app.create(&app.ada.token, json!({ "until": "30d", "label": "a" })).await.is(200);
    assert_eq!((id_of(&again.json), &again.json["url"], &again.json["until"]), (id_of(&first), &first["url"], &first["until"]));
    for other in [
        json!({ "until": "30d", "label": "b" }),
        json!({ "until": "31d", "label": "a" }),
        json!({ "until": "30d", "label": "a", "strict": true }),
    ] {
        assert_ne!(id_of(&app.a_link(other).await), id_of(&first));
    }
    app.post(&format!("/api/v1/links/{}/pause", id_of(&first)), &app.ada.token, json!({})).await.is(200);
    let paused = app.create(&app.ada.token, json!({ "until": "30d", "label": "a" })).await.is(200);
    assert_eq!((id_of(&paused.json), paused.text("/state")), (id_of(&first), "paused"));
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&first)), &app.ada.token, json!({})).await.is(200);
    let next = app.a_link(json!({ "until": "30d", "label": "a" })).await;
    assert_ne!((id_of(&next), &next["url"]), (id_of(&first), &first["url"]));
}

// SEMANTICS 6; SECURITY T38
#[tokio::test]
async fn a_request_sent_twice_has_its_effect_once() {
    let app = start().await;
    let body = json!({ "dataset": app.root.id.to_string(), "label": "once" }).to_string();
    let send = |token: &str, body: String| {
        let (app, token) = (&app, token.to_owned());
        async move { app.send("POST", "/api/v1/links", &token, &[("idempotency-key", "k-1")], body).await }
    };
    let first = send(&app.ada.token, body.clone()).await.is(201);
    // A revoked link would be followed by a new one; the same request is not a new one.
    app.post(&format!("/api/v1/links/{}/revoke", first.text("/id")), &app.ada.token, json!({})).await.is(200);
    let second = send(&app.ada.token, body.clone()).await.is(201);
    assert_eq!((second.text("/id"), second.text("/url"), second.text("/state")), (first.text("/id"), first.text("/url"), "revoked"));
    let other = json!({ "dataset": app.root.id.to_string(), "label": "other" }).to_string();
    send(&app.ada.token, other).await.refuses(422, "idempotency-mismatch", "");
    // Another person's key of the same text is another key.
    send(&app.eve.token, body.clone()).await.refuses(404, "not-found", "");
    app.wait(SignedDuration::from_hours(25));
    assert_ne!(send(&app.ada.token, body).await.is(201).text("/id"), first.text("/id"));
    let long = "k".repeat(129);
    for key in ["", "a b", &long] {
        app.send("POST", "/api/v1/links", &app.ada.token, &[("idempotency-key", key)], "{}").await.refuses(400, "idempotency-key", "");
    }
}

#[tokio::test]
async fn what_does_not_fit_names_its_field() {
    let app = start().await;
    let past = "2001-01-01T00:00:00Z";
    for (more, status, code, pointer) in [
        (json!({ "until": "soon" }), 422, "until", "/until"),
        (json!({ "until": "0d" }), 422, "until-past", "/until"),
        (json!({ "until": past }), 422, "until-past", "/until"),
        (json!({ "not_before": "soon" }), 422, "not-before", "/not_before"),
        (json!({ "not_before": "2999-01-01", "until": "30d" }), 422, "never-open", "/not_before"),
        (json!({ "class": "private" }), 422, "class", "/class"),
        (json!({ "label": "x".repeat(201) }), 422, "label", "/label"),
        (json!({ "label": "a\u{7}b" }), 422, "label", "/label"),
        (json!({ "path": "../secret" }), 400, "bad-path", "/path"),
        (json!({ "path": "a//b" }), 400, "bad-path", "/path"),
        (json!({ "path": "/a" }), 400, "bad-path", "/path"),
        (json!({ "path": "a\\b" }), 400, "bad-path", "/path"),
        (json!({ "maker": "me" }), 400, "body", "/maker"),
        (json!({ "stewarded": true }), 400, "body", "/stewarded"),
        (json!({ "strict": "yes" }), 400, "body", "/strict"),
        (json!({ "dataset": "d" }), 404, "not-found", ""),
    ] {
        let told = format!("{more}");
        let answer = app.create(&app.ada.token, more).await;
        assert_eq!(answer.status.as_u16(), status, "{told} {answer:?}");
        answer.refuses(status, code, pointer);
    }
    let file = app.a_dataset("table.csv", Kind::File, 60).await;
    app.post("/api/v1/links", &app.ada.token, json!({ "dataset": file.id.to_string(), "path": "x/" })).await.refuses(
        422,
        "no-such-path",
        "/path",
    );
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused() {
    let app = start().await;
    for path in [
        "/api/v1/links",
        "/api/v1/links/batch",
        "/api/v1/links/batch/revoke",
        "/api/v1/links/batch/extend",
        "/api/v1/links/resolve",
        "/api/v1/passes",
    ] {
        app.send("POST", path, &app.ada.token, &[], "{").await.refuses(400, "json", "");
        app.send("POST", path, &app.ada.token, &[], " [\"d\"]").await.refuses(400, "body", "");
        app.send("POST", path, &app.ada.token, &[], "[]").await.refuses(400, "body", "");
        app.send("POST", path, &app.ada.token, &[], "").await.is(400);
        app.send("POST", path, &app.ada.token, &[], "{\"surprise\":1}").await.refuses(400, "body", "/surprise");
        let large = format!("{{\"url\":\"{}\"}}", "x".repeat(1_048_576));
        app.send("POST", path, &app.ada.token, &[], large).await.refuses(413, "body-too-large", "");
    }
}

/// Every route of the router but the API's own description, with a link's or dataset's id in it.
fn routes(link: &str, dataset: &str) -> Vec<(&'static str, String, &'static str, bool)> {
    let revoke_all = format!("/api/v1/datasets/{dataset}/links/revoke");
    vec![
        ("GET", "/api/v1/links".to_owned(), "", false),
        ("POST", "/api/v1/links".to_owned(), "{\"dataset\":\"D\"}", true),
        ("POST", "/api/v1/links?dry_run=true".to_owned(), "{\"dataset\":\"D\"}", true),
        ("POST", "/api/v1/links/batch".to_owned(), "{\"items\":[{\"dataset\":\"D\"}]}", true),
        ("POST", "/api/v1/links/batch/revoke".to_owned(), "{\"ids\":[\"L\"]}", true),
        ("POST", "/api/v1/links/batch/extend".to_owned(), "{\"ids\":[\"L\"],\"until\":\"400d\"}", true),
        ("POST", "/api/v1/links/resolve".to_owned(), "{\"url\":\"U\"}", false),
        ("GET", format!("/api/v1/links/{link}"), "", false),
        ("PATCH", format!("/api/v1/links/{link}"), "{\"label\":\"x\"}", true),
        ("POST", format!("/api/v1/links/{link}/pause"), "", true),
        ("POST", format!("/api/v1/links/{link}/resume"), "", true),
        ("POST", format!("/api/v1/links/{link}/promote"), "{}", true),
        ("POST", format!("/api/v1/links/{link}/promote?dry_run=true"), "{}", true),
        ("POST", format!("/api/v1/links/{link}/retarget"), "{\"dataset\":\"D\"}", true),
        ("POST", format!("/api/v1/links/{link}/revoke"), "", true),
        ("POST", revoke_all, "{\"reason\":\"r\"}", true),
    ]
}

// SECURITY T1; SEMANTICS 4: what is not the caller's to know of is not there, with one body
#[tokio::test]
async fn every_route_is_closed_to_nobody_and_to_strangers() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let (id, url, dataset) = (id_of(&link), link["url"].as_str().unwrap(), app.root.id.to_string());
    let fill = |body: &str, id: &str, url: &str| {
        body.replace("\"D\"", &format!("\"{dataset}\"")).replace("\"L\"", &format!("\"{id}\"")).replace("\"U\"", &format!("\"{url}\""))
    };
    let reader = app.token_for(&app.ada.user, &[], 51).await;
    let viewer = app.viewers_token(&app.ada, 52).await;
    let mut bodies = BTreeSet::new();
    for (method, path, body, changes) in routes(id, &dataset) {
        let body = fill(body, id, url);
        let headers = [("if-match", "\"1\"")];
        for token in ["", "offprint_wrong", &format!("{}a", app.ada.token), &app.ada.token.to_uppercase()] {
            let answer = app.send(method, &path, token, &headers, body.clone()).await.refuses(401, "sign-in", "");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
        // What a viewer was given reads data: the addresses of its owner's links, which would outlive it, are not for it.
        assert_eq!(app.send(method, &path, &viewer, &headers, body.clone()).await.refuses(403, "scope", "").json["scope"], "read");
        let strange = app.send(method, &path, &app.eve.token, &headers, body.clone()).await;
        if path == "/api/v1/links" && method == "GET" {
            assert_eq!((strange.status, &strange.json["items"]), (StatusCode::OK, &json!([])), "{strange:?}");
        } else if path.contains("/batch") {
            assert_eq!(outcome(&strange.json["items"][0]), (404, "not-found"), "{strange:?}");
        } else {
            let mut strange = strange.refuses(404, "not-found", "");
            strange.json.as_object_mut().unwrap().remove("request_id");
            bodies.insert(strange.json.to_string());
        }
        if changes {
            let narrow = app.send(method, &path, &reader, &headers, body).await;
            if path.contains("/batch") {
                assert_eq!(outcome(&narrow.json["items"][0]), (403, "scope"), "{narrow:?}");
            } else {
                assert_eq!(narrow.refuses(403, "scope", "").json["scope"], "links");
            }
        }
    }
    // Nothing was changed by any of it, and a link that is not there looks the same.
    assert_eq!(app.get(&format!("/api/v1/links/{id}"), &app.ada.token).await.is(200).json, link);
    for path in ["/api/v1/links/laaaaaaaaaaaaaaaaaaaaaaaaaa", "/api/v1/links/x", "/api/v1/links/%ff", "/api/v1/nothing"] {
        let mut nobody = app.get(path, &app.eve.token).await.refuses(404, "not-found", "");
        nobody.json.as_object_mut().unwrap().remove("request_id");
        bodies.insert(nobody.json.to_string());
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

// ACCESS 1: none of the deployment's roles reads data by being one
#[tokio::test]
async fn an_administrator_gains_no_right_to_links() {
    let app = start().await;
    let (link, bo) = (app.a_link(json!({})).await, app.another_administrator().await);
    app.get(&format!("/api/v1/links/{}", id_of(&link)), &bo.token).await.refuses(404, "not-found", "");
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&link)), &bo.token, json!({})).await.refuses(404, "not-found", "");
    app.create(&bo.token, json!({})).await.refuses(404, "not-found", "");
    assert_eq!(app.get("/api/v1/links", &bo.token).await.is(200).json["items"], json!([]));
    assert_ne!(bo.user.id, app.ada.user.id);
}

#[tokio::test]
async fn a_token_that_ended_opens_nothing() {
    let app = start().await;
    app.wait(SignedDuration::from_hours(24 * 3_651));
    app.get("/api/v1/links", &app.ada.token).await.refuses(401, "sign-in", "");
}

// L2, L5; SEMANTICS 5
#[tokio::test]
async fn an_edit_keeps_the_url_and_says_when_a_narrowing_is_in_force() {
    let app = start().await;
    let link = app.a_link(json!({ "until": "10d" })).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    app.send("PATCH", &path, &app.ada.token, &[], "{}").await.refuses(428, "if-match", "");
    for tag in ["1", "\"1", "\"1\", 2", ""] {
        app.send("PATCH", &path, &app.ada.token, &[("if-match", tag)], "{\"label\":\"x\"}").await.refuses(400, "if-match", "");
    }
    for tag in ["\"2\"", "\"0\"", "W/\"1\""] {
        let stale = app.send("PATCH", &path, &app.ada.token, &[("if-match", tag)], "{\"label\":\"x\"}").await.refuses(412, "stale", "");
        assert_eq!(stale.json["version"], 1);
    }
    let wider = app.patch(&path, &app.ada.token, 1, json!({ "until": "20d", "label": "new" })).await.is(200);
    assert_eq!((wider.json.get("enforced_by"), wider.headers["etag"].to_str().unwrap()), (None, "\"2\""));
    assert_eq!((&wider.json["link"]["url"], wider.text("/link/label")), (&link["url"], "new"));
    let narrower = app.patch(&path, &app.ada.token, 2, json!({ "until": "5d" })).await.is(200);
    assert_eq!(instant(&narrower.json["enforced_by"]), app.now() + SignedDuration::from_secs(66));
    // What was open under the wider timing counts, though the link is strict from now on.
    let strict = app.patch(&path, &app.ada.token, 3, json!({ "strict": true })).await.is(200);
    assert_eq!(instant(&strict.json["enforced_by"]), app.now() + SignedDuration::from_secs(66));
    // It counts for what follows, too, and ten seconds more: the edit to strict may have taken that long to have its effect.
    let strictly = app.patch(&path, &app.ada.token, 4, json!({ "until": "4d" })).await.is(200);
    assert_eq!(instant(&strictly.json["enforced_by"]), app.now() + SignedDuration::from_secs(76));
    let later = app.patch(&path, &app.ada.token, 5, json!({ "not_before": "2999-01-01", "until": "never" })).await.is(200);
    assert_eq!(later.text("/link/state"), "not-yet");
    let cleared = app.patch(&path, &app.ada.token, 6, json!({ "not_before": null })).await.is(200);
    assert_eq!((cleared.text("/link/state"), cleared.json["link"].get("not_before")), ("live", None));
    // An edit that changes nothing is no new version.
    let same = app.patch(&path, &app.ada.token, 7, json!({ "label": "new" })).await.is(200);
    assert_eq!(same.json["link"]["version"], 7);
    for (body, status, code, pointer) in [
        (json!({ "until": null }), 400, "body", "/until"),
        (json!({ "class": "review" }), 400, "body", "/class"),
        (json!({ "until": "x" }), 422, "until", "/until"),
        (json!({ "until": "0d" }), 422, "until-past", "/until"),
    ] {
        app.patch(&path, &app.ada.token, 7, body).await.refuses(status, code, pointer);
    }
}

// SEMANTICS 6
#[tokio::test]
async fn an_edit_sent_twice_is_done_once() {
    let app = start().await;
    let link = app.a_link(json!({ "label": "a" })).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    let edit = |body: Value| {
        let (app, path) = (&app, path.clone());
        async move { app.send("PATCH", &path, &app.ada.token, &[("if-match", "\"1\""), ("idempotency-key", "e-1")], body.to_string()).await }
    };
    let first = edit(json!({ "strict": true })).await.is(200);
    let again = edit(json!({ "strict": true })).await.is(200);
    assert_eq!((&first.json["link"]["version"], &again.json["link"]["version"]), (&json!(2), &json!(2)));
    assert!(again.json["enforced_by"].is_string(), "a narrowing says when it is in force, a replay too");
    edit(json!({ "label": "other" })).await.refuses(422, "idempotency-mismatch", "");
}

// L4
#[tokio::test]
async fn pause_and_resume_restore_the_link_at_the_same_url() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    let paused = app.post(&format!("{path}/pause"), &app.ada.token, json!({})).await.is(200);
    assert_eq!((paused.text("/link/state"), instant(&paused.json["enforced_by"])), ("paused", app.now() + SignedDuration::from_secs(66)));
    let again = app.post(&format!("{path}/pause"), &app.ada.token, json!({})).await.is(200);
    assert_eq!((again.json["link"]["version"].as_u64(), again.text("/link/state")), (Some(2), "paused"));
    let resumed = app.post(&format!("{path}/resume"), &app.ada.token, json!({})).await.is(200);
    assert_eq!((resumed.text("/link/state"), &resumed.json["link"]["url"], resumed.json.get("enforced_by")), ("live", &link["url"], None));
    app.post(&format!("{path}/pause"), &app.ada.token, json!({ "why": "x" })).await.is(200);
}

// SEMANTICS 6
#[tokio::test]
async fn a_resume_that_comes_again_undoes_no_pause_that_came_between() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    let act = |act: &str, header: (&'static str, &'static str)| {
        let (app, path) = (&app, format!("{path}/{act}"));
        async move { app.send("POST", &path, &app.ada.token, &[header], "{}".to_owned()).await }
    };
    let state = |answer: &Answer| answer.text("/link/state").to_owned();
    assert_eq!(state(&act("pause", ("idempotency-key", "p")).await.is(200)), "paused");
    assert_eq!(state(&act("resume", ("idempotency-key", "r")).await.is(200)), "live");
    act("pause", ("idempotency-key", "r")).await.refuses(422, "idempotency-mismatch", "");
    let replayed = act("pause", ("idempotency-key", "p")).await.is(200);
    assert_eq!(state(&replayed), "live", "done already, and undone since");
    assert!(replayed.json["enforced_by"].is_string());
    assert_eq!(state(&act("pause", ("if-match", "\"3\"")).await.is(200)), "paused");
    assert_eq!(state(&act("resume", ("idempotency-key", "r")).await.is(200)), "paused");
    act("resume", ("if-match", "\"3\"")).await.refuses(412, "stale", "");
    assert_eq!(state(&act("resume", ("if-match", "\"4\"")).await.is(200)), "live");
}

// UX 9
#[tokio::test]
async fn a_write_that_asks_something_in_the_query_is_not_done() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    let dataset = format!("/api/v1/datasets/{}/links/revoke", link["dataset"].as_str().unwrap());
    for (path, ask) in [
        ("/api/v1/links?surprise=true".to_owned(), json!({ "dataset": link["dataset"] })),
        (format!("{path}/revoke?dry_run=true"), json!({})),
        (format!("{path}/pause?x"), json!({})),
        (format!("{dataset}?dry_run=true"), json!({ "reason": "x" })),
        ("/api/v1/links/batch/revoke?dry_run=true".to_owned(), json!({ "ids": [id_of(&link)] })),
    ] {
        app.post(&path, &app.ada.token, ask).await.refuses(400, "query", "");
    }
    app.send("PUT", &format!("{path}?x"), &app.ada.token, &[], String::new()).await.refuses(405, "method", "");
    app.post("/api/v1/openapi.json?x", &app.ada.token, json!({})).await.refuses(405, "method", "");
    let shown = app.get(&path, &app.ada.token).await.is(200);
    assert_eq!((shown.text("/state"), &shown.json["version"]), ("live", &json!(1)));
    app.post(&format!("{path}/pause?"), &app.ada.token, json!({})).await.is(200);
}

// SEMANTICS 5
#[tokio::test]
async fn a_link_that_has_just_become_strict_says_how_long_what_it_gave_reads_on() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    assert_eq!(link.get("given_until"), None);
    let strict = app.send("PATCH", &path, &app.ada.token, &[("if-match", "\"1\"")], json!({ "strict": true }).to_string()).await.is(200);
    let given = instant(&strict.json["link"]["given_until"]);
    assert!(given >= instant(&strict.json["enforced_by"]), "{}", strict.json);
    let revoked = app.post(&format!("{path}/revoke"), &app.ada.token, json!({})).await.is(200);
    assert_eq!(instant(&revoked.json["enforced_by"]), given, "what is shown before is what is said after");
    app.wait(given.duration_since(app.now()));
    assert_eq!(app.get(&path, &app.ada.token).await.is(200).json.get("given_until"), None);
}

// L3; SEMANTICS 5
#[tokio::test]
async fn a_revoke_is_for_good_and_says_when_it_is_in_force() {
    let app = start().await;
    for (more, bound) in [
        (json!({ "label": "private" }), 66),
        (json!({ "class": "publication" }), 331),
        (json!({ "strict": true }), 16),
        (json!({ "class": "review" }), 66),
    ] {
        let link = app.a_link(more).await;
        let path = format!("/api/v1/links/{}", id_of(&link));
        let revoked = app.post(&format!("{path}/revoke"), &app.ada.token, json!({ "reason": "over" })).await.is(200);
        let state = if bound == 331 { "withdrawn" } else { "revoked" };
        assert_eq!(
            (revoked.text("/link/state"), instant(&revoked.json["enforced_by"])),
            (state, app.now() + SignedDuration::from_secs(bound))
        );
        assert_eq!(
            (revoked.text("/link/revoked/reason"), revoked.text("/link/revoked/by")),
            ("over", app.ada.user.id.to_string().as_str())
        );
        let first = revoked.text("/link/revoked/at").to_owned();
        app.wait(SignedDuration::from_secs(10));
        let again = app.post(&format!("{path}/revoke"), &app.ada.token, json!({ "reason": "still over" })).await.is(200);
        assert_eq!((again.text("/link/revoked/at"), again.text("/link/revoked/reason")), (first.as_str(), "over"));
        let code = format!("link-{state}");
        app.post(&format!("{path}/resume"), &app.ada.token, json!({})).await.refuses(410, &code, "");
        app.post(&format!("{path}/pause"), &app.ada.token, json!({})).await.refuses(410, &code, "");
        app.patch(&path, &app.ada.token, 1, json!({ "label": "alive" })).await.refuses(410, &code, "");
        assert_eq!(app.get(&path, &app.ada.token).await.is(200).text("/state"), state);
    }
}

#[tokio::test]
async fn a_publication_link_is_not_withdrawn_without_a_reason() {
    let app = start().await;
    let link = app.a_link(json!({ "class": "publication" })).await;
    assert_eq!((link["stewarded"].as_bool(), link.get("until")), (Some(true), None));
    let path = format!("/api/v1/links/{}/revoke", id_of(&link));
    for body in ["", "{}", "{\"reason\":\"\"}", "{\"reason\":\"  \"}"] {
        app.send("POST", &path, &app.ada.token, &[], body).await.refuses(409, "reason-needed", "/reason");
    }
    app.post(&path, &app.ada.token, json!({ "reason": "x".repeat(1_001) })).await.refuses(422, "reason", "/reason");
    assert_eq!(app.get(&format!("/api/v1/links/{}", id_of(&link)), &app.ada.token).await.text("/state"), "live");
    app.post(&path, &app.ada.token, json!({ "reason": "retracted" })).await.is(200);
}

// Issue 2, section 9.6, on this table
#[tokio::test]
async fn a_link_is_shown_and_revoked_the_moment_after_it_was_made() {
    let app = start().await;
    for number in 0..20 {
        let link = app.a_link(json!({ "label": number.to_string() })).await;
        let path = format!("/api/v1/links/{}", id_of(&link));
        app.get(&path, &app.ada.token).await.is(200);
        app.post(&format!("{path}/revoke"), &app.ada.token, json!({})).await.is(200);
        assert_eq!(app.get(&path, &app.ada.token).await.is(200).text("/state"), "revoked");
    }
}

// L18
#[tokio::test]
async fn all_links_of_a_dataset_end_in_one_write() {
    let app = start().await;
    let old = [app.a_link(json!({ "label": "a" })).await, app.a_link(json!({ "label": "b", "class": "publication" })).await];
    let zarr = app.a_dataset("fused.ome.zarr", Kind::Zarr, 61).await;
    let beside = app.post("/api/v1/links", &app.ada.token, json!({ "dataset": zarr.id.to_string() })).await.is(201).json;
    let path = format!("/api/v1/datasets/{}/links/revoke", app.root.id);
    app.post(&path, &app.ada.token, json!({})).await.refuses(409, "reason-needed", "/reason");
    app.post("/api/v1/datasets/x/links/revoke", &app.ada.token, json!({ "reason": "r" })).await.refuses(404, "not-found", "");
    let ended = app.post(&path, &app.ada.token, json!({ "reason": "leaked" })).await.is(200);
    assert_eq!(
        (ended.text("/dataset"), instant(&ended.json["enforced_by"])),
        (app.root.id.to_string().as_str(), app.now() + SignedDuration::from_secs(331))
    );
    let state = |link: &Value| {
        let (app, path) = (&app, format!("/api/v1/links/{}", id_of(link)));
        async move { app.get(&path, &app.ada.token).await.is(200).text("/state").to_owned() }
    };
    assert_eq!(
        (state(&old[0]).await, state(&old[1]).await, state(&beside).await),
        ("revoked".to_owned(), "withdrawn".to_owned(), "live".to_owned())
    );
    let next = app.a_link(json!({ "label": "a" })).await;
    assert_ne!(id_of(&next), id_of(&old[0]));
    assert_eq!(state(&next).await, "live");
}

#[tokio::test]
async fn ceilings_bind_new_links_and_edits() {
    let app = start_under(Ceilings {
        audience: Audience::Link,
        link_days_max: Some(10),
        zones: Zones::EVERYWHERE,
        hard_zones: false,
        terms: None,
    })
    .await;
    app.create(&app.ada.token, json!({ "class": "publication", "until": "5d" })).await.refuses(403, "audience-too-wide", "/class");
    for until in ["11d", "never", "2999-01-01"] {
        let far = app.create(&app.ada.token, json!({ "until": until })).await.refuses(422, "until-too-far", "/until");
        assert_eq!(far.json["days_max"], 10);
    }
    // The class's own 30 days are over the ceiling, too: nobody gets less than the reply says.
    app.create(&app.ada.token, json!({})).await.refuses(422, "until-too-far", "/until");
    let link = app.a_link(json!({ "until": "10d" })).await;
    app.patch(&format!("/api/v1/links/{}", id_of(&link)), &app.ada.token, 1, json!({ "until": "never" })).await.refuses(
        422,
        "until-too-far",
        "/until",
    );
    let closed = start_under(Ceilings {
        audience: Audience::Accounts,
        link_days_max: None,
        zones: Zones::EVERYWHERE,
        hard_zones: false,
        terms: None,
    })
    .await;
    closed.create(&closed.ada.token, json!({})).await.refuses(403, "audience-too-wide", "/class");
}

#[tokio::test]
async fn a_review_link_has_a_neutral_name() {
    let app = start().await;
    let link = app.a_link(json!({ "class": "review", "path": "fused.ome.zarr/" })).await;
    assert!(link["url"].as_str().unwrap().ends_with("/data.ome.zarr"), "{link}");
    assert_eq!(instant(&link["until"]), app.now() + SignedDuration::from_hours(24 * 90));
}

// L17 as far as it goes here: filters and pages
#[tokio::test]
async fn a_listing_is_filtered_and_goes_on_where_it_stopped() {
    let app = start().await;
    let mut made = Vec::new();
    for number in 0..7 {
        app.wait(SignedDuration::from_secs(1));
        made.push(
            app.a_link(json!({ "label": format!("Talk {number}"), "class": if number == 3 { "event" } else { "collaboration" } })).await,
        );
    }
    app.post(&format!("/api/v1/links/{}/pause", id_of(&made[0])), &app.ada.token, json!({})).await.is(200);
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&made[1])), &app.ada.token, json!({})).await.is(200);
    let ids = |answer: &Answer| answer.json["items"].as_array().unwrap().iter().map(|link| id_of(link).to_owned()).collect::<Vec<_>>();
    let newest_first: Vec<String> = made.iter().rev().map(|link| id_of(link).to_owned()).collect();
    assert_eq!(ids(&app.get("/api/v1/links", &app.ada.token).await.is(200)), newest_first);
    assert_eq!(ids(&app.get(&format!("/api/v1/links?dataset={}", app.root.id), &app.ada.token).await.is(200)), newest_first);
    for (query, want) in [
        ("state=paused", vec![0]),
        ("state=revoked", vec![1]),
        ("state=live", vec![6, 5, 4, 3, 2]),
        ("class=event", vec![3]),
        ("q=talk%205", vec![5]),
        ("q=nothing", vec![]),
        ("state=live&class=event&q=T", vec![3]),
    ] {
        let want: Vec<String> = want.into_iter().map(|number: usize| id_of(&made[number]).to_owned()).collect();
        assert_eq!(ids(&app.get(&format!("/api/v1/links?{query}"), &app.ada.token).await.is(200)), want, "{query}");
    }
    for state in LinkState::ALL {
        app.get(&format!("/api/v1/links?state={}", state.word()), &app.ada.token).await.is(200);
    }
    for class in Class::ALL {
        app.get(&format!("/api/v1/links?class={}", class.word()), &app.ada.token).await.is(200);
    }
    // Page by page, by the cursor in the body or by the header: everything once.
    for query in ["limit=2", "limit=2&state=live", "limit=3&q=talk"] {
        let whole =
            ids(&app.get(&format!("/api/v1/links?{}", query.split_once('&').map_or("", |(_, filters)| filters)), &app.ada.token).await);
        let (mut found, mut next) = (Vec::new(), Some(format!("/api/v1/links?{query}")));
        while let Some(path) = next {
            let page = app.get(&path, &app.ada.token).await.is(200);
            assert!(ids(&page).len() <= 3);
            found.extend(ids(&page));
            next = page
                .headers
                .get("link")
                .map(|link| link.to_str().unwrap().strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
            assert_eq!(next.is_some(), page.json.get("next_cursor").is_some());
            if let Some(next) = &next {
                assert!(next.contains(page.text("/next_cursor")), "{next}");
            }
        }
        assert_eq!(found, whole, "{query}");
    }
    for (query, code, pointer) in [
        ("limit=0", "limit", "/limit"),
        ("limit=101", "limit", "/limit"),
        ("limit=x", "query", ""),
        ("state=dead", "state", "/state"),
        ("class=x", "class", "/class"),
        ("stat=live", "query", ""),
        ("cursor=x", "bad-cursor", "/cursor"),
    ] {
        app.get(&format!("/api/v1/links?{query}"), &app.ada.token).await.refuses(400, code, pointer);
    }
}

// SECURITY T38
#[tokio::test]
async fn a_cursor_works_for_its_caller_and_query_alone_and_for_an_hour() {
    let app = start().await;
    for label in ["a", "b", "c"] {
        app.a_link(json!({ "label": label })).await;
    }
    let page = app.get("/api/v1/links?limit=1&state=live", &app.ada.token).await.is(200);
    let cursor = page.text("/next_cursor").to_owned();
    let get = |query: String, token: String| {
        let app = &app;
        async move { app.get(&format!("/api/v1/links?{query}"), &token).await }
    };
    get(format!("limit=1&state=live&cursor={cursor}"), app.ada.token.clone()).await.is(200);
    get(format!("limit=2&state=live&cursor={cursor}"), app.ada.token.clone()).await.is(200);
    get(format!("limit=1&cursor={cursor}"), app.ada.token.clone()).await.refuses(400, "bad-cursor", "/cursor");
    get(format!("limit=1&state=paused&cursor={cursor}"), app.ada.token.clone()).await.refuses(400, "bad-cursor", "/cursor");
    get(format!("limit=1&state=live&cursor={cursor}"), app.eve.token.clone()).await.refuses(400, "bad-cursor", "/cursor");
    for place in 0..cursor.len() {
        let mut changed = cursor.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        get(format!("limit=1&state=live&cursor={changed}"), app.ada.token.clone()).await.refuses(400, "bad-cursor", "/cursor");
    }
    app.wait(SignedDuration::from_secs(3_601));
    get(format!("limit=1&state=live&cursor={cursor}"), app.ada.token.clone()).await.refuses(400, "bad-cursor", "/cursor");
}

// L9
#[tokio::test]
async fn a_thousand_links_are_made_and_revoked_at_once() {
    let app = start().await;
    let items: Vec<Value> = (0..1_000).map(|number| json!({ "dataset": app.root.id.to_string(), "label": number.to_string() })).collect();
    let body = json!({ "items": items }).to_string();
    let made = app.send("POST", "/api/v1/links/batch", &app.ada.token, &[], body).await.is(200).json;
    let made = made["items"].as_array().unwrap();
    assert_eq!(made.len(), 1_000);
    for (index, item) in made.iter().enumerate() {
        assert_eq!(
            (item["index"].as_u64(), outcome(item), &item["link"]["label"]),
            (Some(index as u64), (201, ""), &json!(index.to_string())),
            "{item}"
        );
    }
    let urls: BTreeSet<&str> = made.iter().map(|item| item["link"]["url"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 1_000);
    let ids: Vec<&str> = made.iter().map(|item| id_of(&item["link"])).collect();
    let revoked = app.post("/api/v1/links/batch/revoke", &app.ada.token, json!({ "ids": ids, "reason": "done" })).await.is(200).json;
    let bound = app.now() + SignedDuration::from_secs(66);
    for item in revoked["items"].as_array().unwrap() {
        assert_eq!((outcome(item), instant(&item["enforced_by"]), &item["link"]["state"]), ((200, ""), bound, &json!("revoked")));
    }
    let too_many = vec![ids[0]; 1_001];
    app.post("/api/v1/links/batch/revoke", &app.ada.token, json!({ "ids": too_many })).await.refuses(422, "too-many", "/ids");
    let too_many = vec![json!({ "dataset": "d" }); 1_001];
    app.post("/api/v1/links/batch", &app.ada.token, json!({ "items": too_many })).await.refuses(422, "too-many", "/items");
}

// L9
#[tokio::test]
async fn a_batch_of_links_ends_later_and_never_sooner() {
    let app = start().await;
    let (short, long) =
        (app.a_link(json!({ "label": "s", "until": "2d" })).await, app.a_link(json!({ "label": "l", "until": "90d" })).await);
    let (paper, ended) = (app.a_link(json!({ "class": "publication" })).await, app.a_link(json!({ "label": "e" })).await);
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&ended)), &app.ada.token, json!({})).await.is(200);
    let ids = json!([id_of(&short), "x", id_of(&long), id_of(&paper), id_of(&ended)]);
    let ask = json!({ "ids": ids, "until": "30d" });
    let done = app.post("/api/v1/links/batch/extend", &app.ada.token, ask.clone()).await.is(200).json;
    let items = done["items"].as_array().unwrap();
    let outcomes: Vec<_> = items.iter().map(outcome).collect();
    assert_eq!(outcomes, [(200, ""), (404, "not-found"), (200, ""), (200, ""), (410, "link-revoked")]);
    assert_eq!(instant(&items[0]["link"]["until"]), app.now() + SignedDuration::from_hours(24 * 30));
    assert_eq!(items[0]["link"]["url"], short["url"]);
    assert_eq!((&items[2]["link"], &items[3]["link"]), (&long, &paper), "what ends later already stays as it is");
    let again = app.post("/api/v1/links/batch/extend", &app.ada.token, ask).await.is(200).json;
    assert_eq!(again, done, "sent twice, done once");
    let strange = json!({ "ids": [id_of(&short)], "until": "60d" });
    let strange = app.post("/api/v1/links/batch/extend", &app.eve.token, strange).await.is(200).json;
    assert_eq!(outcome(&strange["items"][0]), (404, "not-found"));
    app.post("/api/v1/links/batch/extend", &app.ada.token, json!({ "ids": vec![id_of(&short); 1_001], "until": "60d" }))
        .await
        .refuses(422, "too-many", "/ids");
    app.post("/api/v1/links/batch/extend", &app.ada.token, json!({ "ids": [], "until": "soon" })).await.refuses(422, "until", "/until");
}

// L9, SEMANTICS 6
#[tokio::test]
async fn an_extension_that_is_sent_again_moves_no_end_twice() {
    let app = start().await;
    let (short, long) =
        (app.a_link(json!({ "label": "s", "until": "2d" })).await, app.a_link(json!({ "label": "l", "until": "90d" })).await);
    let send = async |key: Option<&str>, until: &str| {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let ask = json!({ "ids": [id_of(&short), id_of(&short), id_of(&long)], "until": until }).to_string();
        let done = app.send("POST", "/api/v1/links/batch/extend", &app.ada.token, &headers, ask).await.is(200).json;
        done["items"].as_array().unwrap().clone()
    };
    let in_days = |days: i64| app.now() + SignedDuration::from_hours(24 * days);
    let ends = |items: &[Value]| items.iter().map(|item| instant(&item["link"]["until"])).collect::<Vec<_>>();

    // Without a key, the same days are the same asking for an hour; and one id twice is one extension.
    let (first_end, long_end) = (in_days(30), in_days(90));
    let done = send(None, "30d").await;
    assert_eq!(ends(&done), [first_end, first_end, long_end]);
    app.wait(SignedDuration::from_secs(3_599));
    assert_eq!(send(None, "30d").await, done, "neither an end nor a version");
    assert_eq!(ends(&send(None, "31d").await)[0], in_days(31), "other days are another asking");
    app.wait(SignedDuration::from_secs(3_600));
    assert_eq!(ends(&send(None, "31d").await)[0], in_days(31), "an hour later they are, too");

    // With a key it is done once for as long as the key is kept, and what changed nothing stays done, too.
    app.wait(SignedDuration::from_hours(2));
    let keyed_end = in_days(40);
    let done = send(Some("k"), "40d").await;
    assert_eq!(ends(&done), [keyed_end, keyed_end, long_end]);
    app.patch(&format!("/api/v1/links/{}", id_of(&long)), &app.ada.token, 1, json!({ "until": "3d" })).await.is(200);
    let sooner = in_days(3);
    app.wait(SignedDuration::from_hours(2));
    let again = send(Some("k"), "40d").await;
    assert_eq!((&again[..2], ends(&again)[2]), (&done[..2], sooner), "a replay undoes no later word");
    let other = send(Some("k"), "50d").await;
    assert_eq!(other.iter().map(outcome).collect::<Vec<_>>(), [(422, "idempotency-mismatch"); 3]);

    // A replay is told how the links are, even once the same request would be refused.
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&short)), &app.ada.token, json!({})).await.is(200);
    let after = send(Some("k"), "40d").await;
    assert_eq!((outcome(&after[0]), &after[0]["link"]["state"]), ((200, ""), &json!("revoked")));
    assert_eq!(outcome(&send(None, "40d").await[0]), (410, "link-revoked"));
}

// L13
#[tokio::test]
async fn a_link_moves_with_its_data_and_keeps_its_url() {
    let app = start().await;
    let (from, to) = (app.a_dataset("fused.ome.zarr", Kind::Zarr, 20).await, app.a_dataset("moved.ome.zarr", Kind::Zarr, 21).await);
    let other = app.a_dataset("notes", Kind::Folder, 22).await;
    let made = json!({ "dataset": from.id.to_string(), "label": "paper" });
    let link = app.post("/api/v1/links", &app.ada.token, made).await.is(201).json;
    let (id, path) = (id_of(&link), format!("/api/v1/links/{}/retarget", id_of(&link)));
    let to_there = json!({ "dataset": to.id.to_string(), "reason": "new disks" });
    app.post(&path, &app.ada.token, to_there.clone()).await.refuses(428, "if-match", "");
    let send = async |token: &str, version: u64, key: &str, ask: &Value| {
        let headers = [("if-match", format!("\"{version}\"")), ("idempotency-key", key.to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        app.send("POST", &path, token, &headers, ask.to_string()).await
    };
    send(&app.ada.token, 7, "a", &to_there).await.refuses(412, "stale", "");
    send(&app.eve.token, 1, "a", &to_there).await.refuses(404, "not-found", "");
    for place in [json!({ "dataset": other.id.to_string() }), json!({ "dataset": app.root.id.to_string(), "path": "table.csv" })] {
        send(&app.ada.token, 1, "b", &place).await.refuses(422, "other-form", "/dataset");
    }
    let nowhere = json!({ "dataset": "daaaaaaaaaaaaaaaaaaaaaaaaaa" });
    send(&app.ada.token, 1, "c", &nowhere).await.refuses(404, "not-found", "");

    let moved = send(&app.ada.token, 1, "d", &to_there).await.is(200).json;
    assert_eq!((&moved["link"]["dataset"], &moved["link"]["place"]), (&json!(to.id.to_string()), &json!("demo:moved.ome.zarr/")));
    assert_eq!((&moved["link"]["url"], &moved["link"]["id"], moved["link"]["version"].as_u64()), (&link["url"], &link["id"], Some(2)));
    assert_eq!(instant(&moved["enforced_by"]), app.now() + SignedDuration::from_secs(66), "until then the old place may open");
    assert_eq!(send(&app.ada.token, 1, "d", &to_there).await.is(200).json["link"], moved["link"], "a replay moves nothing");
    let listed = async |dataset: &Dataset| {
        let list = app.get(&format!("/api/v1/links?dataset={}", dataset.id), &app.ada.token).await.is(200).json;
        list["items"].as_array().unwrap().iter().map(|item| id_of(item).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((listed(&from).await, listed(&to).await), (vec![], vec![id.to_owned()]));

    // All links of the dataset that it left end without it, those of the one that it is on with it; and it never comes back.
    let end = async |dataset: &Dataset| {
        let path = format!("/api/v1/datasets/{}/links/revoke", dataset.id);
        app.post(&path, &app.ada.token, json!({ "reason": "r" })).await.is(200);
        app.get(&format!("/api/v1/links/{id}"), &app.ada.token).await.is(200).json["state"].clone()
    };
    assert_eq!(end(&from).await, json!("live"));
    let back = json!({ "dataset": from.id.to_string() });
    assert_eq!(send(&app.ada.token, 2, "e", &back).await.is(200).json["link"]["state"], "live");
    assert_eq!((listed(&from).await, listed(&to).await), (vec![id.to_owned()], vec![]));
    assert_eq!(end(&from).await, json!("revoked"));
    send(&app.ada.token, 3, "f", &to_there).await.refuses(410, "link-revoked", "");
}

#[tokio::test]
async fn a_batch_that_was_cut_short_is_sent_again_whole() {
    let app = start().await;
    let dataset = app.root.id.to_string();
    let send = |count: usize, label: &'static str| {
        let items: Vec<Value> = (0..count).map(|number| json!({ "dataset": dataset, "label": format!("{label} {number}") })).collect();
        let body = json!({ "items": items }).to_string();
        let app = &app;
        async move { app.send("POST", "/api/v1/links/batch", &app.ada.token, &[("idempotency-key", "b")], body).await.is(200).json }
    };
    let ids = |batch: &Value| batch["items"].as_array().unwrap().iter().map(|item| id_of(&item["link"]).to_owned()).collect::<Vec<_>>();
    let cut = send(12, "a").await;
    let whole = send(20, "a").await;
    assert_eq!(ids(&whole)[..12], ids(&cut));
    assert!(whole["items"].as_array().unwrap().iter().all(|item| item["status"] == 201));
    // Another item under the key of one that was sent is another request.
    let other = send(1, "b").await;
    assert_eq!(outcome(&other["items"][0]), (422, "idempotency-mismatch"));
}

// L7, L9
#[tokio::test]
async fn a_batch_sent_again_without_a_key_makes_and_ends_nothing_more() {
    let app = start().await;
    let items: Vec<Value> = (0..3).map(|number| json!({ "dataset": app.root.id.to_string(), "label": number.to_string() })).collect();
    let send = async || app.post("/api/v1/links/batch", &app.ada.token, json!({ "items": items })).await.is(200).json;
    let (first, again) = (send().await, send().await);
    let links = |batch: &Value| batch["items"].as_array().unwrap().iter().map(|item| item["link"].clone()).collect::<Vec<_>>();
    assert_eq!(links(&first), links(&again));
    assert!(again["items"].as_array().unwrap().iter().all(|item| outcome(item) == (200, "")), "they were there: {again}");
    let ids: Vec<_> = links(&first).iter().map(|link| link["id"].clone()).collect();
    let end = async |reason: &str| {
        let ask = json!({ "ids": ids, "reason": reason });
        links(&app.post("/api/v1/links/batch/revoke", &app.ada.token, ask).await.is(200).json)
    };
    let ended = end("done").await;
    app.wait(SignedDuration::from_secs(60));
    assert_eq!(end("done once more").await, ended, "who, when and why stay the first's");
}

#[tokio::test]
async fn one_bad_item_of_a_batch_hides_no_other() {
    let app = start().await;
    let dataset = app.root.id.to_string();
    let items = json!({ "items": [
        { "dataset": dataset, "label": "a" },
        { "dataset": "d" },
        { "dataset": dataset, "until": "0d" },
        { "dataset": dataset, "path": ".." },
        { "dataset": dataset, "label": "a" },
        { "dataset": dataset, "class": "publication" },
    ] });
    let made = app.post("/api/v1/links/batch", &app.ada.token, items).await.is(200).json;
    let outcomes: Vec<_> = made["items"].as_array().unwrap().iter().map(outcome).collect();
    assert_eq!(outcomes, [(201, ""), (404, "not-found"), (422, "until-past"), (400, "bad-path"), (200, ""), (201, "")]);
    assert_eq!(made["items"][2]["problem"]["errors"][0]["pointer"], "/until");
    assert_eq!(made["items"][0]["link"]["id"], made["items"][4]["link"]["id"]);
    let ids = json!({ "ids": [made["items"][0]["link"]["id"], "x", made["items"][5]["link"]["id"]] });
    let revoked = app.post("/api/v1/links/batch/revoke", &app.ada.token, ids).await.is(200).json;
    let outcomes: Vec<_> = revoked["items"].as_array().unwrap().iter().map(outcome).collect();
    assert_eq!(outcomes, [(200, ""), (404, "not-found"), (409, "reason-needed")]);
}

#[tokio::test]
async fn a_link_is_found_by_its_url_by_whoever_may_know_of_it() {
    let app = start().await;
    let link = app.a_link(json!({ "path": "fused.ome.zarr/" })).await;
    let url = link["url"].as_str().unwrap();
    let key = link["s3"]["bucket"].as_str().unwrap();
    for text in [url.to_owned(), format!("{url}/0/c/0"), link["streamed_url"].as_str().unwrap().to_owned(), key.to_owned()] {
        let found = app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": text })).await.is(200);
        assert_eq!(found.json, link);
    }
    for text in ["", "https://data.test/", "x", &"a".repeat(32)] {
        app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": text })).await.refuses(404, "not-found", "");
    }
}

// SECURITY T5
#[tokio::test]
async fn another_secret_shows_no_url_and_changes_nothing_else() {
    let mut app = start().await;
    let link = app.a_link(json!({})).await;
    app.router = links::router(app.app.clone(), Arc::new(OnceLock::from(DeploymentSecret::new(vec![8; 32]).unwrap())));
    let shown = app.get(&format!("/api/v1/links/{}", id_of(&link)), &app.ada.token).await.is(200).json;
    assert_eq!((shown.get("url"), shown.get("streamed_url"), shown.get("s3"), &shown["state"]), (None, None, None, &json!("live")));
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&link)), &app.ada.token, json!({})).await.is(200);
}

// SECURITY T6
#[tokio::test]
async fn an_access_line_names_the_link_and_holds_no_secret() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": link["url"] })).await.is(200);
    app.get("/api/v1/links/x", &app.ada.token).await.is(404);
    let lines = app.app.lines.text();
    let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.iter().map(|line| line["status"].as_u64().unwrap()).collect::<Vec<_>>(), [201, 200, 404]);
    assert_eq!((&read[0]["link"], &read[2]["reason"], &read[0]["origin"]), (&link["id"], &json!("not-found"), &json!("app")));
    for secret in [link["s3"]["bucket"].as_str().unwrap(), &app.ada.token, link["url"].as_str().unwrap()] {
        assert!(!lines.contains(secret));
    }
}

// SECURITY T2: the description says what the router does, and the other way round
#[tokio::test]
async fn the_description_has_just_the_routes_of_the_router() {
    let app = start().await;
    let described: BTreeSet<(String, String)> = support::operations(&links::openapi());
    let routed = app.routes(include_str!("../../src/lib.rs")).await;
    assert_eq!(described, routed);
    assert_eq!(described.len(), 16);
    let whole = app.get("/api/v1/openapi.json", "").await.is(200);
    assert_eq!((whole.text("/openapi"), whole.headers["content-type"].to_str().unwrap()), ("3.1.0", "application/json"));
    for (method, path) in described {
        assert!(whole.json["paths"][&path].get(method.to_lowercase()).is_some(), "{method} {path}");
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_a_problem_too() {
    let app = start().await;
    let refused = app.send("PUT", "/api/v1/links", &app.ada.token, &[], "").await.refuses(405, "method", "");
    assert_eq!(refused.headers["allow"], "GET,HEAD,POST");
}
