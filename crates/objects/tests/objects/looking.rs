//! What lies where, and whether a store is as it must be.

use std::collections::BTreeMap;

use domain::dataset::Kind;
use objects::{
    Objects, ObjectsError, Settings,
    credentials::{Credentials, Signer},
    doctor::Finding,
    presigner::SignError,
};

use crate::{
    facts::{Opens, path, permit_to_administer, real_now},
    scene::Scene,
};

pub(crate) async fn suite(scene: &Scene) {
    finds_what_is_registered(scene).await;
    is_examined(scene).await;
}

async fn finds_what_is_registered(scene: &Scene) {
    let now = real_now();
    let permit = Opens::folder(scene.source.clone(), "").permit_to_register(now);
    for (at, want) in [
        ("em.zarr", Some(Kind::Zarr)),
        ("em.zarr/", Some(Kind::Zarr)),
        ("old.zarr", Some(Kind::Zarr)),
        ("array.zarr/", Some(Kind::Zarr)),
        ("em.zarr/0/c", Some(Kind::Folder)),
        ("", Some(Kind::Folder)),
        ("em.zarr/zarr.json", Some(Kind::File)),
        ("em.zarr/zarr.json/", None),
        ("em.zar", None),
        ("nothing/", None),
    ] {
        assert_eq!(scene.objects.probe(&permit, &path(at), now).await, Ok(want), "{at}");
    }
    let inner = Opens::folder(scene.source.clone(), "em.zarr/").permit_to_register(now);
    assert_eq!(scene.objects.probe(&inner, &path("em.zarr/0"), now).await, Ok(Some(Kind::Zarr)));
    let beside = Err(ObjectsError::Sign(SignError::Permit));
    assert_eq!(scene.objects.probe(&inner, &path("em.zarr-beside/secret"), now).await, beside);
    let reader = Opens::folder(scene.source.clone(), "").permit(now);
    assert_eq!(scene.objects.probe(&reader, &path("em.zarr"), now).await, beside);
}

fn outcomes(findings: &[Finding]) -> BTreeMap<&'static str, bool> {
    findings.iter().map(|finding| (finding.id, finding.ok)).collect()
}

// W6
async fn is_examined(scene: &Scene) {
    let now = real_now();
    let permit = permit_to_administer(now);
    let findings = scene.objects.doctor(&permit, &scene.source, now).await.unwrap();
    let found = outcomes(&findings);
    for id in ["list", "read", "range", "missing", "clock"] {
        assert_eq!(found.get(id), Some(&true), "{id}: {findings:#?}");
    }
    assert_eq!(found.get("outside"), Some(&false), "these keys read the whole bucket: {findings:#?}");
    // Only the embedded store comes with a bucket CORS.
    for id in ["cors", "cors-preflight"] {
        assert_eq!(found.get(id), Some(&!scene.is_flat), "{id}: {findings:#?}");
    }
    assert!(findings.iter().all(|finding| finding.ok || finding.fix.is_some()), "{findings:#?}");
    let elsewhere = scene.source_with(|store| "no-such-bucket".clone_into(&mut store.bucket));
    let nowhere = Settings { endpoint: Some("http://127.0.0.1:1".to_owned()), ..scene.settings() };
    let stranger = Signer::Static(Credentials::new("AKIDSTRANGER", "s3cret", None, None));
    for (settings, source, fix) in [
        (scene.settings(), &elsewhere, "make the bucket"),
        (nowhere, &scene.source, "can be reached"),
        (Settings { signer: stranger, ..scene.settings() }, &scene.source, "keys that the store knows"),
    ] {
        let findings = Objects::new(settings).unwrap().doctor(&permit, source, now).await.unwrap();
        let [Finding { id: "list", ok: false, fix: Some(said), .. }] = findings.as_slice() else { panic!("{findings:#?}") };
        assert!(said.contains(fix), "{said}");
    }
    let reader = Opens::folder(scene.source.clone(), "").permit(now);
    assert_eq!(scene.objects.doctor(&reader, &scene.source, now).await, Err(ObjectsError::Sign(SignError::Permit)));
}
