//! The two cookies of the app origin: the session, and a sign-in under way. The data origin sets and reads none (SECURITY T26).
//!
//! Over https both have the prefix `__Host-`, which browsers give to nobody but this very host. Over http, which is loopback's alone, there
//! is no such prefix and no `Secure`: not every browser keeps such a cookie there (docs/adr/0018).

use domain::token::TokenSecret;
use edge::sign_in::SignedIn;
use http::{HeaderMap, HeaderValue, header};
use identity::code_flow::Attempt;
use jiff::Timestamp;

use crate::{local_path::LocalPath, origin::Origin};

const SESSION: &str = "offprint-session";
const SIGN_IN: &str = "offprint-sign-in";
/// Between an attempt and the way back: no character of either.
const JOINT: char = ':';

fn name(origin: &Origin, name: &str) -> String {
    if origin.is_secure() { format!("__Host-{name}") } else { name.to_owned() }
}

/// The one cookie of this name; two of a name are none, for somebody else may have set one.
fn only<'h>(headers: &'h HeaderMap, origin: &Origin, plain: &str) -> Option<&'h str> {
    let wanted = name(origin, plain);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    });
    values.next().filter(|_first| values.next().is_none())
}

fn line(origin: &Origin, plain: &str, value: &str, secs: i64) -> Option<HeaderValue> {
    let secure = if origin.is_secure() { "; Secure" } else { "" };
    let text = format!("{}={value}; Max-Age={secs}; Path=/; HttpOnly; SameSite=Lax{secure}", name(origin, plain));
    let mut line = HeaderValue::try_from(text).ok()?;
    line.set_sensitive(true);
    Some(line)
}

/// The token of the session that a browser shows.
pub(crate) fn session(headers: &HeaderMap, origin: &Origin) -> Option<TokenSecret> {
    TokenSecret::parse(only(headers, origin, SESSION)?).ok()
}

/// Gives a browser the session that was made for it.
pub(crate) fn give_session(origin: &Origin, signed_in: &SignedIn, now: Timestamp) -> Option<HeaderValue> {
    let secs = signed_in.session.until.as_second().saturating_sub(now.as_second());
    line(origin, SESSION, &signed_in.secret.reveal(), secs)
}

/// Takes the session from a browser.
pub(crate) fn take_session(origin: &Origin) -> Option<HeaderValue> {
    line(origin, SESSION, "", 0)
}

/// The sign-in that this browser began, and where it wanted to go.
pub(crate) fn attempt(headers: &HeaderMap, origin: &Origin) -> Option<(Attempt, LocalPath)> {
    let (attempt, next) = only(headers, origin, SIGN_IN)?.split_once(JOINT)?;
    let next = percent_encoding::percent_decode_str(next).decode_utf8().ok()?;
    Some((Attempt::parse(attempt)?, LocalPath::or_home(Some(&next))))
}

/// Lets a browser keep the sign-in that it begins.
pub(crate) fn give_attempt(origin: &Origin, attempt: &Attempt, next: &LocalPath) -> Option<HeaderValue> {
    let value = format!("{}{JOINT}{}", attempt.reveal(), crate::local_path::escaped(next.as_str()));
    line(origin, SIGN_IN, &value, i64::from(domain::limits::SIGN_IN_SECS))
}

/// Takes the sign-in from a browser: an attempt is answered once.
pub(crate) fn take_attempt(origin: &Origin) -> Option<HeaderValue> {
    line(origin, SIGN_IN, "", 0)
}
