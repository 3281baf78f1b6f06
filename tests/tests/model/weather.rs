//! What goes wrong between the product and its table, and an app that stands in it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;
use edge::provider::ProviderSettings;
use embed::Keys;
use http::StatusCode;
use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::select};
use table::Table;
use tempfile::TempDir;
use tests::{
    app::{Answer, TestApp},
    faults::{Fault, Faults},
    late::Late,
};

/// A minute less than the storage lets a signature be ahead of its clock.
const AHEAD_SECS: i64 = 14 * 60;

/// What goes wrong with the table.
#[derive(Debug, Clone)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// So many transactions meet another one.
    Conflicts(usize),
    /// So many writes seem lost, and arrive later.
    Late(usize),
    /// Each call in turn has its fault, if any; all after them have the last one.
    Foul { calls: Vec<Option<Fault>>, then: Option<Fault> },
}

/// Any weather, fair more often than any other.
pub fn any_weather() -> impl Strategy<Value = Weather> {
    // A conflict is told by the store itself, so it comes alone: a change that conflicts kept out of its transaction is audited after it.
    let faults = select(vec![
        Fault::Throttle,
        Fault::ErrorBefore,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::LostAfter,
        Fault::Late(3),
        Fault::Twice,
        Fault::Unprocessed(1),
        Fault::Unprocessed(3),
        Fault::Cut,
    ]);
    let then = option::weighted(0.5, select(vec![Fault::Throttle, Fault::LostBefore, Fault::LostAfter, Fault::ErrorBefore]));
    let foul = (vec(option::weighted(0.2, faults), 0..14), then).prop_map(|(calls, then)| Weather::Foul { calls, then });
    prop_oneof![
        5 => Just(Weather::Fair),
        1 => (1..=4_usize).prop_map(Weather::Conflicts),
        2 => (1..=4_usize).prop_map(Weather::Late),
        4 => foul,
    ]
}

/// Where the weather is made.
pub struct Sky {
    faults: Faults,
    late: Late,
}

impl Sky {
    /// An app over what lies in `dir`, under a fair sky.
    pub async fn over(dir: TempDir) -> (TestApp, Self) {
        let late = Late::over(aws_smithy_http_client::Builder::new().build_http());
        let faults = Faults::over(late.client());
        (patient_through(dir, faults.client(), None).await, Self { faults, late })
    }

    /// From here on.
    pub fn set(&self, weather: &Weather) {
        match weather.clone() {
            Weather::Fair => {}
            Weather::Conflicts(count) => (0..count).for_each(|_| {
                self.faults.next("TransactWriteItems", Fault::Conflict);
            }),
            Weather::Late(count) => self.late.hold(count),
            Weather::Foul { calls, then } => {
                let mut calls = calls.into_iter();
                self.faults.choose(move |_operation| calls.next().unwrap_or(then));
            }
        }
    }

    /// Fair from here on.
    pub fn heal(&self) {
        self.faults.heal();
        self.late.hold(0);
    }

    /// How many writes are held back.
    pub fn held(&self) -> usize {
        self.late.held()
    }

    /// The writes that were held back arrive; how many they are.
    pub async fn deliver(&self) -> usize {
        let held = self.held();
        self.late.deliver().await;
        held
    }
}

/// An app over what lies in `dir` that waits for its table: nothing hangs here, so that a slow machine does not look like a store that fails.
pub async fn patient(dir: TempDir) -> TestApp {
    patient_through(dir, aws_smithy_http_client::Builder::new().build_http(), None).await
}

/// The same with a provider that nobody asks anything, and that vouches for addresses.
pub async fn patient_and_vouched(dir: TempDir) -> TestApp {
    let set = |name: &str| match name {
        "OFFPRINT_OIDC_ISSUER" => Some("http://127.0.0.1:9".to_owned()),
        "OFFPRINT_OIDC_AUDIENCE" => Some("offprint".to_owned()),
        "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some("true".to_owned()),
        _ => None,
    };
    let provider = ProviderSettings::read(set).expect("settings");
    patient_through(dir, aws_smithy_http_client::Builder::new().build_http(), provider).await
}

async fn patient_through(dir: TempDir, client: SharedHttpClient, provider: Option<ProviderSettings>) -> TestApp {
    let patient = |_table: Table, url: &str, keys: &Keys| {
        let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test");
        let settings = Table::settings(Some(url.to_owned()), "us-east-1", Some(credentials)).expect("settings");
        let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
        Table::new(settings.to_builder().http_client(client).timeout_config(patient).build(), "offprint")
    };
    TestApp::built(dir, patient, provider).await
}

/// Whether an answer is that the storage refused a signature of ours, where it may: time passed here that did not pass for it, and what is
/// signed a quarter of an hour ahead of its clock it takes from nobody.
pub fn is_ahead_of_storage(app: &TestApp, answer: &Answer) -> bool {
    let ahead_secs = app.now().as_second() - Timestamp::now().as_second();
    answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.json()["code"] == "store-refused" && ahead_secs > AHEAD_SECS
}

/// When the signature in a redirect ends, in seconds; `None`: no redirect.
pub fn given(answer: &Answer) -> Result<Option<i64>> {
    if answer.status != StatusCode::FOUND {
        ensure!(answer.status.is_client_error() || answer.status == StatusCode::SERVICE_UNAVAILABLE, "a read answered {}", answer.status);
        ensure!(!answer.headers.contains_key("location"), "a refusal has no Location");
        return Ok(None);
    }
    let location = answer.header("location");
    let parameter =
        |name: &str| location.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)).context("a signed URL lacks a parameter");
    let at = parameter("X-Amz-Date=")?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", at)?.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    let secs: i64 = parameter("X-Amz-Expires=")?.parse()?;
    Ok(Some(at.as_second() + secs))
}
