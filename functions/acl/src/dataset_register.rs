//! `POST /api/v1/datasets`: a folder or an object of a source gets an id, so that it can be shared.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, Kind, NewDatasetError},
    decision::{Action, DatasetFacts, Facts, Place},
    id::DatasetId,
    levels::Levels,
    limits::ANCESTORS_MAX,
    path::ObjectPath,
    rights::Right,
    source::Source,
};
use edge::{App, asked::with_version, caller::Caller, json, json::Body, once::Once, problem::Problem, rounds::Rounds};
use http::StatusCode;
use jiff::Timestamp;
use objects::ObjectsError;
use table::TableError;

use crate::{dataset_show::shown, source_show::named};

/// Registers a dataset. The owner of the dataset above owns it: the registrar gains nothing. The same path meets the dataset that is there.
/// Datasets that lie in it, registered before, lie in it from then on as if they had been registered after it.
///
/// # Errors
/// 404 for a source where nothing is the caller's to know of, 404 `path-not-found` where the store has nothing, 409 `not-strict`.
#[utoipa::path(post, path = "/api/v1/datasets", tag = "datasets", operation_id = "register_dataset", security(("token" = ["datasets"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::dataset::NewDataset,
    responses((status = 201, description = "A new dataset", body = wire::dataset::Dataset), (status = 200, description = "The dataset that is there", body = wire::dataset::Dataset),
        (status = 202, description = "The dataset, which not all datasets that lie in it name yet: the same request again goes on", body = wire::dataset::Dataset),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn register(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::NewDataset>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/datasets", &bytes);
    if let Some(facts) = replayed(&app, &caller, once.as_ref()).await? {
        let registered = Registered { is_whole: is_whole(&app, &caller, &facts).await?, facts, existing: false };
        return Ok(registered.answer(&caller, app.now()));
    }
    // Before the source is looked up: a path is refused alike where there is none.
    let path = ObjectPath::from_decoded(ask.path).map_err(|why| {
        Problem::from(why).at("/path").hint("plain text, not percent-encoded; no leading `/`, no empty segments, `.` or `..`")
    })?;
    let source = named(&app, &ask.source).await?;
    let mut rounds = Rounds::begin();
    loop {
        match at(&app, &caller, &source, (&path, ask.strict), once.as_ref()).await {
            // Another dataset was registered in between.
            Err(Refusal::Stale) => rounds.another().await?,
            Err(Refusal::For(why)) => return Err(why),
            Ok(registered) if ask.strict => return Ok(registered.strict()?.answer(&caller, app.now())),
            Ok(registered) => return Ok(registered.answer(&caller, app.now())),
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

/// A dataset as a registration leaves it.
struct Registered {
    facts: Arc<DatasetFacts>,
    existing: bool,
    /// Whether all datasets that lie in it name it by now.
    is_whole: bool,
}

impl Registered {
    /// The same, where it is strict: one that was there may be otherwise than it was asked for, and whoever registers gains nothing there.
    fn strict(self) -> Result<Self, Problem> {
        if self.facts.place.dataset.strict {
            return Ok(self);
        }
        Err(Problem::new(StatusCode::CONFLICT, "not-strict", "the path is a dataset already, which is not strict")
            .at("/strict")
            .hint("who administers it makes it so: `PATCH /api/v1/datasets/{id}` with `{\"strict\": true}`"))
    }

    fn answer(&self, caller: &Caller, now: Timestamp) -> Response {
        let dataset = shown(&self.facts, caller, now);
        let answer = match (self.is_whole, self.existing) {
            (false, _) => json::accepted(&dataset),
            (true, true) => json::ok(&dataset),
            (true, false) => json::created(&dataset),
        };
        with_version(answer, dataset.version)
    }
}

/// Whether all datasets that lie in one name it, once whoever may register there has gone on with what was left to do.
async fn is_whole(app: &App, caller: &Caller, facts: &Arc<DatasetFacts>) -> Result<bool, Problem> {
    let now = app.now();
    match caller.may(Action::Register, &Facts::Dataset(Arc::clone(facts)), now) {
        Ok(permit) => Ok(app.table.adopt(&permit, &facts.place.dataset, now).await?),
        Err(_may_see_it_only) => Ok(true),
    }
}

/// The dataset at a path, new or there.
async fn at(
    app: &App,
    caller: &Caller,
    source: &Source,
    (path, strict): (&ObjectPath, bool),
    once: Option<&table::once::Once>,
) -> Result<Registered, Refusal> {
    let now = app.now();
    if let Some(place) = app.table.dataset_at(source.id, path).await? {
        let facts = caller.at(app, place).await?;
        let _may_see = caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now)?;
        return Ok(Registered { is_whole: is_whole(app, caller, &facts).await?, facts, existing: true });
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
    dataset.strict = strict;
    if kind == Kind::Zarr {
        dataset.levels = match app.objects.levels(&permit, path, now).await {
            // What takes too long is read later, by whoever asks for it: `POST /api/v1/datasets/{id}/levels`.
            Err(ObjectsError::Timeout) => Levels::default(),
            read => read?,
        };
    }
    let depth = dataset.ancestors.len().saturating_add(app.table.chain_below(&dataset).await?);
    if depth > ANCESTORS_MAX {
        return Err(NewDatasetError::TooManyAncestors.into());
    }
    let via = caller.via(&above, Right::Share, now);
    match app.table.register_dataset(&permit, via, &dataset, once, now).await {
        Ok(registered) => {
            let is_whole = app.table.adopt(&permit, &registered.dataset, now).await?;
            let place = Place { source: above.place.source.clone(), dataset: registered.dataset };
            Ok(Registered { facts: caller.at(app, place).await?, existing: registered.existing, is_whole })
        }
        Err(TableError::Stale) => Err(Refusal::Stale),
        Err(why) => Err(why.into()),
    }
}
