//! A link as an S3 bucket: `ListObjectsV2`, and `ListObjects` before it, in three forms over one truth (CLIENTS 3).
//!
//! The bucket is the key; its objects' keys begin with the link's name. Asked at the origin's root, `/?list-type=2&prefix={key}/...`,
//! they begin with the key instead. Sources: the S3 API's `ListObjectsV2` and `ListObjects`.

use std::collections::BTreeMap;

use axum::{body::Body, response::Response};
use domain::{
    decision::{Action, Facts, Permit},
    limits::LIST_PAGE_MAX,
    path::{ObjectPath, encode_key},
};
use edge::{
    problem::Problem,
    target::{Form, Opener, RawTarget, split_root_prefix},
    trace::Delivery,
};
use http::{HeaderValue, Method, StatusCode, header};
use objects::listing::{ListPage, ListQuery, ObjectEntry};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::{Reading, object::found_at};

/// What a client asks of a listing.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    version: Version,
    prefix: String,
    delimiter: Option<String>,
    /// The `start-after` of version 2, the `marker` of version 1.
    after: Option<String>,
    token: Option<String>,
    max_keys: u16,
    url_encoded: bool,
}

/// Which of S3's two listings it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `ListObjects`: pages go on after a key or a common prefix, the marker.
    One,
    /// `ListObjectsV2`: pages go on by tokens.
    Two,
}

/// What makes a query one of `ListObjects`, which has no word of its own.
const LIST_WORDS: [&str; 5] = ["delimiter", "encoding-type", "marker", "max-keys", "prefix"];
/// What asks for other bytes than those that are there now. Whoever is given those instead is misled, whatever its form.
const OTHER_BYTES: [&str; 2] = ["partNumber", "versionId"];
/// What clients that read in parts ask first, to learn how many there are. No count in the answer says one: the whole object.
const FIRST_PART: (&str, &str) = ("partNumber", "1");
/// What makes a request of S3's an operation other than reading and listing.
const OTHER_OPERATIONS: [&str; 30] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "retention",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

impl Reading<'_> {
    /// `/`: a listing of keys below `prefix={key}/`; nothing else is here.
    pub(crate) async fn root(&mut self, query: Option<&str>) -> Result<Response, Problem> {
        let mut asked = Asked::of(&read_query(query))?.ok_or_else(Problem::not_found)?;
        let Some((opener, form, rest)) = split_root_prefix(&asked.prefix).map(|(opener, form, rest)| (opener, form, rest.to_owned()))
        else {
            return Ok(xml(&Listing::empty("", &asked)));
        };
        let Some(facts) = self.known(opener.clone()).await? else { return Ok(xml(&Listing::empty("", &asked))) };
        let top = format!("{}/", opener.reveal(form));
        asked.prefix = rest;
        asked.after = asked.after.map(|after| after.strip_prefix(&top).map(str::to_owned).unwrap_or(after));
        self.list(&facts, "", &top, asked).await
    }

    /// `/{key}` and `/{key}/`: a link or dataset as a bucket.
    pub(crate) async fn bucket(&mut self, opener: Opener, form: Form, query: Option<&str>) -> Result<Response, Problem> {
        let bucket = opener.reveal(form);
        let facts = self.facts(opener).await?;
        let pairs = read_query(query);
        if let Some(asked) = Asked::of(&pairs)? {
            return self.list(&facts, &bucket, "", asked).await;
        }
        let permit = self.permit(Action::List, &facts)?;
        if pairs.contains_key("location") {
            return Ok(xml(&Location {}));
        }
        if self.parts.method == Method::HEAD {
            return Ok(Response::new(Body::empty()));
        }
        if !self.is_led(form) {
            return self.list(&facts, &bucket, "", Asked::read(Version::One, &pairs)?).await;
        }
        // A person who cut the address short is led to what the link opens.
        let scope = permit.scope().ok_or_else(Problem::not_found)?;
        let slash = if scope.is_single_object() { "" } else { "/" };
        Ok(found_at(&format!("{}/{bucket}/{}{slash}", self.origin(), encode_key(scope.name()))))
    }

    async fn known(&mut self, opener: Opener) -> Result<Option<Facts>, Problem> {
        match self.facts(opener).await {
            Ok(facts) => Ok(Some(facts)),
            Err(problem) if problem.status == StatusCode::NOT_FOUND => {
                // Nothing is told of it but an empty listing, and it is guessed at all the same.
                self.note_miss(&problem);
                self.verdict.reason = Some(problem.code);
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    /// One page. `top` stands before every key: nothing in a bucket, the key and a slash at the origin's root.
    async fn list(&mut self, facts: &Facts, bucket: &str, top: &str, asked: Asked) -> Result<Response, Problem> {
        self.verdict.delivery = Some(Delivery::Listing);
        self.verdict.path = Some("folder");
        let permit = self.permit(Action::List, facts)?;
        let scope = permit.scope().ok_or_else(Problem::not_found)?;
        let mut listing = Listing::empty(bucket, &Asked { prefix: format!("{top}{}", asked.prefix), ..asked.clone() });
        let name = scope.name();
        if scope.is_single_object() {
            // What a listing of one object tells is what its HEAD tells.
            let permit = self.permit(Action::Read, facts)?;
            self.list_single(&permit, name, top, &asked, &mut listing).await?;
            return Ok(xml(&listing));
        }
        let folder = format!("{name}/");
        let Some(inside) = asked.prefix.strip_prefix(folder.as_str()) else {
            if folder.starts_with(&asked.prefix) {
                if asked.delimiter.is_some() && asked.max_keys > 0 && !asked.is_past(&folder) {
                    listing.add_prefix(&format!("{top}{folder}"));
                } else if asked.delimiter.is_none() {
                    self.list_inside(&permit, &folder, top, "", &asked, &mut listing).await?;
                }
            }
            return Ok(xml(&listing));
        };
        self.list_inside(&permit, &folder, top, inside, &asked, &mut listing).await?;
        Ok(xml(&listing))
    }

    /// What the listing of a folder at its own address is asked for; `None`: its page is.
    pub(crate) fn asked_of_folder(&self) -> Result<Option<Asked>, Problem> {
        let (_raw, query) = RawTarget::of(self.parts);
        Asked::of(&read_query(query))
    }

    /// Refuses what S3 knows and is not offered here, before anything is looked up: an answer with the object as it is, or with its listing,
    /// would be taken for what was asked. Words that viewers and SDKs add are nobody's operation, and ignored.
    pub(crate) fn refuse_operations(&self, query: &str, form: Form) -> Result<(), Problem> {
        let as_s3 = !self.is_led(form);
        let is_refused = |name: &str, value: &str| {
            (OTHER_BYTES.contains(&name) && (name, value) != FIRST_PART) || (as_s3 && OTHER_OPERATIONS.contains(&name))
        };
        if !pairs(query).any(|(name, value)| is_refused(&name, &value)) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "s3-operation", "objects are read here as they are, whole or in ranges, and listed")
            .hint("leave `versionId`, a `partNumber` other than 1 and sub-resources such as `acl` out"))
    }

    /// A folder as a bucket of its own: keys are those below it.
    pub(crate) async fn list_folder(&self, permit: &Permit, path: &ObjectPath, asked: Asked) -> Result<Response, Problem> {
        let name = path.name().or_else(|| permit.scope().map(|scope| scope.name())).unwrap_or_default();
        let mut listing = Listing::empty(name, &asked);
        let query = asked.query(asked.prefix.clone(), asked.after.clone());
        listing.fill("", self.app.objects.list(permit, path, &query, self.now).await?);
        Ok(xml(&listing))
    }

    /// Keys below the link's folder whose rest begins with `inside`.
    async fn list_inside(
        &self,
        permit: &Permit,
        folder: &str,
        top: &str,
        inside: &str,
        asked: &Asked,
        listing: &mut Listing,
    ) -> Result<(), Problem> {
        // A key before the folder skips nothing in it; one behind it, everything.
        let after = match asked.after.as_deref() {
            Some(after) if !after.starts_with(folder) && after > folder => return Ok(()),
            after => after.and_then(|after| after.strip_prefix(folder)).map(str::to_owned),
        };
        let query = asked.query(inside.to_owned(), after);
        let page = self.app.objects.list(permit, &ObjectPath::default(), &query, self.now).await?;
        listing.fill(&format!("{top}{folder}"), page);
        Ok(())
    }

    /// The one key of a link to a single object.
    async fn list_single(&self, permit: &Permit, name: &str, top: &str, asked: &Asked, listing: &mut Listing) -> Result<(), Problem> {
        if !name.starts_with(&asked.prefix) || asked.is_past(name) || asked.max_keys == 0 {
            return Ok(());
        }
        if let Some(object) = self.app.objects.head(permit, &ObjectPath::default(), self.now).await? {
            let entry =
                ObjectEntry { key: String::new(), size: object.size, etag: object.etag, modified: object.modified, storage_class: None };
            listing.add(&format!("{top}{name}"), &entry);
        }
        Ok(())
    }
}

impl Asked {
    /// What the query asks of a listing; `None`: it asks for none.
    fn of(pairs: &BTreeMap<String, String>) -> Result<Option<Self>, Problem> {
        let version = match pairs.get("list-type").map(String::as_str) {
            Some("2") => Version::Two,
            Some(_) => return Err(wrong("the only `list-type` is 2")),
            None if LIST_WORDS.iter().any(|word| pairs.contains_key(*word)) => Version::One,
            None => return Ok(None),
        };
        Self::read(version, pairs).map(Some)
    }

    fn read(version: Version, pairs: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let of = |name: &str| pairs.get(name).filter(|value| !value.is_empty()).cloned();
        let (after, token) = match version {
            Version::One => (of("marker"), None),
            Version::Two => (of("start-after"), of("continuation-token")),
        };
        if of("delimiter").is_some_and(|delimiter| delimiter != "/") {
            return Err(wrong("the only delimiter is `/`"));
        }
        // No key has one, and XML can tell of none.
        if [&of("prefix"), &after].into_iter().flatten().any(|text| text.contains(char::is_control)) {
            return Err(wrong("no key has a control character"));
        }
        let max_keys = match of("max-keys") {
            Some(text) => text.parse::<u32>().map_err(|_why| wrong("`max-keys` is a number"))?,
            None => u32::from(LIST_PAGE_MAX),
        };
        if token.as_ref().is_some_and(|token| data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).is_err()) {
            return Err(wrong("the continuation token is not one of ours"));
        }
        Ok(Self {
            version,
            prefix: of("prefix").unwrap_or_default(),
            delimiter: of("delimiter"),
            after,
            token,
            max_keys: u16::try_from(max_keys).unwrap_or(LIST_PAGE_MAX).min(LIST_PAGE_MAX),
            url_encoded: of("encoding-type").as_deref() == Some("url"),
        })
    }

    /// The same asked of the store, `prefix` and `after` relative to the folder that is listed.
    fn query(&self, prefix: String, after: Option<String>) -> ListQuery {
        let (start_after, marker) = match self.version {
            Version::One => (None, after),
            Version::Two => (after, None),
        };
        ListQuery { prefix, delimiter: self.delimiter.clone(), start_after, marker, token: self.token.clone(), max: self.max_keys }
    }

    /// Whether the page begins after `key`, the only entry of its level: a token can only be another listing's.
    fn is_past(&self, key: &str) -> bool {
        self.token.is_some() || self.after.as_deref().is_some_and(|after| after >= key)
    }
}

fn wrong(what: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-listing", what).hint("see the S3 API's ListObjectsV2")
}

/// The query's pairs, decoded once; a plus is a space there, as S3 has it.
fn read_query(query: Option<&str>) -> BTreeMap<String, String> {
    pairs(query.unwrap_or_default()).collect()
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(move |(name, value)| (decode(name), decode(value)))
}

#[derive(Debug, Serialize)]
#[serde(rename = "LocationConstraint")]
struct Location {}

#[derive(Debug, Serialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
struct Listing {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    name: String,
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    delimiter: Option<String>,
    /// Of version 1 alone, and there even where it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<&'static str>,
    /// Of version 2 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_count: Option<usize>,
    max_keys: u16,
    is_truncated: bool,
    /// Of version 1 alone. Told without a delimiter, too: what the store counted may be left out of the page, its last key among it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_continuation_token: Option<String>,
    contents: Vec<Content>,
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    size: u64,
    storage_class: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

impl Listing {
    fn empty(bucket: &str, asked: &Asked) -> Self {
        let encode = |text: &str| if asked.url_encoded { encode_key(text).to_string() } else { text.to_owned() };
        let is_first = asked.version == Version::One;
        let after = asked.after.as_deref().map(encode);
        Self {
            xmlns: "http://s3.amazonaws.com/doc/2006-03-01/",
            name: bucket.to_owned(),
            prefix: encode(&asked.prefix),
            delimiter: asked.delimiter.clone(),
            marker: is_first.then(|| after.clone().unwrap_or_default()),
            start_after: after.filter(|_| !is_first),
            encoding_type: asked.url_encoded.then_some("url"),
            key_count: (!is_first).then_some(0),
            max_keys: asked.max_keys,
            is_truncated: false,
            next_marker: None,
            next_continuation_token: None,
            contents: Vec::new(),
            common_prefixes: Vec::new(),
        }
    }

    fn encode(&self, text: &str) -> String {
        if self.encoding_type.is_some() { encode_key(text).to_string() } else { text.to_owned() }
    }

    /// Takes a page in; `before` stands before each of its keys.
    fn fill(&mut self, before: &str, page: ListPage) {
        for object in &page.objects {
            self.add(&format!("{before}{}", object.key), object);
        }
        for prefix in &page.prefixes {
            self.add_prefix(&format!("{before}{prefix}"));
        }
        self.is_truncated = page.next.is_some();
        if self.marker.is_some() {
            self.next_marker = page.next_marker().map(|marker| self.encode(&format!("{before}{marker}")));
        } else {
            self.next_continuation_token = page.next;
        }
    }

    fn count(&mut self) {
        self.key_count = self.key_count.map(|count| count.saturating_add(1));
    }

    fn add(&mut self, key: &str, object: &ObjectEntry) {
        let key = self.encode(key);
        self.count();
        self.contents.push(Content {
            key,
            last_modified: object.modified.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
            etag: object.etag.clone(),
            size: object.size,
            storage_class: object.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned()),
        });
    }

    fn add_prefix(&mut self, prefix: &str) {
        let prefix = self.encode(prefix);
        self.count();
        self.common_prefixes.push(CommonPrefix { prefix });
    }
}

fn xml<T: Serialize>(body: &T) -> Response {
    let text = quick_xml::se::to_string(body).map(|text| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"));
    match text {
        Ok(text) => {
            let length = text.len();
            let mut answer = Response::new(Body::from(text));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            answer
        }
        Err(why) => {
            tracing::error!(why = %why, "a listing could not be written");
            axum::response::IntoResponse::into_response(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the listing could not be written",
            ))
        }
    }
}
