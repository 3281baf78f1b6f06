//! How the data are read in a program: a snippet a tool, by what the data are (V4). Those that our tests run are marked, as printed; the
//! others say that nobody ran them here.

use domain::path::encode_key;
use zarr::{
    array::Array,
    seen::{Seen, Store, What},
};

use super::viewers::Addresses;

/// A language, with what there is for it.
#[derive(Debug)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) snippets: Vec<Snippet>,
}

/// A way to read the data.
#[derive(Debug)]
pub(crate) struct Snippet {
    pub(crate) title: &'static str,
    /// What it was written for.
    pub(crate) version: &'static str,
    pub(crate) text: String,
    /// Whether our tests run it as it is printed.
    pub(crate) is_run: bool,
}

/// What a snippet is made of.
struct Data<'a> {
    at: &'a Addresses,
    /// The origin of the data.
    origin: &'a str,
    /// The first segment of the address, and the name behind it as it is.
    key: &'a str,
    name: &'a str,
}

/// The snippets for a folder in which this was seen; `key` and `name` are those of its address.
pub(crate) fn for_folder(seen: Option<&Seen>, at: &Addresses, origin: &str, key: &str, name: &str, lists: bool) -> Vec<Language> {
    let data = Data { at, origin, key, name };
    let mut languages = Vec::new();
    if let Some(seen) = seen
        && let Some((path, array)) = finest(seen)
    {
        languages.push(Language { name: "Python", snippets: data.python(seen, &path, array) });
        languages.extend(data.others(seen, &path));
    }
    languages.push(Language { name: "Shell", snippets: data.shell(seen, lists) });
    languages.retain(|language| !language.snippets.is_empty());
    languages
}

/// The snippets for one object.
pub(crate) fn for_object(at: &Addresses, name: &str) -> Vec<Language> {
    let url = &at.url;
    let shell = format!("curl -fL -o {} {url}", here(name));
    let python = format!("import fsspec\nwith fsspec.open(\"{url}\") as file:\n    head = file.read(100)\n");
    vec![
        Language { name: "Shell", snippets: vec![run("curl", "7.88", shell)] },
        Language { name: "Python", snippets: vec![not_run("fsspec", "2026.9", python)] },
    ]
}

/// The finest array, by its path below the root, without a slash; empty: the root itself.
fn finest(seen: &Seen) -> Option<(String, &Array)> {
    if let What::Array(array) = &seen.what {
        return Some((String::new(), array));
    }
    let image = seen.image.as_ref()?;
    let (level, array) = image.finest()?;
    let path = image.folder.join(&level.folder).ok()?;
    Some((path.as_str().trim_end_matches('/').to_owned(), array))
}

const fn run(title: &'static str, version: &'static str, text: String) -> Snippet {
    Snippet { title, version, text, is_run: true }
}

const fn not_run(title: &'static str, version: &'static str, text: String) -> Snippet {
    Snippet { title, version, text, is_run: false }
}

/// A text as Python, Java and Julia write one.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same as Julia does, where a dollar sign begins an expression.
fn julia_literal(text: &str) -> String {
    literal(text).replace('$', "\\$")
}

/// The same as MATLAB does, where a quote is written twice.
fn matlab_literal(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A text as a shell has one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A name as a shell has the path of a new file or folder: one that begins with a dash is no option.
fn here(name: &str) -> String {
    quoted(&format!("./{name}"))
}

impl Data<'_> {
    fn python(&self, seen: &Seen, path: &str, array: &Array) -> Vec<Snippet> {
        let (url, below) = (&self.at.url, if path.is_empty() { String::new() } else { format!("/{}", encode_key(path)) });
        let driver = match seen.store {
            Store::Zarr2 => "zarr",
            Store::Zarr3 => "zarr3",
            Store::N5 => "n5",
        };
        let tensorstore = format!(
            "import tensorstore as ts\nspec = {{\"driver\": \"{driver}\", \"kvstore\": {{\"driver\": \"http\", \"base_url\": \"{}{below}/\"}}}}\narray = ts.open(spec).result()\nprint(array.shape, array.dtype)\n",
            self.at.streamed
        );
        let tensorstore = run("TensorStore", "0.1", tensorstore);
        if seen.store == Store::N5 {
            return vec![Snippet { is_run: false, ..tensorstore }];
        }
        let open = if path.is_empty() {
            format!("array = zarr.open_array(\"{url}\", mode=\"r\")")
        } else {
            format!("array = zarr.open_group(\"{url}\", mode=\"r\")[{}]", literal(path))
        };
        let zarr = format!(
            "# pip install zarr \"fsspec[http]\"\nimport zarr\nzarr.config.set({{\"async.concurrency\": 64}})\n{open}\nprint(array.shape, array.dtype)\n"
        );
        let component = if path.is_empty() { String::new() } else { format!(", component={}", literal(path)) };
        let dask = format!("import dask.array\narray = dask.array.from_zarr(\"{url}\"{component})\nprint(array.shape, array.dtype)\n");
        let mut snippets = vec![run("zarr", "3", zarr), run("dask", "2026", dask)];
        // xarray wants each direction of each array to be named by the array itself.
        let is_named = !array.names.is_empty() && array.names.iter().all(|name| !name.is_empty());
        if is_named {
            let group = path.rsplit_once('/').map_or("", |(group, _)| group);
            let group = if group.is_empty() { String::new() } else { format!(", group={}", literal(group)) };
            let text = format!("import xarray\ndataset = xarray.open_zarr(\"{url}\"{group}, consolidated=False)\n");
            snippets.push(not_run("xarray", "2026", text));
        }
        snippets.push(tensorstore);
        snippets
    }

    fn others(&self, seen: &Seen, path: &str) -> Vec<Language> {
        let url = &self.at.url;
        let n5 = format!(
            "N5Reader reader = new N5Factory().openReader(\"{url}\");\nCachedCellImg<?, ?> image = N5Utils.open(reader, {});\n",
            literal(path)
        );
        let java = if seen.store == Store::N5 {
            vec![not_run("n5-universe", "2", n5)]
        } else {
            let open = format!("Array array = Array.open(new HttpStore(\"{url}\").resolve({}));\n", literal(path));
            vec![not_run("zarr-java", "0.0.4", open), not_run("n5-universe", "2", n5)]
        };
        let mut languages = vec![Language { name: "Java", snippets: java }];
        if seen.store != Store::N5 {
            let select = if path.is_empty() { String::new() } else { format!("[{}]", julia_literal(path)) };
            let julia = format!("using Zarr\narray = zopen(\"{url}\"){select}\n");
            let matlab = format!(
                "group = py.zarr.open(\"{url}\", mode=\"r\");\narray = {};\ndata = double(py.numpy.ascontiguousarray(py.operator.getitem(array, py.Ellipsis)));\n",
                if path.is_empty() { "group".to_owned() } else { format!("py.operator.getitem(group, {})", matlab_literal(path)) }
            );
            languages.push(Language { name: "Julia", snippets: vec![not_run("Zarr.jl", "0.9", julia)] });
            languages.push(Language { name: "MATLAB", snippets: vec![not_run("its Python", "R2024b", matlab)] });
        }
        languages
    }

    fn shell(&self, seen: Option<&Seen>, lists: bool) -> Vec<Snippet> {
        let (url, name) = (&self.at.url, here(self.name));
        let mut snippets = Vec::new();
        let metadata = match seen.map(|seen| seen.store) {
            Some(Store::Zarr3) => Some("zarr.json"),
            Some(Store::Zarr2) if matches!(seen.map(|seen| &seen.what), Some(What::Array(_))) => Some(".zarray"),
            Some(Store::Zarr2) => Some(".zattrs"),
            Some(Store::N5) => Some("attributes.json"),
            None => None,
        };
        snippets.extend(metadata.map(|file| run("curl: the metadata", "7.88", format!("curl -fL {url}/{file}"))));
        // Both ask what there is.
        if lists {
            snippets.push(run("rclone: all of it", "1.60", format!("rclone copy --http-url {url}/ :http: {name}")));
            let from = quoted(&format!("s3://{}/{}/", self.key, self.name));
            let aws = format!("aws s3 cp --recursive --no-sign-request --endpoint-url {} {from} {name}", self.origin);
            snippets.push(not_run("aws: all of it", "2", aws));
        }
        snippets
    }
}

#[cfg(test)]
mod tests {
    use domain::path::ObjectPath;
    use serde_json::json;
    use zarr::documents::Documents;

    use super::*;

    fn at() -> Addresses {
        Addresses { url: "https://data.test/key/a%20b.zarr".to_owned(), streamed: "https://data.test/key-s/a%20b.zarr".to_owned() }
    }

    fn an_image(level: &str, names: &[&str]) -> Seen {
        let path = ObjectPath::from_decoded(level).unwrap();
        let root = json!({ "node_type": "group", "attributes": { "ome": { "version": "0.5", "multiscales": [{ "axes": ["y", "x"], "datasets": [{ "path": level }] }] } } });
        let array = json!({ "node_type": "array", "shape": [2, 3], "data_type": "uint8", "dimension_names": names, "chunk_grid": { "configuration": { "chunk_shape": [2, 3] } }, "codecs": [] });
        let mut documents = Documents::default();
        documents.add("zarr.json", Some(root.to_string().as_bytes()));
        documents.add(&format!("{path}/zarr.json"), Some(array.to_string().as_bytes()));
        zarr::seen::seen(&documents).unwrap()
    }

    fn text(languages: &[Language]) -> String {
        languages
            .iter()
            .flat_map(|language| {
                language.snippets.iter().map(move |snippet| format!("== {} {}\n{}", language.name, snippet.title, snippet.text))
            })
            .collect()
    }

    // V4
    #[test]
    fn snippets_are_by_what_the_data_are() {
        let seen = an_image("s0", &[]);
        let languages = for_folder(Some(&seen), &at(), "https://data.test", "key", "a b.zarr", true);
        let names: Vec<_> = languages.iter().map(|language| language.name).collect();
        assert_eq!(names, ["Python", "Java", "Julia", "MATLAB", "Shell"]);
        let told = text(&languages);
        for part in [
            "zarr.open_group(\"https://data.test/key/a%20b.zarr\", mode=\"r\")[\"s0\"]",
            "from_zarr(\"https://data.test/key/a%20b.zarr\", component=\"s0\")",
            "\"base_url\": \"https://data.test/key-s/a%20b.zarr/s0/\"",
            "curl -fL https://data.test/key/a%20b.zarr/zarr.json",
            "'s3://key/a b.zarr/' './a b.zarr'",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
        assert!(!told.contains("xarray"), "no direction is named");
        assert!(text(&for_folder(Some(&an_image("s0", &["y", "x"])), &at(), "", "key", "n", true)).contains("xarray.open_zarr"));
        let hidden = text(&for_folder(Some(&seen), &at(), "https://data.test", "key", "n", false));
        assert!(!hidden.contains("rclone") && !hidden.contains("aws "), "a link that does not list is copied by nobody");
        assert_eq!(text(&for_folder(None, &at(), "https://data.test", "key", "n", false)), "");
    }

    #[test]
    fn a_name_ends_no_text_and_no_word_of_a_shell() {
        let seen = an_image("a\"); import os; (\"", &[]);
        let told = text(&for_folder(Some(&seen), &at(), "https://data.test", "key", "it's $(x) `y`", true));
        assert!(told.contains("[\"a\\\"); import os; (\\\"\"]"), "{told}");
        assert!(told.contains("getitem(group, \"a\"\"); import os; (\"\"\")"), "{told}");
        let dollar = text(&for_folder(Some(&an_image("a$(run())", &[])), &at(), "", "key", "n", false));
        assert!(dollar.contains("zopen(\"https://data.test/key/a%20b.zarr\")[\"a\\$(run())\"]"), "{dollar}");
        assert!(told.contains("'./it'\\''s $(x) `y`'"), "{told}");
        assert!(text(&for_object(&at(), "a'b.csv")).contains("curl -fL -o './a'\\''b.csv' https://"));
    }
}
