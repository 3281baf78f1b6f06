//! Rules of groups and their members.

use std::collections::{BTreeMap, HashSet};

use domain::{
    decision::{Action, Facts},
    grant::{Group, GroupState, Hold, Subject},
    id::{GroupId, UserId},
    rights::{Right, Role},
};
use futures_util::future::join_all;
use table::{Page, TableError, groups::Member};

use crate::{
    example::{Deployment, later, now, once, some_id},
    people::{Person, new_group},
    stores::Store,
};

async fn insert(deployment: &Deployment, by: &Person, group: &Group, key: Option<&table::once::Once>) -> Result<Group, TableError> {
    deployment.table.insert_group(&by.decide(Action::Gather, &Facts::Deployment).unwrap(), group, key, now()).await
}

pub async fn a_group_is_made_once_by_its_name(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let (first, key) = (new_group(&ada, "imaging"), once("group", 1));
    assert_eq!(deployment.table.group_named("imaging").await, Ok(None));
    for _ in 0..2 {
        assert_eq!(insert(&deployment, &ada, &first, Some(&key)).await, Ok(first.clone()));
    }
    assert_eq!(deployment.table.group(first.id).await, Ok(Some(first.clone())), "every attribute reads back");
    assert_eq!(deployment.table.group_named("imaging").await, Ok(Some(first.clone())));
    let taken = TableError::Exists { what: "a group of this name" };
    assert_eq!(insert(&deployment, &bo, &new_group(&bo, "imaging"), None).await, Err(taken.clone()));
    assert_eq!(insert(&deployment, &ada, &Group { name: "other".to_owned(), ..first.clone() }, None).await, Err(taken));
    assert_eq!(deployment.table.group_named("other").await, Ok(None), "nothing was written");
    assert_eq!(insert(&deployment, &bo, &new_group(&ada, "of-ada"), None).await, Err(TableError::NotForThis));
    assert_eq!(deployment.table.is_member(first.id, ada.user.id).await, Ok(true), "its owner is its first member");
    assert_eq!(deployment.table.is_member(first.id, bo.user.id).await, Ok(false));
    assert_eq!(deployment.audited("group.create", first.id).await, 1);
}

pub async fn of_equal_names_at_once_one_is_made(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let groups: Vec<_> = (0..10).map(|_| new_group(&ada, "race")).collect();
    let all = join_all(groups.iter().map(|group| insert(&deployment, &ada, group, None))).await;
    let won: Vec<_> = all.iter().filter_map(|made| made.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{all:?}");
    assert!(all.iter().filter_map(|made| made.as_ref().err()).all(|why| matches!(why, TableError::Exists { .. })), "{all:?}");
    assert_eq!(deployment.table.group_named("race").await.unwrap().as_ref(), Some(won[0]));
    let listed = deployment.table.groups_of(ada.user.id, &Page::default()).await.unwrap();
    assert_eq!(listed.items, [won[0].clone()]);
}

pub async fn members_come_and_go_and_come_again(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let group = deployment.group(&ada, "imaging").await;
    let is_member = async |who: &Person| deployment.table.is_member(group.id, who.user.id).await.unwrap();
    let active: [&[&Person]; 2] = [&[&bo, &cy, &bo], &[&cy, &bo]];
    for (version, people) in [1, 3].into_iter().zip(active) {
        assert_eq!(deployment.set_members(&group, people, Hold::Active).await, Ok(2), "named twice, added once");
        assert_eq!(deployment.set_members(&group, people, Hold::Active).await, Ok(0), "as wanted already");
        assert!(is_member(&bo).await && is_member(&cy).await);
        let listed = deployment.table.members(group.id, &Page::default()).await.unwrap().items;
        let versions: BTreeMap<_, _> = listed.iter().map(|member| (member.user, member.version)).collect();
        assert_eq!(versions, BTreeMap::from([(ada.user.id, 1), (bo.user.id, version), (cy.user.id, version)]));
        assert_eq!(deployment.set_members(&group, &[&bo, &cy, &ada], Hold::Withdrawn).await, Ok(2), "the owner stays");
        assert_eq!(deployment.set_members(&group, &[&bo, &cy], Hold::Withdrawn).await, Ok(0));
        assert!(!is_member(&bo).await && is_member(&ada).await);
        let listed = deployment.table.members(group.id, &Page::default()).await.unwrap().items;
        assert_eq!(listed, [Member { user: ada.user.id, hold: Hold::Active, at: now(), confirmed: None, version: 1 }]);
    }
    let stranger = Person { user: domain::user::User { id: some_id(UserId::new), ..bo.user.clone() }, ..bo.clone() };
    let missing = Err(TableError::Missing { what: "somebody named" });
    assert_eq!(deployment.set_members(&group, &[&bo, &stranger], Hold::Active).await, missing);
    assert!(!is_member(&bo).await, "nobody of that part was changed");
    assert_eq!(deployment.set_members(&group, &[&stranger], Hold::Withdrawn).await, Ok(0), "was never in it");
    let other = deployment.group(&ada, "other").await;
    let refused = deployment.table.set_members(&ada.gathers(&other), &group, &[bo.user.id], Hold::Active, None, now()).await;
    assert_eq!(refused, Err(TableError::NotForThis));
    assert_eq!(deployment.audited("group.add", group.id).await, 2);
    assert_eq!(deployment.audited("group.remove", group.id).await, 2);
}

async fn listed(deployment: &Deployment, group: GroupId, items_max: u16) -> Vec<UserId> {
    let (mut people, mut page) = (Vec::new(), Page { position: None, items_max });
    loop {
        let listed = deployment.table.members(group, &page).await.unwrap();
        assert!(listed.items.len() <= usize::from(items_max), "{} of {items_max}", listed.items.len());
        people.extend(listed.items.into_iter().map(|member| member.user));
        page.position = listed.next;
        if page.position.is_none() {
            return people;
        }
    }
}

/// Several transactions, and sixteen partitions.
pub async fn each_of_three_hundred_is_listed_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let group = deployment.group(&ada, "everybody").await;
    let crowd = deployment.crowd(300).await;
    let permit = ada.gathers(&group);
    let set = async |people: &[UserId], wanted| deployment.table.set_members(&permit, &group, people, wanted, None, now()).await;
    assert_eq!(set(&crowd, Hold::Active).await, Ok(300));
    assert_eq!(set(&crowd, Hold::Active).await, Ok(0));
    let (left, stayed): (Vec<_>, Vec<_>) = crowd.iter().copied().enumerate().partition(|(number, _)| number % 5 == 0);
    let left: Vec<_> = left.into_iter().map(|(_, user)| user).collect();
    assert_eq!(set(&left, Hold::Withdrawn).await, Ok(60));
    let wanted: HashSet<_> = stayed.into_iter().map(|(_, user)| user).chain([ada.user.id]).collect();
    assert_eq!(deployment.table.count_members(group.id).await, Ok(wanted.len()), "those who left are counted no more");
    assert_eq!(deployment.table.count_members(some_id(GroupId::new)).await, Ok(0));
    for items_max in [3, 16, 100] {
        let people = listed(&deployment, group.id, items_max).await;
        assert_eq!(people.len(), wanted.len(), "pages of {items_max}: each once");
        assert_eq!(people.into_iter().collect::<HashSet<_>>(), wanted, "pages of {items_max}");
    }
    let small = deployment.group(&ada, "small").await;
    let few: Vec<_> = crowd.iter().copied().take(5).collect();
    deployment.table.set_members(&ada.gathers(&small), &small, &few, Hold::Active, None, now()).await.unwrap();
    assert_eq!(listed(&deployment, small.id, 1).await.into_iter().collect::<HashSet<_>>().len(), 6);
    let odd = Page { position: Some("x".to_owned()), items_max: 2 };
    assert_eq!(deployment.table.members(group.id, &odd).await, Err(TableError::Position));
    assert_eq!(deployment.table.members(some_id(GroupId::new), &Page::default()).await.unwrap().items, Vec::new());
}

pub async fn somebody_s_groups_are_listed_newest_first(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let mut joined = Vec::new();
    for number in 0..5 {
        let group = deployment.group(&ada, &format!("group-{number}")).await;
        let at = later(number);
        deployment.table.set_members(&ada.gathers(&group), &group, &[bo.user.id], Hold::Active, None, at).await.unwrap();
        joined.insert(0, group);
    }
    let groups_of = async |items_max| {
        let (mut groups, mut page) = (Vec::new(), Page { position: None, items_max });
        loop {
            let listed = deployment.table.groups_of(bo.user.id, &page).await.unwrap();
            groups.extend(listed.items);
            page.position = listed.next;
            if page.position.is_none() {
                return groups;
            }
        }
    };
    assert_eq!(groups_of(2).await, joined);
    assert_eq!(groups_of(100).await, joined);
    deployment.set_members(&joined[1], &[&bo], Hold::Withdrawn).await.unwrap();
    joined.remove(1);
    assert_eq!(groups_of(2).await, joined, "left is not listed");
    let odd = Page { position: Some("x".to_owned()), items_max: 2 };
    assert_eq!(deployment.table.groups_of(bo.user.id, &odd).await, Err(TableError::Position));
}

pub async fn a_group_that_was_taken_out_lets_nobody_in(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, dataset) = (deployment.owner(), deployment.person("Bo").await, deployment.place.dataset.id);
    let mut group = deployment.group(&ada, "imaging").await;
    let first = group.clone();
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    deployment.give(&ada, dataset, Subject::Group(group.id), Role::View).await;
    for (state, counts) in
        [(GroupState::Active, true), (GroupState::Retired, false), (GroupState::Loading, false), (GroupState::Active, true)]
    {
        group = deployment.table.set_group_state(&ada.gathers(&group), &group, state, None, now()).await.unwrap();
        let facts = deployment.at(dataset, &bo).await;
        assert_eq!(facts.reach.groups.len(), usize::from(counts), "{state:?}");
        assert_eq!(deployment.rights(dataset, &bo).await.has(Right::Read), counts, "{state:?}");
        assert_eq!(deployment.table.group(group.id).await, Ok(Some(group.clone())));
    }
    assert_eq!(group.version, 4);
    let stale = deployment.table.set_group_state(&ada.gathers(&first), &first, GroupState::Retired, None, now()).await;
    assert_eq!(stale, Err(TableError::Stale));
    assert_eq!(deployment.audited("group.edit", group.id).await, 3);
}
