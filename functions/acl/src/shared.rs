//! `GET /api/v1/me/shared`: what was granted to the caller, by name, through a group or project, or with everybody.

use axum::response::Response;
use domain::decision::{Action, Facts};
use edge::{
    App,
    asked::{Filters, Listing},
    caller::Caller,
    problem::Problem,
    shared,
};

use crate::{dataset_show::shown, paged::AskDatasets};

/// Lists the datasets that were shared with the caller and are not the caller's own: first what is granted by name, then by each group, then by
/// each project and what is in it, then what is open to accounts, then to the world; each once. A page may be short before the last one;
/// `next_cursor` says whether there is more.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/me/shared", tag = "about", operation_id = "list_shared", security(("token" = ["read"])), params(AskDatasets),
    responses((status = 200, description = "A page of datasets", body = wire::page::Page<wire::dataset::Dataset>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<AskDatasets>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/me/shared", &ask.filters(), ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let (found, next) = shared::page(&app, &caller, position.as_deref(), usize::from(listing.limit), now).await?;
    let items = found.iter().filter(|facts| ask.wants(facts, now)).map(|facts| shown(facts, &caller, now)).collect();
    listing.answer(&app, &caller, items, next.as_deref(), now)
}
