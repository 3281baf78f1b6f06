//! The presigner held to the SDK's: the same URL, byte for byte, for whatever both can be asked.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region, ResponseChecksumValidation},
    presigning::PresigningConfig,
};
use domain::{
    id::LinkId,
    link::Class,
    path::{ObjectPath, encode_key},
    source::Store,
};
use jiff::Timestamp;
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
    presigner::{SignedMethod, SignedUrl},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::facts::{Opens, source};

#[derive(Debug, Clone)]
struct Case {
    store: Store,
    endpoint: Option<String>,
    key: ObjectPath,
    access_key_id: String,
    secret: String,
    token: Option<String>,
    second: i64,
    method: SignedMethod,
    class: Class,
    strict: bool,
    link: u128,
}

fn any_key() -> impl Strategy<Value = ObjectPath> {
    let segment =
        prop_oneof!["[ -~]{1,12}", "[a-c0-9._~-]{1,8}", "[é日😀ß ]{1,4}", "[+%&=?#;:@!$'()*,]{1,6}", "[a-z]{1,6}\\.(html|svg|XML|json)"];
    proptest::collection::vec(segment, 1..5)
        .prop_filter_map("legal", |segments| ObjectPath::from_decoded(segments.join("/")).ok())
        .prop_filter("an object, and not of spaces alone, which the SDK takes for none", |key| {
            !key.is_folder() && !key.as_str().trim().is_empty()
        })
}

fn any_store() -> impl Strategy<Value = (Store, Option<String>)> {
    // Labels of two characters: longer ones the SDK would put into a host that has no TLS. We never do.
    let bucket = prop_oneof!["[a-z][a-z0-9-]{1,20}[a-z0-9]", "[a-z]{2}\\.[a-z0-9]{2}"];
    let region = prop::sample::select(vec!["us-east-1", "eu-central-1", "ap-southeast-2", "cn-north-1", "us-gov-west-1"]);
    let endpoints = [
        "http://127.0.0.1:9000",
        "https://s3.example.org",
        "https://s3.example.org:9443",
        "http://minio.lab:80",
        "https://ceph.lab:443",
        "http://s3.lab:443",
    ];
    let endpoint = prop_oneof![Just(None), prop::sample::select(endpoints.to_vec()).prop_map(|endpoint| Some(endpoint.to_owned()))];
    (bucket, region, endpoint, any::<bool>(), any::<bool>()).prop_map(|(bucket, region, endpoint, path_style, requester_pays)| {
        (Store { bucket, region: region.to_owned(), endpoint: None, path_style, role: None, requester_pays }, endpoint)
    })
}

fn any_case() -> impl Strategy<Value = Case> {
    let methods = prop::sample::select(vec![SignedMethod::Get, SignedMethod::Head]);
    let classes = prop::sample::select(vec![Class::Collaboration, Class::Publication]);
    let who = ("[A-Z0-9]{16,20}", "[A-Za-z0-9/+]{30,80}", proptest::option::of("[A-Za-z0-9/+=]{0,900}"));
    (any_store(), any_key(), who, 0..253_402_000_000_i64, methods, classes, any::<bool>(), any::<u128>()).prop_map(
        |((store, endpoint), key, (access_key_id, secret, token), second, method, class, strict, link)| {
            let token = token.filter(|token| !token.is_empty());
            Case { store, endpoint, key, access_key_id, secret, token, second, method, class, strict, link }
        },
    )
}

fn ours(case: &Case, runtime: &tokio::runtime::Runtime) -> SignedUrl {
    let now = Timestamp::from_second(case.second).unwrap();
    let credentials = Credentials::new(case.access_key_id.clone(), case.secret.clone(), case.token.clone(), None);
    let settings = Settings {
        endpoint: case.endpoint.clone(),
        public_endpoint: None,
        private_endpoints: true,
        signer: Signer::Static(credentials),
        sts_endpoint: None,
    };
    let opens = Opens {
        class: case.class,
        strict: case.strict,
        link: LinkId::new(Uuid::from_u128(case.link)),
        ..Opens::folder(source(case.store.clone(), ""), "")
    };
    let permit = opens.permit(now);
    let presigner = runtime.block_on(Objects::new(settings).unwrap().presigner(&permit, now)).unwrap();
    presigner.sign(&permit, case.method, &case.key, now).unwrap()
}

/// The query that we add and sign, beside the signature's own parameters.
fn added_query(url: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    query.split('&').filter(|pair| !pair.starts_with("X-Amz-")).collect::<Vec<_>>().join("&")
}

fn theirs(case: &Case, signed: &SignedUrl, runtime: &tokio::runtime::Runtime) -> String {
    let pair = aws_credential_types::Credentials::new(&case.access_key_id, &case.secret, case.token.clone(), None, "test");
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(case.store.region.clone()))
        .force_path_style(case.store.path_style)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .credentials_provider(pair);
    config.set_endpoint_url(case.endpoint.clone());
    let client = Client::from_conf(config.build());
    let begins = UNIX_EPOCH + Duration::from_secs(signed.validity.signed_at.as_second().try_into().unwrap());
    let life = Duration::from_secs(signed.validity.expires_secs.into());
    let presigning = PresigningConfig::builder().start_time(begins).expires_in(life).build().unwrap();
    let query = added_query(signed.reveal());
    // In place of the operation's own query (`x-id=GetObject`): the one that we sign.
    let mutate = move |request: &mut aws_sdk_s3::config::http::HttpRequest| {
        let uri = request.uri().split('?').next().unwrap().to_owned();
        request.set_uri(format!("{uri}?{query}")).unwrap();
    };
    let (bucket, key) = (&case.store.bucket, case.key.as_str());
    let presigned = match case.method {
        SignedMethod::Get => {
            runtime.block_on(client.get_object().bucket(bucket).key(key).customize().mutate_request(mutate).presigned(presigning)).unwrap()
        }
        SignedMethod::Head => {
            runtime.block_on(client.head_object().bucket(bucket).key(key).customize().mutate_request(mutate).presigned(presigning)).unwrap()
        }
    };
    presigned.uri().to_owned()
}

/// The URL with its parameters in one order: the SDK appends its own to those that were there.
fn in_order(url: &str) -> (String, Vec<String>) {
    let (place, query) = url.split_once('?').unwrap();
    let mut pairs: Vec<_> = query.split('&').map(str::to_owned).collect();
    pairs.sort_unstable();
    (place.to_owned(), pairs)
}

/// The scheme's own port is left out by every client, and so by us; the SDK leaves it in the URL alone.
fn without_own_port(url: &str) -> String {
    url.replacen("http://minio.lab:80/", "http://minio.lab/", 1).replacen(".minio.lab:80/", ".minio.lab/", 1).replacen(
        "ceph.lab:443/",
        "ceph.lab/",
        1,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // SECURITY 4
    #[test]
    fn the_presigner_agrees_with_the_sdk(case in any_case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let signed = ours(&case, &runtime);
        let sdk = theirs(&case, &signed, &runtime);
        prop_assert_eq!(in_order(signed.reveal()), in_order(&without_own_port(&sdk)), "{:?}", case);
        // SECURITY T11, T12: nothing in it can end a header or lead elsewhere.
        prop_assert!(signed.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%?&=:".contains(&byte)), "{}", signed.reveal());
        prop_assert!(signed.reveal().contains(&encode_key(case.key.as_str()).to_string()));
        let query: Vec<_> = signed.reveal().split_once('?').unwrap().1.rsplit_once('&').unwrap().0.split('&').collect();
        prop_assert!(query.is_sorted(), "{}", signed.reveal());
    }
}
