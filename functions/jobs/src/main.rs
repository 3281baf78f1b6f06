//! The Lambda door of `jobs`.

use std::sync::Arc;

use edge::{App, config::ConfigError, lambda, secret};
use jiff::Timestamp;
use jobs::{Jobs, MailServer, Post};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

/// How mails leave.
struct Office {
    app: App,
    /// `None`: no server is named, and what waits stays.
    server: Option<MailServer>,
    from: String,
    /// The secret by which the server knows us; `None`: it asks for none.
    secret_arn: Option<String>,
    /// Made when it is needed first, and anew after a mail that was not handed over: the password may be another by then.
    post: Mutex<Option<Post>>,
}

/// As whom a mail server knows us: what the secret says, as JSON.
#[derive(Deserialize)]
struct Account {
    username: String,
    password: String,
}

/// One event at a time is what Lambda gives a process, so one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = lambda::app()?;
    let set = |name: &str| std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let server = set("OFFPRINT_MAIL_SERVER").map(|text| text.parse()).transpose()?;
    let from = set("OFFPRINT_MAIL_FROM");
    if server.is_some() && from.is_none() {
        return Err(ConfigError::Missing { name: "OFFPRINT_MAIL_FROM" }.into());
    }
    let secret_arn = set("OFFPRINT_MAIL_SECRET_ARN");
    let office = Arc::new(Office { app, server, from: from.unwrap_or_default(), secret_arn, post: Mutex::default() });
    let answer = move |event: LambdaEvent<Value>| {
        let office = Arc::clone(&office);
        async move { Box::pin(office.answer(event)).await }
    };
    lambda_runtime::run(service_fn(answer)).await
}

impl Office {
    async fn answer(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let Some(server) = &self.server else { return Ok(Box::pin(jobs::keep(&self.app, &event.payload)).await?) };
        let mut post = self.post.lock().await;
        let by = if let Some(post) = &*post { post.clone() } else { post.insert(self.new_post(server).await?).clone() };
        let ends = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let jobs = Jobs::new(self.app.clone(), by).until(ends);
        let (answer, round) = Box::pin(jobs.answer(&event.payload)).await?;
        if round.failed > 0 {
            *post = None;
        }
        Ok(answer)
    }

    async fn new_post(&self, server: &MailServer) -> Result<Post, Error> {
        let account = match &self.secret_arn {
            // What the text says is in no error.
            Some(arn) => Some(
                serde_json::from_str::<Account>(&secret::read(arn).await?)
                    .map_err(|_why| "the mail server's secret is not JSON with `username` and `password`")?,
            ),
            None => None,
        };
        Ok(Post::server(server, &self.from, account.map(|known| (known.username, known.password)))?)
    }
}
