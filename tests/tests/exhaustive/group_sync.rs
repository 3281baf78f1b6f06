//! One member of a group that an outside directory keeps: does the directory's latest word count?
//!
//! Modelled: the directory's events, numbered in its own order, which arrive in any order and any number of times. Not modelled: members
//! that people add themselves; the first load of a group, while which its members count for nothing; a directory that falls silent.

use crate::{Search, Steps};

/// Events of the directory: the member is added by those of odd number, removed by those of even number.
const EVENTS: u8 = 6;

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Whatever arrives is written.
    LastArrival,
    /// By the number, but a removal deletes the item, and with it the number.
    HardDelete,
    /// A state and its number, written where there is none, or a lower one: how the product is to follow a directory.
    Sequence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Member {
    is_active: bool,
    sequence: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    member: Option<Member>,
    /// Events that were sent.
    sent: u8,
    /// The latest that arrived; it may be ahead of others.
    latest: u8,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Send,
    Arrive(u8),
}

const START: World = World { member: None, sent: 0, latest: 0 };

fn adds(event: u8) -> bool {
    event % 2 == 1
}

impl World {
    fn steps(self, style: Style) -> Steps<Step, Self> {
        let sent = (self.sent < EVENTS).then_some((Step::Send, Self { sent: self.sent + 1, ..self }));
        sent.into_iter().chain((1..=self.sent).map(|event| (Step::Arrive(event), self.arrived(style, event)))).collect()
    }

    fn arrived(self, style: Style, event: u8) -> Self {
        let latest = self.latest.max(event);
        if style != Style::LastArrival && self.member.is_some_and(|member| member.sequence >= event) {
            return Self { latest, ..self };
        }
        let member = Member { is_active: adds(event), sequence: event };
        Self { member: Some(member).filter(|member| member.is_active || style != Style::HardDelete), latest, ..self }
    }

    fn is_member(self) -> bool {
        self.member.is_some_and(|member| member.is_active)
    }
}

// SEMANTICS 6
#[test]
fn replays_and_late_events_of_a_directory_lose() {
    for (style, wrong) in [(Style::LastArrival, true), (Style::HardDelete, true), (Style::Sequence, false)] {
        let search = Search::all(style, START, |world: &World| world.steps(style));
        search.finds(wrong, "a member after his removal", |world| world.is_member() && world.latest > 0 && !adds(world.latest));
        // And the other way round, where nothing was added back for good.
        let excluded = style == Style::LastArrival;
        search.finds(excluded, "no member after he was added", |world| !world.is_member() && adds(world.latest));
    }
}
