//! Codes: what stands for a link's key in print. Written with the link or when it becomes a publication link, never changed, never deleted.
//!
//! The one item that holds a key in clear, for what is meant to be public, so that print outlives the deployment's secret (SEMANTICS 2).

use domain::{code::Code, key::LinkKey, link::Link};
use serde::{Deserialize, Serialize};

use crate::{
    Table,
    error::TableError,
    item::{Row, item, row, unreadable},
    read::Cost,
    schema,
    write::{Condition, Part, Tag},
};

#[derive(Serialize, Deserialize)]
struct CodeRow {
    needs: Vec<String>,
    link: String,
    key: String,
}

impl Row for CodeRow {
    const WHAT: &'static str = "a code";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

/// The part that keeps the code of a link; none for a link that has none. A code that is another's already makes the write [`TableError::Stale`]:
/// the next round draws another.
///
/// # Errors
/// [`TableError::NotForThis`] for another key than the link's.
pub(crate) fn code_part(link: &Link, key: Option<&LinkKey>) -> Result<Option<(Tag, Part)>, TableError> {
    let Some(code) = link.code else { return Ok(None) };
    let key = key.filter(|key| key.hash() == link.hash).ok_or(TableError::NotForThis)?;
    let own = CodeRow { needs: Vec::new(), link: link.id.to_string(), key: key.reveal() };
    Ok(Some((Tag::Seen, Part::Put(item(&schema::code(code), &own)?, Condition::absent()))))
}

impl Table {
    /// The key that a code stands for; `None`: it stands for none.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn key_of_code(&self, code: Code) -> Result<Option<LinkKey>, TableError> {
        let found = self.get(&schema::code(code), &mut Cost::default()).await?.map(row::<CodeRow>).transpose()?;
        found.map(|found| LinkKey::parse(&found.key).map_err(unreadable(CodeRow::WHAT))).transpose()
    }
}
