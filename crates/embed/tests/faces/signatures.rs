//! What a signature opens and what S3 refuses about one (SECURITY T18, T28).

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use embed::Keys;

use crate::part::{Part, Signing};

const KEY: &str = "a/zarr.json";

async fn part() -> Part {
    Part::with_keys(&[KEY, "a/b", "secret.txt"]).await
}

#[tokio::test]
async fn the_point_check_of_signed_queries() {
    let part = part().await;
    let get = || Signing::get(KEY);
    let other_keys = |id: &str, secret: &str| Keys { access_key_id: id.to_owned(), secret_access_key: secret.to_owned() };
    // What, the signed request, headers sent unsigned, the status, the code.
    for (what, signing, sent, status, code) in [
        ("a plain GET", get(), &[][..], 200, ""),
        ("a HEAD", Signing::head(KEY), &[], 200, ""),
        ("another region: the scope's is taken", Signing { region: "eu-north-1", ..get() }, &[], 200, ""),
        ("a life of seven days", Signing { expires: "604800".to_owned(), ..get() }, &[], 200, ""),
        ("a tag in the signed query", get().with("x-offprint-link", "l123"), &[], 200, ""),
        ("requester pays in the signed query", get().with("x-amz-request-payer", "requester"), &[], 200, ""),
        ("a session token in the signed query", get().with("X-Amz-Security-Token", "tok/en+=="), &[], 200, ""),
        ("a range, unsigned", get(), &[("range", "bytes=0-1")], 206, ""),
        ("an ordinary header, unsigned", get(), &[("x-other", "1")], 200, ""),
        ("Amazon's trace header, unsigned", get(), &[("x-amzn-trace-id", "Root=1")], 200, ""),
        ("a signed header, sent", get().with_header("x-amz-meta-a", "1"), &[("x-amz-meta-a", "1")], 200, ""),
        ("five minutes ahead of our clock", Signing { age_secs: -300, ..get() }, &[], 200, ""),
        ("version null", get().with("versionId", "null"), &[], 200, ""),
        ("a missing key", Signing::get("a/c"), &[], 404, "NoSuchKey"),
        ("a missing key, HEAD", Signing::head("a/c"), &[], 404, ""),
        ("a missing bucket", Signing { path: "/nobody/a".to_owned(), ..get() }, &[], 404, "NoSuchBucket"),
        ("a missing bucket, listed", Signing { path: "/nobody".to_owned(), ..get() }, &[], 404, "NoSuchBucket"),
        ("a bucket name that cannot be", Signing { path: "/No_Body/a".to_owned(), ..get() }, &[], 400, "InvalidBucketName"),
        ("a key over 1,024 bytes", Signing::get(&"k".repeat(1025)), &[], 400, "KeyTooLongError"),
        ("a version that is none", get().with("versionId", "v2"), &[], 404, "NoSuchVersion"),
        ("an unsigned x-amz-* header", get(), &[("x-amz-meta-a", "1")], 403, "AccessDenied"),
        ("an unsigned request payer header", get(), &[("x-amz-request-payer", "requester")], 403, "AccessDenied"),
        ("a signed header, not sent", get().with_header("x-amz-meta-a", "1"), &[], 403, "SignatureDoesNotMatch"),
        ("a signed header, sent otherwise", get().with_header("x-a", "1"), &[("x-a", "2")], 403, "SignatureDoesNotMatch"),
        ("host not signed", Signing { signs_host: false, ..get().with_header("x-a", "1") }, &[("x-a", "1")], 403, "AccessDenied"),
        ("over seven days", Signing { expires: "604801".to_owned(), ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("a negative life", Signing { expires: "-1".to_owned(), ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("a life that is no number", Signing { expires: "soon".to_owned(), ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("a life beyond any number", Signing { expires: "9".repeat(30), ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("expired", Signing { age_secs: 302, ..get() }, &[], 403, "AccessDenied"),
        ("half an hour ahead of our clock", Signing { age_secs: -1800, ..get() }, &[], 403, "RequestTimeTooSkewed"),
        ("an unknown access key", Signing { keys: other_keys("AKIDOTHER", "x"), ..get() }, &[], 403, "InvalidAccessKeyId"),
        ("a wrong secret", Signing { keys: other_keys("AKIDEMBED", "x"), ..get() }, &[], 403, "SignatureDoesNotMatch"),
        ("another service's scope", Signing { service: "sts", ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("another algorithm", Signing { algorithm: "AWS4-HMAC-SHA1", ..get() }, &[], 400, "AuthorizationQueryParametersError"),
        ("Authorization beside it: Bearer", get(), &[("authorization", "Bearer x")], 400, "InvalidArgument"),
        ("Authorization beside it: Basic", get(), &[("authorization", "Basic eDp5")], 400, "InvalidArgument"),
        (
            "Authorization beside it: another signature",
            get(),
            &[(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEMBED/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
            )],
            400,
            "InvalidArgument",
        ),
        ("a sub-resource that is not served", get().with("acl", ""), &[], 403, "AccessDenied"),
        ("a bucket's sub-resource", Signing::list(&[("policy", "")]), &[], 403, "AccessDenied"),
        ("versions", Signing::list(&[("versions", "")]), &[], 403, "AccessDenied"),
        ("HEAD of nothing", Signing { path: "/".to_owned(), ..Signing::head("") }, &[], 405, ""),
    ] {
        let answer = part.send(&signing, sent).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}: {}", String::from_utf8_lossy(&answer.body));
        if signing.method == "HEAD" {
            assert!(answer.body.is_empty(), "{what}");
        } else if status == 200 {
            assert_eq!(answer.body, KEY.as_bytes(), "{what}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["Content-Range", "Content-Length", "ETag", "Accept-Ranges", "Content-Encoding", "Last-Modified", "x-amz-request-id"] {
            assert!(exposed.split(", ").any(|one| one == name), "{what}: {name} is not exposed");
        }
        assert_eq!(answer.header("x-amz-request-id").len(), 16, "{what}");
    }
    part.stop().await;
}

#[tokio::test]
async fn a_signed_url_opens_one_method_and_one_object() {
    let part = part().await;
    let host = part.address.to_string();
    let target = Signing::get(KEY).with("x-offprint-link", "l123").with("response-content-type", "text/plain").target(&host);
    let cut = |name: &str| {
        let (path, query) = target.split_once('?').unwrap();
        let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        format!("{path}?{}", kept.join("&"))
    };
    for (what, method, target, status, code) in [
        ("as signed", "GET", target.clone(), 200, ""),
        ("another method: HEAD", "HEAD", target.clone(), 403, ""),
        ("another method: PUT", "PUT", target.clone(), 403, "AccessDenied"),
        ("another method: DELETE", "DELETE", target.clone(), 403, "AccessDenied"),
        ("another method: POST", "POST", target.clone(), 403, "AccessDenied"),
        ("another method: PATCH", "PATCH", target.clone(), 403, "AccessDenied"),
        ("another key", "GET", target.replace("/a/zarr.json", "/secret.txt"), 403, "SignatureDoesNotMatch"),
        ("its folder", "GET", target.replace("/a/zarr.json", "/a/"), 403, "SignatureDoesNotMatch"),
        ("a step up", "GET", target.replace("/a/zarr.json", "/a/../secret.txt"), 403, "SignatureDoesNotMatch"),
        ("an encoded step up", "GET", target.replace("/a/zarr.json", "/a/%2e%2e/secret.txt"), 403, "SignatureDoesNotMatch"),
        ("the bucket, listed", "GET", target.replace("/data/a/zarr.json", "/data"), 403, "SignatureDoesNotMatch"),
        ("another bucket", "GET", target.replace("/data/", "/other/"), 403, "SignatureDoesNotMatch"),
        ("an added query", "GET", format!("{target}&response-content-disposition=inline"), 403, "SignatureDoesNotMatch"),
        ("a made-up query", "GET", format!("{target}&a=b"), 403, "SignatureDoesNotMatch"),
        ("another tag", "GET", target.replace("l123", "l124"), 403, "SignatureDoesNotMatch"),
        ("the tag left out", "GET", cut("x-offprint-link"), 403, "SignatureDoesNotMatch"),
        ("another type", "GET", target.replace("text%2Fplain", "text%2Fhtml"), 403, "SignatureDoesNotMatch"),
        ("a longer life", "GET", target.replace("X-Amz-Expires=300", "X-Amz-Expires=600"), 403, "SignatureDoesNotMatch"),
        ("the life left out", "GET", cut("X-Amz-Expires"), 400, "AuthorizationQueryParametersError"),
        ("the signature left out", "GET", cut("X-Amz-Signature"), 400, "AuthorizationQueryParametersError"),
        ("the whole signature left out", "GET", cut("X-Amz"), 403, "AccessDenied"),
        ("a signature twice", "GET", format!("{target}&X-Amz-Signature=00"), 400, "InvalidRequest"),
        ("no query", "GET", "/data/a/zarr.json".to_owned(), 403, "AccessDenied"),
        ("no query, a listing", "GET", "/data?list-type=2".to_owned(), 403, "AccessDenied"),
        ("no query, all buckets", "GET", "/".to_owned(), 403, "AccessDenied"),
        ("no query, PUT", "PUT", "/data/new".to_owned(), 403, "AccessDenied"),
        (
            "signature version 2",
            "GET",
            "/data/a/zarr.json?AWSAccessKeyId=AKIDEMBED&Expires=9999999999&Signature=x".to_owned(),
            400,
            "InvalidRequest",
        ),
    ] {
        let answer = part.raw(method, &target, &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
    }
    for (what, authorization, status, code) in [
        ("Bearer alone", "Bearer abc", 400, "InvalidRequest"),
        ("version 2 in the header", "AWS AKIDEMBED:c2ln", 400, "InvalidRequest"),
        ("version 4, malformed", "AWS4-HMAC-SHA256 Credential=x", 400, "AuthorizationHeaderMalformed"),
    ] {
        let answer = part.raw("GET", "/data/a/zarr.json", &[("authorization", authorization)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}");
    }
    part.stop().await;
}

#[tokio::test]
async fn the_sdk_presigner_is_understood() {
    let part = part().await;
    let client = part.client();
    let config = |expires| PresigningConfig::expires_in(Duration::from_secs(expires)).unwrap();
    let http = reqwest::Client::new();

    let got = client.get_object().bucket("data").key(KEY).presigned(config(60)).await.unwrap();
    let answer = http.get(got.uri()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), KEY);
    assert_eq!(http.head(got.uri()).send().await.unwrap().status(), 403);

    let headed = client.head_object().bucket("data").key(KEY).presigned(config(60)).await.unwrap();
    let answer = http.head(headed.uri()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-length"].to_str().unwrap()), (200, "11"));
    assert_eq!(http.get(headed.uri()).send().await.unwrap().status(), 403);

    let named = client
        .get_object()
        .bucket("data")
        .key(KEY)
        .response_content_type("text/x-y")
        .response_content_disposition("attachment; filename=\"a b.json\"");
    let named = named.presigned(config(60)).await.unwrap();
    let answer = http.get(named.uri()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/x-y");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"a b.json\"");

    let earlier = SystemTime::now() - Duration::from_mins(2);
    let config = PresigningConfig::builder().start_time(earlier).expires_in(Duration::from_mins(1)).build().unwrap();
    let expired = client.get_object().bucket("data").key(KEY).presigned(config).await.unwrap();
    let answer = http.get(expired.uri()).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("Request has expired"));
    part.stop().await;
}

#[tokio::test]
async fn browsers_are_answered_before_any_signature() {
    let part = part().await;
    let asked = [
        ("origin", "null"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range,x-any"),
        ("access-control-request-private-network", "true"),
    ];
    let answer = part.raw("OPTIONS", "/data/a/zarr.json?X-Amz-Signature=bad", &asked).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD");
    assert_eq!(answer.header("access-control-allow-headers"), "range,x-any");
    assert_eq!(answer.header("access-control-allow-private-network"), "true");
    assert_eq!(answer.header("access-control-allow-credentials"), "");

    let answer = part.raw("OPTIONS", "/data/gone", &[("origin", "https://a.example"), ("access-control-request-method", "HEAD")]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-private-network")), (200, ""));

    let answer = part.raw("OPTIONS", "/data/a", &[("origin", "null"), ("access-control-request-method", "PUT")]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-methods")), (403, ""));
    assert_eq!(part.raw("OPTIONS", "/data/a", &[]).await.status, 400);
    part.stop().await;
}

#[tokio::test]
async fn the_sdk_is_answered_and_may_not_write() {
    let part = part().await;
    let client = part.client();
    let got = client.get_object().bucket("data").key(KEY).send().await.unwrap();
    assert_eq!(got.content_length(), Some(11));
    assert_eq!(got.body.collect().await.unwrap().to_vec(), KEY.as_bytes());
    let headed = client.head_object().bucket("data").key(KEY).send().await.unwrap();
    assert_eq!(headed.content_length(), Some(11));
    assert!(client.head_object().bucket("data").key("gone").send().await.unwrap_err().into_service_error().is_not_found());
    assert!(client.get_object().bucket("data").key("gone").send().await.unwrap_err().into_service_error().is_no_such_key());
    client.head_bucket().bucket("data").send().await.unwrap();
    assert!(client.head_bucket().bucket("nobody").send().await.unwrap_err().into_service_error().is_not_found());
    assert!(
        client.get_bucket_location().bucket("data").send().await.unwrap().location_constraint().is_none_or(|at| at.as_str().is_empty())
    );
    let buckets = client.list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect::<Vec<_>>(), ["data", "other"]);

    let status = |raw: Option<u16>| assert_eq!(raw, Some(403));
    let put = client.put_object().bucket("data").key("new").body(b"x".to_vec().into()).send().await.unwrap_err();
    status(put.raw_response().map(|answer| answer.status().as_u16()));
    let gone = client.delete_object().bucket("data").key(KEY).send().await.unwrap_err();
    status(gone.raw_response().map(|answer| answer.status().as_u16()));
    let made = client.create_multipart_upload().bucket("data").key("new").send().await.unwrap_err();
    status(made.raw_response().map(|answer| answer.status().as_u16()));
    let made = client.create_bucket().bucket("another").send().await.unwrap_err();
    status(made.raw_response().map(|answer| answer.status().as_u16()));
    let copied = client.copy_object().bucket("data").key("new").copy_source("data/a/b").send().await.unwrap_err();
    status(copied.raw_response().map(|answer| answer.status().as_u16()));
    assert!(part.root.join(KEY).exists() && !part.root.join("new").exists());
    part.stop().await;
}
