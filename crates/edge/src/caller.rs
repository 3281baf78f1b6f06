//! Who calls the API: a bearer token, looked up by its hash. And cursors, sealed to the caller and the query.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use domain::{
    decision::{Action, Facts, Permit, Principal, decide},
    limits::CURSOR_SECS,
    token::{Token, TokenSecret},
    user::User,
};
use http::{StatusCode, header, request::Parts};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{App, problem::Problem};

/// A person, through a live token.
#[derive(Clone)]
pub struct Caller {
    /// Who decides are asked about.
    pub principal: Principal,
    /// The person.
    pub user: Arc<User>,
    /// The token.
    pub token: Arc<Token>,
    cursor_key: Key,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("user", &self.user.id.to_string()).field("token", &self.token.id.to_string()).finish_non_exhaustive()
    }
}

impl Caller {
    /// Asks for a permit.
    ///
    /// # Errors
    /// The denial, as a problem.
    pub fn may(&self, action: Action, facts: &Facts, now: Timestamp) -> Result<Permit, Problem> {
        decide(&self.principal, action, facts, now).map_err(Problem::from)
    }

    /// A position in a listing as an opaque text that only this caller can use, for this query, for an hour.
    ///
    /// # Errors
    /// 503 without random bits.
    pub fn seal_cursor(&self, app: &App, query: &str, position: &str, now: Timestamp) -> Result<String, Problem> {
        let nonce: [u8; 12] = app.random()?;
        let mut plain = now.as_second().to_be_bytes().to_vec();
        plain.extend_from_slice(position.as_bytes());
        let payload = Payload { msg: &plain, aad: query.as_bytes() };
        let sealed = ChaCha20Poly1305::new(&self.cursor_key)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_why| Problem::unavailable("cursor", "the cursor could not be sealed"))?;
        Ok(data_encoding::BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat()))
    }

    /// The position in a cursor.
    ///
    /// # Errors
    /// 400 `bad-cursor` for one of another caller or query, one that was changed, or one over an hour old.
    pub fn open_cursor(&self, query: &str, cursor: &str, now: Timestamp) -> Result<String, Problem> {
        self.unseal(query, cursor, now).ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-cursor", "the cursor is not one of this listing, or is over an hour old")
                .at("/cursor")
                .hint("begin the listing again")
        })
    }

    fn unseal(&self, query: &str, cursor: &str, now: Timestamp) -> Option<String> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
        let payload = Payload { msg: sealed, aad: query.as_bytes() };
        let plain = ChaCha20Poly1305::new(&self.cursor_key).decrypt(&Nonce::from(*nonce), payload).ok()?;
        let (sealed_at, position) = plain.split_first_chunk::<8>()?;
        let age = now.as_second().checked_sub(i64::from_be_bytes(*sealed_at))?;
        ((0..=CURSOR_SECS).contains(&age)).then(|| String::from_utf8(position.to_vec()).ok()).flatten()
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refused = || {
            Problem::new(StatusCode::UNAUTHORIZED, "sign-in", "a live token is needed").hint("send `Authorization: Bearer offprint_...`")
        };
        let text = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let secret = bearer.and_then(|(_, text)| TokenSecret::parse(text.trim()).ok()).ok_or_else(refused)?;
        let (user, token) = app.table.bearer(secret.hash()).await?.ok_or_else(refused)?;
        if !token.is_live(app.now()) {
            return Err(refused());
        }
        let (user, token) = (Arc::new(user), Arc::new(token));
        let cursor_key: [u8; 32] = Sha256::digest(format!("offprint-cursor-v1 {}", secret.reveal())).into();
        Ok(Self {
            principal: Principal::Token { user: Arc::clone(&user), token: Arc::clone(&token) },
            user,
            token,
            cursor_key: Key::from(cursor_key),
        })
    }
}
