//! Rules of invitations.

use domain::{
    address::{AddressKey, EmailAddress, EmailHash},
    decision::{Action, Facts},
    delegation::Terms,
    grant::{Conditions, ProjectRole},
    id::DatasetId,
    invitation::{Invitation, InvitationState, Invitee, Promise, Target, invited, invited_into, met},
    question::{MailNonce, Question, Subject},
    rights::{Right, Role},
};
use table::{Page, TableError, grants::Grounds, invitations::Answer, once::Once};

use crate::{
    example::{Deployment, later, now, once},
    faults::{Fault, Faults},
    people::Person,
    stores::Store,
};

fn hash(address: &str) -> EmailHash {
    AddressKey::new(vec![7; 32]).unwrap().email(&EmailAddress::parse(address).unwrap())
}

impl Deployment {
    async fn invites(&self, by: &Person, dataset: DatasetId, address: EmailHash) -> Result<Invitation, TableError> {
        self.sends(by, dataset, Invitee::Address(address)).await
    }

    async fn sends(&self, by: &Person, dataset: DatasetId, to: Invitee) -> Result<Invitation, TableError> {
        let permit = by.permit(Action::Grant, &self.at(dataset, by).await);
        let there = self.table.invitation(to, Target::Dataset(dataset)).await.unwrap();
        let terms = Terms { role: Role::View, may_share: false, level: None, conditions: Conditions::default() };
        let invitation = invited(&permit, &by.user, (dataset, to), terms, there.as_ref(), now()).unwrap();
        self.table.invite(&permit, &invitation, there.as_ref(), None, now()).await
    }

    async fn meets(&self, by: &Person, invitation: &Invitation, person: &Person) -> Result<(), TableError> {
        self.meets_as(by, invitation, person, None).await
    }

    /// The same by an answer of the person's, under this key.
    async fn agrees(&self, by: &Person, invitation: &Invitation, person: &Person, once: Option<&Once>) -> Result<(), TableError> {
        let permit = person.decide(Action::Gather, &Facts::Deployment).unwrap();
        self.meets_as(by, invitation, person, Some(Answer { permit: &permit, once })).await
    }

    async fn meets_as(&self, by: &Person, invitation: &Invitation, person: &Person, answer: Option<Answer<'_>>) -> Result<(), TableError> {
        let dataset = dataset_of(invitation);
        let facts = self.at(dataset, by).await;
        let permit = by.permit(Action::Grant, &facts);
        let there = self.table.grant(dataset, person.to()).await.unwrap();
        let grant = met(&permit, &by.user, invitation, person.user.id, there.as_ref(), now()).unwrap();
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.meet(&permit, grounds, invitation, (&grant, there.as_ref()), answer, now()).await.map(|_grant| ())
    }
}

fn dataset_of(invitation: &Invitation) -> DatasetId {
    match invitation.target() {
        Target::Dataset(dataset) => dataset,
        Target::Project(_) => panic!("into a project"),
    }
}

// ACCESS 6
pub async fn an_invitation_becomes_a_grant_once_or_not_at_all(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let sent = deployment.invites(&ada, dataset, hash("bo@lab.example")).await.unwrap();
    assert_eq!(deployment.table.invitation(sent.to, Target::Dataset(dataset)).await, Ok(Some(sent.clone())), "every attribute reads back");
    assert_eq!(deployment.table.invitations_to(sent.to, now()).await, Ok(vec![sent.clone()]));
    assert_eq!(deployment.table.invitations_to(Invitee::Address(hash("cy@lab.example")), now()).await, Ok(vec![]));
    assert_eq!(deployment.table.invitations_to(sent.to, sent.until).await, Ok(vec![]), "it waits no longer");
    assert!(deployment.rights(dataset, &bo).await.is_empty(), "what waits lets nobody in");
    let again = deployment.sends(&ada, dataset, sent.to).await.unwrap();
    assert_eq!(again.version, 2, "one for each address and dataset");
    assert_eq!(deployment.meets(&ada, &sent, &bo).await, Err(TableError::Stale), "not by what it was");
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    deployment.meets(&ada, &again, &bo).await.unwrap();
    assert!(deployment.rights(dataset, &bo).await.has(Right::Read));
    assert_eq!(deployment.meets(&ada, &again, &cy).await, Err(TableError::Stale), "nobody else after that");
    assert!(deployment.rights(dataset, &cy).await.is_empty());
    let done = deployment.table.invitation(sent.to, Target::Dataset(dataset)).await.unwrap().unwrap();
    assert_eq!((done.state, done.version), (InvitationState::Met, 3));
    assert_eq!(deployment.table.invitations_on(Target::Dataset(dataset), &Page::default()).await.unwrap().items, [done]);
    assert_eq!((deployment.audited("invitation.send", dataset).await, deployment.audited("grant.give", dataset).await), (2, 1));
    let to_cy = deployment.invites(&ada, dataset, hash("cy@lab.example")).await.unwrap();
    let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
    let gone = deployment.table.withdraw_invitation(&permit, &to_cy, Some("a slip"), now()).await.unwrap();
    assert_eq!(gone.state, InvitationState::Withdrawn);
    assert_eq!(deployment.meets(&ada, &to_cy, &cy).await, Err(TableError::Stale));
    assert_eq!(deployment.table.grant(dataset, cy.to()).await, Ok(None), "both or neither");
    let odd = Page { position: Some("E#x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.invitations_on(Target::Dataset(dataset), &odd).await, Err(TableError::Position));
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
        assert_eq!(deployment.table.invitations_to(sent.to, now()).await, Ok(vec![]), "{fault:?}");
        assert_eq!(deployment.sends(&ada, dataset, sent.to).await, Err(TableError::Throttled), "sending does not go alone");
        faults.heal();
        assert_eq!(deployment.audited("invitation.withdraw", dataset).await, 1, "{fault:?}");
    }
}

// ACCESS 7: a person is asked
pub async fn an_invitation_to_a_person_is_accepted_once_by_that_person(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let to_bo = Invitee::Person(bo.user.id);
    let sent = deployment.sends(&ada, dataset, to_bo).await.unwrap();
    assert_eq!(deployment.table.invitation(to_bo, Target::Dataset(dataset)).await, Ok(Some(sent.clone())), "every attribute reads back");
    assert!(deployment.rights(dataset, &bo).await.is_empty(), "what waits lets nobody in");
    assert_eq!(deployment.agrees(&ada, &sent, &bo, None).await, Ok(()));
    assert!(deployment.rights(dataset, &bo).await.has(Right::Read));
    assert_eq!(deployment.agrees(&ada, &sent, &bo, None).await, Err(TableError::Stale), "once");
    assert_eq!((deployment.audited("invitation.accept", dataset).await, deployment.audited("grant.give", dataset).await), (1, 0));
    // Neither as if somebody had signed in, nor by another's answer, nor with somebody else's key.
    let to_cy = deployment.sends(&ada, dataset, Invitee::Person(cy.user.id)).await.unwrap();
    assert_eq!(deployment.meets(&ada, &to_cy, &cy).await, Err(TableError::NotForThis));
    let another = bo.decide(Action::Gather, &Facts::Deployment).unwrap();
    assert_eq!(deployment.table.decline_invitation(&another, &to_cy, now()).await, Err(TableError::NotForThis));
    assert_eq!(deployment.table.close_invitation(&to_cy, bo.user.id, None, now()).await, Err(TableError::NotForThis));
    let key = once("accept", 1);
    assert_eq!(deployment.agrees(&ada, &to_cy, &cy, Some(&key)).await, Ok(()));
    assert_eq!(deployment.table.once(cy.user.id, &key, now()).await.map(|told| told.is_some()), Ok(true), "in the same write");
    // What was taken back, or declined, is accepted no more, however late the copy.
    for (name, declines) in [("Dee", true), ("Eli", false)] {
        let person = deployment.person(name).await;
        let sent = deployment.sends(&ada, dataset, Invitee::Person(person.user.id)).await.unwrap();
        let after = if declines {
            let permit = person.decide(Action::Gather, &Facts::Deployment).unwrap();
            deployment.table.decline_invitation(&permit, &sent, now()).await.unwrap()
        } else {
            let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
            deployment.table.withdraw_invitation(&permit, &sent, None, now()).await.unwrap()
        };
        assert_eq!(after.state, if declines { InvitationState::Declined } else { InvitationState::Withdrawn });
        assert_eq!(deployment.agrees(&ada, &sent, &person, None).await, Err(TableError::Stale), "{name}");
        assert!(deployment.rights(dataset, &person).await.is_empty(), "{name}");
    }
    let mine = deployment.table.invitations_of(bo.user.id, &Page::default()).await.unwrap().items;
    assert_eq!(mine.iter().map(|there| there.state).collect::<Vec<_>>(), [InvitationState::Met]);
    let all = deployment.table.invitations_on(Target::Dataset(dataset), &Page::default()).await.unwrap().items;
    assert_eq!(all.len(), 4);
}

// ACCESS 7, 8
pub async fn an_invitation_into_a_project_is_met_by_who_manages_it_still(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&cy], Some(ProjectRole::Manager)).await.unwrap();
    let target = Target::Project(project.id);
    let sends = async |role: ProjectRole| {
        let there = deployment.table.invitation(Invitee::Person(bo.user.id), target).await.unwrap();
        let sent = invited_into(&cy.manages(&project), project.id, (bo.user.id, role), there.as_ref(), now()).unwrap();
        deployment.table.invite(&cy.manages(&project), &sent, there.as_ref(), None, now()).await
    };
    let sent = sends(ProjectRole::Manager).await.unwrap();
    assert_eq!(sent.promise, Promise::Part(project.id, ProjectRole::Manager));
    assert_eq!(deployment.table.invitations_on(target, &Page::default()).await.unwrap().items, std::slice::from_ref(&sent));
    let (permit, cys) = (bo.decide(Action::Gather, &Facts::Deployment).unwrap(), cy.manages(&project));
    let key = once("join", 1);
    let answer = Answer { permit: &permit, once: Some(&key) };
    deployment.take_in(&ada, &project, &[&cy], Some(ProjectRole::Member)).await.unwrap();
    assert_eq!(deployment.table.join(&cys, &sent, answer, now()).await, Err(TableError::Stale), "whoever sent it manages it no more");
    assert_eq!(deployment.table.participant(project.id, bo.user.id).await, Ok(None));
    deployment.take_in(&ada, &project, &[&cy], Some(ProjectRole::Manager)).await.unwrap();
    assert_eq!(deployment.table.join(&cys, &sent, answer, now()).await.map(|set| set.changed), Ok(1));
    assert_eq!(deployment.table.join(&cys, &sent, answer, now()).await.map(|set| set.changed), Ok(1), "the same request again");
    let again = Answer { permit: &permit, once: None };
    assert_eq!(deployment.table.join(&cys, &sent, again, now()).await, Err(TableError::Stale));
    let part = deployment.table.participant(project.id, bo.user.id).await.unwrap().unwrap();
    assert_eq!(part.role, ProjectRole::Manager);
    let there = deployment.table.project(project.id).await.unwrap().unwrap();
    assert_eq!((there.managers, deployment.audited("invitation.accept", project.id).await), (3, 1));
}

// ACCESS 10: of what happens at once one counts
pub async fn an_invitation_is_accepted_or_taken_back_and_never_both(store: Store) {
    for round in 0..6_u8 {
        let deployment = Deployment::new(&store).await;
        let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
        let dataset = deployment.place.dataset.id;
        let sent = deployment.sends(&ada, dataset, Invitee::Person(bo.user.id)).await.unwrap();
        let permit = ada.permit(Action::Grant, &deployment.at(dataset, &ada).await);
        let (accepted, withdrawn) =
            tokio::join!(deployment.agrees(&ada, &sent, &bo, None), deployment.table.withdraw_invitation(&permit, &sent, None, now()));
        let state = deployment.table.invitation(sent.to, sent.target()).await.unwrap().unwrap().state;
        let reads = deployment.rights(dataset, &bo).await.has(Right::Read);
        assert_eq!((accepted.is_ok(), state == InvitationState::Met), (reads, reads), "{round} {accepted:?} {withdrawn:?}");
        assert_eq!(withdrawn.is_ok(), state == InvitationState::Withdrawn, "{round} {accepted:?} {withdrawn:?}");
    }
}

// ADR 0066: a mail's question is kept by the hash of its nonce, as it was asked first
pub async fn what_a_mail_asks_is_kept_once_and_until_it_ends(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let (dataset, project) = (deployment.place.dataset.id, deployment.project(&ada, "retina").await.id);
    let subjects = [
        Subject::Connection,
        Subject::Invitation(Target::Dataset(dataset)),
        Subject::Invitation(Target::Project(project)),
        Subject::Offer(dataset),
    ];
    for (letter, subject) in ('a'..).zip(subjects) {
        let nonce = MailNonce::parse(&letter.to_string().repeat(32)).unwrap().hash();
        let question = Question { to: bo.user.id, by: ada.user.id, subject, mark: "3".to_owned(), until: later(60) };
        assert_eq!(deployment.table.question(nonce, now()).await, Ok(None));
        deployment.table.keep_question(nonce, &question).await.unwrap();
        deployment.table.keep_question(nonce, &Question { to: ada.user.id, ..question.clone() }).await.unwrap();
        assert_eq!(deployment.table.question(nonce, now()).await, Ok(Some(question.clone())), "every attribute reads back");
        assert_eq!(deployment.table.question(nonce, later(60)).await, Ok(None), "it waits no longer");
    }
}
