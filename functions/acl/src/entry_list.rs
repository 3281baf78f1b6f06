//! `GET /api/v1/entries`: what lies in a folder of a source, and which of it are datasets.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts, Place},
    path::ObjectPath,
};
use edge::{
    App,
    asked::{Filters, Listing},
    caller::Caller,
    problem::Problem,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use objects::listing::{ListPage, ListQuery};
use serde::Deserialize;
use wire::entry::{Entries, Entry};

use crate::{dataset_show::shown, source_show::named};

/// What says that a folder is a Zarr, and of which version.
const ZARR_FILES: [(&str, u8); 3] = [("zarr.json", 3), (".zgroup", 2), (".zarray", 2)];

/// Datasets whose grants are read at the same time.
const AT_ONCE: usize = 8;

/// Which folder.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// The source's name or id.
    source: String,
    /// The folder's path inside it; missing: all of it. A trailing `/` may be left out.
    path: Option<String>,
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what lies in a folder, by name, by the innermost dataset that the folder is or lies in: whoever may list that may list this. What is restricted
/// is left out, but for those who may know of it. Of a folder where nothing is the list is empty.
///
/// # Errors
/// 404 where nothing is the caller's to know of, 403 where it may not be listed, 503 where the store does not answer.
#[utoipa::path(get, path = "/api/v1/entries", tag = "sources", operation_id = "list_entries", security(("token" = ["data"])), params(Ask),
    responses((status = 200, description = "A page of entries", body = Entries), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let path = ObjectPath::from_decoded(ask.path.unwrap_or_default()).map_err(|why| Problem::from(why).at("/path"))?.to_folder();
    let filters = [("source", Some(ask.source.as_str())), ("path", Some(path.as_str()))];
    let listing = Listing::new("/api/v1/entries", &filters, ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let source = named(&app, &ask.source).await?;
    let place = match app.table.dataset_at(source.id, &path).await? {
        Some(place) => place,
        None => app.table.nearest_above(source.id, &path).await?.ok_or_else(Problem::not_found)?,
    };
    let facts = caller.at(&app, place).await?;
    let permit = caller.may(Action::List, &Facts::Dataset(Arc::clone(&facts)), now)?;
    let query = ListQuery { delimiter: Some("/".to_owned()), max: listing.limit, token: position.clone(), ..ListQuery::default() };
    let page = app.objects.list(&permit, &below(&facts, &path)?, &query, now).await?;
    let cuts = if position.is_none() { cuts_in(&facts, &path) } else { Vec::new() };
    let datasets = datasets(&app, &caller, &facts.place, &path, &page, cuts, now).await?;
    let entries = Entries {
        path: path.to_string(),
        dataset: shown(&facts, &caller, now),
        zarr: ZARR_FILES.iter().find(|(name, _)| page.objects.iter().any(|object| object.key == *name)).map(|(_, version)| *version),
        items: entries(&page, datasets, &path, &caller, now),
        next_cursor: None,
    };
    listing.answer_of(&app, &caller, page.next.as_deref(), now, |next_cursor| Entries { next_cursor, ..entries })
}

/// The folder as the dataset's own reader names it.
fn below(facts: &DatasetFacts, path: &ObjectPath) -> Result<ObjectPath, Problem> {
    let inside = path.as_str().strip_prefix(facts.place.dataset.path.as_str()).unwrap_or_default();
    Ok(ObjectPath::from_decoded(inside)?)
}

/// The restricted datasets that lie just in the folder: a listing by the dataset above leaves them out.
fn cuts_in(facts: &DatasetFacts, path: &ObjectPath) -> Vec<ObjectPath> {
    let is_in = |cut: &&ObjectPath| {
        let name = cut.as_str().strip_prefix(path.as_str()).unwrap_or_default();
        !name.is_empty() && !name.trim_end_matches('/').contains('/')
    };
    facts.place.dataset.cuts.iter().filter(is_in).cloned().collect()
}

/// The datasets among the entries that the caller may know of.
async fn datasets(
    app: &App,
    caller: &Caller,
    above: &Place,
    path: &ObjectPath,
    page: &ListPage,
    cuts: Vec<ObjectPath>,
    now: Timestamp,
) -> Result<Vec<Arc<DatasetFacts>>, Problem> {
    let names = page.prefixes.iter().chain(page.objects.iter().map(|object| &object.key));
    let at = names.filter_map(|name| ObjectPath::from_decoded(name.as_str()).and_then(|name| path.join(&name)).ok());
    let paths: Vec<_> = at.chain(cuts).collect();
    let places = app.table.datasets_at(above.source.id, &paths).await?;
    let mut known: Vec<_> = stream::iter(places).map(|place| caller.at(app, place)).buffered(AT_ONCE).try_collect().await?;
    known.retain(|facts| caller.may(Action::See, &Facts::Dataset(Arc::clone(facts)), now).is_ok());
    Ok(known)
}

/// The entries, by name, each with its dataset; and the restricted ones, which the store's page has not.
fn entries(page: &ListPage, datasets: Vec<Arc<DatasetFacts>>, path: &ObjectPath, caller: &Caller, now: Timestamp) -> Vec<Entry> {
    let folder = |name: &String| Entry { name: name.clone(), size: None, modified: None, dataset: None };
    let mut entries: Vec<_> = page.prefixes.iter().map(folder).collect();
    entries.extend(page.objects.iter().map(|object| Entry {
        name: object.key.clone(),
        size: Some(object.size),
        modified: object.modified.map(|at| at.to_string()),
        dataset: None,
    }));
    for facts in datasets {
        let name = facts.place.dataset.path.as_str().strip_prefix(path.as_str()).unwrap_or_default().to_owned();
        let dataset = Some(shown(&facts, caller, now));
        match entries.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => entry.dataset = dataset,
            None => entries.push(Entry { name, size: None, modified: None, dataset }),
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}
