//! Everything that can be done to who may read two datasets by name, one inside the other.

mod product;
mod program;
mod reference;

pub use product::{Tally, run};
pub use program::{any_program, kept};
