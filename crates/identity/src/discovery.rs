//! Where an issuer's addresses are (OpenID Connect Discovery 1.0, sections 4.1 to 4.3), asked once, when a process starts.

use serde::Deserialize;
use thiserror::Error;

use crate::outbound::{FetchError, Outbound};

/// The addresses of an issuer. Each may be fetched from, by the rules of [`Outbound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Its key set, `jwks_uri`.
    pub keys_url: String,
    /// Where browsers are sent to sign in, `authorization_endpoint`.
    pub authorization_url: Option<String>,
    /// Where a code is changed for tokens, `token_endpoint`.
    pub token_url: Option<String>,
    /// Whether a client with a secret shows it in the form, because the provider does not take it in a header (`client_secret_basic`,
    /// which is what a document that says nothing means).
    pub secret_in_form: bool,
    /// Whether its answers through browsers always say whose they are, in `iss` (RFC 9207).
    pub names_itself: bool,
}

/// The addresses of an issuer were not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DiscoverError {
    /// The issuer is no address that may be fetched from, or has a query.
    #[error("the issuer is not an `https` address of the public internet without query and fragment")]
    Address,
    /// Its document was not had.
    #[error("the issuer's discovery document was not had")]
    Fetch(#[from] FetchError),
    /// Its document is not what Discovery 1.0 describes.
    #[error("the issuer's discovery document cannot be read")]
    Unreadable,
    /// The document is that of another issuer (section 4.3).
    #[error("the discovery document is another issuer's")]
    OtherIssuer,
    /// An address in the document may not be fetched from.
    #[error("`{0}` is not an address that may be used")]
    Endpoint(&'static str),
}

/// What of a document counts. serde refuses one that names a member twice.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Asks an issuer for its addresses.
///
/// # Errors
/// [`DiscoverError`] when its document is not had, is not its own to the byte, or leads where no request may go.
pub async fn discover(outbound: &Outbound, issuer: &str) -> Result<Discovered, DiscoverError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    let address = outbound.address(&url).filter(|_| !issuer.contains('?')).ok_or(DiscoverError::Address)?;
    let body = outbound.get(&address).await?;
    let document: Document = serde_json::from_slice(&body).map_err(|_not_one| DiscoverError::Unreadable)?;
    if document.issuer != issuer {
        return Err(DiscoverError::OtherIssuer);
    }
    let usable = |name, url: String| if outbound.address(&url).is_some() { Ok(url) } else { Err(DiscoverError::Endpoint(name)) };
    Ok(Discovered {
        keys_url: usable("jwks_uri", document.jwks_uri)?,
        authorization_url: document.authorization_endpoint.map(|url| usable("authorization_endpoint", url)).transpose()?,
        token_url: document.token_endpoint.map(|url| usable("token_endpoint", url)).transpose()?,
        secret_in_form: document
            .token_endpoint_auth_methods_supported
            .is_some_and(|methods| !methods.iter().any(|method| method == "client_secret_basic")),
        names_itself: document.authorization_response_iss_parameter_supported,
    })
}
