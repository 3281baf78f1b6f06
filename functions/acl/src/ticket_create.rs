//! `POST /api/v1/datasets/{id}/tickets`: an address by which the caller's own tools read one dataset, for a short while.

use axum::{extract::State, response::Response};
use domain::dataset::Kind;
use domain::{
    decision::{Action, DatasetFacts, Facts},
    id::TokenId,
    limits::TICKET_MINUTES_MAX,
    path::encode_key,
    token::{Scope, TicketSecret, Token, TokenKind},
};
use edge::{App, asked::Id, caller::Caller, json, json::Body, problem::Problem};
use http::StatusCode;
use jiff::SignedDuration;

/// Makes a ticket: personal, narrow, and void with the caller's rights. It is in this answer and nowhere else.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 422 `minutes`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/tickets", tag = "tokens", operation_id = "create_ticket", security(("token" = ["data"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::dataset::NewTicket,
    responses((status = 201, description = "The ticket, shown this once", body = wire::dataset::Ticket), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::dataset::NewTicket>,
) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let permit = caller.may(Action::MakeTicket, &Facts::Dataset(facts.clone()), now)?;
    let minutes = ask.minutes.unwrap_or(TICKET_MINUTES_MAX);
    if !(1..=TICKET_MINUTES_MAX).contains(&minutes) {
        let detail = format!("a ticket lives 1 to `{TICKET_MINUTES_MAX}` minutes");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "minutes", detail)
            .at("/minutes")
            .hint("make another when it has ended"));
    }
    let secret = TicketSecret::new(app.random()?);
    let life = SignedDuration::from_mins(i64::from(minutes));
    // A ticket never outlives what made it.
    let until = now.checked_add(life).unwrap_or(now).min(caller.token.until);
    let ticket = Token {
        id: TokenId::new(app.new_uuid(now)?),
        kind: TokenKind::Ticket,
        hash: secret.hash(),
        owner: caller.user.id,
        label: "ticket".to_owned(),
        scopes: vec![Scope::Data],
        dataset: Some(facts.place.dataset.id),
        until,
        made: now,
        revoked: None,
    };
    app.table.insert_token(&permit, &ticket, now).await?;
    Ok(json::created(&shown(&app, &facts, &ticket, &secret)))
}

fn shown(app: &App, facts: &DatasetFacts, ticket: &Token, secret: &TicketSecret) -> wire::dataset::Ticket {
    let origin = app.config.data_url.clone().unwrap_or_default();
    let slash = if facts.place.dataset.kind == Kind::File { "" } else { "/" };
    let (key, name) = (secret.reveal(), encode_key(facts.name()));
    wire::dataset::Ticket {
        id: ticket.id.to_string(),
        dataset: facts.place.dataset.id.to_string(),
        until: ticket.until.to_string(),
        url: format!("{origin}/{key}/{name}{slash}"),
        streamed_url: format!("{origin}/{key}-s/{name}{slash}"),
    }
}
