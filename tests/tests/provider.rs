//! A real OpenID provider's token as a credential: on the API and on the data origin, by requests and by Lambda events, and everything that is none.

use data_encoding::BASE64URL_NOPAD;
use edge::provider::ProviderSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    app::{Answer, TestApp},
    oidc::{AUDIENCE, Oidc},
    world::Door,
};

const FIRST: &str = "plain-v2.ome.zarr";

fn settings(issuer: String, audience: &str, groups_claim: Option<&str>) -> ProviderSettings {
    let set = |name: &str| match name {
        "OFFPRINT_OIDC_ISSUER" => Some(issuer.clone()),
        "OFFPRINT_OIDC_AUDIENCE" => Some(audience.to_owned()),
        "OFFPRINT_OIDC_GROUPS_CLAIM" => groups_claim.map(str::to_owned),
        _ => None,
    };
    ProviderSettings::read(set).expect("settings").expect("a provider")
}

/// A deployment whose people are those of one issuer, and a dataset.
struct Scene {
    app: TestApp,
    dataset: String,
}

impl Scene {
    async fn new(oidc: &Oidc, name: &str, door: Door) -> Self {
        let app = TestApp::with_provider(settings(oidc.issuer(name), AUDIENCE, Some("groups"))).await.behind(door);
        let dataset = app.dataset(FIRST).await;
        Self { app, dataset }
    }

    async fn me(&self, token: &str) -> Answer {
        self.app.api_as(token, Method::GET, "/api/v1/me", None, &[]).await
    }

    async fn chunk(&self, token: &str) -> Answer {
        let target = format!("/{}/{FIRST}/0/.zarray", self.dataset);
        self.app.data(Method::GET, &target, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Signs in, which makes the account; its id.
    async fn sign_in(&self, token: &str) -> String {
        let signed = self.app.api_as("", Method::POST, "/api/v1/sign-in", Some(json!({ "token": token })), &[]).await;
        assert_eq!(signed.status, StatusCode::OK, "{}", String::from_utf8_lossy(&signed.body));
        signed.json()["user"]["id"].as_str().expect("an id").to_owned()
    }

    async fn done(&self, method: Method, path: &str, ask: Value) {
        let answer = self.app.api_with(method, path, Some(ask), &[("if-match", "*")]).await;
        assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
    }

    /// Both origins answer so.
    async fn both(&self, token: &str, api: (u16, &str), data: (u16, &str), what: &str) {
        let (me, chunk) = (self.me(token).await, self.chunk(token).await);
        assert_eq!((me.status.as_u16(), me.json()["code"].as_str()), (api.0, Some(api.1)), "{what}");
        assert_eq!((chunk.status.as_u16(), chunk.json()["code"].as_str()), (data.0, Some(data.1)), "{what}");
        assert!(!chunk.headers.contains_key("location"), "{what}");
    }
}

/// Issue 3, 2: the token acts as the person, as long as the person may, and makes nothing that lasts longer.
#[tokio::test]
async fn a_providers_token_acts_as_its_person() {
    acts_as_its_person(Door::Http).await;
}

#[tokio::test]
async fn a_providers_token_acts_as_its_person_in_an_event() {
    acts_as_its_person(Door::Lambda).await;
}

async fn acts_as_its_person(door: Door) {
    let oidc = Oidc::start();
    let scene = Scene::new(&oidc, "bearer", door).await;
    let token = oidc.token("bearer", "RS256").await;
    scene.both(&token, (401, "sign-in"), (401, "sign-in"), "nobody has signed in by it").await;
    let user = scene.sign_in(&token).await;
    let me = scene.me(&token).await.json();
    assert_eq!((&me["id"], &me["token"]["kind"], &me["administrator"]), (&json!(user), &json!("provider"), &json!(false)));
    assert!(!me["token"]["scopes"].to_string().contains("admin"), "{me}");
    // What was refused is looked at again after a second.
    scene.app.pass_secs(2);
    assert_eq!(scene.chunk(&token).await.json()["code"], "not-found", "an account has no right by itself");
    let grants = format!("/api/v1/datasets/{}/grants", scene.dataset);
    scene.done(Method::POST, &grants, json!({ "to": format!("user:{user}"), "role": "view" })).await;
    scene.app.pass_secs(2);
    let first = scene.chunk(&token).await;
    assert_eq!((first.status, first.header("vary")), (StatusCode::FOUND, "Authorization"));
    let again = oidc.token("bearer", "RS256").await;
    assert_eq!(scene.chunk(&again).await.status, StatusCode::FOUND, "another token of the same person");

    // It makes a ticket, which ends with it, and neither a token nor anything of an administrator's.
    let by_token = async |method, path: &str, ask| scene.app.api_as(&token, method, path, Some(ask), &[]).await;
    let ticket = by_token(Method::POST, &format!("/api/v1/datasets/{}/tickets", scene.dataset), json!({ "minutes": 700 })).await.json();
    assert_eq!(ticket["until"], me["token"]["until"], "a ticket never outlives what made it");
    let url = format!("{}0/.zarray", ticket["url"].as_str().expect("a URL"));
    assert_eq!(scene.app.get(&url).await.status, StatusCode::FOUND);
    for (method, path, ask, status, code) in [
        (Method::POST, "/api/v1/tokens", json!({ "label": "x", "scopes": ["data"], "days": 1 }), 403, "not-session"),
        (Method::POST, "/api/v1/sign-out", json!({}), 409, "provider-token"),
        (Method::POST, "/api/v1/users", json!({ "name": "Mal" }), 403, "not-administrator"),
    ] {
        let refused = by_token(method, path, ask).await;
        assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (status, Some(code)), "{path}");
    }

    // What ends the person's right ends the token's, whatever its own end is.
    let blocks =
        async |blocked: bool| scene.done(Method::POST, "/api/v1/sources/demo/blocks", json!({ "user": user, "blocked": blocked })).await;
    blocks(true).await;
    scene.app.pass_secs(6);
    assert_eq!(scene.chunk(&token).await.json()["code"], "not-found");
    blocks(false).await;
    let standing =
        async |standing: &str| scene.done(Method::PATCH, &format!("/api/v1/users/{user}"), json!({ "standing": standing })).await;
    standing("suspended").await;
    scene.app.pass_secs(6);
    scene.both(&token, (403, "suspended"), (403, "suspended"), "suspended").await;
    standing("active").await;
    scene.app.pass_secs(6);
    assert_eq!(scene.chunk(&token).await.status, StatusCode::FOUND);
    scene.app.pass_secs(700);
    scene.both(&token, (401, "token"), (401, "sign-in"), "it has ended").await;
    assert_eq!(scene.app.get(&url).await.status, StatusCode::NOT_FOUND, "and the ticket with it");
}

/// A token in parts, to be changed.
struct Parts {
    header: Value,
    claims: Value,
    signature: String,
}

impl Parts {
    fn of(token: &str) -> Self {
        let parts: Vec<_> = token.split('.').collect();
        let read = |part: &str| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url")).expect("JSON");
        Self { header: read(parts[0]), claims: read(parts[1]), signature: parts[2].to_owned() }
    }

    fn written(&self) -> String {
        let write = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        format!("{}.{}.{}", write(&self.header), write(&self.claims), self.signature)
    }

    fn with_header(token: &str, name: &str, value: Value) -> String {
        let mut parts = Self::of(token);
        parts.header[name] = value;
        parts.written()
    }

    fn with_claim(token: &str, name: &str, value: Value) -> String {
        let mut parts = Self::of(token);
        parts.claims[name] = value;
        parts.written()
    }
}

// SECURITY 2, T24
#[tokio::test]
async fn what_the_provider_did_not_sign_for_us_opens_nothing() {
    tokens_are_forged(Door::Http).await;
}

#[tokio::test]
async fn what_the_provider_did_not_sign_for_us_opens_nothing_in_an_event() {
    tokens_are_forged(Door::Lambda).await;
}

async fn tokens_are_forged(door: Door) {
    let oidc = Oidc::start();
    let scene = Scene::new(&oidc, "attacked", door).await;
    let token = oidc.token("attacked", "RS256").await;
    let user = scene.sign_in(&token).await;
    let grants = format!("/api/v1/datasets/{}/grants", scene.dataset);
    scene.done(Method::POST, &grants, json!({ "to": format!("user:{user}"), "role": "view" })).await;
    scene.app.pass_secs(2);
    // The good one is remembered from here on; nothing like it may profit.
    assert_eq!((scene.me(&token).await.status, scene.chunk(&token).await.status), (StatusCode::OK, StatusCode::FOUND));
    let (body, signature) = token.rsplit_once('.').expect("three parts");
    let unsigned = |alg: &str| format!("{}.", Parts::with_header(&token, "alg", json!(alg)).rsplit_once('.').expect("parts").0);
    let keys = oidc.keys("attacked").await;
    let jwk = keys["keys"].as_array().expect("keys").iter().find(|key| key["alg"] == "RS256").expect("an RSA key").clone();
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = [
        ("no signature", format!("{body}.")),
        ("another signature", format!("{body}.{flipped}{}", &signature[1..])),
        ("`none`", unsigned("none")),
        ("`None`", unsigned("None")),
        ("HMAC, of whatever key", Parts::with_header(&token, "alg", json!("HS256"))),
        ("an algorithm of the same family that is not configured", Parts::with_header(&token, "alg", json!("RS512"))),
        ("an algorithm of another family", oidc.token("attacked", "ES256").await),
        ("a `crit`", Parts::with_header(&token, "crit", json!(["exp"]))),
        ("another `typ`", Parts::with_header(&token, "typ", json!("logout+jwt"))),
        ("a path for a key id", Parts::with_header(&token, "kid", json!("../../dev/null"))),
        ("a long key id", Parts::with_header(&token, "kid", json!("k".repeat(129)))),
        ("a key id that is not published", Parts::with_header(&token, "kid", json!("unknown"))),
        ("a key brought along", Parts::with_header(&token, "jwk", jwk)),
        ("a key's address brought along", Parts::with_header(&token, "jku", json!("https://evil.test/jwks"))),
        ("another person", Parts::with_claim(&token, "sub", json!("somebody-else"))),
        ("another audience", Parts::with_claim(&token, "aud", json!("other"))),
        ("an issuer in a list", Parts::with_claim(&token, "iss", json!([oidc.issuer("attacked")]))),
        ("a later end", Parts::with_claim(&token, "exp", json!(4_102_444_800_i64))),
        ("no end", Parts::with_claim(&token, "exp", Value::Null)),
        ("an end as a text", Parts::with_claim(&token, "exp", json!("4102444800"))),
        ("another issuer's", oidc.token("elsewhere", "RS256").await),
    ];
    for (what, token) in forged {
        // An unknown key id is told apart only by the log: who asks learns nothing.
        scene.both(&token, (401, "token"), (401, "sign-in"), what).await;
    }
    for (what, text) in [
        ("two megabytes", format!("{body}.{}", "A".repeat(2 << 20))),
        ("over 8 KiB", format!("{body}.{}", "A".repeat(8 << 10))),
        ("five parts", format!("{token}.a.b")),
        ("padding", format!("{token}=")),
        ("nothing", String::new()),
    ] {
        scene.both(&text, (401, "sign-in"), (401, "sign-in"), what).await;
    }
    assert_eq!(scene.chunk(&token).await.status, StatusCode::FOUND, "the good one still works");
    // Meant for another deployment, or for one without a provider.
    let other = TestApp::with_provider(settings(oidc.issuer("attacked"), "another", None)).await.behind(door);
    let refused = other.api_as(&token, Method::GET, "/api/v1/me", None, &[]).await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (401, Some("token")));
    let none = TestApp::fresh().await.behind(door);
    let refused = none.api_as(&token, Method::GET, "/api/v1/me", None, &[]).await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (401, Some("sign-in")));
}

// SECURITY 2: keys that are new are found, keys that are withdrawn end, tokens that were verified with them too
#[tokio::test]
async fn a_key_that_the_provider_withdrew_ends_its_tokens() {
    keys_rotate(Door::Http, "rotating").await;
}

#[tokio::test]
async fn a_key_that_the_provider_withdrew_ends_its_tokens_in_events() {
    keys_rotate(Door::Lambda, "rotating-by-event").await;
}

async fn keys_rotate(door: Door, issuer: &str) {
    let oidc = Oidc::start();
    let scene = Scene::new(&oidc, issuer, door).await;
    let old = oidc.token(issuer, "RS256").await;
    scene.sign_in(&old).await;
    assert_eq!(scene.me(&old).await.status, StatusCode::OK);
    oidc.change(issuer, "rotate").await;
    let new = oidc.token(issuer, "RS256").await;
    scene.app.pass_secs(61);
    assert_eq!(scene.me(&new).await.status, StatusCode::OK, "a new key is found within a minute");
    assert_eq!(scene.me(&old).await.status, StatusCode::OK, "the old one is still published");
    oidc.change(issuer, "retire").await;
    scene.app.pass_secs(301);
    assert_eq!(scene.me(&new).await.status, StatusCode::OK);
    scene.both(&old, (401, "token"), (401, "sign-in"), "what was verified is looked at again after five minutes").await;
}

/// Issue 3, 3: whoever signs in is in the groups that the token names, and in them alone.
#[tokio::test]
async fn signing_in_puts_a_person_into_the_providers_groups() {
    let oidc = Oidc::start();
    let scene = Scene::new(&oidc, "grouped", Door::Http).await;
    for (name, kind) in [("imaging", "claimed"), ("lab-a", "manual"), ("other", "claimed")] {
        scene.done(Method::POST, "/api/v1/groups", json!({ "name": name, "kind": kind })).await;
        scene
            .done(
                Method::POST,
                &format!("/api/v1/datasets/{}/grants", scene.dataset),
                json!({ "to": format!("group:{name}"), "role": "view" }),
            )
            .await;
    }
    let token = oidc.token("grouped", "RS256").await;
    scene.sign_in(&token).await;
    let groups = scene.app.api_as(&token, Method::GET, "/api/v1/groups", None, &[]).await.json();
    let names: Vec<_> = groups["items"].as_array().expect("items").iter().map(|group| group["name"].clone()).collect();
    assert_eq!(names, [json!("imaging")], "the token names `lab-a`, too, which people fill here");
    assert_eq!(scene.chunk(&token).await.status, StatusCode::FOUND);
    // A deployment that does not read the claim puts nobody anywhere.
    let plain = TestApp::with_provider(settings(oidc.issuer("grouped"), AUDIENCE, None)).await;
    let made = plain.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "imaging", "kind": "claimed" }))).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let signed = plain.api_as("", Method::POST, "/api/v1/sign-in", Some(json!({ "token": token })), &[]).await;
    assert_eq!(signed.status, StatusCode::OK);
    assert_eq!(plain.api_as(&token, Method::GET, "/api/v1/groups", None, &[]).await.json()["items"], json!([]));
}
