//! The model: what a link is after each step, by rules written down here a second time.
//!
//! After an answer that leaves the outcome open, a link is believed to be either; what is seen next settles it.

use super::program::{Class, Edit, End, Wish};

/// What a link is, as its maker can see it. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    /// Where it stands: at the dataset that it was made on, 0, or at the other.
    pub place: usize,
    pub asked_until: Asked,
    pub until: Option<i64>,
    pub not_before: Option<i64>,
    pub strict: bool,
    pub class: Class,
    pub enabled: bool,
    pub version: u64,
}

/// The words in which an end was asked for: two askings are the same where their words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    ByClass,
    Days(u32),
    At(i64),
    Never,
}

/// What is asked for a new link: the same asking meets the same link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    label: String,
    until: Asked,
    not_before: Option<i64>,
    strict: bool,
    class: Class,
}

/// One thing that a link may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belief {
    pub row: Row,
    pub revoked: bool,
    /// The edit, move or promotion of this step was made, and is remembered by its `Idempotency-Key`.
    pub remembered: bool,
}

/// What is done to one link.
#[derive(Debug, Clone)]
pub enum Change {
    Switch { enabled: bool },
    Edit { edit: Edit, if_match: u64 },
    Retarget { to: usize, if_match: u64 },
    Promote { until: End, if_match: u64 },
    Revoke,
}

/// What a change should come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted; whether the reply says by when it is enforced.
    Accepted { enforced: bool, after: Belief },
    /// Refused, with this status and code.
    Refused(u16, &'static str),
}

/// The life of a link whose maker named no end, in milliseconds; a review takes longer.
const DEFAULT_LIFE_MS: i64 = 30 * DAY_MS;
const REVIEW_LIFE_MS: i64 = 90 * DAY_MS;
const DAY_MS: i64 = 86_400_000;

impl Row {
    /// A new link.
    pub fn new(wish: &Wish, now: i64) -> Self {
        let (asked_until, until) = end(wish.until, wish.class, now);
        Self {
            label: label(wish.label),
            place: 0,
            asked_until,
            until,
            not_before: wish.begins_in_secs.map(|secs| now + secs * 1_000),
            strict: wish.strict,
            class: wish.class,
            enabled: true,
            version: 1,
        }
    }

    /// What it was asked for.
    pub fn asking(&self) -> Asking {
        let Self { label, asked_until, not_before, strict, class, .. } = self.clone();
        Asking { label, until: asked_until, not_before, strict, class }
    }

    /// The code of the refusal of such a link: it would never open, or it is for a review that has no end.
    pub fn refusal(&self) -> Option<&'static str> {
        match (self.not_before, self.until) {
            (Some(begin), Some(end)) if end <= begin => Some("never-open"),
            (_, None) if self.class == Class::Review => Some("endless"),
            _ => None,
        }
    }

    fn edited(&self, edit: &Edit, now: i64) -> Self {
        let mut row = self.clone();
        if let Some(number) = edit.label {
            row.label = label(number);
        }
        if let Some(until) = edit.until {
            (row.asked_until, row.until) = end(until, self.class, now);
        }
        if let Some(begins) = edit.begins_in_secs {
            row.not_before = begins.map(|secs| now + secs * 1_000);
        }
        row.strict = edit.strict.unwrap_or(row.strict);
        row
    }

    fn promoted(&self, until: End, now: i64) -> Self {
        let (asked_until, until) = end(until, Class::Publication, now);
        Self { class: Class::Publication, asked_until, until, ..self.clone() }
    }

    /// Whether `after` opens less than this, at any time.
    fn is_narrowed_by(&self, after: &Self) -> bool {
        let end = |row: &Self| row.until.unwrap_or(i64::MAX);
        let begin = |row: &Self| row.not_before.unwrap_or(i64::MIN);
        end(after) < end(self) || begin(after) > begin(self) || (self.enabled && !after.enabled) || (!self.strict && after.strict)
    }

    fn counted(self) -> Self {
        Self { version: self.version + 1, ..self }
    }
}

impl Belief {
    /// A link that is so.
    pub fn of(row: Row) -> Self {
        Self { row, revoked: false, remembered: false }
    }

    /// The word for its state, as the API has it.
    pub fn state(&self, now: i64) -> &'static str {
        let row = &self.row;
        match () {
            () if self.revoked && row.class == Class::Publication => "withdrawn",
            () if self.revoked => "revoked",
            () if !row.enabled => "paused",
            () if row.not_before.is_some_and(|begin| now < begin) => "not-yet",
            () if row.until.is_some_and(|end| now >= end) => "expired",
            () => "live",
        }
    }

    /// Whether it opens.
    pub fn opens(&self, now: i64) -> bool {
        self.state(now) == "live"
    }

    /// Whether it has ended, so that the same asking makes another link.
    pub fn has_ended(&self, now: i64) -> bool {
        matches!(self.state(now), "withdrawn" | "revoked" | "expired")
    }

    /// The same after every link was revoked of the dataset that links are made on: it reaches those that stand there.
    pub fn revoked_with_all(&self) -> Self {
        Self { revoked: self.revoked || self.row.place == 0, ..self.clone() }
    }

    /// The same, revoked.
    pub fn revoked(&self) -> Self {
        Self { revoked: true, ..self.clone() }
    }

    /// What `change` should come to.
    pub fn after(&self, change: &Change, now: i64) -> Outcome {
        let gone = || Outcome::Refused(410, if self.row.class == Class::Publication { "link-withdrawn" } else { "link-revoked" });
        let after = match change {
            Change::Revoke => return Outcome::Accepted { enforced: true, after: self.revoked() },
            Change::Edit { .. } | Change::Retarget { .. } if self.remembered => {
                return Outcome::Accepted { enforced: true, after: self.clone() };
            }
            // A promotion may end sooner what was promised for longer, and says so whenever it has an end.
            Change::Promote { .. } if self.remembered => {
                return Outcome::Accepted { enforced: self.row.until.is_some(), after: self.clone() };
            }
            Change::Retarget { .. } if self.revoked => return gone(),
            Change::Edit { if_match, .. } | Change::Retarget { if_match, .. } | Change::Promote { if_match, .. }
                if *if_match != self.row.version =>
            {
                return Outcome::Refused(412, "stale");
            }
            Change::Promote { .. } if self.revoked => return gone(),
            Change::Promote { .. } if self.row.class == Class::Collaboration => return Outcome::Refused(409, "not-review"),
            Change::Promote { .. } if self.row.class == Class::Publication => {
                return Outcome::Accepted { enforced: self.row.until.is_some(), after: self.clone() };
            }
            Change::Promote { until, .. } => self.row.promoted(*until, now),
            Change::Edit { edit, .. } => self.row.edited(edit, now),
            Change::Retarget { to, .. } => Row { place: *to, ..self.row.clone() },
            Change::Switch { enabled } => Row { enabled: *enabled, ..self.row.clone() },
        };
        if let Some(code) = after.refusal() {
            return Outcome::Refused(422, code);
        }
        if self.revoked {
            return gone();
        }
        // A pause says by when it is enforced though the link was paused already: the first answer may have been lost.
        // So does a move: nothing opens any more where the link stood.
        let always = matches!(change, Change::Switch { enabled: false } | Change::Retarget { .. });
        let enforced = match change {
            Change::Promote { .. } => after.until.is_some(),
            _ => self.row.is_narrowed_by(&after) || always,
        };
        if after == self.row {
            // An edit that changes nothing is remembered as well.
            let remembered = self.remembered || matches!(change, Change::Edit { .. });
            return Outcome::Accepted { enforced, after: Self { remembered, ..self.clone() } };
        }
        let remembered = matches!(change, Change::Edit { .. } | Change::Retarget { .. } | Change::Promote { .. });
        Outcome::Accepted { enforced, after: Self { row: after.counted(), revoked: false, remembered } }
    }
}

/// The label of this number.
pub fn label(number: u8) -> String {
    format!("label {number}")
}

fn end(end: End, class: Class, now: i64) -> (Asked, Option<i64>) {
    match end {
        End::ByClass => {
            let life_ms = match class {
                Class::Collaboration => Some(DEFAULT_LIFE_MS),
                Class::Review => Some(REVIEW_LIFE_MS),
                Class::Publication => None,
            };
            (Asked::ByClass, life_ms.map(|life_ms| now + life_ms))
        }
        End::Days(days) => (Asked::Days(days), Some(now + i64::from(days) * DAY_MS)),
        End::InSecs(secs) => (Asked::At(now + secs * 1_000), Some(now + secs * 1_000)),
        End::Never => (Asked::Never, None),
    }
}
