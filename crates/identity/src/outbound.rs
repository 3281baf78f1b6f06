//! The way out to identity providers: HTTPS, public addresses, no redirect, a bounded answer in a bounded time (SECURITY T13).

use core::{
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};
use std::{
    io,
    sync::{Arc, OnceLock},
    vec,
};

use bytes::Bytes;
use domain::network::is_public;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use thiserror::Error;
use tokio::{net::lookup_host, time::timeout};
use tower::util::{ServiceFn, service_fn};

use crate::limits::{ADDRESS_BYTES_MAX, CONNECT_MS, DOCUMENT_BYTES_MAX, EXCHANGE_MS, FETCH_MS};

/// How identity providers are reached. Cheap to clone; the client is made when it is first needed.
#[derive(Clone)]
pub struct Outbound {
    private_endpoints: bool,
    client: Arc<OnceLock<Tls>>,
}

/// A document was not had. It names no address: whoever logs it knows the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FetchError {
    /// No connection, or one that broke; a name that leads into this network, too.
    #[error("it cannot be reached")]
    Unreachable,
    /// The answer took too long.
    #[error("no answer in time")]
    Timeout,
    /// Anything but 200: a redirect is not followed.
    #[error("it answered `{0}`")]
    Status(u16),
    /// The body is too long.
    #[error("its answer is over `{DOCUMENT_BYTES_MAX}` bytes")]
    TooLong,
}

type Tls = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;
type Resolver = ServiceFn<fn(Name) -> Lookup>;
type Lookup = Pin<Box<dyn Future<Output = io::Result<vec::IntoIter<SocketAddr>>> + Send>>;

impl Outbound {
    /// With `private_endpoints` providers may lie in this network, or on this machine, and be spoken to without TLS.
    #[must_use]
    pub fn new(private_endpoints: bool) -> Self {
        Self { private_endpoints, client: Arc::default() }
    }

    /// An address that may be fetched from; `None` for any other. Names are looked up later, whenever a connection is made.
    pub(crate) fn address(&self, url: &str) -> Option<Uri> {
        let has_odd_part = url.len() > ADDRESS_BYTES_MAX || url.contains(['#', '\\']);
        let uri = Uri::try_from(url).ok().filter(|_| !has_odd_part)?;
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let is_plain = uri.scheme() == Some(&Scheme::HTTP);
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        // A host that is an address is never looked up, so it is judged here.
        let leads_inside = host.parse::<IpAddr>().is_ok_and(|address| !is_public(address));
        let is_fit = !host.is_empty() && !authority.as_str().contains('@');
        (is_fit && (is_tls || (is_plain && self.private_endpoints)) && (!leads_inside || self.private_endpoints)).then_some(uri)
    }

    /// Fetches a document of JSON.
    ///
    /// # Errors
    /// [`FetchError`] unless it is answered 200, whole, in time and within [`DOCUMENT_BYTES_MAX`].
    pub(crate) async fn get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri.clone();
        self.ask(request, FETCH_MS).await
    }

    /// Sends a form and reads the JSON that it is answered with. `authorization` says who asks, where the form does not.
    ///
    /// # Errors
    /// As [`Outbound::get`], with [`EXCHANGE_MS`] in which to answer.
    pub(crate) async fn post(&self, uri: &Uri, form: String, authorization: Option<HeaderValue>) -> Result<Bytes, FetchError> {
        let mut request = Request::new(Full::from(form));
        *request.uri_mut() = uri.clone();
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        self.ask(request, EXCHANGE_MS).await
    }

    async fn ask(&self, request: Request<Full<Bytes>>, within_ms: u64) -> Result<Bytes, FetchError> {
        timeout(Duration::from_millis(within_ms), self.ask_untimed(request)).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn ask_untimed(&self, mut request: Request<Full<Bytes>>) -> Result<Bytes, FetchError> {
        let _none_before = request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.client()?.request(request).await.map_err(|_broken| FetchError::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        match Limited::new(answer.into_body(), DOCUMENT_BYTES_MAX).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(why) if why.is::<LengthLimitError>() => Err(FetchError::TooLong),
            Err(_broken) => Err(FetchError::Unreachable),
        }
    }

    fn client(&self) -> Result<&Tls, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let lookup: fn(Name) -> Lookup = if self.private_endpoints { any_addresses } else { public_addresses };
        let mut connector = HttpConnector::new_with_resolver(service_fn(lookup));
        connector.set_connect_timeout(Some(Duration::from_millis(CONNECT_MS)));
        connector.enforce_http(false);
        // Without a root certificate nothing can be reached over TLS.
        let builder = HttpsConnectorBuilder::new().with_native_roots().map_err(|_no_roots| FetchError::Unreachable)?;
        let builder = if self.private_endpoints { builder.https_or_http() } else { builder.https_only() };
        let connector = builder.enable_http1().wrap_connector(connector);
        // Minutes lie between two fetches: no connection is worth keeping.
        Ok(self.client.get_or_init(|| Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("private_endpoints", &self.private_endpoints).finish_non_exhaustive()
    }
}

fn any_addresses(name: Name) -> Lookup {
    // The connector puts the port in.
    Box::pin(async move { Ok(lookup_host((name.as_str(), 0)).await?.collect::<Vec<_>>().into_iter()) })
}

fn public_addresses(name: Name) -> Lookup {
    Box::pin(async move {
        let public: Vec<_> = any_addresses(name).await?.filter(|found| is_public(found.ip())).collect();
        if public.is_empty() { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(public.into_iter()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_and_outside_of_this_network() {
        for (url, public, private) in [
            ("https://login.example.org/keys", true, true),
            ("https://login.example.org:8443/keys?p=1", true, true),
            ("https://8.8.8.8/keys", true, true),
            ("http://login.example.org/keys", false, true),
            ("http://127.0.0.1:8080/keys", false, true),
            ("https://127.0.0.1/keys", false, true),
            ("https://[::1]/keys", false, true),
            ("https://[::ffff:10.0.0.7]/keys", false, true),
            ("https://169.254.169.254/latest", false, true),
            ("ftp://login.example.org/keys", false, false),
            ("https://somebody@login.example.org/keys", false, false),
            ("https://login.example.org/keys#part", false, false),
            ("https:\\\\login.example.org/keys", false, false),
            ("file:///etc/passwd", false, false),
            ("/keys", false, false),
            ("login.example.org", false, false),
            ("", false, false),
        ] {
            assert_eq!(Outbound::new(false).address(url).is_some(), public, "{url}");
            assert_eq!(Outbound::new(true).address(url).is_some(), private, "{url}");
        }
        let long = format!("https://login.example.org/{}", "k".repeat(ADDRESS_BYTES_MAX));
        assert_eq!(Outbound::new(true).address(&long), None);
    }

    // SECURITY T13: names and odd spellings that lead to this machine
    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
        let outbound = Outbound::new(false);
        for name in ["localhost", "2130706433", "0x7f000001", "127.1"] {
            let uri = outbound.address(&format!("https://{name}:1/keys")).expect("a name");
            assert_eq!(outbound.get(&uri).await, Err(FetchError::Unreachable), "{name}");
            let refused = public_addresses(name.parse().expect("a name")).await.map(Iterator::count);
            assert!(refused.is_err(), "{name}");
        }
        assert!(any_addresses("localhost".parse().expect("a name")).await.is_ok_and(|found| found.count() > 0));
    }
}
