//! The Lambda door of `links`, the only function that reads what link keys are derived from.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use domain::key::DeploymentSecret;
use edge::{
    config::ConfigError,
    lambda::{self, Reply},
    secret,
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

/// The deployment's secret.
async fn read(arn: &str) -> Result<DeploymentSecret, lambda_http::Error> {
    Ok(DeploymentSecret::new(secret::read(arn).await?.into_bytes())?)
}
