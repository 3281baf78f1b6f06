//! Roles, against a token service that enforces trust policies and session policies.

use std::{collections::BTreeMap, time::Duration};

use domain::source::{Role, Source};
use http::HeaderMap;
use jiff::SignedDuration;
use objects::{
    Objects, ObjectsError, Settings,
    credentials::{Credentials, CredentialsError, Signer},
    listing::ListQuery,
    presigner::{SignedMethod, SignedUrl},
};
use tokio::net::TcpListener;

use crate::{
    facts::{Opens, path, permit_to_administer, real_now, source, store},
    scene::upload,
    service::{Running, running},
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"made-by-us"}}}]}"#;
const OPEN_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
const READS_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}"#;

const COPIES: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket","s3:PutObject","s3:AbortMultipartUpload"],"Resource":"*"}]}"#;

/// Asks the service's IAM, of which no SDK is here.
async fn iam(cloud: &Running, pairs: &[(&str, &str)]) {
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    let escaped = |value: &str| domain::path::encode_key(value).to_string().replace('/', "%2F");
    let body = pairs.iter().map(|(name, value)| [*name, "=", &escaped(value)].concat()).collect::<Vec<_>>().join("&");
    let identity = aws_credential_types::Credentials::new(&cloud.access_key_id, &cloud.secret_access_key, None, None, "test").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("iam")
        .time(real_now().into())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("{}/", cloud.endpoint);
    let content = ("content-type", "application/x-www-form-urlencoded");
    let signable = SignableRequest::new("POST", &uri, [content].into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (signed, _signature) = sign(signable, &params).unwrap().into_parts();
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = browser.post(&uri).header(content.0, content.1).body(body);
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success() || answer.status() == 409, "{}", answer.text().await.unwrap());
}

async fn role(cloud: &Running, name: &str, trust: &str, may: &str) {
    let version = ("Version", "2010-05-08");
    iam(cloud, &[("Action", "CreateRole"), version, ("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await;
    let policy = [("PolicyName", "may"), ("PolicyDocument", may)];
    iam(cloud, &[&[("Action", "PutRolePolicy"), version, ("RoleName", name)][..], &policy].concat()).await;
}

fn with_role(name: &str, external_id: Option<&str>) -> Source {
    let mut source = source(store("data", None), "lab/");
    source.store.role = Some(Role { arn: format!("arn:aws:iam::000000000000:role/{name}"), external_id: external_id.map(str::to_owned) });
    source
}

fn settings(cloud: &Running, sts_endpoint: &str) -> Settings {
    let keys = Credentials::new(cloud.access_key_id.clone(), cloud.secret_access_key.clone(), None, None);
    Settings {
        endpoint: Some(cloud.endpoint.clone()),
        public_endpoint: None,
        private_endpoints: true,
        signer: Signer::Static(keys),
        sts_endpoint: Some(sts_endpoint.to_owned()),
    }
}

async fn signed(objects: &Objects, source: &Source, now: jiff::Timestamp) -> Result<SignedUrl, CredentialsError> {
    let permit = Opens::folder(source.clone(), "").permit(now);
    Ok(objects.presigner(&permit, now).await?.sign(&permit, SignedMethod::Get, &path("a"), now).unwrap())
}

fn access_key_id(url: &SignedUrl) -> String {
    url.reveal().split_once("X-Amz-Credential=").unwrap().1.split('%').next().unwrap().to_owned()
}

/// Passes connections on to the token service until it is told to be gone, and counts them.
struct Gate {
    endpoint: String,
    count: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

async fn gate(cloud: &Running) -> Gate {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let to = cloud.endpoint.strip_prefix("http://").unwrap().to_owned();
    let count = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = std::sync::Arc::clone(&count);
    let task = tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let (mut near, _peer) = listener.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(&to).await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            open.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    Gate { endpoint, count, task }
}

// SECURITY T14, T17, T22; SEMANTICS 7. One test, because the cloud takes seconds to start.
#[tokio::test]
async fn a_role_signs_for_its_prefix_and_is_renewed_before_it_ends() {
    let cloud = running("OFFPRINT_TEST_MINISTACK", "ministack.sh");
    upload(&cloud, "data", &BTreeMap::from([("lab/a", b"inside".to_vec()), ("outside", b"outside".to_vec())])).await;
    role(&cloud, "objects-signer", TRUST, READS_ALL).await;
    role(&cloud, "objects-open", OPEN_TRUST, READS_ALL).await;
    role(&cloud, "objects-copier", TRUST, COPIES).await;
    a_session_is_cut_to_the_prefix(&cloud).await;
    one_session_serves_until_half_of_its_life(&cloud).await;
    the_trust_policy_decides(&cloud).await;
    a_session_copies_into_its_prefix(&cloud).await;
}

async fn a_session_is_cut_to_the_prefix(cloud: &Running) {
    let now = real_now();
    let objects = Objects::new(settings(cloud, &cloud.endpoint)).unwrap();
    let inside = with_role("objects-signer", Some("made-by-us"));
    let permit = Opens::folder(inside.clone(), "").permit(now);
    assert_eq!(objects.head(&permit, &path("a"), now).await.unwrap().unwrap().size, 6);
    assert_eq!(objects.head(&permit, &path("missing"), now).await, Ok(None), "a missing object is a 404 and not a 403");
    assert_eq!(objects.folder(&permit, &path(""), now).await.unwrap().unwrap().len(), 1);
    let url = signed(&objects, &inside, now).await.unwrap();
    assert!(url.reveal().contains("&X-Amz-Security-Token="));
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(browser.get(url.reveal()).send().await.unwrap().bytes().await.unwrap(), "inside");
    let findings = objects.doctor(&permit_to_administer(now), &inside, now).await.unwrap();
    for id in ["outside", "external-id", "missing", "read", "range"] {
        assert!(findings.iter().any(|finding| finding.id == id && finding.ok), "{id}: {findings:#?}");
    }
    let policy: serde_json::Value = serde_json::from_str(&objects.bucket_policy(&inside)).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::000000000000:role/objects-signer");
}

async fn one_session_serves_until_half_of_its_life(cloud: &Running) {
    let gate = gate(cloud).await;
    let calls = || gate.count.load(std::sync::atomic::Ordering::Relaxed);
    let objects = Objects::new(settings(cloud, &gate.endpoint)).unwrap();
    let source = with_role("objects-signer", Some("made-by-us"));
    let now = real_now();
    // A crowd asks at once: one session for all.
    let crowd = (0..50).map(|_| {
        let (objects, source) = (objects.clone(), source.clone());
        tokio::spawn(async move { access_key_id(&signed(&objects, &source, now).await.unwrap()) })
    });
    let mut ids = Vec::new();
    for one in crowd {
        ids.push(one.await.unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), calls()), (1, 1));
    let first = ids.remove(0);
    let later = |secs: i64| now + SignedDuration::from_secs(secs);
    assert_eq!(access_key_id(&signed(&objects, &source, later(1_500)).await.unwrap()), first, "before half of its life");
    // Past half of it: the old one still serves this request, the new one a later.
    assert_eq!(access_key_id(&signed(&objects, &source, later(2_100)).await.unwrap()), first);
    let mut second = first.clone();
    for _wait in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        second = access_key_id(&signed(&objects, &source, now).await.unwrap());
        if second != first {
            break;
        }
    }
    assert_ne!(second, first, "renewed in the background");
    // The service is gone: what is held serves until 30 s before its end, then nothing does.
    gate.task.abort();
    let _ended = gate.task.await;
    for (secs, serves) in [(3_000, true), (3_560, true), (3_600, false)] {
        let got = signed(&objects, &source, later(secs)).await;
        assert_eq!(got.as_ref().map(access_key_id).ok(), serves.then(|| second.clone()), "{secs}");
        if let Ok(url) = got {
            assert!(url.validity.end() <= later(3_605 - 30), "{secs}");
        }
    }
    assert_eq!(signed(&objects, &source, later(3_600)).await.map(drop), Err(CredentialsError::Unreachable));
    let permit = Opens::folder(source, "").permit(later(3_600));
    let refused = objects.open(&permit, SignedMethod::Get, &path("a"), &HeaderMap::new(), later(3_600)).await;
    assert_eq!(refused.map(drop), Err(ObjectsError::Credentials(CredentialsError::Unreachable)));
}

async fn the_trust_policy_decides(cloud: &Running) {
    let now = real_now();
    let objects = Objects::new(settings(cloud, &cloud.endpoint)).unwrap();
    for external_id in [None, Some("guessed")] {
        let refused = signed(&objects, &with_role("objects-signer", external_id), now).await;
        assert!(matches!(&refused, Err(CredentialsError::Refused { code, .. }) if code == "AccessDenied"), "{refused:?}");
    }
    let open = with_role("objects-open", Some("made-by-us"));
    let findings = objects.doctor(&permit_to_administer(now), &open, now).await.unwrap();
    let finding = findings.iter().find(|finding| finding.id == "external-id").unwrap();
    assert!(!finding.ok, "a role that anybody can assume: {finding:?}");
}

// SECURITY T13, T22
async fn a_session_copies_into_its_prefix(cloud: &Running) {
    let now = real_now();
    let objects = Objects::new(settings(cloud, &cloud.endpoint)).unwrap();
    let from = with_role("objects-copier", Some("made-by-us"));
    let into = Source { prefix: path("mine/"), writable: true, ..from.clone() };
    let copy = Opens::folder(from, "").permit_to_copy(now);
    let receive = Opens::folder(into.clone(), "").permit_to_receive(now);
    let copier = objects.copier(&copy, &receive, &path("to/")).unwrap();
    let listed = objects.list(&copy, &path(""), &ListQuery { max: 10, ..ListQuery::default() }, now).await.unwrap().objects;
    copier.copy(&listed[0], false, now).await.unwrap();
    assert_eq!(copier.check(&listed[0], now).await, Ok(()));
    let can_be_written = async |source: Source| {
        let findings = objects.doctor(&permit_to_administer(now), &source, now).await.unwrap();
        findings.into_iter().find(|finding| finding.id == "write").unwrap().ok
    };
    assert!(can_be_written(into.clone()).await);
    let reads = with_role("objects-signer", Some("made-by-us"));
    assert!(!can_be_written(Source { writable: true, ..reads }).await, "a role that reads writes nothing");
}

// SECURITY T13
#[tokio::test]
async fn where_no_role_is_named_one_signs_and_another_copies() {
    let arn = |name: &str| format!("arn:aws:iam::000000000000:role/{name}");
    let signer = Signer::Role { arn: arn("signer"), copier: Some(arn("copier")) };
    let settings = Settings { endpoint: None, public_endpoint: None, private_endpoints: false, signer, sts_endpoint: None };
    let objects = Objects::new(settings).unwrap();
    let whom = |source: Source| {
        let policy: serde_json::Value = serde_json::from_str(&objects.bucket_policy(&Source { writable: true, ..source })).unwrap();
        [0, 4].map(|statement: usize| policy["Statement"][statement]["Principal"]["AWS"].clone())
    };
    let none = source(store("data", None), "lab/");
    assert_eq!(whom(none), [serde_json::json!([arn("signer"), arn("copier")]), arn("copier").into()]);
    let own = with_role("own", Some("made-by-us"));
    assert_eq!(whom(own), [serde_json::Value::from(arn("own")), arn("own").into()]);
}
