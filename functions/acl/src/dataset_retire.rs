//! `POST /api/v1/datasets/{id}/retire`: a dataset is one no longer; its place is free (ADR 0041).

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Facts, Place},
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
use jiff::Timestamp;
use table::{Page, TableError};

use crate::{
    dataset_show::shown,
    effects::{self, Supposed},
    project::Trial,
    sharing_links,
    source_edit::bounded,
};

/// Retires a dataset for good, by who owns it: links on it answer 410, nothing is granted by it any more, and its place may be registered again,
/// as another dataset. What lies above reaches its files as it did. With `dry_run`, says who would lose what.
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
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
            return answer(&app, &caller, facts.place.clone(), Vec::new(), None).await;
        }
        let permit = caller.may(Action::HandOver, &Facts::Dataset(Arc::clone(&facts)), now)?;
        let before = &facts.place.dataset;
        let after = before.retired(facts.reach.above.iter().map(|above| &above.dataset))?;
        let links_ended = open_links(&app, &facts, now).await?;
        if trial.dry_run {
            if app.table.holds_others(before).await? {
                return Err(TableError::HoldsOthers.into());
            }
            let supposed = Supposed::retired(&app, before, after).await?;
            let effects = effects::of(&app, &caller, &supposed, now).await?;
            return answer(&app, &caller, facts.place.clone(), links_ended, Some(effects)).await;
        }
        match app.table.retire_dataset(&permit, &facts, (reason.as_deref(), once.as_ref()), now).await {
            // Something else of the dataset changed, or was registered in it: decide on how it is now.
            Err(TableError::Stale) => rounds.another().await?,
            retired => {
                let place = Place { dataset: retired?, source: facts.place.source.clone() };
                return answer(&app, &caller, place, links_ended, None).await;
            }
        }
    }
}

/// The links on a dataset that open now or may again, of the latest 100.
async fn open_links(app: &App, facts: &DatasetFacts, now: Timestamp) -> Result<Vec<String>, Problem> {
    let links = app.table.links_of_dataset(facts.place.dataset.id, &Page::default(), now).await?;
    Ok(links.items.iter().filter_map(|link| sharing_links::shown(link, now)).map(|link| link.id).collect())
}

async fn answer(
    app: &App,
    caller: &Caller,
    place: Place,
    links_ended: Vec<String>,
    effects: Option<wire::project::Effects>,
) -> Result<Response, Problem> {
    // Publication links may have opened it: theirs is the widest bound.
    let enforced_by = effects.is_none().then(|| place.dataset.enforced_by(Timing::WORLD, app.now()).to_string());
    let dataset = shown(&*caller.at(app, place).await?, caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::dataset::Retired { dataset, enforced_by, links_ended, effects }), version))
}
