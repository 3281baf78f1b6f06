//! What opening a dataset to everybody does, said before it is done; and what stays after it was closed again.

use domain::{
    dataset::{Dataset, Visibility},
    decision::DatasetFacts,
    grant::Subject,
    limits::LINKS_ENDED_MAX,
};
use edge::{App, problem::Problem};
use http::StatusCode;
use jiff::Timestamp;

use crate::{ending::Ending, sharing_links, ways::words};

/// What is opened where nothing is granted yet, or nothing more than everybody has.
const WHAT_WILL_BE: &str = "what will be granted to them";

/// Refuses to open a dataset to all accounts or the world, whether they get something by it now or what will be granted to them, and says
/// what: `confirm` says that it is meant.
///
/// # Errors
/// 409 `confirmation-needed`; 503 where the table does not answer.
pub(crate) async fn confirmed(app: &App, facts: &DatasetFacts, then: &DatasetFacts, now: Timestamp) -> Result<(), Problem> {
    let (before, after) = (&facts.place.dataset, &then.place.dataset);
    let effects = on_all(facts, then, now);
    let gained = |to: &str| effects.iter().find(|effect| effect.to == to).map(|effect| effect.gains.join(", ")).filter(|it| !it.is_empty());
    let is_switched = |to: Visibility| after.visibility == to && after.visibility > before.visibility;
    let (whom, what) = match (gained("world"), gained("accounts")) {
        (Some(what), _) => ("everybody, without signing in,", what),
        (None, _) if is_switched(Visibility::World) => ("everybody, without signing in,", WHAT_WILL_BE.to_owned()),
        (None, Some(what)) => ("everybody with an account", what),
        (None, None) if is_switched(Visibility::Accounts) => ("everybody with an account", WHAT_WILL_BE.to_owned()),
        (None, None) => return Ok(()),
    };
    let below = match app.table.reached_below(after).await? {
        (0, _) => String::new(),
        (1, false) => " and at 1 dataset in it".to_owned(),
        (count, more) => format!(" and at {count}{} datasets in it", if more { " or more" } else { "" }),
    };
    let place = facts.place.source.text_of(&before.path);
    Err(Problem::new(StatusCode::CONFLICT, "confirmation-needed", format!("{whom} would get {what} at `{place}`{below}"))
        .at("/confirm")
        .hint("send `confirm: true` if that is meant; `?dry_run=true` says more"))
}

/// What all accounts and the world would gain and lose.
pub(crate) fn on_all(facts: &DatasetFacts, then: &DatasetFacts, now: Timestamp) -> Vec<wire::dataset::EffectOnAll> {
    let effect = |(all, to): (Subject, &str)| {
        let (has, would) = (facts.given_to_all(all, now), then.given_to_all(all, now));
        let differs = has != would;
        let effect =
            || wire::dataset::EffectOnAll { to: to.to_owned(), gains: words(would.without(has)), loses: words(has.without(would)) };
        differs.then(effect)
    };
    [(Subject::Accounts, "accounts"), (Subject::World, "world")].into_iter().filter_map(effect).collect()
}

/// The links that open a dataset, or may again, once it is this: on it, and on each above that reaches it; and whether there may be others.
///
/// # Errors
/// 503 where the table does not answer.
pub(crate) async fn links_left(app: &App, facts: &DatasetFacts, after: &Dataset, now: Timestamp) -> Result<(Vec<String>, bool), Problem> {
    // Those are left that would end if all did.
    let ended = Dataset { links_gen: after.links_gen.saturating_add(1), ..after.clone() };
    let mut ending = Ending::default();
    ending.of_dataset(&ended);
    let (mut left, more) = ending.links(app, now).await?;
    let room = LINKS_ENDED_MAX.saturating_sub(left.len());
    let (above, next) = sharing_links::above(app, facts, u16::try_from(room).unwrap_or(u16::MAX), now).await?;
    left.extend(above.into_iter().map(|link| link.id));
    Ok((left, more || next.is_some()))
}

/// What nobody can call back, of what was given until `enforced_by`.
pub(crate) fn beyond_recall(enforced_by: &str) -> Vec<wire::dataset::BeyondRecall> {
    let of = |code: &str, detail: &str, until: Option<&str>| wire::dataset::BeyondRecall {
        code: code.to_owned(),
        detail: detail.to_owned(),
        until: until.map(str::to_owned),
    };
    vec![
        of("copies", "Copies that somebody made stay, and a download that is under way may finish.", None),
        of("signed-addresses", "Addresses that were signed before work for whoever has them.", Some(enforced_by)),
        of("caches", "Browsers and programs keep what they loaded for as long as they like.", None),
    ]
}
