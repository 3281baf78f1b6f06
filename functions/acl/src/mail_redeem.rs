//! `POST /api/v1/mail/redeem`: what a mail asks, answered by whoever was asked (ADR 0066).

use axum::response::Response;
use domain::{
    decision::{Action, Facts},
    invitation::Target,
    question::{Answer, MailNonce, Question, Subject},
};
use edge::{App, answering, caller::Caller, json, json::Body, once::Once, problem::Problem};
use http::StatusCode;

/// Accepts or declines what a mail asks, by whom it was sent to: a connection, an invitation, a dataset that is offered. It is the same act as by the
/// thing's own route, and is done about what was asked then and nothing later, so once.
///
/// # Errors
/// 404 for what was never asked, what somebody else was asked, and what is over; 422 `answer`; those of the act.
#[utoipa::path(post, path = "/api/v1/mail/redeem", tag = "about", operation_id = "redeem_mail", security(("token" = ["groups", "datasets"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")), request_body = wire::mail::Redeem,
    responses((status = 200, description = "What was answered", body = wire::mail::Redeemed), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn redeem(
    app: App,
    caller: Caller,
    once: Once,
    Body { ask, bytes }: Body<wire::mail::Redeem>,
) -> Result<Response, Problem> {
    let once = once.of("POST /api/v1/mail/redeem", &bytes);
    let now = app.now();
    let _may_see = caller.may(Action::See, &Facts::Deployment, now)?;
    let nonce = MailNonce::parse(&ask.nonce.0).ok_or_else(Problem::not_found)?;
    let question = answering::asked(&app, &caller, &nonce, now).await?;
    let answer = Answer::of(&ask.answer).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "answer", "that is no answer").at("/answer").hint("`accept` or `decline`")
    })?;
    if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_none() {
        let waiting = answering::waiting(&app, &caller, question.clone(), now).await?;
        answering::answer(&app, &caller, &waiting, answer, once.as_ref()).await?;
        // Some acts may be sent twice by themselves, and keep no key.
        if app.table.once_if(caller.user.id, once.as_ref(), now).await?.is_none() {
            app.table.remember(once.as_ref(), caller.user.id, answer.word(), now).await?;
        }
    }
    Ok(json::ok(&shown(&question, answer)))
}

fn shown(question: &Question, answer: Answer) -> wire::mail::Redeemed {
    let (asked, dataset, project) = match question.subject {
        Subject::Connection => ("connection", None, None),
        Subject::Invitation(Target::Dataset(id)) => ("invitation", Some(id.to_string()), None),
        Subject::Invitation(Target::Project(id)) => ("invitation", None, Some(id.to_string())),
        Subject::Offer(id) => ("offer", Some(id.to_string()), None),
    };
    wire::mail::Redeemed { asked: asked.to_owned(), answer: answer.word().to_owned(), by: question.by.to_string(), dataset, project }
}
