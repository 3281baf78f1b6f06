//! Credentials: fixed ones, or a role's through STS, cut to one source's prefix, and renewed before they are needed.
//!
//! Never the process's own session for signing where its end is not to be seen: a signature could outlive it unnoticed (SECURITY T22).

use core::{fmt, time::Duration};
use std::{env, sync::OnceLock};

use aws_sdk_sts::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use domain::{
    limits::{CREDENTIALS_MARGIN_SECS, SIGN_LEAST_SECS},
    source::{Role, Source},
};
use jiff::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::policy::{copy_policy, session_policy};

/// How long an assumed role's session lives: what STS grants every role, chained ones too.
const SESSION_SECS: i32 = 3_600;
/// The name of every session, as the store's own log shows it.
const SESSION_NAME: &str = "offprint";
/// How long one try of STS may take.
const STS_TRY_MS: u64 = 3_000;
/// How long STS may take to accept a connection.
const STS_CONNECT_MS: u64 = 1_000;
/// The longest wait before the one retry.
const STS_BACKOFF_MS: u64 = 200;

/// An access key. `Debug` prints `***` for all but its id.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    until: Option<Timestamp>,
}

/// Who signs for sources that name no role of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// These keys; they also assume the roles that sources name.
    Static(Credentials),
    /// This role, assumed with the environment's credentials and cut to the source's prefix.
    Role {
        /// Its ARN.
        arn: String,
        /// The ARN of the one that copies between sources; `None`: the same.
        copier: Option<String>,
    },
    /// The environment's own keys.
    Environment,
}

/// Why there are no credentials to sign with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// The permit names no source.
    #[error("the permit was given for something else")]
    Permit,
    /// The source's bucket, region or endpoint cannot stand in a URL.
    #[error("the source's store cannot be addressed")]
    Store,
    /// `AWS_ACCESS_KEY_ID` or `AWS_SECRET_ACCESS_KEY` is missing.
    #[error("the environment holds no access key")]
    Environment,
    /// A session whose end is not to be seen would be signed with.
    #[error("the environment's session has no visible end: name a signer role")]
    EndUnknown,
    /// The credentials have ended, or are about to.
    #[error("the credentials have ended")]
    Ended,
    /// STS refused.
    #[error("the role `{role}` cannot be assumed: `{code}`")]
    Refused {
        /// The role's ARN.
        role: String,
        /// STS's code.
        code: String,
    },
    /// STS did not answer, or not so that it could be read.
    #[error("the token service cannot be reached")]
    Unreachable,
}

impl Credentials {
    /// Credentials that end at `until`; `None`: never.
    #[must_use]
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: Option<String>,
        until: Option<Timestamp>,
    ) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Zeroizing::new(secret_access_key.into()),
            session_token: session_token.map(Zeroizing::new),
            until,
        }
    }

    /// What `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_CREDENTIAL_EXPIRATION` say.
    fn from_environment() -> Result<Self, CredentialsError> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        let read = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (Some(id), Some(secret)) = (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY")) else {
            return Err(CredentialsError::Environment);
        };
        let until = read("AWS_CREDENTIAL_EXPIRATION").and_then(|text| text.parse().ok());
        Ok(Self::new(id, secret, read("AWS_SESSION_TOKEN"), until))
    }

    /// These, if a signature by them can be held to their end: a session's must be known.
    fn with_known_end(self) -> Result<Self, CredentialsError> {
        if self.session_token.is_some() && self.until.is_none() { Err(CredentialsError::EndUnknown) } else { Ok(self) }
    }

    /// The id, which every signed URL shows.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// When they end; `None`: never.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    pub(crate) fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    pub(crate) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }

    /// As the SDKs take them.
    pub(crate) fn for_sdk(&self) -> aws_credential_types::Credentials {
        let token = self.session_token().map(str::to_owned);
        aws_credential_types::Credentials::new(self.access_key_id.clone(), self.secret_access_key(), token, None, SESSION_NAME)
    }

    /// Whether a signature made at `now` could still work for long enough.
    pub(crate) fn can_sign(&self, now: Timestamp) -> bool {
        let margin = i64::from(CREDENTIALS_MARGIN_SECS).saturating_add(i64::from(SIGN_LEAST_SECS));
        self.until.is_none_or(|until| until.as_second().saturating_sub(now.as_second()) >= margin)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, until, .. } = self;
        f.debug_struct("Credentials").field("access_key_id", access_key_id).field("until", until).field("secret", &"***").finish()
    }
}

/// Where credentials come from: the deployment's signer and the token service.
pub(crate) struct Issuer {
    signer: Signer,
    sts_endpoint: Option<String>,
    sts: OnceLock<Client>,
}

impl Issuer {
    pub(crate) fn new(signer: Signer, sts_endpoint: Option<String>) -> Self {
        Self { signer, sts_endpoint, sts: OnceLock::new() }
    }

    /// The role that signs for `source`: its own, else the deployment's; `None` where fixed keys do.
    pub(crate) fn role_of(&self, source: &Source) -> Option<Role> {
        source.store.role.clone().or_else(|| match &self.signer {
            Signer::Role { arn, .. } => Some(Role { arn: arn.clone(), external_id: None }),
            Signer::Static(_) | Signer::Environment => None,
        })
    }

    /// The same for copies into `source`.
    pub(crate) fn copier_of(&self, source: &Source) -> Option<Role> {
        match (&source.store.role, &self.signer) {
            (None, Signer::Role { copier: Some(arn), .. }) => Some(Role { arn: arn.clone(), external_id: None }),
            _ => self.role_of(source),
        }
    }

    /// New credentials for `source`, cut to its prefix where a role gives them; to copy into it `from` another, cut to both.
    pub(crate) async fn issue(&self, source: &Source, from: Option<&Source>) -> Result<Credentials, CredentialsError> {
        let role = if from.is_some() { self.copier_of(source) } else { self.role_of(source) };
        if let Some(role) = role {
            return self.assume(&role, source, from).await;
        }
        match &self.signer {
            Signer::Static(credentials) => Ok(credentials.clone()),
            Signer::Environment | Signer::Role { .. } => Credentials::from_environment()?.with_known_end(),
        }
    }

    /// One session of `role`, whose policy allows what reading this source takes, or copying into it from another, and nothing else (SECURITY T14, T22).
    pub(crate) async fn assume(&self, role: &Role, source: &Source, from: Option<&Source>) -> Result<Credentials, CredentialsError> {
        let policy = from.map_or_else(|| session_policy(source, &role.arn), |from| copy_policy(from, source, &role.arn));
        let ask = self
            .sts()?
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(SESSION_NAME)
            .duration_seconds(SESSION_SECS)
            .policy(policy)
            .set_external_id(role.external_id.clone());
        let given = ask.send().await.map_err(|why| refusal(&role.arn, &why))?.credentials.ok_or(CredentialsError::Unreachable)?;
        let until = Timestamp::from_second(given.expiration.secs()).map_err(|_out_of_range| CredentialsError::Unreachable)?;
        Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), Some(until)))
    }

    /// The one client of the token service, made when it is first needed.
    fn sts(&self) -> Result<&Client, CredentialsError> {
        if let Some(client) = self.sts.get() {
            return Ok(client);
        }
        let caller = match &self.signer {
            Signer::Static(credentials) => credentials.clone(),
            Signer::Role { .. } | Signer::Environment => Credentials::from_environment()?,
        };
        let region = env::var("AWS_REGION").or_else(|_| env::var("AWS_DEFAULT_REGION")).unwrap_or_else(|_| "us-east-1".to_owned());
        let backoff = Duration::from_millis(STS_BACKOFF_MS);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(STS_CONNECT_MS))
            .operation_attempt_timeout(Duration::from_millis(STS_TRY_MS))
            .build();
        let mut config = aws_sdk_sts::Config::builder();
        config.set_endpoint_url(self.sts_endpoint.clone());
        let config = config
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(caller.for_sdk())
            .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(backoff).with_max_backoff(backoff))
            .timeout_config(timeouts)
            .build();
        Ok(self.sts.get_or_init(|| Client::from_conf(config)))
    }
}

/// Why STS gave nothing. Its text may name accounts, so it goes to the log and only its code further.
fn refusal<E>(role: &str, why: &SdkError<E>) -> CredentialsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    tracing::warn!(role.arn = role, error = %DisplayErrorContext(why), "the role `{role}` cannot be assumed");
    match why {
        SdkError::ServiceError(service) if service.raw().status().is_client_error() => {
            CredentialsError::Refused { role: role.to_owned(), code: service.err().code().unwrap_or("Unknown").to_owned() }
        }
        _ => CredentialsError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T17, T22
    #[test]
    fn the_environment_signs_only_where_its_end_is_known() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let token = ("AWS_SESSION_TOKEN", "token");
        let end = "2026-01-31T12:00:00Z";
        let with = |more: &[(&str, &str)]| {
            let all = [&keys[..], more].concat();
            let read = |name: &str| all.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
            Credentials::from_variables(read).and_then(Credentials::with_known_end).map(|found| found.until)
        };
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&[("AWS_SESSION_TOKEN", "")]), Ok(None));
        assert_eq!(with(&[token]), Err(CredentialsError::EndUnknown));
        assert_eq!(with(&[token, ("AWS_CREDENTIAL_EXPIRATION", "soon")]), Err(CredentialsError::EndUnknown));
        assert_eq!(with(&[token, ("AWS_CREDENTIAL_EXPIRATION", end)]), Ok(Some(end.parse().unwrap())));
        assert_eq!(Credentials::from_variables(|_| None), Err(CredentialsError::Environment));
    }

    #[test]
    fn credentials_sign_until_too_little_is_left_before_their_margin() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let credentials = Credentials::new("AKID", "secret", None, Some(at(1_000)));
        assert!(credentials.can_sign(at(965)) && !credentials.can_sign(at(966)));
        assert!(Credentials::new("AKID", "secret", None, None).can_sign(at(i64::from(u32::MAX))));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = Credentials::new("AKID", "hunter2", Some("t0ken".to_owned()), None);
        let printed = format!("{credentials:?} {:#?}", Signer::Static(credentials.clone()));
        assert!(printed.contains("AKID") && !printed.contains("hunter2") && !printed.contains("t0ken"), "{printed}");
    }
}
