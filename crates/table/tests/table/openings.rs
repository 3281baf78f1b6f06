//! Rules of openings: asked for once, approved on what was looked at, by who may approve still, and done in the same write.

use std::sync::Arc;

use domain::{
    dataset::Visibility,
    decision::Action,
    delegation::Terms,
    grant::{Conditions, Subject, Zones},
    id::{DatasetId, RequestId},
    limits::REQUEST_SECS,
    opening::{OpeningFacts, Opens, approved, ask},
    request::{Request, RequestState},
    rights::{Right, Role},
    user::Standing,
};
use futures_util::future::join;
use jiff::Timestamp;
use table::{Page, TableError, grants::Grounds, once::Once};

use crate::{
    example::{Deployment, later, now, once, some_id},
    people::Person,
    stores::Store,
};

impl Deployment {
    /// Somebody who manages a dataset for good.
    async fn manager(&self, name: &str, dataset: DatasetId) -> Person {
        let person = self.person(name).await;
        self.give(&self.owner(), dataset, Subject::User(person.user.id), Role::Manager).await;
        person
    }

    async fn asks_to_open(
        &self,
        by: &Person,
        dataset: DatasetId,
        opens: Opens,
        key: Option<&Once>,
        at: Timestamp,
    ) -> Result<Request, TableError> {
        self.asks_over(by, (dataset, opens), None, key, at).await
    }

    /// The same where `void` waits, and does not stand.
    async fn asks_over(
        &self,
        by: &Person,
        (dataset, opens): (DatasetId, Opens),
        void: Option<&OpeningFacts>,
        key: Option<&Once>,
        at: Timestamp,
    ) -> Result<Request, TableError> {
        let facts = self.at(dataset, by).await;
        let permit = by.permit(Action::Grant, &facts);
        let request = ask(&permit, opens, some_id(RequestId::new), Some("the paper is out".to_owned()), at).unwrap();
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.ask_opening(&permit, grounds, (&request, void), key, at).await
    }

    /// What was asked, as who asked has the dataset now.
    async fn opening(&self, asker: &Person, request: &Request) -> OpeningFacts {
        let dataset = Arc::new(self.at(request.dataset, asker).await);
        OpeningFacts { dataset, request: request.clone(), asker: self.table.user(asker.user.id).await.unwrap().unwrap() }
    }

    /// Approves it, on facts as they were read before `meanwhile`.
    async fn approves(
        &self,
        by: &Person,
        facts: &OpeningFacts,
        key: Option<&Once>,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<Visibility, TableError> {
        let own = self.at(facts.request.dataset, by).await;
        let permit = by.permit(Action::Grant, &own);
        let there = match facts.opens() {
            Some(Opens::Grant(subject, _)) => self.table.grant(own.place.dataset.id, *subject).await.unwrap(),
            _ => None,
        };
        let approved = approved(&permit, facts, there.as_ref(), now()).unwrap();
        let second = Grounds { facts: &own, via: by.via(&own, Right::Administer) };
        meanwhile().await;
        let after = self.table.approve_opening(&approved, facts, (Some(second), there.as_ref()), key, now()).await;
        after.map(|dataset| dataset.visibility)
    }

    async fn waiting(&self) -> Vec<RequestId> {
        self.table.openings_waiting(&Page::default()).await.unwrap().items.iter().map(|request| request.id).collect()
    }
}

fn to_world() -> Opens {
    Opens::Visibility(Visibility::World)
}

fn grant_to_world(role: Role, level: Option<u8>) -> Opens {
    let conditions =
        Conditions { not_before: Some(now()), until: Some(later(1_000)), zones: Zones::parse(&["192.0.2.0/24".to_owned()]).unwrap() };
    Opens::Grant(Subject::World, Terms { role, may_share: false, level, conditions })
}

// ACCESS R6
pub async fn an_opening_is_asked_for_and_approved(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let max = deployment.manager("Max", dataset).await;
    let key = once("ask", 1);
    let made = deployment.asks_to_open(&max, dataset, to_world(), Some(&key), now()).await.unwrap();
    assert_eq!(deployment.table.latest_opening(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    assert_eq!(deployment.asks_to_open(&max, dataset, to_world(), Some(&key), now()).await, Ok(made.clone()), "sent twice");
    let second = deployment.asks_to_open(&ada, dataset, Opens::Visibility(Visibility::Accounts), None, now()).await;
    assert_eq!(second, Err(TableError::Exists { what: "an opening that waits" }));
    assert_eq!((deployment.waiting().await, deployment.dataset(dataset).await.visibility), (vec![made.id], Visibility::Private));
    let facts = deployment.opening(&max, &made).await;
    let key = once("approve", 1);
    for _ in 0..2 {
        assert_eq!(deployment.approves(&ada, &facts, Some(&key), async || {}).await, Ok(Visibility::World));
    }
    assert_eq!((deployment.waiting().await, deployment.dataset(dataset).await.visibility), (vec![], Visibility::World));
    let latest = deployment.table.latest_opening(dataset).await.unwrap().unwrap();
    assert_eq!((latest.state, latest.version), (RequestState::Accepted, 2));
    // A grant, with all that it says, and a part that was restricted.
    let made = deployment.asks_to_open(&max, dataset, grant_to_world(Role::Download, None), None, later(1)).await.unwrap();
    assert_eq!(deployment.table.latest_opening(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    deployment.approves(&ada, &deployment.opening(&max, &made).await, None, async || {}).await.unwrap();
    let there = deployment.table.grant(dataset, Subject::World).await.unwrap().unwrap();
    assert_eq!((there.role, there.by, there.conditions.until), (Role::Download, max.user.id, Some(later(1_000))));
    let facts = deployment.at(dataset, &ada).await;
    let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
    drop(deployment.table.set_restricted(&ada.permit(Action::Grant, &facts), grounds, true, None, now()).await.unwrap());
    let made = deployment.asks_to_open(&max, dataset, Opens::Unrestricted, None, later(2)).await.unwrap();
    assert_eq!(deployment.table.latest_opening(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    deployment.approves(&ada, &deployment.opening(&max, &made).await, None, async || {}).await.unwrap();
    let root = deployment.dataset(deployment.root.dataset.id).await;
    assert!(!deployment.dataset(dataset).await.restricted && root.cuts.is_empty(), "{root:?}");
    let audited = ["opening.ask", "opening.approve"].map(|verb| deployment.audited(verb, dataset));
    assert_eq!(futures_util::future::join_all(audited).await, [3, 3]);
    // What was declined, taken back, or is over makes room.
    let made = deployment.asks_to_open(&max, dataset, grant_to_world(Role::Preview, Some(2)), None, later(3)).await.unwrap();
    assert_eq!(deployment.table.latest_opening(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    let (facts, own) = (deployment.opening(&max, &made).await, deployment.at(dataset, &ada).await);
    let permit = ada.permit(Action::Grant, &own);
    let declined = deployment.table.decline_opening(&permit, &facts, "not yet", now()).await.unwrap();
    assert_eq!((declined.state, declined.answer.as_deref()), (RequestState::Declined, Some("not yet")));
    assert_eq!(deployment.table.decline_opening(&permit, &facts, "not yet", now()).await, Err(TableError::Stale));
    let made = deployment.asks_to_open(&max, dataset, grant_to_world(Role::View, None), None, later(4)).await.unwrap();
    let other = deployment.person("Eve").await.user.id;
    assert_eq!(deployment.table.withdraw_opening((other, None), &made, now()).await, Err(TableError::NotForThis));
    let withdrawn = deployment.table.withdraw_opening((max.user.id, None), &made, now()).await.unwrap();
    assert_eq!(deployment.table.withdraw_opening((ada.user.id, Some(&permit)), &withdrawn, now()).await, Ok(withdrawn.clone()), "again");
    assert_eq!((withdrawn.state, deployment.waiting().await), (RequestState::Withdrawn, vec![]));
    deployment.asks_to_open(&max, dataset, grant_to_world(Role::View, None), None, later(5)).await.unwrap();
    assert!(
        deployment.asks_to_open(&max, dataset, grant_to_world(Role::View, None), None, later(5 + REQUEST_SECS - 1)).await.is_err(),
        "a second more"
    );
    deployment.asks_to_open(&max, dataset, grant_to_world(Role::View, None), None, later(5 + REQUEST_SECS)).await.unwrap();
    let odd = Page { position: Some("Q#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.openings_of(dataset, &odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.openings_waiting(&odd).await, Err(TableError::Position));
}

/// What happens between the decision and the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    AskerSuspended,
    SecondSuspended,
    AskerGone,
    Withdrawn,
    AnotherEdit,
}

// ACCESS 10
pub async fn an_opening_is_approved_on_what_was_seen(store: Store) {
    use Meanwhile::{AnotherEdit, AskerGone, AskerSuspended, Nothing, SecondSuspended, Withdrawn};
    for meanwhile in [Nothing, AskerSuspended, SecondSuspended, AskerGone, Withdrawn, AnotherEdit] {
        let deployment = Deployment::new(&store).await;
        let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
        let (max, nia) = (deployment.manager("Max", dataset).await, deployment.manager("Nia", dataset).await);
        let made = deployment.asks_to_open(&max, dataset, to_world(), None, now()).await.unwrap();
        let facts = deployment.opening(&max, &made).await;
        let suspend = async |who: &Person| {
            let edit = Standing::Suspended.into();
            drop(deployment.table.edit_user(&deployment.administer(), who.user.id, edit, None, None, now()).await.unwrap());
        };
        let happens = async || match meanwhile {
            Nothing => {}
            AskerSuspended => suspend(&max).await,
            SecondSuspended => suspend(&nia).await,
            AskerGone => {
                let there = deployment.table.grant(dataset, Subject::User(max.user.id)).await.unwrap().unwrap();
                drop(deployment.withdraw(&ada, dataset, &there).await.unwrap());
            }
            Withdrawn => drop(deployment.table.withdraw_opening((max.user.id, None), &made, now()).await.unwrap()),
            AnotherEdit => {
                let other = deployment.person("Eve").await;
                drop(deployment.give(&ada, dataset, other.to(), Role::View).await);
            }
        };
        let done = deployment.approves(&nia, &facts, None, happens).await;
        let want = if meanwhile == Nothing { Ok(Visibility::World) } else { Err(TableError::Stale) };
        assert_eq!(done, want, "{meanwhile:?}");
        let there = deployment.dataset(dataset).await.visibility;
        assert_eq!(there, want.unwrap_or(Visibility::Private), "{meanwhile:?}");
    }
}

// ACCESS R6, ADR 0080
pub async fn an_opening_whose_asker_lost_the_right_is_in_nobodys_way(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let (max, nia) = (deployment.manager("Max", dataset).await, deployment.manager("Nia", dataset).await);
    let first = deployment.asks_to_open(&max, dataset, to_world(), None, now()).await.unwrap();
    let exists = Err(TableError::Exists { what: "an opening that waits" });
    let ask = async |facts: &OpeningFacts, key: Option<&Once>| {
        deployment.asks_over(&nia, (dataset, Opens::Visibility(Visibility::Accounts)), Some(facts), key, now()).await
    };
    let stands = deployment.opening(&max, &first).await;
    assert_eq!(ask(&stands, None).await, exists, "its asker may ask still");
    let there = deployment.table.grant(dataset, Subject::User(max.user.id)).await.unwrap().unwrap();
    drop(deployment.withdraw(&ada, dataset, &there).await.unwrap());
    let void = deployment.opening(&max, &first).await;
    let plain = deployment.asks_to_open(&nia, dataset, to_world(), None, now()).await;
    assert_eq!(plain, exists, "whoever did not look at it");
    let key = once("over", 1);
    let second = ask(&void, Some(&key)).await.unwrap();
    assert_eq!(ask(&void, Some(&key)).await, Ok(second.clone()), "sent twice");
    let all = deployment.table.openings_of(dataset, &Page::default()).await.unwrap().items;
    let kept: Vec<_> = all.iter().map(|request| (request.id, request.state, request.version)).collect();
    assert_eq!(kept, [(second.id, RequestState::Waiting, 1), (first.id, RequestState::Withdrawn, 2)]);
    assert_eq!((deployment.waiting().await, deployment.audited("opening.ask", dataset).await), (vec![second.id], 2));
    assert_eq!(deployment.audited("opening.withdraw", dataset).await, 0, "one entry says both");
    // It is another that waits now.
    assert_eq!(ask(&void, None).await, exists);
    deployment.approves(&ada, &deployment.opening(&nia, &second).await, None, async || {}).await.unwrap();
    assert_eq!(deployment.dataset(dataset).await.visibility, Visibility::Accounts);
}

/// Approving and taking back at once.
pub async fn an_opening_is_approved_or_taken_back_and_never_both(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    for round in 0..6 {
        let dataset = deployment.below(&deployment.root.dataset, &format!("round-{round}/")).await.id;
        let max = deployment.manager(&format!("Max {round}"), dataset).await;
        let made = deployment.asks_to_open(&max, dataset, to_world(), None, now()).await.unwrap();
        let facts = deployment.opening(&max, &made).await;
        let takes_back = deployment.table.withdraw_opening((max.user.id, None), &made, now());
        let (approved, withdrawn) = join(deployment.approves(&ada, &facts, None, async || {}), takes_back).await;
        let (latest, there) =
            (deployment.table.latest_opening(dataset).await.unwrap().unwrap(), deployment.dataset(dataset).await.visibility);
        match latest.state {
            RequestState::Accepted => assert!(approved.is_ok() && withdrawn.is_err() && there == Visibility::World, "{withdrawn:?}"),
            RequestState::Withdrawn => assert!(approved.is_err() && withdrawn.is_ok() && there == Visibility::Private, "{approved:?}"),
            other => assert!(approved.is_err() && withdrawn.is_err(), "{other:?}: {approved:?} {withdrawn:?}"),
        }
    }
}
