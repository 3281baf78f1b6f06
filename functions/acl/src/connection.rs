//! `/api/v1/connections`: who is known to whom, because both agreed or by what both are named in (ACCESS 7). A connection gives nobody any right.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    connection::{Connection, ConnectionState, Directory, Turn, connection_asked},
    decision::{Action, Facts},
    limits::CONNECTIONS_ASKED_DAY_MAX,
    project::Project,
    user::User,
};
use edge::{
    App,
    answering::{self, Turned},
    asked::{Filling, Filters, Id, Listing},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use table::{
    TableError,
    contexts::{Common, Contexts},
};

use crate::{subject::person, user::found};

/// Which connections.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// Only those that are `pending`, `expired`, `accepted`, `rejected`, `cancelled` or `removed`.
    #[param(inline)]
    state: Option<Stand>,
    /// Only those that were asked `by-me` or `of-me`.
    #[param(inline)]
    asked: Option<Side>,
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How a connection stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Stand {
    Pending,
    Expired,
    Accepted,
    Rejected,
    Cancelled,
    Removed,
}

impl Stand {
    fn of(connection: &Connection, now: Timestamp) -> Self {
        match connection.state {
            ConnectionState::Pending if connection.waits(now) => Self::Pending,
            ConnectionState::Pending => Self::Expired,
            ConnectionState::Accepted => Self::Accepted,
            ConnectionState::Rejected => Self::Rejected,
            ConnectionState::Cancelled => Self::Cancelled,
            ConnectionState::Removed => Self::Removed,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Removed => "removed",
        }
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Side {
    ByMe,
    OfMe,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::ByMe => "by-me",
            Self::OfMe => "of-me",
        }
    }
}

/// Lists what the caller agreed with others, asked of them or was asked, by the others' ids; what ended too, as long as it is kept, which is for
/// 30 days. A page may be short before the last one. What connects the caller with somebody without either asking is shown with that person.
///
/// # Errors
/// 400 for a filter, limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", operation_id = "list_connections", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of connections", body = wire::page::Page<wire::connection::Connection>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let filters = [("state", ask.state.map(Stand::word)), ("asked", ask.asked.map(Side::word))];
    let listing = Listing::new("/api/v1/connections", &filters, ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let me = caller.user.id;
    let is_wanted = |connection: &Connection| {
        let side = if connection.by == me { Side::ByMe } else { Side::OfMe };
        ask.state.is_none_or(|state| state == Stand::of(connection, now)) && ask.asked.is_none_or(|asked| asked == side)
    };
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = app.table.connections_of(me, &page).await?;
        filling.keep(found.items.into_iter().filter(is_wanted), found.next);
    }
    let Filling { items: found, next, .. } = filling;
    let people = app.table.users(&found.iter().map(|connection| connection.other_than(me)).collect::<Vec<_>>()).await?;
    let other = |connection: &Connection| people.iter().find(|person| person.id == connection.other_than(me));
    let items = found.iter().filter_map(|connection| Some(shown(connection, other(connection)?, now))).collect();
    listing.answer(&app, &caller, items, next.as_deref(), now)
}

/// Says whether the caller and somebody are connected, and by what: what they agreed, and the datasets and projects that both are named in, of
/// those that the caller may know of.
///
/// # Errors
/// 404 for a name that nobody has.
#[utoipa::path(get, path = "/api/v1/connections/{id}", tag = "connections", operation_id = "show_connection", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The other person's id or name")),
    responses((status = 200, description = "Whether they are connected", body = wire::connection::Connected), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let _may_see = caller.may(Action::See, &Facts::Deployment, now)?;
    let other = found(&app, &id).await?;
    let pair = app.table.pair(caller.user.id, other.id).await?;
    let contexts = app.table.contexts(caller.user.id, other.id, now).await?;
    let agreed = pair.connection.is_some_and(|connection| connection.state == ConnectionState::Accepted);
    Ok(json::ok(&wire::connection::Connected {
        user: other.id.to_string(),
        name: other.name.clone(),
        connected: agreed || contexts.connect(),
        agreed: pair.connection.map(|connection| shown(&connection, &other, now)),
        shared: known(&app, &caller, contexts, now).await?,
    }))
}

/// Asks somebody for a connection: it stands once the other accepts, within 30 days. The same request meets the one that waits.
///
/// # Errors
/// 409 `other-asked`, `connected`, `rejected-lately`, `suspended-person`; 422 for a person who is not there, `with-oneself` and `too-many`; 429
/// `too-many-connections` in a day.
#[utoipa::path(post, path = "/api/v1/connections", tag = "connections", operation_id = "ask_connection", security(("token" = ["groups"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::connection::NewConnection,
    responses((status = 201, description = "It waits", body = wire::connection::Connection), (status = 200, description = "The same request waits already", body = wire::connection::Connection), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn ask(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::connection::NewConnection>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/connections", &bytes);
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let to = person(&app, &ask.to, "/to").await?;
        let pair = app.table.pair(caller.user.id, to.id).await?;
        if let (Some(_before), Some(there)) = (app.table.once_if(caller.user.id, once.as_ref(), now).await?, pair.connection) {
            // It was done: what has become of it since.
            return Ok(json::created(&shown(&there, &to, now)));
        }
        let Some(request) = connection_asked(&permit, &to, pair.connection.as_ref(), now)? else {
            let waits = pair.connection.ok_or_else(Problem::not_found)?;
            app.table.connection_met(&permit, &to, once.as_ref(), now).await?;
            return Ok(json::ok(&shown(&waits, &to, now)));
        };
        match app.table.ask_connection(&permit, &pair, &request, once.as_ref(), now).await {
            // Something else became of the two meanwhile, or the person was suspended: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            Err(why @ TableError::TooMany { .. }) => return Err(too_many(why)),
            made => return Ok(json::created(&shown(&made?, &to, now))),
        }
    }
}

/// Accepts a request for a connection, by who was asked.
///
/// # Errors
/// 404 where the two have nothing to do with each other, 403 `other-side` for who asked; 409 `connection-over` for a request that does not wait any
/// more, `suspended-person` where whoever asked may not act.
#[utoipa::path(post, path = "/api/v1/connections/{id}/accept", tag = "connections", operation_id = "accept_connection", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The other person's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The connection", body = wire::connection::Connection), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn accept(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/connections/{id}/accept"), b"");
    turn(&app, &caller, &id, Turn::Accept, once.as_ref()).await
}

/// Rejects a request for a connection, by who was asked. Whoever asked may do so again after 30 days.
///
/// # Errors
/// As for accepting it.
#[utoipa::path(post, path = "/api/v1/connections/{id}/reject", tag = "connections", operation_id = "reject_connection", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The other person's id or name")),
    responses((status = 200, description = "The request as it is now", body = wire::connection::Connection), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn reject(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    turn(&app, &caller, &id, Turn::Reject, None).await
}

/// Takes a request for a connection back, by who asked.
///
/// # Errors
/// As for accepting it; 403 `other-side` for who was asked.
#[utoipa::path(post, path = "/api/v1/connections/{id}/cancel", tag = "connections", operation_id = "cancel_connection", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The other person's id or name")),
    responses((status = 200, description = "The request as it is now", body = wire::connection::Connection), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn cancel(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    turn(&app, &caller, &id, Turn::Cancel, None).await
}

/// Ends a connection, by either of the two, where nothing connects them without it.
///
/// # Errors
/// 404 where the two have nothing to do with each other; 409 `connection-over` where they are not connected, and `still-shared`, with what both are
/// named in.
#[utoipa::path(post, path = "/api/v1/connections/{id}/remove", tag = "connections", operation_id = "remove_connection", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The other person's id or name")),
    responses((status = 200, description = "The connection as it is now", body = wire::connection::Connection), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn remove(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    turn(&app, &caller, &id, Turn::Remove, None).await
}

async fn turn(app: &App, caller: &Caller, id: &str, turn: Turn, once: Option<&table::once::Once>) -> Result<Response, Problem> {
    let _may_ask = caller.may(Action::Gather, &Facts::Deployment, app.now())?;
    let other = found(app, id).await?;
    match answering::turn(app, caller, &other, turn, (None, once)).await? {
        Turned::Done(there) => Ok(json::ok(&shown(&there, &other, app.now()))),
        Turned::StillShared(contexts) => Err(still_shared(&known(app, caller, contexts, app.now()).await?)),
    }
}

/// What two people are both named in, as far as the caller may know of it.
async fn known(app: &App, caller: &Caller, contexts: Contexts, now: Timestamp) -> Result<wire::connection::Shared, Problem> {
    let mut shared = wire::connection::Shared { more: contexts.more, ..wire::connection::Shared::default() };
    let directory = app.config.directory;
    // Where nobody is asked, nothing is from before.
    let age = |since: Timestamp| match directory {
        Directory::Open => (None, None),
        Directory::Connections { .. } => (Some(since.to_string()), Some(directory.was_before(since))),
    };
    for Common { what: place, since } in contexts.datasets {
        let facts = caller.at(app, place).await?;
        if caller.may(Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok() {
            let (id, place) = (facts.place.dataset.id.to_string(), facts.place.to_string());
            let (since, before) = age(since);
            shared.datasets.push(wire::connection::SharedDataset { id, place, since, before });
        } else {
            shared.more = true;
        }
    }
    // Whoever is in a project knows of it.
    let project = |Common { what, since }: Common<Project>| {
        let (since, before) = age(since);
        wire::connection::SharedProject { id: what.id.to_string(), name: what.name, since, before }
    };
    shared.projects = contexts.projects.into_iter().map(project).collect();
    Ok(shared)
}

fn still_shared(shared: &wire::connection::Shared) -> Problem {
    let problem = Problem::new(StatusCode::CONFLICT, "still-shared", "both are named in the same data or project, which connects them")
        .hint("`shared` lists it, and so does `offprint connection show`: end that first, or leave it");
    match serde_json::to_value(shared) {
        Ok(shared) => problem.with("shared", shared),
        Err(_cannot_be_shown) => problem,
    }
}

fn too_many(why: TableError) -> Problem {
    match why {
        TableError::TooMany { max: CONNECTIONS_ASKED_DAY_MAX, .. } => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-connections",
            format!("at most `{CONNECTIONS_ASKED_DAY_MAX}` requests a day"),
        )
        .hint("go on tomorrow (UTC)"),
        why => Problem::from(why).hint("take back a request that waits, or wait until what ended is forgotten, 30 days later"),
    }
}

fn shown(connection: &Connection, other: &User, now: Timestamp) -> wire::connection::Connection {
    wire::connection::Connection {
        user: other.id.to_string(),
        name: other.name.clone(),
        by: connection.by.to_string(),
        at: connection.at.to_string(),
        waits_until: connection.until.to_string(),
        state: Stand::of(connection, now).word().to_owned(),
        since: connection.since.to_string(),
    }
}
