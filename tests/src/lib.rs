//! The harness and the tests that need more than one crate.
//!
//! The product is started as people start it, `offprint up`, or as Lambda starts it, through the Runtime API; the
//! end-to-end suite goes through both doors and cannot tell which it has.

pub mod app;
#[path = "../../crates/table/tests/support/faults.rs"]
pub mod faults;
pub mod function_url;
pub mod late;
pub mod mail;
pub mod oidc;
pub mod world;
