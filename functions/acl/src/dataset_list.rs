//! `GET /api/v1/datasets`: what the caller owns, or for auditors and administrators what somebody else does.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts, Place},
    grant::Reach,
    id::SourceId,
};
use edge::{
    App,
    asked::{Filters, Listing},
    caller::Caller,
    problem::Problem,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{dataset_show::shown_as, paged::curated_word, subject::person};

/// Which datasets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// Only those in the source of this id or name.
    source: Option<String>,
    /// Those that the person of this id or name owns, in place of the caller's: for auditors and administrators.
    owner: Option<String>,
    /// Only those that are marked as curated, or only those that are not.
    curated: Option<bool>,
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the caller's datasets, or another owner's, newest first. A page may be short before the last one; `next_cursor` says whether there is more.
///
/// # Errors
/// 400 for a filter, limit or cursor that does not fit; 403 `not-auditor` for another owner's, 422 `no-such-user`.
#[utoipa::path(get, path = "/api/v1/datasets", tag = "datasets", operation_id = "list_datasets", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of datasets", body = wire::page::Page<wire::dataset::Dataset>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let filters = [("source", ask.source.as_deref()), ("owner", ask.owner.as_deref()), ("curated", curated_word(ask.curated))];
    let listing = Listing::new("/api/v1/datasets", &filters, ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let _may_list = caller.may(if ask.owner.is_some() { Action::Audit } else { Action::See }, &Facts::Deployment, now)?;
    let owner = match &ask.owner {
        Some(text) => person(&app, text, "/owner").await?.id,
        None => caller.user.id,
    };
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = app.table.datasets_of_owner(owner, &page).await?;
        let reaches = app.table.reaches_of_all(&found.items, caller.user.id).await?;
        let kept = found.items.into_iter().zip(reaches).filter_map(|(place, of_all)| kept(place, of_all, &ask, &caller, now));
        filling.keep(kept, found.next);
    }
    listing.answer(&app, &caller, filling.items, filling.next.as_deref(), now)
}

/// The dataset, if it lies in the wanted source and the caller may see it: an index only proposes. Of another's the caller sees that it is.
fn kept(place: Place, of_all: Reach, ask: &Ask, caller: &Caller, now: Timestamp) -> Option<wire::dataset::Dataset> {
    let fits = ask
        .source
        .as_deref()
        .is_none_or(|text| SourceId::parse(text).is_ok_and(|id| id == place.source.id) || place.source.name.as_str() == text);
    let audience = DatasetFacts::new(place.clone(), of_all).ok()?.audience(now);
    let fits = fits && ask.curated.is_none_or(|curated| place.dataset.curated_for(audience).is_some() == curated);
    // Owning it is enough, and all that this list is about.
    let reach = Reach { user: Some(caller.user.id), ..Reach::default() };
    let facts = Arc::new(DatasetFacts::new(place, reach).ok()?);
    let is_there = || ask.owner.is_some() || caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok();
    (fits && is_there()).then(|| shown_as(&facts, audience, caller, now))
}
