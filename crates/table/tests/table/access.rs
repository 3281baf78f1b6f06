//! Rules of facts: what a read costs, what it never takes for a yes, and what the cache remembers.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{
    decision::LinkFacts,
    key::KeyHash,
    link::{Class, Edit, LinkState, NewLink},
    rights::Role,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use table::{
    Cost, Page, TableError,
    access::{FactsCache, Found},
};

use crate::{
    example::{Deployment, ask, now},
    faults::{Fault, Faults},
    stores::Store,
};

/// The primary keys of the rows that a decision about this link rests on.
fn keys_behind(facts: &LinkFacts) -> [(&'static str, String, &'static str); 5] {
    [
        ("a link", format!("L#{}", facts.link.hash), "#"),
        ("a tombstone", format!("L#{}", facts.link.hash), "X"),
        ("a dataset", format!("D#{}", facts.link.dataset), "#"),
        ("a source", format!("S#{}", facts.link.source), "#"),
        ("a user", format!("U#{}", facts.link.maker), "#"),
    ]
}

fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), AttributeValue::S(pk.to_owned())), ("sk".to_owned(), AttributeValue::S(sk.to_owned()))])
}

// STYLE 3.5; SECURITY 6: old code reading a new item
pub async fn a_flag_nobody_knows_is_never_a_yes(store: Store) {
    for number in 0..5 {
        let deployment = Deployment::new(&store).await;
        let facts = deployment.link(ask("a")).await;
        if number == 1 {
            deployment.revoke(&facts).await;
        }
        let (what, pk, sk) = keys_behind(&facts)[number].clone();
        store
            .sdk()
            .update_item()
            .table_name(&deployment.name)
            .set_key(Some(key(&pk, sk)))
            .update_expression("SET needs = :needs")
            .expression_attribute_values(":needs", AttributeValue::L(vec![AttributeValue::S("a-flag-of-tomorrow".to_owned())]))
            .send()
            .await
            .unwrap();
        let unreadable = Err(TableError::Unreadable { what });
        assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, unreadable, "{what}");
        assert_eq!(deployment.table.link_by_id(facts.link.id, deployment.user.id, now()).await, unreadable, "{what}");
        let cached = FactsCache::new().link(&deployment.table, facts.link.hash, now(), None).await;
        assert_eq!(cached.map(|found| found.facts.is_some()).unwrap_err(), TableError::Unreadable { what });
        let listed = deployment.table.links_of_maker(deployment.user.id, &Page::default(), now()).await.unwrap();
        assert_eq!(listed.items, Vec::new(), "{what}");
        if what == "a user" {
            assert!(deployment.table.bearer(deployment.secret.hash()).await.is_err(), "nor does the user's token open");
        }
    }
}

pub async fn a_missing_row_is_never_a_yes(store: Store) {
    for number in [2, 3, 4] {
        let deployment = Deployment::new(&store).await;
        let facts = deployment.link(ask("a")).await;
        let (what, pk, sk) = keys_behind(&facts)[number].clone();
        store.sdk().delete_item().table_name(&deployment.name).set_key(Some(key(&pk, sk))).send().await.unwrap();
        assert_eq!(deployment.table.link_facts(facts.link.hash, now()).await, Err(TableError::Unreadable { what }));
    }
}

/// A deployment whose reads are counted and can be made to fail, and a cache.
async fn counted() -> (Deployment, Faults, FactsCache) {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let table = deployment.store.faulty(&deployment.name, &faults);
    (deployment.through(&table), faults, FactsCache::new())
}

async fn look(
    deployment: &Deployment,
    cache: &FactsCache,
    facts: &LinkFacts,
    at: Timestamp,
    event: Option<Timestamp>,
) -> Found<Option<Arc<LinkFacts>>> {
    cache.link(&deployment.table, facts.link.hash, at, event).await.unwrap()
}

fn millis(millis: i64) -> Timestamp {
    now() + SignedDuration::from_millis(millis)
}

fn is_live(found: &Found<Option<Arc<LinkFacts>>>) -> bool {
    found.facts.as_ref().is_some_and(|facts| facts.state(now()) == LinkState::Live)
}

/// Issue 2, 7: table reads per chunk, at 10 and at 10⁴ links of one dataset and one maker.
#[tokio::test]
async fn a_cold_read_is_two_round_trips_however_many_links_there_are() {
    let (deployment, faults, cache) = counted().await;
    let first = deployment.link(ask("a")).await;
    for number in 0..9 {
        deployment.link(ask(&format!("ten {number}"))).await;
    }
    deployment.revoke(&first).await;
    for (round, more) in [("10 links", 0), ("10,000 links", 10_000)] {
        multiply(&deployment, &first, more).await;
        faults.count();
        let cold = look(&deployment, &FactsCache::new(), &first, now(), None).await;
        let (calls, items) = faults.count();
        assert_eq!((calls, items), (vec!["Query".to_owned(), "BatchGetItem".to_owned()], 5), "{round}");
        assert_eq!(cold.cost, Cost { round_trips: 2, items: 5 });
    }
    let live = deployment.link(ask("live")).await;
    faults.count();
    let cold = look(&deployment, &cache, &live, now(), None).await;
    assert_eq!((cold.cost, faults.count().0.len()), (Cost { round_trips: 2, items: 4 }, 2));
    for number in 0..1_000 {
        let warm = look(&deployment, &cache, &live, millis(number * 4), Some(millis(number * 4))).await;
        assert!(is_live(&warm) && warm.cost == Cost::default());
    }
    assert_eq!(faults.count(), (Vec::new(), 0), "warm: nothing");
}

/// Copies of a link's items under other hashes and ids, written past the product: only their number matters.
async fn multiply(deployment: &Deployment, facts: &LinkFacts, links: usize) {
    let sdk = deployment.store.sdk();
    let read = async |pk: String, sk: &str| {
        sdk.get_item().table_name(&deployment.name).set_key(Some(key(&pk, sk))).send().await.unwrap().item.unwrap()
    };
    let link = read(format!("L#{}", facts.link.hash), "#").await;
    let pointer = read(format!("D#{}", facts.link.dataset), &format!("L#{}", facts.link.id)).await;
    let mut requests = Vec::new();
    for number in 0..links {
        let hash = KeyHash::of(&format!("copy {number}"));
        let keyed = |item: &HashMap<String, AttributeValue>, pk: &str, sk: &str| {
            let item = item.clone().into_iter().chain(key(pk, sk)).collect();
            WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
        };
        requests.push(keyed(&link, &format!("L#{hash}"), "#"));
        requests.push(keyed(&pointer, &format!("D#{}", facts.link.dataset), &format!("L#copy-{number}")));
    }
    for batch in requests.chunks(25) {
        let written = sdk.batch_write_item().request_items(&deployment.name, batch.to_vec()).send().await.unwrap();
        assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
    }
}

// SEMANTICS 5: the table of times; by our clock and by the events'
#[tokio::test]
async fn facts_are_used_for_their_class_s_time_and_no_longer() {
    let (deployment, faults, _) = counted().await;
    let private = deployment.link(ask("private")).await;
    let world = deployment.link(domain::link::NewLink { class: Class::Publication, ..ask("world") }).await;
    let seconds = |count: i64| count * 1_000;
    for (what, facts, at, event, is_warm) in [
        ("private, just young enough", &private, seconds(5) - 1, None, true),
        ("private, at its age", &private, seconds(5), None, false),
        ("world, just young enough", &world, seconds(30) - 1, None, true),
        ("world, at its age", &world, seconds(30), None, false),
        ("frozen: our clock stood still, the event's did not", &private, 0, Some(seconds(5)), false),
        ("thawed: the event is old, our clock is not", &private, seconds(5), Some(0), false),
        ("both young", &private, seconds(4), Some(seconds(4)), true),
        ("an event that came late", &private, seconds(1), Some(-500), true),
        ("our clock went back", &private, -3_600_000, Some(0), false),
        ("read a moment later than this request's clock", &private, -5, Some(0), true),
    ] {
        let cache = FactsCache::new();
        look(&deployment, &cache, facts, now(), Some(now())).await;
        faults.count();
        let found = look(&deployment, &cache, facts, millis(at), event.map(millis)).await;
        assert!(found.facts.is_some());
        assert_eq!(faults.count().0.is_empty(), is_warm, "{what}");
        assert_eq!(found.cost == Cost::default(), is_warm, "{what}");
    }
}

// SEMANTICS 5: a revoke is seen by everybody within the class's time, also by those who ask all the time
#[tokio::test]
async fn asking_all_the_time_does_not_keep_old_facts_alive() {
    let (deployment, _, cache) = counted().await;
    let facts = deployment.link(ask("a")).await;
    look(&deployment, &cache, &facts, now(), None).await;
    deployment.revoke(&facts).await;
    let mut last_yes = 0;
    for at in (0..10_000).step_by(250) {
        if is_live(&look(&deployment, &cache, &facts, millis(at), None).await) {
            last_yes = at;
        }
    }
    assert_eq!(last_yes, 4_750);
}

// A no is kept at most 1 s: a new link works at once
#[tokio::test]
async fn a_refusal_is_kept_a_second_at_the_most() {
    let (deployment, faults, cache) = counted().await;
    let (link, key) = deployment.new_link(ask("a"), now());
    let absent = async |at| cache.link(&deployment.table, key.hash(), millis(at), None).await.unwrap();
    assert!(absent(0).await.facts.is_none());
    faults.count();
    assert!(absent(999).await.facts.is_none() && faults.count().0.is_empty());
    deployment.table.insert_link(&deployment.share(), &link, &deployment.seen(), None).await.unwrap();
    assert!(absent(1_000).await.facts.is_some(), "a new link works at once");
    let facts = deployment.facts(&link).await;
    deployment.pause(&facts, false).await.unwrap();
    let paused = look(&deployment, &cache, &facts, millis(20_000), None).await;
    assert_eq!(paused.facts.as_ref().unwrap().state(now()), LinkState::Paused);
    deployment.pause(&deployment.facts(&link).await, true).await.unwrap();
    assert!(!is_live(&look(&deployment, &cache, &facts, millis(20_999), None).await), "a second at the most");
    assert!(is_live(&look(&deployment, &cache, &facts, millis(21_000), None).await), "resumed");
    let permit = deployment.administer();
    deployment.table.set_serving_all(&permit, false, None, None, now()).await.unwrap();
    assert!(!look(&deployment, &cache, &facts, millis(30_000), None).await.facts.unwrap().place.source.serving);
    deployment.table.set_serving_all(&permit, true, None, None, now()).await.unwrap();
    assert!(look(&deployment, &cache, &facts, millis(31_000), None).await.facts.unwrap().place.source.serving);
}

// L11
#[tokio::test]
async fn a_strict_link_is_read_every_time() {
    let (deployment, faults, cache) = counted().await;
    let facts = deployment.link(ask("a")).await;
    look(&deployment, &cache, &facts, now(), None).await;
    assert_eq!(cache.entries(), 1);
    deployment.edit(&facts, Edit { strict: Some(true), ..Edit::default() }).await.unwrap();
    let seen = look(&deployment, &cache, &facts, millis(5_000), None).await;
    assert!(seen.facts.unwrap().link.options.strict);
    assert!(cache.knows_link(facts.link.hash, millis(60_000), None), "it is known to open, and answered from the table all the same");
    faults.count();
    for _ in 0..10 {
        assert!(is_live(&look(&deployment, &cache, &facts, millis(5_000), None).await));
    }
    assert_eq!(faults.count().0.len(), 20);
    let many = join_all((0..50).map(|_| look(&deployment, &cache, &facts, millis(6_000), None))).await;
    assert!(many.iter().all(is_live));
    let reads = faults.count().0.len() / 2;
    assert!((2..=50).contains(&reads), "those who came before a read began do not share it; `{reads}` reads");
    // The revoke returns while a read that began before it is still under way: whoever asks afterwards is told of the revoke.
    faults.next("BatchGetItem", Fault::Late(1_000));
    let before = look(&deployment, &cache, &facts, millis(7_000), None);
    let after = async {
        deployment.revoke(&facts).await;
        look(&deployment, &cache, &facts, millis(7_000), None).await
    };
    let (before, after) = futures_util::future::join(before, after).await;
    assert!(is_live(&before), "the slow read is of the time before");
    assert_eq!(after.facts.unwrap().state(now()), LinkState::Revoked);
}

// SEMANTICS 5, ADR 0049: by name and through what it lies in, by links that stand on it or rest on it, for no more than a read costs ever.
#[tokio::test]
async fn what_rests_on_a_strict_dataset_is_read_every_time() {
    let (deployment, faults, cache) = counted().await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    deployment.sign_in(&bo).await;
    let outer = deployment.below(&deployment.root.dataset, "a/").await;
    let inner = deployment.below(&outer, "a/b/").await;
    let nobodys = deployment.below(&outer, "a/w/").await;
    deployment.give(&ada, outer.id, bo.to(), Role::Manager).await;
    let publication = NewLink { class: Class::Publication, ..ask("for all") };
    let links = [
        deployment.link_of(&ada, outer.id).await,
        deployment.link_as(&ada, outer.id, publication).await,
        deployment.link_of(&bo, inner.id).await,
        // Nothing of what lies above is read of these two, for their makers' rights rest on nothing there.
        deployment.link_of(&ada, inner.id).await,
        deployment.link_of(&ada, deployment.root.dataset.id).await,
    ];
    // What each costs at an instant, where it was asked for a moment before.
    let costs = async |at: i64| {
        let mut costs = Vec::new();
        for again in [false, true] {
            costs.clear();
            for link in &links {
                costs.push(cache.link(&deployment.table, link.hash, millis(at), None).await.unwrap().cost);
            }
            for (dataset, token) in [(outer.id, Some(bo.token.hash)), (inner.id, Some(bo.token.hash)), (nobodys.id, None)] {
                let found = cache.named(&deployment.table, dataset, token, millis(at), None).await.unwrap();
                assert!(found.facts.dataset.is_some());
                costs.push(found.cost);
            }
            assert!(again || costs.iter().all(|cost| cost.round_trips > 0), "each was read anew");
        }
        costs
    };
    let is_warm = |costs: &[Cost]| costs.iter().map(|cost| *cost == Cost::default()).collect::<Vec<_>>();
    // `nobodys` is open to nobody: a no, which is kept for a second.
    assert_eq!(is_warm(&costs(0).await), [true; 8]);
    deployment.set_strict(&ada, outer.id, true).await.unwrap();
    let strict = costs(100_000).await;
    assert_eq!(is_warm(&strict), [false, false, false, true, true, false, false, false]);
    let trips_and_items = |cost: &Cost| (cost.round_trips, cost.items);
    let told: Vec<_> = strict.iter().map(trips_and_items).collect();
    assert_eq!(told, [(2, 4), (2, 4), (2, 6), (0, 0), (0, 0), (2, 6), (2, 7), (2, 4)], "no more than any read");
    // Known to open, so that who guesses a lot does not keep it from anybody; and never answered from memory, not where the table fails.
    assert!(
        cache.knows_named(inner.id, Some(bo.token.hash), millis(100_500), None) && cache.knows_link(links[2].hash, millis(100_500), None)
    );
    faults.always("BatchGetItem", Fault::Throttle);
    assert_eq!(cache.link(&deployment.table, links[2].hash, millis(100_500), None).await.map(drop), Err(TableError::Throttled));
    let named = cache.named(&deployment.table, inner.id, Some(bo.token.hash), millis(100_500), None).await;
    assert_eq!(named.map(drop), Err(TableError::Throttled));
    faults.heal();
    // The next request after a withdrawal is told of it, though another process read the grant a moment before.
    let grant = deployment.table.grant(outer.id, bo.to()).await.unwrap().unwrap();
    deployment.withdraw(&ada, outer.id, &grant).await.unwrap();
    let named = cache.named(&deployment.table, inner.id, Some(bo.token.hash), millis(100_500), None).await.unwrap();
    assert_eq!(named.facts.dataset.unwrap().opens_until(Some(&bo.user), millis(100_500)), None);
    deployment.set_strict(&ada, outer.id, false).await.unwrap();
    assert_eq!(is_warm(&costs(200_000).await), [true; 8]);
}

/// Issue 2, 4: bounded under abuse. The bound itself is tested beside the cache, with more entries than a table is quick to answer.
#[tokio::test]
async fn a_link_counts_with_its_bytes_and_an_unknown_key_with_the_least() {
    let (deployment, _, cache) = counted().await;
    for number in 0..1_000 {
        let unknown = cache.link(&deployment.table, KeyHash::of(&format!("unknown {number}")), now(), None).await.unwrap();
        assert!(unknown.facts.is_none());
    }
    let least = domain::limits::FACTS_CACHE_BYTES_MAX.div_ceil(u64::try_from(domain::limits::FACTS_CACHE_ENTRIES_MAX).unwrap());
    assert_eq!((cache.entries(), cache.bytes()), (1_000, 1_000 * least));
    let (short, long) = (deployment.link(ask("a")).await, deployment.link(ask(&"é".repeat(200))).await);
    look(&deployment, &cache, &short, now(), None).await;
    let of_short = cache.bytes() - 1_000 * least;
    look(&deployment, &cache, &long, now(), None).await;
    let of_long = cache.bytes() - 1_000 * least - of_short;
    assert_eq!(of_long - of_short, 399, "a label of 400 bytes instead of 1");
    assert!(of_short > u64::try_from(size_of::<LinkFacts>()).unwrap(), "{of_short}");
    println!("a link's facts: {of_short} bytes, of which {} in the struct", size_of::<LinkFacts>());
}

#[tokio::test]
async fn those_who_ask_at_once_share_one_read() {
    let (deployment, faults, cache) = counted().await;
    let facts = deployment.link(ask("a")).await;
    faults.count();
    let many = join_all((0..100).map(|_| look(&deployment, &cache, &facts, now(), None))).await;
    assert!(many.iter().all(is_live));
    assert_eq!(faults.count().0.len(), 2, "two round trips for a hundred");
    assert_eq!(many.iter().filter(|found| found.cost.round_trips > 0).count(), 1);
    // The one who reads goes away: another takes over.
    let late = millis(60_000);
    let gone = tokio::time::timeout(std::time::Duration::from_micros(50), look(&deployment, &cache, &facts, late, None));
    let (_, stayed) = futures_util::future::join(gone, look(&deployment, &cache, &facts, late, None)).await;
    assert!(is_live(&stayed));
}

// SEMANTICS 7
#[tokio::test]
async fn when_the_table_fails_young_facts_serve_and_others_do_not() {
    let (deployment, faults, cache) = counted().await;
    let live = deployment.link(ask("live")).await;
    let paused = deployment.link(ask("paused")).await;
    deployment.pause(&paused, false).await.unwrap();
    look(&deployment, &cache, &live, now(), None).await;
    look(&deployment, &cache, &paused, now(), None).await;
    faults.always("Query", Fault::Throttle);
    assert!(is_live(&look(&deployment, &cache, &live, millis(4_999), None).await));
    let refused = look(&deployment, &cache, &paused, millis(999), None).await;
    assert_eq!(refused.facts.unwrap().state(now()), LinkState::Paused);
    let resumed = cache.link(&deployment.table, paused.link.hash, millis(1_000), None).await;
    assert_eq!(resumed.unwrap_err(), TableError::Throttled, "it may have been resumed: a refusal due for another look is none");
    for facts in [&live, &paused] {
        let old = cache.link(&deployment.table, facts.link.hash, millis(5_000), None).await;
        assert_eq!(old.unwrap_err(), TableError::Throttled);
    }
    let unknown = cache.link(&deployment.table, KeyHash::of("unknown"), now(), None).await;
    assert_eq!(unknown.unwrap_err(), TableError::Throttled, "an error is not an absence");
    faults.heal();
    assert!(is_live(&look(&deployment, &cache, &live, millis(5_000), None).await));
}
