//! A certified OpenID provider, started by `tests/services/oidc.sh` or by whoever runs the tests: what it really sends is read, and nothing
//! that was changed on the way.

use std::{env, path::PathBuf, process::Command};

use identity::{
    BearerError, Issuers,
    discovery::{DiscoverError, discover},
    issuer::{Algorithm, Issuer, TokenType},
    outbound::Outbound,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{AUDIENCE, signer::encoded};

/// One issuer of the provider, that no other test uses.
struct Provider {
    issuer: String,
    client: Client,
    client_id: String,
    client_secret: String,
    /// What the launcher is told to stop, and its folder; none if another started it.
    pids: Vec<String>,
    dir: Option<String>,
}

fn launcher() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/services/oidc.sh")
}

impl Provider {
    fn new(name: &str) -> Self {
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
            issuer: format!("{}/{name}", text("endpoint")),
            client: Client::builder().no_proxy().build().unwrap(),
            client_id: text("client_id"),
            client_secret: text("client_secret"),
            pids: json["pids"].as_array().filter(|_| is_ours).into_iter().flatten().map(Value::to_string).collect(),
            dir: is_ours.then(|| text("dir")),
        }
    }

    /// Another issuer of the same provider.
    fn another(&self) -> Self {
        let Self { client, client_id, client_secret, .. } = self;
        let (client, client_id, client_secret) = (client.clone(), client_id.clone(), client_secret.clone());
        Self { issuer: format!("{}-too", self.issuer), client, client_id, client_secret, pids: Vec::new(), dir: None }
    }

    /// An access token, signed by this algorithm.
    async fn token(&self, algorithm: Algorithm) -> String {
        let asked = format!("grant_type=client_credentials&resource=urn:offprint:{}", algorithm.word());
        let request = self.client.post(format!("{}/token", self.issuer)).basic_auth(&self.client_id, Some(&self.client_secret));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").body(asked).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }

    async fn change(&self, what: &str) {
        let answer = self.client.post(format!("{}/{what}", self.issuer)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    async fn configured(&self, algorithm: Algorithm) -> Issuers {
        let outbound = Outbound::new(true);
        let found = discover(&outbound, &self.issuer).await.unwrap();
        assert_eq!(found.keys_url, format!("{}/jwks", self.issuer));
        assert_eq!(found.authorization_url, Some(format!("{}/auth", self.issuer)));
        assert_eq!(found.token_url, Some(format!("{}/token", self.issuer)));
        let issuer = Issuer {
            issuer: self.issuer.clone(),
            audience: AUDIENCE.to_owned(),
            keys_url: found.keys_url,
            algorithms: vec![algorithm],
            types: vec![TokenType::AtJwt],
            verifies_email: true,
            groups_claim: Some("groups".to_owned()),
        };
        Issuers::new(vec![issuer], &outbound).unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if !self.pids.is_empty() {
            let _ended = Command::new(launcher()).arg("stop").args(&self.pids).status();
        }
        if let Some(dir) = &self.dir {
            let _gone = std::fs::remove_dir_all(dir);
        }
    }
}

/// The provider's clock is the real one.
#[expect(clippy::disallowed_methods, reason = "its tokens are made by the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn a_real_providers_tokens_are_read_by_every_algorithm() {
    let provider = Provider::new("read");
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let issuers = provider.configured(algorithm).await;
        let token = provider.token(algorithm).await;
        let read = issuers.verify(&token, now()).await.unwrap();
        assert_eq!((&read.issuer, &read.subject), (&provider.issuer, &provider.client_id), "{algorithm:?}");
        assert_eq!((read.name.as_deref(), read.email.as_deref()), (Some("Ada"), Some("ada@lab.example")));
        assert_eq!(read.groups, ["imaging", "lab-a"]);
        let issued_at = read.issued_at.unwrap();
        assert_eq!(read.until.duration_since(issued_at), SignedDuration::from_secs(600));
        let end = read.until + SignedDuration::from_secs(5);
        assert_eq!(issuers.verify(&token, end).await, Err(BearerError::Expired));
        for other in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa].into_iter().filter(|other| *other != algorithm) {
            assert_eq!(issuers.verify(&provider.token(other).await, now()).await, Err(BearerError::Algorithm));
        }
    }
}

#[tokio::test]
async fn a_real_token_that_was_changed_is_refused() {
    let provider = Provider::new("changed");
    let another = provider.another();
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let issuers = provider.configured(algorithm).await;
        let token = provider.token(algorithm).await;
        let [header, claimed, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let mut claims: Value = serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claimed.as_bytes()).unwrap()).unwrap();
        claims["groups"] = json!(["administrators"]);
        let raised = format!("{header}.{}.{signature}", encoded(claims.to_string().as_bytes()));
        assert_eq!(issuers.verify(&raised, now()).await, Err(BearerError::Signature), "{algorithm:?}");
        assert_eq!(issuers.verify(&format!("{header}.{claimed}."), now()).await, Err(BearerError::Signature));
        assert_eq!(issuers.verify(&another.token(algorithm).await, now()).await, Err(BearerError::Issuer));
        assert!(issuers.verify(&token, now()).await.is_ok());
    }
}

#[tokio::test]
async fn a_real_providers_new_keys_are_found_and_its_old_ones_end() {
    let provider = Provider::new("rotated");
    let algorithm = Algorithm::Es256;
    let issuers = provider.configured(algorithm).await;
    let old = provider.token(algorithm).await;
    let start = now();
    let after = |seconds| start + SignedDuration::from_secs(seconds);
    assert!(issuers.verify(&old, start).await.is_ok());
    provider.change("rotate").await;
    let new = provider.token(algorithm).await;
    assert_eq!(issuers.verify(&new, after(30)).await, Err(BearerError::UnknownKey), "not before a minute is over");
    assert!(issuers.verify(&new, after(60)).await.is_ok());
    assert!(issuers.verify(&old, after(60)).await.is_ok(), "it is still published");
    provider.change("retire").await;
    assert!(issuers.verify(&new, after(360)).await.is_ok());
    assert_eq!(issuers.verify(&old, after(360)).await, Err(BearerError::UnknownKey));
}

#[tokio::test]
async fn a_real_provider_is_another_issuer_under_another_name() {
    let provider = Provider::new("named");
    let by_name = provider.issuer.replace("127.0.0.1", "localhost");
    assert_eq!(discover(&Outbound::new(true), &by_name).await, Err(DiscoverError::OtherIssuer));
}
