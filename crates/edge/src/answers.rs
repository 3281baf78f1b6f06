//! A streamed answer on its way to the Lambda Runtime API.
//!
//! Why not the runtime's own way: it sends the head of an answer, the bytes that end it, and each part of the body in a write of its own,
//! over a socket on which a small write waits until the other end has acknowledged the one before. Where that end delays this, as Linux
//! does, each redirect takes 40 ms. Here the head and its end are one write, the body's parts wait for nobody, and a body that breaks off
//! ends in trailers: the runtime appends their text to the body. Source: the Lambda Runtime API 2018-06-01 and "Using Lambda response
//! streaming with a custom runtime".

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{Stream, StreamExt, future, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_http::{
    LambdaEvent,
    lambda_runtime::{self, LambdaInvocation, StreamResponse, streaming::Body},
    request::LambdaRequest,
};
use lambda_runtime_api_client::PooledClient;
use tower::Service;

const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
/// What parts the head of an answer from its body.
const END_OF_HEAD: [u8; 8] = [0; 8];

/// Answers invocations by way of a door.
pub(crate) struct Answers<S> {
    door: S,
    client: Arc<PooledClient>,
}

impl<S> Answers<S> {
    /// Answers what `door` says to the Runtime API that the environment names.
    pub(crate) fn through(door: S) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { door, client: Arc::new(PooledClient::builder().with_connector(connector).build()) }
    }
}

impl<S, B> Service<LambdaInvocation> for Answers<S>
where
    S: Service<LambdaEvent<LambdaRequest>, Response = StreamResponse<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static,
{
    type Response = ();
    type Error = lambda_runtime::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.door.poll_ready(cx).map_err(|never| match never {})
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let LambdaInvocation { parts, body, context } = invocation;
        let client = Arc::clone(&self.client);
        let place = format!("/2018-06-01/runtime/invocation/{}/response", context.request_id);
        let answer = serde_json::from_slice(&body).map(|payload| self.door.call(LambdaEvent { payload, context }));
        Box::pin(async move {
            let Ok(answer) = answer?.await;
            let mut request = Request::post(place).body(Body::new(StreamBody::new(whole(answer)?)))?;
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.awslambda.http-integration-response"));
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            headers.insert(RESPONSE_MODE, HeaderValue::from_static("streaming"));
            headers.append(header::TRAILER, HeaderValue::from(ERROR_TYPE));
            headers.append(header::TRAILER, HeaderValue::from(ERROR_BODY));
            if let Some(id) = parts.headers.get(INVOCATION_ID) {
                headers.insert(INVOCATION_ID, id.clone());
            }
            if let Err(why) = client.call(request).await {
                tracing::error!(%why, "an answer did not reach the Runtime API");
            }
            Ok(())
        })
    }
}

type Frames = Result<Frame<Bytes>, Infallible>;

/// An answer as the Runtime API wants it: its head as JSON, eight zero bytes, the body.
fn whole<B>(answer: StreamResponse<B>) -> Result<impl Stream<Item = Frames> + Send + 'static, serde_json::Error>
where
    B: Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
{
    let mut prelude = answer.metadata_prelude;
    prelude.headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    let mut head = serde_json::to_vec(&prelude)?;
    head.extend(END_OF_HEAD);
    let body = answer.stream.map(|part| match part {
        Ok(bytes) => Frame::data(bytes),
        Err(why) => Frame::trailers(broken_off(&why)),
    });
    Ok(stream::once(future::ready(Frame::data(Bytes::from(head)))).chain(body).map(Ok))
}

/// The trailers that tell the Runtime API that a body broke off: what came of it is not the whole.
fn broken_off(why: &axum::Error) -> HeaderMap {
    tracing::error!(%why, "a body broke off");
    let told = serde_json::json!({ "errorType": "Offprint.BodyBrokeOff", "errorMessage": "the store stopped sending" });
    let mut trailers = HeaderMap::new();
    trailers.insert(ERROR_TYPE, HeaderValue::from_static("Offprint.BodyBrokeOff"));
    trailers.extend(HeaderValue::try_from(BASE64.encode(told.to_string().as_bytes())).ok().map(|body| (ERROR_BODY, body)));
    trailers
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use lambda_http::lambda_runtime::MetadataPrelude;

    use super::*;

    fn frames(parts: Vec<Result<Bytes, axum::Error>>) -> Vec<Frame<Bytes>> {
        let metadata_prelude = MetadataPrelude { status_code: StatusCode::OK, ..MetadataPrelude::default() };
        let whole = whole(StreamResponse { metadata_prelude, stream: stream::iter(parts) }).unwrap();
        let frames = futures_util::FutureExt::now_or_never(whole.collect::<Vec<_>>()).unwrap();
        frames.into_iter().map(|frame| frame.unwrap_or_else(|never| match never {})).collect()
    }

    #[test]
    fn a_head_and_its_end_are_one_part() {
        let frames = frames(vec![Ok(Bytes::from_static(b"chunk"))]);
        let head = frames[0].data_ref().unwrap();
        assert!(head.ends_with(&END_OF_HEAD));
        let prelude: serde_json::Value = serde_json::from_slice(&head[..head.len() - END_OF_HEAD.len()]).unwrap();
        assert_eq!(prelude["statusCode"], 200);
        assert_eq!(prelude["headers"]["content-type"], "application/octet-stream");
        assert_eq!(frames[1].data_ref().unwrap(), &b"chunk"[..]);
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn a_body_that_breaks_off_says_so_and_nothing_is_added_to_it() {
        let frames = frames(vec![Ok(Bytes::from_static(b"half")), Err(axum::Error::new("secret detail"))]);
        assert_eq!(frames[1].data_ref().unwrap(), &b"half"[..]);
        let trailers = frames[2].trailers_ref().unwrap();
        assert_eq!(trailers[ERROR_TYPE], "Offprint.BodyBrokeOff");
        let told = BASE64.decode(trailers[ERROR_BODY].as_bytes()).unwrap();
        assert!(!String::from_utf8(told).unwrap().contains("secret"));
        assert_eq!(frames.len(), 3);
    }
}
