//! API tokens: random, shown once, kept as a hash, scoped, expiring, revocable. Their scopes only narrow their owner.

use core::fmt;

use jiff::Timestamp;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    base32,
    id::{TokenId, UserId},
    key::KeyHash,
};

/// What every token begins with, so that scanners of public code find a leaked one.
pub const TOKEN_PREFIX: &str = "offprint_";

/// The secret text of a token. `Debug` prints `TokenSecret(***)`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TokenSecret([u8; 20]);

/// The text is no token. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a token")]
pub struct TokenError;

impl TokenSecret {
    /// The token of these random bits.
    #[must_use]
    pub const fn new(bits: [u8; 20]) -> Self {
        Self(bits)
    }

    /// Reads what a client sends.
    ///
    /// # Errors
    /// [`TokenError`] for any text that is not exactly a token.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        text.strip_prefix(TOKEN_PREFIX).and_then(base32::decode).map(Self).ok_or(TokenError)
    }

    /// The text, shown once. Whoever writes it writes a secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{TOKEN_PREFIX}{}", base32::encode(&self.0))
    }

    /// What the table holds in its place.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.reveal())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(***)")
    }
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// See links and datasets of its owner.
    Read,
    /// Make and change links.
    Links,
    /// Register datasets.
    Datasets,
    /// Register sources, set ceilings, use the panic switch: only where the owner is an administrator.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Links, Self::Datasets, Self::Admin];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Links => "links",
            Self::Datasets => "datasets",
            Self::Admin => "admin",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, for listing and revoking.
    pub id: TokenId,
    /// The hash of its text.
    pub hash: KeyHash,
    /// Whose rights it narrows.
    pub owner: UserId,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub until: Timestamp,
    /// When it was made.
    pub made: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Token {
    /// Whether it may be used at `now`: half-open, the instant of its end is out.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.until
    }

    /// Whether it may be used for `scope`; each of the others holds [`Scope::Read`].
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        scope == Scope::Read || self.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_reads_back_and_hides_itself() {
        let token = TokenSecret::new([3; 20]);
        assert_eq!(TokenSecret::parse(&token.reveal()), Ok(token.clone()));
        assert_eq!(format!("{token:?}"), "TokenSecret(***)");
        for other in ["", "offprint_", &token.reveal().to_uppercase(), &token.reveal()[9..]] {
            assert_eq!(TokenSecret::parse(other), Err(TokenError), "{other}");
        }
    }

    #[test]
    fn a_token_ends_at_its_instant_and_by_revoking() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = Token {
            id: TokenId::new(Uuid::nil()),
            hash: TokenSecret::new([0; 20]).hash(),
            owner: UserId::new(Uuid::nil()),
            label: String::new(),
            scopes: vec![Scope::Links],
            until: at(100),
            made: at(0),
            revoked: None,
        };
        assert!(token.is_live(at(99)));
        assert!(!token.is_live(at(100)));
        assert!(!Token { revoked: Some(at(1)), ..token.clone() }.is_live(at(50)));
        assert!(token.may(Scope::Read) && token.may(Scope::Links) && !token.may(Scope::Admin) && !token.may(Scope::Datasets));
    }
}
