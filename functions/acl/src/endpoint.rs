//! Which S3 endpoints a source may name: public origins only, unless the deployment is somebody's own machine (SECURITY T13).
//!
//! Not here: a name that leads elsewhere later. Its addresses are looked at again whenever a connection is made (`objects/names.rs`).

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use domain::{network::is_public, source::is_origin};
use edge::problem::Problem;
use http::StatusCode;

/// How long a name server has to answer.
const RESOLVE_MS: u64 = 3_000;
/// Suffixes that name no public host (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and what clouds use inside).
const PRIVATE_SUFFIXES: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "lan", "alt", "localdomain"];

/// Holds an endpoint to a public `http(s)` origin: by its form, and by every address that its name has now.
///
/// # Errors
/// 422 `endpoint` for what is no origin, `endpoint-not-public` for one that lies, or may lie, inside a network.
pub(crate) async fn check(endpoint: &str) -> Result<(), Problem> {
    let (host, port) = parts(endpoint).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "endpoint", "an endpoint is an origin `http(s)://host[:port]`, without a path")
            .at("/endpoint")
            .hint("such as `https://s3.example.org`")
    })?;
    let addresses = match literal(host) {
        Host::Address(address) => vec![address],
        Host::Disguised => return Err(not_public()),
        Host::Name => resolve(host, port).await?,
    };
    if addresses.is_empty() || !addresses.into_iter().all(is_public) { Err(not_public()) } else { Ok(()) }
}

fn not_public() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "endpoint-not-public", "the endpoint does not lie on the public internet")
        .at("/endpoint")
        .hint("leave it out for the deployment's own store; a private store needs `offprint up` beside it")
}

async fn resolve(host: &str, port: u16) -> Result<Vec<IpAddr>, Problem> {
    let found = tokio::time::timeout(Duration::from_millis(RESOLVE_MS), tokio::net::lookup_host((host, port))).await;
    let Ok(Ok(addresses)) = found else {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "endpoint-unresolved", "the endpoint's name has no address")
            .at("/endpoint")
            .hint("check the spelling"));
    };
    Ok(addresses.map(|address| address.ip()).collect())
}

/// The host and port of an origin.
fn parts(endpoint: &str) -> Option<(&str, u16)> {
    let (authority, standard) = match endpoint.strip_prefix("https://") {
        Some(rest) => (rest, 443),
        None => (endpoint.strip_prefix("http://")?, 80),
    };
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, standard),
    };
    (is_origin(endpoint) && !host.is_empty()).then_some((host, port))
}

enum Host {
    Address(IpAddr),
    /// An address in a form that only some readers know, or a name that is never public.
    Disguised,
    Name,
}

/// What a host is. Forms that parsers disagree on (`2130706433`, `0x7f.1`, `127.1`) are refused rather than read.
fn literal(host: &str) -> Host {
    if let Some(inside) = host.strip_prefix('[') {
        return inside
            .strip_suffix(']')
            .and_then(|text| text.parse().ok())
            .map_or(Host::Disguised, |address| Host::Address(IpAddr::V6(address)));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Host::Address(IpAddr::V4(address));
    }
    let lower = host.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    let private =
        PRIVATE_SUFFIXES.iter().any(|suffix| name.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.')));
    if numeric || private || !name.contains('.') || name.contains(':') { Host::Disguised } else { Host::Name }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T13
    #[tokio::test]
    async fn an_endpoint_inside_a_network_is_refused_in_every_spelling() {
        for endpoint in [
            "http://127.0.0.1:9000",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.0.0.1",
            "http://0x7f000001",
            "http://017700000001",
            "http://0177.0.0.01",
            "http://localhost:9000",
            "http://LOCALHOST",
            "http://localhost.",
            "http://a.localhost",
            "http://10.0.0.7",
            "http://172.16.3.4",
            "http://172.31.255.255",
            "http://192.168.1.1",
            "http://169.254.169.254",
            "http://100.64.0.1",
            "http://0.0.0.0",
            "http://224.0.0.1",
            "http://255.255.255.255",
            "http://[::1]:9000",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:a00:1]",
            "http://[fd00:ec2::254]",
            "http://[fe80::1]",
            "http://[64:ff9b::7f00:1]",
            "http://[2002:7f00:1::]",
            "http://metadata.google.internal",
            "http://minio",
            "http://nas.local",
        ] {
            let why = check(endpoint).await.expect_err(endpoint);
            assert_eq!(why.code, "endpoint-not-public", "{endpoint}");
        }
    }

    #[tokio::test]
    async fn what_is_no_origin_is_refused_and_a_public_address_is_taken() {
        for endpoint in [
            "",
            "s3.example.org",
            "ftp://s3.example.org",
            "https://a@b.org",
            "https://s3.example.org/x",
            "https://s3.example.org?x",
            "https://:443",
            "https://a.org:99999",
        ] {
            assert_eq!(check(endpoint).await.expect_err(endpoint).code, "endpoint", "{endpoint}");
        }
        for endpoint in ["https://192.0.78.24", "http://172.32.0.1:9000", "https://[2606:4700::1111]:8443", "https://100.128.0.1"] {
            assert!(check(endpoint).await.is_ok(), "{endpoint}");
        }
    }
}
