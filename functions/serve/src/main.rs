//! The Lambda door of `serve`.

use edge::lambda::{self, Reply};
use serve::DataOrigin;

/// One request at a time is what Lambda gives a process, so one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = lambda::app()?;
    let config = app.config.clone();
    lambda::run(DataOrigin::new(app), config, Reply::Streamed).await
}
