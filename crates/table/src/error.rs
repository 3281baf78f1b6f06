//! Why the table did not do as asked. Statuses are picked in `edge/problem.rs`.

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use thiserror::Error;

/// Why the table did not do as asked. None of it holds a key, a token or a person's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// It changed since it was read: read and decide again.
    #[error("it changed since it was read")]
    Stale,
    /// There is one already, and another.
    #[error("{what} is there already")]
    Exists {
        /// What is there.
        what: &'static str,
    },
    /// Two sources over the same keys could have different ceilings (SECURITY T16).
    #[error("the prefix overlaps that of source `{other}`")]
    Overlap {
        /// The source that is there already.
        other: String,
    },
    /// The idempotency key stands for another request.
    #[error("the idempotency key was used for another request")]
    Mismatch,
    /// The store asks for patience, or too many write the same. Nothing was written.
    #[error("the table is busy")]
    Throttled,
    /// The store did not answer as it should. Whether anything was written is not known: send the same request, with the same idempotency key, again.
    #[error("the table cannot be reached: `{why}`")]
    Unavailable {
        /// The store's error code, or what went wrong on the way.
        why: String,
    },
    /// A row that this version cannot judge, or one that is missing where it must be: never a yes.
    #[error("{what} cannot be read by this version")]
    Unreadable {
        /// Which row.
        what: &'static str,
    },
    /// The permit is for something else.
    #[error("the permit was given for something else")]
    NotForThis,
    /// It is not there.
    #[error("{what} is not there")]
    Missing {
        /// What is not.
        what: &'static str,
    },
    /// Whoever would let others in is blocked at a source.
    #[error("who is blocked at a source lets nobody in, and makes no policy wider")]
    Blocked,
    /// A position in a list that was never given out.
    #[error("not a position in this list")]
    Position,
    /// A dataset's path is longer than a claim on it can be.
    #[error("a dataset's path has at most `1000` bytes")]
    PathTooLong,
    /// Other datasets lie in one that is to be retired.
    #[error("other datasets lie in it")]
    HoldsOthers,
    /// A project would be left without a manager.
    #[error("a project has one manager at the least")]
    LastManager,
    /// More than one transaction takes of what is given or changed together, with all that the right to do it rests on.
    #[error("one write has at most `{max}` changes and checks of what they rest on")]
    TooMuch {
        /// How many.
        max: usize,
    },
    /// As many as there may be.
    #[error("there are at most `{max}` {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
}

/// What a failed call says about its effect.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No effect; worth another try after a pause.
    Throttled,
    /// Nobody knows whether it had its effect.
    Unknown(String),
    /// No effect, and another try would end alike.
    Refused(String),
}

impl Fault {
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let code = error.code().unwrap_or("no code").to_owned();
        match error {
            SdkError::TimeoutError(_) => Self::Unknown("timeout".to_owned()),
            SdkError::DispatchFailure(_) => Self::Unknown("no connection".to_owned()),
            SdkError::ResponseError(_) => Self::Unknown("no answer that can be read".to_owned()),
            SdkError::ServiceError(answer) if is_throttle(&code) => {
                tracing::debug!(table.code = code, http.status = answer.raw().status().as_u16(), "the table throttles");
                Self::Throttled
            }
            SdkError::ServiceError(answer) if answer.raw().status().is_server_error() => Self::Unknown(code),
            _ => Self::Refused(code),
        }
    }
}

impl From<Fault> for TableError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Throttled => Self::Throttled,
            Fault::Unknown(why) | Fault::Refused(why) => Self::Unavailable { why },
        }
    }
}

fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded" | "TransactionConflictException"
    )
}
