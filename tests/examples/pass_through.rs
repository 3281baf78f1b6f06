//! A bare proxy: asks one store for what its URL names and hands on status, headers and bytes as they come. What the streamed form of a link
//! would cost if it had nothing to decide, to sign or to leave out.
//!
//! usage: `pass_through ORIGIN`. A request's path and query are asked of ORIGIN as they are. Prints its address, then serves until it is ended.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let origin = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: pass_through ORIGIN"))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let answer = move |request: Request<hyper::body::Incoming>| {
        let client = client.clone();
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let uri: Result<Uri, _> = format!("{origin}{target}").parse();
        async move {
            let Ok(uri) = uri else { return refused(StatusCode::BAD_REQUEST) };
            client.get(uri).await.map_or_else(|_why| refused(StatusCode::BAD_GATEWAY), |answer| answer.map(Body::new))
        }
    };
    embed::listener::run(listener, answer, std::future::pending()).await;
    Ok(())
}

fn refused(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
