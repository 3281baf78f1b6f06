//! A server that answers every request with one and the same 302: what `offprint up` would cost if it had nothing to decide and to sign.
//!
//! usage: `constant_302 HEADERS`, where HEADERS is a file with the head of an answer of the product: a status line, then
//! a header a line.
//! Prints its address, then serves until it is ended. Its accept loop, its HTTP and its router are those of the app origin of `offprint up`.
//! Started as Lambda starts a function, with HEADERS in the environment, it answers events instead, through the door of `serve`.

use std::sync::Arc;

use axum::{Router, body::Body, response::Response};
use edge::{
    config::Config,
    lambda::{self, Reply},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::net::TcpListener;
use tower::Service;

fn main() -> anyhow::Result<()> {
    let file =
        std::env::args().nth(1).or_else(|| std::env::var("HEADERS").ok()).ok_or_else(|| anyhow::anyhow!("usage: constant_302 HEADERS"))?;
    let mut headers = HeaderMap::new();
    for line in std::fs::read_to_string(file)?.lines().skip(1) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
    }
    let router = Router::new().fallback(move || {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::FOUND;
        *answer.headers_mut() = headers.clone();
        std::future::ready(answer)
    });
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        let config = Arc::new(Config::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(lambda::run(router, config, Reply::Streamed)).map_err(|why| anyhow::anyhow!(why));
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(router))
}

async fn serve(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let answer = move |request| {
        let mut router = router.clone();
        async move {
            let Ok(answer) = router.call(request).await;
            answer
        }
    };
    embed::listener::run(listener, answer, std::future::pending()).await;
    Ok(())
}
