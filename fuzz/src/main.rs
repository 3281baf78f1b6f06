//! The fuzzer: bytes of its own making for whatever reads what strangers send. `run.sh` builds and runs it.
//!
//! A target is a function that panics where a promise is broken. It has a line here, a file beside this one, and a folder of seeds below
//! `corpus`. The environment says which one runs.
#![no_main]

mod address;
mod bearer;
mod cursor;
mod event;
mod keys;
mod metadata;
mod path;
mod token;
mod zone;

use std::sync::LazyLock;

/// A function that must not panic, whatever it is given.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 9] = [
    ("address", address::fuzz),
    ("bearer", bearer::fuzz),
    ("cursor", cursor::fuzz),
    ("event", event::fuzz),
    ("keys", keys::fuzz),
    ("metadata", metadata::fuzz),
    ("path", path::fuzz),
    ("token", token::fuzz),
    ("zone", zone::fuzz),
];

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let asked = std::env::var("OFFPRINT_FUZZ").unwrap_or_default();
    let names = TARGETS.map(|(name, _)| name);
    TARGETS.iter().find(|(name, _)| *name == asked).unwrap_or_else(|| panic!("OFFPRINT_FUZZ is one of {names:?}, not `{asked}`")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (*CHOSEN)(bytes));
