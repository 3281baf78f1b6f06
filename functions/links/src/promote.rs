//! `POST /api/v1/links/{id}/promote`: a review link becomes a publication link, at the same URL (L12).

use axum::{Extension, response::Response};
use domain::{
    code::Code,
    decision::{Action, Facts, LinkFacts},
    limits::REASON_CHARS_MAX,
    link::{LinkError, Until},
};
use edge::{
    App,
    asked::{Filters, Id, IfMatch},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    until::read_until,
};
use jiff::Timestamp;
use table::promote::Promotion;

use crate::{
    create::Trial,
    edit::may_change,
    show::{Shown, about, load},
};

/// Makes a review link a publication link: its URL stays, whoever administers the dataset for good makes it the dataset's own, and what a review
/// link hides is hidden no more. There is no way back. One that is a publication link already stays as it is. With `dry_run`, says what the link
/// would be.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 409 `not-review` for a link of another class, 410 for one that was revoked, 403
/// `not-steward`, `audience-too-wide`, 422 for an end beyond the source's ceiling.
#[utoipa::path(post, path = "/api/v1/links/{id}/promote", tag = "links", operation_id = "promote_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the link as it was read")),
    request_body = wire::link::PromoteAsk,
    responses((status = 200, description = "The link, as a publication link", body = wire::link::Promoted), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(crate) async fn promote(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::link::PromoteAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/links/{id}/promote"), &bytes).filter(|_| !trial.dry_run);
    let (before, _may_see) = load(&app, &caller, &id, Action::See, now).await?;
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // It was done already: a replay is told how the link is.
        return Ok(answer(&shown, &caller, &before, app.now()));
    }
    // Whoever administers may do it, whoever made the link: its maker's rights are not what it rests on from then on.
    let on = caller.at(&app, before.place.clone()).await?;
    let permit = caller.may(Action::Share, &Facts::Dataset(on.clone()), now)?;
    seen.check(before.link.version)?;
    may_change(&before, now)?;
    if ask.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
        return Err(LinkError::Reason.into());
    }
    let until = ask.until.as_deref().map_or(Ok(Until::ClassDefault), read_until)?;
    let mut facts = LinkFacts::clone(&before);
    // Where nobody can say its key any more, it has none that could stand in print.
    let key = shown.key(&before.link);
    // And who only asks is not told one that nobody will have.
    let code = if key.is_some() && !trial.dry_run { Some(Code::new(app.random()?)) } else { None };
    facts.link = before.link.promoted(&permit, &on.place, (until, code), now)?;
    if trial.dry_run {
        facts.link.version = before.link.version.saturating_add(u64::from(facts.link != before.link));
        return Ok(answer(&shown, &caller, &facts, now));
    }
    if facts.link != before.link {
        let promotion = Promotion { before: &before, on: &on, after: &facts.link, key: key.as_ref(), reason: ask.reason.as_deref() };
        facts.link = app.table.promote_link(&permit, &promotion, once.as_ref(), now).await?;
    }
    // The bound runs from here: until the write was done, another process may have read what was there before.
    Ok(answer(&shown, &caller, &facts, app.now()))
}

fn answer(shown: &Shown, caller: &Caller, facts: &LinkFacts, now: Timestamp) -> Response {
    let link = &facts.link;
    let shows_path = !link.hides_its_path() && !facts.place.source.are_zones_hard();
    // An end may be sooner than the one before. A publication link's bound is the wider one.
    let enforced_by = link.until.map(|_end| link.timing().enforced_by(now, link.given_until).to_string());
    about(facts, json::ok(&wire::link::Promoted { link: shown.link(facts, caller, now), shows_path, enforced_by }))
}
