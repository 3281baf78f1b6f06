//! `check` answers as the act does that it asks about (P15).

mod product;
mod program;

pub use product::{Tally, run};
pub use program::any_program;
