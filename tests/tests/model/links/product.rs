//! The product under a program: each step is taken, judged by the model, and looked at from all sides afterwards.

use anyhow::{Context, Result, bail, ensure};
use domain::limits::WRITE_SETTLES_SECS;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tests::app::{Answer, DATA, TestApp};

use super::{
    program::{Act, Class, Edit, End, Program, Step, Wish},
    reference::{Asking, Belief, Change, Outcome, Row, label},
};
use crate::{
    is_share,
    weather::{Sky, Weather, given, is_ahead_of_storage},
};

/// The dataset whose links are made, the one that they are moved to, and an object in either.
const DATASETS: [&str; 2] = ["cells.zarr", "moved/cells.zarr"];
const OBJECT: &str = "/.zattrs";
/// A second more than facts are cached, for links of colleagues and for publications.
const CACHE_SECS: i64 = 6;
const PUBLICATION_CACHE_SECS: i64 = 31;
/// With less left than this a link that is alive may not be signed for any more.
const LAST_MOMENTS_MS: i64 = 6_000;
/// More links than this are not made.
const LINKS_MAX: usize = 7;

/// How often what came about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// A read that was let through, once caches had aged.
    pub yes: usize,
    /// One that was refused.
    pub no: usize,
    /// A change that was accepted.
    pub accepted: usize,
    /// One that was refused.
    pub refused: usize,
    /// One whose outcome was left open.
    pub open: usize,
    /// A late write that arrived.
    pub late: usize,
    /// A read that failed with the table.
    pub failed_reads: usize,
    /// An acknowledged revoke, single or of all.
    pub revokes: usize,
    /// A review link that was promoted.
    pub promoted: usize,
    /// A read that was streamed, once caches had aged.
    pub streamed: usize,
}

impl Tally {
    /// Both.
    pub fn add(&mut self, other: Self) {
        let Self { yes, no, accepted, refused, open, late, failed_reads, revokes, promoted, streamed } = other;
        self.yes += yes;
        self.no += no;
        self.accepted += accepted;
        self.refused += refused;
        self.open += open;
        self.late += late;
        self.failed_reads += failed_reads;
        self.revokes += revokes;
        self.promoted += promoted;
        self.streamed += streamed;
    }

    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        let (reads, changes) = (self.yes + self.no, self.accepted + self.refused + self.open);
        is_share("reads that were let through", self.yes, reads, 0.2);
        is_share("reads that were refused", self.no, reads, 0.2);
        is_share("changes that were accepted", self.accepted, changes, 0.2);
        is_share("changes that were refused", self.refused, changes, 0.05);
        is_share("changes whose outcome was left open", self.open, changes, 0.05);
        is_share("revokes that were acknowledged", self.revokes, changes, 0.05);
        is_share("reads that were streamed", self.streamed, self.yes, 0.02);
        is_share("promotions", self.promoted, self.accepted, 0.01);
        assert!(self.late > 0 && self.failed_reads > 0, "{self:?}");
        println!("{self:?}");
    }
}

/// A link that is known of.
struct Known {
    id: String,
    path: String,
    beliefs: Vec<Belief>,
    /// What it was believed to be before this step: what a cache may still hold.
    before: Vec<Belief>,
    /// Its version when it was last seen.
    version: u64,
    /// When the signatures given out end, in seconds.
    given: Vec<i64>,
    /// By when this step's narrowing is enforced.
    enforced_by: Option<i64>,
    /// By when a revoke that was acknowledged is enforced, first promise first.
    revoked_by: Option<i64>,
    /// When its tombstone says that it was revoked, once seen.
    tombstone: Option<String>,
    /// It became strict in this step by an edit that took longer than an edit is reckoned with ([`WRITE_SETTLES_SECS`]): until what was
    /// signed and cached before has ended, its promises are those of a link that had been strict before.
    slipped: bool,
}

/// A write that may arrive later.
enum Stray {
    Change { link: usize, from_version: u64, to: Row, sent: i64 },
    Revoke { link: usize },
    RevokeAll { links_gen: u64 },
    Create { asking: Asking, met: Option<usize>, row: Row, links_gen: u64 },
}

/// A request, the same each time it is sent.
struct Asked {
    method: Method,
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

/// The product and what is believed of it.
struct Run {
    app: TestApp,
    sky: Sky,
    datasets: [String; 2],
    links: Vec<Known>,
    /// Creates that were acknowledged, and the id that each was told.
    acknowledged: Vec<(Asked, String)>,
    /// Which link each asking met last.
    askings: Vec<(Asking, usize)>,
    /// The dataset's count of revokes of all links: at the beginning, and as last seen.
    first_links_gen: u64,
    links_gen: u64,
    began: Timestamp,
    strays: Vec<Stray>,
    /// Creates whose outcome is open: what each would have made.
    expected: Vec<Belief>,
    /// Late writes arrived in this step: a link may be closed by what nobody was told of.
    arrived: bool,
    tally: Tally,
    step: usize,
}

/// Runs `program`; the error says what the product did that the model forbids.
pub async fn run(program: Arc<Program>) -> Result<Tally> {
    let dir = tempfile::TempDir::new()?;
    for dataset in DATASETS {
        std::fs::create_dir_all(dir.path().join(dataset))?;
        std::fs::write(dir.path().join(format!("{dataset}{OBJECT}")), dataset)?;
    }
    let (app, sky) = Sky::over(dir).await;
    let datasets = [app.dataset(DATASETS[0]).await, app.dataset(DATASETS[1]).await];
    let began = app.now();
    let mut run = Run {
        app,
        sky,
        datasets,
        links: Vec::new(),
        acknowledged: Vec::new(),
        askings: Vec::new(),
        first_links_gen: 0,
        links_gen: 0,
        began,
        strays: Vec::new(),
        expected: Vec::new(),
        arrived: false,
        tally: Tally::default(),
        step: 0,
    };
    run.first_links_gen = run.links_gen_there().await?;
    run.links_gen = run.first_links_gen;
    for (number, step) in program.0.iter().enumerate() {
        run.step = number;
        Box::pin(run.take(step)).await.with_context(|| format!("step {number}: {step:?}"))?;
    }
    run.late_arrive().await.context("after the last step")?;
    run.audit_is_whole().await.context("the audit")?;
    Ok(run.tally)
}

impl Run {
    fn now(&self) -> i64 {
        self.app.now().as_millisecond()
    }

    async fn take(&mut self, step: &Step) -> Result<()> {
        for link in &mut self.links {
            link.before = link.beliefs.clone();
            link.enforced_by = None;
            if std::mem::take(&mut link.slipped) {
                link.given.clear();
            }
        }
        self.arrived = false;
        if step.late_arrive {
            self.late_arrive().await?;
        }
        self.act(step).await?;
        for link in &mut self.links {
            for belief in std::mem::take(&mut link.beliefs) {
                keep(&mut link.beliefs, Belief { remembered: false, ..belief });
            }
        }
        self.read_at_once().await?;
        let publications = self.links.iter().any(|link| link.beliefs.iter().any(|belief| belief.row.class == Class::Publication));
        self.app.pass_secs(step.pass_secs + if publications { PUBLICATION_CACHE_SECS } else { CACHE_SECS });
        self.read_while(&step.reading).await?;
        self.look().await?;
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
        let now = self.now();
        for stray in std::mem::take(&mut self.strays) {
            match stray {
                Stray::Change { link, from_version, to, sent } => {
                    let link = &mut self.links[link];
                    // A tombstone bars every change. A revoke of all bars none that narrows, and outlives it.
                    let open = link.tombstone.is_none();
                    let changed = |belief: &&Belief| open && belief.row.version == from_version;
                    let changed: Vec<_> =
                        link.beliefs.iter().filter(changed).map(|belief| Belief { row: to.clone(), ..belief.clone() }).collect();
                    link.slipped |= now - sent > i64::from(WRITE_SETTLES_SECS) * 1_000
                        && changed.iter().any(|belief| belief.row.strict)
                        && link.beliefs.iter().any(|belief| !belief.row.strict);
                    link.beliefs.extend(changed);
                }
                Stray::Revoke { link } => believe_revoked_too(&mut self.links[link]),
                Stray::RevokeAll { links_gen } if links_gen == self.links_gen => {
                    self.links.iter_mut().for_each(believe_revoked_with_all_too);
                    // Of a create that arrived with it, either may have been first.
                    self.expected.extend(self.expected.iter().map(Belief::revoked).collect::<Vec<_>>());
                }
                Stray::Create { asking, met, row, links_gen } if links_gen == self.links_gen && self.met_by(&asking) == met => {
                    self.expected.push(Belief::of(row));
                }
                Stray::RevokeAll { .. } | Stray::Create { .. } => {}
            }
        }
        self.links_gen = self.links_gen_there().await?;
        self.look().await
    }

    async fn act(&mut self, step: &Step) -> Result<()> {
        match &step.act {
            Act::Create(wish) => self.create(wish, step).await,
            Act::Again(pick) => self.create_again(*pick).await,
            Act::RevokeAll => self.revoke_all(step).await,
            Act::Pause(pick) => self.change(self.pick(*pick), |_| Change::Switch { enabled: false }, step).await,
            Act::Resume(pick) => self.change(self.pick(*pick), |_| Change::Switch { enabled: true }, step).await,
            Act::Revoke(pick) => self.change(self.pick(*pick), |_| Change::Revoke, step).await,
            Act::Retarget { link, stale } => {
                let Some(index) = self.pick(*link) else { return Ok(()) };
                let to = 1 - self.links[index].beliefs[0].row.place;
                self.change(Some(index), |version| Change::Retarget { to, if_match: if_match(version, *stale) }, step).await
            }
            Act::Promote { link, until, stale } => {
                self.change(self.pick_review(*link), |version| Change::Promote { until: *until, if_match: if_match(version, *stale) }, step)
                    .await
            }
            Act::Edit { link, edit, stale } => {
                self.change(self.pick(*link), |version| Change::Edit { edit: edit.clone(), if_match: if_match(version, *stale) }, step)
                    .await
            }
        }
    }

    async fn create(&mut self, wish: &Wish, step: &Step) -> Result<()> {
        let (now, row) = (self.now(), Row::new(wish, self.now()));
        let met = self.met_by(&row.asking());
        let there = met.filter(|link| {
            self.links[*link]
                .beliefs
                .iter()
                .all(|belief| belief.row.asking() == row.asking() && belief.row.place == 0 && !belief.has_ended(now))
        });
        if there.is_none() && self.links.len() >= LINKS_MAX {
            return Ok(());
        }
        let class = class_word(wish.class);
        let mut body = json!({ "dataset": self.datasets[0], "label": label(wish.label), "strict": wish.strict, "class": class });
        if wish.until != End::ByClass {
            body["until"] = json!(end_word(wish.until, now));
        }
        if let Some(begin) = row.not_before {
            body["not_before"] = json!(instant(begin));
        }
        let key = ("idempotency-key", format!("create-{}", self.step));
        let asked = Asked { method: Method::POST, path: "/api/v1/links".to_owned(), body: Some(body), headers: vec![key] };
        let (mut made, mut acknowledged) = (None, false);
        for time in 0..=usize::from(step.twice) {
            let (answer, held) = if time == 0 { self.send_in(&step.weather, &asked).await } else { (self.send(&asked).await, 0) };
            let may_fail = time == 0 && !matches!(step.weather, Weather::Fair);
            let status = answer.status.as_u16();
            match status {
                503 if may_fail => {
                    self.tally.open += 1;
                    if there.is_none() && row.refusal().is_none() {
                        self.expected.push(Belief::of(row.clone()));
                    }
                }
                422 if row.refusal().is_some_and(|code| answer.json()["code"] == code) => {
                    self.tally.refused += 1;
                    continue;
                }
                200 | 201 => {
                    self.tally.accepted += 1;
                    self.expected.retain(|expected| expected.row != row);
                    acknowledged = true;
                    ensure!(row.refusal().is_none(), "a link was made that is to be refused");
                    let body = answer.json();
                    let id = body["id"].as_str().context("no id")?;
                    if let Some(there) = there.or(made) {
                        ensure!(self.links[there].id == id, "the same asking met another link: {body}");
                    } else {
                        ensure!(self.links.iter().all(|link| link.id != id), "another asking met a link that was there: {body}");
                        made = Some(self.learn(&body, Belief::of(row.clone())));
                    }
                }
                _ => bail!("a create answered {status}: {}", String::from_utf8_lossy(&answer.body)),
            }
            if held > 0 && there.is_none() && made.is_none() {
                self.strays.push(Stray::Create { asking: row.asking(), met, row: row.clone(), links_gen: self.links_gen });
            }
        }
        if let Some(link) = there.or(made).filter(|_| acknowledged) {
            self.acknowledged.push((asked, self.links[link].id.clone()));
        }
        if made.is_some() {
            // What was acknowledged under this key is never made again.
            self.strays.retain(|stray| !matches!(stray, Stray::Create { row: late, .. } if *late == row));
        }
        Ok(())
    }

    /// Whatever became of the link, the same request is told of the same one, and makes none.
    async fn create_again(&mut self, pick: u8) -> Result<()> {
        let Some(number) = usize::from(pick).checked_rem(self.acknowledged.len()) else { return Ok(()) };
        let (asked, id) = &self.acknowledged[number];
        let answer = self.send(asked).await;
        ensure!(
            answer.status.is_success(),
            "a create answered {} the second time: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        ensure!(answer.json()["id"] == json!(id), "the same request made {id}, and then met another: {}", answer.json());
        self.tally.accepted += 1;
        Ok(())
    }

    async fn revoke_all(&mut self, step: &Step) -> Result<()> {
        let path = format!("/api/v1/datasets/{}/links/revoke", self.datasets[0]);
        let key = ("idempotency-key", format!("revoke-all-{}", self.step));
        let asked = Asked { method: Method::POST, path, body: Some(json!({ "reason": "the model says so" })), headers: vec![key] };
        for time in 0..=usize::from(step.twice) {
            let (answer, held) = if time == 0 { self.send_in(&step.weather, &asked).await } else { (self.send(&asked).await, 0) };
            if held > 0 {
                self.strays.push(Stray::RevokeAll { links_gen: self.links_gen });
            }
            if answer.status == StatusCode::SERVICE_UNAVAILABLE && time == 0 && !matches!(step.weather, Weather::Fair) {
                self.tally.open += 1;
                self.links.iter_mut().for_each(believe_revoked_with_all_too);
                continue;
            }
            ensure!(
                answer.status == StatusCode::OK,
                "a revoke of all answered {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
            self.tally.accepted += 1;
            self.tally.revokes += 1;
            let by = second_of(&answer.json()["enforced_by"])?;
            for link in &mut self.links {
                link.beliefs = link.beliefs.iter().map(Belief::revoked_with_all).collect();
                if link.beliefs.iter().all(|belief| belief.revoked) {
                    is_enforced(link, by, true)?;
                }
            }
        }
        let there = self.links_gen_there().await?;
        ensure!(there >= self.links_gen, "the count of revokes of all fell");
        self.links_gen = there;
        Ok(())
    }

    async fn change(&mut self, index: Option<usize>, change: impl Fn(u64) -> Change, step: &Step) -> Result<()> {
        let Some(index) = index else { return Ok(()) };
        let now = self.now();
        let link = &self.links[index];
        let change = change(link.version);
        let asked = request(link, &change, &self.datasets, now, self.step);
        for time in 0..=usize::from(step.twice) {
            let believed = self.links[index].beliefs.clone();
            let (answer, held) = if time == 0 { self.send_in(&step.weather, &asked).await } else { (self.send(&asked).await, 0) };
            if held > 0 {
                self.strays.extend(believed.iter().filter_map(|belief| stray(index, belief, &change, now)));
            }
            let weather = if time == 0 { &step.weather } else { &Weather::Fair };
            self.judge(index, &change, &answer, weather).with_context(|| {
                format!("time {time} of {change:?} to {believed:?} answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body))
            })?;
        }
        Ok(())
    }

    /// Keeps what is believed of a link to what fits the answer.
    fn judge(&mut self, index: usize, change: &Change, answer: &Answer, weather: &Weather) -> Result<()> {
        let now = self.now();
        let (may_fail, in_conflict) = (!matches!(weather, Weather::Fair), matches!(weather, Weather::Conflicts(_)));
        let link = &mut self.links[index];
        let (status, mut kept) = (answer.status.as_u16(), Vec::new());
        if status == 503 && may_fail {
            self.tally.open += 1;
            for belief in link.beliefs.clone() {
                if let Outcome::Accepted { after, .. } = belief.after(change, now) {
                    keep(&mut link.beliefs, after);
                }
            }
            return Ok(());
        }
        let reply = answer.json();
        let mut enforced_by = None;
        for belief in &link.beliefs {
            match belief.after(change, now) {
                // `enforced_by` stands where something was narrowed, and only there.
                Outcome::Accepted { enforced, after }
                    if status == 200
                        && reply["link"]["version"] == json!(after.row.version)
                        && enforced != reply["enforced_by"].is_null() =>
                {
                    if enforced {
                        enforced_by = Some(second_of(&reply["enforced_by"])?);
                    }
                    keep(&mut kept, after);
                }
                Outcome::Refused(want, code) if status == want && reply["code"] == code => keep(&mut kept, belief.clone()),
                Outcome::Accepted { .. } | Outcome::Refused(..) => {}
            }
        }
        ensure!(!kept.is_empty(), "nothing that the link may be leads to this answer");
        if in_conflict {
            // A narrowing that meets nothing but conflicts is made outside its transaction, where its key is not remembered.
            for belief in kept.clone() {
                keep(&mut kept, Belief { remembered: false, ..belief });
            }
        }
        let believed = std::mem::replace(&mut link.beliefs, kept);
        if status == 200 {
            self.tally.accepted += 1
        } else {
            self.tally.refused += 1
        }
        let was_review = believed.iter().all(|belief| belief.row.class == Class::Review);
        self.tally.promoted += usize::from(status == 200 && was_review && matches!(change, Change::Promote { .. }));
        if let Some(by) = enforced_by {
            let revoked = matches!(change, Change::Revoke);
            self.tally.revokes += usize::from(revoked);
            is_enforced(link, by, revoked)?;
        }
        if status == 200 && matches!(change, Change::Revoke) {
            let at = reply["link"]["revoked"]["at"].as_str().context("a revoked link shows its record")?;
            ensure!(link.tombstone.as_deref().is_none_or(|first| first == at), "the record of a revoke changed");
            link.tombstone = Some(at.to_owned());
        }
        Ok(())
    }

    /// Every link is read at once: caches may answer as before, and nobody may answer as neither.
    async fn read_at_once(&mut self) -> Result<()> {
        let now = self.now();
        for link in &mut self.links {
            let answer = self.app.get(&link.path).await;
            if is_ahead_of_storage(&self.app, &answer) {
                continue;
            }
            let possible = || link.before.iter().chain(&link.beliefs);
            if let Some(end) = opened(&answer, now)? {
                ensure!(possible().any(|belief| belief.opens(now)), "{} was opened at once though it is {:?}", link.id, link.beliefs);
                if link.beliefs.iter().all(|belief| !belief.opens(now)) {
                    let by = link.enforced_by.or(link.revoked_by);
                    ensure!(by.is_some() || self.arrived, "{} was opened though it had been closed before this step", link.id);
                    ensure!(
                        link.slipped || by.is_none_or(|by| end <= by),
                        "{} was signed for until {end}, though it is closed by {by:?}",
                        link.id
                    );
                }
                is_within_promises(link, end, now)?;
                link.given.push(end);
            } else {
                let last_moments = possible().any(|belief| belief.row.until.is_some_and(|until| until - now < LAST_MOMENTS_MS));
                let closed = possible().any(|belief| !belief.opens(now));
                ensure!(
                    closed || (last_moments && answer.status == StatusCode::SERVICE_UNAVAILABLE),
                    "{} is {:?}, but reading it answered {}",
                    link.id,
                    link.beliefs,
                    answer.status
                );
            }
        }
        Ok(())
    }

    /// One link after the other is read while the table fails: the answer is the right one, or that there is none now.
    async fn read_while(&mut self, weather: &Weather) -> Result<()> {
        if matches!(weather, Weather::Fair) {
            return Ok(());
        }
        let now = self.now();
        let Some(index) = self.step.checked_rem(self.links.len()) else { return Ok(()) };
        self.sky.set(weather);
        let answer = self.app.get(&self.links[index].path).await;
        self.sky.heal();
        let link = &mut self.links[index];
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            self.tally.failed_reads += 1;
            return Ok(());
        }
        let end = opened(&answer, now)?;
        ensure!(
            link.beliefs.iter().any(|belief| belief.opens(now) == end.is_some()),
            "{} is {:?}, but answered {} while the table failed",
            link.id,
            link.beliefs,
            answer.status
        );
        if let Some(end) = end {
            is_within_promises(link, end, now)?;
            link.given.push(end);
        }
        Ok(())
    }

    /// The maker looks: every link is one of the things that it may be, and there is none that nobody asked for.
    async fn look(&mut self) -> Result<()> {
        let now = self.now();
        let mut listed = Vec::new();
        for (place, dataset) in self.datasets.iter().enumerate() {
            let answer = self.app.api(Method::GET, &format!("/api/v1/links?dataset={dataset}"), None).await;
            ensure!(answer.status == StatusCode::OK, "the list answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
            let items = answer.json()["items"].as_array().context("no items")?.clone();
            listed.extend(items.into_iter().map(|item| (place, item)));
        }
        let shown: BTreeMap<&str, (usize, &Value)> =
            listed.iter().filter_map(|(place, item)| Some((item["id"].as_str()?, (*place, item)))).collect();
        ensure!(shown.len() == listed.len(), "a link is listed at both places");
        let mut expected = std::mem::take(&mut self.expected);
        for (id, (place, item)) in &shown {
            if self.links.iter().all(|link| link.id != *id) {
                let met = expected.iter().find(|belief| is_shown(belief, *place, item, now)).cloned();
                let met = met.with_context(|| format!("a link that nobody asked for, or one too many: {item}"))?;
                expected.retain(|other| other.row != met.row);
                self.learn(item, met);
            }
        }
        for link in &mut self.links {
            let (place, item) = *shown.get(link.id.as_str()).with_context(|| format!("{} is not listed any more", link.id))?;
            let believed = link.beliefs.clone();
            link.beliefs.retain(|belief| is_shown(belief, place, item, now));
            ensure!(!link.beliefs.is_empty(), "{} is shown as {item}, but may only be {believed:?}", link.id);
            link.version = link.beliefs[0].row.version;
            let at = item["revoked"]["at"].as_str();
            ensure!(
                link.tombstone.is_none() || link.tombstone.as_deref() == at,
                "the record of an acknowledged revoke of {} changed or is gone",
                link.id
            );
            link.tombstone = at.map(str::to_owned);
        }
        Ok(())
    }

    /// Every link is read once caches have aged: open or not as the model has it, and never after a revoke.
    async fn read_all(&mut self) -> Result<()> {
        let now = self.now();
        for link in &mut self.links {
            let answer = self.app.get(&link.path).await;
            if is_ahead_of_storage(&self.app, &answer) {
                ensure!(link.revoked_by.is_none(), "a revoke of {} that was acknowledged is undone", link.id);
                continue;
            }
            let [belief] = link.beliefs.as_slice() else { bail!("{} may still be several things: {:?}", link.id, link.beliefs) };
            let end = opened(&answer, now)?;
            ensure!(link.revoked_by.is_none() || end.is_none(), "a revoke of {} that was acknowledged is undone", link.id);
            let last_moments = belief.row.until.is_some_and(|until| until - now < LAST_MOMENTS_MS);
            if belief.opens(now) {
                ensure!(
                    end.is_some() || (last_moments && answer.status == StatusCode::SERVICE_UNAVAILABLE),
                    "{} is {belief:?}, but reading it answered {}",
                    link.id,
                    answer.status
                );
            } else {
                let code = format!("link-{}", belief.state(now));
                ensure!(
                    answer.status == StatusCode::GONE && answer.json()["code"] == code.as_str(),
                    "{} is {belief:?}, but reading it answered {}",
                    link.id,
                    answer.status
                );
            }
            match end {
                Some(end) => {
                    let is_streamed = answer.status == StatusCode::OK;
                    self.tally.streamed += usize::from(is_streamed);
                    ensure!(
                        is_streamed == (belief.row.class == Class::Review),
                        "{} is {belief:?}, but answered {}",
                        link.id,
                        answer.status
                    );
                    let from =
                        if is_streamed { String::from_utf8_lossy(&answer.body).into_owned() } else { answer.header("location").to_owned() };
                    let leads_to_other = from.contains("moved/");
                    ensure!(leads_to_other == (belief.row.place == 1), "{} is {belief:?}, but leads elsewhere", link.id);
                    ensure!(
                        belief.row.until.is_none_or(|until| end * 1_000 <= until),
                        "{} was signed for until {end}, beyond its own end: {belief:?}",
                        link.id
                    );
                    link.given.push(end);
                    self.tally.yes += 1;
                }
                None => self.tally.no += 1,
            }
        }
        Ok(())
    }

    /// History: each accepted write stands in the audit exactly once, and nothing else does.
    async fn audit_is_whole(&mut self) -> Result<()> {
        // The copy of a tombstone follows it and may be lost; revoking again writes it again.
        for link in self.links.iter().filter(|link| link.tombstone.is_some()) {
            let again = self.app.api(Method::POST, &format!("/api/v1/links/{}/revoke", link.id), Some(json!({ "reason": "again" }))).await;
            ensure!(
                again.status == StatusCode::OK && again.json()["link"]["revoked"]["at"].as_str() == link.tombstone.as_deref(),
                "a second revoke changes nothing"
            );
        }
        let entries = self.app.audit_since(self.began).await;
        let of = |target: &str, verb: &str| {
            entries.iter().filter(|entry| entry.target == target && entry.verb.starts_with(verb)).collect::<Vec<_>>()
        };
        for link in &self.links {
            ensure!(
                of(&link.id, "link.create").len() == 1,
                "the making of {} stands in the audit {} times",
                link.id,
                of(&link.id, "link.create").len()
            );
            let copies = of(&link.id, "link.revoke");
            ensure!(
                copies.len() == usize::from(link.tombstone.is_some()),
                "the revoke of {} stands in the audit {} times",
                link.id,
                copies.len()
            );
            ensure!(
                copies.iter().all(|copy| Some(copy.at.to_string()) == link.tombstone),
                "the audit has another time for the revoke of {}",
                link.id
            );
            let mut versions = Vec::new();
            for entry in
                ["link.edit", "link.pause", "link.resume", "link.retarget", "link.promote"].iter().flat_map(|verb| of(&link.id, verb))
            {
                let after: Value = serde_json::from_str(entry.after.as_deref().context("no `after`")?)?;
                versions.push(after["version"].as_u64().context("no version")?);
            }
            versions.sort_unstable();
            ensure!(
                versions == (2..=link.version).collect::<Vec<_>>(),
                "the audit has versions {versions:?} of {}, which is at {}",
                link.id,
                link.version
            );
        }
        let all = of(&self.datasets[0], "dataset.revoke-all").len();
        let links_gen = self.links_gen_there().await?;
        ensure!(
            u64::try_from(all)? == links_gen - u64::from(links_gen > 0 && all as u64 != links_gen),
            "{all} revokes of all stand in the audit, {links_gen} were made"
        );
        let made = entries.iter().filter(|entry| entry.verb == "link.create").count();
        ensure!(made == self.links.len(), "{made} links stand in the audit, {} are there", self.links.len());
        Ok(())
    }

    /// A link that may be changed: one that is not revoked, three times of four.
    fn pick(&self, pick: u8) -> Option<usize> {
        let alive: Vec<usize> =
            (0..self.links.len()).filter(|index| self.links[*index].beliefs.iter().any(|belief| !belief.revoked)).collect();
        let number = usize::from(pick / 4);
        if !pick.is_multiple_of(4) && !alive.is_empty() {
            return alive.get(number % alive.len()).copied();
        }
        (!self.links.is_empty()).then(|| number % self.links.len())
    }

    /// A link that may be promoted: one for a review that is not revoked, where there is any, three times of four.
    fn pick_review(&self, pick: u8) -> Option<usize> {
        let may_be = |link: &Known| link.beliefs.iter().any(|belief| belief.row.class == Class::Review && !belief.revoked);
        let reviews: Vec<usize> = (0..self.links.len()).filter(|index| may_be(&self.links[*index])).collect();
        let review = usize::from(pick / 4).checked_rem(reviews.len()).filter(|_| !pick.is_multiple_of(4));
        review.map_or_else(|| self.pick(pick), |number| reviews.get(number).copied())
    }

    fn met_by(&self, asking: &Asking) -> Option<usize> {
        self.askings.iter().rev().find(|(asked, _)| asked == asking).map(|(_, link)| *link)
    }

    /// A link shown by the API for the first time.
    fn learn(&mut self, shown: &Value, belief: Belief) -> usize {
        let text = |field: &str| shown[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {shown}")).to_owned();
        let path = format!("{}{OBJECT}", text("url").strip_prefix(DATA).expect("a URL of the data origin"));
        let link = self.links.len();
        self.askings.push((belief.row.asking(), link));
        self.links.push(Known {
            id: text("id"),
            path,
            before: vec![belief.clone()],
            version: belief.row.version,
            beliefs: vec![belief],
            given: Vec::new(),
            enforced_by: None,
            revoked_by: None,
            tombstone: None,
            slipped: false,
        });
        link
    }

    async fn links_gen_there(&self) -> Result<u64> {
        let id = domain::id::DatasetId::parse(&self.datasets[0])?;
        Ok(self.app.app.table.place(id).await?.context("no dataset")?.dataset.links_gen)
    }

    async fn send(&self, asked: &Asked) -> Answer {
        let headers: Vec<_> = asked.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.app.api_with(asked.method.clone(), &asked.path, asked.body.clone(), &headers).await
    }

    /// The same in this weather; also how many writes were held back.
    async fn send_in(&self, weather: &Weather, asked: &Asked) -> (Answer, usize) {
        let before = self.sky.held();
        self.sky.set(weather);
        let answer = self.send(asked).await;
        self.sky.heal();
        (answer, self.sky.held() - before)
    }
}

fn keep(beliefs: &mut Vec<Belief>, belief: Belief) {
    if !beliefs.contains(&belief) {
        beliefs.push(belief);
    }
}

fn believe_revoked_too(link: &mut Known) {
    for belief in link.beliefs.clone() {
        keep(&mut link.beliefs, belief.revoked());
    }
}

fn believe_revoked_with_all_too(link: &mut Known) {
    for belief in link.beliefs.clone() {
        keep(&mut link.beliefs, belief.revoked_with_all());
    }
}

/// By when what was let through ends, in seconds: a redirect's signature does, a stream is over; `None`: a refusal.
fn opened(answer: &Answer, now: i64) -> Result<Option<i64>> {
    if answer.status == StatusCode::OK { Ok(Some(now / 1_000)) } else { given(answer) }
}

/// A narrowing was acknowledged: nothing that was given out works later than it says.
fn is_enforced(link: &mut Known, by: i64, revoked: bool) -> Result<()> {
    if let Some(end) = link.given.iter().find(|end| **end > by).filter(|_| !link.slipped) {
        bail!("{} was signed for until {end}, but its narrowing says that it is enforced by {by}", link.id);
    }
    link.enforced_by = Some(by);
    if revoked {
        link.revoked_by.get_or_insert(by);
    }
    Ok(())
}

/// No yes after `enforced_by`, and no signature that works after it.
fn is_within_promises(link: &Known, end: i64, now: i64) -> Result<()> {
    let Some(by) = link.revoked_by.filter(|_| !link.slipped) else { return Ok(()) };
    ensure!(now < by * 1_000 && end <= by, "{} was opened until {end} although its revoke was to be enforced by {by}", link.id);
    Ok(())
}

fn request(link: &Known, change: &Change, datasets: &[String; 2], now: i64, step: usize) -> Asked {
    let of = |verb: &str| format!("/api/v1/links/{}{verb}", link.id);
    let post = |path, body| Asked { method: Method::POST, path, body, headers: Vec::new() };
    match change {
        Change::Switch { enabled: false } => post(of("/pause"), None),
        Change::Switch { enabled: true } => post(of("/resume"), None),
        Change::Revoke => post(of("/revoke"), Some(json!({ "reason": "the model says so" }))),
        Change::Retarget { to, if_match } => Asked {
            headers: vec![("if-match", format!("\"{if_match}\"")), ("idempotency-key", format!("move-{step}"))],
            ..post(of("/retarget"), Some(json!({ "dataset": datasets[*to] })))
        },
        Change::Promote { until, if_match } => Asked {
            headers: vec![("if-match", format!("\"{if_match}\"")), ("idempotency-key", format!("promote-{step}"))],
            ..post(of("/promote"), Some(if *until == End::ByClass { json!({}) } else { json!({ "until": end_word(*until, now) }) }))
        },
        Change::Edit { edit, if_match } => Asked {
            method: Method::PATCH,
            path: of(""),
            body: Some(patch(edit, now)),
            headers: vec![
                ("if-match", format!("\"{if_match}\"")),
                ("idempotency-key", format!("edit-{step}")),
                ("content-type", "application/merge-patch+json".to_owned()),
            ],
        },
    }
}

fn patch(edit: &Edit, now: i64) -> Value {
    let mut patch = json!({});
    if let Some(number) = edit.label {
        patch["label"] = json!(label(number));
    }
    if let Some(until) = edit.until {
        patch["until"] = json!(end_word(until, now));
    }
    if let Some(begins) = edit.begins_in_secs {
        patch["not_before"] = json!(begins.map(|secs| instant(now + secs * 1_000)));
    }
    if let Some(strict) = edit.strict {
        patch["strict"] = json!(strict);
    }
    patch
}

/// The version that an edit names: the one that is there, or if stale one that is not.
fn if_match(version: u64, stale: bool) -> u64 {
    if stale { version + 50 } else { version }
}

fn class_word(class: Class) -> &'static str {
    match class {
        Class::Collaboration => "collaboration",
        Class::Review => "review",
        Class::Publication => "publication",
    }
}

fn end_word(end: End, now: i64) -> String {
    match end {
        End::ByClass => unreachable!("an end by its class is not said"),
        End::Days(days) => format!("{days}d"),
        End::InSecs(secs) => instant(now + secs * 1_000),
        End::Never => "never".to_owned(),
    }
}

fn instant(millis: i64) -> String {
    Timestamp::from_millisecond(millis).expect("a time").to_string()
}

fn second_of(value: &Value) -> Result<i64> {
    let at: Timestamp = value.as_str().context("no `enforced_by`")?.parse()?;
    Ok(at.as_second())
}

/// What a change leaves behind where it seemed lost.
fn stray(link: usize, belief: &Belief, change: &Change, now: i64) -> Option<Stray> {
    match (change, belief.after(change, now)) {
        (Change::Revoke, _) => Some(Stray::Revoke { link }),
        (_, Outcome::Accepted { after, .. }) => Some(Stray::Change { link, from_version: belief.row.version, to: after.row, sent: now }),
        (_, Outcome::Refused(..)) => None,
    }
}

fn is_shown(belief: &Belief, place: usize, item: &Value, now: i64) -> bool {
    let row = &belief.row;
    let time = |field: &str| item[field].as_str().map(|text| text.parse::<Timestamp>().expect("a time").as_millisecond());
    row.place == place
        && item["version"] == json!(row.version)
        && item["label"] == json!(row.label)
        && item["strict"] == json!(row.strict)
        && item["class"] == class_word(row.class)
        && item["state"] == json!(belief.state(now))
        && time("until") == row.until
        && time("not_before") == row.not_before
}
