//! Curation: asked for, set, declined, lifted, listed; and what becomes of a mark where a dataset is closed.

use domain::{dataset::Kind, limits::REQUEST_SECS, token::Scope};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, TestApp},
};

struct Scene {
    app: TestApp,
    /// A folder of Ada's that all accounts may view, and what lies in it.
    folder: String,
    inside: String,
    /// Who curates.
    cora: String,
}

impl Scene {
    async fn new() -> Self {
        let app = start().await;
        let folder = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
        let inside = json!({ "source": "demo", "path": "fused.ome.zarr/0" });
        let inside = app.post("/api/v1/datasets", &app.ada.token, inside).await.is(201).text("/id").to_owned();
        let grant = json!({ "to": "accounts", "role": "view" });
        app.post(&format!("/api/v1/datasets/{folder}/grants"), &app.ada.token, grant).await.is(201);
        let invited = app.post("/api/v1/users", &app.ada.token, json!({ "name": "Cora", "curator": true })).await.is(201);
        assert_eq!(invited.json["user"]["curator"], true);
        let cora =
            app.post("/api/v1/sign-in", "", json!({ "code": invited.text("/code") })).await.is(200).text("/session/secret").to_owned();
        Self { app, folder, inside, cora }
    }

    async fn shows(&self, dataset: &str, visibility: &str, query: &str) -> Answer {
        let path = format!("/api/v1/datasets/{dataset}{query}");
        let ask = json!({ "visibility": visibility, "confirm": true });
        self.app.send("PATCH", &path, &self.app.ada.token, &[("if-match", "*")], ask.to_string()).await.is(200)
    }

    async fn post(&self, dataset: &str, below: &str, token: &str) -> Answer {
        self.app.post(&format!("/api/v1/datasets/{dataset}/curation{below}"), token, json!({ "reason": "so" })).await
    }

    async fn curated(&self, dataset: &str, token: &str) -> bool {
        self.app.get(&format!("/api/v1/datasets/{dataset}"), token).await.is(200).json["curated"].is_string()
    }

    /// The ids in a list.
    async fn list(&self, path: &str, token: &str) -> Vec<String> {
        let answer = self.app.get(path, token).await.is(200);
        let id = |item: &Value| item.get("dataset").unwrap_or(&item["id"]).as_str().unwrap().to_owned();
        answer.json["items"].as_array().unwrap().iter().map(id).collect()
    }
}

// ACCESS 9: a curator marks what is open to all, and reads nothing by being one
#[tokio::test]
async fn a_dataset_is_marked_by_a_curator_for_whom_it_is_open() {
    let scene = Scene::new().await;
    let (app, folder, cora) = (&scene.app, scene.folder.as_str(), scene.cora.as_str());
    let (ada, eve) = (app.ada.token.as_str(), app.eve.token.as_str());
    assert_eq!(app.get("/api/v1/me", cora).await.is(200).json["curator"], true);
    for below in ["/mark", "/unmark", "/decline"] {
        scene.post(folder, below, cora).await.refuses(404, "not-found", "");
        scene.post(folder, below, ada).await.refuses(403, "not-curator", "");
    }
    scene.post(folder, "", ada).await.refuses(409, "not-open", "");
    scene.shows(folder, "accounts", "").await;
    scene.post(folder, "", eve).await.refuses(403, "not-allowed", "");
    scene.post(folder, "/mark", eve).await.refuses(403, "not-curator", "");
    scene.post(folder, "/decline", cora).await.refuses(404, "no-such-request", "");
    scene.post(folder, "/withdraw", ada).await.refuses(404, "no-such-request", "");
    let blank = json!({ "reason": " " });
    app.post(&format!("/api/v1/datasets/{folder}/curation"), ada, blank.clone()).await.refuses(409, "reason-needed", "/reason");
    app.post(&format!("/api/v1/datasets/{folder}/curation/mark"), cora, blank).await.refuses(409, "reason-needed", "/reason");
    let narrow = app.token_for(&app.ada.user, &[Scope::Links], 150).await;
    assert_eq!(scene.post(folder, "", &narrow).await.refuses(403, "scope", "").json["scope"], "datasets");

    let ask = json!({ "reason": "complete" }).to_string();
    let path = format!("/api/v1/datasets/{folder}/curation");
    let keyed = async || app.send("POST", &path, ada, &[("idempotency-key", "once")], ask.clone()).await.is(201);
    let made = keyed().await;
    assert_eq!((made.text("/state"), made.text("/reason"), made.text("/place")), ("waiting", "complete", "demo:fused.ome.zarr/"));
    assert_eq!(keyed().await.json, made.json);
    scene.post(folder, "", ada).await.refuses(409, "curation-waits", "");
    app.get("/api/v1/curation", ada).await.refuses(403, "not-curator", "");
    assert_eq!(scene.list("/api/v1/curation", cora).await, [folder]);
    assert!(scene.list("/api/v1/curated", eve).await.is_empty());
    // A page of what waits, the oldest first.
    app.wait(SignedDuration::from_secs(1));
    scene.post(&scene.inside, "", ada).await.is(201);
    let first = app.get("/api/v1/curation?limit=1", cora).await.is(200);
    assert_eq!(first.text("/items/0/dataset"), folder);
    let next = format!("/api/v1/curation?limit=1&cursor={}", first.text("/next_cursor"));
    assert_eq!(app.get(&next, cora).await.is(200).text("/items/0/dataset"), scene.inside);

    let marked = scene.post(folder, "/mark", cora).await.is(200);
    assert!(marked.json["curated"].is_string() && marked.headers.contains_key("etag"));
    assert_eq!(scene.list("/api/v1/curation", cora).await, [scene.inside.as_str()]);
    for token in [ada, eve, cora] {
        assert_eq!(scene.list("/api/v1/curated", token).await, [folder]);
        assert!(scene.curated(folder, token).await && !scene.curated(&scene.inside, token).await);
    }
    let requests = app.get(&format!("/api/v1/datasets/{folder}/curation"), ada).await.is(200);
    assert_eq!((requests.text("/items/0/state"), requests.text("/items/0/answer")), ("accepted", "so"));
    app.get(&format!("/api/v1/datasets/{folder}/curation"), cora).await.is(200);
    app.get(&format!("/api/v1/datasets/{folder}/curation"), eve).await.refuses(403, "not-allowed", "");
    assert_eq!(keyed().await.text("/state"), "accepted", "the same request again, whatever has become of it");
    scene.post(folder, "", ada).await.refuses(409, "curated", "");
    scene.post(folder, "/decline", cora).await.refuses(409, "curation-over", "");
    scene.post(folder, "/withdraw", ada).await.refuses(409, "curation-over", "");
    let sharing = app.get(&format!("/api/v1/datasets/{folder}/sharing"), ada).await.is(200);
    assert_eq!((sharing.text("/mark/reason"), &sharing.json["mark"]["counts"]), ("so", &json!(true)));
    // Each list of datasets has the filter.
    for (path, token, all) in [("/api/v1/datasets", ada, true), ("/api/v1/me/shared", eve, false)] {
        assert_eq!(scene.list(&format!("{path}?curated=true"), token).await, [folder], "{path}");
        let others = scene.list(&format!("{path}?curated=false"), token).await;
        assert!(!others.contains(&scene.folder) && others.contains(&scene.inside) == all, "{path}: {others:?}");
    }
    let project = app.post("/api/v1/projects", ada, json!({ "name": "retina" })).await.is(201);
    let project = format!("/api/v1/projects/{}/datasets", project.text("/id"));
    for dataset in [folder, &scene.inside] {
        app.post(&project, ada, json!({ "dataset": dataset })).await.is(200);
    }
    assert_eq!(scene.list(&format!("{project}?curated=true"), ada).await, [folder]);
    app.get("/api/v1/datasets?curated=maybe", ada).await.is(400);

    let declined = scene.post(&scene.inside, "/decline", cora).await.is(200);
    assert_eq!((declined.text("/state"), declined.text("/answer")), ("declined", "so"));
    assert_eq!(scene.post(&scene.inside, "/decline", cora).await.is(200).json, declined.json, "again");
    scene.post(folder, "/unmark", cora).await.is(200);
    assert!(!scene.curated(folder, eve).await && scene.list("/api/v1/curated", eve).await.is_empty());
    let again = scene.post(folder, "", ada).await.is(201);
    assert_ne!(again.json["id"], made.json["id"]);
    assert_eq!(scene.post(folder, "/withdraw", ada).await.is(200).text("/state"), "withdrawn");
    scene.post(folder, "", ada).await.is(201);
    app.wait(SignedDuration::from_secs(REQUEST_SECS));
    assert!(app.app.table.curation_queue(&table::Page::default()).await.unwrap().items.iter().all(|request| !request.waits(app.now())));
}

// ACCESS 9: it counts only while that is so
#[tokio::test]
async fn a_mark_sleeps_while_a_dataset_is_closed() {
    let scene = Scene::new().await;
    let (app, folder, inside, cora) = (&scene.app, scene.folder.as_str(), scene.inside.as_str(), scene.cora.as_str());
    scene.shows(folder, "accounts", "").await;
    scene.post(inside, "/mark", cora).await.is(200);
    assert_eq!(scene.list("/api/v1/curated", &app.eve.token).await, [inside], "open by what lies above");
    let tried = scene.shows(folder, "private", "?dry_run=true").await;
    assert!(tried.json.get("mark_asleep").is_none(), "it is another that is marked");
    scene.post(folder, "/mark", cora).await.is(200);
    let tried = scene.shows(folder, "private", "?dry_run=true").await;
    assert_eq!((&tried.json["mark_asleep"], tried.json["dataset"]["curated"].is_string()), (&json!(true), true));
    let closed = scene.shows(folder, "private", "").await;
    assert_eq!((&closed.json["mark_asleep"], closed.json["dataset"].get("curated")), (&json!(true), None));
    for dataset in [folder, inside] {
        assert!(!scene.curated(dataset, &app.ada.token).await);
        scene.post(dataset, "/unmark", cora).await.refuses(404, "not-found", "");
    }
    assert!(scene.list("/api/v1/curated", &app.ada.token).await.is_empty());
    let sharing = app.get(&format!("/api/v1/datasets/{folder}/sharing"), &app.ada.token).await.is(200);
    assert_eq!(sharing.json["mark"]["counts"], false);
    scene.post(folder, "", &app.ada.token).await.refuses(409, "not-open", "");
    let opened = scene.shows(folder, "accounts", "").await;
    assert!(opened.json.get("mark_asleep").is_none() && scene.curated(inside, &app.eve.token).await);
    // Taking back what everybody was granted says so, too.
    for query in ["?dry_run=true", ""] {
        let path = format!("/api/v1/datasets/{folder}/grants/withdraw{query}");
        let taken = app.post(&path, &app.ada.token, json!({ "to": "accounts" })).await.is(200);
        assert_eq!((&taken.json["mark_asleep"], scene.curated(folder, &app.ada.token).await), (&json!(true), !query.is_empty()));
    }
    let grants = format!("/api/v1/datasets/{folder}/grants");
    for to in ["accounts", "user:Eve"] {
        app.post(&grants, &app.ada.token, json!({ "to": to, "role": "view" })).await.is(201);
    }
    let taken = app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    assert_eq!((taken.json.get("mark_asleep"), scene.curated(folder, &app.ada.token).await), (None, true));
    // Once Cora curates no more, that counts at once.
    let ends = json!({ "curator": false, "reason": "so" }).to_string();
    app.send("PATCH", "/api/v1/users/Cora", &app.ada.token, &[], ends).await.is(200);
    scene.post(folder, "/unmark", cora).await.refuses(403, "not-curator", "");
}
