//! `/sources/{source}/{path}/`: what lies in a folder, which of it is shared, and the way to share it.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use domain::path::{ObjectPath, encode_key};
use edge::{asked::Filters, problem::Problem, target::RawTarget};
use http::{StatusCode, request::Parts};
use serde::Deserialize;
use wire::{
    dataset::{Dataset, NewDataset},
    entry::{Entries, Entry},
};

use crate::{
    api::How,
    form::OwnForm,
    local_path::escaped,
    maker::Maker,
    page::{Frame, plain, scripted},
    refused::Refused,
    words::{Mark, Moment, audience, has, kind, size},
};

/// Which page of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    cursor: Option<String>,
}

/// What is to be shared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    source: String,
    path: String,
    /// The dataset that it lies in.
    above: String,
    /// Its path in that.
    inside: String,
}

#[derive(Template)]
#[template(path = "browse.html")]
struct Browse {
    frame: Frame,
    source: String,
    path: String,
    /// The name of the folder.
    name: String,
    /// The folders that it lies in, each with its address.
    trail: Vec<(String, String)>,
    dataset: String,
    /// The folder's path in that dataset.
    inside: String,
    /// Whether the folder is that dataset itself.
    is_dataset: bool,
    zarr: Option<u8>,
    may_share: bool,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// What lies there.
struct Row {
    name: String,
    path: String,
    inside: String,
    /// Where it is browsed; nothing of an object.
    address: Option<String>,
    dataset: Option<String>,
    may_share: bool,
    kind: Mark,
    size: Option<(String, u64)>,
    changed: Option<Moment>,
    open_to: Option<Mark>,
    restricted: bool,
}

/// The address of a folder's page.
pub(crate) fn folder_address(source: &str, path: &str) -> String {
    format!("/sources/{}/{}", encode_key(source), encode_key(path))
}

/// The name of a dataset's source.
pub(crate) fn source_of(dataset: &Dataset) -> &str {
    dataset.place.split_once(':').map_or(dataset.place.as_str(), |(source, _path)| source)
}

/// The address of a dataset's page as a folder; nothing of one object.
pub(crate) fn address_of(dataset: &Dataset) -> Option<String> {
    (dataset.kind != "file").then(|| folder_address(source_of(dataset), &dataset.path))
}

/// Shows it.
///
/// # Errors
/// 404 where nothing is the person's to know of; those of the API.
pub(crate) async fn show(Maker { caller, api }: Maker, parts: Parts, Filters(ask): Filters<Ask>) -> Result<Response, Refused> {
    let (raw, _query) = RawTarget::of(&parts);
    let (source, path) = raw.strip_prefix("/sources/").and_then(|rest| rest.split_once('/')).ok_or_else(Problem::not_found)?;
    let path = ObjectPath::from_raw(path.as_bytes()).map_err(Problem::from)?;
    if !path.is_root() && !path.is_folder() {
        return Ok(Redirect::to(&folder_address(source, path.to_folder().as_str())).into_response());
    }
    let query = [("source", Some(source)), ("path", Some(path.as_str())), ("cursor", ask.cursor.as_deref())];
    let found: Entries = api.get(&["entries"], &query).await?;
    let address = folder_address(source, path.as_str());
    let inside = path.as_str().strip_prefix(found.dataset.path.as_str()).unwrap_or_default();
    let page = Browse {
        frame: Frame::of_part(&caller, "sources"),
        source: plain(source),
        name: plain(path.name().unwrap_or(source)),
        trail: trail(source, &path),
        is_dataset: found.dataset.path == path.as_str(),
        zarr: found.zarr,
        may_share: has(&found.dataset.rights, "share"),
        rows: found.items.iter().map(|entry| Row::of(entry, source, path.as_str(), inside, &found.dataset)).collect(),
        inside: inside.to_owned(),
        is_first: ask.cursor.is_none(),
        next: found.next_cursor.map(|cursor| format!("{address}?cursor={}", escaped(&cursor))),
        dataset: found.dataset.id,
        path: path.to_string(),
    };
    Ok(scripted(StatusCode::OK, &page)?)
}

/// The folders above, from the source down.
fn trail(source: &str, path: &ObjectPath) -> Vec<(String, String)> {
    let mut above: Vec<_> = path.above().collect();
    above.sort_by_key(|path| path.as_str().len());
    above.iter().map(|path| (plain(path.name().unwrap_or(source)), folder_address(source, path.as_str()))).collect()
}

impl Row {
    fn of(entry: &Entry, source: &str, folder: &str, inside: &str, above: &Dataset) -> Self {
        let path = format!("{folder}{}", entry.name);
        let dataset = entry.dataset.as_ref();
        let is_folder = entry.name.ends_with('/');
        let by_name = match (is_folder, entry.name.ends_with(".zarr/")) {
            (true, true) => "zarr",
            (true, false) => "folder",
            (false, _) => "file",
        };
        Self {
            name: plain(&entry.name),
            inside: format!("{inside}{}", entry.name),
            address: is_folder.then(|| folder_address(source, &path)),
            dataset: dataset.map(|dataset| dataset.id.clone()),
            may_share: has(&dataset.unwrap_or(above).rights, "share"),
            kind: kind(dataset.map_or(by_name, |dataset| &dataset.kind)),
            size: entry.size.map(|bytes| (size(bytes), bytes)),
            changed: entry.modified.as_deref().and_then(Moment::of),
            open_to: dataset.and_then(|dataset| audience(&dataset.audience)),
            restricted: dataset.is_some_and(|dataset| dataset.restricted),
            path,
        }
    }
}

/// Registers what is to be shared, where the person may, and leads to where it is shared; else to a link to it inside the dataset that it lies in.
///
/// # Errors
/// 403 `cross-site`, 404; those of the API.
pub(crate) async fn share(Maker { api, .. }: Maker, OwnForm(chosen): OwnForm<Chosen>) -> Result<Response, Refused> {
    let Chosen { source, path, above, inside } = chosen;
    let registered = api.act::<Dataset>(&["datasets"], How::default(), &NewDataset { source, path, strict: false }).await;
    let to = match registered {
        Ok(dataset) => format!("/datasets/{}/sharing", dataset.id),
        Err(refused) if matches!(refused.code(), "not-allowed" | "dataset-too-deep" | "too-many-ancestors" | "inside-file") => {
            format!("/datasets/{}/links/new?path={}", escaped(&above), escaped(&inside))
        }
        Err(refused) => return Err(refused),
    };
    Ok(Redirect::to(&to).into_response())
}
