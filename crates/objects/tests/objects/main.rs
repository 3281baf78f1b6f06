//! The crate against real servers: the embedded S3 part, Ceph's radosgw, and a token service. One suite for all stores.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test may fail loudly"
)]

mod copying;
mod facts;
mod listing;
mod looking;
mod oracle;
mod reading;
mod roles;
mod scene;
mod service;
mod signing;

use scene::Scene;

#[tokio::test]
async fn signing_on_the_embedded_store() {
    signing::suite(&Scene::embedded().await).await;
}

#[tokio::test]
async fn reading_on_the_embedded_store() {
    reading::suite(&Scene::embedded().await).await;
}

#[tokio::test]
async fn listing_on_the_embedded_store() {
    listing::suite(&Scene::embedded().await).await;
}

#[tokio::test]
async fn looking_on_the_embedded_store() {
    looking::suite(&Scene::embedded().await).await;
}

#[tokio::test]
async fn copying_on_the_embedded_store() {
    copying::suite(&Scene::embedded().await).await;
}

/// One test, because the server takes a quarter of a minute to start.
#[tokio::test]
async fn the_same_suite_on_radosgw() {
    let scene = Scene::radosgw().await;
    signing::suite(&scene).await;
    reading::suite(&scene).await;
    listing::suite(&scene).await;
    looking::suite(&scene).await;
    copying::suite(&scene).await;
}
