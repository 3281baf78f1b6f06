//! Hands a mail over: to a mail server by SMTP, or into a folder.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use domain::{limits::MAIL_SEND_SECS, notice::NoticeId};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{authentication::Credentials, extension::ClientId},
};
use thiserror::Error;

/// Where mails go, and from whom they are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Post {
    from: Mailbox,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Folder(PathBuf),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

/// A mail server by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    lock: Lock,
}

/// How what is said to a server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// By TLS from the first byte.
    Tls,
    /// By TLS once the server has said that it can; where it cannot, nothing is sent.
    StartTls,
    /// It does not leave this machine.
    Loopback,
}

/// What cannot be written by or to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PostError {
    /// Not a sender.
    #[error("write whom mails are from as an address, such as `Offprint <offprint@lab.example>`")]
    From,
    /// Not an address of a server.
    #[error("write a mail server as `smtps://mail.lab.example` (TLS) or `smtp://mail.lab.example:587` (STARTTLS)")]
    Server,
}

/// A mail that was not handed over, and why: a word, for what servers say may have addresses in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// It may be tried again.
    Later(String),
    /// It was refused for good.
    Never(String),
}

impl Undelivered {
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Later(why) | Self::Never(why) => why,
        }
    }
}

impl FromStr for MailServer {
    type Err = PostError;

    /// Reads `smtps://HOST[:PORT]`, port 465 where none is said, and `smtp://HOST[:PORT]`, port 587, which must offer STARTTLS unless it is named by this
    /// machine's loopback address.
    fn from_str(text: &str) -> Result<Self, PostError> {
        let (address, usual, is_tls) = match (text.strip_prefix("smtps://"), text.strip_prefix("smtp://")) {
            (Some(address), _) => (address, 465, true),
            (None, Some(address)) => (address, 587, false),
            (None, None) => return Err(PostError::Server),
        };
        let address = address.trim_end_matches('/');
        let has_port = |(host, _): &(&str, &str)| !host.starts_with('[') || host.ends_with(']');
        let (host, port) = match address.rsplit_once(':').filter(has_port) {
            Some((host, port)) => (host, port.parse().map_err(|_why| PostError::Server)?),
            None => (address, usual),
        };
        let host = host.trim_matches(['[', ']']);
        let is_name = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        let address = host.parse::<IpAddr>();
        let lock = match address {
            _ if is_tls => Lock::Tls,
            Ok(address) if address.is_loopback() => Lock::Loopback,
            _ => Lock::StartTls,
        };
        if address.is_ok() || is_name(host) { Ok(Self { host: host.to_owned(), port, lock }) } else { Err(PostError::Server) }
    }
}

impl Post {
    /// Puts mails into a folder, which is made when the first comes: each a file `NOTICE.eml`, for its owner alone.
    ///
    /// # Errors
    /// [`PostError::From`].
    pub fn folder(dir: PathBuf, from: &str) -> Result<Self, PostError> {
        Ok(Self { from: from.parse().map_err(|_why| PostError::From)?, way: Way::Folder(dir) })
    }

    /// Sends mails to a server, signing in as `user` with a password where it asks for that.
    ///
    /// # Errors
    /// [`PostError::From`]; [`PostError::Server`] where this machine has no certificates to know a server by.
    pub fn server(server: &MailServer, from: &str, user: Option<(String, String)>) -> Result<Self, PostError> {
        let from: Mailbox = from.parse().map_err(|_why| PostError::From)?;
        let host = &server.host;
        let way = match server.lock {
            Lock::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(|_why| PostError::Server)?,
            Lock::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(|_why| PostError::Server)?,
            Lock::Loopback => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
        };
        let mut way = way
            .port(server.port)
            .timeout(Some(Duration::from_secs(MAIL_SEND_SECS)))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = user {
            way = way.credentials(Credentials::new(user, password));
        }
        Ok(Self { from, way: Way::Server(way.build()) })
    }

    /// Whom mails are from.
    pub(crate) const fn sender(&self) -> &Mailbox {
        &self.from
    }

    /// Whether a mail goes nowhere without an address.
    pub(crate) const fn needs_address(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// Hands a mail over. Where it is done, whoever took it has it for good.
    pub(crate) async fn send(&self, mail: NoticeId, message: &Message) -> Result<(), Undelivered> {
        match &self.way {
            Way::Folder(dir) => {
                let (dir, bytes) = (dir.clone(), message.formatted());
                let put = tokio::task::spawn_blocking(move || put(&dir, &format!("{mail}.eml"), &bytes)).await;
                put.map_err(|_ended| Undelivered::Later("folder".to_owned()))?
                    .map_err(|why| Undelivered::Later(format!("folder: {}", why.kind())))
            }
            Way::Server(server) => match server.send(message.clone()).await {
                Ok(_taken) => Ok(()),
                Err(why) => {
                    let word = why.status().map_or_else(|| "connection".to_owned(), |code| format!("smtp {code}"));
                    // 53x: the server does not know us (RFC 4954). That says nothing of whom the mail is for, and somebody will set it right.
                    let is_ours = word.starts_with("smtp 53");
                    Err(if why.is_permanent() && !is_ours { Undelivered::Never(word) } else { Undelivered::Later(word) })
                }
            },
        }
    }
}

/// Puts a file that is there whole or not at all. One that is there already was put by an earlier try, and stays.
fn put(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let (path, part) = (dir.join(name), dir.join(format!(".{name}.part")));
    if path.exists() {
        return Ok(());
    }
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, &path)?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_unencrypted_but_to_this_machine() {
        for (text, host, port, lock) in [
            ("smtps://mail.lab.example", "mail.lab.example", 465, Lock::Tls),
            ("smtps://127.0.0.1:2525", "127.0.0.1", 2525, Lock::Tls),
            ("smtp://mail.lab.example", "mail.lab.example", 587, Lock::StartTls),
            ("smtp://localhost:25", "localhost", 25, Lock::StartTls),
            ("smtp://192.0.2.1:25", "192.0.2.1", 25, Lock::StartTls),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Lock::Loopback),
            ("smtp://[::1]:25/", "::1", 25, Lock::Loopback),
        ] {
            assert_eq!(text.parse(), Ok(MailServer { host: host.to_owned(), port, lock }), "{text}");
        }
        for text in ["", "127.0.0.1:25", "smtp://", "smtp://a b", "smtp://127.0.0.1:x", "http://127.0.0.1", "smtp://bo:pass@lab.example"] {
            assert_eq!(text.parse::<MailServer>(), Err(PostError::Server), "{text}");
        }
        assert_eq!(Post::folder(PathBuf::new(), "nobody").unwrap_err(), PostError::From);
    }
}
