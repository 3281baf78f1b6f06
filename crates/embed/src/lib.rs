//! S3- and `DynamoDB`-protocol servers on loopback, over folders as they lie.
//!
//! The laptop runs real protocol parts, so that the product's own adapters meet here what they meet in the cloud.
//! Nothing of ours is known here: a bucket is a folder, a key pair is two strings.
//! Not here: choosing addresses and ports, making keys, deciding who may read.

use std::fmt;
use std::path::PathBuf;

pub mod dynamodb;
pub mod s3;

pub mod listener;

/// One folder served as one bucket, in place.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The bucket's name, as S3 allows names: 3 to 63 of `a-z0-9.-`.
    pub name: String,
    /// The folder; made canonical once, when the server is built.
    pub root: PathBuf,
    /// Whether copies of objects may be made into it. Nothing that is there is ever changed.
    pub writable: bool,
}

/// An access key pair a server accepts. `Debug` prints `***` for the secret.
#[derive(Clone)]
pub struct Keys {
    /// Names the pair; it is visible in every signed URL, so it proves nothing.
    pub access_key_id: String,
    /// Signs requests; never leaves the process.
    pub secret_access_key: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).field("secret_access_key", &"***").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn a_secret_is_never_printed() {
        let keys = Keys { access_key_id: "AKID".to_owned(), secret_access_key: "hunter2".to_owned() };
        let printed = format!("{keys:?} {keys:#?}");
        assert!(printed.contains("AKID") && printed.contains("***") && !printed.contains("hunter2"), "{printed}");
    }
}
