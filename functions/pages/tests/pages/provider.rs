//! Signing in through a certified OpenID provider, started by `tests/services/oidc.sh` or by whoever runs the tests: what a browser brings back
//! is what the provider really gave it, changed only where an attacker could change it.

use std::{cell::RefCell, collections::BTreeMap, env, path::PathBuf, process::Command};

use edge::provider::ProviderSettings;
use http::StatusCode;
use identity::{
    code_flow::Client,
    issuer::{Algorithm, TokenType},
};
use serde_json::Value;

use crate::{
    browser::{APP, Browser, keep, start},
    support::TestApp,
};

const SESSION: &str = "__Host-offprint-session";
const ATTEMPT: &str = "__Host-offprint-sign-in";

/// A provider, and people's browsers there.
struct Provider {
    endpoint: String,
    client: Client,
    http: reqwest::Client,
    /// What the launcher is told to stop, and its folder; none if another started it.
    ours: Option<(Vec<String>, String)>,
}

fn launcher() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/services/oidc.sh")
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some((pids, dir)) = &self.ours {
            drop(Command::new(launcher()).arg("stop").args(pids).status());
            drop(std::fs::remove_dir_all(dir));
        }
    }
}

impl Provider {
    fn start() -> Self {
        let (json, is_ours) = match env::var("OFFPRINT_TEST_OIDC") {
            Ok(json) => (json, false),
            Err(_unset) => {
                let started = Command::new(launcher()).args(["start", "--owner", &std::process::id().to_string()]).output().unwrap();
                assert!(started.status.success(), "`oidc.sh` does not start: {}", String::from_utf8_lossy(&started.stderr));
                (String::from_utf8(started.stdout).unwrap(), true)
            }
        };
        let json: Value = serde_json::from_str(&json).unwrap();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        Self {
            endpoint: text("endpoint"),
            client: Client { id: text("client_id"), secret: Some(text("client_secret")) },
            http: reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            ours: is_ours.then(|| (json["pids"].as_array().unwrap().iter().map(Value::to_string).collect(), text("dir"))),
        }
    }

    /// A deployment whose people are those of this issuer.
    async fn deployment(&self, name: &str) -> TestApp {
        start(Some(ProviderSettings {
            issuer: format!("{}/{name}", self.endpoint),
            audience: "offprint".to_owned(),
            keys_url: None,
            algorithms: vec![Algorithm::Rs256],
            types: vec![TokenType::AtJwt],
            groups_claim: None,
            vouches_for_email: false,
            client: Some(self.client.clone()),
        }))
        .await
    }

    /// Signs somebody in there, from the address that our page leads to; answers with the path and query that the browser brings back.
    async fn visit(&self, address: &str, login: &str) -> String {
        let cookies = RefCell::new(BTreeMap::new());
        let (mut url, mut form) = (address.to_owned(), None::<String>);
        for _step in 0..12 {
            let request = match form.take() {
                Some(form) => self.http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form),
                None => self.http.get(&url),
            };
            let line =
                cookies.borrow().iter().map(|(name, value): (&String, &String)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            let answer = request.header("cookie", line).send().await.unwrap();
            keep(&mut cookies.borrow_mut(), answer.headers());
            if let Some(location) = answer.headers().get("location") {
                let location = location.to_str().unwrap();
                if let Some(back) = location.strip_prefix(APP) {
                    return back.to_owned();
                }
                url = if location.starts_with('/') { format!("{}{location}", self.endpoint) } else { location.to_owned() };
                continue;
            }
            let (status, page) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, StatusCode::OK, "{page}");
            form = Some(if page.contains("value=\"login\"") {
                format!("prompt=login&login={login}&password=x")
            } else {
                "prompt=consent".to_owned()
            });
        }
        panic!("the provider leads nowhere from {address}");
    }
}

/// The parameters of an address, as they stand there.
fn parameters(address: &str) -> BTreeMap<String, String> {
    let query = address.split_once('?').unwrap().1;
    query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn address(path: &str, parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The address with one parameter changed, or left out.
fn with(whole: &str, name: &str, value: Option<&str>) -> String {
    let mut all = parameters(whole);
    match value {
        Some(value) => drop(all.insert(name.to_owned(), value.to_owned())),
        None => drop(all.remove(name)),
    }
    address(whole.split_once('?').unwrap().0, &all)
}

// SECURITY 2; OpenID Connect Core 1.0, section 3.1
#[tokio::test]
async fn a_person_signs_in_through_a_real_provider() {
    let provider = Provider::start();
    let app = provider.deployment("pages-good").await;
    let browser = Browser::of(&app);
    let ticket = "/datasets/x/tickets/new";
    let form = browser.get(&format!("/sign-in?next={ticket}")).await;
    let host = provider.endpoint.split_once("://").unwrap().1;
    assert!(form.page(200).contains(&format!("Sign in with {host}")), "{form:?}");
    let begun = browser.get(&format!("/sign-in/provider?next={ticket}")).await;
    let cookie = begun.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with(ATTEMPT) && cookie.ends_with("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let asked = parameters(begun.leads_to());
    for (name, value) in
        [("response_type", "code"), ("code_challenge_method", "S256"), ("redirect_uri", "https%3A%2F%2Fapp.test%2Fsign-in%2Fcallback")]
    {
        assert_eq!(asked[name], value);
    }
    let back = provider.visit(begun.leads_to(), "ada").await;
    assert!(back.starts_with("/sign-in/callback?code="), "{back}");
    let signed_in = browser.get(&back).await;
    assert_eq!(signed_in.leads_to(), format!("{APP}{ticket}"));
    assert!(browser.cookies.borrow().contains_key(SESSION) && !browser.cookies.borrow().contains_key(ATTEMPT));
    assert!(browser.get("/").await.page(200).contains("Hello, <bdi>Grace</bdi>"), "by the name that the provider gives");

    // The same person again, in another browser: the same account, another session.
    let other = Browser::of(&app);
    let begun = other.get("/sign-in/provider").await;
    let back = provider.visit(begun.leads_to(), "ada").await;
    assert_eq!(other.get(&back).await.leads_to(), format!("{APP}/"));
    assert!(other.get("/").await.page(200).contains("Hello, <bdi>Grace</bdi>"));
    assert_ne!(browser.cookies.borrow()[SESSION], other.cookies.borrow()[SESSION]);
    // Another person of the same name is another account.
    let third = Browser::of(&app);
    let begun = third.get("/sign-in/provider").await;
    let back = provider.visit(begun.leads_to(), "bo").await;
    third.get(&back).await.leads_to();
    assert!(third.get("/").await.page(200).contains("Hello, <bdi>Grace 2</bdi>"));
    let lines = app.app.lines.text();
    let code = parameters(&back)["code"].clone();
    assert!(!lines.contains(&code) && !lines.contains("offprint_"), "{lines}");
}

// SECURITY 2, T24, T26
#[tokio::test]
async fn an_answer_that_is_not_to_this_browsers_own_sign_in_signs_nobody_in() {
    let provider = Provider::start();
    let app = provider.deployment("pages-attacked").await;
    let begin = async || {
        let browser = Browser::of(&app);
        let address = browser.get("/sign-in/provider").await.leads_to().to_owned();
        (browser, address)
    };
    let refused = async |browser: &Browser<'_>, back: &str, status: u16, told: &str| {
        let answer = browser.get(back).await;
        assert!(answer.page(status).contains(told), "{back} {answer:?}");
        assert!(!browser.cookies.borrow().contains_key(SESSION) && !browser.cookies.borrow().contains_key(ATTEMPT), "{back}");
    };
    let not_begun = "not begun in this browser";

    // What comes back, changed on the way: another state, none, another issuer (RFC 9207), none, no code, a parameter twice.
    for (name, value) in [
        ("state", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("state", Some("")),
        ("state", None),
        ("iss", Some("https%3A%2F%2Fevil.example")),
        ("iss", Some("")),
        ("iss", None),
        ("code", None),
        ("code", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let (browser, address) = begin().await;
        let back = provider.visit(&address, "ada").await;
        refused(&browser, &with(&back, name, value), 400, not_begun).await;
        refused(&browser, &back, 400, not_begun).await;
    }
    let (browser, address) = begin().await;
    let back = provider.visit(&address, "ada").await;
    refused(&browser, &format!("{back}&state=x"), 400, not_begun).await;

    // Another browser: the cookie is missing, or is that of another sign-in (an attacker's code in a victim's browser).
    let (_attacker, address) = begin().await;
    let stolen = provider.visit(&address, "mallory").await;
    refused(&Browser::of(&app), &stolen, 400, not_begun).await;
    let (victim, _address) = begin().await;
    refused(&victim, &stolen, 400, not_begun).await;
    let (victim, address) = begin().await;
    let mine = provider.visit(&address, "ada").await;
    refused(&victim, &with(&mine, "code", Some(&parameters(&stolen)["code"])), 400, not_begun).await;

    // The same code twice, by a browser that keeps its cookie.
    let (browser, address) = begin().await;
    let kept = browser.cookies.borrow().clone();
    let back = provider.visit(&address, "ada").await;
    assert_eq!(browser.get(&back).await.leads_to(), format!("{APP}/"));
    *browser.cookies.borrow_mut() = kept;
    refused(&browser, &back, 400, not_begun).await;

    // What the provider was asked, changed: an ID token without our nonce, with another, a code for another verifier.
    for (name, value, status, told) in [
        ("nonce", None, 401, "not one that is believed"),
        ("nonce", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 401, "not one that is believed"),
        ("code_challenge", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 400, not_begun),
    ] {
        let (browser, address) = begin().await;
        let back = provider.visit(&with(&address, name, value), "ada").await;
        refused(&browser, &back, status, told).await;
    }

    // Another issuer's answer, as it really gives one, for our state: mixed up by whoever stands between.
    let (browser, address) = begin().await;
    let back = provider.visit(&address.replace("/pages-attacked/", "/pages-mixed-up/"), "ada").await;
    refused(&browser, &back, 400, not_begun).await;

    // Who says no.
    let (browser, address) = begin().await;
    let back = with(&with(&provider.visit(&address, "ada").await, "code", None), "error", Some("access_denied"));
    refused(&browser, &back, 403, "did not sign you in").await;
}
