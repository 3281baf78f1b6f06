//! `POST /api/v1/links/resolve`: which link a URL belongs to, for whoever may know of it.

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    code::Code,
    decision::{Action, Facts},
    key::LinkKey,
};
use edge::{App, caller::Caller, json, json::Body, problem::Problem};

use crate::show::{Shown, about};

/// Finds a link by its URL, by the URL of anything in it, by its key, or by its code. Holding the key is not enough: the link must be the caller's.
///
/// # Errors
/// 404 for a text that holds no key or code, one that opens nothing, and a stranger's link.
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
    let key = match (key_in(&ask.url), code_in(&ask.url)) {
        (Some(key), _) => Some(key),
        (None, Some(code)) => app.table.key_of_code(code).await?,
        (None, None) => None,
    };
    let key = key.ok_or_else(Problem::not_found)?;
    let facts = Arc::new(app.table.link_for(key.hash(), caller.user.id, now).await?.ok_or_else(Problem::not_found)?);
    let _may_see = caller.may(Action::See, &Facts::Link(Arc::clone(&facts)), now)?;
    Ok(about(&facts, json::ok(&shown.link(&facts, &caller, now))))
}

/// The key in an address: its first segment on the data origin, `-s` or not, or the one after `/s/` on the app origin, there in either case.
pub(crate) fn key_in(text: &str) -> Option<LinkKey> {
    match segment_in(text)? {
        (segment, true) => LinkKey::parse(&segment.to_ascii_lowercase()).ok(),
        (segment, false) => LinkKey::parse(segment.strip_suffix("-s").unwrap_or(segment)).ok(),
    }
}

/// The code in an address of the app origin, or by itself.
pub(crate) fn code_in(text: &str) -> Option<Code> {
    let (segment, is_page) = segment_in(text)?;
    let is_alone = segment == text.trim();
    if is_page || is_alone { Code::parse(segment).ok() } else { None }
}

/// The segment of an address that may be a key or a code, and whether a page's.
fn segment_in(text: &str) -> Option<(&str, bool)> {
    let text = text.trim();
    let path = text.split_once("://").map_or(Some(text), |(_, rest)| rest.split_once('/').map(|(_, path)| path))?;
    let mut segments = path.split(['/', '?', '#']).filter(|segment| !segment.is_empty());
    let first = segments.next()?;
    if first.eq_ignore_ascii_case("s") { segments.next().map(|segment| (segment, true)) } else { Some((first, false)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_where_addresses_have_it_and_nowhere_else() {
        let code = Code::parse("7K3M9QXZ").ok();
        for text in
            ["7K3M9QXZ", " 7k3m-9qxz\n", "https://app.example.org/s/7K3M-9QXZ", "HTTPS://APP.EXAMPLE.ORG/S/7K3M9QXZ", "/s/7k3m9qxz/qr.svg"]
        {
            assert_eq!(code_in(text), code, "{text}");
        }
        for text in ["", "https://data.example.org/7K3M9QXZ/x", "https://app.example.org/7K3M9QXZ", "7K3M9QX"] {
            assert_eq!(code_in(text), None, "{text}");
        }
        let key = "https://app.example.org/S/ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        assert_eq!(key_in(key).map(|key| key.reveal()).as_deref(), Some("abcdefghijklmnopqrstuvwxyz234567"));
    }

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
