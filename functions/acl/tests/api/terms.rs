//! Data-use terms: added by administrators, asked for by ceilings, accepted by people.

use serde_json::{Value, json};

use crate::{new_source, start, support::TestApp};

const TEXT: &str = "Use of the lab's data\n\nCite us, and give them to nobody.";

async fn added(app: &TestApp, text: &str) -> String {
    app.post("/api/v1/terms", &app.ada.token, json!({ "text": text })).await.is(201).text("/id").to_owned()
}

async fn version(app: &TestApp, at: &str) -> u64 {
    app.get(at, &app.ada.token).await.is(200).json["version"].as_u64().unwrap()
}

async fn ask_for(app: &TestApp, at: &str, terms: &Value) -> crate::support::Answer {
    app.patch(at, &app.ada.token, version(app, at).await, json!({ "ceilings": { "terms": terms } })).await
}

#[tokio::test]
async fn terms_are_added_by_administrators_and_shown_to_whoever_knows_their_id() {
    let app = start().await;
    app.post("/api/v1/terms", &app.eve.token, json!({ "text": TEXT })).await.refuses(403, "not-administrator", "");
    for text in ["", " \n", &"x".repeat(201), &"x\n".repeat(10_001), "a\u{202e}b"] {
        app.post("/api/v1/terms", &app.ada.token, json!({ "text": text })).await.refuses(422, "terms-text", "/text");
    }
    let id = added(&app, TEXT).await;
    let again = app.post("/api/v1/terms", &app.ada.token, json!({ "text": format!("{}\r\n", TEXT.replace('\n', "\r\n")) })).await.is(200);
    assert_eq!(again.text("/id"), id, "the same text is the same terms");
    let shown = app.get(&format!("/api/v1/terms/{id}"), "").await.is(200);
    assert_eq!(shown.json, json!({ "id": id, "title": "Use of the lab's data", "text": TEXT }));
    for none in [id.replace(|c: char| c.is_ascii_digit(), "a").replacen('v', "t", 1), format!("v{}", "a".repeat(26)), "x".to_owned()] {
        app.get(&format!("/api/v1/terms/{none}"), "").await.refuses(404, "not-found", "");
        app.post(&format!("/api/v1/me/terms/{none}/accept"), &app.eve.token, json!({})).await.refuses(404, "not-found", "");
    }
    let entries = app.get("/api/v1/audit?verb=terms.add", &app.ada.token).await.is(200);
    assert_eq!(entries.json["items"].as_array().unwrap().len(), 1, "{entries:?}");
    assert_eq!((entries.text("/items/0/target"), entries.text("/items/0/after/title")), (id.as_str(), "Use of the lab's data"));
}

#[tokio::test]
async fn ceilings_ask_for_terms_that_there_are_and_what_is_not_said_stays() {
    let app = start().await;
    let (id, none) = (added(&app, TEXT).await, format!("v{}", "a".repeat(26)));
    let (source, policy) = (format!("/api/v1/sources/{}", app.source.id), "/api/v1/policy".to_owned());
    for at in [&source, &policy] {
        for wrong in [none.as_str(), "x", ""] {
            ask_for(&app, at, &json!(wrong)).await.refuses(422, "terms", "/ceilings/terms");
        }
    }
    let asked = ask_for(&app, &source, &json!(id)).await.is(200);
    assert_eq!(asked.text("/source/ceilings/terms"), id);
    assert!(asked.json["enforced_by"].is_string(), "what was read without them is read no more");
    let kept =
        app.patch(&source, &app.ada.token, version(&app, &source).await, json!({ "ceilings": { "audience": "link" } })).await.is(200);
    assert_eq!(kept.text("/source/ceilings/terms"), id);
    let tried = format!("{policy}?dry_run=true");
    let other = added(&app, "Other terms").await;
    let would = app.patch(&tried, &app.ada.token, 0, json!({ "ceilings": { "terms": other } })).await.is(200);
    assert_eq!(would.json["sources"][0]["tighter"], json!(["terms"]));
    let would = app.patch(&tried, &app.ada.token, 0, json!({ "ceilings": { "terms": id } })).await.is(200);
    assert_eq!(would.json.get("sources"), None, "it asks for these already");
    let off = ask_for(&app, &source, &Value::Null).await.is(200);
    assert_eq!((off.json["source"]["ceilings"].get("terms"), off.json.get("enforced_by")), (None, None));
    let new = new_source(&json!({ "ceilings": { "audience": "link", "terms": none } }));
    app.post("/api/v1/sources", &app.ada.token, new).await.refuses(422, "terms", "/ceilings/terms");
    let new = new_source(&json!({ "ceilings": { "audience": "link", "terms": id } }));
    assert_eq!(app.post("/api/v1/sources", &app.ada.token, new).await.is(201).text("/ceilings/terms"), id);
}

// U6: before the first byte, for everybody, owners too
#[tokio::test]
async fn who_accepted_reads_and_who_did_not_is_told_what_to_accept() {
    let app = start().await;
    let (first, second) = (added(&app, TEXT).await, added(&app, "Terms of the house").await);
    ask_for(&app, &format!("/api/v1/sources/{}", app.source.id), &json!(first)).await.is(200);
    ask_for(&app, "/api/v1/policy", &json!(second)).await.is(200);
    let dataset = app.root.id.to_string();
    let check = async || {
        let answer = app.post("/api/v1/check", &app.ada.token, json!({ "dataset": dataset, "action": "read" })).await.is(200).json;
        let gate = answer["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "terms-accepted").unwrap()["open"].clone();
        (answer["code"].as_str().unwrap_or_default().to_owned(), gate)
    };
    assert_eq!(check().await, ("terms-needed".to_owned(), json!(false)), "owners are bound, too");
    let ticket = async || app.post(&format!("/api/v1/datasets/{dataset}/tickets"), &app.ada.token, json!({ "minutes": 5 })).await;
    assert_eq!(ticket().await.refuses(401, "terms-needed", "").json["terms"], json!([first, second]));
    let accept = async |id: &str| app.post(&format!("/api/v1/me/terms/{id}/accept"), &app.ada.token, json!({})).await;
    assert_eq!(accept(&first).await.is(200).text("/title"), "Use of the lab's data");
    assert_eq!(ticket().await.refuses(401, "terms-needed", "").json["terms"], json!([second]));
    accept(&second).await.is(200);
    assert_eq!(check().await, (String::new(), json!(true)));
    ticket().await.is(201);
    accept(&first).await.is(200);
    assert_eq!(
        app.get("/api/v1/me", &app.ada.token).await.is(200).json["terms"],
        json!([first, second]),
        "accepting again changes nothing"
    );
    assert_eq!(app.get("/api/v1/me", &app.eve.token).await.is(200).json.get("terms"), None, "it is nobody else's");
    let entries = app.get("/api/v1/audit?verb=terms.accept", &app.ada.token).await.is(200);
    assert_eq!(entries.json["items"].as_array().unwrap().len(), 2, "{entries:?}");
    // What does not read needs none of it.
    let root = format!("/api/v1/datasets/{dataset}");
    let third = added(&app, "Later terms").await;
    ask_for(&app, "/api/v1/policy", &json!(third)).await.is(200);
    assert_eq!(check().await.0, "terms-needed", "other terms are another thing");
    app.get(&root, &app.ada.token).await.is(200);
    app.post(&format!("{root}/grants"), &app.ada.token, json!({ "to": "user:Eve", "role": "view" })).await.is(201);
}

// SEMANTICS 6
#[tokio::test]
async fn a_key_stands_for_the_terms_that_it_accepted() {
    let app = start().await;
    let (one, other) = (added(&app, TEXT).await, added(&app, "Other terms").await);
    let accept = async |id: &str| {
        app.send("POST", &format!("/api/v1/me/terms/{id}/accept"), &app.eve.token, &[("idempotency-key", "k")], String::new()).await
    };
    accept(&one).await.is(200);
    accept(&one).await.is(200);
    accept(&other).await.refuses(422, "idempotency-mismatch", "");
    assert_eq!(app.get("/api/v1/me", &app.eve.token).await.is(200).json["terms"], json!([one]));
}
