//! `POST /api/v1/links`: a new link, or the one that is there already for the same options (L7).

use std::sync::Arc;

use axum::{Extension, response::Response};
use domain::{
    code::Code,
    decision::{Action, DatasetFacts, Facts, LinkFacts, Via},
    id::{DatasetId, LinkId},
    key::{Epoch, LinkKey},
    limits::WORLD_REVOKE_BOUND_SECS,
    link::{Birth, Class, Link, LinkError, NewLink, Options, Until},
    path::{ObjectPath, PathError},
    rights::{Right, Role},
};
use edge::{
    App,
    asked::Filters,
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
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use table::{TableError, links::Kept};
use wire::secret::Secret;

use crate::show::{Shown, about};

/// What a request's `Idempotency-Key` belongs to; a batch's items count as requests of their own.
pub(crate) const OPERATION: &str = "POST /api/v1/links";

/// Whether a link, or a promotion, is only asked about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Trial {
    /// Write nothing, and answer what the link would be.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// Makes a link. The same options meet the same link, an ended one is followed by a new one. With `dry_run`, says what the link would be.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of; 403, 422 for options beyond ceilings.
#[utoipa::path(post, path = "/api/v1/links", tag = "links", operation_id = "create_link", security(("token" = ["links"])),
    params(Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::link::NewLink,
    responses((status = 201, description = "A new link", body = wire::link::Link), (status = 200, description = "The link that is there for these options; or with `dry_run` what it would be", body = wire::link::LinkOrTrial),
        (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    Extension(shown): Extension<Shown>,
    caller: Caller,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::link::NewLink>,
) -> Result<Response, Problem> {
    if trial.dry_run {
        return Ok(json::ok(&tried(&app, &shown, &caller, ask).await?));
    }
    let once = once.of(OPERATION, &remembered(&ask, bytes.into()));
    let made = make(&app, &shown, &caller, ask, once, &mut None).await?;
    let link = shown.link(&made.facts, &caller, app.now());
    let mut answer = if made.existing { json::ok(&link) } else { json::created(&link) };
    if let Ok(address) = HeaderValue::try_from(format!("/api/v1/links/{}", made.facts.link.id)) {
        answer.headers_mut().insert(header::LOCATION, address);
    }
    Ok(about(&made.facts, answer))
}

/// What a link would be, by all that makes one but the write.
async fn tried(app: &App, shown: &Shown, caller: &Caller, ask: wire::link::NewLink) -> Result<wire::link::LinkTrial, Problem> {
    let now = app.now();
    let on = caller.dataset(app, &ask.dataset).await?;
    // A code is drawn when the link is made.
    let (asked, _is_coded) = read(ask)?;
    let permit = caller.may(Action::Share, &Facts::Dataset(Arc::clone(&on)), now)?;
    let via = caller.via(&on, Right::Share, now);
    let (birth, _key) = birth(app, shown, false, via, now)?;
    let link = Link::new(&permit, &on.place, asked, birth, now)?;
    app.check_bytes(link.options.bytes_per_day, &on.place.source)?;
    let opens = on.place.dataset.path.join(&link.subpath).map_err(|_too_long| LinkError::Subpath)?;
    let left_out = on.place.dataset.cuts.iter().filter(|cut| opens.covers(cut)).count();
    let facts = LinkFacts::new(link, None, on.place.clone(), (*caller.user).clone(), on.reach.clone());
    let link = shown.link(&facts.map_err(|_too_long| LinkError::Subpath)?, caller, now);
    Ok(wire::link::LinkTrial {
        place: link.place,
        class: link.class,
        role: link.role,
        until: link.until,
        rests_on: link.rests_on,
        stops_within_secs: link.stops_within_secs.unwrap_or(WORLD_REVOKE_BOUND_SECS),
        left_out,
    })
}

/// What a request is remembered by, by its hash: all of it but a password, of which nothing is kept that could be guessed at fast.
pub(crate) fn remembered(ask: &wire::link::NewLink, bytes: Vec<u8>) -> Vec<u8> {
    if ask.password.is_none() {
        return bytes;
    }
    serde_json::to_vec(&wire::link::NewLink { password: Some(Secret(String::new())), ..ask.clone() }).unwrap_or_default()
}

/// A link that was asked for.
pub(crate) struct Made {
    pub(crate) facts: LinkFacts,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

/// Makes one link. `seen` is the dataset as it was read for the last link on the same dataset, and is left for the next: should the dataset
/// have changed meanwhile, the write says so.
pub(crate) async fn make(
    app: &App,
    shown: &Shown,
    caller: &Caller,
    ask: wire::link::NewLink,
    once: Option<table::once::Once>,
    seen: &mut Option<Arc<DatasetFacts>>,
) -> Result<Made, Problem> {
    // A replay comes first: it gets the first answer even where the same request would be refused by now.
    if let Some(facts) = replayed(app, caller, once.as_ref()).await? {
        return Ok(Made { facts, existing: false });
    }
    let dataset = DatasetId::parse(&ask.dataset).map_err(|_not_one| Problem::not_found())?;
    let said = ask.password.clone();
    let (asked, is_coded) = read(ask)?;
    let mut password = None;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let on = match seen.take() {
            Some(facts) => facts,
            None => caller.dataset(app, &dataset.to_string()).await?,
        };
        let permit = caller.may(Action::Share, &Facts::Dataset(Arc::clone(&on)), now)?;
        let via = caller.via(&on, Right::Share, now);
        let (birth, key) = birth(app, shown, is_coded, via, now)?;
        let link = Link::new(&permit, &on.place, asked.clone(), birth, now)?;
        app.check_bytes(link.options.bytes_per_day, &on.place.source)?;
        // The facts are built first: a path that is too long in its bucket is refused before anything is written.
        let facts = LinkFacts::new(link, None, on.place.clone(), (*caller.user).clone(), on.reach.clone());
        let mut facts = facts.map_err(|_too_long| LinkError::Subpath)?;
        // After the right to it: it is work.
        if let (Some(said), None) = (&said, &password) {
            password = Some(password::keep(app, said).await?);
        }
        let kept = Kept { password: password.as_ref(), key: Some(&key) };
        match app.table.insert_kept(&permit, &facts.link, kept, &on, once.as_ref()).await {
            Ok(inserted) => {
                facts.link = inserted.link;
                *seen = Some(on);
                return Ok(Made { facts, existing: inserted.existing });
            }
            // The dataset changed between the read and the write, or the code was another's.
            Err(TableError::Stale) => rounds.another().await?,
            Err(why) => return Err(why.into()),
        }
    }
}

/// What the first request under this key made.
async fn replayed(app: &App, caller: &Caller, once: Option<&table::once::Once>) -> Result<Option<LinkFacts>, Problem> {
    let Some(once) = once else { return Ok(None) };
    let now = app.now();
    let Some(id) = app.table.once(caller.user.id, once, now).await? else { return Ok(None) };
    let id = LinkId::parse(&id).map_err(|_other| Problem::from(TableError::Mismatch))?;
    let facts = Arc::new(app.table.link_by_id(id, caller.user.id, now).await?.ok_or_else(Problem::not_found)?);
    let _may_see = caller.may(Action::See, &Facts::Link(Arc::clone(&facts)), now)?;
    Ok(Some(Arc::unwrap_or_clone(facts)))
}

/// What is asked, in the domain's terms, and whether the link gets a code; a refusal names its field.
fn read(ask: wire::link::NewLink) -> Result<(NewLink, bool), Problem> {
    let class = match ask.class.as_deref() {
        None => Class::Collaboration,
        Some(word) => Class::of(word).ok_or_else(|| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "class", "there is no such class of links")
                .at("/class")
                .hint("`collaboration`, `review`, `publication` or `event`")
        })?,
    };
    let subpath = read_subpath(ask.path)?;
    let options = Options {
        label: ask.label.unwrap_or_default(),
        until: ask.until.as_deref().map_or(Ok(Until::ClassDefault), read_until)?,
        not_before: ask.not_before.as_deref().map(read_not_before).transpose()?,
        strict: ask.strict.unwrap_or_default(),
        role: ask.role.as_deref().map_or(Ok(Role::Download), read_role)?,
        zones: read_zones(&ask.zones, "/zones")?,
        hard_zones: ask.hard_zones.unwrap_or_default(),
        hide_listing: ask.hide_listing.unwrap_or_default(),
        level: ask.level,
        // The version that a new link has.
        password: ask.password.is_some().then_some(1),
        sessions_max: ask.sessions_max,
        requests_per_second: ask.requests_per_second,
        bytes_per_day: ask.bytes_per_day,
    };
    Ok((NewLink { subpath, class, options }, class.has_code(ask.code)?))
}

/// The role that a word names.
///
/// # Errors
/// 422 `link-role`.
pub(crate) fn read_role(word: &str) -> Result<Role, Problem> {
    Ok(Role::of(word).ok_or(LinkError::Role)?)
}

/// Reads a path inside a dataset.
///
/// # Errors
/// 400 `bad-path`.
pub(crate) fn read_subpath(path: Option<String>) -> Result<ObjectPath, Problem> {
    ObjectPath::from_decoded(path.unwrap_or_default()).map_err(bad_path)
}

fn bad_path(why: PathError) -> Problem {
    Problem::from(why).at("/path").hint("plain text, not percent-encoded; no empty segments, `.` or `..`; a folder ends with `/`")
}

/// The id, the epoch and the key of a new link. The key itself is kept beside a code alone: it is derived again when it is shown.
fn birth(app: &App, shown: &Shown, is_coded: bool, via: Option<Via>, now: Timestamp) -> Result<(Birth, LinkKey), Problem> {
    let (id, epoch) = (LinkId::new(app.new_uuid(now)?), Epoch::new(app.random()?));
    let secret =
        shown.secret.get().ok_or_else(|| Problem::unavailable("no-secret", "what link keys are derived from cannot be read for now"))?;
    let key = LinkKey::derive(secret, id, &epoch);
    let code = if is_coded { Some(Code::new(app.random()?)) } else { None };
    Ok((Birth { id, epoch, hash: key.hash(), code, via }, key))
}
