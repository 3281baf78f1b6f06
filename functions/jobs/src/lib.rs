//! What is done after the answer: notices are taken from the outbox and become mails (ACCESS 6, ADR 0058).
//!
//! `events` is the Lambda door's part: what the table's stream and a clock ask for. `deliver` takes what is due and says what became of it, `tell` looks whether it is still so and finds the names, `write` makes the mail of it, `send`
//! hands it over. Not here: what is a notice (`domain/notice.rs`), how it is kept and taken (`table/outbox.rs`), any request.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")
)]

mod deliver;
mod events;
mod send;
mod tell;
mod write;

pub use deliver::{Jobs, Round};
pub use events::{EventError, keep};
pub use send::{MailServer, Post, PostError};
