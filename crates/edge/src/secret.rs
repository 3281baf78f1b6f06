//! A secret of Secrets Manager's, read with the function's own credentials: which one that may be, its role says.

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};

use crate::config::ConfigError;

/// The text of a secret; an empty one where it has none.
///
/// # Errors
/// The setting of Lambda's that is missing, or what Secrets Manager said.
pub async fn read(arn: &str) -> Result<String, lambda_http::Error> {
    let set = |name: &'static str| std::env::var(name).map_err(|_unset| ConfigError::Missing { name });
    let credentials =
        Credentials::new(set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?, set("AWS_SESSION_TOKEN").ok(), None, "environment");
    let endpoint = set("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|_| set("AWS_ENDPOINT_URL")).ok();
    let mut settings = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(set("AWS_REGION")?))
        .credentials_provider(credentials);
    settings.set_endpoint_url(endpoint);
    let answer = Client::from_conf(settings.build()).get_secret_value().secret_id(arn).send().await?;
    Ok(answer.secret_string().unwrap_or_default().to_owned())
}
