//! Signed URLs, as a store judges them.

use domain::{link::Class, timing::Validity};
use jiff::{SignedDuration, Timestamp};
use objects::{
    credentials::{Credentials, Signer},
    presigner::{SignError, SignedMethod, SignedUrl},
};
use reqwest::{Method, StatusCode};

use crate::{
    facts::{Opens, path, real_now, source, store},
    scene::{CHUNK, ODD, Scene},
};

pub(crate) async fn suite(scene: &Scene) {
    opens_one_object_by_one_method(scene).await;
    survives_odd_names_and_any_range(scene).await;
    fixes_what_a_browser_would_run(scene).await;
    takes_the_tags_and_a_requester(scene).await;
    ends(scene).await;
}

async fn signed(scene: &Scene, opens: &Opens, method: SignedMethod, inside: &str, now: Timestamp) -> SignedUrl {
    let permit = opens.permit(now);
    let presigner = scene.objects.presigner(&permit, now).await.unwrap();
    presigner.sign(&permit, method, &path(inside), now).unwrap()
}

fn lab(scene: &Scene) -> Opens {
    Opens::folder(scene.source.clone(), "em.zarr/")
}

async fn status(scene: &Scene, method: Method, url: &str) -> StatusCode {
    scene.browser.request(method, url).send().await.unwrap().status()
}

// SECURITY T18, T28
async fn opens_one_object_by_one_method(scene: &Scene) {
    let now = real_now();
    let get = signed(scene, &lab(scene), SignedMethod::Get, "0/c/0/0/1", now).await.reveal().to_owned();
    let answer = scene.browser.get(&get).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap(), scene.keys[CHUNK]);
    for method in [Method::HEAD, Method::PUT, Method::POST, Method::DELETE] {
        let refused = status(scene, method.clone(), &get).await;
        assert!(refused.is_client_error(), "{method} answers {refused}");
    }
    for (what, other) in [
        ("another key", get.replacen("/0/0/1", "/0/0/2", 1)),
        ("a key beside", get.replacen("/em.zarr/0/c/0/0/1", "/em.zarr-beside/secret", 1)),
        ("an added query", format!("{get}&response-content-type=text%2Fhtml")),
        ("a query in front", get.replacen('?', "?versionId=1&", 1)),
        ("a longer life", get.replacen("X-Amz-Expires=60", "X-Amz-Expires=600", 1)),
        ("without its tag", get.replacen("&x-offprint-link=", "&x-offprint-other=", 1)),
        ("the bucket", get.replacen("/lab/em.zarr/0/c/0/0/1", "/", 1)),
    ] {
        assert_ne!(other, get, "{what}");
        assert_eq!(status(scene, Method::GET, &other).await, 403, "{what}");
    }
    let forwarded = scene.browser.get(&get).header("authorization", "Bearer offprint_x").send().await.unwrap();
    assert!(forwarded.status().is_client_error(), "two kinds of signature: {}", forwarded.status());
    let head = signed(scene, &lab(scene), SignedMethod::Head, "0/c/0/0/1", now).await.reveal().to_owned();
    let answer = scene.browser.head(&head).send().await.unwrap();
    assert_eq!((answer.status(), answer.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "65536"));
    assert_eq!(status(scene, Method::GET, &head).await, 403);
    // SEMANTICS 4: not there is 404
    let missing = signed(scene, &lab(scene), SignedMethod::Get, "0/c/9/9/9", now).await.reveal().to_owned();
    assert_eq!(status(scene, Method::GET, &missing).await, 404);
}

async fn survives_odd_names_and_any_range(scene: &Scene) {
    let now = real_now();
    let odd = signed(scene, &lab(scene), SignedMethod::Get, ODD.strip_prefix("lab/em.zarr/").unwrap(), now).await.reveal().to_owned();
    assert!(odd.bytes().all(|byte| byte.is_ascii_graphic()), "{odd}");
    assert_eq!(scene.browser.get(&odd).send().await.unwrap().bytes().await.unwrap(), scene.keys[ODD]);
    let get = signed(scene, &lab(scene), SignedMethod::Get, "0/c/0/0/1", now).await.reveal().to_owned();
    for (range, want) in
        [("bytes=0-9", 0..10), ("bytes=65530-", 65_530..65_536), ("bytes=-6", 65_530..65_536), ("bytes=65530-99999", 65_530..65_536)]
    {
        let answer = scene.browser.get(&get).header("range", range).send().await.unwrap();
        assert_eq!(answer.status(), 206, "{range}");
        assert_eq!(answer.bytes().await.unwrap(), scene.keys[CHUNK][want], "{range}");
    }
}

// SECURITY T18
async fn fixes_what_a_browser_would_run(scene: &Scene) {
    let url = signed(scene, &lab(scene), SignedMethod::Get, "page.html", real_now()).await.reveal().to_owned();
    let answer = scene.browser.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["content-disposition"], "attachment");
    assert_eq!(status(scene, Method::GET, &url.replacen("=attachment", "=inline", 1)).await, 403);
    let head = signed(scene, &lab(scene), SignedMethod::Head, "page.html", real_now()).await.reveal().to_owned();
    assert_eq!(status(scene, Method::HEAD, &head).await, 200);
}

async fn takes_the_tags_and_a_requester(scene: &Scene) {
    let opens = Opens::folder(scene.source_with(|store| store.requester_pays = true), "em.zarr/");
    let url = signed(scene, &opens, SignedMethod::Get, "zarr.json", real_now()).await.reveal().to_owned();
    assert!(url.contains("&x-amz-request-payer=requester&x-offprint-link=l"), "{url}");
    assert_eq!(status(scene, Method::GET, &url).await, 200);
}

// SEMANTICS 3.6, 5
async fn ends(scene: &Scene) {
    let before = real_now() - SignedDuration::from_secs(90);
    let old = signed(scene, &lab(scene), SignedMethod::Get, "zarr.json", before).await;
    assert!(old.validity.end() < real_now());
    assert_eq!(status(scene, Method::GET, old.reveal()).await, 403, "it ended");
    // radosgw takes a signature whose time is still to come.
    if !scene.is_flat {
        let ahead = real_now() + SignedDuration::from_hours(1);
        let early = signed(scene, &lab(scene), SignedMethod::Get, "zarr.json", ahead).await;
        assert_eq!(status(scene, Method::GET, early.reveal()).await, 403, "it has not begun");
    }
}

fn presigner_of(credentials: Credentials) -> objects::Objects {
    let settings = objects::Settings {
        endpoint: None,
        public_endpoint: None,
        private_endpoints: true,
        signer: Signer::Static(credentials),
        sts_endpoint: None,
    };
    objects::Objects::new(settings).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

// SECURITY T17; H4
#[tokio::test]
async fn nothing_is_signed_past_the_credentials_or_the_link() {
    let end = at(2_000_000_000);
    let objects = presigner_of(Credentials::new("AKID", "secret", Some("token".to_owned()), Some(end)));
    for class in [Class::Collaboration, Class::Publication] {
        for left in 0..400 {
            let now = end - SignedDuration::from_secs(left);
            for until in [None, Some(now + SignedDuration::from_secs(left % 17 + 1))] {
                let opens = Opens { class, until, ..Opens::folder(source(store("data", None), ""), "x/") };
                let permit = opens.permit(now);
                let Ok(presigner) = objects.presigner(&permit, now).await else {
                    assert!(left < 35, "credentials serve until they can sign no more: {left}");
                    continue;
                };
                match presigner.sign(&permit, SignedMethod::Get, &path("a"), now) {
                    Ok(signed) => {
                        let validity = signed.validity;
                        assert!(validity.end() <= end - SignedDuration::from_secs(30), "{left}");
                        assert!(until.is_none_or(|until| validity.end() <= until), "{left}");
                        assert!(signed.reveal().contains(&format!("&X-Amz-Expires={}&", validity.expires_secs)));
                    }
                    Err(why) => {
                        assert_eq!(why, SignError::NothingLeft);
                        assert!(until.is_some_and(|until| until < now + SignedDuration::from_secs(5)), "{left}");
                    }
                }
            }
        }
    }
}

// SEMANTICS 3.5, 3.6
#[tokio::test]
async fn the_url_of_an_object_repeats_within_a_window() {
    let objects = presigner_of(Credentials::new("AKID", "secret", None, None));
    let opens = Opens::folder(source(store("data", None), ""), "x/");
    let mut urls = Vec::new();
    for second in 0..60 {
        let now = at(1_800_000_000 + second);
        let permit = opens.permit(now);
        let signed = objects.presigner(&permit, now).await.unwrap().sign(&permit, SignedMethod::Get, &path("a"), now).unwrap();
        assert_eq!(signed.validity, Validity { signed_at: at(1_800_000_000 + second / 15 * 15), expires_secs: 60 });
        urls.push(signed);
    }
    urls.dedup();
    assert_eq!(urls.len(), 4);
}

#[tokio::test]
async fn what_may_not_be_signed_is_refused() {
    let now = at(1_800_000_000);
    let objects = presigner_of(Credentials::new("AKID", "secret", None, None));
    let whole = Opens::folder(source(store("data", None), ""), "");
    let permit = whole.permit(now);
    let presigner = objects.presigner(&permit, now).await.unwrap();
    let sign = |inside: &str| presigner.sign(&permit, SignedMethod::Get, &path(inside), now);
    // The empty key is the bucket: a signed GET of it would list everything.
    assert_eq!(sign(""), Err(SignError::Folder));
    assert_eq!(sign("a/"), Err(SignError::Folder));
    assert!(sign(&"a".repeat(1_024)).is_ok());
    for other in [
        Opens::folder(source(store("other", None), ""), ""),
        Opens::folder(source(store("data", None), "lab/"), ""),
        Opens::folder(source(store("data", Some("https://s3.example.org")), ""), ""),
    ] {
        let refused = presigner.sign(&other.permit(now), SignedMethod::Get, &path("a"), now);
        assert_eq!(refused, Err(SignError::OtherSource));
    }
    let single = Opens::object(source(store("data", None), "lab/"), "a.csv");
    let permit = single.permit(now);
    let presigner = objects.presigner(&permit, now).await.unwrap();
    assert!(
        presigner
            .sign(&permit, SignedMethod::Get, &path(""), now)
            .unwrap()
            .reveal()
            .starts_with("https://s3.us-east-1.amazonaws.com/data/lab/a.csv?")
    );
    assert!(matches!(presigner.sign(&permit, SignedMethod::Get, &path("b"), now), Err(SignError::Denied(_))));
    let register = whole.permit_to_register(now);
    assert_eq!(presigner.sign(&register, SignedMethod::Get, &path("a"), now), Err(SignError::Permit));
    assert!(objects.presigner(&register, now).await.is_err());
}
