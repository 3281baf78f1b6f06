//! `/api/v1/me/invitations`: what waits for the caller, who accepts or declines (ACCESS 7).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    id::{DatasetId, ProjectId},
    invitation::{Invitation, InvitationState, Invitee, Target},
};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    invitations::{Due, due},
    json,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, invitations::Answer};

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
        if let Some(place) = place(&app, &caller, &invitation, now).await? {
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
    let me = caller.user.id;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let there = to_caller(&app, &caller, &id).await?;
        if app.table.once_if(me, once.as_ref(), now).await?.is_some() {
            // It was done: what has become of it since.
            return Ok(json::ok(&one_shown(&app, &there, now).await?));
        }
        if !there.waits(now) {
            return Err(over());
        }
        let answer = Answer { permit: &permit, once: once.as_ref() };
        let done = match due(&app, me, &there, now).await? {
            Due::NotNow => return Err(over()),
            Due::Needless => app.table.close_invitation(&there, me, once.as_ref(), now).await,
            Due::Grant(due) => {
                let both = (&due.grant, due.there.as_ref());
                app.table.meet(&due.permit, due.grounds(), &there, both, Some(answer), now).await.map(|_grant| ())
            }
            Due::Part(sender) => app.table.join(&sender, &there, answer, now).await.map(|_joined| ()),
        };
        match done {
            Err(TableError::Stale) => rounds.another().await?,
            // Whoever sent it lets nobody in while he is blocked.
            Err(TableError::Blocked) => return Err(over()),
            done => {
                done?;
                return Ok(json::ok(&one_shown(&app, &there.turned(InvitationState::Met), now).await?));
            }
        }
    }
}

/// Declines what waits for the caller, by the id of the dataset or project. Nobody invites the caller to the same again before it would have ended.
///
/// # Errors
/// As for accepting it. One that was declined stays so.
#[utoipa::path(post, path = "/api/v1/me/invitations/{id}/decline", tag = "about", operation_id = "decline_invitation", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The dataset's or project's id")),
    responses((status = 200, description = "The invitation as it is now", body = wire::grant::Invitation), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn decline(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let there = to_caller(&app, &caller, &id).await?;
        if !there.waits(now) && there.state != InvitationState::Declined {
            return Err(over());
        }
        match app.table.decline_invitation(&permit, &there, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            declined => return Ok(json::ok(&one_shown(&app, &declined?, now).await?)),
        }
    }
}

/// What waits, or waited, for the caller there.
async fn to_caller(app: &App, caller: &Caller, id: &str) -> Result<Invitation, Problem> {
    let dataset = DatasetId::parse(id).map(Target::Dataset).ok();
    let target = dataset.or_else(|| ProjectId::parse(id).map(Target::Project).ok()).ok_or_else(Problem::not_found)?;
    app.table.invitation(Invitee::Person(caller.user.id), target).await?.ok_or_else(Problem::not_found)
}

/// What an invitation is to, by its name; `None`: whoever sent it may not give it now, so nothing is told of it.
async fn place(app: &App, caller: &Caller, invitation: &Invitation, now: Timestamp) -> Result<Option<String>, Problem> {
    let named = match (due(app, caller.user.id, invitation, now).await?, invitation.target()) {
        (Due::Grant(due), _) => Some(format!("{}:{}", due.facts.place.source.name.as_str(), due.facts.place.dataset.path)),
        (Due::Part(_), Target::Project(project)) => app.table.project(project).await?.map(|project| project.name),
        (Due::NotNow | Due::Needless, _) | (Due::Part(_), Target::Dataset(_)) => None,
    };
    Ok(named)
}

fn over() -> Problem {
    Problem::new(StatusCode::CONFLICT, "invitation-over", "the invitation does not wait, or whoever sent it may not give it, any more")
        .hint("see what waits for you, or ask whoever sent it")
}
