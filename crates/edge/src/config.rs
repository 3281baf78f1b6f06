//! The settings of a deployment. Each has its line in `docs/CONFIG.md` and its place in `template.yaml`; a test compares the three.

use domain::{address::AddressKey, connection::Directory, grant::Zones, source::is_origin};
use thiserror::Error;

use crate::provider::ProviderSettings;

/// The settings that the functions share.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The table's name.
    pub table: String,
    /// The app origin as people see it, `https://app.example.org`; `None`: the function's own.
    pub app_url: Option<String>,
    /// The data origin as readers see it; `None`: the function's own, which only `serve` can know.
    pub data_url: Option<String>,
    /// The role that signs where a source names none.
    pub signer_role: Option<String>,
    /// The role that copies where neither source names one; `None`: the one that signs.
    pub copier_role: Option<String>,
    /// The secret that holds what link keys are derived from; read by `links` alone.
    pub secret_arn: Option<String>,
    /// What addresses are hashed with; `None`: no entry of the audit says where from. `serve` has none.
    pub address_key: Option<AddressKey>,
    /// Domain suffixes, besides those of Lambda Function URLs, whose events have a raw path.
    pub front_door_domains: Vec<String>,
    /// What the CDN, and `pages` where it asks the API, send in `x-offprint-cdn`; when set, the app functions take no other requests.
    pub cdn_secret: Option<String>,
    /// Where `pages` asks the API about links: the own address of `links`.
    pub links_url: Option<String>,
    /// Where `pages` asks the API about everything else: the own address of `acl`.
    pub acl_url: Option<String>,
    /// The proxies whose `X-Forwarded-For` tells where a request comes from; none: it is not looked at.
    pub trusted_proxies: Zones,
    /// The identity provider whose people sign in; `None`: people sign in by code.
    pub provider: Option<ProviderSettings>,
    /// The pages whose scripts a person may let read, each an origin: viewers that ask by `middleauth`.
    pub viewer_origins: Vec<String>,
    /// Whether people are to know each other before one shares with the other by name.
    pub directory: Directory,
    /// Whether a source's endpoint may lie on this machine or a private network. Only `offprint up` says so.
    pub private_endpoints: bool,
    /// The largest object that is streamed, in bytes; `None`: no bound. Lambda ends a response at 200 MB.
    pub stream_bytes_max: Option<u64>,
}

/// A setting that is missing or does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Not set.
    #[error("the setting `{name}` is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// Not a list of known words.
    #[error("the setting `{name}` must be known words with commas between them")]
    NotWords {
        /// Its name.
        name: &'static str,
    },
    /// Not a list of networks.
    #[error("the setting `{name}` must be networks such as `10.0.0.0/8`, with commas between them")]
    NotNetworks {
        /// Its name.
        name: &'static str,
    },
    /// Not a list of origins.
    #[error("the setting `{name}` must be origins such as `https://viewer.example.org`, in lower case, with commas between them")]
    NotOrigins {
        /// Its name.
        name: &'static str,
    },
    /// No word of the directory's.
    #[error("the setting `{name}` must be `open` or `connections`")]
    NotDirectory {
        /// Its name.
        name: &'static str,
    },
    /// No instant, or without what it is about.
    #[error("the setting `{name}` must be an instant such as `2027-01-01T00:00:00Z`, and goes with the directory `connections`")]
    NotSince {
        /// Its name.
        name: &'static str,
    },
    /// Too short for a key.
    #[error("the setting `{name}` must have at least 32 bytes")]
    Short {
        /// Its name.
        name: &'static str,
    },
    /// Not an origin.
    #[error("the setting `{name}` must be an origin, `https://host`, without a path")]
    NotAnOrigin {
        /// Its name.
        name: &'static str,
    },
}

impl Config {
    /// Reads the settings from an environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the setting.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let origin = |name: &'static str| match set(name) {
            Some(url) if !is_origin(url.trim_end_matches('/')) => Err(ConfigError::NotAnOrigin { name }),
            url => Ok(url.map(|url| url.trim_end_matches('/').to_owned())),
        };
        Ok(Self {
            table: set("OFFPRINT_TABLE").ok_or(ConfigError::Missing { name: "OFFPRINT_TABLE" })?,
            app_url: origin("OFFPRINT_APP_URL")?,
            data_url: origin("OFFPRINT_DATA_URL")?,
            signer_role: set("OFFPRINT_SIGNER_ROLE"),
            copier_role: set("OFFPRINT_COPIER_ROLE"),
            secret_arn: set("OFFPRINT_SECRET_ARN"),
            address_key: set("OFFPRINT_ADDRESS_KEY").map(|text| address_key(text, "OFFPRINT_ADDRESS_KEY")).transpose()?,
            front_door_domains: set("OFFPRINT_FRONT_DOOR_DOMAINS")
                .map(|list| list.split(',').map(|one| one.trim().to_owned()).collect())
                .unwrap_or_default(),
            cdn_secret: set("OFFPRINT_CDN_SECRET"),
            links_url: origin("OFFPRINT_LINKS_URL")?,
            acl_url: origin("OFFPRINT_ACL_URL")?,
            trusted_proxies: networks(set("OFFPRINT_TRUSTED_PROXIES").as_deref(), "OFFPRINT_TRUSTED_PROXIES")?,
            provider: ProviderSettings::read(set)?,
            viewer_origins: origins(set("OFFPRINT_VIEWER_ORIGINS").as_deref(), "OFFPRINT_VIEWER_ORIGINS")?,
            directory: directory(
                (set("OFFPRINT_DIRECTORY").as_deref(), "OFFPRINT_DIRECTORY"),
                (set("OFFPRINT_DIRECTORY_SINCE").as_deref(), "OFFPRINT_DIRECTORY_SINCE"),
            )?,
            private_endpoints: false,
            stream_bytes_max: Some(domain::limits::LAMBDA_STREAM_BYTES_MAX),
        })
    }
}

fn address_key(text: String, name: &'static str) -> Result<AddressKey, ConfigError> {
    AddressKey::new(text.into_bytes()).map_err(|_why| ConfigError::Short { name })
}

/// Whether people are asked before others share with them, and since when; each with its setting's name.
///
/// # Errors
/// [`ConfigError::NotDirectory`], [`ConfigError::NotSince`], naming the setting.
pub fn directory(word: (Option<&str>, &'static str), since: (Option<&str>, &'static str)) -> Result<Directory, ConfigError> {
    let not_since = ConfigError::NotSince { name: since.1 };
    match (word.0, since.0) {
        (None | Some("open"), None) => Ok(Directory::Open),
        (None | Some("open"), Some(_)) => Err(not_since),
        (Some("connections"), None) => Ok(Directory::Connections { since: None }),
        (Some("connections"), Some(text)) => {
            let since = text.parse().map_err(|_no_instant| not_since)?;
            Ok(Directory::Connections { since: Some(since) })
        }
        (Some(_), _) => Err(ConfigError::NotDirectory { name: word.1 }),
    }
}

/// Networks in a list with commas.
///
/// # Errors
/// [`ConfigError::NotNetworks`], naming the setting.
pub fn networks(list: Option<&str>, name: &'static str) -> Result<Zones, ConfigError> {
    let texts: Vec<_> = list.map(|list| list.split(',').collect()).unwrap_or_default();
    Zones::parse(&texts).map_err(|_why| ConfigError::NotNetworks { name })
}

/// Origins in a list with commas, each to the byte as browsers name it.
///
/// # Errors
/// [`ConfigError::NotOrigins`], naming the setting.
pub fn origins(list: Option<&str>, name: &'static str) -> Result<Vec<String>, ConfigError> {
    let texts = list.map(|list| list.split(',').map(|one| one.trim().trim_end_matches('/').to_owned()).collect::<Vec<_>>());
    let is_named_so = |text: &String| is_origin(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(texts.unwrap_or_default()).filter(|origins| origins.iter().all(is_named_so)).ok_or(ConfigError::NotOrigins { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_held_to_their_form() {
        let read =
            |pairs: &[(&str, &str)]| Config::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        assert_eq!(read(&[]).unwrap_err(), ConfigError::Missing { name: "OFFPRINT_TABLE" });
        let config = read(&[
            ("OFFPRINT_TABLE", "t"),
            ("OFFPRINT_DATA_URL", "https://data.example.org/"),
            ("OFFPRINT_FRONT_DOOR_DOMAINS", "a.test, b.test"),
        ])
        .unwrap();
        assert_eq!(config.data_url.as_deref(), Some("https://data.example.org"));
        assert_eq!(config.front_door_domains, ["a.test", "b.test"]);
        let viewers = |list| read(&[("OFFPRINT_TABLE", "t"), ("OFFPRINT_VIEWER_ORIGINS", list)]).map(|config| config.viewer_origins);
        assert_eq!(viewers("https://v.example.org/, http://127.0.0.1:8080").unwrap(), ["https://v.example.org", "http://127.0.0.1:8080"]);
        for wrong in ["*", "https://V.example.org", "https://v.example.org/app", "null", "https://v.example.org,,"] {
            assert_eq!(viewers(wrong).unwrap_err(), ConfigError::NotOrigins { name: "OFFPRINT_VIEWER_ORIGINS" }, "{wrong}");
        }
        let directory = |word, since| {
            let pairs = [("OFFPRINT_TABLE", "t"), ("OFFPRINT_DIRECTORY", word), ("OFFPRINT_DIRECTORY_SINCE", since)];
            read(&pairs).map(|config| config.directory)
        };
        let since = "2027-01-01T00:00:00Z";
        assert_eq!(directory("", ""), Ok(Directory::Open));
        assert_eq!(directory("open", ""), Ok(Directory::Open));
        assert_eq!(directory("connections", ""), Ok(Directory::Connections { since: None }));
        assert_eq!(directory("connections", since), Ok(Directory::Connections { since: Some(since.parse().unwrap()) }));
        assert_eq!(directory("closed", ""), Err(ConfigError::NotDirectory { name: "OFFPRINT_DIRECTORY" }));
        for (word, since) in [("open", since), ("", since), ("connections", "today")] {
            assert_eq!(directory(word, since), Err(ConfigError::NotSince { name: "OFFPRINT_DIRECTORY_SINCE" }), "{word} {since}");
        }
        let wrong = read(&[("OFFPRINT_TABLE", "t"), ("OFFPRINT_TRUSTED_PROXIES", "10.0.0.0/8, lab")]);
        assert_eq!(wrong.unwrap_err(), ConfigError::NotNetworks { name: "OFFPRINT_TRUSTED_PROXIES" });
        let wrong = read(&[("OFFPRINT_TABLE", "t"), ("OFFPRINT_ADDRESS_KEY", "short")]);
        assert_eq!(wrong.unwrap_err(), ConfigError::Short { name: "OFFPRINT_ADDRESS_KEY" });
        let wrong = read(&[("OFFPRINT_TABLE", "t"), ("OFFPRINT_APP_URL", "https://app.example.org/x")]);
        assert_eq!(wrong.unwrap_err(), ConfigError::NotAnOrigin { name: "OFFPRINT_APP_URL" });
    }
}
