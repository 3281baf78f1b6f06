//! Datasets are copied by the store: whole, over nothing, by rights as they are, and over a kill (SEMANTICS 9).

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use copies::{CallError, Copies};
use domain::{
    id::CopyId,
    limits::{COPY_BEGUN_SECS, COPY_PAGE_OBJECTS_MAX},
};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{app::TestApp, world::Up};

/// `offprint up` over the folders `lab`, read-only, and `mine`, into which copies may be made.
struct Scene {
    dir: TempDir,
    up: Up,
    token: String,
    client: reqwest::Client,
}

impl Scene {
    fn start(dir: TempDir) -> Self {
        let folder = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(&path).unwrap();
            format!("{name}={}", path.display())
        };
        let up = Up::start(&dir.path().join("state"), &["--data", &folder("lab"), "--data", &folder("mine"), "--writable", "mine"]);
        let token = fs::read_to_string(up.ready["token_file"].as_str().unwrap()).unwrap().trim().to_owned();
        Self { dir, up, token, client: reqwest::Client::new() }
    }

    async fn send(&self, token: &str, method: Method, path: &str, ask: Value) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.up.ready["app_url"].as_str().unwrap());
        let request = self.client.request(method.clone(), url).bearer_auth(token);
        let request = if method == Method::GET { request } else { request.header("if-match", "*").json(&ask) };
        let again = request.try_clone().unwrap();
        let mut answer = request.send().await.unwrap();
        if answer.status() == 503 {
            // Where everything else runs beside it, the table may not answer in time: the same is sent again, as the answer says.
            tokio::time::sleep(Duration::from_secs(2)).await;
            answer = again.send().await.unwrap();
        }
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn done(&self, token: &str, method: Method, path: &str, ask: Value) -> Value {
        let (status, answer) = self.send(token, method, path, ask).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// That this is refused, with this code.
    async fn refused(&self, token: &str, path: &str, ask: Value, code: &str) {
        let (status, answer) = self.send(token, Method::POST, path, ask).await;
        assert_eq!((status >= 400, answer["code"].as_str()), (true, Some(code)), "{answer}");
    }

    async fn registered(&self, place: &str) -> String {
        let (source, path) = place.split_once(':').unwrap();
        let made = self.done(&self.token, Method::POST, "/datasets", json!({ "source": source, "path": path })).await;
        made["id"].as_str().unwrap().to_owned()
    }

    async fn dataset(&self, copy: &Value) -> Value {
        self.done(&self.token, Method::GET, &format!("/datasets/{}", copy["dataset"].as_str().unwrap()), Value::Null).await
    }

    /// The copy once it has ended.
    async fn ended(&self, token: &str, copy: &Value) -> Value {
        let began = Instant::now();
        loop {
            let now = self.done(token, Method::GET, &format!("/copies/{}", copy["id"].as_str().unwrap()), Value::Null).await;
            if !matches!(now["state"].as_str(), Some("waiting" | "running")) {
                return now;
            }
            assert!(began.elapsed() < Duration::from_secs(180), "{now}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }
}

/// A folder of many small files, and some others.
fn fill(folder: &Path, chunks: usize) {
    fs::create_dir_all(folder.join("0/c/odd é+%")).unwrap();
    fs::write(folder.join("zarr.json"), br#"{"zarr_format":3,"node_type":"group"}"#).unwrap();
    fs::write(folder.join("0/c/odd é+%/#?"), b"odd").unwrap();
    fs::write(folder.join("empty"), b"").unwrap();
    for chunk in 0..chunks {
        fs::write(folder.join(format!("0/c/{chunk}")), format!("chunk {chunk}")).unwrap();
    }
}

/// Every file below a folder, by its path in it: its bytes, and which file it is.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u64, i64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let Ok(entries) = fs::read_dir(&inner) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            // What is being written is renamed at any moment.
            let Ok(meta) = fs::metadata(&path) else { continue };
            if meta.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), (bytes, meta.ino(), meta.mtime_nsec()));
            }
        }
    }
    found
}

fn bytes_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().map(|(path, (bytes, ..))| (path, bytes)).collect()
}

#[tokio::test]
async fn a_dataset_is_copied_and_lasts() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("lab/em.zarr"), 40);
    fill(&dir.path().join("mine/full"), 1);
    let scene = Scene::start(dir);
    let token = scene.token.clone();
    let id = scene.registered("lab:em.zarr").await;
    let at = format!("/datasets/{id}/copies");
    let trial = scene.done(&token, Method::POST, &format!("{at}?dry_run=true"), json!({ "to": "mine:em.zarr" })).await;
    let bytes: usize = bytes_of(&scene.path("lab/em.zarr")).values().map(Vec::len).sum();
    assert_eq!(trial, json!({ "place": "mine:em.zarr/", "objects": 43, "bytes": bytes, "more": false }));
    for (to, code) in [
        ("lab:copy", "not-writable"),
        ("mine:full", "place-not-empty"),
        ("mine:", "copy-place"),
        ("mine", "copy-place"),
        ("nowhere:x", "not-found"),
        ("mine:a/../b", "copy-place"),
    ] {
        scene.refused(&token, &at, json!({ "to": to }), code).await;
    }
    let file = scene.registered("lab:em.zarr/empty").await;
    scene.refused(&token, &format!("/datasets/{file}/copies"), json!({ "to": "mine:x" }), "single-object").await;
    let copy = scene.done(&token, Method::POST, &at, json!({ "to": "mine:em.zarr" })).await;
    scene.refused(&token, &at, json!({ "to": "mine:em.zarr" }), "exists").await;
    let done = scene.ended(&token, &copy).await;
    assert_eq!(
        (&done["state"], &done["objects"], &done["compared"], &done["bytes"]),
        (&json!("done"), &json!(43), &json!(43), &json!(bytes)),
        "{done}"
    );
    assert_eq!(bytes_of(&scene.path("mine/em.zarr")), bytes_of(&scene.path("lab/em.zarr")));
    let dataset = scene.dataset(&copy).await;
    assert_eq!((&dataset["state"], &dataset["kind"], &dataset["place"]), (&json!("active"), &json!("zarr"), &json!("mine:em.zarr/")));
    // What becomes of the original is nothing to it; and it is read by its own name.
    scene.done(&token, Method::POST, &format!("/datasets/{file}/retire"), json!({})).await;
    scene.done(&token, Method::POST, &format!("/datasets/{id}/retire"), json!({})).await;
    let url = format!("{}/{}/em.zarr/0/c/7", scene.up.ready["data_url"].as_str().unwrap(), dataset["id"].as_str().unwrap());
    let read = scene.client.get(url).bearer_auth(&token).send().await.unwrap();
    assert_eq!((read.status().as_u16(), read.text().await.unwrap().as_str()), (200, "chunk 7"));
    // It is told, and stands in the list.
    let list = scene.done(&token, Method::GET, "/copies", Value::Null).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let again = scene.done(&token, Method::POST, &format!("/copies/{}/cancel", copy["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(again["state"], "done", "what has ended stays as it ended");
}

#[tokio::test]
async fn a_copy_that_was_killed_goes_on() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("lab/em.zarr"), 3_000);
    let scene = Scene::start(dir);
    let token = scene.token.clone();
    let id = scene.registered("lab:em.zarr").await;
    let copy = scene.done(&token, Method::POST, &format!("/datasets/{id}/copies"), json!({ "to": "mine:deep/em.zarr" })).await;
    let (target, began) = (scene.path("mine/deep/em.zarr"), Instant::now());
    while files(&target).len() < 300 {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is copied");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").args(["-KILL", &scene.up.pid().to_string()]).status().unwrap().success());
    let Scene { dir, up, .. } = scene;
    drop(up);
    let is_whole = |(path, _): &(PathBuf, _)| !path.file_name().unwrap().to_string_lossy().starts_with(".offprint-part-");
    let before: Vec<_> = files(&target).into_iter().filter(is_whole).collect();
    assert!(before.len() < 3_003, "it was killed while it copied");
    let scene = Scene::start(dir);
    let done = scene.ended(&token, &copy).await;
    assert_eq!((&done["state"], &done["objects"]), (&json!("done"), &json!(3_003)), "{done}");
    assert_eq!(bytes_of(&target), bytes_of(&scene.path("lab/em.zarr")));
    let after = files(&target);
    let again = before.iter().filter(|(path, file)| after.get(path) != Some(file)).count();
    assert_eq!(again, 0, "of {} files that were there none was copied again", before.len());
}

#[tokio::test]
async fn a_copy_is_made_by_the_askers_rights_as_they_are_now() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("lab/em.zarr"), 500);
    fill(&dir.path().join("mine/bo/there"), 1);
    let scene = Scene::start(dir);
    let office = scene.token.clone();
    let (id, place) = (scene.registered("lab:em.zarr").await, scene.registered("mine:bo").await);
    let person = async |name: &str| {
        let made = scene.done(&office, Method::POST, "/users", json!({ "name": name })).await;
        let signed = scene.done("", Method::POST, "/sign-in", json!({ "code": made["code"] })).await;
        (made["user"]["id"].as_str().unwrap().to_owned(), signed["session"]["secret"].as_str().unwrap().to_owned())
    };
    let ((bo, bos), (_cy, cys)) = (person("Bo").await, person("Cy").await);
    let give = async |on: &str, role: &str| {
        let ask = json!({ "to": format!("user:{bo}"), "role": role });
        scene.done(&office, Method::POST, &format!("/datasets/{on}/grants"), ask).await
    };
    let at = format!("/datasets/{id}/copies");
    scene.refused(&bos, &at, json!({ "to": "mine:bo/em.zarr" }), "not-found").await;
    give(&id, "view").await;
    scene.refused(&bos, &at, json!({ "to": "mine:bo/em.zarr" }), "not-allowed").await;
    give(&id, "download").await;
    scene.refused(&bos, &at, json!({ "to": "mine:bo/em.zarr" }), "not-found").await;
    give(&place, "full").await;
    scene.refused(&bos, &at, json!({ "to": "mine:bo/em.zarr" }), "not-allowed").await;
    give(&place, "manager").await;
    scene.refused(&bos, &at, json!({ "to": "mine:beside" }), "not-found").await;
    let copy = scene.done(&bos, Method::POST, &at, json!({ "to": "mine:bo/em.zarr" })).await;
    let withdraw = json!({ "to": format!("user:{bo}"), "reason": "so" });
    scene.done(&office, Method::POST, &format!("/datasets/{id}/grants/withdraw"), withdraw).await;
    // Nobody takes what is being made for a dataset, and nobody else knows of the copy.
    let below = json!({ "source": "mine", "path": "bo/em.zarr/0" });
    let (status, _answer) = scene.send(&office, Method::POST, "/datasets", below).await;
    assert!(status >= 400);
    let (status, _answer) = scene.send(&cys, Method::GET, &format!("/copies/{}", copy["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(status, 404);
    let ended = scene.ended(&bos, &copy).await;
    assert_eq!((&ended["state"], &ended["failure"]["code"]), (&json!("failed"), &json!("access-ended")), "{ended}");
    assert_eq!(scene.dataset(&copy).await["state"], "retired");
    // Given again, it may be asked for again: the place is free.
    give(&id, "download").await;
    let again = scene.done(&bos, Method::POST, &at, json!({ "to": "mine:bo/em.zarr-again" })).await;
    let done = scene.ended(&bos, &again).await;
    assert_eq!(done["state"], "done", "{done}");
    let made = scene.dataset(&again).await;
    let me = scene.done(&office, Method::GET, "/me", Value::Null).await;
    assert_eq!(made["owner"], me["id"], "whoever owns what lies above owns it: the asker gains nothing");
}

#[tokio::test]
async fn a_copy_that_meets_something_else_fails_and_says_where() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("lab/em.zarr"), 30);
    let scene = Scene::start(dir);
    let token = scene.token.clone();
    let id = scene.registered("lab:em.zarr").await;
    let at = format!("/datasets/{id}/copies");
    let copy = scene.done(&token, Method::POST, &at, json!({ "to": "mine:em.zarr" })).await;
    // Before anybody begins: something else is where an object goes.
    fs::create_dir_all(scene.path("mine/em.zarr/0/c")).unwrap();
    fs::write(scene.path("mine/em.zarr/0/c/7"), b"mine").unwrap();
    let ended = scene.ended(&token, &copy).await;
    let failure = &ended["failure"];
    assert_eq!((&ended["state"], &failure["code"], &failure["key"]), (&json!("failed"), &json!("taken"), &json!("0/c/7")), "{ended}");
    assert_eq!(fs::read(scene.path("mine/em.zarr/0/c/7")).unwrap(), b"mine", "nothing is overwritten");
    let cancelled = scene.done(&token, Method::POST, &at, json!({ "to": "mine:other" })).await;
    let over = scene.done(&token, Method::POST, &format!("/copies/{}/cancel", cancelled["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(over["state"], "cancelled");
    assert_eq!(scene.dataset(&cancelled).await["state"], "retired");
}

// ADR 0067: as on AWS, where a clock calls and each call is ended at an instant.
#[tokio::test]
async fn a_call_that_is_ended_soon_begins_no_object_and_the_next_goes_on() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("em.zarr"), 600);
    let app = TestApp::over(dir, |table, _url, _keys| table).await;
    let id = app.dataset("em.zarr").await;
    let token = app.token.clone();
    let writable = Some(json!({ "writable": true }));
    app.api_as(&token, Method::PATCH, "/api/v1/sources/demo", writable, &[("if-match", "*")]).await;
    let to = Some(json!({ "to": "demo:copied/em.zarr" }));
    let asked = app.api(Method::POST, &format!("/api/v1/datasets/{id}/copies"), to).await.json();
    let at = format!("/api/v1/copies/{}", asked["id"].as_str().unwrap());
    let shown = async || app.api(Method::GET, &at, None).await.json();
    let call = async |secs: i64| {
        let copies = Copies::new(app.app.clone()).until(app.now() + SignedDuration::from_secs(secs));
        Box::pin(copies.answer(&json!({ "source": "aws.events" }))).await
    };
    call(COPY_BEGUN_SECS - 1).await.unwrap();
    assert_eq!(shown().await["state"], "waiting", "nothing is even taken");
    // Its time runs out on the first page.
    let target = app.dir.path().join("copied/em.zarr");
    let runs_out = async {
        while files(&target).len() < 40 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        app.clock.fetch_add(100_000, Ordering::SeqCst);
    };
    let (called, ()) = tokio::join!(call(COPY_BEGUN_SECS + 60), runs_out);
    called.unwrap();
    let (now, before) = (shown().await, files(&target));
    assert_eq!((&now["state"], &now["objects"]), (&json!("running"), &json!(0)), "{now}");
    assert!(before.len() >= 40 && before.len() < usize::from(COPY_PAGE_OBJECTS_MAX), "{}", before.len());
    let kept = app.app.table.copy_under_way(CopyId::parse(asked["id"].as_str().unwrap()).unwrap()).await.unwrap().unwrap();
    assert_eq!(kept.tries, 0, "it got further, so it is no try that failed");
    call(900).await.unwrap();
    let done = shown().await;
    assert_eq!((&done["state"], &done["objects"]), (&json!("done"), &json!(603)), "{done}");
    let after = files(&target);
    assert_eq!(bytes_of(&target), bytes_of(&app.dir.path().join("em.zarr")));
    assert!(before.iter().all(|(path, file)| after.get(path) == Some(file)), "none that was there was copied again");
    for other in [json!({ "Records": [] }), json!({ "source": "aws.s3" }), json!(null)] {
        assert_eq!(Box::pin(Copies::new(app.app.clone()).answer(&other)).await, Err(CallError::Unknown), "{other}");
    }
}

// R6, U6: what is copied comes to lie where no more people read it, and where readers are asked for no less.
#[tokio::test]
async fn a_copy_opens_to_nobody_more_and_asks_for_no_less() {
    let dir = TempDir::new().unwrap();
    fill(&dir.path().join("lab/em.zarr"), 3);
    fill(&dir.path().join("mine/shelf"), 1);
    let scene = Scene::start(dir);
    let token = scene.token.clone();
    let id = scene.registered("lab:em.zarr").await;
    let shelf = scene.registered("mine:shelf").await;
    let at = format!("/datasets/{id}/copies");
    let done = async |method: Method, path: &str, ask: Value| scene.done(&token, method, path, ask).await;
    let opens = async |dataset: &str| {
        done(Method::POST, &format!("/datasets/{dataset}/grants"), json!({ "to": "accounts", "role": "view" })).await;
        done(Method::PATCH, &format!("/datasets/{dataset}"), json!({ "visibility": "accounts", "confirm": true })).await;
    };
    let bound = async |source: &str, ceilings: Value| {
        done(Method::PATCH, &format!("/sources/{source}"), json!({ "ceilings": ceilings })).await;
    };
    let dry = format!("{at}?dry_run=true");
    opens(&shelf).await;
    for path in [&at, &dry] {
        scene.refused(&token, path, json!({ "to": "mine:shelf/em.zarr" }), "place-open").await;
    }
    opens(&id).await;
    done(Method::POST, &dry, json!({ "to": "mine:shelf/em.zarr" })).await;
    bound("lab", json!({ "audience": "accounts" })).await;
    scene.refused(&token, &at, json!({ "to": "mine:other" }), "place-laxer").await;
    bound("mine", json!({ "audience": "accounts" })).await;
    done(Method::POST, &dry, json!({ "to": "mine:other" })).await;
    let terms = done(Method::POST, "/terms", json!({ "text": "Cite us." })).await["id"].clone();
    bound("lab", json!({ "terms": terms })).await;
    scene.refused(&token, &at, json!({ "to": "mine:other" }), "terms-needed").await;
    done(Method::POST, &format!("/me/terms/{}/accept", terms.as_str().unwrap()), Value::Null).await;
    scene.refused(&token, &at, json!({ "to": "mine:other" }), "place-laxer").await;
    bound("mine", json!({ "terms": terms })).await;
    let copy = done(Method::POST, &at, json!({ "to": "mine:other" })).await;
    assert_eq!(scene.ended(&token, &copy).await["state"], "done");
}
