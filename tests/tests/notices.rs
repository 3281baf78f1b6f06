//! What others do is told by mail: once, in time, to whom it concerns, by a real mail server and over crashes (SEMANTICS 8).

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::AttributeValue;
use edge::{provider::ProviderSettings, sign_in};
use http::{Method, StatusCode};
use identity::Verified;
use jiff::SignedDuration;
use jobs::{EventError, Jobs, Post, Round};
use serde_json::{Value, json};
use table::{Table, outbox::SHARDS};
use tests::{
    app::TestApp,
    mail::MailServer,
    oidc::{AUDIENCE, Oidc},
    world::{Expect, Up},
};

const ISSUER: &str = "https://id.test";
const FROM: &str = "Offprint <offprint@lab.example>";

/// A deployment that believes its provider's addresses, and whoever is told.
struct Scene {
    app: TestApp,
    dataset: String,
}

/// Somebody who signed in through the provider.
struct Person {
    id: String,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        let set = |name: &str| match name {
            "OFFPRINT_OIDC_ISSUER" => Some(ISSUER.to_owned()),
            "OFFPRINT_OIDC_AUDIENCE" => Some(AUDIENCE.to_owned()),
            "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some("true".to_owned()),
            _ => None,
        };
        let app = TestApp::with_provider(ProviderSettings::read(set).expect("settings").expect("a provider")).await;
        let dataset = app.dataset("plain-v2.ome.zarr").await;
        Self { app, dataset }
    }

    async fn person(&self, name: &str, email: Option<&str>) -> Person {
        let known = Verified {
            issuer: ISSUER.to_owned(),
            subject: name.to_owned(),
            name: Some(name.to_owned()),
            email: email.map(str::to_owned),
            groups: Vec::new(),
            issued_at: None,
            until: self.app.now() + SignedDuration::from_hours(1),
        };
        let signed = sign_in::as_identified(&self.app.app, &known, self.app.now()).await.expect("it signs in");
        Person { id: signed.user.id.to_string(), token: signed.secret.reveal() }
    }

    async fn done(&self, token: &str, method: Method, path: &str, ask: Value) -> Value {
        let answer = self.app.api_as(token, method, path, Some(ask), &[]).await;
        assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    async fn shares(&self, to: &Person) {
        let ask = json!({ "to": format!("user:{}", to.id), "role": "view" });
        self.done(&self.app.token, Method::POST, &format!("/api/v1/datasets/{}/grants", self.dataset), ask).await;
    }

    fn by(&self, server: &MailServer) -> Jobs {
        let address = format!("smtp://127.0.0.1:{}", server.port).parse().expect("an address");
        Jobs::new(self.app.app.clone(), Post::server(&address, FROM, None).expect("a post"))
    }
}

async fn round(jobs: &Jobs) -> Round {
    Box::pin(jobs.round()).await.expect("the table answers")
}

const NOTHING: Round = Round { sent: 0, dropped: 0, failed: 0, given_up: 0, put_off: 0 };

async fn answered(jobs: &Jobs, event: &Value) -> (Value, Round) {
    Box::pin(jobs.answer(event)).await.expect("the table answers")
}

/// No record of the stream has failed.
fn whole() -> Value {
    json!({ "batchItemFailures": [] })
}

/// What the clock's strike looks like.
fn strike() -> Value {
    json!({ "version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} })
}

/// A record of the table's stream, as Lambda hands it over. The image in it is an old one: nobody may believe it.
fn record(pk: &str, sk: &str, number: usize) -> Value {
    json!({
        "eventID": number.to_string(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "dynamodb": {
            "Keys": { "pk": { "S": pk }, "sk": { "S": sk } },
            "NewImage": { "pk": { "S": pk }, "sk": { "S": sk }, "state": { "S": "waiting" }, "due": { "N": "0" }, "version": { "N": "1" } },
            "SequenceNumber": number.to_string(), "SizeBytes": 300, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

impl Scene {
    /// The keys of what waits for a person, as the table has them.
    async fn waits(&self, person: &Person) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for shard in 0..SHARDS {
            let due = self.app.app.table.due_notices(shard, self.app.now()).await.expect("the table answers");
            let ids = due.iter().map(|one| one.notice.id).filter(|id| id.to.to_string() == person.id);
            keys.extend(ids.map(|id| (format!("O#{shard}"), format!("{}#{}", id.entry, id.to))));
        }
        keys
    }

    /// A notice that nobody can read: by a flag of a version to come.
    async fn spoil(&self, (pk, sk): &(String, String)) {
        let keys = &self.app.keys;
        let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
        let settings = Table::settings(Some(self.app.table_url.clone()), "us-east-1", Some(credentials)).expect("settings");
        let change = aws_sdk_dynamodb::Client::from_conf(settings).update_item().table_name("offprint");
        let change = change.key("pk", AttributeValue::S(pk.clone())).key("sk", AttributeValue::S(sk.clone()));
        let flag = AttributeValue::L(vec![AttributeValue::S("tomorrow".to_owned())]);
        change.update_expression("SET needs = :flag").expression_attribute_values(":flag", flag).send().await.expect("a change");
    }
}

/// A header of a mail, as it stands.
fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_else(|| panic!("no {name} in {mail}"))
}

// ACCESS 7; A16: where people are asked first, whoever is asked hears of it, and whoever asked of the answer
#[tokio::test]
async fn an_invitation_is_mailed_to_whom_it_is_for_and_its_acceptance_to_who_sent_it() {
    let (mut scene, server) = (Scene::new().await, MailServer::start());
    scene.app.ask_first();
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    let project = scene.done(&bo.token, Method::POST, "/api/v1/projects", json!({ "name": "retina" })).await;
    let (id, dataset) = (project["id"].as_str().expect("an id").to_owned(), scene.dataset.clone());
    let members = format!("/api/v1/projects/{id}/members");
    scene.done(&bo.token, Method::POST, &members, json!({ "users": [cy.id] })).await;
    scene.done(&bo.token, Method::POST, &members, json!({ "users": [cy.id], "role": "leader" })).await;
    scene.shares(&cy).await;
    assert_eq!(round(&jobs).await, Round { sent: 2, ..NOTHING }, "one that waits already is told of once");
    let mut subjects: Vec<_> = server.mails().iter().map(|mail| header(mail, "Subject").to_owned()).collect();
    subjects.sort();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert!(subjects.iter().any(|subject| subject == "Bo invites you to the project retina"), "{subjects:?}");
    let told = server.mails().join("\n");
    assert!(told.contains(&format!("invitation accept {id}")) && !told.contains("offprint_"), "{told}");
    // The page that the mail leads to, by what stands at the end of its address, is for whom it was sent to.
    let nonce = |about: &str| {
        let mail = server.mails().into_iter().find(|mail| mail.contains(about)).expect("a mail");
        // A long line goes on in the next.
        let text = mail.replace("=\r\n", "");
        text.split("https://app.test/mail/").nth(1).expect("an address").chars().take(32).collect::<String>()
    };
    let ask = json!({ "nonce": nonce("the project retina"), "answer": "accept" });
    let strange = scene.app.api_as(&bo.token, Method::POST, "/api/v1/mail/redeem", Some(ask.clone()), &[]).await;
    assert_eq!(strange.status, StatusCode::NOT_FOUND);
    // What was taken back before it was told is not told.
    scene.done(&bo.token, Method::POST, "/api/v1/projects", json!({ "name": "other" })).await;
    scene.done(&bo.token, Method::POST, "/api/v1/projects/other/members", json!({ "users": [cy.id] })).await;
    let gone = json!({ "user": cy.id });
    scene.done(&bo.token, Method::POST, "/api/v1/projects/other/invitations/withdraw", gone).await;
    assert_eq!(round(&jobs).await, Round { dropped: 1, ..NOTHING });
    assert_eq!(scene.done(&cy.token, Method::POST, "/api/v1/mail/redeem", ask).await["project"], json!(id));
    scene.done(&cy.token, Method::POST, &format!("/api/v1/me/invitations/{dataset}/accept"), Value::Null).await;
    // The owner of the dataset has no address here.
    assert_eq!(round(&jobs).await, Round { sent: 1, dropped: 1, ..NOTHING });
    let mails = server.mails();
    let last = mails.last().expect("a mail");
    assert_eq!((header(last, "Subject"), header(last, "To")), ("Cy accepted your invitation to the project retina", "Bo <bo@lab.example>"));
}

// ACCESS 6; A16: told once, and no key
#[tokio::test]
async fn what_others_do_is_mailed_once_to_whom_it_concerns() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("Bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    let link = scene.app.link("plain-v2.ome.zarr", json!({})).await;
    scene.shares(&bo).await;
    scene.shares(&bo).await;
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    assert_eq!(round(&jobs).await, NOTHING, "once");
    let mails = server.mails();
    assert_eq!((mails.len(), header(&mails[0], "X-To")), (1, "bo@lab.example"));
    assert!(header(&mails[0], "Subject").ends_with("shared demo:plain-v2.ome.zarr/ with you"), "{}", mails[0]);
    scene.done(&bo.token, Method::POST, "/api/v1/connections", json!({ "to": "Cy" })).await;
    scene.done(&cy.token, Method::POST, "/api/v1/connections/Bo/accept", json!({})).await;
    let project = scene.done(&bo.token, Method::POST, "/api/v1/projects", json!({ "name": "retina" })).await;
    let members = format!("/api/v1/projects/{}/members", project["id"].as_str().expect("an id"));
    scene.done(&bo.token, Method::POST, &members, json!({ "users": ["Cy"] })).await;
    // What was asked waits no more, for it was answered: only that is told.
    assert_eq!(round(&jobs).await, Round { sent: 2, dropped: 1, ..NOTHING });
    let told: BTreeSet<_> =
        server.mails()[1..].iter().map(|mail| (header(mail, "X-To").to_owned(), header(mail, "Subject").to_owned())).collect();
    let want = [("bo@lab.example", "Cy accepted: you are connected"), ("cy@lab.example", "Bo took you into the project retina")];
    assert_eq!(told, BTreeSet::from(want.map(|(to, subject)| (to.to_owned(), subject.to_owned()))));
    let offer = format!("/api/v1/datasets/{}/offers", scene.dataset);
    scene.done(&scene.app.token, Method::POST, &offer, json!({ "to": "Bo" })).await;
    assert_eq!(round(&jobs).await.sent, 1);
    scene.done(&bo.token, Method::POST, &format!("{offer}/accept"), json!({})).await;
    // Of whoever made it no address is known.
    assert_eq!(round(&jobs).await, Round { dropped: 1, ..NOTHING });
    let all = server.mails().concat();
    let key = link["url"].as_str().expect("a URL").rsplit('/').find(|part| part.len() == 32).expect("a key").to_owned();
    for secret in [key.as_str(), "offprint_", &scene.app.token, &bo.token] {
        assert!(!all.contains(secret), "a mail holds no secret");
    }
    assert!(all.contains("https://app.test/") && all.contains(&format!("offprint offer accept {}", scene.dataset)), "{all}");
}

// ACCESS 6: giving and taking back, over and over, is one mail; so is what begins later, when it begins
#[tokio::test]
async fn whoever_is_given_the_same_again_and_again_is_told_once_a_day_and_of_what_begins_later_then() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, jobs) = (scene.person("Bo", Some("bo@lab.example")).await, scene.by(&server));
    let grants = format!("/api/v1/datasets/{}/grants", scene.dataset);
    let withdraw = async || scene.done(&scene.app.token, Method::POST, &format!("{grants}/withdraw"), json!({ "to": "user:Bo" })).await;
    for _time in 0..3 {
        scene.shares(&bo).await;
        withdraw().await;
    }
    scene.shares(&bo).await;
    assert_eq!(round(&jobs).await, Round { sent: 1, dropped: 3, ..NOTHING });
    scene.app.pass_secs(86_401);
    withdraw().await;
    scene.shares(&bo).await;
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING }, "a day later");
    withdraw().await;
    scene.app.pass_secs(86_401);
    let begins = (scene.app.now() + SignedDuration::from_hours(2)).to_string();
    let later = json!({ "to": "user:Bo", "role": "view", "not_before": begins });
    scene.done(&scene.app.token, Method::POST, &grants, later).await;
    assert_eq!(round(&jobs).await, NOTHING, "it is not so yet");
    scene.app.pass_secs(7_201);
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    assert_eq!(server.mails().len(), 3);
}

// Issue 4, 4: retries, dead letters; an address is nowhere else
#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_refusal_is_a_dead_letter() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    server.does("busy", "");
    scene.shares(&bo).await;
    assert_eq!(round(&jobs).await, Round { failed: 1, ..NOTHING });
    assert_eq!(round(&jobs).await, NOTHING, "not at once");
    server.does_not("busy");
    scene.app.pass_secs(61);
    assert_eq!((round(&jobs).await, server.mails().len()), (Round { sent: 1, ..NOTHING }, 1));
    server.does("gone", "");
    scene.shares(&cy).await;
    let began = scene.app.now() - SignedDuration::from_secs(1);
    assert_eq!(round(&jobs).await, Round { given_up: 1, ..NOTHING });
    scene.app.pass_secs(9 * 86_400);
    assert_eq!(round(&jobs).await, NOTHING);
    let entries: Vec<_> = scene.app.audit_since(began).await.into_iter().filter(|entry| entry.verb == "notice.undelivered").collect();
    let said: Value = serde_json::from_str(entries[0].after.as_deref().expect("what is said")).expect("JSON");
    assert_eq!((entries.len(), &said["why"], &said["to"]), (1, &json!("smtp 550"), &json!(cy.id)));
    assert!(!format!("{entries:?}").contains('@'), "no address");
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_in_the_end() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    let jobs = scene.by(&server);
    server.does("busy", "");
    scene.shares(&bo).await;
    let mut tries = 0;
    loop {
        tries += 1;
        let told = round(&jobs).await;
        if told.given_up == 1 {
            break;
        }
        assert_eq!(told, Round { failed: 1, ..NOTHING });
        scene.app.pass_secs(24 * 3_600 + 1);
    }
    assert_eq!((tries, server.mails().len()), (8, 0));
}

// A mail on which whoever tells it ends does not end it for ever.
#[tokio::test]
async fn what_is_taken_and_never_heard_of_is_given_up_in_the_end() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    scene.shares(&bo).await;
    for _crash in 0..8 {
        let mut taken = 0;
        for shard in 0..SHARDS {
            let due = scene.app.app.table.due_notices(shard, scene.app.now()).await.expect("the table answers");
            taken += usize::from(scene.app.app.table.take_notices(&due, scene.app.now()).await.expect("the table answers").is_some());
        }
        assert_eq!(taken, 1);
        scene.app.pass_secs(61);
    }
    assert_eq!((round(&scene.by(&server)).await, server.mails().len()), (Round { given_up: 1, ..NOTHING }, 0));
}

// Issue 4, 4: digest option; opt out
#[tokio::test]
async fn who_wants_one_mail_a_day_gets_one_and_who_wants_none_gets_none() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    for (person, word) in [(&bo, "daily"), (&cy, "none")] {
        let me = scene.done(&person.token, Method::PATCH, "/api/v1/me", json!({ "notices": word })).await;
        assert_eq!((&me["notices"], &me["address_known"]), (&json!(word), &json!(true)));
        scene.shares(person).await;
    }
    scene.done(&cy.token, Method::POST, "/api/v1/connections", json!({ "to": "Bo" })).await;
    assert_eq!(round(&jobs).await, Round { dropped: 1, put_off: 2, ..NOTHING });
    assert_eq!(round(&jobs).await, NOTHING, "until the hour of mails");
    scene.app.pass_secs(86_400);
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    let mails = server.mails();
    assert_eq!((mails.len(), header(&mails[0], "Subject")), (1, "2 things happened on Offprint"));
    for line in ["shared demo:plain-v2.ome.zarr/ with you.", "Cy asks to be connected with you."] {
        assert!(mails[0].contains(line), "{line} in {}", mails[0]);
    }
}

// SECURITY: what is told is decided when it is told
#[tokio::test]
async fn what_is_so_no_more_is_not_told() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    scene.shares(&bo).await;
    let withdraw = format!("/api/v1/datasets/{}/grants/withdraw", scene.dataset);
    scene.done(&scene.app.token, Method::POST, &withdraw, json!({ "to": format!("user:{}", bo.id) })).await;
    scene.shares(&cy).await;
    scene.done(&scene.app.token, Method::PATCH, &format!("/api/v1/users/{}", cy.id), json!({ "standing": "suspended" })).await;
    assert_eq!(round(&jobs).await, Round { dropped: 2, ..NOTHING });
    // Of whom the provider names no address any more none is kept.
    scene.shares(&bo).await;
    scene.person("Bo", None).await;
    assert_eq!((round(&jobs).await, server.mails().len()), (Round { dropped: 1, ..NOTHING }, 0));
}

impl Scene {
    /// Somebody who may make links, and was told so.
    async fn maker(&self, name: &str, jobs: &Jobs) -> Person {
        let person = self.person(name, Some(&format!("{}@lab.example", name.to_lowercase()))).await;
        let ask = json!({ "to": format!("user:{}", person.id), "role": "view", "may_share": true });
        self.done(&self.app.token, Method::POST, &format!("/api/v1/datasets/{}/grants", self.dataset), ask).await;
        assert_eq!(round(jobs).await, Round { sent: 1, ..NOTHING });
        person
    }

    /// The id of a new link of a person's, and its key.
    async fn link(&self, by: &Person, label: &str, until: &str) -> (String, String) {
        let ask = json!({ "dataset": self.dataset, "label": label, "until": until });
        let made = self.done(&by.token, Method::POST, "/api/v1/links", ask).await;
        let key = made["url"].as_str().expect("a URL").split('/').find(|part| part.len() == 32).expect("a key").to_owned();
        (made["id"].as_str().expect("an id").to_owned(), key)
    }

    /// Sets another end of a link.
    async fn ends(&self, token: &str, link: &str, until: &str) {
        let path = format!("/api/v1/links/{link}");
        let seen = self.app.api_as(token, Method::GET, &path, None, &[]).await.header("etag").to_owned();
        let edited = self.app.api_as(token, Method::PATCH, &path, Some(json!({ "until": until })), &[("if-match", &seen)]).await;
        assert_eq!(edited.status, StatusCode::OK, "{}", String::from_utf8_lossy(&edited.body));
    }

    async fn does_with(&self, token: &str, link: &str, verb: &str, ask: Value) {
        self.done(token, Method::POST, &format!("/api/v1/links/{link}/{verb}"), ask).await;
    }
}

const DAY: i64 = 86_400;

// L5
#[tokio::test]
async fn a_maker_is_told_once_a_week_before_a_link_ends() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let jobs = scene.by(&server);
    let bo = scene.maker("Bo", &jobs).await;
    let (link, key) = scene.link(&bo, "for Zoë", "10d").await;
    scene.link(&bo, "ends sooner than that", "7d").await;
    scene.link(&bo, "ends never", "never").await;
    let [(paused, _), (revoked, _), (moved, _)] =
        [scene.link(&bo, "paused", "10d").await, scene.link(&bo, "revoked", "10d").await, scene.link(&bo, "moved", "10d").await];
    scene.does_with(&bo.token, &paused, "pause", json!({})).await;
    scene.does_with(&bo.token, &revoked, "revoke", json!({})).await;
    scene.ends(&bo.token, &moved, "40d").await;
    scene.app.pass_secs(3 * DAY - 1);
    assert_eq!(round(&jobs).await, NOTHING);
    scene.app.pass_secs(2);
    assert_eq!(round(&jobs).await, Round { sent: 1, dropped: 2, ..NOTHING }, "those that are paused or revoked do not end soon");
    let mail = server.mails().remove(1);
    assert_eq!(header(&mail, "X-To"), "bo@lab.example");
    assert!(mail.contains("Your link ends on ") && mail.contains(&format!("offprint link extend {link} --until 90d")), "{mail}");
    assert!(mail.contains("demo:plain-v2.ome.zarr/") && !mail.contains(&key), "where, and no key: {mail}");
    // Once for this end: also where it is set anew, and back.
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    let shown = scene.app.api_as(&bo.token, Method::GET, &format!("/api/v1/links/{link}"), None, &[]).await.json();
    scene.ends(&bo.token, &link, "60d").await;
    scene.ends(&bo.token, &link, shown["until"].as_str().expect("an end")).await;
    assert_eq!(round(&jobs).await, NOTHING);
    // Of one that ended before anybody looked nobody is told.
    scene.app.pass_secs(38 * DAY);
    assert_eq!(round(&jobs).await, NOTHING);
    let (late, _) = scene.link(&scene.person("Bo", Some("bo@lab.example")).await, "late", "20d").await;
    scene.app.pass_secs(19 * DAY);
    assert_eq!((round(&jobs).await, server.mails().len()), (Round { sent: 1, ..NOTHING }, 3));
    assert!(server.mails()[2].contains(&late));
}

// L5; nobody is told of the own acts
#[tokio::test]
async fn a_maker_is_told_what_others_did_to_a_link() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let jobs = scene.by(&server);
    let (bo, owner) = (scene.maker("Bo", &jobs).await, scene.app.token.clone());
    let mut links = Vec::new();
    for label in ["paused", "resumed", "revoked", "shortened", "ended"] {
        links.push(scene.link(&bo, label, "60d").await.0);
    }
    let [paused, resumed, revoked, shortened, ended] = links.as_slice() else { unreachable!() };
    for link in [paused, resumed] {
        scene.does_with(&owner, link, "pause", json!({})).await;
    }
    scene.does_with(&bo.token, resumed, "resume", json!({})).await;
    for _twice in 0..2 {
        scene.does_with(&owner, revoked, "revoke", json!({ "reason": "the paper\r\nis out" })).await;
    }
    scene.ends(&owner, shortened, "50d").await;
    scene.ends(&owner, ended, "1d").await;
    scene.app.pass_secs(DAY);
    assert_eq!(round(&jobs).await, Round { sent: 4, dropped: 1, ..NOTHING });
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    let all = server.mails().concat();
    for told in ["paused your link: \"paused", "revoked your link: \"revoked", "had your link end on ", "ended your link: \"ended"] {
        assert!(all.contains(told), "{told} in {all}");
    }
    // What Bo does himself, and what changes nothing, is no news.
    let (own, _) = scene.link(&bo, "own", "60d").await;
    scene.does_with(&bo.token, &own, "pause", json!({})).await;
    scene.ends(&bo.token, &own, "50d").await;
    scene.does_with(&bo.token, &own, "revoke", json!({})).await;
    assert_eq!((round(&jobs).await, server.mails().len()), (NOTHING, 5));
}

// Nothing leaves this machine unencrypted
#[tokio::test]
async fn a_server_that_cannot_encrypt_is_told_nothing() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    // By a name it might be anywhere.
    for address in [format!("smtp://localhost:{}", server.port), format!("smtps://127.0.0.1:{}", server.port)] {
        scene.shares(&bo).await;
        let post = Post::server(&address.parse().expect("an address"), FROM, None).expect("a post");
        assert_eq!(round(&Jobs::new(scene.app.app.clone(), post)).await, Round { failed: 1, ..NOTHING }, "{address}");
        scene.app.pass_secs(61);
    }
    assert_eq!((server.mails().len(), round(&scene.by(&server)).await.sent), (0, 0), "the second wait is longer");
    scene.app.pass_secs(300);
    assert_eq!(round(&scene.by(&server)).await.sent, 1);
}

#[tokio::test]
async fn without_a_server_a_mail_is_a_file_to_read() {
    let scene = Scene::new().await;
    let bo = scene.person("Bo", None).await;
    scene.shares(&bo).await;
    let dir = scene.app.dir.path().join("mails");
    let jobs = Jobs::new(scene.app.app.clone(), Post::folder(dir.clone(), FROM).expect("a post"));
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    let files: Vec<PathBuf> = fs::read_dir(&dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let mail = fs::read_to_string(&files[0]).expect("text").replace("\r\n ", " ");
    assert_eq!((files.len(), fs::metadata(&files[0]).expect("a file").permissions().mode() & 0o777), (1, 0o600));
    assert!(header(&mail, "To").starts_with("Bo <") && mail.contains("shared demo:plain-v2.ome.zarr/ with you."), "{mail}");
    assert!(header(&mail, "Message-ID").contains(files[0].file_stem().expect("a name").to_str().expect("text")), "{mail}");
}

// ADR 0055: the stream only says when to look
#[tokio::test]
async fn a_record_of_the_stream_is_told_once_however_often_it_comes() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    scene.shares(&bo).await;
    let (pk, sk) = scene.waits(&bo).await.remove(0);
    let mut odd = record(&pk, &sk, 9);
    odd["dynamodb"]["Keys"]["sk"]["S"] = json!("x");
    let elsewhere = if pk == "O#0" { "O#1" } else { "O#0" };
    let records = [record(&pk, &sk, 1), record("D#x", "#", 2), record(elsewhere, &sk, 3), odd, json!({ "eventSource": "aws:dynamodb" })];
    let event = json!({ "Records": [records[0], records[1], records[2], records[3], records[4], record(&pk, &sk, 5)] });
    assert_eq!(answered(&jobs, &event).await, (whole(), Round { sent: 1, ..NOTHING }));
    for _replay in 0..2 {
        scene.app.pass_secs(61);
        assert_eq!(answered(&jobs, &event).await, (whole(), NOTHING));
    }
    // What waits for a time waits for the clock, even where its record comes again.
    server.does("busy", "");
    scene.shares(&cy).await;
    let (pk, sk) = scene.waits(&cy).await.remove(0);
    let event = json!({ "Records": [record(&pk, &sk, 7)] });
    assert_eq!(answered(&jobs, &event).await, (whole(), Round { failed: 1, ..NOTHING }), "a mail that was not taken is no failed record");
    server.does_not("busy");
    assert_eq!(answered(&jobs, &event).await, (whole(), NOTHING));
    scene.app.pass_secs(61);
    assert_eq!(answered(&jobs, &strike()).await, (json!({}), Round { sent: 1, ..NOTHING }));
    assert_eq!((answered(&jobs, &event).await, server.mails().len()), ((whole(), NOTHING), 2));
    for other in [json!({}), json!({ "Records": [{ "eventSource": "aws:sqs", "body": "x" }] }), json!({ "source": "aws.s3" }), json!(1)] {
        assert_eq!(Box::pin(jobs.answer(&other)).await, Err(EventError::Unknown), "{other}");
    }
}

// ADR 0055: partial failures, by their number and no other's
#[tokio::test]
async fn a_record_that_nobody_can_read_holds_up_no_other() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let jobs = scene.by(&server);
    for person in [&bo, &cy] {
        scene.shares(person).await;
    }
    let (bad, good) = (scene.waits(&bo).await.remove(0), scene.waits(&cy).await.remove(0));
    scene.spoil(&bad).await;
    let event = json!({ "Records": [record(&bad.0, &bad.1, 11), record(&good.0, &good.1, 12)] });
    let failed = json!({ "batchItemFailures": [{ "itemIdentifier": "11" }] });
    assert_eq!(answered(&jobs, &event).await, (failed.clone(), Round { sent: 1, ..NOTHING }));
    assert_eq!(answered(&jobs, &event).await, (failed, NOTHING));
    assert_eq!((answered(&jobs, &strike()).await.1, server.mails().len()), (NOTHING, 1));
    // Where the table does not answer all of them failed, and nothing is lost by it.
    scene.shares(&scene.person("Di", Some("di@lab.example")).await).await;
    let nowhere =
        Table::settings(Some("http://127.0.0.1:9".to_owned()), "us-east-1", Some(Credentials::new("none", "none", None, None, "test")))
            .expect("settings");
    let mut away = scene.app.app.clone();
    away.table = Table::new(nowhere, "offprint");
    let address = format!("smtp://127.0.0.1:{}", server.port).parse().expect("an address");
    let without = Jobs::new(away, Post::server(&address, FROM, None).expect("a post"));
    assert!(matches!(Box::pin(without.answer(&event)).await, Err(EventError::Table(_))));
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
}

#[tokio::test]
async fn who_is_ended_soon_begins_no_mail_and_loses_none() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let bo = scene.person("Bo", Some("bo@lab.example")).await;
    scene.shares(&bo).await;
    let jobs = scene.by(&server);
    assert_eq!(round(&jobs.clone().until(scene.app.now() + SignedDuration::from_secs(29))).await, NOTHING);
    assert_eq!(round(&jobs.until(scene.app.now() + SignedDuration::from_secs(30))).await, Round { sent: 1, ..NOTHING });
}

// ACCESS R6: the owner hears of what another would open, and whoever asked of the answer
#[tokio::test]
async fn what_waits_for_a_second_person_is_mailed_and_so_is_the_answer() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    let (jobs, at) = (scene.by(&server), format!("/api/v1/datasets/{}", scene.dataset));
    scene.done(&scene.app.token, Method::POST, &format!("{at}/offers"), json!({ "to": bo.id })).await;
    scene.done(&bo.token, Method::POST, &format!("{at}/offers/accept"), json!({})).await;
    scene.done(&bo.token, Method::POST, &format!("{at}/grants"), json!({ "to": format!("user:{}", cy.id), "role": "manager" })).await;
    let changes = async |token: &str, path: &str, ask: Value| {
        let answer = scene.app.api_as(token, Method::PATCH, path, Some(ask), &[("if-match", "*")]).await;
        assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
    };
    changes(&scene.app.token, "/api/v1/sources/demo", json!({ "ceilings": { "audience": "world" } })).await;
    changes(&scene.app.token, "/api/v1/policy", json!({ "second_person": true })).await;
    round(&jobs).await;
    let open = json!({ "visibility": "world", "confirm": true });
    // What was taken back before it was told is not told.
    changes(&cy.token, &at, open.clone()).await;
    scene.done(&cy.token, Method::POST, &format!("{at}/openings/withdraw"), json!({})).await;
    assert_eq!(round(&jobs).await, Round { dropped: 1, ..NOTHING });
    changes(&cy.token, &at, open).await;
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    scene.done(&bo.token, Method::POST, &format!("{at}/openings/decline"), json!({ "reason": "not yet" })).await;
    assert_eq!(round(&jobs).await, Round { sent: 1, ..NOTHING });
    let mails = server.mails();
    let last = |to: &str| mails.iter().rev().find(|mail| header(mail, "X-To") == to).map(|mail| header(mail, "Subject").to_owned());
    let subjects = ["bo@lab.example", "cy@lab.example"].map(|to| last(to).expect("a mail"));
    assert_eq!(
        subjects,
        ["Cy asks to open demo:plain-v2.ome.zarr/ to everybody", "Bo declined to open demo:plain-v2.ome.zarr/ to everybody"]
    );
}

// ADR 0055: where no server is named, what happens waits; whoever names one sends nobody a heap of mails
#[tokio::test]
async fn what_nobody_told_for_a_day_goes_in_one_mail() {
    let (scene, server) = (Scene::new().await, MailServer::start());
    let (bo, cy) = (scene.person("Bo", Some("bo@lab.example")).await, scene.person("Cy", Some("cy@lab.example")).await);
    scene.shares(&bo).await;
    scene.done(&cy.token, Method::POST, "/api/v1/connections", json!({ "to": "Bo" })).await;
    assert_eq!(Box::pin(jobs::keep(&scene.app.app, &strike())).await, Ok(json!({})));
    assert_eq!(scene.waits(&bo).await.len(), 2, "they wait");
    scene.app.pass_secs(86_401);
    scene.shares(&cy).await;
    assert_eq!(round(&scene.by(&server)).await, Round { sent: 2, ..NOTHING });
    let mails = server.mails();
    let mut subjects: Vec<_> =
        mails.iter().map(|mail| (header(mail, "X-To"), header(mail, "Subject").contains("2 things happened"))).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, [("bo@lab.example", true), ("cy@lab.example", false)]);
}

/// A real deployment with a provider, and the one person that it knows.
fn up(dir: &std::path::Path, oidc: &Oidc, server: &MailServer) -> Up {
    let (issuer, address) = (oidc.issuer("notices"), format!("smtp://127.0.0.1:{}", server.port));
    let provider = ["--oidc-issuer", &issuer, "--oidc-audience", AUDIENCE, "--oidc-vouches-for-email"];
    Up::start(&dir.join("state"), &[&provider[..], &["--mail-server", &address, "--mail-from", FROM]].concat())
}

/// Signs that person in, and gives the person something, by who administers.
async fn shares(up: &Up, oidc: &Oidc) {
    let app = up.ready["app_url"].as_str().expect("an address");
    let token = fs::read_to_string(up.ready["token_file"].as_str().expect("a file")).expect("a token");
    let client = reqwest::Client::new();
    let ask = json!({ "token": oidc.token("notices", "RS256").await });
    let signed = client.post(format!("{app}/api/v1/sign-in")).json(&ask).send().await.expect("an answer");
    let user = signed.expect_status(StatusCode::OK).await["user"]["id"].as_str().expect("an id").to_owned();
    let post = async |path: &str, ask: Value| {
        let answer = client.post(format!("{app}/api/v1/{path}")).bearer_auth(token.trim()).json(&ask).send().await;
        answer.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let dataset = post("datasets", json!({ "source": "demo", "path": "plain-v2.ome.zarr" })).await;
    let given = post(
        &format!("datasets/{}/grants", dataset["id"].as_str().expect("an id")),
        json!({ "to": format!("user:{user}"), "role": "view" }),
    )
    .await;
    assert_eq!(given["role"], "view", "{given}");
}

fn kill(up: &Up) {
    assert!(Command::new("kill").args(["-KILL", &up.pid().to_string()]).status().expect("kill runs").success());
}

// Issue 4, 4: nothing lost over a crash between commit and delivery
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_before_a_crash_is_told_after_it() {
    let (dir, oidc, server) = (tempfile::TempDir::new().expect("a folder"), Oidc::start(), MailServer::start());
    // Nothing is handed over before the crash.
    server.does("busy", "");
    let first = up(dir.path(), &oidc, &server);
    shares(&first, &oidc).await;
    kill(&first);
    drop(first);
    server.does_not("busy");
    let _second = up(dir.path(), &oidc, &server);
    let mails = server.wait_for(1, Duration::from_secs(120));
    assert_eq!((mails.len(), header(&mails[0], "X-To")), (1, "ada@lab.example"));
}

// SEMANTICS 8: the one copy that there can be has the same name
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_hand_over_and_the_note_of_it_sends_the_same_mail_again_and_no_more() {
    let (dir, oidc, server) = (tempfile::TempDir::new().expect("a folder"), Oidc::start(), MailServer::start());
    let first = up(dir.path(), &oidc, &server);
    server.does("kill", &first.pid().to_string());
    shares(&first, &oidc).await;
    server.wait_for(1, Duration::from_secs(30));
    drop(first);
    let began = Instant::now();
    let second = up(dir.path(), &oidc, &server);
    let mails = server.wait_for(2, Duration::from_secs(120));
    println!("sent again {:?} after the restart", began.elapsed());
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    // Said to be sent, it is not due again; a round is two seconds, and a lease is over after sixty.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(server.mails().len(), 2);
    drop(second);
}
