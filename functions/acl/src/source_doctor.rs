//! `POST /api/v1/sources/{id}/doctor`: whether a source can be read as it has to be, and what to paste into its bucket (W6).

use axum::response::Response;
use domain::decision::{Action, Facts};
use edge::{App, asked::Id, caller::Caller, json, problem::Problem};
use objects::doctor::Finding;
use serde_json::Value;

use crate::source_show::named;

/// Looks at a source: reads inside its prefix, is refused outside, tells a missing key from a refusal, CORS as a browser asks, the clock.
///
/// # Errors
/// 403 for anybody but an administrator, 404 for a source that is not there, 503 where the store cannot be asked at all.
#[utoipa::path(post, path = "/api/v1/sources/{id}/doctor", tag = "sources", operation_id = "doctor_source", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The source's id or name")),
    responses((status = 200, description = "What was found", body = wire::source::Doctor), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn doctor(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let source = named(&app, &id).await?;
    let findings: Vec<_> = app.objects.doctor(&permit, &source, now).await?.into_iter().map(shown).collect();
    Ok(json::ok(&wire::source::Doctor {
        source: source.id.to_string(),
        healthy: findings.iter().all(|finding| finding.ok),
        findings,
        bucket_cors: to_paste(&objects::policy::bucket_cors()),
        bucket_policy: to_paste(&app.objects.bucket_policy(&source)),
    }))
}

fn to_paste(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn shown(finding: Finding) -> wire::source::Finding {
    let Finding { id, ok, detail, fix } = finding;
    wire::source::Finding { check: id.to_owned(), ok, detail, hint: fix }
}
