//! Tokens, and who the caller is.

use serde::{Deserialize, Serialize};

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// What it is: a session begins with signing in and may make tokens, an API token is for programs, a ticket for one dataset, a viewer's token for reading data in a viewer; `provider`: the identity provider's own, of which nothing is kept.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(session|api|ticket|viewer|provider)$"))]
    pub kind: String,
    /// What it may be used for: `read`, `data`, `links`, `datasets`, `groups`, `admin`, `audit`.
    pub scopes: Vec<String>,
    /// The id of the only dataset that it is for; missing: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub until: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub made: String,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub revoked: Option<String>,
    /// In a list: when it was last used in the API, rounded down to the hour; missing: never. Reading data is not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub used: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A token that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenEnded {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// When that is in force everywhere: in the API it is at once.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub enforced_by: String,
}

/// Who the caller is, and through which token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The id of the person.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// Registers sources and sets ceilings. Gives no right to read.
    pub administrator: bool,
    /// Sees the audit, and who gets what on every dataset. Gives no right to read.
    #[serde(default)]
    pub auditor: bool,
    /// Marks datasets as curated. Gives no right to read.
    #[serde(default)]
    pub curator: bool,
    /// How the person is told what others do: `each` in a mail of its own, `daily`, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<String>,
    /// Whether an address is known that mails go to: the one that the identity provider vouched for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_known: Option<bool>,
    /// The ids of the data-use terms that the person accepted, those accepted last at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
    /// The token.
    pub token: Token,
}

/// A change of the caller's own settings; what is missing stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeEdit {
    /// How to be told what others do: `each`, `daily` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<String>,
}

/// A further token of the caller's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// What to call it.
    pub label: String,
    /// What it may be used for: `admin` for administrators only, `audit` for auditors.
    pub scopes: Vec<String>,
    /// The id of the only dataset that it is for; missing: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// How long it lives: 1 to 365 days.
    pub days: u16,
}

/// A token that was made, with its secret: shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTokenMade {
    /// The token.
    pub token: Token,
    /// What to send as `Authorization: Bearer`. It is shown again to the same request of the same session, and to nobody else.
    pub secret: String,
}
