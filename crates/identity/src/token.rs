//! The form of a bearer token (RFC 7515, section 7.1; RFC 7519): what can be said of it before anything is believed.
//!
//! Not here: signatures (`keys.rs`), and what the claims mean (`claims.rs`).

use core::fmt;
use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    BearerError,
    issuer::{Algorithm, TokenType},
    limits::{KEY_ID_CHARS_MAX, TOKEN_BYTES_MAX},
};

/// A token in its three parts. Nothing in it is proven yet.
pub(crate) struct Token<'a> {
    /// Header and claims as they were signed.
    pub(crate) signed: &'a str,
    /// The signature, still encoded.
    pub(crate) signature: &'a str,
    pub(crate) header: Header,
    pub(crate) claims: Members,
}

/// What of a header counts. `jku`, `jwk`, `x5u`, `x5c` are not even read: a key that a token brings along proves nothing.
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: TokenType,
    pub(crate) key_id: String,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`BearerError`] for one that is too long, has not three parts, or whose header is not acceptable to any issuer.
    pub(crate) fn parse(text: &'a str) -> Result<Self, BearerError> {
        // First of all, so that a token of any length costs the same.
        if text.len() > TOKEN_BYTES_MAX {
            return Err(BearerError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(BearerError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(BearerError::Malformed)?;
        // A fourth part would be a dot in the claims, which no encoding has.
        let header = Header::read(&Members::decode(header)?)?;
        Ok(Self { signed, signature, header, claims: Members::decode(claims)? })
    }
}

impl Header {
    fn read(members: &Members) -> Result<Self, BearerError> {
        // RFC 7515, section 4.1.11: what a sender calls critical must be understood, and we understand nothing of the kind.
        if members.get("crit").is_some() {
            return Err(BearerError::Critical);
        }
        let algorithm = members.text("alg").and_then(Algorithm::of).ok_or(BearerError::Algorithm)?;
        let typ = members.get("typ").map(|typ| typ.as_str().ok_or(BearerError::Type)).transpose()?;
        let kind = TokenType::said(typ).ok_or(BearerError::Type)?;
        let key_id = members.text("kid").filter(|id| is_key_id(id)).ok_or(BearerError::KeyId)?.to_owned();
        Ok(Self { algorithm, kind, key_id })
    }
}

/// Whether a text may name a key: 1 to [`KEY_ID_CHARS_MAX`] of `[A-Za-z0-9._-]`.
pub(crate) fn is_key_id(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=KEY_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_legal)
}

/// The members of a JSON object, each of which occurs once (RFC 7515, section 4; RFC 7519, section 4): of two readers, each might believe
/// another of a pair.
pub(crate) struct Members(BTreeMap<String, Value>);

impl Members {
    fn decode(part: &str) -> Result<Self, BearerError> {
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_not_encoded| BearerError::Malformed)?;
        serde_json::from_slice(&bytes).map_err(|_not_an_object| BearerError::Malformed)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A member that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = access.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Members(members))
    }
}
