//! What a history is made of. All times are milliseconds of the handlers' clock.

use crate::is_share;

/// What is read: a link, or a dataset by a person's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Link(usize),
    Named(usize),
}

/// From when a client asked until it had the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub called: i64,
    pub returned: i64,
}

impl Span {
    /// Whether all of this was over when `other` began.
    pub fn is_before(self, other: Self) -> bool {
        self.returned < other.called
    }
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// A signature that ends then.
    Yes { end: i64 },
    /// A refusal with this status.
    No(u16),
    /// No answer now: 503.
    Nothing,
}

/// What a write is meant to do to who can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// It lets in.
    Opens,
    /// It lets in for longer, whom nothing else shuts out.
    Extends,
    /// It shuts out.
    Shuts,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was done; a narrowing says by when that is enforced.
    Done { enforced_by: Option<i64> },
    /// It was refused.
    Refused,
    /// It may have been done, or may be yet.
    Open,
}

/// A read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub target: Target,
    /// Which instance of the data origin answered: each has a cache of its own.
    pub instance: usize,
    pub span: Span,
    pub got: Got,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub target: Target,
    pub means: Means,
    /// When what it opens ends.
    pub until: Option<i64>,
    pub span: Span,
    pub came: Came,
    /// A text that no other write leaves in the audit, of those that leave one.
    pub mark: Option<String>,
}

/// How often a target was changed, as the API showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub target: Target,
    pub span: Span,
    pub count: u64,
}

/// What a run leaves.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
    pub counted: Vec<Counted>,
    /// What the audit says of each write that leaves a mark.
    pub audit: Vec<String>,
}

impl History {
    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        let reads = |wanted: fn(&Got) -> bool| self.reads.iter().filter(|read| wanted(&read.got)).count();
        let writes = |wanted: fn(&Came) -> bool| self.writes.iter().filter(|write| wanted(&write.came)).count();
        let (yes, no, nothing) =
            (reads(|got| matches!(got, Got::Yes { .. })), reads(|got| matches!(got, Got::No(_))), reads(|got| *got == Got::Nothing));
        let narrowed = writes(|came| matches!(came, Came::Done { enforced_by: Some(_) }));
        let (done, open) = (writes(|came| matches!(came, Came::Done { .. })), writes(|came| *came == Came::Open));
        println!("reads: {yes} yes, {no} no, {nothing} failed; writes: {done} done, {narrowed} of them narrowings, {open} left open");
        is_share("reads that were let through", yes, self.reads.len(), 0.15);
        is_share("reads that were refused", no, self.reads.len(), 0.15);
        is_share("writes that narrowed", narrowed, self.writes.len(), 0.2);
        is_share("writes whose outcome was left open", open, self.writes.len(), 0.001);
        assert!(nothing > 0 && narrowed > 50 && !self.counted.is_empty());
    }
}
