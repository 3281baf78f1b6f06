//! How keys are fetched and kept: one address, few fetches, and a day without the issuer (SECURITY 2, SEMANTICS 7).

use core::time::Duration;

use http::StatusCode;
use identity::{
    BearerError, Issuers,
    issuer::Algorithm,
    limits::{DOCUMENT_BYTES_MAX, FETCH_MS, KEYS_MAX},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    at, claims, issuer, issuers,
    server::{Answer, Server, key_set, keys},
    signer::Signer,
    with,
};

fn of(server: &Server) -> Issuers {
    issuers(issuer(&server.url(), &[Algorithm::EdDsa]))
}

/// A token that does not expire within the test.
fn token(signer: &Signer) -> String {
    token_with(signer, &signer.header("EdDSA"))
}

fn token_with(signer: &Signer, header: &Value) -> String {
    signer.token("EdDSA", header, &with(claims(), json!({ "exp": 4_000_000_000_i64 })))
}

async fn outcome(issuers: &Issuers, signer: &Signer, seconds: i64) -> Result<(), BearerError> {
    issuers.verify(&token(signer), at(seconds)).await.map(drop)
}

#[tokio::test]
async fn a_thousand_unknown_key_ids_are_one_fetch() {
    let signer = Signer::ed("key");
    let server = Server::of(&[&signer]).await;
    let issuers = of(&server);
    let guess = |n: i64| token_with(&signer, &json!({ "alg": "EdDSA", "typ": "JWT", "kid": format!("guess-{n}") }));
    let mut tries = JoinSet::new();
    for n in 0..1_000 {
        let (issuers, token) = (issuers.clone(), guess(n));
        tries.spawn(async move { issuers.verify(&token, at(n % 60)).await.map(drop) });
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes, vec![Err(BearerError::UnknownKey); 1_000]);
    assert_eq!(server.fetches(), 1, "all at once");
    assert_eq!(outcome(&issuers, &signer, 59).await, Ok(()));
    // One after the other, over ten minutes: one a minute.
    for n in 60..660 {
        assert_eq!(issuers.verify(&guess(n), at(n)).await, Err(BearerError::UnknownKey));
    }
    assert_eq!(server.fetches(), 11);
}

#[tokio::test]
async fn those_who_wait_share_one_fetch() {
    let signer = Signer::ed("key");
    let server = Server::of(&[&signer]).await;
    let issuers = of(&server);
    server.close();
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let (issuers, token) = (issuers.clone(), token(&signer));
        waiting.spawn(async move { issuers.verify(&token, at(0)).await.map(drop) });
    }
    server.asked().await;
    server.open();
    assert_eq!(waiting.join_all().await, vec![Ok(()); 100]);
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_keep_others_from_the_keys() {
    let signer = Signer::ed("key");
    let server = Server::of(&[&signer]).await;
    let issuers = of(&server);
    server.close();
    let first = {
        let (issuers, token) = (issuers.clone(), token(&signer));
        tokio::spawn(async move { issuers.verify(&token, at(0)).await.map(drop) })
    };
    server.asked().await;
    first.abort();
    assert!(first.await.is_err_and(|why| why.is_cancelled()));
    server.open();
    assert_eq!(outcome(&issuers, &signer, 1).await, Ok(()));
    assert_eq!(server.fetches(), 1, "the fetch that the first one began");
}

#[tokio::test]
async fn known_keys_serve_while_they_are_fetched_anew() {
    let signer = Signer::ed("key");
    let server = Server::of(&[&signer]).await;
    let issuers = of(&server);
    assert_eq!(outcome(&issuers, &signer, 0).await, Ok(()));
    server.asked().await;
    assert_eq!(outcome(&issuers, &signer, 299).await, Ok(()));
    assert_eq!(server.fetches(), 1);
    server.close();
    let first = {
        let (issuers, token) = (issuers.clone(), token(&signer));
        tokio::spawn(async move { issuers.verify(&token, at(300)).await.map(drop) })
    };
    server.asked().await;
    let others = async {
        for _ in 0..100 {
            assert_eq!(outcome(&issuers, &signer, 300).await, Ok(()));
        }
    };
    timeout(Duration::from_millis(FETCH_MS / 2), others).await.expect("nobody else waits");
    server.open();
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_is_good_until_it_goes() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let server = Server::of(&[&old]).await;
    let issuers = of(&server);
    assert_eq!(outcome(&issuers, &old, 0).await, Ok(()));
    server.answers(key_set(&[&new, &old]));
    assert_eq!(outcome(&issuers, &new, 59).await, Err(BearerError::UnknownKey), "at most one fetch a minute");
    assert_eq!(outcome(&issuers, &new, 60).await, Ok(()));
    assert_eq!(outcome(&issuers, &old, 60).await, Ok(()));
    assert_eq!(server.fetches(), 2);
    server.answers(key_set(&[&new]));
    assert_eq!(outcome(&issuers, &old, 359).await, Ok(()), "not asked for again yet");
    assert_eq!(outcome(&issuers, &old, 360).await, Err(BearerError::UnknownKey), "a withdrawn key is good for 5 minutes at most");
    assert_eq!(outcome(&issuers, &new, 360).await, Ok(()));
    assert_eq!(server.fetches(), 3);
    // All withdrawn is an answer, too.
    server.answers(keys(&[]));
    assert_eq!(outcome(&issuers, &new, 660).await, Err(BearerError::UnknownKey));
}

#[tokio::test]
async fn keys_serve_a_day_while_their_issuer_is_away() {
    const DAY: i64 = 86_400;
    let (signer, new) = (Signer::ed("key"), Signer::ed("new"));
    let server = Server::of(&[&signer]).await;
    for (what, away) in [
        ("hangs up", Answer::HangUp),
        ("fails", Answer::Status(StatusCode::SERVICE_UNAVAILABLE)),
        ("knows nothing", Answer::Status(StatusCode::NOT_FOUND)),
        ("sends a page", Answer::Body("<html>down for maintenance".into())),
        ("sends another document", Answer::Body(r#"{"keys":{}}"#.into())),
    ] {
        server.answers(key_set(&[&signer]));
        let issuers = of(&server);
        assert_eq!(outcome(&issuers, &signer, 0).await, Ok(()));
        server.answers(away);
        let before = server.fetches();
        for seconds in [300, 359, 360, DAY - 1] {
            assert_eq!(outcome(&issuers, &signer, seconds).await, Ok(()), "{what}, {seconds} s");
        }
        assert_eq!(server.fetches() - before, 3, "{what}: one try a minute");
        assert_eq!(outcome(&issuers, &new, DAY - 1).await, Err(BearerError::KeysUnavailable), "{what}: it may be a new key");
        assert_eq!(outcome(&issuers, &signer, DAY).await, Err(BearerError::KeysUnavailable), "{what}, a day");
        assert_eq!(outcome(&issuers, &signer, -DAY).await, Err(BearerError::KeysUnavailable), "{what}: a clock set back makes nothing new");
        server.answers(key_set(&[&signer, &new]));
        assert_eq!(outcome(&issuers, &new, DAY + 60).await, Ok(()), "{what}: it is back");
    }
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_no_yes_and_no_no() {
    let signer = Signer::ed("key");
    let server = Server::new(Answer::HangUp).await;
    let issuers = of(&server);
    for seconds in 0..120 {
        assert_eq!(outcome(&issuers, &signer, seconds).await, Err(BearerError::KeysUnavailable));
    }
    assert_eq!(server.fetches(), 2);
    server.answers(Answer::HeadOnly);
    let started = std::time::Instant::now();
    assert_eq!(outcome(&issuers, &signer, 120).await, Err(BearerError::KeysUnavailable), "an answer that does not end");
    assert!(started.elapsed().as_millis() < u128::from(FETCH_MS) + 2_000);
}

#[tokio::test]
async fn a_key_set_is_at_most_64_kib_and_comes_without_a_redirect() {
    let signer = Signer::ed("key");
    let set = json!({ "keys": [signer.jwk()] }).to_string();
    let filled = |length: usize| Answer::Body(format!("{set}{}", " ".repeat(length - set.len())).into());
    let server = Server::new(filled(DOCUMENT_BYTES_MAX)).await;
    assert_eq!(outcome(&of(&server), &signer, 0).await, Ok(()));
    server.answers(filled(DOCUMENT_BYTES_MAX + 1));
    assert_eq!(outcome(&of(&server), &signer, 0).await, Err(BearerError::KeysUnavailable));

    // A list is no object, whose fields it might have in order.
    server.answers(Answer::Body(format!("[[{}]]", signer.jwk()).into()));
    assert_eq!(outcome(&of(&server), &signer, 0).await, Err(BearerError::KeysUnavailable));

    let elsewhere = Server::of(&[&signer]).await;
    for status in [301, 302, 303, 307, 308] {
        server.answers(Answer::Redirect(StatusCode::from_u16(status).unwrap(), elsewhere.url()));
        assert_eq!(outcome(&of(&server), &signer, 0).await, Err(BearerError::KeysUnavailable), "{status}");
    }
    server.answers(Answer::Status(StatusCode::NO_CONTENT));
    assert_eq!(outcome(&of(&server), &signer, 0).await, Err(BearerError::KeysUnavailable));
    assert_eq!(elsewhere.fetches(), 0);
}

#[tokio::test]
async fn keys_for_other_purposes_are_no_keys() {
    let good = Signer::ed("good");
    let other = |id: &str, changes: Value| {
        let signer = Signer::ed(id);
        let jwk = with(signer.jwk(), changes);
        (signer, jwk)
    };
    let odd = [
        other("for-encryption", json!({ "use": "enc" })),
        other("for-something", json!({ "use": "x" })),
        other("use-is-no-text", json!({ "use": 1 })),
        other("only-signs", json!({ "key_ops": ["sign"] })),
        other("of-another-algorithm", json!({ "alg": "RS256" })),
        other("of-an-unknown-algorithm", json!({ "alg": "X" })),
        other("another-curve", json!({ "crv": "X25519" })),
        other("a-curve-of-others", json!({ "crv": "P-256" })),
        other("no-curve", json!({ "crv": null })),
        other("symmetric", json!({ "kty": "oct", "k": "c2VjcmV0" })),
        other("of-another-kind", json!({ "kty": "RSA" })),
        other("no-key", json!({ "x": null })),
        other("half-a-key", json!({ "x": "AAAA" })),
        other("not-encoded", json!({ "x": "!" })),
        other("without-id", json!({ "kid": null })),
        other("with-an-odd-id", json!({ "kid": "with-an/odd-id" })),
    ];
    let mut set: Vec<Value> = odd.iter().map(|(_, jwk)| jwk.clone()).collect();
    set.extend([json!(null), json!([]), json!("key"), json!({}), Signer::p256("p256").jwk(), Signer::rsa("rsa").jwk(), good.jwk()]);
    let server = Server::new(keys(&set)).await;
    let issuers = of(&server);
    assert_eq!(outcome(&issuers, &good, 0).await, Ok(()), "the odd ones spoil nothing");
    for (signer, _) in &odd {
        // Half a key is kept, and fits nothing.
        let want = if signer.id == "half-a-key" { BearerError::Signature } else { BearerError::UnknownKey };
        assert_eq!(outcome(&issuers, signer, 0).await, Err(want), "{}", signer.id);
    }
    for fit in [json!({ "use": null }), json!({ "use": null, "key_ops": ["verify"] }), json!({ "alg": "EdDSA" })] {
        server.answers(keys(&[with(good.jwk(), fit.clone())]));
        assert_eq!(outcome(&of(&server), &good, 0).await, Ok(()), "{fit}");
    }
}

#[tokio::test]
async fn a_key_that_names_its_algorithm_is_for_no_other() {
    let signer = Signer::rsa("key");
    let server = Server::new(keys(&[with(signer.jwk(), json!({ "alg": "RS256" }))])).await;
    let issuers = issuers(issuer(&server.url(), &[Algorithm::Rs256, Algorithm::Ps256]));
    for (algorithm, want) in [("RS256", Ok(())), ("PS256", Err(BearerError::Algorithm))] {
        let token = signer.token(algorithm, &signer.header(algorithm), &claims());
        assert_eq!(issuers.verify(&token, at(0)).await.map(drop), want, "{algorithm}");
    }
}

#[tokio::test]
async fn a_set_is_kept_up_to_its_bound_and_an_id_names_its_first_key() {
    let signers: Vec<_> = (0..=KEYS_MAX).map(|n| Signer::ed(&n.to_string())).collect();
    let server = Server::of(&signers.iter().collect::<Vec<_>>()).await;
    let issuers = of(&server);
    assert_eq!(outcome(&issuers, &signers[KEYS_MAX - 1], 0).await, Ok(()));
    assert_eq!(outcome(&issuers, &signers[KEYS_MAX], 0).await, Err(BearerError::UnknownKey));
    let (first, second) = (Signer::ed("key"), Signer::ed("key"));
    server.answers(key_set(&[&first, &second]));
    let issuers = of(&server);
    assert_eq!(outcome(&issuers, &first, 0).await, Ok(()));
    assert_eq!(outcome(&issuers, &second, 0).await, Err(BearerError::Signature));
}
