//! What people ask of each other, answered: a request for a connection, an invitation, an offer. By the API, and by the page that a mail leads to, which
//! do the same (ADR 0066).
//!
//! `as_of`: the request, invitation or offer that the answer is about, as it was ([`Question::mark`]); `None`: whatever waits. Not here: any rule
//! (`domain`), how an answer looks.

use std::sync::Arc;

use domain::{
    connection::{Connection, Turn},
    dataset::Dataset,
    decision::{Action, DatasetFacts, Facts, OfferFacts, Place},
    invitation::{Invitation, InvitationState, Invitee, Target},
    question::{Answer, MailNonce, Question, Subject},
    request::{Request, RequestState},
    user::User,
};
use http::StatusCode;
use jiff::Timestamp;
use table::{TableError, contexts::Contexts, invitations, once::Once};

use crate::{
    App,
    caller::Caller,
    invitations::{Due, due},
    problem::Problem,
    rounds::Rounds,
};

/// What has become of a connection.
#[derive(Debug)]
pub enum Turned {
    /// It is so now.
    Done(Connection),
    /// It cannot be ended: both are named in these.
    StillShared(Contexts),
}

/// Accepts, rejects, cancels or ends what is between the caller and another.
///
/// # Errors
/// 404 where the two have nothing to do with each other; those of the rules, 409 `connection-over` among them.
pub async fn turn(
    app: &App,
    caller: &Caller,
    other: &User,
    turn: Turn,
    (as_of, once): (Option<&str>, Option<&Once>),
) -> Result<Turned, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let pair = app.table.pair(caller.user.id, other.id).await?;
        let there = pair.connection.filter(|there| is_of(as_of, there.version)).ok_or_else(Problem::not_found)?;
        if app.table.once_if(caller.user.id, once, now).await?.is_some() {
            // It was done: what has become of it since.
            return Ok(Turned::Done(there));
        }
        let Some(after) = there.turned(&permit, other, turn, now)? else {
            app.table.connection_met(&permit, other, once, now).await?;
            return Ok(Turned::Done(there));
        };
        if turn == Turn::Remove {
            let contexts = app.table.contexts(caller.user.id, other.id, now).await?;
            if contexts.connect() {
                return Ok(Turned::StillShared(contexts));
            }
        }
        match app.table.turn_connection(&permit, &pair, &after, once, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            turned => return Ok(Turned::Done(turned?)),
        }
    }
}

fn is_of(as_of: Option<&str>, version: u64) -> bool {
    as_of.is_none_or(|mark| mark == version.to_string())
}

/// Accepts what waits for the caller there, by what whoever sent it may give now. Whoever has as much already keeps that.
///
/// # Errors
/// 404 where nothing waits, or waited, for the caller; 409 `invitation-over`.
pub async fn accept_invitation(
    app: &App,
    caller: &Caller,
    target: Target,
    (as_of, once): (Option<&str>, Option<&Once>),
) -> Result<Invitation, Problem> {
    let me = caller.user.id;
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let there = invitation_to(app, caller, target, as_of).await?;
        if app.table.once_if(me, once, now).await?.is_some() {
            // It was done: what has become of it since.
            return Ok(there);
        }
        if !there.waits(now) {
            return Err(invitation_over());
        }
        let answer = invitations::Answer { permit: &permit, once };
        let done = match due(app, me, &there, now).await? {
            Due::NotNow => return Err(invitation_over()),
            Due::Needless => app.table.close_invitation(&there, me, once, now).await,
            Due::Grant(due) => {
                let both = (&due.grant, due.there.as_ref());
                app.table.meet(&due.permit, due.grounds(), &there, both, Some(answer), now).await.map(|_grant| ())
            }
            Due::Part(sender) => app.table.join(&sender, &there, answer, now).await.map(|_joined| ()),
        };
        match done {
            Err(TableError::Stale) => rounds.another().await?,
            // Whoever sent it lets nobody in while he is blocked.
            Err(TableError::Blocked) => return Err(invitation_over()),
            done => {
                done?;
                return Ok(there.turned(InvitationState::Met));
            }
        }
    }
}

/// Declines what waits for the caller there.
///
/// # Errors
/// As for accepting it. One that was declined stays so.
pub async fn decline_invitation(app: &App, caller: &Caller, target: Target, as_of: Option<&str>) -> Result<Invitation, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let permit = caller.may(Action::Gather, &Facts::Deployment, now)?;
        let there = invitation_to(app, caller, target, as_of).await?;
        if !there.waits(now) && there.state != InvitationState::Declined {
            return Err(invitation_over());
        }
        match app.table.decline_invitation(&permit, &there, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            declined => return Ok(declined?),
        }
    }
}

/// What waits, or waited, for the caller there.
async fn invitation_to(app: &App, caller: &Caller, target: Target, as_of: Option<&str>) -> Result<Invitation, Problem> {
    let found = app.table.invitation(Invitee::Person(caller.user.id), target).await?;
    found.filter(|there| is_of(as_of, there.version)).ok_or_else(Problem::not_found)
}

fn invitation_over() -> Problem {
    Problem::new(StatusCode::CONFLICT, "invitation-over", "the invitation does not wait, or whoever sent it may not give it, any more")
        .hint("see what waits for you, or ask whoever sent it")
}

/// Accepts the offer of a dataset, which is the caller's from then on: where it is, as it was, and as it is.
///
/// # Errors
/// 404 where nothing was offered to the caller; 409 `offer-over`; 410 for a dataset that was retired.
pub async fn accept_offer(
    app: &App,
    caller: &Caller,
    dataset: &str,
    (as_of, once): (Option<&str>, Option<&Once>),
) -> Result<(Place, Dataset), Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(app, dataset).await?;
        let place = facts.place.clone();
        if app.table.once_if(caller.user.id, once, now).await?.is_some() {
            // It was done: what has become of the dataset since is shown to whom it is shown.
            let _may_see = caller.may(Action::See, &Facts::Dataset(facts), now)?;
            return Ok((place.clone(), place.dataset));
        }
        let offer = offer_to(app, caller, facts, as_of).await?;
        let permit = caller.may(Action::HandOver, &Facts::Offer(Arc::clone(&offer)), now)?;
        match app.table.accept_offer(&permit, &offer, once, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            after => return Ok((place, after?)),
        }
    }
}

/// Declines the offer of a dataset.
///
/// # Errors
/// As for accepting it. One that was declined stays so.
pub async fn decline_offer(
    app: &App,
    caller: &Caller,
    dataset: &str,
    (as_of, reason): (Option<&str>, Option<&str>),
) -> Result<(Place, Request), Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let offer = offer_to(app, caller, caller.dataset(app, dataset).await?, as_of).await?;
        if offer.request.state == RequestState::Declined {
            return Ok((offer.dataset.place.clone(), offer.request.clone()));
        }
        let permit = caller.may(Action::HandOver, &Facts::Offer(Arc::clone(&offer)), now)?;
        match app.table.decline_offer(&permit, &offer.request, reason, now).await {
            Err(TableError::Stale) => rounds.another().await?,
            declined => return Ok((offer.dataset.place.clone(), declined?)),
        }
    }
}

/// The latest offer of a dataset, if it was made to the caller.
async fn offer_to(app: &App, caller: &Caller, facts: Arc<DatasetFacts>, as_of: Option<&str>) -> Result<Arc<OfferFacts>, Problem> {
    let latest = app.table.latest_offer(facts.place.dataset.id).await?;
    let is_theirs =
        |request: &Request| request.wish.answered_by() == Some(caller.user.id) && as_of.is_none_or(|mark| mark == request.id.to_string());
    offer_of(app, facts, latest.filter(is_theirs).ok_or_else(Problem::not_found)?).await
}

/// What an offer is judged by: its maker, too, with what the maker has there.
///
/// # Errors
/// 404 where its maker is not there, 503 where the table does not answer.
pub async fn offer_of(app: &App, dataset: Arc<DatasetFacts>, request: Request) -> Result<Arc<OfferFacts>, Problem> {
    let maker = app.table.user(request.by).await?.ok_or_else(Problem::not_found)?;
    let reach = app.table.reach(&dataset.place, Some(maker.id)).await?;
    Ok(Arc::new(OfferFacts { dataset, request, maker, reach }))
}

/// A question that waits for the caller's answer.
#[derive(Debug)]
pub struct Waiting {
    /// The question.
    pub question: Question,
    /// Who asks.
    pub by: User,
    /// Where the dataset is, as `SOURCE:path/in/it`, or the project's name; `None`: it is about a connection.
    pub place: Option<String>,
}

/// What the caller was asked, while that waits.
///
/// # Errors
/// 404 with one body for what is over, as for what was never asked.
pub async fn waiting(app: &App, caller: &Caller, question: Question, now: Timestamp) -> Result<Waiting, Problem> {
    let by = app.table.user(question.by).await?.ok_or_else(Problem::not_found)?;
    let place = match question.subject {
        Subject::Connection => {
            let there = app.table.pair(caller.user.id, by.id).await?.connection;
            let waits = there.is_some_and(|there| there.by == by.id && there.waits(now) && is_of(Some(&question.mark), there.version));
            waits.then_some(None)
        }
        Subject::Invitation(target) => {
            let there = app.table.invitation(Invitee::Person(caller.user.id), target).await?;
            match there.filter(|there| there.waits(now) && is_of(Some(&question.mark), there.version)) {
                Some(there) => crate::invitations::place(app, caller.user.id, &there, now).await?.map(Some),
                None => None,
            }
        }
        Subject::Offer(dataset) => {
            let facts = caller.dataset(app, &dataset.to_string()).await?;
            let offer = offer_to(app, caller, facts, Some(&question.mark)).await?;
            let waits = offer.request.waits(now) && caller.may(Action::See, &Facts::Offer(Arc::clone(&offer)), now).is_ok();
            waits.then(|| Some(offer.dataset.place.to_string()))
        }
    };
    Ok(Waiting { place: place.ok_or_else(Problem::not_found)?, question, by })
}

/// What a mail asked the caller, whatever has become of it.
///
/// # Errors
/// 404 for what was never asked, and what somebody else was asked.
pub async fn asked(app: &App, caller: &Caller, nonce: &MailNonce, now: Timestamp) -> Result<Question, Problem> {
    let found = app.table.question(nonce.hash(), now).await?;
    found.filter(|question| question.to == caller.user.id).ok_or_else(Problem::not_found)
}

/// Answers what a mail asks the caller: the same act as by the API, about what was asked then and nothing else.
///
/// # Errors
/// 404 as [`waiting`] says it; those of the act.
pub async fn answer(app: &App, caller: &Caller, asked: &Waiting, answer: Answer, once: Option<&Once>) -> Result<(), Problem> {
    let as_of = Some(asked.question.mark.as_str());
    match (asked.question.subject, answer) {
        (Subject::Connection, answer) => {
            let act = if answer == Answer::Accept { Turn::Accept } else { Turn::Reject };
            turn(app, caller, &asked.by, act, (as_of, once)).await.map(|_turned| ())
        }
        (Subject::Invitation(target), Answer::Accept) => accept_invitation(app, caller, target, (as_of, once)).await.map(|_met| ()),
        (Subject::Invitation(target), Answer::Decline) => decline_invitation(app, caller, target, as_of).await.map(|_declined| ()),
        (Subject::Offer(id), Answer::Accept) => accept_offer(app, caller, &id.to_string(), (as_of, once)).await.map(|_owned| ()),
        (Subject::Offer(id), Answer::Decline) => decline_offer(app, caller, &id.to_string(), (as_of, None)).await.map(|_declined| ()),
    }
}
