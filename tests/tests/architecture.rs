//! The rules of ARCHITECTURE.md that a compiler does not see: who may depend on whom, what no source may contain, and that the page names what exists.
#![expect(clippy::expect_used, reason = "what these helpers cannot read is a broken checkout, and the test should say so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const EDGE_AND_BELOW: [&str; 7] = ["domain", "edge", "identity", "objects", "table", "wire", "zarr"];

/// What each member may depend on among ours: what is shipped, and what its own tests may add.
fn allowed(member: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match member {
        "table" => (&["domain"], &["embed"]),
        "objects" => (&["domain", "zarr"], &["embed"]),
        "identity" | "zarr" => (&["domain"], &[]),
        "edge" => (&["domain", "identity", "objects", "table", "wire"], &["embed"]),
        "serve" | "links" | "acl" | "pages" | "jobs" | "copies" => (&EDGE_AND_BELOW, &["embed"]),
        "offprint" => {
            (&["acl", "copies", "domain", "edge", "embed", "identity", "jobs", "links", "objects", "pages", "serve", "table", "wire"], &[])
        }
        "fuzz" => (&["domain", "edge", "identity", "zarr"], &[]),
        "tests" => (
            &[
                "acl", "copies", "domain", "edge", "embed", "identity", "jobs", "links", "objects", "offprint", "pages", "serve", "table",
                "wire",
            ],
            &[],
        ),
        // domain, wire, embed, xtask: nothing of ours.
        _ => (&[], &[]),
    }
}

/// The only members whose shipped code may name these crates. The first entry whose name fits is the one that holds; a name ending in `-` fits all that
/// begin so. Secrets are the one thing of AWS above `table` and `objects`.
const LIVES_IN: [(&str, &[&str]); 12] = [
    ("aws-sdk-dynamodb", &["table"]),
    ("aws-sdk-secretsmanager", &["edge"]),
    ("aws-sdk-", &["objects"]),
    ("serde_dynamo", &["table"]),
    ("jsonwebtoken", &["identity"]),
    ("axum", &["acl", "edge", "links", "offprint", "pages", "serve"]),
    ("lambda_http", &["acl", "edge", "links", "offprint", "pages", "serve"]),
    ("askama", &["pages"]),
    ("lettre", &["jobs"]),
    ("s3s", &["embed"]),
    ("dynoxide-rs", &["embed"]),
    ("anyhow", &["acl", "links", "offprint", "serve", "xtask"]),
];

/// What `domain` does without: it does no I/O, reads no clock, makes no ids, and its types have no JSON form.
const NOT_IN_DOMAIN: [&str; 10] = ["aws-", "chrono", "getrandom", "hyper", "rand", "reqwest", "serde", "time", "tokio", "tracing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above this member").to_path_buf()
}

/// What cargo says about the members, their direct dependencies included.
fn members() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("`cargo metadata` prints JSON");
    metadata.get("packages").and_then(Value::as_array).expect("packages").clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A member's direct dependencies by name; `shipped` leaves out those of its tests, else only those are told.
fn dependencies(member: &Value, shipped: bool) -> BTreeSet<&str> {
    let all = member.get("dependencies").and_then(Value::as_array).expect("dependencies");
    all.iter().filter(|dependency| (text(dependency, "kind") != "dev") == shipped).map(|dependency| text(dependency, "name")).collect()
}

/// Every file of the checkout that git would keep, relative to its root, found without git: a source archive is checked as well.
fn files() -> Vec<PathBuf> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder can be listed") {
            let entry = entry.expect("a folder can be listed");
            let name = entry.file_name();
            let left_out = ["target", ".git", ".venv", "node_modules", ".offprint", ".aws-sam", "__pycache__"];
            if left_out.iter().any(|left_out| name == *left_out) {
                continue;
            }
            if entry.file_type().expect("an entry has a type").is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(&root).expect("it is below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).expect("the file is text")
}

fn rust_sources() -> BTreeMap<PathBuf, String> {
    files()
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
        .map(|file| (file.clone(), read(&file)))
        .collect()
}

#[test]
fn imports_point_down_only() {
    let members = members();
    let names: BTreeSet<&str> = members.iter().map(|member| text(member, "name")).collect();
    assert!(names.len() >= 12, "the members were found: {names:?}");
    for member in &members {
        let name = text(member, "name");
        let (shipped, tested) = allowed(name);
        for ours in dependencies(member, true).intersection(&names) {
            assert!(shipped.contains(ours), "`{name}` must not depend on `{ours}`");
        }
        for ours in dependencies(member, false).intersection(&names) {
            assert!(shipped.contains(ours) || tested.contains(ours) || ours == &name, "the tests of `{name}` must not depend on `{ours}`");
        }
    }
}

#[test]
fn each_protocol_lives_in_its_layer() {
    for member in &members() {
        let name = text(member, "name");
        for dependency in dependencies(member, true) {
            let fits = |named: &str| if named.ends_with('-') { dependency.starts_with(named) } else { dependency == named };
            if let Some((_, homes)) = LIVES_IN.iter().find(|(named, _)| fits(named)) {
                assert!(homes.contains(&name) || matches!(name, "fuzz" | "tests"), "`{dependency}` lives in {homes:?}, not in `{name}`");
            }
        }
    }
}

#[test]
fn the_domain_is_pure() {
    let members = members();
    let domain = members.iter().find(|member| text(member, "name") == "domain").expect("there is a domain");
    for dependency in dependencies(domain, true) {
        for banned in NOT_IN_DOMAIN {
            assert!(
                dependency != banned && !(banned.ends_with('-') && dependency.starts_with(banned)),
                "`domain` does without `{dependency}`"
            );
        }
    }
    // jiff reads a clock with its feature `std` only, and makes a uuid from one with `now`: neither is on.
    for dependency in domain.get("dependencies").and_then(Value::as_array).expect("dependencies") {
        let features = dependency.get("features").map(ToString::to_string).unwrap_or_default();
        let clock = features.contains("\"std\"") && text(dependency, "name") == "jiff";
        let random = ["\"v4\"", "\"rng\""].iter().any(|feature| features.contains(feature)) && text(dependency, "name") == "uuid";
        assert!(!clock && !random, "`domain` reads no clock and draws no numbers: {} {features}", text(dependency, "name"));
    }
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_ignored() {
    // Written in two halves, or this file would find itself.
    let banned = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ig", "nore"), concat!("dbg", "!(")];
    let sources = rust_sources();
    assert!(sources.len() >= 50, "the sources were found");
    for (file, source) in &sources {
        for word in banned {
            assert!(!source.contains(word), "`{word}` in {}", file.display());
        }
    }
}

// ADR 0029: an entry of the audit says where from
#[test]
fn a_handler_of_the_app_origin_takes_the_app_of_its_request() {
    let mut handlers = 0;
    for (file, source) in rust_sources() {
        let is_app_origin = ["acl", "links", "pages"].iter().any(|binary| file.starts_with(format!("functions/{binary}/src")));
        // The one middleware there writes nothing.
        if is_app_origin && !file.ends_with("pages/src/page.rs") {
            assert!(!source.contains("State<App>"), "{} takes the state itself: what it writes would not say where from", file.display());
            handlers += source.matches("app: App,").count();
        }
    }
    assert!(handlers > 50, "handlers are found by how they are written: {handlers}");
}

#[test]
fn every_member_has_the_lints() {
    for member in &members() {
        let manifest = PathBuf::from(text(member, "manifest_path"));
        let told = std::fs::read_to_string(&manifest).expect("a manifest is text");
        assert!(told.contains("[lints"), "{} has lints", manifest.display());
    }
}

/// The words that a page sets between backticks.
fn in_backticks(page: &str) -> Vec<&str> {
    page.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// Whether a word names a type: `LinkKey`, `Facts`; not `GET` or `S3`.
fn names_a_type(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric())
        && word.chars().any(|letter| letter.is_ascii_lowercase())
}

#[test]
fn what_the_architecture_page_names_exists() {
    let page = read(Path::new("ARCHITECTURE.md"));
    let files = files();
    let sources: String = rust_sources().into_values().collect();
    let is_defined = |name: &str| {
        ["struct", "enum", "trait", "type", "fn"].iter().any(|kind| {
            sources.match_indices(&format!("{kind} {name}")).any(|(at, found)| {
                let after = sources.get(at.saturating_add(found.len())..).and_then(|rest| rest.chars().next());
                !after.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
            })
        })
    };
    let words = in_backticks(&page);
    let mut checked = 0_u32;
    for word in words {
        let is_file =
            [".rs", ".toml", ".yaml", ".md", ".sh", ".py"].iter().any(|ending| word.ends_with(ending)) && !word.contains([' ', '*', '{']);
        if is_file {
            // A page may leave out `crates/` and `src/`: `edge/trace.rs` is `crates/edge/src/trace.rs`.
            let parts: Vec<&str> = word.split('/').collect();
            let exists = files.iter().any(|file| {
                let lean: Vec<String> = file.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "src").collect();
                file.ends_with(word) || lean.ends_with(&parts.iter().map(ToString::to_string).collect::<Vec<_>>())
            });
            assert!(exists, "ARCHITECTURE.md names the file `{word}`, which is nowhere");
            checked = checked.saturating_add(1);
        } else if names_a_type(word) {
            assert!(is_defined(word), "ARCHITECTURE.md names `{word}`, which is defined nowhere");
            checked = checked.saturating_add(1);
        }
    }
    assert!(checked >= 10, "the page names files and types ({checked} found)");
}
