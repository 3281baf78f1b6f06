//! What a request to the API asks outside its body: an id in the path, filters in the query, a version in `If-Match`, a page of a listing.

use axum::{
    extract::{FromRequestParts, Path, Query, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use domain::{limits::API_PAGE_MAX, path::encode_key};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use table::{Page, TableError};

use crate::{App, caller::Caller, json, problem::Problem};

/// The `{id}` of a path. One that is not even text is answered like one that is nobody's.
#[derive(Debug, Clone)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| Self(id)).map_err(|_not_text| Problem::not_found())
    }
}

/// The query of a listing. What the type does not know is refused by the type, so that a misspelt filter never lists everything.
#[derive(Debug, Clone)]
pub struct Filters<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Filters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(filters)| Self(filters)).map_err(|why| {
            Problem::new(StatusCode::BAD_REQUEST, "query", format!("the query was not understood: {}", why.body_text()))
                .hint("see /api/v1/openapi.json")
        })
    }
}

/// Routes whose writes ask nothing in the query: what stands there all the same, `dry_run` above all, is refused before anything is done.
pub fn plain<S: Clone + Send + Sync + 'static>(routes: MethodRouter<S>) -> MethodRouter<S> {
    // Of methods that are routed, and of no others, which stay 405.
    routes.route_layer(middleware::from_fn(without_query))
}

async fn without_query(request: Request, next: Next) -> Response {
    let asks = request.uri().query().is_some_and(|query| !query.is_empty());
    if asks && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::BAD_REQUEST, "query", "this write takes nothing in the query")
            .hint("what it is asked stands in the body: see /api/v1/openapi.json")
            .into_response();
    }
    next.run(request).await
}

/// The versions that an edit was made on: `If-Match` (RFC 9110, 13.1.1).
#[derive(Debug, Clone)]
pub struct IfMatch(String);

impl IfMatch {
    /// Holds the edit to the version that is there: `"3"`, a list of them, or `*`.
    ///
    /// # Errors
    /// 412 `stale`, with the version that is there.
    pub fn check(&self, version: u64) -> Result<(), Problem> {
        let there = format!("\"{version}\"");
        // Weak tags never match here: the comparison is the strong one.
        let fits = self.0.split(',').map(str::trim).any(|tag| tag == "*" || tag == there);
        if fits {
            return Ok(());
        }
        Err(Problem::from(TableError::Stale).with("version", version))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let wrong =
            |status, why| Problem::new(status, "if-match", why).hint("send `If-Match` with the `ETag` of what was read, in its quotes");
        let Some(tags) = parts.headers.get(header::IF_MATCH) else {
            return Err(wrong(StatusCode::PRECONDITION_REQUIRED, "an edit names the version that it was made on"));
        };
        let is_tag =
            |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"').is_some_and(|tag| tag.ends_with('"'));
        let tags = tags.to_str().ok().filter(|tags| tags.split(',').map(str::trim).all(is_tag));
        tags.map(|tags| Self(tags.to_owned())).ok_or_else(|| wrong(StatusCode::BAD_REQUEST, "that is no version"))
    }
}

/// The same where it may be left out.
#[derive(Debug, Clone)]
pub struct MaybeIfMatch(Option<IfMatch>);

impl MaybeIfMatch {
    /// Holds a change of what `is_there` to the version that is there; what is not there needs none.
    ///
    /// # Errors
    /// 412 `stale` for another version, 409 `exists` without `If-Match`, with the version that is there.
    pub fn check(&self, version: u64, is_there: bool) -> Result<(), Problem> {
        match &self.0 {
            Some(seen) => seen.check(version),
            None if is_there => Err(Problem::new(StatusCode::CONFLICT, "exists", "there is one already, and it says something else")
                .hint("send `If-Match` with its `ETag` to change it")
                .with("version", version)),
            None => Ok(()),
        }
    }

    /// Holds a change of what the caller need not have read to one that was meant as such: with whatever version.
    ///
    /// # Errors
    /// 409 `exists` without `If-Match`.
    pub fn need_sent(&self) -> Result<(), Problem> {
        let Some(_seen) = &self.0 else {
            return Err(Problem::new(StatusCode::CONFLICT, "exists", "there is one already, and it gives more"));
        };
        Ok(())
    }

    /// Holds an act that needs no version to the one that was sent.
    ///
    /// # Errors
    /// As [`IfMatch::check`].
    pub fn check_sent(&self, version: u64) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |seen| seen.check(version))
    }

    /// The version that an act was sent for, where one was, and it is the one that is there.
    ///
    /// # Errors
    /// As [`IfMatch::check`].
    pub fn named(&self, version: u64) -> Result<Option<u64>, Problem> {
        self.check_sent(version)?;
        Ok(self.0.as_ref().map(|_tag| version))
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let sent = parts.headers.contains_key(header::IF_MATCH);
        Ok(Self(if sent { Some(IfMatch::from_request_parts(parts, state).await?) } else { None }))
    }
}

/// Pages of the table that one page of a listing may look through, where filters leave little: a bound on work, not on what is found.
const LOOKS_MAX: usize = 10;

/// One page of a listing, as asked.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Path and filters: what a cursor is sealed to, and what the next page's address begins with.
    address: String,
    /// The most items that the page may hold.
    pub limit: u16,
}

impl Listing {
    /// A page of `path`, as `filters` narrow it, of at most `limit` items (1 to [`API_PAGE_MAX`], which it is by default).
    ///
    /// # Errors
    /// 400 `limit` for one out of bounds.
    pub fn new(path: &str, filters: &[(&str, Option<&str>)], limit: Option<u16>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(API_PAGE_MAX);
        if !(1..=API_PAGE_MAX).contains(&limit) {
            let detail = format!("a page has 1 to `{API_PAGE_MAX}` items");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "limit", detail).at("/limit").hint("ask for fewer and follow `next_cursor`"));
        }
        let given = filters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", encode_key(value))));
        let address = format!("{path}?{}", given.collect::<Vec<_>>().join("&"));
        Ok(Self { address, limit })
    }

    /// Where the page begins; `None`: at the beginning.
    ///
    /// # Errors
    /// 400 `bad-cursor`, as [`Caller::open_cursor`].
    pub fn position(&self, caller: &Caller, cursor: Option<&str>, now: Timestamp) -> Result<Option<String>, Problem> {
        cursor.map(|cursor| caller.open_cursor(&self.address, cursor, now)).transpose()
    }

    /// The same as the table takes it.
    ///
    /// # Errors
    /// As [`Listing::position`].
    pub fn page(&self, caller: &Caller, cursor: Option<&str>, now: Timestamp) -> Result<Page, Problem> {
        Ok(Page { position: self.position(caller, cursor, now)?, items_max: self.limit })
    }

    /// This page, to be filled from `position` on by what is kept of the table's pages.
    #[must_use]
    pub fn filling<T>(&self, position: Option<String>) -> Filling<T> {
        Filling { limit: self.limit, looks_left: LOOKS_MAX, items: Vec::new(), next: position }
    }

    /// The page: `next_cursor` in the body and `Link: rel="next"` beside it (RFC 8288) where there is another.
    ///
    /// # Errors
    /// As [`Caller::seal_cursor`].
    pub fn answer<T: Serialize>(
        &self,
        app: &App,
        caller: &Caller,
        items: Vec<T>,
        next: Option<&str>,
        now: Timestamp,
    ) -> Result<Response, Problem> {
        self.answer_of(app, caller, next, now, |next_cursor| wire::page::Page { items, next_cursor })
    }

    /// The same of a page that says more than its items, made of its `next_cursor`.
    ///
    /// # Errors
    /// As [`Caller::seal_cursor`].
    pub fn answer_of<P: Serialize>(
        &self,
        app: &App,
        caller: &Caller,
        next: Option<&str>,
        now: Timestamp,
        page: impl FnOnce(Option<String>) -> P,
    ) -> Result<Response, Problem> {
        let next_cursor = next.map(|position| caller.seal_cursor(app, &self.address, position, now)).transpose()?;
        let link = next_cursor.as_ref().map(|cursor| {
            let and = if self.address.ends_with('?') { "" } else { "&" };
            format!("<{}{and}limit={}&cursor={cursor}>; rel=\"next\"", self.address, self.limit)
        });
        let mut answer = json::ok(&page(next_cursor));
        if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            answer.headers_mut().insert(header::LINK, link);
        }
        Ok(answer)
    }
}

/// A page of a listing whose filters may leave little of each of the table's.
#[derive(Debug)]
pub struct Filling<T> {
    limit: u16,
    looks_left: usize,
    /// What was kept by now.
    pub items: Vec<T>,
    /// Where it goes on; `None`: there is no more.
    pub next: Option<String>,
}

impl<T> Filling<T> {
    /// The page of the table to look through next; `None`: this one is full, there is no more, or enough was looked through.
    pub fn look(&mut self) -> Option<Page> {
        self.looks_left = self.looks_left.checked_sub(1)?;
        let room = usize::from(self.limit).saturating_sub(self.items.len());
        Some(Page { position: self.next.take(), items_max: u16::try_from(room).unwrap_or(self.limit) })
    }

    /// Keeps what is wanted of a page of the table, behind which it goes on at `next`.
    pub fn keep(&mut self, wanted: impl IntoIterator<Item = T>, next: Option<String>) {
        self.items.extend(wanted);
        self.next = next;
        if self.next.is_none() || self.items.len() >= usize::from(self.limit) {
            self.looks_left = 0;
        }
    }
}

/// Names the version of what is shown, for a later `If-Match`.
#[must_use]
pub fn with_version(mut answer: Response, version: u64) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_held_to_the_version_that_is_there() {
        for (tags, fits) in
            [("\"3\"", true), ("\"2\", \"3\"", true), ("*", true), ("3", false), ("\"2\"", false), ("W/\"3\"", false), ("", false)]
        {
            assert_eq!(IfMatch(tags.to_owned()).check(3).is_ok(), fits, "{tags}");
        }
    }

    #[test]
    fn a_page_has_bounds() {
        for (limit, want) in [(None, Some(100)), (Some(1), Some(1)), (Some(100), Some(100)), (Some(0), None), (Some(101), None)] {
            assert_eq!(Listing::new("/api/v1/links", &[], limit).ok().map(|page| page.limit), want, "{limit:?}");
        }
    }
}
