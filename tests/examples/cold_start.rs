//! The cold start of `serve`: from exec to the first redirect, with real parts behind it.
//!
//! usage: `cold_start BINARY`, the function's `bootstrap`. Each run is a new process behind a Runtime API served here; its first event asks for
//! one object of a link, so it makes its table's client, reads the facts in two round trips, decides and signs. Prints a line.

use std::{path::PathBuf, time::Instant};

use serde_json::{Value, json};
use tests::{app::TestApp, function_url::FunctionUrl};
use tokio::net::TcpListener;

const RUNS: usize = 15;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let binary: PathBuf = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: cold_start BINARY"))?.into();
    let app = TestApp::fresh().await;
    let link = app.link("exp #3/50% +é.ome.zarr", json!({})).await;
    let path = format!("{}/0/c/0/0/0", link["url"].as_str().and_then(|url| url.strip_prefix("http://data.test")).expect("a URL"));
    let environment: Vec<(String, String)> = [
        ("OFFPRINT_TABLE", "offprint"),
        ("OFFPRINT_DATA_URL", "http://data.test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &app.keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &app.keys.secret_access_key),
        ("AWS_ENDPOINT_URL_DYNAMODB", &app.table_url),
        ("AWS_ENDPOINT_URL_S3", &app.s3_url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let front = TcpListener::bind("127.0.0.1:0").await?;
        let begun = Instant::now();
        let function = FunctionUrl::start(&binary, &environment, front, &app.dir.path().join(format!("{run}.log"))).await;
        first.push(redirect(&function, &path, begun).await);
        second.push(redirect(&function, &path, Instant::now()).await);
    }
    let bytes = std::fs::metadata(&binary)?.len();
    println!("{bytes} bytes; exec to first redirect {:.1} ms, the next one {:.1} ms (medians of {RUNS})", median(first), median(second));
    Ok(())
}

/// Milliseconds from `begun` to the answer to an event of now.
async fn redirect(function: &FunctionUrl, path: &str, begun: Instant) -> f64 {
    let mut event: Value = serde_json::from_str(include_str!("../events/function-url-get.json")).expect("an event is JSON");
    event["rawPath"] = json!(path);
    event["requestContext"]["timeEpoch"] = json!(jiff::Timestamp::now().as_millisecond());
    let answer = function.event(event).await;
    assert_eq!(answer.status(), 302);
    begun.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
