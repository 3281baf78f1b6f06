//! A notice in the outbox, and two who tell what waits there: is it told, and how often?
//!
//! Modelled: the act that it tells of, with the notice or before it; two who look, take, hand over and say so, each of which may be late, for what they
//! looked at stays in their hands; hand-overs that fail; crashes between any two steps; the end of the time that whoever took it has. Not modelled: one
//! who goes on after that time, which is three times what a hand-over may take; giving up after so many tries; several notices in one mail, which one
//! transaction takes and ends together.

use crate::{Search, Steps};

/// How often it may be taken, and how many crashes there are.
const TRIES: usize = 3;
const CRASHES: usize = 2;

/// A way of writing it down, and of telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The product: in the transaction of the act; taken on the condition that it is as it was read; ended after the hand-over; one name for all tries.
    Product,
    /// In a write of its own, after the act.
    WrittenAfter,
    /// Taken whoever else has it.
    TakenBlindly,
    /// Ended when it is taken, before the hand-over.
    EndedFirst,
    /// Each try has a name of its own.
    NamedByTry,
}

/// One who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Teller {
    Idle,
    /// Read it as it was then, and will take it.
    Read {
        version: usize,
    },
    /// Has it, and will hand it over.
    Has {
        version: usize,
        name: usize,
    },
    /// Was told that it was taken, and will say so.
    HandedOver {
        version: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Notice {
    version: usize,
    /// Somebody took it, and that one's time is not over.
    is_held: bool,
    is_ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    acted: bool,
    /// Whoever acted is gone, and writes nothing more.
    actor_is_gone: bool,
    notice: Option<Notice>,
    tellers: [Teller; 2],
    tries: usize,
    crashes: usize,
    /// Crashes between the hand-over and saying so.
    crashes_after_yes: usize,
    /// How often a mail was taken under each name.
    mails: [usize; TRIES + 1],
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Act,
    WriteNotice,
    ActorGoes,
    Read(usize),
    Take(usize),
    HandOver(usize),
    Fail(usize),
    SaySo(usize),
    Crash(usize),
    TimeIsOver,
}

impl World {
    fn new() -> Self {
        Self {
            acted: false,
            actor_is_gone: false,
            notice: None,
            tellers: [Teller::Idle; 2],
            tries: 0,
            crashes: 0,
            crashes_after_yes: 0,
            mails: [0; TRIES + 1],
        }
    }

    fn with_notice(&self) -> Self {
        Self { notice: Some(Notice { version: 1, is_held: false, is_ended: false }), ..self.clone() }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        if !self.acted {
            let acted = Self { acted: true, ..self.clone() };
            steps.push((Step::Act, if style == Style::WrittenAfter { acted } else { acted.with_notice() }));
        }
        if self.acted && self.notice.is_none() && !self.actor_is_gone {
            steps.push((Step::WriteNotice, self.with_notice()));
            steps.push((Step::ActorGoes, Self { actor_is_gone: true, ..self.clone() }));
        }
        let Some(notice) = self.notice else { return steps };
        for at in 0..self.tellers.len() {
            steps.extend(self.teller_steps(style, notice, at));
        }
        if notice.is_held && !self.tellers.iter().any(|teller| teller.has(notice.version)) {
            steps.push((Step::TimeIsOver, self.with(Notice { is_held: false, ..notice })));
        }
        steps
    }

    fn teller_steps(&self, style: Style, notice: Notice, at: usize) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        match self.tellers[at] {
            Teller::Idle if !notice.is_ended && !notice.is_held => {
                steps.push((Step::Read(at), self.now(at, Teller::Read { version: notice.version })));
            }
            Teller::Idle => {}
            Teller::Read { version } => {
                let is_as_read = notice.version == version || style == Style::TakenBlindly;
                let next = if is_as_read && !notice.is_ended && self.tries < TRIES {
                    let taken = Notice { version: notice.version + 1, is_held: true, is_ended: style == Style::EndedFirst };
                    let name = if style == Style::NamedByTry { self.tries + 1 } else { 0 };
                    let mut next = self.with(taken).now(at, Teller::Has { version: taken.version, name });
                    next.tries += 1;
                    next
                } else {
                    self.now(at, Teller::Idle)
                };
                steps.push((Step::Take(at), next));
            }
            Teller::Has { version, name } => {
                let mut handed_over = self.now(at, Teller::HandedOver { version });
                handed_over.mails[name] += 1;
                steps.push((Step::HandOver(at), handed_over));
                let failed = self.said(version, Notice { version: notice.version + 1, is_held: false, ..notice });
                steps.push((Step::Fail(at), failed.now(at, Teller::Idle)));
            }
            Teller::HandedOver { version } => {
                let said = self.said(version, Notice { version: notice.version + 1, is_held: false, is_ended: true });
                steps.push((Step::SaySo(at), said.now(at, Teller::Idle)));
            }
        }
        if self.tellers[at] != Teller::Idle && self.crashes < CRASHES {
            let mut crashed = self.now(at, Teller::Idle);
            crashed.crashes += 1;
            crashed.crashes_after_yes += usize::from(matches!(self.tellers[at], Teller::HandedOver { .. }));
            steps.push((Step::Crash(at), crashed));
        }
        steps
    }

    fn now(&self, at: usize, teller: Teller) -> Self {
        let mut next = self.clone();
        next.tellers[at] = teller;
        next
    }

    fn with(&self, notice: Notice) -> Self {
        Self { notice: Some(notice), ..self.clone() }
    }

    /// What whoever took it says, where nobody took it since.
    fn said(&self, version: usize, after: Notice) -> Self {
        if self.notice.is_some_and(|notice| notice.version == version) { self.with(after) } else { self.clone() }
    }

    fn copies(&self) -> usize {
        self.mails.iter().sum()
    }

    /// It happened, nobody was told, and nobody will be.
    fn is_lost(&self) -> bool {
        let nobody_has_it = self.tellers.iter().all(|teller| !matches!(teller, Teller::Has { .. }));
        let over = self.notice.map_or(self.actor_is_gone, |notice| notice.is_ended);
        self.acted && over && nobody_has_it && self.copies() == 0
    }

    /// More copies than one, and one for each crash between the hand-over and saying so.
    fn has_copies_without_cause(&self) -> bool {
        self.copies() > 1 + self.crashes_after_yes
    }

    /// Copies that a mail server, or a folder, cannot tell to be copies.
    fn has_two_names(&self) -> bool {
        self.mails.iter().filter(|copies| **copies > 0).count() > 1
    }
}

impl Teller {
    fn has(self, now: usize) -> bool {
        matches!(self, Self::Has { version, .. } | Self::HandedOver { version } if version == now)
    }
}

// SEMANTICS 8
#[test]
fn a_notice_is_told_and_only_a_crash_after_the_hand_over_copies_it() {
    for (style, lost, copies, two_names) in [
        (Style::Product, false, false, false),
        (Style::WrittenAfter, true, false, false),
        (Style::TakenBlindly, false, true, false),
        (Style::EndedFirst, true, false, false),
        (Style::NamedByTry, false, false, true),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(lost, "what happened is told to nobody", World::is_lost);
        search.finds(copies, "a copy without a crash after the hand-over", World::has_copies_without_cause);
        search.finds(two_names, "copies under two names", World::has_two_names);
    }
    let search = Search::all("what tempts it", World::new(), |world: &World| world.steps(Style::Product));
    search.finds(true, "a copy after a crash between the hand-over and saying so", |world| world.copies() == 2);
    search.finds(true, "told although two crashed", |world| world.crashes == CRASHES && world.notice.is_some_and(|notice| notice.is_ended));
}
