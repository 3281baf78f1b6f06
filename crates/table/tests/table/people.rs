//! People of a deployment: who they are, what they give each other, and many of them at once.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Denial, Facts, Permit, Principal, Via, Who, decide, via},
    delegation::{NewGrant, Terms, granted},
    grant::{Conditions, Grant, Group, GroupKind, GroupState, Hold, Net, Subject},
    id::{DatasetId, GroupId, LinkId, UserId},
    key::{DeploymentSecret, Epoch, LinkKey},
    link::{Birth, Link, NewLink},
    rights::{Right, Rights, Role},
    token::{Token, TokenKind, TokenSecret},
    user::User,
};
use table::{TableError, grants::Grounds, once::Once};

use crate::example::{Deployment, a_token, ask, now, path, some_id, unique};

pub type Item = HashMap<String, AttributeValue>;

/// An id whose every bit differs from call to call, as those of a deployment do.
pub fn spread_id<T>(make: impl Fn(uuid::Uuid) -> T) -> T {
    let number = unique();
    make(uuid::Uuid::from_u128(u128::from(number) << 64 | u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: User,
    pub token: Token,
}

impl Person {
    pub fn decide(&self, action: Action, facts: &Facts) -> Result<Permit, Denial> {
        let who = Who::Token { user: Arc::new(self.user.clone()), token: Arc::new(self.token.clone()) };
        decide(&Principal { who, net: Net::Unknown }, action, facts, now())
    }

    pub fn permit(&self, action: Action, facts: &DatasetFacts) -> Permit {
        self.decide(action, &Facts::Dataset(Arc::new(facts.clone()))).unwrap()
    }

    pub fn via(&self, facts: &DatasetFacts, right: Right) -> Option<Via> {
        via(&self.user, &facts.place, &facts.reach, right, Net::Unknown, now())
    }

    pub fn gathers(&self, group: &Group) -> Permit {
        self.decide(Action::Gather, &Facts::Group { group: Arc::new(group.clone()), is_member: true }).unwrap()
    }

    pub fn to(&self) -> Subject {
        Subject::User(self.user.id)
    }
}

/// What somebody is about to give: decided, not sent.
#[derive(Debug, Clone)]
pub struct Giving {
    pub permit: Permit,
    pub facts: DatasetFacts,
    pub via: Option<Via>,
    pub grant: Grant,
    pub before: Option<Grant>,
}

impl Deployment {
    /// The administrator, who owns everything here.
    pub fn owner(&self) -> Person {
        Person { user: self.user.clone(), token: self.token.clone() }
    }

    /// Somebody with an account, and nothing else.
    pub async fn person(&self, name: &str) -> Person {
        let name = format!("{name} {}", unique());
        let user = User::new(spread_id(UserId::new), name);
        self.table.insert_user(&self.administer(), &user, &a_code(&user), None, now()).await.unwrap();
        let token = a_token(&user, &some_secret());
        Person { user, token }
    }

    /// A group of its owner alone.
    pub async fn group(&self, owner: &Person, name: &str) -> Group {
        let permit = owner.decide(Action::Gather, &Facts::Deployment).unwrap();
        self.table.insert_group(&permit, &new_group(owner, name), None, now()).await.unwrap()
    }

    pub async fn set_members(&self, group: &Group, people: &[&Person], wanted: Hold) -> Result<usize, TableError> {
        let people: Vec<_> = people.iter().map(|person| person.user.id).collect();
        self.table.set_members(&self.owner().gathers(group), group, &people, wanted, None, now()).await
    }

    /// What somebody has at a dataset now.
    pub async fn at(&self, dataset: DatasetId, person: &Person) -> DatasetFacts {
        self.table.dataset_facts(dataset, Some(person.user.id)).await.unwrap().unwrap()
    }

    pub async fn rights(&self, dataset: DatasetId, person: &Person) -> Rights {
        self.at(dataset, person).await.rights_of(Some(&person.user), Net::Unknown, now())
    }

    /// A dataset below `above`, by its owner.
    pub async fn below(&self, above: &Dataset, at: &str) -> Dataset {
        self.below_as(above, at, some_id(DatasetId::new)).await
    }

    /// The same, by an id.
    pub async fn below_as(&self, above: &Dataset, at: &str, id: DatasetId) -> Dataset {
        let place = self.table.place(above.id).await.unwrap().unwrap();
        let dataset = Dataset::below(&place.dataset, id, path(at), Kind::Folder, now()).unwrap();
        let permit = self.permit(Action::Register, &self.about(&place));
        let dataset = self.table.register_dataset(&permit, None, &dataset, None, now()).await.unwrap().dataset;
        assert_eq!(self.table.adopt(&permit, &dataset, now()).await, Ok(true));
        dataset
    }

    pub async fn dataset(&self, dataset: DatasetId) -> Dataset {
        self.table.place(dataset).await.unwrap().unwrap().dataset
    }

    pub async fn giving(&self, giver: &Person, dataset: DatasetId, to: Subject, role: Role) -> Giving {
        let facts = self.at(dataset, giver).await;
        let permit = giver.permit(Action::Grant, &facts);
        let before = self.table.grant(dataset, to).await.unwrap();
        let terms = Terms { role, may_share: role >= Role::View, level: None, conditions: Conditions::default() };
        let ask = NewGrant { subject: to, terms };
        let grant = granted(&permit, &giver.user, dataset, ask, before.as_ref(), now()).unwrap();
        let via = giver.via(&facts, Right::Administer);
        Giving { permit, facts, via, grant, before }
    }

    pub async fn send(&self, giving: &Giving, once: Option<&Once>) -> Result<Grant, TableError> {
        let Giving { permit, facts, via, grant, before } = giving;
        self.table.give(permit, Grounds { facts, via: *via }, grant, before.as_ref(), once, now()).await
    }

    /// What `giver` gives now.
    pub async fn give(&self, giver: &Person, dataset: DatasetId, to: Subject, role: Role) -> Grant {
        self.send(&self.giving(giver, dataset, to, role).await, None).await.unwrap()
    }

    pub async fn withdraw(&self, by: &Person, dataset: DatasetId, grant: &Grant) -> Result<Grant, TableError> {
        let permit = by.permit(Action::Grant, &self.at(dataset, by).await);
        self.table.withdraw(&permit, dataset, grant, Some("why"), now()).await
    }

    /// A link that somebody makes by the right that the person has now.
    pub async fn link_of(&self, maker: &Person, dataset: DatasetId) -> Link {
        self.link_as(maker, dataset, ask("a")).await
    }

    /// The same, as it is asked for.
    pub async fn link_as(&self, maker: &Person, dataset: DatasetId, ask: NewLink) -> Link {
        let facts = self.at(dataset, maker).await;
        let permit = maker.permit(Action::Share, &facts);
        let (id, epoch) = (some_id(LinkId::new), Epoch::new([7; 16]));
        let key = LinkKey::derive(&DeploymentSecret::new(vec![7; 32]).unwrap(), id, &epoch);
        let birth = Birth { id, epoch, hash: key.hash(), code: None, via: maker.via(&facts, Right::Share) };
        let link = Link::new(&permit, &facts.place, ask, birth, now()).unwrap();
        self.table.insert_link(&permit, &link, &facts, None).await.unwrap().link
    }

    /// Somebody signs in.
    pub async fn sign_in(&self, person: &Person) {
        let code = a_code(&person.user);
        self.table.insert_code(&self.administer(), &code, None, now()).await.unwrap();
        self.table.redeem_code(&code, &person.token, now()).await.unwrap();
    }

    /// An item as it lies in the table.
    pub async fn item(&self, pk: &str, sk: &str) -> Item {
        let found = self.store.sdk().get_item().table_name(&self.name).set_key(Some(key(pk, sk))).send().await.unwrap();
        found.item.unwrap_or_else(|| panic!("nothing lies at {pk} {sk}"))
    }

    /// Where a membership lies.
    pub async fn membership(&self, group: GroupId, person: &Person) -> (String, String) {
        let sk = format!("M#{}", person.user.id);
        for shard in 0..16 {
            let pk = format!("G#{group}#{shard:02}");
            let found = self.store.sdk().get_item().table_name(&self.name).set_key(Some(key(&pk, &sk))).send().await.unwrap();
            if found.item.is_some() {
                return (pk, sk);
            }
        }
        panic!("{sk} lies in no partition of {group}");
    }

    /// Puts an item past the product.
    pub async fn put(&self, item: Item) {
        self.store.sdk().put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    /// Copies of an item under other keys and with other attributes, past the product: only their number matters.
    pub async fn copies(&self, item: &Item, of: impl IntoIterator<Item = Item>) {
        let sdk = self.store.sdk();
        let requests: Vec<_> = of
            .into_iter()
            .map(|other| {
                let item = item.clone().into_iter().chain(other).collect();
                WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
            })
            .collect();
        for batch in requests.chunks(25) {
            let written = sdk.batch_write_item().request_items(&self.name, batch.to_vec()).send().await.unwrap();
            assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        }
    }

    /// Many people with accounts.
    pub async fn crowd(&self, count: usize) -> Vec<UserId> {
        let ids: Vec<_> = (0..count).map(|_| spread_id(UserId::new)).collect();
        let one = self.item(&format!("U#{}", self.user.id), "#").await;
        let keyed = ids.iter().map(|id| key(&format!("U#{id}"), "#").into_iter().chain([("id".to_owned(), text(id))]).collect());
        self.copies(&one, keyed).await;
        ids
    }
}

/// A group that is not in the table yet.
pub fn new_group(owner: &Person, name: &str) -> Group {
    let (id, owner, name) = (some_id(GroupId::new), owner.user.id, name.to_owned());
    Group { id, name, owner, kind: GroupKind::Manual, state: GroupState::Active, made: now(), version: 1 }
}

/// A code by which somebody signs in.
pub fn a_code(user: &User) -> Token {
    Token { kind: TokenKind::Code, label: "sign in".to_owned(), ..a_token(user, &some_secret()) }
}

pub fn some_secret() -> TokenSecret {
    let mut bits = [0; 20];
    bits[..8].copy_from_slice(&unique().to_be_bytes());
    TokenSecret::new(bits)
}

pub fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

pub fn text(value: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// The sort key of a grant.
pub fn grant_key(to: Subject) -> String {
    match to {
        Subject::User(user) => format!("A#U#{user}"),
        Subject::Group(group) => format!("A#G#{group}"),
        Subject::Project(project) => format!("A#P#{project}"),
        Subject::Accounts => "A#ANY".to_owned(),
        Subject::World => "A#WORLD".to_owned(),
    }
}
