//! `/links/{id}/revoke`: what revoking means, before it is done.

use askama::Template;
use axum::response::Response;
use edge::{App, asked::Id};
use serde::Deserialize;
use wire::link::{Changed, Link, RevokeAsk};

use crate::{
    api::How,
    form::{OwnForm, typed},
    link_page::{OneLink, address},
    maker::{Done, Maker},
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong, status_of},
    words::STAYS,
};

/// Why.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "link_revoke.html")]
struct Revoke {
    frame: Frame,
    link: OneLink,
    reason: String,
    stays: &'static str,
    wrong: Option<Wrong>,
}

/// Says what it means.
///
/// # Errors
/// 404 for a link that is not the person's to know of; those of the API.
pub(crate) async fn show(app: App, maker: Maker, Id(id): Id) -> Result<Response, Refused> {
    shown(&app, &maker, &id, Ask::default(), None).await
}

/// Revokes it for good.
///
/// # Errors
/// 403 `cross-site`, 404, and what the API refuses that no other form would change.
pub(crate) async fn revoke(app: App, maker: Maker, Id(id): Id, OwnForm(ask): OwnForm<Ask>) -> Result<Response, Refused> {
    let reason = typed(&ask.reason);
    match maker.api.act::<Changed>(&["links", &id, "revoke"], How::default(), &RevokeAsk { reason }).await {
        Ok(changed) => Done::lead(&app, &maker.caller, &address(&id), "revoke", changed.enforced_by.as_deref()),
        Err(refused) => shown(&app, &maker, &id, ask, Some(refused.on_form()?)).await,
    }
}

async fn shown(app: &App, maker: &Maker, id: &str, ask: Ask, wrong: Option<Wrong>) -> Result<Response, Refused> {
    let link: Link = maker.api.get(&["links", id], &[]).await?;
    let revoke = Revoke {
        frame: Frame::of_part(&maker.caller, "links"),
        link: OneLink::of(&link, &maker.caller.user.id.to_string(), app),
        reason: plain(&ask.reason),
        stays: STAYS,
        wrong,
    };
    Ok(scripted(status_of(revoke.wrong.as_ref()), &revoke)?)
}
