//! `offprint source`: list, show, add, edit.

use clap::{ArgGroup, Args, Subcommand, builder::PossibleValuesParser};
use wire::{
    page::Page,
    source::{Ceilings, CeilingsEdit, NewSource, Source, SourceChanged, SourceEdit},
};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    exit::Failure,
    output::{Column, Format, Output, column},
};

/// What a list of sources shows.
const LIST: [Column; 7] = [
    column("name", "/name"),
    column("bucket", "/bucket"),
    column("prefix", "/prefix"),
    column("region", "/region"),
    column("audience", "/ceilings/audience"),
    column("serving", "/serving"),
    column("state", "/state"),
];
/// What one source shows.
const ONE: [Column; 20] = [
    column("id", "/id"),
    column("name", "/name"),
    column("bucket", "/bucket"),
    column("prefix", "/prefix"),
    column("region", "/region"),
    column("endpoint", "/endpoint"),
    column("path_style", "/path_style"),
    column("role", "/role"),
    column("external_id", "/external_id"),
    column("requester_pays", "/requester_pays"),
    column("audience", "/ceilings/audience"),
    column("link_days_max", "/ceilings/link_days_max"),
    column("zones", "/ceilings/zones"),
    column("hard_zones", "/ceilings/hard_zones"),
    column("terms", "/ceilings/terms"),
    column("writable", "/writable"),
    column("serving", "/serving"),
    column("state", "/state"),
    column("root", "/root"),
    column("version", "/version"),
];
/// Register buckets to share from, and set their ceilings.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint source add lab --bucket lab-raw --region eu-central-1")]
pub(crate) struct SourceCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the sources.
    #[command(after_help = "Example:\n  offprint source list --json")]
    List,
    /// Show one source.
    #[command(after_help = "Example:\n  offprint source show lab")]
    Show {
        /// The source: its name or its id.
        #[arg(value_name = "NAME|ID")]
        source: String,
    },
    /// Register a bucket, or a folder in it, under a name.
    Add(Add),
    /// Change a source's ceilings, or take it out and back in; where it lies never changes.
    Edit(Edit),
}

fn audience_words() -> PossibleValuesParser {
    PossibleValuesParser::new(["named", "accounts", "link", "world"])
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint source add lab --bucket lab-raw --region eu-central-1
  offprint source add ceph --bucket data --prefix raw/ --region us-east-1 --endpoint https://s3.example.org

Then see whether it works: offprint doctor lab")]
struct Add {
    /// Its name in NAME:PATH: a-z, 0-9 and -.
    name: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    /// The folder inside the bucket; all of it if left out.
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
    /// The bucket's region.
    #[arg(long)]
    region: String,
    /// The S3 endpoint's origin; the deployment's own store if left out.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Whether the bucket stands in the path rather than in the host name: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    path_style: Option<bool>,
    /// The ARN of a role to sign with. The id that its trust policy must demand is made here and printed.
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Whoever reads pays.
    #[arg(long)]
    requester_pays: bool,
    /// Copies of datasets may be made into it.
    #[arg(long)]
    writable: bool,
    /// The widest audience: named, accounts, link or world; link if left out.
    #[arg(long, value_parser = audience_words(), hide_possible_values = true)]
    audience: Option<String>,
    /// The longest life of a link, in days; no bound if left out.
    #[arg(long, value_name = "DAYS")]
    link_days_max: Option<u32>,
    /// The networks that data go to, such as 192.0.2.0/24, with commas between them; everywhere if left out.
    #[arg(long, value_name = "NET", value_delimiter = ',')]
    zones: Vec<String>,
    /// Bytes for these networks only: everything is streamed.
    #[arg(long, requires = "zones")]
    hard_zones: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  offprint source edit lab --audience link --link-days-max 365",
    override_usage = "offprint source edit [OPTIONS] <NAME|ID>",
    group = ArgGroup::new("change").args(["audience", "link_days_max", "zones", "hard_zones", "terms", "writable", "serving", "retire", "reinstate"]).multiple(true).required(true)
)]
#[expect(clippy::struct_excessive_bools, reason = "flags as they are typed; at once made into what the API takes")]
struct Edit {
    /// The source: its name or its id.
    #[arg(value_name = "NAME|ID")]
    source: String,
    #[command(flatten)]
    ceilings: OtherCeilings,
    /// Whether copies of datasets may be made into it: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    writable: Option<bool>,
    /// Whether it is served: with false nothing in it opens for the time being.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    serving: Option<bool>,
    /// Take it out: nothing in it opens any more.
    #[arg(long)]
    retire: bool,
    /// Take it back in.
    #[arg(long, conflicts_with = "retire")]
    reinstate: bool,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
    /// Return when the change is in force everywhere.
    #[arg(long)]
    wait: bool,
}

/// Other ceilings: what is left out stays.
#[derive(Debug, Args)]
pub(crate) struct OtherCeilings {
    /// Another widest audience: named, accounts, link or world.
    #[arg(long, value_parser = audience_words(), hide_possible_values = true)]
    audience: Option<String>,
    /// Another longest life of a link, in days from its making, or none.
    #[arg(long, value_name = "DAYS|none", value_parser = days)]
    link_days_max: Option<Days>,
    /// Other networks that data go to, with commas between them, or any.
    #[arg(long, value_name = "NET|any", value_delimiter = ',')]
    zones: Option<Vec<String>>,
    /// Whether bytes leave for these networks only: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    hard_zones: Option<bool>,
    /// The data-use terms that readers accept first, by the id that `offprint terms add` prints, or none.
    #[arg(long, value_name = "ID|none")]
    terms: Option<String>,
}

impl OtherCeilings {
    /// The same as the API takes it; `None`: all stays.
    pub(crate) fn edit(self) -> Option<CeilingsEdit> {
        let Self { audience, link_days_max, zones, hard_zones, terms } = self;
        // `any` is no bound.
        let zones = zones.map(|typed| if typed == ["any"] { Vec::new() } else { typed });
        let link_days_max = link_days_max.map(|Days(days)| days);
        let terms = terms.map(|id| (id != "none").then_some(id));
        let is_one = audience.is_some() || link_days_max.is_some() || zones.is_some() || hard_zones.is_some() || terms.is_some();
        is_one.then_some(CeilingsEdit { audience, link_days_max, zones, hard_zones, terms })
    }
}

/// A bound in days; `None`: no bound.
#[derive(Debug, Clone, Copy)]
struct Days(Option<u32>);

fn days(text: &str) -> Result<Days, String> {
    if text == "none" {
        return Ok(Days(None));
    }
    text.parse().map(|days| Days(Some(days))).map_err(|_why| "write a number of days, or none".to_owned())
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: SourceCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List => out.list(&LIST, &api.get::<Page<Source>>(&["sources"]).await?.body.items),
        Verb::Show { source } => out.one(&ONE, &find(&api, &source).await?),
        Verb::Add(ask) => add(&api, out, ask).await,
        Verb::Edit(ask) => edit(&api, out, ask).await,
    }
}

/// The source that a name or an id names.
async fn find(api: &Api, text: &str) -> Result<Source, Failure> {
    Ok(api.get(&["sources", text]).await?.body)
}

async fn add(api: &Api, out: Output, ask: Add) -> Result<(), Failure> {
    let ceilings = (ask.audience.is_some() || ask.link_days_max.is_some() || !ask.zones.is_empty()).then(|| Ceilings {
        audience: ask.audience.unwrap_or_else(|| "link".to_owned()),
        link_days_max: ask.link_days_max,
        zones: ask.zones,
        hard_zones: ask.hard_zones,
        terms: None,
    });
    let new = NewSource {
        name: ask.name,
        bucket: ask.bucket,
        prefix: ask.prefix,
        region: ask.region,
        endpoint: ask.endpoint,
        path_style: ask.path_style,
        role: ask.role,
        requester_pays: ask.requester_pays.then_some(true),
        writable: ask.writable.then_some(true),
        ceilings,
    };
    let Reply { body: source, is_new, .. } = api.create::<Source>(&["sources"], &new).await?;
    if !is_new {
        out.note("It was registered already.");
    }
    out.one(&ONE, &source)?;
    if let (Some(role), Some(id)) = (&source.role, &source.external_id) {
        out.note(&format!("Let the trust policy of {role} demand the ExternalId {id}."));
    }
    out.note(&format!("See whether it works: offprint doctor {}", source.name));
    Ok(())
}

async fn edit(api: &Api, out: Output, ask: Edit) -> Result<(), Failure> {
    let source = find(api, &ask.source).await?;
    if ask.retire || ask.serving == Some(false) {
        let back = if ask.retire { "it is reinstated" } else { "it is served again" };
        let consequence =
            format!("Nothing in {} opens any more, by any link, until {back}. A download that is already running may finish.", source.name);
        out.confirm(&consequence, if ask.retire { "Retire this source?" } else { "Stop serving this source?" }, ask.yes).await?;
    }
    let state = if ask.retire { Some("retired") } else { ask.reinstate.then_some("active") };
    let edit = SourceEdit {
        ceilings: ask.ceilings.edit(),
        writable: ask.writable,
        state: state.map(str::to_owned),
        serving: ask.serving,
        reason: ask.reason,
    };
    let Reply { body: changed, date, .. } = api.edit::<SourceChanged>(&["sources", &source.id], source.version, &edit).await?;
    match out.format {
        Format::Table | Format::Csv => out.one(&ONE, &changed.source)?,
        Format::Json | Format::Jsonl => out.one(&ONE, &changed)?,
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}
