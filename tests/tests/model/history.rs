//! A run of many clients at once under faults, recorded, and its record held to the rules of histories (SECURITY 6).

mod record;
mod rules;
mod run;

pub use rules::broken;
pub use run::recorded;
