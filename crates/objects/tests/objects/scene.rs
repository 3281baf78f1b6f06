//! One bucket with known objects, on each of the stores.

use std::{collections::BTreeMap, fs, future::pending};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
};
use domain::source::{Source, Store};
use objects::{
    Objects, Settings,
    credentials::{Credentials, Signer},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{facts, service::Running};

pub(crate) const ODD: &str = "lab/em.zarr/exp #3/50% +é&=?~ .txt";
pub(crate) const CHUNK: &str = "lab/em.zarr/0/c/0/0/1";
/// Keys that no link carries, between others and behind all of them.
const UNCARRIED: [&str; 5] = ["lab/listed/a\u{1}", "lab/listed/b\u{7f}/1", "lab/listed/d\n", "lab/old.zarr/z\u{1}", "lab/old.zarr/z\u{2}"];

pub(crate) struct Scene {
    pub(crate) objects: Objects,
    pub(crate) source: Source,
    pub(crate) keys: BTreeMap<&'static str, Vec<u8>>,
    /// Whether keys with empty segments and folder markers can be there: not on a file system.
    pub(crate) is_flat: bool,
    pub(crate) browser: reqwest::Client,
    settings: Settings,
    _folders: Vec<TempDir>,
    _running: Option<Running>,
}

impl Scene {
    pub(crate) async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = contents();
        for key in keys.keys().chain(&UNCARRIED) {
            let file = folder.path().join(key);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, keys.get(key).map(Vec::as_slice).unwrap_or_default()).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let copies = tempfile::tempdir().unwrap();
        let bucket = |name: &str, root: &TempDir, writable| embed::Bucket { name: name.to_owned(), root: root.path().to_owned(), writable };
        let buckets = vec![bucket("data", &folder, false), bucket("copies", &copies, true)];
        let pair = embed::Keys { access_key_id: "AKIDEMBEDDED".to_owned(), secret_access_key: "s3cret+/=".to_owned() };
        drop(tokio::spawn(embed::s3::serve(listener, buckets, pair, pending())));
        Self::new(&endpoint, Credentials::new("AKIDEMBEDDED", "s3cret+/=", None, None), keys, false, vec![folder, copies], None)
    }

    pub(crate) async fn radosgw() -> Self {
        let running = crate::service::running("OFFPRINT_TEST_RADOSGW", "radosgw.sh");
        let mut keys = contents();
        let unlisted = ["lab/listed/", "lab/listed/x//y", "lab/listed/x//z"].into_iter().chain(UNCARRIED);
        keys.extend(unlisted.clone().map(|key| (key, Vec::new())));
        let credentials = Credentials::new(running.access_key_id.clone(), running.secret_access_key.clone(), None, None);
        upload(&running, "data", &keys).await;
        upload(&running, "copies", &BTreeMap::from([("big/from/large", vec![7; 11 << 20])])).await;
        keys.retain(|key, _| !unlisted.clone().any(|unlisted| unlisted == *key));
        let endpoint = running.endpoint.clone();
        Self::new(&endpoint, credentials, keys, true, Vec::new(), Some(running))
    }

    fn new(
        endpoint: &str,
        credentials: Credentials,
        keys: BTreeMap<&'static str, Vec<u8>>,
        is_flat: bool,
        folders: Vec<TempDir>,
        running: Option<Running>,
    ) -> Self {
        let settings = Settings {
            endpoint: Some(endpoint.to_owned()),
            public_endpoint: None,
            private_endpoints: true,
            signer: Signer::Static(credentials),
            sts_endpoint: None,
        };
        Self {
            objects: Objects::new(settings.clone()).unwrap(),
            settings,
            source: facts::source(facts::store("data", None), "lab/"),
            keys,
            is_flat,
            browser: reqwest::Client::builder().no_proxy().build().unwrap(),
            _folders: folders,
            _running: running,
        }
    }

    /// How the store is reached.
    pub(crate) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// The same place under another store description.
    pub(crate) fn source_with(&self, change: impl FnOnce(&mut Store)) -> Source {
        let mut source = self.source.clone();
        change(&mut source.store);
        source
    }
}

/// Puts objects into a bucket, which is made if need be.
pub(crate) async fn upload(running: &Running, bucket: &str, keys: &BTreeMap<&'static str, Vec<u8>>) {
    let pair = aws_credential_types::Credentials::new(&running.access_key_id, &running.secret_access_key, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&running.endpoint)
        .force_path_style(true)
        .credentials_provider(pair)
        .build();
    let client = Client::from_conf(config);
    let made = client.create_bucket().bucket(bucket).send().await;
    assert!(made.is_ok() || made.unwrap_err().into_service_error().is_bucket_already_owned_by_you());
    for (key, bytes) in keys {
        client.put_object().bucket(bucket).key(*key).body(bytes.clone().into()).send().await.unwrap();
    }
}

fn contents() -> BTreeMap<&'static str, Vec<u8>> {
    let chunk = (0..65_536_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut keys = BTreeMap::from([
        ("lab/em.zarr/zarr.json", b"{\"zarr_format\":3}".to_vec()),
        ("lab/em.zarr/0/zarr.json", b"{}".to_vec()),
        (CHUNK, chunk),
        (ODD, b"odd".to_vec()),
        ("lab/em.zarr/page.html", b"<script>alert(1)</script>".to_vec()),
        ("lab/em.zarr/empty", Vec::new()),
        ("lab/old.zarr/.zgroup", b"{}".to_vec()),
        ("lab/array.zarr/.zarray", b"{}".to_vec()),
        ("lab/em.zarr-beside/secret", b"beside".to_vec()),
        ("outside/secret", b"outside".to_vec()),
    ]);
    // Names around `/` (0x2f) in byte order, and enough of them for several pages.
    for key in [
        "lab/listed/a-b",
        "lab/listed/a/x",
        "lab/listed/a/y/z",
        "lab/listed/a0",
        "lab/listed/aé",
        "lab/listed/b c+d",
        "lab/listed/b%41",
        "lab/listed/c/1",
        "lab/listed/c/2",
        "lab/listed/c/3",
        "lab/listed/d",
        "lab/listed/x/w",
    ] {
        keys.insert(key, key.as_bytes().to_vec());
    }
    keys
}
