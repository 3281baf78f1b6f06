//! Texts of data-use terms, and who accepted them: on the person's own item, which every decision about the person reads anyway (ADR 0064).

use domain::{
    decision::Permit,
    id::{TermsId, UserId},
    terms::DataTerms,
    user::User,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{Row, item, number, row, texts, unreadable},
    once::Once,
    read::Cost,
    schema,
    write::{Change, Condition, Outcome, Tag, Write},
};

/// Rounds of an acceptance that meets other changes of the account.
const ROUNDS: usize = 3;

/// A text. It never changes: its id is made of it.
#[derive(Serialize, Deserialize)]
struct TermsRow {
    text: String,
}

impl Row for TermsRow {
    const WHAT: &'static str = "data-use terms";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl Table {
    /// The terms of this id; `None`: there are none.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn terms(&self, id: TermsId) -> Result<Option<DataTerms>, TableError> {
        let Some(found) = self.get(&schema::terms(id), &mut Cost::default()).await? else { return Ok(None) };
        DataTerms::parse(&row::<TermsRow>(found)?.text).map(Some).map_err(unreadable(TermsRow::WHAT))
    }

    /// Adds terms, by an administrator; nobody is asked for them by that. Whether they are new: the same text is added once.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit.
    pub async fn add_terms(&self, permit: &Permit, terms: &DataTerms, now: Timestamp) -> Result<bool, TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        let id = terms.id();
        let row = item(&schema::terms(id), &TermsRow { text: terms.text().to_owned() })?;
        let audited = Audited::new(now, by, "terms.add", &id)?.to(&json!({ "title": terms.title() }));
        match self.commit(Write::audited(audited).put(Tag::New, row, Condition::absent())).await? {
            Outcome::Done => Ok(true),
            Outcome::Refused(_) => Ok(false),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Notes that a person accepted terms. Accepting them again changes nothing.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] for a permit of nobody's; [`TableError::Throttled`] where the account changes all the time;
    /// [`TableError::Mismatch`] for another request under one key.
    pub async fn accept_terms(&self, permit: &Permit, terms: TermsId, once: Option<&Once>, now: Timestamp) -> Result<User, TableError> {
        let by: UserId = permit.allows_new_group().ok_or(TableError::NotForThis)?;
        for _round in 0..ROUNDS {
            let before = self.account_now(by).await?;
            if self.once_if(by, once, now).await?.is_some() {
                return Ok(before);
            }
            if before.accepted.has(terms) {
                self.remember(once, by, &terms.to_string(), now).await?;
                return Ok(before);
            }
            let after = User { accepted: before.accepted.with(terms), version: before.version.saturating_add(1), ..before.clone() };
            let change = Change::new(schema::user(by), Condition::is("version", number(before.version)))
                .set("terms", texts(after.accepted.iter().map(|terms| terms.to_string())))
                .count("version");
            let write = Write::audited(Audited::new(now, by, "terms.accept", &terms)?).change(Tag::Seen, change).parts(Once::part(
                once,
                by,
                &terms.to_string(),
                now,
            )?);
            match self.commit(write).await? {
                Outcome::Done => return Ok(after),
                // The account changed, or the same request came at the same time.
                Outcome::Refused(_) | Outcome::Busy => {}
            }
        }
        Err(TableError::Throttled)
    }
}
