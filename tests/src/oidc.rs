//! A certified OpenID provider, started by `tests/services/oidc.sh` or by whoever runs the tests.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::Value;

use crate::world::Expect;

/// Whom its tokens are meant for.
pub const AUDIENCE: &str = "offprint";

/// The provider: every name is an issuer of its own.
#[derive(Debug)]
pub struct Oidc {
    /// Where it is.
    pub endpoint: String,
    /// Who asks there for people.
    pub client_id: String,
    /// By which it proves that.
    pub client_secret: String,
    client: reqwest::Client,
}

impl Oidc {
    /// The one that is running, or one that ends with this process.
    pub fn start() -> Self {
        let json = std::env::var("OFFPRINT_TEST_OIDC").unwrap_or_else(|_unset| {
            let launcher = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("services/oidc.sh");
            let owner = std::process::id().to_string();
            let started = std::process::Command::new(launcher).args(["start", "--owner", &owner]).output().expect("oidc.sh runs");
            String::from_utf8(started.stdout).expect("text")
        });
        let json: Value = serde_json::from_str(&json).expect("what the launcher prints");
        let text = |name: &str| json[name].as_str().expect("a text").to_owned();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { endpoint: text("endpoint"), client_id: text("client_id"), client_secret: text("client_secret"), client }
    }

    /// The `iss` of the tokens of this issuer.
    pub fn issuer(&self, name: &str) -> String {
        format!("{}/{name}", self.endpoint)
    }

    /// An access token of this issuer, signed so.
    pub async fn token(&self, name: &str, algorithm: &str) -> String {
        let asked = format!("grant_type=client_credentials&resource=urn:offprint:{algorithm}");
        let request = self.client.post(format!("{}/{name}/token", self.endpoint)).basic_auth(&self.client_id, Some(&self.client_secret));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").body(asked).send().await.expect("an answer");
        answer.expect_status(StatusCode::OK).await["access_token"].as_str().expect("a token").to_owned()
    }

    /// Signs somebody in there, in a browser that was led to `address`; where it is led back to, at `app`.
    pub async fn visit(&self, address: &str, app: &str) -> String {
        let mut cookies = BTreeMap::<String, String>::new();
        let (mut url, mut form) = (address.to_owned(), None);
        for _page in 0..12 {
            let request = match form.take() {
                Some(form) => self.client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form),
                None => self.client.get(&url),
            };
            let kept: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = request.header("cookie", kept.join("; ")).send().await.expect("an answer");
            for line in answer.headers().get_all("set-cookie") {
                let pair = line.to_str().expect("text").split(';').next().expect("a cookie");
                let (name, value) = pair.split_once('=').expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            if let Some(location) = answer.headers().get("location").map(|location| location.to_str().expect("text")) {
                if location.starts_with(app) {
                    return location.to_owned();
                }
                url = if location.starts_with('/') { format!("{}{location}", self.endpoint) } else { location.to_owned() };
                continue;
            }
            let (status, page) = (answer.status(), answer.text().await.expect("a page"));
            assert_eq!(status, StatusCode::OK, "{page}");
            let is_login = page.contains("value=\"login\"");
            form = Some(if is_login { "prompt=login&login=grace&password=x" } else { "prompt=consent" });
        }
        panic!("the provider leads nowhere from {address}");
    }

    /// The ID token that an issuer gave out last.
    pub async fn told(&self, name: &str) -> String {
        let answer = self.client.get(format!("{}/{name}/told", self.endpoint)).send().await.expect("an answer");
        answer.text().await.expect("a token")
    }

    /// `rotate`: new keys beside the old ones; `retire`: the old ones are published no longer.
    pub async fn change(&self, name: &str, what: &str) {
        let answer = self.client.post(format!("{}/{name}/{what}", self.endpoint)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// The keys that this issuer publishes.
    pub async fn keys(&self, name: &str) -> Value {
        self.client.get(format!("{}/{name}/jwks", self.endpoint)).send().await.expect("an answer").expect_status(StatusCode::OK).await
    }
}
