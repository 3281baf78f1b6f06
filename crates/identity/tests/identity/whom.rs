//! What is believed of a token that is genuine: subject, name, address, groups (SECURITY T25).

use identity::{
    BearerError, Verified,
    issuer::{Algorithm, Issuer},
};
use serde_json::{Value, json};

use crate::{AUDIENCE, ISSUER, NOW_SECS, at, claims, issuer, issuers, server::Server, signer::Signer, with};

async fn told(change: impl FnOnce(&mut Issuer), claimed: Value) -> Result<Verified, BearerError> {
    let signer = Signer::ed("key");
    let server = Server::of(&[&signer]).await;
    let mut issuer = issuer(&server.url(), &[Algorithm::EdDsa]);
    change(&mut issuer);
    issuers(issuer).verify(&signer.token("EdDSA", &signer.header("EdDSA"), &with(claims(), claimed)), at(0)).await
}

#[tokio::test]
async fn a_person_is_an_issuer_and_a_subject() {
    let all = json!({ "name": "Ada Lovelace", "email": "ada@lab.example", "email_verified": true, "groups": ["b", "a"] });
    let ada = told(|_| (), all).await.unwrap();
    let want = Verified {
        issuer: ISSUER.to_owned(),
        subject: "ada".to_owned(),
        name: Some("Ada Lovelace".to_owned()),
        email: Some("ada@lab.example".to_owned()),
        groups: vec!["a".to_owned(), "b".to_owned()],
        issued_at: Some(at(-10)),
        until: at(600),
    };
    assert!(ada == want);
    let shown = format!("{ada:?}");
    for personal in ["ada", "Lovelace", "lab-a", AUDIENCE] {
        assert!(!shown.contains(personal), "{shown}");
    }
    let bare = told(|_| (), json!({ "iat": null })).await.unwrap();
    assert_eq!((bare.name, bare.email, bare.groups, bare.issued_at), (None, None, vec![], None));
    let late = told(|_| (), json!({ "exp": NOW_SECS - 4 })).await.unwrap();
    assert_eq!(late.until, at(-4), "the end is the issuer's, without the leeway");
}

#[tokio::test]
async fn an_address_counts_only_from_an_issuer_that_verifies_and_did() {
    let ada = "ada@lab.example";
    for (what, verifies, claimed, want) in [
        ("verified", true, json!({ "email": ada, "email_verified": true }), Some(ada)),
        ("by an issuer that does not verify", false, json!({ "email": ada, "email_verified": true }), None),
        ("not verified", true, json!({ "email": ada, "email_verified": false }), None),
        ("not said", true, json!({ "email": ada }), None),
        ("said in text", true, json!({ "email": ada, "email_verified": "true" }), None),
        ("said in a number", true, json!({ "email": ada, "email_verified": 1 }), None),
        ("no text", true, json!({ "email": [ada], "email_verified": true }), None),
        ("no address", true, json!({ "email": "ada", "email_verified": true }), None),
        ("two lines", true, json!({ "email": "ada@lab.example\nbcc:x@y", "email_verified": true }), None),
        ("too long", true, json!({ "email": format!("{}@lab.example", "a".repeat(250)), "email_verified": true }), None),
    ] {
        let got = told(|issuer| issuer.verifies_email = verifies, claimed).await.unwrap();
        assert_eq!(got.email.as_deref(), want, "{what}");
    }
}

#[tokio::test]
async fn groups_are_those_of_the_configured_claim() {
    let many = |count: usize| json!({ "groups": (0..count).map(|n| format!("{n:03}")).collect::<Vec<_>>() });
    for (what, claim, claimed, want) in [
        ("as configured", Some("groups"), json!({ "groups": ["b", "a", "b"] }), Ok(vec!["a", "b"])),
        ("another claim", Some("roles"), json!({ "groups": ["a"], "roles": ["r"] }), Ok(vec!["r"])),
        ("none configured", None, json!({ "groups": ["a"] }), Ok(vec![])),
        ("a text", Some("groups"), json!({ "groups": "a" }), Ok(vec![])),
        ("an object", Some("groups"), json!({ "groups": { "a": true } }), Ok(vec![])),
        ("odd ones left out", Some("groups"), json!({ "groups": ["a", 1, null, "", "x\ny", ["b"], "g".repeat(256)] }), Ok(vec!["a"])),
        ("too many", Some("groups"), many(257), Err(BearerError::TooManyGroups)),
    ] {
        let got = told(|issuer| issuer.groups_claim = claim.map(str::to_owned), claimed).await.map(|verified| verified.groups);
        assert_eq!(got, want.map(|groups| groups.into_iter().map(str::to_owned).collect()), "{what}");
    }
    assert_eq!(told(|_| (), many(256)).await.unwrap().groups.len(), 256);
}

#[tokio::test]
async fn a_name_is_fit_to_be_shown_or_absent() {
    for (claimed, want) in [
        (json!("Ada Łoś"), Some("Ada Łoś".to_owned())),
        (json!(""), None),
        (json!(["Ada"]), None),
        (json!("Ada\u{1b}[31m"), None),
        (json!("é".repeat(200)), Some("é".repeat(200))),
        (json!("é".repeat(201)), None),
    ] {
        assert_eq!(told(|_| (), json!({ "name": claimed })).await.unwrap().name, want, "{claimed}");
    }
}
