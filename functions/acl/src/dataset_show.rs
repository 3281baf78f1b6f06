//! `GET /api/v1/datasets/{id}`, and how a dataset is shown everywhere else.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use domain::{
    dataset::Kind,
    decision::{Action, Facts, Place},
    id::DatasetId,
};
use edge::{
    App,
    asked::{Id, with_version},
    caller::Caller,
    json,
    problem::Problem,
};

use crate::source_show::state_word;

/// Shows a dataset to its owner.
///
/// # Errors
/// 404 for a dataset that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/datasets/{id}", tag = "datasets", operation_id = "show_dataset", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The dataset's id")),
    responses((status = 200, description = "The dataset; `ETag` is its version", body = wire::dataset::Dataset), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let id = DatasetId::parse(&id).map_err(|_not_one| Problem::not_found())?;
    let place = Arc::new(app.table.place(id).await?.ok_or_else(Problem::not_found)?);
    let _may_see = caller.may(Action::See, &Facts::Dataset(Arc::clone(&place)), now)?;
    Ok(with_version(json::ok(&shown(&place)), place.dataset.version))
}

/// A dataset as its owner sees it.
pub(crate) fn shown(place: &Place) -> wire::dataset::Dataset {
    let dataset = &place.dataset;
    wire::dataset::Dataset {
        id: dataset.id.to_string(),
        source: dataset.source.to_string(),
        place: format!("{}:{}", place.source.name.as_str(), dataset.path),
        path: dataset.path.to_string(),
        name: dataset.path.name().unwrap_or(place.source.name.as_str()).to_owned(),
        kind: match dataset.kind {
            Kind::Zarr => "zarr",
            Kind::Folder => "folder",
            Kind::File => "file",
        }
        .to_owned(),
        owner: dataset.owner.to_string(),
        state: state_word(dataset.state).to_owned(),
        registered: dataset.registered.to_string(),
        version: dataset.version,
    }
}
