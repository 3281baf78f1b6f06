//! `POST /api/v1/passes`: an address for a quarter of an hour, for whoever has a link and knows its password.

use std::sync::Arc;

use axum::{
    Extension,
    response::{IntoResponse, Response},
};
use domain::{
    decision::{Action, Denial, Facts, LinkFacts, Principal, Who, decide},
    grant::Net,
    key::KeyHash,
    limits::{NO_SESSION_LEFT_RETRY_SECS, PASS_SECS, PASSWORD_TRIES_MAX, PASSWORD_TRY_INTERVAL_MILLIS},
    network::household,
    pass::Pass,
    rate::Rate,
    token::TicketSecret,
};
use edge::{App, json, json::Body, peer::net_of, problem::Problem};
use http::{StatusCode, request::Parts};
use jiff::{SignedDuration, Timestamp};
use table::{TableError, passes::Admitted};

use crate::{
    password,
    resolve::key_in,
    show::{Shown, about},
};

/// How often a link is looked at anew because it changed meanwhile.
const TRIES: usize = 3;

/// Gives a pass for a link that asks for one. Needs no token: holding the link and knowing its password is enough.
///
/// # Errors
/// 404 for a key that opens nothing, 409 for a link that asks for none, 410 for one that has ended, 403 for a wrong password; 429 after too
/// many tries, or where the link gave all the passes that it gives.
#[utoipa::path(post, path = "/api/v1/passes", tag = "links", operation_id = "create_pass", security(()), request_body = wire::pass::NewPass,
    responses((status = 201, description = "A pass, shown this once", body = wire::pass::Pass), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn create(
    app: App,
    Extension(shown): Extension<Shown>,
    parts: Parts,
    Body { ask, .. }: Body<wire::pass::NewPass>,
) -> Result<Response, Problem> {
    let net = net_of(&parts, &app.config.trusted_proxies);
    let mut tries = 1..TRIES;
    let mut is_known = false;
    loop {
        let now = app.now();
        let facts = guarded(&app, &ask.url, net, now).await?;
        // One try, however often the link changes meanwhile.
        if !is_known {
            take_try(&app, facts.link.hash, net, now).await?;
        }
        if facts.link.options.password.is_some() {
            let kept = app.table.password_of(&facts.link).await?;
            if !password::is_right(ask.password.as_ref(), kept).await? {
                return Ok(about(&facts, wrong_password().into_response()));
            }
        }
        is_known = true;
        let (pass, secret) = new_pass(&app, &facts, now)?;
        // Whatever else refuses a reader refuses here, before a pass is counted that would open nothing.
        let guest = Principal { who: Who::Guest(Arc::new(pass)), net };
        let _permit = decide(&guest, Action::Read, &Facts::Link(Arc::clone(&facts)), now)?;
        match app.table.admit(&facts.link, &pass).await? {
            Admitted::Yes => return Ok(about(&facts, json::created(&shown.pass(&facts, &pass, &secret)))),
            Admitted::NoneLeft => {
                let detail = "the link has given as many passes as it gives";
                return Err(Problem::too_often("no-session-left", detail, NO_SESSION_LEFT_RETRY_SECS).hint("ask whoever sent you the link"));
            }
            Admitted::Stale if tries.next().is_some() => {}
            Admitted::Stale => return Err(TableError::Throttled.into()),
        }
    }
}

fn wrong_password() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "wrong-password", "this is not the link's password")
        .at("/password")
        .hint("ask whoever sent you the link; after ten tries there is one more every half minute")
}

/// The link that a text names, if it asks for a pass: whatever is refused before that is refused here.
async fn guarded(app: &App, text: &str, net: Net, now: Timestamp) -> Result<Arc<LinkFacts>, Problem> {
    if let Err(too_often) = app.misses.check(net, now) {
        let detail = "too much that is not there was asked for from this network";
        return Err(Problem::too_often("too-many-misses", detail, too_often.secs()).hint("wait as long as `Retry-After` says"));
    }
    let found = match key_in(text) {
        Some(key) => app.table.link_facts(key.hash(), now).await?,
        None => None,
    };
    let Some(facts) = found.map(Arc::new) else {
        app.misses.count(net, now);
        return Err(Problem::not_found());
    };
    let holder = Principal { who: Who::Holder, net };
    match decide(&holder, Action::Read, &Facts::Link(Arc::clone(&facts)), now) {
        Err(Denial::PassNeeded) => Ok(facts),
        Err(why) => Err(why.into()),
        Ok(_) => Err(Problem::new(StatusCode::CONFLICT, "no-pass-needed", "the link opens by itself").hint("open the link as it is")),
    }
}

/// Counts a try. Addresses are kept as a keyed hash, with the link's, and for as long as they matter.
async fn take_try(app: &App, link: KeyHash, net: Net, now: Timestamp) -> Result<(), Problem> {
    let address = match (net, &app.config.address_key) {
        (Net::At(address), Some(key)) => key.source(Net::At(household(address)), now).map(|hash| hash.to_string()).unwrap_or_default(),
        // Only tests have no key.
        (Net::At(address), None) => household(address).to_string(),
        (Net::Unknown | Net::Anywhere, _) => String::new(),
    };
    let who = KeyHash::of(&format!("offprint-tries-v1 {link} {address}"));
    let rate = Rate::new(PASSWORD_TRY_INTERVAL_MILLIS, PASSWORD_TRIES_MAX);
    app.table.take_try(who, rate, now).await?.map_err(|too_often| {
        Problem::too_often("too-many-tries", "the link's password was tried too often from this network", too_often.secs())
            .hint("wait as long as `Retry-After` says")
    })
}

/// A new pass, and its text, for [`PASS_SECS`] or as long as the link lives.
fn new_pass(app: &App, facts: &LinkFacts, now: Timestamp) -> Result<(Pass, TicketSecret), Problem> {
    let secret = TicketSecret::new(app.random()?);
    let guard = facts.link.options.guard().ok_or_else(Problem::not_found)?;
    let life = now.checked_add(SignedDuration::from_secs(PASS_SECS)).unwrap_or(now);
    let until = facts.link.end(&facts.place).map_or(life, |end| end.min(life));
    Ok((Pass { hash: secret.hash(), link: facts.link.hash, guard, until }, secret))
}
