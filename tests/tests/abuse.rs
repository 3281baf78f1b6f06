//! Memory and time stay bounded under abuse: `offprint up` as people run it, its memory read from `/proc`. SECURITY T3, T36; section 5.
//!
//! Requests are written by hand on sockets, so that they can be as odd as an attacker's, and cheap enough to send many of.

use std::{
    collections::HashSet,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::world::{Link, Up};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

const MIB: u64 = 1 << 20;
/// Keys guessed: all that the issue names where the product is compiled as people run it, fewer in a build that checks everything.
const GUESSES: usize = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
/// How much memory a flood of guesses may add: the facts cache's own bound, and a third for what the allocator keeps.
const GUESSES_GROWTH_MAX: u64 = 64 * MIB;
const IDLE_CONNECTIONS: usize = 10_000;
const IDLE_CONNECTIONS_LEAST: usize = 4_000;
/// How much memory one idle connection may cost, all told.
const IDLE_CONNECTION_MAX: u64 = 24 * 1024;
const STREAMED_BYTES: u64 = 2 << 30;
const STREAMING_GROWTH_MAX: u64 = 64 * MIB;
/// How long a request may take while others misbehave.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running product with one link.
struct Target {
    up: Up,
    address: String,
    app: String,
    token: String,
    dir: TempDir,
}

impl Target {
    fn start(arguments: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let dir = TempDir::new().expect("a folder");
        let arguments = arguments(dir.path());
        let up = Up::start(&dir.path().join("state"), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let text = |field: &str| up.ready[field].as_str().expect("a field of the ready file").to_owned();
        let token = std::fs::read_to_string(text("token_file")).expect("the token").trim().to_owned();
        let address = text("data_url").strip_prefix("http://").expect("plain HTTP").to_owned();
        Self { address, app: text("app_url"), token, up, dir }
    }

    /// A link to `path` of `source`.
    async fn link(&self, source: &str, path: &str) -> Link {
        let client = reqwest::Client::new();
        let post = async |to: &str, body: Value| -> Value {
            let answer =
                client.post(format!("{}{to}", self.app)).bearer_auth(&self.token).json(&body).send().await.expect("the app answers");
            assert!(answer.status().is_success(), "{to}: {}", answer.status());
            answer.json().await.expect("JSON")
        };
        let dataset = post("/api/v1/datasets", json!({ "source": source, "path": path })).await;
        Link::of(&post("/api/v1/links", json!({ "dataset": dataset["id"] })).await)
    }

    async fn line(&self) -> Line {
        Line::to(&self.address).await
    }

    /// Resident memory, in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.up.pid())).expect("the product runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") * 1024
    }

    /// The product is still there, and does what it is for.
    async fn still_answers(&self, link: &Link) {
        let began = Instant::now();
        let answer = self.line().await.get(&format!("{}/zarr.json", path_of(&link.url)), &[]).await;
        assert_eq!(answer.status, 302, "a live link still opens");
        assert!(began.elapsed() < PATIENCE, "after {:?}", began.elapsed());
    }
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }
}

/// One connection, one request after the other.
struct Line {
    stream: TcpStream,
    host: String,
}

impl Line {
    async fn to(address: &str) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.expect("it is taken in time").expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, host: address.to_owned() }
    }

    async fn get(&mut self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", target, headers).await.expect("an answer")
    }

    /// Sends the request; `None` where the connection was closed without an answer.
    async fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        // One that is refused early may be cut while it is still being written.
        let written = self.stream.write_all(request.as_bytes()).await;
        let answer = timeout(PATIENCE, self.answer(method == "HEAD")).await.expect("an answer comes in time");
        assert!(answer.is_some() || written.is_err() || request.len() > 60_000, "a connection ended without an answer");
        answer
    }

    async fn head(&mut self) -> Option<(u16, String, Vec<u8>)> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let rest = bytes.split_off(end + 4);
        let head = String::from_utf8(bytes).expect("a head is text");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Some((status, head, rest))
    }

    async fn answer(&mut self, headless: bool) -> Option<Answer> {
        let (status, head, mut body) = self.head().await?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = match answer.header("content-length") {
            _ if headless || status == 304 || status == 204 => 0,
            Some(length) => length.parse().expect("a number"),
            None => 0,
        };
        while body.len() < length {
            assert!(self.stream.read_buf(&mut body).await.expect("the body comes") > 0, "the body was cut short");
        }
        assert_eq!(body.len(), length, "nothing follows the body");
        answer.body = body;
        Some(answer)
    }
}

fn path_of(url: &str) -> String {
    format!("/{}", url.splitn(4, '/').nth(3).expect("a URL with a path"))
}

/// A well-formed key that nobody has, each number another.
fn guess(number: usize) -> String {
    let mut bytes = [0xA5; 20];
    bytes[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase()
}

/// Lets a process hold as many files open as its hard limit allows; how many that are.
fn raise_files_max(pid: u32) -> usize {
    let limit = |pid: u32| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
        let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of files");
        let numbers: Vec<usize> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        (numbers[0], numbers[1])
    };
    let (soft, hard) = limit(pid);
    if soft < hard {
        let raised = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={hard}:{hard}")]).status();
        assert!(raised.is_ok_and(|status| status.success()), "prlimit raises a limit of files from {soft} to {hard}");
    }
    limit(pid).0
}

// SECURITY T3
#[tokio::test(flavor = "multi_thread")]
async fn guessing_keys_costs_no_memory_and_tells_nothing() {
    const LINES: usize = 32;
    let target = Target::start(|_| Vec::new());
    let link = Link { id: String::new(), url: first(&target, "url"), streamed_url: first(&target, "streamed_url") };
    let guesses = async |from: usize, count: usize| -> HashSet<(u16, Vec<u8>, String)> {
        let mut lines = JoinSet::new();
        for number in 0..LINES {
            let mut line = target.line().await;
            lines.spawn(async move {
                let mut seen = HashSet::new();
                let mut unanswered = 0;
                for guessed in (from..from + count).skip(number).step_by(LINES) {
                    let form = if guessed % 2 == 0 { "" } else { "-s" };
                    let answer = line.get(&format!("/{}{form}/exp.ome.zarr/0/c/0", guess(guessed)), &[]).await;
                    // A flood on a busy machine may outrun the table: that is said, and tells nothing of the key either.
                    if answer.status == 503 {
                        unanswered += 1;
                        continue;
                    }
                    let names: Vec<_> = answer
                        .head
                        .lines()
                        .skip(1)
                        .filter_map(|header| header.split_once(": "))
                        .map(|(name, value)| match name {
                            "date" | "x-request-id" => name.to_owned(),
                            _ => format!("{name}: {value}"),
                        })
                        .collect();
                    seen.insert((answer.status, answer.body, names.join("\n")));
                }
                assert!(unanswered * 4 * LINES < count, "{unanswered} guesses of a line were not answered");
                seen
            });
        }
        let mut seen = HashSet::new();
        while let Some(line) = lines.join_next().await {
            seen.extend(line.expect("a line does not panic"));
        }
        seen
    };
    // In use: whoever guesses from the same address takes nothing from those who read by it.
    target.still_answers(&link).await;
    let mut seen = guesses(0, 1_000).await;
    let (before, began) = (target.memory(), Instant::now());
    seen.extend(guesses(1_000, GUESSES).await);
    let (took, after) = (began.elapsed(), target.memory());
    println!("{GUESSES} guesses in {took:?}: {} MiB before, {} MiB after", before / MIB, after / MIB);
    let mut statuses: Vec<u16> = seen.iter().map(|(status, ..)| *status).collect();
    statuses.sort_unstable();
    // 429 as soon as there are more than the limit takes, which a slow machine may never reach.
    assert!(statuses == [404] || statuses == [404, 429], "every guess is answered alike, one too many as well: {seen:?}");
    assert!(after.saturating_sub(before) < GUESSES_GROWTH_MAX, "{before} bytes before, {after} after");
    target.still_answers(&link).await;
}

fn first(target: &Target, form: &str) -> String {
    target.up.ready["first_link"][form].as_str().expect("the first link").to_owned()
}

// SECURITY T8; SEMANTICS 2
#[tokio::test(flavor = "multi_thread")]
async fn endless_paths_queries_and_headers_are_refused() {
    const ENDLESS: usize = 100_000;
    let target = Target::start(|_| Vec::new());
    let link = target.link("demo", "sharded-v3.ome.zarr").await;
    let (path, streamed) = (path_of(&link.url), path_of(&link.streamed_url));
    let before = target.memory();
    for origin in [target.address.clone(), target.app.strip_prefix("http://").expect("plain HTTP").to_owned()] {
        for piece in ["a", "a/", "../", "%2e%2e/", "%", "%00", "//", "+", "%F0%9F%98%80"] {
            let endless = piece.repeat(ENDLESS / piece.len());
            for (what, request) in [
                ("a path", format!("/{endless}")),
                ("a path in a link", format!("{path}/{endless}")),
                ("a path in a streamed link", format!("{streamed}/{endless}")),
                ("a query", format!("{path}/zarr.json?{endless}")),
            ] {
                if let Some(answer) = Line::to(&origin).await.ask("GET", &request, &[]).await {
                    assert!(matches!(answer.status, 400 | 404 | 414 | 431), "{what} of `{piece}`: {}", answer.status);
                }
            }
            // Long, but as long as a request may be: ours to refuse.
            let long = piece.repeat(20_000 / piece.len());
            let answer = Line::to(&origin).await.get(&format!("{path}/{long}"), &[]).await;
            assert!(matches!(answer.status, 400 | 404 | 414), "20 KB of `{piece}`: {}", answer.status);
        }
        for name in ["range", "user-agent", "if-none-match", "x-forwarded-host", "authorization", "cookie"] {
            // The listener's buffer is the bound here: some more than it may be taken while it fills.
            let endless = "a".repeat(10 * ENDLESS);
            if let Some(answer) = Line::to(&origin).await.ask("GET", &format!("{path}/zarr.json"), &[(name, &endless)]).await {
                assert!(matches!(answer.status, 400 | 431), "an endless `{name}`: {}", answer.status);
            }
        }
        let many: Vec<(String, String)> = (0..5_000).map(|number| (format!("x-{number}"), "a".to_owned())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(answer) = Line::to(&origin).await.ask("GET", &format!("{path}/zarr.json"), &many).await {
            assert!(matches!(answer.status, 400 | 431), "endless headers: {}", answer.status);
        }
    }
    assert!(target.memory().saturating_sub(before) < 32 * MIB, "what is refused is not kept");
    target.still_answers(&link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_hinder_nobody_and_are_cut() {
    // The listener's patience with a connection that says nothing, or only part of a head, and what a busy machine adds.
    const CUT_WITHIN: Duration = Duration::from_secs(30 + 15);
    let target = Target::start(|_| Vec::new());
    let link = target.link("demo", "sharded-v3.ome.zarr").await;
    let files = raise_files_max(target.up.pid()).min(raise_files_max(std::process::id()));
    let count = IDLE_CONNECTIONS.min(files.saturating_sub(500));
    assert!(count >= IDLE_CONNECTIONS_LEAST, "this machine allows only {files} open files a process");
    let (before, began) = (target.memory(), Instant::now());
    let mut idle = Vec::with_capacity(count);
    for number in 0..count {
        let mut line = target.line().await;
        match number % 100 {
            // Part of a head, as slowly as can be.
            0 => line.stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await.expect("it is written"),
            // One request, and nothing after it.
            1 => assert_eq!(line.get("/", &[]).await.status, 404),
            _ => {}
        }
        idle.push(line);
    }
    let opened = began.elapsed();
    for _ in 0..20 {
        target.still_answers(&link).await;
    }
    let cost = target.memory().saturating_sub(before) / u64::try_from(count).expect("a count");
    println!("{count} idle connections opened in {opened:?}, {cost} bytes each");
    assert!(cost < IDLE_CONNECTION_MAX, "an idle connection costs {cost} bytes");
    for (number, line) in idle.iter_mut().enumerate().filter(|(number, _)| number % 100 < 3) {
        let mut rest = Vec::new();
        let left = (opened + CUT_WITHIN).saturating_sub(began.elapsed());
        let ended = timeout(left, line.stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "connection {number} is still open after {:?}", began.elapsed());
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    }
    target.still_answers(&link).await;
}

// D2: what a slow reader does not take is not read from the store.
#[tokio::test(flavor = "multi_thread")]
async fn streaming_takes_no_memory_however_slow_the_reader() {
    const MARKS: [u64; 3] = [0, STREAMED_BYTES / 2 + 12_345, STREAMED_BYTES - 8];
    let target = Target::start(|dir| {
        let data = dir.join("data");
        std::fs::create_dir(&data).expect("a folder");
        let mut file = std::fs::File::create(data.join("big.bin")).expect("a file");
        file.set_len(STREAMED_BYTES).expect("a sparse file");
        for mark in MARKS {
            file.seek(SeekFrom::Start(mark)).expect("a place");
            file.write_all(&mark.to_le_bytes()).expect("a mark");
        }
        vec!["--data".to_owned(), format!("big={}", data.display())]
    });
    let link = target.link("big", "big.bin").await;
    let path = path_of(&link.streamed_url);
    let warm = target.line().await.get(&path, &[("range", "bytes=0-8388607")]).await;
    assert_eq!((warm.status, warm.body.len()), (206, 8 << 20));
    let before = target.memory();
    let open = async || {
        let mut line = target.line().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", line.host);
        line.stream.write_all(request.as_bytes()).await.expect("it is written");
        let (status, _, rest) = line.head().await.expect("a head");
        assert_eq!(status, 200);
        (line.stream, rest)
    };
    // Several that take a little now and then, one that takes nothing at all, and one that takes everything.
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(open().await.0);
    }
    let _stuck = open().await;
    let (mut fast, rest) = open().await;
    let fast = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 20];
        buffer[..rest.len()].copy_from_slice(&rest);
        // What came with the head may be nothing: only a read of nothing is the end.
        let (mut at, mut got) = (0_u64, rest.len());
        let mut marks = Vec::new();
        loop {
            let end = at + got as u64;
            let inside = |mark: &&u64| **mark >= at && **mark + 8 <= end;
            marks.extend(
                MARKS
                    .iter()
                    .filter(inside)
                    .map(|mark| (mark - at) as usize)
                    .map(|from| u64::from_le_bytes(buffer[from..from + 8].try_into().expect("eight bytes"))),
            );
            at = end;
            if at == STREAMED_BYTES {
                break;
            }
            got = fast.read(&mut buffer).await.expect("the stream goes on");
            if got == 0 {
                break;
            }
        }
        (at, marks)
    });
    let began = Instant::now();
    let (mut most, mut sip) = (before, vec![0; 16 << 10]);
    while !fast.is_finished() {
        assert!(began.elapsed() < Duration::from_secs(240), "2 GiB take longer than 4 minutes");
        for stream in &mut slow {
            assert!(stream.read(&mut sip).await.expect("a slow reader gets its bytes") > 0);
        }
        most = most.max(target.memory());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (got, marks) = fast.await.expect("the fast reader does not panic");
    println!("{got} bytes in {:?}: {} MiB before, {} MiB at most", began.elapsed(), before / MIB, most / MIB);
    assert_eq!(got, STREAMED_BYTES);
    assert!(marks.iter().all(|mark| MARKS.contains(mark)) && marks.contains(&MARKS[0]), "the bytes are the file's: {marks:?}");
    assert!(most.saturating_sub(before) < STREAMING_GROWTH_MAX, "{before} bytes before, {most} at most");
    drop(slow);
    let again = target.line().await.get(&path, &[("range", "bytes=-8")]).await;
    assert_eq!((again.status, again.body), (206, MARKS[2].to_le_bytes().to_vec()));
}

/// What a range means, after RFC 9110, 14.2, and what S3 does with what it does not understand or offer: it answers the whole.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Whole,
    Part(usize, usize),
    Unsatisfiable,
}

fn meant(header: &str, length: usize) -> Meant {
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u128>().unwrap_or(u128::MAX))
    };
    let Some((unit, spec)) = header.split_once('=') else { return Meant::Whole };
    let Some((first, last)) = spec.split_once('-') else { return Meant::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Meant::Whole;
    }
    let clamp = |number: u128| usize::try_from(number.min(length as u128)).expect("clamped");
    match (first.is_empty(), last.is_empty(), number(first), number(last)) {
        (true, false, _, Some(0)) => Meant::Unsatisfiable,
        (true, false, _, Some(count)) => Meant::Part(length - clamp(count), length),
        (false, true, Some(first), _) if first >= length as u128 => Meant::Unsatisfiable,
        (false, true, Some(first), _) => Meant::Part(clamp(first), length),
        (false, false, Some(first), Some(last)) if first > last => Meant::Whole,
        (false, false, Some(first), Some(_)) if first >= length as u128 => Meant::Unsatisfiable,
        (false, false, Some(first), Some(last)) => Meant::Part(clamp(first), clamp(last.saturating_add(1))),
        _ => Meant::Whole,
    }
}

// D3, SEMANTICS 3.3
#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_any_shape_means_what_the_standard_says() {
    const GIANT: &str = "99999999999999999999999999999999999999999999";
    let target = Target::start(|_| Vec::new());
    let link = target.link("demo", "sharded-v3.ome.zarr").await;
    let stored = std::fs::read(target.dir.path().join("state/demo/sharded-v3.ome.zarr/zarr.json")).expect("a file");
    let n = stored.len();
    let mut ranges: Vec<String> = [
        "",
        "=",
        "-",
        "b",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--",
        "bytes=-1-",
        "bytes=0",
        "bytes=x",
        "bytes=x-",
        "bytes=-x",
        "bytes=x-y",
        "bytes=1-x",
        "bytes=x-1",
        "bytes=0-",
        "bytes=0-0",
        "bytes=1-1",
        "bytes=-0",
        "bytes=-1",
        "bytes=-00",
        "bytes=-01",
        "bytes=00-01",
        "bytes=9-2",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=,0-1",
        "bytes=0-0,-1",
        "bytes=,",
        "bytes=0-,0-",
        "Bytes=0-3",
        "BYTES=-3",
        "byte=0-1",
        "items=0-1",
        "none=0-1",
        "seconds=1-2",
        "bytes=0x1-0x2",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=1.0-2.0",
        "bytes=1e3-",
        "bytes=-1e1",
        "bytes=0--1",
        "bytes=0-1-2",
        "bytes:0-1",
        "bytes 0-1",
        "bytes 0-1/2",
        "bytes=%30-%31",
        "bytes=0-1;2-3",
        "bytes=*",
        "bytes=*-5",
        "bytes=0-1\t,\t2-3",
        "bytes=\"0-1\"",
        "bytes==0-1",
        "bytes=0-1=",
        "bytes=18446744073709551615-",
        "bytes=18446744073709551616-",
        "bytes=-18446744073709551616",
        "bytes=0-18446744073709551615",
        "bytes=9223372036854775807-9223372036854775808",
    ]
    .map(str::to_owned)
    .to_vec();
    for (first, last) in [(n - 1, n - 1), (n - 1, n), (n, n), (n, n + 1), (0, n - 1), (0, n), (n / 2, n / 2 + 7)] {
        ranges.extend([format!("bytes={first}-{last}"), format!("bytes={first}-"), format!("bytes=-{last}")]);
    }
    ranges.extend([
        format!("bytes={GIANT}-"),
        format!("bytes=-{GIANT}"),
        format!("bytes=0-{GIANT}"),
        format!("bytes={GIANT}-{GIANT}"),
        format!("bytes={}", "0-1,".repeat(2_000)),
    ]);
    let (path, streamed) = (format!("{}/zarr.json", path_of(&link.url)), format!("{}/zarr.json", path_of(&link.streamed_url)));
    let mut line = target.line().await;
    let mut seen = HashSet::new();
    for range in &ranges {
        let shown: String = range.chars().take(60).collect();
        let direct = line.get(&streamed, &[("range", range)]).await;
        let (status, bytes, content_range) = match meant(range, n) {
            Meant::Whole => (200, &stored[..], None),
            Meant::Part(from, to) => (206, &stored[from..to], Some(format!("bytes {from}-{}/{n}", to - 1))),
            Meant::Unsatisfiable => (416, &[][..], Some(format!("bytes */{n}"))),
        };
        seen.insert(status);
        assert_eq!(direct.status, status, "`{shown}`: {}", direct.head);
        assert_eq!(direct.header("content-range").map(str::to_owned), content_range, "`{shown}`");
        assert!(status == 416 || direct.body == bytes, "`{shown}`: {} bytes for {}", direct.body.len(), bytes.len());
        let headed = line.ask("HEAD", &streamed, &[("range", range)]).await.expect("an answer");
        assert_eq!(
            (headed.status, headed.header("content-length")),
            (200, Some(n.to_string().as_str())),
            "a range is for GET (RFC 9110, 14.2): `{shown}`"
        );
        // Behind the redirect it means the same.
        let redirect = line.get(&path, &[("range", range)]).await;
        assert_eq!(redirect.status, StatusCode::FOUND.as_u16(), "`{shown}`");
        let location = redirect.header("location").expect("a Location").to_owned();
        let rest = location.strip_prefix("http://").expect("plain HTTP");
        let (address, signed) = rest.split_once('/').expect("a path");
        let followed = Line::to(address).await.get(&format!("/{signed}"), &[("range", range)]).await;
        assert_eq!((followed.status, followed.header("content-range").map(str::to_owned)), (status, content_range), "followed `{shown}`");
        assert!(status == 416 || followed.body == bytes, "followed `{shown}`");
    }
    assert!(ranges.len() > 60 && seen.len() == 3, "every kind of answer was met");
}
