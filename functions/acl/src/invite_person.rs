//! Where people are asked before strangers share with them (ACCESS 7): what a grant, or a part in a project, becomes for somebody whom its giver is not
//! connected with; and `/api/v1/projects/{id}/invitations`, what waits there.

use axum::response::Response;
use domain::{
    connection::Directory,
    decision::{Action, DatasetFacts, Permit},
    delegation::Terms,
    grant::ProjectRole,
    id::{ProjectId, UserId},
    invitation::{Invitation, Invitee, Target, invited, invited_into},
    limits::{ASKED_ABOUT_MAX, INVITATIONS_DAY_MAX},
};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    invitations::need_not_ask,
    json::Body,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, once::Once};

use crate::{
    dataset_edit::not_retired,
    invitation::{all_shown, in_link_set, none_such, too_many, withdrawn},
    paged::Ask,
    project::{In, load},
    source_edit::bounded,
    subject::person,
};

/// Lists what waits, or waited, for people to come into a project, the latest first, for who manages it.
///
/// # Errors
/// 404 for a project that is not there or not the caller's to know of, 403 for a member who manages it not.
#[utoipa::path(get, path = "/api/v1/projects/{id}/invitations", tag = "projects", operation_id = "list_project_invitations", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name"), Ask),
    responses((status = 200, description = "A page of invitations", body = wire::page::Page<wire::grant::Invitation>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let In { project, .. } = load(&app, &caller, &id, Action::Gather, now).await?;
    let listing = Listing::new(&format!("/api/v1/projects/{}/invitations", project.id), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.invitations_on(Target::Project(project.id), &page).await?;
    let items = all_shown(&app, &found.items, now).await?;
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Takes an invitation into a project back, by who manages it, whoever sent it.
///
/// # Errors
/// 403 for a member who manages it not; 404 `no-such-invitation` where none was sent; 422 `no-such-user`.
#[utoipa::path(post, path = "/api/v1/projects/{id}/invitations/withdraw", tag = "projects", operation_id = "withdraw_project_invitation", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The project's id or name")), request_body = wire::project::UninviteAsk,
    responses((status = 200, description = "The invitation as it is now", body = wire::grant::Invitation), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::project::UninviteAsk>,
) -> Result<Response, Problem> {
    let In { project, permit, .. } = load(&app, &caller, &id, Action::Gather, app.now()).await?;
    let user = person(&app, &ask.user, "/user").await?;
    withdrawn(&app, &permit, (Invitee::Person(user.id), Target::Project(project.id)), bounded(ask.reason)?).await
}

/// Those of some people whom the caller may not name without asking them.
///
/// # Errors
/// 422 `too-many` where that are more than are asked about at a time, 503 where the table does not answer.
pub(crate) async fn strangers(app: &App, caller: &Caller, people: &[UserId], now: Timestamp) -> Result<Vec<UserId>, Problem> {
    if app.config.directory == Directory::Open {
        return Ok(Vec::new());
    }
    if people.len() > ASKED_ABOUT_MAX {
        let detail = format!("at most `{ASKED_ABOUT_MAX}` people at a time, where each may have to be asked");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many", detail)
            .at("/users")
            .hint("send the rest in another request"));
    }
    let mut strangers = Vec::new();
    for person in people {
        if !need_not_ask(app, caller.user.id, *person, now).await? {
            strangers.push(*person);
        }
    }
    Ok(strangers)
}

/// Invites a person to a dataset, in place of what waits for the person there. The same request again meets what the first sent.
///
/// # Errors
/// 403 for more than the caller may give; 409 `in-link-set`, `declined-lately`; 429 `too-many-invitations`.
pub(crate) async fn to_dataset(
    app: &App,
    caller: &Caller,
    (permit, facts): (&Permit, &DatasetFacts),
    (to, terms): (UserId, Terms),
    once: Option<&Once>,
    now: Timestamp,
) -> Result<Result<Invitation, TableError>, Problem> {
    not_retired(facts)?;
    if facts.place.dataset.link_set.is_some() && terms.role.goes_together() {
        return Err(in_link_set());
    }
    let dataset = facts.place.dataset.id;
    let there = app.table.invitation(Invitee::Person(to), Target::Dataset(dataset)).await?;
    let invitation = invited(permit, &caller.user, (dataset, Invitee::Person(to)), terms, there.as_ref(), now)?;
    within_the_day(app.table.invite(permit, &invitation, there.as_ref(), once, now).await)
}

/// Invites people into a project, each as [`to_dataset`] does.
///
/// # Errors
/// 409 `declined-lately`; 422 for somebody who is not there; 429 `too-many-invitations`: none is sent where they are too many for one day. A failure in
/// between leaves some invited: the same request again invites the rest.
pub(crate) async fn into_project(
    app: &App,
    caller: &Caller,
    (permit, project): (&Permit, ProjectId),
    (people, role): (&[UserId], ProjectRole),
    once: Option<&Once>,
) -> Result<Vec<wire::grant::Invitation>, Problem> {
    if people.len() > INVITATIONS_DAY_MAX {
        return Err(too_many());
    }
    let mut sent = Vec::new();
    for person in people {
        let to = Invitee::Person(*person);
        // Each is remembered by whom it is for: who else is asked may be others by then.
        let once = once.map(|once| Once { key: format!("{}#{person}", once.key), ..once.clone() });
        let mut rounds = Rounds::begin();
        sent.push(loop {
            let now = app.now();
            let there = app.table.invitation(to, Target::Project(project)).await?;
            if let (Some(_before), Some(there)) = (app.table.once_if(caller.user.id, once.as_ref(), now).await?, &there) {
                break there.clone();
            }
            let invitation = invited_into(permit, project, (*person, role), there.as_ref(), now)?;
            match within_the_day(app.table.invite(permit, &invitation, there.as_ref(), once.as_ref(), now).await)? {
                Err(TableError::Stale) => rounds.another().await?,
                invitation => break invitation?,
            }
        });
    }
    all_shown(app, &sent, app.now()).await
}

fn within_the_day(sent: Result<Invitation, TableError>) -> Result<Result<Invitation, TableError>, Problem> {
    match sent {
        Err(TableError::TooMany { .. }) => Err(too_many()),
        sent => Ok(sent),
    }
}

/// What waits, or waited, for a person, where a request says that it was sent before.
///
/// # Errors
/// 404 `no-such-invitation` where nothing did, 503 where the table does not answer.
pub(crate) async fn sent_before(app: &App, to: UserId, target: Target) -> Result<Invitation, Problem> {
    app.table.invitation(Invitee::Person(to), target).await?.ok_or_else(none_such)
}
