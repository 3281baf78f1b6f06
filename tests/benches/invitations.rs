//! Whether the time in which an invitation to an e-mail address is answered tells that somebody has an account with it (SECURITY T35): addresses of
//! accounts and addresses of nobody, one of each in turn and in random order, each asked once, compared by ranks (Mann and Whitney).
//!
//! What a difference would look like is measured with it: the same for an address of nobody with one read of the table more, which is the least that
//! looking for an account would cost. A run prints figures and gives no verdict: with nothing to tell, one run in twenty has a p below 0.05.

use std::time::Instant;

use edge::{provider::ProviderSettings, sign_in};
use http::{Method, StatusCode};
use identity::Verified;
use jiff::SignedDuration;
use serde_json::json;
use tests::app::TestApp;

const ISSUER: &str = "https://id.test";
/// Addresses of each kind.
const PAIRS: usize = 400;
/// Pairs of a day: one person sends twenty invitations.
const PAIRS_DAY: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Somebody's who signed in with it, and is mailed there.
    Known,
    /// Nobody's.
    Unknown,
    /// Nobody's, and one read of the table besides.
    LookedUp,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Known, Self::Unknown, Self::LookedUp];

    /// As long whatever the kind.
    fn address(self, number: usize) -> String {
        let letter = match self {
            Self::Known => 'k',
            Self::Unknown => 'n',
            Self::LookedUp => 'm',
        };
        format!("{letter}{number:04}@lab.example")
    }
}

async fn an_app() -> TestApp {
    let set = |name: &str| match name {
        "OFFPRINT_OIDC_ISSUER" => Some(ISSUER.to_owned()),
        "OFFPRINT_OIDC_AUDIENCE" => Some("offprint".to_owned()),
        "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" => Some("true".to_owned()),
        _ => None,
    };
    TestApp::with_provider(ProviderSettings::read(set).expect("settings").expect("a provider")).await
}

/// An account with this address.
async fn sign_up(app: &TestApp, email: String) {
    let known = Verified {
        issuer: ISSUER.to_owned(),
        subject: email.clone(),
        name: Some(email.split('@').next().unwrap_or_default().to_owned()),
        email: Some(email),
        groups: Vec::new(),
        issued_at: None,
        until: app.now() + SignedDuration::from_hours(1),
    };
    sign_in::as_identified(&app.app, &known, app.now()).await.expect("it signs in");
}

/// Microseconds of each answer, by kind.
async fn measured(app: &TestApp) -> [Vec<f64>; 3] {
    let dataset = app.dataset("plain-v2.ome.zarr").await;
    let path = format!("/api/v1/datasets/{dataset}/invitations");
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    for number in 0..PAIRS {
        if number % PAIRS_DAY == 0 {
            app.pass_secs(86_400);
        }
        for kind in shuffled() {
            let ask = json!({ "email": kind.address(number), "role": "view" });
            let began = Instant::now();
            if kind == Kind::LookedUp {
                app.app.table.founder().await.expect("the table answers");
            }
            let answer = app.api(Method::POST, &path, Some(ask)).await;
            let micros = began.elapsed().as_secs_f64() * 1e6;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", String::from_utf8_lossy(&answer.body));
            if let Some(kind) = Kind::ALL.iter().position(|one| *one == kind) {
                took[kind].push(micros);
            }
        }
    }
    took
}

/// The kinds in a random order: whatever comes first in a day, or after a pause, is each of them as often.
fn shuffled() -> [Kind; 3] {
    let [a, b, c] = Kind::ALL;
    let mut bits = [0; 1];
    getrandom::fill(&mut bits).expect("random bits");
    [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]][usize::from(bits[0] % 6)]
}

/// How likely one of the first takes longer than one of the second, and by how many standard errors that is from a half (Mann and Whitney's U, with the
/// normal's approximation; equal times count half).
fn ranked(first: &[f64], second: &[f64]) -> (f64, f64) {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let wins = |one: f64| {
        second
            .iter()
            .map(|other| {
                if one > *other {
                    1.0
                } else if one < *other {
                    0.0
                } else {
                    0.5
                }
            })
            .sum::<f64>()
    };
    let u: f64 = first.iter().map(|one| wins(*one)).sum();
    (u / (n * m), (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt())
}

/// How likely it is that something which tells nothing is as far from a half: both tails of the normal (Abramowitz and Stegun, 26.2.17).
fn two_sided(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    2.0 * sum * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let [known, unknown, looked_up] = runtime.block_on(async {
        let app = an_app().await;
        for number in 0..PAIRS {
            sign_up(&app, Kind::Known.address(number)).await;
        }
        measured(&app).await
    });
    println!(
        "{PAIRS} of each: the median of an answer is {:.0} µs for an address of an account, {:.0} µs for one of nobody",
        median(&known),
        median(&unknown)
    );
    for (what, times) in [("an account", &known), ("nobody, and one read of the table more", &looked_up)] {
        let (likely, z) = ranked(times, &unknown);
        println!("{what}, beside nobody: longer in {:.1} % of all pairs, z = {z:+.2}, p = {:.2e}", likely * 100.0, two_sided(z));
    }
}
