//! `offprint link`: create, list, show, edit, extend, retarget, pass, pause, resume, revoke; promoting is in `promotion.rs`.

use std::{
    io::Read,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::{ArgGroup, Args, Subcommand, builder::PossibleValuesParser, value_parser};
use domain::{
    id::LinkId,
    limits::BATCH_ITEMS_MAX,
    link::{Class, LinkState},
    timing::Timing,
};
use edge::qr::Qr;
use jiff::Timestamp;
use wire::{
    link::{
        Batch, BatchExtend, BatchItem, BatchRevoke, Changed, DatasetLinksRevoked, Link, LinkEdit, ResolveAsk, RestsOn, RetargetAsk,
        RevokeAsk,
    },
    pass::{NewPass, Pass},
    secret::Secret,
};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    batch::{self, Ask},
    dataset,
    exit::{Exit, Failure},
    output::{Column, Format, Output, bound, bytes, column, data, instant, instant_of, printable, seconds, text},
    place::Place,
    progress::Progress,
    promotion::{self, Promote},
    size::read_size,
};

/// What a list of links shows.
const LIST: [Column; 6] = [
    column("id", "/id"),
    column("state", "/state"),
    column("class", "/class"),
    column("until", "/until"),
    column("label", "/label"),
    column("place", "/place"),
];
/// What one link shows.
const ONE: [Column; 33] = [
    column("id", "/id"),
    column("state", "/state"),
    column("class", "/class"),
    column("label", "/label"),
    column("place", "/place"),
    column("url", "/url"),
    column("streamed_url", "/streamed_url"),
    column("s3_endpoint", "/s3/endpoint"),
    column("s3_bucket", "/s3/bucket"),
    column("s3_prefix", "/s3/prefix"),
    column("no_url", "/no_url"),
    column("until", "/until"),
    column("not_before", "/not_before"),
    column("strict", "/strict"),
    column("role", "/role"),
    column("zones", "/zones"),
    column("hard_zones", "/hard_zones"),
    column("hide_listing", "/hide_listing"),
    column("level", "/level"),
    column("password", "/password"),
    column("sessions_max", "/sessions_max"),
    column("sessions_given", "/sessions_given"),
    column("requests_per_second", "/requests_per_second"),
    column("bytes_per_day", "/bytes_per_day"),
    column("over_until", "/over_until"),
    column("maker", "/maker"),
    column("made", "/made"),
    column("revoked", "/revoked/at"),
    column("reason", "/revoked/reason"),
    column("code", "/code"),
    column("page", "/page"),
    column("dataset", "/dataset"),
    column("version", "/version"),
];
/// What a change of a link shows.
const CHANGED: [Column; 4] =
    [column("id", "/link/id"), column("state", "/link/state"), column("until", "/link/until"), column("enforced_by", "/enforced_by")];
/// What the end of all links of a dataset shows.
const ALL_REVOKED: [Column; 2] = [column("dataset", "/dataset"), column("enforced_by", "/enforced_by")];
/// Links that a consequence names one by one.
pub(crate) const NAMED_MAX: usize = 10;
/// Links that one request revokes: below what the API takes, so that progress moves.
const REVOKED_AT_ONCE: usize = 200;
/// What a revoke cannot reach (UX 1).
pub(crate) const NOT_REACHED: &str = "A download that is already running may finish. Copies already made stay.";

/// Make links and take them back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link create lab:retina/exp-03.ome.zarr --until 30d --label 'Basel talk'")]
pub(crate) struct LinkCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a URL that opens a dataset, a folder or a file; prints the URL.
    Create(Create),
    /// List your links, or those of a dataset of yours, newest first.
    List(List),
    /// Show one link, with its URL if you made it.
    Show(Show),
    /// Draw the QR code of a link's page, for a poster, a slide or this terminal.
    Qr(QrAsk),
    /// Change when a link ends or begins, its label, or what it opens to whom; its URL stays.
    Edit(Edit),
    /// Let links end later; their URLs stay, and no end comes closer.
    Extend(Extend),
    /// Move a link to where its data lie now; its URL stays.
    Retarget(Retarget),
    /// Get an address for 15 minutes by which a link with a password opens in tools; prints the URL.
    Pass(PassAsk),
    /// Make links refuse until they are resumed; their URLs stay.
    Pause(Pause),
    /// Make paused links read again.
    Resume(Resume),
    /// Make review links publication links; their URLs stay.
    Promote(Promote),
    /// Make links refuse for good.
    Revoke(Revoke),
}

/// The options that a link is made with, and that a row of a batch may have for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command by its own name")]
pub(crate) struct Options {
    /// What it is for: collaboration, review, publication or event.
    #[arg(long, value_parser = class_words(), hide_possible_values = true)]
    pub(crate) class: Option<String>,
    /// When it ends: 30d, 2027-01-31 (the last day, UTC), an RFC 3339 instant, or never.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// When it begins: a date (UTC) or an RFC 3339 instant; at once if left out.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// What you call it; only you see it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Stopped within 15 seconds of a revoke, at the price of speed.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The most that it gives: preview, view or download; download if left out.
    #[arg(long, value_parser = role_words(), hide_possible_values = true)]
    pub(crate) role: Option<String>,
    /// The networks that it opens from, such as 192.0.2.0/24, with commas between them; everywhere if left out.
    #[arg(long, value_name = "NET", value_delimiter = ',')]
    pub(crate) zones: Vec<String>,
    /// Bytes for these networks only: everything is streamed, under a neutral name.
    #[arg(long, requires = "zones")]
    pub(crate) hard_zones: bool,
    /// Show nobody what is in a folder.
    #[arg(long)]
    pub(crate) hide_listing: bool,
    /// With the role preview: from which level of multiscale images on chunks open, too; 1 is the first coarse one.
    #[arg(long, value_name = "LEVEL", requires = "role")]
    pub(crate) level: Option<u8>,
    /// A file whose first line is a password without which it opens nothing; - for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// How many passes it gives in all: each opens it for 15 minutes.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) sessions_max: Option<u32>,
    /// How many requests it answers in a second, ten seconds' worth at once.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) requests_per_second: Option<u32>,
    /// About how many bytes it gives in a day (UTC), such as 500MB or 2TB.
    #[arg(long, value_name = "SIZE", value_parser = read_size)]
    pub(crate) bytes_per_day: Option<u64>,
    /// For an event link: a code of eight characters for print. Whoever guesses it reads, too: only for data you would show on stage.
    #[arg(long)]
    pub(crate) code: bool,
    /// A path inside the dataset to open instead of all of it; a folder's ends with a slash.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

fn role_words() -> PossibleValuesParser {
    PossibleValuesParser::new(["preview", "view", "download"])
}

fn class_words() -> PossibleValuesParser {
    PossibleValuesParser::new(Class::ALL.map(Class::word))
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint link create lab:retina/exp-03.ome.zarr --until 30d
  offprint link create lab:a.zarr lab:b.zarr --class review --json
  offprint link create --batch links.csv -o csv > made.csv

A batch is CSV with a head: place, and any of path, class, until, from, label, strict, role. \
Options given beside it hold for rows that leave them empty. Asking for the same again gives the same link.")]
struct Create {
    /// What to open: NAME:PATH, a source and a path in it.
    #[arg(value_name = "PLACE", required_unless_present = "batch", conflicts_with = "batch")]
    places: Vec<Place>,
    #[command(flatten)]
    options: Options,
    /// Many at once, from a CSV file or, with -, from stdin.
    #[arg(long, value_name = "FILE.csv")]
    batch: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link list --only live --label basel -o csv")]
struct List {
    /// Only links of this dataset, whoever made them.
    #[arg(long, value_name = "PLACE|ID")]
    dataset: Option<String>,
    /// Only links that are live, paused, not-yet, expired, stopped, revoked or withdrawn now.
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(LinkState::ALL.map(LinkState::word)), hide_possible_values = true)]
    only: Option<String>,
    /// Only links of this class: collaboration, review, publication or event.
    #[arg(long, value_parser = class_words(), hide_possible_values = true)]
    class: Option<String>,
    /// Only links whose label holds this text.
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The most links to list.
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link show https://data.example.org/KEY/exp-03.ome.zarr")]
struct Show {
    /// The link: its id, its URL (or that of anything in it), its key, or its code.
    #[arg(value_name = "ID|URL|KEY|CODE")]
    link: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link qr 7K3M-9QXZ --as svg > poster.svg")]
struct QrAsk {
    /// The link: its id, its URL, its key, or its code.
    #[arg(value_name = "ID|URL|KEY|CODE")]
    link: String,
    /// What it is drawn as: svg, png, or term for characters.
    #[arg(long = "as", value_name = "svg|png|term", default_value = "term", value_parser = PossibleValuesParser::new(["svg", "png", "term"]), hide_possible_values = true)]
    format: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  offprint link edit https://data.example.org/KEY/exp-03.ome.zarr --until 2027-01-31",
    override_usage = "offprint link edit [OPTIONS] <ID|URL|KEY|CODE>",
    group = ArgGroup::new("change").args(["until", "from", "label", "strict", "no_strict", "role", "zones", "hard_zones", "hide_listing", "level", "password_file", "no_password", "sessions_max", "requests_per_second", "bytes_per_day"]).multiple(true).required(true)
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command by its own name")]
struct Edit {
    /// The link: its id, its URL, its key, or its code.
    #[arg(value_name = "ID|URL|KEY|CODE")]
    link: String,
    /// Another end: 30d from now, 2027-01-31 (the last day, UTC), an RFC 3339 instant, or never.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Another beginning: a date (UTC), an RFC 3339 instant, or now.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Another label.
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Make it strict: stopped within 15 seconds of a revoke.
    #[arg(long)]
    strict: bool,
    /// Make it strict no more.
    #[arg(long, conflicts_with = "strict")]
    no_strict: bool,
    /// Another role: preview, view or download.
    #[arg(long, value_parser = role_words(), hide_possible_values = true)]
    role: Option<String>,
    /// Other networks that it opens from, with commas between them, or any.
    #[arg(long, value_name = "NET|any", value_delimiter = ',')]
    zones: Option<Vec<String>>,
    /// Whether bytes leave for these networks only: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    hard_zones: Option<bool>,
    /// Whether nobody is shown what is in a folder: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    hide_listing: Option<bool>,
    /// With the role preview: from which level on chunks open, too; 0: no chunk.
    #[arg(long, value_name = "LEVEL")]
    level: Option<u8>,
    /// A file whose first line is another password; - for stdin. Passes that were given are void.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take its password off.
    #[arg(long, conflicts_with = "password_file")]
    no_password: bool,
    /// How many passes it gives in all, those that were given counted; 0: as many as are asked for.
    #[arg(long, value_name = "N")]
    sessions_max: Option<u32>,
    /// How many requests it answers in a second; 0: as many as come.
    #[arg(long, value_name = "N")]
    requests_per_second: Option<u32>,
    /// About how many bytes it gives in a day (UTC), such as 2TB; 0: as many as are asked for.
    #[arg(long, value_name = "SIZE", value_parser = read_size)]
    bytes_per_day: Option<u64>,
    /// Return when the change is in force everywhere.
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link pass https://data.example.org/KEY/exp-03.ome.zarr --password-file -")]
struct PassAsk {
    /// The link: its URL, its key, or its code.
    #[arg(value_name = "URL|KEY")]
    link: String,
    /// A file whose first line is its password; - for stdin. Left out where it has none.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Data-use terms that you have read and accept, by their ids: a refusal names them, and `offprint terms show` prints them.
    #[arg(long = "accept", value_name = "ID", value_delimiter = ',')]
    terms: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link pause https://data.example.org/KEY/exp-03.ome.zarr --wait")]
struct Pause {
    /// The links: ids, URLs, or keys.
    #[arg(value_name = "ID|URL|KEY|CODE", required = true)]
    links: Vec<String>,
    /// Return when reading has stopped.
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link extend https://data.example.org/KEY/exp-03.ome.zarr --until 90d")]
struct Extend {
    /// The links: ids, URLs, or keys.
    #[arg(value_name = "ID|URL|KEY|CODE", required = true)]
    links: Vec<String>,
    /// When each ends at the earliest: 30d, 2027-01-31, an instant, or never. One that ends later already stays as it is.
    #[arg(long, value_name = "WHEN", required = true)]
    until: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  offprint link retarget https://data.example.org/KEY/exp-03.ome.zarr archive:2026/exp-03.ome.zarr --wait"
)]
struct Retarget {
    /// The link: its id, its URL, its key, or its code.
    #[arg(value_name = "ID|URL|KEY|CODE")]
    link: String,
    /// Where its data lie now: NAME:PATH, a source and a path in it.
    #[arg(value_name = "PLACE")]
    place: Place,
    /// A path inside the dataset to open instead of all of it; a folder's ends with a slash.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Return when it leads nowhere else.
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link resume https://data.example.org/KEY/exp-03.ome.zarr")]
struct Resume {
    /// The links: ids, URLs, or keys.
    #[arg(value_name = "ID|URL|KEY|CODE", required = true)]
    links: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint link revoke https://data.example.org/KEY/exp-03.ome.zarr --reason 'sent to the wrong list'
  offprint link revoke --all-of lab:retina/exp-03.ome.zarr --reason 'embargo' -y --wait")]
struct Revoke {
    /// The links: ids, URLs, or keys.
    #[arg(value_name = "ID|URL|KEY|CODE", required_unless_present = "all_of")]
    links: Vec<String>,
    /// Every link that a dataset has now, whoever made it; needs --reason.
    #[arg(long, value_name = "PLACE|ID", conflicts_with = "links", requires = "reason")]
    all_of: Option<String>,
    /// Why: it stays with the record. A publication link cannot be withdrawn without.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
    /// Return when reading has stopped.
    #[arg(long)]
    wait: bool,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: LinkCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Create(ask) => create(&api, out, ask).await,
        Verb::List(ask) => list(&api, out, ask).await,
        Verb::Show(Show { link }) => show(out, &find(&api, &link).await?),
        Verb::Qr(QrAsk { link, format }) => qr(&api, &find(&api, &link).await?, &format),
        Verb::Edit(ask) => edit(&api, out, ask).await,
        Verb::Extend(Extend { links, until }) => extend(&api, out, &links, &until).await,
        Verb::Retarget(ask) => retarget(&api, out, ask).await,
        Verb::Pass(ask) => pass(&api, out, ask).await,
        Verb::Pause(Pause { links, wait }) => each(&api, out, &links, "pause", wait).await,
        Verb::Resume(Resume { links }) => each(&api, out, &links, "resume", false).await,
        Verb::Promote(ask) => promotion::run(&api, out, ask).await,
        Verb::Revoke(Revoke { all_of: Some(place), reason, yes, wait, .. }) => {
            revoke_all(&api, out, &place, reason, Sure { yes, wait }).await
        }
        Verb::Revoke(Revoke { links, reason, yes, wait, .. }) => revoke(&api, out, &links, reason, Sure { yes, wait }).await,
    }
}

async fn create(api: &Api, out: Output, ask: Create) -> Result<(), Failure> {
    let mut asks = match &ask.batch {
        Some(file) => batch::read(file, &ask.options).await?,
        None => ask.places.into_iter().map(|place| Ask { place, options: ask.options.clone(), password: None }).collect(),
    };
    if let Some(file) = &ask.options.password_file {
        let password = password_in(file).await?;
        for ask in &mut asks {
            ask.password = Some(password.clone());
        }
    }
    if let ([only], None) = (asks.as_slice(), &ask.batch) {
        return create_one(api, out, only).await;
    }
    let batch = batch::create(api, out, &asks).await;
    if out.is_for_reading() {
        data(&text(batch.items.iter().filter_map(|item| item.link.as_ref()).map(|link| url(link).to_owned())))?;
    } else {
        batch::print(out, &batch)?;
    }
    batch::failures(&batch, |index| asks.get(index).map(|ask| ask.place.to_string()))
}

async fn create_one(api: &Api, out: Output, ask: &Ask) -> Result<(), Failure> {
    let dataset = dataset::register(api, &ask.place).await?.body;
    let made: Reply<Link> = api.create(&["links"], &ask.new_link(dataset.id)).await?;
    let link = made.body;
    if !made.is_new {
        out.note("You already have this link.");
    }
    let place = printable(&link.place);
    let whoever = if link.password { "Anyone who has this link and its password" } else { "Anyone who has this link" };
    out.note(&format!(
        "{whoever} can read {place}{}. If you revoke it, reading stops within {}.",
        until(&link),
        seconds(stops_within_secs(&link))
    ));
    if let Some(note) = rests_on(&link) {
        out.note(&note);
    }
    if ask.options.path.is_some()
        && let Some(url) = &link.url
        && Api::is_nothing_at(url).await
    {
        out.note("warning: nothing is at this path now, and reading it answers 404; a folder's path ends with `/`");
    }
    if out.is_for_reading() { data(&format!("{}\n", url(&link))) } else { out.one(&ONE, &link) }
}

fn show(out: Output, link: &Link) -> Result<(), Failure> {
    out.one(&ONE, link)?;
    if let Some(note) = rests_on(link) {
        out.note(&note);
    }
    Ok(())
}

/// When a link ends, by itself or with every right that it rests on, whichever is first; and the networks that it opens from, by these rights.
pub(crate) fn bounds(until: Option<&str>, rests_on: &[RestsOn]) -> (Option<String>, Vec<String>) {
    let at = |text: &str| text.parse::<Timestamp>().ok();
    let ends: Option<Vec<&str>> = rests_on.iter().map(|right| right.until.as_deref()).collect();
    let last = ends.and_then(|ends| ends.into_iter().max_by_key(|end| at(end)));
    let first = until.into_iter().chain(last).min_by_key(|end| at(end));
    let is_bound = rests_on.iter().all(|right| !right.zones.is_empty());
    let zones = rests_on.iter().filter(|_right| is_bound).flat_map(|right| right.zones.iter().cloned());
    (first.map(str::to_owned), zones.collect())
}

/// That a link opens no longer and from nowhere else than its maker's right to share counts, where that is bound.
fn rests_on(link: &Link) -> Option<String> {
    let bound = |right: &RestsOn| {
        let until = right.until.as_deref().map(|end| format!("until {}", instant_of(end)));
        let zones = (!right.zones.is_empty()).then(|| format!("from {} only", printable(&right.zones.join(" and "))));
        until.into_iter().chain(zones).collect::<Vec<_>>().join(", ")
    };
    let rights: Vec<String> = link.rests_on.iter().map(bound).collect();
    (!rights.is_empty()).then(|| format!("It opens as long as its maker may share: {}.", rights.join("; or ")))
}

/// The URL of a link; without one (made with another secret), what names it.
fn url(link: &Link) -> &str {
    link.url.as_deref().unwrap_or(&link.id)
}

async fn list(api: &Api, out: Output, ask: List) -> Result<(), Failure> {
    let dataset = match &ask.dataset {
        Some(named) => Some(dataset::find_id(api, named).await?),
        None => None,
    };
    let filters =
        [("dataset", dataset.as_deref()), ("state", ask.only.as_deref()), ("class", ask.class.as_deref()), ("q", ask.label.as_deref())];
    let (links, more): (Vec<Link>, bool) = api.list(&["links"], &filters, ask.limit.get()).await?;
    out.list(&LIST, &links)?;
    out.more(more, ask.limit);
    let bound: Vec<String> = links.iter().filter(|link| !link.rests_on.is_empty()).map(|link| printable(&link.id)).collect();
    if !bound.is_empty() {
        out.note(&format!("Their makers' rights bound these, see `offprint link show`: {}.", bound.join(", ")));
    }
    Ok(())
}

/// The link that an id, a URL or a key names.
///
/// # Errors
/// The API's refusal.
pub(crate) async fn find(api: &Api, text: &str) -> Result<Link, Failure> {
    let reply = if LinkId::parse(text).is_ok() {
        api.get(&["links", text]).await?
    } else {
        // In the body: a key in a query would stand in logs.
        api.act(&["links", "resolve"], &ResolveAsk { url: text.to_owned() }).await?
    };
    Ok(reply.body)
}

/// Draws the QR code of a link's page.
///
/// # Errors
/// [`Exit::NotAllowed`] where the caller is not shown the page's address.
fn qr(api: &Api, link: &Link, format: &str) -> Result<(), Failure> {
    let page = link.page.as_deref().ok_or_else(|| Failure::new(Exit::NotAllowed, "you are not shown the address of this link's page"))?;
    let page = &if page.starts_with('/') { api.at(page) } else { page.to_owned() };
    let drawn = Qr::of(page, link.code.is_some()).and_then(|qr| match format {
        "svg" => Ok(format!("{}\n", qr.svg()).into_bytes()),
        "png" => qr.png(),
        _ => Ok(format!("{}\n{page}\n", qr.text()).into_bytes()),
    });
    bytes(&drawn.map_err(anyhow::Error::from)?)
}

async fn edit(api: &Api, out: Output, ask: Edit) -> Result<(), Failure> {
    let link = find(api, &ask.link).await?;
    let from = ask.from.map(|from| (from != "now").then_some(from));
    let strict = if ask.no_strict { Some(false) } else { ask.strict.then_some(true) };
    let edit = LinkEdit {
        until: ask.until,
        not_before: from,
        label: ask.label,
        strict,
        role: ask.role,
        zones: ask.zones.map(|zones| if zones == ["any"] { Vec::new() } else { zones }),
        hard_zones: ask.hard_zones,
        hide_listing: ask.hide_listing,
        level: ask.level.map(|level| (level > 0).then_some(level)),
        password: match &ask.password_file {
            Some(file) => Some(Some(password_in(file).await?)),
            None => ask.no_password.then_some(None),
        },
        sessions_max: ask.sessions_max.map(|max| (max > 0).then_some(max)),
        requests_per_second: ask.requests_per_second.map(|most| (most > 0).then_some(most)),
        bytes_per_day: ask.bytes_per_day.map(|most| (most > 0).then_some(most)),
    };
    let Reply { body: changed, date, .. } = api.edit::<Changed>(&["links", &link.id], link.version, &edit).await?;
    match out.format {
        Format::Table => out.one(&ONE, &changed.link)?,
        Format::Json | Format::Jsonl | Format::Csv => out.one(&CHANGED, &changed)?,
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}

/// What a pass shows.
const PASS: [Column; 3] = [column("until", "/until"), column("url", "/url"), column("streamed_url", "/streamed_url")];

async fn pass(api: &Api, out: Output, ask: PassAsk) -> Result<(), Failure> {
    let password = match &ask.password_file {
        Some(file) => Some(password_in(file).await?),
        None => None,
    };
    let pass: Pass = api.act(&["passes"], &NewPass { url: ask.link, password, terms: ask.terms }).await?.body;
    out.note(&format!("Whoever has this URL reads by it until {}.", instant_of(&pass.until)));
    if out.is_for_reading() { data(&format!("{}\n", pass.url)) } else { out.one(&PASS, &pass) }
}

/// The password in a file: its first line, without its end. A secret is never an argument, which others on the machine see.
///
/// # Errors
/// [`Exit::Usage`] for a file that cannot be read, or is no text.
pub(crate) async fn password_in(file: &Path) -> Result<Secret, Failure> {
    const BYTES_MAX: u64 = 65_536;
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let source: Box<dyn Read> = if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(path)?) };
        let mut text = String::new();
        source.take(BYTES_MAX).read_to_string(&mut text).map(|_count| text)
    });
    let text = read.await.map_err(anyhow::Error::from)?;
    let text = text.map_err(|why| Failure::new(Exit::Usage, format!("{}: {why}", file.display())))?;
    Ok(Secret(text.lines().next().unwrap_or_default().to_owned()))
}

/// Lets links end later, in pieces; each of a piece that gets no answer has failed.
async fn extend(api: &Api, out: Output, links: &[String], until: &str) -> Result<(), Failure> {
    let api = api.silently();
    let progress = Progress::new("Looking for links", links.len(), out.quiet);
    let found = batch::each(links, progress, async |text| find(&api, text).await).await;
    let (mut items, mut ids) = (Vec::new(), Vec::new());
    for (index, found) in found.into_iter().enumerate() {
        match found {
            Ok(link) => ids.push((index, link.id)),
            Err(why) => items.push(batch::failed(index, why)),
        }
    }
    for piece in ids.chunks(BATCH_ITEMS_MAX) {
        let ask = BatchExtend { ids: piece.iter().map(|(_, id)| id.clone()).collect(), until: until.to_owned() };
        let done = api.act::<Batch>(&["links", "batch", "extend"], &ask).await?.body;
        items.extend(done.items.into_iter().zip(piece).map(|(item, (index, _))| BatchItem { index: *index, ..item }));
    }
    items.sort_by_key(|item| item.index);
    finish(out, Batch { items }, links, (Stops::Links, None, false)).await
}

async fn retarget(api: &Api, out: Output, ask: Retarget) -> Result<(), Failure> {
    let link = find(api, &ask.link).await?;
    let dataset = dataset::register(api, &ask.place).await?.body.id;
    let body = RetargetAsk { dataset, path: ask.path, reason: ask.reason };
    let Reply { body: changed, date, .. } = api.act_on::<Changed>(&["links", &link.id, "retarget"], link.version, &body).await?;
    out.one(&CHANGED, &changed)?;
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait: ask.wait }.tell(out).await;
    Ok(())
}

/// Pauses or resumes links.
async fn each(api: &Api, out: Output, links: &[String], act: &str, wait: bool) -> Result<(), Failure> {
    if let [only] = links {
        let link = find(api, only).await?;
        let Reply { body: changed, date, .. } = api.create::<Changed>(&["links", &link.id, act], &serde_json::json!({})).await?;
        out.one(&CHANGED, &changed)?;
        InForce { stops: Stops::Link, by: changed.enforced_by.as_deref(), date, wait }.tell(out).await;
        return Ok(());
    }
    let (api, progress) = (api.silently(), Progress::new("Changing links", links.len(), out.quiet));
    let changed = batch::each(links, progress, async |text| change(&api, text, act).await).await;
    let seen = changed.iter().filter_map(|done| done.as_ref().ok()?.date).max();
    let items = changed.into_iter().enumerate().map(|(index, done)| match done {
        Ok(Reply { body: Changed { link, enforced_by }, .. }) => {
            BatchItem { index, status: 200, link: Some(link), enforced_by, problem: None }
        }
        Err(why) => batch::failed(index, why),
    });
    finish(out, Batch { items: items.collect() }, links, (Stops::Links, seen, wait)).await
}

async fn change(api: &Api, text: &str, act: &str) -> Result<Reply<Changed>, Failure> {
    let link = find(api, text).await?;
    api.create(&["links", &link.id, act], &serde_json::json!({})).await
}

/// Prints what became of each, says when the last is in force, and lists what failed.
///
/// # Errors
/// As [`batch::failures`].
pub(crate) async fn finish(
    out: Output,
    batch: Batch,
    links: &[String],
    (stops, date, wait): (Stops, Option<Timestamp>, bool),
) -> Result<(), Failure> {
    batch::print(out, &batch)?;
    let by = batch.items.iter().filter_map(|item| item.enforced_by.as_deref()).max_by_key(|text| text.parse::<Timestamp>().ok());
    InForce { stops, by, date, wait }.tell(out).await;
    batch::failures(&batch, |index| named_at(links, index))
}

/// How a message names the link that was named at this place: a URL or a key by its place, because messages end up in logs.
pub(crate) fn named_at(links: &[String], index: usize) -> Option<String> {
    let text = links.get(index)?;
    Some(if LinkId::parse(text).is_ok() { text.clone() } else { format!("link {}", index.saturating_add(1)) })
}

/// What was answered beforehand.
#[derive(Debug, Clone, Copy)]
struct Sure {
    yes: bool,
    wait: bool,
}

async fn revoke(api: &Api, out: Output, links: &[String], reason: Option<String>, sure: Sure) -> Result<(), Failure> {
    let mut found = Found::default();
    if let [only] = links {
        found.take(0, find(api, only).await?);
    } else {
        found.look(api, out, links, sure.yes).await;
    }
    if !found.ids.is_empty() {
        let question =
            if found.ids.len() == 1 { "Revoke this link?".to_owned() } else { format!("Revoke these {} links?", found.ids.len()) };
        out.confirm(&consequence(&found), &question, sure.yes).await?;
    }
    if let ([_only], [(_, id)]) = (links, found.ids.as_slice()) {
        let Reply { body: changed, date, .. } = api.act::<Changed>(&["links", id, "revoke"], &RevokeAsk { reason }).await?;
        out.one(&CHANGED, &changed)?;
        InForce { stops: Stops::Link, by: changed.enforced_by.as_deref(), date, wait: sure.wait }.tell(out).await;
        return Ok(());
    }
    let mut items = found.lost;
    let date = revoke_found(&api.silently(), out, &found.ids, reason, &mut items).await;
    items.sort_by_key(|item| item.index);
    finish(out, Batch { items }, links, (Stops::Links, date, sure.wait)).await
}

/// Revokes links in pieces; a piece that gets no answer fails each of its links, and those after it are not tried.
async fn revoke_found(
    api: &Api,
    out: Output,
    ids: &[(usize, String)],
    reason: Option<String>,
    items: &mut Vec<BatchItem>,
) -> Option<Timestamp> {
    let mut progress = Progress::new("Revoking links", ids.len(), out.quiet);
    let (mut seen, mut broken) = (None, None);
    for piece in ids.chunks(REVOKED_AT_ONCE) {
        let ask = BatchRevoke { ids: piece.iter().map(|(_, id)| id.clone()).collect(), reason: reason.clone() };
        let done = match broken.take() {
            Some(why) => Err(why),
            None => api.act::<Batch>(&["links", "batch", "revoke"], &ask).await,
        };
        match done {
            Ok(Reply { body, date, .. }) => {
                seen = date.or(seen);
                items.extend(batch::renumbered(body, piece.iter().map(|(index, _)| *index)));
            }
            Err(why) => {
                items.extend(piece.iter().map(|(index, _)| batch::failed(*index, why.clone())));
                broken = Some(why);
            }
        }
        progress.advance(piece.len());
    }
    seen
}

/// The links that were named, and what is known of them.
#[derive(Debug, Default)]
struct Found {
    /// Where each was named, and its id.
    ids: Vec<(usize, String)>,
    /// Those whose facts were asked for.
    links: Vec<Link>,
    /// Those that were not found.
    lost: Vec<BatchItem>,
}

impl Found {
    fn take(&mut self, index: usize, link: Link) {
        self.ids.push((index, link.id.clone()));
        self.links.push(link);
    }

    /// Finds each. Where the answer is yes already nothing is said of them, so an id is enough.
    async fn look(&mut self, api: &Api, out: Output, texts: &[String], yes: bool) {
        let (api, progress) = (api.silently(), Progress::new("Finding links", texts.len(), out.quiet));
        let found = batch::each(texts, progress, async |text| {
            let known = yes && LinkId::parse(text).is_ok();
            if known { Ok(None) } else { find(&api, text).await.map(Some) }
        });
        for ((index, text), found) in texts.iter().enumerate().zip(found.await) {
            match found {
                Ok(Some(link)) => self.take(index, link),
                Ok(None) => self.ids.push((index, text.clone())),
                Err(why) => self.lost.push(batch::failed(index, why)),
            }
        }
    }
}

/// What a revoke will do: which links, how fast, and that there is no way back.
fn consequence(found: &Found) -> String {
    let mut lines: Vec<String> = found.links.iter().take(NAMED_MAX).map(named).collect();
    let others = found.ids.len().saturating_sub(lines.len());
    if others > 0 {
        lines.push(format!("  and {others} {}", if lines.is_empty() { "links" } else { "others" }));
    }
    let slowest = found.links.iter().map(stops_within_secs).max().unwrap_or(Timing::WORLD.revoke_bound_secs);
    lines.push(format!("Reading stops within {}, for good. {NOT_REACHED}", seconds(slowest)));
    if found.links.iter().any(|link| link.class == Class::Publication.word()) {
        lines.push("A publication link is withdrawn: its readers will see your reason instead of the data.".to_owned());
    }
    lines.push("To stop reading for a while and keep the URL, pause it instead.".to_owned());
    lines.join("\n")
}

fn named(link: &Link) -> String {
    let label =
        link.label.as_deref().filter(|label| !label.is_empty()).map_or_else(String::new, |label| format!(" ({})", printable(label)));
    let end = if matches!(link.state.as_str(), "live" | "paused" | "not-yet") { until(link) } else { String::new() };
    format!("  {} {}{label}, {}{end}", link.class, printable(&link.place), link.state)
}

async fn revoke_all(api: &Api, out: Output, text: &str, reason: Option<String>, sure: Sure) -> Result<(), Failure> {
    let dataset = dataset::find_id(api, text).await?;
    let consequence = format!(
        "Every link that {} has now refuses for good, whoever made it; publication links are withdrawn.\nReading stops within {} at the latest. {NOT_REACHED}",
        printable(text),
        bound(Timing::WORLD)
    );
    out.confirm(&consequence, "Revoke all of them?", sure.yes).await?;
    let Reply { body: ended, date, .. } =
        api.act::<DatasetLinksRevoked>(&["datasets", &dataset, "links", "revoke"], &RevokeAsk { reason }).await?;
    out.one(&ALL_REVOKED, &ended)?;
    InForce { stops: Stops::Links, by: Some(&ended.enforced_by), date, wait: sure.wait }.tell(out).await;
    Ok(())
}

/// When a link ends, to be said after it; empty for one that does not.
pub(crate) fn until(link: &Link) -> String {
    link.until.as_deref().and_then(|end| end.parse().ok()).map_or_else(String::new, |end| format!(" until {}", instant(end)))
}

/// Where it were revoked now; an older server leaves it at the widest bound.
fn stops_within_secs(link: &Link) -> u32 {
    link.stops_within_secs.unwrap_or(Timing::WORLD.revoke_bound_secs)
}
