//! `/api/v1/openings` and `/api/v1/datasets/{id}/openings`: what somebody would open to everybody waits for a second person, who approves or declines it
//! (ACCESS R6).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts, Permit},
    delegation::to_all,
    grant::{Conditions, Subject},
    id::{DatasetId, RequestId},
    opening::{OpeningError, OpeningFacts, Opens, answers, approved, ask as new_request},
    request::{Request, RequestState, Wish},
    rights::{Right, Role},
    token::Scope,
};
use edge::{
    App,
    asked::{Filters, Id, IfMatch, Listing, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, grants::Grounds};

use crate::{curation::state_word, opening::on_all, paged::Ask, source_edit::bounded, subject};

/// Asks for what the caller may not open alone, on the dataset as it was read: it waits for 30 days, one of a dataset at a time. One that does not
/// stand any more, because who asked for it might not ask now, is taken back with it.
///
/// # Errors
/// `Ok(Err)` where the dataset, or what the caller's right rests on, changed since: [`TableError::Stale`]. 403 for who may not open it at all; 409
/// `opening-waits`.
pub(crate) async fn ask(
    app: &App,
    caller: &Caller,
    (permit, facts): (&Permit, &Arc<DatasetFacts>),
    (opens, reason): (Opens, Option<String>),
    once: Option<&table::once::Once>,
    now: Timestamp,
) -> Result<Result<Response, TableError>, Problem> {
    let request = new_request(permit, opens, RequestId::new(app.new_uuid(now)?), reason, now)?;
    let grounds = Grounds { facts, via: caller.via(facts, Right::Administer, now) };
    let mut made = app.table.ask_opening(permit, grounds, (&request, None), once, now).await;
    if let Err(TableError::Exists { .. }) = made {
        let void = match app.table.latest_opening(request.dataset).await? {
            Some(there) => with_asker(app, there).await?.filter(|there| !there.stands(now)),
            None => None,
        };
        made = app.table.ask_opening(permit, grounds, (&request, void.as_ref()), once, now).await;
    }
    match made {
        Ok(made) => Ok(Ok(waiting(app, made, now).await?)),
        Err(TableError::Exists { .. }) => Err(waits()),
        Err(why) => Ok(Err(why)),
    }
}

/// What the same request asked for before; `None`: it did something else.
pub(crate) async fn asked_before(app: &App, facts: &DatasetFacts, told: &str, now: Timestamp) -> Result<Option<Response>, Problem> {
    match app.table.opening_made(facts.place.dataset.id, told).await? {
        Some(made) => waiting(app, made, now).await.map(Some),
        None => Ok(None),
    }
}

/// The answer to who asked. The dataset's version was counted with it: it is told as it is now.
async fn waiting(app: &App, made: Request, now: Timestamp) -> Result<Response, Problem> {
    let facts = with_asker(app, made).await?.ok_or_else(Problem::not_found)?;
    Ok(json::accepted(&shown(&facts, now)))
}

/// Lists what waits for a second person, the oldest first: what the caller may approve, and what the caller asked for. A page may be short before the
/// last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/openings", tag = "datasets", operation_id = "list_openings", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of openings", body = wire::page::Page<wire::opening::Opening>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/openings", &[], ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = app.table.openings_waiting(&page).await?;
        let mut kept = Vec::new();
        for request in found.items.into_iter().filter(|request| request.waits(now)) {
            // The index only proposes.
            let Some(facts) = with_asker(&app, request).await?.filter(|facts| facts.stands(now)) else { continue };
            if is_own(&caller, &facts) || second(&app, &caller, &facts, now).await.is_ok() {
                kept.push(listed(&app, &facts, now).await?);
            }
        }
        filling.keep(kept, found.next);
    }
    listing.answer(&app, &caller, filling.items, filling.next.as_deref(), now)
}

/// Lists what was asked for to open a dataset, the latest first, what is over too, for who administers it. What ended is kept for 30 days.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/openings", tag = "datasets", operation_id = "list_openings_of_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of openings", body = wire::page::Page<wire::opening::Opening>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn of_dataset(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::Audit, &Facts::Dataset(Arc::clone(&facts)), now)?;
    let dataset = facts.place.dataset.id;
    let listing = Listing::new(&format!("/api/v1/datasets/{dataset}/openings"), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.openings_of(dataset, &page).await?;
    let mut items = Vec::new();
    for request in found.items {
        if let Some(facts) = with_asker(&app, request).await? {
            items.push(listed(&app, &facts, now).await?);
        }
    }
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Approves what waits on a dataset, by another who administers it for good or an administrator of the deployment: it is done in the same write, as
/// it was asked for, judged again for both. Who asked is told.
///
/// # Errors
/// 404 where nothing was asked for that the caller may know of; 403 `own-request`, `not-second`; 409 `opening-over`; 412 where the dataset is not as it
/// was looked at; what would refuse the opening itself.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/openings/approve", tag = "datasets", operation_id = "approve_opening", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `dataset_version` of the opening as it was read, in quotes")),
    responses((status = 200, description = "The opening, which was done", body = wire::opening::Opening), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn approve(app: App, caller: Caller, Id(id): Id, seen: IfMatch, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/datasets/{id}/openings/approve"), b"");
    let facts = latest(&app, &caller, &id, now).await?;
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // It was done.
        return Ok(answered(&facts, now));
    }
    let (permit, own) = second(&app, &caller, &facts, now).await?;
    seen.check(facts.dataset.place.dataset.version)?;
    let there = match facts.opens() {
        Some(Opens::Grant(subject, _)) => app.table.grant(facts.request.dataset, *subject).await?,
        _ => None,
    };
    let approved = approved(&permit, &facts, there.as_ref(), now)?;
    let grounds = own.as_ref().map(|own| Grounds { facts: own, via: caller.via(own, Right::Administer, now) });
    let after = app.table.approve_opening(&approved, &facts, (grounds, there.as_ref()), once.as_ref(), now).await?;
    let request = facts.request.ended(RequestState::Accepted, None);
    let dataset = Arc::new(facts.dataset.supposing(after));
    Ok(answered(&OpeningFacts { dataset, request, ..facts }, now))
}

/// Declines what waits on a dataset, by who may approve it, with a reason. Who asked is told.
///
/// # Errors
/// As for approving it; 409 `reason-needed`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/openings/decline", tag = "datasets", operation_id = "decline_opening", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::opening::DeclineOpening,
    responses((status = 200, description = "The opening as it is now", body = wire::opening::Opening), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn decline(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::opening::DeclineOpening>,
) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = latest(&app, &caller, &id, now).await?;
        let (permit, _own) = second(&app, &caller, &facts, now).await?;
        let reason = bounded(Some(ask.reason.clone()))?.ok_or_else(reason_needed)?;
        if facts.request.state == RequestState::Declined {
            return Ok(answered(&facts, now));
        }
        if !facts.request.waits(now) {
            return Err(OpeningError::Over.into());
        }
        match app.table.decline_opening(&permit, &facts, &reason, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            declined => return Ok(answered(&OpeningFacts { request: declined?, ..facts }, now)),
        }
    }
}

/// Takes back what waits on a dataset, by who asked for it or who administers the dataset.
///
/// # Errors
/// 404 where nothing was asked for that the caller may know of; 403 without the right to administer it; 409 `opening-over` where it was answered.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/openings/withdraw", tag = "datasets", operation_id = "withdraw_opening", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")),
    responses((status = 200, description = "The opening as it is now", body = wire::opening::Opening), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        caller.needs(Scope::Datasets)?;
        let mut permit = None;
        let found = found(&app, &id).await?;
        // Narrowing: whoever asked may, with whatever he has there by now.
        if found.as_ref().is_none_or(|facts| !is_own(&caller, facts)) {
            permit = Some(caller.may(Action::Grant, &Facts::Dataset(caller.dataset(&app, &id).await?), now)?);
        }
        let facts = found.ok_or_else(none_made)?;
        if matches!(facts.request.state, RequestState::Accepted | RequestState::Declined) {
            return Err(OpeningError::Over.into());
        }
        match app.table.withdraw_opening((caller.user.id, permit.as_ref()), &facts.request, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            withdrawn => {
                let facts = OpeningFacts { request: withdrawn?, ..facts };
                let may_know = permit.is_some() || caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts.dataset)), now).is_ok();
                // Whoever asked may take it back with nothing left there, and then learns nothing of the dataset.
                let untold = || json::ok(&wire::opening::Opening { dataset_version: None, ..shown(&facts, now) });
                return Ok(if may_know { answered(&facts, now) } else { untold() });
            }
        }
    }
}

/// Whether the caller asked for it, by a token that is for this dataset, too.
fn is_own(caller: &Caller, facts: &OpeningFacts) -> bool {
    facts.request.by == caller.user.id && caller.token.reaches(facts.request.dataset)
}

/// What was asked for last to open a dataset, with who asked.
async fn found(app: &App, id: &str) -> Result<Option<OpeningFacts>, Problem> {
    let Ok(dataset) = DatasetId::parse(id) else { return Ok(None) };
    match app.table.latest_opening(dataset).await? {
        Some(request) => with_asker(app, request).await,
        None => Ok(None),
    }
}

async fn with_asker(app: &App, request: Request) -> Result<Option<OpeningFacts>, Problem> {
    let (dataset, asker) = (app.table.dataset_facts(request.dataset, Some(request.by)).await?, app.table.user(request.by).await?);
    Ok(dataset.zip(asker).map(|(dataset, asker)| OpeningFacts { dataset: Arc::new(dataset), request, asker }))
}

/// The same for whom it concerns: who asked, an administrator of the deployment, or who administers the dataset.
///
/// # Errors
/// 404 for anybody who knows nothing of the dataset, 403 for who does not administer it; 404 `no-such-opening` where nothing was asked for.
async fn latest(app: &App, caller: &Caller, id: &str, now: Timestamp) -> Result<OpeningFacts, Problem> {
    let found = found(app, id).await?;
    let is_own = found.as_ref().is_some_and(|facts| is_own(caller, facts));
    if !is_own && caller.may(Action::Administer, &Facts::Deployment, now).is_err() {
        let own = caller.dataset(app, id).await?;
        let _may_know = caller.may(Action::Grant, &Facts::Dataset(own), now)?;
    }
    caller.needs(Scope::Datasets)?;
    found.ok_or_else(none_made)
}

/// The permit by which the caller answers an opening, and what he has at the dataset; `None`: he administers the deployment.
async fn second(app: &App, caller: &Caller, facts: &OpeningFacts, now: Timestamp) -> Result<(Permit, Option<Arc<DatasetFacts>>), Problem> {
    if let Ok(permit) = caller.may(Action::Administer, &Facts::Deployment, now) {
        answers(&permit, facts)?;
        return Ok((permit, None));
    }
    let own = caller.dataset(app, &facts.request.dataset.to_string()).await?;
    let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&own)), now)?;
    answers(&permit, facts)?;
    Ok((permit, Some(own)))
}

fn waits() -> Problem {
    Problem::new(StatusCode::CONFLICT, "opening-waits", "somebody asked to open this dataset already, and nobody has answered")
        .hint("wait for the answer, or take that back first: `POST /api/v1/datasets/{id}/openings/withdraw`")
}

fn none_made() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-opening", "nobody asked to open this dataset")
        .hint("what ended over 30 days ago is in the audit")
}

fn reason_needed() -> Problem {
    Problem::new(StatusCode::CONFLICT, "reason-needed", "declining needs a reason").at("/reason").hint("say why; whoever asked reads it")
}

fn answered(facts: &OpeningFacts, now: Timestamp) -> Response {
    with_version(json::ok(&shown(facts, now)), facts.dataset.place.dataset.version)
}

/// The same in a list: with how many datasets are opened with it, for who is to approve it.
async fn listed(app: &App, facts: &OpeningFacts, now: Timestamp) -> Result<wire::opening::Opening, Problem> {
    let below = match supposed(facts, now) {
        Some(then) => Some(app.table.reached_below(&then.place.dataset).await?),
        None => None,
    };
    let (opened_below, more_below) = (below.map(|(count, _)| count), below.is_some_and(|(_, more)| more));
    Ok(wire::opening::Opening { opened_below, more_below, ..shown(facts, now) })
}

/// The facts, as they would be once it is approved; `None`: it does not stand.
fn supposed(facts: &OpeningFacts, now: Timestamp) -> Option<DatasetFacts> {
    facts.opens().filter(|_| facts.stands(now)).map(|opens| opens.then(&facts.dataset, facts.request.by, now))
}

fn shown(facts: &OpeningFacts, now: Timestamp) -> wire::opening::Opening {
    let OpeningFacts { dataset, request, .. } = facts;
    let place = &dataset.place;
    let (mut visibility, mut restricted, mut grant) = (None, None, None);
    match &request.wish {
        Wish::Opening(Opens::Visibility(to)) => visibility = Some(to.word().to_owned()),
        Wish::Opening(Opens::Unrestricted) => restricted = Some(false),
        Wish::Opening(Opens::Grant(to, terms)) => grant = Some(granted(*to, terms.role, terms.level, &terms.conditions)),
        Wish::Transfer { .. } | Wish::Curation => {}
    }
    let then = supposed(facts, now);
    wire::opening::Opening {
        id: request.id.to_string(),
        dataset: request.dataset.to_string(),
        place: place.to_string(),
        visibility,
        restricted,
        grant,
        by: request.by.to_string(),
        reason: request.reason.clone(),
        at: request.at.to_string(),
        waits_until: request.until.to_string(),
        state: state_word(request, place, now).to_owned(),
        answer: request.answer.clone(),
        effects_on_all: then.as_ref().map(|then| on_all(dataset, then, now)).unwrap_or_default(),
        to_all: then
            .iter()
            .flat_map(|then| to_all(then, now))
            .map(|(_, it)| granted(it.subject, it.role, it.level, &it.conditions))
            .collect(),
        opened_below: None,
        more_below: false,
        dataset_version: Some(place.dataset.version),
    }
}

fn granted(to: Subject, role: Role, level: Option<u8>, conditions: &Conditions) -> wire::opening::OpeningGrant {
    let Conditions { not_before, until, zones } = conditions;
    wire::opening::OpeningGrant {
        to: subject::word(to),
        role: role.word().to_owned(),
        level,
        not_before: not_before.map(|at| at.to_string()),
        until: until.map(|at| at.to_string()),
        zones: zones.texts().collect(),
    }
}
