//! Where a request comes from: the front door's word, and a proxy's only where the proxy is known (SECURITY T31).

use std::net::{IpAddr, SocketAddr};

use domain::grant::{Net, Zones};
use http::request::Parts;

/// The address that a Lambda event's request context names.
#[derive(Debug, Clone, Copy)]
pub struct EventSource(pub IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Proxies in a row that are looked through.
const PROXIES_MAX: usize = 8;

/// Where a request comes from. `trusted` are the proxies whose `X-Forwarded-For` is believed, and no others': it is read from its end, and
/// the first address that is no trusted proxy is the client's.
#[must_use]
pub fn net_of(parts: &Parts, trusted: &Zones) -> Net {
    let peer = parts.extensions.get::<EventSource>().map(|source| source.0);
    let Some(peer) = peer.or_else(|| parts.extensions.get::<SocketAddr>().map(SocketAddr::ip)) else { return Net::Unknown };
    if trusted.is_everywhere() || !trusted.admit(Net::At(peer)) {
        return Net::At(peer);
    }
    let mut told = parts.headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for _proxy in 0..PROXIES_MAX {
        // A trusted proxy that says nothing is the client itself; one that says nonsense is nobody we know.
        let Some(text) = told.next() else { return Net::At(peer) };
        let Ok(address) = text.trim().parse::<IpAddr>() else { return Net::Unknown };
        if !trusted.admit(Net::At(address)) {
            return Net::At(address);
        }
    }
    Net::Unknown
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn net(peer: Option<&str>, headers: &[&str], trusted: &[&str]) -> Net {
        let mut request = Request::builder();
        for line in headers {
            request = request.header(FORWARDED_FOR, *line);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        if let Some(peer) = peer {
            parts.extensions.insert(SocketAddr::new(peer.parse().unwrap(), 1));
        }
        net_of(&parts, &Zones::parse(trusted).unwrap())
    }

    // SECURITY T31
    #[test]
    fn a_forged_header_changes_nothing_and_a_trusted_proxys_is_believed_to_its_first_stranger() {
        let at = |text: &str| Net::At(text.parse().unwrap());
        let proxy: &[&str] = &["10.0.0.0/8"];
        for (peer, headers, trusted, want) in [
            (Some("192.0.2.1"), &["198.51.100.1"][..], &[][..], at("192.0.2.1")),
            (Some("192.0.2.1"), &["198.51.100.1"], proxy, at("192.0.2.1")),
            (Some("10.0.0.1"), &["198.51.100.1"], proxy, at("198.51.100.1")),
            (Some("10.0.0.1"), &["203.0.113.9, 198.51.100.1"], proxy, at("198.51.100.1")),
            (Some("10.0.0.1"), &["203.0.113.9, 198.51.100.1, 10.0.0.2"], proxy, at("198.51.100.1")),
            (Some("10.0.0.1"), &["203.0.113.9", "198.51.100.1"], proxy, at("198.51.100.1")),
            (Some("10.0.0.1"), &[], proxy, at("10.0.0.1")),
            (Some("10.0.0.1"), &["198.51.100.1, unknown"], proxy, Net::Unknown),
            (Some("10.0.0.1"), &["10.0.0.2"], proxy, at("10.0.0.1")),
            (None, &["198.51.100.1"], proxy, Net::Unknown),
        ] {
            assert_eq!(net(peer, headers, trusted), want, "{peer:?} {headers:?} {trusted:?}");
        }
    }
}
