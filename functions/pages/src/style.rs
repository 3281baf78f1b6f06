//! The style sheet: compiled in, under a name that changes with it, so that browsers may keep it for good.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use edge::problem::Problem;
use http::header;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../assets/style.css");

static NAME: LazyLock<String> = LazyLock::new(|| {
    let hash = HEXLOWER.encode(&Sha256::digest(STYLE.as_bytes()));
    format!("style-{}.css", hash.get(..16).unwrap_or_default())
});

/// Its address.
pub(crate) fn address() -> String {
    format!("/assets/{}", *NAME)
}

/// Answers with it, under its present name only.
///
/// # Errors
/// 404 for any other name.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    if name != *NAME {
        return Err(Problem::not_found());
    }
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, STYLE).into_response())
}
