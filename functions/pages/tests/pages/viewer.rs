//! Consent for a viewer, by Neuroglancer's `middleauth`. That the browser hands the token to the right window and to no other is shown with a
//! real one (tests/clients).

use data_encoding::BASE64;
use domain::token::{Scope, TokenKind, TokenSecret};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::browser::{APP, Browser, VIEWER, start};

const PATH: &str = "/api/v1/authorize";
const NAMED: &str = "/api/v1/authorize?viewer=https%3A//viewer.test";
const CONSENT: &str = "viewer=https%3A%2F%2Fviewer.test";

#[tokio::test]
async fn a_viewer_is_given_a_token_that_reads_and_no_more() {
    let app = start(None).await;
    let eve = Browser::signed_in(&app, &app.eve.token);
    let asked = eve.ask("GET", PATH, &[("referer", "https://viewer.test/")], "").await;
    let page = asked.page(200);
    for told in [VIEWER, "https://data.test", "Signing out here does not end it", "It can change and share nothing"] {
        assert!(page.contains(told), "{told} {page}");
    }
    assert!(!page.contains("<script") && asked.headers.get("cross-origin-opener-policy").is_none(), "{asked:?}");

    let given = eve.post(PATH, CONSENT).await;
    let page = given.page(200);
    let secret = page.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap();
    let (user, token) = app.app.table.bearer(TokenSecret::parse(secret).unwrap().hash()).await.unwrap().unwrap();
    assert_eq!((user.id, token.kind, &token.scopes), (app.eve.user.id, TokenKind::Viewer, &vec![Scope::Data]));
    assert_eq!((token.label.as_str(), token.until), ("viewer https://viewer.test", app.now() + SignedDuration::from_hours(8)));
    assert!(
        page.contains("data-viewer=\"https://viewer.test\"") && page.contains("data-app-urls=\"[&#34;https://data.test&#34;]\""),
        "{page}"
    );

    // One script, known by its hash, and no other may run; it never posts to whoever asks.
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert!(script.contains("given.viewer") && !script.contains("'*'"), "{script}");
    let hash = BASE64.encode(&Sha256::digest(script.as_bytes()));
    let policy = given.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("script-src 'sha256-{hash}';")) && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src 'self'"), "{policy}");
    assert_eq!((&given.headers["cache-control"], given.headers.get("cross-origin-opener-policy")), (&"no-store".parse().unwrap(), None));

    // A token makes no token, and is no session.
    assert_eq!(Browser::signed_in(&app, secret).get("/").await.leads_to(), format!("{APP}/sign-in"));
    assert!(!app.app.lines.text().contains("offprint_"));
}

#[tokio::test]
async fn only_viewers_on_the_list_are_asked_for_and_signing_in_comes_between() {
    let app = start(None).await;
    let before = app.app.table.tokens_of(app.eve.user.id).await.unwrap().len();
    let (nobody, eve) = (Browser::of(&app), Browser::signed_in(&app, &app.eve.token));
    for referer in ["https://viewer.test/", "https://viewer.test/v/?a#b", "https://viewer.test"] {
        eve.ask("GET", PATH, &[("referer", referer)], "").await.is(200);
        let first = nobody.ask("GET", PATH, &[("referer", referer)], "").await;
        // The way back names the viewer: the page that comes before has another referrer.
        assert_eq!(first.leads_to(), format!("{APP}/sign-in?next=/api/v1/authorize%3Fviewer%3Dhttps%253A//viewer.test"));
    }
    assert!(eve.get(NAMED).await.page(200).contains(VIEWER));
    for referer in [
        "https://evil.example/",
        "https://viewer.test.evil.example/",
        "http://viewer.test/",
        "https://viewer.test:8443/",
        "null",
        "https://evil.example/?https://viewer.test/",
    ] {
        for browser in [&nobody, &eve] {
            let refused = browser.ask("GET", PATH, &[("referer", referer)], "").await;
            assert!(refused.page(403).contains("none that this deployment allows"), "{referer} {refused:?}");
        }
    }
    for viewer in ["*", "null", "", "https%3A%2F%2Fevil.example", "https%3A%2F%2FVIEWER.test", "https%3A%2F%2Fviewer.test%2F"] {
        assert!(eve.get(&format!("{PATH}?viewer={viewer}")).await.page(403).contains("none that this deployment allows"), "{viewer}");
        assert!(eve.post(PATH, &format!("viewer={viewer}")).await.page(403).contains("none that this deployment allows"), "{viewer}");
    }
    let ended = nobody.post(PATH, CONSENT).await;
    assert_eq!(ended.leads_to(), format!("{APP}/sign-in?next=/api/v1/authorize%3Fviewer%3Dhttps%253A//viewer.test"));
    assert_eq!(app.app.table.tokens_of(app.eve.user.id).await.unwrap().len(), before, "nothing was made by any of it");
}
