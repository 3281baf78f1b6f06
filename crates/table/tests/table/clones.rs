//! Rules of reference clones: a card of one's own, and what is read at it is the original, for whoever reads.

use std::sync::Arc;

use domain::{
    clone::ReferenceClone,
    decision::{Action, Denial, Facts, Permit},
    id::{CloneId, DatasetId},
    rights::Role,
    source::State,
};
use table::{
    Page, TableError,
    access::{FactsCache, NamedFacts},
    once::Once,
};

use crate::{
    example::{Deployment, later, now, once, some_id},
    people::Person,
    stores::Store,
};

impl Deployment {
    pub async fn clones(&self, by: &Person, dataset: DatasetId, title: &str, key: Option<&Once>) -> Result<ReferenceClone, TableError> {
        let permit = by.permit(Action::Clone, &self.at(dataset, by).await);
        let clone =
            ReferenceClone::new(&permit, dataset, some_id(CloneId::new), (title.to_owned(), Some("notes".to_owned())), now()).unwrap();
        self.table.insert_clone(&permit, &clone, key, now()).await
    }

    /// What a read at a clone's address is decided to be, for who shows this person's token, or nobody's; and the trips that took.
    async fn read_at(&self, cache: &FactsCache, clone: CloneId, by: Option<&Person>) -> (Option<DatasetId>, Result<(), Denial>, u32) {
        let token = by.map(|by| by.token.hash);
        let found = cache.named(&self.table, clone, token, now(), None).await.unwrap();
        let NamedFacts { dataset, .. } = found.facts;
        let decided = match (&dataset, by) {
            (Some(facts), Some(by)) => by.decide(Action::Read, &Facts::Dataset(Arc::clone(facts))).map(drop),
            _ => Err(Denial::NotDiscoverable),
        };
        (dataset.map(|facts| facts.place.dataset.id), decided, found.cost.round_trips)
    }
}

fn may_change(by: &Person, clone: &ReferenceClone) -> Result<Permit, Denial> {
    by.decide(Action::Clone, &Facts::Clone(Arc::new(clone.clone())))
}

// ACCESS 9
pub async fn a_clone_is_made_and_changed_and_retired(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    deployment.give(&ada, dataset, bo.to(), Role::Download).await;
    let version = deployment.dataset(dataset).await.version;
    let key = once("clone", 1);
    let made = deployment.clones(&bo, dataset, "mine", Some(&key)).await.unwrap();
    assert_eq!(deployment.table.reference_clone(made.id).await, Ok(Some(made.clone())), "every attribute reads back");
    assert_eq!(deployment.clones(&bo, dataset, "other", Some(&key)).await, Ok(made.clone()), "sent twice");
    assert_eq!(deployment.dataset(dataset).await.version, version, "the original is as it was");
    let own = deployment.clones(&ada, dataset, "the owner's", None).await.unwrap();
    let listed = deployment.table.clones_of(bo.user.id, &Page::default()).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&made));
    assert_eq!(may_change(&ada, &made).map(drop), Err(Denial::NotDiscoverable));
    let permit = may_change(&bo, &made).unwrap();
    let edited = made.edited(Some("renamed".to_owned()), Some(None)).unwrap();
    let change = deployment.table.change_clone(&permit, (&made, &edited), None, later(1)).await;
    assert_eq!(change, Ok(edited.clone()));
    assert_eq!(deployment.table.reference_clone(made.id).await, Ok(Some(edited.clone())));
    assert_eq!(deployment.table.change_clone(&permit, (&made, &edited), None, later(1)).await, Err(TableError::Stale), "a late copy");
    let theirs = deployment.table.change_clone(&permit, (&own, &own.retired()), None, later(1)).await;
    assert_eq!(theirs, Err(TableError::NotForThis), "another's");
    let retired = deployment.table.change_clone(&permit, (&edited, &edited.retired()), None, later(2)).await.unwrap();
    assert_eq!((retired.state, retired.title.as_str()), (State::Retired, "renamed"));
    assert_eq!(deployment.table.clones_of(bo.user.id, &Page::default()).await.unwrap().items, []);
    let again = retired.edited(Some("back".to_owned()), None).unwrap();
    assert_eq!(deployment.table.change_clone(&permit, (&retired, &again), None, later(3)).await, Err(TableError::Stale), "for good");
    for (verb, times) in [("clone.make", 1), ("clone.edit", 1), ("clone.retire", 1)] {
        assert_eq!(deployment.audited(verb, made.id).await, times, "{verb}");
    }
    let (mut seen, mut page) = (Vec::new(), Page { position: None, items_max: 1 });
    let second = deployment.clones(&ada, dataset, "another", None).await.unwrap();
    loop {
        let found = deployment.table.clones_of(ada.user.id, &page).await.unwrap();
        seen.extend(found.items.iter().map(|clone| clone.id));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    let mut both = vec![own.id, second.id];
    both.sort_unstable();
    assert_eq!(seen, both);
    let odd = Page { position: Some("C#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.clones_of(ada.user.id, &odd).await, Err(TableError::Position));
}

// ACCESS 9: it gives nobody anything, and dies with access
pub async fn a_clone_is_read_as_its_original(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    for person in [&bo, &cy] {
        deployment.sign_in(person).await;
    }
    let dataset = deployment.place.dataset.id;
    let grant = deployment.give(&ada, dataset, bo.to(), Role::Download).await;
    let clone = deployment.clones(&bo, dataset, "mine", None).await.unwrap();
    let cache = FactsCache::new();
    assert_eq!(deployment.read_at(&cache, clone.id, Some(&bo)).await, (Some(dataset), Ok(()), 3));
    assert_eq!(deployment.read_at(&cache, clone.id, Some(&bo)).await, (Some(dataset), Ok(()), 0), "warm");
    assert_eq!(deployment.read_at(&cache, clone.id, Some(&cy)).await, (Some(dataset), Err(Denial::NotDiscoverable), 3));
    // One that is not there takes as long, and says no more.
    let unknown = some_id(CloneId::new);
    assert_eq!(deployment.read_at(&cache, unknown, Some(&cy)).await, (None, Err(Denial::NotDiscoverable), 3));
    assert_eq!(deployment.read_at(&cache, unknown, None).await, (None, Err(Denial::NotDiscoverable), 3));
    deployment.withdraw(&ada, dataset, &grant).await.unwrap();
    assert_eq!(deployment.read_at(&FactsCache::new(), clone.id, Some(&bo)).await.1, Err(Denial::NotDiscoverable), "access ended");
    deployment.give(&ada, dataset, bo.to(), Role::View).await;
    assert_eq!(deployment.read_at(&FactsCache::new(), clone.id, Some(&bo)).await.1, Ok(()), "and is back");
    let facts = deployment.at(dataset, &bo).await;
    let lacks = Denial::Lacks { right: domain::rights::Right::CloneFiles };
    assert_eq!(bo.decide(Action::Clone, &Facts::Dataset(Arc::new(facts))).map(drop), Err(lacks), "to view is not to clone");
    let permit = may_change(&bo, &clone).unwrap();
    deployment.table.change_clone(&permit, (&clone, &clone.retired()), None, later(1)).await.unwrap();
    assert_eq!(deployment.read_at(&FactsCache::new(), clone.id, Some(&bo)).await.0, None, "retired");
}
