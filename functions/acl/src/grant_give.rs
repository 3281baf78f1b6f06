//! `POST /api/v1/datasets/{id}/grants`: somebody gets a role on a dataset, or another one than before.

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts},
    delegation::{NewGrant, Terms, granted},
    grant::{Conditions, Grant, Hold, Subject},
    link::Until,
    rights::{Right, Role},
    timing::Timing,
};
use edge::{
    App,
    asked::{Id, MaybeIfMatch, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
    until::{read_not_before, read_until},
    zones::read_zones,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use table::{TableError, grants::Grounds};

use crate::{dataset_edit::not_retired, subject};

/// Gives somebody a role, or changes the one there is. The same terms again meet the grant that is there.
///
/// # Errors
/// 403 for more than the caller may give, 409 `exists` for other terms than the subject has, without `If-Match`; 412 for another version.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/grants", tag = "grants", operation_id = "give_grant", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the grant that is to become this one")),
    request_body = wire::grant::NewGrant,
    responses((status = 201, description = "A new grant", body = wire::grant::Given), (status = 200, description = "The grant that is there, as asked; when that is in force, where somebody may get less", body = wire::grant::Given),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn give(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: MaybeIfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::grant::NewGrant>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/grants"), &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(facts.clone()), now)?;
        let dataset = facts.place.dataset.id;
        let new = read(&ask, subject::subject(&app, &ask.to).await?, now)?;
        let there = app.table.grant(dataset, new.subject).await?;
        let is_again = app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some();
        if let Some(there) = there.as_ref().filter(|there| is_again || is_as_asked(there, &new, &ask)) {
            // Perhaps the reply to what made it so was lost: from here the bound of that is later, and holds too.
            return shown(&app, &facts, there, StatusCode::OK, there.version > 1).await;
        }
        not_retired(&facts)?;
        let is_active = there.as_ref().is_some_and(|there| there.hold == Hold::Active);
        let grant = granted(&permit, &caller.user, dataset, new, there.as_ref(), now)?;
        seen.check(there.as_ref().map_or(0, |there| there.version), is_active)?;
        let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
        match app.table.give(&permit, grounds, &grant, there.as_ref(), once.as_ref(), now).await {
            Ok(given) => {
                let status = if is_active { StatusCode::OK } else { StatusCode::CREATED };
                let narrows = there.is_some_and(|there| given.narrows(&there, now));
                return shown(&app, &facts, &given, status, narrows).await;
            }
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            Err(why) => return Err(why.into()),
        }
    }
}

async fn shown(app: &App, facts: &DatasetFacts, grant: &Grant, status: StatusCode, narrows: bool) -> Result<Response, Problem> {
    // The bound runs from here: until the write was done, another process may have read the grant.
    let dataset = &facts.place.dataset;
    let enforced_by = narrows.then(|| dataset.enforced_by(Timing::PRIVATE, app.now()).to_string());
    let grants = subject::shown(app, dataset.id, std::slice::from_ref(grant)).await?;
    let version = grant.version;
    let given = wire::grant::Given { grant: grants.into_iter().next().ok_or_else(Problem::not_found)?, enforced_by };
    let answer = if status == StatusCode::CREATED { json::created(&given) } else { json::ok(&given) };
    Ok(with_version(answer, version))
}

/// Whether a grant is what is asked for. An end in days is asked anew: "30 days" from today are others than from last week.
fn is_as_asked(there: &Grant, new: &NewGrant, ask: &wire::grant::NewGrant) -> bool {
    let relative = ask.until.as_deref().is_some_and(|until| until.ends_with('d'));
    let Terms { role, may_share, level, conditions } = &new.terms;
    let same = there.role == *role && there.may_share == *may_share && there.level == *level && there.conditions == *conditions;
    there.hold == Hold::Active && same && !relative
}

/// What is asked, in the domain's terms; a refusal names its field.
fn read(ask: &wire::grant::NewGrant, subject: Subject, now: Timestamp) -> Result<NewGrant, Problem> {
    let terms = terms((&ask.role, ask.may_share, ask.level), (ask.not_before.as_deref(), ask.until.as_deref()), &ask.zones, now)?;
    Ok(NewGrant { subject, terms })
}

/// A role, whether with links, from which level on, from when and until when, and from where, as requests write them.
pub(crate) fn terms(
    (role, may_share, level): (&str, Option<bool>, Option<u8>),
    (not_before, until): (Option<&str>, Option<&str>),
    zones: &[String],
    now: Timestamp,
) -> Result<Terms, Problem> {
    let role = Role::of(role).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "grant-role", "there is no such role")
            .at("/role")
            .hint("`preview`, `view`, `download`, `full` or `manager`")
    })?;
    let until = match until.map_or(Ok(Until::Never), read_until)? {
        Until::Never | Until::ClassDefault => None,
        Until::At(at) => Some(at),
        Until::Days(days) => {
            let life = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
            Some(now.checked_add(life).unwrap_or(Timestamp::MAX))
        }
    };
    let not_before = not_before.map(read_not_before).transpose()?;
    let conditions = Conditions { not_before, until, zones: read_zones(zones, "/zones")? };
    Ok(Terms { role, may_share: may_share.unwrap_or_default(), level, conditions })
}
