//! What Lambda hands over: the strike of a clock. It only says when to look; what is due is read from the table.

use edge::lambda;
use serde_json::{Value, json};
use table::TableError;
use thiserror::Error;

use crate::Copies;

/// A call that came to nothing: the next strike of the clock does what it was for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// Not the clock's.
    #[error("no scheduled event: what else calls this function is not in template.yaml")]
    Unknown,
    /// What is due could not be looked for.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Copies {
    /// Goes on with what is due, for as long as there is something, and time for it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(&self, event: &Value) -> Result<Value, CallError> {
        if !lambda::is_strike(event) {
            return Err(CallError::Unknown);
        }
        let mut turns = 0_usize;
        loop {
            let taken = Box::pin(self.round()).await?;
            turns = turns.saturating_add(taken);
            if taken == 0 {
                break;
            }
        }
        if turns > 0 {
            tracing::info!(turns, "copies were gone on with");
        }
        Ok(json!({}))
    }
}
