//! Where people are asked before strangers share with them (ACCESS 7): what a grant, or a part in a project, becomes, and what comes of it.

use std::sync::Arc;

use domain::{connection::Directory, dataset::Kind, token::Scope};
use edge::config::Config;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    connections::somebody,
    invitations::{invite, sign_in, vouching},
    start,
    support::{Answer, Person, TestApp},
};

const MINE: &str = "/api/v1/me/invitations";

/// The same app, where people are asked first.
pub(crate) fn asking(mut app: TestApp, since: Option<Timestamp>) -> TestApp {
    app.app.config = Arc::new(Config { directory: Directory::Connections { since }, ..(*app.app.config).clone() });
    app.router = acl::router(app.app.clone());
    app
}

async fn dataset(app: &TestApp, path: &str, id: u128) -> (String, String) {
    let id = app.a_dataset(path, Kind::Folder, id).await.id.to_string();
    (format!("/api/v1/datasets/{id}"), id)
}

async fn give(app: &TestApp, at: &str, by: &Person, to: &str, role: &str) -> Answer {
    app.post(&format!("{at}/grants"), &by.token, json!({ "to": format!("user:{to}"), "role": role })).await
}

async fn answer(app: &TestApp, token: &str, id: &str, word: &str) -> Answer {
    app.post(&format!("{MINE}/{id}/{word}"), token, json!({})).await
}

async fn mine(app: &TestApp, token: &str) -> Vec<Value> {
    app.get(MINE, token).await.is(200).json["items"].as_array().unwrap().clone()
}

async fn audited(app: &TestApp, verb: &str) -> usize {
    app.get(&format!("/api/v1/audit?verb={verb}"), &app.ada.token).await.is(200).json["items"].as_array().unwrap().len()
}

// ACCESS 7: consent before strangers share
#[tokio::test]
async fn a_stranger_is_asked_and_has_nothing_before_accepting() {
    let app = asking(start().await, None);
    let (at, id) = dataset(&app, "notes/", 50).await;
    let bo = somebody(&app, "Bo").await;
    let sent = give(&app, &at, &app.ada, "Eve", "view").await.is(202);
    assert_eq!((sent.text("/user"), sent.text("/name"), sent.text("/state")), (&*app.eve.user.id.to_string(), "Eve", "waiting"));
    assert_eq!(sent.text("/waits_until"), (app.now() + SignedDuration::from_hours(30 * 24)).to_string());
    app.get(&at, &app.eve.token).await.refuses(404, "not-found", "");
    assert_eq!(app.get(&format!("{at}/grants"), &app.ada.token).await.is(200).json["items"], json!([]), "it is no grant");
    let sharing = app.get(&format!("{at}/sharing"), &app.ada.token).await.is(200);
    assert_eq!((sharing.text("/invitations/0/name"), &sharing.json["grants"]), ("Eve", &json!([])));
    let waiting = mine(&app, &app.eve.token).await;
    assert_eq!((&waiting[0]["place"], &waiting[0]["by_name"], waiting.len()), (&json!("demo:notes/"), &json!("Ada"), 1));
    // Nobody else sees it, or answers it.
    assert_eq!((mine(&app, &bo.token).await, mine(&app, &app.ada.token).await), (vec![], vec![]));
    answer(&app, &bo.token, &id, "accept").await.refuses(404, "not-found", "");
    answer(&app, &app.ada.token, &id, "accept").await.refuses(404, "not-found", "");
    // By a token that only reads, neither.
    let reads = app.token_for(&app.eve.user, &[Scope::Read], 300).await;
    answer(&app, &reads, &id, "accept").await.refuses(403, "scope", "");
    let met = answer(&app, &app.eve.token, &id, "accept").await.is(200);
    assert_eq!((met.text("/state"), mine(&app, &app.eve.token).await), ("met", vec![]));
    app.get(&at, &app.eve.token).await.is(200);
    let grants = app.get(&format!("{at}/grants"), &app.ada.token).await.is(200);
    assert_eq!((grants.text("/items/0/by"), grants.text("/items/0/role")), (&*app.ada.user.id.to_string(), "view"));
    answer(&app, &app.eve.token, &id, "accept").await.refuses(409, "invitation-over", "");
    answer(&app, &app.eve.token, &id, "decline").await.refuses(409, "invitation-over", "");
    // What both are named in connects them: the next needs no asking, nor does a change of this one.
    give(&app, &dataset(&app, "fused.ome.zarr/", 51).await.0, &app.ada, "Eve", "view").await.is(201);
    give(&app, &at, &app.ada, "Eve", "download").await.refuses(409, "exists", "");
    for (verb, times) in [("invitation.send", 1), ("invitation.accept", 1), ("grant.give", 1)] {
        assert_eq!(audited(&app, verb).await, times, "{verb}");
    }
    // Who has a connection with her is not asked about.
    app.post("/api/v1/connections", &app.ada.token, json!({ "to": "Bo" })).await.is(201);
    give(&app, &at, &app.ada, "Bo", "view").await.is(202);
    app.post("/api/v1/connections/Ada/accept", &bo.token, json!({})).await.is(200);
    give(&app, &at, &app.ada, "Bo", "preview").await.is(201);
    // What waited besides gives no more than she has by then.
    answer(&app, &bo.token, &id, "accept").await.is(200);
    let grants = app.get(&format!("{at}/grants"), &app.ada.token).await.is(200).json["items"].clone();
    let of_bo = grants.as_array().unwrap().iter().find(|grant| grant["name"] == "Bo").unwrap();
    assert_eq!(of_bo["role"], "preview");
}

// ACCESS 7: whoever is asked may decline, and whoever asked may take it back
#[tokio::test]
async fn an_invitation_is_declined_taken_back_or_ends() {
    let app = asking(start().await, None);
    let (at, id) = dataset(&app, "notes/", 50).await;
    let eve = app.eve.token.clone();
    give(&app, &at, &app.ada, "Eve", "view").await.is(202);
    let declined = answer(&app, &eve, &id, "decline").await.is(200);
    assert_eq!(declined.text("/state"), "declined");
    assert_eq!(answer(&app, &eve, &id, "decline").await.is(200).json, declined.json);
    answer(&app, &eve, &id, "accept").await.refuses(409, "invitation-over", "");
    let refused = give(&app, &at, &app.ada, "Eve", "view").await.refuses(409, "declined-lately", "");
    assert_eq!(refused.text("/from"), declined.text("/waits_until"));
    app.wait(SignedDuration::from_hours(30 * 24));
    give(&app, &at, &app.ada, "Eve", "view").await.is(202);
    let withdraw = format!("{at}/invitations/withdraw");
    let gone = app.post(&withdraw, &app.ada.token, json!({ "user": "Eve", "reason": "a slip" })).await.is(200);
    assert_eq!((gone.text("/state"), mine(&app, &eve).await), ("withdrawn", vec![]));
    answer(&app, &eve, &id, "accept").await.refuses(409, "invitation-over", "");
    app.post(&withdraw, &app.ada.token, json!({ "user": "Ada" })).await.refuses(404, "no-such-invitation", "");
    app.post(&withdraw, &app.ada.token, json!({ "user": "Nobody" })).await.refuses(422, "no-such-user", "/user");
    app.post(&withdraw, &app.ada.token, json!({ "user": "Eve", "address": "x" })).await.refuses(422, "email", "/email");
    give(&app, &at, &app.ada, "Eve", "view").await.is(202);
    app.wait(SignedDuration::from_hours(30 * 24));
    assert_eq!(mine(&app, &eve).await, Vec::<Value>::new());
    answer(&app, &eve, &id, "accept").await.refuses(409, "invitation-over", "");
    let listed = app.get(&format!("{at}/invitations"), &app.ada.token).await.is(200);
    assert_eq!((listed.text("/items/0/state"), listed.text("/items/0/name")), ("ended", "Eve"));
    for odd in ["x", "daaaaaaaaaaaaaaaaaaaaaaaaaa", "paaaaaaaaaaaaaaaaaaaaaaaaaa", &app.eve.user.id.to_string()] {
        answer(&app, &eve, odd, "accept").await.refuses(404, "not-found", "");
    }
}

// ACCESS R2: never by a right that was taken away
#[tokio::test]
async fn an_invitation_counts_by_what_its_sender_may_give_when_it_is_accepted() {
    let app = asking(start().await, None);
    let (at, id) = dataset(&app, "notes/", 50).await;
    let cy = somebody(&app, "Cy").await;
    give(&app, &at, &app.ada, "Eve", "manager").await.is(202);
    answer(&app, &app.eve.token, &id, "accept").await.is(200);
    give(&app, &at, &app.eve, "Cy", "manager").await.is(202);
    give(&app, &at, &app.eve, "Eve", "view").await.refuses(403, "to-oneself", "/to");
    app.post(&format!("{at}/grants/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    assert_eq!(mine(&app, &cy.token).await, Vec::<Value>::new(), "nothing is told of it, either");
    answer(&app, &cy.token, &id, "accept").await.refuses(409, "invitation-over", "");
    app.get(&at, &cy.token).await.refuses(404, "not-found", "");
    // Into a project: by who manages it then.
    let project = app.post("/api/v1/projects", &app.eve.token, json!({ "name": "eves" })).await.is(201).text("/id").to_owned();
    let members = format!("/api/v1/projects/{project}/members");
    app.post(&members, &app.eve.token, json!({ "users": ["Ada"], "role": "manager" })).await.is(202);
    answer(&app, &app.ada.token, &project, "accept").await.is(200);
    app.post(&members, &app.eve.token, json!({ "users": ["Cy"] })).await.is(202);
    app.post(&members, &app.ada.token, json!({ "users": ["Eve"], "role": "member" })).await.is(200);
    assert_eq!(mine(&app, &cy.token).await, Vec::<Value>::new());
    answer(&app, &cy.token, &project, "accept").await.refuses(409, "invitation-over", "");
    app.post(&members, &app.ada.token, json!({ "users": ["Eve"], "role": "manager" })).await.is(200);
    app.post("/api/v1/sources/demo/blocks", &app.ada.token, json!({ "user": "Eve", "blocked": true })).await.is(200);
    answer(&app, &cy.token, &project, "accept").await.refuses(409, "invitation-over", "");
    app.post("/api/v1/sources/demo/blocks", &app.ada.token, json!({ "user": "Eve", "blocked": false })).await.is(200);
    answer(&app, &cy.token, &project, "accept").await.is(200);
}

// ACCESS 7, 8: a part in a project
#[tokio::test]
async fn a_stranger_comes_into_a_project_by_accepting() {
    let app = asking(start().await, None);
    let (bo, cy) = (somebody(&app, "Bo").await, somebody(&app, "Cy").await);
    let made = app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201);
    let (at, id) = (format!("/api/v1/projects/{}", made.text("/id")), made.text("/id").to_owned());
    app.post("/api/v1/connections", &app.ada.token, json!({ "to": "Cy" })).await.is(201);
    app.post("/api/v1/connections/Ada/accept", &cy.token, json!({})).await.is(200);
    let dry = app.post(&format!("{at}/members?dry_run=true"), &app.ada.token, json!({ "users": ["Eve", "Cy"] })).await.is(200);
    assert_eq!(dry.json.get("invited"), None);
    let add = json!({ "users": ["Eve", "Cy", "Bo"], "role": "manager" });
    let added = app.post(&format!("{at}/members"), &app.ada.token, add).await.is(202);
    let invited: Vec<_> = added.json["invited"].as_array().unwrap().iter().map(|sent| sent["name"].clone()).collect();
    assert_eq!((&added.json["changed"], invited), (&json!(1), vec![json!("Eve"), json!("Bo")]), "whom she is connected with is in it");
    for token in [&app.eve.token, &bo.token] {
        app.get(&at, token).await.refuses(404, "not-found", "");
    }
    let waiting = mine(&app, &app.eve.token).await;
    assert_eq!((&waiting[0]["place"], &waiting[0]["role"], &waiting[0]["project"]), (&json!("retina"), &json!("manager"), &json!(id)));
    let listed = app.get(&format!("{at}/invitations"), &cy.token).await.is(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 2, "for whoever manages it");
    let withdraw = format!("{at}/invitations/withdraw");
    app.post(&withdraw, &cy.token, json!({ "user": "Bo" })).await.is(200);
    answer(&app, &bo.token, &id, "accept").await.refuses(409, "invitation-over", "");
    answer(&app, &app.eve.token, &id, "accept").await.is(200);
    let shown = app.get(&at, &app.eve.token).await.is(200);
    assert_eq!((shown.text("/role"), &shown.json["managers"]), ("manager", &json!(3)));
    assert_eq!((audited(&app, "project.add").await, audited(&app, "invitation.accept").await), (1, 1));
    // In it already: another role takes no asking, and she may leave as anybody.
    app.post(&format!("{at}/members"), &cy.token, json!({ "users": ["Eve"], "role": "member" })).await.is(200);
    app.get(&format!("{at}/invitations"), &app.eve.token).await.refuses(403, "not-project-manager", "");
    app.post(&withdraw, &app.eve.token, json!({ "user": "Bo" })).await.refuses(403, "not-project-manager", "");
    // What both are in connects them.
    let (data, _) = dataset(&app, "notes/", 50).await;
    give(&app, &data, &app.ada, "Eve", "view").await.is(201);
    // Who came in meanwhile keeps what he has.
    app.post(&format!("{at}/members"), &app.ada.token, json!({ "users": ["Bo"], "role": "manager" })).await.is(202);
    app.post("/api/v1/connections", &cy.token, json!({ "to": "Bo" })).await.is(201);
    app.post("/api/v1/connections/Cy/accept", &bo.token, json!({})).await.is(200);
    app.post(&format!("{at}/members"), &cy.token, json!({ "users": ["Bo"] })).await.is(200);
    answer(&app, &bo.token, &id, "accept").await.is(200);
    assert_eq!(app.get(&at, &bo.token).await.is(200).text("/role"), "member");
    let crowd: Vec<_> = (0..101).map(|number| format!("u{number:025}a").replace(['0', '1', '8', '9'], "a")).collect();
    app.post(&format!("{at}/members"), &app.ada.token, json!({ "users": crowd })).await.refuses(422, "too-many", "/users");
}

// ACCESS 7: no way around it
#[tokio::test]
async fn neither_a_group_nor_a_link_set_nor_an_address_is_a_way_around_asking() {
    let app = asking(vouching("true").await, None);
    let (at, id) = dataset(&app, "notes/", 50).await;
    let (_, other) = dataset(&app, "fused.ome.zarr/", 51).await;
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "adas" })).await.is(201).text("/id").to_owned();
    let members = format!("/api/v1/groups/{group}/members");
    let refused = app.post(&members, &app.ada.token, json!({ "users": ["Ada", "Eve"] })).await.refuses(409, "not-connected", "/users");
    assert_eq!(refused.text("/user"), app.eve.user.id.to_string());
    app.post("/api/v1/link-sets", &app.ada.token, json!({ "datasets": [id, other] })).await.is(201);
    give(&app, &at, &app.ada, "Eve", "full").await.refuses(409, "in-link-set", "/role");
    give(&app, &at, &app.ada, "Eve", "view").await.is(202);
    answer(&app, &app.eve.token, &id, "accept").await.is(200);
    app.post(&members, &app.ada.token, json!({ "users": ["Eve"] })).await.is(200);
    give(&app, &format!("/api/v1/datasets/{other}"), &app.ada, "Eve", "full").await.is(201);
    // Whoever has the address is asked, too, and by the same invitation.
    invite(&app, &at, &app.ada.token, "nia@lab.example", "view").await.is(202);
    invite(&app, &at, &app.ada.token, "mo@lab.example", "view").await.is(202);
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&at, &nia.token).await.refuses(404, "not-found", "");
    let waiting = mine(&app, &nia.token).await;
    assert_eq!((&waiting[0]["dataset"], &waiting[0]["user"], waiting.len()), (&json!(id), &json!(nia.id), 1));
    sign_in(&app, "nia", Some("nia@lab.example")).await;
    answer(&app, &nia.token, &id, "accept").await.is(200);
    app.get(&at, &nia.token).await.is(200);
    // Who said no to it by name has said no to it.
    let mo = sign_in(&app, "mo", None).await;
    give(&app, &at, &app.ada, &mo.id, "view").await.is(202);
    answer(&app, &mo.token, &id, "decline").await.is(200);
    let mo = sign_in(&app, "mo", Some("mo@lab.example")).await;
    assert_eq!(mine(&app, &mo.token).await, Vec::<Value>::new());
    let states: Vec<_> = app.get(&format!("{at}/invitations"), &app.ada.token).await.is(200).json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item.get("address").is_some(), item["state"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(states.iter().filter(|(by_address, state)| *by_address && state == "met").count(), 2, "{states:?}");
}

// A share of the day's invitations; SECURITY T38
#[tokio::test]
async fn invitations_of_either_kind_are_twenty_a_day_and_sent_once() {
    let app = asking(vouching("true").await, None);
    let (at, id) = dataset(&app, "notes/", 50).await;
    let headers = [("idempotency-key", "one")];
    let send = async |to: &str| {
        let ask = json!({ "to": format!("user:{to}"), "role": "view" }).to_string();
        app.send("POST", &format!("{at}/grants"), &app.ada.token, &headers, ask).await
    };
    let first = send("Eve").await.is(202);
    assert_eq!(send("Eve").await.is(202).json, first.json);
    send("Ada").await.refuses(422, "idempotency-mismatch", "");
    assert_eq!(audited(&app, "invitation.send").await, 1);
    for number in 0..19 {
        invite(&app, &at, &app.ada.token, &format!("n{number}@lab.example"), "view").await.is(202);
    }
    let bo = somebody(&app, "Bo").await;
    give(&app, &at, &app.ada, "Bo", "view").await.refuses(429, "too-many-invitations", "");
    let project = app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201).text("/id").to_owned();
    let members = format!("/api/v1/projects/{project}/members");
    app.post(&members, &app.ada.token, json!({ "users": ["Bo"] })).await.refuses(429, "too-many-invitations", "");
    let accept = async |path: &str, token: &str| app.send("POST", path, token, &headers, "").await;
    let path = format!("{MINE}/{id}/accept");
    let met = accept(&path, &app.eve.token).await.is(200);
    assert_eq!(accept(&path, &app.eve.token).await.is(200).json, met.json);
    assert_eq!((audited(&app, "invitation.accept").await, send("Eve").await.status.as_u16()), (1, 200), "what it became since");
    app.wait(SignedDuration::from_hours(24) + SignedDuration::from_secs(1));
    let add = async || app.send("POST", &members, &app.ada.token, &headers, json!({ "users": ["Bo"] }).to_string()).await;
    let invited = add().await.is(202);
    assert_eq!(add().await.is(202).json, invited.json);
    let path = format!("{MINE}/{project}/accept");
    accept(&path, &bo.token).await.is(200);
    accept(&path, &bo.token).await.is(200);
    assert_eq!((audited(&app, "invitation.accept").await, audited(&app, "invitation.send").await), (2, 21));
}

// FEATURES A8: people who were there before are shown so
#[tokio::test]
async fn what_people_shared_before_they_were_asked_shows_so() {
    let app = start().await;
    let (at, _) = dataset(&app, "notes/", 50).await;
    give(&app, &at, &app.ada, "Eve", "view").await.is(201);
    assert_eq!(app.get(MINE, &app.eve.token).await.is(200).json["items"], json!([]));
    app.wait(SignedDuration::from_secs(1));
    let app = asking(app, None);
    let since = app.now();
    let shared = async |app: &TestApp| app.get("/api/v1/connections/Ada", &app.eve.token).await.is(200).json["shared"].clone();
    assert_eq!(shared(&app).await["datasets"][0]["before"], json!(false), "nobody said since when");
    let app = asking(app, Some(since));
    let before = shared(&app).await["datasets"][0].clone();
    assert_eq!((&before["before"], before["since"].as_str().unwrap() < since.to_string().as_str()), (&json!(true), true));
    // They need not be asked, and what comes later is later.
    let (late, _) = dataset(&app, "fused.ome.zarr/", 51).await;
    give(&app, &late, &app.ada, "Eve", "view").await.is(201);
    let project = app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201).text("/id").to_owned();
    app.post(&format!("/api/v1/projects/{project}/members"), &app.ada.token, json!({ "users": ["Eve"] })).await.is(200);
    let after = shared(&app).await;
    let of = |list: &str| after[list].as_array().unwrap().iter().filter(|one| one["before"] == json!(true)).count();
    assert_eq!((of("datasets"), of("projects"), after["datasets"].as_array().unwrap().len()), (1, 0, 2));
}
