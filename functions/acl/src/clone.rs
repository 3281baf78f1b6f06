//! `/api/v1/clones`: reference clones of datasets, made, listed, shown, changed, retired, by whose they are (ACCESS 9).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    clone::ReferenceClone,
    dataset::Kind,
    decision::{Action, DatasetFacts, Facts, Permit},
    id::CloneId,
    path::encode_key,
    source::State,
    timing::Timing,
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
use jiff::Timestamp;
use table::TableError;

use crate::{dataset_show, paged::Ask, source_show::state_word};

/// Makes a reference clone of a dataset, by whoever may clone its files. It has no bytes and gives nobody anything: what is read at it is decided on
/// the original, for whoever reads. A clone of a clone is one of its original.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 `not-allowed` where it may not be cloned, `zone`; 503 `not-serving`; 422 `title`, `notes`.
#[utoipa::path(post, path = "/api/v1/clones", tag = "clones", operation_id = "make_clone", security(("token" = ["datasets"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::clone::NewClone,
    responses((status = 201, description = "The clone", body = wire::clone::ReferenceClone), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn make(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::clone::NewClone>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/clones", &bytes);
    let now = app.now();
    if let Some(made) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
        let made = app.table.clone_made(&made).await?;
        let original = known(&app, &caller, &made, now).await?;
        return Ok(json::created(&shown(&app, &caller, &made, original.as_deref(), now)));
    }
    let facts = original(&app, &caller, &ask.dataset).await?;
    let permit = caller.may(Action::Clone, &Facts::Dataset(Arc::clone(&facts)), now)?;
    let id = CloneId::new(app.new_uuid(now)?);
    let clone = ReferenceClone::new(&permit, facts.place.dataset.id, id, (ask.title, ask.notes), now)?;
    let made = app.table.insert_clone(&permit, &clone, once.as_ref(), now).await?;
    Ok(json::created(&shown(&app, &caller, &made, Some(&facts), now)))
}

/// Lists the caller's clones, the latest first. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/clones", tag = "clones", operation_id = "list_clones", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of clones", body = wire::page::Page<wire::clone::ReferenceClone>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/clones", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.clones_of(caller.user.id, &page).await?;
    let originals: Vec<_> = found.items.iter().map(|clone| (clone.of, caller.user.id)).collect();
    let facts = app.table.facts_of_pairs(&originals).await?;
    let items = found.items.iter().zip(facts).map(|(clone, facts)| {
        let original = facts.and_then(|facts| as_known(&caller, facts, now));
        shown(&app, &caller, clone, original.as_deref(), now)
    });
    let items = items.collect();
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Shows a clone of the caller's.
///
/// # Errors
/// 404 for a clone that is not there or not the caller's.
#[utoipa::path(get, path = "/api/v1/clones/{id}", tag = "clones", operation_id = "show_clone", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The clone's id")),
    responses((status = 200, description = "The clone; `ETag` is its version", body = wire::clone::ReferenceClone), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let (clone, _permit) = load(&app, &caller, &id, Action::See, now).await?;
    answer(&app, &caller, &clone, now).await
}

/// Changes the title or the notes of a clone.
///
/// # Errors
/// 404 for a clone that is not there, was retired, or is not the caller's; 428 without `If-Match`, 412 for another version; 422 `title`, `notes`.
#[utoipa::path(patch, path = "/api/v1/clones/{id}", tag = "clones", operation_id = "edit_clone", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The clone's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the clone as it was read")),
    request_body(content = wire::clone::CloneEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The clone; `ETag` is its version", body = wire::clone::ReferenceClone), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::clone::CloneEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("PATCH /api/v1/clones/{id}"), &bytes);
    let (before, permit) = load(&app, &caller, &id, Action::Clone, now).await?;
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        return answer(&app, &caller, &before, now).await;
    }
    if before.state == State::Retired {
        return Err(Problem::not_found());
    }
    seen.check(before.version)?;
    let after = before.edited(ask.title, ask.notes)?;
    let after = app.table.change_clone(&permit, (&before, &after), once.as_ref(), now).await?;
    answer(&app, &caller, &after, now).await
}

/// Retires a clone for good: its address opens nothing any more. The original stays as it is.
///
/// # Errors
/// 404 for a clone that is not there or not the caller's.
#[utoipa::path(post, path = "/api/v1/clones/{id}/retire", tag = "clones", operation_id = "retire_clone", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The clone's id")),
    responses((status = 200, description = "The clone, and when that is in force everywhere", body = wire::clone::CloneRetired), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn retire(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    let retired = loop {
        let now = app.now();
        let (before, permit) = load(&app, &caller, &id, Action::Clone, now).await?;
        if before.state == State::Retired {
            break before;
        }
        match app.table.change_clone(&permit, (&before, &before.retired()), None, now).await {
            // Its title was changed meanwhile.
            Err(TableError::Stale) => rounds.another().await?,
            after => break after?,
        }
    };
    let now = app.now();
    let original = known(&app, &caller, &retired, now).await?;
    // Whether an original is strict is not told to whom it is not told of.
    let enforced_by = match &original {
        Some(facts) => facts.place.dataset.enforced_by(Timing::PRIVATE, now),
        None => Timing::PRIVATE.enforced_by(now, None),
    };
    let clone = shown(&app, &caller, &retired, original.as_deref(), now);
    Ok(with_version(json::ok(&wire::clone::CloneRetired { clone, enforced_by: enforced_by.to_string() }), retired.version))
}

/// The dataset of an id, or the original of a clone's, for the caller.
pub(crate) async fn original(app: &App, caller: &Caller, id: &str) -> Result<Arc<DatasetFacts>, Problem> {
    let Ok(clone) = CloneId::parse(id) else { return caller.dataset(app, id).await };
    let there = app.table.reference_clone(clone).await?.filter(|clone| clone.state == State::Active);
    caller.dataset(app, &there.ok_or_else(Problem::not_found)?.of.to_string()).await
}

/// A clone of the caller's, and the permit to do this with it.
async fn load(app: &App, caller: &Caller, id: &str, action: Action, now: Timestamp) -> Result<(ReferenceClone, Permit), Problem> {
    let id = CloneId::parse(id).map_err(|_not_one| Problem::not_found())?;
    let clone = app.table.reference_clone(id).await?.ok_or_else(Problem::not_found)?;
    let permit = caller.may(action, &Facts::Clone(Arc::new(clone.clone())), now)?;
    Ok((clone, permit))
}

async fn answer(app: &App, caller: &Caller, clone: &ReferenceClone, now: Timestamp) -> Result<Response, Problem> {
    let original = known(app, caller, clone, now).await?;
    Ok(with_version(json::ok(&shown(app, caller, clone, original.as_deref(), now)), clone.version))
}

/// The original of a clone, if it is there and its owner may know of it now.
async fn known(app: &App, caller: &Caller, clone: &ReferenceClone, now: Timestamp) -> Result<Option<Arc<DatasetFacts>>, Problem> {
    let facts = app.table.dataset_facts(clone.of, Some(caller.user.id)).await?;
    Ok(facts.and_then(|facts| as_known(caller, facts, now)))
}

fn as_known(caller: &Caller, facts: DatasetFacts, now: Timestamp) -> Option<Arc<DatasetFacts>> {
    let facts = Arc::new(facts);
    caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok().then_some(facts)
}

/// A clone as its owner sees it, with its original as far as that is the owner's to know of.
fn shown(
    app: &App,
    caller: &Caller,
    clone: &ReferenceClone,
    original: Option<&DatasetFacts>,
    now: Timestamp,
) -> wire::clone::ReferenceClone {
    wire::clone::ReferenceClone {
        id: clone.id.to_string(),
        title: clone.title.clone(),
        notes: clone.notes.clone(),
        original: original.map(|facts| dataset_show::shown(facts, caller, now)),
        url: original.filter(|_| clone.state == State::Active).map(|facts| address(app, clone.id, facts)),
        state: state_word(clone.state).to_owned(),
        made: clone.made.to_string(),
        version: clone.version,
    }
}

fn address(app: &App, clone: CloneId, original: &DatasetFacts) -> String {
    let origin = app.config.data_url.as_deref().unwrap_or_default();
    let slash = if original.place.dataset.kind == Kind::File { "" } else { "/" };
    format!("{origin}/{clone}/{}{slash}", encode_key(original.name()))
}
