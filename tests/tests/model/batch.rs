//! A batch does to each of its items what a single request does (P17): two deployments are made alike, one is sent batches, the other their
//! items one by one, and what each item is answered, what is there afterwards and what the audit says are the same.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use http::Method;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};
use tests::app::{Answer, TestApp};

use crate::{is_share, weather::patient};

const DATASETS: [&str; 2] = ["cells.zarr", "other/cells.zarr"];

/// Batches, one after the other.
#[derive(Debug, Clone)]
pub struct Program(pub Vec<Step>);

/// A batch, by the owner of everything or by somebody who may share one dataset; and time that passes after it.
#[derive(Debug, Clone)]
pub struct Step {
    by_owner: bool,
    batch: Batch,
    /// Sent a second time.
    twice: bool,
    /// With an `Idempotency-Key`.
    keyed: bool,
    pass_secs: i64,
}

#[derive(Debug, Clone)]
enum Batch {
    Create(Vec<Wish>),
    Extend { links: Vec<u8>, until: &'static str },
    Revoke { links: Vec<u8>, reason: Option<&'static str> },
}

/// A link that is wished for; few differ, so that the same is asked for again.
#[derive(Debug, Clone)]
struct Wish {
    /// A number beyond the datasets: one that is not there.
    dataset: usize,
    label: u8,
    path: Option<&'static str>,
    class: Option<&'static str>,
    until: Option<&'static str>,
    role: Option<&'static str>,
    password: bool,
}

/// Programs of up to this many batches.
pub fn any_program(steps_max: usize) -> impl Strategy<Value = Program> {
    // The first makes links that others are about.
    let first = vec(any_wish(), 3..6).prop_map(|wishes| Step {
        by_owner: true,
        batch: Batch::Create(wishes),
        twice: true,
        keyed: false,
        pass_secs: 1,
    });
    (first, vec(any_step(), 2..=steps_max)).prop_map(|(first, steps)| Program([vec![first], steps].concat()))
}

fn any_step() -> impl Strategy<Value = Step> {
    let links = || vec(0..6_u8, 1..8);
    let batch = prop_oneof![
        4 => vec(any_wish(), 1..7).prop_map(Batch::Create),
        3 => (links(), select(vec!["60d", "60d", "1d", "400d", "never", "never", "2020-01-01", "nonsense"])).prop_map(|(links, until)| Batch::Extend { links, until }),
        2 => (links(), option::weighted(0.7, Just("moved"))).prop_map(|(links, reason)| Batch::Revoke { links, reason }),
    ];
    (prop::bool::weighted(0.7), batch, any::<bool>(), any::<bool>(), select(vec![0, 1, 4_000]))
        .prop_map(|(by_owner, batch, twice, keyed, pass_secs)| Step { by_owner, batch, twice, keyed, pass_secs })
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let dataset = prop_oneof![12 => Just(0_usize), 8 => Just(1), 1 => Just(2)];
    let path = option::weighted(0.2, select(vec!["0/", "0/", "../secret"]));
    let class = option::weighted(0.2, select(vec!["publication", "publication", "review", "nonsense"]));
    let until = option::weighted(0.3, select(vec!["30d", "30d", "never", "2020-01-01"]));
    let role = option::weighted(0.2, select(vec!["preview", "view", "full"]));
    (dataset, 0..3_u8, path, class, until, role, prop::bool::weighted(0.1))
        .prop_map(|(dataset, label, path, class, until, role, password)| Wish { dataset, label, path, class, until, role, password })
}

/// How many items were taken, and how many refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    taken: usize,
    refused: usize,
    /// Links that were there already.
    met: usize,
}

impl Tally {
    /// Both.
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.refused += other.refused;
        self.met += other.met;
    }

    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        println!("{self:?}");
        let all = self.taken + self.refused;
        is_share("items that were taken", self.taken, all, 0.2);
        is_share("items that were refused", self.refused, all, 0.1);
        assert!(self.met > 0, "{self:?}");
    }
}

/// One of two deployments that are made alike.
struct Side {
    app: TestApp,
    sharer: String,
    /// What stands for each id and each key of this deployment, so that the two can be compared.
    names: Vec<(String, String)>,
    datasets: Vec<String>,
    links: Vec<String>,
}

/// Runs `program`; the error says what a batch did that single requests do not.
pub async fn run(program: Arc<Program>) -> Result<Tally> {
    let (mut batched, mut single) = (Side::begin().await?, Side::begin().await?);
    // What made the two alike lies before.
    let began = batched.app.now().max(single.app.now()) + jiff::SignedDuration::from_secs(1);
    for side in [&batched, &single] {
        side.app.clock.store(began.as_millisecond(), std::sync::atomic::Ordering::SeqCst);
    }
    let mut tally = Tally::default();
    for (number, step) in program.0.iter().enumerate() {
        for time in 0..=usize::from(step.twice) {
            let (items, ones) = (batched.whole(step, number).await?, single.one_by_one(step, number).await?);
            let context = || format!("step {number}, time {time}: {step:?}");
            match (items, ones) {
                (Ok(items), Ok(ones)) => {
                    for (at, (item, one)) in items.iter().zip(&ones).enumerate() {
                        ensure!(item == one, "{}: item {at} of the batch is answered\n{item}\nby itself\n{one}", context());
                        let status = item["status"].as_u64().context("a status")?;
                        if status < 300 {
                            tally.taken += 1
                        } else {
                            tally.refused += 1
                        }
                        tally.met += usize::from(status == 200 && matches!(step.batch, Batch::Create(_)));
                    }
                    ensure!(items.len() == ones.len(), "{}: {} of {}", context(), items.len(), ones.len());
                }
                // What every item shares was refused: the whole batch, and each by itself.
                (Err(whole), Ok(ones)) => {
                    ensure!(ones.iter().all(|one| one["problem"]["code"] == whole["code"]), "{}: {whole}, {ones:?}", context());
                }
                (items, ones) => anyhow::bail!("{}: {items:?}, {ones:?}", context()),
            }
            let (whole, ones) = (batched.state(began).await?, single.state(began).await?);
            for (one, other) in whole.iter().zip(&ones) {
                ensure!(one == other, "{}: after a batch\n{one}\nafter its items\n{other}", context());
            }
            ensure!(whole.len() == ones.len(), "{}: {whole:#?}, {ones:#?}", context());
        }
        batched.app.pass_secs(step.pass_secs);
        single.app.pass_secs(step.pass_secs);
    }
    Ok(tally)
}

impl Side {
    async fn begin() -> Result<Self> {
        let dir = tempfile::TempDir::new()?;
        for dataset in DATASETS {
            std::fs::create_dir_all(dir.path().join(dataset).join("0"))?;
            std::fs::write(dir.path().join(dataset).join(".zattrs"), "{}")?;
        }
        let app = patient(dir).await;
        let mut datasets = Vec::new();
        for dataset in DATASETS {
            datasets.push(app.dataset(dataset).await);
        }
        let (id, sharer) = app.person("Bo").await;
        let grant = json!({ "to": format!("user:{id}"), "role": "view", "may_share": true });
        app.api(Method::POST, &format!("/api/v1/datasets/{}/grants", datasets[0]), Some(grant)).await;
        let source = app.api(Method::GET, "/api/v1/sources/demo", None).await.json();
        let me = app.api(Method::GET, "/api/v1/me", None).await.json();
        let mut side = Self { app, sharer, names: Vec::new(), datasets, links: Vec::new() };
        for (value, name) in [(&source["id"], "the source"), (&me["id"], "the owner"), (&json!(id), "the sharer")] {
            side.call(value, name)?;
        }
        for (number, dataset) in side.datasets.clone().into_iter().enumerate() {
            side.call(&json!(dataset), &format!("dataset {number}"))?;
        }
        side.datasets.push(format!("d{}", "a".repeat(26)));
        Ok(side)
    }

    fn call(&mut self, value: &Value, name: &str) -> Result<()> {
        self.names.push((value.as_str().context("a text")?.to_owned(), name.to_owned()));
        Ok(())
    }

    /// The same with names for what differs between two deployments.
    fn named(&self, value: &Value) -> Value {
        let text = self.names.iter().fold(value.to_string(), |text, (id, name)| text.replace(id, name));
        let mut value: Value = serde_json::from_str(&text).expect("names are plain");
        if let Some(problem) = value.get_mut("problem").and_then(Value::as_object_mut) {
            problem.remove("request_id");
        }
        value
    }

    /// Names the links that an answer shows for the first time.
    fn learn(&mut self, link: &Value) -> Result<()> {
        let Some(id) = link["id"].as_str() else { return Ok(()) };
        if !self.links.iter().any(|known| known == id) {
            let number = self.links.len();
            self.links.push(id.to_owned());
            let key = link["url"].as_str().and_then(|url| url.split('/').nth(3)).context("a URL")?.to_owned();
            self.call(&json!(id), &format!("link {number}"))?;
            self.call(&json!(key), &format!("key {number}"))?;
            if link["code"].is_string() {
                self.call(&link["code"], &format!("code {number}"))?;
            }
        }
        Ok(())
    }

    async fn send(&self, step: &Step, path: &str, ask: Value, once: Option<&str>) -> Answer {
        let token = if step.by_owner { &self.app.token } else { &self.sharer };
        let headers: Vec<_> = once.iter().filter(|_| step.keyed).map(|key| ("idempotency-key", *key)).collect();
        self.app.api_as(token, Method::POST, path, Some(ask), &headers).await
    }

    /// The batch as it is: what each item is answered, or the refusal of all.
    async fn whole(&mut self, step: &Step, number: usize) -> Result<Result<Vec<Value>, Value>> {
        let (path, ask) = match &step.batch {
            Batch::Create(wishes) => ("", json!({ "items": wishes.iter().map(|wish| self.wish(wish)).collect::<Vec<_>>() })),
            Batch::Extend { links, until } => ("/extend", json!({ "ids": self.ids(links), "until": until })),
            Batch::Revoke { links, reason } => ("/revoke", json!({ "ids": self.ids(links), "reason": reason })),
        };
        let answer = self.send(step, &format!("/api/v1/links/batch{path}"), ask, Some(&format!("step-{number}"))).await;
        if !answer.status.is_success() {
            return Ok(Err(answer.json()));
        }
        let items = answer.json()["items"].as_array().cloned().context("items")?;
        for (at, item) in items.iter().enumerate() {
            ensure!(item["index"] == json!(at), "an item is out of its place: {item}");
            self.learn(&item["link"])?;
        }
        let shown = |item: &Value| {
            let named = self.named(item);
            json!({ "status": named["status"], "link": named["link"], "enforced_by": named["enforced_by"], "problem": named["problem"] })
        };
        Ok(Ok(items.iter().map(shown).collect()))
    }

    /// Each item by itself, in its order: a create and a revoke by their own routes; only batches extend, so one of one.
    async fn one_by_one(&mut self, step: &Step, number: usize) -> Result<Result<Vec<Value>, Value>> {
        let asks: Vec<(String, Value)> = match &step.batch {
            Batch::Create(wishes) => wishes.iter().map(|wish| ("/api/v1/links".to_owned(), self.wish(wish))).collect(),
            Batch::Extend { links, until } => {
                let ask = |id| ("/api/v1/links/batch/extend".to_owned(), json!({ "ids": [id], "until": until }));
                self.ids(links).into_iter().map(ask).collect()
            }
            Batch::Revoke { links, reason } => {
                let ask = |id: String| (format!("/api/v1/links/{id}/revoke"), json!({ "reason": reason }));
                self.ids(links).into_iter().map(ask).collect()
            }
        };
        let mut ones = Vec::new();
        for (at, (path, ask)) in asks.into_iter().enumerate() {
            let answer = self.send(step, &path, ask, Some(&format!("step-{number}-{at}"))).await;
            let mut item = json!({ "status": answer.status.as_u16(), "link": null, "enforced_by": null, "problem": null });
            let reply = answer.json();
            match (&step.batch, answer.status.is_success()) {
                (_, false) => item["problem"] = reply,
                (Batch::Create(_), true) => item["link"] = reply,
                (Batch::Revoke { .. }, true) => {
                    (item["link"], item["enforced_by"]) = (reply["link"].clone(), reply["enforced_by"].clone());
                }
                (Batch::Extend { .. }, true) => {
                    let one = &reply["items"][0];
                    item["status"] = one["status"].clone();
                    (item["link"], item["problem"]) = (one["link"].clone(), one["problem"].clone());
                }
            }
            self.learn(&item["link"])?;
            ones.push(self.named(&item));
        }
        Ok(Ok(ones))
    }

    fn wish(&self, wish: &Wish) -> Value {
        let Wish { dataset, label, path, class, until, role, password } = wish;
        let mut ask = json!({ "dataset": self.datasets[*dataset], "label": format!("label {label}") });
        for (name, value) in [("path", path), ("class", class), ("until", until), ("role", role)] {
            if let Some(value) = value {
                ask[name] = json!(value);
            }
        }
        if *password {
            ask["password"] = json!("correct horse battery staple");
        }
        ask
    }

    /// Links by their number in the order of their making; beyond them, one that is not there.
    fn ids(&self, links: &[u8]) -> Vec<String> {
        let nobodys = || format!("l{}", "a".repeat(26));
        links.iter().map(|link| self.links.get(usize::from(*link)).cloned().unwrap_or_else(nobodys)).collect()
    }

    /// Every link, and every entry of the audit: in an order that both sides share.
    async fn state(&self, began: jiff::Timestamp) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for id in &self.links {
            let link = self.app.api(Method::GET, &format!("/api/v1/links/{id}"), None).await.json();
            all.push(self.named(&link).to_string());
        }
        let mut audit = Vec::new();
        for entry in self.app.audit_since(began).await.into_iter().filter(|entry| entry.at >= began) {
            let read = |text: &Option<String>| text.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_default());
            let said = json!({ "at": entry.at.to_string(), "actor": entry.actor.to_string(), "verb": entry.verb, "target": entry.target,
                "before": read(&entry.before), "after": read(&entry.after), "reason": entry.reason });
            audit.push(self.named(&said).to_string());
        }
        audit.sort_unstable();
        Ok([all, audit].concat())
    }
}
