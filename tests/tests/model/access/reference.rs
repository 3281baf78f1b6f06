//! The model: who may read, by rules written down here a second time.
//!
//! Everything that is kept is a cell with a count of its changes. After an answer that leaves the outcome open, the cells are believed to
//! be either; what is seen next settles it.

use std::collections::BTreeMap;

/// The people, beside the owner.
pub const PEOPLE: usize = 3;
/// The groups.
pub const GROUPS: usize = 2;

/// A dataset: one, and one that lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    Outer,
    Inner,
}

/// Whom a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Person(usize),
    Group(usize),
    Accounts,
}

/// What a grant gives, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Preview,
    View,
    Manager,
}

/// To whom a dataset is open beside its grants, the fewest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    Private,
    Project,
    Accounts,
}

/// What somebody is in the project, which the owner manages from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Out,
    Member,
    Manager,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Owner,
    Person(usize),
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Give {
        on: Spot,
        to: Subject,
        role: Role,
        may_share: bool,
        until_in_secs: Option<i64>,
    },
    Withdraw {
        on: Spot,
        from: Subject,
    },
    Add {
        group: usize,
        person: usize,
    },
    Remove {
        group: usize,
        person: usize,
    },
    Suspend {
        person: usize,
        suspended: bool,
    },
    Block {
        person: usize,
        blocked: bool,
    },
    Open {
        on: Spot,
        to: Visibility,
    },
    Restrict {
        restricted: bool,
    },
    Strict {
        on: Spot,
        strict: bool,
    },
    /// A person is taken into the project, given another part in it, or taken out.
    Join {
        person: usize,
        part: Part,
    },
    /// Whoever acts leaves the project.
    Leave,
    /// The project's policy, and whether anybody gets anything by it.
    Rule {
        view: Role,
        active: bool,
    },
    /// A dataset is put into the project.
    Put {
        on: Spot,
    },
    /// A dataset is taken out of it.
    Take {
        on: Spot,
    },
    /// Whoever acts makes a link, the same as any time before.
    Link {
        on: Spot,
    },
    /// Whoever acts revokes that link.
    Revoke {
        on: Spot,
    },
    /// Whoever acts makes a clone, the same as any time before.
    Clone {
        on: Spot,
    },
    /// Whoever acts retires that clone.
    Retire {
        on: Spot,
    },
}

/// One thing that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Grant(Spot, Subject),
    Member(usize, usize),
    Suspended(usize),
    Blocked(usize),
    /// To whom a dataset is open, and whether it is in the project: one row of the product.
    Shown(Spot),
    Restricted,
    Strict(Spot),
    Part(usize),
    Rule,
    Revoked(usize, Spot),
    Retired(usize, Spot),
}

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It is so, or it is not.
    Flag(bool),
    /// A grant; withdrawn, it is kept.
    Grant {
        role: Role,
        may_share: bool,
        until: Option<i64>,
        active: bool,
    },
    Shown {
        visibility: Visibility,
        placed: bool,
    },
    Part(Part),
    Rule {
        view: Role,
        active: bool,
    },
}

/// What is changed in one write, which holds as long as nothing else changed any of it: on one cell, or where datasets are shared together on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    first: Change,
    second: Option<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    cell: Cell,
    from: u64,
    to: Held,
}

impl Effect {
    fn changes(&self) -> impl Iterator<Item = Change> {
        [Some(self.first), self.second].into_iter().flatten()
    }

    /// Whether it makes a dataset strict, or ends that.
    pub fn is_of_strict(&self) -> bool {
        matches!(self.first.cell, Cell::Strict(_))
    }

    /// Whether it changes what is on two datasets.
    pub fn is_on_both(&self) -> bool {
        self.second.is_some()
    }
}

/// What an act should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; `None`: it was so already.
    Done(Option<Effect>),
    /// Refused with this status.
    Refused(u16),
}

/// Who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// A person an object of a dataset by its own name.
    Named(usize, Spot),
    /// A person an object of the inner dataset by the outer one's name.
    Through(usize),
    /// Anybody by the link that a person made.
    Link(usize, Spot),
    /// A person at the clone that another made, or the same.
    Clone { reader: usize, maker: usize, of: Spot },
}

/// What comes of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Until then; `i64::MAX`: nothing ends it.
    Yes { until: i64 },
    /// Refused with this status.
    No(u16),
}

/// One thing that everything may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Belief {
    cells: BTreeMap<Cell, (u64, Held)>,
    /// The link set that both datasets are in, if any, in the order in which they are asked.
    set: Option<[Spot; 2]>,
}

/// A way to a dataset that is open now.
struct Way {
    role: Role,
    shares: bool,
    until: i64,
    /// By the project, and no grant.
    by_project: bool,
}

impl Belief {
    /// Before anything was done to two datasets, which are shared together or not.
    pub fn new(set: Option<[Spot; 2]>) -> Self {
        Self { cells: BTreeMap::new(), set }
    }

    /// What a cell holds, and how often it was changed.
    pub fn at(&self, cell: Cell) -> (u64, Option<Held>) {
        self.cells.get(&cell).map_or((0, None), |(version, held)| (*version, Some(*held)))
    }

    /// Every cell that was ever changed.
    pub fn cells(&self) -> impl Iterator<Item = (Cell, u64)> {
        self.cells.iter().map(|(cell, (version, _))| (*cell, *version))
    }

    fn is(&self, cell: Cell) -> bool {
        self.at(cell).1 == Some(Held::Flag(true))
    }

    /// After `effect`, if nothing else changed its cells.
    pub fn after(&self, effect: Effect) -> Option<Self> {
        let mut after = self.clone();
        for Change { cell, from, to } in effect.changes() {
            after.cells.insert(cell, (from + 1, to));
        }
        effect.changes().all(|change| self.at(change.cell).0 == change.from).then_some(after)
    }

    /// To whom a dataset is open, and whether it is in the project.
    fn shown(&self, on: Spot) -> (Visibility, bool) {
        match self.holds(Cell::Shown(on)) {
            Some(Held::Shown { visibility, placed }) => (visibility, placed),
            _ => (Visibility::Private, false),
        }
    }

    /// What a person is in the project.
    fn part(&self, person: usize) -> Part {
        match self.holds(Cell::Part(person)) {
            Some(Held::Part(part)) => part,
            _ => Part::Out,
        }
    }

    /// What the project lets its members see, and whether it is active.
    fn rule(&self) -> (Role, bool) {
        match self.holds(Cell::Rule) {
            Some(Held::Rule { view, active }) => (view, active),
            _ => (Role::View, true),
        }
    }

    /// What a cell holds, or held before anything changed it; `None`: a grant that was never given.
    pub fn holds(&self, cell: Cell) -> Option<Held> {
        let first = match cell {
            Cell::Grant(..) => None,
            Cell::Member(..) | Cell::Suspended(_) | Cell::Blocked(_) | Cell::Restricted => Some(Held::Flag(false)),
            Cell::Strict(_) | Cell::Revoked(..) | Cell::Retired(..) => Some(Held::Flag(false)),
            Cell::Shown(_) => Some(Held::Shown { visibility: Visibility::Private, placed: false }),
            Cell::Part(_) => Some(Held::Part(Part::Out)),
            Cell::Rule => Some(Held::Rule { view: Role::View, active: true }),
        };
        self.at(cell).1.or(first)
    }

    fn effect(&self, cell: Cell, to: Held) -> Outcome {
        self.effects(&[(cell, to)])
    }

    /// What becomes of one cell, or of one on each dataset, where that is another thing than what is.
    fn effects(&self, all: &[(Cell, Held)]) -> Outcome {
        let changed = all.iter().filter(|(cell, to)| self.holds(*cell) != Some(*to));
        let mut changes = changed.map(|(cell, to)| Change { cell: *cell, from: self.at(*cell).0, to: *to });
        Outcome::Done(changes.next().map(|first| Effect { first, second: changes.next() }))
    }

    /// The open ways of a person to a dataset, where nothing bars the person.
    fn ways(&self, person: usize, spot: Spot, now: i64) -> Vec<Way> {
        if self.is(Cell::Suspended(person)) || self.is(Cell::Blocked(person)) {
            return Vec::new();
        }
        let above = (spot == Spot::Inner && !self.is(Cell::Restricted)).then_some(Spot::Outer);
        let reaching: Vec<Spot> = above.into_iter().chain([spot]).collect();
        let counts = |on: Spot, to: Subject| match to {
            Subject::Person(there) => there == person,
            Subject::Group(group) => self.is(Cell::Member(group, person)),
            Subject::Accounts => self.shown(on).0 == Visibility::Accounts,
        };
        let open = self.cells.iter().filter_map(|(cell, (_, held))| match (*cell, *held) {
            (Cell::Grant(on, to), Held::Grant { role, may_share, until, active: true }) if reaching.contains(&on) && counts(on, to) => {
                Some(Way { role, shares: may_share || role == Role::Manager, until: until.unwrap_or(i64::MAX), by_project: false })
            }
            _ => None,
        });
        let by_project = reaching.iter().filter_map(|on| self.by_project(person, *on));
        open.filter(|way| now < way.until).chain(by_project).collect()
    }

    /// What the project gives a person on a dataset itself.
    fn by_project(&self, person: usize, on: Spot) -> Option<Way> {
        let ((visibility, placed), (view, active)) = (self.shown(on), self.rule());
        let is_open = placed && visibility >= Visibility::Project && active;
        let role = match self.part(person) {
            Part::Out => return None,
            Part::Member => view,
            Part::Manager => Role::Manager,
        };
        is_open.then_some(Way { role, shares: role == Role::Manager, until: i64::MAX, by_project: true })
    }

    /// Whether what is read here is looked at for each read: by a dataset's name what lies above counts, too.
    pub fn reads_strictly(&self, probe: Probe) -> bool {
        match probe {
            Probe::Named(_, Spot::Inner) => self.is(Cell::Strict(Spot::Inner)) || self.is(Cell::Strict(Spot::Outer)),
            Probe::Named(_, on) | Probe::Link(_, on) => self.is(Cell::Strict(on)),
            Probe::Through(_) => self.is(Cell::Strict(Spot::Outer)),
            Probe::Clone { reader, of, .. } => self.reads_strictly(Probe::Named(reader, of)),
        }
    }

    /// Until when a person has what `wanted` asks of a way; `None`: not at all.
    fn until(&self, person: usize, spot: Spot, now: i64, wanted: impl Fn(&Way) -> bool) -> Option<i64> {
        self.ways(person, spot, now).iter().filter(|way| wanted(way)).map(|way| way.until).max()
    }

    /// What comes of a read.
    pub fn reads(&self, probe: Probe, now: i64) -> Reads {
        match probe {
            Probe::Named(person, _) | Probe::Through(person) | Probe::Clone { reader: person, .. } if self.is(Cell::Suspended(person)) => {
                Reads::No(403)
            }
            // A clone opens what its original opens, to whoever reads, and whatever has become of its maker.
            Probe::Clone { maker, of, .. } if self.is(Cell::Retired(maker, of)) => Reads::No(404),
            Probe::Clone { reader, of, .. } => self.reads(Probe::Named(reader, of), now),
            Probe::Named(person, spot) => match self.until(person, spot, now, |way| way.role >= Role::View) {
                Some(until) => Reads::Yes { until },
                None if self.ways(person, spot, now).is_empty() => Reads::No(404),
                None => Reads::No(403),
            },
            Probe::Through(_) if self.is(Cell::Restricted) => match self.reads_outer(probe, now) {
                Reads::Yes { .. } | Reads::No(403) => Reads::No(404),
                other => other,
            },
            Probe::Through(_) => self.reads_outer(probe, now),
            Probe::Link(maker, spot) => {
                let shares = self.until(maker, spot, now, |way| way.shares);
                let views = self.until(maker, spot, now, |way| way.role >= Role::View);
                match (self.is(Cell::Revoked(maker, spot)), shares, views) {
                    (false, Some(shares), Some(views)) => Reads::Yes { until: shares.min(views) },
                    _ => Reads::No(410),
                }
            }
        }
    }

    /// Whether a person reads by name what only the project opens.
    pub fn reads_by_project(&self, probe: Probe, now: i64) -> bool {
        match probe {
            Probe::Named(person, spot) => self.ways(person, spot, now).iter().all(|way| way.by_project || way.role < Role::View),
            Probe::Through(person) => self.reads_by_project(Probe::Named(person, Spot::Outer), now),
            Probe::Clone { reader, of, .. } => self.reads_by_project(Probe::Named(reader, of), now),
            Probe::Link(..) => false,
        }
    }

    fn reads_outer(&self, probe: Probe, now: i64) -> Reads {
        match probe {
            Probe::Through(person) => self.reads(Probe::Named(person, Spot::Outer), now),
            other => self.reads(other, now),
        }
    }

    /// What comes of an act by somebody at `now`.
    pub fn outcome(&self, by: By, act: Act, now: i64) -> Outcome {
        if let By::Person(person) = by
            && self.is(Cell::Suspended(person))
        {
            return Outcome::Refused(403);
        }
        match act {
            Act::Give { on, to, role, may_share, until_in_secs } => {
                let until = until_in_secs.map(|secs| now + secs * 1_000);
                self.gives(by, on, to, Held::Grant { role, may_share, until, active: true }, now)
            }
            Act::Withdraw { on, from } => self.withdraws(by, on, from, now),
            Act::Add { group, person } => self.gathers(by, Cell::Member(group, person), true),
            Act::Remove { group, person } => self.gathers(by, Cell::Member(group, person), false),
            Act::Suspend { person, suspended } => self.administers(by, Cell::Suspended(person), suspended),
            Act::Block { person, blocked } => self.administers(by, Cell::Blocked(person), blocked),
            Act::Open { on, to } => self.opens(by, on, to, now),
            Act::Restrict { restricted } => self.restricts(by, restricted, now),
            Act::Strict { on, strict } => self.makes_strict(by, on, strict, now),
            Act::Join { person, part } => self.joins(by, person, part),
            Act::Leave => self.leaves(by),
            Act::Rule { view, active } => self.rules(by, view, active),
            Act::Put { on } => self.puts(by, on, now),
            Act::Take { on } => self.takes(by, on, now),
            Act::Link { on } => self.links(by, on, now),
            Act::Revoke { on } => match by {
                By::Owner => Outcome::Refused(404),
                By::Person(person) => self.effect(Cell::Revoked(person, on), Held::Flag(true)),
            },
            Act::Clone { on } => self.clones(by, on, now),
            Act::Retire { on } => match by {
                By::Owner => Outcome::Refused(404),
                By::Person(person) => self.effect(Cell::Retired(person, on), Held::Flag(true)),
            },
        }
    }

    /// Whether a person may change who gets what on a dataset; else the refusal.
    fn may_grant(&self, by: By, on: Spot, now: i64) -> Result<(), Outcome> {
        let By::Person(person) = by else { return Ok(()) };
        let ways = self.ways(person, on, now);
        if ways.is_empty() {
            return Err(Outcome::Refused(404));
        }
        if ways.iter().any(|way| way.role == Role::Manager) { Ok(()) } else { Err(Outcome::Refused(403)) }
    }

    /// The datasets that a grant of this role is given on, or taken from: the one that is named, or both.
    fn together(&self, on: Spot, goes: bool) -> Vec<Spot> {
        self.set.filter(|_| goes).map_or_else(|| vec![on], Vec::from)
    }

    /// Whether there is a grant that is given and taken on both.
    fn goes_together(&self, on: Spot, to: Subject) -> bool {
        matches!(self.at(Cell::Grant(on, to)).1, Some(Held::Grant { role: Role::Manager, active: true, .. }))
    }

    fn gives(&self, by: By, on: Spot, to: Subject, held: Held, now: i64) -> Outcome {
        let Held::Grant { role, .. } = held else { return Outcome::Refused(0) };
        if let Err(refused) = self.may_grant(by, on, now) {
            return refused;
        }
        let all = self.together(on, role == Role::Manager || self.goes_together(on, to));
        // One that refuses says no more than that.
        if all.iter().any(|each| self.may_grant(by, *each, now).is_err()) {
            return Outcome::Refused(403);
        }
        let is_sent = matches!(self.at(Cell::Grant(on, to)).1, Some(Held::Grant { active: true, .. }));
        let mut given = Vec::new();
        for each in all {
            let goes = each == on || role == Role::Manager || self.goes_together(each, to);
            if !goes || self.at(Cell::Grant(each, to)).1 == Some(held) {
                continue;
            }
            if let Err(refused) = self.may_give(by, each, to, held, now) {
                return refused;
            }
            if each != on && !is_sent && self.narrows(each, to, held) {
                return Outcome::Refused(409);
            }
            given.push((Cell::Grant(each, to), held));
        }
        self.effects(&given)
    }

    /// Whether somebody who administers a dataset may give this on it; else the refusal.
    fn may_give(&self, by: By, on: Spot, to: Subject, held: Held, now: i64) -> Result<(), Outcome> {
        let Held::Grant { role, may_share, until, .. } = held else { return Err(Outcome::Refused(0)) };
        if let By::Person(person) = by
            && to == Subject::Person(person)
        {
            return Err(Outcome::Refused(403));
        }
        if to == Subject::Accounts && (role > Role::View || may_share) {
            return Err(Outcome::Refused(422));
        }
        if may_share && role < Role::View {
            return Err(Outcome::Refused(422));
        }
        let ends = until.unwrap_or(i64::MAX);
        if let By::Person(person) = by
            && !self.ways(person, on, now).iter().any(|way| way.role == Role::Manager && ends <= way.until)
        {
            return Err(Outcome::Refused(403));
        }
        Ok(())
    }

    /// Whether it would be less than what its subject has there, whether that ended or not.
    fn narrows(&self, on: Spot, to: Subject, held: Held) -> bool {
        match (self.at(Cell::Grant(on, to)).1, held) {
            (
                Some(Held::Grant { role: had, may_share: shared, until: ended, active: true }),
                Held::Grant { role, may_share, until, .. },
            ) => {
                let (shared, shares) = (shared || had == Role::Manager, may_share || role == Role::Manager);
                role < had || (shared && !shares) || until.unwrap_or(i64::MAX) < ended.unwrap_or(i64::MAX)
            }
            _ => false,
        }
    }

    fn withdraws(&self, by: By, on: Spot, from: Subject, now: i64) -> Outcome {
        let own = matches!((by, from), (By::Person(person), Subject::Person(whose)) if person == whose);
        let may = |on: Spot| match by {
            By::Person(person) if own && self.ways(person, on, now).is_empty() => Err(Outcome::Refused(404)),
            _ if own => Ok(()),
            _ => self.may_grant(by, on, now),
        };
        if let Err(refused) = may(on) {
            return refused;
        }
        if self.at(Cell::Grant(on, from)).1.is_none() {
            return Outcome::Refused(404);
        }
        let goes = self.goes_together(on, from);
        let all: Vec<_> = self.together(on, goes).into_iter().filter(|each| *each == on || self.goes_together(*each, from)).collect();
        if all.iter().any(|each| may(*each).is_err()) {
            return Outcome::Refused(403);
        }
        let withdrawn = all.into_iter().filter_map(|each| match self.at(Cell::Grant(each, from)).1 {
            Some(Held::Grant { role, may_share, until, .. }) => {
                Some((Cell::Grant(each, from), Held::Grant { role, may_share, until, active: false }))
            }
            _ => None,
        });
        self.effects(&withdrawn.collect::<Vec<_>>())
    }

    fn gathers(&self, by: By, cell: Cell, to: bool) -> Outcome {
        match (by, cell) {
            (By::Owner, _) => self.effect(cell, Held::Flag(to)),
            (By::Person(person), Cell::Member(group, _)) if self.is(Cell::Member(group, person)) => Outcome::Refused(403),
            (By::Person(_), _) => Outcome::Refused(404),
        }
    }

    fn administers(&self, by: By, cell: Cell, to: bool) -> Outcome {
        if by == By::Owner { self.effect(cell, Held::Flag(to)) } else { Outcome::Refused(403) }
    }

    /// Whether somebody administers a dataset for good, or owns it; `beside` the project, by a grant.
    fn administers_for_good(&self, by: By, on: Spot, beside: bool, now: i64) -> bool {
        let By::Person(person) = by else { return true };
        let for_good = |way: &Way| way.role == Role::Manager && way.until == i64::MAX && !(beside && way.by_project);
        self.ways(person, on, now).iter().any(for_good)
    }

    fn opens(&self, by: By, on: Spot, to: Visibility, now: i64) -> Outcome {
        if let Err(refused) = self.may_grant(by, on, now) {
            return refused;
        }
        let (visibility, placed) = self.shown(on);
        if to == Visibility::Project && !placed {
            return Outcome::Refused(422);
        }
        if to > visibility && !self.administers_for_good(by, on, false, now) {
            return Outcome::Refused(403);
        }
        self.effect(Cell::Shown(on), Held::Shown { visibility: to, placed })
    }

    /// Whoever opens again what was restricted needs no less where it is open already.
    fn restricts(&self, by: By, restricted: bool, now: i64) -> Outcome {
        if let Err(refused) = self.may_grant(by, Spot::Inner, now) {
            return refused;
        }
        if !restricted && !self.administers_for_good(by, Spot::Inner, false, now) {
            return Outcome::Refused(403);
        }
        self.effect(Cell::Restricted, Held::Flag(restricted))
    }

    /// What is strict is no more by whoever administers it for good.
    fn makes_strict(&self, by: By, on: Spot, strict: bool, now: i64) -> Outcome {
        if let Err(refused) = self.may_grant(by, on, now) {
            return refused;
        }
        if self.is(Cell::Strict(on)) && !strict && !self.administers_for_good(by, on, false, now) {
            return Outcome::Refused(403);
        }
        self.effect(Cell::Strict(on), Held::Flag(strict))
    }

    /// Whether somebody manages the project; else the refusal.
    fn may_manage(&self, by: By) -> Result<(), Outcome> {
        let By::Person(person) = by else { return Ok(()) };
        match self.part(person) {
            Part::Out => Err(Outcome::Refused(404)),
            Part::Member => Err(Outcome::Refused(403)),
            Part::Manager => Ok(()),
        }
    }

    fn is_blocked(&self, by: By) -> bool {
        matches!(by, By::Person(person) if self.is(Cell::Blocked(person)))
    }

    fn joins(&self, by: By, person: usize, part: Part) -> Outcome {
        if let Err(refused) = self.may_manage(by) {
            return refused;
        }
        if part != Part::Out && self.is_blocked(by) {
            return Outcome::Refused(403);
        }
        self.effect(Cell::Part(person), Held::Part(part))
    }

    fn leaves(&self, by: By) -> Outcome {
        match by {
            // The owner would be the last manager, or not: nobody asks for it here.
            By::Owner => Outcome::Refused(0),
            By::Person(person) if self.part(person) == Part::Out => Outcome::Refused(404),
            By::Person(person) => self.effect(Cell::Part(person), Held::Part(Part::Out)),
        }
    }

    fn rules(&self, by: By, view: Role, active: bool) -> Outcome {
        if let Err(refused) = self.may_manage(by) {
            return refused;
        }
        let (old_view, was_active) = self.rule();
        let widens = active && (!was_active || view > old_view);
        if widens && self.is_blocked(by) {
            return Outcome::Refused(403);
        }
        self.effect(Cell::Rule, Held::Rule { view, active })
    }

    fn puts(&self, by: By, on: Spot, now: i64) -> Outcome {
        if matches!(by, By::Person(person) if self.part(person) == Part::Out) {
            return Outcome::Refused(404);
        }
        if let Err(refused) = self.may_grant(by, on, now) {
            return refused;
        }
        let (visibility, placed) = self.shown(on);
        if placed && visibility >= Visibility::Project {
            return Outcome::Done(None);
        }
        if !self.administers_for_good(by, on, true, now) {
            return Outcome::Refused(403);
        }
        if !self.rule().1 {
            return Outcome::Refused(409);
        }
        self.effect(Cell::Shown(on), Held::Shown { visibility: visibility.max(Visibility::Project), placed: true })
    }

    fn takes(&self, by: By, on: Spot, now: i64) -> Outcome {
        if let Err(refused) = self.may_grant(by, on, now) {
            return refused;
        }
        let (visibility, placed) = self.shown(on);
        if !placed {
            return Outcome::Refused(404);
        }
        let visibility = if visibility == Visibility::Project { Visibility::Private } else { visibility };
        self.effect(Cell::Shown(on), Held::Shown { visibility, placed: false })
    }

    /// Of the roles here only the widest lets files be cloned.
    fn clones(&self, by: By, on: Spot, now: i64) -> Outcome {
        self.may_grant(by, on, now).map_or_else(|refused| refused, |()| Outcome::Done(None))
    }

    fn links(&self, by: By, on: Spot, now: i64) -> Outcome {
        let By::Person(person) = by else { return Outcome::Refused(0) };
        let ways = self.ways(person, on, now);
        match (ways.is_empty(), ways.iter().any(|way| way.shares)) {
            (true, _) => Outcome::Refused(404),
            (_, false) => Outcome::Refused(403),
            _ => Outcome::Done(None),
        }
    }
}
