//! The doctor: what must hold at a store before its links work, tried one by one (W6).

use domain::{
    decision::Permit,
    limits::CLOCK_SKEW_MAX_SECS,
    object::ObjectKey,
    path::ObjectPath,
    source::{Role, Source},
    timing::{Timing, Validity},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_RANGE, DATE, ORIGIN, RANGE,
    },
};
use hyper::body::Incoming;
use jiff::Timestamp;

use crate::{
    Objects, ObjectsError,
    credentials::CredentialsError,
    listing::{Below, ListQuery},
    presigner::{Asked, SignError, SignedMethod},
    stream::http_date,
};

/// A name that nobody gives an object.
const MISSING: &str = "offprint-doctor-no-such-object-7f3a9c51d2";
const LIST_FIX: &str = "allow the signer `s3:ListBucket` on the bucket; see the bucket policy";
/// As many keys are looked through for one that can be read.
const SAMPLE_KEYS: u16 = 100;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, in kebab-case: `list`, `read`, `range`, `missing`, `outside`, `cors-preflight`, `cors`, `clock`, `external-id`, `write`.
    pub id: &'static str,
    /// Whether it is as it must be.
    pub ok: bool,
    /// What was seen, in a sentence.
    pub detail: String,
    /// What to change, where something must be.
    pub fix: Option<String>,
}

impl Finding {
    fn good(id: &'static str, detail: impl Into<String>) -> Self {
        Self { id, ok: true, detail: detail.into(), fix: None }
    }

    fn bad(id: &'static str, detail: impl Into<String>, fix: &str) -> Self {
        Self { id, ok: false, detail: detail.into(), fix: Some(fix.to_owned()) }
    }
}

impl Objects {
    /// Tries `source` as readers and browsers will: reads inside its prefix, is refused outside, finds a missing object missing, asks the
    /// public endpoint as a page of another origin, compares clocks, sees that its role asks for the `ExternalId`,
    /// and, where copies may be made into it, that they could be. It leaves nothing behind.
    ///
    /// # Errors
    /// [`SignError::Permit`] without an administrator's permit. All else is a finding.
    pub async fn doctor(&self, permit: &Permit, source: &Source, now: Timestamp) -> Result<Vec<Finding>, ObjectsError> {
        permit.allows_administer().ok_or(SignError::Permit)?;
        let mut findings = Vec::new();
        let sample = match self.sample(source, now, &mut findings).await {
            Ok(sample) => sample,
            Err(why) => {
                findings.push(Finding::bad("list", failed(&why), &fix_of(&why, LIST_FIX)));
                // Where nothing can be asked, nothing else is found out: a host that says 404 to everything would pass for a store.
                if !is_denied(&why) {
                    return Ok(findings);
                }
                None
            }
        };
        if let Some(key) = &sample {
            findings.extend(self.reads(source, key, now).await);
        }
        findings.push(self.tells_missing(source, now).await);
        findings.push(self.is_refused_outside(source, now).await);
        findings.extend(self.answers_browsers(source, sample.as_ref(), now).await);
        findings.extend(self.asks_for_external_id(source).await);
        if source.writable {
            findings.push(self.can_be_written(source, now).await);
        }
        Ok(findings)
    }

    /// Lists the prefix, and picks an object to read: not an empty one, of which no range can be read.
    async fn sample(&self, source: &Source, now: Timestamp, findings: &mut Vec<Finding>) -> Result<Option<ObjectPath>, ObjectsError> {
        let query = ListQuery { max: SAMPLE_KEYS, ..ListQuery::default() };
        let (page, _marked) = self.list_below(source, Below { folder: &source.prefix, scope: None }, &query, now).await?;
        findings.push(Finding::good("list", "the prefix can be listed"));
        let picked = page.objects.iter().find(|object| object.size > 0);
        if picked.is_none() {
            findings.push(Finding::good("read", "nothing to read lies among the first keys of the prefix: not tried"));
        }
        Ok(picked.and_then(|object| ObjectPath::from_decoded(object.key.as_str()).and_then(|path| source.prefix.join(&path)).ok()))
    }

    /// Reads the first byte of an object, and compares clocks by the answer.
    async fn reads(&self, source: &Source, key: &ObjectPath, now: Timestamp) -> Vec<Finding> {
        let range = [(RANGE, "bytes=0-0")];
        let answer = match self.ask(source, SignedMethod::Get, key, &range, now).await {
            Ok(answer) => answer,
            Err(why) => return vec![Finding::bad("read", failed(&why), &fix_of(&why, "see that the object can be read"))],
        };
        let status = answer.status();
        if !status.is_success() {
            let fix = "allow the signer `s3:GetObject` on the prefix; see the bucket policy";
            return vec![Finding::bad("read", format!("an object inside the prefix answers {status}"), fix)];
        }
        let read = Finding::good("read", "an object inside the prefix can be read");
        let whole = status == StatusCode::PARTIAL_CONTENT && answer.headers().contains_key(CONTENT_RANGE);
        let range = if whole {
            Finding::good("range", "a range is answered with 206")
        } else {
            Finding::bad("range", format!("a range is answered with {status}"), "use a store that serves ranges: chunked readers need them")
        };
        vec![read, range, clock(answer.headers(), now)]
    }

    /// A missing object must be a 404: readers take a 403 for an error (CLIENTS 1).
    async fn tells_missing(&self, source: &Source, now: Timestamp) -> Finding {
        let fix = "allow the signer `s3:ListBucket` on the bucket, without a condition on the prefix";
        let Ok(key) = ObjectPath::from_decoded(MISSING).and_then(|name| source.prefix.join(&name)) else {
            return Finding::bad("missing", "the prefix leaves no room for a key", "register a shorter prefix");
        };
        match self.ask(source, SignedMethod::Get, &key, &[], now).await {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Finding::good("missing", "a missing object answers 404"),
            Ok(answer) => Finding::bad("missing", format!("a missing object answers {}", answer.status()), fix),
            Err(why) => Finding::bad("missing", failed(&why), &fix_of(&why, fix)),
        }
    }

    /// What signs for a prefix must not be able to read beside it (SECURITY T22).
    async fn is_refused_outside(&self, source: &Source, now: Timestamp) -> Finding {
        if source.prefix.is_root() {
            return Finding::good("outside", "the source is the whole bucket: nothing lies outside, not tried");
        }
        let fix = "let a role sign for the source, and allow it the prefix alone";
        let Ok(key) = ObjectPath::from_decoded(MISSING) else {
            return Finding::bad("outside", "not tried", fix);
        };
        match self.ask(source, SignedMethod::Get, &key, &[], now).await {
            Ok(answer) if answer.status() == StatusCode::FORBIDDEN => Finding::good("outside", "a key outside the prefix is refused"),
            Ok(answer) => Finding::bad("outside", format!("a key outside the prefix answers {}, not 403", answer.status()), fix),
            Err(why) => Finding::bad("outside", failed(&why), &fix_of(&why, fix)),
        }
    }

    /// The preflight and the read that a page of another origin sends after our redirect: its origin is `null` by then.
    async fn answers_browsers(&self, source: &Source, sample: Option<&ObjectPath>, now: Timestamp) -> Vec<Finding> {
        let fix = "put the bucket CORS that is printed below on the bucket";
        let missing = ObjectPath::from_decoded(MISSING).and_then(|name| source.prefix.join(&name)).ok();
        let Some(key) = sample.cloned().or(missing) else { return Vec::new() };
        let url = match self.public_url(source, &key, now).await {
            Ok(url) => url,
            Err(why) => return vec![Finding::bad("cors", failed(&why), &fix_of(&why, fix))],
        };
        let ask = [("access-control-request-method", "GET"), ("access-control-request-headers", "range,authorization")];
        let ask = ask.map(|(name, value)| (HeaderName::from_static(name), value));
        let preflight = match self.http().send(Method::OPTIONS, &url, &browser(&ask)).await {
            Ok(answer) if !answer.status().is_success() => {
                Finding::bad("cors-preflight", format!("the preflight answers {}", answer.status()), fix)
            }
            Ok(answer) if !is_open(answer.headers()) => Finding::bad("cors-preflight", "the preflight names no origin", fix),
            Ok(answer) if !admits(answer.headers(), &ACCESS_CONTROL_ALLOW_HEADERS, "range") => {
                Finding::bad("cors-preflight", "the preflight does not admit the header `range`", fix)
            }
            Ok(_) => Finding::good("cors-preflight", "the preflight admits ranges from every origin"),
            Err(why) => Finding::bad("cors-preflight", failed(&why), "see that the public endpoint can be reached"),
        };
        let read = match self.http().send(Method::GET, &url, &browser(&[(RANGE, "bytes=0-0")])).await {
            Ok(answer) if !is_open(answer.headers()) => Finding::bad("cors", "a read from another origin names no origin", fix),
            Ok(answer) if !admits(answer.headers(), &ACCESS_CONTROL_EXPOSE_HEADERS, "content-range") => {
                Finding::bad("cors", "a read does not expose `Content-Range`", fix)
            }
            Ok(_) => Finding::good("cors", "a page of another origin may read"),
            Err(why) => Finding::bad("cors", failed(&why), "see that the public endpoint can be reached"),
        };
        vec![preflight, read]
    }

    /// A role that can be assumed without the `ExternalId` could be used against its owner by whoever knows its name (SECURITY T14).
    async fn asks_for_external_id(&self, source: &Source) -> Option<Finding> {
        let role = source.store.role.as_ref()?;
        let fix = "demand `sts:ExternalId` in the role's trust policy";
        if role.external_id.is_none() {
            return Some(Finding::bad("external-id", "the source names a role without an `ExternalId`", fix));
        }
        let without = Role { arn: role.arn.clone(), external_id: None };
        Some(match self.0.issuer.assume(&without, source, None).await {
            Ok(_) => Finding::bad("external-id", "the role can be assumed without the `ExternalId`", fix),
            Err(CredentialsError::Refused { .. }) => Finding::good("external-id", "the role asks for the `ExternalId`"),
            Err(why) => Finding::bad("external-id", format!("not known: {why}"), fix),
        })
    }

    /// Whether copies could be made into the prefix: an upload in parts is begun and dropped, and what is not there is copied.
    async fn can_be_written(&self, source: &Source, now: Timestamp) -> Finding {
        let fix = "allow the signer `s3:PutObject` and `s3:AbortMultipartUpload` on the prefix: see the bucket policy; for a folder, start \
                   `offprint up` with `--writable`";
        let Ok(key) = ObjectPath::from_decoded(MISSING).and_then(|name| source.prefix.join(&name)) else {
            return Finding::bad("write", "the prefix leaves no room for a key", "register a shorter prefix");
        };
        match self.tries_to_copy_into(source, &key, now).await {
            Ok(true) => Finding::good("write", "copies can be made into the prefix"),
            Ok(false) => Finding::good("write", "copies can be made into the prefix, of objects up to 5 GiB"),
            Err(why) => Finding::bad("write", format!("nothing can be copied into the prefix: {}", failed(&why)), &fix_of(&why, fix)),
        }
    }

    /// Asks the store as this process reaches it.
    async fn ask(
        &self,
        source: &Source,
        method: SignedMethod,
        key: &ObjectPath,
        headers: &[(HeaderName, &str)],
        now: Timestamp,
    ) -> Result<Response<Incoming>, ObjectsError> {
        let url = self.own_url(source, method, key, now).await?;
        self.http().send(method.into(), &url, &map(headers)).await
    }

    /// A URL as a redirect names it.
    async fn public_url(&self, source: &Source, key: &ObjectPath, now: Timestamp) -> Result<String, ObjectsError> {
        let signing = self.access(source)?.signing(now).await?;
        let validity = Validity::at(now, Timing::PRIVATE, None, signing.credentials.until()).ok_or(SignError::NothingLeft)?;
        Ok(signing.url_text(&signing.public, &Asked { method: SignedMethod::Get, key: ObjectKey::whole(key), scope: None, validity })?)
    }
}

/// Compares the store's clock with ours: a signature is judged by theirs.
fn clock(headers: &HeaderMap, now: Timestamp) -> Finding {
    let Some(theirs) = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date) else {
        return Finding::good("clock", "the store tells no time: not compared");
    };
    let apart = theirs.as_second().saturating_sub(now.as_second()).unsigned_abs();
    let detail = format!("the clocks differ by {apart} s");
    if apart > CLOCK_SKEW_MAX_SECS.unsigned_abs() {
        return Finding::bad("clock", detail, "set this machine's clock, or the store's");
    }
    Finding::good("clock", detail)
}

/// The headers of a page whose origin was lost in a redirect.
fn browser(more: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = map(more);
    headers.insert(ORIGIN, HeaderValue::from_static("null"));
    headers
}

fn map(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_str(value).ok()?))).collect()
}

/// Whether every origin may read, or this one that has none.
fn is_open(headers: &HeaderMap) -> bool {
    headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|origin| origin == "*" || origin == "null")
}

fn admits(headers: &HeaderMap, list: &HeaderName, name: &str) -> bool {
    let values = headers.get_all(list).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim() == "*" || one.trim().eq_ignore_ascii_case(name))
}

/// What to change about a failure whose cause is known; `otherwise` where the store said no for lack of a right.
fn fix_of(why: &ObjectsError, otherwise: &str) -> String {
    use CredentialsError as Keys;
    use ObjectsError as Store;
    let fix = match why {
        Store::Credentials(Keys::Environment) => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where Offprint runs",
        Store::Credentials(Keys::EndUnknown) => "name a signer role, or use keys that do not end",
        Store::Credentials(Keys::Ended) => "give Offprint keys that have not ended",
        Store::Credentials(Keys::Refused { .. }) => "let the deployment's signer assume the role: see its trust policy",
        Store::Credentials(Keys::Unreachable) => "see that STS can be reached from where Offprint runs (AWS_ENDPOINT_URL_STS)",
        Store::Credentials(Keys::Store) => "correct the source's bucket, region or endpoint",
        Store::Unreachable | Store::Timeout => "see that the endpoint is right, and can be reached from where Offprint runs",
        Store::Unavailable { .. } => "the store fails by itself: look there, then try again",
        Store::Unreadable => "see that the endpoint is one of S3",
        Store::NoBucket => "make the bucket, or correct its name in the source",
        Store::Refused { code, .. } => match code.as_str() {
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" => "give Offprint keys that the store knows",
            "AuthorizationHeaderMalformed" | "PermanentRedirect" => "correct the source's region",
            "RequestTimeTooSkewed" => "set this machine's clock, or the store's",
            _ if is_denied(why) => otherwise,
            _ => "see that the endpoint is one of S3, and knows the bucket",
        },
        Store::Credentials(Keys::Permit)
        | Store::Sign(_)
        | Store::NotFolder
        | Store::Token
        | Store::TooMany { .. }
        | Store::NothingShown { .. }
        | Store::Archived
        | Store::LeadsOut => otherwise,
    };
    fix.to_owned()
}

/// Whether the store knew us, and said no.
fn is_denied(why: &ObjectsError) -> bool {
    matches!(why, ObjectsError::Refused { status: 403, code } if code == "AccessDenied")
}

fn failed(why: &ObjectsError) -> String {
    match why {
        ObjectsError::Credentials(why) => why.to_string(),
        other => other.to_string(),
    }
}
