//! What a start shows: the first link, three lines to try it, and the same as JSON for scripts.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use domain::{path::encode_key, token::TokenSecret};
use edge::App;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Addresses, Up, people::Code};
use crate::{
    demo,
    state::{State, write_private},
};

/// What answers, and where.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    addresses: Addresses,
    token_file: String,
    /// Why the token opens nothing; `None`: it does.
    out_of_office: Option<String>,
    sources: Vec<String>,
    link: Option<FirstLink>,
}

#[derive(Debug, Clone)]
struct FirstLink {
    url: String,
    streamed_url: String,
}

/// The app of this start, asked with the administrator's token, as everybody else asks it.
#[derive(Debug)]
pub(super) struct OwnApp<'a> {
    app: &'a str,
    token: &'a TokenSecret,
    client: reqwest::Client,
}

impl<'a> OwnApp<'a> {
    /// The app at these addresses.
    pub(super) fn at(addresses: &'a Addresses, token: &'a TokenSecret) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build().context("no HTTP client")?;
        Ok(Self { app: &addresses.app_here, token, client })
    }

    /// Asks, and answers with the JSON.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, body) = self.ask(method, path, body).await?;
        anyhow::ensure!(status.is_success(), "the app refused: {}", body.get("detail").and_then(Value::as_str).unwrap_or("no reason"));
        Ok(body)
    }

    /// The same, where a refusal is an answer.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.app)).bearer_auth(self.token.reveal());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.context("the app does not answer")?;
        Ok((answer.status(), answer.json::<Value>().await.context("the app answers no JSON")?))
    }
}

/// The link to the demo dataset: made at the first start, the same at every later one.
pub(super) async fn first_link(up: &Up, state: &State, addresses: &Addresses, token: &TokenSecret) -> Result<Ready> {
    let app = OwnApp::at(addresses, token)?;
    let listed = app.call(Method::GET, "/api/v1/sources", None).await?;
    let sources: Vec<String> = listed
        .get("items")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |items| items.iter().filter_map(|item| item.get("name")?.as_str().map(str::to_owned)).collect());
    let mut link = None;
    if state.folders()?.get("demo") == Some(&state.demo()) && up.s3_bucket.is_none() {
        let dataset = app.call(Method::POST, "/api/v1/datasets", Some(json!({ "source": "demo", "path": demo::FIRST }))).await?;
        let ask = json!({ "dataset": dataset.get("id"), "until": "never", "label": "first link" });
        let made = app.call(Method::POST, "/api/v1/links", Some(ask)).await?;
        let text =
            |field: &str| made.get(field).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("the link has no {field}"));
        link = Some(FirstLink { url: text("url")?, streamed_url: text("streamed_url")? });
    }
    let token_file = state.token_file().display().to_string();
    Ok(Ready { addresses: addresses.clone(), token_file, out_of_office: None, sources, link })
}

/// What a start shows whose first user may not administer: nothing is asked of the app in that person's name.
pub(super) async fn without_office(app: &App, state: &State, addresses: &Addresses, why: &str) -> Result<Ready> {
    let sources = app.table.sources().await?.iter().map(|source| source.name.as_str().to_owned()).collect();
    let token_file = state.token_file().display().to_string();
    Ok(Ready { addresses: addresses.clone(), token_file, out_of_office: Some(why.to_owned()), sources, link: None })
}

/// Writes the ready files, whole or not at all.
pub(super) fn write_ready(up: &Up, state: &State, ready: &Ready) -> Result<()> {
    let body = json!({
        "app_url": ready.addresses.app,
        "data_url": ready.addresses.data,
        "s3_url": ready.addresses.objects_seen,
        "table_url": ready.addresses.table,
        "token_file": ready.token_file,
        "sources": ready.sources,
        "first_link": ready.link.as_ref().map(|link| json!({ "url": link.url, "streamed_url": link.streamed_url })),
        "pid": std::process::id(),
    });
    let text = serde_json::to_vec_pretty(&body)?;
    for path in [Some(state.ready_file().as_path()), up.ready_file.as_deref()].into_iter().flatten() {
        write_private(path, &text)?;
    }
    Ok(())
}

/// Shows it.
pub(super) fn print(up: &Up, ready: &Ready, codes: &[Code]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let bold = |text: &str| {
        if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    };
    writeln!(out, "{} is up\n", bold("Offprint"))?;
    writeln!(out, "  app    {}", ready.addresses.app)?;
    writeln!(out, "  data   {}", ready.addresses.data)?;
    let how = if up.writable.is_empty() {
        "in place and read-only".to_owned()
    } else {
        format!("in place; copies of datasets may be made into {}", up.writable.join(", "))
    };
    writeln!(out, "  serves {}, {how}", ready.sources.join(", "))?;
    match &ready.out_of_office {
        None => writeln!(out, "  token  {} (the administrator's; the command line finds it)\n", ready.token_file)?,
        Some(why) => writeln!(out, "  token  opens nothing: {why}. Stop, and start with --reinstate, to give that back\n")?,
    }
    if !codes.is_empty() {
        writeln!(out, "{} at {}/sign-in with a code, which works once and for a day:\n", bold("Sign in"), ready.addresses.app)?;
        for code in codes {
            writeln!(out, "  {}  {}", code.code, code.who)?;
        }
        writeln!(out)?;
    }
    if let Some(link) = &ready.link {
        writeln!(out, "{} to demo:{}\n\n  {}\n", bold("Your first link"), demo::FIRST, link.url)?;
        writeln!(out, "Try it:\n")?;
        writeln!(out, "  curl -fL '{}/zarr.json'", link.url)?;
        writeln!(
            out,
            "  python3 -c \"import zarr; print(zarr.open_group('{}', mode='r')['0'][...].mean())\"  # pip install zarr fsspec aiohttp",
            link.url
        )?;
        writeln!(out, "  {}\n", neuroglancer(&link.url))?;
    }
    writeln!(out, "Share more with `offprint link create NAME:PATH`; take it back with `offprint link revoke URL`. Ctrl-C stops.")?;
    if !up.bind.is_loopback() {
        writeln!(
            out,
            "\n{}: everybody who reaches {} can reach the app. Its API is guarded by sessions and tokens, and nothing here is encrypted: nobody signs in by code from there, unless by the https address that --app-url names.",
            bold("Warning"),
            up.bind
        )?;
    }
    if up.s3_bucket.is_some() && std::env::var_os("AWS_ACCESS_KEY_ID").is_none() {
        writeln!(
            out,
            "\n{}: the environment holds no AWS_ACCESS_KEY_ID, so nothing can be signed: every link answers 503.",
            bold("Warning")
        )?;
    }
    if up.bind.is_unspecified() {
        let (data, app) = (&ready.addresses.data, &ready.addresses.app);
        for (what, address, flag, said) in
            [("links begin with", data, "--data-url", &up.data_url), ("the app's own address is", app, "--app-url", &up.app_url)]
        {
            if said.is_none() {
                writeln!(
                    out,
                    "{}: {what} {address}, which is of use on this machine only. Say with {flag} what others reach it by.",
                    bold("Warning")
                )?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// A Neuroglancer address that shows the link: the format is named, so that the viewer asks 3 times instead of 11.
fn neuroglancer(url: &str) -> String {
    let state = json!({ "layers": [{ "name": "first link", "type": "image", "source": format!("{url}/|zarr3:") }] });
    let escaped = encode_key(&state.to_string()).to_string().replace('/', "%2F");
    format!("https://neuroglancer-demo.appspot.com/#!{escaped}")
}
