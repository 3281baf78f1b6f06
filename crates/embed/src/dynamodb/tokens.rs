//! The tokens of transactions: the same one within ten minutes is the same transaction, done (`TransactWriteItems` in the `DynamoDB` API
//! reference).
//!
//! `dynoxide` keeps tokens too, but looks through all of them at each write: with a hundred thousand, a write takes several times as long.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynoxide::DynoxideError;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;

/// How long a token is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);
/// Bytes of a token; `dynoxide` refuses a longer one.
const TOKEN_BYTES_MAX: usize = 36;

/// The tokens of the last ten minutes and what their transactions were answered.
#[derive(Default)]
pub(super) struct Tokens {
    kept: Mutex<Kept>,
    hasher: RandomState,
}

#[derive(Default)]
struct Kept {
    /// The hash of the request, and the answer.
    answers: HashMap<Arc<str>, (u64, Vec<u8>)>,
    by_age: VecDeque<(Instant, Arc<str>)>,
}

impl Tokens {
    /// Runs a transaction, unless one with its token was done. `body` is the request as it came. A failed one is not remembered.
    pub(super) fn once(
        &self,
        mut asked: TransactWriteItemsRequest,
        body: &[u8],
        run: impl FnOnce(TransactWriteItemsRequest) -> Result<Vec<u8>, DynoxideError>,
    ) -> Result<Vec<u8>, DynoxideError> {
        let fits = |token: &mut String| (1..=TOKEN_BYTES_MAX).contains(&token.len());
        let Some(token) = asked.client_request_token.take_if(fits) else { return run(asked) };
        let request = self.hasher.hash_one(body);
        // Held until the transaction is done: another with its token waits.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(Instant::now());
        match kept.answers.get(token.as_str()) {
            Some((same, answer)) if *same == request => Ok(answer.clone()),
            Some(_other) => {
                Err(DynoxideError::IdempotentParameterMismatchException("the token was used for another transaction".to_owned()))
            }
            None => {
                let answer = run(asked)?;
                kept.remember(token.into(), request, answer.clone());
                Ok(answer)
            }
        }
    }
}

impl Kept {
    fn remember(&mut self, token: Arc<str>, request: u64, answer: Vec<u8>) {
        self.by_age.push_back((Instant::now(), Arc::clone(&token)));
        self.answers.insert(token, (request, answer));
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, token)) = self.by_age.pop_front_if(|(since, _)| now.saturating_duration_since(*since) >= REMEMBERED) {
            self.answers.remove(&token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_forgotten_after_ten_minutes() {
        let mut kept = Kept::default();
        kept.remember("a".into(), 1, Vec::new());
        let remembered = Instant::now();
        kept.forget(remembered + REMEMBERED / 2);
        assert!(kept.answers.contains_key("a"));
        kept.forget(remembered + REMEMBERED);
        assert!(kept.answers.is_empty() && kept.by_age.is_empty());
    }
}
