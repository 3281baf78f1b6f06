//! A link's page: the form for its password, and the pass.

use std::sync::Arc;

use domain::{
    code::Code,
    decision::{Action, Facts, Principal, Who, decide, via},
    grant::Net,
    id::{DatasetId, LinkId},
    key::{Epoch, LinkKey},
    link::{Birth, Class, Link, NewLink, Options},
    path::ObjectPath,
    policy::DeploymentPolicy,
    rights::Right,
    source::Ceilings,
    terms::DataTerms,
    token::TokenSecret,
};
use jiff::SignedDuration;
use table::links::Kept;
use uuid::Uuid;
use wire::secret::Secret;

use crate::{
    browser::{Browser, start},
    support::TestApp,
};

const PASSWORD: &str = "correct horse";

/// A link of Ada's to the whole of `demo`; the path of its page.
async fn a_link(app: &TestApp, number: u8, password: Option<&str>, sessions_max: Option<u32>) -> String {
    let options = Options { password: password.map(|_| 1), sessions_max, label: number.to_string(), ..Options::default() };
    a_link_on(app, app.root.id, number, Class::Collaboration, options, password).await.0
}

/// One with a code.
async fn a_coded_link(app: &TestApp, number: u8) -> String {
    a_link_on(app, app.root.id, number, Class::Event, Options::default(), None).await.0
}

/// A link of Ada's to a dataset, an event link with a code: the path of its page, and the link.
pub(crate) async fn a_link_on(
    app: &TestApp,
    dataset: DatasetId,
    number: u8,
    class: Class,
    options: Options,
    password: Option<&str>,
) -> (String, Link) {
    let (now, key) = (app.now(), LinkKey::parse(&char::from(b'a' + number).to_string().repeat(32)).unwrap());
    let (user, token) = app.app.table.bearer(TokenSecret::parse(&app.ada.token).unwrap().hash()).await.unwrap().unwrap();
    let on = Arc::new(app.app.table.dataset_facts(dataset, Some(user.id)).await.unwrap().unwrap());
    let via = via(&user, &on.place, &on.reach, Right::Share, Net::Anywhere, now);
    let who = Who::Token { user: user.into(), token: token.into() };
    let permit = decide(&Principal { who, net: Net::Unknown }, Action::Share, &Facts::Dataset(Arc::clone(&on)), now).unwrap();
    let ask = NewLink { subpath: ObjectPath::default(), class, options };
    let code = (class == Class::Event).then(|| Code::new([number; 5]));
    let birth = Birth { id: LinkId::new(Uuid::from_u128(number.into())), epoch: Epoch::new([number; 16]), hash: key.hash(), code, via };
    let link = Link::new(&permit, &on.place, ask, birth, now).unwrap();
    let kept = match password {
        Some(password) => Some(edge::password::keep(&app.app, &Secret(password.to_owned())).await.unwrap()),
        None => None,
    };
    app.app.table.insert_kept(&permit, &link, Kept { password: kept.as_ref(), key: Some(&key) }, &on, None).await.unwrap();
    (format!("/s/{}", key.reveal()), link)
}

// L11, SECURITY T34
#[tokio::test]
async fn a_password_is_typed_on_a_page_and_tried_no_more_often_there() {
    let app = start(None).await;
    let path = a_link(&app, 0, Some(PASSWORD), None).await;
    let browser = Browser::of(&app);
    let form = browser.get(&path).await;
    for part in ["A password opens this", "type=\"password\"", &format!("method=\"post\" action=\"{path}\"")] {
        assert!(form.page(200).contains(part), "{part} {form:?}");
    }
    for wrong in ["password=wrong+horse", "password=", ""] {
        let told = browser.post(&path, wrong).await;
        assert!(told.page(422).contains("role=\"alert\">This is not the link&#39;s password."), "{told:?}");
        assert!(!told.page(422).contains("wrong horse") && !told.page(422).contains("data.test"), "{told:?}");
    }
    assert!(browser.post(&path, "password=x&next=y").await.page(400).contains("The form was not understood."));
    let opened = browser.post(&path, "password=correct+horse").await;
    let text = opened.page(201).split("value=\"https://data.test/").nth(1).expect("an address").split('"').next().unwrap().to_owned();
    assert!(text.starts_with('~') && text.ends_with("/demo"), "{text}");
    let pass = text[..33].to_owned();
    for part in [format!("value=\"https://data.test/{pass}-s/demo\""), format!("href=\"https://data.test/{pass}/demo\" rel=\"noreferrer\"")]
    {
        assert!(opened.page(201).contains(&part), "{part} {opened:?}");
    }
    let until = app.now() + SignedDuration::from_mins(15);
    assert!(opened.page(201).contains(&format!("datetime=\"{until}\"")), "{opened:?}");
    assert_eq!(opened.headers["cache-control"], "no-store");
    assert!(browser.cookies.borrow().is_empty(), "it is nobody's session");
    for _ in 0..7 {
        assert_eq!(browser.post(&path, "password=wrong+horse").await.status.as_u16(), 422);
    }
    let told = browser.post(&path, "password=correct+horse").await;
    assert!(told.page(429).contains("Not right now") && told.page(429).contains("30"), "{told:?}");
    assert_eq!(told.headers["retry-after"], "30");
    app.wait(SignedDuration::from_secs(30));
    assert_eq!(browser.post(&path, "password=correct+horse").await.status.as_u16(), 201);
    let lines = app.app.lines.text();
    assert!(lines.contains("\"link\":\"l") && !lines.contains(&pass) && !lines.contains(&path[3..]) && !lines.contains("horse"), "{lines}");
}

#[tokio::test]
async fn a_link_that_only_counts_takes_a_click_and_any_other_shows_its_data() {
    let app = start(None).await;
    let browser = Browser::of(&app);
    let counted = a_link(&app, 1, None, Some(1)).await;
    let form = browser.get(&counted).await;
    assert!(form.page(200).contains("Open for a while") && !form.page(200).contains("type=\"password\""), "{form:?}");
    for _ in 0..3 {
        browser.get(&counted).await.page(200);
    }
    assert!(browser.post(&counted, "").await.page(201).contains("value=\"https://data.test/~"), "looking at the form counts nothing");
    assert!(browser.post(&counted, "").await.page(429).contains("The link has given as many passes as it gives."));
    let open = a_link(&app, 2, None, None).await;
    let shown = browser.get(&open).await;
    assert!(shown.page(200).contains(&format!("value=\"https://data.test/{}/demo\"", &open[3..])), "{shown:?}");
    assert_eq!(browser.post(&open, "").await.status.as_u16(), 409);
    let words = |answer: &crate::support::Answer| answer.page(404).split("quote <code>").next().unwrap().to_owned();
    let (unknown, none) = (browser.get(&format!("/s/{}", "z".repeat(32))).await, browser.get("/s/none").await);
    assert_eq!(words(&unknown), words(&none));
}

// SEMANTICS 2, L16; UX 5
#[tokio::test]
async fn a_page_is_found_by_its_code_and_drawn_as_a_qr_code() {
    let app = start(None).await;
    let browser = Browser::of(&app);
    let open = a_link(&app, 3, None, None).await;
    let data = format!("https://data.test/{}/demo", &open[3..]);
    let coded = a_coded_link(&app, 4).await;
    let code = Code::new([4; 5]).to_string();
    for path in [open.clone(), open.to_uppercase()] {
        assert!(browser.get(&path).await.page(200).contains(&data), "{path}");
    }
    for path in [coded.clone(), format!("/s/{code}"), format!("/S/{code}"), format!("/s/{}-{}", &code[..4], code[4..].to_lowercase())] {
        assert!(browser.get(&path).await.page(200).contains(&format!("https://data.test/{}/demo", &coded[3..])), "{path}");
    }
    let mut drawn = Vec::new();
    for (path, kind) in
        [(&open, "image/svg+xml"), (&coded, "image/svg+xml"), (&format!("/s/{code}"), "image/svg+xml"), (&coded, "image/png")]
    {
        let ending = if kind == "image/png" { "png" } else { "svg" };
        let answer = browser.get(&format!("{path}/qr.{ending}")).await;
        assert_eq!((answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()), (200, kind));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        drawn.push(answer.json.as_str().unwrap().to_owned());
    }
    assert_eq!(drawn[1], drawn[2], "its code is drawn, however it was found");
    assert!(drawn[0] != drawn[1] && drawn[3].starts_with("\u{fffd}PNG"));
    for none in ["/s/00000000", "/S/0000-0000", "/s/00000000/qr.svg", "/s/none/qr.png", &format!("/s/{}/qr.svg", "z".repeat(32))] {
        assert_eq!(browser.get(none).await.status.as_u16(), 404, "{none}");
    }
    let lines = app.app.lines.text();
    assert!(!lines.contains(&code) && !lines.contains(&coded[3..]), "a code is as much as a key: {lines}");
}

/// Terms that Ada adds and has the deployment ask for; their id.
async fn asked_for(app: &TestApp, text: &str) -> String {
    let now = app.now();
    let (user, token) = app.app.table.bearer(TokenSecret::parse(&app.ada.token).unwrap().hash()).await.unwrap().unwrap();
    let who = Who::Token { user: user.into(), token: token.into() };
    let permit = decide(&Principal { who, net: Net::Unknown }, Action::Administer, &Facts::Deployment, now).unwrap();
    let terms = DataTerms::parse(text).unwrap();
    assert!(app.app.table.add_terms(&permit, &terms, now).await.unwrap());
    let before = app.app.table.policy().await.unwrap();
    let ceilings = Ceilings { terms: Some(terms.id()), ..before.ceilings.clone() };
    let after = DeploymentPolicy { ceilings, ..before.clone() };
    app.app.table.set_policy(&permit, (&before, &after), (None, None), now).await.unwrap();
    terms.id().to_string()
}

// U6: in plain words, with no script, and the whole text before the box
#[tokio::test]
async fn whoever_has_a_link_reads_the_terms_and_accepts_them_on_its_page() {
    let app = start(None).await;
    let (open, guarded) = (a_link(&app, 3, None, None).await, a_link(&app, 4, Some(PASSWORD), None).await);
    let id = asked_for(&app, "Use of <b>these</b> data\n\nCite <script>alert(1)</script> us.").await;
    let browser = Browser::of(&app);
    let form = browser.get(&open).await;
    for part in
        ["Terms to accept first", "Use of &#60;b&#62;these", "Cite &#60;script&#62;", &format!("type=\"checkbox\" value=\"{id}\" required")]
    {
        assert!(form.page(200).contains(part), "{part} {form:?}");
    }
    assert!(!form.page(200).contains("<script") && !form.page(200).contains("type=\"password\""), "{form:?}");
    for wrong in ["", "terms=", "terms=x", &format!("terms=v{}", "a".repeat(26))] {
        let told = browser.post(&open, wrong).await;
        assert!(told.page(422).contains("role=\"alert\">The data open to who accepts the terms."), "{wrong} {told:?}");
    }
    assert!(browser.post(&open, &format!("terms={id}")).await.page(201).contains("value=\"https://data.test/~"));
    // With a password both are asked for, and a wrong one opens nothing to who accepts.
    let form = browser.get(&guarded).await;
    assert!(form.page(200).contains("A password opens this") && form.page(200).contains(&format!("value=\"{id}\"")), "{form:?}");
    assert!(
        browser
            .post(&guarded, &format!("password=wrong+horse&terms={id}"))
            .await
            .page(422)
            .contains("This is not the link&#39;s password.")
    );
    assert!(browser.post(&guarded, "password=correct+horse").await.page(422).contains("The data open to who accepts the terms."));
    assert!(browser.post(&guarded, &format!("password=correct+horse&terms={id}")).await.page(201).contains("value=\"https://data.test/~"));
}

#[tokio::test]
async fn who_is_signed_in_accepts_terms_once_and_everybody_reads_them() {
    let app = start(None).await;
    let id = asked_for(&app, "Use of these data\n\nCite us.").await;
    let path = format!("/terms/{id}");
    let stranger = Browser::of(&app).get(&path).await;
    assert!(
        stranger.page(200).contains("Cite us.") && stranger.page(200).contains(&format!("href=\"/sign-in?next={path}\"")),
        "{stranger:?}"
    );
    let eve = Browser::signed_in(&app, &app.eve.token);
    assert!(eve.get(&path).await.page(200).contains("I accept these terms"));
    assert_eq!(eve.post(&path, "").await.leads_to(), format!("{}{path}", crate::browser::APP));
    let accepted = eve.get(&path).await;
    assert!(
        accepted.page(200).contains("You accepted these terms.")
            && !accepted.page(200).contains("<button type=\"submit\" class=\"primary\""),
        "{accepted:?}"
    );
    eve.get(&format!("/terms/v{}", "a".repeat(26))).await.page(404);
}
