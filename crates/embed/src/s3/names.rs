//! The names in folders, sorted, and kept for a few seconds: pages after the first read no folder again.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use s3s::S3Error as Refusal;
use tokio::sync::Semaphore;

use crate::s3::folder::{PART_PREFIX, open_refusal};
use crate::s3::listing::{Folder, Kind, kind, there};

/// How long names are kept, in seconds from their reading: what a link leads to changes without a trace on the folder.
const KEPT_SECS: u64 = 10;
/// A folder that changed so lately, in seconds, may change once more without another time on it: its names are not kept.
const SETTLED_SECS: u64 = 2;
/// Folders with fewer names fit a page, and are read again.
const KEPT_NAMES_LEAST: usize = 1_000;
/// Folders whose names are kept.
const KEPT_FOLDERS_MAX: usize = 64;
/// Bytes of the names of one folder; a larger one is read for each page.
const FOLDER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the names of one folder that is not read to be kept: as many as a page takes. A longer one is read for each page.
const PAGE_BYTES_MAX: usize = 256 * 1024;
/// Folders that are read to be kept at once: each takes up to [`FOLDER_BYTES_MAX`] on the way.
const FULL_READS_MAX: usize = 4;
/// Bytes of all names that are kept.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Folders of which it was said that they hold names that no link carries.
const TOLD_FOLDERS_MAX: usize = 4_096;

/// A name in a folder; a folder's own ends in `/`, which makes the order of names the order of whole keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    /// Whether a link lies on the way to it.
    pub(super) is_linked: bool,
}

impl Name<'_> {
    pub(super) fn is_folder(&self) -> bool {
        self.text.ends_with('/')
    }
}

/// All names of a folder that a listing shows, by bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    text: String,
    /// Where each begins and ends, and whether a link lies on the way.
    spans: Vec<(usize, usize, bool)>,
}

impl Names {
    fn push(&mut self, name: &str, kind: &Kind) {
        let from = self.text.len();
        self.text.push_str(name);
        let is_linked = match kind {
            Kind::Folder { is_linked } => {
                self.text.push('/');
                *is_linked
            }
            Kind::Object | Kind::Outside => false,
        };
        self.spans.push((from, self.text.len(), is_linked));
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.spans.sort_unstable_by_key(|(from, to, _)| text.get(*from..*to));
    }

    fn bytes(&self) -> usize {
        self.text.len().saturating_add(self.spans.len().saturating_mul(size_of::<(usize, usize, bool)>()))
    }

    /// Those from `least` on.
    pub(super) fn from(&self, least: &str) -> impl Iterator<Item = Name<'_>> {
        let name = |(from, to, is_linked): &(usize, usize, bool)| Name {
            text: self.text.get(*from..*to).unwrap_or_default(),
            is_linked: *is_linked,
        };
        let before = self.spans.partition_point(|span| name(span).text < least);
        self.spans.iter().skip(before).map(name)
    }
}

/// Which state of a folder was read: its identity, and when it and its entries changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    identity: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Whether it changed so long ago that no change of now could leave the same stamp. A date of the content can be set back, that of the
    /// folder itself cannot: the later of the two counts, in the file system's own time, which is no request's.
    fn is_settled(&self) -> bool {
        let (secs, nanos) = self.modified.max(self.changed);
        let at = Duration::new(u64::try_from(secs).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
        let age = SystemTime::UNIX_EPOCH.checked_add(at).and_then(|at| at.elapsed().ok());
        age.is_some_and(|age| age >= Duration::from_secs(SETTLED_SECS))
    }

    fn of(meta: &Metadata) -> Self {
        Self { identity: (meta.dev(), meta.ino()), modified: (meta.mtime(), meta.mtime_nsec()), changed: (meta.ctime(), meta.ctime_nsec()) }
    }
}

/// What was read of a folder.
#[derive(Debug)]
struct Read {
    stamp: Stamp,
    at: Instant,
    /// `None`: there are too many to keep.
    names: Option<Arc<Names>>,
}

/// What is kept of folders, bounded in number, bytes and time.
#[derive(Debug)]
pub(super) struct Kept {
    /// By root, too: which links lead out is a root's own.
    folders: Mutex<HashMap<(PathBuf, Folder), Read>>,
    full_reads: Semaphore,
    told: Mutex<HashSet<(u64, u64)>>,
    folder_bytes_max: usize,
    #[cfg(test)]
    readings: std::sync::atomic::AtomicUsize,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            folders: Mutex::default(),
            full_reads: Semaphore::new(FULL_READS_MAX),
            told: Mutex::default(),
            folder_bytes_max: FOLDER_BYTES_MAX,
            #[cfg(test)]
            readings: std::sync::atomic::AtomicUsize::default(),
        }
    }
}

impl Kept {
    /// The names of `folder`; `None` where there are too many to hold, or for what may be kept of it now. A folder that is gone has none.
    /// Blocks.
    ///
    /// # Errors
    /// As the disk answers; `AccessDenied` for a folder that may not be read.
    pub(super) fn names(&self, root: &Path, folder: &Folder) -> Result<Option<Arc<Names>>, Refusal> {
        let Some(meta) = there(fs::metadata(&folder.path))? else { return Ok(Some(Arc::default())) };
        let stamp = Stamp::of(&meta);
        let is_young = |read: &Read| read.at.elapsed() < Duration::from_secs(KEPT_SECS);
        let place = (root.to_owned(), folder.clone());
        if let Some(read) = lock(&self.folders).get(&place).filter(|read| read.stamp == stamp && is_young(read)) {
            return Ok(read.names.clone());
        }
        // Whether it is settled is asked before the reading, which may take long.
        let full = if stamp.is_settled() { self.full_reads.try_acquire().ok() } else { None };
        let at = Instant::now();
        let names = self.read(root, folder, stamp, full.is_some())?.map(Arc::new);
        let is_long = names.as_ref().is_none_or(|names| names.spans.len() >= KEPT_NAMES_LEAST);
        if is_long && full.is_some() {
            let mut folders = lock(&self.folders);
            folders.retain(|_, read| is_young(read));
            let bytes = |read: &Read| read.names.as_ref().map_or(0, |names| names.bytes());
            let all: usize = folders.values().map(bytes).sum();
            let own = names.as_ref().map_or(0, |names| names.bytes());
            if folders.len() >= KEPT_FOLDERS_MAX || all.saturating_add(own) > KEPT_BYTES_MAX {
                folders.clear();
            }
            folders.insert(place, Read { stamp, at, names: names.clone() });
        }
        Ok(names)
    }

    /// Reads a folder, `in_full` as far as it may be kept, and else no further than a page would.
    fn read(&self, root: &Path, folder: &Folder, stamp: Stamp, in_full: bool) -> Result<Option<Names>, Refusal> {
        #[cfg(test)]
        self.readings.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bytes_max = if in_full { self.folder_bytes_max } else { self.folder_bytes_max.min(PAGE_BYTES_MAX) };
        let mut names = Names::default();
        let mut unlisted = Unlisted::default();
        let Some(all) = there(fs::read_dir(&folder.path))? else { return Ok(Some(names)) };
        for entry in all {
            let entry = entry.map_err(|why: io::Error| open_refusal(&why))?;
            let Ok(name) = entry.file_name().into_string() else {
                unlisted.not_text = unlisted.not_text.saturating_add(1);
                continue;
            };
            if name.starts_with(PART_PREFIX) {
                continue;
            }
            match kind(root, folder, &entry) {
                None => {}
                Some(Kind::Outside) => unlisted.outside = unlisted.outside.saturating_add(1),
                Some(kind) => {
                    if name.contains(|character: char| character == '\\' || character.is_control()) {
                        unlisted.not_carried = unlisted.not_carried.saturating_add(1);
                    }
                    names.push(&name, &kind);
                }
            }
            if names.bytes() > bytes_max {
                // It is told once: not of a part, where the whole will be seen.
                if in_full {
                    self.tell(root, stamp, &unlisted);
                }
                return Ok(None);
            }
        }
        self.tell(root, stamp, &unlisted);
        names.sort();
        Ok(Some(names))
    }

    /// Says once of a folder that it holds more than is listed. Not which: no line of ours holds a path inside a dataset.
    fn tell(&self, root: &Path, stamp: Stamp, unlisted: &Unlisted) {
        let Unlisted { not_text, not_carried, outside } = *unlisted;
        if not_text == 0 && not_carried == 0 && outside == 0 {
            return;
        }
        let mut told = lock(&self.told);
        if told.len() < TOLD_FOLDERS_MAX && told.insert(stamp.identity) {
            tracing::warn!(
                root = %root.display(),
                not_utf8 = not_text,
                control_or_backslash = not_carried,
                leading_out = outside,
                "a folder holds entries that no link opens and no listing shows: docs/OPERATIONS.md says how to find them"
            );
        }
    }
}

/// How many entries of a folder no link opens.
#[derive(Debug, Default)]
struct Unlisted {
    not_text: usize,
    /// A control character or a backslash is in the name.
    not_carried: usize,
    /// Links out of what is served.
    outside: usize,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::SystemTime;

    use super::*;
    use crate::s3::folder::Root;
    use crate::s3::listing::{Ask, Item, page};

    fn fill(path: &Path, count: usize) {
        for number in 0..count {
            File::create(path.join(format!("{number:06}"))).unwrap();
        }
    }

    /// A folder of `count` files.
    fn filled(count: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), count);
        dir
    }

    /// Waits until no folder has changed for long: that date cannot be set.
    fn settle() {
        std::thread::sleep(Duration::from_millis(SETTLED_SECS * 1_000 + 100));
    }

    /// Every key, page by page.
    fn keys(root: &Root, kept: &Kept, mut ask: Ask) -> Vec<String> {
        let mut keys = Vec::new();
        loop {
            let page = page(root, &ask, kept).unwrap();
            keys.extend(page.items.iter().map(|item: &Item| item.at().to_owned()));
            match keys.last() {
                Some(last) if page.is_truncated => ask.after.clone_from(last),
                _ => return keys,
            }
        }
    }

    #[test]
    fn a_long_folder_is_read_once_for_all_its_pages() {
        const FILES: usize = 20_000;
        let dir = filled(FILES);
        settle();
        let root = Root::of(dir.path()).unwrap();
        let kept = Kept::default();
        let ask = Ask { delimiter: "/".to_owned(), max: 1_000, ..Ask::default() };
        let want: Vec<String> = (0..FILES).map(|number| format!("{number:06}")).collect();
        assert_eq!(keys(&root, &kept, ask.clone()), want);
        assert_eq!(keys(&root, &kept, Ask { delimiter: String::new(), ..ask.clone() }), want);
        assert_eq!(kept.readings.load(Relaxed), 1, "readings of the folder for 40 pages");
        let bytes = lock(&kept.folders).values().filter_map(|read| read.names.as_ref()).map(|names| names.bytes()).sum::<usize>();
        assert!(bytes < FILES * 64, "{bytes}");
        // What is new is seen at once, whatever date was set on the folder.
        File::create(dir.path().join("000000-new")).unwrap();
        File::open(dir.path()).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(keys(&root, &kept, Ask { max: 10_000, ..ask.clone() }).len(), FILES + 1);
        assert!(kept.readings.load(Relaxed) > 1, "it was read again");
    }

    #[test]
    fn no_more_is_read_to_be_kept_at_once_than_there_is_room_for() {
        let dir = filled(20_000);
        let (root, folder) = (Root::of(dir.path()).unwrap(), Folder { path: dir.path().canonicalize().unwrap(), is_linked: false });
        let kept = Kept::default();
        assert_eq!(kept.names(&root.path, &folder).unwrap(), None, "it has just changed");
        settle();
        let others = kept.full_reads.try_acquire_many(u32::try_from(FULL_READS_MAX).unwrap()).unwrap();
        assert_eq!(kept.names(&root.path, &folder).unwrap(), None, "others are at it");
        let ask = Ask { max: 7_000, ..Ask::default() };
        assert_eq!(keys(&root, &kept, ask.clone()).len(), 20_000);
        assert!(lock(&kept.folders).is_empty());
        drop(others);
        assert_eq!(keys(&root, &kept, ask).len(), 20_000);
        assert_eq!((lock(&kept.folders).len(), kept.full_reads.available_permits()), (1, FULL_READS_MAX));
    }

    #[test]
    fn what_is_kept_for_one_root_is_not_for_another() {
        let outer = tempfile::tempdir().unwrap();
        let long = outer.path().join("inner/long");
        fs::create_dir_all(&long).unwrap();
        fill(&long, KEPT_NAMES_LEAST);
        fs::create_dir(outer.path().join("beside")).unwrap();
        fs::write(outer.path().join("beside/secret"), b"x").unwrap();
        std::os::unix::fs::symlink("../../beside", long.join("z")).unwrap();
        settle();
        let kept = Kept::default();
        let count = |root: &Path, prefix: &str| {
            let ask = Ask { prefix: prefix.to_owned(), max: 10_000, ..Ask::default() };
            page(&Root::of(root).unwrap(), &ask, &kept).unwrap().items.len()
        };
        assert_eq!(count(outer.path(), "inner/long/"), KEPT_NAMES_LEAST + 1);
        assert_eq!(count(&outer.path().join("inner"), "long/"), KEPT_NAMES_LEAST, "the link leads out of this root");
        assert_eq!(lock(&kept.folders).len(), 2);
    }

    #[test]
    fn a_link_that_was_turned_outwards_is_followed_no_more() {
        let (outer, dir) = (tempfile::tempdir().unwrap(), filled(KEPT_NAMES_LEAST));
        fs::write(outer.path().join("secret"), b"x").unwrap();
        let root = Root::of(dir.path()).unwrap();
        let far = dir.path().join("far");
        fs::create_dir_all(far.join("in")).unwrap();
        fs::write(far.join("in/open"), b"x").unwrap();
        for (link, to) in [("far/second", "in"), ("far/file", "in/open"), ("y", "far/file"), ("z", "far/second")] {
            std::os::unix::fs::symlink(to, dir.path().join(link)).unwrap();
        }
        settle();
        let kept = Kept::default();
        for delimiter in ["", "/"] {
            let ask = Ask { delimiter: delimiter.to_owned(), after: "x".to_owned(), max: 10, ..Ask::default() };
            let names = keys(&root, &kept, ask);
            assert_eq!(names, if delimiter.is_empty() { ["y", "z/open"] } else { ["y", "z/"] });
        }
        for (link, to) in [("second", outer.path().to_owned()), ("file", outer.path().join("secret"))] {
            fs::remove_file(far.join(link)).unwrap();
            std::os::unix::fs::symlink(to, far.join(link)).unwrap();
        }
        for delimiter in ["", "/"] {
            let ask = Ask { delimiter: delimiter.to_owned(), after: "x".to_owned(), max: 10, ..Ask::default() };
            assert_eq!(keys(&root, &kept, ask), Vec::<String>::new(), "{delimiter}");
        }
        assert_eq!(kept.readings.load(Relaxed), 2, "of the root and of the folder behind the links: it is still kept");
    }

    #[test]
    fn a_folder_too_large_to_keep_is_listed_alike() {
        let dir = filled(300);
        for inner in ["000100-", "000100.", "1000"] {
            fs::create_dir(dir.path().join(inner)).unwrap();
            for number in 0..7 {
                File::create(dir.path().join(inner).join(format!("{number:06}"))).unwrap();
            }
        }
        let root = Root::of(dir.path()).unwrap();
        let none = Kept { folder_bytes_max: 0, ..Kept::default() };
        for delimiter in ["", "/", "01"] {
            for prefix in ["", "0001", "000100", "1000/", "1000/00", "000100./000003", "nothing"] {
                for after in ["", "000050", "000100-", "000100-/", "000100-/000003", "1000/000006", "2"] {
                    for max in [1, 7, 1_000] {
                        let text = |text: &str| text.to_owned();
                        let ask = Ask { prefix: text(prefix), delimiter: text(delimiter), after: text(after), max };
                        let (one, other) = (page(&root, &ask, &none).unwrap(), page(&root, &ask, &Kept::default()).unwrap());
                        let told = |page: &crate::s3::listing::Page| page.items.iter().map(|item| text(item.at())).collect::<Vec<_>>();
                        assert_eq!((told(&one), one.is_truncated), (told(&other), other.is_truncated), "{ask:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded_in_folders() {
        let outer = tempfile::tempdir().unwrap();
        let kept = Kept::default();
        let paths: Vec<_> = (0..KEPT_FOLDERS_MAX + 3).map(|number| outer.path().join(number.to_string())).collect();
        for path in &paths {
            fs::create_dir(path).unwrap();
            fill(path, KEPT_NAMES_LEAST);
        }
        settle();
        for path in paths {
            kept.names(outer.path(), &Folder { path, is_linked: false }).unwrap();
            assert!((1..=KEPT_FOLDERS_MAX).contains(&lock(&kept.folders).len()));
        }
    }

    #[test]
    fn names_that_no_link_carries_are_told_once_a_folder() {
        let dir = filled(3);
        let root = dir.path().canonicalize().unwrap();
        fs::write(root.join("back\\slash"), b"").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.join("out")).unwrap();
        let kept = Kept::default();
        let folder = Folder { path: root.clone(), is_linked: false };
        for _ in 0..3 {
            let names = kept.names(&root, &folder).unwrap().unwrap();
            assert_eq!(names.from("").map(|name| name.text).collect::<Vec<_>>(), ["000000", "000001", "000002", "back\\slash"]);
            assert_eq!(names.from("000001x").count(), 2);
        }
        assert_eq!(lock(&kept.told).len(), 1);
    }
}
