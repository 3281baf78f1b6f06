//! Why a page cannot be shown as it was asked for: by a decision here, or by what the API answered.

use axum::response::{IntoResponse, Response};
use edge::{problem::Problem, trace::Verdict};
use http::{HeaderMap, StatusCode, header};

use crate::page::sentence;

/// A refusal.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Of this function.
    Here(Problem),
    /// Of the API.
    There(Box<There>),
}

/// What the API answered instead.
#[derive(Debug, Clone)]
pub(crate) struct There {
    pub(crate) status: StatusCode,
    pub(crate) problem: wire::problem::Problem,
    pub(crate) retry_after_secs: Option<u32>,
}

impl There {
    /// Reads it. What is no problem becomes one.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let problem = serde_json::from_slice(body).unwrap_or_else(|_none| wire::problem::Problem {
            status: status.as_u16(),
            code: "api-unavailable".to_owned(),
            detail: "the API gave no reason".to_owned(),
            ..wire::problem::Problem::default()
        });
        let retry_after_secs = headers.get(header::RETRY_AFTER).and_then(|secs| secs.to_str().ok()?.parse().ok());
        Self { status, problem, retry_after_secs }
    }
}

impl Refused {
    /// The code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Here(problem) => problem.code,
            Self::There(there) => &there.problem.code,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Here(problem) => problem.status,
            Self::There(there) => there.status,
        }
    }

    /// What is wrong and what to do about it, where the form that was sent can be sent again in another way; else it is a page of its own.
    ///
    /// # Errors
    /// The refusal, where no other form would do.
    pub(crate) fn on_form(self) -> Result<Wrong, Self> {
        let (detail, to_do) = match &self {
            Self::Here(problem) => (problem.detail(), problem.to_do()),
            Self::There(there) => (there.problem.detail.as_str(), there.problem.hint.as_deref()),
        };
        let at = match &self {
            Self::There(there) => there.problem.errors.first().map(|error| error.pointer.trim_start_matches('/').to_owned()),
            Self::Here(_) => None,
        };
        match self.status().as_u16() {
            400 | 403 | 409 | 412 | 413 | 422 | 429 => {
                Ok(Wrong { status: self.status(), detail: sentence(detail), to_do: to_do.map(sentence), at })
            }
            _ => Err(self),
        }
    }

    /// A number that the API's answer carries.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self {
            Self::Here(_) => None,
            Self::There(there) => there.problem.more.get(name)?.as_u64(),
        }
    }

    /// The same in one line, of one of several.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Here(problem) => sentence(problem.detail()),
            Self::There(there) => line(&there.problem),
        }
    }
}

/// A problem in one line.
pub(crate) fn line(problem: &wire::problem::Problem) -> String {
    let hint = problem.hint.as_deref().map(|hint| format!(" {}", sentence(hint))).unwrap_or_default();
    format!("{}{hint}", sentence(&problem.detail))
}

/// What is wrong with a form that was sent.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) to_do: Option<String>,
    /// The field that it is about.
    at: Option<String>,
}

impl Wrong {
    /// Whether it is about this field.
    pub(crate) fn is_at(&self, field: &str) -> bool {
        self.at.as_deref() == Some(field)
    }
}

/// The status of a page with a form: of what is wrong with it, if anything is.
pub(crate) fn status_of(wrong: Option<&Wrong>) -> StatusCode {
    wrong.map_or(StatusCode::OK, |wrong| wrong.status)
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let there = match self {
            Self::Here(problem) => return problem.into_response(),
            // One page for whatever is not there.
            Self::There(there) if there.status == StatusCode::NOT_FOUND => return Problem::not_found().into_response(),
            Self::There(there) => *there,
        };
        let mut answer = there.status.into_response();
        if let Some(secs) = there.retry_after_secs {
            answer.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        answer.extensions_mut().insert(Verdict { reason: Some("api"), ..Verdict::default() });
        answer.extensions_mut().insert(there);
        answer
    }
}
