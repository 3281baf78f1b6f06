//! `offprint dataset sharing`: everyone who can reach a dataset, and by what.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::{
    dataset::Dataset,
    grant::{Grant, GrantedGroup, SharedLink, Sharing, SharingProject},
    source::Ceilings,
};

use crate::{
    api::Api,
    exit::Failure,
    grant::{rights_of, whom},
    link::bounds,
    output::{Column, Format, Output, column, data, printable, rows},
    user,
};

/// What one who reaches it shows.
const WHO: [Column; 6] = [
    column("who", "/who"),
    column("by", "/by"),
    column("role", "/role"),
    column("from", "/from"),
    column("until", "/until"),
    column("zones", "/zones"),
];
/// What a link shows.
const LINK: [Column; 7] = [
    column("link", "/id"),
    column("on", "/dataset"),
    column("path", "/path"),
    column("class", "/class"),
    column("state", "/state"),
    column("maker", "/maker"),
    column("until", "/until"),
];

/// Links that are asked for, at the most.
const LINKS_MAX: usize = 1_000;

/// One who reaches the dataset: a line of the table.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Reacher {
    who: String,
    by: String,
    role: String,
    from: Option<String>,
    until: Option<String>,
    zones: Vec<String>,
}

/// Shows who reaches a dataset.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn show(api: &Api, out: Output, dataset: &str) -> Result<(), Failure> {
    let mut sharing: Sharing = api.get(&["datasets", dataset, "sharing"]).await?.body;
    if sharing.more_links {
        (sharing.links, sharing.more_links) = api.list(&["datasets", dataset, "sharing", "links"], &[], LINKS_MAX).await?;
    }
    if matches!(out.format, Format::Json | Format::Jsonl) {
        return out.one(&WHO, &sharing);
    }
    let people = std::iter::once(&sharing.owner)
        .chain(sharing.owners_above.iter().map(|above| &above.owner))
        .chain(sharing.grants.iter().filter_map(|grant| grant.group.as_ref()).map(|group| &group.owner))
        .chain(sharing.mark.iter().map(|mark| &mark.by))
        .chain(&sharing.blocked)
        .chain(&sharing.suspended)
        .chain(sharing.links.iter().map(|link| &link.maker));
    let names = user::names(api, people.map(String::as_str)).await;
    if out.is_for_reading() {
        data(&report(&sharing, &names)?)?;
    } else {
        let all: Vec<Reacher> = reaching(&sharing, &names)
            .into_iter()
            .chain(sharing.links.iter().map(|link| by_link(link, &sharing.dataset, &names)))
            .collect();
        out.list(&WHO, &all)?;
    }
    if sharing.more_links {
        out.note(&format!(
            "There are more links than {LINKS_MAX}: offprint link list --dataset {}, and its datasets above",
            sharing.dataset.id
        ));
    }
    if sharing.more_invitations {
        out.note(&format!("There may be more invitations: offprint grant invitations {}", sharing.dataset.id));
    }
    Ok(())
}

/// The whole answer as text: who, then links, then ceilings.
fn report(sharing: &Sharing, names: &BTreeMap<String, String>) -> Result<String, Failure> {
    let mut text = rows(&WHO, &reaching(sharing, names))?;
    let on = |link: &SharedLink| if link.dataset == sharing.dataset.id { "it".to_owned() } else { format!("{} above", link.dataset) };
    let shown = |link: &SharedLink| {
        let (until, _zones) = bounds(link.until.as_deref(), &link.rests_on);
        SharedLink { maker: name(names, &link.maker), dataset: on(link), until, ..link.clone() }
    };
    let links: Vec<SharedLink> = sharing.links.iter().map(shown).collect();
    if !links.is_empty() {
        text.extend(["\n", &rows(&LINK, &links)?]);
    }
    let Dataset { place, visibility, audience, restricted, strict, .. } = &sharing.dataset;
    let effect = if visibility == audience { String::new() } else { format!(", and in effect open as if it were {audience}") };
    let allows = |whose: &str, ceilings: &Ceilings| {
        let days = ceilings.link_days_max.map_or_else(|| "any length".to_owned(), |days| format!("{days} days"));
        let zones = if ceilings.zones.is_empty() { "every network".to_owned() } else { ceilings.zones.join(" and ") };
        format!("{whose} allows at most the audience {}, links of {days}, and serves {zones}.", ceilings.audience)
    };
    let stops = if *restricted { "; what is granted above stops at it" } else { "" };
    let fast = if *strict { "; it is strict: what ends on it stops soon, and each request looks at the table" } else { "" };
    let mut said = vec![format!("{place} is {visibility}{effect}{stops}{fast}."), allows("Its source", &sharing.ceilings)];
    said.extend(sharing.deployment_ceilings.as_ref().map(|ceilings| allows("The deployment", ceilings)));
    if let Some(mark) = &sharing.mark {
        let counts = if mark.counts { "" } else { ", which does not count while it is not open to all" };
        said.push(format!("Marked as curated by {}{counts}: {}", name(names, &mark.by), mark.reason));
    }
    if !sharing.blocked.is_empty() {
        let blocked: Vec<String> = sharing.blocked.iter().map(|id| name(names, id)).collect();
        said.push(format!("Blocked at its source: {}.", blocked.join(", ")));
    }
    if !sharing.suspended.is_empty() {
        let suspended: Vec<String> = sharing.suspended.iter().map(|id| name(names, id)).collect();
        said.push(format!("Suspended, and getting none of this for now: {}.", suspended.join(", ")));
    }
    if !sharing.invitations.is_empty() {
        said.push(format!("Invitations that wait, for an e-mail address or for a person who is to accept: {}.", sharing.invitations.len()));
    }
    text.push('\n');
    text.extend(said.iter().flat_map(|line| [printable(line), "\n".to_owned()]));
    Ok(text)
}

/// Everyone who reaches it by name: owners first, then grants in the order of the answer.
fn reaching(sharing: &Sharing, names: &BTreeMap<String, String>) -> Vec<Reacher> {
    let owner =
        |id: &str, by: String| Reacher { who: name(names, id), by, role: "owner".to_owned(), from: None, until: None, zones: Vec::new() };
    let own = std::iter::once(owner(&sharing.owner, "owner".to_owned()));
    let above = sharing.owners_above.iter().map(|above| owner(&above.owner, format!("owner of {} above", above.dataset)));
    let projects = sharing.projects.iter().map(|project| by_project(project, &sharing.dataset));
    own.chain(above).chain(projects).chain(sharing.grants.iter().map(|grant| by_grant(grant, &sharing.dataset, names))).collect()
}

/// The members of a project; its managers manage what is in it, whatever its policy says.
fn by_project(project: &SharingProject, dataset: &Dataset) -> Reacher {
    let on = if project.dataset == dataset.id { "its project".to_owned() } else { format!("project of {} above", project.dataset) };
    Reacher {
        who: format!("project {}", project.name),
        by: if project.counts { on } else { format!("{on}, not counting now") },
        role: format!("{}; its managers: manager", rights_of(&project.rights, None)),
        from: None,
        until: None,
        zones: Vec::new(),
    }
}

fn by_grant(grant: &Grant, dataset: &Dataset, names: &BTreeMap<String, String>) -> Reacher {
    let on = if grant.dataset == dataset.id { "grant".to_owned() } else { format!("grant on {} above", grant.dataset) };
    let shut = grant.counts == Some(false);
    let on = if grant.break_glass { format!("{on}, in an emergency") } else { on };
    Reacher {
        who: whom(&grant.to, grant.name.as_deref()) + &grant.group.as_ref().map_or_else(String::new, |group| of_group(group, names)),
        by: if shut { format!("{on}, not counting now") } else { on },
        role: format!("{}{}", grant.role, if grant.may_share { ", may make links" } else { "" }),
        from: grant.not_before.clone(),
        until: grant.until.clone(),
        zones: grant.zones.clone(),
    }
}

/// Who says who is in a group, and how; and that nobody in it counts now, where that is so.
fn of_group(group: &GrantedGroup, names: &BTreeMap<String, String>) -> String {
    let state = if group.state == "active" { String::new() } else { format!(", {}", group.state) };
    format!(" ({} by {}{state})", group.kind, name(names, &group.owner))
}

fn by_link(link: &SharedLink, dataset: &Dataset, names: &BTreeMap<String, String>) -> Reacher {
    let on = if link.dataset == dataset.id { String::new() } else { format!(" on {} above", link.dataset) };
    let path = if link.path.is_empty() { String::new() } else { format!(" to {}", link.path) };
    let (until, zones) = bounds(link.until.as_deref(), &link.rests_on);
    Reacher {
        who: "whoever has the link".to_owned(),
        by: format!("link {}{on}{path} of {}", link.id, name(names, &link.maker)),
        role: format!("{}, {}", link.class, link.state),
        from: None,
        until,
        zones,
    }
}

/// A person by name, where it is known.
fn name(names: &BTreeMap<String, String>, id: &str) -> String {
    names.get(id).map_or(id, String::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sharing() -> Sharing {
        serde_json::from_value(json!({
            "dataset": { "id": "d1", "source": "s1", "place": "lab:a/b.zarr", "path": "a/b.zarr", "name": "b.zarr", "kind": "zarr", "owner": "u1",
                "visibility": "accounts", "audience": "private", "restricted": false, "rights": [], "state": "active", "registered": "2027-01-01T00:00:00Z", "version": 3 },
            "owner": "u1",
            "owners_above": [{ "dataset": "d0", "owner": "u2" }],
            "projects": [{ "dataset": "d1", "project": "p1", "name": "retina", "rights": ["discover", "meta", "coarse", "list", "read"], "counts": true }],
            "grants": [
                { "dataset": "d1", "to": "user:u3", "name": "grace", "role": "view", "may_share": true, "until": "2027-02-01T00:00:00Z", "zones": ["192.0.2.0/24"],
                    "by": "u1", "at": "2027-01-01T00:00:00Z", "state": "active", "version": 1 },
                { "dataset": "d0", "to": "group:g1", "name": "core", "group": { "owner": "u1", "kind": "synced", "state": "active" }, "role": "download", "may_share": false, "zones": [],
                    "by": "u1", "at": "2027-01-01T00:00:00Z", "state": "active", "version": 1 },
                { "dataset": "d1", "to": "world", "role": "preview", "may_share": false, "zones": [],
                    "by": "u1", "at": "2027-01-01T00:00:00Z", "state": "active", "counts": false, "version": 1 }
            ],
            "ceilings": { "audience": "link", "link_days_max": 90 },
            "blocked": ["u9"],
            "links": [{ "id": "l1", "dataset": "d1", "path": "0/", "class": "review", "state": "live", "maker": "u1", "until": "2027-03-01T00:00:00Z",
                    "rests_on": [{ "until": "2027-02-01T00:00:00Z", "zones": ["192.0.2.0/24"] }, { "until": "2027-01-15T00:00:00Z" }] },
                { "id": "l2", "dataset": "d0", "path": "a/", "class": "collaboration", "state": "paused", "maker": "u2" }],
            "more_links": false,
            "invitations": [{ "address": "aaaa", "dataset": "d1", "role": "view", "may_share": false, "zones": [], "by": "u1",
                "at": "2027-01-01T00:00:00Z", "waits_until": "2027-01-31T00:00:00Z", "state": "waiting" }]
        }))
        .unwrap()
    }

    #[test]
    fn a_report_says_who_then_links_then_ceilings() {
        let names = BTreeMap::from([("u1".to_owned(), "ada".to_owned())]);
        assert_eq!(
            report(&sharing(), &names).unwrap(),
            "\
WHO                         BY                       ROLE                         FROM  UNTIL                    ZONES
ada                         owner                    owner                        -     -                        -
u2                          owner of d0 above        owner                        -     -                        -
project retina              its project              view; its managers: manager  -     -                        -
grace                       grant                    view, may make links         -     2027-02-01 00:00:00 UTC  192.0.2.0/24
group core (synced by ada)  grant on d0 above        download                     -     -                        -
everybody                   grant, not counting now  preview                      -     -                        -

LINK  ON        PATH  CLASS          STATE   MAKER  UNTIL
l1    it        0/    review         live    ada    2027-02-01 00:00:00 UTC
l2    d0 above  a/    collaboration  paused  u2     -

lab:a/b.zarr is accounts, and in effect open as if it were private.
Its source allows at most the audience link, links of 90 days, and serves every network.
Blocked at its source: u9.
Invitations that wait, for an e-mail address or for a person who is to accept: 1.
"
        );
    }

    #[test]
    fn a_link_is_a_line_of_the_sheet() {
        let sharing = sharing();
        let who = by_link(&sharing.links[0], &sharing.dataset, &BTreeMap::new());
        assert_eq!((who.who.as_str(), who.by.as_str(), who.role.as_str()), ("whoever has the link", "link l1 to 0/ of u1", "review, live"));
        assert_eq!(by_link(&sharing.links[1], &sharing.dataset, &BTreeMap::new()).by, "link l2 on d0 above to a/ of u2");
    }
}
