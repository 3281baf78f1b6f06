//! Passwords and passes, as the API has them. What a pass opens is asked of the data origin in `tests/tests/access.rs`.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    DATA, id_of, instant, start,
    support::{Answer, TestApp},
};

const PASSWORD: &str = "correct horse";

async fn pass(app: &TestApp, link: &Value, password: Option<&str>) -> Answer {
    let mut ask = json!({ "url": link["url"] });
    if let Some(password) = password {
        ask["password"] = json!(password);
    }
    app.post("/api/v1/passes", "", ask).await
}

// L11, SECURITY T34: it is for nobody in particular, so it takes no token and tells nothing but to whom knows the password.
#[tokio::test]
async fn whoever_knows_the_password_gets_a_pass_and_nobody_else() {
    let app = start().await;
    let made = app.create(&app.ada.token, json!({ "password": PASSWORD })).await.is(201);
    let link = &made.json;
    assert_eq!(link["password"], true);
    assert!(!made.json.to_string().contains(PASSWORD), "it is never said again");
    let first = pass(&app, link, Some(PASSWORD)).await.is(201);
    let text = first.text("/url").to_owned();
    assert!(text.starts_with(&format!("{DATA}/~")) && text.ends_with(&format!("/{}", link["name"].as_str().unwrap())), "{text}");
    assert_eq!(instant(&first.json["until"]), app.now() + SignedDuration::from_mins(15));
    assert_eq!(first.headers["cache-control"], "no-store");
    for wrong in [None, Some(""), Some("correct horsf"), Some("correct horse ")] {
        pass(&app, link, wrong).await.refuses(403, "wrong-password", "/password");
    }
    // By the key alone, too; and by no key that is none.
    let key = link["s3"]["bucket"].as_str().unwrap();
    app.post("/api/v1/passes", "", json!({ "url": key, "password": PASSWORD })).await.is(201);
    for unknown in ["x", &"a".repeat(32), id_of(link)] {
        app.post("/api/v1/passes", "", json!({ "url": unknown, "password": PASSWORD })).await.refuses(404, "not-found", "");
    }
    let open = app.a_link(json!({})).await;
    assert_ne!(open["id"], link["id"]);
    pass(&app, &open, Some(PASSWORD)).await.refuses(409, "no-pass-needed", "");
    app.post(&format!("/api/v1/links/{}/revoke", id_of(link)), &app.ada.token, json!({})).await.is(200);
    pass(&app, link, Some(PASSWORD)).await.refuses(410, "link-revoked", "");
}

// SECURITY T34, 5
#[tokio::test]
async fn ten_tries_at_once_and_then_one_each_half_minute_for_a_link_and_an_address() {
    let app = start().await;
    let (link, other) = (app.a_link(json!({ "password": PASSWORD })).await, app.a_link(json!({ "password": PASSWORD })).await);
    assert_ne!(link["id"], other["id"], "a link with a password is like no other");
    for _ in 0..10 {
        pass(&app, &link, Some("wrong horse")).await.refuses(403, "wrong-password", "/password");
    }
    let refused = pass(&app, &link, Some(PASSWORD)).await.refuses(429, "too-many-tries", "");
    assert_eq!(refused.headers["retry-after"], "30", "the right one is not looked at, either");
    pass(&app, &other, Some(PASSWORD)).await.is(201);
    app.wait(SignedDuration::from_secs(30));
    pass(&app, &link, Some("wrong horse")).await.refuses(403, "wrong-password", "/password");
    pass(&app, &link, Some(PASSWORD)).await.refuses(429, "too-many-tries", "");
}

// L11: whoever knows the password guesses nothing, and neither does who needs none
#[tokio::test]
async fn a_class_behind_one_address_gets_in_all_of_it() {
    let app = start().await;
    let guarded = app.a_link(json!({ "password": PASSWORD })).await;
    let counted = app.a_link(json!({ "sessions_max": 30 })).await;
    for _ in 0..30 {
        pass(&app, &guarded, Some(PASSWORD)).await.is(201);
        pass(&app, &counted, None).await.is(201);
    }
    pass(&app, &counted, None).await.refuses(429, "no-session-left", "");
    for _ in 0..10 {
        pass(&app, &guarded, Some("wrong horse")).await.refuses(403, "wrong-password", "/password");
    }
    pass(&app, &guarded, Some(PASSWORD)).await.refuses(429, "too-many-tries", "");
}

#[tokio::test]
async fn a_password_is_changed_and_taken_off_by_whoever_may_widen_the_link() {
    let app = start().await;
    let link = app.a_link(json!({})).await;
    let path = format!("/api/v1/links/{}", id_of(&link));
    for (short, code) in [("seven77", "password"), ("", "password")] {
        app.patch(&path, &app.ada.token, 1, json!({ "password": short })).await.refuses(422, code, "/password");
        app.create(&app.ada.token, json!({ "password": short })).await.refuses(422, code, "/password");
    }
    let long = "x".repeat(1_025);
    app.patch(&path, &app.ada.token, 1, json!({ "password": long })).await.refuses(422, "password", "/password");
    let set = app.patch(&path, &app.ada.token, 1, json!({ "password": PASSWORD })).await.is(200);
    assert!(set.json["enforced_by"].is_string(), "what it opened without one is closed: {set:?}");
    assert_eq!((&set.json["link"]["password"], &set.json["link"]["url"]), (&json!(true), &link["url"]), "the URL stays");
    pass(&app, &link, Some(PASSWORD)).await.is(201);
    let changed = app.patch(&path, &app.ada.token, 2, json!({ "password": "another horse" })).await.is(200);
    assert!(changed.json["enforced_by"].is_string(), "passes that were given are void: {changed:?}");
    pass(&app, &link, Some(PASSWORD)).await.refuses(403, "wrong-password", "/password");
    pass(&app, &link, Some("another horse")).await.is(201);
    let off = app.patch(&path, &app.ada.token, 3, json!({ "password": null })).await.is(200);
    assert_eq!((&off.json["link"]["password"], off.json.get("enforced_by")), (&json!(false), None));
    pass(&app, &link, Some("another horse")).await.refuses(409, "no-pass-needed", "");
    let said = app.app.table.audit(app.now()).await.unwrap();
    assert!(!format!("{said:?}").contains("horse"), "the audit says that there is one, never which");
}

// L11: exact
#[tokio::test]
async fn a_link_gives_as_many_passes_as_it_says() {
    let app = start().await;
    app.create(&app.ada.token, json!({ "sessions_max": 0 })).await.refuses(422, "sessions-max", "/sessions_max");
    let link = app.a_link(json!({ "sessions_max": 2 })).await;
    assert_eq!(
        app.create(&app.ada.token, json!({ "sessions_max": 2 })).await.is(200).json["id"],
        link["id"],
        "the same options, the same link"
    );
    for _ in 0..2 {
        pass(&app, &link, None).await.is(201);
    }
    let refused = pass(&app, &link, None).await.refuses(429, "no-session-left", "");
    assert_eq!(refused.headers["retry-after"], "3600");
    let path = format!("/api/v1/links/{}", id_of(&link));
    app.patch(&path, &app.ada.token, 1, json!({ "sessions_max": 3 })).await.is(200);
    let given = async |link: &Value, token: &str| {
        app.get(&format!("/api/v1/links/{}", id_of(link)), token).await.is(200).json.get("sessions_given").cloned()
    };
    assert_eq!(given(&link, &app.ada.token).await, Some(json!(2)), "those that were refused are not counted");
    pass(&app, &link, None).await.is(201);
    pass(&app, &link, None).await.refuses(429, "no-session-left", "");
    assert_eq!(given(&link, &app.ada.token).await, Some(json!(3)));
    let unused = app.a_link(json!({ "sessions_max": 9 })).await;
    assert_eq!(given(&unused, &app.ada.token).await, Some(json!(0)));
    let endless = app.a_link(json!({ "label": "endless" })).await;
    assert_eq!(given(&endless, &app.ada.token).await, None);
    let both = app.a_link(json!({ "sessions_max": 1, "password": PASSWORD })).await;
    pass(&app, &both, Some("wrong horse")).await.refuses(403, "wrong-password", "/password");
    pass(&app, &both, Some(PASSWORD)).await.is(201);
    pass(&app, &both, Some(PASSWORD)).await.refuses(429, "no-session-left", "");
}

// D10: a pass that would open nothing is not counted
#[tokio::test]
async fn a_link_over_its_budget_gives_no_pass_and_counts_none() {
    let app = start().await;
    let link = app.a_link(json!({ "sessions_max": 1 })).await;
    let key = domain::key::LinkKey::parse(link["s3"]["bucket"].as_str().unwrap()).unwrap();
    let facts = app.app.table.link_facts(key.hash(), app.now()).await.unwrap().unwrap();
    app.app.table.note_over_budget(facts.link.hash, facts.link.version, app.now() + SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(pass(&app, &link, None).await.refuses(429, "over-budget", "").headers["retry-after"], "60");
    app.wait(SignedDuration::from_secs(60));
    pass(&app, &link, None).await.is(201);
}

// SEMANTICS 6: what is remembered of a request is nothing by which its password could be guessed fast
#[tokio::test]
async fn a_link_with_a_password_is_made_once_for_a_key() {
    let app = start().await;
    let create = async |password: &str, label: &str| {
        let ask = json!({ "dataset": app.root.id.to_string(), "password": password, "label": label });
        app.send("POST", "/api/v1/links", &app.ada.token, &[("idempotency-key", "k")], ask.to_string()).await
    };
    let first = create(PASSWORD, "a").await.is(201);
    assert_eq!(create(PASSWORD, "a").await.is(201).json["id"], first.json["id"]);
    create(PASSWORD, "b").await.refuses(422, "idempotency-mismatch", "");
    pass(&app, &first.json, Some(PASSWORD)).await.is(201);
}
