//! The second decision: who may do what, written over a whole world from the rules alone, one right at a time.
//!
//! It knows no cuts, no reach, no sums and no facts: where the product asks a dataset's own item, this walks over every row there is.
//! It shares only words with the product: rights, roles, actions, denials.

use domain::{
    dataset::Visibility,
    decision::{Action, Denial},
    grant::{ClonePolicy, GroupState, ProjectRole},
    link::{Class, LinkState},
    rights::{Right, Role},
    source::{Audience, CeilingOf, State},
    terms::Unmet,
    token::Scope,
    user::Standing,
};

use super::{
    facts::{is_folder, terms_id},
    world::{About, Asker, From, GrantRow, LinkRow, PassRow, SourceRow, To, TokenRow, WEEK, World, Zone},
};

/// A day, in seconds.
const DAY: i64 = 86_400;

/// The table of roles, right by right.
pub fn allows(role: Role, right: Right) -> bool {
    use Right::*;
    match right {
        Discover | Meta | Coarse => true,
        List | Read => role != Role::Preview,
        Download | CloneFiles => !matches!(role, Role::Preview | Role::View),
        Figures | CloneFull | Edit => matches!(role, Role::Full | Role::Manager | Role::Owner),
        Share | Administer => matches!(role, Role::Manager | Role::Owner),
        Own => role == Role::Owner,
    }
}

/// The most that everybody may be given.
fn is_public(right: Right) -> bool {
    is_for_links(right) || right == Right::CloneFiles
}

/// The most that a link gives.
fn is_for_links(right: Right) -> bool {
    matches!(right, Right::Discover | Right::Meta | Right::Coarse | Right::List | Right::Read | Right::Download)
}

/// What moves bytes, or names of objects.
fn is_data(right: Right) -> bool {
    matches!(right, Right::Coarse | Right::List | Right::Read | Right::Download | Right::CloneFiles | Right::CloneFull)
}

/// Whether a question from there is one from the zone.
pub fn admits(zone: Zone, from: From) -> bool {
    match (zone, from) {
        (Zone::Everywhere, _)
        | (_, From::Anywhere)
        | (Zone::Lab, From::Lab | From::LabMapped)
        | (Zone::Campus, From::Lab | From::LabMapped | From::Campus)
        | (Zone::LabAndHome, From::Lab | From::LabMapped | From::Home)
        | (Zone::Six, From::Six) => true,
        (Zone::Lab | Zone::Campus | Zone::LabAndHome | Zone::Six, _) => false,
    }
}

/// The end of what never ends, in seconds.
pub const FOR_GOOD: i64 = i64::MAX;

/// Whose rights are asked for: a person's, or nobody's.
type Whom = Option<usize>;

impl World {
    /// Whether `a` is `d`, or holds it with nothing restricted from `d` up to it.
    fn reaches_down(&self, a: usize, d: usize) -> bool {
        let in_between = |r: &usize| *r == d || (self.above(*r).contains(&a) && self.above(d).contains(r));
        a == d || (self.above(d).contains(&a) && !(0..self.datasets.len()).any(|r| in_between(&r) && self.datasets[r].restricted))
    }

    /// Whether an object, by its path in the source, lies in a restricted dataset below `d`.
    pub fn is_hidden(&self, d: usize, object: &str) -> bool {
        (0..self.datasets.len()).any(|r| {
            let row = &self.datasets[r];
            let holds = object == row.path || (is_folder(&row.path) && object.starts_with(&row.path));
            row.restricted && self.above(r).contains(&d) && holds
        })
    }

    /// Whether the person owns the dataset, or one that it lies in.
    pub fn owns(&self, whom: Whom, d: usize) -> bool {
        let is_owner = |a: usize| Some(self.datasets[a].owner) == whom;
        is_owner(d) || self.above(d).into_iter().any(is_owner)
    }

    /// Whether what is read here is read strictly: the dataset is strict, or one that it lies in, whatever is restricted in between.
    pub fn is_strict(&self, about: About) -> bool {
        let dataset = match about {
            About::Dataset(dataset) => dataset,
            About::Link(link) => self.links[link].dataset,
            _ => return false,
        };
        self.datasets[dataset].strict || self.above(dataset).into_iter().any(|above| self.datasets[above].strict)
    }

    pub fn is_active(&self, d: usize) -> bool {
        self.datasets[d].state == State::Active && self.sources[self.datasets[d].source].state == State::Active
    }

    fn is_suspended(&self, whom: Whom) -> bool {
        whom.is_some_and(|person| self.people[person].standing == Standing::Suspended)
    }

    fn is_blocked(&self, whom: Whom, d: usize) -> bool {
        whom.is_some_and(|person| self.sources[self.datasets[d].source].blocked.contains(&person))
    }

    /// Whether the person counts as a member of a group, and until when.
    fn membership(&self, whom: Whom, group: usize, at: i64) -> Option<i64> {
        let row = &self.groups[group];
        let end = row.synced.map_or(FOR_GOOD, |synced| synced + WEEK);
        let counts = row.members.get(&whom?) == Some(&true) && row.state == GroupState::Active && at < end;
        counts.then_some(end)
    }

    /// The end of what one grant on `a` gives of one right; `None`: it does not give it.
    fn by_grant(&self, whom: Whom, a: usize, row: &GrantRow, right: Right, from: From, at: i64) -> Option<i64> {
        let terms = row.terms;
        let holds = terms.begin.is_none_or(|begin| begin <= at) && terms.end.is_none_or(|end| at < end) && admits(terms.zone, from);
        let named =
            right != Right::Own && (allows(row.role, right) || (right == Right::Share && row.may_share && row.role != Role::Preview));
        let public = is_public(right) && allows(row.role, right);
        let visibility = self.datasets[a].visibility;
        let membership = match row.to {
            To::Person(person) => (named && whom == Some(person)).then_some(FOR_GOOD),
            To::Group(group) => self.membership(whom, group, at).filter(|_| named),
            To::Project(project) => {
                let is_member = whom.is_some_and(|person| self.projects[project].members.contains_key(&person));
                (named && is_member).then_some(FOR_GOOD)
            }
            To::Accounts => {
                let open = matches!(visibility, Visibility::Accounts | Visibility::World)
                    && self.audience(self.datasets[a].source) != Audience::Named;
                (public && open && whom.is_some()).then_some(FOR_GOOD)
            }
            To::World => {
                let open = visibility == Visibility::World && self.audience(self.datasets[a].source) == Audience::World;
                (public && open).then_some(FOR_GOOD)
            }
        }?;
        (row.active && holds).then(|| membership.min(terms.end.unwrap_or(FOR_GOOD)))
    }

    /// Whether the policy of the project that `a` is in gives one right.
    fn by_policy(&self, whom: Whom, a: usize, right: Right) -> bool {
        let row = &self.datasets[a];
        let part = row.project.zip(whom).and_then(|(project, person)| {
            let project = &self.projects[project];
            project.members.get(&person).map(|role| (*role, project.policy))
        });
        let Some((role, policy)) = part.filter(|_| row.visibility != Visibility::Private) else { return false };
        if role == ProjectRole::Manager {
            return allows(Role::Manager, right);
        }
        match right {
            Right::Figures => policy.figures,
            Right::CloneFiles => policy.clone != ClonePolicy::None,
            Right::CloneFull => policy.clone == ClonePolicy::Full,
            Right::Share | Right::Administer | Right::Own => false,
            _ => allows(policy.view, right),
        }
    }

    /// Until when the person, or nobody, holds one right at a dataset, whether or not that takes part and serves; `None`: not at all.
    pub fn held(&self, whom: Whom, d: usize, right: Right, from: From, at: i64) -> Option<i64> {
        self.held_by(whom, d, |a| {
            let grants = self.datasets[a].grants.iter().filter_map(|row| self.by_grant(whom, a, row, right, from, at));
            grants.chain(self.by_policy(whom, a, right).then_some(FOR_GOOD)).max()
        })
    }

    /// Until when chunks of one level open to the person, or to nobody: by reading everything, or by a preview that begins no finer.
    fn held_level(&self, whom: Whom, d: usize, level: u8, from: From, at: i64) -> Option<i64> {
        let previews = self.held_by(whom, d, |a| {
            let coarse = |row: &&GrantRow| row.level.is_some_and(|least| least <= level);
            let rows = self.datasets[a].grants.iter().filter(coarse);
            rows.filter_map(|row| self.by_grant(whom, a, row, Right::Coarse, from, at)).max()
        });
        previews.max(self.held(whom, d, Right::Read, from, at))
    }

    /// The level of an object, by its path in the source, if the dataset knows it: of arrays in it, and in its folder `b/`.
    fn level_of(&self, d: usize, object: &str) -> Option<u8> {
        let row = &self.datasets[d];
        let inside = object.strip_prefix(&row.path).filter(|_| row.levelled)?;
        let (array, _chunk) = inside.strip_prefix("b/").unwrap_or(inside).split_once('/')?;
        ["0", "1", "2"].iter().zip(0..).find(|(name, _)| **name == array).map(|(_, level)| level)
    }

    /// The latest end of what `by` says of each dataset that reaches down to `d`.
    fn held_by(&self, whom: Whom, d: usize, by: impl Fn(usize) -> Option<i64>) -> Option<i64> {
        if self.is_suspended(whom) {
            return None;
        }
        if self.owns(whom, d) {
            return Some(FOR_GOOD);
        }
        if self.is_blocked(whom, d) {
            return None;
        }
        (0..self.datasets.len()).filter(|a| self.reaches_down(*a, d)).filter_map(by).max()
    }

    /// ACCESS 4, `authority`: until when the person, or nobody, has one right at a dataset; `None`: not at all.
    pub fn authority(&self, whom: Whom, d: usize, right: Right, from: From, at: i64) -> Option<i64> {
        let source = &self.sources[self.datasets[d].source];
        let closed = is_data(right) && !(source.serving && self.lets_out(source, from));
        self.held(whom, d, right, from, at).filter(|_| self.is_active(d) && !closed)
    }

    pub fn has(&self, whom: Whom, d: usize, right: Right, from: From, at: i64) -> bool {
        self.authority(whom, d, right, from, at).is_some()
    }

    /// The object's path in its source; `None`: there is none, inside a single object.
    fn object(base: &str, path: &str) -> Option<String> {
        match (is_folder(base), path) {
            (_, "") => Some(base.to_owned()),
            (true, path) => Some(format!("{base}{path}")),
            (false, _) => None,
        }
    }

    /// The whole answer to a question.
    ///
    /// For a read or a listing, the object's key in the bucket and the end of the right to it.
    pub fn answer(&self, asker: &Asker, from: From, action: Action, about: About, path: &str, at: i64) -> Answer {
        match (asker, about) {
            (Asker::Holder, About::Link(link)) => self.opened(link, None, from, action, path, at),
            (Asker::Guest(pass), About::Link(link)) => self.opened(link, Some(pass), from, action, path, at),
            (Asker::Holder | Asker::Guest(_), _)
            | (
                Asker::Nobody,
                About::Link(_)
                | About::Orphan(_)
                | About::Offer(_)
                | About::Clone(_)
                | About::Group(_)
                | About::Project(_)
                | About::Deployment,
            ) => Err(Denial::NotDiscoverable),
            // Who shows no credential reads and lists; for all else an account is asked for.
            (Asker::Nobody, About::Dataset(_)) if !matches!(action, Action::Read | Action::List) => Err(Denial::SignIn),
            (Asker::Nobody, About::Dataset(d)) => self.named(None, from, action, d, path, at),
            (Asker::Person(person, token), about) => {
                // The edge has answered 401 by then; whatever passed it is told nothing.
                if token.revoked || token.end <= at || token.borrowed {
                    return Err(Denial::NotDiscoverable);
                }
                if self.is_suspended(Some(*person)) {
                    return Err(Denial::Suspended);
                }
                let whom = (*person, token);
                match about {
                    About::Dataset(d) => self.named(Some(whom), from, action, d, path, at),
                    About::Link(link) => self.changed(whom, from, action, link, at),
                    About::Orphan(d) => self.succeeded(whom, action, d),
                    About::Offer(offer) => self.offered(whom, action, offer, at),
                    About::Clone(owner) => Self::cloned(whom, action, owner),
                    About::Group(group) => self.gathered(whom, action, group),
                    About::Project(project) => self.taken_part(whom, action, project),
                    About::Deployment => self.deployed(whom, action),
                }
            }
        }
    }

    /// ACCESS 4, `named`.
    fn named(&self, whom: Option<(usize, &TokenRow)>, from: From, action: Action, d: usize, path: &str, at: i64) -> Answer {
        let person = whom.map(|(person, _)| person);
        if whom.is_some_and(|(_, token)| token.dataset.is_some_and(|only| only != d)) {
            return Err(Denial::NotDiscoverable);
        }
        // ACCESS 1: an auditor sees who gets what, whatever became of it.
        if action == Action::Audit && whom.is_some_and(|whom| self.is_audited_by(whom)) {
            return Ok((None, FOR_GOOD));
        }
        // What was retired gives nothing (ACCESS 4). But whoever administered it still sees it, and may end what hangs on it (R5).
        let retired = !self.is_active(d);
        let ends = matches!(action, Action::See | Action::Narrow | Action::RevokeAll | Action::Grant | Action::Audit);
        // An administrator knows of every dataset, to read it in an emergency.
        if action == Action::BreakGlass
            && let Some((_, token)) = whom.filter(|(person, _)| self.people[*person].administrator)
        {
            return match (may(token, Scope::Admin), token.dataset, retired) {
                (false, ..) => Err(Denial::Scope { needed: Scope::Admin }),
                (true, Some(_), _) => Err(Denial::NotDiscoverable),
                (true, None, true) => Err(Denial::Retired),
                (true, None, false) => Ok((None, FOR_GOOD)),
            };
        }
        if retired && (whom.is_none() || self.held(person, d, Right::Administer, from, at).is_none()) {
            return Err(if whom.is_some() { Denial::NotDiscoverable } else { Denial::SignIn });
        }
        let has = |right| if retired { self.held(person, d, right, from, at) } else { self.authority(person, d, right, from, at) };
        if has(Right::Discover).is_none() {
            return Err(if whom.is_some() { Denial::NotDiscoverable } else { Denial::SignIn });
        }
        if action == Action::BreakGlass {
            return Err(Denial::NotAdministrator);
        }
        // A mark is a curator's, on what the curator knows of.
        let curates = action == Action::Curate;
        if curates && !person.is_some_and(|person| self.people[person].curator) {
            return Err(Denial::NotCurator);
        }
        if let Some((_, token)) = whom
            && !may(token, scope(action))
        {
            return Err(Denial::Scope { needed: scope(action) });
        }
        if retired && !ends {
            return Err(Denial::Retired);
        }
        if curates {
            return Ok((None, FOR_GOOD));
        }
        let object = Self::object(&self.datasets[d].path, path);
        let reads = matches!(action, Action::Read | Action::List | Action::Copy);
        if reads && object.as_ref().is_none_or(|object| self.is_hidden(d, object)) {
            return Err(Denial::NoSuchObject);
        }
        let Some(right) = right(action, object.as_deref().unwrap_or_default()) else { return Err(Denial::NotDiscoverable) };
        let source = &self.sources[self.datasets[d].source];
        // A source that does not serve moves nothing at all, metadata neither (SEMANTICS 4), and says so loudly.
        let moves = match action {
            Action::Read => true,
            // A clone, or a copy, is one of data.
            Action::List | Action::Copy | Action::Clone => self.held(person, d, right, from, at).is_some(),
            _ => false,
        };
        if moves {
            if !source.serving {
                return Err(Denial::NotServing);
            }
            if !self.lets_out(source, from) {
                return Err(Denial::Zone);
            }
            self.agreed(source, person.map_or([false; 2], |person| self.people[person].accepted))?;
        }
        if action == Action::MakeTicket && has(Right::Meta).is_some() {
            self.agreed(source, person.map_or([false; 2], |person| self.people[person].accepted))?;
        }
        let chunk = object.as_deref().filter(|_| right == Right::Read).and_then(|object| self.level_of(d, object));
        let coarse = chunk.and_then(|level| self.held_level(person, d, level, from, at));
        let Some(end) = has(right).max(coarse) else {
            return Err(if right == Right::Read { Denial::CoarseOnly } else { Denial::Lacks { right } });
        };
        if action == Action::Receive && !(source.serving && source.writable) {
            return Err(if source.serving { Denial::NotWritable } else { Denial::NotServing });
        }
        let end = whom.map_or(end, |(_, token)| end.min(token.end));
        Ok((reads.then(|| format!("{}{}", source.prefix, object.unwrap_or_default())), end))
    }

    /// ACCESS 4, `link`: what its key opens, or a pass.
    fn opened(&self, link: usize, pass: Option<&PassRow>, from: From, action: Action, path: &str, at: i64) -> Answer {
        let row = &self.links[link];
        let d = row.dataset;
        let source = &self.sources[self.datasets[d].source];
        if !matches!(action, Action::Read | Action::List) {
            return Err(Denial::NotDiscoverable);
        }
        self.ended(link, at)?;
        let shares = |from| row.stewarded || self.has(Some(row.maker), d, Right::Share, from, at);
        match (shares(from), shares(From::Anywhere)) {
            (true, _) => {}
            (false, true) => return Err(Denial::Zone),
            (false, false) => return Err(Denial::Maker),
        }
        if !source.serving {
            return Err(Denial::NotServing);
        }
        if !self.lets_out(source, from) {
            return Err(Denial::Zone);
        }
        // L11
        if !admits(row.zone, from) {
            return Err(Denial::Zone);
        }
        // Its password by the mark it has now, else the mark of those that are only counted.
        let asked = match (row.password, row.counted) {
            (Some(mark), _) => Some(mark),
            (None, true) => Some(0),
            (None, false) => None,
        };
        let met = match pass {
            Some(pass) => asked == pass.mark && pass.link == link && at < pass.end,
            None => asked.is_none(),
        };
        if !met {
            return Err(Denial::PassNeeded);
        }
        self.agreed(source, pass.map_or([false; 2], |pass| pass.accepted))?;
        if let Some(over) = row.over.filter(|over| *over > at) {
            return Err(Denial::OverBudget { secs: u32::try_from(over - at).unwrap_or(u32::MAX) });
        }
        let base = format!("{}{}", self.datasets[d].path, row.subpath);
        if self.is_hidden(d, &base) {
            return Err(Denial::Restricted);
        }
        let given = |right| {
            let maker = if row.stewarded { Some(FOR_GOOD) } else { self.authority(Some(row.maker), d, right, from, at) };
            maker.filter(|_| allows(row.role, right) && !(right == Right::List && row.hidden))
        };
        // Who may list nothing is told so whatever is asked for.
        if action == Action::List && given(Right::List).is_none() {
            return Err(Denial::NotListed);
        }
        let object = Self::object(&base, path).filter(|object| !self.is_hidden(d, object)).ok_or(Denial::NoSuchObject)?;
        let needed = right(action, &object).ok_or(Denial::NotDiscoverable)?;
        if !is_for_links(needed) {
            return Err(Denial::NotDiscoverable);
        }
        let chunk = self.level_of(d, &object).filter(|_| needed == Right::Read);
        let coarse = chunk.and_then(|level| self.level_by_link(row, level, from, at));
        let Some(end) = given(needed).max(coarse) else {
            return Err(if needed == Right::Read { Denial::CoarseOnly } else { Denial::Lacks { right: needed } });
        };
        let share = if row.stewarded { Some(FOR_GOOD) } else { self.authority(Some(row.maker), d, Right::Share, from, at) };
        let end = end.min(share.unwrap_or(at)).min(self.link_end(row)).min(pass.map_or(FOR_GOOD, |pass| pass.end));
        Ok((Some(format!("{}{object}", source.prefix)), end))
    }

    /// Until when chunks of one level open by a link: where its maker has them, and it begins no finer or gives every object.
    fn level_by_link(&self, row: &LinkRow, level: u8, from: From, at: i64) -> Option<i64> {
        let maker = if row.stewarded { Some(FOR_GOOD) } else { self.held_level(Some(row.maker), row.dataset, level, from, at) };
        maker.filter(|_| allows(row.role, Right::Read) || row.level.is_some_and(|least| least <= level))
    }

    /// When chunks of the finest level end that open at all to who asks, whether or not there are any.
    pub fn finest_level_end(&self, asker: &Asker, about: About, from: From, at: i64) -> Option<i64> {
        let end = |level| match (asker, about) {
            (Asker::Person(person, _), About::Dataset(d)) => self.held_level(Some(*person), d, level, from, at),
            (Asker::Nobody, About::Dataset(d)) => self.held_level(None, d, level, from, at),
            (Asker::Holder | Asker::Guest(_), About::Link(link)) => self.level_by_link(&self.links[link], level, from, at),
            _ => None,
        };
        (0..=3).find_map(end)
    }

    /// When a link ends by its own wish, its source's longest life or the deployment's.
    fn link_end(&self, row: &LinkRow) -> i64 {
        let by = |life: Option<u32>| life.map_or(FOR_GOOD, |days| row.made + i64::from(days) * DAY);
        let source = &self.sources[self.datasets[row.dataset].source];
        row.end.unwrap_or(FOR_GOOD).min(by(source.life_days)).min(by(self.policy.life_days))
    }

    /// The widest audience at a source, which the deployment's policy may make narrower and never wider.
    fn audience(&self, source: usize) -> Audience {
        if self.policy.audience < self.sources[source].audience { self.policy.audience } else { self.sources[source].audience }
    }

    /// Whether data of a source go there: its zones and the deployment's say so.
    fn lets_out(&self, source: &SourceRow, from: From) -> bool {
        admits(source.zone, from) && admits(self.policy.zone, from)
    }

    /// U6: what the source and the deployment ask for was accepted.
    fn agreed(&self, source: &SourceRow, accepted: [bool; 2]) -> Result<(), Denial> {
        let mut open: Vec<usize> = [source.terms, self.policy.terms].into_iter().flatten().filter(|text| !accepted[*text]).collect();
        open.dedup();
        let ids: Vec<_> = open.into_iter().map(terms_id).collect();
        match ids[..] {
            [] => Ok(()),
            [terms] => Err(Denial::TermsNeeded { unmet: Unmet { terms, also: None } }),
            [terms, also, ..] => Err(Denial::TermsNeeded { unmet: Unmet { terms, also: Some(also) } }),
        }
    }

    /// The rules of a link that ask neither who holds it nor what its maker may.
    fn ended(&self, link: usize, at: i64) -> Result<(), Denial> {
        let row = &self.links[link];
        let d = row.dataset;
        let publication = row.class == Class::Publication;
        if row.revoked || row.links_gen != self.datasets[d].links_gen {
            return Err(if publication { Denial::Withdrawn } else { Denial::Revoked });
        }
        if !row.enabled {
            return Err(Denial::Paused);
        }
        if row.begin.is_some_and(|begin| at < begin) {
            return Err(Denial::NotYet);
        }
        if self.link_end(row) <= at {
            return Err(Denial::Expired);
        }
        let least = if publication { Audience::World } else { Audience::Link };
        // Whoever could do nothing with another policy is told of the source.
        if self.sources[self.datasets[d].source].audience < least {
            return Err(Denial::Ceiling { of: CeilingOf::Source });
        }
        if self.policy.audience < least {
            return Err(Denial::Ceiling { of: CeilingOf::Deployment });
        }
        if !self.is_active(d) {
            return Err(Denial::Retired);
        }
        Ok(())
    }

    /// What a link is, wherever it is asked from. That its source does not serve for now is no state of the link's.
    pub fn state(&self, link: usize, at: i64) -> LinkState {
        let row = &self.links[link];
        let base = format!("{}{}", self.datasets[row.dataset].path, row.subpath);
        let made = row.stewarded || self.has(Some(row.maker), row.dataset, Right::Share, From::Anywhere, at);
        match self.ended(link, at) {
            Err(Denial::Revoked) => LinkState::Revoked,
            Err(Denial::Withdrawn) => LinkState::Withdrawn,
            Err(Denial::Paused) => LinkState::Paused,
            Err(Denial::NotYet) => LinkState::NotYet,
            Err(Denial::Expired) => LinkState::Expired,
            Ok(()) if made && !self.is_hidden(row.dataset, &base) => LinkState::Live,
            _ => LinkState::Stopped,
        }
    }

    /// ACCESS 5, R5: a link by its id. Its maker and who administers its dataset see and narrow it, whatever happened to it; only its
    /// maker widens it, who may still share there. What is stewarded only who administers narrows, and only who does for good widens.
    fn changed(&self, (person, token): (usize, &TokenRow), from: From, action: Action, link: usize, at: i64) -> Answer {
        let row = &self.links[link];
        let d = row.dataset;
        let made = row.maker == person;
        let administers = self.held(Some(person), d, Right::Administer, from, at).is_some();
        let reached = token.dataset.is_none_or(|only| only == d);
        if action == Action::See && !made && !administers && self.is_audited_by((person, token)) {
            return Ok((None, FOR_GOOD));
        }
        if !reached || !(made || administers) {
            return Err(Denial::NotDiscoverable);
        }
        if !may(token, scope(action)) {
            return Err(Denial::Scope { needed: scope(action) });
        }
        match action {
            Action::Narrow if row.stewarded && !administers => return Err(Denial::Lacks { right: Right::Administer }),
            Action::See | Action::Narrow => return Ok((None, FOR_GOOD)),
            Action::Share => {}
            _ => return Err(Denial::NotDiscoverable),
        }
        // P8
        let publication = row.class == Class::Publication;
        if row.revoked || row.links_gen != self.datasets[d].links_gen {
            return Err(if publication { Denial::Withdrawn } else { Denial::Revoked });
        }
        if !self.is_active(d) {
            return Err(Denial::Retired);
        }
        let needed = if row.stewarded { Right::Administer } else { Right::Share };
        if !row.stewarded && !made {
            return Err(Denial::NotMaker);
        }
        if !self.has(Some(person), d, needed, from, at) {
            return Err(Denial::Lacks { right: needed });
        }
        if row.stewarded && !self.administers_for_good(person, d, at) {
            return Err(Denial::NotSteward);
        }
        Ok((None, FOR_GOOD))
    }

    /// Whether the person owns a dataset, or administers it by something that has begun, and has neither an end nor a zone.
    fn administers_for_good(&self, person: usize, d: usize, at: i64) -> bool {
        let endless = |a: usize| {
            let grants = self.datasets[a].grants.iter().filter(|row| row.terms.zone == Zone::Everywhere);
            let by_grant = grants.filter_map(|row| self.by_grant(Some(person), a, row, Right::Administer, From::Anywhere, at)).max();
            by_grant.max(self.by_policy(Some(person), a, Right::Administer).then_some(FOR_GOOD))
        };
        self.held_by(Some(person), d, endless) == Some(FOR_GOOD)
    }

    /// R7: where the owner is suspended, the successor whom he named hands the dataset over, or an administrator.
    fn succeeded(&self, (person, token): (usize, &TokenRow), action: Action, d: usize) -> Answer {
        let row = &self.datasets[d];
        let (named, administers) = (row.successor == Some(person), self.people[person].administrator);
        if action != Action::HandOver || token.dataset.is_some_and(|only| only != d) || !(named || administers) {
            return Err(Denial::NotDiscoverable);
        }
        let needed = if named { Scope::Datasets } else { Scope::Admin };
        if !may(token, needed) {
            return Err(Denial::Scope { needed });
        }
        if !self.is_suspended(Some(row.owner)) {
            return Err(Denial::OwnerActive);
        }
        if self.is_active(d) { Ok((None, FOR_GOOD)) } else { Err(Denial::Retired) }
    }

    /// R2: whom a dataset is offered to sees that and answers it, as long as whoever offered it owns it, and nobody has come to own it meanwhile.
    fn offered(&self, (person, token): (usize, &TokenRow), action: Action, offer: usize, at: i64) -> Answer {
        let row = &self.offers[offer];
        let d = row.dataset;
        let told = row.to == person && !self.is_blocked(Some(person), d) && token.dataset.is_none_or(|only| only == d);
        match action {
            Action::See | Action::HandOver if told => {}
            _ => return Err(Denial::NotDiscoverable),
        }
        if !may(token, scope(action)) {
            return Err(Denial::Scope { needed: scope(action) });
        }
        if !self.is_active(d) {
            return Err(Denial::Retired);
        }
        let by_owner = self.owns(Some(row.by), d) && !self.is_suspended(Some(row.by));
        let is_the_same = self.datasets[d].owner == row.from;
        if row.waits && at < row.end && by_owner && is_the_same { Ok((None, FOR_GOOD)) } else { Err(Denial::OfferOver) }
    }

    /// A clone: whose it is sees and changes it, and nobody else knows of it.
    fn cloned((person, token): (usize, &TokenRow), action: Action, owner: usize) -> Answer {
        if person != owner || token.dataset.is_some() || !matches!(action, Action::See | Action::Clone) {
            Err(Denial::NotDiscoverable)
        } else if may(token, scope(action)) {
            Ok((None, FOR_GOOD))
        } else {
            Err(Denial::Scope { needed: scope(action) })
        }
    }

    /// Whether the person audits, by a token for that and for everything.
    fn is_audited_by(&self, (person, token): (usize, &TokenRow)) -> bool {
        self.people[person].auditor && token.dataset.is_none() && may(token, Scope::Audit)
    }

    /// A group: its members and auditors see it, its owner changes it.
    fn gathered(&self, (person, token): (usize, &TokenRow), action: Action, group: usize) -> Answer {
        let row = &self.groups[group];
        if action == Action::See && self.is_audited_by((person, token)) {
            return Ok((None, FOR_GOOD));
        }
        let member = row.owner == person || row.members.get(&person) == Some(&true);
        // A token for one dataset is for nothing else.
        if !member || token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        if !may(token, scope(action)) {
            return Err(Denial::Scope { needed: scope(action) });
        }
        if !matches!(action, Action::See | Action::Gather) {
            return Err(Denial::NotDiscoverable);
        }
        if action == Action::Gather && row.owner != person {
            return Err(Denial::NotGroupOwner);
        }
        Ok((None, FOR_GOOD))
    }

    /// A project: whoever is in it sees it, its managers change it.
    fn taken_part(&self, (person, token): (usize, &TokenRow), action: Action, project: usize) -> Answer {
        let Some(role) = self.projects[project].members.get(&person).filter(|_| token.dataset.is_none()) else {
            return Err(Denial::NotDiscoverable);
        };
        if !may(token, scope(action)) {
            return Err(Denial::Scope { needed: scope(action) });
        }
        match action {
            Action::Gather if *role != ProjectRole::Manager => Err(Denial::NotProjectManager),
            Action::See | Action::Gather => Ok((None, FOR_GOOD)),
            _ => Err(Denial::NotDiscoverable),
        }
    }

    /// The deployment: anybody sees lists of what is decided one by one, makes a group or a project, and ends the token that asks; an administrator administers.
    fn deployed(&self, (person, token): (usize, &TokenRow), action: Action) -> Answer {
        if action == Action::Narrow {
            return Ok((None, FOR_GOOD));
        }
        let known =
            matches!(action, Action::See | Action::Gather | Action::MakeToken | Action::Administer | Action::Audit | Action::Curate);
        if !known || token.dataset.is_some() {
            return Err(Denial::NotDiscoverable);
        }
        if action == Action::Audit {
            let row = &self.people[person];
            return match (row.auditor && may(token, Scope::Audit), row.administrator && may(token, Scope::Admin)) {
                (true, _) | (_, true) => Ok((None, FOR_GOOD)),
                _ if row.administrator => Err(Denial::Scope { needed: Scope::Admin }),
                _ if row.auditor => Err(Denial::Scope { needed: Scope::Audit }),
                _ => Err(Denial::NotAuditor),
            };
        }
        if action == Action::Curate && !self.people[person].curator {
            return Err(Denial::NotCurator);
        }
        if action == Action::Administer && !self.people[person].administrator {
            return Err(Denial::NotAdministrator);
        }
        if !may(token, scope(action)) {
            return Err(Denial::Scope { needed: scope(action) });
        }
        Ok((None, FOR_GOOD))
    }
}

/// Yes, with the key of what is read and the end of the right to it; or the first rule that refuses.
pub type Answer = Result<(Option<String>, i64), Denial>;

/// What a token must be made for.
fn scope(action: Action) -> Scope {
    match action {
        Action::Read | Action::List | Action::Copy | Action::MakeTicket => Scope::Data,
        Action::See | Action::MakeToken => Scope::Read,
        Action::Share | Action::Narrow | Action::RevokeAll => Scope::Links,
        Action::Register | Action::Receive | Action::Grant | Action::Audit | Action::Curate | Action::Clone | Action::HandOver => {
            Scope::Datasets
        }
        Action::Gather => Scope::Groups,
        Action::Administer | Action::BreakGlass => Scope::Admin,
    }
}

/// Every token may see what its owner may.
fn may(token: &TokenRow, scope: Scope) -> bool {
    scope == Scope::Read || token.scopes.contains(&scope)
}

/// The right that an action needs on a dataset; `None`: no right on one gives it.
fn right(action: Action, object: &str) -> Option<Right> {
    match action {
        Action::Read if is_metadata(object) => Some(Right::Meta),
        Action::Read => Some(Right::Read),
        Action::List => Some(Right::List),
        Action::See => Some(Right::Discover),
        Action::HandOver => Some(Right::Own),
        Action::Copy | Action::Clone => Some(Right::CloneFiles),
        Action::MakeTicket => Some(Right::Meta),
        Action::Share | Action::Register => Some(Right::Share),
        Action::Narrow | Action::Receive | Action::RevokeAll | Action::Grant | Action::Audit => Some(Right::Administer),
        Action::MakeToken | Action::Gather | Action::Administer | Action::Curate | Action::BreakGlass => None,
    }
}

/// Documents that describe data.
pub fn is_metadata(object: &str) -> bool {
    let name = object.rsplit('/').next().unwrap_or_default();
    ["zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata", "README", "README.md", "README.txt"].contains(&name)
}
