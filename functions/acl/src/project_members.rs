//! `/api/v1/projects/{id}/members`: who is in a project, and as what.

use axum::response::Response;
use domain::{decision::Action, grant::ProjectRole, id::UserId, limits::BATCH_ITEMS_MAX, project::Project, timing::Timing, token::Scope};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, projects::ParticipantsSet};

use crate::{
    effects::{self, Supposed, Trial},
    group::too_many,
    invite_person::{into_project, strangers},
    paged::Ask,
    project::{In, load},
    subject::person,
};

/// Lists who is in a project and as what, for whoever is.
///
/// # Errors
/// 404 for a project that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/projects/{id}/members", tag = "projects", operation_id = "list_project_members", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The project's id or name"), Ask),
    responses((status = 200, description = "A page of members", body = wire::page::Page<wire::project::Participant>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let In { project, .. } = load(&app, &caller, &id, Action::See, now).await?;
    let listing = Listing::new(&format!("/api/v1/projects/{}/members", project.id), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.participants(project.id, &page).await?;
    let people = app.table.users(&found.items.iter().map(|part| part.user).collect::<Vec<_>>()).await?;
    let items = found.items.iter().map(|part| wire::project::Participant {
        user: part.user.to_string(),
        name: people.iter().find(|person| person.id == part.user).map(|person| person.name.clone()).unwrap_or_default(),
        role: part.role.word().to_owned(),
        since: part.at.to_string(),
    });
    listing.answer(&app, &caller, items.collect(), found.next.as_deref(), now)
}

/// Takes up to 1,000 people into a project, or gives them another role in it, by a manager; or with `dry_run` says what that would do. Those
/// who are in it as asked stay. Where people are asked first (`OFFPRINT_DIRECTORY`), those whom the caller is not connected with are invited, at most 100
/// people are named at a time, and a dry run says what it does once they accept.
///
/// # Errors
/// 403 for a member who manages it not, 403 `blocked`, 409 `last-manager`, 422 for somebody who is not there. Of people who are invited: 409
/// `declined-lately`, 429 `too-many-invitations`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/members", tag = "projects", operation_id = "add_project_members", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::project::ParticipantsAsk,
    responses((status = 202, description = "Somebody is invited, and comes in by accepting", body = wire::project::ParticipantsChanged), (status = 200, description = "How many changed, or what the change would do", body = wire::project::ParticipantsChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn add(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::project::ParticipantsAsk>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/projects/{id}/members"), &bytes);
    let role = match ask.role.as_deref() {
        None => ProjectRole::Member,
        Some(word) => ProjectRole::of(word).ok_or_else(|| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "project-role", "there is no such role in a project")
                .at("/role")
                .hint("`member`, `leader` or `manager`")
        })?,
    };
    change(&app, &caller, &id, &ask.users, (Some(role), trial.dry_run), once).await
}

/// Takes up to 1,000 people out of a project, by a manager; or with `dry_run` says what that would do. One manager stays.
///
/// # Errors
/// 403 for a member who manages it not, 409 `last-manager`, 422 for somebody who is not there.
#[utoipa::path(post, path = "/api/v1/projects/{id}/members/remove", tag = "projects", operation_id = "remove_project_members", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::project::ParticipantsOut,
    responses((status = 200, description = "How many were in it, and when that is in force everywhere, or what it would do", body = wire::project::ParticipantsChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn remove(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::project::ParticipantsOut>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/projects/{id}/members/remove"), &bytes);
    change(&app, &caller, &id, &ask.users, (None, trial.dry_run), once).await
}

/// Leaves a project. Datasets that the caller put into it stay there.
///
/// # Errors
/// 404 for a project that the caller is not in, 409 `last-manager`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/leave", tag = "projects", operation_id = "leave_project", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "When that is in force everywhere", body = wire::project::ParticipantsChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn leave(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/projects/{id}/leave"), b"");
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // Left already, and perhaps taken in again since: a replay leaves nothing.
        return Ok(answer(&app, &id, ParticipantsSet { changed: 1, narrows: true }));
    }
    let In { project, permit, .. } = load(&app, &caller, &id, Action::See, now).await?;
    // Whoever is in it may leave, but not by a token that only reads.
    caller.needs(Scope::Groups)?;
    let set = app.table.set_participants(&permit, &project, &[caller.user.id], None, once.as_ref(), now).await?;
    Ok(answer(&app, &project.id.to_string(), set))
}

async fn change(
    app: &App,
    caller: &Caller,
    id: &str,
    users: &[String],
    (wanted, dry_run): (Option<ProjectRole>, bool),
    once: Option<table::once::Once>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.filter(|_| !dry_run);
    let done = app.table.once_if(caller.user.id, once.as_ref(), now).await?;
    let In { project, permit, .. } = match (load(app, caller, id, Action::Gather, now).await, done) {
        // Whoever sent it may be no manager any more, by that very request.
        (Err(_no_more), Some(done)) => return Ok(answer(app, id, ParticipantsSet::read(&done)?)),
        (loaded, _) => loaded?,
    };
    if users.len() > BATCH_ITEMS_MAX {
        return Err(too_many("/users"));
    }
    let mut people: Vec<UserId> = Vec::with_capacity(users.len());
    for text in users {
        // An id is checked where it is written.
        people.push(match UserId::parse(text) {
            Ok(id) => id,
            Err(_a_name) => person(app, text, "/users").await?.id,
        });
    }
    let asked_first = match wanted.filter(|_| !dry_run) {
        Some(_role) => outsiders(app, caller, &project, &people, now).await?,
        None => Vec::new(),
    };
    if dry_run {
        if wanted.is_some() {
            app.table.may_let_in(caller.user.id).await?;
        }
        let everybody = app.table.everybody_in(project.id).await?;
        let mut managers = everybody.iter().filter(|part| part.role == ProjectRole::Manager);
        if wanted != Some(ProjectRole::Manager) && managers.all(|part| people.contains(&part.user)) {
            return Err(TableError::LastManager.into());
        }
        let supposed = Supposed::members(app, &project, people, wanted).await?;
        let effects = Some(effects::of(app, caller, &supposed, now).await?);
        return Ok(json::ok(&wire::project::ParticipantsChanged { effects, ..unchanged(&project.id.to_string()) }));
    }
    if let (Some(role), false) = (wanted, asked_first.is_empty()) {
        people.retain(|person| !asked_first.contains(person));
        let set = if people.is_empty() {
            ParticipantsSet::default()
        } else {
            app.table.set_participants(&permit, &project, &people, wanted, once.as_ref(), now).await?
        };
        let invited = into_project(app, caller, (&permit, project.id), (&asked_first, role), once.as_ref()).await?;
        return Ok(json::accepted(&wire::project::ParticipantsChanged { invited, ..changed(app, &project.id.to_string(), set) }));
    }
    let set = app.table.set_participants(&permit, &project, &people, wanted, once.as_ref(), now).await?;
    // Where they are so already, perhaps the reply to the change was lost: from here its bound is later, and holds too.
    let narrows = set.narrows || (set.changed == 0 && wanted != Some(ProjectRole::Manager));
    Ok(answer(app, &project.id.to_string(), ParticipantsSet { narrows, ..set }))
}

/// Those of some people who are not in a project, and whom the caller may not take into it without asking them.
async fn outsiders(app: &App, caller: &Caller, project: &Project, people: &[UserId], now: Timestamp) -> Result<Vec<UserId>, Problem> {
    let strangers = strangers(app, caller, people, now).await?;
    let mut outsiders = Vec::new();
    for person in strangers {
        if app.table.participant(project.id, person).await?.is_none() {
            outsiders.push(person);
        }
    }
    Ok(outsiders)
}

fn answer(app: &App, project: &str, set: ParticipantsSet) -> Response {
    json::ok(&changed(app, project, set))
}

fn changed(app: &App, project: &str, set: ParticipantsSet) -> wire::project::ParticipantsChanged {
    let enforced_by = set.narrows.then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    wire::project::ParticipantsChanged { changed: set.changed, enforced_by, ..unchanged(project) }
}

fn unchanged(project: &str) -> wire::project::ParticipantsChanged {
    wire::project::ParticipantsChanged { project: project.to_owned(), changed: 0, enforced_by: None, invited: Vec::new(), effects: None }
}
