//! `offprint copy`: list, show, cancel; and `offprint dataset copy`, which asks for one. The stores copy, and Offprint sees to it that all of it comes.

use std::{
    io::IsTerminal,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;
use wire::copy::{Copy, CopyTrial, NewCopy};

use crate::{
    api::{Api, Remote, Reply},
    dataset::Named,
    exit::{Exit, Failure},
    output::{Column, Output, column, printable, say},
    place::Place,
};

/// What a copy shows.
const COPY: [Column; 10] = [
    column("id", "/id"),
    column("original", "/original"),
    column("place", "/place"),
    column("dataset", "/dataset"),
    column("state", "/state"),
    column("objects", "/objects"),
    column("bytes", "/bytes"),
    column("compared", "/compared"),
    column("made", "/made"),
    column("ended", "/ended"),
];
/// What a list of copies shows.
const LIST: [Column; 5] = [
    column("id", "/id"),
    column("state", "/state"),
    column("objects", "/objects"),
    column("place", "/place"),
    column("why", "/failure/reason"),
];
/// What a copy would come to.
const TRIAL: [Column; 4] = [column("place", "/place"), column("objects", "/objects"), column("bytes", "/bytes"), column("more", "/more")];
/// How often a copy is asked about, by whoever waits for it.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How often a line is written of its progress where nothing can be drawn over.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// See the copies of datasets that you had made, and cancel them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint copy list\n\nOne is asked for by `offprint dataset copy`.")]
pub(crate) struct CopyCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the copies that you had made, the latest first: those that ended for 90 days.
    #[command(after_help = "Example:\n  offprint copy list --json")]
    List {
        /// The most copies to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Show one copy: how far it is, or why it failed.
    #[command(after_help = "Example:\n  offprint copy show COPY-ID --wait")]
    Show {
        /// The copy's id, as `offprint copy list` shows it.
        #[arg(value_name = "ID")]
        copy: String,
        /// Return when it has ended.
        #[arg(long)]
        wait: bool,
    },
    /// Cancel a copy that is under way. What was copied by then stays where it lies.
    #[command(after_help = "Example:\n  offprint copy cancel COPY-ID")]
    Cancel {
        /// The copy's id, as `offprint copy list` shows it.
        #[arg(value_name = "ID")]
        copy: String,
    },
}

/// Have all that lies in a dataset copied into a source where you administer the place: the stores do it, and it goes on by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint dataset copy lab:retina/exp-03.ome.zarr mine:retina/exp-03.ome.zarr --dry-run
  offprint dataset copy lab:retina/exp-03.ome.zarr mine:retina/exp-03.ome.zarr --wait

The folder must be empty, and copies allowed in its source. What is restricted in the dataset is not copied.")]
pub(crate) struct CopyAsk {
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// Where it goes: NAME:PATH, a source and an empty folder in it.
    to: Place,
    /// Say how many objects and bytes that are, and copy nothing.
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Return when it is done, and show how far it is until then.
    #[arg(long)]
    wait: bool,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: CopyCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List { limit } => {
            let (items, more): (Vec<Copy>, bool) = api.list(&["copies"], &[], limit.get()).await?;
            out.list(&LIST, &items)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show { copy, wait } => {
            let Reply { body: copy, .. } = api.get::<Copy>(&["copies", &copy]).await?;
            told(&api, out, copy, wait).await
        }
        Verb::Cancel { copy } => {
            let Reply { body: copy, .. } = api.act::<Copy>(&["copies", &copy, "cancel"], &json!({})).await?;
            told(&api, out, copy, false).await
        }
    }
}

/// Asks for a copy, or what it would come to.
///
/// # Errors
/// What went wrong, with its exit code; [`Exit::Failed`] where it is waited for and fails.
pub(crate) async fn ask(api: &Api, out: Output, ask: CopyAsk) -> Result<(), Failure> {
    let id = ask.dataset.id(api, out).await?;
    let (path, new) = (["datasets", id.as_str(), "copies"], NewCopy { to: ask.to.to_string() });
    if ask.dry_run {
        let trial: CopyTrial = api.trial(Method::POST, &path, None, &new).await?;
        if trial.more {
            out.note("There is more than was counted.");
        }
        return out.one(&TRIAL, &trial);
    }
    let Reply { body: copy, .. } = api.create::<Copy>(&path, &new).await?;
    if !ask.wait {
        out.note(&format!("It goes on by itself: offprint copy show {}", printable(&copy.id)));
    }
    told(api, out, copy, ask.wait).await
}

/// Shows a copy, once it has ended where that is waited for.
async fn told(api: &Api, out: Output, mut copy: Copy, wait: bool) -> Result<(), Failure> {
    let is_under_way = |copy: &Copy| matches!(copy.state.as_str(), "waiting" | "running");
    let mut spoke = Instant::now();
    while wait && is_under_way(&copy) {
        tokio::time::sleep(ASKED_EVERY).await;
        copy = api.get::<Copy>(&["copies", &copy.id]).await?.body;
        if !out.quiet && (std::io::stderr().is_terminal() || spoke.elapsed() >= LINE_EVERY) {
            spoke = Instant::now();
            say(&format!("{}: {} objects, {} bytes", printable(&copy.state), copy.objects, copy.bytes));
        }
    }
    out.one(&COPY, &copy)?;
    let Some(failure) = &copy.failure else { return Ok(()) };
    let at = failure.key.as_deref().map_or_else(String::new, |key| format!(", at {}", printable(key)));
    let lies = format!("what was copied lies at {}, and nobody removes it", printable(&copy.place));
    let why = format!("the copy failed: {}{at}; {lies}", printable(&failure.reason));
    if wait {
        return Err(Failure::new(Exit::Failed, why));
    }
    out.note(&why);
    Ok(())
}
