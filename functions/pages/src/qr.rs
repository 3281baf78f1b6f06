//! `/s/{key}/qr.svg` and `/s/{key}/qr.png`: the QR code of a link's page (L16), whatever the link's state, for what is printed stays.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use edge::{
    App,
    pass::link_in_page,
    problem::Problem,
    qr::{Qr, QrError},
};
use http::{header, request::Parts};

use crate::{link::about, origin::Origin, page::lost};

/// Draws the code as SVG. A link's own code is drawn, where it has one, rather than its key.
///
/// # Errors
/// 404 for what is no link, 429 for whoever guessed too much.
pub(crate) async fn svg(app: App, parts: Parts, Path(text): Path<String>) -> Result<Response, Problem> {
    drawn(&app, &parts, &text, "image/svg+xml", |qr| Ok(qr.svg().into_bytes())).await
}

/// Draws the same as PNG, of 1,200 pixels a side or a little more.
///
/// # Errors
/// As [`svg`].
pub(crate) async fn png(app: App, parts: Parts, Path(text): Path<String>) -> Result<Response, Problem> {
    drawn(&app, &parts, &text, "image/png", Qr::png).await
}

async fn drawn(
    app: &App,
    parts: &Parts,
    text: &str,
    kind: &'static str,
    draw: impl FnOnce(&Qr) -> Result<Vec<u8>, QrError>,
) -> Result<Response, Problem> {
    let (key, facts) = link_in_page(app, parts, text, app.now()).await?;
    let code = facts.link.code.map(|code| code.to_string());
    let page = Origin::from_parts(parts).at(&format!("/s/{}", code.clone().unwrap_or_else(|| key.reveal())));
    let picture = Qr::of(&page, code.is_some()).and_then(|qr| draw(&qr)).map_err(|why| lost("a QR code could not be drawn", &why))?;
    Ok(about(&facts, ([(header::CONTENT_TYPE, kind)], picture).into_response()))
}
