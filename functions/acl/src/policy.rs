//! `/api/v1/policy`: what binds everybody in the deployment (ACCESS 3, R6).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    policy::{DeploymentPolicy, Openers},
    source::{Ceilings, Source},
    timing::Timing,
};
use edge::{
    App,
    asked::{Filters, IfMatch, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use http::StatusCode;

use crate::{
    effects::Trial,
    source_edit::{bounded, edited_ceilings},
    source_show::ceilings,
    terms,
};

/// Shows the deployment's policy, to everybody who is signed in: it binds them.
///
/// # Errors
/// 401 without a live token.
#[utoipa::path(get, path = "/api/v1/policy", tag = "sources", operation_id = "show_policy", security(("token" = ["read"])),
    responses((status = 200, description = "The policy; `ETag` is its version", body = wire::policy::DeploymentPolicy), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller) -> Result<Response, Problem> {
    let _may_see = caller.may(Action::See, &Facts::Deployment, app.now())?;
    let policy = app.table.policy().await?;
    Ok(with_version(json::ok(&shown(&policy)), policy.version))
}

/// Changes the deployment's policy. Its ceilings are judged whenever something is used, so lower ones shut what exceeds them, and higher ones give it
/// back. With `dry_run`, says at which sources another ceiling would bind.
///
/// # Errors
/// 403 for anybody but an administrator, 428 without `If-Match`, 412 for another version.
#[utoipa::path(patch, path = "/api/v1/policy", tag = "sources", operation_id = "edit_policy", security(("token" = ["admin"])),
    params(Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the policy as it was read")),
    request_body(content = wire::policy::DeploymentPolicyEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The policy after the change, or with what the change would do", body = wire::policy::DeploymentPolicyChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Filters(trial): Filters<Trial>,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::policy::DeploymentPolicyEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Administer, &Facts::Deployment, now)?;
    let before = app.table.policy().await?;
    let once = once.of("PATCH /api/v1/policy", &bytes).filter(|_| !trial.dry_run);
    let bound = || Some(Timing::WORLD.enforced_by(app.now(), None).to_string());
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names.
        return Ok(answer(&before, Vec::new(), bound()));
    }
    seen.check(before.version)?;
    let reason = bounded(ask.reason.clone())?;
    let after = edited(&before, ask)?;
    terms::exist(&app, &after.ceilings, before.ceilings.terms).await?;
    if trial.dry_run {
        let sources = app.table.sources().await?;
        return Ok(answer(&after, sources.iter().filter_map(|source| bound_by(source, &after)).collect(), None));
    }
    let written = app.table.set_policy(&permit, (&before, &after), (reason.as_deref(), once.as_ref()), now).await?;
    // The widest bound, from after the write: links of every class may be open.
    let enforced_by = if written.ceilings.narrows(&before.ceilings) { bound() } else { None };
    Ok(answer(&written, Vec::new(), enforced_by))
}

fn answer(policy: &DeploymentPolicy, sources: Vec<wire::policy::SourceBound>, enforced_by: Option<String>) -> Response {
    let changed = wire::policy::DeploymentPolicyChanged { policy: shown(policy), sources, enforced_by };
    with_version(json::ok(&changed), policy.version)
}

/// The policy as answers show it.
fn shown(policy: &DeploymentPolicy) -> wire::policy::DeploymentPolicy {
    wire::policy::DeploymentPolicy {
        ceilings: ceilings(&policy.ceilings),
        openers: policy.openers.word().to_owned(),
        second_person: policy.second_person,
        version: policy.version,
    }
}

fn edited(before: &DeploymentPolicy, ask: wire::policy::DeploymentPolicyEdit) -> Result<DeploymentPolicy, Problem> {
    let mut after = before.clone();
    if let Some(edit) = ask.ceilings {
        after.ceilings = edited_ceilings(&before.ceilings, edit)?;
    }
    if let Some(word) = ask.openers {
        after.openers = Openers::of(&word).ok_or_else(|| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "openers", "there is no such word for who opens data to everybody")
                .at("/openers")
                .hint("`owners` or `administrators`")
        })?;
    }
    after.second_person = ask.second_person.unwrap_or(before.second_person);
    Ok(after)
}

/// What of the ceilings at a source another policy makes tighter, and what looser; `None`: nothing.
fn bound_by(source: &Source, policy: &DeploymentPolicy) -> Option<wire::policy::SourceBound> {
    let then = Source { policy: policy.clone(), ..source.clone() };
    let days = |source: &Source| source.link_days_max().map_or(u32::MAX, |(days, _)| days);
    // What the policy opens or shuts beyond the source's own zones is nothing to it.
    let shuts = |now: &Ceilings, then: &Ceilings| !now.zones.lie_in(&then.zones) && !source.ceilings.zones.lie_in(&then.zones);
    let (was, is) = (&source.policy.ceilings, &policy.ceilings);
    let asks = |one: &Ceilings, other: &Ceilings| {
        one.terms.is_some_and(|terms| other.terms != Some(terms) && source.ceilings.terms != Some(terms))
    };
    let all = [
        ("audience", then.audience() < source.audience(), then.audience() > source.audience()),
        ("link_days_max", days(&then) < days(source), days(&then) > days(source)),
        ("zones", shuts(was, is), shuts(is, was)),
        ("hard_zones", then.are_zones_hard() && !source.are_zones_hard(), !then.are_zones_hard() && source.are_zones_hard()),
        ("terms", asks(is, was), asks(was, is)),
    ];
    let words = |which: fn(&(&str, bool, bool)) -> bool| all.iter().filter(|of| which(of)).map(|(word, ..)| (*word).to_owned()).collect();
    let (tighter, looser): (Vec<_>, Vec<_>) = (words(|(_, tighter, _)| *tighter), words(|(.., looser)| *looser));
    let (id, name) = (source.id.to_string(), source.name.as_str().to_owned());
    (!tighter.is_empty() || !looser.is_empty()).then_some(wire::policy::SourceBound { source: id, name, tighter, looser })
}
