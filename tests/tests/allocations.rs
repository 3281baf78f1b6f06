//! What the hot path may allocate. A time depends on the machine and on who else uses it; a count does not, so this is what holds the rows
//! of docs/PERFORMANCE.md between two measurements: who adds an allocation to each redirect says so here.

use allocation_counter::measure;
use axum::body::Body;
use domain::{
    decision::{Action, Facts, Principal, Who, decide},
    grant::Net,
    key::LinkKey,
    path::ObjectPath,
};
use futures_util::FutureExt;
use http::{Request, StatusCode};
use objects::presigner::SignedMethod;
use serde_json::json;
use serve::DataOrigin;
use tests::app::{DATA, TestApp};
use tower::Service;

/// Of a redirect whose facts are known, from the parsed request to the answer, headers and access line.
const REDIRECT_MOST: u64 = 11;
/// Of a signature: the URL.
const SIGNATURE: u64 = 1;

#[tokio::test]
async fn a_warm_redirect_allocates_little_and_a_signature_once() {
    let parts = TestApp::fresh().await;
    let link = parts.link("exp #3/50% +é.ome.zarr", json!({})).await;
    let target = format!("{}/0/c/4/7/2", link["url"].as_str().unwrap().strip_prefix(DATA).unwrap());
    let request = || Request::get(&target).header("host", "data.test").header("user-agent", "Python/3.11").body(Body::empty()).unwrap();
    let mut origin = DataOrigin::new(parts.app.clone());
    for _warm in 0..2 {
        assert_eq!(origin.call(request()).await.unwrap().status(), StatusCode::FOUND);
    }

    // The least of a few: at the turn of a second, what is said of time is written anew.
    let counted = (0..3).map(|_again| {
        let (asked, mut answer) = (request(), None);
        let counted = measure(|| answer = origin.call(asked).now_or_never());
        assert_eq!(answer.expect("a warm redirect waits for nothing").unwrap().status(), StatusCode::FOUND);
        counted.count_total
    });
    let least = counted.min().unwrap();
    assert!(least <= REDIRECT_MOST, "{least}");

    let (app, now) = (&parts.app, parts.app.now());
    let key = LinkKey::parse(target.split('/').nth(1).unwrap()).unwrap();
    let facts = app.facts.link(&app.table, key.hash(), now, None).await.unwrap().facts.unwrap();
    let permit = decide(&Principal { who: Who::Holder, net: Net::Unknown }, Action::Read, &Facts::Link(facts), now).unwrap();
    let presigner = app.objects.presigner(&permit, now).await.unwrap();
    let path = ObjectPath::from_decoded("0/c/4/7/2").unwrap();
    let counted = measure(|| {
        presigner.sign(&permit, SignedMethod::Get, &path, now).unwrap();
    });
    assert_eq!(counted.count_total, SIGNATURE, "{counted:?}");
}
