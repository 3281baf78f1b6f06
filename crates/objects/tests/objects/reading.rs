//! Reading through us.

use bytes::Bytes;
use domain::path::ObjectPath;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use objects::{
    Objects, ObjectsError, Settings,
    credentials::{Credentials, Signer},
    presigner::SignedMethod,
    stream::StoreBody,
};

use crate::{
    facts::{Opens, path, real_now, source, store},
    scene::{CHUNK, ODD, Scene},
};

pub(crate) async fn suite(scene: &Scene) {
    answers_as_the_store_does(scene).await;
    keeps_if_range(scene).await;
    passes_on_what_tells_of_the_object_and_nothing_else(scene).await;
    looks_up(scene).await;
    a_refusal_is_never_a_missing_object(scene).await;
    an_endpoint_that_leads_into_the_network_is_never_connected_to(scene).await;
}

async fn open(scene: &Scene, method: SignedMethod, inside: &str, pairs: &[(&'static str, &str)]) -> Response<StoreBody> {
    let now = real_now();
    let opens = Opens::folder(scene.source.clone(), "em.zarr/");
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, value.parse().unwrap());
    }
    scene.objects.open(&opens.permit(now), method, &path(inside), &headers, now).await.unwrap()
}

async fn bytes(answer: Response<StoreBody>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

fn text<'a>(answer: &'a Response<StoreBody>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

// SEMANTICS 3.3; CLIENTS 3
async fn answers_as_the_store_does(scene: &Scene) {
    let chunk = &scene.keys[CHUNK];
    for (range, status, content_range, want) in [
        ("", 200, "", 0..65_536),
        ("bytes=0-9", 206, "bytes 0-9/65536", 0..10),
        ("bytes=65530-", 206, "bytes 65530-65535/65536", 65_530..65_536),
        ("bytes=-6", 206, "bytes 65530-65535/65536", 65_530..65_536),
        ("bytes=65530-99999999999999999999999999", 206, "bytes 65530-65535/65536", 65_530..65_536),
        ("bytes=-99999999", 206, "bytes 0-65535/65536", 0..65_536),
        ("bytes=0-1,5-6", 200, "", 0..65_536),
        ("bytes=9-1", 200, "", 0..65_536),
        ("lines=1-2", 200, "", 0..65_536),
        ("bytes=65536-", 416, "bytes */65536", 0..0),
        ("bytes=99999999999999999999999999-", 416, "bytes */65536", 0..0),
        ("bytes=-0", 416, "bytes */65536", 0..0),
    ] {
        let asked = [("range", range)];
        let answer = open(scene, SignedMethod::Get, "0/c/0/0/1", if range.is_empty() { &[] } else { &asked }).await;
        assert_eq!(answer.status(), status, "{range}");
        assert_eq!(text(&answer, "content-range"), content_range, "{range}");
        if status != 416 {
            assert_eq!(text(&answer, "accept-ranges"), "bytes");
            assert_eq!(text(&answer, "content-length"), want.len().to_string(), "{range}");
        }
        assert_eq!(bytes(answer).await, chunk[want], "{range}");
    }
    let odd = open(scene, SignedMethod::Get, ODD.strip_prefix("lab/em.zarr/").unwrap(), &[]).await;
    assert_eq!(bytes(odd).await, scene.keys[ODD]);
    let empty = open(scene, SignedMethod::Get, "empty", &[]).await;
    assert_eq!((empty.status().as_u16(), text(&empty, "content-length")), (200, "0"));
    let nothing = open(scene, SignedMethod::Get, "empty", &[("range", "bytes=0-0")]).await;
    assert_eq!((nothing.status().as_u16(), text(&nothing, "content-range")), (416, "bytes */0"));
    let head = open(scene, SignedMethod::Head, "0/c/0/0/1", &[("range", "bytes=0-9")]).await;
    assert_eq!((head.status().as_u16(), text(&head, "content-length")), (200, "65536"));
    assert!(bytes(head).await.is_empty());
    for method in [SignedMethod::Get, SignedMethod::Head] {
        let missing = open(scene, method, "0/c/9", &[]).await;
        assert_eq!(missing.status(), 404);
        assert!(missing.headers().is_empty(), "{:?}", missing.headers());
        assert!(bytes(missing).await.is_empty(), "the store's error names bucket and key");
    }
}

async fn keeps_if_range(scene: &Scene) {
    let first = open(scene, SignedMethod::Get, "0/c/0/0/1", &[]).await;
    let (etag, modified) = (text(&first, "etag").to_owned(), text(&first, "last-modified").to_owned());
    assert!(etag.starts_with('"') && modified.ends_with("GMT"));
    let range = ("range", "bytes=0-9");
    for (what, asked, status) in [
        ("the same", &[range, ("if-range", etag.as_str())][..], 206),
        ("another", &[range, ("if-range", "\"0123\"")], 200),
        ("weak", &[range, ("if-range", "W/\"0123\"")], 200),
        ("not since", &[range, ("if-range", modified.as_str())], 206),
        ("since", &[range, ("if-range", "Tue, 15 Nov 1994 08:12:31 GMT")], 200),
        ("made older", &[range, ("if-range", "Fri, 01 Jan 2100 00:00:00 GMT")], 200),
        ("made older and shorter", &[("range", "bytes=99999-"), ("if-range", "Fri, 01 Jan 2100 00:00:00 GMT")], 200),
        ("has it", &[("if-none-match", etag.as_str())], 304),
        ("has it by time", &[("if-modified-since", modified.as_str())], 304),
        ("wants this", &[("if-match", etag.as_str())], 200),
        ("wants another", &[("if-match", "\"0123\"")], 412),
    ] {
        let answer = open(scene, SignedMethod::Get, "0/c/0/0/1", asked).await;
        assert_eq!(answer.status(), status, "{what}");
        // radosgw leaves it out.
        if status == 304 && !scene.is_flat {
            assert_eq!(text(&answer, "etag"), etag, "{what}");
        }
    }
}

// SECURITY T33
async fn passes_on_what_tells_of_the_object_and_nothing_else(scene: &Scene) {
    let asked = [
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("x-amz-security-token", "x"),
        ("origin", "https://x"),
    ];
    let answer = open(scene, SignedMethod::Get, "zarr.json", &asked).await;
    assert_eq!(answer.status(), 200);
    let known = ["accept-ranges", "content-length", "content-type", "etag", "last-modified"];
    for name in answer.headers().keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
    assert_eq!(bytes(answer).await, scene.keys["lab/em.zarr/zarr.json"]);
}

async fn looks_up(scene: &Scene) {
    let now = real_now();
    let permit = Opens::folder(scene.source.clone(), "em.zarr/").permit(now);
    let meta = scene.objects.head(&permit, &path("0/c/0/0/1"), now).await.unwrap().unwrap();
    assert_eq!((meta.size, meta.archived, meta.content_encoding), (65_536, false, None));
    assert!(meta.modified.unwrap() <= now && meta.etag.unwrap().len() > 2);
    assert_eq!(scene.objects.head(&permit, &path("0/c/9"), now).await, Ok(None));
    let single = Opens::object(scene.source.clone(), "em.zarr/zarr.json").permit(now);
    assert_eq!(scene.objects.head(&single, &ObjectPath::default(), now).await.unwrap().unwrap().size, 17);
}

fn with_keys(scene: &Scene, credentials: Credentials) -> Objects {
    let settings = Settings { signer: Signer::Static(credentials), ..scene.settings() };
    Objects::new(settings).unwrap()
}

// SEMANTICS 4, 7: a refusal must never look like a missing chunk
async fn a_refusal_is_never_a_missing_object(scene: &Scene) {
    let now = real_now();
    let permit = Opens::folder(scene.source.clone(), "em.zarr/").permit(now);
    let unknown = with_keys(scene, Credentials::new("AKIDUNKNOWN", "secret", None, None));
    for there in ["zarr.json", "0/c/9"] {
        let refused = unknown.open(&permit, SignedMethod::Get, &path(there), &HeaderMap::new(), now).await;
        assert!(matches!(refused, Err(ObjectsError::Refused { status: 403, .. })), "{refused:?}");
        let refused = unknown.head(&permit, &path(there), now).await;
        assert!(matches!(refused, Err(ObjectsError::Refused { status: 403, .. })), "{refused:?}");
    }
    let gone = Opens::folder(source(store("no-such-bucket", None), ""), "x/").permit(now);
    let refused = scene.objects.open(&gone, SignedMethod::Get, &path("a"), &HeaderMap::new(), now).await;
    assert_eq!(refused.map(drop), Err(ObjectsError::NoBucket));
}

// SECURITY T13: a name may lead elsewhere than when its source was registered
async fn an_endpoint_that_leads_into_the_network_is_never_connected_to(scene: &Scene) {
    let now = real_now();
    let here = scene.settings().endpoint.unwrap().replace("127.0.0.1", "localhost");
    let permit = Opens::folder(scene.source_with(|store| store.endpoint = Some(here)), "em.zarr/").permit(now);
    let objects = |private_endpoints| Objects::new(Settings { endpoint: None, private_endpoints, ..scene.settings() }).unwrap();
    let (guarded, open) = (objects(false), objects(true));
    let (key, headers) = (path("zarr.json"), HeaderMap::new());
    assert_eq!(guarded.head(&permit, &key, now).await, Err(ObjectsError::Unreachable));
    let refused = guarded.open(&permit, SignedMethod::Get, &key, &headers, now).await;
    assert_eq!(refused.map(drop), Err(ObjectsError::Unreachable));
    assert_eq!(guarded.folder(&permit, &path(""), now).await, Err(ObjectsError::Unreachable));
    assert!(open.head(&permit, &key, now).await.unwrap().is_some());
    assert!(open.folder(&permit, &path(""), now).await.is_ok());
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error_in_time() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", held.local_addr().unwrap());
    drop(held);
    let settings = Settings {
        endpoint: Some(closed),
        public_endpoint: None,
        private_endpoints: true,
        signer: Signer::Static(Credentials::new("AKID", "secret", None, None)),
        sts_endpoint: None,
    };
    let objects = Objects::new(settings).unwrap();
    let now = real_now();
    let permit = Opens::folder(source(store("data", None), ""), "x/").permit(now);
    let begun = std::time::Instant::now();
    assert_eq!(objects.head(&permit, &path("a"), now).await, Err(ObjectsError::Unreachable));
    assert_eq!(objects.folder(&permit, &path(""), now).await, Err(ObjectsError::Unreachable));
    assert!(begun.elapsed().as_secs() < 5);
}

// SEMANTICS 3.3: backpressure; memory stays flat
#[tokio::test]
async fn bytes_are_asked_for_only_as_fast_as_they_are_taken() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&sent);
    drop(tokio::spawn(async move {
        let (mut socket, _peer) = listener.accept().await.unwrap();
        let _request = socket.read(&mut [0; 4_096]).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await.unwrap();
        while socket.write_all(&vec![7; 65_536]).await.is_ok() {
            counted.fetch_add(65_536, std::sync::atomic::Ordering::Relaxed);
        }
    }));
    let settings = Settings {
        endpoint: Some(endpoint),
        public_endpoint: None,
        private_endpoints: true,
        signer: Signer::Static(Credentials::new("AKID", "secret", None, None)),
        sts_endpoint: None,
    };
    let now = real_now();
    let permit = Opens::folder(source(store("data", None), ""), "x/").permit(now);
    let objects = Objects::new(settings).unwrap();
    let mut body = objects.open(&permit, SignedMethod::Get, &path("a"), &HeaderMap::new(), now).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap();
    assert!(first.data_ref().unwrap().iter().all(|byte| *byte == 7));
    // Nobody reads on: what the sockets' buffers hold is all that comes.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let held = sent.load(std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(sent.load(std::sync::atomic::Ordering::Relaxed), held);
    assert!(held < 32 * 1_048_576, "{held} bytes for nobody");
}
