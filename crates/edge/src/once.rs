//! `Idempotency-Key`: the same request sent twice has its effect once.

use axum::extract::FromRequestParts;
use domain::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use http::{StatusCode, request::Parts};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// The key that a client gave, if any: 1 to 128 visible characters.
#[derive(Debug, Clone, Default)]
pub struct Once(pub Option<String>);

impl Once {
    /// The key beside the request that it was given with, as the table keeps the two: another request under the same key is refused.
    #[must_use]
    pub fn of(&self, operation: &str, body: &[u8]) -> Option<table::once::Once> {
        self.0.as_ref().map(|key| table::once::Once { key: key.clone(), request: request_hash(operation, body) })
    }

    /// The key of one item of a batch.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        Self(self.0.as_ref().map(|key| format!("{key}#{index}")))
    }
}

/// What tells two requests under one key apart: SHA-256 of the operation and its body.
#[must_use]
pub fn request_hash(operation: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let legal = |text: &&str| (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match value.to_str().ok().filter(legal) {
            Some(text) => Ok(Self(Some(text.to_owned()))),
            None => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency-key",
                "the header `Idempotency-Key` has 1 to 128 visible characters",
            )
            .hint("a random UUID will do")),
        }
    }
}
