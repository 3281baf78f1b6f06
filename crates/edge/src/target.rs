//! The raw target of a request to the data origin, read once and by nobody else.
//!
//! The path is taken as it came in, never from a parsed URI: parsers resolve `..`, turn `\` into `/` and drop tabs.

use domain::{
    id::{CloneId, DatasetId, ID_CHARS},
    key::LinkKey,
    limits::KEY_CHARS,
    path::{ObjectPath, PathError},
    token::TicketSecret,
};
use http::request::Parts;

/// The path and query as they came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTarget {
    /// From the first `/` on, without the query.
    pub path: String,
    /// What follows the first `?`.
    pub query: Option<String>,
}

impl RawTarget {
    /// The raw path and query of a request: what a front door put there, else those of the request line, which the HTTP library keeps as
    /// it came.
    #[must_use]
    pub fn of(parts: &Parts) -> (&str, Option<&str>) {
        if let Some(front) = parts.extensions.get::<Self>() {
            return (&front.path, front.query.as_deref());
        }
        let line = parts.uri.path_and_query().map_or("/", |both| both.as_str());
        line.split_once('?').map_or((line, None), |(path, query)| (path, Some(query)))
    }
}

/// How the caller asked for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{key}`: redirected, if the client can follow.
    Redirected,
    /// `{key}-s`: always streamed.
    Streamed,
}

/// By what a request opens something: its first segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opener {
    /// A link's key.
    Link(LinkKey),
    /// A dataset's id: whoever asks says who it is.
    Dataset(DatasetId),
    /// A reference clone's id: the same, and what is read is the original.
    Clone(CloneId),
    /// `~` and a ticket: it says who asks, and for which dataset.
    Ticket(TicketSecret),
}

impl Opener {
    /// The segment as it is asked with in `form`. Whoever writes it may write a secret.
    #[must_use]
    pub fn reveal(&self, form: Form) -> String {
        let text = match self {
            Self::Link(key) => key.reveal(),
            Self::Dataset(dataset) => dataset.to_string(),
            Self::Clone(clone) => clone.to_string(),
            Self::Ticket(ticket) => ticket.reveal(),
        };
        if form == Form::Streamed { text + "-s" } else { text }
    }
}

/// What a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The origin's own root, `/`: a path-style S3 client asking for its buckets, or for `?list-type=2&prefix={key}/...`.
    Root,
    /// `/auth_info`: where a viewer sends people to be given a token for this origin.
    AuthInfo,
    /// A link or dataset, as a bucket: `/{key}` or `/{key}/`.
    Bucket {
        /// By what.
        opener: Opener,
        /// The form.
        form: Form,
    },
    /// Something inside a link or dataset: `/{key}/{name}[/{path}]`.
    Object {
        /// By what.
        opener: Opener,
        /// The form.
        form: Form,
        /// The name as asked; it must match.
        name: String,
        /// The path below. `None`: the name without a slash behind it.
        path: Option<ObjectPath>,
    },
    /// No key that could exist: answered like one that does not.
    Unknown,
}

impl Target {
    /// Reads a raw path.
    ///
    /// # Errors
    /// [`PathError`], by the rules of SEMANTICS 2, whether or not the key exists.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        let raw = raw.strip_prefix('/').unwrap_or(raw);
        if raw.is_empty() {
            return Ok(Self::Root);
        }
        if raw == "auth_info" {
            return Ok(Self::AuthInfo);
        }
        let (first, rest) = raw.split_once('/').map_or((raw, None), |(first, rest)| (first, Some(rest)));
        // All of it is held to the rules before anything is looked up, so that a bad path is 400 for every key alike. A key's own
        // characters break none of them.
        let known = read_key(first);
        if known.is_none() {
            ObjectPath::from_raw(first.as_bytes())?;
        }
        let rest = ObjectPath::from_raw(rest.unwrap_or_default().as_bytes())?;
        if first.is_empty() {
            return Err(PathError::EmptySegment);
        }
        let Some((opener, form)) = known else { return Ok(Self::Unknown) };
        if rest.is_root() {
            return Ok(Self::Bucket { opener, form });
        }
        // A slash in the decoded text is one of the raw text: encoded ones were refused.
        let (name, path) = rest.split_first();
        Ok(Self::Object { opener, form, name, path })
    }
}

/// A first segment as what opens, and form.
fn read_key(segment: &str) -> Option<(Opener, Form)> {
    let (text, form) = segment.strip_suffix("-s").map_or((segment, Form::Redirected), |text| (text, Form::Streamed));
    let opener = match text.len() {
        KEY_CHARS => LinkKey::parse(text).ok().map(Opener::Link),
        ID_CHARS => DatasetId::parse(text).ok().map(Opener::Dataset).or_else(|| CloneId::parse(text).ok().map(Opener::Clone)),
        _ => TicketSecret::parse(text).ok().map(Opener::Ticket),
    };
    opener.map(|opener| (opener, form))
}

/// The key, form and rest of an S3 prefix `{key}/...` asked at the origin's root.
#[must_use]
pub fn split_root_prefix(prefix: &str) -> Option<(Opener, Form, &str)> {
    let (first, rest) = prefix.split_once('/')?;
    read_key(first).map(|(opener, form)| (opener, form, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz234567";

    fn object(form: Form, name: &str, path: Option<&str>) -> Target {
        let path = path.map(|path| ObjectPath::from_decoded(path).unwrap());
        Target::Object { opener: key(), form, name: name.to_owned(), path }
    }

    fn dataset() -> Opener {
        Opener::Dataset(DatasetId::parse("daaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap())
    }

    fn ticket() -> Opener {
        Opener::Ticket(TicketSecret::parse(&format!("~{KEY}")).unwrap())
    }

    fn key() -> Opener {
        Opener::Link(LinkKey::parse(KEY).unwrap())
    }

    // SEMANTICS 2; SECURITY section 3
    #[test]
    fn a_raw_path_names_one_thing_or_is_refused() {
        use PathError::*;
        for (raw, want) in [
            ("/", Ok(Target::Root)),
            ("/KEY", Ok(Target::Bucket { opener: key(), form: Form::Redirected })),
            ("/KEY/", Ok(Target::Bucket { opener: key(), form: Form::Redirected })),
            ("/KEY-s/", Ok(Target::Bucket { opener: key(), form: Form::Streamed })),
            ("/KEY/em.zarr", Ok(object(Form::Redirected, "em.zarr", None))),
            ("/KEY/em.zarr/", Ok(object(Form::Redirected, "em.zarr", Some("")))),
            ("/KEY/em.zarr/0/c/4", Ok(object(Form::Redirected, "em.zarr", Some("0/c/4")))),
            ("/KEY-s/em.zarr/zarr.json", Ok(object(Form::Streamed, "em.zarr", Some("zarr.json")))),
            ("/KEY/50%25%20+%C3%A9.zarr/a%2Bb", Ok(object(Form::Redirected, "50% +é.zarr", Some("a+b")))),
            ("/KEY/a#b", Ok(object(Form::Redirected, "a#b", None))),
            ("/KEY/../KEY/b", Err(DotSegment)),
            ("/KEY/%2E%2e/KEY", Err(DotSegment)),
            ("/KEY/a\\..\\b", Err(Backslash)),
            ("/KEY/a\tb", Err(ControlCharacter)),
            ("/KEY//b", Err(EmptySegment)),
            ("/KEY/a//b", Err(EmptySegment)),
            ("//KEY/a", Err(EmptySegment)),
            ("/KEY/a%2Fb", Err(EncodedSlash)),
            ("/KEY%2Fa", Err(EncodedSlash)),
            ("/KEY/a%00", Err(ControlCharacter)),
            ("/nothing/../x", Err(DotSegment)),
            ("/nothing", Ok(Target::Unknown)),
            ("/KEY-S/a", Ok(Target::Unknown)),
            ("/ABCDEFGHIJKLMNOPQRSTUVWXYZ234567/a", Ok(Target::Unknown)),
            ("/favicon.ico", Ok(Target::Unknown)),
            ("/auth_info", Ok(Target::AuthInfo)),
            ("/auth_info/", Ok(Target::Unknown)),
            ("/auth%5Finfo", Ok(Target::Unknown)),
            ("//auth_info", Err(EmptySegment)),
            ("/Daaaaaaaaaaaaaaaaaaaaaaaaaa/em.zarr/", Ok(Target::Unknown)),
            (
                "/daaaaaaaaaaaaaaaaaaaaaaaaaa/a",
                Ok(Target::Object { opener: dataset(), form: Form::Redirected, name: "a".to_owned(), path: None }),
            ),
            ("/daaaaaaaaaaaaaaaaaaaaaaaaaa-s/", Ok(Target::Bucket { opener: dataset(), form: Form::Streamed })),
            (
                "/caaaaaaaaaaaaaaaaaaaaaaaaaa-s/",
                Ok(Target::Bucket { opener: Opener::Clone(CloneId::parse("caaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()), form: Form::Streamed }),
            ),
            ("/Caaaaaaaaaaaaaaaaaaaaaaaaaa/a", Ok(Target::Unknown)),
            ("/~KEY/", Ok(Target::Bucket { opener: ticket(), form: Form::Redirected })),
            ("/~KEY-s/", Ok(Target::Bucket { opener: ticket(), form: Form::Streamed })),
            ("/~/a", Ok(Target::Unknown)),
            ("/~~KEY/a", Ok(Target::Unknown)),
        ] {
            assert_eq!(Target::parse(&raw.replace("KEY", KEY)), want, "{raw}");
        }
    }
}
