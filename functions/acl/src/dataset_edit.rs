//! `PATCH /api/v1/datasets/{id}`: whom it is open to, whether what is granted above reaches it, whether it is strict, and who is to own it next. And handing it over where its owner cannot offer it (`offer.rs`).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, RetireError, Visibility},
    decision::{Action, DatasetFacts, Facts, Permit, Place},
    delegation::{may_inherit, may_open},
    id::UserId,
    rights::Right,
    source::{Audience, State},
    timing::Timing,
    user::Standing,
};
use edge::{
    App,
    asked::{Id, IfMatch, with_version},
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

use crate::{dataset_show::shown, offer::suspended, source_edit::bounded, subject::person};

/// Changes a dataset, one thing at a time.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 403 without the right to administer it, or to own it for its successor, or beyond the
/// source's ceiling; 422 for a person who is not there.
#[utoipa::path(patch, path = "/api/v1/datasets/{id}", tag = "datasets", operation_id = "edit_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the dataset as it was read")),
    request_body(content = wire::dataset::DatasetEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The dataset after the change", body = wire::dataset::DatasetChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::DatasetEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let action = if ask.successor.is_some() { Action::HandOver } else { Action::Grant };
    let permit = caller.may(action, &Facts::Dataset(facts.clone()), now)?;
    let once = once.of(&format!("PATCH /api/v1/datasets/{id}"), &bytes);
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names.
        let there = &facts.place.dataset;
        let enforced_by = if ask.restricted == Some(true) || ask.strict == Some(true) {
            Some(Timing::WORLD.enforced_by(app.now(), None))
        } else {
            ask.visibility.as_ref().map(|_| there.enforced_by(Timing::PRIVATE, app.now()))
        };
        return answer(&app, &caller, &facts, there.clone(), enforced_by).await;
    }
    not_retired(&facts)?;
    seen.check(facts.place.dataset.version)?;
    let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
    let before = &facts.place.dataset;
    let after = match (ask.visibility.as_deref(), ask.restricted, ask.strict, ask.successor) {
        (None, None, None, None) => before.clone(),
        (None, None, None, Some(name)) => {
            let successor = match name {
                Some(name) => Some(successor(&app, &name, before).await?),
                None => None,
            };
            app.table.set_successor(&permit, &facts, successor, once.as_ref(), now).await?
        }
        (Some(word), None, None, None) => {
            let visibility = visibility(word, &facts)?;
            if visibility > before.visibility {
                may_open(&permit, before.id)?;
            }
            app.table.set_visibility(&permit, grounds, visibility, once.as_ref(), now).await?
        }
        (None, Some(restricted), None, None) => {
            if restricted {
                check_restricted(&app, &permit, before).await?;
            } else {
                may_open(&permit, before.id)?;
            }
            app.table.set_restricted(&permit, grounds, restricted, once.as_ref(), now).await?
        }
        (None, None, Some(strict), None) => {
            // What others gave then reads on for longer than they were told, for good (ADR 0049).
            if before.strict && !strict {
                may_open(&permit, before.id)?;
            }
            app.table.set_strict(&permit, grounds, strict, once.as_ref(), now).await?
        }
        _ => return Err(wrong("one-change", "", "one thing of a dataset is changed at a time", "send two requests")),
    };
    // Publication links above may have opened what is restricted now, and those on what is strict now gave what they gave: theirs is the widest bound.
    let shuts = (after.restricted && !before.restricted) || (after.strict && !before.strict);
    let enforced_by = match (shuts, after.visibility < before.visibility) {
        (true, _) => Some(Timing::WORLD.enforced_by(app.now(), None)),
        (false, true) => Some(before.enforced_by(Timing::PRIVATE, app.now())),
        (false, false) => None,
    };
    answer(&app, &caller, &facts, after, enforced_by).await
}

/// What was retired changes no more: it would be tried until there was time for no other try.
///
/// # Errors
/// 410 `dataset-retired`.
pub(crate) fn not_retired(facts: &DatasetFacts) -> Result<(), Problem> {
    if facts.place.dataset.state == State::Retired { Err(RetireError::Before.into()) } else { Ok(()) }
}

/// The person who is to own a dataset next.
async fn successor(app: &App, name: &str, dataset: &Dataset) -> Result<UserId, Problem> {
    let id = person(app, name, "/successor").await?.id;
    if id == dataset.owner {
        return Err(wrong("successor", "/successor", "the owner succeeds nobody", "name somebody else, or `null` for nobody"));
    }
    Ok(id)
}

/// Hands a dataset whose owner is suspended over to another, by whom the owner named as successor, or by an administrator, who does not hand
/// it to himself. What was granted stays, and so do links whose makers may still share. Whoever owns one offers it.
///
/// # Errors
/// 403 for anybody else, and `to-oneself`; 409 `owner-active`, `offer-it`; 422 for a person who is not there, and `suspended-owner` for one who is suspended.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/hand-over", tag = "datasets", operation_id = "hand_over_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::dataset::HandOver,
    responses((status = 200, description = "The dataset after the change", body = wire::dataset::DatasetChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn hand_over(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::HandOver>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/hand-over"), &bytes);
    let reason = bounded(ask.reason)?;
    let shut = |facts: &DatasetFacts| facts.place.dataset.enforced_by(Timing::PRIVATE, app.now());
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            // The same request again: whoever sent it has nothing there any more to be asked by.
            return answer(&app, &caller, &facts, facts.place.dataset.clone(), Some(shut(&facts))).await;
        }
        let permit = succeeds(&app, &caller, &facts, now).await?;
        let to = person(&app, &ask.to, "/to").await?;
        if to.standing == Standing::Suspended {
            return Err(suspended());
        }
        may_inherit(&permit, &facts.place.dataset, to.id)?;
        match app.table.hand_over(&permit, &facts, to.id, (reason.as_deref(), once.as_ref()), now).await {
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            after => return answer(&app, &caller, &facts, after?, Some(shut(&facts))).await,
        }
    }
}

/// The permit of whoever hands a dataset over in its owner's place.
async fn succeeds(app: &App, caller: &Caller, facts: &Arc<DatasetFacts>, now: Timestamp) -> Result<Permit, Problem> {
    let owner = app.table.user(facts.place.dataset.owner).await?.ok_or_else(Problem::not_found)?;
    let orphan = Facts::Orphan { dataset: Arc::clone(facts), owner: Arc::new(owner) };
    let why = match caller.may(Action::HandOver, &orphan, now) {
        Ok(permit) => return Ok(permit),
        Err(why) => why,
    };
    match caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(facts)), now) {
        Ok(_owns_it) => Err(Problem::new(StatusCode::CONFLICT, "offer-it", "nobody is made an owner who has not agreed")
            .hint("offer it: `POST /api/v1/datasets/{id}/offers`")),
        Err(other) if why.code == Problem::NOT_FOUND => Err(other),
        Err(_nobody_who_owns_it) => Err(why),
    }
}

async fn answer(
    app: &App,
    caller: &Caller,
    facts: &DatasetFacts,
    after: Dataset,
    enforced_by: Option<Timestamp>,
) -> Result<Response, Problem> {
    let enforced_by = enforced_by.map(|at| at.to_string());
    let place = Place { source: facts.place.source.clone(), dataset: after };
    let now_there = caller.at(app, place).await?;
    let dataset = shown(&now_there, caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::dataset::DatasetChanged { dataset, enforced_by }), version))
}

fn visibility(word: &str, facts: &DatasetFacts) -> Result<Visibility, Problem> {
    let visibility = Visibility::of(word)
        .ok_or_else(|| wrong("visibility", "/visibility", "there is no such visibility", "`private`, `project`, `accounts` or `world`"))?;
    let least = match visibility {
        Visibility::Private | Visibility::Project => Audience::Named,
        Visibility::Accounts => Audience::Accounts,
        Visibility::World => Audience::World,
    };
    if facts.place.source.ceilings.audience < least {
        return Err(Problem::new(StatusCode::FORBIDDEN, "audience-too-wide", "the source allows no such audience")
            .at("/visibility")
            .hint("ask an administrator to raise the source's ceiling"));
    }
    if visibility == Visibility::Project && facts.place.dataset.project.is_none() {
        return Err(wrong("visibility", "/visibility", "the dataset is in no project", "`private`, `accounts` or `world`"));
    }
    Ok(visibility)
}

/// Whether there is something to keep from a dataset, and readers of what lies above are not left with holes in an array.
async fn check_restricted(app: &App, permit: &Permit, dataset: &Dataset) -> Result<(), Problem> {
    if dataset.ancestors.is_empty() {
        return Err(wrong("nothing-above", "/restricted", "nothing is granted above a source's own dataset", "restrict one below it"));
    }
    if app.objects.array_around(permit, app.now()).await?.is_some() {
        let detail = "it lies in a Zarr array, whose readers would take the part that is kept from them for fill value";
        return Err(wrong("in-an-array", "/restricted", detail, "restrict the whole array, or a group that it lies in"));
    }
    Ok(())
}

fn wrong(code: &'static str, pointer: &'static str, detail: &'static str, hint: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer).hint(hint)
}
