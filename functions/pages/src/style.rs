//! The style sheet, the icon and the script: compiled in, under names that change with them, so that browsers may keep them for good.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use edge::problem::Problem;
use http::header;
use sha2::{Digest, Sha256};

/// What a page needs besides itself.
struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, text: &'static str) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
        Self { name: format!("{stem}-{}.{ending}", hash.get(..16).unwrap_or_default()), kind, text }
    }

    fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../assets/style.css")));
static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg")));

static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("copy-button", "js", "text/javascript; charset=utf-8", include_str!("../assets/copy-button.js")));

/// The address of the script.
pub(crate) fn script() -> String {
    SCRIPT.address()
}

/// The address of the style sheet.
pub(crate) fn style() -> String {
    STYLE.address()
}

/// The address of the icon.
pub(crate) fn icon() -> String {
    ICON.address()
}

/// Answers with one of them, under its present name only.
///
/// # Errors
/// 404 for any other name.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = [&*STYLE, &*ICON, &*SCRIPT].into_iter().find(|asset| asset.name == name).ok_or_else(Problem::not_found)?;
    let headers = [(header::CONTENT_TYPE, found.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, found.text).into_response())
}
