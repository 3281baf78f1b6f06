//! Services started by the launchers of `tests/services`, or by whoever runs the tests.

use std::{env, path::PathBuf, process::Command};

use serde_json::Value;

/// A service's address and keys.
pub(crate) struct Running {
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// What the launcher is told to stop; none if another started it.
    pids: Vec<String>,
    launcher: PathBuf,
}

/// The service that `variable` describes in JSON, else one started by `script`, which ends with this process.
pub(crate) fn running(variable: &str, script: &str) -> Running {
    let launcher = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/services").join(script);
    let (json, is_ours) = match env::var(variable) {
        Ok(json) => (json, false),
        Err(_unset) => {
            let started = Command::new(&launcher).args(["start", "--owner", &std::process::id().to_string()]).output().unwrap();
            assert!(started.status.success(), "`{script}` does not start: {}", String::from_utf8_lossy(&started.stderr));
            (String::from_utf8(started.stdout).unwrap(), true)
        }
    };
    let json: Value = serde_json::from_str(&json).unwrap();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    let pids = json["pids"].as_array().filter(|_| is_ours).into_iter().flatten().map(Value::to_string).collect();
    Running {
        endpoint: text("endpoint"),
        access_key_id: text("access_key_id"),
        secret_access_key: text("secret_access_key"),
        pids,
        launcher,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.pids.is_empty() {
            let _ended = Command::new(&self.launcher).arg("stop").args(&self.pids).status();
        }
    }
}
