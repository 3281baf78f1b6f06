//! The table of SECURITY 2: tokens that are forged, confused or endless (T24). A row names what is wrong with a token; all else is right.

use std::time::Instant;

use identity::{
    BearerError,
    issuer::{Algorithm, Issuer, TokenType},
    limits::TOKEN_BYTES_MAX,
};
use serde_json::{Value, json};

use crate::{
    AUDIENCE, ISSUER, NOW_SECS, at, claims, issuer, issuers,
    server::{Answer, Server, key_set},
    signer::{Signer, encoded, hmac_token},
    with,
};

/// An issuer with an RSA key, and a key that is not its own.
struct Scene {
    server: Server,
    theirs: Signer,
    stranger: Signer,
}

impl Scene {
    async fn new() -> Self {
        let (theirs, stranger) = (Signer::rsa("key-1"), Signer::rsa("key-1"));
        Self { server: Server::of(&[&theirs]).await, theirs, stranger }
    }

    fn issuer(&self) -> Issuer {
        issuer(&self.server.url(), &[Algorithm::Rs256, Algorithm::Rs384])
    }

    fn token(&self, header: Value, claimed: Value) -> String {
        self.theirs.token("RS256", &with(self.theirs.header("RS256"), header), &with(claims(), claimed))
    }

    /// Judges a row, and that a refusal repeats nothing of the token.
    async fn check(&self, what: &str, token: &str, want: Result<(), BearerError>) {
        let got = issuers(self.issuer()).verify(token, at(0)).await;
        if let Err(why) = got {
            let told = format!("{why} {why:?}");
            assert!(token.split('.').filter(|part| part.len() > 20).all(|part| !told.contains(part)), "{what} is repeated: {told}");
        }
        assert_eq!(got.map(drop), want, "{what}");
    }
}

#[tokio::test]
async fn a_token_has_three_parts_of_json() {
    let scene = Scene::new().await;
    let good = scene.token(json!({}), json!({}));
    scene.check("as it should be", &good, Ok(())).await;
    let [header, claimed, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let issuers = issuers(scene.issuer());
    for length in 0..good.len() {
        assert!(issuers.verify(&good[..length], at(0)).await.is_err(), "the first {length} bytes");
    }
    for (what, token) in [
        ("four parts", format!("{good}.e30")),
        ("five parts, as of an encrypted token", format!("{good}.e30.e30")),
        ("an empty part between", format!("{header}..{claimed}.{signature}")),
        ("empty claims", format!("{header}..{signature}")),
        ("an empty header", format!(".{claimed}.{signature}")),
        ("padded", format!("{header}=.{claimed}.{signature}")),
        ("a space before", format!(" {good}")),
        ("a scheme before", format!("Bearer {good}")),
        ("claims that are no JSON", format!("{header}.{}.{signature}", encoded(b"{"))),
        ("claims that are a list", format!("{header}.{}.{signature}", encoded(b"[]"))),
        ("two objects", format!("{header}.{}.{signature}", encoded(b"{}{}"))),
        ("deep claims", format!("{header}.{}.{signature}", encoded("[".repeat(4_000).as_bytes()))),
        ("claims that are not UTF-8", format!("{header}.{}.{signature}", encoded(b"{\"sub\":\"\xff\"}"))),
    ] {
        scene.check(what, &token, Err(BearerError::Malformed)).await;
    }
    for (what, token) in [
        ("no signature", format!("{header}.{claimed}.")),
        ("a signature with a line break", format!("{good}\n")),
        ("a padded signature", format!("{good}==")),
        (
            "another's signature",
            format!("{header}.{claimed}.{}", scene.stranger.token("RS256", &json!({}), &json!({})).rsplit('.').next().unwrap()),
        ),
    ] {
        scene.check(what, &token, Err(BearerError::Signature)).await;
    }
}

#[tokio::test]
async fn a_token_is_at_most_8_kib() {
    let scene = Scene::new().await;
    let padded = |header: usize, claimed: usize| scene.token(json!({ "x": "x".repeat(header) }), json!({ "x": "x".repeat(claimed) }));
    // Three bytes are encoded in four, so not every length can be met by the claims alone: the header gives way, too.
    let filled = |length: usize| {
        let about = (length - padded(0, 0).len()) * 3 / 4;
        let pads = (0..4).flat_map(|header| (about - 8..about + 8).map(move |claimed| (header, claimed)));
        pads.map(|(header, claimed)| padded(header, claimed)).find(|token| token.len() == length).unwrap()
    };
    scene.check("the longest", &filled(TOKEN_BYTES_MAX), Ok(())).await;
    scene.check("one too long", &filled(TOKEN_BYTES_MAX + 1), Err(BearerError::TooLong)).await;

    let huge = format!("{}.{}", "e30.".repeat(524_288), "x");
    let issuers = issuers(scene.issuer());
    let start = Instant::now();
    for _ in 0..10_000 {
        assert_eq!(issuers.verify(&huge, at(0)).await, Err(BearerError::TooLong));
    }
    assert!(start.elapsed().as_millis() < 1_000, "10,000 refusals of 2 MiB took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_signature_is_by_one_of_the_issuers_algorithms() {
    let scene = Scene::new().await;
    for word in ["none", "None", "NONE", "", "HS256", "RS512", "PS256", "ES256", "EdDSA", "rs256", "RS256 "] {
        let token = scene.token(json!({ "alg": word }), json!({}));
        scene.check(word, &token, Err(BearerError::Algorithm)).await;
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        scene.check(word, &unsigned, Err(BearerError::Algorithm)).await;
    }
    for (what, header) in [("absent", json!({ "alg": null })), ("a number", json!({ "alg": 256 })), ("a list", json!({ "alg": ["RS256"] }))]
    {
        scene.check(what, &scene.token(header, json!({})), Err(BearerError::Algorithm)).await;
    }
    // The issuer's public key, in every form that a library might take for a secret.
    for secret in scene.theirs.public_texts() {
        let token = hmac_token(&secret, &scene.theirs.header("HS256"), &claims());
        scene.check("an HMAC with the public key", &token, Err(BearerError::Algorithm)).await;
        let token = hmac_token(&secret, &scene.theirs.header("RS256"), &claims());
        scene.check("the same, not said", &token, Err(BearerError::Signature)).await;
    }
    let said = scene.theirs.token("PS256", &scene.theirs.header("RS256"), &claims());
    scene.check("another algorithm than said", &said, Err(BearerError::Signature)).await;
    let listed = scene.theirs.token("RS384", &scene.theirs.header("RS384"), &claims());
    scene.check("the other one listed", &listed, Ok(())).await;
}

#[tokio::test]
async fn every_algorithm_is_verified_and_none_is_taken_for_another() {
    let (rsa, p256, p384, ed) = (Signer::rsa("rsa"), Signer::p256("p256"), Signer::p384("p384"), Signer::ed("ed"));
    let server = Server::of(&[&rsa, &p256, &p384, &ed]).await;
    let signer = |algorithm: Algorithm| match algorithm {
        Algorithm::Es256 => &p256,
        Algorithm::Es384 => &p384,
        Algorithm::EdDsa => &ed,
        _ => &rsa,
    };
    for configured in Algorithm::ALL {
        let issuers = issuers(issuer(&server.url(), &[configured]));
        for used in Algorithm::ALL {
            let token = signer(used).token(used.word(), &signer(used).header(used.word()), &claims());
            let want = if used == configured { Ok(()) } else { Err(BearerError::Algorithm) };
            assert_eq!(issuers.verify(&token, at(0)).await.map(drop), want, "{used:?} where {configured:?} is wanted");
        }
        // Its own algorithm, said of every other key: such a key is not even kept, or does not fit.
        for other in [&rsa, &p256, &p384, &ed].into_iter().filter(|other| other.id != signer(configured).id) {
            let used = other.jwk()["kty"].as_str().map_or("", |kind| if kind == "RSA" { "RS256" } else { "" }).to_owned();
            let token = other.token(&used, &other.header(configured.word()), &claims());
            assert_eq!(issuers.verify(&token, at(0)).await, Err(BearerError::UnknownKey), "{} for {configured:?}", other.id);
        }
    }
    // JWS has r and s side by side (RFC 7518, section 3.4); the form of certificates is refused.
    let asn1 = Signer::p256_asn1("asn1");
    let curves = issuers(issuer(&Server::of(&[&asn1]).await.url(), &[Algorithm::Es256, Algorithm::Es384]));
    let token = asn1.token("ES256", &asn1.header("ES256"), &claims());
    assert_eq!(curves.verify(&token, at(0)).await, Err(BearerError::Signature));
}

#[tokio::test]
async fn a_key_is_the_issuers_own_whatever_the_header_says() {
    let scene = Scene::new().await;
    for (what, id) in [
        ("a path", json!("../../../../dev/null")),
        ("a query", json!("x' or '1'='1")),
        ("a slash", json!("a/b")),
        ("a zero byte", json!("key-1\u{0}")),
        ("other letters", json!("kéy-1")),
        ("129 characters", json!("k".repeat(129))),
        ("empty", json!("")),
        ("a number", json!(1)),
        ("a list", json!(["key-1"])),
        ("absent", json!(null)),
    ] {
        scene.check(what, &scene.token(json!({ "kid": id }), json!({})), Err(BearerError::KeyId)).await;
    }
    scene.check("10 KB", &scene.token(json!({ "kid": "k".repeat(10_000) }), json!({})), Err(BearerError::TooLong)).await;
    scene.check("128 characters", &scene.token(json!({ "kid": "k".repeat(128) }), json!({})), Err(BearerError::UnknownKey)).await;

    // A key that a token brings along, or points at, is no key.
    let elsewhere = Server::of(&[&scene.stranger]).await;
    let brought = [
        json!({ "jwk": scene.stranger.jwk() }),
        json!({ "jku": elsewhere.url() }),
        json!({ "x5u": elsewhere.url(), "x5t": "x", "x5t#S256": "x" }),
        json!({ "x5c": ["MIIB"] }),
        json!({ "jwk": "no key at all", "jku": 7, "x5u": [], "x5c": {} }),
    ];
    for header in brought {
        let said = with(scene.stranger.header("RS256"), header.clone());
        let token = scene.stranger.token("RS256", &said, &claims());
        scene.check("brings its own key", &token, Err(BearerError::Signature)).await;
        let token = scene.stranger.token("RS256", &with(said, json!({ "kid": "mine" })), &claims());
        scene.check("brings its own key and id", &token, Err(BearerError::UnknownKey)).await;
        scene.check("genuine", &scene.token(header, json!({})), Ok(())).await;
    }
    assert_eq!(elsewhere.fetches(), 0, "nothing that a token names is fetched");
}

#[tokio::test]
async fn a_header_with_crit_or_of_another_type_is_refused() {
    let scene = Scene::new().await;
    for crit in [json!(["exp"]), json!([]), json!(["b64"]), json!("x"), json!(0), json!({})] {
        scene.check("crit", &scene.token(json!({ "crit": crit }), json!({})), Err(BearerError::Critical)).await;
    }
    let null = r#"{"alg":"RS256","typ":"JWT","kid":"key-1","crit":null}"#;
    scene.check("crit is null", &scene.theirs.raw_token("RS256", null, &claims().to_string()), Err(BearerError::Critical)).await;
    for (what, typ) in [
        ("an access token", json!("at+jwt")),
        ("absent", json!(null)),
        ("empty", json!("")),
        ("a logout token", json!("logout+jwt")),
        ("a proof of possession", json!("dpop+jwt")),
        ("not text", json!(["JWT"])),
    ] {
        scene.check(what, &scene.token(json!({ "typ": typ }), json!({})), Err(BearerError::Type)).await;
    }
    scene.check("a media type", &scene.token(json!({ "typ": "application/jwt" }), json!({})), Ok(())).await;
    for (kind, typ) in [(TokenType::AtJwt, json!("at+jwt")), (TokenType::Absent, json!(null))] {
        let one = issuers(Issuer { types: vec![kind], ..scene.issuer() });
        assert!(one.verify(&scene.token(json!({ "typ": typ }), json!({})), at(0)).await.is_ok(), "{kind:?}");
        assert_eq!(one.verify(&scene.token(json!({}), json!({})), at(0)).await, Err(BearerError::Type), "{kind:?}");
    }
}

#[tokio::test]
async fn a_token_is_of_its_issuer_and_for_us() {
    let scene = Scene::new().await;
    let claim = |name| Err(BearerError::Claim(name));
    let rows = [
        ("iss absent", json!({ "iss": null }), claim("iss")),
        ("iss a list", json!({ "iss": [ISSUER] }), claim("iss")),
        ("iss a list with ours", json!({ "iss": ["https://evil.example", ISSUER] }), claim("iss")),
        ("iss a number", json!({ "iss": 1 }), claim("iss")),
        ("iss other", json!({ "iss": "https://evil.example" }), Err(BearerError::Issuer)),
        ("iss with a slash", json!({ "iss": format!("{ISSUER}/") }), Err(BearerError::Issuer)),
        ("iss in capitals", json!({ "iss": ISSUER.to_uppercase() }), Err(BearerError::Issuer)),
        ("aud absent", json!({ "aud": null }), claim("aud")),
        ("aud a number", json!({ "aud": 1 }), claim("aud")),
        ("aud an object", json!({ "aud": { AUDIENCE: true } }), claim("aud")),
        ("aud a list with a number", json!({ "aud": [AUDIENCE, 1] }), claim("aud")),
        ("aud other", json!({ "aud": "another" }), Err(BearerError::Audience)),
        ("aud empty", json!({ "aud": [] }), Err(BearerError::Audience)),
        ("aud begins with ours", json!({ "aud": format!("{AUDIENCE}-test") }), Err(BearerError::Audience)),
        ("aud a list of others", json!({ "aud": ["another", "third"] }), Err(BearerError::Audience)),
        ("aud a list with ours", json!({ "aud": ["another", AUDIENCE] }), Ok(())),
        ("sub absent", json!({ "sub": null }), claim("sub")),
        ("sub a number", json!({ "sub": 7 }), claim("sub")),
        ("sub a list", json!({ "sub": ["ada"] }), claim("sub")),
        ("sub empty", json!({ "sub": "" }), claim("sub")),
        ("sub of 256 bytes", json!({ "sub": "s".repeat(256) }), claim("sub")),
        ("sub of two lines", json!({ "sub": "ada\nroot" }), claim("sub")),
        ("sub of 255 bytes", json!({ "sub": "s".repeat(255) }), Ok(())),
    ];
    for (what, changes, want) in rows {
        scene.check(what, &scene.token(json!({}), changes), want).await;
    }
}

#[tokio::test]
async fn times_are_whole_seconds_and_the_leeway_is_five() {
    let scene = Scene::new().await;
    let now = NOW_SECS;
    let (claim, expired, early) = (|name| Err(BearerError::Claim(name)), Err(BearerError::Expired), Err(BearerError::NotYet));
    for (what, changes, want) in [
        ("exp absent", json!({ "exp": null }), claim("exp")),
        ("exp a text", json!({ "exp": (now + 600).to_string() }), claim("exp")),
        ("exp a fraction", json!({ "exp": 1_790_000_600.5 }), claim("exp")),
        ("exp a fraction of none", json!({ "exp": 1_790_000_600.0 }), claim("exp")),
        ("exp past all time", json!({ "exp": i64::MAX }), claim("exp")),
        ("exp past all numbers", json!({ "exp": u64::MAX }), claim("exp")),
        ("exp true", json!({ "exp": true }), claim("exp")),
        ("exp long ago", json!({ "exp": 0 }), expired),
        ("exp before all", json!({ "exp": -1 }), expired),
        ("exp 4 s ago", json!({ "exp": now - 4 }), Ok(())),
        ("exp 5 s ago", json!({ "exp": now - 5 }), expired),
        ("exp 6 s ago", json!({ "exp": now - 6 }), expired),
        ("nbf in 4 s", json!({ "nbf": now + 4 }), Ok(())),
        ("nbf in 5 s", json!({ "nbf": now + 5 }), Ok(())),
        ("nbf in 6 s", json!({ "nbf": now + 6 }), early),
        ("nbf next year", json!({ "nbf": now + 31_536_000 }), early),
        ("nbf a text", json!({ "nbf": "0" }), claim("nbf")),
        ("nbf a fraction", json!({ "nbf": 0.5 }), claim("nbf")),
        ("iat a text", json!({ "iat": "0" }), claim("iat")),
        ("iat a fraction", json!({ "iat": 0.5 }), claim("iat")),
        ("iat absent", json!({ "iat": null }), Ok(())),
    ] {
        scene.check(what, &scene.token(json!({}), changes), want).await;
    }
    let header = scene.theirs.header("RS256").to_string();
    for exp in ["null", "1e400", "1.79e9", "1790000600.0", "\"\"", "[1790000600]"] {
        let text = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"ada","exp":{exp}}}"#);
        let got = issuers(scene.issuer()).verify(&scene.theirs.raw_token("RS256", &header, &text), at(0)).await;
        assert!(matches!(got, Err(BearerError::Claim("exp") | BearerError::Malformed)), "exp {exp}: {got:?}");
    }
}

#[tokio::test]
async fn nothing_is_named_twice() {
    let scene = Scene::new().await;
    let header = scene.theirs.header("RS256").to_string();
    let inside = |object: &Value| object.to_string().trim_start_matches('{').to_owned();
    let good = format!("{{{}", inside(&claims()));
    scene.check("once each", &scene.theirs.raw_token("RS256", &header, &good), Ok(())).await;
    for twice in [
        r#""exp":1"#,
        r#""exp":1790000600"#,
        r#""iss":"https://evil.example""#,
        r#""aud":"offprint""#,
        r#""sub":"root""#,
        // The same name spelt otherwise.
        r#""\u0073ub":"root""#,
        r#""unread":1,"unread":2"#,
    ] {
        let text = format!("{{{twice},{}", inside(&claims()));
        scene.check(twice, &scene.theirs.raw_token("RS256", &header, &text), Err(BearerError::Malformed)).await;
        let text = format!("{},{twice}}}", good.trim_end_matches('}'));
        scene.check(twice, &scene.theirs.raw_token("RS256", &header, &text), Err(BearerError::Malformed)).await;
    }
    for twice in [r#""alg":"none""#, r#""kid":"key-1""#, r#""typ":"JWT""#, r#""x":1,"x":1"#] {
        let text = format!("{{{twice},{}", inside(&scene.theirs.header("RS256")));
        scene.check(twice, &scene.theirs.raw_token("RS256", &text, &claims().to_string()), Err(BearerError::Malformed)).await;
    }
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let scene = Scene::new().await;
    let good = scene.token(json!({}), json!({}));
    let issuers = issuers(scene.issuer());
    let [header, claimed, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let root = encoded(with(claims(), json!({ "sub": "root" })).to_string().as_bytes());
    scene.check("another subject", &format!("{header}.{root}.{signature}"), Err(BearerError::Signature)).await;
    let said = encoded(with(scene.theirs.header("RS256"), json!({ "x": 1 })).to_string().as_bytes());
    scene.check("another header", &format!("{said}.{claimed}.{signature}"), Err(BearerError::Signature)).await;
    // The same header, spelt with a space: what was signed is bytes.
    let spaced = encoded(scene.theirs.header("RS256").to_string().replace(':', ": ").as_bytes());
    scene.check("a space", &format!("{spaced}.{claimed}.{signature}"), Err(BearerError::Signature)).await;
    for place in 0..good.len() {
        for other in ["A", "b", "_"].into_iter().filter(|other| good[place..=place] != **other) {
            let token = format!("{}{other}{}", &good[..place], &good[place + 1..]);
            assert!(issuers.verify(&token, at(0)).await.is_err(), "`{other}` at {place}");
        }
    }
    assert!(issuers.verify(&good, at(0)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_signs_for_itself_alone() {
    let (one, two) = (Signer::rsa("key"), Signer::rsa("key"));
    let (first, second) = (Server::of(&[&one]).await, Server::of(&[&two]).await);
    let other = "https://other.lab.example";
    let both = identity::Issuers::new(
        vec![issuer(&first.url(), &[Algorithm::Rs256]), Issuer { issuer: other.to_owned(), ..issuer(&second.url(), &[Algorithm::Rs256]) }],
        &identity::outbound::Outbound::new(true),
    )
    .unwrap();
    for (signer, name, want) in [
        (&one, ISSUER, Ok(ISSUER.to_owned())),
        (&two, other, Ok(other.to_owned())),
        (&one, other, Err(BearerError::Signature)),
        (&two, ISSUER, Err(BearerError::Signature)),
    ] {
        let token = signer.token("RS256", &signer.header("RS256"), &with(claims(), json!({ "iss": name })));
        assert_eq!(both.verify(&token, at(0)).await.map(|verified| verified.issuer), want, "{name}");
    }
    assert_eq!((first.fetches(), second.fetches()), (1, 1));
}

#[tokio::test]
async fn what_is_refused_for_its_form_costs_no_fetch() {
    let scene = Scene::new().await;
    scene.server.answers(Answer::HangUp);
    for (header, changes) in [
        (json!({ "alg": "none" }), json!({})),
        (json!({ "crit": [] }), json!({})),
        (json!({ "kid": "/" }), json!({})),
        (json!({ "typ": "x" }), json!({})),
        (json!({}), json!({ "iss": "https://evil.example" })),
        (json!({}), json!({ "aud": "another" })),
        (json!({}), json!({ "exp": 0 })),
        (json!({}), json!({ "sub": "" })),
    ] {
        assert!(issuers(scene.issuer()).verify(&scene.token(header, changes), at(0)).await.is_err());
    }
    assert_eq!(scene.server.fetches(), 0);
    scene.server.answers(key_set(&[&scene.theirs]));
    scene.check("as it should be", &scene.token(json!({}), json!({})), Ok(())).await;
    assert_eq!(scene.server.fetches(), 1);
}
