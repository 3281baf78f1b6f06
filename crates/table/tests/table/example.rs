//! A small deployment to test on: an administrator, a source, its root dataset and one below it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    code::Code,
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, LinkFacts, Permit, Place, Principal, Who, decide},
    grant::{Net, Reach},
    id::{DatasetId, LinkId, SourceId, TokenId, UserId},
    key::{DeploymentSecret, Epoch, LinkKey},
    link::{Birth, Class, Edit, Link, NewLink, Options, Tombstone, Until},
    path::ObjectPath,
    policy::DeploymentPolicy,
    source::{Audience, Ceilings, Source, SourceName, State, Store as Place_},
    token::{Scope, Token, TokenKind, TokenSecret},
    user::User,
};
use jiff::{SignedDuration, Timestamp};
use table::{Table, once::Once};

use crate::{people::some_secret, stores::Store};

pub fn now() -> Timestamp {
    Timestamp::from_second(2_000_000_000).unwrap()
}

pub fn later(secs: i64) -> Timestamp {
    now() + SignedDuration::from_secs(secs)
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that no other call gets.
pub fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::SeqCst)
}

pub fn some_id<T>(make: impl Fn(uuid::Uuid) -> T) -> T {
    make(uuid::Uuid::from_u128(u128::from(unique()) << 64 | 7))
}

pub fn path(text: &str) -> ObjectPath {
    ObjectPath::from_decoded(text).unwrap()
}

pub fn once(key: &str, body: u8) -> Once {
    Once { key: key.to_owned(), request: [body; 32] }
}

pub struct Deployment {
    pub store: Store,
    pub name: String,
    pub table: Table,
    pub user: User,
    pub secret: TokenSecret,
    pub token: Token,
    pub root: Place,
    pub place: Place,
}

pub fn a_source(name: &str, prefix: &str) -> Source {
    Source {
        id: some_id(SourceId::new),
        name: SourceName::parse(name).unwrap(),
        store: Place_ {
            bucket: "lab-data".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            path_style: true,
            role: None,
            requester_pays: false,
        },
        prefix: path(prefix),
        ceilings: Ceilings {
            audience: Audience::World,
            link_days_max: Some(365),
            zones: domain::grant::Zones::default(),
            hard_zones: false,
            terms: None,
        },
        policy: DeploymentPolicy::NONE,
        writable: true,
        serving: true,
        state: State::Active,
        root: some_id(DatasetId::new),
        version: 1,
    }
}

pub fn root_of(source: &Source, owner: UserId) -> Dataset {
    Dataset::root(source.root, source.id, owner, now())
}

pub fn ask(label: &str) -> NewLink {
    let options = Options { label: label.to_owned(), until: Until::Days(30), not_before: None, ..Options::default() };
    NewLink { subpath: ObjectPath::default(), class: Class::Collaboration, options }
}

impl Deployment {
    pub async fn new(store: &Store) -> Self {
        let name = format!("table-{}-{}", std::process::id(), unique());
        let table = store.table(&name).await;
        let user = User { administrator: true, ..User::new(some_id(UserId::new), "Ada".to_owned()) };
        let secret = some_secret();
        let token = a_token(&user, &secret);
        table.bootstrap(&user, &token, now()).await.unwrap();
        let source = a_source("lab-raw", "raw/");
        let root = root_of(&source, user.id);
        let place = Place { source: source.clone(), dataset: root.clone() };
        let mut deployment = Self { store: store.clone(), name, table, user, secret, token, root: place.clone(), place };
        let permit = deployment.administer();
        deployment.table.register_source(&permit, &source, &root, None, now()).await.unwrap();
        let below = Dataset::below(&root, some_id(DatasetId::new), path("em/fused.ome.zarr"), Kind::Zarr, now()).unwrap();
        let permit = deployment.permit(Action::Register, &deployment.about(&deployment.root));
        deployment.table.register_dataset(&permit, None, &below, None, now()).await.unwrap();
        deployment.place = Place { source, dataset: below };
        deployment
    }

    /// The same deployment, reached another way.
    pub fn through(&self, table: &Table) -> Self {
        let Self { store, name, user, secret, token, root, place, .. } = self;
        let (store, name, user, secret, token) = (store.clone(), name.clone(), user.clone(), secret.clone(), token.clone());
        Self { store, name, table: table.clone(), user, secret, token, root: root.clone(), place: place.clone() }
    }

    pub fn permit(&self, action: Action, facts: &Facts) -> Permit {
        let who = Who::Token { user: Arc::new(self.user.clone()), token: Arc::new(self.token.clone()) };
        let principal = Principal { who, net: Net::Unknown };
        decide(&principal, action, facts, now()).unwrap()
    }

    /// What the administrator, who owns everything here, has at the dataset.
    pub fn seen(&self) -> DatasetFacts {
        self.facts_at(&self.place)
    }

    pub fn facts_at(&self, place: &Place) -> DatasetFacts {
        DatasetFacts::new(place.clone(), Reach { user: Some(self.user.id), ..Reach::default() }).unwrap()
    }

    pub fn about(&self, place: &Place) -> Facts {
        Facts::Dataset(Arc::new(self.facts_at(place)))
    }

    pub fn administer(&self) -> Permit {
        self.permit(Action::Administer, &Facts::Deployment)
    }

    pub fn share(&self) -> Permit {
        self.permit(Action::Share, &self.about(&self.place))
    }

    pub fn on(&self, action: Action, facts: &LinkFacts) -> Permit {
        self.permit(action, &Facts::Link(Arc::new(facts.clone())))
    }

    /// One with a code, and its key.
    pub fn new_coded(&self, ask: NewLink, code: Code) -> (Link, LinkKey) {
        let (link, key) = self.new_link(NewLink { class: Class::Event, ..ask }, now());
        (Link { code: Some(code), ..link }, key)
    }

    /// A link that is not in the table yet.
    pub fn new_link(&self, ask: NewLink, made: Timestamp) -> (Link, LinkKey) {
        let id = some_id(LinkId::new);
        let epoch = Epoch::new([u8::try_from(unique() % 256).unwrap(); 16]);
        let key = LinkKey::derive(&DeploymentSecret::new(vec![7; 32]).unwrap(), id, &epoch);
        let birth = Birth { id, epoch, hash: key.hash(), code: None, via: None };
        (Link::new(&self.share(), &self.place, ask, birth, made).unwrap(), key)
    }

    /// A link in the table, and its facts.
    pub async fn link(&self, ask: NewLink) -> LinkFacts {
        let (link, _) = self.new_link(ask, now());
        let inserted = self.table.insert_link(&self.share(), &link, &self.seen(), None).await.unwrap();
        assert!(!inserted.existing);
        self.facts(&inserted.link).await
    }

    pub async fn facts(&self, link: &Link) -> LinkFacts {
        self.table.link_facts(link.hash, now()).await.unwrap().expect("the link was made")
    }

    pub async fn edit(&self, facts: &LinkFacts, edit: Edit) -> Result<Link, table::TableError> {
        let after = facts.link.edited(&facts.place, edit, now()).unwrap();
        self.table.edit_link(&self.on(Action::Share, facts), facts, &after, None, now()).await
    }

    pub async fn pause(&self, facts: &LinkFacts, enabled: bool) -> Result<Link, table::TableError> {
        let after = Link { enabled, ..facts.link.clone() };
        self.table.edit_link(&self.on(Action::Share, facts), facts, &after, None, now()).await
    }

    pub fn tombstone(&self, at: Timestamp, reason: &str) -> Tombstone {
        Tombstone { at, by: self.user.id, reason: Some(reason.to_owned()) }
    }

    pub async fn revoke(&self, facts: &LinkFacts) -> table::links::Revoked {
        let permit = self.on(Action::Narrow, facts);
        self.table.revoke(&permit, facts, &self.tombstone(later(10), "leaked")).await.unwrap()
    }

    /// The texts of an attribute of a link's own item.
    pub async fn attribute(&self, link: &Link, name: &str) -> Vec<String> {
        let key = |text: String| AttributeValue::S(text);
        let get =
            self.store.sdk().get_item().table_name(&self.name).key("pk", key(format!("L#{}", link.hash))).key("sk", key("#".to_owned()));
        let item = get.consistent_read(true).send().await.unwrap().item.unwrap();
        item.get(name).map_or_else(Vec::new, |value| value.as_l().unwrap().iter().map(|text| text.as_s().unwrap().clone()).collect())
    }

    /// How often something stands in the audit.
    pub async fn audited(&self, verb: &str, target: impl ToString) -> usize {
        let target = target.to_string();
        let entries = self.table.audit(now()).await.unwrap();
        entries.iter().filter(|entry| entry.verb == verb && entry.target == target).count()
    }
}

pub fn a_token(user: &User, secret: &TokenSecret) -> Token {
    Token {
        id: some_id(TokenId::new),
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: user.id,
        label: "laptop".to_owned(),
        scopes: Scope::ALL.to_vec(),
        dataset: None,
        until: later(86_400),
        made: now(),
        revoked: None,
    }
}
