//! Worlds made to be nasty: prefixes that nearly collide, strong grants, nested cuts, links on parents by owners of children, times and
//! zones at their edges. Uniform worlds are nearly always trivial.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    dataset::{Kind, Visibility},
    grant::{ClonePolicy, GroupState, Policy, ProjectRole},
    link::Class,
    rights::Role,
    source::{Audience, State},
    token::Scope,
    user::Standing,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::world::{
    DatasetRow, From, GrantRow, GroupRow, LinkRow, OfferRow, PersonRow, PolicyRow, ProjectRow, SourceRow, Terms, To, TokenRow, WEEK, World,
    Zone,
};

/// So many worlds are tried, unless `PROPTEST_CASES` says how many.
pub fn tried(worlds: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(worlds), failure_persistence: None, ..ProptestConfig::default() }
}

/// Where datasets can lie: chains of up to five, siblings whose names begin alike, and single objects.
const PATHS: [(&str, Kind); 10] = [
    ("", Kind::Folder),
    ("a/", Kind::Folder),
    ("a/b/", Kind::Zarr),
    ("a/bc/", Kind::Zarr),
    ("a/b/c/", Kind::Folder),
    ("a/b/c/d/", Kind::Zarr),
    ("a/b/x.csv", Kind::File),
    ("a/README.md", Kind::File),
    ("b/", Kind::Folder),
    ("a/b.zarr/", Kind::Zarr),
];

/// Whether an event of one in `odds` happens.
fn one_in(odds: u32) -> impl Strategy<Value = bool> {
    prop_oneof![(odds - 1) => Just(false), 1 => Just(true)]
}

/// Seconds at the edge of now, or none.
fn edge() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![6 => Just(None), 4 => select(vec![-1_i64, 0, 1, 10, 1_000]).prop_map(Some)]
}

fn zone() -> impl Strategy<Value = Zone> {
    prop_oneof![6 => Just(Zone::Everywhere), 4 => select(Zone::ALL.to_vec())]
}

pub fn terms() -> impl Strategy<Value = Terms> {
    prop_oneof![
        6 => Just(Terms::NONE),
        4 => (prop_oneof![3 => Just(None), 1 => edge()], edge(), zone()).prop_map(|(begin, end, zone)| Terms { begin, end, zone }),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        3 => Just(Role::Preview), 4 => Just(Role::View), 2 => Just(Role::Download), 2 => Just(Role::Full),
        5 => Just(Role::Manager), 1 => Just(Role::Owner),
    ]
}

/// A level at the edges of those that there are, 0 to 2.
pub fn level() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 3 => select(vec![1_u8, 2, 3]).prop_map(Some)]
}

pub fn to() -> impl Strategy<Value = To> {
    prop_oneof![
        6 => (0_usize..60).prop_map(To::Person),
        4 => (0_usize..60).prop_map(To::Group),
        1 => (0_usize..60).prop_map(To::Project),
        2 => Just(To::Accounts),
        2 => Just(To::World),
    ]
}

fn person() -> impl Strategy<Value = PersonRow> {
    (one_in(10), one_in(4), one_in(8), one_in(4), [prop::bool::weighted(0.6), prop::bool::weighted(0.6)]).prop_map(
        |(suspended, administrator, auditor, curator, accepted)| PersonRow {
            standing: if suspended { Standing::Suspended } else { Standing::Active },
            administrator,
            auditor,
            curator,
            accepted,
        },
    )
}

fn group() -> impl Strategy<Value = GroupRow> {
    let state = prop_oneof![8 => Just(GroupState::Active), 1 => Just(GroupState::Loading), 1 => Just(GroupState::Retired)];
    let synced = prop_oneof![6 => Just(None), 4 => select(vec![0, 1 - WEEK, -WEEK, -1 - WEEK, 10 - WEEK]).prop_map(Some)];
    let members = vec((0_usize..60, prop_oneof![4 => Just(true), 1 => Just(false)]), 0..4);
    (0_usize..60, state, synced, members).prop_map(|(owner, state, synced, members)| GroupRow {
        owner,
        state,
        synced,
        members: members.into_iter().collect(),
    })
}

fn project() -> impl Strategy<Value = ProjectRow> {
    let view = prop_oneof![8 => select(vec![Role::Preview, Role::View, Role::Download, Role::Full])];
    let clone = select(vec![ClonePolicy::None, ClonePolicy::Files, ClonePolicy::Full]);
    let member = prop_oneof![3 => Just(ProjectRole::Member), 1 => Just(ProjectRole::Leader), 2 => Just(ProjectRole::Manager)];
    (view, any::<bool>(), clone, vec((0_usize..60, member), 0..4)).prop_map(|(view, figures, clone, members)| ProjectRow {
        // As rows are: clones of what may not be viewed cannot be read.
        policy: Policy { view, figures, clone: if view < Role::View { ClonePolicy::None } else { clone } },
        members: members.into_iter().collect(),
    })
}

fn source(prefix: &'static str) -> impl Strategy<Value = SourceRow> {
    let audience = prop_oneof![
        6 => Just(Audience::World), 2 => Just(Audience::Link), 1 => Just(Audience::Accounts), 1 => Just(Audience::Named)
    ];
    let life = prop_oneof![4 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(30))];
    let zone = prop_oneof![8 => Just(Zone::Everywhere), 1 => Just(Zone::Campus), 1 => Just(Zone::LabAndHome)];
    let kinds = (option::weighted(0.1, 0_usize..2), any::<bool>());
    (audience, life, zone, one_in(14), one_in(25), option::weighted(0.4, 0_usize..60), kinds).prop_map(
        move |(audience, life_days, zone, off, retired, blocked, (terms, writable))| SourceRow {
            prefix,
            audience,
            life_days,
            zone,
            writable,
            serving: !off,
            state: if retired { State::Retired } else { State::Active },
            blocked: blocked.into_iter().collect(),
            terms,
        },
    )
}

/// The deployment's policy: as a rule it bounds nothing, or something else than the sources.
fn policy() -> impl Strategy<Value = PolicyRow> {
    let audience = prop_oneof![
        12 => Just(Audience::World), 2 => Just(Audience::Link), 1 => Just(Audience::Accounts), 1 => Just(Audience::Named)
    ];
    let life = prop_oneof![6 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(30))];
    let zone = prop_oneof![16 => Just(Zone::Everywhere), 1 => Just(Zone::Campus), 1 => Just(Zone::LabAndHome)];
    (audience, life, zone, option::weighted(0.05, 0_usize..2)).prop_map(|(audience, life_days, zone, terms)| PolicyRow {
        audience,
        life_days,
        zone,
        terms,
    })
}

/// A dataset's own properties; where it lies is decided by its place in [`PATHS`].
fn dataset() -> impl Strategy<Value = (bool, DatasetRow)> {
    let visibility = prop_oneof![
        3 => Just(Visibility::Private), 2 => Just(Visibility::Project), 2 => Just(Visibility::Accounts), 3 => Just(Visibility::World)
    ];
    let owner = prop_oneof![2 => Just(0_usize), 1 => 0_usize..60];
    let successor = option::weighted(0.3, 0_usize..60);
    (
        one_in(3),
        owner,
        visibility,
        select(vec![None, None, Some(0), Some(0), Some(1)]),
        one_in(4),
        one_in(14),
        (0_u64..2, one_in(3), successor, one_in(5)),
    )
        .prop_map(|(absent, owner, visibility, project, restricted, retired, (links_gen, unknown, successor, strict))| {
            let row = DatasetRow {
                source: 0,
                path: String::new(),
                kind: Kind::Folder,
                owner,
                successor,
                visibility,
                project,
                restricted,
                strict,
                state: if retired { State::Retired } else { State::Active },
                links_gen,
                levelled: !unknown,
                grants: Vec::new(),
            };
            (!absent, row)
        })
}

/// A grant, and on which dataset.
fn grants() -> impl Strategy<Value = Vec<(usize, GrantRow)>> {
    let row = (to(), role(), any::<bool>(), level(), terms(), prop_oneof![8 => Just(true), 1 => Just(false)])
        .prop_map(|(to, role, may_share, level, terms, active)| GrantRow { to, role, may_share, level, terms, active });
    vec((0_usize..60, row), 4..16)
}

fn links() -> impl Strategy<Value = Vec<LinkRow>> {
    let class = prop_oneof![3 => Just(Class::Collaboration), 1 => Just(Class::Review), 2 => Just(Class::Publication)];
    let subpath = prop_oneof![
        5 => Just(""), 1 => Just("b/"), 1 => Just("bc/"), 1 => Just("c/"), 1 => Just("zarr.json"), 1 => Just("b/c/"), 1 => Just("b/x.csv"), 1 => Just("b"),
    ];
    let begin = prop_oneof![8 => Just(None), 1 => Just(Some(-1)), 1 => Just(Some(0)), 1 => Just(Some(1))];
    let made = select(vec![-10_i64, 0, -86_399, -86_400, -86_401]);
    let own_maker = prop_oneof![2 => Just(None), 3 => (0_usize..60).prop_map(Some)];
    let password = prop_oneof![8 => Just(None), 1 => Just(Some(1_u64)), 1 => Just(Some(2))];
    let over = prop_oneof![12 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1)), 1 => Just(Some(60))];
    let guards = (password, one_in(12), over, level());
    let options = (select(vec![Role::Preview, Role::View, Role::Download, Role::Download]), zone(), one_in(8), guards);
    let row = (0_usize..60, subpath, class, own_maker, (one_in(12), one_in(12), one_in(12)), begin, edge(), made, options);
    vec(
        row.prop_map(|(dataset, subpath, class, maker, (paused, revoked, older), begin, end, made, (role, zone, hidden, guards))| {
            LinkRow {
                dataset,
                subpath: subpath.to_owned(),
                class,
                // Taken for "the dataset's owner" where it is out of every range.
                maker: maker.unwrap_or(usize::MAX),
                stewarded: class == Class::Publication,
                enabled: !paused,
                revoked,
                begin,
                end,
                made,
                links_gen: u64::from(older),
                role,
                zone,
                hidden,
                level: guards.3,
                password: guards.0,
                counted: guards.1,
                over: guards.2,
            }
        }),
        1..6,
    )
}

fn tokens() -> impl Strategy<Value = Vec<TokenRow>> {
    let scopes = vec(select(Scope::ALL.to_vec()), 0..4);
    let end = prop_oneof![4 => Just(1_000), 1 => Just(1), 1 => Just(0)];
    vec(
        (scopes, option::weighted(0.5, 0_usize..60), end, one_in(12), one_in(12))
            .prop_map(|(scopes, dataset, end, revoked, borrowed)| TokenRow { scopes, dataset, end, revoked, borrowed }),
        1..3,
    )
}

/// Mostly made by whoever owns the dataset, and not answered yet.
fn offers() -> impl Strategy<Value = Vec<OfferRow>> {
    let by = || prop_oneof![3 => Just(usize::MAX), 1 => 0_usize..60];
    let end = prop_oneof![4 => Just(1_000), 1 => Just(1), 1 => Just(0)];
    vec(
        (0_usize..60, by(), by(), 0_usize..60, end, prop::bool::weighted(0.8)).prop_map(|(dataset, by, from, to, end, waits)| OfferRow {
            dataset,
            by,
            from,
            to,
            end,
            waits,
        }),
        1..3,
    )
}

/// Where questions come from.
pub fn from() -> impl Strategy<Value = From> {
    prop_oneof![3 => Just(From::Lab), 4 => select(From::READERS.to_vec())]
}

/// A biased world, with every reference in it pointing at something.
pub fn world() -> impl Strategy<Value = World> {
    let parts =
        (vec(person(), 3..6), vec(group(), 2), vec(project(), 2), vec(dataset(), PATHS.len() + 2), grants(), links(), tokens(), offers());
    (source("lab/"), source(""), policy(), parts).prop_map(
        |(first, second, policy, (people, groups, projects, rows, grants, links, tokens, offers))| {
            let mut world = World {
                people,
                groups,
                projects,
                sources: vec![first, second],
                policy,
                datasets: Vec::new(),
                links: Vec::new(),
                tokens,
                waiting: Vec::new(),
                offers: Vec::new(),
            };
            let mut rows = rows.into_iter();
            let places = PATHS.iter().map(|(path, kind)| (0, *path, *kind)).chain([(1, "", Kind::Folder), (1, "a/b/", Kind::Folder)]);
            for ((source, path, kind), (present, row)) in places.zip(rows.by_ref()) {
                // The roots and the first folder are always there.
                if present || path.is_empty() || path == "a/" {
                    let restricted = row.restricted && !path.is_empty();
                    world.datasets.push(DatasetRow { source, path: path.to_owned(), kind, restricted, ..row });
                }
            }
            point_at_something(&mut world);
            put_grants(&mut world, grants);
            put_links(&mut world, links);
            put_offers(&mut world, offers);
            world
        },
    )
}

/// Turns references of any number into ones to what is there.
fn point_at_something(world: &mut World) {
    let people = world.people.len();
    // Who owns the root owns what lies in it, as a rule.
    for dataset in &mut world.datasets {
        dataset.owner %= people;
        dataset.successor = dataset.successor.map(|successor| successor % people);
    }
    for group in &mut world.groups {
        group.owner %= people;
        let mut members: BTreeMap<usize, bool> = group.members.iter().map(|(who, active)| (who % people, *active)).collect();
        members.insert(group.owner, true);
        group.members = members;
    }
    for project in &mut world.projects {
        project.members = project.members.iter().map(|(who, role)| (who % people, *role)).collect();
    }
    for source in &mut world.sources {
        source.blocked = source.blocked.iter().map(|who| who % people).collect::<BTreeSet<_>>();
    }
    let datasets = world.datasets.len();
    for token in &mut world.tokens {
        token.dataset = token.dataset.map(|dataset| dataset % datasets);
    }
}

/// Most grants stand high in the tree, where they reach far; one a subject and dataset.
fn put_grants(world: &mut World, grants: Vec<(usize, GrantRow)>) {
    let (people, groups, datasets) = (world.people.len(), world.groups.len(), world.datasets.len());
    let projects = world.projects.len();
    for (place, mut row) in grants {
        row.to = match row.to {
            To::Person(person) => To::Person(person % people),
            To::Group(group) => To::Group(group % groups),
            To::Project(project) => To::Project(project % projects),
            other => other,
        };
        let dataset = &mut world.datasets[if place < 24 { place % 3 } else { place % datasets }];
        if dataset.grants.iter().all(|other| other.to != row.to) {
            dataset.grants.push(row);
        }
    }
}

fn put_links(world: &mut World, links: Vec<LinkRow>) {
    let (people, datasets) = (world.people.len(), world.datasets.len());
    for mut row in links {
        row.dataset = if row.dataset < 30 { row.dataset % 3 } else { row.dataset % datasets };
        let anchor = &world.datasets[row.dataset];
        row.maker = if row.maker == usize::MAX { anchor.owner } else { row.maker % people };
        row.links_gen += anchor.links_gen;
        if anchor.kind == Kind::File {
            row.subpath.clear();
        }
        world.links.push(row);
    }
}

fn put_offers(world: &mut World, offers: Vec<OfferRow>) {
    let (people, datasets) = (world.people.len(), world.datasets.len());
    for mut row in offers {
        row.dataset %= datasets;
        let owner = world.datasets[row.dataset].owner;
        let whom = |number: usize| if number == usize::MAX { owner } else { number % people };
        (row.by, row.from, row.to) = (whom(row.by), whom(row.from), row.to % people);
        world.offers.push(row);
    }
}

/// Paths to ask for below `base`, a path in the source: metadata, chunks, siblings, folders with and without their slash, and all that
/// leads into another dataset.
pub fn paths_below(world: &World, source: usize, base: &str) -> Vec<String> {
    let mut paths: BTreeSet<String> = [
        "",
        "zarr.json",
        "c/0",
        "0/c/0/1",
        "1/c/0",
        "2/0.0",
        "3/c/0",
        "b/1/c/0",
        "x/1/c/0",
        "0/.zarray",
        "labels/README.md",
        "README.md",
        "zarr.json/",
    ]
    .map(str::to_owned)
    .into();
    for other in world.datasets.iter().filter(|other| other.source == source) {
        if let Some(inside) = other.path.strip_prefix(base).filter(|inside| !inside.is_empty() && !inside.starts_with('/')) {
            paths.insert(inside.to_owned());
            if let Some(folder) = inside.strip_suffix('/') {
                paths.insert(folder.to_owned());
                paths.insert(format!("{inside}zarr.json"));
                paths.insert(format!("{inside}c/0"));
                paths.insert(format!("{folder}c/0"));
            }
        }
    }
    paths.into_iter().collect()
}

/// A grant without conditions.
pub fn given(to: To, role: Role) -> GrantRow {
    GrantRow { to, role, may_share: false, level: None, terms: Terms::NONE, active: true }
}

/// A world by hand, in which nothing is granted: folders by their path and their owner, the root first, in a source that allows all.
pub fn plain(people: usize, datasets: &[(&str, usize)]) -> World {
    let person = PersonRow { standing: Standing::Active, administrator: false, auditor: false, curator: false, accepted: [false; 2] };
    let source = SourceRow {
        prefix: "lab/",
        audience: Audience::World,
        life_days: None,
        zone: Zone::Everywhere,
        writable: true,
        serving: true,
        state: State::Active,
        blocked: BTreeSet::new(),
        terms: None,
    };
    let dataset = |(path, owner): &(&str, usize)| DatasetRow {
        source: 0,
        path: (*path).to_owned(),
        kind: Kind::Folder,
        owner: *owner,
        successor: None,
        visibility: Visibility::Private,
        project: None,
        restricted: false,
        strict: false,
        state: State::Active,
        links_gen: 0,
        levelled: false,
        grants: Vec::new(),
    };
    World {
        people: vec![person; people],
        groups: Vec::new(),
        projects: Vec::new(),
        sources: vec![source],
        policy: PolicyRow::NONE,
        datasets: datasets.iter().map(dataset).collect(),
        links: Vec::new(),
        tokens: Vec::new(),
        waiting: Vec::new(),
        offers: Vec::new(),
    }
}

/// A live link without an end, on a whole dataset.
pub fn live(dataset: usize, maker: usize) -> LinkRow {
    LinkRow {
        dataset,
        subpath: String::new(),
        class: Class::Collaboration,
        maker,
        stewarded: false,
        enabled: true,
        revoked: false,
        begin: None,
        end: None,
        made: 0,
        links_gen: 0,
        role: Role::Download,
        zone: Zone::Everywhere,
        hidden: false,
        level: None,
        password: None,
        counted: false,
        over: None,
    }
}

/// A group that its owner fills by hand.
pub fn gathered(owner: usize, members: &[usize]) -> GroupRow {
    let members = members.iter().chain([&owner]).map(|member| (*member, true)).collect();
    GroupRow { owner, state: GroupState::Active, synced: None, members }
}
