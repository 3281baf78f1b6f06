//! The API, asked over HTTP in the name of whoever is signed in, as the command line asks it (docs/adr/0069): each act has one implementation, one decision
//! and one line of the audit, and pages need no right of their own for it.
//!
//! It is asked at the functions' own addresses, with what proves that it is asked for a visitor, and where the visitor is. Not here: what a refusal looks like
//! (`refused`).

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use domain::{
    limits::{API_ANSWER_BYTES_MAX, API_ANSWER_MS, API_CONNECT_MS, API_IDLE_SECS},
    token::TokenSecret,
};
use edge::{App, caller::Caller, cdn, problem::Problem};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Builder, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    form,
    local_path::escaped,
    refused::{Refused, There},
};

/// What stands for itself in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The connections to the API of one process. Cheap to clone; they are made when they are first needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    plain: Arc<OnceLock<Client<HttpConnector, Full<Bytes>>>>,
    tls: Arc<OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>>,
}

/// The API, for one person's request.
#[derive(Debug)]
pub(crate) struct Api {
    connections: Connections,
    links: Option<String>,
    acl: Option<String>,
    headers: HeaderMap,
}

/// How something is asked for besides its body.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct How<'a> {
    /// The key under which it is done once.
    pub(crate) once: Option<&'a str>,
    /// The version that was seen.
    pub(crate) version: Option<u64>,
    /// Whether it is only tried.
    pub(crate) is_trial: bool,
}

impl Api {
    /// The API, asked by `caller`, whose session this is.
    pub(crate) fn of(app: &App, connections: Connections, caller: &Caller, session: &TokenSecret) -> Self {
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, text: &str| {
            if let Ok(mut value) = HeaderValue::from_str(text) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        };
        put(header::AUTHORIZATION, &format!("Bearer {}", session.reveal()));
        if let Some(secret) = &app.config.cdn_secret {
            put(cdn::PROOF, secret);
        }
        put(cdn::VISITOR, &cdn::said(caller.principal.net));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Self { connections, links: app.config.links_url.clone(), acl: app.config.acl_url.clone(), headers }
    }

    /// Asks for one thing, or a page of a listing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, Option<&str>)]) -> Result<T, Refused> {
        let request = self.request(Method::GET, path, query)?;
        self.answer(request).await.map(|(_status, found)| found)
    }

    /// Does something, or tries it.
    pub(crate) async fn act<T: DeserializeOwned>(&self, path: &[&str], how: How<'_>, body: &impl Serialize) -> Result<T, Refused> {
        self.make(path, how, body).await.map(|(_status, made)| made)
    }

    /// The same, with the status, which says whether it is new, or waits.
    pub(crate) async fn make<T: DeserializeOwned>(
        &self,
        path: &[&str],
        how: How<'_>,
        body: &impl Serialize,
    ) -> Result<(StatusCode, T), Refused> {
        self.write(Method::POST, "application/json", path, how, body).await
    }

    /// Changes something, or tries it.
    pub(crate) async fn edit<T: DeserializeOwned>(&self, path: &[&str], how: How<'_>, body: &impl Serialize) -> Result<T, Refused> {
        self.write(Method::PATCH, "application/merge-patch+json", path, how, body).await.map(|(_status, changed)| changed)
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        kind: &'static str,
        path: &[&str],
        how: How<'_>,
        body: &impl Serialize,
    ) -> Result<(StatusCode, T), Refused> {
        let trial: &[_] = if how.is_trial { &[("dry_run", Some("true"))] } else { &[] };
        let mut request = self.request(method, path, trial)?;
        *request.body_mut() = Full::from(serde_json::to_vec(body).map_err(|_none| not_understood())?);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(key) = how.once {
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).map_err(|_none| form::not_understood())?);
        }
        if let Some(version) = how.version {
            headers.insert(header::IF_MATCH, HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_none| not_understood())?);
        }
        self.answer(request).await
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, Option<&str>)]) -> Result<Request<Full<Bytes>>, Refused> {
        // No way to write these as one segment is left in an address.
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(Problem::not_found().into());
        }
        let base = if is_of_links(path) { &self.links } else { &self.acl };
        let base = base.as_ref().ok_or_else(|| unreachable("no setting says where the API is"))?;
        let path = path.iter().map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect::<Vec<_>>().join("/");
        let query: Vec<_> = query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?)))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let uri: Uri = format!("{base}/api/v1/{path}{mark}{}", query.join("&")).parse().map_err(|_none| Problem::not_found())?;
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    async fn answer<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, T), Refused> {
        let asked = timeout(Duration::from_millis(API_ANSWER_MS), self.connections.ask(request)).await;
        let (parts, body) = asked.map_err(|_late| unreachable("the API did not answer in time"))??.into_parts();
        if !parts.status.is_success() {
            return Err(Refused::There(Box::new(There::of(parts.status, &parts.headers, &body))));
        }
        let body = serde_json::from_slice(&body).map_err(|_other| not_understood())?;
        Ok((parts.status, body))
    }
}

/// Whether a path is one of `links`, as the CDN has it; every other is one of `acl`.
fn is_of_links(path: &[&str]) -> bool {
    matches!(path, ["links" | "passes", ..] | ["datasets", _, "links", ..])
}

impl Connections {
    /// Sends a request and reads what it is answered with, whole.
    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Refused> {
        let broken = |_why| unreachable("the API cannot be reached");
        let answer = if request.uri().scheme_str() == Some("http") {
            self.plain.get_or_init(|| builder().build(connector())).request(request)
        } else {
            self.tls()?.request(request)
        };
        let (parts, body) = answer.await.map_err(broken)?.into_parts();
        let body = Limited::new(body, API_ANSWER_BYTES_MAX).collect().await.map_err(|_why| unreachable("the API's answer broke off"))?;
        Ok(http::Response::from_parts(parts, body.to_bytes()))
    }

    fn tls(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, Refused> {
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let roots = HttpsConnectorBuilder::new().with_native_roots().map_err(|_none| unreachable("this machine trusts no certificate"))?;
        let connector = roots.https_only().enable_http1().wrap_connector(connector());
        Ok(self.tls.get_or_init(|| builder().build(connector)))
    }
}

fn builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(API_IDLE_SECS));
    builder
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_millis(API_CONNECT_MS)));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector
}

/// 503: nobody knows whether it was done; every act may be sent again.
fn unreachable(why: &'static str) -> Refused {
    tracing::warn!(why, "a page could not ask the API");
    Problem::unavailable("api-unavailable", why).into()
}

fn not_understood() -> Refused {
    tracing::error!("the API and a page of one deployment do not understand each other");
    Problem::new(StatusCode::BAD_GATEWAY, "api-not-understood", "the API answered something else than this page understands")
        .hint("try again in a minute: the deployment may be changing just now")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // template.yaml sends the same to `links`
    #[test]
    fn links_are_asked_about_links_and_nothing_else() {
        for path in [&["links"][..], &["links", "l1"], &["links", "batch", "revoke"], &["passes"], &["datasets", "d1", "links", "revoke"]] {
            assert!(is_of_links(path), "{path:?}");
        }
        for path in [&["datasets"][..], &["datasets", "d1"], &["datasets", "d1", "sharing", "links"], &["projects", "p1", "links"], &["me"]]
        {
            assert!(!is_of_links(path), "{path:?}");
        }
    }

    // SECURITY T13: what stands in a page's address leads to no other place of the API
    #[test]
    fn a_segment_stays_one() {
        let api = Api {
            connections: Connections::default(),
            links: Some("http://links.test".to_owned()),
            acl: Some("http://acl.test".to_owned()),
            headers: HeaderMap::new(),
        };
        let asked =
            |path: &[&str]| api.request(Method::GET, path, &[("q", Some("a&b=c")), ("state", None)]).map(|asked| asked.uri().to_string());
        assert_eq!(asked(&["links", "a/../b?c#d"]).unwrap(), "http://links.test/api/v1/links/a%2F..%2Fb%3Fc%23d?q=a%26b%3Dc");
        for wrong in ["", ".", ".."] {
            assert!(asked(&["datasets", wrong]).is_err(), "{wrong}");
        }
    }
}
