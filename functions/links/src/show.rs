//! `GET /api/v1/links/{id}`, and how a link is shown everywhere else.

use std::sync::{Arc, OnceLock};

use axum::{Extension, response::Response};
use domain::{
    dataset::Kind,
    decision::{Action, Facts, LinkFacts, Permit},
    id::LinkId,
    key::{DeploymentSecret, LinkKey},
    link::Link,
    path::encode_key,
    token::Scope,
};
use edge::{
    App,
    asked::{Id, with_version},
    caller::Caller,
    json,
    problem::Problem,
    trace::Verdict,
    zones::rests_on,
};
use jiff::Timestamp;

/// Shows a link. Its URL is in the answer for whoever made it, by a token that may make links; else `no_url` says why not. How many passes it has
/// given, where it gives so many, is there for its maker, too.
///
/// # Errors
/// 404 for a link that is not there or not the caller's to know of.
#[utoipa::path(get, path = "/api/v1/links/{id}", tag = "links", operation_id = "show_link", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The link's id")),
    responses((status = 200, description = "The link; `ETag` is its version", body = wire::link::Link), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn show(app: App, Extension(shown): Extension<Shown>, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let (facts, _permit) = load(&app, &caller, &id, Action::See, now).await?;
    let mut link = shown.link(&facts, &caller, now);
    if facts.link.maker == caller.user.id && facts.link.options.sessions_max.is_some() {
        link.sessions_given = Some(app.table.sessions_given(&facts.link).await?);
    }
    Ok(about(&facts, json::ok(&link)))
}

/// The facts of a link, and the caller's permit for `action` on it.
///
/// # Errors
/// 404 with one body for an id that is none, one that is nobody's, and one of a stranger's link.
pub(crate) async fn load(
    app: &App,
    caller: &Caller,
    id: &str,
    action: Action,
    now: Timestamp,
) -> Result<(Arc<LinkFacts>, Permit), Problem> {
    let id = LinkId::parse(id).map_err(|_not_one| Problem::not_found())?;
    let facts = Arc::new(app.table.link_by_id(id, caller.user.id, now).await?.ok_or_else(Problem::not_found)?);
    let permit = caller.may(action, &Facts::Link(Arc::clone(&facts)), now)?;
    Ok((facts, permit))
}

/// Names the link in the access line, and its version for a later edit.
pub(crate) fn about(facts: &LinkFacts, answer: Response) -> Response {
    let mut answer = with_version(answer, facts.link.version);
    let verdict = Verdict { link: Some(facts.link.id), dataset: Some(facts.link.dataset), ..Verdict::default() };
    answer.extensions_mut().insert(verdict);
    answer
}

/// What a link's addresses are made of: the deployment's secret, and where the data origin is.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) secret: Arc<OnceLock<DeploymentSecret>>,
    pub(crate) data_url: Option<Arc<str>>,
    pub(crate) app_url: Option<Arc<str>>,
}

impl Shown {
    /// A link as `caller` may see it: label and addresses are the maker's alone, and an address outlives the token that it was shown to, so it
    /// is shown to none that may not make links.
    pub(crate) fn link(&self, facts: &LinkFacts, caller: &Caller, now: Timestamp) -> wire::link::Link {
        let (link, place) = (&facts.link, &facts.place);
        let is_maker = link.maker == caller.user.id;
        let whole = place.dataset.path.join(&link.subpath).unwrap_or_default();
        let may_make_links = caller.token.may(Scope::Links);
        let is_shown = is_maker && may_make_links;
        let key = if is_shown { self.key(link) } else { None };
        let addresses = match (is_maker, may_make_links) {
            (false, _) => Err("not-maker"),
            (true, false) => Err("scope"),
            (true, true) => key.as_ref().and_then(|key| self.addresses(facts, key)).ok_or("secret"),
        };
        // A code stands in print whatever becomes of the secret.
        let code = link.code.filter(|_| is_shown).map(|code| code.to_string());
        let in_page = code.clone().or_else(|| key.filter(|_| addresses.is_ok()).map(|key| key.reveal()));
        let page = in_page.map(|text| format!("{}/s/{text}", self.app_url.as_deref().unwrap_or_default()));
        let no_url = addresses.as_ref().err().map(|why| (*why).to_owned());
        let (url, streamed_url, s3) = addresses.map_or((None, None, None), |all| (Some(all.url), Some(all.streamed_url), Some(all.s3)));
        wire::link::Link {
            id: link.id.to_string(),
            dataset: link.dataset.to_string(),
            source: link.source.to_string(),
            place: format!("{}:{whole}", place.source.name.as_str()),
            path: link.subpath.to_string(),
            name: link.name.clone(),
            class: link.class.word().to_owned(),
            label: is_maker.then(|| link.options.label.clone()),
            state: facts.state(now).word().to_owned(),
            until: link.end(place).map(|end| end.to_string()),
            rests_on: rests_on(facts, now),
            not_before: link.options.not_before.map(|begin| begin.to_string()),
            strict: link.options.strict,
            role: link.options.role.word().to_owned(),
            zones: link.options.zones.texts().collect(),
            hard_zones: link.options.hard_zones,
            hide_listing: link.options.hide_listing,
            level: link.options.level,
            password: link.options.password.is_some(),
            sessions_max: link.options.sessions_max,
            sessions_given: None,
            requests_per_second: link.options.requests_per_second,
            bytes_per_day: link.options.bytes_per_day,
            over_until: link.over_until.filter(|over| now < *over).map(|over| over.to_string()),
            given_until: link.given_until.filter(|given| now < *given).map(|given| given.to_string()),
            stops_within_secs: Some(link.stops_within_secs(&place.dataset, now)),
            stewarded: link.stewarded,
            maker: link.maker.to_string(),
            made: link.made.to_string(),
            version: link.version,
            revoked: facts.tombstone.as_ref().map(|stone| wire::link::Revoked {
                at: stone.at.to_string(),
                by: stone.by.to_string(),
                reason: stone.reason.clone(),
            }),
            code,
            page,
            url,
            streamed_url,
            s3,
            no_url,
        }
    }

    /// The key of a link; `None` where the secret is not there, or another than the one that it was made with: it still works, but nobody can say where.
    pub(crate) fn key(&self, link: &Link) -> Option<LinkKey> {
        let key = LinkKey::derive(self.secret.get()?, link.id, &link.epoch);
        (key.hash() == link.hash).then_some(key)
    }

    fn addresses(&self, facts: &LinkFacts, key: &LinkKey) -> Option<Addresses> {
        let link = &facts.link;
        let origin = self.data_url.as_deref()?;
        let (key, name) = (key.reveal(), encode_key(&link.name));
        let is_object = facts.place.dataset.kind == Kind::File || !link.subpath.is_folder();
        let slash = if is_object { "" } else { "/" };
        Some(Addresses {
            url: format!("{origin}/{key}/{name}"),
            streamed_url: format!("{origin}/{key}-s/{name}"),
            s3: wire::link::S3Address { endpoint: origin.to_owned(), prefix: format!("{}{slash}", link.name), bucket: key },
        })
    }
}

struct Addresses {
    url: String,
    streamed_url: String,
    s3: wire::link::S3Address,
}
