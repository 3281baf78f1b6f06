//! What a request shows to say who asks: `Authorization`, as a token in `Bearer` (RFC 6750) or as the password of `Basic` (RFC 7617).

use data_encoding::BASE64;
use domain::token::TokenSecret;
use http::{HeaderMap, HeaderValue, header};

/// What a request shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// A token, in its form.
    Token(TokenSecret),
    /// Something that is no token: never the same as nothing.
    Bad,
}

impl Credential {
    /// Reads the one `Authorization` header of a request. With `Basic` any user name does, and the password is the token.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => token(value).map_or(Self::Bad, Self::Token),
            (Some(_), Some(_)) => Self::Bad,
        }
    }
}

fn token(value: &HeaderValue) -> Option<TokenSecret> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return TokenSecret::parse(rest).ok();
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(rest.as_bytes()).ok()?).ok()?;
    let (_any_name, password) = pair.split_once(':')?;
    TokenSecret::parse(password).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_both_schemes_and_nothing_else_passes_for_none() {
        let secret = TokenSecret::new([3; 20]);
        let text = secret.reveal();
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
            ("Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(), Credential::Bad),
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
