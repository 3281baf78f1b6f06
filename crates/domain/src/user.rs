//! People, as far as the rules know them.

use crate::id::UserId;

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
