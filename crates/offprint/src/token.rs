//! `offprint token` and `offprint whoami`.

use clap::{Args, Subcommand};
use wire::{
    page::Page,
    token::{Me, Token},
};

use crate::{
    api::Remote,
    exit::Failure,
    output::{Column, column},
};

/// What a token shows.
const TOKEN: [Column; 6] = [
    column("id", "/id"),
    column("label", "/label"),
    column("scopes", "/scopes"),
    column("until", "/until"),
    column("revoked", "/revoked"),
    column("current", "/current"),
];
/// Who the caller is.
const ME: [Column; 6] = [
    column("id", "/id"),
    column("name", "/name"),
    column("administrator", "/administrator"),
    column("token", "/token/id"),
    column("scopes", "/token/scopes"),
    column("until", "/token/until"),
];

/// List your tokens and revoke them.
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
        Verb::Revoke { token, yes } => {
            out.confirm("Every program that uses this token is refused, for good. Links made with it stay.", "Revoke this token?", yes)
                .await?;
            let revoked: Token = api.act(&["tokens", &token, "revoke"], &serde_json::json!({})).await?.body;
            out.one(&TOKEN, &revoked)
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
