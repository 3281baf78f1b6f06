//! The state folder: what `offprint up` must remember, and where the command line finds it.
//!
//! The folder is for its owner alone (0700), and so is each file with a secret in it (0600).

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use domain::{address::AddressKey, key::DeploymentSecret, token::TokenSecret};
use edge::trace::LineSink;

/// How large the access log grows before the one of before is replaced, in bytes.
const ACCESS_LOG_BYTES_MAX: u64 = 64 * 1_048_576;

/// The state folder.
#[derive(Debug, Clone)]
pub struct State {
    dir: PathBuf,
}

impl State {
    /// Opens the folder, and makes it at the first start.
    ///
    /// # Errors
    /// Where it cannot be made, or would lie in one of the folders `served`: nothing is written into those, and it would be served with them.
    pub fn open<'a>(dir: &Path, served: impl IntoIterator<Item = &'a Path>) -> Result<Self> {
        let place = place_of(dir)?;
        for served in served {
            if place.starts_with(place_of(served)?) {
                bail!(
                    "the state folder {} would lie inside {} and be served with it: name another with --state",
                    place.display(),
                    served.display()
                );
            }
        }
        if !dir.is_dir() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .with_context(|| format!("the state folder {} cannot be made", dir.display()))?;
        }
        let dir = dir.canonicalize().with_context(|| format!("the state folder {} cannot be opened", dir.display()))?;
        Ok(Self { dir })
    }

    /// The folder of the demo data.
    #[must_use]
    pub fn demo(&self) -> PathBuf {
        self.dir.join("demo")
    }

    /// The file of the embedded table.
    #[must_use]
    pub fn table_file(&self) -> PathBuf {
        self.dir.join("table.db")
    }

    /// The folder of the mails that no mail server is there for.
    #[must_use]
    pub fn mails(&self) -> PathBuf {
        self.dir.join("mails")
    }

    /// The file of the administrator's token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.dir.join("admin-token")
    }

    /// The file that says where a running Offprint is.
    #[must_use]
    pub fn ready_file(&self) -> PathBuf {
        self.dir.join("ready.json")
    }

    /// The access log, appended to.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn access_lines(&self) -> Result<LineSink> {
        Ok(LineSink::file(self.access_file()?))
    }

    /// Writes the access lines out. A file that grew large is kept once as `access.jsonl.1`, and another begun.
    ///
    /// # Errors
    /// Where it cannot be put aside, or another cannot be opened: lines then go on where they went.
    pub fn flush_access_lines(&self, lines: &LineSink) -> Result<()> {
        lines.flush();
        let path = self.dir.join("access.jsonl");
        if fs::metadata(&path).is_ok_and(|log| log.len() > ACCESS_LOG_BYTES_MAX) {
            fs::rename(&path, self.dir.join("access.jsonl.1")).context("the access log cannot be put aside")?;
            lines.go_on_in(self.access_file()?);
        }
        Ok(())
    }

    fn access_file(&self) -> Result<File> {
        let path = self.dir.join("access.jsonl");
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).context("the access log cannot be opened")
    }

    /// The deployment's secret, made at the first start.
    ///
    /// # Errors
    /// Where it cannot be read or made, or is too short.
    pub fn secret(&self) -> Result<DeploymentSecret> {
        let path = self.dir.join("secret");
        DeploymentSecret::new(kept_bits(&path)?).with_context(|| format!("{} holds no secret", path.display()))
    }

    /// The key that addresses are hashed with, made at the first start.
    ///
    /// # Errors
    /// Where it cannot be read or made, or is too short.
    pub fn address_key(&self) -> Result<AddressKey> {
        let path = self.dir.join("address-key");
        AddressKey::new(kept_bits(&path)?).with_context(|| format!("{} holds no key", path.display()))
    }

    /// The administrator's token, if one was kept.
    ///
    /// # Errors
    /// Where the file is there but cannot be read, or holds no token.
    pub fn token(&self) -> Result<Option<TokenSecret>> {
        let path = self.token_file();
        let Some(text) = read_text_if_there(&path)? else { return Ok(None) };
        TokenSecret::parse(text.trim()).map(Some).with_context(|| format!("{} holds no token", path.display()))
    }

    /// Keeps the administrator's token.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_token(&self, token: &TokenSecret) -> Result<()> {
        write_private(&self.token_file(), format!("{}\n", token.reveal()).as_bytes())
    }

    /// The folders served at earlier starts, by source name.
    ///
    /// # Errors
    /// Where the file is there but cannot be read.
    pub fn folders(&self) -> Result<BTreeMap<String, PathBuf>> {
        let path = self.dir.join("folders.json");
        let Some(text) = read_text_if_there(&path)? else { return Ok(BTreeMap::new()) };
        serde_json::from_str(&text).with_context(|| format!("{} cannot be understood", path.display()))
    }

    /// Remembers the folders for the next start.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn keep_folders(&self, folders: &BTreeMap<String, PathBuf>) -> Result<()> {
        write_private(&self.dir.join("folders.json"), &serde_json::to_vec_pretty(folders)?)
    }

    /// Where the objects of sources without an endpoint of their own were at the start before; `None`: there was none.
    ///
    /// # Errors
    /// Where the file is there but cannot be read.
    pub fn store(&self) -> Result<Option<String>> {
        Ok(read_text_if_there(&self.dir.join("store"))?.map(|text| text.trim().to_owned()))
    }

    /// Remembers it for the next start.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_store(&self, store: &str) -> Result<()> {
        write_private(&self.dir.join("store"), format!("{store}\n").as_bytes())
    }

    /// What links gave today, as it was kept; empty where nothing was.
    ///
    /// # Errors
    /// Where the file is there but cannot be read.
    pub fn bytes_sent(&self) -> Result<Vec<u8>> {
        let path = self.dir.join("bytes-sent.json");
        match fs::read(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps what links gave today.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_bytes_sent(&self, bytes: &[u8]) -> Result<()> {
        write_private(&self.dir.join("bytes-sent.json"), bytes)
    }

    /// Takes the ready files away: nothing is ready any more.
    pub fn forget_ready(&self, other: Option<&Path>) {
        for path in [Some(self.ready_file().as_path()), other].into_iter().flatten() {
            if let Err(why) = fs::remove_file(path) {
                tracing::debug!(why = %why, "a ready file was not there");
            }
        }
    }
}

/// The text of a file; `None`: it is not there.
fn read_text_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The 256 random bits in a file, which is made where there is none.
fn kept_bits(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = vec![0; 32];
            getrandom::fill(&mut bytes).context("no random bits can be had")?;
            write_private(path, &bytes)?;
            Ok(bytes)
        }
        Err(why) => Err(why).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Where a folder is or would be: the part of its path that exists, with links followed, and the rest as it stands.
fn place_of(dir: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(dir).with_context(|| format!("{} is no path", dir.display()))?;
    let found = absolute.ancestors().find_map(|above| Some((above.canonicalize().ok()?, absolute.strip_prefix(above).ok()?)));
    Ok(found.map_or_else(|| absolute.clone(), |(real, rest)| real.join(rest)))
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// Where it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let said = || format!("{} cannot be written", path.display());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file: File = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part).with_context(said)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(said)?;
    fs::rename(&part, path).with_context(said)
}
