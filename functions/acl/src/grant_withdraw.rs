//! `POST /api/v1/datasets/{id}/grants/withdraw`: taken back, and what is left says so.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, DatasetFacts, Facts, LinkFacts, Permit},
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
    subject,
    together::{TakeAll, set_of},
    ways,
};

/// Takes a grant back: by who administers the dataset, or by the person it is for. Withdrawing again changes nothing. The role full, or more, goes
/// from all of the dataset's link set, or from none of it. With `dry_run`, says what that would do.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 404 `no-such-grant`; `link-set-refused` where a dataset of the link set refuses.
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
    let reason = bounded(ask.reason)?;
    let dataset = facts.place.dataset.id;
    let (grant, all, effects) = if trial.dry_run {
        let (there, all) = taken(&app, &caller, &facts, subject, now).await?;
        let all = all.map_or_else(|| vec![facts.place.dataset.clone()], |all| all.datasets().cloned().collect());
        let supposed = Supposed::withdrawn(&app, &caller, all.iter().map(|dataset| dataset.id).collect(), subject).await?;
        (there, all, Some(effects::of(&app, &caller, &supposed, now).await?))
    } else {
        let (withdrawn, all) = take_back(&app, &caller, (&permit, &facts), subject, reason.as_deref()).await?;
        (withdrawn, all, None)
    };
    let mut enforced_by = None;
    for on in all.iter().filter(|_| !trial.dry_run) {
        let on = app.table.strict_still(on).await;
        // The bound runs from here: until the write was done, another process may have read the grant.
        enforced_by = enforced_by.max(Some(on.enforced_by(Timing::PRIVATE, app.now())));
    }
    let (mut remains, mut links_ended) = (Vec::new(), Vec::new());
    if let Subject::User(user) = subject {
        for on in &all {
            let (ways, ended) = left(&app, &caller, (on.id, trial.dry_run), user, app.now()).await?;
            links_ended.extend(ended);
            if on.id == dataset {
                remains = ways;
            }
        }
    }
    let grants = subject::shown(&app, dataset, &[grant]).await?;
    let grant = grants.into_iter().next().ok_or_else(Problem::not_found)?;
    let enforced_by = enforced_by.map(|at| at.to_string());
    let also = all.iter().filter(|on| on.id != dataset).map(|on| on.id.to_string()).collect();
    let mark_asleep = puts_mark_to_sleep(&facts, subject, now);
    Ok(json::ok(&wire::grant::Withdrawn { grant, enforced_by, remains, links_ended, also, mark_asleep, effects }))
}

/// Whether a curators' mark counts no more without what everybody was granted here.
fn puts_mark_to_sleep(facts: &DatasetFacts, subject: Subject, now: Timestamp) -> bool {
    let is_marked = facts.place.dataset.curated.is_some() && matches!(subject, Subject::Accounts | Subject::World);
    is_marked && facts.clone().without_grant(facts.place.dataset.id, subject).audience(now) < Visibility::Accounts
}

fn no_such_grant() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-grant", "nothing was granted to this subject here")
        .at("/to")
        .hint("it may have been granted on a dataset above; see `offprint dataset sharing`")
}

/// The grant that there is; and where it is taken back on more than this dataset, all of that.
async fn taken(
    app: &App,
    caller: &Caller,
    facts: &DatasetFacts,
    subject: Subject,
    now: Timestamp,
) -> Result<(Grant, Option<TakeAll>), Problem> {
    let dataset = &facts.place.dataset;
    let there = app.table.grant(dataset.id, subject).await?.ok_or_else(no_such_grant)?;
    let set = match set_of(app, dataset, there.goes_together()).await {
        // It was taken out: by itself, then, if that is still so when it is written.
        Err(TableError::Stale) => None,
        set => set?,
    };
    let all = match set {
        Some(set) => Some(TakeAll::read(app, caller, set, subject, now).await?).filter(|all| !all.is_done()),
        None => None,
    };
    Ok((there, all))
}

/// Takes back what there is, whatever it becomes meanwhile. Answers the grant, and the datasets where it was taken.
async fn take_back(
    app: &App,
    caller: &Caller,
    (permit, facts): (&Permit, &Arc<DatasetFacts>),
    subject: Subject,
    reason: Option<&str>,
) -> Result<(Grant, Vec<Dataset>), Problem> {
    let (mut rounds, mut facts) = (Rounds::begin(), Arc::clone(facts));
    let dataset = facts.place.dataset.id;
    loop {
        let now = app.now();
        let done = match taken(app, caller, &facts, subject, now).await? {
            (_, Some(all)) => match all.take(app, reason, now).await {
                Ok(()) => app.table.grant(dataset, subject).await.map(|there| (there, all.datasets().cloned().collect())),
                Err(why) => Err(why),
            },
            (there, None) => {
                let withdrawn = app.table.withdraw(permit, dataset, &there, reason, now).await;
                withdrawn.map(|withdrawn| (Some(withdrawn), vec![facts.place.dataset.clone()]))
            }
        };
        match done {
            Err(TableError::Stale) => {
                rounds.another().await?;
                // It may have come into a link set, or left one.
                facts = caller.dataset(app, &dataset.to_string()).await?;
            }
            done => {
                let (grant, all) = done?;
                return Ok((grant.ok_or_else(no_such_grant)?, all));
            }
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
