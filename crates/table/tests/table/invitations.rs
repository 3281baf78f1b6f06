//! Rules of invitations.

use domain::{
    address::{AddressKey, EmailAddress, EmailHash},
    decision::Action,
    delegation::Terms,
    grant::Conditions,
    id::DatasetId,
    invitation::{Invitation, InvitationState, invited, met},
    rights::{Right, Role},
};
use table::{Page, TableError, grants::Grounds};

use crate::{
    example::{Deployment, later, now},
    faults::{Fault, Faults},
    people::Person,
    stores::Store,
};

fn hash(address: &str) -> EmailHash {
    AddressKey::new(vec![7; 32]).unwrap().email(&EmailAddress::parse(address).unwrap())
}

impl Deployment {
    async fn invites(&self, by: &Person, dataset: DatasetId, address: EmailHash) -> Result<Invitation, TableError> {
        let permit = by.permit(Action::Grant, &self.at(dataset, by).await);
        let there = self.table.invitation(address, dataset).await.unwrap();
        let terms = Terms { role: Role::View, may_share: false, level: None, conditions: Conditions::default() };
        let invitation = invited(&permit, &by.user, (dataset, address), terms, there.as_ref(), now()).unwrap();
        self.table.invite(&permit, &invitation, there.as_ref(), None, now()).await
    }

    async fn meets(&self, by: &Person, invitation: &Invitation, person: &Person) -> Result<(), TableError> {
        let facts = self.at(invitation.dataset, by).await;
        let permit = by.permit(Action::Grant, &facts);
        let there = self.table.grant(invitation.dataset, person.to()).await.unwrap();
        let grant = met(&permit, &by.user, invitation, person.user.id, there.as_ref(), now()).unwrap();
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.meet(&permit, grounds, invitation, (&grant, there.as_ref()), now()).await.map(|_grant| ())
    }
}

// ACCESS 6
pub async fn an_invitation_becomes_a_grant_once_or_not_at_all(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let sent = deployment.invites(&ada, dataset, hash("bo@lab.example")).await.unwrap();
    assert_eq!(deployment.table.invitation(sent.address, dataset).await, Ok(Some(sent.clone())), "every attribute reads back");
    assert_eq!(deployment.table.invitations_to(sent.address, now()).await, Ok(vec![sent.clone()]));
    assert_eq!(deployment.table.invitations_to(hash("cy@lab.example"), now()).await, Ok(vec![]));
    assert_eq!(deployment.table.invitations_to(sent.address, sent.until).await, Ok(vec![]), "it waits no longer");
    assert!(deployment.rights(dataset, &bo).await.is_empty(), "what waits lets nobody in");
    let again = deployment.invites(&ada, dataset, sent.address).await.unwrap();
    assert_eq!(again.version, 2, "one for each address and dataset");
    assert_eq!(deployment.meets(&ada, &sent, &bo).await, Err(TableError::Stale), "not by what it was");
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    deployment.meets(&ada, &again, &bo).await.unwrap();
    assert!(deployment.rights(dataset, &bo).await.has(Right::Read));
    assert_eq!(deployment.meets(&ada, &again, &cy).await, Err(TableError::Stale), "nobody else after that");
    assert!(deployment.rights(dataset, &cy).await.is_empty());
    let done = deployment.table.invitation(sent.address, dataset).await.unwrap().unwrap();
    assert_eq!((done.state, done.version), (InvitationState::Met, 3));
    assert_eq!(deployment.table.invitations_on(dataset, &Page::default()).await.unwrap().items, [done]);
    assert_eq!((deployment.audited("invitation.send", dataset).await, deployment.audited("grant.give", dataset).await), (2, 1));
    let to_cy = deployment.invites(&ada, dataset, hash("cy@lab.example")).await.unwrap();
    let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
    let gone = deployment.table.withdraw_invitation(&permit, &to_cy, Some("a slip"), now()).await.unwrap();
    assert_eq!(gone.state, InvitationState::Withdrawn);
    assert_eq!(deployment.meets(&ada, &to_cy, &cy).await, Err(TableError::Stale));
    assert_eq!(deployment.table.grant(dataset, cy.to()).await, Ok(None), "both or neither");
    let odd = Page { position: Some("E#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.invitations_on(dataset, &odd).await, Err(TableError::Position));
}

// SECURITY T35: the same work whoever has the address
#[tokio::test]
async fn an_invitation_makes_the_same_calls_for_every_address() {
    let direct = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let table = direct.store.faulty(&direct.name, &faults);
    let deployment = direct.through(&table);
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let (first, second) = (deployment.root.dataset.id, deployment.place.dataset.id);
    // Bo has an account, and has met an invitation by the address before.
    let met_before = deployment.invites(&ada, first, hash("bo@lab.example")).await.unwrap();
    deployment.meets(&ada, &met_before, &bo).await.unwrap();
    let mut counted = Vec::new();
    for address in ["bo@lab.example", "nobody@lab.example"] {
        let _before = (faults.count(), faults.actions());
        deployment.invites(&ada, second, hash(address)).await.unwrap();
        counted.push((faults.count(), faults.actions()));
    }
    let ((known, _), (unknown, _)) = (&counted[0].0, &counted[1].0);
    assert_eq!((known, &counted[0].1), (unknown, &counted[1].1), "calls, and the actions of each transaction");
    assert!(!known.is_empty());
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn an_invitation_is_taken_back_where_transactions_conflict() {
    for fault in [None, Some(Fault::LostAfter), Some(Fault::Throttle), Some(Fault::LostBefore)] {
        let direct = Deployment::new(&Store::embedded().await).await;
        let faults = Faults::default();
        let table = direct.store.faulty(&direct.name, &faults);
        let deployment = direct.through(&table);
        let (ada, dataset) = (deployment.owner(), deployment.place.dataset.id);
        let sent = deployment.invites(&ada, dataset, hash("bo@lab.example")).await.unwrap();
        let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
        faults.always("TransactWriteItems", Fault::Conflict);
        if let Some(fault) = fault {
            faults.next("UpdateItem", fault);
        }
        let gone = deployment.table.withdraw_invitation(&permit, &sent, None, later(1)).await.unwrap();
        assert_eq!(gone.state, InvitationState::Withdrawn, "{fault:?}");
        assert_eq!(deployment.table.invitations_to(sent.address, now()).await, Ok(vec![]), "{fault:?}");
        assert_eq!(deployment.invites(&ada, dataset, sent.address).await, Err(TableError::Throttled), "sending does not go alone");
        faults.heal();
        assert_eq!(deployment.audited("invitation.withdraw", dataset).await, 1, "{fault:?}");
    }
}
