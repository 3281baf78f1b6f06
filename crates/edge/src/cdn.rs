//! Who speaks for a visitor at the functions of the app origin: the CDN, and `pages`, which asks the API in a visitor's name (docs/adr/0069). Both prove it
//! by one secret, and say where the visitor is.

use std::net::{IpAddr, SocketAddr};

use domain::grant::Net;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use crate::peer::EventSource;

/// The header that proves it, by [`crate::config::Config::cdn_secret`].
pub const PROOF: HeaderName = HeaderName::from_static("x-offprint-cdn");
/// The header that says where the visitor is: an address, or `unknown`.
pub const VISITOR: HeaderName = HeaderName::from_static("x-offprint-viewer");
/// Of a visitor of whom nobody knows where: what trusted proxies said made no sense.
const UNKNOWN: &str = "unknown";

/// What whoever speaks for a visitor says of where the visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// At this address.
    At(IpAddr),
    /// Nobody knows where: in no zone.
    Unknown,
    /// Nothing that can be read.
    Unsaid,
}

impl Visitor {
    /// What a request says that proves itself by `secret`; `None` for one that does not.
    #[must_use]
    pub fn of(headers: &HeaderMap, secret: &str) -> Option<Self> {
        let sent = headers.get(PROOF).map(HeaderValue::as_bytes).unwrap_or_default();
        if !same_bytes(sent, secret.as_bytes()) {
            return None;
        }
        let said = headers.get(VISITOR).and_then(|said| said.to_str().ok());
        Some(match said {
            Some(UNKNOWN) => Self::Unknown,
            said => said.and_then(|said| said.parse().ok()).map_or(Self::Unsaid, Self::At),
        })
    }

    /// Puts it in the place of the peer, which only spoke for the visitor.
    pub fn place(self, extensions: &mut Extensions) {
        match self {
            Self::At(address) => {
                extensions.insert(EventSource(address));
            }
            Self::Unknown => {
                extensions.remove::<EventSource>();
                extensions.remove::<SocketAddr>();
            }
            Self::Unsaid => {}
        }
    }
}

/// How a visitor's place is said in [`VISITOR`].
#[must_use]
pub fn said(net: Net) -> String {
    match net {
        Net::At(address) => address.to_string(),
        // No request comes from everywhere.
        Net::Anywhere | Net::Unknown => UNKNOWN.to_owned(),
    }
}

/// Compares without telling by its time where the two differ.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T31: whatever is said without the secret is nothing, and what was said comes out as it went in
    #[test]
    fn a_visitor_is_where_whoever_has_the_secret_says() {
        let headers = |pairs: &[(HeaderName, &str)]| {
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect::<HeaderMap>()
        };
        let at = |text: &str| text.parse().unwrap();
        for net in [Net::Unknown, Net::At(at("192.0.2.1")), Net::At(at("2001:db8::7"))] {
            let sent = headers(&[(PROOF, "secret"), (VISITOR, &said(net))]);
            let want = match net {
                Net::At(address) => Visitor::At(address),
                Net::Anywhere | Net::Unknown => Visitor::Unknown,
            };
            assert_eq!(Visitor::of(&sent, "secret"), Some(want));
            for other in ["", "secre", "secret2", "Secret"] {
                assert_eq!(Visitor::of(&sent, other), None, "{other}");
            }
        }
        assert_eq!(Visitor::of(&headers(&[(PROOF, "secret")]), "secret"), Some(Visitor::Unsaid));
        assert_eq!(Visitor::of(&headers(&[(VISITOR, "192.0.2.1")]), "secret"), None);
        let mut extensions = Extensions::new();
        extensions.insert(SocketAddr::new(at("127.0.0.1"), 1));
        Visitor::Unsaid.place(&mut extensions);
        assert!(extensions.get::<SocketAddr>().is_some());
        Visitor::At(at("192.0.2.1")).place(&mut extensions);
        assert_eq!(extensions.get::<EventSource>().map(|source| source.0), Some(at("192.0.2.1")));
        Visitor::Unknown.place(&mut extensions);
        assert!(extensions.get::<SocketAddr>().is_none() && extensions.get::<EventSource>().is_none());
    }
}
