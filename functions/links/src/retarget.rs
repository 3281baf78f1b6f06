//! `POST /api/v1/links/{id}/retarget`: the same URL opens another place (L13).

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    decision::{Action, Facts},
    id::DatasetId,
    limits::REASON_CHARS_MAX,
    link::LinkError,
    rights::Right,
};
use edge::{
    App,
    asked::{Id, IfMatch},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use table::retarget::Retarget;

use crate::{
    create::read_subpath,
    edit::may_change,
    show::{Shown, about, load},
};

/// Moves a link to another place, for data that moved. It needs the right to share at both: whoever holds the URL reads there from now on,
/// and no more where it led before.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 410 for a link that was revoked or is another's, 403 without the right to share there,
/// 422 `other-form` where the URL would not fit.
#[utoipa::path(post, path = "/api/v1/links/{id}/retarget", tag = "links", operation_id = "retarget_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the link as it was read")),
    request_body = wire::link::RetargetAsk,
    responses((status = 200, description = "The link, where it leads now, and when it leads nowhere else", body = wire::link::Changed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn retarget(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::link::RetargetAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/links/{id}/retarget"), &bytes);
    let replayed = app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some();
    let (before, share) = load(&app, &caller, &id, if replayed { Action::See } else { Action::Share }, now).await?;
    if !replayed {
        seen.check(before.link.version)?;
        may_change(&before, now)?;
        if ask.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
            return Err(LinkError::Reason.into());
        }
        let subpath = read_subpath(ask.path)?;
        let dataset = DatasetId::parse(&ask.dataset).map_err(|_not_one| Problem::not_found())?;
        let to = caller.dataset(&app, &dataset.to_string()).await?;
        let there = caller.may(Action::Share, &Facts::Dataset(Arc::clone(&to)), now)?;
        let via = caller.via(&to, Right::Share, now);
        let after = before.link.retargeted(&there, &before.place, &to.place, subpath, via, now)?;
        // Refused before anything is written: a path that is too long in its bucket.
        to.place.source.prefix.join(&to.place.dataset.path)?.join(&after.subpath).map_err(|_too_long| LinkError::Subpath)?;
        app.check_bytes(after.options.bytes_per_day, &to.place.source)?;
        if after != before.link {
            let retarget = Retarget { before: &before, to: &to, after: &after, reason: ask.reason.as_deref() };
            let _moved = app.table.retarget_link([&share, &there], &retarget, once.as_ref(), now).await?;
        }
    }
    // The bound runs from here: until the write was done, another process may have read the place before.
    let on = app.table.strict_still(&before.place.dataset).await;
    let enforced_by = before.link.enforced_by(&on, app.now());
    let (facts, _permit) = load(&app, &caller, &id, Action::See, now).await?;
    let link = shown.link(&facts, &caller, app.now());
    Ok(about(&facts, json::ok(&wire::link::Changed { link, enforced_by: Some(enforced_by.to_string()) })))
}
