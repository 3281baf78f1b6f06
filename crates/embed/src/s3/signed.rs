//! What S3 refuses about the way a request is signed, before any signature is computed.
//!
//! Crate `s3s` verifies signatures; these are the rules that it leaves to its user
//! (AWS: "Authenticating Requests: Using Query Parameters" and "Using the Authorization Header").

use http::{HeaderMap, Method, Request, header};
use percent_encoding::percent_decode_str;
use s3s::{S3Error as Refusal, S3ErrorCode};

use crate::s3::folder::refusal;

/// The longest life of a signed URL, in seconds: seven days.
const EXPIRES_SECS_MAX: i64 = 604_800;
/// The one algorithm taken. Signature version 2 and 4A are refused.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Refuses what cannot be a request that this server answers.
///
/// # Errors
/// The S3 error, as S3 itself answers.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let query = Query::read(request.uri().query().unwrap_or(""));
    let authorization = request.headers().get(header::AUTHORIZATION);
    let signed_headers = match (authorization, query.is_signed()) {
        (Some(_), true) => {
            return Err(refusal(
                S3ErrorCode::InvalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
            ));
        }
        (Some(value), false) => header_scope(value.to_str().unwrap_or(""))?,
        (None, true) => query.scope()?,
        (None, false) => return Err(refusal(S3ErrorCode::AccessDenied, "Access Denied: the request is not signed")),
    };
    let writes = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::PUT => !request.headers().contains_key("x-amz-copy-source"),
        Method::POST => !pairs(request.uri().query().unwrap_or("")).any(|(name, _)| name == "uploads"),
        _ => true,
    };
    if writes {
        return Err(refusal(S3ErrorCode::AccessDenied, "Access Denied: these buckets are read-only"));
    }
    check_headers(request.headers(), signed_headers)
}

/// `host` and every `x-amz-*` header that is sent must be among the signed ones.
fn check_headers(sent: &HeaderMap, signed: &str) -> Result<(), Refusal> {
    let is_signed = |name: &str| signed.split(';').any(|one| one.eq_ignore_ascii_case(name));
    let unsigned = sent.keys().any(|name| name.as_str().starts_with("x-amz-") && !is_signed(name.as_str()));
    if unsigned || !is_signed("host") {
        return Err(refusal(S3ErrorCode::AccessDenied, "There were headers present in the request which were not signed"));
    }
    Ok(())
}

/// The `SignedHeaders` of an `Authorization` header for S3.
fn header_scope(value: &str) -> Result<&str, Refusal> {
    let malformed = || refusal(S3ErrorCode::AuthorizationHeaderMalformed, "The authorization header is malformed.");
    let Some(rest) = value.strip_prefix(ALGORITHM) else {
        return Err(refusal(
            S3ErrorCode::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    };
    let field = |name: &str| rest.split(',').find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('=')).ok_or_else(malformed);
    if is_for_s3(field("Credential")?) { field("SignedHeaders") } else { Err(malformed()) }
}

/// Whether a credential scope, `KEY/DATE/REGION/SERVICE/aws4_request`, is one of S3.
fn is_for_s3(credential: &str) -> bool {
    let mut parts = credential.rsplit('/');
    parts.next() == Some("aws4_request") && parts.next() == Some("s3")
}

/// The signing parameters of a query. A parameter that comes twice is refused by `s3s`.
#[derive(Default)]
struct Query {
    algorithm: Option<String>,
    credential: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    version_2: bool,
}

impl Query {
    fn read(query: &str) -> Self {
        let mut read = Self::default();
        for (name, value) in pairs(query) {
            match name.as_str() {
                "X-Amz-Algorithm" => read.algorithm = Some(value),
                "X-Amz-Credential" => read.credential = Some(value),
                "X-Amz-Expires" => read.expires = Some(value),
                "X-Amz-SignedHeaders" => read.signed_headers = Some(value),
                "X-Amz-Signature" => read.signature = Some(value),
                "Signature" | "AWSAccessKeyId" => read.version_2 = true,
                _ => {}
            }
        }
        read
    }

    /// Whether the query says that it is signed, whole or not.
    fn is_signed(&self) -> bool {
        self.version_2 || self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }

    /// The signed headers of a whole version 4 query with a legal life.
    fn scope(&self) -> Result<&str, Refusal> {
        let malformed = |message| refusal(S3ErrorCode::AuthorizationQueryParametersError, message);
        if self.version_2 {
            return Err(refusal(
                S3ErrorCode::InvalidRequest,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ));
        }
        let (Some(algorithm), Some(credential), Some(expires), Some(signed_headers), Some(_)) =
            (&self.algorithm, &self.credential, &self.expires, &self.signed_headers, &self.signature)
        else {
            return Err(malformed(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            ));
        };
        if algorithm != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
        }
        if !is_for_s3(credential) {
            return Err(malformed("Error parsing the X-Amz-Credential parameter; this endpoint belongs to \"s3\"."));
        }
        match expires.parse::<i64>() {
            Ok(0..=EXPIRES_SECS_MAX) => Ok(signed_headers),
            Ok(too_long) if too_long > EXPIRES_SECS_MAX => Err(malformed(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            )),
            Ok(_) => Err(malformed("X-Amz-Expires must be non-negative")),
            Err(_not_a_number) => Err(malformed("X-Amz-Expires should be a number")),
        }
    }
}

/// The pairs of a query, decoded as `s3s` decodes them for the signature: percent signs once, `+` as a space.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}
