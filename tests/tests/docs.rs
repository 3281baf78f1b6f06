//! The pages cite tests and files: each must be there, or a control is only a sentence.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use table::audit::VERBS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Every function in the Rust sources of the workspace.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> = ["crates", "functions", "fuzz", "tests", "xtask"].iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "node_modules" | ".venv" | "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                names.extend(text.split("fn ").skip(1).map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
            }
        }
    }
    names
}

#[test]
fn every_test_and_file_that_a_page_cites_is_there() {
    let functions = functions();
    let mut cited = 0;
    for page in ["docs/ACCESS.md", "docs/THREATS.md", "docs/SEMANTICS.md", "docs/OPERATIONS.md", "CONTRIBUTING.md", "README.md"] {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        for word in text.split(|c: char| c.is_whitespace() || "`()[],;|*".contains(c)) {
            let word = word.trim_end_matches(['.', ':', '…', '?']);
            if ["crates/", "tests/", "functions/", "fuzz/", "docs/"].iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(word).exists(), "{page} cites {word}");
                cited += 1;
            }
        }
        if page == "docs/THREATS.md" {
            for name in text
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|name| name.matches('_').count() >= 2 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            {
                assert!(functions.contains(name), "{page} cites the test {name}");
                cited += 1;
            }
        }
    }
    assert!(cited > 60, "the pages cite {cited} things");
}

/// Every verb of the audit in the sources of the table.
fn verbs_written() -> BTreeSet<String> {
    let mut verbs = BTreeSet::new();
    for file in fs::read_dir(root().join("crates/table/src")).expect("a folder") {
        let path = file.expect("an entry").path();
        let source = fs::read_to_string(&path).expect("a source");
        let source = if path.ends_with("audit.rs") { source.split_once("\n];").expect("the list").1.to_owned() } else { source };
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let is_verb = |text: &&str| text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb));
        verbs.extend(source.split('"').filter(is_verb).map(str::to_owned));
    }
    verbs
}

#[test]
fn the_audits_verbs_are_those_that_are_written_down_and_in_the_page() {
    let written = verbs_written();
    assert!(written.iter().map(String::as_str).eq(VERBS), "in order: {written:?}");
    let page = fs::read_to_string(root().join("docs/API.md")).expect("a page");
    let mut nouns: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (noun, done) in VERBS.iter().filter_map(|verb| verb.split_once('.')) {
        nouns.entry(noun).or_default().push(format!("`{done}`"));
    }
    for (noun, done) in nouns {
        let row = format!("| `{noun}` | {} |", done.join(" "));
        assert!(page.contains(&row), "the page lacks the row {row}");
    }
}
