//! `offprint check`: may this person do this to that, and which rule says so.

use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

use clap::{Args, builder::PossibleValuesParser};
use domain::id::CloneId;
use wire::grant::{self as wire_grant, CheckAsk};

use crate::{
    api::Remote,
    dataset::Named,
    exit::Failure,
    grant,
    output::{Column, column, data, printable},
};

/// What an answer shows in a spreadsheet.
const CHECK: [Column; 4] = [column("allowed", "/allowed"), column("code", "/code"), column("why", "/why"), column("rights", "/rights")];

/// Ask whether a person may do something, and by which rule; nothing is done.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint check lab:retina/exp-03.ome.zarr
  offprint check lab:retina/exp-03.ome.zarr --user ada --action read --path 0/c/0/0/0 --address 192.0.2.7

Ends with 0 if it is allowed, else with the code that the refusal would end a command with: 5 not allowed, 3 not found or gone, \
4 sign-in needed, 9 not serving.")]
pub(crate) struct Check {
    /// The dataset: NAME:PATH, or its id, or that of a clone.
    #[arg(value_name = "PLACE|ID")]
    dataset: At,
    /// Whom it is about; you if left out. About others you may ask where you decide who gets in.
    #[arg(long, value_name = "NAME|ID")]
    user: Option<String>,
    /// What: read, list, see, share, register, grant, clone or hand-over.
    #[arg(
        long,
        default_value = "read",
        value_parser = PossibleValuesParser::new(["read", "list", "see", "share", "register", "grant", "clone", "hand-over"]),
        hide_possible_values = true
    )]
    action: String,
    /// The path below the dataset, to read or to list.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The address that the request would come from; yours if left out.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    #[command(flatten)]
    remote: Remote,
}

/// What is asked about: a dataset, or a clone, of which its original is.
#[derive(Debug, Clone)]
enum At {
    Clone(CloneId),
    Dataset(Named),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        CloneId::parse(text).map_or_else(|_no_clone| text.parse().map(Self::Dataset), |clone| Ok(Self::Clone(clone)))
    }
}

/// Asks.
///
/// # Errors
/// What went wrong, with its exit code; a no is a failure with its own.
pub(crate) async fn run(command: Check) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    let (dataset, place) = match command.dataset {
        At::Clone(clone) => (clone.to_string(), clone.to_string()),
        At::Dataset(named) => {
            let dataset = named.dataset(&api, out).await?;
            (dataset.id, dataset.place)
        }
    };
    let ask = CheckAsk {
        dataset,
        user: command.user,
        action: command.action,
        path: command.path,
        address: command.address.map(|address| address.to_string()),
    };
    let check: wire_grant::Check = api.act(&["check"], &ask).await?.body;
    if out.is_for_reading() {
        data(&report(&check, &grant::names(&api, &check.dataset, &check.ways).await))?;
    } else {
        out.one(&CHECK, &check)?;
    }
    if check.allowed {
        return Ok(());
    }
    let who = ask.user.as_deref().map_or_else(|| "you".to_owned(), printable);
    let why = check.why.as_deref().unwrap_or("a rule says no");
    let what = format!("{who} may not {} {}: {why}", ask.action.replace('-', " "), printable(&place));
    Err(Failure::denied(check.code.as_deref().unwrap_or_default(), what))
}

fn report(check: &wire_grant::Check, names: &BTreeMap<String, String>) -> String {
    let answer = if check.allowed { "allowed" } else { "refused" };
    let mut text = format!("{answer}\nrights  {}\n", grant::rights_of(&check.rights, check.level));
    for way in &check.ways {
        text.extend(["way     ", &grant::way(way, &check.dataset, names), "\n"]);
    }
    for gate in &check.gates {
        text.extend(["gate    ", &printable(&gate.gate), if gate.open { ": open\n" } else { ": shut\n" }]);
    }
    text
}

#[cfg(test)]
mod tests {
    use wire::grant::{Gate, Way};

    use super::*;

    #[test]
    fn a_report_names_every_way_and_every_gate() {
        let rights = vec!["discover".to_owned(), "meta".to_owned(), "coarse".to_owned()];
        let check = wire_grant::Check {
            dataset: "d1".to_owned(),
            allowed: false,
            code: Some("zone".to_owned()),
            why: Some("not from here".to_owned()),
            rights: rights.clone(),
            level: Some(1),
            ways: vec![Way { by: "group:g1".to_owned(), on: "d1".to_owned(), rights, level: Some(1), until: None, holds: true }],
            gates: vec![Gate { gate: "dataset-active".to_owned(), open: true }, Gate { gate: "source-zones".to_owned(), open: false }],
        };
        let names = BTreeMap::from([("group:g1".to_owned(), "core".to_owned())]);
        assert_eq!(
            report(&check, &names),
            "refused\nrights  preview, chunks from level 1 on\nway     through group core: preview, chunks from level 1 on\ngate    dataset-active: open\ngate    source-zones: shut\n"
        );
    }
}
