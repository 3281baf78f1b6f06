//! Issuers as configuration: what could not be verified safely is refused at the start.

use identity::{
    Issuers, IssuersError,
    issuer::{Algorithm, Issuer},
    outbound::Outbound,
};

use crate::{ISSUER, issuer};

fn refused(issuers: Vec<Issuer>) -> Option<IssuersError> {
    Issuers::new(issuers, &Outbound::new(false)).err()
}

#[test]
fn an_issuer_has_one_family_of_keys_at_one_public_address() {
    let keys_url = "https://login.lab.example/keys";
    let good = || issuer(keys_url, &[Algorithm::Rs256, Algorithm::Ps512]);
    assert_eq!(refused(vec![good()]), None);
    assert_eq!(refused(Vec::new()), None, "a deployment without sign-in");
    let name = || ISSUER.to_owned();
    let with = |change: fn(&mut Issuer)| {
        let mut issuer = good();
        change(&mut issuer);
        refused(vec![issuer])
    };
    for (what, got, want) in [
        ("no algorithm", with(|one| one.algorithms.clear()), IssuersError::Algorithms(name())),
        ("two families", with(|one| one.algorithms.push(Algorithm::Es256)), IssuersError::Algorithms(name())),
        ("no type", with(|one| one.types.clear()), IssuersError::Types(name())),
        ("no audience", with(|one| one.audience.clear()), IssuersError::Name(name())),
        ("no name", with(|one| one.issuer.clear()), IssuersError::Name(String::new())),
        ("an empty claim", with(|one| one.groups_claim = Some(String::new())), IssuersError::Name(name())),
        ("without TLS", with(|one| one.keys_url = "http://login.lab.example/keys".to_owned()), IssuersError::KeysUrl(name())),
        ("in this network", with(|one| one.keys_url = "https://10.0.0.7/keys".to_owned()), IssuersError::KeysUrl(name())),
        ("metadata", with(|one| one.keys_url = "https://169.254.169.254/keys".to_owned()), IssuersError::KeysUrl(name())),
        ("a file", with(|one| one.keys_url = "file:///keys".to_owned()), IssuersError::KeysUrl(name())),
        ("twice", refused(vec![good(), good()]), IssuersError::Twice(name())),
    ] {
        assert_eq!(got, Some(want), "{what}");
    }
    let many = |count: usize| (0..count).map(|n| Issuer { issuer: format!("{ISSUER}/{n}"), ..good() }).collect();
    assert_eq!(refused(many(16)), None);
    assert_eq!(refused(many(17)), Some(IssuersError::TooMany));
    let shown = format!("{:?}", Issuers::new(vec![good()], &Outbound::new(false)).unwrap());
    assert_eq!(shown, format!("[{ISSUER:?}]"));
}
