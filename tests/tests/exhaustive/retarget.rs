//! One link, two places that it can stand on, its writers and a process that reads: does a move ever bring back what was revoked?
//!
//! Modelled: moves, pauses and resumes by who has read the link; its revoke; revokes of all links of either place, which count up a number of
//! that place's; and a process that reads the link, then the place that it stands on, and serves by both for a while. Not modelled: who may,
//! and lists of links, which open nothing.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// How long facts may serve, in ticks of the model's clock.
const FACTS_TICKS: u8 = 2;
/// Moves, pauses and resumes that are sent.
const EDITS: u8 = 3;

/// A way to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The whole row as its writer would have it, whatever is there; the tombstone alone bars it.
    WholePut,
    /// By the link's version alone; it takes the number of the new place.
    NotAskingThePlaceLeft,
    /// By the link's version alone; it keeps the number that it has.
    KeepingItsNumber,
    /// The product: by the link's version, while no tombstone lies and both places have the numbers that were seen.
    Product,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    version: u8,
    place: usize,
    /// The place's count of revokes of all when the link came to it.
    number: u8,
    enabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    Move { seen: Row, number_there: u8 },
    Switch { seen: Row },
    Revoke,
    RevokeAll { place: usize, seen: u8 },
}

/// What the process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Memory {
    Nothing,
    /// It has read the link, and has yet to read the place.
    Reading {
        row: Row,
        tombstone: bool,
        age: u8,
    },
    /// Where the link opens, if it does.
    Known {
        opens: Option<usize>,
        age: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    row: Row,
    tombstone: bool,
    /// Of each place, how often all of its links were revoked.
    numbers: [u8; 2],
    under_way: BTreeSet<Message>,
    edits_left: u8,
    /// A revoke had its effect on the link: its own, or one of all where it stood.
    is_doomed: bool,
    /// A pause was made, and nobody has asked to resume since.
    is_held: bool,
    /// The place that was left last, and the ticks since its mover heard so, as far as they matter.
    left: Option<(usize, u8)>,
    memory: Memory,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    ReadLink,
    ReadPlace,
    Tick,
}

fn other(place: usize) -> usize {
    1 - place
}

impl World {
    fn new() -> Self {
        Self {
            row: Row { version: 1, place: 0, number: 0, enabled: true },
            tombstone: false,
            numbers: [0; 2],
            under_way: BTreeSet::new(),
            edits_left: EDITS,
            is_doomed: false,
            is_held: false,
            left: None,
            memory: Memory::Nothing,
        }
    }

    /// Where a link that was read so opens, by the numbers that are there now.
    fn opens(&self, row: Row, tombstone: bool) -> Option<usize> {
        (!tombstone && row.enabled && self.numbers[row.place] == row.number).then_some(row.place)
    }

    fn is_revoked(&self) -> bool {
        self.tombstone || self.numbers[self.row.place] != self.row.number
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        for message in self.sendable() {
            let mut next = self.clone();
            next.under_way.insert(message);
            if let Message::Move { .. } | Message::Switch { .. } = message {
                next.edits_left -= 1;
            }
            // From now on somebody has asked for it.
            next.is_held &= !matches!(message, Message::Switch { seen } if !seen.enabled);
            steps.push((Step::Send(message), next));
        }
        steps.extend(self.under_way.iter().map(|message| (Step::Arrive(*message), self.arrived(style, *message))));
        let (step, memory) = match self.memory {
            Memory::Reading { row, tombstone, age } => (Step::ReadPlace, Memory::Known { opens: self.opens(row, tombstone), age }),
            Memory::Nothing | Memory::Known { .. } => {
                (Step::ReadLink, Memory::Reading { row: self.row, tombstone: self.tombstone, age: 0 })
            }
        };
        steps.push((step, Self { memory, ..self.clone() }));
        steps.push((Step::Tick, self.ticked()));
        steps
    }

    /// What people may ask for, by what they see. A link that is seen to be revoked is not changed by anybody.
    fn sendable(&self) -> Vec<Message> {
        let seen = self.row;
        let edits = [Message::Move { seen, number_there: self.numbers[other(seen.place)] }, Message::Switch { seen }];
        let edits = edits.into_iter().filter(|_| self.edits_left > 0 && !self.is_revoked());
        // One revoke of all a place.
        let of_all = [0, 1].map(|place| (place, self.numbers[place])).into_iter().filter(|(_, seen)| *seen == 0);
        let of_all = of_all.map(|(place, seen)| Message::RevokeAll { place, seen });
        edits.chain([Message::Revoke]).chain(of_all).filter(|message| !self.under_way.contains(message)).collect()
    }

    fn arrived(&self, style: Style, message: Message) -> Self {
        let mut next = self.clone();
        match message {
            Message::Move { seen, number_there } => {
                let to = other(seen.place);
                let as_seen = self.numbers[seen.place] == seen.number && self.numbers[to] == number_there;
                let holds = match style {
                    Style::WholePut => !self.tombstone,
                    Style::NotAskingThePlaceLeft | Style::KeepingItsNumber => self.row == seen && !self.tombstone,
                    Style::Product => self.row == seen && !self.tombstone && as_seen,
                };
                if holds {
                    let number = if style == Style::KeepingItsNumber { seen.number } else { number_there };
                    next.row = Row { version: seen.version + 1, place: to, number, enabled: seen.enabled };
                    next.left = Some((seen.place, 0));
                }
            }
            Message::Switch { seen } => {
                if self.row == seen && !self.tombstone {
                    next.row = Row { version: seen.version + 1, enabled: !seen.enabled, ..seen };
                    next.is_held |= seen.enabled;
                }
            }
            Message::Revoke => {
                next.tombstone = true;
                next.is_doomed = true;
            }
            Message::RevokeAll { place, seen } => {
                if self.numbers[place] == seen {
                    next.is_doomed |= self.row.place == place && self.row.number == seen;
                    next.numbers[place] = seen + 1;
                }
            }
        }
        next
    }

    fn ticked(&self) -> Self {
        let older = |age: u8| (age + 1).min(FACTS_TICKS);
        let memory = match self.memory {
            Memory::Nothing => Memory::Nothing,
            Memory::Reading { row, tombstone, age } => Memory::Reading { row, tombstone, age: older(age) },
            Memory::Known { opens, age } => Memory::Known { opens, age: older(age) },
        };
        Self { memory, left: self.left.map(|(place, age)| (place, older(age))), ..self.clone() }
    }

    /// What was revoked opens.
    fn is_undone(&self) -> bool {
        self.is_doomed && self.opens(self.row, self.tombstone).is_some()
    }

    /// A pause was undone by a move whose sender asked for no such thing.
    fn is_overwritten(&self) -> bool {
        self.is_held && self.row.enabled && !self.is_revoked()
    }

    /// Whether the process lets somebody read at the place that was left, so long after.
    fn serves_the_place_left(&self, ticks: u8) -> bool {
        let serves = |place| matches!(self.memory, Memory::Known { opens, age } if opens == Some(place) && age < FACTS_TICKS);
        self.left.is_some_and(|(place, age)| age == ticks && serves(place))
    }
}

// SEMANTICS 5.1; L13
#[test]
fn a_move_never_brings_back_what_was_revoked() {
    for (style, undone, overwritten) in [
        (Style::WholePut, true, true),
        (Style::NotAskingThePlaceLeft, true, false),
        (Style::KeepingItsNumber, true, false),
        (Style::Product, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(undone, "what was revoked opens", World::is_undone);
        search.finds(overwritten, "a pause was undone unasked", World::is_overwritten);
        search.finds(true, "a read at the place that was left, before the bound", |world| world.serves_the_place_left(1));
        if style == Style::Product {
            search.finds(false, "a read at the place that was left, after the bound", |world| world.serves_the_place_left(FACTS_TICKS));
            // It does what it is for: a link that moved outlives what is revoked where it was.
            let outlived =
                |world: &World| world.row.place == 1 && world.numbers[0] > 0 && world.opens(world.row, world.tombstone).is_some();
            search.finds(true, "a moved link opens after all links of the place that it left were revoked", outlived);
        }
    }
}
