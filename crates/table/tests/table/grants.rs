//! Rules of grants: given, changed, withdrawn, and never by a right that is gone.

use std::sync::Arc;

use domain::{
    dataset::Visibility,
    decision::{Action, Denial, Facts, LinkFacts, Principal, Who, decide},
    grant::{Grant, Hold, Net, Subject, Zones},
    id::{DatasetId, GroupId, UserId},
    limits::{GROUP_GRANTS_KEPT_MAX, GROUP_GRANTS_MAX},
    link::{Class, Edit, Link, NewLink, Until},
    rights::{Right, Rights, Role},
};
use futures_util::future::join;
use table::{Page, TableError, grants::Grounds};

use crate::{
    example::{Deployment, ask, later, now, once, some_id},
    faults::{Fault, Faults},
    people::{Giving, Item, Person, grant_key, key, text},
    stores::Store,
};

const TRANSACTION: &str = "TransactWriteItems";

pub async fn a_grant_counts_its_changes(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    assert_eq!(deployment.table.grant(dataset, bo.to()).await, Ok(None));
    let given = deployment.give(&ada, dataset, bo.to(), Role::Download).await;
    assert_eq!((given.version, given.hold, given.by), (1, Hold::Active, ada.user.id));
    assert_eq!(deployment.table.grant(dataset, bo.to()).await, Ok(Some(given.clone())), "every attribute reads back");
    assert!(deployment.rights(dataset, &bo).await.has(Right::Read));
    let changed = deployment.give(&ada, dataset, bo.to(), Role::View).await;
    assert_eq!((changed.version, changed.role), (2, Role::View), "changed, not added to");
    let listed = deployment.table.granted_to(bo.to(), &Page::default()).await.unwrap();
    assert_eq!((listed.items, listed.next), (vec![dataset], None));
    let withdrawn = deployment.withdraw(&ada, dataset, &changed).await.unwrap();
    assert_eq!((withdrawn.version, withdrawn.hold), (3, Hold::Withdrawn));
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    assert_eq!(deployment.table.granted_to(bo.to(), &Page::default()).await.unwrap().items, Vec::new());
    for before in [&withdrawn, &changed] {
        assert_eq!(deployment.withdraw(&ada, dataset, before).await.as_ref(), Ok(&withdrawn), "again changes nothing");
    }
    let again = deployment.give(&ada, dataset, bo.to(), Role::View).await;
    assert_eq!((again.version, again.hold), (4, Hold::Active));
    assert_eq!(deployment.withdraw(&ada, dataset, &changed).await, Err(TableError::Stale), "what is there now was not seen");
    assert_eq!(deployment.table.grants_on(dataset, &Page::default()).await.unwrap().items, [again]);
    assert_eq!(deployment.dataset(dataset).await.version, 5, "each of the four counts the dataset's version");
    assert_eq!(deployment.audited("grant.give", dataset).await, 3);
    assert_eq!(deployment.audited("grant.withdraw", dataset).await, 1);
}

// ACCESS 11.3: writes that raise the dead
pub async fn a_late_copy_of_a_give_raises_nothing(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let first = deployment.giving(&ada, dataset, bo.to(), Role::Full).await;
    let given = deployment.send(&first, None).await.unwrap();
    let withdrawn = deployment.withdraw(&ada, dataset, &given).await.unwrap();
    assert_eq!(deployment.send(&first, None).await, Err(TableError::Stale), "as it was sent");
    let now_there = deployment.giving(&ada, dataset, bo.to(), Role::Full).await;
    let late = Giving { grant: first.grant.clone(), before: None, ..now_there.clone() };
    assert_eq!(deployment.send(&late, None).await, Err(TableError::Stale), "by the grant itself, had nothing else changed");
    let late = Giving { grant: Grant { version: 2, ..first.grant }, before: Some(given), ..now_there };
    assert_eq!(deployment.send(&late, None).await, Err(TableError::Stale), "a late change, too");
    assert_eq!(deployment.table.grant(dataset, bo.to()).await, Ok(Some(withdrawn)));
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    assert_eq!(deployment.audited("grant.give", dataset).await, 1);
}

// ACCESS 10: changes of one dataset's access are serial
pub async fn of_two_who_give_at_once_one_does(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let (cy, dee) = (deployment.person("Cy").await, deployment.person("Dee").await);
    deployment.give(&ada, dataset, bo.to(), Role::Manager).await;
    for (one, other) in [(&cy, &cy), (&cy, &dee)] {
        let one = deployment.giving(&ada, dataset, one.to(), Role::View).await;
        let other = deployment.giving(&bo, dataset, other.to(), Role::Download).await;
        let version = deployment.dataset(dataset).await.version;
        let both = join(deployment.send(&one, None), deployment.send(&other, None)).await;
        let won = match &both {
            (Ok(won), Err(TableError::Stale)) | (Err(TableError::Stale), Ok(won)) => won.clone(),
            _ => panic!("one of two: {both:?}"),
        };
        assert_eq!(deployment.table.grant(dataset, won.subject).await, Ok(Some(won)));
        assert_eq!(deployment.dataset(dataset).await.version, version + 1);
    }
}

/// By what somebody may give on the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Grant,
    GrantAbove,
    Group,
    GroupAbove,
    Owner,
}

/// What changes between the decision and the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    GrantWithdrawn,
    GrantNarrowed,
    MemberRemoved,
    GroupRetired,
    DatasetAboveChanged,
    Blocked,
    HandedOver,
}

impl Deployment {
    async fn happens(&self, what: Meanwhile, on: DatasetId, to: Subject, bo: &Person, group: &domain::grant::Group) {
        let (ada, table) = (self.owner(), &self.table);
        match what {
            Meanwhile::Nothing => {}
            Meanwhile::GrantWithdrawn => {
                let there = table.grant(on, to).await.unwrap().unwrap();
                self.withdraw(&ada, on, &there).await.unwrap();
            }
            Meanwhile::GrantNarrowed => drop(self.give(&ada, on, to, Role::View).await),
            Meanwhile::MemberRemoved => assert_eq!(self.set_members(group, &[bo], Hold::Withdrawn).await, Ok(1)),
            Meanwhile::GroupRetired => {
                drop(table.set_group_state(&ada.gathers(group), group, domain::grant::GroupState::Retired, None, now()).await.unwrap());
            }
            Meanwhile::DatasetAboveChanged => {
                let facts = self.at(on, &ada).await;
                let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: None });
                drop(table.set_visibility(&permit, grounds, Visibility::Accounts, (None, None), now()).await.unwrap());
            }
            Meanwhile::Blocked => {
                table.set_block(&self.administer(), (self.root.source.id, bo.user.id), true, None, None, now()).await.unwrap();
            }
            Meanwhile::HandedOver => {
                drop(self.passes_on(bo, on, &ada).await);
            }
        }
    }
}

// ACCESS 10, the proof: nothing is given by a right that was taken away since it was decided
pub async fn a_give_rests_on_what_the_giver_has(store: Store) {
    for (by, meanwhile) in [
        (By::Grant, Meanwhile::Nothing),
        (By::Grant, Meanwhile::GrantWithdrawn),
        (By::Grant, Meanwhile::GrantNarrowed),
        (By::Grant, Meanwhile::Blocked),
        (By::GrantAbove, Meanwhile::Nothing),
        (By::GrantAbove, Meanwhile::GrantWithdrawn),
        (By::GrantAbove, Meanwhile::GrantNarrowed),
        (By::GrantAbove, Meanwhile::DatasetAboveChanged),
        (By::GrantAbove, Meanwhile::Blocked),
        (By::Group, Meanwhile::Nothing),
        (By::Group, Meanwhile::GrantWithdrawn),
        (By::Group, Meanwhile::MemberRemoved),
        (By::Group, Meanwhile::GroupRetired),
        (By::Group, Meanwhile::Blocked),
        (By::GroupAbove, Meanwhile::Nothing),
        (By::GroupAbove, Meanwhile::GrantWithdrawn),
        (By::GroupAbove, Meanwhile::MemberRemoved),
        (By::GroupAbove, Meanwhile::GroupRetired),
        (By::GroupAbove, Meanwhile::DatasetAboveChanged),
        (By::Owner, Meanwhile::Nothing),
        (By::Owner, Meanwhile::HandedOver),
    ] {
        let what = format!("{by:?}, {meanwhile:?}");
        let deployment = Deployment::new(&store).await;
        let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
        let (dataset, root) = (deployment.place.dataset.id, deployment.root.dataset.id);
        let group = deployment.group(&ada, "imaging").await;
        deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
        let (on, to) = match by {
            By::Grant | By::Owner => (dataset, bo.to()),
            By::GrantAbove => (root, bo.to()),
            By::Group => (dataset, Subject::Group(group.id)),
            By::GroupAbove => (root, Subject::Group(group.id)),
        };
        if by == By::Owner {
            deployment.passes_on(&ada, dataset, &bo).await;
        } else {
            deployment.give(&ada, on, to, Role::Manager).await;
        }
        let giving = deployment.giving(&bo, dataset, cy.to(), Role::Full).await;
        assert_eq!(giving.via.map(|via| via.on), Some(on), "{what}");
        deployment.happens(meanwhile, on, to, &bo, &group).await;
        let sent = deployment.send(&giving, None).await;
        let there = deployment.table.grant(dataset, cy.to()).await.unwrap();
        if meanwhile == Meanwhile::Nothing {
            assert_eq!(sent, Ok(giving.grant), "{what}");
            assert_eq!(there, sent.ok(), "{what}");
        } else {
            assert_eq!((sent, there), (Err(TableError::Stale), None), "{what}");
        }
    }
}

// One action an item: what is given may be what the giver's own right rests on
pub async fn a_group_s_grant_is_changed_by_its_members(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    let to = Subject::Group(group.id);
    let given = deployment.give(&ada, dataset, to, Role::Manager).await;
    let below = deployment.below(&deployment.place.dataset, "em/fused.ome.zarr/0").await;
    let given_below = deployment.give(&bo, below.id, to, Role::Full).await;
    assert_eq!((given_below.version, given_below.by), (1, bo.user.id), "to the same group, further in");
    let changing = deployment.giving(&bo, dataset, to, Role::View).await;
    let withdrawn = deployment.withdraw(&ada, dataset, &given).await.unwrap();
    assert_eq!(deployment.send(&changing, None).await, Err(TableError::Stale));
    let facts = deployment.at(dataset, &ada).await;
    let raised = Giving { facts, before: Some(withdrawn), grant: Grant { version: 3, ..changing.grant.clone() }, ..changing };
    assert_eq!(deployment.send(&raised, None).await, Err(TableError::Stale), "not by what is withdrawn itself");
    deployment.give(&ada, dataset, to, Role::Manager).await;
    let narrowed = deployment.give(&bo, dataset, to, Role::View).await;
    assert_eq!((narrowed.version, narrowed.by), (4, bo.user.id));
}

// ACCESS 10, R4: what is stewarded is widened by who administers, and still does
pub async fn a_publication_link_is_widened_by_who_still_administers(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, root, dataset) = (deployment.owner(), deployment.root.dataset.id, deployment.place.dataset.id);
    for maker_asks in [true, false] {
        let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
        // On the dataset above: what changes there counts nothing on the one that the link stands on.
        let grants = [deployment.give(&ada, root, bo.to(), Role::Manager).await, deployment.give(&ada, root, cy.to(), Role::Manager).await];
        let asked = NewLink { class: Class::Publication, ..ask(&bo.user.name) };
        let link = deployment.link_as(&bo, dataset, asked).await;
        let (by, grant) = if maker_asks { (&bo, &grants[0]) } else { (&cy, &grants[1]) };
        let widen = async |days| {
            let facts = deployment.table.link_by_id(link.id, by.user.id, now()).await.unwrap().unwrap();
            let permit = by.decide(Action::Share, &Facts::Link(Arc::new(facts.clone()))).unwrap();
            let edit = Edit { until: Some(Until::Days(days)), ..Edit::default() };
            (permit, facts.link.edited(&facts.place, edit, now()).unwrap(), facts)
        };
        let (permit, after, facts) = widen(60).await;
        deployment.table.edit_link(&permit, &facts, &after, None, now()).await.unwrap();
        let (permit, after, facts) = widen(90).await;
        deployment.withdraw(&ada, root, grant).await.unwrap();
        let late = deployment.table.edit_link(&permit, &facts, &after, None, now()).await;
        assert_eq!(late, Err(TableError::Stale), "decided before it was withdrawn");
    }
}

// ACCESS 10: what the link was made by may be gone, and another way be there
pub async fn a_link_is_widened_by_the_right_that_its_maker_has_now(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    let given = deployment.give(&ada, dataset, bo.to(), Role::Full).await;
    let link = deployment.link_of(&bo, dataset).await;
    let strict = |strict| Edit { strict: Some(strict), ..Edit::default() };
    let edit = async |facts: &LinkFacts, edit| {
        let permit = bo.decide(Action::Share, &Facts::Link(Arc::new(facts.clone()))).unwrap();
        deployment.table.edit_link(&permit, facts, &facts.link.edited(&facts.place, edit, now()).unwrap(), None, now()).await
    };
    let link = edit(&deployment.facts(&link).await, strict(true)).await.unwrap();
    deployment.give(&ada, dataset, Subject::Group(group.id), Role::Full).await;
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    let by_group = deployment.facts(&link).await;
    assert_eq!(edit(&by_group, strict(false)).await.map(|link| link.version), Ok(3), "by the group");
    let link = edit(&deployment.facts(&link).await, strict(true)).await.unwrap();
    let by_group = deployment.facts(&link).await;
    deployment.set_members(&group, &[&bo], Hold::Withdrawn).await.unwrap();
    assert_eq!(edit(&by_group, strict(false)).await, Err(TableError::Stale), "left meanwhile");
    assert_eq!(deployment.facts(&link).await.link, link);
}

// The same of one that waits: what it was made by may be gone meanwhile
pub async fn a_paused_link_is_resumed_by_the_right_that_its_maker_has_now(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    let by_group = deployment.give(&ada, dataset, Subject::Group(group.id), Role::Full).await;
    let link = deployment.link_of(&bo, dataset).await;
    deployment.give(&ada, dataset, bo.to(), Role::Full).await;
    let switch = async |enabled| {
        let facts = deployment.table.link_by_id(link.id, bo.user.id, now()).await.unwrap().unwrap();
        let permit = bo.decide(Action::Share, &Facts::Link(Arc::new(facts.clone())));
        let after = Link { enabled, ..facts.link.clone() };
        Ok::<_, Denial>(deployment.table.edit_link(&permit?, &facts, &after, None, now()).await.unwrap())
    };
    assert!(!switch(false).await.unwrap().enabled);
    deployment.withdraw(&ada, dataset, &by_group).await.unwrap();
    assert!(switch(true).await.unwrap().enabled, "by name");
}

// ACCESS 4: only if what the link names does not hold is the rest read; from elsewhere it may not hold
pub async fn a_link_rests_on_each_of_its_makers_grants_from_where_it_holds(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    let mut for_a_while = deployment.giving(&ada, dataset, Subject::Group(group.id), Role::Full).await;
    for_a_while.grant.conditions.until = Some(later(1_000));
    deployment.send(&for_a_while, None).await.unwrap();
    let mut giving = deployment.giving(&ada, dataset, bo.to(), Role::Full).await;
    giving.grant.conditions.zones = Zones::parse(&["192.0.2.0/24"]).unwrap();
    deployment.send(&giving, None).await.unwrap();
    let link = deployment.link_of(&bo, dataset).await;
    let facts = Facts::Link(Arc::new(deployment.facts(&link).await));
    for (address, opens) in [("192.0.2.1", true), ("198.51.100.1", true)] {
        let holder = Principal { who: Who::Holder, net: Net::At(address.parse().unwrap()) };
        assert_eq!(decide(&holder, Action::Read, &facts, now()).is_ok(), opens, "{address}");
    }
    deployment.set_members(&group, &[&bo], Hold::Withdrawn).await.unwrap();
    let facts = Facts::Link(Arc::new(deployment.facts(&link).await));
    let holder = Principal { who: Who::Holder, net: Net::At("198.51.100.1".parse().unwrap()) };
    assert!(decide(&holder, Action::Read, &facts, now()).is_err(), "from elsewhere by the group alone");
}

// SEMANTICS 6
pub async fn a_give_that_is_sent_twice_is_one(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let giving = deployment.giving(&ada, dataset, bo.to(), Role::View).await;
    let key = once("give", 1);
    for _ in 0..3 {
        assert_eq!(deployment.send(&giving, Some(&key)).await, Ok(giving.grant.clone()));
    }
    assert_eq!(deployment.send(&giving, Some(&once("give", 2))).await, Err(TableError::Mismatch));
    assert_eq!(deployment.dataset(dataset).await.version, 2);
    assert_eq!(deployment.audited("grant.give", dataset).await, 1);
    let withdrawn = deployment.withdraw(&ada, dataset, &giving.grant).await.unwrap();
    assert_eq!(deployment.send(&giving, Some(&key)).await, Ok(withdrawn), "answers with what is there, and gives nothing anew");
}

pub async fn a_dataset_is_granted_to_sixteen_groups_at_the_most(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let mut groups = Vec::new();
    for number in 0..=GROUP_GRANTS_MAX {
        groups.push(Subject::Group(deployment.group(&ada, &format!("group-{number}")).await.id));
    }
    for to in &groups[1..] {
        deployment.give(&ada, dataset, *to, Role::View).await;
    }
    let one_more = deployment.giving(&ada, dataset, groups[0], Role::View).await;
    let too_many = TableError::TooMany { what: "groups and projects that a dataset is granted to", max: 16 };
    assert_eq!(deployment.send(&one_more, None).await, Err(too_many));
    assert_eq!(deployment.give(&ada, dataset, groups[1], Role::Full).await.version, 2, "one of the sixteen may still change");
    let bo = deployment.person("Bo").await;
    assert_eq!(deployment.give(&ada, dataset, bo.to(), Role::Full).await.version, 1, "people are not counted");
    assert_eq!(deployment.give(&ada, deployment.root.dataset.id, groups[0], Role::View).await.version, 1, "each dataset has its own");
    let given = deployment.table.grant(dataset, groups[2]).await.unwrap().unwrap();
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    let row = async |to| deployment.item(&format!("D#{dataset}"), &grant_key(to)).await.get("ttl").cloned();
    let dropped = later(30 * 86_400).as_second().to_string();
    assert_eq!(row(groups[2]).await, Some(aws_sdk_dynamodb::types::AttributeValue::N(dropped)), "no reader looks at it for ever");
    assert_eq!(deployment.give(&ada, dataset, groups[0], Role::View).await.version, 1, "what was withdrawn makes room");
    let back = deployment.giving(&ada, dataset, groups[2], Role::View).await;
    assert_eq!(
        deployment.send(&back, None).await,
        Err(TableError::TooMany { what: "groups and projects that a dataset is granted to", max: 16 })
    );
    let given = deployment.table.grant(dataset, groups[0]).await.unwrap().unwrap();
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    deployment.give(&ada, dataset, groups[2], Role::View).await;
    assert_eq!(row(groups[2]).await, None, "given again, it stays");
    assert!(row(groups[0]).await.is_some());
}

/// Those that were withdrawn lately are read, too, so they are bounded.
#[tokio::test]
async fn a_dataset_remembers_few_groups_that_it_was_granted_to() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let to = Subject::Group(deployment.group(&ada, "first").await.id);
    let given = deployment.give(&ada, dataset, to, Role::View).await;
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    let pk = format!("D#{dataset}");
    let gone = deployment.item(&pk, &grant_key(to)).await;
    let more = (1..GROUP_GRANTS_KEPT_MAX).map(|_| key(&pk, &grant_key(Subject::Group(some_id(GroupId::new)))));
    deployment.copies(&gone, more).await;
    let next = deployment.giving(&ada, dataset, Subject::Group(deployment.group(&ada, "next").await.id), Role::View).await;
    let too_many = TableError::TooMany { what: "groups and projects that a dataset is or lately was granted to", max: 64 };
    assert_eq!(deployment.send(&next, None).await, Err(too_many));
    assert_eq!(deployment.give(&ada, dataset, to, Role::View).await.version, 3, "one of them may have it again");
}

pub async fn nobody_who_is_not_there_is_given_anything(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    for to in [Subject::User(some_id(UserId::new)), Subject::Group(some_id(GroupId::new))] {
        let giving = deployment.giving(&ada, dataset, to, Role::View).await;
        assert_eq!(deployment.send(&giving, None).await, Err(TableError::Missing { what: "whom it is for" }), "{to:?}");
        assert_eq!(deployment.table.grant(dataset, to).await, Ok(None));
    }
    assert_eq!(deployment.dataset(dataset).await.version, 1, "nothing was written");
}

// ACCESS R5
pub async fn a_grant_is_given_up_by_whom_it_is_for_and_nobody_else(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, dataset, root) = (deployment.owner(), deployment.place.dataset.id, deployment.root.dataset.id);
    let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&cy], Hold::Active).await.unwrap();
    let of_bo = deployment.give(&ada, dataset, bo.to(), Role::Preview).await;
    let of_cy = deployment.give(&ada, dataset, cy.to(), Role::Full).await;
    let of_group = deployment.give(&ada, dataset, Subject::Group(group.id), Role::Full).await;
    let see = async |who: &Person| who.permit(Action::See, &deployment.at(dataset, who).await);
    let refused = async |permit: &domain::decision::Permit, grant: &Grant| {
        let refused = deployment.table.withdraw(permit, dataset, grant, None, now()).await;
        assert_eq!(refused, Err(TableError::NotForThis));
        assert_eq!(deployment.table.grant(dataset, grant.subject).await.unwrap().as_ref(), Some(grant));
    };
    refused(&see(&bo).await, &of_cy).await;
    refused(&see(&cy).await, &of_bo).await;
    refused(&see(&cy).await, &of_group).await;
    refused(&see(&ada).await, &of_bo).await;
    refused(&ada.permit(Action::Grant, &deployment.at(root, &ada).await), &of_bo).await;
    let given_up = deployment.table.withdraw(&see(&bo).await, dataset, &of_bo, None, now()).await.unwrap();
    assert_eq!((given_up.hold, given_up.version), (Hold::Withdrawn, 2));
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    deployment.withdraw(&ada, dataset, &of_group).await.unwrap();
}

/// A change of one item past the product.
type Spoil = fn(&mut Item);

fn spoilt() -> Vec<(&'static str, Spoil)> {
    use aws_sdk_dynamodb::types::AttributeValue;
    vec![
        ("a flag of tomorrow", |item| drop(item.insert("needs".to_owned(), AttributeValue::L(vec![text("a-flag-of-tomorrow")])))),
        ("no flags", |item| drop(item.remove("needs"))),
        ("no version", |item| drop(item.remove("version"))),
        ("a version of another kind", |item| drop(item.insert("version".to_owned(), text("1")))),
        ("a hold of tomorrow", |item| drop(item.insert("hold".to_owned(), text("suspended")))),
        ("a state of tomorrow", |item| drop(item.insert("state".to_owned(), text("frozen")))),
        ("a role of tomorrow", |item| drop(item.insert("role".to_owned(), text("emperor")))),
        ("an odd zone", |item| drop(item.insert("zones".to_owned(), AttributeValue::L(vec![text("the lab")])))),
        ("an odd path", |item| drop(item.insert("path".to_owned(), text("a//b")))),
    ]
}

impl Deployment {
    /// An item, and the same spoilt in every way that concerns it.
    async fn spoilt(&self, pk: String, sk: String) -> (Item, Vec<(&'static str, Item)>) {
        let item = self.item(&pk, &sk).await;
        let mut ways = Vec::new();
        for (how, spoil) in spoilt() {
            let mut other = item.clone();
            spoil(&mut other);
            if other != item && other.keys().all(|name| item.contains_key(name)) {
                ways.push((how, other));
            }
        }
        assert!(ways.len() >= 4, "{ways:?}");
        (item, ways)
    }

    /// What of this person's rights is left, however an item is spoilt.
    async fn rights_left(&self, dataset: DatasetId, person: &Person, pk: String, sk: String) -> Vec<(&'static str, Rights)> {
        let (item, ways) = self.spoilt(pk, sk).await;
        let mut left = Vec::new();
        for (how, other) in ways {
            self.put(other).await;
            left.push((how, self.rights(dataset, person).await));
        }
        self.put(item).await;
        left.retain(|(_, rights)| !rights.is_empty());
        left
    }
}

// ACCESS 4, partial positives: what would permit counts as absent, what would refuse counts as present
pub async fn what_cannot_be_read_lets_nobody_in(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let (dataset, root, source) = (deployment.place.dataset.id, deployment.root.dataset.id, deployment.root.source.id);
    let (here, above) = (deployment.group(&ada, "here").await, deployment.group(&ada, "above").await);
    for group in [&here, &above] {
        deployment.set_members(group, &[&bo], Hold::Active).await.unwrap();
    }
    for (on, to) in [(dataset, bo.to()), (root, bo.to()), (dataset, Subject::Group(here.id)), (root, Subject::Group(above.id))] {
        let given = deployment.give(&ada, on, to, Role::View).await;
        let mut rests_on = vec![(format!("D#{on}"), grant_key(to))];
        if on == root {
            // A dataset above is a positive fact, too.
            rests_on.push((format!("D#{root}"), "#".to_owned()));
        }
        if let Subject::Group(group) = to {
            rests_on.push((format!("G#{group}"), "#".to_owned()));
            rests_on.push(deployment.membership(group, &bo).await);
        }
        for (pk, sk) in rests_on {
            assert!(deployment.rights(dataset, &bo).await.has(Right::Read), "{to:?}");
            let left = deployment.rights_left(dataset, &bo, pk.clone(), sk.clone()).await;
            assert_eq!(left, Vec::new(), "{to:?} by {pk} {sk}");
        }
        let (item, ways) = deployment.spoilt(format!("D#{dataset}"), "#".to_owned()).await;
        for (how, other) in ways {
            deployment.put(other).await;
            let facts = deployment.table.dataset_facts(dataset, Some(bo.user.id)).await;
            assert_eq!(facts.map(|_| ()), Err(TableError::Unreadable { what: "a dataset" }), "{how}");
        }
        deployment.put(item).await;
        deployment.withdraw(&ada, on, &given).await.unwrap();
    }
    // A block, lifted or not: what cannot be read blocks.
    deployment.give(&ada, dataset, bo.to(), Role::Full).await;
    for blocked in [true, false] {
        deployment.table.set_block(&deployment.administer(), (source, bo.user.id), blocked, None, None, now()).await.unwrap();
        assert_eq!(deployment.rights(dataset, &bo).await.has(Right::Read), !blocked);
        let left = deployment.rights_left(dataset, &bo, format!("S#{source}"), format!("B#{}", bo.user.id)).await;
        assert_eq!(left, Vec::new(), "{blocked}");
    }
    assert!(deployment.rights(dataset, &bo).await.has(Right::Read));
    assert_eq!(deployment.table.dataset_facts(some_id(DatasetId::new), Some(bo.user.id)).await, Ok(None));
    // Whoever gives is told that what is there cannot be read: nothing is written over it.
    let cy = deployment.person("Cy").await;
    let odd = key(&format!("D#{dataset}"), &grant_key(cy.to())).into_iter().chain([("role".to_owned(), text("x"))]).collect();
    deployment.put(odd).await;
    assert_eq!(deployment.table.grant(dataset, cy.to()).await, Err(TableError::Unreadable { what: "a grant" }));
}

async fn faulty() -> (Deployment, Faults) {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let table = deployment.store.faulty(&deployment.name, &faults);
    (deployment.through(&table), faults)
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn a_withdrawal_goes_alone_where_transactions_conflict() {
    let (deployment, faults) = faulty().await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let lost = [None, Some(Fault::LostAfter), Some(Fault::Throttle), Some(Fault::LostBefore)];
    for (withdrawals, fault) in (1..).zip(lost) {
        let bo = deployment.person("Bo").await;
        let given = deployment.give(&ada, dataset, bo.to(), Role::Manager).await;
        let (giving, more) = (deployment.giving(&bo, dataset, ada.to(), Role::View).await, deployment.person("Cy").await);
        let changing = deployment.giving(&ada, dataset, bo.to(), Role::View).await;
        let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
        faults.always(TRANSACTION, Fault::Conflict);
        if let Some(fault) = fault {
            faults.next("UpdateItem", fault);
        }
        assert_eq!(deployment.send(&changing, None).await, Err(TableError::Throttled), "a change does not go alone");
        let withdrawn = deployment.table.withdraw(&permit, dataset, &given, Some("left"), now()).await.unwrap();
        assert_eq!((withdrawn.hold, withdrawn.version), (Hold::Withdrawn, 2), "{fault:?}");
        faults.heal();
        assert_eq!(deployment.table.grant(dataset, bo.to()).await, Ok(Some(withdrawn)), "{fault:?}");
        assert!(deployment.rights(dataset, &bo).await.is_empty());
        assert_eq!(deployment.audited("grant.withdraw", dataset).await, withdrawals, "{fault:?}: and is audited");
        // It did not count the dataset's version. What rests on it fails all the same.
        assert_eq!(deployment.dataset(dataset).await.version, giving.facts.place.dataset.version, "{fault:?}");
        let late = Giving { grant: Grant { subject: more.to(), ..giving.grant.clone() }, ..giving };
        assert_eq!(deployment.send(&late, None).await, Err(TableError::Stale), "{fault:?}: given by what was withdrawn");
        assert_eq!(deployment.send(&changing, None).await, Err(TableError::Stale), "{fault:?}");
    }
}

// ACCESS 10: a timeout is unknown, and read back
#[tokio::test]
async fn a_give_of_unknown_outcome_is_read_back() {
    let (deployment, faults) = faulty().await;
    let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
    let plans = [
        vec![Fault::LostAfter],
        vec![Fault::LostAfter; 3],
        vec![Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore],
        vec![Fault::Twice],
        vec![Fault::Conflict, Fault::Conflict],
    ];
    for (number, plan) in (1..).zip(&plans) {
        let bo = deployment.person("Bo").await;
        let giving = deployment.giving(&ada, dataset, bo.to(), Role::View).await;
        for fault in plan {
            faults.next(TRANSACTION, *fault);
        }
        assert_eq!(deployment.send(&giving, Some(&once(&format!("{number}"), 1))).await, Ok(giving.grant.clone()), "{plan:?}");
        faults.heal();
        assert_eq!(deployment.table.grant(dataset, bo.to()).await, Ok(Some(giving.grant)), "{plan:?}");
        assert_eq!(deployment.audited("grant.give", dataset).await, number, "{plan:?}: once");
    }
}
