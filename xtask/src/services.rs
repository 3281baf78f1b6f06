//! The real servers that suites talk to: started once for all tests, because nextest runs a process a test, and told to them by the environment.

use std::process::Command;

use anyhow::Context;

use crate::{Workshop, tell};

/// Each launcher below `tests/services`, and the variable that hands its JSON object to the tests.
const LAUNCHERS: [(&str, &str); 4] = [
    ("radosgw", "OFFPRINT_TEST_RADOSGW"),
    ("ministack", "OFFPRINT_TEST_MINISTACK"),
    ("moto", "OFFPRINT_TEST_MOTO"),
    ("oidc", "OFFPRINT_TEST_OIDC"),
];

/// The servers that were started, ended when this is dropped. Should this process die, they notice and end by themselves.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// Environment variables, each one server's endpoint, keys and process ids as JSON.
    pub(crate) environment: Vec<(&'static str, String)>,
    running: Vec<Running>,
}

/// One server: its launcher, its processes, and the temporary folder that it made.
#[derive(Debug)]
struct Running {
    launcher: String,
    pids: Vec<String>,
    dir: Option<String>,
}

impl Services {
    /// Starts all of them. A variable that is set already names a server of the caller's, and is passed on.
    ///
    /// # Errors
    /// When a launcher fails, or prints no JSON object with `pids`.
    pub(crate) fn start(workshop: &Workshop) -> anyhow::Result<Self> {
        let mut services = Self::default();
        for (name, variable) in LAUNCHERS {
            if std::env::var_os(variable).is_some() {
                continue;
            }
            let launcher = workshop.file(&format!("tests/services/{name}.sh"));
            let output = Command::new(&launcher)
                .args(["start", "--owner", &std::process::id().to_string()])
                .stderr(std::process::Stdio::inherit())
                .output()
                .with_context(|| format!("starting `{launcher}`"))?;
            let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            anyhow::ensure!(output.status.success(), "`{name}` did not start: {}", output.status);
            let object: serde_json::Value = serde_json::from_str(&told).with_context(|| format!("`{name}` printed no JSON"))?;
            let pids = object.get("pids").and_then(serde_json::Value::as_array).context("no `pids`")?;
            let text = |field: &str| object.get(field).and_then(serde_json::Value::as_str).map(str::to_owned);
            let pids = pids.iter().map(ToString::to_string).collect();
            services.running.push(Running { launcher, pids, dir: text("dir") });
            tell(&format!("{name} answers on {}", text("endpoint").unwrap_or_default()));
            services.environment.push((variable, told));
        }
        Ok(services)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for Running { launcher, pids, dir } in &self.running {
            if let Err(why) = Command::new(launcher).arg("stop").args(pids).status() {
                tell(&format!("`{launcher} stop` did not run: {why}"));
            }
            if let Some(Err(why)) = dir.as_ref().map(std::fs::remove_dir_all) {
                tell(&format!("a service's folder stays: {why}"));
            }
        }
    }
}
