//! `POST /api/v1/links/resolve`: which link a URL belongs to, for whoever may know of it.

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    decision::{Action, Facts},
    key::LinkKey,
};
use edge::{App, caller::Caller, json, json::Body, problem::Problem};

use crate::show::{Shown, about};

/// Finds a link by its URL, by the URL of anything in it, or by its key. Holding the key is not enough: the link must be the caller's.
///
/// # Errors
/// 404 for a text that holds no key, a key that opens nothing, and a stranger's link.
#[utoipa::path(post, path = "/api/v1/links/resolve", tag = "links", operation_id = "resolve_link", security(("token" = ["read"])),
    request_body = wire::link::ResolveAsk,
    responses((status = 200, description = "The link; `ETag` is its version", body = wire::link::Link), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn resolve(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Body { ask, .. }: Body<wire::link::ResolveAsk>,
) -> Result<Response, Problem> {
    let now = app.now();
    let key = key_in(&ask.url).ok_or_else(Problem::not_found)?;
    let facts = Arc::new(app.table.link_for(key.hash(), caller.user.id, now).await?.ok_or_else(Problem::not_found)?);
    let _may_see = caller.may(Action::See, &Facts::Link(Arc::clone(&facts)), now)?;
    Ok(about(&facts, json::ok(&shown.link(&facts, &caller, now))))
}

/// The key in an address: its first segment on the data origin, `-s` or not, or the one after `/s/` on the app origin.
pub(crate) fn key_in(text: &str) -> Option<LinkKey> {
    let text = text.trim();
    let path = text.split_once("://").map_or(Some(text), |(_, rest)| rest.split_once('/').map(|(_, path)| path))?;
    let mut segments = path.split(['/', '?', '#']).filter(|segment| !segment.is_empty());
    let first = segments.next()?;
    let segment = if first.eq_ignore_ascii_case("s") { segments.next()? } else { first };
    LinkKey::parse(segment.strip_suffix("-s").unwrap_or(segment)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_addresses_have_it_and_nowhere_else() {
        let key = "abcdefghijklmnopqrstuvwxyz234567";
        for text in [
            key.to_owned(),
            format!("  {key}\n"),
            format!("https://data.example.org/{key}/a.zarr"),
            format!("http://127.0.0.1:9000/{key}-s/a.zarr/0/c/0"),
            format!("https://data.example.org/{key}?list-type=2"),
            format!("https://app.example.org/s/{key}"),
            format!("/{key}/x"),
        ] {
            assert_eq!(key_in(&text).map(|key| key.reveal()).as_deref(), Some(key), "{text}");
        }
        for text in [
            "",
            "https://data.example.org",
            "https://data.example.org/",
            "l234",
            &format!("https://data.example.org/x/{key}"),
            &key.to_uppercase(),
        ] {
            assert!(key_in(text).is_none(), "{text}");
        }
    }
}
