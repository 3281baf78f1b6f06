//! Datasets in each other, registered in any order, and one of them restricted meanwhile: does each come to name all that it lies in, and is
//! what is restricted never open by what lies above it?
//!
//! Modelled: a source's root, and three paths, each in the one before. Each is registered by people who read what is claimed above and then
//! write; whoever registers one goes on to let what lies in it name it, in four steps, may die after each, and be followed by another. The innermost
//! is restricted in one transaction, or, where that only meets conflicts, piece by piece. Not modelled: opening it again, which begins with the
//! same reads, and more than one transaction's worth of datasets below.
//!
//! A claim is the dataset's own item here: the two are written together.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// The root, and the three paths.
const PATHS: usize = 4;
const ROOT: usize = 0;
/// The one that is restricted.
const INNERMOST: usize = 3;
/// Processes that die.
const DEATHS: u8 = 1;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A registration does not look what is claimed above by now.
    ClaimsUnchecked,
    /// It looks between itself and what it is registered in only: so the product did once.
    ClaimsBetweenChecked,
    /// Only the process that registered a dataset knows that not all below it name it.
    Unmarked,
    /// A registration begins without the cuts of what lies above.
    WithoutCuts,
    /// It takes them over, whatever became of what lies above since it was read.
    WithOldCuts,
    /// A restriction cuts what the dataset names, not what is claimed above it.
    CutsWhatIsNamed,
    /// The same piece by piece, with one look.
    CutsPiecesOnce,
    /// The product's.
    Product,
    /// The product's, where transactions meet nothing but conflicts.
    ProductByPieces,
}

impl Style {
    fn by_pieces(self) -> bool {
        matches!(self, Self::CutsPiecesOnce | Self::ProductByPieces)
    }
}

/// Some of the paths, a bit each.
type Paths = u8;

fn bit(path: usize) -> Paths {
    1 << path
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    version: u8,
    ancestors: Paths,
    /// Where what is granted here does not reach.
    cuts: Paths,
    restricted: bool,
    /// Not all below name it yet.
    adopting: bool,
}

/// What is asked, by what its sender saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    Register {
        path: usize,
        above: usize,
        seen: Item,
    },
    /// The version of the innermost, and of each that holds it.
    Restrict {
        own: u8,
        holders: [Option<u8>; PATHS],
    },
}

/// Whoever lets what lies in a dataset name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Adopter {
    /// It knows what lies in it.
    Looked { below: Paths },
    /// And which of that lack it, at which version.
    Read { below: Paths, lacking: [Option<u8>; PATHS] },
    /// And what each lies in.
    Ready { below: Paths, lacking: [Option<u8>; PATHS], ancestors: [Paths; PATHS] },
    /// All of it was written.
    Done,
}

/// Whoever restricts piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Cutter {
    /// About to look what holds it.
    Looks { own: u8 },
    /// Found these without the cut, at these versions.
    Cuts { own: u8, lacking: [Option<u8>; PATHS] },
    /// Found none.
    Ends { own: u8 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    items: [Option<Item>; PATHS],
    under_way: BTreeSet<Message>,
    /// Each path is registered once at the most: who tries again does as one who comes later.
    unregistered: [bool; PATHS],
    restriction_left: bool,
    adopters: [Option<Adopter>; PATHS],
    cutter: Option<Cutter>,
    deaths_left: u8,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    Adopt(usize),
    Cut,
    Die(usize),
}

impl World {
    fn new() -> Self {
        let root = Item { version: 0, ancestors: 0, cuts: 0, restricted: false, adopting: false };
        Self {
            items: [Some(root), None, None, None],
            under_way: BTreeSet::new(),
            unregistered: [false, true, true, true],
            restriction_left: true,
            adopters: [None; PATHS],
            cutter: None,
            deaths_left: DEATHS,
        }
    }

    /// What is claimed above a path.
    fn claimed_above(&self, path: usize) -> Paths {
        (0..path).filter(|above| self.items[*above].is_some()).map(bit).sum()
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        for path in 1..PATHS {
            let above = (0..path).rev().find(|above| self.items[*above].is_some());
            let seen = above.and_then(|above| Some((above, self.items[above]?)));
            if let Some((above, seen)) = seen.filter(|_| self.unregistered[path]) {
                let message = Message::Register { path, above, seen };
                let mut next = self.sent(message);
                next.unregistered[path] = false;
                steps.push((Step::Send(message), next));
            }
        }
        if let Some(innermost) = self.items[INNERMOST].filter(|_| self.restriction_left) {
            let mut next = Self { restriction_left: false, ..self.clone() };
            if style.by_pieces() {
                next.cutter = Some(Cutter::Looks { own: innermost.version });
                steps.push((Step::Cut, next));
            } else {
                let holders = self.versions(self.holders(style, innermost));
                let message = Message::Restrict { own: innermost.version, holders };
                next.under_way.insert(message);
                steps.push((Step::Send(message), next));
            }
        }
        for message in &self.under_way {
            let arrived = match *message {
                Message::Register { path, above, seen } => self.registered(style, path, above, seen),
                Message::Restrict { own, holders } => self.restricted(style, own, holders),
            };
            steps.push((Step::Arrive(*message), arrived));
        }
        for path in 1..INNERMOST {
            let Some(item) = self.items[path] else { continue };
            match self.adopters[path] {
                None if item.adopting => steps.push((Step::Adopt(path), self.with_adopter(path, Some(self.look(path))))),
                None => {}
                Some(adopter) => {
                    steps.push((Step::Adopt(path), self.adopted(path, adopter)));
                    if self.deaths_left > 0 {
                        let dead = Self { deaths_left: self.deaths_left - 1, ..self.with_adopter(path, None) };
                        steps.push((Step::Die(path), dead));
                    }
                }
            }
        }
        steps.extend(self.cutter.map(|cutter| (Step::Cut, self.cut(style, cutter))));
        steps
    }

    fn sent(&self, message: Message) -> Self {
        let mut next = self.clone();
        next.under_way.insert(message);
        next
    }

    fn with_adopter(&self, path: usize, adopter: Option<Adopter>) -> Self {
        let mut next = self.clone();
        next.adopters[path] = adopter;
        next
    }

    fn registered(&self, style: Style, path: usize, above: usize, seen: Item) -> Self {
        let is_as_seen = style == Style::WithOldCuts || self.items[above].is_some_and(|now| now.version == seen.version);
        let is_known = |at: usize| at <= above && (at == above || seen.ancestors & bit(at) != 0);
        let looked_at = match style {
            Style::ClaimsUnchecked => path..path,
            Style::ClaimsBetweenChecked => above + 1..path,
            _ => 1..path,
        };
        let is_free = looked_at.into_iter().all(|at| self.items[at].is_none() || is_known(at));
        if self.items[path].is_some() || !is_as_seen || !is_free {
            return self.clone();
        }
        let inside: Paths = (path + 1..PATHS).map(bit).sum();
        let cuts = if style == Style::WithoutCuts { 0 } else { seen.cuts & inside };
        let adopting = path < INNERMOST && style != Style::Unmarked;
        let mut next = self.clone();
        next.items[path] = Some(Item { version: 0, ancestors: seen.ancestors | bit(above), cuts, restricted: false, adopting });
        if path < INNERMOST && style == Style::Unmarked {
            next.adopters[path] = Some(next.look(path));
        }
        next
    }

    fn look(&self, path: usize) -> Adopter {
        Adopter::Looked { below: (path + 1..PATHS).filter(|below| self.items[*below].is_some()).map(bit).sum() }
    }

    fn adopted(&self, path: usize, adopter: Adopter) -> Self {
        match adopter {
            Adopter::Looked { below } => {
                let lacks = |item: &Item| item.ancestors & bit(path) == 0;
                let lacking =
                    std::array::from_fn(|at| self.items[at].filter(|item| below & bit(at) != 0 && lacks(item)).map(|item| item.version));
                self.with_adopter(path, Some(Adopter::Read { below, lacking }))
            }
            Adopter::Read { below, lacking } => {
                let ancestors = std::array::from_fn(|at| if lacking[at].is_some() { self.claimed_above(at) } else { 0 });
                self.with_adopter(path, Some(Adopter::Ready { below, lacking, ancestors }))
            }
            Adopter::Ready { below, lacking, ancestors } => {
                let is_as_read = |at: usize| lacking[at].is_none_or(|version| self.items[at].is_some_and(|item| item.version == version));
                if !(0..PATHS).all(is_as_read) {
                    return self.with_adopter(path, Some(Adopter::Looked { below }));
                }
                let mut next = self.with_adopter(path, Some(Adopter::Done));
                for (at, item) in next.items.iter_mut().enumerate() {
                    if let Some(item) = item.as_mut().filter(|_| lacking[at].is_some()) {
                        (item.ancestors, item.version) = (ancestors[at], item.version + 1);
                    }
                }
                next
            }
            Adopter::Done => {
                let mut next = self.with_adopter(path, None);
                if let Some(item) = &mut next.items[path] {
                    item.adopting = false;
                }
                next
            }
        }
    }

    /// What holds the innermost, by what it names and what is claimed.
    fn holders(&self, style: Style, innermost: Item) -> Paths {
        if style == Style::CutsWhatIsNamed { innermost.ancestors } else { innermost.ancestors | self.claimed_above(INNERMOST) }
    }

    fn versions(&self, of: Paths) -> [Option<u8>; PATHS] {
        std::array::from_fn(|at| self.items[at].filter(|_| of & bit(at) != 0).map(|item| item.version))
    }

    /// In one transaction: each that holds it as it was read, and nothing else claimed.
    fn restricted(&self, style: Style, own: u8, holders: [Option<u8>; PATHS]) -> Self {
        let is_as_read = (0..INNERMOST).all(|at| match holders[at] {
            Some(version) => self.items[at].is_some_and(|item| item.version == version),
            None => style == Style::CutsWhatIsNamed || self.items[at].is_none(),
        });
        let mut next = self.clone();
        let Some(innermost) = next.items[INNERMOST].as_mut().filter(|item| item.version == own && !item.restricted && is_as_read) else {
            return self.clone();
        };
        (innermost.restricted, innermost.version) = (true, own + 1);
        for (at, item) in next.items.iter_mut().enumerate() {
            if let Some(item) = item.as_mut().filter(|_| holders[at].is_some()) {
                (item.cuts, item.version) = (item.cuts | bit(INNERMOST), item.version + 1);
            }
        }
        next
    }

    /// Piece by piece.
    fn cut(&self, style: Style, cutter: Cutter) -> Self {
        let mut next = self.clone();
        let Some(innermost) = self.items[INNERMOST] else { return next };
        match cutter {
            Cutter::Looks { own } => {
                let lacks = |at: &usize| self.items[*at].is_some_and(|item| item.cuts & bit(INNERMOST) == 0);
                let holders = self.holders(style, innermost);
                let lacking: Paths = (0..INNERMOST).filter(|at| holders & bit(*at) != 0).filter(lacks).map(bit).sum();
                let found = Cutter::Cuts { own, lacking: self.versions(lacking) };
                next.cutter = Some(if lacking == 0 { Cutter::Ends { own } } else { found });
            }
            Cutter::Cuts { own, mut lacking } => {
                let first = lacking.iter().position(Option::is_some);
                if let Some((at, version)) = first.and_then(|at| Some((at, lacking[at].take()?)))
                    && let Some(item) = next.items[at].as_mut().filter(|item| item.version == version)
                {
                    (item.cuts, item.version) = (item.cuts | bit(INNERMOST), item.version + 1);
                }
                let again = if style == Style::CutsPiecesOnce { Cutter::Ends { own } } else { Cutter::Looks { own } };
                next.cutter = Some(if lacking.iter().any(Option::is_some) { Cutter::Cuts { own, lacking } } else { again });
            }
            Cutter::Ends { own } => {
                next.cutter = None;
                if let Some(item) = next.items[INNERMOST].as_mut().filter(|item| item.version == own) {
                    (item.restricted, item.version) = (true, own + 1);
                }
            }
        }
        next
    }

    /// Some dataset does not name all that it lies in.
    fn lacks_one(&self) -> bool {
        (1..PATHS).any(|path| self.items[path].is_some_and(|item| item.ancestors != self.claimed_above(path)))
    }

    /// Nobody is at work, and nothing says that there is something left to do.
    fn is_at_rest(&self) -> bool {
        self.adopters.iter().all(Option::is_none) && !self.items.iter().flatten().any(|item| item.adopting)
    }

    /// What is restricted is open by what is granted on something above it.
    fn is_open_from_above(&self) -> bool {
        let open = |above: usize| self.items[above].is_some_and(|item| item.cuts & bit(INNERMOST) == 0);
        self.items[INNERMOST].is_some_and(|item| item.restricted) && (ROOT..INNERMOST).any(open)
    }
}

// ACCESS 10, 12; ADR 0008, 0035
#[test]
fn each_dataset_comes_to_name_all_that_it_lies_in_and_what_is_restricted_is_cut_from_all() {
    for (style, lacks, open) in [
        (Style::ClaimsUnchecked, true, false),
        (Style::ClaimsBetweenChecked, true, false),
        (Style::Unmarked, true, false),
        (Style::WithoutCuts, false, true),
        (Style::WithOldCuts, false, true),
        (Style::CutsWhatIsNamed, false, true),
        (Style::CutsPiecesOnce, false, true),
        (Style::Product, false, false),
        (Style::ProductByPieces, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(lacks, "nobody is at work, and a dataset lacks one above it", |world| world.is_at_rest() && world.lacks_one());
        search.finds(open, "what is restricted is open from above", World::is_open_from_above);
        search.finds(true, "all are there, each names all above it, and the innermost is restricted", |world| {
            world.items.iter().all(Option::is_some) && world.is_at_rest() && !world.lacks_one() && {
                world.items[INNERMOST].is_some_and(|item| item.restricted)
            }
        });
    }
}
