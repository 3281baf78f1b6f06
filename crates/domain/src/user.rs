//! People, as far as the rules know them.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

use crate::{id::UserId, limits::LABEL_CHARS_MAX, terms::Accepted};

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
    /// Marks datasets that are open to all accounts or the world as curated. Gives no right to read.
    pub curator: bool,
    /// Whether the person may act.
    pub standing: Standing,
    /// The data-use terms that the person accepted.
    pub accepted: Accepted,
    /// Counts every accepted change of the account.
    pub version: u64,
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
    /// Whether the person curates.
    pub curator: Option<bool>,
    /// The version that it is made on; `None`: whichever is there.
    pub on: Option<u64>,
}

impl AccountEdit {
    /// The account after it.
    #[must_use]
    pub fn of(self, before: &User) -> User {
        User {
            standing: self.standing.unwrap_or(before.standing),
            administrator: self.administrator.unwrap_or(before.administrator),
            auditor: self.auditor.unwrap_or(before.auditor),
            curator: self.curator.unwrap_or(before.curator),
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
    /// A person who may act, and has no role in the deployment.
    #[must_use]
    pub fn new(id: UserId, name: String) -> Self {
        let (administrator, auditor, curator) = (false, false, false);
        Self { id, name, administrator, auditor, curator, standing: Standing::Active, accepted: Accepted::default(), version: 1 }
    }

    /// Whether `after`, the same account, may do something that this one may not.
    #[must_use]
    pub fn is_widened_by(&self, after: &Self) -> bool {
        let acts = |user: &Self| user.standing == Standing::Active;
        let roles = |user: &Self| [acts(user), user.administrator, user.auditor, user.curator];
        roles(self).into_iter().zip(roles(after)).any(|(before, after)| after && !before)
    }
}

/// Reads a user's name, and composes its characters (NFC): 1 to [`LABEL_CHARS_MAX`] of them, each of which shows, no `:`, no space around
/// it, and not of the form of an id; `None` for any other text. No `@` either: names are looked up, and nobody is to learn by that
/// whether an e-mail address has an account (ACCESS 6). And not `.` or `..`, which stand for other places in an address.
#[must_use]
pub fn user_name(text: &str) -> Option<String> {
    let name = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let fits = (1..=LABEL_CHARS_MAX).contains(&name.chars().count()) && name.trim() == name && !matches!(&*name, "." | "..");
    let legal = |character: char| shows(character) && !matches!(character, ':' | '@');
    (fits && name.chars().all(legal) && UserId::parse(&name).is_err()).then(|| name.into_owned())
}

/// Whether a character shows, so that it may stand in a name or be printed as one: none that controls, formats, or ends a line or paragraph, and
/// none that is ignored where it is shown. Two names that look the same would be two people.
#[must_use]
pub fn shows(character: char) -> bool {
    let hides = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    );
    !hides && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY: who is named is who is seen.
    #[test]
    fn a_name_is_what_is_seen_of_it() {
        for text in ["Ada", "ada lovelace", "Ægir", "Ada.L", "...", "李", "محمد", "علی", "ada!#%/x"] {
            assert_eq!(user_name(text).as_deref(), Some(text));
        }
        for (what, text) in [
            ("empty", ""),
            ("this folder", "."),
            ("the one above", ".."),
            ("a space before", " ada"),
            ("a colon", "a:b"),
            ("an address", "ada@lab.example"),
            ("a control", "a\u{7}b"),
            ("a line", "a\nb"),
            ("a zero-width space", "bobby\u{200b}"),
            ("a joiner", "bob\u{200d}by"),
            ("a soft hyphen", "bob\u{ad}by"),
            ("a mark of direction", "\u{202e}ybbob"),
            ("an isolate", "\u{2066}bobby\u{2069}"),
            ("a byte order mark", "\u{feff}bobby"),
            ("a line separator", "a\u{2028}b"),
            ("a paragraph separator", "a\u{2029}b"),
            ("a tag", "bobby\u{e0041}"),
            ("a grapheme joiner", "bobby\u{34f}"),
            ("a filler", "bobby\u{3164}"),
            ("a variation selector", "bobby\u{fe0f}"),
            ("an id", &UserId::new(uuid::Uuid::from_u128(1)).to_string()),
            ("too long", &"a".repeat(LABEL_CHARS_MAX + 1)),
        ] {
            assert_eq!(user_name(text), None, "{what}");
        }
        // Typed as two characters or as one, it is one name.
        assert_eq!(user_name("Ame\u{301}lie"), user_name("Amélie"));
    }
}
