//! `/s/{key}`: a link that asks for a pass, for people: a form for its password, and then the address, shown once.

use askama::Template;
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use domain::{decision::LinkFacts, key::LinkKey, path::encode_key};
use edge::{
    App,
    pass::{Asked, ask, guarded, wrong_password},
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
};

/// A password, where the link has one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    password: Option<Secret>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Guarded {
    frame: Frame,
    /// Where the form goes: this very page.
    key: String,
    has_password: bool,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "link_opened.html")]
struct Opened {
    frame: Frame,
    until: Timestamp,
    pass: wire::pass::Pass,
}

impl Guarded {
    fn new(key: &LinkKey, facts: &LinkFacts) -> Self {
        Self { frame: Frame::of_nobody(), key: key.reveal(), has_password: facts.link.options.password.is_some(), wrong: None }
    }
}

/// Shows the form. A link that asks for nothing leads to its data.
///
/// # Errors
/// 404 for a key that opens nothing, 410 for a link that has ended, 403 from outside its zones; 429 for whoever guessed too much.
pub(crate) async fn show(app: App, parts: Parts, Path(key): Path<String>) -> Result<Response, Problem> {
    let key = LinkKey::parse(&key).ok();
    let facts = match (guarded(&app, &parts, key.as_ref(), app.now()).await, &key) {
        (Err(why), Some(key)) if why.code == "no-pass-needed" => return to_data(&app, key).await,
        (found, _) => found?,
    };
    let key = key.ok_or_else(Problem::not_found)?;
    Ok(about(&facts, page(StatusCode::OK, &Guarded::new(&key, &facts))?))
}

/// Gives a pass. Its address is on this page and nowhere else.
///
/// # Errors
/// 403 `cross-site`; those of the form; 429 after too many tries, or where the link gave all the passes that it gives.
pub(crate) async fn open(app: App, parts: Parts, Path(key): Path<String>, OwnForm(said): OwnForm<Said>) -> Result<Response, Problem> {
    let key = LinkKey::parse(&key).map_err(|_not_one| Problem::not_found())?;
    match ask(&app, &parts, Some(&key), said.password.as_ref()).await? {
        Asked::Given(facts, pass) => {
            let until = pass.until.parse().unwrap_or_else(|_| app.now());
            Ok(about(&facts, page(StatusCode::CREATED, &Opened { frame: Frame::of_nobody(), until, pass })?))
        }
        Asked::Wrong(facts) => {
            let why = wrong_password();
            let told = [Some(why.detail()), why.to_do()].into_iter().flatten().map(sentence).collect::<Vec<_>>().join(" ");
            let form = Guarded { wrong: Some(told), ..Guarded::new(&key, &facts) };
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
fn about(facts: &LinkFacts, mut answer: Response) -> Response {
    answer.extensions_mut().insert(Verdict { link: Some(facts.link.id), dataset: Some(facts.link.dataset), ..Verdict::default() });
    answer
}
