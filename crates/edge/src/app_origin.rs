//! The app origin: what every answer of the API goes through, whichever function gives it.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    App,
    lambda::{OwnOrigin, RequestId},
    problem::Problem,
    trace::{Trace, Verdict, new_request_id},
};

/// A middleware: opens the request's trace, and on the way out makes a problem of what no route answered, names the request in
/// problems, and writes the access line.
pub async fn answer(State(app): State<App>, request: Request, next: Next) -> Response {
    answered(&app, request, next, Problem::name_request).await
}

/// The same, where `show` writes a problem's body, given the request's id: pages show it to a person. Whatever else such an answer needs
/// for its headers is there before.
pub async fn answered(app: &App, mut request: Request, next: Next, show: impl Fn(&mut Response, &HeaderValue)) -> Response {
    let own = request.extensions_mut().remove::<OwnOrigin>();
    let trace = opened(app, &mut request);
    let id = trace.request_id.clone();
    let (mut answer, table_trips) = Box::pin(table::counted(next.run(request))).await;
    if answer.extensions().get::<Problem>().is_none() {
        answer = unrouted(answer);
    }
    show(&mut answer, &id);
    locate(&mut answer, app.config.app_url.as_deref().or(own.as_ref().map(|own| own.0.as_str())));
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages have a policy of their own.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    // What a handler, or a problem, knows of the request travels in the answer.
    let verdict = Verdict { table_trips, ..answer.extensions().get::<Verdict>().cloned().unwrap_or_default() };
    trace.close(&mut answer, verdict, &app.lines);
    answer
}

/// Refuses a request that no route may see, with the id and the access line that every answer has.
pub fn refuse(app: &App, mut request: Request, why: Problem) -> Response {
    let trace = opened(app, &mut request);
    let mut answer = why.into_response();
    Problem::name_request(&mut answer, &trace.request_id);
    trace.close(&mut answer, Verdict::default(), &app.lines);
    answer
}

fn opened(app: &App, request: &mut Request) -> Trace {
    let id = request.extensions_mut().remove::<RequestId>().map_or_else(new_request_id, |id| id.0);
    Trace::open("app", id, request.method(), request.headers(), app.now())
}

/// Makes the address of what was made whole: on the origin as configured, else the function's own, never the Host header.
fn locate(answer: &mut Response, origin: Option<&str>) {
    let path = answer.headers().get(header::LOCATION).and_then(|path| path.to_str().ok()).filter(|path| path.starts_with('/'));
    if let (Some(path), Some(origin)) = (path, origin)
        && let Ok(whole) = HeaderValue::try_from(format!("{origin}{path}"))
    {
        answer.headers_mut().insert(header::LOCATION, whole);
    }
}

/// What the router says by itself, as a problem: no such path, or no such method there.
fn unrouted(answer: Response) -> Response {
    match answer.status() {
        StatusCode::NOT_FOUND => Problem::not_found().into_response(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this address does not take this method")
                .hint("`Allow` names those that it takes");
            let mut refused = problem.into_response();
            if let Some(allow) = answer.headers().get(header::ALLOW) {
                refused.headers_mut().insert(header::ALLOW, allow.clone());
            }
            refused
        }
        _ => answer,
    }
}
