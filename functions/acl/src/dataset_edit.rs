//! `PATCH /api/v1/datasets/{id}`: whom it is open to, whether what is granted above reaches it, whether it is strict, and who is to own it next. And handing it over where its owner cannot offer it (`offer.rs`).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    dataset::{Dataset, RetireError, Visibility},
    decision::{Action, DatasetFacts, Facts, Permit, Place},
    delegation::{may_inherit, may_open, may_open_to_all},
    grant::GrantError,
    id::UserId,
    opening::Opens,
    rights::Right,
    source::{Audience, State},
    timing::Timing,
    user::Standing,
};
use edge::{
    App,
    asked::{Filters, Id, IfMatch, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, datasets::Did, grants::Grounds};

use crate::{
    dataset_show::shown,
    effects::{self, Supposed, Trial},
    offer::suspended,
    opening::{beyond_recall, confirmed, links_left, on_all},
    openings,
    source_edit::bounded,
    subject::person,
};

/// Changes a dataset, one thing at a time. With `dry_run`, says what that would do.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 403 without the right to administer it, or to own it for its successor, or beyond the
/// source's ceiling or the deployment's; 409 `confirmation-needed` to open it to accounts or the world; 422 for a person who is not there.
#[utoipa::path(patch, path = "/api/v1/datasets/{id}", tag = "datasets", operation_id = "edit_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the dataset as it was read")),
    request_body(content = wire::dataset::DatasetEdit, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The dataset after the change, or with what the change would do", body = wire::dataset::DatasetEdited),
        (status = 202, description = "It waits for a second person, and was not done", body = wire::opening::Opening), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn edit(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    seen: IfMatch,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::DatasetEdit>,
) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let action = if ask.successor.is_some() { Action::HandOver } else { Action::Grant };
    let permit = caller.may(action, &Facts::Dataset(facts.clone()), now)?;
    let once = once.of(&format!("PATCH /api/v1/datasets/{id}"), &bytes).filter(|_| !trial.dry_run);
    let before = &facts.place.dataset;
    if let Some(did) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
        if let Some(asked) = openings::asked_before(&app, &facts, &did, now).await? {
            return Ok(asked);
        }
        // The same request again: it was done, on the version that it names.
        let did = Did::read(&did);
        let wide = ask.restricted == Some(true) || ask.strict == Some(true) || ask.end_links;
        let bound = || before.enforced_by(if wide { Timing::WORLD } else { Timing::PRIVATE }, app.now());
        let enforced_by = (did == Did::Narrowed).then(bound);
        let closed = ask.visibility.is_some() && did != Did::Widened;
        let told = told(&app, &facts, before, (closed, enforced_by)).await;
        return answer(&app, &caller, &facts, before.clone(), told).await;
    }
    not_retired(&facts)?;
    seen.check(before.version)?;
    let is_confirmed = ask.confirm || trial.dry_run;
    let change = Change::read(&app, &caller, (&permit, &facts), ask, now).await?;
    let mut takes_two = false;
    if let Some(then) = change.opens(&facts) {
        if !is_confirmed {
            confirmed(&app, &facts, &then, now).await?;
        }
        takes_two = match may_open_to_all(&permit, &then, now) {
            Err(GrantError::SecondPerson) => true,
            alone => alone.map(|()| false)?,
        };
    }
    if trial.dry_run {
        let told = Told { takes_two, ..change.tried(&app, &caller, &facts, now).await? };
        return answer(&app, &caller, &facts, before.clone(), told).await;
    }
    if takes_two {
        return Ok(openings::ask(&app, &caller, (&permit, &facts), change.asked(), once.as_ref(), now).await??);
    }
    let closes = matches!(change, Change::Visibility { to, .. } if to <= before.visibility);
    let after = change.made(&app, (&caller, &permit, &facts), once.as_ref(), now).await?;
    // Publication links above may have opened what is restricted now, and those on what is strict now gave what they gave: theirs is the widest bound.
    let shuts = (after.restricted && !before.restricted) || (after.strict && !before.strict);
    let enforced_by = if shuts {
        Some(Timing::WORLD.enforced_by(app.now(), None))
    } else if after.links_gen > before.links_gen {
        Some(before.enforced_by(Timing::WORLD, app.now()))
    } else {
        (after.visibility < before.visibility).then(|| before.enforced_by(Timing::PRIVATE, app.now()))
    };
    let told = told(&app, &facts, &after, (closes, enforced_by)).await;
    answer(&app, &caller, &facts, after, told).await
}

/// What is to be another thing of a dataset.
enum Change {
    Nothing,
    Successor(Option<UserId>),
    Visibility {
        to: Visibility,
        /// Why, and by what permit its links are to end, too.
        reason: Option<String>,
        ends: Option<Permit>,
    },
    Restricted(bool),
    Strict(bool),
}

impl Change {
    /// How the dataset would be, where more people may get something by it.
    fn opens(&self, facts: &DatasetFacts) -> Option<DatasetFacts> {
        let before = &facts.place.dataset;
        match self {
            Self::Visibility { to, .. } if *to > before.visibility => Some(facts.supposing(Dataset { visibility: *to, ..before.clone() })),
            Self::Restricted(false) if before.restricted => Some(facts.clone().cut_off(false)),
            _ => None,
        }
    }

    /// What a second person is asked to approve, and why.
    fn asked(self) -> (Opens, Option<String>) {
        match self {
            Self::Visibility { to, reason, .. } => (Opens::Visibility(to), reason),
            // Nothing else opens it.
            _ => (Opens::Unrestricted, None),
        }
    }

    /// The change that is asked for, if the caller may make it.
    async fn read(
        app: &App,
        caller: &Caller,
        (permit, facts): (&Permit, &Arc<DatasetFacts>),
        ask: wire::dataset::DatasetEdit,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let before = &facts.place.dataset;
        if ask.visibility.is_none() && (ask.end_links || ask.reason.is_some()) {
            let pointer = if ask.end_links { "/end_links" } else { "/reason" };
            return Err(wrong("visibility", pointer, "this goes with a visibility", "name the `visibility` that it is to have"));
        }
        Ok(match (ask.visibility.as_deref(), ask.restricted, ask.strict, ask.successor) {
            (None, None, None, None) => Self::Nothing,
            (None, None, None, Some(None)) => Self::Successor(None),
            (None, None, None, Some(Some(name))) => Self::Successor(Some(successor(app, &name, before).await?)),
            (Some(word), None, None, None) => {
                let to = visibility(word, facts)?;
                if to > before.visibility {
                    may_open(permit, before.id)?;
                }
                let reason = bounded(ask.reason)?;
                let ends = if ask.end_links { Some(ends_links(caller, facts, (to, reason.as_deref()), now)?) } else { None };
                Self::Visibility { to, reason, ends }
            }
            (None, Some(restricted), None, None) => {
                if restricted {
                    check_restricted(app, permit, before).await?;
                } else {
                    may_open(permit, before.id)?;
                }
                Self::Restricted(restricted)
            }
            (None, None, Some(strict), None) => {
                // What others gave then reads on for longer than they were told, for good (ADR 0049).
                if before.strict && !strict {
                    may_open(permit, before.id)?;
                }
                Self::Strict(strict)
            }
            _ => return Err(wrong("one-change", "", "one thing of a dataset is changed at a time", "send two requests")),
        })
    }

    /// Makes it.
    async fn made(
        self,
        app: &App,
        (caller, permit, facts): (&Caller, &Permit, &DatasetFacts),
        once: Option<&table::once::Once>,
        now: Timestamp,
    ) -> Result<Dataset, Problem> {
        let grounds = Grounds { facts, via: caller.via(facts, Right::Administer, now) };
        Ok(match self {
            Self::Nothing => facts.place.dataset.clone(),
            Self::Successor(to) => app.table.set_successor(permit, facts, to, once, now).await?,
            Self::Visibility { to, reason, ends: Some(ends) } => {
                app.table.close((permit, &ends), grounds, to, (reason.as_deref().unwrap_or_default(), once), now).await?
            }
            Self::Visibility { to, reason, ends: None } => {
                app.table.set_visibility(permit, grounds, to, (reason.as_deref(), once), now).await?
            }
            Self::Restricted(restricted) => app.table.set_restricted(permit, grounds, restricted, once, now).await?,
            Self::Strict(strict) => app.table.set_strict(permit, grounds, strict, once, now).await?,
        })
    }

    /// What it would do.
    async fn tried(&self, app: &App, caller: &Caller, facts: &DatasetFacts, now: Timestamp) -> Result<Told, Problem> {
        let before = &facts.place.dataset;
        let (supposed, then) = match self {
            Self::Visibility { to, ends, .. } => {
                let links_gen = before.links_gen.saturating_add(u64::from(ends.is_some()));
                let then = Dataset { visibility: *to, links_gen, ..before.clone() };
                (Supposed::shown_to(app, caller, before, then.clone()).await?, facts.supposing(then))
            }
            Self::Restricted(restricted) if *restricted != before.restricted => {
                (Supposed::cut(app, caller, facts, *restricted).await?, facts.clone().cut_off(*restricted))
            }
            // Nobody gets another thing by these.
            Self::Nothing | Self::Successor(_) | Self::Strict(_) | Self::Restricted(_) => {
                let (effects, audience_then) = (Some(wire::project::Effects::default()), Some(facts.audience(now)));
                return Ok(Told { effects, audience_then, ..Told::default() });
            }
        };
        let mut told = Told { on_all: on_all(facts, &then, now), audience_then: Some(then.audience(now)), ..Told::default() };
        let (after, widens) = (&then.place.dataset, then.place.dataset.visibility > before.visibility);
        if widens {
            told.below = Some(app.table.reached_below(after).await?);
        }
        let effects = effects::of(app, caller, &supposed, now).await?;
        let closes = matches!(self, Self::Visibility { .. }) && after.visibility <= Visibility::Project && !widens;
        if closes {
            let (mut left, more) = links_left(app, facts, after, now).await?;
            left.retain(|link| !effects.links_ended.contains(link));
            told.links_left = (left, more);
        }
        told.effects = Some(effects);
        Ok(told)
    }
}

/// The permit by which the links of a dataset end with its being open to others.
fn ends_links(
    caller: &Caller,
    facts: &Arc<DatasetFacts>,
    (to, reason): (Visibility, Option<&str>),
    now: Timestamp,
) -> Result<Permit, Problem> {
    if to > Visibility::Project {
        let detail = "links end with a dataset's being open to everybody";
        return Err(wrong(
            "visibility",
            "/end_links",
            detail,
            "`private` or `project`; or revoke them: `POST /api/v1/datasets/{id}/links/revoke`",
        ));
    }
    let permit = caller.may(Action::RevokeAll, &Facts::Dataset(Arc::clone(facts)), now)?;
    if reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Problem::new(StatusCode::CONFLICT, "reason-needed", "ending every link of a dataset needs a reason")
            .at("/reason")
            .hint("say why; it stands in the audit"));
    }
    Ok(permit)
}

/// What was retired changes no more: it would be tried until there was time for no other try.
///
/// # Errors
/// 410 `dataset-retired`.
pub(crate) fn not_retired(facts: &DatasetFacts) -> Result<(), Problem> {
    if facts.place.dataset.state == State::Retired { Err(RetireError::Before.into()) } else { Ok(()) }
}

/// The person who is to own a dataset next.
async fn successor(app: &App, name: &str, dataset: &Dataset) -> Result<UserId, Problem> {
    let id = person(app, name, "/successor").await?.id;
    if id == dataset.owner {
        return Err(wrong("successor", "/successor", "the owner succeeds nobody", "name somebody else, or `null` for nobody"));
    }
    Ok(id)
}

/// Hands a dataset whose owner is suspended over to another, by whom the owner named as successor, or by an administrator, who does not hand
/// it to himself. What was granted stays, and so do links whose makers may still share. Whoever owns one offers it.
///
/// # Errors
/// 403 for anybody else, and `to-oneself`; 409 `owner-active`, `offer-it`; 422 for a person who is not there, and `suspended-owner` for one who is suspended.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/hand-over", tag = "datasets", operation_id = "hand_over_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::dataset::HandOver,
    responses((status = 200, description = "The dataset after the change", body = wire::dataset::DatasetChanged), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn hand_over(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::HandOver>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/hand-over"), &bytes);
    let reason = bounded(ask.reason)?;
    let shut = |facts: &DatasetFacts| facts.place.dataset.enforced_by(Timing::PRIVATE, app.now());
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            // The same request again: whoever sent it has nothing there any more to be asked by.
            return handed(&app, &caller, &facts, facts.place.dataset.clone(), shut(&facts)).await;
        }
        let permit = succeeds(&app, &caller, &facts, now).await?;
        let to = person(&app, &ask.to, "/to").await?;
        if to.standing == Standing::Suspended {
            return Err(suspended());
        }
        may_inherit(&permit, &facts.place.dataset, to.id)?;
        match app.table.hand_over(&permit, &facts, to.id, (reason.as_deref(), once.as_ref()), now).await {
            // Something else of the dataset changed: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            after => return handed(&app, &caller, &facts, after?, shut(&facts)).await,
        }
    }
}

async fn handed(app: &App, caller: &Caller, facts: &DatasetFacts, after: Dataset, enforced_by: Timestamp) -> Result<Response, Problem> {
    let (dataset, version) = after_it(app, caller, facts, after).await?;
    let enforced_by = Some(enforced_by.to_string());
    Ok(with_version(json::ok(&wire::dataset::DatasetChanged { dataset, enforced_by }), version))
}

/// The permit of whoever hands a dataset over in its owner's place.
async fn succeeds(app: &App, caller: &Caller, facts: &Arc<DatasetFacts>, now: Timestamp) -> Result<Permit, Problem> {
    let owner = app.table.user(facts.place.dataset.owner).await?.ok_or_else(Problem::not_found)?;
    let orphan = Facts::Orphan { dataset: Arc::clone(facts), owner: Arc::new(owner) };
    let why = match caller.may(Action::HandOver, &orphan, now) {
        Ok(permit) => return Ok(permit),
        Err(why) => why,
    };
    match caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(facts)), now) {
        Ok(_owns_it) => Err(Problem::new(StatusCode::CONFLICT, "offer-it", "nobody is made an owner who has not agreed")
            .hint("offer it: `POST /api/v1/datasets/{id}/offers`")),
        Err(other) if why.code == Problem::NOT_FOUND => Err(other),
        Err(_nobody_who_owns_it) => Err(why),
    }
}

/// What an answer says beside the dataset.
#[derive(Default)]
struct Told {
    enforced_by: Option<Timestamp>,
    /// Links that open all the same, and whether there may be others.
    links_left: (Vec<String>, bool),
    /// Whether it was to be open to no more people than before.
    closes: bool,
    effects: Option<wire::project::Effects>,
    on_all: Vec<wire::dataset::EffectOnAll>,
    /// Whom it would be open to.
    audience_then: Option<Visibility>,
    /// How many datasets in it are opened with it, and whether there may be more.
    below: Option<(usize, bool)>,
    /// Whether it would wait for a second person.
    takes_two: bool,
}

/// What is said of a change that was made.
async fn told(app: &App, facts: &DatasetFacts, after: &Dataset, (closes, enforced_by): (bool, Option<Timestamp>)) -> Told {
    let links_left = if closes && after.visibility <= Visibility::Project {
        // It was done, whether or not somebody can say what is left.
        links_left(app, facts, after, app.now()).await.unwrap_or((Vec::new(), true))
    } else {
        (Vec::new(), false)
    };
    Told { enforced_by, links_left, closes, ..Told::default() }
}

async fn answer(app: &App, caller: &Caller, facts: &DatasetFacts, after: Dataset, told: Told) -> Result<Response, Problem> {
    let Told { enforced_by, links_left: (links_left, more_links), closes, effects, on_all, audience_then, below, takes_two } = told;
    let enforced_by = enforced_by.map(|at| at.to_string());
    let beyond_recall = enforced_by.as_deref().filter(|_| closes).map(beyond_recall).unwrap_or_default();
    let marked = after.curated.is_some();
    let (dataset, version) = after_it(app, caller, facts, after).await?;
    let audience = audience_then.or_else(|| Visibility::of(&dataset.audience)).unwrap_or(Visibility::Private);
    let edited = wire::dataset::DatasetEdited {
        dataset,
        enforced_by,
        links_left,
        more_links,
        beyond_recall,
        effects,
        effects_on_all: on_all,
        audience_then: audience_then.map(|audience| audience.word().to_owned()),
        mark_asleep: marked && audience < Visibility::Accounts,
        opened_below: below.map(|(count, _)| count),
        more_below: below.is_some_and(|(_, more)| more),
        second_person: takes_two,
    };
    Ok(with_version(json::ok(&edited), version))
}

/// A dataset as the caller sees it after a change, and its version.
async fn after_it(app: &App, caller: &Caller, facts: &DatasetFacts, after: Dataset) -> Result<(wire::dataset::Dataset, u64), Problem> {
    let place = Place { source: facts.place.source.clone(), dataset: after };
    let dataset = shown(&*caller.at(app, place).await?, caller, app.now());
    let version = dataset.version;
    Ok((dataset, version))
}

fn visibility(word: &str, facts: &DatasetFacts) -> Result<Visibility, Problem> {
    let visibility = Visibility::of(word)
        .ok_or_else(|| wrong("visibility", "/visibility", "there is no such visibility", "`private`, `project`, `accounts` or `world`"))?;
    let least = match visibility {
        Visibility::Private | Visibility::Project => Audience::Named,
        Visibility::Accounts => Audience::Accounts,
        Visibility::World => Audience::World,
    };
    if let Some(of) = facts.place.source.forbids(least) {
        return Err(Problem::from(GrantError::AudienceTooWide { of }).at("/visibility"));
    }
    if visibility == Visibility::Project && facts.place.dataset.project.is_none() {
        return Err(wrong("visibility", "/visibility", "the dataset is in no project", "`private`, `accounts` or `world`"));
    }
    Ok(visibility)
}

/// Whether there is something to keep from a dataset, and readers of what lies above are not left with holes in an array.
async fn check_restricted(app: &App, permit: &Permit, dataset: &Dataset) -> Result<(), Problem> {
    if dataset.ancestors.is_empty() {
        return Err(wrong("nothing-above", "/restricted", "nothing is granted above a source's own dataset", "restrict one below it"));
    }
    if app.objects.array_around(permit, app.now()).await?.is_some() {
        let detail = "it lies in a Zarr array, whose readers would take the part that is kept from them for fill value";
        return Err(wrong("in-an-array", "/restricted", detail, "restrict the whole array, or a group that it lies in"));
    }
    Ok(())
}

fn wrong(code: &'static str, pointer: &'static str, detail: &'static str, hint: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer).hint(hint)
}
