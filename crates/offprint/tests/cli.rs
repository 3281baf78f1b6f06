//! The command line against a real `offprint up`: each command, its exit code, and what goes to which stream (UX 9).
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test is how it speaks")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const OFFPRINT: &str = env!("CARGO_BIN_EXE_offprint");
/// The demo dataset whose name breaks careless programs.
const ODD: &str = "demo:exp #3/50% +é.ome.zarr";
const PLAIN: &str = "demo:plain-v2.ome.zarr";
const OTHER: &str = "demo:sharded-v3.ome.zarr";
/// How long a start may take on a busy machine.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// An Offprint of this test's own, stopped when it goes out of scope.
struct Up {
    process: Child,
    /// The folder, where it is this start's own.
    own: Option<TempDir>,
    dir: PathBuf,
    ready: Value,
}

impl Up {
    fn start() -> Self {
        let own = tempfile::tempdir().expect("a folder");
        let mut up = Self::start_in(own.path(), &[]);
        up.own = Some(own);
        up
    }

    fn start_in(dir: &Path, words: &[&str]) -> Self {
        let dir = dir.to_owned();
        let ready_file = dir.join("is-ready.json");
        // What an earlier start left.
        drop(fs::remove_file(&ready_file));
        let mut process = Command::new(OFFPRINT)
            .args(["up", "--port", "0", "--state"])
            .arg(dir.join("state"))
            .arg("--ready-file")
            .arg(&ready_file)
            .args(words)
            .env_remove("OFFPRINT_TOKEN")
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let began = Instant::now();
        let ready = loop {
            if let Some(ready) = fs::read(&ready_file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                break ready;
            }
            if let Some(ended) = process.try_wait().expect("a state") {
                panic!("`offprint up` ended: {ended}");
            }
            assert!(began.elapsed() < START_PATIENCE, "`offprint up` is not ready");
            sleep(Duration::from_millis(50));
        };
        Self { process, own: None, dir, ready }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(OFFPRINT);
        command.args(words).env("OFFPRINT_STATE", self.dir.join("state")).stdin(Stdio::null());
        command.env_remove("OFFPRINT_TOKEN").env_remove("OFFPRINT_URL").env("XDG_CONFIG_HOME", self.dir.join("config"));
        command
    }

    /// Runs a command; neither stream may hold the token, and nothing may panic.
    fn run(&self, words: &[&str]) -> Ran {
        self.check(self.command(words).output().expect("the command runs"))
    }

    fn run_with_input(&self, words: &[&str], input: &str) -> Ran {
        let mut child =
            self.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("the command reads");
        self.check(child.wait_with_output().expect("the command ends"))
    }

    fn check(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ran = Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
        let token = fs::read_to_string(self.dir.join("state/admin-token")).expect("a token");
        assert!(!ran.out.contains(token.trim()) && !ran.err.contains(token.trim()), "the token is shown");
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    /// The URL of a new link.
    fn link(&self, words: &[&str]) -> String {
        self.run(&[&["link", "create"], words].concat()).done().out.trim().to_owned()
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(words).done().out).expect("JSON")
    }

    fn text(&self, field: &str) -> String {
        self.ready[field].as_str().expect("a text in the ready file").to_owned()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(self.own.take());
    }
}

/// What a command left.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    fn done(self) -> Self {
        self.ends(0)
    }

    /// Refused with this exit code: nothing on stdout, one line on stderr that holds `says`.
    fn refused(self, code: i32, says: &str) {
        let ran = self.ends(code);
        assert_eq!(ran.out, "", "data for a refusal");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(says), "{}", ran.err);
        assert_eq!(ran.err.trim_end().lines().count(), 1, "{}", ran.err);
    }
}

/// The status of a GET, redirects not followed.
fn status_of(url: &str) -> u16 {
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn a_link_is_created_shown_listed_and_edited() {
    let up = Up::start();
    let made = up.run(&["link", "create", ODD, "--until", "30d", "--label", "=1+1"]).done();
    let url = made.out.trim_end();
    assert_eq!(made.out.lines().count(), 1);
    assert!(url.starts_with(&up.text("data_url")), "{url}");
    assert!(made.err.contains("Anyone who has this link can read") && made.err.contains("within 65 seconds"), "{}", made.err);
    assert_eq!(status_of(&format!("{url}/zarr.json")), 302);

    // The same again is the same link, and says so.
    let again = up.run(&["link", "create", ODD, "--until", "30d", "--label", "=1+1"]).done();
    assert_eq!(again.out, made.out);
    assert!(again.err.contains("You already have this link."));
    assert_eq!(up.run(&["link", "create", ODD, "--until", "30d", "--label", "=1+1", "--quiet"]).done().err, "");

    // A path at which nothing is makes a link that opens nothing, and says so.
    let nothing = "warning: nothing is at this path now";
    for (path, warns) in [("0", true), ("nope", true), ("0/", false), ("zarr.json", false)] {
        let made = up.run(&["link", "create", ODD, "--path", path]).done();
        assert_eq!(made.err.contains(nothing), warns, "{path}: {}", made.err);
    }

    // By URL, by the URL of something in it, by key and by id: one link.
    let link = up.json(&["link", "show", url, "--json"]);
    let id = link["id"].as_str().expect("an id");
    let key = url.trim_start_matches("http://").split('/').nth(1).expect("a key");
    for named in [format!("{url}/0/c/0/0/0/0"), key.to_owned(), id.to_owned()] {
        assert_eq!(up.json(&["link", "show", &named, "--json"]), link, "{named}");
    }
    let shown = up.run(&["link", "show", id]).done();
    assert!(shown.out.contains(url) && shown.out.contains("state") && shown.err.is_empty(), "{}{}", shown.out, shown.err);

    // Lists: every format, every filter.
    up.link(&[PLAIN, "--class", "review"]);
    let ids = |words: &[&str]| -> Vec<String> {
        let listed = up.json(&[&["link", "list", "--json"], words].concat());
        listed["items"].as_array().expect("items").iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&["--label", "1+1"]), [id]);
    assert!(ids(&["--dataset", ODD]).contains(&id.to_owned()));
    assert_eq!(ids(&["--class", "review"]).len(), 1);
    assert_eq!(ids(&["--only", "revoked"]).len(), 0);
    assert_eq!(ids(&["--limit", "1"]).len(), 1);
    assert!(up.run(&["link", "list", "--limit", "1"]).done().err.contains("There are more"));
    let table = up.run(&["link", "list"]).done().out;
    assert!(table.starts_with("ID ") && table.contains(id) && table.contains(ODD), "{table}");
    let sheet = up.run(&["link", "list", "-o", "csv"]).done().out;
    assert!(sheet.starts_with("id,state,class,until,label,place\r\n") && sheet.contains(",'=1+1,"), "{sheet}");
    let rows = up.run(&["link", "list", "-o", "jsonl"]).done().out;
    assert_eq!(rows.lines().filter(|row| serde_json::from_str::<Value>(row).is_ok()).count(), rows.lines().count());

    // An edit that narrows says when it is in force; one that does not, does not.
    let narrowed = up.run(&["link", "edit", url, "--until", "3d"]).done();
    assert!(narrowed.err.contains("UTC"), "{}", narrowed.err);
    let edited = up.json(&["link", "edit", id, "--label", "Basel", "--from", "now", "--json"]);
    assert_eq!((edited["link"]["label"].as_str(), &edited["enforced_by"]), (Some("Basel"), &Value::Null));
    assert_eq!(up.json(&["link", "edit", id, "--strict", "--json"])["link"]["strict"], true);
    assert_eq!(up.json(&["link", "edit", id, "--no-strict", "--json"])["link"]["strict"], false);

    // A strict dataset: whatever rests on it is.
    let strict = up.json(&["dataset", "edit", ODD, "--strict", "true", "-y", "--json"]);
    assert!(strict["dataset"]["strict"] == true && strict["enforced_by"].is_string(), "{strict}");
    assert!(up.run(&["dataset", "show", ODD]).done().out.contains("given until"));
    let made = up.run(&["link", "create", PLAIN, "--strict", "--label", "soon"]).done();
    assert!(made.err.contains("reading stops within 15 seconds"), "{}", made.err);
    let refused = up.run(&["dataset", "register", PLAIN, "--strict"]).ends(6);
    assert!(refused.err.contains("not strict") && refused.err.contains("PATCH"), "{}", refused.err);
    let from_the_first = up.run(&["dataset", "register", "demo:table.csv", "--strict"]).done();
    assert!(from_the_first.out.contains("strict"), "{}", from_the_first.out);
    let made = up.run(&["link", "create", "demo:table.csv", "--label", "sheet"]).done();
    assert!(made.err.contains("reading stops within 15 seconds"), "{}", made.err);
    assert!(up.run(&["dataset", "sharing", "demo:table.csv"]).done().out.contains("it is strict"));

    // A path inside the dataset, and the whole source.
    let inside = up.link(&[ODD, "--path", "0/"]);
    assert_eq!(status_of(&format!("{inside}/zarr.json")), 302);
    up.link(&["demo:table.csv"]);
}

#[test]
fn a_link_is_paused_resumed_and_revoked_and_an_act_asks_first() {
    let up = Up::start();
    let url = up.link(&[PLAIN, "--strict", "--label", "talk"]);
    let object = format!("{url}/.zattrs");
    assert_eq!(status_of(&object), 302);

    let paused = up.run(&["link", "pause", &url]).done();
    assert!(paused.out.contains("paused") && paused.err.contains("No URL of this link works after"), "{}{}", paused.out, paused.err);
    assert_eq!(status_of(&object), 410);
    assert_eq!(up.json(&["link", "resume", &url, "--json"])["link"]["state"], "live");
    assert_eq!(status_of(&object), 302);

    // Nobody to ask: the consequence is said, and nothing is done.
    let asked = up.run(&["link", "revoke", &url]).ends(2);
    assert_eq!(asked.out, "");
    for said in ["talk", "Reading stops within 15 seconds, for good.", "may finish", "pause it instead", "add -y"] {
        assert!(asked.err.contains(said), "{said}: {}", asked.err);
    }
    assert_eq!(status_of(&object), 302);

    let began = Instant::now();
    let revoked = up.run(&["link", "revoke", &url, "-y", "--wait", "--reason", "wrong list", "--json"]).done();
    let changed: Value = serde_json::from_str(&revoked.out).expect("JSON");
    assert_eq!(changed["link"]["state"], "revoked");
    assert!(changed["enforced_by"].is_string());
    assert!(began.elapsed() >= Duration::from_secs(14), "`--wait` came back at once");
    assert!(revoked.err.contains("Reading has stopped."), "{}", revoked.err);
    assert_eq!(status_of(&object), 410);
    let link = up.json(&["link", "show", &url, "--json"]);
    assert_eq!(link["revoked"]["reason"], "wrong list");
    // Twice is once.
    up.run(&["link", "revoke", &url, "-y"]).done();

    // All of a dataset.
    let (one, two) = (up.link(&[ODD]), up.link(&[ODD, "--label", "two"]));
    up.run(&["link", "revoke", "--all-of", ODD]).ends(2);
    up.run(&["link", "revoke", "--all-of", ODD, "--reason", "embargo"]).ends(2);
    let all = up.run(&["link", "revoke", "--all-of", ODD, "--reason", "embargo", "-y"]).done();
    assert!(all.out.contains("enforced by"), "{}", all.out);
    sleep(Duration::from_secs(6));
    assert_eq!([one, two].map(|url| status_of(&format!("{url}/zarr.json"))), [410, 410]);
}

#[test]
fn a_batch_tells_what_became_of_each() {
    let up = Up::start();
    let rows = format!("place,label,until\r\n\"{ODD}\",one,30d\r\ndemo:nothing-here,two,\r\n{PLAIN},three,tomorrow\r\n{PLAIN},four,\r\n");
    let ran = up.run_with_input(&["link", "create", "--batch", "-"], &rows).ends(8);
    assert_eq!(ran.out.lines().count(), 2);
    assert!(ran.out.lines().all(|url| url.starts_with(&up.text("data_url"))), "{}", ran.out);
    for said in ["error: demo:nothing-here: ", "[path-not-found]", "error: demo:plain-v2.ome.zarr: ", "[until]", "2 of 4 failed."] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    // The same file again meets the same links.
    let file = up.dir.join("batch.csv");
    fs::write(&file, &rows).expect("a file");
    let file = file.to_str().expect("text");
    let ran_again = up.run(&["link", "create", "--batch", file, "--json"]).ends(8);
    let batch: Value = serde_json::from_str(&ran_again.out).expect("JSON");
    let statuses: Vec<_> =
        batch["items"].as_array().expect("items").iter().map(|item| item["status"].as_u64().expect("a status")).collect();
    assert_eq!(statuses, [200, 404, 422, 200]);
    assert_eq!(batch["items"][3]["index"], 3);
    let sheet = up.run(&["link", "create", "--batch", file, "-o", "csv"]).ends(8).out;
    assert_eq!((sheet.lines().count(), sheet.contains("path-not-found")), (5, true), "{sheet}");

    // A file that is not understood: nothing is done.
    up.run_with_input(&["link", "create", "--batch", "-"], "place\nnowhere\n").refused(2, "line 2");
    up.run(&["link", "create", "--batch", "/nonexistent.csv"]).refused(2, "nonexistent.csv");

    // Many places, many links.
    let urls = up.run(&["link", "create", ODD, PLAIN, "demo:table.csv", "--label", "many"]).done().out;
    assert_eq!(urls.lines().count(), 3);
    let mut words = vec!["link", "pause"];
    words.extend(urls.lines());
    let paused = up.run(&words).done();
    assert_eq!(paused.out.matches("paused").count(), 3, "{}", paused.out);
    words[1] = "resume";
    up.run(&words).done();
    words[1] = "revoke";
    words.push("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    up.run(&words).ends(2);
    words.push("-y");
    let revoked = up.run(&words).ends(8);
    assert_eq!(revoked.out.matches("revoked").count(), 3, "{}", revoked.out);
    assert!(revoked.err.contains("error: link 4: ") && revoked.err.contains("1 of 4 failed."), "{}", revoked.err);
    assert!(!revoked.err.contains("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "a key in a message");
}

#[test]
fn sources_datasets_tokens_and_the_doctor() {
    let up = Up::start();
    let me = up.json(&["whoami", "--json"]);
    assert_eq!(me["administrator"], true);
    assert!(up.run(&["whoami"]).done().out.contains("administrator  yes"));

    let listed = up.run(&["source", "list"]).done().out;
    assert!(listed.starts_with("NAME") && listed.contains("demo"), "{listed}");
    let source = up.json(&["source", "show", "demo", "--json"]);
    assert_eq!(up.json(&["source", "show", source["id"].as_str().expect("an id"), "--json"]), source);
    up.run(&["source", "show", "nothing"]).refused(3, "[not-found]");
    let add = ["source", "add", "lab", "--bucket", "lab-raw", "--region", "eu-central-1", "--link-days-max", "90", "--json"];
    let added = up.run(&add).done();
    let lab: Value = serde_json::from_str(&added.out).expect("JSON");
    assert_eq!((lab["ceilings"]["link_days_max"].as_u64(), lab["bucket"].as_str()), (Some(90), Some("lab-raw")));
    assert!(added.err.contains("offprint doctor lab"), "{}", added.err);
    assert!(up.run(&add).done().err.contains("registered already"));
    up.run(&["source", "add", "lab", "--bucket", "other", "--region", "eu-central-1"]).refused(6, "[exists]");

    // Ceilings bind: a limit is 7, an audience that is too wide 5.
    let edited = up.run(&["source", "edit", "demo", "--link-days-max", "7", "--audience", "link"]).done();
    assert!(edited.out.contains("link days max") && edited.err.contains("UTC"), "{}{}", edited.out, edited.err);
    up.run(&["link", "create", PLAIN, "--until", "30d"]).refused(7, "[until-too-far]");
    up.run(&["link", "create", PLAIN, "--until", "3d", "--class", "publication"]).refused(5, "[audience-too-wide]");
    assert_eq!(
        up.json(&["source", "edit", "demo", "--link-days-max", "none", "--json"])["source"]["ceilings"]["link_days_max"],
        Value::Null
    );
    // So do the deployment's, wherever something lies.
    let tried = up.run(&["policy", "edit", "--link-days-max", "5", "--dry-run"]).done();
    assert!(
        tried.out.contains("demo") && tried.out.contains("link_days_max") && tried.err.contains("Nothing was changed"),
        "{}",
        tried.out
    );
    assert_eq!(up.json(&["policy", "show", "--json"])["version"], 0);
    up.run(&["policy", "edit"]).ends(2);
    let edited = up.run(&["policy", "edit", "--link-days-max", "5", "--reason", "test"]).done();
    assert!(edited.out.contains("owners") && edited.err.contains("UTC"), "{}{}", edited.out, edited.err);
    up.run(&["link", "create", PLAIN, "--until", "6d"]).refused(7, "[until-too-far]");
    assert_eq!(up.json(&["policy", "edit", "--link-days-max", "none", "--json"])["policy"]["version"], 2);
    up.run(&["source", "edit", "lab", "--retire"]).ends(2);
    assert_eq!(up.json(&["source", "edit", "lab", "--retire", "-y", "--json"])["source"]["state"], "retired");
    assert_eq!(up.json(&["source", "edit", "lab", "--reinstate", "--json"])["source"]["state"], "active");

    let registered = up.json(&["dataset", "register", PLAIN, "--json"]);
    assert_eq!((registered["kind"].as_str(), up.json(&["dataset", "show", PLAIN, "--json"])), (Some("zarr"), registered.clone()));
    assert!(up.run(&["dataset", "register", PLAIN]).done().err.contains("registered already"));
    assert!(up.run(&["dataset", "list", "--source", "demo"]).done().out.contains(PLAIN));
    up.run(&["dataset", "show", "demo:never"]).refused(3, "demo:never");
    up.run(&["dataset", "register", "demo:never"]).refused(3, "[path-not-found]");
    up.run(&["dataset", "register", "never"]).ends(2);

    let seen = up.run(&["doctor", "demo", "--print"]);
    let failed = seen.out.lines().any(|line| line.starts_with("FAIL"));
    assert_eq!(seen.code, i32::from(failed), "{}{}", seen.out, seen.err);
    assert!(
        seen.out.starts_with("OK") && seen.out.contains("CORS configuration of the bucket:") && seen.out.contains("Policy of the bucket:"),
        "{}",
        seen.out
    );
    let report: Value = serde_json::from_str(&up.run(&["doctor", "demo", "--json"]).out).expect("JSON");
    assert_eq!(report["healthy"], !failed);
    // A bucket that is not there: the doctor says so, and its code.
    let sick = up.run(&["doctor", "lab"]).ends(1);
    assert!(
        sick.out.contains("FAIL") && sick.out.contains("CORS configuration of the bucket:") && sick.err.contains("checks of lab failed"),
        "{}{}",
        sick.out,
        sick.err
    );

    // The panic switch stops everything, and back.
    let url = up.link(&[PLAIN, "--strict"]);
    up.run(&["admin", "panic", "--reason", "test"]).ends(2);
    assert_eq!(up.json(&["admin", "panic", "--reason", "test", "-y", "--json"])["serving"], false);
    assert_eq!(status_of(&format!("{url}/.zattrs")), 503);
    assert_eq!(up.json(&["admin", "panic", "--resume", "--json"])["serving"], true);
    assert_eq!(status_of(&format!("{url}/.zattrs")), 302);

    // A lesser token is shown once, on stdout alone, and may do what it says and no more.
    let made = up.run(&["token", "create", "pipeline", "--scope", "links", "--scope", "datasets"]).done();
    let lesser = made.out.trim();
    assert!(lesser.starts_with("offprint_") && made.out.lines().count() == 1 && !made.err.contains(lesser), "{}", made.err);
    let with_lesser = |words: &[&str]| up.check(up.command(words).env("OFFPRINT_TOKEN", lesser).output().expect("it runs"));
    with_lesser(&["link", "create", PLAIN, "--label", "by a pipeline"]).done();
    with_lesser(&["source", "list"]).refused(5, "[scope]");
    with_lesser(&["admin", "panic", "--reason", "x", "-y"]).ends(5);

    // Last: the token ends itself.
    let tokens = up.json(&["token", "list", "--json"]);
    let id =
        tokens["items"].as_array().expect("items").iter().find(|token| token["current"] == true).expect("the current token")["id"].clone();
    let id = id.as_str().expect("an id");
    up.run(&["token", "revoke", id]).ends(2);
    assert!(up.run(&["token", "revoke", id, "-y"]).done().out.contains("revoked"));
    up.run(&["whoami"]).refused(4, "[sign-in]");
}

#[test]
fn datasets_of_a_set_are_shared_together() {
    let up = Up::start();
    up.run(&["user", "add", "nia"]).done();
    for place in [PLAIN, OTHER] {
        up.run(&["dataset", "register", place]).done();
    }
    let made = up.json(&["link-set", "create", PLAIN, OTHER, "--label", "both", "--json"]);
    let set = made["id"].as_str().unwrap();
    assert_eq!((made["datasets"].as_array().unwrap().len(), &made["label"]), (2, &serde_json::json!("both")));
    let listed = up.run(&["link-set", "list"]).done().out;
    assert!(listed.contains(set) && listed.contains(PLAIN) && listed.contains(OTHER), "{listed}");
    up.run(&["link-set", "create", PLAIN]).refused(6, "[in-link-set]");
    assert!(up.run(&["dataset", "show", OTHER]).done().out.contains(set));
    let give = |more: &[&'static str]| up.run(&[&["grant", "give", PLAIN, "--to", "user:nia", "--role", "full"][..], more].concat());
    let would = give(&["--dry-run"]).done();
    assert!(would.err.contains("in a link set of 2 datasets") && would.out.contains("nia"), "{} {}", would.out, would.err);
    let asked = give(&[]).ends(2);
    assert!(asked.err.contains("all or none") && asked.err.contains("on 2 datasets."), "{}", asked.err);
    assert!(!up.run(&["grant", "list", OTHER]).done().out.contains("nia"), "nothing was written");
    give(&["-y"]).done();
    assert!(up.run(&["grant", "list", OTHER]).done().out.contains("full"));
    let withdrawn = up.json(&["grant", "withdraw", OTHER, "--to", "user:nia", "-y", "--json"]);
    assert_eq!(withdrawn["also"].as_array().unwrap().len(), 1);
    assert!(up.run(&["link-set", "remove", set, OTHER]).done().out.contains("active"));
    assert!(up.run(&["link-set", "add", set, OTHER]).done().out.contains("active"));
    assert!(up.run(&["link-set", "retire", set]).done().out.contains("retired"));
    assert!(up.run(&["link-set", "show", set]).done().out.contains("retired"));
}

#[test]
fn a_clone_is_made_found_and_read_as_its_original() {
    let up = Up::start();
    up.run(&["dataset", "register", PLAIN]).done();
    let made = up.json(&["clone", "make", PLAIN, "--title", "for the talk", "--notes", "slices 40 to 60", "--json"]);
    let (id, url) = (made["id"].as_str().unwrap(), made["url"].as_str().unwrap());
    assert!(up.run(&["clone", "list"]).done().out.contains("for the talk"));
    assert_eq!(status_of(url), 401, "by nobody");
    let second = up.json(&["clone", "make", id, "--title", "second hand", "--json"]);
    assert_eq!(second["original"]["id"], made["original"]["id"]);
    let edited = up.json(&["clone", "edit", id, "--title", "renamed", "--notes", "", "--json"]);
    assert_eq!((&edited["title"], edited.get("notes")), (&serde_json::json!("renamed"), None));
    up.run(&["clone", "edit", id]).ends(2);
    assert!(up.run(&["check", id, "--path", "0/.zarray"]).done().out.contains("as its owner:"), "on the original, and not above it");
    up.run(&["check", PLAIN, "--action", "clone"]).done();
    up.run(&["clone", "make", "demo:nowhere", "--title", "x"]).refused(3, "no dataset of yours");
    let retired = up.run(&["clone", "retire", id]).done();
    assert!(retired.out.contains("retired") && retired.err.contains("in force everywhere after"), "{} {}", retired.out, retired.err);
    assert!(!up.run(&["clone", "list"]).done().out.contains("renamed"));
    up.run(&["check", id]).refused(3, "[not-found]");
}

#[test]
fn a_project_says_who_gains_and_who_loses_before_it_changes() {
    let up = Up::start();
    up.run(&["user", "add", "nia"]).done();
    let made = up.run(&["project", "create", "retina", "--view", "view"]).done();
    assert!(made.out.contains("manager") && made.err.contains("offprint project add retina"), "{}{}", made.out, made.err);
    up.run(&["project", "create", "retina"]).refused(6, "[exists]");
    up.run(&["project", "show", "nothing"]).refused(3, "[not-found]");
    let added = up.run(&["project", "add", "retina", "nia"]).done();
    assert!(added.err.contains("Nobody gains or loses anything by it."), "{}", added.err);
    let would = up.run(&["project", "put", "retina", PLAIN, "--dry-run"]).done().out;
    assert!(would.contains("nia") && would.contains("gains") && would.contains("view"), "{would}");
    assert_eq!(up.json(&["project", "datasets", "retina", "--json"])["items"], serde_json::json!([]), "nothing was written");
    let put = up.run(&["project", "put", "retina", PLAIN]).done();
    assert!(put.err.contains("nia gains view on 1 dataset."), "{}", put.err);
    assert!(up.run(&["project", "datasets", "retina"]).done().out.contains(PLAIN));
    assert!(up.run(&["project", "members", "retina"]).done().out.contains("nia"));
    up.link(&[PLAIN]);
    assert!(up.run(&["project", "links", "retina"]).done().out.contains("live"));
    assert!(up.run(&["dataset", "sharing", PLAIN]).done().out.contains("project retina"));
    assert!(up.run(&["check", PLAIN, "--user", "nia"]).done().out.contains("through project retina: view"));
    // Whom a dataset is open to: said, asked, and said again where links stay.
    let shown_to = |visibility: &'static str, more: &[&'static str]| {
        up.run(&[&["dataset", "edit", PLAIN, "--visibility", visibility][..], more].concat())
    };
    up.run(&["grant", "give", PLAIN, "--to", "accounts", "--role", "view"]).done();
    let would = shown_to("accounts", &["--dry-run"]).done();
    assert!(would.err.contains("Everybody with an account gains view."), "{}", would.err);
    assert!(shown_to("accounts", &[]).ends(2).err.contains("Everybody with an account gains view."));
    assert_eq!(up.json(&["dataset", "show", PLAIN, "--json"])["audience"], "project", "nothing was written");
    shown_to("accounts", &["-y"]).done();
    assert!(up.run(&["dataset", "list", "--source", "demo"]).done().out.contains("accounts"));
    let closed = shown_to("project", &["-y"]).done();
    assert!(closed.err.contains("Links that open it all the same: l") && closed.err.contains("in force"), "{}", closed.err);
    let ended = shown_to("project", &["--end-links", "--reason", "so", "-y"]).done();
    assert!(!ended.err.contains("open all the same"), "{}", ended.err);
    assert!(!up.run(&["project", "links", "retina"]).done().out.contains("live"));
    // What takes something away asks first.
    let narrower = ["project", "edit", "retina", "--view", "preview"];
    let asked = up.run(&narrower).ends(2);
    assert!(asked.err.contains("nia loses list, read on 1 dataset.") && asked.err.contains("within 65 seconds"), "{}", asked.err);
    let told = up.run(&[&narrower[..], &["-y"]].concat()).done();
    assert!(told.out.contains("preview") && told.err.contains("in force"), "{}{}", told.out, told.err);
    up.run(&["project", "edit", "retina", "--clone", "files"]).refused(2, "[policy]");
    assert!(up.run(&["project", "leave", "retina", "-y"]).ends(6).err.contains("[last-manager]"));
    up.run(&["project", "remove", "retina", "nia"]).ends(2);
    assert_eq!(up.json(&["project", "remove", "retina", "nia", "-y", "--json"])["changed"], 1);
    assert_eq!(up.json(&["project", "take", "retina", PLAIN, "-y", "--json"])["dataset"]["visibility"], "private");
    assert_eq!(up.json(&["project", "retire", "retina", "-y", "--json"])["state"], "retired");
    up.run(&["grant", "give", PLAIN, "--to", "project:retina", "--role", "view"]).done();
    assert!(up.run(&["project", "list"]).done().out.contains("retired"));
}

#[test]
fn two_people_are_connected_by_agreeing_or_by_what_they_share() {
    let up = Up::start();
    let code = up.json(&["user", "add", "nia", "--json"])["code"].as_str().expect("a code").to_owned();
    up.run(&["sign-in", &code, "--server", &up.text("app_url"), "--state", "/nonexistent"]).done();
    let me = up.json(&["whoami", "--json"])["name"].as_str().expect("a name").to_owned();
    let nia = |words: &[&str]| up.run(&[&["connection"], words, &["--state", "/nonexistent"]].concat());
    let asked = up.run(&["connection", "ask", "nia"]).done();
    assert!(asked.out.contains("pending") && asked.err.contains("waits for nia"), "{}{}", asked.out, asked.err);
    assert!(nia(&["list", "--only", "pending", "--asked", "of-me"]).done().out.contains(&me));
    let by = |answer: serde_json::Value| answer["items"][0]["asked_by"].clone();
    let own = by(up.json(&["connection", "list", "--json"]));
    assert_eq!(own, "you");
    let table = nia(&["list"]).done().out;
    assert!(!table.contains("you") && table.matches(me.as_str()).count() == 2, "both columns name: {table}");
    nia(&["cancel", &me]).refused(5, "[other-side]");
    assert!(nia(&["accept", &me]).done().out.contains("accepted"));
    assert!(up.run(&["connection", "show", "nia"]).done().out.contains("yes"));
    up.run(&["connection", "ask", "nia"]).refused(6, "[connected]");
    up.run(&["grant", "give", PLAIN, "--to", "user:nia", "--role", "view"]).done();
    nia(&["remove", &me]).refused(6, "[still-shared]");
    assert!(nia(&["show", &me]).done().out.contains(PLAIN));
    up.run(&["grant", "withdraw", PLAIN, "--to", "user:nia", "-y"]).done();
    assert!(nia(&["remove", &me]).done().out.contains("removed"));
    up.run(&["connection", "show", "nobody"]).refused(3, "[not-found]");
}

#[test]
fn what_opens_to_the_world_waits_for_a_second_person() {
    let up = Up::start();
    let code = up.json(&["user", "add", "nia", "--json"])["code"].as_str().expect("a code").to_owned();
    up.run(&["sign-in", &code, "--server", &up.text("app_url"), "--state", "/nonexistent"]).done();
    let nia = |words: &[&str]| up.run(&[words, &["--state", "/nonexistent"]].concat());
    up.run(&["source", "edit", "demo", "--audience", "world"]).done();
    up.run(&["grant", "give", PLAIN, "--to", "user:nia", "--role", "manager"]).done();
    up.run(&["policy", "edit", "--second-person", "true"]).done();
    let id = up.json(&["dataset", "show", PLAIN, "--json"])["id"].as_str().expect("an id").to_owned();
    let open = ["dataset", "edit", PLAIN, "--visibility", "world"];
    assert!(nia(&[&open[..], &["--dry-run"]].concat()).done().err.contains("A second person has to approve it"));
    let asked = nia(&[&open[..], &["-y"]].concat()).done();
    assert!(asked.err.contains("Nothing is open yet") && asked.out.contains("waiting"), "{}{}", asked.out, asked.err);
    assert!(nia(&["opening", "approve", &id, "-y"]).ends(5).err.contains("[own-request]"));
    assert!(up.run(&["opening", "list"]).done().out.contains(&id));
    assert!(up.run(&["opening", "decline", &id, "--reason", "not yet"]).done().out.contains("declined"));
    nia(&[&open[..], &["-y"]].concat()).done();
    assert!(up.run(&["opening", "approve", &id, "-y"]).done().out.contains("accepted"));
    up.run(&["opening", "approve", &id, "-y"]).refused(3, "nothing waits");
    assert_eq!(up.json(&["dataset", "show", PLAIN, "--json"])["visibility"], "world");
    assert_eq!(nia(&["opening", "list", PLAIN]).done().out.lines().filter(|line| line.contains(&id)).count(), 2);
}

#[test]
fn refusals_have_their_codes_and_their_stream() {
    let up = Up::start();
    up.run(&["link", "create"]).ends(2);
    up.run(&["link", "frobnicate"]).ends(2);
    up.run(&["link", "create", PLAIN, "--until", "tomorrow"]).refused(2, "[until]");
    up.run(&["link", "create", "demo:nothing"]).refused(3, "[path-not-found]");
    up.run(&["link", "create", "nowhere:x"]).refused(3, "[not-found]");
    up.run(&["link", "show", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]).refused(3, "[not-found]");
    // Quoted to whoever runs it: the request's id.
    assert!(up.run(&["link", "show", "nothing"]).ends(3).err.contains("(request "));

    // No token for another server, a token that is none, one that is nobody's.
    let app = up.text("app_url");
    up.run(&["whoami", "--server", &app]).done();
    up.run(&["whoami", "--server", "http://127.0.0.1:1"]).refused(4, "OFFPRINT_TOKEN");
    let with_token = |token: &str, words: &[&str]| up.check(up.command(words).env("OFFPRINT_TOKEN", token).output().expect("it runs"));
    with_token("secret", &["whoami"]).refused(4, "OFFPRINT_TOKEN");
    let nobodys = format!("offprint_{}", "a".repeat(32));
    with_token(&nobodys, &["whoami"]).refused(4, "[sign-in]");
    with_token(&nobodys, &["whoami", "--server", "http://127.0.0.1:1"]).refused(9, "cannot be reached");
    up.run(&["whoami", "--state", "/nonexistent"]).refused(9, "offprint up");

    // A reader that has enough is no failure.
    let mut child = up.command(&["link", "list", "-o", "jsonl"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));

    // Ctrl-C while it waits.
    let url = up.link(&[PLAIN]);
    let waiting =
        up.command(&["link", "revoke", &url, "-y", "--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    sleep(Duration::from_secs(2));
    assert!(Command::new("kill").args(["-INT", &waiting.id().to_string()]).status().expect("kill runs").success());
    let ended = up.check(waiting.wait_with_output().expect("it ends")).ends(130);
    assert!(ended.out.contains("revoked") && ended.err.contains("interrupted"), "{}{}", ended.out, ended.err);

    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(up.run(&["completions", shell]).done().out.contains("offprint"), "{shell}");
    }
    let help = up.run(&["--help"]).done();
    assert!(help.out.contains("Usage:") && help.err.is_empty());
}

// Whoever runs it can always let it go on, and is asked before anything that another administrator decided is undone.
#[test]
fn a_start_goes_on_without_its_first_user_and_gives_the_office_back_where_that_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start_in(dir.path(), &[]);
    let code = up.run(&["user", "add", "bo", "--administrator"]).done().out;
    up.run_with_input(&["sign-in", "--profile", "bo", "--server", &up.text("app_url")], code.trim()).done();
    let me: Value = serde_json::from_str(&up.run(&["whoami", "--output", "json"]).done().out).expect("JSON");
    let first = me["name"].as_str().expect("a name").to_owned();
    assert!(up.ready["first_link"].is_object());
    up.run(&["user", "suspend", &first, "--reason", "left", "--yes", "--profile", "bo"]).done();
    drop(up);

    let up = Up::start_in(dir.path(), &[]);
    assert!(up.ready["first_link"].is_null() && up.ready["sources"][0] == "demo", "{}", up.ready);
    let refused = up.run(&["source", "list"]);
    assert!(refused.err.contains("suspended"), "{}", refused.err);
    drop(up);
    let other = dir.path().join("other");
    fs::create_dir_all(&other).expect("a folder");
    let mut command = Command::new(OFFPRINT);
    command.args(["up", "--port", "0", "--data", &format!("other={}", other.display()), "--state"]).arg(dir.path().join("state"));
    let ran = command.env_remove("OFFPRINT_TOKEN").stdin(Stdio::null()).output().expect("it runs");
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.code() == Some(1) && err.contains("is suspended, and so cannot register other: say --reinstate"), "{err}");

    let up = Up::start_in(dir.path(), &["--reinstate"]);
    assert!(up.ready["first_link"].is_object(), "{}", up.ready);
    let audit: Value =
        serde_json::from_str(&up.run(&["audit", "--verb", "deployment.bootstrap", "--output", "json"]).done().out).expect("JSON");
    assert_eq!(audit.pointer("/items/0/after/standing"), Some(&Value::from("active")), "{audit}");
}

// L1: a link never opens something else because the server was started another way.
#[test]
fn a_start_with_another_store_is_refused_unless_it_is_said_and_one_that_fails_changes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (state, data) = (dir.path().join("state"), dir.path().join("data"));
    fs::create_dir_all(&data).expect("a folder");
    fs::create_dir_all(&state).expect("a folder");
    let kept = |name: &str| fs::read_to_string(state.join(name)).unwrap_or_default();
    let folders = serde_json::json!({ "lab": data }).to_string();
    fs::write(state.join("folders.json"), &folders).expect("it is written");
    let up = |words: &[&str]| {
        let mut command = Command::new(OFFPRINT);
        command.args(["up", "--port", "0", "--state"]).arg(&state).args(words).stdin(Stdio::null());
        let ran = command.env_remove("OFFPRINT_TOKEN").output().expect("it runs");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let elsewhere = ["--s3-endpoint", "http://127.0.0.1:1", "--s3-bucket", "other"];
    let (code, err) = up(&elsewhere);
    assert!(code == Some(1) && err.contains("folders of this machine") && err.contains("--moved"), "{err}");
    fs::write(state.join("store"), "http://127.0.0.1:1\n").expect("it is written");
    let (code, err) = up(&["--data", &format!("new={}", data.display())]);
    assert!(code == Some(1) && err.contains("http://127.0.0.1:1") && err.contains("--moved"), "{err}");
    // A table that is no table: the start fails, and the next one serves what the last one did.
    fs::write(state.join("table.db"), "no table").expect("it is written");
    let (code, err) = up(&["--moved", "--data", &format!("new={}", data.display())]);
    assert!(code == Some(1) && err.contains("cannot be opened"), "{err}");
    assert_eq!((kept("folders.json"), kept("store")), (folders, "http://127.0.0.1:1\n".to_owned()));
}

#[test]
fn what_is_written_wrongly_is_refused_before_anybody_is_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let run = |words: &[&str]| {
        let mut command = Command::new(OFFPRINT);
        command.args(words).env("XDG_CONFIG_HOME", dir.path()).env("OFFPRINT_STATE", dir.path()).stdin(Stdio::null());
        command.env_remove("OFFPRINT_TOKEN").env_remove("OFFPRINT_URL").output().expect("it runs")
    };
    for (words, code, says) in [
        (vec!["grant", "give", "lab:a", "--to", "ada", "--role", "view"], 2, "user:NAME, group:NAME, project:NAME, accounts or world"),
        (vec!["grant", "give", "lab:a", "--to", "user:ada", "--role", "owner"], 2, "owner"),
        (vec!["grant", "give", "lab", "--to", "world", "--role", "view"], 2, "NAME:PATH"),
        (vec!["dataset", "edit", "lab:a"], 2, "--visibility"),
        (vec!["check", "lab:a", "--action", "fly"], 2, "fly"),
        (vec!["check", "lab:a", "--address", "here"], 2, "here"),
        (vec!["ticket", "create", "lab:a", "--minutes", "721"], 2, "720"),
        (vec!["audit", "--month", "November"], 2, "2026-11"),
        // Well written, and nobody there: the server first, then who asks.
        (vec!["check", "lab:a"], 9, "offprint up"),
        (vec!["check", "lab:a", "--server", "http://127.0.0.1:1"], 4, "offprint sign-in"),
        (vec!["sign-out", "--server", "http://127.0.0.1:1"], 4, "no session is kept"),
        (vec!["sign-in", "--server", "http://127.0.0.1:1"], 2, "no code was given"),
        (vec!["sign-in", "offprint_code_x", "--server", "http://127.0.0.1:1"], 9, "cannot be reached"),
    ] {
        let ran = run(&words);
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{words:?}: {err}");
        assert!(err.contains(says) && ran.stdout.is_empty() && !err.contains("offprint_code_x"), "{words:?}: {err}");
    }
    for noun in ["grant", "group", "project", "user", "ticket", "check", "audit", "sign-in", "login", "sign-out", "logout"] {
        let help = run(&[noun, "--help"]);
        assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Example"), "{noun}");
    }
}

// L12
#[test]
fn a_review_link_is_promoted_after_it_is_said_what_that_does() {
    let up = Up::start();
    let url = up.link(&[PLAIN, "--class", "review", "--label", "paper"]);
    let other = up.link(&[PLAIN, "--class", "review", "--label", "other"]);
    up.run(&["link", "promote", &url, "--dry-run"]).refused(5, "[audience-too-wide]");
    up.run(&["source", "edit", "demo", "--audience", "world"]).done();
    let colleagues = up.link(&[PLAIN]);
    let object = format!("{url}/.zattrs");
    assert_eq!(status_of(&object), 200, "streamed");
    let would = up.json(&["link", "promote", &url, "--dry-run", "--json"]);
    assert_eq!((&would["link"]["class"], &would["shows_path"]), (&Value::from("publication"), &Value::from(true)));
    let asked = up.run(&["link", "promote", &url, "--until", "never"]).ends(2);
    assert_eq!(asked.out, "");
    for said in ["demo:plain-v2.ome.zarr", "without an end", "no way back", "hidden no more", "5 minutes 30 seconds", "add -y"] {
        assert!(asked.err.contains(said), "{said}: {}", asked.err);
    }
    up.run(&["link", "promote", &colleagues, "-y"]).refused(6, "[not-review]");
    let done = up.run(&["link", "promote", &url, &colleagues, &other, "-y", "--reason", "accepted"]).ends(8);
    assert!(done.err.contains("link 2") && done.err.contains("[not-review]") && done.err.contains("1 of 3 failed."), "{}", done.err);
    for promoted in [&url, &other] {
        let link = up.json(&["link", "show", promoted, "--json"]);
        assert_eq!((&link["class"], link["url"].as_str()), (&Value::from("publication"), Some(promoted.as_str())));
    }
    // Once more changes nothing.
    let again = up.run(&["link", "promote", &url, "-y"]).done();
    assert!(again.out.contains("publication"), "{}", again.out);
    assert!(up.run(&["link", "revoke", &url, "-y"]).ends(6).err.contains("[reason-needed]"));
}

// L16, P5: what a poster shows leads to the link, as it is printed and as it is typed
#[test]
fn a_link_has_a_code_and_a_qr_code_for_print() {
    let up = Up::start();
    up.run(&["link", "create", PLAIN, "--code"]).refused(2, "[link-code]");
    let url = up.link(&[PLAIN, "--class", "event", "--code"]);
    let link = up.json(&["link", "show", &url, "--json"]);
    let code = link["code"].as_str().expect("a code");
    let page = format!("{}/s/{code}", up.text("app_url"));
    assert_eq!(link["page"].as_str(), Some(page.as_str()));
    assert!(up.run(&["link", "show", &code.to_lowercase()]).done().out.contains(&url));
    let in_terminal = up.run(&["link", "qr", code]).done().out;
    assert!(in_terminal.contains('█') && in_terminal.ends_with(&format!("\n{page}\n")), "{in_terminal}");
    let svg = up.run(&["link", "qr", &url, "--as", "svg"]).done().out;
    assert!(svg.starts_with("<?xml") && svg.contains("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    let png = up.command(&["link", "qr", &url, "--as", "png"]).output().expect("it runs");
    assert!(png.status.success() && png.stdout.starts_with(b"\x89PNG\r\n"), "as it is, for a file");
    for page in [page.clone(), page.replace("/s/", "/S/")] {
        assert_eq!(status_of(&page), 200, "as it is printed, and as a QR code has it");
    }
    up.run(&["link", "revoke", code, "-y"]).done();
    assert_eq!(status_of(&page), 410, "and says so when it has ended");
    up.run(&["link", "show", "0000-0000"]).refused(3, "[not-found]");
}

#[test]
fn of_several_links_each_that_is_not_there_is_named_and_the_others_are_revoked() {
    let up = Up::start();
    let (id, url) = {
        let url = up.link(&[PLAIN]);
        (up.json(&["link", "show", &url, "--json"])["id"].as_str().expect("an id").to_owned(), url)
    };
    let nobodys = "laaaaaaaaaaaaaaaaaaaaaaaaaa";
    for known in [&id, &url] {
        let ran = up.run(&["link", "revoke", nobodys, known, "-y"]).ends(8);
        assert!(ran.out.contains(&id) && ran.out.contains("revoked") && !ran.out.contains(nobodys), "{}", ran.out);
        assert!(ran.err.contains(nobodys) && ran.err.contains("[not-found]") && ran.err.contains("1 of 2 failed."), "{}", ran.err);
    }
    // A URL is named by its place: it opens.
    let (first, second) = (format!("{}/x", "a".repeat(32)), "b".repeat(32));
    let ran = up.run(&["link", "revoke", &first, &second, "-y"]).ends(3);
    assert!(ran.out.is_empty() && ran.err.contains("link 1") && ran.err.contains("link 2") && !ran.err.contains(&second), "{}", ran.err);
    let sheet = up.run(&["link", "revoke", nobodys, &id, "-y", "-o", "csv"]).ends(8).out;
    assert!(sheet.lines().count() == 3 && sheet.contains("not-found") && sheet.contains(&id), "{sheet}");
}

#[test]
fn fields_are_chosen_alike_in_every_format() {
    let up = Up::start();
    let url = up.link(&[PLAIN, "--label", "=1+1"]);
    let chosen = ["link", "list", "--label", "1+1", "--fields", "label,s3.bucket,until", "-o"];
    let list = |format: &str| up.run(&[&chosen[..], &[format]].concat()).done().out;
    let sheet = list("csv");
    assert!(sheet.starts_with("label,s3.bucket,until\r\n'=1+1,"), "{sheet}");
    let item = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let (json, line) = (item(&list("json")), item(list("jsonl").trim()));
    assert_eq!(json["items"], Value::from(vec![line.clone()]));
    let names: Vec<&String> = line.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["label", "s3.bucket", "until"]);
    assert!(url.contains(line["s3.bucket"].as_str().expect("a key")));
    let table = list("table");
    assert!(table.starts_with("LABEL") && table.lines().count() == 2, "{table}");
    let one = up.run(&["link", "show", &url, "--fields", "state,label"]).done().out;
    assert_eq!(one.lines().map(|line| line.split_whitespace().next().expect("a name")).collect::<Vec<_>>(), ["state", "label"]);
    assert_eq!(up.json(&["link", "create", PLAIN, "--label", "=1+1", "--fields", "url", "--json"]), serde_json::json!({ "url": url }));
    assert!(up.run(&["dataset", "list", "--fields", "place"]).done().out.contains(PLAIN));
    assert!(up.run(&["whoami", "--fields", "name", "-o", "csv"]).done().out.starts_with("name\r\n"));
    let warned = up.run(&["link", "list", "--fields", "id,colour"]).done();
    assert!(warned.err.contains("warning: nothing here has a field `colour`"), "{}", warned.err);
    assert!(up.run(&["link", "list", "--fields", "Id"]).ends(2).err.contains("names of columns"));
}

#[test]
fn a_session_goes_to_the_server_that_began_it_and_to_no_other() {
    let up = Up::start();
    let (app, config) = (up.text("app_url"), up.dir.join("config/offprint"));
    let admin = fs::read_to_string(up.dir.join("state/admin-token")).expect("a token");
    let keep = |server: &str, secret: &str| {
        fs::create_dir_all(&config).expect("a folder");
        let kept = serde_json::json!({ server: { "user": "ada", "until": "2027-01-01T00:00:00Z", "secret": secret } });
        fs::write(config.join("sessions.json"), kept.to_string()).expect("a file");
    };
    let elsewhere = ["--state", "/nonexistent"];
    let me = |more: &[&str]| up.run(&[&["whoami"], &elsewhere[..], more].concat());
    keep(&app, admin.trim());
    // The only server with a session needs no name.
    me(&[]).done();
    me(&["--server", &app]).done();
    me(&["--server", "http://127.0.0.1:1"]).refused(4, "no token");
    // A token that is given goes before it.
    let nobodys = format!("offprint_{}", "a".repeat(32));
    let given = up.command(&["whoami", "--state", "/nonexistent", "--server", &app]).env("OFFPRINT_TOKEN", &nobodys).output();
    up.check(given.expect("it runs")).refused(4, "[sign-in]");
    // One that has ended is said to have.
    keep(&app, &nobodys);
    me(&[]).refused(4, "[sign-in]");
    fs::write(config.join("sessions.json"), "{}").expect("a file");
    up.run(&["sign-out", "--server", &app]).refused(4, "no session is kept");
    // Signing out ends a session and nothing else: the administrator's token is still good.
    up.run(&["whoami"]).done();

    // Under a name: beside others, with its own server, and no other token is used.
    let invited = up.json(&["user", "add", "nia", "--json"]);
    let code = invited["code"].as_str().expect("a code");
    up.run_with_input(&["sign-in", "--profile", "lab", "--server", &app], code).done();
    let whose = |words: &[&str]| up.run(&[&["whoami", "--fields", "name", "-o", "csv"], words].concat()).done().out;
    assert_eq!(whose(&["--profile", "lab"]), "name\r\nnia\r\n");
    assert_ne!(whose(&[]), "name\r\nnia\r\n", "the state folder's");
    let by_environment = up.command(&["whoami", "--json"]).env("OFFPRINT_PROFILE", "lab").env("OFFPRINT_TOKEN", &nobodys).output();
    assert!(up.check(by_environment.expect("it runs")).done().out.contains("nia"));
    up.run(&["whoami", "--profile", "other"]).refused(4, "no session is kept under the profile `other`");
    up.run(&["whoami", "--profile", "lab", "--server", "http://127.0.0.1:1"]).refused(2, "is of http://");
    up.run(&["whoami", "--profile", "Lab"]).ends(2);
    up.run(&["sign-out", "--profile", "lab"]).done();
    up.run(&["sign-out", "--profile", "lab"]).refused(4, "no session is kept under the profile `lab`");
}
