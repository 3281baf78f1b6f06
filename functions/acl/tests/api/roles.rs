//! Roles in the deployment: who audits, who breaks the glass, and who succeeds an owner that left.

use domain::{dataset::Kind, token::Scope};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, TestApp},
};

/// Somebody whom Ada makes an account for, by name; a session of this person's.
async fn person(app: &TestApp, name: &str, more: Value) -> String {
    let mut ask = json!({ "name": name });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let invited = app.post("/api/v1/users", &app.ada.token, ask).await.is(201);
    sign_in(app, invited.text("/code")).await
}

async fn sign_in(app: &TestApp, code: &str) -> String {
    app.post("/api/v1/sign-in", "", json!({ "code": code })).await.is(200).text("/session/secret").to_owned()
}

async fn edit_user(app: &TestApp, name: &str, ask: Value) -> Answer {
    app.send("PATCH", &format!("/api/v1/users/{name}"), &app.ada.token, &[], ask.to_string()).await
}

// ACCESS 1: an auditor sees who gets what, and neither data nor secrets
#[tokio::test]
async fn an_auditor_sees_who_gets_what_and_reads_nothing() {
    let app = start().await;
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await;
    let address = format!("/api/v1/datasets/{}", dataset.id);
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    app.post(&format!("{address}/grants"), &app.ada.token, json!({ "to": "group:imaging", "role": "view" })).await.is(201);
    let auditor = person(&app, "Oda", json!({ "auditor": true })).await;
    let me = app.get("/api/v1/me", &auditor).await.is(200);
    assert_eq!((&me.json["auditor"], &me.json["administrator"]), (&json!(true), &json!(false)));
    let check = json!({ "dataset": dataset.id.to_string(), "user": "Ada", "action": "read" });
    let seen = [
        format!("{address}/sharing"),
        format!("{address}/sharing/links"),
        format!("{address}/grants"),
        format!("{address}/invitations"),
        format!("/api/v1/groups/{}", group.text("/id")),
        "/api/v1/groups/imaging/members".to_owned(),
        "/api/v1/audit".to_owned(),
        format!("/api/v1/audit?target={}", dataset.id),
        "/api/v1/datasets?owner=Ada".to_owned(),
    ];
    for path in &seen {
        app.get(path, &auditor).await.is(200);
    }
    let view = app.get(&format!("{address}/sharing"), &auditor).await.is(200);
    assert_eq!((view.text("/grants/0/name"), &view.json["dataset"]["rights"]), ("imaging", &json!([])));
    assert_eq!(app.post("/api/v1/check", &auditor, check.clone()).await.is(200).json["allowed"], true);
    // It is no right to read, to change or to know of what is not about access.
    app.get(&address, &auditor).await.refuses(404, "not-found", "");
    app.post(&format!("{address}/tickets"), &auditor, json!({})).await.refuses(404, "not-found", "");
    app.post(&format!("{address}/grants"), &auditor, json!({ "to": "user:Eve", "role": "view" })).await.refuses(404, "not-found", "");
    app.post(&format!("{address}/break-glass"), &auditor, json!({ "reason": "r" })).await.refuses(404, "not-found", "");
    app.post("/api/v1/groups/imaging/members", &auditor, json!({ "users": ["Oda"] })).await.refuses(404, "not-found", "");
    app.get("/api/v1/sources", &auditor).await.refuses(403, "not-administrator", "");
    assert_eq!(app.get("/api/v1/me/shared", &auditor).await.is(200).json["items"], json!([]));
    // A token of an auditor's audits where that is what it is for.
    let narrow = app.post("/api/v1/tokens", &auditor, json!({ "label": "x", "scopes": ["datasets"], "days": 1 })).await.is(201);
    app.get(&format!("{address}/sharing"), narrow.text("/secret")).await.refuses(404, "not-found", "");
    assert_eq!(app.get("/api/v1/audit", narrow.text("/secret")).await.refuses(403, "scope", "").json["scope"], "audit");
    let audits = app.post("/api/v1/tokens", &auditor, json!({ "label": "y", "scopes": ["audit"], "days": 1 })).await.is(201);
    app.get(&format!("{address}/sharing"), audits.text("/secret")).await.is(200);
    // Eve has every scope, and is no auditor; once Oda is none, nothing is left of it.
    app.get("/api/v1/audit", &app.eve.token).await.refuses(403, "not-auditor", "");
    let ended = edit_user(&app, "Oda", json!({ "auditor": false, "reason": "left the office" })).await.is(200);
    assert_eq!((&ended.json["user"]["auditor"], ended.json["enforced_by"].is_string()), (&json!(false), true));
    for path in &seen[..6] {
        app.get(path, &auditor).await.refuses(404, "not-found", "");
    }
    app.get("/api/v1/audit", &auditor).await.refuses(403, "not-auditor", "");
}

#[tokio::test]
async fn roles_are_given_by_an_administrator_and_never_to_oneself() {
    let app = start().await;
    let noa = person(&app, "Noa", json!({})).await;
    app.send("PATCH", "/api/v1/users/Noa", &noa, &[], "{\"auditor\":true}").await.refuses(403, "not-administrator", "");
    edit_user(&app, "Ada", json!({ "auditor": true })).await.refuses(409, "oneself", "");
    edit_user(&app, "Noa", json!({ "standing": "gone" })).await.refuses(422, "standing", "/standing");
    edit_user(&app, "Noa", json!({ "standing": null })).await.refuses(400, "body", "/standing");
    let changed = edit_user(&app, "Noa", json!({ "administrator": true, "reason": "runs the storage" })).await.is(200);
    assert_eq!((&changed.json["user"]["administrator"], changed.json.get("enforced_by")), (&json!(true), None));
    // Of a role that is new the next session knows.
    app.get("/api/v1/sources", &noa).await.refuses(403, "scope", "");
    let code = app.post("/api/v1/users/Noa/code", &app.ada.token, json!({})).await.is(201);
    let noa = sign_in(&app, code.text("/code")).await;
    app.get("/api/v1/sources", &noa).await.is(200);
    edit_user(&app, "Noa", json!({ "administrator": false })).await.is(200);
    app.get("/api/v1/sources", &noa).await.refuses(403, "not-administrator", "");
    let audit = app.get("/api/v1/audit?verb=user.edit", &app.ada.token).await.is(200);
    assert_eq!(audit.json["items"].as_array().unwrap().len(), 2);
}

// ACCESS 1: at most 24 hours, a reason, and the owner sees it
#[tokio::test]
async fn an_administrator_breaks_the_glass_for_a_while_and_everybody_concerned_sees_it() {
    let app = start().await;
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await;
    let address = format!("/api/v1/datasets/{}", dataset.id);
    let bo = app.another_administrator().await;
    let glass = format!("{address}/break-glass");
    let ask = async |token: &str, ask: Value| app.post(&glass, token, ask).await;
    app.get(&address, &bo.token).await.refuses(404, "not-found", "");
    ask(&app.eve.token, json!({ "reason": "r" })).await.refuses(404, "not-found", "");
    ask(&bo.token, json!({})).await.refuses(400, "body", "/reason");
    ask(&bo.token, json!({ "reason": " " })).await.refuses(409, "reason-needed", "/reason");
    ask(&bo.token, json!({ "reason": "r", "hours": 25 })).await.refuses(422, "hours", "/hours");
    ask(&bo.token, json!({ "reason": "r", "hours": 0 })).await.refuses(422, "hours", "/hours");
    ask(&bo.token, json!({ "reason": "r", "role": "manager" })).await.refuses(422, "more-than-reading", "/role");
    ask(&bo.token, json!({ "reason": "r", "role": "boss" })).await.refuses(422, "grant-role", "/role");
    let narrow = app.token_for(&bo.user, &[Scope::Datasets], 150).await;
    ask(&narrow, json!({ "reason": "r" })).await.refuses(403, "scope", "");
    ask(&app.ada.token, json!({ "reason": "mine" })).await.refuses(409, "owns-it", "");
    let given = app.send("POST", &glass, &bo.token, &[("idempotency-key", "a")], "{\"reason\":\"beam time\",\"hours\":2}").await.is(201);
    assert_eq!((given.text("/role"), &given.json["break_glass"], &given.json["may_share"]), ("view", &json!(true), &json!(false)));
    assert_eq!(given.text("/until"), (app.now() + SignedDuration::from_hours(2)).to_string());
    let again = app.send("POST", &glass, &bo.token, &[("idempotency-key", "a")], "{\"reason\":\"beam time\",\"hours\":2}").await.is(201);
    assert_eq!(again.json, given.json);
    let rights = app.get(&address, &bo.token).await.is(200).json["rights"].clone();
    assert_eq!(rights, json!(["discover", "meta", "coarse", "list", "read"]));
    // Its owner sees it, in the sharing and with the reason in the audit, and takes it back.
    let view = app.get(&format!("{address}/sharing"), &app.ada.token).await.is(200);
    assert_eq!((view.text("/grants/0/name"), &view.json["grants"][0]["break_glass"]), ("Bo", &json!(true)));
    let audit = app.get(&format!("/api/v1/audit?verb=grant.break-glass&target={}", dataset.id), &app.ada.token).await.is(200);
    assert_eq!(audit.json["items"].as_array().unwrap().len(), 1);
    assert_eq!((audit.text("/items/0/reason"), audit.text("/items/0/actor")), ("beam time", bo.user.id.to_string().as_str()));
    let taken = json!({ "to": "user:Bo", "reason": "not here" });
    app.post(&format!("{address}/grants/withdraw"), &app.ada.token, taken).await.is(200);
    app.get(&address, &bo.token).await.refuses(404, "not-found", "");
    // It ends by itself, and begins anew where it is asked for again.
    ask(&bo.token, json!({ "reason": "again", "hours": 1, "role": "download" })).await.is(201);
    ask(&bo.token, json!({ "reason": "longer", "hours": 24 })).await.is(201);
    app.wait(SignedDuration::from_hours(24));
    app.get(&address, &bo.token).await.refuses(404, "not-found", "");
    // What somebody gave stays: it does not end with an emergency.
    let kept = json!({ "to": "user:Bo", "role": "preview" }).to_string();
    app.send("POST", &format!("{address}/grants"), &app.ada.token, &[("if-match", "*")], kept).await.is(200);
    ask(&bo.token, json!({ "reason": "more" })).await.refuses(409, "has-grant", "");
    // Nobody who administers no more.
    edit_user(&app, "Bo", json!({ "administrator": false })).await.is(200);
    ask(&bo.token, json!({ "reason": "r" })).await.refuses(403, "not-administrator", "");
}

// ACCESS R7
#[tokio::test]
async fn what_a_suspended_owner_left_goes_to_the_named_successor_or_by_an_administrator() {
    let app = start().await;
    let bo = app.another_administrator().await;
    let (noa, zoe) = (person(&app, "Noa", json!({})).await, person(&app, "Zoe", json!({})).await);
    let root = format!("/api/v1/datasets/{}", app.root.id);
    let notes = app.a_dataset("notes", Kind::Folder, 51).await;
    let address = format!("/api/v1/datasets/{}", notes.id);
    let hand_over = async |address: &str, token: &str, to: &str| {
        app.post(&format!("{address}/hand-over"), token, json!({ "to": to, "reason": "its owner left" })).await
    };
    let name = async |ask: Value| {
        let version = app.get(&address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
        app.patch(&address, &app.ada.token, version, ask).await
    };
    name(json!({ "successor": "Ada" })).await.refuses(422, "successor", "/successor");
    name(json!({ "successor": "Nobody" })).await.refuses(422, "no-such-user", "/successor");
    name(json!({ "successor": "Noa", "restricted": true })).await.refuses(422, "one-change", "");
    assert!(name(json!({ "successor": "Noa" })).await.is(200).json["dataset"]["successor"].is_string());
    assert_eq!(name(json!({ "successor": null })).await.is(200).json["dataset"].get("successor"), None);
    name(json!({ "successor": "Noa" })).await.is(200);
    // It gives nothing before, and to nobody else.
    app.get(&address, &noa).await.refuses(404, "not-found", "");
    hand_over(&address, &noa, "Noa").await.refuses(409, "owner-active", "");
    hand_over(&address, &bo.token, "Eve").await.refuses(409, "owner-active", "");
    hand_over(&address, &zoe, "Zoe").await.refuses(404, "not-found", "");
    app.send("PATCH", "/api/v1/users/Ada", &bo.token, &[], "{\"standing\":\"suspended\"}").await.is(200);
    hand_over(&address, &zoe, "Zoe").await.refuses(404, "not-found", "");
    let listed = app.get("/api/v1/datasets?owner=Ada", &bo.token).await.is(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 2, "{listed:?}");
    assert_eq!(listed.json["items"][0]["rights"], json!([]));
    app.get("/api/v1/datasets?owner=Ada", &zoe).await.refuses(403, "not-auditor", "");
    // An administrator hands over a source's root, too, but to nobody less than another.
    hand_over(&root, &bo.token, "Bo").await.refuses(403, "to-oneself", "/to");
    let (path, ask) = (format!("{root}/hand-over"), json!({ "to": "Zoe", "reason": "its owner left" }).to_string());
    let send = async || app.send("POST", &path, &bo.token, &[("idempotency-key", "root")], ask.clone()).await;
    let given = send().await.is(200);
    assert!(given.json["enforced_by"].is_string());
    assert_eq!(send().await.is(200).json, given.json, "where the first answer was lost");
    app.get(&root, &zoe).await.is(200);
    app.get(&root, &bo.token).await.refuses(404, "not-found", "");
    app.wait(SignedDuration::from_millis(5));
    let taken = hand_over(&address, &noa, "Noa").await.is(200);
    assert_eq!(taken.json["dataset"].get("successor"), None, "the next owner names one of his own");
    hand_over(&address, &bo.token, "Eve").await.refuses(409, "owner-active", "");
    let audit = app.get("/api/v1/audit?verb=dataset.hand-over", &bo.token).await.is(200);
    let actors: Vec<_> = audit.json["items"].as_array().unwrap().iter().map(|item| item["actor"].clone()).collect();
    assert_eq!((actors.len(), &actors[1]), (2, &json!(bo.user.id.to_string())), "{audit:?}");
    assert_eq!(audit.text("/items/1/reason"), "its owner left");
}
