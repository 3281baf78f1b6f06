//! Addresses: one that the standard library knows for anything but the public internet's is never taken for public (SECURITY T13).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::network::is_public;

/// Four bytes, sixteen, or a text.
pub fn fuzz(bytes: &[u8]) {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    let sixteen = <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok();
    let text = || std::str::from_utf8(bytes).ok()?.parse::<IpAddr>().ok();
    let Some(address) = four.or(sixteen).or_else(text) else { return };
    if is_public(address) {
        assert!(!is_special(address), "{address}");
    }
    // The same address in IPv6's clothes is no way in.
    if let IpAddr::V4(inner) = address {
        assert!(!is_public(IpAddr::V6(inner.to_ipv6_mapped())) && !is_public(IpAddr::V6(inner.to_ipv6_compatible())), "{address}");
        let [a, b, c, d] = inner.octets();
        let six_to_four = Ipv6Addr::new(0x2002, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), 0, 0, 0, 0, 1);
        assert_eq!(is_public(IpAddr::V6(six_to_four)), is_public(address), "{six_to_four}");
    }
}

fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4().is_some()
        }
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
}
