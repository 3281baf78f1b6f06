//! `POST /api/v1/check`: may this person do this to that, and which rule says so. The same decision as everywhere, asked and not acted on.

use std::sync::Arc;

use axum::response::Response;
use domain::{
    decision::{Action, DatasetFacts, Denial, Facts, Principal, Who, decide},
    grant::Net,
    path::ObjectPath,
    source::State as Standing,
    token::{Scope, Token, TokenKind},
    user::{Standing as PersonStanding, User},
};
use edge::{App, caller::Caller, json, json::Body, problem::Problem};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::{clone::original, subject::person, ways};

/// Answers for the caller about anything the caller may know of, and about others for who administers the dataset and for auditors. Of a clone its
/// original is asked about, on which what is read at it is decided.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 about others without the right to administer it.
#[utoipa::path(post, path = "/api/v1/check", tag = "grants", operation_id = "check", security(("token" = ["read"])),
    request_body = wire::grant::CheckAsk,
    responses((status = 200, description = "The answer, with every gate and every way", body = wire::grant::Check), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn check(app: App, caller: Caller, Body { ask, .. }: Body<wire::grant::CheckAsk>) -> Result<Response, Problem> {
    let now = app.now();
    let own = original(&app, &caller, &ask.dataset).await?;
    let may = |action| caller.may(action, &Facts::Dataset(Arc::clone(&own)), now);
    let about = match ask.user.as_deref() {
        None => User::clone(&caller.user),
        Some(text) => {
            let _may_ask = may(Action::See).or_else(|why| may(Action::Audit).map_err(|_worse| why))?;
            person(&app, text, "/user").await?
        }
    };
    let is_own = about.id == caller.user.id;
    let _may_ask = may(if is_own { Action::See } else { Action::Audit })?;
    let facts = if is_own { own } else { caller_of(&app, &own, &about).await? };
    let net = match ask.address.as_deref() {
        None => caller.principal.net,
        Some(text) => {
            Net::At(text.trim().parse().map_err(|_not_one| wrong("address", "that is no address", "/address", "such as `192.0.2.7`"))?)
        }
    };
    let action = action(&ask.action)?;
    let path = ObjectPath::from_decoded(ask.path.unwrap_or_default()).map_err(|why| Problem::from(why).at("/path"))?;
    let token = every_scope(&about, &caller.token, now);
    let about = Arc::new(about);
    let principal = Principal { who: Who::Token { user: Arc::clone(&about), token: Arc::new(token) }, net };
    Ok(json::ok(&answer(&about, &principal, &facts, action, &path, now)))
}

async fn caller_of(app: &App, own: &DatasetFacts, about: &User) -> Result<Arc<DatasetFacts>, Problem> {
    let facts = app.table.dataset_facts(own.place.dataset.id, Some(about.id)).await?;
    Ok(Arc::new(facts.ok_or_else(Problem::not_found)?))
}

fn answer(
    about: &User,
    principal: &Principal,
    facts: &Arc<DatasetFacts>,
    action: Action,
    path: &ObjectPath,
    now: Timestamp,
) -> wire::grant::Check {
    let net = principal.net;
    let decided = decide(principal, action, &Facts::Dataset(Arc::clone(facts)), now);
    let opened = decided.and_then(|permit| match permit.scope() {
        Some(scope) => scope.key(path).map(|_key| ()),
        None => Ok(()),
    });
    let refusal = opened.err();
    let problem = refusal.map(Problem::from);
    let place = &facts.place;
    let rights = facts.rights_of(Some(about), net, now);
    let gate = |gate: &str, open: bool| wire::grant::Gate { gate: gate.to_owned(), open };
    wire::grant::Check {
        dataset: place.dataset.id.to_string(),
        allowed: refusal.is_none(),
        code: problem.map(|problem| problem.code.to_owned()),
        why: refusal.map(|why: Denial| why.to_string()),
        rights: ways::words(rights),
        level: facts.level_of(Some(about), net, now),
        ways: ways::shown(about, facts, net, now),
        gates: vec![
            gate("account-active", about.standing == PersonStanding::Active),
            gate("source-active", place.source.state == Standing::Active),
            gate("dataset-active", place.dataset.state == Standing::Active),
            gate("not-blocked", !facts.reach.blocked),
            gate("source-serving", place.source.serving),
            gate("source-zones", place.source.ceilings.zones.admit(net)),
            gate("terms-accepted", place.source.unmet(|terms| about.accepted.has(terms)).is_none()),
            gate("deployment-zones", place.source.policy.ceilings.zones.admit(net)),
        ],
    }
}

/// A question about a person's rights is not one about a token's scopes.
fn every_scope(about: &User, asking: &Token, now: Timestamp) -> Token {
    let until = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
    Token { kind: TokenKind::Session, owner: about.id, scopes: Scope::ALL.to_vec(), dataset: None, until, revoked: None, ..asking.clone() }
}

fn action(word: &str) -> Result<Action, Problem> {
    match word {
        "read" => Ok(Action::Read),
        "list" => Ok(Action::List),
        "see" => Ok(Action::See),
        "share" => Ok(Action::Share),
        "register" => Ok(Action::Register),
        "grant" => Ok(Action::Grant),
        "clone" => Ok(Action::Clone),
        "hand-over" => Ok(Action::HandOver),
        _ => {
            let hint = "`read`, `list`, `see`, `share`, `register`, `grant`, `clone` or `hand-over`";
            Err(wrong("action", "there is no such action", "/action", hint))
        }
    }
}

fn wrong(code: &'static str, detail: &'static str, pointer: &'static str, hint: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer).hint(hint)
}
