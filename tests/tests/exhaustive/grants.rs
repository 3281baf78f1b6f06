//! One person's grant on one dataset, or his membership of one group: does a withdrawal last?
//!
//! Modelled: people who read the grant and then give it, give it anew, or withdraw it; and a store that drops what was withdrawn thirty days
//! ago and more, by when nothing that was sent before the withdrawal is under way any more. Not modelled: what the grant allows, who may
//! give it, and the other writes that count the dataset's version: they can only make late ones fail.
//!
//! A withdrawal of a grant counts the dataset's version, but goes alone where it must.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// Grants that are sent.
const GRANTS: u8 = 3;
/// Withdrawals that are sent.
const WITHDRAWALS: u8 = 2;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A grant writes whatever is there.
    UnconditionalPut,
    /// A grant writes where there is none, and a withdrawal deletes it.
    HardDelete,
    /// As a membership, but the store drops what was withdrawn, and the versions begin anew.
    DroppedLater,
    /// So too, held by the dataset's version; but what is given anew keeps the day on which the withdrawn one was to be dropped.
    DroppedOnItsOldDay,
    /// The same without that mistake: should the product ever drop what was withdrawn, then so.
    DroppedByDataset,
    /// The product's memberships: a withdrawal is a state that stays, and all go by the item's own version.
    Membership,
    /// The product's grants: they go by the dataset's version too.
    Grant,
}

impl Style {
    fn drops(self) -> bool {
        matches!(self, Self::DroppedLater | Self::DroppedOnItsOldDay | Self::DroppedByDataset)
    }

    fn counts_the_dataset(self) -> bool {
        matches!(self, Self::DroppedOnItsOldDay | Self::DroppedByDataset | Self::Grant)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    version: u8,
    is_active: bool,
    /// The store drops it some day.
    ends: bool,
}

/// What is asked, by what its sender saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    Grant {
        seen: Option<Item>,
        dataset: u8,
        /// Withdrawals that there had been when its sender looked.
        withdrawals: u8,
    },
    Withdraw {
        seen: Item,
        withdrawals: u8,
    },
}

impl Message {
    fn withdrawals(self) -> u8 {
        match self {
            Self::Grant { withdrawals, .. } | Self::Withdraw { withdrawals, .. } => withdrawals,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    item: Option<Item>,
    /// The dataset's version.
    dataset: u8,
    under_way: BTreeSet<Message>,
    grants_left: u8,
    withdrawals_left: u8,
    /// Withdrawals that had their effect, heard of or not.
    withdrawals: u8,
    /// A grant took effect whose sender knew nothing of the latest withdrawal.
    is_undone: bool,
    /// The store dropped a grant that was active.
    is_lost: bool,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    /// A withdrawal without the rest of its transaction.
    ArriveAlone(Message),
    Drop,
}

impl World {
    fn new() -> Self {
        Self {
            item: None,
            dataset: 0,
            under_way: BTreeSet::new(),
            grants_left: GRANTS,
            withdrawals_left: WITHDRAWALS,
            withdrawals: 0,
            is_undone: false,
            is_lost: false,
        }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        let Self { item, dataset, withdrawals, .. } = *self;
        if self.grants_left > 0 {
            let message = Message::Grant { seen: item, dataset, withdrawals };
            steps.push((Step::Send(message), Self { grants_left: self.grants_left - 1, ..self.sent(message) }));
        }
        if let Some(seen) = item.filter(|item| item.is_active && self.withdrawals_left > 0) {
            let message = Message::Withdraw { seen, withdrawals };
            steps.push((Step::Send(message), Self { withdrawals_left: self.withdrawals_left - 1, ..self.sent(message) }));
        }
        for &message in &self.under_way {
            match message {
                Message::Grant { seen, dataset, withdrawals } => {
                    steps.push((Step::Arrive(message), self.granted(style, seen, dataset, withdrawals)));
                }
                Message::Withdraw { seen, .. } => {
                    let alone = self.withdrawn(style, seen);
                    if style.counts_the_dataset() && alone != *self {
                        steps.push((Step::Arrive(message), Self { dataset: self.dataset + 1, ..alone.clone() }));
                    }
                    steps.push((Step::ArriveAlone(message), alone));
                }
            }
        }
        if let Some(item) = item.filter(|item| item.ends) {
            // Whatever was sent before the last withdrawal has come or is lost by now.
            let under_way = self.under_way.iter().copied().filter(|message| message.withdrawals() == withdrawals).collect();
            steps.push((Step::Drop, Self { item: None, under_way, is_lost: self.is_lost || item.is_active, ..self.clone() }));
        }
        steps
    }

    fn sent(&self, message: Message) -> Self {
        let mut next = self.clone();
        next.under_way.insert(message);
        next
    }

    fn granted(&self, style: Style, seen: Option<Item>, dataset: u8, withdrawals: u8) -> Self {
        let version = |item: Option<Item>| item.map(|item| item.version);
        let unchanged = version(self.item) == version(seen);
        let holds = match style {
            Style::UnconditionalPut => true,
            Style::HardDelete => self.item.is_none(),
            Style::DroppedLater | Style::Membership => unchanged,
            Style::DroppedOnItsOldDay | Style::DroppedByDataset | Style::Grant => unchanged && self.dataset == dataset,
        };
        if !holds {
            return self.clone();
        }
        let ends = style == Style::DroppedOnItsOldDay && self.item.is_some_and(|item| item.ends);
        Self {
            item: Some(Item { version: version(seen).unwrap_or(0) + 1, is_active: true, ends }),
            dataset: if style.counts_the_dataset() { self.dataset + 1 } else { self.dataset },
            is_undone: self.is_undone || withdrawals < self.withdrawals,
            ..self.clone()
        }
    }

    fn withdrawn(&self, style: Style, seen: Item) -> Self {
        if self.item.map(|item| item.version) != Some(seen.version) || !self.item.is_some_and(|item| item.is_active) {
            return self.clone();
        }
        let removed = Item { version: seen.version + 1, is_active: false, ends: style.drops() };
        let item = if style == Style::HardDelete { None } else { Some(removed) };
        // Careless writers can withdraw without end, and some number must be the last.
        Self { item, withdrawals: (self.withdrawals + 1).min(WITHDRAWALS), ..self.clone() }
    }
}

// SEMANTICS 6
#[test]
fn a_withdrawal_lasts_where_it_is_a_state_with_a_version() {
    for (style, undone, lost) in [
        (Style::UnconditionalPut, true, false),
        (Style::HardDelete, true, false),
        (Style::DroppedLater, true, false),
        (Style::DroppedOnItsOldDay, false, true),
        (Style::DroppedByDataset, false, false),
        (Style::Membership, false, false),
        (Style::Grant, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(undone, "a withdrawal was undone", |world| world.is_undone);
        search.finds(lost, "an active grant was dropped", |world| world.is_lost);
        // A withdrawal forbids nothing: whoever knows of it may grant again.
        search.finds(true, "granted anew", |world| {
            world.withdrawals > 0 && !world.is_undone && world.item.is_some_and(|item| item.is_active)
        });
    }
}
