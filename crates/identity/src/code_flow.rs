//! Signing in through a browser: the authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 6749, section 4.1; RFC 7636).
//!
//! Two steps, one address and one request: where the browser is sent, and the code that it brings back changed for an ID token. Not here:
//! what that token must say (`Issuers::verify_id_token`), and who remembers the [`Attempt`] meanwhile.

use core::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    discovery::Discovered,
    outbound::{FetchError, Outbound},
};

/// What stands for itself in a form (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A deployment as its provider knows it. `Debug` prints the secret as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its secret; `None`: a public client, which PKCE alone protects.
    pub secret: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("secret", &self.secret.as_ref().map(|_secret| "***")).finish()
    }
}

/// One sign-in under way: three times 256 random bits. Whoever began it keeps it, and shows it again at the end. `Debug` prints
/// `Attempt(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    state: [u8; 32],
    nonce: [u8; 32],
    verifier: [u8; 32],
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(***)")
    }
}

impl Attempt {
    /// The attempt of these random bits.
    #[must_use]
    pub const fn new(state: [u8; 32], nonce: [u8; 32], verifier: [u8; 32]) -> Self {
        Self { state, nonce, verifier }
    }

    /// Reads what [`Attempt::reveal`] wrote; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).ok()?.try_into().ok());
        let attempt = Self { state: parts.next()??, nonce: parts.next()??, verifier: parts.next()?? };
        parts.next().is_none().then_some(attempt)
    }

    /// All of it as a text, to be kept by the browser that began it, and by nobody else.
    #[must_use]
    pub fn reveal(&self) -> String {
        [self.state, self.nonce, self.verifier].map(|part| BASE64URL_NOPAD.encode(&part)).join(".")
    }

    /// Whether a provider's answer is to this attempt.
    #[must_use]
    pub fn is_of(&self, state: &str) -> bool {
        // By a hash of both, so that the time of the comparison tells nothing of either.
        hash(state.as_bytes()) == hash(BASE64URL_NOPAD.encode(&self.state).as_bytes())
    }

    /// What the ID token must name.
    #[must_use]
    pub fn nonce(&self) -> String {
        BASE64URL_NOPAD.encode(&self.nonce)
    }

    /// Where the browser is sent. `redirect` is where it comes back to, to the byte as the provider has it.
    #[must_use]
    pub fn address(&self, authorization_url: &str, client: &Client, redirect: &str) -> String {
        let challenge = BASE64URL_NOPAD.encode(&hash(BASE64URL_NOPAD.encode(&self.verifier).as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", redirect),
            ("scope", "openid profile"),
            ("state", &BASE64URL_NOPAD.encode(&self.state)),
            ("nonce", &self.nonce()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        // A provider may have a query of its own (RFC 6749, section 3.1).
        let joint = if authorization_url.contains('?') { '&' } else { '?' };
        format!("{authorization_url}{joint}{query}")
    }

    /// Changes the code that the browser brought back for an ID token, of which nothing is proven yet.
    ///
    /// # Errors
    /// [`ExchangeError`]: refused, or not had.
    pub async fn exchange(
        &self,
        outbound: &Outbound,
        found: &Discovered,
        client: &Client,
        code: &str,
        redirect: &str,
    ) -> Result<String, ExchangeError> {
        let address = found.token_url.as_deref().and_then(|url| outbound.address(url)).ok_or(ExchangeError::NoAddress)?;
        let verifier = BASE64URL_NOPAD.encode(&self.verifier);
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("code_verifier", &verifier)];
        let mut authorization = None;
        match &client.secret {
            Some(secret) if !found.secret_in_form => authorization = Some(basic(&client.id, secret).ok_or(ExchangeError::NoAddress)?),
            Some(secret) => fields.extend([("client_id", client.id.as_str()), ("client_secret", secret)]),
            None => fields.push(("client_id", &client.id)),
        }
        let body = match outbound.post(&address, form(&fields), authorization).await {
            Ok(body) => body,
            // A code that was used, has ended, or is another's (RFC 6749, section 5.2).
            Err(FetchError::Status(400)) => return Err(ExchangeError::Refused),
            Err(why) => return Err(why.into()),
        };
        let reply: Reply = serde_json::from_slice(&body).map_err(|_not_one| ExchangeError::Unreadable)?;
        reply.id_token.ok_or(ExchangeError::Unreadable)
    }
}

/// A code was not changed for a token. It repeats neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The provider takes no codes anywhere, or the client cannot say who it is.
    #[error("the provider has no address at which this client can show a code")]
    NoAddress,
    /// The provider did not take the code.
    #[error("the provider refused the code")]
    Refused,
    /// The provider did not answer as it should.
    #[error("the provider's answer to the code was not had")]
    Fetch(#[from] FetchError),
    /// The answer has no ID token.
    #[error("the provider's answer to the code has no ID token")]
    Unreadable,
}

/// What of the provider's answer counts.
#[derive(Deserialize)]
struct Reply {
    id_token: Option<String>,
}

fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A client and its secret in a header, each in the form's encoding first (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    let pair = format!("{}:{}", escaped(id), escaped(secret));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(pair.as_bytes()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client { id: "off print".to_owned(), secret: Some("hush&x".to_owned()) }
    }

    #[test]
    fn an_attempt_reads_back_and_hides_itself() {
        let attempt = Attempt::new([1; 32], [2; 32], [3; 32]);
        assert_eq!(Attempt::parse(&attempt.reveal()), Some(attempt.clone()));
        assert_eq!(format!("{attempt:?} {:?}", client()), "Attempt(***) Client { id: \"off print\", secret: Some(\"***\") }");
        let text = attempt.reveal();
        let short: String = text.chars().skip(1).collect();
        for other in ["", "..", "AQ.AQ.AQ", &short, &format!("{text}."), &format!("{text}.{text}"), &text.replace('.', ",")] {
            assert_eq!(Attempt::parse(other), None, "{other}");
        }
        assert!(attempt.is_of(&BASE64URL_NOPAD.encode(&[1; 32])));
        for other in ["", "x", &attempt.nonce(), &BASE64URL_NOPAD.encode(&[1; 31])] {
            assert!(!attempt.is_of(other), "{other}");
        }
    }

    // RFC 7636, appendix B
    #[test]
    fn the_challenge_is_the_hash_of_the_verifier() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let bits = BASE64URL_NOPAD.decode(verifier.as_bytes()).expect("base64").try_into().expect("32 bytes");
        let address = Attempt::new([0; 32], [0; 32], bits).address("https://id.example.org/a?p=1", &client(), "https://app.example.org/x");
        assert!(
            address.starts_with("https://id.example.org/a?p=1&response_type=code&client_id=off%20print&redirect_uri=https%3A%2F%2Fapp")
        );
        assert!(address.contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"), "{address}");
        assert!(!address.contains(verifier) && !address.contains("hush"), "{address}");
    }

    #[test]
    fn a_client_says_who_it_is_in_the_forms_own_encoding() {
        let value = basic("off print", "hush&x").expect("a header");
        let pair = value.to_str().expect("text").strip_prefix("Basic ").expect("a scheme");
        assert_eq!(BASE64.decode(pair.as_bytes()), Ok(b"off%20print:hush%26x".to_vec()));
        assert!(value.is_sensitive());
    }
}
