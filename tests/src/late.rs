//! Writes that arrive late: the client is told at once that they are lost, and they reach the store when the test says so.
//!
//! This lies between the faults of `crates/table` and the store, and holds writes only: a read that comes late tells nobody anything.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

const WRITES: [&str; 3] = ["TransactWriteItems", "PutItem", "UpdateItem"];

/// An HTTP client for `DynamoDB` that holds writes back.
#[derive(Clone)]
pub struct Late(Arc<Shared>);

struct Shared {
    inner: SharedHttpClient,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    to_hold: usize,
    held: Vec<(SharedHttpConnector, HttpRequest)>,
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").field("held", &self.held()).finish_non_exhaustive()
    }
}

impl Late {
    /// Over a client that reaches the store.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self(Arc::new(Shared { inner, state: Mutex::default() }))
    }

    /// The client to configure the SDK with.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// The next `count` writes are held back; 0: none any more.
    pub fn hold(&self, count: usize) {
        self.state().to_hold = count;
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.state().held.len()
    }

    /// Lets what is held reach the store, in the order in which it was sent. Nobody waits for its answers any more.
    pub async fn deliver(&self) {
        let held = std::mem::take(&mut self.state().held);
        for (line, request) in held {
            drop(line.call(request).await);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no test panics while it holds this")
    }
}

impl HttpClient for Late {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.0.inner.http_connector(settings, components);
        SharedHttpConnector::new(Line { late: self.clone(), inner })
    }
}

/// The line that one request takes.
#[derive(Debug)]
struct Line {
    late: Late,
    inner: SharedHttpConnector,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let writes = target.rsplit('.').next().is_some_and(|operation| WRITES.contains(&operation));
        let mut state = self.late.state();
        if writes && state.to_hold > 0 {
            state.to_hold -= 1;
            state.held.push((self.inner.clone(), request));
            return HttpConnectorFuture::ready(Err(ConnectorError::timeout("injected: late".into())));
        }
        drop(state);
        self.inner.call(request)
    }
}
