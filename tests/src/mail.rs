//! A mail server, aiosmtpd, started by a test for itself (`tests/services/mail.py` says what it does).

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The server; ended with this.
#[derive(Debug)]
pub struct MailServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    dir: TempDir,
    child: Child,
}

impl MailServer {
    /// Starts one.
    pub fn start() -> Self {
        let (tests, dir) = (Path::new(env!("CARGO_MANIFEST_DIR")), TempDir::new().expect("a folder"));
        let mut child = Command::new(tests.join(".venv/mail/bin/python"))
            .arg(tests.join("services/mail.py"))
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts: run tests/services/setup.sh");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("an output")).read_line(&mut port).expect("a line");
        Self { port: port.trim().parse().expect("a port"), dir, child }
    }

    /// From here on it does what a file of this name says.
    pub fn does(&self, what: &str, text: &str) {
        fs::write(self.dir.path().join(what), text).expect("a file");
    }

    /// No longer.
    pub fn does_not(&self, what: &str) {
        fs::remove_file(self.dir.path().join(what)).expect("a file");
    }

    /// What it took so far, the first first, each header and each line of text in one line.
    pub fn mails(&self) -> Vec<String> {
        let path = |number: usize| -> PathBuf { self.dir.path().join(format!("{number}.eml")) };
        (1..).map_while(|number| Some(fs::read_to_string(path(number)).ok()?.replace("\r\n ", " ").replace("=\r\n", ""))).collect()
    }

    /// The same once there are so many.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<String> {
        let began = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(began.elapsed() < patience, "{} mails came, not {count}", mails.len());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
