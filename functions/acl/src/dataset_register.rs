//! `POST /api/v1/datasets`: a folder or an object of a source gets an id, so that it can be shared.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, Place},
    id::DatasetId,
    path::ObjectPath,
    rights::Right,
    source::Source,
};
use edge::{App, asked::with_version, caller::Caller, json, json::Body, once::Once, problem::Problem};
use http::StatusCode;
use table::TableError;

use crate::{dataset_show::shown, source_show::named};

/// How often a registration is decided anew because what lies above changed meanwhile.
const TRIES: usize = 3;

/// Registers a dataset. The owner of the dataset above owns it: the registrar gains nothing. The same path meets the dataset that is there.
///
/// # Errors
/// 404 for a source where nothing is the caller's to know of, 404 `path-not-found` where the store has nothing.
#[utoipa::path(post, path = "/api/v1/datasets", tag = "datasets", operation_id = "register_dataset", security(("token" = ["datasets"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::dataset::NewDataset,
    responses((status = 201, description = "A new dataset", body = wire::dataset::Dataset), (status = 200, description = "The dataset that is there", body = wire::dataset::Dataset),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn register(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::NewDataset>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/datasets", &bytes);
    if let Some(facts) = replayed(&app, &caller, once.as_ref()).await? {
        return Ok(with_version(json::created(&shown(&facts, &caller, app.now())), facts.place.dataset.version));
    }
    let source = named(&app, &ask.source).await?;
    let path = ObjectPath::from_decoded(ask.path).map_err(|why| {
        Problem::from(why).at("/path").hint("plain text, not percent-encoded; no leading `/`, no empty segments, `.` or `..`")
    })?;
    let mut tries = 1..TRIES;
    loop {
        match at(&app, &caller, &source, &path, once.as_ref()).await {
            // Another dataset was registered in between.
            Err(Refusal::Stale) if tries.next().is_some() => {}
            Err(Refusal::Stale) => return Err(TableError::Stale.into()),
            Err(Refusal::For(why)) => return Err(why),
            Ok((facts, existing)) => {
                let dataset = shown(&facts, &caller, app.now());
                let answer = if existing { json::ok(&dataset) } else { json::created(&dataset) };
                return Ok(with_version(answer, dataset.version));
            }
        }
    }
}

/// What the first request under this key registered. Another body under it is refused, whatever it asks for.
async fn replayed(app: &App, caller: &Caller, once: Option<&table::once::Once>) -> Result<Option<Arc<DatasetFacts>>, Problem> {
    let Some(once) = once else { return Ok(None) };
    let now = app.now();
    let Some(id) = app.table.once(caller.user.id, once, now).await? else { return Ok(None) };
    let id = DatasetId::parse(&id).map_err(|_other| Problem::from(TableError::Mismatch))?;
    let facts = caller.dataset(app, &id.to_string()).await?;
    let _may_see = caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now)?;
    Ok(Some(facts))
}

enum Refusal {
    Stale,
    For(Problem),
}

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(why: E) -> Self {
        Self::For(why.into())
    }
}

/// The dataset at a path, and whether it was there before.
async fn at(
    app: &App,
    caller: &Caller,
    source: &Source,
    path: &ObjectPath,
    once: Option<&table::once::Once>,
) -> Result<(Arc<DatasetFacts>, bool), Refusal> {
    let now = app.now();
    if let Some(place) = app.table.dataset_at(source.id, path).await? {
        let facts = caller.at(app, place).await?;
        let _may_see = caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now)?;
        return Ok((facts, true));
    }
    let above = app.table.nearest_above(source.id, path).await?.ok_or_else(Problem::not_found)?;
    let above = caller.at(app, above).await?;
    let permit = caller.may(Action::Register, &Facts::Dataset(Arc::clone(&above)), now)?;
    let kind = app.objects.probe(&permit, path, now).await?.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "path-not-found", "the store has nothing at this path")
            .at("/path")
            .hint("check the path; it is relative to the source, and case counts")
    })?;
    let mut dataset = Dataset::below(&above.place.dataset, DatasetId::new(app.new_uuid(now)?), path.clone(), kind, now)?;
    if kind == Kind::Zarr {
        dataset.levels = app.objects.levels(&permit, path, now).await?;
    }
    let via = caller.via(&above, Right::Share, now);
    match app.table.register_dataset(&permit, via, &dataset, once, now).await {
        Ok(registered) => {
            let place = Place { source: above.place.source.clone(), dataset: registered.dataset };
            Ok((caller.at(app, place).await?, registered.existing))
        }
        Err(TableError::Stale) => Err(Refusal::Stale),
        Err(why) => Err(why.into()),
    }
}
