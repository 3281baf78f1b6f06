//! `PATCH /api/v1/sources/{id}`: other ceilings, retired or back, served or not.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    limits::REASON_CHARS_MAX,
    link::LinkError,
    source::{Ceilings, Source, State as Standing},
    timing::Timing,
};
use edge::{
    App,
    asked::{Id, IfMatch, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use http::StatusCode;

use crate::{
    source_register::read_ceilings,
    source_show::{ceilings, named, shown},
    terms,
};

/// Changes a source. Ceilings are judged whenever a link is used, so lower ones stop links that exceed them.
///
/// # Errors
/// 403 for anybody but an administrator, 428 without `If-Match`, 412 for another version.
#[utoipa::path(patch, path = "/api/v1/sources/{id}", tag = "sources", operation_id = "edit_source", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The source's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the source as it was read")),
    request_body(content = wire::source::SourceEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The source after the change", body = wire::source::SourceChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::source::SourceEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let before = named(&app, &id).await?;
    let once = once.of(&format!("PATCH /api/v1/sources/{id}"), &bytes);
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names.
        return Ok(answer(&before, Some(Timing::WORLD.enforced_by(now, None).to_string())));
    }
    seen.check(before.version)?;
    let reason = bounded(ask.reason.clone())?;
    let after = edited(&before, ask)?;
    terms::exist(&app, &after.ceilings, before.ceilings.terms).await?;
    if after == before {
        return Ok(answer(&before, None));
    }
    let written = app.table.edit_source(&permit, &before, &after, reason.as_deref(), once.as_ref(), now).await?;
    // The widest bound, from after the write: links of every class may be open.
    let enforced_by = written.narrows(&before).then(|| Timing::WORLD.enforced_by(app.now(), None).to_string());
    Ok(answer(&written, enforced_by))
}

fn answer(source: &Source, enforced_by: Option<String>) -> Response {
    with_version(json::ok(&wire::source::SourceChanged { source: shown(source), enforced_by }), source.version)
}

fn edited(before: &Source, ask: wire::source::SourceEdit) -> Result<Source, Problem> {
    let mut after = before.clone();
    if let Some(edit) = ask.ceilings {
        after.ceilings = edited_ceilings(&before.ceilings, edit)?;
    }
    after.writable = ask.writable.unwrap_or(before.writable);
    after.serving = ask.serving.unwrap_or(before.serving);
    after.state = match ask.state.as_deref() {
        None => before.state,
        Some("active") => Standing::Active,
        Some("retired") => Standing::Retired,
        Some(_) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "source-state", "there is no such state of a source")
                .at("/state")
                .hint("`active` or `retired`"));
        }
    };
    Ok(after)
}

/// Other ceilings; what is left out stays.
///
/// # Errors
/// 422 for what is none.
pub(crate) fn edited_ceilings(before: &Ceilings, edit: wire::source::CeilingsEdit) -> Result<Ceilings, Problem> {
    let there = ceilings(before);
    read_ceilings(&wire::source::Ceilings {
        audience: edit.audience.unwrap_or(there.audience),
        link_days_max: edit.link_days_max.unwrap_or(there.link_days_max),
        zones: edit.zones.unwrap_or(there.zones),
        hard_zones: edit.hard_zones.unwrap_or(there.hard_zones),
        terms: edit.terms.unwrap_or(there.terms),
    })
}

/// Holds a reason to its length.
pub(crate) fn bounded(reason: Option<String>) -> Result<Option<String>, Problem> {
    let reason = reason.filter(|text| !text.trim().is_empty());
    if reason.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX) { Err(LinkError::Reason.into()) } else { Ok(reason) }
}
