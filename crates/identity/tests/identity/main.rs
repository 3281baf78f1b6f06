//! The crate against real HTTP servers: one that misbehaves on demand, and a certified OpenID provider.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod configured;
mod discovered;
mod fetched;
mod forged;
mod provider;
mod server;
mod signer;
mod whom;

use identity::{
    Issuers,
    issuer::{Algorithm, Issuer, TokenType},
    outbound::Outbound,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The name of the issuer of most tests; it is no address, because nothing is ever fetched from it.
const ISSUER: &str = "https://login.lab.example";
const AUDIENCE: &str = "offprint";

/// The instant of every test, in seconds.
const NOW_SECS: i64 = 1_790_000_000;

/// So many seconds after the instant of the test.
fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(NOW_SECS + seconds)
}

/// An issuer whose keys are at `keys_url`.
fn issuer(keys_url: &str, algorithms: &[Algorithm]) -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        keys_url: keys_url.to_owned(),
        algorithms: algorithms.to_vec(),
        types: vec![TokenType::Jwt],
        verifies_email: true,
        groups_claim: Some("groups".to_owned()),
    }
}

fn issuers(issuer: Issuer) -> Issuers {
    Issuers::new(vec![issuer], &Outbound::new(true)).unwrap()
}

/// The claims of a token that is in order.
fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW_SECS - 10, "exp": NOW_SECS + 600 })
}

/// An object with members set, or taken away by `null`.
fn with(object: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (object, changes) else { panic!("two objects") };
    for (name, value) in changes {
        let _before = if value.is_null() { members.remove(&name) } else { members.insert(name, value) };
    }
    Value::Object(members)
}
