//! Makers' pages over the API, each function at an address of its own, as deployed: what they show and do, in whose name, and what they refuse (ADR 0069).

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::app::{Answer, TestApp};

const HERE: &str = "192.0.2.9";
const ELSEWHERE: &str = "198.51.100.7";

/// An app whose pages ask, its owner, and somebody else with an account.
struct Stage {
    app: TestApp,
    owner: String,
    eve: String,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::fresh().await;
        let (_id, eve) = app.person("eve").await;
        let owner = app.token.clone();
        Self { app, owner, eve }
    }

    /// From here on through pages alone.
    async fn apart(self) -> Self {
        Self { app: self.app.with_functions_apart().await, ..self }
    }

    async fn get(&self, path: &str) -> Page {
        Page(self.app.page(HERE, &self.owner, path, None).await)
    }

    async fn post(&self, path: &str, form: &str) -> Page {
        Page(self.app.page(HERE, &self.owner, path, Some(form)).await)
    }

    /// Sends a form and goes where it leads.
    async fn through(&self, path: &str, form: &str) -> Page {
        let sent = self.post(path, form).await;
        let to = sent.leads_to();
        self.get(&to).await
    }
}

/// A page.
#[derive(Debug)]
struct Page(Answer);

impl Page {
    #[track_caller]
    fn is(&self, status: u16) -> String {
        let text = String::from_utf8_lossy(&self.0.body).into_owned();
        assert_eq!(self.0.status.as_u16(), status, "{text}");
        assert_eq!(self.0.header("content-type"), "text/html; charset=utf-8", "{text}");
        text
    }

    #[track_caller]
    fn holds(&self, status: u16, parts: &[&str]) -> String {
        let text = self.is(status);
        for part in parts {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
        text
    }

    #[track_caller]
    fn leads_to(&self) -> String {
        assert_eq!(self.0.status, StatusCode::SEE_OTHER, "{}", String::from_utf8_lossy(&self.0.body));
        self.0.header("location").strip_prefix("https://app.test").expect("on the app's own origin").to_owned()
    }
}

fn id(link: &Value) -> &str {
    link["id"].as_str().expect("an id")
}

/// The value of a hidden field.
fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let at = text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name} in {text}"));
    text[at..].split('"').nth(3).expect("a value")
}

// L2, L4, L5, L3; ADR 0069: what a page does, the data origin does, and the page says until when
#[tokio::test]
async fn a_link_is_paused_resumed_extended_and_revoked_by_its_page() {
    let stage = Stage::set().await;
    let link = stage.app.link("sharded-v3.ome.zarr", json!({ "label": "For <Basel>", "until": "3d" })).await;
    let (url, path) = (link["url"].as_str().expect("a URL").to_owned(), format!("/links/{}", id(&link)));
    let stage = stage.apart().await;
    let page = stage.get(&path).await;
    let key = url.split('/').nth(3).expect("a key");
    page.holds(
        200,
        &[
            "<bdi>For &#60;Basel&#62;</bdi>",
            "live",
            "collaboration",
            &format!("value=\"{url}\""),
            &format!("value=\"https://app.test/s/{key}\""),
            "within 65 seconds",
        ],
    );
    assert!(page.0.header("content-security-policy").contains("script-src 'self';"), "{page:?}");

    let text = page.is(200);
    let version = field(&text, "version").to_owned();
    let paused = stage.through(&format!("{path}/pause"), &format!("version={version}")).await;
    let by = stage.app.now() + SignedDuration::from_secs(66);
    paused.holds(
        200,
        &[
            "Link paused.",
            &format!("No URL of this link works after {}.", by.strftime("%H:%M:%S UTC")),
            "paused",
            "Resume link",
            "role=\"status\"",
        ],
    );
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::GONE);

    // A page that lay open meanwhile undoes nothing.
    let stale = stage.post(&format!("{path}/resume"), &format!("version={version}")).await;
    stale.holds(412, &["It was changed since you read it.", "role=\"alert\"", "paused"]);
    let version = field(&paused.is(200), "version").to_owned();
    stage.through(&format!("{path}/resume"), &format!("version={version}")).await.holds(200, &["Link resumed", "live"]);
    // What was known of the link is asked again after five seconds.
    stage.app.pass_secs(6);
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::FOUND);

    let extended = stage.through(&format!("{path}/extend"), "until=30d").await;
    let until = stage.app.now() + SignedDuration::from_hours(30 * 24);
    extended.holds(200, &[&format!("open until {}", until.strftime("%H:%M UTC on %-d %B %Y")), "The URL stays."]);
    stage.post(&format!("{path}/extend"), "until=someday").await.holds(422, &["role=\"alert\""]);

    let version = field(&stage.get(&path).await.is(200), "version").to_owned();
    let renamed = stage.through(&format!("{path}/label"), &format!("version={version}&label=For+the+poster")).await;
    renamed.holds(200, &["Label changed.", "<bdi>For the poster</bdi>"]);

    stage
        .get(&format!("{path}/revoke"))
        .await
        .holds(200, &["Revoke this link?", "Reading stops within 65 seconds, for good.", "Copies already made stay.", "Pause instead"]);
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::FOUND, "looking does nothing");
    let revoked = stage.through(&format!("{path}/revoke"), "reason=the+talk+is+over").await;
    stage.app.pass_secs(6);
    let text = revoked.holds(200, &["Link revoked.", "Reason: the talk is over", "A new link has another URL."]);
    assert!(!text.contains(key), "what opens nothing is not shown");
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::GONE);
    stage.get(&format!("{path}/revoke")).await.holds(200, &["It is revoked already."]);
}

// L9, L17: a result for each, and a failure hides no other
#[tokio::test]
async fn several_links_are_acted_on_together_with_a_result_each() {
    let stage = Stage::set().await;
    let mut links = Vec::new();
    for label in ["one", "two", "three"] {
        links.push(stage.app.link("sharded-v3.ome.zarr", json!({ "label": label })).await);
    }
    let publication = stage.app.link("sharded-v3.ome.zarr", json!({ "class": "publication" })).await;
    links.push(publication);
    let stage = stage.apart().await;
    let list = stage.get("/links").await.holds(200, &["<caption", "name=\"id\"", "Revoke…", "publication", "whoever has it"]);
    assert_eq!(list.matches("type=\"checkbox\"").count(), 4);
    stage.get("/links?q=TWO&state=live&class=").await.holds(200, &["<bdi>two</bdi>", "Show all"]);
    assert!(!stage.get("/links?q=TWO").await.is(200).contains("<bdi>three</bdi>"));
    stage.get("/links?q=nobody").await.holds(200, &["No link is so."]);
    stage.get("/links?state=gone").await.holds(400, &["No link can be so."]);
    stage.get("/links?surprise=1").await.holds(400, &["The query was not understood"]);

    let ids = links.iter().map(|link| format!("&id={}", id(link))).collect::<String>();
    stage.get("/links/together?act=revoke").await.holds(200, &["Nothing is selected"]);
    stage.get(&format!("/links/together?act=revoke{ids}")).await.holds(200, &["Revoke 4 links?", "within 5 minutes 30 seconds, for good"]);
    for wrong in ["act=delete&id=l1", "id=l1", "act=revoke&surprise=1"] {
        stage.get(&format!("/links/together?{wrong}")).await.holds(400, &["The form was not understood."]);
    }
    stage.post("/links/together", &format!("act=extend&until=365d{ids}")).await.holds(200, &["4 links extended", "Open until"]);
    stage.post("/links/together", &format!("act=pause{ids}")).await.holds(200, &["4 links paused", "No URL of it works after"]);
    let done = stage.post("/links/together", &format!("act=revoke&reason={ids}")).await;
    done.holds(200, &["3 links revoked", "1 link not revoked", "a reason"]);
    let again = stage.post("/links/together", &format!("act=revoke&reason=moved{ids}")).await;
    again.holds(200, &["4 links revoked", "All of them."]);
    stage.app.pass_secs(6);
    for link in &links {
        assert_eq!(stage.app.get(&format!("{}/zarr.json", link["url"].as_str().expect("a URL"))).await.status, StatusCode::GONE);
    }
}

// SECURITY T1: what one may not know of is the page of what is not there, to the byte but for the request's id
#[tokio::test]
async fn somebody_elses_link_is_not_there() {
    let stage = Stage::set().await;
    let link = stage.app.link("sharded-v3.ome.zarr", json!({ "label": "secret plan" })).await;
    let stage = stage.apart().await;
    let words = |page: &Page| page.is(404).split("quote <code>").next().expect("a page").to_owned();
    let nowhere = Page(stage.app.page(HERE, &stage.eve, "/nothing", None).await);
    for (path, form) in
        [("", None), ("/revoke", None), ("/revoke", Some("reason=x")), ("/pause", Some("version=1")), ("/extend", Some("until=30d"))]
    {
        for id in [id(&link), "laaaaaaaaaaaaaaaaaaaaaaaaaa", "x%2F..%2Fy"] {
            let refused = Page(stage.app.page(HERE, &stage.eve, &format!("/links/{id}{path}"), form).await);
            assert_eq!(words(&refused), words(&nowhere), "{path} {form:?} {id}");
        }
    }
    let ids = format!("act=revoke&id={}", id(&link));
    assert_eq!(words(&Page(stage.app.page(HERE, &stage.eve, &format!("/links/together?{ids}"), None).await)), words(&nowhere));
    assert_eq!(words(&Page(stage.app.page(HERE, &stage.eve, "/links/together", Some(&ids)).await)), words(&nowhere));
    assert!(!Page(stage.app.page(HERE, &stage.eve, "/links", None).await).is(200).contains("secret plan"));
    let url = link["url"].as_str().expect("a URL");
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::FOUND, "and nothing was done to it");
    // Nobody is sent to sign in, and back to the page.
    let nobody = Page(stage.app.page(HERE, "", &format!("/links/{}", id(&link)), None).await);
    assert_eq!(nobody.leads_to(), format!("/sign-in?next=/links/{}", id(&link)));
}

// SECURITY T31, ADR 0069: the API judges where the visitor is, and never where pages runs
#[tokio::test]
async fn the_api_is_asked_from_where_the_visitor_is() {
    let stage = Stage::set().await;
    let link = stage.app.link("sharded-v3.ome.zarr", json!({})).await;
    let dataset = link["dataset"].as_str().expect("a dataset");
    let began = stage.app.now();
    // 127.0.0.1 is where the events say that pages runs.
    let grant = json!({ "to": "user:eve", "role": "manager", "zones": ["192.0.2.0/24"] });
    let given = stage.app.api(Method::POST, &format!("/api/v1/datasets/{dataset}/grants"), Some(grant)).await;
    assert!(given.status.is_success(), "{}", given.json());
    let stage = stage.apart().await;
    let path = format!("/links/{}", id(&link));
    let shown = Page(stage.app.page(HERE, &stage.eve, &path, None).await);
    let text = shown.holds(200, &["Somebody else made this link", "Pause link"]);
    assert!(!text.contains("Change label"), "a label is its maker's");
    for from in [ELSEWHERE, "127.0.0.1", "unknown"] {
        assert_eq!(stage.app.page(from, &stage.eve, &path, None).await.status, StatusCode::NOT_FOUND, "{from}");
    }
    let version = field(&text, "version").to_owned();
    let paused = Page(stage.app.page(HERE, &stage.eve, &format!("{path}/pause"), Some(&format!("version={version}"))).await);
    let told = Page(stage.app.page(HERE, &stage.eve, &paused.leads_to(), None).await);
    told.holds(200, &["Link paused.", "Only whoever made it can resume it"]);
    // The same text in the same address tells somebody else nothing.
    assert!(!stage.get(&paused.leads_to()).await.is(200).contains("Link paused."));
    let audited = stage.app.audit_since(began).await;
    let entry = audited.iter().find(|entry| entry.verb.contains("pause")).unwrap_or_else(|| panic!("{audited:?}"));
    let key = domain::address::AddressKey::new(vec![9; 32]).expect("long enough");
    let of =
        |from: &str| key.source(domain::grant::Net::At(from.parse().expect("an address")), stage.app.now()).map(|hash| hash.to_string());
    assert_eq!(entry.source, of(HERE), "the audit says where the visitor was");
    assert_ne!(entry.source, of("127.0.0.1"));
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_said_and_nothing_else_breaks() {
    let stage = Stage::set().await;
    // Pages whose settings name no API.
    let refused = Page(stage.app.page(HERE, &stage.owner, "/links", None).await);
    let text = refused.holds(503, &["Not right now", "Send the same again in a moment."]);
    assert_eq!(refused.0.header("retry-after"), "2");
    assert!(!text.contains("127.0.0.1"));
    Page(stage.app.page(HERE, "", "/sign-in", None).await).is(200);
}

/// Lists are shown a page at a time, in constant time.
#[tokio::test]
async fn a_long_list_goes_on_on_the_next_page() {
    let stage = Stage::set().await;
    let dataset = stage.app.dataset("sharded-v3.ome.zarr").await;
    let items: Vec<_> = (0..60).map(|number| json!({ "dataset": dataset, "label": format!("link {number:02}") })).collect();
    let made = stage.app.api(Method::POST, "/api/v1/links/batch", Some(json!({ "items": items }))).await;
    assert_eq!(made.status, StatusCode::OK);
    let stage = stage.apart().await;
    let first = stage.get("/links?q=link").await.is(200);
    assert_eq!(first.matches("<tr>").count(), 51);
    let next = first.split("class=\"button next\" href=\"").nth(1).expect("a next page").split('"').next().expect("an address");
    assert!(next.starts_with("/links?q=link&#38;cursor=") || next.starts_with("/links?q=link&amp;cursor="), "{next}");
    let next = next.replace("&#38;", "&").replace("&amp;", "&");
    let second = stage.get(&next).await.is(200);
    assert_eq!(second.matches("<tr>").count(), 11);
    assert!(!second.contains("rel=\"next\""));
    Page(stage.app.page(HERE, &stage.eve, &next, None).await).holds(400, &["The cursor is not one of this listing"]);
}

// L1, W1, UX 1: from a folder to a URL by Share, Create link; and the consequence is said before
#[tokio::test]
async fn a_folder_is_browsed_and_shared_by_link() {
    let stage = Stage::set().await.apart().await;
    stage.get("/sources").await.holds(200, &["demo", "all of it", "href=\"/sources/demo/\""]);
    let root = stage.get("/sources/demo/").await.holds(200, &["sharded-v3.ome.zarr/", "Zarr", "Share…", "registers it as a dataset"]);
    assert!(root.contains("href=\"/sources/demo/sharded-v3.ome.zarr/\""), "{root}");
    let inside =
        stage.get("/sources/demo/sharded-v3.ome.zarr/").await.holds(200, &["Zarr version 3", "zarr.json", "href=\"/sources/demo/\""]);
    let above = field(&inside, "above").to_owned();
    assert_eq!(stage.get("/sources/demo/sharded-v3.ome.zarr").await.leads_to(), "/sources/demo/sharded-v3.ome.zarr/");
    stage.get("/sources/demo/nothing/").await.holds(200, &["Nothing here."]);
    let form = format!("source=demo&path=sharded-v3.ome.zarr/&above={above}&inside=sharded-v3.ome.zarr/");
    let sharing = stage.post("/share", &form).await.leads_to();
    let again = stage.post("/share", &form).await.leads_to();
    assert_eq!(sharing, again, "the same path meets the dataset that is there");
    let page = stage.get(&sharing).await.holds(
        200,
        &[
            "Who can reach it",
            "You",
            "owns it",
            "No links yet.",
            "Anyone who has this link can read demo:sharded-v3.ome.zarr/ until",
            "within 65 seconds",
        ],
    );
    let once = field(&page, "once").to_owned();
    let new = sharing.replace("/sharing", "/links/new");
    let form = format!("act=create&class=collaboration&label=For+Basel&once={once}");
    let made = stage.through(&new, &form).await;
    let text = made.holds(200, &["Link created.", "<bdi>For Basel</bdi>", "data-first", "For people", "For programs"]);
    let url =
        text.split("id=\"url\" class=\"code\" type=\"text\" readonly value=\"").nth(1).expect("a URL").split('"').next().expect("a URL");
    assert_eq!(stage.app.get(&format!("{url}/zarr.json")).await.status, StatusCode::FOUND, "{url}");
    stage.through(&new, &form).await.holds(200, &["Link created."]);
    let other_form = format!("act=create&class=collaboration&label=For+Basel&once={once}x");
    stage.through(&new, &other_form).await.holds(200, &["You already have this link."]);
    stage.get(&sharing).await.holds(200, &["<bdi>For Basel</bdi>", "live"]);
    // Looked at first, and refused with what was typed kept.
    let tried = stage.post(&new, "act=try&class=publication&path=0/&until=&label=kept").await;
    tried.holds(200, &["can read demo:sharded-v3.ome.zarr/0/ without an end", "within 5 minutes 30 seconds", "value=\"kept\""]);
    let refused = stage.post(&new, "act=create&class=review&until=never&label=kept&password=short").await;
    let text = refused.holds(422, &["role=\"alert\"", "value=\"kept\""]);
    assert!(!text.contains("value=\"short\""), "a password is not sent back");
    assert_eq!(stage.get("/links").await.is(200).matches("type=\"checkbox\"").count(), 1, "one link was made");
    // Whoever may look and not share is told so, and whom nothing is shown to finds nothing.
    let eves = |path: &str| {
        let path = path.to_owned();
        let stage = &stage;
        async move { Page(stage.app.page(HERE, &stage.eve, &path, None).await) }
    };
    for path in ["/sources/demo/", &sharing, &new, &sharing.replace("/sharing", ""), "/sources/none/"] {
        eves(path).await.holds(404, &["Nothing is here"]);
    }
    eves("/sources").await.holds(200, &["Nothing yet."]);
}

// A5, A14, A15, UX 1: who is let in or taken out is told before what that does
#[tokio::test]
async fn somebody_is_let_in_and_taken_out_by_a_datasets_page() {
    let stage = Stage::set().await;
    let dataset = stage.app.dataset("sharded-v3.ome.zarr").await;
    let stage = stage.apart().await;
    let (page, here) = (format!("/datasets/{dataset}/sharing"), format!("/datasets/{dataset}"));
    let form = "kind=user&to=eve&role=view&may_share=true&until=";
    let asked = stage.post(&format!("{page}/add"), form).await;
    asked.holds(200, &["Share with <bdi>eve</bdi>?", "1 account gains: eve (open it in viewers).", "name=\"confirm\""]);
    let nothing = Page(stage.app.page(HERE, &stage.eve, &here, None).await);
    assert_eq!(nothing.0.status, StatusCode::NOT_FOUND, "asking does nothing");
    let shared = stage.through(&format!("{page}/add"), &format!("{form}&confirm=yes")).await;
    shared.holds(200, &["Shared.", "<bdi>eve</bdi>", "view; may make links", "by You", "Remove…"]);
    Page(stage.app.page(HERE, &stage.eve, &here, None).await).holds(200, &["open it in viewers", "Share…", "Browse its files"]);
    let hers = Page(stage.app.page(HERE, &stage.eve, &page, None).await);
    let text = hers.holds(200, &["Who else can reach it is shown to whoever administers it.", "Create link"]);
    assert!(!text.contains("Let somebody in"));
    // Another role takes the place of the one that is there.
    let more = form.replace("view", "download");
    let asked = stage.post(&format!("{page}/add"), &more).await;
    let text = asked.holds(200, &["They have a role here already: this takes its place.", "download it in bulk"]);
    let version = field(&text, "version").to_owned();
    stage
        .through(&format!("{page}/add"), &format!("{more}&version={version}&confirm=yes"))
        .await
        .holds(200, &["Shared.", "download; may make links"]);
    stage
        .post(&format!("{page}/add"), "kind=user&to=nobody&role=view")
        .await
        .holds(422, &["Nobody here has this name.", "value=\"nobody\"", "aria-invalid"]);
    stage.get(&format!("{page}?check=eve&action=read")).await.holds(200, &["yes: eve to read", "by name: can download it in bulk"]);
    stage.get(&format!("{page}?check=eve&action=grant")).await.holds(200, &["no: eve to grant"]);
    stage.get(&format!("{page}?check=nobody")).await.holds(200, &["Nobody here has this name."]);
    // By address: the same whether or not there is an account.
    let invited = "kind=user&to=ada%40lab.example&role=view&until=";
    stage.post(&format!("{page}/add"), invited).await.holds(200, &["It waits for 30 days.", "You are not told whether anybody has it."]);
    let shown = stage.get(&page).await.is(200);
    let to = shown.split("/sharing/remove?to=").nth(1).expect("a way out").split('"').next().expect("an address").to_owned();
    let asked = stage.get(&format!("{page}/remove?to={to}")).await;
    asked.holds(200, &["Remove <bdi>eve</bdi>?", "1 account loses: eve (download it in bulk)."]);
    let removed = stage.through(&format!("{page}/remove"), &format!("to={to}&reason=left")).await;
    let text = removed.holds(200, &["Removed.", "In force by"]);
    assert!(!text.contains("<bdi>eve</bdi>"), "{text}");
    Page(stage.app.page(HERE, &stage.eve, &here, None).await).holds(404, &["Nothing is here"]);
}
