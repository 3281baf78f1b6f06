//! A lab server: `offprint up` in one network namespace, its reader in another (item 9.7). Needs root and iproute2, as the issue's own
//! check does: where namespaces cannot be made this fails, and says so.

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tests::world::binary;

/// Two network namespaces joined by a cable; taken down when dropped.
struct Cable {
    server: String,
    reader: String,
    /// The server's address on the cable.
    address: String,
}

fn ip(words: &[&str]) -> Result<(), String> {
    let done = Command::new("ip").args(words).output().map_err(|why| format!("`ip` of iproute2 does not run: {why}"))?;
    if done.status.success() { Ok(()) } else { Err(format!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&done.stderr).trim())) }
}

impl Cable {
    fn laid() -> Self {
        // Names of interfaces have at most 15 characters; the process id keeps runs apart.
        let id = std::process::id();
        let third = id % 250;
        let this = Self { server: format!("opsrv{id}"), reader: format!("opcli{id}"), address: format!("10.213.{third}.1") };
        let (near, far) = (format!("ops{id}"), format!("opc{id}"));
        let (server_address, reader_address) = (format!("{}/24", this.address), format!("10.213.{third}.2/24"));
        for words in [
            vec!["netns", "add", &this.server],
            vec!["netns", "add", &this.reader],
            vec!["link", "add", &near, "netns", &this.server, "type", "veth", "peer", "name", &far, "netns", &this.reader],
            vec!["-n", &this.server, "addr", "add", &server_address, "dev", &near],
            vec!["-n", &this.reader, "addr", "add", &reader_address, "dev", &far],
            vec!["-n", &this.server, "link", "set", &near, "up"],
            vec!["-n", &this.reader, "link", "set", &far, "up"],
            vec!["-n", &this.server, "link", "set", "lo", "up"],
            vec!["-n", &this.reader, "link", "set", "lo", "up"],
        ] {
            if let Err(why) = ip(&words) {
                panic!("network namespaces are needed here, and root to make them: {why}");
            }
        }
        this
    }

    /// A command that runs at one end.
    fn at(end: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", end]).arg(program);
        command
    }

    fn curl(&self, words: &[&str]) -> Output {
        Self::at(&self.reader, "curl").args(["-sS", "--noproxy", "*", "--max-time", "20"]).args(words).output().expect("curl runs")
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in [&self.server, &self.reader] {
            if let Err(why) = ip(&["netns", "del", end]) {
                eprintln!("{why}");
            }
        }
    }
}

/// The product at the server's end.
struct LabServer {
    child: Child,
    output: PathBuf,
    ready: Value,
}

impl LabServer {
    /// Starts it and waits until it is ready. The ports are named, because the addresses of the links hold them.
    fn start(cable: &Cable, dir: &TempDir) -> Self {
        let (output, ready_file) = (dir.path().join("output"), dir.path().join("ready.json"));
        let log = std::fs::File::create(&output).expect("an output file");
        let own = |port: u16| format!("http://{}:{port}", cable.address);
        // A namespace has all its ports to itself.
        let child = Cable::at(&cable.server, binary("offprint"))
            .args(["up", "--bind", "0.0.0.0", "--port", "7373", "--data-url", &own(7374), "--app-url", &own(7373), "--state"])
            .arg(dir.path().join("state"))
            .arg("--ready-file")
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("ip runs");
        let mut this = Self { child, output, ready: Value::Null };
        let began = Instant::now();
        while !ready_file.exists() {
            let ended = this.child.try_wait().expect("a child");
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(60), "offprint up is not ready: {}", this.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        this.ready = serde_json::from_slice(&std::fs::read(&ready_file).expect("the ready file")).expect("JSON");
        this
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }
}

impl Drop for LabServer {
    fn drop(&mut self) {
        // `ip netns exec` becomes the program that it runs, so this is the product's own process.
        drop(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status());
        drop(self.child.wait());
    }
}

#[test]
fn another_machine_reads_from_a_lab_server() {
    let cable = Cable::laid();
    let dir = TempDir::new().expect("a folder");
    let server = LabServer::start(&cable, &dir);
    let said = server.said();
    assert!(said.contains("Warning") && said.contains("0.0.0.0"), "whoever opens a machine to its network is warned: {said}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let link = text(&server.ready["first_link"]["url"]);
    let streamed = text(&server.ready["first_link"]["streamed_url"]);
    assert!(link.starts_with(&format!("http://{}:7374/", cable.address)), "links begin with what others see");
    let metadata = std::fs::read(dir.path().join("state/demo").join(offprint::demo::FIRST).join("zarr.json")).expect("a file");

    for url in [&link, &streamed] {
        let read = cable.curl(&["-fL", &format!("{url}/zarr.json")]);
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        assert_eq!(read.stdout, metadata, "curl -L from another machine reads the bytes");
    }
    let headed = cable.curl(&["-D", "-", "-o", "/dev/null", &format!("{link}/zarr.json")]);
    let head = String::from_utf8_lossy(&headed.stdout).into_owned();
    assert!(head.starts_with("HTTP/1.1 302"), "{head}");
    assert!(
        head.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("location: http://{}:7375/", cable.address))),
        "redirects lead where others can go"
    );

    // The app is there too, under its own name only, and its token opens it; the table is for this machine alone.
    let token = std::fs::read_to_string(text(&server.ready["token_file"])).expect("the token");
    let app = format!("http://{}:7373/api/v1/links", cable.address);
    let bearer = format!("authorization: Bearer {}", token.trim());
    assert!(cable.curl(&["-f", "-H", &bearer, &app]).status.success());
    assert_eq!(cable.curl(&["-o", "/dev/null", "-w", "%{http_code}", &app]).stdout, b"401");
    assert_eq!(cable.curl(&["-o", "/dev/null", "-w", "%{http_code}", "-H", "host: rebound.example", "-H", &bearer, &app]).stdout, b"421");
    // Refused before any route, and in the access log all the same: its lines are written out every second.
    let log = dir.path().join("state/access.jsonl");
    let began = Instant::now();
    while !std::fs::read_to_string(&log).is_ok_and(|lines| lines.contains("\"status\":421,\"verdict\":\"deny\",\"reason\":\"host\"")) {
        assert!(began.elapsed() < Duration::from_secs(10), "the 421 leaves its line");
        std::thread::sleep(Duration::from_millis(200));
    }
    let table = text(&server.ready["table_url"]);
    let port = table.rsplit(':').next().expect("a port");
    assert!(!cable.curl(&[&format!("http://{}:{port}/", cable.address)]).status.success(), "the table listens on loopback only");

    // And a revoke reaches the other machine.
    let id = {
        let listed = cable.curl(&["-f", "-H", &bearer, &app]);
        let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        text(&listed["items"][0]["id"])
    };
    let revoked = cable.curl(&["-f", "-H", &bearer, "-H", "content-type: application/json", "-d", "{}", &format!("{app}/{id}/revoke")]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let began = Instant::now();
    loop {
        let code = cable.curl(&["-o", "/dev/null", "-w", "%{http_code}", &format!("{link}/zarr.json")]).stdout;
        if code == b"410" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "facts are cached for 5 s: {}", String::from_utf8_lossy(&code));
        std::thread::sleep(Duration::from_millis(200));
    }
}
