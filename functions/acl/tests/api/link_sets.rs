//! Link sets: what is full on one of their datasets is full on all, or on none.

use domain::dataset::Kind;
use serde_json::{Value, json};

use crate::{
    projects::somebody,
    start,
    support::{Answer, Person, TestApp},
};

struct Scene {
    app: TestApp,
    /// Datasets of Ada's, none in another.
    cells: String,
    masks: String,
    notes: String,
}

impl Scene {
    async fn new() -> Self {
        let app = start().await;
        let cells = app.a_dataset("cells.zarr", Kind::Zarr, 80).await.id.to_string();
        let masks = app.a_dataset("masks.zarr", Kind::Zarr, 81).await.id.to_string();
        let notes = app.a_dataset("notes", Kind::Folder, 82).await.id.to_string();
        Self { app, cells, masks, notes }
    }

    async fn set(&self) -> Value {
        let ask = json!({ "label": "experiment 3", "datasets": [self.cells, self.masks] });
        self.app.post("/api/v1/link-sets", &self.app.ada.token, ask).await.is(201).json
    }

    async fn give(&self, by: &Person, dataset: &str, to: &str, role: &str) -> Answer {
        self.give_as(by, dataset, "", &[], json!({ "to": to, "role": role })).await
    }

    async fn give_as(&self, by: &Person, dataset: &str, query: &str, headers: &[(&str, &str)], ask: Value) -> Answer {
        self.app.send("POST", &format!("/api/v1/datasets/{dataset}/grants{query}"), &by.token, headers, ask.to_string()).await
    }

    async fn withdraw(&self, by: &Person, dataset: &str, query: &str, to: &str) -> Answer {
        self.app.post(&format!("/api/v1/datasets/{dataset}/grants/withdraw{query}"), &by.token, json!({ "to": to })).await
    }

    /// The role by name; empty: none.
    async fn role(&self, dataset: &str, to: &str) -> String {
        let answer = self.app.get(&format!("/api/v1/datasets/{dataset}/grants"), &self.app.ada.token).await.is(200);
        let all = answer.json["items"].as_array().unwrap().clone();
        let is_theirs = |grant: &&Value| grant["name"] == to && grant["state"] == "active";
        all.iter().find(is_theirs).map(|grant| grant["role"].as_str().unwrap().to_owned()).unwrap_or_default()
    }

    async fn roles(&self, to: &str) -> [String; 3] {
        [self.role(&self.cells, to).await, self.role(&self.masks, to).await, self.role(&self.notes, to).await]
    }
}

fn roles(of_each: [&str; 3]) -> [String; 3] {
    of_each.map(str::to_owned)
}

fn gains(answer: &Answer) -> (Value, Value) {
    let effects = &answer.json["effects"];
    (effects["gains"][0]["datasets"].clone(), effects["loses"][0]["datasets"].clone())
}

// ACCESS 8
#[tokio::test]
async fn what_is_full_on_one_is_full_on_all_of_its_set() {
    let scene = Scene::new().await;
    let (ada, cells, masks) = (&scene.app.ada, scene.cells.as_str(), scene.masks.as_str());
    let set = scene.set().await;
    let ask = json!({ "to": "user:Eve", "role": "full" });
    let tried = scene.give_as(ada, cells, "?dry_run=true", &[], ask.clone()).await.is(200);
    assert_eq!((&tried.json["also"], gains(&tried)), (&json!([masks]), (json!(2), Value::Null)));
    assert_eq!(scene.roles("Eve").await, roles(["", "", ""]), "a dry run writes nothing");
    let once = [("idempotency-key", "once")];
    let given = scene.give_as(ada, cells, "", &once, ask.clone()).await.is(201);
    assert_eq!((&given.json["also"], given.text("/dataset")), (&json!([masks]), cells));
    assert_eq!(scene.roles("Eve").await, roles(["full", "full", ""]));
    let again = scene.give_as(ada, cells, "", &once, ask.clone()).await.is(200);
    assert_eq!((&again.json["also"], &again.json["version"]), (&json!([masks]), &json!(1)));
    // Less than that goes to one, and so does what was no more before.
    scene.give(ada, masks, "accounts", "view").await.is(201);
    scene.app.post("/api/v1/groups", &ada.token, json!({ "name": "lab" })).await.is(201);
    let single = scene.give(ada, masks, "group:lab", "download").await.is(201);
    assert_eq!((single.json.get("also"), scene.role(cells, "lab").await), (None, String::new()));
    // Full in place of less takes the other along; less in place of full does, too.
    let headers = [("if-match", single.headers["etag"].to_str().unwrap())];
    let more = scene.give_as(ada, masks, "", &headers, json!({ "to": "group:lab", "role": "manager" })).await.is(200);
    assert_eq!((&more.json["also"], scene.roles("lab").await), (&json!([cells]), roles(["manager", "manager", ""])));
    let less = scene.give_as(ada, cells, "", &[("if-match", "\"1\"")], json!({ "to": "group:lab", "role": "view" })).await.is(200);
    assert!(less.json["enforced_by"].is_string());
    assert_eq!(scene.roles("lab").await, roles(["view", "view", ""]));

    let tried = scene.withdraw(ada, masks, "?dry_run=true", "user:Eve").await.is(200);
    assert_eq!((&tried.json["also"], gains(&tried)), (&json!([cells]), (Value::Null, json!(2))));
    assert_eq!(scene.roles("Eve").await, roles(["full", "full", ""]));
    let withdrawn = scene.withdraw(ada, masks, "", "user:Eve").await.is(200);
    assert_eq!((&withdrawn.json["also"], withdrawn.text("/grant/state")), (&json!([cells]), "withdrawn"));
    assert_eq!(scene.roles("Eve").await, roles(["", "", ""]));
    scene.withdraw(ada, masks, "", "user:Eve").await.is(200);
    // Whoever has it gives it up as a whole.
    scene.give_as(ada, cells, "", &[("if-match", "*")], ask).await.is(201);
    scene.withdraw(&scene.app.eve, cells, "", "user:Eve").await.is(200);
    assert_eq!(scene.roles("Eve").await, roles(["", "", ""]));
    // One entry for each, found by the set and by each dataset.
    let path = |target: &str| format!("/api/v1/audit?verb=grant&target={target}");
    let by_set = scene.app.get(&path(set["id"].as_str().unwrap()), &ada.token).await.is(200);
    assert_eq!(by_set.json["items"].as_array().unwrap().len(), 6);
    // All of it was done at one instant, so in no order.
    let by_dataset = scene.app.get(&path(masks), &ada.token).await.is(200);
    let of_set: Vec<_> = by_dataset.json["items"].as_array().unwrap().iter().filter(|entry| entry["target"] == set["id"]).collect();
    assert_eq!(of_set.len(), 6);
    assert!(of_set.iter().all(|entry| entry["also"] == json!([cells, masks])), "{of_set:?}");
}

// ACCESS 8
#[tokio::test]
async fn who_lacks_the_right_on_one_gives_and_takes_on_none_and_is_told_which() {
    let scene = Scene::new().await;
    let (ada, cells, masks) = (&scene.app.ada, scene.cells.as_str(), scene.masks.as_str());
    let bo = somebody(&scene.app, "Bo").await;
    scene.give(ada, cells, "user:Bo", "manager").await.is(201);
    let set = scene.set().await;
    let path = format!("/api/v1/link-sets/{}", set["id"].as_str().unwrap());
    let refused = scene.give(&bo, cells, "user:Eve", "full").await.refuses(403, "link-set-refused", "");
    assert_eq!((refused.json.get("dataset"), refused.json.get("because")), (None, None), "not his to know of");
    assert!(!refused.json.to_string().contains("masks"));
    assert_eq!(scene.app.get(&path, &bo.token).await.is(200).json["others"], 1);
    scene.give(ada, masks, "user:Bo", "view").await.is(201);
    let refused = scene.give(&bo, cells, "user:Eve", "full").await.refuses(403, "link-set-refused", "");
    assert_eq!((refused.text("/dataset"), refused.text("/because")), (masks, "not-allowed"));
    scene.give_as(&bo, cells, "?dry_run=true", &[], json!({ "to": "user:Eve", "role": "full" })).await.refuses(403, "link-set-refused", "");
    assert_eq!(scene.roles("Eve").await, roles(["", "", ""]));
    scene.give(&bo, cells, "user:Eve", "download").await.is(201);
    scene.give_as(ada, cells, "", &[("if-match", "\"1\"")], json!({ "to": "user:Eve", "role": "full" })).await.is(200);
    scene.withdraw(&bo, cells, "", "user:Eve").await.refuses(403, "link-set-refused", "");
    assert_eq!(scene.roles("Eve").await, roles(["full", "full", ""]));
    // Of what others administer he puts nothing together, and takes out what he administers himself.
    let add =
        async |who: &Person, dataset: &str| scene.app.post(&format!("{path}/datasets"), &who.token, json!({ "datasets": [dataset] })).await;
    add(&bo, &scene.notes).await.refuses(404, "not-found", "");
    scene.give(ada, &scene.notes, "user:Bo", "manager").await.is(201);
    let refused = add(&bo, &scene.notes).await.refuses(403, "link-set-refused", "");
    assert!(refused.text("/hint").starts_with("make another set"), "{}", refused.json);
    let remove =
        async |dataset: &str| scene.app.post(&format!("{path}/datasets/remove"), &bo.token, json!({ "datasets": [dataset] })).await;
    let retired = scene.app.post(&format!("{path}/retire"), &bo.token, json!({})).await;
    for refused in [remove(masks).await, retired] {
        let refused = refused.refuses(403, "link-set-refused", "");
        assert!(refused.text("/hint").starts_with("take out those that you administer"), "{}", refused.json);
    }
    let left = remove(cells).await.is(200);
    assert_eq!((&left.json["datasets"], left.text("/state")), (&json!([masks]), "active"));
    let names = |set: &Value| set["places"].as_array().unwrap().iter().all(|place| place.as_str().unwrap().starts_with("demo:"));
    assert!(names(&left.json) && left.json["places"].as_array().unwrap().len() == 1, "{}", left.json);
    scene.withdraw(&bo, cells, "", "user:Eve").await.is(200);
    assert_eq!(scene.roles("Eve").await, roles(["", "full", ""]), "what was given by the set stays");
    // Who may read about one dataset is told of no other.
    let told = scene.app.get(&format!("/api/v1/audit?verb=grant&target={cells}"), &bo.token).await.is(200);
    let of_set: Vec<_> = told.json["items"].as_array().unwrap().iter().filter(|entry| entry["target"] == set["id"]).collect();
    assert_eq!((of_set.len(), &of_set[0]["also"]), (1, &json!([cells])));
    assert!(of_set[0]["before"][cells].is_object() && !told.json.to_string().contains(masks), "{of_set:?}");
}

#[tokio::test]
async fn where_the_other_has_more_it_is_narrowed_by_who_says_that_he_means_it() {
    let scene = Scene::new().await;
    let (ada, cells, masks) = (&scene.app.ada, scene.cells.as_str(), scene.masks.as_str());
    scene.give(ada, masks, "user:Eve", "manager").await.is(201);
    scene.set().await;
    let ask = json!({ "to": "user:Eve", "role": "full" });
    let refused = scene.give_as(ada, cells, "", &[], ask.clone()).await.refuses(409, "link-set-refused", "");
    assert_eq!((refused.text("/dataset"), refused.text("/because"), &refused.json["version"]), (masks, "exists", &json!(0)));
    assert_eq!(scene.roles("Eve").await, roles(["", "manager", ""]));
    let given = scene.give_as(ada, cells, "", &[("if-match", "\"0\"")], ask).await.is(201);
    assert!(given.json["enforced_by"].is_string());
    assert_eq!(scene.roles("Eve").await, roles(["full", "full", ""]));
    // What lay on one before it came into the set does so until it is given again.
    let up = scene.give_as(ada, cells, "", &[("if-match", "\"1\"")], json!({ "to": "user:Eve", "role": "manager" })).await.is(200);
    assert_eq!(up.json.get("enforced_by"), None);
    assert_eq!(scene.roles("Eve").await, roles(["manager", "manager", ""]));
}

#[tokio::test]
async fn a_set_is_made_filled_emptied_and_over() {
    let scene = Scene::new().await;
    let (app, ada) = (&scene.app, &scene.app.ada);
    let create = async |ask: Value| app.post("/api/v1/link-sets", &ada.token, ask).await;
    create(json!({ "datasets": [] })).await.refuses(422, "no-datasets", "/datasets");
    create(json!({ "datasets": [scene.cells], "label": "x".repeat(201) })).await.refuses(422, "label", "/label");
    create(json!({ "datasets": [scene.cells, "dx"] })).await.refuses(404, "not-found", "");
    let many: Vec<_> = (0..41).map(|bits| domain::id::DatasetId::new(uuid::Uuid::from_u128(bits)).to_string()).collect();
    create(json!({ "datasets": many })).await.refuses(422, "too-many", "/datasets");
    let set = scene.set().await;
    assert_eq!((&set["label"], &set["datasets"], &set["others"]), (&json!("experiment 3"), &json!([scene.cells, scene.masks]), &json!(0)));
    let refused = create(json!({ "datasets": [scene.notes, scene.masks] })).await.refuses(409, "in-link-set", "/datasets/1");
    assert_eq!(refused.json["link_set"], set["id"]);
    let shown = app.get(&format!("/api/v1/datasets/{}", scene.cells), &ada.token).await.is(200);
    assert_eq!(shown.json["link_set"], set["id"]);
    app.send("POST", &format!("/api/v1/datasets/{}/retire", scene.cells), &ada.token, &[], "{}").await.refuses(409, "in-link-set", "");
    let path = format!("/api/v1/link-sets/{}", set["id"].as_str().unwrap());
    app.get(&path, &app.eve.token).await.refuses(404, "not-found", "");
    assert_eq!(app.get(&path, &ada.token).await.is(200).json, set);
    assert_eq!(app.get("/api/v1/link-sets", &ada.token).await.is(200).json["items"], json!([set]));
    assert_eq!(app.get("/api/v1/link-sets", &app.eve.token).await.is(200).json["items"], json!([]));
    let change = async |below: &str, datasets: Value| {
        app.send("POST", &format!("{path}{below}"), &ada.token, &[("idempotency-key", below)], json!({ "datasets": datasets }).to_string())
            .await
    };
    let filled = change("/datasets", json!([scene.notes, scene.notes, scene.cells])).await.is(200);
    assert_eq!((filled.json["datasets"].as_array().unwrap().len(), &filled.json["version"]), (3, &json!(2)));
    assert_eq!(change("/datasets", json!([scene.notes, scene.notes, scene.cells])).await.is(200).json, filled.json, "sent again");
    let left = change("/datasets/remove", json!([scene.cells, scene.masks])).await.is(200);
    assert_eq!((&left.json["datasets"], &left.json["version"]), (&json!([scene.notes]), &json!(3)));
    let over = app.post(&format!("{path}/retire"), &ada.token, json!({})).await.is(200);
    assert_eq!((&over.json["datasets"], over.text("/state")), (&json!([]), "retired"));
    change("/datasets?", json!([scene.notes])).await.refuses(409, "link-set-retired", "");
    assert_eq!(app.get("/api/v1/link-sets", &ada.token).await.is(200).json["items"], json!([]));
    create(json!({ "datasets": [scene.notes, scene.cells] })).await.is(201);
}
