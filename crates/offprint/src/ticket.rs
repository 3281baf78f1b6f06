//! `offprint ticket`: an address by which one's own tools read a dataset, for a short while.

use clap::{Args, Subcommand, value_parser};
use wire::dataset::{NewTicket, Ticket};

use crate::{
    api::Remote,
    dataset::Named,
    exit::Failure,
    output::{Column, column, data, instant_of, printable},
};

/// What a ticket shows.
const TICKET: [Column; 5] = [
    column("id", "/id"),
    column("dataset", "/dataset"),
    column("until", "/until"),
    column("url", "/url"),
    column("streamed_url", "/streamed_url"),
];

/// Open a dataset in your own tools, without a link.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint ticket create lab:retina/exp-03.ome.zarr")]
pub(crate) struct TicketCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a URL that reads a dataset as you, for a while; prints the URL.
    #[command(after_help = "\
Example:
  offprint ticket create lab:retina/exp-03.ome.zarr --minutes 60

It ends with your rights, and is shown once. To let others read, make a link.")]
    Create {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// How long it lives, 1 to 720; 720 if left out.
        #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=720))]
        minutes: Option<u16>,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: TicketCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    let Verb::Create { dataset, minutes } = command.verb;
    let dataset = dataset.dataset(&api, out).await?;
    let ticket: Ticket = api.create(&["datasets", &dataset.id, "tickets"], &NewTicket { minutes }).await?.body;
    out.note(&format!(
        "Whoever has this URL reads {} as you, until {}. To end it sooner: offprint token revoke {}",
        printable(&dataset.place),
        instant_of(&ticket.until),
        ticket.id
    ));
    if out.is_for_reading() { data(&format!("{}\n", ticket.url)) } else { out.one(&TICKET, &ticket) }
}
