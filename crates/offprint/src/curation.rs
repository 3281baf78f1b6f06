//! `offprint curation`: the curators' mark on a dataset: asked for, set, lifted, listed.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use wire::{
    curation::{CurationRequest, EndCurationRequest, Reason},
    dataset::Dataset,
};

use crate::{
    api::{Remote, Reply},
    dataset::{Named, SHARED},
    exit::Failure,
    output::{Column, column, instant_of, printable},
};

/// Said where closing a dataset, or taking back what everybody was granted, leaves its mark without effect.
pub(crate) const MARK_ASLEEP: &str = "The curators' mark on it does not count while it is open neither to all accounts nor to the world.";

/// What a request shows.
const REQUEST: [Column; 7] = [
    column("dataset", "/dataset"),
    column("place", "/place"),
    column("by", "/by"),
    column("waits_until", "/waits_until"),
    column("state", "/state"),
    column("reason", "/reason"),
    column("answer", "/answer"),
];

/// What is open to everybody and was looked at by a curator, and what asks for that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint curation datasets")]
pub(crate) struct CurationCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the datasets that are marked as curated, the latest first.
    #[command(after_help = "Example:\n  offprint curation datasets --json")]
    Datasets {
        /// The most datasets to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Ask for the mark on a dataset that is open to all accounts or the world.
    #[command(after_help = "Example:\n  offprint curation ask lab:retina/exp-03.ome.zarr --reason 'complete, and cited'")]
    Ask {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// Why: the curators read it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// For curators: list what waits for an answer, the oldest first. With a dataset, what became of the requests for it.
    #[command(after_help = "Examples:\n  offprint curation list\n  offprint curation list lab:retina/exp-03.ome.zarr")]
    List {
        /// A dataset that you administer: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Option<Named>,
        /// The most requests to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Take the request back.
    #[command(after_help = "Example:\n  offprint curation withdraw lab:retina/exp-03.ome.zarr")]
    Withdraw {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// For curators: mark a dataset, which accepts the request that waits.
    #[command(after_help = "Example:\n  offprint curation mark DATASET-ID --reason 'metadata are complete'")]
    Mark(Answered),
    /// For curators: take the mark off.
    #[command(after_help = "Example:\n  offprint curation unmark DATASET-ID --reason 'superseded'")]
    Unmark(Answered),
    /// For curators: decline the request that waits.
    #[command(after_help = "Example:\n  offprint curation decline DATASET-ID --reason 'the licence is missing'")]
    Decline(Answered),
}

/// What a curator says of a dataset.
#[derive(Debug, Args)]
struct Answered {
    /// The dataset's id, as the list has it.
    #[arg(value_name = "ID")]
    dataset: String,
    /// Why: whoever asked reads it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: CurationCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Datasets { limit } => {
            let (datasets, more): (Vec<Dataset>, bool) = api.list(&["curated"], &[], limit.get()).await?;
            out.list(&SHARED, &datasets)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Ask { dataset, reason } => {
            let id = dataset.id(&api, out).await?;
            let Reply { body: made, .. } = api.create::<CurationRequest>(&["datasets", &id, "curation"], &Reason { reason }).await?;
            out.note(&format!("{} waits for a curator until {}.", printable(&made.place), instant_of(&made.waits_until)));
            out.one(&REQUEST, &made)
        }
        Verb::List { dataset, limit } => {
            let id = match dataset {
                Some(dataset) => Some(dataset.id(&api, out).await?),
                None => None,
            };
            let path = id.as_deref().map_or_else(|| vec!["curation"], |id| vec!["datasets", id, "curation"]);
            let (requests, more): (Vec<CurationRequest>, bool) = api.list(&path, &[], limit.get()).await?;
            out.list(&REQUEST, &requests)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Withdraw { dataset, reason } => {
            let id = dataset.id(&api, out).await?;
            let path = ["datasets", id.as_str(), "curation", "withdraw"];
            out.one(&REQUEST, &api.act::<CurationRequest>(&path, &EndCurationRequest { reason }).await?.body)
        }
        Verb::Mark(Answered { dataset, reason }) => {
            let path = ["datasets", dataset.as_str(), "curation", "mark"];
            out.list(&SHARED, &[api.create::<Dataset>(&path, &Reason { reason }).await?.body])
        }
        Verb::Unmark(Answered { dataset, reason }) => {
            let path = ["datasets", dataset.as_str(), "curation", "unmark"];
            out.list(&SHARED, &[api.create::<Dataset>(&path, &Reason { reason }).await?.body])
        }
        Verb::Decline(Answered { dataset, reason }) => {
            let path = ["datasets", dataset.as_str(), "curation", "decline"];
            out.one(&REQUEST, &api.act::<CurationRequest>(&path, &Reason { reason }).await?.body)
        }
    }
}
