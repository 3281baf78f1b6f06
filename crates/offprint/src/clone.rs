//! `offprint clone`: make, list, show, edit, retire. A reference clone stands for a dataset, and is read as that.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use domain::id::CloneId;
use wire::clone::{CloneEdit, CloneRetired, NewClone, ReferenceClone};

use crate::{
    api::{InForce, Remote, Reply, Stops},
    dataset::find_id,
    exit::Failure,
    output::{Column, Format, column},
};

/// What a list of clones shows.
const LIST: [Column; 4] =
    [column("id", "/id"), column("title", "/title"), column("original", "/original/place"), column("rights", "/original/rights")];
/// What one clone shows.
const ONE: [Column; 9] = [
    column("id", "/id"),
    column("title", "/title"),
    column("notes", "/notes"),
    column("state", "/state"),
    column("original", "/original/id"),
    column("place", "/original/place"),
    column("rights", "/original/rights"),
    column("url", "/url"),
    column("made", "/made"),
];

/// Keep a dataset of somebody else's among your own, by reference: no bytes are copied, and you read it as long as you may read the original.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint clone make DATASET-ID --title 'Retina, for the talk'")]
pub(crate) struct CloneCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a clone of a dataset that you may clone.
    #[command(after_help = "Example:\n  offprint clone make DATASET-ID --title 'Retina, for the talk' --notes 'slices 40 to 60'")]
    Make {
        /// The dataset: NAME:PATH, or its id, or that of a clone.
        #[arg(value_name = "PLACE|ID")]
        dataset: String,
        /// What you call it.
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// What you say of it.
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
    },
    /// List your clones, the latest first.
    #[command(after_help = "Example:\n  offprint clone list --json")]
    List {
        /// The most clones to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Show a clone, and where it opens.
    #[command(after_help = "Example:\n  offprint clone show CLONE-ID")]
    Show {
        /// The clone's id.
        #[arg(value_name = "ID")]
        clone: String,
    },
    /// Change what you call it, or say of it.
    #[command(after_help = "Example:\n  offprint clone edit CLONE-ID --notes ''")]
    Edit {
        /// The clone's id.
        #[arg(value_name = "ID")]
        clone: String,
        #[command(flatten)]
        texts: Texts,
    },
    /// Retire a clone: its address opens nothing any more. The original stays as it is.
    #[command(after_help = "Example:\n  offprint clone retire CLONE-ID")]
    Retire {
        /// The clone's id.
        #[arg(value_name = "ID")]
        clone: String,
        /// Return when the change is in force everywhere.
        #[arg(long)]
        wait: bool,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Texts {
    /// What you call it.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What you say of it; empty: nothing.
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: CloneCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Make { dataset, title, notes } => {
            let dataset = if CloneId::parse(&dataset).is_ok() { dataset } else { find_id(&api, &dataset).await? };
            out.one(&ONE, &api.create::<ReferenceClone>(&["clones"], &NewClone { dataset, title, notes }).await?.body)
        }
        Verb::List { limit } => {
            let (clones, more): (Vec<ReferenceClone>, bool) = api.list(&["clones"], &[], limit.get()).await?;
            out.list(&LIST, &clones)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show { clone } => out.one(&ONE, &api.get::<ReferenceClone>(&["clones", &clone]).await?.body),
        Verb::Edit { clone, texts: Texts { title, notes } } => {
            let path = ["clones", clone.as_str()];
            let version = api.get::<ReferenceClone>(&path).await?.body.version;
            let notes = notes.map(|text| Some(text).filter(|text| !text.is_empty()));
            out.one(&ONE, &api.edit::<ReferenceClone>(&path, Some(version), &CloneEdit { title, notes }).await?.body)
        }
        Verb::Retire { clone, wait } => {
            let Reply { body: retired, date, .. } = api.act::<CloneRetired>(&["clones", &clone, "retire"], &serde_json::json!({})).await?;
            match out.format {
                Format::Table | Format::Csv => out.one(&ONE, &retired.clone)?,
                Format::Json | Format::Jsonl => out.one(&ONE, &retired)?,
            }
            InForce { stops: Stops::Beyond, by: Some(&retired.enforced_by), date, wait }.tell(out).await;
            Ok(())
        }
    }
}
