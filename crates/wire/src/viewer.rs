//! Viewers that ask a person for a token, by Neuroglancer's `middleauth`.

use serde::{Deserialize, Serialize};

/// What the data origin says of itself at `/auth_info`. Viewers that ask for it send people to `{login_url}/api/v1/authorize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthInfo {
    /// The app origin.
    pub login_url: String,
}
