//! Zones: what is accepted is written as it would be read again, admits its own networks, and nothing that no network of it holds.

use std::net::IpAddr;

use domain::grant::{Net, Zones};

/// A list of networks with commas, and after a line break an address.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (list, address) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(zones) = Zones::parse(&list.split(',').collect::<Vec<_>>()) else { return };
    let texts: Vec<_> = zones.texts().collect();
    assert_eq!(Zones::parse(&texts), Ok(zones.clone()), "{texts:?}");
    assert!(zones.lie_in(&zones) && !zones.admit(Net::Unknown) && zones.admit(Net::Anywhere));
    let Ok(address) = address.parse::<IpAddr>() else { return };
    let alone = Zones::parse(&[address.to_canonical().to_string()]).expect("an address is a network of one");
    assert!(alone.admit(Net::At(address)), "{address}");
    // Being admitted and being a network inside are the same thing, said twice.
    assert_eq!(zones.admit(Net::At(address)), alone.lie_in(&zones), "{address} {texts:?}");
}
