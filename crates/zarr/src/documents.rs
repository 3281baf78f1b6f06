//! Metadata documents at hand: what was read of them, and what is known to be missing.

use std::collections::BTreeMap;

use domain::limits::{SEEN_DOCUMENT_BYTES_MAX, SEEN_TEXT_CHARS_MAX};
use serde_json::Value;

/// Documents by their path below what is looked at.
#[derive(Debug, Clone, Default)]
pub struct Documents(BTreeMap<String, Document>);

/// What is known of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// It is not there, or does not open.
    Missing,
    /// It is no JSON, or larger or deeper than metadata are.
    Unreadable,
    /// What it says.
    Says(Value),
}

impl Documents {
    /// Takes what was read at `path`; `None`: nothing is there. What it tells of others by consolidated metadata counts until they are read
    /// themselves. Over [`SEEN_DOCUMENT_BYTES_MAX`] bytes, and deeper than the 127 levels that the parser takes, it is unreadable.
    pub fn add(&mut self, path: &str, bytes: Option<&[u8]>) {
        let document = match bytes {
            None => Document::Missing,
            Some(bytes) if bytes.len() > SEEN_DOCUMENT_BYTES_MAX => Document::Unreadable,
            Some(bytes) => serde_json::from_slice(bytes).map_or(Document::Unreadable, Document::Says),
        };
        if let Document::Says(says) = &document {
            let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default();
            for (below, said) in consolidated(path, says) {
                self.0.entry(format!("{folder}{below}")).or_insert(Document::Says(said));
            }
        }
        self.0.insert(path.to_owned(), document);
    }

    /// What is known of the document at `path`; `None`: nobody looked.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Document> {
        self.0.get(path)
    }

    /// What the document at `path` says, if it was read and could be.
    #[must_use]
    pub fn says(&self, path: &str) -> Option<&Value> {
        match self.get(path)? {
            Document::Says(says) => Some(says),
            Document::Missing | Document::Unreadable => None,
        }
    }
}

/// What a document tells of others: `.zmetadata` of version 2 by file, a group's `zarr.json` of version 3 by node.
fn consolidated(path: &str, says: &Value) -> Vec<(String, Value)> {
    let (all, ending) = if path.ends_with(".zmetadata") {
        (says.get("metadata"), "")
    } else {
        (says.get("consolidated_metadata").and_then(|all| all.get("metadata")), "/zarr.json")
    };
    let entries = all.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(name, said)| (format!("{}{ending}", name.trim_matches('/')), said.clone())).collect()
}

/// A text, not longer than anybody reads.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(SEEN_TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The same of a value that is a text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_bounded_in_bytes_and_depth() {
        let mut documents = Documents::default();
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let long = format!("\"{}\"", "x".repeat(SEEN_DOCUMENT_BYTES_MAX));
        for (name, text, is_read) in [
            ("good", "{\"a\": 1}".to_owned(), true),
            ("deep", deep(127), true),
            ("deeper", deep(128), false),
            ("deepest", deep(100_000), false),
            ("long", long, false),
            ("broken", "{\"a\": ".to_owned(), false),
            ("twice", "{} {}".to_owned(), false),
            ("not-utf8", String::new(), false),
        ] {
            documents.add(name, Some(text.as_bytes()));
            assert_eq!(documents.says(name).is_some(), is_read, "{name}");
            assert_eq!(documents.get(name) == Some(&Document::Unreadable), !is_read, "{name}");
        }
        documents.add("gone", None);
        documents.add("bytes", Some(&[0xff, 0xfe]));
        assert_eq!((documents.get("gone"), documents.get("bytes")), (Some(&Document::Missing), Some(&Document::Unreadable)));
        assert_eq!(documents.get("never"), None);
    }

    #[test]
    fn consolidated_metadata_count_until_a_document_is_read_itself() {
        let mut documents = Documents::default();
        documents.add("a/.zarray", Some(b"{\"own\": true}"));
        documents.add(".zmetadata", Some(b"{\"metadata\": {\"a/.zarray\": {\"own\": false}, \"b/.zarray\": {\"own\": false}}}"));
        documents.add("zarr.json", Some(b"{\"consolidated_metadata\": {\"metadata\": {\"c\": {\"node_type\": \"array\"}}}}"));
        assert_eq!(documents.says("a/.zarray").unwrap()["own"], true);
        assert_eq!(documents.says("b/.zarray").unwrap()["own"], false);
        assert_eq!(documents.says("c/zarr.json").unwrap()["node_type"], "array");
        documents.add("b/.zarray", None);
        assert_eq!(documents.says("b/.zarray"), None, "it is gone since");
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(short("é"), "é");
        assert_eq!(short(&"é".repeat(SEEN_TEXT_CHARS_MAX + 1)).chars().count(), SEEN_TEXT_CHARS_MAX + 1);
    }
}
