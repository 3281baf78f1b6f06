//! `/api/v1/projects`: made, listed, shown, changed. Who and what is in one: `project_members.rs`, `project_datasets.rs`.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, Facts, Permit},
    grant::{ClonePolicy, Policy, ProjectRole},
    id::ProjectId,
    project::{Project, project_name},
    rights::Role,
    source::State,
    timing::Timing,
};
use edge::{
    App,
    asked::{Filters, Id, IfMatch, Listing, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
};
use http::StatusCode;
use jiff::Timestamp;
use table::TableError;

use crate::{
    effects::{self, Supposed, Trial},
    paged::Ask,
    source_show::state_word,
};

/// Makes a project. Its maker is its first manager.
///
/// # Errors
/// 409 `exists` for a name that is taken, or was, 422 `name`, `policy`.
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", operation_id = "create_project", security(("token" = ["groups"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::project::NewProject,
    responses((status = 201, description = "The project", body = wire::project::Project), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::project::NewProject>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
    let project = Project {
        id: ProjectId::new(app.new_uuid(now)?),
        name: project_name(&ask.name)?,
        policy: policy(Policy::FIRST, &ask.policy)?,
        managers: 1,
        state: State::Active,
        made: now,
        version: 1,
    };
    let made = app.table.insert_project(&permit, &project, once.of("POST /api/v1/projects", &bytes).as_ref(), now).await?;
    Ok(with_version(json::created(&shown(&made, ProjectRole::Manager)), made.version))
}

/// Lists the projects that the caller is in, those that were joined last first. A page may be short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", operation_id = "list_projects", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of projects", body = wire::page::Page<wire::project::Project>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/projects", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.projects_of(caller.user.id, &page).await?;
    let projects = found.items.iter().map(|(project, part)| shown(project, part.role));
    listing.answer(&app, &caller, projects.collect(), found.next.as_deref(), now)
}

/// Shows a project to whoever is in it: its policy, and the caller's part in it. Its members, datasets and links are lists of their own.
///
/// # Errors
/// 404 for a project that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/projects/{id}", tag = "projects", operation_id = "show_project", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The project's id or name")),
    responses((status = 200, description = "The project; `ETag` is its version", body = wire::project::Project), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let In { project, role, .. } = load(&app, &caller, &id, Action::See, app.now()).await?;
    Ok(with_version(json::ok(&shown(&project, role)), project.version))
}

/// Changes name, policy or state of a project, by a manager; or with `dry_run` says what that would do.
///
/// # Errors
/// 403 for a member who manages it not, 403 `blocked` where the policy would be wider, 412 for another version, 428 without `If-Match`.
#[utoipa::path(patch, path = "/api/v1/projects/{id}", tag = "projects", operation_id = "edit_project", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the project as it was read")),
    request_body(content = wire::project::ProjectEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The project after the change, or with what the change would do", body = wire::project::ProjectChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::project::ProjectEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let In { project: before, role, permit } = load(&app, &caller, &id, Action::Gather, now).await?;
    let answer = |project: &Project, narrows: bool, effects: Option<wire::project::Effects>| {
        let enforced_by = narrows.then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
        let changed = wire::project::ProjectChanged { project: shown(project, role), enforced_by, effects };
        Ok(with_version(json::ok(&changed), project.version))
    };
    let once = once.of(&format!("PATCH /api/v1/projects/{id}"), &bytes).filter(|_| !trial.dry_run);
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names. Whether it narrowed anything, nobody knows any more.
        return answer(&before, true, None);
    }
    seen.check(before.version)?;
    let after = edited(&before, &ask)?;
    if trial.dry_run {
        if !before.gives().holds(after.gives()) {
            app.table.may_let_in(caller.user.id).await?;
        }
        if after.name != before.name && app.table.project_named(&after.name).await?.is_some() {
            return Err(TableError::Exists { what: "a project of this name" }.into());
        }
        let supposed = Supposed::change(&app, &before, after).await?;
        return answer(&before, false, Some(effects::of(&app, &caller, &supposed, now).await?));
    }
    let written = app.table.edit_project(&permit, &before, &after, once.as_ref(), now).await?;
    answer(&written, !written.gives().holds(before.gives()), None)
}

fn edited(before: &Project, ask: &wire::project::ProjectEdit) -> Result<Project, Problem> {
    let state = match ask.state.as_deref() {
        None => before.state,
        Some("active") => State::Active,
        Some("retired") => State::Retired,
        Some(_) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "project-state", "there is no such state of a project")
                .at("/state")
                .hint("`active` or `retired`"));
        }
    };
    let name = ask.name.as_deref().map(project_name).transpose()?.unwrap_or_else(|| before.name.clone());
    Ok(Project { name, policy: policy(before.policy, &ask.policy)?, state, ..before.clone() })
}

/// A policy with what is asked of it.
fn policy(before: Policy, ask: &wire::project::PolicyAsk) -> Result<Policy, Problem> {
    let unknown = |pointer, hint| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "policy", "there is no such word of a policy").at(pointer).hint(hint)
    };
    let view = match ask.view.as_deref() {
        None => before.view,
        Some(word) => Role::of(word).ok_or_else(|| unknown("/policy/view", "`preview`, `view`, `download` or `full`"))?,
    };
    let clone = match ask.clone.as_deref() {
        None => before.clone,
        Some(word) => ClonePolicy::of(word).ok_or_else(|| unknown("/policy/clone", "`none`, `files` or `full`"))?,
    };
    Ok(Policy { view, figures: ask.figures.unwrap_or(before.figures), clone }.checked()?)
}

/// A project as somebody is in it.
pub(crate) struct In {
    pub(crate) project: Arc<Project>,
    /// As what.
    pub(crate) role: ProjectRole,
    /// For what was asked.
    pub(crate) permit: Permit,
}

/// The project of an id or a name, and the caller's permit for `action` on it.
///
/// # Errors
/// 404 with one body for one that is none and one that the caller is not in.
pub(crate) async fn load(app: &App, caller: &Caller, text: &str, action: Action, now: Timestamp) -> Result<In, Problem> {
    let found = match (ProjectId::parse(text), project_name(text)) {
        (Ok(id), _) => app.table.project(id).await?,
        (_, Ok(name)) => app.table.project_named(&name).await?,
        _ => None,
    };
    let project = Arc::new(found.ok_or_else(Problem::not_found)?);
    let role = app.table.participant(project.id, caller.user.id).await?.map(|part| part.role);
    let permit = caller.may(action, &Facts::Project { project: Arc::clone(&project), role }, now)?;
    let role = role.ok_or_else(Problem::not_found)?;
    Ok(In { project, role, permit })
}

pub(crate) fn shown(project: &Project, role: ProjectRole) -> wire::project::Project {
    let policy = &project.policy;
    wire::project::Project {
        id: project.id.to_string(),
        name: project.name.clone(),
        policy: wire::project::Policy {
            view: policy.view.word().to_owned(),
            figures: policy.figures,
            clone: policy.clone.word().to_owned(),
        },
        role: role.word().to_owned(),
        managers: project.managers,
        state: state_word(project.state).to_owned(),
        made: project.made.to_string(),
        version: project.version,
    }
}
