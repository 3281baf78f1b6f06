//! `offprint terms`: data-use terms: added, shown, accepted.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wire::terms::{NewTerms, Terms};

use crate::{
    api::{Remote, Reply},
    exit::{Exit, Failure},
    output::{Column, column, data, printable},
};

/// What terms show.
const TERMS: [Column; 2] = [column("id", "/id"), column("title", "/title")];

/// The data-use terms that readers accept before the first byte, where a source or the policy asks for them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint terms add agreement.txt
  offprint source edit lab --terms vhe5s3l0dk2c7qf1ma9p6xr8tz
  offprint terms accept vhe5s3l0dk2c7qf1ma9p6xr8tz")]
pub(crate) struct TermsCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// For administrators: add a text, whose first line is its title. Nobody is asked for it until a source or the policy names it.
    #[command(after_help = "Example:\n  offprint terms add agreement.txt")]
    Add {
        /// The file of the text.
        file: PathBuf,
    },
    /// Print the text.
    #[command(after_help = "Example:\n  offprint terms show vhe5s3l0dk2c7qf1ma9p6xr8tz")]
    Show {
        /// Their id.
        id: String,
    },
    /// Accept them, for all that you read: it is on record.
    #[command(after_help = "Example:\n  offprint terms accept vhe5s3l0dk2c7qf1ma9p6xr8tz --yes")]
    Accept {
        /// Their id.
        id: String,
        /// Accept without being shown them and asked.
        #[arg(short, long)]
        yes: bool,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: TermsCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Add { file } => {
            let text = tokio::fs::read_to_string(&file).await;
            let text = text.map_err(|why| Failure::new(Exit::Usage, format!("{}: {why}", file.display())))?;
            let Reply { body: terms, is_new, .. } = api.act::<Terms>(&["terms"], &NewTerms { text }).await?;
            if !is_new {
                out.note("They were there already.");
            }
            out.one(&TERMS, &terms)
        }
        Verb::Show { id } => {
            let terms = api.get::<Terms>(&["terms", &id]).await?.body;
            if out.is_for_reading() { data(&format!("{}\n", printable_lines(&terms.text))) } else { out.one(&TERMS, &terms) }
        }
        Verb::Accept { id, yes } => {
            let terms = api.get::<Terms>(&["terms", &id]).await?.body;
            out.confirm(&printable_lines(&terms.text), "Do you accept these terms?", yes).await?;
            out.one(&TERMS, &api.create::<Terms>(&["me", "terms", &terms.id, "accept"], &serde_json::json!({})).await?.body)
        }
    }
}

/// A text of several lines as a terminal may show it.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
