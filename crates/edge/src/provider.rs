//! The identity provider of a deployment: found when it is first needed, asked whom a token of its speaks for, and to sign people in
//! through their browsers.

use std::{fmt, sync::Arc};

use domain::{
    key::KeyHash,
    limits::{PROVIDER_TOKEN_CACHE_SECS, PROVIDER_TOKENS_CACHED_MAX},
};
use identity::{
    BearerError, Issuers, Verified,
    code_flow::{Attempt, Client, ExchangeError},
    discovery::{Discovered, discover},
    issuer::{Algorithm, Issuer, TokenType},
    outbound::Outbound,
};
use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use table::users::{Identity, Proven};
use tokio::sync::OnceCell;

use crate::{config::ConfigError, credential::ProviderToken, problem::Problem};

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
    /// As whom browsers are sent to sign in there; `None`: only tokens that people bring are taken.
    pub client: Option<Client>,
    /// The claim that lists a person's groups; `None`: its tokens say nothing of groups here.
    pub groups_claim: Option<String>,
    /// Whether its word is believed that an e-mail address is its person's, where it says that it verified it.
    pub vouches_for_email: bool,
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
            client: set("OFFPRINT_OIDC_CLIENT_ID").map(|id| Client { id, secret: set("OFFPRINT_OIDC_CLIENT_SECRET") }),
            groups_claim: set("OFFPRINT_OIDC_GROUPS_CLAIM"),
            vouches_for_email: match set("OFFPRINT_OIDC_VOUCHES_FOR_EMAIL").as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => return Err(ConfigError::NotWords { name: "OFFPRINT_OIDC_VOUCHES_FOR_EMAIL" }),
            },
        }))
    }
}

/// The provider. Cheap to clone; clones share what is known of it.
#[derive(Clone)]
pub struct Provider(Arc<Shared>);

struct Shared {
    settings: ProviderSettings,
    outbound: Outbound,
    found: OnceCell<Discovered>,
    known: OnceCell<Issuers>,
    /// The same, of tokens that are meant for the client.
    known_to_client: OnceCell<Issuers>,
    /// Tokens whose signature was verified lately, and until when that is believed: a signature costs more than all else of a warm read.
    verified: Cache<KeyHash, (Proven, Timestamp)>,
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
        Self(Arc::new(Shared {
            settings,
            outbound: Outbound::new(private),
            found: OnceCell::new(),
            known: OnceCell::new(),
            known_to_client: OnceCell::new(),
            verified: Cache::new(PROVIDER_TOKENS_CACHED_MAX),
        }))
    }

    /// Whether its tokens say which groups a person is in.
    #[must_use]
    pub fn names_groups(&self) -> bool {
        self.0.settings.groups_claim.is_some()
    }

    /// Whether an address becomes a person's by its word.
    #[must_use]
    pub fn vouches_for_email(&self) -> bool {
        self.0.settings.vouches_for_email
    }

    /// Whom a token speaks for.
    ///
    /// # Errors
    /// 401 `token` for one that is not believed, the same whatever is wrong with it; 503 `provider` where its keys cannot be had.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Problem> {
        let settings = &self.0.settings;
        let issuers = self.0.known.get_or_try_init(|| self.issuers(&settings.audience, &settings.types)).await?;
        issuers.verify(token, now).await.map_err(unbelieved)
    }

    /// Whether browsers are sent to sign in there.
    #[must_use]
    pub fn takes_browsers(&self) -> bool {
        self.0.settings.client.is_some()
    }

    /// Its host, as people know it.
    #[must_use]
    pub fn host(&self) -> &str {
        let issuer = self.0.settings.issuer.as_str();
        let rest = issuer.split_once("://").map_or(issuer, |(_scheme, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Where a browser is sent to sign in. `redirect` is where it comes back to.
    ///
    /// # Errors
    /// 503 `provider` where its address cannot be had; 422 `no-provider` where browsers are not sent there.
    pub async fn address(&self, attempt: &Attempt, redirect: &str) -> Result<String, Problem> {
        let (client, found) = (self.client()?, self.found().await?);
        let url = found.authorization_url.as_deref().ok_or_else(|| away(&"it names no address to sign in at"))?;
        Ok(attempt.address(url, client, redirect))
    }

    /// Takes an answer only from this provider (RFC 9207): `issuer` is what the answer names, which it must where the provider always does.
    ///
    /// # Errors
    /// 400 `sign-in-state`, 503 `provider`.
    pub async fn admit_answer(&self, issuer: Option<&str>) -> Result<(), Problem> {
        match issuer {
            Some(issuer) if issuer == self.0.settings.issuer => Ok(()),
            None if !self.found().await?.names_itself => Ok(()),
            _ => Err(Self::not_begun_here()),
        }
    }

    /// Whom a code speaks for that the provider gave to a browser.
    ///
    /// # Errors
    /// 400 `sign-in-state` for a code that the provider does not take, 401 `token` for an ID token that is not believed, 503 `provider`.
    pub async fn exchange(&self, attempt: &Attempt, code: &str, redirect: &str, now: Timestamp) -> Result<Verified, Problem> {
        let (client, found) = (self.client()?, self.found().await?);
        let token = attempt.exchange(&self.0.outbound, found, client, code, redirect).await.map_err(|why| match why {
            ExchangeError::Refused => Self::not_begun_here(),
            ExchangeError::NoAddress | ExchangeError::Fetch(_) | ExchangeError::Unreadable => away(&why),
        })?;
        // An ID token is never an access token: its type is another, and its audience is the client.
        let types = [TokenType::Jwt, TokenType::Absent];
        let issuers = self.0.known_to_client.get_or_try_init(|| self.issuers(&client.id, &types)).await?;
        issuers.verify_id_token(&token, &attempt.nonce(), now).await.map_err(unbelieved)
    }

    /// 400: an answer that belongs to no sign-in of this browser, whatever is wrong with it.
    #[must_use]
    pub fn not_begun_here() -> Problem {
        Problem::new(http::StatusCode::BAD_REQUEST, "sign-in-state", "this sign-in was not begun in this browser, or too long ago")
            .hint("begin again at the sign-in page")
    }

    fn client(&self) -> Result<&Client, Problem> {
        self.0.settings.client.as_ref().ok_or_else(|| {
            Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "no-provider", "this deployment sends no browsers to a provider")
                .hint("sign in with a code; an administrator gives one")
        })
    }

    /// Whom a token speaks for that is shown in place of one of ours. What was verified is remembered, for
    /// [`PROVIDER_TOKEN_CACHE_SECS`] and never past the token's end; what was refused is not.
    ///
    /// # Errors
    /// As [`Provider::verify`], without a field that is meant.
    pub async fn speaks(&self, token: &ProviderToken, now: Timestamp) -> Result<Proven, Problem> {
        let hash = token.hash();
        if let Some((proven, believed)) = self.0.verified.get(&hash)
            && now < believed
        {
            return Ok(proven);
        }
        let known = self.verify(token.reveal(), now).await.map_err(Problem::about_header)?;
        let identity = Identity { issuer: &known.issuer, subject: &known.subject };
        let proven = Proven::new(hash, identity, known.until);
        let believed = now.checked_add(SignedDuration::from_secs(PROVIDER_TOKEN_CACHE_SECS)).unwrap_or(now).min(known.until);
        self.0.verified.insert(hash, (proven, believed));
        Ok(proven)
    }

    async fn found(&self) -> Result<&Discovered, Problem> {
        let find = || async { discover(&self.0.outbound, &self.0.settings.issuer).await.map_err(|why| away(&why)) };
        self.0.found.get_or_try_init(find).await
    }

    async fn issuers(&self, audience: &str, types: &[TokenType]) -> Result<Issuers, Problem> {
        let settings = &self.0.settings;
        let keys_url = match &settings.keys_url {
            Some(url) => url.clone(),
            None => self.found().await?.keys_url.clone(),
        };
        let issuer = Issuer {
            issuer: settings.issuer.clone(),
            audience: audience.to_owned(),
            keys_url,
            algorithms: settings.algorithms.clone(),
            types: types.to_vec(),
            verifies_email: settings.vouches_for_email,
            groups_claim: settings.groups_claim.clone(),
        };
        Issuers::new(vec![issuer], &self.0.outbound).map_err(|why| away(&why))
    }
}

fn unbelieved(why: BearerError) -> Problem {
    if why == BearerError::KeysUnavailable {
        return away(&why);
    }
    tracing::info!(why = %why, "a token of the provider was refused");
    Problem::new(http::StatusCode::UNAUTHORIZED, "token", "the provider's token is not one that is believed")
        .at("/token")
        .hint("get a fresh one for this deployment from the provider")
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
        for (name, value) in [
            ("OFFPRINT_OIDC_ALGORITHMS", "HS256"),
            ("OFFPRINT_OIDC_ALGORITHMS", "none"),
            ("OFFPRINT_OIDC_TYPES", "id"),
            ("OFFPRINT_OIDC_VOUCHES_FOR_EMAIL", "maybe"),
        ] {
            assert!(
                matches!(read(&[issuer, audience, (name, value)]), Err(ConfigError::NotWords { name: named }) if named == name),
                "{value}"
            );
        }
    }
}
