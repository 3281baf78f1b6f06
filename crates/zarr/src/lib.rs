//! What metadata say: of Zarr arrays and groups of version 2 and 3, of OME-Zarr images, labels, plates and wells, and of N5.
//!
//! Pure, over documents that somebody else has read, and made by anybody: a field that cannot be understood is named, and nothing is refused
//! for it. Not here: reading (`objects`, `pages`), what opens to whom (`domain/levels.rs`), and how any of it is shown.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test may fail loudly"
    )
)]

pub mod array;
pub mod attributes;
pub mod documents;
pub mod image;
pub mod seen;
pub mod thinned;
