//! What every write of the API costs, counted at the table: how often it is called, and how many actions each transaction has. The table in
//! docs/ACCESS.md is what is expected, row by row; reads that decide are counted in `crates/table/tests/table/costs.rs`.

use std::{fmt::Write as _, fs, path::Path, sync::atomic::Ordering, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_types::timeout::TimeoutConfig;
use domain::{
    id::UserId,
    question::{MailNonce, Question, Subject},
};
use edge::provider::ProviderSettings;
use embed::Keys;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use table::Table;
use tests::{app::TestApp, faults::Faults};

/// Where the table in the document begins.
const TABLE: &str = "| write | actions of its transactions | calls |\n|---|---|---|\n";

/// Who asks for what, and what it cost.
struct Scene {
    app: TestApp,
    faults: Faults,
    bo: Person,
    cy: Person,
    dee: Person,
    /// The table as it is told, so far.
    told: String,
}

/// An id, and a token.
struct Person {
    id: String,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        let dir = tempfile::TempDir::new().expect("a folder");
        for path in ["a/cells.zarr", "a/deep/one", "a/deep/two", "b/moved.zarr", "c", "d", "e"] {
            std::fs::create_dir_all(dir.path().join(path)).expect("a folder");
            std::fs::write(dir.path().join(path).join("README.md"), "what is here").expect("a file");
        }
        std::fs::write(dir.path().join("a/cells.zarr/.zgroup"), r#"{"zarr_format":2}"#).expect("a file");
        std::fs::write(dir.path().join("b/moved.zarr/.zgroup"), r#"{"zarr_format":2}"#).expect("a file");
        let faults = Faults::default();
        let client = faults.client();
        let provider = |name: &str| match name {
            "OFFPRINT_OIDC_ISSUER" => Some("http://127.0.0.1:9".to_owned()),
            "OFFPRINT_OIDC_AUDIENCE" => Some("offprint".to_owned()),
            "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some("true".to_owned()),
            _ => None,
        };
        let provider = ProviderSettings::read(provider).expect("settings");
        let table = |_table: Table, url: &str, keys: &Keys| {
            let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
            let settings = Table::settings(Some(url.to_owned()), "us-east-1", Some(credentials)).expect("settings");
            // A try that comes too late is made again, and would be counted twice.
            let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
            Table::new(settings.to_builder().http_client(client).timeout_config(patient).build(), "offprint")
        };
        let app = TestApp::built(dir, table, provider).await;
        let person = async |name: &str| {
            let (id, token) = app.person(name).await;
            Person { id, token }
        };
        let (bo, cy, dee) = (person("Bo").await, person("Cy").await, person("Dee").await);
        Self { app, faults, bo, cy, dee, told: String::new() }
    }

    /// Sends a write of the owner's and administrator's, and notes what it costs.
    async fn post(&mut self, what: &str, path: &str, ask: Value) -> Value {
        let token = self.app.token.clone();
        self.send(what, &token, Method::POST, path, ask).await
    }

    /// The same for a change.
    async fn patch(&mut self, what: &str, path: &str, ask: Value) -> Value {
        let token = self.app.token.clone();
        self.send(what, &token, Method::PATCH, path, ask).await
    }

    /// The same by whoever shows this token.
    async fn send(&mut self, what: &str, token: &str, method: Method, path: &str, ask: Value) -> Value {
        // What is signed is judged by the store, whose clock goes on.
        self.app.clock.fetch_max(Timestamp::now().as_millisecond(), Ordering::SeqCst);
        // In which hour a token was used is noted once, and is no part of the write.
        self.app.api_as(token, Method::GET, "/api/v1/me", None, &[]).await;
        let _before = (self.faults.count(), self.faults.actions());
        let mut headers = vec![("if-match", "*")];
        if what.contains("`Idempotency-Key`") {
            headers.push(("idempotency-key", "once"));
        }
        let answer = self.app.api_as(token, method, path, (!ask.is_null()).then_some(ask), &headers).await;
        assert!(answer.status.is_success(), "{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let actions: Vec<_> = self.faults.actions().iter().map(usize::to_string).collect();
        let actions = if actions.is_empty() { "none".to_owned() } else { actions.join(" + ") };
        writeln!(self.told, "| {what} | {actions} | {} |", self.faults.count().0.len()).expect("text");
        answer.json()
    }

    /// The session of an administrator who owns nothing.
    async fn people_and_sources(&mut self) -> String {
        let invited = self.post("make an account", "/api/v1/users", json!({ "name": "Eli" })).await;
        self.post("another code for one", &format!("/api/v1/users/{}/code", text(&invited["user"]["id"])), Value::Null).await;
        let asked = json!({ "name": "Fay" });
        let fay = self.post("make one, with an `Idempotency-Key`", "/api/v1/users", asked.clone()).await;
        self.post("the same again, with that `Idempotency-Key`: the transaction is refused", "/api/v1/users", asked).await;
        let id = text(&fay["user"]["id"]);
        self.patch("make somebody an administrator", &format!("/api/v1/users/{id}"), json!({ "administrator": true })).await;
        let signed = self.post("sign in by a code", "/api/v1/sign-in", json!({ "code": fay["code"] })).await;
        let administrator = text(&signed["session"]["secret"]);
        let source = json!({ "name": "other", "bucket": "another", "region": "us-east-1", "path_style": true });
        self.post("register a source", "/api/v1/sources", source).await;
        self.patch("edit a source", "/api/v1/sources/demo", json!({ "ceilings": { "link_days_max": 900 } })).await;
        self.patch(
            "change the policy, of two sources, a dry run",
            "/api/v1/policy?dry_run=true",
            json!({ "ceilings": { "link_days_max": 900 } }),
        )
        .await;
        self.patch("change the policy, of two sources", "/api/v1/policy", json!({ "ceilings": { "link_days_max": 900 } })).await;
        let terms = self.post("add data-use terms", "/api/v1/terms", json!({ "text": "Cite us." })).await;
        self.post("accept them", &format!("/api/v1/me/terms/{}/accept", text(&terms["id"])), Value::Null).await;
        let serving = |serving: bool| json!({ "serving": serving, "reason": "so" });
        self.post("stop serving, of two sources", "/api/v1/serving", serving(false)).await;
        self.post("serve again, of two sources", "/api/v1/serving", serving(true)).await;
        administrator
    }

    /// Two datasets of the owner's that are shared together, and a third.
    async fn link_sets(&mut self, moved: &str, handed: &str, cells: &str) {
        let set = text(&self.post("make a link set of two", "/api/v1/link-sets", json!({ "datasets": [moved, handed] })).await["id"]);
        let of = |below: &str| format!("/api/v1/link-sets/{set}{below}");
        self.post("add one to it", &of("/datasets"), json!({ "datasets": [cells] })).await;
        let full = json!({ "to": format!("user:{}", self.dee.id), "role": "full" });
        self.post("give on one of a set of three, a dry run", &on(moved, "/grants?dry_run=true"), full.clone()).await;
        self.post("give on one of a set of three", &on(moved, "/grants"), full).await;
        let to = json!({ "to": format!("user:{}", self.dee.id) });
        self.post("withdraw on one of a set of three", &on(moved, "/grants/withdraw"), to).await;
        self.post("take one out of it", &of("/datasets/remove"), json!({ "datasets": [cells] })).await;
        self.post("end it", &of("/retire"), Value::Null).await;
    }

    /// A dataset that all accounts may view, and its mark.
    async fn curation(&mut self) {
        let open = self.app.dataset("e/").await;
        self.app.api(Method::POST, &on(&open, "/grants"), Some(json!({ "to": "accounts", "role": "view" }))).await;
        let shown = json!({ "visibility": "accounts", "confirm": true });
        self.app.api_with(Method::PATCH, &on(&open, ""), Some(shown), &[("if-match", "*")]).await;
        self.patch("make somebody a curator", &format!("/api/v1/users/{}", self.dee.id), json!({ "curator": true })).await;
        let (dee, so) = (self.dee.token.clone(), json!({ "reason": "so" }));
        self.post("ask for the curators' mark", &on(&open, "/curation"), so.clone()).await;
        self.post("take that request back", &on(&open, "/curation/withdraw"), json!({})).await;
        self.app.api(Method::POST, &on(&open, "/curation"), Some(so.clone())).await;
        self.send("decline it", &dee, Method::POST, &on(&open, "/curation/decline"), so.clone()).await;
        self.send("set the curators' mark", &dee, Method::POST, &on(&open, "/curation/mark"), so.clone()).await;
        self.send("take the mark off", &dee, Method::POST, &on(&open, "/curation/unmark"), so.clone()).await;
        self.app.api(Method::POST, &on(&open, "/curation"), Some(so.clone())).await;
        self.send("set it where that was asked for", &dee, Method::POST, &on(&open, "/curation/mark"), so).await;
    }

    /// A copy of a dataset, which nobody goes on with.
    async fn copies(&mut self, moved: &str) {
        let token = self.app.token.clone();
        let writable = json!({ "writable": true });
        self.app.api_as(&token, Method::PATCH, "/api/v1/sources/demo", Some(writable), &[("if-match", "*")]).await;
        let to = json!({ "to": "demo:moved-copied.zarr" });
        self.post("ask for a copy of a dataset, a dry run", &on(moved, "/copies?dry_run=true"), to.clone()).await;
        let copy = text(&self.post("ask for a copy of a dataset", &on(moved, "/copies"), to).await["id"]);
        self.post("cancel it, while nobody has begun", &format!("/api/v1/copies/{copy}/cancel"), Value::Null).await;
    }

    /// What Dee may download, as a card of Dee's own.
    async fn clones(&mut self, dataset: &str) {
        let download = json!({ "to": format!("user:{}", self.dee.id), "role": "download" });
        self.app.api(Method::POST, &on(dataset, "/grants"), Some(download)).await;
        let dee = self.dee.token.clone();
        let new = json!({ "dataset": dataset, "title": "mine" });
        let clone = text(&self.send("make a reference clone", &dee, Method::POST, "/api/v1/clones", new).await["id"]);
        let at = format!("/api/v1/clones/{clone}");
        self.send("change its title", &dee, Method::PATCH, &at, json!({ "title": "other" })).await;
        self.send("retire it", &dee, Method::POST, &format!("{at}/retire"), Value::Null).await;
    }

    /// What Bo and Cy, who share nothing yet, ask of each other.
    async fn connections(&mut self) {
        let at = "/api/v1/connections";
        let (bo, cy) = (self.bo.token.clone(), self.cy.token.clone());
        let to_cy = json!({ "to": self.cy.id });
        let (of_bo, of_cy) = (format!("{at}/{}", self.bo.id), format!("{at}/{}", self.cy.id));
        self.send("ask for a connection", &bo, Method::POST, at, to_cy.clone()).await;
        self.send("ask for it again", &bo, Method::POST, at, to_cy.clone()).await;
        self.send("take that back", &bo, Method::POST, &format!("{of_cy}/cancel"), Value::Null).await;
        self.app.api_as(&bo, Method::POST, at, Some(to_cy.clone()), &[]).await;
        self.send("accept a connection", &cy, Method::POST, &format!("{of_bo}/accept"), Value::Null).await;
        self.send("end it, where nothing is shared", &bo, Method::POST, &format!("{of_cy}/remove"), Value::Null).await;
        self.app.api_as(&bo, Method::POST, at, Some(to_cy.clone()), &[]).await;
        let nonce = self.mailed().await;
        self.send(
            "accept one by what its mail holds",
            &cy,
            Method::POST,
            "/api/v1/mail/redeem",
            json!({ "nonce": nonce, "answer": "accept" }),
        )
        .await;
        self.app.api_as(&bo, Method::POST, &format!("{of_cy}/remove"), None, &[]).await;
        self.app.api_as(&bo, Method::POST, at, Some(to_cy), &[]).await;
        self.send("reject one", &cy, Method::POST, &format!("{of_bo}/reject"), Value::Null).await;
    }

    /// Keeps what a mail to Cy asks, as whoever writes mails does: to be connected with Bo. The nonce.
    async fn mailed(&self) -> String {
        let (bo, cy) = (UserId::parse(&self.bo.id).expect("an id"), UserId::parse(&self.cy.id).expect("an id"));
        let table = &self.app.app.table;
        let there = table.pair(bo, cy).await.expect("the table answers").connection.expect("a connection");
        let question = Question { to: cy, by: bo, subject: Subject::Connection, mark: there.version.to_string(), until: there.until };
        let nonce = MailNonce::parse(&"a".repeat(32)).expect("a nonce");
        table.keep_question(nonce.hash(), &question).await.expect("it is kept");
        nonce.reveal()
    }

    /// The datasets that the rest is about: a folder, what lies in it, and what lies elsewhere.
    async fn datasets(&mut self) -> [String; 4] {
        let at = "/api/v1/datasets";
        let registers = |path: &str| json!({ "source": "demo", "path": path });
        let top = text(&self.post("register a dataset", at, registers("a/")).await["id"]);
        let cells = text(&self.post("register one in another", at, registers("a/cells.zarr/")).await["id"]);
        self.post("register one in a folder that is none, in another", at, registers("a/deep/one/")).await;
        self.app.dataset("a/deep/two/").await;
        self.post("register one above two others", at, registers("a/deep/")).await;
        let gone = self.app.dataset("d/").await;
        self.post("retire a dataset, a dry run", &on(&gone, "/retire?dry_run=true"), json!({})).await;
        self.post("retire a dataset", &on(&gone, "/retire"), json!({})).await;
        let (moved, handed) = (self.app.dataset("b/moved.zarr/").await, self.app.dataset("c/").await);
        self.patch("visibility, a dry run", &on(&cells, "?dry_run=true"), json!({ "visibility": "accounts" })).await;
        self.patch("visibility", &on(&cells, ""), json!({ "visibility": "accounts", "confirm": true })).await;
        let closes = json!({ "visibility": "private", "end_links": true, "reason": "so" });
        self.patch("back to private, and end its links", &on(&cells, ""), closes).await;
        self.app
            .api_with(Method::PATCH, &on(&cells, ""), Some(json!({ "visibility": "accounts", "confirm": true })), &[("if-match", "*")])
            .await;
        self.patch("restrict, below two", &on(&cells, ""), json!({ "restricted": true })).await;
        self.patch("open again", &on(&cells, ""), json!({ "restricted": false })).await;
        let level =
            |path: &str, size: u8| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": [size, size] }] });
        let image = json!({ "multiscales": [{ "version": "0.4", "axes": [{ "name": "y", "type": "space" }, { "name": "x", "type": "space" }],
            "datasets": [level("0", 1), level("1", 2)] }] });
        fs::write(self.app.dir.path().join("a/cells.zarr/.zattrs"), image.to_string()).expect("a file");
        self.post("read levels again", &on(&cells, "/levels"), Value::Null).await;
        self.post("read levels again, the same", &on(&cells, "/levels"), Value::Null).await;
        [top, cells, handed, moved]
    }

    /// What waits for a second person, an administrator who owns nothing.
    async fn openings(&mut self, cells: &str, administrator: &str) {
        let (world, on_it) = (json!({ "visibility": "world", "confirm": true }), on(cells, ""));
        let answer = |word: &str| on(cells, &format!("/openings/{word}"));
        let policy = |takes: bool| Some(json!({ "second_person": takes }));
        self.app.api_with(Method::PATCH, "/api/v1/policy", policy(true), &[("if-match", "*")]).await;
        self.patch("ask to open to the world", &on_it, world.clone()).await;
        self.post("take that wish back", &answer("withdraw"), Value::Null).await;
        self.app.api_with(Method::PATCH, &on_it, Some(world.clone()), &[("if-match", "*")]).await;
        self.send("decline it, as the second person", administrator, Method::POST, &answer("decline"), json!({ "reason": "so" })).await;
        self.app.api_with(Method::PATCH, &on_it, Some(world), &[("if-match", "*")]).await;
        self.send("approve it, as the second person", administrator, Method::POST, &answer("approve"), Value::Null).await;
        self.app.api_with(Method::PATCH, &on_it, Some(json!({ "visibility": "accounts" })), &[("if-match", "*")]).await;
        self.app.api_with(Method::PATCH, "/api/v1/policy", policy(false), &[("if-match", "*")]).await;
    }

    async fn groups(&mut self) -> String {
        let at = "/api/v1/groups";
        let group = text(&self.post("make a group", at, json!({ "name": "imaging" })).await["id"]);
        let synced = self.app.api(Method::POST, at, Some(json!({ "name": "synced", "kind": "synced" }))).await.json();
        let (bo, cy) = (self.bo.id.clone(), self.cy.id.clone());
        self.post("add two people to a group", &format!("{at}/{group}/members"), json!({ "users": [bo, cy] })).await;
        let dry = format!("{at}/{group}/members/remove?dry_run=true");
        self.post("remove one person, a dry run", &dry, json!({ "users": [bo] })).await;
        self.post("remove one person", &format!("{at}/{group}/members/remove"), json!({ "users": [bo] })).await;
        self.post("take one back in", &format!("{at}/{group}/members"), json!({ "users": [bo] })).await;
        // What Bo may later is by nothing but a grant of Bo's own.
        self.app.api(Method::POST, &format!("{at}/{group}/members/remove"), Some(json!({ "users": [bo] }))).await;
        let sync = format!("{at}/{}/sync", text(&synced["id"]));
        self.post("an ordered update about two who come", &sync, json!({ "order": 1, "add": [bo, cy] })).await;
        self.post("an ordered update about one who leaves", &sync, json!({ "order": 2, "remove": [bo] })).await;
        group
    }

    /// What Bo may by a grant, and Cy by a group's grant above.
    async fn grants(&mut self, top: &str, cells: &str, group: &str) {
        let gives = |to: &str, role: &str| json!({ "to": to, "role": role });
        let (bo, cy) = (self.bo.token.clone(), self.cy.token.clone());
        let (to_bo, to_dee, to_group) = (format!("user:{}", self.bo.id), format!("user:{}", self.dee.id), format!("group:{group}"));
        let (given, edit) = (on(cells, "/grants"), on(cells, ""));
        self.post("give to a person, by the owner", &given, gives(&to_bo, "manager")).await;
        self.post("give to a group", &on(top, "/grants"), gives(&to_group, "manager")).await;
        self.send("give, by a manager", &bo, Method::POST, &given, gives(&to_dee, "view")).await;
        self.send("give, by a group's grant above", &cy, Method::POST, &given, gives(&to_dee, "download")).await;
        let (private, restricted, open) =
            (json!({ "visibility": "private" }), json!({ "restricted": true }), json!({ "restricted": false }));
        self.send("visibility, by a group's grant above", &cy, Method::PATCH, &edit, private).await;
        self.send("restrict, by a manager", &bo, Method::PATCH, &edit, restricted).await;
        self.send("open again, by a manager", &bo, Method::PATCH, &edit, open).await;
        self.patch("make a dataset strict", &edit, json!({ "strict": true })).await;
        self.post("withdraw, of a strict one", &on(cells, "/grants/withdraw"), json!({ "to": to_dee })).await;
        self.patch("make it strict no more", &edit, json!({ "strict": false })).await;
        self.post("give again", &given, gives(&to_dee, "view")).await;
        self.post("withdraw, a dry run", &on(cells, "/grants/withdraw?dry_run=true"), json!({ "to": to_dee })).await;
        self.post("withdraw", &on(cells, "/grants/withdraw"), json!({ "to": to_dee })).await;
        let address = json!({ "email": "ada@lab.example", "role": "view" });
        self.post("invite an address", &on(cells, "/invitations"), address.clone()).await;
        self.post("invite it again", &on(cells, "/invitations"), address).await;
        self.post("take an invitation back", &on(cells, "/invitations/withdraw"), json!({ "email": "ada@lab.example" })).await;
    }

    /// Gil and Hal, whom the owner shares nothing with, are asked first.
    async fn asked_first(&mut self, cells: &str, moved: &str) {
        let people = [self.app.person("Gil").await, self.app.person("Hal").await];
        let [(gil, gils), (hal, hals)] = &people;
        let project = json!({ "name": "fresh" });
        let project = text(&self.app.api(Method::POST, "/api/v1/projects", Some(project)).await.json()["id"]);
        self.app.ask_first();
        let mine = |id: &str, word: &str| format!("/api/v1/me/invitations/{id}/{word}");
        let gives = |to: &str| json!({ "to": format!("user:{to}"), "role": "view" });
        self.post("invite a person", &on(cells, "/grants"), gives(gil)).await;
        self.send("accept that", gils, Method::POST, &mine(cells, "accept"), Value::Null).await;
        self.post("give to a person who is connected", &on(moved, "/grants"), gives(gil)).await;
        self.app.api(Method::POST, &on(cells, "/grants"), Some(gives(hal))).await;
        self.send("decline an invitation", hals, Method::POST, &mine(cells, "decline"), Value::Null).await;
        let members = format!("/api/v1/projects/{project}/members");
        self.post("invite a person into a project", &members, json!({ "users": [hal] })).await;
        self.send("accept that, too", hals, Method::POST, &mine(&project, "accept"), Value::Null).await;
        self.app.api(Method::POST, &format!("{members}/remove"), Some(json!({ "users": [hal] }))).await;
        self.app.api(Method::POST, &members, Some(json!({ "users": [hal] }))).await;
        let withdraw = format!("/api/v1/projects/{project}/invitations/withdraw");
        self.post("take one into a project back", &withdraw, json!({ "user": hal })).await;
    }

    async fn links(&mut self, cells: &str, moved: &str) {
        let at = "/api/v1/links";
        let (bo, cy) = (self.bo.token.clone(), self.cy.token.clone());
        let makes = |label: &str| json!({ "dataset": cells, "label": label });
        let link = text(&self.post("make a link, by the owner", at, makes("a")).await["id"]);
        self.post("make it again", at, makes("a")).await;
        self.send("make a link, by a manager", &bo, Method::POST, at, makes("b")).await;
        let by_group = self.send("make a link, by a group's grant above", &cy, Method::POST, at, makes("c")).await;
        let guarded = json!({ "dataset": cells, "label": "d", "password": PASSWORD });
        let guarded = self.post("make a link with a password", at, guarded).await;
        let batch = self.post("make two links in a batch", "/api/v1/links/batch", json!({ "items": [makes("e"), makes("f")] })).await;
        let both = [0, 1].map(|item| text(&batch["items"][item]["link"]["id"]));
        let of = |id: &str, below: &str| format!("/api/v1/links/{id}{below}");
        self.patch("edit a link, narrower", &of(&link, ""), json!({ "strict": true })).await;
        self.patch("edit a link, wider", &of(&link, ""), json!({ "strict": false })).await;
        let (wider, one) = (json!({ "until": "90d" }), of(&text(&by_group["id"]), ""));
        self.send("edit a link, wider, by a group's grant above", &cy, Method::PATCH, &one, wider).await;
        self.post("pause a link", &of(&link, "/pause"), Value::Null).await;
        self.post("resume a link", &of(&link, "/resume"), Value::Null).await;
        self.post("extend two links", "/api/v1/links/batch/extend", json!({ "ids": both, "until": "200d" })).await;
        self.post("retarget a link", &of(&link, "/retarget"), json!({ "dataset": moved })).await;
        let review = json!({ "dataset": cells, "label": "g", "class": "review" });
        let review = text(&self.app.api(Method::POST, at, Some(review)).await.json()["id"]);
        let until = json!({ "until": "500d" });
        self.post("promote a link, a dry run", &of(&review, "/promote?dry_run=true"), until.clone()).await;
        self.post("promote a link", &of(&review, "/promote"), until).await;
        self.post("revoke a link", &of(&link, "/revoke"), json!({})).await;
        self.post("revoke two links in a batch", "/api/v1/links/batch/revoke", json!({ "ids": both })).await;
        self.post("a pass for a link", "/api/v1/passes", json!({ "url": guarded["url"], "password": PASSWORD })).await;
        self.post("revoke all links of a dataset", &on(cells, "/links/revoke"), json!({ "reason": "so" })).await;
    }

    async fn projects(&mut self, cells: &str, moved: &str) {
        let at = |project: &str, below: &str| format!("/api/v1/projects/{project}{below}");
        let (bo, cy) = (self.bo.id.clone(), self.cy.id.clone());
        let project = text(&self.post("make a project", "/api/v1/projects", json!({ "name": "retina" })).await["id"]);
        let other = text(&self.app.api(Method::POST, "/api/v1/projects", Some(json!({ "name": "other" }))).await.json()["id"]);
        let (members, datasets) = (at(&project, "/members"), at(&project, "/datasets"));
        self.post("take two people into a project", &members, json!({ "users": [bo, cy] })).await;
        self.post("make one of them a manager", &members, json!({ "users": [bo], "role": "manager" })).await;
        self.post("put a dataset into a project", &datasets, json!({ "dataset": moved })).await;
        self.post("put it into another", &at(&other, "/datasets"), json!({ "dataset": moved })).await;
        let token = self.bo.token.clone();
        self.send("put one in, by a manager of both", &token, Method::POST, &datasets, json!({ "dataset": cells })).await;
        self.post("give to a project", &on(moved, "/grants"), json!({ "to": format!("project:{project}"), "role": "view" })).await;
        self.patch("change what a project lets in, to more", &at(&project, ""), json!({ "policy": { "view": "download" } })).await;
        self.patch("change it to less, a dry run", &at(&project, "?dry_run=true"), json!({ "policy": { "view": "preview" } })).await;
        self.patch("change it to less", &at(&project, ""), json!({ "policy": { "view": "preview" } })).await;
        self.patch("change a project's name", &at(&project, ""), json!({ "name": "fovea" })).await;
        self.post("take one person out, a dry run", &at(&project, "/members/remove?dry_run=true"), json!({ "users": [cy] })).await;
        self.post("take one person out", &at(&project, "/members/remove"), json!({ "users": [cy] })).await;
        let gone = json!({ "dataset": cells });
        self.post("take a dataset out", &at(&project, "/datasets/remove"), gone).await;
        self.send("leave a project", &token, Method::POST, &at(&project, "/leave"), Value::Null).await;
        self.patch("retire a project", &at(&project, ""), json!({ "state": "retired" })).await;
    }

    async fn tokens_and_ends(&mut self, cells: &str, handed: &str, group: &str, administrator: &str) {
        let (bo, dee) = (self.bo.id.clone(), self.dee.id.clone());
        let token = self.post("make an API token", "/api/v1/tokens", json!({ "label": "a", "scopes": ["read"], "days": 30 })).await;
        self.post("make a ticket", &on(cells, "/tickets"), json!({})).await;
        self.post("end a token", &format!("/api/v1/tokens/{}/revoke", text(&token["token"]["id"])), Value::Null).await;
        self.patch("name a successor", &on(handed, ""), json!({ "successor": bo })).await;
        let (offers, accept) = (on(handed, "/offers"), on(handed, "/offers/accept"));
        let (end, to_dee) = (json!({}), json!({ "to": dee }));
        self.post("offer a dataset", &offers, to_dee.clone()).await;
        self.post("take an offer back", &on(handed, "/offers/withdraw"), end.clone()).await;
        self.app.api(Method::POST, &offers, Some(to_dee.clone())).await;
        let token = self.dee.token.clone();
        self.send("decline one", &token, Method::POST, &on(handed, "/offers/decline"), end).await;
        self.app.api(Method::POST, &offers, Some(to_dee)).await;
        self.send("accept one", &token, Method::POST, &accept, Value::Null).await;
        let (glass, hand_over) = (on(handed, "/break-glass"), on(handed, "/hand-over"));
        self.send("break the glass", administrator, Method::POST, &glass, json!({ "reason": "so" })).await;
        self.patch("suspend somebody", &format!("/api/v1/users/{dee}"), json!({ "standing": "suspended" })).await;
        let to_cy = json!({ "to": self.cy.id, "reason": "so" });
        self.send("hand over in a suspended owner's place", administrator, Method::POST, &hand_over, to_cy).await;
        self.post("offer one, by an owner above", &offers, json!({ "to": bo })).await;
        let token = self.bo.token.clone();
        self.send("accept one of an owner above", &token, Method::POST, &accept, Value::Null).await;
        let blocks = |blocked: bool| json!({ "user": bo, "blocked": blocked });
        self.post("block somebody at a source", "/api/v1/sources/demo/blocks", blocks(true)).await;
        self.post("end a block", "/api/v1/sources/demo/blocks", blocks(false)).await;
        self.patch("retire a group", &format!("/api/v1/groups/{group}"), json!({ "state": "retired" })).await;
        let token = self.bo.token.clone();
        self.send("sign out", &token, Method::POST, "/api/v1/sign-out", Value::Null).await;
    }
}

const PASSWORD: &str = "correct horse battery staple";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn on(dataset: &str, below: &str) -> String {
    format!("/api/v1/datasets/{dataset}{below}")
}

// ACCESS, What it costs
#[tokio::test]
async fn every_write_costs_what_is_told() {
    let mut scene = Scene::new().await;
    let administrator = scene.people_and_sources().await;
    scene.connections().await;
    let [top, cells, handed, moved] = scene.datasets().await;
    scene.openings(&cells, &administrator).await;
    let group = scene.groups().await;
    scene.grants(&top, &cells, &group).await;
    scene.links(&cells, &moved).await;
    scene.projects(&cells, &moved).await;
    scene.link_sets(&moved, &handed, &cells).await;
    scene.curation().await;
    scene.copies(&moved).await;
    scene.clones(&moved).await;
    scene.tokens_and_ends(&cells, &handed, &group, &administrator).await;
    scene.asked_first(&cells, &moved).await;
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ACCESS.md")).expect("a page");
    let told = page.split_once(TABLE).and_then(|(_, rest)| rest.split_once("\n\n")).expect("a table").0;
    let differing: Vec<_> = scene.told.lines().filter(|row| !told.lines().any(|line| line == *row)).collect();
    assert!(told == scene.told.trim_end(), "these rows differ: {differing:#?}; the whole is\n{}", scene.told);
}
