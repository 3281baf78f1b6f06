//! The same program in front of other people's parts: objects in Ceph's S3 gateway, the table in another DynamoDB. Nothing of ours is embedded.
//!
//! First of all promises: what our presigner makes is read by real clients from a server that shares no code with ours, and ends in time.

use std::{path::Path, process::Command};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::ByteStream,
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::world::{Expect, Link, Up, service};

const FIRST: &str = "exp #3/50% +é.ome.zarr";

/// A fresh bucket in radosgw with the demo data in it, and the CORS rule that browsers need.
async fn bucket(ceph: &Value, data: &Path) -> String {
    let text = |field: &str| ceph[field].as_str().expect("radosgw is described").to_owned();
    let keys = Credentials::new(text("access_key_id"), text("secret_access_key"), None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(text("endpoint"))
        .credentials_provider(keys)
        .force_path_style(true)
        .build();
    let client = Client::from_conf(config);
    let name = format!("demo-{}", Timestamp::now().as_microsecond());
    client.create_bucket().bucket(&name).send().await.expect("a bucket");
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let key = path.strip_prefix(data).expect("below").to_str().expect("text").to_owned();
            let body = ByteStream::from(std::fs::read(&path).expect("a file"));
            client.put_object().bucket(&name).key(key).body(body).send().await.expect("an object");
        }
    }
    name
}

/// Reads every level of a link with zarr-python and TensorStore, and compares with the files.
fn read_by_real_clients(link: &Link, data: &Path) {
    const PROGRAM: &str = r#"
import sys, json, numpy, zarr, tensorstore
url, streamed, data = sys.argv[1:4]
ours, files = zarr.open_group(url, mode="r"), zarr.open_group(data, mode="r")
for level in ("0", "1", "2"):
    want = files[level][...]
    assert numpy.array_equal(ours[level][...], want), level
    spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": f"{streamed}/{level}/"}}
    assert numpy.array_equal(tensorstore.open(spec).result().read().result(), want), level
assert (files["0"][...] == 0).any(), "a chunk is missing, and reads as zeros"
print("equal")
"#;
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/clients/bin/python");
    let run = Command::new(&python).args(["-c", PROGRAM, &link.url, &link.streamed_url]).arg(data.join(FIRST)).output();
    let output = run.unwrap_or_else(|why| panic!("{}: {why}: run tests/services/setup.sh first", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn ceph_and_another_table_serve_as_well() {
    let (ceph, table) = (service("radosgw"), service("moto"));
    let dir = tempfile::TempDir::new().expect("a folder");
    let data = dir.path().join("data");
    offprint::demo::write(&data).expect("demo data");
    let bucket = bucket(&ceph, &data).await;
    let text = |from: &Value, field: &str| from[field].as_str().expect("described").to_owned();
    let environment = [("AWS_ACCESS_KEY_ID", text(&ceph, "access_key_id")), ("AWS_SECRET_ACCESS_KEY", text(&ceph, "secret_access_key"))];
    let (s3_url, table_url) = (text(&ceph, "endpoint"), text(&table, "endpoint"));
    let arguments = ["--s3-endpoint", &s3_url, "--s3-bucket", &bucket, "--table-endpoint", &table_url, "--table", &bucket];
    let up = Up::start_with(&dir.path().join("state"), &arguments, &environment);
    let token = std::fs::read_to_string(text(&up.ready, "token_file")).expect("a token");
    let app = text(&up.ready, "app_url");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let post = async |path: &str, body: Value| {
        client.post(format!("{app}{path}")).bearer_auth(token.trim()).json(&body).send().await.expect("an answer")
    };

    let dataset: Value = post("/api/v1/datasets", json!({ "source": bucket, "path": FIRST })).await.json().await.expect("JSON");
    assert_eq!(dataset["kind"], "zarr", "{dataset}");
    let ask = json!({ "dataset": dataset["id"], "strict": true });
    let link = Link::of(&post("/api/v1/links", ask).await.expect_status(StatusCode::CREATED).await);
    read_by_real_clients(&link, &data);

    let first = client.get(link.at("0/c/0/0/0/0")).send().await.expect("an answer");
    let location = first.header("location");
    assert!(location.starts_with(&s3_url), "bytes come from Ceph");
    let read = client.get(&location).send().await.expect("Ceph answers");
    assert_eq!(read.bytes().await.expect("bytes"), std::fs::read(data.join(FIRST).join("0/c/0/0/0/0")).expect("a file"));
    let missing = client.get(link.at("0/c/1/1/0/3")).send().await.expect("an answer").header("location");
    assert_eq!(client.get(missing).send().await.expect("Ceph answers").status(), StatusCode::NOT_FOUND, "a missing chunk is 404");
    assert_eq!(client.head(link.at("0/c/1/1/0/3")).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);

    let revoked = post(&format!("/api/v1/links/{}/revoke", link.id), json!({})).await.expect_status(StatusCode::OK).await;
    let enforced_by: Timestamp = revoked["enforced_by"].as_str().expect("enforced_by").parse().expect("a time");
    assert_eq!(client.get(link.at("zarr.json")).send().await.expect("an answer").status(), StatusCode::GONE, "a refusal is 410, never 404");
    while Timestamp::now() <= enforced_by + std::time::Duration::from_secs(1) {
        let asked = Timestamp::now();
        let status = client.get(&location).send().await.expect("Ceph answers").status();
        assert!(asked < enforced_by || status == StatusCode::FORBIDDEN, "the signed URL outlived its bound: {status}");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
