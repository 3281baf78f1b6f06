//! `/api/v1/me/invitations`: what waits for the caller, who accepts or declines (ACCESS 7).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    id::{DatasetId, ProjectId},
    invitation::Target,
};
use edge::{
    App, answering,
    asked::{Filters, Id, Listing},
    caller::Caller,
    invitations::place,
    json,
    once::Once,
    problem::Problem,
};

use crate::{
    invitation::{all_shown, one_shown},
    paged::Ask,
};

/// Lists what waits for the caller: datasets and projects that somebody invites to whom the caller is not connected with, as long as whoever sent it
/// may still give it. A page may be short, even empty, before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/me/invitations", tag = "about", operation_id = "list_my_invitations", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of invitations", body = wire::page::Page<wire::grant::Invitation>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn mine(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/me/invitations", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.invitations_of(caller.user.id, &page).await?;
    let mut waiting = Vec::new();
    let mut places = Vec::new();
    for invitation in found.items.into_iter().filter(|invitation| invitation.waits(now)) {
        if let Some(place) = place(&app, caller.user.id, &invitation, now).await? {
            places.push(place);
            waiting.push(invitation);
        }
    }
    let senders = app.table.users(&waiting.iter().map(|invitation| invitation.by).collect::<Vec<_>>()).await?;
    let items = all_shown(&app, &waiting, now).await?.into_iter().zip(places).map(|(shown, place)| {
        let by_name = senders.iter().find(|sender| sender.id.to_string() == shown.by).map(|sender| sender.name.clone());
        wire::grant::Invitation { place: Some(place), by_name, ..shown }
    });
    let items = items.collect();
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Accepts what waits for the caller, by the id of the dataset or project: what it says is given by whoever sent it, who may give it still. Whoever has
/// as much already keeps that.
///
/// # Errors
/// 404 where nothing waits, or waited, for the caller; 409 `invitation-over` where it was answered, taken back or has ended, or whoever sent it may give
/// it no more.
#[utoipa::path(post, path = "/api/v1/me/invitations/{id}/accept", tag = "about", operation_id = "accept_invitation", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The dataset's or project's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "The invitation, which is met", body = wire::grant::Invitation), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn accept(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/me/invitations/{id}/accept"), b"");
    let met = answering::accept_invitation(&app, &caller, target(&id)?, (None, once.as_ref())).await?;
    Ok(json::ok(&one_shown(&app, &met, app.now()).await?))
}

/// Declines what waits for the caller, by the id of the dataset or project. Nobody invites the caller to the same again before it would have ended.
///
/// # Errors
/// As for accepting it. One that was declined stays so.
#[utoipa::path(post, path = "/api/v1/me/invitations/{id}/decline", tag = "about", operation_id = "decline_invitation", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The dataset's or project's id")),
    responses((status = 200, description = "The invitation as it is now", body = wire::grant::Invitation), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn decline(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let declined = answering::decline_invitation(&app, &caller, target(&id)?, None).await?;
    Ok(json::ok(&one_shown(&app, &declined, app.now()).await?))
}

/// # Errors
/// 404 for what is the id of no dataset and no project.
fn target(id: &str) -> Result<Target, Problem> {
    let dataset = DatasetId::parse(id).map(Target::Dataset).ok();
    dataset.or_else(|| ProjectId::parse(id).map(Target::Project).ok()).ok_or_else(Problem::not_found)
}
