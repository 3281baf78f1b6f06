//! OpenID Connect: whether a bearer token of an identity provider is genuine, and whom it speaks for (SECURITY 2, T24, T25).
//!
//! Everything a token must be is checked here, before and after its signature; `jsonwebtoken` verifies the signature and nothing else,
//! because its own checks of claims read a clock, take an `iss` that is a list, and overlook `crit` and `typ`.
//!
//! A person is an issuer and a subject; names, addresses and groups are what the issuer says about them. Not here: who that is among the
//! users, what they may do (`domain::decision`), our own tokens (`domain::token`), statuses (`edge/problem.rs`), a clock (time is an argument).

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")
)]

mod claims;
pub mod code_flow;
pub mod discovery;
pub mod issuer;
pub mod keys;
pub mod limits;
pub mod outbound;
mod token;

use core::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    issuer::Issuer,
    keys::Keys,
    limits::{ADDRESS_BYTES_MAX, GROUPS_MAX, ISSUERS_MAX, TOKEN_BYTES_MAX},
    outbound::Outbound,
    token::Token,
};

/// The identity providers of a deployment, and their keys as far as they are known. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Issuers(Arc<[Known]>);

/// One of them.
struct Known {
    issuer: Issuer,
    keys: Arc<Keys>,
}

/// Whom a token speaks for, proven by its issuer's signature. `Debug` shows the issuer only: the rest is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider, as configured.
    pub issuer: String,
    /// The person there: 1 to 255 bytes without control characters. Never an address to be matched with another's.
    pub subject: String,
    /// The name to show, if it is fit to be shown.
    pub name: Option<String>,
    /// The e-mail address, if the provider is marked as verifying addresses and says it verified this one.
    pub email: Option<String>,
    /// The groups, sorted, each once; empty where the provider has no groups claim.
    pub groups: Vec<String>,
    /// When the token was made, as its issuer says. It is not judged: a provider may leave it out, or run some seconds ahead.
    pub issued_at: Option<Timestamp>,
    /// When it ends, `exp`, without the leeway: by that it may lie up to 5 s in the past.
    pub until: Timestamp,
}

/// A token that is not believed. Nothing in it repeats the token's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BearerError {
    /// Too long to be looked at.
    #[error("the token is over `{TOKEN_BYTES_MAX}` bytes")]
    TooLong,
    /// Not three parts, or not what these must hold (RFC 7515, section 7.1); a name twice in header or claims.
    #[error("not a signed JSON web token, or one that names something twice")]
    Malformed,
    /// `alg` is none of the issuer's, or not the key's.
    #[error("the token's `alg` is not one that its issuer signs with")]
    Algorithm,
    /// `typ` is not as expected: an ID token where an access token is wanted, say.
    #[error("the token's `typ` is not one that is taken from its issuer")]
    Type,
    /// There is a `crit`.
    #[error("the token's header has a `crit`")]
    Critical,
    /// `kid` is missing, or names no key that could be.
    #[error("the token's `kid` is missing or has characters that no key id has")]
    KeyId,
    /// A claim is missing, or of the wrong kind.
    #[error("the token's `{0}` is missing or not what it should be")]
    Claim(&'static str),
    /// `iss` is none of the deployment's.
    #[error("the token is of an issuer that is not known here")]
    Issuer,
    /// `aud` is another.
    #[error("the token is meant for another audience")]
    Audience,
    /// `nonce` is another, or missing.
    #[error("the ID token is not of the sign-in that was begun here")]
    Nonce,
    /// `azp` is another, or missing where several audiences are named.
    #[error("the ID token was made for another client")]
    Party,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It lists too many groups.
    #[error("the token names over `{GROUPS_MAX}` groups")]
    TooManyGroups,
    /// The issuer publishes no key of this id.
    #[error("the token is signed with a key that its issuer does not publish")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature does not fit")]
    Signature,
    /// The issuer is away, and no key of this id is known: neither yes nor no, so try again later.
    #[error("the keys of the token's issuer cannot be had")]
    KeysUnavailable,
}

/// Issuers that may not be configured so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssuersError {
    /// More than fit.
    #[error("over `{ISSUERS_MAX}` issuers")]
    TooMany,
    /// Two of one name.
    #[error("the issuer `{0}` is named twice")]
    Twice(String),
    /// A name, audience or claim that is empty, or too long.
    #[error("the issuer `{0}` has an empty or overlong name, audience or groups claim")]
    Name(String),
    /// Keys that may not be fetched.
    #[error("the keys of the issuer `{0}` are not at an `https` address of the public internet")]
    KeysUrl(String),
    /// No algorithm, or algorithms for different kinds of key.
    #[error("the algorithms of the issuer `{0}` are not of one family")]
    Algorithms(String),
    /// No type of token.
    #[error("the issuer `{0}` has no type of token")]
    Types(String),
}

impl Issuers {
    /// These issuers. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`IssuersError`] for the first issuer that could never be verified, or not safely.
    pub fn new(issuers: Vec<Issuer>, outbound: &Outbound) -> Result<Self, IssuersError> {
        if issuers.len() > ISSUERS_MAX {
            return Err(IssuersError::TooMany);
        }
        let mut known: Vec<Known> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            if known.iter().any(|other| other.issuer.issuer == issuer.issuer) {
                return Err(IssuersError::Twice(issuer.issuer));
            }
            known.push(Known::new(issuer, outbound)?);
        }
        Ok(Self(known.into()))
    }

    /// Whom a token speaks for at `now`. It waits for the network only when keys must be fetched: at first, every few minutes, and for a
    /// key id that is new, at most once a minute.
    ///
    /// # Errors
    /// [`BearerError`]: everything that SECURITY 2 asks for, in its order. What costs nothing is judged before keys are fetched, and the
    /// signature last; the reasons before it are therefore no proof that the issuer made the token.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, BearerError> {
        self.judge(token, None, now).await
    }

    /// The same for the ID token of a sign-in that was begun with `nonce` (OpenID Connect Core 1.0, section 3.1.3.7): the audience of the
    /// issuer is the client that asked.
    ///
    /// # Errors
    /// As [`Issuers::verify`]; and [`BearerError::Nonce`] for the ID token of another sign-in, [`BearerError::Party`] for another client's.
    pub async fn verify_id_token(&self, token: &str, nonce: &str, now: Timestamp) -> Result<Verified, BearerError> {
        self.judge(token, Some(nonce), now).await
    }

    async fn judge(&self, token: &str, nonce: Option<&str>, now: Timestamp) -> Result<Verified, BearerError> {
        let token = Token::parse(token)?;
        let name = token.claims.text("iss").ok_or(BearerError::Claim("iss"))?;
        let Known { issuer, keys } = self.0.iter().find(|known| known.issuer.issuer == name).ok_or(BearerError::Issuer)?;
        if !issuer.algorithms.contains(&token.header.algorithm) {
            return Err(BearerError::Algorithm);
        }
        if !issuer.types.contains(&token.header.kind) {
            return Err(BearerError::Type);
        }
        let claimed = claims::judge(&token.claims, issuer, now)?;
        if let Some(nonce) = nonce {
            claims::judge_id_token(&token.claims, issuer, nonce)?;
        }
        let key = keys.find(&token.header.key_id, now).await?;
        key.verify(token.signed, token.signature, token.header.algorithm)?;
        Ok(claimed)
    }
}

impl Known {
    fn new(issuer: Issuer, outbound: &Outbound) -> Result<Self, IssuersError> {
        let is_fit = |text: &str| (1..=ADDRESS_BYTES_MAX).contains(&text.len());
        let name = || issuer.issuer.clone();
        if !is_fit(&issuer.issuer) || !is_fit(&issuer.audience) || !issuer.groups_claim.as_deref().is_none_or(is_fit) {
            return Err(IssuersError::Name(name()));
        }
        let mut families = issuer.algorithms.iter().map(|algorithm| algorithm.family());
        let first = families.next().ok_or_else(|| IssuersError::Algorithms(name()))?;
        if families.any(|family| family != first) {
            return Err(IssuersError::Algorithms(name()));
        }
        if issuer.types.is_empty() {
            return Err(IssuersError::Types(name()));
        }
        let url = outbound.address(&issuer.keys_url).ok_or_else(|| IssuersError::KeysUrl(name()))?;
        Ok(Self { keys: Arc::new(Keys::new(&issuer, url, outbound.clone())), issuer })
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|known| &known.issuer.issuer)).finish()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("issuer", &self.issuer).field("subject", &"***").finish_non_exhaustive()
    }
}
