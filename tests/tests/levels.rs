//! Coarse levels, through both doors: who may read from a level on reads that and nothing finer, by a grant as by a link, and in a plate.

use std::{path::Path, process::Command, time::Duration};

use http::StatusCode;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tests::world::{Door, Expect, World};

/// The demo's images: a metadata document that names levels, and a chunk in the folder of each level.
const IMAGES: [(&str, &str, &str); 3] = [
    ("plain-v2.ome.zarr", ".zattrs", "0/0/0/0"),
    ("exp #3/50% +é.ome.zarr", "zarr.json", "c/0/0/0/0"),
    ("sharded-v3.ome.zarr", "zarr.json", "c/0/0/0/0"),
];

/// A new account, and its session.
async fn person(world: &World, name: &str) -> String {
    let invited = world.api(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await.expect_status(StatusCode::CREATED).await;
    let sign_in = world.client.post(format!("{}/api/v1/sign-in", world.app_url)).json(&json!({ "code": invited["code"] }));
    let signed = sign_in.send().await.expect("an answer").expect_status(StatusCode::OK).await;
    signed["session"]["secret"].as_str().expect("a secret").to_owned()
}

/// A dataset, by its id and its name.
struct Image<'w> {
    world: &'w World,
    id: String,
    name: String,
}

impl<'w> Image<'w> {
    async fn of(world: &'w World, path: &str) -> Self {
        let id = world.dataset(path).await["id"].as_str().expect("an id").to_owned();
        Self { world, id, name: path.rsplit('/').next().unwrap_or(path).to_owned() }
    }

    async fn api(&self, method: Method, below: &str, ask: Value) -> Response {
        self.world.api(method, &format!("/api/v1/datasets/{}{below}", self.id), Some(ask)).await
    }

    async fn give(&self, ask: Value) -> Value {
        let answer = self.api(Method::POST, "/grants", ask).await;
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("a grant")
    }

    /// Has its levels read again, whatever version it has.
    async fn read_levels(&self) -> Response {
        let path = format!("/api/v1/datasets/{}/levels", self.id);
        self.world.request(Method::POST, &path, None).header("if-match", "*").send().await.expect("an answer")
    }

    async fn read(&self, token: &str, path: &str) -> Response {
        let url = format!("{}/{}/{}/{}", self.world.data_url, self.id, encoded(&self.name), encoded(path));
        self.world.client.get(url).bearer_auth(token).send().await.expect("an answer")
    }

    /// A ticket of this person's: the address that it opens by.
    async fn ticket(&self, session: &str) -> String {
        let ask = self.world.client.post(format!("{}/api/v1/datasets/{}/tickets", self.world.app_url, self.id));
        let ticket = ask.bearer_auth(session).json(&json!({ "minutes": 10 })).send().await.expect("an answer");
        ticket.expect_status(StatusCode::CREATED).await["url"].as_str().expect("a URL").trim_end_matches('/').to_owned()
    }
}

fn encoded(path: &str) -> String {
    domain::path::encode_key(path).to_string()
}

async fn code(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json::<Value>().await.map_or(Value::Null, |problem| problem["code"].clone()))
}

fn refused() -> (u16, Value) {
    (403, json!("coarse-only"))
}

/// The paths of the levels that a metadata document names.
fn named(document: &Value) -> Vec<Value> {
    let ome = document.pointer("/attributes/ome").unwrap_or(document);
    ome["multiscales"][0]["datasets"].as_array().expect("datasets").iter().map(|one| one["path"].clone()).collect()
}

/// L11, SECURITY T32, by name: in each layout of Zarr, by session, API token and ticket; and who has more is not bound by it.
async fn a_preview_by_name_opens_coarse_levels(door: Door) {
    let world = World::fresh(door).await;
    let (eve, mal) = (person(&world, "Eve").await, person(&world, "Mal").await);
    for (path, document, chunk) in IMAGES {
        let image = Image::of(&world, path).await;
        for (ask, want) in [
            (json!({ "to": "user:Eve", "role": "preview", "level": 3 }), "no-level"),
            (json!({ "to": "user:Eve", "role": "preview", "level": 0 }), "level"),
            (json!({ "to": "user:Eve", "role": "view", "level": 1 }), "level"),
            (json!({ "to": "user:Eve", "role": "preview", "level": 1, "may_share": true }), "share-preview"),
        ] {
            assert_eq!(code(image.api(Method::POST, "/grants", ask).await).await, (422, json!(want)));
        }
        let given = image.give(json!({ "to": "user:Eve", "role": "preview", "level": 1 })).await;
        assert_eq!(given["level"], 1);
        image.give(json!({ "to": "user:Mal", "role": "view" })).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let ask = json!({ "label": "data", "scopes": ["data"], "days": 1 });
        let made = world.client.post(format!("{}/api/v1/tokens", world.app_url)).bearer_auth(&eve).json(&ask);
        let made = made.send().await.expect("an answer").expect_status(StatusCode::CREATED).await;
        for token in [&eve, made["secret"].as_str().expect("a secret")] {
            for level in ["1", "2"] {
                assert_eq!(image.read(token, &format!("{level}/{chunk}")).await.status(), StatusCode::FOUND, "{path} {level}");
            }
            for finer in [format!("0/{chunk}"), format!("3/{chunk}"), format!("x/1/{chunk}")] {
                assert_eq!(code(image.read(token, &finer).await).await, refused(), "{path} {finer}");
            }
            let shown = image.read(token, document).await.expect_status(StatusCode::OK).await;
            assert_eq!(named(&shown), ["1", "2"], "{path}");
        }
        let ticket = image.ticket(&eve).await;
        assert_eq!(world.get(&format!("{ticket}/1/{chunk}")).await.status(), StatusCode::FOUND);
        assert_eq!(code(world.get(&format!("{ticket}/0/{chunk}")).await).await, refused());
        read_by_zarr_python(&ticket, &world.demo.join(path));
        assert_eq!(image.read(&mal, &format!("0/{chunk}")).await.status(), StatusCode::FOUND, "a view is every level");
        assert_eq!(image.read(&mal, document).await.status(), StatusCode::FOUND, "and metadata as they are stored");
    }
}

/// ACCESS 4: of several ways the finest level counts; what is said of it is what is done, and a coarser one is in force when it says.
async fn levels_of_several_grants_add_up(door: Door) {
    let world = World::fresh(door).await;
    let eve = person(&world, "Eve").await;
    let (path, document, chunk) = IMAGES[0];
    let image = Image::of(&world, path).await;
    world.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "lab" }))).await.expect_status(StatusCode::CREATED).await;
    let members = world.api(Method::POST, "/api/v1/groups/lab/members", Some(json!({ "users": ["Eve"] }))).await;
    members.expect_status(StatusCode::OK).await;
    // On the folder above, which has no image of its own.
    let root = Image::of(&world, "").await;
    root.give(json!({ "to": "group:lab", "role": "preview", "level": 2 })).await;
    let level = async |at: u8| image.read(&eve, &format!("{at}/{chunk}")).await.status().as_u16();
    assert_eq!([level(2).await, level(1).await], [302, 403]);
    image.give(json!({ "to": "user:Eve", "role": "preview", "level": 1 })).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!([level(2).await, level(1).await, level(0).await], [302, 302, 403]);
    let check = json!({ "dataset": image.id, "user": "Eve", "action": "read", "path": format!("1/{chunk}") });
    let said = world.api(Method::POST, "/api/v1/check", Some(check)).await.expect_status(StatusCode::OK).await;
    assert_eq!((&said["allowed"], &said["level"]), (&json!(true), &json!(1)), "{said}");
    let levels: Vec<_> = said["ways"].as_array().expect("ways").iter().map(|way| way["level"].clone()).collect();
    assert!(levels.len() == 2 && levels.contains(&json!(1)) && levels.contains(&json!(2)), "{said}");
    let sharing = world.api(Method::GET, &format!("/api/v1/datasets/{}/sharing", image.id), None).await;
    let sharing = sharing.expect_status(StatusCode::OK).await;
    let levels: Vec<_> = sharing["grants"].as_array().expect("grants").iter().map(|grant| grant["level"].clone()).collect();
    assert!(levels.contains(&json!(1)) && levels.contains(&json!(2)), "{sharing}");

    let gone = image.api(Method::POST, "/grants/withdraw", json!({ "to": "user:Eve" })).await.expect_status(StatusCode::OK).await;
    assert_eq!((gone["remains"].as_array().expect("ways").len(), &gone["remains"][0]["level"]), (1, &json!(2)), "{gone}");
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!([level(2).await, level(1).await], [302, 403]);
    assert_eq!(named(&image.read(&eve, document).await.expect_status(StatusCode::OK).await), ["2"]);
}

/// Writes a small plate of 2 x 3 wells with 2 images each, one label image in them, and a chunk for each array; in either version of OME-Zarr.
fn write_plate(at: &Path, v3: bool) {
    let put = |path: &str, document: Value| {
        let file = at.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, document.to_string()).expect("a file");
    };
    let group = |path: &str, ome: Value| {
        if v3 {
            let attributes = json!({ "ome": ome });
            put(&format!("{path}zarr.json"), json!({ "zarr_format": 3, "node_type": "group", "attributes": attributes }));
        } else {
            put(&format!("{path}.zgroup"), json!({ "zarr_format": 2 }));
            put(&format!("{path}.zattrs"), ome);
        }
    };
    let scaled =
        |path: &str, scale: f64| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": [scale, scale] }] });
    let image = json!({ "multiscales": [{ "axes": [], "datasets": [scaled("0", 1.0), scaled("1", 2.0)] }] });
    let wells: Vec<_> = ["A", "B"].iter().flat_map(|row| (1..=3).map(move |column| format!("{row}/{column}"))).collect();
    group("", json!({ "plate": { "wells": wells.iter().map(|well| json!({ "path": well })).collect::<Vec<_>>() } }));
    for well in &wells {
        group(&format!("{well}/"), json!({ "well": { "images": [{ "path": "0" }, { "path": "1" }] } }));
        for field in ["0", "1"] {
            let base = format!("{well}/{field}/");
            group(&base, image.clone());
            group(&format!("{base}labels/"), json!({ "labels": ["cells"] }));
            group(&format!("{base}labels/cells/"), image.clone());
            for array in ["0", "1", "labels/cells/0", "labels/cells/1"] {
                put(&format!("{base}{array}/{}", CHUNK_OF[usize::from(v3)]), json!(array));
            }
        }
    }
}

/// A chunk in its array, of Zarr version 2 and 3.
const CHUNK_OF: [&str; 2] = ["0/0", "c/0/0"];

/// SECURITY T32, in a plate: every alias, label and well; and a well, an image of it, and the link's and the named way alike.
async fn a_plate_is_previewed_by_the_levels_of_its_images(door: Door) {
    let world = World::fresh(door).await;
    let eve = person(&world, "Eve").await;
    for (v3, name) in [(false, "plate-v2.ome.zarr"), (true, "plate-v3.ome.zarr")] {
        write_plate(&world.demo.join(name), v3);
        let (chunk, document) = (CHUNK_OF[usize::from(v3)], if v3 { "zarr.json" } else { ".zattrs" });
        let image = Image::of(&world, name).await;
        let read = image.read_levels().await.expect_status(StatusCode::OK).await;
        let found: Vec<_> =
            read["levels"].as_array().expect("levels").iter().map(|one| format!("{} {}", one["level"], one["path"])).collect();
        let want = ["0 \"*/*/*/0/\"", "0 \"*/*/*/labels/cells/0/\"", "1 \"*/*/*/1/\"", "1 \"*/*/*/labels/cells/1/\""];
        assert_eq!((found, &read["dataset"]["levels"]), (want.map(str::to_owned).to_vec(), &json!([0, 1])), "{name}");
        assert!(read.get("enforced_by").is_none(), "registering had found the same: {read}");
        image.give(json!({ "to": "user:Eve", "role": "preview", "level": 1 })).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let link = world.link(name, json!({ "role": "preview", "level": 1 })).await;
        for at in ["A/1/0", "A/2/1", "B/3/1", "A/1/0/labels/cells"] {
            let (coarse, fine) = (format!("{at}/1/{chunk}"), format!("{at}/0/{chunk}"));
            assert_eq!(image.read(&eve, &coarse).await.status(), StatusCode::FOUND, "{name} {coarse}");
            assert_eq!(world.get(&link.at(&coarse)).await.status(), StatusCode::FOUND, "{name} {coarse}");
            assert_eq!(code(image.read(&eve, &fine).await).await, refused(), "{name} {fine}");
            assert_eq!(code(world.get(&link.at(&fine)).await).await, refused(), "{name} {fine}");
            let shown = image.read(&eve, &format!("{at}/{document}")).await.expect_status(StatusCode::OK).await;
            assert_eq!(named(&shown), ["1"], "{name} {at}");
        }
        for alias in [format!("A/1/1/{chunk}"), format!("x/A/1/0/1/{chunk}"), format!("A/1/0/2/{chunk}"), format!("A/1/0/10/{chunk}")] {
            assert_eq!(code(image.read(&eve, &alias).await).await, refused(), "{name} {alias}");
        }
        // A well, and an image of it, as datasets of their own.
        for (below, at) in [("B/2", format!("1/1/{chunk}")), ("B/1/0", format!("1/{chunk}"))] {
            let link = world.link(&format!("{name}/{below}"), json!({ "role": "preview", "level": 1 })).await;
            assert_eq!(world.get(&link.at(&at)).await.status(), StatusCode::FOUND, "{name} {below}");
            let fine = format!("{}0/{chunk}", at.trim_end_matches(&format!("1/{chunk}")));
            assert_eq!(code(world.get(&link.at(&fine)).await).await, refused(), "{name} {below}");
        }
    }
}

/// Data that changed: the map is what it was until somebody who administers has it read again; then what opens is what metadata say.
async fn levels_are_read_again_when_asked(door: Door) {
    let world = World::fresh(door).await;
    let eve = person(&world, "Eve").await;
    let (path, document, chunk) = IMAGES[2];
    let file = world.demo.join(path).join(document);
    let stored = std::fs::read_to_string(&file).expect("a file");
    // As if it had been registered before it was an image.
    std::fs::write(&file, json!({ "zarr_format": 3, "node_type": "group", "attributes": {} }).to_string()).expect("a file");
    let image = Image::of(&world, path).await;
    let give = || image.api(Method::POST, "/grants", json!({ "to": "user:Eve", "role": "preview", "level": 2 }));
    assert_eq!(code(give().await).await, (422, json!("no-level")));
    let read = image.read_levels().await.expect_status(StatusCode::OK).await;
    assert_eq!((&read["levels"], read["dataset"].get("levels")), (&json!([]), None));
    std::fs::write(&file, &stored).expect("a file");
    // Who may not administer has nothing read, and no other version is written over.
    image.give(json!({ "to": "user:Eve", "role": "view" })).await;
    let url = format!("{}/api/v1/datasets/{}/levels", world.app_url, image.id);
    let by_eve = world.client.post(&url).bearer_auth(&eve).header("if-match", "*").send().await.expect("an answer");
    assert_eq!(by_eve.status(), StatusCode::FORBIDDEN);
    let blind = world.api(Method::POST, &format!("/api/v1/datasets/{}/levels", image.id), None).await;
    assert_eq!(code(blind).await, (428, json!("if-match")));
    let stale = world.request(Method::POST, &format!("/api/v1/datasets/{}/levels", image.id), None).header("if-match", "\"1\"");
    assert_eq!(code(stale.send().await.expect("an answer")).await, (412, json!("stale")));

    let read = image.read_levels().await.expect_status(StatusCode::OK).await;
    assert_eq!(read["levels"], json!([{ "level": 0, "path": "0/" }, { "level": 1, "path": "1/" }, { "level": 2, "path": "2/" }]));
    assert!(read.get("enforced_by").is_none(), "nothing was known before: {read}");
    let again = image.read_levels().await.expect_status(StatusCode::OK).await;
    assert_eq!(again, read, "the same again is no change");
    let ask = json!({ "to": "user:Eve", "role": "preview", "level": 2 });
    let change = world.request(Method::POST, &format!("/api/v1/datasets/{}/grants", image.id), Some(ask)).header("if-match", "*");
    change.send().await.expect("an answer").expect_status(StatusCode::OK).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    let status = async |level: u8| image.read(&eve, &format!("{level}/{chunk}")).await.status().as_u16();
    assert_eq!([status(2).await, status(1).await, status(0).await], [302, 403, 403]);

    // Metadata that turn the pyramid round make no map: from when the answer says, nothing opens.
    let mut turned: Value = serde_json::from_str(&stored).expect("JSON");
    let datasets = turned.pointer_mut("/attributes/ome/multiscales/0/datasets").and_then(Value::as_array_mut);
    datasets.expect("datasets").reverse();
    std::fs::write(&file, turned.to_string()).expect("a file");
    assert_eq!(status(2).await, 302, "until it is read, the map is what it was");
    let read = image.read_levels().await.expect_status(StatusCode::OK).await;
    assert!(read["enforced_by"].is_string(), "{read}");
    let audit = world.api(Method::GET, &format!("/api/v1/audit?target={}", image.id), None).await.expect_status(StatusCode::OK).await;
    let verbs: Vec<_> = audit["items"].as_array().expect("items").iter().filter(|entry| entry["verb"] == "dataset.levels").collect();
    assert_eq!(verbs.len(), 2, "what changed nothing is no entry: {audit}");
}

/// Reads what a ticket opens with zarr-python, and compares with the files. A chunk that is refused must not read as a missing one does.
fn read_by_zarr_python(url: &str, files: &Path) {
    const PROGRAM: &str = r#"
import sys, numpy, zarr
url, files = sys.argv[1:3]
ours, files = zarr.open_group(url, mode="r"), zarr.open_group(files, mode="r")
levels = [one["path"] for one in (ours.attrs.get("ome") or ours.attrs)["multiscales"][0]["datasets"]]
assert levels == ["1", "2"], levels
for level in levels:
    assert numpy.array_equal(ours[level][...], files[level][...]), level
try:
    zarr.open_array(f"{url}/0", mode="r")[...]
except Exception as why:
    assert "403" in str(why), why
else:
    raise AssertionError("the finest level was read")
print("equal")
"#;
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/clients/bin/python");
    let run = Command::new(&python).args(["-c", PROGRAM, url]).arg(files).output();
    let output = run.unwrap_or_else(|why| panic!("{}: {why}: run tests/services/setup.sh first", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "equal");
}

macro_rules! through_both_doors {
    ($($name:ident)*) => {
        mod http_door {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Door::Http).await; })*
        }
        mod lambda_door {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Door::Lambda).await; })*
        }
    };
}

through_both_doors! {
    a_preview_by_name_opens_coarse_levels
    levels_of_several_grants_add_up
    a_plate_is_previewed_by_the_levels_of_its_images
    levels_are_read_again_when_asked
}
