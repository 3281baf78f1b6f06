//! Rules of curation: a mark is asked for and set, once, by who curates still, and listed while it is set.

use domain::{
    curation::{ask, mark},
    dataset::Visibility,
    decision::Action,
    grant::Subject,
    id::{DatasetId, RequestId},
    limits::REQUEST_SECS,
    request::{Request, RequestState},
    rights::{Right, Role},
    user::AccountEdit,
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
    /// Somebody who curates, and has nothing else.
    async fn curator(&self, name: &str) -> Person {
        let Person { user, token } = self.person(name).await;
        let user = self.curates(user.id, true).await.unwrap();
        Person { user, token }
    }

    async fn curates(&self, person: domain::id::UserId, curator: bool) -> Result<domain::user::User, TableError> {
        let edit = AccountEdit { curator: Some(curator), ..AccountEdit::default() };
        self.table.edit_user(&self.administer(), person, edit, None, None, now()).await
    }

    /// Opens a dataset to all accounts.
    async fn opens_to_accounts(&self, dataset: DatasetId) {
        let ada = self.owner();
        self.give(&ada, dataset, Subject::Accounts, Role::Preview).await;
        self.shows_to(dataset, Visibility::Accounts).await;
    }

    async fn shows_to(&self, dataset: DatasetId, visibility: Visibility) {
        let (ada, facts) = (self.owner(), self.at(dataset, &self.owner()).await);
        let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
        drop(self.table.set_visibility(&ada.permit(Action::Grant, &facts), grounds, visibility, (None, None), now()).await.unwrap());
    }

    async fn asks_for_mark(&self, dataset: DatasetId, key: Option<&Once>, at: Timestamp) -> Result<Request, TableError> {
        let (ada, facts) = (self.owner(), self.at(dataset, &self.owner()).await);
        let permit = ada.permit(Action::Grant, &facts);
        let request = ask(&permit, &facts, some_id(RequestId::new), "complete".to_owned(), at).unwrap();
        let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
        self.table.ask_for_mark(&permit, grounds, &request, key, at).await
    }

    async fn marks(&self, by: &Person, dataset: DatasetId, waiting: Option<&Request>) -> Result<u64, TableError> {
        let facts = self.at(dataset, by).await;
        let permit = by.permit(Action::Curate, &facts);
        let mark = mark(&permit, &facts, "looked at".to_owned(), now()).unwrap();
        self.table.set_mark(&permit, &facts, (&mark, waiting), None, now()).await.map(|dataset| dataset.version)
    }

    async fn unmarks(&self, by: &Person, dataset: DatasetId, key: Option<&Once>) -> Result<Option<Timestamp>, TableError> {
        let facts = self.at(dataset, by).await;
        self.table.lift_mark(&by.permit(Action::Curate, &facts), &facts, "superseded", key, now()).await.map(|dataset| dataset.curated)
    }

    async fn declines(&self, by: &Person, request: &Request) -> Result<Request, TableError> {
        let permit = by.permit(Action::Curate, &self.at(request.dataset, by).await);
        self.table.decline_curation(&permit, request, "no licence", now()).await
    }

    async fn queue(&self) -> Vec<RequestId> {
        self.table.curation_queue(&Page::default()).await.unwrap().items.iter().map(|request| request.id).collect()
    }

    async fn curated(&self) -> Vec<DatasetId> {
        self.table.curated(&Page::default()).await.unwrap().items
    }
}

// ACCESS 9
pub async fn a_mark_is_asked_for_and_set_and_lifted(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (cora, dataset) = (deployment.curator("Cora").await, deployment.place.dataset.id);
    deployment.opens_to_accounts(dataset).await;
    let key = once("ask", 1);
    let made = deployment.asks_for_mark(dataset, Some(&key), now()).await.unwrap();
    assert_eq!(deployment.table.latest_curation_request(dataset).await, Ok(Some(made.clone())), "every attribute reads back");
    assert_eq!(deployment.asks_for_mark(dataset, Some(&key), now()).await, Ok(made.clone()), "sent twice");
    assert_eq!(deployment.asks_for_mark(dataset, None, now()).await, Err(TableError::Exists { what: "a request that waits" }));
    assert_eq!(deployment.table.latest_offer(dataset).await, Ok(None), "another kind");
    assert_eq!((deployment.queue().await, deployment.curated().await), (vec![made.id], vec![]));
    deployment.marks(&cora, dataset, Some(&made)).await.unwrap();
    assert_eq!(deployment.dataset(dataset).await.curated, Some(now()));
    let there = deployment.table.mark_on(dataset).await.unwrap().unwrap();
    assert_eq!((there.by, there.reason.as_str(), there.at), (cora.user.id, "looked at", now()));
    assert_eq!((deployment.queue().await, deployment.curated().await), (vec![], vec![dataset]));
    let answered = deployment.table.latest_curation_request(dataset).await.unwrap().unwrap();
    assert_eq!((answered.state, answered.answer.as_deref(), answered.version), (RequestState::Accepted, Some("looked at"), 2));
    let version = deployment.dataset(dataset).await.version;
    assert_eq!(deployment.marks(&cora, dataset, None).await, Ok(version), "it is marked once");
    let key = once("unmark", 1);
    assert_eq!(deployment.unmarks(&cora, dataset, Some(&key)).await, Ok(None));
    assert_eq!((deployment.table.mark_on(dataset).await, deployment.curated().await), (Ok(None), vec![]));
    // Set anew meanwhile, it is not lifted by a copy that comes late.
    deployment.marks(&cora, dataset, None).await.unwrap();
    assert_eq!(deployment.unmarks(&cora, dataset, Some(&key)).await, Ok(Some(now())));
    assert_eq!(deployment.curated().await, [dataset]);
    assert_eq!(deployment.unmarks(&cora, dataset, None).await, Ok(None));
    assert_eq!(deployment.unmarks(&cora, dataset, None).await, Ok(None), "again");
    let audited = ["curation.ask", "curation.mark", "curation.unmark"].map(|verb| deployment.audited(verb, dataset));
    assert_eq!(futures_util::future::join_all(audited).await, [1, 2, 2]);
    // What was declined, taken back, or is over makes room.
    let second = deployment.asks_for_mark(dataset, None, later(1)).await.unwrap();
    let declined = deployment.declines(&cora, &second).await.unwrap();
    assert_eq!((declined.state, declined.answer.as_deref()), (RequestState::Declined, Some("no licence")));
    assert_eq!(deployment.table.latest_curation_request(dataset).await, Ok(Some(declined)));
    assert_eq!(deployment.declines(&cora, &second).await, Err(TableError::Stale));
    let third = deployment.asks_for_mark(dataset, None, later(2)).await.unwrap();
    let permit = deployment.owner().permit(Action::Grant, &deployment.at(dataset, &deployment.owner()).await);
    let withdrawn = deployment.table.withdraw_curation(&permit, &third, Some("later"), now()).await.unwrap();
    assert_eq!((withdrawn.state, deployment.queue().await), (RequestState::Withdrawn, vec![]));
    assert_eq!(deployment.table.withdraw_curation(&permit, &withdrawn, None, now()).await, Ok(withdrawn), "again");
    let fourth = deployment.asks_for_mark(dataset, None, later(3)).await.unwrap();
    assert!(deployment.asks_for_mark(dataset, None, later(3 + REQUEST_SECS - 1)).await.is_err(), "it waits a second more");
    let fifth = deployment.asks_for_mark(dataset, None, later(3 + REQUEST_SECS)).await.unwrap();
    let all = deployment.table.curation_requests(dataset, &Page::default()).await.unwrap().items;
    let ids = [fifth.id, fourth.id, third.id, second.id, made.id];
    assert_eq!(all.iter().map(|request| request.id).collect::<Vec<_>>(), ids, "the latest first");
    let odd = Page { position: Some("Q#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.curation_requests(dataset, &odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.curation_queue(&odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.curated(&odd).await, Err(TableError::Position));
}

/// What happens between the decision and the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    NoCurator,
    Suspended,
    Withdrawn,
    AnotherEdit,
}

// ACCESS 10
pub async fn a_mark_is_set_on_what_was_seen(store: Store) {
    use Meanwhile::{AnotherEdit, NoCurator, Nothing, Suspended, Withdrawn};
    for meanwhile in [Nothing, NoCurator, Suspended, Withdrawn, AnotherEdit] {
        let deployment = Deployment::new(&store).await;
        let (ada, cora, dataset) = (deployment.owner(), deployment.curator("Cora").await, deployment.place.dataset.id);
        deployment.opens_to_accounts(dataset).await;
        let made = deployment.asks_for_mark(dataset, None, now()).await.unwrap();
        let facts = deployment.at(dataset, &cora).await;
        let permit = cora.permit(Action::Curate, &facts);
        let mark = mark(&permit, &facts, "looked at".to_owned(), now()).unwrap();
        match meanwhile {
            Nothing => {}
            NoCurator => drop(deployment.curates(cora.user.id, false).await.unwrap()),
            Suspended => {
                let edit = domain::user::Standing::Suspended.into();
                drop(deployment.table.edit_user(&deployment.administer(), cora.user.id, edit, None, None, now()).await.unwrap());
            }
            Withdrawn => {
                let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
                drop(deployment.table.withdraw_curation(&permit, &made, None, now()).await.unwrap());
            }
            AnotherEdit => deployment.shows_to(dataset, Visibility::World).await,
        }
        let set = deployment.table.set_mark(&permit, &facts, (&mark, Some(&made)), None, now()).await;
        let (there, list) = (deployment.table.mark_on(dataset).await.unwrap().is_some(), deployment.curated().await);
        if meanwhile == Nothing {
            assert_eq!((set.map(|dataset| dataset.curated), there, list), (Ok(Some(now())), true, vec![dataset]));
        } else {
            assert_eq!((set.map(|dataset| dataset.curated), there, list), (Err(TableError::Stale), false, vec![]), "{meanwhile:?}");
        }
        if matches!(meanwhile, NoCurator | Suspended) {
            assert_eq!(deployment.table.decline_curation(&permit, &made, "no", now()).await, Err(TableError::Stale), "{meanwhile:?}");
        }
        let other = deployment.below(&deployment.root.dataset, "notes/").await.id;
        let elsewhere = deployment.at(other, &ada).await;
        assert_eq!(deployment.table.set_mark(&permit, &elsewhere, (&mark, None), None, now()).await, Err(TableError::NotForThis));
        assert_eq!(deployment.table.lift_mark(&permit, &elsewhere, "no", None, now()).await, Err(TableError::NotForThis));
    }
}

// P14
pub async fn marks_are_listed_from_all_their_partitions(store: Store) {
    let deployment = Deployment::new(&store).await;
    let cora = deployment.curator("Cora").await;
    deployment.opens_to_accounts(deployment.root.dataset.id).await;
    let mut marked = Vec::new();
    let mut asked = Vec::new();
    for number in 0..9 {
        let id = crate::people::spread_id(DatasetId::new);
        let dataset = deployment.below_as(&deployment.root.dataset, &format!("notes-{number}/"), id).await.id;
        asked.push(deployment.asks_for_mark(dataset, None, later(number)).await.unwrap().id);
        let facts = deployment.at(dataset, &cora).await;
        let permit = cora.permit(Action::Curate, &facts);
        let mark = mark(&permit, &facts, "so".to_owned(), later(number)).unwrap();
        deployment.table.set_mark(&permit, &facts, (&mark, None), None, now()).await.unwrap();
        marked.push(dataset);
    }
    marked.reverse();
    let (mut seen, mut page) = (Vec::new(), Page { position: None, items_max: 2 });
    loop {
        let found = deployment.table.curated(&page).await.unwrap();
        seen.extend(found.items);
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    assert_eq!(seen, marked, "each once, the latest first");
    let (mut seen, mut page) = (Vec::new(), Page { position: None, items_max: 2 });
    loop {
        let found = deployment.table.curation_queue(&page).await.unwrap();
        seen.extend(found.items.iter().map(|request| request.id));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    assert_eq!(seen, asked, "the oldest first");
}

/// Marking and declining at once.
pub async fn of_two_answers_at_once_one_counts(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (cora, cid) = (deployment.curator("Cora").await, deployment.curator("Cid").await);
    deployment.opens_to_accounts(deployment.root.dataset.id).await;
    for round in 0..6 {
        let dataset = deployment.below(&deployment.root.dataset, &format!("round-{round}/")).await.id;
        let made = deployment.asks_for_mark(dataset, None, now()).await.unwrap();
        let (marked, declined) = join(deployment.marks(&cora, dataset, Some(&made)), deployment.declines(&cid, &made)).await;
        let latest = deployment.table.latest_curation_request(dataset).await.unwrap().unwrap();
        let is_curated = deployment.dataset(dataset).await.curated.is_some();
        match latest.state {
            RequestState::Accepted => assert!(marked.is_ok() && declined.is_err() && is_curated, "{marked:?} {declined:?}"),
            RequestState::Declined => assert!(marked.is_err() && declined.is_ok() && !is_curated, "{marked:?} {declined:?}"),
            other => assert!(marked.is_err() && declined.is_err() && !is_curated, "{other:?}: {marked:?} {declined:?}"),
        }
    }
}
