//! Signature version 4 in the `Authorization` header, verified whole: key, time, headers and body.
//!
//! AWS: "Create a signed AWS API request". Not here: signed queries, which no `DynamoDB` client sends.

use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::Keys;
use crate::dynamodb::Refused;

/// How far a request's time may be from ours, either way: 15 minutes.
const SKEW_SECS: u64 = 900;

/// What an `Authorization` header claims, by our own access key.
#[derive(Debug)]
pub(super) struct Claim {
    scope: Scope,
    signed_headers: String,
    signature: Vec<u8>,
}

/// `DATE/REGION/SERVICE` of the credential.
#[derive(Debug)]
struct Scope {
    date: String,
    region: String,
    service: String,
}

/// Reads the claim of a request that names our access key.
///
/// # Errors
/// 403 `UnrecognizedClientException` for any other, and for a request without one.
pub(super) fn names(headers: &HeaderMap, keys: &Keys) -> Result<Claim, Refused> {
    let claim = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(parse);
    match claim {
        Some((access_key_id, claim)) if access_key_id == keys.access_key_id => Ok(claim),
        _ => Err(Refused::new(
            StatusCode::FORBIDDEN,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )),
    }
}

/// The access key and the rest of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
fn parse(value: &str) -> Option<(String, Claim)> {
    let fields = value.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name| fields.split(',').find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='));
    let mut scope = field("Credential")?.rsplitn(5, '/');
    let (end, service, region, date, access_key_id) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    if end != "aws4_request" {
        return None;
    }
    let scope = Scope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() };
    let signature = HEXLOWER.decode(field("Signature")?.as_bytes()).ok()?;
    Some((access_key_id.to_owned(), Claim { scope, signed_headers: field("SignedHeaders")?.to_owned(), signature }))
}

impl Claim {
    /// Whether the request was signed with our secret, within 15 minutes of `now`, body included.
    ///
    /// # Errors
    /// 403 `InvalidSignatureException`.
    pub(super) fn verify(&self, parts: &Parts, body: &[u8], keys: &Keys, now: SystemTime) -> Result<(), Refused> {
        let wrong = |message| Refused::new(StatusCode::FORBIDDEN, "InvalidSignatureException", message);
        let sent = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok()).unwrap_or("");
        let is_near = parse_date(sent).is_some_and(|date| apart(date, now) <= Duration::from_secs(SKEW_SECS));
        if !is_near || !sent.starts_with(&self.scope.date) || self.scope.service != "dynamodb" {
            return Err(wrong("Signature expired, not yet current, or made for something else."));
        }
        if !["host", "x-amz-date", "x-amz-target"].iter().all(|name| self.signed_headers.split(';').any(|one| one == *name)) {
            return Err(wrong("'Host', 'X-Amz-Date' and 'X-Amz-Target' must be signed."));
        }
        let hashed = HEXLOWER.encode(&Sha256::digest(self.canonical(parts, body).as_bytes()));
        let Scope { date, region, service } = &self.scope;
        let text = format!("AWS4-HMAC-SHA256\n{sent}\n{date}/{region}/{service}/aws4_request\n{hashed}");
        let key = [date.as_str(), region, service, "aws4_request"]
            .iter()
            .try_fold(format!("AWS4{}", keys.secret_access_key).into_bytes(), |key, part| {
                Some(keyed(&key, part.as_bytes())?.finalize().into_bytes().to_vec())
            });
        let is_ours = key.and_then(|key| keyed(&key, text.as_bytes())).is_some_and(|mac| {
            // Compared in constant time.
            mac.verify_slice(&self.signature).is_ok()
        });
        if is_ours { Ok(()) } else { Err(wrong("The request signature we calculated does not match the signature you provided.")) }
    }

    /// The canonical request. The service has one path and no queries, so both are taken as they stand.
    fn canonical(&self, parts: &Parts, body: &[u8]) -> String {
        #[expect(clippy::disallowed_methods, reason = "the raw path is what was signed: hyper keeps it to the byte")]
        let path = parts.uri.path();
        let mut text = format!("{}\n{path}\n{}\n", parts.method, parts.uri.query().unwrap_or(""));
        for name in self.signed_headers.split(';') {
            let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            let values: Vec<String> = values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            text.push_str(name);
            text.push(':');
            text.push_str(&values.join(","));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.signed_headers);
        text.push('\n');
        text.push_str(&HEXLOWER.encode(&Sha256::digest(body)));
        text
    }
}

/// HMAC-SHA-256 of `data`, not yet finished.
fn keyed(key: &[u8], data: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac)
}

/// `20130524T000000Z`.
fn parse_date(text: &str) -> Option<SystemTime> {
    let moment = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(SystemTime::from(Timestamp::from(&moment)))
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|later| later.duration())
}
