//! How a person signs in, wherever that is asked for: a code, or the provider's word, becomes a session.
//!
//! Not here: how the answer looks, and whether the provider's word is to be believed (`provider.rs`).

use domain::{
    decision::Denial,
    id::{TokenId, UserId},
    limits::SESSION_SECS,
    token::{CodeSecret, Scope, Token, TokenKind, TokenSecret},
    user::{Standing, User, user_name},
};
use http::StatusCode;
use identity::Verified;
use jiff::{SignedDuration, Timestamp};
use table::{TableError, users::Identity};

use crate::{App, invitations, problem::Problem, provider::Provider};

/// Who signed in, and the session that was made for it.
#[derive(Debug)]
pub struct SignedIn {
    /// The person.
    pub user: User,
    /// The session: a new one at each sign-in.
    pub session: Token,
    /// Its text, which is in this answer and nowhere else.
    pub secret: TokenSecret,
}

/// Signs in with a code, which is used up by it.
///
/// # Errors
/// 401 `code`, the same for a code that was never given, was used, has ended, or is a suspended person's.
pub async fn by_code(app: &App, text: &str, now: Timestamp) -> Result<SignedIn, Problem> {
    let code = CodeSecret::parse(text).map_err(|_not_one| no_such_code())?;
    let (user, code) = app.table.bearer(code.hash()).await?.ok_or_else(no_such_code)?;
    if code.kind != TokenKind::Code || !code.is_live(now) || user.standing != Standing::Active {
        return Err(no_such_code());
    }
    let (session, secret) = session(app, &user, now)?;
    match app.table.redeem_code(&code, &session, now).await {
        Ok(()) => Ok(SignedIn { user, session, secret }),
        Err(TableError::Stale | TableError::NotForThis) => Err(no_such_code()),
        Err(why) => Err(why.into()),
    }
}

/// Names that are tried for a new account: the provider's, and the same with a number.
const NAMES: u32 = 20;

/// Signs in with a token of the provider's that is meant for this deployment.
///
/// # Errors
/// 401 `token` for one that is not believed, 422 `no-provider`, and those of [`as_identified`].
pub async fn by_provider(app: &App, token: &str, now: Timestamp) -> Result<SignedIn, Problem> {
    let provider = app.provider.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-provider", "this deployment has no identity provider")
            .at("/token")
            .hint("sign in with a code; an administrator gives one")
    })?;
    as_identified(app, &provider.verify(token, now).await?, now).await
}

/// Signs in whom the provider has proven, with a new account for whoever has none.
///
/// # Errors
/// 403 `suspended`, 409 where no name is left, 503 where the table does not answer.
pub async fn as_identified(app: &App, known: &Verified, now: Timestamp) -> Result<SignedIn, Problem> {
    let identity = Identity { issuer: &known.issuer, subject: &known.subject };
    let user = match app.table.identified(identity).await? {
        Some(user) => user,
        None => sign_up(app, identity, known.name.as_deref(), now).await?,
    };
    if user.standing != Standing::Active {
        return Err(Denial::Suspended.into());
    }
    if app.provider.as_ref().is_some_and(Provider::names_groups) {
        // A token without a time was made just now, for all that anybody knows.
        let said = known.issued_at.unwrap_or(now).min(now);
        app.table.sync_claimed(identity, user.id, &known.groups, said, now).await?;
    }
    let (session, secret) = session(app, &user, now)?;
    app.table.sign_in(identity, &session, now).await?;
    invitations::meet(app, &user, known, now).await;
    Ok(SignedIn { user, session, secret })
}

/// A new account, under the provider's name for the person or one like it. Nothing but issuer and subject says who it is.
async fn sign_up(app: &App, identity: Identity<'_>, name: Option<&str>, now: Timestamp) -> Result<User, Problem> {
    // Of an e-mail address the part before the `@`: the whole would tell whoever looks for it that there is an account.
    let shown = |text: &str| user_name(text.split('@').next().unwrap_or_default().trim());
    let name = name.and_then(shown).or_else(|| shown(identity.subject)).unwrap_or_else(|| "somebody".to_owned());
    for number in 1..=NAMES {
        let name = if number == 1 { name.clone() } else { format!("{name} {number}") };
        let id = UserId::new(app.new_uuid(now)?);
        let user = User { id, name, administrator: false, standing: Standing::Active };
        match app.table.sign_up(identity, &user, now).await {
            Ok(()) => return Ok(user),
            Err(TableError::Exists { .. }) => {}
            // Signing in twice at once: the other one made it.
            Err(TableError::Stale) => return app.table.identified(identity).await?.ok_or_else(|| TableError::Stale.into()),
            Err(why) => return Err(why.into()),
        }
    }
    Err(TableError::Exists { what: "a user of this name" }.into())
}

fn session(app: &App, user: &User, now: Timestamp) -> Result<(Token, TokenSecret), Problem> {
    let secret = TokenSecret::new(app.random()?);
    let session = Token {
        id: TokenId::new(app.new_uuid(now)?),
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: user.id,
        label: "session".to_owned(),
        scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin || user.administrator).collect(),
        dataset: None,
        until: now.checked_add(SignedDuration::from_secs(SESSION_SECS)).unwrap_or(now),
        made: now,
        revoked: None,
    };
    Ok((session, secret))
}

fn no_such_code() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "code", "the code is not one that works")
        .at("/code")
        .hint("codes work once, within a day; ask an administrator for a new one")
}
