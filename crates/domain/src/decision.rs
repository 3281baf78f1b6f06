//! The decision: who may do what. The only maker of a [`Permit`], without which nothing is signed and nothing permissioned is written.
//!
//! Total: whatever is not allowed by a rule below is refused, and the refusal names the rule.
//! Not here: reading the facts (`table/access.rs`), statuses (`edge/problem.rs`).

use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    dataset::{Dataset, Kind},
    id::{DatasetId, LinkId, UserId},
    link::{Link, LinkState, Tombstone},
    path::{ObjectPath, PathError},
    source::{Source, State, Store},
    timing::Timing,
    token::{Scope, Token},
    user::{Standing, User},
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Whoever holds a link's key.
    Holder,
    /// A person, through a token whose scopes narrow what the person may.
    Token {
        /// The person.
        user: Arc<User>,
        /// The token.
        token: Arc<Token>,
    },
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read an object: GET or HEAD.
    Read,
    /// List a folder.
    List,
    /// See a link or a dataset in the API.
    See,
    /// Make a link, or make one wider.
    Share,
    /// Make a link narrower: pause, revoke, end it sooner.
    Narrow,
    /// Register a dataset below this one.
    Register,
    /// Revoke every link of a dataset.
    RevokeAll,
    /// Register a source, set its ceilings, use the panic switch.
    Administer,
}

/// A source and a dataset in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source.
    pub source: Source,
    /// The dataset.
    pub dataset: Dataset,
}

/// Everything that a decision about a link needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFacts {
    /// The link.
    pub link: Link,
    /// Its tombstone, if it was revoked.
    pub tombstone: Option<Tombstone>,
    /// Where it stands.
    pub place: Place,
    /// Who made it.
    pub maker: User,
    /// The key that all of its objects' keys begin with, joined once.
    base: ObjectPath,
}

/// Everything that a decision needs, read together and of one age.
#[derive(Debug, Clone)]
pub enum Facts {
    /// About a link.
    Link(Arc<LinkFacts>),
    /// About a dataset.
    Dataset(Arc<Place>),
    /// About the deployment as a whole.
    Deployment,
}

/// Why not. Each names its rule, none a person or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Denial {
    /// Not there, or not to be known of.
    #[error("nothing is there for this caller")]
    NotDiscoverable,
    /// A link that was revoked.
    #[error("the link was revoked")]
    Revoked,
    /// A publication link that was withdrawn.
    #[error("the publication was withdrawn")]
    Withdrawn,
    /// A link that is paused.
    #[error("the link is paused by its maker")]
    Paused,
    /// A link that has not begun.
    #[error("the link is not open yet")]
    NotYet,
    /// A link that has ended.
    #[error("the link has expired")]
    Expired,
    /// The source's ceiling fell below the link.
    #[error("the source no longer allows links of this kind")]
    Ceiling,
    /// The dataset or its source was retired.
    #[error("the dataset was retired")]
    Retired,
    /// The maker may no longer share.
    #[error("the link's maker may no longer share this")]
    Maker,
    /// Serving is switched off.
    #[error("serving is switched off for now")]
    NotServing,
    /// The caller may not, though the thing may be known of.
    #[error("only an owner of the dataset may do this")]
    NotOwner,
    /// The caller is no administrator.
    #[error("only an administrator may do this")]
    NotAdministrator,
    /// The token's scopes do not hold this.
    #[error("the token lacks the scope `{0}`", needed.word())]
    Scope {
        /// The scope that is missing.
        needed: Scope,
    },
    /// The caller was suspended.
    #[error("the account is suspended")]
    Suspended,
}

/// Proof that [`decide`] said yes. Made nowhere else.
#[derive(Debug, Clone)]
pub struct Permit {
    action: Action,
    by: Option<UserId>,
    grounds: Facts,
    until: Option<Timestamp>,
}

/// Says whether `principal` may do `action`, given `facts`, at `now`.
///
/// # Errors
/// The [`Denial`] of the first rule that says no, in the order of ACCESS 4.
pub fn decide(principal: &Principal, action: Action, facts: &Facts, now: Timestamp) -> Result<Permit, Denial> {
    let until = match (principal, facts) {
        (Principal::Holder, Facts::Link(link)) => by_link(action, link, now)?,
        (Principal::Holder, Facts::Dataset(_) | Facts::Deployment) => return Err(Denial::NotDiscoverable),
        (Principal::Token { user, token }, facts) => {
            by_token(user, token, action, facts, now)?;
            None
        }
    };
    let by = match principal {
        Principal::Holder => None,
        Principal::Token { user, .. } => Some(user.id),
    };
    Ok(Permit { action, by, grounds: facts.clone(), until })
}

/// What a key opens: reading and listing, as long as the link lives. Answers when it ends.
fn by_link(action: Action, facts: &LinkFacts, now: Timestamp) -> Result<Option<Timestamp>, Denial> {
    let place = &facts.place;
    match facts.state(now) {
        LinkState::Revoked => return Err(Denial::Revoked),
        LinkState::Withdrawn => return Err(Denial::Withdrawn),
        LinkState::Paused => return Err(Denial::Paused),
        LinkState::NotYet => return Err(Denial::NotYet),
        LinkState::Expired => return Err(Denial::Expired),
        LinkState::Stopped => return Err(why_stopped(facts)),
        LinkState::Live => {}
    }
    if !place.source.serving {
        return Err(Denial::NotServing);
    }
    match action {
        Action::Read | Action::List => Ok(facts.link.end(place)),
        Action::See | Action::Share | Action::Narrow | Action::Register | Action::RevokeAll | Action::Administer => {
            Err(Denial::NotDiscoverable)
        }
    }
}

fn why_stopped(facts: &LinkFacts) -> Denial {
    let place = &facts.place;
    if place.source.ceilings.audience < facts.link.class.audience() {
        Denial::Ceiling
    } else if place.source.state != State::Active || place.dataset.state != State::Active {
        Denial::Retired
    } else {
        Denial::Maker
    }
}

/// What a person may do through a token. Being an administrator gives no right to read or share.
fn by_token(user: &User, token: &Token, action: Action, facts: &Facts, now: Timestamp) -> Result<(), Denial> {
    if !token.is_live(now) || token.owner != user.id {
        return Err(Denial::NotDiscoverable);
    }
    if user.standing != Standing::Active {
        return Err(Denial::Suspended);
    }
    let needed = match action {
        Action::Read | Action::List | Action::See => Scope::Read,
        Action::Share | Action::Narrow | Action::RevokeAll => Scope::Links,
        Action::Register => Scope::Datasets,
        Action::Administer => Scope::Admin,
    };
    let place = match facts {
        Facts::Deployment => return deployment(user, token, action, needed),
        Facts::Link(link) => &link.place,
        Facts::Dataset(place) => place,
    };
    let owns = place.dataset.owner == user.id;
    let made = matches!(facts, Facts::Link(link) if link.link.maker == user.id);
    if !owns && !made {
        return Err(Denial::NotDiscoverable);
    }
    if !token.may(needed) {
        return Err(Denial::Scope { needed });
    }
    let ends = matches!(action, Action::See | Action::Narrow | Action::RevokeAll);
    if !ends && (place.source.state != State::Active || place.dataset.state != State::Active) {
        return Err(Denial::Retired);
    }
    match action {
        // Whoever made a link may always see and narrow it, even after losing the right to share (ACCESS R5).
        Action::See | Action::Narrow => Ok(()),
        // Nobody widens another's link: it acts with its maker's rights.
        Action::Share if matches!(facts, Facts::Link(_)) && !made => Err(Denial::Maker),
        Action::Share | Action::RevokeAll | Action::Register if owns => Ok(()),
        Action::Share | Action::RevokeAll | Action::Register => Err(Denial::NotOwner),
        // Reading by name, without a link, is not offered through the API.
        Action::Read | Action::List | Action::Administer => Err(Denial::NotDiscoverable),
    }
}

fn deployment(user: &User, token: &Token, action: Action, needed: Scope) -> Result<(), Denial> {
    match action {
        // One's own lists: the candidates are decided one by one.
        Action::See => Ok(()),
        Action::Administer if !user.administrator => Err(Denial::NotAdministrator),
        Action::Administer if token.may(needed) => Ok(()),
        Action::Administer => Err(Denial::Scope { needed }),
        Action::Read | Action::List | Action::Share | Action::Narrow | Action::Register | Action::RevokeAll => Err(Denial::NotDiscoverable),
    }
}

impl LinkFacts {
    /// The facts of a link, with the prefix of its objects joined once: source, dataset, subpath.
    ///
    /// # Errors
    /// [`PathError::TooLong`] where the three together are.
    pub fn new(link: Link, tombstone: Option<Tombstone>, place: Place, maker: User) -> Result<Self, PathError> {
        let base = place.source.prefix.join(&place.dataset.path)?.join(&link.subpath)?;
        Ok(Self { link, tombstone, place, maker, base })
    }

    /// Whether the maker could share this now: a link never gives more, unless it is the dataset's own act.
    #[must_use]
    pub fn maker_may_share(&self) -> bool {
        let holds =
            self.maker.id == self.link.maker && self.maker.standing == Standing::Active && self.place.dataset.owner == self.maker.id;
        self.link.stewarded || holds
    }
}

impl Permit {
    /// The person it was given to; `None` for a link's holder.
    #[must_use]
    pub fn by(&self) -> Option<UserId> {
        self.by
    }

    /// The person, if the permit is one to share `dataset`.
    #[must_use]
    pub fn allows_share_on(&self, dataset: DatasetId) -> Option<UserId> {
        let on = match &self.grounds {
            Facts::Link(link) => link.place.dataset.id == dataset,
            Facts::Dataset(place) => place.dataset.id == dataset,
            Facts::Deployment => false,
        };
        self.by.filter(|_| on && self.action == Action::Share)
    }

    /// The person, if the permit is one to change `link` at all: to share or to narrow it.
    #[must_use]
    pub fn allows_change_of(&self, link: LinkId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Link(facts) if facts.link.id == link);
        self.by.filter(|_| on && matches!(self.action, Action::Share | Action::Narrow))
    }

    /// The person, if the permit is one for `action` on `dataset`.
    #[must_use]
    pub fn allows(&self, action: Action, dataset: DatasetId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Dataset(place) if place.dataset.id == dataset);
        self.by.filter(|_| on && self.action == action)
    }

    /// The person, if the permit is an administrator's.
    #[must_use]
    pub fn allows_administer(&self) -> Option<UserId> {
        self.by.filter(|_| self.action == Action::Administer)
    }

    /// The place below which a dataset may be registered, and so looked for.
    #[must_use]
    pub fn place_to_register(&self) -> Option<&Place> {
        match &self.grounds {
            Facts::Dataset(place) if self.action == Action::Register => Some(place),
            Facts::Dataset(_) | Facts::Link(_) | Facts::Deployment => None,
        }
    }

    /// What may be read or listed; `None` if the permit is for something else.
    #[must_use]
    pub fn scope(&self) -> Option<ReadScope<'_>> {
        match &self.grounds {
            Facts::Link(facts) if matches!(self.action, Action::Read | Action::List) => Some(ReadScope { facts, until: self.until }),
            Facts::Link(_) | Facts::Dataset(_) | Facts::Deployment => None,
        }
    }
}

/// The objects that a permit opens, and until when.
#[derive(Debug, Clone, Copy)]
pub struct ReadScope<'p> {
    facts: &'p LinkFacts,
    until: Option<Timestamp>,
}

impl<'p> ReadScope<'p> {
    /// Where the bytes are.
    #[must_use]
    pub fn store(&self) -> &'p Store {
        &self.facts.place.source.store
    }

    /// The source's own prefix: what a session policy is cut to.
    #[must_use]
    pub fn source(&self) -> &'p Source {
        &self.facts.place.source
    }

    /// The object key of `path`: the source's prefix, the dataset's path, the link's subpath and `path`, joined by bytes and by nobody else.
    ///
    /// # Errors
    /// [`PathError::TooLong`] where the whole is; [`PathError::EmptySegment`] for a path inside a single object.
    pub fn key(&self, path: &ObjectPath) -> Result<ObjectPath, PathError> {
        if self.is_single_object() && !path.is_root() {
            return Err(PathError::EmptySegment);
        }
        self.facts.base.join(path)
    }

    /// Whether the link opens one object rather than a folder.
    #[must_use]
    pub fn is_single_object(&self) -> bool {
        self.facts.place.dataset.kind == Kind::File || !self.facts.link.subpath.is_folder()
    }

    /// The tag in the signed query: the link's id.
    #[must_use]
    pub fn tag(&self) -> LinkId {
        self.facts.link.id
    }

    /// How long facts, signatures and redirects live.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.facts.link.timing()
    }

    /// When the permit ends.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether every answer is streamed.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.facts.link.hides_its_path()
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> &'p Link {
        &self.facts.link
    }
}
