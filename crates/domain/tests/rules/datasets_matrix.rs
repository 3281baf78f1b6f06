//! Named access as a table: every kind of principal, every state of a dataset and its source, every action, and the rule that decided.
//! A change of policy shows as a diff of the snapshot, for reviewers to read.
//!
//! `INSTA_UPDATE=always cargo test -p domain --test rules matrix` writes it anew.

use std::{collections::BTreeMap, fmt::Write as _};

use domain::{
    dataset::Visibility,
    decision::{Action, Denial, Permit, decide},
    grant::{ClonePolicy, GroupState, Participation, Policy, ProjectRole},
    rights::{Right, Role},
    source::{Audience, State},
    token::Scope,
    user::Standing,
};

use crate::model::{
    facts::{at, path, project_id},
    world::{About, Asker, From, GrantRow, ProjectRow, Terms, To, TokenRow, WEEK, World, Zone},
    worlds::{gathered, given, plain},
};

/// The people of the table; nobody else is in its world.
const OWNER: usize = 0;
const OWNER_ABOVE: usize = 1;
const STRANGER: usize = 2;
const MEMBER: usize = 3;
const BLOCKED: usize = 4;
const SUSPENDED: usize = 5;
const PROJECT_MEMBER: usize = 6;
const PROJECT_MANAGER: usize = 7;
const ADMINISTRATOR: usize = 8;
const PREVIEW: usize = 9;
const VIEW: usize = 10;
const SHARER: usize = 11;
const DOWNLOAD: usize = 12;
const FULL: usize = 13;
const MANAGER: usize = 14;
const VIEW_ABOVE: usize = 15;
const PREVIEW_FROM_1: usize = 16;
const PREVIEW_FROM_2: usize = 17;
const AUDITOR: usize = 18;
const CURATOR: usize = 19;
const PEOPLE: usize = 20;

/// The dataset of the table, `a/`, below the root; one folder in it, `a/part/`, is restricted.
const DATASET: usize = 1;

fn principals() -> Vec<(&'static str, Asker)> {
    let whole = |person| Asker::Person(person, TokenRow::whole());
    let token = |scopes: &[Scope], dataset| Asker::Person(OWNER, TokenRow { scopes: scopes.to_vec(), dataset, ..TokenRow::whole() });
    vec![
        ("nobody", Asker::Nobody),
        ("stranger", whole(STRANGER)),
        ("administrator of all", whole(ADMINISTRATOR)),
        ("auditor of all", whole(AUDITOR)),
        ("curator of all", whole(CURATOR)),
        ("curator, token to read data", Asker::Person(CURATOR, TokenRow { scopes: vec![Scope::Data], ..TokenRow::whole() })),
        ("preview", whole(PREVIEW)),
        ("preview from level 1", whole(PREVIEW_FROM_1)),
        ("preview from level 2", whole(PREVIEW_FROM_2)),
        ("view", whole(VIEW)),
        ("view, on the root", whole(VIEW_ABOVE)),
        ("view and share", whole(SHARER)),
        ("download", whole(DOWNLOAD)),
        ("full", whole(FULL)),
        ("manager", whole(MANAGER)),
        ("member of a viewing group", whole(MEMBER)),
        ("project member", whole(PROJECT_MEMBER)),
        ("project manager", whole(PROJECT_MANAGER)),
        ("owner", whole(OWNER)),
        ("owner of the root", whole(OWNER_ABOVE)),
        ("manager, blocked", whole(BLOCKED)),
        ("manager, suspended", whole(SUSPENDED)),
        ("owner, token of no scope", token(&[], None)),
        ("owner, token to read data", token(&[Scope::Data], None)),
        ("owner, token of another", token(&Scope::ALL, Some(0))),
        ("owner, as by a ticket", token(&[Scope::Data], Some(DATASET))),
        ("owner, token ended", Asker::Person(OWNER, TokenRow { end: 0, ..TokenRow::whole() })),
    ]
}

type Change = fn(&mut World);

/// Every grant of the table, by name of its subject and above, with other terms.
fn with_terms(world: &mut World, terms: Terms) {
    world.datasets.iter_mut().flat_map(|dataset| &mut dataset.grants).for_each(|grant| grant.terms = terms);
}

fn states() -> Vec<(&'static str, Change)> {
    fn shown(world: &mut World, visibility: Visibility) {
        world.datasets[DATASET].visibility = visibility;
    }
    vec![
        ("for its project", |world| shown(world, Visibility::Project)),
        ("for its project, which lets preview", |world| {
            shown(world, Visibility::Project);
            world.projects[0].policy.view = Role::Preview;
        }),
        ("for its project, its member a leader", |world| {
            shown(world, Visibility::Project);
            *world.projects[0].members.get_mut(&PROJECT_MEMBER).unwrap() = ProjectRole::Leader;
        }),
        ("for its project, which it was taken out of", |world| {
            shown(world, Visibility::Project);
            world.datasets[DATASET].project = None;
        }),
        ("for accounts", |world| shown(world, Visibility::Accounts)),
        ("for the world", |world| shown(world, Visibility::World)),
        ("for the world, above", |world| world.datasets[0].visibility = Visibility::World),
        ("for the world, above; restricted", |world| {
            world.datasets[0].visibility = Visibility::World;
            world.datasets[DATASET].restricted = true;
        }),
        ("for the world, ceiling accounts", |world| {
            shown(world, Visibility::World);
            world.sources[0].audience = Audience::Accounts;
        }),
        ("for the world, ceiling named", |world| {
            shown(world, Visibility::World);
            world.sources[0].audience = Audience::Named;
        }),
        ("levels unknown", |world| world.datasets[DATASET].levelled = false),
        ("a preview from level 1 for all", |world| {
            shown(world, Visibility::Accounts);
            let to_all = world.datasets[DATASET].grants.iter_mut().find(|row| row.to == To::Accounts).unwrap();
            (to_all.role, to_all.level) = (Role::Preview, Some(1));
        }),
        ("for the world, retired", |world| {
            shown(world, Visibility::World);
            world.datasets[DATASET].state = State::Retired;
        }),
        ("source retired", |world| world.sources[0].state = State::Retired),
        ("serving off", |world| world.sources[0].serving = false),
        ("outside the source's zone", |world| world.sources[0].zone = Zone::Campus),
        ("outside the grants' zone", |world| with_terms(world, Terms { zone: Zone::Campus, ..Terms::NONE })),
        ("grants begin in a second", |world| with_terms(world, Terms { begin: Some(1), ..Terms::NONE })),
        ("grants begin now", |world| with_terms(world, Terms { begin: Some(0), ..Terms::NONE })),
        ("grants end now", |world| with_terms(world, Terms { end: Some(0), ..Terms::NONE })),
        ("grants end in a second", |world| with_terms(world, Terms { end: Some(1), ..Terms::NONE })),
        ("grants withdrawn", |world| {
            world.datasets.iter_mut().flat_map(|dataset| &mut dataset.grants).for_each(|grant| grant.active = false);
        }),
        ("group loading", |world| world.groups[0].state = GroupState::Loading),
        ("group synced a week ago", |world| world.groups[0].synced = Some(-WEEK)),
        ("group synced a second less ago", |world| world.groups[0].synced = Some(1 - WEEK)),
        ("member no more", |world| *world.groups[0].members.get_mut(&MEMBER).unwrap() = false),
    ]
}

fn world() -> World {
    let mut world = plain(PEOPLE, &[("", OWNER_ABOVE), ("a/", OWNER), ("a/part/", OWNER)]);
    world.people[SUSPENDED].standing = Standing::Suspended;
    world.people[ADMINISTRATOR].administrator = true;
    world.people[AUDITOR].auditor = true;
    world.people[CURATOR].curator = true;
    world.sources[0].blocked.insert(BLOCKED);
    world.groups.push(gathered(OWNER, &[MEMBER]));
    let policy = Policy { view: Role::View, figures: false, clone: ClonePolicy::None };
    let members = BTreeMap::from([(PROJECT_MEMBER, ProjectRole::Member), (PROJECT_MANAGER, ProjectRole::Manager)]);
    world.projects.push(ProjectRow { policy, members });
    world.datasets[0].grants = vec![given(To::Person(VIEW_ABOVE), Role::View), given(To::World, Role::Preview)];
    let dataset = &mut world.datasets[DATASET];
    dataset.levelled = true;
    dataset.project = Some(0);
    dataset.grants = vec![
        given(To::Person(PREVIEW), Role::Preview),
        GrantRow { level: Some(1), ..given(To::Person(PREVIEW_FROM_1), Role::Preview) },
        GrantRow { level: Some(2), ..given(To::Person(PREVIEW_FROM_2), Role::Preview) },
        given(To::Person(VIEW), Role::View),
        GrantRow { may_share: true, ..given(To::Person(SHARER), Role::View) },
        given(To::Person(DOWNLOAD), Role::Download),
        given(To::Person(FULL), Role::Full),
        given(To::Person(MANAGER), Role::Manager),
        given(To::Person(BLOCKED), Role::Manager),
        given(To::Person(SUSPENDED), Role::Manager),
        given(To::Group(0), Role::View),
        given(To::Accounts, Role::View),
        given(To::World, Role::Preview),
    ];
    world.datasets[2].restricted = true;
    world
}

fn cell(answer: Result<(), Denial>) -> String {
    match answer {
        Ok(()) => "yes".to_owned(),
        Err(Denial::Lacks { right }) => format!("-{}", right.word()),
        Err(Denial::Scope { needed }) => format!("scope {}", needed.word()),
        Err(why) => format!("{why:?}"),
    }
}

/// What is asked: every action that a dataset knows, and reads of single objects.
const READS: [(&str, &str); 5] = [
    ("metadata", "0/zarr.json"),
    ("chunk", "0/c/0"),
    ("of level 1", "1/c/0"),
    ("of no level", "x/c/0"),
    ("restricted part", "part/zarr.json"),
];
const ACTIONS: [Action; 13] = [
    Action::List,
    Action::Copy,
    Action::Receive,
    Action::See,
    Action::Share,
    Action::Narrow,
    Action::Register,
    Action::RevokeAll,
    Action::Grant,
    Action::Audit,
    Action::Curate,
    Action::BreakGlass,
    Action::Clone,
];

fn row(world: &World, asker: &Asker) -> Vec<String> {
    let (principal, facts) = (world.principal(asker, From::Home), world.facts(asker, About::Dataset(DATASET)));
    let decided = |action| decide(&principal, action, &facts, at(0));
    let reads = READS.map(|(_, text)| decided(Action::Read).and_then(|permit: Permit| permit.scope().unwrap().key(&path(text)).map(drop)));
    reads.into_iter().chain(ACTIONS.map(|action| decided(action).map(drop))).map(cell).collect()
}

/// A line of the table, its columns in step.
fn line(table: &mut String, head: &str, cells: &[String]) {
    write!(table, "{head:<26}").unwrap();
    for cell in cells {
        write!(table, " {cell:<16}").unwrap();
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
}

#[test]
fn named_access() {
    let heads: Vec<String> =
        READS.iter().map(|(name, _)| (*name).to_owned()).chain(ACTIONS.iter().map(|action| format!("{action:?}").to_lowercase())).collect();
    let mut table = String::new();
    let private: Vec<Vec<String>> = principals().iter().map(|(_, asker)| row(&world(), asker)).collect();
    line(&mut table, "PRIVATE", &heads);
    for ((who, _), cells) in principals().iter().zip(&private) {
        line(&mut table, who, cells);
    }
    for (what, change) in states() {
        let mut world = world();
        change(&mut world);
        writeln!(table, "\n{}", what.to_uppercase()).unwrap();
        let rows: Vec<(&str, Vec<String>)> = principals().iter().map(|(who, asker)| (*who, row(&world, asker))).collect();
        let mut alike = 0;
        for ((who, cells), before) in rows.iter().zip(&private) {
            if cells == before { alike += 1 } else { line(&mut table, who, cells) }
        }
        writeln!(table, "({alike} as in private)").unwrap();
    }
    insta::assert_snapshot!(table);
}

/// What each policy gives: a line for each that there can be.
#[test]
fn a_projects_policies() {
    let mut table = String::new();
    for view in [Role::Preview, Role::View, Role::Download, Role::Full] {
        for clone in ClonePolicy::ALL {
            for figures in [false, true] {
                let Ok(policy) = Policy { view, figures, clone }.checked() else { continue };
                for role in [ProjectRole::Member, ProjectRole::Leader, ProjectRole::Manager] {
                    let part = Participation { project: project_id(0), role, policy };
                    let rights: Vec<_> = part.rights().iter().map(Right::word).collect();
                    let figures = if figures { "figures" } else { "" };
                    let line = format!("{:<9} {figures:<8} clone {:<6} {:<8} {}", view.word(), clone.word(), role.word(), rights.join(" "));
                    writeln!(table, "{}", line.trim_end()).unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

/// The table is the oracle's, too, row by row.
#[test]
fn the_table_is_what_the_rules_say() {
    for (what, change) in states() {
        let mut world = world();
        change(&mut world);
        for (who, asker) in principals() {
            let (principal, facts) = (world.principal(&asker, From::Home), world.facts(&asker, About::Dataset(DATASET)));
            for action in ACTIONS {
                let rule = world.answer(&asker, From::Home, action, About::Dataset(DATASET), "", 0);
                assert_eq!(decide(&principal, action, &facts, at(0)).is_ok(), rule.is_ok(), "{what}, {who}, {action:?}");
            }
        }
    }
}
