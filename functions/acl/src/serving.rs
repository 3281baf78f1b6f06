//! `POST /api/v1/serving`: the panic switch, all sources in one write (L18, SECURITY T21).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    timing::Timing,
};
use edge::{App, caller::Caller, json, json::Body, once::Once, problem::Problem};
use http::StatusCode;

use crate::source_edit::bounded;

/// Switches serving off or on, for every source. While it is off nothing is signed or streamed, and reads answer 503.
///
/// # Errors
/// 403 for anybody but an administrator, 409 `reason-needed`.
#[utoipa::path(post, path = "/api/v1/serving", tag = "sources", operation_id = "switch_serving", security(("token" = ["admin"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::source::ServingAsk,
    responses((status = 200, description = "Switched, and when that is in force everywhere", body = wire::source::Serving), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn serving(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::source::ServingAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of("POST /api/v1/serving", &bytes);
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let reason = bounded(Some(ask.reason))?.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "reason-needed", "the panic switch needs a reason")
            .at("/reason")
            .hint("say why; it stands in the audit")
    })?;
    let sources = app.table.set_serving_all(&permit, ask.serving, Some(&reason), once.as_ref(), now).await?;
    // The widest bound, from after the write: links of every class may be open.
    let enforced_by = (!ask.serving).then(|| Timing::WORLD.enforced_by(app.now(), None).to_string());
    Ok(json::ok(&wire::source::Serving { serving: ask.serving, sources, enforced_by }))
}
