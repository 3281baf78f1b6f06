//! Rules of the outbox: what happened tells whom it concerns once, and each notice is told by one at a time.

use domain::{
    decision::{Action, Facts},
    grant::ProjectRole,
    id::DatasetId,
    limits::NOTICE_LEASE_SECS,
    link::{Edit, Until},
    notice::{NoticeId, Occasion, Wanted},
    rights::Role,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use table::{
    TableError,
    outbox::{SHARDS, Told, Waiting},
};

use crate::{
    example::{Deployment, ask, later, now, once},
    faults::{Fault, Faults},
    people::{Person, key},
    stores::Store,
};

impl Deployment {
    /// What waits for somebody, the first first.
    async fn due_for(&self, person: &Person, at: Timestamp) -> Vec<Waiting> {
        let mut due = Vec::new();
        for shard in 0..SHARDS {
            due.extend(self.table.due_notices(shard, at).await.unwrap().into_iter().filter(|one| one.notice.id.to == person.user.id));
        }
        due.sort_by_key(|one| one.notice.id);
        due
    }

    /// What of, by its word: what happens in one millisecond has no order.
    async fn told(&self, person: &Person) -> Vec<Occasion> {
        let mut told: Vec<_> = self.due_for(person, later(1)).await.iter().map(|one| one.notice.occasion).collect();
        told.sort_by_key(|occasion| occasion.word());
        told
    }

    async fn became(&self, id: NoticeId) -> String {
        self.table.notice_state(id).await.unwrap().unwrap()
    }

    /// One notice for `to`: the first of a grant.
    async fn shares(&self, to: &Person) -> (DatasetId, Waiting) {
        let dataset = self.place.dataset.id;
        self.give(&self.owner(), dataset, to.to(), Role::View).await;
        (dataset, self.due_for(to, later(1)).await.pop().unwrap())
    }
}

// ACCESS 6, 10: in the transaction of its cause, once
pub async fn what_happens_tells_whom_it_concerns_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let (giving, keyed) = (deployment.giving(&ada, dataset, bo.to(), Role::View).await, once("give", 1));
    for _sent in 0..2 {
        deployment.send(&giving, Some(&keyed)).await.unwrap();
    }
    deployment.send(&giving, None).await.unwrap_err();
    deployment.give(&ada, dataset, bo.to(), Role::Download).await;
    assert_eq!(deployment.told(&bo).await, [Occasion::Shared(dataset)], "neither a copy nor other terms are news");
    let project = deployment.project(&ada, "retina").await;
    for role in [ProjectRole::Member, ProjectRole::Leader] {
        deployment.take_in(&ada, &project, &[&cy], Some(role)).await.unwrap();
    }
    assert_eq!(deployment.told(&cy).await, [Occasion::Joined(project.id)]);
    deployment.passes_on(&ada, dataset, &cy).await;
    assert_eq!(deployment.told(&cy).await, [Occasion::Joined(project.id), Occasion::Offered(dataset)]);
    assert_eq!(deployment.told(&ada).await, [Occasion::OfferAccepted(dataset)], "nobody is told of the own act");
    deployment.sign_in(&cy).await;
    assert_eq!(deployment.told(&cy).await, [Occasion::CodeMade, Occasion::Joined(project.id), Occasion::Offered(dataset)]);
    let at = deployment.due_for(&bo, later(1)).await[0].notice;
    assert_eq!((at.by, at.at, at.id.to), (ada.user.id, now(), bo.user.id));
}

// SEMANTICS 8
pub async fn a_notice_is_taken_by_one_at_a_time_and_told_for_good(store: Store) {
    let deployment = Deployment::new(&store).await;
    let bo = deployment.person("Bo").await;
    let (_, waits) = deployment.shares(&bo).await;
    assert!(
        deployment.due_for(&bo, waits.notice.at.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap()).await.is_empty(),
        "not before"
    );
    let table = &deployment.table;
    let taken = table.take_notices(&[waits], now()).await.unwrap().unwrap();
    assert_eq!((taken.mail, taken.notices[0].tries), (waits.notice.id, 1));
    assert_eq!(table.take_notices(&[waits], now()).await, Ok(None), "somebody has it");
    assert!(deployment.due_for(&bo, later(NOTICE_LEASE_SECS - 1)).await.is_empty());
    let again = deployment.due_for(&bo, later(NOTICE_LEASE_SECS)).await;
    assert_eq!(again, taken.notices, "every attribute reads back, and whoever took it said nothing in time");
    let second = table.take_notices(&again, later(NOTICE_LEASE_SECS)).await.unwrap().unwrap();
    assert_eq!((second.mail, second.notices[0].tries), (taken.mail, 2), "the same mail");
    for late in [table.notices_told(&taken, Told::Sent).await, table.notices_failed(&taken, now()).await] {
        assert_eq!(late, Ok(false), "whose time is over says nothing any more");
    }
    assert_eq!(table.notices_failed(&second, later(1_000)).await, Ok(true));
    assert!(deployment.due_for(&bo, later(999)).await.is_empty());
    let third = deployment.due_for(&bo, later(1_000)).await;
    let third = table.take_notices(&third, later(1_000)).await.unwrap().unwrap();
    assert_eq!(table.notices_told(&third, Told::Sent).await, Ok(true));
    assert_eq!((deployment.became(waits.notice.id).await.as_str(), deployment.due_for(&bo, later(9_999_999)).await.len()), ("sent", 0));
    assert_eq!(table.take_notices(&third.notices, later(2_000)).await, Ok(None), "what was told is not told again");
}

// SEMANTICS 8
pub async fn notices_of_one_mail_go_together_or_not_at_all(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
    deployment.shares(&bo).await;
    deployment.sign_in(&bo).await;
    let (_, others) = deployment.shares(&cy).await;
    let table = &deployment.table;
    let both = deployment.due_for(&bo, later(1)).await;
    assert_eq!(table.keep_for_digest(&both, later(50)).await, Ok(true));
    assert_eq!(table.keep_for_digest(&both, later(60)).await, Ok(false), "they are not as they were read");
    let both = deployment.due_for(&bo, later(50)).await;
    assert!(both.len() == 2 && both.iter().all(|one| one.digest && one.tries == 0));
    let taken = table.take_notices(&both, later(50)).await.unwrap().unwrap();
    assert_eq!((taken.mail, taken.notices.len(), taken.notices[1].of), (both[0].notice.id, 2, 2));
    for part in &both {
        assert_eq!(table.take_notices(&[*part], later(50)).await, Ok(None));
    }
    let mixed = table.take_notices(&[taken.notices[0], others], later(50)).await;
    assert_eq!(mixed, Err(TableError::NotForThis), "one person a mail");
    assert_eq!(table.notices_given_up(&taken, "550 no such user", later(51)).await, Ok(true));
    assert_eq!(table.notices_given_up(&taken, "550 no such user", later(51)).await, Ok(false), "once");
    for one in &both {
        assert_eq!(deployment.became(one.notice.id).await, "undelivered");
    }
    assert_eq!(deployment.audited("notice.undelivered", taken.mail).await, 1);
}

// A notice that cannot be read is nobody's business but its own.
pub async fn a_notice_that_cannot_be_read_holds_up_no_other(store: Store) {
    let deployment = Deployment::new(&store).await;
    let bo = deployment.person("Bo").await;
    let (_, waits) = deployment.shares(&bo).await;
    deployment.sign_in(&bo).await;
    let sk = format!("{}#{}", waits.notice.id.entry.hyphenated(), bo.user.id);
    for shard in 0..SHARDS {
        let found =
            deployment.store.sdk().get_item().table_name(&deployment.name).set_key(Some(key(&format!("O#{shard}"), &sk))).send().await;
        if let Some(mut item) = found.unwrap().item {
            item.insert("needs".to_owned(), aws_sdk_dynamodb::types::AttributeValue::L(vec![crate::people::text("a flag of tomorrow")]));
            deployment.put(item).await;
        }
    }
    assert_eq!(deployment.told(&bo).await, [Occasion::CodeMade]);
}

pub async fn of_two_who_take_a_notice_at_once_one_has_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    for name in ["Bo", "Cy", "Dee"] {
        let person = deployment.person(name).await;
        let (_, waits) = deployment.shares(&person).await;
        let takers = (0..4).map(|_| async { deployment.table.take_notices(&[waits], now()).await.unwrap().is_some() });
        assert!(join_all(takers).await.into_iter().filter(|has| *has).count() <= 1);
        let left = deployment.due_for(&person, later(NOTICE_LEASE_SECS)).await;
        assert_eq!(left.len(), 1, "and it is not lost");
    }
}

// ADR 0057
pub async fn a_person_says_how_to_be_told_and_an_address_lies_beside(store: Store) {
    let deployment = Deployment::new(&store).await;
    let bo = deployment.person("Bo").await;
    let permit = bo.decide(Action::MakeToken, &Facts::Deployment).unwrap();
    let table = &deployment.table;
    let first = table.mailbox(bo.user.id).await.unwrap();
    assert_eq!((first.wanted, first.sealed.as_deref()), (Wanted::Each, None));
    let daily = table.set_wanted(&permit, &first, Wanted::Daily, None, now()).await.unwrap();
    assert_eq!(table.set_wanted(&permit, &first, Wanted::Never, None, now()).await, Err(TableError::Stale));
    assert_eq!(table.set_wanted(&permit, &daily, Wanted::Daily, None, now()).await, Ok(daily.clone()), "as it is");
    let known = table.set_address(bo.user.id, &daily, Some("sealed".to_owned()), now()).await.unwrap();
    assert_eq!((known.wanted, known.sealed.as_deref()), (Wanted::Daily, Some("sealed")));
    assert_eq!(table.mailbox(bo.user.id).await, Ok(known));
    assert_eq!((deployment.audited("user.notices", bo.user.id).await, deployment.audited("user.address", bo.user.id).await), (1, 1));
    let other = bo.decide(Action::See, &Facts::Deployment).unwrap();
    assert_eq!(table.set_wanted(&other, &daily, Wanted::Never, None, now()).await, Err(TableError::NotForThis), "a session does");
}

// SEMANTICS 7: what nobody heard of happened once or not at all
#[tokio::test]
async fn a_lost_answer_about_a_notice_tells_nothing_twice() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let deployment = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    for (number, fault) in [Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore, Fault::Throttle].into_iter().enumerate() {
        let person = deployment.person(&format!("P{number}")).await;
        let (_, waits) = deployment.shares(&person).await;
        faults.next("TransactWriteItems", fault);
        let taken = deployment.table.take_notices(&[waits], now()).await.unwrap().unwrap();
        faults.next("TransactWriteItems", fault);
        assert_eq!(deployment.table.notices_told(&taken, Told::Sent).await, Ok(true), "{fault:?}");
        assert_eq!(deployment.became(waits.notice.id).await, "sent");
    }
}

// L5; ADR 0065
pub async fn the_end_of_a_link_is_told_once_however_many_look(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, day) = (deployment.owner(), 86_400);
    let (kept, moved) = (deployment.link(ask("kept")).await.link, deployment.link(ask("moved")).await);
    deployment.edit(&moved, Edit { until: Some(Until::Days(90)), ..Edit::default() }).await.unwrap();
    let look = async |secs: i64| {
        for looked in join_all((0..4).map(|_one| deployment.table.tell_of_ends(later(secs)))).await {
            looked.unwrap();
        }
        deployment.due_for(&ada, later(secs)).await.iter().map(|one| one.notice.occasion).collect::<Vec<_>>()
    };
    assert_eq!(look(23 * day - 1).await, []);
    for secs in [23 * day, 23 * day + 1, 29 * day] {
        assert_eq!(look(secs).await, [Occasion::LinkEnds(kept.id)], "{secs}");
    }
    assert_eq!(look(83 * day).await, [Occasion::LinkEnds(kept.id), Occasion::LinkEnds(moved.link.id)]);
    // What has ended before anybody looks is no news.
    let (ended, _) = deployment.new_link(ask("ended"), now());
    deployment.table.insert_link(&deployment.share(), &ended, &deployment.seen(), None).await.unwrap();
    assert_eq!(look(30 * day).await, [Occasion::LinkEnds(kept.id)]);
    assert_eq!(deployment.table.link_facts(ended.hash, now()).await.unwrap().unwrap().link, ended, "nothing else of it changed");
}
