//! What waits for an e-mail address, until its person signs in.

use domain::{dataset::Kind, token::Scope};
use edge::{
    provider::{Provider, ProviderSettings},
    sign_in,
};
use http::Method;
use identity::Verified;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    start,
    support::{Answer, TestApp},
};

const ISSUER: &str = "https://id.test";

/// An app whose people come from a provider that vouches for addresses, or does not.
pub(crate) async fn vouching(vouches: &str) -> TestApp {
    let mut app = start().await;
    app.app.provider = Some(provider(vouches));
    app.router = acl::router(app.app.clone());
    app
}

fn provider(vouches: &str) -> Provider {
    let set = |name: &str| match name {
        "OFFPRINT_OIDC_ISSUER" => Some(ISSUER.to_owned()),
        "OFFPRINT_OIDC_AUDIENCE" => Some("offprint".to_owned()),
        "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some(vouches.to_owned()),
        _ => None,
    };
    Provider::new(ProviderSettings::read(set).unwrap().unwrap(), false)
}

/// Somebody who has signed in.
pub(crate) struct Member {
    pub(crate) token: String,
    pub(crate) id: String,
}

/// Signs in whom the provider proves, with the address that it vouches for.
pub(crate) async fn sign_in(app: &TestApp, subject: &str, email: Option<&str>) -> Member {
    let known = Verified {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        name: Some(subject.to_owned()),
        email: email.map(str::to_owned),
        groups: Vec::new(),
        issued_at: None,
        until: app.now() + SignedDuration::from_hours(1),
    };
    let signed_in = sign_in::as_identified(&app.app, &known, app.now()).await.unwrap();
    Member { token: signed_in.secret.reveal(), id: signed_in.user.id.to_string() }
}

async fn dataset(app: &TestApp) -> String {
    format!("/api/v1/datasets/{}", app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await.id)
}

pub(crate) async fn invite(app: &TestApp, dataset: &str, by: &str, email: &str, role: &str) -> Answer {
    app.post(&format!("{dataset}/invitations"), by, json!({ "email": email, "role": role })).await
}

async fn states(app: &TestApp, dataset: &str) -> Vec<String> {
    let listed = app.get(&format!("{dataset}/invitations"), &app.ada.token).await.is(200);
    listed.json["items"].as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap().to_owned()).collect()
}

// Issue 3, 3; FEATURES A5; SECURITY T32
#[tokio::test]
async fn an_address_waits_and_its_person_gets_the_grant_on_signing_in() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    let sent = invite(&app, &dataset, &app.ada.token, "Nia@Lab.example", "view").await.is(202);
    assert_eq!((sent.text("/email"), sent.text("/role")), ("Nia@Lab.example", "view"));
    assert_eq!(sent.text("/waits_until"), (app.now() + SignedDuration::from_hours(30 * 24)).to_string());
    assert_eq!(states(&app, &dataset).await, ["waiting"]);
    let sharing = async || app.get(&format!("{dataset}/sharing"), &app.ada.token).await.is(200).json["invitations"].clone();
    assert_eq!(sharing().await[0]["address"], sent.json["address"]);
    for (subject, email) in [("mal", None), ("mal", Some("nia+x@lab.example")), ("mal", Some("nia@lab.example.org")), ("nia", None)] {
        let stranger = sign_in(&app, subject, email).await;
        app.get(&dataset, &stranger.token).await.refuses(404, "not-found", "");
    }
    assert_eq!(states(&app, &dataset).await, ["waiting"], "nobody else meets it");
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    let seen = app.get(&dataset, &nia.token).await.is(200);
    assert!(seen.json["rights"].to_string().contains("read") && !seen.json["rights"].to_string().contains("administer"), "{seen:?}");
    assert_eq!((states(&app, &dataset).await, sharing().await), (vec!["met".to_owned()], json!([])));
    let grants = app.get(&format!("{dataset}/grants"), &app.ada.token).await.is(200);
    assert_eq!((grants.text("/items/0/to"), grants.text("/items/0/by")), (&*format!("user:{}", nia.id), &*app.ada.user.id.to_string()));
    // What was taken back stays taken back.
    let ask = json!({ "to": format!("user:{}", nia.id) });
    app.post(&format!("{dataset}/grants/withdraw"), &app.ada.token, ask).await.is(200);
    let again = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &again.token).await.refuses(404, "not-found", "");
    let audit = app.get("/api/v1/audit?limit=100", &app.ada.token).await.is(200).json.to_string();
    assert!(audit.contains("invitation.send") && !audit.to_lowercase().contains("nia@lab"), "no address is in the audit");
}

// SECURITY T32: an address proves nothing unless its issuer is believed
#[tokio::test]
async fn an_address_means_nothing_where_nobody_vouches_for_it() {
    let mut app = vouching("true").await;
    let dataset = dataset(&app).await;
    invite(&app, &dataset, &app.ada.token, "nia@lab.example", "view").await.is(202);
    app.app.provider = Some(provider("false"));
    app.router = acl::router(app.app.clone());
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &nia.token).await.refuses(404, "not-found", "");
    invite(&app, &dataset, &app.ada.token, "bo@lab.example", "view").await.refuses(422, "no-invitations", "/email");
    let without = start().await;
    let dataset = self::dataset(&without).await;
    invite(&without, &dataset, &without.ada.token, "bo@lab.example", "view").await.refuses(422, "no-invitations", "/email");
}

// FEATURES A9; SECURITY T35
#[tokio::test]
async fn what_waits_says_nothing_about_accounts() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    sign_in(&app, "nia", Some("nia@lab.example")).await;
    let known = invite(&app, &dataset, &app.ada.token, "nia@lab.example", "view").await.is(202);
    let unknown = invite(&app, &dataset, &app.ada.token, "nix@lab.example", "view").await.is(202);
    let told = |answer: &Answer| {
        let mut body = answer.json.clone();
        for own in ["email", "address"] {
            assert!(body.as_object_mut().unwrap().remove(own).is_some());
        }
        let names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        (body, names, answer.headers.get("content-length").cloned())
    };
    assert_eq!(told(&known), told(&unknown));
    assert_eq!(known.text("/address").len(), unknown.text("/address").len());
    let listed = app.get(&format!("{dataset}/invitations"), &app.ada.token).await.is(200);
    let without = |at: usize| {
        let mut item = listed.json["items"][at].clone();
        item.as_object_mut().unwrap().remove("address");
        item
    };
    assert_eq!(without(0), without(1), "nor does the list, while it waits");
    for (by, subject) in [("to", "user:nia@lab.example"), ("to", "email:nia@lab.example")] {
        for known in [subject, &subject.replace("nia", "nix")] {
            let refused = app.post(&format!("{dataset}/grants"), &app.ada.token, json!({ by: known, "role": "view" })).await;
            assert_eq!(refused.status.as_u16(), 422, "{known}");
        }
    }
    let check = async |user: &str| {
        let ask = json!({ "dataset": dataset.rsplit('/').next().unwrap(), "user": user, "action": "read" });
        app.post("/api/v1/check", &app.ada.token, ask).await.refuses(422, "no-such-user", "/user").json["detail"].clone()
    };
    assert_eq!(check("nia@lab.example").await, check("nix@lab.example").await, "an address is nobody's name");
    // Some providers say an address where others say a number, or a name.
    let eva = sign_in(&app, "eva@lab.example", Some("eva@lab.example")).await;
    assert_eq!(app.get("/api/v1/me", &eva.token).await.is(200).text("/name"), "eva");
    assert_eq!(check("eva@lab.example").await, check("evx@lab.example").await);
    for address in ["eva@lab.example", "evx@lab.example"] {
        app.get(&format!("/api/v1/users/{address}"), &app.ada.token).await.is(404);
    }
    app.post("/api/v1/users", &app.ada.token, json!({ "name": "eva@lab.example" })).await.refuses(422, "user-name", "/name");
}

// ACCESS R2: never by a right that was taken away
#[tokio::test]
async fn what_waits_counts_by_what_its_sender_may_give_when_it_is_met() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    let grants = format!("{dataset}/grants");
    let as_manager = json!({ "to": "user:Eve", "role": "manager" });
    app.post(&grants, &app.ada.token, as_manager.clone()).await.is(201);
    invite(&app, &dataset, &app.eve.token, "nia@lab.example", "manager").await.is(202);
    invite(&app, &dataset, &app.eve.token, "nia@lab.example", "owner").await.refuses(422, "ownership", "/role");
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": "user:Eve" })).await.is(200);
    invite(&app, &dataset, &app.eve.token, "bo@lab.example", "view").await.refuses(404, "not-found", "");
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &nia.token).await.refuses(404, "not-found", "");
    assert_eq!(states(&app, &dataset).await, ["waiting"]);
    app.post(&grants, &app.ada.token, as_manager).await.is(201);
    let block = json!({ "user": "Eve", "blocked": true });
    app.post("/api/v1/sources/demo/blocks", &app.ada.token, block).await.is(200);
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &nia.token).await.refuses(404, "not-found", "");
    let unblock = json!({ "user": "Eve", "blocked": false });
    app.post("/api/v1/sources/demo/blocks", &app.ada.token, unblock).await.is(200);
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &nia.token).await.is(200);
    assert_eq!(states(&app, &dataset).await, ["met"]);
}

#[tokio::test]
async fn whoever_has_a_grant_keeps_it_and_nobody_invites_himself() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    let nia = sign_in(&app, "nia", None).await;
    let grants = format!("{dataset}/grants");
    app.post(&grants, &app.ada.token, json!({ "to": format!("user:{}", nia.id), "role": "preview" })).await.is(201);
    invite(&app, &dataset, &app.ada.token, "nia@lab.example", "manager").await.is(202);
    sign_in(&app, "nia", Some("nia@lab.example")).await;
    let listed = app.get(&grants, &app.ada.token).await.is(200);
    assert_eq!((listed.text("/items/0/role"), states(&app, &dataset).await), ("preview", vec!["met".to_owned()]));
    // A manager for a while asks for himself what he may not have for good.
    let until = (app.now() + SignedDuration::from_hours(24)).to_string();
    let bo = sign_in(&app, "bo", None).await;
    app.post(&grants, &app.ada.token, json!({ "to": format!("user:{}", bo.id), "role": "manager", "until": until })).await.is(201);
    invite(&app, &dataset, &bo.token, "bo@lab.example", "view").await.refuses(403, "more-than-giver", "");
    let ask = json!({ "email": "bo@lab.example", "role": "view", "until": until });
    app.post(&format!("{dataset}/invitations"), &bo.token, ask).await.is(202);
    app.post(&format!("{grants}/withdraw"), &app.ada.token, json!({ "to": format!("user:{}", bo.id) })).await.is(200);
    let bo = sign_in(&app, "bo", Some("bo@lab.example")).await;
    app.get(&dataset, &bo.token).await.refuses(404, "not-found", "");
    // A grant that has ended is none to keep.
    let cai = sign_in(&app, "cai", None).await;
    app.post(&grants, &app.ada.token, json!({ "to": format!("user:{}", cai.id), "role": "view", "until": until })).await.is(201);
    app.wait(SignedDuration::from_hours(24));
    invite(&app, &dataset, &app.ada.token, "cai@lab.example", "download").await.is(202);
    let cai = sign_in(&app, "cai", Some("cai@lab.example")).await;
    assert!(app.get(&dataset, &cai.token).await.is(200).json["rights"].to_string().contains("download"));
}

#[tokio::test]
async fn an_invitation_is_taken_back_by_its_address_or_what_stands_for_it() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    let withdraw = format!("{dataset}/invitations/withdraw");
    let first = invite(&app, &dataset, &app.ada.token, "nia@lab.example", "view").await.is(202);
    let gone = app.post(&withdraw, &app.ada.token, json!({ "email": "NIA@lab.example", "reason": "a slip" })).await.is(200);
    assert_eq!((gone.text("/state"), gone.text("/address")), ("withdrawn", first.text("/address")));
    let nia = sign_in(&app, "nia", Some("nia@lab.example")).await;
    app.get(&dataset, &nia.token).await.refuses(404, "not-found", "");
    // Sent again, it waits again; and goes again, by the list's own word for it.
    invite(&app, &dataset, &app.ada.token, "nia@lab.example", "view").await.is(202);
    app.post(&withdraw, &app.ada.token, json!({ "address": first.text("/address") })).await.is(200);
    assert_eq!(states(&app, &dataset).await, ["withdrawn"]);
    let none = json!({ "email": "nobody@lab.example" });
    app.post(&withdraw, &app.ada.token, none).await.refuses(404, "no-such-invitation", "");
    for both in [json!({}), json!({ "email": "nia@lab.example", "address": first.text("/address") }), json!({ "email": "nia" })] {
        app.post(&withdraw, &app.ada.token, both).await.refuses(422, "email", "/email");
    }
    for wrong in ["", "nia", "nia@", "n\u{131}a@lab.example", "nia@lab.example, bo@lab.example"] {
        invite(&app, &dataset, &app.ada.token, wrong, "view").await.refuses(422, "email", "/email");
    }
    let eve = app.post(&withdraw, &app.eve.token, json!({ "email": "nia@lab.example" })).await;
    eve.refuses(404, "not-found", "");
}

#[tokio::test]
async fn an_invitation_ends_after_thirty_days_and_twenty_are_sent_in_a_day() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    for number in 0..20 {
        invite(&app, &dataset, &app.ada.token, &format!("n{number}@lab.example"), "view").await.is(202);
    }
    let refused = invite(&app, &dataset, &app.ada.token, "n20@lab.example", "view").await;
    refused.refuses(429, "too-many-invitations", "");
    assert_eq!(states(&app, &dataset).await.len(), 20);
    app.wait(SignedDuration::from_hours(24));
    invite(&app, &dataset, &app.ada.token, "n20@lab.example", "view").await.is(202);
    app.wait(SignedDuration::from_hours(29 * 24));
    let last = sign_in(&app, "n20", Some("n20@lab.example")).await;
    app.get(&dataset, &last.token).await.is(200);
    let late = sign_in(&app, "n0", Some("n0@lab.example")).await;
    app.get(&dataset, &late.token).await.refuses(404, "not-found", "");
    let states = states(&app, &dataset).await;
    assert_eq!((states[0].as_str(), states.iter().filter(|state| *state == "ended").count()), ("met", 20));
}

// SECURITY T38
#[tokio::test]
async fn an_invitation_that_is_sent_twice_is_one() {
    let app = vouching("true").await;
    let dataset = dataset(&app).await;
    let address = format!("{dataset}/invitations");
    let send = async |email: &str| {
        let ask: Value = json!({ "email": email, "role": "view" });
        app.send(Method::POST.as_str(), &address, &app.ada.token, &[("idempotency-key", "one")], ask.to_string()).await
    };
    let first = send("nia@lab.example").await.is(202);
    assert_eq!(send("nia@lab.example").await.is(202).json, first.json);
    send("bo@lab.example").await.refuses(422, "idempotency-mismatch", "");
    // SECURITY T35: nothing that is kept of the request tells, without the deployment's key, whether it named a guessed address.
    for guess in ["nia@lab.example", "bo@lab.example"] {
        for body in
            [json!({ "email": guess, "role": "view" }).to_string(), format!("{{\"email\":\"{guess}\",\"role\":\"view\",\"zones\":[]}}")]
        {
            let request = edge::once::request_hash(&format!("POST {address}"), body.as_bytes());
            let guessed = table::once::Once { key: "one".to_owned(), request };
            let told = app.app.table.once(app.ada.user.id, &guessed, app.now()).await;
            assert_eq!(told, Err(table::TableError::Mismatch), "{body}");
        }
    }
    let audit = app.get("/api/v1/audit?verb=invitation.send", &app.ada.token).await.is(200);
    assert_eq!(audit.json["items"].as_array().unwrap().len(), 1);
    let token = app.token_for(&app.ada.user, &[Scope::Read], 500).await;
    invite(&app, &dataset, &token, "bo@lab.example", "view").await.refuses(403, "scope", "");
}
