//! Questions: what a mail asks its reader, who answers on the page that the mail leads to (ADR 0066).
//!
//! A question gives nobody any right: answering it is the same act as answering by the API, by a person who is signed in, and is the person that it was
//! asked of. It is about one request, invitation or offer, as that was when it was asked, and so is answered once. Not here: how it is kept
//! (`table/questions.rs`), the acts (`edge/answering.rs`).

use core::fmt;

use jiff::Timestamp;

use crate::{
    base32,
    id::{DatasetId, UserId},
    invitation::Target,
    key::KeyHash,
};

/// What stands in the address that a mail leads to: 32 characters `a-z2-7`, 160 bits. `Debug` prints `MailNonce(***)`; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct MailNonce([u8; 20]);

impl MailNonce {
    pub(crate) const fn new(bits: [u8; 20]) -> Self {
        Self(bits)
    }

    /// Reads the text of one; `None` for any text that does not re-encode to itself.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base32::decode(text).map(Self)
    }

    /// The text, for the mail. Never for a log.
    #[must_use]
    pub fn reveal(&self) -> String {
        base32::encode(&self.0)
    }

    /// What the table holds in its place.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.reveal())
    }
}

impl fmt::Debug for MailNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailNonce(***)")
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// To be connected with whoever asks.
    Connection,
    /// To accept an invitation.
    Invitation(Target),
    /// To own a dataset.
    Offer(DatasetId),
}

/// A question that was mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who is asked.
    pub to: UserId,
    /// Who asks.
    pub by: UserId,
    /// What.
    pub subject: Subject,
    /// Which request, invitation or offer it is about, as it was then: a version, or an id. Another one is another question.
    pub mark: String,
    /// Until when it waits for an answer (half-open).
    pub until: Timestamp,
}

/// What whoever is asked says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Yes.
    Accept,
    /// No.
    Decline,
}

impl Answer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Accept, Self::Decline];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Decline => "decline",
        }
    }

    /// The answer of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.word() == word)
    }
}
