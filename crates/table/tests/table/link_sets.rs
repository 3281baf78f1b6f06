//! Rules of link sets: given and taken on all of their datasets in one write, or on none.

use domain::{
    decision::{Action, DatasetFacts, Permit},
    delegation::{NewGrant, Terms, granted},
    grant::{Conditions, Grant, Hold, Subject},
    id::{DatasetId, LinkSetId},
    link_set::LinkSet,
    rights::{Right, Role},
    source::State,
};
use futures_util::future::join;
use table::{
    Page, TableError,
    grants::Grounds,
    link_sets::Holding,
    together::{Giving, Taking},
};

use crate::{
    example::{Deployment, later, now, once, some_id},
    people::Person,
    stores::Store,
};

/// A dataset as somebody sees it who may grant there.
struct Seen<'a> {
    who: &'a Person,
    facts: DatasetFacts,
    permit: Permit,
}

impl Seen<'_> {
    fn holding(&self) -> Holding<'_> {
        Holding { permit: &self.permit, grounds: Grounds { facts: &self.facts, via: self.who.via(&self.facts, Right::Administer) } }
    }
}

impl Deployment {
    async fn looked_at<'a>(&self, who: &'a Person, datasets: &[DatasetId]) -> Vec<Seen<'a>> {
        let mut all = Vec::new();
        for dataset in datasets {
            let facts = self.at(*dataset, who).await;
            all.push(Seen { who, permit: who.permit(Action::Grant, &facts), facts });
        }
        all
    }

    async fn link_set(&self, who: &Person, datasets: &[DatasetId]) -> LinkSet {
        let seen = self.looked_at(who, datasets).await;
        let set = LinkSet::new(some_id(LinkSetId::new), Some("a set".to_owned()), datasets, who.user.id, now()).unwrap();
        let holdings: Vec<_> = seen.iter().map(Seen::holding).collect();
        assert_eq!(self.table.insert_link_set(&holdings, &set, None, now()).await, Ok(set.clone()));
        assert_eq!(self.table.link_set(set.id).await, Ok(Some(set.clone())), "every attribute reads back");
        set
    }

    /// What giving a role on all of a set comes to.
    async fn planned<'a>(&self, who: &'a Person, set: &LinkSet, to: Subject, role: Role) -> Vec<(Seen<'a>, Grant, Option<Grant>)> {
        let mut all = Vec::new();
        for seen in self.looked_at(who, &set.datasets).await {
            let dataset = seen.facts.place.dataset.id;
            let there = self.table.grant(dataset, to).await.unwrap();
            let terms = Terms { role, may_share: false, level: None, conditions: Conditions::default() };
            let grant = granted(&seen.permit, &who.user, dataset, NewGrant { subject: to, terms }, there.as_ref(), now()).unwrap();
            all.push((seen, grant, there));
        }
        all
    }

    async fn send_all(&self, set: &LinkSet, planned: &[(Seen<'_>, Grant, Option<Grant>)]) -> Result<(), TableError> {
        let all: Vec<_> =
            planned.iter().map(|(seen, grant, there)| Giving { on: seen.holding(), grant: Some(grant), before: there.as_ref() }).collect();
        self.table.give_together(set, planned[0].1.subject, &all, None, now()).await
    }

    async fn take_all(&self, who: &Person, set: &LinkSet, to: Subject) -> Result<(), TableError> {
        let mut all = Vec::new();
        for seen in self.looked_at(who, &set.datasets).await {
            let dataset = seen.facts.place.dataset.id;
            all.push((dataset, seen.permit, self.table.grant(dataset, to).await.unwrap().unwrap()));
        }
        let all: Vec<_> = all.iter().map(|(dataset, permit, before)| Taking { dataset: *dataset, permit, before }).collect();
        self.table.withdraw_together(set, &all, Some("so"), now()).await
    }

    async fn roles(&self, set: &LinkSet, to: Subject) -> Vec<Option<Role>> {
        let mut roles = Vec::new();
        for dataset in &set.datasets {
            let there = self.table.grant(*dataset, to).await.unwrap();
            roles.push(there.filter(|there| there.hold == Hold::Active).map(|there| there.role));
        }
        roles
    }

    async fn some_below(&self, count: usize) -> Vec<DatasetId> {
        let mut all = Vec::new();
        for number in 0..count {
            all.push(self.below(&self.root.dataset, &format!("set-{number}/")).await.id);
        }
        all.sort_unstable();
        all
    }
}

// ACCESS 8, 10
pub async fn forty_datasets_are_given_and_taken_in_one_write(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let datasets = deployment.some_below(40).await;
    let set = deployment.link_set(&ada, &datasets).await;
    assert_eq!(deployment.dataset(datasets[7]).await.link_set, Some(set.id));
    let planned = deployment.planned(&ada, &set, bo.to(), Role::Full).await;
    assert_eq!(deployment.send_all(&set, &planned).await, Ok(()));
    assert_eq!(deployment.roles(&set, bo.to()).await, vec![Some(Role::Full); 40]);
    assert!(deployment.rights(datasets[39], &bo).await.has(Right::Edit));
    assert_eq!(deployment.send_all(&set, &planned).await, Err(TableError::Stale), "a late copy");
    let counted = deployment.table.link_set(set.id).await.unwrap().unwrap();
    assert_eq!((counted.version, deployment.dataset(datasets[7]).await.version), (2, 3), "joined, and given on");
    assert_eq!(deployment.take_all(&ada, &set, bo.to()).await, Err(TableError::Stale), "the set as it was");
    assert_eq!(deployment.take_all(&ada, &counted, bo.to()).await, Ok(()));
    assert_eq!(deployment.roles(&set, bo.to()).await, vec![None; 40]);
    assert!(deployment.rights(datasets[39], &bo).await.is_empty());
    for verb in ["link-set.create", "grant.give", "grant.withdraw"] {
        assert_eq!(deployment.audited(verb, set.id).await, 1, "{verb}");
    }
    let listed = deployment.table.link_sets_of(ada.user.id, &Page::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.items[0].id), (1, set.id));
    // Whoever has a grant on each, by none above, would need an action more for each.
    let cy = deployment.person("Cy").await;
    let planned = deployment.planned(&ada, &counted_again(&deployment, &set).await, cy.to(), Role::Manager).await;
    assert_eq!(deployment.send_all(&counted_again(&deployment, &set).await, &planned).await, Ok(()));
    let planned = deployment.planned(&cy, &counted_again(&deployment, &set).await, bo.to(), Role::Full).await;
    let refused = deployment.send_all(&counted_again(&deployment, &set).await, &planned).await;
    assert!(matches!(refused, Err(TableError::TooMuch { .. })), "{refused:?}");
    assert_eq!(deployment.roles(&set, bo.to()).await, vec![None; 40]);
}

async fn counted_again(deployment: &Deployment, set: &LinkSet) -> LinkSet {
    deployment.table.link_set(set.id).await.unwrap().unwrap()
}

/// What happens between the look and the write.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    OneChanged,
    OneLeft,
    OneJoined,
    RightWithdrawn,
    Withdrawn,
}

// ACCESS 8: all, or none
pub async fn nothing_is_given_on_any_where_one_changed(store: Store) {
    use Meanwhile::{Nothing, OneChanged, OneJoined, OneLeft, RightWithdrawn, Withdrawn};
    for what in [Nothing, OneChanged, OneLeft, OneJoined, RightWithdrawn, Withdrawn] {
        let deployment = Deployment::new(&store).await;
        let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
        let [one, other, third] = deployment.some_below(3).await.try_into().unwrap();
        for dataset in [one, other] {
            deployment.give(&ada, dataset, cy.to(), Role::Manager).await;
        }
        let before = deployment.give(&ada, one, bo.to(), Role::View).await;
        let set = deployment.link_set(&cy, &[one, other]).await;
        let planned = deployment.planned(&cy, &set, bo.to(), Role::Full).await;
        let left = set.without(&[other]);
        match what {
            Nothing => {}
            OneChanged => drop(deployment.give(&ada, other, deployment.person("Dee").await.to(), Role::View).await),
            OneLeft => {
                let seen = deployment.looked_at(&ada, &[other]).await;
                let taken = deployment.table.take_from_link_set(&[seen[0].holding()], (&set, &left), None, now()).await;
                assert_eq!(taken, Ok(left.clone()));
                assert_eq!(deployment.dataset(other).await.link_set, None);
            }
            OneJoined => {
                let (new, there) = (deployment.looked_at(&ada, &[third]).await, deployment.looked_at(&ada, &[one, other]).await);
                let there: Vec<_> = there.iter().map(Seen::holding).collect();
                let after = set.with(&[third]).unwrap();
                let added = deployment.table.add_to_link_set((&[new[0].holding()], &there), (&set, &after), None, now()).await;
                assert_eq!(added, Ok(after));
            }
            RightWithdrawn => {
                let there = deployment.table.grant(other, cy.to()).await.unwrap().unwrap();
                let permit = ada.permit(Action::Grant, &deployment.at(other, &ada).await);
                let taking = [Taking { dataset: other, permit: &permit, before: &there }];
                assert_eq!(deployment.table.withdraw_together(&set, &taking, None, now()).await, Ok(()));
            }
            Withdrawn => drop(deployment.withdraw(&ada, one, &before).await.unwrap()),
        }
        let outcome = deployment.send_all(&set, &planned).await;
        let roles = deployment.roles(&set, bo.to()).await;
        match what {
            Nothing => assert_eq!((outcome, roles), (Ok(()), vec![Some(Role::Full); 2])),
            Withdrawn => assert_eq!((outcome, roles), (Err(TableError::Stale), vec![None; 2])),
            _ => assert_eq!((outcome, roles), (Err(TableError::Stale), vec![Some(Role::View), None]), "{what:?}"),
        }
    }
}

// ACCESS 8
pub async fn beside_a_set_nothing_is_given_that_goes_together(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let datasets = deployment.some_below(2).await;
    let before = deployment.give(&ada, datasets[0], bo.to(), Role::Full).await;
    let giving = deployment.giving(&ada, datasets[0], cy.to(), Role::Full).await;
    let set = deployment.link_set(&ada, &datasets).await;
    assert_eq!(deployment.send(&giving, None).await, Err(TableError::Stale), "it came into the set since");
    let again = deployment.giving(&ada, datasets[0], cy.to(), Role::Full).await;
    assert_eq!(deployment.send(&again, None).await, Err(TableError::NotForThis));
    assert_eq!(deployment.withdraw(&ada, datasets[0], &before).await, Err(TableError::Stale));
    deployment.give(&ada, datasets[0], cy.to(), Role::Download).await;
    assert_eq!(deployment.roles(&set, cy.to()).await.iter().flatten().count(), 1, "less goes to one");
    // Of two who do something by the set at once, one does.
    let planned = deployment.planned(&ada, &set, cy.to(), Role::Manager).await;
    let permit = ada.permit(Action::Grant, &deployment.at(datasets[0], &ada).await);
    let taking = [Taking { dataset: datasets[0], permit: &permit, before: &before }];
    let (gave, took) = join(deployment.send_all(&set, &planned), deployment.table.withdraw_together(&set, &taking, None, later(1))).await;
    assert_eq!((gave.is_ok(), took.is_ok()), (gave == Ok(()), gave == Err(TableError::Stale)), "{gave:?} {took:?}");
    assert_eq!(deployment.table.link_set(set.id).await.unwrap().unwrap().version, 2);
}

// SEMANTICS 6
pub async fn a_set_that_is_asked_for_twice_is_made_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let datasets = deployment.some_below(2).await;
    let seen = deployment.looked_at(&ada, &datasets).await;
    let holdings: Vec<_> = seen.iter().map(Seen::holding).collect();
    let set = || LinkSet::new(some_id(LinkSetId::new), None, &datasets, ada.user.id, now()).unwrap();
    let key = once("set", 1);
    let (one, other) = (set(), set());
    let insert = |set| deployment.table.insert_link_set(&holdings, set, Some(&key), now());
    let (first, second) = join(insert(&one), insert(&other)).await;
    let made = first.clone().or(second.clone()).unwrap();
    for outcome in [first, second] {
        assert!(outcome == Ok(made.clone()) || outcome == Err(TableError::Stale), "{outcome:?}");
    }
    assert_eq!(deployment.table.once(ada.user.id, &key, now()).await, Ok(Some(made.id.to_string())));
    assert_eq!(deployment.table.link_set_made(&made.id.to_string()).await, Ok(made.clone()));
    let over = made.without(&datasets);
    let seen = deployment.looked_at(&ada, &datasets).await;
    let holdings: Vec<_> = seen.iter().map(Seen::holding).collect();
    assert_eq!(deployment.table.take_from_link_set(&holdings, (&made, &over), None, now()).await, Ok(over.clone()));
    assert_eq!((over.state, deployment.dataset(datasets[1]).await.link_set), (State::Retired, None));
    assert_eq!(deployment.table.link_sets_of(ada.user.id, &Page::default()).await.unwrap().items, Vec::new());
    assert_eq!(deployment.audited("link-set.retire", made.id).await, 1);
}
