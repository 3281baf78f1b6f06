//! A page of a folder's keys in the byte order of whole keys, opening only the folders that the page needs.
//!
//! Memory is bounded: the names of a folder are read once and kept for a few seconds (`names.rs`); of one that is too large for that, only
//! the next names in order are held, and it is read for each page.
//! Left out: names that are not UTF-8, keys over 1,024 bytes, what is no regular file, links that leave the root.
//! A listing follows one folder link a key at most and none into a folder that holds the link, so it always ends.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use s3s::S3Error as Refusal;

use crate::s3::folder::{Facts, KEY_BYTES_MAX, Root, leads_out, open_refusal};
use crate::s3::names::{Kept, Name};

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// Only keys that begin so.
    pub(super) prefix: String,
    /// Keys that share all up to this, after the prefix, are one group. Empty: no groups.
    pub(super) delimiter: String,
    /// Only keys and groups behind this; a group that it lies inside of counts as long as keys behind it are left.
    pub(super) after: String,
    /// At most so many keys and groups.
    pub(super) max: usize,
}

/// A part of the answer, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// An object.
    Object { key: String, facts: Facts },
    /// A common prefix.
    Group(String),
}

impl Item {
    /// The key or prefix that it stands at.
    pub(super) fn at(&self) -> &str {
        match self {
            Self::Object { key, .. } => key,
            Self::Group(prefix) => prefix,
        }
    }
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// Whether there is more behind the last item.
    pub(super) is_truncated: bool,
}

/// Lists a page. Blocks.
///
/// # Errors
/// `AccessDenied` for a folder that may not be read (a listing is never silently short), `LeadsOut` for a prefix through a
/// link out of the root; `SlowDown` and `InternalError` as the disk answers; `ServiceUnavailable` if the root itself
/// went away, before the listing or during it.
pub(super) fn page(root: &Root, ask: &Ask, kept: &Kept) -> Result<Page, Refusal> {
    let listed = page_under(&root.path, ask, kept);
    root.check().and(listed)
}

/// As [`page`], whatever became of the root.
fn page_under(root: &Path, ask: &Ask, kept: &Kept) -> Result<Page, Refusal> {
    let mut walk = Walk { root, ask, kept, page: Page::default(), group: None };
    let at = ask.prefix.rfind('/').and_then(|slash| ask.prefix.get(..=slash)).unwrap_or("");
    if ask.max > 0
        && let Some(start) = start(root, at)?
    {
        let _whether_cut = walk.folder(&start, at)?;
    }
    Ok(walk.page)
}

/// A folder on disk, and whether a link lies on the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) is_linked: bool,
}

/// The folder that a prefix names, `None` if there is none that a listing would show.
fn start(root: &Path, at: &str) -> Result<Option<Folder>, Refusal> {
    let mut folder = Folder { path: root.to_owned(), is_linked: false };
    let Some(names) = at.strip_suffix('/') else { return Ok(Some(folder)) };
    for name in names.split('/') {
        if matches!(name, "" | "." | "..") || name.contains('\0') {
            return Ok(None);
        }
        let holder = folder.path.clone();
        folder.path.push(name);
        let Some(meta) = there(fs::symlink_metadata(&folder.path))? else { return Ok(None) };
        if meta.is_symlink() {
            let Some(target) = there(folder.path.canonicalize())? else { return Ok(None) };
            if !target.starts_with(root) {
                return Err(leads_out());
            }
            if folder.is_linked || holds(&target, &holder) {
                return Ok(None);
            }
            folder.is_linked = true;
        }
    }
    Ok(Some(folder))
}

/// What kind of key an entry of a folder makes.
pub(super) enum Kind {
    Object,
    Folder {
        is_linked: bool,
    },
    /// None: a link out of the root.
    Outside,
}

/// The kind of `entry` of `folder`, `None` for what a listing leaves out.
pub(super) fn kind(root: &Path, folder: &Folder, entry: &DirEntry) -> Option<Kind> {
    let kind = entry.file_type().ok()?;
    if kind.is_file() {
        return Some(Kind::Object);
    }
    if kind.is_dir() {
        return Some(Kind::Folder { is_linked: folder.is_linked });
    }
    if !kind.is_symlink() {
        return None;
    }
    let target = entry.path().canonicalize().ok()?;
    if !target.starts_with(root) {
        return Some(Kind::Outside);
    }
    let meta = fs::symlink_metadata(&target).ok()?;
    if meta.is_file() {
        return Some(Kind::Object);
    }
    let is_followed = meta.is_dir() && !folder.is_linked && !holds(&target, &folder.path);
    is_followed.then_some(Kind::Folder { is_linked: true })
}

/// Whether `outer` is `inner` or holds it, links resolved.
fn holds(outer: &Path, inner: &Path) -> bool {
    inner.canonicalize().is_ok_and(|inner| inner.starts_with(outer))
}

/// `None` for what is not there, or no longer.
pub(super) fn there<T>(got: io::Result<T>) -> Result<Option<T>, Refusal> {
    match got {
        Ok(value) => Ok(Some(value)),
        Err(why) => match why.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG | libc::ELOOP) => Ok(None),
            _ => Err(open_refusal(&why)),
        },
    }
}

/// An entry that a page may need. Folders end in `/`, which makes the order of names the order of whole keys.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    is_linked: bool,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One walk for one page.
struct Walk<'a> {
    root: &'a Path,
    ask: &'a Ask,
    kept: &'a Kept,
    page: Page,
    /// The group found last: whatever else begins with it is in it.
    group: Option<String>,
}

impl Walk<'_> {
    /// Takes the keys below `at`, in order, until the page is full.
    fn folder(&mut self, folder: &Folder, at: &str) -> Result<ControlFlow<()>, Refusal> {
        let Some(names) = self.kept.names(self.root, folder)? else { return self.large_folder(folder, at) };
        let (prefix, after) = (self.ask.prefix.strip_prefix(at).unwrap_or_default(), self.ask.after.strip_prefix(at).unwrap_or_default());
        // What lies behind a key inside a folder begins with that folder.
        let after = after.split_inclusive('/').next().unwrap_or_default();
        for name in names.from(prefix.max(after)) {
            if name.text > prefix && !name.text.starts_with(prefix) {
                break;
            }
            let key = format!("{at}{}", name.text);
            if self.is_wanted(&key, name.is_folder()) && self.take(folder, name, key)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The same for a folder with more names than are kept.
    fn large_folder(&mut self, folder: &Folder, at: &str) -> Result<ControlFlow<()>, Refusal> {
        let mut done = String::new();
        loop {
            let (entries, has_more) = self.entries(folder, at, &done)?;
            for entry in entries {
                let name = Name { text: &entry.name, is_linked: entry.is_linked };
                if self.take(folder, name, format!("{at}{}", entry.name))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                done = entry.name;
            }
            if !has_more {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// The next entries of a folder behind the name `done`, sorted, and whether there are more than fit a page.
    fn entries(&self, folder: &Folder, at: &str, done: &str) -> Result<(Vec<Entry>, bool), Refusal> {
        let most = self.ask.max.saturating_add(1);
        let (mut next, mut has_more) = (BinaryHeap::new(), false);
        let mut key = at.to_owned();
        let Some(all) = there(fs::read_dir(&folder.path))? else { return Ok((Vec::new(), false)) };
        for entry in all {
            let entry = entry.map_err(|why| open_refusal(&why))?;
            let Ok(mut name) = entry.file_name().into_string() else { continue };
            key.truncate(at.len());
            key.push_str(&name);
            if !self.is_near_prefix(&key) {
                continue;
            }
            let Some(kind) = kind(self.root, folder, &entry) else { continue };
            let (is_folder, is_linked) = match kind {
                Kind::Object => (false, false),
                Kind::Folder { is_linked } => (true, is_linked),
                Kind::Outside => continue,
            };
            if is_folder {
                name.push('/');
                key.push('/');
            }
            if name.as_str() > done && self.is_wanted(&key, is_folder) {
                next.push(Entry { name, is_linked });
            }
            if next.len() > most {
                next.pop();
                has_more = true;
            }
        }
        Ok((next.into_sorted_vec(), has_more))
    }

    /// Whether a name without its slash can lead to keys with the prefix.
    fn is_near_prefix(&self, key: &str) -> bool {
        key.starts_with(&self.ask.prefix) || self.ask.prefix.starts_with(key)
    }

    /// Whether a key, or a folder's keys, can be on the page.
    fn is_wanted(&self, key: &str, is_folder: bool) -> bool {
        let fits = if is_folder { key.len() < KEY_BYTES_MAX } else { key.len() <= KEY_BYTES_MAX };
        let in_prefix = key.starts_with(&self.ask.prefix);
        let behind = key > self.ask.after.as_str() || (is_folder && self.ask.after.starts_with(key));
        let in_group = self.group.as_deref().is_some_and(|group| key.starts_with(group));
        fits && in_prefix && behind && !in_group
    }

    /// Takes one entry: an object, a group, or all the keys of a folder.
    fn take(&mut self, folder: &Folder, name: Name<'_>, key: String) -> Result<ControlFlow<()>, Refusal> {
        if self.group.as_deref().is_some_and(|group| key.starts_with(group)) {
            return Ok(ControlFlow::Continue(()));
        }
        let path = folder.path.join(name.text);
        let path = if name.is_linked { self.inside(&path)? } else { Some(path) };
        let Some(path) = path else { return Ok(ControlFlow::Continue(())) };
        let inner = Folder { path, is_linked: name.is_linked };
        if let Some(group) = self.group_of(&key) {
            let after = self.ask.after.as_str();
            let is_behind = group > after || (after.starts_with(group) && after != group);
            if !is_behind || (name.is_folder() && !has_key(self.root, &inner, &key, after)?) {
                return Ok(ControlFlow::Continue(()));
            }
            let group = group.to_owned();
            self.group = Some(group.clone());
            return Ok(self.push(Item::Group(group)));
        }
        if name.is_folder() {
            return self.folder(&inner, &key);
        }
        match self.object(&inner.path)? {
            Some(meta) => Ok(self.push(Item::Object { key, facts: Facts::of(&meta) })),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// Where an entry lies, its links resolved; `None` where they lead out by now: its name may be some seconds old.
    fn inside(&self, path: &Path) -> Result<Option<PathBuf>, Refusal> {
        Ok(there(path.canonicalize())?.filter(|target| target.starts_with(self.root)))
    }

    /// What the disk knows of an object; `None` where none is there by now.
    fn object(&self, path: &Path) -> Result<Option<Metadata>, Refusal> {
        let mut found = there(fs::symlink_metadata(path))?;
        if found.as_ref().is_some_and(Metadata::is_symlink) {
            let target = self.inside(path)?;
            found = target.map(fs::symlink_metadata).map_or(Ok(None), there)?;
        }
        Ok(found.filter(Metadata::is_file))
    }

    /// The group that a key is in, or all of a folder's keys.
    fn group_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.ask.delimiter.is_empty() {
            return None;
        }
        let from = self.ask.prefix.len();
        let found = key.get(from..)?.find(&self.ask.delimiter)?;
        key.get(..from.checked_add(found)?.checked_add(self.ask.delimiter.len())?)
    }

    /// Puts an item on the page, or ends the walk because the page is full.
    fn push(&mut self, item: Item) -> ControlFlow<()> {
        if self.page.items.len() >= self.ask.max {
            self.page.is_truncated = true;
            return ControlFlow::Break(());
        }
        self.page.items.push(item);
        ControlFlow::Continue(())
    }
}

/// Whether a folder has any key behind `after`: the first that comes, in no order.
///
/// A folder that may not be read counts as having one: its name is shown, and listing it says why it is closed.
fn has_key(root: &Path, folder: &Folder, at: &str, after: &str) -> Result<bool, Refusal> {
    let all = match fs::read_dir(&folder.path) {
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => return Ok(true),
        got => match there(got)? {
            Some(all) => all,
            None => return Ok(false),
        },
    };
    for entry in all {
        let entry = entry.map_err(|why| open_refusal(&why))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let mut key = format!("{at}{name}");
        match kind(root, folder, &entry) {
            Some(Kind::Object) if key.len() <= KEY_BYTES_MAX && key.as_str() > after => return Ok(true),
            Some(Kind::Folder { is_linked }) => {
                key.push('/');
                let inner = Folder { path: folder.path.join(&name), is_linked };
                let may_have = key.len() < KEY_BYTES_MAX && (key.as_str() > after || after.starts_with(&key));
                if may_have && has_key(root, &inner, &key, after)? {
                    return Ok(true);
                }
            }
            _ => {}
        }
    }
    Ok(false)
}
