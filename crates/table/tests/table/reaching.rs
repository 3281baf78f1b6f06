//! Lists of what reaches a dataset, and of what is open to everybody: complete, in their order, and at a bounded cost.

use domain::{
    dataset::Dataset,
    grant::Subject,
    id::{DatasetId, LinkId},
    link::{Link, NewLink},
    rights::Role,
};
use table::Page;

use crate::{
    example::{Deployment, ask, now, path},
    faults::Faults,
    people::{key, spread_id, text},
    stores::Store,
};

/// A link of the owner's on a dataset, to a path in it.
async fn link_to(deployment: &Deployment, dataset: &Dataset, subpath: &str) -> Link {
    let asked = NewLink { subpath: path(subpath), ..ask(subpath) };
    deployment.link_as(&deployment.owner(), dataset.id, asked).await
}

/// All pages of the links on `on` that reach `dataset`, of so many each.
async fn reaching(deployment: &Deployment, dataset: &Dataset, on: &Dataset, items_max: u16) -> Vec<LinkId> {
    let mut page = Page { position: None, items_max };
    let mut all = Vec::new();
    loop {
        let found = deployment.table.links_reaching(dataset, on, &page, now()).await.unwrap();
        assert!(found.items.len() <= usize::from(items_max));
        all.extend(found.items.iter().map(|facts| facts.link.id));
        page.position = found.next;
        if page.position.is_none() {
            return all;
        }
    }
}

// A14
pub async fn a_dataset_is_reached_by_links_above_that_lead_to_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    let root = deployment.root.dataset.clone();
    let folder = deployment.below(&root, "a/").await;
    let dataset = deployment.below(&folder, "a/b/").await;
    let own = link_to(&deployment, &dataset, "c/").await;
    let mut wanted = Vec::new();
    for (on, subpath, reaches) in [
        (&folder, "", true),
        (&folder, "b/", true),
        (&folder, "b/c/d/", true),
        (&folder, "b/c", true),
        (&folder, "bc/", false),
        (&folder, "b", false),
        (&folder, "c/", false),
        (&root, "a/", true),
        (&root, "a", false),
        (&root, "b/", false),
    ] {
        let link = link_to(&deployment, on, subpath).await;
        wanted.push((on.id, link.id, reaches));
    }
    for on in [&folder, &root] {
        let mut wanted: Vec<_> = wanted.iter().filter(|(of, _, reaches)| *of == on.id && *reaches).map(|(_, id, _)| *id).collect();
        wanted.sort();
        for items_max in [1, 2, 100] {
            let mut found = reaching(&deployment, &dataset, on, items_max).await;
            found.sort();
            assert_eq!(found, wanted, "{items_max} a page");
        }
    }
    assert_eq!(reaching(&deployment, &dataset, &dataset, 100).await, [own.id]);
    deployment.set_restricted(&dataset, true).await.unwrap();
    let (dataset, folder) = (deployment.dataset(dataset.id).await, deployment.dataset(folder.id).await);
    assert_eq!(reaching(&deployment, &dataset, &folder, 100).await, []);
    assert_eq!(reaching(&deployment, &dataset, &dataset, 100).await, [own.id]);
}

/// Whatever hangs on the dataset above: of what does not reach this one the index is looked at, and nothing is read.
#[tokio::test]
async fn links_that_lead_elsewhere_cost_a_look_at_the_index() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let (root, dataset) = (deployment.root.dataset.clone(), deployment.place.dataset.clone());
    let elsewhere = link_to(&deployment, &root, "elsewhere/").await;
    let pointer = deployment.item(&format!("D#{}", root.id), &format!("L#{}", elsewhere.id)).await;
    let more: Vec<_> = (0..1_500).map(|_| spread_id(LinkId::new)).collect();
    let copies = more.iter().map(|id| {
        let rank = ("gsi1sk".to_owned(), text(&format!("L#000000000000001#{id}")));
        key(&format!("D#{}", root.id), &format!("L#{id}")).into_iter().chain([rank]).collect()
    });
    deployment.copies(&pointer, copies).await;
    let mut wanted = [link_to(&deployment, &root, "em/").await.id, link_to(&deployment, &root, "em/fused.ome.zarr/0/").await.id];
    wanted.sort();
    let faults = Faults::default();
    let deployment = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    let first = deployment.table.links_reaching(&dataset, &root, &Page::default(), now()).await.unwrap();
    let (calls, items) = faults.count();
    assert_eq!(calls.len(), 3, "the index, the links, and what they rest on: {calls:?}");
    assert!(items <= 1_000 + 2 + 4, "{items}");
    let mut found: Vec<_> = first.items.iter().map(|facts| facts.link.id).collect();
    found.sort();
    assert_eq!(found, wanted);
    let page = Page { position: first.next, items_max: 100 };
    let rest = deployment.table.links_reaching(&dataset, &root, &page, now()).await.unwrap();
    assert_eq!((rest.items, rest.next), (Vec::new(), None));
    assert_eq!(faults.count().0.len(), 1, "nothing of them is read");
}

// ACCESS 6
pub async fn what_is_open_to_everybody_is_listed_from_all_its_partitions(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let mut wanted = Vec::new();
    for number in 0..12 {
        let dataset = deployment.below_as(&deployment.root.dataset, &format!("{number}/"), spread_id(DatasetId::new)).await;
        deployment.give(&ada, dataset.id, Subject::Accounts, Role::Preview).await;
        wanted.push(dataset.id);
    }
    deployment.give(&ada, deployment.root.dataset.id, Subject::World, Role::Preview).await;
    // Given at one instant, they are in the order of their ids.
    wanted.sort_unstable_by_key(|id| std::cmp::Reverse(id.to_string()));
    for items_max in [1, 5, 12, 100] {
        let mut page = Page { position: None, items_max };
        let mut found = Vec::new();
        loop {
            let listed = deployment.table.granted_to(Subject::Accounts, &page).await.unwrap();
            found.extend(listed.items);
            page.position = listed.next;
            if page.position.is_none() {
                break;
            }
        }
        assert_eq!(found, wanted, "{items_max} a page");
    }
    let world = deployment.table.granted_to(Subject::World, &Page::default()).await.unwrap();
    assert_eq!(world.items, [deployment.root.dataset.id]);
    let wrong = Page { position: Some("A#1#x".to_owned()), items_max: 5 };
    assert_eq!(deployment.table.granted_to(Subject::World, &wrong).await, Err(table::TableError::Position));
}
