//! A dataset, whoever administers it, and a person who is asked: is anything given by an invitation that the person did not accept, after it was
//! taken back or declined, or by a right that is gone?
//!
//! Modelled: the sender, who looks and then sends, sends anew or takes back by what he saw; the person, who accepts or declines by what he saw; and
//! that the sender's right is taken away. One that ended by its time is taken for one that was taken back. Not modelled: what waits for an address,
//! which nobody accepts; and what the grant says.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// Messages that are sent by each of the two.
const SENT: [u8; 2] = [3, 2];
const SENDER: usize = 0;
const PERSON: usize = 1;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Whatever is there is written over.
    Unconditional,
    /// By the state alone: one that waits is like any other that waits.
    ByState,
    /// By the version of the invitation, and by the right that the sender had when he sent it.
    RightThen,
    /// The product's: by the version, and by the right that the sender has in the write.
    Decides,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum State {
    Waiting,
    Met,
    Ended,
}

/// The invitation that lies there, and how many there had been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    version: u8,
    state: State,
    number: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Act {
    Send,
    Accept,
    /// Taking back, and declining: all that differs is who may.
    End,
}

/// What is sent, and what its sender saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    act: Act,
    seen: Option<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    item: Option<Item>,
    /// Whether the sender may give.
    may: bool,
    under_way: BTreeSet<Message>,
    left: [u8; 2],
    numbers: u8,
    /// The invitations that the person agreed to, and those that one of the two ended.
    agreed: u8,
    ended: u8,
    /// By which something was given, whether after its end, and whether by a right.
    given: Option<(u8, bool, bool)>,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    TakeRight,
}

impl World {
    fn new() -> Self {
        Self { item: None, may: true, under_way: BTreeSet::new(), left: SENT, numbers: 0, agreed: 0, ended: 0, given: None }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        let waits = self.item.is_some_and(|item| item.state == State::Waiting);
        let (sender, person) = (if waits { vec![Act::Send, Act::End] } else { vec![Act::Send] }, vec![Act::Accept, Act::End]);
        for (who, acts, may) in [(SENDER, sender, self.may), (PERSON, person, waits)] {
            for act in acts.into_iter().filter(|_| may && self.left[who] > 0) {
                let message = Message { act, seen: self.item };
                let mut next = self.clone();
                next.left[who] -= 1;
                next.under_way.insert(message);
                // Whoever accepts accepts what he saw, whenever that arrives.
                if let (Act::Accept, Some(item)) = (act, self.item) {
                    next.agreed |= 1 << item.number;
                }
                steps.push((Step::Send(message), next));
            }
        }
        for &message in &self.under_way {
            if let Some(next) = self.arrived(style, message) {
                steps.push((Step::Arrive(message), next));
            }
        }
        if self.may {
            steps.push((Step::TakeRight, Self { may: false, ..self.clone() }));
        }
        steps
    }

    /// The world after it took effect; `None`: it does not.
    fn arrived(&self, style: Style, message: Message) -> Option<Self> {
        let version = |item: Option<Item>| item.map_or(0, |item| item.version);
        let waits = self.item.is_some_and(|item| item.state == State::Waiting);
        let holds = match style {
            Style::Unconditional => true,
            Style::ByState => message.act == Act::Send || waits,
            Style::RightThen | Style::Decides => version(self.item) == version(message.seen),
        };
        let rests = message.act != Act::Accept || self.may || matches!(style, Style::Unconditional | Style::RightThen);
        if !holds || !rests {
            return None;
        }
        let mut next = self.clone();
        let there = if style == Style::ByState { self.item } else { message.seen };
        let after = match (message.act, there) {
            (Act::Send, _) => {
                // A careless writer sends the same again and again: some number must be the last.
                next.numbers = (self.numbers < 3).then_some(self.numbers + 1)?;
                Item { version: version(there) + 1, state: State::Waiting, number: next.numbers }
            }
            (Act::Accept, Some(item)) => {
                next.given = Some((item.number, self.ended & (1 << item.number) != 0, self.may));
                Item { version: item.version + 1, state: State::Met, ..item }
            }
            (Act::End, Some(item)) => {
                next.ended |= 1 << item.number;
                Item { version: item.version + 1, state: State::Ended, ..item }
            }
            (Act::Accept | Act::End, None) => return None,
        };
        next.item = Some(after);
        Some(next)
    }
}

// ACCESS 7; R2
#[test]
fn something_is_given_by_what_was_accepted_and_not_ended_and_by_a_right_that_is_there() {
    for (style, without_consent, after_its_end, without_right) in [
        (Style::Unconditional, false, true, true),
        (Style::ByState, true, false, false),
        (Style::RightThen, false, false, true),
        (Style::Decides, false, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(without_consent, "given by an invitation that nobody accepted", |world| {
            world.given.is_some_and(|(number, ..)| world.agreed & (1 << number) == 0)
        });
        search.finds(after_its_end, "given after it was taken back or declined", |world| world.given.is_some_and(|(_, ended, _)| ended));
        search.finds(without_right, "given by a right that was gone", |world| world.given.is_some_and(|(.., may)| !may));
        // Whoever was asked again may accept that.
        search.finds(true, "given by a second", |world| world.given.is_some_and(|(number, ..)| number == 2 && world.ended & 2 != 0));
    }
}
