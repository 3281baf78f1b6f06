//! `PATCH /api/v1/links/{id}`: other options, the same URL (L2). And the write that pause and resume are, too.

use axum::{Extension, response::Response};
use domain::{
    decision::{Action, Denial, LinkFacts, Permit},
    link::{Edit, Link, LinkError, LinkState, Until},
};
use edge::{
    App,
    asked::{Id, IfMatch, MaybeIfMatch},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    password,
    problem::Problem,
    rounds::Rounds,
    until::{read_not_before, read_until},
    zones::read_zones,
};
use jiff::Timestamp;
use table::{TableError, passes::Password};
use wire::secret::Secret;

use crate::{
    create::read_role,
    show::{Shown, about, load},
};

/// Changes a link. What narrows it needs no right to share and says when it is in force; what widens it needs that right.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 410 for a link that was revoked, 403 `not-maker` for another's label.
#[utoipa::path(patch, path = "/api/v1/links/{id}", tag = "links", operation_id = "edit_link", security(("token" = ["links"])),
    params(("id" = String, Path, description = "The link's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the link as it was read")),
    request_body(content = wire::link::LinkEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The link after the change", body = wire::link::Changed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Id(id): Id,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::link::LinkEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let once = once.of(&format!("PATCH /api/v1/links/{id}"), &remembered(&ask, bytes.into()));
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // It was done already: a replay is told how things are, and the bound as if it had been done now.
        let (facts, _permit) = load(&app, &caller, &id, Action::See, now).await?;
        let enforced_by = facts.link.enforced_by(&facts.place.dataset, now);
        return Ok(Change { facts: LinkFacts::clone(&facts), enforced_by: Some(enforced_by) }.answer(&shown, &caller, now));
    }
    let (facts, to_narrow) = load(&app, &caller, &id, Action::Narrow, now).await?;
    seen.check(facts.link.version)?;
    app.check_bytes(ask.bytes_per_day.flatten(), &facts.place.source)?;
    let password = ask.password.clone().flatten();
    let after = facts.link.edited(&facts.place, read(ask)?, now)?;
    if after.options.label != facts.link.options.label && !facts.link.is_labelled_by(caller.user.id) {
        return Err(LinkError::NotMaker.into());
    }
    let permit = if facts.link.is_widened_by(&after) { load(&app, &caller, &id, Action::Share, now).await?.1 } else { to_narrow };
    // After the right to it: looking at a password is work.
    let password = match &password {
        Some(password) => Some(password::keep(&app, password).await?),
        None => None,
    };
    let changed = Box::pin(apply_guarded(&app, &permit, &facts, after, password.as_ref(), once.as_ref(), now)).await?;
    Ok(changed.answer(&shown, &caller, app.now()))
}

/// As of a new link: all of it but a password.
fn remembered(ask: &wire::link::LinkEdit, bytes: Vec<u8>) -> Vec<u8> {
    if !matches!(ask.password, Some(Some(_))) {
        return bytes;
    }
    serde_json::to_vec(&wire::link::LinkEdit { password: Some(Some(Secret(String::new()))), ..ask.clone() }).unwrap_or_default()
}

fn read(ask: wire::link::LinkEdit) -> Result<Edit, Problem> {
    Ok(Edit {
        label: ask.label,
        until: ask.until.as_deref().map(read_until).transpose()?,
        not_before: ask.not_before.map(|begin| begin.as_deref().map(read_not_before).transpose()).transpose()?,
        strict: ask.strict,
        role: ask.role.as_deref().map(read_role).transpose()?,
        zones: ask.zones.as_deref().map(|zones| read_zones(zones, "/zones")).transpose()?,
        hard_zones: ask.hard_zones,
        hide_listing: ask.hide_listing,
        level: ask.level,
        password: ask.password.as_ref().map(Option::is_some),
        sessions_max: ask.sessions_max,
        requests_per_second: ask.requests_per_second,
        bytes_per_day: ask.bytes_per_day,
    })
}

/// A link after a change.
pub(crate) struct Change {
    facts: LinkFacts,
    enforced_by: Option<Timestamp>,
}

/// Writes `after` over the link of `before`, unless it is the same.
///
/// # Errors
/// 410 for a link that was revoked: nothing changes it any more. [`TableError`], as a problem.
pub(crate) async fn apply(
    app: &App,
    permit: &Permit,
    before: &LinkFacts,
    after: Link,
    once: Option<&table::once::Once>,
    now: Timestamp,
) -> Result<Change, ChangeError> {
    apply_guarded(app, permit, before, after, None, once, now).await
}

/// The same, with what is kept of another password, where `after` names one.
async fn apply_guarded(
    app: &App,
    permit: &Permit,
    before: &LinkFacts,
    after: Link,
    password: Option<&Password>,
    once: Option<&table::once::Once>,
    now: Timestamp,
) -> Result<Change, ChangeError> {
    may_change(before, now)?;
    // What changes nothing is written down all the same where it has a key: it stays done, whatever comes next.
    if after == before.link && once.is_none() {
        return Ok(Change { facts: before.clone(), enforced_by: None });
    }
    let narrows = after.is_widened_by(&before.link);
    let written = app.table.edit_guarded(permit, before, &after, password, once, now).await?;
    let enforced_by = if narrows {
        let on = app.table.strict_still(&before.place.dataset).await;
        // The bound runs from here: until the write was done, another process may have read what was there before.
        let bound = |link: &Link| Link { given_until: before.link.given_until, ..link.clone() }.enforced_by(&on, app.now());
        Some(bound(&before.link).max(bound(&written)))
    } else {
        None
    };
    let mut facts = before.clone();
    facts.link = written;
    Ok(Change { facts, enforced_by })
}

/// Nothing changes a link any more that was revoked.
///
/// # Errors
/// 410 `revoked`, `withdrawn`.
pub(crate) fn may_change(link: &LinkFacts, now: Timestamp) -> Result<(), Problem> {
    match link.state(now) {
        LinkState::Revoked => Err(Denial::Revoked.into()),
        LinkState::Withdrawn => Err(Denial::Withdrawn.into()),
        LinkState::Live | LinkState::Paused | LinkState::NotYet | LinkState::Expired | LinkState::Stopped => Ok(()),
    }
}

impl Change {
    /// The answer to a change.
    pub(crate) fn answer(&self, shown: &Shown, caller: &Caller, now: Timestamp) -> Response {
        let link = shown.link(&self.facts, caller, now);
        about(&self.facts, json::ok(&wire::link::Changed { link, enforced_by: self.enforced_by.map(|at| at.to_string()) }))
    }
}

/// Why a change was not made: because something else changed first, which pause and resume try again after, or for good.
pub(crate) enum ChangeError {
    Stale,
    Refused(Problem),
}

impl From<Problem> for ChangeError {
    fn from(why: Problem) -> Self {
        Self::Refused(why)
    }
}

impl From<TableError> for ChangeError {
    fn from(why: TableError) -> Self {
        if why == TableError::Stale { Self::Stale } else { Self::Refused(why.into()) }
    }
}

impl From<ChangeError> for Problem {
    fn from(why: ChangeError) -> Self {
        match why {
            ChangeError::Stale => TableError::Stale.into(),
            ChangeError::Refused(why) => why,
        }
    }
}

/// Lets one link end at the earliest when `until` says (L9). Needs no version, because no end ever comes closer, and doing it twice is doing it once.
///
/// # Errors
/// 404 for a link that is not the caller's to know of, 410 for one that was revoked or is another's, 422 past the source's ceiling.
pub(crate) async fn lengthen(
    app: &App,
    caller: &Caller,
    id: &str,
    until: Until,
    once: Option<&table::once::Once>,
) -> Result<LinkFacts, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        if app.table.once_if(caller.user.id, once, now).await?.is_some() {
            // It was done already: a replay is told how the link is, even where the same would be refused by now.
            return Ok(LinkFacts::clone(&load(app, caller, id, Action::See, now).await?.0));
        }
        let (facts, permit) = load(app, caller, id, Action::Share, now).await?;
        let after = facts.link.extended(&facts.place, until, now)?;
        match apply(app, &permit, &facts, after, once, now).await {
            Err(ChangeError::Stale) => rounds.another().await?,
            done => return Ok(done?.facts),
        }
    }
}

/// Pauses or resumes: needs no version, because the outcome does not depend on what else was changed. With a key it is done once, so that a
/// resume that comes again, late, does not undo a pause that came between.
pub(crate) async fn switch(
    app: &App,
    caller: &Caller,
    id: &str,
    enabled: bool,
    seen: &MaybeIfMatch,
    once: &Once,
) -> Result<Change, Problem> {
    let (action, act) = if enabled { (Action::Share, "resume") } else { (Action::Narrow, "pause") };
    let once = once.of(&format!("POST /api/v1/links/{id}/{act}"), &[]);
    let mut rounds = Rounds::begin();
    let mut change = loop {
        let now = app.now();
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            let (facts, _permit) = load(app, caller, id, Action::See, now).await?;
            break Change { facts: LinkFacts::clone(&facts), enforced_by: None };
        }
        let (facts, permit) = load(app, caller, id, action, now).await?;
        seen.check_sent(facts.link.version)?;
        let after = Link { enabled, ..facts.link.clone() };
        match apply(app, &permit, &facts, after, once.as_ref(), now).await {
            Err(ChangeError::Stale) => rounds.another().await?,
            done => break done?,
        }
    };
    // A pause that met one says by when, too: the answer to the first may have been lost.
    if !enabled && change.enforced_by.is_none() {
        let link = &change.facts.link;
        change.enforced_by = Some(link.enforced_by(&change.facts.place.dataset, app.now()));
    }
    Ok(change)
}
