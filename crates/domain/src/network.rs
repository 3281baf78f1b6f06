//! Which addresses belong to the public internet (SECURITY T13), and which to one household.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet (the IANA registries of special purpose addresses).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// What a limit by address counts by: an IPv4 address, or the /64 of an IPv6 one, which is the least that a household gets.
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Whether an IPv4 address lies in none of the blocks for this network, this machine, private use, documentation, measurements and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let own_or_private =
        matches!(address.octets(), [0 | 10 | 127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..]);
    let never_routed =
        matches!(address.octets(), [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..]);
    !own_or_private && !never_routed
}

/// Whether an IPv6 address is global unicast, `2000::/3`, and holds no other kind of address inside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    match (first, second) {
        // 6to4 is the IPv4 address inside it.
        (0x2002, _) => {
            let ([one, two], [three, four]) = (second.to_be_bytes(), third.to_be_bytes());
            is_public_v4(Ipv4Addr::new(one, two, three, four))
        }
        // Teredo hides one, too, and 2001:db8::/32 is for documentation.
        (0x2001, 0 | 0xdb8) => false,
        // Mapped, translated, unique local, link-local and multicast addresses all lie outside.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_public_only_outside_every_special_block() {
        for (address, want) in [
            ("8.8.8.8", true),
            ("172.32.0.1", true),
            ("100.128.0.1", true),
            ("127.0.0.1", false),
            ("10.0.0.7", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn a_household_is_an_address_or_a_64_and_no_way_of_writing_it_makes_another() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
