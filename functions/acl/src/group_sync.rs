//! `POST /api/v1/groups/{id}/sync`: what a directory says of people in a group that it keeps.

use axum::response::Response;
use domain::{
    decision::Action,
    grant::{GroupKind, Hold, is_order},
    id::UserId,
    limits::{BATCH_ITEMS_MAX, ORDER_AHEAD_SECS},
    timing::Timing,
};
use edge::{App, asked::Id, caller::Caller, json, json::Body, problem::Problem};
use http::StatusCode;

use crate::{
    group::{load, shown, too_many},
    subject::person,
};

/// Adds people to a group and removes others, by the directory's own order: of two words about one person the one of the higher `order`
/// counts, whichever comes first, and the same update again changes nothing. Up to 1,000 people at a time, by its owner, who stays.
///
/// # Errors
/// 403 for anybody but its owner, and `blocked` for one who is blocked at a source and adds; 409 `group-kind` for a group that is filled
/// otherwise; 422 `order`, and for somebody who is not there.
#[utoipa::path(post, path = "/api/v1/groups/{id}/sync", tag = "groups", operation_id = "sync_members", security(("token" = ["groups"])),
    params(("id" = String, Path, description = "The group's id or name")), request_body = wire::group::SyncAsk,
    responses((status = 200, description = "What was new", body = wire::group::SyncDone), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sync(app: App, caller: Caller, Id(id): Id, Body { ask, .. }: Body<wire::group::SyncAsk>) -> Result<Response, Problem> {
    let now = app.now();
    let (group, permit) = load(&app, &caller, &id, Action::Gather, now).await?;
    if !matches!(group.kind, GroupKind::Synced { .. }) {
        return Err(Problem::new(StatusCode::CONFLICT, "group-kind", "the group is not one that a directory keeps by ordered updates")
            .hint("make one with `\"kind\": \"synced\"`"));
    }
    if !is_order(ask.order, now) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "order",
            format!("`order` is beyond the time in `{ORDER_AHEAD_SECS}` s, in milliseconds"),
        )
        .at("/order")
        .hint("an event's number, or its time in milliseconds since 1970"));
    }
    if ask.add.len().saturating_add(ask.remove.len()) > BATCH_ITEMS_MAX {
        return Err(too_many("/add"));
    }
    let mut people = Vec::with_capacity(ask.add.len().saturating_add(ask.remove.len()));
    for (named, hold, pointer) in [(&ask.add, Hold::Active, "/add"), (&ask.remove, Hold::Withdrawn, "/remove")] {
        for text in named {
            // An id is checked where it is written.
            let user = match UserId::parse(text) {
                Ok(id) => id,
                Err(_a_name) => person(&app, text, pointer).await?.id,
            };
            people.push((user, hold));
        }
    }
    let synced = app.table.sync_members(&permit, &group, ask.order, &people, now).await?;
    // What comes late takes nobody out; told again, whoever it took out is, and the bound from here is later and holds.
    let enforced_by = (synced.out > 0).then(|| Timing::PRIVATE.enforced_by(app.now(), None).to_string());
    Ok(json::ok(&wire::group::SyncDone { group: shown(&group), changed: synced.changed, late: synced.late, enforced_by }))
}
