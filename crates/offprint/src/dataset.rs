//! `offprint dataset`: list, show, register, edit, hand over where its owner cannot offer it; `sharing.rs` shows who reaches one.

use std::{fmt, num::NonZeroUsize, str::FromStr};

use clap::{ArgGroup, Args, Subcommand, builder::PossibleValuesParser};
use domain::{id::DatasetId, timing::Timing};
use reqwest::Method;
use wire::{
    dataset::{Dataset, DatasetChanged, DatasetEdit, DatasetEdited, EffectOnAll, HandOver, LevelsRead, NewDataset, Retire, Retired},
    opening::Opening,
};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    copy::{self, CopyAsk},
    curation::MARK_ASLEEP,
    effects::{self, Sure},
    exit::{Exit, Failure},
    grant::rights_of,
    link::NOT_REACHED,
    opening,
    output::{Column, Format, Output, bound, column, printable},
    place::Place,
    sharing,
};

/// What a list of datasets shows.
const LIST: [Column; 6] = [
    column("id", "/id"),
    column("kind", "/kind"),
    column("state", "/state"),
    column("audience", "/audience"),
    column("curated", "/curated"),
    column("place", "/place"),
];
/// What one dataset shows.
const ONE: [Column; 19] = [
    column("id", "/id"),
    column("place", "/place"),
    column("name", "/name"),
    column("kind", "/kind"),
    column("state", "/state"),
    column("owner", "/owner"),
    column("successor", "/successor"),
    column("visibility", "/visibility"),
    column("audience", "/audience"),
    column("curated", "/curated"),
    column("project", "/project"),
    column("link_set", "/link_set"),
    column("restricted", "/restricted"),
    column("strict", "/strict"),
    column("given_until", "/given_until"),
    column("rights", "/rights"),
    column("levels", "/levels"),
    column("registered", "/registered"),
    column("version", "/version"),
];
/// What a list of datasets shared with the caller shows.
pub(crate) const SHARED: [Column; 6] = [
    column("id", "/id"),
    column("kind", "/kind"),
    column("audience", "/audience"),
    column("curated", "/curated"),
    column("place", "/place"),
    column("rights", "/rights"),
];
/// What the levels of a dataset show.
const LEVELS: [Column; 2] = [column("level", "/level"), column("path", "/path")];
/// Whom a dataset can be open to, from the fewest.
const VISIBILITIES: [&str; 4] = ["private", "project", "accounts", "world"];
/// Datasets that are looked through for one by its place.
const LOOKED_THROUGH_MAX: usize = 100_000;

/// Register what can be shared, show it, and say whom it is open to.
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
        /// Those of this person in place of yours: for auditors and administrators.
        #[arg(long, value_name = "NAME|ID")]
        owner: Option<String>,
        /// Only those that are marked as curated.
        #[arg(long)]
        curated: bool,
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
        /// Strict from the first moment: stopped within 15 seconds, for a look at the table at each request.
        #[arg(long)]
        strict: bool,
    },
    /// Change whom it is open to, whether what is granted above it stops at it, or how fast reading stops.
    Edit(Edit),
    /// Make somebody else the owner of what a suspended owner left; your own you offer: `offer make`.
    HandOver(HandOverAsk),
    /// Retire it for good: links on it end, and its place is free.
    Retire(RetireAsk),
    Copy(CopyAsk),
    /// Read the levels of its images from their metadata again, for previews, and show what was found.
    #[command(after_help = "Example:\n  offprint dataset levels lab:retina/exp-03.ome.zarr")]
    Levels {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
    },
    /// Show everyone who can reach it, and by what.
    #[command(after_help = "Example:\n  offprint dataset sharing lab:retina/exp-03.ome.zarr")]
    Sharing {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
    },
    /// List what was shared with you: by name, through a group or project, with every account, or with the world.
    #[command(after_help = "Example:\n  offprint dataset shared --json")]
    Shared {
        /// Only those that are marked as curated.
        #[arg(long)]
        curated: bool,
        /// The most datasets to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "\
Examples:
  offprint dataset edit lab:retina/exp-03.ome.zarr --visibility accounts --dry-run
  offprint dataset edit lab:retina/exp-03.ome.zarr --visibility private --end-links --reason 'withdrawn by the donor'
  offprint dataset edit lab:retina/patients/ --restricted true
  offprint dataset edit lab:retina/patients/ --strict true
  offprint dataset edit lab:retina/exp-03.ome.zarr --successor ada

One thing is changed at a time.",
    override_usage = "offprint dataset edit [OPTIONS] <PLACE|ID>",
    group = ArgGroup::new("change").args(["visibility", "restricted", "strict", "successor"]).required(true)
)]
struct Edit {
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// Whom it is open to beside those it is granted to: private, project, accounts or world. What they get, `grant give` says.
    #[arg(long, value_name = "WHO", value_parser = PossibleValuesParser::new(VISIBILITIES), hide_possible_values = true)]
    visibility: Option<String>,
    /// Whether what is granted above stops at it: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    restricted: Option<bool>,
    /// Whether reading it, what lies in it and by links on it stops within 15 seconds, for a look at the table at each request: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    strict: Option<bool>,
    /// Whom it is to belong to where its owner is suspended, by name or id; empty: nobody.
    #[arg(long, value_name = "NAME|ID")]
    successor: Option<String>,
    /// With the visibility private or project: every link on it ends, too.
    #[arg(long, requires_all = ["visibility", "reason"], conflicts_with_all = ["restricted", "strict", "successor"])]
    end_links: bool,
    /// Why it is to have this visibility: it stays with the record.
    #[arg(long, value_name = "TEXT", requires = "visibility", conflicts_with_all = ["restricted", "strict", "successor"])]
    reason: Option<String>,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  offprint dataset hand-over DATASET-ID --to ada --reason 'its owner left'

The successor that the owner named may do this, and an administrator: by the id that `offprint dataset list --owner` shows.")]
struct HandOverAsk {
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// The new owner's name or id.
    #[arg(long, value_name = "NAME|ID")]
    to: String,
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint dataset retire lab:retina/exp-03.ome.zarr --dry-run
  offprint dataset retire lab:retina/exp-03.ome.zarr --reason 'moved to the archive' --wait

Its files stay, and whoever was granted something above it reaches them there. One that is restricted is opened first: `dataset edit --restricted false`.")]
struct RetireAsk {
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: String,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Change nothing, and say who would lose what.
    #[arg(long, conflicts_with_all = ["yes", "wait"])]
    dry_run: bool,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
    /// Return when the change is in force everywhere.
    #[arg(long)]
    wait: bool,
}

/// A dataset as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its id.
    Id(String),
    /// By its place.
    Place(Place),
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if DatasetId::parse(text).is_ok() { Ok(Self::Id(text.to_owned())) } else { text.parse().map(Self::Place) }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Place(place) => place.fmt(f),
        }
    }
}

impl Named {
    /// The id of the dataset, whether or not the caller may know of it: whoever answers next says so.
    ///
    /// # Errors
    /// As [`Named::dataset`] for a place.
    pub(crate) async fn id(&self, api: &Api, out: Output) -> Result<String, Failure> {
        match self {
            Self::Id(id) => Ok(id.clone()),
            Self::Place(_) => Ok(self.dataset(api, out).await?.id),
        }
    }

    /// The dataset. A place that nobody registered yet is registered, as `link create` does it: that gives nobody anything.
    ///
    /// # Errors
    /// The API's refusal: [`Exit::NotFound`] for what is not there or not the caller's to know of.
    pub(crate) async fn dataset(&self, api: &Api, out: Output) -> Result<Dataset, Failure> {
        match self {
            Self::Id(id) => Ok(api.get(&["datasets", id]).await?.body),
            Self::Place(place) => {
                let Reply { body: dataset, is_new, .. } = register(api, place).await?;
                if is_new {
                    out.note(&format!("{} is registered now, as {}.", printable(&dataset.place), dataset.id));
                }
                Ok(dataset)
            }
        }
    }
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: DatasetCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List { source, owner, curated, limit } => {
            let filters = [("source", source.as_deref()), ("owner", owner.as_deref()), ("curated", curated.then_some("true"))];
            let (datasets, more): (Vec<Dataset>, bool) = api.list(&["datasets"], &filters, limit.get()).await?;
            out.list(&LIST, &datasets)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show { dataset } => {
            let id = find_id(&api, &dataset).await?;
            out.one(&ONE, &api.get::<Dataset>(&["datasets", &id]).await?.body)
        }
        Verb::Register { place, strict } => {
            let registered = register_as(&api, &place, strict).await?;
            if !registered.is_new {
                out.note("It was registered already.");
            }
            out.one(&ONE, &registered.body)
        }
        Verb::Edit(ask) => edit(&api, out, ask).await,
        Verb::HandOver(ask) => hand_over(&api, out, ask).await,
        Verb::Retire(ask) => retire(&api, out, ask).await,
        Verb::Copy(ask) => copy::ask(&api, out, ask).await,
        Verb::Levels { dataset } => levels(&api, out, &dataset.dataset(&api, out).await?).await,
        Verb::Sharing { dataset } => sharing::show(&api, out, &dataset.id(&api, out).await?).await,
        Verb::Shared { curated, limit } => {
            let filters = [("curated", curated.then_some("true"))];
            let (datasets, more): (Vec<Dataset>, bool) = api.list(&["me", "shared"], &filters, limit.get()).await?;
            out.list(&SHARED, &datasets)?;
            out.more(more, limit);
            Ok(())
        }
    }
}

/// What an edit has become.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Became {
    /// It opens the dataset to everybody, and a second person is asked first.
    Waits(Box<Opening>),
    Edited(Box<DatasetEdited>),
}

async fn edit(api: &Api, out: Output, ask: Edit) -> Result<(), Failure> {
    let dataset = ask.dataset.dataset(api, out).await?;
    let successor = ask.successor.map(|name| Some(name).filter(|name| !name.is_empty()));
    let Edit { visibility, restricted, strict, end_links, reason, sure, .. } = ask;
    // What it opens is said before it is asked whether that is meant, or `--yes` says so.
    // What it opens is shown before, and asked about.
    let confirm = visibility.is_some() || restricted == Some(false);
    let edit = DatasetEdit { visibility, restricted, strict, successor, confirm, end_links, reason };
    let differs = edit.visibility.as_ref().is_some_and(|to| *to != dataset.visibility)
        || edit.restricted.is_some_and(|to| to != dataset.restricted)
        || edit.strict.is_some_and(|to| to != dataset.strict)
        || edit.end_links;
    let path = ["datasets", dataset.id.as_str()];
    if differs || sure.dry_run {
        let would: DatasetEdited = api.trial(Method::PATCH, &path, Some(dataset.version), &edit).await?;
        if sure.dry_run {
            return tried(out, &would);
        }
        let said = std::iter::once(consequence(&dataset, &edit, would.audience_then.as_deref()))
            .chain(foreseen(&would))
            .collect::<Vec<_>>()
            .join("\n");
        out.confirm(&said, "Change this dataset?", sure.yes).await?;
    }
    let Reply { body: became, date, .. } = api.edit::<Became>(&path, dataset.version, &edit).await?;
    let edited = match became {
        Became::Edited(edited) => edited,
        Became::Waits(opening) => return opening::waits(out, &opening),
    };
    match out.format {
        Format::Table | Format::Csv => out.one(&ONE, &edited.dataset)?,
        Format::Json | Format::Jsonl => out.one(&ONE, &edited)?,
    }
    if let Some(left) = left(&edited) {
        out.note(&left);
    }
    InForce { stops: Stops::Beyond, by: edited.enforced_by.as_deref(), date, wait: sure.wait }.tell(out).await;
    Ok(())
}

/// Shows what a change would do.
fn tried(out: Output, would: &DatasetEdited) -> Result<(), Failure> {
    match out.format {
        Format::Json | Format::Jsonl => out.one(&ONE, would)?,
        Format::Table | Format::Csv => effects::show(out, &would.effects.clone().unwrap_or_default())?,
    }
    for said in on_everybody(would) {
        out.note(&said);
    }
    Ok(())
}

/// What a change would do, line by line.
fn foreseen(would: &DatasetEdited) -> Vec<String> {
    would.effects.iter().flat_map(effects::said).chain(on_everybody(would)).collect()
}

/// What a change would do to everybody, to the datasets in it, and which links it would leave.
fn on_everybody(would: &DatasetEdited) -> Vec<String> {
    let mut said = Vec::new();
    for EffectOnAll { to, gains, loses } in &would.effects_on_all {
        let whom = if to == "world" { "Everybody, without signing in," } else { "Everybody with an account" };
        for (rights, word) in [(loses, "loses"), (gains, "gains")] {
            if !rights.is_empty() {
                said.push(format!("{whom} {word} {}.", rights_of(rights, None)));
            }
        }
    }
    if let Some(below) = would.opened_below.filter(|below| *below > 0) {
        let more = if would.more_below { " or more" } else { "" };
        said.push(format!("Datasets in it that are opened with it: {below}{more}."));
    }
    if would.second_person {
        said.push("A second person has to approve it: until then it stays as it is.".to_owned());
    }
    if would.mark_asleep {
        said.push(MARK_ASLEEP.to_owned());
    }
    said.extend(left(would));
    said
}

/// Which links open all the same after a dataset is closed.
fn left(edited: &DatasetEdited) -> Option<String> {
    let ids: Vec<String> = edited.links_left.iter().map(|id| printable(id)).collect();
    match (ids.is_empty(), edited.more_links) {
        (true, false) => None,
        (true, true) => Some("Links may open it all the same; --end-links ends those that stand on it.".to_owned()),
        (false, more) => {
            let others = if more { " and perhaps others" } else { "" };
            Some(format!("Links that open it all the same: {}{others}. --end-links ends those that stand on it.", ids.join(", ")))
        }
    }
}

async fn levels(api: &Api, out: Output, dataset: &Dataset) -> Result<(), Failure> {
    let path = ["datasets", &dataset.id, "levels"];
    let Reply { body: read, date, .. } = api.act_on::<LevelsRead>(&path, dataset.version, &serde_json::json!({})).await?;
    if read.levels.is_empty() {
        out.note(&format!("{} has no images whose levels are surely known: a preview of it opens no chunk.", printable(&dataset.place)));
    }
    out.list(&LEVELS, &read.levels)?;
    InForce { stops: Stops::Beyond, by: read.enforced_by.as_deref(), date, wait: false }.tell(out).await;
    Ok(())
}

/// What an edit will do: to whom it opens, whom it is open to after it in effect, and how fast it shuts where it does.
fn consequence(dataset: &Dataset, edit: &DatasetEdit, audience_then: Option<&str>) -> String {
    let place = printable(&dataset.place);
    let (said, narrows) = match (edit.visibility.as_deref(), edit.restricted, edit.strict) {
        (_, _, Some(true)) => {
            let from_then = format!(
                "Whatever ends of what rests on {place} then stops within {}, and each request looks at the table.",
                bound(Timing::STRICT)
            );
            return format!("{from_then}\nWhat was handed out before works for up to {}.", bound(Timing::WORLD));
        }
        (_, _, Some(false)) => {
            let (soon, at_last) = (bound(Timing::PRIVATE), bound(Timing::WORLD));
            return format!("Whatever ends of what rests on {place} then stops within {soon}, by publication links within {at_last}.");
        }
        (Some(to), _, None) => {
            let said = match to {
                "world" => format!("Anybody gets at {place} what is granted to `world`, without signing in."),
                "accounts" => format!("Everybody with an account gets at {place} what is granted to `accounts`."),
                _ if matches!(audience_then, Some("accounts" | "world")) => {
                    let whom = if audience_then == Some("world") { "everybody" } else { "everybody with an account" };
                    format!("It closes nothing by itself: {place} stays open to {whom} by a dataset above. Restrict it, or close that one.")
                }
                "project" => format!("The members of its project get at {place} what the project gives them."),
                _ => format!("Only those to whom {place} is granted by name or through a group or project reach it."),
            };
            (said, openness(to) < openness(&dataset.visibility))
        }
        (None, Some(true), None) => (
            format!("What is granted above {place} stops at it. Links to folders above it, those that exist too, will leave it out."),
            true,
        ),
        (None, _, None) => {
            (format!("Whoever was granted something above {place} gets it there, too, and links to folders above it open it."), false)
        }
    };
    if narrows {
        let is_strict = dataset.strict && dataset.given_until.is_none() && edit.restricted.is_none();
        if is_strict {
            return format!("{said}\nReading that only this allowed stops within {}. {NOT_REACHED}", bound(Timing::STRICT));
        }
        let (soon, at_last) = (bound(Timing::PRIVATE), bound(Timing::WORLD));
        format!("{said}\nReading that only this allowed stops within {soon}, by links within {at_last}. {NOT_REACHED}")
    } else {
        said
    }
}

/// How many a visibility lets in, from the fewest.
fn openness(visibility: &str) -> Option<usize> {
    VISIBILITIES.iter().position(|word| *word == visibility)
}

async fn hand_over(api: &Api, out: Output, ask: HandOverAsk) -> Result<(), Failure> {
    let id = ask.dataset.id(api, out).await?;
    let consequence = format!(
        "{} owns {} from then on. Grants stay, and links whose makers may still share it.",
        printable(&ask.to),
        printable(&ask.dataset.to_string())
    );
    out.confirm(&consequence, "Hand this dataset over?", ask.yes).await?;
    let changed = api.create::<DatasetChanged>(&["datasets", &id, "hand-over"], &HandOver { to: ask.to, reason: ask.reason }).await?;
    tell(out, changed, ask.wait).await
}

async fn retire(api: &Api, out: Output, ask: RetireAsk) -> Result<(), Failure> {
    let id = find_id(api, &ask.dataset).await?;
    let (path, said) = (["datasets", id.as_str(), "retire"], Retire { reason: ask.reason });
    if ask.dry_run {
        let trial: Retired = api.trial(Method::POST, &path, None, &said).await?;
        ended(out, (&trial.links_ended, trial.more_links), "would end");
        return match out.format {
            Format::Json | Format::Jsonl => out.one(&ONE, &trial),
            Format::Table | Format::Csv => effects::show(out, &trial.effects.unwrap_or_default()),
        };
    }
    let (soon, at_last) = (bound(Timing::PRIVATE), bound(Timing::WORLD));
    let consequence = format!(
        "{} is no dataset any more, for good: links on it end, and nobody gets anything by it. Its files stay.\nReading stops within {soon}, by publication links within {at_last}. {NOT_REACHED}",
        printable(&ask.dataset)
    );
    out.confirm(&consequence, "Retire this dataset?", ask.yes).await?;
    let Reply { body: retired, date, .. } = api.create::<Retired>(&path, &said).await?;
    match out.format {
        Format::Table | Format::Csv => out.one(&ONE, &retired.dataset)?,
        Format::Json | Format::Jsonl => out.one(&ONE, &retired)?,
    }
    ended(out, (&retired.links_ended, retired.more_links), "ended");
    InForce { stops: Stops::Beyond, by: retired.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}

/// Says which links stop with a dataset.
fn ended(out: Output, (links, more): (&[String], bool), word: &str) {
    if !links.is_empty() {
        let others = if more { " and perhaps others" } else { "" };
        out.note(&format!("Links on it that {word}: {}{others}.", links.join(", ")));
    }
}

/// Shows a dataset after a change, and when that is in force.
pub(crate) async fn tell(out: Output, Reply { body: changed, date, .. }: Reply<DatasetChanged>, wait: bool) -> Result<(), Failure> {
    match out.format {
        Format::Table | Format::Csv => out.one(&ONE, &changed.dataset)?,
        Format::Json | Format::Jsonl => out.one(&ONE, &changed)?,
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait }.tell(out).await;
    Ok(())
}

/// Registers what is at a place; what is registered already stays as it is.
///
/// # Errors
/// The API's refusal.
pub(crate) async fn register(api: &Api, place: &Place) -> Result<Reply<Dataset>, Failure> {
    register_as(api, place, false).await
}

/// The same, strict from the first moment if so: then what is registered already has to be strict.
async fn register_as(api: &Api, place: &Place, strict: bool) -> Result<Reply<Dataset>, Failure> {
    let ask = NewDataset { source: place.source().to_owned(), path: place.path(), strict };
    let mut reply = api.create(&["datasets"], &ask).await?;
    // So many datasets lie in it that one request does not reach them all: it was made by the first.
    while reply.is_under_way {
        reply = Reply { is_new: true, ..api.create(&["datasets"], &ask).await? };
    }
    Ok(reply)
}

/// The id of the dataset that a place or an id names: of the caller's own, then of those shared with the caller. Registers nothing.
///
/// # Errors
/// [`Exit::NotFound`] where neither has one at the place.
pub(crate) async fn find_id(api: &Api, text: &str) -> Result<String, Failure> {
    let place: Place = match text.parse().map_err(|why: String| Failure::new(Exit::Usage, why))? {
        Named::Id(id) => return Ok(id),
        Named::Place(place) => place,
    };
    let (own, _more): (Vec<Dataset>, bool) = api.list(&["datasets"], &[("source", Some(place.source()))], LOOKED_THROUGH_MAX).await?;
    if let Some(found) = own.into_iter().find(|dataset| place.is(&dataset.place)) {
        return Ok(found.id);
    }
    let shared: Vec<Dataset> = match api.list(&["me", "shared"], &[], LOOKED_THROUGH_MAX).await {
        Ok((shared, _more)) => shared,
        // An older server, which shares by link alone.
        Err(why) if why.exit == Exit::NotFound => Vec::new(),
        Err(why) => return Err(why),
    };
    shared.into_iter().find(|dataset| place.is(&dataset.place)).map(|dataset| dataset.id).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no dataset of yours, and none shared with you, is registered at {place}"))
            .hint("`offprint dataset list` and `offprint dataset shared` show those that are")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_named_by_id_or_place() {
        let id = format!("d{}", "a".repeat(26));
        assert_eq!(id.parse(), Ok(Named::Id(id.clone())));
        for text in ["lab:", "lab:a/b.zarr", "lab:a:b"] {
            let named: Named = text.parse().unwrap();
            assert_eq!((named.to_string().as_str(), matches!(named, Named::Place(_))), (text, true));
        }
        for text in ["", "lab", "d", "https://data.example.org/KEY/a.zarr", "lab:../a"] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_edit_says_who_reads_then_and_how_fast_the_rest_stops() {
        for (from, visibility, restricted, says, narrows) in [
            ("private", Some("world"), None, "Anybody gets", false),
            ("private", Some("accounts"), None, "Everybody with an account", false),
            ("world", Some("accounts"), None, "Everybody with an account", true),
            ("accounts", Some("project"), None, "members of its project", true),
            ("world", Some("private"), None, "by name or through a group or project", true),
            ("private", None, Some(true), "stops at it", true),
            ("private", None, Some(false), "gets it there, too", false),
        ] {
            let dataset = Dataset { visibility: from.to_owned(), ..example() };
            let text = consequence(
                &dataset,
                &DatasetEdit { visibility: visibility.map(str::to_owned), restricted, ..DatasetEdit::default() },
                visibility,
            );
            assert!(text.contains(says) && text.contains("lab:a\\u{1b}"), "{text}");
            assert_eq!(text.contains("within 65 seconds, by links within 5 minutes 30 seconds. A download"), narrows, "{text}");
        }
    }

    #[test]
    fn closing_what_a_dataset_above_opens_is_said_to_close_nothing() {
        let edit = DatasetEdit { visibility: Some("private".to_owned()), ..DatasetEdit::default() };
        let open = Dataset { visibility: "accounts".to_owned(), ..example() };
        for (then, whom) in
            [("world", "open to everybody by a dataset above"), ("accounts", "open to everybody with an account by a dataset above")]
        {
            let text = consequence(&open, &edit, Some(then));
            assert!(text.contains(whom) && !text.contains("Only those"), "{text}");
        }
    }

    #[test]
    fn an_edit_of_a_strict_dataset_promises_what_holds() {
        let said = |dataset: Dataset, edit: DatasetEdit| consequence(&dataset, &edit, None);
        let open = Dataset { visibility: "world".to_owned(), ..example() };
        let close = || DatasetEdit { visibility: Some("private".to_owned()), ..DatasetEdit::default() };
        let strictly = said(Dataset { strict: true, ..open.clone() }, close());
        assert!(strictly.contains("within 15 seconds. A download") && !strictly.contains("65"), "{strictly}");
        let soon = Dataset { strict: true, given_until: Some("2027-01-01T00:00:00Z".to_owned()), ..open.clone() };
        assert!(said(soon, close()).contains("within 65 seconds"), "what was signed before reads on");
        let restrict = DatasetEdit { restricted: Some(true), ..DatasetEdit::default() };
        assert!(
            said(Dataset { strict: true, ..open.clone() }, restrict).contains("by links within 5 minutes 30 seconds"),
            "links above are not its own"
        );
        let strict = |strict| DatasetEdit { strict: Some(strict), ..DatasetEdit::default() };
        let made = said(open.clone(), strict(true));
        assert!(made.contains("within 15 seconds") && made.contains("up to 5 minutes 30 seconds"), "{made}");
        assert!(
            said(Dataset { strict: true, ..open }, strict(false))
                .contains("within 65 seconds, by publication links within 5 minutes 30 seconds")
        );
    }

    fn example() -> Dataset {
        Dataset {
            id: "d1".to_owned(),
            source: "s1".to_owned(),
            place: "lab:a\u{1b}".to_owned(),
            path: "a".to_owned(),
            name: "a".to_owned(),
            kind: "folder".to_owned(),
            owner: "u1".to_owned(),
            successor: None,
            visibility: "private".to_owned(),
            audience: "private".to_owned(),
            project: None,
            link_set: None,
            restricted: false,
            strict: false,
            curated: None,
            given_until: None,
            rights: Vec::new(),
            levels: Vec::new(),
            state: "active".to_owned(),
            registered: "2027-01-01T00:00:00Z".to_owned(),
            version: 1,
        }
    }
}
