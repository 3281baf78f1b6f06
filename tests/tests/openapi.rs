//! The API's description: generated from the code of every function, committed at `docs/openapi.json`, and served as committed.
//!
//! `OPENAPI=write cargo nextest run -p tests --test openapi` writes it anew after a change of a route or of a type in `wire`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

// Issue 2, section 3
#[test]
fn the_committed_description_is_what_the_code_says() {
    let mut whole = links::openapi();
    whole.merge(acl::openapi());
    let text = whole.to_pretty_json().expect("a description is JSON") + "\n";
    let path = docs("openapi.json");
    if std::env::var("OPENAPI").is_ok_and(|word| word == "write") {
        fs::write(&path, &text).expect("docs/openapi.json can be written");
    }
    let committed = fs::read_to_string(&path).expect("docs/openapi.json can be read");
    assert!(committed == text, "docs/openapi.json is not what the code says: run this test with OPENAPI=write");
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let whole: serde_json::Value = serde_json::from_str(&fs::read_to_string(docs("openapi.json")).expect("the description")).expect("JSON");
    let text = whole.to_string();
    let references: BTreeSet<&str> = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        assert!(whole.pointer(reference).is_some(), "{reference}");
    }
}

/// The schemas that a part of the description names, those that they name themselves included.
fn named_by(whole: &Value, part: &Value, names: &mut BTreeSet<String>) {
    for name in part.to_string().split("\"$ref\":\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        if names.insert(name.to_owned()) {
            named_by(whole, &whole["components"]["schemas"][name], names);
        }
    }
}

// Issue 3, section 5: unknown and read-only fields are refused. Descriptions are made from what the parser does.
#[test]
fn no_request_takes_a_field_that_it_does_not_name() {
    let whole: Value = serde_json::from_str(&fs::read_to_string(docs("openapi.json")).expect("the description")).expect("JSON");
    let mut names = BTreeSet::new();
    for operation in whole["paths"].as_object().expect("paths").values().flat_map(|path| path.as_object().expect("operations").values()) {
        named_by(&whole, &operation["requestBody"], &mut names);
    }
    let is_object = |name: &&String| whole["components"]["schemas"][name.as_str()]["type"] == "object";
    let objects: Vec<_> = names.iter().filter(is_object).collect();
    assert!(objects.len() > 20, "{names:?}");
    for name in objects {
        assert_eq!(whole["components"]["schemas"][name.as_str()]["additionalProperties"], false, "{name}");
    }
}

/// Words in backticks that begin a row of a table: `| `code` | …`.
fn codes_in_docs() -> BTreeSet<String> {
    let text = fs::read_to_string(docs("API.md")).expect("docs/API.md can be read");
    let codes = text.split("## Problem codes").nth(1).expect("a section of problem codes").split("\n## ").next().unwrap_or_default();
    codes.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect()
}

/// The files of a folder of sources, and of those in it.
fn sources_in(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { sources_in(&path, files) } else { files.push(path) }
    }
}

/// The codes that the sources name: the first word after a status, in the places where problems are made.
fn codes_in_sources() -> BTreeSet<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("crates/offprint/src/up/parts.rs")];
    for folder in ["crates/edge/src", "functions/links/src", "functions/acl/src", "functions/pages/src", "functions/serve/src"] {
        sources_in(&root.join(folder), &mut files);
    }
    let mut codes = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        // `Problem::new(StatusCode::X, "code"`, `Problem::unavailable("code"`, and the closures and helpers that name a code first.
        for maker in [
            "Problem::new(",
            "Self::new(",
            "too_often(",
            "unavailable(",
            "gone(",
            "not_yours(",
            "refused(",
            "wrong(",
            "unread(",
            "word(",
            "archived(",
        ] {
            for made in shipped.split(maker).skip(1) {
                let quoted = made.split('"').nth(1).filter(|_| made.find('"') < made.find(')'));
                codes.extend(quoted.filter(|code| is_code(code)).map(str::to_owned));
            }
        }
        let named =
            shipped.split("pub const ").skip(1).filter_map(|rest| rest.split(';').next()).filter(|rest| rest.contains("&'static str = "));
        codes.extend(named.filter_map(|rest| rest.split('"').nth(1)).filter(|code| is_code(code)).map(str::to_owned));
        for chosen in shipped.split("let code = ").skip(1).filter_map(|rest| rest.split(';').next()) {
            codes.extend(chosen.split('"').skip(1).step_by(2).filter(|code| is_code(code)).map(str::to_owned));
        }
    }
    codes
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

// STYLE 3.7: codes are an interface
#[test]
fn every_problem_code_is_documented_and_no_other_is() {
    let (docs, sources) = (codes_in_docs(), codes_in_sources());
    let missing: Vec<_> = sources.difference(&docs).collect();
    let unused: Vec<_> = docs.difference(&sources).collect();
    assert!(missing.is_empty() && unused.is_empty(), "not in docs/API.md: {missing:?}; in docs/API.md only: {unused:?}");
    assert!(sources.len() > 50, "{sources:?}");
}
