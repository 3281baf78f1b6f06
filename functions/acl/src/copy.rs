//! `/api/v1/copies`: copies of datasets, asked for, listed, shown, cancelled. Who goes on with them: `functions/copies`.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    copy::{CopyState, DatasetCopy, arriving},
    decision::{Action, DatasetFacts, Facts, Permit, decide},
    id::{CopyId, DatasetId},
    limits::{COPY_COUNTED_MAX, LIST_PAGE_MAX},
    path::ObjectPath,
    rights::Right,
    source::Source,
};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
    unattended,
};
use http::StatusCode;
use jiff::Timestamp;
use objects::listing::ListQuery;
use serde::Deserialize;
use table::{Page, TableError};

use crate::{paged::Ask, source_show::named};

/// Whether it is only counted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counting {
    /// Write nothing, and answer what the copy would come to.
    #[serde(default)]
    dry_run: bool,
}

/// Has all that lies in a dataset copied, by the stores, into an empty folder of a source that copies may be made into, by who may clone the dataset
/// and administers the place. It goes on by itself, and ends in a dataset there, which whoever owns what lies above owns. What is restricted in the
/// dataset is not copied. With `dry_run`, says what it would come to.
///
/// # Errors
/// 403 without the right `clone-files` on the dataset or `administer` on the place, and `zone` where either is open to some networks only; 409
/// `not-writable`, `stores-apart`, `place-not-empty`, `place-laxer`, `place-open`, `exists`, `holds-others`; 422 `copy-place`, `single-object`, `into-itself`, `too-many`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/copies", tag = "datasets", operation_id = "copy_dataset", security(("token" = ["data", "datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Counting, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::copy::NewCopy,
    responses((status = 201, description = "The copy, which waits to be made", body = wire::copy::Copy), (status = 200, description = "With `dry_run`, what it would come to", body = wire::copy::CopyTrial),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn make(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(counting): Filters<Counting>,
    once: Once,
    Body { ask, bytes }: Body<wire::copy::NewCopy>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/copies"), &bytes).filter(|_| !counting.dry_run);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        if let Some(made) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
            let copy = load(&app, &caller, &made, Action::See, now).await?.0;
            return Ok(json::created(&shown(&app, &copy).await?));
        }
        let original = caller.dataset(&app, &id).await?;
        let (from, _by_itself) = may(&caller, Action::Copy, &original, now)?;
        let (source, path) = place(&app, &ask.to).await?;
        let above = app.table.nearest_above(source.id, &path).await?.ok_or_else(Problem::not_found)?;
        let above = caller.at(&app, above).await?;
        let (to, _by_itself) = may(&caller, Action::Receive, &above, now)?;
        let dataset = arriving(&from, &to, &path, DatasetId::new(app.new_uuid(now)?), now)?;
        if let Err(why) = is_free(&app, (&from, &to), &dataset, now).await {
            // The same request, at the same time, may have taken the place.
            if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_none() {
                return Err(why);
            }
            rounds.another().await?;
            continue;
        }
        if counting.dry_run {
            return counted(&app, &from, source.text_of(&dataset.path), now).await;
        }
        let copy = DatasetCopy {
            id: CopyId::new(app.new_uuid(now)?),
            by: caller.user.id,
            original: original.place.dataset.id,
            above: above.place.dataset.id,
            dataset: dataset.id,
            source: source.id,
            path: dataset.path.clone(),
            state: CopyState::Waiting,
            objects: 0,
            bytes: 0,
            compared: 0,
            failure: None,
            made: now,
            ended: None,
        };
        let via = caller.via(&above, Right::Administer, now);
        match app.table.make_copy((&from, &to), via, (&copy, &dataset), once.as_ref(), now).await {
            // Another dataset was registered in between, or the one above changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            made => return Ok(json::created(&shown(&app, &made?.copy).await?)),
        }
    }
}

/// The caller's permit; and that the same is permitted while nobody asks, which is how the copy is made.
fn may(caller: &Caller, action: Action, facts: &Arc<DatasetFacts>, now: Timestamp) -> Result<(Permit, Permit), Problem> {
    let facts = Facts::Dataset(Arc::clone(facts));
    let asked = caller.may(action, &facts, now)?;
    let by_itself = decide(&unattended::principal(&caller.user, now), action, &facts, now)
        .map_err(|why| Problem::from(why).hint("a copy is made from no network: what is open to some networks only is not copied"))?;
    Ok((asked, by_itself))
}

/// The source and the folder that `SOURCE:path` names.
async fn place(app: &App, text: &str) -> Result<(Source, ObjectPath), Problem> {
    let wrong = || {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "copy-place", "this names no folder below a source")
            .at("/to")
            .hint("`SOURCE:path/in/it`, in plain text")
    };
    let (name, path) = text.split_once(':').ok_or_else(wrong)?;
    let path = ObjectPath::from_decoded(path).map_err(|_why| wrong())?.to_folder();
    if path.is_root() {
        return Err(wrong());
    }
    Ok((named(app, name).await?, path))
}

/// Whether nothing is where the dataset is to be: no dataset, none in it, and no object.
async fn is_free(app: &App, (from, to): (&Permit, &Permit), dataset: &domain::dataset::Dataset, now: Timestamp) -> Result<(), Problem> {
    if app.table.dataset_at(dataset.source, &dataset.path).await?.is_some() {
        return Err(TableError::Exists { what: "a dataset at this place" }.into());
    }
    if app.table.holds_others(dataset).await? {
        return Err(TableError::HoldsOthers.into());
    }
    let copier = app.objects.copier(from, to, &dataset.path)?;
    let first = app.objects.list_arrived(copier.to(), &ListQuery { max: 1, ..ListQuery::default() }, now).await?;
    if first.objects.is_empty() {
        return Ok(());
    }
    Err(Problem::new(StatusCode::CONFLICT, "place-not-empty", "something lies where the copy is to go, and nothing is overwritten")
        .at("/to")
        .hint("name a folder that is empty"))
}

/// What a copy would come to, as far as it is counted.
async fn counted(app: &App, from: &Permit, place: String, now: Timestamp) -> Result<Response, Problem> {
    let mut trial = wire::copy::CopyTrial { place, objects: 0, bytes: 0, more: false };
    let mut query = ListQuery { max: LIST_PAGE_MAX, ..ListQuery::default() };
    loop {
        let page = app.objects.list(from, &ObjectPath::default(), &query, now).await?;
        trial.objects = trial.objects.saturating_add(u64::try_from(page.objects.len()).unwrap_or(u64::MAX));
        trial.bytes = page.objects.iter().fold(trial.bytes, |sum, entry| sum.saturating_add(entry.size));
        query.token = page.next;
        trial.more = query.token.is_some();
        if !trial.more || trial.objects >= COPY_COUNTED_MAX {
            return Ok(json::ok(&trial));
        }
    }
}

/// Lists the copies that the caller had made, the latest first: those that ended for 90 days. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/copies", tag = "datasets", operation_id = "list_copies", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of copies", body = wire::page::Page<wire::copy::Copy>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/copies", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = Page { position: listing.position(&caller, ask.cursor.as_deref(), now)?, items_max: listing.limit };
    let found = app.table.copies_of(caller.user.id, &page).await?;
    let mut items = Vec::new();
    for copy in &found.items {
        items.push(shown(&app, copy).await?);
    }
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Shows a copy to whoever had it made.
///
/// # Errors
/// 404 for one that is not there or not the caller's.
#[utoipa::path(get, path = "/api/v1/copies/{id}", tag = "datasets", operation_id = "show_copy", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The copy's id")),
    responses((status = 200, description = "The copy", body = wire::copy::Copy), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let (copy, _may_see) = load(&app, &caller, &id, Action::See, app.now()).await?;
    Ok(json::ok(&shown(&app, &copy).await?))
}

/// Cancels a copy that is under way, by whoever had it made: no object is begun after a few seconds, and its place is free. What was copied by then
/// stays where it lies. A copy that has ended stays as it ended.
///
/// # Errors
/// 404 for one that is not there or not the caller's.
#[utoipa::path(post, path = "/api/v1/copies/{id}/cancel", tag = "datasets", operation_id = "cancel_copy", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The copy's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The copy", body = wire::copy::Copy), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn cancel(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/copies/{id}/cancel"), &[]);
    let (copy, permit) = load(&app, &caller, &id, Action::Receive, now).await?;
    let _mismatch = app.table.once_if(caller.user.id, once.as_ref(), now).await?;
    let after = app.table.cancel_copy(&permit, copy.id, once.as_ref(), now).await?;
    Ok(json::ok(&shown(&app, &after).await?))
}

/// The copy of this id, if the caller may do this about it.
async fn load(app: &App, caller: &Caller, id: &str, action: Action, now: Timestamp) -> Result<(DatasetCopy, Permit), Problem> {
    let id = CopyId::parse(id).map_err(|_not_one| Problem::not_found())?;
    let copy = app.table.copy(id).await?.ok_or_else(Problem::not_found)?;
    let permit = caller.may(action, &Facts::Copy(Arc::new(copy.clone())), now)?;
    Ok((copy, permit))
}

async fn shown(app: &App, copy: &DatasetCopy) -> Result<wire::copy::Copy, Problem> {
    let source = app.table.source(copy.source).await?.ok_or_else(Problem::not_found)?;
    Ok(wire::copy::Copy {
        id: copy.id.to_string(),
        original: copy.original.to_string(),
        dataset: copy.dataset.to_string(),
        place: source.text_of(&copy.path),
        state: copy.state.word().to_owned(),
        objects: copy.objects,
        bytes: copy.bytes,
        compared: copy.compared,
        failure: copy.failure.as_ref().map(|failure| wire::copy::CopyFailure {
            code: failure.why.word().to_owned(),
            reason: failure.why.to_string(),
            key: failure.key.clone(),
        }),
        made: copy.made.to_string(),
        ended: copy.ended.map(|ended| ended.to_string()),
    })
}
