//! The deployment's policy: what binds everybody at every source, on top of the source's own ceilings.
//!
//! There is one. A copy of it lies on each source, so every decision that knows its source knows it (ADR 0060).

use crate::source::Ceilings;

/// What binds everybody in a deployment. Ceilings are judged at use: what they shut opens again when they are raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentPolicy {
    /// What nobody exceeds at any source, whatever the source's own ceilings say.
    pub ceilings: Ceilings,
    /// Who opens a dataset to all accounts or the world. Others ask, and it waits for one of these.
    pub openers: Openers,
    /// Whether a second person approves whatever opens a dataset to the world.
    pub second_person: bool,
    /// Counts every accepted change; 0 where there never was one.
    pub version: u64,
}

impl DeploymentPolicy {
    /// Where nobody has said anything: nothing is bounded.
    pub const NONE: Self = Self { ceilings: Ceilings::NONE, openers: Openers::Owners, second_person: false, version: 0 };

    /// Whether it says the same, whatever their versions.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        *self == Self { version: self.version, ..other.clone() }
    }
}

/// Who opens a dataset to all accounts or the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Openers {
    /// Whoever owns it, or administers it for good and from everywhere.
    Owners,
    /// Of these, only who is an administrator of the deployment, too.
    Administrators,
}

impl Openers {
    /// The word in requests, answers and rows.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Administrators => "administrators",
        }
    }

    /// What this word stands for.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Owners, Self::Administrators].into_iter().find(|openers| openers.word() == word)
    }
}
