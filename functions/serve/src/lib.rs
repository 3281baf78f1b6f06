//! The data plane: redirects, streams and lists what a link opens. The only hot path.
//!
//! Not here: reading the raw path (`edge/target.rs`), facts (`table/access.rs`), the decision (`domain`), signing (`objects`).
//! It can write nothing, and cannot see what keys are derived from.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")
)]

mod index;
mod levels;
mod listing;
mod object;

use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody},
    response::{IntoResponse, Response},
};
use domain::{
    decision::{Action, Denial, Facts, LinkFacts, Permit, Principal, Who, decide},
    grant::Net,
    id::TermsId,
    key::LinkKey,
    limits::CLOCK_SKEW_MAX_SECS,
    link::Class,
    pass::Pass,
    token::TicketSecret,
    user::Standing,
};
use edge::{
    App, cors,
    credential::{Credential, ProviderToken},
    lambda::{EventTime, OwnOrigin, RequestId},
    peer::net_of,
    problem::Problem,
    target::{Form, Opener, RawTarget, Target},
    trace::{Client, Trace, Verdict, new_request_id},
};
use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use jiff::Timestamp;
use table::{
    Cost, TableError,
    access::{ByName, FactsCache, Found, NamedFacts, TicketFacts},
};
use tower::Service;

/// The data origin. No router stands before it: nothing but `edge/target.rs` may ever read the path, and one that matches nothing still
/// costs a third of a signature.
#[derive(Debug, Clone)]
pub struct DataOrigin(Arc<App>);

impl DataOrigin {
    /// The data origin of a deployment.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self(Arc::new(app))
    }
}

impl<B> Service<Request<B>> for DataOrigin {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // No body is read, and none is carried along.
        let (mut parts, _body) = request.into_parts();
        let id = parts.extensions.remove::<RequestId>().map_or_else(new_request_id, |id| id.0);
        // Boxed here: each layer around it would move it.
        Box::pin(answer(Arc::clone(&self.0), parts, id))
    }
}

/// Every request comes and goes here.
async fn answer(app: Arc<App>, parts: Parts, id: HeaderValue) -> Result<Response, Infallible> {
    let now = app.now();
    let trace = Trace::open("data", id, &parts.method, &parts.headers, now);
    let (client, lap) = (trace.client, trace.began());
    let mut reading = Reading {
        app: &app,
        parts: &parts,
        client,
        now,
        verdict: Verdict::default(),
        indexed: false,
        who: Who::Holder,
        by_name: false,
        counted: false,
        key: None,
        lap,
    };
    // Boxed apart: one piece of more than a kilobyte takes the allocator's long way.
    let mut answer = Box::pin(reading.answer()).await.unwrap_or_else(|why| {
        reading.note_miss(&why);
        reading.told(why)
    });
    let Reading { verdict, indexed, by_name, .. } = reading;
    if by_name {
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Authorization"));
    }
    // What every answer gets, errors too.
    cors::add(answer.headers_mut(), indexed);
    add_length(&mut answer);
    if parts.method == Method::HEAD {
        *answer.body_mut() = Body::empty();
    }
    trace.close(&mut answer, verdict, &app.lines);
    Ok(answer)
}

/// Says how long a body is that is at hand: an answer to HEAD and the access line have no other way to know.
fn add_length(answer: &mut Response) {
    let length = answer.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length
        && !answer.headers().contains_key(header::CONTENT_LENGTH)
    {
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// The page that gives a pass for a link.
fn page_of(app: &str, key: &LinkKey) -> String {
    format!("{app}/s/{}", key.reveal())
}

/// The page of data-use terms.
fn terms_page(app: &str, terms: TermsId) -> String {
    format!("{app}/terms/{terms}")
}

/// One request under way.
struct Reading<'a> {
    app: &'a App,
    parts: &'a Parts,
    client: Client,
    now: Timestamp,
    verdict: Verdict,
    indexed: bool,
    /// Who asks: a link's holder, until a dataset is asked for by its name.
    who: Who,
    /// Whether the answer depends on the `Authorization` header.
    by_name: bool,
    /// Whether the request was counted: it may need two permits.
    counted: bool,
    /// The link's key, where it was asked for by one.
    key: Option<LinkKey>,
    /// When the last step ended.
    lap: Instant,
}

impl Reading<'_> {
    async fn answer(&mut self) -> Result<Response, Problem> {
        if self.parts.method == Method::OPTIONS {
            return Ok(cors::preflight(&self.parts.headers));
        }
        if !cors::is_offered(&self.parts.method) {
            let refused = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "the data origin is read with GET and HEAD")
                .hint("data are changed where they lie");
            let mut answer = refused.into_response();
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(cors::METHODS));
            return Ok(answer);
        }
        self.check_clock()?;
        let (raw, query) = RawTarget::of(self.parts);
        let target = Target::parse(raw)?;
        if let (Some(query), Target::Bucket { form, .. } | Target::Object { form, .. }) = (query, &target) {
            self.refuse_operations(query, *form)?;
        }
        match target {
            Target::Unknown => Err(Problem::not_found()),
            // Boxed, here and below, is what a redirect does not need: its future would carry room for all of it.
            Target::Root => Box::pin(self.root(query)).await,
            Target::AuthInfo => self.auth_info(),
            Target::Bucket { opener, form } => Box::pin(self.bucket(opener, form, query)).await,
            Target::Object { opener, form, name, path } => {
                let facts = self.facts(opener).await?;
                self.check_name(&facts, &name)?;
                self.object(&facts, form, path, raw).await
            }
        }
    }

    /// Where a viewer that asks by `middleauth` sends people: it knows this origin only.
    fn auth_info(&self) -> Result<Response, Problem> {
        let login = self.app.config.app_url.as_deref().ok_or_else(Problem::not_found)?;
        Ok(edge::json::ok(&wire::viewer::AuthInfo { login_url: login.to_owned() }))
    }

    /// A clock far from the event's own time would sign what should have ended (SEMANTICS 7).
    fn check_clock(&self) -> Result<(), Problem> {
        let Some(EventTime(event)) = self.parts.extensions.get::<EventTime>() else { return Ok(()) };
        let apart = self.now.as_second().saturating_sub(event.as_second()).saturating_abs();
        if apart > CLOCK_SKEW_MAX_SECS {
            tracing::error!(clock.apart_s = apart, "refusing to sign: the clock and the event's time differ");
            return Err(Problem::unavailable("clock", "the clocks here differ; nothing is signed"));
        }
        Ok(())
    }

    /// The facts of what is asked for, who asks, and what both say for the access line.
    async fn facts(&mut self, opener: Opener) -> Result<Facts, Problem> {
        match opener {
            Opener::Link(key) => self.facts_of_link(key).await,
            // Boxed: a link's future would carry room for the others.
            Opener::Dataset(dataset) => Box::pin(self.facts_by_name(dataset.into())).await,
            Opener::Clone(clone) => Box::pin(self.facts_by_name(clone.into())).await,
            Opener::Ticket(ticket) => Box::pin(self.facts_by_ticket(&ticket)).await,
        }
    }

    /// A refusal. A person who opens a link that asks for a pass is led to the page that gives one.
    fn told(&mut self, why: Problem) -> Response {
        let is_navigation =
            self.parts.method == Method::GET && self.parts.headers.get("sec-fetch-dest").is_some_and(|dest| dest == "document");
        match (&self.key, &self.app.config.app_url) {
            (Some(key), Some(app)) if is_navigation && matches!(why.code, Problem::PASS_NEEDED | Problem::TERMS_NEEDED) => {
                self.verdict.reason = Some(why.code);
                let mut answer = object::found_at(&page_of(app, key));
                answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                answer
            }
            _ => why.into_response(),
        }
    }

    /// Counts what was told to be not there, or not there for whoever says nothing of himself, of which a guesser is told much.
    fn note_miss(&self, why: &Problem) {
        if matches!(why.code, Problem::NOT_FOUND | Problem::SIGN_IN) {
            self.app.misses.count(self.net(), self.now);
        }
    }

    /// Refuses whoever guessed too much what the table would have to be read for. What is known to open is refused to nobody.
    fn spare_table(&self, is_known: impl FnOnce(&FactsCache) -> bool) -> Result<(), Problem> {
        if self.app.misses.is_calm(self.now) {
            return Ok(());
        }
        let Err(too_often) = self.app.misses.check(self.net(), self.now) else { return Ok(()) };
        if is_known(&self.app.facts) {
            return Ok(());
        }
        Err(Problem::too_often("too-many-misses", "too much that is not there was asked for from this network", too_often.secs())
            .hint("wait as long as `Retry-After` says; links in use go on working"))
    }

    fn net(&self) -> Net {
        net_of(self.parts, &self.app.config.trusted_proxies)
    }

    async fn facts_of_link(&mut self, key: LinkKey) -> Result<Facts, Problem> {
        let hash = key.hash();
        self.spare_table(|facts| facts.knows_link(hash, self.now, self.event()))?;
        self.key = Some(key);
        let looked_up = self.app.facts.link(&self.app.table, hash, self.now, self.event()).await;
        let found = looked_up?;
        self.note_cost(found.cost);
        self.of_link(found.facts)
    }

    fn of_link(&mut self, facts: Option<Arc<LinkFacts>>) -> Result<Facts, Problem> {
        let facts = facts.ok_or_else(Problem::not_found)?;
        self.verdict.link = Some(facts.link.id);
        self.verdict.dataset = Some(facts.link.dataset);
        self.indexed = facts.link.class == Class::Publication;
        Ok(Facts::Link(facts))
    }

    /// A dataset by its id, or the original of a clone, for whoever the `Authorization` header says. Without one that is good, a dataset that is not open to everybody
    /// and one that is not there answer alike.
    async fn facts_by_name(&mut self, at: ByName) -> Result<Facts, Problem> {
        self.by_name = true;
        let token = match Credential::of(&self.parts.headers) {
            Credential::None => None,
            Credential::Token(secret) => Some(secret.hash()),
            Credential::Provider(token) => return self.facts_by_provider(at, &token).await,
            Credential::Bad => return Err(Problem::sign_in_for_data()),
        };
        self.spare_table(|facts| facts.knows_named(at, token, self.now, self.event()))?;
        let looked_up = self.app.facts.named(&self.app.table, at, token, self.now, self.event()).await;
        self.named(looked_up, token.is_some())
    }

    /// The same for whoever a provider's token speaks for. One that is not believed is answered as one that is none.
    async fn facts_by_provider(&mut self, at: ByName, token: &ProviderToken) -> Result<Facts, Problem> {
        let provider = self.app.provider.as_ref().ok_or_else(Problem::sign_in_for_data)?;
        let proven = provider.speaks(token, self.now).await.map_err(|why| match why.status {
            StatusCode::UNAUTHORIZED => Problem::sign_in_for_data(),
            _ => why,
        })?;
        let looked_up = self.app.facts.proven(&self.app.table, at, proven, self.now, self.event()).await;
        self.named(looked_up, true)
    }

    /// The dataset that a ticket is for, or the link that a pass is for. A ticket that is none, or has ended, is answered like a key that is none.
    async fn facts_by_ticket(&mut self, ticket: &TicketSecret) -> Result<Facts, Problem> {
        self.spare_table(|facts| facts.knows_ticket(ticket.hash(), self.now, self.event()))?;
        let looked_up = self.app.facts.ticket(&self.app.table, ticket.hash(), self.now, self.event()).await;
        let named = match looked_up {
            Ok(Found { facts: TicketFacts::Pass(pass, facts), cost }) => return self.guest(pass, facts, cost),
            Ok(Found { facts: TicketFacts::Named(facts), cost }) => Ok(Found { facts, cost }),
            Err(why) => Err(why),
        };
        match self.named(named, true) {
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Err(Problem::not_found()),
            other => other,
        }
    }

    fn guest(&mut self, pass: Pass, facts: Option<Arc<LinkFacts>>, cost: Cost) -> Result<Facts, Problem> {
        self.note_cost(cost);
        self.who = Who::Guest(Arc::new(pass));
        self.of_link(facts)
    }

    fn named(&mut self, looked_up: Result<Found<NamedFacts>, TableError>, shown: bool) -> Result<Facts, Problem> {
        let Found { facts: NamedFacts { dataset, bearer }, cost } = looked_up?;
        self.note_cost(cost);
        self.who = match bearer {
            Some((user, token)) if token.is_live(self.now) => Who::Token { user, token },
            _ if shown => return Err(Problem::sign_in_for_data()),
            _ => Who::Nobody,
        };
        // Before anything is told of what is there.
        if let Who::Token { user, .. } = &self.who
            && user.standing != Standing::Active
        {
            return Err(Denial::Suspended.into());
        }
        let unknown = if shown { Problem::not_found } else { Problem::sign_in_for_data };
        let facts = dataset.ok_or_else(unknown)?;
        self.verdict.dataset = Some(facts.place.dataset.id);
        Ok(Facts::Dataset(facts))
    }

    /// Holds the name in the address to what is there. Whoever may not know of a dataset learns nothing of its name, either.
    fn check_name(&mut self, facts: &Facts, name: &str) -> Result<(), Problem> {
        let fits = match facts {
            Facts::Link(facts) => facts.link.name == name,
            Facts::Dataset(facts) => facts.name() == name,
            Facts::Orphan { .. }
            | Facts::Offer(_)
            | Facts::Copy(_)
            | Facts::Clone(_)
            | Facts::Group { .. }
            | Facts::Project { .. }
            | Facts::Deployment => false,
        };
        if fits {
            return Ok(());
        }
        if let Facts::Dataset(_) = facts {
            let _may_know = self.permit(Action::Read, facts)?;
        }
        Err(Problem::not_found())
    }

    fn event(&self) -> Option<Timestamp> {
        self.parts.extensions.get::<EventTime>().map(|event| event.0)
    }

    /// Facts that were at hand took no time worth a look at the clock.
    fn note_cost(&mut self, cost: Cost) {
        self.verdict.table_trips = cost.round_trips;
        if cost.round_trips > 0 {
            self.verdict.facts = self.lap();
        }
    }

    /// What has passed since the last step ended.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.saturating_duration_since(mem::replace(&mut self.lap, now))
    }

    /// Counts a request that a link opens to, and no other: so nobody else can use up what it answers.
    fn count(&mut self, facts: &Facts) -> Result<(), Problem> {
        if let (Facts::Link(facts), false) = (facts, mem::replace(&mut self.counted, true)) {
            self.app.requests.count(&facts.link, self.now).map_err(|too_often| {
                Problem::too_often("rate", "the link is asked for more often than it answers", too_often.secs())
                    .hint("wait as long as `Retry-After` says, or ask whoever sent the link")
            })?;
            self.app.count_bytes(&facts.link, &facts.place.source, self.now)?;
        }
        Ok(())
    }

    /// Asks the one decision.
    fn permit(&mut self, action: Action, facts: &Facts) -> Result<Permit, Problem> {
        let principal = Principal { who: self.who.clone(), net: self.net() };
        let decided = decide(&principal, action, facts, self.now);
        self.verdict.decide = self.lap();
        let permit = decided.map_err(|why| match (why, &self.app.config.app_url) {
            // Where to go for one.
            (Denial::TermsNeeded { unmet }, Some(app)) if !matches!(facts, Facts::Link(_)) => {
                Problem::from(why).with("page", terms_page(app, unmet.terms))
            }
            (Denial::PassNeeded | Denial::TermsNeeded { .. }, Some(app)) => {
                let problem = Problem::from(why).with("passes", format!("{app}/api/v1/passes"));
                match &self.key {
                    Some(key) => problem.with("page", page_of(app, key)),
                    None => problem,
                }
            }
            _ => why.into(),
        })?;
        self.count(facts)?;
        Ok(permit)
    }

    /// Whether this client gets bytes from here rather than a redirect.
    fn is_streamed(&self, form: Form, permit: &Permit) -> bool {
        form == Form::Streamed || !self.client.follows || permit.scope().is_some_and(|scope| scope.is_streamed())
    }

    /// Whether this client is led on from a name to what the name means. Who asks as of S3 is told what S3 would say: an index, at the end
    /// of a redirect, would be taken for an object.
    fn is_led(&self, form: Form) -> bool {
        form == Form::Redirected && self.client.follows
    }

    /// Where this origin is, for redirects to ourselves: as configured, else the function's own address; never the Host header.
    fn origin(&self) -> String {
        let own = || self.parts.extensions.get::<OwnOrigin>().map(|own| own.0.clone());
        self.app.config.data_url.clone().or_else(own).unwrap_or_default()
    }
}
