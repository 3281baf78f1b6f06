//! Key sets: of what an issuer publishes only keys that verify are taken, each by its id and for its own kind of signature (SECURITY 2).

use identity::{
    BearerError,
    issuer::{Algorithm, Family},
    keys::KeySet,
    limits::{KEY_ID_CHARS_MAX, KEYS_MAX},
};
use serde_json::Value;

/// Sixty-four bytes of nothing, as a token would have them.
const NO_SIGNATURE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";

/// A document as the key set of an issuer of each family.
pub fn fuzz(bytes: &[u8]) {
    for family in [Family::Rsa, Family::Ec, Family::Ed] {
        let algorithms: Vec<_> = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family() == family).collect();
        let Some(set) = KeySet::read(bytes, &algorithms) else { continue };
        let document: Value = serde_json::from_slice(bytes).expect("a key set is JSON");
        let listed = document["keys"].as_array().expect("a key set lists keys");
        assert!(set.ids().count() <= KEYS_MAX.min(listed.len()));
        for (id, verifies) in set.ids() {
            assert!((1..=KEY_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
            assert!(!verifies.is_empty() && verifies.iter().all(|algorithm| algorithm.family() == family), "{id}: {verifies:?}");
            assert!(listed.iter().any(|key| is_for(key, id, family)), "{id} is no public key of {family:?}");
            for algorithm in Algorithm::ALL {
                let refused = set.verify(id, "header.claims", NO_SIGNATURE, algorithm).expect_err("nobody signed it");
                let expected = if verifies.contains(&algorithm) { BearerError::Signature } else { BearerError::Algorithm };
                assert_eq!(refused, expected, "{id} by {algorithm:?}");
            }
        }
    }
}

/// Whether a listed key has this id, and is one by which signatures of this family are checked.
fn is_for(key: &Value, id: &str, family: Family) -> bool {
    let kind = match family {
        Family::Rsa => "RSA",
        Family::Ec => "EC",
        Family::Ed => "OKP",
    };
    key["kid"] == id && key["kty"] == kind && key.get("use").is_none_or(|purpose| purpose.is_null() || purpose == "sig")
}
