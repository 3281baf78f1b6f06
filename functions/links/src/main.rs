//! The Lambda door of `links`, the only function that reads what link keys are derived from.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use domain::key::DeploymentSecret;
use edge::{
    config::ConfigError,
    lambda::{self, Reply},
};

/// How long to wait before the secret is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// One request at a time is what Lambda gives a process, so one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = lambda::app()?;
    let config = app.config.clone();
    let arn = config.secret_arn.clone().ok_or(ConfigError::Missing { name: "OFFPRINT_SECRET_ARN" })?;
    let secret = Arc::new(OnceLock::new());
    // Revoking must not wait for the secret: where it cannot be had, the function runs without it and goes on asking.
    if !keep(&secret, &arn).await {
        tokio::spawn(keep_asking(Arc::clone(&secret), arn));
    }
    lambda::run(links::router(app, secret), config, Reply::Buffered).await
}

async fn keep_asking(secret: Arc<OnceLock<DeploymentSecret>>, arn: String) {
    while !keep(&secret, &arn).await {
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether the secret could be had, and is kept.
async fn keep(secret: &OnceLock<DeploymentSecret>, arn: &str) -> bool {
    match read(arn).await {
        Ok(found) => {
            secret.get_or_init(|| found);
            true
        }
        Err(why) => {
            tracing::error!(why = %why, "the deployment's secret cannot be read: no link is made and no URL shown until it can");
            false
        }
    }
}

/// The deployment's secret, from Secrets Manager, with the function's own credentials.
async fn read(arn: &str) -> Result<DeploymentSecret, lambda_http::Error> {
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
