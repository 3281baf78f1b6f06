//! The Lambda door: Function URL events in, answers out. Everything else that could call a function is refused, loudly.
//!
//! A Function URL hands over the path as the client sent it. An HTTP API decodes it first, and REST APIs and load balancers shape
//! their events differently: behind those, one object's address would open another, so the product refuses to run (SEMANTICS 2).

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Bytes,
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use futures_util::{FutureExt, Stream};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use lambda_http::{
    Adapter, LambdaEvent, RequestExt, StreamAdapter,
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    lambda_runtime::{self, StreamResponse},
    request::{LambdaRequest, RequestContext},
};
use objects::{Objects, Settings, credentials::Signer};
use serde_json::{Value, json};
use table::Table;
use tower::{Service, layer::layer_fn};

use crate::{
    App, Clock, answers::Answers, cdn::Visitor, config::Config, peer::EventSource, problem::Problem, target::RawTarget, trace::LineSink,
};

/// The most bytes of a path or a query that are looked at; a longer one is answered as a bad path.
const TARGET_BYTES_MAX: usize = 8_192;
/// A path that no parser takes: what a target that cannot be carried is replaced by.
const BAD_TARGET: &str = "/%2F";

/// How a function answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// All at once, at most 6 MB.
    Buffered,
    /// As a stream.
    Streamed,
}

/// The time that the front door stamped on an event: a second clock beside the machine's.
#[derive(Debug, Clone, Copy)]
pub struct EventTime(pub Timestamp);

/// The id that the front door gave a request.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

/// The function's own origin, from the event's request context, never from a header.
#[derive(Debug, Clone)]
pub struct OwnOrigin(pub String);

/// Runs an origin on Lambda, a router as a rule, until the runtime ends.
///
/// # Errors
/// Those of the Lambda runtime.
pub async fn run<S>(origin: S, config: Arc<Config>, reply: Reply) -> Result<(), lambda_http::Error>
where
    S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static> + Clone + Send + 'static,
{
    match reply {
        Reply::Buffered => lambda_runtime::run(Door { inner: Adapter::from(Front { origin, config, reply }) }).await,
        Reply::Streamed => {
            let fresh = move || door(origin.clone(), Arc::clone(&config));
            // The layer takes the place of what the runtime would do with the same door.
            let answers = layer_fn(|_replaced| Answers::through(fresh()));
            lambda_runtime::Runtime::new(fresh()).layer(answers).run().await
        }
    }
}

/// The door of a function that streams: an event in, an answer out.
pub fn door<S>(
    origin: S,
    config: Arc<Config>,
) -> impl Service<
    LambdaEvent<LambdaRequest>,
    Response = StreamResponse<impl Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static>,
    Error = Infallible,
    Future: Send + 'static,
>
where
    S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    Door { inner: StreamAdapter::from(Front { origin, config, reply: Reply::Streamed }) }
}

/// The app of a function, from its environment, and its log as JSON lines. The logs of the runtime and the SDKs stay above what writes whole
/// events, answers and items, keys and signed URLs included, whatever is asked for.
///
/// # Errors
/// The setting that is missing or does not fit.
pub fn app() -> Result<App, lambda_http::Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let asked = variable("OFFPRINT_LOG").unwrap_or_else(|| "info".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{asked},lambda_runtime=info,lambda_http=info,aws=info"))
        .unwrap_or_else(|_| "info".into());
    // A subscriber that is there already (a test's) stays.
    if tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).try_init().is_err() {
        tracing::debug!("a log subscriber was there already");
    }
    let config = Config::read(variable)?;
    let endpoint = |service: &str| variable(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| variable("AWS_ENDPOINT_URL"));
    let region = variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
    let table = Table::new(Table::settings(endpoint("DYNAMODB"), &region, None)?, &config.table);
    let copier = config.copier_role.clone();
    let signer = config.signer_role.clone().map_or(Signer::Environment, |arn| Signer::Role { arn, copier });
    let objects = Objects::new(Settings {
        endpoint: endpoint("S3"),
        public_endpoint: None,
        private_endpoints: config.private_endpoints,
        signer,
        sts_endpoint: endpoint("STS"),
    })?;
    Ok(App::new(config, table, objects, LineSink::stdout(), Clock::System))
}

/// Whether an event is the strike of a clock.
#[must_use]
pub fn is_strike(event: &Value) -> bool {
    event.get("source").and_then(Value::as_str) == Some("aws.events")
}

/// Makes an event safe to convert: the conversion builds a URI from the Host, the path and the query, and panics on those it cannot parse.
#[derive(Debug, Clone)]
struct Door<S> {
    inner: S,
}

impl<S: Service<LambdaEvent<LambdaRequest>>> Service<LambdaEvent<LambdaRequest>> for Door<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, event: LambdaEvent<LambdaRequest>) -> Self::Future {
        let LambdaEvent { payload, context } = event;
        let payload = match payload {
            LambdaRequest::ApiGatewayV2(event) => LambdaRequest::ApiGatewayV2(made_safe(event)),
            other => other,
        };
        self.inner.call(LambdaEvent { payload, context })
    }
}

/// The event with nothing in it that the conversion could trip over. The raw path stays as it is, or becomes one that is refused.
fn made_safe(mut event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpRequest {
    for name in ["host", "x-forwarded-proto", "x-forwarded-host", "forwarded"] {
        event.headers.remove(name);
    }
    // The conversion builds a URI from the host, and not every domain will do for it. Nobody asks for it afterwards.
    event.headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    event.request_context.domain_name = event.request_context.domain_name.take().filter(|domain| is_domain(domain));
    event.request_context.stage = None;
    let path_fits = event.raw_path.as_deref().is_some_and(|path| path.starts_with('/') && path.len() <= TARGET_BYTES_MAX);
    event.raw_query_string = event.raw_query_string.map(escaped);
    let query_fits = event.raw_query_string.as_deref().is_none_or(|query| query.len() <= TARGET_BYTES_MAX);
    let body_fits = !event.is_base64_encoded || event.body.as_deref().is_none_or(|body| BASE64.decode(body.as_bytes()).is_ok());
    if !path_fits || !query_fits || !body_fits {
        event.raw_path = Some(BAD_TARGET.to_owned());
        event.raw_query_string = None;
        event.body = None;
    }
    event
}

fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 253 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// A query with whatever no URI may hold escaped: browsers send some of it as it is.
fn escaped(query: String) -> String {
    let is_legal =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
    if query.bytes().all(is_legal) {
        return query;
    }
    query.bytes().map(|byte| if is_legal(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Checks where a request came from, gives the origin what it needs of the event, and answers 500 where the origin panics.
#[derive(Debug, Clone)]
struct Front<S> {
    origin: S,
    config: Arc<Config>,
    reply: Reply,
}

impl<S> Service<lambda_http::Request> for Front<S>
where
    S: Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.origin.poll_ready(cx)
    }

    fn call(&mut self, mut request: lambda_http::Request) -> Self::Future {
        if let Err(refused) = self.admit(&mut request) {
            return Box::pin(async move { Ok(refused) });
        }
        let answer = AssertUnwindSafe(self.origin.call(request)).catch_unwind();
        Box::pin(async move {
            Ok(match answer.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(never)) => match never {},
                Err(_panic) => last_resort(),
            })
        })
    }
}

impl<S> Front<S> {
    /// Puts the raw target, the event's time, its id and the own origin into the request's extensions.
    #[expect(clippy::result_large_err, reason = "the error is the answer, made once and passed straight on")]
    fn admit(&self, request: &mut lambda_http::Request) -> Result<(), Response> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(self.refuse("the event is not one of a Function URL", true));
        };
        let domain = context.domain_name.clone().unwrap_or_default();
        if !self.is_front_door(&domain) {
            return Err(self.refuse("the event comes from an HTTP API or an unknown domain, which may have decoded its path", false));
        }
        let mut source = context.http.source_ip.as_deref().and_then(|text| text.parse().ok());
        let event_time = Timestamp::from_millisecond(context.time_epoch).ok().filter(|_| context.time_epoch > 0);
        let id = context.request_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        let target = RawTarget { path: request.raw_http_path().to_owned(), query: request.uri().query().map(ToOwned::to_owned) };
        if let Some(secret) = &self.config.cdn_secret {
            // The peer is one of the CDN's machines or `pages`, and it has proven to be: it says whose request this is.
            match Visitor::of(request.headers(), secret) {
                None => {
                    let why = Problem::new(StatusCode::FORBIDDEN, "cdn-only", "this address is reached through the app's domain");
                    return Err(why.into_response());
                }
                Some(Visitor::At(address)) => source = Some(address),
                Some(Visitor::Unknown) => source = None,
                Some(Visitor::Unsaid) => {}
            }
        }
        let extensions = request.extensions_mut();
        extensions.insert(target);
        extensions.insert(OwnOrigin(format!("https://{domain}")));
        if let Some(address) = source {
            extensions.insert(EventSource(address));
        }
        if let Some(at) = event_time {
            extensions.insert(EventTime(at));
        }
        if let Some(id) = id {
            extensions.insert(RequestId(id));
        }
        Ok(())
    }

    fn is_front_door(&self, domain: &str) -> bool {
        let of_function_url = domain.ends_with(".on.aws") && domain.contains(".lambda-url.");
        of_function_url || self.config.front_door_domains.iter().any(|suffix| domain == suffix || domain.ends_with(&format!(".{suffix}")))
    }

    /// 500, and a log line that says what to change.
    fn refuse(&self, why: &'static str, foreign: bool) -> Response {
        tracing::error!(
            why,
            "refused: put a Lambda Function URL before this function (template.yaml), or name the domain in OFFPRINT_FRONT_DOOR_DOMAINS if it hands over raw paths"
        );
        let problem =
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "front-door", why).hint("put a Lambda Function URL before the function");
        if foreign && self.reply == Reply::Buffered {
            // A REST API or a load balancer reads status and body from this JSON, which is all that the door passes on for them.
            let proxied = json!({
                "statusCode": 500,
                "isBase64Encoded": false,
                "headers": { "content-type": "application/problem+json", "cache-control": "no-store" },
                "body": problem.to_json(None).to_string(),
            });
            return (StatusCode::INTERNAL_SERVER_ERROR, proxied.to_string()).into_response();
        }
        let mut refused = problem.into_response();
        crate::cors::add(refused.headers_mut(), false);
        refused
    }
}

/// The answer of a handler that panicked: loud, and with the headers that a browser needs to see it.
fn last_resort() -> Response {
    tracing::error!("a handler panicked");
    let mut answer = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here").into_response();
    crate::cors::add(answer.headers_mut(), false);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request to a function of this secret comes from, that came with these headers.
    fn source(secret: Option<&str>, headers: &[(&str, &str)]) -> Option<String> {
        let context = json!({
            "domainName": "x.lambda-url.eu-central-1.on.aws", "timeEpoch": 1, "requestId": "r",
            "http": { "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
        });
        let headers: serde_json::Map<_, _> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let event = json!({ "version": "2.0", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false, "headers": headers, "requestContext": context });
        let mut request = LambdaRequest::ApiGatewayV2(serde_json::from_value(event).unwrap()).into();
        let config = Config { cdn_secret: secret.map(str::to_owned), ..Config::default() };
        Front { origin: (), config: Arc::new(config), reply: Reply::Buffered }.admit(&mut request).unwrap();
        request.extensions().get::<EventSource>().map(|source| source.0.to_string())
    }

    // SECURITY T31
    #[test]
    fn the_cdn_says_whose_request_it_is_and_nobody_else_does() {
        let cdn = ("x-offprint-cdn", "secret");
        for (secret, headers, want) in [
            (Some("secret"), &[cdn, ("x-offprint-viewer", "198.51.100.7")][..], "198.51.100.7"),
            (Some("secret"), &[cdn, ("x-offprint-viewer", "2001:db8::7")], "2001:db8::7"),
            (Some("secret"), &[cdn, ("x-offprint-viewer", "198.51.100.7, 203.0.113.9")], "192.0.2.1"),
            (Some("secret"), &[cdn], "192.0.2.1"),
            (Some("secret"), &[cdn, ("x-offprint-viewer", "unknown")], ""),
            (None, &[cdn, ("x-offprint-viewer", "198.51.100.7")], "192.0.2.1"),
        ] {
            assert_eq!(source(secret, headers).unwrap_or_default(), want, "{headers:?}");
        }
    }
}
