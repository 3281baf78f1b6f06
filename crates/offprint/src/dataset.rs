//! `offprint dataset`: list, show, register.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use domain::id::DatasetId;
use wire::dataset::{Dataset, NewDataset};

use crate::{
    api::{Api, Remote, Reply},
    exit::{Exit, Failure},
    output::{Column, column},
    place::Place,
};

/// What a list of datasets shows.
const LIST: [Column; 4] = [column("id", "/id"), column("kind", "/kind"), column("state", "/state"), column("place", "/place")];
/// What one dataset shows.
const ONE: [Column; 8] = [
    column("id", "/id"),
    column("place", "/place"),
    column("name", "/name"),
    column("kind", "/kind"),
    column("state", "/state"),
    column("owner", "/owner"),
    column("registered", "/registered"),
    column("version", "/version"),
];
/// Datasets that are looked through for one by its place.
const LOOKED_THROUGH_MAX: usize = 100_000;

/// Register what can be shared, and show it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint dataset show lab:retina/exp-03.ome.zarr")]
pub(crate) struct DatasetCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the datasets that you own.
    #[command(after_help = "Example:\n  offprint dataset list --json")]
    List {
        /// Only those in this source.
        #[arg(long, value_name = "NAME|ID")]
        source: Option<String>,
        /// The most datasets to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Show one dataset.
    #[command(after_help = "Example:\n  offprint dataset show lab:retina/exp-03.ome.zarr")]
    Show {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: String,
    },
    /// Register a folder or a file of a source; `link create` does it by itself.
    #[command(after_help = "Example:\n  offprint dataset register lab:retina/exp-03.ome.zarr")]
    Register {
        /// What to register: NAME:PATH, a source and a path in it.
        place: Place,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: DatasetCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List { source, limit } => {
            let (datasets, more): (Vec<Dataset>, bool) = api.list(&["datasets"], &[("source", source.as_deref())], limit.get()).await?;
            out.list(&LIST, &datasets)?;
            if more {
                out.note(&format!("There are more than {limit}; ask for them with --limit."));
            }
            Ok(())
        }
        Verb::Show { dataset } => {
            let id = find_id(&api, &dataset).await?;
            out.one(&ONE, &api.get::<Dataset>(&["datasets", &id]).await?.body)
        }
        Verb::Register { place } => {
            let registered = register(&api, &place).await?;
            if !registered.is_new {
                out.note("It was registered already.");
            }
            out.one(&ONE, &registered.body)
        }
    }
}

/// Registers what is at a place; what is registered already stays as it is.
///
/// # Errors
/// The API's refusal.
pub(crate) async fn register(api: &Api, place: &Place) -> Result<Reply<Dataset>, Failure> {
    api.create(&["datasets"], &NewDataset { source: place.source().to_owned(), path: place.path() }).await
}

/// The id of the dataset that a place or an id names. Registers nothing.
///
/// # Errors
/// [`Exit::NotFound`] where nothing of the caller's is registered at the place.
pub(crate) async fn find_id(api: &Api, text: &str) -> Result<String, Failure> {
    if DatasetId::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let place: Place = text.parse().map_err(|why: String| Failure::new(Exit::Usage, why))?;
    let (datasets, _more): (Vec<Dataset>, bool) = api.list(&["datasets"], &[("source", Some(place.source()))], LOOKED_THROUGH_MAX).await?;
    datasets.into_iter().find(|dataset| place.is(&dataset.place)).map(|dataset| dataset.id).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no dataset of yours is registered at {place}"))
            .hint("`offprint dataset list` shows those that are")
    })
}
