//! What every page is dressed in: its frame, its headers, and a problem told to a person.

use core::fmt;

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::{App, app_origin, caller::Caller, lambda::OwnOrigin, problem::Problem, target::RawTarget};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::{origin::Origin, refused::There, style};

/// No script, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// The same of pages that have scripts of ours. They work without.
const POLICY_WITH_SCRIPTS: &str =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// What stands around every page.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) style: String,
    pub(crate) icon: String,
    /// The name of whoever is signed in.
    pub(crate) person: Option<String>,
    /// The script of pages that have one.
    pub(crate) script: Option<String>,
    /// The part of the header that the page belongs to.
    pub(crate) here: &'static str,
}

impl Frame {
    /// The frame of somebody who is not signed in.
    pub(crate) fn of_nobody() -> Self {
        Self { style: style::style(), icon: style::icon(), person: None, script: None, here: "" }
    }

    /// The frame of whoever is signed in.
    pub(crate) fn of(caller: &Caller) -> Self {
        Self { person: Some(plain(&caller.user.name)), ..Self::of_nobody() }
    }

    /// The parts that the header leads to: a word, its address, its name.
    #[expect(clippy::unused_self, reason = "templates ask the frame")]
    pub(crate) const fn parts(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        &[("home", "/", "Home"), ("sources", "/sources", "Sources"), ("links", "/links", "Links")]
    }

    /// The same of a page with scripts, in a part of the header.
    pub(crate) fn of_part(caller: &Caller, here: &'static str) -> Self {
        Self { script: Some(style::script()), here, ..Self::of(caller) }
    }
}

/// A form that has no fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Marks an answer to a program, which gets the problem itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForPrograms;

/// A page.
///
/// # Errors
/// 500 where the template cannot be filled, which none of ours does.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(|why| lost("a page could not be filled", &why))?;
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// A page whose frame has a script.
///
/// # Errors
/// As [`page`].
pub(crate) fn scripted(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let mut answer = page(status, template)?;
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_WITH_SCRIPTS));
    Ok(answer)
}

/// 500, and in the log what was lost and why.
pub(crate) fn lost(what: &'static str, why: &dyn fmt::Display) -> Problem {
    tracing::error!(why = %why, "{what}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here").hint("try again; quote the request's id")
}

/// Adds a cookie's line to an answer. A cookie that is no header line is left out: then nobody is signed in by it.
pub(crate) fn with_cookie(mut answer: Response, line: Option<HeaderValue>) -> Response {
    if let Some(line) = line {
        answer.headers_mut().append(header::SET_COOKIE, line);
    }
    answer
}

/// A text of somebody's as a page shows it: with a mark for what controls, or turns the direction of what follows.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if shows(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether a character neither controls nor turns the direction of what follows.
pub(crate) fn shows(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same of a text of several lines.
pub(crate) fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// A middleware around every page.
pub(crate) async fn answer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let origin = Origin::of(&app, request.extensions().get::<OwnOrigin>());
    request.extensions_mut().insert(origin);
    let (parts, body) = request.into_parts();
    let is_popup = is_popup(RawTarget::of(&parts).0);
    let show = |answer: &mut Response, id: &HeaderValue| {
        tell(answer, id);
        dress(answer, is_popup);
    };
    app_origin::answered(&app, Request::from_parts(parts, body), next, show).await
}

/// Whether a viewer's window may have opened the page: it stays tied to its opener, which is told the token at the end. Nothing on these
/// pages is the opener's to read: it is of another origin.
fn is_popup(path: &str) -> bool {
    path == "/api/v1/authorize" || path == "/sign-in" || path.starts_with("/sign-in/")
}

fn dress(answer: &mut Response, is_popup: bool) {
    let headers = answer.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // With `no-referrer` browsers would not say either which page sent a form.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE, HeaderValue::from_static("same-origin"));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    if !is_popup {
        headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Told {
    frame: Frame,
    title: &'static str,
    detail: String,
    to_do: Option<String>,
    retry_after_secs: Option<u32>,
    request_id: String,
}

impl Told {
    fn of(status: StatusCode, detail: &str, to_do: Option<&str>, retry_after_secs: Option<u32>, request_id: &str) -> Self {
        Self {
            frame: Frame::of_nobody(),
            title: title(status),
            detail: sentence(detail),
            to_do: to_do.map(sentence),
            retry_after_secs,
            request_id: plain(request_id),
        }
    }
}

/// Makes a page of a problem.
fn tell(answer: &mut Response, id: &HeaderValue) {
    if answer.extensions().get::<ForPrograms>().is_some() {
        return Problem::name_request(answer, id);
    }
    let here = id.to_str().unwrap_or_default();
    let told = if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        Told::of(problem.status, problem.detail(), problem.to_do(), problem.retry_after_secs(), here)
    } else if let Some(There { status, problem, retry_after_secs }) = answer.extensions_mut().remove::<There>() {
        // Whoever is asked about it finds there why.
        let there = problem.request_id.as_deref().unwrap_or(here);
        Told::of(status, &problem.detail, problem.hint.as_deref(), retry_after_secs, there)
    } else {
        return;
    };
    if let Ok(text) = told.render() {
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        // Its words are for programs, and a browser would ask for a password.
        headers.remove(header::WWW_AUTHENTICATE);
        *answer.body_mut() = Body::from(text);
    }
}

const fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Sign in first",
        403 => "Not allowed",
        404 => "Nothing is here",
        405 => "Not in this way",
        410 => "No longer here",
        429 | 503 => "Not right now",
        500 => "Something went wrong",
        _ => "That did not work",
    }
}

/// A problem's words as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = plain(&text.replace('`', ""));
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_and_ends_as_one() {
        assert_eq!(sentence("a ticket lives 1 to `720` minutes"), "A ticket lives 1 to 720 minutes.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a_name_turns_nothing_around() {
        assert_eq!(plain("a\u{202e}b\nc é"), "a\u{fffd}b\u{fffd}c é");
    }
}
