//! Two people, and the connection between them: is anybody connected who did not agree to what was asked, or after one of them ended it?
//!
//! Modelled: both, who look at what is between them and then ask, accept, reject, cancel or remove by what they saw; the two items that are
//! written for it, and a narrowing that reaches only the one that decides. A request that expires is taken for one that its asker cancelled.
//! Not modelled: what connects the two without their asking, which is kept nowhere; how often one may ask.

use std::collections::BTreeSet;

use crate::{Search, Steps};

/// Messages that are sent by each of the two.
const SENT: [u8; 2] = [3, 2];
/// Requests that are made: careless writers make them without end, and some number must be the last.
const REQUESTS: u8 = 3;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Whatever is there is written over.
    Unconditional,
    /// By the state alone, as the first words of the design have it: a request that waits is like any other that waits.
    ByState,
    /// By the versions of both items, of which whatever was written last is believed.
    BelievesEither,
    /// The product's: by the versions of both, of which one decides.
    Decides,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum State {
    Pending,
    Accepted,
    Ended,
}

/// What lies under one of them: who asked, what became of it, and how many requests there had been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    version: u8,
    by: u8,
    state: State,
    request: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Act {
    Ask,
    Accept,
    /// Rejecting, cancelling and removing: all that differs is who may.
    End,
}

/// What is sent, by whom, and what its sender saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    from: u8,
    act: Act,
    seen: [Option<Item>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// The one that decides, and its mirror.
    items: [Option<Item>; 2],
    under_way: BTreeSet<Message>,
    left: [u8; 2],
    requests: u8,
    /// The requests that were agreed to by whoever was asked, and those that somebody ended.
    agreed: u8,
    ended: u8,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send(Message),
    Arrive(Message),
    /// An ending without the rest of its transaction.
    ArriveAlone(Message),
}

impl World {
    fn new() -> Self {
        Self { items: [None, None], under_way: BTreeSet::new(), left: SENT, requests: 0, agreed: 0, ended: 0 }
    }

    /// What is believed of the two.
    fn is_between(style: Style, items: [Option<Item>; 2]) -> Option<Item> {
        match style {
            Style::BelievesEither => items.into_iter().flatten().find(|item| item.state == State::Accepted).or(items[0]),
            Style::Unconditional | Style::ByState | Style::Decides => items[0],
        }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        let there = Self::is_between(style, self.items);
        for from in 0..2_u8 {
            let left = self.left[usize::from(from)];
            if left == 0 {
                continue;
            }
            let acts = match there {
                None => vec![Act::Ask],
                Some(item) if item.state == State::Ended => vec![Act::Ask],
                Some(item) if item.state == State::Pending && item.by != from => vec![Act::Accept, Act::End],
                Some(_) => vec![Act::End],
            };
            for act in acts {
                let message = Message { from, act, seen: self.items };
                let mut next = self.clone();
                next.left[usize::from(from)] = left - 1;
                next.under_way.insert(message);
                // Whoever answers answers the request that he saw, whenever that arrives.
                if let (Act::Accept, Some(item)) = (act, there) {
                    next.agreed |= 1 << item.request;
                }
                steps.push((Step::Send(message), next));
            }
        }
        for &message in &self.under_way {
            if let Some(next) = self.arrived(style, message, false) {
                steps.push((Step::Arrive(message), next));
            }
            if let Some(next) = self.arrived(style, message, true) {
                steps.push((Step::ArriveAlone(message), next));
            }
        }
        steps
    }

    /// The world after it took effect; `None`: it does not.
    fn arrived(&self, style: Style, message: Message, alone: bool) -> Option<Self> {
        if alone && message.act != Act::End {
            return None;
        }
        let version = |item: Option<Item>| item.map(|item| item.version);
        let there = self.items[0];
        let holds = match style {
            Style::Unconditional => true,
            Style::ByState => match (message.act, there.map(|item| item.state)) {
                (Act::Ask, None | Some(State::Ended)) => true,
                (Act::Accept, Some(State::Pending)) => there.is_some_and(|item| item.by != message.from),
                (Act::End, Some(State::Pending | State::Accepted)) => true,
                _ => false,
            },
            Style::BelievesEither | Style::Decides => {
                version(self.items[0]) == version(message.seen[0]) && (alone || version(self.items[1]) == version(message.seen[1]))
            }
        };
        if !holds {
            return None;
        }
        let seen = if style == Style::ByState { there } else { Self::is_between(style, message.seen) };
        let mut next = self.clone();
        let version = version(message.seen[0]).unwrap_or(0) + 1;
        let after = match (message.act, seen) {
            (Act::Ask, _) if self.requests == REQUESTS => return None,
            (Act::Ask, _) => {
                next.requests += 1;
                Item { version, by: message.from, state: State::Pending, request: next.requests }
            }
            (Act::Accept, Some(item)) => Item { version, state: State::Accepted, ..item },
            (Act::End, Some(item)) => {
                next.ended |= 1 << item.request;
                Item { version, state: State::Ended, ..item }
            }
            (Act::Accept | Act::End, None) => return None,
        };
        next.items[0] = Some(after);
        if !alone {
            next.items[1] = Some(after);
        }
        if matches!(style, Style::BelievesEither | Style::Decides) {
            // A version that was passed never comes again.
            next.under_way.retain(|message| message.seen[0].map_or(0, |item| item.version) >= after.version);
        }
        Some(next)
    }

    /// The request by which the two are connected.
    fn connected_by(&self, style: Style) -> Option<u8> {
        Self::is_between(style, self.items).filter(|item| item.state == State::Accepted).map(|item| item.request)
    }
}

// ACCESS 7, 10
#[test]
fn two_people_are_connected_by_what_was_agreed_and_not_ended() {
    for (style, without_consent, after_its_end) in [
        (Style::Unconditional, false, true),
        (Style::ByState, true, false),
        (Style::BelievesEither, false, true),
        (Style::Decides, false, false),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(without_consent, "connected by a request that nobody agreed to", |world| {
            world.connected_by(style).is_some_and(|request| world.agreed & (1 << request) == 0)
        });
        search.finds(after_its_end, "connected by a request that was ended", |world| {
            world.connected_by(style).is_some_and(|request| world.ended & (1 << request) != 0)
        });
        // Whoever ended it may agree to the next.
        search.finds(true, "connected anew", |world| {
            world.connected_by(style).is_some_and(|request| request > 1 && world.ended != 0 && world.agreed & (1 << request) != 0)
        });
    }
}
