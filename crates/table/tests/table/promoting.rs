//! Rules of promoting: a review link becomes a publication link once, and by who administers its dataset still.

use std::sync::Arc;

use domain::{
    decision::{Action, DatasetFacts, Facts, LinkFacts, Permit},
    link::{Class, Edit, Link, LinkState, NewLink, Until},
    rights::Role,
    timing::Timing,
};
use futures_util::future::join_all;
use table::{TableError, once::Once, promote::Promotion};

use crate::{
    example::{Deployment, ask, later, now, once},
    people::Person,
    stores::Store,
};

fn review(label: &str) -> NewLink {
    NewLink { class: Class::Review, ..ask(label) }
}

/// What somebody is about to promote: decided, not sent.
struct Promoting {
    permit: Permit,
    on: DatasetFacts,
    before: LinkFacts,
    after: Link,
}

impl Deployment {
    async fn promoting(&self, by: &Person, link: &Link) -> Promoting {
        let before = self.table.link_by_id(link.id, by.user.id, now()).await.unwrap().unwrap();
        let on = self.at(link.dataset, by).await;
        let permit = by.permit(Action::Share, &on);
        let after = before.link.promoted(&permit, &on.place, (Until::Days(300), None), now()).unwrap();
        Promoting { permit, on, before, after }
    }

    async fn promote(&self, promoting: &Promoting, once: Option<&Once>) -> Result<Link, TableError> {
        let Promoting { permit, on, before, after } = promoting;
        self.table.promote_link(permit, &Promotion { before, on, after, key: None, reason: Some("accepted") }, once, now()).await
    }
}

// L12; ACCESS 5, R4; SEMANTICS 6
pub async fn a_review_link_is_promoted_once_and_rests_on_its_dataset(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let bo = deployment.person("Bo").await;
    let given = deployment.give(&ada, dataset, bo.to(), Role::Full).await;
    let made = deployment.link_as(&bo, dataset, review("paper")).await;
    assert!(made.via.is_some());
    let promoting = deployment.promoting(&ada, &made).await;
    let key = once("promote", 1);
    let promoted = deployment.promote(&promoting, Some(&key)).await.unwrap();
    assert_eq!(promoted, Link { version: 2, ..promoting.after.clone() });
    let there = deployment.facts(&made).await;
    assert_eq!(there.link, promoted, "as it is kept");
    assert_eq!((there.link.hash, &there.link.name, there.link.maker), (made.hash, &made.name, bo.user.id), "the same URL");
    let listed = deployment.table.links_of_dataset(dataset, &table::Page::default(), now()).await.unwrap();
    assert_eq!(listed.items[0].link.class, Class::Publication);

    // Late copies of it, with its key and without, and late copies of what was decided before it.
    assert_eq!(deployment.promote(&promoting, Some(&key)).await.unwrap(), promoted, "a replay");
    assert_eq!(deployment.promote(&promoting, None).await, Err(TableError::Stale));
    assert_eq!(deployment.promote(&promoting, Some(&once("promote", 2))).await, Err(TableError::Mismatch), "another request");
    let sooner =
        promoting.before.link.edited(&promoting.before.place, Edit { until: Some(Until::Days(1)), ..Edit::default() }, now()).unwrap();
    let narrow = ada.decide(Action::Narrow, &Facts::Link(Arc::new(promoting.before.clone()))).unwrap();
    let late = deployment.table.edit_link(&narrow, &promoting.before, &sooner, None, now()).await;
    assert_eq!(late, Err(TableError::Stale), "decided before it");
    assert_eq!(deployment.facts(&made).await.link, promoted);
    assert_eq!(deployment.audited("link.promote", made.id).await, 1);

    // It survives its maker.
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    assert_eq!(deployment.facts(&made).await.state(now()), LinkState::Live);
}

// SEMANTICS 5
pub async fn what_was_revoked_is_not_promoted(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let (one, other) = (deployment.link(review("one")).await, deployment.link(review("other")).await);
    let (first, second) = (deployment.promoting(&ada, &one.link).await, deployment.promoting(&ada, &other.link).await);
    deployment.revoke(&one).await;
    assert_eq!(deployment.promote(&first, None).await, Err(TableError::Stale));
    let all = deployment.permit(Action::RevokeAll, &deployment.about(&deployment.place));
    deployment.table.revoke_all(&all, &deployment.place, Some("leaked"), None, now()).await.unwrap();
    assert_eq!(deployment.promote(&second, None).await, Err(TableError::Stale));
    for facts in [one, other] {
        let after = deployment.facts(&facts.link).await;
        assert_eq!((after.link.class, after.state(now())), (Class::Review, LinkState::Revoked));
    }
}

// SEMANTICS 5: a revoke that was decided on a review link meets a publication link, which lives by another bound
pub async fn a_revoke_says_what_the_link_had_become(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, before) = (deployment.owner(), deployment.link(review("paper")).await);
    let promoted = deployment.promote(&deployment.promoting(&ada, &before.link).await, None).await.unwrap();
    let revoked = deployment.revoke(&before).await;
    assert_eq!(before.link.timing(), Timing::PRIVATE);
    assert_eq!(revoked.link.as_ref().map(Link::timing), Some(Timing::WORLD));
    assert_eq!(revoked.link, Some(promoted));
}

// ACCESS 10: decided before it was withdrawn
pub async fn a_link_is_promoted_and_made_by_who_still_administers(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, root, dataset) = (deployment.owner(), deployment.root.dataset.id, deployment.place.dataset.id);
    let (bo, link) = (deployment.person("Bo").await, deployment.link(review("paper")).await.link);
    // On the dataset above: what changes there counts nothing on the one that the link stands on. What shares lasts on.
    let above = deployment.give(&ada, root, bo.to(), Role::Manager).await;
    deployment.give(&ada, dataset, bo.to(), Role::Full).await;
    let promoting = deployment.promoting(&bo, &link).await;
    let facts = deployment.at(dataset, &bo).await;
    let permit = bo.permit(Action::Share, &facts);
    deployment.withdraw(&ada, root, &above).await.unwrap();
    assert_eq!(deployment.promote(&promoting, None).await, Err(TableError::Stale));
    let (made, _key) = deployment.new_link(NewLink { class: Class::Publication, ..ask("made") }, now());
    let made = Link { maker: bo.user.id, ..made };
    assert_eq!(deployment.table.insert_link(&permit, &made, &facts, None).await, Err(TableError::Stale), "nor made by it");
    assert_eq!(deployment.facts(&link).await.link, link);
    let narrow = deployment.on(Action::Narrow, &deployment.facts(&link).await);
    let promoting = Promoting { permit: narrow, ..deployment.promoting(&ada, &link).await };
    assert_eq!(deployment.promote(&promoting, None).await, Err(TableError::NotForThis), "a permit to narrow");
    let promoting = deployment.promoting(&ada, &link).await;
    let more = Promoting { after: Link { enabled: false, ..promoting.after.clone() }, ..promoting };
    assert_eq!(deployment.promote(&more, None).await, Err(TableError::NotForThis), "more than a promotion changes");
    let elsewhere = Facts::Dataset(Arc::new(deployment.at(root, &ada).await));
    let promoting = Promoting { permit: ada.decide(Action::Share, &elsewhere).unwrap(), ..deployment.promoting(&ada, &link).await };
    assert_eq!(deployment.promote(&promoting, None).await, Err(TableError::NotForThis), "to share another dataset");
}

// SEMANTICS 6
pub async fn of_promotions_at_once_one_is_done(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, facts) = (deployment.owner(), deployment.link(review("paper")).await);
    let promoting = deployment.promoting(&ada, &facts.link).await;
    let all = join_all((0..10).map(|_| deployment.promote(&promoting, None))).await;
    assert_eq!(all.iter().filter(|done| done.is_ok()).count(), 1, "{all:?}");
    assert!(all.iter().all(|done| done.is_ok() || *done == Err(TableError::Stale)), "{all:?}");
    let key = once("again", 1);
    let other = deployment.link(review("other")).await;
    let promoting = deployment.promoting(&ada, &other.link).await;
    let all = join_all((0..10).map(|_| deployment.promote(&promoting, Some(&key)))).await;
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|done| done.as_ref() == Ok(first)), "one request under one key: {all:?}");
    assert_eq!(deployment.audited("link.promote", other.link.id).await, 1);
    assert!(first.until < Some(later(86_400 * 301)));
}
