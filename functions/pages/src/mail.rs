//! `/mail/{nonce}`: the page that a mail leads to, where whoever it was sent to accepts or declines what it asks (ADR 0066).
//!
//! Opening it changes nothing, and shows nothing to anybody else: whoever opens it is signed in first, and to everybody but the addressee it is an address
//! that is nobody's.

use askama::Template;
use axum::{extract::Path, response::Response};
use domain::question::{Answer, MailNonce, Subject};
use edge::{
    App,
    answering::{self, Waiting},
    caller::Caller,
    problem::Problem,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    form::{OwnForm, not_understood},
    member::Member,
    page::{Frame, page, plain},
};

/// An answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    answer: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Asks {
    frame: Frame,
    /// Where the form goes: this very page.
    nonce: String,
    by: String,
    wish: &'static str,
    place: Option<String>,
    gives: &'static str,
    until: Timestamp,
}

#[derive(Template)]
#[template(path = "mail_answered.html")]
struct Answered {
    frame: Frame,
    by: String,
    accepted: bool,
    place: Option<String>,
}

/// Shows what is asked, with both answers.
///
/// # Errors
/// 404 for what was never asked, what somebody else was asked, and what is over.
pub(crate) async fn show(app: App, Member(caller): Member, Path(nonce): Path<String>) -> Result<Response, Problem> {
    let Waiting { question, by, place } = asked(&app, &caller, &nonce).await?;
    let (wish, gives) = match question.subject {
        Subject::Connection => ("asks to be connected with you.", "You are then known to each other. It gives neither of you any right."),
        Subject::Invitation(_) => ("invites you to", "You have then what you are invited to, and are known to whoever is named there."),
        Subject::Offer(_) => ("offers you", "You own it then, and answer for who reaches it."),
    };
    let asks = Asks {
        frame: Frame::of(&caller),
        nonce,
        by: plain(&by.name),
        wish,
        place: place.as_deref().map(plain),
        gives,
        until: question.until,
    };
    page(StatusCode::OK, &asks)
}

/// Answers, as the API would.
///
/// # Errors
/// 403 `cross-site`; 400 `form`; those of showing it, and of the act.
pub(crate) async fn say(
    app: App,
    Member(caller): Member,
    Path(nonce): Path<String>,
    OwnForm(said): OwnForm<Said>,
) -> Result<Response, Problem> {
    let asked = asked(&app, &caller, &nonce).await?;
    let said = Answer::of(&said.answer).ok_or_else(not_understood)?;
    answering::answer(&app, &caller, &asked, said, None).await?;
    let answered = Answered {
        frame: Frame::of(&caller),
        by: plain(&asked.by.name),
        accepted: said == Answer::Accept,
        place: asked.place.as_deref().map(plain),
    };
    page(StatusCode::OK, &answered)
}

/// What the address asks the caller, while that waits.
async fn asked(app: &App, caller: &Caller, nonce: &str) -> Result<Waiting, Problem> {
    let (nonce, now) = (MailNonce::parse(nonce).ok_or_else(Problem::not_found)?, app.now());
    let question = answering::asked(app, caller, &nonce, now).await?;
    answering::waiting(app, caller, question, now).await
}
