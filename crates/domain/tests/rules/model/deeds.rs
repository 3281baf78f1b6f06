//! How each act is done: by the product's own rules, and changing the world only where they accept it.

use domain::{
    dataset::{Dataset, Kind},
    decision::Action,
    delegation::{self, NewGrant, granted, may_open, may_put},
    grant::ProjectRole,
    id::{LinkId, RequestId},
    invitation::{InvitationState, Invitee, invited, met},
    key::{Epoch, KeyHash},
    limits::ANCESTORS_MAX,
    link::{Birth, Class, Link, NewLink, Options},
    project::Project,
    request,
    rights::Role,
    source::State,
};
use uuid::Uuid;

use super::{
    acts::{Act, What},
    facts::{address_of, at, conditions, dataset_id, grant, grant_row, group_id, link_row, path, project_id, second_of, subject, user_id},
    world::{About, DatasetRow, GrantRow, LinkRow, OfferRow, To, WaitingRow, World, Zone},
};

impl World {
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
            What::EditLink { link, edit } => {
                let Some(link) = link.checked_rem(self.links.len()) else { return false };
                let before = self.stored_link(link);
                let after = before.edited(&self.place(self.links[link].dataset), edit, at(0));
                after.is_ok_and(|after| self.change_link(by, link, &before, &after))
            }
            What::Switch { link, enabled } => {
                let Some(link) = link.checked_rem(self.links.len()) else { return false };
                let before = self.stored_link(link);
                let after = Link { enabled, ..before.clone() };
                self.change_link(by, link, &before, &after)
            }
            What::Retarget { link, dataset, subpath } => {
                link.checked_rem(self.links.len()).is_some_and(|link| self.retarget(by, link, dataset % datasets, subpath))
            }
            What::Promote { link, until } => {
                let Some(link) = link.checked_rem(self.links.len()) else { return false };
                let (before, dataset) = (self.stored_link(link), self.links[link].dataset);
                let sees = self.permit(by, Action::See, About::Link(link)).is_some();
                let Some(permit) = self.permit(by, Action::Share, About::Dataset(dataset)).filter(|_| sees) else { return false };
                let Ok(after) = before.promoted(&permit, &self.place(dataset), (until, None), at(0)) else { return false };
                let may = !self.links[link].revoked && before.links_gen == self.datasets[dataset].links_gen;
                if may {
                    self.links[link] = self.edited_row(link, &after);
                }
                may
            }
            What::Revoke { link } => {
                let Some(link) = link.checked_rem(self.links.len()) else { return false };
                let may = self.permit(by, Action::Narrow, About::Link(link)).is_some();
                self.links[link].revoked |= may;
                may
            }
            What::Invite { dataset, person, role, may_share, level, terms } => {
                let terms = delegation::Terms { role, may_share, level, conditions: conditions(terms) };
                self.invite(by, dataset % datasets, person % self.people.len(), terms)
            }
            What::TakeBackInvitation { invitation } => {
                let Some(index) = invitation.checked_rem(self.waiting.len()) else { return false };
                let may = self.permit(by, Action::Grant, About::Dataset(self.waiting[index].dataset)).is_some();
                if may && self.waiting[index].invitation.state == InvitationState::Waiting {
                    self.waiting[index].invitation.state = InvitationState::Withdrawn;
                }
                may
            }
            What::SignIn { invitation } => {
                let Some(index) = invitation.checked_rem(self.waiting.len()) else { return false };
                self.sign_in(self.waiting[index].person)
            }
            What::Register { path, kind } => self.register(by, path, kind),
            What::Offer { dataset, to } => self.offers(by, dataset % datasets, to % self.people.len()),
            What::Retire { dataset } => {
                let dataset = dataset % datasets;
                let holds_others = (0..datasets).any(|other| self.above(other).contains(&dataset));
                let may = self.permit(by, Action::HandOver, About::Dataset(dataset)).is_some();
                if !may
                    || holds_others
                    || self
                        .dataset(dataset)
                        .retired(self.above(dataset).into_iter().map(|above| self.dataset(above)).collect::<Vec<_>>().iter())
                        .is_err()
                {
                    return false;
                }
                self.datasets[dataset].state = State::Retired;
                true
            }
            What::Accept { offer } => {
                let Some(index) = offer.checked_rem(self.offers.len()) else { return false };
                let may = self.permit(by, Action::HandOver, About::Offer(index)).is_some();
                if may {
                    let OfferRow { dataset, to, .. } = self.offers[index];
                    (self.datasets[dataset].owner, self.datasets[dataset].successor) = (to, None);
                    self.offers[index].waits = false;
                }
                may
            }
            What::TakeBackOffer { offer } => {
                let Some(index) = offer.checked_rem(self.offers.len()) else { return false };
                let may = self.permit(by, Action::HandOver, About::Dataset(self.offers[index].dataset)).is_some();
                self.offers[index].waits &= !may;
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
        let birth =
            Birth { id: LinkId::new(Uuid::from_u128(1)), epoch: Epoch::new([0; 16]), hash: KeyHash::of("key"), code: None, via: None };
        let Ok(link) = Link::new(&permit, &self.place(dataset), ask, birth, at(0)) else { return false };
        let row = link_row(&link, dataset, by);
        self.links.push(row);
        true
    }

    /// A link as the table would have it: its version beyond the mark of its password, and with the budgets of one that counts its passes.
    pub fn stored_link(&self, index: usize) -> Link {
        let row = &self.links[index];
        let mut link = self.link(index);
        link.version = row.password.unwrap_or_default() + 1;
        link.options.requests_per_second = row.counted.then_some(5);
        link.options.bytes_per_day = row.counted.then_some(5);
        link
    }

    /// The row of a link after a change.
    pub fn edited_row(&self, index: usize, after: &Link) -> LinkRow {
        let row = &self.links[index];
        LinkRow { revoked: row.revoked, ..link_row(after, row.dataset, row.maker) }
    }

    /// A change of a link that stays where it is: what widens it takes the right to share, what narrows it less.
    fn change_link(&mut self, by: usize, link: usize, before: &Link, after: &Link) -> bool {
        let action = if before.is_widened_by(after) { Action::Share } else { Action::Narrow };
        if self.links[link].revoked || self.permit(by, action, About::Link(link)).is_none() {
            return false;
        }
        self.links[link] = self.edited_row(link, after);
        true
    }

    fn retarget(&mut self, by: usize, link: usize, dataset: usize, subpath: &str) -> bool {
        let here = self.permit(by, Action::Share, About::Link(link));
        let (Some(_here), Some(there)) = (here, self.permit(by, Action::Share, About::Dataset(dataset))) else { return false };
        let (before, from, to) = (self.link(link), self.place(self.links[link].dataset), self.place(dataset));
        // Every link of a world has one name, and which ending fits is not what is asked here.
        let name = path(subpath).name().or_else(|| to.dataset.path.name()).unwrap_or(to.source.name.as_str()).to_owned();
        let before = Link { name, ..before };
        let Ok(after) = before.retargeted(&there, &from, &to, path(subpath), None, at(0)) else { return false };
        if self.links[link].revoked {
            return false;
        }
        self.links[link] = LinkRow { password: self.links[link].password, ..link_row(&after, dataset, self.links[link].maker) };
        true
    }

    fn offers(&mut self, by: usize, dataset: usize, to: usize) -> bool {
        let Some(permit) = self.permit(by, Action::HandOver, About::Dataset(dataset)) else { return false };
        let waits = |row: &OfferRow| row.dataset == dataset && row.waits && row.end > 0;
        let id = RequestId::new(Uuid::nil());
        let made = request::offer(&permit, &self.dataset(dataset), id, user_id(to), None, at(0));
        if self.offers.iter().any(waits) || made.is_err() {
            return false;
        }
        let from = self.datasets[dataset].owner;
        self.offers.push(OfferRow { dataset, by, from, to, end: second_of(made.ok().map(|made| made.until)).unwrap(), waits: true });
        true
    }

    fn invite(&mut self, by: usize, dataset: usize, person: usize, terms: delegation::Terms) -> bool {
        let Some(permit) = self.permit(by, Action::Grant, About::Dataset(dataset)) else { return false };
        let there = self.waiting.iter().position(|row| row.dataset == dataset && row.person == person);
        let before = there.map(|index| &self.waiting[index].invitation);
        let on = (dataset_id(dataset), Invitee::Address(address_of(person)));
        let Ok(invitation) = invited(&permit, &self.user(by), on, terms, before, at(0)) else { return false };
        let row = WaitingRow { dataset, person, by, invitation };
        match there {
            Some(index) => self.waiting[index] = row,
            None => self.waiting.push(row),
        }
        true
    }

    /// Gives somebody what waits for his address, as its senders may give it now; whether that changed anything.
    fn sign_in(&mut self, person: usize) -> bool {
        let mut is_changed = false;
        for index in 0..self.waiting.len() {
            let WaitingRow { dataset, by, invitation, .. } = self.waiting[index].clone();
            if self.waiting[index].person != person || !invitation.waits(at(0)) {
                continue;
            }
            let grants = &self.datasets[dataset].grants;
            let there = grants.iter().position(|row| row.to == To::Person(person));
            let is_kept = |index: usize| grants[index].active && grants[index].terms.end.is_none_or(|end| end > 0);
            if by == person || there.is_some_and(is_kept) {
                self.waiting[index].invitation.state = InvitationState::Met;
                is_changed = true;
                continue;
            }
            let before = there.map(|index| grant(&grants[index]));
            let Some(permit) = self.permit(by, Action::Grant, About::Dataset(dataset)) else { continue };
            let Ok(given) = met(&permit, &self.user(by), &invitation, user_id(person), before.as_ref(), at(0)) else { continue };
            let row = grant_row(&given, To::Person(person));
            match there {
                Some(index) => self.datasets[dataset].grants[index] = row,
                None => self.datasets[dataset].grants.push(row),
            }
            self.waiting[index].invitation.state = InvitationState::Met;
            is_changed = true;
        }
        is_changed
    }

    fn register(&mut self, by: usize, at_path: &str, kind: Kind) -> bool {
        let Some(above) = self.nearest_above(at_path) else { return false };
        // Of a world the rows stay where they are: what was retired keeps its path to itself here.
        let is_there = self
            .datasets
            .iter()
            .any(|row| row.source == 0 && (row.path == at_path || (row.state == State::Retired && at_path.starts_with(&row.path))));
        if is_there || self.permit(by, Action::Register, About::Dataset(above)).is_none() {
            return false;
        }
        let id = dataset_id(self.datasets.len());
        let Ok(new) = Dataset::below(&self.dataset(above), id, path(at_path), kind, at(0)) else { return false };
        let mut after = self.clone();
        after.datasets.push(self.registered(above, &new));
        // What lies in it names it, too, and may lie in no more than so many.
        if (0..after.datasets.len()).any(|index| after.above(index).len() > ANCESTORS_MAX) {
            return false;
        }
        *self = after;
        true
    }

    /// The row of a dataset that was registered below another.
    pub fn registered(&self, above: usize, new: &Dataset) -> DatasetRow {
        DatasetRow {
            path: new.path.as_str().to_owned(),
            kind: new.kind,
            successor: None,
            visibility: new.visibility,
            project: None,
            restricted: new.restricted,
            strict: new.strict,
            state: State::Active,
            links_gen: 0,
            levelled: false,
            grants: Vec::new(),
            ..self.datasets[above].clone()
        }
    }

    /// This world as it would be if what was registered until `later` had been registered in it, and nothing else had been done.
    pub fn with_registered_until(&self, later: &Self) -> Self {
        let mut world = self.clone();
        for row in &later.datasets[self.datasets.len()..] {
            let above = world.nearest_above(&row.path).unwrap();
            let new = Dataset::below(&world.dataset(above), dataset_id(world.datasets.len()), path(&row.path), row.kind, at(0)).unwrap();
            let row = world.registered(above, &new);
            world.datasets.push(row);
        }
        world
    }
}
