//! `GET /api/v1/links`: the caller's own links, or those of a dataset of the caller's.

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    decision::{Action, DatasetFacts, Facts, LinkFacts},
    link::{Class, LinkState},
};
use edge::{
    App,
    asked::{Filters, Listing},
    caller::Caller,
    problem::Problem,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use table::{Listed, Page};

use crate::show::Shown;

/// Which links.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// Only those on this dataset, whoever made them, for its owner.
    dataset: Option<String>,
    /// Only those that are `live`, `paused`, `not-yet`, `expired`, `stopped`, `revoked` or `withdrawn` now.
    state: Option<String>,
    /// Only those of this class.
    class: Option<String>,
    /// Only those whose label holds this text, in any case.
    q: Option<String>,
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists links, newest first. A page may be short before the last one; `next_cursor` says whether there is more.
///
/// # Errors
/// 400 for a filter, limit or cursor that does not fit; 404 for a dataset that is not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/links", tag = "links", operation_id = "list_links", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of links", body = wire::page::Page<wire::link::Link>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Filters(ask): Filters<Ask>,
) -> Result<Response, Problem> {
    let now = app.now();
    let filters =
        [("dataset", ask.dataset.as_deref()), ("state", ask.state.as_deref()), ("class", ask.class.as_deref()), ("q", ask.q.as_deref())];
    let listing = Listing::new("/api/v1/links", &filters, ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let wanted = Wanted::read(&ask)?;
    let dataset = dataset_to_list(&app, &caller, ask.dataset.as_deref(), now).await?;
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = candidates(&app, &caller, dataset.as_deref(), &page, now).await?;
        filling.keep(found.items.into_iter().filter_map(|facts| wanted.keep(facts, &caller, now)), found.next);
    }
    let items = filling.items.iter().map(|facts| shown.link(facts, &caller, now)).collect();
    listing.answer(&app, &caller, items, filling.next.as_deref(), now)
}

/// The dataset whose links are asked for, if the caller may know of it; `None`: the caller's own links.
async fn dataset_to_list(app: &App, caller: &Caller, asked: Option<&str>, now: Timestamp) -> Result<Option<Arc<DatasetFacts>>, Problem> {
    let Some(text) = asked else {
        let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
        return Ok(None);
    };
    let facts = caller.dataset(app, text).await?;
    let may = |action| caller.may(action, &Facts::Dataset(Arc::clone(&facts)), now);
    let _may_see = may(Action::See).or_else(|why| may(Action::Audit).map_err(|_worse| why))?;
    Ok(Some(facts))
}

/// Candidates: indexes only propose, [`Wanted::keep`] decides each on what the table holds.
async fn candidates(
    app: &App,
    caller: &Caller,
    dataset: Option<&DatasetFacts>,
    page: &Page,
    now: Timestamp,
) -> Result<Listed<LinkFacts>, Problem> {
    let Some(dataset) = dataset else { return Ok(app.table.links_of_maker(caller.user.id, page, now).await?) };
    let mut found = app.table.links_of_dataset(dataset.place.dataset.id, page, now).await?;
    // Whoever administers the dataset sees all of its links.
    found.items.iter_mut().for_each(|facts| facts.asking = Some(dataset.reach.clone()));
    Ok(found)
}

/// What is left of a listing.
struct Wanted {
    state: Option<LinkState>,
    class: Option<Class>,
    label: Option<String>,
}

impl Wanted {
    fn read(ask: &Ask) -> Result<Self, Problem> {
        let word = |name: &'static str| {
            Problem::new(StatusCode::BAD_REQUEST, name, "no link can be so").at(format!("/{name}")).hint("see docs/API.md for the words")
        };
        Ok(Self {
            state: ask.state.as_deref().map(|state| LinkState::of(state).ok_or_else(|| word("state"))).transpose()?,
            class: ask.class.as_deref().map(|class| Class::of(class).ok_or_else(|| word("class"))).transpose()?,
            label: ask.q.as_deref().map(str::to_lowercase),
        })
    }

    /// The link, if it is wanted and the caller may see it. A label is its maker's alone, so nobody else finds a link by it.
    fn keep(&self, facts: LinkFacts, caller: &Caller, now: Timestamp) -> Option<Arc<LinkFacts>> {
        let link = &facts.link;
        let labelled = |part: &String| link.maker == caller.user.id && link.options.label.to_lowercase().contains(part);
        let fits = self.state.is_none_or(|state| facts.state(now) == state)
            && self.class.is_none_or(|class| link.class == class)
            && self.label.as_ref().is_none_or(labelled);
        let facts = Arc::new(facts);
        (fits && caller.may(Action::See, &Facts::Link(Arc::clone(&facts)), now).is_ok()).then_some(facts)
    }
}
