//! Everything that can be done to the links of one dataset.

mod product;
mod program;
mod reference;

pub use product::{Tally, run};
pub use program::{any_program, kept};
