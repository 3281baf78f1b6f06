//! Faults under the SDK: an HTTP client for `DynamoDB` that throttles, loses requests and answers, cuts pages and leaves keys unprocessed.
//!
//! Included by path where it is needed. It knows the protocol's JSON and nothing of ours.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::{Value, json};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused for its rate; no effect.
    Throttle,
    /// The store fails; no effect.
    ErrorBefore,
    /// Lost on the way there, told at once; no effect.
    LostBefore,
    /// Lost on the way back, told at once: it had its effect.
    LostAfter,
    /// Never answered, and no effect: the caller's own timeout ends it.
    Hang,
    /// Sent this many milliseconds late.
    Late(u64),
    /// A transaction that met another one; no effect.
    Conflict,
    /// Sent twice; the second answer counts.
    Twice,
    /// A `BatchGetItem` of which this many items are held back as unprocessed.
    Unprocessed(usize),
    /// A `Query` page that ends after its first item, and says that there is more.
    Cut,
}

/// An HTTP client that carries out faults, and counts calls and items.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    inner: SharedHttpClient,
    state: Mutex<State>,
}

type Choice = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    planned: VecDeque<(String, Fault)>,
    choose: Option<Choice>,
    calls: Vec<String>,
    actions: Vec<usize>,
    items: usize,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::over(aws_smithy_http_client::Builder::new().build_http())
    }
}

impl Faults {
    /// Faults over a client that reaches the store.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self(Arc::new(Shared { inner, state: Mutex::default() }))
    }

    /// The client to configure the SDK with.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// The next call of `operation` (`Query`, `TransactWriteItems`, …) goes wrong so. Plans for one operation are carried out in their order.
    pub fn next(&self, operation: &str, fault: Fault) -> &Self {
        self.with(|state| state.planned.push_back((operation.to_owned(), fault)));
        self
    }

    /// Every call of `operation` goes wrong so, until [`Faults::heal`].
    pub fn always(&self, operation: &str, fault: Fault) -> &Self {
        let wanted = operation.to_owned();
        self.choose(move |operation| (operation == wanted).then_some(fault))
    }

    /// Every call is put to `choice`, by its operation, until [`Faults::heal`]; what was planned goes first.
    pub fn choose(&self, choice: impl FnMut(&str) -> Option<Fault> + Send + 'static) -> &Self {
        self.with(|state| state.choose = Some(Box::new(choice)));
        self
    }

    /// No faults from here on.
    pub fn heal(&self) {
        self.with(|state| (state.planned.clear(), state.choose = None));
    }

    /// The operations called since the last time this was asked, and the items that came back.
    pub fn count(&self) -> (Vec<String>, usize) {
        self.with(|state| (std::mem::take(&mut state.calls), std::mem::take(&mut state.items)))
    }

    /// The actions of each transaction sent since the last time this was asked.
    pub fn actions(&self) -> Vec<usize> {
        self.with(|state| std::mem::take(&mut state.actions))
    }

    fn with<T>(&self, then: impl FnOnce(&mut State) -> T) -> T {
        then(&mut self.0.state.lock().unwrap())
    }

    fn fault_of(&self, operation: &str) -> Option<Fault> {
        self.with(|state| {
            state.calls.push(operation.to_owned());
            if let Some(at) = state.planned.iter().position(|(planned, _)| planned == operation) {
                return state.planned.remove(at).map(|(_, fault)| fault);
            }
            state.choose.as_mut().and_then(|choose| choose(operation))
        })
    }
}

impl HttpClient for Faults {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.0.inner.http_connector(settings, components);
        SharedHttpConnector::new(Line { faults: self.clone(), inner })
    }
}

/// The line that one request takes.
#[derive(Debug)]
struct Line {
    faults: Faults,
    inner: SharedHttpConnector,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let (faults, inner) = (self.faults.clone(), self.inner.clone());
        let body: Option<Value> = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let actions = body.as_ref().and_then(|body| body["TransactItems"].as_array()).map(Vec::len);
        faults.with(|state| state.actions.extend(actions));
        HttpConnectorFuture::new(async move {
            let Some(fault) = faults.fault_of(&operation) else {
                return answer(&faults, inner.call(request).await?, |_| {}).await;
            };
            let lost = || ConnectorError::timeout("injected: lost".into());
            match fault {
                Fault::Throttle => Ok(refusal(400, &json!({ "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException" }))),
                Fault::ErrorBefore => Ok(refusal(500, &json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError" }))),
                Fault::LostBefore => Err(lost()),
                Fault::LostAfter => {
                    inner.call(request).await?;
                    Err(lost())
                }
                Fault::Hang => {
                    tokio::time::sleep(Duration::from_hours(1)).await;
                    Err(lost())
                }
                Fault::Conflict => Ok(refusal(
                    400,
                    &json!({
                        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                        "CancellationReasons": [{ "Code": "TransactionConflict" }],
                    }),
                )),
                Fault::Late(millis) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    answer(&faults, inner.call(request).await?, |_| {}).await
                }
                Fault::Twice => {
                    inner.call(request.try_clone().unwrap()).await?;
                    answer(&faults, inner.call(request).await?, |_| {}).await
                }
                Fault::Unprocessed(held) => answer(&faults, inner.call(request).await?, |body| hold_back(body, held)).await,
                Fault::Cut => answer(&faults, inner.call(request).await?, cut).await,
            }
        })
    }
}

fn refusal(status: u16, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

/// The store's answer, changed on its way, its items counted.
async fn answer(faults: &Faults, response: HttpResponse, change: impl FnOnce(&mut Value)) -> Result<HttpResponse, ConnectorError> {
    let status = response.status();
    let bytes = ByteStream::new(response.into_body()).collect().await.map_err(|why| ConnectorError::io(why.into()))?.to_vec();
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else {
        return Ok(HttpResponse::new(status, SdkBody::from(bytes)));
    };
    change(&mut body);
    faults.with(|state| state.items += items_in(&body));
    // The checksum header of the old body goes with the other headers.
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}

fn items_in(body: &Value) -> usize {
    let in_tables = body["Responses"].as_object().map_or(0, |tables| tables.values().filter_map(Value::as_array).map(Vec::len).sum());
    body["Items"].as_array().map_or(0, Vec::len) + usize::from(body["Item"].is_object()) + in_tables
}

fn hold_back(body: &mut Value, held: usize) {
    let Some(tables) = body["Responses"].as_object_mut() else { return };
    let mut unprocessed = serde_json::Map::new();
    for (table, items) in tables {
        let items = items.as_array_mut().unwrap();
        let kept = items.len().saturating_sub(held);
        let keys: Vec<_> = items.drain(kept..).map(|item| json!({ "pk": item["pk"], "sk": item["sk"] })).collect();
        if !keys.is_empty() {
            unprocessed.insert(table.clone(), json!({ "Keys": keys, "ConsistentRead": true }));
        }
    }
    body["UnprocessedKeys"] = Value::Object(unprocessed);
}

fn cut(body: &mut Value) {
    let Some(items) = body["Items"].as_array_mut() else { return };
    items.truncate(1);
    let Some(last) = items.first().cloned() else { return };
    let names = ["pk", "sk", "gsi1pk", "gsi1sk"];
    let key: serde_json::Map<_, _> =
        names.into_iter().filter(|name| last[*name].is_object()).map(|name| (name.to_owned(), last[name].clone())).collect();
    body["Count"] = json!(1);
    body["LastEvaluatedKey"] = Value::Object(key);
}
