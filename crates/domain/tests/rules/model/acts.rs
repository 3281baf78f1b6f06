//! What people do to a world: giving and taking back, inviting, filling groups, making links and changing them, registering, handing over,
//! restricting and opening, taking part in projects and putting datasets into them. How each is done: `deeds.rs`.

use domain::{
    dataset::{Kind, Visibility},
    decision::{Action, Facts, Permit, decide},
    grant::{ClonePolicy, Policy, ProjectRole},
    link::{Class, Edit, Until},
    rights::Role,
};
use proptest::{option, prelude::*, sample::select};

use super::{
    facts::{at, is_folder, zones},
    world::{About, Asker, From, Terms, To, TokenRow, World, Zone},
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
    /// Gives a link other options.
    EditLink {
        link: usize,
        edit: Edit,
    },
    /// Pauses a link, or resumes it.
    Switch {
        link: usize,
        enabled: bool,
    },
    Retarget {
        link: usize,
        dataset: usize,
        subpath: &'static str,
    },
    /// Makes a review link a publication link.
    Promote {
        link: usize,
        until: Until,
    },
    Revoke {
        link: usize,
    },
    /// Offers a grant to the address of somebody, of whom nobody knows whether he is there.
    Invite {
        dataset: usize,
        person: usize,
        role: Role,
        may_share: bool,
        level: Option<u8>,
        terms: Terms,
    },
    TakeBackInvitation {
        invitation: usize,
    },
    /// The person to whose address an invitation was sent signs in, and is given what waits for it: by those who sent it.
    SignIn {
        invitation: usize,
    },
    /// Registers a folder: below others, above others, or between.
    Register {
        path: &'static str,
        kind: Kind,
    },
    Retire {
        dataset: usize,
    },
    Offer {
        dataset: usize,
        to: usize,
    },
    /// Whom it was offered to takes a dataset.
    Accept {
        offer: usize,
    },
    /// Whoever owns the dataset takes an offer back.
    TakeBackOffer {
        offer: usize,
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

/// What is registered in a run: mostly what lies between the datasets of a world, where one is missing.
const REGISTERED: [(&str, Kind); 6] = [
    ("a/b/", Kind::Zarr),
    ("a/b/c/", Kind::Folder),
    ("a/bc/", Kind::Zarr),
    ("b/", Kind::Folder),
    ("b/1/", Kind::Folder),
    ("a/b/c/d/", Kind::Zarr),
];

/// Where people act from: everywhere at once, so that no act is refused for where it was made.
const FROM: From = From::Anywhere;

/// Other options for a link: a few at once, of which some take away and some give.
pub fn edit() -> impl Strategy<Value = Edit> {
    let until = option::weighted(0.3, select(vec![Until::Never, Until::Days(1), Until::Days(400), Until::At(at(1)), Until::At(at(1_000))]));
    let begin = option::weighted(0.2, select(vec![None, Some(at(-1)), Some(at(1)), Some(at(999))]));
    let role = option::weighted(0.4, select(vec![Role::Preview, Role::View, Role::Download, Role::Full]));
    let level = option::weighted(0.3, select(vec![None, Some(1), Some(2)]));
    let zone = option::weighted(0.3, select(Zone::ALL.to_vec()));
    let bits = (option::weighted(0.2, any::<bool>()), option::weighted(0.2, any::<bool>()), option::weighted(0.2, any::<bool>()));
    let password = option::weighted(0.2, any::<bool>());
    let most = || option::weighted(0.2, select(vec![None, Some(1), Some(5), Some(6)]));
    (until, begin, role, level, zone, bits, password, (most(), most(), most())).prop_map(
        |(until, not_before, role, level, zone, (strict, hard_zones, hide_listing), password, (sessions, requests, bytes))| Edit {
            label: None,
            until,
            not_before,
            strict,
            role,
            // Elsewhere it would be refused, whatever else is asked.
            level: level.filter(|level| level.is_none() || role == Some(Role::Preview)),
            zones: zone.map(zones),
            hard_zones,
            hide_listing,
            password,
            sessions_max: sessions,
            requests_per_second: requests,
            bytes_per_day: bytes.map(|bytes| bytes.map(u64::from)),
        },
    )
}

/// What is offered: a role, whether to share, a level, when and from where.
fn offer() -> impl Strategy<Value = (Role, bool, Option<u8>, Terms)> {
    let role = select(vec![Role::Preview, Role::View, Role::Download, Role::Full, Role::Manager, Role::Manager, Role::Owner]);
    (role, any::<bool>(), worlds::level(), worlds::terms()).prop_map(|(role, may_share, level, terms)| {
        // Elsewhere it would be refused, whatever else is asked.
        (role, may_share && role != Role::Preview, level.filter(|_| role == Role::Preview), terms)
    })
}

pub fn act() -> impl Strategy<Value = Act> {
    let dataset = || prop_oneof![3 => 0_usize..3, 1 => 0_usize..60];
    let what = prop_oneof![
        4 => (dataset(), worlds::to(), offer())
            .prop_map(|(dataset, to, (role, may_share, level, terms))| What::Give { dataset, to, role, may_share, level, terms }),
        4 => (dataset(), worlds::to()).prop_map(|(dataset, to)| What::PassOn { dataset, to }),
        1 => (dataset(), 0_usize..60).prop_map(|(dataset, grant)| What::TakeBack { dataset, grant }),
        3 => (0_usize..60, 0_usize..60).prop_map(|(group, person)| What::Add { group, person }),
        1 => (0_usize..60, 0_usize..60).prop_map(|(group, person)| What::Remove { group, person }),
        3 => (
            dataset(),
            select(vec!["", "", "b/", "c/", "zarr.json"]),
            select(vec![Class::Collaboration, Class::Review, Class::Publication]),
            select(vec![Until::Never, Until::Days(1), Until::ClassDefault]),
            select(vec![None, None, Some(1), Some(2)]),
        )
            .prop_map(|(dataset, subpath, class, until, level)| What::MakeLink { dataset, subpath, class, until, level }),
        2 => (0_usize..60).prop_map(|link| What::Widen { link }),
        4 => (0_usize..60, edit()).prop_map(|(link, edit)| What::EditLink { link, edit }),
        2 => (0_usize..60, any::<bool>()).prop_map(|(link, enabled)| What::Switch { link, enabled }),
        2 => (0_usize..60, dataset(), select(vec!["", "", "b/", "c/"])).prop_map(|(link, dataset, subpath)| What::Retarget { link, dataset, subpath }),
        2 => (0_usize..60, select(vec![Until::ClassDefault, Until::Days(1)])).prop_map(|(link, until)| What::Promote { link, until }),
        1 => (0_usize..60).prop_map(|link| What::Revoke { link }),
        4 => (dataset(), 0_usize..60, offer()).prop_map(|(dataset, person, (role, may_share, level, terms))| {
            What::Invite { dataset, person, role, may_share, level, terms }
        }),
        2 => (0_usize..60).prop_map(|invitation| What::TakeBackInvitation { invitation }),
        4 => (0_usize..60).prop_map(|invitation| What::SignIn { invitation }),
        2 => select(REGISTERED.to_vec()).prop_map(|(path, kind)| What::Register { path, kind }),
        1 => dataset().prop_map(|dataset| What::Retire { dataset }),
        3 => (dataset(), 0_usize..60).prop_map(|(dataset, to)| What::Offer { dataset, to }),
        3 => (0_usize..60).prop_map(|offer| What::Accept { offer }),
        1 => (0_usize..60).prop_map(|offer| What::TakeBackOffer { offer }),
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
    pub fn permit(&self, by: usize, action: Action, about: About) -> Option<Permit> {
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
            | What::Show { dataset, .. }
            | What::Invite { dataset, .. } => self.permit(*person, Action::Grant, About::Dataset(dataset % self.datasets.len())).is_some(),
            What::MakeLink { dataset, .. } => self.permit(*person, Action::Share, About::Dataset(dataset % self.datasets.len())).is_some(),
            What::Widen { link } | What::Switch { link, .. } | What::Retarget { link, .. } => self.may_change(*person, Action::Share, link),
            What::EditLink { link, .. } | What::Revoke { link } => self.may_change(*person, Action::Narrow, link),
            What::Promote { link, .. } => link
                .checked_rem(self.links.len())
                .is_some_and(|link| self.permit(*person, Action::Share, About::Dataset(self.links[link].dataset)).is_some()),
            What::TakeBackInvitation { invitation } => invitation
                .checked_rem(self.waiting.len())
                .is_some_and(|index| self.permit(*person, Action::Grant, About::Dataset(self.waiting[index].dataset)).is_some()),
            What::SignIn { .. } => true,
            What::Register { path, .. } => {
                self.nearest_above(path).is_some_and(|above| self.permit(*person, Action::Register, About::Dataset(above)).is_some())
            }
            What::Offer { dataset, .. } | What::Retire { dataset } => {
                self.permit(*person, Action::HandOver, About::Dataset(dataset % self.datasets.len())).is_some()
            }
            What::Accept { offer } => offer
                .checked_rem(self.offers.len())
                .is_some_and(|index| self.permit(*person, Action::HandOver, About::Offer(index)).is_some()),
            What::TakeBackOffer { offer } => offer
                .checked_rem(self.offers.len())
                .is_some_and(|index| self.permit(*person, Action::HandOver, About::Dataset(self.offers[index].dataset)).is_some()),
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

    fn may_change(&self, person: usize, action: Action, link: usize) -> bool {
        link.checked_rem(self.links.len()).is_some_and(|link| self.permit(person, action, About::Link(link)).is_some())
    }

    /// The dataset of the first source that would hold one registered at this path.
    pub fn nearest_above(&self, path: &str) -> Option<usize> {
        let holds = |index: &usize| {
            let row = &self.datasets[*index];
            row.source == 0 && row.path != path && is_folder(&row.path) && path.starts_with(&row.path)
        };
        (0..self.datasets.len()).filter(holds).max_by_key(|index| self.datasets[*index].path.len())
    }
}
