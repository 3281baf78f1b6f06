//! `POST /api/v1/datasets/{id}/levels`: the levels of its images, read from its metadata again.

use axum::response::Response;
use domain::{
    decision::{Action, Facts, Place},
    delegation::may_open,
    levels::Levels,
    rights::Right,
    timing::Timing,
};
use edge::{
    App,
    asked::{Id, IfMatch, with_version},
    caller::Caller,
    json,
    once::Once,
    problem::Problem,
};
use table::grants::Grounds;

use crate::dataset_show::shown;

/// Reads the levels of a dataset's images again, and keeps them: what was registered before levels were kept has none, and metadata change.
/// By who administers it. Where metadata say what they said before, nothing changes.
///
/// # Errors
/// 428 without `If-Match`, 412 for another version, 403 without the right to administer it, for good where more would open, 503 where the store does not answer in time.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/levels", tag = "datasets", operation_id = "read_levels", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h"), ("If-Match" = String, Header, description = "The `ETag` of the dataset as it was read")),
    responses((status = 200, description = "The dataset, the levels that were found, and when less of them opens, if so", body = wire::dataset::LevelsRead), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn read(app: App, caller: Caller, Id(id): Id, seen: IfMatch, once: Once) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let permit = caller.may(Action::Grant, &Facts::Dataset(facts.clone()), now)?;
    let once = once.of(&format!("POST /api/v1/datasets/{id}/levels"), b"");
    let before = &facts.place.dataset;
    let (after, narrows) = if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_some() {
        // The same request again: it was done, on the version that it names.
        (before.clone(), true)
    } else {
        seen.check(before.version)?;
        let levels = app.objects.levels(&permit, &before.path, now).await?;
        // What wakes up by a map that knows more was given by others, for good (ADR 0014).
        if before.levels.narrow(&levels) {
            may_open(&permit, before.id)?;
        }
        let grounds = Grounds { facts: &facts, via: caller.via(&facts, Right::Administer, now) };
        let after = app.table.set_levels(&permit, grounds, levels, once.as_ref(), now).await?;
        let narrows = after.levels.narrow(&before.levels);
        (after, narrows)
    };
    // Publication links may have opened what opens no more: theirs is the widest bound. It runs from here.
    let enforced_by = narrows.then(|| before.enforced_by(Timing::WORLD, app.now()).to_string());
    let levels = arrays(&after.levels);
    let now_there = caller.at(&app, Place { source: facts.place.source.clone(), dataset: after }).await?;
    let dataset = shown(&now_there, &caller, app.now());
    let version = dataset.version;
    Ok(with_version(json::ok(&wire::dataset::LevelsRead { dataset, levels, enforced_by }), version))
}

fn arrays(levels: &Levels) -> Vec<wire::dataset::LevelArrays> {
    let mut arrays: Vec<_> =
        levels.arrays().map(|(arrays, level)| wire::dataset::LevelArrays { level, path: arrays.to_string() }).collect();
    arrays.sort_by(|one, other| (one.level, &one.path).cmp(&(other.level, &other.path)));
    arrays
}
