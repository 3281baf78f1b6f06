//! What somebody would open to everybody waits for a second person, who approves or declines it (ACCESS R6).

use domain::{dataset::Kind, token::Scope};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    connections::somebody,
    start,
    support::{Answer, Person, TestApp},
};

struct Scene {
    app: TestApp,
    path: String,
    dataset: String,
    /// Owns the dataset.
    max: Person,
    /// Manages it.
    nia: Person,
}

impl Scene {
    /// A dataset of Max's, which Nia manages, in a deployment whose policy says this.
    async fn new(policy: Value) -> Self {
        let app = start().await;
        let (max, nia) = (somebody(&app, "Max").await, somebody(&app, "Nia").await);
        let dataset = app.a_dataset("notes", Kind::Folder, 60).await.id.to_string();
        let path = format!("/api/v1/datasets/{dataset}");
        app.post(&format!("{path}/offers"), &app.ada.token, json!({ "to": "Max" })).await.is(201);
        app.post(&format!("{path}/offers/accept"), &max.token, json!({})).await.is(200);
        app.post(&format!("{path}/grants"), &max.token, json!({ "to": "user:Nia", "role": "manager" })).await.is(201);
        app.patch("/api/v1/policy", &app.ada.token, 0, policy).await.is(200);
        // What was given at the very instant of a wish counts as given since.
        app.wait(SignedDuration::from_secs(1));
        Self { app, path, dataset, max, nia }
    }

    async fn version(&self) -> u64 {
        self.app.get(&self.path, &self.max.token).await.is(200).json["version"].as_u64().unwrap()
    }

    async fn edit(&self, who: &Person, query: &str, ask: Value) -> Answer {
        self.app.patch(&format!("{}{query}", self.path), &who.token, self.version().await, ask).await
    }

    async fn give(&self, who: &Person, ask: Value) -> Answer {
        self.app.post(&format!("{}/grants", self.path), &who.token, ask).await
    }

    /// Approves, declines or takes back, on the dataset as it is.
    async fn answer(&self, who: &Person, word: &str, ask: Value) -> Answer {
        let seen = format!("\"{}\"", self.version().await);
        let path = format!("{}/openings/{word}", self.path);
        self.app.send("POST", &path, &who.token, &[("if-match", &seen)], ask.to_string()).await
    }

    async fn waiting(&self, who: &Person) -> Vec<Value> {
        self.app.get("/api/v1/openings", &who.token).await.is(200).json["items"].as_array().unwrap().clone()
    }

    /// Whether the dataset is open to whoever is signed in.
    async fn is_open(&self) -> bool {
        self.app.get(&self.path, &self.app.eve.token).await.status == 200
    }
}

fn open() -> Value {
    json!({ "visibility": "world", "confirm": true, "reason": "the paper is out" })
}

#[tokio::test]
async fn what_opens_to_the_world_is_done_once_a_second_person_approves() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    scene.give(&scene.max, json!({ "to": "world", "role": "view" })).await.is(201);
    let tried = scene.edit(&scene.max, "?dry_run=true", json!({ "visibility": "world" })).await.is(200);
    assert_eq!((&tried.json["second_person"], tried.text("/audience_then")), (&json!(true), "world"));
    scene.edit(&scene.max, "", json!({ "visibility": "world" })).await.refuses(409, "confirmation-needed", "/confirm");
    let asked = scene.edit(&scene.max, "", open()).await.is(202);
    assert_eq!((asked.text("/state"), asked.text("/visibility"), asked.text("/reason")), ("waiting", "world", "the paper is out"));
    assert_eq!(asked.json["effects_on_all"][1]["gains"], json!(["discover", "meta", "coarse", "list", "read"]));
    assert!(!scene.is_open().await, "one that waits opens nothing");
    scene.edit(&scene.max, "", open()).await.refuses(409, "opening-waits", "");
    // To accounts takes nobody else.
    let lists = [&scene.max, &scene.nia, &scene.app.ada, &scene.app.eve];
    for (who, sees) in lists.into_iter().zip([1, 1, 1, 0]) {
        assert_eq!(scene.waiting(who).await.len(), sees, "{}", who.user.name);
    }
    scene.answer(&scene.max, "approve", json!({})).await.refuses(403, "own-request", "");
    scene.answer(&scene.app.eve, "approve", json!({})).await.refuses(404, "not-found", "");
    let stale = scene.app.send("POST", &format!("{}/openings/approve", scene.path), &scene.nia.token, &[("if-match", "\"1\"")], "").await;
    stale.refuses(412, "stale", "");
    let key = [("if-match", format!("\"{}\"", scene.version().await)), ("idempotency-key", "yes".to_owned())];
    let key = [("if-match", key[0].1.as_str()), ("idempotency-key", key[1].1.as_str())];
    for _ in 0..2 {
        let done = scene.app.send("POST", &format!("{}/openings/approve", scene.path), &scene.nia.token, &key, "").await.is(200);
        assert_eq!(done.text("/state"), "accepted");
    }
    assert!(scene.is_open().await && scene.waiting(&scene.app.ada).await.is_empty());
    scene.answer(&scene.nia, "approve", json!({})).await.refuses(409, "opening-over", "");
    scene.answer(&scene.max, "withdraw", json!({})).await.refuses(409, "opening-over", "");
    // Who asked and who approved are both in the audit.
    let entries = scene.app.get("/api/v1/audit?verb=opening.approve", &scene.app.ada.token).await.is(200);
    let entry = &entries.json["items"][0];
    assert_eq!((&entry["actor"], &entry["also"]), (&json!(scene.nia.user.id.to_string()), &json!([scene.max.user.id.to_string()])));
    let all = scene.app.get(&format!("{}/openings", scene.path), &scene.nia.token).await.is(200);
    assert_eq!((all.json["items"].as_array().unwrap().len(), all.text("/items/0/state")), (1, "accepted"));
    scene.app.get(&format!("{}/openings", scene.path), &scene.app.eve.token).await.refuses(403, "not-allowed", "");
    // More by a grant that is there, and one that counts later, wait as well; without `If-Match` the one that is there is no other.
    let more = json!({ "to": "world", "role": "download" });
    scene.give(&scene.max, more.clone()).await.refuses(409, "exists", "");
    let path = format!("{}/grants", scene.path);
    let seen = [("if-match", "\"1\"")];
    scene.app.send("POST", &path, &scene.max.token, &seen, more.to_string()).await.is(202);
    scene.answer(&scene.max, "withdraw", json!({})).await.is(200);
    // Narrowing waits for nobody, and what is open already is not asked for again.
    scene.edit(&scene.max, "", json!({ "visibility": "private" })).await.is(200);
    scene.edit(&scene.max, "", json!({ "visibility": "accounts", "confirm": true })).await.is(200);
}

#[tokio::test]
async fn grants_and_parts_that_open_wait_too_and_are_declined_with_a_reason() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    let world = json!({ "to": "world", "role": "download", "until": "30d" });
    scene.edit(&scene.max, "", open()).await.is(202);
    scene.answer(&scene.app.ada, "approve", json!({})).await.is(200);
    assert!(!scene.is_open().await, "a switch alone opens nothing");
    scene.app.post(&format!("{}/grants?dry_run=true", scene.path), &scene.max.token, world.clone()).await.refuses(
        409,
        "second-person-needed",
        "",
    );
    let asked = scene.give(&scene.max, world.clone()).await.is(202);
    assert_eq!((asked.text("/grant/to"), asked.text("/grant/role"), asked.json["grant"]["until"].is_string()), ("world", "download", true));
    scene.answer(&scene.nia, "decline", json!({ "reason": " " })).await.refuses(409, "reason-needed", "/reason");
    scene.answer(&scene.max, "decline", json!({ "reason": "x" })).await.refuses(403, "own-request", "");
    for _ in 0..2 {
        let declined = scene.answer(&scene.nia, "decline", json!({ "reason": "not yet" })).await.is(200);
        assert_eq!((declined.text("/state"), declined.text("/answer")), ("declined", "not yet"));
    }
    scene.answer(&scene.app.ada, "approve", json!({})).await.refuses(409, "opening-over", "");
    // Another is asked for, taken back, and asked for again.
    scene.give(&scene.max, world.clone()).await.is(202);
    scene.answer(&scene.app.eve, "withdraw", json!({})).await.refuses(404, "not-found", "");
    assert_eq!(scene.answer(&scene.max, "withdraw", json!({})).await.is(200).text("/state"), "withdrawn");
    let headers = [("idempotency-key", "again")];
    for _ in 0..2 {
        let path = format!("{}/grants", scene.path);
        assert_eq!(scene.app.send("POST", &path, &scene.max.token, &headers, world.to_string()).await.is(202).text("/state"), "waiting");
    }
    scene.answer(&scene.app.ada, "approve", json!({})).await.is(200);
    assert!(scene.is_open().await);
    // What lies in it and was kept from everybody reaches them again once somebody else approves.
    let ask = json!({ "source": "demo", "path": "notes/plan.txt" });
    let part = scene.app.post("/api/v1/datasets", &scene.max.token, ask).await.is(201).text("/id").to_owned();
    let part = Scene { path: format!("/api/v1/datasets/{part}"), dataset: part, ..scene };
    part.edit(&part.max, "", json!({ "restricted": true })).await.is(200);
    assert!(!part.is_open().await);
    let asked = part.edit(&part.max, "", json!({ "restricted": false, "confirm": true })).await.is(202);
    assert_eq!((&asked.json["restricted"], asked.text("/dataset")), (&json!(false), part.dataset.as_str()));
    part.answer(&part.app.ada, "approve", json!({})).await.is(200);
    assert!(part.is_open().await);
}

#[tokio::test]
async fn both_are_judged_when_it_is_approved() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    scene.give(&scene.max, json!({ "to": "world", "role": "view" })).await.is(201);
    // Whom the asker made a manager since is no second person; whoever was one before is.
    scene.edit(&scene.nia, "", open()).await.is(202);
    scene.app.wait(SignedDuration::from_secs(1));
    scene.give(&scene.nia, json!({ "to": "user:Eve", "role": "manager" })).await.is(201);
    assert!(scene.waiting(&scene.app.eve).await.is_empty());
    scene.answer(&scene.app.eve, "approve", json!({})).await.refuses(403, "not-second", "");
    // A token for links opens nothing.
    let narrow = scene.app.token_for(&scene.max.user, &[Scope::Read, Scope::Links], 71).await;
    let seen = [("if-match", "*")];
    scene.app.send("POST", &format!("{}/openings/approve", scene.path), &narrow, &seen, "").await.refuses(403, "scope", "");
    // Who asked administers it no more.
    scene.app.post(&format!("{}/grants/withdraw", scene.path), &scene.max.token, json!({ "to": "user:Nia" })).await.is(200);
    scene.answer(&scene.max, "approve", json!({})).await.refuses(409, "opening-over", "");
    assert!(scene.waiting(&scene.max).await.is_empty());
    assert_eq!(scene.app.get(&scene.path, &scene.max.token).await.text("/visibility"), "private");
    // It is in nobody's way: whoever administers it asks, on the version that was looked at.
    scene.edit(&scene.max, "", open()).await.is(202);
    scene.edit(&scene.max, "", open()).await.refuses(409, "opening-waits", "");
    let all = scene.app.get(&format!("{}/openings", scene.path), &scene.max.token).await.is(200);
    assert_eq!((all.text("/items/0/state"), all.text("/items/1/state")), ("waiting", "withdrawn"));
    let entries = scene.app.get("/api/v1/audit?verb=opening.ask", &scene.app.ada.token).await.is(200);
    assert_eq!(entries.json["items"][0]["also"], json!([scene.nia.user.id.to_string()]));
    assert_eq!((entries.text("/items/0/before/state"), entries.text("/items/0/after/state")), ("waiting", "waiting"));
    // Who asked first takes back nothing that waits, and learns nothing of the dataset.
    for _ in 0..2 {
        let told = scene.app.post(&format!("{}/openings/withdraw", scene.path), &scene.nia.token, json!({})).await;
        told.refuses(404, "not-found", "");
    }
    // The ceiling fell meanwhile.
    let lower = json!({ "ceilings": { "audience": "link" } });
    scene.app.patch("/api/v1/policy", &scene.app.ada.token, 1, lower).await.is(200);
    let refused = scene.answer(&scene.app.ada, "approve", json!({})).await.refuses(403, "audience-too-wide", "/to");
    assert_eq!(refused.json["ceiling"], "deployment");
    scene.app.patch("/api/v1/policy", &scene.app.ada.token, 2, json!({ "ceilings": { "audience": "world" } })).await.is(200);
    assert_eq!(scene.answer(&scene.app.ada, "approve", json!({})).await.is(200).text("/state"), "accepted", "once it is raised");
}

#[tokio::test]
async fn where_administrators_open_others_ask_one() {
    let scene = Scene::new(json!({ "openers": "administrators" })).await;
    scene.give(&scene.max, json!({ "to": "accounts", "role": "view" })).await.is(201);
    let ask = json!({ "visibility": "accounts", "confirm": true });
    scene.edit(&scene.max, "", ask.clone()).await.is(202);
    scene.answer(&scene.nia, "approve", json!({})).await.refuses(403, "not-second", "");
    assert!(scene.waiting(&scene.nia).await.is_empty());
    scene.answer(&scene.app.ada, "approve", json!({})).await.is(200);
    assert!(scene.is_open().await);
    // An administrator who administers it opens it alone, unless two are needed.
    scene.give(&scene.max, json!({ "to": "user:Ada", "role": "manager" })).await.is(201);
    scene.edit(&scene.app.ada, "", json!({ "visibility": "world", "confirm": true })).await.is(200);
    scene.edit(&scene.app.ada, "", json!({ "visibility": "private" })).await.is(200);
    scene.app.patch("/api/v1/policy", &scene.app.ada.token, 1, json!({ "second_person": true })).await.is(200);
    scene.edit(&scene.app.ada, "", json!({ "visibility": "world", "confirm": true })).await.is(202);
    scene.answer(&scene.app.ada, "approve", json!({})).await.refuses(403, "own-request", "");
}

/// Neither a part of it that was kept from everybody, nor a ceiling that falls and rises again, nor a grant for later opens it by one person.
#[tokio::test]
async fn nobody_opens_alone_by_another_way() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    scene.give(&scene.max, json!({ "to": "world", "role": "view" })).await.is(201);
    scene.edit(&scene.max, "", open()).await.is(202);
    scene.answer(&scene.nia, "approve", json!({})).await.is(200);
    let ask = json!({ "source": "demo", "path": "notes/plan.txt" });
    let part = scene.app.post("/api/v1/datasets", &scene.max.token, ask).await.is(201).text("/id").to_owned();
    let path = format!("/api/v1/datasets/{part}");
    let edit = async |ask: Value| {
        let version = scene.app.get(&path, &scene.max.token).await.json["version"].as_u64().unwrap();
        scene.app.patch(&path, &scene.max.token, version, ask).await
    };
    edit(json!({ "restricted": true })).await.is(200);
    let ceiling = async |audience: &str, version: u64| {
        scene.app.patch("/api/v1/policy", &scene.app.ada.token, version, json!({ "ceilings": { "audience": audience } })).await.is(200);
    };
    ceiling("named", 1).await;
    edit(json!({ "restricted": false, "confirm": true })).await.is(202);
    ceiling("world", 2).await;
    assert_eq!(scene.app.get(&path, &scene.app.eve.token).await.status, 404, "it waits");
    // What begins later, and what lasts longer.
    let later = json!({ "to": "accounts", "role": "download", "not_before": "2100-01-01T00:00:00Z" });
    scene.give(&scene.max, later).await.is(201);
    let seen = [("if-match", "\"1\"")];
    let grants = format!("{}/grants", scene.path);
    let later = json!({ "to": "world", "role": "download", "not_before": "2100-01-01T00:00:00Z" });
    scene.app.send("POST", &grants, &scene.max.token, &seen, later.to_string()).await.is(202);
    scene.answer(&scene.max, "withdraw", json!({})).await.is(200);
    // Its owner may hand it on, and whoever owns it then opens nothing alone either.
    scene.app.post(&format!("{}/offers", scene.path), &scene.max.token, json!({ "to": "Nia" })).await.is(201);
    scene.app.post(&format!("{}/offers/accept", scene.path), &scene.nia.token, json!({})).await.is(200);
    let edit = async |ask: Value| {
        let version = scene.app.get(&scene.path, &scene.nia.token).await.json["version"].as_u64().unwrap();
        scene.app.patch(&scene.path, &scene.nia.token, version, ask).await
    };
    edit(json!({ "visibility": "private" })).await.is(200);
    edit(open()).await.is(202);
}

// R6: what is approved is what was looked at, what begins later too
#[tokio::test]
async fn whoever_approves_is_shown_all_that_is_granted_to_everybody() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    let begins = (scene.app.now() + SignedDuration::from_hours(24)).to_string();
    scene.give(&scene.max, json!({ "to": "accounts", "role": "preview" })).await.is(201);
    scene.give(&scene.max, json!({ "to": "world", "role": "download", "not_before": begins })).await.is(201);
    scene.edit(&scene.max, "", open()).await.is(202);
    let waits = &scene.waiting(&scene.nia).await[0];
    let mut to_all: Vec<_> = waits["to_all"].as_array().unwrap().iter().map(|grant| (grant["to"].clone(), grant["role"].clone())).collect();
    to_all.sort_by_key(|(to, _)| to.to_string());
    assert_eq!(to_all, [(json!("accounts"), json!("preview")), (json!("world"), json!("download"))]);
    assert!(waits["to_all"].as_array().unwrap().iter().any(|grant| grant["not_before"].is_string()), "{waits}");
}

// ADR 0053: whoever approves is told what whoever asks is, also of what lies in it
#[tokio::test]
async fn whoever_approves_is_told_how_many_datasets_open_with_it() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    scene.give(&scene.max, json!({ "to": "world", "role": "view" })).await.is(201);
    let ask = json!({ "source": "demo", "path": "notes/plan.txt" });
    let part = scene.app.post("/api/v1/datasets", &scene.max.token, ask).await.is(201).text("/id").to_owned();
    scene.edit(&scene.max, "", open()).await.is(202);
    let of_it = async || scene.app.get(&format!("{}/openings", scene.path), &scene.nia.token).await.is(200).json["items"][0].clone();
    for waits in [&scene.waiting(&scene.nia).await[0], &of_it().await] {
        assert_eq!((&waits["opened_below"], waits.get("more_below")), (&json!(1), None), "{waits}");
    }
    let restricts = json!({ "restricted": true });
    scene.app.patch(&format!("/api/v1/datasets/{part}"), &scene.max.token, 1, restricts).await.is(200);
    assert_eq!(of_it().await["opened_below"], 0, "what is restricted stays so");
    scene.answer(&scene.nia, "approve", json!({})).await.is(200);
    let over = scene.app.get(&format!("{}/openings", scene.path), &scene.nia.token).await;
    assert_eq!(over.json["items"][0].get("opened_below"), None, "{:?}", over.json);
}

// P6: whoever has nothing left there learns nothing of the dataset by taking back what he asked for
#[tokio::test]
async fn who_takes_back_with_nothing_left_is_told_no_version() {
    let scene = Scene::new(json!({ "second_person": true })).await;
    scene.edit(&scene.nia, "", open()).await.is(202);
    scene.app.post(&format!("{}/grants/withdraw", scene.path), &scene.max.token, json!({ "to": "user:Nia" })).await.is(200);
    for _ in 0..2 {
        let told = scene.app.post(&format!("{}/openings/withdraw", scene.path), &scene.nia.token, json!({})).await.is(200);
        assert_eq!((told.text("/state"), told.json.get("dataset_version"), told.headers.get("etag")), ("withdrawn", None, None));
    }
    scene.edit(&scene.max, "", open()).await.is(202);
    let told = scene.answer(&scene.max, "withdraw", json!({})).await.is(200);
    assert_eq!(told.json["dataset_version"], json!(scene.version().await), "who administers it is");
}
