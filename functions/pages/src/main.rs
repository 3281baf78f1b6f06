//! The Lambda door of `pages`.

use edge::lambda::{self, Reply};

/// One request at a time is what Lambda gives a process, so one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = lambda::app()?;
    let config = app.config.clone();
    lambda::run(pages::router(app), config, Reply::Buffered).await
}
