//! The decision: who may do what. The only maker of a [`Permit`], without which nothing is signed and nothing permissioned is written.
//!
//! Total: whatever is not allowed by a rule below is refused, and the refusal names the rule. What a permit to read opens is judged
//! object by object in [`ReadScope::key`], the only way to an object's key.
//! Not here: who may give what to whom (`delegation.rs`), reading the facts (`table/access.rs`), statuses (`edge/problem.rs`).

use core::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    clone::ReferenceClone,
    copy::DatasetCopy,
    dataset::{Dataset, Kind, Visibility},
    grant::{Conditions, Grant, Group, Membership, Net, Participation, ProjectRole, Reach, Subject, Zones},
    id::{CloneId, CopyId, DatasetId, GroupId, ID_CHARS, LinkId, ProjectId, RequestId, TermsId, UserId},
    levels::opens_within,
    limits::PATH_BYTES_MAX,
    link::{Class, Link, LinkState, Tombstone, opens_object},
    object::{KeyBase, ObjectKey},
    pass::Pass,
    path::{ObjectPath, PathError},
    project::Project,
    rate::TooOften,
    request::Request,
    rights::{Right, Rights},
    source::{Audience, CeilingOf, Source, State, Store},
    terms::{Accepted, Unmet},
    timing::Timing,
    token::{Scope, Token, TokenKind},
    user::{Standing, User},
};

/// Who asks, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub who: Who,
    /// From where.
    pub net: Net,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever holds a link's key.
    Holder,
    /// Whoever holds a pass for a link.
    Guest(Arc<Pass>),
    /// Somebody who names a dataset and shows no credential.
    Nobody,
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
    /// Read objects: GET or HEAD.
    Read,
    /// List a folder.
    List,
    /// See a link, a dataset, a group or a project in the API.
    See,
    /// Make a link, or make one wider.
    Share,
    /// Make a link narrower: pause, revoke, end it sooner. About the deployment: end the token that asks.
    Narrow,
    /// Register a dataset below this one.
    Register,
    /// Have a copy made of all that lies in a dataset.
    Copy,
    /// Take a copy in below this one. About a copy: end it.
    Receive,
    /// Revoke every link of a dataset.
    RevokeAll,
    /// Say who gets what on a dataset.
    Grant,
    /// See who gets what on a dataset. About the deployment: see what was done, and whose a dataset is.
    Audit,
    /// Say that a dataset is curated, or that it is not; about the deployment: see what asks for it.
    Curate,
    /// Grant oneself a dataset for a day at the most, in an emergency.
    BreakGlass,
    /// Make a reference clone of a dataset. About a clone: change it.
    Clone,
    /// Pass a dataset on to another owner. About an offer: answer it.
    HandOver,
    /// Make an API token of one's own. Only a session does: a token makes no token.
    MakeToken,
    /// Make a ticket of one's own for a dataset.
    MakeTicket,
    /// Make a group or a project, or change its members. About the deployment: connect with people, too.
    Gather,
    /// Register a source, set its ceilings, use the panic switch.
    Administer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 19] = [
        Self::Read,
        Self::List,
        Self::See,
        Self::Share,
        Self::Narrow,
        Self::Register,
        Self::Copy,
        Self::Receive,
        Self::RevokeAll,
        Self::Grant,
        Self::Audit,
        Self::Curate,
        Self::BreakGlass,
        Self::Clone,
        Self::HandOver,
        Self::MakeToken,
        Self::MakeTicket,
        Self::Gather,
        Self::Administer,
    ];

    /// The scope that a token needs for it.
    const fn scope(self) -> Scope {
        match self {
            Self::Read | Self::List | Self::Copy | Self::MakeTicket => Scope::Data,
            Self::See | Self::MakeToken => Scope::Read,
            Self::Share | Self::Narrow | Self::RevokeAll => Scope::Links,
            Self::Register | Self::Receive | Self::Grant | Self::Audit | Self::Curate | Self::Clone | Self::HandOver => Scope::Datasets,
            Self::Gather => Scope::Groups,
            Self::Administer | Self::BreakGlass => Scope::Admin,
        }
    }

    /// The right that it needs on a dataset; `None` where no right on one gives it. A read needs one by its object, [`Right::Meta`] at the least.
    const fn right(self) -> Option<Right> {
        match self {
            Self::Read | Self::MakeTicket => Some(Right::Meta),
            Self::List => Some(Right::List),
            Self::See => Some(Right::Discover),
            Self::Share | Self::Register => Some(Right::Share),
            Self::Narrow | Self::Receive | Self::RevokeAll | Self::Grant | Self::Audit => Some(Right::Administer),
            Self::HandOver => Some(Right::Own),
            Self::Copy | Self::Clone => Some(Right::CloneFiles),
            Self::MakeToken | Self::Gather | Self::Administer | Self::Curate | Self::BreakGlass => None,
        }
    }

    /// The rights whose ends bound a permit for it, those that are held: a read may be one of metadata, of coarse chunks or of other objects.
    const fn wanted(self) -> Rights {
        match (self, self.right()) {
            (Self::Read, _) => Rights::of(&[Right::Meta, Right::Coarse, Right::Read]),
            (_, Some(right)) => Rights::of(&[right]),
            (_, None) => Rights::NONE,
        }
    }

    /// Whether it only shows or ends things: that is possible on what was retired, too.
    const fn ends(self) -> bool {
        matches!(self, Self::See | Self::Narrow | Self::RevokeAll | Self::Grant | Self::Audit)
    }
}

/// A source and a dataset in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source.
    pub source: Source,
    /// The dataset.
    pub dataset: Dataset,
}

/// `SOURCE:path`, as people name a place.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.text_of(&self.dataset.path))
    }
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
    /// What the maker has there.
    pub reach: Reach,
    /// What a person has there who asks about the link by its id; `None`: nobody does.
    pub asking: Option<Reach>,
    /// What the keys of all its objects begin with.
    base: KeyBase,
}

/// Everything that a decision about a dataset needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFacts {
    /// The dataset, in its source.
    pub place: Place,
    /// What the person who asks has there.
    pub reach: Reach,
    /// What the keys of all its objects begin with.
    base: KeyBase,
}

/// Everything that a decision about an offer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferFacts {
    /// The dataset, and what the person who asks has there.
    pub dataset: Arc<DatasetFacts>,
    /// What waits there.
    pub request: Request,
    /// Who made it.
    pub maker: User,
    /// What its maker has there.
    pub reach: Reach,
}

/// Everything that a decision needs, read together and of one age.
#[derive(Debug, Clone)]
pub enum Facts {
    /// About a link.
    Link(Arc<LinkFacts>),
    /// About a dataset.
    Dataset(Arc<DatasetFacts>),
    /// About a dataset whose owner may be gone, and its owner.
    Orphan {
        /// The dataset.
        dataset: Arc<DatasetFacts>,
        /// Who owns it.
        owner: Arc<User>,
    },
    /// About an offer of a dataset.
    Offer(Arc<OfferFacts>),
    /// About a copy that is made of a dataset.
    Copy(Arc<DatasetCopy>),
    /// About a reference clone: the card alone. What is read at it is decided on the original.
    Clone(Arc<ReferenceClone>),
    /// About a group, and whether the person who asks is in it.
    Group {
        /// The group.
        group: Arc<Group>,
        /// Whether the person is a member.
        is_member: bool,
    },
    /// About a project, and the part in it of the person who asks.
    Project {
        /// The project.
        project: Arc<Project>,
        /// The person's part; `None`: none.
        role: Option<ProjectRole>,
    },
    /// About the deployment as a whole.
    Deployment,
}

/// Why not. Each names its rule, none a person or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Denial {
    /// Not there, or not to be known of.
    #[error("nothing is there for this caller")]
    NotDiscoverable,
    /// Not open to everybody, and nobody said who asks.
    #[error("this is not open to everybody")]
    SignIn,
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
    /// The source's ceiling, or the deployment's, fell below the link.
    #[error("{} no longer allows links of this kind", of.noun())]
    Ceiling {
        /// Whose ceiling it is.
        of: CeilingOf,
    },
    /// The dataset or its source was retired.
    #[error("the dataset was retired")]
    Retired,
    /// A copy is being made into the dataset.
    #[error("a copy is being made into the dataset")]
    Arriving,
    /// Nothing may be written into the source.
    #[error("nothing may be written into this source")]
    NotWritable,
    /// What the link opens became a restricted dataset of its own.
    #[error("what the link opens was restricted")]
    Restricted,
    /// The maker may no longer share.
    #[error("the link's maker may no longer share this")]
    Maker,
    /// Another's link, which acts with its maker's rights: nobody else widens it.
    #[error("only its maker widens a link")]
    NotMaker,
    /// Serving is switched off.
    #[error("serving is switched off for now")]
    NotServing,
    /// From an address outside the zones.
    #[error("this is not open to the network that the request came from")]
    Zone,
    /// The link asks for a pass, and none that is good was shown.
    #[error("the link asks for a pass")]
    PassNeeded,
    /// The source or the deployment asks for data-use terms that whoever reads has not accepted.
    #[error("data-use terms are to be accepted first")]
    TermsNeeded {
        /// Which.
        unmet: Unmet,
    },
    /// The link gave more than its budget.
    #[error("the link has given more than its budget")]
    OverBudget {
        /// How long that lasts, in seconds.
        secs: u32,
    },
    /// The caller may not, though the thing may be known of.
    #[error("the right `{}` is missing", right.word())]
    Lacks {
        /// The right that is missing.
        right: Right,
    },
    /// The link shows nobody what is in a folder.
    #[error("what is in a folder is not shown here")]
    NotListed,
    /// Metadata may be read, and this object is none.
    #[error("only metadata and coarse levels are open here")]
    CoarseOnly,
    /// No such object, or none that this address opens.
    #[error("there is no such object")]
    NoSuchObject,
    /// A path that no object can have.
    #[error("{0}")]
    Path(PathError),
    /// The caller administers a publication link's dataset for a while only, or from some networks, and would widen the link for good.
    #[error("only who administers the dataset for good widens a publication link")]
    NotSteward,
    /// The caller is not the group's owner.
    #[error("only the group's owner may do this")]
    NotGroupOwner,
    /// The caller is in the project, and manages it not.
    #[error("only a manager of the project may do this")]
    NotProjectManager,
    /// A token that was made makes no token, and says nothing else of its person.
    #[error("only a session may do this, and no token that was made with one")]
    NotSession,
    /// The caller is no administrator.
    #[error("only an administrator may do this")]
    NotAdministrator,
    /// The caller neither audits nor administers.
    #[error("only an auditor or an administrator may see this")]
    NotAuditor,
    /// The caller is no curator.
    #[error("only a curator may do this")]
    NotCurator,
    /// The owner of the dataset may act, and hands it over himself.
    #[error("the dataset's owner is not suspended")]
    OwnerActive,
    /// The offer was answered or taken back, or has ended, or whoever made it could make it no more.
    #[error("the offer does not stand any more")]
    OfferOver,
    /// The token's scopes do not hold this.
    #[error("the token lacks the scope `{}`", needed.word())]
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
    /// Whether that person administers the deployment.
    administers_deployment: bool,
    grounds: Facts,
    given: Given,
    /// When it was given.
    at: Timestamp,
}

/// What somebody may do, and how long one part of it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    rights: Rights,
    /// From which level of multiscale images on chunks open; 0 is the finest, `None` opens none.
    level: Option<u8>,
    /// When the first of the wanted rights ends.
    until: Timestamp,
}

/// Says whether `principal` may do `action`, given `facts`, at `now`.
///
/// # Errors
/// The [`Denial`] of the first rule that says no, in the order of ACCESS 4.
pub fn decide(principal: &Principal, action: Action, facts: &Facts, now: Timestamp) -> Result<Permit, Denial> {
    let (by, given) = match (&principal.who, facts) {
        (Who::Holder, Facts::Link(link)) => (None, by_link(action, link, None, principal.net, now)?),
        (Who::Guest(pass), Facts::Link(link)) => (None, by_link(action, link, Some(pass), principal.net, now)?),
        (Who::Nobody, Facts::Dataset(dataset)) => (None, by_nobody(action, dataset, principal.net, now)?),
        (Who::Holder | Who::Guest(_) | Who::Nobody, _) => return Err(Denial::NotDiscoverable),
        (Who::Token { user, token }, facts) => {
            if !token.is_live(now) || token.owner != user.id {
                return Err(Denial::NotDiscoverable);
            }
            if user.standing != Standing::Active {
                return Err(Denial::Suspended);
            }
            let asking = Asking { user, token, net: principal.net, now };
            let given = match facts {
                Facts::Link(link) => asking.about_link(action, link)?,
                Facts::Dataset(dataset) => asking.about_dataset(action, dataset)?,
                Facts::Orphan { dataset, owner } => asking.about_orphan(action, &dataset.place, owner)?,
                Facts::Offer(offer) => asking.about_offer(action, offer)?,
                Facts::Copy(copy) => asking.about_copy(action, copy)?,
                Facts::Clone(clone) => asking.about_clone(action, clone)?,
                Facts::Group { group, is_member } => asking.about_group(action, group, *is_member)?,
                Facts::Project { role, .. } => asking.about_project(action, *role)?,
                Facts::Deployment => asking.about_deployment(action)?,
            };
            (Some(user.id), given)
        }
    };
    let administers_deployment = matches!(&principal.who, Who::Token { user, .. } if user.administrator);
    Ok(Permit { action, by, administers_deployment, grounds: facts.clone(), given, at: now })
}

/// What a key opens, or a pass where the link asks for one: reading and listing, as long as the link lives and its maker could do the same from here.
fn by_link(action: Action, facts: &LinkFacts, pass: Option<&Pass>, net: Net, now: Timestamp) -> Result<Given, Denial> {
    let right = match action {
        Action::Read => Right::Meta,
        Action::List => Right::List,
        _ => return Err(Denial::NotDiscoverable),
    };
    let mut given = facts.gives(action.wanted(), net, now)?;
    let options = &facts.link.options;
    open(&facts.place.source, net)?;
    if !options.zones.admit(net) {
        return Err(Denial::Zone);
    }
    // A pass that is no good is told so, even where none is needed any more: it is void, and its holder has the link.
    if pass.is_some_and(|pass| !pass.opens(&facts.link, now)) || (pass.is_none() && options.guard().is_some()) {
        return Err(Denial::PassNeeded);
    }
    terms(&facts.place.source, |asked| pass.is_some_and(|pass| pass.accepts(asked)))?;
    if let Some(pass) = pass {
        // What is signed ends with the pass, too.
        given.until = given.until.min(pass.until);
    }
    if let Some(over) = facts.link.over_until.filter(|over| now < *over) {
        return Err(Denial::OverBudget { secs: secs_until(over, now) });
    }
    if facts.is_wholly_cut() {
        return Err(Denial::Restricted);
    }
    if action == Action::List && (options.hide_listing || !given.rights.has(Right::List)) {
        return Err(Denial::NotListed);
    }
    with(right, given)
}

/// Whole seconds until then, one at the least.
fn secs_until(then: Timestamp, now: Timestamp) -> u32 {
    TooOften(then.duration_since(now)).secs()
}

/// What the world has, where a dataset is open to it.
fn by_nobody(action: Action, facts: &DatasetFacts, net: Net, now: Timestamp) -> Result<Given, Denial> {
    let (Action::Read | Action::List, Some(right)) = (action, action.right()) else { return Err(Denial::SignIn) };
    let given = authority(None, &facts.place, &facts.reach, action.wanted(), net, now);
    if !given.rights.has(Right::Discover) {
        return Err(Denial::SignIn);
    }
    named(right, given, &facts.place.source, net, None)
}

/// What was given, if `right` is in it.
fn with(right: Right, given: Given) -> Result<Given, Denial> {
    if given.rights.has(right) { Ok(given) } else { Err(Denial::Lacks { right }) }
}

/// A read or listing of a dataset by its name, once it is known that the dataset may be known of.
fn named(right: Right, given: Given, source: &Source, net: Net, accepted: Option<&Accepted>) -> Result<Given, Denial> {
    let given = with(right, given)?;
    open(source, net)?;
    terms(source, |asked| accepted.is_some_and(|accepted| accepted.has(asked)))?;
    Ok(given)
}

/// Whether whoever reads accepted what a source, or the deployment, asks for first.
fn terms(source: &Source, has: impl Fn(TermsId) -> bool) -> Result<(), Denial> {
    source.unmet(has).map_or(Ok(()), |unmet| Err(Denial::TermsNeeded { unmet }))
}

/// Whether a source moves bytes at all, and to there.
fn open(source: &Source, net: Net) -> Result<(), Denial> {
    if !source.serving {
        Err(Denial::NotServing)
    } else if !source.admits(net) {
        Err(Denial::Zone)
    } else {
        Ok(())
    }
}

/// A person who asks, through a live token.
struct Asking<'a> {
    user: &'a User,
    token: &'a Token,
    net: Net,
    now: Timestamp,
}

impl Asking<'_> {
    fn needs(&self, action: Action) -> Result<(), Denial> {
        // A ticket is made at the app, to which a token that reads objects only is nothing.
        let also = (action == Action::MakeTicket).then_some(Scope::Read);
        let lacking = std::iter::once(action.scope()).chain(also).find(|scope| !self.token.may(*scope));
        lacking.map_or(Ok(()), |needed| Err(Denial::Scope { needed }))
    }

    /// About a dataset by its name. Being an administrator of the deployment gives no right here.
    fn about_dataset(&self, action: Action, facts: &DatasetFacts) -> Result<Given, Denial> {
        let place = &facts.place;
        if !self.token.reaches(place.dataset.id) {
            return Err(Denial::NotDiscoverable);
        }
        if action == Action::Audit && self.audits() {
            return Ok(Given::NOTHING);
        }
        let given = held(Some(self.user), place, &facts.reach, action.wanted(), self.net, self.now);
        let active = is_active(place);
        // What was retired is there for whoever may end what hangs on it, and for nobody else.
        let is_there = given.rights.has(Right::Discover) && (active || given.rights.has(Right::Administer));
        if action == Action::BreakGlass && (is_there || self.user.administrator) {
            return self.breaks_glass(active);
        }
        if !is_there {
            return Err(Denial::NotDiscoverable);
        }
        if action == Action::Curate {
            return self.curates(active);
        }
        self.needs(action)?;
        // Nothing hangs on it yet that could be ended.
        if place.dataset.state == State::Arriving && !matches!(action, Action::See | Action::Audit) {
            return Err(Denial::Arriving);
        }
        if !active && !action.ends() {
            return Err(Denial::Retired);
        }
        let right = action.right().ok_or(Denial::NotDiscoverable)?;
        match action {
            // What is cloned or copied is data, which a source that does not serve moves nowhere.
            Action::Read | Action::List | Action::Copy | Action::Clone => {
                let given = named(right, given, &place.source, self.net, Some(&self.user.accepted))?;
                // What is signed ends with the token, too.
                Ok(Given { until: given.until.min(self.token.until), ..given })
            }
            Action::MakeTicket => {
                // It would open nothing.
                let given = with(right, given)?;
                terms(&place.source, |asked| self.user.accepted.has(asked)).map(|()| given)
            }
            Action::Receive => {
                let given = with(right, given)?;
                if !place.source.serving {
                    Err(Denial::NotServing)
                } else if !place.source.writable {
                    Err(Denial::NotWritable)
                } else {
                    Ok(given)
                }
            }
            _ => with(right, given),
        }
    }

    /// Whether the person sees who gets what, whatever it is about.
    fn audits(&self) -> bool {
        self.user.auditor && self.token.dataset.is_none() && self.token.may(Scope::Audit)
    }

    /// Whether the person curates what is known to be there: being a curator gives no right otherwise.
    fn curates(&self, active: bool) -> Result<Given, Denial> {
        if !self.user.curator {
            return Err(Denial::NotCurator);
        }
        self.needs(Action::Curate)?;
        if active { Ok(Given::NOTHING) } else { Err(Denial::Retired) }
    }

    /// Whether the person may grant himself a dataset for a while: an administrator, for which being one gives no right otherwise.
    fn breaks_glass(&self, active: bool) -> Result<Given, Denial> {
        if !self.user.administrator {
            return Err(Denial::NotAdministrator);
        }
        self.needs(Action::BreakGlass)?;
        if self.token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        if active { Ok(Given::NOTHING) } else { Err(Denial::Retired) }
    }

    /// About a dataset whose owner is suspended: whoever the owner named takes it over or hands it on, and so does an administrator (R7).
    fn about_orphan(&self, action: Action, place: &Place, owner: &User) -> Result<Given, Denial> {
        let is_heir = place.dataset.successor == Some(self.user.id);
        let is_asked = action == Action::HandOver && owner.id == place.dataset.owner && self.token.reaches(place.dataset.id);
        if !is_asked || !(is_heir || self.user.administrator) {
            return Err(Denial::NotDiscoverable);
        }
        let needed = if is_heir { Scope::Datasets } else { Scope::Admin };
        if !self.token.may(needed) {
            return Err(Denial::Scope { needed });
        }
        if owner.standing == Standing::Active {
            return Err(Denial::OwnerActive);
        }
        if is_active(place) { Ok(Given::NOTHING) } else { Err(Denial::Retired) }
    }

    /// About an offer: whom it is made to sees and answers it, and nobody else is told of it. Whoever is blocked at the source gets nothing there.
    fn about_offer(&self, action: Action, facts: &OfferFacts) -> Result<Given, Denial> {
        let (place, reach) = (&facts.dataset.place, &facts.dataset.reach);
        let is_theirs = facts.request.wish.answered_by() == Some(self.user.id) && reach.user == Some(self.user.id) && !reach.blocked;
        if !is_theirs || !matches!(action, Action::See | Action::HandOver) || !self.token.reaches(place.dataset.id) {
            return Err(Denial::NotDiscoverable);
        }
        self.needs(action)?;
        if !is_active(place) {
            Err(Denial::Retired)
        } else if facts.stands(self.now) {
            Ok(Given::NOTHING)
        } else {
            Err(Denial::OfferOver)
        }
    }

    /// About a copy: whoever had it made sees and ends it, whatever became of the rights that it needs. Nobody else is told of it.
    fn about_copy(&self, action: Action, copy: &DatasetCopy) -> Result<Given, Denial> {
        if copy.by != self.user.id || !matches!(action, Action::See | Action::Receive) || self.token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        self.needs(action).map(|()| Given::NOTHING)
    }

    /// About a reference clone: whose it is sees and changes it, and nobody else is told of it.
    fn about_clone(&self, action: Action, clone: &ReferenceClone) -> Result<Given, Denial> {
        let is_theirs = clone.owner == self.user.id && self.token.dataset.is_none();
        if !is_theirs || !matches!(action, Action::See | Action::Clone) {
            return Err(Denial::NotDiscoverable);
        }
        self.needs(action).map(|()| Given::NOTHING)
    }

    /// About a link by its id: whoever made it may see and narrow it, even after losing the right to share, and so may whoever
    /// administers its dataset. Nobody widens another's link, which acts with its maker's rights; one that is stewarded is the
    /// dataset's: its maker sees it, who administers narrows it, and only who does so for good widens it (ACCESS R5, ADR 0014).
    fn about_link(&self, action: Action, facts: &LinkFacts) -> Result<Given, Denial> {
        let (place, link) = (&facts.place, &facts.link);
        if !self.token.reaches(place.dataset.id) {
            return Err(Denial::NotDiscoverable);
        }
        let made = link.maker == self.user.id;
        let reach = if made { Some(&facts.reach) } else { facts.asking.as_ref() };
        let given = reach.map_or(Given::NOTHING, |reach| {
            held(Some(self.user), place, reach, Rights::of(&[Right::Share, Right::Administer]), self.net, self.now)
        });
        let administers = given.rights.has(Right::Administer);
        if !made && !administers {
            return if action == Action::See && self.audits() { Ok(Given::NOTHING) } else { Err(Denial::NotDiscoverable) };
        }
        self.needs(action)?;
        if action == Action::Share {
            // After a revoke nothing yields yes (P8).
            facts.not_revoked()?;
        }
        match action {
            // Its maker may never have administered: what was promoted is no link of his any more (ADR 0050).
            Action::Narrow if link.stewarded => with(Right::Administer, given),
            Action::See | Action::Narrow => Ok(given),
            Action::Share if !is_active(place) => Err(Denial::Retired),
            // It rests on nobody's right: whoever administers for a while would widen it for good (ADR 0014).
            Action::Share if link.stewarded => {
                let given = with(Right::Administer, given)?;
                let for_good = reach.is_some_and(|reach| administers_for_good(self.user, place, reach, self.now));
                if for_good { Ok(given) } else { Err(Denial::NotSteward) }
            }
            Action::Share if !made => Err(Denial::NotMaker),
            Action::Share => with(Right::Share, given),
            _ => Err(Denial::NotDiscoverable),
        }
    }

    /// About a group: its members and auditors may see it, its owner changes it. An administrator does neither, for that would be a way to read.
    fn about_group(&self, action: Action, group: &Group, is_member: bool) -> Result<Given, Denial> {
        let owns = group.owner == self.user.id;
        if action == Action::See && self.audits() {
            return Ok(Given::NOTHING);
        }
        if (!owns && !is_member) || self.token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        self.needs(action)?;
        match action {
            Action::See => Ok(Given::NOTHING),
            Action::Gather if owns => Ok(Given::NOTHING),
            Action::Gather => Err(Denial::NotGroupOwner),
            _ => Err(Denial::NotDiscoverable),
        }
    }

    /// About a project: whoever is in it may see it, its managers change it. An administrator does neither, as with a group.
    fn about_project(&self, action: Action, role: Option<ProjectRole>) -> Result<Given, Denial> {
        let Some(role) = role.filter(|_| self.token.dataset.is_none()) else { return Err(Denial::NotDiscoverable) };
        self.needs(action)?;
        match action {
            Action::See => Ok(Given::NOTHING),
            Action::Gather if role == ProjectRole::Manager => Ok(Given::NOTHING),
            Action::Gather => Err(Denial::NotProjectManager),
            _ => Err(Denial::NotDiscoverable),
        }
    }

    fn about_deployment(&self, action: Action) -> Result<Given, Denial> {
        // Whoever shows a token may end it, whatever else it is for.
        if action == Action::Narrow {
            return Ok(Given::NOTHING);
        }
        if self.token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        match action {
            // One's own lists: the candidates are decided one by one. And whoever has an account may make a group or a project.
            Action::See | Action::Gather => self.needs(action).map(|()| Given::NOTHING),
            Action::MakeToken if self.token.kind == TokenKind::Session => Ok(Given::NOTHING),
            Action::MakeToken => Err(Denial::NotSession),
            Action::Administer if !self.user.administrator => Err(Denial::NotAdministrator),
            Action::Administer => self.needs(action).map(|()| Given::NOTHING),
            Action::Curate => self.curates(true),
            Action::Audit if self.audits() => Ok(Given::NOTHING),
            Action::Audit if self.user.administrator => self.needs(Action::Administer).map(|()| Given::NOTHING),
            Action::Audit if self.user.auditor => Err(Denial::Scope { needed: Scope::Audit }),
            Action::Audit => Err(Denial::NotAuditor),
            _ => Err(Denial::NotDiscoverable),
        }
    }
}

/// Whether a dataset among these is strict: then so is what is read by them (ADR 0049).
fn rests_on_strict(place: &Place, reach: &Reach) -> bool {
    place.dataset.strict || reach.above.iter().any(|above| above.dataset.strict)
}

/// Whether both take part.
pub(crate) fn is_active(place: &Place) -> bool {
    place.source.state == State::Active && place.dataset.state == State::Active
}

/// What a person, or nobody, may do at a dataset (ACCESS 4): nothing where it or its source was retired.
fn authority(user: Option<&User>, place: &Place, reach: &Reach, wanted: Rights, net: Net, now: Timestamp) -> Given {
    if is_active(place) { held(user, place, reach, wanted, net, now) } else { Given::NOTHING }
}

/// The same, whether or not it was retired.
fn held(user: Option<&User>, place: &Place, reach: &Reach, wanted: Rights, net: Net, now: Timestamp) -> Given {
    // Facts about somebody else are none about this person, and a suspended person has what nobody has: nothing.
    if reach.user != user.map(|user| user.id) || user.is_some_and(|user| user.standing != Standing::Active) {
        return Given::NOTHING;
    }
    if owns(reach.user, place, reach) {
        return Given { rights: Rights::ALL, level: Some(0), until: Timestamp::MAX };
    }
    let mut sum = Sum::of(wanted);
    for path in paths(place, reach) {
        if path.holds(net, now) {
            sum.add(&path);
        }
    }
    sum.given()
}

/// Whether the person owns the dataset, or one that it lies in: ownership passes through what is restricted.
pub(crate) fn owns(user: Option<UserId>, place: &Place, reach: &Reach) -> bool {
    let Some(user) = user else { return false };
    let dataset = &place.dataset;
    let above = || reach.above.iter().map(|above| &above.dataset).filter(|above| dataset.ancestors.contains(&above.id));
    dataset.owner == user || above().any(|above| above.owner == user && above.source == dataset.source)
}

/// Whether the person of `reach` owns a dataset, or administers it at any time from now on and from everywhere.
fn administers_for_good(user: &User, place: &Place, reach: &Reach, now: Timestamp) -> bool {
    owns(Some(user.id), place, reach) || one_way_for_good(place, reach, now)
}

fn one_way_for_good(place: &Place, reach: &Reach, now: Timestamp) -> bool {
    ways_for_good(place, reach, now).next().is_some()
}

/// The ways by which the person of `reach` administers a place at any time from now on and from everywhere, beside owning it.
fn ways_for_good<'a>(place: &'a Place, reach: &'a Reach, now: Timestamp) -> impl Iterator<Item = Way<'a>> {
    let unbound = Conditions::default();
    paths(place, reach).filter(move |way| way.rights.has(Right::Administer) && way.covers(&unbound, now))
}

/// One way by which a person gets rights at a dataset.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// What it gives.
    pub rights: Rights,
    /// The dataset that it was given on: this one, or one above.
    pub on: &'a Dataset,
    /// The grant; `None`: by the project's policy.
    pub grant: Option<&'a Grant>,
    /// When whose membership it rests on ends.
    membership_until: Timestamp,
}

impl Way<'_> {
    /// Whether its conditions hold.
    #[must_use]
    pub fn holds(&self, net: Net, now: Timestamp) -> bool {
        now < self.membership_until && self.grant.is_none_or(|grant| grant.conditions.hold(net, now))
    }

    /// From which level of multiscale images on it opens chunks; 0 is the finest, `None` opens none.
    #[must_use]
    pub fn opens_from(&self) -> Option<u8> {
        self.rights.level(self.grant.and_then(|grant| grant.level))
    }

    /// When it ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.grant.and_then(|grant| grant.conditions.until).unwrap_or(Timestamp::MAX).min(self.membership_until)
    }

    /// Until when it counts, and from where, once it has begun.
    fn conditions(&self) -> Conditions {
        let zones = self.grant.map_or(Zones::EVERYWHERE, |grant| grant.conditions.zones.clone());
        Conditions { not_before: None, until: Some(self.until()).filter(|until| *until < Timestamp::MAX), zones }
    }

    /// Whether what is given under `conditions` lies within it (ACCESS R2).
    #[must_use]
    pub fn covers(&self, conditions: &Conditions, now: Timestamp) -> bool {
        let ends = conditions.until.unwrap_or(Timestamp::MAX);
        ends <= self.membership_until && self.grant.is_none_or(|grant| conditions.lie_in(&grant.conditions, now))
    }
}

/// The dataset and those above that reach it, with what is granted on each, whoever asks.
pub(crate) fn reaching<'a>(place: &'a Place, reach: &'a Reach) -> impl Iterator<Item = (&'a Dataset, &'a [Grant])> {
    let here = (&place.dataset, reach.here.as_slice());
    let above = reach.above.iter().map(|above| (&above.dataset, above.grants.as_slice()));
    std::iter::once(here).chain(above).filter(|(on, _)| on.reaches(&place.dataset))
}

/// Every way by which the person of `reach` gets rights at a place beside owning it, whether or not its conditions hold.
pub fn paths<'a>(place: &'a Place, reach: &'a Reach) -> impl Iterator<Item = Way<'a>> {
    reaching(place, reach).filter(|_| !reach.blocked).flat_map(move |(on, grants)| {
        let mut near = 0;
        let granted = grants.iter().filter_map(move |grant| by_grant(place, reach, on, grant, &mut near));
        by_policy(reach, on).into_iter().chain(granted)
    })
}

/// By what a person has a right at a dataset: where to look first when the right is judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Via {
    /// The dataset that is owned, that the grant is on, or that is in the project: the one that the right is at, or one above.
    pub on: DatasetId,
    /// Whose it is there.
    pub through: Through,
}

/// As what a person has a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Through {
    /// By name, or as the owner.
    Person,
    /// By a grant to a group that the person is in.
    Group(GroupId),
    /// By a grant to a project that the person is in.
    Project(ProjectId),
    /// By the policy of the project that the dataset is in, or as its manager.
    Policy(ProjectId),
}

/// By what the person of `reach` has `right` at a place now: what lasts longest, and what was granted before what a project's policy gives.
/// `None`: not at all, or by what everybody has.
#[must_use]
pub fn via(user: &User, place: &Place, reach: &Reach, right: Right, net: Net, now: Timestamp) -> Option<Via> {
    if user.standing == Standing::Active { via_of(user.id, place, reach, right, net, now) } else { None }
}

/// The same of a person who is known to be active: whoever was given a permit.
#[must_use]
pub fn via_of(user: UserId, place: &Place, reach: &Reach, right: Right, net: Net, now: Timestamp) -> Option<Via> {
    if reach.user != Some(user) {
        return None;
    }
    let owned = std::iter::once(&place.dataset).chain(reach.above.iter().map(|above| &above.dataset));
    let owned = owned.filter(|on| on.id == place.dataset.id || place.dataset.ancestors.contains(&on.id));
    if let Some(on) = owned.filter(|on| on.owner == user && on.source == place.dataset.source).map(|on| on.id).next() {
        return Some(Via { on, through: Through::Person });
    }
    let ways = paths(place, reach).filter(|way| way.rights.has(right) && way.holds(net, now));
    let longest = ways.max_by_key(|way| (way.until(), way.grant.is_some()))?;
    let through = match longest.grant.map(|grant| grant.subject) {
        None => Through::Policy(longest.on.project?),
        Some(Subject::User(_)) => Through::Person,
        Some(Subject::Group(group)) => Through::Group(group),
        Some(Subject::Project(project)) => Through::Project(project),
        Some(Subject::Accounts | Subject::World) => return None,
    };
    Some(Via { on: longest.on.id, through })
}

/// Whether what is granted on `on` to all accounts, or to the world, counts: as far as its visibility and the source's ceiling let it.
pub(crate) fn is_open(place: &Place, on: &Dataset, all: Subject) -> bool {
    let least = if all == Subject::World { Audience::World } else { Audience::Accounts };
    is_switched(on, all) && place.source.audience() >= least
}

/// The same whatever the ceilings say: these fall and rise, and nobody is asked then.
pub(crate) fn is_switched(on: &Dataset, all: Subject) -> bool {
    match all {
        Subject::Accounts => on.visibility >= Visibility::Accounts,
        Subject::World => on.visibility == Visibility::World,
        Subject::User(_) | Subject::Group(_) | Subject::Project(_) => false,
    }
}

/// What a grant on `on` gives the person of `reach`; `None`: it is for somebody else, or asleep. `near` is for [`membership`].
fn by_grant<'a>(place: &Place, reach: &Reach, on: &'a Dataset, grant: &'a Grant, near: &mut usize) -> Option<Way<'a>> {
    let signed_in = reach.user.is_some();
    let membership_until = match grant.subject {
        Subject::User(user) if reach.user == Some(user) => Timestamp::MAX,
        Subject::Group(group) if signed_in => membership(reach, group, near)?,
        Subject::Project(project) if signed_in && reach.projects.iter().any(|part| part.project == project) => Timestamp::MAX,
        Subject::Accounts if signed_in && is_open(place, on, grant.subject) => Timestamp::MAX,
        Subject::World if is_open(place, on, grant.subject) => Timestamp::MAX,
        _ => return None,
    };
    let rights = grant.rights();
    (!rights.is_empty()).then_some(Way { rights, on, grant: Some(grant), membership_until })
}

/// Until when the person of `reach` is in a group. Grants and memberships both come in the order of their groups, so the search goes on
/// at `near`, where the last one ended; a group that should have come before is looked for from the beginning.
fn membership(reach: &Reach, group: GroupId, near: &mut usize) -> Option<Timestamp> {
    let is_passed = reach.groups.get(..*near).and_then(<[_]>::last).is_some_and(|last| last.group >= group);
    if is_passed {
        *near = 0;
    }
    let before = reach.groups.get(*near..)?.iter().take_while(|membership| membership.group < group).count();
    *near = near.saturating_add(before);
    reach.groups.get(*near).filter(|membership| membership.group == group).map(|membership| membership.until)
}

/// What the policy of the project that `on` is in gives.
fn by_policy<'a>(reach: &Reach, on: &'a Dataset) -> Option<Way<'a>> {
    let project = on.project.filter(|_| on.visibility >= Visibility::Project && reach.user.is_some())?;
    let part = reach.projects.iter().find(|part| part.project == project)?;
    Some(Way { rights: part.rights(), on, grant: None, membership_until: Timestamp::MAX })
}

/// Rights that one question can want: those of a read, and its maker's to share.
const WANTED_MAX: usize = 4;

/// Rights that add up, with the latest end of each that is wanted; coarse chunks end when those of the finest level do that open.
struct Sum {
    rights: Rights,
    level: Option<u8>,
    ends: [(Rights, Timestamp); WANTED_MAX],
}

impl Sum {
    fn of(wanted: Rights) -> Self {
        let mut wanted = wanted.iter().map(|right| Rights::of(&[right]));
        let mut next = || (wanted.next().unwrap_or(Rights::NONE), Timestamp::MIN);
        Self { rights: Rights::NONE, level: None, ends: [next(), next(), next(), next()] }
    }

    fn add(&mut self, way: &Way<'_>) {
        const COARSE: Rights = Rights::of(&[Right::Coarse]);
        let (rights, level, until) = (way.rights, way.opens_from(), way.until());
        let is_finer = !opens_within(level, self.level);
        let is_coarser = !opens_within(self.level, level);
        self.rights = self.rights.or(rights);
        if is_finer {
            self.level = level;
        }
        for (wanted, end) in &mut self.ends {
            let of_levels = *wanted == COARSE;
            if wanted.is_empty() || !rights.holds(*wanted) || (of_levels && is_coarser) {
                continue;
            }
            if *end < until || (of_levels && is_finer) {
                *end = until;
            }
        }
    }

    fn given(&self) -> Given {
        let there = self.ends.iter().filter(|(wanted, _)| !wanted.is_empty() && self.rights.holds(*wanted));
        Given { rights: self.rights, level: self.level, until: there.map(|(_, end)| *end).fold(Timestamp::MAX, Timestamp::min) }
    }
}

impl Given {
    const NOTHING: Self = Self { rights: Rights::NONE, level: None, until: Timestamp::MAX };
}

impl LinkFacts {
    /// What the keys of all its objects begin with.
    #[must_use]
    pub fn base(&self) -> &KeyBase {
        &self.base
    }

    /// The facts of a link, with what its objects' keys begin with joined and escaped once: source, dataset, subpath. `reach` is the maker's.
    ///
    /// # Errors
    /// [`PathError::TooLong`] where the three together are.
    pub fn new(link: Link, tombstone: Option<Tombstone>, place: Place, maker: User, reach: Reach) -> Result<Self, PathError> {
        let base = place.source.prefix.join(&place.dataset.path)?.join(&link.subpath)?;
        Ok(Self { link, tombstone, place, maker, reach, asking: None, base: KeyBase::new(base) })
    }

    /// How long what rests on these facts lives: as the link has it, and strictly where its dataset is strict, or one by which its maker may share it.
    #[must_use]
    pub fn timing(&self) -> Timing {
        if rests_on_strict(&self.place, &self.reach) { Timing::STRICT } else { self.link.timing() }
    }

    /// What the link gives at `now` to whoever comes from `net`: never more than its maker has, unless it is the dataset's own act.
    ///
    /// # Errors
    /// The [`Denial`] of the first rule by which it gives nothing.
    fn gives(&self, wanted: Rights, net: Net, now: Timestamp) -> Result<Given, Denial> {
        let (link, place) = (&self.link, &self.place);
        self.not_revoked()?;
        if !link.enabled {
            return Err(Denial::Paused);
        }
        if link.options.not_before.is_some_and(|begin| now < begin) {
            return Err(Denial::NotYet);
        }
        let end = link.end(place).unwrap_or(Timestamp::MAX);
        if now >= end {
            return Err(Denial::Expired);
        }
        if let Some(of) = place.source.forbids(link.class.audience()) {
            return Err(Denial::Ceiling { of });
        }
        if !is_active(place) {
            return Err(Denial::Retired);
        }
        let as_maker = |net| {
            let wanted = wanted.or(Rights::of(&[Right::Share]));
            if self.maker.id == link.maker { held(Some(&self.maker), place, &self.reach, wanted, net, now) } else { Given::NOTHING }
        };
        let give = if link.stewarded {
            Given { rights: Rights::LINK.or(Rights::of(&[Right::Share])), level: Some(0), until: Timestamp::MAX }
        } else {
            as_maker(net)
        };
        if !give.rights.has(Right::Share) {
            // From somewhere else its maker may: then the link is not over, and whoever holds it stands in the wrong network (ADR 0059).
            return Err(if as_maker(Net::Anywhere).rights.has(Right::Share) { Denial::Zone } else { Denial::Maker });
        }
        let most = link.options.role.rights().and(Rights::LINK);
        // The coarser of what its maker has and what it gives (ACCESS R4).
        let level = give.level.zip(most.level(link.options.level)).map(|(has, gives)| has.max(gives));
        Ok(Given { rights: give.rights.and(most), level, until: give.until.min(end) })
    }

    /// Whether it opens now from anywhere, or would once it is resumed and has begun.
    #[must_use]
    pub fn may_open(&self, now: Timestamp) -> bool {
        let mut going = self.clone();
        (going.link.enabled, going.link.options.not_before) = (true, None);
        going.state(now) == LinkState::Live
    }

    /// The same facts, supposed that its dataset were this, and its maker had this there: to tell what a change would do.
    #[must_use]
    pub fn supposing(&self, on: &DatasetFacts) -> Self {
        Self { place: on.place.clone(), reach: on.reach.clone(), ..self.clone() }
    }

    /// Until when it opens from anywhere, by these facts alone; `None`: it does not at `now`. What may open it longer is not among them.
    #[must_use]
    pub fn opens_until(&self, now: Timestamp) -> Option<Timestamp> {
        let is_over = self.link.over_until.is_some_and(|over| now < over);
        let given = self.gives(Rights::NONE, Net::Anywhere, now).ok()?;
        (self.place.source.serving && !is_over && !self.is_wholly_cut()).then_some(given.until)
    }

    /// Whether from somewhere its maker cannot share it by what was read. There may be more than its `via` names: the rest is read before such
    /// a no is believed (ACCESS 4).
    #[must_use]
    pub fn may_rest_on_more(&self, now: Timestamp) -> bool {
        let fails = |net| matches!(self.gives(Rights::NONE, net, now), Err(Denial::Maker | Denial::Zone));
        [Net::Anywhere, Net::Unknown].into_iter().any(fails)
    }

    /// On what conditions of time and network its maker may share it, any of which suffices; empty: on none, or it is the dataset's own act.
    /// Only those that hold at `now` from somewhere. The link ends with them, and opens from these networks only (ADR 0059).
    #[must_use]
    pub fn rests_on(&self, now: Timestamp) -> Vec<Conditions> {
        let (place, reach) = (&self.place, &self.reach);
        let mut widest: Vec<Conditions> = Vec::new();
        if self.link.stewarded || owns(Some(self.maker.id), place, reach) {
            return widest;
        }
        for way in paths(place, reach).filter(|way| way.rights.has(Right::Share) && way.holds(Net::Anywhere, now)) {
            let conditions = way.conditions();
            if !widest.iter().any(|other| conditions.lie_in(other, now)) {
                widest.retain(|other| !other.lie_in(&conditions, now));
                widest.push(conditions);
            }
        }
        widest.retain(|conditions| *conditions != Conditions::default());
        widest
    }

    /// Whether by what was read its maker cannot share it from everywhere and for good, whatever state it is in: to change it or to tell on
    /// what it rests the rest is read, too.
    #[must_use]
    pub fn maker_may_have_more(&self, now: Timestamp) -> bool {
        let held = held(Some(&self.maker), &self.place, &self.reach, Rights::NONE, Net::Anywhere, now);
        !held.rights.has(Right::Share) || !self.rests_on(now).is_empty()
    }

    /// Whether it was revoked, by itself or with all of its dataset.
    fn not_revoked(&self) -> Result<(), Denial> {
        if self.tombstone.is_none() && self.link.links_gen == self.place.dataset.links_gen {
            return Ok(());
        }
        Err(if self.link.class == Class::Publication { Denial::Withdrawn } else { Denial::Revoked })
    }

    /// Whether everything that the link opens lies in a restricted dataset below its own.
    fn is_wholly_cut(&self) -> bool {
        let dataset = &self.place.dataset;
        !dataset.cuts.is_empty() && dataset.path.join(&self.link.subpath).is_ok_and(|opens| dataset.is_cut(&opens))
    }

    /// What the link is at `now`, wherever it is asked from: the rule by which a read would be refused.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> LinkState {
        match self.gives(Rights::NONE, Net::Anywhere, now) {
            Ok(_) if !self.is_wholly_cut() => LinkState::Live,
            Err(Denial::Revoked) => LinkState::Revoked,
            Err(Denial::Withdrawn) => LinkState::Withdrawn,
            Err(Denial::Paused) => LinkState::Paused,
            Err(Denial::NotYet) => LinkState::NotYet,
            Err(Denial::Expired) => LinkState::Expired,
            Ok(_) | Err(_) => LinkState::Stopped,
        }
    }
}

impl OfferFacts {
    /// Whether it waits, and whoever made it could make it still.
    fn stands(&self, now: Timestamp) -> bool {
        let (place, request) = (&self.dataset.place, &self.request);
        let is_here = request.dataset == place.dataset.id && request.by == self.maker.id && self.reach.user == Some(self.maker.id);
        let may_offer = self.maker.standing == Standing::Active && owns(Some(self.maker.id), place, &self.reach);
        is_here && may_offer && request.waits(now) && request.wish.fits(&place.dataset)
    }
}

impl DatasetFacts {
    /// What the keys of all its objects begin with.
    #[must_use]
    pub fn base(&self) -> &KeyBase {
        &self.base
    }

    /// The facts of a dataset, with what its objects' keys begin with joined and escaped once: source and dataset.
    ///
    /// # Errors
    /// [`PathError::TooLong`] where the two together are.
    pub fn new(place: Place, reach: Reach) -> Result<Self, PathError> {
        let base = place.source.prefix.join(&place.dataset.path)?;
        Ok(Self { place, reach, base: KeyBase::new(base) })
    }

    /// How long what rests on these facts lives: strictly where the dataset or one that it lies in is strict, or nobody could say so of one.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let is_whole = self.reach.above.len() >= self.place.dataset.ancestors.len();
        if rests_on_strict(&self.place, &self.reach) || !is_whole { Timing::STRICT } else { Timing::PRIVATE }
    }

    /// What the person, or nobody, has here while dataset and source are active. It permits nothing: [`decide`] does.
    #[must_use]
    pub fn rights_of(&self, user: Option<&User>, net: Net, now: Timestamp) -> Rights {
        authority(user, &self.place, &self.reach, Rights::NONE, net, now).rights
    }

    /// Until when the person, or nobody, may read anything here from anywhere, by these facts alone; `None`: not at `now`.
    #[must_use]
    pub fn opens_until(&self, user: Option<&User>, now: Timestamp) -> Option<Timestamp> {
        let given = authority(user, &self.place, &self.reach, Rights::of(&[Right::Meta]), Net::Anywhere, now);
        let met = self.place.source.unmet(|asked| user.is_some_and(|user| user.accepted.has(asked))).is_none();
        (met && self.place.source.serving && given.rights.has(Right::Meta)).then_some(given.until)
    }

    /// Whether these facts are about `user`, who may act and administers this for good and from everywhere. It permits nothing.
    #[must_use]
    pub fn administers_for_good(&self, user: &User, now: Timestamp) -> bool {
        let is_theirs = self.reach.user == Some(user.id) && user.standing == Standing::Active;
        is_theirs && is_active(&self.place) && administers_for_good(user, &self.place, &self.reach, now)
    }

    /// The same facts, supposed that the dataset were this, in the same place: to tell what a change would do.
    #[must_use]
    pub fn supposing(&self, dataset: Dataset) -> Self {
        Self { place: Place { dataset, source: self.place.source.clone() }, ..self.clone() }
    }

    /// The same facts, supposed that the dataset were restricted, or no more: those above remember the cut, or forget it.
    #[must_use]
    pub fn cut_off(mut self, restricted: bool) -> Self {
        let dataset = &mut self.place.dataset;
        for above in &mut self.reach.above {
            above.dataset.cuts = above.dataset.cuts_with(dataset, restricted);
        }
        dataset.restricted = restricted;
        self
    }

    /// The same facts, supposed that the person had this part in `project`.
    #[must_use]
    pub fn with_part(mut self, project: ProjectId, part: Option<Participation>) -> Self {
        self.reach.projects.retain(|there| there.project != project);
        self.reach.projects.extend(part);
        self
    }

    /// The same facts, supposed that the person were not in `group`.
    #[must_use]
    pub fn without_group(mut self, group: GroupId) -> Self {
        self.reach.groups.retain(|there| there.group != group);
        self
    }

    /// The same facts, supposed that the person were in a group.
    #[must_use]
    pub fn with_group(self, membership: Membership) -> Self {
        let mut facts = self.without_group(membership.group);
        // They are looked for in their order.
        let place = facts.reach.groups.partition_point(|there| there.group < membership.group);
        facts.reach.groups.insert(place, membership);
        facts
    }

    /// The same facts, supposed that this were granted on `dataset`, this one or one above.
    #[must_use]
    pub fn with_grant(self, dataset: DatasetId, grant: &Grant) -> Self {
        let mut facts = self.without_grant(dataset, grant.subject);
        for grants in facts.grants_on(dataset) {
            grants.push(grant.clone());
        }
        facts
    }

    /// The same facts, supposed that nothing were granted to `subject` on `dataset`, this one or one above.
    #[must_use]
    pub fn without_grant(mut self, dataset: DatasetId, subject: Subject) -> Self {
        for grants in self.grants_on(dataset) {
            grants.retain(|grant| grant.subject != subject);
        }
        self
    }

    /// What was read of the grants on `dataset`, this one or one above.
    fn grants_on(&mut self, dataset: DatasetId) -> impl Iterator<Item = &mut Vec<Grant>> {
        let here = (self.place.dataset.id, &mut self.reach.here);
        let above = self.reach.above.iter_mut().map(|above| (above.dataset.id, &mut above.grants));
        std::iter::once(here).chain(above).filter(move |(on, _)| *on == dataset).map(|(_, grants)| grants)
    }

    /// From which level of multiscale images on chunks open to the person, or to nobody, where that is not the finest.
    #[must_use]
    pub fn level_of(&self, user: Option<&User>, net: Net, now: Timestamp) -> Option<u8> {
        authority(user, &self.place, &self.reach, Rights::NONE, net, now).level.filter(|level| *level > 0)
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
        let on = self.place().is_some_and(|place| place.dataset.id == dataset);
        self.by.filter(|_| on && self.action == Action::Share)
    }

    /// Whether whoever may share by it administers the dataset, too, for good: a link may then be the dataset's own act, which knows no
    /// end and no zone of its maker's (ACCESS R4).
    #[must_use]
    pub fn may_steward(&self) -> bool {
        self.action == Action::Share && self.administers_for_good()
    }

    /// Whether whoever it was given to owns the dataset, or administers it at any time from now on and from everywhere.
    pub(crate) fn administers_for_good(&self) -> bool {
        let Facts::Dataset(facts) = &self.grounds else { return false };
        self.given.rights.has(Right::Own) || one_way_for_good(&facts.place, &facts.reach, self.at)
    }

    /// Whether whoever it was given to administers the deployment, whatever it is for.
    pub(crate) const fn is_by_administrator(&self) -> bool {
        self.administers_deployment
    }

    /// Whether whoever it was given to owns the dataset, or one that it lies in.
    pub(crate) fn is_by_owner(&self) -> bool {
        matches!(&self.grounds, Facts::Dataset(facts) if owns(self.by, &facts.place, &facts.reach))
    }

    /// Whether by a permit to grant on `dataset` its person administers it for good, by more than what `other` gave since.
    pub(crate) fn administers_beside(&self, dataset: DatasetId, other: UserId, since: Timestamp) -> bool {
        let Some(facts) = self.grounds_to_grant().filter(|facts| facts.place.dataset.id == dataset) else { return false };
        let is_others = |way: &Way<'_>| way.grant.is_some_and(|grant| grant.by == other && grant.at >= since);
        self.given.rights.has(Right::Own) || ways_for_good(&facts.place, &facts.reach, self.at).any(|way| !is_others(&way))
    }

    /// Whether the same holds by more than being in a project: by owning it, or by a grant to the person or a group.
    pub(crate) fn administers_beside_projects(&self) -> bool {
        let Facts::Dataset(facts) = &self.grounds else { return false };
        let by_name = |way: Way<'_>| way.grant.is_some_and(|grant| matches!(grant.subject, Subject::User(_) | Subject::Group(_)));
        self.given.rights.has(Right::Own) || ways_for_good(&facts.place, &facts.reach, self.at).any(by_name)
    }

    fn place(&self) -> Option<&Place> {
        match &self.grounds {
            Facts::Link(facts) => Some(&facts.place),
            Facts::Dataset(facts) => Some(&facts.place),
            Facts::Orphan { .. }
            | Facts::Offer(_)
            | Facts::Copy(_)
            | Facts::Clone(_)
            | Facts::Group { .. }
            | Facts::Project { .. }
            | Facts::Deployment => None,
        }
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
        let on = matches!(&self.grounds, Facts::Dataset(facts) if facts.place.dataset.id == dataset);
        self.by.filter(|_| on && self.action == action)
    }

    /// The person, if the permit is one to hand over `dataset` because its owner is suspended.
    #[must_use]
    pub fn allows_succession(&self, dataset: DatasetId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Orphan { dataset: facts, .. } if facts.place.dataset.id == dataset);
        self.by.filter(|_| on && self.action == Action::HandOver)
    }

    /// The person, if the permit is one to answer `request`.
    #[must_use]
    pub fn allows_answer_to(&self, request: RequestId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Offer(facts) if facts.request.id == request);
        self.by.filter(|_| on && self.action == Action::HandOver)
    }

    /// The person, if the permit is one to change `clone`.
    #[must_use]
    pub fn allows_change_of_clone(&self, clone: CloneId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Clone(there) if there.id == clone);
        self.by.filter(|_| on && self.action == Action::Clone)
    }

    /// The person, if the permit is one to change `group`.
    #[must_use]
    pub fn allows_gather(&self, group: GroupId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Group { group: there, .. } if there.id == group);
        self.by.filter(|_| on && self.action == Action::Gather)
    }

    /// The person, if the permit is one to see `group`, as whoever is in it may, and who audits.
    #[must_use]
    pub fn sees_group(&self, group: GroupId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Group { group: there, .. } if there.id == group);
        self.by.filter(|_| on && self.action == Action::See)
    }

    /// The person, if the permit is one to change `project` and who is in it.
    #[must_use]
    pub fn allows_manage(&self, project: ProjectId) -> Option<UserId> {
        self.by.filter(|_| self.is_about(project) && self.action == Action::Gather)
    }

    /// The person, if the permit is one to see `project`, as whoever is in it may.
    #[must_use]
    pub fn is_in(&self, project: ProjectId) -> Option<UserId> {
        self.by.filter(|_| self.is_about(project) && self.action == Action::See)
    }

    fn is_about(&self, project: ProjectId) -> bool {
        matches!(&self.grounds, Facts::Project { project: there, .. } if there.id == project)
    }

    /// The person, if the permit is one to make a group or a project.
    #[must_use]
    pub fn allows_new_group(&self) -> Option<UserId> {
        self.by.filter(|_| matches!(self.grounds, Facts::Deployment) && self.action == Action::Gather)
    }

    /// The person, if the permit is one to ask others for a connection, and to answer them: whoever may make a group may.
    #[must_use]
    pub fn allows_connecting(&self) -> Option<UserId> {
        self.allows_new_group()
    }

    /// Whether the person may make a token of this kind: an API or a viewer's token by a session, a ticket where the dataset may be read.
    #[must_use]
    pub fn allows_token(&self, kind: TokenKind) -> bool {
        match kind {
            TokenKind::Api | TokenKind::Viewer => self.action == Action::MakeToken,
            TokenKind::Ticket => self.action == Action::MakeTicket,
            TokenKind::Session | TokenKind::Code | TokenKind::Provider => false,
        }
    }

    /// What a permit to grant rests on.
    pub(crate) fn grounds_to_grant(&self) -> Option<&DatasetFacts> {
        match &self.grounds {
            Facts::Dataset(facts) if self.action == Action::Grant => Some(facts),
            _ => None,
        }
    }

    /// The person, if the permit is an administrator's.
    #[must_use]
    pub fn allows_administer(&self) -> Option<UserId> {
        self.by.filter(|_| self.action == Action::Administer)
    }

    /// What a permit to register rests on: the dataset below which that may be.
    #[must_use]
    pub fn facts_to_register(&self) -> Option<&DatasetFacts> {
        match &self.grounds {
            Facts::Dataset(facts) if self.action == Action::Register => Some(facts),
            _ => None,
        }
    }

    /// The place below which a dataset may be registered, and so looked for.
    #[must_use]
    pub fn place_to_register(&self) -> Option<&Place> {
        self.facts_to_register().map(|facts| &facts.place)
    }

    /// The place in which metadata may be looked at for levels: below it something is registered, or its access is changed.
    #[must_use]
    pub fn place_of_levels(&self) -> Option<&Place> {
        self.place_to_register().or_else(|| self.grounds_to_grant().map(|facts| &facts.place))
    }

    /// What a permit to have a dataset copied rests on: that dataset.
    #[must_use]
    pub fn facts_to_copy(&self) -> Option<&DatasetFacts> {
        match &self.grounds {
            Facts::Dataset(facts) if self.action == Action::Copy => Some(facts),
            _ => None,
        }
    }

    /// What a permit to take a copy in rests on: the dataset below which that may be.
    #[must_use]
    pub fn facts_to_receive(&self) -> Option<&DatasetFacts> {
        match &self.grounds {
            Facts::Dataset(facts) if self.action == Action::Receive => Some(facts),
            _ => None,
        }
    }

    /// The person, if the permit is one to end `copy`.
    #[must_use]
    pub fn allows_end_of(&self, copy: CopyId) -> Option<UserId> {
        let on = matches!(&self.grounds, Facts::Copy(there) if there.id == copy);
        self.by.filter(|_| on && self.action == Action::Receive)
    }

    /// What may be read, listed or copied; `None` if the permit is for something else.
    #[must_use]
    pub fn scope(&self) -> Option<ReadScope<'_>> {
        let opened = match &self.grounds {
            Facts::Link(facts) => Opened::Link(facts),
            Facts::Dataset(facts) => Opened::Dataset(facts),
            Facts::Orphan { .. }
            | Facts::Offer(_)
            | Facts::Copy(_)
            | Facts::Clone(_)
            | Facts::Group { .. }
            | Facts::Project { .. }
            | Facts::Deployment => {
                return None;
            }
        };
        matches!(self.action, Action::Read | Action::List | Action::Copy).then_some(ReadScope {
            action: self.action,
            given: self.given,
            opened,
        })
    }
}

/// By what objects are opened.
#[derive(Debug, Clone, Copy)]
enum Opened<'p> {
    Link(&'p LinkFacts),
    Dataset(&'p DatasetFacts),
}

/// The objects that a permit opens, and until when.
#[derive(Debug, Clone, Copy)]
pub struct ReadScope<'p> {
    action: Action,
    given: Given,
    opened: Opened<'p>,
}

/// Names of documents that describe data: what a preview reads whole.
const METADATA_NAMES: [&str; 8] = ["zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata", "README.md", "README.txt", "README"];

impl<'p> ReadScope<'p> {
    fn place(&self) -> &'p Place {
        match self.opened {
            Opened::Link(facts) => &facts.place,
            Opened::Dataset(facts) => &facts.place,
        }
    }

    /// Where the bytes are.
    #[must_use]
    pub fn store(&self) -> &'p Store {
        &self.place().source.store
    }

    /// The source: its own prefix is what a session policy is cut to.
    #[must_use]
    pub fn source(&self) -> &'p Source {
        &self.place().source
    }

    /// The dataset that the permit is about.
    #[must_use]
    pub fn dataset(&self) -> &'p Dataset {
        &self.place().dataset
    }

    fn base(&self) -> &'p KeyBase {
        match self.opened {
            Opened::Link(facts) => &facts.base,
            Opened::Dataset(facts) => &facts.base,
        }
    }

    /// The object key of `path`: the source's prefix, the dataset's path, the link's subpath and `path`, joined by bytes and by nobody
    /// else; and the last rules of the decision, those about one object.
    ///
    /// # Errors
    /// [`Denial::NoSuchObject`] inside a single object and in a restricted part, [`Denial::CoarseOnly`] where only metadata may be read,
    /// [`Denial::Path`] where the whole is too long.
    pub fn object<'k>(&self, path: &'k ObjectPath) -> Result<ObjectKey<'k>, Denial>
    where
        'p: 'k,
    {
        if self.is_single_object() && !path.is_root() {
            return Err(Denial::NoSuchObject);
        }
        let key = ObjectKey::below(self.base(), path);
        if key.bytes() > PATH_BYTES_MAX {
            return Err(Denial::Path(PathError::TooLong));
        }
        let whole = || self.base().path().join(path).ok();
        // Few datasets have restricted parts: all others do without the joined key.
        if !self.place().dataset.cuts.is_empty() && whole().is_none_or(|key| self.hides(&key)) {
            return Err(Denial::NoSuchObject);
        }
        let needs = if self.action == Action::List { Right::List } else { Right::Read };
        let is_metadata = || !key.is_folder() && key.name().is_some_and(|name| METADATA_NAMES.contains(&name));
        let is_coarse = || whole().is_some_and(|key| self.is_coarse(&key));
        let opens = self.given.rights.has(needs) || (self.action == Action::Read && (is_metadata() || is_coarse()));
        if opens { Ok(key) } else { Err(Denial::CoarseOnly) }
    }

    /// The same key as one text, where more than a URL is made of it.
    ///
    /// # Errors
    /// As [`ReadScope::object`].
    pub fn key(&self, path: &ObjectPath) -> Result<ObjectPath, Denial> {
        self.object(path)?;
        self.base().path().join(path).map_err(Denial::Path)
    }

    /// The level from which on chunks open, where it is not all of them.
    fn least_level(&self) -> Option<u8> {
        self.given.level.filter(|_| !self.given.rights.has(Right::Read) && self.given.rights.has(Right::Coarse))
    }

    /// Whether a whole key belongs to an array of a level that is coarse enough. What belongs to none, or nobody knows to what, does not.
    fn is_coarse(&self, key: &ObjectPath) -> bool {
        let (Some(least), place) = (self.least_level(), self.place()) else { return false };
        let below =
            |key: &str| key.strip_prefix(place.source.prefix.as_str())?.strip_prefix(place.dataset.path.as_str()).map(str::to_owned);
        let inside = below(key.as_str()).and_then(|inside| ObjectPath::from_decoded(inside).ok());
        inside.and_then(|inside| place.dataset.levels.of(&inside)).is_some_and(|level| level >= least)
    }

    /// Whether some levels are open here and others are not: metadata are then shown in part.
    #[must_use]
    pub fn has_coarse_alone(&self) -> bool {
        self.least_level().is_some()
    }

    /// Whether the array at `path` is of a level that is open here.
    #[must_use]
    pub fn shows(&self, path: &ObjectPath) -> bool {
        self.base().path().join(path).is_ok_and(|key| !self.hides(&key) && self.is_coarse(&key))
    }

    /// Whether an object's whole key lies in a restricted dataset below the one that is read here.
    #[must_use]
    pub fn hides(&self, key: &ObjectPath) -> bool {
        let place = self.place();
        if place.dataset.cuts.is_empty() {
            return false;
        }
        let inside = key.as_str().strip_prefix(place.source.prefix.as_str());
        // What lies outside the source is nobody's to see.
        inside.and_then(|inside| ObjectPath::from_decoded(inside).ok()).is_none_or(|inside| place.dataset.is_cut(&inside))
    }

    /// Whether one object is opened rather than a folder.
    #[must_use]
    pub fn is_single_object(&self) -> bool {
        match self.opened {
            Opened::Link(facts) => opens_object(&facts.place, &facts.link.subpath),
            Opened::Dataset(facts) => facts.place.dataset.kind == Kind::File,
        }
    }

    /// The last segment of the address that opens it.
    #[must_use]
    pub fn name(&self) -> &'p str {
        match self.opened {
            Opened::Link(facts) => &facts.link.name,
            Opened::Dataset(facts) => facts.name(),
        }
    }

    /// The tag in the signed query: the id of the link, or of the dataset.
    #[must_use]
    pub fn tag(&self) -> [u8; ID_CHARS] {
        match self.opened {
            Opened::Link(facts) => facts.link.id.text(),
            Opened::Dataset(facts) => facts.place.dataset.id.text(),
        }
    }

    /// How long facts, signatures and redirects live.
    #[must_use]
    pub fn timing(&self) -> Timing {
        match self.opened {
            Opened::Link(facts) => facts.timing(),
            Opened::Dataset(facts) => facts.timing(),
        }
    }

    /// When the permit ends.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        Some(self.given.until).filter(|until| *until < Timestamp::MAX)
    }

    /// Whether every answer is streamed.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        match self.opened {
            Opened::Link(facts) => facts.link.hides_its_path() || facts.place.source.are_zones_hard(),
            Opened::Dataset(facts) => facts.place.source.are_zones_hard(),
        }
    }
}

impl DatasetFacts {
    /// The last segment of the dataset's address: its own, or its source's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.dataset.path.name().unwrap_or(self.place.source.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Membership;

    #[test]
    fn a_membership_is_found_in_whichever_order_it_is_asked_for() {
        let group = |number: u128| GroupId::new(uuid::Uuid::from_u128(number));
        let at = |number: u128| Timestamp::from_second(i64::try_from(number).unwrap()).unwrap();
        let groups: Vec<_> = (1..=9).step_by(2).map(|number| Membership { group: group(number), until: at(number) }).collect();
        let reach = Reach { groups, ..Reach::default() };
        for first in 0..12 {
            for then in 0..12 {
                let mut near = 0;
                for number in [first, then, then, first] {
                    let wanted = (number % 2 == 1 && number < 10).then(|| at(number));
                    assert_eq!(membership(&reach, group(number), &mut near), wanted, "{first}, {then}: {number}");
                }
            }
        }
        assert_eq!(membership(&Reach::default(), group(1), &mut 0), None);
    }
}
