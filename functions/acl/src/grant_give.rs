//! `POST /api/v1/datasets/{id}/grants`: somebody gets a role on a dataset, or another one than before.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::Dataset,
    decision::{Action, Facts},
    delegation::{NewGrant, Terms},
    grant::{Conditions, Grant, Hold, Subject},
    id::{DatasetId, LinkSetId, UserId},
    invitation::Target,
    link::Until,
    opening::Opens,
    rights::Role,
    timing::Timing,
};
use edge::{
    App,
    asked::{Filters, Id, MaybeIfMatch, with_version},
    caller::Caller,
    invitations::need_not_ask,
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
use table::TableError;

use crate::{
    effects::{self, Supposed, Trial},
    invitation::one_shown,
    invite_person::{sent_before, to_dataset},
    openings, subject,
    together::{GiveAll, others, set_of},
};

/// Gives somebody a role, or changes the one there is. The same terms again meet the grant that is there. The role full, or more, goes to all of the
/// dataset's link set, or to none of it. Where people are asked first (`OFFPRINT_DIRECTORY`), a person whom the caller is not connected with is invited.
/// With `dry_run`, says what that would do, or will once it is accepted.
///
/// # Errors
/// 403 for more than the caller may give, 409 `exists` for other terms than the subject has, without `If-Match`; 412 for another version;
/// `link-set-refused` where a dataset of the link set refuses. Of a person who is invited: 409 `in-link-set`, `declined-lately`, 429
/// `too-many-invitations`. Of what waits for a second person: 409 `opening-waits`, and in a dry run `second-person-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/grants", tag = "grants", operation_id = "give_grant", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the grant that is to become this one")),
    request_body = wire::grant::NewGrant,
    responses((status = 201, description = "A new grant", body = wire::grant::Given), (status = 200, description = "The grant that is there, as asked; when that is in force, where somebody may get less; or the grant with what it would do", body = wire::grant::Given),
        (status = 202, description = "The person is invited, and gets it by accepting; or it opens the dataset to everybody, and waits for a second person", body = wire::opening::Waits),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn give(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    seen: MaybeIfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::grant::NewGrant>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/grants"), &bytes).filter(|_| !trial.dry_run);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let new = read(&ask, subject::subject(&app, &ask.to).await?, now)?;
        let there = app.table.grant(facts.place.dataset.id, new.subject).await?;
        let told = app.table.once_if(caller.user.id, once.as_ref(), now).await?;
        if let Some(told) = &told
            && let Some(asked) = openings::asked_before(&app, &facts, told, now).await?
        {
            return Ok(asked);
        }
        match (told, &there, new.subject) {
            (Some(told), Some(there), _) => return shown_again(&app, &facts.place.dataset, there, &told).await,
            (Some(_told), None, Subject::User(to)) => {
                let sent = sent_before(&app, to, Target::Dataset(facts.place.dataset.id)).await?;
                return Ok(json::accepted(&one_shown(&app, &sent, now).await?));
            }
            _ => {}
        }
        if let Some(to) = stranger(&app, &caller, &new, there.as_ref(), now).await?.filter(|_| !trial.dry_run) {
            match to_dataset(&app, &caller, (&permit, &facts), (to, new.terms), once.as_ref(), now).await? {
                Err(TableError::Stale) => rounds.another().await?,
                sent => return Ok(json::accepted(&one_shown(&app, &sent?, now).await?)),
            }
            continue;
        }
        let goes = new.terms.role.goes_together() || there.as_ref().is_some_and(Grant::goes_together);
        let set = match set_of(&app, &facts.place.dataset, goes).await {
            Err(TableError::Stale) => {
                rounds.another().await?;
                continue;
            }
            set => set?,
        };
        let version = there.as_ref().filter(|there| there.hold == Hold::Active).map(|there| there.version);
        let all = GiveAll::read(&app, &caller, (&facts, set), (&new, there), (&seen, |there| is_as_asked(there, &new, &ask)), now).await;
        let all = match all {
            Err(why) if why.code == Problem::SECOND_PERSON && !trial.dry_run => {
                seen.check(version.unwrap_or_default(), version.is_some())?;
                let opens = Opens::Grant(new.subject, new.terms);
                match openings::ask(&app, &caller, (&permit, &facts), (opens, None), once.as_ref(), now).await? {
                    Err(TableError::Stale) => rounds.another().await?,
                    asked => return Ok(asked?),
                }
                continue;
            }
            all => all?,
        };
        if trial.dry_run {
            all.check(&app, now).await?;
            let given = all.given().map(|(dataset, grant)| (dataset, grant.clone())).collect();
            let effects = effects::of(&app, &caller, &Supposed::given(&app, &caller, new.subject, given).await?, now).await?;
            return answer(&app, &all, (StatusCode::OK, None), Some(effects)).await;
        }
        match all.give(&app, caller.user.id, once.as_ref(), now).await {
            // Something else of the dataset, or of its link set, changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            given => {
                given?;
                // The bound runs from here: until the write was done, another process may have read the grant.
                let enforced_by = all.narrowed(now).map(|dataset| dataset.enforced_by(Timing::PRIVATE, app.now())).max();
                let status = if all.is_new() { StatusCode::CREATED } else { StatusCode::OK };
                return answer(&app, &all, (status, enforced_by), None).await;
            }
        }
    }
}

/// The person whom a grant is for, if it is to become an invitation: the two are not connected, and the person has no grant there that this would change.
async fn stranger(app: &App, caller: &Caller, new: &NewGrant, there: Option<&Grant>, now: Timestamp) -> Result<Option<UserId>, TableError> {
    let Subject::User(to) = new.subject else { return Ok(None) };
    let needs_asking = !there.is_some_and(|there| there.lasts(now)) && !need_not_ask(app, caller.user.id, to, now).await?;
    Ok(needs_asking.then_some(to))
}

/// What the same request did before. Perhaps the reply to that was lost: from here the bound of it is later, and holds too.
async fn shown_again(app: &App, dataset: &Dataset, there: &Grant, told: &str) -> Result<Response, Problem> {
    let also = match LinkSetId::parse(told) {
        Ok(_by_a_set) => others(&app.table.link_set_made(told).await?, dataset.id),
        Err(_by_itself) => Vec::new(),
    };
    let enforced_by = (there.version > 1).then(|| dataset.enforced_by(Timing::PRIVATE, app.now()));
    shown(app, (dataset.id, there), (StatusCode::OK, enforced_by), (also, None)).await
}

async fn answer(
    app: &App,
    all: &GiveAll,
    outcome: (StatusCode, Option<Timestamp>),
    effects: Option<wire::project::Effects>,
) -> Result<Response, Problem> {
    let (dataset, grant) = all.named().ok_or_else(Problem::not_found)?;
    shown(app, (dataset, grant), outcome, (all.others(), effects)).await
}

async fn shown(
    app: &App,
    (dataset, grant): (DatasetId, &Grant),
    (status, enforced_by): (StatusCode, Option<Timestamp>),
    (also, effects): (Vec<String>, Option<wire::project::Effects>),
) -> Result<Response, Problem> {
    let grants = subject::shown(app, dataset, std::slice::from_ref(grant)).await?;
    let version = grant.version;
    let grant = grants.into_iter().next().ok_or_else(Problem::not_found)?;
    let given = wire::grant::Given { grant, enforced_by: enforced_by.map(|at| at.to_string()), also, effects };
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
