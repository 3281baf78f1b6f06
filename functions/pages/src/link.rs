//! `/s/{key}`: a link that asks for a pass, for people: a form for its password and for the terms of its data, and then the address, shown once.

use askama::Template;
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::{decision::LinkFacts, id::TermsId, key::LinkKey, path::encode_key, terms::Unmet};
use edge::{
    App,
    pass::{Asked, ask, guarded, key_in_page, wrong_password},
    problem::Problem,
    trace::Verdict,
};
use http::{StatusCode, request::Parts};
use jiff::Timestamp;
use serde::Deserialize;
use wire::secret::Secret;

use crate::{
    form::OwnForm,
    page::{Frame, page, sentence},
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

/// Shows the form. A link that asks for nothing leads to its data.
///
/// # Errors
/// 404 for a key that opens nothing, 410 for a link that has ended, 403 from outside its zones; 429 for whoever guessed too much.
pub(crate) async fn show(app: App, parts: Parts, Path(key): Path<String>) -> Result<Response, Problem> {
    let key = key_in_page(&app, &parts, &key, app.now()).await?;
    let facts = match (guarded(&app, &parts, key.as_ref(), app.now()).await, &key) {
        (Err(why), Some(key)) if why.code == "no-pass-needed" => return to_data(&app, key).await,
        (found, _) => found?,
    };
    let key = key.ok_or_else(Problem::not_found)?;
    Ok(about(&facts, page(StatusCode::OK, &Guarded::new(&app, &key, &facts).await?)?))
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

/// To the link itself.
async fn to_data(app: &App, key: &LinkKey) -> Result<Response, Problem> {
    let facts = app.table.link_facts(key.hash(), app.now()).await?.ok_or_else(Problem::not_found)?;
    let origin = app.config.data_url.as_deref().ok_or_else(Problem::not_found)?;
    Ok(about(&facts, Redirect::to(&format!("{origin}/{}/{}", key.reveal(), encode_key(&facts.link.name))).into_response()))
}

/// Names the link in the access line.
pub(crate) fn about(facts: &LinkFacts, mut answer: Response) -> Response {
    answer.extensions_mut().insert(Verdict { link: Some(facts.link.id), dataset: Some(facts.link.dataset), ..Verdict::default() });
    answer
}
