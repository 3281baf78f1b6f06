//! Bytes, ranges and conditions of objects, and the server's behaviour under slow, idle and parting clients.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use aws_sdk_s3::presigning::PresigningConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::part::{Answer, Part, Signing, put};

/// `length` bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

#[tokio::test]
async fn ranges_of_every_form_are_answered_as_s3_does() {
    let (small, large) = (pattern(1000), pattern(3 * 1024 * 1024 + 5));
    let part = Part::over(|root| {
        put(root, "small", &small);
        put(root, "large", &large);
        put(root, "empty", b"");
    })
    .await;
    for (key, bytes) in [("small", &small), ("large", &large)] {
        let length = bytes.len();
        for (range, first, end) in [
            ("bytes=0-0", 0, 1),
            ("bytes=0-99", 0, 100),
            ("bytes=990-", 990, length),
            ("bytes=-10", length - 10, length),
            ("bytes=-99999999", 0, length),
            ("bytes=7-99999999999999999999999", 7, length),
            ("BYTES=1-2", 1, 3),
            ("bytes=0-", 0, length),
        ] {
            let answer = part.send(&Signing::get(key), &[("range", range)]).await;
            assert_eq!(answer.status, 206, "{key} {range}");
            assert_eq!(answer.header("content-range"), format!("bytes {first}-{}/{length}", end - 1), "{key} {range}");
            assert_eq!(answer.header("content-length"), (end - first).to_string(), "{key} {range}");
            assert!(answer.body == bytes[first..end], "{key} {range}: other bytes");
            let headed = part.send(&Signing::head(key), &[("range", range)]).await;
            assert_eq!((headed.status, headed.header("content-length")), (206, answer.header("content-length")), "{key} {range}");
            assert!(headed.body.is_empty());
        }
        for range in ["bytes=2-1", "bytes=0-1,3-4", "bytes=x-", "bytes", "items=0-1", ""] {
            let answer = part.send(&Signing::get(key), &[("range", range)]).await;
            assert_eq!((answer.status, answer.header("content-range")), (200, ""), "{key} {range}");
            assert!(answer.body == **bytes, "{key} {range}: other bytes");
        }
        for range in [format!("bytes={length}-"), "bytes=-0".to_owned(), "bytes=99999999-999999999".to_owned()] {
            let answer = part.send(&Signing::get(key), &[("range", &range)]).await;
            assert_eq!((answer.status, answer.code().as_str()), (416, "InvalidRange"), "{key} {range}");
            assert_eq!(answer.header("content-range"), format!("bytes */{length}"), "{key} {range}");
            assert_eq!(part.send(&Signing::head(key), &[("range", &range)]).await.status, 416, "{key} {range}");
        }
    }
    let empty = part.send(&Signing::get("empty"), &[]).await;
    assert_eq!((empty.status, empty.header("content-length"), empty.body.len()), (200, "0", 0));
    assert_eq!(part.send(&Signing::get("empty"), &[("range", "bytes=0-0")]).await.status, 416);
    part.stop().await;
}

#[tokio::test]
async fn conditions_and_headers_of_an_object() {
    let part = Part::with_keys(&["a.png"]).await;
    let plain = part.send(&Signing::get("a.png"), &[]).await;
    let (tag, date) = (plain.header("etag").to_owned(), plain.header("last-modified").to_owned());
    assert!(tag.starts_with('"') && tag.ends_with('"') && !tag.starts_with("W/"), "{tag}");
    assert!(date.ends_with(" GMT"), "{date}");
    assert_eq!(plain.header("accept-ranges"), "bytes");
    assert_eq!(plain.header("content-type"), "image/png");
    let (old, new) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    let bare = tag.trim_matches('"').to_owned();
    let weak = format!("W/{tag}");
    for (what, headers, status) in [
        ("if-none-match, same", &[("if-none-match", tag.as_str())][..], 304),
        ("if-none-match, weak", &[("if-none-match", &weak)], 304),
        ("if-none-match, unquoted", &[("if-none-match", &bare)], 304),
        ("if-none-match, any", &[("if-none-match", "*")], 304),
        ("if-none-match, other", &[("if-none-match", "\"x\"")], 200),
        ("if-match, same", &[("if-match", &tag)], 200),
        ("if-match, other", &[("if-match", "\"x\"")], 412),
        ("if-modified-since, same", &[("if-modified-since", &date)], 304),
        ("if-modified-since, old", &[("if-modified-since", old)], 200),
        ("if-modified-since, nonsense", &[("if-modified-since", "today")], 200),
        ("if-unmodified-since, old", &[("if-unmodified-since", old)], 412),
        ("if-unmodified-since, new", &[("if-unmodified-since", new)], 200),
        ("if-range, same", &[("range", "bytes=0-1"), ("if-range", &tag)], 206),
        ("if-range, weak", &[("range", "bytes=0-1"), ("if-range", &weak)], 200),
        ("if-range, other", &[("range", "bytes=0-1"), ("if-range", "\"x\"")], 200),
        ("if-range, same date", &[("range", "bytes=0-1"), ("if-range", &date)], 206),
        ("if-range, old date", &[("range", "bytes=0-1"), ("if-range", old)], 200),
        ("if-range, out of range", &[("range", "bytes=50-"), ("if-range", "\"x\"")], 200),
        ("if-none-match before range", &[("range", "bytes=50-"), ("if-none-match", &tag)], 304),
    ] {
        for signing in [Signing::get("a.png"), Signing::head("a.png")] {
            let answer = part.send(&signing, headers).await;
            assert_eq!(answer.status, status, "{what} {}", signing.method);
            if status == 304 {
                assert_eq!((answer.header("etag"), answer.body.len()), (tag.as_str(), 0), "{what}");
            }
        }
    }
    let overridden = Signing::get("a.png")
        .with("response-content-type", "text/x; charset=utf-8")
        .with("response-content-disposition", "attachment; filename=\"a.png\"; filename*=UTF-8''%C3%A9.png")
        .with("response-content-language", "en")
        .with("response-content-encoding", "gzip")
        .with("response-cache-control", "no-store")
        .with("response-expires", new);
    let answer = part.send(&overridden, &[]).await;
    for (name, value) in [
        ("content-type", "text/x; charset=utf-8"),
        ("content-disposition", "attachment; filename=\"a.png\"; filename*=UTF-8''%C3%A9.png"),
        ("content-language", "en"),
        ("content-encoding", "gzip"),
        ("cache-control", "no-store"),
        ("expires", new),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let split = Signing::get("a.png").with("response-content-type", "a\r\nset-cookie: x=1");
    let answer = part.send(&split, &[]).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (400, ""));

    std::thread::sleep(Duration::from_millis(20));
    put(&part.root, "a.png", b"a.PNG");
    let changed = part.send(&Signing::get("a.png"), &[("if-none-match", &tag)]).await;
    assert_eq!((changed.status, changed.body.as_slice()), (200, &b"a.PNG"[..]));
    assert_ne!(changed.header("etag"), tag);
    part.stop().await;
}

#[tokio::test]
async fn odd_names_are_their_own_keys() {
    let names = [
        "exp #3/50% +é.ome.zarr/zarr.json",
        "with space/and  two",
        "plus+plus",
        "percent%41",
        "caf\u{e9}",
        "cafe\u{301}",
        "q?a=b&c=d",
        "back\\slash",
        "semi;colon,comma'quote\"<&>",
        "...",
        ".hidden/..dots",
        "%2e%2e",
        "emoji 🔬",
        "tilde~star*(paren)[]{}|^`",
    ];
    let part = Part::with_keys(&names).await;
    let (client, http) = (part.client(), reqwest::Client::new());
    let config = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    for name in names {
        let answer = part.send(&Signing::get(name), &[]).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, name.as_bytes()), "{name}");
        assert_eq!(part.send(&Signing::head(name), &[]).await.status, 200, "{name}");
        let got = client.get_object().bucket("data").key(name).send().await.unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), name.as_bytes(), "{name}");
        let url = client.get_object().bucket("data").key(name).presigned(config.clone()).await.unwrap();
        assert_eq!(http.get(url.uri()).send().await.unwrap().bytes().await.unwrap(), name.as_bytes(), "{name}");
    }
    let listed = client.list_objects_v2().bucket("data").send().await.unwrap();
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), sorted);
    part.stop().await;
}

/// The resident memory of this process, in bytes.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Sends a signed GET and leaves the answer unread.
async fn asked(part: &Part, key: &str) -> TcpStream {
    let host = part.address.to_string();
    let mut stream = TcpStream::connect(part.address).await.unwrap();
    let text = format!("GET {} HTTP/1.1\r\nhost: {host}\r\n\r\n", Signing::get(key).target(&host));
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_slow_reader_costs_no_memory() {
    const LENGTH: u64 = 512 * 1024 * 1024;
    let part = Part::over(|root| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(root.join("big")).unwrap();
        file.set_len(LENGTH).unwrap();
        file.seek(SeekFrom::Start(LENGTH - 3)).unwrap();
        file.write_all(b"end").unwrap();
    })
    .await;
    let before = resident_bytes();
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(asked(&part, "big").await);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let waiting = resident_bytes().saturating_sub(before);
    assert!(waiting < 64 * 1024 * 1024, "8 readers that do not read hold {waiting} bytes");

    let mut reader = readers.pop().unwrap();
    let (mut got, mut most, mut tail) = (0_u64, 0, Vec::new());
    let mut buffer = vec![0; 1 << 20];
    let head = 2048;
    // The answer's head counts too, so the end is known by what stands there, wherever the reads are cut.
    while !(got + head > LENGTH && tail == b"end") {
        let count = reader.read(&mut buffer).await.unwrap();
        assert!(count > 0, "cut at {got}");
        got += u64::try_from(count).unwrap();
        most = most.max(resident_bytes().saturating_sub(before));
        tail.extend_from_slice(&buffer[count.saturating_sub(3)..count]);
        tail.drain(..tail.len().saturating_sub(3));
    }
    assert!(most < 96 * 1024 * 1024, "streaming 512 MiB took {most} bytes");
    drop(readers);
    part.stop().await;
}

#[tokio::test]
async fn a_file_cut_while_it_is_sent_is_not_passed_off_as_whole() {
    let part = Part::over(|root| put(root, "big", &pattern(64 * 1024 * 1024))).await;
    let mut stream = asked(&part, "big").await;
    let mut first = [0; 1024];
    stream.read_exact(&mut first).await.unwrap();
    OpenOptions::new().write(true).open(part.root.join("big")).unwrap().set_len(1).unwrap();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.len() < 63 * 1024 * 1024, "{ended:?} {}", rest.len());
    part.stop().await;
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once_and_running_ones_after_five_seconds() {
    let part = Part::over(|root| {
        put(root, "small", b"small");
        OpenOptions::new().write(true).create_new(true).open(root.join("big")).unwrap().set_len(1 << 30).unwrap();
    })
    .await;
    let address = part.address;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut idle = asked(&part, "small").await;
    let mut got = [0; 4096];
    assert!(idle.read(&mut got).await.unwrap() > 0);
    let stuck = asked(&part, "big").await;
    tokio::time::sleep(Duration::from_millis(200)).await;

    let started = Instant::now();
    let stopped = tokio::spawn(part.stop());
    assert_eq!(silent.read(&mut got).await.unwrap(), 0);
    while idle.read(&mut got).await.unwrap() > 0 {}
    assert!(started.elapsed() < Duration::from_secs(2), "idle connections lived {:?}", started.elapsed());
    assert!(TcpStream::connect(address).await.is_err(), "a stopped server accepts");
    stopped.await.unwrap();
    let took = started.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(8), "the stop took {took:?}");
    drop(stuck);
}

#[tokio::test]
async fn ten_thousand_idle_connections_are_bounded_in_memory() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let most: usize = open_files.split_whitespace().nth(3).unwrap().parse().unwrap();
    // Both ends are here: two descriptors a connection. Half of them have spoken, half never do.
    let half = (most.saturating_sub(400) / 4).min(5_000);
    assert!(half >= 100, "a test of idle connections needs more than {most} open files");
    let part = Part::with_keys(&["a"]).await;
    let before = resident_bytes();
    let (mut silent, mut spoken) = (Vec::new(), Vec::new());
    for _ in 0..half {
        silent.push(TcpStream::connect(part.address).await.unwrap());
        let mut stream = TcpStream::connect(part.address).await.unwrap();
        stream.write_all(format!("GET /data/a HTTP/1.1\r\nhost: {}\r\n\r\n", part.address).as_bytes()).await.unwrap();
        let mut got = [0; 1024];
        assert!(stream.read(&mut got).await.unwrap() > 0);
        spoken.push(stream);
    }
    let each = resident_bytes().saturating_sub(before) / (2 * half);
    assert!(each < 20 * 1024, "{} idle connections take {each} bytes each", 2 * half);
    let answer: Answer = part.send(&Signing::get("a"), &[]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"a"[..]));
    drop((silent, spoken));
    part.stop().await;
}
