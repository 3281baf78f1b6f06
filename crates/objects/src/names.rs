//! Names of stores, looked up whenever a connection is made: the own endpoint of a source never leads into the network that Offprint runs
//! in, however its name is answered today (SECURITY T13).
//!
//! Trusted without a look are the deployment's own store and those of AWS, which a private endpoint may answer for. An endpoint that is an
//! address needs no name; it was judged when its source was registered.

use core::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};
use std::{io, sync::Arc, vec};

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::{
    dns::{DnsFuture, ResolveDns, ResolveDnsError},
    http::SharedHttpClient,
};
use domain::network::is_public;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::lookup_host;
use tower::Service;

use crate::{Settings, address::is_of_aws};

/// Finds the addresses of stores. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Whether sources may lie anywhere.
    any: bool,
    /// The host of the deployment's own store.
    own: Option<Arc<str>>,
}

impl Names {
    pub(crate) fn new(settings: &Settings) -> Self {
        let host = |origin: &str| {
            let (_scheme, authority) = origin.split_once("://")?;
            let name = authority.rsplit_once(':').map_or(authority, |(name, _port)| name);
            Some(Arc::from(name.to_ascii_lowercase()))
        };
        Self { any: settings.private_endpoints, own: settings.endpoint.as_deref().and_then(host) }
    }

    /// The HTTP client of an SDK that looks names up here.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_with_resolver(self.clone())
    }

    /// Whether any address will do.
    fn is_trusted(&self, name: &str) -> bool {
        let is_own = |own: &str| name.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        self.any || is_of_aws(name) || self.own.as_deref().is_some_and(is_own)
    }

    /// The addresses of a name that may be connected to.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = lookup_host((name, 0)).await?.map(|address| address.ip());
        if self.is_trusted(name) {
            return Ok(found.collect());
        }
        let public: Vec<_> = found.filter(|address| is_public(*address)).collect();
        if public.is_empty() {
            tracing::error!(store.host = name, "a source's endpoint leads into this network: no connection is made");
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(public)
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            // The connector puts the port in.
            Ok(found.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { self.addresses(name).await.map_err(ResolveDnsError::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Signer;

    fn names(endpoint: Option<&str>, private_endpoints: bool) -> Names {
        let endpoint = endpoint.map(str::to_owned);
        Names::new(&Settings { endpoint, public_endpoint: None, private_endpoints, signer: Signer::Environment, sts_endpoint: None })
    }

    #[test]
    fn only_the_own_store_and_those_of_aws_are_trusted() {
        let some = names(Some("http://Ceph.lab:7480"), false);
        for (name, want) in [
            ("ceph.lab", true),
            ("data.ceph.lab", true),
            ("evilceph.lab", false),
            ("s3.eu-central-1.amazonaws.com", true),
            ("data.s3.eu-central-1.amazonaws.com", true),
            ("data.s3.cn-north-1.amazonaws.com.cn", true),
            ("ec2-10-0-0-7.compute-1.amazonaws.com", false),
            ("s3.example.org", false),
            ("localhost", false),
        ] {
            assert_eq!(some.is_trusted(name), want, "{name}");
            assert!(names(None, true).is_trusted(name));
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_has_no_address() {
        let refused = names(None, false).addresses("localhost").await;
        assert_eq!(refused.map_err(|why| why.kind()), Err(io::ErrorKind::PermissionDenied));
        assert!(names(Some("http://localhost:9000"), false).addresses("localhost").await.is_ok_and(|found| !found.is_empty()));
        assert!(names(None, true).addresses("localhost").await.is_ok());
    }
}
