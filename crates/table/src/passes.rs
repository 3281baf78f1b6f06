//! Passwords of links, the passes given for them, and how often one was tried.
//!
//! A password's hash lies in a partition of its own, which the function that serves may not read. A pass lies where tokens lie.
//! None of this is audited: it is done by strangers, as often as they like, and the access log has it.

use std::fmt;

use domain::{
    id::TermsId,
    key::KeyHash,
    link::Link,
    pass::{Guard, Pass},
    rate::{Rate, TooOften},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Table,
    error::TableError,
    item::{Item, Row, item, number, row, text, time, unreadable},
    read::Cost,
    schema,
    write::{Alone, Change, Condition},
};

/// How long after its end the store keeps a pass, or a number of tries, in seconds.
const DROP_SECS: i64 = 3_600;
/// Rounds of a try that meets others.
const ROUNDS: usize = 4;

/// What is kept of a link's password, with how it was made. `Debug` prints `Password(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// Random bits of its own.
    pub salt: [u8; 16],
    /// What Argon2id makes of both.
    pub hash: [u8; 32],
    /// The memory that it fills, in KiB.
    pub memory_kib: u32,
    /// How often it passes over it.
    pub passes: u32,
    /// Its lanes.
    pub lanes: u32,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// What became of asking for a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It was made.
    Yes,
    /// The link gave all that it gives.
    NoneLeft,
    /// The link changed since it was read.
    Stale,
}

/// A password of a link, with the mark by which the link names it. Without one it was taken off.
#[derive(Serialize, Deserialize)]
struct PasswordRow {
    mark: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Row for PasswordRow {
    const WHAT: &'static str = "a link's password";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// A pass, among the tokens.
#[derive(Serialize, Deserialize)]
pub(crate) struct PassRow {
    needs: Vec<String>,
    kind: String,
    hash: String,
    link: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guard: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    terms: Vec<String>,
    until: i64,
    ttl: i64,
}

/// The word by which a pass is told from a token.
const PASS: &str = "pass";

impl Row for PassRow {
    const WHAT: &'static str = "a pass";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl PassRow {
    fn of(pass: &Pass) -> Self {
        Self {
            needs: Vec::new(),
            kind: PASS.to_owned(),
            hash: pass.hash.to_string(),
            link: pass.link.to_string(),
            guard: pass.guard.map(|Guard(mark)| mark),
            terms: pass.terms.iter().flatten().map(ToString::to_string).collect(),
            until: pass.until.as_millisecond(),
            ttl: pass.until.as_second().saturating_add(DROP_SECS),
        }
    }

    /// Whether an item among the tokens is one.
    pub(crate) fn is_one(item: &Item) -> bool {
        item.get("kind").and_then(|kind| kind.as_s().ok()).is_some_and(|kind| kind == PASS)
    }

    pub(crate) fn pass(self) -> Result<Pass, TableError> {
        let mut terms = self.terms.iter().map(|id| TermsId::parse(id).map_err(unreadable(Self::WHAT)));
        let mut next = || terms.next().transpose();
        Ok(Pass {
            hash: KeyHash::parse(&self.hash).map_err(unreadable(Self::WHAT))?,
            link: KeyHash::parse(&self.link).map_err(unreadable(Self::WHAT))?,
            guard: self.guard.map(Guard),
            terms: [next()?, next()?],
            until: time(self.until, Self::WHAT)?,
        })
    }
}

/// How often a password was tried by somebody: the instant at which all tries are paid for.
#[derive(Serialize, Deserialize)]
struct TriesRow {
    paid: i64,
    ttl: i64,
}

impl Row for TriesRow {
    const WHAT: &'static str = "tries of a password";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// The write of a link's password, or of its going, as the link names it. What is there already of a later one stays.
pub(crate) fn password_change(link: &Link, password: Option<&Password>) -> Change {
    // A later change of the link is one of a higher version, and names its password by it.
    let mark = link.version;
    let free = Condition::absent().or(Condition::below("mark", number(mark)));
    let hex = |bytes: &[u8]| text(data_encoding::HEXLOWER.encode(bytes));
    Change::new(schema::password(link.hash), free)
        .set("mark", number(mark))
        .set_if("salt", password.map(|password| hex(&password.salt)))
        .set_if("hash", password.map(|password| hex(&password.hash)))
        .set("memory_kib", number(password.map_or(0, |password| password.memory_kib)))
        .set("passes", number(password.map_or(0, |password| password.passes)))
        .set("lanes", number(password.map_or(0, |password| password.lanes)))
}

impl Table {
    /// What is kept of a link's password; `None`: it has none, or another than it names, which is being changed.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] where it cannot be read: never a yes.
    pub async fn password_of(&self, link: &Link) -> Result<Option<Password>, TableError> {
        let Some(mark) = link.options.password else { return Ok(None) };
        let Some(found) = self.get(&schema::password(link.hash), &mut Cost::default()).await? else { return Ok(None) };
        let row = row::<PasswordRow>(found)?;
        let (Some(salt), Some(hash)) = (row.salt.as_deref(), row.hash.as_deref()) else { return Ok(None) };
        let password =
            Password { salt: bytes(salt)?, hash: bytes(hash)?, memory_kib: row.memory_kib, passes: row.passes, lanes: row.lanes };
        Ok((row.mark == mark).then_some(password))
    }

    /// Takes one try of whoever `who` stands for, if one is left: of many at once no more are taken than may be.
    ///
    /// # Errors
    /// [`TableError`], where it is not known whether it was taken: nothing may be tried then.
    pub async fn take_try(&self, who: KeyHash, rate: Rate, now: Timestamp) -> Result<Result<(), TooOften>, TableError> {
        let key = schema::tries(who);
        for _round in 0..ROUNDS {
            let there = self.get(&key, &mut Cost::default()).await?.map(row::<TriesRow>).transpose()?;
            let paid = there.as_ref().map(|there| time(there.paid, TriesRow::WHAT)).transpose()?;
            let next = match rate.take(paid, now) {
                Ok(next) => next,
                Err(too_often) => return Ok(Err(too_often)),
            };
            let unchanged = there.map_or_else(Condition::absent, |there| Condition::is("paid", number(there.paid)));
            let change = Change::new(key.clone(), unchanged)
                .set("paid", number(next.as_millisecond()))
                .set("ttl", number(next.as_second().saturating_add(DROP_SECS)));
            match self.change_alone(&change).await? {
                Alone::Changed => return Ok(Ok(())),
                Alone::Refused => {}
                Alone::Unsure => return Err(TableError::Throttled),
            }
        }
        // So many at once are too many.
        Ok(Err(TooOften(jiff::SignedDuration::from_secs(1))))
    }

    /// Gives a try back that was none: whoever knows the password is no guesser. Where others try at the same time it may stay taken.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer: then it stays taken, too.
    pub async fn give_back_try(&self, who: KeyHash, rate: Rate) -> Result<(), TableError> {
        let key = schema::tries(who);
        let Some(there) = self.get(&key, &mut Cost::default()).await?.map(row::<TriesRow>).transpose()? else { return Ok(()) };
        let paid = rate.give_back(time(there.paid, TriesRow::WHAT)?);
        let change = Change::new(key, Condition::is("paid", number(there.paid))).set("paid", number(paid.as_millisecond()));
        let _may_stay = self.change_alone(&change).await?;
        Ok(())
    }

    /// Makes a pass for `link` as it was read. One of a link that counts them is counted first, so that never more are given than it says;
    /// where the second write fails, one is lost.
    ///
    /// # Errors
    /// [`TableError`], where it is not known whether it was counted or made: ask again.
    pub async fn admit(&self, link: &Link, pass: &Pass) -> Result<Admitted, TableError> {
        if pass.link != link.hash || link.options.guard() != pass.guard {
            return Err(TableError::NotForThis);
        }
        if let Some(max) = link.options.sessions_max {
            match self.count_session(link, max).await? {
                Alone::Changed => {}
                Alone::Refused => {
                    let there = self.get(&schema::link(link.hash), &mut Cost::default()).await?;
                    let same = there.is_some_and(|item| item.get("version") == Some(&number(link.version)));
                    return Ok(if same { Admitted::NoneLeft } else { Admitted::Stale });
                }
                Alone::Unsure => return Err(TableError::Throttled),
            }
        }
        // What lies there already an earlier try of this same call put there: its text is random.
        let _put = self.put_alone(item(&schema::token(pass.hash), &PassRow::of(pass))?, Condition::absent()).await?;
        Ok(Admitted::Yes)
    }

    /// How many passes a link that counts them has given: those that were counted, whether or not their writing failed.
    ///
    /// # Errors
    /// [`TableError::Missing`] for a link that is not there, [`TableError::Unreadable`] for a count that is none.
    pub async fn sessions_given(&self, link: &Link) -> Result<u32, TableError> {
        let there = self.get(&schema::link(link.hash), &mut Cost::default()).await?.ok_or(TableError::Missing { what: "the link" })?;
        let Some(count) = there.get("sessions") else { return Ok(0) };
        let count = count.as_n().ok().and_then(|count| count.parse().ok());
        count.ok_or(TableError::Unreadable { what: "a count of passes" })
    }

    async fn count_session(&self, link: &Link, max: u32) -> Result<Alone, TableError> {
        let seen = || Condition::is("version", number(link.version));
        let first = seen().and(Condition::lacks("sessions"));
        let more = seen().and(Condition::below("sessions", number(max)));
        let key = schema::link(link.hash);
        // Two writes that exclude each other, because nothing can be counted up that is not there.
        match self.change_alone(&Change::new(key.clone(), first).set("sessions", number(1))).await? {
            Alone::Refused => self.change_alone(&Change::new(key, more).count("sessions")).await,
            other => Ok(other),
        }
    }

    /// Notes until when a link, as it was at this version, gives nothing because it gave more than its budget; an earlier end than one that is
    /// there is none. It does not count as a version, can make no link, and does nothing to one that changed meanwhile: its budget may be another.
    ///
    /// # Errors
    /// [`TableError::Missing`] for a link that is not there; else it is not known whether it was noted: note it again.
    pub async fn note_over_budget(&self, hash: KeyHash, version: u64, until: Timestamp) -> Result<(), TableError> {
        let until = number(until.as_millisecond());
        let seen = || Condition::is("version", number(version));
        let later = seen().and(Condition::lacks("over_until")).or(seen().and(Condition::below("over_until", until.clone())));
        match self.change_alone(&Change::new(schema::link(hash), later).set("over_until", until)).await? {
            Alone::Changed => Ok(()),
            Alone::Unsure => Err(TableError::Throttled),
            Alone::Refused if self.get(&schema::link(hash), &mut Cost::default()).await?.is_some() => Ok(()),
            Alone::Refused => Err(TableError::Missing { what: "the link" }),
        }
    }
}

/// The bytes that a text of a row stands for.
fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], TableError> {
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(unreadable(PasswordRow::WHAT))?;
    bytes.try_into().map_err(unreadable(PasswordRow::WHAT))
}
