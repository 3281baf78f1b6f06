//! Where a page of a listing begins: after a key, or after everything that begins so.

use data_encoding::BASE64URL_NOPAD;

use crate::{ObjectsError, listing::ListQuery};

/// The last character of Unicode: after a folder's name it stands behind everything in the folder.
const LAST_CHARACTER: char = '\u{10ffff}';

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// After this key.
    Key(String),
    /// After everything that begins so.
    Prefix(String),
}

impl Position {
    /// Where `query` begins; `None`: at its first key.
    pub(crate) fn of(query: &ListQuery) -> Result<Option<Self>, ObjectsError> {
        if let Some(token) = &query.token {
            return Self::from_token(token).map(Some).ok_or(ObjectsError::Token);
        }
        let marker = query.marker.clone().filter(|marker| !marker.is_empty()).map(|marker| Self::of_marker(marker, query));
        Ok(marker.or_else(|| query.start_after.clone().filter(|key| !key.is_empty()).map(Self::Key)))
    }

    /// A marker says of itself what it is: a common prefix ends with its first delimiter after the prefix that was asked for.
    fn of_marker(marker: String, query: &ListQuery) -> Self {
        let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
        let rest = marker.strip_prefix(query.prefix.as_str());
        let cut = rest.zip(delimiter).and_then(|(rest, delimiter)| rest.split_once(delimiter));
        if cut.is_some_and(|(_, behind)| behind.is_empty()) { Self::Prefix(marker) } else { Self::Key(marker) }
    }

    /// The token: what kind it is, and a text relative to the folder. It tells nothing that the page before did not.
    pub(crate) fn to_token(&self) -> String {
        let kind = match self {
            Self::Key(_) => "k",
            Self::Prefix(_) => "p",
        };
        BASE64URL_NOPAD.encode([kind, self.text()].concat().as_bytes())
    }

    pub(crate) fn from_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
        match text.split_at_checked(1)? {
            ("k", text) => Some(Self::Key(text.to_owned())),
            ("p", text) => Some(Self::Prefix(text.to_owned())),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }

    pub(crate) fn start_after(&self, folder: &str) -> String {
        match self {
            Self::Key(text) => format!("{folder}{text}"),
            Self::Prefix(text) => format!("{folder}{text}{LAST_CHARACTER}"),
        }
    }

    /// Whether the store repeats here what the page before ended with: some tell of a common prefix again after a key inside it.
    pub(crate) fn is_before(&self, prefix: &str) -> bool {
        match self {
            Self::Prefix(last) => prefix > last.as_str(),
            Self::Key(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_of_ours_or_none_and_reads_as_it_was_written() {
        for position in [Position::Prefix("c/".to_owned()), Position::Key("a b".to_owned()), Position::Key(String::new())] {
            assert_eq!(Position::from_token(&position.to_token()), Some(position));
        }
        assert_eq!(Position::Prefix("c/".to_owned()).start_after("lab/"), "lab/c/\u{10ffff}");
        for wrong in ["", "!", "eA", "AAAA", "/w"] {
            assert_eq!(Position::from_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_stands_for_all_below_it() {
        let at = |prefix: &str, delimiter: &str, marker: &str| {
            let query = ListQuery {
                prefix: prefix.to_owned(),
                delimiter: Some(delimiter.to_owned()),
                marker: Some(marker.to_owned()),
                ..ListQuery::default()
            };
            Position::of(&query).unwrap()
        };
        for (prefix, delimiter, marker) in [("", "/", "a/"), ("a/", "/", "a/b/"), ("a/b", "/", "a/bc/")] {
            assert_eq!(at(prefix, delimiter, marker), Some(Position::Prefix(marker.to_owned())), "{marker}");
        }
        for (prefix, delimiter, marker) in [("", "/", "a"), ("", "/", "a/b"), ("a/", "/", "a/"), ("b", "/", "a/"), ("", "", "a/")] {
            assert_eq!(at(prefix, delimiter, marker), Some(Position::Key(marker.to_owned())), "{marker} below {prefix:?}");
        }
        assert_eq!(at("", "/", ""), None);
    }
}
