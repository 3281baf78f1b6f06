//! Each accepted write stands in the audit once, and nothing else does (P18): what lies in the table is compared before and after every request.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use aws_smithy_types::timeout::TimeoutConfig;
use http::Method;
use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};
use table::{Table, audit::VERBS};
use tests::app::TestApp;

use crate::{is_share, weather::patient_and_vouched};

/// A folder, and what lies in it: first the inner ones are there.
const PATHS: [&str; 4] = ["lab/cells.zarr/", "lab/deep/inner/", "lab/deep/", "lab/"];
const PEOPLE: usize = 3;

/// Requests, one after the other.
#[derive(Debug, Clone)]
pub struct Program(pub Vec<Step>);

/// A request, by whom, and whether it is sent again.
#[derive(Debug, Clone)]
pub struct Step {
    /// `None`: the owner and administrator.
    by: Option<usize>,
    act: Act,
    /// With an `Idempotency-Key`, where the route takes one, and then sent a second time.
    again: bool,
    /// With a version that the thing does not have.
    stale: bool,
}

/// Everything that can be asked for and is kept. Numbers are taken for the ones in range.
#[derive(Debug, Clone)]
enum Act {
    Register(usize),
    Show { dataset: usize, visibility: &'static str },
    Restrict { dataset: usize, restricted: bool },
    ReadLevels(usize),
    HandOver { dataset: usize, to: usize },
    Retire(usize),
    Offer { dataset: usize, to: usize },
    EndOffer { dataset: usize, by: &'static str },
    GiveToAll(usize),
    MakeClone { dataset: usize },
    EditClone { clone: usize, title: u8 },
    RetireClone { clone: usize },
    Curator { person: usize, curator: bool },
    Curation { dataset: usize, word: &'static str },
    Give { dataset: usize, to: usize, role: &'static str, until: Option<&'static str> },
    Withdraw { dataset: usize, to: usize },
    Invite { dataset: usize, address: u8, role: &'static str },
    TakeBack { dataset: usize, address: u8 },
    MakeGroup { name: u8, kind: &'static str },
    RetireGroup { group: usize },
    Member { group: usize, person: usize, is_in: bool },
    LeaveGroup { group: usize },
    Sync { group: usize, order: u64, person: usize, is_in: bool },
    MakeLink { dataset: usize, label: u8, password: bool },
    EditLink { link: usize, edit: usize },
    Switch { link: usize, resume: bool },
    Retarget { link: usize, dataset: usize },
    Promote { link: usize },
    Revoke { link: usize },
    RevokeAll { dataset: usize },
    Extend { link: usize, days: u8 },
    Pass { link: usize, password: &'static str },
    MakeUser { name: u8 },
    Stand { person: usize, standing: &'static str },
    Block { person: usize, blocked: bool },
    Code { person: usize },
    SignIn { code: usize },
    MakeToken { days: u16 },
    EndToken { token: usize },
    Ticket { dataset: usize },
    Administer { person: usize, administrator: bool },
    Told { how: &'static str },
    Connect { asker: usize, word: &'static str },
    BreakGlass { dataset: usize },
    MakeProject { name: u8 },
    EditProject { project: usize, edit: usize },
    Join { project: usize, person: usize, role: &'static str },
    Out { project: usize, person: usize },
    Leave { project: usize },
    Put { dataset: usize, project: usize },
    Take { dataset: usize, project: usize },
    MakeSet { dataset: usize },
    InSet { set: usize, dataset: usize, is_in: bool },
    RetireSet { set: usize },
    MakeSource { name: u8 },
    EditSource { days: Option<u32> },
    EditPolicy { days: Option<u32> },
    Writable(bool),
    Copy { dataset: usize, name: u8 },
    CancelCopy { copy: usize },
    AddTerms { text: u8 },
    AskForTerms { terms: Option<usize> },
    AcceptTerms { terms: usize },
    TakesTwo(bool),
    AnswerOpening { dataset: usize, word: &'static str },
    Serve { serving: bool },
}

impl Act {
    /// An offer is answered by whom it was made to, and a connection by each of the two.
    fn answered_by(&self) -> Option<usize> {
        match self {
            Self::Connect { asker, word: "ask" | "cancel" } => Some(asker % PEOPLE),
            Self::Connect { asker, .. } => Some((asker + 1) % PEOPLE),
            Self::EndOffer { dataset, by: "accept" | "decline" } => Some(dataset % PEOPLE),
            // Who manages the first one for good.
            Self::AnswerOpening { word: "approve" | "decline", .. } => Some(0),
            Self::Curation { word: "mark" | "unmark" | "decline", .. } => Some(CURATOR),
            _ => None,
        }
    }
}

/// Who is made a curator most often.
const CURATOR: usize = 0;

/// How an edit of a link looks, by its number.
const EDITS: [fn() -> Value; 6] = [
    || json!({ "label": "other" }),
    || json!({ "strict": true }),
    || json!({ "until": "90d" }),
    || json!({ "role": "view", "zones": ["10.0.0.0/8"] }),
    || json!({ "password": "correct horse battery staple" }),
    || json!({ "role": "owner" }),
];

/// How an edit of a project looks, by its number.
const PROJECT_EDITS: [fn() -> Value; 5] = [
    || json!({ "policy": { "view": "preview" } }),
    || json!({ "policy": { "view": "full", "clone": "full" } }),
    || json!({ "state": "retired" }),
    || json!({ "state": "active" }),
    || json!({ "policy": { "view": "manager" } }),
];

/// Everything once, each after what it needs: what a random program may never come to.
pub fn everything() -> Program {
    let by = |by: Option<usize>, act: Act| Step { by, act, again: true, stale: false };
    let acts = vec![
        // Nothing connects them yet without their asking.
        Act::Connect { asker: 1, word: "ask" },
        Act::Connect { asker: 1, word: "cancel" },
        Act::Connect { asker: 1, word: "ask" },
        Act::Connect { asker: 1, word: "accept" },
        Act::Connect { asker: 1, word: "remove" },
        Act::Connect { asker: 1, word: "ask" },
        Act::Connect { asker: 1, word: "reject" },
        // What lies in another is there first, and is adopted.
        Act::Register(1),
        Act::Register(2),
        Act::ReadLevels(0),
        Act::Show { dataset: 0, visibility: "accounts" },
        Act::GiveToAll(0),
        Act::Curator { person: CURATOR, curator: true },
        Act::Curation { dataset: 0, word: "ask" },
        Act::Curation { dataset: 0, word: "withdraw" },
        Act::Curation { dataset: 0, word: "ask" },
        Act::Curation { dataset: 0, word: "decline" },
        Act::Curation { dataset: 0, word: "ask" },
        Act::Curation { dataset: 0, word: "mark" },
        Act::Curation { dataset: 0, word: "unmark" },
        Act::Offer { dataset: 1, to: 1 },
        Act::EndOffer { dataset: 1, by: "withdraw" },
        Act::Offer { dataset: 1, to: 1 },
        Act::EndOffer { dataset: 1, by: "decline" },
        Act::Offer { dataset: 1, to: 1 },
        Act::EndOffer { dataset: 1, by: "accept" },
        Act::Give { dataset: 0, to: 1, role: "view", until: None },
        Act::Withdraw { dataset: 0, to: 1 },
        Act::Invite { dataset: 0, address: 0, role: "view" },
        Act::TakeBack { dataset: 0, address: 0 },
        Act::MakeGroup { name: 0, kind: "manual" },
        Act::Member { group: 0, person: 1, is_in: true },
        Act::Member { group: 0, person: 1, is_in: false },
        Act::Member { group: 0, person: 2, is_in: true },
        Act::Sync { group: 1, order: 1, person: 1, is_in: true },
        Act::RetireGroup { group: 2 },
        Act::MakeLink { dataset: 2, label: 1, password: false },
        Act::EditLink { link: 1, edit: 0 },
        Act::Switch { link: 1, resume: false },
        Act::Switch { link: 1, resume: true },
        Act::Retarget { link: 1, dataset: 1 },
        Act::Promote { link: 1 },
        Act::Revoke { link: 1 },
        Act::RevokeAll { dataset: 0 },
        Act::MakeUser { name: 0 },
        Act::SignIn { code: 0 },
        Act::Code { person: 1 },
        Act::Stand { person: 1, standing: "suspended" },
        Act::HandOver { dataset: 1, to: 2 },
        Act::Stand { person: 1, standing: "active" },
        Act::Block { person: 1, blocked: true },
        Act::Block { person: 1, blocked: false },
        Act::MakeToken { days: 30 },
        Act::EndToken { token: 0 },
        Act::Ticket { dataset: 0 },
        Act::Retire(2),
        Act::MakeProject { name: 0 },
        Act::EditProject { project: 0, edit: 0 },
        Act::Join { project: 0, person: 1, role: "member" },
        Act::Join { project: 0, person: 2, role: "leader" },
        Act::Put { dataset: 0, project: 0 },
        Act::Take { dataset: 0, project: 0 },
        Act::Out { project: 0, person: 1 },
        Act::MakeClone { dataset: 0 },
        Act::EditClone { clone: 0, title: 1 },
        Act::RetireClone { clone: 0 },
        Act::MakeSet { dataset: 0 },
        Act::InSet { set: 0, dataset: 1, is_in: true },
        Act::InSet { set: 0, dataset: 1, is_in: false },
        Act::RetireSet { set: 0 },
        Act::MakeSource { name: 0 },
        Act::EditSource { days: Some(400) },
        Act::EditPolicy { days: Some(500) },
        Act::Writable(true),
        Act::Copy { dataset: 0, name: 0 },
        Act::CancelCopy { copy: 0 },
        Act::AddTerms { text: 0 },
        Act::AskForTerms { terms: Some(0) },
        Act::AcceptTerms { terms: 0 },
        Act::AskForTerms { terms: None },
        Act::TakesTwo(true),
        Act::Show { dataset: 0, visibility: "world" },
        Act::AnswerOpening { dataset: 0, word: "withdraw" },
        Act::Show { dataset: 0, visibility: "world" },
        Act::AnswerOpening { dataset: 0, word: "decline" },
        Act::Show { dataset: 0, visibility: "world" },
        Act::AnswerOpening { dataset: 0, word: "approve" },
        Act::TakesTwo(false),
        Act::Serve { serving: false },
        Act::Serve { serving: true },
        Act::Told { how: "daily" },
        // A session has the scopes of its beginning.
        Act::Administer { person: 2, administrator: true },
        Act::Code { person: 2 },
        Act::SignIn { code: 2 },
    ];
    let of_others =
        [by(Some(2), Act::LeaveGroup { group: 0 }), by(Some(2), Act::Leave { project: 0 }), by(Some(2), Act::BreakGlass { dataset: 0 })];
    Program(acts.into_iter().map(|act| by(act.answered_by(), act)).chain(of_others).collect())
}

/// Programs of up to this many requests.
pub fn any_program(acts_max: usize) -> impl Strategy<Value = Program> {
    vec(any_step(), acts_max / 2..=acts_max).prop_map(Program)
}

fn any_step() -> impl Strategy<Value = Step> {
    let by = prop_oneof![7 => Just(None), 1 => (0..PEOPLE).prop_map(Some)];
    (by, any_act(), prop::bool::weighted(0.6), prop::bool::weighted(0.05)).prop_map(|(by, act, again, stale)| Step {
        by: act.answered_by().or(by),
        act,
        again,
        stale,
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let some = || 0..8_usize;
    let role = || select(vec!["preview", "view", "manager", "owner"]);
    let of_datasets = prop_oneof![
        3 => some().prop_map(Act::Register),
        2 => (some(), select(vec!["private", "accounts", "nonsense"])).prop_map(|(dataset, visibility)| Act::Show { dataset, visibility }),
        2 => (some(), any::<bool>()).prop_map(|(dataset, restricted)| Act::Restrict { dataset, restricted }),
        1 => some().prop_map(Act::ReadLevels),
        1 => (some(), some()).prop_map(|(dataset, to)| Act::HandOver { dataset, to }),
        1 => some().prop_map(Act::Retire),
        // To whom a later answer is most likely sent by.
        2 => some().prop_map(|dataset| Act::Offer { dataset, to: dataset }),
        2 => (some(), select(vec!["accept", "decline", "withdraw"])).prop_map(|(dataset, by)| Act::EndOffer { dataset, by }),
        5 => (some(), some(), role(), option::weighted(0.3, select(vec!["2020-01-01", "2099-01-01"])))
            .prop_map(|(dataset, to, role, until)| Act::Give { dataset, to, role, until }),
        3 => (some(), some()).prop_map(|(dataset, to)| Act::Withdraw { dataset, to }),
        2 => some().prop_map(Act::GiveToAll),
        1 => (CURATOR..2, any::<bool>()).prop_map(|(person, curator)| Act::Curator { person, curator }),
        3 => (some(), select(vec!["ask", "withdraw", "mark", "unmark", "decline"])).prop_map(|(dataset, word)| Act::Curation { dataset, word }),
        2 => (some(), 0..2_u8, role()).prop_map(|(dataset, address, role)| Act::Invite { dataset, address, role }),
        2 => (some(), 0..2_u8).prop_map(|(dataset, address)| Act::TakeBack { dataset, address }),
    ];
    let of_groups = prop_oneof![
        2 => (0..4_u8, select(vec!["manual", "synced", "claimed"])).prop_map(|(name, kind)| Act::MakeGroup { name, kind }),
        1 => some().prop_map(|group| Act::RetireGroup { group }),
        4 => (some(), some(), any::<bool>()).prop_map(|(group, person, is_in)| Act::Member { group, person, is_in }),
        1 => some().prop_map(|group| Act::LeaveGroup { group }),
        2 => (some(), 1..4_u64, some(), any::<bool>()).prop_map(|(group, order, person, is_in)| Act::Sync { group, order, person, is_in }),
    ];
    let of_links = prop_oneof![
        4 => (some(), 0..3_u8, prop::bool::weighted(0.2)).prop_map(|(dataset, label, password)| Act::MakeLink { dataset, label, password }),
        4 => (some(), 0..EDITS.len()).prop_map(|(link, edit)| Act::EditLink { link, edit }),
        3 => (some(), any::<bool>()).prop_map(|(link, resume)| Act::Switch { link, resume }),
        2 => (some(), some()).prop_map(|(link, dataset)| Act::Retarget { link, dataset }),
        2 => some().prop_map(|link| Act::Promote { link }),
        2 => some().prop_map(|link| Act::Revoke { link }),
        1 => some().prop_map(|dataset| Act::RevokeAll { dataset }),
        2 => (some(), select(vec![1_u8, 60])).prop_map(|(link, days)| Act::Extend { link, days }),
        1 => (some(), select(vec!["correct horse battery staple", "wrong"])).prop_map(|(link, password)| Act::Pass { link, password }),
    ];
    let of_people = prop_oneof![
        1 => (0..3_u8).prop_map(|name| Act::MakeUser { name }),
        2 => (some(), select(vec!["active", "suspended", "nonsense"])).prop_map(|(person, standing)| Act::Stand { person, standing }),
        2 => (some(), any::<bool>()).prop_map(|(person, blocked)| Act::Block { person, blocked }),
        1 => some().prop_map(|person| Act::Code { person }),
        2 => some().prop_map(|code| Act::SignIn { code }),
        1 => select(vec![1_u16, 30, 4_000]).prop_map(|days| Act::MakeToken { days }),
        1 => some().prop_map(|token| Act::EndToken { token }),
        1 => some().prop_map(|dataset| Act::Ticket { dataset }),
        1 => (some(), any::<bool>()).prop_map(|(person, administrator)| Act::Administer { person, administrator }),
        1 => select(vec!["each", "daily", "none", "nonsense"]).prop_map(|how| Act::Told { how }),
        4 => (0..2_usize, select(vec!["ask", "accept", "reject", "cancel", "remove"])).prop_map(|(asker, word)| Act::Connect { asker, word }),
        1 => some().prop_map(|dataset| Act::BreakGlass { dataset }),
    ];
    let of_projects = prop_oneof![
        2 => (0..3_u8).prop_map(|name| Act::MakeProject { name }),
        2 => (some(), 0..PROJECT_EDITS.len()).prop_map(|(project, edit)| Act::EditProject { project, edit }),
        3 => (some(), some(), select(vec!["member", "leader", "manager", "boss"]))
            .prop_map(|(project, person, role)| Act::Join { project, person, role }),
        2 => (some(), some()).prop_map(|(project, person)| Act::Out { project, person }),
        1 => some().prop_map(|project| Act::Leave { project }),
        2 => (some(), some()).prop_map(|(dataset, project)| Act::Put { dataset, project }),
        1 => (some(), some()).prop_map(|(dataset, project)| Act::Take { dataset, project }),
    ];
    let of_clones = prop_oneof![
        2 => some().prop_map(|dataset| Act::MakeClone { dataset }),
        2 => (some(), 0..3_u8).prop_map(|(clone, title)| Act::EditClone { clone, title }),
        1 => some().prop_map(|clone| Act::RetireClone { clone }),
    ];
    let of_sets = prop_oneof![
        1 => some().prop_map(|dataset| Act::MakeSet { dataset }),
        2 => (some(), some(), prop::bool::weighted(0.7)).prop_map(|(set, dataset, is_in)| Act::InSet { set, dataset, is_in }),
        1 => some().prop_map(|set| Act::RetireSet { set }),
    ];
    let of_sources = prop_oneof![
        3 => option::of(select(vec![400_u32, 800])).prop_map(|days| Act::EditSource { days }),
        2 => option::of(select(vec![500_u32, 900])).prop_map(|days| Act::EditPolicy { days }),
        1 => any::<bool>().prop_map(Act::Writable),
        2 => (some(), 0..3_u8).prop_map(|(dataset, name)| Act::Copy { dataset, name }),
        1 => some().prop_map(|copy| Act::CancelCopy { copy }),
        1 => (0..2_u8).prop_map(|text| Act::AddTerms { text }),
        1 => option::of(0..2_usize).prop_map(|terms| Act::AskForTerms { terms }),
        2 => (0..2_usize).prop_map(|terms| Act::AcceptTerms { terms }),
        1 => any::<bool>().prop_map(Act::TakesTwo),
        1 => any::<bool>().prop_map(|serving| Act::Serve { serving }),
        1 => (0..3_u8).prop_map(|name| Act::MakeSource { name }),
    ];
    prop_oneof![6 => of_datasets, 3 => of_groups, 3 => of_projects, 2 => of_sets, 1 => of_clones, 6 => of_links, 4 => of_people, 1 => of_sources]
}

/// How many requests changed something, were refused, and changed nothing though they were taken.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    refused: usize,
    repeated: usize,
    /// What was written down, verb by verb.
    written: BTreeMap<String, usize>,
}

/// Verbs that no request of these programs writes down, and what does.
const ELSEWHERE: [(&str, &str); 10] = [
    ("copy.done", "whoever goes on with copies, once one is whole"),
    ("copy.fail", "whoever goes on with copies, where one cannot be"),
    ("deployment.bootstrap", "a command on the deployment's machine, before anybody can ask"),
    ("group.claim", "a sign-in through a provider"),
    ("invitation.accept", "whoever is invited, where people are asked first"),
    ("invitation.close", "a sign-in through a provider that vouches for the address"),
    ("invitation.decline", "whoever is invited, where people are asked first"),
    ("notice.undelivered", "whoever delivers, when a mail server refuses"),
    ("user.address", "a sign-in through a provider that vouches for the address"),
    ("user.sign-up", "the first sign-in through a provider"),
];

impl Tally {
    /// Both.
    pub fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.repeated += other.repeated;
        for (verb, times) in other.written {
            *self.written.entry(verb).or_default() += times;
        }
    }

    /// A run in which nearly everything is refused, or nothing is, shows nothing.
    pub fn is_not_trivial(&self) {
        println!("{self:?}");
        let written: usize = self.written.values().sum();
        let all = written + self.refused + self.repeated;
        is_share("requests that changed something", written, all, 0.2);
        is_share("requests that were refused", self.refused, all, 0.1);
        is_share("requests that changed nothing", self.repeated, all, 0.1);
        let missing: Vec<_> = VERBS.into_iter().filter(|verb| !self.written.contains_key(*verb)).collect();
        assert_eq!(missing, ELSEWHERE.map(|(verb, _by)| verb), "what was written down: {self:?}");
    }
}

/// What lies in the table.
#[derive(Default)]
struct Seen {
    /// All but the audit, what requests are remembered by, and what is counted beside the rules.
    rows: BTreeMap<(String, String), String>,
    /// The audit: each entry's id, and what was done.
    entries: BTreeMap<String, String>,
}

/// A request that is ready to be sent.
struct Asked {
    method: Method,
    path: String,
    body: Value,
    /// What may be written down by it: one of these rows of verbs.
    verbs: Vec<Vec<&'static str>>,
}

struct Run {
    app: TestApp,
    sdk: Client,
    people: Vec<(String, String)>,
    datasets: Vec<String>,
    groups: Vec<String>,
    links: Vec<(String, String)>,
    codes: Vec<String>,
    tokens: Vec<String>,
    projects: Vec<String>,
    sets: Vec<String>,
    terms: Vec<String>,
    copies: Vec<String>,
    clones: Vec<String>,
    seen: Seen,
    tally: Tally,
}

/// Runs `program`; the error says which request wrote down what it did not do, or did what it did not write down.
pub async fn run(program: Arc<Program>) -> Result<Tally> {
    let mut run = Run::begin().await?;
    for (number, step) in program.0.iter().enumerate() {
        let Some(asked) = run.asked(step) else { continue };
        for time in 0..=usize::from(step.again) {
            run.send(step, &asked, number, time).await.with_context(|| format!("step {number}, time {time}: {step:?}"))?;
        }
    }
    Ok(run.tally)
}

impl Run {
    async fn begin() -> Result<Self> {
        let dir = tempfile::TempDir::new()?;
        for path in PATHS {
            std::fs::create_dir_all(dir.path().join(path))?;
            std::fs::write(dir.path().join(path).join("README.md"), "what is here")?;
        }
        std::fs::write(dir.path().join(PATHS[0]).join(".zgroup"), r#"{"zarr_format":2}"#)?;
        let app = patient_and_vouched(dir).await;
        let credentials = Credentials::new(&app.keys.access_key_id, &app.keys.secret_access_key, None, None, "test");
        let settings = Table::settings(Some(app.table_url.clone()), "us-east-1", Some(credentials))?;
        let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
        let sdk = Client::from_conf(settings.to_builder().timeout_config(patient).build());
        let mut people = Vec::new();
        for name in ["Ada", "Bo", "Cy"].iter().take(PEOPLE) {
            people.push(app.person(name).await);
        }
        let mut run = Self {
            app,
            sdk,
            people,
            datasets: Vec::new(),
            terms: Vec::new(),
            copies: Vec::new(),
            groups: Vec::new(),
            links: Vec::new(),
            codes: Vec::new(),
            tokens: Vec::new(),
            projects: Vec::new(),
            sets: Vec::new(),
            clones: Vec::new(),
            seen: Seen::default(),
            tally: Tally::default(),
        };
        let dataset = run.app.dataset(PATHS[0]).await;
        // Its levels come after it.
        let level =
            |path: &str, size: u8| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": [size, size] }] });
        let image = json!({ "multiscales": [{ "version": "0.4", "axes": [{ "name": "y", "type": "space" }, { "name": "x", "type": "space" }],
            "datasets": [level("0", 1), level("1", 2)] }] });
        std::fs::write(run.app.dir.path().join(PATHS[0]).join(".zattrs"), image.to_string())?;
        // Somebody may do something, and there is something to do it to.
        let grant = json!({ "to": format!("user:{}", run.people[0].0), "role": "manager" });
        run.app.api(Method::POST, &format!("/api/v1/datasets/{dataset}/grants"), Some(grant)).await;
        for kind in ["manual", "synced"] {
            let made = run.app.api(Method::POST, "/api/v1/groups", Some(json!({ "name": kind, "kind": kind }))).await.json();
            run.groups.push(made["id"].as_str().context("an id")?.to_owned());
        }
        let made = run.app.api(Method::POST, "/api/v1/links", Some(json!({ "dataset": dataset, "label": "first" }))).await.json();
        let text = |name: &str| made[name].as_str().map(str::to_owned).context("a text");
        run.links.push((text("id")?, text("url")?));
        run.datasets.push(dataset);
        run.seen = run.look().await?;
        Ok(run)
    }

    /// The request of a step; `None` where there is nothing to ask it about.
    fn asked(&self, step: &Step) -> Option<Asked> {
        let some = |all: &[String], number: usize| number.checked_rem(all.len()).and_then(|index| all.get(index)).cloned();
        let dataset = |number: usize, below: &str| some(&self.datasets, number).map(|id| format!("/api/v1/datasets/{id}{below}"));
        let group = |number: usize, below: &str| some(&self.groups, number).map(|id| format!("/api/v1/groups/{id}{below}"));
        let link = |number: usize| number.checked_rem(self.links.len()).and_then(|index| self.links.get(index));
        let of_link = |number: usize, below: &str| link(number).map(|(id, _url)| format!("/api/v1/links/{id}{below}"));
        let project = |number: usize, below: &str| some(&self.projects, number).map(|id| format!("/api/v1/projects/{id}{below}"));
        let set = |number: usize, below: &str| some(&self.sets, number).map(|id| format!("/api/v1/link-sets/{id}{below}"));
        let person = |number: usize| &self.people[number % PEOPLE].0;
        let post =
            |path: String, body: Value, verbs: &[&'static str]| Asked { method: Method::POST, path, body, verbs: vec![verbs.to_vec()] };
        let patch = |path: String, body: Value, verbs: &[&'static str]| Asked { method: Method::PATCH, ..post(path, body, verbs) };
        let address = |number: u8| format!("somebody-{number}@lab.example");
        Some(match &step.act {
            Act::Register(path) => {
                let body = json!({ "source": "demo", "path": PATHS[path % PATHS.len()] });
                let verbs = vec![vec!["dataset.register"], vec!["dataset.register", "dataset.adopt"], vec!["dataset.adopt"]];
                Asked { verbs, ..post("/api/v1/datasets".to_owned(), body, &[]) }
            }
            Act::Show { dataset: at, visibility } => {
                let verbs = vec![vec!["dataset.edit"], vec!["opening.ask"]];
                Asked { verbs, ..patch(dataset(*at, "")?, json!({ "visibility": visibility, "confirm": true }), &[]) }
            }
            Act::Restrict { dataset: at, restricted } => patch(dataset(*at, "")?, json!({ "restricted": restricted }), &["dataset.edit"]),
            Act::ReadLevels(at) => post(dataset(*at, "/levels")?, Value::Null, &["dataset.levels"]),
            Act::HandOver { dataset: at, to } => post(dataset(*at, "/hand-over")?, json!({ "to": person(*to) }), &["dataset.hand-over"]),
            Act::Retire(at) => post(dataset(*at, "/retire")?, json!({}), &["dataset.retire"]),
            Act::Offer { dataset: at, to } => post(dataset(*at, "/offers")?, json!({ "to": person(*to) }), &["offer.make"]),
            Act::EndOffer { dataset: at, by: "accept" } => post(dataset(*at, "/offers/accept")?, Value::Null, &["offer.accept"]),
            Act::EndOffer { dataset: at, by: "decline" } => post(dataset(*at, "/offers/decline")?, json!({}), &["offer.decline"]),
            Act::EndOffer { dataset: at, .. } => post(dataset(*at, "/offers/withdraw")?, json!({}), &["offer.withdraw"]),
            Act::GiveToAll(at) => post(dataset(*at, "/grants")?, json!({ "to": "accounts", "role": "view" }), &["grant.give"]),
            Act::Curator { person: who, curator } => {
                patch(format!("/api/v1/users/{}", person(*who)), json!({ "curator": curator }), &["user.edit"])
            }
            Act::Curation { dataset: at, word } => {
                let (below, verb) = match *word {
                    "ask" => ("/curation", "curation.ask"),
                    "mark" => ("/curation/mark", "curation.mark"),
                    "unmark" => ("/curation/unmark", "curation.unmark"),
                    "decline" => ("/curation/decline", "curation.decline"),
                    _ => ("/curation/withdraw", "curation.withdraw"),
                };
                post(dataset(*at, below)?, json!({ "reason": "so" }), &[verb])
            }
            Act::Give { dataset: at, to, role, until } => {
                let body = json!({ "to": format!("user:{}", person(*to)), "role": role, "until": until });
                post(dataset(*at, "/grants")?, body, &["grant.give"])
            }
            Act::Withdraw { dataset: at, to } => {
                post(dataset(*at, "/grants/withdraw")?, json!({ "to": format!("user:{}", person(*to)) }), &["grant.withdraw"])
            }
            Act::Invite { dataset: at, address: to, role } => {
                post(dataset(*at, "/invitations")?, json!({ "email": address(*to), "role": role }), &["invitation.send"])
            }
            Act::TakeBack { dataset: at, address: from } => {
                post(dataset(*at, "/invitations/withdraw")?, json!({ "email": address(*from) }), &["invitation.withdraw"])
            }
            Act::MakeGroup { name, kind } => {
                post("/api/v1/groups".to_owned(), json!({ "name": format!("group-{name}"), "kind": kind }), &["group.create"])
            }
            Act::RetireGroup { group: at } => patch(group(*at, "")?, json!({ "state": "retired" }), &["group.edit"]),
            Act::Member { group: at, person: who, is_in } => {
                let (below, verb) = if *is_in { ("/members", "group.add") } else { ("/members/remove", "group.remove") };
                post(group(*at, below)?, json!({ "users": [person(*who)] }), &[verb])
            }
            Act::LeaveGroup { group: at } => post(group(*at, "/leave")?, Value::Null, &["group.leave"]),
            Act::Sync { group: at, order, person: who, is_in } => {
                let body = json!({ "order": order, if *is_in { "add" } else { "remove" }: [person(*who)] });
                post(group(*at, "/sync")?, body, &["group.sync"])
            }
            Act::MakeLink { dataset: at, label, password } => {
                let password = password.then_some("correct horse battery staple");
                let class = if *label == 1 { "review" } else { "collaboration" };
                let label = format!("label {label}");
                let body = json!({ "dataset": some(&self.datasets, *at)?, "label": label, "class": class, "password": password });
                post("/api/v1/links".to_owned(), body, &["link.create"])
            }
            Act::EditLink { link: at, edit } => patch(of_link(*at, "")?, EDITS[*edit](), &["link.edit"]),
            Act::Switch { link: at, resume: true } => post(of_link(*at, "/resume")?, Value::Null, &["link.resume"]),
            Act::Switch { link: at, resume: false } => post(of_link(*at, "/pause")?, Value::Null, &["link.pause"]),
            Act::Retarget { link: at, dataset: to } => {
                post(of_link(*at, "/retarget")?, json!({ "dataset": some(&self.datasets, *to)? }), &["link.retarget"])
            }
            Act::Promote { link: at } => post(of_link(*at, "/promote")?, json!({}), &["link.promote"]),
            Act::Revoke { link: at } => post(of_link(*at, "/revoke")?, json!({ "reason": "so" }), &["link.revoke"]),
            Act::RevokeAll { dataset: at } => post(dataset(*at, "/links/revoke")?, json!({ "reason": "so" }), &["dataset.revoke-all"]),
            Act::Extend { link: at, days } => {
                let body = json!({ "ids": [link(*at)?.0], "until": format!("{days}d") });
                post("/api/v1/links/batch/extend".to_owned(), body, &["link.edit"])
            }
            // A pass is a token of nobody's: who asked for it is not written down.
            Act::Pass { link: at, password } => {
                post("/api/v1/passes".to_owned(), json!({ "url": link(*at)?.1, "password": password }), &[])
            }
            Act::MakeUser { name } => post("/api/v1/users".to_owned(), json!({ "name": format!("person {name}") }), &["user.create"]),
            Act::Stand { person: who, standing } => {
                patch(format!("/api/v1/users/{}", person(*who)), json!({ "standing": standing }), &["user.edit"])
            }
            Act::Block { person: who, blocked } => {
                let verb = if *blocked { "source.block" } else { "source.unblock" };
                post("/api/v1/sources/demo/blocks".to_owned(), json!({ "user": person(*who), "blocked": blocked }), &[verb])
            }
            Act::Code { person: who } => post(format!("/api/v1/users/{}/code", person(*who)), Value::Null, &["user.code"]),
            Act::SignIn { code } => post("/api/v1/sign-in".to_owned(), json!({ "code": some(&self.codes, *code)? }), &["user.sign-in"]),
            Act::MakeToken { days } => {
                post("/api/v1/tokens".to_owned(), json!({ "label": "a", "scopes": ["read"], "days": days }), &["token.create"])
            }
            Act::EndToken { token } => {
                post(format!("/api/v1/tokens/{}/revoke", some(&self.tokens, *token)?), Value::Null, &["token.revoke"])
            }
            Act::Ticket { dataset: at } => post(dataset(*at, "/tickets")?, json!({}), &["ticket.create"]),
            Act::Administer { person: who, administrator } => {
                patch(format!("/api/v1/users/{}", person(*who)), json!({ "administrator": administrator }), &["user.edit"])
            }
            Act::Told { how } => patch("/api/v1/me".to_owned(), json!({ "notices": how }), &["user.notices"]),
            Act::Connect { asker, word: "ask" } => {
                post("/api/v1/connections".to_owned(), json!({ "to": person(asker + 1) }), &["connection.ask"])
            }
            Act::Connect { asker, word } => {
                let (other, verb) = match *word {
                    "accept" => (person(*asker), "connection.accept"),
                    "reject" => (person(*asker), "connection.reject"),
                    "cancel" => (person(asker + 1), "connection.cancel"),
                    _ => (person(*asker), "connection.remove"),
                };
                post(format!("/api/v1/connections/{other}/{word}"), Value::Null, &[verb])
            }
            Act::BreakGlass { dataset: at } => post(dataset(*at, "/break-glass")?, json!({ "reason": "so" }), &["grant.break-glass"]),
            Act::MakeProject { name } => {
                post("/api/v1/projects".to_owned(), json!({ "name": format!("project-{name}") }), &["project.create"])
            }
            Act::EditProject { project: at, edit } => patch(project(*at, "")?, PROJECT_EDITS[*edit](), &["project.edit"]),
            Act::Join { project: at, person: who, role } => {
                post(project(*at, "/members")?, json!({ "users": [person(*who)], "role": role }), &["project.add"])
            }
            Act::Out { project: at, person: who } => {
                post(project(*at, "/members/remove")?, json!({ "users": [person(*who)] }), &["project.remove"])
            }
            Act::Leave { project: at } => post(project(*at, "/leave")?, Value::Null, &["project.leave"]),
            Act::Put { dataset: at, project: to } => {
                post(project(*to, "/datasets")?, json!({ "dataset": some(&self.datasets, *at)? }), &["dataset.put"])
            }
            Act::Take { dataset: at, project: from } => {
                post(project(*from, "/datasets/remove")?, json!({ "dataset": some(&self.datasets, *at)? }), &["dataset.take"])
            }
            Act::MakeClone { dataset: of } => {
                post("/api/v1/clones".to_owned(), json!({ "dataset": some(&self.datasets, *of)?, "title": "mine" }), &["clone.make"])
            }
            Act::EditClone { clone, title } => {
                let title = format!("title {title}");
                patch(format!("/api/v1/clones/{}", some(&self.clones, *clone)?), json!({ "title": title }), &["clone.edit"])
            }
            Act::RetireClone { clone } => {
                post(format!("/api/v1/clones/{}/retire", some(&self.clones, *clone)?), Value::Null, &["clone.retire"])
            }
            Act::MakeSet { dataset: of } => {
                post("/api/v1/link-sets".to_owned(), json!({ "datasets": [some(&self.datasets, *of)?] }), &["link-set.create"])
            }
            Act::InSet { set: at, dataset: of, is_in: true } => {
                post(set(*at, "/datasets")?, json!({ "datasets": [some(&self.datasets, *of)?] }), &["link-set.add"])
            }
            Act::InSet { set: at, dataset: of, .. } => {
                // The last one ends it.
                let verbs = vec![vec!["link-set.remove"], vec!["link-set.retire"]];
                Asked { verbs, ..post(set(*at, "/datasets/remove")?, json!({ "datasets": [some(&self.datasets, *of)?] }), &[]) }
            }
            Act::RetireSet { set: at } => post(set(*at, "/retire")?, Value::Null, &["link-set.retire"]),
            Act::MakeSource { name } => {
                let body = json!({ "name": format!("other-{name}"), "bucket": format!("other-{name}"), "region": "us-east-1" });
                post("/api/v1/sources".to_owned(), body, &["source.register"])
            }
            Act::EditSource { days } => {
                patch("/api/v1/sources/demo".to_owned(), json!({ "ceilings": { "link_days_max": days } }), &["source.edit"])
            }
            Act::EditPolicy { days } => {
                patch("/api/v1/policy".to_owned(), json!({ "ceilings": { "link_days_max": days } }), &["policy.edit"])
            }
            Act::Writable(writable) => patch("/api/v1/sources/demo".to_owned(), json!({ "writable": writable }), &["source.edit"]),
            Act::Copy { dataset: at, name } => {
                post(dataset(*at, "/copies")?, json!({ "to": format!("demo:copy-{name}/") }), &["copy.make"])
            }
            Act::CancelCopy { copy } => {
                post(format!("/api/v1/copies/{}/cancel", some(&self.copies, *copy)?), Value::Null, &["copy.cancel"])
            }
            Act::AddTerms { text } => post("/api/v1/terms".to_owned(), json!({ "text": format!("Terms {text}") }), &["terms.add"]),
            Act::AskForTerms { terms } => {
                let terms = match terms {
                    Some(terms) => Some(some(&self.terms, *terms)?),
                    None => None,
                };
                patch("/api/v1/policy".to_owned(), json!({ "ceilings": { "terms": terms } }), &["policy.edit"])
            }
            Act::AcceptTerms { terms } => {
                post(format!("/api/v1/me/terms/{}/accept", some(&self.terms, *terms)?), Value::Null, &["terms.accept"])
            }
            Act::TakesTwo(takes) => patch("/api/v1/policy".to_owned(), json!({ "second_person": takes }), &["policy.edit"]),
            Act::AnswerOpening { dataset: at, word } => {
                let verb = match *word {
                    "approve" => "opening.approve",
                    "decline" => "opening.decline",
                    _ => "opening.withdraw",
                };
                let body = if *word == "decline" { json!({ "reason": "so" }) } else { Value::Null };
                post(dataset(*at, &format!("/openings/{word}"))?, body, &[verb])
            }
            Act::Serve { serving } => {
                let verb = if *serving { "deployment.serve" } else { "deployment.stop" };
                post("/api/v1/serving".to_owned(), json!({ "serving": serving, "reason": "so" }), &[verb])
            }
        })
    }

    async fn send(&mut self, step: &Step, asked: &Asked, number: usize, time: usize) -> Result<()> {
        // What is signed is judged by the store, whose clock goes on.
        self.app.clock.fetch_max(Timestamp::now().as_millisecond(), Ordering::SeqCst);
        let token = step.by.map_or(&self.app.token, |person| &self.people[person].1);
        let key = format!("step-{number}");
        let mut headers = vec![("if-match", if step.stale { "\"777\"" } else { "*" })];
        if step.again {
            headers.push(("idempotency-key", key.as_str()));
        }
        let body = (!asked.body.is_null()).then(|| asked.body.clone());
        let answer = self.app.api_as(token, asked.method.clone(), &asked.path, body, &headers).await;
        let said = || format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let stopped = || answer.json()["code"] == "not-serving";
        ensure!(!answer.status.is_server_error() || stopped(), "{}", said());
        let after = self.look().await?;
        let before = std::mem::replace(&mut self.seen, after);
        let Seen { rows, entries } = &self.seen;
        let changed: Vec<_> = rows.iter().filter(|(key, row)| before.rows.get(*key) != Some(*row)).map(|(key, _row)| key).collect();
        ensure!(before.rows.keys().all(|key| rows.contains_key(key)), "a row is gone");
        let new = entries.iter().filter(|(id, _verb)| !before.entries.contains_key(*id));
        let mut written: Vec<_> = new.map(|(_id, verb)| verb.as_str()).collect();
        written.sort_unstable();
        let told = || format!("{}: {changed:?} changed, {written:?} written down", said());
        let repeated = time > 0 && answer.status.is_success() && takes_a_key(&asked.path, &asked.method);
        if !answer.status.is_success() || repeated {
            ensure!(changed.is_empty() && written.is_empty(), "nothing was to be done: {}", told());
        }
        ensure!(changed.is_empty() == written.is_empty() || asked.verbs == [Vec::<&str>::new()], "{}", told());
        let expected = |verbs: &Vec<&'static str>| {
            let mut verbs = verbs.clone();
            verbs.sort_unstable();
            verbs == written
        };
        ensure!(written.is_empty() || asked.verbs.iter().any(expected), "{}", told());
        match (answer.status.is_success(), changed.is_empty()) {
            (false, _) => self.tally.refused += 1,
            (true, true) => self.tally.repeated += 1,
            (true, false) => {
                for verb in &written {
                    *self.tally.written.entry((*verb).to_owned()).or_default() += 1;
                }
            }
        }
        if answer.status.is_success() {
            self.learn(&step.act, &answer.json());
        }
        Ok(())
    }

    /// Keeps the ids that later requests are about.
    fn learn(&mut self, act: &Act, reply: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let add = |all: &mut Vec<String>, id: Option<String>| all.extend(id.filter(|id| !all.contains(id)).into_iter().collect::<Vec<_>>());
        match act {
            Act::Register(_) => add(&mut self.datasets, text(&reply["id"])),
            Act::MakeGroup { .. } => add(&mut self.groups, text(&reply["id"])),
            Act::MakeUser { .. } | Act::Code { .. } => add(&mut self.codes, text(&reply["code"])),
            Act::SignIn { .. } => {
                let (id, session) = (text(&reply["user"]["id"]), text(&reply["session"]["secret"]));
                let who = self.people.iter_mut().find(|(there, _session)| Some(there) == id.as_ref());
                if let Some(((_id, kept), session)) = who.zip(session) {
                    *kept = session;
                }
            }
            Act::MakeProject { .. } => add(&mut self.projects, text(&reply["id"])),
            Act::MakeSet { .. } => add(&mut self.sets, text(&reply["id"])),
            Act::Copy { .. } => add(&mut self.copies, text(&reply["id"])),
            Act::AddTerms { .. } => add(&mut self.terms, text(&reply["id"])),
            Act::MakeClone { .. } => add(&mut self.clones, text(&reply["id"])),
            Act::MakeToken { .. } => add(&mut self.tokens, text(&reply["token"]["id"])),
            Act::MakeLink { .. } => {
                let link = text(&reply["id"]).zip(text(&reply["url"]));
                self.links.extend(link.filter(|link| !self.links.contains(link)));
            }
            _ => {}
        }
    }

    async fn look(&self) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut after = None;
        loop {
            let page = self.sdk.scan().table_name("offprint").consistent_read(true).set_exclusive_start_key(after).send().await?;
            for mut item in page.items.unwrap_or_default() {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().context("a text");
                let (pk, sk) = (text("pk")?, text("sk")?);
                match pk.split_once('#').map(|(kind, _)| kind) {
                    Some("Z") => drop(seen.entries.insert(sk, text("verb")?)),
                    Some("K" | "R") => {}
                    _ => {
                        // In which hour a token was last used (ADR 0028).
                        let _hour = item.remove("used");
                        seen.rows.insert((pk, sk), told(&AttributeValue::M(item)));
                    }
                }
            }
            match page.last_evaluated_key {
                Some(key) => after = Some(key),
                None => return Ok(seen),
            }
        }
    }
}

/// A value as a text that is the same for the same: a map has no order of its own.
fn told(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => format!("{:?}", map.iter().map(|(name, value)| (name, told(value))).collect::<BTreeMap<_, _>>()),
        AttributeValue::L(list) => format!("{:?}", list.iter().map(told).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

/// Whether a route remembers its requests by `Idempotency-Key`.
fn takes_a_key(path: &str, method: &Method) -> bool {
    let ends = [
        "/pause",
        "/resume",
        "/hand-over",
        "/offers",
        "/copies",
        "/curation",
        "/mark",
        "/unmark",
        "/accept",
        "/approve",
        "/retire",
        "/grants",
        "/invitations",
        "/levels",
        "/projects",
        "/link-sets",
        "/clones",
        "/connections",
        "/datasets/remove",
        "/break-glass",
        "/sources",
        "/retarget",
        "/promote",
        "/links/revoke",
        "/batch/extend",
        "/links",
        "/datasets",
        "/groups",
        "/users",
        "/code",
        "/tokens",
        "/tickets",
    ];
    let edits = method == Method::PATCH && !path.starts_with("/api/v1/users/");
    edits || (method == Method::POST && ends.iter().any(|end| path.ends_with(end)))
}
