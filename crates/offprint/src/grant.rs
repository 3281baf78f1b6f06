//! `offprint grant`: give, list, withdraw, break the glass. And how grants, and the ways that come of them, are said.

use std::{collections::BTreeMap, num::NonZeroUsize};

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use domain::rights::{Right, Rights, Role};
use reqwest::Method;
use wire::{
    dataset::Dataset,
    grant::{BreakGlass, Given, Grant, Invitation, NewGrant, Sharing, Way, WithdrawAsk, Withdrawn},
    opening::Opening,
};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    curation::MARK_ASLEEP,
    dataset::Named,
    effects::{self, Spoken, Sure},
    exit::Failure,
    invitation::{self, Invitations, Invite, Uninvite},
    opening,
    output::{Column, Format, Output, column, instant_of, printable},
};

/// What a grant shows.
const GRANT: [Column; 10] = [
    column("to", "/to"),
    column("name", "/name"),
    column("role", "/role"),
    column("may_share", "/may_share"),
    column("level", "/level"),
    column("not_before", "/not_before"),
    column("until", "/until"),
    column("zones", "/zones"),
    column("state", "/state"),
    column("version", "/version"),
];
/// What a grant shows that was given.
const GIVEN: [Column; 12] = {
    let [to, name, role, may_share, level, not_before, until, zones, state, version] = GRANT;
    [
        to,
        name,
        role,
        may_share,
        level,
        not_before,
        until,
        zones,
        state,
        version,
        column("also", "/also"),
        column("enforced_by", "/enforced_by"),
    ]
};
/// What a grant that was taken back shows.
const WITHDRAWN: [Column; 7] = [
    column("to", "/grant/to"),
    column("name", "/grant/name"),
    column("role", "/grant/role"),
    column("state", "/grant/state"),
    column("also", "/also"),
    column("links_ended", "/links_ended"),
    column("enforced_by", "/enforced_by"),
];
/// Grants that are looked through for the one that is to be changed.
const LOOKED_THROUGH_MAX: usize = 10_000;

/// Say who gets what on a dataset, by name.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint grant give lab:retina/exp-03.ome.zarr --to user:ada --role view --until 30d")]
pub(crate) struct GrantCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Give a person, a group, a project, all accounts or the world a role, or another one than before.
    Give(Give),
    /// List what was granted on a dataset itself, and what was withdrawn; `dataset sharing` shows all that counts.
    #[command(after_help = "Example:\n  offprint grant list lab:retina/exp-03.ome.zarr -o csv")]
    List {
        /// The dataset: NAME:PATH, or its id.
        #[arg(value_name = "PLACE|ID")]
        dataset: Named,
        /// The most grants to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Take back what was granted.
    Withdraw(Withdraw),
    /// As an administrator, read a dataset for a day at the most, in an emergency.
    BreakGlass(BreakGlassAsk),
    /// Offer a role to whoever proves to have an e-mail address; it waits for 30 days.
    Invite(Invite),
    /// List what waits, or waited, for e-mail addresses on a dataset.
    Invitations(Invitations),
    /// Take an invitation back.
    Uninvite(Uninvite),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint grant give lab:retina/exp-03.ome.zarr --to user:ada --role view
  offprint grant give lab:retina/ --to group:imaging-core --role download --may-share --until 2027-01-31
  offprint grant give lab:atlas.zarr --to accounts --role view --zones 192.0.2.0/24
  offprint grant give lab:atlas.zarr --to user:ada --role preview --level 2

Roles: preview opens metadata and coarse levels only; view opens in viewers, and whoever can view can keep what they saw; download adds \
manifests, credentials and bulk copies; full adds editing its description; manager also decides who gets in. \
Where the subject has other terms already, it asks before it changes them.")]
struct Give {
    /// What it is about: NAME:PATH, or a dataset's id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// Whom it is for: user:NAME, group:NAME, project:NAME, accounts or world.
    #[arg(long, value_name = "WHO", value_parser = read_to)]
    to: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    sure: Sure,
}

/// What somebody gets by a grant, or by an invitation once it is met.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// What they get: preview, view, download, full or manager.
    #[arg(long, value_parser = PossibleValuesParser::new(given_roles()), hide_possible_values = true)]
    pub(crate) role: String,
    /// They may make links, too; from the role view up.
    #[arg(long)]
    pub(crate) may_share: bool,
    /// With the role preview: from which level of multiscale images on chunks open, too; 1 is the first coarse one.
    #[arg(long, value_name = "N")]
    pub(crate) level: Option<u8>,
    /// When it ends: 30d, 2027-01-31 (the last day, UTC), an RFC 3339 instant, or never, which it is if left out.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// When it begins: a date (UTC) or an RFC 3339 instant; at once if left out.
    #[arg(long, value_name = "DATE", alias = "from")]
    pub(crate) not_before: Option<String>,
    /// The networks that it counts from, such as 192.0.2.0/24, with commas between them; every one if left out.
    #[arg(long, value_name = "NET", value_delimiter = ',')]
    pub(crate) zones: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  offprint grant break-glass DATASET-ID --reason 'the beamline asks for frame 17, nobody else is here' --hours 2

`offprint dataset list --owner NAME` shows ids. The grant ends by itself, stands in the dataset's sharing, and its owner sees the reason.")]
struct BreakGlassAsk {
    /// The dataset's id.
    #[arg(value_name = "DATASET-ID")]
    dataset: Named,
    /// Why: the dataset's owner sees it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how many hours, 24 at the most.
    #[arg(long, value_name = "N", default_value_t = 1)]
    hours: u16,
    /// What for: preview, view or download.
    #[arg(long, default_value = "view", value_parser = PossibleValuesParser::new(["preview", "view", "download"]), hide_possible_values = true)]
    role: String,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint grant withdraw lab:retina/exp-03.ome.zarr --to user:ada --reason 'left the project' --wait")]
struct Withdraw {
    /// What it is about: NAME:PATH, or a dataset's id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// Whose grant: user:NAME, group:NAME, project:NAME, accounts or world.
    #[arg(long, value_name = "WHO", value_parser = read_to)]
    to: String,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    sure: Sure,
}

/// The roles that are given; an owner is made by handing over.
fn given_roles() -> impl Iterator<Item = &'static str> {
    Role::ALL.into_iter().filter(|role| *role != Role::Owner).map(Role::word)
}

/// Whom a grant is for, as the API takes it.
fn read_to(text: &str) -> Result<String, String> {
    let fits = match text.split_once(':') {
        Some(("user" | "group" | "project", name)) => !name.is_empty() && name.trim() == name,
        Some(_) => false,
        None => matches!(text, "accounts" | "world"),
    };
    if fits { Ok(text.to_owned()) } else { Err("write user:NAME, group:NAME, project:NAME, accounts or world".to_owned()) }
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: GrantCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Give(ask) => give(&api, out, ask).await,
        Verb::List { dataset, limit } => {
            let id = dataset.id(&api, out).await?;
            let (grants, more): (Vec<Grant>, bool) = api.list(&["datasets", &id, "grants"], &[], limit.get()).await?;
            out.list(&GRANT, &grants)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Withdraw(ask) => withdraw(&api, out, ask).await,
        Verb::BreakGlass(ask) => break_glass(&api, out, ask).await,
        Verb::Invite(ask) => invitation::invite(&api, out, ask).await,
        Verb::Invitations(ask) => invitation::list(&api, out, ask).await,
        Verb::Uninvite(ask) => invitation::uninvite(&api, out, ask).await,
    }
}

/// What a grant has become.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Became {
    /// It is opened to everybody, and a second person is asked first.
    Waits(Box<Opening>),
    Given(Box<Given>),
    /// The person is asked first.
    Invited(Box<Invitation>),
}

/// Whom an invitation waits for.
fn invited(invitation: &Invitation) -> String {
    printable(invitation.name.as_deref().or(invitation.user.as_deref()).unwrap_or("The person"))
}

async fn give(api: &Api, out: Output, ask: Give) -> Result<(), Failure> {
    let dataset = ask.dataset.dataset(api, out).await?;
    let Terms { role, may_share, level, until, not_before, zones } = ask.terms;
    let new = NewGrant { to: ask.to, role, may_share: may_share.then_some(true), level, not_before, until, zones };
    let path = ["datasets", &dataset.id, "grants"];
    if ask.sure.dry_run {
        let would = trial(api, &path, &new).await?;
        if let Some(said) = together(&dataset, &would.also) {
            out.note(&said);
        }
        return match out.format {
            Format::Json | Format::Jsonl => out.one(&GIVEN, &would),
            Format::Table | Format::Csv => effects::show(out, &would.effects.unwrap_or_default()),
        };
    }
    // Who has answered yes already waits for no sum.
    if dataset.link_set.is_some() && !ask.sure.yes {
        let would = trial(api, &path, &new).await?;
        if let Some(said) = together(&dataset, &would.also) {
            let said = std::iter::once(said).chain(would.effects.iter().flat_map(effects::said)).collect::<Vec<_>>().join("\n");
            out.confirm(&said, "Give it on all of them?", false).await?;
        }
    }
    let became: Result<Reply<Became>, Failure> = api.create(&path, &new).await;
    let Reply { body: became, date, .. } = match became {
        Ok(became) => became,
        Err(why) => match why.version_there() {
            Some(version) => {
                let there = find(api, &path, &new.to).await?;
                out.confirm(&change(there.as_ref(), &new, &dataset.place), "Change this grant?", ask.sure.yes).await?;
                api.replace(&path, version, &new).await?
            }
            None => return Err(why),
        },
    };
    let given = match became {
        Became::Given(given) => *given,
        Became::Waits(opening) => return opening::waits(out, &opening),
        Became::Invited(sent) => {
            let (place, until) = (printable(&dataset.place), instant_of(&sent.waits_until));
            out.note(&format!("{} is asked first, and has nothing on {place} before accepting, until {until}.", invited(&sent)));
            return out.one(&invitation::LIST, &sent);
        }
    };
    let grant = &given.grant;
    out.note(&format!("{} may reach {}: {}.", whom(&grant.to, grant.name.as_deref()), printable(&dataset.place), terms(grant)));
    if let Some(note) = not_open(&grant.to, &dataset) {
        out.note(&note);
    }
    out.one(&GIVEN, &given)?;
    InForce { stops: Stops::Beyond, by: given.enforced_by.as_deref(), date, wait: ask.sure.wait }.tell(out).await;
    Ok(())
}

async fn break_glass(api: &Api, out: Output, ask: BreakGlassAsk) -> Result<(), Failure> {
    let id = ask.dataset.id(api, out).await?;
    let consequence = format!(
        "For {} h you may reach {} by the role {}. It stands in the audit and in its sharing, with your reason.",
        ask.hours,
        printable(&ask.dataset.to_string()),
        ask.role
    );
    out.confirm(&consequence, "Break the glass?", ask.yes).await?;
    let new = BreakGlass { reason: ask.reason, hours: Some(ask.hours), role: Some(ask.role) };
    let Reply { body: grant, .. } = api.create::<Grant>(&["datasets", &id, "break-glass"], &new).await?;
    out.note(&format!("You may reach it: {}.", terms(&grant)));
    out.one(&GRANT, &grant)
}

/// What giving something would do, to whatever is there.
async fn trial(api: &Api, path: &[&str], new: &NewGrant) -> Result<Given, Failure> {
    match api.trial(Method::POST, path, None, new).await {
        Err(why) if why.version_there().is_some() => api.trial(Method::POST, path, why.version_there(), new).await,
        would => would,
    }
}

/// That something goes to a whole link set.
fn together(dataset: &Dataset, also: &[String]) -> Option<String> {
    if also.is_empty() {
        return None;
    }
    let ids: Vec<_> = also.iter().map(|id| printable(id)).collect();
    let count = also.len().saturating_add(1);
    Some(format!(
        "{} is in a link set of {count} datasets, and goes with these, all or none: {}.",
        printable(&dataset.place),
        ids.join(", ")
    ))
}

/// The grant of a subject, as it is there.
async fn find(api: &Api, path: &[&str], to: &str) -> Result<Option<Grant>, Failure> {
    let (grants, _more): (Vec<Grant>, bool) = api.list(path, &[], LOOKED_THROUGH_MAX).await?;
    Ok(grants.into_iter().find(|grant| is_for(grant, to)))
}

/// Whether a grant is for whom `--to` names, by name or by id.
fn is_for(grant: &Grant, to: &str) -> bool {
    let by_name = grant.to.split_once(':').zip(grant.name.as_deref()).map(|((kind, _id), name)| format!("{kind}:{name}"));
    grant.to == to || by_name.as_deref() == Some(to)
}

/// What changing a grant will do.
fn change(there: Option<&Grant>, new: &NewGrant, place: &str) -> String {
    let (who, place) = (asked(&new.to), printable(place));
    let there = there.map_or_else(|| "other terms".to_owned(), terms);
    let role = (new.role.as_str(), new.may_share.unwrap_or_default(), new.level);
    let then = said(role, new.not_before.as_deref(), new.until.as_deref(), &new.zones);
    format!("{who} may reach {place} already: {there}.\nInstead of this, from now on: {then}.")
}

/// Why a grant to everybody does not count, if so.
fn not_open(to: &str, dataset: &Dataset) -> Option<String> {
    let counts = match to {
        "accounts" => matches!(dataset.visibility.as_str(), "accounts" | "world"),
        "world" => dataset.visibility == "world",
        _ => true,
    };
    (!counts).then(|| {
        format!(
            "It does not count while the visibility is {}. To open it: offprint dataset edit {} --visibility {to}",
            printable(&dataset.visibility),
            dataset.id
        )
    })
}

async fn withdraw(api: &Api, out: Output, ask: Withdraw) -> Result<(), Failure> {
    let dataset = ask.dataset.dataset(api, out).await?;
    let said = format!(
        "{} loses what was granted on {}, unless it comes by another way, too. Links that rest on it stop.",
        asked(&ask.to),
        printable(&dataset.place)
    );
    let spoken = Spoken { said: Some(said), by: "this grant", asks: true };
    let (path, withdraw) = (["datasets", dataset.id.as_str(), "grants", "withdraw"], WithdrawAsk { to: ask.to, reason: ask.reason });
    // Who has answered yes already waits for no sum.
    let would = if ask.sure.yes { None } else { Some(api.trial::<Withdrawn>(Method::POST, &path, None, &withdraw).await?) };
    if let Some(said) = would.as_ref().and_then(|would| together(&dataset, &would.also)) {
        out.note(&said);
    }
    if would.as_ref().is_some_and(|would| would.mark_asleep) {
        out.note(MARK_ASLEEP);
    }
    if !spoken.is_wanted(out, &would.and_then(|would| would.effects).unwrap_or_default(), &ask.sure).await? {
        return Ok(());
    }
    let Reply { body: withdrawn, date, .. } = api.act::<Withdrawn>(&path, &withdraw).await?;
    out.one(&WITHDRAWN, &withdrawn)?;
    if !out.quiet {
        let names = names(api, &dataset.id, &withdrawn.remains).await;
        out.note(&left(&withdrawn, &names));
    }
    InForce { stops: Stops::Beyond, by: withdrawn.enforced_by.as_deref(), date, wait: ask.sure.wait }.tell(out).await;
    Ok(())
}

/// What is left after a grant was taken back.
fn left(withdrawn: &Withdrawn, names: &BTreeMap<String, String>) -> String {
    let Withdrawn { grant, remains, links_ended, .. } = withdrawn;
    let who = whom(&grant.to, grant.name.as_deref());
    let mut said = Vec::new();
    if grant.to.starts_with("user:") {
        if remains.is_empty() {
            said.push(format!("No other way is left by which {who} reaches it."));
        } else {
            said.push(format!("{who} still reaches it:"));
            said.extend(remains.iter().map(|remaining| format!("  {}", way(remaining, &grant.dataset, names))));
        }
    } else {
        said.push("Those who reach it by another way, too, still do: see `offprint dataset sharing`.".to_owned());
    }
    if !links_ended.is_empty() {
        let links: Vec<String> = links_ended.iter().map(|id| printable(id)).collect();
        said.push(format!("Links of {who} that ended: {}.", links.join(", ")));
    }
    if withdrawn.mark_asleep {
        said.push(MARK_ASLEEP.to_owned());
    }
    said.join("\n")
}

/// The names of the groups and projects that give `ways`, for who may see them: the sharing of the dataset has them.
pub(crate) async fn names(api: &Api, dataset: &str, ways: &[Way]) -> BTreeMap<String, String> {
    if !ways.iter().any(|way| way.by.starts_with("group:") || way.by.starts_with("project:")) {
        return BTreeMap::new();
    }
    let Ok(Reply { body: sharing, .. }) = api.silently().get::<Sharing>(&["datasets", dataset, "sharing"]).await else {
        return BTreeMap::new();
    };
    let granted = sharing.grants.into_iter().filter_map(|grant| Some((grant.to, grant.name?)));
    let projects = sharing.projects.into_iter().map(|project| (format!("project:{}", project.project), project.name));
    granted.chain(projects).collect()
}

/// One way, in words: by what, on which dataset, what it gives, and whether it counts now.
pub(crate) fn way(way: &Way, here: &str, names: &BTreeMap<String, String>) -> String {
    let by = match way.by.as_str() {
        "owner" => "as its owner".to_owned(),
        "user" => "by a grant in person".to_owned(),
        "accounts" => "as everybody with an account".to_owned(),
        "world" => "as everybody".to_owned(),
        "project" => "through its project".to_owned(),
        other => format!("through {}", whom(other, names.get(other).map(String::as_str))),
    };
    let on = if way.on == here { String::new() } else { format!(", on {} above it", printable(&way.on)) };
    let until = way.until.as_deref().map_or_else(String::new, |until| format!(", until {}", instant_of(until)));
    let holds = if way.holds { "" } else { ", but not now or not from there" };
    format!("{by}{on}: {}{until}{holds}", rights_of(&way.rights, way.level))
}

/// Rights, and from which level on chunks open where that is not said by them.
pub(crate) fn rights_of(rights: &[String], level: Option<u8>) -> String {
    std::iter::once(role_of(rights)).chain(level.map(from_level)).collect::<Vec<_>>().join(", ")
}

fn from_level(level: u8) -> String {
    format!("chunks from level {level} on")
}

/// Rights by the role that holds just these; those that no role does, one by one.
fn role_of(rights: &[String]) -> String {
    let share = Rights::of(&[Right::Share]);
    let known: Option<Vec<Right>> = rights.iter().map(|word| Right::of(word)).collect();
    let known = known.map(|rights| Rights::of(&rights)).filter(|rights| !rights.is_empty());
    let role = |wanted: Rights| Role::ALL.into_iter().find(|role| role.rights() == wanted).map(Role::word);
    let found = known.and_then(|rights| match role(rights) {
        Some(role) => Some(role.to_owned()),
        None => Some(format!("{}, may make links", role(rights.without(share)).filter(|_| rights.holds(share))?)),
    });
    found.unwrap_or_else(|| if rights.is_empty() { "nothing".to_owned() } else { printable(&rights.join(", ")) })
}

/// Whom an answer names: `user:ID`, `group:ID`, `project:ID`, `accounts`, `world`, and a name where there is one.
pub(crate) fn whom(to: &str, name: Option<&str>) -> String {
    match (to, to.split_once(':')) {
        ("accounts", _) => "everybody with an account".to_owned(),
        ("world", _) => "everybody".to_owned(),
        (_, Some(("user", id))) => printable(name.unwrap_or(id)),
        (_, Some((kind, id))) => printable(&format!("{kind} {}", name.unwrap_or(id))),
        (other, None) => printable(other),
    }
}

/// Whom `--to` names.
fn asked(to: &str) -> String {
    whom(to, to.split_once(':').map(|(_kind, name)| name))
}

/// What a grant gives, in words.
pub(crate) fn terms(grant: &Grant) -> String {
    said((&grant.role, grant.may_share, grant.level), grant.not_before.as_deref(), grant.until.as_deref(), &grant.zones)
}

fn said((role, may_share, level): (&str, bool, Option<u8>), not_before: Option<&str>, until: Option<&str>, zones: &[String]) -> String {
    let mut parts = vec![printable(role)];
    if may_share {
        parts.push("may make links".to_owned());
    }
    parts.extend(level.map(from_level));
    parts.extend(not_before.map(|from| format!("from {}", instant_of(from))));
    parts.extend(until.filter(|until| *until != "never").map(|until| format!("until {}", instant_of(until))));
    if !zones.is_empty() {
        parts.push(format!("only from {}", printable(&zones.join(" and "))));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn grant(to: &str, name: Option<&str>) -> Grant {
        Grant {
            dataset: "d1".to_owned(),
            to: to.to_owned(),
            name: name.map(str::to_owned),
            group: None,
            role: "view".to_owned(),
            may_share: false,
            level: None,
            not_before: None,
            until: None,
            zones: Vec::new(),
            by: "u1".to_owned(),
            break_glass: false,
            at: "2027-01-01T00:00:00Z".to_owned(),
            state: "active".to_owned(),
            counts: None,
            version: 1,
        }
    }

    fn a_way(by: &str, on: &str, rights: Rights, until: Option<&str>, holds: bool) -> Way {
        let rights = rights.iter().map(|right| right.word().to_owned()).collect();
        Way { by: by.to_owned(), on: on.to_owned(), rights, level: None, until: until.map(str::to_owned), holds }
    }

    #[test]
    fn to_is_read_in_four_forms() {
        for text in ["user:ada", "user:Ada Lovelace", "group:imaging-core", "project:retina", "accounts", "world"] {
            assert_eq!(read_to(text), Ok(text.to_owned()));
        }
        for text in ["", "ada", "user:", "group:", "user: ada", "user:ada ", "project:", "everybody", "World", "owner", "accounts:all"] {
            assert!(read_to(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_subject_is_named_as_people_name_it() {
        for (to, name, want) in [
            ("user:u1", Some("ada"), "ada"),
            ("user:u1", None, "u1"),
            ("group:g1", Some("core"), "group core"),
            ("group:g1", None, "group g1"),
            ("project:p1", None, "project p1"),
            ("accounts", None, "everybody with an account"),
            ("world", None, "everybody"),
            ("user:u1", Some("a\u{1b}[2J"), "a\\u{1b}[2J"),
        ] {
            assert_eq!(whom(to, name), want);
        }
        assert_eq!([asked("user:ada"), asked("group:core"), asked("world")], ["ada", "group core", "everybody"]);
    }

    #[test]
    fn a_grant_is_found_by_name_and_by_id() {
        let ada = grant("user:u1", Some("ada"));
        for (to, want) in [("user:ada", true), ("user:u1", true), ("group:ada", false), ("user:grace", false), ("world", false)] {
            assert_eq!(is_for(&ada, to), want, "{to}");
        }
        assert!(is_for(&grant("world", None), "world"));
    }

    #[test]
    fn terms_are_said_whole() {
        assert_eq!(terms(&grant("world", None)), "view");
        let zones = words(&["192.0.2.0/24", "2001:db8::/32"]);
        assert_eq!(
            said(("full", true, None), Some("2027-01-01T00:00:00Z"), Some("2027-02-01T00:00:00Z"), &zones),
            "full, may make links, from 2027-01-01 00:00:00 UTC, until 2027-02-01 00:00:00 UTC, only from 192.0.2.0/24 and 2001:db8::/32"
        );
        assert_eq!(said(("view", false, None), None, Some("never"), &[]), "view");
        assert_eq!(said(("preview", false, Some(2)), None, None, &[]), "preview, chunks from level 2 on");
        assert_eq!(
            change(
                Some(&grant("user:u1", Some("ada"))),
                &NewGrant { to: "user:ada".to_owned(), role: "full".to_owned(), until: Some("30d".to_owned()), ..NewGrant::default() },
                "lab:a"
            ),
            "ada may reach lab:a already: view.\nInstead of this, from now on: full, until 30d."
        );
    }

    #[test]
    fn ways_are_worded() {
        let names = BTreeMap::from([("group:g1".to_owned(), "core".to_owned())]);
        let view = Role::View.rights();
        for (given, want) in [
            (a_way("owner", "d1", Rights::ALL, None, true), "as its owner: owner"),
            (a_way("owner", "d0", Rights::ALL, None, true), "as its owner, on d0 above it: owner"),
            (a_way("user", "d1", view, Some("2027-02-01T00:00:00Z"), true), "by a grant in person: view, until 2027-02-01 00:00:00 UTC"),
            (a_way("group:g1", "d0", view, None, true), "through group core, on d0 above it: view"),
            (a_way("group:g2", "d1", view, None, false), "through group g2: view, but not now or not from there"),
            (a_way("project:p1", "d1", Rights::of(&[Right::Meta]), None, true), "through project p1: meta"),
            (a_way("project", "d1", view, None, true), "through its project: view"),
            (a_way("accounts", "d1", Role::Download.rights(), None, true), "as everybody with an account: download"),
            (a_way("world", "d1", Role::Preview.rights(), None, true), "as everybody: preview"),
            (
                Way { level: Some(2), ..a_way("user", "d1", Role::Preview.rights(), None, true) },
                "by a grant in person: preview, chunks from level 2 on",
            ),
            (a_way("something-new", "d1", view, None, true), "through something-new: view"),
        ] {
            assert_eq!(way(&given, "d1", &names), want);
        }
    }

    #[test]
    fn rights_are_a_role_where_there_is_one() {
        for role in Role::ALL {
            let rights: Vec<String> = role.rights().iter().map(|right| right.word().to_owned()).collect();
            assert_eq!(role_of(&rights), role.word());
        }
        assert_eq!(role_of(&words(&["discover", "meta", "coarse", "list", "read", "share"])), "view, may make links");
        assert_eq!(role_of(&words(&["read", "share"])), "read, share");
        assert_eq!(role_of(&words(&["discover", "a-right-of-next-year"])), "discover, a-right-of-next-year");
        assert_eq!(role_of(&[]), "nothing");
    }

    #[test]
    fn what_is_left_is_said() {
        let withdrawn = |to: &str, remains: Vec<Way>, links: &[&str]| Withdrawn {
            grant: grant(to, Some("ada")),
            enforced_by: Some("2027-01-01T00:00:00Z".to_owned()),
            remains,
            links_ended: words(links),
            also: Vec::new(),
            mark_asleep: false,
            effects: None,
        };
        let names = BTreeMap::new();
        assert_eq!(left(&withdrawn("user:u1", Vec::new(), &[]), &names), "No other way is left by which ada reaches it.");
        let by_group = a_way("group:g1", "d1", Role::View.rights(), None, true);
        assert_eq!(
            left(&withdrawn("user:u1", vec![by_group], &["l1", "l2"]), &names),
            "ada still reaches it:\n  through group g1: view\nLinks of ada that ended: l1, l2."
        );
        assert!(left(&withdrawn("group:g1", Vec::new(), &[]), &names).starts_with("Those who reach it by another way"));
        let asleep = Withdrawn { mark_asleep: true, ..withdrawn("world", Vec::new(), &[]) };
        assert!(left(&asleep, &names).ends_with(MARK_ASLEEP));
    }
}
