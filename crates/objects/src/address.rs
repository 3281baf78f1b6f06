//! Where a bucket answers: origin, host header and the path before a key, for every style of address.

use core::net::IpAddr;

use domain::source::{Store, is_origin};

/// The place of one bucket on one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// `https://host[:port]`, lower case.
    pub(crate) origin: String,
    /// The end of every canonical request to it: the one signed header, `Host` as clients send it, without the scheme's own port.
    pub(crate) canonical_end: String,
    /// What stands before the key: `/` or `/bucket/`.
    pub(crate) path: String,
}

impl Address {
    /// The address of the store's bucket on `endpoint`, else on AWS by its region; `None` for a bucket, region or endpoint
    /// that must not stand in a URL.
    pub(crate) fn of(endpoint: Option<&str>, store: &Store) -> Option<Self> {
        let region = store.region.as_bytes();
        let legal = !region.is_empty() && region.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
        if !legal || store.check().is_err() {
            return None;
        }
        let endpoint = match endpoint {
            Some(endpoint) if is_origin(endpoint) => endpoint.to_ascii_lowercase(),
            Some(_) => return None,
            None => format!("https://s3.{}.{}", store.region, domain_of(&store.region)),
        };
        let (scheme, host) = endpoint.split_once("://")?;
        let own_port = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(own_port).unwrap_or(host);
        let bucket = &store.bucket;
        let at = |host: &str, path: String| Self {
            origin: format!("{scheme}://{host}"),
            canonical_end: format!("\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"),
            path,
        };
        if store.path_style || !fits_in_a_host(bucket, host) {
            return Some(at(host, format!("/{bucket}/")));
        }
        Some(at(&format!("{bucket}.{host}"), "/".to_owned()))
    }
}

/// Whether a bucket can stand before this host: a certificate covers one label, and nothing stands before an address.
fn fits_in_a_host(bucket: &str, host: &str) -> bool {
    let name = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or(host) };
    let is_address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    !is_address && !bucket.contains('.')
}

/// Whether a host is AWS's S3 in some region, or a bucket there.
pub(crate) fn is_of_aws(host: &str) -> bool {
    let place = host.rsplit_once(".s3.").map(|(_bucket, place)| place).or_else(|| host.strip_prefix("s3."));
    place.and_then(|place| place.split_once('.')).is_some_and(|(region, domain)| domain == domain_of(region))
}

/// The domain of a region's partition.
fn domain_of(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        Some("us") if region.starts_with("us-iso-") => "c2s.ic.gov",
        Some("us") if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(bucket: &str, region: &str, path_style: bool) -> Store {
        Store { bucket: bucket.to_owned(), region: region.to_owned(), endpoint: None, path_style, role: None, requester_pays: false }
    }

    #[test]
    fn a_bucket_answers_where_its_store_says() {
        for (bucket, region, path_style, endpoint, want) in [
            ("data", "eu-central-1", false, None, Some(("https://data.s3.eu-central-1.amazonaws.com", "/"))),
            ("data", "us-east-1", true, None, Some(("https://s3.us-east-1.amazonaws.com", "/data/"))),
            ("data", "cn-north-1", false, None, Some(("https://data.s3.cn-north-1.amazonaws.com.cn", "/"))),
            ("my.data", "us-east-1", false, None, Some(("https://s3.us-east-1.amazonaws.com", "/my.data/"))),
            ("my.data", "us-east-1", false, Some("http://s3.lab:9000"), Some(("http://s3.lab:9000", "/my.data/"))),
            ("data", "us-east-1", false, Some("https://S3.example.org"), Some(("https://data.s3.example.org", "/"))),
            ("data", "us-east-1", true, Some("https://s3.example.org:443"), Some(("https://s3.example.org", "/data/"))),
            ("data", "us-east-1", true, Some("http://s3.example.org:443"), Some(("http://s3.example.org:443", "/data/"))),
            ("data", "us-east-1", false, Some("http://127.0.0.1:9000"), Some(("http://127.0.0.1:9000", "/data/"))),
            ("data", "us-east-1", false, Some("http://[::1]:9000"), Some(("http://[::1]:9000", "/data/"))),
            // SECURITY T12, T13: nothing that would lead elsewhere
            ("data", "us-east-1", true, Some("https://s3.example.org/x"), None),
            ("data", "us-east-1", true, Some("https://a@evil.org"), None),
            ("data", "x.evil.org/", false, None, None),
            ("data", "", false, None, None),
            ("../data", "us-east-1", true, None, None),
        ] {
            let got = Address::of(endpoint, &store(bucket, region, path_style));
            let got = got.as_ref().map(|address| (address.origin.as_str(), address.path.as_str()));
            assert_eq!(got, want, "{bucket} {region} {path_style} {endpoint:?}");
        }
    }
}
