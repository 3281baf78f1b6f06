//! `offprint opening`: list, approve, decline, withdraw. What somebody would open to everybody waits for a second person.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use wire::opening::{DeclineOpening, Opening};

use crate::{
    api::{Api, Remote},
    dataset::Named,
    exit::{Exit, Failure},
    output::{Column, Output, column, instant_of, printable},
};

/// What an opening shows.
const OPENING: [Column; 10] = [
    column("dataset", "/dataset"),
    column("place", "/place"),
    column("by", "/by"),
    column("visibility", "/visibility"),
    column("restricted", "/restricted"),
    column("grant", "/grant"),
    column("waits_until", "/waits_until"),
    column("state", "/state"),
    column("reason", "/reason"),
    column("answer", "/answer"),
];

/// Say yes or no to what somebody else would open to everybody.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offprint opening list\n  offprint opening approve DATASET-ID")]
pub(crate) struct OpeningCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what waits for you, and what you asked for; or with a dataset what became of all that was asked for it.
    #[command(after_help = "Examples:\n  offprint opening list\n  offprint opening list lab:retina/exp-03.ome.zarr")]
    List {
        /// A dataset that you administer: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Option<Named>,
        /// The most openings to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Approve what waits on a dataset: it is open to everybody from then on.
    #[command(after_help = "Example:\n  offprint opening approve DATASET-ID")]
    Approve {
        /// The dataset's id, as `offprint opening list` shows it.
        #[arg(value_name = "ID")]
        dataset: String,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
    },
    /// Decline what waits on a dataset.
    #[command(after_help = "Example:\n  offprint opening decline DATASET-ID --reason 'two participants withdrew'")]
    Decline {
        /// The dataset's id, as `offprint opening list` shows it.
        #[arg(value_name = "ID")]
        dataset: String,
        /// Why: whoever asked reads it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take back what you asked for, or another on a dataset that you administer.
    #[command(after_help = "Example:\n  offprint opening withdraw DATASET-ID")]
    Withdraw {
        /// The dataset's id, as `offprint opening list` shows it.
        #[arg(value_name = "ID")]
        dataset: String,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: OpeningCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List { dataset: Some(dataset), limit } => {
            let id = dataset.id(&api, out).await?;
            list(&api, out, &["datasets", &id, "openings"], limit).await
        }
        Verb::List { dataset: None, limit } => list(&api, out, &["openings"], limit).await,
        Verb::Approve { dataset, yes } => approve(&api, out, &dataset, yes).await,
        Verb::Decline { dataset, reason } => {
            let ask = DeclineOpening { reason };
            out.one(&OPENING, &api.act::<Opening>(&["datasets", &dataset, "openings", "decline"], &ask).await?.body)
        }
        Verb::Withdraw { dataset } => {
            let path = ["datasets", dataset.as_str(), "openings", "withdraw"];
            out.one(&OPENING, &api.act::<Opening>(&path, &serde_json::json!({})).await?.body)
        }
    }
}

async fn list(api: &Api, out: Output, path: &[&str], limit: NonZeroUsize) -> Result<(), Failure> {
    let (items, more): (Vec<Opening>, bool) = api.list(path, &[], limit.get()).await?;
    out.list(&OPENING, &items)?;
    out.more(more, limit);
    Ok(())
}

/// Approves what was looked at: where the dataset became another since, nothing is done.
async fn approve(api: &Api, out: Output, dataset: &str, yes: bool) -> Result<(), Failure> {
    let (items, _more): (Vec<Opening>, bool) = api.list(&["openings"], &[], 1_000).await?;
    let found = items.into_iter().find(|opening| opening.dataset == dataset);
    let waits = found.ok_or_else(|| Failure::new(Exit::NotFound, format!("nothing waits on {} for you", printable(dataset))))?;
    let gains = waits.effects_on_all.iter().map(|effect| format!("{} get {}", effect.to, effect.gains.join(", ")));
    let granted = waits.to_all.iter().map(|grant| {
        let begins = grant.not_before.as_deref().map_or_else(String::new, |at| format!(" from {}", instant_of(at)));
        format!("granted to {}: {}{begins}", grant.to, grant.role)
    });
    let what: Vec<String> = gains.chain(granted).collect();
    let what = if what.is_empty() { "nothing is granted to everybody yet".to_owned() } else { what.join("; ") };
    let below = match waits.opened_below.unwrap_or_default() {
        0 => String::new(),
        below => format!(" Datasets in it that are opened with it: {below}{}.", if waits.more_below { " or more" } else { "" }),
    };
    out.confirm(&format!("{} is opened to everybody: {what}.{below}", printable(&waits.place)), "Approve it?", yes).await?;
    let path = ["datasets", dataset, "openings", "approve"];
    let version = waits.dataset_version.unwrap_or_default();
    out.one(&OPENING, &api.act_on::<Opening>(&path, version, &serde_json::json!({})).await?.body)
}

/// Says that what was asked for waits.
pub(crate) fn waits(out: Output, opening: &Opening) -> Result<(), Failure> {
    let (place, until) = (printable(&opening.place), instant_of(&opening.waits_until));
    out.note(&format!(
        "Nothing is open yet: a second person has to approve it, until {until}. Whoever may finds {place} in `offprint opening list`."
    ));
    out.one(&OPENING, opening)
}
