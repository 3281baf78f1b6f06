//! `/s/{key}`: a link, for people. One that opens shows what it opens (`landing.rs`); one that asks for a pass a form for its password and for
//! the terms of its data, and then the address, once; one that does not open says why.

use askama::Template;
use axum::{extract::Path, response::Response};
use domain::{
    decision::{Denial, LinkFacts},
    id::TermsId,
    key::LinkKey,
    link::Class,
    terms::Unmet,
    timing::later,
};
use edge::{
    App,
    pass::{Asked, Met, ask, guarded, key_in_page, met, wrong_password},
    peer::net_of,
    problem::Problem,
    trace::Verdict,
};
use http::{StatusCode, request::Parts};
use jiff::Timestamp;
use serde::Deserialize;
use wire::secret::Secret;

use crate::{
    form::OwnForm,
    landing,
    page::{Frame, page, plain, sentence},
    terms::Shown,
};

/// A password, where the link has one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    password: Option<Secret>,
    /// The ids of the terms that were shown, with spaces between them, where the box was ticked.
    terms: Option<String>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Guarded {
    frame: Frame,
    /// Where the form goes: this very page.
    key: String,
    has_password: bool,
    wrong: Option<String>,
    /// What is to be accepted, and the ids of it.
    terms: Vec<Shown>,
    terms_ids: String,
    /// Whether it was sent without being accepted.
    unaccepted: bool,
}

#[derive(Template)]
#[template(path = "link_opened.html")]
struct Opened {
    frame: Frame,
    until: Timestamp,
    pass: wire::pass::Pass,
}

#[derive(Template)]
#[template(path = "link_closed.html")]
struct Closed {
    frame: Frame,
    title: &'static str,
    detail: String,
    name: Option<String>,
    about: &'static str,
    is_review: bool,
}

impl Guarded {
    async fn new(app: &App, key: &LinkKey, facts: &LinkFacts) -> Result<Self, Problem> {
        let asked: Vec<_> = facts.place.source.unmet(|_| false).into_iter().flat_map(Unmet::iter).collect();
        let mut terms = Vec::new();
        for id in &asked {
            terms.push(Shown::of(&app.table.terms(*id).await?.ok_or_else(Problem::not_found)?));
        }
        Ok(Self {
            frame: Frame::of_nobody(),
            key: key.reveal(),
            has_password: facts.link.options.password.is_some(),
            wrong: None,
            terms,
            terms_ids: asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            unaccepted: false,
        })
    }
}

/// Shows the link: what it opens, the form, or why it does not open.
///
/// # Errors
/// 404 for a key that opens nothing; 429 for whoever guessed too much; 503 where we cannot say.
pub(crate) async fn show(app: App, parts: Parts, Path(key): Path<String>) -> Result<Response, Problem> {
    let now = app.now();
    let key = key_in_page(&app, &parts, &key, now).await?;
    let found = met(&app, &parts, key.as_ref(), now).await?;
    let key = key.ok_or_else(Problem::not_found)?;
    match found {
        Met::Open(facts, permit) => {
            let net = net_of(&parts, &app.config.trusted_proxies);
            Ok(about(&facts, landing::show(&app, &facts, &permit, net, &key, now).await?))
        }
        Met::Guarded(facts) => Ok(about(&facts, page(StatusCode::OK, &Guarded::new(&app, &key, &facts).await?)?)),
        Met::Refused(facts, why) => Ok(about(&facts, closed(&facts, why, now)?)),
    }
}

/// Gives a pass. Its address is on this page and nowhere else.
///
/// # Errors
/// 403 `cross-site`; those of the form; 429 after too many tries, or where the link gave all the passes that it gives.
pub(crate) async fn open(app: App, parts: Parts, Path(key): Path<String>, OwnForm(said): OwnForm<Said>) -> Result<Response, Problem> {
    let key = key_in_page(&app, &parts, &key, app.now()).await?.ok_or_else(Problem::not_found)?;
    let accepted: Vec<_> = said.terms.unwrap_or_default().split(' ').filter_map(|id| TermsId::parse(id).ok()).collect();
    let asked = match ask(&app, &parts, Some(&key), said.password.as_ref(), &accepted).await {
        Err(why) if why.code == Problem::TERMS_NEEDED => {
            // Not ticked, or they have changed since they were shown.
            let facts = guarded(&app, &parts, Some(&key), app.now()).await?;
            let form = Guarded { unaccepted: true, ..Guarded::new(&app, &key, &facts).await? };
            return Ok(about(&facts, page(StatusCode::UNPROCESSABLE_ENTITY, &form)?));
        }
        asked => asked?,
    };
    match asked {
        Asked::Given(facts, pass) => {
            let until = pass.until.parse().unwrap_or_else(|_| app.now());
            Ok(about(&facts, page(StatusCode::CREATED, &Opened { frame: Frame::of_nobody(), until, pass })?))
        }
        Asked::Wrong(facts) => {
            let why = wrong_password();
            let told = [Some(why.detail()), why.to_do()].into_iter().flatten().map(sentence).collect::<Vec<_>>().join(" ");
            let form = Guarded { wrong: Some(told), ..Guarded::new(&app, &key, &facts).await? };
            Ok(about(&facts, page(StatusCode::UNPROCESSABLE_ENTITY, &form)?))
        }
    }
}

/// The page of a link that does not open: never what its data are. One that may open yet keeps its name, which its reader was given with it;
/// of one that has ended only what was published says what it was.
///
/// # Errors
/// 503 where serving is switched off.
fn closed(facts: &LinkFacts, why: Denial, now: Timestamp) -> Result<Response, Problem> {
    let link = &facts.link;
    let day = |at: Timestamp| at.strftime("%-d %B %Y, %H:%M UTC").to_string();
    let over = |secs: u32| later(now, i64::from(secs));
    let (status, title, detail) = match why {
        Denial::Zone => {
            (StatusCode::OK, "Not from your network", "The link opens from other networks only. Try from your institution's.".to_owned())
        }
        Denial::OverBudget { secs } => (
            StatusCode::OK,
            "Not right now",
            format!("The link gave as much as it gives in a day. There is more from {}.", day(over(secs))),
        ),
        Denial::Paused => {
            (StatusCode::OK, "Paused by its maker", "The link opens again at the same address when its maker resumes it.".to_owned())
        }
        Denial::NotYet => {
            let from = link.options.not_before.map(|from| format!("The link opens on {}.", day(from)));
            (StatusCode::OK, "Not open yet", from.unwrap_or_else(|| "The link opens later.".to_owned()))
        }
        Denial::Expired => {
            let since = link.end(&facts.place).map(|end| format!("It was open until {}.", day(end)));
            (StatusCode::GONE, "This link has expired", since.unwrap_or_else(|| "It was open for a while.".to_owned()))
        }
        Denial::Revoked => {
            let since = facts.tombstone.as_ref().map(|end| format!("It ended on {}.", day(end.at)));
            (StatusCode::GONE, "This link was revoked", since.unwrap_or_else(|| "It has ended for good.".to_owned()))
        }
        Denial::Withdrawn => {
            let since = facts.tombstone.as_ref().map(|end| format!("It was withdrawn on {}.", day(end.at)));
            (StatusCode::GONE, "This publication was withdrawn", since.unwrap_or_else(|| "It has ended for good.".to_owned()))
        }
        Denial::Ceiling { .. } | Denial::Retired | Denial::Restricted | Denial::Maker => {
            (StatusCode::GONE, "This link has stopped", "What it opened may no longer be shared in this way.".to_owned())
        }
        // Ours to mend, or none that a link meets: told as any other problem.
        other => return Err(other.into()),
    };
    let is_named = status == StatusCode::OK || link.class == Class::Publication;
    let shown = Closed {
        frame: Frame::of_nobody(),
        title,
        detail,
        name: is_named.then(|| plain(&link.name)),
        about: landing::about(link.class),
        is_review: link.class == Class::Review,
    };
    page(status, &shown)
}

/// Names the link in the access line.
pub(crate) fn about(facts: &LinkFacts, mut answer: Response) -> Response {
    answer.extensions_mut().insert(Verdict { link: Some(facts.link.id), dataset: Some(facts.link.dataset), ..Verdict::default() });
    answer
}
