//! Permits, made the only way there is: by a decision.

use std::sync::Arc;

use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, LinkFacts, Permit, Place, Principal, Who, decide},
    grant::{Net, Reach, Zones},
    id::{DatasetId, LinkId, SourceId, TokenId, UserId},
    key::{Epoch, KeyHash},
    link::{Class, Link, Options, Until},
    path::ObjectPath,
    source::{Audience, Ceilings, Source, SourceName, State, Store},
    token::{Scope, Token, TokenKind, TokenSecret},
    user::User,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const OWNER: UserId = UserId::new(Uuid::from_u128(7));

/// The servers judge signatures by the real clock.
pub(crate) fn real_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a test is the edge of its process")]
    Timestamp::now()
}

pub(crate) fn path(text: &str) -> ObjectPath {
    ObjectPath::from_decoded(text).unwrap()
}

pub(crate) fn store(bucket: &str, endpoint: Option<&str>) -> Store {
    Store {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: endpoint.map(str::to_owned),
        path_style: true,
        role: None,
        requester_pays: false,
    }
}

pub(crate) fn source(store: Store, prefix: &str) -> Source {
    Source {
        id: SourceId::new(Uuid::from_u128(1)),
        name: SourceName::parse("lab").unwrap(),
        store,
        prefix: path(prefix),
        ceilings: Ceilings { audience: Audience::World, link_days_max: None, zones: Zones::EVERYWHERE, hard_zones: false, terms: None },
        policy: domain::policy::DeploymentPolicy::NONE,
        writable: false,
        serving: true,
        state: State::Active,
        root: DatasetId::new(Uuid::from_u128(2)),
        version: 1,
    }
}

/// What a link opens, and how.
#[derive(Clone)]
pub(crate) struct Opens {
    pub(crate) source: Source,
    pub(crate) dataset: ObjectPath,
    pub(crate) kind: Kind,
    pub(crate) subpath: ObjectPath,
    /// The restricted parts of the dataset, as paths inside the source.
    pub(crate) cuts: Vec<ObjectPath>,
    pub(crate) class: Class,
    pub(crate) strict: bool,
    pub(crate) until: Option<Timestamp>,
    pub(crate) link: LinkId,
}

impl Opens {
    /// A private link to a folder of a source.
    pub(crate) fn folder(source: Source, dataset: &str) -> Self {
        Self {
            source,
            dataset: path(dataset),
            kind: Kind::Folder,
            subpath: ObjectPath::default(),
            cuts: Vec::new(),
            class: Class::Collaboration,
            strict: false,
            until: None,
            link: LinkId::new(Uuid::from_u128(0xfeed)),
        }
    }

    /// A private link to one object of a source.
    pub(crate) fn object(source: Source, dataset: &str) -> Self {
        Self { kind: Kind::File, ..Self::folder(source, dataset) }
    }

    pub(crate) fn place(&self) -> Place {
        let mut dataset = Dataset::root(DatasetId::new(Uuid::from_u128(2)), self.source.id, OWNER, Timestamp::UNIX_EPOCH);
        dataset.path = self.dataset.clone();
        dataset.kind = self.kind;
        dataset.cuts.clone_from(&self.cuts);
        Place { source: self.source.clone(), dataset }
    }

    /// The holder's permit to read at `now`.
    pub(crate) fn permit(&self, now: Timestamp) -> Permit {
        let place = self.place();
        let options = Options { label: String::new(), until: Until::Never, strict: self.strict, ..Options::default() };
        let link = Link {
            code: None,
            id: self.link,
            hash: KeyHash::of("key"),
            dataset: place.dataset.id,
            source: place.source.id,
            subpath: self.subpath.clone(),
            name: "x".to_owned(),
            class: self.class,
            options,
            until: self.until,
            maker: OWNER,
            via: None,
            stewarded: false,
            enabled: true,
            links_gen: 0,
            epoch: Epoch::new([0; 16]),
            given_until: None,
            over_until: None,
            made: Timestamp::UNIX_EPOCH,
            version: 1,
        };
        let facts = LinkFacts::new(link, None, place, owner(), reach()).unwrap();
        decide(&HOLDER, Action::Read, &Facts::Link(Arc::new(facts)), now).unwrap()
    }

    /// The owner's permit to have the dataset copied.
    pub(crate) fn permit_to_copy(&self, now: Timestamp) -> Permit {
        self.permit_for(Action::Copy, now)
    }

    /// The owner's permit to take copies in below the dataset.
    pub(crate) fn permit_to_receive(&self, now: Timestamp) -> Permit {
        self.permit_for(Action::Receive, now)
    }

    fn permit_for(&self, action: Action, now: Timestamp) -> Permit {
        decide(&caller(now), action, &Facts::Dataset(Arc::new(DatasetFacts::new(self.place(), reach()).unwrap())), now).unwrap()
    }

    /// The owner's permit to register below the dataset.
    pub(crate) fn permit_to_register(&self, now: Timestamp) -> Permit {
        self.permit_for(Action::Register, now)
    }
}

/// An administrator's permit.
pub(crate) fn permit_to_administer(now: Timestamp) -> Permit {
    decide(&caller(now), Action::Administer, &Facts::Deployment, now).unwrap()
}

fn owner() -> User {
    User { administrator: true, ..User::new(OWNER, "Ada".to_owned()) }
}

pub(crate) fn caller(now: Timestamp) -> Principal {
    let token = Token {
        id: TokenId::new(Uuid::from_u128(3)),
        kind: TokenKind::Session,
        hash: TokenSecret::new([1; 20]).hash(),
        owner: OWNER,
        label: String::new(),
        scopes: Scope::ALL.to_vec(),
        dataset: None,
        until: now + SignedDuration::from_hours(1),
        made: now,
        revoked: None,
    };
    Principal { who: Who::Token { user: Arc::new(owner()), token: Arc::new(token) }, net: Net::Unknown }
}

const HOLDER: Principal = Principal { who: Who::Holder, net: Net::Unknown };

/// What the owner has by owning.
fn reach() -> Reach {
    Reach { user: Some(OWNER), ..Reach::default() }
}
