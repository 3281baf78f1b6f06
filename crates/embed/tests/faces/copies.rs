//! `CopyObject`, which writes into folders that are marked for it, and nowhere else.

use std::fs;
use std::os::unix::fs::symlink;

use aws_sdk_s3::error::ProvideErrorMetadata;

use crate::part::{Part, put};

/// Copies, and answers the new entity tag or the code of the refusal.
async fn copy(part: &Part, from: &str, to: (&str, &str), if_match: Option<&str>) -> Result<String, String> {
    let client = part.client();
    let sent = client
        .copy_object()
        .bucket(to.0)
        .key(to.1)
        .copy_source(from)
        .set_copy_source_if_match(if_match.map(str::to_owned))
        .if_none_match("*")
        .send()
        .await;
    match sent {
        Ok(done) => Ok(done.copy_object_result().unwrap().e_tag().unwrap().to_owned()),
        Err(why) => Err(why.into_service_error().code().unwrap_or("none").to_owned()),
    }
}

fn refused(code: &str) -> Result<String, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn an_object_is_copied_whole_and_over_nothing() {
    let part = Part::over(|root| {
        put(root, "a/exp #3/50% +é.txt", b"bytes");
        put(root, "b", b"");
        put(root.parent().unwrap(), "other/there", b"mine");
    })
    .await;
    let client = part.client();
    let source = "data/a/exp%20%233/50%25%20%2B%C3%A9.txt";
    let tag = client.head_object().bucket("data").key("a/exp #3/50% +é.txt").send().await.unwrap().e_tag().unwrap().to_owned();
    let made = copy(&part, source, ("other", "x/y/é z"), Some(&tag)).await.unwrap();
    let there = client.head_object().bucket("other").key("x/y/é z").send().await.unwrap();
    assert_eq!((there.e_tag(), there.content_length()), (Some(made.as_str()), Some(5)));
    assert_eq!(fs::read(part.outer.path().join("other/x/y/é z")).unwrap(), b"bytes");
    assert_eq!(copy(&part, "/data/b", ("other", "empty"), None).await.map(drop), Ok(()));
    // Nothing that is there changes, and what is another by now is not copied.
    assert_eq!(copy(&part, source, ("other", "x/y/é z"), None).await, refused("PreconditionFailed"));
    assert_eq!(copy(&part, source, ("other", "there"), None).await, refused("PreconditionFailed"));
    assert_eq!(fs::read(part.outer.path().join("other/there")).unwrap(), b"mine");
    assert_eq!(copy(&part, source, ("other", "new"), Some("\"1-2-3\"")).await, refused("PreconditionFailed"));
    assert_eq!(copy(&part, "data/none", ("other", "new"), None).await, refused("NoSuchKey"));
    assert_eq!(copy(&part, "nowhere/b", ("other", "new"), None).await, refused("NoSuchBucket"));
    let names =
        |folder: &str| fs::read_dir(part.outer.path().join(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let mut left = names("other");
    left.sort();
    assert_eq!(left, ["empty", "there", "x"], "nothing stays behind of what failed");
    part.stop().await;
}

#[tokio::test]
async fn nothing_is_written_into_what_is_not_marked_nor_by_any_other_way() {
    let part = Part::with_keys(&["b"]).await;
    let client = part.client();
    assert_eq!(copy(&part, "data/b", ("data", "new"), None).await, refused("AccessDenied"));
    client.put_object().bucket("other").key("new").body(b"x".to_vec().into()).send().await.unwrap_err();
    client.delete_object().bucket("other").key("b").send().await.unwrap_err();
    let code = |why: Option<&str>| why.unwrap_or("none").to_owned();
    let parts = client.create_multipart_upload().bucket("other").key("new").send().await.unwrap_err();
    assert_eq!(code(parts.into_service_error().code()), "NotImplemented");
    let parts = client.create_multipart_upload().bucket("data").key("new").send().await.unwrap_err();
    assert_eq!(code(parts.into_service_error().code()), "AccessDenied");
    let asked = client.copy_object().bucket("other").key("new").copy_source("data/b").storage_class("GLACIER".into()).send().await;
    assert_eq!(code(asked.unwrap_err().into_service_error().code()), "NotImplemented", "what a folder cannot keep is refused");
    assert_eq!(fs::read_dir(part.outer.path().join("other")).unwrap().count(), 0);
    part.stop().await;
}

#[tokio::test]
async fn no_link_leads_a_copy_out_of_its_folder() {
    let part = Part::over(|root| {
        put(root, "b", b"bytes");
        let outer = root.parent().unwrap();
        fs::create_dir(outer.join("outside")).unwrap();
        fs::create_dir(outer.join("other/inside")).unwrap();
        symlink("../outside", outer.join("other/out")).unwrap();
        symlink("inside", outer.join("other/in")).unwrap();
        symlink("../outside/new", outer.join("other/file")).unwrap();
        put(outer, "other/plain", b"a file");
    })
    .await;
    for (key, code) in [
        ("out/x", "LeadsOut"),
        ("in/x", "LeadsOut"),
        ("plain/x", "LeadsOut"),
        ("file", "PreconditionFailed"),
        ("../data/x", "InvalidURI"),
        ("a/../x", "InvalidURI"),
        ("a//x", "NoSuchKey"),
        (".offprint-part-x", "NoSuchKey"),
    ] {
        // The SDK normalises no path.
        assert_eq!(copy(&part, "data/b", ("other", key), None).await, refused(code), "{key}");
    }
    assert_eq!(fs::read_dir(part.outer.path().join("outside")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(part.outer.path().join("other/inside")).unwrap().count(), 0);
    part.stop().await;
}

#[tokio::test]
async fn what_a_copy_left_that_broke_off_is_no_object_and_is_used_by_the_next() {
    let part = Part::with_keys(&["b"]).await;
    // As a killed server leaves it.
    copy(&part, "data/b", ("other", "f/b"), None).await.unwrap();
    let folder = part.outer.path().join("other/f");
    let digest = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(b"b"));
    let left = folder.join(format!(".offprint-part-{}", &digest[..32]));
    fs::rename(folder.join("b"), &left).unwrap();
    fs::write(&left, b"half of something longer").unwrap();
    let client = part.client();
    assert_eq!(client.list_objects_v2().bucket("other").send().await.unwrap().key_count(), Some(0));
    copy(&part, "data/b", ("other", "f/b"), None).await.unwrap();
    assert_eq!((fs::read(folder.join("b")).unwrap().as_slice(), left.exists()), (b"b".as_slice(), false));
    part.stop().await;
}

#[tokio::test]
async fn of_many_that_copy_to_one_key_one_does() {
    let part = Part::over(|root| put(root, "b", &vec![7; 3_000_000])).await;
    let copies = (0..8).map(|_| copy(&part, "data/b", ("other", "one"), None));
    let done = futures_util::future::join_all(copies).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    let refusals = done.iter().filter_map(|done| done.as_ref().err());
    assert!(refusals.into_iter().all(|code| code == "PreconditionFailed" || code == "OperationAborted"), "{done:?}");
    assert_eq!(fs::read(part.outer.path().join("other/one")).unwrap(), vec![7; 3_000_000]);
    part.stop().await;
}
