//! What a request shows to say who asks: `Authorization`, as a token in `Bearer` (RFC 6750) or as the password of `Basic` (RFC 7617).

use core::fmt;

use data_encoding::BASE64;
use domain::{key::KeyHash, limits::PROVIDER_TOKEN_BYTES_MAX, token::TokenSecret};
use http::{HeaderMap, HeaderValue, header};

/// What a request shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// A token, in its form.
    Token(TokenSecret),
    /// What has the form of an identity provider's token.
    Provider(ProviderToken),
    /// Something that is no token: never the same as nothing.
    Bad,
}

/// A text of the form of a signed JSON web token (RFC 7515, section 7.1), of at most [`PROVIDER_TOKEN_BYTES_MAX`]: nothing in it is believed
/// yet. `Debug` prints `ProviderToken(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderToken(String);

impl ProviderToken {
    /// Reads what a client sends; `None` for what cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits =
            text.len() <= PROVIDER_TOKEN_BYTES_MAX && text.bytes().all(legal) && text.bytes().filter(|byte| *byte == b'.').count() == 2;
        fits.then(|| Self(text.to_owned()))
    }

    /// The text. Whoever writes it writes a secret.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What stands for it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl fmt::Debug for ProviderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderToken(***)")
    }
}

impl Credential {
    /// Reads the one `Authorization` header of a request. With `Basic` any user name does, and the password is the token: one of ours.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => read(value).unwrap_or(Self::Bad),
            (Some(_), Some(_)) => Self::Bad,
        }
    }
}

fn read(value: &HeaderValue) -> Option<Credential> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let ours = TokenSecret::parse(rest).ok().map(Credential::Token);
        return ours.or_else(|| ProviderToken::parse(rest).map(Credential::Provider));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(rest.as_bytes()).ok()?).ok()?;
    let (_any_name, password) = pair.split_once(':')?;
    TokenSecret::parse(password).ok().map(Credential::Token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_both_schemes_and_nothing_else_passes_for_none() {
        let secret = TokenSecret::new([3; 20]);
        let text = secret.reveal();
        let longest = ProviderToken(format!("a.b.{}", "c".repeat(PROVIDER_TOKEN_BYTES_MAX - 4)));
        assert_eq!(format!("{longest:?}"), "ProviderToken(***)");
        let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair.as_bytes()));
        for (value, want) in [
            (format!("Bearer {text}"), Credential::Token(secret.clone())),
            (format!("bearer  {text} "), Credential::Token(secret.clone())),
            (basic(&format!("ada:{text}")), Credential::Token(secret.clone())),
            (basic(&format!(":{text}")), Credential::Token(secret.clone())),
            (basic(&text), Credential::Bad),
            (basic(&format!("{text}:")), Credential::Bad),
            ("Basic ###".to_owned(), Credential::Bad),
            (text.clone(), Credential::Bad),
            (format!("Digest {text}"), Credential::Bad),
            ("Bearer ".to_owned(), Credential::Bad),
            ("Bearer a.b-_.c".to_owned(), Credential::Provider(ProviderToken("a.b-_.c".to_owned()))),
            ("Bearer a.b".to_owned(), Credential::Bad),
            ("Bearer a.b.c.d".to_owned(), Credential::Bad),
            ("Bearer a.b.c=".to_owned(), Credential::Bad),
            (format!("Bearer a.b.{}", "c".repeat(PROVIDER_TOKEN_BYTES_MAX - 4)), Credential::Provider(longest.clone())),
            (format!("Bearer a.b.{}", "c".repeat(PROVIDER_TOKEN_BYTES_MAX - 3)), Credential::Bad),
            (basic("ada:a.b.c"), Credential::Bad),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(&value).unwrap())]);
            assert_eq!(Credential::of(&headers), want, "{value}");
        }
        assert_eq!(Credential::of(&HeaderMap::new()), Credential::None);
        let mut twice = HeaderMap::new();
        twice.append(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {text}")).unwrap());
        twice.append(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {text}")).unwrap());
        assert_eq!(Credential::of(&twice), Credential::Bad);
    }
}
