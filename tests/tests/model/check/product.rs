//! The product under a deployment: each question is put to `check`, and then done.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Context, Result, ensure};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::app::{Answer, TestApp};

use super::program::{Deed, PEOPLE, Program, Spot, To};
use crate::{is_share, weather::patient};

const FOLDER: &str = "lab";
const IMAGE: &str = "image.zarr";
const OTHER: &str = "other";
/// Where questions come from, one of them beside nowhere; each lies in a zone that nothing else lies in.
const ADDRESSES: [&str; 2] = ["10.0.0.7", "192.0.2.7"];
/// What is asked for in an image, and in the folder that holds it: metadata, chunks of either level, what is none.
const IN_IMAGE: [&str; 4] = [".zattrs", "0/.zarray", "0/0/0", "1/0/0"];
const IN_FOLDER: [&str; 3] = ["README.md", "image.zarr/1/0/0", "other/table.csv"];
const IN_OTHER: [&str; 2] = ["README.md", "table.csv"];

/// How often each act was answered yes and no.
#[derive(Debug, Clone, Default)]
pub struct Tally(BTreeMap<&'static str, (usize, usize)>);

impl Tally {
    /// Both.
    pub fn add(&mut self, other: Self) {
        for (act, (yes, no)) in other.0 {
            let sum = self.0.entry(act).or_default();
            *sum = (sum.0 + yes, sum.1 + no);
        }
    }

    fn count(&mut self, act: &'static str, yes: bool) {
        let sum = self.0.entry(act).or_default();
        if yes { sum.0 += 1 } else { sum.1 += 1 }
    }

    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        println!("{self:?}");
        assert_eq!(self.0.len(), 8, "{self:?}");
        for (act, (yes, no)) in &self.0 {
            let least = if *act == "hand-over" { 0.001 } else { 0.05 };
            is_share(&format!("answers to {act} that were yes"), *yes, yes + no, least);
            is_share(&format!("answers to {act} that were no"), *no, yes + no, 0.05);
        }
    }
}

struct Person {
    id: String,
    session: String,
}

struct Run {
    app: TestApp,
    people: Vec<Person>,
    group: String,
    datasets: Vec<String>,
    /// The owner's clones of them.
    clones: Vec<String>,
    tally: Tally,
}

/// Runs `program` and asks everything afterwards; the error says which answer was another than the act's.
pub async fn run(program: Arc<Program>) -> Result<Tally> {
    let mut run = Run::begin().await?;
    for deed in &program.0 {
        run.does(deed).await.with_context(|| format!("{deed:?}"))?;
    }
    for person in 0..PEOPLE {
        for on in Spot::ALL {
            run.ask_all(person, on).await?;
        }
    }
    Ok(run.tally)
}

impl Run {
    async fn begin() -> Result<Self> {
        let dir = tempfile::TempDir::new()?;
        let levels = json!({ "multiscales": [{ "version": "0.4", "axes": [{ "name": "y", "type": "space" }, { "name": "x", "type": "space" }],
            "datasets": [{ "path": "0" }, { "path": "1" }] }] });
        let array = json!({ "zarr_format": 2, "shape": [1, 1], "chunks": [1, 1], "dtype": "|u1", "compressor": null, "fill_value": 0,
            "order": "C", "filters": null, "dimension_separator": "/" });
        let (group, image) = (json!({ "zarr_format": 2 }), format!("{FOLDER}/{IMAGE}"));
        let (levels, array, group) = (levels.to_string(), array.to_string(), group.to_string());
        for (path, text) in [
            (format!("{FOLDER}/README.md"), "what is here"),
            (format!("{FOLDER}/{OTHER}/README.md"), "what is there"),
            (format!("{FOLDER}/{OTHER}/table.csv"), "a,b"),
            (format!("{image}/.zgroup"), &group),
            (format!("{image}/.zattrs"), &levels),
            (format!("{image}/0/.zarray"), &array),
            (format!("{image}/1/.zarray"), &array),
            (format!("{image}/0/0/0"), "0"),
            (format!("{image}/1/0/0"), "1"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().context("a folder")?)?;
            std::fs::write(path, text)?;
        }
        let app = patient(dir).await;
        let mut datasets = Vec::new();
        for path in [format!("{FOLDER}/"), format!("{image}/"), format!("{FOLDER}/{OTHER}/")] {
            datasets.push(app.dataset(&path).await);
        }
        let mut clones = Vec::new();
        for dataset in &datasets {
            let made = app.api(Method::POST, "/api/v1/clones", Some(json!({ "dataset": dataset, "title": "the owner's" }))).await.json();
            clones.push(made["id"].as_str().context("an id")?.to_owned());
        }
        let mut people = Vec::new();
        for name in ["Ada", "Bo", "Cy"].iter().take(PEOPLE) {
            let (id, session) = app.person(name).await;
            people.push(Person { id, session });
        }
        let group = app.api(Method::POST, "/api/v1/groups", Some(json!({ "name": "imaging" }))).await.json();
        let group = group["id"].as_str().context("an id")?.to_owned();
        Ok(Self { app, people, group, datasets, clones, tally: Tally::default() })
    }

    /// What is signed is judged by the store, whose clock goes on.
    fn keep_up(&self) {
        self.app.clock.store(Timestamp::now().as_millisecond(), Ordering::SeqCst);
    }

    /// What the owner does; it may be refused, but for no fault of the product's.
    async fn does(&self, deed: &Deed) -> Result<()> {
        self.keep_up();
        let on = |spot: &Spot, below: &str| format!("/api/v1/datasets/{}{below}", self.dataset(*spot));
        let person = |person: &usize| &self.people[*person].id;
        let (method, path, ask) = match deed {
            Deed::Give { on: spot, to, role, may_share, level, begins, ends, zone } => {
                let at = |secs: &Option<i64>| secs.map(|secs| (self.app.now() + SignedDuration::from_secs(secs)).to_string());
                let zones: Vec<_> = zone.iter().collect();
                let ask = json!({ "to": self.word(*to), "role": role, "may_share": may_share, "level": level, "not_before": at(begins),
                    "until": at(ends), "zones": zones });
                (Method::POST, on(spot, "/grants"), ask)
            }
            Deed::Withdraw { on: spot, to } => (Method::POST, on(spot, "/grants/withdraw"), json!({ "to": self.word(*to) })),
            Deed::Join(who) => (Method::POST, format!("/api/v1/groups/{}/members", self.group), json!({ "users": [person(who)] })),
            Deed::Leave(who) => (Method::POST, format!("/api/v1/groups/{}/members/remove", self.group), json!({ "users": [person(who)] })),
            Deed::Show { on: spot, visibility } => (Method::PATCH, on(spot, ""), json!({ "visibility": visibility, "confirm": true })),
            Deed::Restrict { on: spot, restricted } => (Method::PATCH, on(spot, ""), json!({ "restricted": restricted })),
            Deed::HandOver { on: spot, to } => {
                self.app.api(Method::POST, &on(spot, "/offers"), Some(json!({ "to": person(to) }))).await;
                let path = on(spot, "/offers/accept");
                let answer = self.app.api_as(&self.people[*to].session, Method::POST, &path, None, &[]).await;
                ensure!(!answer.status.is_server_error(), "{}", String::from_utf8_lossy(&answer.body));
                return Ok(());
            }
            Deed::Suspend(who) => (Method::PATCH, format!("/api/v1/users/{}", person(who)), json!({ "standing": "suspended" })),
            Deed::Block(who) => (Method::POST, "/api/v1/sources/demo/blocks".to_owned(), json!({ "user": person(who), "blocked": true })),
            Deed::Zone(zone) => {
                let zones: Vec<_> = zone.iter().collect();
                (Method::PATCH, "/api/v1/sources/demo".to_owned(), json!({ "ceilings": { "zones": zones } }))
            }
            Deed::Serve(serving) => (Method::PATCH, "/api/v1/sources/demo".to_owned(), json!({ "serving": serving, "reason": "so" })),
        };
        let answer = self.app.api_with(method, &path, Some(ask), &[("if-match", "*")]).await;
        ensure!(!answer.status.is_server_error(), "{}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// Every question about one person and one dataset, by `check` and by doing it.
    async fn ask_all(&mut self, person: usize, on: Spot) -> Result<()> {
        let inside: &[&str] = match on {
            Spot::Folder => &IN_FOLDER,
            Spot::Image => &IN_IMAGE,
            Spot::Other => &IN_OTHER,
        };
        let folders: &[&str] = if on == Spot::Image { &["", "0/"] } else { &[""] };
        for network in [None, Some(ADDRESSES[person % ADDRESSES.len()])] {
            for (act, paths) in [("read", inside), ("list", folders)] {
                for path in paths {
                    let told = self.check(person, on, act, path, network).await?;
                    let done = self.read(person, on, path, network).await?;
                    self.compare(person, act, &told, &done).with_context(|| format!("{act} {path} of {on:?} from {network:?}"))?;
                }
            }
        }
        for act in ["see", "share", "register", "grant", "clone", "hand-over"] {
            let told = self.check(person, on, act, "", None).await?;
            let done = self.acts(person, on, act).await;
            self.compare(person, act, &told, &done).with_context(|| format!("{act} of {on:?}"))?;
        }
        Ok(())
    }

    /// What the owner is told of a person, which is what the person is told, if anything.
    async fn check(&self, person: usize, on: Spot, act: &str, path: &str, network: Option<&str>) -> Result<Value> {
        self.keep_up();
        let Person { id, session } = &self.people[person];
        let ask = json!({ "dataset": self.dataset(on), "action": act, "path": path, "user": id, "address": network });
        let told = self.app.api(Method::POST, "/api/v1/check", Some(ask.clone())).await;
        ensure!(told.status.is_success(), "{ask}: {}", String::from_utf8_lossy(&told.body));
        let told = told.json();
        let of_clone = json!({ "dataset": self.clone_of(on), "action": act, "path": path, "user": id, "address": network });
        let of_clone = self.app.api(Method::POST, "/api/v1/check", Some(of_clone)).await.json();
        ensure!(of_clone == told, "of the clone is told {of_clone}, of its original {told}");
        if network.is_some() {
            // Elsewhere more may be open than from where the person asks.
            return Ok(told);
        }
        let own = self.app.api_as(session, Method::POST, "/api/v1/check", Some(ask), &[]).await;
        let (is_told, own) = (own.status.is_success(), own.json());
        if is_told {
            ensure!(own == told, "the person is told {own}, the owner {told}");
        } else {
            ensure!(told["rights"] == json!([]) || own["code"] == "suspended", "the person is refused, {own}, the owner told {told}");
        }
        Ok(told)
    }

    /// What comes of a read, which is the same at a clone.
    async fn read(&self, person: usize, on: Spot, path: &str, network: Option<&str>) -> Result<Answer> {
        let [original, clone] = [self.dataset(on), self.clone_of(on)].map(|id| format!("/{id}/{}/{path}", name(on)));
        let at_original = self.read_at(person, &original, network).await?;
        let at_clone = self.read_at(person, &clone, network).await?;
        let code = |answer: &Answer| serde_json::from_slice::<Value>(&answer.body).map(|body| body["code"].clone()).ok();
        ensure!(
            (at_clone.status, code(&at_clone)) == (at_original.status, code(&at_original)),
            "at the clone {} {:?}, at its original {} {:?}",
            at_clone.status,
            code(&at_clone),
            at_original.status,
            code(&at_original)
        );
        Ok(at_original)
    }

    async fn read_at(&self, person: usize, target: &str, network: Option<&str>) -> Result<Answer> {
        let bearer = format!("Bearer {}", self.people[person].session);
        let headers = [("authorization", bearer.as_str())];
        Ok(match network {
            None => self.app.data(Method::GET, target, &headers).await,
            Some(address) => self.app.data_from(address.parse::<IpAddr>()?, Method::GET, target, &headers).await,
        })
    }

    /// Does what is asked about, but for what it would change that matters here: then it is asked for something that is refused for another reason.
    async fn acts(&self, person: usize, on: Spot, act: &str) -> Answer {
        let dataset = self.dataset(on);
        let (method, path, ask) = match act {
            "see" => (Method::GET, format!("/api/v1/datasets/{dataset}"), None),
            "share" => (Method::POST, "/api/v1/links".to_owned(), Some(json!({ "dataset": dataset }))),
            "register" => {
                (Method::POST, "/api/v1/datasets".to_owned(), Some(json!({ "source": "demo", "path": format!("{}none", folder(on)) })))
            }
            "grant" => (Method::GET, format!("/api/v1/datasets/{dataset}/grants"), None),
            "clone" => (Method::POST, "/api/v1/clones".to_owned(), Some(json!({ "dataset": dataset, "title": "one's own" }))),
            _ => (Method::POST, format!("/api/v1/datasets/{dataset}/offers"), Some(json!({ "to": "nobody" }))),
        };
        self.app.api_as(&self.people[person].session, method, &path, ask, &[]).await
    }

    fn compare(&mut self, person: usize, act: &'static str, told: &Value, done: &Answer) -> Result<()> {
        let code = (!done.status.is_success() && !done.status.is_redirection()).then(|| done.json()["code"].clone());
        // The decision said yes; what comes after it did not.
        let passed = match act {
            "register" => Some(json!("path-not-found")),
            "hand-over" => Some(json!("no-such-user")),
            _ => None,
        };
        let refused = code.filter(|code| Some(code) != passed.as_ref());
        let code = refused.clone().unwrap_or_default();
        // A folder is looked for as an object first: that nothing is served there is said before the right to list is missed.
        let is_stopped = act == "list" && (code == "not-serving" || code == "zone") && told["code"] == "not-allowed";
        ensure!(
            told["allowed"] == json!(refused.is_none()) && (told["code"] == code || is_stopped),
            "person {person} was answered {} {refused:?}, which `check` says is {told}",
            done.status
        );
        self.is_of_one_piece(act, told)?;
        self.tally.count(act, refused.is_none());
        Ok(())
    }

    /// Rights and gates explain the answer: whoever has the right, with every gate open, is let in.
    fn is_of_one_piece(&self, act: &str, told: &Value) -> Result<()> {
        let has = |right: &str| told["rights"].as_array().is_some_and(|rights| rights.contains(&json!(right)));
        let gates = told["gates"].as_array().context("gates")?;
        let shut = gates.iter().find(|gate| gate["open"] == json!(false));
        let right = match act {
            "see" => "discover",
            "list" => "list",
            "share" | "register" => "share",
            "grant" => "administer",
            "clone" => "clone-files",
            "hand-over" => "own",
            // By metadata and levels, too.
            _ => return Ok(()),
        };
        let through = told["allowed"] == json!(true);
        ensure!(!through || has(right), "allowed without the right `{right}`: {told}");
        ensure!(through || shut.is_some() || !has(right), "refused with the right `{right}` and every gate open: {told}");
        let holds = told["ways"].as_array().is_some_and(|ways| ways.iter().any(|way| way["holds"] == json!(true)));
        ensure!(!holds || has("discover") || shut.is_some(), "a way that gives nothing: {told}");
        Ok(())
    }

    fn dataset(&self, on: Spot) -> &str {
        &self.datasets[place(on)]
    }

    fn clone_of(&self, on: Spot) -> &str {
        &self.clones[place(on)]
    }

    fn word(&self, to: To) -> String {
        match to {
            To::Person(person) => format!("user:{}", self.people[person].id),
            To::Group => format!("group:{}", self.group),
            To::Accounts => "accounts".to_owned(),
            To::World => "world".to_owned(),
        }
    }
}

fn place(on: Spot) -> usize {
    match on {
        Spot::Folder => 0,
        Spot::Image => 1,
        Spot::Other => 2,
    }
}

fn name(on: Spot) -> &'static str {
    match on {
        Spot::Folder => FOLDER,
        Spot::Image => IMAGE,
        Spot::Other => OTHER,
    }
}

/// Where a dataset lies in its source.
fn folder(on: Spot) -> String {
    match on {
        Spot::Folder => format!("{FOLDER}/"),
        other => format!("{FOLDER}/{}/", name(other)),
    }
}
