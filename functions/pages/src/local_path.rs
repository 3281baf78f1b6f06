//! Where a page leads back to: an address on this origin and nowhere else (SECURITY T12).

use domain::limits::LOCAL_PATH_BYTES_MAX;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a query (RFC 3986, section 2.3), and the slash.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A path on this origin, with its query: one slash at the beginning, never two, and nothing that a browser would take for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalPath(String);

impl LocalPath {
    /// Reads a path; `None` for anything that could lead elsewhere. Browsers drop tabs and line ends, and take `\` for `/`: neither is taken.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let fits = text.len() <= LOCAL_PATH_BYTES_MAX && text.starts_with('/') && !text.starts_with("//");
        // Nothing that resolving dots could bring to the front, either.
        let path = text.split(['?', '#']).next().unwrap_or_default();
        (fits && text.bytes().all(is_plain) && !path.contains("//")).then(|| Self(text.to_owned()))
    }

    /// The path that was asked for, or home where it is none.
    pub(crate) fn or_home(text: Option<&str>) -> Self {
        text.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    /// Home.
    pub(crate) fn home() -> Self {
        Self("/".to_owned())
    }

    /// The sign-in page that leads back here.
    pub(crate) fn by_way_of(&self, page: &str) -> String {
        if self.0 == "/" { page.to_owned() } else { format!("{page}?next={}", escaped(&self.0)) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text as a value in a query.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T12
    #[test]
    fn a_page_never_leads_away_from_this_origin() {
        for good in ["/", "/datasets/d1/tickets/new", "/api/v1/authorize?viewer=https%3A%2F%2Fviewer.example.org", "/a?b=//c", "/~x"] {
            assert_eq!(LocalPath::parse(good).map(|path| path.0), Some(good.to_owned()));
        }
        let long = format!("/{}", "a".repeat(LOCAL_PATH_BYTES_MAX));
        for bad in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "@evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/..//evil.example",
            "/./\\evil.example",
            " /x",
            "/é",
            "/a b",
            &long,
        ] {
            assert_eq!(LocalPath::parse(bad), None, "{bad:?}");
            assert_eq!(LocalPath::or_home(Some(bad)), LocalPath::home());
        }
    }

    #[test]
    fn the_way_back_is_kept_whole() {
        assert_eq!(LocalPath::home().by_way_of("/sign-in"), "/sign-in");
        let path = LocalPath::parse("/a?b=c&d=%20#e").unwrap();
        assert_eq!(path.by_way_of("/sign-in"), "/sign-in?next=/a%3Fb%3Dc%26d%3D%2520%23e");
    }
}
