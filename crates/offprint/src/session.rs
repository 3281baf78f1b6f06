//! `offprint sign-in` and `offprint sign-out`, and the sessions that are kept from one command to the next.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use clap::Args;
use domain::token::TokenSecret;
use serde::{Deserialize, Serialize};
use wire::{
    token::{Me, Token},
    user::{SignInAsk, SignedIn},
};

use crate::{
    api::{Api, Remote},
    exit::{Exit, Failure},
    output::printable,
    state::write_private,
    token::{ME, TOKEN},
};

/// Sign in with a code that an administrator gave you; the session is kept for the commands that follow.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint sign-in --server https://app.example.org
  offprint sign-in < code.txt
  offprint sign-in --profile lab --server https://app.example.org; offprint link list --profile lab

A code works once. The session ends by itself after some hours, and is kept in ~/.config/offprint (XDG_CONFIG_HOME), readable by you alone. \
It is used where neither OFFPRINT_TOKEN nor a token of the state folder is there. With --profile it is kept under a name, beside others, and used where that is named.")]
pub(crate) struct SignIn {
    /// The code; asked for, or read from stdin, if left out: then it stands in no shell's history.
    #[arg(value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// End the session that is kept for a server.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint sign-out --server https://app.example.org")]
pub(crate) struct SignOut {
    #[command(flatten)]
    remote: Remote,
}

/// The sessions that are kept, by the server that began each, or by a name.
#[derive(Default)]
pub(crate) struct Sessions {
    /// Where they are kept; `None`: there is no home to keep them in.
    file: Option<PathBuf>,
    kept: BTreeMap<String, Kept>,
}

/// One session. No `Debug`: it holds a secret.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The server, where it is kept under a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    user: String,
    until: String,
    secret: String,
}

impl Sessions {
    /// Those of whoever runs this. A file that is not there or is not understood holds none.
    pub(crate) fn open() -> Self {
        let home = std::env::home_dir();
        Self::read(config_file(std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from), home))
    }

    fn read(file: Option<PathBuf>) -> Self {
        let kept = file.as_ref().and_then(|file| serde_json::from_slice(&fs::read(file).ok()?).ok());
        Self { file, kept: kept.unwrap_or_default() }
    }

    /// The token of the session at a server that has no name.
    pub(crate) fn secret(&self, server: &str) -> Option<&str> {
        self.kept.get(server).filter(|kept| kept.server.is_none()).map(|kept| kept.secret.as_str())
    }

    /// The server and the token of the session that is kept under a name.
    pub(crate) fn named(&self, name: &str) -> Option<(&str, &str)> {
        let kept = self.kept.get(name)?;
        kept.server.as_deref().map(|server| (server, kept.secret.as_str()))
    }

    /// The server, where there is a session without a name at one and no other.
    pub(crate) fn only_server(&self) -> Option<&str> {
        let mut servers = self.kept.iter().filter(|(_, kept)| kept.server.is_none()).map(|(server, _)| server);
        servers.next().filter(|_first| servers.next().is_none()).map(String::as_str)
    }

    /// Makes sure beforehand that a session can be kept: a code works once.
    fn prepare(&self) -> Result<&Path, Failure> {
        let file = self.file.as_deref().ok_or_else(|| {
            Failure::new(Exit::Failed, "there is no folder to keep a session in").hint("set HOME or XDG_CONFIG_HOME to a folder of yours")
        })?;
        let folder = file.parent().unwrap_or(file);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|why| Failure::new(Exit::Failed, format!("the folder {} cannot be made: {why}", folder.display())))?;
        Ok(file)
    }

    fn write(&self) -> Result<(), Failure> {
        let file = self.prepare()?;
        let text = serde_json::to_vec_pretty(&self.kept).map_err(anyhow::Error::from)?;
        Ok(write_private(file, &text)?)
    }

    /// Sessions of a test, by server and token.
    #[cfg(test)]
    pub(crate) fn of(sessions: &[(&str, &str)]) -> Self {
        let kept = |secret: &str| Kept { server: None, user: "ada".to_owned(), until: String::new(), secret: secret.to_owned() };
        Self { file: None, kept: sessions.iter().map(|(server, secret)| ((*server).to_owned(), kept(secret))).collect() }
    }

    /// One more, under a name.
    #[cfg(test)]
    pub(crate) fn name(&mut self, name: &str, server: &str, secret: &str) {
        let kept = Kept { server: Some(server.to_owned()), user: "ada".to_owned(), until: String::new(), secret: secret.to_owned() };
        self.kept.insert(name.to_owned(), kept);
    }
}

/// The file, by the XDG base directories: a relative one does not count.
fn config_file(config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let home = || home.filter(|home| home.is_absolute()).map(|home| home.join(".config"));
    Some(config.filter(|config| config.is_absolute()).or_else(home)?.join("offprint/sessions.json"))
}

/// Runs `sign-in`.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn sign_in(command: SignIn) -> Result<(), Failure> {
    let (remote, out) = (&command.remote, command.remote.out());
    let mut sessions = Sessions::open();
    let server = remote.server_to_sign_in(&sessions)?;
    sessions.prepare()?;
    let code = match command.code {
        Some(code) => code,
        None => ask_for_code().await?,
    };
    let text = code.trim().to_owned();
    // A provider's token has three parts, a code has one.
    let ask = if text.matches('.').count() == 2 {
        SignInAsk { token: Some(text), ..SignInAsk::default() }
    } else {
        SignInAsk { code: Some(text), ..SignInAsk::default() }
    };
    let SignedIn { user, session } = Api::new(&server, None, out.quiet)?.create_once(&["sign-in"], &ask).await?.body;
    let (name, of) = remote.profile().map_or((server.as_str(), None), |name| (name, Some(server.clone())));
    let kept = Kept { server: of, user: user.name.clone(), until: session.token.until.clone(), secret: session.secret };
    sessions.kept.insert(name.to_owned(), kept);
    sessions.write()?;
    // Never the session's secret.
    let me = Me {
        id: user.id,
        name: user.name,
        administrator: user.administrator,
        auditor: user.auditor,
        curator: user.curator,
        notices: None,
        address_known: None,
        terms: Vec::new(),
        token: session.token,
    };
    out.one(&ME, &me)?;
    if let Some(other) = remote.goes_before_a_session(&server) {
        out.note(&format!("{other} goes before this session."));
    }
    Ok(())
}

async fn ask_for_code() -> Result<String, Failure> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        if io::stdin().is_terminal() {
            io::stderr().write_all(b"Code: ")?;
        }
        io::stdin().read_line(&mut line).map(|_bytes| line)
    });
    let line = read.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
    if line.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "no code was given").hint("ask an administrator for one"));
    }
    Ok(line)
}

/// Runs `sign-out`. It ends the session that is kept, never a token that is given or the state folder's.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn sign_out(command: SignOut) -> Result<(), Failure> {
    let (remote, out) = (&command.remote, command.remote.out());
    let mut sessions = Sessions::open();
    let (name, server, secret) = if let Some(name) = remote.profile() {
        let (server, secret) = remote.of_profile(name, &sessions)?;
        (name.to_owned(), server.to_owned(), secret)
    } else {
        let server = remote.server(Some(&sessions))?;
        let secret = sessions.secret(&server).ok_or_else(|| {
            Failure::new(Exit::SignIn, format!("no session is kept for {server}")).hint("`offprint token revoke` ends other tokens")
        })?;
        (server.clone(), server.clone(), secret)
    };
    let token = TokenSecret::parse(secret);
    let ended = match &token {
        Ok(token) => Api::new(&server, Some(token), out.quiet)?
            .act::<Token>(&["sign-out"], &serde_json::json!({}))
            .await
            .map(|ended| Some(ended.body)),
        Err(_no_token) => Ok(None),
    };
    let ended = match ended {
        Ok(ended) => ended,
        // It had ended by itself.
        Err(why) if why.exit == Exit::SignIn => None,
        Err(why) => return Err(why),
    };
    let user = sessions.kept.remove(&name).map(|kept| kept.user).unwrap_or_default();
    sessions.write()?;
    if let Some(ended) = ended {
        out.one(&TOKEN, &ended)?;
    }
    out.note(&format!("{} is signed out of {server}.", printable(&user)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_lies_where_the_base_directories_say() {
        let path = |text: &str| Some(PathBuf::from(text));
        for (config, home, want) in [
            (None, path("/home/ada"), path("/home/ada/.config/offprint/sessions.json")),
            (path("/etc/ada"), path("/home/ada"), path("/etc/ada/offprint/sessions.json")),
            (path("/etc/ada"), None, path("/etc/ada/offprint/sessions.json")),
            (path("here"), path("/home/ada"), path("/home/ada/.config/offprint/sessions.json")),
            (path(""), path("/home/ada"), path("/home/ada/.config/offprint/sessions.json")),
            (None, path("ada"), None),
            (None, None, None),
        ] {
            assert_eq!(config_file(config.clone(), home.clone()), want, "{config:?} {home:?}");
        }
    }

    #[test]
    fn a_session_is_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config/offprint/sessions.json");
        let open = || Sessions::read(Some(file.clone()));
        assert_eq!(open().only_server(), None);
        let mut sessions = open();
        sessions.kept = Sessions::of(&[("https://app.example.org", "secret")]).kept;
        sessions.write().unwrap();
        assert_eq!((open().only_server(), open().secret("https://app.example.org")), (Some("https://app.example.org"), Some("secret")));
        assert_eq!(open().secret("https://app.example.com"), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        fs::write(&file, "something else").unwrap();
        assert_eq!(open().only_server(), None);
    }
}
