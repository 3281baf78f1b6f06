//! `GET /api/v1/datasets/{id}`, and how a dataset is shown everywhere else.

use std::{collections::BTreeSet, sync::Arc};

use axum::response::Response;
use domain::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Facts},
    rights::Right,
};
use edge::{
    App,
    asked::{Id, with_version},
    caller::Caller,
    json,
    problem::Problem,
};
use jiff::Timestamp;

use crate::source_show::state_word;

/// Shows a dataset to whoever may know of it.
///
/// # Errors
/// 404 for a dataset that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/datasets/{id}", tag = "datasets", operation_id = "show_dataset", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The dataset's id")),
    responses((status = 200, description = "The dataset; `ETag` is its version", body = wire::dataset::Dataset), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now)?;
    Ok(with_version(json::ok(&shown(&facts, &caller, now)), facts.place.dataset.version))
}

/// Each level that some image of it has, the finest first.
fn levels(dataset: &Dataset) -> Vec<u8> {
    let levels: BTreeSet<u8> = dataset.levels.arrays().map(|(_, level)| level).collect();
    levels.into_iter().collect()
}

/// A dataset as whoever may know of it sees it.
pub(crate) fn shown(facts: &DatasetFacts, caller: &Caller, now: Timestamp) -> wire::dataset::Dataset {
    shown_as(facts, facts.audience(now), caller, now)
}

/// The same where it is known whom it is open to, and `facts` have not all that says so.
pub(crate) fn shown_as(facts: &DatasetFacts, audience: Visibility, caller: &Caller, now: Timestamp) -> wire::dataset::Dataset {
    let place = &facts.place;
    let dataset = &place.dataset;
    let rights = facts.rights_of(Some(&caller.user), caller.principal.net, now);
    wire::dataset::Dataset {
        id: dataset.id.to_string(),
        source: dataset.source.to_string(),
        place: place.to_string(),
        path: dataset.path.to_string(),
        name: dataset.path.name().unwrap_or(place.source.name.as_str()).to_owned(),
        kind: match dataset.kind {
            Kind::Zarr => "zarr",
            Kind::Folder => "folder",
            Kind::File => "file",
        }
        .to_owned(),
        owner: dataset.owner.to_string(),
        successor: dataset.successor.filter(|_| rights.has(Right::Administer)).map(|successor| successor.to_string()),
        visibility: dataset.visibility.word().to_owned(),
        audience: audience.word().to_owned(),
        curated: dataset.curated_for(audience).map(|at| at.to_string()),
        project: dataset.project.map(|project| project.to_string()),
        link_set: dataset.link_set.filter(|_| rights.has(Right::Administer)).map(|set| set.to_string()),
        restricted: dataset.restricted,
        strict: dataset.strict,
        given_until: dataset.given_until.filter(|given| now < *given).map(|given| given.to_string()),
        rights: rights.iter().map(|right| right.word().to_owned()).collect(),
        levels: levels(dataset),
        state: state_word(dataset.state).to_owned(),
        registered: dataset.registered.to_string(),
        version: dataset.version,
    }
}
