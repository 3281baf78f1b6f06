//! The Lambda door of `links`, the only function that reads what link keys are derived from.

use std::sync::Arc;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use domain::key::DeploymentSecret;
use edge::{
    config::ConfigError,
    lambda::{self, Reply},
};

/// One request at a time is what Lambda gives a process, so one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = lambda::app()?;
    let config = app.config.clone();
    let secret = secret(config.secret_arn.as_deref().ok_or(ConfigError::Missing { name: "OFFPRINT_SECRET_ARN" })?).await?;
    lambda::run(links::router(app, Arc::new(secret)), config, Reply::Buffered).await
}

/// The deployment's secret, from Secrets Manager, with the function's own credentials.
async fn secret(arn: &str) -> Result<DeploymentSecret, lambda_http::Error> {
    let set = |name: &'static str| std::env::var(name).map_err(|_unset| ConfigError::Missing { name });
    let credentials =
        Credentials::new(set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?, set("AWS_SESSION_TOKEN").ok(), None, "environment");
    let endpoint = set("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|_| set("AWS_ENDPOINT_URL")).ok();
    let settings = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(set("AWS_REGION")?))
        .credentials_provider(credentials);
    let settings = endpoint.map_or_else(|| settings.clone(), |url| settings.clone().endpoint_url(url)).build();
    let answer = aws_sdk_secretsmanager::Client::from_conf(settings).get_secret_value().secret_id(arn).send().await?;
    Ok(DeploymentSecret::new(answer.secret_string().unwrap_or_default().as_bytes().to_vec())?)
}
