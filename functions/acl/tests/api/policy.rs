//! The deployment's policy: who sees and changes it, what a dry run says, and that it binds at every source.

use domain::dataset::Kind;
use serde_json::{Value, json};

use crate::{
    instant, new_source, start,
    support::{Answer, Person, TestApp},
};

const AT: &str = "/api/v1/policy";

async fn version(app: &TestApp) -> u64 {
    app.get(AT, &app.ada.token).await.is(200).json["version"].as_u64().unwrap()
}

/// The policy changed, on the version that is there.
async fn set(app: &TestApp, ask: Value) -> Answer {
    app.patch(AT, &app.ada.token, version(app).await, ask).await
}

#[tokio::test]
async fn the_policy_is_seen_by_everybody_and_changed_by_an_administrator_on_the_version_that_was_read() {
    let app = start().await;
    let first = app.get(AT, &app.eve.token).await.is(200);
    let none =
        json!({ "ceilings": { "audience": "world", "hard_zones": false }, "openers": "owners", "second_person": false, "version": 0 });
    assert_eq!((&first.json, first.headers["etag"].to_str().unwrap()), (&none, "\"0\""));
    let ask = json!({ "ceilings": { "audience": "link", "link_days_max": 90 }, "openers": "administrators", "reason": "a data protection officer asked" });
    app.patch(AT, &app.eve.token, 0, ask.clone()).await.refuses(403, "not-administrator", "");
    app.send("PATCH", AT, &app.ada.token, &[], ask.to_string()).await.refuses(428, "if-match", "");
    app.patch(AT, &app.ada.token, 7, ask.clone()).await.refuses(412, "stale", "");
    for (ask, status, code, pointer) in [
        (json!({ "ceilings": { "audience": "all" } }), 422, "audience", "/ceilings/audience"),
        (json!({ "ceilings": { "link_days_max": 0 } }), 422, "link-days-max", "/ceilings/link_days_max"),
        (json!({ "ceilings": { "zones": ["here"] } }), 422, "zones", "/ceilings/zones"),
        (json!({ "openers": "friends" }), 422, "openers", "/openers"),
        (json!({ "openers": null }), 400, "body", "/openers"),
        (json!({ "reason": "x".repeat(1_001) }), 422, "reason", "/reason"),
    ] {
        set(&app, ask).await.refuses(status, code, pointer);
    }
    let changed = app.patch(AT, &app.ada.token, 0, ask).await.is(200);
    let now = json!({ "ceilings": { "audience": "link", "link_days_max": 90, "hard_zones": false }, "openers": "administrators", "second_person": false, "version": 1 });
    assert_eq!((&changed.json["policy"], changed.headers["etag"].to_str().unwrap()), (&now, "\"1\""));
    assert_eq!(instant(&changed.json["enforced_by"]), domain::timing::Timing::WORLD.enforced_by(app.now(), None));
    // What is left out stays, and wider ceilings promise nothing.
    let wider = set(&app, json!({ "ceilings": { "link_days_max": null } })).await.is(200);
    assert_eq!((&wider.json["policy"]["ceilings"]["audience"], wider.json.get("enforced_by")), (&json!("link"), None));
    assert_eq!(set(&app, json!({ "openers": "administrators" })).await.is(200).json["policy"]["version"], 2, "the same is no change");
    let entries = app.get("/api/v1/audit?verb=policy.edit", &app.ada.token).await.is(200);
    assert_eq!(entries.json["items"].as_array().unwrap().len(), 2, "{entries:?}");
    // A source that comes later has it, and says so.
    let made = app.post("/api/v1/sources", &app.ada.token, new_source(&json!({ "ceilings": { "audience": "world" } }))).await.is(201);
    assert_eq!((made.text("/ceilings/audience"), made.text("/deployment_ceilings/audience")), ("world", "link"));
}

// SEMANTICS 6: a key stands for what its request met, too.
#[tokio::test]
async fn the_late_copy_of_an_edit_that_met_it_so_changes_nothing() {
    let app = start().await;
    let audience = |word: &str| json!({ "ceilings": { "audience": word } });
    let headers = [("if-match", "*"), ("idempotency-key", "met")];
    let send = async |word: &str| app.send("PATCH", AT, &app.ada.token, &headers, audience(word).to_string()).await;
    set(&app, audience("link")).await.is(200);
    send("link").await.is(200);
    set(&app, audience("world")).await.is(200);
    assert_eq!(send("link").await.is(200).text("/policy/ceilings/audience"), "world");
    send("named").await.refuses(422, "idempotency-mismatch", "");
}

#[tokio::test]
async fn a_dry_run_says_at_which_sources_another_ceiling_would_bind() {
    let app = start().await;
    let named = json!({ "ceilings": { "audience": "named", "link_days_max": 7, "zones": ["192.0.2.0/24"] } });
    app.post("/api/v1/sources", &app.ada.token, new_source(&named)).await.is(201);
    let ask = json!({ "ceilings": { "audience": "accounts", "link_days_max": 30, "zones": ["192.0.2.0/24", "127.0.0.0/8"], "hard_zones": true } });
    let tried = app.patch(&format!("{AT}?dry_run=true"), &app.ada.token, 0, ask.clone()).await.is(200);
    let all = ["audience", "link_days_max", "zones", "hard_zones"];
    // What the narrower source has by itself is no news; that a zone becomes hard there is.
    let want = json!([
        { "source": app.source.id.to_string(), "name": "demo", "tighter": all },
        { "source": tried.json["sources"][1]["source"], "name": "lab", "tighter": ["hard_zones"] },
    ]);
    assert_eq!((&tried.json["sources"], version(&app).await, tried.json.get("enforced_by")), (&want, 0, None));
    set(&app, ask).await.is(200);
    let back = json!({ "ceilings": { "audience": "world", "link_days_max": null, "zones": [], "hard_zones": false } });
    let tried = app.patch(&format!("{AT}?dry_run=true"), &app.ada.token, 1, back).await.is(200);
    assert_eq!((&tried.json["sources"][0]["looser"], tried.json["sources"][0].get("tighter")), (&json!(all), None));
}

// ACCESS 3: at use, not only at creation; raising gives back.
#[tokio::test]
async fn ceilings_of_the_policy_bind_owners_at_use_and_say_whose_they_are() {
    let app = start().await;
    let dataset = app.a_dataset("notes", Kind::Folder, 60).await.id.to_string();
    let path = format!("/api/v1/datasets/{dataset}");
    let give = async |role: &str| app.post(&format!("{path}/grants"), &app.ada.token, json!({ "to": "world", "role": role })).await;
    let edit = async |ask: Value| {
        let version = app.get(&path, &app.ada.token).await.json["version"].as_u64().unwrap();
        app.patch(&path, &app.ada.token, version, ask).await
    };
    give("view").await.is(201);
    edit(json!({ "visibility": "world", "confirm": true })).await.is(200);
    let sees = async |person: &Person| app.get(&path, &person.token).await.status;
    assert_eq!(sees(&app.eve).await, 200);
    set(&app, json!({ "ceilings": { "audience": "link" } })).await.is(200);
    assert_eq!(sees(&app.eve).await, 404);
    let shown = app.get(&path, &app.ada.token).await.is(200);
    assert_eq!((shown.text("/visibility"), shown.text("/audience")), ("world", "private"));
    let sharing = app.get(&format!("{path}/sharing"), &app.ada.token).await.is(200);
    assert_eq!((sharing.text("/ceilings/audience"), sharing.text("/deployment_ceilings/audience")), ("world", "link"));
    let refused = give("download").await.refuses(403, "audience-too-wide", "/to");
    assert_eq!(refused.json["ceiling"], "deployment");
    edit(json!({ "visibility": "project" })).await.refuses(422, "visibility", "/visibility");
    edit(json!({ "visibility": "private" })).await.is(200);
    let refused = edit(json!({ "visibility": "world", "confirm": true })).await.refuses(403, "audience-too-wide", "/visibility");
    assert_eq!(refused.json["ceiling"], "deployment");
    set(&app, json!({ "ceilings": { "audience": "world" } })).await.is(200);
    edit(json!({ "visibility": "world", "confirm": true })).await.is(200);
    assert_eq!(sees(&app.eve).await, 200, "what it had is given back");
    let ask = json!({ "dataset": dataset, "action": "list", "address": "198.51.100.7" });
    set(&app, json!({ "ceilings": { "zones": ["192.0.2.0/24"] } })).await.is(200);
    let check = app.post("/api/v1/check", &app.eve.token, ask).await.is(200);
    let gates = check.json["gates"].as_array().unwrap();
    let shut: Vec<_> = gates.iter().filter(|gate| gate["open"] == false).map(|gate| gate["gate"].as_str().unwrap()).collect();
    assert_eq!((check.text("/code"), shut), ("zone", vec!["deployment-zones"]));
}
