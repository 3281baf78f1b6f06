//! A whole deployment in small: people, groups, projects, sources, datasets, grants and links, as plain rows that refer to each other by
//! their place in a list. Times are seconds from [`NOW_SECS`].
//!
//! It is the one thing that both decisions see: the product's through [`super::facts`], the oracle's as it stands.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    dataset::{Kind, Visibility},
    grant::{GroupState, Policy, ProjectRole},
    invitation::Invitation,
    link::Class,
    rights::Role,
    source::{Audience, State},
    token::Scope,
    user::Standing,
};

/// The instant that every time of a world is counted from.
pub const NOW_SECS: i64 = 1_800_000_000;
/// A week: how long a synced group counts after its last sync.
pub const WEEK: i64 = 604_800;

/// A whole deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    pub people: Vec<PersonRow>,
    pub groups: Vec<GroupRow>,
    pub projects: Vec<ProjectRow>,
    pub sources: Vec<SourceRow>,
    pub policy: PolicyRow,
    pub datasets: Vec<DatasetRow>,
    pub links: Vec<LinkRow>,
    pub tokens: Vec<TokenRow>,
    /// What was sent to addresses, done or not: one a dataset and person.
    pub waiting: Vec<WaitingRow>,
    pub offers: Vec<OfferRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    pub standing: Standing,
    pub administrator: bool,
    pub auditor: bool,
    pub curator: bool,
    /// Which of two texts of data-use terms the person accepted.
    pub accepted: [bool; 2],
}

/// Its owner is always a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    pub owner: usize,
    pub state: GroupState,
    /// The second of the last sync; `None`: filled by hand.
    pub synced: Option<i64>,
    /// Whoever ever was a member, and whether the membership is active.
    pub members: BTreeMap<usize, bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    pub policy: Policy,
    pub members: BTreeMap<usize, ProjectRole>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    pub prefix: &'static str,
    pub audience: Audience,
    pub life_days: Option<u32>,
    pub zone: Zone,
    pub writable: bool,
    pub serving: bool,
    pub state: State,
    pub blocked: BTreeSet<usize>,
    /// Which of the two texts it asks for.
    pub terms: Option<usize>,
}

/// What binds at every source, on top of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    pub audience: Audience,
    pub life_days: Option<u32>,
    pub zone: Zone,
    pub terms: Option<usize>,
}

impl PolicyRow {
    /// Nothing is bounded.
    pub const NONE: Self = Self { audience: Audience::World, life_days: None, zone: Zone::Everywhere, terms: None };
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRow {
    pub source: usize,
    /// Inside the source; a folder ends with `/`, the root is empty.
    pub path: String,
    pub kind: Kind,
    pub owner: usize,
    /// Whom the owner named to own it next.
    pub successor: Option<usize>,
    pub visibility: Visibility,
    pub project: Option<usize>,
    pub restricted: bool,
    pub strict: bool,
    pub state: State,
    pub links_gen: u64,
    /// Whether the levels of its arrays are known: `1/`, `2/` and the like, wherever they lie in it.
    pub levelled: bool,
    /// One a subject.
    pub grants: Vec<GrantRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    pub to: To,
    pub role: Role,
    pub may_share: bool,
    /// From which level on the role preview opens chunks.
    pub level: Option<u8>,
    pub terms: Terms,
    pub active: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    Person(usize),
    Group(usize),
    Project(usize),
    Accounts,
    World,
}

/// When and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub begin: Option<i64>,
    /// This second is out.
    pub end: Option<i64>,
    pub zone: Zone,
}

impl Terms {
    /// At any time and from everywhere.
    pub const NONE: Self = Self { begin: None, end: None, zone: Zone::Everywhere };
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a row is its facts, each by its own name")]
pub struct LinkRow {
    pub dataset: usize,
    pub subpath: String,
    pub class: Class,
    pub maker: usize,
    pub stewarded: bool,
    pub enabled: bool,
    pub revoked: bool,
    pub begin: Option<i64>,
    pub end: Option<i64>,
    pub made: i64,
    pub links_gen: u64,
    pub role: Role,
    pub zone: Zone,
    pub hidden: bool,
    pub level: Option<u8>,
    /// The mark of its password.
    pub password: Option<u64>,
    /// Whether its passes are counted.
    pub counted: bool,
    /// Until when it has given too much.
    pub over: Option<i64>,
}

/// An invitation: to whose address, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    pub dataset: usize,
    pub person: usize,
    pub by: usize,
    pub invitation: Invitation,
}

/// A dataset that was offered: by whom, who owned it then, to whom, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRow {
    pub dataset: usize,
    pub by: usize,
    pub from: usize,
    pub to: usize,
    pub end: i64,
    /// Whether nobody has answered it or taken it back.
    pub waits: bool,
}

/// A pass: for which link, under which mark, until when, and which terms were accepted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassRow {
    pub link: usize,
    /// `None`: the link was not guarded.
    pub mark: Option<u64>,
    pub end: i64,
    pub accepted: [bool; 2],
}

/// A token, whoever's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub scopes: Vec<Scope>,
    pub dataset: Option<usize>,
    pub end: i64,
    pub revoked: bool,
    /// Whether it is another person's than who shows it.
    pub borrowed: bool,
}

impl TokenRow {
    /// One that narrows nothing.
    pub fn whole() -> Self {
        Self { scopes: Scope::ALL.to_vec(), dataset: None, end: 1_000_000_000, revoked: false, borrowed: false }
    }
}

/// Networks that a condition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    Everywhere,
    /// `10.0.0.0/24`
    Lab,
    /// `10.0.0.0/8`, which holds the lab.
    Campus,
    /// `10.0.0.0/24` and `192.0.2.0/24`
    LabAndHome,
    /// `2001:db8::/32`
    Six,
}

impl Zone {
    pub const ALL: [Self; 5] = [Self::Everywhere, Self::Lab, Self::Campus, Self::LabAndHome, Self::Six];
}

/// Where a question comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum From {
    /// `10.0.0.1`
    Lab,
    /// The lab's address as an IPv6 socket reports it, `::ffff:10.0.0.1`.
    LabMapped,
    /// `10.7.0.1`
    Campus,
    /// `192.0.2.9`
    Home,
    /// `2001:db8::9`
    Six,
    /// `198.51.100.1`
    Elsewhere,
    /// Nobody knows.
    Unknown,
    /// Every zone at once: asked about a thing itself.
    Anywhere,
}

impl From {
    /// Where a reader can be.
    pub const READERS: [Self; 7] = [Self::Lab, Self::LabMapped, Self::Campus, Self::Home, Self::Six, Self::Elsewhere, Self::Unknown];
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    Holder,
    Guest(PassRow),
    Nobody,
    Person(usize, TokenRow),
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Dataset(usize),
    Link(usize),
    Group(usize),
    Offer(usize),
    /// A dataset, by who succeeds its owner.
    Orphan(usize),
    Project(usize),
    /// A clone of this person's.
    Clone(usize),
    Deployment,
}
