//! Places: `NAME:PATH`, a path inside a source, as people write it.

use std::{fmt, str::FromStr};

use domain::{path::ObjectPath, source::SourceName};

/// A path inside a source. An empty path is the whole source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    source: SourceName,
    path: ObjectPath,
}

impl Place {
    /// The source's name.
    pub(crate) fn source(&self) -> &str {
        self.source.as_str()
    }

    /// The path inside it, with the trailing `/` only if one was written.
    pub(crate) fn path(&self) -> String {
        self.path.to_string()
    }

    /// Whether `other`, as the API writes a place, is this one. A trailing `/` does not matter: what is there decides.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.to_string().trim_end_matches('/') == other.trim_end_matches('/')
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.as_str(), self.path)
    }
}

impl FromStr for Place {
    type Err = String;

    /// Splits at the first `:`, since a source's name has none.
    fn from_str(text: &str) -> Result<Self, String> {
        let (source, path) = text.split_once(':').ok_or("write NAME:PATH, such as lab:retina/exp-03.ome.zarr")?;
        if path.starts_with("//") {
            return Err("write NAME:PATH, such as lab:retina/exp-03.ome.zarr; a URL is no place".to_owned());
        }
        let source = SourceName::parse(source).map_err(|why| why.to_string())?;
        let path = ObjectPath::from_decoded(path).map_err(|why| why.to_string())?;
        Ok(Self { source, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_name_and_a_path() {
        for (text, source, path) in [
            ("lab:", "lab", ""),
            ("lab:a", "lab", "a"),
            ("lab:a/b.zarr/", "lab", "a/b.zarr/"),
            ("lab:a:b", "lab", "a:b"),
            ("demo:exp #3/50% +é.ome.zarr", "demo", "exp #3/50% +é.ome.zarr"),
            ("lab:%2e%2e/x", "lab", "%2e%2e/x"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.source(), place.path().as_str(), place.to_string().as_str()), (source, path, text));
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in
            ["", "lab", ":a", "Lab:a", "lab:/a", "lab:a//b", "lab:../a", "lab:a/./b", "lab:a\\b", "lab:a\nb", "https://x/y", "-lab:a"]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_trailing_slash_does_not_make_another_place() {
        let place: Place = "lab:a.zarr".parse().unwrap();
        assert!(place.is("lab:a.zarr/") && place.is("lab:a.zarr"));
        assert!(!place.is("lab:a.zarr/0") && !place.is("labs:a.zarr"));
        assert!("lab:".parse::<Place>().unwrap().is("lab:"));
    }
}
