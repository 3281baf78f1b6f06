//! A dry run names what the act then does (UX 1, 10.6): over random ways to share, the links that it says would stop are those that stop, and no others.

use std::{collections::BTreeSet, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_types::timeout::TimeoutConfig;
use embed::Keys;
use http::Method;
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use table::Table;
use tests::app::TestApp;

/// Worlds that are tried beside those in which each act takes something away. Each makes a deployment of its own.
const CASES: u32 = 4;

/// How somebody may share a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Name,
    Group,
    Project,
    NameAndGroup,
    GroupAndProject,
    /// By the group, on the dataset above.
    Above,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    WithdrawFromOne,
    WithdrawFromGroup,
    LeaveGroup,
    LeaveProject,
    Demote,
    RetireProject,
    TakeOut,
    Retire,
    Restrict,
    Close,
    CloseAndEnd,
}

/// Two people who share a dataset, each by something, and what is then done.
#[derive(Debug, Clone)]
struct Case {
    by: [By; 2],
    act: Act,
}

fn case() -> impl Strategy<Value = Case> {
    let by = || select(vec![By::Name, By::Group, By::Project, By::NameAndGroup, By::GroupAndProject, By::Above]);
    let act = select(vec![
        Act::WithdrawFromOne,
        Act::WithdrawFromGroup,
        Act::LeaveGroup,
        Act::LeaveProject,
        Act::Demote,
        Act::RetireProject,
        Act::TakeOut,
        Act::Retire,
        Act::Restrict,
        Act::Close,
        Act::CloseAndEnd,
    ]);
    ([by(), by()], act).prop_map(|(by, act)| Case { by, act })
}

struct Scene {
    app: TestApp,
    /// An id and a token each.
    people: Vec<(String, String)>,
    dataset: String,
    /// The ids of links, and whose token widens them.
    links: Vec<(String, String)>,
}

impl Scene {
    async fn new(case: &Case) -> Self {
        let app = TestApp::with_table(patient).await;
        let people = vec![app.person("Bo").await, app.person("Cy").await];
        let above = root(&app).await;
        let dataset = app.dataset("plain-v2.ome.zarr").await;
        let mut scene = Self { app, people, dataset, links: Vec::new() };
        scene.post("/api/v1/groups", json!({ "name": "imaging" })).await;
        scene.post("/api/v1/projects", json!({ "name": "retina" })).await;
        scene.post("/api/v1/projects/retina/datasets", json!({ "dataset": scene.dataset })).await;
        let shares = |to: String| json!({ "to": to, "role": "full", "may_share": true });
        let on = |dataset: &str| format!("/api/v1/datasets/{dataset}/grants");
        let here = on(&scene.dataset);
        scene.post(&here, shares("group:imaging".to_owned())).await;
        scene.post("/api/v1/groups", json!({ "name": "above" })).await;
        scene.post(&on(&above), shares("group:above".to_owned())).await;
        for (by, (id, _token)) in case.by.iter().zip(scene.people.clone()) {
            let member = json!({ "users": [id] });
            if matches!(by, By::Name | By::NameAndGroup) {
                scene.post(&here, shares(format!("user:{id}"))).await;
            }
            if matches!(by, By::Group | By::NameAndGroup | By::GroupAndProject) {
                scene.post("/api/v1/groups/imaging/members", member.clone()).await;
            }
            if matches!(by, By::Project | By::GroupAndProject) {
                scene.post("/api/v1/projects/retina/members", json!({ "users": [id], "role": "manager" })).await;
            }
            if *by == By::Above {
                scene.post("/api/v1/groups/above/members", member).await;
            }
        }
        scene.make_links().await;
        scene
    }

    /// Links of everybody's in every state, and one that is the dataset's own.
    async fn make_links(&mut self) {
        let makers: Vec<String> = self.people.iter().map(|(_, token)| token.clone()).chain([self.app.token.clone()]).collect();
        for token in makers {
            for (label, more) in [
                ("live", json!({})),
                ("paused", json!({})),
                ("later", json!({ "not_before": "2999-01-01", "until": "never" })),
                ("ended", json!({})),
                ("publication", json!({ "class": "publication" })),
            ] {
                let mut ask = json!({ "dataset": self.dataset, "label": label });
                ask.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
                let made = self.app.api_as(&token, Method::POST, "/api/v1/links", Some(ask), &[]).await;
                if label == "publication" && !made.status.is_success() {
                    // Not everybody who shares administers.
                    continue;
                }
                assert!(made.status.is_success(), "{label}: {}", String::from_utf8_lossy(&made.body));
                let id = made.json()["id"].as_str().expect("an id").to_owned();
                match label {
                    "paused" => drop(self.post(&format!("/api/v1/links/{id}/pause"), json!({})).await),
                    "ended" => drop(self.post(&format!("/api/v1/links/{id}/revoke"), json!({ "reason": "so" })).await),
                    _ => {}
                }
                self.links.push((id, token.clone()));
            }
        }
    }

    /// A write of the owner's.
    async fn post(&self, path: &str, ask: Value) -> Value {
        let answer = self.app.api_with(Method::POST, path, Some(ask), &[("if-match", "*")]).await;
        assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Asks for the act, or what it would do.
    async fn act(&self, act: Act, query: &str) -> Value {
        let (bo, dataset) = (&self.people[0].0, &self.dataset);
        let (method, path, ask) = match act {
            Act::WithdrawFromOne => {
                (Method::POST, format!("/api/v1/datasets/{dataset}/grants/withdraw"), json!({ "to": format!("user:{bo}") }))
            }
            Act::WithdrawFromGroup => {
                (Method::POST, format!("/api/v1/datasets/{dataset}/grants/withdraw"), json!({ "to": "group:imaging" }))
            }
            Act::LeaveGroup => (Method::POST, "/api/v1/groups/imaging/members/remove".to_owned(), json!({ "users": [bo] })),
            Act::LeaveProject => (Method::POST, "/api/v1/projects/retina/members/remove".to_owned(), json!({ "users": [bo] })),
            Act::Demote => (Method::POST, "/api/v1/projects/retina/members".to_owned(), json!({ "users": [bo], "role": "member" })),
            Act::RetireProject => (Method::PATCH, "/api/v1/projects/retina".to_owned(), json!({ "state": "retired" })),
            Act::TakeOut => (Method::POST, "/api/v1/projects/retina/datasets/remove".to_owned(), json!({ "dataset": dataset })),
            Act::Retire => (Method::POST, format!("/api/v1/datasets/{dataset}/retire"), json!({})),
            Act::Restrict => (Method::PATCH, format!("/api/v1/datasets/{dataset}"), json!({ "restricted": true })),
            Act::Close => (Method::PATCH, format!("/api/v1/datasets/{dataset}"), json!({ "visibility": "private" })),
            Act::CloseAndEnd => {
                let ask = json!({ "visibility": "private", "end_links": true, "reason": "so" });
                (Method::PATCH, format!("/api/v1/datasets/{dataset}"), ask)
            }
        };
        let answer = self.app.api_with(method, &format!("{path}{query}"), Some(ask), &[("if-match", "*")]).await;
        let is_none = act == Act::WithdrawFromOne && answer.status == 404;
        assert!(answer.status.is_success() || is_none, "{path}{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    async fn state(&self, id: &str) -> String {
        let shown = self.app.api(Method::GET, &format!("/api/v1/links/{id}"), None).await.json();
        shown["state"].as_str().expect("a state").to_owned()
    }

    /// Whether a link opens, once whoever made it has resumed it and let it begin.
    async fn opens(&self, (id, token): &(String, String)) -> bool {
        let path = format!("/api/v1/links/{id}");
        match self.state(id).await.as_str() {
            "paused" => drop(self.app.api_as(token, Method::POST, &format!("{path}/resume"), None, &[]).await),
            "not-yet" => {
                let begin = json!({ "not_before": null });
                drop(self.app.api_as(token, Method::PATCH, &path, Some(begin), &[("if-match", "*")]).await);
            }
            _ => {}
        }
        self.state(id).await == "live"
    }
}

/// The table, of a client that waits: a machine under load answers late, which is no fault here.
fn patient(_table: Table, url: &str, keys: &Keys) -> Table {
    let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
    let settings = Table::settings(Some(url.to_owned()), "us-east-1", Some(credentials)).expect("settings");
    let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
    Table::new(settings.to_builder().timeout_config(patience).build(), "offprint")
}

/// The source's own dataset.
async fn root(app: &TestApp) -> String {
    app.api(Method::GET, "/api/v1/sources/demo", None).await.json()["root"].as_str().expect("an id").to_owned()
}

fn ids(named: &Value) -> BTreeSet<String> {
    let ids = named.as_array().into_iter().flatten();
    ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
}

/// How many links stopped by the act, and how many did not.
async fn run(case: &Case) -> Result<(usize, usize), TestCaseError> {
    let scene = Scene::new(case).await;
    let mut before = BTreeSet::new();
    for (id, _token) in &scene.links {
        if matches!(scene.state(id).await.as_str(), "live" | "paused" | "not-yet") {
            before.insert(id.clone());
        }
    }
    let would = scene.act(case.act, "?dry_run=true").await;
    for (id, _token) in &scene.links {
        prop_assert!(
            before.contains(id) == matches!(scene.state(id).await.as_str(), "live" | "paused" | "not-yet"),
            "something was written"
        );
    }
    let at_its_place = if case.act == Act::Retire { &would["links_ended"] } else { &would["effects"]["links_ended"] };
    let named = ids(at_its_place);
    let did = scene.act(case.act, "").await;
    if case.act == Act::Retire {
        prop_assert_eq!(&ids(&did["links_ended"]), &named);
    }
    if matches!(case.act, Act::Close | Act::CloseAndEnd) {
        // What it leaves is said before it is done and after.
        let left: BTreeSet<_> = before.difference(&named).cloned().collect();
        prop_assert_eq!(&ids(&would["links_left"]), &left);
        prop_assert_eq!(&ids(&did["links_left"]), &left);
    }
    let mut stopped = BTreeSet::new();
    for link in &scene.links {
        if before.contains(&link.0) && !scene.opens(link).await {
            stopped.insert(link.0.clone());
        }
    }
    prop_assert_eq!(&named, &stopped, "named, and stopped");
    prop_assert_ne!(&would["effects"]["more_links"], &json!(true));
    Ok((stopped.len(), before.len() - stopped.len()))
}

// UX 10.6
#[test]
fn the_links_that_a_dry_run_names_are_those_that_stop() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let done = runner.run(&case(), |case| runtime.block_on(run(&case)).map(|_counts| ()));
    done.unwrap_or_else(|why| panic!("{why}"));
    // Each act once, where it takes something away.
    for (by, act) in [
        (By::Name, Act::WithdrawFromOne),
        (By::Group, Act::WithdrawFromGroup),
        (By::Group, Act::LeaveGroup),
        (By::Project, Act::LeaveProject),
        (By::Project, Act::Demote),
        (By::Project, Act::RetireProject),
        (By::Project, Act::TakeOut),
        (By::Above, Act::Retire),
        (By::Above, Act::Restrict),
        (By::Project, Act::Close),
        (By::Name, Act::CloseAndEnd),
    ] {
        let case = Case { by: [by, By::Above], act };
        let (stopped, stayed) = runtime.block_on(run(&case)).unwrap_or_else(|why| panic!("{case:?}: {why}"));
        assert!(stopped >= 3, "{case:?}: a live one, a paused one and one that has not begun");
        let all = matches!(act, Act::Retire | Act::CloseAndEnd);
        assert!((stayed == 0) == all, "{case:?}: others' stay, but where all end");
    }
}

// ADR 0053: what ends are the links on the dataset.
#[tokio::test(flavor = "multi_thread")]
async fn closing_names_the_links_above_that_open_it_all_the_same() {
    let scene = Scene::new(&Case { by: [By::Name, By::Group], act: Act::CloseAndEnd }).await;
    let above = scene.post("/api/v1/links", json!({ "dataset": root(&scene.app).await })).await["id"].clone();
    for query in ["?dry_run=true", ""] {
        let said = scene.act(Act::CloseAndEnd, query).await;
        assert_eq!((&said["links_left"], said.get("more_links")), (&json!([above]), None), "{query}");
    }
    scene.act(Act::Restrict, "").await;
    assert_eq!(scene.act(Act::Close, "").await.get("links_left"), None, "nothing above reaches it");
}

// SEMANTICS 6; ADR 0041
#[tokio::test(flavor = "multi_thread")]
async fn a_retirement_that_is_sent_again_names_the_links_that_the_first_ended() {
    let scene = Scene::new(&Case { by: [By::Name, By::Group], act: Act::Retire }).await;
    let path = format!("/api/v1/datasets/{}/retire", scene.dataset);
    let send = async || scene.app.api_with(Method::POST, &path, Some(json!({})), &[("idempotency-key", "once")]).await.json();
    let first = send().await;
    assert!(ids(&first["links_ended"]).len() > 6, "{first}");
    // By now a link may be gone for another reason, and answers the same.
    let (gone, _token) = &scene.links[0];
    scene.post(&format!("/api/v1/links/{gone}/revoke"), json!({ "reason": "so" })).await;
    let again = send().await;
    for field in ["links_ended", "more_links", "dataset"] {
        assert_eq!(again[field], first[field], "{field}");
    }
}
