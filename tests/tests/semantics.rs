//! The promises of the data origin, one by one, on the routers in this process. Each test names what it holds.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    app::{Answer, DATA, TestApp},
    world::Door,
};

const EM: &str = "plain-v2.ome.zarr";

/// Where a link is edited.
fn path_of(link: &Value) -> String {
    format!("/api/v1/links/{}", link["id"].as_str().expect("an id"))
}

fn key_of(link: &Value) -> String {
    link["url"].as_str().expect("a URL").split('/').nth(3).expect("a key").to_owned()
}

/// What every answer of the data origin carries. SEMANTICS 3.7
fn has_the_usual_headers(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert!(answer.headers.get("x-robots-tag").is_none_or(|value| value == "noindex"));
    assert!(answer.header("access-control-expose-headers").contains("Content-Range"));
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    assert!(!answer.header("cache-control").is_empty());
    assert!(!answer.header("x-request-id").is_empty());
    assert!(!matches!(answer.status.as_u16(), 301 | 303 | 307 | 308));
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", String::from_utf8_lossy(&answer.body));
    has_the_usual_headers(answer);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["code"], code);
    assert!(!answer.headers.contains_key("location"));
    assert!(!answer.headers.contains_key("server-timing"), "timing tells strangers nothing");
}

// D1, SEMANTICS 3.1, 3.5, 3.6, 3.8
#[tokio::test(flavor = "multi_thread")]
async fn a_live_link_redirects_to_a_url_for_this_object() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let url = format!("{}/.zattrs", link["url"].as_str().expect("a URL"));
    let answer = app.get(&url).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    has_the_usual_headers(&answer);
    assert_eq!(answer.header("x-robots-tag"), "noindex");
    let publication = app.link(EM, json!({ "class": "publication" })).await;
    let indexed = app.get(&format!("{}/.zattrs", publication["url"].as_str().expect("a URL"))).await;
    assert!(indexed.status == StatusCode::FOUND && !indexed.headers.contains_key("x-robots-tag"), "a publication may be indexed");
    let location = answer.header("location");
    assert!(location.starts_with(&format!("{}/demo/{EM}/.zattrs?X-Amz-", app.s3_url)), "{location}");
    assert!(location.contains("X-Amz-SignedHeaders=host&") || location.ends_with("X-Amz-SignedHeaders=host"), "only the host is signed");
    assert!(location.contains(&format!("x-offprint-link={}", link["id"].as_str().expect("an id"))), "S3's logs can name the link");
    assert_eq!(answer.header("content-length"), "0");
    let max_age: u32 = answer.header("cache-control").strip_prefix("private, max-age=").expect("private").parse().expect("seconds");
    assert!(max_age <= 45, "less than the 60 s that the signature lives");
    assert!(answer.header("server-timing").contains("sign;dur="));
    assert!(answer.header("sunset").ends_with("GMT"), "it ends in 30 days, and says so");
    assert_eq!(app.get(&url).await.header("location"), location, "equal inside a window: browsers can cache");
    let bytes = reqwest::get(location).await.expect("S3 answers").bytes().await.expect("bytes");
    assert_eq!(bytes, std::fs::read(app.dir.path().join(EM).join(".zattrs")).expect("a file"));
}

// D3, D6, SEMANTICS 3.2
#[tokio::test(flavor = "multi_thread")]
async fn head_tells_what_is_there_and_what_is_not() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let url = link["url"].as_str().expect("a URL").strip_prefix(DATA).expect("of the data origin").to_owned();
    let there = app.data(Method::HEAD, &format!("{url}/.zattrs"), &[]).await;
    assert_eq!(there.status, StatusCode::FOUND);
    let answer = reqwest::Client::new().head(there.header("location")).send().await.expect("S3 answers");
    assert_eq!(answer.status(), 200, "signed for HEAD");
    let missing = app.data(Method::HEAD, &format!("{url}/0/1/1/0/2"), &[]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    has_the_usual_headers(&missing);
    assert!(missing.body.is_empty());
    let missing = app.get(&format!("{url}/0/1/1/0/2")).await;
    assert_eq!(missing.status, StatusCode::FOUND, "a GET needs no lookup");
    assert_eq!(reqwest::get(missing.header("location")).await.expect("S3 answers").status(), 404, "and ends in S3's 404");
    let folder = app.data(Method::HEAD, &format!("{url}/0"), &[]).await;
    assert_eq!((folder.status, folder.header("location")), (StatusCode::FOUND, format!("{DATA}{url}/0/").as_str()));
    assert_eq!(app.data(Method::HEAD, &format!("{url}/0/"), &[]).await.status, StatusCode::OK);
    assert_eq!(app.data(Method::HEAD, &format!("{url}/nothing/"), &[]).await.status, StatusCode::NOT_FOUND);
}

// D2, D3, SEMANTICS 3.3
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_follow_nothing_get_the_bytes() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let (url, streamed) = (link["url"].as_str().expect("a URL").to_owned(), link["streamed_url"].as_str().expect("a URL").to_owned());
    let stored = std::fs::read(app.dir.path().join(EM).join(".zattrs")).expect("a file");
    for agent in ["tensorstore/0.1.86", "Boto3/1.43", "Botocore/1.43", "aiobotocore/3", "aws-sdk-rust/1", "aws-cli/2"] {
        let target = format!("{}/.zattrs", url.strip_prefix(DATA).expect("of the data origin"));
        let answer = app.data(Method::GET, &target, &[("user-agent", agent)]).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &stored), "{agent}");
    }
    let followed = app
        .data(Method::GET, &format!("{}/.zattrs", url.strip_prefix(DATA).expect("data")), &[("user-agent", "Python/3.11 aiohttp/3")])
        .await;
    assert_eq!(followed.status, StatusCode::FOUND);

    let target = format!("{}/.zattrs", streamed.strip_prefix(DATA).expect("of the data origin"));
    let whole = app.data(Method::GET, &target, &[]).await;
    assert_eq!((whole.status, &whole.body), (StatusCode::OK, &stored));
    has_the_usual_headers(&whole);
    assert_eq!(whole.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), stored.len().to_string());
    let etag = whole.header("etag").to_owned();
    let n = stored.len();
    for (range, status, want, content_range) in [
        ("bytes=0-9", 206, stored[..10].to_vec(), Some(format!("bytes 0-9/{n}"))),
        ("bytes=5-", 206, stored[5..].to_vec(), Some(format!("bytes 5-{}/{n}", n - 1))),
        ("bytes=-7", 206, stored[n - 7..].to_vec(), Some(format!("bytes {}-{}/{n}", n - 7, n - 1))),
        ("bytes=0-999999", 206, stored.clone(), Some(format!("bytes 0-{}/{n}", n - 1))),
        ("bytes=-999999", 206, stored.clone(), Some(format!("bytes 0-{}/{n}", n - 1))),
        ("bytes=999999-", 416, vec![], Some(format!("bytes */{n}"))),
        ("bytes=-0", 416, vec![], Some(format!("bytes */{n}"))),
        ("bytes=0-1,5-6", 200, stored.clone(), None),
        ("bytes=x", 200, stored.clone(), None),
        ("bytes=9-2", 200, stored.clone(), None),
    ] {
        let answer = app.data(Method::GET, &target, &[("range", range)]).await;
        assert_eq!(answer.status.as_u16(), status, "{range}");
        assert_eq!(answer.body, want, "{range}");
        assert_eq!(answer.headers.get("content-range").map(|value| value.to_str().expect("text").to_owned()), content_range, "{range}");
    }
    let unchanged = app.data(Method::GET, &target, &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = app.data(Method::HEAD, &target, &[]).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, n.to_string().as_str()));
    let missing = app.data(Method::GET, &format!("{target}x"), &[]).await;
    refused(&missing, 404, "no-such-object");
}

// SEMANTICS 3.4, D4
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_an_index_or_a_bucket_listing() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let key = key_of(&link);
    let index = app.get(&format!("/{key}/{EM}/")).await;
    assert_eq!((index.status, index.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    has_the_usual_headers(&index);
    let html = String::from_utf8(index.body).expect("text");
    let entries = std::fs::read_dir(app.dir.path().join(EM)).expect("a folder").count();
    assert_eq!(html.matches("<a ").count(), entries);
    assert!(html.contains("<a href=\"0/\">0/</a>") && html.contains("<a href=\".zattrs\">.zattrs</a>"));
    refused(&app.get(&format!("/{key}/{EM}/nothing/")).await, 404, "no-such-object");
    let root = app.get(&format!("/{key}/{EM}")).await;
    assert_eq!((root.status, root.header("location")), (StatusCode::FOUND, format!("{DATA}/{key}/{EM}/").as_str()));
    let browsed = app.data(Method::GET, &format!("/{key}/{EM}/0"), &[("accept", "text/html,*/*")]).await;
    assert_eq!(browsed.header("location"), format!("{DATA}/{key}/{EM}/0/"));
    let ranged = app.data(Method::GET, &format!("/{key}/{EM}/0"), &[("accept", "text/html,*/*"), ("range", "bytes=0-1")]).await;
    assert!(ranged.header("location").starts_with(&app.s3_url), "a range asks for an object");

    // Three forms, one truth (CLIENTS 3).
    let on_disk = files_below(&app.dir.path().join(EM));
    for (target, top) in [
        (format!("/{key}?list-type=2&max-keys=7"), String::new()),
        (format!("/{key}/?list-type=2&max-keys=7&prefix={EM}/"), String::new()),
        (format!("/?list-type=2&max-keys=7&prefix={key}/{EM}/"), format!("{key}/")),
    ] {
        let want: Vec<String> = on_disk.iter().map(|file| format!("{top}{EM}/{file}")).collect();
        assert_eq!(all_keys(&app, &target).await, want, "{target}");
    }
    // A folder at its own address is a bucket of its own.
    for (folder, name) in [(String::new(), EM), ("0/".to_owned(), "0")] {
        let target = format!("/{key}/{EM}/{folder}?list-type=2&max-keys=7");
        let want: Vec<String> = on_disk.iter().filter_map(|file| file.strip_prefix(&folder)).map(str::to_owned).collect();
        assert_eq!(all_keys(&app, &target).await, want, "{target}");
        let xml = String::from_utf8(app.get(&target).await.body).expect("text");
        assert!(xml.contains(&format!("<Name>{name}</Name>")), "{xml}");
    }
    refused(&app.get(&format!("/{key}?list-type=2&prefix=%00%01")).await, 400, "bad-listing");
    let listed = app.get(&format!("/{key}?list-type=2&delimiter=/&prefix={EM}/")).await;
    let xml = String::from_utf8(listed.body.clone()).expect("text");
    assert_eq!(listed.header("content-type"), "application/xml");
    assert!(xml.contains("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"), "{xml}");
    assert!(xml.contains(&format!("<CommonPrefixes><Prefix>{EM}/0/</Prefix></CommonPrefixes>")), "{xml}");
    assert!(xml.contains(&format!("<Key>{EM}/.zattrs</Key>")) && xml.contains("<StorageClass>STANDARD</StorageClass>"));
    let top = app.get(&format!("/{key}?list-type=2&delimiter=/")).await;
    assert!(String::from_utf8_lossy(&top.body).contains(&format!("<Prefix>{EM}/</Prefix></CommonPrefixes>")));
    let nobody = app.get("/?list-type=2&prefix=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x").await;
    assert!(nobody.status == StatusCode::OK && String::from_utf8_lossy(&nobody.body).contains("<KeyCount>0</KeyCount>"));
    assert_eq!(app.data(Method::HEAD, &format!("/{key}"), &[]).await.status, StatusCode::OK);
    assert!(String::from_utf8_lossy(&app.get(&format!("/{key}?location")).await.body).contains("<LocationConstraint"));
    for escape in ["../", "%2e%2e/", "/", "x/../../"] {
        let answer = app.get(&format!("/{key}?list-type=2&prefix={EM}/{escape}")).await;
        assert!(answer.status == StatusCode::OK && !String::from_utf8_lossy(&answer.body).contains("<Key>"), "{escape} leaves nothing");
    }
}

// SEMANTICS 2.3, 3.3
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_as_of_s3_is_never_redirected() {
    let app = TestApp::fresh().await;
    let key = key_of(&app.link(EM, json!({})).await);
    let on_disk = files_below(&app.dir.path().join(EM));
    let below_name: Vec<String> = on_disk.iter().map(|file| format!("{EM}/{file}")).collect();
    for (key, agent) in [(format!("{key}-s"), "rclone/v1.60"), (key.clone(), "aws-cli/2"), (key.clone(), "tensorstore/0.1")] {
        let headers = [("user-agent", agent), ("accept", "text/html,*/*")];
        for name in [EM.to_owned(), format!("{EM}/0"), format!("{EM}/nothing")] {
            refused(&app.data(Method::GET, &format!("/{key}/{name}"), &headers).await, 404, "no-such-object");
            let head = app.data(Method::HEAD, &format!("/{key}/{name}"), &headers).await;
            assert_eq!((head.status, head.headers.contains_key("location")), (StatusCode::NOT_FOUND, false), "{agent}: {name}");
        }
        for bucket in [format!("/{key}"), format!("/{key}/")] {
            let listed = app.data(Method::GET, &bucket, &headers).await;
            assert_eq!((listed.status, listed.header("content-type")), (StatusCode::OK, "application/xml"), "{agent}");
            assert_eq!(texts(&String::from_utf8(listed.body).expect("text"), "Key"), below_name);
        }
    }
    // Others are led on, as a person is who cut the address short; the root without its slash is a bucket where it is listed.
    assert_eq!(app.get(&format!("/{key}/")).await.header("location"), format!("{DATA}/{key}/{EM}/"));
    for form in ["", "-s"] {
        assert_eq!(all_keys(&app, &format!("/{key}{form}/{EM}?list-type=2&max-keys=7")).await, on_disk);
    }
}

// SEMANTICS 2.3
#[tokio::test(flavor = "multi_thread")]
async fn the_first_listing_of_s3_goes_on_by_markers() {
    let app = TestApp::fresh().await;
    let key = key_of(&app.link(EM, json!({})).await);
    let on_disk = files_below(&app.dir.path().join(EM));
    for (target, top) in [
        (format!("/{key}?max-keys=7"), format!("{EM}/")),
        (format!("/{key}-s?max-keys=7"), format!("{EM}/")),
        (format!("/{key}/?max-keys=7&prefix={EM}/"), format!("{EM}/")),
        (format!("/?max-keys=7&prefix={key}/{EM}/"), format!("{key}/{EM}/")),
        (format!("/{key}/{EM}/?max-keys=7"), String::new()),
    ] {
        let want: Vec<String> = on_disk.iter().map(|file| format!("{top}{file}")).collect();
        assert_eq!(by_markers(&app, &target).await, (want, vec![]), "{target}");
    }
    // A marker that is a common prefix is behind all that begins so.
    let mut entries = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(app.dir.path().join(EM)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{EM}/{}", entry.file_name().to_str().expect("text"));
        if entry.path().is_dir() { entries.1.push(name + "/") } else { entries.0.push(name) }
    }
    entries.0.sort_unstable();
    entries.1.sort_unstable();
    for max in [1, 2, 1_000] {
        let target = format!("/{key}-s?delimiter=/&max-keys={max}&prefix={EM}/");
        assert_eq!(by_markers(&app, &target).await, entries, "{max} a page");
    }
    let listed = app.get(&format!("/{key}?delimiter=/&encoding-type=url&marker={EM}/.z%20%2B")).await;
    let xml = String::from_utf8(listed.body).expect("text");
    assert!(xml.contains(&format!("<Marker>{EM}/.z%20%2B</Marker>")) && !xml.contains("<KeyCount>"), "{xml}");
    assert!(!xml.contains("<CommonPrefixes>"), "a marker inside the link's only folder is behind it: {xml}");
    refused(&app.get(&format!("/{key}?list-type=1")).await, 400, "bad-listing");
    refused(&app.get(&format!("/{key}?marker=%00")).await, 400, "bad-listing");
    assert!(String::from_utf8_lossy(&app.get("/?prefix=x").await.body).contains("<Marker/>"), "nothing of nobody's");
}

// ACCESS R2: nothing that is shared from above opens it.
#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_made_on_what_was_restricted_or_moved_there() {
    let dir = tempfile::tempdir().expect("a folder");
    for file in ["lab/a.csv", "lab/hush/k.csv"] {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, b"x").expect("a file");
    }
    let app = TestApp::over(dir, |table, _url, _keys| table).await;
    let (lab, hush) = (app.dataset("lab/").await, app.dataset("lab/hush/").await);
    let ask = async |path: &str, body: Value| {
        let answer = app.api_with(Method::POST, path, Some(body), &[("if-match", "*")]).await;
        (answer.status.as_u16(), answer.json())
    };
    let (_made, link) = ask("/api/v1/links", json!({ "dataset": lab, "path": "a.csv" })).await;
    let at = format!("/api/v1/datasets/{hush}");
    let closed = app.api_with(Method::PATCH, &at, Some(json!({ "restricted": true })), &[("if-match", "*")]).await;
    assert_eq!(closed.status, StatusCode::OK);
    let retarget = format!("/api/v1/links/{}/retarget", link["id"].as_str().expect("an id"));
    for path in ["hush/", "hush/k.csv"] {
        let (status, refused) = ask("/api/v1/links", json!({ "dataset": lab, "path": path })).await;
        assert_eq!((status, &refused["errors"][0]), (422, &json!({ "code": "in-restricted", "pointer": "/path" })), "{refused}");
    }
    let (status, refused) = ask(&retarget, json!({ "dataset": lab, "path": "hush/k.csv" })).await;
    assert_eq!((status, &refused["code"]), (422, &json!("in-restricted")), "{refused}");
    let (status, moved) = ask(&retarget, json!({ "dataset": hush, "path": "k.csv" })).await;
    assert_eq!((status, &moved["link"]["state"]), (200, &json!("live")), "{moved}");
}

// SEMANTICS 3.11; ADR 0015
#[tokio::test(flavor = "multi_thread")]
async fn pages_name_nothing_of_a_restricted_part_and_nothing_that_cannot_be_sent_back() {
    let dir = tempfile::tempdir().expect("a folder");
    for file in [
        "lab/a/1",
        "lab/hush-1/k1",
        "lab/hush-1/k2",
        "lab/m/1",
        "lab/n\u{1}",
        "lab/o",
        "lab/only/hush-2/k",
        "lab/z",
        "lab/zz-hush/k",
        "lab/zzz\u{2}",
    ] {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, b"x").expect("a file");
    }
    let app = TestApp::over(dir, |table, _url, _keys| table).await;
    let key = key_of(&app.link("lab/", json!({})).await);
    for part in ["lab/hush-1/", "lab/only/hush-2/", "lab/zz-hush/"] {
        let at = format!("/api/v1/datasets/{}", app.dataset(part).await);
        let edited = app.api_with(Method::PATCH, &at, Some(json!({ "restricted": true })), &[("if-match", "*")]).await;
        assert_eq!(edited.status, StatusCode::OK, "{}", String::from_utf8_lossy(&edited.body));
    }
    app.pass_secs(6);
    for (version, next, word) in [("", "NextMarker", "marker"), ("list-type=2&", "NextContinuationToken", "continuation-token")] {
        for (delimiter, want) in
            [("", vec!["lab/a/1", "lab/m/1", "lab/o", "lab/z"]), ("delimiter=/&", vec!["lab/a/", "lab/m/", "lab/o", "lab/only/", "lab/z"])]
        {
            let (mut got, mut after) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("/{key}-s?{version}{delimiter}prefix=lab/&max-keys=1{after}")).await;
                let xml = String::from_utf8(page.body).expect("text");
                assert_eq!(page.status, StatusCode::OK, "{xml}");
                let token = texts(&xml, next).pop();
                let decoded = token.as_ref().and_then(|token| data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).ok());
                let decoded = String::from_utf8_lossy(&decoded.unwrap_or_default()).into_owned();
                assert!(![&xml, &decoded].iter().any(|text| text.contains("hush") || text.contains(['\u{1}', '\u{2}'])), "{xml} {decoded}");
                got.extend(texts(&xml, "Key"));
                got.extend(xml.split("<CommonPrefixes>").skip(1).flat_map(|rest| texts(rest, "Prefix").into_iter().take(1)));
                match token {
                    Some(token) => after = format!("&{word}={token}"),
                    None => break,
                }
            }
            assert_eq!(got, want, "{version}{delimiter}");
        }
    }
    for inside in ["lab/hush-1/", "lab/hush-1/k", "lab/zz-hush/"] {
        let xml = String::from_utf8(app.get(&format!("/{key}-s?list-type=2&prefix={inside}")).await.body).expect("text");
        assert!(xml.contains("<KeyCount>0</KeyCount>") && xml.contains("<IsTruncated>false</IsTruncated>"), "{xml}");
    }
    // A folder with nothing else in it is none, with its slash and without.
    for method in [Method::HEAD, Method::GET] {
        for slash in ["", "/"] {
            let accept = [("accept", "text/html")];
            let asked = app.data(method.clone(), &format!("/{key}/lab/only{slash}"), &accept).await;
            assert_eq!(asked.status, StatusCode::NOT_FOUND, "{method} {slash}");
        }
    }
}

/// The keys and common prefixes of all pages.
async fn by_markers(app: &TestApp, target: &str) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes, mut marker) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{target}{marker}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", String::from_utf8_lossy(&page.body));
        let xml = String::from_utf8(page.body).expect("text");
        keys.extend(texts(&xml, "Key"));
        prefixes.extend(xml.split("<CommonPrefixes>").skip(1).flat_map(|rest| texts(rest, "Prefix").into_iter().take(1)));
        match texts(&xml, "NextMarker").pop() {
            Some(next) => marker = format!("&marker={next}"),
            None => return (keys, prefixes),
        }
    }
}

// SEMANTICS 3.3; CLIENTS 3
#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_not_offered_are_refused_and_words_of_others_are_not() {
    let app = TestApp::fresh().await;
    let key = key_of(&app.link(EM, json!({})).await);
    for path in [format!("/{key}-s/{EM}/.zattrs"), format!("/{key}-s"), "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-s/x".to_owned()] {
        for query in ["acl", "tagging", "uploads", "versions", "versioning", "x-id=GetObjectTagging&tagging=", "partNumber=2"] {
            refused(&app.get(&format!("{path}?{query}")).await, 501, "s3-operation");
        }
    }
    for form in ["", "-s"] {
        for query in ["versionId=1", "versionId=", "partNumber=2", "partNumber=", "partNumber=1&partNumber=2", "partNumber=1&versionId=1"] {
            refused(&app.get(&format!("/{key}{form}/{EM}/.zattrs?{query}")).await, 501, "s3-operation");
        }
    }
    // Clients that read in parts ask for the first one, and learn from the answer that it is all.
    let whole = app.get(&format!("/{key}-s/{EM}/.zattrs")).await;
    let first = app.get(&format!("/{key}-s/{EM}/.zattrs?partNumber=1")).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &whole.body));
    assert!(!first.headers.contains_key("x-amz-mp-parts-count"));
    let head = app.data(Method::HEAD, &format!("/{key}-s/{EM}/.zattrs?partNumber=1"), &[]).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, whole.header("content-length")));
    let led = app.get(&format!("/{key}/{EM}/.zattrs?partNumber=1")).await;
    assert!(led.status == StatusCode::FOUND && !led.header("location").contains("partNumber"), "signed for the whole object");
    refused(&app.data(Method::GET, &format!("/{key}/{EM}/.zattrs?acl"), &[("user-agent", "Boto3/1")]).await, 501, "s3-operation");
    for query in ["x-id=GetObject", "v=3&neuroglancer", "version=1", ""] {
        assert_eq!(app.get(&format!("/{key}-s/{EM}/.zattrs?{query}")).await.status, StatusCode::OK, "{query}");
        assert_eq!(app.get(&format!("/{key}/{EM}/.zattrs?{query}")).await.status, StatusCode::FOUND, "{query}");
    }
    assert_eq!(app.get(&format!("/{key}/{EM}/.zattrs?acl")).await.status, StatusCode::FOUND, "a viewer's own word");
}

// SEMANTICS 3.4, 4
#[tokio::test(flavor = "multi_thread")]
async fn a_link_on_disk_that_leads_out_is_refused_for_good() {
    let app = TestApp::fresh().await;
    let key = key_of(&app.link(EM, json!({})).await);
    let root = app.dir.path().join(EM);
    std::os::unix::fs::symlink("/etc", root.join("out")).expect("a link");
    std::fs::write(root.join("back\\slash"), b"x").expect("a file");
    let streamed = app.get(&format!("/{key}-s/{EM}/out/hostname")).await;
    refused(&streamed, 403, "leads-out");
    assert!(!streamed.headers.contains_key("retry-after"), "it leads out tomorrow, too");
    for form in ["", "-s"] {
        let head = app.data(Method::HEAD, &format!("/{key}{form}/{EM}/out/hostname"), &[]).await;
        assert_eq!((head.status, head.headers.contains_key("retry-after")), (StatusCode::FORBIDDEN, false));
    }
    refused(&app.get(&format!("/{key}/{EM}/out/")).await, 403, "leads-out");
    let index = String::from_utf8(app.get(&format!("/{key}/{EM}/")).await.body).expect("text");
    assert!(index.contains(".zattrs") && !index.contains("out") && !index.contains("slash"), "an entry opens: {index}");
}

// SEMANTICS 3.3
#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_an_older_file_is_not_joined_to_the_newer_one() {
    let app = TestApp::fresh().await;
    let streamed = format!("/{}-s/{EM}/.zattrs", key_of(&app.link(EM, json!({})).await));
    let whole = app.get(&streamed).await;
    let date = whole.header("last-modified").to_owned();
    let asked = [("range", "bytes=0-9"), ("if-range", date.as_str())];
    assert_eq!(app.data(Method::GET, &streamed, &asked).await.status, StatusCode::PARTIAL_CONTENT);
    let other = vec![b' '; whole.body.len()];
    let path = app.dir.path().join(EM).join(".zattrs");
    std::fs::write(&path, &other).expect("written");
    let older = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(older)).expect("made older");
    let answer = app.data(Method::GET, &streamed, &asked).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, other), "RFC 9110, section 13.1.5: the date must be the file's own");
}

fn files_below(root: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).expect("below").to_str().expect("text").to_owned());
            }
        }
    }
    files.sort_unstable();
    files
}

async fn all_keys(app: &TestApp, target: &str) -> Vec<String> {
    let (mut keys, mut token) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{target}{token}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", String::from_utf8_lossy(&page.body));
        let xml = String::from_utf8(page.body).expect("text");
        keys.extend(texts(&xml, "Key"));
        match texts(&xml, "NextContinuationToken").pop() {
            Some(next) => token = format!("&continuation-token={next}"),
            None => return keys,
        }
    }
}

fn texts(xml: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().expect("closed").to_owned()).collect()
}

// SEMANTICS 4: every row that this version can reach
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_status_and_code() {
    let app = TestApp::fresh().await;
    let unknown = app.get("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x").await;
    refused(&unknown, 404, "not-found");
    let live = app.link(EM, json!({ "label": "live" })).await;
    for alike in [
        "/nothing".to_owned(),
        "/favicon.ico".to_owned(),
        format!("/~{}/x/", "a".repeat(32)),
        format!("/{}/wrong.zarr/zarr.json", key_of(&live)),
    ] {
        let answer = app.get(&alike).await;
        refused(&answer, 404, "not-found");
        assert_eq!(answer.body, unknown.body, "{alike}: one body for all");
    }
    // A dataset asked for by name: whether it is there is told to nobody.
    let private = app.dataset(EM).await;
    let by_name = app.get(&format!("/{private}/{EM}/zarr.json")).await;
    refused(&by_name, 401, "sign-in");
    for alike in ["/daaaaaaaaaaaaaaaaaaaaaaaaaa/x/".to_owned(), format!("/{private}/wrong.zarr/zarr.json")] {
        let answer = app.get(&alike).await;
        refused(&answer, 401, "sign-in");
        assert_eq!(answer.body, by_name.body, "{alike}: one body for all");
    }
    for bad in ["..", "%2e%2e", "a//b", "a%2Fb", "a%5Cb", "a%00", "%FF"] {
        refused(&app.get(&format!("/{}/{EM}/{bad}/x", key_of(&live))).await, 400, "bad-path");
        refused(&app.get(&format!("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x/{bad}/x")).await, 400, "bad-path");
    }
    let written = app.data(Method::POST, &format!("/{}/{EM}/x", key_of(&live)), &[]).await;
    refused(&written, 405, "method");
    assert_eq!(written.header("allow"), "GET, HEAD, OPTIONS", "RFC 9110, section 15.5.6");

    let gone = async |name: &str, options: Value, then: &[(&str, Value)], wait_secs: i64, code: &str| {
        let link = app.link(EM, options).await;
        let path = format!("/{}/{EM}/.zattrs", key_of(&link));
        let id = link["id"].as_str().expect("an id");
        for (verb, body) in then {
            let done = app.api(Method::POST, &format!("/api/v1/links/{id}/{verb}"), Some(body.clone())).await;
            assert!(done.status.is_success(), "{name}: {}", String::from_utf8_lossy(&done.body));
        }
        app.pass_secs(wait_secs);
        refused(&app.get(&path).await, 410, code);
        refused(&app.get(&format!("/{}/{EM}/", key_of(&link))).await, 410, code);
        refused(&app.get(&format!("/{}-s/{EM}/.zattrs", key_of(&link))).await, 410, code);
        refused(&app.get(&format!("/{}?list-type=2", key_of(&link))).await, 410, code);
    };
    gone("revoked", json!({ "label": "a" }), &[("revoke", json!({}))], 0, "link-revoked").await;
    gone("paused", json!({ "label": "b" }), &[("pause", json!({}))], 0, "link-paused").await;
    gone("withdrawn", json!({ "class": "publication" }), &[("revoke", json!({ "reason": "wrong data" }))], 0, "link-withdrawn").await;
    let later = (app.now() + jiff::SignedDuration::from_hours(1)).to_string();
    gone("not yet", json!({ "label": "c", "not_before": later }), &[], 0, "link-not-yet").await;
    gone("expired", json!({ "label": "d", "until": "1d" }), &[], 86_401, "link-expired").await;

    let dataset = app.dataset(EM).await;
    let link = app.link(EM, json!({ "label": "e" })).await;
    let all = app.api(Method::POST, &format!("/api/v1/datasets/{dataset}/links/revoke"), Some(json!({ "reason": "leak" }))).await;
    assert!(all.status.is_success(), "{}", String::from_utf8_lossy(&all.body));
    refused(&app.get(&format!("/{}/{EM}/.zattrs", key_of(&link))).await, 410, "link-revoked");

    let link = app.link(EM, json!({ "label": "f" })).await;
    let off = app.api(Method::POST, "/api/v1/serving", Some(json!({ "serving": false, "reason": "drill" }))).await;
    assert!(off.status.is_success(), "{}", String::from_utf8_lossy(&off.body));
    app.pass_secs(6);
    let answer = app.get(&format!("/{}/{EM}/.zattrs", key_of(&link))).await;
    refused(&answer, 503, "not-serving");
    assert!(answer.headers.contains_key("retry-after"));
}

// SEMANTICS 3.7, CLIENTS 3
#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_needs_no_link() {
    let app = TestApp::fresh().await;
    let answer = app.data(Method::OPTIONS, "/any/../thing", &[("access-control-request-private-network", "true")]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    has_the_usual_headers(&answer);
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(answer.header("access-control-allow-headers"), "authorization, range, if-none-match, if-range");
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert_eq!(answer.header("access-control-allow-private-network"), "true");
}

// SEMANTICS 3.3, SECURITY T33: nothing that we make names bucket, path or owner
#[tokio::test(flavor = "multi_thread")]
async fn a_review_link_hides_where_it_leads() {
    let app = TestApp::fresh().await;
    let link = app.link("exp #3/50% +é.ome.zarr", json!({ "class": "review" })).await;
    let url = link["url"].as_str().expect("a URL");
    assert!(url.ends_with("/data.ome.zarr"), "{url}");
    let key = key_of(&link);
    for file in ["/data.ome.zarr/zarr.json", "/data.ome.zarr/", "?list-type=2", "/data.ome.zarr/nothing", "/data.ome.zarr/../x"] {
        let target = format!("/{key}{file}");
        let answer = app.get(&target).await;
        assert_ne!(answer.status, StatusCode::FOUND, "{target}: always streamed");
        // What stands inside the maker's own metadata is the maker's to check; all that we make is ours.
        let body = if file.ends_with("zarr.json") { String::new() } else { String::from_utf8_lossy(&answer.body).into_owned() };
        let whole = format!("{:?}{body}", answer.headers);
        for word in ["exp ", "exp%20", "50%", "demo", "owner", app.s3_url.as_str()] {
            assert!(!whole.contains(word), "{target} tells `{word}`: {whole}");
        }
    }
    assert_eq!(app.get(&format!("/{key}/data.ome.zarr/zarr.json")).await.status, StatusCode::OK);
}

// L12; SEMANTICS 3.3, 5
#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_link_opens_at_its_url_as_a_publication_link_does() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({ "class": "review" })).await;
    let object = format!("{}/.zattrs", link["url"].as_str().expect("a URL"));
    let streamed = app.get(&object).await;
    assert_eq!((streamed.status, streamed.header("x-robots-tag")), (StatusCode::OK, "noindex"));
    let seen = [("if-match", "\"1\"")];
    let promoted = app.api_with(Method::POST, &format!("{}/promote", path_of(&link)), Some(json!({})), &seen).await;
    assert_eq!(promoted.status, StatusCode::OK, "{}", String::from_utf8_lossy(&promoted.body));
    assert_eq!(promoted.json()["link"]["url"], link["url"]);
    // A process that read it as a review link goes on hiding the path for as long as it keeps that.
    assert_eq!(app.get(&object).await.status, StatusCode::OK);
    app.pass_secs(6);
    let redirected = app.get(&object).await;
    assert_eq!((redirected.status, redirected.headers.contains_key("x-robots-tag")), (StatusCode::FOUND, false));
    assert!(redirected.header("location").starts_with(&format!("{}/demo/{EM}/.zattrs?", app.s3_url)));
    // What was read of it then is kept as long as that of any publication link, and its revoke says so.
    let withdrawn = app.api(Method::POST, &format!("{}/revoke", path_of(&link)), Some(json!({ "reason": "wrong data" }))).await.json();
    let enforced_by: jiff::Timestamp = withdrawn["enforced_by"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(app.get(&object).await.status, StatusCode::FOUND, "within its bound");
    app.pass_secs(31);
    refused(&app.get(&object).await, 410, "link-withdrawn");
    assert!(enforced_by.as_second() - app.now().as_second() >= 300 - 31, "the last signature lives on for 300 s");
}

// ACCESS 5, R5; ADR 0050
#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_datasets_is_changed_by_who_administers_it_and_no_more_by_its_maker() {
    let app = TestApp::fresh().await;
    let dataset = app.dataset(EM).await;
    let ((bo, by_bo), (cy, by_cy)) = (app.person("Bo").await, app.person("Cy").await);
    let grants = format!("/api/v1/datasets/{dataset}/grants");
    for (to, role) in [(&bo, "full"), (&cy, "manager")] {
        let given = json!({ "to": format!("user:{to}"), "role": role, "may_share": true });
        assert_eq!(app.api(Method::POST, &grants, Some(given)).await.status, StatusCode::CREATED);
    }
    let made = async |label: &str, class: &str| {
        let ask = json!({ "dataset": dataset, "label": label, "class": class });
        path_of(&app.api_as(&by_bo, Method::POST, "/api/v1/links", Some(ask), &[]).await.json())
    };
    let (own, paper) = (made("own", "review").await, made("paper", "review").await);
    let seen = [("if-match", "*")];
    let send = async |by: &str, method: Method, path: String, ask: Value| app.api_as(by, method, &path, Some(ask), &seen).await;
    let label = async |by: &str, path: &str| send(by, Method::PATCH, path.to_owned(), json!({ "label": "other" })).await;
    let is = |answer: &Answer, status: u16, code: &str| {
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default()), (status, code));
    };
    // Its maker's, as long as it is its maker's.
    is(&label(&by_cy, &own).await, 403, "not-maker");
    is(&label(&by_bo, &own).await, 200, "");
    is(&send(&by_bo, Method::POST, format!("{paper}/promote"), json!({})).await, 403, "not-steward");
    is(&send(&by_cy, Method::POST, format!("{paper}/promote"), json!({})).await, 200, "");
    // From then on it is the dataset's: its maker sees it, and changes nothing of it.
    is(&label(&by_cy, &paper).await, 200, "");
    is(&label(&by_bo, &paper).await, 403, "not-allowed");
    for act in ["pause", "resume", "revoke"] {
        is(&send(&by_bo, Method::POST, format!("{paper}/{act}"), json!({ "reason": "mine" })).await, 403, "not-allowed");
    }
    let shown = app.api_as(&by_bo, Method::GET, &paper, None, &[]).await.json();
    assert_eq!((&shown["state"], &shown["label"]), (&json!("live"), &json!("other")));
    assert!(shown["url"].is_string(), "who made it has its address still");
    is(&send(&by_cy, Method::POST, format!("{paper}/revoke"), json!({ "reason": "retracted" })).await, 200, "");
}

// L1: a single object, and a path inside
#[tokio::test(flavor = "multi_thread")]
async fn a_link_may_open_one_object_or_a_path_inside() {
    let app = TestApp::fresh().await;
    let file = app.link("table.csv", json!({})).await;
    let url = file["url"].as_str().expect("a URL");
    assert!(url.ends_with("/table.csv"));
    let answer = app.get(url).await;
    assert!(answer.header("location").starts_with(&format!("{}/demo/table.csv?", app.s3_url)));
    assert_eq!(app.get(&format!("{url}/x")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get(&format!("{url}/")).await.status, StatusCode::NOT_FOUND);
    let inside = app.link(EM, json!({ "path": "0/" })).await;
    let url = inside["url"].as_str().expect("a URL");
    assert!(url.ends_with("/0"), "{url}");
    assert!(app.get(&format!("{url}/.zarray")).await.header("location").starts_with(&format!("{}/demo/{EM}/0/.zarray?", app.s3_url)));
    refused(&app.get(&format!("{}/../.zattrs", url)).await, 400, "bad-path");
}

// SECURITY T10: addresses come from settings, whatever the Host header says
#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_has_its_address_on_the_configured_origin() {
    let app = TestApp::fresh().await;
    let ask = json!({ "dataset": app.dataset(EM).await });
    let made = app.api_with(Method::POST, "/api/v1/links", Some(ask), &[("host", "evil.test"), ("x-forwarded-host", "evil.test")]).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let link = made.json();
    assert_eq!(made.header("location"), format!("https://app.test/api/v1/links/{}", link["id"].as_str().expect("an id")));
    assert!(link["url"].as_str().expect("a URL").starts_with(DATA));
}

// SEMANTICS 5, 7: facts are cached for the class's time, by the wall clock
#[tokio::test(flavor = "multi_thread")]
async fn a_revoke_is_seen_when_the_facts_have_aged() {
    let app = TestApp::fresh().await;
    for (options, cache_secs) in
        [(json!({ "label": "private" }), 5), (json!({ "strict": true }), 0), (json!({ "class": "publication" }), 30)]
    {
        let link = app.link(EM, options.clone()).await;
        let path = format!("/{}/{EM}/.zattrs", key_of(&link));
        assert_eq!(app.get(&path).await.status, StatusCode::FOUND);
        let id = link["id"].as_str().expect("an id");
        let revoked = app.api(Method::POST, &format!("/api/v1/links/{id}/revoke"), Some(json!({ "reason": "why" }))).await;
        assert_eq!(revoked.status, StatusCode::OK, "{}", String::from_utf8_lossy(&revoked.body));
        if cache_secs > 0 {
            app.pass_secs(cache_secs - 1);
            assert_eq!(app.get(&path).await.status, StatusCode::FOUND, "{options}: within the cache's time");
            app.pass_secs(1);
        }
        assert_eq!(app.get(&path).await.status, StatusCode::GONE, "{options}");
        let enforced_by: jiff::Timestamp = revoked.json()["enforced_by"].as_str().expect("enforced_by").parse().expect("a time");
        assert!(enforced_by > app.now());
    }
}

// SEMANTICS 5, ADR 0049: by name, through what lies in it, and by links of each class
#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_a_strict_dataset_is_signed_for_seconds_and_read_each_time() {
    for door in [Door::Http, Door::Lambda] {
        let app = TestApp::fresh().await.behind(door);
        let (dataset, inner) = (app.dataset(EM).await, app.dataset(&format!("{EM}/0")).await);
        let on = |below: &str| format!("/api/v1/datasets/{dataset}{below}");
        let (eve, session) = app.person("Eve").await;
        let grant = json!({ "to": format!("user:{eve}"), "role": "view" });
        assert_eq!(app.api(Method::POST, &on("/grants"), Some(grant.clone())).await.status, StatusCode::CREATED);
        let (link, publication) = (app.link(EM, json!({})).await, app.link(EM, json!({ "class": "publication" })).await);
        let bearer = format!("Bearer {session}");
        let as_eve = [("authorization", bearer.as_str())];
        let reads: [(String, &[(&str, &str)]); 4] = [
            (format!("/{}/{EM}/.zattrs", key_of(&link)), &[]),
            (format!("/{}/{EM}/.zattrs", key_of(&publication)), &[]),
            (format!("/{dataset}/{EM}/.zattrs"), &as_eve),
            (format!("/{inner}/0/.zarray"), &as_eve),
        ];
        let strict = async |strict: bool| {
            let etag = app.api(Method::GET, &on(""), None).await.header("etag").to_owned();
            let edited = app.api_with(Method::PATCH, &on(""), Some(json!({ "strict": strict })), &[("if-match", &etag)]).await;
            assert_eq!(edited.status, StatusCode::OK, "{}", String::from_utf8_lossy(&edited.body));
        };
        let bound = |answer: &Answer| {
            let at: jiff::Timestamp = answer.json()["enforced_by"].as_str().expect("enforced_by").parse().expect("a time");
            at.duration_since(app.now()).as_secs_f64().ceil()
        };
        let stops_within = async |link: &Value| app.api(Method::GET, &path_of(link), None).await.json()["stops_within_secs"].as_u64();
        let revoke = async |link: &Value| {
            bound(&app.api(Method::POST, &format!("{}/revoke", path_of(link)), Some(json!({ "reason": "why" }))).await)
        };
        for (path, headers) in &reads {
            assert!(app.data(Method::GET, path, headers).await.header("cache-control").starts_with("private, max-age="), "{path}");
        }
        assert_eq!((stops_within(&link).await, stops_within(&publication).await), (Some(65), Some(330)));
        strict(true).await;
        app.pass_secs(30);
        for (path, headers) in &reads {
            let answer = app.data(Method::GET, path, headers).await;
            assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::FOUND, "no-store"), "{path}");
            assert!(answer.header("location").contains("X-Amz-Expires=15&"), "{}", answer.header("location"));
        }
        let early = stops_within(&publication).await.expect("a number");
        assert!(stops_within(&link).await == Some(65) && (300..330).contains(&early), "what was signed before is still good: {early}");
        app.pass_secs(311);
        assert_eq!((stops_within(&link).await, stops_within(&publication).await), (Some(15), Some(15)));
        // The next read is told, whatever was read a moment before.
        for (path, headers) in &reads {
            assert_eq!(app.data(Method::GET, path, headers).await.status, StatusCode::FOUND, "{path}");
        }
        let withdrawn = app.api(Method::POST, &on("/grants/withdraw"), Some(json!({ "to": grant["to"] }))).await;
        assert!((15.0..=16.0).contains(&bound(&withdrawn)), "{door:?}");
        assert!((15.0..=16.0).contains(&revoke(&link).await), "{door:?}");
        for ((path, headers), gone) in reads.iter().zip([410, 302, 404, 404]) {
            assert_eq!(app.data(Method::GET, path, headers).await.status, gone, "{path}");
        }
        // What was signed where a link stood before.
        let come = app.link("sharded-v3.ome.zarr", json!({})).await;
        let moving = format!("{}/retarget", path_of(&come));
        let moved = app.api_with(Method::POST, &moving, Some(json!({ "dataset": dataset })), &[("if-match", "\"1\"")]).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", String::from_utf8_lossy(&moved.body));
        assert!((65.0..=66.0).contains(&bound(&moved)) && revoke(&come).await > 66.0);
        // Whoever ends all that is here looks at no link: the dataset has heard of it.
        let all = async || bound(&app.api(Method::POST, &on("/links/revoke"), Some(json!({ "reason": "why" }))).await);
        assert!((66.0..=77.0).contains(&all().await), "{door:?}");
        app.pass_secs(77);
        assert!((15.0..=16.0).contains(&all().await), "{door:?}");
        // Strict no more: whatever is revoked from now on may have been kept and signed for longer a moment ago.
        let after = app.link(EM, json!({ "label": "after" })).await;
        strict(false).await;
        assert_eq!(stops_within(&after).await, Some(65));
        assert!((65.0..=66.0).contains(&revoke(&after).await));
    }
}

// D9: whoever reads pays
#[tokio::test(flavor = "multi_thread")]
async fn requester_pays_stands_in_the_signed_query() {
    let app = TestApp::fresh().await;
    let source = json!({ "name": "paid", "bucket": "paid-data", "region": "eu-central-1", "endpoint": "http://127.0.0.1:9", "path_style": false, "requester_pays": true });
    let refused_or_made = app.api(Method::POST, "/api/v1/sources", Some(source)).await;
    assert_eq!(refused_or_made.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&refused_or_made.body));
    let root = refused_or_made.json()["root"].as_str().expect("a root dataset").to_owned();
    let link = app.api(Method::POST, "/api/v1/links", Some(json!({ "dataset": root }))).await.json();
    let answer = app.get(&format!("{}/a b+c.bin", link["url"].as_str().expect("a URL").replace(' ', "%20")).replace("a b", "a%20b")).await;
    let location = answer.header("location");
    assert!(location.contains("x-amz-request-payer=requester") && location.contains("/a%20b%2Bc.bin?"), "{location}");
    assert!(location.contains("eu-central-1"));
}

// SEMANTICS 2.9
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_told_where_people_sign_in() {
    let app = TestApp::fresh().await;
    let told = app.data(Method::GET, "/auth_info", &[("origin", "https://viewer.test")]).await;
    assert_eq!((told.status, told.json()), (StatusCode::OK, json!({ "login_url": "https://app.test" })));
    assert_eq!((told.header("access-control-allow-origin"), told.header("content-type")), ("*", "application/json"));
    for other in ["/auth_info/", "/auth_info/x", "/AUTH_INFO", "/auth%5finfo"] {
        assert_eq!(app.get(other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}

// SECURITY T6: the access line names the link, never its key
#[tokio::test(flavor = "multi_thread")]
async fn the_access_line_tells_what_happened_and_no_secret() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let key = key_of(&link);
    let located =
        app.data(Method::GET, &format!("/{key}/{EM}/0/0/0/0/0"), &[("range", "bytes=0-1"), ("user-agent", "Python/3.11 aiohttp/3")]).await;
    app.get(&format!("/{key}/{EM}/..")).await;
    let lines: Vec<Value> = app.app.lines.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let read = lines.iter().rfind(|line| line["path"] == "chunk").expect("a line of the read");
    assert_eq!(read["link"], link["id"]);
    assert_eq!(
        (read["verdict"].as_str(), read["delivery"].as_str(), read["range"].as_str(), read["client"].as_str()),
        (Some("permit"), Some("redirect"), Some("closed"), Some("python"))
    );
    assert_eq!(lines.last().expect("a line")["reason"], "bad-path");
    let text = app.app.lines.text();
    for secret in [key.as_str(), app.token.as_str(), located.header("location"), "X-Amz-Signature"] {
        assert!(!text.contains(secret), "{secret} stands in the access lines");
    }
}

// SECURITY 5, T3, T36; SEMANTICS 4
#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_too_much_waits_and_links_in_use_go_on() {
    let app = TestApp::fresh().await;
    let guess = |letter: &str| format!("/{}/x", letter.repeat(32));
    let (used, other) = (app.link(EM, json!({})).await, app.link("sharded-v3.ome.zarr", json!({})).await);
    let other = format!("{}/", other["url"].as_str().expect("a URL"));
    let strict = app.link(EM, json!({ "strict": true })).await;
    let strict = format!("{}/.zattrs", strict["url"].as_str().expect("a URL"));
    assert_eq!(app.get(&strict).await.status, StatusCode::FOUND);
    let used = format!("{}/.zattrs", used["url"].as_str().expect("a URL"));
    assert_eq!(app.get(&used).await.status, StatusCode::FOUND);
    // What costs no read of the table counts as well: malformed keys, and wrong names of what is known. So does what is answered otherwise:
    // an empty listing, and 401 to whoever says nothing of himself.
    for number in 0..999 {
        match number % 4 {
            0 => refused(&app.get("/no-key/x").await, 404, "not-found"),
            1 => refused(&app.get(&used.replace(EM, "other")).await, 404, "not-found"),
            2 => refused(&app.get(&format!("/d{}/x", "a".repeat(26))).await, 401, "sign-in"),
            _ => assert_eq!(app.get(&format!("/?list-type=2&prefix={}/", "a".repeat(32))).await.status, StatusCode::OK),
        }
    }
    for _ in 0..1_100 {
        assert_eq!(app.get(&format!("{used}/none")).await.status, StatusCode::FOUND, "chunks that are not there are no guesses");
    }
    refused(&app.get(&guess("b")).await, 404, "not-found");
    let too_many = app.get(&guess("c")).await;
    refused(&too_many, 429, "too-many-misses");
    assert_eq!(too_many.header("retry-after"), "1");
    assert_eq!(app.get(&guess("d")).await.json(), too_many.json(), "one is refused as another");
    refused(&app.get(&other).await, 429, "too-many-misses");
    refused(&app.get(&format!("/?list-type=2&prefix={}/", "f".repeat(32))).await, 429, "too-many-misses");
    let ticket = format!("/~{}/x", &guess("e")[1..33]);
    refused(&app.get(&ticket).await, 429, "too-many-misses");
    assert_eq!(app.get(&used).await.status, StatusCode::FOUND);
    assert_eq!(app.get(&strict).await.status, StatusCode::FOUND, "it is read anew, for it is known to open");
    refused(&app.get("/no-key/x").await, 404, "not-found");
    app.pass_secs(6);
    assert_eq!(app.get(&other).await.status, StatusCode::OK);
}

// D10, SECURITY 5; SEMANTICS 4
#[tokio::test(flavor = "multi_thread")]
async fn a_link_over_its_budget_says_for_how_long() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({})).await;
    let url = format!("{}/.zattrs", link["url"].as_str().expect("a URL"));
    assert_eq!(app.get(&url).await.status, StatusCode::FOUND);
    let key = domain::key::LinkKey::parse(&key_of(&link)).expect("a key");
    let facts = app.app.table.link_facts(key.hash(), app.now()).await.expect("facts").expect("the link");
    let over = app.now() + jiff::SignedDuration::from_secs(60);
    app.app.table.note_over_budget(facts.link.hash, facts.link.version, over).await.expect("it is noted");
    app.pass_secs(6);
    let refused_ = app.get(&url).await;
    refused(&refused_, 429, "over-budget");
    assert_eq!(refused_.header("retry-after"), "54");
    refused(&app.get(&url.replace("/.zattrs", "/")).await, 429, "over-budget");
    let shown = app.api(Method::GET, &format!("/api/v1/links/{}", link["id"].as_str().expect("an id")), None).await;
    assert_eq!((&shown.json()["state"], shown.json()["over_until"].is_string()), (&json!("live"), true));
    app.pass_secs(54);
    assert_eq!(app.get(&url).await.status, StatusCode::FOUND, "and opens again by itself");
}

// D10; SEMANTICS 3.15
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_asked_too_often_says_so_and_others_go_on() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({ "requests_per_second": 2 })).await;
    let url = format!("{}/.zattrs", link["url"].as_str().expect("a URL"));
    for _ in 0..30 {
        refused(&app.get(&url.replace(EM, "other")).await, 404, "not-found");
    }
    for number in 0..20 {
        assert_eq!(app.get(&url).await.status, StatusCode::FOUND, "{number}: what it refuses uses nothing up");
    }
    let too_often = app.get(&url).await;
    refused(&too_often, 429, "rate");
    assert_eq!(too_often.header("retry-after"), "1");
    for other in [url.replace("/.zattrs", "/"), format!("/{}?list-type=2", key_of(&link)), format!("{url}/none")] {
        refused(&app.get(&other).await, 429, "rate");
    }
    let free = app.link(EM, json!({ "label": "free" })).await;
    let free = format!("{}/.zattrs", free["url"].as_str().expect("a URL"));
    for _ in 0..200 {
        assert_eq!(app.get(&free).await.status, StatusCode::FOUND);
    }
    app.pass_secs(1);
    // A folder takes two permits, and counts once.
    assert_eq!(app.get(&url.replace("/.zattrs", "/")).await.status, StatusCode::OK);
    assert_eq!(app.get(&url).await.status, StatusCode::FOUND);
    refused(&app.get(&url).await, 429, "rate");
    let another = tests::app::ask_of(&app.another(), Method::GET, url.strip_prefix(DATA).expect("ours"), &[]).await;
    assert_eq!(another.status, StatusCode::FOUND, "each process counts by itself");

    let edit = async |ask: Value| app.api_with(Method::PATCH, &path_of(&link), Some(ask), &[("if-match", "*")]).await;
    for (ask, code) in
        [(json!({ "requests_per_second": 0 }), "requests-per-second"), (json!({ "requests_per_second": 10_001 }), "requests-per-second")]
    {
        let wrong = edit(ask).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["code"]), (422, &json!(code)));
    }
    let raised = edit(json!({ "requests_per_second": null })).await;
    assert_eq!((raised.status, raised.json()["link"].get("requests_per_second")), (StatusCode::OK, None));
    app.pass_secs(6);
    for _ in 0..40 {
        assert_eq!(app.get(&url).await.status, StatusCode::FOUND);
    }
}

// D10; SEMANTICS 3.16
#[tokio::test(flavor = "multi_thread")]
async fn no_budget_is_taken_that_nobody_counts() {
    let app = TestApp::fresh().await;
    let dataset = app.dataset(EM).await;
    let ask = json!({ "dataset": dataset, "bytes_per_day": 1_000_000 });
    let refused_ = app.api(Method::POST, "/api/v1/links", Some(ask.clone())).await;
    assert_eq!((refused_.status.as_u16(), &refused_.json()["code"]), (422, &json!("bytes-not-counted")));
    assert_eq!(refused_.json()["errors"][0]["pointer"], "/bytes_per_day", "{}", refused_.json());
    let link = app.link(EM, json!({})).await;
    let edit = app.api_with(Method::PATCH, &path_of(&link), Some(json!({ "bytes_per_day": 1 })), &[("if-match", "*")]).await;
    assert_eq!((edit.status.as_u16(), &edit.json()["code"]), (422, &json!("bytes-not-counted")));
    let off = app.api_with(Method::PATCH, &path_of(&link), Some(json!({ "bytes_per_day": null })), &[("if-match", "*")]).await;
    assert_eq!(off.status, StatusCode::OK, "none is none everywhere");
    // One that was made where somebody counted opens nothing where nobody does.
    let mut counting = app.app.clone();
    counting.bytes = Some(std::sync::Arc::default());
    let made = tests::app::links_of(&counting, &app.token, Method::POST, "/api/v1/links", &ask).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    let url = format!("{}/.zattrs", made.json()["url"].as_str().expect("a URL"));
    refused(&app.get(&url).await, 503, "bytes-not-counted");
    let data = serve::DataOrigin::new(counting.clone());
    let opens = async |data: &serve::DataOrigin| tests::app::ask_of(data, Method::GET, url.strip_prefix(DATA).expect("ours"), &[]).await;
    assert_eq!(opens(&data).await.status, StatusCode::FOUND);
}

// L11; SEMANTICS 4
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_led_to_where_a_password_is_typed_and_no_viewer_is() {
    let app = TestApp::fresh().await;
    let link = app.link(EM, json!({ "password": "correct horse" })).await;
    let url = format!("{}/.zattrs", link["url"].as_str().expect("a URL"));
    let path = url.strip_prefix(DATA).expect("ours");
    let page = format!("https://app.test/s/{}", key_of(&link));
    let led = app.data(Method::GET, path, &[("sec-fetch-dest", "document")]).await;
    assert_eq!((led.status, led.header("location")), (StatusCode::FOUND, page.as_str()));
    assert_eq!((led.header("cache-control"), led.header("referrer-policy")), ("no-store", "no-referrer"));
    for (method, headers) in [
        (Method::GET, &[][..]),
        (Method::GET, &[("sec-fetch-dest", "empty")]),
        (Method::GET, &[("sec-fetch-dest", "image")]),
        (Method::HEAD, &[("sec-fetch-dest", "document")]),
    ] {
        let told = app.data(method.clone(), path, headers).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED, "{method} {headers:?}");
        assert!(method == Method::HEAD || told.json()["page"] == page, "{}", String::from_utf8_lossy(&told.body));
    }
    let open = app.link(EM, json!({ "label": "open" })).await;
    let open = format!("{}/.zattrs", open["url"].as_str().expect("a URL"));
    let opens = app.data(Method::GET, open.strip_prefix(DATA).expect("ours"), &[("sec-fetch-dest", "document")]).await;
    assert!(opens.header("location").contains("X-Amz-Signature"), "what opens is not led elsewhere");
    let gone = app.data(Method::GET, &path.replace(EM, "other"), &[("sec-fetch-dest", "document")]).await;
    refused(&gone, 404, "not-found");
}
