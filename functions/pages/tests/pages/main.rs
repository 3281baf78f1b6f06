//! The pages, as a browser without scripts sees them, on a real table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod browser;
mod landing;
mod link;
mod mail;
mod provider;
#[expect(dead_code, reason = "the routes of the API need more of it")]
#[path = "../../../links/tests/api/support.rs"]
mod support;
mod viewer;

use browser::{APP, Browser, start};
use domain::{
    decision::{Action, Facts, Principal, Who, decide},
    grant::Net,
    id::TokenId,
    token::{CodeSecret, Token, TokenKind},
};
use jiff::SignedDuration;
use support::TestApp;
use uuid::Uuid;

/// A code for Eve, by Ada.
async fn code(app: &TestApp) -> String {
    let (now, secret) = (app.now(), CodeSecret::new([9; 20]));
    let (ada, token) = app.app.table.bearer(domain::token::TokenSecret::parse(&app.ada.token).unwrap().hash()).await.unwrap().unwrap();
    let principal = Principal { who: Who::Token { user: ada.into(), token: token.into() }, net: Net::Unknown };
    let permit = decide(&principal, Action::Administer, &Facts::Deployment, now).unwrap();
    let code = Token {
        id: TokenId::new(Uuid::from_u128(77)),
        kind: TokenKind::Code,
        hash: secret.hash(),
        owner: app.eve.user.id,
        label: "code".to_owned(),
        scopes: Vec::new(),
        dataset: None,
        until: now + SignedDuration::from_hours(24),
        made: now,
        revoked: None,
    };
    app.app.table.insert_code(&permit, &code, None, now).await.unwrap();
    secret.reveal()
}

#[tokio::test]
async fn a_code_signs_in_once_and_leads_back_and_signing_out_ends_the_session_everywhere() {
    let app = start(None).await;
    let code = code(&app).await;
    let browser = Browser::of(&app);
    let page = browser.get("/").await;
    assert_eq!(page.leads_to(), format!("{APP}/sign-in"), "home has no way back to tell");
    let asked = format!("/datasets/{}/tickets/new", app.root.id);
    let next = browser.get(&asked).await.leads_to().strip_prefix(APP).unwrap().to_owned();
    assert_eq!(next, format!("/sign-in?next={asked}"));
    let form = browser.get(&next).await;
    assert!(form.page(200).contains(&format!("name=\"next\" value=\"{asked}\"")) && !form.page(200).contains("Sign in with"), "{form:?}");

    for wrong in ["", "x", "offprint_code_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &app.eve.token] {
        let told = browser.post("/sign-in", &format!("code={wrong}&next={asked}")).await;
        assert!(told.page(422).contains("role=\"alert\"") && told.headers.get("set-cookie").is_none(), "{told:?}");
        assert!(!told.page(422).contains("offprint_code_aa"), "what was typed is not repeated");
    }
    let answer = browser.post("/sign-in", &format!("code=+{code}%0A&next={asked}")).await;
    assert_eq!(answer.leads_to(), format!("{APP}{asked}"));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-offprint-session=offprint_"), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    let again = Browser::of(&app).post("/sign-in", &format!("code={code}")).await;
    assert!(again.page(422).contains("works once"), "{again:?}");
    assert_eq!(browser.get("/sign-in").await.leads_to(), format!("{APP}/"), "who is signed in goes on");

    let home = browser.get("/").await;
    assert!(home.page(200).contains("Hello, <bdi>Eve</bdi>") && !home.page(200).contains("administrator"), "{home:?}");
    let kept = browser.cookies.borrow()["__Host-offprint-session"].clone();
    assert_eq!(browser.post("/sign-out", "").await.leads_to(), format!("{APP}/sign-in?signed_out=true"));
    assert!(browser.cookies.borrow().is_empty());
    let stolen = Browser::signed_in(&app, &kept);
    assert_eq!(stolen.get("/").await.leads_to(), format!("{APP}/sign-in"), "the session ended, not only its cookie");
    assert_eq!(stolen.post("/sign-out", "").await.leads_to(), format!("{APP}/sign-in?signed_out=true"));
}

// SECURITY T26: a new session at each sign-in, and no cookie of another name or kind counts for one
#[tokio::test]
async fn only_the_one_session_cookie_of_this_host_signs_in() {
    let app = start(None).await;
    let session = &app.eve.token;
    let sent = async |cookie: &str| Browser::of(&app).ask("GET", "/", &[("cookie", cookie)], "").await.status.as_u16();
    assert_eq!(sent(&format!("a=b; __Host-offprint-session={session}")).await, 200);
    for other in [
        format!("offprint-session={session}"),
        format!("__Secure-offprint-session={session}"),
        format!("__host-offprint-session={session}"),
        format!("__Host-offprint-session={session}; __Host-offprint-session={session}"),
        format!("__Host-offprint-session=\"{session}\""),
        format!("__Host-offprint-session={}", session.to_uppercase()),
        "__Host-offprint-session=".to_owned(),
    ] {
        assert_eq!(sent(&other).await, 303, "{other}");
    }
    let bearer = Browser::of(&app).ask("GET", "/", &[("authorization", &format!("Bearer {session}"))], "").await;
    assert_eq!(bearer.status.as_u16(), 303, "a page is opened by a cookie and by nothing else");
    app.wait(SignedDuration::from_hours(24 * 3_651));
    assert_eq!(sent(&format!("__Host-offprint-session={session}")).await, 303, "it has ended");
}

/// Every route of the router, with the form it takes.
fn routes(app: &TestApp) -> Vec<(&'static str, String, &'static str)> {
    let ticket = format!("/datasets/{}/tickets/new", app.root.id);
    vec![
        ("GET", "/".to_owned(), ""),
        ("GET", "/sign-in".to_owned(), ""),
        ("POST", "/sign-in".to_owned(), "code=x"),
        ("GET", "/sign-in/provider".to_owned(), ""),
        ("GET", "/sign-in/callback".to_owned(), ""),
        ("POST", "/sign-out".to_owned(), ""),
        ("GET", ticket.clone(), ""),
        ("POST", ticket, "minutes=60"),
        ("GET", "/api/v1/authorize".to_owned(), ""),
        ("POST", "/api/v1/authorize".to_owned(), "viewer=https%3A%2F%2Fviewer.test"),
        ("GET", "/assets/{name}".to_owned(), ""),
        ("GET", format!("/terms/{}", app.root.id), ""),
        ("POST", format!("/terms/{}", app.root.id), ""),
        ("GET", "/mail/{nonce}".to_owned(), ""),
        ("POST", "/mail/{nonce}".to_owned(), "answer=accept"),
        ("GET", "/sources".to_owned(), ""),
        ("GET", "/sources/{source}/".to_owned(), ""),
        ("GET", "/sources/{source}/{*path}".to_owned(), ""),
        ("POST", "/share".to_owned(), "source=demo&path=notes&above=d1&inside=notes"),
        ("GET", format!("/datasets/{}", app.root.id), ""),
        ("GET", format!("/datasets/{}/links/new", app.root.id), ""),
        ("POST", format!("/datasets/{}/links/new", app.root.id), "label=x&act=create"),
        ("GET", format!("/datasets/{}/sharing", app.root.id), ""),
        ("POST", format!("/datasets/{}/sharing/add", app.root.id), "kind=user&to=Eve&role=view"),
        ("GET", format!("/datasets/{}/sharing/remove", app.root.id), ""),
        ("POST", format!("/datasets/{}/sharing/remove", app.root.id), "to=user:Eve"),
        ("GET", "/links".to_owned(), ""),
        ("GET", "/links/together".to_owned(), ""),
        ("POST", "/links/together".to_owned(), "act=pause"),
        ("GET", format!("/links/{}", app.root.id), ""),
        ("POST", format!("/links/{}/extend", app.root.id), "until=30d"),
        ("POST", format!("/links/{}/label", app.root.id), "version=1&label=x"),
        ("POST", format!("/links/{}/pause", app.root.id), "version=1"),
        ("POST", format!("/links/{}/resume", app.root.id), "version=1"),
        ("GET", format!("/links/{}/revoke", app.root.id), ""),
        ("POST", format!("/links/{}/revoke", app.root.id), "reason=x"),
        ("GET", "/s/{key}".to_owned(), ""),
        ("POST", "/s/{key}".to_owned(), "password=x"),
        ("GET", "/S/{key}".to_owned(), ""),
        ("POST", "/S/{key}".to_owned(), "password=x"),
        ("GET", "/s/{key}/qr.svg".to_owned(), ""),
        ("GET", "/s/{key}/qr.png".to_owned(), ""),
    ]
}

// SECURITY T1: a route without a row fails this test
#[tokio::test]
async fn every_route_is_in_the_table_of_routes() {
    let app = start(None).await;
    let mut found = Vec::new();
    for path in include_str!("../../src/lib.rs").split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let path = path.replace("{id}", &app.root.id.to_string());
        let refused = Browser::of(&app).ask("TRACE", &path, &[], "").await;
        assert!(refused.page(405).contains("Not in this way"));
        let methods = refused.headers["allow"].to_str().unwrap().split(',').filter(|method| *method != "HEAD").map(str::to_owned);
        found.extend(methods.map(|method| (method, path.clone())));
    }
    let mut told: Vec<_> = routes(&app).into_iter().map(|(method, path, _)| (method.to_owned(), path)).collect();
    found.sort();
    told.sort();
    assert_eq!(found, told);
}

// SECURITY T1, T26
#[tokio::test]
async fn every_route_is_closed_to_nobody_to_strangers_and_to_other_sites() {
    let app = start(None).await;
    let nobody = Browser::of(&app);
    let viewer = "/api/v1/authorize";
    for (number, (method, path, form)) in routes(&app).into_iter().enumerate() {
        // A session of her own for each: one of them is ended.
        let session = app.token_for(&app.eve.user, &domain::token::Scope::ALL, 300 + number as u128).await;
        let eve = Browser::signed_in(&app, &session);
        let ours: &[(&str, &str)] = &[("origin", APP), ("sec-fetch-site", "same-origin")];
        if method == "POST" {
            for foreign in [
                &[][..],
                &[("origin", "null"), ("sec-fetch-site", "same-origin")],
                &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
                &[("origin", APP), ("sec-fetch-site", "same-site")],
                &[("referer", "https://app.test/")],
            ] {
                let refused = eve.ask(method, &path, foreign, form).await;
                assert!(refused.page(403).contains("not sent by a page of this app"), "{path} {foreign:?} {refused:?}");
                assert!(refused.headers.get("set-cookie").is_none());
            }
        }
        let want = match (method, path.as_str()) {
            // What is selected is nothing there.
            ("GET", "/") | ("POST", "/links/together") => (303, 200),
            ("GET", "/sign-in") => (200, 303),
            ("POST", "/sign-in") => (422, 422),
            ("POST", "/sign-out") => (303, 303),
            // There is no provider here, and no such asset.
            (
                _,
                "/sign-in/provider" | "/sign-in/callback" | "/assets/{name}" | "/s/{key}" | "/S/{key}" | "/s/{key}/qr.svg"
                | "/s/{key}/qr.png",
            ) => (404, 404),
            ("GET", path) if path.starts_with("/terms/") => (404, 404),
            // There is no API here to ask; what it answers tests/tests/makers_pages.rs has. No act named asks nothing.
            ("GET", "/links/together") => (303, 400),
            ("GET", path) if path.ends_with("/sharing/remove") => (303, 400),
            // A folder's address ends with a slash.
            ("GET", path) if path.ends_with("{*path}") => (303, 303),
            (_, path) if path.ends_with("/tickets/new") => (303, 404),
            (_, path) if ["/links", "/share", "/sources", "/datasets"].iter().any(|part| path.starts_with(part)) => (303, 503),
            // Nobody named the viewer.
            ("GET", path) if path == viewer => (403, 403),
            ("POST", path) if path == viewer => (303, 200),
            // What is not there and what one may not know of.
            _ => (303, 404),
        };
        let alone = nobody.ask(method, &path, ours, form).await.status.as_u16();
        let of_eve = eve.ask(method, &path, ours, form).await.status.as_u16();
        assert_eq!((alone, of_eve), want, "{method} {path}");
    }
}

// SECURITY T7, T29; UX 7
#[tokio::test]
async fn every_answer_is_dressed_and_runs_no_script() {
    let app = start(None).await;
    let ada = Browser::signed_in(&app, &app.ada.token);
    for path in
        ["/", "/sign-in", "/nothing", "/../x", "/assets/x.css", "/sign-in?surprise=1", "/datasets/x/tickets/new", "/sign-in/callback"]
    {
        for answer in [ada.get(path).await, Browser::of(&app).get(path).await] {
            let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
            assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'self';"), "{path} {answer:?}");
            for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
                assert!(header("content-security-policy").contains(part), "{path}");
            }
            assert!(
                !header("content-security-policy").contains("script") && !header("content-security-policy").contains("unsafe"),
                "{path}"
            );
            let told = ["cache-control", "referrer-policy", "x-content-type-options", "x-robots-tag", "cross-origin-resource-policy"];
            assert_eq!(told.map(header), ["no-store", "same-origin", "nosniff", "noindex", "same-origin"], "{path}");
            assert_eq!(header("cross-origin-opener-policy"), if path.starts_with("/sign-in") { "" } else { "same-origin" }, "{path}");
            let text = answer.json.to_string();
            assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("http://"), "{path} {text}");
        }
    }
}

#[tokio::test]
async fn nothing_is_a_page_for_people_and_a_problem_for_programs() {
    let app = start(None).await;
    let browser = Browser::of(&app);
    let page = browser.get("/nothing").await;
    assert!(page.page(404).contains("Nothing is here") && page.page(404).contains("quote <code>"), "{page:?}");
    for path in ["/api/v1/nothing", "/api/"] {
        browser.get(path).await.refuses(404, "not-found", "");
    }
    let ada = Browser::signed_in(&app, &app.ada.token);
    let unknown = ada.get("/datasets/daaaaaaaaaaaaaaaaaaaaaaaaaa/tickets/new").await;
    let hidden = Browser::signed_in(&app, &app.eve.token).get(&format!("/datasets/{}/tickets/new", app.root.id)).await;
    let words = |answer: &support::Answer| answer.page(404).split("quote <code>").next().unwrap().to_owned();
    assert_eq!(words(&unknown), words(&hidden), "what is not there and what one may not know of look the same");
}

#[tokio::test]
async fn the_style_sheet_and_the_icon_are_kept_under_their_present_names_only() {
    let app = start(None).await;
    let browser = Browser::of(&app);
    let page = browser.get("/sign-in").await;
    let names: Vec<_> = page.page(200).split("href=\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let [icon, name] = names.as_slice() else { panic!("{names:?}") };
    let icon = browser.get(&format!("/assets/{icon}")).await.is(200);
    assert_eq!(icon.headers["content-type"], "image/svg+xml");
    assert!(icon.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"), "{icon:?}");
    let style = browser.get(&format!("/assets/{name}")).await.is(200);
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(style.headers["cache-control"], "public, max-age=31536000, immutable");
    let text = style.json.as_str().unwrap();
    assert!(text.len() < 20 * 1_024 && text.contains("light-dark(") && !text.contains("url("), "{}", text.len());
    assert!(browser.get("/assets/style-0000000000000000.css").await.page(404).contains("Nothing is here"));
}

#[tokio::test]
async fn a_ticket_is_made_by_page_and_shown_once() {
    let app = start(None).await;
    let ada = Browser::signed_in(&app, &app.ada.token);
    let home = ada.get("/").await;
    let path = format!("/datasets/{}/tickets/new", app.root.id);
    assert!(home.page(200).contains(&format!("href=\"{path}\"")) && home.page(200).contains("You are an administrator"), "{home:?}");
    let form = ada.get(&path).await;
    assert!(form.page(200).contains(&format!("action=\"{path}\"")), "{form:?}");
    let made = ada.post(&path, "minutes=60").await;
    let url = made.page(201).split("value=\"https://data.test/~").nth(1).expect("an address").split('"').next().unwrap();
    assert!(url.len() > 32 && url.ends_with("/demo/"), "{url}");
    assert!(made.page(201).contains(&format!("value=\"https://data.test/~{}-s/demo/\"", &url[..32])));
    assert_eq!(made.headers["cache-control"], "no-store");
    for wrong in ["minutes=0", "minutes=721"] {
        assert!(ada.post(&path, wrong).await.page(422).contains("A ticket lives 1 to 720 minutes."));
    }
    for wrong in ["minutes=x", "minutes=60&label=x", ""] {
        assert!(ada.post(&path, wrong).await.page(400).contains("The form was not understood."));
    }
    let lines = app.app.lines.text();
    assert!(lines.contains("\"origin\":\"app\"") && !lines.contains("offprint_") && !lines.contains(&url[..32]), "{lines}");
}

// SECURITY T12
#[tokio::test]
async fn signing_in_leads_nowhere_else() {
    let app = start(None).await;
    for evil in [
        "//evil.example",
        "/%5Cevil.example",
        "https%3A%2F%2Fevil.example%2F",
        "%2F%09%2Fevil.example",
        "javascript%3Aalert(1)",
        "/..//evil.example",
    ] {
        let ada = Browser::signed_in(&app, &app.ada.token);
        assert_eq!(ada.get(&format!("/sign-in?next={evil}")).await.leads_to(), format!("{APP}/"), "{evil}");
        let form = Browser::of(&app).get(&format!("/sign-in?next={evil}")).await;
        assert!(form.page(200).contains("name=\"next\" value=\"/\""), "{evil} {form:?}");
    }
    let code = code(&app).await;
    let answer = Browser::of(&app).post("/sign-in", &format!("code={code}&next=//evil.example")).await;
    assert_eq!(answer.leads_to(), format!("{APP}/"));
}

// SECURITY T29
#[tokio::test]
async fn a_name_is_never_markup() {
    let app = start(None).await;
    let name = "<script>alert(1)</script>.zarr";
    app.a_dataset(name, domain::dataset::Kind::Folder, 60).await;
    let home = Browser::signed_in(&app, &app.ada.token).get("/").await;
    assert!(home.page(200).contains("&#60;script&#62;alert(1)&#60;") && !home.page(200).contains("<script"), "{home:?}");
}
