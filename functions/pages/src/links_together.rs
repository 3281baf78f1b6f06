//! `/links/together`: extend, pause or revoke several links: what it means before it is done, and a result for each.

use askama::Template;
use axum::{extract::Query, response::Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde_json::json;
use wire::link::{Batch, BatchRevoke, Changed, Link};

use crate::{
    api::How,
    form::{OwnForm, not_understood},
    link_acts::longer,
    link_page::{SPANS, slowest},
    links_list::Row,
    maker::Maker,
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong, line, status_of},
    words::{Moment, STAYS, count},
};

/// Links at once: as many as a list shows.
const LINKS_MAX: usize = 50;
/// Requests to the API at the same time.
const AT_ONCE: usize = 8;

/// What is to be done, to which. As pairs, for one name stands there several times.
#[derive(Debug)]
struct Asked {
    act: Act,
    ids: Vec<String>,
    until: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Extend,
    Pause,
    Revoke,
}

impl Asked {
    /// Reads it; a pair that nobody knows is refused.
    fn of(pairs: Vec<(String, String)>) -> Result<Self, Refused> {
        let (mut act, mut until, mut reason, mut ids) = (None, None, None, Vec::new());
        for (name, value) in pairs {
            let value = value.trim().to_owned();
            match name.as_str() {
                "id" if !ids.contains(&value) => ids.push(value),
                "id" => {}
                "act" => act = Act::of(&value),
                "until" => until = Some(value),
                "reason" => reason = Some(value).filter(|reason| !reason.is_empty()),
                _ => return Err(not_understood().into()),
            }
        }
        let act = act.filter(|_act| ids.len() <= LINKS_MAX).ok_or_else(not_understood)?;
        Ok(Self { act, ids, until, reason })
    }
}

impl Act {
    fn of(word: &str) -> Option<Self> {
        [Self::Extend, Self::Pause, Self::Revoke].into_iter().find(|act| act.word() == word)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Extend => "extend",
            Self::Pause => "pause",
            Self::Revoke => "revoke",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Extend => "Extend",
            Self::Pause => "Pause",
            Self::Revoke => "Revoke",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Extend => "extended",
            Self::Pause => "paused",
            Self::Revoke => "revoked",
        }
    }
}

#[derive(Template)]
#[template(path = "links_together.html")]
struct Together {
    frame: Frame,
    act: Act,
    rows: Vec<Row>,
    /// How many, in words.
    how_many: String,
    /// The bound of the slowest of them.
    within: String,
    spans: &'static [(&'static str, &'static str)],
    stays: &'static str,
    reason: String,
    wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "links_done.html")]
struct AllDone {
    frame: Frame,
    act: Act,
    results: Vec<Outcome>,
    worked: String,
    failed: Option<String>,
    stays: &'static str,
}

/// What became of one.
struct Outcome {
    id: String,
    title: String,
    worked: bool,
    said: String,
}

/// Says what it means.
///
/// # Errors
/// 400 for a query that is none of ours, 404 for a link that is not the person's to know of; those of the API.
pub(crate) async fn show(maker: Maker, Query(pairs): Query<Vec<(String, String)>>) -> Result<Response, Refused> {
    let asked = Asked::of(pairs)?;
    let links = chosen(&maker, &asked.ids).await?;
    shown(&maker, &asked, &links, None)
}

/// Does it, and tells what became of each: a failure hides no other. Sent again it does nothing more.
///
/// # Errors
/// 403 `cross-site`, 400, 404; those of the API where it did nothing at all.
pub(crate) async fn act(maker: Maker, OwnForm(pairs): OwnForm<Vec<(String, String)>>) -> Result<Response, Refused> {
    let mut asked = Asked::of(pairs)?;
    let links = chosen(&maker, &asked.ids).await?;
    let ids = asked.ids.clone();
    let done = match asked.act {
        Act::Pause => Ok(paused(&maker, &links).await),
        Act::Revoke => {
            let ask = BatchRevoke { ids, reason: asked.reason.clone() };
            maker.api.act::<Batch>(&["links", "batch", "revoke"], How::default(), &ask).await.map(|done| outcomes(&links, done))
        }
        Act::Extend => longer(&maker, ids, asked.until.take().unwrap_or_default()).await.map(|done| outcomes(&links, done)),
    };
    let results = match done {
        Ok(results) => results,
        Err(refused) => return shown(&maker, &asked, &links, Some(refused.on_form()?)),
    };
    let failed = results.iter().filter(|result| !result.worked).count();
    let all = AllDone {
        frame: Frame::of_part(&maker.caller, "links"),
        act: asked.act,
        worked: count(results.len().saturating_sub(failed), "link"),
        failed: (failed > 0).then(|| count(failed, "link")),
        results,
        stays: STAYS,
    };
    Ok(scripted(StatusCode::OK, &all)?)
}

/// The links, as they are now, in the order asked.
async fn chosen(maker: &Maker, ids: &[String]) -> Result<Vec<Link>, Refused> {
    let asked = ids.iter().cloned().map(|id| async move { maker.api.get::<Link>(&["links", &id], &[]).await });
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Pauses each: the API has no batch of it.
async fn paused(maker: &Maker, links: &[Link]) -> Vec<Outcome> {
    let ids: Vec<_> = links.iter().map(|link| link.id.clone()).collect();
    let each = ids.into_iter().map(|id| async move {
        match maker.api.act::<Changed>(&["links", &id, "pause"], How::default(), &json!({})).await {
            Ok(changed) => (true, in_force(changed.enforced_by.as_deref())),
            Err(refused) => (false, refused.line()),
        }
    });
    let became: Vec<_> = stream::iter(each).buffered(AT_ONCE).collect().await;
    links.iter().zip(became).map(|(link, (worked, said))| Outcome::of(link, worked, said)).collect()
}

/// What became of each item of a batch, which has the order of what was asked.
fn outcomes(links: &[Link], done: Batch) -> Vec<Outcome> {
    let told = links.iter().zip(done.items).map(|(link, item)| match (&item.problem, &item.link) {
        (Some(problem), _) => Outcome::of(link, false, line(problem)),
        (None, Some(after)) if item.enforced_by.is_none() => Outcome::of(link, true, open_until(after)),
        (None, _) => Outcome::of(link, true, in_force(item.enforced_by.as_deref())),
    });
    told.collect()
}

fn open_until(link: &Link) -> String {
    link.until.as_deref().and_then(Moment::of).map_or_else(|| "It has no end.".to_owned(), |until| format!("Open until {}.", until.exact()))
}

fn in_force(by: Option<&str>) -> String {
    by.and_then(Moment::of).map_or_else(|| "It opened nothing before.".to_owned(), |by| format!("No URL of it works after {}.", by.clock()))
}

impl Outcome {
    fn of(link: &Link, worked: bool, said: String) -> Self {
        let Row { id, title, .. } = Row::of(link);
        Self { id, title, worked, said }
    }
}

fn shown(maker: &Maker, asked: &Asked, links: &[Link], wrong: Option<Wrong>) -> Result<Response, Refused> {
    let (how_many, within) = slowest(links);
    let together = Together {
        frame: Frame::of_part(&maker.caller, "links"),
        act: asked.act,
        rows: links.iter().map(Row::of).collect(),
        how_many,
        within,
        spans: &SPANS,
        stays: STAYS,
        reason: plain(asked.reason.as_deref().unwrap_or_default()),
        wrong,
    };
    Ok(scripted(status_of(together.wrong.as_ref()), &together)?)
}
