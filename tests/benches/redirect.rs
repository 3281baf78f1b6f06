//! What a redirect costs beside one signature, which it cannot do without, facts warm. All in one run and in turn: compare, do not quote.
//! What an event costs is measured through the Lambda runtime's own loop, by the example `events`.
//!
//! Costs are nanoseconds of the processor of this thread, on which everything runs.

use std::{convert::Infallible, fs, hint::black_box, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use criterion::Criterion;
use data_encoding::BASE64;
use domain::{
    decision::{Action, Facts, Permit, Principal, Who, decide},
    grant::Net,
    key::LinkKey,
    path::ObjectPath,
};
use edge::{App, Clock, config::Config, trace::LineSink};
use http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
    presigner::SignedMethod,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use serve::DataOrigin;
use tests::app::{DATA, TestApp};
use tokio::runtime::Runtime;
use tower::Service;

const PATH: &str = "0/c/4/7/2";
const MOST: f64 = 3.0;
/// Times that each is measured, in turn, so that a busy machine is busy for all.
const ROUNDS: usize = 40;
/// Calls of one round: tens of milliseconds.
const CALLS: usize = 4_096;
/// Requests that are made beforehand: as few as leave the clock's own cost small. A server has one at a time, and what it frees it takes
/// again; of many at once, the allocator keeps no more than seven of a size at hand.
const BATCH: usize = 4;
/// Calls of what takes a fraction of that.
const SIGNATURES: usize = 4 * CALLS;

/// What is compared. Everything runs on this one thread, the embedded parts too; those are asked once in five seconds.
struct Bench {
    runtime: Runtime,
    app: App,
    permit: Permit,
    path: ObjectPath,
    /// The path and query of one object in a link.
    target: String,
    /// The product's data origin.
    origin: DataOrigin,
    /// A router that answers the same headers without a thought.
    constant: Router,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (parts, link) = runtime.block_on(async {
            let parts = TestApp::fresh().await;
            let link = parts.link("exp #3/50% +é.ome.zarr", json!({})).await;
            (parts, link)
        });
        let target = format!("{}/{PATH}", link["url"].as_str().expect("a URL").strip_prefix(DATA).expect("of the data origin"));
        let (app, config) = (&parts.app, Config::clone(&parts.app.config));
        let app = App::new(config, app.table.clone(), signing(&parts), LineSink::file(nowhere()), Clock::System);
        let key = LinkKey::parse(target.split('/').nth(1).expect("a key")).expect("a key");
        let now = Timestamp::now();
        let facts = runtime.block_on(app.facts.link(&app.table, key.hash(), now, None)).expect("facts").facts.expect("the link");
        let permit =
            decide(&Principal { who: Who::Holder, net: Net::Unknown }, Action::Read, &Facts::Link(facts), now).expect("a live link");
        let path = ObjectPath::from_decoded(PATH).expect("a path");
        let origin = DataOrigin::new(app.clone());
        let answer = runtime.block_on(answer(&mut origin.clone(), request(&target)));
        assert_eq!(answer.status(), StatusCode::FOUND);
        let url = answer.headers()[header::LOCATION].to_str().expect("a URL");
        assert!(url.contains("X-Amz-Security-Token="), "signed with a session");
        let constant = constant(answer.headers().clone());
        // The folder is kept to the end of the process: the parts go on serving it.
        std::mem::forget(parts);
        Self { runtime, app, permit, path, target, origin, constant }
    }

    /// One signature, with the presigner at hand.
    fn signatures(&self) -> f64 {
        let now = self.app.now();
        let presigner = self.runtime.block_on(self.app.objects.presigner(&self.permit, now)).expect("credentials");
        cost(vec![(); SIGNATURES], |()| {
            black_box(presigner.sign(&self.permit, SignedMethod::Get, black_box(&self.path), now).expect("signed"))
        })
    }

    /// From a parsed HTTP request to the answer: path, facts, decision, signature, headers, access line.
    fn answers(&self, mut origin: impl Service<Request<Body>, Response = Response, Error = Infallible>) -> f64 {
        self.runtime.block_on(async {
            drop(answer(&mut origin, request(&self.target)).await);
            let clock = median((0..CALLS).map(|_| -on_cpu() + on_cpu()).collect());
            let mut spent = 0.0;
            for _batch in 0..CALLS / BATCH {
                let requests: Vec<_> = (0..BATCH).map(|_| request(&self.target)).collect();
                let begun = on_cpu();
                for request in requests {
                    black_box(answer(&mut origin, request).await);
                }
                spent += on_cpu() - begun - clock;
            }
            spent / CALLS as f64
        })
    }
}

/// Objects signed for with a session such as a role gives: its token has 900 characters.
fn signing(parts: &TestApp) -> Objects {
    let mut bits = [0; 675];
    getrandom::fill(&mut bits).expect("random bits");
    let session = Credentials::new(&parts.keys.access_key_id, &parts.keys.secret_access_key, Some(BASE64.encode(&bits)), None);
    let settings = Settings {
        endpoint: Some(parts.s3_url.clone()),
        public_endpoint: Some("https://lab-data.s3.eu-central-1.amazonaws.com".to_owned()),
        private_endpoints: true,
        signer: Signer::Static(session),
        sts_endpoint: None,
    };
    Objects::new(settings).expect("objects")
}

/// Where access lines go: written as `up` writes them, kept by nobody.
fn nowhere() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/null").expect("the null device")
}

/// Answers every request with 302 and these headers.
fn constant(headers: HeaderMap) -> Router {
    let headers = Arc::new(headers);
    Router::new().fallback(move || {
        let headers = Arc::clone(&headers);
        async move {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::FOUND;
            *answer.headers_mut() = HeaderMap::clone(&headers);
            answer
        }
    })
}

fn request(target: &str) -> Request<Body> {
    let request = Request::get(target)
        .header("host", "data.test")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate")
        .header("user-agent", "Python/3.11 aiohttp/3.14.5");
    request.body(Body::empty()).expect("a request")
}

async fn answer(origin: &mut impl Service<Request<Body>, Response = Response, Error = Infallible>, request: Request<Body>) -> Response {
    let Ok(answer) = origin.call(request).await;
    answer
}

/// What one call costs, over one for each of `given`.
fn cost<T, U>(given: Vec<T>, call: impl Fn(T) -> U) -> f64 {
    let (calls, begun) = (given.len(), on_cpu());
    for one in given {
        call(one);
    }
    (on_cpu() - begun) / calls as f64
}

/// Nanoseconds that this thread was on a processor: what others took of it does not count.
fn on_cpu() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 * 1e9 + spent.tv_nsec as f64
}

/// The middle one: a round in which the machine was busy elsewhere does not count.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let bench = Bench::new();
    let mut criterion =
        Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500)).configure_from_args();
    let timed = |calls: u64, round: &dyn Fn() -> f64| {
        let rounds = calls.div_ceil(CALLS as u64);
        Duration::from_nanos(((0..rounds).map(|_| round()).sum::<f64>() / rounds as f64 * calls as f64) as u64)
    };
    criterion.bench_function("presign", |by| by.iter_custom(|calls| timed(calls, &|| bench.signatures())));
    criterion.bench_function("request to answer", |by| by.iter_custom(|calls| timed(calls, &|| bench.answers(bench.origin.clone()))));
    criterion.final_summary();
    report(&bench);
}

/// The row of `docs/PERFORMANCE.md`. Ends the process with 1 where it does not hold.
fn report(bench: &Bench) {
    let rounds: Vec<[f64; 3]> =
        (0..ROUNDS).map(|_| [bench.signatures(), bench.answers(bench.origin.clone()), bench.answers(bench.constant.clone())]).collect();
    let [sign, answer, plain] = [0, 1, 2].map(|at| median(rounds.iter().map(|round| round[at]).collect()));
    let ratio = median(rounds.iter().map(|[sign, answer, _plain]| answer / sign).collect());
    println!(
        "\nmedians of {ROUNDS} rounds in turn, nanoseconds: presign {sign:.0}, request to answer {answer:.0}, a router's constant answer {plain:.0}"
    );
    println!("decide, presign, answer / presign: {ratio:.2} (must be at most {MOST})");
    if ratio > MOST {
        std::process::exit(1);
    }
}
