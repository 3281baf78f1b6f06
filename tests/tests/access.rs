//! Reading by name, through both doors: who may, by which way, and how it ends.

use std::{
    fs,
    time::{Duration, Instant},
};

use domain::{
    id::UserId,
    question::{MailNonce, Question, Subject},
};
use http::StatusCode;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tests::{
    oidc::{AUDIENCE, Oidc},
    world::{Door, Expect, Link, Up, World},
};

const FIRST: &str = "plain-v2.ome.zarr";
const CHUNK: &str = "0/.zarray";

/// The page that the test deployments let people give a token to.
const VIEWER: &str = "https://viewer.test/";

/// A person with an account and a session.
struct Person {
    session: String,
}

/// A deployment with one shared dataset, and Eve, who has nothing yet.
struct Scene {
    world: World,
    dataset: String,
    eve: Person,
}

impl Scene {
    async fn new(door: Door) -> Self {
        let world = World::fresh(door).await;
        let dataset = world.dataset(FIRST).await["id"].as_str().expect("an id").to_owned();
        let eve = person(&world, "Eve").await;
        Self { world, dataset, eve }
    }

    /// An address of the dataset by its name.
    fn at(&self, path: &str) -> String {
        format!("{}/{}/{FIRST}/{path}", self.world.data_url, self.dataset)
    }

    async fn api(&self, method: Method, below: &str, ask: Value) -> Response {
        self.world.api(method, &format!("/api/v1/datasets/{}{below}", self.dataset), Some(ask)).await
    }

    async fn give(&self, to: &str, role: &str) {
        let answer = self.api(Method::POST, "/grants", json!({ "to": to, "role": role })).await;
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Takes a grant back; answers when that is in force everywhere.
    async fn withdraw(&self, to: &str) -> Timestamp {
        let answer = self.api(Method::POST, "/grants/withdraw", json!({ "to": to })).await.expect_status(StatusCode::OK).await;
        instant(&answer["enforced_by"])
    }

    async fn edit(&self, ask: Value) -> Value {
        let path = format!("/api/v1/datasets/{}", self.dataset);
        let etag = self.world.api(Method::GET, &path, None).await.header("etag");
        let edit = self.world.request(Method::PATCH, &path, Some(ask)).header("if-match", etag);
        edit.send().await.expect("an answer").expect_status(StatusCode::OK).await
    }

    fn read(&self, path: &str) -> RequestBuilder {
        self.world.client.get(self.at(path))
    }

    async fn by_eve(&self, path: &str) -> Response {
        self.read(path).bearer_auth(&self.eve.session).send().await.expect("an answer")
    }
}

async fn person(world: &World, name: &str) -> Person {
    let invited = world.api(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await.expect_status(StatusCode::CREATED).await;
    let sign_in = world.client.post(format!("{}/api/v1/sign-in", world.app_url)).json(&json!({ "code": invited["code"] }));
    let signed = sign_in.send().await.expect("an answer").expect_status(StatusCode::OK).await;
    Person { session: signed["session"]["secret"].as_str().expect("a secret").to_owned() }
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().expect("an instant").parse().expect("an instant")
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

/// SEMANTICS 4: 401, 403 and 404 of named access; Bearer and Basic; redirect, HEAD, listing, streamed form.
async fn a_dataset_is_read_by_name(door: Door) {
    let scene = Scene::new(door).await;
    let nobody = scene.read(CHUNK).send().await.expect("an answer");
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    assert!(nobody.header("www-authenticate").contains("Basic") && nobody.header("www-authenticate").starts_with("Bearer"));
    assert_eq!((nobody.header("access-control-allow-origin"), nobody.header("vary")), ("*".to_owned(), "Authorization".to_owned()));
    let body = nobody.bytes().await.expect("bytes");
    let unknown = format!("{}/d{}/{FIRST}/{CHUNK}", scene.world.data_url, "a".repeat(26));
    let absent = scene.world.get(&unknown).await;
    assert_eq!(absent.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(absent.bytes().await.expect("bytes"), body, "one that is there and one that is not answer alike");
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::NOT_FOUND);
    let stranger = scene.world.client.get(&unknown).bearer_auth(&scene.eve.session).send().await.expect("an answer");
    let stranger = stranger.bytes().await.expect("bytes");
    assert_eq!(scene.by_eve(CHUNK).await.bytes().await.expect("bytes"), stranger);
    for wrong in ["offprint_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x", "eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(status(scene.read(CHUNK).bearer_auth(wrong)).await, 401, "{wrong}");
    }

    scene.give("user:Eve", "view").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let first = scene.by_eve(CHUNK).await;
    assert_eq!((first.status(), first.header("vary").as_str()), (StatusCode::FOUND, "Authorization"));
    assert!(first.header("location").contains(&format!("x-offprint-link={}", scene.dataset)));
    let stored = std::fs::read(scene.world.demo.join(FIRST).join(CHUNK)).expect("a file");
    assert_eq!(scene.world.get(&first.header("location")).await.bytes().await.expect("bytes"), stored);
    assert_eq!(status(scene.read(CHUNK).basic_auth("anything", Some(&scene.eve.session))).await, 302);
    assert_eq!(status(scene.world.client.head(scene.at(CHUNK)).bearer_auth(&scene.eve.session)).await, 302);
    assert_eq!(scene.by_eve("0/9/9/9").await.status(), StatusCode::FOUND, "whether it is there the store says");
    let index = scene.by_eve("").await;
    assert_eq!(index.status(), StatusCode::OK);
    assert!(index.text().await.expect("text").contains("href=\"0/\""));
    let wrong_name = format!("{}/{}/other.zarr/{CHUNK}", scene.world.data_url, scene.dataset);
    assert_eq!(status(scene.world.client.get(&wrong_name).bearer_auth(&scene.eve.session)).await, 404);
    assert_eq!(status(scene.world.client.get(&wrong_name)).await, 401, "a name tells nobody anything");
    let streamed = format!("{}/{}-s/{FIRST}/{CHUNK}", scene.world.data_url, scene.dataset);
    let bytes = scene.world.client.get(&streamed).bearer_auth(&scene.eve.session).send().await.expect("an answer");
    assert_eq!((bytes.status(), bytes.bytes().await.expect("bytes").to_vec()), (StatusCode::OK, stored));
    let bucket = format!("{}/{}/?list-type=2&prefix={FIRST}/0/", scene.world.data_url, scene.dataset);
    let listed = scene.world.client.get(&bucket).bearer_auth(&scene.eve.session).send().await.expect("an answer");
    assert!(listed.text().await.expect("text").contains(&format!("<Key>{FIRST}/{CHUNK}</Key>")));

    // A token narrowed to other things reads nothing.
    let ask = json!({ "label": "narrow", "scopes": ["links"], "days": 1 });
    let made = scene.world.client.post(format!("{}/api/v1/tokens", scene.world.app_url)).bearer_auth(&scene.eve.session).json(&ask);
    let made = made.send().await.expect("an answer").expect_status(StatusCode::CREATED).await;
    let narrow = scene.read(CHUNK).bearer_auth(made["secret"].as_str().expect("a secret")).send().await.expect("an answer");
    assert_eq!(narrow.expect_status(StatusCode::FORBIDDEN).await["code"], "scope");
}

/// The bound: after `enforced_by` nothing opens that was given before, neither here nor at the store.
async fn a_withdrawal_is_in_force_when_it_says(door: Door) {
    let scene = Scene::new(door).await;
    scene.give("user:Eve", "view").await;
    let location = scene.by_eve(CHUNK).await.header("location");
    let before = Timestamp::now();
    let enforced_by = scene.withdraw("user:Eve").await;
    let bound = enforced_by.duration_since(before);
    assert!(bound.as_secs() <= 67, "{bound}");
    let mut refused = None;
    while Timestamp::now() < enforced_by {
        if scene.by_eve(CHUNK).await.status() == StatusCode::NOT_FOUND {
            refused.get_or_insert(Timestamp::now());
        } else {
            assert!(refused.is_none(), "a narrowing is monotone");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(refused.expect("it ends").duration_since(before).as_secs() <= 7, "facts are kept five seconds");
    assert_eq!(scene.world.get(&location).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::NOT_FOUND);
}

/// The same of a strict dataset, for each way by which it was read: a grant, a group's, and a link. What is in force for it sooner than a reply about
/// more than it says is in force, too.
async fn what_rests_on_a_strict_dataset_stops_within_fifteen_seconds(door: Door) {
    let world = World::fresh(door).await;
    let ask = json!({ "source": "demo", "path": FIRST, "strict": true });
    let dataset = world.api(Method::POST, "/api/v1/datasets", Some(ask)).await.expect_status(StatusCode::CREATED).await;
    let (eve, mal) = (person(&world, "Eve").await, person(&world, "Mal").await);
    let scene = Scene { dataset: dataset["id"].as_str().expect("an id").to_owned(), world, eve };
    let world = &scene.world;
    world.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "lab" }))).await.expect_status(StatusCode::CREATED).await;
    let members = json!({ "users": ["Mal"] });
    world.api(Method::POST, "/api/v1/groups/lab/members", Some(members.clone())).await.expect_status(StatusCode::OK).await;
    scene.give("user:Eve", "view").await;
    scene.give("group:lab", "view").await;
    let link = world.link(FIRST, json!({})).await;
    let reads = || {
        let by_mal = scene.read(CHUNK).bearer_auth(&mal.session);
        [scene.read(CHUNK).bearer_auth(&scene.eve.session), by_mal, world.client.get(link.at(CHUNK))].map(|read| async {
            let answer = read.send().await.expect("an answer");
            let location = if answer.status() == StatusCode::FOUND { answer.header("location") } else { String::new() };
            (answer.status().as_u16(), answer.header("cache-control"), location)
        })
    };
    let mut given = Vec::new();
    for read in reads() {
        let (status, cached, location) = read.await;
        assert_eq!((status, cached.as_str()), (302, "no-store"), "it is read at once, and a redirect is kept by nobody");
        assert_eq!(world.get(&location).await.status(), StatusCode::OK);
        given.push(location);
    }
    let before = Timestamp::now();
    let withdrawn = scene.withdraw("user:Eve").await;
    let removed = world.api(Method::POST, "/api/v1/groups/lab/members/remove", Some(members)).await.expect_status(StatusCode::OK).await;
    let revoked = world.revoke(&link).await;
    for bound in [withdrawn, revoked].map(|by| by.duration_since(before).as_secs()) {
        assert!((10..=20).contains(&bound), "{bound}");
    }
    assert!(instant(&removed["enforced_by"]).duration_since(before).as_secs() > 60, "a group reaches more than one dataset");
    for (read, refusal) in reads().into_iter().zip([404, 404, 410]) {
        assert_eq!(read.await.0, refusal, "the next read is told");
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    for location in given {
        assert_eq!(world.get(&location).await.status(), StatusCode::FORBIDDEN, "what was signed has ended");
    }
}

/// Roles: metadata only, and what a group and everybody get.
async fn roles_groups_and_everybody(door: Door) {
    let scene = Scene::new(door).await;
    scene.give("user:Eve", "preview").await;
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND, "metadata");
    let chunk = scene.by_eve("0/0/0/0/0").await;
    assert_eq!(chunk.expect_status(StatusCode::FORBIDDEN).await["code"], "coarse-only");
    let folder = scene.by_eve("0/").await;
    assert_eq!(folder.expect_status(StatusCode::FORBIDDEN).await["right"], "list");

    let mal = person(&scene.world, "Mal").await;
    let by_mal = || scene.read("0/0/0/0/0").bearer_auth(&mal.session);
    scene.world.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "lab" }))).await.expect_status(StatusCode::CREATED).await;
    scene.give("group:lab", "view").await;
    assert_eq!(status(by_mal()).await, 404);
    scene
        .world
        .api(Method::POST, "/api/v1/groups/lab/members", Some(json!({ "users": ["Mal"] })))
        .await
        .expect_status(StatusCode::OK)
        .await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(status(by_mal()).await, 302);

    let ceiling = scene.world.request(Method::PATCH, "/api/v1/sources/demo", Some(json!({ "ceilings": { "audience": "world" } })));
    assert_eq!(status(ceiling.header("if-match", "*")).await, 200);
    scene.give("world", "view").await;
    assert_eq!(status(scene.read("0/0/0/0/0")).await, 401, "what everybody gets is a switch of its own");
    let path = format!("/api/v1/datasets/{}", scene.dataset);
    let opens = |query: &str| {
        let ask = scene.world.request(Method::PATCH, &format!("{path}{query}"), Some(json!({ "visibility": "world" })));
        ask.header("if-match", "*")
    };
    let refused = opens("").send().await.expect("an answer").expect_status(StatusCode::CONFLICT).await;
    assert_eq!(refused["code"], "confirmation-needed");
    let tried = opens("?dry_run=true").send().await.expect("an answer").expect_status(StatusCode::OK).await;
    assert_eq!((&tried["effects_on_all"][1]["to"], &tried["dataset"]["audience"]), (&json!("world"), &json!("private")));
    let opened = scene.edit(json!({ "visibility": "world", "confirm": true })).await;
    assert_eq!(opened["dataset"]["audience"], "world");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(status(scene.read("0/0/0/0/0")).await, 302);
    let closed = scene.edit(json!({ "visibility": "private" })).await;
    assert_eq!(closed["beyond_recall"][1]["until"], closed["enforced_by"]);
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(status(scene.read("0/0/0/0/0")).await, 401);
}

/// What is full on one dataset of a set is full on all, and taken from all.
async fn datasets_of_a_set_are_shared_together(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let other = world.dataset("sharded-v3.ome.zarr").await;
    let set = json!({ "datasets": [scene.dataset, other["id"]] });
    let set = world.api(Method::POST, "/api/v1/link-sets", Some(set)).await.expect_status(StatusCode::CREATED).await;
    scene.give("user:Eve", "full").await;
    let shown = async || {
        let path = format!("{}/api/v1/datasets/{}", world.app_url, other["id"].as_str().expect("an id"));
        world.client.get(path).bearer_auth(&scene.eve.session).send().await.expect("an answer").status()
    };
    assert_eq!(shown().await, StatusCode::OK);
    let withdraws = format!("/api/v1/datasets/{}/grants/withdraw", scene.dataset);
    let withdrawn = world.api(Method::POST, &withdraws, Some(json!({ "to": "user:Eve" }))).await.expect_status(StatusCode::OK).await;
    assert_eq!(withdrawn["also"], json!([other["id"]]));
    assert_eq!(shown().await, StatusCode::NOT_FOUND);
    let retire = format!("/api/v1/link-sets/{}/retire", set["id"].as_str().expect("an id"));
    assert_eq!(world.api(Method::POST, &retire, None).await.expect_status(StatusCode::OK).await["state"], "retired");
}

/// A mark is shown to everybody for whom the dataset is open, and to nobody else.
async fn a_curators_mark_is_shown_while_a_dataset_is_open(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let cora = person(world, "Cora").await;
    let edits = world.request(Method::PATCH, "/api/v1/users/Cora", Some(json!({ "curator": true })));
    assert_eq!(status(edits).await, 200);
    let marks = || {
        let path = format!("{}/api/v1/datasets/{}/curation/mark", world.app_url, scene.dataset);
        world.client.post(path).bearer_auth(&cora.session).json(&json!({ "reason": "complete" }))
    };
    assert_eq!(status(marks()).await, 404);
    scene.give("accounts", "view").await;
    scene.edit(json!({ "visibility": "accounts", "confirm": true })).await;
    let asked = scene.api(Method::POST, "/curation", json!({ "reason": "cited" })).await.expect_status(StatusCode::CREATED).await;
    assert_eq!(asked["state"], "waiting");
    assert_eq!(status(marks()).await, 200);
    let curated = async || {
        let list = world.client.get(format!("{}/api/v1/curated", world.app_url)).bearer_auth(&scene.eve.session);
        list.send().await.expect("an answer").expect_status(StatusCode::OK).await["items"].clone()
    };
    assert_eq!(curated().await[0]["id"], scene.dataset);
    let closed = scene.edit(json!({ "visibility": "private" })).await;
    assert_eq!((&closed["mark_asleep"], curated().await), (&json!(true), json!([])));
}

/// ACCESS 9: a clone is read as its original, by each as far as each may read that; it dies with access, and with its card.
async fn a_clone_opens_what_its_original_opens_to_whoever_reads(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let cy = person(world, "Cy").await;
    scene.give("user:Eve", "download").await;
    let by_eve = |method: Method, path: &str, ask: Value| {
        world.client.request(method, format!("{}{path}", world.app_url)).bearer_auth(&scene.eve.session).json(&ask)
    };
    let made = by_eve(Method::POST, "/api/v1/clones", json!({ "dataset": scene.dataset, "title": "mine" })).send().await;
    let made = made.expect("an answer").expect_status(StatusCode::CREATED).await;
    let (id, url) = (made["id"].as_str().expect("an id"), made["url"].as_str().expect("a URL"));
    assert!(url.starts_with(&world.data_url), "{url}");
    let by = |path: &str, who: &Person| world.client.get(format!("{url}{path}")).bearer_auth(&who.session);
    let first = by(CHUNK, &scene.eve).send().await.expect("an answer");
    assert_eq!(first.status(), StatusCode::FOUND);
    let location = first.header("location");
    assert!(location.contains(&format!("x-offprint-link={}", scene.dataset)), "it is the original that is read");
    let stored = std::fs::read(world.demo.join(FIRST).join(CHUNK)).expect("a file");
    assert_eq!(world.get(&location).await.bytes().await.expect("bytes"), stored);
    assert_eq!(status(by(CHUNK, &cy)).await, 404);
    scene.give("user:Cy", "view").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(status(by("0/0/0/0/0", &cy)).await, 302, "by Cy's own right");
    // It is no dataset: no link and no ticket stands on it.
    assert_eq!(status(by_eve(Method::POST, "/api/v1/links", json!({ "dataset": id }))).await, 404);
    assert_eq!(status(by_eve(Method::POST, &format!("/api/v1/datasets/{id}/tickets"), json!({}))).await, 404);
    let check = by_eve(Method::POST, "/api/v1/check", json!({ "dataset": id, "action": "read", "path": CHUNK })).send().await;
    assert_eq!(check.expect("an answer").expect_status(StatusCode::OK).await["allowed"], true);
    // It dies with access.
    scene.withdraw("user:Eve").await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(status(by(CHUNK, &scene.eve)).await, 404);
    assert_eq!(status(by(CHUNK, &cy)).await, 302);
    let retired = by_eve(Method::POST, &format!("/api/v1/clones/{id}/retire"), json!({})).send().await.expect("an answer");
    let retired = retired.expect_status(StatusCode::OK).await;
    assert!(instant(&retired["enforced_by"]).duration_since(Timestamp::now()).as_secs() <= 66, "{retired}");
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(status(by(CHUNK, &cy)).await, 404, "and with its card");
}

/// An answer, but for when it was given and which of two ids stands in it.
#[derive(Debug, PartialEq)]
struct Told {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The same of an answer that is here.
async fn told(asked: String, id: &str, answer: Response) -> Told {
    let mut headers = Vec::new();
    for (name, value) in answer.headers() {
        let value = value.to_str().expect("text").replace(id, "ID");
        // Where it leads, not when it was signed; and not how long it may be kept.
        let until = match name.as_str() {
            "date" | "x-request-id" | "server-timing" => continue,
            "location" => '?',
            "cache-control" => '=',
            _ => '\0',
        };
        headers.push((name.to_string(), value.split(until).next().unwrap_or_default().to_owned()));
    }
    headers.sort();
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("bytes");
    Told { asked: asked.replace(id, "ID"), status, headers, body: String::from_utf8_lossy(&body).replace(id, "ID") }
}

/// What an address answers to each of several people, to nobody, and to a credential that is none.
async fn answers(world: &World, id: &str, name: &str, people: &[&str]) -> Vec<Told> {
    let (get, head) = (Method::GET, Method::HEAD);
    let object = "sharded-v3.ome.zarr/zarr.json";
    let any = ("accept", "*/*");
    let streamed = format!("/{id}-s/{name}/{object}");
    let etag = world.client.get(format!("{}{streamed}", world.data_url)).bearer_auth(&world.token).send().await.expect("an answer");
    let etag = etag.headers().get("etag").map_or("\"none\"", |etag| etag.to_str().expect("text")).to_owned();
    let mut all = Vec::new();
    for (method, path, (header, value)) in [
        (&get, format!("/{id}/{name}/{object}"), any),
        (&head, format!("/{id}/{name}/{object}"), any),
        (&head, format!("/{id}/{name}/absent"), any),
        (&get, format!("/{id}/{name}/sharded-v3.ome.zarr/0/c/0/0/0"), any),
        (&get, format!("/{id}/{name}/{CHUNK}"), any),
        (&get, format!("/{id}/{name}/{FIRST}/{CHUNK}"), any),
        (&get, format!("/{id}/{name}/{FIRST}/"), any),
        (&get, format!("/{id}/{name}/"), ("accept", "text/html")),
        (&get, format!("/{id}/{name}"), ("accept", "text/html")),
        (&head, format!("/{id}/{name}/sharded-v3.ome.zarr"), any),
        (&get, format!("/{id}/other.zarr/{object}"), any),
        (&get, format!("/{id}/{name}/a%2Fb"), any),
        (&get, streamed.clone(), ("range", "bytes=2-9")),
        (&get, streamed.clone(), ("range", "bytes=999999-")),
        (&get, streamed, ("if-none-match", etag.as_str())),
        (&get, format!("/{id}-s/{name}/absent"), any),
        (&get, format!("/{id}/?list-type=2&prefix={name}/&delimiter=/"), any),
        (&get, format!("/{id}?list-type=2&max-keys=3"), any),
        (&get, format!("/?list-type=2&prefix={id}/{name}/"), any),
    ] {
        let others = [None, Some("offprint_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")];
        for (number, credential) in people.iter().copied().map(Some).chain(others).enumerate() {
            let request = world.client.request(method.clone(), format!("{}{path}", world.data_url)).header(header, value);
            let request = match credential {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let answer = request.send().await.expect("an answer");
            all.push(told(format!("{method} {path} {header}: {value} by {number}"), id, answer).await);
        }
    }
    all
}

/// ADR 0063: there is no rule for reading at a clone. Whatever is asked, by whomever, in whatever state, is answered as at the original.
async fn a_clone_answers_as_its_original(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let root = world.dataset("").await["id"].as_str().expect("an id").to_owned();
    let clone_of = async |dataset: &str| {
        let ask = json!({ "dataset": dataset, "title": "the owner's" });
        let made = world.api(Method::POST, "/api/v1/clones", Some(ask)).await.expect_status(StatusCode::CREATED).await;
        made["id"].as_str().expect("an id").to_owned()
    };
    let (of_root, of_first) = (clone_of(&root).await, clone_of(&scene.dataset).await);
    let (cy, mal) = (person(world, "Cy").await, person(world, "Mal").await);
    let give = async |to: &str, role: &str| {
        let path = format!("/api/v1/datasets/{root}/grants");
        let given = world.api(Method::POST, &path, Some(json!({ "to": to, "role": role }))).await;
        assert!(given.status().is_success(), "{given:?}");
    };
    give("user:Eve", "view").await;
    give("user:Cy", "preview").await;
    let people = [world.token.as_str(), &scene.eve.session, &cy.session, &mal.session];
    let mut seen = std::collections::BTreeSet::new();
    let mut alike = async |when: &str, (original, clone, name): (&str, &str, &str)| {
        tokio::time::sleep(Duration::from_millis(5_200)).await;
        let (at_original, at_clone) = (answers(world, original, name, &people).await, answers(world, clone, name, &people).await);
        for (at_original, at_clone) in at_original.into_iter().zip(at_clone) {
            assert_eq!(at_clone, at_original, "{when}");
            seen.insert(at_clone.status);
        }
    };
    let (whole, first) = ((root.as_str(), of_root.as_str(), "demo"), (scene.dataset.as_str(), of_first.as_str(), FIRST));
    alike("granted", whole).await;
    // What lies in a restricted part is not reached by what is granted above; its own address, and that of its clone, says so to each.
    scene.edit(json!({ "restricted": true })).await;
    scene.give("user:Mal", "view").await;
    // The policy of the project that it comes into lets nobody clone it: what was cloned is read on.
    let project = json!({ "name": "retina", "policy": { "view": "view", "clone": "none" } });
    world.api(Method::POST, "/api/v1/projects", Some(project)).await.expect_status(StatusCode::CREATED).await;
    for (path, ask) in [("members", json!({ "users": ["Cy"] })), ("datasets", json!({ "dataset": scene.dataset }))] {
        world.api(Method::POST, &format!("/api/v1/projects/retina/{path}"), Some(ask)).await.expect_status(StatusCode::OK).await;
    }
    scene.api(Method::POST, "/offers", json!({ "to": "Cy" })).await.expect_status(StatusCode::CREATED).await;
    let accept = format!("{}/api/v1/datasets/{}/offers/accept", world.app_url, scene.dataset);
    assert_eq!(status(world.client.post(accept).bearer_auth(&cy.session)).await, 200);
    alike("restricted, in a project, handed over", first).await;
    alike("a part is restricted", whole).await;
    world.api(Method::POST, "/api/v1/serving", Some(json!({ "serving": false, "reason": "r" }))).await.expect_status(StatusCode::OK).await;
    alike("nothing is served", whole).await;
    world.api(Method::POST, "/api/v1/serving", Some(json!({ "serving": true, "reason": "r" }))).await.expect_status(StatusCode::OK).await;
    let own = format!("{}/api/v1/datasets/{}", world.app_url, scene.dataset);
    let opens = world.client.patch(&own).bearer_auth(&cy.session).header("if-match", "*");
    assert_eq!(status(opens.json(&json!({ "restricted": false, "confirm": true }))).await, 200);
    assert_eq!(status(world.client.post(format!("{own}/retire")).bearer_auth(&cy.session).json(&json!({}))).await, 200);
    alike("retired", first).await;
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 206, 302, 304, 400, 401, 403, 404, 410, 416, 503]);
}

/// A ticket opens one dataset, without a header, until it is revoked or its owner's right ends.
async fn a_ticket_needs_no_header(door: Door) {
    let scene = Scene::new(door).await;
    scene.give("user:Eve", "view").await;
    let ask = scene.world.client.post(format!("{}/api/v1/datasets/{}/tickets", scene.world.app_url, scene.dataset));
    let ticket = ask.bearer_auth(&scene.eve.session).json(&json!({ "minutes": 10 })).send().await.expect("an answer");
    let ticket = ticket.expect_status(StatusCode::CREATED).await;
    let url = ticket["url"].as_str().expect("a URL");
    assert!(url.starts_with(&scene.world.data_url), "{url}");
    let opened = scene.world.get(&format!("{url}{CHUNK}")).await;
    assert_eq!(opened.status(), StatusCode::FOUND);
    assert!(opened.headers().contains_key("sunset"), "it says when it ends");
    let streamed = format!("{}{CHUNK}", ticket["streamed_url"].as_str().expect("a URL"));
    assert_eq!(status(scene.world.client.get(&streamed)).await, 200);
    let other = url.replace('~', "~a").replace("~aa", "~b");
    assert_eq!(scene.world.get(&format!("{other}{CHUNK}")).await.status(), StatusCode::NOT_FOUND);
    let revoke = format!("{}/api/v1/tokens/{}/revoke", scene.world.app_url, ticket["id"].as_str().expect("an id"));
    assert_eq!(status(scene.world.client.post(revoke).bearer_auth(&scene.eve.session).json(&json!({}))).await, 200);
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&format!("{url}{CHUNK}")).await.status(), StatusCode::NOT_FOUND);
}

/// ACCESS P6: a link gives what its maker has, for as long as the maker has it.
async fn a_link_lives_as_long_as_its_makers_right(door: Door) {
    let scene = Scene::new(door).await;
    let link_ask = json!({ "dataset": scene.dataset });
    let make = || scene.world.client.post(format!("{}/api/v1/links", scene.world.app_url)).bearer_auth(&scene.eve.session).json(&link_ask);
    scene.give("user:Eve", "view").await;
    let refused = make().send().await.expect("an answer").expect_status(StatusCode::FORBIDDEN).await;
    assert_eq!((&refused["code"], &refused["right"]), (&json!("not-allowed"), &json!("share")));
    scene.withdraw("user:Eve").await;
    let share = json!({ "to": "user:Eve", "role": "view", "may_share": true });
    scene.api(Method::POST, "/grants", share.clone()).await.expect_status(StatusCode::CREATED).await;
    let link = Link::of(&make().send().await.expect("an answer").expect_status(StatusCode::CREATED).await);
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);
    // Who administers the dataset sees it and may narrow it, and never widens it.
    let shown = scene.world.api(Method::GET, &format!("/api/v1/links/{}", link.id), None).await.expect_status(StatusCode::OK).await;
    assert!(shown.get("url").is_none() && shown["no_url"] == "not-maker", "only its maker is shown its address");
    // A label is a word of the maker's own, which nobody else reads, and no other writes over it.
    let version = shown["version"].as_u64().expect("a version");
    let edit = async |token: &str, version: u64, body: Value| {
        let address = format!("{}/api/v1/links/{}", scene.world.app_url, link.id);
        let request = scene.world.client.patch(address).bearer_auth(token).header("if-match", format!("\"{version}\""));
        request.json(&body).send().await.expect("an answer")
    };
    let other = edit(&scene.world.token, version, json!({ "label": "mine" })).await.expect_status(StatusCode::FORBIDDEN).await;
    assert_eq!((&other["code"], &other["errors"][0]["pointer"]), (&json!("not-maker"), &json!("/label")));
    edit(&scene.world.token, version, json!({ "until": "2d" })).await.expect_status(StatusCode::OK).await;
    let own = edit(&scene.eve.session, version + 1, json!({ "label": "own" })).await.expect_status(StatusCode::OK).await;
    assert_eq!(own["link"]["label"], "own");
    let ended = scene.api(Method::POST, "/grants/withdraw", json!({ "to": "user:Eve" })).await.expect_status(StatusCode::OK).await;
    assert_eq!(ended["links_ended"], json!([link.id]));
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.expect_status(StatusCode::GONE).await["code"], "link-maker");
    scene.api(Method::POST, "/grants", share).await.expect_status(StatusCode::CREATED).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND, "given back, the same address opens again");
}

/// ACCESS R4: whoever reads by a link is where and when its maker may share, and everybody who sees the link is told so.
async fn a_link_rests_on_its_makers_right(door: Door) {
    let scene = Scene::new(door).await;
    let give = async |method: Method, to: &str, zones: Value| {
        let ask = json!({ "to": to, "role": "view", "may_share": true, "until": "2d", "zones": zones });
        let request = scene.world.request(method, &format!("/api/v1/datasets/{}/grants", scene.dataset), Some(ask));
        let answer = request.header("if-match", "*").send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    };
    let shown = async |token: &str, id: &str| {
        let address = format!("{}/api/v1/links/{id}", scene.world.app_url);
        scene.world.client.get(address).bearer_auth(token).send().await.expect("an answer").expect_status(StatusCode::OK).await
    };
    give(Method::POST, "user:Eve", json!(["127.0.0.0/8", "::1/128"])).await;
    let ask = json!({ "dataset": scene.dataset, "until": "never" });
    let made = scene.world.client.post(format!("{}/api/v1/links", scene.world.app_url)).bearer_auth(&scene.eve.session).json(&ask);
    let made = made.send().await.expect("an answer").expect_status(StatusCode::CREATED).await;
    let link = Link::of(&made);
    let ends = made["rests_on"][0]["until"].as_str().expect("its maker's right ends").to_owned();
    assert_eq!(
        (&made["rests_on"][0]["zones"], made.get("until")),
        (&json!(["127.0.0.0/8", "::1/128"]), None),
        "its own options are its own"
    );
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);

    // Its maker may share it from elsewhere: it is not over, and a reader who stands elsewhere is told what is in the way.
    give(Method::POST, "user:Eve", json!(["198.51.100.0/24"])).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    let refused = scene.world.get(&link.at(CHUNK)).await.expect_status(StatusCode::FORBIDDEN).await;
    assert_eq!(refused["code"], "zone");
    for token in [&scene.eve.session, &scene.world.token] {
        let shown = shown(token, &link.id).await;
        assert_eq!((&shown["state"], &shown["rests_on"][0]["zones"]), (&json!("live"), &json!(["198.51.100.0/24"])));
        assert!(shown["rests_on"][0]["until"].as_str() >= Some(ends.as_str()), "{shown}");
    }

    // By another right, too, it is where that one is.
    scene.world.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "lab" }))).await.expect_status(StatusCode::CREATED).await;
    let members = scene.world.api(Method::POST, "/api/v1/groups/lab/members", Some(json!({ "users": ["Eve"] }))).await;
    members.expect_status(StatusCode::OK).await;
    give(Method::POST, "group:lab", json!([])).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);
    let both = shown(&scene.eve.session, &link.id).await;
    assert_eq!(both["rests_on"].as_array().map(Vec::len), Some(1), "the wider one says it all: {both}");
    assert_eq!(both["rests_on"][0].get("zones"), None);
}

/// A17: what is restricted is left out of a folder's links and of what is granted on it: no object, no name.
async fn a_restricted_part_is_left_out(door: Door) {
    let scene = Scene::new(door).await;
    let whole = scene.world.link("", json!({ "label": "all" })).await;
    let part = scene.world.link(FIRST, json!({ "label": "part" })).await;
    let inside = format!("{}{FIRST}/{CHUNK}", if whole.url.ends_with('/') { whole.url.clone() } else { format!("{}/", whole.url) });
    assert_eq!(scene.world.get(&inside).await.status(), StatusCode::FOUND);
    // A14: the links on datasets above reach it, too, until it is restricted.
    let beside = scene.world.link("sharded-v3.ome.zarr", json!({ "label": "beside" })).await;
    let links = async || {
        let view = scene.api(Method::GET, "/sharing", Value::Null).await.expect_status(StatusCode::OK).await;
        let listed = scene.api(Method::GET, "/sharing/links?limit=1", Value::Null).await.expect_status(StatusCode::OK).await;
        assert_eq!(listed["items"][0], view["links"][0], "its own come first");
        let items = view["links"].as_array().expect("links").clone();
        items.iter().map(|link| (link["id"].as_str().unwrap_or_default().to_owned(), link["dataset"] == scene.dataset)).collect::<Vec<_>>()
    };
    assert_ne!(beside.id, whole.id);
    assert_eq!(links().await, [(part.id.clone(), true), (whole.id.clone(), false)]);
    scene.edit(json!({ "restricted": true })).await;
    assert_eq!(links().await, [(part.id.clone(), true)]);
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&inside).await.expect_status(StatusCode::NOT_FOUND).await["code"], "no-such-object");
    let index = scene.world.get(&format!("{}/", whole.url.trim_end_matches('/'))).await.text().await.expect("text");
    assert!(!index.contains(FIRST) && index.contains("href="), "{index}");
    let listed = scene.world.get(&format!("{}/{}/?list-type=2", scene.world.data_url, whole.key())).await.text().await.expect("text");
    assert!(!listed.contains(FIRST) && listed.contains("<Key>"), "{listed}");
    assert_eq!(scene.world.get(&part.at(CHUNK)).await.status(), StatusCode::FOUND, "its own link opens");
}

/// A project's policy is what its members have, as it is now; and a manager's link lives as long as he is one.
async fn a_project_lets_its_members_read(door: Door) {
    let scene = Scene::new(door).await;
    let post = async |path: &str, ask: Value| scene.world.api(Method::POST, path, Some(ask)).await.expect_status(StatusCode::OK).await;
    let made = scene.world.api(Method::POST, "/api/v1/projects", Some(json!({ "name": "retina", "policy": { "view": "preview" } }))).await;
    made.expect_status(StatusCode::CREATED).await;
    post("/api/v1/projects/retina/members", json!({ "users": ["Eve"] })).await;
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::NOT_FOUND);
    post("/api/v1/projects/retina/datasets", json!({ "dataset": scene.dataset })).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND, "metadata");
    let chunk = "0/0/0/0/0";
    assert_eq!(scene.by_eve(chunk).await.expect_status(StatusCode::FORBIDDEN).await["code"], "coarse-only");
    let edit = json!({ "policy": { "view": "view" } });
    let edit = scene.world.request(Method::PATCH, "/api/v1/projects/retina", Some(edit)).header("if-match", "*");
    edit.send().await.expect("an answer").expect_status(StatusCode::OK).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.by_eve(chunk).await.status(), StatusCode::FOUND, "the policy as it is now");
    let shared = scene.world.client.get(format!("{}/api/v1/me/shared", scene.world.app_url)).bearer_auth(&scene.eve.session);
    let shared = shared.send().await.expect("an answer").expect_status(StatusCode::OK).await;
    assert_eq!(shared["items"][0]["id"], json!(scene.dataset));

    post("/api/v1/projects/retina/members", json!({ "users": ["Eve"], "role": "manager" })).await;
    let ask = json!({ "dataset": scene.dataset });
    let link = scene.world.client.post(format!("{}/api/v1/links", scene.world.app_url)).bearer_auth(&scene.eve.session).json(&ask);
    let link = Link::of(&link.send().await.expect("an answer").expect_status(StatusCode::CREATED).await);
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);
    let listed = scene.world.api(Method::GET, "/api/v1/projects/retina/links", None).await.expect_status(StatusCode::OK).await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["dataset"]), (&json!(link.id), &json!(scene.dataset)));
    let out = post("/api/v1/projects/retina/members/remove", json!({ "users": ["Eve"] })).await;
    assert!(out["enforced_by"].is_string());
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.expect_status(StatusCode::GONE).await["code"], "link-maker");
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::NOT_FOUND);
}

/// SECURITY T31: zones count by the address of the connection, and no header changes it.
async fn zones_hold_by_the_true_address(door: Door) {
    let scene = Scene::new(door).await;
    let link = scene.world.link(FIRST, json!({})).await;
    scene.give("user:Eve", "view").await;
    let source = scene.world.api(Method::GET, "/api/v1/sources/demo", None).await.expect_status(StatusCode::OK).await;
    let set = async |version: u64, zones: Value| {
        let edit = json!({ "ceilings": { "zones": zones } });
        let edit = scene.world.request(Method::PATCH, "/api/v1/sources/demo", Some(edit)).header("if-match", format!("\"{version}\""));
        edit.send().await.expect("an answer").expect_status(StatusCode::OK).await
    };
    let version = source["version"].as_u64().expect("a version");
    set(version, json!(["198.51.100.0/24"])).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    for forged in ["", "198.51.100.7"] {
        let from = |request: RequestBuilder| if forged.is_empty() { request } else { request.header("x-forwarded-for", forged) };
        let by_link = from(scene.world.client.get(link.at(CHUNK))).send().await.expect("an answer");
        assert_eq!(by_link.expect_status(StatusCode::FORBIDDEN).await["code"], "zone");
        let by_name = from(scene.read(CHUNK).bearer_auth(&scene.eve.session)).send().await.expect("an answer");
        assert_eq!(by_name.expect_status(StatusCode::FORBIDDEN).await["code"], "zone");
    }
    set(version + 1, json!(["127.0.0.0/8", "::1"])).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND);
}

/// ACCESS 3: what the deployment allows is judged when something is read, on top of the source, and given back when it is raised.
async fn the_policy_binds_at_use(door: Door) {
    let scene = Scene::new(door).await;
    let link = scene.world.link(FIRST, json!({})).await;
    scene.give("user:Eve", "view").await;
    let set = async |ceilings: Value| {
        let edit = scene.world.request(Method::PATCH, "/api/v1/policy", Some(json!({ "ceilings": ceilings }))).header("if-match", "*");
        edit.send().await.expect("an answer").expect_status(StatusCode::OK).await
    };
    let policy = scene.world.client.get(format!("{}/api/v1/policy", scene.world.app_url)).bearer_auth(&scene.eve.session);
    assert_eq!(policy.send().await.expect("an answer").expect_status(StatusCode::OK).await["version"], 0);
    let narrowed = set(json!({ "audience": "accounts" })).await;
    assert!(narrowed["enforced_by"].is_string());
    let asked = scene.world.api(Method::POST, "/api/v1/links", Some(json!({ "dataset": scene.dataset }))).await;
    let refused = asked.expect_status(StatusCode::FORBIDDEN).await;
    assert_eq!((&refused["code"], &refused["ceiling"]), (&json!("audience-too-wide"), &json!("deployment")));
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    let shut = scene.world.get(&link.at(CHUNK)).await.expect_status(StatusCode::GONE).await;
    assert_eq!((&shut["code"], &shut["ceiling"]), (&json!("link-ceiling"), &json!("deployment")));
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND, "a grant by name is within it");
    set(json!({ "audience": "world", "zones": ["198.51.100.0/24"] })).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.expect_status(StatusCode::FORBIDDEN).await["code"], "zone");
    assert_eq!(scene.by_eve(CHUNK).await.expect_status(StatusCode::FORBIDDEN).await["code"], "zone");
    set(json!({ "zones": ["127.0.0.0/8", "::1"], "hard_zones": true })).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::OK, "what is hard is streamed");
    set(json!({ "zones": [], "hard_zones": false })).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND, "and given back");
}

/// U6: data-use terms are accepted before the first byte: by people for all that they read, by whoever has a link for a quarter of an hour.
async fn terms_are_accepted_before_the_first_byte(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let link = world.link(FIRST, json!({})).await;
    scene.give("user:Eve", "view").await;
    let posted = async |path: &str, ask: Value| {
        let request = world.client.post(format!("{}{path}", world.app_url)).bearer_auth(&scene.eve.session).json(&ask);
        request.send().await.expect("an answer")
    };
    let added = world.api(Method::POST, "/api/v1/terms", Some(json!({ "text": "Use of these data\n\nCite <b>us</b>." }))).await;
    let terms = added.expect_status(StatusCode::CREATED).await["id"].as_str().expect("an id").to_owned();
    let set = async |terms: Value| {
        let edit = world.request(Method::PATCH, "/api/v1/policy", Some(json!({ "ceilings": { "terms": terms } }))).header("if-match", "*");
        edit.send().await.expect("an answer").expect_status(StatusCode::OK).await
    };
    assert!(set(json!(terms)).await["enforced_by"].is_string());
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    for path in [CHUNK, ".zattrs", ""] {
        let refused = scene.by_eve(path).await;
        assert!(!refused.header("www-authenticate").contains("Basic"), "no browser asks for a name");
        let refused = refused.expect_status(StatusCode::UNAUTHORIZED).await;
        assert_eq!((&refused["code"], &refused["terms"]), (&json!("terms-needed"), &json!([terms])), "{path}");
        assert_eq!(refused["page"], json!(format!("{}/terms/{terms}", world.app_url)));
    }
    let shut = world.get(&link.at(CHUNK)).await.expect_status(StatusCode::UNAUTHORIZED).await;
    assert_eq!((&shut["code"], &shut["terms"]), (&json!("terms-needed"), &json!([terms])));
    assert_eq!(shut["passes"], json!(format!("{}/api/v1/passes", world.app_url)));
    assert_eq!(shut["page"], json!(format!("{}/s/{}", world.app_url, link.key())));
    // A person accepts once, and reads within a second.
    posted(&format!("/api/v1/me/terms/{terms}/accept"), json!({})).await.expect_status(StatusCode::OK).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND);
    assert_eq!(world.get(&link.at(CHUNK)).await.status(), StatusCode::UNAUTHORIZED, "whoever has a link is nobody in particular");
    // Whoever has the link accepts for a pass.
    let pass = async |accepted: Value| {
        let ask = json!({ "url": link.url, "terms": accepted });
        world.client.post(format!("{}/api/v1/passes", world.app_url)).json(&ask).send().await.expect("an answer")
    };
    assert_eq!(pass(json!([])).await.expect_status(StatusCode::UNAUTHORIZED).await["code"], "terms-needed");
    assert_eq!(pass(json!(["x"])).await.expect_status(StatusCode::UNPROCESSABLE_ENTITY).await["code"], "terms");
    let given = pass(json!([terms])).await.expect_status(StatusCode::CREATED).await;
    let opened = given["url"].as_str().expect("an address").to_owned();
    assert_eq!(world.get(&format!("{opened}/{CHUNK}")).await.status(), StatusCode::FOUND);
    // Other terms are asked for anew, of everybody.
    let added = world.api(Method::POST, "/api/v1/terms", Some(json!({ "text": "Other terms" }))).await;
    let other = added.expect_status(StatusCode::CREATED).await["id"].as_str().expect("an id").to_owned();
    set(json!(other)).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.by_eve(CHUNK).await.expect_status(StatusCode::UNAUTHORIZED).await["terms"], json!([other]));
    assert_eq!(world.get(&format!("{opened}/{CHUNK}")).await.expect_status(StatusCode::UNAUTHORIZED).await["terms"], json!([other]));
    set(Value::Null).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(scene.by_eve(CHUNK).await.status(), StatusCode::FOUND);
    assert_eq!(world.get(&link.at(CHUNK)).await.status(), StatusCode::FOUND);
}

/// ACCESS R6: what waits for a second person opens nothing, and once approved it is open.
async fn what_two_open_is_open(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let patch = async |path: &str, ask: Value| {
        world.request(Method::PATCH, path, Some(ask)).header("if-match", "*").send().await.expect("an answer")
    };
    patch("/api/v1/sources/demo", json!({ "ceilings": { "audience": "world" } })).await.expect_status(StatusCode::OK).await;
    patch("/api/v1/policy", json!({ "second_person": true })).await.expect_status(StatusCode::OK).await;
    scene.give("user:Eve", "manager").await;
    scene.give("world", "view").await;
    let path = format!("/api/v1/datasets/{}", scene.dataset);
    let asked = patch(&path, json!({ "visibility": "world", "confirm": true })).await.expect_status(StatusCode::ACCEPTED).await;
    let approve = |version: u64| {
        let url = format!("{}{path}/openings/approve", world.app_url);
        world.client.post(url).bearer_auth(&scene.eve.session).header("if-match", format!("\"{version}\""))
    };
    let version = asked["dataset_version"].as_u64().expect("a version");
    assert_eq!(status(scene.read("0/0/0/0/0")).await, 401);
    assert_eq!(status(approve(version + 7)).await, 412);
    let own = world.api(Method::GET, "/api/v1/openings", None).await.expect_status(StatusCode::OK).await;
    assert_eq!(own["items"][0]["id"], asked["id"]);
    let done = approve(version).send().await.expect("an answer").expect_status(StatusCode::OK).await;
    assert_eq!(done["state"], "accepted");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(status(scene.read("0/0/0/0/0")).await, 302);
}

/// L11: what a link's maker chose holds for whoever asks, and an edit of it holds at the same address.
async fn a_link_opens_as_its_options_say(door: Door) {
    let scene = Scene::new(door).await;
    let code = async |link: &Link, path: &str| {
        let answer = scene.world.get(&link.at(path)).await;
        (answer.status().as_u16(), answer.json::<Value>().await.map_or(Value::Null, |problem| problem["code"].clone()))
    };
    let opens = (302, Value::Null);
    let preview = scene.world.link(FIRST, json!({ "role": "preview" })).await;
    assert_eq!(code(&preview, CHUNK).await, opens, "metadata");
    assert_eq!(code(&preview, "0/0/0/0/0").await, (403, json!("coarse-only")));
    assert_eq!(code(&preview, "0/").await, (403, json!("not-listed")));

    let hidden = scene.world.link(FIRST, json!({ "hide_listing": true })).await;
    assert_eq!(code(&hidden, "0/0/0/0/0").await, opens);
    assert_eq!(code(&hidden, "").await, (403, json!("not-listed")));
    let bucket = format!("{}/{}/?list-type=2", scene.world.data_url, hidden.key());
    assert_eq!(scene.world.get(&bucket).await.expect_status(StatusCode::FORBIDDEN).await["code"], "not-listed");

    let here = json!(["127.0.0.0/8", "::1"]);
    let elsewhere = scene.world.link(FIRST, json!({ "zones": ["198.51.100.0/24"] })).await;
    for forged in ["127.0.0.1", "198.51.100.7"] {
        let asked = scene.world.client.get(elsewhere.at(CHUNK)).header("x-forwarded-for", forged).send().await.expect("an answer");
        assert_eq!(asked.expect_status(StatusCode::FORBIDDEN).await["code"], "zone");
    }
    let edit = async |link: &Link, ask: Value| {
        let path = format!("/api/v1/links/{}", link.id);
        let edit = scene.world.request(Method::PATCH, &path, Some(ask)).header("if-match", "*");
        edit.send().await.expect("an answer").expect_status(StatusCode::OK).await
    };
    let moved = edit(&elsewhere, json!({ "zones": here })).await;
    assert!(moved["enforced_by"].is_string(), "the network that it had is closed to it: {moved}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(code(&elsewhere, CHUNK).await, opens, "the same address, for another network");

    // Hard zones: no redirect, and a name that tells nothing.
    let hard = scene.world.link(FIRST, json!({ "zones": here, "hard_zones": true })).await;
    assert!(hard.url.ends_with("/data.ome.zarr") && !hard.url.contains("plain"), "{}", hard.url);
    let streamed = scene.world.get(&hard.at(CHUNK)).await;
    assert!(!streamed.headers().contains_key("location"));
    let stored = std::fs::read(scene.world.demo.join(FIRST).join(CHUNK)).expect("a file");
    assert_eq!((streamed.status(), streamed.bytes().await.expect("bytes").to_vec()), (StatusCode::OK, stored));
    let firm = edit(&elsewhere, json!({ "hard_zones": true, "hide_listing": true, "role": "view" })).await;
    assert!(firm["enforced_by"].is_string(), "a narrowing says when it is in force: {firm}");

    let endless = json!({ "dataset": scene.dataset, "class": "review", "until": "never" });
    let endless = scene.world.api(Method::POST, "/api/v1/links", Some(endless)).await;
    assert_eq!(endless.expect_status(StatusCode::UNPROCESSABLE_ENTITY).await["code"], "endless");
}

async fn ask_for(world: &World, link: &Link, password: &str) -> reqwest::Response {
    let request = world.client.post(format!("{}/api/v1/passes", world.app_url)).json(&json!({ "url": link.url, "password": password }));
    request.send().await.expect("an answer")
}

/// L11: a link with a password opens to whoever has a pass, for as long as that is one.
async fn a_password_is_asked_for_and_a_pass_opens(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let link = world.link(FIRST, json!({ "password": "correct horse" })).await;
    let without = world.get(&link.at(CHUNK)).await;
    assert_eq!(without.header("access-control-allow-origin"), "*");
    assert!(!without.header("www-authenticate").contains("Basic"), "no browser asks for a name");
    let without = without.expect_status(StatusCode::UNAUTHORIZED).await;
    assert_eq!((&without["code"], &without["passes"]), (&json!("ticket-needed"), &json!(format!("{}/api/v1/passes", world.app_url))));
    for closed in [link.streamed_at(CHUNK), link.at(""), format!("{}/{}/?list-type=2", world.data_url, link.key())] {
        assert_eq!(world.get(&closed).await.expect_status(StatusCode::UNAUTHORIZED).await["code"], "ticket-needed");
    }
    let ask = async |password: &str| ask_for(world, &link, password).await;
    assert_eq!(ask("wrong horse").await.expect_status(StatusCode::FORBIDDEN).await["code"], "wrong-password");
    let pass = ask("correct horse").await.expect_status(StatusCode::CREATED).await;
    let (url, streamed) = (pass["url"].as_str().expect("a URL"), pass["streamed_url"].as_str().expect("a URL"));
    assert_eq!(world.get(&format!("{url}/{CHUNK}")).await.status(), StatusCode::FOUND);
    assert_eq!(world.get(&format!("{url}/")).await.status(), StatusCode::OK, "and is listed");
    let stored = std::fs::read(world.demo.join(FIRST).join(CHUNK)).expect("a file");
    assert_eq!(world.get(&format!("{streamed}/{CHUNK}")).await.bytes().await.expect("bytes").to_vec(), stored);
    assert_eq!(world.get(&link.at(CHUNK)).await.status(), StatusCode::UNAUTHORIZED, "the link itself goes on asking");
    let part = world.client.get(format!("{streamed}/{CHUNK}")).header("range", "bytes=1-2").send().await.expect("an answer");
    assert_eq!((part.status(), part.bytes().await.expect("bytes").to_vec()), (StatusCode::PARTIAL_CONTENT, stored[1..3].to_vec()));
    let head = world.client.head(format!("{url}/{CHUNK}")).send().await.expect("an answer");
    assert_eq!(head.status(), StatusCode::FOUND);
    // It opens this link and nothing else of the dataset's.
    let below = world.link(FIRST, json!({ "path": "0/", "password": "correct horse" })).await;
    let pass = ask_for(world, &below, "correct horse").await.expect_status(StatusCode::CREATED).await;
    let inside = pass["url"].as_str().expect("a URL").to_owned();
    assert_eq!(world.get(&format!("{inside}/{}", CHUNK.trim_start_matches("0/"))).await.status(), StatusCode::FOUND);
    let other = inside.replace("/0", &format!("/{FIRST}"));
    for outside in [format!("{other}/zarr.json"), format!("{other}/{CHUNK}")] {
        assert_eq!(world.get(&outside).await.expect_status(StatusCode::NOT_FOUND).await["code"], "not-found", "{outside}");
    }
    world.revoke(&below).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    let ended = world.get(&format!("{inside}/{}", CHUNK.trim_start_matches("0/"))).await;
    assert_eq!(ended.expect_status(StatusCode::GONE).await["code"], "link-revoked");

    let path = format!("/api/v1/links/{}", link.id);
    let edit = json!({ "password": "another horse" });
    let edit = world.request(Method::PATCH, &path, Some(edit)).header("if-match", "*").send().await.expect("an answer");
    assert!(edit.expect_status(StatusCode::OK).await["enforced_by"].is_string());
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(world.get(&format!("{url}/{CHUNK}")).await.expect_status(StatusCode::UNAUTHORIZED).await["code"], "ticket-needed");

    let counted = world.link(FIRST, json!({ "sessions_max": 1 })).await;
    assert_eq!(world.get(&counted.at(CHUNK)).await.status(), StatusCode::UNAUTHORIZED);
    let ask = async || {
        let request = world.client.post(format!("{}/api/v1/passes", world.app_url)).json(&json!({ "url": counted.url }));
        request.send().await.expect("an answer")
    };
    let only = ask().await.expect_status(StatusCode::CREATED).await;
    let url = format!("{}/{CHUNK}", only["url"].as_str().expect("a URL"));
    let refused = ask().await;
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(refused.expect_status(StatusCode::TOO_MANY_REQUESTS).await["code"], "no-session-left");
    for _ in 0..5 {
        assert_eq!(world.get(&url).await.status(), StatusCode::FOUND, "passes are counted, never chunks");
    }
}

/// L11, SECURITY T32: coarse levels open, finer ones do not, and the metadata name those alone that open; in each layout of Zarr.
async fn a_preview_opens_coarse_levels(door: Door) {
    let world = World::fresh(door).await;
    let metadata = [("plain-v2.ome.zarr", ".zattrs", "0/0/0/0"), ("sharded-v3.ome.zarr", "zarr.json", "c/0/0/0/0")];
    for (image, document, chunk) in metadata {
        let link = world.link(image, json!({ "role": "preview", "level": 1 })).await;
        for level in ["1", "2"] {
            assert_eq!(world.get(&link.at(&format!("{level}/{chunk}"))).await.status(), StatusCode::FOUND, "{image} {level}");
        }
        for finer in [format!("0/{chunk}"), format!("3/{chunk}"), format!("x/1/{chunk}")] {
            for at in [link.at(&finer), link.streamed_at(&finer)] {
                assert_eq!(world.get(&at).await.expect_status(StatusCode::FORBIDDEN).await["code"], "coarse-only", "{image} {finer}");
            }
        }
        let shown = world.get(&link.at(document)).await.expect_status(StatusCode::OK).await;
        let ome = shown.pointer("/attributes/ome").unwrap_or(&shown);
        let paths: Vec<_> = ome["multiscales"][0]["datasets"].as_array().expect("datasets").iter().map(|one| one["path"].clone()).collect();
        assert_eq!(paths, ["1", "2"], "{image}");
        let head = world.client.head(link.at(document)).send().await.expect("an answer");
        assert_eq!(head.status(), StatusCode::OK);
        let whole = world.link(image, json!({ "label": "whole" })).await;
        assert_eq!(world.get(&whole.at(document)).await.status(), StatusCode::FOUND, "who may read it all gets it as it is stored");
        let ask = json!({ "dataset": world.dataset(image).await["id"], "role": "preview", "level": 3 });
        let refused = world.api(Method::POST, "/api/v1/links", Some(ask)).await;
        assert_eq!(refused.expect_status(StatusCode::UNPROCESSABLE_ENTITY).await["code"], "no-level");
    }
    let link = world.link(FIRST, json!({ "role": "preview", "level": 2 })).await;
    let all = world.get(&link.at(".zmetadata")).await.expect_status(StatusCode::OK).await;
    let files: Vec<_> = all["metadata"].as_object().expect("files").keys().cloned().collect();
    assert!(
        files.contains(&"2/.zarray".to_owned()) && !files.iter().any(|file| file.starts_with("0/") || file.starts_with("1/")),
        "{files:?}"
    );
}

/// A18: a person of a real OpenID provider gets an account with the first token, and the same one with the next.
#[tokio::test]
async fn a_person_of_a_provider_signs_in() {
    let provider = Oidc::start();
    let dir = tempfile::TempDir::new().expect("a folder");
    let issuer = provider.issuer("sign-in");
    let up = Up::start(&dir.path().join("state"), &["--oidc-issuer", &issuer, "--oidc-audience", AUDIENCE]);
    let app = up.ready["app_url"].as_str().expect("an address");
    let client = reqwest::Client::new();
    let sign_in = async |ask: Value| client.post(format!("{app}/api/v1/sign-in")).json(&ask).send().await.expect("an answer");
    let token = provider.token("sign-in", "RS256").await;
    let first = sign_in(json!({ "token": token })).await.expect_status(StatusCode::OK).await;
    assert_eq!((&first["user"]["administrator"], &first["session"]["token"]["kind"]), (&json!(false), &json!("session")));
    let again = sign_in(json!({ "token": provider.token("sign-in", "RS256").await })).await.expect_status(StatusCode::OK).await;
    assert_eq!(first["user"], again["user"], "a person is an issuer and a subject");
    let session = again["session"]["secret"].as_str().expect("a secret");
    let me = client.get(format!("{app}/api/v1/me")).bearer_auth(session).send().await.expect("an answer");
    assert_eq!(me.expect_status(StatusCode::OK).await["id"], first["user"]["id"]);
    let for_others = provider.token("sign-in", "ES256").await;
    let elsewhere = provider.token("elsewhere", "RS256").await;
    let tampered = token.replacen('.', ".e", 1);
    for wrong in [for_others, elsewhere, tampered, "x".repeat(2 << 20), String::new()] {
        let refused = sign_in(json!({ "token": wrong })).await;
        let status = refused.status();
        assert!(status == StatusCode::UNAUTHORIZED || status == StatusCode::PAYLOAD_TOO_LARGE, "{status}");
    }
    let both = sign_in(json!({ "token": token, "code": "x" })).await.expect_status(StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(both["code"], "sign-in-by");
    // And is a credential by itself, as long as it is short.
    let me = async |token: &str| client.get(format!("{app}/api/v1/me")).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(me(&token).await.expect_status(StatusCode::OK).await["token"]["kind"], "provider");
    let long = me(&format!("a.b.{}", "c".repeat(100_000))).await.status();
    assert!(long == StatusCode::UNAUTHORIZED || long == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{long}");
}

/// A person's browser: what it holds is one cookie.
struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Signs somebody new in, by the code and the form.
    async fn of(world: &'a World, name: &str) -> Self {
        let invited =
            world.api(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await.expect_status(StatusCode::CREATED).await;
        let code = invited["code"].as_str().expect("a code");
        let mut browser = Self { world, cookie: "x=y".to_owned() };
        let signed = browser.post("/sign-in", &format!("code={code}")).await;
        assert_eq!((signed.status(), signed.header("location")), (StatusCode::SEE_OTHER, format!("{}/", world.app_url)));
        let line = signed.header("set-cookie");
        // Without https there is no prefix; docs/adr/0018 says why.
        assert!(line.starts_with("offprint-session=offprint_") && line.contains("; HttpOnly; SameSite=Lax"), "{line}");
        browser.cookie = format!("x=y; {}", line.split(';').next().expect("a cookie"));
        browser
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.world.client.get(format!("{}{path}", self.world.app_url)).header("cookie", &self.cookie);
        request.header("referer", VIEWER).send().await.expect("an answer")
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        let request = self.world.client.post(format!("{}{path}", self.world.app_url)).header("cookie", &self.cookie);
        let request = request.header("origin", &self.world.app_url).header("sec-fetch-site", "same-origin");
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await.expect("an answer")
    }
}

/// What stands between two texts of a page, for the first time.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    page.split(before).nth(1).unwrap_or_else(|| panic!("no {before} in {page}")).split(after).next().expect("a text")
}

/// SECURITY T26; SEMANTICS 2.8: a page of one's own, a ticket by page, and the end of a session.
async fn a_browser_signs_in_makes_a_ticket_and_signs_out(door: Door) {
    let scene = Scene::new(door).await;
    let ada = Browser::of(&scene.world, "Ada Lovelace").await;
    let home = ada.get("/").await.text().await.expect("a page");
    assert!(home.contains("Hello, <bdi>Ada Lovelace</bdi>") && !home.contains(FIRST), "{home}");
    let path = format!("/datasets/{}/tickets/new", scene.dataset);
    assert_eq!(ada.get(&path).await.status(), StatusCode::NOT_FOUND);
    scene.give("user:Ada Lovelace", "view").await;
    assert!(ada.get("/").await.text().await.expect("a page").contains(FIRST));
    assert_eq!(ada.get(&path).await.status(), StatusCode::OK);
    let made = ada.post(&path, "minutes=60").await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let page = made.text().await.expect("a page");
    let url = between(&page, "value=\"", "\"");
    assert!(url.starts_with(&format!("{}/~", scene.world.data_url)), "{url}");
    assert_eq!(scene.world.get(&format!("{url}{CHUNK}")).await.status(), StatusCode::FOUND);
    assert_eq!(ada.post("/sign-out", "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(ada.get("/").await.header("location"), format!("{}/sign-in", scene.world.app_url));
    // The API never knew the cookie.
    assert_eq!(ada.get("/api/v1/me").await.status(), StatusCode::UNAUTHORIZED);
}

/// The page that a mail to `asked`, a connection that the owner asks for, leads to: the one of the mail that `offprint up` wrote, or of one that is kept
/// as `jobs` keeps it.
async fn mailed(world: &World, asked: &Value) -> String {
    if let Some(table) = world.table() {
        let person = |field: &str| UserId::parse(asked[field].as_str().expect("an id")).expect("an id");
        let (to, by) = (person("user"), person("by"));
        let there = table.pair(by, to).await.expect("the table answers").connection.expect("a connection");
        let question = Question { to, by, subject: Subject::Connection, mark: there.version.to_string(), until: there.until };
        let nonce = MailNonce::parse(&"a".repeat(32)).expect("a nonce");
        table.keep_question(nonce.hash(), &question).await.expect("it is kept");
        return format!("/mail/{}", nonce.reveal());
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        for file in fs::read_dir(world.dir.path().join("state/mails")).into_iter().flatten().flatten() {
            // A long line goes on in the next.
            let text = fs::read_to_string(file.path()).unwrap_or_default().replace("=\r\n", "");
            if let Some((_, nonce)) = text.split_once(&format!("{}/mail/", world.app_url)) {
                return format!("/mail/{}", nonce.chars().take(32).collect::<String>());
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no mail leads to a page");
}

/// ADR 0066; SECURITY T35: what a mail asks is answered by a POST of whom it was sent to, and by nothing and nobody else.
async fn what_a_mail_asks_is_answered_on_its_page(door: Door) {
    let world = World::fresh(door).await;
    let (bo, cy) = (Browser::of(&world, "Bo").await, Browser::of(&world, "Cy").await);
    let asked = world.api(Method::POST, "/api/v1/connections", Some(json!({ "to": "Bo" }))).await.expect_status(StatusCode::CREATED).await;
    let path = mailed(&world, &asked).await;
    let state = async || {
        let shown = world.api(Method::GET, "/api/v1/connections/Bo", None).await.expect_status(StatusCode::OK).await;
        shown["agreed"]["state"].as_str().expect("a state").to_owned()
    };
    // Whoever fetches it, a scanner, and somebody else, whatever he sends.
    let scanned = world.get(&format!("{}{path}", world.app_url)).await;
    assert_eq!((scanned.status(), scanned.header("location")), (StatusCode::SEE_OTHER, format!("{}/sign-in?next={path}", world.app_url)));
    assert_eq!(cy.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(cy.post(&path, "answer=accept").await.status(), StatusCode::NOT_FOUND);
    let redeem = json!({ "nonce": path.trim_start_matches("/mail/"), "answer": "accept" });
    assert_eq!(world.api(Method::POST, "/api/v1/mail/redeem", Some(redeem)).await.status(), StatusCode::NOT_FOUND);
    let shown = bo.get(&path).await;
    assert_eq!((shown.status(), shown.header("cache-control")), (StatusCode::OK, "no-store".to_owned()));
    assert!(shown.text().await.expect("a page").contains("asks to be connected with you"));
    assert_eq!(state().await, "pending");
    let answered = bo.post(&path, "answer=accept").await;
    assert!(answered.text().await.expect("a page").contains("<h1>Accepted</h1>"));
    assert_eq!(state().await, "accepted");
    assert_eq!(bo.post(&path, "answer=decline").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(state().await, "accepted");
}

/// SEMANTICS 2.9; CLIENTS 7: what a viewer is told, what it is given, and what that opens.
async fn a_viewer_that_a_person_lets_read_reads(door: Door) {
    let scene = Scene::new(door).await;
    let world = &scene.world;
    let told = world.get(&format!("{}/auth_info", world.data_url)).await;
    assert_eq!(told.header("access-control-allow-origin"), "*");
    assert_eq!(told.expect_status(StatusCode::OK).await, json!({ "login_url": world.app_url }));
    let ada = Browser::of(world, "Ada").await;
    let asked = ada.get("/api/v1/authorize").await;
    assert!(asked.text().await.expect("a page").contains("https://viewer.test"));
    let given = ada.post("/api/v1/authorize", "viewer=https%3A%2F%2Fviewer.test").await;
    assert!(given.header("content-security-policy").contains("script-src 'sha256-"));
    let page = given.text().await.expect("a page");
    let token = between(&page, "data-token=\"", "\"");
    assert_eq!(between(&page, "data-app-urls=\"", "\"").replace("&#34;", "\""), json!([world.data_url]).to_string());
    let read = async || status(scene.read(CHUNK).bearer_auth(token)).await;
    assert_eq!(read().await, 404, "it reads what Ada reads, and that is nothing yet");
    scene.give("user:Ada", "view").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(read().await, 302);
    for (method, path) in [(Method::GET, "/api/v1/audit"), (Method::POST, "/api/v1/tokens"), (Method::POST, "/api/v1/links")] {
        let request = world.client.request(method, format!("{}{path}", world.app_url)).bearer_auth(token);
        let refused = request.json(&json!({ "label": "x", "scopes": ["data"], "days": 1, "dataset": scene.dataset })).send().await;
        let refused = refused.expect("an answer").status().as_u16();
        assert!(matches!(refused, 400 | 403 | 422), "{path} {refused}");
    }
}

macro_rules! through_both_doors {
    ($($name:ident)*) => {
        mod http_door {
            $(#[tokio::test] async fn $name() { super::$name(super::Door::Http).await; })*
        }
        mod lambda_door {
            $(#[tokio::test] async fn $name() { super::$name(super::Door::Lambda).await; })*
        }
    };
}

through_both_doors! {
    a_dataset_is_read_by_name
    a_withdrawal_is_in_force_when_it_says
    what_rests_on_a_strict_dataset_stops_within_fifteen_seconds
    datasets_of_a_set_are_shared_together
    a_curators_mark_is_shown_while_a_dataset_is_open
    a_clone_opens_what_its_original_opens_to_whoever_reads
    a_clone_answers_as_its_original
    roles_groups_and_everybody
    a_ticket_needs_no_header
    a_link_lives_as_long_as_its_makers_right
    a_link_rests_on_its_makers_right
    a_restricted_part_is_left_out
    a_project_lets_its_members_read
    zones_hold_by_the_true_address
    the_policy_binds_at_use
    terms_are_accepted_before_the_first_byte
    what_two_open_is_open
    a_browser_signs_in_makes_a_ticket_and_signs_out
    a_viewer_that_a_person_lets_read_reads
    what_a_mail_asks_is_answered_on_its_page
    a_link_opens_as_its_options_say
    a_preview_opens_coarse_levels
    a_password_is_asked_for_and_a_pass_opens
}
