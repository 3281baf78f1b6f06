//! Copies from one source into another, by the store.

use domain::{path::ObjectPath, source::Source};
use objects::{
    Objects, Settings,
    copy::CopyObjectError,
    listing::{ListQuery, ObjectEntry},
};

use crate::{
    facts::{self, Opens},
    scene::Scene,
};

/// The bucket that copies go to.
const COPIES: &str = "copies";

pub(crate) async fn suite(scene: &Scene) {
    all_of_a_dataset_arrives(scene).await;
    places_on_two_stores_are_apart(scene);
    if scene.is_flat {
        a_large_object_is_copied_in_parts(scene).await;
    }
    the_doctor_says_whether_copies_can_be_made(scene).await;
}

fn writable(prefix: &str) -> Source {
    Source { writable: true, ..facts::source(facts::store(COPIES, None), prefix) }
}

async fn listed(scene: &Scene, from: &Opens) -> Vec<ObjectEntry> {
    let now = facts::real_now();
    let query = ListQuery { max: 1_000, ..ListQuery::default() };
    scene.objects.list(&from.permit_to_copy(now), &ObjectPath::default(), &query, now).await.unwrap().objects
}

async fn all_of_a_dataset_arrives(scene: &Scene) {
    let now = facts::real_now();
    let from = Opens { cuts: vec![facts::path("em.zarr/0/")], ..Opens::folder(scene.source.clone(), "em.zarr/") };
    let to = Opens::folder(writable("to/"), "");
    let (copy, receive) = (from.permit_to_copy(now), to.permit_to_receive(now));
    let copier = scene.objects.copier(&copy, &receive, &facts::path("mine/em.zarr/")).unwrap();
    let entries = listed(scene, &from).await;
    assert!(
        entries.len() > 2 && entries.iter().all(|entry| !entry.key.starts_with("0/")),
        "what is restricted is not even listed: {entries:?}"
    );
    for entry in &entries {
        copier.copy(entry, false, now).await.unwrap();
    }
    let arrived = scene.objects.list_arrived(copier.to(), &ListQuery { max: 1_000, ..ListQuery::default() }, now).await.unwrap();
    let shape = |entries: &[ObjectEntry]| entries.iter().map(|entry| (entry.key.clone(), entry.size)).collect::<Vec<_>>();
    assert_eq!(shape(&arrived.objects), shape(&entries));
    let first = entries.iter().find(|entry| entry.size > 0).unwrap();
    // Nothing is overwritten; what an earlier try left is looked at.
    assert_eq!(copier.copy(first, false, now).await, Err(CopyObjectError::Taken));
    assert_eq!(copier.copy(first, true, now).await, Ok(()));
    assert_eq!(copier.check(first, now).await, Ok(()));
    let longer = ObjectEntry { size: first.size + 1, ..first.clone() };
    assert_eq!(copier.check(&longer, now).await, Err(CopyObjectError::Taken));
    // Another object than the one that was listed.
    let other = scene.objects.copier(&copy, &receive, &facts::path("mine/other.zarr/")).unwrap();
    let changed = ObjectEntry { etag: Some("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned()), ..first.clone() };
    assert_eq!(other.copy(&changed, false, now).await, Err(CopyObjectError::Changed));
    let gone = ObjectEntry { key: "none".to_owned(), ..first.clone() };
    assert_eq!(other.copy(&gone, false, now).await, Err(CopyObjectError::Changed));
    let hidden = ObjectEntry { key: "0/c/0/0/1".to_owned(), ..first.clone() };
    assert!(matches!(other.copy(&hidden, false, now).await, Err(CopyObjectError::Denied(_))), "a restricted part is never copied");
    let none = scene.objects.list_arrived(other.to(), &ListQuery { max: 1, ..ListQuery::default() }, now).await.unwrap();
    assert_eq!(none.objects, []);
    // Neither permit is good for the other side, nor for what is not below it.
    assert!(scene.objects.copier(&receive, &copy, &facts::path("x/")).is_err());
    assert!(scene.objects.copier(&copy, &receive, &ObjectPath::default()).is_err());
}

fn places_on_two_stores_are_apart(scene: &Scene) {
    let now = facts::real_now();
    let to = Opens::folder(writable("to/"), "").permit_to_receive(now);
    let apart = |change: &dyn Fn(&mut domain::source::Store)| {
        let from = Opens::folder(scene.source_with(change), "em.zarr/").permit_to_copy(now);
        let copier = scene.objects.copier(&from, &to, &facts::path("x/"));
        copier.map(drop)
    };
    assert_eq!(apart(&|_| {}), Ok(()));
    assert_eq!(apart(&|store| store.endpoint = Some("https://s3.example.org".to_owned())), Err(CopyObjectError::Apart));
    let role = domain::source::Role { arn: "arn:aws:iam::123456789012:role/other".to_owned(), external_id: None };
    assert_eq!(apart(&|store| store.role = Some(role.clone())), Err(CopyObjectError::Apart));
}

/// S3 takes no part of less than 5 MiB but the last.
async fn a_large_object_is_copied_in_parts(scene: &Scene) {
    const PART: u64 = 5 << 20;
    let now = facts::real_now();
    let from = Opens::folder(writable("big/"), "from/");
    let (copy, receive) = (from.permit_to_copy(now), Opens::folder(writable("big/"), "").permit_to_receive(now));
    let copier = scene.objects.copier(&copy, &receive, &facts::path("copied/")).unwrap().in_parts_from(PART, PART);
    let entries = listed(scene, &from).await;
    let [large] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(large.size > 2 * PART);
    copier.copy(large, false, now).await.unwrap();
    let arrived = listed(scene, &Opens::folder(writable("big/"), "copied/")).await;
    assert_eq!(arrived[0].size, large.size);
    assert!(arrived[0].etag.as_ref().unwrap().contains("-3"), "in three parts: {arrived:?}");
}

async fn the_doctor_says_whether_copies_can_be_made(scene: &Scene) {
    let now = facts::real_now();
    let found = async |objects: &Objects, source: Source| {
        let findings = objects.doctor(&facts::permit_to_administer(now), &source, now).await.unwrap();
        findings.into_iter().find(|finding| finding.id == "write")
    };
    assert!(found(&scene.objects, writable("to/")).await.unwrap().ok);
    assert!(found(&scene.objects, scene.source.clone()).await.is_none(), "nothing is said of what is not writable");
    if !scene.is_flat {
        // The folder is not marked.
        let source = Source { writable: true, ..scene.source.clone() };
        let finding = found(&Objects::new(Settings { ..scene.settings() }).unwrap(), source).await.unwrap();
        assert!(!finding.ok && finding.fix.unwrap().contains("--writable"), "{}", finding.detail);
    }
}
