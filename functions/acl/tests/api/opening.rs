//! Opening a dataset to everybody, closing it again, and what a dry run says of either.

use domain::dataset::Kind;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, Person, TestApp},
};

struct Scene {
    app: TestApp,
    /// A folder, and what lies in it: one dataset, and one that is restricted.
    folder: String,
    inside: String,
    part: String,
}

impl Scene {
    async fn new() -> Self {
        let app = start().await;
        let folder = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
        let inside = Self::registered(&app, "fused.ome.zarr/0").await;
        let part = Self::registered(&app, "fused.ome.zarr/two").await;
        let scene = Self { app, folder, inside, part };
        scene.edit(&scene.part, "", json!({ "restricted": true })).await.is(200);
        scene
    }

    async fn registered(app: &TestApp, path: &str) -> String {
        app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": path })).await.is(201).text("/id").to_owned()
    }

    async fn shown(&self, dataset: &str, who: &Person) -> Value {
        self.app.get(&format!("/api/v1/datasets/{dataset}"), &who.token).await.is(200).json
    }

    async fn edit(&self, dataset: &str, query: &str, ask: Value) -> Answer {
        let version = self.shown(dataset, &self.app.ada).await["version"].as_u64().unwrap();
        self.app.patch(&format!("/api/v1/datasets/{dataset}{query}"), &self.app.ada.token, version, ask).await
    }

    async fn give(&self, to: &str, role: &str) {
        let path = format!("/api/v1/datasets/{}/grants", self.folder);
        self.app.post(&path, &self.app.ada.token, json!({ "to": to, "role": role })).await.is(201);
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    let all = answer.json["beyond_recall"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

// ACCESS 5 (R6)
#[tokio::test]
async fn a_dataset_is_opened_to_everybody_by_who_says_that_it_is_meant() {
    let scene = Scene::new().await;
    scene.give("accounts", "view").await;
    let refused = scene.edit(&scene.folder, "", json!({ "visibility": "accounts" })).await;
    assert!(refused.text("/hint").contains("`confirm: true`"));
    let detail = refused.text("/detail").to_owned();
    let says = "everybody with an account would get discover, meta, coarse, list, read at `demo:fused.ome.zarr/`";
    assert!(detail.contains(says) && detail.contains("at 1 dataset in it"), "one is restricted: {detail}");
    refused.refuses(409, "confirmation-needed", "/confirm");
    let first = scene.shown(&scene.folder, &scene.app.ada).await;
    assert_eq!((&first["visibility"], &first["audience"]), (&json!("private"), &json!("private")), "nothing was written");

    let opens = json!({ "visibility": "accounts", "confirm": true });
    let tried = scene.edit(&scene.folder, "?dry_run=true", json!({ "visibility": "accounts" })).await.is(200);
    let gains = json!([{ "to": "accounts", "gains": ["discover", "meta", "coarse", "list", "read"], "loses": [] }]);
    assert_eq!((&tried.json["effects_on_all"], &tried.json["opened_below"]), (&gains, &json!(1)));
    assert_eq!(scene.shown(&scene.folder, &scene.app.ada).await, first, "a dry run writes nothing");
    let opened = scene.edit(&scene.folder, "", opens).await.is(200);
    assert_eq!((opened.text("/dataset/audience"), codes(&opened)), ("accounts", vec![]));
    // Wider still is to be meant, too; fewer is not.
    scene.edit(&scene.folder, "", json!({ "visibility": "world" })).await.refuses(409, "confirmation-needed", "/confirm");
    scene.edit(&scene.folder, "", json!({ "visibility": "private" })).await.is(200);
}

// ACCESS 5 (R6): whatever opens it.
#[tokio::test]
async fn what_lies_above_opens_a_restricted_part_to_everybody_only_where_that_is_meant() {
    let scene = Scene::new().await;
    scene.give("accounts", "view").await;
    let part = &scene.part;
    let open = async |ask: Value| scene.edit(part, "", ask).await;
    // As long as nothing above is open to everybody nobody is asked.
    open(json!({ "restricted": false })).await.is(200);
    open(json!({ "restricted": true })).await.is(200);
    scene.edit(&scene.folder, "", json!({ "visibility": "accounts", "confirm": true })).await.is(200);
    let refused = open(json!({ "restricted": false })).await;
    assert!(refused.text("/detail").contains("everybody with an account would get discover"), "{}", refused.json);
    refused.refuses(409, "confirmation-needed", "/confirm");
    assert_eq!(scene.shown(part, &scene.app.ada).await["audience"], "private");
    let tried = scene.edit(part, "?dry_run=true", json!({ "restricted": false })).await.is(200);
    assert_eq!((tried.text("/audience_then"), tried.text("/dataset/audience")), ("accounts", "private"));
    open(json!({ "restricted": false, "confirm": true })).await.is(200);
    assert_eq!(scene.shown(part, &scene.app.ada).await["audience"], "accounts");
    // By its own switch everybody gets nothing that they have not.
    let refused = open(json!({ "visibility": "accounts" })).await;
    assert!(refused.text("/detail").contains("would get what will be granted to them"), "{}", refused.json);
    // What counts is said by what it stands on.
    let grants = scene.app.get(&format!("/api/v1/datasets/{part}/sharing"), &scene.app.ada.token).await.is(200).json["grants"].clone();
    assert_eq!((&grants[0]["to"], &grants[0]["dataset"], &grants[0]["counts"]), (&json!("accounts"), &json!(scene.folder), &json!(true)));
    scene.edit(&scene.folder, "", json!({ "visibility": "private" })).await.is(200);
    let sharing = scene.app.get(&format!("/api/v1/datasets/{part}/sharing"), &scene.app.ada.token).await.is(200).json;
    assert_eq!((&sharing["grants"][0]["counts"], &sharing["dataset"]["audience"]), (&json!(false), &json!("private")));
}

// SEMANTICS 6: the same request gets the same answer, and its key stands for no other.
#[tokio::test]
async fn the_repeat_of_an_edit_says_what_the_edit_did() {
    let scene = Scene::new().await;
    scene.give("accounts", "view").await;
    let address = format!("/api/v1/datasets/{}", scene.folder);
    let send = async |key: &str, version: u64, ask: &Value| {
        let tag = format!("\"{version}\"");
        let headers = [("if-match", tag.as_str()), ("idempotency-key", key)];
        scene.app.send("PATCH", &address, &scene.app.ada.token, &headers, ask.to_string()).await
    };
    let promises = |answer: &Answer| (answer.json.get("enforced_by").is_some(), codes(answer).len());
    let shown = async || scene.shown(&scene.folder, &scene.app.ada).await["version"].as_u64().unwrap();
    for (index, ask) in [
        json!({ "visibility": "accounts", "confirm": true }),
        json!({ "visibility": "private" }),
        json!({ "visibility": "private" }),
        json!({ "strict": true }),
        json!({ "strict": false }),
        json!({ "successor": "Eve" }),
        json!({ "successor": "Eve" }),
    ]
    .iter()
    .enumerate()
    {
        let (key, version) = (format!("k{index}"), shown().await);
        let first = send(&key, version, ask).await.is(200);
        let again = send(&key, version, ask).await.is(200);
        assert_eq!(promises(&first), promises(&again), "{ask}");
        send(&key, shown().await, &json!({ "successor": null })).await.refuses(422, "idempotency-mismatch", "");
    }
}

// ACCESS 9
#[tokio::test]
async fn every_list_says_whom_a_dataset_is_open_to_by_itself_or_by_what_lies_above() {
    let scene = Scene::new().await;
    let audience = async |who: &Person, list: &str| {
        let answer = scene.app.get(list, &who.token).await.is(200);
        let items = answer.json["items"].as_array().unwrap().clone();
        items
            .into_iter()
            .map(|item| (item["path"].as_str().unwrap().to_owned(), item["audience"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    scene.edit(&scene.folder, "", json!({ "visibility": "world", "confirm": true })).await.is(200);
    let own = audience(&scene.app.ada, "/api/v1/datasets").await;
    assert!(own.iter().all(|(_, audience)| audience == "private"), "a switch alone opens nothing: {own:?}");
    scene.give("world", "view").await;
    scene.give("accounts", "download").await;
    let own = audience(&scene.app.ada, "/api/v1/datasets").await;
    let of = |path: &str| own.iter().find(|(there, _)| there == path).unwrap_or_else(|| panic!("{path}: {own:?}")).1.clone();
    assert_eq!(
        (of("fused.ome.zarr/").as_str(), of("fused.ome.zarr/0/").as_str(), of("fused.ome.zarr/two/").as_str()),
        ("world", "world", "private")
    );
    assert_eq!(audience(&scene.app.eve, "/api/v1/me/shared").await, [("fused.ome.zarr/".to_owned(), "world".to_owned())]);
    assert_eq!(scene.shown(&scene.inside, &scene.app.eve).await["audience"], "world");
    let source = format!("/api/v1/sources/{}", scene.app.source.id);
    scene.app.patch(&source, &scene.app.ada.token, 1, json!({ "ceilings": { "audience": "accounts" } })).await.is(200);
    let shown = scene.shown(&scene.inside, &scene.app.ada).await;
    assert_eq!((&shown["visibility"], &shown["audience"]), (&json!("private"), &json!("accounts")), "as far as the source lets it");
}

// ACCESS 9
#[tokio::test]
async fn closing_says_what_cannot_be_called_back_and_links_end_by_it_with_a_reason() {
    let scene = Scene::new().await;
    scene.give("accounts", "view").await;
    scene.edit(&scene.folder, "", json!({ "visibility": "accounts", "confirm": true })).await.is(200);
    let close = json!({ "visibility": "private" });
    let tried = scene.edit(&scene.folder, "?dry_run=true", close.clone()).await.is(200);
    assert_eq!(tried.json["effects_on_all"][0]["loses"], json!(["discover", "meta", "coarse", "list", "read"]));
    let closed = scene.edit(&scene.folder, "", close).await.is(200);
    assert_eq!(closed.text("/dataset/audience"), "private");
    assert_eq!(codes(&closed), ["copies", "signed-addresses", "caches"]);
    assert_eq!(closed.json["beyond_recall"][1]["until"], closed.json["enforced_by"]);

    let ask = |more: Value| {
        let mut ask = json!({ "visibility": "private", "end_links": true });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask
    };
    scene.edit(&scene.folder, "", ask(json!({}))).await.refuses(409, "reason-needed", "/reason");
    scene.edit(&scene.folder, "", ask(json!({ "visibility": "world", "reason": "so" }))).await.refuses(422, "visibility", "/end_links");
    scene.edit(&scene.folder, "", json!({ "end_links": true, "reason": "so" })).await.refuses(422, "visibility", "/end_links");
    scene.edit(&scene.folder, "", json!({ "restricted": true, "reason": "so" })).await.refuses(422, "visibility", "/reason");
    let ended = scene.edit(&scene.folder, "", ask(json!({ "reason": "so" }))).await.is(200);
    assert_eq!((ended.json.get("links_left"), codes(&ended).len()), (None, 3));
    let audit = scene.app.get(&format!("/api/v1/audit?target={}", scene.folder), &scene.app.ada.token).await.is(200);
    // All of it was done at one instant, so in no order.
    let entry = audit.json["items"].as_array().unwrap().iter().find(|entry| entry["reason"] == "so").unwrap();
    assert_eq!((&entry["verb"], &entry["after"]["links_gen"]), (&json!("dataset.edit"), &json!(1)));
}
