//! Offprint on one machine: `offprint up` and the command line.

mod admin;
mod api;
mod batch;
mod bootstrap;
pub mod command;
mod csv;
mod dataset;
pub mod demo;
mod doctor;
mod exit;
mod link;
mod output;
mod place;
mod progress;
mod source;
pub mod state;
mod token;
pub mod up;
