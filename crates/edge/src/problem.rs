//! Problems (RFC 9457): the one place that picks a status and a code for a refusal.
//!
//! Codes are stable and listed in `docs/API.md`; a test compares the two. No `_` arm below: a new variant does not build until it has an answer.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use domain::{
    clone::CloneError,
    connection::ConnectionError,
    copy::CopyError,
    curation::CurationError,
    dataset::{NewDatasetError, RetireError},
    decision::Denial,
    grant::GrantError,
    limits::{LINK_SET_DATASETS_MAX, RETRY_AFTER_SECS},
    link::LinkError,
    link_set::LinkSetError,
    opening::OpeningError,
    path::PathError,
    project::ProjectError,
    request::OfferError,
    source::{CeilingOf, SourceError},
    terms::Unmet,
};
use http::{HeaderValue, StatusCode, header};
use objects::{ObjectsError, copy::CopyObjectError, credentials::CredentialsError, presigner::SignError};
use serde_json::{Map, Value, json};
use table::TableError;

use crate::trace::Verdict;

/// A refusal, with what to do about it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    detail: String,
    hint: Option<&'static str>,
    pointer: Option<String>,
    extra: Map<String, Value>,
    retry_after_secs: Option<u32>,
    /// Whether a 401 may be answered with a password, too.
    takes_basic: bool,
}

/// What an API request may show.
const BEARER: &str = "Bearer realm=\"offprint\"";
/// What a request for data by name may show.
const BEARER_OR_BASIC: &str = "Bearer realm=\"offprint\", Basic realm=\"offprint\", charset=\"UTF-8\"";

impl Problem {
    /// The code of a link that asks for a pass.
    pub const PASS_NEEDED: &'static str = "ticket-needed";
    /// The code of what asks for data-use terms to be accepted.
    pub const TERMS_NEEDED: &'static str = "terms-needed";
    /// The code of what a second person has to approve.
    pub const SECOND_PERSON: &'static str = "second-person-needed";
    /// The code of what is not there, or not to be known of.
    pub const NOT_FOUND: &'static str = "not-found";
    /// The code of what is not open to whoever says nothing, or nothing true, of himself.
    pub const SIGN_IN: &'static str = "sign-in";
    /// The code of a number that its field has no room for, where the field has none of its own.
    pub const NUMBER: &'static str = "number";

    /// A problem. `detail` says what is wrong, in a sentence without names of people or paths.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            hint: None,
            pointer: None,
            extra: Map::new(),
            retry_after_secs: None,
            takes_basic: false,
        }
    }

    /// 503: nothing is wrong with the request; it may be sent again. Where it was to write, nobody knows yet whether it did.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).hint("send the same again in a moment");
        Self { retry_after_secs: Some(RETRY_AFTER_SECS), ..problem }
    }

    /// 429: it was asked too often, and may be asked again after `secs` seconds.
    #[must_use]
    pub fn too_often(code: &'static str, detail: impl Into<String>, secs: u32) -> Self {
        Self { retry_after_secs: Some(secs), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail) }
    }

    /// 404, the same for everything that is not there or not to be known of.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "nothing is here").hint("check the address, or the name in it, to the last character")
    }

    /// 401 of data asked for by name: the same whether nothing was shown or something that is no good, and whether or not there is such a dataset.
    #[must_use]
    pub fn sign_in_for_data() -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, Self::SIGN_IN, "this is not open to everybody")
            .hint("send a token as `Authorization: Bearer`, or as the password of `Basic`");
        Self { takes_basic: true, ..problem }
    }

    /// 404 of an object: the only 404 that a reader may take for a missing chunk.
    #[must_use]
    pub fn no_such_object() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-object", "there is no such object here")
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Adds the field that is meant, as a JSON pointer (RFC 6901).
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The same of a header: no field is meant.
    #[must_use]
    pub fn about_header(mut self) -> Self {
        self.pointer = None;
        self
    }

    /// Adds a fact that a program may use.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// What is wrong, in a sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it.
    #[must_use]
    pub fn to_do(&self) -> Option<&'static str> {
        self.hint
    }

    /// When it may be tried again, in seconds.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u32> {
        self.retry_after_secs
    }

    /// The JSON of the problem; `request_id` names the access line.
    #[must_use]
    pub fn to_json(&self, request_id: Option<&str>) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("refused"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(body) = body.as_object_mut() {
            if let Some(hint) = self.hint {
                body.insert("hint".to_owned(), json!(hint));
            }
            if let Some(pointer) = &self.pointer {
                body.insert("errors".to_owned(), json!([{ "pointer": pointer, "code": self.code }]));
            }
            if let Some(id) = request_id {
                body.insert("request_id".to_owned(), json!(id));
            }
            body.extend(self.extra.clone());
        }
        body
    }

    /// Writes the request id into an answer that is a problem. The data origin does without: there, unknown keys answer alike to the byte.
    pub fn name_request(answer: &mut Response, request_id: &HeaderValue) {
        if let Some(problem) = answer.extensions_mut().remove::<Self>() {
            let body = problem.to_json(request_id.to_str().ok()).to_string();
            answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            *answer.body_mut() = Body::from(body);
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json(None).to_string();
        let length = body.len();
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(Duration::from_secs(u64::from(secs)).as_secs()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(if self.takes_basic { BEARER_OR_BASIC } else { BEARER }));
        }
        answer.extensions_mut().insert(Verdict { reason: Some(self.code), ..Verdict::default() });
        answer.extensions_mut().insert(self);
        answer
    }
}

impl From<Denial> for Problem {
    fn from(why: Denial) -> Self {
        let gone = |code| Self::new(StatusCode::GONE, code, why.to_string());
        let not_yours = |code| Self::new(StatusCode::FORBIDDEN, code, why.to_string());
        match why {
            Denial::NotDiscoverable => Self::not_found(),
            Denial::Revoked => gone("link-revoked").hint("ask whoever sent you the link for a new one"),
            Denial::Withdrawn => gone("link-withdrawn").hint("the data were taken back; the publication says why"),
            Denial::Paused => gone("link-paused").hint("the same link may work again later; ask whoever sent it"),
            Denial::NotYet => gone("link-not-yet").hint("the same link works once it has begun"),
            Denial::Expired => gone("link-expired").hint("ask whoever sent you the link to extend it"),
            Denial::Ceiling { of } => gone("link-ceiling").hint(allows_less(of)).with(CEILING, of.word()),
            Denial::Arriving => {
                Self::new(StatusCode::CONFLICT, "dataset-arriving", why.to_string()).hint("wait until the copy is done, or cancel it")
            }
            Denial::NotWritable => Self::new(StatusCode::CONFLICT, "not-writable", why.to_string()).hint(
                "an administrator allows it: `offprint source edit NAME --writable true`, and for folders `offprint up --writable NAME`",
            ),
            Denial::Retired => gone("dataset-retired").hint("the data were taken out of service"),
            Denial::Maker => gone("link-maker").hint("an owner of the data can make a new link"),
            Denial::NotServing => {
                Self::unavailable("not-serving", why.to_string()).hint("an administrator switched it off, and can switch it on")
            }
            Denial::SignIn => Self::sign_in_for_data(),
            Denial::Restricted => gone("link-restricted").hint("an owner of the data can make a link to the restricted part itself"),
            Denial::Zone => not_yours("zone").hint("it is open from other networks; ask whoever shared it"),
            Denial::PassNeeded => Self::new(StatusCode::UNAUTHORIZED, Self::PASS_NEEDED, why.to_string())
                .hint("`POST /api/v1/passes` at the app gives an address for 15 minutes to whoever has the link and its password"),
            Denial::TermsNeeded { unmet } => terms_needed(why, unmet),
            Denial::OverBudget { secs } => Self::too_often("over-budget", why.to_string(), secs)
                .hint("wait as long as `Retry-After` says, or ask whoever sent the link"),
            Denial::Lacks { right } => not_yours("not-allowed").hint("ask the dataset's owner").with("right", right.word()),
            Denial::NotListed => not_yours("not-listed").hint("ask for objects by their paths; whoever sent the link knows them"),
            Denial::CoarseOnly => not_yours("coarse-only").hint("metadata are open; ask the dataset's owner for the role `view`"),
            Denial::NoSuchObject => Self::no_such_object(),
            Denial::Path(why) => why.into(),
            Denial::NotMaker => {
                not_yours("not-maker").hint("make a link of your own; pausing and revoking this one takes no more than administering")
            }
            Denial::NotSteward => {
                not_yours("not-steward").hint("ask the dataset's owner; pausing and revoking it takes no more than administering now")
            }
            Denial::NotGroupOwner => not_yours("not-group-owner").hint("ask the group's owner"),
            Denial::NotProjectManager => not_yours("not-project-manager").hint("ask a manager of the project"),
            Denial::NotSession => not_yours("not-session").hint("sign in, and do it with the session"),
            Denial::NotAdministrator => not_yours("not-administrator").hint("ask an administrator"),
            Denial::NotAuditor => not_yours("not-auditor").hint("ask an auditor or an administrator"),
            Denial::NotCurator => not_yours("not-curator").hint("ask a curator"),
            Denial::OwnerActive => Self::new(StatusCode::CONFLICT, "owner-active", why.to_string()).hint("ask the owner to offer it"),
            Denial::OfferOver => Self::new(StatusCode::CONFLICT, "offer-over", why.to_string()).hint("ask the dataset's owner for another"),
            Denial::Scope { needed } => not_yours("scope").hint("use a token with this scope").with("scope", needed.word()),
            Denial::Suspended => not_yours("suspended").hint("ask an administrator"),
        }
    }
}

fn terms_needed(why: Denial, unmet: Unmet) -> Problem {
    let ids: Vec<_> = unmet.iter().map(|terms| terms.to_string()).collect();
    Problem::new(StatusCode::UNAUTHORIZED, Problem::TERMS_NEEDED, format!("{why}: `{}`", ids.join("`, `")))
        .hint("read and accept them: `offprint terms show` and `accept`, or for a link `offprint link pass --accept`")
        .with("terms", ids)
}

impl From<PathError> for Problem {
    fn from(why: PathError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-path", why.to_string())
            .hint("paths are percent-encoded once; `..`, `//`, `\\` and `%2F` are not taken")
    }
}

/// The member of a refusal that says whose ceiling it is by.
const CEILING: &str = "ceiling";

const fn ask_to_raise(of: CeilingOf) -> &'static str {
    match of {
        CeilingOf::Source => "ask an administrator to raise the source's ceiling",
        CeilingOf::Deployment => "ask an administrator to raise the ceiling of the deployment's policy, which binds every source",
    }
}

const fn allows_less(of: CeilingOf) -> &'static str {
    match of {
        CeilingOf::Source => "the source allows less than when the link was made",
        CeilingOf::Deployment => "the deployment's policy allows less than when the link was made, at every source",
    }
}

const NO_LEVEL_HINT: &str = "levels are read from OME-Zarr metadata when a dataset is registered, and again by `offprint dataset levels`";

impl From<LinkError> for Problem {
    fn from(why: LinkError) -> Self {
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string());
        match why {
            LinkError::UntilPast => wrong("until-past").at("/until").hint("name an end that lies ahead, such as `30d`"),
            LinkError::UntilTooFar { days_max, of } => {
                let problem = wrong("until-too-far")
                    .at("/until")
                    .hint("ask for a shorter life, or an administrator for a higher ceiling")
                    .with("days_max", days_max);
                of.map_or(problem.clone(), |of| problem.with(CEILING, of.word()))
            }
            LinkError::NeverOpen => wrong("never-open").at("/not_before").hint("the end must come after the beginning"),
            LinkError::AudienceTooWide { of } => Self::new(StatusCode::FORBIDDEN, "audience-too-wide", why.to_string())
                .at("/class")
                .hint(ask_to_raise(of))
                .with(CEILING, of.word()),
            LinkError::Label => wrong("label").at("/label").hint("shorten the label"),
            LinkError::Subpath => wrong("no-such-path").at("/path").hint("a path inside the dataset; a folder ends with `/`"),
            LinkError::OtherForm => {
                wrong("other-form").at("/dataset").hint("readers choose a format by the end of the URL; make a new link")
            }
            LinkError::Endless => wrong("endless").at("/until").hint("say when the review is over, such as `90d`"),
            LinkError::Level => wrong("level").at("/level").hint("such as `{\"role\": \"preview\", \"level\": 2}`"),
            LinkError::NoLevel => wrong("no-level").at("/level").hint(NO_LEVEL_HINT),
            LinkError::Requests => wrong("requests-per-second").at("/requests_per_second").hint("leave it out for as many as come"),
            LinkError::Bytes => wrong("bytes-per-day").at("/bytes_per_day").hint("leave it out for as many as are asked for"),
            LinkError::NoSession => wrong("sessions-max").at("/sessions_max").hint("leave it out for as many as are asked for"),
            LinkError::Code => wrong("link-code").at("/code").hint("leave `code` out, or make it an event or a publication link"),
            LinkError::Role => wrong("link-role").at("/role").hint("`preview`, `view` or `download`"),
            LinkError::NotSteward => Self::new(StatusCode::FORBIDDEN, "not-steward", why.to_string())
                .hint("ask who administers the dataset, and not for a while only"),
            LinkError::Restricted => wrong("in-restricted").at("/path").hint("share the restricted dataset itself, by its own id"),
            LinkError::NotReview => Self::new(StatusCode::CONFLICT, "not-review", why.to_string())
                .hint("make a publication link beside it; it has a URL of its own"),
            LinkError::NotMaker => Self::new(StatusCode::FORBIDDEN, "not-maker", why.to_string())
                .at("/label")
                .hint("leave the label out; ask who made the link"),
            LinkError::Permit => Self::not_found(),
            LinkError::ReasonNeeded => Self::new(StatusCode::CONFLICT, "reason-needed", why.to_string())
                .at("/reason")
                .hint("say why; readers of the paper will see it"),
            LinkError::Reason => wrong("reason").at("/reason").hint("shorten the reason"),
        }
    }
}

impl From<GrantError> for Problem {
    fn from(why: GrantError) -> Self {
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string());
        let refused = |code| Self::new(StatusCode::FORBIDDEN, code, why.to_string());
        match why {
            GrantError::Permit => Self::not_found(),
            GrantError::ToOneself => refused("to-oneself").at("/to").hint("ask another who administers the dataset"),
            GrantError::Ownership => wrong("ownership").at("/role").hint("use `POST /api/v1/datasets/{id}/offers`"),
            GrantError::MoreThanGiver => refused("more-than-giver").hint("ask the dataset's owner, or give less, for a shorter time"),
            GrantError::NotForGood => refused("more-than-giver").hint("ask the dataset's owner"),
            GrantError::MoreThanPublic => {
                wrong("more-than-public").at("/role").hint("`preview`, `view` or `download`, without `may_share`")
            }
            GrantError::AudienceTooWide { of } => refused("audience-too-wide").at("/to").hint(ask_to_raise(of)).with(CEILING, of.word()),
            GrantError::SecondPerson => {
                Self::new(StatusCode::CONFLICT, Self::SECOND_PERSON, why.to_string()).hint("without `dry_run` it is asked for, and waits")
            }
            GrantError::NeverCounts => wrong("never-counts").at("/until").hint("name an end that lies ahead, after the beginning"),
            GrantError::MoreThanReading => wrong("more-than-reading").at("/role").hint("`preview`, `view` or `download`"),
            GrantError::Hours => wrong("hours").at("/hours").hint("break it again when they have passed"),
            GrantError::Owns => Self::new(StatusCode::CONFLICT, "owns-it", why.to_string()).hint("read them: they are yours"),
            GrantError::HasGrant => Self::new(StatusCode::CONFLICT, "has-grant", why.to_string())
                .hint("use it, ask the dataset's owner for more, or give it up first"),
            GrantError::SharePreview => wrong("share-preview").at("/may_share").hint("give the role `view` or more with it"),
            GrantError::Level => wrong("level").at("/level").hint("such as `{\"role\": \"preview\", \"level\": 2}`"),
            GrantError::NoLevel => wrong("no-level").at("/level").hint(NO_LEVEL_HINT),
            GrantError::DeclinedLately { from } => Self::new(StatusCode::CONFLICT, "declined-lately", why.to_string())
                .hint("wait until then, or ask the person to ask for it")
                .with("from", from.to_string()),
            GrantError::Name => wrong("name").at("/name").hint("1 to 63 of `a-z0-9-`"),
        }
    }
}

impl From<OpeningError> for Problem {
    fn from(why: OpeningError) -> Self {
        let refused = |code| Self::new(StatusCode::FORBIDDEN, code, why.to_string());
        match why {
            OpeningError::OwnRequest => {
                refused("own-request").hint("let another look at it who administers the dataset or the deployment, or take it back")
            }
            OpeningError::NotSecond => refused("not-second").hint("ask an administrator of the deployment"),
            OpeningError::Over => Self::new(StatusCode::CONFLICT, "opening-over", why.to_string()).hint("whoever wants it open asks again"),
            OpeningError::Grant(why) => why.into(),
        }
    }
}

impl From<OfferError> for Problem {
    fn from(why: OfferError) -> Self {
        match why {
            OfferError::Permit => Self::not_found(),
            OfferError::OwnsIt => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "owns-it", why.to_string()).at("/to").hint("name somebody else")
            }
        }
    }
}

impl From<CloneError> for Problem {
    fn from(why: CloneError) -> Self {
        let wrong = |code, pointer| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string()).at(pointer);
        match why {
            CloneError::Permit => Self::not_found(),
            CloneError::Title => wrong("title", "/title").hint("say what you call it"),
            CloneError::Notes => wrong("notes", "/notes").hint("say less"),
        }
    }
}

impl From<CurationError> for Problem {
    fn from(why: CurationError) -> Self {
        match why {
            CurationError::Permit => Self::not_found(),
            CurationError::NotOpen => Self::new(StatusCode::CONFLICT, "not-open", why.to_string())
                .hint("open it first: the `visibility` `accounts` or `world`, and a grant that says what they get"),
            CurationError::Marked => Self::new(StatusCode::CONFLICT, "curated", why.to_string()).hint("there is nothing to ask for"),
        }
    }
}

impl From<ConnectionError> for Problem {
    fn from(why: ConnectionError) -> Self {
        let refused = |code| Self::new(StatusCode::CONFLICT, code, why.to_string());
        match why {
            ConnectionError::Permit => Self::not_found(),
            ConnectionError::Oneself => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "with-oneself", why.to_string()).at("/to").hint("name somebody else")
            }
            ConnectionError::Suspended => refused("suspended-person").hint("ask an administrator whether the person comes back"),
            ConnectionError::OtherAsked => refused("other-asked").hint("accept or reject that request"),
            ConnectionError::Connected => refused("connected").hint("nothing needs to be asked"),
            ConnectionError::RejectedLately { from } => {
                refused("rejected-lately").hint("wait until then, or to be asked").with("from", from.to_string())
            }
            ConnectionError::OtherSide => Self::new(StatusCode::FORBIDDEN, "other-side", why.to_string())
                .hint("whoever was asked accepts or rejects, and whoever asked cancels"),
            ConnectionError::Over => refused("connection-over").hint("see how it stands, and ask again"),
        }
    }
}

impl From<LinkSetError> for Problem {
    fn from(why: LinkSetError) -> Self {
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string());
        match why {
            LinkSetError::Label => wrong("label").at("/label").hint("write it shorter, in one line"),
            LinkSetError::Empty => wrong("no-datasets").at("/datasets").hint("name what is to be shared together"),
            LinkSetError::TooMany => wrong("too-many").at("/datasets").hint("make another set").with("max", LINK_SET_DATASETS_MAX),
        }
    }
}

impl From<ProjectError> for Problem {
    fn from(why: ProjectError) -> Self {
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string());
        match why {
            ProjectError::Name => wrong("name").at("/name").hint("1 to 63 of `a-z0-9-`"),
            ProjectError::View => wrong("policy").at("/policy/view").hint("make somebody a manager for more"),
            ProjectError::Clone => wrong("policy").at("/policy/clone").hint("`none`, or the view `view` or more with it"),
        }
    }
}

impl From<SourceError> for Problem {
    fn from(why: SourceError) -> Self {
        let text = why.to_string();
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, text.clone());
        match why {
            SourceError::Overlap { other } => Self::new(StatusCode::CONFLICT, "source-overlaps", text)
                .at("/prefix")
                .hint("one key may lie in one source only, and buckets of one name are taken for one bucket")
                .with("source", other),
            SourceError::Bucket { .. } => wrong("bucket").at("/bucket").hint("a bucket has 3 to 63 of `a-z0-9.-`"),
            SourceError::Endpoint => wrong("endpoint").at("/endpoint").hint("such as `https://s3.example.org`"),
            SourceError::NoLife => wrong("link-days-max").at("/ceilings/link_days_max").hint("leave it out for no bound"),
        }
    }
}

impl From<CopyError> for Problem {
    fn from(why: CopyError) -> Self {
        let wrong = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string());
        match why {
            CopyError::Permit => Self::not_found(),
            CopyError::SingleObject => wrong("single-object").hint("download it, or copy the dataset that it lies in"),
            CopyError::IntoItself => wrong("into-itself").at("/to").hint("name a folder beside it"),
            CopyError::PlaceLaxer => Self::new(StatusCode::CONFLICT, "place-laxer", why.to_string())
                .at("/to")
                .hint("ask an administrator to give that source the same terms and no wider audience"),
            CopyError::PlaceOpen => Self::new(StatusCode::CONFLICT, "place-open", why.to_string())
                .at("/to")
                .hint("have it copied to where nothing is open to everybody, and open it from there"),
            CopyError::Place => wrong("copy-place").at("/to").hint("`SOURCE:path/in/it`, in plain text"),
            CopyError::Dataset(why) => Self::from(why).at("/to"),
        }
    }
}

impl From<CopyObjectError> for Problem {
    fn from(why: CopyObjectError) -> Self {
        let refused = |code| Self::new(StatusCode::CONFLICT, code, why.to_string());
        match why {
            CopyObjectError::Denied(why) => why.into(),
            CopyObjectError::Apart => {
                refused("stores-apart").at("/to").hint("copy it through a machine of yours, such as with `rclone copy`")
            }
            CopyObjectError::Store(why) => why.into(),
            CopyObjectError::Changed | CopyObjectError::Taken | CopyObjectError::Unlike | CopyObjectError::TooLarge => {
                refused("not-copied")
            }
        }
    }
}

impl From<NewDatasetError> for Problem {
    fn from(why: NewDatasetError) -> Self {
        let code = match why {
            NewDatasetError::TooDeep => "dataset-too-deep",
            NewDatasetError::TooManyAncestors => "too-many-ancestors",
            NewDatasetError::InsideFile => "inside-file",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string())
            .at("/path")
            .hint("share a folder above it, or a path inside that one")
    }
}

impl From<RetireError> for Problem {
    fn from(why: RetireError) -> Self {
        let refused = |code| Self::new(StatusCode::CONFLICT, code, why.to_string());
        match why {
            RetireError::Root => refused("source-root").hint("an administrator retires the source"),
            RetireError::Restricted => refused("restricted").hint("open it first, which lets what is granted above reach it"),
            RetireError::InLinkSet => refused("in-link-set").hint("take it out of its link set first"),
            RetireError::Before => Denial::Retired.into(),
        }
    }
}

impl From<TableError> for Problem {
    fn from(why: TableError) -> Self {
        let text = why.to_string();
        match why {
            TableError::Stale => Self::new(StatusCode::PRECONDITION_FAILED, "stale", "it was changed since you read it")
                .hint("read it again, look at what changed, and repeat with its new `ETag`"),
            TableError::Exists { what } => {
                Self::new(StatusCode::CONFLICT, "exists", text).hint("choose another name, or use what is there").with("what", what)
            }
            TableError::Overlap { other } => SourceError::Overlap { other }.into(),
            TableError::Mismatch => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-mismatch", "this `Idempotency-Key` was used for another request")
                    .hint("use a new key for a new request")
            }
            TableError::Throttled | TableError::Unavailable { .. } => {
                tracing::warn!(why = %text, "the table did not answer");
                Self::unavailable("table-unavailable", "the table did not answer in time")
                    .hint("send the same again in a moment: what was to be written may be, and is not written twice")
            }
            TableError::Unreadable { what } => {
                tracing::error!(what, "a row could not be read; this version does not decide on it");
                Self::unavailable("facts-unreadable", "a fact that this decision needs could not be read")
            }
            TableError::Blocked => {
                Self::new(StatusCode::FORBIDDEN, "blocked", text).hint("ask an administrator; taking people out goes on")
            }
            TableError::NotForThis | TableError::Missing { .. } => Self::not_found(),
            TableError::Position => Self::new(StatusCode::BAD_REQUEST, "bad-cursor", "the cursor is not one of this listing")
                .at("/cursor")
                .hint("begin the listing again"),
            TableError::PathTooLong => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "path-too-long", text).at("/path").hint("share a folder above it")
            }
            TableError::HoldsOthers => {
                Self::new(StatusCode::CONFLICT, "holds-others", text).hint("retire those first; `offprint dataset list` shows yours")
            }
            TableError::LastManager => {
                Self::new(StatusCode::CONFLICT, "last-manager", text).hint("make somebody else a manager first, or retire the project")
            }
            TableError::TooMuch { max } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many", text)
                .hint("each grant that your right rests on takes a place: ask who owns all of the link set, or take datasets out of it")
                .with("max", max),
            TableError::TooMany { max, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many", text).hint("retire one that is no longer used").with("max", max)
            }
        }
    }
}

impl From<ObjectsError> for Problem {
    fn from(why: ObjectsError) -> Self {
        let text = why.to_string();
        match why {
            ObjectsError::Credentials(why) => why.into(),
            ObjectsError::Sign(why) => why.into(),
            ObjectsError::NotFolder => Self::not_found(),
            ObjectsError::Token => Self::new(StatusCode::BAD_REQUEST, "bad-listing", text).hint("begin the listing again"),
            ObjectsError::TooMany { max } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-entries", text)
                .hint("list the link as a bucket, page by page: `/{key}?list-type=2&delimiter=/&prefix={name}/...`")
                .with("max", max),
            ObjectsError::NothingShown { max } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-entries", text)
                .hint("list what lies beside it by its `prefix`; whoever owns the bucket can rename what no address carries")
                .with("max", max),
            ObjectsError::Archived => {
                Self::new(StatusCode::CONFLICT, "archived", text).hint("whoever owns the bucket must restore the object first")
            }
            ObjectsError::LeadsOut => Self::new(StatusCode::FORBIDDEN, "leads-out", text)
                .hint("whoever serves the folder can put the files themselves there, or serve what the link leads to"),
            ObjectsError::NoBucket => {
                tracing::error!("a source's bucket is not there: run `offprint doctor` on the source");
                Self::new(StatusCode::BAD_GATEWAY, "no-bucket", text).hint("whoever registered the source must look where its bucket is")
            }
            ObjectsError::Refused { .. } => {
                tracing::error!(why = %text, "the store refused: run `offprint doctor` on the source");
                Self::unavailable("store-refused", "object storage refused to answer")
            }
            ObjectsError::Unavailable { .. } | ObjectsError::Unreachable | ObjectsError::Timeout | ObjectsError::Unreadable => {
                tracing::warn!(why = %text, "object storage did not answer");
                Self::unavailable("store-unavailable", "object storage did not answer")
            }
        }
    }
}

impl From<CredentialsError> for Problem {
    fn from(why: CredentialsError) -> Self {
        tracing::error!(why = %why, "nothing can be signed");
        Self::unavailable("no-credentials", "nothing can be signed for now")
    }
}

impl From<SignError> for Problem {
    fn from(why: SignError) -> Self {
        match why {
            SignError::Permit | SignError::OtherSource => {
                tracing::error!(why = %why, "a permit was used for what it is not for");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
            }
            SignError::Path(why) => why.into(),
            SignError::Denied(why) => why.into(),
            SignError::Folder => Self::no_such_object(),
            SignError::NothingLeft => Self::unavailable("nothing-left", why.to_string()),
        }
    }
}
