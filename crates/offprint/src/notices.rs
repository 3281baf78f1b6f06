//! `offprint notices`: show, set. How you are told what others do that concerns you.

use clap::{Args, Subcommand};
use wire::token::{Me, MeEdit};

use crate::{
    api::Remote,
    exit::Failure,
    output::{Column, column},
};

/// What the setting shows.
const NOTICES: [Column; 2] = [column("notices", "/notices"), column("address_known", "/address_known")];

/// Choose how you are told what others do that concerns you.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint notices set daily")]
pub(crate) struct NoticesCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show how you are told, and whether an address of yours is known.
    #[command(after_help = "Example:\n  offprint notices show")]
    Show,
    /// Say how to be told: each in a mail of its own, all of a day in one, or none.
    #[command(after_help = "Example:\n  offprint notices set none")]
    Set {
        /// each, daily or none.
        #[arg(value_name = "HOW", value_parser = ["each", "daily", "none"], hide_possible_values = true)]
        how: String,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: NoticesCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    let me: Me = match command.verb {
        Verb::Show => api.get(&["me"]).await?.body,
        Verb::Set { how } => api.edit(&["me"], None::<u64>, &MeEdit { notices: Some(how) }).await?.body,
    };
    out.one(&NOTICES, &me)
}
