//! How a ticket is made, wherever that is asked for.

use domain::{
    dataset::Kind,
    decision::{Action, DatasetFacts, Facts},
    id::TokenId,
    limits::TICKET_MINUTES_MAX,
    path::encode_key,
    token::{Scope, TicketSecret, Token, TokenKind},
};
use http::StatusCode;
use jiff::SignedDuration;
use table::once::Once;

use crate::{App, caller::Caller, problem::Problem};

/// Makes a ticket of the caller's for the dataset of this id, for [`TICKET_MINUTES_MAX`] minutes unless fewer are asked for. Its address is
/// in this answer, and in that to the same request sent again, and nowhere else.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 where it may not be read, 409 `shown-elsewhere`, 422 `minutes`.
pub async fn make(
    app: &App,
    caller: &Caller,
    id: &str,
    minutes: Option<u16>,
    once: Option<&Once>,
) -> Result<wire::dataset::Ticket, Problem> {
    let now = app.now();
    let facts = caller.dataset(app, id).await?;
    let permit = caller.may(Action::MakeTicket, &Facts::Dataset(facts.clone()), now)?;
    let minutes = minutes.unwrap_or(TICKET_MINUTES_MAX);
    if !(1..=TICKET_MINUTES_MAX).contains(&minutes) {
        let detail = format!("a ticket lives 1 to `{TICKET_MINUTES_MAX}` minutes");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "minutes", detail)
            .at("/minutes")
            .hint("make another when it has ended"));
    }
    let made = TokenId::new(app.new_uuid(now)?);
    let bits = caller.secret_bits(app, once, made)?;
    let life = SignedDuration::from_mins(i64::from(minutes));
    // A ticket never outlives what made it.
    let until = now.checked_add(life).unwrap_or(now).min(caller.token.until);
    let ticket = Token {
        id: made,
        kind: TokenKind::Ticket,
        hash: TicketSecret::new(bits).hash(),
        owner: caller.user.id,
        label: "ticket".to_owned(),
        scopes: vec![Scope::Data],
        dataset: Some(facts.place.dataset.id),
        until,
        made: now,
        revoked: None,
    };
    let ticket = app.table.insert_token(&permit, &ticket, once, now).await?;
    let secret = TicketSecret::new(caller.shown_again(bits, once, &ticket, |bits| TicketSecret::new(bits).hash())?);
    Ok(shown(app, &facts, &ticket, &secret))
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
