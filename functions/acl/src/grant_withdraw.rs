//! `POST /api/v1/datasets/{id}/grants/withdraw`: taken back, and what is left says so.

use axum::response::Response;
use domain::{
    decision::{Action, Facts, LinkFacts},
    grant::{Grant, Subject},
    id::{DatasetId, UserId},
    link::LinkState,
    timing::Timing,
    token::Scope,
};
use edge::{
    App,
    asked::{Filters, Id},
    caller::Caller,
    json,
    json::Body,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{Page, TableError};

use crate::{
    effects::{self, Supposed, Trial},
    source_edit::bounded,
    subject, ways,
};

/// Takes a grant back: by who administers the dataset, or by the person it is for. Withdrawing again changes nothing. With `dry_run`, says what
/// that would do.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 404 `no-such-grant`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/grants/withdraw", tag = "grants", operation_id = "withdraw_grant", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Trial), request_body = wire::grant::WithdrawAsk,
    responses((status = 200, description = "The grant, withdrawn; when that is in force; by which ways the person still reaches the dataset; or the grant with what that would do", body = wire::grant::Withdrawn),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    Body { ask, .. }: Body<wire::grant::WithdrawAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let on = Facts::Dataset(facts.clone());
    // Before anybody is looked up: who may not know of the dataset is told the same whoever is named.
    let own = caller.may(Action::See, &on, now)?;
    // Giving up is for good as far as the person goes: a token that may only read does not (as one that may end itself only ends itself).
    caller.needs(Scope::Datasets)?;
    // Anybody may give up what is his own, and people are found by anybody; the rest, groups too, is for who administers.
    let may_grant = caller.may(Action::Grant, &on, now);
    if let (false, Err(why)) = (ask.to.starts_with("user:"), &may_grant) {
        return Err(why.clone());
    }
    let subject = subject::subject(&app, &ask.to).await?;
    let permit = if subject == Subject::User(caller.user.id) { own } else { may_grant? };
    let dataset = facts.place.dataset.id;
    let reason = bounded(ask.reason)?;
    let (grant, enforced_by, effects) = if trial.dry_run {
        let there = app.table.grant(dataset, subject).await?.ok_or_else(no_such_grant)?;
        let supposed = Supposed::withdrawn(&app, &caller, dataset, subject).await?;
        (there, None, Some(effects::of(&app, &caller, &supposed, now).await?))
    } else {
        let withdrawn = take_back(&app, &permit, dataset, subject, reason.as_deref()).await?;
        let on = app.table.strict_still(&facts.place.dataset).await;
        // The bound runs from here: until the write was done, another process may have read the grant.
        (withdrawn, Some(on.enforced_by(Timing::PRIVATE, app.now()).to_string()), None)
    };
    let (remains, links_ended) = match subject {
        Subject::User(user) => left(&app, &caller, (dataset, trial.dry_run), user, app.now()).await?,
        _ => (Vec::new(), Vec::new()),
    };
    let grants = subject::shown(&app, dataset, &[grant]).await?;
    let grant = grants.into_iter().next().ok_or_else(Problem::not_found)?;
    Ok(json::ok(&wire::grant::Withdrawn { grant, enforced_by, remains, links_ended, effects }))
}

fn no_such_grant() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-grant", "nothing was granted to this subject here")
        .at("/to")
        .hint("it may have been granted on a dataset above; see `offprint dataset sharing`")
}

/// Takes back what there is, whatever it becomes meanwhile.
async fn take_back(
    app: &App,
    permit: &domain::decision::Permit,
    dataset: domain::id::DatasetId,
    subject: Subject,
    reason: Option<&str>,
) -> Result<Grant, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let there = app.table.grant(dataset, subject).await?.ok_or_else(no_such_grant)?;
        match app.table.withdraw(permit, dataset, &there, reason, app.now()).await {
            Err(TableError::Stale) => rounds.another().await?,
            other => return Ok(other?),
        }
    }
}

/// By which ways a person still reaches the dataset, and which of the person's links on it have ended; or would, by which, were the person's
/// grant not there.
async fn left(
    app: &App,
    caller: &Caller,
    (dataset, supposed): (DatasetId, bool),
    user: UserId,
    now: Timestamp,
) -> Result<(Vec<wire::grant::Way>, Vec<String>), Problem> {
    let person = app.table.user(user).await?.ok_or_else(Problem::not_found)?;
    let Some(theirs) = app.table.dataset_facts(dataset, Some(user)).await? else { return Ok((Vec::new(), Vec::new())) };
    let theirs = if supposed { theirs.without_grant(dataset, Subject::User(user)) } else { theirs };
    let remains = ways::shown(&person, &theirs, caller.principal.net, now);
    let links = app.table.links_of_dataset(dataset, &Page::default(), now).await?;
    let is_theirs = |link: &&LinkFacts| link.link.maker == user;
    let ended = links.items.iter().filter(is_theirs).filter(|link| link.supposing(&theirs).state(now) == LinkState::Stopped);
    Ok((remains, ended.map(|link| link.link.id.to_string()).collect()))
}
