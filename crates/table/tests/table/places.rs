//! Rules of sources and datasets.

use std::collections::HashSet;

use domain::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Permit, Place},
    grant::Zones,
    id::{DatasetId, SourceId, UserId},
    levels::{Arrays, Levels},
    limits::ADOPTED_MAX,
    policy::{DeploymentPolicy, Openers},
    rights::{Right, Role},
    source::{Audience, Ceilings, Source, SourceName, State},
};
use futures_util::future::{join, join_all};
use table::{Page, TableError, grants::Grounds};

use crate::{
    example::{Deployment, a_source, later, now, once, path, root_of, some_id},
    faults::{Fault, Faults},
    people::{Item, Person, key, text},
    stores::Store,
};

async fn register(deployment: &Deployment, source: &Source) -> Result<table::sources::RegisteredSource, TableError> {
    let root = root_of(source, deployment.user.id);
    deployment.table.register_source(&deployment.administer(), source, &root, None, now()).await
}

fn to_register(deployment: &Deployment, above: &Place) -> Permit {
    deployment.permit(Action::Register, &deployment.about(above))
}

fn below(above: &Place, at: &str, kind: Kind) -> Dataset {
    Dataset::below(&above.dataset, some_id(DatasetId::new), path(at), kind, now()).unwrap()
}

// SECURITY T16
pub async fn a_source_has_its_name_and_its_keys_alone(store: Store) {
    let deployment = Deployment::new(&store).await;
    let mut first = deployment.root.source.clone();
    assert_eq!(deployment.table.sources().await, Ok(vec![first.clone()]));
    let again = register(&deployment, &a_source("lab-raw", "raw/")).await.unwrap();
    assert_eq!((&again.source, again.existing), (&first, true), "the same name over the same keys is the same source");
    let taken = register(&deployment, &a_source("lab-raw", "else/")).await;
    assert_eq!(taken, Err(TableError::Exists { what: "a source of this name" }));
    for prefix in ["", "raw/", "raw/deeper/"] {
        let overlap = register(&deployment, &a_source("other", prefix)).await;
        assert_eq!(overlap, Err(TableError::Overlap { other: "lab-raw".to_owned() }), "{prefix}");
    }
    let racers: Vec<_> = (0..5).map(|number| a_source(&format!("racer-{number}"), "shared/")).collect();
    let all = join_all(racers.iter().map(|source| register(&deployment, source))).await;
    let won: Vec<_> = all.iter().filter_map(|registered| registered.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "of sources over the same keys one is registered: {all:?}");
    let second = won[0].source.clone();
    let losers = all.iter().filter_map(|registered| registered.as_ref().err());
    assert!(losers.clone().all(|why| matches!(why, TableError::Overlap { .. } | TableError::Throttled)), "{all:?}");
    first.store.role = Some(domain::source::Role { arn: "arn:aws:iam::1:role/x".to_owned(), external_id: Some("e".to_owned()) });
    let full = Source {
        id: some_id(SourceId::new),
        name: SourceName::parse("full").unwrap(),
        store: domain::source::Store { endpoint: None, path_style: false, requester_pays: true, ..first.store },
        prefix: path("exp #3/50% +é/"),
        ceilings: Ceilings {
            audience: Audience::Named,
            link_days_max: None,
            zones: domain::grant::Zones::default(),
            hard_zones: false,
            terms: None,
        },
        root: some_id(DatasetId::new),
        ..first
    };
    register(&deployment, &full).await.unwrap();
    assert_eq!(deployment.table.source_named(&full.name).await, Ok(Some(full.clone())), "every attribute reads back");
    let names: HashSet<_> = deployment.table.sources().await.unwrap().into_iter().map(|source| source.name).collect();
    assert_eq!(names, HashSet::from([deployment.root.source.name.clone(), second.name, full.name]));
    assert_eq!(deployment.table.source_named(&SourceName::parse("racer-x").unwrap()).await, Ok(None));
}

pub async fn a_source_changes_by_version(store: Store) {
    let deployment = Deployment::new(&store).await;
    let before = &deployment.place.source;
    let permit = deployment.administer();
    let after = Source {
        ceilings: Ceilings {
            audience: Audience::Link,
            link_days_max: None,
            zones: domain::grant::Zones::default(),
            hard_zones: false,
            terms: None,
        },
        serving: false,
        state: State::Retired,
        ..before.clone()
    };
    let key = once("ceilings", 1);
    for _ in 0..2 {
        let edited = deployment.table.edit_source(&permit, before, &after, Some("why"), Some(&key), now()).await.unwrap();
        assert_eq!(edited, Source { version: 2, ..after.clone() });
        assert_eq!(deployment.table.source(before.id).await, Ok(Some(edited)));
    }
    let other = Source { serving: false, ..before.clone() };
    assert_eq!(deployment.table.edit_source(&permit, before, &other, None, None, now()).await, Err(TableError::Stale));
    let moved = Source { prefix: path("elsewhere/"), ..before.clone() };
    assert_eq!(deployment.table.edit_source(&permit, before, &moved, None, None, now()).await, Err(TableError::NotForThis));
    assert_eq!(deployment.audited("source.edit", before.id).await, 1);
}

pub async fn the_panic_switch_turns_every_source_off(store: Store) {
    let deployment = Deployment::new(&store).await;
    for number in 0..4 {
        register(&deployment, &a_source(&format!("more-{number}"), &format!("more-{number}/"))).await.unwrap();
    }
    let facts = deployment.link(crate::example::ask("a")).await;
    let permit = deployment.administer();
    for serving in [false, true] {
        assert_eq!(deployment.table.set_serving_all(&permit, serving, Some("drill"), None, now()).await, Ok(5));
        assert!(deployment.table.sources().await.unwrap().iter().all(|source| source.serving == serving));
        assert_eq!(deployment.facts(&facts.link).await.place.source.serving, serving);
    }
    assert_eq!(deployment.audited("deployment.stop", "all sources").await, 1);
    assert_eq!(deployment.audited("deployment.serve", "all sources").await, 1);
}

pub async fn a_path_is_one_dataset(store: Store) {
    let deployment = Deployment::new(&store).await;
    let permit = to_register(&deployment, &deployment.root);
    let first = below(&deployment.root, "a b/é#1.zarr", Kind::Zarr);
    let register = async |dataset: &Dataset, key| deployment.table.register_dataset(&permit, None, dataset, key, now()).await;
    let registered = register(&first, None).await.unwrap();
    assert_eq!((&registered.dataset, registered.existing), (&first, false));
    let again = register(&below(&deployment.root, "a b/é#1.zarr", Kind::Folder), None).await.unwrap();
    assert_eq!((&again.dataset, again.existing), (&first, true), "the path is that dataset's");
    let key = once("register", 1);
    let once_registered = register(&below(&deployment.root, "c", Kind::File), Some(&key)).await.unwrap();
    let replayed = register(&below(&deployment.root, "c", Kind::File), Some(&key)).await.unwrap();
    assert_eq!((replayed.dataset, replayed.existing), (once_registered.dataset, true));
    let racers: Vec<_> = (0..20).map(|_| below(&deployment.root, "race", Kind::Folder)).collect();
    let all = join_all(racers.iter().map(|dataset| register(dataset, None))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().map(|registered| registered.dataset.id).collect::<HashSet<_>>().len(), 1);
    assert_eq!(all.iter().filter(|registered| !registered.existing).count(), 1);
    let long = below(&deployment.root, &"x".repeat(1_001), Kind::File);
    assert_eq!(register(&long, None).await, Err(TableError::PathTooLong));
    let longest = below(&deployment.root, &"x".repeat(1_000), Kind::File);
    assert!(register(&longest, None).await.is_ok());
}

// ACCESS 10, R1
pub async fn nothing_comes_in_between_unseen(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = &deployment.root;
    let deep = below(root, "x/y/z.zarr", Kind::Zarr);
    let between = below(root, "x/", Kind::Folder);
    deployment.table.register_dataset(&to_register(&deployment, root), None, &between, None, now()).await.unwrap();
    let stale = deployment.table.register_dataset(&to_register(&deployment, root), None, &deep, None, now()).await;
    assert_eq!(stale, Err(TableError::Stale), "there is a dataset in between now");
    let above = deployment.table.nearest_above(root.source.id, &path("x/y/z.zarr")).await.unwrap().unwrap();
    assert_eq!(above.dataset, between);
    let deep = below(&above, "x/y/z.zarr", Kind::Zarr);
    let registered = deployment.table.register_dataset(&to_register(&deployment, &above), None, &deep, None, now()).await.unwrap();
    assert_eq!(registered.dataset.ancestors, [root.dataset.id, between.id]);
    let foreign = Dataset { owner: some_id(UserId::new), ..below(root, "mine.zarr", Kind::Zarr) };
    let gained = deployment.table.register_dataset(&to_register(&deployment, root), None, &foreign, None, now()).await;
    assert_eq!(gained, Err(TableError::NotForThis), "the registrar gains nothing");
    let outside = Dataset { path: path("beside/"), ..below(&above, "x/w/", Kind::Folder) };
    let gained = deployment.table.register_dataset(&to_register(&deployment, &above), None, &outside, None, now()).await;
    assert_eq!(gained, Err(TableError::NotForThis), "a path that does not lie below");
    let retired = Source { state: State::Retired, ..root.source.clone() };
    deployment.table.edit_source(&deployment.administer(), &root.source, &retired, None, None, now()).await.unwrap();
    let late =
        deployment.table.register_dataset(&to_register(&deployment, root), None, &below(root, "late/", Kind::Folder), None, now()).await;
    assert_eq!(late, Err(TableError::Stale), "the source was retired after the decision");
}

// ADR 0035: the nearest above was read before it named what was registered above it.
pub async fn nothing_comes_above_the_nearest_unseen(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = &deployment.root;
    let nearest = below(root, "x/y/", Kind::Folder);
    deployment.table.register_dataset(&to_register(&deployment, root), None, &nearest, None, now()).await.unwrap();
    let read = deployment.table.nearest_above(root.source.id, &path("x/y/z.zarr")).await.unwrap().unwrap();
    let outer = below(root, "x/", Kind::Folder);
    deployment.table.register_dataset(&to_register(&deployment, root), None, &outer, None, now()).await.unwrap();
    let deep = below(&read, "x/y/z.zarr", Kind::Zarr);
    let stale = deployment.table.register_dataset(&to_register(&deployment, &read), None, &deep, None, now()).await;
    assert_eq!(stale, Err(TableError::Stale), "it would not name what holds it, and nobody would come back for it");
    // Whoever registers in it goes on with what it waits for.
    let read = deployment.table.nearest_above(root.source.id, &path("x/y/z.zarr")).await.unwrap().unwrap();
    assert_eq!(read.dataset.ancestors, [root.dataset.id, outer.id]);
    let deep = below(&read, "x/y/z.zarr", Kind::Zarr);
    deployment.table.register_dataset(&to_register(&deployment, &read), None, &deep, None, now()).await.unwrap();
    deployment.each_names_what_holds_it().await;
}

pub async fn datasets_are_found_by_path_and_listed(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (root, source) = (&deployment.root, deployment.root.source.id);
    let mut made = vec![deployment.place.dataset.clone(), root.dataset.clone()];
    for (number, at) in (1..).zip(["b.tif", "a/", "a/deeper/"]) {
        let above = deployment.table.nearest_above(source, &path(at)).await.unwrap().unwrap();
        let kind = if at.ends_with('/') { Kind::Folder } else { Kind::File };
        let dataset = Dataset { registered: later(number), ..below(&above, at, kind) };
        deployment.table.register_dataset(&to_register(&deployment, &above), None, &dataset, None, now()).await.unwrap();
        made.push(dataset);
    }
    let at = async |text: &str| deployment.table.dataset_at(source, &path(text)).await.unwrap().map(|place| place.dataset.path);
    assert_eq!(at("a").await, Some(path("a/")));
    assert_eq!(at("a/").await, Some(path("a/")));
    assert_eq!(at("b.tif").await, Some(path("b.tif")));
    assert_eq!(at("").await, Some(path("")));
    assert_eq!(at("a/deep").await, None);
    let above = async |text: &str| deployment.table.nearest_above(source, &path(text)).await.unwrap().map(|place| place.dataset.path);
    assert_eq!(above("a/deeper/0/c/1").await, Some(path("a/deeper/")));
    assert_eq!(above("a/deeper/").await, Some(path("a/")), "strictly above");
    assert_eq!(above("ab/x").await, Some(path("")));
    assert_eq!(above("").await, None);
    assert_eq!(above(&"n/".repeat(400)).await, Some(path("")), "as deep as paths go");
    assert_eq!(deployment.table.nearest_above(some_id(SourceId::new), &path("a")).await, Ok(None));

    let (mut by_path, mut page) = (Vec::new(), Page { position: None, items_max: 2 });
    loop {
        let listed = deployment.table.datasets_of_source(source, &page).await.unwrap();
        by_path.extend(listed.items);
        page.position = listed.next;
        if page.position.is_none() {
            break;
        }
    }
    let paths: Vec<_> = by_path.iter().map(|place| place.dataset.path.as_str()).collect();
    assert_eq!(paths, ["", "a/", "a/deeper/", "b.tif", "em/fused.ome.zarr/"]);
    let (mut by_owner, mut page) = (Vec::new(), Page { position: None, items_max: 2 });
    loop {
        let listed = deployment.table.datasets_of_owner(deployment.user.id, &page).await.unwrap();
        by_owner.extend(listed.items);
        page.position = listed.next;
        if page.position.is_none() {
            break;
        }
    }
    let registered: Vec<_> = by_owner.iter().map(|place| place.dataset.registered).collect();
    assert!(registered.is_sorted_by(|one, next| one >= next), "newest first");
    let by_owner: HashSet<_> = by_owner.into_iter().map(|place| place.dataset.id).collect();
    assert_eq!(by_owner, made.iter().map(|dataset| dataset.id).collect());
    let listed = deployment.table.datasets_of_owner(some_id(UserId::new), &Page::default()).await.unwrap();
    assert_eq!((listed.items, listed.next), (Vec::new(), None));
    let odd = Page { position: Some("x".to_owned()), items_max: 2 };
    assert_eq!(deployment.table.datasets_of_owner(deployment.user.id, &odd).await, Err(TableError::Position));
    let odd = Page { position: Some("a//b".to_owned()), items_max: 2 };
    assert_eq!(deployment.table.datasets_of_source(source, &odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.place(some_id(DatasetId::new)).await, Ok(None));
}

// ADR 0060: every source has the policy, whatever is registered or changed at the same time.
pub async fn the_policy_binds_every_source(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (table, administer) = (&deployment.table, deployment.administer());
    register(&deployment, &a_source("second", "second/")).await.unwrap();
    assert_eq!(table.policy().await, Ok(DeploymentPolicy::NONE));
    let low = DeploymentPolicy {
        ceilings: Ceilings {
            audience: Audience::Link,
            link_days_max: Some(7),
            zones: Zones::parse(&["192.0.2.0/24"]).unwrap(),
            hard_zones: true,
            terms: None,
        },
        openers: Openers::Administrators,
        second_person: true,
        version: 0,
    };
    let none = DeploymentPolicy::NONE;
    assert_eq!(table.set_policy(&deployment.share(), (&none, &low), (None, None), now()).await, Err(TableError::NotForThis));
    // One more is registered while it is set, and another is changed.
    let (newer, key) = (a_source("newer", "newer/"), once("policy", 1));
    let (before, lower) = (&deployment.root.source, Source { serving: false, ..deployment.root.source.clone() });
    let set = table.set_policy(&administer, (&none, &low), (Some("why"), Some(&key)), now());
    let (set, registered, edited) =
        futures_util::join!(set, register(&deployment, &newer), table.edit_source(&administer, before, &lower, None, None, now()));
    assert!(matches!(edited, Ok(_) | Err(TableError::Stale | TableError::Throttled)), "{edited:?}");
    let set = match set {
        // All the others came first, thrice.
        Err(TableError::Throttled) => table.set_policy(&administer, (&none, &low), (Some("why"), Some(&key)), now()).await.unwrap(),
        set => set.unwrap(),
    };
    assert!(matches!(registered, Ok(_) | Err(TableError::Throttled)), "{registered:?}");
    register(&deployment, &newer).await.unwrap();
    assert_eq!((set.version, set.says(&low)), (1, true));
    let bound = async |policy: &DeploymentPolicy| {
        assert_eq!(table.policy().await.as_ref(), Ok(policy));
        let sources = table.sources().await.unwrap();
        assert!(sources.len() == 3 && sources.iter().all(|source| source.policy == *policy), "{sources:?}");
    };
    bound(&set).await;
    // The same request again did it; another on what is not there any more does not.
    assert_eq!(table.set_policy(&administer, (&none, &low), (Some("why"), Some(&key)), now()).await, Ok(set.clone()));
    assert_eq!(table.set_policy(&administer, (&none, &low), (None, None), now()).await, Err(TableError::Stale));
    assert_eq!(table.set_policy(&administer, (&set, &low), (None, None), now()).await, Ok(set.clone()), "the same is no change");
    // Of two who change it at once one does.
    let higher = DeploymentPolicy { ceilings: Ceilings { audience: Audience::World, ..set.ceilings.clone() }, ..set.clone() };
    let lower = DeploymentPolicy { ceilings: Ceilings { audience: Audience::Named, ..set.ceilings.clone() }, ..set.clone() };
    let (one, other) = join(
        table.set_policy(&administer, (&set, &higher), (None, None), now()),
        table.set_policy(&administer, (&set, &lower), (None, None), now()),
    )
    .await;
    let won: Vec<_> = [&one, &other].into_iter().filter_map(|set| set.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{one:?} {other:?}");
    bound(won[0]).await;
    // A source's own ceilings are its own.
    let there = table.source(before.id).await.unwrap().unwrap();
    let after = Source { ceilings: Ceilings { audience: Audience::Named, ..there.ceilings.clone() }, ..there.clone() };
    let edited = table.edit_source(&administer, &there, &after, None, None, now()).await.unwrap();
    assert_eq!((edited.policy, edited.ceilings.audience), (won[0].clone(), Audience::Named));
    let entries = table.audit(now()).await.unwrap();
    let entry = entries.iter().find(|entry| entry.verb == "policy.edit" && entry.reason.is_some()).unwrap();
    assert!(entry.target == "deployment" && entry.after.as_ref().unwrap().contains("\"openers\":\"administrators\""), "{entry:?}");
}

/// A full register: the most that one transaction takes, and one more.
#[tokio::test]
async fn the_most_sources_are_bound_and_stopped_together() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    for number in 1..domain::limits::SOURCES_MAX {
        register(&deployment, &a_source(&format!("s-{number}"), &format!("s-{number}/"))).await.unwrap();
    }
    let one_more = register(&deployment, &a_source("one-more", "one-more/")).await;
    assert_eq!(one_more, Err(TableError::TooMany { what: "sources", max: 97 }));
    let (administer, key) = (deployment.administer(), once("stop", 1));
    assert_eq!(deployment.table.set_serving_all(&administer, false, None, Some(&key), now()).await, Ok(97));
    let key = once("bind", 1);
    let named = Ceilings { audience: Audience::Named, ..Ceilings::NONE };
    let after = DeploymentPolicy { ceilings: named, ..DeploymentPolicy::NONE };
    let set = deployment.table.set_policy(&administer, (&DeploymentPolicy::NONE, &after), (None, Some(&key)), now()).await.unwrap();
    assert_eq!((set.version, set.says(&after)), (1, true));
    assert!(deployment.table.sources().await.unwrap().iter().all(|source| !source.serving && source.policy == set));
}

impl Deployment {
    async fn restrict(&self, by: &Person, facts: &DatasetFacts, restricted: bool) -> Result<Dataset, TableError> {
        let permit = by.permit(Action::Grant, facts);
        let grounds = Grounds { facts, via: by.via(facts, Right::Administer) };
        self.table.set_restricted(&permit, grounds, restricted, None, now()).await
    }

    pub async fn set_restricted(&self, dataset: &Dataset, restricted: bool) -> Result<Dataset, TableError> {
        let ada = self.owner();
        self.restrict(&ada, &self.at(dataset.id, &ada).await, restricted).await
    }

    async fn cuts(&self, dataset: &Dataset) -> Vec<String> {
        self.dataset(dataset.id).await.cuts.iter().map(|cut| cut.as_str().to_owned()).collect()
    }

    /// Whatever was registered when: each dataset names all that hold it, outermost first.
    async fn each_names_what_holds_it(&self) {
        let datasets = self.datasets().await;
        for inner in &datasets {
            let mut holding: Vec<_> = datasets.iter().filter(|outer| outer.id != inner.id && outer.path.covers(&inner.path)).collect();
            holding.sort_by_key(|outer| outer.path.as_str().len());
            assert_eq!(inner.ancestors, holding.iter().map(|outer| outer.id).collect::<Vec<_>>(), "`{}`", inner.path);
        }
    }

    async fn datasets(&self) -> Vec<Dataset> {
        let (mut datasets, mut page) = (Vec::new(), Page::default());
        loop {
            let listed = self.table.datasets_of_source(self.root.source.id, &page).await.unwrap();
            datasets.extend(listed.items.into_iter().map(|place| place.dataset));
            match listed.next {
                Some(_) => page.position = listed.next,
                None => return datasets,
            }
        }
    }

    /// Whatever was registered when: what is restricted is cut out of all that hold it, and nothing else is.
    async fn nothing_leaks(&self) {
        let datasets = self.datasets().await;
        for outer in &datasets {
            for inner in datasets.iter().filter(|inner| inner.id != outer.id && inner.restricted && outer.path.covers(&inner.path)) {
                assert!(outer.is_cut(&inner.path), "`{}` opens `{}`: {:?}", outer.path, inner.path, outer.cuts);
            }
            for cut in &outer.cuts {
                assert!(datasets.iter().any(|inner| inner.restricted && inner.path == *cut), "`{}` cuts `{cut}`", outer.path);
            }
        }
    }
}

// ACCESS 10: restrict, open again
pub async fn a_restricted_dataset_is_cut_out_of_all_that_hold_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = &deployment.root.dataset;
    let a = deployment.below(root, "a/").await;
    let b = deployment.below(&a, "a/b/").await;
    let c = deployment.below(&b, "a/b/x/c/").await;
    let beside = deployment.below(&a, "a/bc/").await;
    for (dataset, restricted, cuts) in [
        (&c, true, [&["a/b/x/c/"][..], &["a/b/x/c/"], &["a/b/x/c/"]]),
        (&b, true, [&["a/b/"], &["a/b/"], &["a/b/x/c/"]]),
        (&beside, true, [&["a/b/", "a/bc/"], &["a/b/", "a/bc/"], &["a/b/x/c/"]]),
        (&c, false, [&["a/b/", "a/bc/"], &["a/b/", "a/bc/"], &[]]),
        (&c, true, [&["a/b/", "a/bc/"], &["a/b/", "a/bc/"], &["a/b/x/c/"]]),
        (&a, true, [&["a/"], &["a/b/", "a/bc/"], &["a/b/x/c/"]]),
        (&b, false, [&["a/"], &["a/b/x/c/", "a/bc/"], &["a/b/x/c/"]]),
        (&a, false, [&["a/b/x/c/", "a/bc/"], &["a/b/x/c/", "a/bc/"], &["a/b/x/c/"]]),
        (&c, false, [&["a/bc/"], &["a/bc/"], &[]]),
        (&beside, false, [&[], &[], &[]]),
    ] {
        let what = format!("{} {restricted}", dataset.path);
        let before = deployment.dataset(dataset.id).await;
        let after = deployment.set_restricted(dataset, restricted).await.unwrap();
        assert_eq!((after.restricted, after.version), (restricted, before.version + 1), "{what}");
        assert_eq!(deployment.dataset(dataset.id).await, after, "{what}");
        let found = [deployment.cuts(root).await, deployment.cuts(&a).await, deployment.cuts(&b).await];
        assert_eq!(found, cuts.map(|cuts| cuts.iter().map(|&cut| cut.to_owned()).collect::<Vec<_>>()), "{what}");
        deployment.nothing_leaks().await;
    }
    assert_eq!(deployment.set_restricted(&c, false).await.map(|same| same.version), Ok(5), "as it is already");
    assert_eq!(deployment.set_restricted(root, true).await, Err(TableError::NotForThis), "nothing is above");
    let (ada, facts) = (deployment.owner(), deployment.at(c.id, &deployment.owner()).await);
    deployment.set_restricted(&c, true).await.unwrap();
    assert_eq!(deployment.restrict(&ada, &facts, true).await, Err(TableError::Stale), "it changed meanwhile");
    assert_eq!(deployment.audited("dataset.edit", c.id).await, 5);
}

// ACCESS 11.4: what is registered above comes later than what it holds, and must not open it
pub async fn what_is_registered_above_a_restricted_dataset_does_not_open_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = &deployment.root.dataset;
    let inner = deployment.below(root, "a/b/c/").await;
    let innermost = deployment.below(&inner, "a/b/c/d/").await;
    deployment.set_restricted(&innermost, true).await.unwrap();
    let early = deployment.below(root, "a/").await;
    assert_eq!(early.cuts, std::slice::from_ref(&innermost.path), "what was restricted before");
    deployment.set_restricted(&inner, true).await.unwrap();
    assert_eq!(deployment.cuts(&early).await, ["a/b/c/"], "what is restricted later");
    let between = deployment.below(&early, "a/b/").await;
    assert_eq!(between.cuts, std::slice::from_ref(&inner.path));
    deployment.nothing_leaks().await;
    deployment.set_restricted(&inner, false).await.unwrap();
    for dataset in [root, &early, &between] {
        assert_eq!(deployment.cuts(dataset).await, ["a/b/c/d/"], "opened, it hands its own up");
    }
    deployment.set_restricted(&innermost, false).await.unwrap();
    deployment.nothing_leaks().await;
    assert_eq!(deployment.cuts(&between).await, Vec::<String>::new());
    let place = Place { source: deployment.root.source.clone(), dataset: deployment.dataset(root.id).await };
    let permit = to_register(&deployment, &place);
    for wider in [
        Dataset { visibility: Visibility::World, ..below(&place, "wider/", Kind::Folder) },
        Dataset { cuts: vec![path("wider/x/")], ..below(&place, "wider/", Kind::Folder) },
        Dataset { restricted: true, ..below(&place, "wider/", Kind::Folder) },
    ] {
        let gained = deployment.table.register_dataset(&permit, None, &wider, None, now()).await;
        assert_eq!(gained, Err(TableError::NotForThis), "not what the rules make: {wider:?}");
    }
}

// ACCESS 10, 11.4: neither seeing the other
pub async fn whatever_is_registered_and_restricted_at_once_no_cut_is_left_out(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = &deployment.root.dataset;
    let register = async |at: &str| {
        for _ in 0..20 {
            let above = deployment.table.nearest_above(root.source, &path(at)).await.unwrap().unwrap();
            let dataset = below(&above, at, Kind::Folder);
            let facts = deployment.at(above.dataset.id, &deployment.owner()).await;
            let permit = deployment.owner().permit(Action::Register, &facts);
            match deployment.table.register_dataset(&permit, None, &dataset, None, now()).await {
                Ok(registered) => {
                    while !deployment.table.adopt(&permit, &registered.dataset, now()).await.unwrap() {}
                    return registered.dataset;
                }
                Err(why) => assert!(matches!(why, TableError::Stale | TableError::Throttled | TableError::NotForThis), "{why}"),
            }
        }
        panic!("never registered");
    };
    let restrict = async |dataset: &Dataset, restricted| {
        for _ in 0..20 {
            match deployment.set_restricted(dataset, restricted).await {
                Ok(dataset) => return dataset,
                Err(why) => assert!(matches!(why, TableError::Stale | TableError::Throttled), "{why}"),
            }
        }
        panic!("never restricted");
    };
    for round in 0..6 {
        let [outer, middle, inner] = ["", "x/", "x/y/"].map(|at| format!("{round}/{at}"));
        let restricted = register(&inner).await;
        join(restrict(&restricted, true), register(&outer)).await;
        deployment.nothing_leaks().await;
        let (_, between) = join(restrict(&restricted, false), register(&middle)).await;
        deployment.nothing_leaks().await;
        let (below, _) = join(register(&format!("{inner}z/")), restrict(&restricted, true)).await;
        deployment.nothing_leaks().await;
        join(restrict(&below, true), restrict(&between, true)).await;
        deployment.nothing_leaks().await;
        join(restrict(&restricted, false), restrict(&between, false)).await;
        deployment.nothing_leaks().await;
    }
    deployment.each_names_what_holds_it().await;
}

// ACCESS 10, register above others
pub async fn a_dataset_names_all_that_hold_it_whatever_was_registered_first(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, root) = (deployment.owner(), deployment.person("Bo").await, deployment.root.dataset.clone());
    let inner = deployment.below(&root, "a/b/c/").await;
    let innermost = deployment.below(&inner, "a/b/c/d/").await;
    deployment.below(&root, "a/bc/").await;
    for number in 0..90 {
        deployment.below(&root, &format!("a/x/{number}/")).await;
    }
    let outer = deployment.below(&root, "a/").await;
    deployment.each_names_what_holds_it().await;
    assert_eq!(deployment.audited("dataset.adopt", outer.id).await, 3, "so many at once as a transaction holds");
    deployment.give(&ada, outer.id, bo.to(), Role::View).await;
    assert!(deployment.rights(innermost.id, &bo).await.has(Right::Read), "what is granted on it reaches what was there before");
    deployment.set_restricted(&inner, true).await.unwrap();
    assert!(deployment.rights(innermost.id, &bo).await.is_empty());
    let between = deployment.below(&outer, "a/b/").await;
    deployment.each_names_what_holds_it().await;
    assert_eq!(deployment.audited("dataset.adopt", between.id).await, 1);
    assert!(deployment.rights(innermost.id, &bo).await.is_empty(), "nor does the one in between let in");
    // Another would be one too many for the innermost.
    let above = deployment.table.nearest_above(root.source, &path("a/b/c/d/e/f/")).await.unwrap().unwrap();
    assert_eq!(above.dataset.ancestors.len(), 4);
    let whole = Place { source: above.source.clone(), dataset: deployment.dataset(root.id).await };
    for (at, chain) in [("a/", 3), ("a/b/c/", 1), ("a/b/c/d/", 0), ("a/x/", 1), ("y/", 0)] {
        assert_eq!(deployment.table.chain_below(&below(&whole, at, Kind::Folder)).await, Ok(chain), "{at}");
    }
    let object = below(&whole, "a", Kind::File);
    assert_eq!(deployment.table.chain_below(&object).await, Ok(0), "what has a longer name lies in no object");
}

// ACCESS 10: whatever ends the process in between
pub async fn a_registration_that_stopped_goes_on_where_it_stood(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = deployment.root.clone();
    let inner = deployment.below(&root.dataset, "a/b/").await;
    let outer = below(&root, "a/", Kind::Folder);
    let permit = to_register(&deployment, &root);
    deployment.table.register_dataset(&permit, None, &outer, None, now()).await.unwrap();
    assert_eq!(deployment.dataset(inner.id).await.ancestors, [root.dataset.id], "it stopped here");
    let later = deployment.below(&outer, "a/c/").await;
    assert_eq!(later.ancestors, [root.dataset.id, outer.id], "whoever comes later finds it");
    let of_another = to_register(&deployment, &Place { dataset: later, ..root.clone() });
    assert_eq!(deployment.table.adopt(&of_another, &outer, now()).await, Err(TableError::NotForThis));
    let by_itself = to_register(&deployment, &Place { dataset: outer.clone(), ..root.clone() });
    let both = join(deployment.table.adopt(&permit, &outer, now()), deployment.table.adopt(&by_itself, &outer, now())).await;
    assert!(matches!(both, (Ok(_), Ok(_))), "{both:?}");
    while !deployment.table.adopt(&permit, &outer, now()).await.unwrap() {}
    deployment.each_names_what_holds_it().await;
    let before = deployment.dataset(inner.id).await;
    assert_eq!(deployment.table.adopt(&permit, &outer, now()).await, Ok(true));
    assert_eq!(deployment.dataset(inner.id).await, before, "once is enough");
}

/// What is done is not looked at again: the cost of going on is what is left.
#[tokio::test]
async fn a_registration_goes_on_behind_what_it_has_looked_at() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let root = deployment.root.clone();
    let first = deployment.below(&root.dataset, "a/00000/").await;
    let source = format!("S#{}", root.source.id);
    let claim = deployment.item(&source, "D#a/00000/").await;
    let dataset = deployment.item(&format!("D#{}", first.id), "#").await;
    let more: Vec<_> = (1..ADOPTED_MAX + 60).map(|number| (some_id(DatasetId::new), format!("a/{number:05}/"))).collect();
    let claims =
        more.iter().map(|(id, at)| key(&source, &format!("D#{at}")).into_iter().chain([("dataset".to_owned(), text(id))]).collect());
    deployment.copies(&claim, claims).await;
    let own = |id: &DatasetId, at: &str| {
        key(&format!("D#{id}"), "#").into_iter().chain([("id".to_owned(), text(id)), ("path".to_owned(), text(at))])
    };
    deployment.copies(&dataset, more.iter().map(|(id, at)| own(id, at).collect())).await;
    let outer = below(&root, "a/", Kind::Folder);
    let permit = to_register(&deployment, &root);
    deployment.table.register_dataset(&permit, None, &outer, None, now()).await.unwrap();
    let adopt = async || deployment.table.adopt(&permit, &outer, now()).await;
    let mark = async || deployment.item(&format!("D#{}", outer.id), "#").await.get("adopting").cloned();
    assert_eq!(adopt().await, Ok(false));
    let reached = mark().await.unwrap().as_s().unwrap().clone();
    assert!(reached.starts_with("a/01"), "{reached}");
    // Of what lies before, one names it no more: as nobody does, and nobody looks.
    let whole = deployment.item(&format!("D#{}", first.id), "#").await;
    assert_eq!(deployment.dataset(first.id).await.ancestors, [root.dataset.id, outer.id]);
    deployment.copies(&whole, [Item::from([("ancestors".to_owned(), dataset["ancestors"].clone())])]).await;
    assert_eq!(adopt().await, Ok(true));
    assert_eq!((mark().await, deployment.dataset(first.id).await.ancestors), (None, vec![root.dataset.id]));
    let last = deployment.table.dataset_at(root.dataset.source, &path(&format!("a/{:05}/", ADOPTED_MAX + 59))).await.unwrap().unwrap();
    assert_eq!(last.dataset.ancestors, [root.dataset.id, outer.id]);
}

// ACCESS 10, the proof
pub async fn a_restriction_rests_on_what_the_right_to_it_rests_on(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, root) = (deployment.owner(), deployment.person("Bo").await, deployment.root.dataset.id);
    let dataset = deployment.below(&deployment.place.dataset, "em/fused.ome.zarr/0").await;
    for narrower in [Some(Role::View), None] {
        let given = deployment.give(&ada, root, bo.to(), Role::Manager).await;
        let facts = deployment.at(dataset.id, &bo).await;
        match narrower {
            Some(role) => drop(deployment.give(&ada, root, bo.to(), role).await),
            None => drop(deployment.withdraw(&ada, root, &given).await.unwrap()),
        }
        assert_eq!(deployment.restrict(&bo, &facts, true).await, Err(TableError::Stale), "{narrower:?}");
        let permit = bo.permit(Action::Grant, &facts);
        let grounds = Grounds { facts: &facts, via: bo.via(&facts, Right::Administer) };
        let opened = deployment.table.set_visibility(&permit, grounds, Visibility::Accounts, (None, None), now()).await;
        assert_eq!(opened, Err(TableError::Stale), "{narrower:?}");
    }
    deployment.give(&ada, root, bo.to(), Role::Manager).await;
    let facts = deployment.at(dataset.id, &bo).await;
    deployment.restrict(&bo, &facts, true).await.unwrap();
    assert!(deployment.rights(dataset.id, &bo).await.is_empty(), "and keeps him out as well");
}

/// The dataset above changes between the look at its cuts and the write.
#[tokio::test]
async fn a_restriction_does_not_overwrite_cuts_that_it_never_saw() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let slow = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    let (one, other) = (deployment.below(&deployment.root.dataset, "a/").await, deployment.below(&deployment.root.dataset, "b/").await);
    faults.next("TransactWriteItems", Fault::Late(300));
    let first = async {
        // The other one is under way by now, and waits.
        while faults.count().0.iter().all(|operation| operation != "TransactWriteItems") {
            tokio::task::yield_now().await;
        }
        deployment.set_restricted(&other, true).await
    };
    let (late, first) = join(slow.set_restricted(&one, true), first).await;
    assert_eq!((late, first.map(|dataset| dataset.restricted)), (Err(TableError::Stale), Ok(true)));
    assert_eq!(deployment.cuts(&deployment.root.dataset).await, ["b/"]);
    deployment.set_restricted(&one, true).await.unwrap();
    assert_eq!(deployment.cuts(&deployment.root.dataset).await, ["a/", "b/"]);
}

// SEMANTICS 6
pub async fn equal_requests_at_once_change_a_dataset_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let dataset = deployment.below(&deployment.root.dataset, "notes/").await;
    for round in 1..=3 {
        let facts = deployment.at(dataset.id, &ada).await;
        let permit = ada.permit(Action::Grant, &facts);
        let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
        let key = once(&format!("show {round}"), 1);
        let wanted = if round % 2 == 0 { Visibility::Private } else { Visibility::Accounts };
        let set = || deployment.table.set_visibility(&permit, grounds, wanted, (None, Some(&key)), now());
        let (one, other) = join(set(), set()).await;
        assert_eq!(one.as_ref().map(|dataset| (dataset.visibility, dataset.version)), Ok((wanted, facts.place.dataset.version + 1)));
        assert_eq!(other, one);
        assert_eq!(set().await, one, "and later");
        let facts = deployment.at(dataset.id, &ada).await;
        let permit = ada.permit(Action::Grant, &facts);
        let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
        let key = once(&format!("restrict {round}"), 1);
        let set = || deployment.table.set_restricted(&permit, grounds, round % 2 == 1, Some(&key), now());
        let (one, other) = join(set(), set()).await;
        assert_eq!(one.as_ref().map(|dataset| dataset.restricted), Ok(round % 2 == 1));
        assert_eq!(other, one);
    }
    assert_eq!(deployment.audited("dataset.edit", dataset.id).await, 6, "each once");
}

impl Deployment {
    pub async fn set_strict(&self, by: &Person, dataset: DatasetId, strict: bool) -> Result<Dataset, TableError> {
        let facts = self.at(dataset, by).await;
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.set_strict(&by.permit(Action::Grant, &facts), grounds, strict, None, now()).await
    }

    /// What a reader has to know of to judge a dataset, as its item says.
    async fn needs(&self, dataset: DatasetId) -> Vec<String> {
        let item = self.item(&format!("D#{dataset}"), "#").await;
        item["needs"].as_l().unwrap().iter().map(|text| text.as_s().unwrap().clone()).collect()
    }
}

// SEMANTICS 5, ADR 0049: an older reader never takes it for one that is not strict, whatever else is changed of it.
pub async fn a_strict_dataset_says_so_to_readers_of_every_age(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let outer = deployment.below(&deployment.root.dataset, "a/").await;
    let inner = deployment.below(&outer, "a/b/").await;
    let as_ever = deployment.item(&format!("D#{}", outer.id), "#").await;
    assert!(!as_ever.contains_key("strict") && !as_ever.contains_key("given_until"), "nothing is written of what is not so");
    let before = deployment.at(outer.id, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &before), Grounds { facts: &before, via: ada.via(&before, Right::Administer) });
    let see = ada.permit(Action::See, &before);
    assert_eq!(deployment.table.set_strict(&see, grounds, true, None, now()).await, Err(TableError::NotForThis));
    let key = once("strict", 1);
    let strict = deployment.table.set_strict(&permit, grounds, true, Some(&key), now()).await;
    let wanted = before.place.dataset.made_strict(true, now());
    assert!(wanted.strict && wanted.given_until.is_some());
    assert_eq!(strict, Ok(wanted.clone()));
    assert_eq!(deployment.dataset(outer.id).await, wanted, "it reads back");
    assert_eq!(deployment.table.set_strict(&permit, grounds, true, Some(&key), now()).await, Ok(wanted.clone()), "the same request again");
    assert_eq!(deployment.set_strict(&ada, outer.id, true).await, Ok(wanted), "as it is already");
    assert_eq!(deployment.table.set_strict(&permit, grounds, true, None, later(1)).await, Err(TableError::Stale), "what comes late");
    assert_eq!(deployment.needs(outer.id).await, ["strict"]);
    // Whatever else of it changes: the flags are those of the whole.
    for changed in [&inner, &outer] {
        for (restricted, flags) in [(true, ["cuts", "strict"].as_slice()), (false, &["strict"])] {
            deployment.set_restricted(changed, restricted).await.unwrap();
            assert_eq!(deployment.needs(outer.id).await, flags, "`{}`", changed.path);
        }
    }
    deployment.set_restricted(&inner, true).await.unwrap();
    let ended = deployment.set_strict(&ada, outer.id, false).await.unwrap();
    assert!(!ended.strict && ended.given_until.is_none() && deployment.dataset(outer.id).await == ended);
    assert_eq!(deployment.needs(outer.id).await, ["cuts"]);
    assert_eq!(deployment.audited("dataset.edit", outer.id).await, 4, "each change once, its own two among them");
    // Whoever registers one may say so of it, and nothing of what was before.
    let above = deployment.root.clone();
    let above = Place { dataset: deployment.dataset(above.dataset.id).await, ..above };
    let new = Dataset { strict: true, ..below(&above, "c/", Kind::Folder) };
    let made_up = Dataset { given_until: Some(later(600)), ..new.clone() };
    let permit = to_register(&deployment, &above);
    assert_eq!(deployment.table.register_dataset(&permit, None, &made_up, None, now()).await, Err(TableError::NotForThis));
    let registered = deployment.table.register_dataset(&permit, None, &new, None, now()).await.unwrap();
    assert_eq!((registered.dataset, registered.existing), (new.clone(), false));
    assert_eq!((deployment.dataset(new.id).await, deployment.needs(new.id).await), (new.clone(), vec!["strict".to_owned()]));
    // For the bound of a change that does not depend on the dataset: as it is by now, and nothing promised where it is not strict.
    assert_eq!(deployment.table.strict_still(&new).await, new);
    deployment.set_strict(&ada, new.id, false).await.unwrap();
    assert!(!deployment.table.strict_still(&new).await.strict);
    let nowhere = Dataset { id: some_id(DatasetId::new), ..new };
    assert!(!deployment.table.strict_still(&nowhere).await.strict, "one that cannot be read");
}

/// Arrays of every kind that a row keeps.
pub fn levels() -> Levels {
    let arrays = |any, folder: &str, level| (Arrays { any, folder: path(folder) }, level);
    Levels::new(vec![arrays(0, "0/", 0), arrays(0, "labels/exp #3 *1/1/", 1), arrays(1, "0/", 0), arrays(3, "1/", 1)]).unwrap()
}

// SECURITY T32
pub async fn levels_are_kept_as_they_were_read(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let facts = deployment.at(dataset, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    let see = ada.permit(Action::See, &facts);
    let refused = deployment.table.set_levels(&see, grounds, levels(), None, now()).await;
    assert_eq!(refused, Err(TableError::NotForThis));
    let key = once("levels", 1);
    let kept = deployment.table.set_levels(&permit, grounds, levels(), Some(&key), now()).await.unwrap();
    assert_eq!(kept, Dataset { levels: levels(), version: facts.place.dataset.version + 1, ..facts.place.dataset.clone() });
    assert_eq!(deployment.dataset(dataset).await, kept, "every kind of arrays reads back");
    // What comes late, from the version before, changes nothing; and what was sent twice is told of the one change.
    assert_eq!(
        deployment.table.set_levels(&permit, grounds, Levels::new(Vec::new()).unwrap(), None, now()).await,
        Ok(facts.place.dataset.clone())
    );
    let other = Levels::new(vec![(Arrays { any: 0, folder: path("x/") }, 0)]).unwrap();
    assert_eq!(deployment.table.set_levels(&permit, grounds, other, None, now()).await, Err(TableError::Stale));
    assert_eq!(deployment.table.set_levels(&permit, grounds, levels(), Some(&key), now()).await, Ok(kept.clone()));
    assert_eq!(deployment.dataset(dataset).await, kept);
}

impl Deployment {
    async fn retires(&self, by: &Person, dataset: DatasetId) -> Result<Dataset, TableError> {
        let facts = self.at(dataset, by).await;
        self.table.retire_dataset(&by.permit(Action::HandOver, &facts), &facts, (Some("done"), "", None), now()).await
    }
}

// ADR 0041
pub async fn a_retired_dataset_frees_its_place_and_opens_nothing(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let root = &deployment.root.dataset;
    let folder = deployment.below(root, "a/").await;
    let inner = deployment.below(&folder, "a/b/").await;
    deployment.give(&ada, folder.id, bo.to(), Role::View).await;
    deployment.give(&ada, inner.id, bo.to(), Role::Full).await;
    assert_eq!(deployment.retires(&ada, folder.id).await, Err(TableError::HoldsOthers));
    deployment.set_restricted(&inner, true).await.unwrap();
    assert_eq!(deployment.retires(&ada, inner.id).await, Err(TableError::NotForThis), "restricted");
    assert_eq!(deployment.retires(&ada, root.id).await, Err(TableError::NotForThis), "the source's own");
    deployment.set_restricted(&inner, false).await.unwrap();
    let (facts, key) = (deployment.at(inner.id, &ada).await, once("retire", 1));
    let permit = ada.permit(Action::HandOver, &facts);
    let retire = || deployment.table.retire_dataset(&permit, &facts, (Some("done"), "what it did", Some(&key)), now());
    let retired = retire().await.unwrap();
    assert_eq!(retired, Dataset { state: State::Retired, version: facts.place.dataset.version + 1, ..facts.place.dataset.clone() });
    assert_eq!((retire().await, deployment.dataset(inner.id).await), (Ok(retired.clone()), retired), "sent twice");
    assert_eq!(deployment.audited("dataset.retire", inner.id).await, 1);
    assert!(deployment.rights(inner.id, &bo).await.is_empty());
    assert!(deployment.rights(folder.id, &bo).await.has(Right::Read), "above is as it was");
    assert_eq!(deployment.cuts(&folder).await, Vec::<String>::new());
    // Its path is nobody's, and another dataset may have it.
    let source = deployment.root.source.id;
    assert_eq!(deployment.table.dataset_at(source, &inner.path).await, Ok(None));
    let above = deployment.table.nearest_above(source, &path("a/b/c/")).await.unwrap().unwrap();
    assert_eq!(above.dataset.id, folder.id);
    let again = deployment.below(&folder, "a/b/").await;
    assert!(again.id != inner.id && again.ancestors == inner.ancestors && again.state == State::Active);
    deployment.retires(&ada, again.id).await.unwrap();
    deployment.retires(&ada, folder.id).await.unwrap();
    // What lies deeper passes by what is free, and what is registered above takes it in.
    let deep = deployment.below(root, "a/b/c/").await;
    assert_eq!(deep.ancestors, [root.id]);
    let top = deployment.below(root, "a/").await;
    assert_eq!(deployment.dataset(deep.id).await.ancestors, [root.id, top.id]);
    let listed = deployment.table.datasets_of_source(source, &Page::default()).await.unwrap();
    let listed: Vec<_> = listed.items.iter().map(|place| place.dataset.id).collect();
    assert_eq!(listed, [root.id, top.id, deep.id, deployment.place.dataset.id]);
}

/// Retiring while another is registered in it, and while it is restricted.
pub async fn whatever_is_retired_at_once_nothing_lies_in_what_is_gone(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    for round in 0..6 {
        let folder = deployment.below(&deployment.root.dataset, &format!("r{round}/")).await;
        let place = deployment.table.place(folder.id).await.unwrap().unwrap();
        let dataset = Dataset::below(&folder, some_id(DatasetId::new), path(&format!("r{round}/x/")), Kind::Folder, now()).unwrap();
        let permit = deployment.permit(Action::Register, &deployment.about(&place));
        let register = deployment.table.register_dataset(&permit, None, &dataset, None, now());
        let (retired, registered) = join(deployment.retires(&ada, folder.id), register).await;
        assert!(retired.is_err() || registered.is_err(), "{retired:?} {registered:?}");
        let is_there = deployment.table.dataset_at(folder.source, &dataset.path).await.unwrap().is_some();
        let is_gone = deployment.dataset(folder.id).await.state == State::Retired;
        assert_eq!((is_there, is_gone), (registered.is_ok(), retired.is_ok()));
        let other = deployment.below(&deployment.root.dataset, &format!("s{round}/")).await;
        let (retired, restricted) = join(deployment.retires(&ada, other.id), deployment.set_restricted(&other, true)).await;
        assert!(retired.is_err() || restricted.is_err(), "{retired:?} {restricted:?}");
        let cut = deployment.cuts(&deployment.root.dataset).await.contains(&format!("s{round}/"));
        assert_eq!(cut, restricted.is_ok(), "no cut is left of what is gone");
    }
}

/// One is registered in it between the look at what lies in it and the write.
#[tokio::test]
async fn a_dataset_is_not_retired_over_one_that_is_registered_meanwhile() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let slow = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    let (ada, folder) = (deployment.owner(), deployment.below(&deployment.root.dataset, "a/").await);
    faults.next("TransactWriteItems", Fault::Late(300));
    let first = async {
        while faults.count().0.iter().all(|operation| operation != "TransactWriteItems") {
            tokio::task::yield_now().await;
        }
        deployment.below(&folder, "a/b/").await
    };
    let (late, below) = join(slow.retires(&ada, folder.id), first).await;
    assert_eq!((late, below.ancestors.last()), (Err(TableError::Stale), Some(&folder.id)));
    assert_eq!(deployment.retires(&ada, folder.id).await, Err(TableError::HoldsOthers));
}
