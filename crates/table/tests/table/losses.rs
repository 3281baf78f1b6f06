//! Faults at every call: what is lost, doubled, cut or held back never turns into a wrong answer (SECURITY 6).

use std::time::{Duration, Instant};

use domain::{
    address::{AddressKey, SourceHash},
    dataset::Visibility,
    decision::{Action, Facts},
    grant::{GroupKind, GroupState, Hold, Net},
    id::UserId,
    key::KeyHash,
    link::{Edit, LinkState, Until},
    rights::{Right, Role},
    source::{Audience, Ceilings, Source},
};
use table::{TableError, grants::Grounds, sync::Synced, users::Identity};

use crate::{
    example::{Deployment, ask, later, now, once, some_id},
    faults::{Fault, Faults},
    stores::Store,
};

async fn faulty() -> (Deployment, Faults) {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let table = deployment.store.faulty(&deployment.name, &faults);
    (deployment.through(&table), faults)
}

const TRANSACTION: &str = "TransactWriteItems";
const UNANSWERED: [Fault; 2] = [Fault::LostBefore, Fault::ErrorBefore];

// SEMANTICS 7: one retry, then 503
#[tokio::test]
async fn a_read_is_retried_once() {
    let (deployment, faults) = faulty().await;
    let facts = deployment.link(ask("a")).await;
    for operation in ["Query", "BatchGetItem"] {
        for fault in [Fault::Throttle, Fault::ErrorBefore, Fault::LostBefore, Fault::LostAfter] {
            faults.next(operation, fault).count();
            assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, Ok(Some(facts.clone())), "{operation} {fault:?}");
            assert_eq!(faults.count().0.len(), 3, "{operation} {fault:?}");
            faults.always(operation, fault).count();
            let failed = deployment.table.link_facts(facts.link.hash, now()).await;
            assert!(matches!(failed, Err(TableError::Throttled | TableError::Unavailable { .. })), "{operation} {fault:?}: {failed:?}");
            assert!(
                deployment.table.link_facts(KeyHash::of("x"), now()).await.is_err() == (operation == "Query"),
                "no error is an absence"
            );
            faults.heal();
        }
    }
}

// SEMANTICS 7: within 300 ms, then 503
#[tokio::test]
async fn a_store_that_hangs_costs_two_tries_of_300_ms() {
    let (deployment, faults) = faulty().await;
    let table = deployment.store.impatient(&deployment.name, &faults);
    faults.always("Query", Fault::Hang);
    let begun = Instant::now();
    assert_eq!(table.link_facts(KeyHash::of("x"), now()).await, Err(TableError::Unavailable { why: "timeout".to_owned() }));
    let took = begun.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_millis(1_500)).contains(&took), "{took:?}");
    let facts = deployment.facts_of_a_link().await;
    faults.heal();
    let permit = deployment.on(Action::Narrow, &facts);
    faults.next("PutItem", Fault::Hang);
    let begun = Instant::now();
    let revoked = table.revoke(&permit, &facts, &deployment.tombstone(now(), "x")).await.unwrap();
    assert!(!revoked.existing && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

// SEMANTICS 6
#[tokio::test]
async fn an_unprocessed_key_is_unknown_and_never_absent() {
    let (deployment, faults) = faulty().await;
    let facts = deployment.link(ask("a")).await;
    for held in 1..=3 {
        faults.next("BatchGetItem", Fault::Unprocessed(held)).count();
        assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, Ok(Some(facts.clone())));
        assert_eq!(faults.count().0, ["Query", "BatchGetItem", "BatchGetItem"], "asked for once more");
        faults.always("BatchGetItem", Fault::Unprocessed(held));
        assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, Err(TableError::Throttled));
        let listed = deployment.table.links_of_maker(deployment.user.id, &table::Page::default(), now()).await;
        assert_eq!(listed.map(|listed| listed.items), Err(TableError::Throttled), "lists too");
        faults.heal();
    }
}

// SECURITY 6: a page cut short
#[tokio::test]
async fn a_page_cut_short_hides_no_tombstone() {
    let (deployment, faults) = faulty().await;
    let facts = deployment.link(ask("a")).await;
    faults.always("Query", Fault::Cut);
    assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, Ok(Some(facts.clone())), "a page that is just full");
    deployment.revoke(&facts).await;
    let revoked = deployment.table.link_facts(facts.link.hash, now()).await.unwrap().unwrap();
    assert_eq!(revoked.state(now()), LinkState::Revoked);
    for number in 0..3 {
        deployment.link(ask(&format!("more {number}"))).await;
    }
    let page = deployment.table.links_of_maker(deployment.user.id, &table::Page::default(), now()).await.unwrap();
    assert_eq!((page.items.len(), page.next.is_some()), (1, true), "a list says that there is more");
    assert_eq!(deployment.table.audit(now()).await.unwrap().len(), 8, "what must be whole is whole");
    assert_eq!(deployment.table.sources().await.unwrap().len(), 1);
}

// ACCESS 10: a timeout is unknown, and read back
#[tokio::test]
async fn a_create_of_unknown_outcome_is_read_back() {
    let (deployment, faults) = faulty().await;
    for (number, plan) in [
        vec![Fault::LostAfter],
        vec![Fault::LostAfter; 3],
        vec![Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore],
        vec![Fault::LostBefore, Fault::Throttle],
        vec![Fault::Twice],
        vec![Fault::Conflict, Fault::Conflict],
    ]
    .into_iter()
    .enumerate()
    {
        for fault in &plan {
            faults.next(TRANSACTION, *fault);
        }
        let (link, key) = deployment.new_link(ask(&format!("plan {number}")), now());
        let inserted =
            deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&once(&format!("{number}"), 1))).await;
        let inserted = inserted.unwrap_or_else(|why| panic!("{plan:?}: {why}"));
        assert_eq!((inserted.link.id, inserted.existing), (link.id, false), "{plan:?}");
        assert!(deployment.table.link_facts(key.hash(), now()).await.unwrap().is_some(), "{plan:?}");
        faults.heal();
        assert_eq!(deployment.audited("link.create", link.id).await, 1, "{plan:?}: once");
    }
    for fault in UNANSWERED {
        faults.always(TRANSACTION, fault);
        let (link, key) = deployment.new_link(ask(&format!("{fault:?}")), now());
        let key_of_request = once(&format!("{fault:?}"), 1);
        let unknown = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&key_of_request)).await;
        assert!(matches!(unknown, Err(TableError::Unavailable { .. })), "{unknown:?}");
        faults.heal();
        assert_eq!(deployment.table.link_facts(key.hash(), now()).await, Ok(None));
        let again = deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), Some(&key_of_request)).await.unwrap();
        assert_eq!((again.link.id, again.existing), (link.id, false), "the same request again");
    }
    faults.always(TRANSACTION, Fault::Throttle);
    let (link, _) = deployment.new_link(ask("throttled"), now());
    assert_eq!(deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await, Err(TableError::Throttled));
}

#[tokio::test]
async fn an_edit_of_unknown_outcome_is_read_back() {
    let (deployment, faults) = faulty().await;
    let mut facts = deployment.link(ask("a")).await;
    for (number, fault) in (2_u64..).zip([Fault::LostAfter, Fault::LostBefore, Fault::Twice, Fault::Conflict]) {
        faults.next(TRANSACTION, fault);
        let edited = deployment.edit(&facts, Edit { label: Some(format!("{fault:?}")), ..Edit::default() }).await.unwrap();
        facts = deployment.facts(&edited).await;
        assert_eq!((&facts.link, facts.link.version), (&edited, number), "{fault:?}: once");
    }
    faults.always(TRANSACTION, Fault::LostBefore);
    let unknown = deployment.edit(&facts, Edit { label: Some("never".to_owned()), ..Edit::default() }).await;
    assert!(matches!(unknown, Err(TableError::Unavailable { .. })));
    faults.heal();
    assert_eq!(deployment.facts(&facts.link).await, facts);
    assert_eq!(deployment.audited("link.edit", facts.link.id).await, 4);
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn a_narrowing_goes_alone_where_transactions_conflict() {
    let (deployment, faults) = faulty().await;
    let facts = deployment.link(ask("a")).await;
    let place = deployment.place.clone();
    faults.always(TRANSACTION, Fault::Conflict);
    let wider = deployment.edit(&facts, Edit { until: Some(Until::Days(300)), ..Edit::default() }).await;
    assert_eq!(wider, Err(TableError::Throttled), "a widening does not");
    assert_eq!(deployment.facts(&facts.link).await, facts);
    faults.next("UpdateItem", Fault::LostAfter);
    let paused = deployment.pause(&facts, false).await.unwrap();
    assert_eq!(deployment.facts(&paused).await.state(now()), LinkState::Paused);
    let permit = deployment.permit(Action::RevokeAll, &deployment.about(&place));
    assert_eq!(deployment.table.revoke_all(&permit, &place, None, None, now()).await, Ok(1));
    assert_eq!(deployment.facts(&paused).await.state(now()), LinkState::Revoked);
    faults.heal();
    assert_eq!(deployment.audited("dataset.revoke-all", place.dataset.id).await, 1, "and is audited");
    assert_eq!(deployment.audited("link.pause", facts.link.id).await, 1, "though its answer was lost");
}

/// What may become of the change that goes alone.
const ALONE: [Option<Fault>; 4] = [None, Some(Fault::LostAfter), Some(Fault::Throttle), Some(Fault::LostBefore)];

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn whoever_is_to_lose_something_loses_it_where_transactions_conflict() {
    let (deployment, faults) = faulty().await;
    let (ada, source) = (deployment.owner(), deployment.root.source.id);
    let group = deployment.group(&ada, "imaging").await;
    for (number, fault) in (1..).zip(ALONE) {
        let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
        deployment.set_members(&group, &[&bo, &cy], Hold::Active).await.unwrap();
        deployment.sign_in(&bo).await;
        let conflicts = |operation: &str| {
            faults.always(TRANSACTION, Fault::Conflict);
            if let Some(fault) = fault {
                faults.next(operation, fault);
            }
        };
        conflicts("PutItem");
        let block =
            async |blocked| deployment.table.set_block(&deployment.administer(), (source, bo.user.id), blocked, None, None, now()).await;
        assert_eq!(block(true).await, Ok(()), "{fault:?}");
        assert_eq!(block(false).await, Err(TableError::Throttled), "lifting a block does not go alone");
        assert!(deployment.at(deployment.place.dataset.id, &bo).await.reach.blocked, "{fault:?}");
        conflicts("PutItem");
        assert_eq!(deployment.set_members(&group, &[&bo, &cy], Hold::Withdrawn).await, Ok(2), "{fault:?}");
        assert_eq!(deployment.set_members(&group, &[&bo], Hold::Active).await, Err(TableError::Throttled), "adding does not");
        for person in [&bo, &cy] {
            assert_eq!(deployment.table.is_member(group.id, person.user.id).await, Ok(false), "{fault:?}");
        }
        conflicts("UpdateItem");
        let permit = bo.decide(Action::Narrow, &Facts::Deployment).unwrap();
        let ended = deployment.table.revoke_token(&permit, &bo.token, later(number)).await.unwrap();
        assert_eq!(ended.revoked, Some(later(number)), "{fault:?}");
        faults.heal();
        assert_eq!(deployment.audited("token.revoke", bo.token.id).await, 1, "{fault:?}");
        let (removed, blocked) = (deployment.audited("group.remove", group.id).await, deployment.audited("source.block", source).await);
        assert_eq!((removed, blocked), (usize::try_from(number).unwrap(), usize::try_from(number).unwrap()), "{fault:?}: and is audited");
    }
    faults.always(TRANSACTION, Fault::Conflict);
    let retired = deployment.table.set_group_state(&ada.gathers(&group), &group, GroupState::Retired, None, now()).await.unwrap();
    assert_eq!(deployment.table.group(group.id).await, Ok(Some(retired.clone())));
    let back = deployment.table.set_group_state(&ada.gathers(&retired), &retired, GroupState::Active, None, now()).await;
    assert_eq!(back, Err(TableError::Throttled), "taking it in again does not go alone");
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn whom_a_directory_or_a_provider_takes_out_of_a_group_is_out_where_transactions_conflict() {
    let (deployment, faults) = faulty().await;
    let ada = deployment.owner();
    let (group, _dataset) = deployment.filled(&ada, "everybody", GroupKind::Synced { synced: now() }).await;
    let says =
        async |order, people: &[(UserId, Hold)]| deployment.table.sync_members(&ada.gathers(&group), &group, order, people, now()).await;
    for (number, fault) in (1_u64..).zip(ALONE) {
        let (bo, cy, di) = (deployment.person("Bo").await, deployment.person("Cy").await, deployment.person("Di").await);
        let order = number * 10;
        says(order, &[(bo.user.id, Hold::Active), (cy.user.id, Hold::Active)]).await.unwrap();
        let conflicts = || {
            faults.always(TRANSACTION, Fault::Conflict);
            if let Some(fault) = fault {
                faults.next("PutItem", fault);
            }
        };
        conflicts();
        let both = [(bo.user.id, Hold::Withdrawn), (cy.user.id, Hold::Withdrawn)];
        assert_eq!(says(order + 1, &both).await, Ok(Synced { changed: 2, out: 2, late: 0 }), "{fault:?}");
        assert_eq!(says(order + 1, &both).await, Ok(Synced { changed: 0, out: 2, late: 2 }), "{fault:?}: said again it is late");
        assert_eq!(says(order + 2, &[(bo.user.id, Hold::Active)]).await, Err(TableError::Throttled), "adding does not go alone");
        for person in [&bo, &cy] {
            assert_eq!(deployment.table.is_member(group.id, person.user.id).await, Ok(false), "{fault:?}");
        }
        faults.heal();
        says(order + 2, &[(bo.user.id, Hold::Active)]).await.unwrap();
        conflicts();
        // Of one update the removal is done, and the rest can be sent again.
        let mixed = [(bo.user.id, Hold::Withdrawn), (di.user.id, Hold::Active)];
        assert_eq!(says(order + 3, &mixed).await, Err(TableError::Throttled), "{fault:?}");
        assert_eq!(deployment.table.is_member(group.id, bo.user.id).await, Ok(false), "{fault:?}");
        assert_eq!(deployment.table.is_member(group.id, di.user.id).await, Ok(false), "{fault:?}");
        faults.heal();
        assert_eq!(says(order + 3, &mixed).await, Ok(Synced { changed: 1, out: 1, late: 1 }), "{fault:?}");
        assert_eq!(deployment.table.is_member(group.id, di.user.id).await, Ok(true), "{fault:?}");
        let audited = deployment.audited("group.sync", group.id).await;
        assert_eq!(audited, usize::try_from(number).unwrap() * 5, "{fault:?}: each is audited once, one that went alone too");
    }
    let claimed = deployment.filled(&ada, "imaging", GroupKind::Claimed).await.0;
    let identity = Identity { issuer: "https://id.test", subject: "eli" };
    let eli = domain::user::User { name: "Eli".to_owned(), ..deployment.person("Eli at home").await.user };
    let eli = domain::user::User { id: some_id(UserId::new), ..eli };
    deployment.table.sign_up(identity, &eli, now()).await.unwrap();
    let claims = async |who: UserId, names: &[&str], number| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        deployment.table.sync_claimed(identity, who, &names, later(number), now()).await
    };
    assert_eq!(claims(eli.id, &["imaging"], 1).await, Ok(1));
    faults.always(TRANSACTION, Fault::Conflict);
    assert_eq!(claims(ada.user.id, &[], 2).await, Err(TableError::Throttled), "another's identity takes nobody out");
    assert_eq!(deployment.table.is_member(claimed.id, ada.user.id).await, Ok(true));
    assert_eq!(claims(eli.id, &[], 2).await, Ok(1));
    assert_eq!(deployment.table.is_member(claimed.id, eli.id).await, Ok(false));
    assert_eq!(claims(eli.id, &["imaging"], 3).await, Err(TableError::Throttled), "nobody enters alone");
    faults.heal();
    assert_eq!(deployment.audited("group.claim", eli.id).await, 2);
}

// Issue 3, 3: source address hashed; ADR 0029
#[tokio::test]
async fn an_entry_says_where_from_and_never_where_somebody_else_was() {
    let (deployment, faults) = faulty().await;
    let key = AddressKey::new(vec![7; 32]).unwrap();
    let at = |address: &str| key.source(Net::At(address.parse().unwrap()), now());
    let (home, office) = (at("192.0.2.7"), at("198.51.100.7"));
    let from = |source| deployment.through(&deployment.table.acting_from(source));
    let source_of = async |verb: &str| {
        let entries = deployment.table.audit(now()).await.unwrap();
        let found: Vec<_> = entries.into_iter().filter(|entry| entry.verb == verb).map(|entry| entry.source).collect();
        assert_eq!(found.len(), 1, "{verb}");
        found.into_iter().next().unwrap()
    };
    let text = |source: Option<SourceHash>| source.map(|hash| hash.to_string());
    assert_eq!(source_of("deployment.bootstrap").await, None, "where it is not known it is not there");
    let ada = deployment.owner();
    let group = from(home).group(&ada, "imaging").await;
    assert_eq!(source_of("group.create").await, text(home), "in a transaction");
    let bo = deployment.person("Bo").await;
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    faults.always(TRANSACTION, Fault::Conflict);
    from(office).set_members(&group, &[&bo], Hold::Withdrawn).await.unwrap();
    faults.heal();
    assert_eq!(source_of("group.remove").await, text(office), "and alone");
    // The copy of a revoke is lost; whoever revokes again writes it, from elsewhere.
    let facts = deployment.link(ask("copy")).await;
    let mut puts = 0;
    faults.choose(move |operation| {
        puts += u32::from(operation == "PutItem");
        (operation == "PutItem" && puts > 1).then_some(Fault::Throttle)
    });
    assert!(!from(home).revoke(&facts).await.existing);
    faults.heal();
    let permit = deployment.on(Action::Narrow, &facts);
    let again = deployment.table.acting_from(office).revoke(&permit, &facts, &deployment.tombstone(later(9), "again")).await.unwrap();
    assert!(again.existing);
    assert_eq!(source_of("link.revoke").await, None, "where the second one was says nothing about the first");
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn a_dataset_is_closed_where_transactions_conflict() {
    for fault in ALONE {
        let (deployment, faults) = faulty().await;
        let (ada, bo, root) = (deployment.owner(), deployment.person("Bo").await, deployment.root.dataset.clone());
        let outer = deployment.below(&root, "a/").await;
        let inner = deployment.below(&outer, "a/b/").await;
        deployment.give(&ada, root.id, bo.to(), Role::View).await;
        let set = async |visibility| {
            let facts = deployment.at(inner.id, &ada).await;
            let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
            deployment.table.set_visibility(&permit, grounds, visibility, (None, None), now()).await
        };
        let restrict = async |restricted| {
            let facts = deployment.at(inner.id, &ada).await;
            let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
            deployment.table.set_restricted(&permit, grounds, restricted, None, now()).await
        };
        let strict = async |strict| {
            let facts = deployment.at(inner.id, &ada).await;
            let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
            deployment.table.set_strict(&permit, grounds, strict, None, now()).await
        };
        set(Visibility::World).await.unwrap();
        let conflicts = || {
            faults.always(TRANSACTION, Fault::Conflict);
            if let Some(fault) = fault {
                faults.next("UpdateItem", fault);
            }
        };
        conflicts();
        assert_eq!(set(Visibility::Accounts).await.unwrap().visibility, Visibility::Accounts, "{fault:?}");
        assert_eq!(set(Visibility::World).await, Err(TableError::Throttled), "showing it to more does not go alone");
        assert_eq!(deployment.dataset(inner.id).await.visibility, Visibility::Accounts);
        assert!(deployment.rights(inner.id, &bo).await.has(Right::Read));
        conflicts();
        assert!(strict(true).await.unwrap().strict, "{fault:?}");
        assert_eq!(strict(false).await, Err(TableError::Throttled), "to end that does not go alone");
        assert!(deployment.dataset(inner.id).await.strict);
        conflicts();
        assert!(restrict(true).await.unwrap().restricted, "{fault:?}");
        assert_eq!(restrict(false).await, Err(TableError::Throttled), "opening it again does not go alone");
        faults.heal();
        assert!(deployment.rights(inner.id, &bo).await.is_empty(), "{fault:?}: what is granted above reaches it no more");
        for above in [root.id, outer.id] {
            assert!(deployment.dataset(above).await.is_cut(&inner.path), "{fault:?}: everything above remembers");
        }
        assert_eq!(deployment.audited("dataset.edit", inner.id).await, 4, "{fault:?}: and is audited");
        restrict(false).await.unwrap();
        assert!(deployment.rights(inner.id, &bo).await.has(Right::Read), "{fault:?}: it opens again as ever");
    }
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn a_source_is_closed_and_all_are_stopped_where_transactions_conflict() {
    for fault in ALONE {
        let (deployment, faults) = faulty().await;
        let (table, admin) = (&deployment.table, deployment.administer());
        let before = deployment.root.source.clone();
        let edit = async |before: &Source, after: Source| table.edit_source(&admin, before, &after, Some("drill"), None, now()).await;
        let conflicts = || {
            faults.always(TRANSACTION, Fault::Conflict);
            if let Some(fault) = fault {
                faults.next("UpdateItem", fault);
            }
        };
        conflicts();
        let lower = Ceilings { audience: Audience::Named, ..before.ceilings.clone() };
        let closed = edit(&before, Source { ceilings: lower, ..before.clone() }).await.unwrap();
        assert_eq!(table.source(before.id).await, Ok(Some(closed.clone())), "{fault:?}");
        let wider = edit(&closed, Source { ceilings: before.ceilings.clone(), ..closed.clone() }).await;
        assert_eq!(wider, Err(TableError::Throttled), "{fault:?}: raising a ceiling does not go alone");
        conflicts();
        let all = table.set_serving_all(&admin, false, Some("drill"), None, now()).await;
        assert_eq!(all, Ok(table.sources().await.unwrap().len()), "{fault:?}");
        assert!(!table.source(before.id).await.unwrap().unwrap().serving, "{fault:?}");
        assert_eq!(
            table.set_serving_all(&admin, true, None, None, now()).await,
            Err(TableError::Throttled),
            "{fault:?}: nor does going on"
        );
        faults.heal();
        let audited = [deployment.audited("source.edit", before.id).await, deployment.audited("deployment.stop", "all sources").await];
        assert_eq!(audited, [1, 1], "{fault:?}: and is audited");
    }
}

// SEMANTICS 5
#[tokio::test]
async fn a_revoke_is_certain_or_says_so() {
    let (deployment, faults) = faulty().await;
    for (number, plan) in [vec![Fault::LostAfter], vec![Fault::LostAfter; 3], vec![Fault::LostBefore, Fault::Throttle], vec![Fault::Twice]]
        .into_iter()
        .enumerate()
    {
        let facts = deployment.link(ask(&format!("plan {number}"))).await;
        for fault in &plan {
            faults.next("PutItem", *fault);
        }
        let revoked = deployment.revoke(&facts).await;
        assert!(!revoked.existing, "{plan:?}: it was this one");
        assert_eq!(deployment.facts(&facts.link).await.tombstone, Some(revoked.tombstone), "{plan:?}");
        faults.heal();
        assert_eq!(deployment.audited("link.revoke", facts.link.id).await, 1, "{plan:?}");
    }
    for fault in UNANSWERED {
        let facts = deployment.link(ask(&format!("{fault:?}"))).await;
        faults.always("PutItem", fault);
        let permit = deployment.on(Action::Narrow, &facts);
        let unknown = deployment.table.revoke(&permit, &facts, &deployment.tombstone(now(), "x")).await;
        assert!(unknown.is_err(), "no revoke is acknowledged that may not have happened");
        assert_eq!(deployment.facts(&facts.link).await.state(now()), LinkState::Live);
        faults.heal();
        deployment.revoke(&facts).await;
        assert_eq!(deployment.facts(&facts.link).await.state(now()), LinkState::Revoked);
    }
    // The copy fails, the revoke does not; revoking again writes the copy.
    let facts = deployment.link(ask("copy")).await;
    let mut puts = 0;
    faults.choose(move |operation| {
        puts += u32::from(operation == "PutItem");
        (operation == "PutItem" && puts > 1).then_some(Fault::Throttle)
    });
    assert!(!deployment.revoke(&facts).await.existing);
    faults.heal();
    assert_eq!(deployment.facts(&facts.link).await.state(now()), LinkState::Revoked);
    assert_eq!(deployment.audited("link.revoke", facts.link.id).await, 0);
    deployment.revoke(&facts).await;
    assert_eq!(deployment.audited("link.revoke", facts.link.id).await, 1);
}

impl Deployment {
    async fn facts_of_a_link(&self) -> domain::decision::LinkFacts {
        let direct = self.through(&self.store.table(&self.name).await);
        direct.link(ask("direct")).await
    }
}
