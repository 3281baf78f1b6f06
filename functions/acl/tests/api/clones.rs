//! Reference clones: made by whoever may clone the files, seen by whose they are, and giving nobody anything.

use domain::{dataset::Kind, token::Scope};
use serde_json::{Value, json};

use crate::{
    projects::somebody,
    start,
    support::{Answer, Person, TestApp},
};

async fn clones(app: &TestApp, who: &Person, of: &str, title: &str) -> Answer {
    app.post("/api/v1/clones", &who.token, json!({ "dataset": of, "title": title })).await
}

async fn titles(app: &TestApp, who: &Person) -> Vec<(String, bool)> {
    let answer = app.get("/api/v1/clones", &who.token).await.is(200);
    let told = |item: &Value| (item["title"].as_str().unwrap().to_owned(), item["original"].is_object());
    answer.json["items"].as_array().unwrap().iter().map(told).collect()
}

// ACCESS 9; FEATURES A12
#[tokio::test]
async fn a_clone_is_its_owners_card_and_its_original_what_the_owner_may_know_of() {
    let app = start().await;
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    let (ada, eve) = (&app.ada, &app.eve);
    let cy = somebody(&app, "Cy").await;
    let give = async |to: &str, role: &str| {
        let path = format!("/api/v1/datasets/{dataset}/grants");
        let given = app.send("POST", &path, &ada.token, &[("if-match", "*")], json!({ "to": to, "role": role }).to_string()).await;
        assert!(given.status.is_success(), "{given:?}");
    };
    clones(&app, eve, &dataset, "mine").await.refuses(404, "not-found", "");
    give("user:Eve", "view").await;
    assert_eq!(clones(&app, eve, &dataset, "mine").await.refuses(403, "not-allowed", "").json["right"], "clone-files");
    give("user:Eve", "download").await;
    clones(&app, eve, &dataset, " ").await.refuses(422, "title", "/title");
    let long = json!({ "dataset": dataset, "title": "mine", "notes": "a".repeat(4_001) });
    app.post("/api/v1/clones", &eve.token, long).await.refuses(422, "notes", "/notes");
    let narrow = app.token_for(&eve.user, &[Scope::Data], 151).await;
    let ask = json!({ "dataset": dataset, "title": "mine" });
    assert_eq!(app.post("/api/v1/clones", &narrow, ask.clone()).await.refuses(403, "scope", "").json["scope"], "datasets");
    let keyed = async || app.send("POST", "/api/v1/clones", &eve.token, &[("idempotency-key", "once")], ask.to_string()).await.is(201);
    let made = keyed().await;
    assert_eq!(keyed().await.json, made.json);
    let id = made.text("/id").to_owned();
    assert_eq!((made.text("/original/id"), made.text("/original/place")), (dataset.as_str(), "demo:fused.ome.zarr/"));
    assert!(made.text("/url").ends_with(&format!("/{id}/fused.ome.zarr/")), "{}", made.text("/url"));
    // Nobody else knows of the card, the original's owner neither; who clones what is written down for that owner.
    let at = format!("/api/v1/clones/{id}");
    for who in [ada, &cy] {
        app.get(&at, &who.token).await.refuses(404, "not-found", "");
        app.post(&format!("{at}/retire"), &who.token, json!({})).await.refuses(404, "not-found", "");
        assert_eq!(titles(&app, who).await, []);
    }
    let audit = app.get(&format!("/api/v1/audit?target={dataset}&verb=clone.make"), &ada.token).await.is(200);
    let actor = eve.user.id.to_string();
    assert_eq!((audit.json["items"].as_array().unwrap().len(), audit.text("/items/0/actor")), (1, actor.as_str()));
    assert!(!audit.json.to_string().contains("mine"), "its title is Eve's");
    // It is no dataset: nothing is granted on it.
    for below in ["", "/grants", "/sharing"] {
        app.get(&format!("/api/v1/datasets/{id}{below}"), &eve.token).await.refuses(404, "not-found", "");
    }
    // A clone of a clone is one of its original, for whoever may clone that.
    clones(&app, &cy, &id, "second hand").await.refuses(404, "not-found", "");
    give("user:Cy", "download").await;
    let second = clones(&app, &cy, &id, "second hand").await.is(201);
    assert_eq!(second.text("/original/id"), dataset);
    let edit = async |version: u64, ask: Value| app.patch(&at, &eve.token, version, ask).await;
    let edited = edit(1, json!({ "title": "renamed", "notes": "slices 40 to 60" })).await.is(200);
    assert_eq!((edited.text("/title"), edited.text("/notes")), ("renamed", "slices 40 to 60"));
    assert_eq!(edited.headers["etag"], "\"2\"");
    edit(1, json!({ "title": "late" })).await.refuses(412, "stale", "");
    edit(2, json!({ "title": "" })).await.refuses(422, "title", "/title");
    assert_eq!(edit(2, json!({ "notes": null })).await.is(200).json.get("notes"), None);
    app.send("PATCH", &at, &eve.token, &[], "{}").await.is(428);
    // Once the original is not Eve's to know of, the card says nothing of it; given back, it does.
    app.post(&format!("/api/v1/datasets/{dataset}/grants/withdraw"), &ada.token, json!({ "to": "user:Eve" })).await.is(200);
    assert_eq!(titles(&app, eve).await, [("renamed".to_owned(), false)]);
    let card = app.get(&at, &eve.token).await.is(200);
    assert!(!card.json.to_string().contains(&dataset) && card.json.get("url").is_none(), "{card:?}");
    assert_eq!(titles(&app, &cy).await, [("second hand".to_owned(), true)]);
    give("user:Eve", "view").await;
    assert_eq!(titles(&app, eve).await, [("renamed".to_owned(), true)]);
    let retired = app.post(&format!("{at}/retire"), &eve.token, json!({})).await.is(200);
    assert_eq!((retired.text("/clone/state"), retired.json["clone"].get("url")), ("retired", None));
    assert!(retired.json["enforced_by"].is_string());
    assert_eq!(app.post(&format!("{at}/retire"), &eve.token, json!({})).await.is(200).json, retired.json, "again");
    assert_eq!(titles(&app, eve).await, []);
    edit(4, json!({ "title": "back" })).await.refuses(404, "not-found", "");
    clones(&app, &cy, &id, "third hand").await.refuses(404, "not-found", "");
}

// FEATURES A7, A12: as visibility and the project's policy let
#[tokio::test]
async fn what_may_be_cloned_the_policy_says() {
    let app = start().await;
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    let (ada, eve) = (&app.ada, &app.eve);
    let project = app.post("/api/v1/projects", &ada.token, json!({ "name": "retina", "policy": { "view": "download" } })).await.is(201);
    let of_project = format!("/api/v1/projects/{}", project.text("/id"));
    app.post(&format!("{of_project}/members"), &ada.token, json!({ "users": ["Eve"] })).await.is(200);
    app.post(&format!("{of_project}/datasets"), &ada.token, json!({ "dataset": dataset })).await.is(200);
    let policy = async |clone: &str| {
        let ask = json!({ "policy": { "view": "download", "clone": clone } }).to_string();
        app.send("PATCH", &of_project, &ada.token, &[("if-match", "*")], ask).await.is(200);
    };
    policy("none").await;
    clones(&app, eve, &dataset, "mine").await.refuses(403, "not-allowed", "");
    policy("files").await;
    clones(&app, eve, &dataset, "mine").await.is(201);
    // What is open to all accounts with the role `download` may be cloned by each.
    let cy = somebody(&app, "Cy").await;
    clones(&app, &cy, &dataset, "mine").await.refuses(404, "not-found", "");
    let path = format!("/api/v1/datasets/{dataset}");
    app.post(&format!("{path}/grants"), &ada.token, json!({ "to": "accounts", "role": "download" })).await.is(201);
    let opens = json!({ "visibility": "accounts", "confirm": true }).to_string();
    app.send("PATCH", &path, &ada.token, &[("if-match", "*")], opens).await.is(200);
    clones(&app, &cy, &dataset, "mine").await.is(201);
    // What moves nothing is not cloned, either.
    app.post("/api/v1/serving", &ada.token, json!({ "serving": false, "reason": "r" })).await.is(200);
    clones(&app, &cy, &dataset, "again").await.refuses(503, "not-serving", "");
}
