//! Both faces over real sockets, met by the AWS SDKs, by reqwest, and by requests written byte for byte.
#![expect(clippy::arithmetic_side_effects, reason = "test code counts small numbers")]
#![expect(clippy::string_slice, reason = "a test that cuts a character in two must fail")]
#![expect(clippy::disallowed_methods, reason = "signatures made here are judged by the server's clock")]

#[cfg(test)]
#[path = "faces/copies.rs"]
mod copies;
#[cfg(test)]
#[path = "faces/dynamodb.rs"]
mod dynamodb;
#[cfg(test)]
#[path = "faces/folders.rs"]
mod folders;
#[cfg(test)]
#[path = "faces/listings.rs"]
mod listings;
#[cfg(test)]
#[path = "faces/objects.rs"]
mod objects;
#[cfg(test)]
#[path = "faces/part.rs"]
mod part;
#[cfg(test)]
#[path = "faces/signatures.rs"]
mod signatures;
