//! Listings against a plain byte sort of all keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::part::{Part, Signing, put};

/// Small numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

/// Names around the byte of `/` (0x2f) and of several bytes, so that the order of names is not that of keys.
const NAMES: [&str; 16] = ["a", "a-", "a.b", "a0", "ab", "b", "b ", "b+", "é", "e\u{301}", "%2F", "-", "~", "zarr.json", "0", "\u{fffd}x"];

/// A random tree, with empty folders that make no keys.
fn tree(dice: &mut Dice) -> (BTreeSet<String>, Vec<String>) {
    let (mut keys, mut folders): (BTreeSet<String>, BTreeSet<String>) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..60 {
        let depth = dice.roll(4);
        let mut path = String::new();
        for _ in 0..depth {
            path.push_str(dice.pick(&NAMES));
            path.push('/');
            if keys.contains(path.trim_end_matches('/')) {
                break;
            }
            folders.insert(path.trim_end_matches('/').to_owned());
        }
        let is_blocked = path.trim_end_matches('/').split_inclusive('/').scan(String::new(), |at, part| {
            at.push_str(part);
            Some(at.trim_end_matches('/').to_owned())
        });
        if is_blocked.into_iter().any(|at| keys.contains(&at)) {
            continue;
        }
        let key = format!("{path}{}", dice.pick(&NAMES));
        if dice.roll(6) > 0 && !folders.contains(&key) {
            keys.insert(key);
        }
    }
    (keys, folders.into_iter().collect())
}

fn build(root: &Path, keys: &BTreeSet<String>, folders: &[String]) {
    for folder in folders {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for key in keys {
        put(root, key, key.as_bytes());
    }
}

/// What a listing must show, in order: keys, and groups with their delimiter.
fn wanted(keys: &BTreeSet<String>, prefix: &str, delimiter: &str, after: &str) -> Vec<(String, bool)> {
    let mut shown = Vec::new();
    for key in keys.iter().filter(|key| key.starts_with(prefix) && key.as_str() > after) {
        let end = if delimiter.is_empty() { None } else { key[prefix.len()..].find(delimiter) };
        let item = match end {
            Some(at) => (key[..prefix.len() + at + delimiter.len()].to_owned(), true),
            None => (key.clone(), false),
        };
        let is_the_start = item.1 && item.0 == after;
        if !is_the_start && !shown.contains(&item) {
            shown.push(item);
        }
    }
    shown
}

#[tokio::test]
async fn pages_of_any_size_are_the_byte_sort_of_all_keys() {
    for seed in 1..=8_u64 {
        let mut dice = Dice(seed << 40 | 0x9e37_79b9);
        let (keys, folders) = tree(&mut dice);
        let part = Part::over(|root| build(root, &keys, &folders)).await;
        let client = part.client();
        let all: Vec<&str> = keys.iter().map(String::as_str).collect();
        for turn in 0..10 {
            let cut = |dice: &mut Dice| {
                let key = all[dice.roll(all.len())];
                let ends: Vec<usize> = key.char_indices().map(|(at, _)| at).chain([key.len()]).collect();
                key[..ends[dice.roll(ends.len())]].to_owned()
            };
            let prefix = if turn < 2 { String::new() } else { cut(&mut dice) };
            let delimiter = ["", "/", "", "/", "-", "a/", ".", "/", "é", "/"][turn];
            let after = if turn % 3 == 0 { String::new() } else { cut(&mut dice) };
            let want = wanted(&keys, &prefix, delimiter, &after);
            for max in [1, 2, 3, 7, 1000] {
                let what = format!("seed {seed}: prefix {prefix:?} delimiter {delimiter:?} after {after:?} by {max}");
                let (mut got, mut token) = (Vec::new(), None);
                loop {
                    let page = client.list_objects_v2().bucket("data").prefix(&prefix).start_after(&after).max_keys(max);
                    let page = if delimiter.is_empty() { page } else { page.delimiter(delimiter) };
                    let page = page.set_continuation_token(token).send().await.unwrap();
                    let mut items: Vec<_> = page.contents().iter().map(|object| (object.key().unwrap().to_owned(), false)).collect();
                    items.extend(page.common_prefixes().iter().map(|group| (group.prefix().unwrap().to_owned(), true)));
                    items.sort();
                    assert_eq!(page.key_count(), i32::try_from(items.len()).ok(), "{what}");
                    got.extend(items);
                    token = page.next_continuation_token().map(str::to_owned);
                    assert_eq!(page.is_truncated(), Some(token.is_some()), "{what}");
                    if token.is_none() {
                        break;
                    }
                    assert_eq!(page.key_count(), Some(max), "{what}: a page that is not the last is full");
                }
                assert_eq!(got, want, "{what}");
            }
        }
        part.stop().await;
    }
}

#[tokio::test]
async fn the_first_version_of_listing_pages_by_marker() {
    let mut dice = Dice(77);
    let (keys, folders) = tree(&mut dice);
    let part = Part::over(|root| build(root, &keys, &folders)).await;
    let client = part.client();
    for delimiter in ["", "/"] {
        for max in [1, 3, 1000] {
            let (mut got, mut marker) = (Vec::new(), String::new());
            loop {
                let page = client.list_objects().bucket("data").marker(&marker).max_keys(max).delimiter(delimiter).send().await.unwrap();
                let mut items: Vec<_> = page.contents().iter().map(|object| (object.key().unwrap().to_owned(), false)).collect();
                items.extend(page.common_prefixes().iter().map(|group| (group.prefix().unwrap().to_owned(), true)));
                items.sort();
                got.extend(items);
                if page.is_truncated() != Some(true) {
                    break;
                }
                marker = page.next_marker().map_or_else(|| got.last().unwrap().0.clone(), str::to_owned);
            }
            assert_eq!(got, wanted(&keys, "", delimiter, ""), "{delimiter:?} by {max}");
        }
    }
    part.stop().await;
}

#[tokio::test]
async fn a_large_folder_is_paged_and_agrees_with_head() {
    let names: Vec<String> = (0..2_500).map(|number| format!("c/{number}")).collect();
    let part = Part::with_keys(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let client = part.client();
    let mut pages = client.list_objects_v2().bucket("data").prefix("c/").into_paginator().send();
    let (mut sizes, mut seen) = (Vec::new(), BTreeMap::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        seen.extend(page.contents().iter().map(|object| (object.key().unwrap().to_owned(), object.clone())));
    }
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(seen.len(), 2_500);
    for key in ["c/0", "c/999", "c/2499"] {
        let (listed, headed) = (&seen[key], client.head_object().bucket("data").key(key).send().await.unwrap());
        assert_eq!(listed.e_tag(), headed.e_tag(), "{key}");
        assert_eq!(listed.size(), headed.content_length(), "{key}");
        assert_eq!(listed.last_modified().unwrap().secs(), headed.last_modified().unwrap().secs(), "{key}");
    }
    let grouped = client.list_objects_v2().bucket("data").delimiter("/").send().await.unwrap();
    assert_eq!(grouped.common_prefixes().iter().filter_map(|group| group.prefix()).collect::<Vec<_>>(), ["c/"]);
    part.stop().await;
}

#[tokio::test]
async fn arguments_of_a_listing_are_read_as_s3_reads_them() {
    let part = Part::with_keys(&["a b/c+d/é~*.json", "a b/x"]).await;
    let list = |query: &[(&str, &str)]| Signing::list(&[&[("list-type", "2")], query].concat());
    let encoded = part.send(&list(&[("encoding-type", "url"), ("prefix", "a b/"), ("delimiter", "/"), ("start-after", "a +")]), &[]).await;
    let text = String::from_utf8(encoded.body).unwrap();
    for part in [
        "<EncodingType>url</EncodingType>",
        "<Prefix>a+b/</Prefix>",
        "<Prefix>a+b/c%2Bd/</Prefix>",
        "<Key>a+b/x</Key>",
        "<StartAfter>a+%2B</StartAfter>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let first = part.send(&list(&[("encoding-type", "url"), ("max-keys", "1")]), &[]).await;
    let text = String::from_utf8(first.body).unwrap();
    assert!(text.contains("<Key>a+b/c%2Bd/%C3%A9%7E*.json</Key>"), "{text}");
    let token = text.split_once("<NextContinuationToken>").unwrap().1.split_once('<').unwrap().0.to_owned();
    let second = part.send(&list(&[("encoding-type", "url"), ("continuation-token", &token)]), &[]).await;
    let text = String::from_utf8(second.body).unwrap();
    assert!(text.contains(&format!("<ContinuationToken>{token}</ContinuationToken>")) && text.contains("<Key>a+b/x</Key>"), "{text}");
    for (query, status, code) in [
        (&[("max-keys", "0")][..], 200, ""),
        (&[("max-keys", "5000")], 200, ""),
        (&[("max-keys", "-1")], 400, "InvalidArgument"),
        (&[("max-keys", "x")], 400, "InvalidArgument"),
        (&[("encoding-type", "base64")], 400, "InvalidArgument"),
        (&[("continuation-token", "1.%")], 400, "InvalidArgument"),
        (&[("continuation-token", "made up")], 400, "InvalidArgument"),
    ] {
        let answer = part.send(&list(query), &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{query:?}");
    }
    let none = part.client().list_objects_v2().bucket("data").max_keys(0).send().await.unwrap();
    assert_eq!((none.key_count(), none.is_truncated()), (Some(0), Some(false)));
    part.stop().await;
}
