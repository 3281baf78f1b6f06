//! The page that a mail leads to: shown to whom it was sent to, and answered there by a form and by nothing else.

use domain::{
    connection::{Connection, ConnectionState, Turn, connection_asked},
    decision::{Action, Facts, Permit, Principal, Who, decide},
    grant::Net,
    question::{MailNonce, Question, Subject},
    token::TokenSecret,
};
use jiff::SignedDuration;

use crate::{
    browser::{APP, Browser, start},
    support::{Person, TestApp},
};

async fn permit(app: &TestApp, person: &Person) -> Permit {
    let (user, token) = app.app.table.bearer(TokenSecret::parse(&person.token).unwrap().hash()).await.unwrap().unwrap();
    let principal = Principal { who: Who::Token { user: user.into(), token: token.into() }, net: Net::Unknown };
    decide(&principal, Action::Gather, &Facts::Deployment, app.now()).unwrap()
}

/// Ada asks Eve to be connected.
async fn ask(app: &TestApp) -> Connection {
    let (permit, now) = (permit(app, &app.ada).await, app.now());
    let pair = app.app.table.pair(app.ada.user.id, app.eve.user.id).await.unwrap();
    let request = connection_asked(&permit, &app.eve.user, pair.connection.as_ref(), now).unwrap().unwrap();
    app.app.table.ask_connection(&permit, &pair, &request, None, now).await.unwrap()
}

/// What a mail to Eve asks, and the path of its page.
async fn mailed(app: &TestApp, letter: char, about: &Connection) -> String {
    let nonce = MailNonce::parse(&letter.to_string().repeat(32)).unwrap();
    let (to, by, mark) = (app.eve.user.id, app.ada.user.id, about.version.to_string());
    let question = Question { to, by, subject: Subject::Connection, mark, until: about.until };
    app.app.table.keep_question(nonce.hash(), &question).await.unwrap();
    format!("/mail/{}", nonce.reveal())
}

async fn state(app: &TestApp) -> ConnectionState {
    app.app.table.pair(app.ada.user.id, app.eve.user.id).await.unwrap().connection.unwrap().state
}

/// What a page tells, but for the id of its request.
fn told(page: &str) -> String {
    let (before, rest) = page.split_once("quote <code>").unwrap();
    format!("{before}{}", rest.split_once("</code>").unwrap().1)
}

// SECURITY T35: GET shows, POST accepts, signed in as the addressee
#[tokio::test]
async fn a_mail_leads_to_a_page_where_whoever_it_was_sent_to_answers_once() {
    let app = start(None).await;
    let path = mailed(&app, 'a', &ask(&app).await).await;
    let never = format!("/mail/{}", "b".repeat(32));
    let (nobody, ada, eve) = (Browser::of(&app), Browser::signed_in(&app, &app.ada.token), Browser::signed_in(&app, &app.eve.token));
    // Whoever fetches it first, a mail scanner or anybody else, learns nothing and changes nothing.
    for path in [&path, &never] {
        assert_eq!(nobody.get(path).await.leads_to(), format!("{APP}/sign-in?next={path}"));
        nobody.post(path, "answer=accept").await.leads_to();
    }
    let (strange, none) = (ada.get(&path).await, ada.get(&never).await);
    assert_eq!(told(strange.page(404)), told(none.page(404)));
    assert_eq!(told(ada.post(&path, "answer=accept").await.page(404)), told(none.page(404)));
    for odd in ["/mail/x", "/mail/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        eve.get(odd).await.page(404);
    }
    for _again in 0..2 {
        let shown = eve.get(&path).await;
        for part in
            ["<bdi>Ada</bdi></strong> asks to be connected with you.", &format!("method=\"post\" action=\"{path}\""), "value=\"decline\""]
        {
            assert!(shown.page(200).contains(part), "{part} {shown:?}");
        }
        assert!(!shown.page(200).contains("<script"), "{shown:?}");
        assert_eq!(
            (&shown.headers["cache-control"], &shown.headers["x-robots-tag"]),
            (&"no-store".parse().unwrap(), &"noindex".parse().unwrap())
        );
        assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    }
    // By a form of our own, and an answer.
    for headers in [&[("origin", "https://evil.test")][..], &[], &[("origin", APP), ("sec-fetch-site", "cross-site")]] {
        eve.ask("POST", &path, headers, "answer=accept").await.page(403);
    }
    for form in ["", "answer=maybe", "answer=accept&more=1", "answer=Accept"] {
        eve.post(&path, form).await.page(400);
    }
    assert_eq!(state(&app).await, ConnectionState::Pending);
    let answered = eve.post(&path, "answer=accept").await;
    assert!(answered.page(200).contains("<h1>Accepted</h1>"), "{answered:?}");
    assert_eq!(state(&app).await, ConnectionState::Accepted);
    // Once.
    for answer in ["accept", "decline"] {
        assert_eq!(told(eve.post(&path, &format!("answer={answer}")).await.page(404)), told(none.page(404)));
    }
    eve.get(&path).await.page(404);
    assert_eq!(state(&app).await, ConnectionState::Accepted);
}

#[tokio::test]
async fn what_a_mail_asks_is_answered_about_that_and_nothing_later() {
    let app = start(None).await;
    let first = mailed(&app, 'a', &ask(&app).await).await;
    let eve = Browser::signed_in(&app, &app.eve.token);
    let pair = app.app.table.pair(app.ada.user.id, app.eve.user.id).await.unwrap();
    let permit = permit(&app, &app.ada).await;
    let cancelled = pair.connection.unwrap().turned(&permit, &app.eve.user, Turn::Cancel, app.now()).unwrap().unwrap();
    app.app.table.turn_connection(&permit, &pair, &cancelled, None, app.now()).await.unwrap();
    eve.get(&first).await.page(404);
    let second = mailed(&app, 'b', &ask(&app).await).await;
    eve.post(&first, "answer=accept").await.page(404);
    assert_eq!(state(&app).await, ConnectionState::Pending, "the second is another question");
    let rejected = eve.post(&second, "answer=decline").await;
    assert!(rejected.page(200).contains("<h1>Rejected</h1>"), "{rejected:?}");
    assert_eq!(state(&app).await, ConnectionState::Rejected);
    // One that has ended.
    app.wait(SignedDuration::from_hours(30 * 24));
    let third = mailed(&app, 'c', &ask(&app).await).await;
    eve.get(&third).await.page(200);
    app.wait(SignedDuration::from_hours(30 * 24));
    eve.get(&third).await.page(404);
    eve.post(&third, "answer=accept").await.page(404);
}
