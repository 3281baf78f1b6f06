//! Identity providers as a deployment knows them: what their tokens must look like, and where their keys are.

/// One identity provider. All of it is configuration; none of it comes from a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The exact value of `iss`.
    pub issuer: String,
    /// What `aud` must be, or contain (RFC 7519, section 4.1.3).
    pub audience: String,
    /// The one address of its key set, `https://`; `discovery` finds it.
    pub keys_url: String,
    /// How its tokens may be signed: all of one [`Family`].
    pub algorithms: Vec<Algorithm>,
    /// What kinds of token count.
    pub types: Vec<TokenType>,
    /// Whether this provider makes sure that an address is its owner's: without it no e-mail address is taken from its tokens.
    pub verifies_email: bool,
    /// The claim that lists groups, `groups`; `None`: its tokens name none.
    pub groups_claim: Option<String>,
}

/// A signature (RFC 7518, section 3.1; RFC 8037). There is no `none` here and no HMAC, so neither can be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA over P-256.
    Es256,
    /// ECDSA over P-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The kind of key behind a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// RSA, 2,048 to 8,192 bits.
    Rsa,
    /// Elliptic curves, P-256 and P-384.
    Ec,
    /// Ed25519.
    Ed,
}

/// What a header's `typ` may say (RFC 7519, section 5.1; RFC 9068, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `JWT`: ID tokens, and the access tokens of many providers.
    Jwt,
    /// `at+jwt`: access tokens by RFC 9068.
    AtJwt,
    /// No `typ`: some providers leave it out.
    Absent,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Es256, Self::Es384, Self::EdDsa];

    /// The word in `alg`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the word, whose case counts; `None` for any other, `none` and `HS256` included.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.word() == word)
    }

    /// The kind of key that it needs.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 | Self::Es384 => Family::Ec,
            Self::EdDsa => Family::Ed,
        }
    }

    /// The same for the library that verifies.
    pub(crate) const fn verified(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Rs384 => jsonwebtoken::Algorithm::RS384,
            Self::Rs512 => jsonwebtoken::Algorithm::RS512,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Ps384 => jsonwebtoken::Algorithm::PS384,
            Self::Ps512 => jsonwebtoken::Algorithm::PS512,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl TokenType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Jwt, Self::AtJwt, Self::Absent];

    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AtJwt => "at+jwt",
            Self::Absent => "absent",
        }
    }

    /// Reads the word of the configuration; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What a header says: a media type, whose case does not count and whose `application/` may be left out (RFC 7515, section 4.1.9).
    pub(crate) fn said(typ: Option<&str>) -> Option<Self> {
        let Some(typ) = typ else { return Some(Self::Absent) };
        let short = match typ.split_once('/') {
            Some((tree, short)) if tree.eq_ignore_ascii_case("application") => short,
            Some(_) => return None,
            None => typ,
        };
        [Self::Jwt, Self::AtJwt].into_iter().find(|kind| kind.word().eq_ignore_ascii_case(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_algorithm_and_symmetric_ones_are_none() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of(algorithm.word()), Some(algorithm));
        }
        for word in ["none", "None", "HS256", "HS384", "HS512", "rs256", "RS256 ", "ES512", ""] {
            assert_eq!(Algorithm::of(word), None, "{word}");
        }
    }

    #[test]
    fn a_type_is_a_media_type() {
        for (typ, want) in [
            (Some("JWT"), Some(TokenType::Jwt)),
            (Some("jwt"), Some(TokenType::Jwt)),
            (Some("application/jwt"), Some(TokenType::Jwt)),
            (Some("at+jwt"), Some(TokenType::AtJwt)),
            (Some("Application/AT+JWT"), Some(TokenType::AtJwt)),
            (Some("absent"), None),
            (Some(""), None),
            (Some("text/jwt"), None),
            (Some("application/application/jwt"), None),
            (Some("logout+jwt"), None),
            (Some("dpop+jwt"), None),
            (None, Some(TokenType::Absent)),
        ] {
            assert_eq!(TokenType::said(typ), want, "{typ:?}");
        }
        for kind in TokenType::ALL {
            assert_eq!(TokenType::of(kind.word()), Some(kind));
        }
    }
}
