//! The page of a link that opens, and of one that does not: what each may show, on a real store and table.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, LinkFacts, Permit, Principal, Via, Who, decide, via},
    grant::{Net, Zones},
    levels::{Arrays, Levels},
    link::{Class, Link, Options, Tombstone, Until},
    path::ObjectPath,
    rights::{Right, Role},
    token::TokenSecret,
};
use edge::{App, config::Config};
use jiff::SignedDuration;
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
};
use serde_json::{Value, json};
use table::grants::Grounds;

use crate::{
    browser::{APP, Browser, start},
    link::a_link_on,
    support::{Answer, OPEN, TestApp},
};

/// What must not stand on the page of a link that shows nothing: words of the data facts, of files and of where things are.
const FACTS: [&str; 9] = ["uint16", "nuclei", "µm", "zarr.json", "A README", "data.test", "Neuroglancer", "embryo", "secret"];

#[expect(clippy::used_underscore_binding, reason = "it is kept for as long as the app is there, and written into here")]
fn at(app: &TestApp, path: &str) -> PathBuf {
    let path = app._folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn put(app: &TestApp, path: &str, text: &str) {
    std::fs::write(at(app, path), text).unwrap();
}

/// An image of OME-Zarr 0.5 with two levels, two channels, labels and a README.
fn put_image(app: &TestApp, folder: &str, label: &str) {
    let axes = ["c", "z", "y", "x"].map(|name| match name {
        "c" => json!({ "name": name, "type": "channel" }),
        _ => json!({ "name": name, "type": "space", "unit": "micrometer" }),
    });
    let level = |path: &str, pixel: f64| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": [1.0, 2.0, pixel, pixel] }] });
    let channels = json!([{ "label": label, "color": "00FF7F", "window": { "start": 10, "end": 900 } }, { "label": "membranes", "color": "FF00FF", "active": false }]);
    let image = json!({ "version": "0.5", "multiscales": [{ "name": label, "axes": axes, "datasets": [level("0", 0.5), level("1", 1.0)] }], "omero": { "channels": channels } });
    let group = |ome: Value| json!({ "zarr_format": 3, "node_type": "group", "attributes": { "ome": ome } }).to_string();
    put(app, &format!("{folder}/zarr.json"), &group(image));
    for (name, size) in [("0", 64), ("1", 32)] {
        let array = json!({ "zarr_format": 3, "node_type": "array", "shape": [2, 10, size, size], "data_type": "uint16", "fill_value": 0,
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [1, 10, 64, 64] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "codecs": [{ "name": "sharding_indexed", "configuration": { "chunk_shape": [1, 10, 16, 16], "codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }, { "name": "zstd" }], "index_codecs": [{ "name": "bytes" }] } }] });
        put(app, &format!("{folder}/{name}/zarr.json"), &array.to_string());
        put(app, &format!("{folder}/{name}/c/0/0/0/0"), "chunk");
    }
    put(app, &format!("{folder}/labels/zarr.json"), &group(json!({ "labels": [label] })));
    put(app, &format!("{folder}/README.md"), "# A README\n\nOf an *embryo*. ![picture](https://evil.example/x.png)\n");
}

/// A dataset of Ada's with such an image, and the levels that it has.
async fn an_image(app: &TestApp) -> Dataset {
    put_image(app, "embryo.ome.zarr", "nuclei");
    with_levels(app, app.a_dataset("embryo.ome.zarr/", Kind::Zarr, 50).await).await
}

/// The same dataset, once its levels are known.
async fn with_levels(app: &TestApp, dataset: Dataset) -> Dataset {
    let arrays = ["0/", "1/"].iter().zip(0_u8..);
    let arrays = arrays.map(|(folder, level)| (Arrays { any: 0, folder: ObjectPath::from_decoded(*folder).unwrap() }, level));
    let levels = Levels::new(arrays.collect()).unwrap();
    let (facts, permit, via) = granting(app, &dataset).await;
    app.app.table.set_levels(&permit, Grounds { facts: &facts, via }, levels, None, app.now()).await.unwrap()
}

/// What Ada changes a dataset's access by.
async fn granting(app: &TestApp, dataset: &Dataset) -> (Arc<DatasetFacts>, Permit, Option<Via>) {
    let facts = Arc::new(app.app.table.dataset_facts(dataset.id, Some(app.ada.user.id)).await.unwrap().unwrap());
    let permit = decide(&ada(app).await, Action::Grant, &Facts::Dataset(Arc::clone(&facts)), app.now()).unwrap();
    let via = via(&app.ada.user, &facts.place, &facts.reach, Right::Administer, Net::Unknown, app.now());
    (facts, permit, via)
}

async fn ada(app: &TestApp) -> Principal {
    let (user, token) = app.app.table.bearer(TokenSecret::parse(&app.ada.token).unwrap().hash()).await.unwrap().unwrap();
    Principal { who: Who::Token { user: user.into(), token: token.into() }, net: Net::Unknown }
}

async fn facts_of(app: &TestApp, link: &Link) -> LinkFacts {
    app.app.table.link_facts(link.hash, app.now()).await.unwrap().unwrap()
}

async fn narrowing(app: &TestApp, facts: &LinkFacts) -> Permit {
    decide(&ada(app).await, Action::Narrow, &Facts::Link(Arc::new(facts.clone())), app.now()).unwrap()
}

#[track_caller]
fn shows_nothing(told: &Answer, status: u16) -> String {
    let page = told.page(status).to_owned();
    for fact in FACTS {
        assert!(!page.contains(fact), "{fact} {page}");
    }
    page
}

// P2, V1, V3, V4
#[tokio::test]
async fn a_links_page_says_what_the_data_are_and_where_they_open() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    let (path, link) = a_link_on(&app, dataset.id, 10, Class::Collaboration, Options::default(), None).await;
    let browser = Browser::of(&app);
    let shown = browser.get(&path).await;
    let page = shown.page(200);
    let url = format!("https://data.test/{}/embryo.ome.zarr", &path[3..]);
    for part in [
        "<h1><bdi>embryo.ome.zarr</bdi></h1>",
        "OME-Zarr 0.5",
        "c 2 × z 10 × y 64 × x 64",
        "uint16, little-endian",
        "2 × 0.5 × 0.5 µm",
        "20 × 32 × 32 µm",
        "1 × 10 × 16 × 16",
        "<th scope=\"row\">Shards</th><td><bdi>1 × 10 × 64 × 64</bdi>",
        "zstd",
        "fill=\"#00ff7f\"",
        "<code>#00ff7f</code> · shown from 10 to 900",
        "off at first",
        "<th scope=\"row\">Labels</th><td><bdi>nuclei</bdi>",
        "<h3>A README</h3>",
        "<a href=\"https://evil.example/x.png\" rel=\"noopener noreferrer nofollow\">Image: picture</a>",
        "href=\"https://neuroglancer-demo.appspot.com/#!%7B%22dimensions%22%3A%7B%22x%22%3A%5B5e-7%2C%22m%22%5D",
        "<strong>Avivator</strong> reads OME-Zarr 0.4 only",
        "napari --plugin napari-ome-zarr https://data.test/",
        "&#34;driver&#34;: &#34;zarr3&#34;",
        "not run by us",
        &format!("value=\"{url}\""),
        &format!("value=\"https://data.test/{}-s/embryo.ome.zarr\"", &path[3..]),
        &format!("<a href=\"{url}/README.md\" rel=\"noreferrer\"><bdi>README.md</bdi></a>"),
        &format!("<a href=\"{url}/labels/\" rel=\"noreferrer\"><bdi>labels/</bdi></a>"),
        "<summary><bdi>0/zarr.json</bdi></summary>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("did not answer") && !page.contains("<img") && !page.contains("<script"), "{page}");
    let until = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&link.until.unwrap()).unwrap();
    assert_eq!(shown.headers["sunset"], until.as_str());
    let title = page.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    assert_eq!(title, "embryo.ome.zarr · Offprint", "no key stands in a title");
    assert!(page.len() < 40 * 1_024, "{}", page.len());
    let head = browser.ask("HEAD", &path, &[], "").await;
    assert_eq!((head.status.as_u16(), &head.headers["sunset"]), (200, &shown.headers["sunset"]));
    let lines = app.app.lines.text();
    assert!(lines.contains("\"link\":\"l") && !lines.contains(&path[3..]), "{lines}");
}

// SECURITY T29: names, labels and attributes are texts wherever they stand
#[tokio::test]
async fn markup_in_data_is_shown_as_it_is_and_nothing_else() {
    let app = start(None).await;
    let payload = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'";
    put_image(&app, "x<b>&'.zarr", payload);
    put(&app, "x<b>&'.zarr/<svg onload=alert(3)>", "1");
    let dataset = app.a_dataset("x<b>&'.zarr/", Kind::Zarr, 51).await;
    let (path, _) = a_link_on(&app, dataset.id, 11, Class::Collaboration, Options::default(), None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;") && page.contains("x&#60;b&#62;&#38;&#39;.zarr"), "{page}");
    assert!(page.contains("&#60;svg onload=alert(3)&#62;") && page.contains("/%3Csvg%20onload%3Dalert%283%29%3E\""), "{page}");
    for tag in ["<img", "<script", "<svg onload", "<b>", " onerror=alert(1)>", "javascript:"] {
        assert!(!page.contains(tag), "{tag}\n{page}");
    }
}

// L11, SECURITY T32
#[tokio::test]
async fn a_preview_shows_what_it_opens_and_names_no_finer_level() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    let coarse = Options { role: Role::Preview, level: Some(1), ..Options::default() };
    let (path, _) = a_link_on(&app, dataset.id, 12, Class::Collaboration, coarse, None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("coarse levels open, finer ones do not") && page.contains("2 × 1 × 1 µm"), "{page}");
    assert!(page.contains("1 level<") && !page.contains("2 × 0.5 × 0.5 µm") && !page.contains("y 64"), "{page}");
    assert!(
        page.contains("neuroglancer-demo") && page.contains("component=&#34;1&#34;") && !page.contains("component=&#34;0&#34;"),
        "{page}"
    );
    assert!(!page.contains("&#34;path&#34;:&#34;0&#34;"), "metadata as stored are thinned, too: {page}");
    let metadata = Options { role: Role::Preview, ..Options::default() };
    let (path, _) = a_link_on(&app, dataset.id, 13, Class::Collaboration, metadata, None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("the picture itself does not") && page.contains("uint16"), "{page}");
    assert!(page.contains("<strong>Neuroglancer</strong> the link opens metadata and no picture"), "{page}");
    assert!(!page.contains("neuroglancer-demo") && !page.contains("from_zarr"), "{page}");
}

#[tokio::test]
async fn what_is_restricted_or_hidden_is_not_on_the_page() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    let hidden = Options { hide_listing: true, ..Options::default() };
    let (path, _) = a_link_on(&app, dataset.id, 14, Class::Collaboration, hidden, None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("This link lists no files.") && !page.contains("<h2 id=\"files\">") && !page.contains("rclone"), "{page}");
    // What is cut off is not there for who reads from above.
    let notes = app.a_dataset("notes/", Kind::Folder, 52).await;
    let (open, _) = a_link_on(&app, app.root.id, 15, Class::Collaboration, Options::default(), None).await;
    assert!(Browser::of(&app).get(&open).await.page(200).contains("<bdi>notes/</bdi>"));
    let (facts, permit, via) = granting(&app, &notes).await;
    app.app.table.set_restricted(&permit, Grounds { facts: &facts, via }, true, None, app.now()).await.unwrap();
    let shown = Browser::of(&app).get(&open).await;
    let page = shown.page(200);
    assert!(!page.contains("<bdi>notes/</bdi>") && page.contains("<bdi>table.csv</bdi>"), "{page}");
}

// L12: a review link names nobody and no place
#[tokio::test]
async fn a_review_links_page_hides_owner_path_and_bucket() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    let (path, _) = a_link_on(&app, dataset.id, 16, Class::Review, Options::default(), None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("Shared for review") && page.contains("<bdi>data.ome.zarr</bdi>") && page.contains("uint16"), "{page}");
    for secret in ["Ada", "demo-data", "/demo", "embryo.ome.zarr", "X-Amz"] {
        assert!(!page.contains(secret), "{secret}\n{page}");
    }
}

// UX 2, the states of a link
#[tokio::test]
async fn a_link_that_does_not_open_shows_no_fact_of_its_data() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    let browser = Browser::of(&app);
    let hour = SignedDuration::from_hours(1);
    let make = async |number: u8, class: Class, options: Options| a_link_on(&app, dataset.id, number, class, options, None).await;
    let named = |page: &str| page.contains("<bdi>embryo.ome.zarr</bdi>");

    let zones = Options { zones: Zones::parse(&["10.0.0.0/8"]).unwrap(), ..Options::default() };
    let not_yet = Options { not_before: Some(app.now() + hour), ..Options::default() };
    for (number, options, words) in [(17, zones, "Not from your network"), (18, not_yet, "Not open yet")] {
        let (path, _) = make(number, Class::Collaboration, options).await;
        let told = browser.get(&path).await;
        let page = told.page(200);
        assert!(page.contains(words) && named(page), "{page}");
        let facts = FACTS.iter().filter(|fact| **fact != "embryo");
        assert!(facts.clone().all(|fact| !page.contains(fact)), "{page}");
    }
    let (paused, link) = make(19, Class::Review, Options::default()).await;
    let facts = facts_of(&app, &link).await;
    let after = Link { enabled: false, ..link.clone() };
    app.app.table.edit_link(&narrowing(&app, &facts).await, &facts, &after, None, app.now()).await.unwrap();
    let page = shows_nothing(&browser.get(&paused).await, 200);
    assert!(page.contains("Paused by its maker") && page.contains("<bdi>data.ome.zarr</bdi>") && !page.contains("Ada"), "{page}");

    let (over, link) = make(20, Class::Collaboration, Options { bytes_per_day: Some(1), ..Options::default() }).await;
    app.app.table.note_over_budget(link.hash, link.version, app.now() + hour).await.unwrap();
    assert!(browser.get(&over).await.page(200).contains("gave as much as it gives in a day"));

    let (revoked, link) = make(21, Class::Collaboration, Options::default()).await;
    let facts = facts_of(&app, &link).await;
    let tombstone = Tombstone { at: app.now(), by: app.ada.user.id, reason: Some("a secret reason".to_owned()) };
    app.app.table.revoke(&narrowing(&app, &facts).await, &facts, &tombstone).await.unwrap();
    let page = shows_nothing(&browser.get(&revoked).await, 410);
    assert!(page.contains("This link was revoked") && page.contains("It ended on") && !page.contains("Ada"), "{page}");

    let (expired, _) = make(22, Class::Collaboration, Options { until: Until::At(app.now() + hour), ..Options::default() }).await;
    app.wait(hour);
    let page = shows_nothing(&browser.get(&expired).await, 410);
    assert!(page.contains("This link has expired") && page.contains("It was open until"), "{page}");
    let (guarded, _) =
        a_link_on(&app, dataset.id, 23, Class::Collaboration, Options { password: Some(1), ..Options::default() }, Some("correct horse"))
            .await;
    shows_nothing(&browser.get(&guarded).await, 200);
}

#[tokio::test]
async fn one_file_and_a_plain_folder_have_their_pages() {
    let app = start(None).await;
    let file = app.a_dataset("table.csv", Kind::File, 53).await;
    let (path, _) = a_link_on(&app, file.id, 24, Class::Collaboration, Options::default(), None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    let url = format!("https://data.test/{}/table.csv", &path[3..]);
    for part in ["One file", "3 bytes", "Download</a>", &format!("curl -fL -o &#39;./table.csv&#39; {url}")] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("Open in") && !page.contains("lists no files"), "{page}");
    let folder = app.a_dataset("notes/", Kind::Folder, 54).await;
    put(&app, "notes/README.txt", "plain <b>text</b>");
    let (path, _) = a_link_on(&app, folder.id, 25, Class::Collaboration, Options::default(), None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("is not Zarr or N5") && page.contains("plain &#60;b&#62;text") && page.contains("<bdi>plan.txt</bdi>"), "{page}");
    assert!(page.contains("rclone copy --http-url") && !page.contains("Open in"), "{page}");
}

// UX 10, no. 8: damaged and huge
#[tokio::test]
async fn what_is_damaged_or_huge_is_said_and_the_rest_is_shown() {
    let app = start(None).await;
    let dataset = an_image(&app).await;
    put(&app, "embryo.ome.zarr/1/zarr.json", "{ \"node_type\": ");
    put(&app, "embryo.ome.zarr/labels/zarr.json", &format!("[{}]", "1,".repeat(600_000)));
    put(&app, "embryo.ome.zarr/README.md", &"words and more of them\n\n".repeat(6_000));
    let (path, _) = a_link_on(&app, dataset.id, 2, Class::Collaboration, Options::default(), None).await;
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    for part in [
        "uint16",
        "Could not be read",
        "<code>1/zarr.json</code>",
        "<code>labels/zarr.json</code>",
        "There is more of it than is shown.",
        "not known",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.len() < 200 * 1_024 && !page.contains("in time"), "{}", page.len());
    // Many documents of the largest size: no more are parsed than have room.
    let large = |folder: &str| {
        put(&app, &format!("{folder}/zarr.json"), &format!("{{\"node_type\": \"array\", \"x\": [{}1]}}", "1,".repeat(500_000)));
    };
    let level = |number: usize| json!({ "path": format!("l{number}") });
    let ome = json!({ "version": "0.5", "multiscales": [{ "axes": [], "datasets": (0..20).map(level).collect::<Vec<_>>() }] });
    put(&app, "embryo.ome.zarr/zarr.json", &json!({ "zarr_format": 3, "node_type": "group", "attributes": { "ome": ome } }).to_string());
    (0..20).for_each(|number| large(&format!("embryo.ome.zarr/l{number}")));
    let shown = Browser::of(&app).get(&path).await;
    let page = shown.page(200);
    assert!(page.contains("What is missing here is not known") && page.matches("<summary><bdi>l").count() == 4, "{}", page.len());
}

// UX 1.4: unknown is "not known", and the page waits for no store
#[tokio::test]
async fn a_store_that_does_not_answer_holds_up_no_page() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let router = |mut app: App| {
        app.config = Arc::new(Config { app_url: Some(APP.to_owned()), ..(*app.config).clone() });
        let signer = Signer::Static(Credentials::new("AKTEST", "test-secret", None, None));
        app.objects =
            Objects::new(Settings { endpoint: Some(endpoint), public_endpoint: None, private_endpoints: true, signer, sts_endpoint: None })
                .unwrap();
        pages::router(app)
    };
    let app = TestApp::start(router, OPEN).await;
    let (path, _) = a_link_on(&app, app.root.id, 1, Class::Collaboration, Options::default(), None).await;
    let begun = Instant::now();
    let shown = Browser::of(&app).get(&path).await;
    let took = begun.elapsed();
    let page = shown.page(200);
    assert!(page.contains("The store did not answer everything in time") && page.contains("value=\"https://data.test/"), "{page}");
    assert!(!page.contains("is not Zarr") && !page.contains("Nothing is in this folder"), "what is not known is not said: {page}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}
