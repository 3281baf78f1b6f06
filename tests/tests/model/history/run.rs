//! The run: makers of links, somebody who revokes any of them, somebody who grants, and readers at two instances of the data origin, all at
//! once, while the table fails and writes come late. Time passes with what is done, not with the machine's clock: however slow the
//! machine is, the same happens.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use http::{Method, StatusCode};
use jiff::Timestamp;
use proptest::{
    prelude::RngExt,
    test_runner::{RngAlgorithm, TestRng},
};
use serde_json::{Value, json};
use serve::DataOrigin;
use tests::{
    app::{Answer, DATA, TestApp, ask_of},
    faults::Fault,
};
use tokio::task::JoinSet;

use super::record::{Came, Counted, Got, History, Means, Read, Span, Target, Write};
use crate::weather::{Sky, Weather, given};

/// Requests of a run, and how much time passes with each.
const REQUESTS: usize = 9_000;
const PASS_MS: i64 = 50;
const DATASETS: [&str; 2] = ["one.zarr", "two.zarr"];
const PEOPLE: [&str; 2] = ["Ada", "Bo"];
const OBJECT: &str = "0/0/0";
/// Links of one maker at a time.
const LINKS_OF_ONE: usize = 5;
/// How often the same request is sent where it is answered 503.
const SENDS: usize = 3;
/// Calls of the table that go well in a row, and that fail in a row, are fewer than this.
const FAULTS_EACH: usize = 120;
const FAULTS_IN_A_ROW: usize = 16;
/// A write is held back each so many requests, and arrives so many later.
const LATE_EACH: usize = 60;

/// The parts that all clients share.
struct Stage {
    app: TestApp,
    sky: Sky,
    instances: Vec<DataOrigin>,
    /// Each person's session.
    people: Vec<String>,
    datasets: Vec<String>,
    /// The id and the path of each link that was made.
    links: Mutex<Vec<(String, String)>>,
    history: Mutex<History>,
    requests: AtomicUsize,
    marks: AtomicUsize,
}

/// A link as its maker knows it.
struct Own {
    link: usize,
    version: u64,
    until: i64,
}

/// A change, as it is to be sent.
struct Change {
    target: Target,
    means: Means,
    until: Option<i64>,
    mark: Option<String>,
    method: Method,
    path: String,
    body: Value,
    if_match: Option<String>,
}

/// Runs all clients for a while; what they saw.
pub async fn recorded(seed: u64) -> Result<History> {
    let stage = Arc::new(Stage::new().await?);
    let began = stage.app.now();
    let mut rng = rng_of(seed, 0);
    let kinds = [Fault::Throttle, Fault::ErrorBefore, Fault::LostBefore, Fault::LostAfter, Fault::Twice, Fault::Unprocessed(1), Fault::Cut];
    let mut calls = Vec::new();
    while calls.len() < 20 * REQUESTS {
        // One alone is made good by the next try: now and then some come in a row.
        let (fair, foul) = (rng.random_range(0..FAULTS_EACH), rng.random_range(1..FAULTS_IN_A_ROW));
        calls.extend(std::iter::repeat_n(None, fair));
        calls.extend((0..foul).map(|_| Some(kinds[rng.random_range(0..kinds.len())])));
    }
    stage.sky.set(&Weather::Foul { calls, then: None });
    let mut clients = JoinSet::new();
    for maker in 0..2 {
        clients.spawn(makes(Arc::clone(&stage), rng_of(seed, 1 + maker)));
    }
    clients.spawn(revokes(Arc::clone(&stage), rng_of(seed, 11)));
    clients.spawn(grants(Arc::clone(&stage), rng_of(seed, 12)));
    clients.spawn(counts(Arc::clone(&stage), rng_of(seed, 13)));
    for reader in 0..4 {
        clients.spawn(reads(Arc::clone(&stage), reader % 2, rng_of(seed, 20 + reader as u64)));
    }
    let mut late = 0;
    while !stage.is_over() {
        late += stage.sky.deliver().await;
        stage.sky.set(&Weather::Late(1));
        let until = stage.requests.load(Ordering::SeqCst) + LATE_EACH;
        while stage.requests.load(Ordering::SeqCst) < until && !stage.is_over() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client")??;
    }
    stage.sky.heal();
    stage.sky.deliver().await;
    ensure!(late > 0, "no write came late");
    let audit = stage.app.audit_since(began).await;
    let mut history = std::mem::take(&mut *stage.history());
    // What others do to a thing later names its mark, too.
    let marks = audit.into_iter().filter(|entry| ["link.create", "link.edit", "grant.give"].contains(&entry.verb.as_str()));
    history.audit = marks.filter_map(|entry| entry.after).collect();
    Ok(history)
}

/// Makes links, and changes them. Nobody else changes these, but to revoke them.
async fn makes(stage: Arc<Stage>, mut rng: TestRng) -> Result<()> {
    let mut own: Vec<Own> = Vec::new();
    while !stage.is_over() {
        if own.len() < LINKS_OF_ONE && rng.random_bool(0.5) {
            own.extend(stage.make(&mut rng).await?);
            continue;
        }
        if own.is_empty() {
            continue;
        }
        let place = rng.random_range(0..own.len());
        if !stage.change_own(&mut own[place], &mut rng).await? {
            own.swap_remove(place);
        }
    }
    Ok(())
}

/// Revokes any link now and then.
async fn revokes(stage: Arc<Stage>, mut rng: TestRng) -> Result<()> {
    while !stage.is_over() {
        let Some(link) = stage.any_link(&mut rng) else {
            tokio::task::yield_now().await;
            continue;
        };
        // Mostly it looks, so that links live for a while.
        if rng.random_bool(0.9) {
            stage.read(Target::Link(link), 0).await?;
            continue;
        }
        stage.send(stage.act(link, Means::Shuts, "revoke")).await?;
    }
    Ok(())
}

/// Gives and takes back what people have on datasets.
async fn grants(stage: Arc<Stage>, mut rng: TestRng) -> Result<()> {
    while !stage.is_over() {
        let place = rng.random_range(0..PEOPLE.len() * DATASETS.len());
        if rng.random_bool(0.7) {
            stage.read(Target::Named(place), 1).await?;
            continue;
        }
        let path = format!("/api/v1/datasets/{}/grants", stage.datasets[place / PEOPLE.len()]);
        let to = format!("user:{}", PEOPLE[place % PEOPLE.len()]);
        let (target, method) = (Target::Named(place), Method::POST);
        let change = if rng.random_bool(0.5) {
            let secs = if rng.random_bool(0.3) { rng.random_range(20..120) } else { 86_400 };
            // No two ends are equal, so an end says which write it is.
            let until = stage.now() + secs * 1_000 + stage.marks.fetch_add(1, Ordering::SeqCst) as i64;
            let said = Timestamp::from_millisecond(until)?.to_string();
            let body = json!({ "to": to, "role": "view", "until": said });
            let if_match = Some("*".to_owned());
            Change { target, means: Means::Opens, until: Some(until), mark: Some(said), method, path, body, if_match }
        } else {
            let path = format!("{path}/withdraw");
            Change { target, means: Means::Shuts, until: None, mark: None, method, path, body: json!({ "to": to }), if_match: None }
        };
        stage.send(change).await?;
    }
    Ok(())
}

/// Looks at how often links were changed.
async fn counts(stage: Arc<Stage>, mut rng: TestRng) -> Result<()> {
    while !stage.is_over() {
        let Some(link) = stage.any_link(&mut rng) else {
            tokio::task::yield_now().await;
            continue;
        };
        let id = stage.links()[link].0.clone();
        let called = stage.now();
        let answer = stage.app.api(Method::GET, &format!("/api/v1/links/{id}"), None).await;
        let span = stage.until_now(called);
        if answer.status == StatusCode::OK {
            let count = answer.json()["version"].as_u64().context("a version")?;
            stage.history().counted.push(Counted { target: Target::Link(link), span, count });
        }
    }
    Ok(())
}

/// Reads anything, by one of the instances.
async fn reads(stage: Arc<Stage>, instance: usize, mut rng: TestRng) -> Result<()> {
    while !stage.is_over() {
        let target = match stage.any_link(&mut rng) {
            Some(link) if rng.random_bool(0.7) => Target::Link(link),
            _ => Target::Named(rng.random_range(0..PEOPLE.len() * DATASETS.len())),
        };
        stage.read(target, instance).await?;
    }
    Ok(())
}

impl Stage {
    async fn new() -> Result<Self> {
        let dir = tempfile::TempDir::new()?;
        for dataset in DATASETS {
            std::fs::create_dir_all(dir.path().join(format!("{dataset}/0/0")))?;
            std::fs::write(dir.path().join(format!("{dataset}/{OBJECT}")), "bytes")?;
        }
        let (app, sky) = Sky::over(dir).await;
        let mut datasets = Vec::new();
        for dataset in DATASETS {
            datasets.push(app.dataset(dataset).await);
        }
        let mut people = Vec::new();
        for name in PEOPLE {
            people.push(app.person(name).await.1);
        }
        let instances = vec![app.another(), app.another()];
        let (requests, marks) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Self { app, sky, instances, people, datasets, links: Mutex::default(), history: Mutex::default(), requests, marks })
    }

    fn now(&self) -> i64 {
        self.app.now().as_millisecond()
    }

    /// The end of a request that was called then: time passes with it.
    fn until_now(&self, called: i64) -> Span {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.app.clock.fetch_add(PASS_MS, Ordering::SeqCst);
        Span { called, returned: self.now() }
    }

    fn is_over(&self) -> bool {
        self.requests.load(Ordering::SeqCst) >= REQUESTS
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the links made lately, mostly.
    fn any_link(&self, rng: &mut TestRng) -> Option<usize> {
        let count = self.links().len();
        let from = if rng.random_bool(0.8) { count.saturating_sub(2 * LINKS_OF_ONE) } else { 0 };
        (count > 0).then(|| rng.random_range(from..count))
    }

    fn mark(&self) -> String {
        format!("mark-{};", self.marks.fetch_add(1, Ordering::SeqCst))
    }

    async fn read(&self, target: Target, instance: usize) -> Result<()> {
        let (path, bearer) = match target {
            Target::Link(link) => (format!("{}/{OBJECT}", self.links()[link].1), None),
            Target::Named(place) => {
                let dataset = place / PEOPLE.len();
                let path = format!("/{}/{}/{OBJECT}", self.datasets[dataset], DATASETS[dataset]);
                (path, Some(format!("Bearer {}", self.people[place % PEOPLE.len()])))
            }
        };
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let called = self.now();
        let answer = ask_of(&self.instances[instance], Method::GET, &path, &headers).await;
        let span = self.until_now(called);
        let got = match given(&answer)? {
            Some(end) => Got::Yes { end: end * 1_000 },
            None if answer.status == StatusCode::SERVICE_UNAVAILABLE => Got::Nothing,
            None => Got::No(answer.status.as_u16()),
        };
        self.history().reads.push(Read { target, instance, span, got });
        Ok(())
    }

    /// Sends a change until it is answered with something else than 503, or only once, as those in a hurry do, and records it; what the last
    /// answer was.
    async fn send(&self, change: Change) -> Result<Answer> {
        let Change { target, means, until, mark, method, path, body, if_match } = change;
        let key = self.mark();
        let mut headers = vec![("idempotency-key", key.as_str())];
        headers.extend(if_match.as_deref().map(|version| ("if-match", version)));
        let called = self.now();
        let sends_max = if self.requests.load(Ordering::SeqCst).is_multiple_of(2) { 1 } else { SENDS };
        let mut sends = 0;
        let (answer, span) = loop {
            let answer = self.app.api_with(method.clone(), &path, Some(body.clone()), &headers).await;
            let span = self.until_now(called);
            sends += 1;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE || sends == sends_max {
                break (answer, span);
            }
        };
        let came = match answer.status {
            status if status.is_success() => {
                let by = answer.json()["enforced_by"].as_str().map(str::parse::<Timestamp>).transpose()?;
                // What is made to end sooner works until then, and by the bound at the latest nowhere longer.
                Came::Done { enforced_by: by.map(|by| by.as_millisecond().max(until.unwrap_or_default())) }
            }
            StatusCode::SERVICE_UNAVAILABLE => Came::Open,
            // After an answer that was lost a refusal may be one of what was done.
            _ if sends > 1 => Came::Open,
            _ => Came::Refused,
        };
        ensure!(means != Means::Shuts || !matches!(came, Came::Done { enforced_by: None }), "no `enforced_by`: {path} {answer:?}");
        self.history().writes.push(Write { target, means, until, span, came, mark });
        Ok(answer)
    }

    /// Makes a link; nothing where that failed.
    async fn make(&self, rng: &mut TestRng) -> Result<Option<Own>> {
        let mark = self.mark();
        let secs = if rng.random_bool(0.3) { rng.random_range(30..150) } else { 86_400 };
        let until = self.now() + secs * 1_000;
        let dataset = &self.datasets[rng.random_range(0..self.datasets.len())];
        let body = json!({ "dataset": dataset, "label": mark, "until": instant(until)?, "strict": rng.random_bool(0.3) });
        let link = {
            let mut links = self.links();
            links.push((String::new(), "/nothing".to_owned()));
            links.len() - 1
        };
        let (target, path) = (Target::Link(link), "/api/v1/links".to_owned());
        let change =
            Change { target, means: Means::Opens, until: Some(until), mark: Some(mark), method: Method::POST, path, body, if_match: None };
        let answer = self.send(change).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let made = answer.json();
        let path = made["url"].as_str().context("a URL")?.trim_start_matches(DATA).trim_end_matches('/').to_owned();
        self.links()[link] = (made["id"].as_str().context("an id")?.to_owned(), path);
        Ok(Some(Own { link, version: made["version"].as_u64().context("a version")?, until }))
    }

    /// Pauses, resumes, edits or revokes; whether the link's maker still knows how it is.
    async fn change_own(&self, own: &mut Own, rng: &mut TestRng) -> Result<bool> {
        let change = match rng.random_range(0..10) {
            0..4 => self.act(own.link, Means::Shuts, "pause"),
            4..7 => Change { until: Some(own.until), ..self.act(own.link, Means::Opens, "resume") },
            7..9 => {
                let until = self.now() + rng.random_range(30..300) * 1_000;
                let mark = self.mark();
                let means = if until < own.until { Means::Shuts } else { Means::Extends };
                let if_match = Some(format!("\"{}\"", own.version));
                let body = json!({ "until": instant(until)?, "label": mark });
                Change { until: Some(until), mark: Some(mark), method: Method::PATCH, body, if_match, ..self.act(own.link, means, "") }
            }
            _ => self.act(own.link, Means::Shuts, "revoke"),
        };
        let until = change.until.unwrap_or(own.until);
        let answer = self.send(change).await?;
        if !answer.status.is_success() {
            return Ok(false);
        }
        let changed = answer.json();
        own.version = changed["link"]["version"].as_u64().context("a version")?;
        own.until = until;
        Ok(changed["link"]["state"] != "revoked")
    }

    /// A verb of a link.
    fn act(&self, link: usize, means: Means, verb: &str) -> Change {
        let path = format!("/api/v1/links/{}/{verb}", self.links()[link].0);
        let path = path.trim_end_matches('/').to_owned();
        Change { target: Target::Link(link), means, until: None, mark: None, method: Method::POST, path, body: json!({}), if_match: None }
    }
}

fn instant(millis: i64) -> Result<String> {
    Ok(Timestamp::from_millisecond(millis)?.to_string())
}

fn rng_of(seed: u64, client: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&client.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}
