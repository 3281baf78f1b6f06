//! How a person signs in, wherever that is asked for: a code, or the provider's word, becomes a session.
//!
//! Not here: how the answer looks, and whether the provider's word is to be believed (`provider.rs`).

use std::net::IpAddr;

use domain::{
    decision::Denial,
    grant::Net,
    id::{TokenId, UserId},
    limits::SESSION_SECS,
    timing::later,
    token::{CodeSecret, Scope, Token, TokenKind, TokenSecret},
    user::{Standing, User, user_name},
};
use http::{StatusCode, request::Parts};
use identity::Verified;
use jiff::Timestamp;
use table::{TableError, users::Identity};

use crate::{App, invitations, mailbox, peer::net_of, problem::Problem, provider::Provider};

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

/// Whether a code may be sent in a request like this one: to an app that is reached by https, or without leaving the machine that it runs on.
/// Whoever listens in between would have the code, or the session that it becomes.
#[must_use]
pub fn takes_codes(app: &App, parts: &Parts) -> bool {
    stays_private(app.config.app_url.as_deref(), net_of(parts, &app.config.trusted_proxies))
}

/// A function's own address, where the app is named by none, is one by https.
fn stays_private(app_url: Option<&str>, from: Net) -> bool {
    let Some(authority) = app_url.and_then(|url| url.strip_prefix("http://")) else { return true };
    let host = authority.rsplit_once(':').map_or(authority, |(host, _port)| host).trim_matches(['[', ']']);
    let is_here = |address: IpAddr| address.to_canonical().is_loopback();
    (host == "localhost" || host.parse().is_ok_and(is_here)) && matches!(from, Net::At(address) if is_here(address))
}

/// Signs in with a code, which is used up by it.
///
/// # Errors
/// 403 `not-encrypted` where [`takes_codes`] says no, and the code is not looked at; 401 `code`, the same for a code that was never given,
/// was used, has ended, or is a suspended person's.
pub async fn by_code(app: &App, parts: &Parts, text: &str, now: Timestamp) -> Result<SignedIn, Problem> {
    if !takes_codes(app, parts) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "not-encrypted", "a code is not taken where others could read it on its way")
            .hint(
                "an administrator puts TLS before the app, and names its https address (`offprint up --app-url`); then get another code",
            ));
    }
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
    mailbox::keep(app, &user, known, now).await;
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
        let user = User::new(id, name);
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
        scopes: Scope::ALL
            .into_iter()
            .filter(|scope| (*scope != Scope::Admin || user.administrator) && (*scope != Scope::Audit || user.auditor))
            .collect(),
        dataset: None,
        until: later(now, SESSION_SECS),
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

#[cfg(test)]
mod tests {
    use super::*;

    // Issue 3, 2: the small sign-in of a machine of one's own is for that machine
    #[test]
    fn a_code_is_taken_by_https_or_on_this_machine_alone() {
        let at = |text: &str| Net::At(text.parse().unwrap());
        for (app_url, from, want) in [
            (None, at("192.0.2.1"), true),
            (Some("https://app.example.org"), at("192.0.2.1"), true),
            (Some("https://app.example.org"), Net::Unknown, true),
            (Some("http://127.0.0.1:7373"), at("127.0.0.1"), true),
            (Some("http://localhost:7373"), at("::1"), true),
            (Some("http://[::1]:7373"), at("::ffff:127.0.0.1"), true),
            (Some("http://127.0.0.1"), at("127.0.0.9"), true),
            (Some("http://127.0.0.1:7373"), at("192.0.2.1"), false),
            (Some("http://127.0.0.1:7373"), Net::Unknown, false),
            (Some("http://10.0.0.1:7373"), at("127.0.0.1"), false),
            (Some("http://lab.example.org"), at("127.0.0.1"), false),
            (Some("http://localhost.example.org"), at("127.0.0.1"), false),
            (Some("http://127.0.0.1.example.org:80"), at("127.0.0.1"), false),
        ] {
            assert_eq!(stays_private(app_url, from), want, "{app_url:?} from {from:?}");
        }
    }
}
