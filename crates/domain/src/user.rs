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
    /// Whether the person may act.
    pub standing: Standing,
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
