//! `GET /api/v1/datasets/{id}/grants`.

use axum::response::Response;
use domain::decision::{Action, Facts};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    problem::Problem,
};

use crate::{paged::Ask, subject};

/// Lists the grants on a dataset, those that were withdrawn too, for who administers it. What is granted above is in its sharing.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/grants", tag = "grants", operation_id = "list_grants", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of grants", body = wire::page::Page<wire::grant::Grant>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::Audit, &Facts::Dataset(facts.clone()), now)?;
    let dataset = facts.place.dataset.id;
    let listing = Listing::new(&format!("/api/v1/datasets/{dataset}/grants"), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.grants_on(dataset, &page).await?;
    let items = subject::shown(&app, dataset, &found.items).await?;
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}
