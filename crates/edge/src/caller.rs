//! Who calls the API: a bearer token, looked up by its hash. And cursors, sealed to the caller and the query.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::{
    decision::{Action, Facts, Permit, Principal, decide},
    token::{Token, TokenSecret},
    user::User,
};
use http::{StatusCode, header, request::Parts};
use jiff::Timestamp;

use crate::{App, cursor::CursorKey, problem::Problem};

/// A person, through a live token.
#[derive(Clone)]
pub struct Caller {
    /// Who decides are asked about.
    pub principal: Principal,
    /// The person.
    pub user: Arc<User>,
    /// The token.
    pub token: Arc<Token>,
    cursor_key: CursorKey,
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
        let sealed = self.cursor_key.seal(query, position, app.random()?, now);
        sealed.ok_or_else(|| Problem::unavailable("cursor", "the cursor could not be sealed"))
    }

    /// The position in a cursor.
    ///
    /// # Errors
    /// 400 `bad-cursor` for one of another caller or query, one that was changed, or one over an hour old.
    pub fn open_cursor(&self, query: &str, cursor: &str, now: Timestamp) -> Result<String, Problem> {
        self.cursor_key.open(query, cursor, now).ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-cursor", "the cursor is not one of this listing, or is over an hour old")
                .at("/cursor")
                .hint("begin the listing again")
        })
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
        Ok(Self {
            principal: Principal::Token { user: Arc::clone(&user), token: Arc::clone(&token) },
            user,
            token,
            cursor_key: CursorKey::of(&secret),
        })
    }
}
