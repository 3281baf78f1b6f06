//! The rules of Offprint: what a link is, who may read, and for how long.
//!
//! Pure: no I/O, no clock, no randomness, no serialisation. Time and random bits come in as arguments,
//! so every rule is a table test. Not here: how rows are written (`table`), how a URL is signed (`objects`),
//! which status a refusal gets (`edge/problem.rs`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::enum_glob_use,
        reason = "a test may fail loudly"
    )
)]

pub mod address;
pub mod audience;
mod base32;
pub mod clone;
pub mod code;
pub mod connection;
pub mod copy;
pub mod curation;
pub mod dataset;
pub mod decision;
pub mod delegation;
pub mod grant;
pub mod id;
pub mod invitation;
pub mod key;
pub mod levels;
pub mod limits;
pub mod link;
pub mod link_set;
pub mod network;
pub mod notice;
pub mod object;
pub mod opening;
pub mod pass;
pub mod path;
pub mod policy;
pub mod project;
pub mod question;
pub mod rate;
pub mod request;
pub mod rights;
pub mod source;
pub mod terms;
pub mod timing;
pub mod token;
pub mod user;
