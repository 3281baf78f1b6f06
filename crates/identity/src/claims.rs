//! What a token claims, judged against its issuer and the time (RFC 7519, section 4.1; OpenID Connect Core 1.0, sections 2 and 5.1).
//!
//! What must be right is refused when it is not; what only helps (name, address, groups) counts as absent when it is odd.

use std::collections::BTreeSet;

use domain::limits::LABEL_CHARS_MAX;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    BearerError, Verified,
    issuer::Issuer,
    limits::{EMAIL_BYTES_MAX, GROUP_BYTES_MAX, GROUPS_MAX, LEEWAY_SECS, SUBJECT_BYTES_MAX},
    token::Members,
};

const LEEWAY: SignedDuration = SignedDuration::from_secs(LEEWAY_SECS);

/// Reads the claims as those of `issuer`, whose `iss` has been compared already.
///
/// # Errors
/// [`BearerError`] that names the first claim that is missing, of the wrong kind, or says no.
pub(crate) fn judge(claims: &Members, issuer: &Issuer, now: Timestamp) -> Result<Verified, BearerError> {
    if !is_for(claims.get("aud").ok_or(BearerError::Claim("aud"))?, &issuer.audience)? {
        return Err(BearerError::Audience);
    }
    let subject = claims.text("sub").filter(|subject| is_name(subject, SUBJECT_BYTES_MAX)).ok_or(BearerError::Claim("sub"))?;
    let until = instant(claims, "exp")?.ok_or(BearerError::Claim("exp"))?;
    // Half-open, as everywhere: at its very end a token is over.
    if now >= later(until).ok_or(BearerError::Claim("exp"))? {
        return Err(BearerError::Expired);
    }
    if let Some(start) = instant(claims, "nbf")?
        && later(now).ok_or(BearerError::Claim("nbf"))? < start
    {
        return Err(BearerError::NotYet);
    }
    Ok(Verified {
        issuer: issuer.issuer.clone(),
        subject: subject.to_owned(),
        name: claims.text("name").filter(|name| is_name(name, usize::MAX) && name.chars().count() <= LABEL_CHARS_MAX).map(str::to_owned),
        email: email(claims, issuer),
        groups: groups(claims, issuer)?,
        issued_at: instant(claims, "iat")?,
        until,
    })
}

/// What an ID token must say besides: that it answers this sign-in, and that nobody else is the one who asked for it.
///
/// # Errors
/// [`BearerError::Nonce`], [`BearerError::Party`].
pub(crate) fn judge_id_token(claims: &Members, issuer: &Issuer, nonce: &str) -> Result<(), BearerError> {
    if claims.text("nonce") != Some(nonce) {
        return Err(BearerError::Nonce);
    }
    let is_for_several = claims.get("aud").and_then(Value::as_array).is_some_and(|several| several.len() > 1);
    match claims.get("azp") {
        Some(party) if party.as_str() == Some(issuer.audience.as_str()) => Ok(()),
        None if !is_for_several => Ok(()),
        _ => Err(BearerError::Party),
    }
}

/// Whether a token is meant for us: `aud` is our name, or a list of names with ours in it.
fn is_for(audience: &Value, ours: &str) -> Result<bool, BearerError> {
    match audience {
        Value::String(one) => Ok(one == ours),
        Value::Array(several) if several.iter().all(Value::is_string) => Ok(several.iter().any(|one| one == ours)),
        _ => Err(BearerError::Claim("aud")),
    }
}

/// A time in whole seconds: a text or a fraction is refused, for two readers might round it differently.
fn instant(claims: &Members, name: &'static str) -> Result<Option<Timestamp>, BearerError> {
    let read = |value: &Value| value.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(BearerError::Claim(name));
    claims.get(name).map(read).transpose()
}

fn later(instant: Timestamp) -> Option<Timestamp> {
    instant.checked_add(LEEWAY).ok()
}

/// Whether a text may stand in a row or on a page.
fn is_name(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The address, if its owner was made sure of: by an issuer that does so, and says it did so here (SECURITY T25).
fn email(claims: &Members, issuer: &Issuer) -> Option<String> {
    let is_verified = issuer.verifies_email && claims.get("email_verified") == Some(&Value::Bool(true));
    let is_address = |text: &&str| text.contains('@') && !text.contains(char::is_whitespace) && is_name(text, EMAIL_BYTES_MAX);
    claims.text("email").filter(|_| is_verified).filter(is_address).map(str::to_owned)
}

/// The groups, sorted, each once. More than fit are refused rather than cut: which ones would be lost is chance.
fn groups(claims: &Members, issuer: &Issuer) -> Result<Vec<String>, BearerError> {
    let listed = issuer.groups_claim.as_deref().and_then(|claim| claims.get(claim)).and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str).filter(|name| is_name(name, GROUP_BYTES_MAX));
    let groups: BTreeSet<_> = names.map(str::to_owned).collect();
    if groups.len() > GROUPS_MAX { Err(BearerError::TooManyGroups) } else { Ok(groups.into_iter().collect()) }
}
