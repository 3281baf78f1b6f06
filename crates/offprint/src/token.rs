//! `offprint token` and `offprint whoami`.

use clap::{Args, Subcommand};
use wire::{
    page::Page,
    token::{Me, NewToken, NewTokenMade, Token, TokenEnded},
};

use crate::{
    api::{InForce, Remote, Reply, Stops},
    dataset::Named,
    exit::Failure,
    output::{Column, column, data},
};

/// What a token shows.
pub(crate) const TOKEN: [Column; 9] = [
    column("id", "/id"),
    column("kind", "/kind"),
    column("label", "/label"),
    column("scopes", "/scopes"),
    column("dataset", "/dataset"),
    column("until", "/until"),
    column("revoked", "/revoked"),
    column("used", "/used"),
    column("current", "/current"),
];
/// What a new token shows, beside its secret.
const MADE: [Column; 4] =
    [column("id", "/token/id"), column("scopes", "/token/scopes"), column("until", "/token/until"), column("secret", "/secret")];
/// Who the caller is.
pub(crate) const ME: [Column; 9] = [
    column("id", "/id"),
    column("name", "/name"),
    column("administrator", "/administrator"),
    column("auditor", "/auditor"),
    column("curator", "/curator"),
    column("token", "/token/id"),
    column("kind", "/token/kind"),
    column("scopes", "/token/scopes"),
    column("until", "/token/until"),
];

/// Make tokens, list them and revoke them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint token list")]
pub(crate) struct TokenCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List your tokens, without their secrets.
    #[command(after_help = "Example:\n  offprint token list --json")]
    List,
    /// Make a token for a program. Its secret is printed once.
    #[command(after_help = "\
Examples:
  offprint token create pipeline --scope links --days 90 > pipeline-token
  offprint token create reader --scope data --dataset lab:retina/exp-03.ome.zarr > reader-token

A session makes tokens, a token makes none: sign in first.")]
    Create {
        /// What to call it.
        #[arg(value_name = "LABEL")]
        label: String,
        /// What it may be used for: read, data, links, datasets, groups, admin or audit; may be given again.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// The only dataset that it is for; every one if left out.
        #[arg(long, value_name = "PLACE|ID")]
        dataset: Option<Named>,
        /// How long it lives.
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u16,
    },
    /// Make a token useless for good.
    #[command(after_help = "Example:\n  offprint token revoke TOKEN-ID")]
    Revoke {
        /// The token's id, never the token itself.
        #[arg(value_name = "TOKEN-ID")]
        token: String,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
    },
}

/// Show who you are here, and what your token may be used for.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint whoami --json")]
pub(crate) struct WhoAmI {
    #[command(flatten)]
    remote: Remote,
}

/// Runs a verb of `token`.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: TokenCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::List => out.list(&TOKEN, &api.get::<Page<Token>>(&["tokens"]).await?.body.items),
        Verb::Create { label, scopes, dataset, days } => {
            let dataset = match &dataset {
                Some(named) => Some(named.dataset(&api, out).await?.id),
                None => None,
            };
            let made: NewTokenMade = api.create(&["tokens"], &NewToken { label, scopes, dataset, days }).await?.body;
            out.note(&format!("Token {} works until {}. It is shown once: treat it like a password.", made.token.id, made.token.until));
            if out.is_for_reading() { data(&format!("{}\n", made.secret)) } else { out.one(&MADE, &made) }
        }
        Verb::Revoke { token, yes } => {
            out.confirm("Every program that uses this token is refused, for good. Links made with it stay.", "Revoke this token?", yes)
                .await?;
            let Reply { body: TokenEnded { token, enforced_by }, date, .. } =
                api.act::<TokenEnded>(&["tokens", &token, "revoke"], &serde_json::json!({})).await?;
            out.one(&TOKEN, &token)?;
            InForce { stops: Stops::Beyond, by: Some(&enforced_by), date, wait: false }.tell(out).await;
            Ok(())
        }
    }
}

/// Runs `whoami`.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn who_am_i(command: WhoAmI) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    out.one(&ME, &api.get::<Me>(&["me"]).await?.body)
}
