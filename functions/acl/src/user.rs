//! `/api/v1/users`: made by an administrator, found by name, suspended. And who is blocked at a source.

use axum::response::Response;
use domain::{
    decision::{Action, Denial, Facts},
    id::{TokenId, UserId},
    limits::CODE_SECS,
    timing::{Timing, later},
    token::{CodeSecret, Token, TokenKind},
    user::{AccountEdit, Standing, User, user_name},
};
use edge::{
    App,
    asked::{Id, MaybeIfMatch, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use http::StatusCode;
use jiff::Timestamp;
use table::TableError;

use crate::{source_edit::bounded, source_show::named, subject::person};

/// Makes an account, and a code by which the person signs in, once.
///
/// # Errors
/// 403 for anybody but an administrator, 409 `exists` for a name that is taken and `shown-elsewhere`, 422 `user-name`.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", operation_id = "create_user", security(("token" = ["admin"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::user::NewUser,
    responses((status = 201, description = "The person, and a code to sign in with", body = wire::user::Invited), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::user::NewUser>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let name = user_name(&ask.name).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "user-name", "nobody can be called so")
            .at("/name")
            .hint("1 to 200 characters that show, no `:` and no `@`, no space around it; not `.` or `..`")
    })?;
    let id = UserId::new(app.new_uuid(now)?);
    let user = User {
        administrator: ask.administrator.unwrap_or_default(),
        auditor: ask.auditor.unwrap_or_default(),
        curator: ask.curator.unwrap_or_default(),
        ..User::new(id, name)
    };
    let once = once.of("POST /api/v1/users", &bytes);
    let fresh = NewCode::new(&app, &caller, &user, once.as_ref(), now)?;
    let stands = app.table.insert_user(&permit, &user, &fresh.code, once.as_ref(), now).await?;
    // Of a request that was sent before, the person whom it made.
    let user = app.table.user(stands.owner).await?.ok_or_else(Problem::not_found)?;
    fresh.shown(&caller, &user, once.as_ref(), &stands)
}

/// A new code for a person who lost the way in. Sessions and tokens stay as they are.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a person who is not there, 409 `shown-elsewhere`.
#[utoipa::path(post, path = "/api/v1/users/{id}/code", tag = "users", operation_id = "create_code", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The person's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 201, description = "The person, and a code to sign in with", body = wire::user::Invited), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn code(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let user = found(&app, &id).await?;
    let once = once.of(&format!("POST /api/v1/users/{id}/code"), b"");
    let fresh = NewCode::new(&app, &caller, &user, once.as_ref(), now)?;
    let stands = app.table.insert_code(&permit, &fresh.code, once.as_ref(), now).await?;
    fresh.shown(&caller, &user, once.as_ref(), &stands)
}

/// A code in the making.
struct NewCode {
    bits: [u8; 20],
    code: Token,
}

impl NewCode {
    fn new(app: &App, caller: &Caller, user: &User, once: Option<&table::once::Once>, now: Timestamp) -> Result<Self, Problem> {
        let id = TokenId::new(app.new_uuid(now)?);
        let bits = caller.secret_bits(app, once, id)?;
        let code = Token {
            id,
            kind: TokenKind::Code,
            hash: CodeSecret::new(bits).hash(),
            owner: user.id,
            label: "sign-in code".to_owned(),
            scopes: Vec::new(),
            dataset: None,
            until: later(now, CODE_SECS),
            made: now,
            revoked: None,
        };
        Ok(Self { bits, code })
    }

    /// The answer, with the code that stands.
    fn shown(&self, caller: &Caller, user: &User, once: Option<&table::once::Once>, stands: &Token) -> Result<Response, Problem> {
        let secret = CodeSecret::new(caller.shown_again(self.bits, once, stands, |bits| CodeSecret::new(bits).hash())?);
        Ok(json::created(&wire::user::Invited { user: shown(user), code: secret.reveal(), until: stands.until.to_string() }))
    }
}

/// Shows a person, by the whole name or the id.
///
/// # Errors
/// 404 for a name that nobody has.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", operation_id = "show_user", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The person's id or name")),
    responses((status = 200, description = "The person; `ETag` is the version of the account", body = wire::user::User), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let _may_look = caller.may(Action::See, &Facts::Deployment, app.now())?;
    let user = found(&app, &id).await?;
    Ok(with_version(json::ok(&shown(&user)), user.version))
}

/// Suspends a person, whose links stop, or lets the person act again; makes the person an administrator, an auditor or a curator, or takes that back.
/// A session knows of a new role once the person has signed in again, and of one that is gone at once.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a person who is not there, 409 `oneself`, 412 for another version than `If-Match` names,
/// 422 `standing`.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", operation_id = "edit_user", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The person's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the person as read")),
    request_body(content = wire::user::UserEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The person after the change; `ETag` is the version of the account", body = wire::user::UserChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: MaybeIfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::user::UserEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("PATCH /api/v1/users/{id}"), &bytes);
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let user = found(&app, &id).await?;
    let standing = match ask.standing.as_deref() {
        None => None,
        Some("active") => Some(Standing::Active),
        Some("suspended") => Some(Standing::Suspended),
        Some(_) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "standing", "there is no such standing")
                .at("/standing")
                .hint("`active` or `suspended`"));
        }
    };
    if user.id == caller.user.id {
        return Err(Problem::new(StatusCode::CONFLICT, "oneself", "nobody changes the own account").hint("ask another administrator"));
    }
    let is_repeated = app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some();
    let on = if is_repeated { None } else { seen.named(user.version)? };
    let edit = AccountEdit { standing, administrator: ask.administrator, auditor: ask.auditor, curator: ask.curator, on };
    let after = app.table.edit_user(&permit, user.id, edit, bounded(ask.reason)?.as_deref(), once.as_ref(), now).await;
    let after = after.map_err(|why| match why {
        // Since the permit was given somebody took the role, or the standing.
        TableError::NotForThis => Denial::NotAdministrator.into(),
        why => Problem::from(why),
    })?;
    let narrows = standing == Some(Standing::Suspended)
        || ask.administrator == Some(false)
        || ask.auditor == Some(false)
        || ask.curator == Some(false);
    let enforced_by = narrows.then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    Ok(with_version(json::ok(&wire::user::UserChanged { user: shown(&after), enforced_by }), after.version))
}

/// Lists who is blocked at a source.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a source that is not there.
#[utoipa::path(get, path = "/api/v1/sources/{id}/blocks", tag = "sources", operation_id = "list_blocks", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The source's id or name")),
    responses((status = 200, description = "Who is blocked", body = wire::user::Blocks), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn blocks(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let _permit = caller.may(Action::Administer, &Facts::Deployment, app.now())?;
    blocked(&app, &id, None).await
}

/// Blocks a person at a source, or lifts the block: whoever is blocked gets nothing there but what the person owns.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a source that is not there, 422 for a person who is not.
#[utoipa::path(post, path = "/api/v1/sources/{id}/blocks", tag = "sources", operation_id = "block", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The source's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::user::BlockAsk,
    responses((status = 200, description = "Who is blocked now", body = wire::user::Blocks), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn block(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::user::BlockAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/sources/{id}/blocks"), &bytes);
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let source = named(&app, &id).await?;
    let user = person(&app, &ask.user, "/user").await?;
    let (at, reason) = ((source.id, user.id), bounded(ask.reason)?);
    app.table.set_block(&permit, at, ask.blocked, reason.as_deref(), once.as_ref(), now).await?;
    let enforced_by = ask.blocked.then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    blocked(&app, &id, enforced_by).await
}

async fn blocked(app: &App, id: &str, enforced_by: Option<String>) -> Result<Response, Problem> {
    let source = named(app, id).await?;
    let people = app.table.users(&app.table.blocked_at(source.id).await?).await?;
    Ok(json::ok(&wire::user::Blocks { source: source.id.to_string(), blocked: people.iter().map(shown).collect(), enforced_by }))
}

/// The person of a name or an id in the address.
///
/// # Errors
/// 404 where there is none.
pub(crate) async fn found(app: &App, text: &str) -> Result<User, Problem> {
    let found = match UserId::parse(text) {
        Ok(id) => app.table.user(id).await?,
        Err(_a_name) => app.table.user_named(text).await?,
    };
    found.ok_or_else(Problem::not_found)
}

/// A person as anybody with an account sees one.
pub(crate) fn shown(user: &User) -> wire::user::User {
    wire::user::User {
        id: user.id.to_string(),
        name: user.name.clone(),
        administrator: user.administrator,
        auditor: user.auditor,
        curator: user.curator,
        standing: match user.standing {
            Standing::Active => "active",
            Standing::Suspended => "suspended",
        }
        .to_owned(),
    }
}
