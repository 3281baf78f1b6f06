//! Connections: who is known to whom, by agreeing or by what both are named in.

use domain::{
    dataset::Kind,
    id::UserId,
    limits::{CONNECTION_PENDING_SECS, CONNECTIONS_ASKED_DAY_MAX},
    token::Scope,
    user::User,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, Person, TestApp},
};

const AT: &str = "/api/v1/connections";

/// A person by this name.
pub(crate) async fn somebody(app: &TestApp, name: &str) -> Person {
    let invited = app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
    let user = User { id: UserId::parse(invited.text("/user/id")).unwrap(), name: name.to_owned(), ..app.eve.user.clone() };
    // One that lives as long as a request waits.
    let token = app.token_for(&user, &Scope::ALL, 80 + u128::from(name.as_bytes()[0])).await;
    Person { user, token }
}

async fn ask(app: &TestApp, by: &Person, to: &str) -> Answer {
    app.post(AT, &by.token, json!({ "to": to })).await
}

async fn turn(app: &TestApp, by: &Person, other: &str, word: &str) -> Answer {
    app.post(&format!("{AT}/{other}/{word}"), &by.token, json!({})).await
}

async fn show(app: &TestApp, by: &Person, other: &str) -> Answer {
    app.get(&format!("{AT}/{other}"), &by.token).await.is(200)
}

/// With whom somebody has to do, and how it stands.
async fn listed(app: &TestApp, by: &Person, filter: &str) -> Vec<(String, String)> {
    let page = app.get(&format!("{AT}{filter}"), &by.token).await.is(200);
    let of = |item: &Value| (item["name"].as_str().unwrap().to_owned(), item["state"].as_str().unwrap().to_owned());
    page.json["items"].as_array().unwrap().iter().map(of).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

// ACCESS 7: the whole life, from both sides
#[tokio::test]
async fn two_people_ask_accept_reject_cancel_and_end_a_connection() {
    let app = start().await;
    let (eve, bo, cy) = (&app.eve, somebody(&app, "Bo").await, somebody(&app, "Cy").await);
    ask(&app, &bo, "Nobody").await.refuses(422, "no-such-user", "/to");
    ask(&app, &bo, "Bo").await.refuses(422, "with-oneself", "/to");
    for word in ["accept", "reject", "cancel", "remove"] {
        let none = turn(&app, &bo, "Eve", word).await.refuses(404, "not-found", "");
        let nobody = turn(&app, &bo, "Nobody", word).await.refuses(404, "not-found", "");
        assert_eq!(none.json["detail"], nobody.json["detail"], "{word}");
    }
    assert_eq!(
        (show(&app, &bo, "Eve").await.json["connected"].clone(), show(&app, &bo, "Eve").await.json.get("agreed").cloned()),
        (json!(false), None)
    );
    app.get(&format!("{AT}/Nobody"), &bo.token).await.refuses(404, "not-found", "");

    let made = ask(&app, &bo, "eve").await.is(201);
    assert_eq!((made.text("/user"), made.text("/name"), made.text("/by")), (&*eve.user.id.to_string(), "Eve", &*bo.user.id.to_string()));
    assert_eq!((made.text("/state"), ask(&app, &bo, "Eve").await.is(200).json == made.json), ("pending", true));
    ask(&app, eve, "Bo").await.refuses(409, "other-asked", "");
    let asked = show(&app, eve, "Bo").await;
    assert_eq!(
        (&asked.json["connected"], asked.text("/agreed/by"), asked.text("/agreed/user")),
        (&json!(false), made.text("/by"), made.text("/by"))
    );
    // Each does what is theirs.
    for (by, other, word) in [(&bo, "Eve", "accept"), (&bo, "Eve", "reject"), (eve, "Bo", "cancel")] {
        turn(&app, by, other, word).await.refuses(403, "other-side", "");
    }
    turn(&app, &bo, "Eve", "remove").await.refuses(409, "connection-over", "");
    turn(&app, &cy, "Eve", "accept").await.refuses(404, "not-found", "");
    assert_eq!(turn(&app, eve, "Bo", "accept").await.is(200).text("/state"), "accepted");
    assert_eq!(turn(&app, eve, "Bo", "accept").await.is(200).text("/state"), "accepted", "again");
    ask(&app, eve, "Bo").await.refuses(409, "connected", "");
    assert_eq!(show(&app, &bo, "Eve").await.json["connected"], json!(true));
    for (by, other) in [(&bo, "Eve"), (eve, "Bo")] {
        turn(&app, by, other, "cancel").await;
        turn(&app, by, other, "reject").await;
        assert_eq!(show(&app, by, other).await.text("/agreed/state"), "accepted", "neither ends what was agreed");
    }
    assert_eq!(turn(&app, &bo, "Eve", "remove").await.is(200).text("/state"), "removed");
    assert_eq!(turn(&app, eve, "Bo", "remove").await.is(200).text("/state"), "removed", "again, by the other");
    turn(&app, eve, "Bo", "accept").await.refuses(409, "connection-over", "");

    // Taken back, rejected, expired, and asked again.
    ask(&app, eve, "Bo").await.is(201);
    assert_eq!(turn(&app, eve, "Bo", "cancel").await.is(200).text("/state"), "cancelled");
    ask(&app, eve, "Bo").await.is(201);
    assert_eq!(turn(&app, &bo, "Eve", "reject").await.is(200).text("/state"), "rejected");
    let lately = ask(&app, eve, "Bo").await.refuses(409, "rejected-lately", "");
    assert_eq!(lately.text("/from"), (app.now() + SignedDuration::from_secs(CONNECTION_PENDING_SECS)).to_string());
    ask(&app, &bo, "Eve").await.is(201);
    ask(&app, &cy, "Bo").await.is(201);
    app.wait(SignedDuration::from_secs(CONNECTION_PENDING_SECS));
    turn(&app, eve, "Bo", "accept").await.refuses(409, "connection-over", "");
    assert_eq!(show(&app, &bo, "Eve").await.text("/agreed/state"), "expired");
    ask(&app, eve, "Bo").await.is(201);
    let audit = app.get("/api/v1/audit?verb=connection.ask", &app.ada.token).await.is(200);
    assert!(!audit.json["items"].as_array().unwrap().is_empty());

    // The list, filtered, and page by page.
    ask(&app, &bo, "Ada").await.is(201);
    turn(&app, &app.ada, "Bo", "accept").await.is(200);
    assert_eq!(listed(&app, &bo, "").await, pairs(&[("Ada", "accepted"), ("Eve", "pending"), ("Cy", "expired")]));
    assert_eq!(listed(&app, &bo, "?state=accepted").await, pairs(&[("Ada", "accepted")]));
    assert_eq!(listed(&app, &bo, "?asked=by-me").await, pairs(&[("Ada", "accepted")]));
    assert_eq!(listed(&app, &bo, "?asked=of-me&state=pending").await, pairs(&[("Eve", "pending")]));
    assert_eq!(listed(&app, eve, "?asked=by-me").await, pairs(&[("Bo", "pending")]));
    app.get(&format!("{AT}?state=gone"), &bo.token).await.refuses(400, "query", "");
    let (mut seen, mut next) = (Vec::new(), Some(format!("{AT}?limit=1")));
    while let Some(path) = next {
        let page = app.get(&path, &bo.token).await.is(200);
        seen.extend(page.json["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let cursor = page.json.get("next_cursor").and_then(Value::as_str);
        next = cursor.map(|cursor| format!("{AT}?limit=1&cursor={cursor}"));
        if let Some(path) = &next {
            app.get(path, &eve.token).await.refuses(400, "bad-cursor", "/cursor");
        }
    }
    assert_eq!(seen, ["Ada", "Eve", "Cy"]);
}

// ACCESS 7: derived, overriding a rejection while it lasts; removal is refused with the list
#[tokio::test]
async fn what_two_people_are_named_in_connects_them_and_is_listed() {
    let app = start().await;
    let (bo, cy) = (somebody(&app, "Bo").await, somebody(&app, "Cy").await);
    let dataset = app.a_dataset("notes/", Kind::Folder, 60).await;
    let grants = format!("/api/v1/datasets/{}/grants", dataset.id);
    ask(&app, &bo, "Cy").await.is(201);
    turn(&app, &cy, "Bo", "reject").await.is(200);
    for to in ["user:Bo", "user:Cy"] {
        app.post(&grants, &app.ada.token, json!({ "to": to, "role": "view" })).await.is(201);
    }
    let shown = show(&app, &bo, "Cy").await;
    assert_eq!((&shown.json["connected"], shown.text("/agreed/state")), (&json!(true), "rejected"));
    assert_eq!(shown.json["shared"]["datasets"], json!([{ "id": dataset.id.to_string(), "place": "demo:notes/" }]));
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Cy" })).await.is(200);
    let shown = show(&app, &bo, "Cy").await;
    assert_eq!((&shown.json["connected"], shown.text("/agreed/state")), (&json!(false), "rejected"), "it comes back");

    ask(&app, &app.ada, "Bo").await.is(201);
    turn(&app, &bo, "Ada", "accept").await.is(200);
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201);
    app.post("/api/v1/projects/retina/members", &app.ada.token, json!({ "users": ["Bo"] })).await.is(200);
    for (by, other) in [(&bo, "Ada"), (&app.ada, "Bo")] {
        let refused = turn(&app, by, other, "remove").await.refuses(409, "still-shared", "");
        assert_eq!(refused.text("/shared/datasets/0/place"), "demo:notes/");
        assert_eq!((refused.text("/shared/projects/0/name"), &refused.json["shared"]["more"]), ("retina", &json!(false)));
    }
    // What the caller may not know of from here is not named: there is more.
    let zones = json!({ "to": "user:Bo", "role": "view", "zones": ["192.0.2.0/24"] });
    app.send("POST", &grants, &app.ada.token, &[("if-match", "*")], zones.to_string()).await.is(200);
    let hidden = turn(&app, &bo, "Ada", "remove").await.refuses(409, "still-shared", "");
    assert_eq!((&hidden.json["shared"]["datasets"], &hidden.json["shared"]["more"]), (&json!([]), &json!(true)));
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Bo" })).await.is(200);
    let refused = turn(&app, &bo, "Ada", "remove").await.refuses(409, "still-shared", "");
    assert_eq!(refused.json["shared"]["datasets"], json!([]));
    app.post("/api/v1/projects/retina/leave", &bo.token, json!({})).await.is(200);
    assert_eq!(turn(&app, &bo, "Ada", "remove").await.is(200).text("/state"), "removed");
    assert_eq!(show(&app, &bo, "Ada").await.json["shared"], json!({ "datasets": [], "projects": [], "more": false }));
}

// SEMANTICS 6
#[tokio::test]
async fn a_request_and_its_acceptance_that_are_sent_twice_are_done_once() {
    let app = start().await;
    let bo = somebody(&app, "Bo").await;
    let send = async |by: &Person, path: &str, key: &str, body: Value| {
        app.send("POST", path, &by.token, &[("idempotency-key", key)], body.to_string()).await
    };
    let asks = async || send(&bo, AT, "ask", json!({ "to": "Eve" })).await;
    let accept = format!("{AT}/Bo/accept");
    let accepts = async || app.send("POST", &accept, &app.eve.token, &[("idempotency-key", "accept")], "").await;
    let made = asks().await.is(201);
    assert_eq!(asks().await.is(201).json, made.json);
    send(&bo, AT, "ask", json!({ "to": "Ada" })).await.refuses(422, "idempotency-mismatch", "");
    assert_eq!(accepts().await.is(200).text("/state"), "accepted");
    turn(&app, &app.eve, "Bo", "remove").await.is(200);
    assert_eq!(asks().await.is(201).text("/state"), "removed", "what has become of it");
    // Asked anew: a copy of the acceptance that comes late agrees to nothing.
    ask(&app, &bo, "Eve").await.is(201);
    assert_eq!(accepts().await.is(200).text("/state"), "pending");
    assert_eq!(show(&app, &bo, "Eve").await.json["connected"], json!(false));
    // Nor does one that met what was so already: it is remembered, too.
    let meets = async || app.send("POST", &accept, &app.eve.token, &[("idempotency-key", "met")], "").await.is(200);
    let asks_again = async || send(&bo, AT, "again", json!({ "to": "Eve" })).await;
    assert_eq!(asks_again().await.is(200).text("/state"), "pending");
    turn(&app, &app.eve, "Bo", "accept").await.is(200);
    assert_eq!(meets().await.text("/state"), "accepted");
    turn(&app, &bo, "Eve", "remove").await.is(200);
    assert_eq!(asks_again().await.is(201).text("/state"), "removed");
    ask(&app, &bo, "Eve").await.is(201);
    assert_eq!(meets().await.text("/state"), "pending");
}

#[tokio::test]
async fn whoever_may_not_act_is_not_asked_and_whoever_asks_too_often_waits() {
    let app = start().await;
    let (bo, cy) = (somebody(&app, "Bo").await, somebody(&app, "Cy").await);
    let stand = async |name: &str, standing: &str| {
        let ask = json!({ "standing": standing }).to_string();
        app.send("PATCH", &format!("/api/v1/users/{name}"), &app.ada.token, &[], ask).await.is(200);
    };
    ask(&app, &cy, "Bo").await.is(201);
    stand("Cy", "suspended").await;
    ask(&app, &app.eve, "Cy").await.refuses(409, "suspended-person", "");
    turn(&app, &bo, "Cy", "accept").await.refuses(409, "suspended-person", "");
    ask(&app, &cy, "Eve").await.refuses(403, "suspended", "");
    stand("Cy", "active").await;
    turn(&app, &bo, "Cy", "accept").await.is(200);
    stand("Cy", "suspended").await;
    assert_eq!(turn(&app, &bo, "Cy", "remove").await.is(200).text("/state"), "removed", "ending it is always possible");
    // By a token that only reads nothing is asked; by one for a single dataset nobody is seen.
    let reads = app.token_for(&app.eve.user, &[Scope::Read], 70).await;
    app.post(AT, &reads, json!({ "to": "Bo" })).await.refuses(403, "scope", "");
    app.post(&format!("{AT}/Bo/accept"), &reads, json!({})).await.refuses(403, "scope", "");
    app.get(&format!("{AT}/Bo"), &reads).await.is(200);
    let narrow = json!({ "label": "one", "scopes": ["data", "read", "groups"], "days": 1, "dataset": app.root.id.to_string() });
    let narrow = app.post("/api/v1/tokens", &app.ada.token, narrow).await.is(201).text("/secret").to_owned();
    app.get(&format!("{AT}/Bo"), &narrow).await.refuses(404, "not-found", "");
    app.post(AT, &narrow, json!({ "to": "Bo" })).await.refuses(404, "not-found", "");
    for number in 0..CONNECTIONS_ASKED_DAY_MAX {
        let name = format!("P{number}");
        app.post("/api/v1/users", &app.ada.token, json!({ "name": name })).await.is(201);
        ask(&app, &app.eve, &name).await.is(201);
    }
    ask(&app, &app.eve, "Bo").await.refuses(429, "too-many-connections", "");
    app.wait(SignedDuration::from_hours(24));
    ask(&app, &app.eve, "Bo").await.is(201);
}
