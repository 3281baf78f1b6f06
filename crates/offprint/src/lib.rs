//! Offprint on one machine: `offprint up` and the command line.

mod admin;
mod api;
mod audit;
mod batch;
mod bootstrap;
mod check;
pub mod command;
mod csv;
mod dataset;
pub mod demo;
mod doctor;
mod exit;
mod grant;
mod group;
mod invitation;
mod link;
mod output;
mod place;
mod progress;
mod session;
mod sharing;
mod source;
pub mod state;
mod ticket;
mod token;
pub mod up;
mod user;
