//! The rules of access, held from several sides: as tables, by mistakes once made, by invariants of random worlds, and by a second decision.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::enum_glob_use,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_arguments,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod audience;
mod connections;
mod datasets_matrix;
mod delegation;
mod invariants;
mod invitations;
mod lasting;
mod matrix;
mod opening;
mod oracle;
mod permits;
mod pitfalls;
mod promotion;
mod via;

/// Whole worlds of people, groups, datasets and links, and what is done in them.
mod model {
    pub(crate) mod acts;
    pub(crate) mod asking;
    pub(crate) mod deeds;
    pub(crate) mod facts;
    pub(crate) mod second;
    pub(crate) mod world;
    pub(crate) mod worlds;
}
