//! `offprint connection`: list, show, ask, accept, reject, cancel, remove. Two people are known to each other.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use serde::Serialize;
use wire::connection::{Connected, Connection, NewConnection};

use crate::{
    api::{Api, Remote, Reply},
    exit::Failure,
    output::{Column, Output, column, instant_of, printable},
};

/// What a connection shows.
const CONNECTION: [Column; 5] = [
    column("name", "/name"),
    column("state", "/state"),
    column("asked_by", "/asked_by"),
    column("since", "/since"),
    column("waits_until", "/waits_until"),
];

/// Whether two are connected, and by what.
const CONNECTED: [Column; 5] = [
    column("name", "/name"),
    column("connected", "/connected"),
    column("agreed", "/agreed/state"),
    column("datasets", "/dataset_places"),
    column("projects", "/project_names"),
];

/// A connection, with the name of who asked for it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    connection: &'a Connection,
    asked_by: &'a str,
}

impl<'a> Shown<'a> {
    fn of(connection: &'a Connection) -> Self {
        Self { connection, asked_by: if connection.by == connection.user { &connection.name } else { "you" } }
    }
}

/// The same as a line a value.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    connected: &'a Connected,
    dataset_places: Vec<String>,
    project_names: Vec<String>,
}

/// Be known to people: by agreeing, or by what you are both named in. It gives nobody any right.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint connection ask ada")]
pub(crate) struct ConnectionCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

/// The person that is meant.
#[derive(Debug, Args)]
struct One {
    /// The name or id of the other person.
    #[arg(value_name = "NAME|ID")]
    user: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what you agreed with others, asked of them or were asked.
    #[command(after_help = "Examples:\n  offprint connection list\n  offprint connection list --only pending --asked of-me")]
    List {
        /// Only those that are pending, expired, accepted, rejected, cancelled or removed.
        #[arg(long, value_name = "STATE", value_parser = ["pending", "expired", "accepted", "rejected", "cancelled", "removed"], hide_possible_values = true)]
        only: Option<String>,
        /// Only those that you asked (by-me), or that you were asked (of-me).
        #[arg(long, value_name = "SIDE", value_parser = ["by-me", "of-me"], hide_possible_values = true)]
        asked: Option<String>,
        /// The most connections to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Say whether you and somebody are connected, and by what.
    #[command(after_help = "Example:\n  offprint connection show ada")]
    Show(One),
    /// Ask somebody for a connection; it waits for 30 days.
    #[command(after_help = "Example:\n  offprint connection ask ada")]
    Ask(One),
    /// Accept a connection that somebody asked of you.
    #[command(after_help = "Example:\n  offprint connection accept ada")]
    Accept(One),
    /// Reject a connection that somebody asked of you; that person may ask again after 30 days.
    #[command(after_help = "Example:\n  offprint connection reject ada")]
    Reject(One),
    /// Take back what you asked.
    #[command(after_help = "Example:\n  offprint connection cancel ada")]
    Cancel(One),
    /// End a connection, where nothing that you share connects you without it.
    #[command(after_help = "Example:\n  offprint connection remove ada")]
    Remove(One),
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: ConnectionCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List { only, asked, limit } => {
            let filters = [("state", only.as_deref()), ("asked", asked.as_deref())];
            let (items, more): (Vec<Connection>, bool) = api.list(&["connections"], &filters, limit.get()).await?;
            out.list(&CONNECTION, &items.iter().map(Shown::of).collect::<Vec<_>>())?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show(One { user }) => {
            let Reply { body: connected, .. } = api.get::<Connected>(&["connections", &user]).await?;
            // What they shared before people here were asked first.
            let named =
                |name: &str, before: Option<bool>| if before == Some(true) { format!("{name} (from before)") } else { name.to_owned() };
            let dataset_places = connected.shared.datasets.iter().map(|dataset| named(&dataset.place, dataset.before)).collect();
            let project_names = connected.shared.projects.iter().map(|project| named(&project.name, project.before)).collect();
            out.one(&CONNECTED, &Told { connected: &connected, dataset_places, project_names })
        }
        Verb::Ask(One { user }) => {
            let Reply { body: asked, .. } = api.create::<Connection>(&["connections"], &NewConnection { to: user }).await?;
            let until = instant_of(&asked.waits_until);
            out.note(&format!("It waits for {} until {until}. The person is told.", printable(&asked.name)));
            out.one(&CONNECTION, &Shown::of(&asked))
        }
        Verb::Accept(One { user }) => {
            let accepted = api.create::<Connection>(&["connections", &user, "accept"], &serde_json::json!({})).await?;
            out.one(&CONNECTION, &Shown::of(&accepted.body))
        }
        Verb::Reject(One { user }) => end(&api, out, &user, "reject").await,
        Verb::Cancel(One { user }) => end(&api, out, &user, "cancel").await,
        Verb::Remove(One { user }) => end(&api, out, &user, "remove").await,
    }
}

/// Ends a request or a connection. It gives nobody any right, so nothing is lost by it and nothing is asked.
async fn end(api: &Api, out: Output, user: &str, word: &str) -> Result<(), Failure> {
    let Reply { body: over, .. } = api.act::<Connection>(&["connections", user, word], &serde_json::json!({})).await?;
    out.one(&CONNECTION, &Shown::of(&over))
}
