//! API tokens: random, shown once, kept as a hash, scoped, expiring, revocable. Their scopes only narrow their owner.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    base32,
    id::{DatasetId, TokenId, UserId},
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

/// The secret text of a ticket, `~` and 32 characters: a short-lived, personal way to read one dataset, for tools that send no header.
/// Its hash is over another text than a token's, so neither is ever taken for the other. `Debug` prints `TicketSecret(***)`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TicketSecret([u8; 20]);

/// What every ticket begins with.
const TICKET_PREFIX: char = '~';

impl TicketSecret {
    /// The ticket of these random bits.
    #[must_use]
    pub const fn new(bits: [u8; 20]) -> Self {
        Self(bits)
    }

    /// Reads the first segment of an address.
    ///
    /// # Errors
    /// [`TokenError`] for any text that is not exactly a ticket.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        text.strip_prefix(TICKET_PREFIX).and_then(base32::decode).map(Self).ok_or(TokenError)
    }

    /// The text, shown once. Whoever writes it writes a secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{TICKET_PREFIX}{}", base32::encode(&self.0))
    }

    /// What the table holds in its place.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.reveal())
    }
}

/// The secret text of a code for signing in, `offprint_code_` and 32 characters. `Debug` prints `CodeSecret(***)`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct CodeSecret([u8; 20]);

/// What every code begins with.
const CODE_PREFIX: &str = "offprint_code_";

impl CodeSecret {
    /// The code of these random bits.
    #[must_use]
    pub const fn new(bits: [u8; 20]) -> Self {
        Self(bits)
    }

    /// Reads what a person was given.
    ///
    /// # Errors
    /// [`TokenError`] for any text that is not exactly a code.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        text.strip_prefix(CODE_PREFIX).and_then(base32::decode).map(Self).ok_or(TokenError)
    }

    /// The text, shown once. Whoever writes it writes a secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{CODE_PREFIX}{}", base32::encode(&self.0))
    }

    /// What the table holds in its place.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.reveal())
    }
}

impl fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeSecret(***)")
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(***)")
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(***)")
    }
}

/// What the secrets of repeatable requests are made of: the text of whoever's credential asks. The table has no more of it than its hash, so
/// nothing that the table holds makes such a secret again (ADR 0039). `Debug` prints `Repeatable(***)`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Repeatable(Vec<u8>);

impl Repeatable {
    /// By the credential of this text.
    #[must_use]
    pub fn by(credential: &str) -> Self {
        Self(credential.as_bytes().to_vec())
    }

    /// The bits of what stands under the id `made`: the same for the same request (`request`: its hash) under the same idempotency key, by
    /// the same credential. HMAC-SHA-256, cut to 160 bits, over length-prefixed fields.
    #[must_use]
    pub fn bits(&self, key: &str, request: &[u8; 32], made: TokenId) -> [u8; 20] {
        // HMAC takes a key of any length (RFC 2104), so the fallback is never reached; it is here to stay total.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        for field in [b"offprint-shown-again-v1".as_slice(), key.as_bytes(), request, made.to_string().as_bytes()] {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field);
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut bits = [0; 20];
        bits.iter_mut().zip(whole).for_each(|(bit, byte)| *bit = byte);
        bits
    }
}

impl fmt::Debug for Repeatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repeatable(***)")
    }
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// See links, datasets and groups of its owner.
    Read,
    /// Read objects of datasets by their name.
    Data,
    /// Make and change links.
    Links,
    /// Register datasets, and say who gets what on them.
    Datasets,
    /// Make groups and change their members.
    Groups,
    /// Register sources, set ceilings, use the panic switch: only where the owner is an administrator.
    Admin,
    /// See the audit, and who gets what on every dataset: only where the owner is an auditor.
    Audit,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 7] = [Self::Read, Self::Data, Self::Links, Self::Datasets, Self::Groups, Self::Admin, Self::Audit];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Data => "data",
            Self::Links => "links",
            Self::Datasets => "datasets",
            Self::Groups => "groups",
            Self::Admin => "admin",
            Self::Audit => "audit",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Begins with signing in; may make tokens.
    Session,
    /// For a program. Makes no token.
    Api,
    /// In an address, for one dataset.
    Ticket,
    /// In a page's storage, for reading data by name. It is nothing to the app: what can be had there, a link's address or a ticket, would outlive it.
    Viewer,
    /// Exchanged for a session, once, and good for nothing else.
    Code,
    /// An identity provider's own, shown as it is: nothing of it is kept here, so it is never read from a row. Makes no token.
    Provider,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Session, Self::Api, Self::Ticket, Self::Viewer, Self::Code, Self::Provider];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Api => "api",
            Self::Ticket => "ticket",
            Self::Viewer => "viewer",
            Self::Code => "code",
            Self::Provider => "provider",
        }
    }

    /// Reads the word of a kind that is kept; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word && *kind != Self::Provider)
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, for listing and revoking.
    pub id: TokenId,
    /// What it is.
    pub kind: TokenKind,
    /// The hash of its text.
    pub hash: KeyHash,
    /// Whose rights it narrows.
    pub owner: UserId,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The only dataset that it may be used for: always so for a ticket. `None`: every one of its owner's.
    pub dataset: Option<DatasetId>,
    /// When it ends.
    pub until: Timestamp,
    /// When it was made.
    pub made: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Token {
    /// What a provider's token is here: everything that its owner may do but to administer and to make tokens, until it ends. `hash`: of
    /// its text; its id is made of that.
    #[must_use]
    pub fn of_provider(hash: KeyHash, owner: UserId, made: Timestamp, until: Timestamp) -> Self {
        Self {
            id: TokenId::new(hash.short()),
            kind: TokenKind::Provider,
            hash,
            owner,
            label: TokenKind::Provider.word().to_owned(),
            scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).collect(),
            dataset: None,
            until,
            made,
            revoked: None,
        }
    }

    /// Whether it may be used at `now`: half-open, the instant of its end is out.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.until
    }

    /// Whether it may be used for this dataset.
    #[must_use]
    pub fn reaches(&self, dataset: DatasetId) -> bool {
        self.dataset.is_none_or(|only| only == dataset)
    }

    /// Whether it may be used for `scope`; each of the others holds [`Scope::Read`], but for that of a ticket or a viewer, which read
    /// objects only.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        match self.kind {
            TokenKind::Code => false,
            TokenKind::Ticket | TokenKind::Viewer => scope == Scope::Data,
            TokenKind::Session | TokenKind::Api | TokenKind::Provider => scope == Scope::Read || self.scopes.contains(&scope),
        }
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
        let ticket = TicketSecret::new([3; 20]);
        assert_eq!(TicketSecret::parse(&ticket.reveal()), Ok(ticket.clone()));
        assert_eq!(format!("{ticket:?}"), "TicketSecret(***)");
        assert_ne!(ticket.hash(), token.hash(), "a ticket's row is never a token's");
        let code = CodeSecret::new([3; 20]);
        assert_eq!(CodeSecret::parse(&code.reveal()), Ok(code.clone()));
        assert_eq!(format!("{code:?}"), "CodeSecret(***)");
        assert!(TokenSecret::parse(&code.reveal()).is_err() && CodeSecret::parse(&token.reveal()).is_err());
        assert!(TicketSecret::parse(&token.reveal()).is_err() && TokenSecret::parse(&ticket.reveal()).is_err());
        for other in ["", "offprint_", &token.reveal().to_uppercase(), &token.reveal()[9..]] {
            assert_eq!(TokenSecret::parse(other), Err(TokenError), "{other}");
        }
    }

    // SEMANTICS 6
    #[test]
    fn a_secret_comes_again_by_the_same_credential_for_the_same_request_only() {
        let (key, request, made) = ("key", [1; 32], TokenId::new(Uuid::from_u128(1)));
        let bits = Repeatable::by("offprint_a").bits(key, &request, made);
        assert_eq!(bits, Repeatable::by("offprint_a").bits(key, &request, made));
        for other in [
            Repeatable::by("offprint_b").bits(key, &request, made),
            Repeatable::by("offprint_a").bits("key2", &request, made),
            Repeatable::by("offprint_a").bits(key, &[2; 32], made),
            Repeatable::by("offprint_a").bits(key, &request, TokenId::new(Uuid::from_u128(2))),
        ] {
            assert_ne!(bits, other);
        }
        assert_eq!(format!("{:?}", Repeatable::by("offprint_a")), "Repeatable(***)");
    }

    #[test]
    fn a_token_ends_at_its_instant_and_by_revoking() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = Token {
            id: TokenId::new(Uuid::nil()),
            kind: TokenKind::Api,
            hash: TokenSecret::new([0; 20]).hash(),
            owner: UserId::new(Uuid::nil()),
            label: String::new(),
            scopes: vec![Scope::Links],
            dataset: None,
            until: at(100),
            made: at(0),
            revoked: None,
        };
        assert!(token.is_live(at(99)));
        assert!(!token.is_live(at(100)));
        assert!(!Token { revoked: Some(at(1)), ..token.clone() }.is_live(at(50)));
        assert!(token.may(Scope::Read) && token.may(Scope::Links) && !token.may(Scope::Admin) && !token.may(Scope::Datasets));
        for kind in [TokenKind::Ticket, TokenKind::Viewer] {
            let token = Token { kind, scopes: Scope::ALL.to_vec(), ..token.clone() };
            assert_eq!(Scope::ALL.map(|scope| token.may(scope)), Scope::ALL.map(|scope| scope == Scope::Data), "{kind:?}");
        }
    }

    #[test]
    fn a_providers_token_does_all_but_administer_and_is_never_read_from_a_row() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = Token::of_provider(KeyHash::of("a.b.c"), UserId::new(Uuid::nil()), at(0), at(100));
        for scope in Scope::ALL {
            assert_eq!(token.may(scope), scope != Scope::Admin, "{scope:?}");
        }
        assert!(token.is_live(at(99)) && !token.is_live(at(100)));
        assert_ne!(token.id, Token::of_provider(KeyHash::of("a.b.d"), token.owner, at(0), at(100)).id);
        for kind in TokenKind::ALL {
            assert_eq!(TokenKind::of(kind.word()), Some(kind).filter(|kind| *kind != TokenKind::Provider));
        }
    }
}
