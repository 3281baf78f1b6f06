//! `/api/v1/me`: who the caller is, and how the caller is told what others do.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    notice::Wanted,
};
use edge::{App, caller::Caller, json, json::Body, mailbox, once::Once, problem::Problem, rounds::Rounds};
use http::StatusCode;
use table::{TableError, mailboxes::Mailbox};

use crate::token_list::shown;

/// Says whose token this is, what it may be used for, and how its person is told what others do.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(get, path = "/api/v1/me", tag = "about", operation_id = "me", security(("token" = ["read"])),
    responses((status = 200, description = "The caller", body = wire::token::Me), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn me(app: App, caller: Caller) -> Result<Response, Problem> {
    let _may_see = caller.may(Action::See, &Facts::Deployment, app.now())?;
    let mailbox = app.table.mailbox(caller.user.id).await?;
    Ok(told(&app, &caller, &mailbox))
}

/// Sets how the caller is told what others do, by a session: a program's token does not silence what its person should hear.
///
/// # Errors
/// 403 `not-session` for any other token, 422 `notices` for a word that is none.
#[utoipa::path(patch, path = "/api/v1/me", tag = "about", operation_id = "edit_me", security(("token" = ["read"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body(content = wire::token::MeEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The caller", body = wire::token::Me), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::token::MeEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of("PATCH /api/v1/me", &bytes);
    let permit = caller.may(Action::MakeToken, &Facts::Deployment, now)?;
    let no_such = || {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "notices", "nobody is told so")
            .at("/notices")
            .hint("`each` in a mail of its own, `daily` in one mail a day, or `none`")
    };
    let wanted = ask.notices.as_deref().map(|word| Wanted::of(word).ok_or_else(no_such)).transpose()?;
    let mut rounds = Rounds::begin();
    loop {
        let mailbox = app.table.mailbox(caller.user.id).await?;
        match app.table.set_wanted(&permit, &mailbox, wanted.unwrap_or(mailbox.wanted), once.as_ref(), now).await {
            // An address came meanwhile, or the same request did.
            Err(TableError::Stale) => rounds.another().await?,
            after => return Ok(told(&app, &caller, &after?)),
        }
    }
}

fn told(app: &App, caller: &Caller, mailbox: &Mailbox) -> Response {
    let (user, token) = (&caller.user, shown(&caller.token, caller));
    json::ok(&wire::token::Me {
        id: user.id.to_string(),
        name: user.name.clone(),
        administrator: user.administrator,
        auditor: user.auditor,
        curator: user.curator,
        notices: Some(mailbox.wanted.word().to_owned()),
        address_known: Some(mailbox::address(app, user.id, mailbox).is_some()),
        terms: user.accepted.iter().map(|terms| terms.to_string()).collect(),
        token,
    })
}
