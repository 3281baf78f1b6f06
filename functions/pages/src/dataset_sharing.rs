//! `/datasets/{id}/sharing`: who reaches a dataset and by which rule, its links, its ceilings; and the way to let somebody in, or make a link.

use askama::Template;
use axum::response::Response;
use edge::{
    App,
    asked::{Filters, Id},
};
use http::StatusCode;
use serde::Deserialize;
use wire::{
    dataset::Dataset,
    grant::{Check, CheckAsk, Grant, Sharing},
    link::{Link, NewLink},
    page::Page,
    source::Ceilings,
};

use crate::{
    api::How,
    dataset_page::{Head, Names},
    link_new::{LIVES, gives, key},
    links_list::Row,
    local_path::escaped,
    maker::{Done, Maker},
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong},
    words::{Moment, STAYS, count, has, rights},
};

/// What somebody can be given: the API's word, and what it means.
pub(crate) const ROLES: [(&str, &str); 5] = [
    ("preview", "preview: metadata and coarse levels only"),
    ("view", "view: open in viewers; whoever can view can keep what they saw"),
    ("download", "download: also manifests, credentials, bulk copies"),
    ("full", "full: also edit its description, save views in its name"),
    ("manager", "manager: also decide who gets in"),
];

/// What somebody may be asked about: the API's word, and a page's.
const ACTIONS: [(&str, &str); 4] = [("read", "read"), ("list", "list"), ("share", "make links"), ("grant", "decide who gets in")];

/// What was done before, and whom to check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    done: Option<String>,
    check: Option<String>,
    action: Option<String>,
}

#[derive(Template)]
#[template(path = "sharing.html")]
struct Shown {
    frame: Frame,
    head: Head,
    told: Option<Vec<String>>,
    /// Nothing of a dataset that the person does not administer.
    reached: Option<Reached>,
    links: Vec<Row>,
    more_links: bool,
    roles: &'static [(&'static str, &'static str)],
    lives: &'static [(&'static str, &'static str)],
    once: String,
    gives: Option<Vec<String>>,
    /// Why no link can be made just now.
    no_link: Option<Wrong>,
    asked: Option<(String, String)>,
    check: Option<Checked>,
    actions: &'static [(&'static str, &'static str)],
}

/// Who reaches it.
struct Reached {
    people: Vec<Person>,
    ceilings: Vec<String>,
    blocked: Vec<String>,
    waiting: Vec<Waiting>,
}

/// Somebody, or many, with what they get and why.
struct Person {
    who: String,
    gets: String,
    rule: String,
    until: Option<Moment>,
    /// Where it is taken back; nothing where it is not here.
    remove: Option<String>,
    note: Option<String>,
}

/// An invitation.
struct Waiting {
    who: String,
    role: String,
    until: Option<Moment>,
}

/// The answer of one check.
struct Checked {
    said: String,
    allowed: bool,
    ways: Vec<String>,
}

/// Shows it.
///
/// # Errors
/// 404 for a dataset that is not the person's to know of; those of the API.
pub(crate) async fn show(app: App, maker: Maker, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Refused> {
    let dataset: Dataset = maker.api.get(&["datasets", &id], &[]).await?;
    let sharing: Option<Sharing> =
        if has(&dataset.rights, "administer") { Some(maker.api.get(&["datasets", &id, "sharing"], &[]).await?) } else { None };
    let links: Page<Link> = maker.api.get(&["links"], &[("dataset", Some(&id)), ("limit", Some("50"))]).await?;
    let names = Names::find(&maker, people(&dataset, sharing.as_ref())).await;
    let (gives, no_link) = if has(&dataset.rights, "share") { tried(&maker, &id).await? } else { (None, None) };
    let page = address(&id);
    let shown = Shown {
        frame: Frame::of_part(&maker.caller, "sources"),
        head: Head::of(&dataset, &names),
        told: Done::told(&app, &maker.caller, &page, ask.done.as_deref()).map(|done| told(&done, &app)),
        reached: sharing.map(|sharing| Reached::of(&sharing, &names, &page)),
        links: links.items.iter().map(Row::of).collect(),
        more_links: links.next_cursor.is_some(),
        roles: &ROLES,
        lives: &LIVES,
        once: key(&app)?,
        gives,
        no_link,
        check: check(&maker, &id, &ask).await?,
        actions: &ACTIONS,
        asked: ask.check.map(|who| (plain(&who), ask.action.unwrap_or_default())),
    };
    Ok(scripted(StatusCode::OK, &shown)?)
}

/// The page's own address.
pub(crate) fn address(id: &str) -> String {
    format!("/datasets/{id}/sharing")
}

/// Whose names the page says.
fn people(dataset: &Dataset, sharing: Option<&Sharing>) -> Vec<String> {
    let mut ids = vec![dataset.owner.clone()];
    if let Some(sharing) = sharing {
        ids.extend(sharing.owners_above.iter().map(|above| above.owner.clone()));
        ids.extend(sharing.grants.iter().map(|grant| grant.by.clone()));
        ids.extend(sharing.blocked.iter().cloned());
    }
    ids
}

/// What a link with nothing said gives, or why none can be made.
async fn tried(maker: &Maker, id: &str) -> Result<(Option<Vec<String>>, Option<Wrong>), Refused> {
    match gives(&maker.api, &NewLink { dataset: id.to_owned(), ..NewLink::default() }).await {
        Ok(gives) => Ok((Some(gives), None)),
        Err(refused) => Ok((None, Some(refused.on_form()?))),
    }
}

fn told(done: &Done, app: &App) -> Vec<String> {
    let said = match done.act.as_str() {
        "share" => "Shared.",
        "remove" => "Removed.",
        "invite" => "Sent. It waits for 30 days, whoever the address belongs to.",
        "asked" => "Sent. It waits until it is accepted.",
        "second" => "It waits for a second person, who approves what opens to everybody.",
        _ => "Done.",
    };
    let by = done.enforced_by.map(|by| {
        let stops = if by.0 <= app.now() { "It is in force.".to_owned() } else { format!("In force by {}.", by.clock()) };
        format!("{stops} {STAYS}")
    });
    [Some(said.to_owned()), by].into_iter().flatten().collect()
}

impl Reached {
    fn of(sharing: &Sharing, names: &Names, page: &str) -> Self {
        let own = sharing.dataset.id.as_str();
        let owner = Person::of(names.of(&sharing.owner), "owner".to_owned(), "owns it".to_owned());
        let above = sharing
            .owners_above
            .iter()
            .map(|above| Person::of(names.of(&above.owner), "owner".to_owned(), "owns what it lies in".to_owned()));
        let projects = sharing.projects.iter().map(|project| {
            let note = (!project.counts).then(|| "does not count now: the visibility, or the project, is narrower".to_owned());
            let rule = if project.dataset == own { "it is in the project" } else { "what it lies in is in the project" };
            Person {
                note,
                ..Person::of(format!("Project {}: members", plain(&project.name)), rights(&project.rights).to_owned(), rule.to_owned())
            }
        });
        let grants = sharing.grants.iter().map(|grant| Person::granted(grant, names, own, page));
        let waiting = sharing.invitations.iter().filter(|one| one.state == "waiting").map(|one| Waiting {
            who: one.name.as_deref().map_or_else(|| "an e-mail address".to_owned(), plain),
            role: plain(&one.role),
            until: Moment::of(&one.waits_until),
        });
        Self {
            people: std::iter::once(owner).chain(above).chain(projects).chain(grants).collect(),
            ceilings: ceilings(&sharing.ceilings, sharing.deployment_ceilings.as_ref()),
            blocked: sharing.blocked.iter().map(|id| names.of(id)).collect(),
            waiting: waiting.collect(),
        }
    }
}

impl Person {
    fn of(who: String, gets: String, rule: String) -> Self {
        Self { who, gets, rule, until: None, remove: None, note: None }
    }

    fn granted(grant: &Grant, names: &Names, own: &str, page: &str) -> Self {
        let name = grant.name.as_deref().map(plain);
        let who = match grant.to.split_once(':') {
            Some(("group", _)) => format!("Group {}", name.unwrap_or_default()),
            Some(("project", _)) => format!("Project {}: members", name.unwrap_or_default()),
            Some((_, id)) => name.unwrap_or_else(|| names.of(id)),
            None if grant.to == "world" => "Everyone on the internet".to_owned(),
            None => "Everyone with an account here".to_owned(),
        };
        let day = Moment::of(&grant.at).map(Moment::day).unwrap_or_default();
        let from = if grant.dataset == own { "" } else { ", on what it lies in" };
        let shares = if grant.may_share { "; may make links" } else { "" };
        Self {
            gets: format!("{}{shares}", plain(&grant.role)),
            rule: format!("by {}, {day}{from}", names.of(&grant.by)),
            until: grant.until.as_deref().and_then(Moment::of),
            remove: (grant.dataset == own).then(|| format!("{page}/remove?to={}", escaped(&grant.to))),
            note: (grant.counts == Some(false)).then(|| "does not count now: the visibility, or the source, is narrower".to_owned()),
            who,
        }
    }
}

/// What the source and the deployment allow at the most.
fn ceilings(source: &Ceilings, deployment: Option<&Ceilings>) -> Vec<String> {
    let told = |of: &str, ceilings: &Ceilings| {
        let widest = match ceilings.audience.as_str() {
            "named" => "named people only",
            "accounts" => "every account",
            "link" => "whoever has a link",
            _ => "the world",
        };
        let life =
            ceilings.link_days_max.map_or_else(|| "no bound on a link's life".to_owned(), |days| format!("longest link {days} days"));
        let zones = if ceilings.zones.is_empty() { String::new() } else { format!("; from {}", count(ceilings.zones.len(), "network")) };
        format!("{of}: at most {widest}; {life}{zones}")
    };
    [Some(told("Source", source)), deployment.map(|ceilings| told("Everywhere here", ceilings))].into_iter().flatten().collect()
}

/// May this person do this, and by what?
async fn check(maker: &Maker, id: &str, ask: &Ask) -> Result<Option<Checked>, Refused> {
    let Some(who) = ask.check.as_deref().map(str::trim).filter(|who| !who.is_empty()) else { return Ok(None) };
    let action = ask.action.clone().unwrap_or_else(|| "read".to_owned());
    let asked = CheckAsk { dataset: id.to_owned(), user: Some(who.to_owned()), action: action.clone(), ..CheckAsk::default() };
    let found = match maker.api.act::<Check>(&["check"], How::default(), &asked).await {
        Ok(found) => found,
        Err(refused) => {
            let wrong = refused.on_form()?;
            return Ok(Some(Checked { said: wrong.detail, allowed: false, ways: Vec::new() }));
        }
    };
    let (answer, why) = if found.allowed { ("yes", None) } else { ("no", found.why.as_deref()) };
    let why = why.map(|why| format!(": {}", plain(why))).unwrap_or_default();
    let ways = found.ways.iter().map(|way| {
        let by = match way.by.split_once(':') {
            Some((kind, id)) => format!("the {kind} {}", plain(id)),
            None if way.by == "owner" => "owning it".to_owned(),
            None if way.by == "user" => "name".to_owned(),
            None => plain(&way.by),
        };
        let holds = if way.holds { "" } else { " (not from here, or not now)" };
        format!("by {by}: can {}{holds}", rights(&way.rights))
    });
    Ok(Some(Checked { said: format!("{answer}: {} to {}{why}", plain(who), plain(&action)), allowed: found.allowed, ways: ways.collect() }))
}
