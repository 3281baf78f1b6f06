//! `POST /api/v1/datasets/{id}/retire`: a dataset is one no longer; its place is free (ADR 0041).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, Facts, Place},
    id::LinkId,
    timing::Timing,
};
use edge::{
    App,
    asked::{Filters, Id, with_version},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    rounds::Rounds,
};
use table::TableError;

use crate::{
    dataset_show::shown,
    effects::{self, Supposed, Trial},
    ending::Ending,
    source_edit::bounded,
};

/// Retires a dataset for good, by who owns it: links on it answer 410, nothing is granted by it any more, and its place may be registered again,
/// as another dataset. What lies above reaches its files as it did. With `dry_run`, says who would lose what, and
/// which links would end.
///
/// # Errors
/// 403 for anybody but an owner; 409 `source-root`, `restricted`, and `holds-others` where other datasets lie in it.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/retire", tag = "datasets", operation_id = "retire_dataset", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Trial, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::dataset::Retire,
    responses((status = 200, description = "The dataset after it, or with what it would do", body = wire::dataset::Retired), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn retire(
    app: App,
    caller: Caller,
    Id(id): Id,
    Filters(trial): Filters<Trial>,
    once: Once,
    Body { ask, bytes }: Body<wire::dataset::Retire>,
) -> Result<Response, Problem> {
    let once = once.of(&format!("POST /api/v1/datasets/{id}/retire"), &bytes).filter(|_| !trial.dry_run);
    let reason = bounded(ask.reason)?;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        if let Some(told) = app.table.once_if(caller.user.id, once.as_ref(), now).await? {
            return answer(&app, &caller, facts.place.clone(), ended_of(&told), None).await;
        }
        let permit = caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let before = &facts.place.dataset;
        let after = before.retired(facts.reach.above.iter().map(|above| &above.dataset))?;
        if trial.dry_run {
            if app.table.holds_others(before).await? {
                return Err(TableError::HoldsOthers.into());
            }
            let supposed = Supposed::retired(&app, &caller, before, after).await?;
            let mut effects = effects::of(&app, &caller, &supposed, now).await?;
            let ended = (std::mem::take(&mut effects.links_ended), std::mem::take(&mut effects.more_links));
            return answer(&app, &caller, facts.place.clone(), ended, Some(effects)).await;
        }
        let mut ending = Ending::default();
        ending.of_dataset(&after);
        let ended = ending.links(&app, now).await?;
        let told = told_of(&ended);
        match app.table.retire_dataset(&permit, &facts, (reason.as_deref(), &told, once.as_ref()), now).await {
            // Something else of the dataset changed, or was registered in it: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            retired => {
                let place = Place { dataset: retired?, source: facts.place.source.clone() };
                return answer(&app, &caller, place, ended, None).await;
            }
        }
    }
}

/// The links that ended, and whether there may be others.
type Ended = (Vec<String>, bool);

/// Stands for others among the ids that a replay is told.
const OTHERS: &str = "others";

/// What is remembered of the links that ended, for a replay: their state says only that they stopped, and by now perhaps for another reason.
fn told_of((links, more): &Ended) -> String {
    links.iter().map(String::as_str).chain(more.then_some(OTHERS)).collect::<Vec<_>>().join(" ")
}

fn ended_of(told: &str) -> Ended {
    let (more, links): (Vec<_>, Vec<_>) = told.split_whitespace().partition(|word| *word == OTHERS);
    (links.into_iter().filter(|word| LinkId::parse(word).is_ok()).map(str::to_owned).collect(), !more.is_empty())
}

async fn answer(
    app: &App,
    caller: &Caller,
    place: Place,
    (links_ended, more_links): Ended,
    effects: Option<wire::project::Effects>,
) -> Result<Response, Problem> {
    // Publication links may have opened it: theirs is the widest bound.
    let enforced_by = effects.is_none().then(|| place.dataset.enforced_by(Timing::WORLD, app.now()).to_string());
    let dataset = shown(&*caller.at(app, place).await?, caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::dataset::Retired { dataset, enforced_by, links_ended, more_links, effects }), version))
}
