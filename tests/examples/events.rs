//! What an event costs the function `serve`, beside the same function answering a constant 302: from the bytes that the Runtime API hands over to
//! the bytes that it is given back, through the runtime's own loop. And its cold start: from exec to the first redirect, facts read and signed.
//!
//! usage: `events SERVE CONSTANT`, the binaries of `serve` and of the example `constant_302`, built alike. The Runtime API is served here; the
//! store of facts is the embedded one. Signed with a session token of 900 characters. Ends with 1 where the row does not hold.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{app::TestApp, function_url::FunctionUrl};
use tokio::net::TcpListener;

const ROUNDS: usize = 21;
const EVENTS: u32 = 1_000;
const COLD_STARTS: usize = 15;
const MOST: f64 = 1.3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let binaries: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [serve, constant] = binaries.as_slice() else { anyhow::bail!("usage: events SERVE CONSTANT") };
    let app = TestApp::fresh().await;
    let link = app.link("exp #3/50% +é.ome.zarr", json!({})).await;
    let path = format!("{}/0/c/0/0/0", link["url"].as_str().and_then(|url| url.strip_prefix("http://data.test")).expect("a URL"));
    let session = Timestamp::now() + SignedDuration::from_hours(6);
    let environment = [
        ("OFFPRINT_TABLE", "offprint"),
        ("OFFPRINT_DATA_URL", "http://data.test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &app.keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &app.keys.secret_access_key),
        ("AWS_SESSION_TOKEN", &BASE64.encode(&[0x5A; 675])),
        ("AWS_CREDENTIAL_EXPIRATION", &session.to_string()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &app.table_url),
        ("AWS_ENDPOINT_URL_S3", &app.s3_url),
    ];
    println!("{} bytes; {}", std::fs::metadata(serve)?.len(), cold_starts(serve, &environment, app.dir.path(), &path).await);
    let serve = start(serve, &environment, app.dir.path()).await;
    let answer = serve.event(event(&path)).await;
    assert_eq!(answer.status(), 302, "the link redirects");
    let head: String = answer.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("text"))).collect();
    assert!(head.contains("X-Amz-Security-Token="), "signed with the session");
    let recorded = app.dir.path().join("head.txt");
    std::fs::write(&recorded, format!("HTTP/1.1 302 Found\n{head}"))?;
    let constant = start(constant, &[("HEADERS", recorded.to_str().expect("a path"))], app.dir.path()).await;
    assert_eq!(constant.event(event(&path)).await.headers(), answer.headers(), "the same bytes");
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let both = (micros(&serve, &path).await, micros(&constant, &path).await);
        // The first one warms both.
        rounds.extend((round > 0).then_some(both));
    }
    let [ours, theirs] = [|both: &(f64, f64)| both.0, |both: &(f64, f64)| both.1].map(|of| median(rounds.iter().map(of)));
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs));
    println!(
        "medians of {ROUNDS} rounds of {EVENTS} events in turn: {ours:.1} us of processor a redirect, {theirs:.1} us a constant answer"
    );
    println!("event to answer / a constant 302: {ratio:.2} (must be at most {MOST})");
    anyhow::ensure!(ratio <= MOST, "the row does not hold");
    Ok(())
}

/// Milliseconds from exec to the first redirect of a new process, and to its next one.
async fn cold_starts(binary: &Path, environment: &[(&str, &str)], folder: &Path, path: &str) -> String {
    let (mut first, mut next) = (Vec::new(), Vec::new());
    for _start in 0..COLD_STARTS {
        let begun = Instant::now();
        let function = start(binary, environment, folder).await;
        assert_eq!(function.event(event(path)).await.status(), 302);
        first.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        assert_eq!(function.event(event(path)).await.status(), 302);
        next.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    format!(
        "exec to first redirect {:.1} ms, the next one {:.1} ms (medians of {COLD_STARTS})",
        median(first.into_iter()),
        median(next.into_iter())
    )
}

async fn start(binary: &Path, environment: &[(&str, &str)], folder: &Path) -> FunctionUrl {
    let environment: Vec<(String, String)> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let front = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let log = folder.join(binary.file_name().expect("a program")).with_extension("log");
    FunctionUrl::start(binary, &environment, front, &log).await
}

/// The recorded event of a Function URL for this path, dated now.
fn event(path: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../events/function-url-get.json")).expect("an event is JSON");
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["timeEpoch"] = json!(Timestamp::now().as_millisecond());
    event
}

/// Processor time of one event, in microseconds, over one round.
async fn micros(function: &FunctionUrl, path: &str) -> f64 {
    let begun = on_cpu(function.pid());
    for _event in 0..EVENTS {
        assert_eq!(function.event(event(path)).await.status(), 302);
    }
    (on_cpu(function.pid()) - begun).as_secs_f64() * 1e6 / f64::from(EVENTS)
}

/// Processor time of every thread of a process so far.
fn on_cpu(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let nanos = |task: std::io::Result<std::fs::DirEntry>| -> u64 {
        let stat = std::fs::read_to_string(task.expect("a thread").path().join("schedstat")).unwrap_or_default();
        stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
    };
    Duration::from_nanos(tasks.map(nanos).sum())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
