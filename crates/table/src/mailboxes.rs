//! Where a person is written to, and how often: one item a person, beside what is read to decide (ADR 0057).
//!
//! The address lies here sealed, with a key that the table does not hold. Not here: sealing (`edge/mailbox.rs`).

use domain::{decision::Permit, id::UserId, notice::Wanted, token::TokenKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{Row, item, number, row},
    once::Once,
    read::Cost,
    schema,
    write::{Condition, Outcome, Tag, Write},
};

#[derive(Serialize, Deserialize)]
struct MailboxRow {
    needs: Vec<String>,
    version: u64,
    notices: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Row for MailboxRow {
    const WHAT: &'static str = "a mailbox";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

/// How a person is written to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailbox {
    /// How the person wants to be told.
    pub wanted: Wanted,
    /// The address, sealed; `None`: none is known.
    pub sealed: Option<String>,
    version: u64,
}

impl Table {
    /// How a person is written to; of whom nothing is kept, as everybody is at first.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn mailbox(&self, person: UserId) -> Result<Mailbox, TableError> {
        let Some(found) = self.get(&schema::mailbox(person), &mut Cost::default()).await? else { return Ok(Mailbox::default()) };
        let MailboxRow { notices, address, version, .. } = row(found)?;
        let wanted = Wanted::of(&notices).ok_or(TableError::Unreadable { what: MailboxRow::WHAT })?;
        Ok(Mailbox { wanted, sealed: address, version })
    }

    /// Sets how whoever asks wants to be told, by a session of the person's own. A request that is repeated under its key changes nothing again.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the mailbox changed since it was read, or the same request came at the same time;
    /// [`TableError::Mismatch`] for another request under one key.
    pub async fn set_wanted(
        &self,
        permit: &Permit,
        before: &Mailbox,
        wanted: Wanted,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Mailbox, TableError> {
        let by = permit.by().filter(|_| permit.allows_token(TokenKind::Api)).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return Ok(before.clone());
        }
        let said = |wanted: Wanted| json!({ "notices": wanted.word() });
        let audited = Audited::new(now, by, "user.notices", &by)?.from(&said(before.wanted)).to(&said(wanted));
        let after = Mailbox { wanted, ..before.clone() };
        if after == *before {
            self.remember(once, by, &by.to_string(), now).await?;
            return Ok(after);
        }
        let write = Write::audited(audited).parts(Once::part(once, by, &by.to_string(), now)?);
        self.set_mailbox(by, before, after, write).await
    }

    /// Keeps the address that a provider has just vouched for, sealed, or that it names none any more.
    ///
    /// # Errors
    /// [`TableError::Stale`] where the mailbox changed since it was read.
    pub async fn set_address(
        &self,
        person: UserId,
        before: &Mailbox,
        sealed: Option<String>,
        now: Timestamp,
    ) -> Result<Mailbox, TableError> {
        let audited = Audited::new(now, person, "user.address", &person)?.to(&json!({ "known": sealed.is_some() }));
        self.set_mailbox(person, before, Mailbox { sealed, ..before.clone() }, Write::audited(audited)).await
    }

    async fn set_mailbox(&self, person: UserId, before: &Mailbox, after: Mailbox, write: Write) -> Result<Mailbox, TableError> {
        let after = Mailbox { version: before.version.saturating_add(1), ..after };
        let unchanged = if before.version == 0 { Condition::absent() } else { Condition::is("version", number(before.version)) };
        let row = MailboxRow {
            needs: Vec::new(),
            version: after.version,
            notices: after.wanted.word().to_owned(),
            address: after.sealed.clone(),
        };
        match self.commit(write.put(Tag::Seen, item(&schema::mailbox(person), &row)?, unchanged)).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }
}
