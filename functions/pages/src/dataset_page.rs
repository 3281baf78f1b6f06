//! `/datasets/{id}`: a dataset: what it is, whose, and what the person can do with it.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use edge::asked::Id;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use wire::{dataset::Dataset, user::User};

use crate::{
    api::Api,
    browse::address_of,
    maker::Maker,
    page::{Frame, plain, scripted},
    refused::Refused,
    words::{Mark, Moment, audience, has, kind, rights},
};

/// Names that are looked up for one page, and how many at the same time.
const NAMES_MAX: usize = 50;
const AT_ONCE: usize = 8;

#[derive(Template)]
#[template(path = "dataset.html")]
struct Page {
    frame: Frame,
    head: Head,
    registered: Option<Moment>,
    curated: Option<Moment>,
    levels: Vec<u8>,
}

/// What stands above each page of a dataset.
#[expect(clippy::struct_excessive_bools, reason = "each is what a template asks by its own name")]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) kind: Mark,
    pub(crate) open_to: Option<Mark>,
    pub(crate) restricted: bool,
    pub(crate) strict: bool,
    pub(crate) owner: String,
    /// What the person may do, in words.
    pub(crate) rights: &'static str,
    pub(crate) may_share: bool,
    pub(crate) may_administer: bool,
    pub(crate) may_read: bool,
    /// Where its files are.
    pub(crate) files: Option<String>,
}

impl Head {
    pub(crate) fn of(dataset: &Dataset, names: &Names) -> Self {
        let has = |right: &str| has(&dataset.rights, right);
        Self {
            id: dataset.id.clone(),
            name: plain(&dataset.name),
            place: plain(&dataset.place),
            kind: kind(&dataset.kind),
            open_to: audience(&dataset.audience),
            restricted: dataset.restricted,
            strict: dataset.strict,
            owner: names.of(&dataset.owner),
            rights: rights(&dataset.rights),
            may_share: has("share"),
            may_administer: has("administer"),
            may_read: has("read"),
            files: address_of(dataset).filter(|_| has("list")),
        }
    }
}

/// Names of people, by their ids.
pub(crate) struct Names {
    me: String,
    known: BTreeMap<String, String>,
}

impl Names {
    /// Looks these up; who is not found stays nameless.
    pub(crate) async fn find(maker: &Maker, ids: impl IntoIterator<Item = String>) -> Self {
        let me = maker.caller.user.id.to_string();
        let mut ids: Vec<_> = ids.into_iter().filter(|id| *id != me).collect();
        ids.sort();
        ids.dedup();
        ids.truncate(NAMES_MAX);
        let api: &Api = &maker.api;
        let asked = ids.into_iter().map(|id| async move { (api.get::<User>(&["users", &id], &[]).await, id) });
        let found: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let known = found.into_iter().filter_map(|(user, id)| Some((id, plain(&user.ok()?.name)))).collect();
        Self { me, known }
    }

    /// A person, as a page says it.
    pub(crate) fn of(&self, id: &str) -> String {
        if id == self.me { "You".to_owned() } else { self.known.get(id).cloned().unwrap_or_else(|| format!("somebody ({id})")) }
    }
}

/// Shows it.
///
/// # Errors
/// 404 for a dataset that is not the person's to know of; those of the API.
pub(crate) async fn show(maker: Maker, Id(id): Id) -> Result<Response, Refused> {
    let dataset: Dataset = maker.api.get(&["datasets", &id], &[]).await?;
    let names = Names::find(&maker, [dataset.owner.clone()]).await;
    let page = Page {
        frame: Frame::of_part(&maker.caller, "sources"),
        head: Head::of(&dataset, &names),
        registered: Moment::of(&dataset.registered),
        curated: dataset.curated.as_deref().and_then(Moment::of),
        levels: dataset.levels,
    };
    Ok(scripted(StatusCode::OK, &page)?)
}
