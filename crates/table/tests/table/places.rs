//! Rules of sources and datasets.

use std::{collections::HashSet, sync::Arc};

use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, Facts, Permit, Place},
    id::{DatasetId, SourceId, UserId},
    source::{Audience, Ceilings, Source, SourceName, State},
};
use futures_util::future::join_all;
use table::{Page, TableError};

use crate::{
    example::{Deployment, a_source, later, now, once, path, root_of, some_id},
    stores::Store,
};

async fn register(deployment: &Deployment, source: &Source) -> Result<table::sources::RegisteredSource, TableError> {
    let root = root_of(source, deployment.user.id);
    deployment.table.register_source(&deployment.administer(), source, &root, None, now()).await
}

fn to_register(deployment: &Deployment, above: &Place) -> Permit {
    deployment.permit(Action::Register, &Facts::Dataset(Arc::new(above.clone())))
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
        ceilings: Ceilings { audience: Audience::Named, link_days_max: None },
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
        ceilings: Ceilings { audience: Audience::Link, link_days_max: None },
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
        assert_eq!(deployment.table.set_serving_all(&permit, serving, Some("drill"), now()).await, Ok(5));
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
    let register = async |dataset: &Dataset, key| deployment.table.register_dataset(&permit, dataset, key, now()).await;
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
    deployment.table.register_dataset(&to_register(&deployment, root), &between, None, now()).await.unwrap();
    let stale = deployment.table.register_dataset(&to_register(&deployment, root), &deep, None, now()).await;
    assert_eq!(stale, Err(TableError::Stale), "there is a dataset in between now");
    let above = deployment.table.nearest_above(root.source.id, &path("x/y/z.zarr")).await.unwrap().unwrap();
    assert_eq!(above.dataset, between);
    let deep = below(&above, "x/y/z.zarr", Kind::Zarr);
    let registered = deployment.table.register_dataset(&to_register(&deployment, &above), &deep, None, now()).await.unwrap();
    assert_eq!(registered.dataset.ancestors, [root.dataset.id, between.id]);
    let foreign = Dataset { owner: some_id(UserId::new), ..below(root, "mine.zarr", Kind::Zarr) };
    let gained = deployment.table.register_dataset(&to_register(&deployment, root), &foreign, None, now()).await;
    assert_eq!(gained, Err(TableError::NotForThis), "the registrar gains nothing");
    let outside = Dataset { path: path("beside/"), ..below(&above, "x/w/", Kind::Folder) };
    let gained = deployment.table.register_dataset(&to_register(&deployment, &above), &outside, None, now()).await;
    assert_eq!(gained, Err(TableError::NotForThis), "a path that does not lie below");
    let retired = Source { state: State::Retired, ..root.source.clone() };
    deployment.table.edit_source(&deployment.administer(), &root.source, &retired, None, None, now()).await.unwrap();
    let late = deployment.table.register_dataset(&to_register(&deployment, root), &below(root, "late/", Kind::Folder), None, now()).await;
    assert_eq!(late, Err(TableError::Stale), "the source was retired after the decision");
}

pub async fn datasets_are_found_by_path_and_listed(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (root, source) = (&deployment.root, deployment.root.source.id);
    let mut made = vec![deployment.place.dataset.clone(), root.dataset.clone()];
    for (number, at) in (1..).zip(["b.tif", "a/", "a/deeper/"]) {
        let above = deployment.table.nearest_above(source, &path(at)).await.unwrap().unwrap();
        let kind = if at.ends_with('/') { Kind::Folder } else { Kind::File };
        let dataset = Dataset { registered: later(number), ..below(&above, at, kind) };
        deployment.table.register_dataset(&to_register(&deployment, &above), &dataset, None, now()).await.unwrap();
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

/// A full register: the most that one transaction takes, and one more.
#[tokio::test]
async fn a_hundred_sources_are_the_most_and_stop_together() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    for number in 1..domain::limits::SOURCES_MAX {
        register(&deployment, &a_source(&format!("s-{number}"), &format!("s-{number}/"))).await.unwrap();
    }
    let one_more = register(&deployment, &a_source("one-more", "one-more/")).await;
    assert_eq!(one_more, Err(TableError::TooMany { what: "sources", max: 100 }));
    assert_eq!(deployment.table.set_serving_all(&deployment.administer(), false, None, now()).await, Ok(100));
    assert!(deployment.table.sources().await.unwrap().iter().all(|source| !source.serving));
}
