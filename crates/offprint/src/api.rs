//! The API's client: one request, one answer, a refusal as a [`Failure`].

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use domain::{source::is_origin, token::TokenSecret};
use jiff::Timestamp;
use reqwest::{
    Client, Method, Request, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, IF_MATCH, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wire::{page::Page, problem::Problem};

use crate::{
    exit::{Exit, Failure},
    output::{Column, Format, Output, instant, read_field, say},
    progress::waiting,
    session::Sessions,
};

/// How long a connection may take to come up.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take; a batch is sent in pieces that need far less.
const ANSWER_PATIENCE: Duration = Duration::from_mins(1);
/// Items of one page: the most that the API gives.
const PAGE_ITEMS: usize = 100;

/// Where the API is, and how its answers are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Remote {
    /// The app's address; without it, that of the `offprint up` that runs here, or the only one that you are signed in to.
    #[arg(long, value_name = "URL", env = "OFFPRINT_URL", hide_env_values = true, value_parser = read_origin, global = true)]
    server: Option<String>,
    /// The session that is meant, by the name that `sign-in` kept it under: it says the server, and no other token is used.
    #[arg(long, value_name = "NAME", env = "OFFPRINT_PROFILE", hide_env_values = true, value_parser = read_profile, global = true)]
    profile: Option<String>,
    /// The folder in which `offprint up` keeps its address and the administrator's token.
    #[arg(long, value_name = "DIR", env = "OFFPRINT_STATE", hide_env_values = true, default_value = ".offprint", global = true)]
    state: PathBuf,
    /// How to print data: table, json, jsonl or csv.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", hide_possible_values = true, global = true)]
    output: Format,
    /// Only these fields, in this order, with commas between: columns, or fields of the API, with dots to those inside (s3.bucket).
    #[arg(long, value_name = "FIELD", value_delimiter = ',', value_parser = read_field, global = true)]
    fields: Vec<Column>,
    /// The same as `--output json`.
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// Names of sessions are no addresses, under which the others are kept.
fn read_profile(text: &str) -> Result<String, String> {
    let fits = (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits { Ok(text.to_owned()) } else { Err("a profile is named by 1 to 63 of a-z0-9-".to_owned()) }
}

fn read_origin(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    if is_origin(url) { Ok(url.to_owned()) } else { Err("write an origin, such as https://app.example.org".to_owned()) }
}

impl Remote {
    /// How to print.
    pub(crate) fn out(&self) -> Output {
        let format = if self.json { Format::Json } else { self.output };
        // For as long as the process runs.
        Output { format, quiet: self.quiet, fields: self.fields.clone().leak() }
    }

    /// The server and the token that are meant.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where no server is named and none runs here, [`Exit::SignIn`] without a token.
    pub(crate) fn api(&self) -> Result<Api, Failure> {
        let (server, token) = self.server_and_token(given_token(), &Sessions::open())?;
        Api::new(&server, Some(&token), self.quiet)
    }

    /// The server that is meant: named, running here, or the only one with a session.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where there is none.
    pub(crate) fn server(&self, sessions: Option<&Sessions>) -> Result<String, Failure> {
        let signed_in = || sessions.and_then(Sessions::only_server).map(str::to_owned);
        self.server.clone().or_else(|| local_server(&self.state)).or_else(signed_in).ok_or_else(|| {
            Failure::new(Exit::Unavailable, format!("no server is named, and none runs from the state folder {}", self.state.display()))
                .hint("start one with `offprint up`, or name one with --server or OFFPRINT_URL")
        })
    }

    /// The name of the session that is meant, if it has one.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The server that a session is begun at: one that is named goes before the one that the profile had.
    ///
    /// # Errors
    /// As [`Remote::server`].
    pub(crate) fn server_to_sign_in(&self, sessions: &Sessions) -> Result<String, Failure> {
        match self.profile().and_then(|name| sessions.named(name)) {
            Some((server, _secret)) if self.server.is_none() => Ok(server.to_owned()),
            _ => self.server(None),
        }
    }

    /// The server and the token of the session that is meant by its name.
    ///
    /// # Errors
    /// [`Exit::SignIn`] where none is kept under it, [`Exit::Usage`] where another server is named beside it.
    pub(crate) fn of_profile<'a>(&self, name: &str, sessions: &'a Sessions) -> Result<(&'a str, &'a str), Failure> {
        let (server, secret) = sessions.named(name).ok_or_else(|| {
            Failure::new(Exit::SignIn, format!("no session is kept under the profile `{name}`"))
                .hint(format!("offprint sign-in --profile {name} --server URL"))
        })?;
        match &self.server {
            Some(other) if other != server => {
                Err(Failure::new(Exit::Usage, format!("the profile `{name}` is of {server}, not of {other}"))
                    .hint("leave out --server, and OFFPRINT_URL"))
            }
            _ => Ok((server, secret)),
        }
    }

    /// What a command uses before a session that is kept for `server`, if anything.
    pub(crate) fn goes_before_a_session(&self, server: &str) -> Option<String> {
        if self.profile.is_some() {
            return None;
        }
        if given_token().is_some() {
            return Some("OFFPRINT_TOKEN is set, and".to_owned());
        }
        let found = self.token_here(server).is_some_and(|token| token.is_ok());
        found.then(|| format!("The token in the state folder {}", self.state.display()))
    }

    /// A token that is given goes before that of the state folder, and this before a session. The token of the state folder goes to the
    /// server of the state folder and to no other, and a session to the server that began it.
    fn server_and_token(&self, given: Option<String>, sessions: &Sessions) -> Result<(String, TokenSecret), Failure> {
        if let Some(name) = self.profile() {
            let (server, secret) = self.of_profile(name, sessions)?;
            let token = TokenSecret::parse(secret).map_err(|_why| sign_in("what is kept under the profile is no token"))?;
            return Ok((server.to_owned(), token));
        }
        let server = self.server(given.is_none().then_some(sessions))?;
        let text = match (given, self.token_here(&server)) {
            (Some(text), _) | (None, Some(Ok(text))) => text,
            (None, none_here) => match (sessions.secret(&server), none_here) {
                (Some(text), _) => text.to_owned(),
                (None, Some(Err(why))) => return Err(sign_in(&format!("the administrator's token cannot be read: {why}"))),
                (None, _) => return Err(sign_in("no token")),
            },
        };
        let token = TokenSecret::parse(text.trim()).map_err(|_why| sign_in("what is given as a token is none"))?;
        Ok((server, token))
    }

    /// The token of the state folder, where `server` is the one that runs from it.
    fn token_here(&self, server: &str) -> Option<std::io::Result<String>> {
        (local_server(&self.state)? == server).then(|| fs::read_to_string(self.state.join("admin-token")))
    }
}

fn given_token() -> Option<String> {
    std::env::var("OFFPRINT_TOKEN").ok().filter(|text| !text.trim().is_empty())
}

fn sign_in(what: &str) -> Failure {
    Failure::new(Exit::SignIn, what).hint("put a token into OFFPRINT_TOKEN, or sign in with `offprint sign-in`")
}

/// The app that runs from a state folder, as its ready file has it.
fn local_server(state: &Path) -> Option<String> {
    let ready: Value = serde_json::from_slice(&fs::read(state.join("ready.json")).ok()?).ok()?;
    ready.get("app_url")?.as_str().map(|url| url.trim_end_matches('/').to_owned())
}

/// One server, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    base: Url,
    quiet: bool,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) body: T,
    /// 201: it was made by this request.
    pub(crate) is_new: bool,
    /// 202: it goes on with the same request again.
    pub(crate) is_under_way: bool,
    /// The server's own clock, to the second.
    pub(crate) date: Option<Timestamp>,
}

impl Api {
    /// A path on the server that is asked, whole.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// A client of `server`; without a token for what needs none.
    ///
    /// # Errors
    /// [`Exit::Usage`] for an address that is none.
    pub(crate) fn new(server: &str, token: Option<&TokenSecret>, quiet: bool) -> Result<Self, Failure> {
        let base: Url = server.parse().map_err(|_why| Failure::new(Exit::Usage, "the server's address was not understood"))?;
        if base.scheme() == "http" && !is_loopback(&base) && !quiet {
            say(&format!("warning: {server} is not encrypted; whoever listens can take the token"));
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal())).map_err(anyhow::Error::from)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let client = Client::builder()
            .user_agent(concat!("offprint/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(ANSWER_PATIENCE)
            .build()
            .map_err(anyhow::Error::from)?;
        Ok(Self { client, base, quiet })
    }

    /// Whether the data origin says that nothing is at this URL; what it does not answer is not known. It is asked as any reader asks.
    pub(crate) async fn is_nothing_at(url: &str) -> bool {
        let reader = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(CONNECT_PATIENCE).build();
        let Ok(reader) = reader else { return false };
        reader.head(url).send().await.is_ok_and(|answer| answer.status() == StatusCode::NOT_FOUND)
    }

    /// The same, without words while it waits: for what shows its own progress.
    pub(crate) fn silently(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    /// Asks for one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Reply<T>, Failure> {
        self.call(self.request(Method::GET, path)?, true).await
    }

    /// Asks for a listing, page after page, until `most` items are there; says if there are more.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        filters: &[(&str, Option<&str>)],
        most: usize,
    ) -> Result<(Vec<T>, bool), Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = most.saturating_sub(items.len()).clamp(1, PAGE_ITEMS).to_string();
            let mut request = self.request(Method::GET, path)?;
            request
                .url_mut()
                .query_pairs_mut()
                .append_pair("limit", &limit)
                .extend_pairs(filters.iter().filter_map(|(name, value)| Some((*name, (*value)?))))
                .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.call(request, true).await?.body;
            items.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() || items.len() >= most {
                let more = cursor.is_some() || items.len() > most;
                items.truncate(most);
                return Ok((items, more));
            }
        }
    }

    /// Makes something, or does what must not be done again after what came between: sent again with the same `Idempotency-Key` where no
    /// answer came.
    pub(crate) async fn create<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<Reply<T>, Failure> {
        self.call(self.keyed(path, body)?, true).await
    }

    /// Makes something of the version `version` of what is there: the same as [`Api::create`], where this would be refused.
    pub(crate) async fn replace<T: DeserializeOwned>(
        &self,
        path: &[&str],
        version: u64,
        body: &impl Serialize,
    ) -> Result<Reply<T>, Failure> {
        let mut request = self.keyed(path, body)?;
        request.headers_mut().insert(IF_MATCH, etag(version)?);
        self.call(request, true).await
    }

    fn keyed(&self, path: &[&str], body: &impl Serialize) -> Result<Request, Failure> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|why| Failure::new(Exit::Failed, format!("no random bits can be had: {why}")))?;
        let key = uuid::Builder::from_random_bytes(bits).into_uuid().to_string();
        let mut request = with_json(self.request(Method::POST, path)?, body)?;
        request.headers_mut().insert("idempotency-key", HeaderValue::try_from(key).map_err(anyhow::Error::from)?);
        Ok(request)
    }

    /// Acts on something; every act may be sent twice.
    pub(crate) async fn act<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<Reply<T>, Failure> {
        self.call(with_json(self.request(Method::POST, path)?, body)?, true).await
    }

    /// Makes what the API could not recognise a second time: never sent twice, unless no connection came up.
    pub(crate) async fn create_once<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<Reply<T>, Failure> {
        self.call(with_json(self.request(Method::POST, path)?, body)?, false).await
    }

    /// Changes the version `version` of something and no other. Never sent twice: the second would meet its own first.
    /// `None`: for what has no version.
    pub(crate) async fn edit<T: DeserializeOwned>(
        &self,
        path: &[&str],
        version: impl Into<Option<u64>>,
        body: &impl Serialize,
    ) -> Result<Reply<T>, Failure> {
        let mut request = with_json(self.request(Method::PATCH, path)?, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/merge-patch+json"));
        if let Some(version) = version.into() {
            request.headers_mut().insert(IF_MATCH, etag(version)?);
        }
        self.call(request, false).await
    }

    /// Does something to the version `version` of what is named and to no other. Never sent twice.
    pub(crate) async fn act_on<T: DeserializeOwned>(
        &self,
        path: &[&str],
        version: u64,
        body: &impl Serialize,
    ) -> Result<Reply<T>, Failure> {
        let mut request = with_json(self.request(Method::POST, path)?, body)?;
        request.headers_mut().insert(IF_MATCH, etag(version)?);
        self.call(request, false).await
    }

    /// Asks what acting on something would do, or by `PATCH` changing it: the same request with `dry_run`, which writes nothing.
    pub(crate) async fn trial<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        version: Option<u64>,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let changes = method == Method::PATCH;
        let mut request = with_json(self.request(method, path)?, body)?;
        if changes {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/merge-patch+json"));
        }
        if let Some(version) = version {
            request.headers_mut().insert(IF_MATCH, etag(version)?);
        }
        request.url_mut().query_pairs_mut().append_pair("dry_run", "true");
        Ok(self.call(request, true).await?.body)
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<Request, Failure> {
        // Each is one segment, percent-encoded; but no way to write these as one is left in an address.
        if let Some(none) = path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Failure::new(Exit::Usage, format!("nothing can be named `{none}`")));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::new(Exit::Usage, "the server's address was not understood"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(Request::new(method, url))
    }

    async fn call<T: DeserializeOwned>(&self, request: Request, twice: bool) -> Result<Reply<T>, Failure> {
        let said = format!("Waiting for {}", self.base.origin().ascii_serialization());
        waiting(self.quiet, &said, Box::pin(self.answer(request, twice))).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: Request, twice: bool) -> Result<Reply<T>, Failure> {
        let again = request.try_clone();
        let answer = match (self.client.execute(request).await, again) {
            // Once more, where nothing can have been done or doing it twice is the same.
            (Err(why), Some(again)) if why.is_connect() || (twice && !why.is_timeout()) => self.client.execute(again).await,
            (first, _) => first,
        };
        let answer = answer.map_err(|why| self.unreachable(why))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if !status.is_success() {
            return Err(refusal(answer).await);
        }
        let bytes = answer.bytes().await.map_err(|why| self.unreachable(why))?;
        let body = serde_json::from_slice(&bytes).map_err(|_why| {
            Failure::new(Exit::Failed, format!("{} answered something else than this version understands", self.base))
                .hint("is it an Offprint app of this version?")
        })?;
        let date = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(read_date);
        Ok(Reply { body, is_new: status == StatusCode::CREATED, is_under_way: status == StatusCode::ACCEPTED, date })
    }

    fn unreachable(&self, why: reqwest::Error) -> Failure {
        let late = why.is_timeout();
        let mut cause: &dyn std::error::Error = &why.without_url();
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let what = if late { "does not answer in time".to_owned() } else { format!("cannot be reached: {cause}") };
        Failure::new(Exit::Unavailable, format!("{} {what}", self.base.origin().ascii_serialization()))
            .hint("is it running, and is --server right?")
    }
}

fn etag(version: u64) -> Result<HeaderValue, Failure> {
    Ok(HeaderValue::try_from(format!("\"{version}\"")).map_err(anyhow::Error::from)?)
}

fn with_json(mut request: Request, body: &impl Serialize) -> Result<Request, Failure> {
    let text = serde_json::to_vec(body).map_err(anyhow::Error::from)?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(text.into());
    Ok(request)
}

/// An answer that is no success: its problem, or what can be said without one.
async fn refusal(answer: Response) -> Failure {
    let status = answer.status();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|secs| secs.to_str().ok()).map(|secs| format!("try again in {secs} s"));
    match answer.bytes().await.ok().and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok()) {
        Some(problem) => Failure::refused(status, Problem { hint: wait.or(problem.hint), ..problem }),
        None => Failure::new(Exit::of(status, ""), format!("the server answered {status}")).hint("is --server the address of the app?"),
    }
}

/// An HTTP date (RFC 9110, 5.6.7), which is RFC 2822 with `GMT`.
fn read_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.ends_with(".localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What a change stops, as it is said.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stops {
    Link,
    Links,
    Everything,
    /// Less than all: what was given out before may open more until then.
    Beyond,
}

/// When a change is in force everywhere, and whether to wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InForce<'a> {
    pub(crate) stops: Stops,
    /// The reply's `enforced_by`; `None`: nothing was narrowed.
    pub(crate) by: Option<&'a str>,
    /// The server's clock as it answered.
    pub(crate) date: Option<Timestamp>,
    /// Return when it has passed.
    pub(crate) wait: bool,
}

impl InForce<'_> {
    /// Says when, and waits if asked to.
    pub(crate) async fn tell(self, out: Output) {
        let Some(end) = self.by.and_then(|text| text.parse::<Timestamp>().ok()) else { return };
        let (before, then) = match self.stops {
            Stops::Link => ("No URL of this link works after", "Reading has stopped."),
            Stops::Links => ("No URL of these links works after", "Reading has stopped."),
            Stops::Everything => ("No URL of any link works after", "Reading has stopped."),
            Stops::Beyond => ("The change is in force everywhere after", "The change is in force."),
        };
        let end_in_words = instant(end);
        out.note(&format!("{before} {end_in_words}."));
        if !self.wait {
            return;
        }
        // By the server's clock where it said it: a client's own may be wrong.
        let left = Duration::try_from(end.duration_since(self.date.unwrap_or_else(clock))).unwrap_or_default();
        waiting(out.quiet, &format!("Waiting until {end_in_words}"), tokio::time::sleep(left)).await;
        out.note(then);
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge of the process: only where no answer says the server's time")]
pub(crate) fn clock() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(state: &Path, server: Option<&str>) -> Remote {
        Remote {
            server: server.map(str::to_owned),
            profile: None,
            state: state.to_owned(),
            output: Format::Table,
            fields: Vec::new(),
            json: false,
            quiet: true,
        }
    }

    fn text(bits: u8) -> String {
        TokenSecret::new([bits; 20]).reveal()
    }

    #[test]
    fn a_name_is_one_segment_of_an_address_and_leads_nowhere_else() {
        let api = Api::new("http://127.0.0.1:1", None, true).unwrap();
        for none in ["", ".", ".."] {
            assert_eq!(api.request(Method::PATCH, &["users", none]).unwrap_err().exit, Exit::Usage, "{none}");
        }
        for (name, written) in [("a/../b", "a%2F..%2Fb"), ("%2e%2e", "%252e%252e"), ("a?b#c", "a%3Fb%23c"), ("...", "..."), ("é", "%C3%A9")]
        {
            let request = api.request(Method::PATCH, &["users", name]).unwrap();
            assert_eq!(request.url().as_str(), format!("http://127.0.0.1:1/api/v1/users/{written}"));
        }
    }

    #[test]
    fn the_token_of_the_state_folder_goes_to_its_own_server_only() {
        let dir = tempfile::tempdir().unwrap();
        let none = Sessions::default();
        let exit = |server: Option<&str>| remote(dir.path(), server).server_and_token(None, &none).unwrap_err().exit;
        let found = |server: Option<&str>| remote(dir.path(), server).server_and_token(None, &none).is_ok();
        assert_eq!(exit(None), Exit::Unavailable);
        std::fs::write(dir.path().join("ready.json"), r#"{"app_url":"http://127.0.0.1:1"}"#).unwrap();
        assert_eq!(exit(None), Exit::SignIn, "no token yet");
        std::fs::write(dir.path().join("admin-token"), text(7)).unwrap();
        assert!(found(None) && found(Some("http://127.0.0.1:1")));
        for other in ["http://127.0.0.1:2", "https://127.0.0.1:1", "http://localhost:1"] {
            assert_eq!(exit(Some(other)), Exit::SignIn, "{other}");
        }
        std::fs::write(dir.path().join("admin-token"), "something else").unwrap();
        assert_eq!(exit(None), Exit::SignIn);
    }

    #[test]
    fn a_session_is_what_is_used_last_and_goes_to_its_own_server_only() {
        let (here, there, other) = ("http://127.0.0.1:1", "https://app.example.org", "https://app.example.com");
        let dir = tempfile::tempdir().unwrap();
        let both = Sessions::of(&[(here, &text(1)), (there, &text(2))]);
        let one = Sessions::of(&[(there, &text(2))]);
        let used = |server: Option<&str>, given: Option<String>, sessions: &Sessions| {
            let used = remote(dir.path(), server).server_and_token(given, sessions);
            used.map(|(server, token)| (server, token.reveal())).map_err(|why| why.exit)
        };
        let is = |server: &str, bits: u8| Ok((server.to_owned(), text(bits)));
        assert_eq!(used(Some(there), None, &both), is(there, 2));
        assert_eq!(used(Some(other), None, &both), Err(Exit::SignIn));
        // Without a name: the only one, and not with a token that was given for something else.
        assert_eq!(used(None, None, &one), is(there, 2));
        assert_eq!(used(None, None, &both), Err(Exit::Unavailable));
        assert_eq!(used(None, Some(text(9)), &one), Err(Exit::Unavailable));
        assert_eq!(used(Some(there), Some(text(9)), &one), is(there, 9));
        // A server that runs here: its own token first.
        std::fs::write(dir.path().join("ready.json"), r#"{"app_url":"http://127.0.0.1:1"}"#).unwrap();
        assert_eq!(used(None, None, &both), is(here, 1));
        std::fs::write(dir.path().join("admin-token"), text(7)).unwrap();
        assert_eq!(used(None, None, &both), is(here, 7));
        assert_eq!(used(Some(there), None, &both), is(there, 2));
    }

    #[test]
    fn a_profile_is_one_server_and_one_token_and_nothing_else_is_used() {
        let (here, there) = ("http://127.0.0.1:1", "https://app.example.org");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ready.json"), r#"{"app_url":"http://127.0.0.1:1"}"#).unwrap();
        std::fs::write(dir.path().join("admin-token"), text(7)).unwrap();
        let mut sessions = Sessions::of(&[(there, &text(2))]);
        sessions.name("lab", there, &text(3));
        sessions.name("here", here, &text(4));
        let used = |profile: &str, server: Option<&str>, given: Option<String>| {
            let remote = Remote { profile: Some(profile.to_owned()), ..remote(dir.path(), server) };
            let used = remote.server_and_token(given, &sessions);
            used.map(|(server, token)| (server, token.reveal())).map_err(|why| why.exit)
        };
        let is = |server: &str, bits: u8| Ok((server.to_owned(), text(bits)));
        assert_eq!(used("lab", None, None), is(there, 3));
        assert_eq!(used("here", None, None), is(here, 4), "not the state folder's");
        assert_eq!(used("lab", Some(there), Some(text(9))), is(there, 3), "not what was given for something else");
        assert_eq!(used("lab", Some(here), None), Err(Exit::Usage));
        assert_eq!(used("other", Some(there), None), Err(Exit::SignIn));
        // Without its name it is not meant.
        let unnamed = remote(dir.path(), Some(there)).server_and_token(None, &sessions);
        assert_eq!(unnamed.map(|(server, token)| (server, token.reveal())).map_err(|why| why.exit), is(there, 2));
        assert_eq!(sessions.only_server(), Some(there));
        let begins = |profile: &str, server: Option<&str>| {
            let remote = Remote { profile: Some(profile.to_owned()), ..remote(dir.path(), server) };
            remote.server_to_sign_in(&sessions).unwrap()
        };
        assert_eq!([begins("lab", None), begins("lab", Some(here)), begins("new", None)], [there, here, here]);
        for name in ["", "Lab", "a.b", "https://app.example.org", &"x".repeat(64)] {
            assert!(read_profile(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_servers_clock_is_read() {
        assert_eq!(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), "1994-11-06T08:49:37Z".parse().ok());
        assert_eq!(read_date("soon"), None);
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, want) in [
            ("http://127.0.0.1:7373", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://lab", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), want, "{url}");
        }
    }
}
