//! The identity provider of a deployment: found when it is first needed, and asked whom a token of its speaks for.

use std::{fmt, sync::Arc};

use identity::{
    BearerError, Issuers, Verified,
    discovery::discover,
    issuer::{Algorithm, Issuer, TokenType},
    outbound::Outbound,
};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::{config::ConfigError, problem::Problem};

/// What a deployment says of its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The exact value of `iss`.
    pub issuer: String,
    /// What `aud` must be, or contain.
    pub audience: String,
    /// Where its keys are; `None`: its discovery document says it.
    pub keys_url: Option<String>,
    /// How its tokens are signed: of one family of keys.
    pub algorithms: Vec<Algorithm>,
    /// What kinds of token count.
    pub types: Vec<TokenType>,
}

impl ProviderSettings {
    /// Reads the settings of the provider; `None`: the deployment has none.
    ///
    /// # Errors
    /// [`ConfigError`], naming the setting.
    pub fn read(set: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let Some(issuer) = set("OFFPRINT_OIDC_ISSUER") else { return Ok(None) };
        let words = |name: &'static str, least: &str| set(name).unwrap_or_else(|| least.to_owned());
        let wrong = |name| move || ConfigError::NotWords { name };
        let algorithms = words("OFFPRINT_OIDC_ALGORITHMS", "RS256");
        let algorithms = algorithms.split(',').map(|word| Algorithm::of(word.trim())).collect::<Option<_>>();
        let types = words("OFFPRINT_OIDC_TYPES", "at+jwt,JWT");
        let types = types.split(',').map(|word| TokenType::of(word.trim())).collect::<Option<_>>();
        Ok(Some(Self {
            issuer,
            audience: set("OFFPRINT_OIDC_AUDIENCE").ok_or(ConfigError::Missing { name: "OFFPRINT_OIDC_AUDIENCE" })?,
            keys_url: set("OFFPRINT_OIDC_KEYS_URL"),
            algorithms: algorithms.ok_or_else(wrong("OFFPRINT_OIDC_ALGORITHMS"))?,
            types: types.ok_or_else(wrong("OFFPRINT_OIDC_TYPES"))?,
        }))
    }
}

/// The provider. Cheap to clone; clones share what is known of it.
#[derive(Clone)]
pub struct Provider(Arc<Shared>);

struct Shared {
    settings: ProviderSettings,
    outbound: Outbound,
    known: OnceCell<Issuers>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.0.settings.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider; nothing is asked of it yet. `private`: it may lie on this machine or a private network.
    #[must_use]
    pub fn new(settings: ProviderSettings, private: bool) -> Self {
        Self(Arc::new(Shared { settings, outbound: Outbound::new(private), known: OnceCell::new() }))
    }

    /// Whom a token speaks for.
    ///
    /// # Errors
    /// 401 `token` for one that is not believed, the same whatever is wrong with it; 503 `provider` where its keys cannot be had.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Problem> {
        let issuers = self.0.known.get_or_try_init(|| self.find()).await?;
        issuers.verify(token, now).await.map_err(|why| {
            if why == BearerError::KeysUnavailable {
                return away(&why);
            }
            tracing::info!(why = %why, "a token of the provider was refused");
            Problem::new(http::StatusCode::UNAUTHORIZED, "token", "the provider's token is not one that is believed")
                .at("/token")
                .hint("get a fresh one for this deployment from the provider")
        })
    }

    async fn find(&self) -> Result<Issuers, Problem> {
        let settings = &self.0.settings;
        let keys_url = match &settings.keys_url {
            Some(url) => url.clone(),
            None => discover(&self.0.outbound, &settings.issuer).await.map_err(|why| away(&why))?.keys_url,
        };
        let issuer = Issuer {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            keys_url,
            algorithms: settings.algorithms.clone(),
            types: settings.types.clone(),
            verifies_email: false,
            groups_claim: None,
        };
        Issuers::new(vec![issuer], &self.0.outbound).map_err(|why| away(&why))
    }
}

fn away(why: &dyn fmt::Display) -> Problem {
    tracing::error!(why = %why, "the identity provider cannot be asked");
    Problem::unavailable("provider", "the identity provider cannot be asked for now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_what_is_wrong() {
        let read = |pairs: &[(&str, &str)]| {
            ProviderSettings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(read(&[]), Ok(None));
        let issuer = ("OFFPRINT_OIDC_ISSUER", "https://id.example.org");
        let audience = ("OFFPRINT_OIDC_AUDIENCE", "offprint");
        assert_eq!(read(&[issuer]), Err(ConfigError::Missing { name: "OFFPRINT_OIDC_AUDIENCE" }));
        let settings = read(&[issuer, audience]).unwrap().unwrap();
        assert_eq!((settings.algorithms, settings.types), (vec![Algorithm::Rs256], vec![TokenType::AtJwt, TokenType::Jwt]));
        for (name, value) in [("OFFPRINT_OIDC_ALGORITHMS", "HS256"), ("OFFPRINT_OIDC_ALGORITHMS", "none"), ("OFFPRINT_OIDC_TYPES", "id")] {
            assert!(
                matches!(read(&[issuer, audience, (name, value)]), Err(ConfigError::NotWords { name: named }) if named == name),
                "{value}"
            );
        }
    }
}
