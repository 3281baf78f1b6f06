//! `offprint offer`: make, list, accept, decline, withdraw. A dataset goes to another owner, who accepts it.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use wire::{
    dataset::DatasetChanged,
    offer::{EndOffer, NewOffer, Offer},
};

use crate::{
    api::{Api, Remote, Reply},
    dataset::{Named, tell},
    exit::Failure,
    output::{Column, Output, column, instant_of, printable},
};

/// What an offer shows.
const OFFER: [Column; 7] = [
    column("dataset", "/dataset"),
    column("place", "/place"),
    column("by", "/by"),
    column("to", "/to"),
    column("waits_until", "/waits_until"),
    column("state", "/state"),
    column("reason", "/reason"),
];

/// Pass a dataset on to another owner, who accepts it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint offer make lab:retina/exp-03.ome.zarr --to ada")]
pub(crate) struct OfferCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Offer a dataset that you own; it stays yours until the other accepts.
    #[command(after_help = "Example:\n  offprint offer make lab:retina/exp-03.ome.zarr --to ada --reason 'you lead this now'")]
    Make {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// The name or id of who is to own it.
        #[arg(long, value_name = "NAME|ID")]
        to: String,
        /// Why: whom it is offered to reads it.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// List what is offered to you, or with a dataset what became of the offers of it.
    #[command(after_help = "Examples:\n  offprint offer list\n  offprint offer list lab:retina/exp-03.ome.zarr")]
    List {
        /// A dataset that you own: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Option<Named>,
        /// The most offers to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Accept a dataset that is offered to you: you own it from then on.
    #[command(after_help = "Example:\n  offprint offer accept DATASET-ID")]
    Accept {
        /// The dataset's id, as `offprint offer list` shows it.
        #[arg(value_name = "ID")]
        dataset: String,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
        /// Return when the change is in force everywhere.
        #[arg(long)]
        wait: bool,
    },
    /// Decline a dataset that is offered to you.
    #[command(after_help = "Example:\n  offprint offer decline DATASET-ID --reason 'ask Nia'")]
    Decline {
        /// The dataset's id, as `offprint offer list` shows it.
        #[arg(value_name = "ID")]
        dataset: String,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take the offer of a dataset back.
    #[command(after_help = "Example:\n  offprint offer withdraw lab:retina/exp-03.ome.zarr")]
    Withdraw {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: OfferCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Make { dataset, to, reason } => make(&api, out, &dataset.id(&api, out).await?, NewOffer { to, reason }).await,
        Verb::List { dataset: Some(dataset), limit } => {
            let id = dataset.id(&api, out).await?;
            list(&api, out, &["datasets", &id, "offers"], limit).await
        }
        Verb::List { dataset: None, limit } => list(&api, out, &["me", "offers"], limit).await,
        Verb::Accept { dataset, yes, wait } => {
            let consequence = format!("You own {} from then on, and answer for who reaches it.", printable(&dataset));
            out.confirm(&consequence, "Accept this dataset?", yes).await?;
            let path = ["datasets", dataset.as_str(), "offers", "accept"];
            tell(out, api.create::<DatasetChanged>(&path, &serde_json::json!({})).await?, wait).await
        }
        Verb::Decline { dataset, reason } => end(&api, out, &dataset, "decline", reason).await,
        Verb::Withdraw { dataset, reason } => end(&api, out, &dataset.id(&api, out).await?, "withdraw", reason).await,
    }
}

async fn make(api: &Api, out: Output, dataset: &str, new: NewOffer) -> Result<(), Failure> {
    let Reply { body: made, .. } = api.create::<Offer>(&["datasets", dataset, "offers"], &new).await?;
    let (place, until) = (printable(&made.place), instant_of(&made.waits_until));
    out.note(&format!("{place} waits for {} until {until}, and is yours until then. The person is told.", printable(&new.to)));
    out.one(&OFFER, &made)
}

async fn list(api: &Api, out: Output, path: &[&str], limit: NonZeroUsize) -> Result<(), Failure> {
    let (items, more): (Vec<Offer>, bool) = api.list(path, &[], limit.get()).await?;
    out.list(&OFFER, &items)?;
    out.more(more, limit);
    Ok(())
}

/// Declines an offer, or takes one back. It gives nobody anything while it waits, so nothing is lost by it and nothing is asked.
async fn end(api: &Api, out: Output, dataset: &str, word: &str, reason: Option<String>) -> Result<(), Failure> {
    let Reply { body: over, .. } = api.act::<Offer>(&["datasets", dataset, "offers", word], &EndOffer { reason }).await?;
    out.one(&OFFER, &over)
}
