//! Rules of offers: a dataset goes to somebody who accepts it, once, and only from who owns it.

use std::{collections::HashSet, sync::Arc};

use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, DatasetFacts, Facts, OfferFacts},
    id::{DatasetId, RequestId, UserId},
    limits::REQUEST_SECS,
    request::{Request, RequestState, offer},
    rights::{Right, Role},
    user::Standing,
};
use futures_util::future::join;
use jiff::Timestamp;
use table::{Page, TableError, grants::Grounds, once::Once};

use crate::{
    example::{Deployment, later, now, once, some_id},
    faults::{Fault, Faults},
    people::Person,
    stores::Store,
};

impl Deployment {
    /// What `by` is about to offer, by facts that were read.
    async fn offers_by(
        &self,
        by: &Person,
        facts: &DatasetFacts,
        to: UserId,
        key: Option<&Once>,
        at: Timestamp,
    ) -> Result<Request, TableError> {
        let permit = by.permit(Action::HandOver, facts);
        let request = offer(&permit, &facts.place.dataset, some_id(RequestId::new), to, Some("so".to_owned()), at).unwrap();
        self.table.offer(&permit, facts, &request, key, at).await
    }

    pub async fn offers(&self, by: &Person, dataset: DatasetId, to: &Person) -> Result<Request, TableError> {
        self.offers_by(by, &self.at(dataset, by).await, to.user.id, None, now()).await
    }

    /// What `person` reads of an offer before answering it.
    async fn offered(&self, request: &Request, person: &Person) -> Arc<OfferFacts> {
        let dataset = Arc::new(self.at(request.dataset, person).await);
        let maker = self.table.user(request.by).await.unwrap().unwrap();
        let reach = self.table.reach(&dataset.place, Some(maker.id)).await.unwrap();
        Arc::new(OfferFacts { dataset, request: request.clone(), maker, reach })
    }

    async fn accepts(&self, person: &Person, facts: &Arc<OfferFacts>, key: Option<&Once>) -> Result<Dataset, TableError> {
        let permit = person.decide(Action::HandOver, &Facts::Offer(Arc::clone(facts))).unwrap();
        self.table.accept_offer(&permit, facts, key, now()).await
    }

    async fn withdraws_offer(&self, by: &Person, request: &Request) -> Result<Request, TableError> {
        let permit = by.permit(Action::HandOver, &self.at(request.dataset, by).await);
        self.table.withdraw_offer(&permit, request, None, now()).await
    }

    /// Makes `to` the owner, who agrees.
    pub async fn passes_on(&self, by: &Person, dataset: DatasetId, to: &Person) -> Dataset {
        let request = self.offers(by, dataset, to).await.unwrap();
        self.accepts(to, &self.offered(&request, to).await, None).await.unwrap()
    }

    async fn suspend(&self, person: &Person) {
        self.table.edit_user(&self.administer(), person.user.id, Standing::Suspended.into(), None, None, now()).await.unwrap();
    }

    async fn waiting_for(&self, person: &Person) -> Vec<RequestId> {
        self.table.offers_to(person.user.id, &Page::default()).await.unwrap().items.iter().map(|request| request.id).collect()
    }

    async fn owned_by(&self, who: &Person) -> HashSet<DatasetId> {
        let listed = self.table.datasets_of_owner(who.user.id, &Page::default()).await.unwrap();
        listed.items.into_iter().map(|place| place.dataset.id).collect()
    }
}

// ACCESS R2
pub async fn a_dataset_goes_to_whoever_accepts_it_with_its_place_in_the_list(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let (root, dataset) = (deployment.root.dataset.id, deployment.place.dataset.id);
    let (facts, key) = (deployment.at(dataset, &ada).await, once("offer", 1));
    let nobody = deployment.offers_by(&ada, &facts, some_id(UserId::new), None, now()).await;
    assert_eq!(nobody, Err(TableError::Missing { what: "the person" }));
    deployment.suspend(&cy).await;
    assert_eq!(deployment.offers(&ada, dataset, &cy).await, Err(TableError::Missing { what: "the person" }), "suspended");
    assert_eq!(deployment.table.latest_offer(dataset).await, Ok(None), "nothing was written");
    let made = deployment.offers_by(&ada, &facts, bo.user.id, Some(&key), now()).await.unwrap();
    assert_eq!(deployment.table.latest_offer(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    assert_eq!(deployment.offers_by(&ada, &facts, bo.user.id, Some(&key), now()).await, Ok(made.clone()), "sent twice");
    assert_eq!(deployment.offers(&ada, dataset, &bo).await, Err(TableError::Exists { what: "an offer that waits" }));
    assert_eq!((deployment.waiting_for(&bo).await, deployment.waiting_for(&ada).await), (vec![made.id], vec![]));
    assert!(deployment.rights(dataset, &bo).await.is_empty(), "what waits gives nothing");
    let (offered, key) = (deployment.offered(&made, &bo).await, once("accept", 1));
    let accepted = deployment.accepts(&bo, &offered, Some(&key)).await.unwrap();
    assert_eq!((accepted.owner, accepted.version), (bo.user.id, 3));
    assert_eq!(deployment.dataset(dataset).await, accepted);
    assert_eq!((deployment.owned_by(&ada).await, deployment.owned_by(&bo).await), (HashSet::from([root]), HashSet::from([dataset])));
    assert_eq!(deployment.accepts(&bo, &offered, Some(&key)).await, Ok(accepted), "sent twice");
    assert_eq!(deployment.accepts(&bo, &offered, None).await, Err(TableError::Stale));
    assert!(deployment.waiting_for(&bo).await.is_empty());
    let latest = deployment.table.latest_offer(dataset).await.unwrap().unwrap();
    assert_eq!((latest.state, latest.version), (RequestState::Accepted, 2));
    assert_eq!((deployment.audited("offer.make", dataset).await, deployment.audited("offer.accept", dataset).await), (1, 1));
    // Who owns what lies above owns it, too, and offers it even to himself; but no longer than that.
    let by_root = deployment.offers(&ada, dataset, &ada).await.unwrap();
    let offered = deployment.offered(&by_root, &ada).await;
    deployment.passes_on(&ada, root, &bo).await;
    assert_eq!(deployment.accepts(&ada, &offered, None).await, Err(TableError::Stale), "the root was passed on meanwhile");
    assert_eq!(deployment.dataset(dataset).await.owner, bo.user.id);
    let odd = Page { position: Some("Q#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.offers_of(dataset, &odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.offers_to(bo.user.id, &odd).await, Err(TableError::Position));
}

/// What becomes of an offer, or of what it rests on, between the decision and the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Withdrawn,
    Declined,
    AnotherEdit,
    MakerSuspended,
    AddresseeSuspended,
    AddresseeBlocked,
    Granted,
}

// ACCESS 10: nothing is accepted that was taken back, or by whoever may not any more
pub async fn an_offer_is_accepted_on_what_was_seen(store: Store) {
    for meanwhile in [
        Meanwhile::Nothing,
        Meanwhile::Withdrawn,
        Meanwhile::Declined,
        Meanwhile::AnotherEdit,
        Meanwhile::MakerSuspended,
        Meanwhile::AddresseeSuspended,
        Meanwhile::AddresseeBlocked,
        Meanwhile::Granted,
    ] {
        let deployment = Deployment::new(&store).await;
        let (ada, bo, dee) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Dee").await);
        let dataset = deployment.below(&deployment.root.dataset, "notes/").await.id;
        // Ada administers, and is not suspended: the offer is Dee's.
        deployment.passes_on(&ada, dataset, &dee).await;
        let made = deployment.offers(&dee, dataset, &bo).await.unwrap();
        let offered = deployment.offered(&made, &bo).await;
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Withdrawn => drop(deployment.withdraws_offer(&dee, &made).await.unwrap()),
            Meanwhile::Declined => {
                let permit = bo.decide(Action::HandOver, &Facts::Offer(Arc::clone(&offered))).unwrap();
                let declined = deployment.table.decline_offer(&permit, &made, Some("no"), now()).await.unwrap();
                assert_eq!((declined.state, deployment.audited("offer.decline", dataset).await), (RequestState::Declined, 1));
            }
            Meanwhile::AnotherEdit => {
                let facts = deployment.at(dataset, &dee).await;
                let grounds = Grounds { facts: &facts, via: dee.via(&facts, Right::Administer) };
                let permit = dee.permit(Action::Grant, &facts);
                drop(deployment.table.set_visibility(&permit, grounds, Visibility::Accounts, (None, None), now()).await.unwrap());
            }
            Meanwhile::MakerSuspended => deployment.suspend(&dee).await,
            Meanwhile::AddresseeSuspended => deployment.suspend(&bo).await,
            Meanwhile::AddresseeBlocked => {
                let source = deployment.root.source.id;
                deployment.table.set_block(&deployment.administer(), (source, bo.user.id), true, None, None, now()).await.unwrap();
            }
            Meanwhile::Granted => drop(deployment.give(&dee, dataset, ada.to(), Role::View).await),
        }
        let accepted = deployment.accepts(&bo, &offered, None).await.map(|dataset| dataset.owner);
        let owner = deployment.dataset(dataset).await.owner;
        if meanwhile == Meanwhile::Nothing {
            assert_eq!((accepted, owner), (Ok(bo.user.id), bo.user.id));
        } else {
            assert_eq!((accepted, owner), (Err(TableError::Stale), dee.user.id), "{meanwhile:?}");
        }
    }
}

pub async fn an_offer_ends_and_another_takes_its_place(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let first = deployment.offers(&ada, dataset, &bo).await.unwrap();
    assert_eq!(deployment.withdraws_offer(&ada, &first).await.map(|gone| gone.state), Ok(RequestState::Withdrawn));
    let gone = deployment.table.latest_offer(dataset).await.unwrap().unwrap();
    assert_eq!(deployment.withdraws_offer(&ada, &gone).await, Ok(gone), "again");
    assert_eq!(deployment.withdraws_offer(&ada, &first).await, Err(TableError::Stale));
    assert!(deployment.waiting_for(&bo).await.is_empty());
    let facts = deployment.at(dataset, &ada).await;
    // By a clock that is behind, too.
    let second = deployment.offers_by(&ada, &facts, bo.user.id, None, later(-60)).await.unwrap();
    assert!(second.at > first.at, "the latest is the one that waits");
    let facts = deployment.at(dataset, &ada).await;
    assert!(deployment.offers_by(&ada, &facts, cy.user.id, None, later(REQUEST_SECS - 61)).await.is_err(), "it waits a second more");
    let third = deployment.offers_by(&ada, &facts, cy.user.id, None, later(REQUEST_SECS - 60)).await.unwrap();
    let listed = deployment.table.offers_of(dataset, &Page::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(|request| request.id).collect::<Vec<_>>(), [third.id, second.id, first.id], "the latest first");
    // Page by page, and each once.
    let other = deployment.below(&deployment.root.dataset, "notes/").await.id;
    let also = deployment.offers(&ada, other, &cy).await.unwrap();
    let (mut seen, mut page) = (Vec::new(), Page { position: None, items_max: 1 });
    loop {
        let found = deployment.table.offers_to(cy.user.id, &page).await.unwrap();
        seen.extend(found.items.iter().map(|request| request.id));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    assert_eq!(seen, [third.id, also.id]);
}

/// Withdrawing and accepting at once, and each of them twice at once.
pub async fn an_offer_is_taken_back_or_accepted_and_never_both(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    for round in 0..6 {
        let dataset = deployment.below(&deployment.root.dataset, &format!("round-{round}/")).await.id;
        let made = deployment.offers(&ada, dataset, &bo).await.unwrap();
        let offered = deployment.offered(&made, &bo).await;
        let (accepted, withdrawn) = join(deployment.accepts(&bo, &offered, None), deployment.withdraws_offer(&ada, &made)).await;
        let latest = deployment.table.latest_offer(dataset).await.unwrap().unwrap();
        let owner = deployment.dataset(dataset).await.owner;
        match latest.state {
            RequestState::Accepted => assert!(accepted.is_ok() && withdrawn.is_err() && owner == bo.user.id, "{accepted:?} {withdrawn:?}"),
            RequestState::Withdrawn => {
                assert!(accepted.is_err() && withdrawn.is_ok() && owner == ada.user.id, "{accepted:?} {withdrawn:?}");
            }
            other => assert!(accepted.is_err() && withdrawn.is_err(), "{other:?}: {accepted:?} {withdrawn:?}"),
        }
        let dataset = deployment.below(&deployment.root.dataset, &format!("twice-{round}/")).await.id;
        let (facts, key) = (deployment.at(dataset, &ada).await, once(&format!("offer {round}"), 1));
        let offer_it = || deployment.offers_by(&ada, &facts, bo.user.id, None, now());
        let (one, other) = join(offer_it(), offer_it()).await;
        assert!(one.is_ok() != other.is_ok() || (one.is_err() && other.is_err()), "one offer waits at a time: {one:?} {other:?}");
        let Some(made) = one.ok().or(other.ok()) else { continue };
        let offered = deployment.offered(&made, &bo).await;
        let accept = || deployment.accepts(&bo, &offered, Some(&key));
        let (one, other) = join(accept(), accept()).await;
        assert_eq!((one.as_ref().map(|dataset| dataset.owner), &other), (Ok(bo.user.id), &one));
        assert_eq!(deployment.audited("offer.accept", dataset).await, 1);
    }
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn an_offer_is_taken_back_where_transactions_conflict() {
    let direct = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let deployment = direct.through(&direct.store.faulty(&direct.name, &faults));
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let made = deployment.offers(&ada, dataset, &bo).await.unwrap();
    let offered = deployment.offered(&made, &bo).await;
    faults.always("TransactWriteItems", Fault::Conflict);
    faults.next("UpdateItem", Fault::LostAfter);
    assert_eq!(deployment.withdraws_offer(&ada, &made).await.map(|gone| gone.state), Ok(RequestState::Withdrawn));
    faults.heal();
    assert_eq!(deployment.accepts(&bo, &offered, None).await, Err(TableError::Stale));
    assert_eq!(deployment.audited("offer.withdraw", dataset).await, 1);
}
