//! `CopyObject`, the one operation that writes: a file into a folder that whoever starts the server marked as writable.
//!
//! What is there is never overwritten, no link on disk is followed on the way to the new file, and a file stands under its name only once it is
//! whole: it is written beside and renamed. A copy that the machine broke off is begun anew by the next one to the same key.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use s3s::{Body, S3Error as Refusal, S3ErrorCode, S3Response};
use sha2::{Digest, Sha256};

use crate::s3::folder::{self, Facts, Folders, PART_PREFIX, Root, leads_out, refusal, relative};
use crate::s3::object::{is_named_by, iso_date};

/// The largest object that S3 copies in one go.
const COPIED_BYTES_MAX: u64 = 5 << 30;
const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const IF_SOURCE_MATCHES: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");
/// What is understood of `x-amz-` headers. Any other asks for something that a folder cannot keep.
const UNDERSTOOD: [&str; 9] = [
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-request-payer",
    "x-amz-metadata-directive",
    "x-amz-tagging-directive",
];

/// One copy of one object.
pub(super) struct Copying {
    from: (Root, String),
    /// What the original must be, as the client wrote it.
    if_match: Option<String>,
    to: (Root, String),
}

impl Copying {
    /// What a request for a copy to `key` of `to` asks for.
    ///
    /// # Errors
    /// `AccessDenied` for a folder that is not writable, `NotImplemented` for what a folder cannot keep, `InvalidArgument` for a source that
    /// is none, `NoSuchBucket`.
    pub(super) fn of(folders: &Folders, to: Root, key: String, headers: &HeaderMap) -> Result<Self, Refusal> {
        if !to.writable {
            return Err(read_only());
        }
        let not_ours = headers.keys().any(|name| name.as_str().starts_with("x-amz-") && !UNDERSTOOD.contains(&name.as_str()));
        let replaces = headers.get("x-amz-metadata-directive").is_some_and(|value| value != "COPY");
        if not_ours || replaces {
            return Err(not_implemented());
        }
        let wrong = || refusal(S3ErrorCode::InvalidArgument, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().map_err(|_not_ascii| wrong())).transpose();
        let source = text(&COPY_SOURCE)?.ok_or_else(wrong)?;
        let (source, version) = source.split_once('?').map_or((source, None), |(source, query)| (source, Some(query)));
        if version.is_some_and(|query| query != "versionId=null") {
            return Err(refusal(S3ErrorCode::NoSuchVersion, "The specified version does not exist."));
        }
        let source = percent_decode_str(source).decode_utf8().map_err(|_not_text| wrong())?;
        let (bucket, from) = source.strip_prefix('/').unwrap_or(&source).split_once('/').ok_or_else(wrong)?;
        let from = (folders.root(bucket)?.clone(), from.to_owned());
        Ok(Self { from, if_match: text(&IF_SOURCE_MATCHES)?.map(str::to_owned), to: (to, key) })
    }

    /// Copies. Blocks.
    ///
    /// # Errors
    /// `PreconditionFailed` for an original that is another or changes meanwhile, and for a key that is there; `OperationAborted` where the same
    /// key is being copied to; else as the disk answers.
    pub(super) fn answer(self) -> Result<S3Response<Body>, Refusal> {
        let (mut from, facts) = folder::open(&self.from.0, &self.from.1)?;
        if self.if_match.is_some_and(|tags| !is_named_by(&tags, &facts.tag)) {
            return Err(precondition("At least one of the pre-conditions you specified did not hold"));
        }
        if facts.length > COPIED_BYTES_MAX {
            return Err(refusal(
                S3ErrorCode::InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
            ));
        }
        let (dir, name) = folder_of(&self.to.0, &self.to.1)?;
        Ok(copied(&beside(&dir, name, &mut from, &facts)?))
    }
}

/// The folder that a key lies in, made where it is not there, and the key's last part. From the root on each step is held open, and none is a link.
fn folder_of<'k>(root: &Root, key: &'k str) -> Result<(OwnedFd, &'k str), Refusal> {
    relative(key)?;
    let opens = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut dir = rustix::fs::openat(CWD, &root.path, opens, Mode::empty()).map_err(|_gone| Root::gone())?;
    root.is(&dir).then_some(()).ok_or_else(Root::gone)?;
    let (above, name) = key.rsplit_once('/').map_or(("", key), |(above, name)| (above, name));
    for part in above.split('/').filter(|part| !part.is_empty()) {
        let open = || rustix::fs::openat(&dir, part, opens, Mode::empty());
        let inner = match open() {
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(&dir, part, Mode::from_raw_mode(0o777)) {
                    Ok(()) => rustix::fs::fsync(&dir).map_err(write_refusal)?,
                    Err(Errno::EXIST) => {}
                    Err(why) => return Err(write_refusal(why)),
                }
                open()
            }
            opened => opened,
        };
        dir = inner.map_err(write_refusal)?;
    }
    Ok((dir, name))
}

/// Writes the whole of `from` under another name in `dir`, and renames it to `name` where nothing has that name.
fn beside(dir: &OwnedFd, name: &str, from: &mut File, facts: &Facts) -> Result<Facts, Refusal> {
    if rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(taken());
    }
    // Always the same for one name: what a copy that broke off left is used by the next.
    let digest = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
    let part = format!("{PART_PREFIX}{}", digest.get(..32).unwrap_or(&digest));
    let opens = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, &part, opens, Mode::from_raw_mode(0o666)).map_err(write_refusal)?;
    let busy =
        || refusal(S3ErrorCode::OperationAborted, "A conflicting conditional operation is currently in progress against this resource.");
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_locked| busy())?;
    // Whoever had it before may have renamed it since it was opened.
    let (opened, there) = (rustix::fs::fstat(&file), rustix::fs::statat(dir, &part, AtFlags::SYMLINK_NOFOLLOW));
    if !matches!((opened, there), (Ok(opened), Ok(there)) if (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)) {
        return Err(busy());
    }
    let mut file = File::from(file);
    let written = write(from, facts, &mut file).and_then(|made| put(dir, &part, name).map(|()| made));
    if written.is_err() {
        // The refusal is what counts; what stays behind is no object, and is used by the next.
        let _left_behind = rustix::fs::unlinkat(dir, &part, AtFlags::empty());
    }
    written
}

fn write(from: &mut File, facts: &Facts, file: &mut File) -> Result<Facts, Refusal> {
    let changed = || precondition("The copy source changed while it was being copied");
    let failed = |why: io::Error| why.raw_os_error().map_or_else(internal, |code| write_refusal(Errno::from_raw_os_error(code)));
    file.set_len(0).map_err(failed)?;
    let bytes = io::copy(&mut from.by_ref().take(facts.length.saturating_add(1)), file).map_err(failed)?;
    let is_same = from.metadata().is_ok_and(|now| Facts::of(&now).tag == facts.tag);
    if bytes != facts.length || !is_same {
        return Err(changed());
    }
    file.sync_all().map_err(failed)?;
    file.metadata().map(|meta| Facts::of(&meta)).map_err(failed)
}

/// Gives the whole file its name, unless something has that.
fn put(dir: &OwnedFd, part: &str, name: &str) -> Result<(), Refusal> {
    let renamed = match rustix::fs::renameat_with(dir, part, dir, name, RenameFlags::NOREPLACE) {
        // A file system that cannot: a second name is never given over a first, either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(dir, part, dir, name, AtFlags::empty()).and_then(|()| rustix::fs::unlinkat(dir, part, AtFlags::empty()))
        }
        renamed => renamed,
    };
    match renamed {
        Ok(()) => rustix::fs::fsync(dir.as_fd()).map_err(write_refusal),
        Err(Errno::EXIST) => Err(taken()),
        Err(why) => Err(write_refusal(why)),
    }
}

fn copied(made: &Facts) -> S3Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LastModified>{}</LastModified>\
         <ETag>&quot;{}&quot;</ETag></CopyObjectResult>",
        iso_date(made.modified),
        made.tag,
    );
    let mut answer = S3Response::with_status(Body::from(body), StatusCode::OK);
    answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

/// `AccessDenied`: nothing is written here.
pub(super) fn read_only() -> Refusal {
    refusal(S3ErrorCode::AccessDenied, "Access Denied: these buckets are read-only")
}

/// `NotImplemented`.
pub(super) fn not_implemented() -> Refusal {
    refusal(S3ErrorCode::NotImplemented, "A header or query you provided implies functionality that is not implemented.")
}

fn precondition(message: &'static str) -> Refusal {
    refusal(S3ErrorCode::PreconditionFailed, message)
}

fn taken() -> Refusal {
    precondition("The key is there already, and nothing is overwritten here")
}

fn internal() -> Refusal {
    refusal(S3ErrorCode::InternalError, "We encountered an internal error. Please try again.")
}

/// The answer to a failed write. Its text names no path.
fn write_refusal(why: Errno) -> Refusal {
    match why {
        // A link, or a file where a folder is needed.
        Errno::LOOP | Errno::NOTDIR => leads_out(),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => refusal(S3ErrorCode::AccessDenied, "Access Denied: the server may not write this"),
        Errno::NAMETOOLONG => refusal(S3ErrorCode::KeyTooLongError, "Your key is too long"),
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => refusal(S3ErrorCode::SlowDown, "Please reduce your request rate."),
        Errno::NOSPC | Errno::DQUOT => refusal(S3ErrorCode::ServiceUnavailable, "There is no room left. Please try again when there is."),
        _ => internal(),
    }
}
