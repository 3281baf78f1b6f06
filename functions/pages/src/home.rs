//! `/`: who is signed in, and what this person can read.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use domain::{
    dataset::{Kind, Visibility},
    decision::{Action, DatasetFacts, Facts, Place},
    grant::Reach,
    limits::HOME_ITEMS_MAX,
};
use edge::{App, caller::Caller, problem::Problem, shared};
use http::StatusCode;
use jiff::Timestamp;
use table::Page;

use crate::{
    member::Member,
    page::{Frame, page, plain},
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    name: String,
    is_administrator: bool,
    until: Timestamp,
    owned: List,
    shared: List,
}

struct List {
    items: Vec<Item>,
    /// Whether there are more than are listed.
    is_cut: bool,
}

/// A dataset in a list.
struct Item {
    id: String,
    name: String,
    place: String,
    kind: &'static str,
    /// Whom it is open to beside those whom something names; `None`: nobody.
    open_to: Option<&'static str>,
    may_make_ticket: bool,
}

/// Shows it.
///
/// # Errors
/// 503 where the table does not answer.
pub(crate) async fn home(app: App, Member(caller): Member) -> Result<Response, Problem> {
    let now = app.now();
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let owned = owned(&app, &caller, now).await?;
    let (found, more) = shared::page(&app, &caller, None, usize::from(HOME_ITEMS_MAX), now).await?;
    let mut shared = List { items: Vec::new(), is_cut: more.is_some() };
    for facts in found {
        // One that comes by two ways is listed once here.
        let audience = facts.audience(now);
        let item = Item::of(facts, audience, &caller, now);
        if shared.items.iter().all(|known| known.id != item.id) {
            shared.items.push(item);
        }
    }
    let home = Home {
        frame: Frame { here: "home", ..Frame::of(&caller) },
        name: plain(&caller.user.name),
        is_administrator: caller.user.administrator,
        until: caller.token.until,
        owned,
        shared,
    };
    page(StatusCode::OK, &home)
}

async fn owned(app: &App, caller: &Caller, now: Timestamp) -> Result<List, Problem> {
    let page = Page { position: None, items_max: HOME_ITEMS_MAX };
    let found = app.table.datasets_of_owner(caller.user.id, &page).await?;
    let is_cut = found.next.is_some();
    let reaches = app.table.reaches_of_all(&found.items, caller.user.id).await?;
    let items = found.items.into_iter().zip(reaches).filter_map(|(place, of_all)| {
        let audience = DatasetFacts::new(place.clone(), of_all).ok()?.audience(now);
        seen(place, caller, now).map(|facts| Item::of(facts, audience, caller, now))
    });
    Ok(List { items: items.collect(), is_cut })
}

/// The facts of a dataset of the caller's, if the caller may see it: an index only proposes. Owning it is enough here.
fn seen(place: Place, caller: &Caller, now: Timestamp) -> Option<Arc<DatasetFacts>> {
    let reach = Reach { user: Some(caller.user.id), ..Reach::default() };
    let facts = Arc::new(DatasetFacts::new(place, reach).ok()?);
    caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).ok().map(|_permit| facts)
}

impl Item {
    fn of(facts: Arc<DatasetFacts>, audience: Visibility, caller: &Caller, now: Timestamp) -> Self {
        Self {
            id: facts.place.dataset.id.to_string(),
            name: plain(facts.name()),
            place: plain(&facts.place.to_string()),
            kind: match facts.place.dataset.kind {
                Kind::Zarr => "Zarr",
                Kind::Folder => "folder",
                Kind::File => "file",
            },
            open_to: match audience {
                Visibility::Private | Visibility::Project => None,
                Visibility::Accounts => Some("every account"),
                Visibility::World => Some("the world"),
            },
            may_make_ticket: caller.may(Action::MakeTicket, &Facts::Dataset(facts), now).is_ok(),
        }
    }
}
