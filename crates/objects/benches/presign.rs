//! What a signature costs beside the SDK's, and beside one SHA-256 of the bytes that are signed; and what the decision before it costs
//! beside the signature. All in one run: compare, do not quote.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a measurement may fail loudly"
)]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/objects/facts.rs"]
mod facts;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region, ResponseChecksumValidation},
    presigning::PresigningConfig,
};
use criterion::Criterion;
use data_encoding::BASE64;
use domain::{
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Facts, Permit, Place, Principal, decide},
    grant::{Above, Conditions, Grant, Hold, Membership, Reach, Subject, Zones},
    id::{DatasetId, GroupId, UserId},
    path::ObjectPath,
    rights::Role,
};
use jiff::Timestamp;
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
    presigner::{Presigner, SignedMethod},
};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use uuid::Uuid;

const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY: &str = "0/c/4/7/2";
const TAG: &str = "laaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Times that each is measured for the ratios, in turn, so that a busy machine is busy for all.
const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(12);

/// Groups that the member belongs to, and grants on the dataset and the four above it.
const GROUPS: u128 = 20;
const GRANTS: u128 = 200;

/// What is compared.
struct Bench {
    runtime: Runtime,
    now: Timestamp,
    permit: Permit,
    presigner: Presigner,
    path: ObjectPath,
    sdk: Client,
    /// The canonical request and the string to sign.
    signed: Vec<u8>,
    principal: Principal,
    /// What the principal has as the plain owner, and as a member of groups.
    owner: Facts,
    member: Facts,
}

/// A dataset four deep that somebody else owns, and to which the person comes by groups alone. Each grant has an end and a zone, and
/// none gives everything that is looked for.
fn of_a_member(place: &Place, user: UserId, now: Timestamp) -> Facts {
    let owner = UserId::new(Uuid::from_u128(8));
    let group = |number: u128| GroupId::new(Uuid::from_u128(number));
    let grant = |number: u128| Grant {
        // Half of the grants are to groups that the person is in.
        subject: Subject::Group(group(number % (2 * GROUPS))),
        role: if number.is_multiple_of(7) { Role::View } else { Role::Download },
        may_share: false,
        level: None,
        conditions: Conditions {
            not_before: Some(Timestamp::UNIX_EPOCH),
            until: Some(now + jiff::SignedDuration::from_hours(i64::try_from(1 + number).unwrap())),
            zones: Zones::EVERYWHERE,
        },
        by: owner,
        at: now,
        hold: Hold::Active,
        version: 1,
    };
    let mut dataset = Dataset { owner, ..Dataset::root(DatasetId::new(Uuid::from_u128(20)), place.source.id, owner, now) };
    let mut chain = vec![dataset.clone()];
    for (number, at) in (21..).zip(["lab/", "lab/2026/", "lab/2026/em/", "lab/2026/em/fused.ome.zarr/"]) {
        dataset = Dataset::below(&dataset, DatasetId::new(Uuid::from_u128(number)), facts::path(at), Kind::Zarr, now).unwrap();
        chain.push(dataset.clone());
    }
    let each = GRANTS / 5;
    let mut grants = (0..5).map(|on| (on * each..(on + 1) * each).map(grant).collect::<Vec<_>>()).collect::<Vec<_>>();
    let here = grants.pop().unwrap();
    let above = chain.into_iter().zip(grants).map(|(dataset, grants)| Above { dataset, grants }).collect();
    let groups = (0..GROUPS).map(|number| Membership { group: group(2 * number), until: Timestamp::MAX }).collect();
    let reach = Reach { user: Some(user), here, above, groups, ..Reach::default() };
    Facts::Dataset(Arc::new(DatasetFacts::new(Place { source: place.source.clone(), dataset }, reach).unwrap()))
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // As STS makes them: base64, so that one byte in thirty-two is escaped.
        let token: String = BASE64.encode(&(0..22_u8).flat_map(|part| Sha256::digest([part])).take(675).collect::<Vec<_>>());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let settings = Settings {
            endpoint: None,
            public_endpoint: None,
            private_endpoints: true,
            signer: Signer::Static(Credentials::new(ACCESS_KEY_ID, SECRET, Some(token.clone()), None)),
            sts_endpoint: None,
        };
        let mut source = facts::source(facts::store("lab-data", None), "lab/2026/");
        source.store.path_style = false;
        let permit = facts::Opens::folder(source, "fused.ome.zarr/").permit(now);
        let presigner = runtime.block_on(Objects::new(settings).unwrap().presigner(&permit, now)).unwrap();
        let pair = aws_credential_types::Credentials::new(ACCESS_KEY_ID, SECRET, Some(token), None, "bench");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .credentials_provider(pair)
            .build();
        let path = facts::path(KEY);
        let signed = presigner.sign(&permit, SignedMethod::Get, &path, now).unwrap();
        let (place, query) = signed.reveal().split_once('?').unwrap();
        let (query, _signature) = query.rsplit_once('&').unwrap();
        let (host, path_of_url) = place.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let request = format!("GET\n/{path_of_url}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let to_sign = format!("AWS4-HMAC-SHA256\n20270115T080000Z\n20270115/us-east-1/s3/aws4_request\n{}", "0".repeat(64));
        let signed = [request, to_sign].concat().into_bytes();
        let place = facts::Opens::folder(facts::source(facts::store("lab-data", None), "lab/2026/"), "fused.ome.zarr/").place();
        let member = of_a_member(&place, facts::OWNER, now);
        let owner = Facts::Dataset(Arc::new(DatasetFacts::new(place, Reach { user: Some(facts::OWNER), ..Reach::default() }).unwrap()));
        let principal = facts::caller(now);
        Self { runtime, now, permit, presigner, path, sdk: Client::from_conf(config), signed, principal, owner, member }
    }

    fn decide(&self, facts: &Facts) {
        black_box(decide(black_box(&self.principal), Action::Read, black_box(facts), black_box(self.now)).unwrap());
    }

    fn sha256(&self) {
        black_box(Sha256::digest(black_box(&self.signed)));
    }

    fn ours(&self) {
        black_box(self.presigner.sign(black_box(&self.permit), SignedMethod::Get, black_box(&self.path), black_box(self.now)).unwrap());
    }

    fn theirs(&self) {
        let begins = UNIX_EPOCH + Duration::from_secs(self.now.as_second().unsigned_abs());
        let presigning = PresigningConfig::builder().start_time(begins).expires_in(Duration::from_mins(1)).build().unwrap();
        let key = format!("lab/2026/fused.ome.zarr/{}", black_box(KEY));
        // The same URL: with the tag in the signed query.
        let tagged = |request: &mut aws_sdk_s3::config::http::HttpRequest| {
            let uri = format!("{}&x-offprint-link={}", request.uri(), black_box(TAG));
            request.set_uri(uri).unwrap();
        };
        let presigned = self.sdk.get_object().bucket("lab-data").key(key).customize().mutate_request(tagged).presigned(presigning);
        black_box(self.runtime.block_on(presigned).unwrap());
    }
}

fn main() {
    let bench = Bench::new();
    let mut criterion =
        Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500)).configure_from_args();
    criterion.bench_function("sha256 of the same bytes", |by| by.iter(|| bench.sha256()));
    criterion.bench_function("presign, ours", |by| by.iter(|| bench.ours()));
    criterion.bench_function("presign, aws-sdk-s3", |by| by.iter(|| bench.theirs()));
    criterion.bench_function("decide, the plain owner", |by| by.iter(|| bench.decide(&bench.owner)));
    criterion.bench_function("decide, a member by 20 groups and 200 grants", |by| by.iter(|| bench.decide(&bench.member)));
    criterion.final_summary();
    report(&bench);
}

/// Nanoseconds of the processor that one call takes, over as many as fit into a round.
fn cost(call: impl Fn()) -> f64 {
    let (begun, spent) = (Instant::now(), on_cpu());
    let mut calls = 0_u32;
    while begun.elapsed() < ROUND {
        for _call in 0..8 {
            call();
        }
        calls += 8;
    }
    (on_cpu() - spent) / f64::from(calls)
}

/// Nanoseconds that this thread was on a processor: what others took of it does not count.
fn on_cpu() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 * 1e9 + spent.tv_nsec as f64
}

/// The middle one: a round in which the machine was busy elsewhere does not count.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "the ratios are what a benchmark says")]
fn report(bench: &Bench) {
    let round = |_| {
        let decided = [cost(|| bench.decide(&bench.owner)), cost(|| bench.decide(&bench.member))];
        [cost(|| bench.sha256()), cost(|| bench.ours()), cost(|| bench.theirs()), decided[0], decided[1]]
    };
    let rounds: Vec<[f64; 5]> = (0..ROUNDS).map(round).collect();
    let [sha256, ours, theirs, owner, member] = [0, 1, 2, 3, 4].map(|at| median(rounds.iter().map(|round| round[at]).collect()));
    let [by_owner, by_member] = [3, 4].map(|at| median(rounds.iter().map(|round| round[at] / round[1]).collect()));
    let by_sha256 = median(rounds.iter().map(|round| round[1] / round[0]).collect());
    let by_theirs = median(rounds.iter().map(|round| round[2] / round[1]).collect());
    println!();
    println!("signed bytes {}, session token 900 bytes, medians of {ROUNDS} rounds in turn", bench.signed.len());
    println!("sha256 {sha256:.0} ns, ours {ours:.0} ns, aws-sdk-s3 {theirs:.0} ns");
    println!("decide: the plain owner {owner:.0} ns, a member by {GROUPS} groups and {GRANTS} grants {member:.0} ns");
    println!("ours / sha256 of the same bytes: {by_sha256:.2} (must be at most 4)");
    println!("aws-sdk-s3 / ours:               {by_theirs:.1} (must be at least 30)");
    println!("decide / ours: the plain owner    {by_owner:.2}");
    println!("decide / ours: the member         {by_member:.2} (must be at most 3)");
}
