//! How a command ends: the exit codes, and the one line that says why.

use std::fmt;

use reqwest::StatusCode;
use wire::problem::Problem;

/// The exit codes of the command line; they are an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: it failed, for a reason that has no code of its own.
    Failed,
    /// 2: the command was written wrongly, or has to be answered and nobody is there.
    Usage,
    /// 3: not found, or gone for good.
    NotFound,
    /// 4: no token, or one that no longer works.
    SignIn,
    /// 5: the token's owner may not do this.
    NotAllowed,
    /// 6: it conflicts with what is there, or was changed meanwhile.
    Conflict,
    /// 7: a limit was reached.
    Limit,
    /// 8: some items of a batch failed.
    Some,
    /// 9: the service does not answer, or cannot at the moment.
    Unavailable,
    /// 130: interrupted by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::SignIn => 4,
            Self::NotAllowed => 5,
            Self::Conflict => 6,
            Self::Limit => 7,
            Self::Some => 8,
            Self::Unavailable => 9,
            Self::Interrupted => 130,
        }
    }

    /// What a refusal of the API means here. A limit has several statuses, so its codes decide first.
    pub(crate) fn of(status: StatusCode, code: &str) -> Self {
        if matches!(code, "until-too-far" | "too-many" | "too-many-ancestors" | "dataset-too-deep" | "path-too-long") {
            return Self::Limit;
        }
        match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Self::Usage,
            StatusCode::UNAUTHORIZED => Self::SignIn,
            StatusCode::FORBIDDEN => Self::NotAllowed,
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::NotFound,
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED | StatusCode::PRECONDITION_REQUIRED => Self::Conflict,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Self::Limit,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable,
            _ => Self::Failed,
        }
    }

    /// What a rule that says no means here, where nobody answered with a status.
    fn of_denial(code: &str) -> Self {
        match code {
            "sign-in" => Self::SignIn,
            "bad-path" => Self::Usage,
            "not-found" | "no-such-object" | "dataset-retired" => Self::NotFound,
            "not-serving" => Self::Unavailable,
            link if link.starts_with("link-") => Self::NotFound,
            _ => Self::NotAllowed,
        }
    }
}

/// Why a command did not do what was asked. `Display` is one line: what happened, its code, what to do, the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the process ends with.
    pub(crate) exit: Exit,
    problem: Box<Problem>,
}

impl Failure {
    /// A failure in words of ours.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, problem: Box::new(Problem { detail: what.into(), ..Problem::default() }) }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Nothing to say: everything was said before, as each item of a batch was.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Whether it has nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.problem.detail.is_empty()
    }

    /// A refusal of the API.
    pub(crate) fn refused(status: StatusCode, problem: Problem) -> Self {
        Self { exit: Exit::of(status, &problem.code), problem: Box::new(Problem { status: status.as_u16(), ..problem }) }
    }

    /// What the one decision would refuse, and by which rule: it was asked and not done.
    pub(crate) fn denied(code: &str, what: impl Into<String>) -> Self {
        let problem = Problem { detail: what.into(), code: code.to_owned(), ..Problem::default() };
        Self { exit: Exit::of_denial(code), problem: Box::new(problem) }
    }

    /// Where the same thing is there already in other terms: its version, by which it can be changed.
    pub(crate) fn version_there(&self) -> Option<u64> {
        // By itself, or by a dataset of its link set.
        let exists = self.problem.code == "exists" || self.problem.more.get("because").is_some_and(|because| because == "exists");
        exists.then(|| self.problem.more.get("version")?.as_u64()).flatten()
    }

    /// The same as the problem of one item of a batch.
    pub(crate) fn into_problem(self) -> Problem {
        let (status, code) = match self.exit {
            Exit::Unavailable => (503, "unreachable"),
            _ => (500, "failed"),
        };
        let mut problem = *self.problem;
        if problem.code.is_empty() {
            (problem.status, problem.code) = (status, code.to_owned());
        }
        problem
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { detail, code, hint, request_id, .. } = &*self.problem;
        let mut line = detail.clone();
        for (before, part, after) in [(" [", Some(code), "]"), ("; ", hint.as_ref(), ""), (" (request ", request_id.as_ref(), ")")] {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                line.extend([before, part, after]);
            }
        }
        f.write_str(&crate::output::printable(&line))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(why: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{why:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // UX 9
    #[test]
    fn every_refusal_has_its_exit_code() {
        for (status, code, want) in [
            (400, "bad-path", 2),
            (422, "until", 2),
            (422, "until-too-far", 7),
            (422, "too-many", 7),
            (401, "sign-in", 4),
            (403, "not-owner", 5),
            (403, "audience-too-wide", 5),
            (404, "not-found", 3),
            (410, "link-revoked", 3),
            (409, "exists", 6),
            (412, "stale", 6),
            (428, "if-match", 6),
            (413, "too-large", 7),
            (429, "too-fast", 7),
            (500, "", 1),
            (302, "", 1),
            (502, "", 9),
            (503, "table-unavailable", 9),
            (504, "", 9),
        ] {
            assert_eq!(Exit::of(StatusCode::from_u16(status).unwrap(), code).code(), want, "{status} {code}");
        }
        assert_eq!([Exit::Done, Exit::Some, Exit::Interrupted].map(Exit::code), [0, 8, 130]);
    }

    #[test]
    fn every_denial_has_its_exit_code() {
        for (code, want) in [
            ("not-allowed", 5),
            ("suspended", 5),
            ("zone", 5),
            ("coarse-only", 5),
            ("a-rule-of-next-year", 5),
            ("sign-in", 4),
            ("not-found", 3),
            ("dataset-retired", 3),
            ("link-revoked", 3),
            ("no-such-object", 3),
            ("bad-path", 2),
            ("not-serving", 9),
        ] {
            assert_eq!(Failure::denied(code, "no").exit.code(), want, "{code}");
        }
        assert_eq!(Failure::denied("zone", "not from here").to_string(), "not from here [zone]");
    }

    #[test]
    fn only_what_exists_has_a_version_to_change() {
        let refused = |code: &str, version: serde_json::Value| {
            let more = serde_json::Map::from_iter([("version".to_owned(), version)]);
            Failure::refused(StatusCode::CONFLICT, Problem { code: code.to_owned(), more, ..Problem::default() }).version_there()
        };
        assert_eq!(refused("exists", 3.into()), Some(3));
        assert_eq!(refused("exists", "3".into()), None);
        assert_eq!(refused("stale", 3.into()), None);
    }

    #[test]
    fn a_failure_is_one_line_with_code_hint_and_request() {
        let problem = Problem {
            detail: "it was changed\nsince".to_owned(),
            code: "stale".to_owned(),
            hint: Some("read it again".to_owned()),
            request_id: Some("r1".to_owned()),
            ..Default::default()
        };
        let failure = Failure::refused(StatusCode::PRECONDITION_FAILED, problem);
        assert_eq!(failure.to_string(), "it was changed\\nsince [stale]; read it again (request r1)");
        assert_eq!(Failure::new(Exit::Usage, "no").hint("do").to_string(), "no; do");
    }
}
