//! The product under a program: each act is judged by the model, and everybody reads everything afterwards.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Context, Result, ensure};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::app::{Answer, DATA, TestApp};

use super::{
    program::{Program, Step},
    reference::{Act, Belief, By, Cell, Effect, GROUPS, Held, Outcome, PEOPLE, Part, Probe, Reads, Role, Spot, Subject, Visibility},
};
use crate::{
    is_share,
    weather::{Sky, Weather, given, is_ahead_of_storage},
};

const OUTER: &str = "lab";
const INNER: &str = "cells.zarr";
/// An object of each dataset that is no metadata.
const OBJECT: &str = "0/0/0";
/// One of so many readers reads at once after an act; all do once caches have aged.
const AT_ONCE_EACH: usize = 3;
/// After every so many steps the API is asked for all that it shows, and whenever it has to settle what is believed.
const LOOK_EACH: usize = 4;
/// A second more than facts are cached.
const CACHE_SECS: i64 = 6;
/// With less left than this nothing may be signed any more.
const LAST_MOMENTS_MS: i64 = 6_000;
/// What is strict is signed for this long, and the second that is begun; an end sooner than that after its narrowing is strict, too.
const STRICT_SECS: i64 = 16;

/// How often what came about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// A read that was let through, once caches had aged.
    yes: usize,
    /// One that was refused.
    no: usize,
    /// An act that was done, by the owner or by somebody else.
    done: usize,
    done_by_others: usize,
    /// One that was refused.
    refused: usize,
    /// One whose outcome was left open.
    open: usize,
    /// A late write that arrived.
    late: usize,
    /// A read that failed with the table.
    failed_reads: usize,
    /// A reader who was shut out by an act that was acknowledged.
    closed: usize,
    /// The same, by what was done to the project.
    closed_by_project: usize,
    /// What was done to the project: to its members, its policy, and what is in it.
    joined: usize,
    ruled: usize,
    placed: usize,
    /// A read by name that only the project let through.
    by_project: usize,
    /// A reader who was shut out as soon as what is strict promises.
    closed_soon: usize,
    /// A grant that was given, or taken, on both datasets at once.
    together: usize,
    /// A read at a clone that was let through, by whoever made it or by somebody else.
    at_clones: usize,
    at_clones_of_others: usize,
    /// A clone that was retired.
    retired: usize,
}

impl Tally {
    /// Both.
    pub fn add(&mut self, other: Self) {
        let Self { yes, no, done, done_by_others, refused, open, late, failed_reads, .. } = other;
        let Self { closed, closed_by_project, joined, ruled, placed, by_project, closed_soon, together, .. } = other;
        let Self { at_clones, at_clones_of_others, retired, .. } = other;
        self.yes += yes;
        self.no += no;
        self.done += done;
        self.done_by_others += done_by_others;
        self.refused += refused;
        self.open += open;
        self.late += late;
        self.failed_reads += failed_reads;
        self.closed += closed;
        self.closed_by_project += closed_by_project;
        self.joined += joined;
        self.ruled += ruled;
        self.placed += placed;
        self.by_project += by_project;
        self.closed_soon += closed_soon;
        self.together += together;
        self.at_clones += at_clones;
        self.at_clones_of_others += at_clones_of_others;
        self.retired += retired;
    }

    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        println!("{self:?}");
        let (reads, acts) = (self.yes + self.no, self.done + self.refused + self.open);
        is_share("reads that were let through", self.yes, reads, 0.1);
        is_share("reads that were refused", self.no, reads, 0.2);
        is_share("acts that were done", self.done, acts, 0.3);
        is_share("acts that others than the owner did", self.done_by_others, self.done, 0.01);
        is_share("acts that were refused", self.refused, acts, 0.05);
        is_share("acts whose outcome was left open", self.open, acts, 0.05);
        is_share("acts that shut a reader out", self.closed, self.done, 0.05);
        is_share("reads that only the project let through", self.by_project, self.yes, 0.02);
        is_share("acts on who is in the project", self.joined, self.done, 0.03);
        is_share("acts on what is in the project", self.placed, self.done, 0.03);
        is_share("acts on both datasets at once", self.together, self.done, 0.03);
        is_share("reads that were let through at clones", self.at_clones, self.yes, 0.03);
        is_share("reads that were let through at clones of others", self.at_clones_of_others, self.yes, 0.01);
        is_share("readers who were shut out within what is strict promises", self.closed_soon, self.closed, 0.03);
        assert!(self.late > 0 && self.failed_reads > 0 && self.ruled > 0 && self.closed_by_project > 0 && self.retired > 0, "{self:?}");
    }
}

struct Person {
    id: String,
    session: String,
}

/// The product and what is believed of it.
struct Run {
    app: TestApp,
    sky: Sky,
    people: Vec<Person>,
    groups: Vec<String>,
    /// The project, which the owner manages.
    project: String,
    /// The ids of the outer and the inner dataset.
    datasets: [String; 2],
    /// The id and the path of each person's link to each dataset.
    links: BTreeMap<(usize, Spot), (String, String)>,
    /// The id of each person's clone of each dataset.
    clones: BTreeMap<(usize, Spot), String>,
    beliefs: Vec<Belief>,
    /// What was believed before this step: what a cache may still hold.
    before: Vec<Belief>,
    strays: Vec<Effect>,
    /// Late writes arrived in this step.
    arrived: bool,
    /// One of them made a dataset strict: what was signed and cached before had longer to live than such an edit reckons with.
    slipped: bool,
    /// When the signatures given to each reader end, in seconds.
    given: BTreeMap<Probe, Vec<i64>>,
    /// By when a reader was to be shut out, where that was acknowledged.
    closed_by: BTreeMap<Probe, i64>,
    began: Timestamp,
    tally: Tally,
    step: usize,
}

/// Runs `program`; the error says what the product did that the model forbids.
pub async fn run(program: Arc<Program>) -> Result<Tally> {
    let mut run = Run::begin(program.together).await?;
    for (number, step) in program.steps.iter().enumerate() {
        run.step = number;
        Box::pin(run.take(step)).await.with_context(|| format!("step {number}: {step:?}"))?;
    }
    run.late_arrive().await.context("after the last step")?;
    run.look().await.context("after the last step")?;
    run.audit_is_whole().await.context("the audit")?;
    Ok(run.tally)
}

/// What is asked of the API.
struct Asked {
    method: Method,
    path: String,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl Run {
    async fn begin(together: bool) -> Result<Self> {
        let dir = tempfile::TempDir::new()?;
        for folder in [OUTER.to_owned(), format!("{OUTER}/{INNER}")] {
            std::fs::create_dir_all(dir.path().join(format!("{folder}/0/0")))?;
            std::fs::write(dir.path().join(format!("{folder}/{OBJECT}")), "bytes")?;
        }
        let (app, sky) = Sky::over(dir).await;
        let began = app.now();
        let datasets = [app.dataset(&format!("{OUTER}/")).await, app.dataset(&format!("{OUTER}/{INNER}")).await];
        let mut people = Vec::new();
        for name in ["Ada", "Bo", "Cy"].iter().take(PEOPLE) {
            let (id, session) = app.person(name).await;
            people.push(Person { id, session });
        }
        let mut groups = Vec::new();
        for number in 0..GROUPS {
            let made = app.api(Method::POST, "/api/v1/groups", Some(json!({ "name": format!("group-{number}") }))).await;
            groups.push(text(&made.json()["id"])?);
        }
        let made = app.api(Method::POST, "/api/v1/projects", Some(json!({ "name": "project" }))).await;
        let project = text(&made.json()["id"])?;
        let mut set = None;
        if together {
            let made = app.api(Method::POST, "/api/v1/link-sets", Some(json!({ "datasets": datasets }))).await;
            let outer_first = made.json()["datasets"][0] == json!(datasets[0]);
            ensure!(made.status.is_success(), "a set was answered with {}", made.status);
            set = Some(if outer_first { [Spot::Outer, Spot::Inner] } else { [Spot::Inner, Spot::Outer] });
        }
        Ok(Self {
            app,
            sky,
            people,
            groups,
            project,
            datasets,
            links: BTreeMap::new(),
            clones: BTreeMap::new(),
            beliefs: vec![Belief::new(set)],
            before: Vec::new(),
            strays: Vec::new(),
            arrived: false,
            slipped: false,
            given: BTreeMap::new(),
            closed_by: BTreeMap::new(),
            began,
            tally: Tally::default(),
            step: 0,
        })
    }

    fn now(&self) -> i64 {
        self.app.now().as_millisecond()
    }

    async fn take(&mut self, step: &Step) -> Result<()> {
        // What is signed for the storage is judged by its clock, which goes on however slow the machine is.
        self.app.clock.fetch_max(Timestamp::now().as_millisecond(), Ordering::SeqCst);
        self.before = self.beliefs.clone();
        self.arrived = false;
        if std::mem::take(&mut self.slipped) {
            self.given.clear();
        }
        if step.late_arrive {
            self.late_arrive().await?;
        }
        self.act(step).await?;
        self.read_at_once().await?;
        self.app.pass_secs(step.pass_secs + CACHE_SECS);
        self.read_while(&step.reading).await?;
        if self.beliefs.len() > 1 || self.step.is_multiple_of(LOOK_EACH) {
            self.look().await?;
        }
        self.read_all().await
    }

    /// The writes that seemed lost arrive.
    async fn late_arrive(&mut self) -> Result<()> {
        let late = self.sky.deliver().await;
        self.arrived = late > 0;
        if !self.arrived {
            return Ok(());
        }
        self.tally.late += late;
        for stray in std::mem::take(&mut self.strays) {
            let after: Vec<_> = self.beliefs.iter().filter_map(|belief| belief.after(stray)).collect();
            self.slipped |= stray.is_of_strict() && !after.is_empty();
            self.beliefs.extend(after);
        }
        self.look().await
    }

    async fn act(&mut self, step: &Step) -> Result<()> {
        match step.act {
            Act::Link { .. } | Act::Clone { .. } => return self.make(step.by, step.act).await,
            Act::Revoke { on } if !matches!(step.by, By::Person(person) if self.links.contains_key(&(person, on))) => return Ok(()),
            Act::Retire { on } if !matches!(step.by, By::Person(person) if self.clones.contains_key(&(person, on))) => return Ok(()),
            _ => {}
        }
        let asked = self.asked(step).await?;
        let now = self.now();
        for time in 0..=usize::from(step.twice) {
            let weather = if time == 0 { &step.weather } else { &Weather::Fair };
            let held = self.sky.held();
            self.sky.set(weather);
            let answer = self.send(step.by, &asked).await;
            self.sky.heal();
            let is_late = self.sky.held() > held;
            self.judge(step, &answer, !matches!(weather, Weather::Fair), is_late, now)
                .with_context(|| format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)))?;
        }
        Ok(())
    }

    async fn asked(&self, step: &Step) -> Result<Asked> {
        let dataset = |on: Spot, verb: &str| format!("/api/v1/datasets/{}{verb}", self.dataset(on));
        let members = |group: usize, verb: &str| format!("/api/v1/groups/{}/members{verb}", self.groups[group]);
        let post = |path: String, body: Value| Asked { method: Method::POST, path, body, headers: Vec::new() };
        Ok(match step.act {
            Act::Give { on, to, role, may_share, until_in_secs } => {
                let until = until_in_secs.map(|secs| instant(self.now() + secs * 1_000));
                let body = json!({ "to": self.word(to), "role": role_word(role), "may_share": may_share, "until": until });
                let headers = match self.beliefs[0].at(Cell::Grant(on, to)) {
                    (version, Some(Held::Grant { active: true, .. })) => vec![("if-match", format!("\"{version}\""))],
                    _ => Vec::new(),
                };
                Asked { headers, ..post(dataset(on, "/grants"), body) }
            }
            Act::Withdraw { on, from } => post(dataset(on, "/grants/withdraw"), json!({ "to": self.word(from) })),
            Act::Add { group, person } => post(members(group, ""), json!({ "users": [self.people[person].id] })),
            Act::Remove { group, person } => post(members(group, "/remove"), json!({ "users": [self.people[person].id] })),
            Act::Suspend { person, suspended } => {
                let standing = if suspended { "suspended" } else { "active" };
                let path = format!("/api/v1/users/{}", self.people[person].id);
                Asked { method: Method::PATCH, ..post(path, json!({ "standing": standing })) }
            }
            Act::Block { person, blocked } => {
                post("/api/v1/sources/demo/blocks".to_owned(), json!({ "user": self.people[person].id, "blocked": blocked }))
            }
            Act::Open { on, to } => self.edit(dataset(on, ""), json!({ "visibility": visibility_word(to), "confirm": true })).await,
            Act::Restrict { restricted } => self.edit(dataset(Spot::Inner, ""), json!({ "restricted": restricted })).await,
            Act::Strict { on, strict } => self.edit(dataset(on, ""), json!({ "strict": strict })).await,
            Act::Join { person, part: Part::Out } => post(self.of_project("/members/remove"), json!({ "users": [self.people[person].id] })),
            Act::Join { person, part } => {
                let role = if part == Part::Manager { "manager" } else { "member" };
                post(self.of_project("/members"), json!({ "users": [self.people[person].id], "role": role }))
            }
            Act::Leave => post(self.of_project("/leave"), json!({})),
            Act::Rule { view, active } => {
                let state = if active { "active" } else { "retired" };
                self.edit(self.of_project(""), json!({ "policy": { "view": role_word(view) }, "state": state })).await
            }
            Act::Put { on } => post(self.of_project("/datasets"), json!({ "dataset": self.dataset(on) })),
            Act::Take { on } => post(self.of_project("/datasets/remove"), json!({ "dataset": self.dataset(on) })),
            Act::Link { on } | Act::Revoke { on } => {
                let By::Person(person) = step.by else { anyhow::bail!("the owner has no link") };
                let (id, _) = self.links.get(&(person, on)).context("a link")?;
                post(format!("/api/v1/links/{id}/revoke"), json!({ "reason": "the model says so" }))
            }
            Act::Clone { on } | Act::Retire { on } => {
                let By::Person(person) = step.by else { anyhow::bail!("the owner has no clone") };
                let id = self.clones.get(&(person, on)).context("a clone")?;
                post(format!("/api/v1/clones/{id}/retire"), json!({}))
            }
        })
    }

    /// An edit of what lies at `path`, as the owner sees it now.
    async fn edit(&self, path: String, body: Value) -> Asked {
        let etag = self.app.api(Method::GET, &path, None).await.header("etag").to_owned();
        let headers = vec![("if-match", etag), ("idempotency-key", format!("edit-{}", self.step))];
        Asked { method: Method::PATCH, path, body, headers }
    }

    fn of_project(&self, below: &str) -> String {
        format!("/api/v1/projects/{}{below}", self.project)
    }

    async fn send(&self, by: By, asked: &Asked) -> Answer {
        let headers: Vec<_> = asked.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let token = match by {
            By::Owner => &self.app.token,
            By::Person(person) => &self.people[person].session,
        };
        self.app.api_as(token, asked.method.clone(), &asked.path, Some(asked.body.clone()), &headers).await
    }

    /// Keeps what leads to the answer.
    fn judge(&mut self, step: &Step, answer: &Answer, may_fail: bool, is_late: bool, now: i64) -> Result<()> {
        let status = answer.status.as_u16();
        if is_ahead_of_storage(&self.app, answer) {
            // Whether what is to be restricted lies in an array could not be read: nothing was decided.
            return Ok(());
        }
        let (mut kept, mut together) = (Vec::new(), false);
        if status == 503 && may_fail {
            self.tally.open += 1;
            kept.clone_from(&self.beliefs);
        }
        for belief in &self.beliefs {
            match belief.outcome(step.by, step.act, now) {
                Outcome::Done(effect) if answer.status.is_success() || (status == 503 && may_fail) => {
                    if is_late {
                        self.strays.extend(effect);
                    }
                    together |= effect.is_some_and(|effect| effect.is_on_both());
                    keep(&mut kept, effect.and_then(|effect| belief.after(effect)).unwrap_or_else(|| belief.clone()));
                }
                Outcome::Refused(want) if status == want => keep(&mut kept, belief.clone()),
                Outcome::Done(_) | Outcome::Refused(_) => {}
            }
        }
        ensure!(!kept.is_empty(), "nothing that is believed leads to this answer: {:?}", self.beliefs);
        let before = std::mem::replace(&mut self.beliefs, kept);
        if status == 503 && may_fail {
            return Ok(());
        }
        if !answer.status.is_success() {
            self.tally.refused += 1;
            return Ok(());
        }
        // A clone gives nobody anything, so its end is nothing that is done to who may read.
        let of_clone = matches!(step.act, Act::Retire { .. });
        self.tally.done += usize::from(!of_clone);
        self.tally.done_by_others += usize::from(!of_clone && step.by != By::Owner);
        self.tally.together += usize::from(together);
        self.tally.retired += usize::from(of_clone);
        let closed = self.tally.closed;
        self.is_told(&before, &answer.json(), now)?;
        let of_project = match step.act {
            Act::Join { .. } | Act::Leave => &mut self.tally.joined,
            Act::Rule { .. } => &mut self.tally.ruled,
            Act::Put { .. } | Act::Take { .. } => &mut self.tally.placed,
            _ => return Ok(()),
        };
        *of_project += 1;
        self.tally.closed_by_project += self.tally.closed - closed;
        Ok(())
    }

    /// A narrowing that was acknowledged says by when it is enforced, and nothing that was given out works later.
    fn is_told(&mut self, before: &[Belief], reply: &Value, now: i64) -> Result<()> {
        let open = |beliefs: &[Belief], probe| beliefs.iter().any(|belief| matches!(belief.reads(probe, now), Reads::Yes { .. }));
        for probe in self.probes() {
            if open(&self.beliefs, probe) {
                self.closed_by.remove(&probe);
            } else if open(before, probe) {
                let by = reply["enforced_by"].as_str().with_context(|| format!("{probe:?} was shut out without `enforced_by`"))?;
                let by = by.parse::<Timestamp>()?.as_second();
                let late = self.given.get(&probe).into_iter().flatten().find(|end| **end > by);
                ensure!(late.is_none() || self.slipped, "{probe:?} was signed for until {late:?}, but this is to be enforced by {by}");
                self.closed_by.insert(probe, by);
                self.tally.closed += 1;
                self.tally.closed_soon += usize::from(by - now / 1_000 <= STRICT_SECS);
            }
        }
        Ok(())
    }

    /// A part of all read at once: caches may answer as before, and nobody may answer as neither.
    async fn read_at_once(&mut self) -> Result<()> {
        let now = self.now();
        for probe in self.readers().into_iter().skip(self.step % AT_ONCE_EACH).step_by(AT_ONCE_EACH) {
            let answer = self.read(probe).await;
            let (before, after) = (expected(&self.before, probe, now), expected(&self.beliefs, probe, now));
            let Some(end) = given(&answer)? else {
                let status = answer.status.as_u16();
                let possible = before.iter().chain(&after).any(|reads| fits(*reads, status, now));
                ensure!(possible, "{probe:?} answered {status} at once, not any of {before:?}, {after:?}");
                continue;
            };
            let until = before.iter().chain(&after).filter_map(|reads| until_of(*reads)).max();
            let until = until.with_context(|| format!("{probe:?} was let in at once, not any of {before:?}, {after:?}"))?;
            ensure!(end.saturating_mul(1_000) <= until, "{probe:?} was signed for until {end}, its right ends at {until}");
            if after.iter().all(|reads| until_of(*reads).is_none()) {
                let was_open = before.iter().any(|reads| until_of(*reads).is_some());
                ensure!(was_open || self.arrived, "{probe:?} was let in though shut out before this step");
                let by = self.closed_by.get(&probe);
                ensure!(self.slipped || by.is_none_or(|by| end <= *by), "{probe:?} was signed for until {end}, though shut out by {by:?}");
            }
            self.given.entry(probe).or_default().push(end);
        }
        Ok(())
    }

    /// One after the other reads while the table fails: the answer is the right one, or that there is none now.
    async fn read_while(&mut self, weather: &Weather) -> Result<()> {
        if matches!(weather, Weather::Fair) {
            return Ok(());
        }
        let probes = self.readers();
        let probe = probes[self.step % probes.len()];
        self.sky.set(weather);
        let answer = self.read(probe).await;
        self.sky.heal();
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            self.tally.failed_reads += 1;
            return Ok(());
        }
        self.is_right(probe, &answer)
    }

    async fn read_all(&mut self) -> Result<()> {
        for probe in self.readers() {
            let answer = self.read(probe).await;
            self.is_right(probe, &answer)?;
            if answer.status == StatusCode::FOUND {
                self.tally.yes += 1
            } else {
                self.tally.no += 1
            }
            if let (StatusCode::FOUND, Probe::Clone { reader, maker, .. }) = (answer.status, probe) {
                self.tally.at_clones += 1;
                self.tally.at_clones_of_others += usize::from(reader != maker);
            }
            let by_project = |belief: &Belief| belief.reads_by_project(probe, self.now());
            self.tally.by_project += usize::from(answer.status == StatusCode::FOUND && self.beliefs.iter().all(by_project));
        }
        self.check_agrees().await
    }

    /// Holds a read to what is believed, once caches have aged.
    fn is_right(&mut self, probe: Probe, answer: &Answer) -> Result<()> {
        let now = self.now();
        let wanted = expected(&self.beliefs, probe, now);
        match given(answer)? {
            Some(end) => {
                let until = wanted.iter().filter_map(|reads| until_of(*reads)).max();
                let until = until.with_context(|| format!("{probe:?} was let in, not {wanted:?}"))?;
                ensure!(end.saturating_mul(1_000) <= until, "{probe:?} was signed for until {end}, its right ends at {until}");
                let strictly = self.beliefs.iter().all(|belief| belief.reads_strictly(probe));
                ensure!(!strictly || end <= now / 1_000 + STRICT_SECS, "{probe:?} was signed for until {end}, though it is strict");
                self.given.entry(probe).or_default().push(end);
            }
            None => {
                let status = answer.status.as_u16();
                let body = String::from_utf8_lossy(&answer.body);
                ensure!(wanted.iter().any(|reads| fits(*reads, status, now)), "{probe:?} answered {status}, not {wanted:?}: {body}");
            }
        }
        Ok(())
    }

    /// `check` says the same as a read, for one person and dataset a step.
    async fn check_agrees(&self) -> Result<()> {
        let (person, on) = (self.step % PEOPLE, if self.step.is_multiple_of(2) { Spot::Outer } else { Spot::Inner });
        let ask = json!({ "dataset": self.dataset(on), "user": self.people[person].id, "action": "read", "path": OBJECT });
        let said = self.app.api(Method::POST, "/api/v1/check", Some(ask)).await.json();
        let wanted = expected(&self.beliefs, Probe::Named(person, on), self.now());
        let allowed = said["allowed"].as_bool().context("an answer")?;
        ensure!(wanted.iter().any(|reads| until_of(*reads).is_some() == allowed), "check says {said}, not {wanted:?}");
        Ok(())
    }

    /// Keeps what fits to what the API shows.
    async fn look(&mut self) -> Result<()> {
        let mut shown: BTreeMap<Cell, Shown> = BTreeMap::new();
        for on in [Spot::Outer, Spot::Inner] {
            for grant in self.list(&format!("/api/v1/datasets/{}/grants", self.dataset(on))).await? {
                let to = self.subject(grant["to"].as_str().context("a subject")?)?;
                let version = grant["version"].as_u64().context("a version")?;
                shown.insert(Cell::Grant(on, to), Shown::Grant { version, active: grant["state"] == "active" });
            }
            let dataset = self.app.api(Method::GET, &format!("/api/v1/datasets/{}", self.dataset(on)), None).await.json();
            let visibility = [Visibility::Private, Visibility::Project, Visibility::Accounts]
                .into_iter()
                .find(|visibility| dataset["visibility"] == visibility_word(*visibility))
                .context("a visibility")?;
            let placed = dataset["project"] == json!(self.project);
            shown.insert(Cell::Shown(on), Shown::Held(Held::Shown { visibility, placed }));
            if on == Spot::Inner {
                shown.insert(Cell::Restricted, Shown::Flag(dataset["restricted"] == true));
            }
            shown.insert(Cell::Strict(on), Shown::Flag(dataset["strict"] == true));
        }
        let project = self.app.api(Method::GET, &self.of_project(""), None).await.json();
        let view = if project["policy"]["view"] == "preview" { Role::Preview } else { Role::View };
        shown.insert(Cell::Rule, Shown::Held(Held::Rule { view, active: project["state"] == "active" }));
        let members = self.list(&self.of_project("/members")).await?;
        for (number, person) in self.people.iter().enumerate() {
            let role = members.iter().find(|member| member["user"] == json!(person.id)).map(|member| member["role"].clone());
            let part = role.map_or(Part::Out, |role| if role == "manager" { Part::Manager } else { Part::Member });
            shown.insert(Cell::Part(number), Shown::Held(Held::Part(part)));
        }
        let blocked = self.app.api(Method::GET, "/api/v1/sources/demo/blocks", None).await.json();
        let blocked = blocked["blocked"].as_array().context("blocks")?;
        for (number, person) in self.people.iter().enumerate() {
            let user = self.app.api(Method::GET, &format!("/api/v1/users/{}", person.id), None).await.json();
            shown.insert(Cell::Suspended(number), Shown::Flag(user["standing"] == "suspended"));
            shown.insert(Cell::Blocked(number), Shown::Flag(blocked.iter().any(|user| user["id"] == json!(person.id))));
        }
        for (number, group) in self.groups.iter().enumerate() {
            let members = self.list(&format!("/api/v1/groups/{group}/members")).await?;
            for (person, there) in self.people.iter().enumerate() {
                let is_in = members.iter().any(|member| member["user"] == json!(there.id));
                shown.insert(Cell::Member(number, person), Shown::Flag(is_in));
            }
        }
        for ((person, on), (id, _)) in &self.links {
            let link = self.app.api(Method::GET, &format!("/api/v1/links/{id}"), None).await.json();
            shown.insert(Cell::Revoked(*person, *on), Shown::Flag(link["state"] == "revoked"));
        }
        for ((person, on), id) in &self.clones {
            // Only its maker sees one, and who is suspended sees nothing.
            let clone = self.app.api_as(&self.people[*person].session, Method::GET, &format!("/api/v1/clones/{id}"), None, &[]).await;
            if clone.status != StatusCode::FORBIDDEN {
                shown.insert(Cell::Retired(*person, *on), Shown::Flag(clone.json()["state"] == "retired"));
            }
        }
        let all = std::mem::take(&mut self.beliefs);
        self.beliefs = all.iter().filter(|belief| shown.iter().all(|(cell, shown)| shown.fits(belief, *cell))).cloned().collect();
        let known = |cell: &Cell| !matches!(cell, Cell::Grant(..)) || shown.contains_key(cell);
        ensure!(
            self.beliefs.iter().any(|belief| belief.cells().all(|(cell, _)| known(&cell))),
            "the API shows {shown:?}, which is none of {all:?}"
        );
        Ok(())
    }

    async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let answer = self.app.api(Method::GET, &format!("{path}?limit=100"), None).await;
        answer.json()["items"].as_array().cloned().with_context(|| format!("no items: {}", String::from_utf8_lossy(&answer.body)))
    }

    /// Makes the link, or the clone, of whoever acts, under a fair sky.
    async fn make(&mut self, by: By, act: Act) -> Result<()> {
        let (By::Person(person), Act::Link { on } | Act::Clone { on }) = (by, act) else { return Ok(()) };
        let is_link = matches!(act, Act::Link { .. });
        let is_there = if is_link { self.links.contains_key(&(person, on)) } else { self.clones.contains_key(&(person, on)) };
        if is_there {
            return Ok(());
        }
        let (path, body) = if is_link {
            ("/api/v1/links", json!({ "dataset": self.dataset(on) }))
        } else {
            ("/api/v1/clones", json!({ "dataset": self.dataset(on), "title": "mine" }))
        };
        let asked = Asked { method: Method::POST, path: path.to_owned(), body, headers: Vec::new() };
        let answer = self.send(by, &asked).await;
        let now = self.now();
        let (status, body) = (answer.status, answer.json());
        let fits = self.beliefs.iter().any(|belief| match belief.outcome(by, act, now) {
            Outcome::Done(_) => status.is_success(),
            Outcome::Refused(want) => status == want,
        });
        ensure!(fits, "{act:?} was answered with {status} {body}");
        if status.is_success() {
            let (id, path) = (text(&body["id"])?, text(&body["url"])?.trim_start_matches(DATA).to_owned());
            if is_link {
                self.tally.done_by_others += 1;
                self.tally.done += 1;
                self.links.insert((person, on), (id, path));
            } else {
                ensure!(path == format!("/{id}/{}/", name(on)), "a clone opens at {path}");
                self.clones.insert((person, on), id);
            }
        }
        Ok(())
    }

    /// Each change that was accepted stands in the audit once, and nothing else does (SECURITY 6, H5).
    async fn audit_is_whole(&self) -> Result<()> {
        let entries = self.app.audit_since(self.began).await;
        let after = |entry: &table::audit::AuditEntry| -> Value {
            serde_json::from_str(entry.after.as_deref().unwrap_or("null")).unwrap_or_default()
        };
        let is_of = |entry: &table::audit::AuditEntry, id: &str| entry.target == id || entry.also.iter().any(|also| also == id);
        let count = |verbs: &[&str], target: &str, fits: &dyn Fn(&Value) -> bool| {
            entries.iter().filter(|entry| verbs.contains(&entry.verb.as_str()) && is_of(entry, target) && fits(&after(entry))).count()
        };
        let belief = self.beliefs.first().context("nothing is believed")?;
        let mut edits = BTreeMap::<Spot, u64>::new();
        for (cell, version) in belief.cells() {
            let written = match cell {
                Cell::Grant(on, to) => {
                    let subject = self.word(to);
                    let id = subject.split_once(':').map_or(subject.as_str(), |(_, id)| id);
                    count(&["grant.give", "grant.withdraw"], self.dataset(on), &|after| after["subject"] == id)
                }
                Cell::Member(group, person) => {
                    let id = json!(self.people[person].id);
                    count(&["group.add", "group.remove"], &self.groups[group], &|after| {
                        after["members"].as_array().is_some_and(|members| members.contains(&id))
                    })
                }
                Cell::Suspended(person) => count(&["user.edit"], &self.people[person].id, &|_| true),
                Cell::Blocked(person) => {
                    let id = json!(self.people[person].id);
                    entries
                        .iter()
                        .filter(|entry| ["source.block", "source.unblock"].contains(&entry.verb.as_str()) && after(entry)["user"] == id)
                        .count()
                }
                Cell::Shown(on) | Cell::Strict(on) => {
                    *edits.entry(on).or_default() += version;
                    continue;
                }
                Cell::Part(person) => {
                    let id = json!(self.people[person].id);
                    count(&["project.add", "project.remove", "project.leave"], &self.project, &|after| {
                        after["members"].as_array().is_some_and(|members| members.contains(&id))
                    })
                }
                Cell::Rule => count(&["project.edit"], &self.project, &|_| true),
                Cell::Restricted => {
                    *edits.entry(Spot::Inner).or_default() += version;
                    continue;
                }
                // A tombstone is its own record.
                Cell::Revoked(..) => continue,
                Cell::Retired(person, on) => {
                    let id = self.clones.get(&(person, on)).context("a clone")?;
                    let written = count(&["clone.retire"], id, &|_| true);
                    // That of somebody who is suspended could not be looked at.
                    let believed = self.beliefs.iter().any(|belief| belief.at(cell).0 == written as u64);
                    ensure!(believed, "{cell:?} changed {version} times and stands in the audit {written} times");
                    continue;
                }
            };
            ensure!(written as u64 == version, "{cell:?} changed {version} times and stands in the audit {written} times");
        }
        for (on, edits) in edits {
            let written = count(&["dataset.edit", "dataset.put", "dataset.take"], self.dataset(on), &|_| true);
            ensure!(written as u64 == edits, "{on:?} was edited {edits} times, which stands in the audit {written} times");
        }
        Ok(())
    }

    async fn read(&self, probe: Probe) -> Answer {
        let (person, path) = match probe {
            Probe::Named(person, on) => (person, format!("/{}/{}/{OBJECT}", self.dataset(on), name(on))),
            Probe::Through(person) => (person, format!("/{}/{OUTER}/{INNER}/{OBJECT}", self.dataset(Spot::Outer))),
            Probe::Link(person, on) => {
                let path = self.links.get(&(person, on)).map(|(_, path)| path.as_str()).unwrap_or_default();
                return self.app.get(&format!("{}/{OBJECT}", path.trim_end_matches('/'))).await;
            }
            Probe::Clone { reader, maker, of } => {
                let id = self.clones.get(&(maker, of)).map_or("", String::as_str);
                (reader, format!("/{id}/{}/{OBJECT}", name(of)))
            }
        };
        let bearer = format!("Bearer {}", self.people[person].session);
        self.app.data(Method::GET, &path, &[("authorization", bearer.as_str())]).await
    }

    fn probes(&self) -> Vec<Probe> {
        let named =
            (0..PEOPLE).flat_map(|person| [Probe::Named(person, Spot::Outer), Probe::Named(person, Spot::Inner), Probe::Through(person)]);
        let linked = self.links.keys().map(|(person, on)| Probe::Link(*person, *on));
        let cloned = self.clones.keys().flat_map(|(maker, of)| (0..PEOPLE).map(|reader| Probe::Clone { reader, maker: *maker, of: *of }));
        named.chain(linked).chain(cloned).collect()
    }

    /// Those that read after this step: at each clone one person, another each time, for what anybody reads there is what all do at its original.
    fn readers(&self) -> Vec<Probe> {
        let turn = |probe: &Probe| match probe {
            Probe::Clone { reader, maker, of } => (self.step + maker + usize::from(*of == Spot::Inner)) % PEOPLE == *reader,
            Probe::Named(..) | Probe::Through(_) | Probe::Link(..) => true,
        };
        self.probes().into_iter().filter(turn).collect()
    }

    fn dataset(&self, on: Spot) -> &str {
        match on {
            Spot::Outer => &self.datasets[0],
            Spot::Inner => &self.datasets[1],
        }
    }

    /// A subject as the API has it.
    fn word(&self, subject: Subject) -> String {
        match subject {
            Subject::Person(person) => format!("user:{}", self.people[person].id),
            Subject::Group(group) => format!("group:{}", self.groups[group]),
            Subject::Accounts => "accounts".to_owned(),
        }
    }

    fn subject(&self, word: &str) -> Result<Subject> {
        let people = (0..PEOPLE).map(Subject::Person);
        let all = people.chain((0..GROUPS).map(Subject::Group)).chain([Subject::Accounts]);
        all.into_iter().find(|subject| self.word(*subject) == word).with_context(|| format!("nobody is {word}"))
    }
}

/// What the API shows of a cell.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Flag(bool),
    Grant { version: u64, active: bool },
    Held(Held),
}

impl Shown {
    fn fits(self, belief: &Belief, cell: Cell) -> bool {
        let (version, held) = belief.at(cell);
        match (self, held) {
            (Self::Flag(shown), Some(Held::Flag(held))) => shown == held,
            (Self::Flag(shown), None) => !shown,
            (Self::Grant { version: shown, active }, Some(Held::Grant { active: held, .. })) => shown == version && active == held,
            (Self::Held(shown), _) => belief.holds(cell) == Some(shown),
            _ => false,
        }
    }
}

fn keep(beliefs: &mut Vec<Belief>, belief: Belief) {
    if !beliefs.contains(&belief) {
        beliefs.push(belief);
    }
}

fn expected(beliefs: &[Belief], probe: Probe, now: i64) -> Vec<Reads> {
    let mut all: Vec<Reads> = Vec::new();
    for belief in beliefs {
        let reads = belief.reads(probe, now);
        if !all.contains(&reads) {
            all.push(reads);
        }
    }
    all
}

fn until_of(reads: Reads) -> Option<i64> {
    match reads {
        Reads::Yes { until } => Some(until),
        Reads::No(_) => None,
    }
}

/// Whether a read that was not let in fits: one that is refused so, or one whose last moments are too short to sign for.
fn fits(reads: Reads, status: u16, now: i64) -> bool {
    match reads {
        Reads::Yes { until } => status == 503 && until.saturating_sub(now) < LAST_MOMENTS_MS,
        Reads::No(wanted) => wanted == status,
    }
}

fn name(on: Spot) -> &'static str {
    match on {
        Spot::Outer => OUTER,
        Spot::Inner => INNER,
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Preview => "preview",
        Role::View => "view",
        Role::Manager => "manager",
    }
}

fn visibility_word(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Project => "project",
        Visibility::Accounts => "accounts",
    }
}

fn instant(millis: i64) -> String {
    Timestamp::from_millisecond(millis).expect("a time").to_string()
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("a text")?.to_owned())
}
