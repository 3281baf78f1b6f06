//! Who can sign in to a local start: whoever started it, and three people for a demonstration. They are given codes, as everybody is.

use anyhow::{Context, Result};
use domain::token::TokenSecret;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Addresses, Up, welcome::OwnApp};
use crate::demo;

/// Somebody in a demonstration.
struct Demonstrated {
    name: &'static str,
    /// What the person is there to show.
    shows: &'static str,
    /// The role on the demo dataset; `None`: none.
    role: Option<&'static str>,
    may_share: bool,
}

const PEOPLE: [Demonstrated; 3] = [
    Demonstrated { name: "demo-maker", shows: "may share the demo dataset", role: Some("download"), may_share: true },
    Demonstrated { name: "demo-member", shows: "may read the demo dataset", role: Some("view"), may_share: false },
    Demonstrated { name: "demo-visitor", shows: "has nothing yet", role: None, may_share: false },
];

/// A code to sign in with. `Debug` prints it as `***`.
pub(super) struct Code {
    /// Whose, in words.
    pub(super) who: String,
    /// The code.
    pub(super) code: String,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code").field("who", &self.who).field("code", &"***").finish()
    }
}

/// The codes of this start: they are shown on the terminal, to whoever could read the administrator's token as well. Where others reach this
/// machine, or a provider says who people are, there are none.
pub(super) async fn codes(up: &Up, addresses: &Addresses, token: &TokenSecret) -> Result<Vec<Code>> {
    if !up.bind.is_loopback() || up.oidc_issuer.is_some() {
        anyhow::ensure!(!up.demo, "--demo is for this machine alone: leave out --bind and --oidc-issuer");
        return Ok(Vec::new());
    }
    let app = OwnApp::at(addresses, token)?;
    let me = app.call(Method::GET, "/api/v1/me", None).await?;
    let mut codes = vec![Code {
        who: format!("{}, who administers this Offprint", text(&me, "/name")?),
        code: further_code(&app, text(&me, "/id")?).await?,
    }];
    if up.demo {
        for one in &PEOPLE {
            codes.push(Code { who: format!("{}, who {}", one.name, one.shows), code: person(&app, one).await? });
        }
    }
    Ok(codes)
}

/// A person of the demonstration: made at the first start, given a further code at each later one.
async fn person(app: &OwnApp<'_>, one: &Demonstrated) -> Result<String> {
    let name = one.name;
    let (status, made) = app.ask(Method::POST, "/api/v1/users", Some(json!({ "name": name }))).await?;
    let secret = match status {
        StatusCode::CREATED => text(&made, "/code")?.to_owned(),
        StatusCode::CONFLICT => further_code(app, name).await?,
        _ => anyhow::bail!("{name} cannot be made: {}", made.get("detail").and_then(Value::as_str).unwrap_or("no reason")),
    };
    if let Some(role) = one.role {
        let (status, dataset) = app.ask(Method::POST, "/api/v1/datasets", Some(json!({ "source": "demo", "path": demo::FIRST }))).await?;
        // A folder of one's own may have its name.
        if status.is_success() {
            let grants = format!("/api/v1/datasets/{}/grants", text(&dataset, "/id")?);
            let ask = json!({ "to": format!("user:{name}"), "role": role, "may_share": one.may_share });
            let (status, refused) = app.ask(Method::POST, &grants, Some(ask)).await?;
            // Other terms that somebody gave since stay as they are.
            let is_given = status.is_success() || status == StatusCode::CONFLICT;
            anyhow::ensure!(is_given, "{name} gets nothing: {}", refused.get("detail").and_then(Value::as_str).unwrap_or("no reason"));
        }
    }
    Ok(secret)
}

async fn further_code(app: &OwnApp<'_>, person: &str) -> Result<String> {
    let made = app.call(Method::POST, &format!("/api/v1/users/{person}/code"), None).await?;
    Ok(text(&made, "/code")?.to_owned())
}

fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("the app's answer has no {pointer}"))
}
