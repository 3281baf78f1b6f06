//! Folders are served in place: nothing is written, and nothing outside a root is read (SECURITY T44, STACK).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use embed::{Bucket, s3};

use crate::part::{Part, Signing, keys, put};

/// Mode, length, inode, and the times of the last change to the content and to the entry.
type Marks = (u32, u64, u64, [i64; 2], [i64; 2]);

/// Everything about a tree that a write would change.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, Marks> {
    let mut seen = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let marks = (meta.mode(), meta.len(), meta.ino(), [meta.mtime(), meta.mtime_nsec()], [meta.ctime(), meta.ctime_nsec()]);
        seen.insert(path, marks);
    }
    seen
}

fn chmod_all(root: &Path, file: u32, folder: u32) {
    for path in snapshot(root).into_keys().collect::<Vec<_>>() {
        let mode = if path.is_dir() { folder } else { file };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_ever_written() {
    let part = Part::with_keys(&["a/zarr.json", "a/c/0/0", "b"]).await;
    chmod_all(part.outer.path(), 0o444, 0o555);
    let before = snapshot(part.outer.path());
    let client = part.client();
    for key in ["a/zarr.json", "a/c/0/0", "b", "gone", "a"] {
        let _missing_too = client.get_object().bucket("data").key(key).send().await;
        let _missing_too = client.head_object().bucket("data").key(key).send().await;
    }
    assert_eq!(client.list_objects_v2().bucket("data").send().await.unwrap().key_count(), Some(3));
    client.put_object().bucket("data").key("new").send().await.unwrap_err();
    client.put_object().bucket("data").key("b").body(b"other".to_vec().into()).send().await.unwrap_err();
    client.delete_object().bucket("data").key("b").send().await.unwrap_err();
    client.delete_bucket().bucket("other").send().await.unwrap_err();
    client.create_multipart_upload().bucket("data").key("new").send().await.unwrap_err();
    client
        .put_object_tagging()
        .bucket("data")
        .key("b")
        .tagging(aws_sdk_s3::types::Tagging::builder().set_tag_set(Some(Vec::new())).build().unwrap())
        .send()
        .await
        .unwrap_err();
    assert_eq!(snapshot(part.outer.path()), before);
    chmod_all(part.outer.path(), 0o644, 0o755);
    part.stop().await;
}

#[tokio::test]
async fn links_out_of_the_root_are_refused_and_those_inside_are_followed() {
    let part = Part::over(|root| {
        put(root, "a/in.txt", b"inside");
        put(root, "deep/er/in.txt", b"deeper");
        put(root.parent().unwrap(), "outside/secret.txt", b"secret");
        put(root.parent().unwrap(), "data-beside/secret.txt", b"a root whose name begins alike");
        symlink("a/in.txt", root.join("link-in")).unwrap();
        symlink(root.join("a/in.txt"), root.join("link-in-absolute")).unwrap();
        symlink("deep/er", root.join("folder-in")).unwrap();
        symlink("../outside/secret.txt", root.join("link-out")).unwrap();
        symlink("../outside", root.join("folder-out")).unwrap();
        symlink("../data-beside", root.join("beside")).unwrap();
        symlink("/etc", root.join("etc")).unwrap();
        symlink("loop-b", root.join("loop-a")).unwrap();
        symlink("loop-a", root.join("loop-b")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink(".", root.join("a/self")).unwrap();
        symlink("..", root.join("a/up")).unwrap();
    })
    .await;
    for (key, status, code) in [
        ("a/in.txt", 200, ""),
        ("link-in", 200, ""),
        ("link-in-absolute", 200, ""),
        ("folder-in/in.txt", 200, ""),
        ("a/up/a/in.txt", 200, ""),
        ("link-out", 403, "LeadsOut"),
        ("folder-out/secret.txt", 403, "LeadsOut"),
        ("folder-out", 403, "LeadsOut"),
        ("beside/secret.txt", 403, "LeadsOut"),
        ("etc/hostname", 403, "LeadsOut"),
        ("loop-a", 404, "NoSuchKey"),
        ("loop-a/x", 404, "NoSuchKey"),
        ("dangling", 404, "NoSuchKey"),
        ("a", 404, "NoSuchKey"),
        ("a/", 404, "NoSuchKey"),
        ("a//in.txt", 404, "NoSuchKey"),
        ("a/in.txt/x", 404, "NoSuchKey"),
        ("a/in.txt/", 404, "NoSuchKey"),
        (&format!("{}/x", "n".repeat(300)), 404, "NoSuchKey"),
    ] {
        let answer = part.send(&Signing::get(key), &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{key}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{key}");
        assert_eq!(part.send(&Signing::head(key), &[]).await.status, status, "HEAD {key}");
    }
    let listed = part.client().list_objects_v2().bucket("data").send().await.unwrap();
    let keys: Vec<_> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["a/in.txt", "deep/er/in.txt", "folder-in/in.txt", "link-in", "link-in-absolute"]);
    let within = part.client().list_objects_v2().bucket("data").prefix("folder-in/").send().await.unwrap();
    assert_eq!(within.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["folder-in/in.txt"]);
    for prefix in ["folder-out/", "etc/", "beside/s"] {
        let answer = part.send(&Signing::list(&[("list-type", "2"), ("prefix", prefix)]), &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "LeadsOut"), "{prefix}");
    }
    for prefix in ["a/up/", "a/self/", "loop-a/", "dangling/", "../outside/", "a/../", "./", "/", "a//", "a/in.txt/"] {
        let listed = part.client().list_objects_v2().bucket("data").prefix(prefix).send().await.unwrap();
        assert_eq!((listed.key_count(), listed.is_truncated()), (Some(0), Some(false)), "{prefix}");
    }
    part.stop().await;
}

#[tokio::test]
async fn dots_and_nul_in_a_key_are_refused() {
    let part = Part::over(|root| {
        put(root, "a/in.txt", b"inside");
        put(root.parent().unwrap(), "secret.txt", b"secret");
    })
    .await;
    let host = part.address.to_string();
    for (signed, sent) in [
        ("/data/../secret.txt", "/data/../secret.txt"),
        ("/data/../secret.txt", "/data/%2e%2e/secret.txt"),
        ("/data/../secret.txt", "/data/..%2fsecret.txt"),
        ("/data/a/../../secret.txt", "/data/a/../../secret.txt"),
        ("/data/./a/in.txt", "/data/./a/in.txt"),
        ("/data/a/in.txt%00", "/data/a/in.txt%00"),
        ("/data/a/%FF", "/data/a/%FF"),
    ] {
        let signing = Signing { path: signed.to_owned(), ..Signing::get("") };
        let target = signing.target(&host).replacen(signed, sent, 1);
        let answer = part.raw("GET", &target, &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidURI"), "{sent}");
    }
    // Percent signs are decoded once: this names a file called `%2e%2e`, which is not there.
    let twice = Signing { path: "/data/%252e%252e/secret.txt".to_owned(), ..Signing::get("") };
    assert_eq!(part.send(&twice, &[]).await.status, 404);
    part.stop().await;
}

#[tokio::test]
async fn what_is_no_regular_file_neither_hangs_nor_shows() {
    let part = Part::over(|root| {
        put(root, "a", b"a");
        fs::create_dir(root.join("empty")).unwrap();
        assert!(Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
        drop(UnixListener::bind(root.join("socket")).unwrap());
        symlink("fifo", root.join("link-fifo")).unwrap();
        fs::write(root.join(OsStr::from_bytes(b"not-\xff-text")), b"x").unwrap();
        fs::create_dir(root.join(OsStr::from_bytes(b"\xfe"))).unwrap();
        fs::write(root.join(OsStr::from_bytes(b"\xfe/inner")), b"x").unwrap();
    })
    .await;
    let started = Instant::now();
    for key in ["fifo", "link-fifo", "socket", "empty"] {
        let answer = part.send(&Signing::get(key), &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "NoSuchKey"), "{key}");
    }
    for delimiter in [None, Some("/".to_owned())] {
        let listed = part.client().list_objects_v2().bucket("data").set_delimiter(delimiter).send().await.unwrap();
        assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["a"]);
        assert!(listed.common_prefixes().is_empty());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "something waited");
    part.stop().await;
}

// SEMANTICS 4: what cannot be known is never a missing chunk.
#[tokio::test]
async fn a_folder_that_went_away_is_unavailable_until_it_is_back() {
    let part = Part::with_keys(&["a/zarr.json", "a/c/0"]).await;
    assert_eq!(part.send(&Signing::get("a/c/0"), &[]).await.status, 200);
    let away = part.outer.path().join("away");
    let list = |more: &[(&str, &str)]| Signing::list(&[&[("list-type", "2")], more].concat());
    let asked = [Signing::get("a/c/0"), Signing::get("a/c/gone"), list(&[]), list(&[("prefix", "a/")]), list(&[("delimiter", "/")])];
    for exchange in ["nothing", "another folder", "a link to it"] {
        fs::rename(&part.root, &away).unwrap();
        match exchange {
            "another folder" => fs::create_dir(&part.root).unwrap(),
            "a link to it" => symlink(&away, &part.root).unwrap(),
            _ => {}
        }
        for signing in &asked {
            let answer = part.send(signing, &[]).await;
            assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{} {exchange}", signing.path);
            let headed = part.send(&Signing::head("a/c/0"), &[]).await;
            assert_eq!((headed.status, headed.body.len()), (503, 0), "HEAD {exchange}");
        }
        // What a request itself is wrong about, and other buckets, are answered as before.
        assert_eq!(part.send(&Signing::get("../a"), &[]).await.status, 400);
        assert_eq!(part.send(&Signing { path: "/other/a".to_owned(), ..Signing::get("") }, &[]).await.status, 404);
        match exchange {
            "another folder" => fs::remove_dir(&part.root).unwrap(),
            "a link to it" => fs::remove_file(&part.root).unwrap(),
            _ => {}
        }
        fs::rename(&away, &part.root).unwrap();
        assert_eq!(part.send(&Signing::get("a/c/0"), &[]).await.body, b"a/c/0", "{exchange}");
        assert_eq!(part.send(&Signing::get("a/c/gone"), &[]).await.code(), "NoSuchKey", "{exchange}");
        let listed = part.client().list_objects_v2().bucket("data").send().await.unwrap();
        assert_eq!(listed.key_count(), Some(2), "{exchange}");
    }
    part.stop().await;
}

#[test]
fn a_server_needs_folders_and_names_of_buckets() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("file"), b"x").unwrap();
    let bucket = |name: &str, root: PathBuf| Bucket { name: name.to_owned(), root, writable: false };
    let here = || outer.path().to_owned();
    for (buckets, want) in [
        (vec![bucket("Data", here())], "`Data` is no bucket name"),
        (vec![bucket("da", here())], "`da` is no bucket name"),
        (vec![bucket("data", here()), bucket("data", here())], "two folders are named `data`"),
        (vec![bucket("data", here().join("gone"))], "the folder of `data` cannot be served"),
        (vec![bucket("data", here().join("file"))], "the folder of `data` cannot be served"),
    ] {
        let why = s3::Service::new(buckets, keys()).unwrap_err().to_string();
        assert!(why.starts_with(want), "{why}");
    }
}

#[tokio::test]
async fn the_service_answers_without_a_socket() {
    let outer = tempfile::tempdir().unwrap();
    put(outer.path(), "a", b"a");
    let service =
        s3::Service::new(vec![Bucket { name: "data".to_owned(), root: outer.path().to_owned(), writable: false }], keys()).unwrap();
    let target = Signing::get("a").target("s3.local");
    let request = http::Request::get(target).header("host", "s3.local").body(()).unwrap();
    let answer = service.answer(request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes(), "a");
}

#[tokio::test]
async fn bytes_are_counted_as_they_leave_and_only_by_what_a_url_was_signed_with() {
    const LENGTH: u64 = 3 << 20;
    let outer = tempfile::tempdir().unwrap();
    put(outer.path(), "a", &vec![7; usize::try_from(LENGTH).unwrap()]);
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let meter: s3::Meter = Arc::new(move |query: &str| query.contains("tag=mine").then(|| Arc::clone(&counted)));
    let buckets = vec![Bucket { name: "data".to_owned(), root: outer.path().to_owned(), writable: false }];
    let service = s3::Service::new(buckets, keys()).unwrap().metered(meter);
    let ask = async |method: &str, target: String, range: &str| {
        let request = http::Request::builder().method(method).uri(target).header("host", "s3.local").header("range", range);
        service.answer(request.body(()).unwrap()).await
    };
    let (mine, other) = (Signing::get("a").with("tag", "mine"), Signing::get("a").with("tag", "other"));
    let target = |signing: &Signing| signing.target("s3.local");
    let before = || sent.swap(0, Ordering::Relaxed);
    for (what, method, target, range, status, bytes) in [
        ("the whole", "GET", target(&mine), "", 200, LENGTH),
        ("a part", "GET", target(&mine), "bytes=10-19", 206, 10),
        ("its head", "HEAD", target(&Signing { method: "HEAD", ..mine.clone() }), "", 200, 0),
        ("another's", "GET", target(&other), "", 200, 0),
        ("another's that says it is mine", "GET", target(&other).replace("tag=other", "tag=mine"), "", 403, 0),
    ] {
        let answer = ask(method, target, range).await;
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(before(), 0, "{what}: nothing was taken yet");
        http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
        assert_eq!(before(), bytes, "{what}");
    }
    let mut left = ask("GET", target(&mine), "").await.into_body();
    let taken = http_body_util::BodyExt::frame(&mut left).await.unwrap().unwrap().into_data().unwrap().len();
    drop(left);
    assert_eq!(before(), u64::try_from(taken).unwrap(), "who goes away takes no more");
    assert!(u64::try_from(taken).unwrap() < LENGTH);
}
