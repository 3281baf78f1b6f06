//! `GET /api/v1/sources/{id}`, and how a source is shown everywhere else.

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    id::SourceId,
    source::{Audience, Ceilings, Source, SourceName, State as Standing},
};
use edge::{
    App,
    asked::{Id, with_version},
    caller::Caller,
    json,
    problem::Problem,
};

/// Shows a source to an administrator.
///
/// # Errors
/// 403 for anybody else, 404 for a source that is not there.
#[utoipa::path(get, path = "/api/v1/sources/{id}", tag = "sources", operation_id = "show_source", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The source's id or name")),
    responses((status = 200, description = "The source; `ETag` is its version", body = wire::source::Source), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let _permit = caller.may(Action::Administer, &Facts::Deployment, app.now())?;
    let source = named(&app, &id).await?;
    Ok(with_version(json::ok(&shown(&source)), source.version))
}

/// The source of this id or name.
///
/// # Errors
/// 404 where there is none.
pub(crate) async fn named(app: &App, text: &str) -> Result<Source, Problem> {
    let found = match (SourceId::parse(text), SourceName::parse(text)) {
        (Ok(id), _) => app.table.source(id).await?,
        (Err(_), Ok(name)) => app.table.source_named(&name).await?,
        (Err(_), Err(_)) => None,
    };
    found.ok_or_else(Problem::not_found)
}

/// A source as an administrator sees it.
pub(crate) fn shown(source: &Source) -> wire::source::Source {
    let store = &source.store;
    wire::source::Source {
        id: source.id.to_string(),
        name: source.name.as_str().to_owned(),
        bucket: store.bucket.clone(),
        prefix: source.prefix.to_string(),
        region: store.region.clone(),
        endpoint: store.endpoint.clone(),
        path_style: store.path_style,
        role: store.role.as_ref().map(|role| role.arn.clone()),
        external_id: store.role.as_ref().and_then(|role| role.external_id.clone()),
        requester_pays: store.requester_pays,
        ceilings: ceilings(&source.ceilings),
        deployment_ceilings: (source.policy.ceilings != Ceilings::NONE).then(|| ceilings(&source.policy.ceilings)),
        writable: source.writable,
        serving: source.serving,
        state: state_word(source.state).to_owned(),
        root: source.root.to_string(),
        version: source.version,
    }
}

/// What a source allows, as answers show it.
pub(crate) fn ceilings(ceilings: &Ceilings) -> wire::source::Ceilings {
    wire::source::Ceilings {
        audience: word_of(ceilings.audience).to_owned(),
        link_days_max: ceilings.link_days_max,
        zones: ceilings.zones.texts().collect(),
        hard_zones: ceilings.hard_zones,
        terms: ceilings.terms.map(|terms| terms.to_string()),
    }
}

const AUDIENCES: [Audience; 4] = [Audience::Named, Audience::Accounts, Audience::Link, Audience::World];

/// An audience as answers name it.
pub(crate) fn word_of(audience: Audience) -> &'static str {
    match audience {
        Audience::Named => "named",
        Audience::Accounts => "accounts",
        Audience::Link => "link",
        Audience::World => "world",
    }
}

/// The audience of this word.
pub(crate) fn audience(word: &str) -> Option<Audience> {
    AUDIENCES.into_iter().find(|audience| word_of(*audience) == word)
}

/// The word for whether an item takes part.
pub(crate) fn state_word(state: Standing) -> &'static str {
    match state {
        Standing::Active => "active",
        Standing::Retired => "retired",
        Standing::Arriving => "arriving",
    }
}
