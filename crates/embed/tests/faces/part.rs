//! A running S3 face over a folder of its own, and the ways to speak to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use data_encoding::HEXLOWER;
use embed::{Bucket, Keys, s3};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What `SigV4` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) fn keys() -> Keys {
    Keys { access_key_id: "AKIDEMBED".to_owned(), secret_access_key: "a secret of the test/+=".to_owned() }
}

/// A server over the bucket `data`, and `other`, an empty one.
pub(crate) struct Part {
    pub(crate) address: SocketAddr,
    pub(crate) root: PathBuf,
    pub(crate) outer: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), s3::S3Error>>,
}

impl Part {
    /// Over a folder that `fill` fills.
    pub(crate) async fn over(fill: impl FnOnce(&Path)) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("data");
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(outer.path().join("other")).unwrap();
        fill(&root);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let buckets = vec![
            Bucket { name: "data".to_owned(), root: root.clone(), writable: false },
            Bucket { name: "other".to_owned(), root: outer.path().join("other"), writable: true },
        ];
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(s3::serve(listener, buckets, keys(), async move { drop(stopped.await) }));
        Self { address, root, outer, stop, served }
    }

    /// Over these keys, each with its own name as its bytes.
    pub(crate) async fn with_keys(keys: &[&str]) -> Self {
        Self::over(|root| {
            for key in keys {
                put(root, key, key.as_bytes());
            }
        })
        .await
    }

    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        let Keys { access_key_id, secret_access_key } = keys();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", self.address))
            .force_path_style(true)
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "test"));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    /// Sends a request signed in the query, with `headers` beside `host`.
    pub(crate) async fn send(&self, signing: &Signing, headers: &[(&str, &str)]) -> Answer {
        self.raw(signing.method, &signing.target(&self.address.to_string()), headers).await
    }

    /// Sends GET for a target exactly as it stands.
    pub(crate) async fn raw(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        text.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::read(&bytes)
    }
}

/// Writes a file, and the folders on its way.
pub(crate) fn put(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A path or a key as `SigV4` encodes it.
pub(crate) fn encoded(text: &str) -> String {
    text.split('/').map(|part| utf8_percent_encode(part, UNRESERVED).to_string()).collect::<Vec<_>>().join("/")
}

/// An HTTP answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let before = headers.insert(name.to_lowercase(), value.trim().to_owned());
            assert!(before.is_none(), "{name} came twice");
        }
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The `Code` of an S3 error.
    pub(crate) fn code(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code).to_owned()
    }
}

/// A signer of queries, independent of the server's and able to sign what no SDK would.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) signs_host: bool,
    pub(crate) keys: Keys,
    pub(crate) service: &'static str,
    pub(crate) region: &'static str,
    pub(crate) algorithm: &'static str,
    pub(crate) age_secs: i64,
    pub(crate) expires: String,
}

impl Signing {
    /// A GET of `key` in the bucket `data`.
    pub(crate) fn get(key: &str) -> Self {
        Self {
            method: "GET",
            path: format!("/data/{}", encoded(key)),
            query: Vec::new(),
            headers: Vec::new(),
            signs_host: true,
            keys: keys(),
            service: "s3",
            region: "us-east-1",
            algorithm: "AWS4-HMAC-SHA256",
            age_secs: 0,
            expires: "300".to_owned(),
        }
    }

    pub(crate) fn head(key: &str) -> Self {
        Self { method: "HEAD", ..Self::get(key) }
    }

    /// A GET of the bucket `data` itself.
    pub(crate) fn list(query: &[(&str, &str)]) -> Self {
        let listing = Self { path: "/data".to_owned(), ..Self::get("") };
        query.iter().fold(listing, |listing, (name, value)| listing.with(name, value))
    }

    /// With one more pair in the signed query.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more signed header.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request target, path and signed query.
    pub(crate) fn target(&self, host: &str) -> String {
        let now = SystemTime::now();
        let age = Duration::from_secs(self.age_secs.unsigned_abs());
        let at = if self.age_secs < 0 { now + age } else { now - age };
        let at = jiff::Timestamp::try_from(at).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &at[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let mut headers = self.headers.clone();
        if self.signs_host {
            headers.push(("host".to_owned(), host.to_owned()));
        }
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let mut query = self.query.clone();
        query.extend([
            ("X-Amz-Algorithm".to_owned(), self.algorithm.to_owned()),
            ("X-Amz-Credential".to_owned(), format!("{}/{scope}", self.keys.access_key_id)),
            ("X-Amz-Date".to_owned(), at.clone()),
            ("X-Amz-Expires".to_owned(), self.expires.clone()),
            ("X-Amz-SignedHeaders".to_owned(), names.clone()),
        ]);
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let mut pairs: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.sort();
        let query = pairs.join("&");
        let lines = headers.iter().fold(String::new(), |lines, (name, value)| format!("{lines}{name}:{value}\n"));
        let canonical = format!("{}\n{}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD", self.method, self.path);
        let hashed = HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
        let text = format!("{}\n{at}\n{scope}\n{hashed}", self.algorithm);
        let key = [day, self.region, self.service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.keys.secret_access_key).into_bytes(), |key, part| hmac(&key, part));
        format!("{}?{query}&X-Amz-Signature={}", self.path, HEXLOWER.encode(&hmac(&key, &text)))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
