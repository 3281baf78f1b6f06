//! `POST /api/v1/links/{id}/promote`: a review link becomes a publication link (L12).

use domain::{
    grant::Zones,
    source::{Audience, Ceilings},
    token::Scope,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    id_of, instant, start, start_under,
    support::{Answer, Person, TestApp},
};

impl TestApp {
    /// Asks for a promotion of this version, under this `Idempotency-Key` if it is not empty.
    async fn promote(&self, by: &Person, link: &Value, version: u64, (key, query): (&str, &str), ask: Value) -> Answer {
        let seen = format!("\"{version}\"");
        let mut headers = vec![("if-match", seen.as_str())];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        self.send("POST", &format!("/api/v1/links/{}/promote{query}", id_of(link)), &by.token, &headers, ask.to_string()).await
    }

    async fn state_of(&self, link: &Value) -> Value {
        self.get(&format!("/api/v1/links/{}", id_of(link)), &self.ada.token).await.is(200).json
    }
}

/// Of a link, what a promotion changes.
fn changes(link: &Value) -> Value {
    json!({ "class": link["class"], "stewarded": link["stewarded"], "until": link["until"], "version": link["version"] })
}

// L12; SEMANTICS 5, 6
#[tokio::test]
async fn a_review_link_is_promoted_at_its_url_and_lives_by_the_bound_of_publications() {
    let app = start().await;
    let link = app.a_link(json!({ "class": "review", "path": "fused.ome.zarr/", "label": "paper" })).await;
    let ask = json!({ "reason": "accepted" });
    app.post(&format!("/api/v1/links/{}/promote", id_of(&link)), &app.ada.token, json!({})).await.refuses(428, "if-match", "");
    app.promote(&app.ada, &link, 7, ("a", ""), ask.clone()).await.refuses(412, "stale", "");
    app.promote(&app.ada, &link, 1, ("", "?dry-run=true"), ask.clone()).await.refuses(400, "query", "");
    app.promote(&app.ada, &link, 1, ("", ""), json!({ "until": "soon" })).await.refuses(422, "until", "/until");
    app.promote(&app.ada, &link, 1, ("", ""), json!({ "reason": "x".repeat(1_001) })).await.refuses(422, "reason", "/reason");
    app.promote(&app.ada, &link, 1, ("", ""), json!({ "class": "publication" })).await.refuses(400, "body", "/class");

    // What it would be is what it is then, and nothing was written to say so.
    let would = app.promote(&app.ada, &link, 1, ("a", "?dry_run=true"), ask.clone()).await.is(200);
    assert_eq!(app.state_of(&link).await, link);
    let promoted = app.promote(&app.ada, &link, 1, ("a", ""), ask.clone()).await.is(200);
    let mut uncoded = promoted.json.clone();
    let code = uncoded["link"].as_object_mut().unwrap().remove("code").unwrap();
    assert_eq!(uncoded["link"]["page"].as_str(), Some(format!("/s/{}", code.as_str().unwrap()).as_str()));
    uncoded["link"]["page"] = link["page"].clone();
    assert_eq!((&would.json, link.get("code")), (&uncoded, None), "its code is drawn when it is promoted");
    let found = app.post("/api/v1/links/resolve", &app.ada.token, json!({ "url": code })).await.is(200);
    assert_eq!(found.json, promoted.json["link"]);
    assert_eq!((&would.headers["etag"], &promoted.headers["etag"]), (&"\"2\"".parse().unwrap(), &"\"2\"".parse().unwrap()));
    assert_eq!(changes(&promoted.json["link"]), json!({ "class": "publication", "stewarded": true, "until": null, "version": 2 }));
    assert_eq!((&promoted.json["shows_path"], promoted.json.get("enforced_by")), (&json!(true), None));
    for field in ["id", "url", "name", "label", "maker", "made", "dataset", "path", "streamed_url"] {
        assert_eq!(promoted.json["link"][field], link[field], "{field}");
    }
    assert!(link["url"].as_str().unwrap().ends_with("/data.ome.zarr"));

    // The same request again, and late; the same act again; and one that was decided before.
    assert_eq!(app.promote(&app.ada, &link, 1, ("a", ""), ask.clone()).await.is(200).json, promoted.json);
    app.promote(&app.ada, &link, 1, ("a", ""), json!({})).await.refuses(422, "idempotency-mismatch", "");
    app.promote(&app.ada, &link, 1, ("", ""), ask.clone()).await.refuses(412, "stale", "");
    assert_eq!(app.promote(&app.ada, &link, 2, ("b", ""), json!({ "until": "3d" })).await.is(200).json, promoted.json, "it is one");
    assert_eq!(app.state_of(&link).await, promoted.json["link"]);

    // Which end it has counts for what it is now, and so does the bound.
    let path = format!("/api/v1/links/{}", id_of(&link));
    app.post(&format!("{path}/revoke"), &app.ada.token, json!({})).await.refuses(409, "reason-needed", "/reason");
    let withdrawn = app.post(&format!("{path}/revoke"), &app.ada.token, json!({ "reason": "retracted" })).await.is(200).json;
    assert_eq!(withdrawn["link"]["state"], "withdrawn");
    assert_eq!(instant(&withdrawn["enforced_by"]), app.now() + SignedDuration::from_secs(331));
    assert_eq!(app.promote(&app.ada, &link, 1, ("a", ""), ask.clone()).await.is(200).json["link"]["state"], "withdrawn", "a replay");
    app.promote(&app.ada, &link, 2, ("", ""), ask).await.refuses(410, "link-withdrawn", "");
}

// What is asked of a new publication link is asked of this one
#[tokio::test]
async fn a_promotion_is_held_to_what_a_publication_link_is() {
    let app = start().await;
    for class in ["collaboration", "event"] {
        let other = app.a_link(json!({ "class": class })).await;
        app.promote(&app.ada, &other, 1, ("", ""), json!({})).await.refuses(409, "not-review", "");
    }
    let link = app.a_link(json!({ "class": "review", "label": "r", "until": "60d" })).await;
    // An end that is sooner than the one before takes something away: by the slower bound.
    let sooner = app.promote(&app.ada, &link, 1, ("", ""), json!({ "until": "3d" })).await.is(200).json;
    assert_eq!(instant(&sooner["enforced_by"]), app.now() + SignedDuration::from_secs(331));
    assert_eq!(instant(&sooner["link"]["until"]), app.now() + SignedDuration::from_hours(72));
    // What it may have as a publication link it keeps; hard zones hide the path still.
    let options =
        json!({ "class": "review", "label": "o", "zones": ["192.0.2.0/24"], "hard_zones": true, "hide_listing": true, "sessions_max": 3 });
    let kept = app.a_link(options).await;
    app.post(&format!("/api/v1/links/{}/pause", id_of(&kept)), &app.ada.token, json!({})).await.is(200);
    let promoted = app.promote(&app.ada, &kept, 2, ("", ""), json!({})).await.is(200).json;
    assert_eq!((&promoted["shows_path"], &promoted["link"]["state"]), (&json!(false), &json!("paused")), "a pause is its own act");
    for field in ["zones", "hard_zones", "hide_listing", "sessions_max", "role", "strict"] {
        assert_eq!(promoted["link"][field], kept[field], "{field}");
    }
    // The review was over.
    let late = app.a_link(json!({ "class": "review", "label": "l", "until": "1d" })).await;
    app.wait(SignedDuration::from_hours(25));
    assert_eq!(app.state_of(&late).await["state"], "expired");
    assert_eq!(app.promote(&app.ada, &late, 1, ("", ""), json!({})).await.is(200).json["link"]["state"], "live");
    let revoked = app.a_link(json!({ "class": "review", "label": "x" })).await;
    app.post(&format!("/api/v1/links/{}/revoke", id_of(&revoked)), &app.ada.token, json!({})).await.is(200);
    app.promote(&app.ada, &revoked, 1, ("", ""), json!({})).await.refuses(410, "link-revoked", "");

    let narrow = Ceilings { audience: Audience::Link, link_days_max: None, zones: Zones::EVERYWHERE, hard_zones: false, terms: None };
    let app = start_under(narrow.clone()).await;
    let link = app.a_link(json!({ "class": "review" })).await;
    app.promote(&app.ada, &link, 1, ("", ""), json!({})).await.refuses(403, "audience-too-wide", "/class");
    let app = start_under(Ceilings { audience: Audience::World, link_days_max: Some(100), ..narrow }).await;
    let link = app.a_link(json!({ "class": "review" })).await;
    let far = app.promote(&app.ada, &link, 1, ("", ""), json!({})).await.refuses(422, "until-too-far", "/until");
    assert_eq!(far.json["days_max"], 100, "without an end it is longer than any");
    app.promote(&app.ada, &link, 1, ("", "?dry_run=true"), json!({})).await.refuses(422, "until-too-far", "/until");
    app.promote(&app.ada, &link, 1, ("", ""), json!({ "until": "100d" })).await.is(200);
}

// ACCESS 5, R4, R5
#[tokio::test]
async fn a_token_that_may_not_make_links_promotes_none() {
    let app = start().await;
    let link = app.a_link(json!({ "class": "review" })).await;
    for (number, scopes) in [(80, &[Scope::Read][..]), (81, &[Scope::Data, Scope::Datasets, Scope::Groups])] {
        let token = app.token_for(&app.ada.user, scopes, number).await;
        let by = Person { user: app.ada.user.clone(), token };
        for query in ["", "?dry_run=true"] {
            assert_eq!(app.promote(&by, &link, 1, ("", query), json!({})).await.refuses(403, "scope", "").json["scope"], "links");
        }
    }
    for query in ["", "?dry_run=true"] {
        app.promote(&app.eve, &link, 1, ("", query), json!({})).await.refuses(404, "not-found", "");
    }
    assert_eq!(app.state_of(&link).await, link);
}
