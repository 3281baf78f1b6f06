//! Policies as JSON: the session policy that every assumed role is cut to, and what a bucket's owner pastes.

use domain::{limits::WORLD_PRESIGN_SECS, source::Source};
use serde_json::{Value, json};

/// The session policy for a source: read objects below its prefix, encrypted ones too, and list its bucket, so that a missing object is a
/// 404 and not a 403 (SECURITY T22, T23). ASCII only: STS takes no character past U+00FF.
pub(crate) fn session_policy(source: &Source, role_arn: &str) -> String {
    let (bucket, objects) = resources(source, role_arn);
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects },
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket },
        // Only as far as the role itself may, and through S3: a session has what both allow.
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": { "StringLike": { "kms:ViaService": "s3.*" } } },
    ]});
    ascii(&policy.to_string())
}

/// The session policy for copies from one source into another: what reading either takes, and writing objects below the other's prefix, encrypted
/// ones too. Deleting is in none.
pub(crate) fn copy_policy(from: &Source, to: &Source, role_arn: &str) -> String {
    let ((from_bucket, originals), (to_bucket, copies)) = (resources(from, role_arn), resources(to, role_arn));
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": [originals, copies] },
        { "Effect": "Allow", "Action": WRITES, "Resource": copies },
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": [from_bucket, to_bucket] },
        { "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*",
          "Condition": { "StringLike": { "kms:ViaService": "s3.*" } } },
    ]});
    ascii(&policy.to_string())
}

/// What copies into a prefix take; an upload in parts that breaks off is dropped.
const WRITES: [&str; 2] = ["s3:PutObject", "s3:AbortMultipartUpload"];

/// The bucket policy that lets `role_arn` and `copier_arn` read a source's prefix, and the latter write copies below it where it is writable; which refuses
/// what they signed once that is older than any signature in use, and every signature of version 2 (SECURITY T19). An age counts in milliseconds.
pub(crate) fn bucket_policy(source: &Source, role_arn: &str, copier_arn: &str) -> String {
    let (bucket, objects) = resources(source, role_arn);
    let whom = if role_arn == copier_arn { json!({ "AWS": role_arn }) } else { json!({ "AWS": [role_arn, copier_arn] }) };
    let age_ms = u64::from(WORLD_PRESIGN_SECS).saturating_mul(1_000).to_string();
    let mut statements = vec![
        json!({ "Sid": "OffprintReads", "Effect": "Allow", "Principal": whom, "Action": "s3:GetObject", "Resource": objects }),
        json!({ "Sid": "OffprintTellsMissingFromRefused", "Effect": "Allow", "Principal": whom, "Action": "s3:ListBucket", "Resource": bucket }),
        json!({ "Sid": "OffprintOldSignaturesEnd", "Effect": "Deny", "Principal": whom, "Action": "s3:GetObject", "Resource": objects,
          "Condition": { "NumericGreaterThan": { "s3:signatureAge": age_ms } } }),
        json!({ "Sid": "OffprintOnlySignatureVersion4", "Effect": "Deny", "Principal": whom, "Action": "s3:*", "Resource": [bucket, objects],
          "Condition": { "StringEquals": { "s3:signatureversion": "AWS" } } }),
    ];
    if source.writable {
        let copier = json!({ "AWS": copier_arn });
        statements
            .push(json!({ "Sid": "OffprintCopiesInto", "Effect": "Allow", "Principal": copier, "Action": WRITES, "Resource": objects }));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    pretty(&policy)
}

/// The CORS configuration that browsers need at a bucket: after our redirect they send `Origin: null` (CLIENTS 4).
/// The bucket stays private, for each URL is signed.
#[must_use]
pub fn bucket_cors() -> String {
    pretty(&json!([{
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["*"],
        "MaxAgeSeconds": 3000,
        "ExposeHeaders": ["Content-Range", "Content-Length", "ETag", "Accept-Ranges", "Content-Encoding", "Last-Modified", "x-amz-request-id"],
    }]))
}

/// The ARNs of a source's bucket and of the objects below its prefix, in the partition of the role.
fn resources(source: &Source, role_arn: &str) -> (String, String) {
    let partition = role_arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{}", source.store.bucket);
    let objects = format!("{bucket}/{}*", literal(source.prefix.as_str()));
    (bucket, objects)
}

/// A text in which a policy reads no wildcard and no variable: `*`, `?` and `$` stand as `${*}`, `${?}` and `${$}`.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '?' | '$' => literal.extend(["${", character.encode_utf8(&mut [0; 4]), "}"]),
            _ => literal.push(character),
        }
    }
    literal
}

/// JSON with every character past ASCII escaped (RFC 8259, section 7); such characters stand in strings only.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            text.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use domain::{
        id::{DatasetId, SourceId},
        path::ObjectPath,
        source::{Audience, Ceilings, SourceName, State, Store},
    };
    use uuid::Uuid;

    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/signer";

    fn source(prefix: &str) -> Source {
        Source {
            id: SourceId::new(Uuid::nil()),
            name: SourceName::parse("lab").unwrap(),
            store: Store {
                bucket: "data".to_owned(),
                region: "eu-central-1".to_owned(),
                endpoint: None,
                path_style: false,
                role: None,
                requester_pays: false,
            },
            prefix: ObjectPath::from_decoded(prefix).unwrap(),
            ceilings: Ceilings {
                audience: Audience::World,
                link_days_max: None,
                zones: domain::grant::Zones::EVERYWHERE,
                hard_zones: false,
                terms: None,
            },
            policy: domain::policy::DeploymentPolicy::NONE,
            writable: false,
            serving: true,
            state: State::Active,
            root: DatasetId::new(Uuid::nil()),
            version: 1,
        }
    }

    fn resources_of(policy: &str) -> Vec<String> {
        let policy: Value = serde_json::from_str(policy).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        statements.iter().map(|statement| format!("{} {}", statement["Action"], statement["Resource"]).replace('"', "")).collect()
    }

    // SECURITY T22
    #[test]
    fn a_session_may_read_the_prefix_and_list_the_bucket_and_nothing_else() {
        for (prefix, role, want) in [
            ("lab/a/", ROLE, ["s3:GetObject arn:aws:s3:::data/lab/a/*", "s3:ListBucket arn:aws:s3:::data"]),
            ("", ROLE, ["s3:GetObject arn:aws:s3:::data/*", "s3:ListBucket arn:aws:s3:::data"]),
            ("a*/", ROLE, ["s3:GetObject arn:aws:s3:::data/a${*}/*", "s3:ListBucket arn:aws:s3:::data"]),
            ("${aws:x}?/", ROLE, ["s3:GetObject arn:aws:s3:::data/${$}{aws:x}${?}/*", "s3:ListBucket arn:aws:s3:::data"]),
            ("é😀/", ROLE, ["s3:GetObject arn:aws:s3:::data/é😀/*", "s3:ListBucket arn:aws:s3:::data"]),
            ("x/", "arn:aws-cn:iam::1:role/x", ["s3:GetObject arn:aws-cn:s3:::data/x/*", "s3:ListBucket arn:aws-cn:s3:::data"]),
        ] {
            let policy = session_policy(&source(prefix), role);
            assert!(policy.is_ascii(), "{policy}");
            // Objects that are encrypted with a key of the bucket's owner open as far as the role may use it (D9).
            assert_eq!(resources_of(&policy), [want[0], want[1], "kms:Decrypt *"], "{prefix}");
            let policy: Value = serde_json::from_str(&policy).unwrap();
            assert_eq!(policy["Statement"][2]["Condition"], json!({ "StringLike": { "kms:ViaService": "s3.*" } }));
        }
    }

    #[test]
    fn a_session_that_copies_writes_below_one_prefix_and_deletes_nothing() {
        let policy: Value = serde_json::from_str(&copy_policy(&source("lab/a/"), &source("lab/b*/"), ROLE)).unwrap();
        let allowed = |action: &str| {
            let statements = policy["Statement"].as_array().unwrap().iter();
            let found = statements
                .filter(|statement| statement["Action"].to_string().contains(action))
                .map(|statement| statement["Resource"].to_string());
            found.collect::<Vec<_>>()
        };
        assert_eq!(allowed("s3:PutObject"), [r#""arn:aws:s3:::data/lab/b${*}/*""#]);
        assert_eq!(allowed("s3:GetObject"), [r#"["arn:aws:s3:::data/lab/a/*","arn:aws:s3:::data/lab/b${*}/*"]"#]);
        assert_eq!((allowed("Delete"), allowed("s3:\\*")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_pasted_is_json_and_ends_old_signatures() {
        let policy: Value = serde_json::from_str(&bucket_policy(&source("lab/"), ROLE, ROLE)).unwrap();
        let old = &policy["Statement"][2];
        assert_eq!((&old["Effect"], &old["Condition"]["NumericGreaterThan"]["s3:signatureAge"]), (&json!("Deny"), &json!("300000")));
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 4, "nothing is written into what is not writable");
        let writable = Source { writable: true, ..source("lab/") };
        let policy: Value = serde_json::from_str(&bucket_policy(&writable, ROLE, "arn:aws:iam::1:role/copier")).unwrap();
        let (reads, writes) = (&policy["Statement"][0], &policy["Statement"][4]);
        assert_eq!((&writes["Action"], &writes["Resource"]), (&json!(WRITES), &json!("arn:aws:s3:::data/lab/*")));
        assert_eq!(reads["Principal"]["AWS"], json!([ROLE, "arn:aws:iam::1:role/copier"]));
        assert_eq!(writes["Principal"]["AWS"], "arn:aws:iam::1:role/copier", "the signer of URLs writes nothing");
        let cors: Value = serde_json::from_str(&bucket_cors()).unwrap();
        assert_eq!(cors[0]["AllowedOrigins"], json!(["*"]));
    }
}
