//! Data-use terms: looked up, and accepted by whoever is signed in; for the API and for their page.

use domain::{
    decision::{Action, Facts},
    id::TermsId,
    terms::DataTerms,
    user::User,
};
use http::StatusCode;
use table::once::Once;

use crate::{App, caller::Caller, problem::Problem};

/// The terms of this id.
///
/// # Errors
/// 404 where there are none.
pub async fn find(app: &App, id: &str) -> Result<DataTerms, Problem> {
    let id = TermsId::parse(id).map_err(|_not_one| Problem::not_found())?;
    app.table.terms(id).await?.ok_or_else(Problem::not_found)
}

/// Accepts terms for the caller.
///
/// # Errors
/// 404 where there are none, 403 `scope` for a token that may not.
pub async fn accept(app: &App, caller: &Caller, id: &str, once: Option<&Once>) -> Result<(DataTerms, User), Problem> {
    let now = app.now();
    let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
    let terms = find(app, id).await?;
    let user = app.table.accept_terms(&permit, terms.id(), once, now).await?;
    Ok((terms, user))
}

/// What is no id of terms, or of none that there are.
#[must_use]
pub fn unknown(pointer: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "terms", "there are no such data-use terms")
        .at(pointer)
        .hint("the id that `POST /api/v1/terms` answered, `v` and 26 characters")
}
