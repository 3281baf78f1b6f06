//! `offprint policy`: show, edit.

use clap::{ArgGroup, Args, Subcommand};
use reqwest::Method;
use wire::policy::{DeploymentPolicy, DeploymentPolicyChanged, DeploymentPolicyEdit};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    exit::Failure,
    output::{Column, Format, Output, column},
    source::OtherCeilings,
};

/// What the policy shows.
const POLICY: [Column; 8] = [
    column("audience", "/ceilings/audience"),
    column("link_days_max", "/ceilings/link_days_max"),
    column("zones", "/ceilings/zones"),
    column("hard_zones", "/ceilings/hard_zones"),
    column("terms", "/ceilings/terms"),
    column("openers", "/openers"),
    column("second_person", "/second_person"),
    column("version", "/version"),
];
/// What a dry run shows of each source.
const BOUND: [Column; 3] = [column("source", "/name"), column("tighter", "/tighter"), column("looser", "/looser")];

/// Say what binds everybody at every source, on top of the source's own ceilings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offprint policy show\n  offprint policy edit --audience link --link-days-max 365 --dry-run")]
pub(crate) struct PolicyCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the policy.
    #[command(after_help = "Example:\n  offprint policy show --json")]
    Show,
    /// Change the policy. It counts whenever something is used: what lower ceilings shut, higher ones open again.
    Edit(Edit),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offprint policy edit --audience link --dry-run\n  offprint policy edit --openers administrators --reason 'releases are reviewed'",
    override_usage = "offprint policy edit [OPTIONS]",
    group = ArgGroup::new("change").args(["audience", "link_days_max", "zones", "hard_zones", "terms", "openers", "second_person"]).multiple(true).required(true)
)]
struct Edit {
    #[command(flatten)]
    ceilings: OtherCeilings,
    /// Who opens datasets to all accounts or the world: owners or administrators. What others would open waits for one of these.
    #[arg(long, value_name = "WHO")]
    openers: Option<String>,
    /// Whether a second person approves what opens a dataset to the world: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    second_person: Option<bool>,
    /// Change nothing, and say at which sources another ceiling would bind.
    #[arg(long)]
    dry_run: bool,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Return when the change is in force everywhere.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: PolicyCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Show => out.one(&POLICY, &api.get::<DeploymentPolicy>(&["policy"]).await?.body),
        Verb::Edit(ask) => edit(&api, out, ask).await,
    }
}

async fn edit(api: &Api, out: Output, ask: Edit) -> Result<(), Failure> {
    let version = api.get::<DeploymentPolicy>(&["policy"]).await?.body.version;
    let edit =
        DeploymentPolicyEdit { ceilings: ask.ceilings.edit(), openers: ask.openers, second_person: ask.second_person, reason: ask.reason };
    if ask.dry_run {
        let would: DeploymentPolicyChanged = api.trial(Method::PATCH, &["policy"], Some(version), &edit).await?;
        match out.format {
            Format::Json | Format::Jsonl => out.one(&POLICY, &would)?,
            Format::Table | Format::Csv => out.list(&BOUND, &would.sources)?,
        }
        out.note("Nothing was changed. How many links and datasets it would shut is not counted.");
        return Ok(());
    }
    let Reply { body: changed, date, .. } = api.edit::<DeploymentPolicyChanged>(&["policy"], version, &edit).await?;
    match out.format {
        Format::Json | Format::Jsonl => out.one(&POLICY, &changed)?,
        Format::Table | Format::Csv => out.one(&POLICY, &changed.policy)?,
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}
