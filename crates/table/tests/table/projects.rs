//! Rules of projects: who is in them, which datasets are, and what both come to.

use std::{collections::HashSet, sync::Arc};

use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, Facts, Through},
    delegation::may_put,
    grant::{ClonePolicy, Policy, ProjectRole, Subject},
    id::{DatasetId, ProjectId, UserId},
    link::LinkState,
    project::Project,
    rights::{Right, Role},
    source::State,
};
use futures_util::future::join_all;
use table::{
    Page, TableError,
    grants::Grounds,
    projects::{Participant, ParticipantsSet},
};

use crate::{
    example::{Deployment, later, now, once, some_id},
    people::Person,
    stores::Store,
};

impl Person {
    /// What somebody who is in a project may do with it.
    pub fn in_project(&self, action: Action, project: &Project, role: ProjectRole) -> domain::decision::Permit {
        self.decide(action, &Facts::Project { project: Arc::new(project.clone()), role: Some(role) }).unwrap()
    }

    pub fn manages(&self, project: &Project) -> domain::decision::Permit {
        self.in_project(Action::Gather, project, ProjectRole::Manager)
    }
}

impl Deployment {
    /// A project whose one manager is its maker.
    pub async fn project(&self, by: &Person, name: &str) -> Project {
        let permit = by.decide(Action::Gather, &Facts::Deployment).unwrap();
        self.table.insert_project(&permit, &new_project(name), None, now()).await.unwrap()
    }

    pub async fn take_in(
        &self,
        by: &Person,
        project: &Project,
        people: &[&Person],
        role: Option<ProjectRole>,
    ) -> Result<usize, TableError> {
        let people: Vec<_> = people.iter().map(|person| person.user.id).collect();
        self.table.set_participants(&by.manages(project), project, &people, role, None, now()).await.map(|set| set.changed)
    }

    pub async fn put_into(&self, by: &Person, dataset: DatasetId, project: &Project) -> Result<Dataset, TableError> {
        let facts = self.at(dataset, by).await;
        let permits = (&by.permit(Action::Grant, &facts), &by.in_project(Action::See, project, ProjectRole::Member));
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.put_dataset(permits, grounds, project, None, now()).await
    }

    pub async fn take_out(&self, by: &Person, dataset: DatasetId) -> Result<Dataset, TableError> {
        let facts = self.at(dataset, by).await;
        let grounds = Grounds { facts: &facts, via: by.via(&facts, Right::Administer) };
        self.table.take_dataset(&by.permit(Action::Grant, &facts), grounds, None, now()).await
    }

    pub async fn set_policy(&self, by: &Person, project: &Project, policy: Policy) -> Project {
        let before = self.table.project(project.id).await.unwrap().unwrap();
        let after = Project { policy, ..before.clone() };
        self.table.edit_project(&by.manages(project), &before, &after, None, now()).await.unwrap()
    }

    async fn listed_in(&self, project: &Project) -> Vec<DatasetId> {
        let listed = self.table.datasets_in(project.id, &Page::default()).await.unwrap();
        listed.items.iter().map(|place| place.dataset.id).collect()
    }
}

pub fn new_project(name: &str) -> Project {
    let (id, name) = (some_id(ProjectId::new), name.to_owned());
    Project { id, name, policy: Policy::FIRST, managers: 1, state: State::Active, made: now(), version: 1 }
}

fn policy(view: Role) -> Policy {
    Policy { view, figures: false, clone: ClonePolicy::None }
}

pub async fn a_project_is_made_once_and_keeps_the_names_that_it_had(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let make = |by: &Person| by.decide(Action::Gather, &Facts::Deployment).unwrap();
    let (first, key) = (new_project("retina"), once("project", 1));
    for _time in 0..2 {
        assert_eq!(deployment.table.insert_project(&make(&ada), &first, Some(&key), now()).await, Ok(first.clone()));
    }
    assert_eq!(deployment.table.project(first.id).await, Ok(Some(first.clone())), "every attribute reads back");
    let part = Participant { user: ada.user.id, role: ProjectRole::Manager, hold: domain::grant::Hold::Active, at: now(), version: 1 };
    assert_eq!(deployment.table.participant(first.id, ada.user.id).await, Ok(Some(part)));
    let taken = TableError::Exists { what: "a project of this name" };
    assert_eq!(deployment.table.insert_project(&make(&bo), &new_project("retina"), None, now()).await, Err(taken.clone()));

    let edit = async |by: &Person, before: &Project, after: &Project, key| {
        deployment.table.edit_project(&by.manages(before), before, after, key, now()).await
    };
    let wanted = Project {
        name: "eye".to_owned(),
        policy: Policy { view: Role::Full, figures: true, clone: ClonePolicy::Full },
        state: State::Retired,
        ..first.clone()
    };
    let (renamed, key) = (Project { version: 2, ..wanted.clone() }, once("edit", 1));
    for _time in 0..2 {
        assert_eq!(edit(&ada, &first, &wanted, Some(&key)).await, Ok(renamed.clone()));
    }
    for name in ["retina", "eye"] {
        assert_eq!(deployment.table.project_named(name).await, Ok(Some(renamed.clone())), "{name}");
        assert_eq!(deployment.table.insert_project(&make(&bo), &new_project(name), None, now()).await, Err(taken.clone()), "{name}");
    }
    assert_eq!(edit(&ada, &first, &Project { policy: policy(Role::Preview), ..first.clone() }, None).await, Err(TableError::Stale));
    let back = Project { name: "retina".to_owned(), ..renamed.clone() };
    assert_eq!(edit(&ada, &renamed, &back, None).await, Ok(Project { version: 3, ..back }), "its own name is no other's");
    let there = deployment.table.project(first.id).await.unwrap().unwrap();
    assert_eq!(
        edit(&bo, &there, &Project { state: State::Active, ..there.clone() }, None).await,
        Err(TableError::Stale),
        "who is no manager now"
    );
    assert_eq!((deployment.audited("project.create", first.id).await, deployment.audited("project.edit", first.id).await), (1, 2));
}

pub async fn people_come_and_go_and_one_manages_always(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let project = deployment.project(&ada, "retina").await;
    let role = async |who: &Person| deployment.table.participant(project.id, who.user.id).await.unwrap().map(|part| part.role);
    let set = async |by: &Person, people: &[&Person], wanted| deployment.take_in(by, &project, people, wanted).await;
    let managers = async || deployment.table.project(project.id).await.unwrap().unwrap().managers;
    for _time in 0..2 {
        assert_eq!(set(&ada, &[&bo, &cy, &bo], Some(ProjectRole::Member)).await, Ok(2), "named twice, taken in once");
        assert_eq!(set(&ada, &[&bo, &cy], Some(ProjectRole::Member)).await, Ok(0), "as wanted already");
        assert_eq!(set(&ada, &[&bo], Some(ProjectRole::Leader)).await, Ok(1));
        assert_eq!((role(&bo).await, role(&cy).await), (Some(ProjectRole::Leader), Some(ProjectRole::Member)));
        assert_eq!(set(&ada, &[&bo, &cy], None).await, Ok(2));
        assert_eq!((role(&bo).await, role(&cy).await), (None, None));
    }
    assert_eq!(managers().await, 1);
    assert_eq!(set(&ada, &[&ada], None).await, Err(TableError::LastManager));
    assert_eq!(set(&ada, &[&ada], Some(ProjectRole::Leader)).await, Err(TableError::LastManager));
    assert_eq!(set(&ada, &[&bo], Some(ProjectRole::Manager)).await, Ok(1));
    assert_eq!(managers().await, 2);
    assert_eq!(set(&bo, &[&ada, &bo], None).await, Err(TableError::LastManager), "both at once");
    assert_eq!(set(&bo, &[&ada], Some(ProjectRole::Member)).await, Ok(1));
    assert_eq!((managers().await, role(&ada).await), (1, Some(ProjectRole::Member)));
    // A permit that was given before says nothing about now.
    assert_eq!(set(&ada, &[&cy], Some(ProjectRole::Member)).await, Err(TableError::Stale));
    assert_eq!(set(&ada, &[&ada], Some(ProjectRole::Manager)).await, Err(TableError::Stale), "nobody raises himself");
    let leave = async |who: &Person, people: &[UserId], wanted| {
        let permit = who.in_project(Action::See, &project, ProjectRole::Member);
        deployment.table.set_participants(&permit, &project, people, wanted, None, now()).await
    };
    assert_eq!(leave(&ada, &[bo.user.id], None).await, Err(TableError::NotForThis));
    assert_eq!(leave(&ada, &[ada.user.id], Some(ProjectRole::Manager)).await, Err(TableError::NotForThis));
    assert_eq!(leave(&ada, &[ada.user.id], None).await, Ok(ParticipantsSet { changed: 1, narrows: true }));
    assert_eq!(leave(&ada, &[ada.user.id], None).await, Ok(ParticipantsSet::default()), "has left");
    assert_eq!(leave(&bo, &[bo.user.id], None).await, Err(TableError::LastManager));
    let stranger = Person { user: domain::user::User { id: some_id(UserId::new), ..bo.user.clone() }, ..bo.clone() };
    let missing = Err(TableError::Missing { what: "somebody named" });
    assert_eq!(set(&bo, &[&cy, &stranger], Some(ProjectRole::Member)).await, missing);
    assert_eq!(role(&cy).await, None, "nobody of that part was changed");
    assert_eq!(deployment.audited("project.leave", project.id).await, 1);
    let mine = deployment.table.projects_of(bo.user.id, &Page::default()).await.unwrap().items;
    assert_eq!(mine.iter().map(|(project, part)| (project.id, part.role)).collect::<Vec<_>>(), [(project.id, ProjectRole::Manager)]);
    assert_eq!(deployment.table.projects_of(ada.user.id, &Page::default()).await.unwrap().items, []);
}

/// A membership that comes back is another version: what was sent before it went does nothing.
pub async fn a_late_copy_of_a_change_of_members_changes_nothing(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Member)).await.unwrap();
    let part = deployment.table.participant(project.id, bo.user.id).await.unwrap().unwrap();
    assert_eq!((part.version, part.at), (1, now()));
    let promote = deployment
        .table
        .set_participants(&ada.manages(&project), &project, &[bo.user.id], Some(ProjectRole::Manager), None, later(9))
        .await;
    assert_eq!(promote, Ok(ParticipantsSet { changed: 1, narrows: false }));
    let part = deployment.table.participant(project.id, bo.user.id).await.unwrap().unwrap();
    assert_eq!((part.version, part.at), (2, now()), "since when is since when, whatever the role");
    deployment.take_in(&ada, &project, &[&bo], None).await.unwrap();
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Leader)).await.unwrap();
    assert_eq!(deployment.table.participant(project.id, bo.user.id).await.unwrap().map(|part| part.version), Some(4));
    assert_eq!(deployment.table.project(project.id).await.unwrap().unwrap().managers, 1);
}

pub async fn of_two_managers_who_leave_at_once_one_stays(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let project = deployment.project(&ada, "retina").await;
    for _round in 0..5 {
        deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
        let leave = async |who: &Person| {
            let permit = who.in_project(Action::See, &project, ProjectRole::Manager);
            deployment.table.set_participants(&permit, &project, &[who.user.id], None, None, now()).await
        };
        let left = join_all([leave(&ada), leave(&bo)]).await;
        let left: Vec<_> = left.into_iter().map(|left| left.map(|set| set.changed)).collect();
        assert!(left.iter().filter(|left| left.is_ok()).count() <= 1, "{left:?}");
        let people = deployment.table.participants(project.id, &Page::default()).await.unwrap().items;
        let managers = people.iter().filter(|part| part.role == ProjectRole::Manager).count();
        let counted = deployment.table.project(project.id).await.unwrap().unwrap().managers;
        assert!(managers >= 1 && usize::try_from(counted).unwrap() == managers, "{left:?} {people:?} {counted}");
        let stays = if people.iter().any(|part| part.user == ada.user.id) { &ada } else { &bo };
        deployment.take_in(stays, &project, &[&ada], Some(ProjectRole::Manager)).await.unwrap();
    }
}

pub async fn each_of_a_hundred_is_listed_once(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let project = deployment.project(&ada, "everybody").await;
    let crowd = deployment.crowd(100).await;
    let set = deployment.table.set_participants(&ada.manages(&project), &project, &crowd, Some(ProjectRole::Member), None, now()).await;
    assert_eq!(set, Ok(ParticipantsSet { changed: 100, narrows: false }), "in three transactions");
    let (mut people, mut page) = (Vec::new(), Page { position: None, items_max: 7 });
    loop {
        let listed = deployment.table.participants(project.id, &page).await.unwrap();
        people.extend(listed.items.into_iter().map(|part| part.user));
        page.position = listed.next;
        if page.position.is_none() {
            break;
        }
    }
    let unique: HashSet<_> = people.iter().copied().collect();
    assert_eq!((people.len(), unique), (101, crowd.into_iter().chain([ada.user.id]).collect()));
}

pub async fn a_dataset_is_in_one_project_and_on_one_list(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let dataset = deployment.place.dataset.id;
    let (one, other) = (deployment.project(&ada, "one").await, deployment.project(&ada, "other").await);
    let put = deployment.put_into(&ada, dataset, &one).await.unwrap();
    assert_eq!((put.project, put.visibility, put.version), (Some(one.id), Visibility::Project, 2));
    assert_eq!(deployment.put_into(&ada, dataset, &one).await, Ok(put.clone()), "is in it already");
    assert_eq!((deployment.listed_in(&one).await, deployment.listed_in(&other).await), (vec![dataset], vec![]));
    let moved = deployment.put_into(&ada, dataset, &other).await.unwrap();
    assert_eq!((moved.project, moved.version), (Some(other.id), 3));
    assert_eq!(deployment.dataset(dataset).await, moved);
    assert_eq!((deployment.listed_in(&one).await, deployment.listed_in(&other).await), (vec![], vec![dataset]));
    deployment.put_into(&ada, dataset, &one).await.unwrap();
    assert_eq!((deployment.listed_in(&one).await, deployment.listed_in(&other).await), (vec![dataset], vec![]), "and back");
    let out = deployment.take_out(&ada, dataset).await.unwrap();
    assert_eq!((out.project, out.visibility), (None, Visibility::Private));
    assert_eq!(deployment.take_out(&ada, dataset).await, Ok(out));
    assert_eq!(deployment.listed_in(&one).await, []);
    assert_eq!((deployment.audited("dataset.put", dataset).await, deployment.audited("dataset.take", dataset).await), (3, 1));

    // On what was seen: a retired project, a membership that ended, a dataset that changed meanwhile.
    let facts = deployment.at(dataset, &ada).await;
    let permits = (&ada.permit(Action::Grant, &facts), &ada.in_project(Action::See, &one, ProjectRole::Member));
    let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
    let retired = Project { state: State::Retired, ..one.clone() };
    deployment.table.edit_project(&ada.manages(&one), &one, &retired, None, now()).await.unwrap();
    assert_eq!(deployment.table.put_dataset(permits, grounds, &one, None, now()).await, Err(TableError::Stale));
    assert_eq!(
        deployment.table.put_dataset(permits, grounds, &other, None, now()).await,
        Err(TableError::NotForThis),
        "a permit for another"
    );
    let bo = deployment.person("Bo").await;
    deployment.give(&ada, dataset, bo.to(), Role::Manager).await;
    assert_eq!(deployment.put_into(&bo, dataset, &other).await, Err(TableError::Stale), "is not in it");
    let key = once("put", 1);
    let facts = deployment.at(dataset, &ada).await;
    let permits = (&ada.permit(Action::Grant, &facts), &ada.in_project(Action::See, &other, ProjectRole::Manager));
    let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
    let first = deployment.table.put_dataset(permits, grounds, &other, Some(&key), now()).await.unwrap();
    deployment.take_out(&ada, dataset).await.unwrap();
    let late = deployment.table.put_dataset(permits, grounds, &other, Some(&key), now()).await.unwrap();
    assert_eq!((first.project, late.project), (Some(other.id), None), "a late copy puts nothing back");
}

pub async fn what_a_member_has_is_what_the_policy_says_now(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let above = deployment.below(&deployment.root.dataset, "held/").await;
    let inside = deployment.below(&above, "held/inside/").await;
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Leader)).await.unwrap();
    let has = async |dataset: DatasetId| deployment.rights(dataset, &bo).await;
    assert!(has(above.id).await.is_empty());
    deployment.put_into(&ada, above.id, &project).await.unwrap();
    for view in [Role::Preview, Role::View, Role::Full] {
        deployment.set_policy(&ada, &project, policy(view)).await;
        let wanted = view.rights().without(domain::rights::Rights::of(&[Right::CloneFiles, Right::CloneFull, Right::Figures]));
        assert_eq!((has(above.id).await, has(inside.id).await), (wanted, wanted), "{view:?}");
    }
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
    assert_eq!((has(above.id).await, has(inside.id).await), (Role::Manager.rights(), Role::Manager.rights()));
    let private = async |visibility| {
        let facts = deployment.at(above.id, &ada).await;
        let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
        deployment.table.set_visibility(&ada.permit(Action::Grant, &facts), grounds, visibility, (None, None), now()).await.unwrap();
    };
    private(Visibility::Private).await;
    assert!(has(above.id).await.is_empty() && has(inside.id).await.is_empty(), "in it, and open to nobody");
    private(Visibility::Project).await;
    let there = deployment.table.project(project.id).await.unwrap().unwrap();
    deployment
        .table
        .edit_project(&ada.manages(&project), &there, &Project { state: State::Retired, ..there.clone() }, None, now())
        .await
        .unwrap();
    assert!(has(above.id).await.is_empty(), "a retired project gives nothing");
    let there = deployment.table.project(project.id).await.unwrap().unwrap();
    deployment
        .table
        .edit_project(&ada.manages(&project), &there, &Project { state: State::Active, ..there.clone() }, None, now())
        .await
        .unwrap();
    assert!(!has(inside.id).await.is_empty());
    deployment.take_in(&ada, &project, &[&bo], None).await.unwrap();
    assert!(has(above.id).await.is_empty() && has(inside.id).await.is_empty());
}

pub async fn a_grant_to_a_project_is_another_thing_than_being_in_it(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let dataset = deployment.place.dataset.id;
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Member)).await.unwrap();
    let to = Subject::Project(project.id);
    let grant = deployment.give(&ada, dataset, to, Role::Download).await;
    let wanted = Role::Download.rights().or(domain::rights::Rights::of(&[Right::Share]));
    assert_eq!(deployment.rights(dataset, &bo).await, wanted);
    assert_eq!(deployment.listed_in(&project).await, []);
    let granted = deployment.table.granted_to(to, &Page::default()).await.unwrap().items;
    assert_eq!(granted, [dataset]);
    deployment.put_into(&ada, dataset, &project).await.unwrap();
    assert_eq!(deployment.rights(dataset, &bo).await, wanted, "a grant adds to the policy");
    assert_eq!((deployment.listed_in(&project).await, deployment.table.grant(dataset, to).await), (vec![dataset], Ok(Some(grant.clone()))));
    deployment.withdraw(&ada, dataset, &grant).await.unwrap();
    assert_eq!((deployment.rights(dataset, &bo).await, deployment.listed_in(&project).await), (Role::View.rights(), vec![dataset]));
    deployment.take_out(&ada, dataset).await.unwrap();
    assert!(deployment.rights(dataset, &bo).await.is_empty());
    let nobody = Subject::Project(some_id(ProjectId::new));
    let giving = deployment.giving(&ada, dataset, nobody, Role::View).await;
    assert_eq!(deployment.send(&giving, None).await, Err(TableError::Missing { what: "whom it is for" }));
}

pub async fn what_a_manager_gives_rests_on_being_one(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let above = deployment.below(&deployment.root.dataset, "held/").await;
    let inside = deployment.below(&above, "held/inside/").await;
    let (project, other) = (deployment.project(&ada, "retina").await, deployment.project(&bo, "bos").await);
    deployment.put_into(&ada, above.id, &project).await.unwrap();
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
    for dataset in [above.id, inside.id] {
        let giving = deployment.giving(&bo, dataset, cy.to(), Role::View).await;
        assert_eq!(giving.via.unwrap().through, Through::Policy(project.id));
        // A manager of a project takes no dataset along into another.
        assert!(may_put(&giving.permit, dataset).is_err());
        deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Member)).await.unwrap();
        assert_eq!(deployment.send(&giving, None).await, Err(TableError::Stale));
        deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
        let giving = deployment.giving(&bo, dataset, cy.to(), Role::View).await;
        assert!(deployment.send(&giving, None).await.is_ok());
    }
    deployment.give(&ada, inside.id, bo.to(), Role::Manager).await;
    let facts = deployment.at(inside.id, &bo).await;
    assert_eq!(may_put(&bo.permit(Action::Grant, &facts), inside.id), Ok(()));
    assert_eq!(deployment.put_into(&bo, inside.id, &other).await.unwrap().project, Some(other.id), "by a right of his own");
}

pub async fn a_managers_link_lives_as_long_as_he_is_one(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let above = deployment.below(&deployment.root.dataset, "held/").await;
    let inside = deployment.below(&above, "held/inside/").await;
    let project = deployment.project(&ada, "retina").await;
    deployment.put_into(&ada, above.id, &project).await.unwrap();
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
    let own = deployment.link_of(&bo, inside.id).await;
    let state = async || deployment.facts(&own).await.state(now());
    assert_eq!((own.via.unwrap().through, own.via.unwrap().on), (Through::Policy(project.id), above.id));
    assert_eq!(deployment.facts(&own).await.link.via, own.via, "it reads back");
    assert_eq!(state().await, LinkState::Live);
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Member)).await.unwrap();
    assert_eq!(state().await, LinkState::Stopped);
    // Another way to the same right is found, whatever the link names.
    let grant = deployment.give(&ada, above.id, Subject::Project(project.id), Role::View).await;
    assert_eq!(state().await, LinkState::Live);
    let by_grant = deployment.link_of(&bo, above.id).await;
    assert_eq!(by_grant.via.unwrap().through, Through::Project(project.id));
    assert_eq!(deployment.facts(&by_grant).await.link.via, by_grant.via);
    deployment.withdraw(&ada, above.id, &grant).await.unwrap();
    assert_eq!((state().await, deployment.facts(&by_grant).await.state(now())), (LinkState::Stopped, LinkState::Stopped));
}
