//! The routes of `acl`, each on a real table and store.

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

mod asked_first;
mod clones;
mod connections;
mod curation;
mod entries;
mod invitations;
mod link_sets;
mod mail;
mod opening;
mod openings;
mod policy;
mod projects;
mod repeats;
mod roles;
mod sharing;
#[path = "../../../links/tests/api/support.rs"]
mod support;
mod terms;

use std::{collections::BTreeSet, time::Instant};

use domain::{dataset::Kind, limits::ADOPTED_MAX, token::Scope};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{OPEN, TestApp};

async fn start() -> TestApp {
    TestApp::start(acl::router, OPEN).await
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

fn new_source(more: &Value) -> Value {
    let mut ask = json!({ "name": "lab", "bucket": "lab-data", "prefix": "raw", "region": "eu-central-1" });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask
}

#[tokio::test]
async fn a_source_is_registered_once_with_its_root_dataset() {
    let app = start().await;
    let ask = new_source(&json!({ "ceilings": { "audience": "world", "link_days_max": 90 }, "requester_pays": true }));
    let made = app.post("/api/v1/sources", &app.ada.token, ask.clone()).await.is(201);
    assert_eq!(made.headers["etag"], "\"1\"");
    assert_eq!((made.text("/prefix"), made.text("/state"), &made.json["serving"]), ("raw/", "active", &json!(true)));
    assert_eq!(
        (&made.json["ceilings"], &made.json["path_style"]),
        (&json!({ "audience": "world", "link_days_max": 90, "hard_zones": false }), &json!(false))
    );
    let root = app.get(&format!("/api/v1/datasets/{}", made.text("/root")), &app.ada.token).await.is(200);
    assert_eq!((root.text("/place"), root.text("/kind"), root.text("/owner")), ("lab:", "folder", app.ada.user.id.to_string().as_str()));
    let again = app.post("/api/v1/sources", &app.ada.token, ask).await.is(200);
    assert_eq!(again.json, made.json);
    for id in [made.text("/id"), "lab"] {
        assert_eq!(app.get(&format!("/api/v1/sources/{id}"), &app.ada.token).await.is(200).json, made.json);
    }
    let listed = app.get("/api/v1/sources", &app.ada.token).await.is(200);
    let names: Vec<_> = listed.json["items"].as_array().unwrap().iter().map(|source| source["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo", "lab"]);
}

// SECURITY T13, T14, T16
#[tokio::test]
async fn a_source_that_does_not_fit_names_its_field() {
    let app = start().await;
    app.post("/api/v1/sources", &app.ada.token, new_source(&json!({}))).await.is(201);
    for (more, status, code, pointer) in [
        (json!({ "name": "Lab!" }), 422, "source-name", "/name"),
        (json!({ "name": "b", "bucket": "No_Bucket" }), 422, "bucket", "/bucket"),
        (json!({ "name": "b", "bucket": "other-b", "region": "EU" }), 422, "region", "/region"),
        (json!({ "name": "b", "bucket": "other-b", "prefix": "/x" }), 400, "bad-path", "/prefix"),
        (json!({ "name": "b", "bucket": "other-b", "role": "me" }), 422, "role", "/role"),
        (json!({ "name": "b", "bucket": "other-b", "ceilings": { "audience": "all" } }), 422, "audience", "/ceilings/audience"),
        (
            json!({ "name": "b", "bucket": "other-b", "ceilings": { "audience": "link", "link_days_max": 0 } }),
            422,
            "link-days-max",
            "/ceilings/link_days_max",
        ),
        (json!({ "name": "b", "bucket": "other-b", "endpoint": "https://a.org/x" }), 422, "endpoint", "/endpoint"),
        (json!({ "name": "b", "bucket": "other-b", "endpoint": "http://127.0.0.1:9000" }), 422, "endpoint-not-public", "/endpoint"),
        (json!({ "name": "b", "bucket": "other-b", "endpoint": "http://169.254.169.254" }), 422, "endpoint-not-public", "/endpoint"),
        (json!({ "name": "b" }), 409, "source-overlaps", "/prefix"),
        (json!({ "name": "b", "prefix": "raw/deeper/" }), 409, "source-overlaps", "/prefix"),
        (json!({ "name": "b", "prefix": "" }), 409, "source-overlaps", "/prefix"),
        (json!({ "prefix": "other/" }), 409, "exists", ""),
        (json!({ "external_id": "mine" }), 400, "body", "/external_id"),
        (json!({ "root": "d" }), 400, "body", "/root"),
    ] {
        let told = more.to_string();
        let answer = app.post("/api/v1/sources", &app.ada.token, new_source(&more)).await;
        assert_eq!(answer.status.as_u16(), status, "{told} {answer:?}");
        answer.refuses(status, code, pointer);
    }
    app.post("/api/v1/sources", &app.ada.token, new_source(&json!({ "name": "beside", "prefix": "rawer/" }))).await.is(201);
    let listed = app.get("/api/v1/sources", &app.ada.token).await.is(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_role_gets_an_external_id_of_its_own_and_keeps_it() {
    let app = start().await;
    let role = "arn:aws:iam::123456789012:role/reads";
    let first = app.post("/api/v1/sources", &app.ada.token, new_source(&json!({ "role": role }))).await.is(201);
    let second = app
        .post("/api/v1/sources", &app.ada.token, new_source(&json!({ "name": "two", "bucket": "two-data", "role": role })))
        .await
        .is(201);
    assert_eq!((first.text("/role"), first.text("/external_id").len()), (role, 41));
    assert_ne!(first.text("/external_id"), second.text("/external_id"));
    let again = app.post("/api/v1/sources", &app.ada.token, new_source(&json!({ "role": role }))).await.is(200);
    assert_eq!(again.json, first.json);
}

// SECURITY T38
#[tokio::test]
async fn a_registration_sent_twice_has_its_effect_once() {
    let app = start().await;
    for (path, body, other) in [
        ("/api/v1/sources", new_source(&json!({})), new_source(&json!({ "name": "other" }))),
        ("/api/v1/datasets", json!({ "source": "demo", "path": "notes" }), json!({ "source": "demo", "path": "table.csv" })),
    ] {
        let send = |body: String| {
            let app = &app;
            async move { app.send("POST", path, &app.ada.token, &[("idempotency-key", path)], body).await }
        };
        let first = send(body.to_string()).await.is(201);
        assert_eq!(send(body.to_string()).await.is(201).json, first.json);
        send(other.to_string()).await.refuses(422, "idempotency-mismatch", "");
    }
}

// SEMANTICS 5, ADR 0049: whoever asks for one that is strict has one, or is told
#[tokio::test]
async fn a_dataset_is_registered_strict_or_its_registrar_is_told_that_it_is_not() {
    let app = start().await;
    let register = async |path: &str, strict: Value| {
        app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": path, "strict": strict })).await
    };
    let made = register("notes", json!(true)).await.is(201);
    assert_eq!((&made.json["strict"], made.json.get("given_until")), (&json!(true), None));
    assert_eq!(register("notes", json!(true)).await.is(200).json, made.json);
    assert_eq!(register("notes", json!(false)).await.is(200).json, made.json, "one that is there stays as it is");
    let address = format!("/api/v1/datasets/{}", made.text("/id"));
    app.post(&format!("{address}/grants"), &app.ada.token, json!({ "to": "user:Eve", "role": "view" })).await.is(201);
    let ended = app.post(&format!("{address}/grants/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    assert_eq!(instant(&ended.json["enforced_by"]), app.now() + SignedDuration::from_secs(16), "from the first moment");
    assert_eq!(register("table.csv", json!(false)).await.is(201).json["strict"], false);
    register("table.csv", json!(true)).await.refuses(409, "not-strict", "/strict");
    register("table.csv", json!("yes")).await.refuses(400, "body", "/strict");
    let stranger = json!({ "source": "demo", "path": "table.csv", "strict": true });
    app.post("/api/v1/datasets", &app.eve.token, stranger).await.refuses(404, "not-found", "");
}

#[tokio::test]
async fn ceilings_are_edited_on_the_version_that_was_read() {
    let app = start().await;
    let path = "/api/v1/sources/demo";
    app.send("PATCH", path, &app.ada.token, &[], "{}").await.refuses(428, "if-match", "");
    app.patch(path, &app.ada.token, 9, json!({})).await.refuses(412, "stale", "");
    let bound = |app: &TestApp| app.now() + SignedDuration::from_secs(331);
    let lower = app.patch(path, &app.ada.token, 1, json!({ "ceilings": { "audience": "link" }, "reason": "no papers yet" })).await.is(200);
    assert_eq!((lower.text("/source/ceilings/audience"), instant(&lower.json["enforced_by"])), ("link", bound(&app)));
    assert_eq!(lower.headers["etag"], "\"2\"");
    let shorter = app.patch(path, &app.ada.token, 2, json!({ "ceilings": { "link_days_max": 7 } })).await.is(200);
    assert_eq!(
        (&shorter.json["source"]["ceilings"], instant(&shorter.json["enforced_by"])),
        (&json!({ "audience": "link", "link_days_max": 7, "hard_zones": false }), bound(&app))
    );
    let wider = app.patch(path, &app.ada.token, 3, json!({ "ceilings": { "audience": "world", "link_days_max": null } })).await.is(200);
    assert_eq!(
        (wider.json.get("enforced_by"), &wider.json["source"]["ceilings"]),
        (None, &json!({ "audience": "world", "hard_zones": false }))
    );
    let same = app.patch(path, &app.ada.token, 4, json!({ "state": "active" })).await.is(200);
    assert_eq!(same.json["source"]["version"], 4);
    let retired = app.patch(path, &app.ada.token, 4, json!({ "state": "retired", "serving": false })).await.is(200);
    assert_eq!(
        (retired.text("/source/state"), &retired.json["source"]["serving"], instant(&retired.json["enforced_by"])),
        ("retired", &json!(false), bound(&app))
    );
    for (body, status, code, pointer) in [
        (json!({ "state": "gone" }), 422, "source-state", "/state"),
        (json!({ "ceilings": { "audience": "all" } }), 422, "audience", "/ceilings/audience"),
        (json!({ "ceilings": { "link_days_max": 0 } }), 422, "link-days-max", "/ceilings/link_days_max"),
        (json!({ "ceilings": null }), 400, "body", "/ceilings"),
        (json!({ "bucket": "other" }), 400, "body", "/bucket"),
        (json!({ "reason": "x".repeat(1_001) }), 422, "reason", "/reason"),
    ] {
        app.patch(path, &app.ada.token, 5, body).await.refuses(status, code, pointer);
    }
}

// L18; SECURITY T21
#[tokio::test]
async fn the_panic_switch_stops_every_source_in_one_write() {
    let app = start().await;
    app.post("/api/v1/sources", &app.ada.token, new_source(&json!({}))).await.is(201);
    app.post("/api/v1/serving", &app.ada.token, json!({ "serving": false })).await.refuses(400, "body", "/reason");
    app.post("/api/v1/serving", &app.ada.token, json!({ "serving": false, "reason": " " })).await.refuses(409, "reason-needed", "/reason");
    let off = app.post("/api/v1/serving", &app.ada.token, json!({ "serving": false, "reason": "a leak" })).await.is(200);
    assert_eq!(
        (&off.json["serving"], &off.json["sources"], instant(&off.json["enforced_by"])),
        (&json!(false), &json!(2), app.now() + SignedDuration::from_secs(331))
    );
    let serving =
        |listed: &Value| listed["items"].as_array().unwrap().iter().map(|source| source["serving"].as_bool().unwrap()).collect::<Vec<_>>();
    assert_eq!(serving(&app.get("/api/v1/sources", &app.ada.token).await.json), [false, false]);
    let on = app.post("/api/v1/serving", &app.ada.token, json!({ "serving": true, "reason": "over" })).await.is(200);
    assert_eq!(on.json.get("enforced_by"), None);
    assert_eq!(serving(&app.get("/api/v1/sources", &app.ada.token).await.json), [true, true]);
}

// W6
#[tokio::test]
async fn the_doctor_reads_the_store_and_says_what_to_paste() {
    let app = start().await;
    let report = app.post("/api/v1/sources/demo/doctor", &app.ada.token, json!({})).await.is(200);
    let findings = report.json["findings"].as_array().unwrap();
    let found = |check: &str| findings.iter().find(|finding| finding["check"] == check).map(|finding| finding["ok"].as_bool().unwrap());
    assert_eq!((found("list"), found("missing")), (Some(true), Some(true)), "{report:?}");
    assert_eq!(report.json["healthy"].as_bool().unwrap(), findings.iter().all(|finding| finding["ok"] == true));
    assert_eq!(report.json["bucket_cors"][0]["AllowedOrigins"], json!(["*"]));
    assert!(report.json["bucket_policy"]["Statement"].as_array().unwrap().len() > 1, "{report:?}");
    app.post("/api/v1/sources/none/doctor", &app.ada.token, json!({})).await.refuses(404, "not-found", "");
}

#[tokio::test]
async fn a_dataset_is_what_the_store_has_at_its_path() {
    let app = start().await;
    let register = |path: &'static str| {
        let app = &app;
        async move { app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": path })).await }
    };
    for (path, place, kind) in
        [("fused.ome.zarr", "demo:fused.ome.zarr/", "zarr"), ("notes/", "demo:notes/", "folder"), ("table.csv", "demo:table.csv", "file")]
    {
        let made = register(path).await.is(201);
        assert_eq!((made.text("/place"), made.text("/kind"), made.text("/owner")), (place, kind, app.ada.user.id.to_string().as_str()));
        let again = register(path).await.is(200);
        assert_eq!(again.json, made.json);
        assert_eq!(app.get(&format!("/api/v1/datasets/{}", made.text("/id")), &app.ada.token).await.is(200).json, made.json);
    }
    assert_eq!(register("notes").await.is(200).text("/place"), "demo:notes/");
    assert_eq!(register("").await.is(200).text("/id"), app.root.id.to_string());
    register("nothing").await.refuses(404, "path-not-found", "/path");
    register("table.csv/x").await.refuses(404, "path-not-found", "/path");
    register("../x").await.refuses(400, "bad-path", "/path");
    register("/notes").await.refuses(400, "bad-path", "/path");
    let by_id =
        app.post("/api/v1/datasets", &app.ada.token, json!({ "source": app.source.id.to_string(), "path": "notes/" })).await.is(200);
    assert_eq!(by_id.text("/place"), "demo:notes/");
    app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": "notes", "owner": "me" }))
        .await
        .refuses(400, "body", "/owner");
    let (mut found, mut next) = (Vec::new(), Some("/api/v1/datasets?source=demo&limit=2".to_owned()));
    while let Some(path) = next {
        let page = app.get(&path, &app.ada.token).await.is(200);
        found.extend(page.json["items"].as_array().unwrap().iter().map(|dataset| dataset["place"].as_str().unwrap().to_owned()));
        let to = page.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        next = to.map(|link| link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
    }
    found.sort();
    assert_eq!(found, ["demo:", "demo:fused.ome.zarr/", "demo:notes/", "demo:table.csv"]);
    let none = app.get("/api/v1/datasets?source=other", &app.ada.token).await.is(200);
    assert_eq!(none.json["items"], json!([]));
    // The registrar's token decides nothing about who owns: without the scope there is no registering, though reading goes on.
    let links = app.token_for(&app.ada.user, &[Scope::Links], 52).await;
    let refused =
        app.post("/api/v1/datasets", &links, json!({ "source": "demo", "path": "notes/plan.txt" })).await.refuses(403, "scope", "");
    assert_eq!(refused.json["scope"], "datasets");
}

// ACCESS 6: opt out, by a session of the person's own
#[tokio::test]
async fn a_person_chooses_how_to_be_told_what_others_do() {
    let app = start().await;
    let me = "/api/v1/me";
    let first = app.get(me, &app.eve.token).await.is(200);
    assert_eq!((first.text("/notices"), &first.json["address_known"]), ("each", &json!(false)));
    let edit = async |token: &str, ask: Value| app.send("PATCH", me, token, &[], ask.to_string()).await;
    for word in ["daily", "none", "none"] {
        assert_eq!(edit(&app.eve.token, json!({ "notices": word })).await.is(200).text("/notices"), word);
    }
    assert_eq!(edit(&app.eve.token, json!({})).await.is(200).text("/notices"), "none", "what is missing stays");
    assert_eq!(app.get(me, &app.ada.token).await.is(200).text("/notices"), "each", "the own alone");
    edit(&app.eve.token, json!({ "notices": "weekly" })).await.refuses(422, "notices", "/notices");
    edit(&app.eve.token, json!({ "address": "eve@lab.example" })).await.refuses(400, "body", "/address");
    let ask = json!({ "label": "a program's", "scopes": ["read", "groups"], "days": 1 });
    let program = app.post("/api/v1/tokens", &app.eve.token, ask).await.is(201).text("/secret").to_owned();
    let refused = edit(&program, json!({ "notices": "each" })).await.refuses(403, "not-session", "");
    assert!(refused.text("/detail").starts_with("only a session may do this"), "{}", refused.json);
}

#[tokio::test]
async fn tokens_are_listed_without_their_text_and_revoked_at_once() {
    let app = start().await;
    let me = app.get("/api/v1/me", &app.ada.token).await.is(200);
    assert_eq!((me.text("/name"), &me.json["administrator"], &me.json["token"]["current"]), ("Ada", &json!(true), &json!(true)));
    let narrow = app.token_for(&app.ada.user, &[Scope::Links], 53).await;
    let listed = app.get("/api/v1/tokens", &app.ada.token).await.is(200);
    let tokens = listed.json["items"].as_array().unwrap();
    assert_eq!((tokens.len(), tokens.iter().filter(|token| token["current"] == true).count()), (2, 1));
    assert!(!listed.json.to_string().contains("offprint_"));
    let id = |current: bool| tokens.iter().find(|token| token["current"] == current).unwrap()["id"].as_str().unwrap();
    let path = |id: &str| format!("/api/v1/tokens/{id}/revoke");
    // A lesser token ends itself, but no greater one; a stranger ends neither.
    app.post(&path(id(true)), &narrow, json!({})).await.refuses(403, "scope", "");
    app.post(&path(id(true)), &app.eve.token, json!({})).await.refuses(404, "not-found", "");
    app.post("/api/v1/tokens/x/revoke", &app.ada.token, json!({})).await.refuses(404, "not-found", "");
    let ended = app.post(&path(id(false)), &narrow, json!({})).await.is(200);
    assert_eq!(instant(&ended.json["revoked"]), app.now());
    app.get("/api/v1/me", &narrow).await.refuses(401, "sign-in", "");
    assert_eq!(app.post(&path(id(false)), &app.ada.token, json!({})).await.is(200).json["revoked"], ended.json["revoked"]);
    app.get("/api/v1/me", &app.ada.token).await.is(200);
}

#[tokio::test]
async fn a_token_is_made_with_less_and_shown_once() {
    let app = start().await;
    let ask = json!({ "label": "pipeline", "scopes": ["links", "links"], "days": 30 });
    let made = app.post("/api/v1/tokens", &app.ada.token, ask.clone()).await.is(201);
    let secret = made.text("/secret").to_owned();
    assert_eq!(
        (made.json["token"]["scopes"].clone(), instant(&made.json["token"]["until"])),
        (json!(["links"]), app.now() + SignedDuration::from_hours(720))
    );
    assert_eq!(app.get("/api/v1/me", &secret).await.is(200).json["token"]["id"], made.json["token"]["id"]);
    assert!(!app.get("/api/v1/tokens", &app.ada.token).await.is(200).json.to_string().contains(&secret));
    // What it makes of itself is nothing; whoever signed in makes one, administrator or not.
    app.post("/api/v1/tokens", &secret, ask.clone()).await.refuses(403, "not-session", "");
    app.post("/api/v1/tokens", &app.eve.token, ask).await.is(201);
    let narrow = app.token_for(&app.ada.user, &[Scope::Admin], 54).await;
    app.post("/api/v1/tokens", &narrow, json!({ "label": "x", "scopes": ["links"], "days": 1 })).await.refuses(403, "scope", "");
    for (ask, code, pointer) in [
        (json!({ "label": "x", "scopes": [], "days": 1 }), "scopes", "/scopes"),
        (json!({ "label": "x", "scopes": ["everything"], "days": 1 }), "scopes", "/scopes"),
        (json!({ "label": "x", "scopes": ["read"], "days": 0 }), "token-days", "/days"),
        (json!({ "label": "x", "scopes": ["read"], "days": 366 }), "token-days", "/days"),
        (json!({ "label": "a\nb", "scopes": ["read"], "days": 1 }), "label", "/label"),
    ] {
        app.post("/api/v1/tokens", &app.ada.token, ask).await.refuses(422, code, pointer);
    }
}

// SEMANTICS 6
#[tokio::test]
async fn what_is_shown_once_is_shown_again_to_the_same_request_of_the_same_session() {
    let app = start().await;
    let other_session = app.token_for(&app.ada.user, &Scope::ALL, 55).await;
    let tickets = format!("/api/v1/datasets/{}/tickets", app.root.id);
    for (path, body, other) in [
        ("/api/v1/users", json!({ "name": "Nia" }), json!({ "name": "Noa" })),
        ("/api/v1/tokens", json!({ "label": "a", "scopes": ["data"], "days": 1 }), json!({ "label": "b", "scopes": ["data"], "days": 1 })),
        (tickets.as_str(), json!({ "minutes": 5 }), json!({ "minutes": 6 })),
    ] {
        let send =
            async |token: &str, key: &str, body: &Value| app.send("POST", path, token, &[("idempotency-key", key)], body.to_string()).await;
        let first = send(&app.ada.token, path, &body).await.is(201);
        app.wait(SignedDuration::from_secs(60));
        assert_eq!(send(&app.ada.token, path, &body).await.is(201).json, first.json, "{path}");
        send(&app.ada.token, path, &other).await.refuses(422, "idempotency-mismatch", "");
        // The text comes of the credential: whoever has the table and another credential does not have it.
        send(&other_session, path, &body).await.refuses(409, "shown-elsewhere", "");
        let further = send(&app.ada.token, &format!("{path}#further"), &other).await.is(201);
        assert_ne!(further.json, first.json, "{path}");
    }
    let path = "/api/v1/users/Nia/code";
    let send = async |key: &str| app.send("POST", path, &app.ada.token, &[("idempotency-key", key)], "").await.is(201);
    let (first, again, further) = (send("a").await, send("a").await, send("b").await);
    assert_eq!(again.json, first.json);
    assert_ne!(further.json["code"], first.json["code"]);
    app.post("/api/v1/sign-in", "", json!({ "code": again.text("/code") })).await.is(200);
    app.post("/api/v1/sign-in", "", json!({ "code": send("a").await.text("/code") })).await.refuses(401, "code", "/code");
    let audited = app.get("/api/v1/audit?verb=user.create", &app.ada.token).await.is(200);
    assert_eq!(audited.json["items"].as_array().unwrap().len(), 3, "Eve, Nia and Noa: {audited:?}");
}

#[tokio::test]
async fn a_token_for_one_dataset_ends_itself() {
    let app = start().await;
    let ask = json!({ "label": "one", "scopes": ["data"], "days": 1, "dataset": app.root.id.to_string() });
    let made = app.post("/api/v1/tokens", &app.ada.token, ask).await.is(201);
    let secret = made.text("/secret").to_owned();
    app.get("/api/v1/me", &secret).await.refuses(404, "not-found", "");
    let ended = app.post("/api/v1/sign-out", &secret, json!({})).await.is(200);
    assert_eq!((ended.text("/id"), instant(&ended.json["revoked"])), (made.text("/token/id"), app.now()));
    assert!(instant(&ended.json["enforced_by"]) > app.now(), "what was signed for it works a while");
    app.post("/api/v1/sign-out", &secret, json!({})).await.refuses(401, "sign-in", "");
    app.get("/api/v1/me", &app.ada.token).await.is(200);
}

#[tokio::test]
async fn a_list_of_tokens_says_in_which_hour_each_was_used() {
    let app = start().await;
    let list = async || app.get("/api/v1/tokens", &app.ada.token).await.is(200).json["items"].clone();
    let items = list().await;
    let used = instant(&items[0]["used"]);
    assert!(used <= app.now() && app.now().duration_since(used).as_secs() < 3_600 && used.as_second() % 3_600 == 0, "{used}");
    let made = app.post("/api/v1/tokens", &app.ada.token, json!({ "label": "idle", "scopes": ["data"], "days": 1 })).await.is(201);
    let items = list().await;
    let idle = items.as_array().unwrap().iter().find(|item| item["id"] == made.json["token"]["id"]).unwrap();
    assert_eq!(idle.get("used"), None, "never");
}

// SEMANTICS 6
#[tokio::test]
async fn an_edit_of_a_dataset_sent_twice_has_its_effect_once() {
    let app = start().await;
    let path = format!("/api/v1/datasets/{}", app.root.id);
    let send = async |key: &str, body: &str| {
        app.send("PATCH", &path, &app.ada.token, &[("if-match", "\"1\""), ("idempotency-key", key)], body.to_owned()).await
    };
    let first = send("a", "{\"visibility\":\"accounts\",\"confirm\":true}").await.is(200);
    assert_eq!(send("a", "{\"visibility\":\"accounts\",\"confirm\":true}").await.is(200).json["dataset"], first.json["dataset"]);
    send("a", "{\"visibility\":\"private\"}").await.refuses(422, "idempotency-mismatch", "");
    send("b", "{\"visibility\":\"private\"}").await.refuses(412, "stale", "");
}

/// Whether each route that is described has its row, but for signing in and the text of terms, which are open to everybody, and signing out,
/// which ends what asks.
fn covers_every_route(rows: &[(&str, &str)]) {
    let fits = |template: &str, path: &str| {
        let path = path.split('?').next().unwrap();
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len() && template.iter().zip(&path).all(|(part, text)| part.starts_with('{') || part == text)
    };
    let description = serde_json::to_value(acl::openapi()).unwrap();
    for (template, verbs) in description["paths"].as_object().unwrap() {
        for method in
            verbs.as_object().unwrap().keys().filter(|_| !template.starts_with("/api/v1/sign-") && template != "/api/v1/terms/{id}")
        {
            let method = method.to_uppercase();
            assert!(rows.iter().any(|(of, path)| *of == method && fits(template, path)), "no row for {method} {template}");
        }
    }
}

// SECURITY: two names that look the same would be two people
#[tokio::test]
async fn a_name_that_does_not_show_is_nobodys() {
    let app = start().await;
    app.post("/api/v1/users", &app.ada.token, json!({ "name": "bobby" })).await.is(201);
    for name in ["bobby\u{200b}", "\u{202e}ybbob", "bobby\u{ad}", ".", "..", "bob\u{2028}by"] {
        app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.refuses(422, "user-name", "/name");
        app.post("/api/v1/groups", &app.ada.token, json!({ "name": name })).await.refuses(422, "name", "/name");
    }
}

/// A copy that Ada has asked for, and nobody goes on with.
async fn copy_of_notes(app: &TestApp) -> String {
    let token = &app.ada.token;
    let notes = app.post("/api/v1/datasets", token, json!({ "source": "demo", "path": "notes" })).await.text("/id").to_owned();
    app.send("PATCH", "/api/v1/sources/demo", token, &[("if-match", "*")], json!({ "writable": true }).to_string()).await.is(200);
    let asked = app.post(&format!("/api/v1/datasets/{notes}/copies"), token, json!({ "to": "demo:notes-copied" })).await;
    asked.is(201).text("/id").to_owned()
}

// SECURITY T1; SEMANTICS 4
#[tokio::test]
async fn every_route_is_closed_to_nobody_and_to_strangers() {
    let app = start().await;
    let (source, dataset) = (app.source.id.to_string(), app.root.id.to_string());
    let root = format!("/api/v1/datasets/{dataset}");
    let one = format!("/api/v1/sources/{source}");
    let doctor = format!("{one}/doctor");
    let new = new_source(&json!({})).to_string();
    let check = json!({ "dataset": dataset, "action": "read" }).to_string();
    let odd_check = json!({ "dataset": dataset, "action": "none", "user": "Nobody", "address": "none", "path": "../x" }).to_string();
    let mut bodies = BTreeSet::new();
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "adas" })).await.is(201).text("/id").to_owned();
    let project = app.post("/api/v1/projects", &app.ada.token, json!({ "name": "adas" })).await.is(201).text("/id").to_owned();
    let in_project = |below: &str| format!("/api/v1/projects/{project}{below}");
    let place = json!({ "dataset": dataset }).to_string();
    let of_set = json!({ "datasets": [dataset] }).to_string();
    let set = app.post("/api/v1/link-sets", &app.ada.token, json!({ "datasets": [dataset] })).await.is(201).text("/id").to_owned();
    let in_set = |below: &str| format!("/api/v1/link-sets/{set}{below}");
    let copy = copy_of_notes(&app).await;
    let of_dataset = json!({ "dataset": dataset, "title": "mine" }).to_string();
    let made = app.post("/api/v1/clones", &app.ada.token, json!({ "dataset": dataset, "title": "mine" })).await.is(201);
    let clone = made.text("/id").to_owned();
    let of_clone = json!({ "dataset": clone, "title": "" }).to_string();
    let at = |below: &str| format!("{root}/{below}");
    let table = [
        ("GET", "/api/v1/sources".to_owned(), "", "not-administrator"),
        ("POST", "/api/v1/sources".to_owned(), new.as_str(), "not-administrator"),
        ("GET", one.clone(), "", "not-administrator"),
        ("PATCH", one.clone(), "{\"serving\":false}", "not-administrator"),
        ("POST", doctor.clone(), "", "not-administrator"),
        ("GET", "/api/v1/entries?source=demo".to_owned(), "", "not-found"),
        ("GET", "/api/v1/entries?source=demo&path=notes/".to_owned(), "", "not-found"),
        ("GET", "/api/v1/entries?source=none".to_owned(), "", "not-found"),
        ("GET", format!("{one}/blocks"), "", "not-administrator"),
        ("POST", format!("{one}/blocks"), "{\"user\":\"Ada\",\"blocked\":true}", "not-administrator"),
        ("POST", "/api/v1/serving".to_owned(), "{\"serving\":false,\"reason\":\"r\"}", "not-administrator"),
        ("GET", "/api/v1/policy".to_owned(), "", ""),
        ("PATCH", "/api/v1/policy".to_owned(), "{\"openers\":\"owners\"}", "not-administrator"),
        ("PATCH", "/api/v1/policy?dry_run=true".to_owned(), "{\"openers\":\"none\"}", "not-administrator"),
        ("GET", "/api/v1/datasets".to_owned(), "", ""),
        ("POST", "/api/v1/datasets".to_owned(), "{\"source\":\"demo\",\"path\":\"notes\"}", "not-found"),
        ("POST", "/api/v1/datasets".to_owned(), "{\"source\":\"demo\",\"path\":\"\"}", "not-found"),
        ("POST", "/api/v1/datasets".to_owned(), "{\"source\":\"none\",\"path\":\"\"}", "not-found"),
        ("POST", "/api/v1/datasets".to_owned(), "{\"source\":\"none\",\"path\":\"notes\"}", "not-found"),
        ("GET", root.clone(), "", "not-found"),
        ("PATCH", root.clone(), "{\"visibility\":\"world\"}", "not-found"),
        ("PATCH", root.clone(), "{\"visibility\":\"nowhere\"}", "not-found"),
        ("PATCH", root.clone(), "{\"visibility\":\"private\",\"end_links\":true}", "not-found"),
        ("PATCH", format!("{root}?dry_run=true"), "{\"visibility\":\"world\"}", "not-found"),
        ("GET", "/api/v1/openings".to_owned(), "", ""),
        ("GET", at("openings"), "", "not-found"),
        ("POST", at("openings/approve"), "", "not-found"),
        ("POST", at("openings/decline"), "{\"reason\":\"no\"}", "not-found"),
        ("POST", at("openings/withdraw"), "", "not-found"),
        ("POST", at("hand-over"), "{\"to\":\"Nobody\"}", "not-found"),
        ("POST", at("grants"), "{\"to\":\"user:Nobody\",\"role\":\"view\"}", "not-found"),
        ("POST", at("grants"), "{\"to\":\"group:none\",\"role\":\"none\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"user:Nobody\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"user:Eve\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"group:none\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"group:adas\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"nobody at all\"}", "not-found"),
        ("POST", at("invitations"), "{\"email\":\"nobody\",\"role\":\"none\"}", "not-found"),
        ("POST", at("invitations/withdraw"), "{\"email\":\"nobody\",\"address\":\"none\"}", "not-found"),
        ("POST", at("tickets"), "{\"minutes\":0}", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/members"), "{\"users\":[\"Nobody\"]}", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/sync"), "{\"order\":1,\"add\":[\"Nobody\"]}", "not-found"),
        ("PATCH", format!("/api/v1/groups/{group}"), "{\"state\":\"none\"}", "not-found"),
        ("POST", at("hand-over"), "{\"to\":\"Eve\"}", "not-found"),
        ("POST", at("levels"), "", "not-found"),
        ("POST", at("retire"), "{}", "not-found"),
        ("POST", at("retire?dry_run=true"), "{}", "not-found"),
        ("POST", at("copies"), "{\"to\":\"demo:x\"}", "not-found"),
        ("POST", at("copies?dry_run=true"), "{\"to\":\"none\"}", "not-found"),
        ("GET", "/api/v1/copies".to_owned(), "", ""),
        ("GET", format!("/api/v1/copies/{copy}"), "", "not-found"),
        ("POST", format!("/api/v1/copies/{copy}/cancel"), "", "not-found"),
        ("GET", at("offers"), "", "not-found"),
        ("POST", at("offers"), "{\"to\":\"Nobody\"}", "not-found"),
        ("POST", at("offers/accept"), "", "not-found"),
        ("POST", at("offers/decline"), "{}", "not-found"),
        ("POST", at("offers/withdraw"), "{}", "not-found"),
        ("GET", "/api/v1/me/offers".to_owned(), "", ""),
        ("GET", at("curation"), "", "not-found"),
        ("POST", at("curation"), "{\"reason\":\"r\"}", "not-found"),
        ("POST", at("curation"), "{\"reason\":\"\"}", "not-found"),
        ("POST", at("curation/mark"), "{\"reason\":\"r\"}", "not-found"),
        ("POST", at("curation/unmark"), "{\"reason\":\"r\"}", "not-found"),
        ("POST", at("curation/decline"), "{\"reason\":\"r\"}", "not-found"),
        ("POST", at("curation/withdraw"), "{}", "not-found"),
        ("GET", "/api/v1/clones".to_owned(), "", ""),
        ("POST", "/api/v1/clones".to_owned(), of_clone.as_str(), "not-found"),
        ("GET", format!("/api/v1/clones/{clone}"), "", "not-found"),
        ("PATCH", format!("/api/v1/clones/{clone}"), "{\"title\":\"\"}", "not-found"),
        ("POST", format!("/api/v1/clones/{clone}/retire"), "", "not-found"),
        ("POST", "/api/v1/clones".to_owned(), of_dataset.as_str(), "not-found"),
        ("GET", "/api/v1/curation".to_owned(), "", "not-curator"),
        ("GET", "/api/v1/curated".to_owned(), "", ""),
        ("GET", "/api/v1/me/invitations".to_owned(), "", ""),
        ("POST", format!("/api/v1/me/invitations/{dataset}/accept"), "", "not-found"),
        ("POST", format!("/api/v1/me/invitations/{dataset}/decline"), "", "not-found"),
        ("POST", format!("/api/v1/me/invitations/{project}/accept"), "", "not-found"),
        ("POST", format!("/api/v1/me/invitations/{project}/decline"), "", "not-found"),
        ("GET", at("sharing"), "", "not-found"),
        ("GET", at("sharing/links"), "", "not-found"),
        ("GET", at("grants"), "", "not-found"),
        ("POST", at("grants"), "{\"to\":\"user:Eve\",\"role\":\"view\"}", "not-found"),
        ("POST", at("grants?dry_run=true"), "{\"to\":\"user:Eve\",\"role\":\"full\"}", "not-found"),
        ("POST", at("grants/withdraw"), "{\"to\":\"user:Ada\"}", "not-found"),
        ("POST", at("grants/withdraw?dry_run=true"), "{\"to\":\"user:Ada\"}", "not-found"),
        ("POST", at("break-glass"), "{\"reason\":\"r\"}", "not-found"),
        ("GET", at("invitations"), "", "not-found"),
        ("POST", at("invitations"), "{\"email\":\"eve@lab.example\",\"role\":\"view\"}", "not-found"),
        ("POST", at("invitations/withdraw"), "{\"email\":\"ada@lab.example\"}", "not-found"),
        ("POST", at("invitations/withdraw"), "{\"user\":\"Nobody\"}", "not-found"),
        ("POST", at("tickets"), "{}", "not-found"),
        ("POST", "/api/v1/check".to_owned(), check.as_str(), "not-found"),
        ("POST", "/api/v1/check".to_owned(), odd_check.as_str(), "not-found"),
        ("GET", "/api/v1/groups".to_owned(), "", ""),
        ("POST", "/api/v1/groups".to_owned(), "{\"name\":\"eves\"}", "201"),
        ("GET", format!("/api/v1/groups/{group}"), "", "not-found"),
        ("PATCH", format!("/api/v1/groups/{group}"), "{\"state\":\"retired\"}", "not-found"),
        ("GET", format!("/api/v1/groups/{group}/members"), "", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/members"), "{\"users\":[\"Eve\"]}", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/members/remove"), "{\"users\":[\"Ada\"]}", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/members/remove?dry_run=true"), "{\"users\":[\"Ada\"]}", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/leave"), "", "not-found"),
        ("POST", format!("/api/v1/groups/{group}/sync"), "{\"order\":1,\"add\":[\"Eve\"]}", "not-found"),
        ("GET", "/api/v1/projects".to_owned(), "", ""),
        ("POST", "/api/v1/projects".to_owned(), "{\"name\":\"eves\"}", "201"),
        ("GET", in_project(""), "", "not-found"),
        ("PATCH", in_project(""), "{\"policy\":{\"view\":\"full\"}}", "not-found"),
        ("PATCH", in_project("?dry_run=true"), "{\"policy\":{\"view\":\"full\"}}", "not-found"),
        ("GET", in_project("/members"), "", "not-found"),
        ("POST", in_project("/members"), "{\"users\":[\"Eve\"],\"role\":\"manager\"}", "not-found"),
        ("POST", in_project("/members?dry_run=true"), "{\"users\":[\"Eve\"]}", "not-found"),
        ("POST", in_project("/members/remove"), "{\"users\":[\"Ada\"]}", "not-found"),
        ("GET", in_project("/invitations"), "", "not-found"),
        ("POST", in_project("/invitations/withdraw"), "{\"user\":\"Eve\"}", "not-found"),
        ("POST", in_project("/leave"), "", "not-found"),
        ("GET", in_project("/datasets"), "", "not-found"),
        ("POST", in_project("/datasets"), place.as_str(), "not-found"),
        ("POST", in_project("/datasets/remove"), place.as_str(), "not-found"),
        ("GET", in_project("/links"), "", "not-found"),
        ("GET", "/api/v1/link-sets".to_owned(), "", ""),
        ("POST", "/api/v1/link-sets".to_owned(), of_set.as_str(), "not-found"),
        ("GET", in_set(""), "", "not-found"),
        ("POST", in_set("/datasets"), of_set.as_str(), "not-found"),
        ("POST", in_set("/datasets/remove"), of_set.as_str(), "not-found"),
        ("POST", in_set("/retire"), "", "not-found"),
        ("GET", "/api/v1/connections".to_owned(), "", ""),
        ("POST", "/api/v1/connections".to_owned(), "{\"to\":\"Ada\"}", "201"),
        ("GET", "/api/v1/connections/Nobody".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Nobody/accept".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Eve/accept".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Nobody/reject".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Eve/reject".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Nobody/cancel".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Eve/cancel".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Nobody/remove".to_owned(), "", "not-found"),
        ("POST", "/api/v1/connections/Eve/remove".to_owned(), "", "not-found"),
        ("POST", "/api/v1/users".to_owned(), "{\"name\":\"Mal\"}", "not-administrator"),
        ("GET", "/api/v1/users/Nobody".to_owned(), "", "not-found"),
        ("PATCH", "/api/v1/users/Ada".to_owned(), "{\"standing\":\"suspended\"}", "not-administrator"),
        ("POST", "/api/v1/users/Ada/code".to_owned(), "", "not-administrator"),
        ("GET", "/api/v1/audit".to_owned(), "", "not-auditor"),
        ("GET", "/api/v1/datasets?owner=Ada".to_owned(), "", "not-auditor"),
        ("GET", format!("/api/v1/audit?target={dataset}"), "", "not-found"),
        ("POST", "/api/v1/mail/redeem".to_owned(), "{\"nonce\":\"a\",\"answer\":\"accept\"}", "not-found"),
        ("POST", "/api/v1/mail/redeem".to_owned(), "{\"nonce\":\"a\",\"answer\":\"none\"}", "not-found"),
        ("GET", "/api/v1/me".to_owned(), "", ""),
        ("PATCH", "/api/v1/me".to_owned(), "{\"notices\":\"daily\"}", ""),
        ("GET", "/api/v1/me/shared".to_owned(), "", ""),
        ("POST", "/api/v1/terms".to_owned(), "{\"text\":\"x\"}", "not-administrator"),
        ("POST", format!("/api/v1/me/terms/v{}/accept", "a".repeat(26)), "", "not-found"),
        ("GET", "/api/v1/tokens".to_owned(), "", ""),
        ("POST", "/api/v1/tokens".to_owned(), "{\"label\":\"x\",\"scopes\":[\"read\"],\"days\":1}", "201"),
        ("POST", "/api/v1/tokens/taaaaaaaaaaaaaaaaaaaaaaaaaa/revoke".to_owned(), "", "not-found"),
    ];
    covers_every_route(&table.iter().map(|(method, path, ..)| (*method, path.as_str())).collect::<Vec<_>>());
    for (method, path, body, stranger) in &table {
        let headers = [("if-match", "\"1\"")];
        for token in ["", "offprint_wrong", &format!("{}a", app.ada.token)] {
            app.send(method, path, token, &headers, (*body).to_owned()).await.refuses(401, "sign-in", "");
        }
        let strange = app.send(method, path, &app.eve.token, &headers, (*body).to_owned()).await;
        match *stranger {
            "" => {
                assert!(!strange.is(200).json.to_string().contains(&dataset), "{path}");
            }
            // One's own thing, which is nobody else's business.
            "201" => {
                assert!(!strange.is(201).json.to_string().contains(&dataset), "{path}");
            }
            "not-found" => {
                let mut strange = strange.refuses(404, "not-found", "");
                strange.json.as_object_mut().unwrap().remove("request_id");
                bodies.insert(strange.json.to_string());
            }
            code => {
                strange.refuses(403, code, "");
            }
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // What is there and hidden, and what is not there at all, differ in nothing, whatever is wrong with the rest of the request.
    let (no_dataset, no_group) = (app.root.id.to_string().replace(&dataset[1..], &"a".repeat(26)), "g".to_owned() + &"a".repeat(26));
    for (method, path, body, _) in &table {
        let there = app.send(method, path, &app.eve.token, &[("if-match", "\"1\"")], (*body).to_owned()).await;
        let (path, body) = (path.replace(&dataset, &no_dataset).replace(&group, &no_group), body.replace(&dataset, &no_dataset));
        let none = app.send(method, &path, &app.eve.token, &[("if-match", "\"1\"")], body.clone()).await;
        if there.status == 404 {
            let mut both = [there, none];
            for answer in &mut both {
                answer.json.as_object_mut().unwrap().remove("request_id");
            }
            assert_eq!(both[0].json, both[1].json, "{method} {path} {body}");
        }
    }
    for path in ["../x", "/x", "a//b"] {
        let [there, none] = ["demo", "none"].map(|source| json!({ "source": source, "path": path }));
        for ask in [there, none] {
            app.post("/api/v1/datasets", &app.eve.token, ask).await.refuses(400, "bad-path", "/path");
        }
    }
    // What a viewer was given reads data, and is nothing here: not even for its owner, who may all of it.
    let viewer = app.viewers_token(&app.ada, 56).await;
    for (method, path, body, _) in &table {
        let refused = app.send(method, path, &viewer, &[("if-match", "\"1\"")], (*body).to_owned()).await.refuses(403, "scope", "");
        assert_eq!(refused.json["scope"], "read", "{method} {path}");
    }
    // It may end itself, as every token may.
    app.post("/api/v1/sign-out", &viewer, json!({})).await.is(200);
    app.get("/api/v1/me", &viewer).await.refuses(401, "sign-in", "");
    let narrow = app.token_for(&app.ada.user, &[Scope::Links, Scope::Datasets], 54).await;
    for (method, path) in [("GET", "/api/v1/sources"), ("GET", one.as_str()), ("POST", doctor.as_str())] {
        assert_eq!(app.send(method, path, &narrow, &[], "").await.refuses(403, "scope", "").json["scope"], "admin");
    }
    let listed = app.get("/api/v1/sources", &app.ada.token).await.is(200);
    assert_eq!((listed.json["items"].as_array().unwrap().len(), &listed.json["items"][0]["serving"]), (1, &json!(true)));
}

#[tokio::test]
async fn a_dataset_inside_another_is_its_owners() {
    let app = start().await;
    let notes = app.a_dataset("notes", Kind::Folder, 60).await;
    app.wait(SignedDuration::from_secs(1));
    let inside = app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": "notes/plan.txt" })).await.is(201);
    assert_eq!((inside.text("/owner"), inside.text("/kind")), (notes.owner.to_string().as_str(), "file"));
    let newest = app.get("/api/v1/datasets?limit=1", &app.ada.token).await.is(200);
    assert_eq!(newest.text("/items/0/id"), inside.text("/id"));
}

// SECURITY T38: an answer that was lost is asked for again
#[tokio::test]
async fn an_edit_of_a_source_or_a_group_that_is_sent_twice_is_done_once() {
    let app = start().await;
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    let group = format!("/api/v1/groups/{}", group.text("/id"));
    for (path, ask, other) in [
        ("/api/v1/sources/demo", json!({ "serving": false }), json!({ "serving": true })),
        ("/api/v1/policy", json!({ "ceilings": { "audience": "link" } }), json!({ "ceilings": { "audience": "world" } })),
        (group.as_str(), json!({ "state": "retired" }), json!({ "state": "active" })),
    ] {
        let seen = app.get(path, &app.ada.token).await.is(200).headers["etag"].to_str().unwrap().to_owned();
        let headers = [("if-match", seen.as_str()), ("idempotency-key", path)];
        let send = async |ask: &Value| app.send("PATCH", path, &app.ada.token, &headers, ask.to_string()).await;
        let first = send(&ask).await.is(200);
        let again = send(&ask).await.is(200);
        assert_eq!(again.headers["etag"], first.headers["etag"], "{path}");
        assert!(first.json["enforced_by"].is_string() && again.json["enforced_by"].is_string(), "{path}");
        send(&other).await.refuses(422, "idempotency-mismatch", "");
    }
}

// ACCESS 10: register above others
#[tokio::test]
async fn a_dataset_registered_above_others_holds_them() {
    let app = start().await;
    let inside = app.a_dataset("notes/plan.txt", Kind::File, 61).await;
    let register = async || app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": "notes" })).await;
    let outer = register().await.is(201);
    let grant = json!({ "to": "user:Eve", "role": "view" });
    app.post(&format!("/api/v1/datasets/{}/grants", outer.text("/id")), &app.ada.token, grant).await.is(201);
    app.get(&format!("/api/v1/datasets/{}", inside.id), &app.eve.token).await.is(200);
    register().await.is(200);
    let audit = app.get("/api/v1/audit?verb=dataset.adopt", &app.ada.token).await.is(200);
    assert_eq!(audit.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(audit.json["items"][0]["after"]["datasets"], json!([inside.id.to_string()]));
}

// ACCESS 1: at most four
#[tokio::test]
async fn no_dataset_is_registered_around_so_many_in_each_other() {
    let app = start().await;
    for (path, id) in [("notes/1/2/3/4/", 70), ("notes/1/2/3/", 71), ("notes/1/2/", 72), ("notes/1/", 73)] {
        app.a_dataset(path, Kind::Folder, id).await;
    }
    let refused = app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": "notes" })).await;
    refused.refuses(422, "too-many-ancestors", "/path");
}

#[tokio::test]
async fn more_datasets_than_one_request_takes_in_are_taken_in_by_the_same_request_again() {
    let app = start().await;
    let (mut inside, began) = (None, Instant::now());
    for number in 0..u128::try_from(ADOPTED_MAX + 60).unwrap() {
        inside = Some(app.a_dataset(&format!("notes/{number:04}/"), Kind::Folder, 1_000 + number).await);
    }
    // The store goes by the machine's clock.
    app.wait(SignedDuration::try_from(began.elapsed()).unwrap());
    let register = async || {
        let ask = json!({ "source": "demo", "path": "notes" }).to_string();
        app.send("POST", "/api/v1/datasets", &app.ada.token, &[("idempotency-key", "notes")], ask).await
    };
    let outer = register().await.is(202);
    let grant = json!({ "to": "user:Eve", "role": "view" });
    app.post(&format!("/api/v1/datasets/{}/grants", outer.text("/id")), &app.ada.token, grant).await.is(201);
    let last = format!("/api/v1/datasets/{}", inside.unwrap().id);
    app.get(&last, &app.eve.token).await.is(404);
    assert_eq!(register().await.is(201).json["id"], outer.json["id"]);
    app.get(&last, &app.eve.token).await.is(200);
}

// ACCESS 1: none of the deployment's roles reads data by being one
#[tokio::test]
async fn an_administrator_gains_no_right_to_data() {
    let app = start().await;
    let bo = app.another_administrator().await;
    app.get("/api/v1/sources/demo", &bo.token).await.is(200);
    app.get(&format!("/api/v1/datasets/{}", app.root.id), &bo.token).await.refuses(404, "not-found", "");
    app.post("/api/v1/datasets", &bo.token, json!({ "source": "demo", "path": "notes" })).await.refuses(404, "not-found", "");
    assert_eq!(app.get("/api/v1/datasets", &bo.token).await.is(200).json["items"], json!([]));
}

// SECURITY T2
#[tokio::test]
async fn the_description_has_just_the_routes_of_the_router() {
    let app = start().await;
    let described = support::operations(&acl::openapi());
    assert_eq!(described, app.routes(include_str!("../../src/lib.rs")).await);
    assert_eq!(described.len(), 113);
}

// SECURITY T6: a source's line holds no secret either
#[tokio::test]
async fn an_access_line_holds_no_token() {
    let app = start().await;
    app.get("/api/v1/me", &app.ada.token).await.is(200);
    let lines = app.app.lines.text();
    // Person and token are read for every request.
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert!(line["table_trips"].as_u64().unwrap() >= 1, "{line}");
    assert!(lines.contains("\"origin\":\"app\"") && !lines.contains("offprint_"), "{lines}");
}
