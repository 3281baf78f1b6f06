//! The Lambda door of `copies`.

use copies::Copies;
use edge::lambda;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

/// One event at a time is what Lambda gives a process, and the stores do the work: one thread is enough.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let copies = Copies::new(lambda::app()?);
    let answer = move |event: LambdaEvent<Value>| {
        let copies = copies.clone();
        async move {
            let ends = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
            Ok::<_, Error>(Box::pin(copies.until(ends).answer(&event.payload)).await?)
        }
    };
    lambda_runtime::run(service_fn(answer)).await
}
