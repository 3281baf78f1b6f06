//! A bucket's folder on disk: from a key to an open regular file that lies under the root, and what is said about it.
//!
//! Nothing here writes, creates or changes anything; `copy.rs` does, in folders that are marked for it.

use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use http::StatusCode;
use s3s::{S3Error as Refusal, S3ErrorCode};

use crate::Bucket;
use crate::s3::S3Error;

/// The longest key S3 knows, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 1_024;

/// What the names of files begin with that are not whole yet: they are no objects.
pub(super) const PART_PREFIX: &str = ".offprint-part-";

/// The buckets by name.
#[derive(Debug)]
pub(super) struct Folders(HashMap<String, Root>);

/// A bucket's canonical root, and which folder that was when the server was built.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// The path.
    pub(super) path: PathBuf,
    /// Whether copies may be made into it.
    pub(super) writable: bool,
    /// Its device and inode.
    identity: (u64, u64),
}

impl Root {
    /// # Errors
    /// What the system says of a path that cannot be resolved, or is no folder.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let meta = fs::metadata(&path)?;
        if !meta.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, writable: false, identity: (meta.dev(), meta.ino()) })
    }

    /// Whether the path still leads to the folder of the start: not once it was renamed, unmounted or exchanged. Blocks.
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|now| now.is_dir() && (now.dev(), now.ino()) == self.identity)
    }

    /// Nothing is known of what a folder holds that went away, and readers take 403 and 404 for chunks that are missing.
    ///
    /// # Errors
    /// `ServiceUnavailable`, 503, if it did. It may come back: nothing is remembered.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.is_there() { Ok(()) } else { Err(Self::gone()) }
    }

    /// Whether an open folder is the one of the start.
    pub(super) fn is(&self, dir: impl AsFd) -> bool {
        File::from(match dir.as_fd().try_clone_to_owned() {
            Ok(dir) => dir,
            Err(_none_left) => return false,
        })
        .metadata()
        .is_ok_and(|now| (now.dev(), now.ino()) == self.identity)
    }

    /// `ServiceUnavailable`, 503.
    pub(super) fn gone() -> Refusal {
        refusal(S3ErrorCode::ServiceUnavailable, "The folder of this bucket is not there. Please try again when it is back.")
    }
}

impl Folders {
    /// # Errors
    /// [`S3Error`] for a name S3 would not allow or that comes twice, and for a root that is no folder.
    pub(super) fn new(buckets: Vec<Bucket>) -> Result<Self, S3Error> {
        let mut folders = HashMap::new();
        for Bucket { name, root, writable } in buckets {
            if !s3s::path::check_bucket_name(&name) {
                return Err(S3Error::Name { bucket: name });
            }
            let root = Root::of(&root).map_err(|source| S3Error::Folder { bucket: name.clone(), source })?;
            let root = Root { writable, ..root };
            if folders.insert(name.clone(), root).is_some() {
                return Err(S3Error::Twice { bucket: name });
            }
        }
        Ok(Self(folders))
    }

    /// The root of `bucket`.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn root(&self, bucket: &str) -> Result<&Root, Refusal> {
        self.0.get(bucket).ok_or_else(|| refusal(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))
    }

    /// Names and roots, sorted by name.
    pub(super) fn all(&self) -> Vec<(&str, &Path)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, root)| (name.as_str(), root.path.as_path())).collect();
        all.sort_unstable();
        all
    }
}

/// What S3 says about an object, taken from the file itself; no byte is hashed.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The length in bytes.
    pub(super) length: u64,
    /// When it last changed.
    pub(super) modified: SystemTime,
    /// The strong entity tag without its quotes: inode, length and change time in nanoseconds, in hexadecimal.
    pub(super) tag: String,
}

impl Facts {
    /// The facts of a regular file.
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            length: meta.len(),
            modified: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            tag: format!("{:x}-{:x}-{:x}{:08x}", meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// Opens the object `key`, for reading.
///
/// The file is opened first and judged after: what was opened must be a regular file whose path lies under `root`,
/// so no exchange of a folder for a link in between can lead out. Opening never waits (a FIFO would, else).
///
/// # Errors
/// `NoSuchKey` for what is not there or is no regular file, `LeadsOut` for what lies outside, `AccessDenied` for what may not be read,
/// `InvalidURI` for `.`, `..` and NUL in a key; `ServiceUnavailable` instead of the first two when the root itself went away.
pub(super) fn open(root: &Root, key: &str) -> Result<(File, Facts), Refusal> {
    open_under(&root.path, key).or_else(|refused| match refused.code() {
        S3ErrorCode::NoSuchKey | S3ErrorCode::AccessDenied | S3ErrorCode::Custom(_) => root.check().and(Err(refused)),
        _ => Err(refused),
    })
}

/// As [`open`], whatever became of the root.
fn open_under(root: &Path, key: &str) -> Result<(File, Facts), Refusal> {
    let path = root.join(relative(key)?);
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(&path).map_err(|why| open_refusal(&why))?;
    let meta = file.metadata().map_err(|why| open_refusal(&why))?;
    if !lies_under(root, &file, &path, &meta) {
        return Err(leads_out());
    }
    if !meta.is_file() {
        return Err(no_such_key());
    }
    Ok((file, Facts::of(&meta)))
}

/// The key as a path below the root: non-empty parts joined by `/`, none of them `.` or `..`.
///
/// # Errors
/// As [`open`].
pub(super) fn relative(key: &str) -> Result<&Path, Refusal> {
    if key.contains('\0') || key.split('/').any(|part| part == "." || part == "..") {
        return Err(refusal(S3ErrorCode::InvalidURI, "Couldn't parse the specified URI."));
    }
    if key.split('/').any(|part| part.is_empty() || part.starts_with(PART_PREFIX)) {
        return Err(no_such_key());
    }
    Ok(Path::new(key))
}

/// Whether the open `file` lies under `root`, by the kernel's own name of it where there is one.
fn lies_under(root: &Path, file: &File, path: &Path, meta: &Metadata) -> bool {
    match fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(opened) => opened.starts_with(root),
        Err(_no_proc) => is_same_under(root, path, meta),
    }
}

/// The same without `/proc`: the canonical path lies under the root and names the very file that was opened.
fn is_same_under(root: &Path, path: &Path, meta: &Metadata) -> bool {
    let Ok(canonical) = path.canonicalize() else { return false };
    canonical.starts_with(root) && fs::symlink_metadata(&canonical).is_ok_and(|now| (now.dev(), now.ino()) == (meta.dev(), meta.ino()))
}

/// The answer to a failed open. Its text names no path.
pub(super) fn open_refusal(why: &io::Error) -> Refusal {
    match why.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG | libc::ELOOP | libc::ENXIO) => no_such_key(),
        Some(libc::EACCES | libc::EPERM) => refusal(S3ErrorCode::AccessDenied, "Access Denied: the server may not read this"),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => refusal(S3ErrorCode::SlowDown, "Please reduce your request rate."),
        _ => refusal(S3ErrorCode::InternalError, "We encountered an internal error. Please try again."),
    }
}

/// `LeadsOut`, 403, a code of our own: a link on disk leads out of the bucket, and will tomorrow.
pub(super) fn leads_out() -> Refusal {
    let mut refused = refusal(S3ErrorCode::Custom("LeadsOut".into()), "Access Denied: the name leads out of the bucket");
    refused.set_status_code(StatusCode::FORBIDDEN);
    refused
}

/// `NoSuchKey`, 404.
pub(super) fn no_such_key() -> Refusal {
    refusal(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}

/// An S3 error with its message.
pub(super) fn refusal(code: S3ErrorCode, message: &'static str) -> Refusal {
    Refusal::with_message(code, message)
}

/// The content type by the key's extension, S3's own `binary/octet-stream` otherwise.
pub(super) fn content_type(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    if matches!(name, ".zarray" | ".zattrs" | ".zgroup" | ".zmetadata") {
        return "application/json";
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    match extension.as_str() {
        "json" | "geojson" => "application/json",
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "log" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "tif" | "tiff" => "image/tiff",
        "mp4" => "video/mp4",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        _ => "binary/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_parts_that_name_something() {
        for (key, want) in [
            ("a", None),
            ("a/b c/é+%", None),
            ("...", None),
            ("a/.zarray", None),
            (".", Some("InvalidURI")),
            ("a/..", Some("InvalidURI")),
            ("../a", Some("InvalidURI")),
            ("a/./b", Some("InvalidURI")),
            ("a\0b", Some("InvalidURI")),
            ("", Some("NoSuchKey")),
            ("a/", Some("NoSuchKey")),
            ("a//b", Some("NoSuchKey")),
            ("a/.offprint-part-0", Some("NoSuchKey")),
            ("/a", Some("NoSuchKey")),
        ] {
            let got = relative(key).err().map(|refused| refused.code().as_str().to_owned());
            assert_eq!(got.as_deref(), want, "{key:?}");
        }
    }

    #[test]
    fn without_proc_the_opened_file_is_compared_with_the_canonical_path() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("in"), b"1").unwrap();
        fs::write(outer.path().join("out"), b"2").unwrap();
        std::os::unix::fs::symlink("../out", root.join("link-out")).unwrap();
        std::os::unix::fs::symlink("in", root.join("link-in")).unwrap();
        let meta = |name: &str| File::open(root.join(name)).unwrap().metadata().unwrap();
        assert!(is_same_under(&root, &root.join("in"), &meta("in")));
        assert!(is_same_under(&root, &root.join("link-in"), &meta("link-in")));
        assert!(!is_same_under(&root, &root.join("link-out"), &meta("link-out")));
        assert!(!is_same_under(&root, &root.join("in"), &meta("link-out")), "another file than the one opened");
        assert!(!is_same_under(&root, &root.join("gone"), &meta("in")));
    }

    #[test]
    fn content_types_follow_the_extension() {
        for (key, want) in [
            ("a.zarr/zarr.json", "application/json"),
            ("a.zarr/.zattrs", "application/json"),
            ("A.PNG", "image/png"),
            ("a.tar.gz", "application/gzip"),
            ("c/0/0", "binary/octet-stream"),
            ("x.png/0", "binary/octet-stream"),
            ("json", "binary/octet-stream"),
        ] {
            assert_eq!(content_type(key), want, "{key}");
        }
    }
}
