//! The JSON of the API (`/api/v1`): what a request and a reply look like, and nothing else.
//!
//! Types only: names in `snake_case`, instants as RFC 3339 text in UTC, ids opaque. Requests refuse unknown fields, replies may
//! grow. Not here: what a value means or whether it is legal, which the routers read into `domain`; the key of a link anywhere
//! but in the fields that end in `url`, and in `s3`.

pub mod audit;
pub mod clone;
pub mod connection;
pub mod copy;
pub mod curation;
pub mod dataset;
pub mod entry;
pub mod grant;
pub mod group;
pub mod link;
pub mod link_set;
pub mod mail;
pub mod offer;
pub mod opening;
pub mod page;
pub mod pass;
pub mod patch;
pub mod policy;
pub mod problem;
pub mod project;
pub mod secret;
pub mod source;
pub mod terms;
pub mod token;
pub mod user;
pub mod viewer;
