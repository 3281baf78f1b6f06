//! Tokens of an identity provider: what its key did not sign is never believed, and what it signed says what the claims say (SECURITY 2, T24).
//!
//! The keys are fetched once, as a deployment fetches them; nothing that is sent afterwards makes it wait for the network.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::LazyLock,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use futures_util::FutureExt;
use identity::{
    BearerError, Issuers, Verified,
    issuer::{Algorithm, Issuer, TokenType},
    limits::{GROUPS_MAX, LEEWAY_SECS, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX},
    outbound::Outbound,
};
use jiff::Timestamp;
use serde_json::{Value, json};

const ISSUER: &str = "https://login.lab.example";
const AUDIENCE: &str = "offprint";
const KEY_ID: &str = "key-1";
/// The instant of every run, in seconds.
const NOW_SECS: i64 = 1_790_000_000;

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"));
/// The one token that the corpus knows, which is in order.
static GENUINE: LazyLock<String> = LazyLock::new(|| {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": KEY_ID });
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW_SECS + 600, "groups": ["imaging"] });
    signed(header.to_string().as_bytes(), claims.to_string().as_bytes())
});
static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let issuer = Issuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        keys_url: published(),
        algorithms: vec![Algorithm::EdDsa],
        types: vec![TokenType::Jwt],
        verifies_email: true,
        groups_claim: Some("groups".to_owned()),
    };
    let issuers = Issuers::new(vec![issuer], &Outbound::new(true)).expect("an issuer");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let known = runtime.block_on(issuers.verify(&GENUINE, now()));
    assert_eq!(known.map(|known| known.subject).as_deref(), Ok("ada"), "the keys were fetched");
    issuers
});

/// A text as a token; where it has two lines, these are what the issuer's key signs, as header and claims.
pub fn fuzz(bytes: &[u8]) {
    let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return is_believed_as_signed(bytes) };
    let (header, claims) = (&bytes[..line], &bytes[line + 1..]);
    match judged(&signed(header, claims)) {
        Ok(known) => says_what_was_signed(&known, header, claims),
        Err(why) => assert!(!matches!(why, BearerError::Signature | BearerError::KeysUnavailable), "{why}"),
    }
}

fn is_believed_as_signed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // What was signed is header and claims; of the signature's own text another may say the same bits.
    let is_genuine =
        text.rsplit_once('.').map(|(signed, _signature)| signed) == GENUINE.rsplit_once('.').map(|(signed, _signature)| signed);
    let known = judged(text);
    assert!(known.is_err() || is_genuine, "{text}");
    assert!(known.is_ok() || text != *GENUINE, "{known:?}");
    assert_eq!(judged(&format!("{text}{}", "A".repeat(TOKEN_BYTES_MAX + 1))), Err(BearerError::TooLong));
}

fn judged(token: &str) -> Result<Verified, BearerError> {
    ISSUERS.verify(token, now()).now_or_never().expect("nothing is fetched for it")
}

/// Holds a token that was believed to its text, read by another reader.
fn says_what_was_signed(known: &Verified, header: &[u8], claims: &[u8]) {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("what is believed is JSON");
    let (header, claims) = (read(header), read(claims));
    assert_eq!((&header["alg"], &header["kid"], header.get("crit")), (&json!("EdDSA"), &json!(KEY_ID), None));
    assert!(header["typ"].as_str().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("jwt")), "{header}");
    let is_ours = |audience: &Value| audience.as_str() == Some(AUDIENCE);
    assert!(is_ours(&claims["aud"]) || claims["aud"].as_array().is_some_and(|several| several.iter().any(is_ours)), "{claims}");
    assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some(ISSUER), Some(known.subject.as_str())));
    assert!((1..=SUBJECT_BYTES_MAX).contains(&known.subject.len()) && !known.subject.contains(char::is_control));
    assert!(claims["exp"].as_i64().is_some_and(|end| NOW_SECS < end.saturating_add(LEEWAY_SECS)), "{claims}");
    assert!(claims.get("nbf").is_none_or(|begin| begin.as_i64().is_some_and(|begin| begin <= NOW_SECS + LEEWAY_SECS)), "{claims}");
    assert!(known.email.is_none() || claims["email_verified"] == json!(true), "{claims}");
    assert!(known.groups.len() <= GROUPS_MAX && known.groups.is_sorted_by(|one, next| one < next), "{:?}", known.groups);
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW_SECS).expect("a time")
}

/// A token of this header and these claims, signed by the issuer's key.
fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(claims));
    let signature = BASE64URL_NOPAD.encode(KEY.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// Answers one request with the issuer's key set; where.
fn published() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/keys", listener.local_addr().expect("an address"));
    let public = BASE64URL_NOPAD.encode(KEY.public_key().as_ref());
    let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "use": "sig", "x": public }] }).to_string();
    std::thread::spawn(move || {
        let (mut asked, _from) = listener.accept().expect("a request");
        let _whole_of_it = asked.read(&mut [0; 4_096]).expect("a request");
        write!(asked, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{set}", set.len()).expect("an answer");
    });
    url
}
