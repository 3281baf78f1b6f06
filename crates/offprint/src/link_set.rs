//! `offprint link-set`: create, list, show, add, remove, retire.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use wire::link_set::{LinkSet, LinkSetDatasets, NewLinkSet};

use crate::{
    api::{Api, Remote},
    dataset::{Named, find_id},
    exit::Failure,
    output::{Column, Output, column},
};

/// What a link set shows.
const LINK_SET: [Column; 6] = [
    column("id", "/id"),
    column("label", "/label"),
    column("datasets", "/places"),
    column("others", "/others"),
    column("state", "/state"),
    column("made", "/made"),
];

/// Share datasets together: whoever gets the role full, or more, on one of a set gets it on all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint link-set create lab:retina/exp-03.ome.zarr lab:retina/exp-03-masks.zarr --label 'experiment 3'
  offprint grant give lab:retina/exp-03.ome.zarr --to user:ada --role full --dry-run")]
pub(crate) struct LinkSetCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a set of datasets that are in none. What was given before stays as it is.
    #[command(after_help = "Example:\n  offprint link-set create lab:retina/exp-03.ome.zarr lab:retina/exp-03-masks.zarr")]
    Create {
        #[command(flatten)]
        datasets: Datasets,
        /// What people call it.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// List the sets that you made.
    #[command(after_help = "Example:\n  offprint link-set list --json")]
    List {
        /// The most to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Show one set; `dataset show` says which one a dataset is in.
    #[command(after_help = "Example:\n  offprint link-set show SET-ID")]
    Show(One),
    /// Put datasets into a set: whoever gives something on the others needs the right on these, too, from then on.
    #[command(after_help = "Example:\n  offprint link-set add SET-ID lab:retina/exp-03-tracks.zarr")]
    Add {
        #[command(flatten)]
        set: One,
        #[command(flatten)]
        datasets: Datasets,
    },
    /// Take datasets out of a set. What was given by it stays; the last one ends it.
    #[command(after_help = "Example:\n  offprint link-set remove SET-ID lab:retina/exp-03-tracks.zarr")]
    Remove {
        #[command(flatten)]
        set: One,
        #[command(flatten)]
        datasets: Datasets,
    },
    /// End a set, for good. What was given by it stays.
    #[command(after_help = "Example:\n  offprint link-set retire SET-ID")]
    Retire(One),
}

/// The set that is meant.
#[derive(Debug, Args)]
struct One {
    /// The set's id.
    #[arg(value_name = "SET-ID")]
    set: String,
}

/// The datasets that are meant.
#[derive(Debug, Args)]
struct Datasets {
    /// The datasets: NAME:PATH, or ids.
    #[arg(value_name = "PLACE|ID", required = true)]
    datasets: Vec<Named>,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: LinkSetCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Create { datasets, label } => {
            let new = NewLinkSet { label, datasets: ids(&api, &datasets).await? };
            out.one(&LINK_SET, &api.create::<LinkSet>(&["link-sets"], &new).await?.body)
        }
        Verb::List { limit } => {
            let (items, more): (Vec<LinkSet>, bool) = api.list(&["link-sets"], &[], limit.get()).await?;
            out.list(&LINK_SET, &items)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show(One { set }) => out.one(&LINK_SET, &api.get::<LinkSet>(&["link-sets", &set]).await?.body),
        Verb::Add { set, datasets } => change(&api, out, &["link-sets", &set.set, "datasets"], &datasets).await,
        Verb::Remove { set, datasets } => change(&api, out, &["link-sets", &set.set, "datasets", "remove"], &datasets).await,
        Verb::Retire(One { set }) => {
            out.one(&LINK_SET, &api.create::<LinkSet>(&["link-sets", &set, "retire"], &serde_json::json!({})).await?.body)
        }
    }
}

async fn change(api: &Api, out: Output, path: &[&str], datasets: &Datasets) -> Result<(), Failure> {
    let ask = LinkSetDatasets { datasets: ids(api, datasets).await? };
    out.one(&LINK_SET, &api.create::<LinkSet>(path, &ask).await?.body)
}

/// Only what is registered is in a set.
async fn ids(api: &Api, datasets: &Datasets) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for dataset in &datasets.datasets {
        ids.push(find_id(api, &dataset.to_string()).await?);
    }
    Ok(ids)
}
