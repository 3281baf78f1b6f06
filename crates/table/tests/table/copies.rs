//! Copies of datasets: asked for once, taken by one, ended once, and of what comes after nobody takes half of one for a dataset.

use std::sync::Arc;

use domain::{
    copy::{CopyFailure, CopyState, CopyStop, DatasetCopy, arriving},
    dataset::Dataset,
    decision::{Action, Denial, Facts, Permit, Principal, Who, decide},
    grant::Net,
    id::{CopyId, DatasetId},
    key::KeyHash,
    limits::{COPIES_OF_PERSON_MAX, COPY_LEASE_SECS},
    source::State,
};
use futures_util::future::join;
use table::{
    Page, TableError,
    copies::{Made, Progress, SHARDS, UnderWay},
    once::Once,
};

use crate::{
    example::{Deployment, later, now, once, path, some_id},
    stores::Store,
};

impl Deployment {
    /// The permits to copy the dataset, and to take copies in below the root.
    fn to_copy(&self) -> (Permit, Permit) {
        (self.permit(Action::Copy, &self.about(&self.place)), self.permit(Action::Receive, &self.about(&self.root)))
    }

    fn new_copy(&self, to: &str) -> (DatasetCopy, Dataset) {
        let (from, receive) = self.to_copy();
        let dataset = arriving(&from, &receive, &path(to), some_id(DatasetId::new), now()).unwrap();
        let copy = DatasetCopy {
            id: some_id(CopyId::new),
            by: self.user.id,
            original: self.place.dataset.id,
            above: self.root.dataset.id,
            dataset: dataset.id,
            source: dataset.source,
            path: dataset.path.clone(),
            state: CopyState::Waiting,
            objects: 0,
            bytes: 0,
            compared: 0,
            failure: None,
            made: now(),
            ended: None,
        };
        (copy, dataset)
    }

    async fn asks_for_copy(&self, to: &str, key: Option<&Once>) -> Result<Made, TableError> {
        let ((from, receive), (copy, dataset)) = (self.to_copy(), self.new_copy(to));
        self.table.make_copy((&from, &receive), None, (&copy, &dataset), key, now()).await
    }

    async fn copies_due(&self, secs: i64) -> Vec<UnderWay> {
        let mut due = Vec::new();
        for shard in 0..SHARDS {
            due.extend(self.table.due_copies(shard, later(secs)).await.unwrap());
        }
        due
    }

    /// The one copy that is due, taken.
    async fn takes_copy(&self) -> UnderWay {
        let [due] = self.copies_due(0).await.try_into().unwrap();
        self.table.take_copy(&due, now()).await.unwrap().unwrap()
    }

    async fn state_of_copied(&self, copy: &DatasetCopy) -> State {
        self.table.place(copy.dataset).await.unwrap().unwrap().dataset.state
    }
}

fn got_to(key: &str) -> Progress {
    Progress {
        cursor: Some(key.to_owned()),
        compares: false,
        objects: 3,
        bytes: 7,
        compared: 0,
        seen: Some(KeyHash::of(key)),
        seen_again: None,
    }
}

pub async fn a_copy_becomes_a_dataset_when_it_is_done_and_not_before(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let key = once("one", 1);
    let copy = deployment.asks_for_copy("copies/one/", Some(&key)).await.unwrap().copy;
    assert_eq!(deployment.asks_for_copy("copies/one/", Some(&key)).await, Ok(Made { copy: copy.clone(), existing: true }));
    let taken = TableError::Exists { what: "a dataset at this place" };
    assert_eq!(deployment.asks_for_copy("copies/one/", None).await, Err(taken));
    assert_eq!(deployment.state_of_copied(&copy).await, State::Arriving);
    let place = table.place(copy.dataset).await.unwrap().unwrap();
    let principal = Principal {
        who: Who::Token { user: Arc::new(deployment.user.clone()), token: Arc::new(deployment.token.clone()) },
        net: Net::Unknown,
    };
    for action in Action::ALL {
        let answer = decide(&principal, action, &deployment.about(&place), now()).map(drop);
        let sees = matches!(action, Action::See | Action::Audit);
        assert!(if sees { answer.is_ok() } else { answer.is_err() }, "{action:?}: {answer:?}");
    }
    assert_eq!(decide(&principal, Action::Read, &deployment.about(&place), now()).map(drop), Err(Denial::Arriving));
    let held = deployment.takes_copy().await;
    let receive = deployment.to_copy().1;
    table.copy_done(&receive, None, &held, now()).await.unwrap();
    assert_eq!(table.copy_done(&receive, None, &held, now()).await, Err(TableError::Stale), "it ends once");
    assert_eq!((deployment.state_of_copied(&copy).await, deployment.copies_due(1_000).await), (State::Active, Vec::new()));
    assert_eq!(table.copy(copy.id).await.unwrap().unwrap().state, CopyState::Done);
    assert_eq!((deployment.audited("copy.make", copy.id).await, deployment.audited("copy.done", copy.id).await), (1, 1));
}

pub async fn how_far_a_copy_is_says_whoever_took_it_last(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    deployment.asks_for_copy("copies/one/", None).await.unwrap();
    let [due] = deployment.copies_due(0).await.try_into().unwrap();
    let mut held = table.take_copy(&due, now()).await.unwrap().unwrap();
    assert_eq!((table.take_copy(&due, now()).await.unwrap(), deployment.copies_due(0).await), (None, Vec::new()));
    assert!(table.copy_begins(&mut held, "k", None, now()).await.unwrap());
    assert!(table.copy_goes_on(&mut held, got_to("k"), now()).await.unwrap());
    assert!(table.copy_begins(&mut held, "b", None, now()).await.unwrap());
    let [again] = deployment.copies_due(COPY_LEASE_SECS).await.try_into().unwrap();
    assert_eq!((again.cursor.as_deref(), again.copy.objects, again.copy.bytes, again.tries), (Some("k"), 3, 7, 0));
    assert_eq!(again.begun.as_deref(), Some("k"), "what may be there is never less");
    let mut other = table.take_copy(&again, later(COPY_LEASE_SECS)).await.unwrap().unwrap();
    assert_eq!(other.tries, 1);
    assert!(!table.copy_goes_on(&mut held, got_to("z"), now()).await.unwrap(), "another has it");
    assert!(!table.keep_copy(&mut held, now()).await.unwrap());
    let failure = CopyFailure { why: CopyStop::Changed, key: None };
    assert_eq!(table.copy_failed(&held, &failure, now()).await, Err(TableError::Stale));
    assert!(table.keep_copy(&mut other, later(COPY_LEASE_SECS)).await.unwrap());
}

pub async fn a_copy_that_ends_undone_frees_its_place_and_makes_room(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    let copy = deployment.asks_for_copy("copies/two/", None).await.unwrap().copy;
    let held = deployment.takes_copy().await;
    let failure = CopyFailure { why: CopyStop::Taken, key: Some("a/b".to_owned()) };
    table.copy_failed(&held, &failure, now()).await.unwrap();
    let failed = table.copy(copy.id).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.failure), (CopyState::Failed, Some(failure)));
    assert_eq!(deployment.state_of_copied(&copy).await, State::Retired);
    // As many as may be under way, and no more.
    let mut copies = vec![deployment.asks_for_copy("copies/two/", None).await.unwrap().copy];
    for number in 1..COPIES_OF_PERSON_MAX {
        copies.push(deployment.asks_for_copy(&format!("copies/more-{number}/"), None).await.unwrap().copy);
    }
    assert!(matches!(deployment.asks_for_copy("copies/over/", None).await, Err(TableError::TooMany { .. })));
    let end = deployment.permit(Action::Receive, &Facts::Copy(Arc::new(copies[0].clone())));
    let cancelled = table.cancel_copy(&end, copies[0].id, None, now()).await.unwrap();
    assert_eq!((cancelled.state, deployment.state_of_copied(&cancelled).await), (CopyState::Cancelled, State::Retired));
    assert_eq!(table.cancel_copy(&end, copies[0].id, None, now()).await.unwrap().state, CopyState::Cancelled);
    assert_eq!(table.cancel_copy(&end, copies[1].id, None, now()).await, Err(TableError::NotForThis));
    copies.push(deployment.asks_for_copy("copies/over/", None).await.unwrap().copy);
    assert_eq!(table.copies_of(deployment.user.id, &Page::default()).await.unwrap().items.len(), 1 + copies.len());
    // What the rules do not make of these permits is not written.
    let ((from, receive), (copy, dataset)) = (deployment.to_copy(), deployment.new_copy("copies/odd/"));
    let odd = Dataset { state: State::Active, ..dataset };
    assert_eq!(table.make_copy((&from, &receive), None, (&copy, &odd), None, now()).await, Err(TableError::NotForThis));
}

/// Judged by the stores that judge races.
pub async fn of_two_who_take_a_copy_at_once_one_has_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    let table = &deployment.table;
    for round in 0..8 {
        let to = format!("copies/{round}/");
        let (one, other) = join(deployment.asks_for_copy(&to, None), deployment.asks_for_copy(&to, None)).await;
        assert!(one.is_ok() != other.is_ok(), "one place, one copy: {one:?}, {other:?}");
        let [due] = deployment.copies_due(0).await.try_into().unwrap();
        let (one, other) = join(table.take_copy(&due, now()), table.take_copy(&due, now())).await;
        let held: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
        let [held] = held.try_into().unwrap();
        // It is done or cancelled, and never both.
        let receive = deployment.to_copy().1;
        let end = deployment.permit(Action::Receive, &Facts::Copy(Arc::new(held.copy.clone())));
        let (done, cancelled) =
            join(table.copy_done(&receive, None, &held, now()), table.cancel_copy(&end, held.copy.id, None, now())).await;
        let state = table.copy(held.copy.id).await.unwrap().unwrap().state;
        assert_eq!(done.is_ok(), state == CopyState::Done, "{done:?}, {cancelled:?}");
        let is_active = deployment.state_of_copied(&held.copy).await == State::Active;
        assert_eq!(is_active, state == CopyState::Done);
    }
}
