//! What lies in a folder of a source, for whom.

use domain::{dataset::Kind, token::Scope};
use serde_json::{Value, json};

use super::start;

/// The names of a page, each with the id of its dataset, if any.
fn names(page: &Value) -> Vec<(String, bool)> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| (item["name"].as_str().unwrap().to_owned(), item["dataset"].is_object())).collect()
}

// W1; ADR 0069
#[tokio::test]
async fn a_folder_lists_what_lies_in_it_and_which_of_it_is_a_dataset() {
    let app = start().await;
    let zarr = app.a_dataset("fused.ome.zarr/", Kind::Zarr, 20).await;
    let root = app.get("/api/v1/entries?source=demo", &app.ada.token).await.is(200);
    let named = |list: &[(&str, bool)]| list.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect::<Vec<_>>();
    assert_eq!(names(&root.json), named(&[("fused.ome.zarr/", true), ("notes/", false), ("table.csv", false)]));
    assert_eq!((root.text("/path"), root.text("/dataset/id"), root.json.get("zarr")), ("", app.root.id.to_string().as_str(), None));
    assert_eq!((root.json["items"][2]["size"].as_u64(), root.text("/items/0/dataset/id")), (Some(3), zarr.id.to_string().as_str()));
    let image = app.get("/api/v1/entries?source=demo&path=fused.ome.zarr", &app.ada.token).await.is(200);
    assert_eq!((image.text("/dataset/id"), image.json["zarr"].as_u64()), (zarr.id.to_string().as_str(), Some(3)));
    let array = app.get("/api/v1/entries?source=demo&path=fused.ome.zarr/two/", &app.ada.token).await.is(200);
    assert_eq!((array.text("/dataset/id"), array.json["zarr"].as_u64()), (zarr.id.to_string().as_str(), Some(2)));
    let nothing = app.get("/api/v1/entries?source=demo&path=nothing/", &app.ada.token).await.is(200);
    assert_eq!(nothing.json["items"], json!([]));
    for (query, status, code, pointer) in [
        ("source=demo&path=../x", 400, "bad-path", "/path"),
        ("source=demo&limit=0", 400, "limit", "/limit"),
        ("source=demo&cursor=x", 400, "bad-cursor", "/cursor"),
        ("path=notes/", 400, "query", ""),
        ("source=demo&prefix=notes/", 400, "query", ""),
        ("source=none", 404, "not-found", ""),
    ] {
        app.get(&format!("/api/v1/entries?{query}"), &app.ada.token).await.refuses(status, code, pointer);
    }
    let links = app.token_for(&app.ada.user, &[Scope::Links], 60).await;
    app.get("/api/v1/entries?source=demo", &links).await.refuses(403, "scope", "");
}

#[tokio::test]
async fn a_folder_is_paged_and_a_cursor_is_of_its_folder() {
    let app = start().await;
    let (mut found, mut next) = (Vec::new(), Some("/api/v1/entries?source=demo&limit=1".to_owned()));
    while let Some(path) = next {
        let page = app.get(&path, &app.ada.token).await.is(200);
        found.extend(names(&page.json));
        let to = page.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        next = to.map(|link| link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
    }
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["fused.ome.zarr/", "notes/", "table.csv"]);
    let first = app.get("/api/v1/entries?source=demo&limit=1", &app.ada.token).await.is(200);
    let elsewhere = format!("/api/v1/entries?source=demo&path=notes/&cursor={}", first.text("/next_cursor"));
    app.get(&elsewhere, &app.ada.token).await.refuses(400, "bad-cursor", "/cursor");
}

// A17, ADR 0015: what is restricted is there for those who may know of it, and for nobody else
#[tokio::test]
async fn a_restricted_part_is_listed_for_those_who_may_know_of_it() {
    let app = start().await;
    let notes = app.a_dataset("notes/", Kind::Folder, 21).await;
    let share = json!({ "to": "user:Eve", "role": "view" });
    app.post(&format!("/api/v1/datasets/{}/grants", app.root.id), &app.ada.token, share).await.is(201);
    let list = async |token: &str, path: &str| app.get(&format!("/api/v1/entries?source=demo&path={path}"), token).await;
    assert_eq!(names(&list(&app.eve.token, "").await.is(200).json).len(), 3);
    app.patch(&format!("/api/v1/datasets/{}", notes.id), &app.ada.token, 1, json!({ "restricted": true })).await.is(200);
    let seen = list(&app.ada.token, "").await.is(200);
    assert_eq!(names(&seen.json)[1], ("notes/".to_owned(), true));
    assert_eq!((seen.json["items"][1]["dataset"]["restricted"].as_bool(), seen.json["items"].as_array().unwrap().len()), (Some(true), 3));
    assert_eq!(names(&list(&app.ada.token, "notes/").await.is(200).json), [("plan.txt".to_owned(), false)]);
    let hidden = list(&app.eve.token, "").await.is(200);
    assert!(!hidden.json.to_string().contains("notes"), "{hidden:?}");
    list(&app.eve.token, "notes/").await.refuses(404, "not-found", "");
}
