//! Who calls the API: a bearer token, looked up by its hash, or an identity provider's, by whom it speaks for. And cursors, sealed to the caller and the query.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::{
    decision::{Action, DatasetFacts, Denial, Facts, Permit, Place, Principal, Via, Who, decide, via},
    id::{DatasetId, TokenId},
    key::KeyHash,
    rights::Right,
    token::{Repeatable, Scope, Token, TokenSecret},
    user::{Standing, User},
};
use http::{StatusCode, request::Parts};
use jiff::Timestamp;
use table::once::Once;

use crate::{App, credential::Credential, cursor::CursorKey, peer::net_of, problem::Problem};

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
    repeatable: Repeatable,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("user", &self.user.id.to_string()).field("token", &self.token.id.to_string()).finish_non_exhaustive()
    }
}

impl Caller {
    /// Who holds this token; `None` where it is no live one.
    ///
    /// # Errors
    /// 403 `suspended`, 503 where the table does not answer.
    pub async fn holding(secret: &TokenSecret, parts: &Parts, app: &App) -> Result<Option<Self>, Problem> {
        match app.table.bearer_at(secret.hash(), app.now()).await? {
            Some(known) => Self::known(known, &secret.reveal(), parts, app),
            None => Ok(None),
        }
    }

    /// The person and the token that were found, if the token is live.
    fn known((user, token): (User, Token), text: &str, parts: &Parts, app: &App) -> Result<Option<Self>, Problem> {
        if !token.is_live(app.now()) {
            return Ok(None);
        }
        // Before anything is told of what is there.
        if user.standing != Standing::Active {
            return Err(Denial::Suspended.into());
        }
        let (user, token) = (Arc::new(user), Arc::new(token));
        let who = Who::Token { user: Arc::clone(&user), token: Arc::clone(&token) };
        let principal = Principal { who, net: net_of(parts, &app.config.trusted_proxies) };
        Ok(Some(Self { principal, user, token, cursor_key: CursorKey::of(text), repeatable: Repeatable::by(text) }))
    }

    /// Asks for a permit.
    ///
    /// # Errors
    /// The denial, as a problem.
    pub fn may(&self, action: Action, facts: &Facts, now: Timestamp) -> Result<Permit, Problem> {
        decide(&self.principal, action, facts, now).map_err(Problem::from)
    }

    /// Holds an act that more tokens would be permitted to the scope that it takes.
    ///
    /// # Errors
    /// 403 `scope` for a token without it.
    pub fn needs(&self, needed: Scope) -> Result<(), Problem> {
        if self.token.may(needed) { Ok(()) } else { Err(Denial::Scope { needed }.into()) }
    }

    /// The facts of a dataset for this caller, by its id.
    ///
    /// # Errors
    /// 404 for an id that is none and for one that is nobody's.
    pub async fn dataset(&self, app: &App, id: &str) -> Result<Arc<DatasetFacts>, Problem> {
        let id = DatasetId::parse(id).map_err(|_not_one| Problem::not_found())?;
        let facts = app.table.dataset_facts(id, Some(self.user.id)).await?.ok_or_else(Problem::not_found)?;
        Ok(Arc::new(facts))
    }

    /// The facts of a place that was read, for this caller.
    ///
    /// # Errors
    /// 503 where the table does not answer.
    pub async fn at(&self, app: &App, place: Place) -> Result<Arc<DatasetFacts>, Problem> {
        let reach = app.table.reach(&place, Some(self.user.id)).await?;
        Ok(Arc::new(DatasetFacts::new(place, reach)?))
    }

    /// By what this caller has `right` there: what a write checks again.
    #[must_use]
    pub fn via(&self, facts: &DatasetFacts, right: Right, now: Timestamp) -> Option<Via> {
        via(&self.user, &facts.place, &facts.reach, right, self.principal.net, now)
    }

    /// The bits of a secret that stands under the id `made`: random ones, or, for a request that may be sent twice, those that it has whenever
    /// the same credential sends it.
    ///
    /// # Errors
    /// 503 without random bits.
    pub fn secret_bits(&self, app: &App, once: Option<&Once>, made: TokenId) -> Result<[u8; 20], Problem> {
        match once {
            Some(once) => Ok(self.repeatable.bits(&once.key, &once.request, made)),
            None => app.random(),
        }
    }

    /// The bits of what stands by now, which has `hash`: those of `fresh`, made for this request, or, where an earlier sending of it made
    /// the token, those of then. `hash_of`: what the table holds of a secret of these bits.
    ///
    /// # Errors
    /// 409 `shown-elsewhere` where another credential of the same person sent it first.
    pub fn shown_again(
        &self,
        fresh: [u8; 20],
        once: Option<&Once>,
        stands: &Token,
        hash_of: impl Fn([u8; 20]) -> KeyHash,
    ) -> Result<[u8; 20], Problem> {
        let of_then = once.map_or(fresh, |once| self.repeatable.bits(&once.key, &once.request, stands.id));
        if hash_of(of_then) == stands.hash { Ok(of_then) } else { Err(shown_elsewhere()) }
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

/// What was made cannot be shown again: its text comes of the credential that asked for it.
fn shown_elsewhere() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "shown-elsewhere",
        "this was made before, by another session, and its text is shown to that one only",
    )
    .hint("ask again with another `Idempotency-Key`, and revoke what is not used")
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let AnyToken(caller) = AnyToken::from_request_parts(parts, app).await?;
        // A viewer's token is for the data origin alone.
        caller.needs(Scope::Read)?;
        Ok(caller)
    }
}

/// Whoever shows a live token, whatever it is for: who may end it.
#[derive(Debug)]
pub struct AnyToken(pub Caller);

impl FromRequestParts<App> for AnyToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refused = || {
            Problem::new(StatusCode::UNAUTHORIZED, "sign-in", "a live token is needed").hint("send `Authorization: Bearer offprint_...`")
        };
        let held = match Credential::of(&parts.headers) {
            Credential::Token(secret) => Caller::holding(&secret, parts, app).await?,
            Credential::Provider(token) => {
                let provider = app.provider.as_ref().ok_or_else(refused)?;
                let proven = provider.speaks(&token, app.now()).await?;
                // Signing in makes the account; reading never does.
                let known = app.table.proven(&proven).await?.ok_or_else(|| refused().hint("sign in once, which makes an account"))?;
                Caller::known(known, token.reveal(), parts, app)?
            }
            Credential::None | Credential::Bad => None,
        };
        held.map(Self).ok_or_else(refused)
    }
}
