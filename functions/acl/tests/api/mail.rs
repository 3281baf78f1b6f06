//! What a mail asks, answered by a program.

use domain::{
    dataset::Kind,
    invitation::{Invitee, Target},
    question::{MailNonce, Question, Subject},
    token::Scope,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    asked_first::asking,
    start,
    support::{Answer, TestApp},
};

const AT: &str = "/api/v1/mail/redeem";

/// Keeps what a mail by Ada to Eve asks; the nonce.
async fn mailed(app: &TestApp, letter: char, subject: Subject, mark: &str) -> String {
    let nonce = MailNonce::parse(&letter.to_string().repeat(32)).unwrap();
    let until = app.now() + SignedDuration::from_hours(24);
    let question = Question { to: app.eve.user.id, by: app.ada.user.id, subject, mark: mark.to_owned(), until };
    app.app.table.keep_question(nonce.hash(), &question).await.unwrap();
    nonce.reveal()
}

async fn redeem(app: &TestApp, token: &str, nonce: &str, answer: &str) -> Answer {
    app.post(AT, token, json!({ "nonce": nonce, "answer": answer })).await
}

async fn connection(app: &TestApp) -> (String, String) {
    let pair = app.app.table.pair(app.ada.user.id, app.eve.user.id).await.unwrap().connection.unwrap();
    (pair.version.to_string(), format!("{:?}", pair.state))
}

// SECURITY T35
#[tokio::test]
async fn what_a_mail_asks_is_answered_once_by_whom_it_was_sent_to() {
    let app = start().await;
    app.post("/api/v1/connections", &app.ada.token, json!({ "to": "Eve" })).await.is(201);
    let nonce = mailed(&app, 'a', Subject::Connection, &connection(&app).await.0).await;
    let bo = app.another_administrator().await;
    let mut bodies = Vec::new();
    for (token, nonce) in [(&app.ada.token, nonce.as_str()), (&bo.token, &nonce), (&app.eve.token, "b"), (&app.eve.token, &"b".repeat(32))]
    {
        let mut refused = redeem(&app, token, nonce, "accept").await.refuses(404, "not-found", "");
        refused.json.as_object_mut().unwrap().remove("request_id");
        bodies.push(refused.json);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    redeem(&app, &app.eve.token, &nonce, "maybe").await.refuses(422, "answer", "/answer");
    app.get(AT, &app.eve.token).await.refuses(405, "method", "");
    let reads = app.token_for(&app.eve.user, &[Scope::Read], 300).await;
    redeem(&app, &reads, &nonce, "accept").await.refuses(403, "scope", "");
    assert_eq!(connection(&app).await.1, "Pending");
    let ask = json!({ "nonce": nonce, "answer": "accept" }).to_string();
    let send = async || app.send("POST", AT, &app.eve.token, &[("idempotency-key", "one")], ask.clone()).await;
    let done = send().await.is(200);
    assert_eq!((done.text("/asked"), done.text("/answer"), done.text("/by")), ("connection", "accept", &*app.ada.user.id.to_string()));
    assert_eq!((send().await.is(200).json, connection(&app).await.1.as_str()), (done.json, "Accepted"));
    redeem(&app, &app.eve.token, &nonce, "accept").await.refuses(404, "not-found", "");
    redeem(&app, &app.eve.token, &nonce, "decline").await.refuses(404, "not-found", "");
    // What is asked later is another question.
    app.post("/api/v1/connections/Ada/remove", &app.eve.token, json!({})).await.is(200);
    app.post("/api/v1/connections", &app.ada.token, json!({ "to": "Eve" })).await.is(201);
    redeem(&app, &app.eve.token, &nonce, "accept").await.refuses(404, "not-found", "");
    assert_eq!(connection(&app).await.1, "Pending");
    let second = mailed(&app, 'c', Subject::Connection, &connection(&app).await.0).await;
    app.wait(SignedDuration::from_hours(24));
    redeem(&app, &app.eve.token, &second, "accept").await.refuses(404, "not-found", "");
}

#[tokio::test]
async fn invitations_and_offers_are_answered_by_what_their_mails_hold() {
    let app = asking(start().await, None);
    let dataset = app.a_dataset("notes/", Kind::Folder, 50).await.id;
    let at = format!("/api/v1/datasets/{dataset}");
    let give = async || app.post(&format!("{at}/grants"), &app.ada.token, json!({ "to": "user:Eve", "role": "view" })).await;
    give().await.is(202);
    let mark = async |target: Target| {
        let there = app.app.table.invitation(Invitee::Person(app.eve.user.id), target).await.unwrap().unwrap();
        there.version.to_string()
    };
    let target = Target::Dataset(dataset);
    let first = mailed(&app, 'a', Subject::Invitation(target), &mark(target).await).await;
    // Sent anew, it is another: the mail about the first tells of what is there no more.
    give().await.is(202);
    redeem(&app, &app.eve.token, &first, "accept").await.refuses(404, "not-found", "");
    let second = mailed(&app, 'b', Subject::Invitation(target), &mark(target).await).await;
    let met = redeem(&app, &app.eve.token, &second, "accept").await.is(200);
    assert_eq!((met.text("/asked"), met.text("/dataset")), ("invitation", &*dataset.to_string()));
    app.get(&at, &app.eve.token).await.is(200);
    redeem(&app, &app.eve.token, &second, "decline").await.refuses(404, "not-found", "");
    // An offer: declined, and another accepted.
    for (letter, answer) in [('c', "decline"), ('d', "accept")] {
        let offered = app.post(&format!("{at}/offers"), &app.ada.token, json!({ "to": "Eve" })).await.is(201);
        let nonce = mailed(&app, letter, Subject::Offer(dataset), offered.text("/id")).await;
        assert_eq!(redeem(&app, &app.eve.token, &nonce, answer).await.is(200).text("/asked"), "offer");
        redeem(&app, &app.eve.token, &nonce, answer).await.refuses(404, "not-found", "");
    }
    let owner: Value = app.get(&at, &app.eve.token).await.is(200).json["owner"].clone();
    assert_eq!(owner, json!(app.eve.user.id.to_string()));
}
