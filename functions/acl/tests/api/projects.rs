//! Projects: who is in them and what is, what that gives, and what a change would do.

use domain::{dataset::Kind, token::Scope};
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, Person, TestApp},
};

/// Ada's project `retina`, of herself alone.
async fn retina(app: &TestApp) -> Value {
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201).json
}

/// A person by this name, whose token is for everything.
pub(crate) async fn somebody(app: &TestApp, name: &str) -> Person {
    let invited = app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
    let signed = app.post("/api/v1/sign-in", "", json!({ "code": invited.text("/code") })).await.is(200);
    Person { user: app.eve.user.clone(), token: signed.text("/session/secret").to_owned() }
}

async fn take_in(app: &TestApp, by: &Person, who: &str, role: &str) -> Answer {
    app.post("/api/v1/projects/retina/members", &by.token, json!({ "users": [who], "role": role })).await
}

async fn put(app: &TestApp, by: &Person, dataset: &str) -> Answer {
    app.post("/api/v1/projects/retina/datasets", &by.token, json!({ "dataset": dataset })).await
}

async fn take(app: &TestApp, by: &Person, dataset: &str) -> Answer {
    app.post("/api/v1/projects/retina/datasets/remove", &by.token, json!({ "dataset": dataset })).await
}

async fn policy(app: &TestApp, by: &Person, policy: Value) -> Answer {
    app.send("PATCH", "/api/v1/projects/retina", &by.token, &[("if-match", "*")], json!({ "policy": policy }).to_string()).await
}

async fn rights(app: &TestApp, dataset: &str, who: &Person) -> Vec<String> {
    let answer = app.get(&format!("/api/v1/datasets/{dataset}"), &who.token).await;
    let words = answer.json["rights"].as_array().cloned().unwrap_or_default();
    words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Each person with the rights that an effect names, and on how many datasets.
fn told(effects: &Value, which: &str) -> Vec<(String, String, u64)> {
    let words = |rights: &Value| rights.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ");
    let one =
        |effect: &Value| (effect["name"].as_str().unwrap().to_owned(), words(&effect["rights"]), effect["datasets"].as_u64().unwrap());
    effects["effects"][which].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn a_project_is_made_listed_shown_and_changed() {
    let app = start().await;
    let made = retina(&app).await;
    assert_eq!(
        (&made["policy"], &made["role"], &made["managers"], &made["state"]),
        (&json!({ "view": "view", "figures": false, "clone": "none" }), &json!("manager"), &json!(1), &json!("active"))
    );
    app.post("/api/v1/projects", &app.eve.token, json!({ "name": "retina" })).await.refuses(409, "exists", "");
    for (ask, code, pointer) in [
        (json!({ "name": "Retina" }), "name", "/name"),
        (json!({ "name": made["id"] }), "name", "/name"),
        (json!({ "name": "x", "policy": { "view": "manager" } }), "policy", "/policy/view"),
        (json!({ "name": "x", "policy": { "view": "all" } }), "policy", "/policy/view"),
        (json!({ "name": "x", "policy": { "clone": "some" } }), "policy", "/policy/clone"),
        (json!({ "name": "x", "policy": { "view": "preview", "clone": "files" } }), "policy", "/policy/clone"),
    ] {
        app.post("/api/v1/projects", &app.eve.token, ask).await.refuses(422, code, pointer);
    }
    for id in ["retina", made["id"].as_str().unwrap()] {
        assert_eq!(app.get(&format!("/api/v1/projects/{id}"), &app.ada.token).await.is(200).json, made);
    }
    assert_eq!(app.get("/api/v1/projects", &app.ada.token).await.is(200).json["items"], json!([made]));
    let path = "/api/v1/projects/retina";
    app.send("PATCH", path, &app.ada.token, &[], "{}").await.refuses(428, "if-match", "");
    app.patch(path, &app.ada.token, 7, json!({ "name": "eye" })).await.refuses(412, "stale", "");
    app.patch(path, &app.ada.token, 1, json!({ "state": "gone" })).await.refuses(422, "project-state", "/state");
    app.patch(path, &app.ada.token, 1, json!({ "policy": { "view": null } })).await.refuses(400, "body", "/policy/view");
    let headers = [("if-match", "\"1\""), ("idempotency-key", "once")];
    let edit = json!({ "name": "eye", "policy": { "view": "download", "clone": "files" } }).to_string();
    let first = app.send("PATCH", path, &app.ada.token, &headers, edit.clone()).await.is(200);
    assert_eq!((first.text("/name"), first.text("/policy/view"), first.json.get("enforced_by")), ("eye", "download", None));
    assert_eq!(app.send("PATCH", path, &app.ada.token, &headers, edit).await.is(200).json["version"], 2, "by the name that it had, too");
    let narrowed = app.patch("/api/v1/projects/eye", &app.ada.token, 2, json!({ "policy": { "clone": "none" } })).await.is(200);
    assert!(!narrowed.text("/enforced_by").is_empty());
    app.post("/api/v1/projects", &app.eve.token, json!({ "name": "retina" })).await.refuses(409, "exists", "");
    let reads = app.token_for(&app.ada.user, &[Scope::Read], 57).await;
    assert_eq!(app.post("/api/v1/projects", &reads, json!({ "name": "y" })).await.refuses(403, "scope", "").json["scope"], "groups");
    assert_eq!(app.post("/api/v1/projects/eye/leave", &reads, json!({})).await.refuses(403, "scope", "").json["scope"], "groups");
}

// ACCESS R7
#[tokio::test]
async fn members_come_and_go_and_one_manages_always() {
    let app = start().await;
    retina(&app).await;
    app.get("/api/v1/projects/retina", &app.eve.token).await.refuses(404, "not-found", "");
    take_in(&app, &app.ada, "Eve", "boss").await.refuses(422, "project-role", "/role");
    take_in(&app, &app.ada, "Nobody", "member").await.refuses(422, "no-such-user", "/users");
    let added = take_in(&app, &app.ada, "Eve", "leader").await.is(200);
    assert_eq!((&added.json["changed"], added.json.get("enforced_by")), (&json!(1), None));
    assert_eq!(take_in(&app, &app.ada, "Eve", "leader").await.is(200).json["changed"], 0);
    assert_eq!(app.get("/api/v1/projects/retina", &app.eve.token).await.is(200).text("/role"), "leader");
    let listed = app.get("/api/v1/projects/retina/members", &app.eve.token).await.is(200);
    let mut people: Vec<_> = listed.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["name"].as_str().unwrap(), part["role"].as_str().unwrap()))
        .collect();
    people.sort_unstable();
    assert_eq!(people, [("Ada", "manager"), ("Eve", "leader")]);
    // A leader is a member with a label, and changes nothing.
    take_in(&app, &app.eve, "Eve", "manager").await.refuses(403, "not-project-manager", "");
    policy(&app, &app.eve, json!({ "view": "full" })).await.refuses(403, "not-project-manager", "");
    let out = json!({ "users": ["Ada"] });
    app.post("/api/v1/projects/retina/members/remove", &app.eve.token, out.clone()).await.refuses(403, "not-project-manager", "");
    app.post("/api/v1/projects/retina/members/remove", &app.ada.token, out.clone()).await.refuses(409, "last-manager", "");
    app.post("/api/v1/projects/retina/members/remove?dry_run=true", &app.ada.token, out).await.refuses(409, "last-manager", "");
    take_in(&app, &app.ada, "Ada", "member").await.refuses(409, "last-manager", "");
    app.post("/api/v1/projects/retina/leave", &app.ada.token, json!({})).await.refuses(409, "last-manager", "");
    take_in(&app, &app.ada, "Eve", "manager").await.is(200);
    assert_eq!(app.get("/api/v1/projects/retina", &app.eve.token).await.is(200).json["managers"], 2);
    let left = app.post("/api/v1/projects/retina/leave", &app.ada.token, json!({})).await.is(200);
    assert!(!left.text("/enforced_by").is_empty());
    app.get("/api/v1/projects/retina", &app.ada.token).await.refuses(404, "not-found", "");
    app.post("/api/v1/projects/retina/leave", &app.ada.token, json!({})).await.refuses(404, "not-found", "");
    assert_eq!(app.get("/api/v1/projects", &app.ada.token).await.is(200).json["items"], json!([]));
}

#[tokio::test]
async fn a_project_is_a_way_to_its_datasets_and_named_as_one() {
    let app = start().await;
    let id = retina(&app).await["id"].as_str().unwrap().to_owned();
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    take_in(&app, &app.ada, "Eve", "member").await.is(200);
    assert_eq!(rights(&app, &dataset, &app.eve).await, [] as [&str; 0]);
    let placed = put(&app, &app.ada, &dataset).await.is(200);
    assert_eq!((placed.text("/dataset/project"), placed.text("/dataset/visibility")), (id.as_str(), "project"));
    assert_eq!(placed.json.get("enforced_by"), None);
    assert_eq!(put(&app, &app.ada, &dataset).await.is(200).json, placed.json);
    assert_eq!(rights(&app, &dataset, &app.eve).await, ["discover", "meta", "coarse", "list", "read"]);
    for (path, who) in [("/api/v1/projects/retina/datasets", &app.eve), ("/api/v1/me/shared", &app.eve)] {
        assert_eq!(app.get(path, &who.token).await.is(200).json["items"][0]["id"], dataset, "{path}");
    }
    let check = json!({ "dataset": dataset, "action": "read", "user": "Eve" });
    let checked = app.post("/api/v1/check", &app.ada.token, check).await.is(200);
    assert_eq!((&checked.json["allowed"], checked.text("/ways/0/by")), (&json!(true), format!("project:{id}").as_str()));
    let sharing = app.get(&format!("/api/v1/datasets/{dataset}/sharing"), &app.ada.token).await.is(200);
    assert_eq!((sharing.text("/projects/0/name"), &sharing.json["projects"][0]["counts"]), ("retina", &json!(true)));

    // A grant to its members adds to the policy, and is another thing than being in it.
    let grants = format!("/api/v1/datasets/{dataset}/grants");
    app.post(&grants, &app.ada.token, json!({ "to": "project:none", "role": "view" })).await.refuses(422, "no-such-project", "/to");
    let given = app.post(&grants, &app.ada.token, json!({ "to": "project:retina", "role": "download" })).await.is(201);
    assert_eq!((given.text("/to"), given.text("/name")), (format!("project:{id}").as_str(), "retina"));
    assert_eq!(rights(&app, &dataset, &app.eve).await.last().map(String::as_str), Some("clone-files"));
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "project:retina" })).await.is(200);
    assert_eq!(rights(&app, &dataset, &app.eve).await, ["discover", "meta", "coarse", "list", "read"]);
    app.post(&grants, &app.ada.token, json!({ "to": "user:Eve", "role": "full" })).await.is(201);
    let taken = app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    assert_eq!(taken.text("/remains/0/by"), format!("project:{id}"), "still through the project");

    let out = take(&app, &app.ada, &dataset).await.is(200);
    assert_eq!((out.json["dataset"].get("project"), out.text("/dataset/visibility")), (None, "private"));
    assert!(!out.text("/enforced_by").is_empty());
    take(&app, &app.ada, &dataset).await.refuses(404, "no-such-place", "");
    assert_eq!(rights(&app, &dataset, &app.eve).await, [] as [&str; 0]);
    assert_eq!(app.get("/api/v1/projects/retina/datasets", &app.ada.token).await.is(200).json["items"], json!([]));
    app.patch("/api/v1/projects/retina", &app.ada.token, 1, json!({ "state": "retired" })).await.is(200);
    put(&app, &app.ada, &dataset).await.refuses(409, "project-retired", "");
}

// ACCESS 9, ADR 0053: nobody gets anything by a project that is over
#[tokio::test]
async fn a_retired_project_is_nobodys_audience() {
    let app = start().await;
    retina(&app).await;
    let folder = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    let inside = json!({ "source": "demo", "path": "fused.ome.zarr/0" });
    app.post("/api/v1/datasets", &app.ada.token, inside).await.is(201);
    put(&app, &app.ada, &folder).await.is(200);
    // By itself and by what lies above, in lists and shown alone.
    let audiences = async || {
        let listed = app.get("/api/v1/datasets", &app.ada.token).await.is(200);
        let mut all: Vec<String> = Vec::new();
        for item in listed.json["items"].as_array().unwrap() {
            let shown = app.get(&format!("/api/v1/datasets/{}", item["id"].as_str().unwrap()), &app.ada.token).await.is(200);
            assert_eq!(item["audience"], shown.json["audience"], "{item}");
            all.extend(
                item["path"].as_str().filter(|path| path.starts_with("fused")).map(|_| item["audience"].as_str().unwrap().to_owned()),
            );
        }
        all
    };
    assert_eq!(audiences().await, ["project", "project"]);
    for (version, state, audience) in [(1, "retired", "private"), (2, "active", "project")] {
        app.patch("/api/v1/projects/retina", &app.ada.token, version, json!({ "state": state })).await.is(200);
        assert_eq!(audiences().await, [audience, audience], "{state}");
    }
}

/// What the dry run says is what the change then does.
#[tokio::test]
async fn who_gains_and_who_loses_is_said_before_anything_is_written() {
    let app = start().await;
    retina(&app).await;
    let (nia, ola) = (somebody(&app, "Nia").await, somebody(&app, "Ola").await);
    let one = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    let other = app.a_dataset("notes", Kind::Folder, 51).await.id.to_string();
    for (who, role) in [("Eve", "member"), ("Nia", "leader"), ("Ola", "manager")] {
        take_in(&app, &app.ada, who, role).await.is(200);
    }
    // Nia has it by name, too.
    app.post(&format!("/api/v1/datasets/{one}/grants"), &app.ada.token, json!({ "to": "user:Nia", "role": "download" })).await.is(201);
    let trial = async |path: &str, ask: Value| {
        app.post(&format!("/api/v1/projects/retina/{path}?dry_run=true"), &app.ada.token, ask).await.is(200).json
    };
    let (viewed, managed) =
        ("discover meta coarse list read", "discover meta coarse list read download clone-files figures clone-full edit share administer");
    let would = trial("datasets", json!({ "dataset": one })).await;
    assert_eq!(
        told(&would, "gains"),
        [("Eve".to_owned(), viewed.to_owned(), 1), ("Nia".to_owned(), String::new(), 0), ("Ola".to_owned(), managed.to_owned(), 1)]
            .into_iter()
            .filter(|(name, ..)| name != "Nia")
            .collect::<Vec<_>>(),
        "Nia has as much already"
    );
    assert_eq!((told(&would, "loses"), &would["effects"]["more"], would["dataset"].get("project")), (vec![], &json!(0), None));
    assert_eq!(rights(&app, &one, &app.eve).await, [] as [&str; 0], "nothing was written");
    put(&app, &app.ada, &one).await.is(200);
    put(&app, &app.ada, &other).await.is(200);
    assert_eq!(rights(&app, &one, &app.eve).await.join(" "), viewed);

    let edit = json!({ "policy": { "view": "preview", "figures": true } }).to_string();
    let path = "/api/v1/projects/retina?dry_run=true";
    let would = app.send("PATCH", path, &app.ada.token, &[("if-match", "\"1\"")], edit.clone()).await.is(200).json;
    assert_eq!((&would["version"], &would["policy"]["view"], would.get("enforced_by")), (&json!(1), &json!("view"), None));
    let loses = [("Eve".to_owned(), "list read".to_owned(), 2), ("Nia".to_owned(), "list read".to_owned(), 1)];
    assert_eq!(told(&would, "loses"), loses, "of the one Nia keeps all that she has by name; Ola is a manager, Ada owns both");
    let gains = [("Eve".to_owned(), "figures".to_owned(), 2), ("Nia".to_owned(), "figures".to_owned(), 2)];
    assert_eq!(told(&would, "gains"), gains);
    app.send("PATCH", path, &app.ada.token, &[("if-match", "\"7\"")], edit).await.refuses(412, "stale", "");
    assert_eq!(rights(&app, &other, &nia).await.join(" "), viewed);

    let would = trial("members", json!({ "users": ["Ola"], "role": "member" })).await;
    let lost = managed.strip_prefix(viewed).unwrap().trim();
    assert_eq!((told(&would, "gains"), told(&would, "loses")), (vec![], vec![("Ola".to_owned(), lost.to_owned(), 2)]));
    assert_eq!(would["changed"], 0);
    let would = trial("members/remove", json!({ "users": ["Eve", "Nia", "Ada"] })).await;
    assert_eq!(told(&would, "loses"), [("Eve".to_owned(), viewed.to_owned(), 2), ("Nia".to_owned(), viewed.to_owned(), 1)]);
    let would = trial("datasets/remove", json!({ "dataset": one })).await;
    assert_eq!(told(&would, "loses"), [("Eve".to_owned(), viewed.to_owned(), 1), ("Ola".to_owned(), managed.to_owned(), 1)]);
    assert_eq!(rights(&app, &one, &ola).await.join(" "), managed, "nothing was written");
    app.post("/api/v1/projects/retina/members/remove", &app.ada.token, json!({ "users": ["Eve", "Nia"] })).await.is(200);
    assert_eq!(rights(&app, &other, &app.eve).await, [] as [&str; 0]);
    assert_eq!(rights(&app, &one, &nia).await.last().map(String::as_str), Some("clone-files"), "what she keeps");
    app.get("/api/v1/projects/retina?dry_run=maybe", &ola.token).await.is(200);
    let odd = app.send("PATCH", "/api/v1/projects/retina?dryrun=true", &app.ada.token, &[("if-match", "*")], "{}").await;
    odd.refuses(400, "query", "");
    // What cannot be tried first is not done instead.
    for path in ["projects/retina/leave", "groups", "sign-out"] {
        app.post(&format!("/api/v1/{path}?dry_run=true"), &ola.token, json!({})).await.refuses(400, "query", "");
    }
    app.get("/api/v1/projects/retina", &ola.token).await.is(200);
}

// Whoever administers a dataset in a project need not be in it, and learns neither who is nor how many.
#[tokio::test]
async fn a_dry_run_names_nobody_of_what_its_caller_may_not_know_of() {
    let app = start().await;
    retina(&app).await;
    let (bob, _fay) = (somebody(&app, "Bob").await, somebody(&app, "Fay").await);
    let own = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    app.post(&format!("/api/v1/datasets/{own}/grants"), &app.ada.token, json!({ "to": "user:Bob", "role": "manager" })).await.is(201);
    take_in(&app, &app.ada, "Bob", "member").await.is(200);
    put(&app, &bob, &own).await.is(200);
    let trial = async |verb: &str| {
        let path = format!("/api/v1/projects/{verb}?dry_run=true");
        app.post(&path, &bob.token, json!({ "dataset": own })).await.is(200).json
    };
    let project = app.get("/api/v1/projects/retina", &bob.token).await.is(200).text("/id").to_owned();
    let inside = trial(&format!("{project}/datasets/remove")).await;
    assert_eq!(inside["effects"]["unnamed"], false);
    app.post("/api/v1/projects/retina/leave", &bob.token, json!({})).await.is(200);
    for who in ["Eve", "Fay"] {
        take_in(&app, &app.ada, who, "member").await.is(200);
    }
    app.post("/api/v1/projects", &bob.token, json!({ "name": "cornea" })).await.is(201);
    for verb in [format!("{project}/datasets/remove"), "cornea/datasets".to_owned()] {
        let would = trial(&verb).await;
        let all = [told(&would, "gains"), told(&would, "loses")].concat();
        assert!(all.iter().all(|(name, ..)| name == "Bob"), "{verb}: {all:?}");
        assert_eq!((&would["effects"]["more"], &would["effects"]["unnamed"]), (&json!(0), &json!(true)), "{verb}");
    }
    let grant = json!({ "to": "project:retina", "role": "view" });
    let would = app.post(&format!("/api/v1/datasets/{own}/grants?dry_run=true"), &bob.token, grant).await.is(200).json;
    assert_eq!((&would["effects"]["more"], &would["effects"]["unnamed"]), (&json!(0), &json!(true)));
}

// What is refused when it is done is refused when it is tried.
#[tokio::test]
async fn a_dry_run_promises_nothing_that_is_then_refused() {
    let app = start().await;
    retina(&app).await;
    let ola = somebody(&app, "Ola").await;
    take_in(&app, &app.ada, "Ola", "manager").await.is(200);
    app.post("/api/v1/projects", &ola.token, json!({ "name": "cornea" })).await.is(201);
    app.post("/api/v1/sources/demo/blocks", &app.ada.token, json!({ "user": "Ola", "blocked": true })).await.is(200);
    let add = json!({ "users": ["Eve"], "role": "member" });
    let edit = async |query: &str, ask: Value| {
        app.send("PATCH", &format!("/api/v1/projects/retina{query}"), &ola.token, &[("if-match", "*")], ask.to_string()).await
    };
    for query in ["?dry_run=true", ""] {
        app.post(&format!("/api/v1/projects/retina/members{query}"), &ola.token, add.clone()).await.refuses(403, "blocked", "");
        edit(query, json!({ "policy": { "view": "download" } })).await.refuses(403, "blocked", "");
        edit(query, json!({ "name": "cornea" })).await.refuses(409, "exists", "");
    }
}

// Over 31 people, each transaction's worth: all of them, or a refusal before the first.
#[tokio::test]
async fn a_manager_goes_with_many_and_goes_last() {
    let app = start().await;
    retina(&app).await;
    let (ola, ada) = (somebody(&app, "Ola").await, app.ada.user.name.clone());
    take_in(&app, &app.ada, "Ola", "manager").await.is(200);
    let many: Vec<String> = (0..40).map(|number| format!("P{number}")).collect();
    for name in &many {
        app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
    }
    app.post("/api/v1/projects/retina/members", &app.ada.token, json!({ "users": many, "role": "leader" })).await.is(200);
    let out = async |by: &Person, people: &[&[String]], key: &str| {
        let path = "/api/v1/projects/retina/members/remove";
        app.send("POST", path, &by.token, &[("idempotency-key", key)], json!({ "users": people.concat() }).to_string()).await
    };
    let count =
        async |by: &Person| app.get("/api/v1/projects/retina/members", &by.token).await.is(200).json["items"].as_array().unwrap().len();
    let (ola_too, ada_too) = (["Ola".to_owned()], [ada]);
    out(&ola, &[&many, &ola_too, &ada_too], "all").await.refuses(409, "last-manager", "");
    assert_eq!(count(&ola).await, 42, "nobody was taken out");
    let first = out(&ola, &[&many, &ola_too], "most").await.is(200);
    assert_eq!((&first.json["changed"], count(&app.ada).await), (&json!(41), 1));
    // Whoever took himself out is told again what it did.
    let again = out(&ola, &[&many, &ola_too], "most").await.is(200);
    assert_eq!(again.json["changed"], 41);
}

// ACCESS P4, P5; ADR 0014, 0043
#[tokio::test]
async fn nobody_gains_by_a_project_what_was_not_given() {
    let app = start().await;
    retina(&app).await;
    let nia = somebody(&app, "Nia").await;
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id.to_string();
    // Whoever has nothing there puts nothing in, into a project of his own neither.
    app.post("/api/v1/projects", &app.eve.token, json!({ "name": "eves" })).await.is(201);
    let grab = async || app.post("/api/v1/projects/eves/datasets", &app.eve.token, json!({ "dataset": dataset })).await;
    grab().await.refuses(404, "not-found", "");
    let grants = format!("/api/v1/datasets/{dataset}/grants");
    app.post(&grants, &app.ada.token, json!({ "to": "user:Eve", "role": "full" })).await.is(201);
    grab().await.refuses(403, "not-allowed", "");
    // By an end of a grant, a manager of a project would be one for good.
    let for_a_week = json!({ "to": "user:Eve", "role": "manager", "until": "7d" }).to_string();
    app.send("POST", &grants, &app.ada.token, &[("if-match", "*")], for_a_week).await.is(200);
    grab().await.refuses(403, "more-than-giver", "");
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    // A manager of a project takes no dataset along into another.
    put(&app, &app.ada, &dataset).await.is(200);
    take_in(&app, &app.ada, "Eve", "manager").await.is(200);
    grab().await.refuses(403, "more-than-giver", "");
    let unknown =
        app.post("/api/v1/projects/nobodys/datasets", &app.eve.token, json!({ "dataset": dataset })).await.refuses(404, "not-found", "");
    let strange =
        app.post("/api/v1/projects/eves/datasets", &app.ada.token, json!({ "dataset": dataset })).await.refuses(404, "not-found", "");
    let plain = |answer: &Answer| {
        let mut body = answer.json.clone();
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(plain(&unknown), plain(&strange), "one that is not there and one of others answer alike");
    // A manager gives to others what managers may, and takes out what is in it.
    app.post(&grants, &app.eve.token, json!({ "to": "user:Nia", "role": "view" })).await.is(201);
    app.post(&format!("{grants}/withdraw"), &app.eve.token, json!({ "to": "user:Nia" })).await.is(200);
    // Who is blocked at a source lets nobody in, and makes no policy wider.
    let block = |blocked: bool| app.post("/api/v1/sources/demo/blocks", &app.ada.token, json!({ "user": "Eve", "blocked": blocked }));
    block(true).await.is(200);
    assert_eq!(rights(&app, &dataset, &app.eve).await, [] as [&str; 0]);
    take_in(&app, &app.eve, "Nia", "member").await.refuses(403, "blocked", "");
    policy(&app, &app.eve, json!({ "view": "full" })).await.refuses(403, "blocked", "");
    policy(&app, &app.eve, json!({ "view": "preview" })).await.is(200);
    block(false).await.is(200);
    assert_eq!(rights(&app, &dataset, &nia).await, [] as [&str; 0]);
    take(&app, &app.eve, &dataset).await.is(200);
    assert_eq!(rights(&app, &dataset, &app.eve).await, [] as [&str; 0], "and has nothing of it any more");
}
