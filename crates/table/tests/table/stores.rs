//! The stores that the suite runs against: the embedded part, and two independent ones.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{Client, Config, config::timeout::TimeoutConfig};
use embed::{
    Keys,
    dynamodb::{Store as Embedded, serve},
};
use serde_json::Value;
use table::Table;
use tokio::net::TcpListener;

use crate::faults::Faults;

/// A store and how to reach it.
#[derive(Clone)]
pub struct Store {
    pub name: &'static str,
    config: Config,
}

impl Store {
    fn new(name: &'static str, endpoint: &str, access_key_id: &str, secret_access_key: &str) -> Self {
        let keys = Credentials::new(access_key_id, secret_access_key, None, None, "tests");
        let settings = Table::settings(Some(endpoint.to_owned()), "us-east-1", Some(keys)).unwrap();
        // A busy machine must not fail a test of rules; `faults` tests the product's own timeouts.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
        Self { name, config: settings.to_builder().timeout_config(timeouts).build() }
    }

    /// The embedded part, in memory, gone with the process.
    pub async fn embedded() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let keys = Keys { access_key_id: "AKIDTABLETESTS".to_owned(), secret_access_key: "secret-of-the-table-tests".to_owned() };
        tokio::spawn(serve(listener, Embedded::memory().unwrap(), keys.clone(), std::future::pending()));
        Self::new("embedded", &endpoint, &keys.access_key_id, &keys.secret_access_key)
    }

    pub fn ministack() -> (Self, Option<Started>) {
        Self::service("ministack", "OFFPRINT_TEST_MINISTACK")
    }

    pub fn moto() -> (Self, Option<Started>) {
        Self::service("moto", "OFFPRINT_TEST_MOTO")
    }

    /// The service that the test runner started, or one of our own until the end of the test.
    fn service(name: &'static str, variable: &str) -> (Self, Option<Started>) {
        let running = std::env::var(variable).ok().map(|described| serde_json::from_str(&described).unwrap());
        let started = running.is_none().then(|| Started::launch(name));
        let described: Value = running.or_else(|| started.as_ref().map(|started| started.described.clone())).unwrap();
        let text = |field: &str| described[field].as_str().unwrap().to_owned();
        (Self::new(name, &text("endpoint"), &text("access_key_id"), &text("secret_access_key")), started)
    }

    /// A table of this name, made if need be.
    pub async fn table(&self, name: &str) -> Table {
        let table = Table::new(self.config.clone(), name);
        table.create().await.unwrap();
        table
    }

    /// The same table, with faults on the way.
    pub fn faulty(&self, name: &str, faults: &Faults) -> Table {
        Table::new(self.config.to_builder().http_client(faults.client()).build(), name)
    }

    /// The same, with the product's own timeouts.
    pub fn impatient(&self, name: &str, faults: &Faults) -> Table {
        let millis = Duration::from_millis(domain::limits::TABLE_TRY_MS);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(millis).build();
        Table::new(self.config.to_builder().http_client(faults.client()).timeout_config(timeouts).build(), name)
    }

    /// The SDK itself, to look at and to spoil what the product wrote.
    pub fn sdk(&self) -> Client {
        Client::from_conf(self.config.clone())
    }
}

/// A service started by this process, and ended with it.
pub struct Started {
    described: Value,
    script: std::path::PathBuf,
}

impl Started {
    fn launch(name: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/services/{name}.sh"));
        let output = Command::new(&script)
            .args(["start", "--owner", &std::process::id().to_string()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap_or_else(|why| panic!("`{}` cannot be run: {why}", script.display()));
        assert!(output.status.success(), "`{}` did not start; `tests/services/setup.sh` installs what it needs", script.display());
        Self { described: serde_json::from_slice(&output.stdout).unwrap(), script }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let pids = self.described["pids"].as_array().unwrap().iter().map(Value::to_string);
        let stopped = Command::new(&self.script).arg("stop").args(pids).status();
        assert!(stopped.is_ok_and(|status| status.success()), "a service that this test started did not stop");
    }
}
