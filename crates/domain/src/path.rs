//! Paths: decoded once from the raw request target, never normalised, compared as bytes on `/` boundaries.
//!
//! Not here: which part of the target is the path (`edge/target.rs`).

use core::{fmt, str};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use thiserror::Error;

use crate::limits::PATH_BYTES_MAX;

/// Everything but the unreserved characters of RFC 3986 and `/`: what `SigV4` wants of an S3 key.
const KEY_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Why a path is refused. It never repeats the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum PathError {
    /// Two slashes side by side, or one at the front.
    #[error("an empty segment in the path")]
    EmptySegment,
    /// A segment `.` or `..`, encoded or not: every HTTP client would rewrite the redirect's path.
    #[error("a segment `.` or `..` in the path")]
    DotSegment,
    /// `%2F`: a slash that is not a separator.
    #[error("an encoded slash in the path")]
    EncodedSlash,
    /// A backslash, encoded or not: some clients read it as a slash.
    #[error("a backslash in the path")]
    Backslash,
    /// A control character, encoded or not.
    #[error("a control character in the path")]
    ControlCharacter,
    /// The decoded bytes are not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// Over [`PATH_BYTES_MAX`] decoded bytes.
    #[error("the path is longer than `{PATH_BYTES_MAX}` bytes")]
    TooLong,
}

/// A path relative to a link, a dataset or a source: decoded, checked, possibly empty. A trailing `/` means a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ObjectPath(String);

impl ObjectPath {
    /// Reads a path as it stands in a URL: percent-decoded exactly once. A `%` that no two hex digits follow is itself, a `+` is a plus.
    ///
    /// # Errors
    /// [`PathError`], by the rules of SEMANTICS 2.
    pub fn from_raw(raw: &[u8]) -> Result<Self, PathError> {
        // Three raw bytes make one at the most, so this bounds the work before any of it is done.
        if raw.len() > PATH_BYTES_MAX.saturating_mul(3) {
            return Err(PathError::TooLong);
        }
        if !raw.contains(&b'%') {
            return str::from_utf8(raw).map_err(|_why| PathError::NotUtf8).and_then(Self::from_decoded);
        }
        let mut parts = raw.split(|byte| *byte == b'%');
        let mut decoded = Vec::with_capacity(raw.len());
        decoded.extend_from_slice(parts.next().unwrap_or_default());
        for part in parts {
            match part {
                [b'2', b'f' | b'F', ..] => return Err(PathError::EncodedSlash),
                [high, low, rest @ ..] if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                    decoded.push(high << 4 | low);
                    decoded.extend_from_slice(rest);
                }
                _ => {
                    decoded.push(b'%');
                    decoded.extend_from_slice(part);
                }
            }
        }
        String::from_utf8(decoded).map_err(|_why| PathError::NotUtf8).and_then(Self::from_decoded)
    }

    /// Takes a path that is already plain text, as an API request or a command line has it.
    ///
    /// # Errors
    /// [`PathError`], by the same rules.
    pub fn from_decoded(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        // Most paths need one look at their bytes: beyond ASCII, control characters alone begin with C2, with some others.
        let is_plain = !text.bytes().any(|byte| matches!(byte, 0..=b'\x1f' | b'\\' | b'\x7f' | 0xc2));
        for character in text.chars().filter(|_| !is_plain) {
            if character == '\\' {
                return Err(PathError::Backslash);
            }
            if character.is_control() {
                return Err(PathError::ControlCharacter);
            }
        }
        let inside = text.strip_suffix('/').unwrap_or(&text);
        if !text.is_empty() {
            for segment in inside.as_bytes().split(|byte| *byte == b'/') {
                match segment {
                    [] => return Err(PathError::EmptySegment),
                    [b'.'] | [b'.', b'.'] => return Err(PathError::DotSegment),
                    _ => {}
                }
            }
        }
        Ok(Self(text))
    }

    /// The decoded text, `0/c/4/7/2` or `labels/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the whole of what it is relative to.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it names a folder: the root, or a path with a trailing `/`.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.0.is_empty() || self.0.ends_with('/')
    }

    /// The same path as a folder.
    #[must_use]
    pub fn to_folder(&self) -> Self {
        if self.is_folder() { self.clone() } else { Self(format!("{}/", self.0)) }
    }

    /// The first segment, and what follows its slash; `None` where there is no slash.
    #[must_use]
    pub fn split_first(self) -> (String, Option<Self>) {
        let mut first = self.0;
        let Some(at) = first.find('/') else { return (first, None) };
        let rest = first.split_off(at.saturating_add(1));
        first.truncate(at);
        (first, Some(Self(rest)))
    }

    /// The last segment, without a trailing `/`; `None` at the root.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let inside = self.0.strip_suffix('/').unwrap_or(&self.0);
        inside.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// This folder's path followed by `below`.
    ///
    /// # Errors
    /// [`PathError::TooLong`] where the two together are.
    pub fn join(&self, below: &Self) -> Result<Self, PathError> {
        if below.is_root() {
            return Ok(self.clone());
        }
        let slash = if self.is_folder() { "" } else { "/" };
        let text = [self.as_str(), slash, below.as_str()].concat();
        if text.len() > PATH_BYTES_MAX { Err(PathError::TooLong) } else { Ok(Self(text)) }
    }

    /// Whether this folder holds `other`, by bytes on `/` boundaries: `a/b/` never covers `a/bc`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.is_root() || (self.is_folder() && other.0.starts_with(&self.0))
    }

    /// The folders strictly above it, outermost first, the root included: for `a/b/c`, the root, `a/` and `a/b/`.
    pub fn above(&self) -> impl Iterator<Item = Self> + '_ {
        let inside = self.0.strip_suffix('/').unwrap_or(&self.0);
        let root = (!self.is_root()).then(Self::default);
        let folders = inside.match_indices('/').filter_map(|(at, _)| inside.get(..=at)).map(|folder| Self(folder.to_owned()));
        root.into_iter().chain(folders)
    }

    /// The path as a URL has it: every byte but the unreserved ones and `/` escaped, a plus as `%2B`.
    #[must_use]
    pub fn encode(&self) -> String {
        encode_key(&self.0).to_string()
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A key as a URL path has it, by the rule of `SigV4` for S3: `/` stays, all but unreserved characters are escaped in upper-case hex.
#[must_use]
pub fn encode_key(key: &str) -> PercentEncode<'_> {
    utf8_percent_encode(key, KEY_ESCAPES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // SEMANTICS 2; SECURITY T8, section 3
    #[test]
    fn a_raw_path_is_decoded_once_and_never_normalised() {
        use PathError::*;
        for (raw, want) in [
            (&b""[..], Ok("")),
            (b"0/c/4/7/2", Ok("0/c/4/7/2")),
            (b"labels/", Ok("labels/")),
            (b"a+b", Ok("a+b")),
            (b"a%2Bb", Ok("a+b")),
            (b"a%20b", Ok("a b")),
            (b"50%25%20%2B%C3%A9", Ok("50% +é")),
            (b"100%.zarr", Ok("100%.zarr")),
            (b"%252e%252e", Ok("%2e%2e")),
            (b"a%252Fb", Ok("a%2Fb")),
            (b"a#b", Ok("a#b")),
            (b"a%23b", Ok("a#b")),
            (b"a?b", Ok("a?b")),
            (b"a%3Fb", Ok("a?b")),
            (b"...", Ok("...")),
            (b"a/..b", Ok("a/..b")),
            (b"a//b", Err(EmptySegment)),
            (b"/a", Err(EmptySegment)),
            (b"/", Err(EmptySegment)),
            (b"a//", Err(EmptySegment)),
            (b".", Err(DotSegment)),
            (b"..", Err(DotSegment)),
            (b"../", Err(DotSegment)),
            (b"a/../b", Err(DotSegment)),
            (b"a/./b", Err(DotSegment)),
            (b"a/%2e%2e/b", Err(DotSegment)),
            (b"a/%2E%2e", Err(DotSegment)),
            (b"a/.%2e", Err(DotSegment)),
            (b"%2e", Err(DotSegment)),
            (b"a%2Fb", Err(EncodedSlash)),
            (b"a%2fb", Err(EncodedSlash)),
            (b"a\\..\\b", Err(Backslash)),
            (b"a%5Cb", Err(Backslash)),
            (b"a%5cb", Err(Backslash)),
            (b"\\", Err(Backslash)),
            (b"%5C%5C", Err(Backslash)),
            (b"a\tb", Err(ControlCharacter)),
            (b"a%09b", Err(ControlCharacter)),
            (b"a%0d%0ab", Err(ControlCharacter)),
            (b"a%00", Err(ControlCharacter)),
            (b"a%7F", Err(ControlCharacter)),
            (b"a%C2%85", Err(ControlCharacter)),
            (b"%FF", Err(NotUtf8)),
            (b"\xFF", Err(NotUtf8)),
            (b"a%C3", Err(NotUtf8)),
            (b"%ED%A0%80", Err(NotUtf8)),
            (b"%C0%AF", Err(NotUtf8)),
        ] {
            let got = ObjectPath::from_raw(raw);
            assert_eq!(got.as_ref().map(ObjectPath::as_str), want.as_ref().map(|text| *text), "{}", raw.escape_ascii());
            assert_eq!(got.map(|path| path.to_string()).unwrap_or_default(), want.unwrap_or_default(), "shown as it is read");
        }
    }

    #[test]
    fn a_long_path_is_refused_before_it_is_decoded() {
        assert!(ObjectPath::from_raw(&[b'a'; PATH_BYTES_MAX]).is_ok());
        assert_eq!(ObjectPath::from_raw(&[b'a'; PATH_BYTES_MAX + 1]), Err(PathError::TooLong));
        assert_eq!(ObjectPath::from_raw(&vec![b'a'; 100_000]), Err(PathError::TooLong));
        assert!(ObjectPath::from_raw("%41".repeat(PATH_BYTES_MAX).as_bytes()).is_ok());
    }

    #[test]
    fn the_first_segment_is_split_off_at_its_slash() {
        let split = |text: &str| ObjectPath::from_decoded(text).unwrap().split_first();
        let rest = |text: &str| Some(ObjectPath::from_decoded(text).unwrap());
        assert_eq!(split("a/b/c"), ("a".to_owned(), rest("b/c")));
        assert_eq!(split("é/"), ("é".to_owned(), rest("")));
        assert_eq!(split("a"), ("a".to_owned(), None));
        assert_eq!(split(""), (String::new(), None));
    }

    #[test]
    fn folders_above_stand_outermost_first() {
        let above = |text: &str| ObjectPath::from_decoded(text).unwrap().above().map(|path| path.0).collect::<Vec<_>>();
        assert_eq!(above("a/b/c"), ["", "a/", "a/b/"]);
        assert_eq!(above("a/b/"), ["", "a/"]);
        assert_eq!(above("a"), [""]);
        assert_eq!(above(""), Vec::<String>::new());
    }

    fn any_path() -> impl Strategy<Value = ObjectPath> {
        proptest::collection::vec("[a-c%+# ?é.~&=]{1,4}", 0..5)
            .prop_map(|segments| segments.join("/"))
            .prop_filter_map("legal", |text| ObjectPath::from_decoded(text).ok())
    }

    proptest! {
        // P11
        #[test]
        fn an_accepted_path_re_encodes_to_itself(path in any_path()) {
            let raw = path.encode();
            prop_assert!(raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)));
            prop_assert_eq!(ObjectPath::from_raw(raw.as_bytes()), Ok(path));
        }

        #[test]
        fn what_is_accepted_is_decoded_as_by_the_library(raw in "[%0-9a-fA-F/xé+]{0,24}") {
            if let Ok(path) = ObjectPath::from_raw(raw.as_bytes()) {
                prop_assert_eq!(path.as_str().as_bytes(), percent_encoding::percent_decode(raw.as_bytes()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn any_bytes_are_refused_or_re_encode_to_themselves(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(path) = ObjectPath::from_raw(&raw) {
                prop_assert_eq!(ObjectPath::from_raw(path.encode().as_bytes()), Ok(path));
            }
        }

        // P10
        #[test]
        fn a_folder_covers_what_lies_below_it_and_nothing_beside(folder in any_path(), below in any_path(), tail in "[a-c]") {
            let folder = folder.to_folder();
            prop_assert!(folder.covers(&folder.join(&below).unwrap()));
            if !folder.is_root() {
                let beside = folder.0.trim_end_matches('/').to_owned() + &tail;
                prop_assert!(!folder.covers(&ObjectPath::from_decoded(beside).unwrap()));
            }
        }
    }
}
