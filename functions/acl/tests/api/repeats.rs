//! What came twice: a request that is repeated, late, with its `Idempotency-Key` undoes no later word (SEMANTICS 5.13, 6).

use domain::dataset::Kind;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, TestApp},
};

/// A write that gives, the one that takes it back, and where it shows.
struct Word {
    method: &'static str,
    path: String,
    give: Value,
    take: (String, Value),
    shown: (String, &'static str),
}

async fn words(app: &TestApp) -> Vec<Word> {
    for name in ["Max", "Ben"] {
        app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
    }
    for kind in ["groups", "projects"] {
        app.post(&format!("/api/v1/{kind}"), &app.ada.token, json!({ "name": format!("the-{kind}") })).await.is(201);
    }
    let of = |path: &str| path.to_owned();
    let account = |give: Value, take: Value, shown| Word {
        method: "PATCH",
        path: of("/api/v1/users/Max"),
        give,
        take: (of("/api/v1/users/Max"), take),
        shown: (of("/api/v1/users/Max"), shown),
    };
    let members = |kind: &str, give: Value| Word {
        method: "POST",
        path: format!("/api/v1/{kind}/the-{kind}/members"),
        give,
        take: (format!("/api/v1/{kind}/the-{kind}/members/remove"), json!({ "users": ["Ben"] })),
        shown: (format!("/api/v1/{kind}/the-{kind}/members"), "/items"),
    };
    vec![
        account(json!({ "standing": "active" }), json!({ "standing": "suspended" }), "/standing"),
        account(json!({ "administrator": true }), json!({ "administrator": false }), "/administrator"),
        account(json!({ "auditor": true }), json!({ "auditor": false }), "/auditor"),
        Word {
            method: "PATCH",
            path: of("/api/v1/me"),
            give: json!({ "notices": "each" }),
            take: (of("/api/v1/me"), json!({ "notices": "none" })),
            shown: (of("/api/v1/me"), "/notices"),
        },
        Word {
            method: "POST",
            path: of("/api/v1/sources/demo/blocks"),
            give: json!({ "user": "Ben", "blocked": false }),
            take: (of("/api/v1/sources/demo/blocks"), json!({ "user": "Ben", "blocked": true })),
            shown: (of("/api/v1/sources/demo/blocks"), "/blocked"),
        },
        Word {
            method: "POST",
            path: of("/api/v1/serving"),
            give: json!({ "serving": true, "reason": "on" }),
            take: (of("/api/v1/serving"), json!({ "serving": false, "reason": "off" })),
            shown: (of("/api/v1/sources/demo"), "/serving"),
        },
        members("groups", json!({ "users": ["Ben"] })),
        members("projects", json!({ "users": ["Ben"], "role": "manager" })),
    ]
}

#[tokio::test]
async fn a_late_repeat_with_its_key_undoes_no_later_word() {
    let app = start().await;
    for (number, Word { method, path, give, take: (away, take), shown: (at, pointer) }) in words(&app).await.into_iter().enumerate() {
        let send = async |key: &str, path: &str, ask: &Value| -> Answer {
            app.send(method, path, &app.ada.token, &[("idempotency-key", key)], ask.to_string()).await
        };
        let shows = async || app.get(&at, &app.ada.token).await.is(200).json.pointer(pointer).cloned();
        let (first, second, third) = (format!("{number}-a"), format!("{number}-b"), format!("{number}-c"));
        // So it was, or becomes: either is remembered.
        send(&first, &path, &give).await.is(200);
        let given = shows().await.map(without_times);
        send(&second, &away, &take).await.is(200);
        let taken = shows().await;
        assert_ne!(given, taken.clone().map(without_times), "{path} {give}");
        send(&first, &path, &give).await.is(200);
        assert_eq!(shows().await, taken, "{path} {give}: the repeat of what was said before");
        send(&third, &path, &give).await.is(200);
        assert_eq!(shows().await.map(without_times), given, "{path} {give}: said anew");
        send(&second, &away, &take).await.is(200);
        assert_eq!(shows().await.map(without_times), given, "{away} {take}: the repeat of taking it");
        send(&first, &away, &take).await.refuses(422, "idempotency-mismatch", "");
        // As it was, for the words that follow.
        send(&format!("{number}-d"), &path, &give).await.is(200);
    }
}

/// Since when somebody is in it is another time when it is said anew.
fn without_times(mut shown: Value) -> Value {
    for member in shown.as_array_mut().into_iter().flatten() {
        if let Some(member) = member.as_object_mut() {
            member.remove("since");
        }
    }
    shown
}

/// A request by Ada, what undoes it, and what tells whether it holds.
type Met<'a> = (&'a str, String, Value, (String, Value), &'a dyn Fn(&Value) -> bool);

// SEMANTICS 6: a key is remembered, too, where what it asked for was so already.
#[tokio::test]
async fn the_late_copy_of_what_met_it_so_gives_nothing_again() {
    let app = start().await;
    let [one, two] = [("cells.zarr", 50), ("masks.zarr", 51)].map(|(path, id)| app.a_dataset(path, Kind::Zarr, id));
    let (one, two) = (one.await.id.to_string(), two.await.id.to_string());
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201);
    let set = app.post("/api/v1/link-sets", &app.ada.token, json!({ "datasets": [two] })).await.is(201).text("/id").to_owned();
    let (view, on_set) = (json!({ "to": "user:Eve", "role": "view" }), json!({ "to": "user:Eve", "role": "full" }));
    let grants = |dataset: &str| format!("/api/v1/datasets/{dataset}/grants");
    let withdraw = |dataset: &str| (format!("{}/withdraw", grants(dataset)), json!({ "to": "user:Eve" }));
    let is_active = |shown: &Value| shown["items"].as_array().unwrap().iter().any(|grant| grant["state"] == "active");
    let is_in = |shown: &Value| shown["project"].is_string();
    let has_one = |shown: &Value| shown["datasets"].as_array().unwrap().contains(&json!(one));
    let (placed, member) = (json!({ "dataset": one }), json!({ "datasets": [one] }));
    let in_set = format!("/api/v1/link-sets/{set}/datasets");
    let cases: Vec<Met<'_>> = vec![
        ("a grant", grants(&one), view, withdraw(&one), &is_active),
        ("one of a link set", grants(&two), on_set, withdraw(&two), &is_active),
        (
            "a place in a project",
            "/api/v1/projects/retina/datasets".into(),
            placed.clone(),
            ("/api/v1/projects/retina/datasets/remove".into(), placed),
            &is_in,
        ),
        ("a dataset in a link set", in_set.clone(), member.clone(), (format!("{in_set}/remove"), member), &has_one),
    ];
    for (number, (what, path, ask, (away, take), holds)) in cases.into_iter().enumerate() {
        let send =
            async |key: &str, ask: &Value| app.send("POST", &path, &app.ada.token, &[("idempotency-key", key)], ask.to_string()).await;
        let shown = match number {
            0 | 1 => path.clone(),
            2 => format!("/api/v1/datasets/{one}"),
            _ => format!("/api/v1/link-sets/{set}"),
        };
        let is_so = async || holds(&app.get(&shown, &app.ada.token).await.is(200).json);
        app.post(&path, &app.ada.token, ask.clone()).await;
        let key = format!("met-{number}");
        send(&key, &ask).await.is(200);
        assert!(is_so().await, "{what}");
        app.post(&away, &app.ada.token, take).await.is(200);
        send(&key, &ask).await.is(200);
        assert!(!is_so().await, "{what}: the late copy");
        let other = match number {
            0 | 1 => json!({ "to": "user:Eve", "role": "preview" }),
            2 => json!({ "dataset": two }),
            _ => json!({ "datasets": [two] }),
        };
        send(&key, &other).await.refuses(422, "idempotency-mismatch", "");
    }
}

// Who demotes himself, and who puts a dataset into a project and leaves, is answered again as before.
#[tokio::test]
async fn whoever_lost_the_right_by_a_request_is_told_again_what_it_did() {
    let app = start().await;
    let one = app.a_dataset("cells.zarr", Kind::Zarr, 50).await.id.to_string();
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201);
    app.post("/api/v1/projects/retina/members", &app.ada.token, json!({ "users": ["Eve"], "role": "manager" })).await.is(200);
    let name = app.ada.user.name.clone();
    let send = async |key: &str, path: &str, ask: Value| {
        app.send("POST", &format!("/api/v1/projects/retina/{path}"), &app.ada.token, &[("idempotency-key", key)], ask.to_string()).await
    };
    for _time in 0..2 {
        send("put", "datasets", json!({ "dataset": one })).await.is(200);
    }
    let steps = [("down", "members", json!({ "users": [name], "role": "member" })), ("out", "leave", json!({}))];
    for (key, path, ask) in steps {
        let first = send(key, path, ask.clone()).await.is(200).json;
        let again = send(key, path, ask).await.is(200).json;
        assert_eq!(again["changed"], first["changed"], "{key}");
    }
    let again = send("put", "datasets", json!({ "dataset": one })).await.is(200);
    assert_eq!(again.text("/dataset/id"), one);
}

// Who leaves a project and is taken in again does not leave it by the same request.
#[tokio::test]
async fn who_left_and_came_back_stays() {
    let app = start().await;
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "atlas" })).await.is(201);
    let take_in = json!({ "users": ["Eve"] });
    app.post("/api/v1/projects/atlas/members", &app.ada.token, take_in.clone()).await.is(200);
    let leave = async || app.send("POST", "/api/v1/projects/atlas/leave", &app.eve.token, &[("idempotency-key", "k")], "").await;
    let left = leave().await.is(200).json;
    assert_eq!((&left["changed"], left["enforced_by"].is_string()), (&json!(1), true));
    assert_eq!(leave().await.is(200).json["changed"], 1, "out of it, and told so");
    app.post("/api/v1/projects/atlas/members", &app.ada.token, take_in).await.is(200);
    leave().await.is(200);
    let members = app.get("/api/v1/projects/atlas/members", &app.eve.token).await.is(200);
    assert_eq!(members.json["items"].as_array().map(Vec::len), Some(2));
}

// ACCESS R5: anyone gives up his own. An owner does not, nor who is in by a directory's word.
#[tokio::test]
async fn who_is_in_a_group_leaves_it() {
    let app = start().await;
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    let leave =
        async |token: &str, key: &str| app.send("POST", "/api/v1/groups/imaging/leave", token, &[("idempotency-key", key)], "").await;
    leave(&app.eve.token, "a").await.refuses(404, "not-found", "");
    app.post("/api/v1/groups/imaging/members", &app.ada.token, json!({ "users": ["Eve"] })).await.is(200);
    leave(&app.ada.token, "a").await.refuses(409, "owner-stays", "");
    let reads = app.post("/api/v1/tokens", &app.eve.token, json!({ "label": "r", "scopes": ["read"], "days": 1 })).await.is(201);
    assert_eq!(leave(reads.text("/secret"), "b").await.refuses(403, "scope", "").json["scope"], "groups");
    let left = leave(&app.eve.token, "c").await.is(200).json;
    assert_eq!((&left["changed"], left["enforced_by"].is_string(), &left["group"]["name"]), (&json!(1), true, &json!("imaging")));
    app.get("/api/v1/groups/imaging", &app.eve.token).await.refuses(404, "not-found", "");
    assert_eq!(leave(&app.eve.token, "c").await.is(200).json["changed"], 1);
    app.post("/api/v1/groups/imaging/members", &app.ada.token, json!({ "users": ["Eve"] })).await.is(200);
    leave(&app.eve.token, "c").await.is(200);
    app.get("/api/v1/groups/imaging", &app.eve.token).await.is(200);
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "staff", "kind": "synced" })).await.is(201);
    app.post("/api/v1/groups/staff/sync", &app.ada.token, json!({ "order": 1, "add": ["Eve"] })).await.is(200);
    app.post("/api/v1/groups/staff/leave", &app.eve.token, json!({})).await.refuses(409, "group-kind", "");
}

// A request on many is remembered with the last of them, and tells how many it changed.
#[tokio::test]
async fn a_repeat_tells_how_many_the_first_changed() {
    let app = start().await;
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    let names: Vec<String> = (0..60).map(|number| format!("person-{number}")).collect();
    for name in &names {
        app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
    }
    let add = async || {
        let body = json!({ "users": names }).to_string();
        app.send("POST", "/api/v1/groups/imaging/members", &app.ada.token, &[("idempotency-key", "k")], body).await.is(200).json["changed"]
            .clone()
    };
    assert_eq!((add().await, add().await), (json!(60), json!(60)));
    app.post("/api/v1/groups/imaging/members/remove", &app.ada.token, json!({ "users": ["person-0", "person-59"] })).await.is(200);
    assert_eq!(add().await, json!(60));
    let members = app.get("/api/v1/groups/imaging/members?limit=100", &app.ada.token).await.is(200);
    assert_eq!(members.json["items"].as_array().map(Vec::len), Some(59), "their owner, and all but two");
}

// SEMANTICS 6: concurrent edits give 412, of an account as of everything else; whoever names no version means whichever is there.
#[tokio::test]
async fn an_edit_of_an_account_meets_the_version_that_it_names() {
    let app = start().await;
    let account = "/api/v1/users/Eve";
    let etag = async || app.get(account, &app.ada.token).await.is(200).headers["etag"].to_str().unwrap().to_owned();
    let edit = async |headers: &[(&str, &str)], ask: Value| app.send("PATCH", account, &app.ada.token, headers, ask.to_string()).await;
    let first = etag().await;
    let audits = edit(&[("if-match", &first), ("idempotency-key", "a")], json!({ "auditor": true })).await.is(200);
    let second = etag().await;
    assert_eq!((audits.headers["etag"].to_str().unwrap(), second != first), (second.as_str(), true));
    let stale = edit(&[("if-match", &first)], json!({ "standing": "suspended" })).await.refuses(412, "stale", "");
    assert_eq!(format!("\"{}\"", stale.json["version"]), second);
    edit(&[("if-match", "second")], json!({ "auditor": false })).await.refuses(400, "if-match", "");
    edit(&[("if-match", &first), ("idempotency-key", "a")], json!({ "auditor": true })).await.is(200);
    assert_eq!(etag().await, second, "the repeat is answered, and does nothing");
    edit(&[("if-match", "*")], json!({ "auditor": true })).await.is(200);
    assert_eq!(etag().await, second, "nothing changed");
    edit(&[], json!({ "auditor": false })).await.is(200);
    assert_ne!(etag().await, second);
    app.get("/api/v1/users/Nobody", &app.ada.token).await.refuses(404, "not-found", "");
}
