//! `/datasets/{id}/tickets/new`: a form for a ticket, and the ticket, shown once.

use askama::Template;
use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    limits::TICKET_MINUTES_MAX,
};
use edge::{App, asked::Id, problem::Problem, ticket};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    form::OwnForm,
    member::Member,
    page::{Frame, page, plain},
};

/// How long a ticket shall live.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    minutes: u16,
}

#[derive(Template)]
#[template(path = "ticket_new.html")]
struct NewTicket {
    frame: Frame,
    id: String,
    name: String,
    place: String,
    lives: [(u16, &'static str); 3],
}

#[derive(Template)]
#[template(path = "ticket_made.html")]
struct TicketMade {
    frame: Frame,
    name: String,
    until: Timestamp,
    ticket: wire::dataset::Ticket,
}

/// Shows the form.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 where it may not be read.
pub(crate) async fn show(app: App, Member(caller): Member, Id(id): Id) -> Result<Response, Problem> {
    let facts = caller.dataset(&app, &id).await?;
    let _permit = caller.may(Action::MakeTicket, &Facts::Dataset(facts.clone()), app.now())?;
    let form = NewTicket {
        frame: Frame::of(&caller),
        id: facts.place.dataset.id.to_string(),
        name: plain(facts.name()),
        place: plain(&facts.place.to_string()),
        lives: [(60, "1 hour"), (240, "4 hours"), (TICKET_MINUTES_MAX, "12 hours")],
    };
    page(StatusCode::OK, &form)
}

/// Makes the ticket. It is on this page and nowhere else.
///
/// # Errors
/// 403 `cross-site`, 422 `minutes`, and those of the form.
pub(crate) async fn create(app: App, Member(caller): Member, Id(id): Id, OwnForm(ask): OwnForm<Ask>) -> Result<Response, Problem> {
    let ticket = ticket::make(&app, &caller, &id, Some(ask.minutes), None).await?;
    let facts = caller.dataset(&app, &id).await?;
    let until = ticket.until.parse().unwrap_or(caller.token.until);
    page(StatusCode::CREATED, &TicketMade { frame: Frame::of(&caller), name: plain(facts.name()), until, ticket })
}
