//! `/sources`: the sources in which something is the person's, or was shared with the person.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use wire::{dataset::Dataset, page::Page};

use crate::{
    browse::{address_of, source_of},
    maker::Maker,
    page::{Frame, plain, scripted},
    refused::Refused,
    words::{Mark, audience, kind},
};

#[derive(Template)]
#[template(path = "sources.html")]
struct Sources {
    frame: Frame,
    all: Vec<Listed>,
    /// Whether there are more datasets than were looked at.
    is_cut: bool,
}

/// A source with what is there.
struct Listed {
    name: String,
    datasets: Vec<Item>,
}

/// A dataset in it.
struct Item {
    id: String,
    path: String,
    /// Where it is browsed; nothing of one object.
    address: Option<String>,
    kind: Mark,
    open_to: Option<Mark>,
    restricted: bool,
    is_own: bool,
}

/// Lists them.
///
/// # Errors
/// Those of the API.
pub(crate) async fn list(Maker { caller, api }: Maker) -> Result<Response, Refused> {
    let own: Page<Dataset> = api.get(&["datasets"], &[]).await?;
    let shared: Page<Dataset> = api.get(&["me", "shared"], &[]).await?;
    let is_cut = own.next_cursor.is_some() || shared.next_cursor.is_some();
    let me = caller.user.id.to_string();
    let mut sources: BTreeMap<String, BTreeMap<String, Item>> = BTreeMap::new();
    for dataset in own.items.into_iter().chain(shared.items).filter(|dataset| dataset.state == "active") {
        let (source, item) = (source_of(&dataset).to_owned(), Item::of(&dataset, &me));
        sources.entry(source).or_default().insert(dataset.path, item);
    }
    let sources = sources.into_iter().map(|(name, datasets)| Listed { name, datasets: datasets.into_values().collect() });
    let page = Sources { frame: Frame::of_part(&caller, "sources"), all: sources.collect(), is_cut };
    Ok(scripted(StatusCode::OK, &page)?)
}

impl Item {
    fn of(dataset: &Dataset, me: &str) -> Self {
        Self {
            id: dataset.id.clone(),
            path: if dataset.path.is_empty() { "all of it".to_owned() } else { plain(&dataset.path) },
            address: address_of(dataset),
            kind: kind(&dataset.kind),
            open_to: audience(&dataset.audience),
            restricted: dataset.restricted,
            is_own: dataset.owner == me,
        }
    }
}
