//! What the product is told of a world for one question: the projection that the table makes from rows.
//!
//! It gives the decision *all* that is known around a question, what is asleep or for others too: the decision must sort it out.

use std::sync::Arc;

use domain::{
    address::{AddressKey, EmailAddress, EmailHash},
    clone::ReferenceClone,
    dataset::Dataset,
    decision::{DatasetFacts, Facts, LinkFacts, OfferFacts, Place, Principal, Who},
    grant::{Above, Conditions, Grant, Group, GroupKind, Hold, Membership, Net, Participation, ProjectRole, Reach, Subject, Zones},
    id::{CloneId, DatasetId, GroupId, LinkId, ProjectId, RequestId, SourceId, TermsId, TokenId, UserId},
    key::{Epoch, KeyHash},
    levels::{Arrays, Levels},
    link::{Link, Options, Tombstone, Until},
    pass::{Guard, Pass},
    path::ObjectPath,
    policy::{DeploymentPolicy, Openers},
    project::Project,
    request::{Request, RequestState, Wish},
    source::{Ceilings, Source, SourceName, State, Store},
    token::{Token, TokenKind},
    user::User,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::world::{About, Asker, DatasetRow, From, GrantRow, LinkRow, NOW_SECS, Terms, To, TokenRow, World, Zone};

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW_SECS + second).unwrap()
}

/// Seconds from [`NOW_SECS`]; `None`: for good.
pub fn second_of(instant: Option<Timestamp>) -> Option<i64> {
    instant.filter(|instant| *instant != Timestamp::MAX).map(|instant| instant.as_second() - NOW_SECS)
}

fn uuid(kind: u128, index: usize) -> Uuid {
    Uuid::from_u128((kind << 64) | (u128::try_from(index).unwrap() + 1))
}

pub fn user_id(index: usize) -> UserId {
    UserId::new(uuid(1, index))
}

/// The id of one of the two texts of data-use terms.
pub fn terms_id(text: usize) -> TermsId {
    TermsId::new(Uuid::from_u128(9_000 + u128::try_from(text).unwrap()))
}

pub fn group_id(index: usize) -> GroupId {
    GroupId::new(uuid(2, index))
}

pub fn project_id(index: usize) -> ProjectId {
    ProjectId::new(uuid(3, index))
}

pub fn source_id(index: usize) -> SourceId {
    SourceId::new(uuid(4, index))
}

pub fn dataset_id(index: usize) -> DatasetId {
    DatasetId::new(uuid(5, index))
}

pub fn link_id(index: usize) -> LinkId {
    LinkId::new(uuid(6, index))
}

/// What stands for the address of a person.
pub fn address_of(person: usize) -> EmailHash {
    let key = AddressKey::new(vec![9; 32]).unwrap();
    key.email(&EmailAddress::parse(&format!("person-{person}@lab.example")).unwrap())
}

pub fn path(text: &str) -> ObjectPath {
    ObjectPath::from_decoded(text).unwrap()
}

/// What a dataset knows of its arrays, if it does: three levels of an image in it, and of one in its folder `b/`.
fn levels() -> Levels {
    let image = |at: &str| (0..3).map(|level| (Arrays { any: 0, folder: path(&format!("{at}{level}/")) }, level)).collect::<Vec<_>>();
    Levels::new([image(""), image("b/")].concat()).unwrap()
}

pub fn zones(zone: Zone) -> Zones {
    let texts: &[&str] = match zone {
        Zone::Everywhere => &[],
        Zone::Lab => &["10.0.0.0/24"],
        Zone::Campus => &["10.0.0.0/8"],
        Zone::LabAndHome => &["192.0.2.0/24", "10.0.0.0/24"],
        Zone::Six => &["2001:db8::/32"],
    };
    Zones::parse(texts).unwrap()
}

/// The zone that [`zones`] makes these of.
pub fn zone_of(these: &Zones) -> Zone {
    Zone::ALL.into_iter().find(|zone| zones(*zone) == *these).unwrap()
}

pub fn net(from: From) -> Net {
    let address = match from {
        From::Lab => "10.0.0.1",
        From::LabMapped => "::ffff:10.0.0.1",
        From::Campus => "10.7.0.1",
        From::Home => "192.0.2.9",
        From::Six => "2001:db8::9",
        From::Elsewhere => "198.51.100.1",
        From::Unknown => return Net::Unknown,
        From::Anywhere => return Net::Anywhere,
    };
    Net::At(address.parse().unwrap())
}

pub fn conditions(terms: Terms) -> Conditions {
    Conditions { not_before: terms.begin.map(at), until: terms.end.map(at), zones: zones(terms.zone) }
}

pub fn subject(to: To) -> Subject {
    match to {
        To::Person(person) => Subject::User(user_id(person)),
        To::Group(group) => Subject::Group(group_id(group)),
        To::Project(project) => Subject::Project(project_id(project)),
        To::Accounts => Subject::Accounts,
        To::World => Subject::World,
    }
}

pub fn grant(row: &GrantRow) -> Grant {
    Grant {
        subject: subject(row.to),
        role: row.role,
        may_share: row.may_share,
        level: row.level,
        conditions: conditions(row.terms),
        by: user_id(0),
        at: at(-1_000),
        hold: if row.active { Hold::Active } else { Hold::Withdrawn },
        version: 1,
    }
}

/// The row of a grant that the product made on a world.
pub fn grant_row(grant: &Grant, to: To) -> GrantRow {
    assert_eq!(grant.subject, subject(to));
    let terms = Terms {
        begin: second_of(grant.conditions.not_before),
        end: second_of(grant.conditions.until),
        zone: zone_of(&grant.conditions.zones),
    };
    GrantRow { to, role: grant.role, may_share: grant.may_share, level: grant.level, terms, active: grant.hold == Hold::Active }
}

/// A clone of the first dataset, by its owner.
pub fn clone_of(owner: usize) -> ReferenceClone {
    ReferenceClone {
        id: CloneId::new(uuid(9, owner)),
        of: dataset_id(0),
        owner: user_id(owner),
        title: "mine".to_owned(),
        notes: None,
        state: State::Active,
        made: at(-1_000),
        version: 1,
    }
}

impl World {
    pub fn user(&self, index: usize) -> User {
        let row = &self.people[index];
        User {
            id: user_id(index),
            name: format!("person {index}"),
            administrator: row.administrator,
            auditor: row.auditor,
            curator: row.curator,
            standing: row.standing,
            accepted: (0..2).filter(|text| row.accepted[*text]).map(terms_id).collect(),
            version: 1,
        }
    }

    pub fn group(&self, index: usize) -> Group {
        let row = &self.groups[index];
        let kind = row.synced.map_or(GroupKind::Manual, |synced| GroupKind::Synced { synced: at(synced) });
        Group {
            id: group_id(index),
            name: format!("group-{index}"),
            owner: user_id(row.owner),
            kind,
            state: row.state,
            made: at(-1_000),
            version: 1,
        }
    }

    pub fn project(&self, index: usize) -> Project {
        let row = &self.projects[index];
        let managers = row.members.values().filter(|role| **role == ProjectRole::Manager).count();
        Project {
            id: project_id(index),
            name: format!("project-{index}"),
            policy: row.policy,
            managers: u32::try_from(managers).unwrap(),
            state: State::Active,
            made: at(-1_000),
            version: 1,
        }
    }

    /// The datasets that one lies in, outermost first.
    pub fn above(&self, index: usize) -> Vec<usize> {
        let row = &self.datasets[index];
        let holds = |other: &DatasetRow| other.source == row.source && is_folder(&other.path) && row.path.starts_with(&other.path);
        let mut above: Vec<usize> = (0..self.datasets.len()).filter(|other| *other != index && holds(&self.datasets[*other])).collect();
        above.sort_by_key(|other| self.datasets[*other].path.len());
        above
    }

    /// The paths of the restricted datasets in one, an outer one standing for those in it.
    fn cuts(&self, index: usize) -> Vec<ObjectPath> {
        let below: Vec<usize> = (0..self.datasets.len()).filter(|other| self.above(*other).contains(&index)).collect();
        let restricted = |other: &usize| self.datasets[*other].restricted;
        let outermost = |other: &usize| !self.above(*other).iter().any(|above| below.contains(above) && restricted(above));
        below.iter().filter(|other| restricted(other) && outermost(other)).map(|other| path(&self.datasets[*other].path)).collect()
    }

    pub fn dataset(&self, index: usize) -> Dataset {
        let row = &self.datasets[index];
        Dataset {
            id: dataset_id(index),
            source: source_id(row.source),
            path: path(&row.path),
            kind: row.kind,
            owner: user_id(row.owner),
            successor: row.successor.map(user_id),
            ancestors: self.above(index).into_iter().map(dataset_id).collect(),
            visibility: row.visibility,
            curated: None,
            project: row.project.map(project_id),
            restricted: row.restricted,
            strict: row.strict,
            link_set: None,
            given_until: None,
            cuts: self.cuts(index),
            levels: if row.levelled { levels() } else { Levels::default() },
            links_gen: row.links_gen,
            state: row.state,
            registered: at(-1_000),
            version: 1,
        }
    }

    pub fn source(&self, index: usize) -> Source {
        let row = &self.sources[index];
        let store = Store {
            bucket: format!("bucket-{index}"),
            region: "us-east-1".to_owned(),
            endpoint: None,
            path_style: true,
            role: None,
            requester_pays: false,
        };
        let root =
            (0..self.datasets.len()).find(|dataset| self.datasets[*dataset].source == index && self.datasets[*dataset].path.is_empty());
        Source {
            id: source_id(index),
            name: SourceName::parse(&format!("source-{index}")).unwrap(),
            store,
            prefix: path(row.prefix),
            ceilings: Ceilings {
                audience: row.audience,
                link_days_max: row.life_days,
                zones: zones(row.zone),
                hard_zones: false,
                terms: row.terms.map(terms_id),
            },
            policy: DeploymentPolicy {
                ceilings: Ceilings {
                    audience: self.policy.audience,
                    link_days_max: self.policy.life_days,
                    zones: zones(self.policy.zone),
                    hard_zones: false,
                    terms: self.policy.terms.map(terms_id),
                },
                openers: Openers::Owners,
                second_person: false,
                version: 1,
            },
            writable: row.writable,
            serving: row.serving,
            state: row.state,
            root: dataset_id(root.unwrap()),
            version: 1,
        }
    }

    pub fn place(&self, dataset: usize) -> Place {
        Place { source: self.source(self.datasets[dataset].source), dataset: self.dataset(dataset) }
    }

    /// What is known of one person's, or nobody's, access to a dataset.
    pub fn reach(&self, person: Option<usize>, dataset: usize) -> Reach {
        let grants = |dataset: usize| self.datasets[dataset].grants.iter().map(grant).collect::<Vec<_>>();
        let mut reach = Reach {
            user: person.map(user_id),
            here: grants(dataset),
            above: self.above(dataset).into_iter().map(|above| Above { dataset: self.dataset(above), grants: grants(above) }).collect(),
            ..Reach::default()
        };
        if let Some(person) = person {
            let is_active = |group: &usize| self.groups[*group].members.get(&person) == Some(&true);
            let membership = |group: usize| Some(Membership { group: group_id(group), until: self.group(group).counts_until()? });
            reach.groups = (0..self.groups.len()).filter(is_active).filter_map(membership).collect();
            reach.projects = (0..self.projects.len())
                .filter_map(|index| {
                    let project = &self.projects[index];
                    let role = *project.members.get(&person)?;
                    Some(Participation { project: project_id(index), role, policy: project.policy })
                })
                .collect();
            reach.blocked = self.sources[self.datasets[dataset].source].blocked.contains(&person);
        }
        reach
    }

    pub fn link(&self, index: usize) -> Link {
        let LinkRow {
            dataset,
            subpath,
            class,
            maker,
            stewarded,
            enabled,
            revoked: _,
            begin,
            end,
            made,
            links_gen,
            role,
            zone,
            hidden,
            level,
            password,
            counted,
            over,
        } = &self.links[index];
        Link {
            code: None,
            id: link_id(index),
            hash: link_hash(index),
            dataset: dataset_id(*dataset),
            source: source_id(self.datasets[*dataset].source),
            subpath: path(subpath),
            name: "name".to_owned(),
            class: *class,
            options: Options {
                label: String::new(),
                until: end.map_or(Until::Never, |end| Until::At(at(end))),
                not_before: begin.map(at),
                role: *role,
                zones: zones(*zone),
                hide_listing: *hidden,
                level: *level,
                password: *password,
                sessions_max: counted.then_some(3),
                ..Options::default()
            },
            until: end.map(at),
            maker: user_id(*maker),
            via: None,
            stewarded: *stewarded,
            enabled: *enabled,
            links_gen: *links_gen,
            epoch: Epoch::new([0; 16]),
            given_until: None,
            over_until: over.map(at),
            made: at(*made),
            version: 1,
        }
    }

    pub fn link_facts(&self, index: usize, asking: Option<usize>) -> LinkFacts {
        let row = &self.links[index];
        let tombstone = row.revoked.then(|| Tombstone { at: at(-1), by: user_id(row.maker), reason: None });
        let reach = self.reach(Some(row.maker), row.dataset);
        let mut facts = LinkFacts::new(self.link(index), tombstone, self.place(row.dataset), self.user(row.maker), reach).unwrap();
        facts.asking = asking.map(|person| self.reach(Some(person), row.dataset));
        facts
    }

    pub fn dataset_facts(&self, index: usize, asking: Option<usize>) -> DatasetFacts {
        DatasetFacts::new(self.place(index), self.reach(asking, index)).unwrap()
    }

    pub fn offer(&self, index: usize) -> Request {
        let row = &self.offers[index];
        Request {
            id: RequestId::new(uuid(8, index)),
            dataset: dataset_id(row.dataset),
            wish: Wish::Transfer { from: user_id(row.from), to: user_id(row.to) },
            by: user_id(row.by),
            reason: None,
            answer: None,
            at: at(-1_000),
            until: at(row.end),
            state: if row.waits { RequestState::Waiting } else { RequestState::Withdrawn },
            version: 1,
        }
    }

    fn offer_facts(&self, index: usize, asking: Option<usize>) -> OfferFacts {
        let row = &self.offers[index];
        let (maker, reach) = (self.user(row.by), self.reach(Some(row.by), row.dataset));
        OfferFacts { dataset: Arc::new(self.dataset_facts(row.dataset, asking)), request: self.offer(index), maker, reach }
    }

    /// Everything that the decision needs for a question.
    pub fn facts(&self, asker: &Asker, about: About) -> Facts {
        let asking = match asker {
            Asker::Person(person, _) => Some(*person),
            Asker::Holder | Asker::Guest(_) | Asker::Nobody => None,
        };
        match about {
            About::Dataset(index) => Facts::Dataset(Arc::new(self.dataset_facts(index, asking))),
            About::Link(index) => Facts::Link(Arc::new(self.link_facts(index, asking))),
            About::Group(index) => {
                let is_member = asking.is_some_and(|person| self.groups[index].members.get(&person) == Some(&true));
                Facts::Group { group: Arc::new(self.group(index)), is_member }
            }
            About::Orphan(index) => {
                let owner = Arc::new(self.user(self.datasets[index].owner));
                Facts::Orphan { dataset: Arc::new(self.dataset_facts(index, asking)), owner }
            }
            About::Offer(index) => Facts::Offer(Arc::new(self.offer_facts(index, asking))),
            About::Project(index) => {
                let role = asking.and_then(|person| self.projects[index].members.get(&person).copied());
                Facts::Project { project: Arc::new(self.project(index)), role }
            }
            About::Clone(owner) => Facts::Clone(Arc::new(clone_of(owner))),
            About::Deployment => Facts::Deployment,
        }
    }

    pub fn principal(&self, asker: &Asker, from: From) -> Principal {
        let who = match asker {
            Asker::Holder => Who::Holder,
            Asker::Guest(pass) => Who::Guest(Arc::new(Pass {
                hash: KeyHash::of("pass"),
                link: link_hash(pass.link),
                guard: pass.mark.map(Guard),
                terms: [0, 1].map(|text| pass.accepted[text].then(|| terms_id(text))),
                until: at(pass.end),
            })),
            Asker::Nobody => Who::Nobody,
            Asker::Person(person, token) => Who::Token { user: Arc::new(self.user(*person)), token: Arc::new(self.token(*person, token)) },
        };
        Principal { who, net: net(from) }
    }

    fn token(&self, person: usize, row: &TokenRow) -> Token {
        let owner = if row.borrowed { (person + 1) % self.people.len() } else { person };
        Token {
            id: TokenId::new(uuid(7, 0)),
            kind: TokenKind::Session,
            hash: KeyHash::of("token"),
            owner: user_id(owner),
            label: String::new(),
            scopes: row.scopes.clone(),
            dataset: row.dataset.map(dataset_id),
            until: at(row.end),
            made: at(-1_000),
            revoked: row.revoked.then(|| at(-1)),
        }
    }
}

fn link_hash(index: usize) -> KeyHash {
    KeyHash::of(&format!("key {index}"))
}

pub fn is_folder(path: &str) -> bool {
    path.is_empty() || path.ends_with('/')
}

/// A row of a link that the product made on a world.
pub fn link_row(link: &Link, dataset: usize, maker: usize) -> LinkRow {
    LinkRow {
        dataset,
        subpath: link.subpath.as_str().to_owned(),
        class: link.class,
        maker,
        stewarded: link.stewarded,
        enabled: link.enabled,
        revoked: false,
        begin: second_of(link.options.not_before),
        end: second_of(link.until),
        made: second_of(Some(link.made)).unwrap(),
        links_gen: link.links_gen,
        role: link.options.role,
        zone: zone_of(&link.options.zones),
        hidden: link.options.hide_listing,
        level: link.options.level,
        password: link.options.password,
        counted: link.options.sessions_max.is_some(),
        over: second_of(link.over_until),
    }
}
