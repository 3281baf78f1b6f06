//! What people do to a world: giving and taking back, filling groups, making links, restricting and opening, taking part in projects and
//! putting datasets into them. Each goes through the product's own rules, and changes the world only where they accept it.

use domain::{
    dataset::Visibility,
    decision::{Action, Facts, Permit, decide},
    delegation::{self, NewGrant, granted, may_open, may_put},
    grant::{ClonePolicy, Policy, ProjectRole},
    id::LinkId,
    key::{Epoch, KeyHash},
    link::{Birth, Class, Link, NewLink, Options, Until},
    project::Project,
    rights::Role,
};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use super::{
    facts::{at, conditions, dataset_id, grant, grant_row, group_id, link_row, path, project_id, subject},
    world::{About, Asker, From, GrantRow, Terms, To, TokenRow, World, Zone},
    worlds,
};

/// One act, of one person. Numbers are taken for the ones in range.
#[derive(Debug, Clone)]
pub struct Act {
    pub by: usize,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Give {
        dataset: usize,
        to: To,
        role: Role,
        may_share: bool,
        level: Option<u8>,
        terms: Terms,
    },
    /// Gives what the person has by some grant of his own, as it stands.
    PassOn {
        dataset: usize,
        to: To,
    },
    TakeBack {
        dataset: usize,
        grant: usize,
    },
    Add {
        group: usize,
        person: usize,
    },
    Remove {
        group: usize,
        person: usize,
    },
    MakeLink {
        dataset: usize,
        subpath: &'static str,
        class: Class,
        until: Until,
        level: Option<u8>,
    },
    /// Ends a link never, opens it from everywhere, and goes on with it.
    Widen {
        link: usize,
    },
    Restrict {
        dataset: usize,
    },
    Open {
        dataset: usize,
    },
    Show {
        dataset: usize,
        visibility: Visibility,
    },
    TakeIn {
        project: usize,
        person: usize,
        role: ProjectRole,
    },
    TakeOut {
        project: usize,
        person: usize,
    },
    Leave {
        project: usize,
    },
    SetPolicy {
        project: usize,
        policy: Policy,
    },
    Put {
        project: usize,
        dataset: usize,
    },
    Take {
        dataset: usize,
    },
}

/// Where people act from: everywhere at once, so that no act is refused for where it was made.
const FROM: From = From::Anywhere;

pub fn act() -> impl Strategy<Value = Act> {
    let role = select(vec![Role::Preview, Role::View, Role::Download, Role::Full, Role::Manager, Role::Manager, Role::Owner]);
    let dataset = || prop_oneof![3 => 0_usize..3, 1 => 0_usize..60];
    let what = prop_oneof![
        4 => (dataset(), worlds::to(), role, any::<bool>(), worlds::level(), worlds::terms()).prop_map(
            |(dataset, to, role, may_share, level, terms)| {
                // Elsewhere it would be refused, whatever else is asked.
                let level = level.filter(|_| role == Role::Preview);
                What::Give { dataset, to, role, may_share: may_share && role != Role::Preview, level, terms }
            }
        ),
        4 => (dataset(), worlds::to()).prop_map(|(dataset, to)| What::PassOn { dataset, to }),
        1 => (dataset(), 0_usize..60).prop_map(|(dataset, grant)| What::TakeBack { dataset, grant }),
        3 => (0_usize..60, 0_usize..60).prop_map(|(group, person)| What::Add { group, person }),
        1 => (0_usize..60, 0_usize..60).prop_map(|(group, person)| What::Remove { group, person }),
        3 => (
            dataset(),
            select(vec!["", "", "b/", "c/", "zarr.json"]),
            select(vec![Class::Collaboration, Class::Publication]),
            select(vec![Until::Never, Until::Days(1), Until::ClassDefault]),
            select(vec![None, None, Some(1), Some(2)]),
        )
            .prop_map(|(dataset, subpath, class, until, level)| What::MakeLink { dataset, subpath, class, until, level }),
        2 => (0_usize..60).prop_map(|link| What::Widen { link }),
        1 => dataset().prop_map(|dataset| What::Restrict { dataset }),
        2 => dataset().prop_map(|dataset| What::Open { dataset }),
        2 => (dataset(), select(Visibility::ALL.to_vec())).prop_map(|(dataset, visibility)| What::Show { dataset, visibility }),
        3 => (0_usize..60, 0_usize..60, select(ProjectRole::ALL.to_vec()))
            .prop_map(|(project, person, role)| What::TakeIn { project, person, role }),
        1 => (0_usize..60, 0_usize..60).prop_map(|(project, person)| What::TakeOut { project, person }),
        1 => (0_usize..60).prop_map(|project| What::Leave { project }),
        2 => (0_usize..60, select(vec![Role::Preview, Role::View, Role::Download, Role::Full]), any::<bool>(), select(ClonePolicy::ALL.to_vec()))
            .prop_map(|(project, view, figures, clone)| What::SetPolicy { project, policy: Policy { view, figures, clone } }),
        4 => (0_usize..60, dataset()).prop_map(|(project, dataset)| What::Put { project, dataset }),
        1 => dataset().prop_map(|dataset| What::Take { dataset }),
    ];
    (0_usize..60, what).prop_map(|(by, what)| Act { by, what })
}

impl World {
    fn permit(&self, by: usize, action: Action, about: About) -> Option<Permit> {
        let asker = Asker::Person(by, TokenRow::whole());
        let facts: Facts = self.facts(&asker, about);
        decide(&self.principal(&asker, FROM), action, &facts, at(0)).ok()
    }

    /// Who of these does it: mostly somebody who may.
    pub fn doer(&self, act: &Act, among: &[usize]) -> usize {
        let may = |person: &usize| match act.what {
            What::Give { dataset, .. }
            | What::PassOn { dataset, .. }
            | What::TakeBack { dataset, .. }
            | What::Restrict { dataset }
            | What::Open { dataset }
            | What::Take { dataset }
            | What::Show { dataset, .. } => self.permit(*person, Action::Grant, About::Dataset(dataset % self.datasets.len())).is_some(),
            What::MakeLink { dataset, .. } => self.permit(*person, Action::Share, About::Dataset(dataset % self.datasets.len())).is_some(),
            What::Widen { link } => {
                !self.links.is_empty() && self.permit(*person, Action::Share, About::Link(link % self.links.len())).is_some()
            }
            What::Add { group, .. } | What::Remove { group, .. } => self.groups[group % self.groups.len()].owner == *person,
            What::TakeIn { project, .. } | What::TakeOut { project, .. } | What::SetPolicy { project, .. } => {
                self.permit(*person, Action::Gather, About::Project(project % self.projects.len())).is_some()
            }
            What::Leave { project } => self.permit(*person, Action::See, About::Project(project % self.projects.len())).is_some(),
            What::Put { project, dataset } => {
                self.permit(*person, Action::See, About::Project(project % self.projects.len())).is_some()
                    && self.permit(*person, Action::Grant, About::Dataset(dataset % self.datasets.len())).is_some()
            }
        };
        let (before, after) = among.split_at(act.by % among.len());
        let mut people = after.iter().chain(before).copied();
        let first = after[0];
        if act.by < 12 { first } else { people.find(may).unwrap_or(first) }
    }

    fn subject_in_range(&self, to: To) -> To {
        match to {
            To::Person(person) => To::Person(person % self.people.len()),
            To::Group(group) => To::Group(group % self.groups.len()),
            To::Project(project) => To::Project(project % self.projects.len()),
            other => other,
        }
    }

    fn give(&mut self, by: usize, dataset: usize, ask: &GrantRow) -> bool {
        let Some(permit) = self.permit(by, Action::Grant, About::Dataset(dataset)) else { return false };
        let there = self.datasets[dataset].grants.iter().position(|row| row.to == ask.to);
        let terms = delegation::Terms { role: ask.role, may_share: ask.may_share, level: ask.level, conditions: conditions(ask.terms) };
        let new = NewGrant { subject: subject(ask.to), terms };
        let before = there.map(|index| grant(&self.datasets[dataset].grants[index]));
        let Ok(given) = granted(&permit, &self.user(by), dataset_id(dataset), new, before.as_ref(), at(0)) else { return false };
        let row = grant_row(&given, ask.to);
        match there {
            Some(index) => self.datasets[dataset].grants[index] = row,
            None => self.datasets[dataset].grants.push(row),
        }
        true
    }

    /// Does what is asked, if the rules accept it; says whether they did.
    pub fn does(&mut self, by: usize, act: &Act) -> bool {
        let datasets = self.datasets.len();
        match act.what.clone() {
            What::Give { dataset, to, role, may_share, level, terms } => {
                let to = self.subject_in_range(to);
                self.give(by, dataset % datasets, &GrantRow { to, role, may_share, level, terms, active: true })
            }
            What::PassOn { dataset, to } => {
                let (dataset, to) = (dataset % datasets, self.subject_in_range(to));
                let on: Vec<usize> = self.above(dataset).into_iter().chain([dataset]).collect();
                let rows = on.into_iter().flat_map(|on| self.datasets[on].grants.clone());
                let is_his = |row: &GrantRow| match row.to {
                    To::Person(person) => person == by,
                    To::Group(group) => self.groups[group].members.get(&by) == Some(&true),
                    To::Project(_) | To::Accounts | To::World => false,
                };
                let Some(row) = rows.filter(is_his).max_by_key(|row| row.role) else { return false };
                self.give(by, dataset, &GrantRow { to, active: true, ..row })
            }
            What::TakeBack { dataset, grant } => {
                let dataset = dataset % datasets;
                let grants = self.datasets[dataset].grants.len();
                let administers = self.permit(by, Action::Grant, About::Dataset(dataset)).is_some();
                let index = grant % grants.max(1);
                let mine = self.datasets[dataset].grants.get(index).is_some_and(|row| row.to == To::Person(by));
                if grants == 0 || !(administers || mine) {
                    return false;
                }
                self.datasets[dataset].grants[index].active = false;
                true
            }
            What::Add { group, person } | What::Remove { group, person } => {
                let (group, person) = (group % self.groups.len(), person % self.people.len());
                let gathers = self.permit(by, Action::Gather, About::Group(group)).and_then(|permit| permit.allows_gather(group_id(group)));
                if gathers.is_none() || self.groups[group].synced.is_some() || self.groups[group].owner == person {
                    return false;
                }
                self.groups[group].members.insert(person, matches!(act.what, What::Add { .. }));
                true
            }
            What::MakeLink { dataset, subpath, class, until, level } => {
                let role = level.map_or(Role::Download, |_| Role::Preview);
                let options = Options { until, role, level, ..Options::default() };
                self.make_link(by, dataset % datasets, subpath, class, options)
            }
            What::Widen { link } => {
                let Some(link) = link.checked_rem(self.links.len()) else { return false };
                let may = self.permit(by, Action::Share, About::Link(link)).is_some() && self.links[link].class != Class::Review;
                if may {
                    let row = &mut self.links[link];
                    (row.begin, row.end, row.zone, row.enabled) = (None, None, Zone::Everywhere, true);
                }
                may
            }
            What::Restrict { dataset } => {
                let dataset = dataset % datasets;
                let may = self.permit(by, Action::Grant, About::Dataset(dataset)).is_some() && !self.datasets[dataset].path.is_empty();
                self.datasets[dataset].restricted |= may;
                may
            }
            What::Open { dataset } => {
                let dataset = dataset % datasets;
                let permit = self.permit(by, Action::Grant, About::Dataset(dataset));
                let may = permit.is_some_and(|permit| may_open(&permit, dataset_id(dataset)).is_ok());
                self.datasets[dataset].restricted &= !may;
                may
            }
            What::TakeIn { .. } | What::TakeOut { .. } | What::Leave { .. } | What::SetPolicy { .. } => self.changes_project(by, &act.what),
            What::Put { project, dataset } => {
                let (project, dataset) = (project % self.projects.len(), dataset % datasets);
                let is_in = self.permit(by, Action::See, About::Project(project)).and_then(|permit| permit.is_in(project_id(project)));
                let permit = self.permit(by, Action::Grant, About::Dataset(dataset)).filter(|_| is_in.is_some());
                let may = permit.is_some_and(|permit| may_put(&permit, dataset_id(dataset)).is_ok());
                if may {
                    self.moves(dataset, Some(project));
                }
                may
            }
            What::Take { dataset } => {
                let dataset = dataset % datasets;
                let may = self.datasets[dataset].project.is_some() && self.permit(by, Action::Grant, About::Dataset(dataset)).is_some();
                if may {
                    self.moves(dataset, None);
                }
                may
            }
            What::Show { dataset, visibility } => {
                let dataset = dataset % datasets;
                let Some(permit) = self.permit(by, Action::Grant, About::Dataset(dataset)) else { return false };
                let wider = visibility > self.datasets[dataset].visibility;
                let may = !wider || may_open(&permit, dataset_id(dataset)).is_ok();
                if may {
                    self.datasets[dataset].visibility = visibility;
                }
                may
            }
        }
    }

    /// The dataset in another project, with the visibility that the product gives it there.
    fn moves(&mut self, dataset: usize, project: Option<usize>) {
        let after = self.dataset(dataset).moved(project.map(project_id));
        let row = &mut self.datasets[dataset];
        (row.project, row.visibility) = (project, after.visibility);
    }

    /// Who is in a project, and what that gives. Whoever is blocked anywhere takes nobody in and makes nothing wider, as the handlers have it.
    fn changes_project(&mut self, by: usize, what: &What) -> bool {
        let (What::TakeIn { project, .. } | What::TakeOut { project, .. } | What::Leave { project } | What::SetPolicy { project, .. }) =
            what
        else {
            return false;
        };
        let project = project % self.projects.len();
        let manages = self.permit(by, Action::Gather, About::Project(project)).and_then(|permit| permit.allows_manage(project_id(project)));
        let is_in = self.permit(by, Action::See, About::Project(project)).and_then(|permit| permit.is_in(project_id(project)));
        let blocked = self.sources.iter().any(|source| source.blocked.contains(&by));
        let people = self.people.len();
        let (before, mut after) = (self.project(project), self.projects[project].clone());
        let may = match what {
            What::TakeIn { person, role, .. } => {
                after.members.insert(person % people, *role);
                manages.is_some() && !blocked
            }
            What::TakeOut { person, .. } => {
                after.members.remove(&(person % people));
                manages.is_some()
            }
            What::Leave { .. } => {
                after.members.remove(&by);
                is_in.is_some()
            }
            What::SetPolicy { policy, .. } => {
                after.policy = *policy;
                let wider = !before.gives().holds(Project { policy: *policy, ..before.clone() }.gives());
                manages.is_some() && policy.checked().is_ok() && !(wider && blocked)
            }
            _ => false,
        };
        let is_kept = before.managers == 0 || after.members.values().any(|role| *role == ProjectRole::Manager);
        if may && is_kept {
            self.projects[project] = after;
        }
        may && is_kept
    }

    fn make_link(&mut self, by: usize, dataset: usize, subpath: &str, class: Class, options: Options) -> bool {
        let Some(permit) = self.permit(by, Action::Share, About::Dataset(dataset)) else { return false };
        let ask = NewLink { subpath: path(subpath), class, options };
        let birth = Birth { id: LinkId::new(Uuid::from_u128(1)), epoch: Epoch::new([0; 16]), hash: KeyHash::of("key"), via: None };
        let Ok(link) = Link::new(&permit, &self.place(dataset), ask, birth, at(0)) else { return false };
        let row = link_row(&link, dataset, by);
        self.links.push(row);
        true
    }
}
