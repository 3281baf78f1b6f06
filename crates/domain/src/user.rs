//! People, as far as the rules know them.

use crate::{id::UserId, limits::LABEL_CHARS_MAX};

/// Whether a person may act at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// May act.
    Active,
    /// May not, and gives nothing: links made by this person stop.
    Suspended,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id, never given to a second person.
    pub id: UserId,
    /// The name shown to others with an account.
    pub name: String,
    /// Registers sources and sets ceilings. Gives no right to read.
    pub administrator: bool,
    /// Sees the audit, who gets what on every dataset, links and groups. Gives no right to read, and none to change.
    pub auditor: bool,
    /// Whether the person may act.
    pub standing: Standing,
}

/// A change of an account; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountEdit {
    /// Whether the person may act.
    pub standing: Option<Standing>,
    /// Whether the person administers the deployment.
    pub administrator: Option<bool>,
    /// Whether the person audits it.
    pub auditor: Option<bool>,
}

impl AccountEdit {
    /// The account after it.
    #[must_use]
    pub fn of(self, before: &User) -> User {
        User {
            standing: self.standing.unwrap_or(before.standing),
            administrator: self.administrator.unwrap_or(before.administrator),
            auditor: self.auditor.unwrap_or(before.auditor),
            ..before.clone()
        }
    }
}

impl From<Standing> for AccountEdit {
    fn from(standing: Standing) -> Self {
        Self { standing: Some(standing), ..Self::default() }
    }
}

impl User {
    /// Whether `after`, the same account, may do something that this one may not.
    #[must_use]
    pub fn is_widened_by(&self, after: &Self) -> bool {
        let acts = |user: &Self| user.standing == Standing::Active;
        (acts(after) && !acts(self)) || (after.administrator && !self.administrator) || (after.auditor && !self.auditor)
    }
}

/// Reads a user's name: 1 to [`LABEL_CHARS_MAX`] characters, none that controls, no `:`, no space around it, and not of the form of an id;
/// `None` for any other text. No `@` either: names are looked up, and nobody is to learn by that whether an e-mail address has an account
/// (ACCESS 6).
#[must_use]
pub fn user_name(text: &str) -> Option<String> {
    let fits = (1..=LABEL_CHARS_MAX).contains(&text.chars().count()) && text.trim() == text;
    let legal = |character: char| !character.is_control() && !matches!(character, ':' | '@');
    (fits && text.chars().all(legal) && UserId::parse(text).is_err()).then(|| text.to_owned())
}
