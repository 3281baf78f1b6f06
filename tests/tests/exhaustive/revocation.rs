//! One link, its writers and two caches: is a revoke for good?
//!
//! Modelled: the maker's create; an editor who reads the link, then renames, pauses or resumes it; a revoke; and two processes that read the
//! link and serve by what they read, for a while. Not modelled: signatures, which add their own validity to the bound; revokes of a whole
//! dataset; a link's end.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// How long facts may serve, in ticks of the model's clock: longer than one, so that they age before they go.
const FACTS_TICKS: u8 = 2;
/// Edits that are sent, of any kind.
const EDITS: u8 = 2;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Edits write the whole row as they saw it.
    WholePuts,
    /// A create writes whether or not the row is there.
    UnconditionalCreate,
    /// A revoke deletes the row; all else is conditional.
    HardDelete,
    /// A revoke is a state of the row; all else is conditional, and nothing is deleted.
    StateFlip,
    /// A revoke is an item of its own, and everybody else writes as badly as above.
    CarelessBesideTombstone,
    /// The product: create if absent, edits by version where no tombstone lies, the tombstone as an item of its own.
    Product,
}

/// From when on a process counts the age of what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// The product: the moment the read began.
    Read,
    /// The moment its answer came.
    Arrival,
    /// Its last use.
    Use,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Status {
    Live,
    Paused,
    Revoked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    version: u8,
    status: Status,
}

const NEW: Row = Row { version: 1, status: Status::Live };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Edit {
    Rename,
    Pause,
    Resume,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    Create,
    Edit { seen: Row, edit: Edit },
    Revoke,
}

/// What one process knows: whether the link opened when it read it, and how many ticks ago that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Memory {
    Nothing,
    /// The answer is still on its way.
    Reading {
        opens: bool,
        age: u8,
    },
    Known {
        opens: bool,
        age: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    row: Option<Row>,
    tombstone: bool,
    under_way: BTreeSet<Message>,
    edits_left: u8,
    /// A pause was made, and nobody has asked to resume since.
    is_held: bool,
    /// The revoke had its effect.
    revoke_done: bool,
    /// Ticks since its answer was heard, as far as they matter.
    acknowledged: Option<u8>,
    memories: [Memory; 2],
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    /// The deciding change of a narrowing, without the rest of its transaction.
    ArriveAlone(Message),
    Acknowledge,
    Read(usize),
    Hear(usize),
    Serve(usize),
    Tick,
}

impl World {
    fn new() -> Self {
        Self {
            row: None,
            tombstone: false,
            under_way: BTreeSet::from([Message::Create]),
            edits_left: EDITS,
            is_held: false,
            revoke_done: false,
            acknowledged: None,
            memories: [Memory::Nothing; 2],
        }
    }

    fn is_revoked(&self) -> bool {
        self.tombstone || self.row.is_some_and(|row| row.status == Status::Revoked)
    }

    /// What a read of the table comes to.
    fn opens(&self) -> bool {
        !self.tombstone && self.row.is_some_and(|row| row.status == Status::Live)
    }

    /// Whether a process would say yes now, by what it remembers.
    fn serves(&self) -> bool {
        self.memories.iter().any(|memory| matches!(memory, Memory::Known { opens: true, age } if *age < FACTS_TICKS))
    }

    fn steps(&self, style: Style, age_from: Age) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        for message in self.sendable() {
            let mut next = self.clone();
            next.under_way.insert(message);
            if let Message::Edit { edit, .. } = message {
                next.edits_left -= 1;
                // From now on somebody has asked for it.
                next.is_held &= edit != Edit::Resume;
            }
            steps.push((Step::Send(message), next));
        }
        for message in &self.under_way {
            steps.push((Step::Arrive(*message), self.arrived(style, *message)));
            if let (Style::Product, Message::Edit { seen, edit: edit @ Edit::Pause }) = (style, *message) {
                steps.push((Step::ArriveAlone(*message), self.edited_if(seen, edit, self.row == Some(seen))));
            }
        }
        if self.revoke_done && self.acknowledged.is_none() {
            steps.push((Step::Acknowledge, Self { acknowledged: Some(0), ..self.clone() }));
        }
        for (at, memory) in self.memories.iter().enumerate() {
            let mut remember = |step, memory| {
                let mut next = self.clone();
                next.memories[at] = memory;
                steps.push((step, next));
            };
            match *memory {
                Memory::Reading { opens, age } => {
                    remember(Step::Hear(at), Memory::Known { opens, age: if age_from == Age::Arrival { 0 } else { age } });
                }
                Memory::Known { opens, age } if age < FACTS_TICKS => {
                    remember(Step::Serve(at), Memory::Known { opens, age: if age_from == Age::Use { 0 } else { age } });
                }
                Memory::Nothing | Memory::Known { .. } => remember(Step::Read(at), Memory::Reading { opens: self.opens(), age: 0 }),
            }
        }
        steps.push((Step::Tick, self.ticked()));
        steps
    }

    /// What the people may ask for, by what they see. The row of a revoked link is not edited by anybody who sees that.
    fn sendable(&self) -> Vec<Message> {
        let Some(seen) = self.row.filter(|_| !self.is_revoked()) else { return Vec::new() };
        let switch = if seen.status == Status::Live { Edit::Pause } else { Edit::Resume };
        let edits = if self.edits_left > 0 { vec![Edit::Rename, switch] } else { Vec::new() };
        let edits = edits.into_iter().map(|edit| Message::Edit { seen, edit });
        edits.chain([Message::Revoke]).filter(|message| !self.under_way.contains(message)).collect()
    }

    fn arrived(&self, style: Style, message: Message) -> Self {
        match message {
            Message::Create => {
                let is_blind = matches!(style, Style::UnconditionalCreate | Style::CarelessBesideTombstone);
                if is_blind || self.row.is_none() { Self { row: Some(NEW), ..self.clone() } } else { self.clone() }
            }
            Message::Edit { seen, edit } => {
                let holds = match style {
                    Style::WholePuts | Style::CarelessBesideTombstone => true,
                    Style::UnconditionalCreate | Style::HardDelete | Style::StateFlip => self.row == Some(seen),
                    Style::Product => self.row == Some(seen) && !self.tombstone,
                };
                self.edited_if(seen, edit, holds)
            }
            Message::Revoke => {
                let row = match style {
                    Style::HardDelete => None,
                    Style::CarelessBesideTombstone | Style::Product => self.row,
                    // An update: one of a row that is not there makes none.
                    Style::WholePuts | Style::UnconditionalCreate | Style::StateFlip => {
                        self.row.map(|row| Row { status: Status::Revoked, ..row })
                    }
                };
                let tombstone = matches!(style, Style::CarelessBesideTombstone | Style::Product);
                Self { row, tombstone, revoke_done: true, ..self.clone() }
            }
        }
    }

    fn edited_if(&self, seen: Row, edit: Edit, holds: bool) -> Self {
        if !holds {
            return self.clone();
        }
        let status = match edit {
            Edit::Rename => seen.status,
            Edit::Pause => Status::Paused,
            Edit::Resume => Status::Live,
        };
        Self { row: Some(Row { version: seen.version + 1, status }), is_held: self.is_held || edit == Edit::Pause, ..self.clone() }
    }

    fn ticked(&self) -> Self {
        let older = |age: u8| (age + 1).min(FACTS_TICKS);
        let memories = self.memories.map(|memory| match memory {
            Memory::Nothing => Memory::Nothing,
            Memory::Reading { opens, age } => Memory::Reading { opens, age: older(age) },
            Memory::Known { opens, age } => Memory::Known { opens, age: older(age) },
        });
        Self { memories, acknowledged: self.acknowledged.map(older), ..self.clone() }
    }

    /// An acknowledged revoke is not in force any more.
    fn is_undone(&self, style: Style) -> bool {
        let revoked = if style == Style::HardDelete { self.row.is_none() } else { self.is_revoked() };
        self.acknowledged.is_some() && !revoked
    }

    /// Somebody says yes after the bound.
    fn is_late(&self) -> bool {
        self.acknowledged == Some(FACTS_TICKS) && self.serves()
    }

    /// A pause was undone by a write whose sender asked for no such thing.
    fn is_overwritten(&self) -> bool {
        self.is_held && self.opens()
    }
}

// SEMANTICS 5.1, 5.3
#[test]
fn a_revoke_is_for_good_where_it_is_an_item_of_its_own() {
    for (style, undone, overwritten) in [
        (Style::WholePuts, true, true),
        (Style::UnconditionalCreate, true, true),
        (Style::HardDelete, true, true),
        (Style::StateFlip, false, false),
        (Style::CarelessBesideTombstone, false, true),
        (Style::Product, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style, Age::Read));
        search.finds(undone, "a revoke was undone", |world| world.is_undone(style));
        search.finds(undone, "a yes after the bound", World::is_late);
        search.finds(overwritten, "a pause was undone unasked", World::is_overwritten);
        // The bound is needed: until it has passed, there are those who say yes.
        search.finds(true, "a yes after a revoke", |world| world.acknowledged == Some(1) && world.serves());
    }
}

// SEMANTICS 5.1
#[test]
fn facts_serve_no_longer_than_their_age_allows_if_it_counts_from_the_read() {
    for (age_from, late) in [(Age::Read, false), (Age::Arrival, true), (Age::Use, true)] {
        let search = Search::all(age_from, World::new(), |world: &World| world.steps(Style::Product, age_from));
        search.finds(late, "a yes after the bound", World::is_late);
    }
}
