//! `/links`: the links that the person made, by state, class and label, a page at a time.

use askama::Template;
use axum::response::Response;
use domain::link::{Class, LinkState};
use edge::asked::Filters;
use http::StatusCode;
use serde::Deserialize;
use wire::{link::Link, page::Page};

use crate::{
    local_path::escaped,
    maker::Maker,
    page::{Frame, plain, scripted},
    refused::Refused,
    words::{Mark, Moment, count, link_state},
};

/// Links on a page.
const ROWS: &str = "50";

/// Which links. An empty field is one that was left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    #[serde(default)]
    state: String,
    #[serde(default)]
    class: String,
    #[serde(default)]
    q: String,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "links.html")]
struct Links {
    frame: Frame,
    filters: Ask,
    /// What links are, as the API has it and as a page says it.
    states: [(&'static str, &'static str); LinkState::ALL.len()],
    classes: [&'static str; Class::ALL.len()],
    rows: Vec<Row>,
    /// Where the next page is.
    next: Option<String>,
}

impl Links {
    fn is_filtered(&self) -> bool {
        let Ask { state, class, q, cursor } = &self.filters;
        cursor.is_some() || [state, class, q].iter().any(|filter| !filter.is_empty())
    }
}

/// A link in a list.
pub(crate) struct Row {
    pub(crate) id: String,
    /// Its label, else what it opens.
    pub(crate) title: String,
    pub(crate) place: Option<String>,
    pub(crate) class: String,
    pub(crate) reach: String,
    pub(crate) state: Mark,
    pub(crate) until: Option<Moment>,
    pub(crate) url: Option<String>,
}

impl Row {
    pub(crate) fn of(link: &Link) -> Self {
        let place = plain(&link.place);
        let label = link.label.as_deref().filter(|label| !label.is_empty()).map(plain);
        Self {
            id: link.id.clone(),
            place: label.is_some().then(|| place.clone()),
            title: label.unwrap_or(place),
            class: plain(&link.class),
            reach: reach(link),
            state: link_state(&link.state),
            until: link.until.as_deref().and_then(Moment::of),
            url: link.url.clone(),
        }
    }
}

/// Whom a link opens for, in words.
pub(crate) fn reach(link: &Link) -> String {
    let who = if link.password { "whoever has it and its password" } else { "whoever has it" };
    match link.zones.as_slice() {
        [] => who.to_owned(),
        [one] => format!("{who}, from {}", plain(one)),
        more => format!("{who}, from {}", count(more.len(), "network")),
    }
}

/// Shows them.
///
/// # Errors
/// Those of the API: 400 for a filter or cursor that does not fit.
pub(crate) async fn list(Maker { caller, api }: Maker, Filters(ask): Filters<Ask>) -> Result<Response, Refused> {
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let [state, class, q] = [said(&ask.state), said(&ask.class), said(&ask.q)];
    let filters = [("state", state.as_deref()), ("class", class.as_deref()), ("q", q.as_deref())];
    let query = [&filters[..], &[("limit", Some(ROWS)), ("cursor", ask.cursor.as_deref())]].concat();
    let found: Page<Link> = api.get(&["links"], &query).await?;
    let next = found.next_cursor.map(|cursor| {
        let kept = filters.iter().filter_map(|(name, value)| Some(format!("{name}={}&", escaped((*value)?))));
        format!("/links?{}cursor={}", kept.collect::<String>(), escaped(&cursor))
    });
    let links = Links {
        frame: Frame::of_part(&caller, "links"),
        filters: Ask { q: plain(&ask.q), ..ask },
        states: LinkState::ALL.map(|state| (state.word(), link_state(state.word()).word)),
        classes: Class::ALL.map(Class::word),
        rows: found.items.iter().map(Row::of).collect(),
        next,
    };
    Ok(scripted(StatusCode::OK, &links)?)
}
