//! Giving a pass for a link, to whoever knows its password and accepts the terms of its data: for the API and for its page.

use std::sync::Arc;

use domain::{
    code::Code,
    decision::{Action, Denial, Facts, LinkFacts, Permit, Principal, Who, decide},
    grant::Net,
    id::TermsId,
    key::{KeyHash, LinkKey},
    limits::{NO_SESSION_LEFT_RETRY_SECS, PASS_SECS, PASSWORD_TRIES_MAX, PASSWORD_TRY_INTERVAL_MILLIS},
    network::household,
    pass::Pass,
    path::encode_key,
    rate::Rate,
    terms::Unmet,
    timing::later,
    token::TicketSecret,
};
use http::{StatusCode, request::Parts};
use jiff::Timestamp;
use table::passes::Admitted;
use wire::secret::Secret;

use crate::{App, password, peer::net_of, problem::Problem, rounds::Rounds};

/// What became of asking for a pass.
#[derive(Debug)]
pub enum Asked {
    /// It was given, and is shown this once.
    Given(Arc<LinkFacts>, wire::pass::Pass),
    /// Another password than the link's, or none.
    Wrong(Arc<LinkFacts>),
}

/// What whoever names another password is told.
#[must_use]
pub fn wrong_password() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "wrong-password", "this is not the link's password")
        .at("/password")
        .hint("ask whoever sent you the link; after ten tries there is one more every half minute")
}

/// Gives a pass for the link of a key, if the password is its own and the data-use terms that its data ask for are among `accepted`.
///
/// # Errors
/// As [`guarded`]; 401 `terms-needed` for other terms; 429 after too many tries, or where the link gave all the passes that it gives.
pub async fn ask(
    app: &App,
    parts: &Parts,
    key: Option<&LinkKey>,
    password: Option<&Secret>,
    accepted: &[TermsId],
) -> Result<Asked, Problem> {
    let net = net_of(parts, &app.config.trusted_proxies);
    let mut rounds = Rounds::begin();
    // The mark of the password that is known to be right; a link without one has nothing to guess.
    let mut known = None;
    loop {
        let now = app.now();
        let facts = guarded(app, parts, key, now).await?;
        // One look, however often something else of the link changes meanwhile.
        if facts.link.options.password != known {
            let tries = Tries::of(app, facts.link.hash, net, now);
            tries.take(app, now).await?;
            let kept = app.table.password_of(&facts.link).await?;
            if !password::is_right(password, kept).await? {
                return Ok(Asked::Wrong(facts));
            }
            tries.give_back(app).await;
            known = facts.link.options.password;
        }
        let (pass, secret) = new_pass(app, &facts, accepted, now)?;
        // Whatever else refuses a reader refuses here, before a pass is counted that would open nothing.
        let guest = Principal { who: Who::Guest(Arc::new(pass)), net };
        let _permit = decide(&guest, Action::Read, &Facts::Link(Arc::clone(&facts)), now)?;
        match app.table.admit(&facts.link, &pass).await? {
            Admitted::Yes => {
                let shown = shown(app, &facts, &pass, &secret);
                return Ok(Asked::Given(facts, shown));
            }
            Admitted::NoneLeft => {
                let detail = "the link has given as many passes as it gives";
                return Err(Problem::too_often("no-session-left", detail, NO_SESSION_LEFT_RETRY_SECS).hint("ask whoever sent you the link"));
            }
            Admitted::Stale => rounds.another().await?,
        }
    }
}

/// What whoever shows a key, and nothing else, meets.
#[derive(Debug)]
pub enum Met {
    /// A link that opens.
    Open(Arc<LinkFacts>, Permit),
    /// A link that asks for a pass first.
    Guarded(Arc<LinkFacts>),
    /// A link that does not open, and why.
    Refused(Arc<LinkFacts>, Denial),
}

/// What whoever shows this key meets, by the rules of any reader.
///
/// # Errors
/// 404 for a key that opens nothing; 429 for whoever guessed too much.
pub async fn met(app: &App, parts: &Parts, key: Option<&LinkKey>, now: Timestamp) -> Result<Met, Problem> {
    let (facts, net) = found(app, parts, key, now).await?;
    let holder = Principal { who: Who::Holder, net };
    Ok(match decide(&holder, Action::Read, &Facts::Link(Arc::clone(&facts)), now) {
        Ok(permit) => Met::Open(facts, permit),
        Err(Denial::PassNeeded | Denial::TermsNeeded { .. }) => Met::Guarded(facts),
        Err(why) => Met::Refused(facts, why),
    })
}

/// The link of a key, if it asks for a pass: whatever is refused before that is refused here.
///
/// # Errors
/// Those of [`met`]; 409 `no-pass-needed` for a link that asks for none, 410 for one that has ended.
pub async fn guarded(app: &App, parts: &Parts, key: Option<&LinkKey>, now: Timestamp) -> Result<Arc<LinkFacts>, Problem> {
    match met(app, parts, key, now).await? {
        Met::Guarded(facts) => Ok(facts),
        Met::Refused(_, why) => Err(why.into()),
        Met::Open(..) => {
            Err(Problem::new(StatusCode::CONFLICT, "no-pass-needed", "the link opens by itself").hint("open the link as it is"))
        }
    }
}

/// The link of a key, and from where it is asked for.
async fn found(app: &App, parts: &Parts, key: Option<&LinkKey>, now: Timestamp) -> Result<(Arc<LinkFacts>, Net), Problem> {
    let net = may_ask(app, parts, now)?;
    let found = match key {
        Some(key) => app.table.link_facts(key.hash(), now).await?,
        None => None,
    };
    if found.is_none() {
        app.misses.count(net, now);
    }
    found.map(|facts| (Arc::new(facts), net)).ok_or_else(Problem::not_found)
}

/// Whether whoever asks may ask for a link at all, and from where.
fn may_ask(app: &App, parts: &Parts, now: Timestamp) -> Result<Net, Problem> {
    let net = net_of(parts, &app.config.trusted_proxies);
    app.misses.check(net, now).map(|()| net).map_err(|too_often| {
        let detail = "too much that is not there was asked for from this network";
        Problem::too_often("too-many-misses", detail, too_often.secs()).hint("wait as long as `Retry-After` says")
    })
}

/// The key that stands in the address of a link's page, in either case, or that its code stands for; `None`: neither is there.
///
/// # Errors
/// 429 for whoever guessed too much.
pub async fn key_in_page(app: &App, parts: &Parts, text: &str, now: Timestamp) -> Result<Option<LinkKey>, Problem> {
    if let Ok(key) = LinkKey::parse(&text.to_ascii_lowercase()) {
        return Ok(Some(key));
    }
    let Ok(code) = Code::parse(text) else { return Ok(None) };
    may_ask(app, parts, now)?;
    Ok(app.table.key_of_code(code).await?)
}

/// The link of a page's address, in whatever state, and its key.
///
/// # Errors
/// 404 for what is no link, 429 for whoever guessed too much.
pub async fn link_in_page(app: &App, parts: &Parts, text: &str, now: Timestamp) -> Result<(LinkKey, Arc<LinkFacts>), Problem> {
    let key = key_in_page(app, parts, text, now).await?;
    let (facts, _net) = found(app, parts, key.as_ref(), now).await?;
    key.map(|key| (key, facts)).ok_or_else(Problem::not_found)
}

/// The tries of one link's password from one network. Addresses are kept as a keyed hash, with the link's, and for as long as they matter.
struct Tries {
    who: KeyHash,
    rate: Rate,
}

impl Tries {
    fn of(app: &App, link: KeyHash, net: Net, now: Timestamp) -> Self {
        let address = match (net, &app.config.address_key) {
            (Net::At(address), Some(key)) => key.source(Net::At(household(address)), now).map(|hash| hash.to_string()).unwrap_or_default(),
            // Only tests have no key.
            (Net::At(address), None) => household(address).to_string(),
            (Net::Unknown | Net::Anywhere, _) => String::new(),
        };
        let who = KeyHash::of(&format!("offprint-tries-v1 {link} {address}"));
        Self { who, rate: Rate::new(PASSWORD_TRY_INTERVAL_MILLIS, PASSWORD_TRIES_MAX) }
    }

    /// Counts one before the password is looked at, so that many at once are no way around.
    async fn take(&self, app: &App, now: Timestamp) -> Result<(), Problem> {
        app.table.take_try(self.who, self.rate, now).await?.map_err(|too_often| {
            Problem::too_often("too-many-tries", "the link's password was tried too often from this network", too_often.secs())
                .hint("wait as long as `Retry-After` says")
        })
    }

    /// A right password was no guess: a class behind one address gets in, all of it.
    async fn give_back(&self, app: &App) {
        if let Err(why) = app.table.give_back_try(self.who, self.rate).await {
            tracing::warn!(error = %why, "a try that was none stays counted");
        }
    }
}

/// A new pass, and its text, for [`PASS_SECS`] or as long as the link lives.
fn new_pass(app: &App, facts: &LinkFacts, accepted: &[TermsId], now: Timestamp) -> Result<(Pass, TicketSecret), Problem> {
    let secret = TicketSecret::new(app.random()?);
    let life = later(now, PASS_SECS);
    let until = facts.link.end(&facts.place).map_or(life, |end| end.min(life));
    let (link, guard) = (facts.link.hash, facts.link.options.guard());
    let asked = facts.place.source.unmet(|_| false).into_iter().flat_map(Unmet::iter);
    let mut terms = asked.filter(|terms| accepted.contains(terms));
    let terms = [terms.next(), terms.next()];
    Ok((Pass { hash: secret.hash(), link, guard, terms, until }, secret))
}

/// A pass, as whoever asked for it is shown it.
fn shown(app: &App, facts: &LinkFacts, pass: &Pass, secret: &TicketSecret) -> wire::pass::Pass {
    let origin = app.config.data_url.as_deref().unwrap_or_default();
    let (text, name) = (secret.reveal(), encode_key(&facts.link.name));
    wire::pass::Pass {
        until: pass.until.to_string(),
        url: format!("{origin}/{text}/{name}"),
        streamed_url: format!("{origin}/{text}-s/{name}"),
    }
}
