//! `/api/v1/groups`: made, shown, listed, filled, taken out.

use axum::response::Response;
use domain::{
    decision::{Action, Facts, Permit},
    grant::{GrantError, Group, GroupKind, GroupState, Hold, group_name},
    id::{GroupId, UserId},
    limits::BATCH_ITEMS_MAX,
    timing::Timing,
    token::Scope,
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
use std::sync::Arc;

use crate::{
    effects::{self, Supposed, Trial},
    invite_person::strangers,
    paged::Ask,
    subject::person,
};

/// Makes a group. Its maker owns it, and is its first member.
///
/// # Errors
/// 403 `blocked`, 409 `exists` for a name that is taken, 422 `name`, 422 `no-provider` for one that nobody would fill.
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", operation_id = "create_group", security(("token" = ["groups"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::group::NewGroup,
    responses((status = 201, description = "The group", body = wire::group::Group), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::group::NewGroup>,
) -> Result<Response, Problem> {
    let now = app.now();
    let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
    let name = group_name(&ask.name).filter(|name| GroupId::parse(name).is_err()).ok_or(GrantError::Name)?;
    let kind = match ask.kind.as_deref() {
        None | Some("manual") => GroupKind::Manual,
        Some("synced") => GroupKind::Synced { synced: now },
        Some("claimed") if app.provider.is_none() => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "no-provider",
                "the deployment has no identity provider to fill it",
            )
            .at("/kind")
            .hint("make it `manual` or `synced`; an administrator may name a provider"));
        }
        Some("claimed") => GroupKind::Claimed,
        Some(_) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "group-kind", "there is no such kind of group")
                .at("/kind")
                .hint("`manual`, `synced` or `claimed`"));
        }
    };
    let group = Group {
        id: GroupId::new(app.new_uuid(now)?),
        name,
        owner: caller.user.id,
        kind,
        // Filled from nothing: nobody should take a part of it for the whole.
        state: if matches!(kind, GroupKind::Synced { .. }) { GroupState::Loading } else { GroupState::Active },
        made: now,
        version: 1,
    };
    let made = app.table.insert_group(&permit, &group, once.of("POST /api/v1/groups", &bytes).as_ref(), now).await?;
    Ok(with_version(json::created(&shown(&made)), made.version))
}

/// Lists the groups that the caller is in. One that a provider fills is left out when it did not name the caller for seven days; a page may be
/// short before the last one.
///
/// # Errors
/// 400 for a limit or cursor that does not fit.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", operation_id = "list_groups", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of groups", body = wire::page::Page<wire::group::Group>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let listing = Listing::new("/api/v1/groups", &[], ask.limit)?;
    let _may_list = caller.may(Action::See, &Facts::Deployment, now)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.joined(caller.user.id, &page).await?;
    let is_in = |group: &Group, confirmed| group.owner == caller.user.id || group.still_names(confirmed, now);
    let groups = found.items.iter().filter(|(group, member)| is_in(group, member.confirmed)).map(|(group, _)| shown(group));
    listing.answer(&app, &caller, groups.collect(), found.next.as_deref(), now)
}

/// Shows a group to its members.
///
/// # Errors
/// 404 for a group that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "show_group", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The group's id or name")),
    responses((status = 200, description = "The group; `ETag` is its version", body = wire::group::Group), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let (group, _permit) = load(&app, &caller, &id, Action::See, app.now()).await?;
    Ok(with_version(json::ok(&shown(&group)), group.version))
}

/// Takes a group out, or back in, by its owner.
///
/// # Errors
/// 403 for anybody but its owner, and `blocked` for one who would take it back in; 412 for another version, 428 without `If-Match`.
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "edit_group", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The group's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the group as it was read")),
    request_body(content = wire::group::GroupEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The group after the change", body = wire::group::GroupChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::group::GroupEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let (group, permit) = load(&app, &caller, &id, Action::Gather, now).await?;
    let once = once.of(&format!("PATCH /api/v1/groups/{id}"), &bytes);
    let changed = |group: &Group| {
        let enforced_by = (group.state == GroupState::Retired).then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
        with_version(json::ok(&wire::group::GroupChanged { group: shown(group), enforced_by }), group.version)
    };
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names.
        return Ok(changed(&group));
    }
    seen.check(group.version)?;
    let state = match ask.state.as_str() {
        "active" => GroupState::Active,
        "retired" => GroupState::Retired,
        _ => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "group-state", "there is no such state of a group")
                .at("/state")
                .hint("`active` or `retired`"));
        }
    };
    Ok(changed(&app.table.set_group_state(&permit, &group, state, once.as_ref(), now).await?))
}

/// Lists who is in a group, for its members.
///
/// # Errors
/// 404 for a group that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups", operation_id = "list_members", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The group's id or name"), Ask),
    responses((status = 200, description = "A page of members", body = wire::page::Page<wire::group::Member>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn members(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let (group, _permit) = load(&app, &caller, &id, Action::See, now).await?;
    let listing = Listing::new(&format!("/api/v1/groups/{}/members", group.id), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.members(group.id, &page).await?;
    let people = app.table.users(&found.items.iter().map(|member| member.user).collect::<Vec<_>>()).await?;
    let items = found.items.iter().map(|member| {
        let until = group.lets_in_until(member.confirmed).filter(|until| now < *until);
        wire::group::Member {
            user: member.user.to_string(),
            name: people.iter().find(|person| person.id == member.user).map(|person| person.name.clone()).unwrap_or_default(),
            since: member.at.to_string(),
            counts: until.is_some(),
            until: until.filter(|until| *until < Timestamp::MAX).map(|until| until.to_string()),
        }
    });
    listing.answer(&app, &caller, items.collect(), found.next.as_deref(), now)
}

/// Adds up to 1,000 people to a group, by its owner. Those who are in it already stay.
///
/// # Errors
/// 403 for anybody but its owner, and `blocked` for one who is blocked at a source; 422 for somebody who is not there; where people are asked first
/// (`OFFPRINT_DIRECTORY`), 409 `not-connected` for one whom the owner is not connected with.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", tag = "groups", operation_id = "add_members", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The group's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::group::Members,
    responses((status = 200, description = "How many were new", body = wire::group::MembersChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn add(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::group::Members>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/groups/{id}/members"), &bytes);
    change(&app, &caller, &id, ask, (Hold::Active, false), once).await
}

/// Removes up to 1,000 people from a group, by its owner, who stays; or with `dry_run` says what that would do on the datasets that are granted
/// to the group.
///
/// # Errors
/// 403 for anybody but its owner, 422 for somebody who is not there.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members/remove", tag = "groups", operation_id = "remove_members", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The group's id or name"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::group::Members,
    responses((status = 200, description = "How many were in it, and when that is in force everywhere; or what it would do", body = wire::group::MembersChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn remove(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::group::Members>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/groups/{id}/members/remove"), &bytes);
    change(&app, &caller, &id, ask, (Hold::Withdrawn, trial.dry_run), once).await
}

/// Leaves a group: the caller gets nothing through it any more. Its owner stays.
///
/// # Errors
/// 404 for a group that the caller is not in, 409 `owner-stays`, and `group-kind` for one that is not filled by hand.
#[utoipa::path(post, path = "/api/v1/groups/{id}/leave", tag = "groups", operation_id = "leave_group", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The group's id or name"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    responses((status = 200, description = "When that is in force everywhere", body = wire::group::MembersChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn leave(app: App, caller: Caller, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("POST /api/v1/groups/{id}/leave"), b"");
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // Left already, and perhaps added again since: a replay leaves nothing.
        return Ok(left(&app, &*found(&app, &id).await?, 1));
    }
    let (group, permit) = load(&app, &caller, &id, Action::See, now).await?;
    // Whoever is in it may leave, but not by a token that only reads.
    caller.needs(Scope::Groups)?;
    by_hand(&group)?;
    if group.owner == caller.user.id {
        return Err(
            Problem::new(StatusCode::CONFLICT, "owner-stays", "whoever owns a group is in it").hint("retire it where nobody needs it")
        );
    }
    let changed = app.table.set_members(&permit, &group, &[caller.user.id], Hold::Withdrawn, once.as_ref(), now).await?;
    Ok(left(&app, &group, changed))
}

fn left(app: &App, group: &Group, changed: usize) -> Response {
    let enforced_by = Some(Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    json::ok(&wire::group::MembersChanged { group: shown(group), changed, enforced_by, effects: None })
}

/// # Errors
/// 409 `group-kind` for a group that something else fills.
fn by_hand(group: &Group) -> Result<(), Problem> {
    if group.kind == GroupKind::Manual {
        return Ok(());
    }
    Err(Problem::new(StatusCode::CONFLICT, "group-kind", "the group is filled by what it is synced with, not by hand")
        .hint("change who is in it where that comes from, or grant to a group of your own"))
}

async fn change(
    app: &App,
    caller: &Caller,
    id: &str,
    ask: wire::group::Members,
    (wanted, dry_run): (Hold, bool),
    once: Option<table::once::Once>,
) -> Result<Response, Problem> {
    let now = app.now();
    let (group, permit) = load(app, caller, id, Action::Gather, now).await?;
    by_hand(&group)?;
    if ask.users.len() > BATCH_ITEMS_MAX {
        return Err(too_many("/users"));
    }
    let mut people: Vec<UserId> = Vec::with_capacity(ask.users.len());
    for text in &ask.users {
        // An id is checked where it is written.
        people.push(match UserId::parse(text) {
            Ok(id) => id,
            Err(_a_name) => person(app, text, "/users").await?.id,
        });
    }
    if wanted == Hold::Active {
        known(app, caller, &group, &people, now).await?;
    }
    if dry_run {
        // Its owner stays, whoever asks for it.
        people.retain(|person| *person != group.owner);
        let supposed = Supposed::left(app, group.id, people).await?;
        let effects = Some(effects::of(app, caller, &supposed, now).await?);
        return Ok(json::ok(&wire::group::MembersChanged { group: shown(&group), changed: 0, enforced_by: None, effects }));
    }
    let changed = app.table.set_members(&permit, &group, &people, wanted, once.as_ref(), now).await?;
    let enforced_by = (wanted == Hold::Withdrawn).then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    Ok(json::ok(&wire::group::MembersChanged { group: shown(&group), changed, enforced_by, effects: None }))
}

/// A list of one's own is no way around asking people first: who comes into it is connected with its owner, or in it already.
///
/// # Errors
/// 409 `not-connected`, with the first who is neither.
async fn known(app: &App, caller: &Caller, group: &Group, people: &[UserId], now: Timestamp) -> Result<(), Problem> {
    for person in strangers(app, caller, people, now).await? {
        if app.table.membership(group.id, person).await?.is_none() {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "not-connected",
                "people here are connected with whoever puts them into a group",
            )
            .at("/users")
            .hint("ask for a connection first, or share by name, which asks the person")
            .with("user", person.to_string()));
        }
    }
    Ok(())
}

/// Refuses a request that names too many people.
pub(crate) fn too_many(pointer: &'static str) -> Problem {
    let detail = format!("at most `{BATCH_ITEMS_MAX}` people at a time");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many", detail).at(pointer).hint("send the rest in another request")
}

/// The group of an id or a name, and the caller's permit for `action` on it.
///
/// # Errors
/// 404 with one body for one that is none and one that is a stranger's.
pub(crate) async fn load(app: &App, caller: &Caller, text: &str, action: Action, now: Timestamp) -> Result<(Arc<Group>, Permit), Problem> {
    let group = found(app, text).await?;
    let member = app.table.membership(group.id, caller.user.id).await?;
    let is_member = member.is_some_and(|member| group.still_names(member.confirmed, now));
    let permit = caller.may(action, &Facts::Group { group: Arc::clone(&group), is_member }, now)?;
    Ok((group, permit))
}

async fn found(app: &App, text: &str) -> Result<Arc<Group>, Problem> {
    let found = match (GroupId::parse(text), group_name(text)) {
        (Ok(id), _) => app.table.group(id).await?,
        (_, Some(name)) => app.table.group_named(&name).await?,
        _ => None,
    };
    found.map(Arc::new).ok_or_else(Problem::not_found)
}

pub(crate) fn shown(group: &Group) -> wire::group::Group {
    wire::group::Group {
        id: group.id.to_string(),
        name: group.name.clone(),
        owner: group.owner.to_string(),
        kind: match group.kind {
            GroupKind::Manual => "manual",
            GroupKind::Synced { .. } => "synced",
            GroupKind::Claimed => "claimed",
        }
        .to_owned(),
        synced: match group.kind {
            GroupKind::Synced { synced } => Some(synced.to_string()),
            GroupKind::Manual | GroupKind::Claimed => None,
        },
        state: match group.state {
            GroupState::Active => "active",
            GroupState::Loading => "loading",
            GroupState::Retired => "retired",
        }
        .to_owned(),
        made: group.made.to_string(),
        version: group.version,
    }
}
