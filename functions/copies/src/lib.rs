//! Copies of datasets are gone on with: on AWS by a clock, else by `offprint up` (ACCESS 9, ADR 0067).
//!
//! `called` is the Lambda door's part: what a strike of the clock asks for. `copy` goes on with what is due, page by page, and `compare` holds both sides to each other. Not here: how a copy is asked
//! for (`functions/acl`), kept and taken (`table/copies.rs`), how the store copies an object (`objects/copy.rs`); notices, any request.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")
)]

mod called;
mod compare;
mod copy;

pub use called::CallError;
pub use copy::Copies;
