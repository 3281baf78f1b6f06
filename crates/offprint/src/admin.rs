//! `offprint admin`: what only administrators do, and seldom.

use clap::{Args, Subcommand};
use domain::timing::Timing;
use wire::source::{Serving, ServingAsk};

use crate::{
    api::{InForce, Remote, Reply, Stops},
    bootstrap::{self, Bootstrap},
    exit::Failure,
    output::{Column, bound, column},
};

/// What the panic switch shows.
const SERVING: [Column; 3] = [column("serving", "/serving"), column("sources", "/sources"), column("enforced_by", "/enforced_by")];

/// Do what only administrators do, and seldom.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint admin panic --reason 'a key was published'")]
pub(crate) struct AdminCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Bootstrap(Bootstrap),
    /// Stop serving: no link of any source opens anything until serving is resumed.
    Panic(Panic),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint admin panic --reason 'a key was published'
  offprint admin panic --resume")]
struct Panic {
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT", required_unless_present = "resume")]
    reason: Option<String>,
    /// Serve again.
    #[arg(long)]
    resume: bool,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
    /// Return when reading has stopped.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Runs an act.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: AdminCommand) -> Result<(), Failure> {
    match command.act {
        Act::Bootstrap(ask) => bootstrap::run(ask).await,
        Act::Panic(ask) => panic(ask).await,
    }
}

async fn panic(ask: Panic) -> Result<(), Failure> {
    let (api, out) = (ask.remote.api()?, ask.remote.out());
    if !ask.resume {
        let consequence = format!(
            "Every link of every source refuses until serving is resumed. Reading stops within {}. A download that is already running may finish.",
            bound(Timing::WORLD)
        );
        out.confirm(&consequence, "Stop serving?", ask.yes).await?;
    }
    let reason = ask.reason.unwrap_or_else(|| "resumed".to_owned());
    let Reply { body, date, .. } = api.create::<Serving>(&["serving"], &ServingAsk { serving: ask.resume, reason }).await?;
    out.one(&SERVING, &body)?;
    InForce { stops: Stops::Everything, by: body.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}
