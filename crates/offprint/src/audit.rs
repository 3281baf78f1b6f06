//! `offprint audit`: who did what to which thing.

use std::num::NonZeroUsize;

use clap::Args;
use domain::id::UserId;
use wire::audit::AuditEntry;

use crate::{
    api::Remote,
    dataset::Named,
    exit::Failure,
    output::{Column, Format, Output, column},
    user,
};

/// What an entry shows to a person.
const LIST: [Column; 5] =
    [column("at", "/at"), column("actor", "/actor"), column("verb", "/verb"), column("target", "/target"), column("reason", "/reason")];
/// What an entry says in a spreadsheet: all of it.
const SHEET: [Column; 10] = [
    column("at", "/at"),
    column("actor", "/actor"),
    column("verb", "/verb"),
    column("target", "/target"),
    column("also", "/also"),
    column("before", "/before"),
    column("after", "/after"),
    column("reason", "/reason"),
    column("source", "/source"),
    column("id", "/id"),
];

/// Show who did what, the latest first: for administrators, and for who administers the dataset that is asked about.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint audit --month 2026-11 --verb link.revoke
  offprint audit --target lab:retina/exp-03.ome.zarr --csv --limit 100000 > audit.csv")]
pub(crate) struct Audit {
    /// The month, in UTC; this one if left out.
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    month: Option<String>,
    /// Only what this person did.
    #[arg(long, value_name = "NAME|ID")]
    actor: Option<String>,
    /// Only what was done to this: a dataset's place, or the id of anything.
    #[arg(long, value_name = "PLACE|ID")]
    target: Option<String>,
    /// Only this verb, such as link.create, or all of a noun, such as link.
    #[arg(long, value_name = "VERB")]
    verb: Option<String>,
    /// Only what was done from the same address as an entry with this source, within the month.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The same as `--output csv`.
    #[arg(long, conflicts_with_all = ["json", "output"])]
    csv: bool,
    /// The most entries to list.
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
    #[command(flatten)]
    remote: Remote,
}

/// A month as the API takes it: looked at here, so that a slip is a usage error.
fn month(text: &str) -> Result<String, String> {
    let date = format!("{text}-01").parse::<jiff::civil::Date>();
    if text.len() == 7 && date.is_ok() { Ok(text.to_owned()) } else { Err("write a month as 2026-11".to_owned()) }
}

/// Runs it.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(ask: Audit) -> Result<(), Failure> {
    let (api, mut out) = (ask.remote.api()?, ask.remote.out());
    if ask.csv {
        out = Output { format: Format::Csv, ..out };
    }
    let actor = match ask.actor {
        Some(name) if UserId::parse(&name).is_err() => Some(user::find(&api, &name).await?.id),
        other => other,
    };
    let target = match ask.target.as_deref().map(str::parse) {
        Some(Ok(Named::Place(place))) => Some(Named::Place(place).dataset(&api, out).await?.id),
        _ => ask.target,
    };
    let filters = [
        ("month", ask.month.as_deref()),
        ("actor", actor.as_deref()),
        ("target", target.as_deref()),
        ("verb", ask.verb.as_deref()),
        ("source", ask.source.as_deref()),
    ];
    let (mut entries, more): (Vec<AuditEntry>, bool) = api.list(&["audit"], &filters, ask.limit.get()).await?;
    if out.format == Format::Table {
        let names = user::names(&api, entries.iter().map(|entry| entry.actor.as_str())).await;
        for entry in &mut entries {
            if let Some(name) = names.get(&entry.actor) {
                entry.actor.clone_from(name);
            }
        }
    }
    out.list(if out.format == Format::Csv { &SHEET } else { &LIST[..] }, &entries)?;
    out.more(more, ask.limit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_in_one_form() {
        for (text, fits) in [
            ("2026-11", true),
            ("2027-01", true),
            ("2027-13", false),
            ("2027-1", false),
            ("2027", false),
            ("2027-01-01", false),
            ("November", false),
            ("", false),
        ] {
            assert_eq!(month(text).is_ok(), fits, "{text}");
        }
    }
}
